/**
 * Strategic merge patch (apimachinery pkg/util/strategicpatch): lists merge by key, `$patch: replace|delete`, `$retainKeys`,
 * `$deleteFromPrimitiveList/x`, `$setElementOrder/x`. The target is never changed.
 */
import { copy, equal, isObject, type Loose } from './loose.ts'
import type { Field, Schemas, Struct, ValueType } from './schema.ts'

export class StrategicMergeError extends Error {}

export function strategicMerge(schemas: Schemas, typeName: string, target: Loose, patch: Loose): Loose {
  return mergeMap(schemas, schemas.struct(typeName), target, patch)
}

const DELETE_FROM = '$deleteFromPrimitiveList/'
const ORDER = '$setElementOrder/'

function structOf(schemas: Schemas, type: ValueType | undefined): Struct | undefined {
  return type?.kind === 'struct' ? schemas.struct(type.name) : undefined
}

function mergeMap(schemas: Schemas, struct: Struct | undefined, target: Loose, patch: Loose): Loose {
  const directive = patch.$patch
  if (directive === 'replace') {
    const { $patch: _, ...rest } = patch
    return strip(rest)
  }
  if (directive === 'delete') return {}
  if (directive !== undefined && directive !== 'merge') throw new StrategicMergeError(`unknown patch type: ${directive} in map: ${goMap(patch)}`)
  const out: Record<string, Loose> = isObject(target) ? { ...target } : {}
  if (Array.isArray(patch.$retainKeys)) for (const key of Object.keys(out)) if (!patch.$retainKeys.includes(key)) delete out[key]
  for (const [key, value] of Object.entries(patch as Record<string, Loose>)) {
    if (key === '$patch' || key === '$retainKeys') continue
    if (key.startsWith(DELETE_FROM)) {
      const field = key.slice(DELETE_FROM.length)
      if (Array.isArray(out[field])) {
        out[field] = out[field].filter((v: Loose) => !value.includes(v))
      }
      continue
    }
    if (key.startsWith(ORDER)) continue
    if (value === null) {
      delete out[key]
      continue
    }
    const field = struct?.fields.get(key)
    const before = out[key]
    if (isObject(value) && field?.replace) out[key] = strip(value)
    else if (isObject(value)) out[key] = before === undefined || !isObject(before) ? strip(mergeMap(schemas, structOf(schemas, field?.type), {}, value)) : mergeMap(schemas, structOf(schemas, field?.type), before, value)
    else if (Array.isArray(value)) {
      const order = patch[ORDER + key]
      if (Array.isArray(order)) checkOrder(value, order, field?.mergeKey ?? '')
      out[key] = mergeList(schemas, field, Array.isArray(before) ? before : undefined, value)
      if (!order && field?.mergeKey !== undefined && Array.isArray(before) && !value.some((v) => isObject(v) && v.$patch === 'replace' && Object.keys(v).length === 1)) out[key] = reorder(out[key], value, field.mergeKey, serverOrder(before, value, out[key], field.mergeKey))
    }
    else out[key] = value
  }
  for (const [key, value] of Object.entries(patch as Record<string, Loose>)) {
    if (!key.startsWith(ORDER)) continue
    const name = key.slice(ORDER.length)
    if (Array.isArray(out[name]) && Array.isArray(value)) out[name] = reorder(out[name], value, struct?.fields.get(name)?.mergeKey ?? '', serverOrder(Array.isArray(target?.[name]) ? target[name] : [], Array.isArray(patch[name]) ? patch[name] : [], out[name], struct?.fields.get(name)?.mergeKey ?? ''))
  }
  return out
}

/** Takes directives out of a value that becomes part of the result as it is. */
function strip(value: Loose): Loose {
  if (Array.isArray(value)) return value.filter((v) => !(isObject(v) && v.$patch !== undefined)).map(strip)
  if (!isObject(value)) return value
  const out: Record<string, Loose> = {}
  for (const [k, v] of Object.entries(value)) {
    if (v === null || k.startsWith('$patch') || k.startsWith('$retainKeys') || k.startsWith(DELETE_FROM) || k.startsWith(ORDER)) continue
    out[k] = strip(v)
  }
  return out
}

