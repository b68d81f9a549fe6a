/**
 * TCP at connection level: handshake, data, close and reset with real flags, sequence numbers and packet sizes, retransmission with the
 * kernel's times (also of SYN), errors from ICMP. Everything that the kernel answers by itself happens within the walk of the packet that
 * caused it; only what programs see waits for the packet's latency. Windows, congestion, urgent data and out-of-order queues are left out.
 */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { ACK, FIN, Packet, PSH, RST, SYN, TCP } from './packet.ts'
import { routeOutput } from './route.ts'
import type { TcpTable, Listener } from './tcp-table.ts'
import { icmpErrno } from './icmp.ts'
import type { TcpConnection, TcpHandlers } from './types.ts'

export type TcpState = 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT1' | 'FIN_WAIT2' | 'CLOSE_WAIT' | 'LAST_ACK' | 'CLOSING' | 'TIME_WAIT' | 'CLOSED'

interface Segment {
  readonly seq: number
  readonly flags: number
  readonly payload: string
}

/** Largest send that travels as one packet. */
const BURST = 64000
const TIMESTAMPS = 12

const after = (a: number, b: number) => ((a - b) | 0) > 0

export class TcpSocket implements TcpConnection {
  handlers: TcpHandlers
  state: TcpState = 'CLOSED'
  localAddress: Ipv4
  localPort: number
  remoteAddress: Ipv4
  remotePort: number
  readonly ns: Namespace
  readonly owner: string
  readonly mark: number
  /** When a TIME_WAIT socket is forgotten. */
  expires = 0
  device: string | undefined
  readonly #table: TcpTable
  #listener: Listener | undefined
  #sendNext: number
  #unacked: Segment[] = []
  #pending = ''
  #finWanted = false
  #receiveNext = 0
  #mss = 1460
  #timer: Timer | undefined
  #tries = 0
  #delayed: Timer | undefined
  #rto = 200
  #softError: string | undefined
  #quietUntil = 0
  #told = false
  #flushing = false

  constructor(table: TcpTable, ns: Namespace, local: { address: Ipv4; port: number }, remote: { address: Ipv4; port: number }, handlers: TcpHandlers, options: { owner: string; mark: number; device: string | undefined }) {
    this.#table = table
    this.ns = ns
    this.localAddress = local.address
    this.localPort = local.port
    this.remoteAddress = remote.address
    this.remotePort = remote.port
    this.handlers = handlers
    this.owner = options.owner
    this.mark = options.mark
    this.device = options.device
    this.#sendNext = ns.random.below(0x7fffffff)
  }

  get name(): string {
    return `tcp ${formatIpv4(this.localAddress)}:${this.localPort} ${formatIpv4(this.remoteAddress)}:${this.remotePort}`
  }

  /** Bytes not yet acknowledged or not yet sent (ss's Send-Q). */
  get sendQueue(): number {
    return this.#pending.length + this.#unacked.reduce((n, s) => n + s.payload.length, 0)
  }

  // ── what programs do ──

  connect(): void {
    this.state = 'SYN_SENT'
    this.#rto = 1000
    this.#queue(SYN, '')
  }

  /** A SYN has come to a listener. */
  open(listener: Listener, p: Packet): void {
    this.#listener = listener
    this.state = 'SYN_RECV'
    this.#rto = 1000
    this.#receiveNext = (p.seq + 1) >>> 0
    this.#mss = Math.min(p.mss || 536, this.#ownMss())
    this.#queue(SYN | ACK, '', p.latency)
  }

