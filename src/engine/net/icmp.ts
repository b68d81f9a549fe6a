/**
 * ICMP: errors that the kernel sends about a packet (icmp_send), and what arrives: echo requests are answered, errors go to the sockets
 * that sent what they quote, redirects change the way. Rate limits are left out.
 */
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { copyPacket, ICMP, isIcmpError, Packet, TCP, UDP } from './packet.ts'
import { routeOutput } from './route.ts'
import { drop } from './trace.ts'
import { deliverIcmpError, deliverEchoReply } from './transport.ts'

/** Tells the sender of `about` what happened to it. `info`: MTU or gateway. */
export function icmpSend(ns: Namespace, about: Packet, type: number, code: number, info: number): void {
  if (about.broadcast || about.destination >>> 28 === 0xe || about.destination === 0xffffffff || about.source === 0 || isIcmpError(about)) return
  // a packet for this host itself is answered from the address it asked
  const own = ns.fib.addressType(about.destination) === 'local' ? about.destination : 0
  const path = routeOutput(ns, about.source, own, undefined, 0)
  if ('errno' in path) return
  const p = new Packet()
  p.source = path.source
  p.destination = about.source
  p.protocol = ICMP
  p.icmpType = type
  p.icmpCode = code
  p.icmpInfo = info
  p.tos = 0xc0
  p.length = 28 + Math.min(about.segment > 0 ? about.segment : about.length, 548)
  const quoted = copyPacket(about)
  quoted.walk = undefined
  quoted.connection = undefined
  p.quoted = quoted
  // the error belongs to the connection of what it is about, even before that is confirmed
  if (about.connection) {
    p.connection = about.connection
    p.isReply = !about.isReply
    p.track = 'related'
  } else if (about.track === 'untracked') p.track = 'invalid'
  p.latency = about.latency
  p.id = ns.nextId()
  ns.network.startWalk(p)
  localOut(ns, p, path)
}

/** icmp_rcv. */
export function icmpReceive(ns: Namespace, p: Packet): void {
  if (p.icmpType === 8) {
    if (p.broadcast || ns.sysctls.get('net.ipv4.icmp_echo_ignore_all') === '1') return drop(ns, p, 'deliver', 'echo requests are ignored')
    if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: 'icmp' })
    const path = routeOutput(ns, p.source, p.destination, undefined, 0)
    if ('errno' in path) return
    const reply = new Packet()
    reply.source = path.source
    reply.destination = p.source
    reply.protocol = ICMP
    reply.icmpType = 0
    reply.icmpCode = 0
    reply.icmpId = p.icmpId
    reply.icmpSeq = p.icmpSeq
    reply.length = p.length
    reply.payload = p.payload
    reply.tos = p.tos
    reply.latency = p.latency
    reply.id = ns.nextId()
    ns.network.startWalk(reply)
    localOut(ns, reply, path)
    return
  }
  if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: 'icmp' })
  if (p.icmpType === 0) {
    deliverEchoReply(ns, p)
    return
  }
  if (isIcmpError(p) && p.quoted && (p.quoted.protocol === TCP || p.quoted.protocol === UDP || p.quoted.protocol === ICMP)) deliverIcmpError(ns, p, p.quoted)
}

/** The errno of an unreachable and whether it is final (icmp_err_convert). */
export const unreachableErrors: readonly { readonly errno: string; readonly fatal: boolean }[] = [
  { errno: 'ENETUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: false },
  { errno: 'ENOPROTOOPT', fatal: true },
  { errno: 'ECONNREFUSED', fatal: true },
  { errno: 'EMSGSIZE', fatal: false },
  { errno: 'EOPNOTSUPP', fatal: false },
  { errno: 'ENETUNREACH', fatal: true },
  { errno: 'EHOSTDOWN', fatal: true },
  { errno: 'ENONET', fatal: true },
  { errno: 'ENETUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'ENETUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: false },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
  { errno: 'EHOSTUNREACH', fatal: true },
]

/** As ping prints them. */
export const unreachableTexts: readonly string[] = [
  'Destination Net Unreachable', 'Destination Host Unreachable', 'Destination Protocol Unreachable', 'Destination Port Unreachable', 'Frag needed and DF set', 'Source Route Failed',
  'Destination Net Unknown', 'Destination Host Unknown', 'Source Host Isolated', 'Destination Net Prohibited', 'Destination Host Prohibited',
  'Destination Net Unreachable for Type of Service', 'Destination Host Unreachable for Type of Service', 'Packet filtered', 'Precedence Violation', 'Precedence Cutoff',
]
