/** Values of CEL at run time. Ints are bigints, doubles are numbers, lists are arrays, strings are strings; the rest are small classes. */
import { decodeBytes } from '#base/bytes.ts'
import { compareQuantities, formatQuantity, type Quantity } from '#base/quantity.ts'

export class Uint {
  readonly value: bigint

  constructor(value: bigint) {
    this.value = value
  }
}

export class Bytes {
  readonly data: Uint8Array

  constructor(data: Uint8Array) {
    this.data = data
  }
}

/** The text that bytes are; undefined: they are not UTF-8. */
export function utf8Text(data: Uint8Array): string | undefined {
  const text = decodeBytes(data)
  return /\p{Surrogate}/u.test(text) ? undefined : text
}

/** Nanoseconds since 1970. */
export class Timestamp {
  readonly ns: bigint

  constructor(ns: bigint) {
    this.ns = ns
  }
}

export class Duration {
  readonly ns: bigint

  constructor(ns: bigint) {
    this.ns = ns
  }
}

export class TypeValue {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

export class Optional {
  readonly value: Value | undefined

  constructor(value: Value | undefined) {
    this.value = value
  }
}

/** Values of the libraries: `type` is the name of the CEL type, `data` what the library keeps. Equal when their texts are. */
export class Opaque {
  readonly type: string
  readonly text: string
  readonly data: unknown

  constructor(type: string, text: string, data: unknown) {
    this.type = type
    this.text = text
    this.data = data
  }
}

export class CelMap {
  readonly #entries = new Map<string, readonly [Value, Value]>()
  #lazy: Map<string, () => Value> | undefined
  /** Name of its message type, if it is one. */
  readonly type: string | undefined

  constructor(type?: string) {
    this.type = type
  }

  static of(entries: Iterable<readonly [Value, Value]>): CelMap {
    const map = new CelMap()
    for (const [k, v] of entries) map.set(k, v)
    return map
  }

  set(key: Value, value: Value): void {
    this.#entries.set(keyOf(key), [key, value])
  }

  /** A member whose value is worked out whenever it is asked for. */
  setLazily(key: string, value: () => Value): void {
    this.#lazy ??= new Map()
    this.#lazy.set(keyOf(key), value)
  }

  get(key: Value): Value | undefined {
    const id = keyOf(key)
    return this.#entries.get(id)?.[1] ?? this.#lazy?.get(id)?.()
  }

  has(key: Value): boolean {
    const id = keyOf(key)
    return this.#entries.has(id) || this.#lazy?.has(id) === true
  }

  get size(): number {
    return this.#entries.size
  }

  *keys(): Generator<Value> {
    for (const [k] of this.#entries.values()) yield k
  }

  entries(): Iterable<readonly [Value, Value]> {
    return this.#entries.values()
  }
}

export type Value = null | boolean | bigint | number | string | Uint | Bytes | Timestamp | Duration | TypeValue | Optional | Opaque | CelMap | CelList
export type CelList = readonly Value[]

/** Lists that the schema calls sets or maps: order does not count in comparisons. */
export const listKeys = new WeakMap<CelList, readonly string[] | 'set'>()

/** A failure while evaluating. */
export class CelError extends Error {}

export const noOverload = () => new CelError('no such overload')

/** Whole numbers of any type are the same key. */
function keyOf(key: Value): string {
  if (typeof key === 'string') return 's' + key
  if (typeof key === 'bigint') return 'n' + String(key)
  if (key instanceof Uint) return 'n' + String(key.value)
  if (typeof key === 'number') return Number.isInteger(key) ? 'n' + String(BigInt(key)) : 'd' + String(key)
  if (typeof key === 'boolean') return 'b' + String(key)
  throw new CelError('unsupported key type')
}

export const isNumber = (v: Value): v is bigint | number | Uint => typeof v === 'bigint' || typeof v === 'number' || v instanceof Uint

const plain = (v: bigint | number | Uint): bigint | number => (v instanceof Uint ? v.value : v)

/** -1, 0, 1; undefined for numbers that are none. */
export function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): number | undefined {
  const [x, y] = [plain(a), plain(b)]
  if (Number.isNaN(x) || Number.isNaN(y)) return undefined
  return x < y ? -1 : x > y ? 1 : 0
}

/** In order of code points. */
export function compareTexts(a: string, b: string): number {
  const [x, y] = [[...a], [...b]]
  for (let i = 0; i < x.length && i < y.length; i++) if (x[i] !== y[i]) return x[i]!.codePointAt(0)! < y[i]!.codePointAt(0)! ? -1 : 1
  return Math.sign(x.length - y.length)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1
  return Math.sign(a.length - b.length)
}

export function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) {
    const order = compareNumbers(a, b)
    if (order === undefined) throw new CelError('NaN values cannot be ordered')
    return order
  }
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Bytes && b instanceof Bytes) return compareBytes(a.data, b.data)
  if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration)) return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0
  if (a instanceof Opaque && b instanceof Opaque && a.type === 'kubernetes.Quantity' && b.type === a.type) return compareQuantities(a.data as Quantity, b.data as Quantity)
  throw noOverload()
}

