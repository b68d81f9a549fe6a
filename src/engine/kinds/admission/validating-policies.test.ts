import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { configMap, rigOn } from '../testing/rig.ts'

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies'
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings'
const MAPS = '/api/v1/namespaces/default/configmaps'
const mapsOnly = { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }] }

function governed(spec: object, binding: object) {
  const rig = rigOn(new Sim({ seed: 'policies', start: Date.UTC(2026, 0, 1) }))
  const kind = (kind: string, spec: object) => ({ apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: 'p' }, spec })
  expect(rig.send('POST', POLICIES, kind('ValidatingAdmissionPolicy', { matchConstraints: mapsOnly, ...spec })).code).toBe(201)
  expect(rig.send('POST', BINDINGS, kind('ValidatingAdmissionPolicyBinding', { policyName: 'p', ...binding })).code).toBe(201)
  return rig
}
const denied = (name: string, text: string) => `configmaps "${name}" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: ${text}`

test('a policy denies, with variables, conditions, reasons and messages', () => {
  const { send } = governed(
    {
      matchConditions: [{ name: 'not-free', expression: '!object.metadata.name.startsWith("free")' }],
      variables: [{ name: 'owner', expression: 'object.data.owner' }],
      validations: [
        { expression: 'variables.owner != "nobody"', messageExpression: '"not " + string(variables.owner)', reason: 'Forbidden' },
        { expression: 'request.operation != "CREATE" || object.data.size() < 3', message: 'too much' },
      ],
    },
    { validationActions: ['Deny'] },
  )
  const answer = send('POST', MAPS, configMap('a', { owner: 'nobody' }))
  expect([answer.code, answer.body.reason, answer.body.message, answer.body.details]).toEqual([403, 'Forbidden', denied('a', 'not nobody'), { name: 'a', kind: 'configmaps', causes: [{ message: "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: not nobody" }] }])
  expect(send('POST', MAPS, configMap('a', { owner: 'me', b: '', c: '' })).body).toMatchObject({ code: 422, reason: 'Invalid', message: denied('a', 'too much') })
  expect(send('POST', MAPS, configMap('a', {})).body.message).toBe(denied('a', `expression 'variables.owner != "nobody"' resulted in error: composited variable "owner" fails to evaluate: no such key: data`))
  expect(send('POST', MAPS, configMap('free', {})).code).toBe(201)
  expect(send('POST', MAPS, configMap('a', { owner: 'me' })).code).toBe(201)
  expect(send('POST', '/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }).code).toBe(201)
})

test('a warning lets pass; failures of ignoring policies are ignored', () => {
  const { send } = governed({ failurePolicy: 'Ignore', validations: [{ expression: 'object.data.a == "1"' }, { expression: 'false', message: 'just saying' }] }, { validationActions: ['Warn'] })
  const answer = send('POST', MAPS, configMap('a', {}))
  expect([answer.code, answer.headers.get('warning')]).toEqual([201, `299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': just saying"`])
})

test('parameters come from the namespace of the request', () => {
  const { send } = governed({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, matchConditions: [{ name: 'c', expression: 'object.metadata.name != "limits"' }], validations: [{ expression: 'object.data.size() <= int(params.data.max)', messageExpression: '"at most " + params.data.max' }] }, { validationActions: ['Deny'], paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } })
  expect(send('POST', MAPS, configMap('a', { x: '1' })).body.message).toBe(denied('a', 'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'))
  send('DELETE', `${BINDINGS}/p`)
  send('POST', MAPS, configMap('limits', { max: '1' }))
  send('POST', BINDINGS, { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'p' }, spec: { policyName: 'p', validationActions: ['Deny'], paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } } })
  expect(send('POST', MAPS, configMap('a', { x: '1', y: '2' })).body.message).toBe(denied('a', 'at most 1'))
  expect(send('POST', MAPS, configMap('a', { x: '1' })).code).toBe(201)
})

test('the authorizer may be asked', () => {
  const { send } = governed({ validations: [{ expression: 'authorizer.group("").resource("configmaps").namespace(request.namespace).check("delete").allowed()', message: 'who may not delete may not make' }] }, { validationActions: ['Deny'] })
  expect(send('POST', MAPS, configMap('a')).code).toBe(201)
})
