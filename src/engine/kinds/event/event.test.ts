import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

test('both event groups show the same events', () => {
  const { send } = rigOn(new Sim({ seed: 'events', start: Date.UTC(2026, 0, 1) }))
  const made = send('POST', '/api/v1/namespaces/default/events', {
    apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' }, reason: 'Started', message: 'hello', type: 'Normal', count: 2,
  })
  expect(made.code).toBe(201)
  expect(send('GET', '/apis/events.k8s.io/v1/namespaces/default/events/e').body).toMatchObject({
    apiVersion: 'events.k8s.io/v1', regarding: { kind: 'Pod', name: 'p' }, note: 'hello', deprecatedCount: 2,
  })
  expect(send('POST', '/apis/events.k8s.io/v1/namespaces/default/events', { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'f' }, regarding: { namespace: 'default' } }).body.message).toMatch(/^Event "f" is invalid: \[eventTime: Required value/)
})
