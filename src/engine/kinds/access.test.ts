import { expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { pod, rigOn } from './testing/rig.ts'

test('a kubelet reads what pods on its node use, and no more', () => {
  const { send } = rigOn(new Sim({ seed: 'nodes', start: Date.UTC(2026, 0, 1) }))
  const CORE = '/api/v1/namespaces/default'
  send('POST', `${CORE}/serviceaccounts`, { metadata: { name: 'default' } })
  for (const name of ['used', 'other']) send('POST', `${CORE}/secrets`, { metadata: { name } })
  send('POST', `${CORE}/pods`, pod('p', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 'used' } }] }))
  const get = (node: string, name: string) => send('GET', `${CORE}/secrets/${name}`, undefined, { user: { name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] } })
  expect(get('n1', 'used').code).toBe(200)
  expect(get('n1', 'other').body.message).toBe('secrets "other" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default": no relationship found between node \'n1\' and this object')
  expect(get('n2', 'used').code).toBe(403)
})

test('a kubelet asks for tokens of accounts of pods on its node; mirror pods open nothing', () => {
  const { send } = rigOn(new Sim({ seed: 'nodes', start: Date.UTC(2026, 0, 1) }))
  const CORE = '/api/v1/namespaces/default'
  const user = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  for (const name of ['default', 'own', 'other']) send('POST', `${CORE}/serviceaccounts`, { metadata: { name } })
  send('POST', `${CORE}/secrets`, { metadata: { name: 'used' } })
  send('POST', `${CORE}/pods`, pod('p', { nodeName: 'n1', serviceAccountName: 'own' }))
  const mirror = pod('mirror', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 'used' } }] })
  send('POST', `${CORE}/pods`, { ...mirror, metadata: { ...mirror.metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } } })
  const token = (name: string) => send('POST', `${CORE}/serviceaccounts/${name}/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }, { user })
  const why = (answer: { body: { message: string } }) => answer.body.message.split(': ').at(-1)
  expect(token('own').code).toBe(201)
  expect(why(token('other'))).toBe("no relationship found between node 'n1' and this object")
  expect([send('GET', `${CORE}/serviceaccounts/own`, undefined, { user }).code, send('GET', `${CORE}/serviceaccounts/other`, undefined, { user }).code]).toEqual([200, 403])
  expect(why(send('GET', `${CORE}/serviceaccounts`, undefined, { user }))).toBe('can only create tokens for individual service accounts')
  expect(why(send('GET', `${CORE}/secrets/used`, undefined, { user }))).toBe("no relationship found between node 'n1' and this object")
  expect(why(send('GET', `${CORE}/secrets`, undefined, { user }))).toBe('No Object name found')
  expect(why(send('DELETE', `${CORE}/secrets/used`, undefined, { user }))).toBe('can only read resources of this type')
  expect(why(send('GET', `${CORE}/persistentvolumeclaims`, undefined, { user }))).toBe('can only get individual resources of this type')
})

test('discovery in one answer for clients that take it', () => {
  const { send } = rigOn(new Sim({ seed: 'discovery', start: Date.UTC(2026, 0, 1) }))
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
  const core = send('GET', '/api', undefined, { headers: { accept } })
  expect(core.headers.get('content-type')).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')
  const accounts = core.body.items[0].versions[0].resources.find((r: { resource: string }) => r.resource === 'serviceaccounts')
  expect(accounts).toEqual({
    resource: 'serviceaccounts', responseKind: { group: '', version: '', kind: 'ServiceAccount' }, scope: 'Namespaced', singularResource: 'serviceaccount', verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'], shortNames: ['sa'],
    subresources: [{ subresource: 'token', responseKind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] }],
  })
  expect(send('GET', '/apis', undefined, { headers: { accept } }).body.items.map((g: { metadata: { name: string } }) => g.metadata.name)).toContain('apps')
  expect(send('GET', '/api', undefined, { headers: { accept: 'application/json' } }).body.kind).toBe('APIVersions')
})

test('a path that escapes nothing names what is not there', () => {
  const { send } = rigOn(new Sim({ seed: 'paths', start: Date.UTC(2026, 0, 1) }))
  expect(send('GET', '/api/v1/namespaces/default/pods/a%25b').body.message).toBe('pods "a%b" not found')
  expect(send('GET', '/api/v1/namespaces/default/pods/a%b').body.message).toBe('pods "a%b" not found')
  expect(send('GET', '/api/v1/namespaces/%zz').body.message).toBe('namespaces "%zz" not found')
})

test('an applied configuration that is none is told so', () => {
  const { send } = rigOn(new Sim({ seed: 'apply', start: Date.UTC(2026, 0, 1) }))
  const apply = (body: object) => send('PATCH', '/api/v1/namespaces/default/configmaps/m?fieldManager=t', body, { headers: { 'content-type': 'application/apply-patch+yaml' } }).body.message
  expect(apply({ apiVersion: true, kind: 1.5 })).toBe('invalid object type: /, Kind=')
  expect(apply({ apiVersion: null, kind: 'ConfigMap' })).toBe('invalid object type: /, Kind=ConfigMap')
  expect(apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: null })).toBe('the name of the object (m based on URL) was undeterminable: name must be provided')
})
