/**
 * Endpoints as kube-proxy sees them: gathered from the slices of a service, and sorted out into those for cluster and for local
 * traffic (pkg/proxy's slice cache and topology). IPv4 only.
 */
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { endpointChain } from './names.ts'
import { usesClusterEndpoints, usesLocalEndpoints } from './service-ports.ts'
import type { ServicePort } from './service-ports.ts'

export interface Endpoint {
  readonly ip: string
  readonly port: number
  /** `ip:port`. */
  readonly address: string
  readonly chain: string
  readonly local: boolean
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly zoneHints: readonly string[]
  readonly nodeHints: readonly string[]
}

/** The endpoints of one service port, sorted by `ip:port` as text, each once. */
export function endpointsOf(port: { readonly name: string; readonly port: string; readonly protocol: string }, slices: readonly EndpointSlice[], nodeName: string): Endpoint[] {
  const found = new Map<string, Endpoint>()
  for (const slice of [...slices].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    if (slice.addressType !== 'IPv4') continue
    for (const p of slice.ports ?? []) {
      if (p.port === undefined || p.port === null || (p.name ?? '') !== port.port || (p.protocol ?? 'TCP').toLowerCase() !== port.protocol) continue
      for (const e of slice.endpoints ?? []) {
        const ip = e.addresses[0]
        if (ip === undefined) continue
        const address = `${ip}:${p.port}`
        const local = e.nodeName === nodeName
        if (found.has(address) && !local) continue
        const ready = e.conditions?.ready ?? true
        found.set(address, {
          ip, port: p.port, address, local, ready, serving: e.conditions?.serving ?? ready, terminating: e.conditions?.terminating ?? false,
          chain: endpointChain(port.name, port.protocol, address),
          zoneHints: e.hints?.forZones?.map((z) => z.name) ?? [], nodeHints: e.hints?.forNodes?.map((n) => n.name) ?? [],
        })
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1))
}

export interface Categories {
  /** For traffic with policy Cluster. */
  readonly cluster: readonly Endpoint[]
  /** For traffic with policy Local. */
  readonly local: readonly Endpoint[]
  /** All that get a chain on this node. */
  readonly reachable: readonly Endpoint[]
  /** Whether there is any usable endpoint anywhere. */
  readonly any: boolean
}

export interface NodeTopology {
  readonly name: string
  readonly zone: string
}

type Topology = 'node' | 'zone' | undefined

/** Hints count only when every ready endpoint has them and one of them is for us. */
function topologyOf(endpoints: readonly Endpoint[], node: NodeTopology): Topology {
  const ready = endpoints.filter((e) => e.ready)
  if (ready.every((e) => e.nodeHints.length > 0) && ready.some((e) => e.nodeHints.includes(node.name))) return 'node'
  if (ready.every((e) => e.zoneHints.length > 0) && ready.some((e) => e.zoneHints.includes(node.zone))) return 'zone'
  return undefined
}

const terminatingServing = (e: Endpoint) => e.serving && e.terminating

export function categorizeEndpoints(endpoints: readonly Endpoint[], service: ServicePort, node: NodeTopology): Categories {
  if (endpoints.length === 0) return { cluster: [], local: [], reachable: [], any: false }
  let cluster: Endpoint[] = []
  let topology: Topology
  if (usesClusterEndpoints(service)) {
    topology = topologyOf(endpoints, node)
    cluster = endpoints.filter((e) => e.ready && (topology === 'node' ? e.nodeHints.includes(node.name) : topology === 'zone' ? e.zoneHints.includes(node.zone) : true))
    if (cluster.length === 0) cluster = endpoints.filter(terminatingServing)
    if (!usesLocalEndpoints(service)) return { cluster, local: [], reachable: cluster, any: cluster.length > 0 }
  }
  let local = endpoints.filter((e) => e.local && e.ready)
  const terminating = local.length === 0
  if (terminating) local = endpoints.filter((e) => e.local && terminatingServing(e))
  const any = endpoints.some((e) => e.ready || terminatingServing(e))
  if (!usesClusterEndpoints(service)) return { cluster, local, reachable: local, any }
  if (topology === undefined && !terminating) return { cluster, local, reachable: cluster, any: any || cluster.length > 0 }
  const merged = new Map([...cluster, ...local].map((e) => [e.address, e]))
  return { cluster, local, reachable: [...merged.values()], any: any || cluster.length > 0 }
}
