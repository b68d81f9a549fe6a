/** What a learner waits for: a cluster, a command, a fork; and what an idle lab costs. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'
import { promptBefore, Standby } from '#session/standby.ts'
import { drain, sandbox } from '../world.ts'
import type { Figure } from './run.ts'

/** Wall time, and the time that the processor gave: on a busy machine only the second one compares. */
interface Moment {
  readonly wall: number
  readonly cpu: number
}

const cpuNow = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const moment = (): Moment => ({ wall: performance.now(), cpu: cpuNow() })
const since = (start: Moment): Moment => ({ wall: performance.now() - start.wall, cpu: cpuNow() - start.cpu })
const both = (name: string, spent: Moment): Figure[] => [{ name, value: spent.wall, unit: 'ms' }, { name: `${name}, processor`, value: spent.cpu, unit: 'ms' }]
const medians = (spent: readonly Moment[]): Moment => ({ wall: median(spent.map((s) => s.wall)), cpu: median(spent.map((s) => s.cpu)) })
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

export async function bench(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  await sandbox()
  const starts: Moment[] = []
  for (let i = 0; i < 5; i++) {
    const start = moment()
    await sandbox('trio', `bench-${i}`)
    starts.push(since(start))
  }
  figures.push(...both('cluster start to DNS Ready (median of 5)', medians(starts)))

  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const collectGarbage = async () => {
    for (let i = 0; i < 3; i++) {
      gc()
      await drain()
    }
  }
  const sitting = await sandbox('trio', 'memory')
  await collectGarbage()
  const heapBefore = process.memoryUsage().heapUsed
  const kept = [await sandbox('trio', 'memory-1'), await sandbox('trio', 'memory-2')]
  await collectGarbage()
  figures.push({ name: 'memory of a lab (heap)', value: (process.memoryUsage().heapUsed - heapBefore) / kept.length / 1e6, unit: 'MB' })

  const gets: Moment[] = []
  for (let i = 0; i < 50; i++) {
    const start = moment()
    await sitting.perform('kubectl get pods -A')
    gets.push(since(start))
  }
  figures.push(...both('kubectl get pods -A (median of 50)', medians(gets)))

  const hundred = await Sitting.begin({ seed: 'hundred', open: { kind: 'sandbox', id: 'trio', cluster: 'trio' }, spec: specOf('trio'), drain })
  await hundred.apply({ kind: 'terminal-open', terminal: 'main', columns: 100, rows: 30 })
  await hundred.runner.runFor(1000)
  // Typed key by key, as a learner does.
  const enter = async (line: string) => {
    for (const data of `${line}\r`) {
      await hundred.apply({ kind: 'key', terminal: 'main', data })
      await hundred.runner.runFor(100)
    }
    await hundred.runner.runFor(2000)
  }
  const live = moment()
  for (let i = 0; i < 100; i++) await enter(['kubectl get pods -A', 'kubectl create configmap c' + i + ' --from-literal=a=b', 'kubectl get svc', 'echo $((1+1)) | sed s/2/3/'][i % 4]!)
  const liveTime = since(live)
  const standby = new Standby(hundred.options, 1)
  const forks: Moment[] = []
  const replays: Moment[] = []
  for (let i = 0; i < 5; i++) {
    // What the session does while the learner reads: a copy stands where the last command was typed.
    standby.follow(...promptBefore(hundred, hundred.commands.at(-1)))
    await standby.ready
    const fork = moment()
    await standby.take(hundred.inputs, hundred.elapsed)
    forks.push(since(fork))
    const replay = moment()
    await hundred.fork()
    replays.push(since(replay))
  }
  figures.push(...both('fork of a 100-command sitting (median of 5)', medians(forks)))
  figures.push(...both('fork by replay from the start (median of 5)', medians(replays)))
  figures.push({ name: 'replay, as a ratio of the commands themselves', value: medians(replays).cpu / (liveTime.cpu + medians(starts).cpu), unit: '×' })

  const idle = await sandbox('trio', 'idle')
  const events = idle.sim.eventsRun
  const start = moment()
  await idle.runner.runFor(2 * 3600_000)
  figures.push(...both('two virtual hours of an idle lab', since(start)))
  figures.push({ name: 'two virtual hours of an idle lab, events', value: idle.sim.eventsRun - events, unit: 'events' })

  const stored = await sandbox('trio', 'stored')
  const { api } = stored.cluster
  const client = api.client({ name: 'kubernetes-admin', groups: ['system:masters'] })
  const begin = moment()
  for (let i = 0; i < 2000; i++) client.create({ group: '', version: 'v1', resource: 'configmaps' }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${i}`, namespace: 'default' }, data: { a: 'b' } })
  figures.push({ name: 'objects stored, processor', value: 2000 / (since(begin).cpu / 1000), unit: 'per s' })
  return figures
}
