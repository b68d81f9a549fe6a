/** A connection entry: the two directions as tuples, their state and what NAT has decided. Models struct nf_conn. */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import { ICMP, protocolName, SCTP, TCP, UDP } from '../packet.ts'
import type { ConntrackInfo, ConntrackTuple } from '../types.ts'

export const TCP_STATES = ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT2'] as const

/** One direction. For ICMP `sourcePort` is the echo id and `destinationPort` is type × 256 + code. */
export interface Tuple {
  source: Ipv4
  destination: Ipv4
  sourcePort: number
  destinationPort: number
  protocol: number
}

export interface TupleNode extends Tuple {
  readonly connection: Connection
  readonly isReply: boolean
  next: TupleNode | undefined
}

export class Connection {
  readonly id: number
  readonly protocol: number
  readonly original: TupleNode
  reply: TupleNode
  /** Index into TCP_STATES. */
  tcpState = 0
  /** The direction that began to close (TCP). */
  closing = 0
  lastFlags = 0
  lastReply = false
  expires = 0
  /** UDP is a stream when it still talks after two seconds. */
  readonly streamAt: number
  replied = false
  assured = false
  confirmed = false
  dying = false
  mark = 0
  sourceNat = false
  destinationNat = false
  sourceDone = false
  destinationDone = false
  /** Device that MASQUERADE chose an address of. */
  masqueradeIndex = 0
  packets: [number, number] = [0, 0]
  bytes: [number, number] = [0, 0]

  constructor(id: number, original: Tuple, reply: Tuple, now: number) {
    this.id = id
    this.protocol = original.protocol
    this.original = { ...original, connection: this, isReply: false, next: undefined }
    this.reply = { ...reply, connection: this, isReply: true, next: undefined }
    this.streamAt = now + 2000
  }
}

const icmpOpposite: Readonly<Record<number, number>> = { 0: 8, 8: 0, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17 }

/** The tuple of the answers; undefined where there are none (ICMP that is no query). */
export function invert(t: Tuple): Tuple | undefined {
  if (t.protocol === ICMP) {
    const type = icmpOpposite[t.destinationPort >> 8]
    if (type === undefined) return undefined
    return { source: t.destination, destination: t.source, sourcePort: t.sourcePort, destinationPort: (type << 8) | (t.destinationPort & 255), protocol: ICMP }
  }
  return { source: t.destination, destination: t.source, sourcePort: t.destinationPort, destinationPort: t.sourcePort, protocol: t.protocol }
}

export function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP
}

function tupleInfo(t: Tuple): ConntrackTuple {
  return {
    source: formatIpv4(t.source),
    destination: formatIpv4(t.destination),
    ...(hasPorts(t.protocol) ? { sourcePort: t.sourcePort, destinationPort: t.destinationPort } : {}),
    ...(t.protocol === ICMP ? { icmp: { type: t.destinationPort >> 8, code: t.destinationPort & 255, id: t.sourcePort } } : {}),
  }
}

export function connectionInfo(c: Connection, now: number): ConntrackInfo {
  return {
    protocol: protocolName(c.protocol),
    protocolNumber: c.protocol,
    timeout: Math.max(0, Math.floor((c.expires - now) / 1000)),
    state: c.protocol === TCP ? TCP_STATES[c.tcpState] : undefined,
    original: tupleInfo(c.original),
    reply: tupleInfo(c.reply),
    replied: c.replied,
    assured: c.assured,
    mark: c.mark,
    sourceNat: c.sourceNat,
    destinationNat: c.destinationNat,
    packets: [c.packets[0], c.packets[1]],
    bytes: [c.bytes[0], c.bytes[1]],
    id: c.id,
  }
}
