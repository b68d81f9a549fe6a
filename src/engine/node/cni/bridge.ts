/**
 * The bridge plugin: a bridge on the host, a veth pair per container, an address from the IPAM plugin, optionally the
 * bridge as gateway and masquerading. Left out: VLANs (the recorded kernel has none), port isolation, nftables masquerading.
 */
import type { NetNamespace } from '#engine/net/types.ts'
import { formatIp, netContains, networkOf, nextIp, parseIp, parseIpNet, sameIp } from '../ipam/address.ts'
import { parseArgs } from './args.ts'
import { addMasquerade, deleteMasquerade } from './ip-masq.ts'
import { addWithBroadcast, checkInterface, configureInterface, deleteInterface, dnsOf, errorText, makeVeth, openNamespace } from './link.ts'
import { CniError } from './types.ts'
import type { CniAddress, CniCall, CniHost, CniInterface, CniResult, CniRoute, NetConf } from './types.ts'

interface BridgeConf extends NetConf {
  readonly bridge?: string
  readonly isGateway?: boolean
  readonly isDefaultGateway?: boolean
  readonly forceAddress?: boolean
  readonly ipMasq?: boolean
  readonly mtu?: number
  readonly hairpinMode?: boolean
  readonly promiscMode?: boolean
  readonly vlan?: number
  readonly mac?: string
  readonly disableContainerInterface?: boolean
}

/** The bridge's MAC as it was before a port joined. */
function ensureBridge(ns: NetNamespace, name: string, conf: BridgeConf): string {
  const link = ns.links.get(name)
  if (link && link.kind !== 'bridge') throw new CniError(`failed to create bridge "${name}": "${name}" already exists but is not a bridge`)
  if (!link) {
    if (conf.vlan) throw new CniError(`failed to create bridge "${name}": could not add "${name}": operation not supported`)
    ns.addLink(name, { kind: 'bridge' }, conf.mtu ? { mtu: conf.mtu } : {})
  }
  ns.setLink(name, { up: true })
  return ns.links.get(name)!.mac
}

/** The gateway's address on the bridge; another address of IPv4 is an error unless it may be replaced. */
function ensureAddress(ns: NetNamespace, bridge: string, mac: string, address: string, force: boolean): void {
  const link = ns.links.get(bridge)!
  for (const a of link.addresses) {
    const held = `${a.address}/${a.length}`
    if (held === address) return
    if (parseIp(a.address)?.family !== 4) continue
    if (!force) throw new CniError(`failed to set bridge addr: "${bridge}" already has an IP address different from ${address}`)
    ns.deleteAddress(bridge, held)
  }
  try {
    addWithBroadcast(ns, bridge, address)
  } catch (error) {
    throw new CniError(`failed to set bridge addr: could not add IP address to "${bridge}": ${errorText(error)}`)
  }
  // From now on the bridge keeps its own MAC instead of taking the lowest of its ports.
  ns.setLink(bridge, { mac })
}

function requestedMac(conf: BridgeConf, args: string): string | undefined {
  const mac = parseArgs(args, ['MAC', 'IP']).get('MAC')
  return (conf.runtimeConfig?.['mac'] as string | undefined) ?? (conf.args?.cni?.['mac'] as string | undefined) ?? mac ?? conf.mac
}

function add(call: CniCall, host: CniHost): CniResult {
  const conf = call.conf as BridgeConf
  const bridge = conf.bridge ?? 'cni0'
  const isGateway = conf.isGateway || conf.isDefaultGateway
  if (conf.hairpinMode && conf.promiscMode) throw new CniError('cannot set hairpin mode and promiscuous mode at the same time.')
  const mac = requestedMac(conf, call.args)
  const bridgeMac = ensureBridge(host.net, bridge, conf)
  const ns = openNamespace(call, host)
  const veth = makeVeth(ns, host, call.ifname, conf.mtu ?? 0, mac !== undefined ? { mac } : {})
  host.net.setLink(veth.hostName, { master: bridge, ...(conf.hairpinMode && { hairpin: true }) })
  const hostInterfaces = (): CniInterface[] => [
    { name: bridge, mac: host.net.links.get(bridge)!.mac },
    { name: veth.hostName, mac: host.net.links.get(veth.hostName)!.mac },
    { name: call.ifname, mac: veth.mac, sandbox: call.netns },
  ]
  const cniVersion = conf.cniVersion ?? '0.1.0'
  if (!conf.ipam?.type) {
    if (conf.disableContainerInterface) ns.setLink(call.ifname, { up: false })
    return { cniVersion, interfaces: hostInterfaces() }
  }
  if (conf.disableContainerInterface) throw new CniError("cannot use IPAM when DisableContainerInterface flag is set")
  const ipam = host.delegate(conf.ipam.type, call)
  try {
    if (!ipam?.ips?.length) throw new CniError('IPAM plugin returned missing IP config')
    const routes: CniRoute[] = [...(ipam.routes ?? [])]
    const ips: CniAddress[] = ipam.ips.map((ip) => {
      const net = parseIpNet(ip.address)!
      const gateway = ip.gateway ?? (isGateway ? formatIp(nextIp(networkOf(net))) : undefined)
      return { address: ip.address, ...(gateway !== undefined && { gateway }), interface: 2 }
    })
    if (conf.isDefaultGateway) {
      for (const ip of ips) {
        const family = parseIpNet(ip.address)!.ip.family
        const all = family === 4 ? '0.0.0.0/0' : '::/0'
        if (ip.gateway !== undefined && !routes.some((r) => r.dst === all)) routes.push({ dst: all, gw: ip.gateway })
      }
    }
    const result: CniResult = { cniVersion, interfaces: hostInterfaces(), ips, ...(routes.length > 0 && { routes }), ...dnsOf(conf, ipam) }
    configureInterface(ns, call.ifname, result, 2)
    if (isGateway) {
      for (const ip of ips) {
        const net = parseIpNet(ip.address)!
        const gateway = parseIp(ip.gateway ?? '')
        if (net.ip.family !== 4 || !gateway || (netContains(net, gateway) && sameIp(gateway, net.ip))) continue
        ensureAddress(host.net, bridge, bridgeMac, `${formatIp(gateway)}/${net.length}`, conf.forceAddress ?? false)
      }
      host.net.setSysctl('net.ipv4.ip_forward', '1')
    }
    if (conf.ipMasq) for (const ip of ips) addMasquerade(host.net, conf.name ?? '', call.containerId, ip.address)
    return { ...result, interfaces: hostInterfaces() }
  } catch (error) {
    host.delegate(conf.ipam.type, { ...call, command: 'DEL' })
    throw error
  }
}

export function bridgePlugin(call: CniCall, host: CniHost): CniResult | undefined {
  const conf = call.conf as BridgeConf
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
