import { expect, test } from 'vitest'
import { leases, nodes, nodeCondition, type Lease, type Node } from '#engine/kinds/node/types.ts'
import { namespaces, configmaps, type Namespace } from '#engine/kinds/namespace/types.ts'
import { deployments, type Deployment } from '#engine/kinds/deployment/types.ts'
import { replicasets } from '#engine/kinds/replicaset/types.ts'
import { endpointslices, type EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { services, type Service } from '#engine/kinds/service/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { controlRig, readyStatus, type ControlRig } from './rig.ts'

function pod(rig: ControlRig, name: string, labels: Record<string, string>, more: Partial<Pod['spec']> = {}): Pod {
  return rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels }, spec: { containers: [{ name: 'c', image: 'x', ports: [{ name: 'http', containerPort: 8080 }] }], ...more } })
}

test('a silent node becomes Unknown, is tainted, and its pods are not ready; intolerant ones are evicted', () => {
  const rig = controlRig()
  rig.addNode('a')
  const renew = () => rig.api.update<Lease>(leases, { ...rig.api.get<Lease>(leases, 'kube-node-lease', 'a'), spec: { renewTime: new Date(rig.sim.now).toISOString() } })
  rig.api.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'a', namespace: 'kube-node-lease' }, spec: { renewTime: '2026-03-02T09:00:00.000000Z' } })
  const stays = pod(rig, 'stays', {}, { nodeName: 'a' })
  rig.setPod(stays, readyStatus(rig.sim.now, '10.0.0.1'))
  for (let i = 0; i < 12; i++) {
    rig.run(10_000)
    renew()
  }
  const ready = () => nodeCondition(rig.api.get<Node>(nodes, undefined, 'a'), 'Ready')?.status
  expect(ready()).toBe('True')
  rig.run(45_000)
  expect(ready()).toBe('True')
  rig.run(15_000)
  const node = rig.api.get<Node>(nodes, undefined, 'a')
  expect(nodeCondition(node, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' })
  expect(node.spec.taints?.map((t) => [t.key, t.effect])).toEqual([['node.kubernetes.io/unreachable', 'NoSchedule'], ['node.kubernetes.io/unreachable', 'NoExecute']])
  expect(rig.api.get<Pod>(pods, 'default', 'stays').status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('False')
  // The default toleration is 300 s.
  rig.run(290_000)
  expect(rig.api.get<Pod>(pods, 'default', 'stays').metadata.deletionTimestamp).toBeUndefined()
  rig.run(20_000)
  expect(rig.api.get<Pod>(pods, 'default', 'stays').metadata.deletionTimestamp).toBeDefined()
})

test('slices follow pods: ready, serving, terminating, named ports, no address twice', () => {
  const rig = controlRig()
  rig.addNode('a')
  rig.api.create<Service>(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } })
  const one = pod(rig, 'one', { app: 'web' }, { nodeName: 'a' })
  const two = pod(rig, 'two', { app: 'web' }, { nodeName: 'a' })
  rig.setPod(one, readyStatus(rig.sim.now, '10.0.0.1'))
  rig.setPod(two, { ...readyStatus(rig.sim.now, '10.0.0.2'), conditions: [{ type: 'Ready', status: 'False' }] })
  rig.run(200)
  const slice = () => rig.api.list<EndpointSlice>(endpointslices, { namespace: 'default' }).filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === 'web')
  expect(slice()).toHaveLength(1)
  expect(slice()[0]!.ports).toEqual([{ name: '', protocol: 'TCP', port: 8080 }])
  expect(Object.fromEntries(slice()[0]!.endpoints!.map((e) => [e.addresses[0], e.conditions]))).toEqual({
    '10.0.0.1': { ready: true, serving: true, terminating: false },
    '10.0.0.2': { ready: false, serving: false, terminating: false },
  })
  rig.api.delete(pods, 'default', 'one')
  rig.run(200)
  expect(slice()[0]!.endpoints!.find((e) => e.addresses[0] === '10.0.0.1')?.conditions).toEqual({ ready: false, serving: true, terminating: true })
})

test('deleting a deployment takes its replica sets and pods along, orphaning leaves them', () => {
  const rig = controlRig()
  const make = (name: string) =>
    rig.api.create<Deployment>(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' }, spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'x' }] } } } })
  make('goes')
  make('stays')
  rig.run(200)
  rig.api.delete(deployments, 'default', 'goes', { propagationPolicy: 'Background' })
  rig.api.delete(deployments, 'default', 'stays', { propagationPolicy: 'Orphan' })
  rig.run(60_000)
  expect(rig.api.list(deployments, { namespace: 'default' })).toHaveLength(0)
  expect(rig.api.list(replicasets, { namespace: 'default' }).map((rs) => [rs.metadata.name.split('-')[0], rs.metadata.ownerReferences])).toEqual([['stays', undefined]])
  expect(rig.api.list<Pod>(pods, { namespace: 'default' }).filter((p) => p.metadata.deletionTimestamp === undefined).map((p) => p.metadata.labels?.['app'])).toEqual(['stays'])
})

test('a namespace is emptied before it goes', () => {
  const rig = controlRig({ settings: { rootCa: 'CA' } })
  rig.api.create<Namespace>(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' }, spec: {} })
  rig.run(100)
  expect(rig.api.list(configmaps, { namespace: 'shop' }).map((c) => c.metadata.name)).toEqual(['kube-root-ca.crt'])
  rig.api.delete(namespaces, undefined, 'shop')
  rig.run(30_000)
  expect(rig.api.list(namespaces).map((n) => n.metadata.name)).not.toContain('shop')
  expect(rig.api.list(configmaps, { namespace: 'shop' })).toEqual([])
})
