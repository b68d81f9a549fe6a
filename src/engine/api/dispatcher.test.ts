/** Which writes are news to a cluster that stands idle. */
import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { Dispatcher } from './dispatcher.ts'
import { Store } from './store.ts'

const node = (time: string, ready = 'True', labels = {}) => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', labels },
  status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: time }] },
})

test('a sign of life delivered by idle work is idle work; any other write is not', () => {
  const sim = new Sim({ seed: 1, start: 0 })
  const store = new Store()
  const dispatcher = new Dispatcher(sim, store)
  const heard: string[] = []
  for (const resource of ['nodes', 'leases.coordination.k8s.io']) dispatcher.listen(resource, (e) => heard.push(e.resource))
  store.put('nodes', node('1'))
  sim.runUntil(1)
  const news = (write: () => void) => {
    const before = sim.activity
    sim.after(1, write, { quiet: true })
    sim.runUntil(sim.now + 2)
    return sim.activity - before
  }
  expect([
    news(() => store.put('leases.coordination.k8s.io', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'a', namespace: 'kube-node-lease' } })),
    news(() => store.put('nodes', node('2'))),
    news(() => store.put('nodes', node('3', 'False'))),
    news(() => store.put('nodes', node('3', 'False', { a: 'b' }))),
  ]).toEqual([0, 0, 1, 1])
  expect(heard).toEqual(['nodes', 'leases.coordination.k8s.io', 'nodes', 'nodes', 'nodes'])
})
