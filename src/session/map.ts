/** The network map: nodes as rooms, pods as chips in them, services with their endpoints, tunnels between nodes. Objects from the API, bridges and tunnels from the nodes' devices. */
import type { MapNode, MapPod, MapService, MapSnapshot } from '#contract/session-api.ts'
import { valueAt } from './values.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { LinkInfo } from '#engine/net/types.ts'
import type { ClusterState } from './state.ts'

const tunnelKinds: Readonly<Record<string, string>> = { vxlan: 'VXLAN', ipip: 'IPIP' }

/** Whether an API server has ever served here: the store of bare machines holds nothing but what each API server makes for itself. */
export const hasApi = (state: ClusterState): boolean => state.list('Node').length > 0 || state.get('ConfigMap', 'kube-system', 'kubeadm-config') !== undefined

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

/** The devices of a node's own network namespace by name; nothing for a node that is no machine here. */
export type LinksOf = (node: string) => ReadonlyMap<string, LinkInfo> | undefined

export function mapSnapshot(state: ClusterState, linksOf: LinksOf, revision: number): MapSnapshot {
  if (!hasApi(state)) return { revision, nodes: [], services: [], tunnels: [], noApi: true }
  const pods = state.list('Pod')
  const byAddress = new Map(pods.map((p) => [String(valueAt(p, 'status', 'podIP') ?? ''), `${p.metadata.namespace}/${p.metadata.name}`]))
  const links = (node: string) => [...(linksOf(node)?.values() ?? [])]
  const slices = state.list('EndpointSlice')
  const nodes: MapNode[] = state.list('Node').map((node) => {
    const addresses = (valueAt(node, 'status', 'addresses') as { type: string; address: string }[] | undefined) ?? []
    return {
      name: node.metadata.name,
      address: addresses.find((a) => a.type === 'InternalIP')?.address ?? '',
      podCidr: String(valueAt(node, 'spec', 'podCIDR') ?? ''),
      ready: conditionTrue(node, 'Ready'),
      role: node.metadata.labels?.['node-role.kubernetes.io/control-plane'] === undefined ? 'worker' : 'control-plane',
      bridge: links(node.metadata.name).find((l) => l.kind === 'bridge' && l.name.startsWith('cni'))?.name ?? '',
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
    const balancer = (valueAt(service, 'status', 'loadBalancer', 'ingress') as { ip?: string; hostname?: string }[] | undefined) ?? []
    const external = [...balancer.map((i) => i.ip ?? i.hostname ?? ''), ...((valueAt(service, 'spec', 'externalIPs') as string[] | undefined) ?? [])].filter((a) => a !== '')
    return {
      namespace: service.metadata.namespace ?? '',
      name: service.metadata.name,
      ...(external.length === 0 ? {} : { external }),
      type: String(valueAt(service, 'spec', 'type') ?? 'ClusterIP'),
      address: String(valueAt(service, 'spec', 'clusterIP') ?? ''),
      ports: ports.map((p) => `${p.port}${p.nodePort === undefined ? '' : `:${p.nodePort}`}/${p.protocol ?? 'TCP'}`),
      endpoints,
    }
  })
  const tunnelled = nodes.flatMap((n) => {
    const kind = links(n.name).find((l) => l.kind in tunnelKinds)?.kind
    return kind === undefined ? [] : [{ name: n.name, kind: tunnelKinds[kind]! }]
  })
  const tunnels = tunnelled.flatMap((a, i) => tunnelled.slice(i + 1).filter((b) => b.kind === a.kind).map((b) => ({ from: a.name, to: b.name, kind: a.kind })))
  const unplaced = pods.filter((p) => valueAt(p, 'spec', 'nodeName') === undefined).map(podOf)
  return { revision, nodes, services, tunnels, ...(unplaced.length === 0 ? {} : { unplaced }) }
}
