/** How kube-proxy tells traffic of this node's pods from other traffic: a match for "local" and one for "not local", or none at all. */
import { parseCidr4 } from '#base/ip.ts'
import type { KubeProxyConfiguration } from './configuration.ts'

export interface LocalDetector {
  readonly ifLocal: string
  readonly ifNotLocal: string
  /** The same in nft's words. */
  readonly ifLocalNft: string
  readonly ifNotLocalNft: string
}

export function cidrDetector(cidr: string): LocalDetector | undefined {
  return parseCidr4(cidr) ? { ifLocal: `-s ${cidr}`, ifNotLocal: `! -s ${cidr}`, ifLocalNft: `ip saddr ${cidr}`, ifNotLocalNft: `ip saddr != ${cidr}` } : undefined
}

const nftDevice = (name: string) => ({ ifLocalNft: `iifname "${name}"`, ifNotLocalNft: `iifname != "${name}"` })

function bridgeDetector(name: string): LocalDetector {
  return { ifLocal: `-i ${name}`, ifNotLocal: `! -i ${name}`, ...nftDevice(name) }
}

function prefixDetector(prefix: string): LocalDetector {
  return { ifLocal: `-i ${prefix}+`, ifNotLocal: `! -i ${prefix}+`, ...nftDevice(`${prefix}*`) }
}

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
