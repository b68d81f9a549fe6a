/**
 * A look along the road that a new TCP connection would take: a SYN and its answer walk through the network as always, at once, and leave nothing
 * behind: no connection entry, no counter, no capture, no socket. Daemons that talk to each other in process ask with it whether their packets
 * would arrive. The caller keeps `passed`: as long as none of those namespaces changes the answer holds. Path MTUs and open connections are not looked at.
 */
import type { Ipv4 } from '#base/ip.ts'
import type { Connection } from './conntrack/entry.ts'
import type { ConntrackStore } from './conntrack/store.ts'
import { icmpErrno } from './icmp.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { ACK, Packet, RST, SYN, TCP } from './packet.ts'
import { resetFor } from './reset.ts'
import { routeOutput } from './route.ts'

/** `silent`: nobody answered; else connect(2)'s errno. `reached`: who listens at the end of the road. */
export type LookResult = { readonly kind: 'open' } | { readonly kind: 'silent' } | { readonly kind: 'error'; readonly errno: string }

/** Below the ephemeral ports, above all services: no connection of the simulated hosts has it. */
const lookPort = 32767

export class Look {
  readonly origin: Namespace
  readonly passed = new Set<Namespace>()
  /** Where the SYN was accepted. */
  reached: { readonly namespace: Namespace; readonly port: number } | undefined
  result: LookResult | undefined
  readonly #made: { readonly store: ConntrackStore; readonly connection: Connection }[] = []

  constructor(origin: Namespace) {
    this.origin = origin
    this.passed.add(origin)
  }

  made(store: ConntrackStore, connection: Connection): void {
    this.#made.push({ store, connection })
  }

  failed(errno: string): void {
    this.result ??= { kind: 'error', errno }
  }

  /** A segment for a socket of `ns`. */
  arrive(ns: Namespace, p: Packet): void {
    if ((p.flags & (SYN | ACK | RST)) === SYN) {
      const listener = ns.sockets.tcp.listener(p.destination, p.destinationPort)
      if (listener) this.reached = { namespace: ns, port: listener.port }
      const answer = resetFor(p)
      if (listener) answer.flags = SYN | ACK
      const path = routeOutput(ns, answer.destination, answer.source, undefined, 0)
      if (!('errno' in path)) localOut(ns, answer, path)
      return
    }
    if (ns !== this.origin) return
    if ((p.flags & RST) !== 0) this.failed('ECONNREFUSED')
    else this.result ??= { kind: 'open' }
  }

  /** An ICMP error about a segment. */
  icmp(ns: Namespace, p: Packet): void {
    const error = ns === this.origin ? icmpErrno(p) : undefined
    if (error && error.errno !== 'EMSGSIZE') this.failed(error.errno)
  }

  end(): void {
    for (const { store, connection } of this.#made) store.remove(connection)
  }
}

export function lookAt(ns: Namespace, to: Ipv4, port: number): Look {
  const { network } = ns
  const look = new Look(ns)
  if (network.looking) return look
  const path = routeOutput(ns, to, 0, undefined, 0)
  if ('errno' in path || path.type === 'broadcast' || path.type === 'multicast') {
    look.failed('errno' in path ? path.errno : 'ENETUNREACH')
    return look
  }
  const p = new Packet()
  p.source = path.source
  p.destination = to
  p.protocol = TCP
  p.sourcePort = lookPort
  p.destinationPort = port
  p.flags = SYN
  p.length = 60
  p.mss = 1460
  p.window = 64240
  p.df = true
  p.ttl = ns.sysctls.defaultTtl
  const { silent } = network
  network.silent = true
  network.looking = look
  try {
    localOut(ns, p, path)
  } finally {
    look.end()
    network.looking = undefined
    network.silent = silent
  }
  look.result ??= { kind: 'silent' }
  return look
}
