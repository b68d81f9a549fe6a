/**
 * Who owns which fields (metadata.managedFields), and server-side apply. Models apimachinery's managedfields and the updater of structured-merge-diff.
 * Objects made by in-process clients are not tracked until somebody applies to them: their fields then belong to "before-first-apply".
 */
import type { Decoder } from './decode.ts'
import { comparePaths, difference, type FieldSet, FieldTyper, intersection, isUnder, jsonOfSet, pathText, setOfJson, TypedError, union } from './field-set.ts'
import { copy, equal, isObject, type Loose } from './loose.ts'
import type { KindDefinition } from './kind.ts'
import type { Schemas } from './schema.ts'
import * as status from './status.ts'

interface Entry {
  readonly manager: string
  readonly operation: string
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

export interface Managing {
  readonly manager: string
  readonly subresource: string
  readonly now: string
}

const BEFORE_FIRST_APPLY = 'before-first-apply'
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Never owned: the server keeps these. */
const ignored = new Set([
  'f:apiVersion', 'f:kind', 'f:metadata',
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map((f) => `f:metadata\u0001f:${f}`),
])

const idOf = (e: Pick<Entry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>) => JSON.stringify([e.manager, e.operation, e.apiVersion, e.subresource])

export class ManagedFields {
  readonly #schemas: Schemas
  readonly #decoder: Decoder
  readonly #typers = new Map<string, FieldTyper>()
  readonly #custom = new WeakMap<KindDefinition, FieldTyper>()

  constructor(schemas: Schemas, decoder: Decoder) {
    this.#schemas = schemas
    this.#decoder = decoder
  }

  #typer(kind: KindDefinition): FieldTyper {
    if (kind.fieldTypes) {
      let own = this.#custom.get(kind)
      if (!own) {
        const { schemas, root } = kind.fieldTypes(this.#schemas)
        this.#custom.set(kind, (own = new FieldTyper(schemas, root)))
      }
      return own
    }
    const key = kind.schema ?? ''
    let typer = this.#typers.get(key)
    if (!typer) this.#typers.set(key, (typer = new FieldTyper(this.#schemas, kind.schema)))
    return typer
  }

  /** The object of a kind with nothing in it. */
  #empty(kind: KindDefinition): Loose {
    const head = { apiVersion: apiVersionOf(kind), kind: kind.kind }
    return kind.schema !== undefined && this.#schemas.has(kind.schema) ? this.#decoder.decode(kind.schema, head).object : { ...head, metadata: {} }
  }

  /** Sets managedFields of `object`, which takes the place of `old`, for a create or update. `track`: begin with a new object. */
  update(kind: KindDefinition, old: Loose, object: Loose, by: Managing, track: boolean): void {
    if (kind.alias) return
    const given = object.metadata.managedFields
    const kept = old?.metadata.managedFields
    let managers: Map<string, Entry>
    let asGiven = false
    if (Array.isArray(given) && given.length === 1 && isObject(given[0]) && Object.keys(given[0]).length === 0 && by.subresource === '') managers = new Map()
    else {
      managers = read(by.subresource === '' && old && given !== kept ? given : undefined)
      asGiven = managers.size > 0
      if (managers.size === 0) managers = read(kept)
    }
    delete object.metadata.managedFields
    if (managers.size === 0 && (old || !track)) return
    const changed = this.#own(kind, old ?? this.#empty(kind), object, managers, by)
    if (managers.size > 0) object.metadata.managedFields = changed || asGiven ? write(managers) : kept
  }

  #own(kind: KindDefinition, old: Loose, object: Loose, managers: Map<string, Entry>, by: Managing): boolean {
    const reset = resetFields(kind, by.subresource)
    const change = this.#typer(kind).compare(old, object)
    const changed = strip(union(change.modified, change.added), reset)
    const removed = strip(change.removed, reset)
    if (changed.size + removed.size === 0) return false
    const self = { manager: by.manager, operation: 'Update', apiVersion: apiVersionOf(kind), subresource: by.subresource }
    const before = managers.get(idOf(self))
    take(managers, union(changed, removed), undefined)
    const fields = union(difference(before?.fields ?? new Set(), removed), changed)
    managers.delete(idOf(self))
    if (fields.size > 0) managers.set(idOf(self), { ...self, fields, time: by.subresource === 'scale' ? undefined : by.now })
    return true
  }

  /** The object that applying `config` makes of `old`, with its managedFields. */
  apply(kind: KindDefinition, old: Loose, config: Loose, by: Managing, force: boolean): Loose {
    const typer = this.#typer(kind)
    const reset = resetFields(kind, by.subresource)
    const apiVersion = apiVersionOf(kind)
    let set: FieldSet
    try {
      set = strip(typer.fields(config), reset)
    } catch (error) {
      if (!(error instanceof TypedError)) throw error
      throw status.failure(500, undefined, `failed to create typed patch object (${config.metadata?.namespace ?? ''}/${config.metadata?.name ?? ''}; ${versionText(apiVersion)}, Kind=${kind.kind}): ${error.message}`)
    }
    const live = old ? copy(old) : this.#empty(kind)
    const managers = read(live.metadata.managedFields)
    delete live.metadata.managedFields
    if (old && managers.size === 0) this.#own(kind, this.#empty(kind), live, managers, { ...by, manager: BEFORE_FIRST_APPLY, subresource: '' })
    const self: Omit<Entry, 'fields' | 'time'> = { manager: by.manager, operation: 'Apply', apiVersion, subresource: by.subresource }
    const last = managers.get(idOf(self))
    let merged = typer.merge(live, config)
    managers.set(idOf(self), { ...self, fields: set, time: last?.time ?? by.now })
    if (last) {
      const all = [...managers.values()].flatMap((m) => [...m.fields])
      merged = typer.remove(merged, new Set([...last.fields].filter((p) => !set.has(p) && !all.some((m) => isUnder(m, p)))))
    }
    const change = typer.compare(live, merged)
    const changed = strip(union(change.modified, change.added), reset)
    const conflicts: { entry: Entry; path: string }[] = []
    for (const [id, entry] of managers) {
      if (id === idOf(self)) continue
      for (const path of [...intersection(entry.fields, changed)].sort(comparePaths)) conflicts.push({ entry, path })
    }
    const real = by.manager === 'kubectl' ? conflicts.filter((c) => !lastApplied(typer, live).has(c.path)) : conflicts
    if (!force && real.length > 0) throw conflictOf(real)
    take(managers, union(changed, change.removed), idOf(self))
    if (!last || !equal(jsonOfSet(last.fields), jsonOfSet(set)) || !equal(live, merged)) managers.set(idOf(self), { ...self, fields: set, time: by.now })
    if (set.size === 0) managers.delete(idOf(self))
    const out = copy(merged)
    // Without metadata there is no name either, which whoever gets this says.
    if (!isObject(out.metadata)) return out
    if (managers.size > 0) out.metadata.managedFields = write(managers)
    else delete out.metadata.managedFields
    return out
  }
}

