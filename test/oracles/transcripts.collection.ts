/**
 * kubectl against the reference cluster, command by command. A scenario runs once, when the first of its commands is asked for; each command is a case.
 * Only commands that two recordings agreed on count.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCluster, type Cluster } from '#engine/cluster/create.ts'
import { reference } from '#engine/cluster/shapes.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { sittingPrograms } from '#session/programs.ts'
import { collection, type Collection } from './collection.ts'
import { Normaliser } from './transcript-normal.ts'

interface Step {
  readonly kind?: string
  readonly cmd?: string
  readonly stdout?: string
  readonly stderr?: string
  readonly exit?: number
  readonly timed_out?: boolean
  readonly unstable?: boolean
  readonly name?: string
  readonly content?: string
  readonly pattern?: string
  readonly seconds?: number
}
interface Recording {
  readonly scenario: string
  readonly masks?: readonly (readonly [string, string])[]
  readonly steps: readonly Step[]
}
interface Output {
  readonly stdout: string
  readonly stderr: string
  readonly exit: number | string
}
interface Case {
  readonly recording: Recording
  readonly index: number
}

const environment = { HOME: '/root', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'dumb', USER: 'root', LOGNAME: 'root', SHELL: '/bin/bash' }
const limit = 120_000

async function newCluster(): Promise<{ runner: Runner; cluster: Cluster }> {
  const sim = new Sim({ seed: 'transcripts', start: Date.UTC(2026, 10, 21, 15, 0, 0) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const cluster = createCluster({ sim, spec: reference, programs: sittingPrograms })
  await cluster.ready(runner)
  cluster.workstation.fs.mkdir('/root/lab', { parents: true })
  await runner.runFor(60_000)
  return { runner, cluster }
}

async function perform(runner: Runner, cluster: Cluster, cmd: string): Promise<Output> {
  let [stdout, stderr] = ['', '']
  // `k` is another name for kubectl in the recordings.
  const child = cluster.workstation.start({ argv: ['bash', '-c', `k() { kubectl "$@"; }\n${cmd}`], env: environment, cwd: '/root/lab', output: { stdin: '', stdout: (t) => (stdout += t), stderr: (t) => (stderr += t) } })
  const done = await runner.runWhile(() => child.status === undefined, limit)
  return { stdout, stderr, exit: done ? (child.status?.code ?? -1) : 'timeout' }
}

/** What the simulator prints, command by command. */
export async function play(recording: Recording): Promise<Output[]> {
  const { runner, cluster } = await newCluster()
  const outputs: Output[] = []
  for (const step of recording.steps) {
    if (step.kind === 'file') {
      const path = `/root/lab/${step.name!}`
      cluster.workstation.fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
      cluster.workstation.fs.writeFile(path, step.content!)
    } else if (step.kind === 'wait') await runner.runFor(step.seconds! * 1000)
    else if (step.kind === 'until') {
      const pattern = new RegExp(step.pattern!.replace(/\(\?[a-z]+\)/g, ''), /\(\?s/.test(step.pattern!) ? 's' : '')
      for (let tries = 0; tries < 45; tries++) {
        const { stdout, stderr } = await perform(runner, cluster, step.cmd!)
        if (pattern.test(stdout + stderr)) break
        await runner.runFor(1000)
      }
    } else outputs.push(await perform(runner, cluster, step.cmd!))
  }
  return outputs
}

const played = new Map<string, { readonly expected: Output[]; readonly actual: Output[] } | Error>()

function literalOf(recording: Recording): string {
  return recording.steps.flatMap((s) => (s.kind === 'file' ? [s.content ?? ''] : (s.kind ?? 'command') === 'command' ? [s.cmd ?? ''] : [])).join('\n')
}

function normal(recording: Recording, outputs: readonly Output[]): Output[] {
  const normaliser = new Normaliser(literalOf(recording), recording.masks ?? [])
  const commands = recording.steps.filter((s) => (s.kind ?? 'command') === 'command')
  return commands.map((step, i) => {
    const output = outputs[i] ?? { stdout: '', stderr: '[not run]', exit: -1 }
    return { ...normaliser.command(step.cmd!, output.stdout, output.stderr), exit: output.exit }
  })
}

async function compare(recording: Recording): Promise<{ readonly expected: Output[]; readonly actual: Output[] } | Error> {
  const known = played.get(recording.scenario)
  if (known) return known
  let result: { readonly expected: Output[]; readonly actual: Output[] } | Error
  try {
    const commands = recording.steps.filter((s) => (s.kind ?? 'command') === 'command')
    const expected = normal(recording, commands.map((s) => ({ stdout: s.stdout ?? '', stderr: s.stderr ?? '', exit: s.timed_out ? 'timeout' : (s.exit ?? 0) })))
    result = { expected, actual: normal(recording, await play(recording)) }
  } catch (error) {
    result = error instanceof Error ? error : new Error(String(error))
  }
  played.set(recording.scenario, result)
  return result
}

const render = (o: Output): string => `${o.stdout}${o.stderr ? `\n[stderr]\n${o.stderr}` : ''}\n[exit ${o.exit}]`

const transcripts: Collection<Case> = {
  name: 'transcripts',
  needs: ['golden/transcripts/recordings'],
  load(shared) {
    const root = join(shared, 'golden/transcripts/recordings')
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.json')).sort()
    return files.flatMap((file) => {
      const recording = JSON.parse(readFileSync(join(root, file), 'utf8')) as Recording
      const commands = recording.steps.filter((s) => (s.kind ?? 'command') === 'command')
      return commands.flatMap((s, index) => (s.unstable ? [] : [{ recording, index }]))
    })
  },
  id: (item) => `${item.recording.scenario}#${item.index + 1}`,
  async run(item) {
    const both = await compare(item.recording)
    if (both instanceof Error) throw both
    const [expected, actual] = [render(both.expected[item.index]!), render(both.actual[item.index]!)]
    return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
  },
}

export const collections: Collection[] = [collection(transcripts)]
