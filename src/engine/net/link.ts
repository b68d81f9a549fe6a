/**
 * Frames on devices: what dev_queue_xmit and netif_receive_skb do for loopback, veth, bridge, VXLAN, IP-in-IP and dummy devices.
 * No queues: a frame is at the other side at once, only its latency adds up.
 */
import { bridgeReceive, bridgeTransmit } from './bridge.ts'
import type { Device } from './device.ts'
import { arpReceive } from './arp.ts'
import { ipReceive } from './ip.ts'
import { broadcastMac, isMulticastMac } from './mac.ts'
import { wireSize, type Frame } from './packet.ts'
import { drop, expire } from './trace.ts'
import { ipipTransmit, vxlanTransmit } from './tunnel.ts'

/** Frames within frames (a packet, its answer, what follows): more is a loop of bridges. */
const DEPTH_LIMIT = 400

function frameLength(frame: Frame): number {
  return frame.packet ? frame.packet.length + 14 : 42
}

/** dev_queue_xmit. */
export function transmit(device: Device, frame: Frame): void {
  const network = device.ns.network
  if (network.depth++ === 0) network.steps = 0
  send(device, frame)
  network.depth--
}

function send(device: Device, frame: Frame): void {
  const p = frame.packet
  const ns = device.ns
  if (!device.up) {
    if (p) drop(ns, p, 'device', `${device.name} is down`)
    return
  }
  if (p) p.hops++
  if (++ns.network.steps > ns.network.stepLimit || ns.network.depth > DEPTH_LIMIT) {
    if (p) expire(ns, p, 'looped', 'device', 'the frame goes round and round between bridges')
    return
  }
  const length = frameLength(frame)
  device.txPackets++
  device.txBytes += length
  if (device.taps) for (const tap of device.taps) tap(frame, 'out', device)
  if (ns.taps) for (const tap of ns.taps) tap(frame, 'out', device)
  if (p) p.latency += device.delay
  switch (device.kind) {
    case 'loopback':
      receive(device, frame)
      return
    case 'physical':
    case 'veth': {
      const peer = device.peer
      if (!peer || !peer.up) {
        device.txDropped++
        if (p) drop(ns, p, 'device', `the other end of ${device.name} is down`)
        return
      }
      if (p) {
        // skb_scrub_packet
        p.connection = undefined
        p.track = 'none'
        p.physIn = undefined
        p.physOut = undefined
        p.bridgePrerouted = false
        if (peer.ns !== ns) p.mark = 0
        if (p.walk) p.walk.note(ns, p, 'device', peer.ns === ns ? `to ${peer.name}` : `to ${peer.name} in ${peer.ns.name}`, { device: device.name })
      }
      receive(peer, frame)
      return
    }
    case 'bridge':
      bridgeTransmit(device, frame)
      return
    case 'vxlan':
      vxlanTransmit(device, frame)
      return
    case 'ipip':
      if (p) ipipTransmit(device, p)
      return
    default:
      if (p) drop(ns, p, 'device', `${device.name} leads nowhere`)
  }
}

/** netif_receive_skb. */
export function receive(device: Device, frame: Frame): void {
  device.rxPackets++
  device.rxBytes += frameLength(frame)
  if (device.taps) for (const tap of device.taps) tap(frame, 'in', device)
  if (device.ns.taps) for (const tap of device.ns.taps) tap(frame, 'in', device)
  if (device.master) {
    bridgeReceive(device, frame)
    return
  }
  deliverUp(device, frame)
}

/** To the protocols: the frame is for this host, or for everybody. */
export function deliverUp(device: Device, frame: Frame): void {
  const p = frame.packet
  const toAll = frame.destination === broadcastMac || isMulticastMac(frame.destination)
  if (frame.arp) {
    if (toAll || frame.destination === device.mac) arpReceive(device, frame)
    return
  }
  if (!p) return
  if (!toAll && frame.destination !== device.mac && !device.loopback && device.kind !== 'ipip') {
    device.rxDropped++
    drop(device.ns, p, 'device:other-host', `the frame is for another address than ${device.name}'s`)
    return
  }
  p.broadcast = toAll
  p.linkSource = frame.source
  p.local = device.loopback
  ipReceive(device, p)
}

/** Whether a packet fits through a device as it is. */
export function fits(device: Device, frame: Frame): boolean {
  return !frame.packet || wireSize(frame.packet) <= device.mtu
}
