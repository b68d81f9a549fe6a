/**
 * The nftables mode's chains, rules and elements of one service port (the loop body of pkg/proxy/nftables' syncProxyRules). Pure: the same service,
 * endpoints and options give the same.
 */
import type { Categories } from '../endpoints.ts'
import { externallyAccessible, rangesContain, usesClusterEndpoints, usesLocalEndpoints } from '../service-ports.ts'
import type { ServicePort } from '../service-ports.ts'
import { endpointNames, serviceNames } from './names.ts'
import type { NftOptions } from './options.ts'
import type { Container } from './setup.ts'

export interface ElementUse {
  readonly container: Container
  readonly key: string
  /** A verdict; '' in sets. */
  readonly value: string
  readonly comment?: string
}

export interface NftService {
  /** In the order in which they are made, with their rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>
  readonly affinitySets: readonly { readonly name: string; readonly seconds: number }[]
  readonly elements: readonly ElementUse[]
}

export function nftService(service: ServicePort, categories: Categories, o: NftOptions): NftService {
  const names = serviceNames(service)
  const { cluster, local, reachable, any } = categories
  const usesCluster = cluster.length > 0 && usesClusterEndpoints(service)
  const usesLocal = local.length > 0 && usesLocalEndpoints(service)
  const internal = any && !(service.internalPolicyLocal && local.length === 0)
  const external = any && !(service.externalPolicyLocal && local.length === 0)
  const internalChain = service.internalPolicyLocal ? names.local : names.cluster
  const externalPolicyChain = service.externalPolicyLocal ? names.local : names.cluster
  const usesExternal = any && externallyAccessible(service)
  const usesFirewall = service.loadBalancerVips.length > 0 && service.sourceRanges.length > 0

  const chains = new Map<string, string[]>()
  const rules = (chain: string): string[] => {
    let list = chains.get(chain)
    if (!list) chains.set(chain, (list = []))
    return list
  }
  const ends = new Map(reachable.map((e) => [e, endpointNames(service, e)]))
  for (const { chain } of ends.values()) rules(chain)
  if (usesCluster) rules(names.cluster)
  if (usesLocal) rules(names.local)
  if (usesExternal) rules(names.external)
  if (usesFirewall) rules(names.firewall)

  // elements
  const elements: ElementUse[] = []
  const { protocol, name } = service
  const destination = (ip: string) => `${ip} . ${protocol} . ${service.number}`
  const refusal = (there: boolean) => (any ? (there ? '' : 'drop') : 'goto reject-chain')
  const use = (container: Container, key: string, value: string, comment?: string) => void elements.push({ container, key, value, ...(comment !== undefined && { comment }) })
  use('cluster-ips', service.clusterIp, '')
  if (internal) use('service-ips', destination(service.clusterIp), `goto ${internalChain}`)
  else use('no-endpoint-services', destination(service.clusterIp), refusal(internal), name)
  for (const ip of [...service.externalIps, ...service.loadBalancerVips]) {
    if (any) use('service-ips', destination(ip), `goto ${names.external}`)
    if (usesFirewall && service.loadBalancerVips.includes(ip)) use('firewall-ips', destination(ip), `goto ${names.firewall}`)
    if (!external) use('no-endpoint-services', destination(ip), refusal(external), name)
  }
  if (service.nodePort !== 0) {
    const key = `${protocol} . ${service.nodePort}`
    if (any) use('service-nodeports', key, `goto ${names.external}`)
    if (!external) use('no-endpoint-nodeports', key, refusal(external), name)
  }

  // rules
  const { detector } = o
  if (internal) {
    if (o.masqueradeAll) rules(internalChain).push(`ip daddr ${service.clusterIp} jump mark-for-masquerade`)
    else if (detector) rules(internalChain).push(`ip daddr ${service.clusterIp} ${detector.ifNotLocalNft} jump mark-for-masquerade`)
  }
  if (usesExternal) {
    const list = rules(names.external)
    if (!service.externalPolicyLocal) list.push('jump mark-for-masquerade')
    else {
      if (detector) list.push(`${detector.ifLocalNft} goto ${names.cluster} comment "short-circuit pod traffic"`)
      list.push('fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"', `fib saddr type local goto ${names.cluster} comment "short-circuit local traffic"`)
    }
    if (external) list.push(`goto ${externalPolicyChain}`)
  }
  if (usesFirewall) {
    const sources = [...service.sourceRanges, ...(rangesContain(service.sourceRanges, o.nodeIp) ? service.loadBalancerVips : [])]
    rules(names.firewall).push(`ip saddr != { ${sources.join(', ')} } drop`)
  }
  const toEndpoints = (list: readonly { readonly chain: string; readonly affinity: string }[]): string[] => [
    ...(service.affinity ? list.map((e) => `ip saddr @${e.affinity} goto ${e.chain}`) : []),
    `numgen random mod ${list.length} vmap { ${list.map((e, i) => `${i} : goto ${e.chain}`).join(' , ')} }`,
  ]
  if (usesCluster) rules(names.cluster).push(...toEndpoints(cluster.map((e) => ends.get(e) ?? endpointNames(service, e))))
  if (usesLocal) rules(names.local).push(...toEndpoints(local.map((e) => ends.get(e) ?? endpointNames(service, e))))
  for (const [e, own] of ends) {
    rules(own.chain).push(`ip saddr ${e.ip} jump mark-for-masquerade`, ...(service.affinity ? [`update @${own.affinity} { ip saddr }`] : []), `meta l4proto ${protocol} dnat to ${e.address}`)
  }
  return { chains, affinitySets: service.affinity ? [...ends.values()].map((e) => ({ name: e.affinity, seconds: service.affinitySeconds })) : [], elements }
}
