/** The network map: nodes as rooms, pods as chips in them, services with their endpoints, tunnels between nodes. Structure from the API, never from layout. */
import type { MapNode, MapPod, MapService, MapSnapshot } from '#contract/session-api.ts'
import { valueAt } from './values.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { ClusterState } from './state.ts'

const conditionTrue = (o: KubeObject, type: string) => (valueAt(o, 'status', 'conditions') as { type: string; status: string }[] | undefined)?.some((c) => c.type === type && c.status === 'True') ?? false

/** What the STATUS column says: the reason of a waiting or ended container before the phase. */
function statusOf(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating'
  const statuses = (valueAt(pod, 'status', 'containerStatuses') as { state?: Record<string, { reason?: string }> }[] | undefined) ?? []
  for (const s of statuses) {
    const reason = s.state?.['waiting']?.reason ?? s.state?.['terminated']?.reason
    if (reason !== undefined) return reason
  }
  return String(valueAt(pod, 'status', 'reason') ?? valueAt(pod, 'status', 'phase') ?? 'Unknown')
}

export function podOf(pod: KubeObject): MapPod {
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    address: String(valueAt(pod, 'status', 'podIP') ?? ''),
    phase: String(valueAt(pod, 'status', 'phase') ?? ''),
    ready: conditionTrue(pod, 'Ready'),
    status: statusOf(pod),
    labels: pod.metadata.labels ?? {},
  }
}

export function mapSnapshot(state: ClusterState, plugin: string, revision: number): MapSnapshot {
  const pods = state.list('Pod')
  const byAddress = new Map(pods.map((p) => [String(valueAt(p, 'status', 'podIP') ?? ''), `${p.metadata.namespace}/${p.metadata.name}`]))
  const slices = state.list('EndpointSlice')
  const nodes: MapNode[] = state.list('Node').map((node) => {
    const addresses = (valueAt(node, 'status', 'addresses') as { type: string; address: string }[] | undefined) ?? []
    return {
      name: node.metadata.name,
      address: addresses.find((a) => a.type === 'InternalIP')?.address ?? '',
      podCidr: String(valueAt(node, 'spec', 'podCIDR') ?? ''),
      ready: conditionTrue(node, 'Ready'),
      role: node.metadata.labels?.['node-role.kubernetes.io/control-plane'] === undefined ? 'worker' : 'control-plane',
      bridge: plugin === 'flannel' || plugin === 'bridge' ? 'cni0' : '',
      pods: pods.filter((p) => valueAt(p, 'spec', 'nodeName') === node.metadata.name).map(podOf),
    }
  })
  const services: MapService[] = state.list('Service').map((service) => {
    const ports = (valueAt(service, 'spec', 'ports') as { port: number; protocol?: string; nodePort?: number }[] | undefined) ?? []
    const endpoints = slices
      .filter((s) => s.metadata.namespace === service.metadata.namespace && s.metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name)
      .flatMap((s) => (s['endpoints'] as { addresses?: string[]; conditions?: { ready?: boolean } }[] | undefined) ?? [])
      .map((e) => {
        const address = e.addresses?.[0] ?? ''
        const pod = byAddress.get(address)
        return { ...(pod === undefined ? {} : { pod }), address, ready: e.conditions?.ready !== false }
      })
    return {
      namespace: service.metadata.namespace ?? '',
      name: service.metadata.name,
      type: String(valueAt(service, 'spec', 'type') ?? 'ClusterIP'),
      address: String(valueAt(service, 'spec', 'clusterIP') ?? ''),
      ports: ports.map((p) => `${p.port}${p.nodePort === undefined ? '' : `:${p.nodePort}`}/${p.protocol ?? 'TCP'}`),
      endpoints,
    }
  })
  const tunnels = plugin === 'canal' || plugin === 'flannel' ? nodes.flatMap((a, i) => nodes.slice(i + 1).map((b) => ({ from: a.name, to: b.name, kind: 'VXLAN' }))) : []
  return { revision, nodes, services, tunnels }
}
