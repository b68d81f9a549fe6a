/** Paths into values: reading, setting and deleting by them, and results that carry the path that leads to them. */
import { compare, JqError, keysOf, object, short, typeOf, type Json } from './values.ts'

/** Undefined outside path mode. */
export type Path = readonly Json[] | undefined
export type Result = readonly [value: Json, path: Path]

/** `.[key]` on a value. Throws JqError. */
export function getIndex(v: Json, key: Json): Json {
  const type = typeOf(v)
  if (type === 'object' && typeof key === 'string') return (v as { [k: string]: Json })[key] ?? null
  if (type === 'array' && typeof key === 'number') {
    const a = v as Json[]
    if (!Number.isInteger(key)) return null
    return a[key < 0 ? a.length + key : key] ?? null
  }
  if (type === 'null' && (typeof key === 'string' || typeof key === 'number' || key === null || typeOf(key) === 'object')) return null
  if (typeOf(key) === 'object' && (type === 'array' || type === 'string')) {
    const k = key as { [k: string]: Json }
    if (!('start' in k) || !('end' in k)) throw new JqError('Start and end indices of an array slice must be numbers')
    return slice(v, k['start'] ?? null, k['end'] ?? null)
  }
  if (type === 'array' && Array.isArray(key)) {
    const a = v as Json[]
    const found: Json[] = []
    if (key.length > 0) for (let i = 0; i + key.length <= a.length; i++) if (key.every((x, k) => compare(x, a[i + k]!) === 0)) found.push(i)
    return found
  }
  if (typeof key === 'string') throw new JqError(`Cannot index ${type} with string "${key}"`)
  throw new JqError(`Cannot index ${type} with ${typeOf(key)}`)
}

export function slice(v: Json, from: Json, to: Json): Json {
  if (v === null) return null
  if (!Array.isArray(v) && typeof v !== 'string') throw new JqError(`Cannot index ${typeOf(v)} with object`)
  if ((from !== null && typeof from !== 'number') || (to !== null && typeof to !== 'number')) throw new JqError(`Start and end indices of an array slice must be numbers`)
  const chars = typeof v === 'string' ? [...v] : v
  const n = chars.length
  const fix = (x: number, round: (y: number) => number) => Math.max(0, Math.min(n, x < 0 ? round(n + x) : round(x)))
  const a = from === null ? 0 : fix(from, Math.floor)
  const b = to === null ? n : fix(to, Math.ceil)
  return typeof v === 'string' ? chars.slice(a, Math.max(a, b)).join('') : (chars as Json[]).slice(a, Math.max(a, b))
}

export function getPath(v: Json, path: readonly Json[]): Json {
  let at = v
  for (const p of path) {
    if (at === null) return null
    at = getIndex(at, p)
  }
  return at
}

export function setPath(v: Json, path: readonly Json[], value: Json): Json {
  if (path.length === 0) return value
  const [head, ...rest] = path as [Json, ...Json[]]
  if (typeof head === 'string') {
    if (v !== null && typeOf(v) !== 'object') throw new JqError(`Cannot index ${typeOf(v)} with "${head}"`)
    const o = object(v === null ? [] : keysOf(v as { [k: string]: Json }).map((k) => [k, (v as { [k: string]: Json })[k]!]))
    o[head] = setPath(o[head] ?? null, rest, value)
    return o
  }
  if (typeof head === 'number') {
    if (v !== null && !Array.isArray(v)) throw new JqError(`Cannot index ${typeOf(v)} with number`)
    const a = [...((v as Json[] | null) ?? [])]
    let i = Math.floor(head)
    if (i < 0) {
      i += a.length
      if (i < 0) throw new JqError('Out of bounds negative array index')
    }
    while (a.length < i) a.push(null)
    a[i] = setPath(a[i] ?? null, rest, value)
    return a
  }
  if (typeOf(head) === 'object') {
    if (v !== null && !Array.isArray(v)) throw new JqError(`Cannot update field at object index of ${typeOf(v)}`)
    const a = (v as Json[] | null) ?? []
    const h = head as { [k: string]: Json }
    const part = slice(a, h['start'] ?? null, h['end'] ?? null) as Json[]
    const next = setPath(part, rest, value)
    if (!Array.isArray(next)) throw new JqError('A slice of an array can only be assigned another array')
    const n = a.length
    const fix = (x: Json, other: number) => (typeof x === 'number' ? Math.max(0, Math.min(n, x < 0 ? n + x : x)) : other)
    const from = Math.floor(fix(h['start'] ?? null, 0))
    const to = Math.max(from, Math.ceil(fix(h['end'] ?? null, n)))
    return [...a.slice(0, from), ...next, ...a.slice(to)]
  }
  if (Array.isArray(head)) throw new JqError('Cannot update field at array index of array')
  throw new JqError(`Invalid path component`)
}

