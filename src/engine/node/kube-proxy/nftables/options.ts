/** From the configuration to what the nftables mode needs to know of its node. */
import type { NetNamespace } from '#engine/net/types.ts'
import type { KubeProxyConfiguration } from '../configuration.ts'
import { detectorOf } from '../local-detector.ts'
import type { LocalDetector } from '../local-detector.ts'
import { allAddresses, nodePortAddresses } from '../node-port-addresses.ts'

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
  const wanted = config.nodePortAddresses.length === 0 ? ['primary'] : config.nodePortAddresses
  return wanted.includes(allAddresses) ? undefined : nodePortAddresses(wanted, net, nodeIp)
}
