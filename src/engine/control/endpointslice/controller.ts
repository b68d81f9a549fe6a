/** Keeps EndpointSlices of Services with a selector in step with pods (pkg/controller/endpointslice). Hints follow trafficDistribution; topology aware hints are left out. */
import { endpointslices, type EndpointSlice, type SliceEndpoint, type SlicePort } from '#engine/kinds/endpointslice/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { mapMatches } from '#engine/kinds/selectors.ts'
import { services, type Service } from '#engine/kinds/service/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { ownerReference, tolerateGone } from '../ownership.ts'
import { isNamespaceTerminating } from '../pod-control.ts'
import { endpointHostname, findPort, isEndpoint, isReadyEndpoint, TriggerTimes } from './pod-endpoints.ts'
import { planSlices, portKey, type PortGroup } from './reconcile.ts'
import { indexPodLabels, selectedPods } from '../selected-pods.ts'

export const managedBy = 'endpointslice.kubernetes.io/managed-by'
export const serviceName = 'kubernetes.io/service-name'
const controllerName = 'endpointslice-controller.k8s.io'
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time'
const headless = 'service.kubernetes.io/headless'

export function startEndpointSliceController(context: ControllerContext): void {
  const { api } = context
  const serviceCache = api.informer<Service>(services)
  const podCache = api.informer<Pod>(pods)
  indexPodLabels(podCache)
  const nodeCache = api.informer<Node>(nodes)
  const sliceCache = api.informer<EndpointSlice>(endpointslices)
  sliceCache.addIndex('service', (s) => (s.metadata.labels?.[managedBy] === controllerName ? [`${s.metadata.namespace}/${s.metadata.labels[serviceName] ?? ''}`] : []))
  const triggers = new TriggerTimes()
  /** Slices written and not yet seen again: uid → resourceVersion; a key waits until its cache has caught up. */
  const written = new Map<string, Map<string, string>>()
  /** Services with a pod whose node is not there: looked at again when it is. */
  const awaited = new Map<string, string>()
  const queue = context.queue(sync)

  serviceCache.onAdd((s) => queue.add(keyOf(s)))
  serviceCache.onUpdate((s) => queue.add(keyOf(s)))
  serviceCache.onDelete((s) => queue.add(keyOf(s)))
  const podChanged = (pod: Pod, old?: Pod) => {
    for (const s of serviceCache.list(pod.metadata.namespace)) {
      if (mapMatches(s.spec.selector, pod.metadata.labels) || (old && mapMatches(s.spec.selector, old.metadata.labels))) queue.add(keyOf(s))
    }
  }
  podCache.onAdd((pod) => podChanged(pod))
  podCache.onUpdate((pod, old) => {
    if (pod.resourceVersion !== old.resourceVersion || relevant(pod) !== relevant(old)) podChanged(pod, old)
  })
  podCache.onDelete((pod) => podChanged(pod))
  nodeCache.onAdd((node) => {
    for (const [key, name] of awaited) if (name === node.metadata.name) queue.add(key)
  })
  sliceCache.onUpdate((slice, old) => sliceSeen(slice, old))
  sliceCache.onAdd((slice) => sliceSeen(slice))
  sliceCache.onDelete((slice) => {
    const key = ownerKey(slice)
    if (key === undefined) return
    if (written.get(key)?.delete(slice.metadata.uid ?? '')) return
    queue.add(key)
  })

  function ownerKey(slice: EndpointSlice): string | undefined {
    return slice.metadata.labels?.[managedBy] === controllerName ? `${slice.metadata.namespace}/${slice.metadata.labels[serviceName] ?? ''}` : undefined
  }

  function sliceSeen(slice: EndpointSlice, old?: EndpointSlice): void {
    const key = ownerKey(slice) ?? (old && ownerKey(old))
    if (key === undefined) return
    const own = written.get(key)
    if (own?.get(slice.metadata.uid ?? '') === slice.metadata.resourceVersion) own?.delete(slice.metadata.uid ?? '')
    else if (!own?.has(slice.metadata.uid ?? '')) queue.add(key)
  }

  function sync(key: string): void {
    const [namespace, name] = splitKey(key)
    const service = serviceCache.get(namespace, name)
    const existing = sliceCache.byIndex('service', key).filter((s) => s.metadata.deletionTimestamp === undefined)
    if (!service) {
      triggers.forget(key)
      written.delete(key)
      awaited.delete(key)
      return
    }
    if (service.spec.selector === undefined || Object.keys(service.spec.selector).length === 0 || service.spec.type === 'ExternalName') return
    if ((written.get(key)?.size ?? 0) > 0) {
      // What was written last has not come back yet: look again when it has.
      queue.addAfter(key, 1)
      return
    }
    const matching = selectedPods(podCache, namespace, service.spec.selector ?? {})
    const lost = (pod: Pod) => service.spec.publishNotReadyAddresses !== true && (pod.spec.nodeName ?? '') !== '' && !nodeCache.get(undefined, pod.spec.nodeName!)
    const members = matching.filter(isEndpoint)
    const missing = members.find(lost)
    const groups = group(service, missing ? members.filter((pod) => !lost(pod)) : members)
    const plan = planSlices(existing, groups, { owner: service.metadata.uid ?? '' })
    const trigger = triggers.compute(key, service, matching)
    const marks = written.get(key) ?? new Map<string, string>()
    written.set(key, marks)
    const note = (slice: EndpointSlice) => marks.set(slice.metadata.uid ?? '', slice.metadata.resourceVersion ?? '')
    const meta = labelsOf(service)
    try {
      for (const g of service.metadata.deletionTimestamp === undefined ? plan.create : []) {
        note(
          api.create<EndpointSlice>(endpointslices, {
            apiVersion: 'discovery.k8s.io/v1',
            kind: 'EndpointSlice',
            metadata: { generateName: `${name}-`, namespace, labels: meta, ...(trigger !== undefined ? { annotations: { [triggerTime]: trigger } } : {}), ownerReferences: [ownerReference({ ...service, apiVersion: 'v1', kind: 'Service' })] } as never,
            addressType: 'IPv4',
            endpoints: g.endpoints,
            ports: g.ports,
          }),
        )
      }
      const updates = new Set(plan.update.map((s) => s.metadata.uid))
      const stale = existing.filter((s) => !updates.has(s.metadata.uid) && !plan.delete.includes(s) && !sameLabels(s, meta))
      for (const slice of [...plan.update, ...stale]) {
        const annotations = { ...slice.metadata.annotations }
        if (trigger !== undefined) annotations[triggerTime] = trigger
        else delete annotations[triggerTime]
        note(api.update<EndpointSlice>(endpointslices, { ...slice, metadata: { ...slice.metadata, labels: meta, annotations } }))
      }
      for (const slice of plan.delete) {
        marks.set(slice.metadata.uid ?? '', 'deleted')
        tolerateGone(() => api.delete(endpointslices, slice.metadata.namespace, slice.metadata.name))
      }
    } catch (error) {
      if (error instanceof StatusError && isNamespaceTerminating(error)) return
      throw error
    }
    if (missing) awaited.set(key, missing.spec.nodeName!)
    else awaited.delete(key)
  }

  function group(service: Service, members: readonly Pod[]): PortGroup[] {
    const groups = new Map<string, { ports: SlicePort[] | null; endpoints: SliceEndpoint[] }>()
    for (const pod of members) {
      const ports: SlicePort[] = []
      for (const p of service.spec.ports ?? []) {
        const number = findPort(pod, p)
        if (number !== undefined) ports.push({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: number, ...(p.appProtocol !== undefined ? { appProtocol: p.appProtocol } : {}) })
      }
      const own = ports.length > 0 ? ports : null
      const key = portKey(own)
      const entry = groups.get(key) ?? { ports: own, endpoints: [] }
      entry.endpoints.push(endpointOf(service, pod))
      groups.set(key, entry)
    }
    if (groups.size === 0) return [{ ports: null, endpoints: [] }]
    return [...groups.values()]
  }

  function endpointOf(service: Service, pod: Pod): SliceEndpoint {
    const serving = isReadyEndpoint(pod)
    const terminating = pod.metadata.deletionTimestamp !== undefined
    const node = pod.spec.nodeName ? nodeCache.get(undefined, pod.spec.nodeName) : undefined
    const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
    const hostname = endpointHostname(pod, service)
    const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
    const hints = ready ? hintsFor(service.spec.trafficDistribution, zone, pod.spec.nodeName) : undefined
    return {
      addresses: [pod.status!.podIP!],
      conditions: { ready, serving, terminating },
      ...(hostname !== undefined ? { hostname } : {}),
      targetRef: { kind: 'Pod', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, uid: pod.metadata.uid ?? '' },
      ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      ...(zone !== undefined ? { zone } : {}),
      ...(hints ? { hints } : {}),
    }
  }
}

