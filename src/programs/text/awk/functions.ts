/** awk's built-in functions and its printf. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import type { Regex } from '#base/regex.ts'
import { formatFloat, formatInteger, strftime } from '#shell/builtins/printf.ts'
import { Fatal } from '../common.ts'
import { AwkError } from './parse.ts'
import type { Expr } from './parse.ts'
import type { Awk } from './run.ts'
import { Input, type AwkArray, type Value } from './values.ts'

/** A call: its arguments are evaluated when they are asked for. */
class Call {
  readonly awk: Awk
  readonly args: readonly Expr[]

  constructor(awk: Awk, args: readonly Expr[]) {
    this.awk = awk
    this.args = args
  }

  async at(i: number): Promise<Value> {
    return this.args[i] ? this.awk.eval(this.args[i]) : undefined
  }

  async n(i: number): Promise<number> {
    return this.awk.num(await this.at(i))
  }

  async s(i: number): Promise<string> {
    return this.awk.str(await this.at(i))
  }
}

const functions: NameTable<(c: Call) => Promise<Value>> = nameTable<(c: Call) => Promise<Value>>({
  length: async (c) => {
    const { awk, args } = c
    if (args.length === 0) {
      awk.rebuild()
      return [...awk.record].length
    }
    const a = args[0]!
    if (a.k === 'var' && awk.scope(a.name).get(a.name) instanceof Map) return (awk.scope(a.name).get(a.name) as AwkArray).size
    return [...(await c.s(0))].length
  },
  substr: async (c) => {
    const { args } = c
    const chars = [...(await c.s(0))]
    const start = await c.n(1)
    const length = args.length > 2 ? await c.n(2) : Infinity
    const from = Math.round(start)
    const to = length === Infinity ? Infinity : Math.round(start + length)
    return chars.slice(Math.max(0, from - 1), Math.max(0, Math.min(chars.length, to - 1))).join('')
  },
  index: async (c) => {
    const text = await c.s(0)
    const i = text.indexOf(await c.s(1))
    return i < 0 ? 0 : [...text.slice(0, i)].length + 1
  },
  split: async (c) => {
    const { awk, args } = c
    const text = await c.s(0)
    const target = args[1]!
    if (target.k !== 'var') throw new AwkError('split into a non-array')
    const third = args[2]
    const separator = third === undefined ? awk.str(awk.globals.get('FS') as Value) : third.k === 'regex' ? third.source : await c.s(2)
    const parts = third?.k === 'regex' && separator.length === 1 && separator !== ' ' ? awk.splitText(text, separator === '.' ? '(.)' : separator) : third?.k === 'regex' && separator === ' ' ? awk.splitText(text, '[ ]') : awk.splitText(text, separator)
    const array = awk.array(target.name)
    array.clear()
    parts.forEach((p, i) => array.set(String(i + 1), new Input(p)))
    return parts.length
  },
  sub: async (c) => substitute(c.awk, false, await c.awk.pattern(c.args[0]!), await c.s(1), c.args[2]),
  gsub: async (c) => substitute(c.awk, true, await c.awk.pattern(c.args[0]!), await c.s(1), c.args[2]),
  gensub: async (c) => {
    const { awk, args } = c
    const regex = await awk.pattern(args[0]!)
    const how = await c.s(2)
    const text = args[3] ? await c.s(3) : (awk.rebuild(), awk.record)
    return gensub(regex, await c.s(1), how, text)
  },
  match: async (c) => {
    const { awk, args } = c
    const text = await c.s(0)
    const m = (await awk.pattern(args[1]!)).exec(text, 0)
    awk.globals.set('RSTART', m ? [...text.slice(0, m.index)].length + 1 : 0)
    awk.globals.set('RLENGTH', m ? [...text.slice(m.index, m.end)].length : -1)
    return m ? [...text.slice(0, m.index)].length + 1 : 0
  },
  sprintf: async ({ awk, args }) => {
    const values: Value[] = []
    for (const a of args) values.push(await awk.eval(a))
    return sprintf(awk, awk.str(values[0]), values.slice(1))
  },
  sin: async (c) => Math.sin(await c.n(0)),
  cos: async (c) => Math.cos(await c.n(0)),
  atan2: async (c) => Math.atan2(await c.n(0), await c.n(1)),
  exp: async (c) => Math.exp(await c.n(0)),
  log: async (c) => Math.log(await c.n(0)),
  sqrt: async (c) => Math.sqrt(await c.n(0)),
  int: async (c) => Math.trunc(await c.n(0)),
  rand: async ({ awk }) => {
    awk.random = (awk.random * 16807) % 2147483647
    return awk.random / 2147483647
  },
  srand: async (c) => {
    const { awk, args } = c
    const old = awk.seed
    awk.seed = args.length > 0 ? await c.n(0) : Math.floor(awk.process.now() / 1000)
    awk.random = ((Math.floor(Math.abs(awk.seed)) * 2654435761) % 2147483646) + 1
    return old
  },
  tolower: async (c) => (await c.s(0)).toLowerCase(),
  toupper: async (c) => (await c.s(0)).toUpperCase(),
  system: async (c) => {
    const { awk } = c
    const command = await c.s(0)
    await awk.out.flush()
    for (const o of awk.outputs.values()) await o.out.flush()
    const child = awk.process.spawn({ argv: ['sh', '-c', command] })
    return (await child.wait()).code
  },
  close: async (c) => c.awk.close(await c.s(0)),
  fflush: async ({ awk }) => {
    await awk.out.flush()
    for (const o of awk.outputs.values()) await o.out.flush()
    return 0
  },
  systime: async (c) => Math.floor(c.awk.process.now() / 1000),
  mktime: async (c) => {
    const [y, mo, d, h, mi, sec] = (await c.s(0)).trim().split(/\s+/).map(Number)
    return Date.UTC(y!, mo! - 1, d!, h ?? 0, mi ?? 0, sec ?? 0) / 1000
  },
  strftime: async (c) => strftime(c.args.length > 0 ? await c.s(0) : '%a %b %e %H:%M:%S %Z %Y', c.args.length > 1 ? (await c.n(1)) * 1000 : c.awk.process.now()),
})

