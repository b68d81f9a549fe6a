/** One recorded network built in the simulator: hosts, links, setup, listeners; and its probes. Formats: golden/linux/README.md. */
import { formatIpv4, ipv4 } from '../../src/base/ip.ts'
import { NetError } from '../../src/engine/net/error.ts'
import type { Namespace } from '../../src/engine/net/namespace.ts'
import { SimNetwork } from '../../src/engine/net/network.ts'
import { Sim } from '../../src/engine/sim/sim.ts'
import { parseCommand } from '../../src/engine/net/netfilter/parse.ts'
import { runNetworkCommand } from './linux-commands.ts'

export interface RecordedNetwork {
  readonly id: string
  readonly group: 'detail' | 'order'
  readonly hosts: readonly string[]
  readonly links: readonly { readonly a: readonly [string, string, string]; readonly b: readonly [string, string, string] }[]
  readonly setup: readonly (readonly [string, string, number?, string?])[]
  readonly listeners: readonly { readonly host: string; readonly proto: 'tcp' | 'udp'; readonly addr: string; readonly port: number; readonly name: string; readonly bind_error?: string }[]
  readonly probes: readonly RecordedProbe[]
}

export interface RecordedProbe extends ProbeResult {
  readonly from: string
  readonly proto: 'tcp' | 'udp' | 'icmp'
  readonly dst: string
  readonly port?: number
  readonly src?: string
  readonly size?: number
}

export interface ProbeResult {
  readonly result: string
  readonly by?: string
  readonly saw?: string
  readonly phase?: string
  readonly local?: true
  readonly reply_from?: string
  readonly text?: string
}

export class World {
  readonly sim = new Sim({ seed: 'linux', start: 1_700_000_000_000 })
  readonly network = new SimNetwork(this.sim)
  readonly hosts = new Map<string, Namespace>()
  /** Setup commands and listeners that did not answer as recorded. */
  readonly differences: string[] = []

  /** `detail`: counters start at zero and connection entries live for 600 s, as when counters were recorded. */
  constructor(recorded: RecordedNetwork, options: { readonly detail?: boolean } = {}) {
    for (const name of recorded.hosts) {
      const ns = this.network.createNamespace(name)
      ns.setSysctl('net.ipv4.conf.all.send_redirects', '0')
      ns.setSysctl('net.ipv4.conf.default.send_redirects', '0')
      ns.setSysctl('net.ipv4.conf.lo.send_redirects', '0')
      ns.setSysctl('net.ipv4.neigh.default.retrans_time_ms', '200')
      this.hosts.set(name, ns)
    }
    for (const { a, b } of recorded.links) this.hosts.get(a[0])!.addLink(a[1], { kind: 'veth', peer: { name: b[1], namespace: this.hosts.get(b[0])!, mac: b[2] } }, { mac: a[2] })
    for (const [host, command, exit, output] of recorded.setup) {
      const result = runNetworkCommand(this.hosts.get(host)!, command)
      if (result.exit !== (exit ?? 0) || (output !== undefined && result.output.trim() !== output.trim())) this.differences.push(`${host}: ${command}\n  expected ${exit ?? 0} ${output ?? ''}\n  actual   ${result.exit} ${result.output}`)
    }
    this.sim.runUntil(this.sim.now + 1000)
    for (const l of recorded.listeners) this.#listen(l)
    if (!options.detail) return
    for (const ns of this.hosts.values()) {
      for (const table of ns.netfilter.tables) ns.netfilter.apply(parseCommand(ns, ['-t', table, '-Z']))
      ns.conntrack.delete(() => true)
      for (const key of ns.sysctlKeys) if (/^net\.netfilter\.nf_conntrack_.*timeout/.test(key)) ns.setSysctl(key, '600')
    }
  }

