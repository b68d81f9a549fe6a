/** Empties a namespace that is being deleted, kind by kind, tells how far it is, and finalizes it (pkg/controller/namespace/deletion). */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { namespaces, type Namespace } from '#engine/kinds/namespace/types.ts'
import type { Condition, Pod } from '#engine/kinds/pod/types.ts'
import { timestamp, type ControllerContext } from '../controller.ts'
import { discoveryProblem, servedResources } from '../discovery.ts'
import { deepEqual } from '../equal.ts'
import { tolerateGone } from '../ownership.ts'

/** So that what servers that do not know of the deletion yet still let in is seen (namespaceDeletionGracePeriod). */
const grace = 5000

export function startNamespaceController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Namespace>(namespaces)
  const failures = new Map<string, number>()
  const queue = context.queue(sync)
  const wake = (n: Namespace) => {
    if (n.metadata.deletionTimestamp !== undefined) queue.addAfter(n.metadata.name, grace)
  }
  cache.onAdd(wake)
  cache.onUpdate(wake)

  function sync(name: string): void {
    const namespace = tolerateGone(() => api.get<Namespace>(namespaces, undefined, name))
    if (!namespace || namespace.metadata.deletionTimestamp === undefined || !(namespace.spec.finalizers ?? []).includes('kubernetes')) return
    let left = 0
    let wait = 0
    const remaining = new Map<string, number>()
    const finalizers = new Map<string, number>()
    for (const resource of servedResources(context)) {
      if (!resource.namespaced || resource.resource === 'events' && resource.group !== '' || resource.resource === 'bindings' || resource.resource.includes('/')) continue
      const objects = listQuietly(resource, name)
      for (const object of objects) {
        if (object.metadata.deletionTimestamp === undefined) tolerateGone(() => api.delete(resource, name, object.metadata.name, { propagationPolicy: 'Background' }))
      }
      const after = listQuietly(resource, name)
      if (after.length === 0) continue
      left += after.length
      const full = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`
      remaining.set(full, after.length)
      for (const object of after) {
        for (const f of object.metadata.finalizers ?? []) finalizers.set(f, (finalizers.get(f) ?? 0) + 1)
        if (resource.resource === 'pods') wait = Math.max(wait, (object as Pod).metadata.deletionGracePeriodSeconds ?? 0)
      }
    }
    const problem = discoveryProblem(api, context.options)
    if (problem) {
      tell(namespace, remaining, finalizers, problem)
      const failed = (failures.get(name) ?? 0) + 1
      failures.set(name, failed)
      queue.addAfter(name, Math.min(5 * 2 ** failed, 60_000), { background: true })
      return
    }
    failures.delete(name)
    if (left > 0) {
      tell(namespace, remaining, finalizers)
      queue.addAfter(name, Math.min(Math.max(wait / 2 + 1, 1), 15) * 1000)
      return
    }
    const spec = { ...namespace.spec, finalizers: (namespace.spec.finalizers ?? []).filter((f) => f !== 'kubernetes') }
    tolerateGone(() => api.update<Namespace>(namespaces, { ...namespace, spec }, 'finalize'))
  }

  function listQuietly(resource: GroupVersionResource, namespace: string): readonly KubeObject[] {
    try {
      return api.list(resource, { namespace })
    } catch (error) {
      if (error instanceof StatusError) return []
      throw error
    }
  }

  function tell(namespace: Namespace, remaining: ReadonlyMap<string, number>, finalizers: ReadonlyMap<string, number>, problem?: { readonly count: number; readonly message: string }): void {
    const make = (type: string, status: string, reason: string, message: string): Condition => {
      const old = namespace.status?.conditions?.find((c) => c.type === type)
      return { type, status, lastTransitionTime: old && old.status === status ? (old.lastTransitionTime ?? null) : timestamp(sim.now), reason, message }
    }
    const content = [...remaining].sort(([a], [b]) => (a < b ? -1 : 1)).map(([r, n]) => `${r}. has ${n} resource instances`).join(', ')
    const blocked = [...finalizers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([f, n]) => `${f} in ${n} resource instances`).join(', ')
    const conditions = [
      problem ? make('NamespaceDeletionDiscoveryFailure', 'True', 'DiscoveryFailed', `Discovery failed for some groups, ${problem.count} failing: ${problem.message}`) : make('NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'),
      make('NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'),
      make('NamespaceDeletionContentFailure', 'False', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'),
      remaining.size > 0 ? make('NamespaceContentRemaining', 'True', 'SomeResourcesRemain', `Some resources are remaining: ${content}`) : make('NamespaceContentRemaining', 'False', 'ContentRemoved', 'All content successfully removed'),
      finalizers.size > 0 ? make('NamespaceFinalizersRemaining', 'True', 'SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${blocked}`) : make('NamespaceFinalizersRemaining', 'False', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'),
    ]
    if (deepEqual(conditions, namespace.status?.conditions)) return
    tolerateGone(() => api.update<Namespace>(namespaces, { ...namespace, status: { ...namespace.status, phase: 'Terminating', conditions } }, 'status'))
  }
}
