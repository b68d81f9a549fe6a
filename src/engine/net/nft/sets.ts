/**
 * Sets and maps: canonical keys, lookup (by hash, by interval, or part by part for concatenated intervals), merging of neighbouring intervals in
 * anonymous sets, and the order of a listing.
 */
import { sortKey, type DataType } from './datatypes.ts'
import type { NftSet, Operand, Scalar, SetElement, SetSpecification } from './types.ts'

export function makeSet(name: string, specification: SetSpecification): NftSet {
  return { name, specification, elements: new Map(), version: 0, handle: 0 }
}

export function canonical(o: Operand): string {
  switch (o.kind) {
    case 'value':
      return String(o.value)
    case 'prefix':
      return `${o.value}/${o.length}`
    case 'beginning':
      return `${o.text}*`
    case 'range':
      return `${o.from}-${o.to}`
    case 'any':
      return '*'
    case 'concat':
      return o.parts.map(canonical).join(' . ')
  }
}

/** First and last value; undefined for exact ones. */
export function rangeOf(types: readonly DataType[], o: Operand): readonly [Scalar, Scalar] | undefined {
  if (o.kind === 'range') return [o.from, o.to]
  if (o.kind === 'beginning') return [o.text, `${o.text}\uffff`]
  if (o.kind === 'prefix') {
    const type = types[0]!
    const size = (1n << BigInt(type.bits - o.length)) - 1n
    return typeof o.value === 'bigint' ? [o.value, o.value + size] : [o.value, o.value + Number(size)]
  }
  if (o.kind === 'concat') return o.parts.some((p, i) => rangeOf([types[i]!], p) !== undefined) ? [0, 0] : undefined
  return undefined
}

/** Whether one value lies in an operand. */
export function holds(type: DataType, o: Operand, value: Scalar): boolean {
  if (o.kind === 'any') return true
  if (o.kind === 'value') return o.value === value
  const range = rangeOf([type], o)
  return range !== undefined && value >= range[0] && value <= range[1]
}

interface Index {
  readonly version: number
  /** Sorted, for one-part keys of interval sets. */
  readonly ranges: readonly { readonly from: Scalar; readonly to: Scalar; readonly element: SetElement }[]
  /** Concatenated keys with intervals. */
  readonly loose: readonly SetElement[]
  readonly any: SetElement | undefined
}

const indexes = new WeakMap<NftSet, Index>()

function indexOf(set: NftSet): Index {
  const known = indexes.get(set)
  if (known && known.version === set.version) return known
  const types = set.specification.key
  const ranges: { from: Scalar; to: Scalar; element: SetElement }[] = []
  const loose: SetElement[] = []
  let any: SetElement | undefined
  for (const element of set.elements.values()) {
    if (element.key.kind === 'any') any = element
    else if (element.key.kind === 'concat') {
      if (rangeOf(types, element.key)) loose.push(element)
    } else {
      const range = rangeOf(types, element.key)
      if (range) ranges.push({ from: range[0], to: range[1], element })
    }
  }
  ranges.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))
  const index = { version: set.version, ranges, loose, any }
  indexes.set(set, index)
  return index
}

/** The element for a packet's values. Dead ones (timeout) count as absent. */
export function lookup(set: NftSet, values: readonly Scalar[], now: number): SetElement | undefined {
  const exact = set.elements.get(values.length === 1 ? String(values[0]) : values.join(' . '))
  if (exact && (exact.expires === undefined || exact.expires > now)) return exact
  if (!set.specification.flags.includes('interval') && !set.elements.has('*')) return undefined
  const index = indexOf(set)
  const found = values.length === 1 ? search(index.ranges, values[0]!) : index.loose.find((e) => e.key.kind === 'concat' && e.key.parts.every((part, i) => holds(set.specification.key[i]!, part, values[i]!)))
  const element = found ?? index.any
  return element && (element.expires === undefined || element.expires > now) ? element : undefined
}

function search(ranges: Index['ranges'], value: Scalar): SetElement | undefined {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const r = ranges[middle]!
    if (value < r.from) high = middle - 1
    else if (value > r.to) low = middle + 1
    else return r.element
  }
  return undefined
}

/** A range as the shortest thing that says it: value, prefix, or range. */
export function simplest(type: DataType, from: Scalar, to: Scalar): Operand {
  if (from === to) return { kind: 'value', value: from }
  if (typeof from === 'string' || type.name === 'inet_service' || type.order === 'host') return { kind: 'range', from, to }
  const [a, b] = [BigInt(from), BigInt(to as number)]
  const size = b - a + 1n
  if ((size & (size - 1n)) === 0n && a % size === 0n && /_addr$/.test(type.name)) return { kind: 'prefix', value: from, length: type.bits - (size.toString(2).length - 1) }
  return { kind: 'range', from, to }
}

/** Elements in the order of a listing; intervals of anonymous sets (or with auto-merge) are joined where they touch. */
export function listed(set: NftSet, now: number): SetElement[] {
  const types = set.specification.key
  const living = [...set.elements.values()].filter((e) => e.expires === undefined || e.expires > now)
  const [type] = types
  if (types.length > 1) return living.sort((a, b) => compare(concatKey(types, a.key), concatKey(types, b.key)))
  const interval = set.specification.flags.includes('interval')
  const bounds = (e: SetElement): readonly [Scalar, Scalar] => rangeOf(types, e.key) ?? (e.key.kind === 'value' ? [e.key.value, e.key.value] : [0, 0])
  const named = living.filter((e) => e.key.kind !== 'any')
  const last = living.filter((e) => e.key.kind === 'any')
  if (!interval) return [...named.sort((a, b) => compare(sortKey(type!, bounds(a)[0]), sortKey(type!, bounds(b)[0]))), ...last]
  named.sort((a, b) => compare(bounds(a)[0], bounds(b)[0]))
  if (type!.order === 'string' || set.specification.data !== undefined) return [...named.map((e) => ({ ...e, key: e.key.kind === 'beginning' ? e.key : simplest(type!, ...bounds(e)) })), ...last]
  const out: SetElement[] = []
  for (const element of named) {
    const [from, to] = bounds(element)
    const before = out.at(-1)
    const [first, end] = before ? bounds(before) : [0, 0]
    const touches = before !== undefined && typeof end !== 'string' && (from as number) <= ((typeof end === 'bigint' ? end + 1n : end + 1) as number)
    if (touches && set.specification.autoMerge) out[out.length - 1] = { ...before, key: simplest(type!, first, (to as number) > (end as number) ? to : end) }
    else out.push({ ...element, key: simplest(type!, from, to) })
  }
  return [...out, ...last]
}

const compare = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)

/** Concatenated keys are compared from their last byte. */
function concatKey(types: readonly DataType[], key: Operand): bigint {
  if (key.kind !== 'concat') return -1n
  let sum = 0n
  let shift = 0n
  for (const [i, part] of key.parts.entries()) {
    const type = types[i]!
    const value = part.kind === 'value' ? part.value : part.kind === 'prefix' ? part.value : part.kind === 'range' ? part.from : 0
    const bytes = type.order === 'string' ? 16n : BigInt(Math.ceil(type.bits / 8))
    const number = BigInt(sortKey(type, value))
    sum |= (type.order === 'network' ? reverse(number, bytes) : number) << shift
    shift += bytes * 8n
  }
  return sum
}

function reverse(value: bigint, bytes: bigint): bigint {
  let out = 0n
  for (let i = 0n; i < bytes; i++) out = (out << 8n) | ((value >> (i * 8n)) & 255n)
  return out
}
