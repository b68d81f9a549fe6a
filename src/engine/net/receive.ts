/**
 * Frames coming in by devices (netif_receive_skb): to the bridge that a port belongs to (`Device.rxHandler`), else to ARP or IPv4 if they are
 * for this host.
 */
import { arpReceive } from './arp.ts'
import type { Device } from './device.ts'
import { ipReceive } from './ip.ts'
import { frameLength, showFrame } from './link.ts'
import { broadcastMac, isMulticastMac } from './mac.ts'
import type { Frame } from './packet.ts'
import { drop } from './trace.ts'

/** netif_receive_skb. */
export function receive(device: Device, frame: Frame): void {
  const { looking } = device.ns.network
  if (looking) looking.passed.add(device.ns)
  else {
    device.rxPackets++
    device.rxBytes += frameLength(frame)
  }
  if (device.taps || device.ns.taps) showFrame(device, frame, 'in')
  if (device.rxHandler) device.rxHandler(device, frame)
  else deliverUp(device, frame)
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
  if (!toAll && frame.destination !== device.mac && device.kind !== 'ipip') {
    device.rxDropped++
    drop(device.ns, p, 'device:other-host', `the frame is for another address than ${device.name}'s`)
    return
  }
  p.broadcast = toAll
  p.linkSource = frame.source
  p.local = device.loopback
  ipReceive(device, p)
}
