import { describe, expect, test } from 'vitest'
import { Sim } from '#engine/sim/sim.ts'
import { admin, configMap, pod, rigOn } from './testing/rig.ts'

const rig = () => rigOn(new Sim({ seed: 'kinds', start: Date.UTC(2026, 0, 1) }))

const CM = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'

describe('create, read, update, delete', () => {
  test('the life of a config map', () => {
    const { send } = rig()
    const made = send('POST', CM, configMap('a', { x: '1' }))
    expect(made).toMatchObject({ code: 201, body: { kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' } } })
    expect(send('POST', CM, configMap('a'))).toMatchObject({ code: 409, body: { reason: 'AlreadyExists', message: 'configmaps "a" already exists' } })
    const put = send('PUT', `${CM}/a`, { ...made.body, data: { x: '2' } })
    expect(Number(put.body.metadata.resourceVersion)).toBeGreaterThan(Number(made.body.metadata.resourceVersion))
    expect(send('PUT', `${CM}/a`, { ...made.body, data: { x: '3' } })).toMatchObject({
      code: 409, body: { message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again' },
    })
    expect(send('DELETE', `${CM}/a`)).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success', details: { name: 'a', kind: 'configmaps' } } })
    expect(send('GET', `${CM}/a`)).toMatchObject({ code: 404, body: { message: 'configmaps "a" not found' } })
  })

  test('dry runs leave nothing behind', () => {
    const { send } = rig()
    expect(send('POST', `${CM}?dryRun=All`, configMap('a')).code).toBe(201)
    expect(send('GET', `${CM}/a`).code).toBe(404)
  })

  test('strict, warning and silent field validation', () => {
    const { send } = rig()
    const body = pod('p', { x: 1 })
    expect(send('POST', `${PODS}?fieldValidation=Strict`, body)).toMatchObject({ code: 400, body: { message: 'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.x"' } })
    expect(send('POST', `${PODS}?fieldValidation=Warn&dryRun=All`, body).headers.get('warning')).toBe('299 - "unknown field \\"spec.x\\""')
    expect(send('POST', `${PODS}?fieldValidation=Ignore&dryRun=All`, body).headers.get('warning')).toBeUndefined()
  })

  test('finalizers hold an object, the last one lets it go', () => {
    const { send } = rig()
    send('POST', CM, configMap('a', {}, { finalizers: ['example.com/hold'] }))
    expect(send('DELETE', `${CM}/a`).body.metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z')
    expect(send('PATCH', `${CM}/a`, { metadata: { finalizers: null } }, { headers: { 'content-type': 'application/merge-patch+json' } }).code).toBe(200)
    expect(send('GET', `${CM}/a`).code).toBe(404)
  })

  test('a bound pod is deleted with grace', () => {
    const { send, server } = rig()
    send('POST', PODS, pod('p'))
    server.client(admin).create({ group: '', version: 'v1', resource: 'pods/binding' }, { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p', namespace: 'default' }, target: { kind: 'Node', name: 'n' } })
    expect(send('DELETE', `${PODS}/p`).body.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 })
    expect(send('DELETE', `${PODS}/p`, { gracePeriodSeconds: 0 }).code).toBe(200)
    expect(send('GET', `${PODS}/p`).code).toBe(404)
  })
})

describe('lists and watches', () => {
  test('selectors, limits and tables', () => {
    const { send } = rig()
    const CM = '/api/v1/namespaces/kube-node-lease/configmaps'
    for (const o of send('GET', CM).body.items) send('DELETE', `${CM}/${o.metadata.name}`)
    for (const n of ['a', 'b', 'c']) send('POST', CM, configMap(n, { n }, { labels: { odd: String(n !== 'b') } }))
    const names = (path: string) => send('GET', path).body.items.map((o: { metadata: { name: string } }) => o.metadata.name)
    expect(names(`${CM}?labelSelector=odd%3Dtrue`)).toEqual(['a', 'c'])
    expect(names(`${CM}?fieldSelector=metadata.name%3Db`)).toEqual(['b'])
    const first = send('GET', `${CM}?limit=2`).body
    expect(first.metadata.remainingItemCount).toBe(1)
    expect(names(`${CM}?limit=2&continue=${first.metadata.continue}`)).toEqual(['c'])
    const table = send('GET', CM, undefined, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } }).body
    expect(table.columnDefinitions.map((c: { name: string }) => c.name)).toEqual(['Name', 'Data', 'Age'])
    expect(table.rows.map((r: { cells: unknown[] }) => r.cells)).toEqual([['a', 1, '0s'], ['b', 1, '0s'], ['c', 1, '0s']])
    expect(send('GET', `${PODS}?fieldSelector=spec.bogus%3D1`)).toMatchObject({ code: 400, body: { message: 'field label not supported: spec.bogus' } })
  })

  test('a watch tells what happens, also to a selection', () => {
    const { send, watch, sim } = rig()
    const from = send('GET', CM).body.metadata.resourceVersion
    const all = watch(`${CM}?watch=true&resourceVersion=${from}`)
    const some = watch(`${CM}?watch=true&resourceVersion=${from}&labelSelector=x%3D1`)
    send('POST', CM, configMap('a'))
    send('PATCH', `${CM}/a`, { metadata: { labels: { x: '1' } } }, { headers: { 'content-type': 'application/merge-patch+json' } })
    send('PATCH', `${CM}/a`, { metadata: { labels: { x: '2' } } }, { headers: { 'content-type': 'application/merge-patch+json' } })
    send('DELETE', `${CM}/a`)
    sim.runUntil(sim.now + 1)
    expect(all.map((e) => e.type)).toEqual(['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED'])
    expect(some.map((e) => e.type)).toEqual(['ADDED', 'DELETED'])
  })
})

test('a namespace given to an object outside namespaces is dropped', () => {
  const { send } = rig()
  expect(send('POST', '/api/v1/namespaces', { metadata: { name: 'marsh', namespace: 'other' } }).body.metadata.namespace).toBeUndefined()
  const { code, body } = send('PATCH', '/api/v1/namespaces/marsh', { metadata: { namespace: 'other', labels: { wet: 'yes' } } }, { headers: { 'content-type': 'application/merge-patch+json' } })
  expect([code, body.metadata.namespace, body.metadata.labels.wet]).toEqual([200, undefined, 'yes'])
})

describe('server-side apply', () => {
  const apply = (r: ReturnType<typeof rig>, manager: string, data: object, force = false) =>
    r.send('PATCH', `${CM}/a?fieldManager=${manager}${force ? '&force=true' : ''}`, configMap('a', data), { headers: { 'content-type': 'application/apply-patch+yaml' } })

  test('what is no longer applied goes, what others own stays', () => {
    const r = rig()
    expect(apply(r, 'm1', { x: '1', y: '1' }).code).toBe(201)
    apply(r, 'm2', { z: '2' })
    const { body } = apply(r, 'm1', { x: '1' })
    expect(body.data).toEqual({ x: '1', z: '2' })
    expect(body.metadata.managedFields.map((m: { manager: string; fieldsV1: object }) => [m.manager, m.fieldsV1])).toEqual([['m1', { 'f:data': { 'f:x': {} } }], ['m2', { 'f:data': { 'f:z': {} } }]])
  })

  test('conflicts, and force', () => {
    const r = rig()
    apply(r, 'm1', { x: '1' })
    r.send('PATCH', `${CM}/a?fieldManager=editor`, { data: { x: '2' } }, { headers: { 'content-type': 'application/merge-patch+json' } })
    expect(apply(r, 'm1', { x: '1' })).toMatchObject({ code: 409, body: { message: 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.x' } })
    expect(apply(r, 'm1', { x: '1' }, true).body.data).toEqual({ x: '1' })
  })

  test('applying the same again changes nothing', () => {
    const r = rig()
    const first = apply(r, 'm1', { x: '1' }).body
    r.sim.runUntil(r.sim.now + 5000)
    expect(apply(r, 'm1', { x: '1' }).body).toEqual(first)
  })
})

describe('who may do what', () => {
  test('refusals', () => {
    const { send } = rig()
    const user = { name: 'mia', groups: ['system:authenticated'] }
    expect(send('GET', PODS, undefined, { user })).toMatchObject({ code: 403, body: { message: 'pods is forbidden: User "mia" cannot list resource "pods" in API group "" in the namespace "default"' } })
    send('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'mia' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'User', name: 'mia', apiGroup: 'rbac.authorization.k8s.io' }],
    })
    expect(send('GET', PODS, undefined, { user }).code).toBe(200)
    expect(send('GET', '/api/v1/namespaces/default/secrets', undefined, { user }).code).toBe(403)
  })

  test('a bad token is unauthorized, none at all is anonymous', () => {
    const { server } = rig()
    const serve = (headers: [string, string][]) => server.serve({ method: 'GET', path: PODS, query: new Map(), headers: new Map(headers), body: '' }).code
    expect(serve([['authorization', 'Bearer nonsense']])).toBe(401)
    expect(serve([])).toBe(403)
  })
})
