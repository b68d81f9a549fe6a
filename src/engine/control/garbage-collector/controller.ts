/**
 * Deletes objects whose owners are gone, and works off the finalizers of foreground and orphaning deletion (pkg/controller/garbagecollector).
 * The graph is an index by owner uid over informers of all listable kinds; virtual nodes are looked up when their turn comes.
 */
import type { ApiClient, Informer, KubeObject, OwnerReference } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import type { ControllerContext, DiscoveredResource } from '../controller.ts'
import { resourceOf, type CustomResourceDefinition } from '../discovery.ts'
import { deepEqual } from '../equal.ts'
import { tolerateGone } from '../ownership.ts'

const orphanFinalizer = 'orphan'
const foregroundFinalizer = 'foregroundDeletion'

interface Watched {
  readonly resource: DiscoveredResource
  readonly cache: Informer<KubeObject>
}

const ignored = new Set(['events', 'events.events.k8s.io'])

export function startGarbageCollector(context: ControllerContext): void {
  const { api } = context
  const watched = new Map<string, Watched>()
  const byUid = new Map<string, { readonly watched: Watched; readonly key: string }>()
  const queue = context.queue((key) => visit(key))
  const kinds = context.options.resources ?? []

  for (const resource of kinds) watch(resource)
  const definitions = watched.get('customresourcedefinitions.apiextensions.k8s.io')?.cache as Informer<CustomResourceDefinition> | undefined
  const learn = (crd: CustomResourceDefinition) => {
    const resource = resourceOf(crd)
    if (resource) watch(resource)
  }
  definitions?.onAdd(learn)
  definitions?.onUpdate(learn)
  definitions?.onDelete((crd) => {
    watched.delete(`${crd.spec.names.plural}.${crd.spec.group}`)
  })

  function watch(resource: DiscoveredResource): void {
    const full = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`
    if (ignored.has(full) || watched.has(full)) return
    const entry: Watched = { resource, cache: api.informer(resource) }
    watched.set(full, entry)
    entry.cache.addIndex('gc-owner', (o) => (o.metadata.ownerReferences ?? []).map((r) => r.uid))
    entry.cache.onAdd((o) => {
      byUid.set(o.metadata.uid ?? '', { watched: entry, key: full })
      consider(full, o)
    })
    entry.cache.onUpdate((o, old) => {
      const sameOwners = deepEqual(old.metadata.ownerReferences, o.metadata.ownerReferences)
      if (!sameOwners || o.metadata.deletionTimestamp !== undefined || old.metadata.deletionTimestamp !== undefined) consider(full, o)
      // An owner that lost a dependent may be done.
      if (!sameOwners) for (const r of old.metadata.ownerReferences ?? []) wakeOwner(r.uid)
    })
    entry.cache.onDelete((o) => {
      const uid = o.metadata.uid ?? ''
      byUid.delete(uid)
      for (const [name, w] of watched) for (const dependent of w.cache.byIndex('gc-owner', uid)) queue.add(keyFor(name, dependent))
      for (const r of o.metadata.ownerReferences ?? []) wakeOwner(r.uid)
    })
  }

  function keyFor(full: string, o: KubeObject): string {
    return `${full}|${o.metadata.namespace ?? ''}|${o.metadata.name}`
  }

  function wakeOwner(uid: string): void {
    const known = byUid.get(uid)
    if (!known) return
    for (const o of known.watched.cache.list()) if (o.metadata.uid === uid && o.metadata.deletionTimestamp !== undefined) queue.add(keyFor(known.key, o))
  }

  function consider(full: string, o: KubeObject): void {
    if (o.metadata.deletionTimestamp !== undefined) {
      if ((o.metadata.finalizers ?? []).some((f) => f === orphanFinalizer || f === foregroundFinalizer)) queue.add(keyFor(full, o))
      // A dependent that is on its way no longer holds up its owner only when it is gone; nothing to do.
      return
    }
    if ((o.metadata.ownerReferences ?? []).length > 0) queue.add(keyFor(full, o))
  }

  function dependents(uid: string): { readonly watched: Watched; readonly object: KubeObject }[] {
    return [...watched.values()].flatMap((w) => w.cache.byIndex('gc-owner', uid).map((object) => ({ watched: w, object })))
  }

  function visit(key: string): void {
    const [full = '', namespace = '', name = ''] = key.split('|')
    const entry = watched.get(full)
    const object = entry?.cache.get(namespace || undefined, name)
    if (!entry || !object) return
    if (object.metadata.deletionTimestamp !== undefined) {
      finalize(entry, object)
      return
    }
    const owners = object.metadata.ownerReferences ?? []
    if (owners.length === 0) return
    const solid: OwnerReference[] = []
    const dangling: OwnerReference[] = []
    const waiting: OwnerReference[] = []
    for (const owner of owners) {
      const state = ownerState(api, owner, object, byUid)
      if (state === 'gone') dangling.push(owner)
      else if (state === 'waiting') waiting.push(owner)
      else solid.push(owner)
    }
    if (solid.length > 0) {
      if (dangling.length + waiting.length > 0) writeOwners(entry, object, solid)
      return
    }
    if (dangling.length + waiting.length === 0) return
    const policy = waiting.length > 0 && dependents(object.metadata.uid ?? '').length > 0
      ? 'Foreground'
      : (object.metadata.finalizers ?? []).includes(orphanFinalizer) ? 'Orphan' : (object.metadata.finalizers ?? []).includes(foregroundFinalizer) ? 'Foreground' : 'Background'
    tolerateGone(() => api.delete(entry.resource, object.metadata.namespace, object.metadata.name, { propagationPolicy: policy, preconditions: { uid: object.metadata.uid ?? '' } }))
  }

  function finalize(entry: Watched, object: KubeObject): void {
    const finalizers = object.metadata.finalizers ?? []
    const uid = object.metadata.uid ?? ''
    if (finalizers.includes(orphanFinalizer)) {
      for (const { watched: w, object: dependent } of dependents(uid)) writeOwners(w, dependent, (dependent.metadata.ownerReferences ?? []).filter((r) => r.uid !== uid))
      dropFinalizer(entry, object, orphanFinalizer)
    } else if (finalizers.includes(foregroundFinalizer)) {
      const blocking = dependents(uid).filter((d) => (d.object.metadata.ownerReferences ?? []).some((r) => r.uid === uid && r.blockOwnerDeletion))
      for (const { watched: w, object: dependent } of dependents(uid)) queue.add(keyFor(nameOf(w), dependent))
      if (blocking.length === 0) dropFinalizer(entry, object, foregroundFinalizer)
    }
  }

  function nameOf(w: Watched): string {
    return w.resource.group === '' ? w.resource.resource : `${w.resource.resource}.${w.resource.group}`
  }

  function writeOwners(entry: Watched, object: KubeObject, owners: readonly OwnerReference[]): void {
    tolerateGone(() => api.patch(entry.resource, object.metadata.namespace, object.metadata.name, { metadata: { ownerReferences: owners.length > 0 ? owners : null, uid: object.metadata.uid } }, 'merge'))
  }

  function dropFinalizer(entry: Watched, object: KubeObject, finalizer: string): void {
    const rest = (object.metadata.finalizers ?? []).filter((f) => f !== finalizer)
    tolerateGone(() => api.patch(entry.resource, object.metadata.namespace, object.metadata.name, { metadata: { finalizers: rest.length > 0 ? rest : null, resourceVersion: object.metadata.resourceVersion } }, 'merge'))
  }

  function ownerState(client: ApiClient, owner: OwnerReference, dependent: KubeObject, known: ReadonlyMap<string, { readonly watched: Watched }>): 'solid' | 'gone' | 'waiting' {
    const [group = '', version = ''] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : ['', owner.apiVersion]
    const resource = kinds.find((k) => k.kind === owner.kind && k.group === group) ?? [...watched.values()].find((w) => w.resource.kind === owner.kind && w.resource.group === group)?.resource
    // A kind that nobody serves: absent, and the owner may come back.
    if (!resource) return 'solid'
    void version
    if (!known.has(owner.uid) && resource.namespaced && dependent.metadata.namespace === undefined) return 'gone'
    let object: KubeObject
    try {
      object = client.get(resource, resource.namespaced ? dependent.metadata.namespace : undefined, owner.name)
    } catch (error) {
      if (error instanceof StatusError && error.status.code === 404) return 'gone'
      throw error
    }
    if (object.metadata.uid !== owner.uid) return 'gone'
    return object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(foregroundFinalizer) ? 'waiting' : 'solid'
  }
}
