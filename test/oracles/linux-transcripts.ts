/** Runs one recorded terminal session (golden/linux/transcripts) on simulated hosts with bash and the real programs, and says what each command printed. */
import { dnsReply, decodeDns, encodeDns, rcode } from '../../src/base/dns.ts'
import { HttpReader, encodeResponse } from '../../src/base/http.ts'
import { byteLength } from '../../src/base/bytes.ts'
import { Host } from '../../src/engine/machine/host.ts'
import { FsError } from '../../src/engine/machine/files.ts'
import type { Child, Process, Program } from '../../src/engine/machine/process.ts'
import type { Connection, Listener } from '../../src/engine/machine/sockets.ts'
import { SimNetwork } from '../../src/engine/net/network.ts'
import { Runner } from '../../src/engine/sim/runner.ts'
import { Sim } from '../../src/engine/sim/sim.ts'
import { netPrograms } from '../../src/programs/net/table.ts'
import { nodePrograms } from '../../src/programs/node/table.ts'
import { textPrograms } from '../../src/programs/text/table.ts'
import { createBash } from '../../src/shell/bash.ts'

export interface Transcript {
  readonly id: string
  readonly area: string
  readonly ipv6: boolean
  readonly hosts: readonly string[]
  readonly links: readonly { readonly a: readonly [string, string, string]; readonly b: readonly [string, string, string] }[]
  readonly etc_hosts?: readonly string[]
  readonly resolv?: string
  readonly prep: readonly (readonly [string, string])[]
  readonly steps: readonly TranscriptStep[]
}

export interface TranscriptStep {
  readonly host: string
  readonly cmd?: string
  readonly stdout?: string
  readonly stderr?: string
  readonly exit?: number
  readonly sorted?: boolean
  readonly varies?: boolean
  readonly listen?: readonly { readonly proto: 'tcp' | 'udp'; readonly addr: string; readonly port: number; readonly kind: string; readonly name: string; readonly zone?: Readonly<Record<string, string>> }[]
  readonly bg?: string
  readonly wait?: string
  readonly timeout?: number
  readonly pause?: number
}

export interface StepResult {
  readonly stdout: string
  readonly stderr: string
  readonly exit: number | undefined
}

const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...textPrograms, ...netPrograms, ...nodePrograms, ['bash', bash], ['sh', bash]])

