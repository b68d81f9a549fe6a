/** The standard functions of CEL and its string, list, set and optional extensions. */
import { encodeBytes } from '#base/bytes.ts'
import { goRegexp } from '../go-regexp.ts'
import { formatText } from './format.ts'
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp, timePart, timeParts, timestampOf } from './time.ts'
import { Bytes, CelError, type CelList, CelMap, compare, Duration, equals, isNumber, listKeys, noOverload, Opaque, Optional, sameKeys, Timestamp, TypeValue, typeNameOf, Uint, utf8Text, type Value } from './values.ts'

/** Gets the target of a method as its first argument. */
export type Implementation = (args: readonly Value[]) => Value

const MIN = -9223372036854775808n
const MAX = 9223372036854775807n

export function inInt(value: bigint): bigint {
  if (value < MIN || value > MAX) throw new CelError('integer overflow')
  return value
}

function inUint(value: bigint): Uint {
  if (value < 0n || value > 18446744073709551615n) throw new CelError('unsigned integer overflow')
  return new Uint(value)
}

export const text = (v: Value | undefined): string => {
  if (typeof v !== 'string') throw noOverload()
  return v
}
export const whole = (v: Value | undefined): bigint => {
  if (typeof v !== 'bigint') throw noOverload()
  return v
}
const list = (v: Value | undefined): CelList => {
  if (!Array.isArray(v)) throw noOverload()
  return v as CelList
}

/** Arithmetic on two numbers of one type. */
function arithmetic(a: Value, b: Value, exact: (a: bigint, b: bigint) => bigint, floating: ((a: number, b: number) => number) | undefined): Value | undefined {
  if (typeof a === 'bigint' && typeof b === 'bigint') return inInt(exact(a, b))
  if (a instanceof Uint && b instanceof Uint) return inUint(exact(a.value, b.value))
  if (floating && typeof a === 'number' && typeof b === 'number') return floating(a, b)
  return undefined
}

function add(a: Value, b: Value): Value {
  const sum = arithmetic(a, b, (x, y) => x + y, (x, y) => x + y)
  if (sum !== undefined) return sum
  if (typeof a === 'string' && typeof b === 'string') return a + b
  if (Array.isArray(a) && Array.isArray(b)) return addLists(a, b)
  if (a instanceof Bytes && b instanceof Bytes) return new Bytes(Uint8Array.from([...a.data, ...b.data]))
  if (a instanceof Duration && b instanceof Duration) return new Duration(inInt(a.ns + b.ns))
  if (a instanceof Timestamp && b instanceof Duration) return timestampOf(a.ns + b.ns)
  if (a instanceof Duration && b instanceof Timestamp) return timestampOf(a.ns + b.ns)
  throw noOverload()
}

/** Sets and maps of the schema are united; ordinary lists are put one after the other. */
function addLists(a: CelList, b: CelList): CelList {
  const keys = listKeys.get(a)
  if (keys === undefined) return [...a, ...b]
  const out = [...a]
  for (const v of b) {
    const i = out.findIndex((x) => (keys === 'set' ? equals(x, v) : sameKeys(x, v, keys)))
    if (i < 0) out.push(v)
    else if (keys !== 'set') out[i] = v
  }
  listKeys.set(out, keys)
  return out
}

function subtract(a: Value, b: Value): Value {
  const difference = arithmetic(a, b, (x, y) => x - y, (x, y) => x - y)
  if (difference !== undefined) return difference
  if (a instanceof Duration && b instanceof Duration) return new Duration(inInt(a.ns - b.ns))
  if (a instanceof Timestamp && b instanceof Duration) return timestampOf(a.ns - b.ns)
  if (a instanceof Timestamp && b instanceof Timestamp) return new Duration(inInt(a.ns - b.ns))
  throw noOverload()
}

function divide(name: string, a: Value, b: Value): Value {
  if (b === 0n || (b instanceof Uint && b.value === 0n)) throw new CelError(name === '_%_' ? 'modulus by zero' : 'division by zero')
  const out = name === '_%_' ? arithmetic(a, b, (x, y) => x % y, undefined) : arithmetic(a, b, (x, y) => x / y, (x, y) => x / y)
  if (out === undefined) throw noOverload()
  return out
}

function element(holder: Value, key: Value): Value | undefined {
  if (holder instanceof CelMap) return holder.get(key)
  if (!Array.isArray(holder)) throw noOverload()
  if (!isNumber(key)) throw new CelError(`unsupported index type '${typeNameOf(key)}' in list`)
  return (holder as CelList)[Number(key instanceof Uint ? key.value : key)]
}

