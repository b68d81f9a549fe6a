/**
 * The Ethernet bridge: learning, forwarding, flooding, hairpin, and br_netfilter, which shows bridged IPv4 packets to iptables
 * (PREROUTING, FORWARD and POSTROUTING, with destination NAT between ports). Spanning tree and VLANs are left out.
 */
import { resolve } from './arp.ts'
import type { BridgeEntry, Device } from './device.ts'
import { showFrame, transmit } from './link.ts'
import { broadcastMac, isMulticastMac, type Mac } from './mac.ts'
import { FORWARD, POSTROUTING, PREROUTING, runHook } from './netfilter/hooks.ts'
import { deliverUp } from './receive.ts'
import { copyFrame, wireSize, type Frame, type Packet } from './packet.ts'
import { routeInput } from './route.ts'
import { drop } from './trace.ts'

const AGEING = 300_000

/** The entry for an address if it has not aged. */
export function bridgeLookup(bridge: Device, mac: Mac): BridgeEntry | undefined {
  const entry = bridge.fdb.get(mac)
  if (entry && !entry.permanent && !entry.isStatic && bridge.ns.sim.now - entry.seen >= AGEING) {
    bridge.fdb.delete(mac)
    return undefined
  }
  return entry
}

function learn(bridge: Device, port: Device, mac: Mac): void {
  if (isMulticastMac(mac) || mac === 0) return
  const entry = bridge.fdb.get(mac)
  if (entry) {
    if (entry.permanent || entry.isStatic) return
    if (entry.port === port) {
      entry.seen = bridge.ns.sim.now
      return
    }
  }
  if (isOwn(bridge, mac)) return
  bridge.fdb.set(mac, { port, permanent: false, isStatic: false, seen: bridge.ns.sim.now })
}

/** Addresses of the bridge itself and of its ports: such frames are for this host. */
function isOwn(bridge: Device, mac: Mac): boolean {
  if (mac === bridge.mac) return true
  for (const port of bridge.ports) if (port.mac === mac) return true
  return false
}

/** br_handle_frame: a frame came in on a port. */
export function bridgeReceive(port: Device, frame: Frame): void {
  const bridge = port.master!
  const p = frame.packet
  if (!bridge.up || !port.carrier) {
    if (p) drop(bridge.ns, p, 'bridge', bridge.up ? `${port.name} is not forwarding` : `${bridge.name} is down`)
    return
  }
  if (isMulticastMac(frame.source)) return
  const ns = bridge.ns
  if (p) {
    p.physIn = port
    if (ns.sysctls.bridgeCallIptables && ns.netfilter.active) {
      const destination = p.destination
      p.input = bridge
      if (runHook(ns, PREROUTING, p, bridge, undefined) !== '') return
      p.bridgePrerouted = true
      if (p.destination !== destination && !afterDnat(bridge, port, frame, p)) return
    }
  }
  finish(bridge, port, frame)
}

/**
 * The destination was changed: a packet that would leave by the bridge again stays bridged (with the new neighbour's address),
 * any other goes up to be routed. False when the frame has been dealt with.
 */
function afterDnat(bridge: Device, port: Device, frame: Frame, p: Packet): boolean {
  const ns = bridge.ns
  const path = routeInput(ns, bridge, p.source, p.destination, p.mark)
  // without a route (or with forwarding off) it goes up all the same and is refused there
  if (!('errno' in path) && path.type === 'unicast' && path.device === bridge) {
    if (p.walk) p.walk.note(ns, p, 'bridge', 'changed by DNAT, stays on the bridge', { device: bridge.name })
    resolve(bridge, path.gateway, p, (mac) => {
      frame.destination = mac
      finish(bridge, port, frame)
    })
    return false
  }
  frame.destination = bridge.mac
  return true
}

function finish(bridge: Device, port: Device, frame: Frame): void {
  learn(bridge, port, frame.source)
  if (frame.destination === broadcastMac || isMulticastMac(frame.destination)) {
    flood(bridge, port, frame, true)
    return
  }
  if (frame.destination === bridge.mac) {
    passUp(bridge, frame)
    return
  }
  const entry = bridgeLookup(bridge, frame.destination)
  if (!entry && isOwn(bridge, frame.destination)) {
    passUp(bridge, frame)
    return
  }
  if (entry) {
    if (entry.permanent && entry.port === bridge) passUp(bridge, frame)
    else if (canForward(port, entry.port)) forward(bridge, entry.port, frame)
    else if (frame.packet) drop(bridge.ns, frame.packet, 'bridge', entry.port === port ? `the address is behind ${port.name} itself and hairpin is off` : `${entry.port.name} is not forwarding`)
    return
  }
  flood(bridge, port, frame, false)
}

