/**
 * Frames leaving by devices (dev_queue_xmit): what is counted, seen and limited for all kinds, and how loopback, veth, cards and dummies
 * carry a frame on. Bridges and tunnels bring their own way (`Device.xmit`). No queues: a frame is at the other side at once, only its
 * latency adds up.
 */
import type { Device } from './device.ts'
import type { Frame } from './packet.ts'
import { drop, expire } from './trace.ts'

/** Frames within frames (a packet, its answer, what follows): more is a loop of bridges. */
const DEPTH_LIMIT = 400

export function frameLength(frame: Frame): number {
  return frame.packet ? frame.packet.length + 14 : 42
}

/** To those who capture. A neighbour probe that is made up for later is not shown: it happened before. */
export function showFrame(device: Device, frame: Frame, direction: 'in' | 'out'): void {
  if (device.ns.network.silent) return
  if (device.taps) for (const tap of device.taps) tap(frame, direction, device)
  if (device.ns.taps) for (const tap of device.ns.taps) tap(frame, direction, device)
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
  if (!ns.network.looking) {
    device.txPackets++
    device.txBytes += frameLength(frame)
  }
  if (device.taps || ns.taps) showFrame(device, frame, 'out')
  if (p) p.latency += device.delay
  device.xmit(device, frame)
}

/** What a device sends to itself comes in again. */
export function loopbackXmit(device: Device, frame: Frame): void {
  device.ns.receive(device, frame)
}

/** To the other end of a veth pair or cable (skb_scrub_packet on the way). */
export function pairXmit(device: Device, frame: Frame): void {
  const p = frame.packet
  const ns = device.ns
  const peer = device.peer
  const looking = ns.network.looking
  if (peer && looking) looking.passed.add(peer.ns)
  if (!peer || !peer.up) {
    if (!looking) device.txDropped++
    if (p) drop(ns, p, 'device', `the other end of ${device.name} is down`)
    return
  }
  if (p) {
    p.connection = undefined
    p.track = 'none'
    p.physIn = undefined
    p.physOut = undefined
    p.bridgePrerouted = false
    if (peer.ns !== ns) p.mark = 0
    if (p.walk) p.walk.note(ns, p, 'device', peer.ns === ns ? `to ${peer.name}` : `to ${peer.name} in ${peer.ns.name}`, { device: device.name })
  }
  peer.ns.receive(peer, frame)
}

/** A dummy swallows everything. */
export function nowhereXmit(device: Device, frame: Frame): void {
  if (frame.packet) drop(device.ns, frame.packet, 'device', `${device.name} leads nowhere`)
}