/** Whom a ready endpoint is meant for: clients of its zone, or of its node and else of its zone. */
function hintsFor(distribution: string | undefined, zone: string | undefined, node: string | undefined): SliceEndpoint['hints'] {
  if (distribution === undefined) return undefined
  const forZones = zone !== undefined ? { forZones: [{ name: zone }] } : {}
  const hints = { ...forZones, ...(distribution === 'PreferSameNode' && node ? { forNodes: [{ name: node }] } : {}) }
  return Object.keys(hints).length > 0 ? hints : undefined
}

/** What of a pod matters here. */
function relevant(pod: Pod): string {
  return JSON.stringify([pod.metadata.labels, pod.metadata.deletionTimestamp, pod.spec.nodeName, pod.spec.hostname, pod.status?.podIP, pod.status?.phase, isReadyEndpoint(pod)])
}

function labelsOf(service: Service): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [key, value] of Object.entries(service.metadata.labels ?? {})) if (key !== managedBy && key !== serviceName && key !== headless) labels[key] = value
  if (service.spec.clusterIP === 'None') labels[headless] = ''
  labels[managedBy] = controllerName
  labels[serviceName] = service.metadata.name
  return labels
}

function sameLabels(slice: EndpointSlice, labels: Record<string, string>): boolean {
  return deepEqual(slice.metadata.labels, labels)
}
