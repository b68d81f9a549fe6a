/** What a learner waits for: a cluster, a command, a fork; and what an idle lab costs. */
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'
import { drain, sandbox } from '../world.ts'
import type { Figure } from './run.ts'

const since = (start: number) => performance.now() - start
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

export async function bench(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  await sandbox()
  const starts: number[] = []
  for (let i = 0; i < 5; i++) {
    const start = performance.now()
    await sandbox('trio', `bench-${i}`)
    starts.push(since(start))
  }
  figures.push({ name: 'cluster start to DNS Ready (median of 5)', value: median(starts), unit: 'ms' })

  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const sitting = await sandbox('trio', 'memory')
  globalThis.gc?.()
  figures.push({ name: 'memory of a lab (heap)', value: (process.memoryUsage().heapUsed - heapBefore) / 1e6, unit: 'MB' })

  const gets: number[] = []
  for (let i = 0; i < 50; i++) {
    const start = performance.now()
    await sitting.perform('kubectl get pods -A')
    gets.push(since(start))
  }
  figures.push({ name: 'kubectl get pods -A (median of 50)', value: median(gets), unit: 'ms' })

  const hundred = await Sitting.begin({ seed: 'hundred', open: { kind: 'sandbox', id: 'trio', cluster: 'trio' }, spec: specOf('trio'), drain })
  const live = performance.now()
  for (let i = 0; i < 100; i++) await hundred.perform(['kubectl get pods -A', 'kubectl create configmap c' + i + ' --from-literal=a=b', 'kubectl get svc', 'echo $((1+1)) | sed s/2/3/'][i % 4]!)
  const liveTime = since(live)
  const fork = performance.now()
  await hundred.fork()
  const forkTime = since(fork)
  figures.push({ name: 'fork of a 100-command sitting', value: forkTime, unit: 'ms' })
  figures.push({ name: 'fork, as a ratio of the commands themselves', value: forkTime / (liveTime + median(starts)), unit: '×' })

  const idle = await sandbox('trio', 'idle')
  const events = idle.sim.eventsRun
  const start = performance.now()
  await idle.runner.runFor(2 * 3600_000)
  figures.push({ name: 'two virtual hours of an idle lab', value: since(start), unit: 'ms' })
  figures.push({ name: 'two virtual hours of an idle lab, events', value: idle.sim.eventsRun - events, unit: 'events' })

  const stored = await sandbox('trio', 'stored')
  const { api } = stored.cluster
  const client = api.client({ name: 'kubernetes-admin', groups: ['system:masters'] })
  const begin = performance.now()
  for (let i = 0; i < 2000; i++) client.create({ group: '', version: 'v1', resource: 'configmaps' }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${i}`, namespace: 'default' }, data: { a: 'b' } })
  figures.push({ name: 'objects stored', value: 2000 / (since(begin) / 1000), unit: 'per s' })
  return figures
}
