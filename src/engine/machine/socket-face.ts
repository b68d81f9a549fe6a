/**
 * Sockets of one process: waits around the callbacks of the namespace's sockets (engine/net). All are closed when the process ends.
 * Leaves out: send buffers (a write is accepted at once), socket options, sockets handed to children.
 */
import { formatIpv4, parseIpv4, type Ipv4 } from '#base/ip.ts'
import type { TcpConnection, TcpListener, UdpSocket } from '#engine/net/types.ts'
import { FsError, type Errno } from './files.ts'
import { lookupName } from './resolver.ts'
import { Description } from './descriptions.ts'
import type { Address, ConnectOptions, Connection, Datagrams, Listener, LookupResult, Sockets } from './sockets.ts'
import type { Task } from './task.ts'
import { WaitQueue } from './wait-queue.ts'

function address(host: string): Ipv4 {
  const ip = host === '' || host === '*' || host === '0' || host === '::' ? 0 : parseIpv4(host)
  if (ip === undefined) throw new FsError('EAFNOSUPPORT', host)
  return ip
}

/** As `ss -p` and `netstat -p` need it: `name,pid,fd`. */
function ownerOf(task: Task): string {
  return `${(task.argv[0] ?? '').replace(/^.*\//, '').replace(/:$/, '').slice(0, 15)},${task.hostPid},3`
}

const errno = (name: string) => new FsError(name as Errno)

class Stream implements Connection {
  readonly local: Address
  readonly remote: Address
  #task: Task
  readonly #tcp: TcpConnection
  readonly #readers = new WaitQueue()
  #changed: () => void = () => undefined
  #buffer: string[] = []
  #ended = false
  #error: string | undefined
  #sentEnd = false
  closed = false

  /** Forgets it in the process that holds it. */
  onClose: (stream: Stream) => void

  constructor(task: Task, tcp: TcpConnection, onClose: (stream: Stream) => void) {
    this.onClose = onClose
    this.#task = task
    this.#tcp = tcp
    this.local = { host: formatIpv4(tcp.localAddress), port: tcp.localPort }
    this.remote = { host: formatIpv4(tcp.remoteAddress), port: tcp.remotePort }
    tcp.handlers = {
      onData: (text) => {
        this.#buffer.push(text)
        this.#readers.wake()
        this.#changed()
      },
      onEnd: () => {
        this.#ended = true
        this.#readers.wake()
        this.#changed()
      },
      onError: (name) => {
        this.#error = name
        this.closed = true
        this.#readers.wake()
        this.#changed()
        this.onClose(this)
      },
      onClose: () => {
        this.#ended = true
        this.#readers.wake()
        this.#changed()
        this.onClose(this)
      },
    }
  }

