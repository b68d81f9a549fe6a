/**
 * What interface plugins share: veth pairs between container and host, addresses and routes in the container (the `ip` and
 * `ipam` packages of the CNI plugins). Only IPv4 is put on interfaces; IPv6 addresses stay in the result.
 */
import type { NetNamespace } from '#engine/net/types.ts'
import { CniError } from './types.ts'
import type { CniCall, CniDns, CniHost, CniResult, NetConf } from './types.ts'
import { parseIp, parseIpNet } from '../ipam/address.ts'

/** What netlink errors look like in Go: errno texts in lower case. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** The namespace that CNI_NETNS names, or the plugins' error. */
export function openNamespace(call: CniCall, host: CniHost): NetNamespace {
  const ns = host.namespace(call.netns)
  if (!ns) throw new CniError(`failed to open netns "${call.netns}": failed to Statfs "${call.netns}": no such file or directory`)
  return ns
}

export function randomVethName(host: CniHost): string {
  return `veth${host.random.letters(8, '0123456789abcdef')}`
}

/** A pair with one end in the container, the other on the host, both up. */
export function makeVeth(container: NetNamespace, host: CniHost, ifname: string, mtu: number, options: { readonly mac?: string; readonly hostName?: string } = {}): { hostName: string; hostMac: string; mac: string } {
  const hostName = options.hostName ?? randomVethName(host)
  if (container.links.has(ifname)) throw new CniError(`container veth name ("${ifname}") peer provided ("${hostName}") already exists`)
  container.addLink(ifname, { kind: 'veth', peer: { name: hostName, namespace: host.net } }, { ...(options.mac !== undefined && { mac: options.mac }), ...(mtu > 0 && { mtu }) })
  if (mtu > 0) host.net.setLink(hostName, { mtu })
  host.net.setLink(hostName, { up: true })
  container.setLink(ifname, { up: true })
  return { hostName, hostMac: host.net.links.get(hostName)!.mac, mac: container.links.get(ifname)!.mac }
}

/** As Go's netlink package adds an address: with the broadcast address of its prefix, where that has one. */
export function addWithBroadcast(ns: NetNamespace, device: string, address: string): void {
  const length = parseIpNet(address)?.length ?? 32
  ns.addAddress(device, address, length < 31 ? { broadcast: '+' } : {})
}

/** Addresses and routes of the result on the container's interface. Routes without gateway go to the first address's gateway. */
export function configureInterface(ns: NetNamespace, ifname: string, result: CniResult, interfaceIndex: number | undefined): void {
  let gateway: string | undefined
  for (const ip of result.ips ?? []) {
    if (interfaceIndex !== undefined && ip.interface !== undefined && ip.interface !== interfaceIndex) continue
    if (parseIpNet(ip.address)?.ip.family !== 4) continue
    try {
      addWithBroadcast(ns, ifname, ip.address)
    } catch (error) {
      throw new CniError(`failed to add IP addr {IP:${ip.address.split('/')[0]} Mask:} to "${ifname}": ${errorText(error)}`)
    }
    gateway ??= ip.gateway
  }
  ns.setLink(ifname, { up: true })
  for (const route of result.routes ?? []) {
    if (parseIpNet(route.dst)?.ip.family !== 4) continue
    const via = route.gw ?? gateway
    try {
      ns.addRoute({ to: route.dst, device: ifname, ...(via !== undefined && parseIp(via)?.family === 4 && { via }) })
    } catch (error) {
      throw new CniError(`failed to add route '{${route.dst} via ${via ?? '<nil>'} dev ${ifname} metric 0 (Scope: 0, Table: 0)}': ${errorText(error)}`)
    }
  }
}

/** Deletes the container's interface where namespace and interface are still there; returns its addresses. */
export function deleteInterface(call: CniCall, host: CniHost): string[] {
  const ns = call.netns === '' ? undefined : host.namespace(call.netns)
  const link = ns?.links.get(call.ifname)
  if (!ns || !link) return []
  const addresses = link.addresses.map((a) => `${a.address}/${a.length}`)
  ns.deleteLink(call.ifname)
  return addresses
}

/** CHECK: the result's interface, addresses and routes are still in the container. */
export function checkInterface(ns: NetNamespace, ifname: string, result: CniResult): void {
  const link = ns.links.get(ifname)
  if (!link) throw new CniError(`interface ${ifname}: Link not found`)
  for (const ip of result.ips ?? []) {
    if (parseIpNet(ip.address)?.ip.family !== 4) continue
    if (!link.addresses.some((a) => `${a.address}/${a.length}` === ip.address)) throw new CniError(`Failed to match addr ${ip.address} on interface ${ifname}`)
  }
  for (const route of result.routes ?? []) {
    const dst = parseIpNet(route.dst)
    if (dst?.ip.family !== 4) continue
    const found = ns.routes().some((r) => (r.to === route.dst || (r.to === 'default' && dst.length === 0)) && (route.gw === undefined || r.via === route.gw))
    if (!found) {
      const mask = (dst.length === 0 ? 0n : (0xffffffffn << BigInt(32 - dst.length)) & 0xffffffffn).toString(16).padStart(8, '0')
      throw new CniError(`Expected Route {Dst:{IP:${route.dst.split('/')[0]} Mask:${mask}} GW:${route.gw ?? '<nil>'} MTU:${route.mtu ?? 0} AdvMSS:${route.advmss ?? 0} Priority:0 Table:<nil> Scope:<nil>} not found in routing table`)
    }
  }
}

/** DNS of the network's configuration goes before what the IPAM plugin says. */
export function dnsOf(conf: NetConf, ipam: CniResult): { readonly dns?: CniDns } {
  const own = conf['dns'] as CniDns | undefined
  const dns = own && Object.keys(own).length > 0 ? own : ipam.dns
  return dns ? { dns } : {}
}