/** A key as messages name it. */
export const keyText = (key: Value): string => (typeof key === 'string' ? key : key instanceof Uint ? String(key.value) : String(key))

export function index(holder: Value, key: Value): Value {
  if (holder instanceof Optional) return optionalIndex(holder, key)
  const found = element(holder, key)
  if (found !== undefined) return found
  throw new CelError(holder instanceof CelMap ? `no such key: ${keyText(key)}` : `index out of bounds: ${keyText(key)}`)
}

export function optionalIndex(holder: Value, key: Value): Optional {
  const inner = holder instanceof Optional ? holder.value : holder
  return new Optional(inner === undefined ? undefined : element(inner, key))
}

function contains(value: Value, holder: Value): boolean {
  if (holder instanceof CelMap) return holder.has(value)
  return list(holder).some((v) => equals(v, value))
}

function size(v: Value): bigint {
  if (typeof v === 'string') return BigInt([...v].length)
  if (Array.isArray(v)) return BigInt(v.length)
  if (v instanceof CelMap) return BigInt(v.size)
  if (v instanceof Bytes) return BigInt(v.data.length)
  throw noOverload()
}

const conversion = (to: string, from: Value) => new CelError(`type conversion error from '${typeNameOf(from)}' to '${to}'`)

/** strconv.FormatFloat(x, 'g', -1, 64). */
export function doubleText(x: number): string {
  if (Number.isNaN(x)) return 'NaN'
  if (!Number.isFinite(x)) return x > 0 ? '+Inf' : '-Inf'
  if (x === 0) return Object.is(x, -0) ? '-0' : '0'
  const [digits = '', exponent = ''] = x.toExponential().split('e')
  const e = Number(exponent)
  if (e < -4 || e >= 6) return `${digits}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`
  return e < 0 ? x.toFixed(Math.max(0, digits.replace(/^-?\d\.?/, '').length - e)) : String(x)
}

