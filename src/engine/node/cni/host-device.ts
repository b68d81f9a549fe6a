/** The host-device plugin: moves a device of the host into the container and gives it back under its old name. PCI addresses and DPDK are left out. */
import { addWithBroadcast, dnsOf, openNamespace } from './link.ts'
import { parseIpNet } from '../ipam/address.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult, NetConf } from './types.ts'

interface HostDeviceConf extends NetConf {
  readonly device?: string
  readonly hwaddr?: string
}

function add(call: CniCall, host: CniHost): CniResult {
  const conf = call.conf as HostDeviceConf
  const found = [...host.net.links.values()].find((l) => (conf.device === undefined ? l.mac.toLowerCase() === conf.hwaddr?.toLowerCase() : l.name === conf.device))
  if (!found) throw new CniError('failed to find host device: Link not found')
  const ns = openNamespace(call, host)
  const { name, mac } = found
  // The kernel keeps the old name as the device's alias meanwhile.
  host.net.setLink(name, { up: false, alias: name })
  host.net.setLink(name, { namespace: ns, name: call.ifname })
  ns.setLink(call.ifname, { up: true })
  const base = { cniVersion: conf.cniVersion ?? '0.1.0', interfaces: [{ name: call.ifname, mac, sandbox: call.netns }] }
  if (!conf.ipam?.type) return base
  const ipam = host.delegate(conf.ipam.type, call)
  try {
    if (!ipam?.ips?.length) throw new CniError('IPAM plugin returned missing IP config')
    for (const ip of ipam.ips) if (parseIpNet(ip.address)?.ip.family === 4) addWithBroadcast(ns, call.ifname, ip.address)
    for (const route of ipam.routes ?? []) {
      const via = route.gw ?? ipam.ips[0]!.gateway
      if (parseIpNet(route.dst)?.ip.family === 4) ns.addRoute({ to: route.dst, device: call.ifname, ...(via !== undefined && { via }) })
    }
    return { ...base, ips: ipam.ips.map((ip) => ({ ...ip, interface: 0 })), ...(ipam.routes && { routes: ipam.routes }), ...dnsOf(conf, ipam) }
  } catch (error) {
    host.delegate(conf.ipam.type, { ...call, command: 'DEL' })
    throw error
  }
}

function giveBack(call: CniCall, host: CniHost): void {
  const ns = host.namespace(call.netns)
  const link = ns?.links.get(call.ifname)
  if (!ns || !link) return
  const old = link.alias ?? call.ifname
  ns.setLink(call.ifname, { up: false })
  ns.setLink(call.ifname, { namespace: host.net, name: old })
}

export function hostDevicePlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as HostDeviceConf
  if (!conf.device && !conf.hwaddr) throw new CniError('specify either "device", "hwaddr", "kernelpath" or "pciBusID"')
  if (call.command === 'ADD') return add(call, host)
  if (conf.ipam?.type) host.delegate(conf.ipam.type, call)
  if (call.command === 'DEL') giveBack(call, host)
  return undefined
}
