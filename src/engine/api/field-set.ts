/**
 * Sets of fields as server-side apply keeps them (FieldsV1), and what needs a type to be worked out: the fields of an object, the difference of two
 * objects, merging. Models sigs.k8s.io/structured-merge-diff. A path is its segments (`f:name`, `k:{…}`, `v:…`) joined by U+0001.
 */
import { equal, isObject, type Loose } from './loose.ts'
import type { Field, Schemas, Struct, ValueType } from './schema.ts'

export type FieldSet = ReadonlySet<string>

const SEPARATOR = '\u0001'

export function join(path: string, segment: string): string {
  return path === '' ? segment : path + SEPARATOR + segment
}

export function setOfJson(fields: Loose): Set<string> {
  const out = new Set<string>()
  const walk = (node: Record<string, Loose>, path: string) => {
    const keys = Object.keys(node)
    if (path !== '' && (keys.length === 0 || keys.includes('.'))) out.add(path)
    for (const key of keys) if (key !== '.' && isObject(node[key])) walk(node[key], join(path, key))
  }
  if (isObject(fields)) walk(fields, '')
  return out
}

export function jsonOfSet(set: FieldSet): Loose {
  const root: Record<string, Loose> = {}
  for (const path of [...set].sort(comparePaths)) {
    let node = root
    const segments = path.split(SEPARATOR)
    for (const [i, segment] of segments.entries()) {
      const prefix = segments.slice(0, i + 1).join(SEPARATOR)
      let next = node[segment]
      if (next === undefined) next = node[segment] = {}
      else if (i < segments.length - 1 && Object.keys(next).length === 0 && set.has(prefix)) next['.'] = {}
      node = next
    }
  }
  return root
}

export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** `.spec.containers[name="c"].image` */
export function pathText(path: string): string {
  return path
    .split(SEPARATOR)
    .map((s) => {
      const rest = s.slice(2)
      if (s[0] === 'f') return `.${rest}`
      if (s[0] === 'v') return `[=${rest}]`
      return keyText(JSON.parse(rest) as Record<string, unknown>)
    })
    .join('')
}

export function keyText(key: Record<string, unknown>): string {
  return `[${Object.entries(key).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(',')}]`
}

export function union(a: FieldSet, b: FieldSet): Set<string> {
  return new Set([...a, ...b])
}

export function difference(a: FieldSet, b: FieldSet): Set<string> {
  return new Set([...a].filter((p) => !b.has(p)))
}

export function intersection(a: FieldSet, b: FieldSet): Set<string> {
  return new Set([...a].filter((p) => b.has(p)))
}

export function isUnder(path: string, parent: string): boolean {
  return path === parent || (path.startsWith(parent) && path[parent.length] === SEPARATOR)
}

/** How a value is held: atomic values are one field, whatever is in them. */
interface Shape {
  readonly type: ValueType
  readonly atomic: boolean
  readonly list?: 'map' | 'set' | 'atomic'
  readonly keys?: readonly string[]
}

const anything: Shape = { type: { kind: 'any' }, atomic: false }

export class TypedError extends Error {}

/** Fields of one type of object; without a schema, maps are open and lists atomic. */
export class FieldTyper {
  readonly #schemas: Schemas
  readonly #root: Shape

  constructor(schemas: Schemas, schema: string | undefined) {
    this.#schemas = schemas
    this.#root = schema !== undefined && schemas.has(schema) ? { type: { kind: 'struct', name: schema }, atomic: false } : anything
  }

