/** API objects are open maps of JSON; code that walks into them by field name uses this one deliberately loose type instead of casting at every step. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Loose = any

/** A deep copy of JSON data, for objects that are about to be changed. */
export function copy<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(copy) as T
  const out: Record<string, unknown> = {}
  const source = value as Record<string, unknown>
  for (const key in source) {
    const v = source[key]
    if (v !== undefined) out[key] = typeof v === 'object' && v !== null ? copy(v) : v
  }
  return out as T
}

/** Equality of JSON data; members that are undefined count as missing. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i])) return false
    return true
  }
  if (Array.isArray(b)) return false
  const x = a as Record<string, unknown>
  const y = b as Record<string, unknown>
  for (const key in x) if (x[key] !== undefined && !equal(x[key], y[key])) return false
  for (const key in y) if (y[key] !== undefined && x[key] === undefined) return false
  return true
}

/** Equality as Go's Semantic.DeepEqual sees it: null, missing and empty lists or maps are the same. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isEmpty(a) && isEmpty(b)) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!semanticEqual(a[i], b[i])) return false
    return true
  }
  if (Array.isArray(b)) return false
  const x = a as Record<string, unknown>
  const y = b as Record<string, unknown>
  for (const key in x) if (!semanticEqual(x[key], y[key])) return false
  for (const key in y) if (!(key in x) && !semanticEqual(x[key], y[key])) return false
  return true
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0) || (typeof value === 'object' && Object.keys(value).length === 0)
}

export function isObject(value: unknown): value is Record<string, Loose> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
