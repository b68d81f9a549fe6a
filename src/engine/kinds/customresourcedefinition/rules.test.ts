import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const THINGS = '/apis/example.com/v1/namespaces/default/things'

const definition = (schema: object) => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema } } } }] },
})
const thing = (spec: object) => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec })

function serving(schema: object) {
  const rig = rigOn(new Sim({ seed: 'rules', start: Date.UTC(2026, 0, 1) }))
  expect(rig.send('POST', CRDS, definition(schema)).code).toBe(201)
  rig.sim.runUntil(rig.sim.now + 1000)
  return rig
}

test('rules refuse objects in the words of the definition', () => {
  const r = serving({
    type: 'object',
    'x-kubernetes-validations': [
      { rule: 'self.min <= self.max', message: 'min must not exceed max' },
      { rule: '!has(self.name) || self.name.startsWith("a")', messageExpression: '"bad name " + self.name', reason: 'FieldValueForbidden', fieldPath: '.name' },
      { rule: '!has(oldSelf.zone) || self.zone == oldSelf.zone', message: 'zone is immutable' },
    ],
    properties: { min: { type: 'integer' }, max: { type: 'integer' }, name: { type: 'string', maxLength: 20 }, zone: { type: 'string', maxLength: 9 }, list: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 10, 'x-kubernetes-validations': [{ rule: "self != 'bad'" }] } } },
  })
  const refusal = (spec: object) => r.send('POST', THINGS, thing(spec)).body.message
  expect(refusal({ min: 2, max: 1 })).toBe('Thing.example.com "t" is invalid: spec: Invalid value: min must not exceed max')
  expect(refusal({ min: 1, max: 2, name: 'zz' })).toBe('Thing.example.com "t" is invalid: spec.name: Forbidden: bad name zz')
  expect(refusal({ min: 1, max: 2, list: ['ok', 'bad'] })).toBe('Thing.example.com "t" is invalid: spec.list[1]: Invalid value: "bad": failed rule: self != \'bad\'')
  expect(refusal({ min: 1 })).toBe('Thing.example.com "t" is invalid: spec: Invalid value: no such key: max evaluating rule: min must not exceed max')
  expect(refusal({ min: 'x', max: 1 })).toBe('Thing.example.com "t" is invalid: [spec.min: Invalid value: "string": spec.min in body must be of type integer: "string", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]')
  expect(r.send('POST', THINGS, thing({ min: 1, max: 2, zone: 'a' })).code).toBe(201)
  const patch = (spec: object) => r.send('PATCH', `${THINGS}/t`, { spec }, { headers: { 'content-type': 'application/merge-patch+json' } })
  expect(patch({ zone: 'b' }).body.message).toBe('Thing.example.com "t" is invalid: spec: Invalid value: zone is immutable')
  expect(patch({ max: 5 }).code).toBe(200)
})

test('what an update leaves as it was is forgiven', () => {
  const r = serving({ type: 'object', properties: { size: { type: 'integer' }, other: { type: 'string' } } })
  r.send('POST', THINGS, thing({ size: 0 }))
  const stricter = definition({ type: 'object', properties: { size: { type: 'integer', minimum: 1, 'x-kubernetes-validations': [{ rule: 'self > 0' }] }, other: { type: 'string' } } })
  const crd = r.send('GET', `${CRDS}/things.example.com`).body
  expect(r.send('PUT', `${CRDS}/things.example.com`, { ...crd, spec: { ...crd.spec, versions: stricter.spec.versions } }).code).toBe(200)
  r.sim.runUntil(r.sim.now + 1000)
  const patch = (spec: object) => r.send('PATCH', `${THINGS}/t`, { spec }, { headers: { 'content-type': 'application/merge-patch+json' } })
  expect(patch({ other: 'x' }).code).toBe(200)
  expect(patch({ size: -1 }).body.message).toBe('Thing.example.com "t" is invalid: [spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 1, spec.size: Invalid value: -1: failed rule: self > 0]')
})

test('definitions with rules that do not compile, or cost too much', () => {
  const rig = rigOn(new Sim({ seed: 'rules', start: Date.UTC(2026, 0, 1) }))
  const refusal = (schema: object) => rig.send('POST', CRDS, definition(schema)).body.message?.replace('CustomResourceDefinition.apiextensions.k8s.io "things.example.com" is invalid: ', '').replaceAll('spec.validation.openAPIV3Schema.properties[spec]', '@')
  const rule = (rule: object, more: object = {}) => ({ type: 'object', properties: { x: { type: 'integer' }, names: { type: 'array', items: { type: 'string' } } }, 'x-kubernetes-validations': [rule], ...more })
  const shown = (r: object) => JSON.stringify({ Rule: '', Message: '', MessageExpression: '', Reason: null, FieldPath: '', OptionalOldSelf: null, ...r })
  expect(refusal(rule({ rule: 'self.y == 1' }))).toBe(`@.x-kubernetes-validations[0].rule: Invalid value: ${shown({ Rule: 'self.y == 1' })}: compilation failed: ERROR: <input>:1:5: undefined field 'y'\n | self.y == 1\n | ....^`)
  expect(refusal(rule({ rule: 'self.x' }))).toBe(`@.x-kubernetes-validations[0].rule: Invalid value: ${shown({ Rule: 'self.x' })}: cel expression must evaluate to a bool`)
  expect(refusal(rule({ rule: ' ' }))).toBe('@.x-kubernetes-validations[0].rule: Required value: rule is not specified')
  expect(refusal(rule({ rule: 'true', reason: 'Nope' }))).toBe('@.x-kubernetes-validations[0].reason: Unsupported value: "Nope": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"')
  const advice = '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)'
  expect(refusal(rule({ rule: 'self.names.all(a, self.names.all(b, a != b))' }))).toBe(
    `[@.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}, @.x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema, spec.validation.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${advice}]`,
  )
  expect(refusal(rule({ rule: 'self.x > oldSelf.x || size(self.names) < 9' }))).toBeUndefined()
})