  /** Hands it over to a file description, which hears of everything that comes. */
  becomeFile(changed: () => void): void {
    this.onClose(this)
    this.onClose = () => undefined
    this.#changed = changed
  }
  pending(): string {
    if (this.#buffer.length > 1) this.#buffer = [this.#buffer.join('')]
    return this.#buffer[0] ?? ''
  }
  get over(): boolean {
    if (this.#buffer.length > 0) return false
    if (this.#error !== undefined) throw errno(this.#error)
    return this.#ended || this.closed
  }
  take(characters: number): void {
    const rest = this.pending().slice(characters)
    this.#buffer = rest === '' ? [] : [rest]
  }
  sendNow(text: string): void {
    if (this.#error !== undefined) throw errno(this.#error)
    if (this.closed || this.#sentEnd) throw errno('EPIPE')
    this.#tcp.send(text)
  }

  moveTo(task: Task, onClose: (stream: Stream) => void): void {
    this.onClose(this)
    this.onClose = onClose
    this.#task = task
  }

  read(): Promise<string | undefined> {
    return this.#task.retry(this.#readers, () => {
      if (this.#buffer.length > 0) return { value: this.#buffer.splice(0).join('') }
      if (this.#error !== undefined) throw errno(this.#error)
      return this.#ended || this.closed ? { value: undefined } : undefined
    })
  }

  write(text: string): Promise<void> {
    return this.#task.call((resolve, reject) => {
      if (this.#error !== undefined) return reject(errno(this.#error))
      if (this.closed || this.#sentEnd) return reject(errno('EPIPE'))
      this.#tcp.send(text)
      resolve()
    })
  }

  end(): void {
    if (this.#sentEnd || this.closed) return
    this.#sentEnd = true
    this.#tcp.end()
  }

  close(reset = false): void {
    if (this.closed) return
    this.closed = true
    if (reset || this.#buffer.length > 0) this.#tcp.abort()
    else if (!this.#sentEnd) this.#tcp.end()
    this.#readers.wake()
  }
}

/** A connection behind a file descriptor. It then belongs to its holders, not to the process that opened it. */
class SocketDescription extends Description {
  readonly kind = 'socket'
  readonly #stream: Stream

  constructor(stream: Stream) {
    super(true, true)
    this.#stream = stream
    this.target = `socket:[${stream.local.port}]`
    stream.becomeFile(() => this.readers.wake())
  }
  pending(): string {
    return this.#stream.pending()
  }
  get ended(): boolean {
    return this.#stream.over
  }
  take(characters: number): void {
    this.#stream.take(characters)
  }
  put(text: string): number {
    this.#stream.sendNow(text)
    return text.length
  }
  override close(): void {
    this.#stream.close()
  }
}

export function describeConnection(connection: Connection): Description {
  if (!(connection instanceof Stream)) throw errno('ENOTCONN')
  return new SocketDescription(connection)
}

class Door implements Listener {
  readonly local: Address
  readonly #task: Task
  readonly #queue: TcpConnection[] = []
  readonly #acceptors = new WaitQueue()
  readonly #listener: TcpListener
  readonly #keep: (stream: Stream) => Stream
  #closed = false

  constructor(task: Task, host: string, port: number, backlog: number | undefined, keep: (tcp: Stream) => Stream, drop: (stream: Stream) => void) {
    this.#task = task
    this.#keep = keep
    const waiting: Stream[] = []
    this.#listener = task.net.sockets.tcpListen(address(host), port, (tcp) => {
      // Data may come before accept: wrap at once.
      waiting.push(new Stream(task, tcp, drop))
      this.#queue.push(tcp)
      this.#acceptors.wake()
    }, { owner: ownerOf(task), ...(backlog !== undefined && { backlog }) })
    this.#waiting = waiting
    this.local = { host: formatIpv4(this.#listener.address), port: this.#listener.port }
  }
  readonly #waiting: Stream[]

  accept(): Promise<Connection> {
    return this.#task.retry(this.#acceptors, () => {
      const stream = this.#waiting.shift()
      this.#queue.shift()
      if (stream) return { value: this.#keep(stream) }
      if (this.#closed) throw errno('EINVAL')
      return undefined
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#listener.close()
    for (const stream of this.#waiting.splice(0)) stream.close(true)
    this.#acceptors.wake()
  }
}

class UdpFace implements Datagrams {
  readonly #task: Task
  readonly #udp: UdpSocket
  readonly #queue: { readonly data: string; readonly from: Address }[] = []
  readonly #readers = new WaitQueue()
  readonly #done: (face: UdpFace) => void
  #error: string | undefined
  #closed = false

  constructor(task: Task, options: { readonly host?: string; readonly port?: number }, done: (face: UdpFace) => void) {
    this.#task = task
    this.#done = done
    this.#udp = task.net.sockets.udpBind({ ...(options.host !== undefined && { address: address(options.host) }), ...(options.port !== undefined && { port: options.port }), owner: ownerOf(task) }, {
      onMessage: (data, from) => {
        this.#queue.push({ data, from: { host: formatIpv4(from.address), port: from.port } })
        this.#readers.wake()
      },
      onError: (name) => {
        this.#error = name
        this.#readers.wake()
      },
    })
  }

  get local(): Address {
    return { host: formatIpv4(this.#udp.localAddress), port: this.#udp.localPort }
  }

  connect(host: string, port: number): void {
    const failed = this.#udp.connect(address(host), port)
    if (failed !== undefined) throw errno(failed)
  }

  send(data: string, to?: Address): Promise<void> {
    return this.#task.call((resolve, reject) => {
      const pending = this.#takeError()
      const failed = pending ?? this.#udp.send(data, to && { address: address(to.host), port: to.port })
      if (failed !== undefined) reject(errno(failed))
      else resolve()
    })
  }

  #takeError(): string | undefined {
    const error = this.#error
    this.#error = undefined
    return error
  }

  receive(timeout?: number): Promise<{ readonly data: string; readonly from: Address } | undefined> {
    const attempt = () => {
      const message = this.#queue.shift()
      if (message) return { value: message }
      const failed = this.#takeError()
      if (failed !== undefined) throw errno(failed)
      return this.#closed ? { value: undefined } : undefined
    }
    if (timeout === undefined) return this.#task.retry(this.#readers, attempt)
    let late = false
    const timer = this.#task.kernel.sim.after(timeout, () => {
      late = true
      this.#readers.wake()
    }, { background: this.#task.background })
    return this.#task.retry<{ readonly data: string; readonly from: Address } | undefined>(this.#readers, () => {
      let got: { readonly value: { readonly data: string; readonly from: Address } | undefined } | undefined
      try {
        got = attempt()
      } catch (error) {
        this.#task.kernel.sim.cancel(timer)
        throw error
      }
      if (got) this.#task.kernel.sim.cancel(timer)
      return got ?? (late ? { value: undefined } : undefined)
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#udp.close()
    this.#readers.wake()
    this.#done(this)
  }
}

export class SocketFace implements Sockets {
  readonly #task: Task
  readonly #open = new Set<{ close(): void }>()

  constructor(task: Task) {
    this.#task = task
  }

  connect(host: string, port: number, options: ConnectOptions = {}): Promise<Connection> {
    const task = this.#task
    const { sim } = task.kernel
    return task.call((resolve, reject) => {
      let settled = false
      const done = (act: () => void) => {
        if (settled) return
        settled = true
        sim.cancel(timer)
        act()
      }
      let tcp: TcpConnection | undefined
      const timer = options.timeout === undefined ? undefined : sim.after(options.timeout, () => {
        done(() => {
          tcp?.abort()
          reject(errno('ETIMEDOUT'))
        })
      }, { background: task.background })
      let to: Ipv4
      try {
        to = address(host)
        tcp = task.net.sockets.tcpConnect(
          { to, port, ...(options.source !== undefined && { from: address(options.source) }), ...(options.sourcePort !== undefined && { fromPort: options.sourcePort }), owner: ownerOf(task) },
          {
            onOpen: (connection) => done(() => {
              const stream = this.#keep(new Stream(task, connection, (s) => this.#open.delete(s)))
              resolve(stream)
            }),
            onError: (name) => done(() => reject(errno(name))),
          },
        )
      } catch (error) {
        done(() => reject(asErrno(error)))
      }
      return () => done(() => tcp?.abort())
    })
  }

  listen(host: string, port: number, options: { readonly backlog?: number } = {}): Listener {
    if (port > 0 && port < Number(this.#task.net.sysctl('net.ipv4.ip_unprivileged_port_start') ?? 1024) && !this.#task.can('NET_BIND_SERVICE')) throw errno('EACCES')
    try {
      const door = new Door(this.#task, host, port, options.backlog, (s) => this.#keep(s), (s) => this.#open.delete(s))
      this.#open.add(door)
      return door
    } catch (error) {
      throw asErrno(error)
    }
  }

  udp(options: { readonly host?: string; readonly port?: number } = {}): Datagrams {
    try {
      const face = new UdpFace(this.#task, options, (f) => this.#open.delete(f))
      this.#open.add(face)
      return face
    } catch (error) {
      throw asErrno(error)
    }
  }

  adopt(connection: Connection): Connection {
    if (!(connection instanceof Stream)) throw errno('ENOTCONN')
    connection.moveTo(this.#task, (s) => this.#open.delete(s))
    return this.#keep(connection)
  }

  lookup(name: string): Promise<LookupResult> {
    return lookupName(this.#task, name)
  }

  #keep<T extends { close(): void }>(socket: T): T {
    this.#open.add(socket)
    return socket
  }

  closeAll(): void {
    for (const socket of [...this.#open]) socket.close()
    this.#open.clear()
  }
}

/** Errors of the network room carry an errno; here they become FsErrors. */
export function asErrno(error: unknown): unknown {
  if (error instanceof FsError) return error
  const name = (error as { errno?: unknown; code?: unknown }).errno ?? (error as { code?: unknown }).code
  return typeof name === 'string' ? errno(name) : error
}
