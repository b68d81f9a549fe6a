/**
 * Structural schemas of custom resources: pruning, defaulting and validation with the words of the API server (apiextensions-apiserver, kube-openapi).
 * Leaves out: formats. Rules (x-kubernetes-validations) are judged by src/engine/kinds/customresourcedefinition.
 */
import { goRegexp } from './go-regexp.ts'
import { FieldErrors, goValue } from './field-errors.ts'
import { copy, isObject, type Loose } from './loose.ts'

const typeOf = (v: Loose): string => (v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v === 'object' ? 'object' : typeof v === 'number' ? (Number.isInteger(v) ? 'integer' : 'number') : typeof v)

/** Drops what the schema does not know and tells the paths. Objects are changed in place. */
export function prune(value: Loose, schema: Loose, path: string, unknown: string[], root = false): void {
  if (!schema || schema['x-kubernetes-preserve-unknown-fields'] === true) {
    if (isObject(value) && schema?.properties) for (const [k, v] of Object.entries(value)) if (schema.properties[k]) prune(v, schema.properties[k], join(path, k), unknown)
    return
  }
  if (Array.isArray(value)) {
    value.forEach((v, i) => prune(v, schema.items, `${path}[${i}]`, unknown))
    return
  }
  if (!isObject(value)) return
  for (const key of Object.keys(value)) {
    if (root && (key === 'apiVersion' || key === 'kind' || key === 'metadata')) continue
    const sub = schema.properties?.[key]
    if (sub) prune(value[key], sub, join(path, key), unknown)
    else if (isObject(schema.additionalProperties)) prune(value[key], schema.additionalProperties, join(path, key), unknown)
    else if (schema.additionalProperties !== true && !schema['x-kubernetes-embedded-resource']) {
      delete value[key]
      unknown.push(join(path, key))
    }
  }
}

const join = (path: string, key: string) => (path === '' ? key : `${path}.${key}`)

export function applyDefaults(value: Loose, schema: Loose): void {
  if (!schema) return
  if (Array.isArray(value)) {
    for (const v of value) applyDefaults(v, schema.items)
    return
  }
  if (!isObject(value)) return
  for (const [key, sub] of Object.entries((schema.properties ?? {}) as Record<string, Loose>)) {
    if (sub.default !== undefined && (value[key] === undefined || (value[key] === null && !sub.nullable))) value[key] = copy(sub.default)
    if (value[key] !== undefined) applyDefaults(value[key], sub)
  }
  if (isObject(schema.additionalProperties)) for (const [key, v] of Object.entries(value)) if (!schema.properties?.[key]) applyDefaults(v, schema.additionalProperties)
}

/** Drops nulls that the schema does not allow and that have no default. */
export function dropNulls(value: Loose, schema: Loose): void {
  if (Array.isArray(value)) {
    for (const v of value) dropNulls(v, schema?.items)
    return
  }
  if (!isObject(value)) return
  for (const key of Object.keys(value)) {
    const sub = schema?.properties?.[key]
    if (value[key] === null && sub && !sub.nullable && sub.default !== undefined) delete value[key]
    else dropNulls(value[key], sub)
  }
}

