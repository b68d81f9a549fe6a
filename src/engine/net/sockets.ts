/** NetSockets of a namespace: TCP, UDP and echo requests, free ports, and what `ss` lists. */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { localOut } from './ip.ts'
import type { Namespace } from './namespace.ts'
import { ICMP, Packet } from './packet.ts'
import { routeOutput } from './route.ts'
import { TcpTable } from './tcp-table.ts'
import { icmpText } from './icmp.ts'
import type { NetSockets, PingResult, SocketInfo, TcpConnection, TcpHandlers, TcpListener, UdpHandlers } from './types.ts'
import { UdpTable, type UdpEndpoint, type UdpOptions } from './udp.ts'
import { NetError } from './error.ts'

interface Echo {
  readonly sent: number
  readonly done: (result: PingResult) => void
  timer: Timer | undefined
  readonly onRedirect: PingOptions['onRedirect']
}

type PingOptions = Parameters<NetSockets['ping']>[0]

const stateNames: Readonly<Record<string, string>> = {
  SYN_SENT: 'SYN-SENT', SYN_RECV: 'SYN-RECV', ESTABLISHED: 'ESTAB', FIN_WAIT1: 'FIN-WAIT-1', FIN_WAIT2: 'FIN-WAIT-2', CLOSE_WAIT: 'CLOSE-WAIT', LAST_ACK: 'LAST-ACK', CLOSING: 'CLOSING', TIME_WAIT: 'TIME-WAIT', CLOSED: 'CLOSE',
}

export class SocketTable implements NetSockets {
  readonly tcp: TcpTable
  readonly udp: UdpTable
  readonly #ns: Namespace
  readonly #echoes = new Map<string, Echo>()
  #nextPort: number
  #nextEcho = 0

  constructor(ns: Namespace) {
    this.#ns = ns
    this.tcp = new TcpTable(ns)
    this.udp = new UdpTable(ns)
    this.#nextPort = ns.random.below(28232)
  }

