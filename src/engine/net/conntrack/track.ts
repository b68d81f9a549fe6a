/**
 * Connection tracking of a packet (nf_conntrack_in and nf_conntrack_confirm): new, established, related, invalid, and the TCP state table.
 * Sequence windows are not checked; there are no helpers and no expectations.
 */
import type { Namespace } from '../namespace.ts'
import { ACK, FIN, ICMP, isIcmpError, RST, SYN, TCP, UDP, type Packet } from '../packet.ts'
import { invert, type Connection } from './entry.ts'
import { tupleOf } from './store.ts'

const SS = 1
const SR = 2
const ES = 3
const FW = 4
const CW = 5
const LA = 6
const TW = 7
const CL = 8
const S2 = 9
const IV = -1
const IG = -2

/** [direction][kind of segment][old state] → new state; kinds: SYN, SYN-ACK, FIN, ACK, RST. */
const next: readonly (readonly (readonly number[])[])[] = [
  [
    [SS, SS, IG, IG, IG, IG, IG, SS, SS, S2],
    [IV, IV, SR, IV, IV, IV, IV, IV, IV, SR],
    [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
    [ES, IV, ES, ES, CW, CW, TW, TW, CL, IV],
    [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
  ],
  [
    [IV, S2, IV, IV, IV, IV, IV, SS, IV, S2],
    [IV, SR, IG, IG, IG, IG, IG, IG, IG, SR],
    [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
    [IV, IG, SR, ES, CW, CW, TW, TW, CL, IG],
    [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
  ],
]

function kindOf(flags: number): number {
  if ((flags & RST) !== 0) return 4
  if ((flags & SYN) !== 0) return (flags & ACK) !== 0 ? 1 : 0
  if ((flags & FIN) !== 0) return 2
  return (flags & ACK) !== 0 ? 3 : -1
}

/** Gives the packet its entry and state. False: the table is full and the packet is dropped. */
export function trackIn(ns: Namespace, p: Packet): boolean {
  if (p.connection || p.track === 'untracked') return true
  const store = ns.conntrack
  if (isIcmpError(p)) {
    relate(ns, p)
    return true
  }
  const tuple = tupleOf(p)
  const node = store.find(tuple)
  if (!node) return begin(ns, p)
  const c = node.connection
  p.connection = c
  p.isReply = node.isReply
  p.track = node.isReply || c.replied ? 'established' : 'new'
  if (p.protocol === TCP) {
    const verdict = tcpPacket(ns, c, p)
    if (verdict === 'again') {
      store.remove(c)
      p.connection = undefined
      p.track = 'none'
      return begin(ns, p)
    }
    if (verdict === 'invalid') {
      p.connection = undefined
      p.track = 'invalid'
      return true
    }
    if (c.dying) return true
  } else if (p.protocol === UDP) {
    const stream = c.replied && ns.sim.now > c.streamAt
    c.expires = ns.sim.now + store.timeout(stream ? 'udpStream' : 'udp')
    if (stream) c.assured = true
  } else c.expires = ns.sim.now + store.timeout(p.protocol === ICMP ? 'icmp' : 'generic')
  count(c, p)
  if (p.isReply && !c.replied) {
    c.replied = true
    store.updated(c)
  }
  return true
}

function count(c: Connection, p: Packet): void {
  const side = p.isReply ? 1 : 0
  c.packets[side]++
  c.bytes[side] += p.length
}

function begin(ns: Namespace, p: Packet): boolean {
  const store = ns.conntrack
  const tuple = tupleOf(p)
  const reply = invert(tuple)
  const state = p.protocol === TCP ? next[0]![kindOf(p.flags)]?.[0] : 0
  if (!reply || (p.protocol === ICMP && ![8, 13, 15, 17].includes(p.icmpType)) || state === undefined || state < 0) {
    p.track = 'invalid'
    return true
  }
  if (p.protocol === TCP && state === ES && ns.sysctls.number('net.netfilter.nf_conntrack_tcp_loose') === 0) {
    p.track = 'invalid'
    return true
  }
  if (store.full && !store.dropEarly()) return false
  const c = store.create(tuple, reply)
  c.tcpState = state
  c.lastFlags = p.flags
  c.expires = ns.sim.now + store.timeout(p.protocol === TCP ? `tcp${state}` : p.protocol === UDP ? 'udp' : p.protocol === ICMP ? 'icmp' : 'generic')
  p.connection = c
  p.isReply = false
  p.track = 'new'
  count(c, p)
  return true
}

function tcpPacket(ns: Namespace, c: Connection, p: Packet): 'ok' | 'invalid' | 'again' {
  const kind = kindOf(p.flags)
  if (kind < 0) return 'invalid'
  const direction = p.isReply ? 1 : 0
  const old = c.tcpState
  let state = next[direction]![kind]![old]!
  if (state === SS && old >= TW) {
    // a new connection with the numbers of an old one
    if (old === TW || c.closing === 2 - direction || (c.lastReply === p.isReply && (c.lastFlags & RST) !== 0) || old === CL) return 'again'
  }
  if (state === IV) {
    // a reset that answers a SYN in a state that knows none is still a reset
    return 'invalid'
  }
  if (state === IG) {
    c.lastFlags = p.flags
    c.lastReply = p.isReply
    return 'ok'
  }
  if ((p.flags & FIN) !== 0 && c.closing === 0) c.closing = direction + 1
  c.lastFlags = p.flags
  c.lastReply = p.isReply
  c.tcpState = state
  const store = ns.conntrack
  if (!c.replied && (p.flags & RST) !== 0) {
    // refused: not worth an entry
    store.remove(c)
    return 'ok'
  }
  if (c.replied && !c.assured && (old === SR || old === ES) && state === ES) {
    c.assured = true
    store.updated(c)
  } else if (old !== state) store.updated(c)
  state = c.tcpState
  c.expires = ns.sim.now + (c.replied || state !== ES ? store.timeout(`tcp${state}`) : store.timeout('unacknowledged'))
  return 'ok'
}

/** An ICMP error belongs to the connection of the packet that it quotes. */
function relate(ns: Namespace, p: Packet): void {
  const quoted = p.quoted
  const tuple = quoted && invert(tupleOf(quoted))
  const node = tuple && ns.conntrack.find(tuple)
  if (!node) {
    p.track = 'invalid'
    return
  }
  p.connection = node.connection
  p.isReply = node.isReply
  p.track = 'related'
}

/** The packet has made it through: its entry becomes real. False where another one has taken its place. */
export function confirm(ns: Namespace, p: Packet): boolean {
  const c = p.connection
  if (!c || c.confirmed || c.dying || p.isReply || p.track === 'related') return true
  return ns.conntrack.insert(c)
}