  send(text: string): void {
    if (this.#finWanted || this.state === 'CLOSED' || text === '') return
    this.#pending += text
    this.#flush(0)
  }

  end(): void {
    if (this.#finWanted || this.state === 'CLOSED') return
    this.#finWanted = true
    // nothing was written: the attempt is given up
    if (this.state === 'SYN_SENT' && this.#pending === '') return this.#close()
    this.#flush(0)
  }

  abort(): void {
    const state = this.state
    if (state === 'CLOSED' || state === 'TIME_WAIT') return
    const seq = this.#sendNext
    this.#told = true
    this.#close()
    if (state !== 'SYN_SENT') this.#transmit({ seq, flags: RST | ACK, payload: '' }, 0)
  }

  // ── what comes in ──

  receive(p: Packet): void {
    if ((p.flags & RST) !== 0) return this.#reset(p)
    if (this.state === 'SYN_SENT') return this.#synSent(p)
    if ((p.flags & SYN) !== 0) {
      // the peer has not seen our answer
      if (this.state === 'SYN_RECV' && (p.flags & ACK) === 0) for (const s of this.#unacked) this.#transmit(s, p.latency)
      else this.#acknowledge(p.latency)
      return
    }
    if ((p.flags & ACK) !== 0) this.#acked(p)
    if (this.state === 'CLOSED') return
    const length = p.payload.length
    const fin = (p.flags & FIN) !== 0
    if (length === 0 && !fin) return
    if (p.seq !== this.#receiveNext) {
      this.#acknowledge(p.latency)
      return
    }
    this.#receiveNext = (this.#receiveNext + length + (fin ? 1 : 0)) >>> 0
    const open = this.state === 'ESTABLISHED'
    if (fin) this.#finReceived()
    // the answer to a FIN waits for the program's own FIN, at most 40 ms
    if (fin && length === 0 && open) this.#delayAcknowledgement()
    else this.#acknowledge(p.latency)
    if (length > 0) this.#tell(p.latency, () => this.handlers.onData?.(p.payload))
    if (fin) this.#tell(p.latency, () => this.handlers.onEnd?.())
    if (fin && (this.state as TcpState) === 'TIME_WAIT') this.#closed(p.latency)
  }

  icmp(p: Packet): void {
    if (p.icmpType === 3 && p.icmpCode === 4) {
      this.#mss = Math.min(this.#mss, Math.max(p.icmpInfo - 40, 88))
      if (this.state !== 'SYN_SENT') this.#resplit()
      return
    }
    const error = icmpErrno(p)
    if (!error) return
    if (this.state === 'SYN_SENT') return this.#fail(error.errno, false, p.latency)
    if (this.state === 'SYN_RECV') {
      // the caller cannot be reached: the half-open connection is forgotten (tcp_req_err)
      if (p.icmpType === 11 || (p.icmpType === 3 && p.icmpCode <= 1)) {
        this.#told = true
        this.#close()
      }
      return
    }
    this.#softError = error.errno
  }

  #reset(p: Packet): void {
    if (this.state === 'SYN_SENT') {
      if ((p.flags & ACK) === 0 || p.ack !== this.#sendNext) return
      return this.#fail('ECONNREFUSED', false, p.latency)
    }
    if (after(this.#receiveNext, (p.seq + 1) >>> 0)) return
    if (this.state === 'SYN_RECV') {
      this.#told = true
      return this.#close()
    }
    if (this.state === 'TIME_WAIT') return this.#close()
    this.#fail(this.state === 'CLOSE_WAIT' ? 'EPIPE' : 'ECONNRESET', false, p.latency)
  }

  #synSent(p: Packet): void {
    if ((p.flags & (SYN | ACK)) !== (SYN | ACK) || p.ack !== this.#sendNext) return
    this.#receiveNext = (p.seq + 1) >>> 0
    this.#mss = Math.min(p.mss || 536, this.#ownMss())
    this.state = 'ESTABLISHED'
    this.#unacked = []
    this.#stopTimer()
    this.#rto = 200
    this.#acknowledge(p.latency)
    this.#tell(p.latency, () => this.handlers.onOpen?.(this))
    this.#flush(p.latency)
  }

  #acked(p: Packet): void {
    let progress = false
    while (this.#unacked.length > 0) {
      const s = this.#unacked[0]!
      const end = (s.seq + s.payload.length + ((s.flags & (SYN | FIN)) !== 0 ? 1 : 0)) >>> 0
      if (after(end, p.ack)) break
      this.#unacked.shift()
      progress = true
      if ((s.flags & SYN) !== 0) this.#established(p)
      if ((s.flags & FIN) !== 0) this.#finAcked(p)
    }
    if (!progress) return
    const retried = this.#tries > 0
    this.#tries = 0
    this.#rto = 200
    this.#softError = undefined
    this.#stopTimer()
    if (this.#unacked.length === 0) return
    // what was lost after the first segment goes out again as the acknowledgements come
    if (retried) this.#transmit(this.#unacked[0]!, p.latency)
    if (this.#unacked.length > 0) this.#startTimer()
  }

  #established(p: Packet): void {
    if (this.state !== 'SYN_RECV') return
    this.state = 'ESTABLISHED'
    const listener = this.#listener!
    this.#tell(p.latency, () => {
      if (listener.closed) this.abort()
      else listener.onConnection(this)
    })
  }

  #finReceived(): void {
    if (this.state === 'ESTABLISHED') this.state = 'CLOSE_WAIT'
    else if (this.state === 'FIN_WAIT1') this.state = 'CLOSING'
    else if (this.state === 'FIN_WAIT2') this.#timeWait()
  }

  #finAcked(p: Packet): void {
    if (this.state === 'FIN_WAIT1') this.state = 'FIN_WAIT2'
    else if (this.state === 'CLOSING') {
      this.#timeWait()
      this.#closed(p.latency)
    } else if (this.state === 'LAST_ACK') {
      this.#closed(p.latency)
      this.#close()
    }
  }

  #timeWait(): void {
    this.state = 'TIME_WAIT'
    this.#stopTimer()
    this.expires = this.ns.sim.now + 60_000
    this.#table.waits(this)
  }

  // ── sending ──

  #ownMss(): number {
    const path = routeOutput(this.ns, this.remoteAddress, this.localAddress, undefined, this.mark)
    return ('errno' in path ? 1500 : Math.min(path.mtu, this.ns.pathMtu(this.remoteAddress))) - 40
  }

