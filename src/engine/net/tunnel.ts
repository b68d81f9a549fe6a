/**
 * VXLAN and IP-in-IP devices: a frame or packet is put into an outer packet that this host sends like any other (its own OUTPUT chain, routing
 * and neighbour), and taken out where it arrives. The mark stays on it, as skb_scrub_packet leaves it within a namespace.
 */
import type { Ipv4 } from '#base/ip.ts'
import type { Device, VxlanRemote } from './device.ts'
import { ipReceive, localOut } from './ip.ts'
import { showFrame } from './link.ts'
import { receive } from './receive.ts'
import { broadcastMac, isMulticastMac, type Mac } from './mac.ts'
import type { Namespace } from './namespace.ts'
import { copyFrame, headerOf, IPIP, Packet, UDP, type Frame } from './packet.ts'
import { routeOutput } from './route.ts'
import { drop } from './trace.ts'

const AGEING = 300_000

export function vxlanLookup(device: Device, mac: Mac): VxlanRemote[] | undefined {
  const fdb = device.vxlan!.fdb
  const remotes = fdb.get(mac)
  const only = remotes?.[0]
  if (only && remotes!.length === 1 && !only.permanent && device.ns.sim.now - only.seen >= AGEING) {
    fdb.delete(mac)
    return undefined
  }
  return remotes
}

/** vxlan_xmit. */
export function vxlanTransmit(device: Device, frame: Frame): void {
  const vxlan = device.vxlan!
  const toAll = frame.destination === broadcastMac || isMulticastMac(frame.destination)
  const remotes = (toAll ? undefined : vxlanLookup(device, frame.destination)) ?? vxlanLookup(device, 0) ?? (vxlan.remote === undefined ? undefined : [{ address: vxlan.remote, permanent: true, seen: 0 }])
  const p = frame.packet
  if (!remotes || remotes.length === 0) {
    if (p) drop(device.ns, p, 'vxlan', `no fdb entry of ${device.name} says where the address is`)
    return
  }
  if (p?.walk) for (let i = 1; i < remotes.length; i++) p.walk.fork()
  remotes.forEach((remote, i) => send(device, remote.address, i < remotes.length - 1 ? copyFrame(frame) : frame))
}

/** The source port says which inner flow it is, so that routers spread flows; the same for both directions, and one for all ARP. */
function flowPort(frame: Frame): number {
  const p = frame.packet
  let hash = p ? Math.imul(p.source ^ p.destination, 0x9e3779b1) ^ Math.imul(p.sourcePort ^ p.destinationPort, 0xc2b2ae35) ^ Math.imul(p.sourcePort + p.destinationPort, 0x85ebca6b) ^ p.protocol : 0x0806
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  hash ^= hash >>> 13
  return 32768 + ((hash >>> 0) % 28232)
}

function send(device: Device, remote: Ipv4, frame: Frame): void {
  const ns = device.ns
  const vxlan = device.vxlan!
  const p = frame.packet
  const mark = p?.mark ?? 0
  const path = routeOutput(ns, remote, vxlan.local ?? 0, undefined, mark)
  if ('errno' in path || path.device === device) {
    device.txDropped++
    if (p) drop(ns, p, 'vxlan', 'errno' in path ? `the other end cannot be reached: ${path.why}` : 'the way to the other end leads through the tunnel itself')
    return
  }
  const outer = new Packet()
  outer.source = path.source
  outer.destination = remote
  outer.protocol = UDP
  outer.sourcePort = flowPort(frame)
  outer.destinationPort = vxlan.port
  outer.length = 50 + (p ? p.length : 28)
  outer.segment = p && p.segment > 0 ? p.segment + 50 : 0
  outer.mark = mark
  outer.vni = vxlan.id
  outer.inner = frame
  outer.latency = p?.latency ?? 0
  outer.hops = p?.hops ?? 0
  if (p) {
    outer.walk = p.walk
    if (p.walk) p.walk.note(ns, p, 'vxlan', `into the tunnel to another host`, { device: device.name, outer: headerOf(outer) })
    p.walk = undefined
  }
  localOut(ns, outer, path)
}