export function deletePaths(v: Json, paths: readonly (readonly Json[])[]): Json {
  const sorted = [...paths].sort((a, b) => -compare(a as Json[], b as Json[]))
  let out = v
  for (const p of sorted) out = deletePath(out, p)
  return out
}

function deletePath(v: Json, path: readonly Json[]): Json {
  if (path.length === 0 || v === null) return null
  const [head, ...rest] = path as [Json, ...Json[]]
  if (rest.length > 0) {
    const child = getIndex(v, head)
    return child === null ? v : setPath(v, [head], deletePath(child, rest))
  }
  if (typeOf(v) === 'object') {
    if (typeof head !== 'string') throw new JqError(`Cannot delete field at object index of ${typeOf(head) === 'number' ? 'array' : typeOf(head)}`)
    const o = v as { [k: string]: Json }
    return object(keysOf(o).filter((k) => k !== head).map((k) => [k, o[k]!]))
  }
  if (Array.isArray(v)) {
    if (typeof head === 'number') {
      const i = head < 0 ? v.length + head : head
      return v.filter((_, k) => k !== i)
    }
    if (typeOf(head) === 'object') {
      const h = head as { [k: string]: Json }
      const n = v.length
      const fix = (x: Json | undefined, other: number) => (typeof x === 'number' ? Math.max(0, Math.min(n, x < 0 ? n + x : x)) : other)
      const from = fix(h['start'], 0)
      const to = fix(h['end'], n)
      return v.filter((_, k) => k < from || k >= to)
    }
    throw new JqError(`Cannot delete field at array index of array`)
  }
  throw new JqError(`Cannot delete field at ${typeof head === 'string' ? 'object' : 'array'} index of ${typeOf(v)}`)
}

export function truthy(v: Json): boolean {
  return v !== null && v !== false
}

export const extend = (path: Path, key: Json): Path => path && [...path, key]

/** A computed value in path mode has no path; using it as one is an error. */
export function noPath(v: Json, path: Path): Result {
  return path ? [v, poisoned] : [v, undefined]
}

/** Marks results that are no paths; any further step on them fails. */
export const poisoned: readonly Json[] = Object.freeze(['\u0000not a path'])

export function checkPath(r: Result): readonly Json[] {
  if (r[1]![0] === poisoned[0]) throw new JqError(`Invalid path expression with result ${short(r[0], 30)}`)
  return r[1]!
}

export function* iterate(v: Json, path: Path): Generator<Result> {
  if (Array.isArray(v)) {
    for (let i = 0; i < v.length; i++) yield [v[i]!, extend(path, i)]
    return
  }
  if (v !== null && typeof v === 'object') {
    for (const k of keysOf(v)) yield [v[k]!, extend(path, k)]
    return
  }
  throw new JqError(`Cannot iterate over ${typeOf(v)}${v === null ? ' (null)' : ` (${short(v)})`}`)
}

export function* recurse(v: Json, path: Path): Generator<Result> {
  yield [v, path]
  if (v !== null && typeof v === 'object') for (const [x, p] of iterate(v, path)) yield* recurse(x, p)
}
