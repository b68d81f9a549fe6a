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
      const decoded = this.#value(field.type, raw, path === '' ? key : `${path}.${key}`, [...stack, ...(field.embedded ? field.embedded.split('.') : []), key], unknown, name, field)
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
    switch (type.kind) {
      case 'string':
        if (typeof value !== 'string') this.#mismatch(value, field.goType ?? 'string', stack, owner)
        return value
      case 'int32':
      case 'int64': {
        if (typeof value !== 'number') this.#mismatch(value, type.kind, stack, owner)
        const limit = type.kind === 'int32' ? 2147483647 : Number.MAX_SAFE_INTEGER * 1024
        if (!Number.isInteger(value) || value > limit || value < -limit - 1) this.#mismatch(value, type.kind, stack, owner)
        return value
      }
      case 'double':
        if (typeof value !== 'number') this.#mismatch(value, 'float64', stack, owner)
        return value
      case 'bool':
        if (typeof value !== 'boolean') this.#mismatch(value, 'bool', stack, owner)
        return value
      case 'quantity': {
        if (typeof value !== 'string' && typeof value !== 'number') throw new DecodeError(QUANTITY)
        const text = canonicalQuantity(String(value).trim(), false)
        if (text === undefined) throw new DecodeError(QUANTITY)
        return text
      }
      case 'list': {
        if (!Array.isArray(value)) this.#mismatch(value, this.#goType(type, field), stack, owner)
        const { item } = type
        return (value as Loose[]).map((v, i) => (v === null && item.kind !== 'struct' ? zeroOf(item) : this.#value(item, v ?? {}, `${path}[${i}]`, stack, unknown, owner, field)))
      }
      case 'map': {
        if (!isObject(value)) this.#mismatch(value, this.#goType(type, field), stack, owner)
        const out: Record<string, Loose> = {}
        for (const [k, v] of Object.entries(value as Record<string, Loose>)) out[k] = type.item.kind === 'quantity' ? this.#resource(v) : v === null ? zeroOf(type.item) : this.#value(type.item, v, `${path}.${k}`, stack, unknown, owner, field)
        return out
      }
      case 'struct':
        if (!isObject(value)) this.#mismatch(value, this.#goType(type, field), stack, owner)
        return this.#struct(type.name, value as Record<string, Loose>, path, stack, unknown)
      case 'time':
      case 'microtime': {
        if (typeof value !== 'string') throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type string`)
        const wrong = timeError(value, type.kind === 'microtime')
        if (wrong) throw new DecodeError(wrong)
        if (type.kind === 'microtime') return value
        return new Date(Math.floor(Date.parse(value) / 1000) * 1000).toISOString().slice(0, 19) + 'Z'
      }
      case 'intstr':
        if (typeof value === 'string') return value
        if (typeof value !== 'number' || !Number.isInteger(value) || value > 2147483647 || value < -2147483648) this.#mismatch(value, 'int32', stack, owner)
        return value
      case 'bytes': {
        if (typeof value !== 'string') this.#mismatch(value, '[]uint8', stack, owner)
        const bad = base64Error(value as string)
        if (bad !== undefined) throw new DecodeError(`illegal base64 data at input byte ${bad}`)
        return (value as string).replaceAll(/[\r\n]/g, '')
      }
      default:
        return value
    }
  }

  /** Quantities of resource lists are rounded up to thousandths. */
  #resource(value: Loose): string {
    if (value === null) return '0'
    if (typeof value !== 'string' && typeof value !== 'number') throw new DecodeError(QUANTITY)
    const text = canonicalQuantity(String(value).trim(), true)
    if (text === undefined) throw new DecodeError(QUANTITY)
    return text
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
