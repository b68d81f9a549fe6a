import { expect, test } from 'vitest'
import { compareObjects } from './compare.ts'

const meta = (name: string, extra = {}) => ({ name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '7', creationTimestamp: '2026-03-02T09:00:00Z', managedFields: [{}], ...extra })
const service = (selector: string, address: string, version: string) => ({
  apiVersion: 'v1', kind: 'Service', metadata: meta('web', { resourceVersion: version, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': version } }),
  spec: { clusterIP: address, clusterIPs: [address], selector: { app: selector } }, status: { loadBalancer: {} },
})

test('a selector that differs is told by what one writes; versions, status and assigned addresses are not', () => {
  expect(compareObjects([], [service('wbe', '10.96.0.9', '3')], [service('web', '10.96.0.7', '4')])).toEqual([
    {
      ref: { kind: 'Service', namespace: 'shop', name: 'web' },
      learner: 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  selector:\n    app: wbe\n',
      solution: 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  selector:\n    app: web\n',
    },
  ])
  expect(compareObjects([], [service('web', '10.96.0.9', '3')], [service('web', '10.96.0.7', '4')])).toEqual([])
})

test('an address of an object that was there at the start is no chance', () => {
  const [a, b] = [service('web', '10.96.0.9', '3'), service('web', '10.96.0.7', '3')]
  expect(compareObjects([b], [a], [b]).map((d) => d.ref.name)).toEqual(['web'])
})

test('what one side lacks is absent; what controllers own, events and endpoints are left out', () => {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('notes'), data: { a: 'b' } }
  const owned = { apiVersion: 'v1', kind: 'Pod', metadata: meta('web-1', { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'x', controller: true }] }), spec: {} }
  const event = { apiVersion: 'v1', kind: 'Event', metadata: meta('e') }
  const given = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta('default') }
  const [one, ...more] = compareObjects([], [map, owned, event, given], [])
  expect(more).toEqual([])
  expect(one).toMatchObject({ ref: { kind: 'ConfigMap', name: 'notes' } })
  expect(one!.solution).toBeUndefined()
})

test('pods of a name: node and token volume are chance', () => {
  const pod = (node: string, token: string) => ({
    apiVersion: 'v1', kind: 'Pod', metadata: meta('probe'),
    spec: { nodeName: node, volumes: [{ name: `kube-api-access-${token}` }], containers: [{ name: 'c', image: 'busybox', volumeMounts: [{ name: `kube-api-access-${token}`, mountPath: '/x' }] }] },
  })
  expect(compareObjects([], [pod('node01', 'aaaaa')], [pod('node02', 'bbbbb')])).toEqual([])
})
