/** Types and values of CEL out of structural schemas (apiserver/pkg/cel/common): what `self` is in rules of custom resources. */
import { encodeBytes, fromBase64 } from '#base/bytes.ts'
import { isObject, type Loose } from '../loose.ts'
import { parseDuration, parseTimestamp } from './time.ts'
import * as types from './types.ts'
import type { CelType } from './types.ts'
import { Bytes, CelMap, fromJson, listKeys, type Value } from './values.ts'

/** The greatest request in bytes, from which sizes follow where the schema gives no limit. */
const MAX_REQUEST = 3 * 1024 * 1024

const keywords = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'])

/** A property's name as rules write it; undefined: it cannot be named. */
export function escapeName(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_.\-/]*$/.test(name)) return undefined
  if (keywords.has(name)) return `__${name}__`
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__')
}

const formatSizes: Record<string, number> = { date: 10, 'date-time': 30, duration: 30 }

/** Fewest bytes that a value takes in JSON. */
function leastSize(schema: Loose): number {
  switch (schema?.type) {
    case 'boolean':
      return 4
    case 'string':
    case 'array':
      return 2
    case 'object': {
      let size = 2
      for (const key of schema.required ?? []) if (schema.properties?.[key] && schema.properties[key].default === undefined) size += leastSize(schema.properties[key]) + String(key).length + 3
      return size
    }
    default:
      return 1
  }
}

const metadata: Loose = { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } }

/** Types of schemas that were asked for; rules stand at many places of one schema. */
const known = [new WeakMap<object, { readonly type: CelType | undefined }>(), new WeakMap<object, { readonly type: CelType | undefined }>()] as const

/** undefined: values of this schema cannot be named in rules. `resource`: it has apiVersion, kind and metadata. */
export function schemaType(schema: Loose, resource = false): CelType | undefined {
  if (!isObject(schema)) return undefined
  const kept = known[resource ? 1 : 0]
  let found = kept.get(schema)
  if (!found) kept.set(schema, (found = { type: typeOf(schema, resource) }))
  return found.type
}

function typeOf(schema: Loose, resource: boolean): CelType | undefined {
  if (schema['x-kubernetes-int-or-string']) return { kind: 'dyn', max: schema.maxLength !== undefined ? schema.maxLength * 4 : MAX_REQUEST - 2 }
  switch (schema.type) {
    case 'array': {
      const element = schemaType(schema.items, schema.items?.['x-kubernetes-embedded-resource'] === true)
      return element && types.listOf(element, schema.maxItems ?? Math.floor((MAX_REQUEST - 2) / (leastSize(schema.items) + 1)))
    }
    case 'object': {
      if (isObject(schema.additionalProperties)) {
        const value = schemaType(schema.additionalProperties, schema.additionalProperties['x-kubernetes-embedded-resource'] === true)
        return value && types.mapOf({ ...types.string, max: 0 }, value, schema.maxProperties ?? Math.floor((MAX_REQUEST - 2) / (leastSize(schema.additionalProperties) + 6)))
      }
      const fields = new Map<string, CelType>()
      const properties = { ...(resource ? { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata } : {}), ...schema.properties }
      if (resource) properties.metadata = metadata
      for (const [name, sub] of Object.entries(properties as Record<string, Loose>)) {
        const escaped = escapeName(name)
        const type = schemaType(sub, sub?.['x-kubernetes-embedded-resource'] === true)
        if (escaped !== undefined && type) fields.set(escaped, type)
      }
      return { kind: 'object', name: 'object', fields }
    }
    case 'string': {
      const max = schema.maxLength !== undefined ? schema.maxLength * 4 : schema.enum ? Math.max(...schema.enum.map((e: Loose) => String(e).length)) : (formatSizes[schema.format] ?? MAX_REQUEST - 2)
      if (schema.format === 'byte') return { ...types.bytes, max: schema.maxLength ?? MAX_REQUEST - 2 }
      if (schema.format === 'duration') return types.duration
      if (schema.format === 'date' || schema.format === 'date-time') return types.timestamp
      return { ...types.string, max }
    }
    case 'boolean':
      return types.bool
    case 'integer':
      return types.int
    case 'number':
      return types.double
    default:
      return undefined
  }
}

/** A JSON value as rules see it. */
export function schemaValue(value: Loose, schema: Loose): Value {
  if (value === null || value === undefined) return null
  if (!isObject(schema) || schema['x-kubernetes-int-or-string']) return fromJson(value)
  if (Array.isArray(value)) {
    const list = value.map((v) => schemaValue(v, schema.items))
    const type = schema['x-kubernetes-list-type']
    if (type === 'set') listKeys.set(list, 'set')
    if (type === 'map') listKeys.set(list, ((schema['x-kubernetes-list-map-keys'] ?? []) as string[]).map((k) => escapeName(k) ?? k))
    return list
  }
  if (typeof value === 'number') return schema.type === 'number' ? value : schema.type === 'integer' ? BigInt(Math.trunc(value)) : (fromJson(value) as Value)
  if (typeof value === 'string') {
    if (schema.format === 'byte') return new Bytes(encodeBytes(fromBase64(value) ?? ''))
    if (schema.format === 'duration') return parseDuration(value) ?? value
    if (schema.format === 'date-time') return parseTimestamp(value) ?? value
    if (schema.format === 'date') return parseTimestamp(`${value}T00:00:00Z`) ?? value
    return value
  }
  if (typeof value !== 'object') return value as boolean
  const map = new CelMap(isObject(schema.additionalProperties) ? undefined : 'object')
  for (const [name, v] of Object.entries(value as Record<string, Loose>)) {
    if (v === undefined) continue
    if (isObject(schema.additionalProperties)) map.set(name, schemaValue(v, schema.additionalProperties))
    else {
      const escaped = escapeName(name)
      if (escaped !== undefined) map.set(escaped, schema.properties?.[name] ? schemaValue(v, schema.properties[name]) : fromJson(v))
    }
  }
  return map
}
