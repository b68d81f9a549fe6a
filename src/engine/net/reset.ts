/** TCP resets that the kernel sends by itself. */
import { ACK, FIN, Packet, RST, SYN, TCP } from './packet.ts'

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