function canForward(from: Device | undefined, to: Device): boolean {
  return to.carrier && (to !== from || to.hairpin)
}

function passUp(bridge: Device, frame: Frame): void {
  bridge.rxPackets++
  bridge.rxBytes += frame.packet ? frame.packet.length : 28
  const ns = bridge.ns
  if (bridge.taps || ns.taps) showFrame(bridge, frame, 'in')
  deliverUp(bridge, frame)
}

function flood(bridge: Device, port: Device | undefined, frame: Frame, up: boolean): void {
  // the kernel's list has the newest port first
  const targets = bridge.ports.filter((p) => canForward(port, p)).reverse()
  const copies = targets.length + (up ? 1 : 0)
  const p = frame.packet
  if (copies === 0) {
    if (p) drop(bridge.ns, p, 'bridge:flood', `no other port of ${bridge.name} is up`)
    return
  }
  if (p?.walk) {
    if (copies > 1 || targets.length > 0) p.walk.note(bridge.ns, p, 'bridge', `address unknown or for all: flooded to ${targets.map((t) => t.name).join(', ')}`, { device: bridge.name })
    for (let i = 1; i < copies; i++) p.walk.fork()
  }
  let left = copies
  for (const target of targets) forward(bridge, target, --left > 0 ? copyFrame(frame) : frame)
  if (up) passUp(bridge, frame)
}

/** br_forward for a frame that came in on another port: netfilter sees it as forwarded. */
function forward(bridge: Device, port: Device, frame: Frame): void {
  const p = frame.packet
  const ns = bridge.ns
  if (p) {
    if (p.physIn && p.bridgePrerouted) {
      p.physOut = port
      p.input = bridge
      if (runHook(ns, FORWARD, p, bridge, bridge) !== '') return
      if (runHook(ns, POSTROUTING, p, undefined, bridge) !== '') return
    }
    if (wireSize(p) > port.mtu) {
      drop(ns, p, 'bridge', `larger than the mtu of ${port.name} (${port.mtu})`)
      return
    }
    if (p.walk) p.walk.note(ns, p, 'bridge', `to port ${port.name}`, { device: bridge.name })
  }
  transmit(port, frame)
}

/** br_dev_xmit: this host sends by the bridge. */
export function bridgeTransmit(bridge: Device, frame: Frame): void {
  const p = frame.packet
  if (frame.destination === broadcastMac || isMulticastMac(frame.destination)) {
    sendOut(bridge, bridge.ports.filter((t) => t.carrier).reverse(), frame)
    return
  }
  const entry = bridgeLookup(bridge, frame.destination)
  if (entry && entry.port !== bridge) {
    if (entry.port.carrier) sendOut(bridge, [entry.port], frame)
    else if (p) drop(bridge.ns, p, 'bridge', `${entry.port.name} is not forwarding`)
    return
  }
  sendOut(bridge, bridge.ports.filter((t) => t.carrier).reverse(), frame)
}

function sendOut(bridge: Device, targets: readonly Device[], frame: Frame): void {
  const p = frame.packet
  if (targets.length === 0) {
    if (p) drop(bridge.ns, p, 'bridge', `no port of ${bridge.name} is up`)
    return
  }
  if (p?.walk) {
    p.walk.note(bridge.ns, p, 'bridge', targets.length === 1 ? `to port ${targets[0]!.name}` : `address unknown or for all: flooded to ${targets.map((t) => t.name).join(', ')}`, { device: bridge.name })
    for (let i = 1; i < targets.length; i++) p.walk.fork()
  }
  targets.forEach((target, i) => {
    const copy = i < targets.length - 1 ? copyFrame(frame) : frame
    if (copy.packet && wireSize(copy.packet) > target.mtu) {
      drop(bridge.ns, copy.packet, 'bridge', `larger than the mtu of ${target.name} (${target.mtu})`)
      return
    }
    transmit(target, copy)
  })
}
