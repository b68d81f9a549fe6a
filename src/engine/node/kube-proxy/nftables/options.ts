/** From the configuration to what the nftables mode needs to know of its node. */
import { cidrContains, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { KubeProxyConfiguration } from '../configuration.ts'
import { detectorOf } from '../iptables/options.ts'
import type { LocalDetector } from '../iptables/local-detector.ts'

export interface NftOptions {
  readonly masqueradeAll: boolean
  readonly masqueradeBit: number
  readonly detector: LocalDetector | undefined
  /** Undefined: node ports on all addresses of the node but those of lo. */
  readonly nodePortIps: readonly string[] | undefined
  /** What was asked for and cannot be: addresses of lo. */
  readonly refusedIps: readonly string[]
  readonly serviceCidrs: readonly string[]
  readonly nodeIp: string
}

export function nftOptions(config: KubeProxyConfiguration, net: NetNamespace, nodeIp: string, podCidr: string | undefined, serviceCidrs: readonly string[]): NftOptions {
  const all = matching(config, net, nodeIp)
  const isLoopback = (ip: string) => ip.startsWith('127.')
  return {
    masqueradeAll: config.nftables.masqueradeAll, masqueradeBit: config.nftables.masqueradeBit, detector: detectorOf(config, podCidr), serviceCidrs, nodeIp,
    nodePortIps: all?.filter((ip) => !isLoopback(ip)), refusedIps: all?.filter(isLoopback) ?? [],
  }
}

/** Without a list of prefixes it is the node's own address. */
function matching(config: KubeProxyConfiguration, net: NetNamespace, nodeIp: string): string[] | undefined {
  const wanted = config.nodePortAddresses
  if (wanted.includes('0.0.0.0/0')) return undefined
  if (wanted.length === 0 || wanted.includes('primary')) return [nodeIp]
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
