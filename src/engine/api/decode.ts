/**
 * JSON into a typed object as Go's decoder does it: type errors with Go's words, unknown fields found and dropped, nulls and zero values of
 * `omitempty` fields left out, values that are always written filled in. Models sigs.k8s.io/json and the round trip through Go structs.
 */
import { canonicalQuantity } from '#base/quantity.ts'
import { timeError } from './go-time.ts'
import { isObject, type Loose } from './loose.ts'
import type { Field, Schemas, ValueType } from './schema.ts'

/** The text after `X in version "v1" cannot be handled as a X: `. */
export class DecodeError extends Error {}

export interface Decoded {
  readonly object: Loose
  /** Paths of unknown fields: `spec.containers[0].foo`. */
  readonly unknown: readonly string[]
}

const jsonKind = (value: Loose) =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'object' ? 'object' : typeof value === 'boolean' ? 'bool' : (typeof value as string)

const goLeaf: Record<string, string> = { string: 'string', int32: 'int32', int64: 'int64', double: 'float64', bool: 'bool', bytes: '[]uint8' }

/** What a leaf decoder answers where JSON's type is wrong: the Go type that was expected. */
class Mismatch {
  readonly goType: string
  constructor(goType: string) {
    this.goType = goType
  }
}

type LeafKind = Exclude<ValueType['kind'], 'struct' | 'list' | 'map'>
type LeafDecoder = (value: Loose, field: Field) => Loose | Mismatch

function integer(goType: string, limit: number): LeafDecoder {
  return (value) => (typeof value !== 'number' || !Number.isInteger(value) || value > limit || value < -limit - 1 ? new Mismatch(goType) : value)
}