function mergeList(schemas: Schemas, field: Field | undefined, before: Loose[] | undefined, patch: Loose[]): Loose[] {
  const mergeKey = field?.mergeKey
  if (mergeKey === undefined) return copy(patch)
  if (mergeKey === '') {
    const out = [...(before ?? [])]
    for (const v of patch) if (!out.some((o) => equal(o, v))) out.push(v)
    return out
  }
  if (patch.some((v) => isObject(v) && v.$patch === 'replace' && Object.keys(v).length === 1)) return strip(patch)
  const item = field?.type.kind === 'list' ? structOf(schemas, field.type.item) : undefined
  let out = [...(before ?? [])]
  for (const element of patch) {
    if (!isObject(element)) throw new StrategicMergeError(`map: map[] does not contain declared merge key: ${mergeKey}`)
    const key = element[mergeKey]
    if (key === undefined) throw new StrategicMergeError(`map: ${goMap(element)} does not contain declared merge key: ${mergeKey}`)
    if (element.$patch === 'delete') {
      out = out.filter((o) => !equal(o[mergeKey], key))
      continue
    }
    const at = out.findIndex((o) => equal(o[mergeKey], key))
    if (element.$patch === 'replace') {
      const plain = strip({ ...element, $patch: undefined })
      if (at >= 0) out[at] = plain
      else out.push(plain)
    } else if (at >= 0) out[at] = mergeMap(schemas, item, out[at], element)
    else out.push(strip(mergeMap(schemas, item, {}, element)))
  }
  return out
}

/** fmt's %v of a map. */
export function goMap(value: Loose): string {
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`
  if (isObject(value)) return `map[${Object.keys(value).sort().map((k) => `${k}:${goMap(value[k])}`).join(' ')}]`
  return value === null ? '<nil>' : String(value)
}

/** The elements of a patch list must come in the order that it asks for. */
function checkOrder(patch: readonly Loose[], order: readonly Loose[], mergeKey: string): void {
  const keyOf = (v: Loose) => (mergeKey !== '' && isObject(v) ? v[mergeKey] : v)
  let at = 0
  for (const v of patch) {
    if (isObject(v) && v.$patch !== undefined) continue
    while (at < order.length && !equal(keyOf(order[at]), keyOf(v))) at++
    if (at >= order.length) throw new StrategicMergeError(`The order in patch list:\n${goMap(patch)}\n doesn't match $setElementOrder list:\n${goMap(order)}\n`)
    at++
  }
}

/**
 * The order that the server's own elements keep. Upstream deletes in place and then appends, so that as many new elements as were deleted slip into the old list
 * and count as the server's.
 */
function serverOrder(before: readonly Loose[], patch: readonly Loose[], merged: readonly Loose[], mergeKey: string): Loose[] {
  const keyOf = (v: Loose) => (mergeKey !== '' && isObject(v) ? v[mergeKey] : v)
  const gone = patch.filter((v) => isObject(v) && v.$patch === 'delete').map(keyOf)
  const left = before.filter((v) => !gone.some((g) => equal(g, keyOf(v))))
  const fresh = merged.filter((v) => !before.some((b) => equal(keyOf(b), keyOf(v))))
  return [...left, ...fresh.slice(0, before.length - left.length)]
}

/** Elements named by the patch in its order; those only the server has keep their place relative to their former neighbours. */
function reorder(list: Loose[], order: Loose[], mergeKey: string, server: readonly Loose[]): Loose[] {
  const keyOf = (v: Loose) => (mergeKey !== '' && isObject(v) ? v[mergeKey] : v)
  const wanted = order.map(keyOf)
  const rank = (v: Loose) => wanted.findIndex((w) => equal(w, keyOf(v)))
  const named = list.filter((v) => rank(v) >= 0).sort((a, b) => rank(a) - rank(b))
  const others = list.filter((v) => rank(v) < 0)
  const serverAt = (v: Loose) => server.findIndex((s) => equal(keyOf(s), keyOf(v)))
  const out: Loose[] = []
  let i = 0
  let j = 0
  while (i < named.length || j < others.length) {
    if (i >= named.length) out.push(others[j++])
    else if (j >= others.length) out.push(named[i++])
    else {
      const at = serverAt(named[i])
      if (at < 0 || at < serverAt(others[j])) out.push(named[i++])
      else out.push(others[j++])
    }
  }
  return out
}
