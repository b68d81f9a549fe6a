/** Objects as Go writes them: members of structs in their order, members of maps by name; and what becomes of that where a patch library went through. */
import { isObject, type Loose } from './loose.ts'
import type { Schemas, ValueType } from './schema.ts'

export type FieldOrder = Readonly<Record<string, string>>

function ordered(value: Loose, type: ValueType, schemas: Schemas, order: FieldOrder): Loose {
  if (Array.isArray(value)) return type.kind === 'list' ? value.map((v) => ordered(v, type.item, schemas, order)) : value
  if (!isObject(value)) return value
  const out: Record<string, Loose> = {}
  if (type.kind === 'map') {
    for (const key of Object.keys(value).sort()) out[key] = ordered(value[key], type.item, schemas, order)
    return out
  }
  if (type.kind !== 'struct') return value
  const { fields } = schemas.struct(type.name)
  const first = (order[type.name] ?? '').split(' ')
  const known = new Set(first)
  for (const key of [...first, ...Object.keys(value).filter((k) => !known.has(k)).sort()]) {
    if (value[key] === undefined) continue
    const field = fields.get(key)
    out[key] = field ? ordered(value[key], field.type, schemas, order) : value[key]
  }
  return out
}

/** `schema`: the type's name; without one members are only moved to where metadata has them. */
export function inGoOrder(object: Loose, schema: string | undefined, schemas: Schemas, order: FieldOrder): Loose {
  return schema !== undefined && schemas.has(schema) ? ordered(object, { kind: 'struct', name: schema }, schemas, order) : object
}

const byName = (value: Loose): Loose =>
  Array.isArray(value) ? value.map(byName) : isObject(value) ? Object.fromEntries(Object.keys(value).sort().map((k) => [k, byName(value[k])])) : value

const sortedOnce = (value: Loose): Loose => Object.fromEntries(Object.keys(value).sort().map((k) => [k, value[k]]))

/** The patched object as the library of merge patches leaves it: what it took apart is by name, the rest as it was. */
export function afterMerge(made: Loose, patch: Loose): Loose {
  if (!isObject(made)) return byName(made)
  const out = sortedOnce(made)
  for (const key of Object.keys(isObject(patch) ? patch : {})) {
    if (out[key] === undefined) continue
    out[key] = isObject(patch[key]) && isObject(out[key]) ? afterMerge(out[key], patch[key]) : byName(out[key])
  }
  return out
}

/** The same for JSON patches: the containers on the way to each operation. */
export function afterOperations(made: Loose, operations: readonly Loose[]): Loose {
  let root = isObject(made) ? sortedOnce(made) : made
  for (const { path } of operations) {
    const parts = String(path ?? '').split('/').slice(1, -1)
    const visit = (at: Loose, rest: readonly string[]): Loose => {
      const [head, ...tail] = rest
      const here = isObject(at) ? sortedOnce(at) : at
      if (head === undefined || here === null || typeof here !== 'object') return here
      const key = head.replaceAll('~1', '/').replaceAll('~0', '~')
      if (Array.isArray(here)) return here.map((v, i) => (String(i) === key ? visit(v, tail) : v))
      return here[key] === undefined ? here : { ...here, [key]: visit(here[key], tail) }
    }
    root = visit(root, parts)
  }
  return root
}
