/**
 * iptables' arguments: `parseCommand` takes what stands after the program's name and gives commands for `Netfilter.apply`, `parseRule` only the
 * rule. Order of options, abbreviations, implicit `-m tcp` and the texts of refusals follow iptables 1.8.9 (nf_tables).
 */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { IptablesError } from '../error.ts'
import type { Namespace } from '../namespace.ts'
import type { IptablesCommand } from '../types.ts'
import { UsageError, usage, usageText, type ExtensionType, type MatchType, type OptionSpec, type ParseContext, type TargetType } from './extension.ts'
import { packetMatches } from './matches-packet.ts'
import { stateMatches } from './matches-state.ts'
import { parseAddressMask, parseNumber, parseProtocol, type AddressMask } from './numbers.ts'
import type { RuleSpecification } from './rule.ts'
import { targets } from './targets.ts'

const matchTypes: ReadonlyMap<string, MatchType<unknown>> = new Map([...packetMatches, ...stateMatches].map((m) => [m.name, m]))
const targetTypes: ReadonlyMap<string, TargetType<unknown>> = new Map(targets.map((t) => [t.name, t]))
/** Matches that `-p` brings along when one of their options is used. */
const implicit: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 132: 'sctp' }

type Verb = IptablesCommand['verb']

/** Long name → short letter. `::` in `args`: optional. */
const globals: readonly { readonly long: readonly string[]; readonly short: string; readonly args: 0 | 1 | 'optional' }[] = [
  { long: ['append'], short: 'A', args: 1 },
  { long: ['check'], short: 'C', args: 1 },
  { long: ['delete'], short: 'D', args: 1 },
  { long: ['insert'], short: 'I', args: 1 },
  { long: ['replace'], short: 'R', args: 1 },
  { long: ['list'], short: 'L', args: 'optional' },
  { long: ['list-rules'], short: 'S', args: 'optional' },
  { long: ['flush'], short: 'F', args: 'optional' },
  { long: ['zero'], short: 'Z', args: 'optional' },
  { long: ['new-chain'], short: 'N', args: 1 },
  { long: ['delete-chain'], short: 'X', args: 'optional' },
  { long: ['rename-chain'], short: 'E', args: 1 },
  { long: ['policy'], short: 'P', args: 1 },
  { long: ['source', 'src'], short: 's', args: 1 },
  { long: ['destination', 'dst'], short: 'd', args: 1 },
  { long: ['protocol', 'proto'], short: 'p', args: 1 },
  { long: ['in-interface'], short: 'i', args: 1 },
  { long: ['out-interface'], short: 'o', args: 1 },
  { long: ['jump'], short: 'j', args: 1 },
  { long: ['goto'], short: 'g', args: 1 },
  { long: ['match'], short: 'm', args: 1 },
  { long: ['table'], short: 't', args: 1 },
  { long: ['set-counters'], short: 'c', args: 1 },
  { long: ['fragments'], short: 'f', args: 0 },
  { long: ['numeric'], short: 'n', args: 0 },
  { long: ['verbose'], short: 'v', args: 0 },
  { long: ['exact'], short: 'x', args: 0 },
  { long: ['line-numbers'], short: '0', args: 0 },
  { long: ['wait'], short: 'w', args: 'optional' },
  { long: ['wait-interval'], short: 'W', args: 1 },
  { long: ['ipv4'], short: '4', args: 0 },
  { long: ['ipv6'], short: '6', args: 0 },
  { long: ['modprobe'], short: 'M', args: 1 },
  { long: ['version'], short: 'V', args: 0 },
  { long: ['help'], short: 'h', args: 0 },
]
const byShort = new Map(globals.map((g) => [g.short, g]))
const byLong = new Map(globals.flatMap((g) => g.long.map((l) => [l, g] as const)))
const verbs: Readonly<Record<string, Verb>> = {
  A: 'append', C: 'check', D: 'delete', I: 'insert', R: 'replace', L: 'list', S: 'list-rules', F: 'flush', Z: 'zero', N: 'new-chain', X: 'delete-chain', E: 'rename-chain', P: 'policy',
}
const ruleVerbs = new Set<Verb>(['append', 'check', 'delete', 'insert', 'replace'])

interface Loaded {
  readonly kind: 'match' | 'target'
  readonly type: ExtensionType<unknown>
  readonly data: unknown
  readonly seen: Set<string>
}

