/** The ptp plugin: a veth pair per container, routed instead of bridged; the host end carries the gateway's address as /32. */
import { formatIp, formatIpNet, networkOf, nextIp, parseIpNet } from '../ipam/address.ts'
import { addMasquerade, deleteMasquerade } from './ip-masq.ts'
import { addWithBroadcast, checkInterface, deleteInterface, dnsOf, makeVeth, openNamespace } from './link.ts'
import { CniError } from './types.ts'
import type { CniCall, CniHost, CniResult, NetConf } from './types.ts'

interface PtpConf extends NetConf {
  readonly ipMasq?: boolean
  readonly mtu?: number
}

function add(call: CniCall, host: CniHost): CniResult {
  const conf = call.conf as PtpConf
  const type = conf.ipam?.type ?? ''
  const ipam = host.delegate(type, call)
  try {
    if (!ipam?.ips?.length) throw new CniError('IPAM plugin returned missing IP config')
    host.net.setSysctl('net.ipv4.ip_forward', '1')
    const ns = openNamespace(call, host)
    const veth = makeVeth(ns, host, call.ifname, conf.mtu ?? 0)
    const ips = ipam.ips.map((ip) => ({ address: ip.address, gateway: ip.gateway ?? formatIp(nextIp(networkOf(parseIpNet(ip.address)!))), interface: 1 }))
    for (const ip of ips) {
      const net = parseIpNet(ip.address)!
      if (net.ip.family !== 4) continue
      addWithBroadcast(ns, call.ifname, ip.address)
      // The prefix's own route goes; everything is reached through the gateway.
      const prefix = formatIpNet({ ip: networkOf(net), length: net.length })
      ns.deleteRoute({ to: prefix, device: call.ifname })
      ns.addRoute({ to: `${ip.gateway}/32`, device: call.ifname, scope: 'link', source: formatIp(net.ip) })
      ns.addRoute({ to: prefix, via: ip.gateway, device: call.ifname, source: formatIp(net.ip) })
      host.net.addAddress(veth.hostName, `${ip.gateway}/32`)
      host.net.addRoute({ to: formatIp(net.ip), device: veth.hostName, scope: 'host' })
    }
    for (const route of ipam.routes ?? []) {
      if (parseIpNet(route.dst)?.ip.family === 4) ns.addRoute({ to: route.dst, via: route.gw ?? ips[0]!.gateway, device: call.ifname })
    }
    if (conf.ipMasq) for (const ip of ips) addMasquerade(host.net, conf.name ?? '', call.containerId, ip.address)
    return {
      cniVersion: conf.cniVersion ?? '0.1.0',
      interfaces: [{ name: veth.hostName, mac: veth.hostMac }, { name: call.ifname, mac: veth.mac, sandbox: call.netns }],
      ips,
      ...(ipam.routes && { routes: ipam.routes }),
      ...dnsOf(conf, ipam),
    }
  } catch (error) {
    host.delegate(type, { ...call, command: 'DEL' })
    throw error
  }
}

export function ptpPlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as PtpConf
  if (call.command === 'ADD') return add(call, host)
  if (conf.ipam?.type) host.delegate(conf.ipam.type, call)
  if (call.command === 'DEL') {
    deleteInterface(call, host)
    if (conf.ipMasq) deleteMasquerade(host.net, conf.name ?? '', call.containerId)
  } else if (call.command === 'CHECK') {
    if (!conf.prevResult) throw new CniError('Required prevResult missing')
    checkInterface(openNamespace(call, host), call.ifname, conf.prevResult)
  }
  return undefined
}
