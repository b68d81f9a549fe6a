/** What the parts of `ip` share: options, words, output, iproute2's complaints and its JSON writer. */
import { parseIpv4, maskOf } from '#base/ip.ts'
import { NetError } from '#engine/net/error.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Process } from '#engine/machine/process.ts'

/** Ends the command with this text on stderr and this code. */
export class IpFailure extends Error {
  readonly text: string
  readonly code: number
  constructor(text: string, code: number) {
    super(text)
    this.text = text
    this.code = code
  }
}

export interface IpOptions {
  family: 'any' | 'inet' | 'inet6' | 'link' | 'bridge'
  json: boolean
  pretty: boolean
  oneline: boolean
  details: boolean
  statistics: number
  brief: boolean
  numeric: boolean
  all: boolean
  netns: string | undefined
  batch: string | undefined
  color: false | 'always' | 'auto'
}

const colors = { device: 36, mac: 33, inet: 35, up: 32, down: 31 } as const

export class IpContext {
  readonly process: Process
  readonly net: NetNamespace
  readonly options: IpOptions
  readonly args: readonly string[]
  out = ''
  err = ''
  at = 0

  constructor(process: Process, net: NetNamespace, options: IpOptions, args: readonly string[]) {
    this.process = process
    this.net = net
    this.options = options
    this.args = args
  }

  get more(): boolean {
    return this.at < this.args.length
  }
  get word(): string {
    return this.args[this.at] ?? ''
  }
  take(): string {
    return this.args[this.at++] ?? ''
  }
  /** The value after a keyword (NEXT_ARG). */
  value(): string {
    if (!this.more) throw new IpFailure('Command line is not complete. Try option "help"\n', 255)
    return this.take()
  }
  print(text: string): void {
    this.out += text
  }

  /** Runs a configuration verb of the network; refusals become netlink's answer. */
  netlink(act: () => void): void {
    if (!this.process.can('NET_ADMIN')) throw new IpFailure('RTNETLINK answers: Operation not permitted\n', 2)
    try {
      act()
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      throw new IpFailure(error.extended ? `Error: ${error.message}\n` : `RTNETLINK answers: ${error.message}\n`, 2)
    }
  }

  /** A part in the colour that `-c` gives it, with what follows it inside (iproute2's print_color_string). */
  paint(color: keyof typeof colors, text: string): string {
    return this.options.color && !this.options.json ? `\x1b[${colors[color]}m${text}\x1b[0m` : text
  }

  /** What `-s` tells of a flush; `lines` with `-s -s` what went. */
  flushed(count: number, lines: readonly string[] = []): void {
    if (this.options.statistics === 0) return
    if (count === 0) return this.print('Nothing to flush.\n')
    if (this.options.statistics > 1) this.print(lines.join(''))
    this.print(`\n*** Round 1, deleting ${count} entries ***\n*** Flush is complete after 1 round ***\n`)
  }

  device(name: string): string {
    if (!this.net.links.has(name)) throw new IpFailure(`Cannot find device "${name}"\n`, 1)
    return name
  }

  /** Prints rows as -j does, or nothing when there are none in text mode. */
  json(rows: readonly unknown[]): void {
    this.print(this.options.pretty ? prettyJson(rows) : JSON.stringify(rows) + '\n')
  }
}

export function invalid(message: string, argument: string): IpFailure {
  return new IpFailure(`Error: argument "${argument}" is wrong: ${message}\n\n`, 255)
}

export function duplicate(key: string, argument: string): IpFailure {
  return new IpFailure(`Error: either "${key}" is duplicate, or "${argument}" is a garbage.\n`, 255)
}

/** iproute2's matches(): an abbreviation of the word. */
export function matches(abbreviation: string, word: string): boolean {
  return abbreviation !== '' && word.startsWith(abbreviation)
}

/** A prefix or address; `default`, `any` and `all` are 0/0. `family`: what the complaint calls it where only one family is asked for. */
export function prefixOf(text: string, family = 'any valid'): { readonly address: number; readonly length: number; readonly text: string; readonly bare: boolean } {
  if (text === 'default' || text === 'any' || text === 'all') return { address: 0, length: 0, text: 'default', bare: false }
  const slash = text.indexOf('/')
  const address = shortIpv4(slash < 0 ? text : text.slice(0, slash))
  const tail = slash < 0 ? '32' : text.slice(slash + 1)
  let length = /^\d+$/.test(tail) ? Number(tail) : NaN
  const mask = parseIpv4(tail)
  if (mask !== undefined && tail.includes('.')) length = [...Array(33).keys()].find((n) => maskOf(n) === mask) ?? NaN
  if (address === undefined || !(length <= 32)) throw new IpFailure(`Error: ${family} prefix is expected rather than "${text}".\n`, 1)
  return { address, length, text: slash < 0 ? ip(address) : `${ip(address)}/${length}`, bare: slash < 0 }
}

function ip(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}

/** `10` is 10.0.0.0 and `10.1` 10.1.0.0 for ip. */
function shortIpv4(text: string): number | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){0,3}$/.test(text)) return undefined
  const parts = text.split('.')
  while (parts.length < 4) parts.push('0')
  return parseIpv4(parts.join('.'))
}

export function addressOf(text: string, family = 'inet'): string {
  if (parseIpv4(text) === undefined) throw new IpFailure(`Error: ${family} address is expected rather than "${text}".\n`, 1)
  return text
}

const tableNames: ReadonlyMap<number, string> = new Map([[255, 'local'], [254, 'main'], [253, 'default']])

export function tableNumber(text: string): number | undefined {
  for (const [n, name] of tableNames) if (name === text) return n
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined
}

export function tableText(table: number): string {
  return tableNames.get(table) ?? String(table)
}

/** jsonw_pretty: members on lines of their own, indented by 4 for each level; scalars of arrays on one line. */
export function prettyJson(rows: readonly unknown[]): string {
  const put = (value: unknown, depth: number): string => {
    if (Array.isArray(value)) {
      if (value.length === 0) return '[ ]'
      return `[ ${value.map((v) => put(v, depth + 1)).join(',')} ]`
    }
    if (value !== null && typeof value === 'object') {
      const inner = '    '.repeat(depth + 1)
      return `{\n${Object.entries(value).map(([k, v]) => `${inner}${JSON.stringify(k)}: ${put(v, depth + 1)}`).join(',\n')}\n${'    '.repeat(depth)}}`
    }
    return JSON.stringify(value)
  }
  return put(rows, 0) + '\n'
}
