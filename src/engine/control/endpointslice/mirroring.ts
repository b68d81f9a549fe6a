/** Copies Endpoints that somebody wrote for a Service without selector into slices (pkg/controller/endpointslicemirroring). */
import { endpoints, type Endpoints } from '#engine/kinds/endpoints/types.ts'
import { endpointslices, type EndpointSlice, type SliceEndpoint } from '#engine/kinds/endpointslice/types.ts'
import { services, type Service } from '#engine/kinds/service/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { ownerReference, tolerateGone } from '../ownership.ts'
import { managedBy, serviceName } from './controller.ts'
import { planSlices, type PortGroup, type SlicePlan } from './reconcile.ts'

const controllerName = 'endpointslicemirroring-controller.k8s.io'
const skip = 'endpointslice.kubernetes.io/skip-mirror'

export function startEndpointSliceMirroringController(context: ControllerContext): void {
  const { api } = context
  const cache = api.informer<Endpoints>(endpoints)
  const serviceCache = api.informer<Service>(services)
  const sliceCache = api.informer<EndpointSlice>(endpointslices)
  sliceCache.addIndex('mirrored', (s) => (s.metadata.labels?.[managedBy] === controllerName ? [`${s.metadata.namespace}/${s.metadata.labels[serviceName] ?? ''}`] : []))
  const queue = context.queue(sync)
  for (const listen of ['onAdd', 'onUpdate', 'onDelete'] as const) {
    cache[listen]((o: { metadata: { namespace?: string; name: string } }) => queue.add(keyOf(o)))
    serviceCache[listen]((o: { metadata: { namespace?: string; name: string } }) => queue.add(keyOf(o)))
  }

  function sync(key: string): void {
    const [namespace, name] = splitKey(key)
    const source = cache.get(namespace, name)
    const service = serviceCache.get(namespace, name)
    const existing = sliceCache.byIndex('mirrored', key)
    const wanted = source && service && source.metadata.labels?.[skip] !== 'true' && source.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] === undefined && (service.spec.selector === undefined || Object.keys(service.spec.selector).length === 0)
    if (!wanted) {
      for (const slice of existing) tolerateGone(() => api.delete(endpointslices, slice.metadata.namespace, slice.metadata.name))
      return
    }
    const labels: Record<string, string> = { ...source.metadata.labels, [managedBy]: controllerName, [serviceName]: source.metadata.name }
    const annotations = Object.fromEntries(Object.entries(source.metadata.annotations ?? {}).filter(([k]) => k !== 'kubectl.kubernetes.io/last-applied-configuration' && k !== 'endpoints.kubernetes.io/last-change-trigger-time'))
    for (const family of ['IPv4', 'IPv6']) {
      const plan = planMirrored(existing.filter((s) => s.addressType === family), mirroredGroups(source, family))
      for (const g of plan.create) {
        api.create<EndpointSlice>(endpointslices, {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { generateName: `${name}-`, namespace, labels, ...(Object.keys(annotations).length > 0 ? { annotations } : {}), ownerReferences: [ownerReference({ ...source, apiVersion: 'v1', kind: 'Endpoints' })] } as never,
          addressType: family,
          endpoints: g.endpoints,
          ports: g.ports,
        })
      }
      for (const slice of plan.update) api.update<EndpointSlice>(endpointslices, { ...slice, metadata: { ...slice.metadata, labels } })
      for (const slice of plan.delete) tolerateGone(() => api.delete(endpointslices, slice.metadata.namespace, slice.metadata.name))
    }
  }
}

/** Of one family; at most 1000 addresses of a subset are mirrored. */
function mirroredGroups(source: Endpoints, family: string): PortGroup[] {
  return (source.subsets ?? []).flatMap((subset) => {
    const make = (ready: boolean) => (a: { ip: string; hostname?: string; nodeName?: string; targetRef?: SliceEndpoint['targetRef'] }): SliceEndpoint => ({
      addresses: [a.ip],
      conditions: { ready },
      ...(a.hostname !== undefined ? { hostname: a.hostname } : {}),
      ...(a.targetRef !== undefined ? { targetRef: a.targetRef } : {}),
      ...(a.nodeName !== undefined ? { nodeName: a.nodeName } : {}),
    })
    const ours = (a: { ip: string }) => a.ip.includes(':') === (family === 'IPv6')
    const endpoints = [...(subset.addresses ?? []).filter(ours).map(make(true)), ...(subset.notReadyAddresses ?? []).filter(ours).map(make(false))].slice(0, 1000)
    if (endpoints.length === 0) return []
    return [{ ports: (subset.ports ?? []).map((p) => ({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port, ...(p.appProtocol !== undefined ? { appProtocol: p.appProtocol } : {}) })), endpoints }]
  })
}

/** Nobody keeps an empty slice for Endpoints without addresses. */
function planMirrored(existing: readonly EndpointSlice[], groups: readonly PortGroup[]): SlicePlan {
  if (groups.length === 0) return { create: [], update: [], delete: [...existing] }
  return planSlices(existing, groups)
}
