/** Keeps the deprecated Endpoints objects of Services with a selector (pkg/controller/endpoint). Subsets and ports are in the order of a hash over them, as real ones are. */
import { StatusError } from '#engine/api/types.ts'
import { endpoints, type EndpointAddress, type Endpoints, type EndpointSubset } from '#engine/kinds/endpoints/types.ts'
import { isPodReady, pods, type Pod } from '#engine/kinds/pod/types.ts'
import { mapMatches } from '#engine/kinds/selectors.ts'
import { services, type Service } from '#engine/kinds/service/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { sortByHash } from '../fnv.ts'
import { addressOf, endpointHostname, findPort, isEndpoint, TriggerTimes } from '../endpointslice/pod-endpoints.ts'
import { tolerateGone } from '../ownership.ts'
import { isNamespaceTerminating } from '../pod-control.ts'
import { indexPodLabels, selectedPods } from '../selected-pods.ts'

const managedBy = 'endpoints.kubernetes.io/managed-by'
const headless = 'service.kubernetes.io/headless'
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time'
const overCapacity = 'endpoints.kubernetes.io/over-capacity'
const maxAddresses = 1000
const maxRetries = 15

export function startEndpointsController(context: ControllerContext): void {
  const { api } = context
  const serviceCache = api.informer<Service>(services)
  const podCache = api.informer<Pod>(pods)
  indexPodLabels(podCache)
  const cache = api.informer<Endpoints>(endpoints)
  const triggers = new TriggerTimes()
  const failures = new Map<string, number>()
  const queue = context.queue(sync)
  for (const listen of ['onAdd', 'onUpdate', 'onDelete'] as const) serviceCache[listen]((s: Service) => queue.add(keyOf(s)))
  const podChanged = (pod: Pod, old?: Pod) => {
    for (const s of serviceCache.list(pod.metadata.namespace)) {
      if (mapMatches(s.spec.selector, pod.metadata.labels) || (old && mapMatches(s.spec.selector, old.metadata.labels))) queue.add(keyOf(s))
    }
  }
  podCache.onAdd((pod) => podChanged(pod))
  podCache.onUpdate(podChanged)
  podCache.onDelete((pod) => podChanged(pod))
  cache.onDelete((e) => queue.add(keyOf(e)))

  function sync(key: string): void {
    const [namespace, name] = splitKey(key)
    const service = serviceCache.get(namespace, name)
    if (!service) {
      triggers.forget(key)
      if (cache.get(namespace, name)) tolerateGone(() => api.delete(endpoints, namespace, name))
      return
    }
    if (service.spec.type === 'ExternalName' || Object.keys(service.spec.selector ?? {}).length === 0) return
    const members = selectedPods(podCache, namespace, service.spec.selector ?? {})
    const trigger = triggers.compute(key, service, members)
    let subsets = repack(service, members.filter((p) => isEndpoint(p) && p.metadata.deletionTimestamp === undefined))
    const truncated = truncate(subsets)
    subsets = truncated.subsets
    const labels: Record<string, string> = { ...service.metadata.labels, [managedBy]: 'endpoint-controller' }
    if (service.spec.clusterIP === 'None') labels[headless] = ''
    else delete labels[headless]
    const existing = tolerateGone(() => api.get<Endpoints>(endpoints, namespace, name))
    const annotations: Record<string, string> = { ...existing?.metadata.annotations }
    if (trigger !== undefined) annotations[triggerTime] = trigger
    else delete annotations[triggerTime]
    if (truncated.over) annotations[overCapacity] = 'truncated'
    else delete annotations[overCapacity]
    if (existing && deepEqual(existing.subsets, subsets) && deepEqual(existing.metadata.labels, labels) && existing.metadata.annotations?.[overCapacity] === annotations[overCapacity]) return
    const metadata = { name, ...(namespace !== undefined ? { namespace } : {}), labels, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) }
    const { subsets: _old, ...rest } = existing ?? { apiVersion: 'v1', kind: 'Endpoints', metadata }
    const next: Endpoints = { ...rest, metadata: existing ? { ...existing.metadata, labels, annotations } : metadata, ...(subsets.length > 0 ? { subsets } : {}) }
    try {
      if (existing) api.update<Endpoints>(endpoints, next)
      else api.create<Endpoints>(endpoints, next)
      failures.delete(key)
    } catch (error) {
      if (!(error instanceof StatusError) || isNamespaceTerminating(error)) {
        if (error instanceof StatusError) return
        throw error
      }
      if (error.status.reason === 'Conflict') throw error
      if (existing) api.event(next, 'Warning', 'FailedToUpdateEndpoint', `Failed to update endpoint ${key}: ${error.message}`, 'endpoint-controller')
      else api.event(next, 'Warning', 'FailedToCreateEndpoint', `Failed to create endpoint for service ${key}: ${error.message}`, 'endpoint-controller')
      const count = failures.get(key) ?? 0
      if (count >= maxRetries) return void failures.delete(key)
      failures.set(key, count + 1)
      throw error
    }
  }
}