export function validateStructural(value: Loose, schema: Loose, path: string, errors: FieldErrors): void {
  if (!schema) return
  const shown = path === '' ? '' : path
  if (value === null) {
    if (schema.nullable) return
    if (schema.type) errors.typeInvalid(shown, 'null', `${shown} in body must be of type ${schema.type}: "null"`)
    return
  }
  const actual = typeOf(value)
  if (schema['x-kubernetes-int-or-string']) {
    if (actual !== 'integer' && actual !== 'string') errors.typeInvalid(shown, actual, `${shown} in body must be of type integer,string: "${actual}"`)
  } else if (schema.type && !(schema.type === actual || (schema.type === 'number' && actual === 'integer'))) {
    errors.typeInvalid(shown, actual, `${shown} in body must be of type ${schema.type}: ${JSON.stringify(actual)}`)
    return
  }
  if (Array.isArray(schema.enum) && !schema.enum.some((e: Loose) => JSON.stringify(e) === JSON.stringify(value))) errors.add('NotSupported', shown, `Unsupported value: ${goValue(value)}: supported values: ${schema.enum.map((e: Loose) => (typeof e === 'string' ? JSON.stringify(e) : JSON.stringify(JSON.stringify(e)))).join(', ')}`)
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && (schema.exclusiveMinimum ? value <= schema.minimum : value < schema.minimum)) errors.invalid(shown, value, `${shown} in body should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${schema.minimum}`)
    if (schema.maximum !== undefined && (schema.exclusiveMaximum ? value >= schema.maximum : value > schema.maximum)) errors.invalid(shown, value, `${shown} in body should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${schema.maximum}`)
    if (schema.multipleOf !== undefined && value % schema.multipleOf !== 0) errors.invalid(shown, value, `${shown} in body should be a multiple of ${schema.multipleOf}`)
  }
  if (typeof value === 'string') {
    const length = [...value].length
    if (schema.minLength !== undefined && length < schema.minLength) errors.invalid(shown, value, `${shown} in body should be at least ${schema.minLength} chars long`)
    if (schema.maxLength !== undefined && length > schema.maxLength) errors.tooLong(shown, schema.maxLength)
    if (schema.pattern !== undefined && !matchesPattern(schema.pattern, value)) errors.invalid(shown, value, `${shown} in body should match '${schema.pattern}'`)
  }
  if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems) errors.invalid(shown, value.length, `${shown} in body should have at least ${schema.minItems} items`)
    if (schema.maxItems !== undefined && value.length > schema.maxItems) errors.tooMany(shown, value.length, schema.maxItems)
    const set = schema['x-kubernetes-list-type'] === 'set'
    const keys: string[] | undefined = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined
    const seen = new Set<string>()
    for (const [i, v] of value.entries()) {
      validateStructural(v, schema.items, `${path}[${i}]`, errors)
      if (set || keys) {
        const id = JSON.stringify(set ? v : Object.fromEntries(keys!.map((k) => [k, v?.[k]])))
        if (seen.has(id)) errors.duplicate(`${path}[${i}]`, set ? v : JSON.parse(id))
        seen.add(id)
      }
    }
  }
  if (isObject(value)) {
    for (const key of schema.required ?? []) if (value[key] === undefined) errors.required(join(path, key))
    const count = Object.keys(value).length
    if (schema.minProperties !== undefined && count < schema.minProperties) errors.invalid(shown, count, `${shown} in body should have at least ${schema.minProperties} properties`)
    if (schema.maxProperties !== undefined && count > schema.maxProperties) errors.tooMany(shown, count, schema.maxProperties)
    for (const [key, v] of Object.entries(value)) {
      const sub = schema.properties?.[key]
      if (sub) validateStructural(v, sub, join(path, key), errors)
      else if (isObject(schema.additionalProperties)) validateStructural(v, schema.additionalProperties, join(path, key), errors)
    }
  }
  for (const sub of schema.allOf ?? []) validateStructural(value, sub, path, errors)
  const fits = (sub: Loose) => {
    const own = new FieldErrors()
    validateStructural(value, sub, path, own)
    return own.list.length === 0
  }
  if (schema.anyOf && !schema.anyOf.some(fits)) errors.invalid(shown, '', `${quoted(shown)} must validate at least one schema (anyOf)`)
  if (schema.oneOf) {
    const n = schema.oneOf.filter(fits).length
    if (n !== 1) errors.invalid(shown, '', `${quoted(shown)} must validate one and only one schema (oneOf). Found ${n === 0 ? 'none' : n} valid${n === 0 ? '' : ' alternatives'}`)
  }
  if (schema.not && fits(schema.not)) errors.invalid(shown, '', `${quoted(shown)} must not validate the schema (not)`)
}

const quoted = (path: string) => JSON.stringify(path)

/** What definitions of all clusters say; the same for all. */
const patterns = new Map<string, RegExp | undefined>()
const remembered = 1000

/** A definition from before its pattern was looked at lets everything pass. */
function matchesPattern(source: string, value: string): boolean {
  if (!patterns.has(source)) {
    if (patterns.size >= remembered) patterns.clear()
    const made = goRegexp(source)
    patterns.set(source, made.failure === undefined ? made.pattern : undefined)
  }
  return patterns.get(source)?.test(value) ?? true
}

/** The little JSONPath of printer columns and scale paths: `.a.b[0]`, `.a[?(@.type=="Ready")].status`. */
export function readPath(object: Loose, path: string): Loose {
  let at: Loose[] = [object]
  for (const m of path.matchAll(/\.([A-Za-z0-9_\-/\\.]+?)(?=[.[]|$)|\['([^']+)'\]|\[(\d+)\]|\[\*\]|\[\?\(@\.([\w.]+)\s*==\s*["']([^"']*)["']\)\]/g)) {
    const [whole, name, quotedName, index, filterKey, filterValue] = m
    const key = name ?? quotedName
    if (key !== undefined) at = at.map((o) => o?.[key]).filter((o) => o !== undefined && o !== null)
    else if (index !== undefined) at = at.map((o) => o?.[Number(index)]).filter((o) => o !== undefined)
    else if (whole === '[*]') at = at.flatMap((o) => (Array.isArray(o) ? o : []))
    else at = at.flatMap((o) => (Array.isArray(o) ? o.filter((x) => String(filterKey!.split('.').reduce((y: Loose, k) => y?.[k], x)) === filterValue) : []))
  }
  return at[0]
}