  /** The next ephemeral port that is free, from a random start. */
  freePort(free: (port: number) => boolean): number {
    const [low, high] = (this.#ns.sysctls.get('net.ipv4.ip_local_port_range') ?? '32768\t60999').split('\t').map(Number) as [number, number]
    const range = high - low + 1
    for (let i = 0; i < range; i++) {
      const port = low + (this.#nextPort++ % range)
      if (free(port)) return port
    }
    throw new NetError('EADDRINUSE')
  }

  tcpListen(address: Ipv4, port: number, onConnection: (connection: TcpConnection) => void, options: { readonly owner?: string; readonly device?: string; readonly backlog?: number } = {}): TcpListener {
    return this.tcp.listen(address, port, onConnection, options)
  }

  tcpConnect(options: Parameters<NetSockets['tcpConnect']>[0], handlers: TcpHandlers): TcpConnection {
    return this.tcp.connect(options, handlers)
  }

  udpBind(options: UdpOptions, handlers: UdpHandlers): UdpEndpoint {
    return this.udp.bind(options, handlers)
  }

  ping(options: PingOptions, done: (result: PingResult) => void): void {
    const ns = this.#ns
    const fail = (errno: string, mtu?: number) => ns.network.later(ns.sim.now, () => done({ kind: 'error', errno, ...(mtu === undefined ? {} : { mtu }) }))
    const output = options.device === undefined ? undefined : ns.devices.get(options.device)
    const from = options.from ?? 0
    if (from !== 0 && !ns.fib.bindable(from)) return fail('EADDRNOTAVAIL')
    const path = routeOutput(ns, options.to, from, output, options.mark ?? 0)
    if ('errno' in path) return fail(path.errno)
    if (path.type === 'broadcast' && !options.broadcast) return fail('EACCES')
    const p = new Packet()
    p.source = path.source
    p.destination = options.to === 0 ? path.source : options.to
    p.protocol = ICMP
    p.icmpType = 8
    p.icmpId = options.id ?? (++this.#nextEcho & 0xffff)
    p.icmpSeq = options.sequence ?? 1
    p.length = 28 + (options.size ?? 56)
    p.df = options.dontFragment ?? p.length <= Math.min(path.mtu, ns.pathMtu(p.destination))
    p.ttl = options.ttl ?? ns.sysctls.defaultTtl
    p.mark = options.mark ?? 0
    p.id = ns.nextId()
    const mtu = Math.min(path.mtu, ns.pathMtu(p.destination))
    if (options.dontFragment && p.length > mtu) return fail('EMSGSIZE', mtu)
    const key = `${p.icmpId} ${p.icmpSeq}`
    const echo: Echo = { sent: ns.sim.now, done, timer: undefined, onRedirect: options.onRedirect }
    this.#echoes.set(key, echo)
    ns.network.startWalk(p)
    const errno = localOut(ns, p, path)
    if (this.#echoes.get(key) !== echo) return
    if (errno !== '') {
      this.#echoes.delete(key)
      return fail(errno)
    }
    echo.timer = ns.sim.after(options.timeout, () => {
      this.#echoes.delete(key)
      done({ kind: 'timeout' })
    })
  }

  #finish(p: Packet, id: number, sequence: number, result: (rtt: number) => PingResult): void {
    const key = `${id} ${sequence}`
    const echo = this.#echoes.get(key)
    if (!echo) return
    this.#echoes.delete(key)
    const ns = this.#ns
    ns.sim.cancel(echo.timer)
    const at = ns.sim.now + p.latency
    ns.network.later(at, () => echo.done(result(at - echo.sent)))
  }

  echoReply(p: Packet): void {
    this.#finish(p, p.icmpId, p.icmpSeq, (rtt) => ({ kind: 'reply', from: formatIpv4(p.source), ttl: p.ttl, rtt }))
  }

  echoError(p: Packet, quoted: Packet): void {
    if (p.icmpType === 5) {
      // a redirect is news, not the end
      const echo = this.#echoes.get(`${quoted.icmpId} ${quoted.icmpSeq}`)
      if (echo?.onRedirect) this.#ns.network.later(this.#ns.sim.now + p.latency, () => echo.onRedirect?.(formatIpv4(p.source), icmpText(p)))
      return
    }
    // Errors about anything but an echo request of ours mean nothing to ping.
    if (quoted.icmpType !== 8) return
    this.#finish(p, quoted.icmpId, quoted.icmpSeq, () => ({ kind: 'icmp', from: formatIpv4(p.source), type: p.icmpType, code: p.icmpCode, text: icmpText(p) }))
  }

  list(): readonly SocketInfo[] {
    const open = (address: Ipv4, port: number) => `${formatIpv4(address)}:${port === 0 ? '*' : port}`
    const result: SocketInfo[] = []
    for (const s of this.udp.sockets()) {
      result.push({ protocol: 'udp', state: s.connected ? 'ESTAB' : 'UNCONN', local: open(s.localAddress, s.localPort), remote: open(s.remoteAddress, s.remotePort), owner: s.owner, receiveQueue: 0, sendQueue: 0, ...(s.device === undefined ? {} : { device: s.device }) })
    }
    for (const port of new Set(this.#ns.tunnels.flatMap((d) => (d.up && d.vxlan ? [d.vxlan.port] : [])))) result.push({ protocol: 'udp', state: 'UNCONN', local: open(0, port), remote: '0.0.0.0:*', owner: '', receiveQueue: 0, sendQueue: 0 })
    for (const l of this.tcp.listeners()) {
      result.push({ protocol: 'tcp', state: 'LISTEN', local: open(l.address, l.port), remote: '0.0.0.0:*', owner: l.owner, receiveQueue: 0, sendQueue: l.backlog, ...(l.device === undefined ? {} : { device: l.device }) })
    }
    for (const c of this.tcp.connections()) {
      const owner = c.state === 'TIME_WAIT' ? '' : c.owner
      result.push({ protocol: 'tcp', state: stateNames[c.state] ?? c.state, local: open(c.localAddress, c.localPort), remote: open(c.remoteAddress, c.remotePort), owner, receiveQueue: 0, sendQueue: c.sendQueue, ...(c.device === undefined ? {} : { device: c.device }) })
    }
    return result
  }
}
