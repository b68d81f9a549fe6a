/** The TCP sockets of a namespace: listeners by port, connections by their four numbers, and those in TIME_WAIT until their minute is over. */
import type { Ipv4 } from '#base/ip.ts'
import { NetError } from './error.ts'
import type { Namespace } from './namespace.ts'
import type { Packet } from './packet.ts'
import { routeConnect } from './route.ts'
import { TcpSocket } from './tcp.ts'
import type { TcpConnection, TcpHandlers, TcpListener } from './types.ts'

export interface Listener extends TcpListener {
  readonly onConnection: (connection: TcpConnection) => void
  readonly owner: string
  readonly device: string | undefined
  readonly backlog: number
  closed: boolean
}

const key = (address: Ipv4, port: number) => address * 65536 + port

export class TcpTable {
  readonly #ns: Namespace
  readonly #listeners = new Map<number, Listener[]>()
  readonly #connections = new Map<number, Map<number, TcpSocket>>()
  readonly #waiting: TcpSocket[] = []

  constructor(ns: Namespace) {
    this.#ns = ns
  }

  find(local: Ipv4, localPort: number, remote: Ipv4, remotePort: number): TcpSocket | undefined {
    return this.#connections.get(key(local, localPort))?.get(key(remote, remotePort))
  }

  listener(address: Ipv4, port: number): Listener | undefined {
    const list = this.#listeners.get(port)
    if (!list) return undefined
    return list.find((l) => l.address === address) ?? list.find((l) => l.address === 0)
  }

  listen(address: Ipv4, port: number, onConnection: (connection: TcpConnection) => void, options: { readonly owner?: string; readonly device?: string; readonly backlog?: number } = {}): Listener {
    const ns = this.#ns
    if (address !== 0 && !ns.fib.bindable(address)) throw new NetError('EADDRNOTAVAIL')
    const chosen = port === 0 ? ns.sockets.freePort((candidate) => !this.#listeners.has(candidate)) : port
    const list = this.#listeners.get(chosen) ?? []
    if (list.some((l) => l.address === 0 || address === 0 || l.address === address)) throw new NetError('EADDRINUSE')
    const listener: Listener = {
      address,
      port: chosen,
      onConnection,
      owner: options.owner ?? '',
      device: options.device,
      backlog: options.backlog ?? 4096,
      closed: false,
      close: () => {
        if (listener.closed) return
        listener.closed = true
        const rest = (this.#listeners.get(chosen) ?? []).filter((l) => l !== listener)
        if (rest.length > 0) this.#listeners.set(chosen, rest)
        else this.#listeners.delete(chosen)
        this.#ns.touched()
      },
    }
    list.push(listener)
    this.#listeners.set(chosen, list)
    ns.touched()
    return listener
  }

  connect(options: { readonly to: Ipv4; readonly port: number; readonly from?: Ipv4; readonly fromPort?: number; readonly owner?: string; readonly mark?: number; readonly device?: string }, handlers: TcpHandlers): TcpSocket {
    const ns = this.#ns
    this.#forget()
    const output = options.device === undefined ? undefined : ns.devices.get(options.device)
    const to = options.to === 0 ? 0x7f000001 : options.to
    const make = (address: Ipv4, port: number) => new TcpSocket(this, ns, { address, port }, { address: to, port: options.port }, handlers, { owner: options.owner ?? '', mark: options.mark ?? 0, device: options.device })
    const refuse = (errno: string) => {
      const socket = make(options.from ?? 0, options.fromPort ?? 0)
      socket.refuseLocally(errno)
      return socket
    }
    if (options.from !== undefined && options.from !== 0 && !ns.fib.bindable(options.from)) return refuse('EADDRNOTAVAIL')
    const path = routeConnect(ns, to, options.from ?? 0, output, options.mark ?? 0)
    if ('errno' in path) return refuse(path.errno)
    if (path.type === 'broadcast' || path.type === 'multicast') return refuse('ENETUNREACH')
    const source = path.source
    const taken = (port: number) => this.find(source, port, to, options.port) !== undefined
    const port = options.fromPort ?? ns.sockets.freePort((candidate) => !taken(candidate) && !this.#listeners.has(candidate))
    if (taken(port)) return refuse('EADDRNOTAVAIL')
    const socket = make(source, port)
    this.#add(socket)
    socket.connect()
    return socket
  }

  accept(listener: Listener, p: Packet): void {
    this.#forget()
    const old = this.find(p.destination, p.destinationPort, p.source, p.sourcePort)
    if (old) this.remove(old)
    const socket = new TcpSocket(this, this.#ns, { address: p.destination, port: p.destinationPort }, { address: p.source, port: p.sourcePort }, {}, { owner: listener.owner, mark: 0, device: undefined })
    this.#add(socket)
    socket.open(listener, p)
  }

  #add(socket: TcpSocket): void {
    const k = key(socket.localAddress, socket.localPort)
    let inner = this.#connections.get(k)
    if (!inner) {
      inner = new Map()
      this.#connections.set(k, inner)
    }
    inner.set(key(socket.remoteAddress, socket.remotePort), socket)
  }

  remove(socket: TcpSocket): void {
    const k = key(socket.localAddress, socket.localPort)
    const inner = this.#connections.get(k)
    const remote = key(socket.remoteAddress, socket.remotePort)
    if (inner?.get(remote) !== socket) return
    inner.delete(remote)
    if (inner.size === 0) this.#connections.delete(k)
  }

  waits(socket: TcpSocket): void {
    this.#waiting.push(socket)
  }

  /** Drops the TIME_WAIT sockets whose time is over. */
  #forget(): void {
    const now = this.#ns.sim.now
    let n = 0
    while (n < this.#waiting.length && this.#waiting[n]!.expires <= now) this.remove(this.#waiting[n++]!)
    if (n > 0) this.#waiting.splice(0, n)
  }

  /** The namespace is gone. */
  dispose(): void {
    for (const inner of [...this.#connections.values()]) for (const socket of [...inner.values()]) socket.vanish()
    this.#listeners.clear()
  }

  *listeners(): Generator<Listener> {
    for (const list of this.#listeners.values()) yield* list
  }

  *connections(): Generator<TcpSocket> {
    this.#forget()
    for (const inner of this.#connections.values()) yield* inner.values()
  }
}