  #listen(l: RecordedNetwork['listeners'][number]): void {
    const ns = this.hosts.get(l.host)!
    let error: string | undefined
    try {
      if (l.proto === 'tcp') {
        ns.sockets.tcpListen(ipv4(l.addr), l.port, (connection) => {
          connection.handlers = { onEnd: () => connection.end() }
          connection.send(`${l.name} saw ${formatIpv4(connection.remoteAddress)}\n`)
        })
      } else {
        const socket = ns.sockets.udpBind({ address: ipv4(l.addr), port: l.port }, { onMessage: (_data, from) => void socket.send(`${l.name} saw ${formatIpv4(from.address)}\n`, from) })
      }
    } catch (e) {
      if (!(e instanceof NetError)) throw e
      error = e.code
    }
    if (error !== l.bind_error) this.differences.push(`listener ${l.name}: expected ${l.bind_error ?? 'to bind'}, actual ${error ?? 'bound'}`)
  }

  /** Runs one probe to its end. */
  probe(p: RecordedProbe): ProbeResult {
    const ns = this.hosts.get(p.from)!
    let result: ProbeResult | undefined
    if (p.proto === 'tcp') this.#tcp(ns, p, (r) => (result ??= r))
    else if (p.proto === 'udp') this.#udp(ns, p, (r) => (result ??= r))
    else this.#ping(ns, p, (r) => (result ??= r))
    while (result === undefined && this.sim.step());
    // what is still under way, and the reset 60 ms after the answer
    this.sim.runUntil(this.sim.now + 100)
    return result ?? { result: 'nothing' }
  }

  #answer(text: string): ProbeResult {
    const [by, , saw] = text.trim().split(' ')
    return { result: 'ok', by: by!, saw: saw! }
  }

  #tcp(ns: Namespace, p: RecordedProbe, done: (r: ProbeResult) => void): void {
    let phase: 'connect' | 'recv' = 'connect'
    const connection = ns.sockets.tcpConnect(
      { to: ipv4(p.dst), port: p.port!, ...(p.src === undefined ? {} : { from: ipv4(p.src) }) },
      {
        onOpen: () => (phase = 'recv'),
        onData: (text) => {
          this.sim.after(60, () => connection.abort())
          done(this.#answer(text))
        },
        onError: (errno, local) => done({ result: errno, ...(phase === 'recv' ? { phase } : {}), ...(local ? { local: true } : {}) }),
      },
    )
    this.sim.after(930, () => {
      connection.abort()
      done({ result: 'timeout', ...(phase === 'recv' ? { phase } : {}) })
    })
  }

  #udp(ns: Namespace, p: RecordedProbe, done: (r: ProbeResult) => void): void {
    let socket: ReturnType<typeof ns.sockets.udpBind>
    try {
      socket = ns.sockets.udpBind(p.src === undefined ? {} : { address: ipv4(p.src) }, { onMessage: (text) => finish(this.#answer(text)), onError: (errno) => finish({ result: errno, phase: 'recv' }) })
    } catch (e) {
      if (!(e instanceof NetError)) throw e
      return done({ result: e.code, phase: 'bind', local: true })
    }
    const finish = (r: ProbeResult) => {
      socket.close()
      done(r)
    }
    const failed = socket.connect(ipv4(p.dst), p.port!)
    if (failed !== undefined) return finish({ result: failed, phase: 'connect', local: true })
    const errno = socket.send('ask\n')
    if (errno !== undefined) return finish({ result: errno, phase: 'send' })
    this.sim.after(850, () => finish({ result: 'timeout' }))
  }

  #ping(ns: Namespace, p: RecordedProbe, done: (r: ProbeResult) => void): void {
    ns.sockets.ping({ to: ipv4(p.dst), timeout: 1000, ...(p.src === undefined ? {} : { from: ipv4(p.src) }), ...(p.size === undefined ? {} : { size: p.size, dontFragment: true }) }, (r) => {
      if (r.kind === 'reply') done({ result: 'ok', reply_from: r.from })
      else if (r.kind === 'icmp') done({ result: 'icmp', reply_from: r.from, text: r.text })
      else if (r.kind === 'timeout') done({ result: 'timeout' })
      else if (r.errno === 'EACCES') done({ result: 'broadcast' })
      else if (r.errno === 'EPERM' || (p.src !== undefined && r.errno !== 'EADDRNOTAVAIL')) done({ result: 'timeout' })
      else done({ result: r.errno, local: true })
    })
  }
}