export function equals(a: Value, b: Value): boolean {
  if (a === b) return true
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0
  if (Array.isArray(a) && Array.isArray(b)) return equalLists(a, b)
  if (a instanceof CelMap && b instanceof CelMap) {
    if (a.size !== b.size) return false
    for (const [k, v] of a.entries()) {
      const other = b.get(k)
      if (other === undefined || !equals(v, other)) return false
    }
    return true
  }
  if (a instanceof Bytes && b instanceof Bytes) return compareBytes(a.data, b.data) === 0
  if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration)) return a.ns === b.ns
  if (a instanceof TypeValue && b instanceof TypeValue) return a.name === b.name
  if (a instanceof Optional && b instanceof Optional) return a.value === undefined || b.value === undefined ? a.value === b.value : equals(a.value, b.value)
  if (a instanceof Opaque && b instanceof Opaque) return a.type === b.type && (a.type === 'kubernetes.Quantity' ? compare(a, b) === 0 : a.text === b.text)
  return false
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.length !== b.length) return false
  const keys = listKeys.get(a) ?? listKeys.get(b)
  if (keys === undefined) return a.every((x, i) => equals(x, b[i]!))
  if (keys === 'set') return a.every((x) => b.some((y) => equals(x, y)))
  return a.every((x) => b.some((y) => sameKeys(x, y, keys) && equals(x, y)))
}

export function sameKeys(a: Value, b: Value, keys: readonly string[]): boolean {
  if (!(a instanceof CelMap) || !(b instanceof CelMap)) return false
  return keys.every((k) => {
    const [x, y] = [a.get(k), b.get(k)]
    return x === undefined || y === undefined ? x === y : equals(x, y)
  })
}

export function typeNameOf(v: Value): string {
  if (v === null) return 'null_type'
  switch (typeof v) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'string':
      return 'string'
  }
  if (Array.isArray(v)) return 'list'
  if (v instanceof CelMap) return v.type ?? 'map'
  if (v instanceof Uint) return 'uint'
  if (v instanceof Bytes) return 'bytes'
  if (v instanceof Timestamp) return 'google.protobuf.Timestamp'
  if (v instanceof Duration) return 'google.protobuf.Duration'
  if (v instanceof TypeValue) return 'type'
  if (v instanceof Optional) return 'optional_type'
  return (v as Opaque).type
}

export const quantityValue = (q: Quantity): Opaque => new Opaque('kubernetes.Quantity', formatQuantity(q), q)

/** JSON as CEL sees it without a schema: whole numbers are ints. */
export function fromJson(json: unknown): Value {
  if (json === null || json === undefined) return null
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json
  if (typeof json === 'string' || typeof json === 'boolean') return json
  if (Array.isArray(json)) return json.map(fromJson)
  const map = new CelMap()
  for (const [k, v] of Object.entries(json as Record<string, unknown>)) if (v !== undefined) map.set(k, fromJson(v))
  return map
}
