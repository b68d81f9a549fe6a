/** Runs one recorded terminal session (golden/linux/transcripts) on simulated hosts with bash and the real programs, and says what each command printed. */
import { dnsReply, decodeDns, encodeDns, rcode } from '../../src/base/dns.ts'
import { HttpReader, encodeResponse } from '../../src/base/http.ts'
import { byteLength } from '../../src/base/bytes.ts'
import { FsError } from '../../src/engine/machine/files.ts'
import type { Child, Process, Program } from '../../src/engine/machine/process.ts'
import type { Connection, Listener } from '../../src/engine/machine/sockets.ts'
import { LinuxHosts, type RecordedLink } from './linux-hosts.ts'

export interface Transcript {
  readonly id: string
  readonly area: string
  readonly ipv6: boolean
  readonly hosts: readonly string[]
  readonly links: readonly RecordedLink[]
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
  const world = new LinuxHosts({ seed: t.id, start: Date.UTC(2026, 0, 15, 10, 0, 0), hosts: t.hosts, links: t.links, etcHosts: t.etc_hosts, resolv: t.resolv })
  const { runner, hosts } = world
  const begin = world.begin.bind(world)
  const finish = world.finish.bind(world)
  for (const [host, cmd] of t.prep) {
    const { exit, stderr } = await world.run(host, cmd)
    if (exit !== 0 && process.env['SHOW_PREP']) console.error(`${t.id}: prep ${host}: ${cmd}: ${stderr}`)
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
