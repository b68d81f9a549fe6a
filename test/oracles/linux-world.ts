/** One recorded network built in the simulator: hosts, links, setup, listeners; and its probes. Formats: golden/linux/README.md. */
import { formatIpv4, ipv4 } from '../../src/base/ip.ts'
import { NetError } from '../../src/engine/net/error.ts'
import type { Namespace } from '../../src/engine/net/namespace.ts'
import { parseCommand } from '../../src/engine/net/netfilter/parse.ts'
import { LinuxHosts, type RecordedLink } from './linux-hosts.ts'

export interface RecordedNetwork {
  readonly id: string
  readonly group: 'detail' | 'order'
  readonly hosts: readonly string[]
  readonly links: readonly RecordedLink[]
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
  readonly different_address?: true
  readonly text?: string
}

export class World {
  readonly #linux: LinuxHosts
  /** Setup commands and listeners that did not answer as recorded. */
  readonly differences: string[] = []

  private constructor(recorded: RecordedNetwork) {
    this.#linux = new LinuxHosts({
      seed: 'linux', start: 1_700_000_000_000, hosts: recorded.hosts, links: recorded.links,
      sysctls: { 'net.ipv4.conf.all.send_redirects': '0', 'net.ipv4.conf.default.send_redirects': '0', 'net.ipv4.conf.lo.send_redirects': '0', 'net.ipv4.neigh.default.retrans_time_ms': '200' },
    })
  }

  /** `detail`: counters start at zero and connection entries live for 600 s, as when counters were recorded. */
  static async build(recorded: RecordedNetwork, options: { readonly detail?: boolean } = {}): Promise<World> {
    const world = new World(recorded)
    const linux = world.#linux
    for (const [host, command, exit, output] of recorded.setup) {
      const result = await linux.run(host, command)
      // A sysctl that succeeds tells its new value; the recordings leave that out.
      const said = command.startsWith('sysctl') && result.exit === 0 ? '' : `${result.stdout}${result.stderr}`.trim()
      if (result.exit !== (exit ?? 0) || said !== (output ?? '').trim()) world.differences.push(`${host}: ${command}\n  expected ${exit ?? 0} ${output ?? ''}\n  actual   ${result.exit} ${said}`)
    }
    await linux.runner.runFor(1000)
    for (const l of recorded.listeners) world.#listen(l)
    if (options.detail) {
      for (const { net } of linux.hosts.values()) {
        for (const table of net.netfilter.tables) net.netfilter.apply(parseCommand(net, ['-t', table, '-Z']))
        net.conntrack.delete(() => true)
        for (const key of net.sysctlKeys) if (/^net\.netfilter\.nf_conntrack_.*timeout/.test(key)) net.setSysctl(key, '600')
      }
    }
    return world
  }

  /** What a command prints on that host. */
  async says(host: string, command: string): Promise<string> {
    return (await this.#linux.run(host, command)).stdout
  }

  net(host: string): Namespace {
    return this.#linux.hosts.get(host)!.net as Namespace
  }

  #listen(l: RecordedNetwork['listeners'][number]): void {
    const ns = this.net(l.host)
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
  async probe(p: RecordedProbe): Promise<ProbeResult> {
    if (p.proto === 'icmp') return this.#ping(p)
    const { sim } = this.#linux
    let result: ProbeResult | undefined
    if (p.proto === 'tcp') this.#tcp(this.net(p.from), p, (r) => (result ??= r))
    else this.#udp(this.net(p.from), p, (r) => (result ??= r))
    while (result === undefined && sim.step());
    // what is still under way, and the reset 60 ms after the answer
    sim.runUntil(sim.now + 100)
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
          this.#linux.sim.after(60, () => connection.abort())
          done(this.#answer(text))
        },
        onError: (errno, local) => done({ result: errno, ...(phase === 'recv' ? { phase } : {}), ...(local ? { local: true } : {}) }),
      },
    )
    this.#linux.sim.after(930, () => {
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
    this.#linux.sim.after(850, () => finish({ result: 'timeout' }))
  }

  async #ping(p: RecordedProbe): Promise<ProbeResult> {
    const { stdout, stderr } = await this.#linux.run(p.from, `ping -n -c 1 -W 1${p.src === undefined ? '' : ` -I ${p.src}`}${p.size === undefined ? '' : ` -M do -s ${p.size}`} ${p.dst}`)
    const said = stdout + stderr
    const reply = /bytes from ([\d.]+): icmp_seq/.exec(said)
    if (reply) return { result: 'ok', reply_from: reply[1]!, ...(said.includes('DIFFERENT ADDRESS') ? { different_address: true as const } : {}) }
    const error = /From ([\d.]+) icmp_seq=\d+ (.*)/.exec(said)
    if (error) return { result: 'icmp', reply_from: error[1]!, text: error[2]!.trim() }
    if (said.includes('broadcast')) return { result: 'broadcast' }
    const refusal = refusals.find(([text]) => said.includes(text))
    return refusal ? { result: refusal[1], local: true } : { result: 'timeout' }
  }
}

/** What ping says where no packet left, as an error number. */
const refusals: readonly (readonly [string, string])[] = [
  ['Network is unreachable', 'ENETUNREACH'],
  ['No route to host', 'EHOSTUNREACH'],
  ['Invalid argument', 'EINVAL'],
  ['Permission denied', 'EACCES'],
  ['Cannot assign requested address', 'EADDRNOTAVAIL'],
]
