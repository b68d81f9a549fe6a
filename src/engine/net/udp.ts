/** UDP sockets: unconnected and connected, errors from ICMP as the kernel hands them on (only final ones, only when connected). */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import { NetError } from './error.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { Packet, UDP } from './packet.ts'
import type { Device } from './device.ts'
import { routeConnect, routeOutput } from './route.ts'
import { icmpErrno } from './icmp.ts'
import type { UdpHandlers, UdpSocket } from './types.ts'

export interface UdpOptions {
  readonly address?: Ipv4
  readonly port?: number
  readonly owner?: string
  readonly ttl?: number
  readonly broadcast?: boolean
  readonly device?: string
}

export class UdpEndpoint implements UdpSocket {
  localAddress: Ipv4
  readonly localPort: number
  remoteAddress: Ipv4 = 0
  remotePort = 0
  connected = false
  closed = false
  readonly ns: Namespace
  readonly owner: string
  readonly device: string | undefined
  readonly #table: UdpTable
  readonly #handlers: UdpHandlers
  readonly #bound: Ipv4
  readonly #broadcast: boolean
  #ttl: number | undefined
  #error: string | undefined

  constructor(table: UdpTable, ns: Namespace, address: Ipv4, port: number, options: UdpOptions, handlers: UdpHandlers) {
    this.#table = table
    this.ns = ns
    this.localAddress = address
    this.#bound = address
    this.localPort = port
    this.owner = options.owner ?? ''
    this.device = options.device
    this.#broadcast = options.broadcast ?? false
    this.#ttl = options.ttl
    this.#handlers = handlers
  }

  connect(address: Ipv4, port: number): string | undefined {
    const path = routeConnect(this.ns, address, this.localAddress, this.#output, 0)
    if ('errno' in path) return path.errno
    if (path.type === 'broadcast' && !this.#broadcast) return 'EACCES'
    this.connected = true
    this.remoteAddress = address
    this.remotePort = port
    if (this.#bound === 0) this.localAddress = path.source
    return undefined
  }

  setTtl(ttl: number): void {
    this.#ttl = ttl
  }

  get #output(): Device | undefined {
    return this.device === undefined ? undefined : this.ns.devices.get(this.device)
  }

  send(data: string, to?: { readonly address: Ipv4; readonly port: number; readonly from?: Ipv4 }): string | undefined {
    if (this.closed) return 'EBADF'
    if (this.#error !== undefined) {
      const errno = this.#error
      this.#error = undefined
      return errno
    }
    if (!to && !this.connected) return 'EDESTADDRREQ'
    const address = to?.address ?? this.remoteAddress
    if (data.length > 65507) return 'EMSGSIZE'
    const path = routeOutput(this.ns, address, to?.from ?? this.localAddress, this.#output, 0)
    if ('errno' in path) return path.errno
    if (path.type === 'broadcast' && !this.#broadcast) return 'EACCES'
    const p = new Packet()
    p.source = path.source
    p.destination = address === 0 ? path.source : address
    p.protocol = UDP
    p.sourcePort = this.localPort
    p.destinationPort = to?.port ?? this.remotePort
    p.payload = data
    p.length = 28 + data.length
    p.df = p.length <= Math.min(path.mtu, this.ns.pathMtu(p.destination))
    p.ttl = this.#ttl ?? this.ns.sysctls.defaultTtl
    p.id = this.ns.nextId()
    this.ns.network.startWalk(p)
    const errno = localOut(this.ns, p, path)
    return errno === '' ? undefined : errno
  }

  receive(p: Packet): void {
    const from = { address: p.source, port: p.sourcePort, to: p.destination }
    this.ns.network.later(this.ns.sim.now + p.latency, () => {
      if (!this.closed) this.#handlers.onMessage?.(p.payload, from)
    })
  }

  icmp(p: Packet, quoted: Packet): void {
    this.ns.network.later(this.ns.sim.now + p.latency, () => {
      if (this.closed) return
      this.#handlers.onIcmp?.({ from: formatIpv4(p.source), type: p.icmpType, code: p.icmpCode, port: quoted.destinationPort, ...(p.icmpType === 3 && p.icmpCode === 4 ? { mtu: p.icmpInfo } : {}) })
    })
    const error = icmpErrno(p)
    if (!error?.fatal || !this.connected) return
    if (!this.#handlers.onError) {
      this.#error = error.errno
      return
    }
    this.ns.network.later(this.ns.sim.now + p.latency, () => {
      if (!this.closed) this.#handlers.onError?.(error.errno)
    })
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.#table.remove(this)
  }
}

export class UdpTable {
  readonly #ns: Namespace
  readonly #ports = new Map<number, UdpEndpoint[]>()

  constructor(ns: Namespace) {
    this.#ns = ns
  }

  bind(options: UdpOptions, handlers: UdpHandlers): UdpEndpoint {
    const address = options.address ?? 0
    if (address !== 0 && !this.#ns.fib.bindable(address)) throw new NetError('EADDRNOTAVAIL')
    const wanted = options.port ?? 0
    const port = wanted === 0 ? this.#ns.sockets.freePort((candidate) => !this.#ports.has(candidate)) : wanted
    const list = this.#ports.get(port) ?? []
    if (wanted !== 0 && list.some((s) => s.localAddress === 0 || address === 0 || s.localAddress === address)) throw new NetError('EADDRINUSE')
    const socket = new UdpEndpoint(this, this.#ns, address, port, options, handlers)
    list.push(socket)
    this.#ports.set(port, list)
    return socket
  }

  remove(socket: UdpEndpoint): void {
    const rest = (this.#ports.get(socket.localPort) ?? []).filter((s) => s !== socket)
    if (rest.length > 0) this.#ports.set(socket.localPort, rest)
    else this.#ports.delete(socket.localPort)
  }

  all(port: number): readonly UdpEndpoint[] {
    return this.#ports.get(port) ?? []
  }

  /** The best match: a connected socket before a bound one, an exact address before any. */
  find(local: Ipv4, localPort: number, remote: Ipv4, remotePort: number): UdpEndpoint | undefined {
    const list = this.#ports.get(localPort)
    if (!list) return undefined
    let best: UdpEndpoint | undefined
    let score = -1
    for (const s of list) {
      if (s.localAddress !== 0 && s.localAddress !== local) continue
      if (s.connected && (s.remoteAddress !== remote || s.remotePort !== remotePort)) continue
      const value = (s.localAddress === local ? 1 : 0) + (s.connected ? 2 : 0)
      if (value > score) {
        best = s
        score = value
      }
    }
    return best
  }

  *sockets(): Generator<UdpEndpoint> {
    for (const list of this.#ports.values()) yield* list
  }
}
