/** Services as kube-proxy sees them: one ServicePort per port of a Service that has a cluster IP (pkg/proxy's service change tracker). IPv4 only. */
import { cidr4, cidrContains, formatCidr4, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { portNameString, serviceChains } from './names.ts'
import type { ChainNames } from './names.ts'

export interface ServicePort {
  readonly namespace: string
  readonly service: string
  /** Name of the port, '' when it has none. */
  readonly port: string
  /** `ns/name:port`. */
  readonly name: string
  /** `tcp`, `udp`, `sctp`. */
  readonly protocol: string
  readonly clusterIp: string
  readonly number: number
  readonly nodePort: number
  readonly externalIps: readonly string[]
  readonly loadBalancerVips: readonly string[]
  /** Prefixes that may use the load balancer's addresses; empty: all. */
  readonly sourceRanges: readonly string[]
  readonly affinity: boolean
  readonly affinitySeconds: number
  readonly externalPolicyLocal: boolean
  readonly internalPolicyLocal: boolean
  readonly healthCheckNodePort: number
  readonly chains: ChainNames
}

/** One string per service port, whatever the object's age: `ns/name:port/proto`. */
export function servicePortKey(p: { readonly name: string; readonly protocol: string }): string {
  return `${p.name}/${p.protocol}`
}

const isV4 = (ip: string) => parseIpv4(ip) !== undefined

/** kube-proxy leaves alone what has no cluster IP, is an alias, or belongs to another proxy. */
export function ignoresService(service: Service): boolean {
  const ip = service.spec.clusterIP ?? ''
  return ip === '' || ip === 'None' || service.spec.type === 'ExternalName' || service.metadata.labels?.['service.kubernetes.io/service-proxy-name'] !== undefined
}

export function servicePorts(service: Service): ServicePort[] {
  if (ignoresService(service)) return []
  const { spec } = service
  const clusterIp = [spec.clusterIP!, ...(spec.clusterIPs ?? [])].find(isV4)
  if (clusterIp === undefined) return []
  const namespace = service.metadata.namespace ?? ''
  const externalIps = (spec.externalIPs ?? []).filter(isV4)
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || externalIps.length > 0
  const externalPolicyLocal = external && spec.externalTrafficPolicy === 'Local'
  const vips = (service.status?.loadBalancer?.ingress ?? []).flatMap((i) => (i.ip !== undefined && i.ipMode !== 'Proxy' && isV4(i.ip) ? [i.ip] : []))
  const sourceRanges = (spec.loadBalancerSourceRanges ?? []).flatMap((r) => {
    const cidr = parseCidr4(r.trim())
    return cidr ? [formatCidr4(cidr)] : []
  })
  return (spec.ports ?? []).map((port) => {
    const name = portNameString(namespace, service.metadata.name, port.name)
    const protocol = (port.protocol ?? 'TCP').toLowerCase()
    return {
      namespace, service: service.metadata.name, port: port.name ?? '', name, protocol, clusterIp, number: port.port, nodePort: port.nodePort ?? 0,
      externalIps, loadBalancerVips: vips, sourceRanges,
      affinity: spec.sessionAffinity === 'ClientIP', affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800,
      externalPolicyLocal, internalPolicyLocal: spec.internalTrafficPolicy === 'Local',
      healthCheckNodePort: spec.type === 'LoadBalancer' && externalPolicyLocal ? (spec.healthCheckNodePort ?? 0) : 0,
      chains: serviceChains(name, protocol),
    }
  })
}

export function externallyAccessible(p: ServicePort): boolean {
  return p.nodePort !== 0 || p.loadBalancerVips.length > 0 || p.externalIps.length > 0
}

export function usesClusterEndpoints(p: ServicePort): boolean {
  return !p.internalPolicyLocal || externallyAccessible(p)
}

export function usesLocalEndpoints(p: ServicePort): boolean {
  return p.internalPolicyLocal || (p.externalPolicyLocal && externallyAccessible(p))
}

/** Whether one of the source ranges holds the address. */
export function rangesContain(ranges: readonly string[], ip: string): boolean {
  const value = parseIpv4(ip)
  return value !== undefined && ranges.some((r) => cidrContains(cidr4(r), value))
}
