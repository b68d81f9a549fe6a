/** Addresses of a node that --nodeport-addresses selects (proxyutil.NodePortAddresses). */
import { cidrContains, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { NetNamespace } from '#engine/net/types.ts'

export const allAddresses = '0.0.0.0/0'

/** `primary` is the node's own address; `0.0.0.0/0` is the caller's matter. */
export function nodePortAddresses(wanted: readonly string[], net: NetNamespace, nodeIp: string): string[] {
  if (wanted.includes('primary')) return [nodeIp]
  const prefixes = wanted.flatMap((c) => parseCidr4(c) ?? [])
  const out = new Set<string>()
  for (const link of net.links.values()) {
    for (const { address } of link.addresses) {
      const ip = parseIpv4(address)
      if (ip !== undefined && prefixes.some((p) => cidrContains(p, ip))) out.add(address)
    }
  }
  return [...out]
}
