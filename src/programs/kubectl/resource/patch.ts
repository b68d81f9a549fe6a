/**
 * Patches that kubectl computes: the three-way strategic or JSON merge patch of client-side apply, two-way patches of set, label and edit, and
 * local application of patches. Merge keys come from the schema facts. Models apimachinery's strategicpatch and jsonmergepatch.
 */
import { copy, equal, isObject, type Loose } from '#engine/api/loose.ts'
import { jsonPatch, mergePatch, type PatchOperation } from '#engine/api/merge-patch.ts'
import { Schemas, type Field, type Struct, type ValueType } from '#engine/api/schema.ts'
import { strategicMerge } from '#engine/api/strategic-merge.ts'
import { schemaName as nameOf } from '#engine/kinds/all.ts'
import { schemas as texts } from '#engine/kinds/generated/schemas.ts'

export const schemas = new Schemas(texts)

/** The schema's name of a kind, or undefined for kinds that are not built in. */
export function schemaName(apiVersion: string, kind: string): string | undefined {
  const slash = apiVersion.indexOf('/')
  const name = nameOf(slash < 0 ? '' : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), kind)
  return schemas.has(name) ? name : undefined
}

interface Mode {
  readonly deletions: boolean
  readonly changes: boolean
}

function structOf(type: ValueType | undefined): Struct | undefined {
  return type?.kind === 'struct' && schemas.has(type.name) ? schemas.struct(type.name) : undefined
}

function diffMaps(from: Record<string, Loose>, to: Record<string, Loose>, struct: Struct | undefined, mapItem: ValueType | undefined, mode: Mode): Record<string, Loose> {
  const patch: Record<string, Loose> = {}
  for (const key of Object.keys(to).sort()) {
    const value = to[key]
    if (value === undefined) continue
    const field = struct?.fields.get(key)
    const type = field?.type ?? mapItem
    if (!(key in from) || from[key] === undefined) {
      if (mode.changes) patch[key] = copy(value)
      continue
    }
    const old = from[key]
    if (isObject(value) && isObject(old)) {
      const inner = diffMaps(old, value, structOf(type), type?.kind === 'map' ? type.item : undefined, mode)
      if (field?.retainKeys && Object.keys(inner).length > 0) inner['$retainKeys'] = Object.keys(value).sort()
      if (Object.keys(inner).length > 0) patch[key] = inner
    } else if (Array.isArray(value) && Array.isArray(old) && field?.mergeKey !== undefined) diffLists(patch, key, old, value, field, mode)
    else if (mode.changes && !equal(old, value)) patch[key] = copy(value)
  }
  if (mode.deletions) for (const key of Object.keys(from)) if (from[key] !== undefined && to[key] === undefined) patch[key] = null
  return patch
}

function diffLists(patch: Record<string, Loose>, key: string, from: Loose[], to: Loose[], field: Field, mode: Mode): void {
  const mergeKey = field.mergeKey!
  const struct = field.type.kind === 'list' ? structOf(field.type.item) : undefined
  const list: Loose[] = []
  const removed: Loose[] = []
  if (mergeKey === '') {
    if (mode.changes) for (const v of to) if (!from.includes(v)) list.push(v)
    if (mode.deletions) for (const v of from) if (!to.includes(v)) removed.push(v)
    if (removed.length > 0) patch[`$deleteFromPrimitiveList/${key}`] = removed
  } else {
    for (const item of to) {
      const old = from.find((o) => o?.[mergeKey] === item?.[mergeKey])
      if (old === undefined) {
        if (mode.changes) list.push(copy(item))
        continue
      }
      const inner = diffMaps(old, item, struct, undefined, mode)
      if (Object.keys(inner).length === 0) continue
      if (field.retainKeys) inner['$retainKeys'] = Object.keys(item).sort()
      list.push({ ...inner, [mergeKey]: item[mergeKey] })
    }
    if (mode.deletions) for (const item of from) if (!to.some((t) => t?.[mergeKey] === item?.[mergeKey])) list.push({ $patch: 'delete', [mergeKey]: item[mergeKey] })
  }
  if (list.length > 0) patch[key] = list
  const order = (items: Loose[]) => items.map((i) => (mergeKey === '' ? i : { [mergeKey]: i?.[mergeKey] }))
  if (list.length > 0 || removed.length > 0 || (mode.changes && !mode.deletions && !equal(order(to), order(from.filter((f) => to.some((t) => (mergeKey === '' ? t === f : t?.[mergeKey] === f?.[mergeKey])))))))
    patch[`$setElementOrder/${key}`] = order(to)
}