  /** Sends what waits, and the FIN behind it. */
  #flush(latency: number): void {
    if (this.#flushing || (this.state !== 'ESTABLISHED' && this.state !== 'CLOSE_WAIT')) return
    this.#flushing = true
    while (this.#pending !== '' && (this.state === 'ESTABLISHED' || this.state === 'CLOSE_WAIT')) {
      const size = this.#mss - TIMESTAMPS
      const chunk = this.#pending.slice(0, Math.max(1, Math.floor(BURST / size)) * size)
      this.#pending = this.#pending.slice(chunk.length)
      this.#queue(ACK | (this.#pending === '' ? PSH : 0), chunk, latency)
    }
    this.#flushing = false
    if (this.#finWanted && this.#pending === '') {
      if (this.state === 'ESTABLISHED') this.state = 'FIN_WAIT1'
      else if (this.state === 'CLOSE_WAIT') this.state = 'LAST_ACK'
      else return
      this.#queue(FIN | ACK, '', latency)
    }
  }

  /** After a smaller path MTU was learnt: the unacknowledged is sent again in pieces that fit. */
  #resplit(): void {
    const data = this.#unacked.filter((s) => s.payload !== '')
    if (data.length === 0) return
    for (const s of this.#unacked.slice()) this.#transmit(s, 0)
  }

  #queue(flags: number, payload: string, latency = 0): void {
    const segment: Segment = { seq: this.#sendNext, flags, payload }
    this.#sendNext = (this.#sendNext + payload.length + ((flags & (SYN | FIN)) !== 0 ? 1 : 0)) >>> 0
    this.#unacked.push(segment)
    this.#transmit(segment, latency)
    if (this.#unacked.length > 0 && this.state !== 'CLOSED') this.#startTimer()
  }

  #acknowledge(latency: number): void {
    this.#transmit({ seq: this.#sendNext, flags: ACK, payload: '' }, latency)
  }

