/** A host without network that has bash and the text tools, and ways to run one script or one session in it. */
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { Host } from '#engine/machine/host.ts'
import type { Program } from '#engine/machine/process.ts'
import type { FileTree } from '#engine/machine/tree.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { textPrograms } from '#programs/text/table.ts'
import { createBash } from '#shell/bash.ts'

const net = (): NetNamespace => ({ node: '', links: new Map(), routes: () => [], sysctl: () => undefined, setSysctl() {}, netfilter: { restore() {}, ipsets: { names: [] } }, sockets: { list: () => [] } }) as unknown as NetNamespace

const bash = createBash({ completers: new Map() })
const programs: ReadonlyMap<string, Program> = new Map<string, Program>([...textPrograms, ['bash', bash], ['sh', bash]])

export interface World {
  readonly sim: Sim
  readonly runner: Runner
  readonly host: Host
}

export function shellWorld(files?: (tree: FileTree) => void): World {
  const sim = new Sim({ seed: 'shell', start: Date.UTC(2026, 0, 15, 10, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const bugs: unknown[] = []
  const host = new Host({ sim, network: {} as Network, hostname: 'controlplane', net: net(), programs, ...(files ? { files } : {}), onBug: (e) => bugs.push(e) })
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
