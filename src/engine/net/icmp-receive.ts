/** What arrives by ICMP: echo requests are answered, errors go to the sockets that sent what they quote, redirects change the way. */
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { ICMP, isIcmpError, Packet, TCP, UDP } from './packet.ts'
import { routeOutput } from './route.ts'
import { drop } from './trace.ts'

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
    reply.ttl = ns.sysctls.defaultTtl
    reply.latency = p.latency
    reply.id = ns.nextId()
    ns.network.startWalk(reply)
    localOut(ns, reply, path)
    return
  }
  if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: 'icmp' })
  if (p.icmpType === 0) {
    ns.sockets.echoReply(p)
    return
  }
  if (isIcmpError(p) && p.quoted && (p.quoted.protocol === TCP || p.quoted.protocol === UDP || p.quoted.protocol === ICMP)) deliverIcmpError(ns, p, p.quoted)
}

/** An ICMP error about `quoted` has come: to the socket that sent it. */
function deliverIcmpError(ns: Namespace, p: Packet, quoted: Packet): void {
  const { looking } = ns.network
  if (looking) return looking.icmp(ns, p)
  if (p.icmpType === 3 && p.icmpCode === 4) ns.learnPathMtu(quoted.destination, p.icmpInfo)
  if (p.icmpType === 5) ns.redirect(p, quoted)
  if (quoted.protocol === ICMP) {
    ns.sockets.echoError(p, quoted)
    return
  }
  if (p.icmpType === 5) return
  if (quoted.protocol === TCP) ns.sockets.tcp.find(quoted.source, quoted.sourcePort, quoted.destination, quoted.destinationPort)?.icmp(p)
  else if (quoted.protocol === UDP) ns.sockets.udp.find(quoted.source, quoted.sourcePort, quoted.destination, quoted.destinationPort)?.icmp(p, quoted)
}
