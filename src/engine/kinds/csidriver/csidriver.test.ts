import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

const rig = () => rigOn(new Sim({ seed: 'kinds', start: Date.UTC(2026, 0, 1) }))

test('a CSIDriver: token requests are checked and advised on, attachRequired stays', () => {
  const r = rig()
  const url = '/apis/storage.k8s.io/v1/csidrivers'
  const driver = (spec: object) => ({ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'd.example.com' }, spec })
  expect(r.send('POST', url, driver({ tokenRequests: [{ audience: 'a', expirationSeconds: 5 }] }))).toMatchObject({ code: 422, body: { message: 'CSIDriver.storage.k8s.io "d.example.com" is invalid: spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes' } })
  const made = r.send('POST', url, driver({ tokenRequests: [{ audience: 'a' }] }))
  expect([made.code, made.body.spec]).toEqual([201, { attachRequired: true, podInfoOnMount: false, volumeLifecycleModes: ['Persistent'], storageCapacity: false, fsGroupPolicy: 'ReadWriteOnceWithFSType', tokenRequests: [{ audience: 'a' }], requiresRepublish: false, seLinuxMount: false }])
  const changed = { ...made.body, spec: { ...made.body.spec, attachRequired: false } }
  expect(r.send('PUT', `${url}/d.example.com`, changed)).toMatchObject({ code: 422, body: { message: 'CSIDriver.storage.k8s.io "d.example.com" is invalid: spec.attachedRequired: Invalid value: false: field is immutable' } })
})

test('an APIService is named after its version and group and has priorities', () => {
  const r = rig()
  const send = (name: string, spec: object) => r.send('POST', '/apis/apiregistration.k8s.io/v1/apiservices', { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name }, spec })
  const spec = { group: 'a.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, service: { name: 's', namespace: 'default' } }
  expect(send('v1.b.example.com', { ...spec, versionPriority: 0 }).body.message).toBe('APIService.apiregistration.k8s.io "v1.b.example.com" is invalid: [metadata.name: Invalid value: "v1.b.example.com": must be `spec.version+"."+spec.group`: "v1.a.example.com", spec.versionPriority: Invalid value: 0: must be positive and less than 1000]')
  expect(send('v1.a.example.com', spec).body.spec.service.port).toBe(443)
})

test('an update with a version that is no number fails inside; causes of volumes and jobs are told twice', () => {
  const r = rig()
  const url = '/api/v1/persistentvolumes'
  const made = r.send('POST', url, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/d' } } }).body
  expect(r.send('PUT', `${url}/v`, { ...made, metadata: { ...made.metadata, resourceVersion: 'abc' } })).toMatchObject({ code: 500, body: { message: 'strconv.ParseUint: parsing "abc": invalid syntax' } })
  const refused = r.send('PUT', `${url}/v`, { ...made, spec: { ...made.spec, accessModes: [] } })
  expect(refused.body.message).toBe('PersistentVolume "v" is invalid: spec.accessModes: Required value')
  expect(refused.body.details.causes.map((c: { field: string }) => c.field)).toEqual(['spec.accessModes', 'spec.accessModes'])
})

test('names: a StatefulSet wants a label, budgets and signing requests take any path segment', () => {
  const r = rig()
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'x' }] } }
  expect(r.send('POST', '/apis/apps/v1/namespaces/default/statefulsets', { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'a.b' }, spec: { serviceName: 's', selector: { matchLabels: { app: 'a' } }, template } }).body.message).toBe('StatefulSet.apps "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots')
  expect(r.send('POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'A_b' }, spec: { minAvailable: 1 } }).code).toBe(201)
})
