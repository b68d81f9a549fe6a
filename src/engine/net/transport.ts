/** Local delivery: which socket (or kernel service) a packet is for, and what is answered when there is none. */
import { formatIpv4 } from '#base/ip.ts'
import { icmpReceive } from './icmp-receive.ts'
import { icmpSend } from './icmp.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { ACK, copyPacket, ICMP, IPIP, RST, SYN, TCP, UDP, type Packet } from './packet.ts'
import { resetFor } from './reset.ts'
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
  const { looking } = ns.network
  if (looking) return looking.arrive(ns, p)
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