function repack(service: Service, members: readonly Pod[]): EndpointSubset[] {
  const byPorts = new Map<string, { ports: NonNullable<EndpointSubset['ports']>; ready: Map<string, EndpointAddress>; not: Map<string, EndpointAddress> }>()
  // Addresses are grouped port by port, then ports with equal addresses are joined.
  const single = new Map<string, { port: NonNullable<EndpointSubset['ports']>[number] | undefined; ready: Map<string, EndpointAddress>; not: Map<string, EndpointAddress> }>()
  for (const pod of members) {
    const ip = addressOf(pod, service.spec.ipFamilies?.[0] ?? 'IPv4')
    if (ip === undefined) continue
    const hostname = endpointHostname(pod, service)
    const address: EndpointAddress = {
      ip,
      ...(hostname !== undefined ? { hostname } : {}),
      nodeName: pod.spec.nodeName ?? '',
      targetRef: { kind: 'Pod', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, uid: pod.metadata.uid ?? '' },
    }
    const ready = service.spec.publishNotReadyAddresses === true || isPodReady(pod)
    const ports = service.spec.ports ?? []
    const found = ports.flatMap((p) => {
      const port = findPort(pod, p)
      return port === undefined ? [] : [{ ...(p.name ? { name: p.name } : {}), port, protocol: p.protocol ?? 'TCP', ...(p.appProtocol !== undefined ? { appProtocol: p.appProtocol } : {}) }]
    })
    for (const port of ports.length === 0 ? [undefined] : found) {
      const key = JSON.stringify(port ?? null)
      const entry = single.get(key) ?? { port, ready: new Map(), not: new Map() }
      single.set(key, entry)
      ;(ready ? entry.ready : entry.not).set(address.targetRef!.uid!, address)
    }
  }
  for (const { port, ready, not } of single.values()) {
    const key = JSON.stringify([[...ready.keys()].sort(), [...not.keys()].sort()])
    const entry = byPorts.get(key) ?? { ports: [], ready, not }
    if (port) entry.ports.push(port)
    byPorts.set(key, entry)
  }
  const sorted = (list: Iterable<EndpointAddress>) => [...list].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1))
  return sortByHash('v1.EndpointSubset', [...byPorts.values()].map(({ ports, ready, not }) => ({
    ...(ready.size > 0 ? { addresses: sorted(ready.values()) } : {}),
    ...(not.size > 0 ? { notReadyAddresses: sorted(not.values()) } : {}),
    ...(ports.length > 0 ? { ports: sortByHash('v1.EndpointPort', ports) } : {}),
  })))
}

function truncate(subsets: EndpointSubset[]): { readonly subsets: EndpointSubset[]; readonly over: boolean } {
  const total = subsets.reduce((n, s) => n + (s.addresses?.length ?? 0) + (s.notReadyAddresses?.length ?? 0), 0)
  if (total <= maxAddresses) return { subsets, over: false }
  let room = maxAddresses
  const cut = (list: EndpointAddress[] | undefined) => {
    const out = (list ?? []).slice(0, room)
    room -= out.length
    return out
  }
  const ready = subsets.map((s) => cut(s.addresses))
  return { over: true, subsets: subsets.map((s, i) => ({ ...s, addresses: ready[i]!, notReadyAddresses: cut(s.notReadyAddresses) })) }
}
