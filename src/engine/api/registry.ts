/**
 * The generic registry: create, read, update and delete of any kind, in the order in which upstream does it (admission, strategy,
 * validation, store). Models apiserver/pkg/registry/generic and rest. Knows nothing of HTTP.
 */
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts'
import { FieldErrors } from './field-errors.ts'
import { type ManagedFields, managerOf } from './managed-fields.ts'
import { type KindDefinition, resourceKey, type RequestContext } from './kind.ts'
import { copy, equal, type Loose } from './loose.ts'
import { pathSegmentErrors } from './names.ts'
import { validateMeta, validateMetaUpdate } from './meta-validation.ts'
import * as status from './status.ts'
import type { Store } from './store.ts'
import type { KubeObject } from './types.ts'

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: string
  readonly orphanDependents?: boolean
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export interface WriteOptions {
  readonly context: RequestContext
}

const SUFFIX_MAX = 63 - 5

export class Registry {
  /** Keeps managedFields. */
  fields: ManagedFields | undefined

  readonly #store: Store
  readonly #admission: readonly AdmissionPlugin[]

  /** What the way through the store does to an object: empty lists go. */
  settle: ((kind: KindDefinition, object: Loose) => void) | undefined

  constructor(store: Store, admission: readonly AdmissionPlugin[]) {
    this.#store = store
    this.#admission = admission
  }

