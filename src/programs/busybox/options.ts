/**
 * The options of an applet, read off its own usage text: `[-nbv]` and lines that begin with an option. Long options are those that the
 * text names and a few more that busybox accepts without saying so.
 */
import type { Process } from '#engine/machine/process.ts'
import { getoptText } from './banner.ts'
import { usages } from './usage.ts'

type Kind = 'flag' | 'value' | 'maybe'

export interface OptionTable {
  readonly short: ReadonlyMap<string, Kind>
  readonly long: ReadonlyMap<string, Kind>
}

/** Taken without being named in the usage; `=` takes a value. */
const silent: Readonly<Record<string, string>> = {
  cp: 'archive force interactive link dereference no-dereference recursive symbolic-link verbose update remove-destination parents no-target-directory', rm: '', mv: 'interactive force no-clobber verbose',
  mkdir: 'mode= parents verbose', rmdir: 'parents', touch: 'no-create reference= date=', chown: 'recursive', date: 'rfc-822 rfc-2822 set= utc universal date= reference=', env: 'ignore-environment unset=', ls: 'color= full-time group-directories-first',
  grep: 'color=', sed: 'in-place regexp-extended quiet silent expression= file=', xargs: 'no-run-if-empty null', tail: '', head: '', wc: '', du: '', gzip: '', sort: '', install: '', id: '', tar: 'create extract list file= directory= verbose gzip gunzip to-stdout exclude= strip-components= no-same-owner same-permissions numeric-owner',
}
/** Short ones that the usage does not tell. */
const hidden: Readonly<Record<string, string>> = { rm: 'Rv', mkdir: 'v', grep: 'Ezy', sed: 'sE', ls: 'T', mv: 'v', cp: 'vx', ln: 'T', head: '', date: 'R', cut: 'n', wc: '', cat: 'u', uname: 'a', id: '', kill: '', hostname: '', tail: '', cmp: '', rmdir: '', gunzip: 'kn', gzip: 'kn', ping: '', du: '', mktemp: 'uq', sort: 'CS:T:', stat: '', df: '', arp: '' }

const tables = new Map<string, OptionTable>()

export function optionsOf(name: string): OptionTable {
  let table = tables.get(name)
  if (!table) tables.set(name, (table = read(usages[name] ?? '', name)))
  return table
}

function read(text: string, name: string): OptionTable {
  const short = new Map<string, Kind>()
  const long = new Map<string, Kind>()
  const body = text.split('\n')
  const blank = body.indexOf('')
  const head = body.slice(0, blank < 0 ? body.length : blank).join('\n')
  for (const m of head.matchAll(/\[-([A-Za-z0-9~]+)\]/g)) for (const letter of m[1]!) short.set(letter, 'flag')
  for (const m of head.matchAll(/\[?-([A-Za-z](?:[,|]-?[A-Za-z])*) (?!\[)([A-Z][A-Za-z]*)/g)) for (const letter of m[1]!.match(/[A-Za-z]/g)!) short.set(letter, 'value')
  for (const m of head.matchAll(/-([A-Za-z])\[[A-Z]/g)) short.set(m[1]!, 'maybe')
  for (const line of body) {
    const m = /^\t(-[^\t]*)/.exec(line)
    if (!m) continue
    for (const part of m[1]!.split(/,(?=-)/)) {
      const o = /^-([A-Za-z0-9~])(?:(\[)|( ?)([A-Z[][^\t]*)?)/.exec(part)
      const l = /^--([a-z][a-z-]*)(\[=)?(=| )?/.exec(part)
      if (l) long.set(l[1]!, l[2] ? 'maybe' : l[3] ? 'value' : 'flag')
      else if (o && !(short.get(o[1]!) === 'value')) short.set(o[1]!, o[2] ? 'maybe' : o[4] || / -?[NA-Z[]/.test(part) ? 'value' : 'flag')
    }
  }
  for (const word of (silent[name] ?? '').split(' ')) if (word !== '') long.set(word.replace('=', ''), word.endsWith('=') ? 'maybe' : 'flag')
  const extra = hidden[name] ?? ''
  for (let i = 0; i < extra.length; i++) if (extra[i] !== ':') short.set(extra[i]!, extra[i + 1] === ':' ? 'value' : 'flag')
  return { short, long }
}

export interface Parsed {
  readonly options: ReadonlySet<string>
  readonly values: ReadonlyMap<string, string>
  readonly operands: readonly string[]
  /** getopt's complaint. */
  readonly error?: string
}

/** `stop`: the first operand ends the options (programs that run others). `digits`: `-5` is an option. */
export function parse(p: Process, table: OptionTable, args: readonly string[], how: { readonly stop?: boolean; readonly digits?: boolean } = {}): Parsed {
  const options = new Set<string>()
  const values = new Map<string, string>()
  const operands: string[] = []
  const done = (error?: string): Parsed => ({ options, values, operands, ...(error !== undefined && { error }) })
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    if (a === '--') {
      operands.push(...args.slice(i + 1))
      break
    }
    if (a.startsWith('--')) {
      const [name, value] = [a.slice(2).split('=')[0]!, a.includes('=')]
      const fits = [...table.long.keys()].filter((l) => l === name || l.startsWith(name))
      const kind = table.long.get(fits.includes(name) ? name : fits[0] ?? '')
      if (kind === undefined) return done(getoptText(p, 'unknown-long', a.slice(2)))
      options.add(fits[0]!)
      if (kind === 'value' && !value && ++i >= args.length) return done(getoptText(p, 'argument-long', name))
      continue
    }
    if (!a.startsWith('-') || a === '-') {
      if (how.stop) {
        operands.push(...args.slice(i))
        break
      }
      operands.push(a)
      continue
    }
    if (how.digits && /^-\d+$/.test(a)) continue
    for (let k = 1; k < a.length; k++) {
      const letter = a[k]!
      const kind = table.short.get(letter)
      if (kind === undefined) return done(getoptText(p, 'unknown', letter))
      options.add(letter)
      if (kind === 'flag') continue
      const inline = a.slice(k + 1)
      if (kind === 'value' && inline === '' && i + 1 >= args.length) return done(getoptText(p, 'argument', letter))
      values.set(letter, inline !== '' || kind === 'maybe' ? inline : args[++i]!)
      break
    }
  }
  return done()
}
