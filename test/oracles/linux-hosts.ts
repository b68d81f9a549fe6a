/** Hosts of a recording: network namespaces joined by veth pairs, each a machine with bash and the real programs. */
import { Host } from '../../src/engine/machine/host.ts'
import type { Child, Program } from '../../src/engine/machine/process.ts'
import { SimNetwork } from '../../src/engine/net/network.ts'
import { Runner } from '../../src/engine/sim/runner.ts'
import { Sim } from '../../src/engine/sim/sim.ts'
import { netPrograms } from '../../src/programs/net/table.ts'
import { nodePrograms } from '../../src/programs/node/table.ts'
import { textPrograms } from '../../src/programs/text/table.ts'
import { createBash } from '../../src/shell/bash.ts'

/** Two ends: host, device, MAC address. */
export interface RecordedLink {
  readonly a: readonly [string, string, string]
  readonly b: readonly [string, string, string]
}

const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...textPrograms, ...netPrograms, ...nodePrograms, ['bash', bash], ['sh', bash]])

export class LinuxHosts {
  readonly sim: Sim
  readonly runner: Runner
  readonly hosts = new Map<string, Host>()
  readonly #bugs: unknown[] = []

  constructor(made: { readonly seed: string; readonly start: number; readonly hosts: readonly string[]; readonly links: readonly RecordedLink[]; readonly etcHosts?: readonly string[] | undefined; readonly resolv?: string | undefined; readonly sysctls?: Readonly<Record<string, string>> }) {
    this.sim = new Sim({ seed: made.seed, start: made.start })
    this.runner = new Runner(this.sim, () => new Promise((resolve) => setImmediate(resolve)))
    const network = new SimNetwork(this.sim)
    for (const hostname of made.hosts) {
      const net = network.createNamespace(hostname)
      for (const [key, value] of Object.entries(made.sysctls ?? {})) net.setSysctl(key, value)
      this.hosts.set(hostname, new Host({
        sim: this.sim, network, hostname, net, programs, onBug: (e) => this.#bugs.push(e),
        files: (tree) => {
          tree.file('/etc/hosts', ['127.0.0.1 localhost', ...(made.etcHosts ?? []), ''].join('\n')).file('/etc/resolv.conf', made.resolv ?? '')
        },
      }))
    }
    for (const { a, b } of made.links) this.#net(a[0]).addLink(a[1], { kind: 'veth', peer: { name: b[1], namespace: this.#net(b[0]), mac: b[2] } }, { mac: a[2] })
  }

  #net(host: string) {
    return this.hosts.get(host)!.net
  }

  begin(host: string, command: string): { readonly child: Child; readonly out: { stdout: string; stderr: string } } {
    const out = { stdout: '', stderr: '' }
    const child = this.hosts.get(host)!.start({
      argv: ['/bin/bash', '-c', command], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C', HOME: '/root' }, cwd: '/', background: false,
      output: { stdin: '', stdout: (text) => (out.stdout += text), stderr: (text) => (out.stderr += text) },
    })
    return { child, out }
  }

  /** Until the child has ended, at most `ms` of virtual time. */
  async finish(child: Child, ms: number): Promise<void> {
    const events = this.sim.eventsRun
    await this.runner.runWhile(() => child.status === undefined && this.sim.eventsRun - events < 300_000, ms)
    if (this.#bugs.length > 0) throw this.#bugs[0]
  }

  async run(host: string, command: string): Promise<{ readonly stdout: string; readonly stderr: string; readonly exit: number | undefined }> {
    const { child, out } = this.begin(host, command)
    await this.finish(child, 30_000)
    return { ...out, exit: child.status?.code }
  }
}
