import { expect, test } from 'vitest'
import type { Container, Pod } from '#engine/kinds/pod/types.ts'
import { changedResources, infeasible, needsRestart, resizeMessage } from './resize.ts'

const pod = (containers: Partial<Container>[]): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', generation: 3 }, spec: { containers: containers.map((c, i) => ({ name: `c${i}`, ...c })) } })

test('what differs, however it is written', () => {
  expect([
    changedResources({ requests: { cpu: '100m', memory: '64Mi' } }, { requests: { cpu: '0.1', memory: '65536Ki' } }),
    changedResources({ requests: { cpu: '100m' } }, { requests: { cpu: '100m' }, limits: { memory: '1Gi' } }),
    changedResources(undefined, { requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' } }),
  ]).toEqual([[], ['memory'], ['cpu', 'memory']])
})

test('what a resize needs, and what is said', () => {
  const container: Container = { name: 'c', resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }, { resourceName: 'cpu', restartPolicy: 'NotRequired' }] }
  expect([needsRestart(container, ['cpu']), needsRestart(container, ['cpu', 'memory']), needsRestart({ name: 'c' }, ['memory'])]).toEqual([false, true, false])
  expect(infeasible(pod([{ resources: { requests: { cpu: '3' } } }]), { cpu: '2', memory: '1Gi' })).toEqual({ reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000" })
  expect(resizeMessage('started', pod([{ resources: { requests: { memory: '1Gi', cpu: '1' } } }, {}]))).toBe('Pod resize started: {"containers":[{"name":"c0","resources":{"requests":{"cpu":"1","memory":"1Gi"}}},{"name":"c1","resources":{}}],"generation":3}')
})
