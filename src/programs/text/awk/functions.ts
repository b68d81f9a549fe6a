/** awk's built-in functions and its printf. */
import type { Regex } from '#base/regex.ts'
import { formatFloat, formatInteger, strftime } from '#shell/builtins/printf.ts'
import { Fatal } from '../common.ts'
import { AwkError } from './parse.ts'
import type { Expr } from './parse.ts'
import { Input } from './run.ts'
import type { Awk, AwkArray, Value } from './run.ts'

export async function callBuiltin(awk: Awk, e: Extract<Expr, { k: 'builtin' }>): Promise<Value> {
  const args = e.args ?? []
  const at = async (i: number): Promise<Value> => (args[i] ? awk.eval(args[i]) : undefined)
  const n = async (i: number) => awk.num(await at(i))
  const s = async (i: number) => awk.str(await at(i))
  switch (e.name) {
    case 'length': {
      if (args.length === 0) {
        awk.rebuild()
        return [...awk.record].length
      }
      const a = args[0]!
      if (a.k === 'var' && awk.scope(a.name).get(a.name) instanceof Map) return (awk.scope(a.name).get(a.name) as AwkArray).size
      return [...(await s(0))].length
    }
    case 'substr': {
      const chars = [...(await s(0))]
      const start = await n(1)
      const length = args.length > 2 ? await n(2) : Infinity
      const from = Math.round(start)
      const to = length === Infinity ? Infinity : Math.round(start + length)
      return chars.slice(Math.max(0, from - 1), Math.max(0, Math.min(chars.length, to - 1))).join('')
    }
    case 'index': {
      const text = await s(0)
      const i = text.indexOf(await s(1))
      return i < 0 ? 0 : [...text.slice(0, i)].length + 1
    }
    case 'split': {
      const text = await s(0)
      const target = args[1]!
      if (target.k !== 'var') throw new AwkError('split into a non-array')
      const third = args[2]
      const separator = third === undefined ? awk.str(awk.globals.get('FS') as Value) : third.k === 'regex' ? third.source : await s(2)
      const parts = third?.k === 'regex' && separator.length === 1 && separator !== ' ' ? awk.splitText(text, separator === '.' ? '(.)' : separator) : third?.k === 'regex' && separator === ' ' ? awk.splitText(text, '[ ]') : awk.splitText(text, separator)
      const array = awk.array(target.name)
      array.clear()
      parts.forEach((p, i) => array.set(String(i + 1), new Input(p)))
      return parts.length
    }
    case 'sub':
    case 'gsub':
      return substitute(awk, e.name === 'gsub', await awk.pattern(args[0]!), await s(1), args[2])
    case 'gensub': {
      const regex = await awk.pattern(args[0]!)
      const how = await s(2)
      const text = args[3] ? await s(3) : (awk.rebuild(), awk.record)
      return gensub(regex, await s(1), how, text)
    }
    case 'match': {
      const text = await s(0)
      const m = (await awk.pattern(args[1]!)).exec(text, 0)
      awk.globals.set('RSTART', m ? [...text.slice(0, m.index)].length + 1 : 0)
      awk.globals.set('RLENGTH', m ? [...text.slice(m.index, m.end)].length : -1)
      return m ? [...text.slice(0, m.index)].length + 1 : 0
    }
    case 'sprintf': {
      const values: Value[] = []
      for (const a of args) values.push(await awk.eval(a))
      return sprintf(awk, awk.str(values[0]), values.slice(1))
    }
    case 'sin': return Math.sin(await n(0))
    case 'cos': return Math.cos(await n(0))
    case 'atan2': return Math.atan2(await n(0), await n(1))
    case 'exp': return Math.exp(await n(0))
    case 'log': return Math.log(await n(0))
    case 'sqrt': return Math.sqrt(await n(0))
    case 'int': return Math.trunc(await n(0))
    case 'rand':
      awk.random = (awk.random * 16807) % 2147483647
      return awk.random / 2147483647
    case 'srand': {
      const old = awk.seed
      awk.seed = args.length > 0 ? await n(0) : Math.floor(awk.process.now() / 1000)
      awk.random = ((Math.floor(Math.abs(awk.seed)) * 2654435761) % 2147483646) + 1
      return old
    }
    case 'tolower': return (await s(0)).toLowerCase()
    case 'toupper': return (await s(0)).toUpperCase()
    case 'system': {
      const command = await s(0)
      await awk.out.flush()
      for (const o of awk.outputs.values()) await o.out.flush()
      const child = awk.process.spawn({ argv: ['sh', '-c', command] })
      return (await child.wait()).code
    }
    case 'close': return awk.close(await s(0))
    case 'fflush':
      await awk.out.flush()
      for (const o of awk.outputs.values()) await o.out.flush()
      return 0
    case 'systime': return Math.floor(awk.process.now() / 1000)
    case 'mktime': {
      const [y, mo, d, h, mi, sec] = (await s(0)).trim().split(/\s+/).map(Number)
      return Date.UTC(y!, mo! - 1, d!, h ?? 0, mi ?? 0, sec ?? 0) / 1000
    }
    case 'strftime': return strftime(args.length > 0 ? await s(0) : '%a %b %e %H:%M:%S %Z %Y', args.length > 1 ? (await n(1)) * 1000 : awk.process.now())
    default: throw new Fatal(`mawk: function ${e.name} never defined`, 2)
  }
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

export function sprintf(awk: Awk, format: string, args: readonly Value[]): string {
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
      if (args.length > 0 || at >= args.length) throw new Fatal(`mawk: not enough arguments passed to sprintf("${format}")`, 2)
    }
    const value = take()
    let text: string
    let zero = flags.includes('0') && !flags.includes('-')
    switch (c) {
      case 'd': case 'i': case 'o': case 'x': case 'X': case 'u': {
        const number = awk.num(value)
        if (!Number.isFinite(number)) text = Number.isNaN(number) ? 'nan' : number > 0 ? 'inf' : '-inf'
        else text = formatInteger(BigInt(Math.trunc(number)), c, flags, precision)
        if (precision !== undefined) zero = false
        break
      }
      case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': {
        text = formatFloat(awk.num(value), c, precision, flags.includes('#'))
        if (!text.startsWith('-')) text = (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + text
        break
      }
      case 'c': {
        const numeric = typeof value === 'number'
        text = numeric ? String.fromCodePoint(Math.max(0, Math.min(0x10ffff, Math.trunc(value)))) : ([...awk.str(value)][0] ?? '')
        zero = false
        break
      }
      case 's':
        text = awk.str(value)
        if (precision !== undefined) text = [...text].slice(0, precision).join('')
        zero = false
        break
      default:
        return all
    }
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