  #struct(shape: Shape): Struct | undefined {
    return shape.type.kind === 'struct' ? this.#schemas.struct(shape.type.name) : undefined
  }

  #ofField(field: Field): Shape {
    const struct = field.type.kind === 'struct' ? this.#schemas.struct(field.type.name) : undefined
    return { type: field.type, atomic: field.list === 'atomic' || struct?.atomic === true, ...(field.list ? { list: field.list } : {}), ...(field.keys ? { keys: field.keys } : {}) }
  }

  /** The shape of a member; undefined: the type has no such field. */
  #member(shape: Shape, name: string): Shape | undefined {
    const struct = this.#struct(shape)
    if (struct) {
      const field = struct.fields.get(name)
      return field && this.#ofField(field)
    }
    return shape.type.kind === 'map' ? this.#plain(shape.type.item) : anything
  }

  #plain(type: ValueType): Shape {
    return { type, atomic: type.kind === 'struct' && this.#schemas.struct(type.name).atomic }
  }

  #item(shape: Shape): Shape {
    return shape.type.kind === 'list' ? this.#plain(shape.type.item) : anything
  }

  #granular(shape: Shape): boolean {
    return !shape.atomic && (shape.list === 'map' || shape.list === 'set')
  }

  #segment(shape: Shape, item: Loose): string {
    if (shape.list === 'set') return `v:${JSON.stringify(item)}`
    const struct = this.#struct(this.#item(shape))
    const key: Record<string, Loose> = {}
    for (const name of [...shape.keys!].sort()) {
      const fallback = struct?.fields.get(name)?.default
      const value = item?.[name] === undefined || item[name] === '' ? (fallback ?? item?.[name]) : item[name]
      if (value !== undefined) key[name] = value
    }
    return `k:${JSON.stringify(key)}`
  }

  /** The fields that `object` gives. Throws TypedError for what the type does not allow. */
  fields(object: Loose): Set<string> {
    const out = new Set<string>()
    const errors: string[] = []
    this.#fields(this.#root, object, '', out, errors)
    if (errors.length === 1) throw new TypedError(errors[0])
    if (errors.length > 1) throw new TypedError(['errors:', ...errors.map((e) => `  ${e}`)].join('\n'))
    return out
  }

  #fields(shape: Shape, value: Loose, path: string, out: Set<string>, errors: string[]): void {
    const wrong = mismatch(shape.type, value)
    if (wrong) {
      errors.push(`${pathText(path)}: ${wrong}`)
      return
    }
    if (Array.isArray(value)) {
      if (!this.#granular(shape)) {
        out.add(path)
        return
      }
      const seen = new Set<string>()
      for (const item of value) {
        const segment = this.#segment(shape, item)
        if (seen.has(segment)) errors.push(`${pathText(path)}: duplicate entries for key ${segment[0] === 'v' ? `[=${segment.slice(2)}]` : keyText(JSON.parse(segment.slice(2)) as Record<string, unknown>)}`)
        seen.add(segment)
        const at = join(path, segment)
        if (isObject(item)) this.#fields(this.#item(shape), item, at, out, errors)
        out.add(at)
      }
    } else if (isObject(value) && !shape.atomic && shape.type.kind !== 'intstr') {
      const struct = this.#struct(shape)
      for (const [name, v] of Object.entries(value)) {
        const at = join(path, `f:${name}`)
        const member = this.#member(shape, name)
        if (!member) {
          errors.push(`${pathText(at)}: field not declared in schema`)
          continue
        }
        this.#fields(member, v, at, out, errors)
        if (v === null || (isObject(v) && Object.keys(v).length === 0) || !struct) out.add(at)
      }
    } else if (value !== null && path !== '') out.add(path)
  }

  /** What changed between two objects. */
  compare(before: Loose, after: Loose): { added: Set<string>; modified: Set<string>; removed: Set<string> } {
    const out = { added: new Set<string>(), modified: new Set<string>(), removed: new Set<string>() }
    this.#compare(this.#root, before, after, '', out)
    return out
  }

  #compare(shape: Shape, a: Loose, b: Loose, path: string, out: { added: Set<string>; modified: Set<string>; removed: Set<string> }): void {
    if (a === b) return
    const put = () => {
      if (a === undefined) out.added.add(path)
      else if (b === undefined) out.removed.add(path)
    }
    if (isList(a, b) && this.#granular(shape)) {
      const left = new Map<string, Loose>((a ?? []).map((v: Loose) => [this.#segment(shape, v), v]))
      const right = new Map<string, Loose>((b ?? []).map((v: Loose) => [this.#segment(shape, v), v]))
      if (left.size + right.size > 0) {
        for (const segment of new Set([...left.keys(), ...right.keys()])) this.#compare(this.#item(shape), left.get(segment), right.get(segment), join(path, segment), out)
        if (path !== '') put()
        return
      }
    } else if (isMap(a, b) && !shape.atomic) {
      const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])
      if (names.size > 0) {
        for (const name of names) this.#compare(this.#member(shape, name) ?? anything, a?.[name], b?.[name], join(path, `f:${name}`), out)
        if (path !== '') put()
        return
      }
    }
    if (a === undefined || b === undefined) put()
    else if (!equal(a, b) && !(isBlank(a) && isBlank(b))) out.modified.add(path)
  }

  /** `patch` merged into `live`. */
  merge(live: Loose, patch: Loose): Loose {
    return this.#merge(this.#root, live, patch)
  }

  #merge(shape: Shape, live: Loose, patch: Loose): Loose {
    if (live === undefined || live === null) return patch
    if (patch === undefined) return live
    if (isObject(live) && isObject(patch) && !shape.atomic) {
      const out: Record<string, Loose> = { ...live }
      for (const name of Object.keys(patch)) out[name] = this.#merge(this.#member(shape, name) ?? anything, live[name], patch[name])
      return out
    }
    if (Array.isArray(live) && Array.isArray(patch) && this.#granular(shape)) {
      const left = live.map((v) => [this.#segment(shape, v), v] as const)
      const right = new Map<string, Loose>(patch.map((v) => [this.#segment(shape, v), v]))
      const before = new Map<string, Loose>(left)
      const out: Loose[] = []
      let i = 0
      for (const [segment, v] of right) {
        while (i < left.length && !right.has(left[i]![0])) out.push(left[i++]![1])
        out.push(before.has(segment) ? this.#merge(this.#item(shape), before.get(segment), v) : v)
        if (i < left.length && right.has(left[i]![0])) i++
      }
      for (; i < left.length; i++) if (!right.has(left[i]![0])) out.push(left[i]![1])
      return out
    }
    return patch
  }

  /** `value` without the fields of `paths`. */
  remove(value: Loose, paths: FieldSet): Loose {
    return paths.size === 0 ? value : this.#remove(this.#root, value, '', paths, new Set([...paths].flatMap(parents)))
  }

  #remove(shape: Shape, value: Loose, path: string, paths: FieldSet, above: FieldSet): Loose {
    if (path !== '' && !above.has(path)) return value
    if (Array.isArray(value) && this.#granular(shape)) {
      const out: Loose[] = []
      for (const item of value) {
        const at = join(path, this.#segment(shape, item))
        if (!paths.has(at)) out.push(this.#remove(this.#item(shape), item, at, paths, above))
      }
      return out.length > 0 ? out : undefined
    }
    if (!isObject(value) || shape.atomic) return value
    const out: Record<string, Loose> = {}
    for (const [name, v] of Object.entries(value)) {
      const at = join(path, `f:${name}`)
      if (paths.has(at)) continue
      const kept = this.#remove(this.#member(shape, name) ?? anything, v, at, paths, above)
      if (kept !== undefined) out[name] = kept
    }
    return Object.keys(out).length > 0 || path === '' ? out : undefined
  }
}

function parents(path: string): string[] {
  const out: string[] = []
  for (let at = path.indexOf(SEPARATOR); at >= 0; at = path.indexOf(SEPARATOR, at + 1)) out.push(path.slice(0, at))
  return out
}

const isList = (a: Loose, b: Loose) => (Array.isArray(a) || a === undefined || a === null) && (Array.isArray(b) || b === undefined || b === null) && (Array.isArray(a) || Array.isArray(b))
const isMap = (a: Loose, b: Loose) => (isObject(a) || a === undefined || a === null) && (isObject(b) || b === undefined || b === null) && (isObject(a) || isObject(b))
const isBlank = (v: Loose) => v === null || (typeof v === 'object' && Object.keys(v).length === 0)

function mismatch(type: ValueType, value: Loose): string | undefined {
  if (value === null || value === undefined) return undefined
  const got = () => `got &value.valueUnstructured{Value:${goSyntax(value)}}`
  switch (type.kind) {
    case 'string':
    case 'time':
    case 'microtime':
    case 'bytes':
      return typeof value === 'string' ? undefined : `expected string, ${got()}`
    case 'bool':
      return typeof value === 'boolean' ? undefined : `expected boolean, ${got()}`
    case 'int32':
    case 'int64':
    case 'double':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), ${got()}`
    case 'list':
      return Array.isArray(value) ? undefined : `expected list, ${got()}`
    case 'map':
    case 'struct':
      return isObject(value) ? undefined : `expected map, ${got()}`
  }
  return undefined
}

/** fmt's %#v of decoded JSON. */
function goSyntax(value: Loose): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`
  if (isObject(value)) return `map[string]interface {}{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${goSyntax(value[k])}`).join(', ')}}`
  return value === null ? 'interface {}(nil)' : String(value)
}
