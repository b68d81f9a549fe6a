/**
 * The calico plugin as canal uses it: a routed veth per pod (`caliXXXXXXXXXXX` on the host), a /32 address, the link-local
 * gateway 169.254.1.1 answered by proxy ARP, addresses from host-local out of the node's podCIDR. Left out: calico-ipam, IPv6.
 */
import { hex, sha1 } from '#base/sha.ts'
import { formatIp, parseIpNet } from '../ipam/address.ts'
import { parseArgs } from './args.ts'
import { deleteInterface, makeVeth, openNamespace } from './link.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult, NetConf } from './types.ts'

/** The host end of a pod's veth pair. */
export function calicoInterface(namespace: string, pod: string): string {
  return `cali${hex(sha1(`${namespace}.${pod}`)).slice(0, 11)}`
}

const gateway = '169.254.1.1'
const hostMac = 'ee:ee:ee:ee:ee:ee'

/** host-local's `usePodCidr` stands for the prefix in the Node object. */
function withPodCidr(call: CniCall, host: CniHost): CniCall {
  const ipam = call.conf.ipam as { readonly subnet?: string } | undefined
  if (ipam?.subnet !== 'usePodCidr') return call
  const podCidr = host.podCidr?.()
  if (!podCidr) throw new CniError('no podCidr for node')
  return { ...call, conf: { ...call.conf, ipam: { ...call.conf.ipam, subnet: podCidr } } }
}

function add(call: CniCall, host: CniHost): CniResult {
  const conf = call.conf as NetConf & { readonly mtu?: number }
  const args = parseArgs(call.args, ['K8S_POD_NAME', 'K8S_POD_NAMESPACE', 'K8S_POD_INFRA_CONTAINER_ID', 'K8S_POD_UID', 'IP'])
  if (host.apiError?.() !== undefined) throw new CniError(`error getting ClusterInformation: ${host.apiError()}`)
  const name = calicoInterface(args.get('K8S_POD_NAMESPACE') ?? 'default', args.get('K8S_POD_NAME') ?? call.containerId)
  const ns = openNamespace(call, host)
  const type = conf.ipam?.type ?? ''
  const ipam = host.delegate(type, withPodCidr(call, host))
  try {
    const address = ipam?.ips?.[0]?.address
    if (address === undefined) throw new CniError('IPAM plugin returned missing IP config')
    const ip = formatIp(parseIpNet(address)!.ip)
    if (host.net.links.has(name)) host.net.deleteLink(name)
    const veth = makeVeth(ns, host, call.ifname, conf.mtu ?? 0, { hostName: name })
    host.net.setLink(name, { mac: hostMac })
    ns.addRoute({ to: gateway, device: call.ifname, scope: 'link' })
    ns.addAddress(call.ifname, `${ip}/32`)
    ns.addRoute({ to: 'default', via: gateway, device: call.ifname })
    ns.setNeighbour(call.ifname, gateway, hostMac, { permanent: true })
    host.net.setSysctl(`net.ipv4.conf.${name}.proxy_arp`, '1')
    host.net.setSysctl(`net.ipv4.conf.${name}.forwarding`, '1')
    host.net.setSysctl('net.ipv4.ip_forward', '1')
    host.net.replaceRoute({ to: ip, device: name, scope: 'link' })
    const pod = args.get('K8S_POD_NAME')
    if (pod !== undefined) {
      host.annotatePod?.(args.get('K8S_POD_NAMESPACE') ?? 'default', pod, { 'cni.projectcalico.org/containerID': call.containerId, 'cni.projectcalico.org/podIP': `${ip}/32`, 'cni.projectcalico.org/podIPs': `${ip}/32` })
    }
    return {
      cniVersion: conf.cniVersion ?? '0.3.1',
      interfaces: [{ name, mac: hostMac }, { name: call.ifname, mac: veth.mac, sandbox: call.netns }],
      ips: [{ address: `${ip}/32` }],
    }
  } catch (error) {
    host.delegate(type, { ...call, command: 'DEL' })
    throw error
  }
}

export function calicoPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  if (call.command === 'ADD') return add(call, host)
  if (call.command === 'DEL') {
    if (call.conf.ipam?.type) host.delegate(call.conf.ipam.type, withPodCidr(call, host))
    deleteInterface(call, host)
  }
  return undefined
}
