/**
 * Counts what the objects of a namespace use of its ResourceQuotas (pkg/controller/resourcequota). Admission charges new objects; this controller counts
 * afresh when a quota is made or changed, and when something goes: objects deleted, pods that finished. The full recount every five minutes is left out,
 * as nothing is missed.
 */
import { addQuantities, formatQuantity, parseQuantity, type Quantity } from '#base/quantity.ts'
import type { Informer, KubeObject } from '#engine/api/types.ts'
import { quotaMatches, usageOf } from '#engine/kinds/admission/resource-quota.ts'
import { isPodFinished, type Pod } from '#engine/kinds/pod/types.ts'
import { resourcequotas, type ResourceQuota } from '#engine/kinds/resourcequota/types.ts'
import { keyOf, splitKey, type ControllerContext, type DiscoveredResource } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { tolerateGone } from '../ownership.ts'

const none: Quantity = { unscaled: 0n, scale: 0, format: 'DecimalSI' }
const ignored = new Set(['events', 'events.events.k8s.io'])

/** Finished pods are counted by `count/pods` alone. */
function charges(resource: DiscoveredResource, object: KubeObject, quota: ResourceQuota): ReadonlyMap<string, Quantity> {
  if (!quotaMatches(quota, resource.resource, object)) return new Map()
  const usage = usageOf(resource.resource, resource.group, object)
  if (resource.resource === 'pods' && resource.group === '' && isPodFinished(object as Pod)) return new Map([...usage].filter(([name]) => name === 'count/pods'))
  return usage
}

export function startQuotaController(context: ControllerContext): void {
  const { api } = context
  const quotas = api.informer<ResourceQuota>(resourcequotas)
  const watched: { readonly resource: DiscoveredResource; readonly cache: Informer<KubeObject> }[] = []
  const queue = context.queue((key) => {
    const quota = quotas.get(...splitKey(key))
    if (!quota || quota.metadata.deletionTimestamp !== undefined) return
    const hard = quota.spec.hard ?? {}
    const used = new Map<string, Quantity>(Object.keys(hard).sort().map((name) => [name, none]))
    for (const { resource, cache } of watched) {
      for (const object of cache.list(quota.metadata.namespace)) {
        for (const [name, amount] of charges(resource, object, quota)) if (used.has(name)) used.set(name, addQuantities(used.get(name)!, amount))
      }
    }
    const status = { hard, used: Object.fromEntries([...used].map(([name, amount]) => [name, formatQuantity(amount)])) }
    if (same(quota.status, status)) return
    tolerateGone(() => api.update<ResourceQuota>(resourcequotas, { ...quota, status }, 'status'))
  })
  const recount = (o: KubeObject) => {
    for (const quota of quotas.list(o.metadata.namespace)) queue.add(keyOf(quota))
  }
  quotas.onAdd((quota) => queue.add(keyOf(quota)))
  quotas.onUpdate((quota, old) => {
    if (!deepEqual(quota.spec, old.spec) || !deepEqual(quota.spec.hard, quota.status?.hard)) queue.add(keyOf(quota))
  })
  const seen = new Set<string>()
  for (const resource of context.options.resources ?? []) {
    const full = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`
    if (!resource.namespaced || ignored.has(full) || seen.has(full)) continue
    seen.add(full)
    const cache = api.informer<KubeObject>(resource)
    watched.push({ resource, cache })
    cache.onDelete(recount)
    cache.onUpdate((o, old) => {
      if (full === 'pods' ? isPodFinished(o as Pod) && !isPodFinished(old as Pod) : full === 'services' || full === 'persistentvolumeclaims' ? !deepEqual((o as Charged).spec, (old as Charged).spec) : false) recount(o)
    })
  }
}

interface Charged extends KubeObject {
  readonly spec?: unknown
}

function same(old: ResourceQuota['status'], next: { hard: Record<string, string>; used: Record<string, string> }): boolean {
  const amount = (text: string | undefined) => (text === undefined ? undefined : formatQuantity(parseQuantity(text) ?? none))
  if (!old?.hard || !old.used || !deepEqual(old.hard, next.hard)) return false
  const names = Object.keys(next.used)
  return names.length === Object.keys(old.used).length && names.every((n) => amount(old.used![n]) === next.used[n])
}