class Parser {
  readonly ns: Namespace
  readonly args: readonly string[]
  at = 0
  table: string
  readonly restoring: boolean
  verb: Verb | undefined
  verbLetter = ''
  chain: string | undefined
  position: number | undefined
  argument: string | undefined
  sources: AddressMask[] = []
  sourceNot = false
  destinations: AddressMask[] = []
  destinationNot = false
  input: string | undefined
  inputNot = false
  output: string | undefined
  outputNot = false
  protocol = 0
  protocolNot = false
  fragment: 0 | 1 | -1 = 0
  jump: string | undefined
  goto = false
  target: Loaded | undefined
  readonly matches: Loaded[] = []
  packets = 0
  bytes = 0
  numeric = false
  verbose = 0
  exact = false
  lineNumbers = false
  wait = false
  readonly #seen = new Set<string>()
  readonly #options = new Set<string>()
  readonly #warnings: string[] = []
  #not = false

  constructor(ns: Namespace, table: string, args: readonly string[], restoring: boolean) {
    this.ns = ns
    this.table = table
    this.args = args
    this.restoring = restoring
  }

  run(): void {
    while (this.at < this.args.length) {
      const word = this.args[this.at++]!
      if (word === '!') {
        if (this.#not) usage('multiple consecutive ! not allowed')
        this.#not = true
        continue
      }
      if (word === '--') continue
      if (word.startsWith('--')) this.#long(word.slice(2))
      else if (word.startsWith('-') && word.length > 1) this.#short(word.slice(1))
      else throw new UsageErrorPlain(`Bad argument \`${word}'`)
      this.#not = false
    }
    for (const m of this.matches) m.type.finish?.(m.data, this.#context())
    if (this.#not) usage('nothing appropriate following !')
    this.target?.type.finish?.(this.target.data, this.#context())
  }

  #context(): ParseContext {
    return { protocol: this.protocol, protocolNot: this.protocolNot, table: this.table, ns: this.ns, options: this.#options, warn: (text) => this.#warnings.push(text) }
  }

  /** Exact names first, then unambiguous beginnings, as getopt_long has it. */
  #long(text: string): void {
    const equals = text.indexOf('=')
    const name = equals < 0 ? text : text.slice(0, equals)
    const inline = equals < 0 ? undefined : text.slice(equals + 1)
    const global = byLong.get(name)
    const extension = this.#extension(name)
    if (extension) return this.#extensionOption(extension.loaded, extension.option, `--${name}`, inline)
    if (global) return this.#global(global.short, `--${name}`, inline)
    const partial = this.#partial(name)
    const candidates = globals.filter((g) => g.long.some((l) => l.startsWith(name)))
    if (partial.length + candidates.length > 1) usage(`unknown option "--${name}"`)
    if (partial[0]) return this.#extensionOption(partial[0].loaded, partial[0].option, `--${name}`, inline)
    if (candidates[0]) return this.#global(candidates[0].short, `--${name}`, inline)
    // an option of the protocol's own match
    const own = implicit[this.protocolNot ? 0 : this.protocol]
    if (own !== undefined && !this.matches.some((m) => m.type.name === own)) {
      const type = matchTypes.get(own)!
      if (type.options.some((o) => o.names.some((n) => n === name || n.startsWith(name)))) {
        this.#load(own)
        return this.#long(text)
      }
    }
    usage(`unknown option "--${name}"`)
  }

  /** The extensions that are loaded, the target first, then the latest match. */
  #loaded(): Loaded[] {
    return [...(this.target ? [this.target] : []), ...[...this.matches].reverse()]
  }

  #extension(name: string): { readonly loaded: Loaded; readonly option: OptionSpec } | undefined {
    for (const l of this.#loaded()) {
      const option = l.type.options.find((o) => o.names.includes(name))
      if (option) return { loaded: l, option }
    }
    return undefined
  }

  #partial(name: string): { readonly loaded: Loaded; readonly option: OptionSpec }[] {
    return this.#loaded().flatMap((l) => l.type.options.filter((o) => o.names.some((n) => n.startsWith(name))).map((option) => ({ loaded: l, option })))
  }

