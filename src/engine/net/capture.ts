/** What tcpdump gets: copies of the frames on a device, as they are at that moment. */
import { formatIpv4 } from '#base/ip.ts'
import type { Device, Tap } from './device.ts'
import { formatMac } from './mac.ts'
import type { Namespace } from './namespace.ts'
import { headerOf, TCP, type Frame } from './packet.ts'
import type { CapturedPacket, Header } from './types.ts'

function captured(frame: Frame, direction: 'in' | 'out', device: Device): CapturedPacket {
  const p = frame.packet
  const time = device.ns.sim.now + (p?.latency ?? 0)
  const link = { source: formatMac(frame.source), destination: formatMac(frame.destination), type: p ? ('ip' as const) : ('arp' as const) }
  if (!p) {
    const a = frame.arp!
    const header: Header = { protocol: 0, source: formatIpv4(a.senderIp), destination: formatIpv4(a.targetIp), ttl: 0, mark: 0, length: 28 }
    const arp = { op: a.reply ? ('reply' as const) : ('request' as const), senderMac: formatMac(a.senderMac), senderIp: formatIpv4(a.senderIp), targetMac: formatMac(a.targetMac), targetIp: formatIpv4(a.targetIp) }
    return { time, device: device.name, direction, header, payload: '', link, arp }
  }
  const inside = p.inner ?? (p.innerPacket ? { source: 0, destination: 0, packet: p.innerPacket, arp: undefined } : undefined)
  return {
    time,
    device: device.name,
    direction,
    header: headerOf(p),
    payload: p.payload,
    link,
    ip: { id: p.id, tos: p.tos, dontFragment: p.df },
    ...(p.protocol === TCP ? { tcp: { seq: p.seq, ack: p.ack, window: p.window } } : {}),
    ...(p.quoted ? { quoted: headerOf(p.quoted) } : {}),
    ...(p.icmpInfo === 0 ? {} : { icmpInfo: p.icmpInfo }),
    ...(inside ? { inner: captured(inside, direction, device), vni: p.vni } : {}),
  }
}

export function capturePackets(ns: Namespace, name: string, listener: (packet: CapturedPacket) => void): () => void {
  const tap: Tap = (frame, direction, device) => listener(captured(frame, direction, device))
  if (name === 'any') {
    ns.taps = [...(ns.taps ?? []), tap]
    return () => {
      const rest = (ns.taps ?? []).filter((t) => t !== tap)
      ns.taps = rest.length > 0 ? rest : undefined
    }
  }
  const device = ns.device(name)
  device.taps = [...(device.taps ?? []), tap]
  return () => {
    const rest = (device.taps ?? []).filter((t) => t !== tap)
    device.taps = rest.length > 0 ? rest : undefined
  }
}
