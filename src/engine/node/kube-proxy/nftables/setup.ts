/** The fixed part of kube-proxy's nftables table (pkg/proxy/nftables, setupNFTables): base chains, the chains they jump to, sets and maps. */
import type { NftOptions } from './options.ts'

export type ProxyFamily = 'ip' | 'ip6'

/** Containers whose elements follow the services. */
export type Container = 'cluster-ips' | 'no-endpoint-services' | 'no-endpoint-nodeports' | 'firewall-ips' | 'service-ips' | 'service-nodeports'

export const containers: readonly Container[] = ['cluster-ips', 'service-ips', 'firewall-ips', 'no-endpoint-services', 'no-endpoint-nodeports', 'service-nodeports']

const baseChains: readonly (readonly [name: string, type: string, hook: string, priority: number])[] = [
  ['filter-prerouting-pre-dnat', 'filter', 'prerouting', -110],
  ['filter-output-pre-dnat', 'filter', 'output', -110],
  ['filter-input', 'filter', 'input', 0],
  ['filter-forward', 'filter', 'forward', 0],
  ['filter-output', 'filter', 'output', 0],
  ['nat-prerouting', 'nat', 'prerouting', -100],
  ['nat-output', 'nat', 'output', -100],
  ['nat-postrouting', 'nat', 'postrouting', 100],
]

const jumps: readonly (readonly [to: string, from: string, condition: string])[] = [
  ['nodeport-endpoints-check', 'filter-input', 'ct state new '],
  ['service-endpoints-check', 'filter-input', 'ct state new '],
  ['service-endpoints-check', 'filter-forward', 'ct state new '],
  ['service-endpoints-check', 'filter-output', 'ct state new '],
  ['firewall-check', 'filter-prerouting-pre-dnat', 'ct state new '],
  ['firewall-check', 'filter-output-pre-dnat', 'ct state new '],
  ['services', 'nat-output', ''],
  ['services', 'nat-prerouting', ''],
  ['masquerading', 'nat-postrouting', ''],
  ['cluster-ips-check', 'filter-forward', 'ct state new '],
  ['cluster-ips-check', 'filter-output', 'ct state new '],
]

/** `elements`: those of nodeport-ips are written here; `flush`: containers that follow services begin empty. */
export function setupText(family: ProxyFamily, o: NftOptions): string[] {
  const t = `${family} kube-proxy`
  const address = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'
  const noLocalhost = family === 'ip' ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1'
  const out: string[] = [`add table ${t} { comment "rules for kube-proxy" ; }`]
  // deleted and made again, for the priority of a chain that is there cannot be changed
  for (const [name] of baseChains) out.push(`add chain ${t} ${name}`, `delete chain ${t} ${name}`)
  for (const [name, type, hook, priority] of baseChains) out.push(`add chain ${t} ${name} { type ${type} hook ${hook} priority ${priority} ; }`)
  const made = new Set<string>()
  const ensure = (chain: string) => {
    if (made.has(chain)) return
    made.add(chain)
    out.push(`add chain ${t} ${chain}`, `flush chain ${t} ${chain}`)
  }
  const rule = (chain: string, text: string) => void out.push(`add rule ${t} ${chain} ${text}`)
  for (const [to, from, condition] of jumps) {
    ensure(to)
    rule(from, `${condition}jump ${to}`)
  }
  for (const chain of ['services', 'cluster-ips-check', 'masquerading', 'mark-for-masquerade']) ensure(chain)
  const mark = `0x${((1 << o.masqueradeBit) >>> 0).toString(16).padStart(8, '0')}`
  rule('mark-for-masquerade', `mark set mark or ${mark}`)
  rule('masquerading', `mark and ${mark} == 0 return`)
  rule('masquerading', `mark set mark xor ${mark}`)
  rule('masquerading', 'masquerade fully-random')
  out.push(`add set ${t} cluster-ips { type ${address} ; comment "Active ClusterIPs" ; }`)
  rule('cluster-ips-check', `${family} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`)
  const cidrs = o.serviceCidrs.filter((c) => c.includes(':') === (family === 'ip6'))
  if (cidrs.length > 0) rule('cluster-ips-check', `${family} daddr { ${cidrs.join(',')} } drop comment "Drop traffic to unallocated ClusterIPs"`)
  const ips = family === 'ip' ? o.nodePortIps : undefined
  out.push(`add set ${t} nodeport-ips { type ${address} ; comment "IPs that accept NodePort traffic" ; }`)
  if (ips === undefined) out.push(`delete set ${t} nodeport-ips`)
  else {
    out.push(`flush set ${t} nodeport-ips`)
    for (const ip of ips) out.push(`add element ${t} nodeport-ips { ${ip} }`)
  }
  const map = (name: Container, key: string, comment: string) => void out.push(`add map ${t} ${name} { type ${key} : verdict ; comment "${comment}" ; }`)
  const destination = `${address} . inet_proto . inet_service`
  map('no-endpoint-services', destination, 'vmap to drop or reject packets to services with no endpoints')
  map('no-endpoint-nodeports', 'inet_proto . inet_service', 'vmap to drop or reject packets to service nodeports with no endpoints')
  out.push(`add chain ${t} reject-chain { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }`, `flush chain ${t} reject-chain`)
  rule('reject-chain', 'reject')
  const toNode = ips === undefined ? noLocalhost : `${family} daddr @nodeport-ips`
  rule('service-endpoints-check', `${family} daddr . meta l4proto . th dport vmap @no-endpoint-services`)
  rule('nodeport-endpoints-check', `${toNode} meta l4proto . th dport vmap @no-endpoint-nodeports`)
  map('firewall-ips', destination, 'destinations that are subject to LoadBalancerSourceRanges')
  rule('firewall-check', `${family} daddr . meta l4proto . th dport vmap @firewall-ips`)
  map('service-ips', destination, 'ClusterIP, ExternalIP and LoadBalancer IP traffic')
  map('service-nodeports', 'inet_proto . inet_service', 'NodePort traffic')
  rule('services', `${family} daddr . meta l4proto . th dport vmap @service-ips`)
  rule('services', `${ips === undefined ? `fib daddr type local ${noLocalhost}` : toNode} meta l4proto . th dport vmap @service-nodeports`)
  for (const name of containers) out.push(`flush ${name === 'cluster-ips' ? 'set' : 'map'} ${t} ${name}`)
  return out
}