  #extensionOption(l: Loaded, option: OptionSpec, written: string, inline: string | undefined): void {
    const name = option.names[0]!
    const values: string[] = []
    if (inline !== undefined) values.push(inline)
    while (values.length < option.args) {
      const next = this.args[this.at]
      if (next === undefined) usage(option.args === 2 && values.length === 1 ? (name === 'tcp-flags' ? '--tcp-flags requires two args.' : `--${name} requires two args.`) : `option "${written}" requires an argument`)
      values.push(next)
      this.at++
    }
    if (this.#not && !option.not) usage(`${l.type.name}: option "--${name}" cannot be inverted.\n`)
    // the tcp match has words of its own for this
    if (l.seen.has(name) && l.type.name !== 'tcp') usage(`${l.type.name}: option "--${name}" can only be used once.\n`)
    l.seen.add(name)
    l.type.parse(l.data, name, values, this.#not, this.#context())
    this.#options.add(`${l.type.name}:${name}`)
  }

  #short(cluster: string): void {
    for (let i = 0; i < cluster.length; i++) {
      const letter = cluster[i]!
      const option = byShort.get(letter)
      if (!option || letter === '0') usage(`unknown option "-${letter}"`)
      if (option.args === 0) {
        this.#global(letter, `-${letter}`, undefined)
        continue
      }
      const rest = cluster.slice(i + 1)
      this.#global(letter, `-${letter}`, rest === '' ? undefined : rest)
      return
    }
  }

