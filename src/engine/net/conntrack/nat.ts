/**
 * Network address translation as nf_nat does it: a connection's first packet decides (or is bound as it is), the reply tuple remembers,
 * every packet of both directions is rewritten from the tuples, ICMP errors inside and outside.
 */
import type { Ipv4 } from '#base/ip.ts'
import type { Namespace } from '../namespace.ts'
import { ICMP, type Packet } from '../packet.ts'
import { hasPorts, invert, type Connection, type Tuple } from './entry.ts'

export type Manip = 'source' | 'destination'

export interface NatRange {
  readonly minIp?: Ipv4
  readonly maxIp?: Ipv4
  readonly minPort?: number
  readonly maxPort?: number
  /** For port shifts (`--to-destination a:p1-p2/base`). */
  readonly basePort?: number
  readonly random?: boolean
  readonly fully?: boolean
  readonly persistent?: boolean
}

export function isBound(c: Connection, manip: Manip): boolean {
  return manip === 'source' ? c.sourceDone : c.destinationDone
}

function used(ns: Namespace, t: Tuple, self: Connection): boolean {
  const reply = invert(t)
  if (!reply) return false
  const node = ns.conntrack.find(reply)
  return node !== undefined && node.connection !== self
}

function spread(t: Tuple, persistent: boolean): number {
  let h = Math.imul(t.source, 0x9e3779b1) ^ (persistent ? 0 : Math.imul(t.destination, 0x85ebca6b))
  h ^= h >>> 16
  h = Math.imul(h, 0x7feb352d)
  return (h ^ (h >>> 15)) >>> 0
}

function portOf(t: Tuple, manip: Manip): number {
  return manip === 'source' || t.protocol === ICMP ? t.sourcePort : t.destinationPort
}

function setPort(t: Tuple, manip: Manip, port: number): void {
  if (manip === 'source' || t.protocol === ICMP) t.sourcePort = port
  else t.destinationPort = port
}

/** get_unique_tuple. */
function choose(ns: Namespace, c: Connection, from: Tuple, range: NatRange, manip: Manip): Tuple {
  const ports = range.minPort !== undefined
  const inRange = (port: number) => !ports || (port >= range.minPort! && port <= range.maxPort!)
  const translatable = hasPorts(from.protocol) || from.protocol === ICMP
  if (manip === 'source' && !range.fully && !range.random) {
    const fits = range.minIp === undefined || (from.source >= range.minIp && from.source <= range.maxIp!)
    if (fits && inRange(from.sourcePort) && !used(ns, from, c)) return from
  }
  const t: Tuple = { source: from.source, destination: from.destination, sourcePort: from.sourcePort, destinationPort: from.destinationPort, protocol: from.protocol }
  if (range.minIp !== undefined) {
    const ip = range.minIp === range.maxIp ? range.minIp : range.minIp + (spread(from, range.persistent ?? false) % (range.maxIp! - range.minIp + 1))
    if (manip === 'source') t.source = ip
    else t.destination = ip
  }
  if (!translatable) return t
  if (!range.fully && !range.random) {
    if (ports) {
      if (range.basePort === undefined && inRange(portOf(t, manip)) && (range.minPort === range.maxPort || !used(ns, t, c))) return t
    } else if (!used(ns, t, c)) return t
  }
  let min: number
  let size: number
  if (ports) {
    min = range.minPort!
    size = range.maxPort! - min + 1
  } else if (from.protocol === ICMP) {
    min = 0
    size = 65536
  } else {
    if (manip === 'destination') return t
    const port = portOf(t, manip)
    if (port < 512) {
      min = 1
      size = 511
    } else if (port < 1024) {
      min = 600
      size = 424
    } else {
      min = 1024
      size = 64512
    }
  }
  const start = range.basePort !== undefined ? portOf(from, manip) - range.basePort : size === 1 || ns.network.looking ? 0 : ns.random.below(size)
  for (let i = 0; i < Math.min(size, 128); i++) {
    setPort(t, manip, min + ((((start + i) % size) + size) % size))
    if (!used(ns, t, c)) return t
  }
  return t
}

/** nf_nat_setup_info: decides for a new connection. */
export function bind(ns: Namespace, c: Connection, range: NatRange, manip: Manip): void {
  if (c.confirmed || isBound(c, manip)) return
  const current = invert(c.reply)!
  const chosen = choose(ns, c, current, range, manip)
  if (chosen.source !== current.source || chosen.destination !== current.destination || chosen.sourcePort !== current.sourcePort || chosen.destinationPort !== current.destinationPort) {
    const reply = invert(chosen)!
    c.reply = { ...reply, connection: c, isReply: true, next: undefined }
    if (manip === 'source') c.sourceNat = true
    else c.destinationNat = true
  }
  if (manip === 'source') c.sourceDone = true
  else c.destinationDone = true
}

/** A new connection that no rule has translated keeps its addresses; only a taken port is changed. */
export function bindNull(ns: Namespace, c: Connection, manip: Manip): void {
  const current = invert(c.reply)!
  const ip = manip === 'source' ? current.source : current.destination
  bind(ns, c, { minIp: ip, maxIp: ip }, manip)
}

/** nf_nat_packet: rewrites a packet as its connection says. True when something changed. */
export function translate(p: Packet, manip: Manip): boolean {
  const c = p.connection!
  const wanted = (manip === 'source') !== p.isReply ? c.sourceNat : c.destinationNat
  if (!wanted) return false
  const other = p.isReply ? c.original : c.reply
  if (p.track === 'related' && p.protocol === ICMP && p.quoted) {
    translateQuoted(p, p.quoted, other, manip)
    return true
  }
  if (manip === 'source') {
    p.source = other.destination
    if (p.protocol === ICMP) p.icmpId = other.sourcePort
    else if (hasPorts(p.protocol)) p.sourcePort = other.destinationPort
  } else {
    p.destination = other.source
    if (p.protocol === ICMP) p.icmpId = other.sourcePort
    else if (hasPorts(p.protocol)) p.destinationPort = other.sourcePort
  }
  return true
}

/** The quoted packet went the other way, so its other end is rewritten. */
function translateQuoted(p: Packet, quoted: Packet, other: Tuple, manip: Manip): void {
  if (manip === 'source') {
    quoted.destination = other.destination
    if (quoted.protocol === ICMP) quoted.icmpId = other.sourcePort
    else if (hasPorts(quoted.protocol)) quoted.destinationPort = other.destinationPort
    p.source = other.destination
  } else {
    quoted.source = other.source
    if (quoted.protocol === ICMP) quoted.icmpId = other.sourcePort
    else if (hasPorts(quoted.protocol)) quoted.sourcePort = other.sourcePort
    p.destination = other.source
  }
}