async function serve(p: Process, kind: string, name: string, connection: Connection): Promise<void> {
  const text = `${name} saw ${connection.remote.host}\n`
  try {
    if (kind === 'close') return connection.close()
    if (kind === 'silent') {
      while ((await connection.read()) !== undefined);
      return connection.close()
    }
    if (kind === 'who' || kind === 'who-close') {
      await connection.write(text)
      if (kind === 'who-close') connection.end()
      while ((await connection.read()) !== undefined);
      return connection.close()
    }
    const first = await connection.read()
    if (first === undefined) return connection.close()
    if (!/^[A-Za-z]/.test(first)) {
      await connection.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      return connection.close()
    }
    let given: string | undefined = first
    const reader = new HttpReader(async () => {
      const chunk = given
      given = undefined
      return chunk ?? connection.read()
    }, 'request')
    await reader.message()
    await connection.write(encodeResponse({ status: 200, headers: { 'Content-Type': 'text/plain', 'Content-Length': String(byteLength(text)), Connection: 'close' }, body: text }))
    connection.close()
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  void p
}

function listener(spec: NonNullable<TranscriptStep['listen']>[number]): Program {
  return async (p) => {
    if (spec.proto === 'udp') {
      const socket = p.sockets.udp({ host: spec.addr, port: spec.port })
      for (;;) {
        const message = await socket.receive()
        if (!message) return 0
        if (spec.kind === 'dns') {
          const query = decodeDns(message.data)
          if (!query) continue
          const q = query.questions[0]!
          const address = spec.zone?.[q.name.replace(/\.$/, '').toLowerCase()]
          const known = address !== undefined
          await socket.send(encodeDns(dnsReply(query, {
            authoritative: true, recursionAvailable: true, rcode: known ? rcode.noError : rcode.nxDomain, answers: known && q.type === 'A' ? [{ name: q.name, type: 'A', class: 'IN', ttl: 30, data: address }] : [],
          })), message.from)
        } else await socket.send(`${spec.name} saw ${message.from.host}\n`, message.from)
      }
    }
    const bind = async (): Promise<Listener> => {
      for (;;) {
        try {
          return p.sockets.listen(spec.addr, spec.port, { backlog: 64 })
        } catch (error) {
          if (!(error instanceof FsError) || error.code !== 'EADDRNOTAVAIL') throw error
        }
        await p.sleep(10)
      }
    }
    const door = await bind()
    for (;;) {
      const connection = await door.accept()
      // Each connection is served on its own.
      p.spawn({ argv: ['serve'], program: (child) => child.forever() }).signal('SIGKILL')
      void serve(p, spec.kind, spec.name, connection)
    }
  }
}

export async function runTranscript(t: Transcript): Promise<(StepResult | undefined)[]> {
  const sim = new Sim({ seed: t.id, start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const network = new SimNetwork(sim)
  const bugs: unknown[] = []
  const hosts = new Map<string, Host>()
  for (const name of t.hosts) {
    const net = network.createNamespace(name)
    hosts.set(name, new Host({
      sim, network, hostname: name, net, programs, onBug: (e) => bugs.push(e),
      files: (tree) => {
        tree.file('/etc/hosts', ['127.0.0.1 localhost', ...(t.etc_hosts ?? []), ''].join('\n')).file('/etc/resolv.conf', t.resolv ?? '')
      },
    }))
  }
  for (const { a, b } of t.links) network.namespaces.get(a[0])!.addLink(a[1], { kind: 'veth', peer: { name: b[1], namespace: network.namespaces.get(b[0])!, mac: b[2] } }, { mac: a[2] })
  const begin = (host: string, cmd: string) => {
    const out = { stdout: '', stderr: '' }
    const child = hosts.get(host)!.start({
      argv: ['/bin/bash', '-c', cmd], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C', HOME: '/root' }, cwd: '/', background: false,
      output: { stdin: '', stdout: (text) => (out.stdout += text), stderr: (text) => (out.stderr += text) },
    })
    return { child, out }
  }
  const finish = async (child: Child, ms: number) => {
    const events = sim.eventsRun
    await runner.runWhile(() => child.status === undefined && sim.eventsRun - events < 300_000, ms)
    if (bugs.length > 0) throw bugs[0]
  }
  for (const [host, cmd] of t.prep) {
    const { child, out } = begin(host, cmd)
    await finish(child, 30_000)
    if (child.status?.code !== 0 && process.env['SHOW_PREP']) console.error(`${t.id}: prep ${host}: ${cmd}: ${out.stderr}`)
  }
  await runner.runFor(300)
  const running = new Map<string, { child: Child; out: { stdout: string; stderr: string } }>()
  const results: (StepResult | undefined)[] = []
  for (const step of t.steps) {
    if (step.listen) {
      for (const spec of step.listen) hosts.get(step.host)!.start({ argv: ['listener'], program: listener(spec), ...(spec.proto === 'tcp' && {}) })
      await runner.runFor(100)
      results.push(undefined)
    } else if (step.pause !== undefined) {
      await runner.runFor(step.pause * 1000)
      results.push(undefined)
    } else if (step.bg !== undefined) {
      running.set(step.bg, begin(step.host, step.cmd!))
      await runner.runFor(step.cmd!.startsWith('tcpdump') ? 1000 : 300)
      results.push(undefined)
    } else if (step.wait !== undefined) {
      const { child, out } = running.get(step.wait)!
      await finish(child, (step.timeout ?? 4) * 1000)
      if (child.status === undefined) {
        // Ctrl-C reaches the command, not the shell that waits for it.
        const all = [...hosts.get(step.host)!.processes.values()]
        const below = all.filter((p) => p.ppid === child.pid)
        for (const p of below.length > 0 ? below : all.filter((x) => x.pid === child.pid)) hosts.get(step.host)!.start({ argv: ['kill'], program: async (k) => { k.kill(p.pid, 'SIGINT'); return 0 } })
        await finish(child, 2000)
      }
      results.push({ ...out, exit: child.status?.code })
    } else {
      const { child, out } = begin(step.host, step.cmd!)
      await finish(child, 120_000)
      results.push({ ...out, exit: child.status?.code })
      await runner.runFor(20)
    }
  }
  return results
}
