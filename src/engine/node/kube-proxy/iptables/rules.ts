/**
 * The iptables mode's rules of one service port (the loop body of pkg/proxy/iptables' syncProxyRules), as lines for iptables-restore.
 * Pure: the same service, endpoints and options give the same lines, so they are made once per change and kept.
 */
import type { Categories, Endpoint } from '../endpoints.ts'
import { externallyAccessible, rangesContain, usesClusterEndpoints, usesLocalEndpoints } from '../service-ports.ts'
import type { ServicePort } from '../service-ports.ts'
import type { LocalDetector } from '../local-detector.ts'

export interface RuleOptions {
  readonly masqueradeAll: boolean
  readonly detector: LocalDetector | undefined
  /** Node ports answer on 127.0.0.1 too. */
  readonly localhostNodePorts: boolean
  /** The kernel has nfacct: the counters' matches are written. */
  readonly nfacct: boolean
  readonly nodeIp: string
}

/** Lines for the shared chains, in the order of one service, and the service's own chains. */
export interface ServiceRules {
  readonly filterServices: readonly string[]
  readonly filterExternal: readonly string[]
  readonly filterFirewall: readonly string[]
  readonly filterNodePorts: readonly string[]
  readonly natServices: readonly string[]
  readonly natNodePorts: readonly string[]
  /** Chains of the service and its endpoints with their rules, without `-A CHAIN`. */
  readonly chains: ReadonlyMap<string, readonly string[]>
}

const comment = (text: string) => `-m comment --comment "${text}"`

