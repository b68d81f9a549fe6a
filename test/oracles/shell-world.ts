/** A host with a loopback interface only that has bash and the text tools, and ways to run one script or one session in it. */
import { SimNetwork } from '#engine/net/network.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import type { FileTree } from '#engine/machine/tree.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { netPrograms } from '#programs/net/table.ts'
import { nodePrograms } from '#programs/node/table.ts'
import { textPrograms } from '#programs/text/table.ts'
import { createBash } from '#shell/bash.ts'

const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...textPrograms, ...netPrograms, ...nodePrograms, ['bash', bash], ['sh', bash]])

export interface World {
  readonly sim: Sim
  readonly runner: Runner
  readonly host: Host
}

export function shellWorld(files?: (tree: FileTree) => void, after?: (host: Host) => void): World {
  const sim = new Sim({ seed: 'shell', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const bugs: unknown[] = []
  const network = new SimNetwork(sim)
  const net = network.createNamespace('controlplane')
  net.setLink('lo', { up: true })
  const host = new Host({
    sim, network, hostname: 'controlplane', net, programs, onBug: (e) => bugs.push(e),
    files: (tree) => {
      tree.program('/oracle-session', 'oracle-session')
      files?.(tree)
    },
  })
  after?.(host)
  return Object.assign({ sim, runner, host }, { bugs })
}

export async function runArgv(world: World, argv: readonly string[], options: { stdin?: string; env: Record<string, string>; cwd: string; user?: string; limit?: number }): Promise<{ stdout: string; stderr: string; exit: number | undefined; signal: string | undefined }> {
  let stdout = ''
  let stderr = ''
  const user = world.host.users.get(options.user ?? 'root')
  const child = world.host.start({ argv, env: options.env, cwd: options.cwd, ...(user ? { user } : {}), output: { stdin: options.stdin ?? '', stdout: (t) => (stdout += t), stderr: (t) => (stderr += t) } })
  const started = world.sim.eventsRun
  await world.runner.runWhile(() => child.status === undefined && world.sim.eventsRun - started < 200_000, options.limit ?? 120_000)
  const bugs = (world as World & { bugs?: unknown[] }).bugs ?? []
  if (bugs.length > 0) throw bugs[0]
  return { stdout, stderr, exit: child.status?.code, signal: child.status?.signal }
}

export const labEnv = (home: string, user: string): Record<string, string> => ({ HOME: home, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'xterm', USER: user })

export interface Step {
  stdout: string
  stderr: string
  exits: number[]
}

/** One interactive shell whose input and errors are a terminal and whose output is a pipe. `done`: what each input gave. */
export async function runSession(world: World, lines: readonly string[], env: Record<string, string>, cwd: string): Promise<{ steps: Step[]; ended: boolean }> {
  let out = ''
  let err = ''
  const starter: Program = async (process) => {
    process.tty!.setEcho(false)
    const { read, write } = process.pipe()
    const child = process.spawn({ argv: ['bash', '--norc', '--noprofile', '--noediting', '-i'], newGroup: true, fds: { 1: write } })
    write.release()
    for (let text = await read.read(); text !== undefined; text = await read.read()) out += text
    return (await child.wait()).code
  }
  ;(programs as Map<string, Program>).set('oracle-session', starter)
  const session = world.host.openTerminal({ argv: ['/oracle-session'], env: { ...env, PS1: '\x1e$?\x1f', PS2: '' }, cwd, columns: 120, rows: 40 })
  session.onOutput((text) => (err += text))
  const prompts = () => err.match(/\x1e(\d+)\x1f/g)?.length ?? 0
  const ended = () => session.child.status !== undefined
  await world.runner.runWhile(() => prompts() < 1 && !ended(), 5000)
  const steps: Step[] = []
  err = ''
  for (const line of lines) {
    if (ended()) break
    session.write(line + '\n')
    const started = world.sim.eventsRun
    await world.runner.runWhile(() => prompts() < 1 && !ended() && world.sim.eventsRun - started < 50_000, 120_000)
    await world.runner.runFor(line.includes('\n') ? 40 : 15)
    const exits = [...err.matchAll(/\x1e(\d+)\x1f/g)].map((m) => Number(m[1]))
    steps.push({ stdout: out, stderr: err.replace(/\x1e\d+\x1f/g, '').replace(/\r\n/g, '\n'), exits })
    out = ''
    err = ''
  }
  const bugs = (world as World & { bugs?: unknown[] }).bugs ?? []
  if (bugs.length > 0) throw bugs[0]
  return { steps, ended: ended() }
}
