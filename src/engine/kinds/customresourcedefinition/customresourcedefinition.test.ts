import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets'

const definition = (schema: object, name = 'widgets.example.com') => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
})
const schema = { type: 'object', properties: { spec: { type: 'object', required: ['size'], properties: { size: { type: 'integer', minimum: 1 }, color: { type: 'string', default: 'red' } } } } }

test('a definition serves its kind, pruned, defaulted and validated, until it is deleted', () => {
  const r = rigOn(new Sim({ seed: 'crd', start: Date.UTC(2026, 0, 1) }))
  expect(r.send('POST', CRDS, definition(schema)).code).toBe(201)
  r.sim.runUntil(r.sim.now + 1000)
  const widget = (spec: object) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec })
  expect(r.send('POST', WIDGETS, widget({ size: 0 })).body.message).toBe('Widget.example.com "w" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1')
  expect(r.send('POST', WIDGETS, widget({ size: 2, bogus: true })).body.spec).toEqual({ size: 2, color: 'red' })
  r.send('DELETE', `${CRDS}/widgets.example.com`)
  r.sim.runUntil(r.sim.now + 5000)
  expect(r.send('GET', `${CRDS}/widgets.example.com`).code).toBe(404)
  expect(r.send('GET', `${WIDGETS}/w`).code).toBe(404)
})

test('mistakes in a definition', () => {
  const { send } = rigOn(new Sim({ seed: 'crd', start: Date.UTC(2026, 0, 1) }))
  expect(send('POST', CRDS, definition(schema, 'x.example.com')).body.message).toBe('CustomResourceDefinition.apiextensions.k8s.io "x.example.com" is invalid: metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group')
  expect(send('POST', CRDS, definition({ type: 'object', properties: { spec: {} } })).body.message).toContain('spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields')
  expect(send('POST', CRDS, definition({ type: 'object', properties: { spec: { type: 'string', pattern: '^(?!a)' } } })).body.message).toContain('spec.validation.openAPIV3Schema.properties[spec].pattern: Invalid value: "^(?!a)": must be a valid regular expression, but isn\'t: error parsing regexp: invalid or unsupported Perl syntax: `(?!`')
})