function time(micro: boolean): LeafDecoder {
  return (value) => {
    if (typeof value !== 'string') throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type string`)
    const wrong = timeError(value, micro)
    if (wrong) throw new DecodeError(wrong)
    return micro ? value : new Date(Math.floor(Date.parse(value) / 1000) * 1000).toISOString().slice(0, 19) + 'Z'
  }
}

const asItIs: LeafDecoder = (value) => value

const leaves: Readonly<Record<LeafKind, LeafDecoder>> = {
  string: (value, field) => (typeof value === 'string' ? value : new Mismatch(field.goType ?? 'string')),
  int32: integer('int32', 2147483647),
  int64: integer('int64', Number.MAX_SAFE_INTEGER * 1024),
  double: (value) => (typeof value === 'number' ? value : new Mismatch('float64')),
  bool: (value) => (typeof value === 'boolean' ? value : new Mismatch('bool')),
  quantity: (value) => quantity(value, false),
  time: time(false),
  microtime: time(true),
  intstr: (value) => (typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value) && value <= 2147483647 && value >= -2147483648) ? value : new Mismatch('int32')),
  bytes: (value) => {
    if (typeof value !== 'string') return new Mismatch('[]uint8')
    const bad = base64Error(value)
    if (bad !== undefined) throw new DecodeError(`illegal base64 data at input byte ${bad}`)
    return value.replaceAll(/[\r\n]/g, '')
  },
  object: asItIs,
  any: asItIs,
}

/** `upwards`: rounded up to thousandths. */
function quantity(value: Loose, upwards: boolean): string {
  if (typeof value !== 'string' && typeof value !== 'number') throw new DecodeError(QUANTITY)
  const text = canonicalQuantity(String(value).trim(), upwards)
  if (text === undefined) throw new DecodeError(QUANTITY)
  return text
}

export class Decoder {
  readonly #schemas: Schemas

  constructor(schemas: Schemas) {
    this.#schemas = schemas
  }

  decode(typeName: string, value: Loose): Decoded {
    const unknown: string[] = []
    const object = this.#struct(typeName, value, '', [], unknown)
    return { object, unknown }
  }

  #struct(name: string, value: Record<string, Loose>, path: string, stack: readonly string[], unknown: string[]): Loose {
    const struct = this.#schemas.struct(name)
    const out: Record<string, Loose> = {}
    for (const key in value) {
      const field = struct.fields.get(key)
      if (!field) {
        unknown.push(path === '' ? key : `${path}.${key}`)
        continue
      }
      const raw = value[key]
      if (raw === null) continue
      const decoded = this.#value(field.type, raw, path === '' ? key : `${path}.${key}`, [...stack, ...(field.embedded ? field.embedded.split('.') : []), key], field.lenient ? [] : unknown, name, field)
      if (!dropped(field, decoded)) out[key] = decoded
    }
    for (const field of struct.fields.values()) {
      if (field.default === undefined || out[field.name] !== undefined) continue
      out[field.name] = field.type.kind === 'struct' ? this.#struct(field.type.name, {}, '', [], []) : zero(field)
    }
    return out
  }

  /** Drops the empty lists and maps that do not survive the way through the store, and writes null where a list is always written. */
  settle(typeName: string, object: Record<string, Loose>): void {
    const struct = this.#schemas.struct(typeName)
    for (const key in object) {
      const value = object[key]
      if (value === null || typeof value !== 'object') continue
      const field = struct.fields.get(key)
      if (!field) continue
      const { type } = field
      if (type.kind === 'struct') this.settle(type.name, value)
      else if (Array.isArray(value)) {
        if (value.length === 0) {
          if (field.default === null) object[key] = null
          else delete object[key]
        } else if (type.kind === 'list' && type.item.kind === 'struct') for (const v of value) if (v !== null && typeof v === 'object') this.settle(type.item.name, v)
      } else if (type.kind === 'map') {
        const keys = Object.keys(value)
        if (keys.length === 0) {
          if (field.default === null) object[key] = null
          else delete object[key]
        } else if (type.item.kind === 'struct') for (const k of keys) this.settle(type.item.name, value[k])
      }
    }
  }

  #mismatch(value: Loose, goType: string, stack: readonly string[], structName: string): never {
    const kind = jsonKind(value)
    const what = kind === 'number' && goType.startsWith('int') ? `number ${value}` : kind
    const struct = structName.slice(structName.lastIndexOf('.') + 1)
    throw new DecodeError(`json: cannot unmarshal ${what} into Go struct field ${struct}.${stack.join('.')} of type ${goType}`)
  }

  #goType(type: ValueType, field: Field | undefined): string {
    if (type.kind === 'list') return '[]' + this.#goType(type.item, field)
    if (type.kind === 'map') return type.item.kind === 'quantity' ? 'v1.ResourceList' : type.item.kind === 'bytes' ? 'map[string][]uint8' : 'map[string]' + this.#goType(type.item, undefined)
    if (type.kind === 'struct') {
      const [pkg, ...rest] = type.name.split('.')
      return pkg && rest.length === 2 ? `${rest[0]}.${rest[1]}` : type.name
    }
    return field?.goType ?? goLeaf[type.kind] ?? type.kind
  }

  #value(type: ValueType, value: Loose, path: string, stack: readonly string[], unknown: string[], owner: string, field: Field): Loose {
    if (type.kind === 'struct') {
      if (!isObject(value)) this.#mismatch(value, this.#goType(type, field), stack, owner)
      return this.#struct(type.name, value as Record<string, Loose>, path, stack, unknown)
    }
    if (type.kind === 'list') {
      if (!Array.isArray(value)) this.#mismatch(value, this.#goType(type, field), stack, owner)
      const { item } = type
      return (value as Loose[]).map((v, i) => (v === null && item.kind !== 'struct' ? zeroOf(item) : this.#value(item, v ?? {}, `${path}[${i}]`, stack, unknown, owner, field)))
    }
    if (type.kind === 'map') {
      if (!isObject(value)) this.#mismatch(value, this.#goType(type, field), stack, owner)
      const out: Record<string, Loose> = {}
      for (const [k, v] of Object.entries(value as Record<string, Loose>)) out[k] = type.item.kind === 'quantity' && owner !== 'node.v1.Overhead' ? this.#resource(v) : v === null ? zeroOf(type.item) : this.#value(type.item, v, `${path}.${k}`, stack, unknown, owner, field)
      return out
    }
    const decoded = leaves[type.kind](value, field)
    if (decoded instanceof Mismatch) this.#mismatch(value, decoded.goType, stack, owner)
    return decoded
  }

  /** Quantities of resource lists are rounded up to thousandths. */
  #resource(value: Loose): string {
    return value === null ? '0' : quantity(value, true)
  }
}

const QUANTITY = `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`

/** Where Go's base64 decoder stops, or undefined. */
function base64Error(text: string): number | undefined {
  const clean = text.replaceAll(/[\r\n]/g, '')
  for (let i = 0; i < clean.length; i++) {
    const ch = clean[i]!
    if (/[A-Za-z0-9+/]/.test(ch)) continue
    if (ch === '=') {
      const rest = clean.slice(i)
      if (i % 4 === 2 && rest === '==') return undefined
      if (i % 4 === 3 && rest === '=') return undefined
      if (i % 4 === 2 && rest === '=') return clean.length
      if (i % 4 === 2 || i % 4 === 3) return i + (4 - (i % 4))
      return i
    }
    return i
  }
  return clean.length % 4 === 0 ? undefined : clean.length - (clean.length % 4)
}

function zeroOf(type: ValueType): Loose {
  switch (type.kind) {
    case 'string':
    case 'bytes':
      return ''
    case 'quantity':
      return '0'
    case 'bool':
      return false
    case 'list':
    case 'map':
    case 'any':
    case 'object':
      return null
    case 'struct':
      return {}
  }
  return 0
}

/** What an always-written field shows when nothing was given. */
function zero(field: Field): Loose {
  if (field.default === null) return null
  const { kind } = field.type
  return kind === 'string' ? '' : kind === 'bool' ? false : kind === 'int32' || kind === 'int64' || kind === 'double' ? 0 : null
}

/** Is a decoded value left out when written again (omitempty)? Empty lists stay until the object is stored (settle). */
function dropped(field: Field, value: Loose): boolean {
  if (Array.isArray(value)) return false
  if (field.default !== undefined || field.pointer) return false
  switch (field.type.kind) {
    case 'string':
    case 'bytes':
      return value === ''
    case 'bool':
      return value === false
    case 'int32':
    case 'int64':
    case 'double':
      return value === 0
  }
  return false
}