/** A datagram for a VXLAN port of this namespace: true when a device took it. */
export function vxlanReceive(ns: Namespace, outer: Packet): boolean {
  if (!outer.inner) return false
  let found: Device | undefined
  for (const d of ns.tunnels) if (d.vxlan && d.up && d.vxlan.port === outer.destinationPort && d.vxlan.id === outer.vni) found = d
  if (!found) return false
  const vxlan = found.vxlan!
  const frame = outer.inner
  const p = frame.packet
  if (p) {
    p.walk = outer.walk
    p.latency = outer.latency
    p.hops = outer.hops
    p.mark = outer.mark
    p.connection = undefined
    p.track = 'none'
    p.physIn = undefined
    p.physOut = undefined
    p.bridgePrerouted = false
    if (p.walk) p.walk.note(ns, p, 'vxlan', 'out of the tunnel', { device: found.name })
  }
  if (frame.source === found.mac) {
    if (p) drop(ns, p, 'vxlan', 'a frame of our own came back')
    return true
  }
  if (vxlan.learning && !isMulticastMac(frame.source)) {
    const known = vxlan.fdb.get(frame.source)?.[0]
    if (!known) vxlan.fdb.set(frame.source, [{ address: outer.source, permanent: false, seen: ns.sim.now }])
    else if (known.permanent && known.address !== outer.source) {
      if (p) drop(ns, p, 'vxlan', 'a fixed fdb entry says that the sender is somewhere else')
      return true
    } else if (!known.permanent) {
      if (known.address === outer.source) known.seen = ns.sim.now
      else vxlan.fdb.set(frame.source, [{ address: outer.source, permanent: false, seen: ns.sim.now }])
    }
  }
  receive(found, frame)
  return true
}

/** Whether a kernel socket listens there (so that no port unreachable is sent). */
export function isVxlanPort(ns: Namespace, port: number): boolean {
  return ns.tunnels.some((d) => d.up && d.vxlan?.port === port)
}

export function ipipXmit(device: Device, frame: Frame): void {
  const p = frame.packet
  if (!p) return
  const ns = device.ns
  const tunnel = device.ipip!
  let remote = tunnel.remote
  if (remote === undefined) {
    // the gateway of the route is the other end
    const inner = routeOutput(ns, p.destination, 0, undefined, p.mark)
    if ('errno' in inner) {
      drop(ns, p, 'ipip', inner.why)
      return
    }
    remote = inner.gateway
  }
  const path = routeOutput(ns, remote, tunnel.local ?? 0, undefined, 0)
  if ('errno' in path || path.device === device) {
    drop(ns, p, 'ipip', 'errno' in path ? `the other end cannot be reached: ${path.why}` : 'the way to the other end leads through the tunnel itself')
    return
  }
  const outer = new Packet()
  outer.source = path.source
  outer.destination = remote
  outer.protocol = IPIP
  outer.length = p.length + 20
  outer.segment = p.segment > 0 ? p.segment + 20 : 0
  outer.df = true
  outer.mark = p.mark
  outer.innerPacket = p
  outer.latency = p.latency
  outer.hops = p.hops
  outer.walk = p.walk
  if (p.walk) p.walk.note(ns, p, 'ipip', 'into the tunnel to another host', { device: device.name, outer: headerOf(outer) })
  p.walk = undefined
  localOut(ns, outer, path)
}

export function ipipReceive(ns: Namespace, outer: Packet): boolean {
  const p = outer.innerPacket
  const found = ns.tunnels.find((d) => d.ipip && d.up && (d.ipip.remote === undefined || d.ipip.remote === outer.source) && (d.ipip.local === undefined || d.ipip.local === outer.destination))
  if (!p || !found) return false
  p.walk = outer.walk
  p.latency = outer.latency
  p.hops = outer.hops
  p.connection = undefined
  p.track = 'none'
  p.local = false
  p.broadcast = false
  found.rxPackets++
  found.rxBytes += p.length
  const frame: Frame = { source: 0, destination: 0, packet: p, arp: undefined }
  if (found.taps || ns.taps) showFrame(found, frame, 'in')
  if (p.walk) p.walk.note(ns, p, 'ipip', 'out of the tunnel', { device: found.name })
  ipReceive(found, p)
  return true
}