  #ref(kind: KindDefinition): status.GroupResource {
    return { group: groupOf(kind), resource: kind.plural }
  }

  #key(kind: KindDefinition): string {
    return kind.alias?.resource ?? resourceKey(kind)
  }

  get(kind: KindDefinition, namespace: string | undefined, name: string): KubeObject {
    const object = this.#store.get(this.#key(kind), kind.namespaced ? namespace : '', name)
    if (!object) throw status.notFound(this.#ref(kind), name)
    return kind.alias ? kind.alias.fromStorage(object) : object
  }

  list(kind: KindDefinition, namespace: string | undefined): readonly KubeObject[] {
    const objects = this.#store.list(this.#key(kind), kind.namespaced ? namespace : '')
    return kind.alias ? objects.map((o) => kind.alias!.fromStorage(o)) : objects
  }

  #attributes(operation: AdmissionAttributes['operation'], kind: KindDefinition, object: Loose, old: Loose, name: string, context: RequestContext): AdmissionAttributes {
    return { operation, kind, subresource: context.subresource, namespace: context.namespace, name, object, old, context }
  }

  admit(attributes: AdmissionAttributes): void {
    for (const plugin of this.#admission) plugin.admit?.(attributes)
  }

  validateAdmission(attributes: AdmissionAttributes): void {
    for (const plugin of this.#admission) plugin.validate?.(attributes)
  }

  committed(attributes: AdmissionAttributes): void {
    for (const plugin of this.#admission) plugin.committed?.(attributes)
  }

  #track(kind: KindDefinition, old: KubeObject | undefined, object: Loose, context: RequestContext): void {
    if (context.patch === 'apply') return
    const by = { manager: context.manager ?? managerOf(context.user.name), subresource: context.managedAs ?? context.subresource, now: context.now }
    this.fields?.update(kind, old, object, by, context.manager !== undefined)
  }

  /** `object` is the caller's own copy, decoded; it becomes the stored object. */
  create(kind: KindDefinition, object: Loose, context: RequestContext): KubeObject {
    const meta = object.metadata
    if (kind.namespaced) meta.namespace = context.namespace
    else delete meta.namespace
    kind.defaults?.(object)
    this.#track(kind, undefined, object, context)
    const generated = !meta.name && meta.generateName
    if (generated) meta.name = meta.generateName.slice(0, SUFFIX_MAX) + context.suffix()
    const attributes = this.#attributes('CREATE', kind, object, undefined, generated ? '' : (meta.name ?? ''), context)
    this.admit(attributes)
    delete meta.deletionTimestamp
    delete meta.deletionGracePeriodSeconds
    delete meta.selfLink
    meta.uid = context.uuid()
    for (const plugin of this.#admission) plugin.allocate?.(attributes)
    kind.prepareForCreate?.(object, context)
    meta.creationTimestamp = context.now
    if (!context.dryRun) {
      if (meta.resourceVersion && !context.patch) throw status.failure(500, undefined, 'resourceVersion should not be set on objects to be created')
      delete meta.resourceVersion
    }
    if (kind.hasGeneration && !kind.generationFromUpdate) meta.generation = 1
    else delete meta.generation
    if (kind.earlyWarnings) context.warnings.push(...kind.earlyWarnings(object))
    const errors = new FieldErrors()
    validateMeta(object, kind, errors, !kind.plainFinalizers)
    kind.validate?.(object, errors, context)
    if (errors.list.length > 0) throw status.invalid(groupOf(kind), kind.kind, meta.name ?? '', errors.list)
    if (kind.warnings) context.warnings.push(...kind.warnings(object, undefined, context))
    this.validateAdmission(attributes)
    this.settle?.(kind, object)
    kind.readBack?.(object)
    if (this.#store.get(this.#key(kind), kind.namespaced ? meta.namespace : '', meta.name)) {
      const error = status.alreadyExists(this.#ref(kind), meta.name)
      throw error
    }
    if (context.dryRun) return object
    const stored = this.#store.put(this.#key(kind), kind.alias ? kind.alias.toStorage(object) : object)
    this.committed(attributes)
    return kind.alias ? kind.alias.fromStorage(stored) : stored
  }

  /** `change` makes the new object from the present one (undefined when there is none); it must not change its argument. */
  update(kind: KindDefinition, namespace: string, name: string, change: (old: KubeObject | undefined) => Loose, context: RequestContext, options: { readonly mayCreate?: boolean } = {}): { object: KubeObject; created: boolean } {
    const key = this.#key(kind)
    const found = this.#store.get(key, kind.namespaced ? namespace : '', name)
    const old = found && kind.alias ? kind.alias.fromStorage(found) : found
    if (!old) {
      if (!(options.mayCreate ?? kind.allowCreateOnUpdate)) throw status.notFound(this.#ref(kind), name)
      const object = change(undefined)
      return { object: this.create(kind, object, context), created: true }
    }
    const object = change(old)
    const meta = object.metadata
    if (kind.namespaced) meta.namespace ??= namespace
    else delete meta.namespace
    kind.defaults?.(object)
    this.#track(kind, old, object, context)
    const version = meta.resourceVersion
    if (version !== undefined && version !== '' && !/^\d+$/.test(version)) throw status.failure(500, undefined, `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`)
    if (version !== undefined && version !== '' && version !== '0' && version !== old.metadata.resourceVersion) throw status.conflict(this.#ref(kind), name, status.changed)
    if ((version === undefined || version === '') && kind.allowUnconditionalUpdate === false) {
      const errors = new FieldErrors()
      errors.invalid('metadata.resourceVersion', 0, 'must be specified for an update')
      throw status.invalid(groupOf(kind), kind.plural, name, errors.list)
    }
    const attributes = this.#attributes('UPDATE', kind, object, old, name, context)
    this.admit(attributes)
    this.#keepMeta(meta, old.metadata)
    if (context.subresource === '') for (const plugin of this.#admission) plugin.allocate?.(attributes)
    if (context.subresource === 'status') {
      kind.prepareForStatusUpdate?.(object, old, context)
    } else kind.prepareForUpdate?.(object, old, context)
    if (kind.hasGeneration) {
      const raised = context.subresource !== 'status' && (kind.generationChanges?.(object, old) ?? specChanged(object, old))
      meta.generation = (old.metadata.generation ?? 0) + (raised ? 1 : 0)
      if (!meta.generation) delete meta.generation
    } else if (old.metadata.generation === undefined) delete meta.generation
    else meta.generation = old.metadata.generation
    meta.resourceVersion = old.metadata.resourceVersion
    if (meta.uid !== old.metadata.uid && !context.patch) {
      throw status.conflict(this.#ref(kind), name, `StorageError: invalid object, Code: 4, Key: ${context.dryRun ? '' : '/registry'}/${storagePrefix[kind.plural] ?? kind.plural}/${kind.namespaced ? namespace + '/' : ''}${name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${meta.uid}, UID in object meta: ${old.metadata.uid}`)
    }
    if (kind.earlyWarnings) context.warnings.push(...kind.earlyWarnings(object))
    const errors = new FieldErrors()
    // First what holds for all objects, then what the kind asks for: only that knows which finalizers are Kubernetes' own.
    const own = kind.metaUpdate ?? 'both'
    validateMeta(object, { ...kind, validateName: pathSegmentErrors }, errors, false)
    validateMetaUpdate(object, old, errors, false)
    if (own === 'both' || own === 'changes') validateMetaUpdate(object, old, errors, !kind.plainFinalizers)
    for (let n = own === 'twice' ? 2 : own === 'both' || own === 'whole' ? 1 : 0; n > 0; n--) validateMeta(object, kind, errors, !kind.plainFinalizers)
    if (context.subresource === 'status') {
      if (kind.validateStatusUpdate) kind.validateStatusUpdate(object, old, errors, context)
    } else if (kind.validateUpdate) kind.validateUpdate(object, old, errors, context)
    else kind.validate?.(object, errors, context)
    if (errors.list.length > 0) throw status.invalid(groupOf(kind), kind.kind, name, errors.list)
    if (kind.warnings && context.subresource === '') context.warnings.push(...kind.warnings(object, old, context))
    this.validateAdmission(attributes)
    this.settle?.(kind, object)
    if (context.dryRun) return { object, created: false }
    if (meta.deletionTimestamp && (meta.finalizers ?? []).length === 0 && !meta.deletionGracePeriodSeconds && !object.spec?.finalizers?.length) {
      const last = this.#store.remove(key, object)
      this.committed(attributes)
      return { object: last, created: false }
    }
    if (equal(object, old)) return { object: old, created: false }
    const stored = this.#store.put(key, kind.alias ? kind.alias.toStorage(object) : object)
    this.committed(attributes)
    return { object: kind.alias ? kind.alias.fromStorage(stored) : stored, created: false }
  }

  /** Stores an object as it is: for subresources that are their own kind of change. */
  write(kind: KindDefinition, object: Loose, context: RequestContext): KubeObject {
    if (context.dryRun) return object
    return this.#store.put(this.#key(kind), { ...object, metadata: { ...object.metadata } })
  }

  /** Removes an object at once, whatever it waits for. */
  drop(kind: KindDefinition, object: KubeObject): KubeObject {
    return this.#store.remove(this.#key(kind), object)
  }

  /** Server-owned metadata survives whatever the client sent. */
  #keepMeta(meta: Loose, old: Loose): void {
    for (const field of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']) {
      if (old[field] !== undefined) meta[field] = old[field]
      else if (field !== 'deletionTimestamp') delete meta[field]
    }
    meta.uid ||= old.uid
    if (old.generateName && meta.generateName === undefined) meta.generateName = old.generateName
  }

  /** Answers the object as it is afterwards, and whether it is gone. */
  delete(kind: KindDefinition, namespace: string, name: string, options: DeleteOptions, context: RequestContext): { object: KubeObject; removed: boolean } {
    const key = this.#key(kind)
    const old = this.#store.get(key, kind.namespaced ? namespace : '', name)
    if (!old) throw status.notFound(this.#ref(kind), name)
    const { uid, resourceVersion } = options.preconditions ?? {}
    if (uid !== undefined && uid !== old.metadata.uid) {
      throw status.failure(409, 'Conflict', `Operation cannot be fulfilled on ${kind.kind}${kind.group ? `.${kind.group}` : ''} ${JSON.stringify(name)}: the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`, { name, ...(kind.group ? { group: kind.group } : {}), kind: kind.kind })
    }
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw status.failure(409, 'Conflict', `Operation cannot be fulfilled on ${kind.kind}${kind.group ? `.${kind.group}` : ''} ${JSON.stringify(name)}: the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`, { name, ...(kind.group ? { group: kind.group } : {}), kind: kind.kind })
    }
    const attributes = this.#attributes('DELETE', kind, undefined, old, name, context)
    this.admit(attributes)
    this.validateAdmission(attributes)
    const object = copy(old) as Loose
    const meta = object.metadata
    const finalizers = new Set<string>(meta.finalizers ?? [])
    const standard = kind.orphansByDefault === true && options.orphanDependents === undefined && !finalizers.has('foregroundDeletion')
    const orphan = options.propagationPolicy === 'Orphan' || (options.propagationPolicy === undefined && (options.orphanDependents === true || standard))
    if (!meta.deletionTimestamp) {
      if (orphan) finalizers.add('orphan')
      if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion')
      if (options.propagationPolicy !== undefined && options.propagationPolicy !== 'Foreground') finalizers.delete('foregroundDeletion')
      if (options.propagationPolicy !== undefined && !orphan) finalizers.delete('orphan')
    }
    if (finalizers.size > 0) meta.finalizers = [...finalizers]
    else delete meta.finalizers
    const before = { timestamp: meta.deletionTimestamp, grace: meta.deletionGracePeriodSeconds }
    const grace = kind.gracePeriod?.(object, options.gracePeriodSeconds, context) ?? 0
    // Kinds may add finalizers of their own when it comes to deleting.
    const waits = meta.finalizers?.length > 0 || grace > 0 || (kind.kind === 'Namespace' && object.spec?.finalizers?.length > 0)
    if (!waits) {
      if (kind.gracePeriod && kind.hasGeneration && meta.generation && kind.kind === 'Pod') {
        if (before.timestamp === undefined) meta.generation++
        meta.deletionTimestamp = before.timestamp === undefined ? context.now : later(before.timestamp, -(before.grace ?? 0))
        meta.deletionGracePeriodSeconds = 0
        // A pod is first marked, then gone: watches see both.
        if (!context.dryRun && !equal(object, old)) this.#store.put(key, copy(object) as Loose)
      }
      // A namespace that nothing holds any more still answers as one that is going.
      if (kind.kind === 'Namespace' && kind.group === '') {
        meta.deletionTimestamp ??= context.now
        object.status = { ...object.status, phase: 'Terminating' }
      }
      if (context.dryRun) return { object: old, removed: true }
      const last = this.#store.remove(key, object)
      this.committed(attributes)
      return { object: last, removed: true }
    }
    if (before.timestamp === undefined) {
      meta.deletionTimestamp = later(context.now, grace)
      if (kind.kind !== 'Namespace' && !kind.plainDeletion) meta.deletionGracePeriodSeconds = grace
      if (kind.hasGeneration && meta.generation && !kind.plainDeletion) meta.generation++
    } else if (kind.gracePeriod && grace < (before.grace ?? 0)) {
      meta.deletionTimestamp = later(before.timestamp, grace - (before.grace ?? 0))
      meta.deletionGracePeriodSeconds = grace
    }
    if (kind.kind === 'Namespace') object.status = { ...object.status, phase: 'Terminating' }
    if (context.dryRun || equal(object, old)) return { object: context.dryRun ? object : old, removed: false }
    const stored = this.#store.put(key, object)
    this.committed(attributes)
    return { object: stored, removed: false }
  }
}

/** The group that errors name. */
function groupOf(kind: KindDefinition): string {
  return kind.alias?.group ?? kind.group
}

/** Where etcd keys of a resource differ from its name. */
const storagePrefix: Record<string, string> = { services: 'services/specs', endpoints: 'services/endpoints', nodes: 'minions', replicationcontrollers: 'controllers', ingresses: 'ingress', leases: 'leases', apiservices: 'apiregistration.k8s.io/apiservices', customresourcedefinitions: 'apiextensions.k8s.io/customresourcedefinitions' }

function later(time: string, seconds: number): string {
  return new Date(Date.parse(time) + seconds * 1000).toISOString().slice(0, 19) + 'Z'
}

function specChanged(object: Loose, old: Loose): boolean {
  for (const key of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (key === 'metadata' || key === 'status' || key === 'apiVersion' || key === 'kind') continue
    if (!equal(object[key], old[key])) return true
  }
  return false
}