function toEndpoints(service: ServicePort, endpoints: readonly Endpoint[]): string[] {
  const out: string[] = []
  const note = (e: Endpoint) => comment(`${service.name} -> ${e.address}`)
  if (service.affinity) for (const e of endpoints) out.push(`${note(e)} -m recent --name ${e.chain} --rcheck --seconds ${service.affinitySeconds} --reap -j ${e.chain}`)
  endpoints.forEach((e, i) => {
    const left = endpoints.length - i
    out.push(`${note(e)} ${left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(10)} ` : ''}-j ${e.chain}`)
  })
  return out
}

export function serviceRules(service: ServicePort, categories: Categories, options: RuleOptions): ServiceRules {
  const { protocol, name, chains: names } = service
  const has = categories.any
  const hasInternal = has && !(service.internalPolicyLocal && categories.local.length === 0)
  const hasExternal = has && !(service.externalPolicyLocal && categories.local.length === 0)
  const internalChain = service.internalPolicyLocal ? names.local : names.cluster
  const usesFirewall = has && service.loadBalancerVips.length > 0 && service.sourceRanges.length > 0
  const match = `-m ${protocol} -p ${protocol}`
  const to = (ip: string) => `${match} -d ${ip} --dport ${service.number}`
  const refusal = (there: boolean) => (has ? (there ? undefined : { note: comment(`${name} has no local endpoints`), target: 'DROP' }) : { note: comment(`${name} has no endpoints`), target: 'REJECT' })
  const internalRefusal = refusal(hasInternal)
  const externalRefusal = refusal(hasExternal)

  const filterServices: string[] = []
  const filterExternal: string[] = []
  const filterFirewall: string[] = []
  const natServices: string[] = []
  const natNodePorts: string[] = []
  if (internalRefusal) filterServices.push(`${internalRefusal.note} ${to(service.clusterIp)} -j ${internalRefusal.target}`)
  else natServices.push(`${comment(`${name} cluster IP`)} ${to(service.clusterIp)} -j ${internalChain}`)
  for (const ip of service.externalIps) {
    if (has) natServices.push(`${comment(`${name} external IP`)} ${to(ip)} -j ${names.external}`)
    if (externalRefusal) filterExternal.push(`${externalRefusal.note} ${to(ip)} -j ${externalRefusal.target}`)
  }
  for (const ip of service.loadBalancerVips) {
    if (has) natServices.push(`${comment(`${name} loadbalancer IP`)} ${to(ip)} -j ${usesFirewall ? names.firewall : names.external}`)
    if (usesFirewall) filterFirewall.push(`${comment(`${name} traffic not accepted by ${names.firewall}`)} ${to(ip)} -j DROP`)
  }
  if (externalRefusal) for (const ip of service.loadBalancerVips) filterExternal.push(`${externalRefusal.note} ${to(ip)} -j ${externalRefusal.target}`)
  if (service.nodePort !== 0) {
    if (has) {
      if (options.localhostNodePorts && options.nfacct) {
        natNodePorts.push(`-m comment --comment ${name} ${match} -d 127.0.0.0/8 --dport ${service.nodePort} -m nfacct --nfacct-name localhost_nps_accepted_pkts -j ${names.external}`)
      }
      natNodePorts.push(`-m comment --comment ${name} ${match} --dport ${service.nodePort} -j ${names.external}`)
    }
    if (externalRefusal) filterExternal.push(`${externalRefusal.note} -m addrtype --dst-type LOCAL ${match} --dport ${service.nodePort} -j ${externalRefusal.target}`)
  }
  const filterNodePorts = service.healthCheckNodePort === 0 ? [] : [`${comment(`${name} health check node port`)} -m tcp -p tcp --dport ${service.healthCheckNodePort} -j ACCEPT`]
  return { filterServices, filterExternal, filterFirewall, filterNodePorts, natServices, natNodePorts, chains: ownChains(service, categories, options, { hasInternal, hasExternal, internalChain, usesFirewall }) }
}

interface Facts {
  readonly hasInternal: boolean
  readonly hasExternal: boolean
  readonly internalChain: string
  readonly usesFirewall: boolean
}

function ownChains(service: ServicePort, categories: Categories, options: RuleOptions, facts: Facts): Map<string, string[]> {
  const { name, protocol, chains: names } = service
  const { detector } = options
  const chains = new Map<string, string[]>()
  const rules = (chain: string) => {
    const list = chains.get(chain) ?? []
    chains.set(chain, list)
    return list
  }
  const masquerade: string[] = []
  if (facts.hasInternal) {
    const args = `${comment(`${name} cluster IP`)} -m ${protocol} -p ${protocol} -d ${service.clusterIp} --dport ${service.number}`
    if (options.masqueradeAll) masquerade.push(`${args} -j KUBE-MARK-MASQ`)
    else if (detector) masquerade.push(`${args} ${detector.ifNotLocal} -j KUBE-MARK-MASQ`)
  }
  if (categories.any && externallyAccessible(service)) {
    const external = rules(names.external)
    if (!service.externalPolicyLocal) external.push(`${comment(`masquerade traffic for ${name} external destinations`)} -j KUBE-MARK-MASQ`)
    else {
      if (detector) external.push(`${comment(`pod traffic for ${name} external destinations`)} ${detector.ifLocal} -j ${names.cluster}`)
      external.push(`${comment(`masquerade LOCAL traffic for ${name} external destinations`)} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`)
      external.push(`${comment(`route LOCAL traffic for ${name} external destinations`)} -m addrtype --src-type LOCAL -j ${names.cluster}`)
    }
    if (facts.hasExternal) external.push(`-j ${service.externalPolicyLocal ? names.local : names.cluster}`)
  }
  if (facts.usesFirewall) {
    const firewall = rules(names.firewall)
    const note = comment(`${name} loadbalancer IP`)
    for (const range of service.sourceRanges) firewall.push(`${note} -s ${range} -j ${names.external}`)
    if (rangesContain(service.sourceRanges, options.nodeIp)) for (const ip of service.loadBalancerVips) firewall.push(`${note} -s ${ip} -j ${names.external}`)
    firewall.push(comment(`other traffic to ${name} will be dropped by KUBE-PROXY-FIREWALL`))
  }
  if (masquerade.length > 0) rules(facts.internalChain).push(...masquerade)
  if (categories.cluster.length > 0 && usesClusterEndpoints(service)) rules(names.cluster).push(...toEndpoints(service, categories.cluster))
  if (categories.local.length > 0 && usesLocalEndpoints(service)) rules(names.local).push(...toEndpoints(service, categories.local))
  for (const e of categories.reachable) {
    const affinity = service.affinity ? `-m recent --name ${e.chain} --set ` : ''
    rules(e.chain).push(`-m comment --comment ${name} -s ${e.ip} -j KUBE-MARK-MASQ`, `-m comment --comment ${name} ${affinity}-m ${protocol} -p ${protocol} -j DNAT --to-destination ${e.address}`)
  }
  return chains
}