function mergePatches(a: Loose, b: Loose, struct: Struct | undefined): Loose {
  const out: Record<string, Loose> = { ...a }
  for (const [key, value] of Object.entries(b as Record<string, Loose>)) {
    const old = out[key]
    const field = struct?.fields.get(key)
    if (isObject(old) && isObject(value)) out[key] = mergePatches(old, value, structOf(field?.type))
    else if (Array.isArray(old) && Array.isArray(value) && field?.mergeKey && !key.startsWith('$')) {
      const mergeKey = field.mergeKey
      const item = field.type.kind === 'list' ? structOf(field.type.item) : undefined
      const list = [...old]
      for (const v of value) {
        const at = list.findIndex((o) => o?.[mergeKey] === v?.[mergeKey])
        if (at >= 0) list[at] = mergePatches(list[at], v, item)
        else list.push(v)
      }
      out[key] = list
    } else out[key] = value
  }
  return out
}

/** What apply sends: changes from `current` to `modified`, deletions from `original` to `modified`. */
export function threeWayStrategic(original: Loose, modified: Loose, current: Loose, typeName: string): Loose {
  const struct = schemas.struct(typeName)
  const delta = diffMaps(current, modified, struct, undefined, { deletions: false, changes: true })
  const deletions = diffMaps(original, modified, struct, undefined, { deletions: true, changes: false })
  return mergePatches(deletions, delta, struct)
}

export function twoWayStrategic(original: Loose, modified: Loose, typeName: string): Loose {
  return diffMaps(original, modified, schemas.struct(typeName), undefined, { deletions: true, changes: true })
}

/** RFC 7386 patch from one object to another. */
export function mergeDiff(from: Loose, to: Loose, mode: Mode = { deletions: true, changes: true }): Loose {
  const patch: Record<string, Loose> = {}
  for (const [key, value] of Object.entries(to as Record<string, Loose>)) {
    if (value === undefined) continue
    const old = from?.[key]
    if (isObject(value) && isObject(old)) {
      const inner = mergeDiff(old, value, mode)
      if (Object.keys(inner).length > 0) patch[key] = inner
    } else if (mode.changes && !equal(old, value)) patch[key] = copy(value)
  }
  if (mode.deletions) for (const key of Object.keys((from ?? {}) as object)) if (to[key] === undefined) patch[key] = null
  return patch
}

export function threeWayMerge(original: Loose, modified: Loose, current: Loose): Loose {
  const deletions = mergeDiff(original, modified, { deletions: true, changes: false })
  const delta = mergeDiff(current, modified, { deletions: false, changes: true })
  return mergePatches(deletions, delta, undefined)
}

/** The patch between two states of one object in the form that its kind takes. */
export function patchBetween(from: Loose, to: Loose): { readonly patch: Loose; readonly type: 'strategic' | 'merge' } {
  const name = schemaName(String(from.apiVersion), String(from.kind))
  return name !== undefined ? { patch: twoWayStrategic(from, to, name), type: 'strategic' } : { patch: mergeDiff(from, to), type: 'merge' }
}

/** Applies a strategic patch to a local object; a merge patch where the kind is not built in. */
export function strategicMergeOf(object: Loose, patch: Loose): Loose {
  const name = schemaName(String(object.apiVersion), String(object.kind))
  return name === undefined ? mergePatch(object, patch) : strategicMerge(schemas, name, object, patch)
}

export function applyMergePatch(object: Loose, patch: Loose): Loose {
  return mergePatch(object, patch)
}

export function applyJsonPatch(object: Loose, operations: readonly PatchOperation[]): Loose {
  return jsonPatch(object, operations)
}

export const contentTypes = { strategic: 'application/strategic-merge-patch+json', merge: 'application/merge-patch+json', json: 'application/json-patch+json', apply: 'application/apply-patch+yaml' } as const
