/** From the configuration to what the iptables mode needs to know of its node. */
import { cidrContains, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { KubeProxyConfiguration } from '../configuration.ts'
import { bridgeDetector, cidrDetector, prefixDetector } from './local-detector.ts'
import type { LocalDetector } from './local-detector.ts'
import type { SyncOptions } from './restore-text.ts'

export function detectorOf(config: KubeProxyConfiguration, podCidr: string | undefined): LocalDetector | undefined {
  switch (config.detectLocalMode) {
    case 'InterfaceNamePrefix':
      return prefixDetector(config.interfaceNamePrefix)
    case 'BridgeInterface':
      return bridgeDetector(config.bridgeInterface)
    case 'NodeCIDR':
      return podCidr === undefined ? undefined : cidrDetector(podCidr)
    default:
      return cidrDetector(config.clusterCidr.split(',')[0] ?? '')
  }
}

/** Addresses that node ports answer on; undefined for all. */
function nodePortIps(config: KubeProxyConfiguration, net: NetNamespace, nodeIp: string): string[] | undefined {
  if (config.nodePortAddresses.length === 0 || config.nodePortAddresses.includes('0.0.0.0/0')) return undefined
  if (config.nodePortAddresses.includes('primary')) return [nodeIp]
  const prefixes = config.nodePortAddresses.flatMap((c) => parseCidr4(c) ?? [])
  const out = new Set<string>()
  for (const link of net.links.values()) {
    for (const { address } of link.addresses) {
      const ip = parseIpv4(address)
      if (ip !== undefined && prefixes.some((p) => cidrContains(p, ip))) out.add(address)
    }
  }
  return [...out]
}

/** Whether node ports on 127.0.0.1 can work: wanted, and the address is not filtered away. */
export function localhostPorts(config: KubeProxyConfiguration): boolean {
  const loopback = parseIpv4('127.0.0.1')!
  return config.localhostNodePorts && (config.nodePortAddresses.length === 0 || config.nodePortAddresses.some((a) => {
    const cidr = parseCidr4(a)
    return cidr !== undefined && cidrContains(cidr, loopback)
  }))
}

export function syncOptions(config: KubeProxyConfiguration, net: NetNamespace, nodeIp: string, podCidr: string | undefined): SyncOptions {
  return {
    masqueradeAll: config.masqueradeAll, masqueradeBit: config.masqueradeBit, detector: detectorOf(config, podCidr), localhostNodePorts: localhostPorts(config), nfacct: true, nodeIp, randomFully: true,
    conntrackLiberal: config.tcpBeLiberal, nodePortIps: nodePortIps(config, net, nodeIp),
  }
}