const conversions: Record<string, (v: Value) => Value> = {
  bool(v) {
    if (typeof v === 'boolean') return v
    if (typeof v === 'string' && ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(v)) return true
    if (typeof v === 'string' && ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(v)) return false
    throw conversion('bool', v)
  },
  int(v) {
    if (typeof v === 'bigint') return v
    if (v instanceof Uint) return inInt(v.value)
    if (typeof v === 'number') {
      if (!(v > -9223372036854775808 && v < 9223372036854775807)) throw new CelError('integer overflow')
      return BigInt(Math.trunc(v))
    }
    if (v instanceof Timestamp) return (v.ns - (((v.ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n
    if (typeof v === 'string' && /^[+-]?\d+$/.test(v) && BigInt(v) >= MIN && BigInt(v) <= MAX) return BigInt(v)
    throw conversion('int', v)
  },
  uint(v) {
    if (v instanceof Uint) return v
    if (typeof v === 'bigint') return inUint(v)
    if (typeof v === 'number') {
      if (!(v >= 0 && v < 18446744073709551615)) throw new CelError('unsigned integer overflow')
      return new Uint(BigInt(Math.trunc(v)))
    }
    if (typeof v === 'string' && /^\d+$/.test(v) && BigInt(v) <= 18446744073709551615n) return new Uint(BigInt(v))
    throw conversion('uint', v)
  },
  double(v) {
    if (isNumber(v)) return Number(v instanceof Uint ? v.value : v)
    if (typeof v === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(v)) return Number(v)
    throw conversion('double', v)
  },
  string(v) {
    if (typeof v === 'string') return v
    if (typeof v === 'boolean' || typeof v === 'bigint') return String(v)
    if (v instanceof Uint) return String(v.value)
    if (typeof v === 'number') return doubleText(v)
    if (v instanceof Timestamp) return formatTimestamp(v)
    if (v instanceof Duration) return formatDuration(v)
    if (v instanceof Opaque) return v.text
    if (v instanceof Bytes) {
      const decoded = utf8Text(v.data)
      if (decoded === undefined) throw new CelError('invalid UTF-8 in bytes, cannot convert to string')
      return decoded
    }
    throw conversion('string', v)
  },
  bytes: (v) => (v instanceof Bytes ? v : new Bytes(encodeBytes(text(v)))),
  timestamp(v) {
    if (v instanceof Timestamp) return v
    if (typeof v === 'bigint') return timestampOf(v * 1_000_000_000n)
    const made = parseTimestamp(text(v))
    if (!made) throw conversion('google.protobuf.Timestamp', v)
    return made
  },
  duration(v) {
    if (v instanceof Duration) return v
    const made = parseDuration(text(v))
    if (!made) throw conversion('google.protobuf.Duration', v)
    return made
  },
  dyn: (v) => v,
  type: (v) => new TypeValue(typeNameOf(v)),
}

/** As long as RegExp has no state, an expression may be kept for whoever asks next. */
const patterns = new Map<string, RegExp>()
const remembered = 1000

function pattern(source: string): RegExp {
  let re = patterns.get(source)
  if (!re) {
    const made = goRegexp(source)
    if (made.failure !== undefined) throw new CelError(made.failure)
    if (patterns.size >= remembered) patterns.clear()
    patterns.set(source, (re = made.pattern))
  }
  return re
}

const points = (s: string) => [...s]

function indexOf(args: readonly Value[], last: boolean): Value {
  const [holder, wanted, from] = args
  if (Array.isArray(holder)) {
    const l = holder as CelList
    return BigInt(last ? l.findLastIndex((v) => equals(v, wanted!)) : l.findIndex((v) => equals(v, wanted!)))
  }
  const [hay, needle] = [points(text(holder)), points(text(wanted))]
  const start = from === undefined ? (last ? hay.length : 0) : Number(whole(from))
  if (start < 0 || (from !== undefined && start > hay.length)) throw new CelError(`index out of range: ${start}`)
  const at = (i: number) => needle.every((p, k) => hay[i + k] === p)
  if (last) {
    for (let i = Math.min(start, hay.length - needle.length); i >= 0; i--) if (at(i)) return BigInt(i)
  } else for (let i = start; i + needle.length <= hay.length; i++) if (at(i)) return BigInt(i)
  return -1n
}

function substring([s, from, to]: readonly Value[]): Value {
  const all = points(text(s))
  const start = Number(whole(from))
  const end = to === undefined ? all.length : Number(whole(to))
  if (start < 0 || start > all.length) throw new CelError(`index out of range: ${start}`)
  if (end < 0 || end > all.length) throw new CelError(`index out of range: ${end}`)
  if (start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`)
  return all.slice(start, end).join('')
}

function split([s, by, limit]: readonly Value[]): Value {
  const n = limit === undefined ? -1 : Number(whole(limit))
  if (n === 0) return []
  const pieces = text(by) === '' ? points(text(s)) : text(s).split(text(by))
  return n < 0 || pieces.length <= n ? pieces : [...pieces.slice(0, n - 1), pieces.slice(n - 1).join(text(by))]
}

function replace([s, from, to, limit]: readonly Value[]): Value {
  const n = limit === undefined ? -1 : Number(whole(limit))
  if (n < 0) return text(s).split(text(from)).join(text(to))
  const pieces = text(s).split(text(from))
  return pieces.reduce((out, piece, i) => (i === 0 ? piece : out + (i <= n ? text(to) : text(from)) + piece), '')
}

function extreme(args: readonly Value[], sign: number, name: string): Value {
  const all = list(args[0])
  if (all.length === 0) throw new CelError(`${name} called on empty list`)
  return all.reduce((best, v) => (compare(v, best) * sign > 0 ? v : best))
}

function total(args: readonly Value[]): Value {
  const all = list(args[0])
  return all.length === 0 ? 0n : all.reduce(add)
}

const everyIn = (a: CelList, b: CelList) => b.every((v) => a.some((x) => equals(x, v)))
const isZero = (v: Value): boolean => v === null || v === false || v === '' || v === 0 || v === 0n || (Array.isArray(v) && v.length === 0) || (v instanceof CelMap && v.size === 0) || (v instanceof Uint && v.value === 0n) || (v instanceof Duration && v.ns === 0n)
const optional = (v: Value | undefined): Optional => {
  if (!(v instanceof Optional)) throw noOverload()
  return v
}
const onText = (work: (s: string) => Value): Implementation => ([s]) => work(text(s))
const onTexts = (work: (s: string, t: string) => Value): Implementation => ([s, t]) => work(text(s), text(t))
const ordered = (test: (order: number) => boolean): Implementation => ([a, b]) => {
  if (isNumber(a!) && isNumber(b!) && (Number.isNaN(a) || Number.isNaN(b))) return false
  return test(compare(a!, b!))
}

export const standardFunctions: Record<string, Implementation> = {
  ...Object.fromEntries(Object.entries(conversions).map(([name, work]) => [name, ([v]: readonly Value[]) => work(v!)])),
  '!_': ([a]) => {
    if (typeof a !== 'boolean') throw noOverload()
    return !a
  },
  '-_': ([a]) => {
    if (typeof a === 'bigint') return inInt(-a)
    if (typeof a === 'number') return -a
    throw noOverload()
  },
  '_==_': ([a, b]) => equals(a!, b!),
  '_!=_': ([a, b]) => !equals(a!, b!),
  '_<_': ordered((o) => o < 0),
  '_<=_': ordered((o) => o <= 0),
  '_>_': ordered((o) => o > 0),
  '_>=_': ordered((o) => o >= 0),
  '_+_': ([a, b]) => add(a!, b!),
  '_-_': ([a, b]) => subtract(a!, b!),
  '_*_': ([a, b]) => {
    const product = arithmetic(a!, b!, (x, y) => x * y, (x, y) => x * y)
    if (product === undefined) throw noOverload()
    return product
  },
  '_/_': ([a, b]) => divide('_/_', a!, b!),
  '_%_': ([a, b]) => divide('_%_', a!, b!),
  '@in': ([a, b]) => contains(a!, b!),
  '_[_]': ([a, b]) => index(a!, b!),
  '_[?_]': ([a, b]) => optionalIndex(a!, b!),
  '_?._': ([a, b]) => optionalIndex(a!, b!),
  'cel.@mapInsert'([map, key, value]) {
    const out = CelMap.of((map as CelMap).entries())
    const added: Iterable<readonly [Value, Value]> = value === undefined ? (key as CelMap).entries() : [[key!, value]]
    for (const [k, v] of added) {
      if (out.has(k)) throw new CelError(`insert failed: key ${keyText(k)} already exists`)
      out.set(k, v)
    }
    return out
  },
  size: ([a]) => size(a!),
  matches: onTexts((s, t) => pattern(t).test(s)),
  contains: onTexts((s, t) => s.includes(t)),
  startsWith: onTexts((s, t) => s.startsWith(t)),
  endsWith: onTexts((s, t) => s.endsWith(t)),
  charAt([s, i]) {
    const [all, at] = [points(text(s)), Number(whole(i))]
    if (at < 0 || at > all.length) throw new CelError(`index out of range: ${at}`)
    return all[at] ?? ''
  },
  indexOf: (args) => indexOf(args, false),
  lastIndexOf: (args) => indexOf(args, true),
  lowerAscii: onText((s) => s.replace(/[A-Z]/g, (c) => c.toLowerCase())),
  upperAscii: onText((s) => s.replace(/[a-z]/g, (c) => c.toUpperCase())),
  trim: onText((s) => s.trim()),
  reverse: onText((s) => points(s).reverse().join('')),
  replace, split, substring,
  join: ([l, by]) => list(l).map(text).join(by === undefined ? '' : text(by)),
  format: ([s, l]) => formatText(text(s), list(l)),
  'strings.quote': onText((s) => JSON.stringify(s)),
  find: onTexts((s, t) => pattern(t).exec(s)?.[0] ?? ''),
  findAll([s, t, limit]) {
    const re = pattern(text(t))
    const all = [...text(s).matchAll(new RegExp(re.source, re.flags + 'g'))].map((m) => m[0])
    return limit === undefined || whole(limit) < 0n ? all : all.slice(0, Number(limit))
  },
  isSorted: ([l]) => list(l).every((v, i, all) => i === 0 || compare(all[i - 1]!, v) <= 0),
  sum: total,
  min: (args) => extreme(args, -1, 'min'),
  max: (args) => extreme(args, 1, 'max'),
  'sets.contains': ([a, b]) => everyIn(list(a), list(b)),
  'sets.equivalent': ([a, b]) => everyIn(list(a), list(b)) && everyIn(list(b), list(a)),
  'sets.intersects': ([a, b]) => list(a).some((v) => list(b).some((w) => equals(v, w))),
  'optional.of': ([a]) => new Optional(a),
  'optional.ofNonZeroValue': ([a]) => new Optional(isZero(a!) ? undefined : a),
  'optional.none': () => new Optional(undefined),
  'optional.unwrap': ([l]) => list(l).flatMap((o) => (optional(o).value === undefined ? [] : [optional(o).value!])),
  unwrapOpt: ([l]) => list(l).flatMap((o) => (optional(o).value === undefined ? [] : [optional(o).value!])),
  hasValue: ([o]) => optional(o).value !== undefined,
  value([o]) {
    const { value } = optional(o)
    if (value === undefined) throw new CelError('optional.none() dereference')
    return value
  },
  or: ([a, b]) => (optional(a).value === undefined ? optional(b) : optional(a)),
  orValue: ([a, b]) => optional(a).value ?? b!,
  ...Object.fromEntries(
    timeParts.map((name) => [
      name,
      ([t, zone]: readonly Value[]) => {
        if (!(t instanceof Timestamp || t instanceof Duration)) throw noOverload()
        return timePart(name, t, zone === undefined ? undefined : text(zone))
      },
    ]),
  ),
}
