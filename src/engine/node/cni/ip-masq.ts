/** `ipMasq` of bridge and ptp: one nat chain per container that masquerades what leaves its network (iptables backend). */
import { hex, sha512 } from '#base/sha.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { formatIp, formatIpNet, networkOf, parseIpNet } from '../ipam/address.ts'
import { Iptables } from '../iptables.ts'

/** `CNI-` and a hash of network and container, 28 characters as iptables allows. */
export function chainName(network: string, containerId: string, prefix = ''): string {
  return `CNI-${prefix}${hex(sha512(network + containerId))}`.slice(0, 28)
}

const comment = (network: string, id: string) => `-m comment --comment "name: \\"${network}\\" id: \\"${id}\\""`

export function addMasquerade(ns: NetNamespace, network: string, containerId: string, address: string): void {
  const net = parseIpNet(address)
  if (net?.ip.family !== 4) return
  const tables = new Iptables(ns.netfilter)
  const chain = chainName(network, containerId)
  const note = comment(network, containerId)
  tables.ensureChain('nat', chain)
  tables.ensureAppended('nat', chain, `-d ${formatIpNet({ ip: networkOf(net), length: net.length })} ${note} -j ACCEPT`)
  tables.ensureAppended('nat', chain, `! -d 224.0.0.0/4 ${note} -j MASQUERADE`)
  tables.ensureAppended('nat', 'POSTROUTING', `-s ${formatIp(net.ip)}/32 ${note} -j ${chain}`)
}

/** Removes the container's chain and the jumps to it. */
export function deleteMasquerade(ns: NetNamespace, network: string, containerId: string): void {
  const tables = new Iptables(ns.netfilter)
  const chain = chainName(network, containerId)
  for (const rule of tables.rules('nat', 'POSTROUTING')) if (rule.endsWith(`-j ${chain}`)) tables.delete('nat', 'POSTROUTING', rule)
  tables.deleteChain('nat', chain)
}