  #delayAcknowledgement(): void {
    this.#delayed ??= this.ns.sim.after(40, () => {
      this.#delayed = undefined
      if (this.state !== 'CLOSED') this.#acknowledge(0)
    })
  }

  #transmit(s: Segment, latency: number): void {
    const ns = this.ns
    if (this.#delayed) {
      ns.sim.cancel(this.#delayed)
      this.#delayed = undefined
    }
    const output = this.device === undefined ? undefined : ns.devices.get(this.device)
    const path = routeOutput(ns, this.remoteAddress, this.localAddress, output, this.mark)
    if ('errno' in path) {
      this.#softError = path.errno
      return
    }
    const p = new Packet()
    p.source = this.localAddress
    p.destination = this.remoteAddress
    p.protocol = TCP
    p.sourcePort = this.localPort
    p.destinationPort = this.remotePort
    p.flags = s.flags
    p.seq = s.seq
    p.ack = (s.flags & ACK) !== 0 ? this.#receiveNext : 0
    p.window = (s.flags & SYN) === 0 ? (this.#listener ? 64 : 63) : this.#listener ? 65160 : 64240
    p.payload = s.payload
    p.df = true
    p.ttl = ns.sysctls.defaultTtl
    p.mark = this.mark
    p.latency = latency
    p.id = ns.nextId()
    if ((s.flags & SYN) !== 0) {
      p.length = 60
      p.mss = this.#ownMss()
    } else {
      p.length = 40 + TIMESTAMPS + s.payload.length
      if (p.length > this.#mss + 40) p.segment = this.#mss + 40
    }
    ns.network.startWalk(p)
    localOut(ns, p, path)
  }

  #startTimer(): void {
    if (this.#timer) return
    this.#timer = this.ns.sim.after(this.#rto, () => this.#retransmit())
  }

  #stopTimer(): void {
    if (!this.#timer) return
    this.ns.sim.cancel(this.#timer)
    this.#timer = undefined
  }

  #retransmit(): void {
    this.#timer = undefined
    const first = this.#unacked[0]
    if (!first || this.state === 'CLOSED') return
    const sysctls = this.ns.sysctls
    const linear = this.state === 'SYN_SENT' ? sysctls.number('net.ipv4.tcp_syn_linear_timeouts') : 0
    const limit =
      this.state === 'SYN_SENT' ? sysctls.number('net.ipv4.tcp_syn_retries') + linear : this.state === 'SYN_RECV' ? sysctls.number('net.ipv4.tcp_synack_retries') : sysctls.number('net.ipv4.tcp_retries2')
    if (this.#tries >= limit) {
      if (this.state === 'SYN_RECV') {
        this.#told = true
        return this.#close()
      }
      return this.#fail(this.#softError ?? 'ETIMEDOUT', false, 0)
    }
    this.#tries++
    this.#transmit(first, 0)
    if (this.#unacked[0] !== first || (this.state as TcpState) === 'CLOSED') return
    if (this.#tries > linear) this.#rto = Math.min(this.#rto * 2, 120_000)
    this.#startTimer()
  }

  // ── the end ──

  #fail(errno: string, local: boolean, latency: number): void {
    this.#close()
    this.#tell(latency, () => this.handlers.onError?.(errno, local))
    this.#closed(latency)
  }

  /** The namespace is gone: no packet, no word. */
  vanish(): void {
    this.#told = true
    this.#close()
  }

  /** A connect that this host itself refuses. */
  refuseLocally(errno: string): void {
    this.state = 'CLOSED'
    this.ns.sim.after(0, () => this.handlers.onError?.(errno, true))
  }

  #closed(latency: number): void {
    if (this.#told) return
    this.#told = true
    this.#tell(latency, () => this.handlers.onClose?.())
  }

  #close(): void {
    this.state = 'CLOSED'
    this.#unacked = []
    this.#pending = ''
    this.#stopTimer()
    this.#table.remove(this)
  }

  /** Calls a program back when the packet has had its time to travel; never out of order. */
  #tell(latency: number, run: () => void): void {
    const at = Math.max(this.#quietUntil, this.ns.sim.now + latency)
    this.#quietUntil = at
    this.ns.network.later(at, run)
  }
}
