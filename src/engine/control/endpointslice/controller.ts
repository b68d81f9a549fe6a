/** Keeps EndpointSlices of Services with a selector in step with pods, one set for each address family (pkg/controller/endpointslice). Hints follow trafficDistribution or the topology annotation. */
import { endpointslices, type EndpointSlice, type SliceEndpoint, type SlicePort } from '#engine/kinds/endpointslice/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { mapMatches } from '#engine/kinds/selectors.ts'
import { services, type Service } from '#engine/kinds/service/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { sortByHash } from '../fnv.ts'
import { ownerReference, tolerateGone } from '../ownership.ts'
import { isNamespaceTerminating } from '../pod-control.ts'
import { addressOf, endpointHostname, findPort, isEndpoint, isReadyEndpoint, TriggerTimes } from './pod-endpoints.ts'
import { planSlices, portKey, type PortGroup, type SlicePlan } from './reconcile.ts'
import { addHints, isOverloaded, wantsHints, zoneRatios } from './topology.ts'
import { indexPodLabels, selectedPods } from '../selected-pods.ts'

export const managedBy = 'endpointslice.kubernetes.io/managed-by'
export const serviceName = 'kubernetes.io/service-name'
const controllerName = 'endpointslice-controller.k8s.io'
const component = 'endpoint-slice-controller'
const maxRetries = 15
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
  /** How often in turn a Service was left with a pod whose node is not there; it is looked at again after a while. */
  const lost = new Map<string, number>()
  /** Zones that were hinted by the topology annotation: Service → address type → zone → endpoints. */
  const hinted = new Map<string, Map<string, ReadonlyMap<string, number>>>()
  const topologyNodes = () => zoneRatios(nodeCache.list())
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
  const nodesChanged = () => {
    if (hinted.size === 0) return
    const ratios = topologyNodes()
    for (const [key, types] of hinted) if ([...types.values()].some((zones) => isOverloaded(zones, ratios))) queue.add(key)
  }
  nodeCache.onAdd(nodesChanged)
  nodeCache.onUpdate((node, old) => {
    if (capacity(node) !== capacity(old)) nodesChanged()
  })
  nodeCache.onDelete(nodesChanged)
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
      lost.delete(key)
      hinted.delete(key)
      return
    }
    if (service.spec.selector === undefined || Object.keys(service.spec.selector).length === 0 || service.spec.type === 'ExternalName') return
    if ((written.get(key)?.size ?? 0) > 0) {
      // What was written last has not come back yet: look again when it has.
      queue.addAfter(key, 1)
      return
    }
    const matching = selectedPods(podCache, namespace, service.spec.selector ?? {})
    const candidates = matching.filter(isEndpoint)
    const homeless = (pod: Pod) => service.spec.publishNotReadyAddresses !== true && !nodeCache.get(undefined, pod.spec.nodeName ?? '')
    const without = candidates.filter(homeless)
    const members = without.length > 0 ? candidates.filter((pod) => !homeless(pod)) : candidates
    const trigger = triggers.compute(key, service, matching)
    const families = service.spec.ipFamilies?.length ? service.spec.ipFamilies : ['IPv4']
    const skipped: string[] = []
    try {
      for (const family of families) {
        reconcile(key, service, family, existing.filter((s) => s.addressType === family), members, trigger)
        for (const pod of without) if (addressOf(pod, family) !== undefined) skipped.push(`skipping Pod ${pod.metadata.name} for Service ${key}: Node ${pod.spec.nodeName ?? ''} Not Found`)
      }
      for (const slice of existing) if (!families.includes(slice.addressType)) remove(key, slice)
    } catch (error) {
      if (error instanceof StatusError && isNamespaceTerminating(error)) return
      throw error
    }
    if (skipped.length === 0) return void lost.delete(key)
    const problems = [...new Set(skipped)]
    api.event(service, 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${key}: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`, component)
    const failures = lost.get(key) ?? 0
    lost.set(key, failures + 1)
    if (failures < maxRetries) queue.addAfter(key, Math.min(1000 * 2 ** failures, 1_000_000), { background: true })
    else lost.delete(key)
  }

  function remove(key: string, slice: EndpointSlice): void {
    marksOf(key).set(slice.metadata.uid ?? '', 'deleted')
    tolerateGone(() => api.delete(endpointslices, slice.metadata.namespace, slice.metadata.name))
  }

  function marksOf(key: string): Map<string, string> {
    const marks = written.get(key) ?? new Map<string, string>()
    written.set(key, marks)
    return marks
  }

  function reconcile(key: string, service: Service, family: string, existing: readonly EndpointSlice[], members: readonly Pod[], trigger: string | undefined): void {
    const meta = labelsOf(service)
    const byTopology = wantsHints(service.metadata.annotations)
    const groups = group(service, family, members, byTopology ? undefined : service.spec.trafficDistribution)
    const plan = withHints(key, service, family, existing, planSlices(existing, groups, { owner: service.metadata.uid ?? '', stale: (slice) => !sameLabels(slice, meta), ignoreHints: byTopology }))
    const marks = marksOf(key)
    const note = (slice: EndpointSlice) => marks.set(slice.metadata.uid ?? '', slice.metadata.resourceVersion ?? '')
    for (const g of service.metadata.deletionTimestamp === undefined ? plan.create : []) {
      note(
        api.create<EndpointSlice>(endpointslices, {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { generateName: `${service.metadata.name}-`, namespace: service.metadata.namespace, labels: meta, ...(trigger !== undefined ? { annotations: { [triggerTime]: trigger } } : {}), ownerReferences: [ownerReference({ ...service, apiVersion: 'v1', kind: 'Service' })] } as never,
          addressType: family,
          endpoints: g.endpoints,
          ports: g.ports,
        }),
      )
    }
    for (const slice of plan.update) {
      const annotations = { ...slice.metadata.annotations }
      if (trigger !== undefined) annotations[triggerTime] = trigger
      else delete annotations[triggerTime]
      note(api.update<EndpointSlice>(endpointslices, { ...slice, metadata: { ...slice.metadata, labels: meta, annotations } }))
    }
    for (const slice of plan.delete) remove(key, slice)
  }

  function withHints(key: string, service: Service, family: string, existing: readonly EndpointSlice[], plan: SlicePlan): SlicePlan {
    const of = hinted.get(key)
    const forget = () => {
      of?.delete(family)
      if (of?.size === 0) hinted.delete(key)
    }
    if (!wantsHints(service.metadata.annotations)) {
      if (of) api.event(service, 'Warning', 'TopologyAwareHintsDisabled', `Topology Aware Hints has been disabled, addressType: ${family}`, component)
      forget()
      return plan
    }
    const touched = new Set([...plan.update, ...plan.delete].map((s) => s.metadata.uid))
    const { zones, event, create, update } = addHints(plan.create, plan.update, existing.filter((s) => !touched.has(s.metadata.uid)), topologyNodes(), family, of !== undefined)
    if (zones) hinted.set(key, (of ?? new Map<string, ReadonlyMap<string, number>>()).set(family, zones))
    else forget()
    if (event) api.event(service, event.type, event.reason, event.message, component)
    return { create: [...create], update: [...update], delete: plan.delete }
  }

  function group(service: Service, family: string, members: readonly Pod[], distribution: string | undefined): PortGroup[] {
    const groups = new Map<string, { ports: SlicePort[] | null; endpoints: SliceEndpoint[] }>()
    for (const pod of members) {
      const address = addressOf(pod, family)
      if (address === undefined) continue
      const ports: SlicePort[] = []
      for (const p of service.spec.ports ?? []) {
        const number = findPort(pod, p)
        if (number !== undefined) ports.push({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: number, ...(p.appProtocol !== undefined ? { appProtocol: p.appProtocol } : {}) })
      }
      const own = ports.length > 0 ? sortByHash('discovery.EndpointPort', ports) : null
      const key = portKey(own)
      const entry = groups.get(key) ?? { ports: own, endpoints: [] }
      entry.endpoints.push(endpointOf(service, pod, address, distribution))
      groups.set(key, entry)
    }
    return [...groups.values()]
  }

  function endpointOf(service: Service, pod: Pod, address: string, distribution: string | undefined): SliceEndpoint {
    const serving = isReadyEndpoint(pod)
    const terminating = pod.metadata.deletionTimestamp !== undefined
    const node = pod.spec.nodeName ? nodeCache.get(undefined, pod.spec.nodeName) : undefined
    const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
    const hostname = endpointHostname(pod, service)
    const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
    const hints = ready ? hintsFor(distribution, zone, pod.spec.nodeName) : undefined
    return {
      addresses: [address],
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

/** What of a node decides how endpoints are shared among zones. */
function capacity(node: Node): string {
  return JSON.stringify([node.metadata.labels, node.status?.allocatable?.['cpu'], node.status?.conditions?.find((c) => c.type === 'Ready')?.status])
}

/** What of a pod matters here. */
function relevant(pod: Pod): string {
  return JSON.stringify([pod.metadata.labels, pod.metadata.deletionTimestamp, pod.spec.nodeName, pod.spec.hostname, pod.status?.podIP, pod.status?.podIPs, pod.status?.phase, isReadyEndpoint(pod)])
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