export async function callBuiltin(awk: Awk, e: Extract<Expr, { k: 'builtin' }>): Promise<Value> {
  const known = functions.get(e.name)
  if (!known) throw new Fatal(`mawk: function ${e.name} never defined`, 2)
  return known(new Call(awk, e.args ?? []))
}

async function substitute(awk: Awk, all: boolean, regex: Regex, replacement: string, target: Expr | undefined): Promise<number> {
  const text = target ? awk.str(await awk.eval(target)) : (awk.rebuild(), awk.record)
  let out = ''
  let at = 0
  let count = 0
  let lastEnd = -1
  while (at <= text.length) {
    const m = regex.exec(text, at)
    if (!m) break
    if (m.end === m.index && m.index === lastEnd) {
      out += text.slice(at, at + 1)
      at++
      lastEnd = -1
      continue
    }
    out += text.slice(at, m.index) + replacement.replace(/\\\\&|\\&|&|\\\\/g, (x) => (x === '&' ? text.slice(m.index, m.end) : x === '\\&' ? '&' : x === '\\\\&' ? '\\' + text.slice(m.index, m.end) : '\\\\'))
    count++
    lastEnd = m.end
    at = m.end
    if (m.end === m.index) {
      out += text.slice(at, at + 1)
      at++
      lastEnd = -1
    }
    if (!all) break
  }
  if (count === 0) return 0
  out += text.slice(at)
  await awk.assign(target ?? { k: 'field', index: { k: 'num', v: 0 } }, out)
  return count
}

type Conversion = (awk: Awk, value: Value, how: { readonly letter: string; readonly flags: string; readonly precision: number | undefined }) => string

const integers: ReadonlySet<string> = new Set('dioxXu')
const floats: ReadonlySet<string> = new Set('eEfFgG')

const integer: Conversion = (awk, value, { letter, flags, precision }) => {
  const number = awk.num(value)
  if (!Number.isFinite(number)) return Number.isNaN(number) ? 'nan' : number > 0 ? 'inf' : '-inf'
  return formatInteger(BigInt(Math.trunc(number)), letter, flags, precision)
}

const float: Conversion = (awk, value, { letter, flags, precision }) => {
  const text = formatFloat(awk.num(value), letter, precision, flags.includes('#'))
  return text.startsWith('-') ? text : (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + text
}

const conversions: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ...[...integers].map((letter) => [letter, integer] as const),
  ...[...floats].map((letter) => [letter, float] as const),
  ['c', (awk, value) => (typeof value === 'number' ? String.fromCodePoint(Math.max(0, Math.min(0x10ffff, Math.trunc(value)))) : ([...awk.str(value)][0] ?? ''))],
  ['s', (awk, value, { precision }) => (precision === undefined ? awk.str(value) : [...awk.str(value)].slice(0, precision).join(''))],
])

export function sprintf(awk: Awk, format: string, args: readonly Value[], verb = 'sprintf'): string {
  let at = 0
  return format.replace(/%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?(?:hh|h|ll|l|L|q|j|z|t)*([a-zA-Z%])/g, (all, rawFlags: string, w: string | undefined, p: string | undefined, c: string) => {
    if (c === '%') return '%'
    let flags = rawFlags
    const take = () => args[at++]
    let width = w === '*' ? awk.num(take()) : Number(w ?? 0)
    if (width < 0) {
      flags += '-'
      width = -width
    }
    const precision = p === undefined ? undefined : p === '*' ? awk.num(take()) : Number(p || 0)
    if (at >= args.length && !'%'.includes(c)) {
      if (args.length > 0 || at >= args.length) throw awk.failure(`not enough arguments passed to ${verb}("${format}")`)
    }
    const value = take()
    const convert = conversions.get(c)
    if (!convert) return all
    const text = convert(awk, value, { letter: c, flags, precision })
    const zero = flags.includes('0') && !flags.includes('-') && (floats.has(c) || (integers.has(c) && precision === undefined))
    const missing = width - [...text].length
    if (missing <= 0) return text
    if (flags.includes('-')) return text + ' '.repeat(missing)
    if (zero) {
      const sign = /^[-+ ]?(0[xX])?/.exec(text)![0]
      return sign + '0'.repeat(missing) + text.slice(sign.length)
    }
    return ' '.repeat(missing) + text
  })
}

function gensub(regex: Regex, replacement: string, how: string, text: string): string {
  const all = /^[gG]/.test(how)
  const nth = Number(how) || 1
  let out = ''
  let at = 0
  let n = 0
  while (at <= text.length) {
    const m = regex.exec(text, at)
    if (!m) break
    n++
    out += text.slice(at, m.index)
    out += all || n === nth ? replacement.replace(/\\(\d|&|\\)|&/g, (x, c: string | undefined) => (x === '&' ? text.slice(m.index, m.end) : /\d/.test(c!) ? (m.groups[Number(c)] ?? '') : c!)) : text.slice(m.index, m.end)
    at = m.end
    if (m.end === m.index) out += text.slice(at, ++at)
    if (!all && n >= nth) break
  }
  return out + text.slice(at)
}
