import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { configMap, rigOn } from '../testing/rig.ts'

const HOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const MAPS = '/api/v1/namespaces/default/configmaps'

test('a webhook that cannot be reached refuses what it is asked about, if it must not be missed', () => {
  const { send } = rigOn(new Sim({ seed: 'webhooks', start: Date.UTC(2026, 0, 1) }))
  const hook = (more: object) => ({ name: 'w.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { service: { namespace: 'default', name: 'hook', path: '/v' } }, rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }], timeoutSeconds: 2, ...more })
  const put = (more: object) => {
    send('DELETE', `${HOOKS}/w`)
    expect(send('POST', HOOKS, { metadata: { name: 'w' }, webhooks: [hook(more)] }).code).toBe(201)
  }
  put({ matchConditions: [{ name: 'c', expression: "object.metadata.name != 'skip'" }] })
  const answer = send('POST', MAPS, configMap('a'))
  expect([answer.code, answer.body.message]).toEqual([500, 'Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: Post "https://hook.default.svc:443/v?timeout=2s": service "hook" not found'])
  expect(send('POST', MAPS, configMap('skip')).code).toBe(201)
  put({ failurePolicy: 'Ignore' })
  expect(send('POST', MAPS, configMap('b')).code).toBe(201)
  put({ clientConfig: { url: 'https://127.0.0.1:1/v' } })
  expect(send('POST', MAPS, configMap('c')).body.message).toContain('Post "https://127.0.0.1:1/v?timeout=2s": dial tcp 127.0.0.1:1: connect: connection refused')
})
