/** Usage of containers and nodes, and the API's answers. */
import { expect, test } from 'vitest'
import { CpuAccount } from '#engine/machine/cpu.ts'
import type { ApiRequest } from '#engine/api/types.ts'
import { answerMetrics, type Measured, type Metrics } from './answers.ts'
import { containerUsage, nodeUsage, scrapedAt, type ContainerReading } from './usage.ts'

const end = 1_800_000_000_000
const reading = (fields: Partial<ContainerReading> = {}): ContainerReading => ({ namespace: 'default', pod: 'p', name: 'c', image: 'docker.io/library/busybox', account: new CpuAccount(), held: 0, startedAt: end - 60_000, limit: undefined, ...fields })

test('what was computed in the last fifteen seconds, up to the limit', () => {
  const account = new CpuAccount()
  account.spend(end - 20_000, 12_500)
  expect([account.usedBefore(end), account.usedBefore(end - 15_000)]).toEqual([7500, 5000])
  expect(containerUsage(reading({ account }), end)?.cpu).toBe(500e6)
  expect(containerUsage(reading({ account, limit: 100 }), end)?.cpu).toBe(100e6)
  expect(containerUsage(reading({ held: 100 * 2 ** 20 }), end)!.memory).toBeGreaterThan(100 * 2 ** 20)
  expect(containerUsage(reading({ startedAt: end - 5000 }), end)).toBeUndefined()
  expect(scrapedAt(end + 14_999)).toBe(end)
})

test('a node is its containers and its system, and no more than it has', () => {
  const node = { containers: [reading({ image: 'registry.k8s.io/etcd' })], account: new CpuAccount(), startedAt: 0, controlPlane: true, capacity: 2000 }
  const { cpu, memory } = nodeUsage(node, 'n', end)!
  expect([cpu > 60e6, cpu < 100e6, memory > 400 * 2 ** 20]).toEqual([true, true, true])
  expect(nodeUsage({ ...node, capacity: 10 }, 'n', end)!.cpu).toBe(10e6)
})

test('lists, tables and what is not there', () => {
  const object = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: name } } })
  const measured = (name: string): Measured => ({ object: object(name), at: end, usage: new Map([['c', { cpu: 12_345_678, memory: 5 * 2 ** 20 }]]) })
  const metrics: Metrics = { nodes: () => [], pods: () => [measured('a'), measured('b')] }
  const ask = (path: string, query: [string, string[]][] = [], accept = '') => {
    const answer = answerMetrics({ method: 'GET', path: `/apis/metrics.k8s.io/v1beta1${path}`, query: new Map(query), headers: new Map([['accept', accept]]), body: '', user: { name: 'u', groups: [] } } satisfies ApiRequest, metrics, end + 1000)
    return answer.kind === 'complete' ? { code: answer.code, body: JSON.parse(answer.body) as { items?: unknown[]; message?: string; rows?: { cells: unknown[] }[] } } : undefined
  }
  expect(ask('/namespaces/default/pods', [['labelSelector', ['app=b']]])?.body.items).toEqual([{
    apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', metadata: { name: 'b', namespace: 'default', creationTimestamp: '2027-01-15T08:00:01Z', labels: { app: 'b' } },
    timestamp: '2027-01-15T08:00:00Z', window: '15s', containers: [{ name: 'c', usage: { cpu: '12345678n', memory: '5120Ki' } }],
  }])
  expect(ask('/namespaces/default/pods/c')).toMatchObject({ code: 404, body: { message: 'podmetrics.metrics.k8s.io "default/c" not found' } })
  expect(ask('/pods', [['labelSelector', ['a=b=c']]])).toMatchObject({ code: 400, body: { message: "found '=', expected: ',' or 'end of string'", reason: 'BadRequest' } })
  expect(ask('/pods', [['fieldSelector', ['status.phase=Running']]])).toMatchObject({ code: 400, body: { message: '"status.phase" is not a known field selector: only "metadata.name", "metadata.namespace"' } })
  expect(ask('/pods', [['fieldSelector', ['metadata.name!=a']]])?.body.items).toHaveLength(1)
  expect(ask('/pods', [], 'application/json;as=Table')?.body.rows?.map((r) => r.cells)).toEqual([['a', '12345678n', '5120Ki', '15s'], ['b', '12345678n', '5120Ki', '15s']])
})
