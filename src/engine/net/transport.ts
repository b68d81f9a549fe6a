/** Local delivery: which socket (or kernel service) a packet is for, and what is answered when there is none. */
import { formatIpv4 } from '#base/ip.ts'
import { icmpReceive, icmpSend, unreachableErrors, unreachableTexts } from './icmp.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { ACK, copyPacket, FIN, ICMP, IPIP, Packet, RST, SYN, TCP, UDP } from './packet.ts'
import { routeOutput } from './route.ts'
import { ipipReceive, isVxlanPort, vxlanReceive } from './tunnel.ts'
import { drop, refuse } from './trace.ts'

export function deliver(ns: Namespace, p: Packet): void {
  if (p.protocol === TCP || p.protocol === UDP) {
    // answers are tracked afresh (nf_reset_ct)
    p.connection = undefined
    p.track = 'none'
  }
  switch (p.protocol) {
    case TCP:
      return deliverTcp(ns, p)
    case UDP:
      return deliverUdp(ns, p)
    case ICMP:
      return icmpReceive(ns, p)
    case IPIP:
      if (ipipReceive(ns, p)) return
      break
  }
  refuse(ns, p, 'rejected', 'deliver', 'no such protocol here', 'ENOPROTOOPT')
  icmpSend(ns, p, 3, 2, 0)
}

function deliverTcp(ns: Namespace, p: Packet): void {
  if (p.broadcast) return drop(ns, p, 'deliver', 'TCP to a broadcast address')
  const table = ns.sockets.tcp
  const socket = table.find(p.destination, p.destinationPort, p.source, p.sourcePort)
  if (socket && !(socket.state === 'TIME_WAIT' && (p.flags & SYN) !== 0)) {
    if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: socket.name })
    socket.receive(p)
    return
  }
  const listener = table.listener(p.destination, p.destinationPort)
  if (listener && (p.flags & (SYN | ACK | RST)) === SYN) {
    if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: `tcp ${formatIpv4(listener.address)}:${listener.port}` })
    table.accept(listener, p)
    return
  }
  if ((p.flags & RST) !== 0) return drop(ns, p, 'deliver', 'a reset for no connection')
  refuse(ns, p, 'rejected', 'deliver', listener ? 'belongs to no connection' : `nobody listens on ${formatIpv4(p.destination)}:${p.destinationPort}/tcp`, 'ECONNREFUSED')
  sendReset(ns, p)
}

/** tcp_v4_send_reset: the answer to a segment that belongs to no connection. */
function sendReset(ns: Namespace, p: Packet): void {
  const path = routeOutput(ns, p.source, p.destination, undefined, 0)
  if ('errno' in path) return
  const reset = resetFor(p)
  reset.source = path.source
  reset.id = 0
  ns.network.startWalk(reset)
  localOut(ns, reset, path)
}

/** The fields of a reset that answers `p`; also what REJECT --reject-with tcp-reset sends. */
export function resetFor(p: Packet): Packet {
  const reset = new Packet()
  reset.source = p.destination
  reset.destination = p.source
  reset.protocol = TCP
  reset.sourcePort = p.destinationPort
  reset.destinationPort = p.sourcePort
  reset.length = 40
  reset.df = true
  reset.latency = p.latency
  if ((p.flags & ACK) !== 0) {
    reset.flags = RST
    reset.seq = p.ack
  } else {
    reset.flags = RST | ACK
    reset.ack = (p.seq + p.payload.length + ((p.flags & (SYN | FIN)) !== 0 ? 1 : 0)) >>> 0
  }
  return reset
}

function deliverUdp(ns: Namespace, p: Packet): void {
  if (p.inner && vxlanReceive(ns, p)) return
  const table = ns.sockets.udp
  if (p.broadcast) {
    const sockets = table.all(p.destinationPort)
    if (sockets.length === 0) return drop(ns, p, 'deliver', `nobody listens on port ${p.destinationPort}/udp`)
    if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: `udp :${p.destinationPort}` })
    for (const socket of sockets) if (socket.localAddress === 0 || socket.localAddress === p.destination) socket.receive(p)
    return
  }
  const socket = table.find(p.destination, p.destinationPort, p.source, p.sourcePort)
  if (socket) {
    if (p.walk) p.walk.end({ kind: 'delivered', namespace: ns.name, socket: `udp ${formatIpv4(socket.localAddress)}:${socket.localPort}` })
    socket.receive(p)
    return
  }
  if (isVxlanPort(ns, p.destinationPort)) return drop(ns, p, 'vxlan', 'no VXLAN device has this id')
  refuse(ns, p, 'rejected', 'deliver', `nobody listens on ${formatIpv4(p.destination)}:${p.destinationPort}/udp`, 'ECONNREFUSED')
  icmpSend(ns, copyPacket(p), 3, 3, 0)
}

export function deliverEchoReply(ns: Namespace, p: Packet): void {
  ns.sockets.echoReply(p)
}

/** An ICMP error about `quoted` has come: to the socket that sent it. */
export function deliverIcmpError(ns: Namespace, p: Packet, quoted: Packet): void {
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

/** The errno of an ICMP error and whether a connected UDP socket reports it. */
export function icmpErrno(p: Packet): { readonly errno: string; readonly fatal: boolean } | undefined {
  if (p.icmpType === 11) return { errno: 'EHOSTUNREACH', fatal: false }
  if (p.icmpType === 3) return unreachableErrors[p.icmpCode]
  return undefined
}

/** What ping prints after `icmp_seq=1 `. */
export function icmpText(p: Packet): string {
  if (p.icmpType === 3) return p.icmpCode === 4 ? `Frag needed and DF set (mtu = ${p.icmpInfo})` : (unreachableTexts[p.icmpCode] ?? `Dest Unreachable, Bad Code: ${p.icmpCode}`)
  if (p.icmpType === 11) return p.icmpCode === 1 ? 'Frag reassembly time exceeded' : 'Time to live exceeded'
  if (p.icmpType === 5) return `Redirect Host(New nexthop: ${formatIpv4(p.icmpInfo)})`
  if (p.icmpType === 12) return 'Parameter problem'
  return `Bad ICMP type: ${p.icmpType}`
}
