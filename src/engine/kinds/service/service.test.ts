import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { rigOn } from '../testing/rig.ts'

const rig = () => rigOn(new Sim({ seed: 'kinds', start: Date.UTC(2026, 0, 1) }))

const SVC = '/api/v1/namespaces/default/services'
const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } })

test('cluster addresses are handed out once', () => {
  const { send } = rig()
  const a = send('POST', SVC, service('a', {})).body.spec
  expect(a).toMatchObject({ type: 'ClusterIP', clusterIPs: [a.clusterIP], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] })
  expect(a.clusterIP).toMatch(/^10\.(9[6-9]|10\d|11[01])\./)
  expect(send('POST', SVC, service('b', { clusterIP: a.clusterIP }))).toMatchObject({ code: 422, body: { message: `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${a.clusterIP}"]: failed to allocate IP ${a.clusterIP}: provided IP is already allocated` } })
  send('DELETE', `${SVC}/a`)
  expect(send('POST', SVC, service('b', { clusterIP: a.clusterIP })).code).toBe(201)
})

test('node ports', () => {
  const { send } = rig()
  const a = send('POST', SVC, service('a', { type: 'NodePort' })).body.spec
  expect(a.ports[0].nodePort).toBeGreaterThanOrEqual(30000)
  expect(send('POST', SVC, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: a.ports[0].nodePort }] })).body.message).toBe(`Service "b" is invalid: spec.ports[0].nodePort: Invalid value: ${a.ports[0].nodePort}: provided port is already allocated`)
  expect(send('POST', SVC, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })).body.message).toBe('Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767')
  const headers = { 'content-type': 'application/merge-patch+json' }
  expect(send('PATCH', `${SVC}/a`, { spec: { type: 'ClusterIP' } }, { headers }).body.spec.ports[0].nodePort).toBeUndefined()
  expect(send('POST', SVC, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: a.ports[0].nodePort }] })).code).toBe(201)
})

test('headless services have no address', () => {
  const { send } = rig()
  expect(send('POST', SVC, service('h', { clusterIP: 'None' })).body.spec).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'] })
})
