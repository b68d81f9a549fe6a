import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

test('server-side apply knows sets and maps of custom resources', () => {
  const rig = rigOn(new Sim({ seed: 'typing', start: Date.UTC(2026, 0, 1) }))
  const spec = {
    type: 'object',
    properties: { tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' }, ports: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer' } } } }, plain: { type: 'array', items: { type: 'string' } } },
  }
  rig.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { metadata: { name: 'things.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }] } })
  rig.sim.runUntil(rig.sim.now + 1000)
  const apply = (manager: string, spec: object) =>
    rig.send('PATCH', `/apis/example.com/v1/namespaces/default/things/t?fieldManager=${manager}`, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec }, { headers: { 'content-type': 'application/apply-patch+yaml' } }).body
  expect(apply('a', { tags: ['x'], ports: [{ name: 'http', port: 80 }], plain: ['1'] }).spec).toEqual({ tags: ['x'], ports: [{ name: 'http', port: 80 }], plain: ['1'] })
  expect(apply('b', { tags: ['y'], ports: [{ name: 'https', port: 443 }] }).spec).toEqual({ tags: ['x', 'y'], ports: [{ name: 'http', port: 80 }, { name: 'https', port: 443 }], plain: ['1'] })
  expect(apply('b', { ports: [{ name: 'http', port: 81 }], plain: ['2'] }).message).toBe('Apply failed with 2 conflicts: conflicts with "a":\n- .spec.plain\n- .spec.ports[name="http"].port')
})