function apiVersionOf(kind: KindDefinition): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
}

/** Components name themselves after their programs. */
export function managerOf(user: string): string {
  if (user.startsWith('system:node:')) return 'kubelet'
  if (user.startsWith('system:serviceaccount:kube-system:')) return 'kube-controller-manager'
  return user.startsWith('system:') ? user.slice('system:'.length) : user
}

export function versionText(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion : `/${apiVersion}`
}

/** Takes fields from everybody but `except`. */
function take(managers: Map<string, Entry>, fields: FieldSet, except: string | undefined): void {
  for (const [id, entry] of [...managers]) {
    if (id === except || intersection(entry.fields, fields).size === 0) continue
    const left = difference(entry.fields, fields)
    if (left.size === 0) managers.delete(id)
    else managers.set(id, { ...entry, fields: left })
  }
}

function resetFields(kind: KindDefinition, subresource: string): readonly string[] {
  if (subresource === 'status') return ['f:spec', 'f:metadata']
  return kind.subresources.some((s) => s.name === 'status') ? ['f:status'] : []
}

function strip(set: FieldSet, reset: readonly string[]): Set<string> {
  return new Set([...set].filter((p) => !ignored.has(p) && !reset.some((r) => isUnder(p, r))))
}

function read(managedFields: Loose): Map<string, Entry> {
  const out = new Map<string, Entry>()
  if (!Array.isArray(managedFields)) return out
  for (const m of managedFields) {
    if (!isObject(m) || !['Apply', 'Update'].includes(m.operation) || !isObject(m.fieldsV1)) return new Map()
    const entry: Entry = { manager: m.manager ?? '', operation: m.operation, apiVersion: m.apiVersion ?? '', subresource: m.subresource ?? '', time: m.time, fields: setOfJson(m.fieldsV1) }
    out.set(idOf(entry), entry)
  }
  return out
}

function write(managers: ReadonlyMap<string, Entry>): Loose[] {
  const order = (a: Entry, b: Entry) =>
    comparePaths(a.operation, b.operation) || comparePaths(a.time ?? '', b.time ?? '') || comparePaths(a.manager, b.manager) || comparePaths(a.apiVersion, b.apiVersion) || comparePaths(a.subresource, b.subresource)
  return [...managers.values()].sort(order).map((e) => ({
    manager: e.manager, operation: e.operation, apiVersion: e.apiVersion, ...(e.time ? { time: e.time } : {}), fieldsType: 'FieldsV1', fieldsV1: jsonOfSet(e.fields), ...(e.subresource ? { subresource: e.subresource } : {}),
  }))
}

/** What kubectl's client-side apply said last: its own fields, which server-side apply by kubectl may take over. */
function lastApplied(typer: FieldTyper, live: Loose): FieldSet {
  try {
    return typer.fields(JSON.parse(live.metadata.annotations?.[LAST_APPLIED] ?? '{}'))
  } catch {
    return new Set()
  }
}

function managerText(e: Entry): string {
  return `${JSON.stringify(e.manager)}${e.subresource ? ` with subresource ${JSON.stringify(e.subresource)}` : ''}${e.operation === 'Update' ? ` using ${e.apiVersion}` : ''}`
}

function conflictOf(conflicts: readonly { entry: Entry; path: string }[]): Error {
  const sorted = [...conflicts].sort((a, b) => comparePaths(a.path, b.path))
  const causes = sorted.map((c) => ({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(c.entry)}`, field: pathText(c.path) }))
  const groups = new Map<string, string[]>()
  for (const c of sorted) groups.set(managerText(c.entry), [...(groups.get(managerText(c.entry)) ?? []), pathText(c.path)])
  const text =
    sorted.length === 1
      ? `Apply failed with 1 conflict: conflict with ${managerText(sorted[0]!.entry)}: ${pathText(sorted[0]!.path)}`
      : `Apply failed with ${sorted.length} conflicts: ${[...groups].sort(([a], [b]) => comparePaths(a, b)).map(([m, paths]) => `conflicts with ${m}:${paths.map((p) => `\n- ${p}`).join('')}`).join('\n')}`
  return status.failure(409, 'Conflict', text, { causes })
}
