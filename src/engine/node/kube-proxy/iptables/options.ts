/** From the configuration to what the iptables mode needs to know of its node. */
import { cidrContains, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { KubeProxyConfiguration } from '../configuration.ts'
import { detectorOf } from '../local-detector.ts'
import { allAddresses, nodePortAddresses } from '../node-port-addresses.ts'
import type { SyncOptions } from './restore-text.ts'

/** Addresses that node ports answer on; undefined for all. */
function nodePortIps(config: KubeProxyConfiguration, net: NetNamespace, nodeIp: string): string[] | undefined {
  const wanted = config.nodePortAddresses
  return wanted.length === 0 || wanted.includes(allAddresses) ? undefined : nodePortAddresses(wanted, net, nodeIp)
}

/** Whether node ports on 127.0.0.1 can work: wanted, and the address is not filtered away. */
function localhostPorts(config: KubeProxyConfiguration): boolean {
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
