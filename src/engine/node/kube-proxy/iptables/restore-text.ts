/**
 * The text that the iptables mode hands to iptables-restore: shared chains in full, and the chains of the services that changed
 * (all of them in a full sync).
 */
import type { RuleOptions, ServiceRules } from './rules.ts'

export interface SyncOptions extends RuleOptions {
  /** Bit of the packet mark that asks for masquerading. */
  readonly masqueradeBit: number
  readonly randomFully: boolean
  /** nf_conntrack_tcp_be_liberal: invalid packets are not dropped. */
  readonly conntrackLiberal: boolean
  /** Undefined: node ports on all local addresses; otherwise on these. */
  readonly nodePortIps: readonly string[] | undefined
}

export interface SyncContent {
  /** All services, in the order in which their lines stand. */
  readonly services: Iterable<ServiceRules>
  /** Those whose own chains are written. */
  readonly changed: Iterable<ServiceRules>
  /** Service chains that are in the table and no longer used. */
  readonly stale: Iterable<string>
}

export function restoreText(content: SyncContent, options: SyncOptions): string {
  const mark = `0x${((1 << options.masqueradeBit) >>> 0).toString(16)}`
  const filter: Record<string, string[]> = { 'KUBE-NODEPORTS': [], 'KUBE-SERVICES': [], 'KUBE-EXTERNAL-SERVICES': [], 'KUBE-FIREWALL': [], 'KUBE-FORWARD': [], 'KUBE-PROXY-FIREWALL': [] }
  const natServices: string[] = []
  const natNodePorts: string[] = []
  for (const s of content.services) {
    filter['KUBE-SERVICES']!.push(...s.filterServices)
    filter['KUBE-EXTERNAL-SERVICES']!.push(...s.filterExternal)
    filter['KUBE-PROXY-FIREWALL']!.push(...s.filterFirewall)
    filter['KUBE-NODEPORTS']!.push(...s.filterNodePorts)
    natServices.push(...s.natServices)
    natNodePorts.push(...s.natNodePorts)
  }
  if (options.localhostNodePorts) {
    filter['KUBE-FIREWALL']!.push('-m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP')
  } else delete filter['KUBE-FIREWALL']
  const nfacct = options.nfacct ? '-m nfacct --nfacct-name ct_state_invalid_dropped_pkts ' : ''
  if (!options.conntrackLiberal) filter['KUBE-FORWARD']!.push(`-m conntrack --ctstate INVALID ${nfacct}-j DROP`)
  filter['KUBE-FORWARD']!.push(
    `-m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark}/${mark} -j ACCEPT`,
    '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  )
  const last = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
  if (options.nodePortIps) for (const ip of options.nodePortIps) natServices.push(`${last} -d ${ip} -j KUBE-NODEPORTS`)
  else natServices.push(`${last} -m addrtype --dst-type LOCAL${options.localhostNodePorts ? '' : ' ! -d 127.0.0.0/8'} -j KUBE-NODEPORTS`)

  const out: string[] = ['*filter']
  for (const chain of Object.keys(filter)) out.push(`:${chain} - [0:0]`)
  for (const [chain, rules] of Object.entries(filter)) for (const rule of rules) out.push(`-A ${chain} ${rule}`)
  out.push('COMMIT', '*nat', ':KUBE-NODEPORTS - [0:0]', ':KUBE-SERVICES - [0:0]', ':KUBE-MARK-MASQ - [0:0]', ':KUBE-POSTROUTING - [0:0]')
  const changed = [...content.changed]
  const stale = [...content.stale]
  for (const s of changed) for (const chain of s.chains.keys()) out.push(`:${chain} - [0:0]`)
  for (const chain of stale) out.push(`:${chain} - [0:0]`)
  for (const rule of natNodePorts) out.push(`-A KUBE-NODEPORTS ${rule}`)
  for (const rule of natServices) out.push(`-A KUBE-SERVICES ${rule}`)
  for (const s of changed) for (const [chain, rules] of s.chains) for (const rule of rules) out.push(`-A ${chain} ${rule}`)
  out.push(
    `-A KUBE-MARK-MASQ -j MARK --or-mark ${mark}`,
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
    `-A KUBE-POSTROUTING -j MARK --xor-mark ${mark}`,
    `-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE${options.randomFully ? ' --random-fully' : ''}`,
  )
  for (const chain of stale) out.push(`-X ${chain}`)
  out.push('COMMIT')
  return out.join('\n') + '\n'
}