  #argument(written: string, inline: string | undefined): string {
    if (inline !== undefined) return inline
    const next = this.args[this.at]
    if (next === undefined) usage(`option "${written}" requires an argument`)
    this.at++
    return next
  }

  /** The next word if it is no option. */
  #optional(inline: string | undefined): string | undefined {
    if (inline !== undefined) return inline
    const next = this.args[this.at]
    if (next === undefined || next.startsWith('-') || next === '!') return undefined
    this.at++
    return next
  }

  #once(letter: string): void {
    if (this.#seen.has(letter)) usage(`multiple -${letter} flags not allowed`)
    this.#seen.add(letter)
    if (this.#not && 'jgnvxt'.includes(letter)) usage(`cannot have ! before -${letter}`)
  }

  #number(text: string): number {
    const n = parseNumber(text)
    if (n === undefined || n < 1) usage(`Invalid rule number \`${text}'`)
    return n
  }

  #command(letter: string): void {
    if (this.#not) usage(`unexpected ! flag before --${byShort.get(letter)!.long[0]!}`)
    // -Z may stand with -L and the other way round
    const pair = (this.verbLetter === 'L' && letter === 'Z') || (this.verbLetter === 'Z' && letter === 'L') || (this.verbLetter === 'S' && letter === 'Z')
    if (this.verb !== undefined && !pair) usage(`Cannot use -${letter} with -${this.verbLetter}`)
    if (pair && letter === 'Z') return
    this.verb = verbs[letter]!
    this.verbLetter = letter
  }

  /** What each option does, by its short letter. */
  static readonly #readers: NameTable<(o: Parser, letter: string, written: string, inline: string | undefined) => void> = nameTable<(o: Parser, letter: string, written: string, inline: string | undefined) => void>({
    'A C D I R': (o, letter, written, inline) => {
      o.#command(letter)
      o.chain = o.#argument(written, inline)
      if (letter === 'A' || letter === 'C') return
      const number = o.#optional(undefined)
      if (number !== undefined) o.position = o.#number(number)
      else if (letter === 'R') usage('-R requires a rule number')
    },
    'L S F Z X': (o, letter, _written, inline) => {
      o.#command(letter)
      const chain = o.#optional(inline)
      if (chain !== undefined) o.chain = chain
      if (letter === 'F' || letter === 'X') return
      const number = o.#optional(undefined)
      if (number !== undefined) o.position = o.#number(number)
    },
    N: (o, letter, written, inline) => {
      o.#command(letter)
      o.chain = o.#argument(written, inline)
      checkChainName(o.chain)
    },
    E: (o, letter, written, inline) => {
      o.#command(letter)
      o.chain = o.#argument(written, inline)
      o.argument = o.#optional(undefined)
      if (o.argument === undefined) usage('-E requires old-chain-name and new-chain-name')
    },
    P: (o, letter, written, inline) => {
      o.#command(letter)
      o.chain = o.#argument(written, inline)
      o.argument = o.#optional(undefined)
      if (o.argument === undefined) usage('-P requires a chain and a policy')
    },
    's d': (o, letter, written, inline) => {
      o.#once(letter)
      const text = o.#argument(written, inline)
      const list = text.split(',')
      if (list.length > 1 && o.#not) usage('! not allowed with multiple source or destination IP addresses')
      const parsed = list.map((a) => ({ text: a }))
      if (letter === 's') {
        o.sourceNot = o.#not
        o.#lateSources = parsed
      } else {
        o.destinationNot = o.#not
        o.#lateDestinations = parsed
      }
    },
    p: (o, letter, written, inline) => {
      o.#once(letter)
      // the program reads the word as it stands, option letter and all
      o.protocol = parseProtocol(inline === undefined ? o.#argument(written, inline) : `${written}${written.startsWith('--') ? '=' : ''}${inline}`)
      o.protocolNot = o.#not
      if (o.protocol === 0 && o.#not) usage('rule would never match protocol')
    },
    'i o': (o, letter, written, inline) => {
      o.#once(letter)
      const name = o.#argument(written, inline)
      if (name === '') usage('Empty interface is likely to be undesired')
      if (name.length >= 16) usage(`interface name \`${name}' must be shorter than IFNAMSIZ (15)`)
      const any = name === '+'
      if (letter === 'i') {
        o.input = any ? undefined : name
        o.inputNot = o.#not
      } else {
        o.output = any ? undefined : name
        o.outputNot = o.#not
      }
    },
    f: (o, letter) => {
      o.#once(letter)
      o.fragment = o.#not ? -1 : 1
    },
    'j g': (o, letter, written, inline) => {
      o.#once(letter === 'g' ? 'g' : 'j')
      const name = o.#argument(written, inline)
      if (name === '') usage('Invalid target name (too short)')
      if (name.length > 28) usage(`Invalid target name \`${name}' (28 chars max)`)
      o.jump = name
      o.goto = letter === 'g'
      const type = letter === 'j' ? targetTypes.get(name) : undefined
      if (type) o.target = { kind: 'target', type, data: type.create(), seen: new Set() }
    },
    m: (o, _letter, written, inline) => {
      if (o.#not) usage('unexpected ! flag before --match')
      o.#load(o.#argument(written, inline))
    },
    t: (o, _letter, written, inline) => {
      if (o.restoring) usage('The -t option cannot be used in iptables-restore.\n')
      if (o.#not) usage('unexpected ! flag before --table')
      o.table = o.#argument(written, inline)
    },
    c: (o, _letter, written, inline) => {
      const first = o.#argument(written, inline)
      const [packets, bytes] = first.includes(',') ? first.split(',') : [first, o.#optional(undefined)]
      if (bytes === undefined) usage('-c requires packet and byte counter')
      o.packets = parseNumber(packets!) ?? usage('-c packet counter not numeric')
      o.bytes = parseNumber(bytes) ?? usage('-c byte counter not numeric')
    },
    n: (o, letter) => {
      o.#once(letter)
      o.numeric = true
    },
    v: (o) => {
      o.verbose++
    },
    x: (o, letter) => {
      o.#once(letter)
      o.exact = true
    },
    '0': (o) => {
      o.lineNumbers = true
    },
    w: (o, _letter, _written, inline) => {
      const next = inline ?? o.args[o.at]
      if (inline === undefined && next !== undefined && /^\d+$/.test(next)) o.at++
      o.wait = true
    },
    'W M': (o, _letter, written, inline) => {
      o.#argument(written, inline)
    },
  })

  #global(letter: string, written: string, inline: string | undefined): void {
    Parser.#readers.get(letter)?.(this, letter, written, inline)
  }

  #lateSources: { readonly text: string }[] = []
  #lateDestinations: { readonly text: string }[] = []

  #load(name: string): void {
    const type = matchTypes.get(name)
    if (!type) usage(`Couldn't load match \`${name}':No such file or directory\n`)
    this.matches.push({ kind: 'match', type, data: type.create(), seen: new Set() })
  }

  /** What is checked after all words have been read. */
  finish(): void {
    if (this.verb === undefined) usage('no command specified')
    const isRule = ruleVerbs.has(this.verb)
    const tcp = this.matches.some((m) => m.type.name === 'tcp')
    const udp = this.matches.some((m) => m.type.name === 'udp')
    if (tcp && (this.protocol !== 6 || this.protocolNot)) usage("TCP match requires '-p tcp'")
    if (udp && (this.protocol !== 17 || this.protocolNot)) usage("UDP match requires '-p udp'")
    if (!isRule) {
      for (const letter of ['s', 'd', 'p', 'j', 'i', 'o']) if (this.#seen.has(letter)) usage(`Illegal option \`-${letter}' with this command`)
    }
    if (this.verb !== 'list') {
      for (const [letter, given] of [['n', this.numeric], ['x', this.exact], ['0', this.lineNumbers]] as const) if (given) usage(`Illegal option \`-${letter}' with this command`)
    }
    if (this.table === 'nat' && (this.jump === 'DROP' || (this.verb === 'policy' && this.argument === 'DROP'))) usage('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n')
    if (this.chain !== undefined && this.chain.length > 28) usage(`chain name \`${this.chain}' too long (must be under 29 chars)`)
    this.sources = this.#lateSources.map((a) => parseAddressMask(a.text))
    this.destinations = this.#lateDestinations.map((a) => parseAddressMask(a.text))
    if (isRule && this.chain !== undefined) {
      if ((this.chain === 'PREROUTING' || this.chain === 'INPUT') && this.output !== undefined) usage(`Can't use -o with ${this.chain}\n`)
      if ((this.chain === 'POSTROUTING' || this.chain === 'OUTPUT') && this.input !== undefined) usage(`Can't use -i with ${this.chain}\n`)
    }
  }

  /** One rule per pair of addresses. */
  rules(): RuleSpecification[] {
    const verdict = this.jump === 'ACCEPT' || this.jump === 'DROP' || this.jump === 'RETURN' ? (this.jump as 'ACCEPT' | 'DROP' | 'RETURN') : undefined
    const base = {
      sourceNot: this.sourceNot,
      destinationNot: this.destinationNot,
      input: this.input,
      inputNot: this.inputNot,
      output: this.output,
      outputNot: this.outputNot,
      protocol: this.protocol,
      protocolNot: this.protocolNot,
      fragment: this.fragment,
      matches: this.matches.map((m) => ({ type: m.type as MatchType<unknown>, data: m.data })),
      verdict: this.goto ? undefined : verdict,
      chain: this.jump !== undefined && !this.target && (this.goto || !verdict) ? this.jump : undefined,
      goto: this.goto,
      target: this.target ? { type: this.target.type as TargetType<unknown>, data: this.target.data } : undefined,
      packets: this.packets,
      bytes: this.bytes,
    }
    const result: RuleSpecification[] = []
    const all = (list: AddressMask[]): (AddressMask | undefined)[] => (list.length === 0 ? [undefined] : list)
    for (const source of all(this.sources)) for (const destination of all(this.destinations)) result.push({ ...base, source, destination })
    return result
  }

  command(): IptablesCommand {
    return {
      verb: this.verb!,
      table: this.table,
      chain: this.chain,
      ...(this.position === undefined ? {} : { position: this.position }),
      ...(ruleVerbs.has(this.verb!) ? { rule: this.rules() } : {}),
      ...(this.argument === undefined ? {} : { argument: this.argument }),
      ...(this.#warnings.length === 0 ? {} : { warnings: this.#warnings }),
      options: { numeric: this.numeric, verbose: this.verbose, exact: this.exact, lineNumbers: this.lineNumbers, wait: this.wait },
    }
  }
}

/** Refusals that are printed without the program's name. */
class UsageErrorPlain extends Error {}

function checkChainName(name: string): void {
  if (name.startsWith('-') || name.startsWith('!')) usage(`chain name not allowed to start with \`${name[0]}'`)
  if (targetTypes.has(name) || ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'].includes(name)) usage('chain name may not clash with target name')
  if (name.length > 28) usage(`chain name \`${name}' too long (must be under 29 chars)`)
  if (/\s/.test(name) || name === '') usage(`Invalid chain name \`${name}'`)
}

function guarded<T>(program: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof UsageErrorPlain) throw new IptablesError(`${error.message}\nTry \`${program} -h' or '${program} --help' for more information.`, 2)
    if (error instanceof UsageError) throw usageText(program, error)
    throw error
  }
}

/**
 * iptables' arguments after the program's name. `ns` is the namespace it runs in: sets are looked up there. Throws IptablesError with
 * everything that the program prints on stderr.
 */
export function parseCommand(ns: unknown, args: readonly string[], program = 'iptables'): IptablesCommand {
  return guarded(program, () => {
    const parser = new Parser(ns as Namespace, 'filter', args, false)
    parser.run()
    parser.finish()
    return parser.command()
  })
}

/** One line of iptables-restore without its counters. Throws UsageError texts without the program's name around them. */
export function parseRestoreLine(ns: Namespace, table: string, words: readonly string[]): IptablesCommand {
  const parser = new Parser(ns, table, words, true)
  try {
    parser.run()
  } catch (error) {
    if (error instanceof UsageErrorPlain) throw new PlainUsage(error.message)
    throw error
  }
  parser.finish()
  return parser.command()
}

/** As UsageErrorPlain, for restore.ts. */
export class PlainUsage extends Error {}

/** A rule from the words after `-A CHAIN`. */
export function parseRule(ns: Namespace, table: string, args: readonly string[], program: string): RuleSpecification {
  return guarded(program, () => {
    const parser = new Parser(ns, table, ['-A', 'x', ...args], false)
    parser.run()
    parser.finish()
    return parser.rules()[0]!
  })
}
