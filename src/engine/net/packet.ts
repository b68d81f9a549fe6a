/**
 * The packet that walks: an IPv4 datagram with what the kernel keeps beside it (sk_buff: mark, devices, connection entry). One object
 * per packet, changed on its way as the kernel changes it; copies are made where the kernel copies (flooding). No real bytes: payloads are
 * text, lengths are counted. Large TCP sends travel as one packet with `segment` set, as with segmentation offload.
 */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import type { Device } from './device.ts'
import type { Connection } from './conntrack/entry.ts'
import type { Mac } from './mac.ts'
import type { Header, Protocol } from './types.ts'
import type { WalkRecord } from './trace.ts'

export const ICMP = 1
export const IPIP = 4
export const TCP = 6
export const UDP = 17
export const SCTP = 132

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16
export const URG = 32

/** How a packet relates to its connection entry (nf_conntrack's ctinfo). `untracked` is NOTRACK; `none`: not looked up or invalid. */
export type TrackState = 'none' | 'new' | 'established' | 'related' | 'untracked' | 'invalid'

export class Packet {
  source: Ipv4 = 0
  destination: Ipv4 = 0
  protocol = 0
  ttl = 64
  tos = 0
  /** Don't fragment. */
  df = false
  /** Identification field, for tcpdump. */
  id = 0
  /** IP total length. */
  length = 20
  /** Length of each segment where this stands for several (GSO); 0 otherwise. */
  segment = 0
  sourcePort = 0
  destinationPort = 0
  payload = ''
  flags = 0
  seq = 0
  ack = 0
  window = 0
  /** MSS option of a SYN. */
  mss = 0
  icmpType = 0
  icmpCode = 0
  icmpId = 0
  icmpSeq = 0
  /** Next-hop MTU or gateway of an ICMP error. */
  icmpInfo = 0
  /** The datagram that an ICMP error is about. */
  quoted: Packet | undefined = undefined
  /** What a tunnel packet carries. */
  inner: Frame | undefined = undefined
  innerPacket: Packet | undefined = undefined
  vni = 0

  mark = 0
  /** Input device as routing and netfilter see it (a bridge for packets from its ports). */
  input: Device | undefined = undefined
  /** Bridge ports, for physdev. */
  physIn: Device | undefined = undefined
  physOut: Device | undefined = undefined
  connection: Connection | undefined = undefined
  isReply = false
  track: TrackState = 'none'
  /** Made by this namespace (has not crossed a device yet). */
  local = false
  broadcast = false
  /** Ethernet source, where it came in by a frame. */
  linkSource: Mac | undefined = undefined
  /** PREROUTING has been run by the bridge already. */
  bridgePrerouted = false
  /** Input route decided before delivery: used for spec_dst and ICMP sources. */
  localRoute = false

  /** Virtual ms under way since the walk began. */
  latency = 0
  hops = 0
  /** Routers passed. */
  forwards = 0
  walk: WalkRecord | undefined = undefined
}

/** An Ethernet frame: an IPv4 packet or an ARP message. */
export interface Frame {
  source: Mac
  destination: Mac
  packet: Packet | undefined
  arp: Arp | undefined
}

export interface Arp {
  readonly reply: boolean
  readonly senderMac: Mac
  readonly senderIp: Ipv4
  readonly targetMac: Mac
  readonly targetIp: Ipv4
}

/** A copy with the same fields; connection entry included. */
export function copyPacket(p: Packet): Packet {
  return Object.assign(new Packet(), p)
}

export function copyFrame(f: Frame): Frame {
  return { source: f.source, destination: f.destination, packet: f.packet ? copyPacket(f.packet) : undefined, arp: f.arp }
}

const protocolNames: Readonly<Record<number, Protocol>> = { [ICMP]: 'icmp', [TCP]: 'tcp', [UDP]: 'udp', [SCTP]: 'sctp' }

export function protocolName(protocol: number): Protocol | number {
  return protocolNames[protocol] ?? protocol
}

/** tcpdump's letters: `S`, `S.`, `.`, `P.`, `F.`, `R`. */
export function flagLetters(flags: number): string {
  return (flags & FIN ? 'F' : '') + (flags & SYN ? 'S' : '') + (flags & RST ? 'R' : '') + (flags & PSH ? 'P' : '') + (flags & ACK ? '.' : '') + (flags & URG ? 'U' : '')
}

export function headerOf(p: Packet, outer?: Header): Header {
  const ports = p.protocol === TCP || p.protocol === UDP || p.protocol === SCTP
  return {
    protocol: protocolName(p.protocol),
    source: formatIpv4(p.source),
    destination: formatIpv4(p.destination),
    ...(ports ? { sourcePort: p.sourcePort, destinationPort: p.destinationPort } : {}),
    ...(p.protocol === ICMP ? { icmp: { type: p.icmpType, code: p.icmpCode, ...(isEcho(p) ? { id: p.icmpId, sequence: p.icmpSeq } : {}) } } : {}),
    ttl: p.ttl,
    mark: p.mark,
    ...(p.protocol === TCP ? { tcpFlags: flagLetters(p.flags) } : {}),
    length: p.length,
    ...(outer ? { outer } : {}),
  }
}

export function isEcho(p: Packet): boolean {
  return p.icmpType === 8 || p.icmpType === 0
}

/** Unreachable, quench, redirect, time exceeded, parameter problem. */
export function isIcmpError(p: Packet): boolean {
  return p.protocol === ICMP && (p.icmpType === 3 || p.icmpType === 4 || p.icmpType === 5 || p.icmpType === 11 || p.icmpType === 12)
}

/** Size that an MTU is compared with. */
export function wireSize(p: Packet): number {
  return p.segment > 0 ? p.segment : p.length
}
