/** Small controllers: what keeps claims from going away, aggregated roles, budgets of pods nobody manages, namespaces' five seconds, zones on pods. */
import { expect, test } from 'vitest'
import { namespaces, type Namespace } from '#engine/kinds/namespace/types.ts'
import { persistentvolumes, type PersistentVolume } from '#engine/kinds/persistentvolume/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { statefulsets } from '#engine/kinds/statefulset/types.ts'
import { jobs, type Job } from '#engine/kinds/job/types.ts'
import { StatusError, type GroupVersionResource, type KubeObject } from '#engine/api/types.ts'
import { controlRig, readyStatus, type ControlRig } from './rig.ts'

const clusterroles: GroupVersionResource = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' }
const budgets: GroupVersionResource = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' }

function claim(rig: ControlRig, name: string): PersistentVolumeClaim {
  return rig.api.create<PersistentVolumeClaim>(persistentvolumeclaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'manual', resources: { requests: { storage: '1Gi' } } } })
}

function volume(rig: ControlRig, name: string, more: Record<string, unknown> = {}): PersistentVolume {
  return rig.api.create<PersistentVolume>(persistentvolumes, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'manual', hostPath: { path: '/data' }, ...more } })
}

function pod(rig: ControlRig, name: string, spec: Partial<Pod['spec']> = {}, labels: Record<string, string> = {}): Pod {
  return rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels }, spec: { containers: [{ name: 'c', image: 'x' }], ...spec } })
}

const exists = (rig: ControlRig, gvr: GroupVersionResource, namespace: string | undefined, name: string): boolean => {
  try {
    rig.api.get(gvr, namespace, name)
    return true
  } catch (error) {
    if (error instanceof StatusError) return false
    throw error
  }
}

test('a claim stays while a pod on a node uses it; a volume stays while it is bound', () => {
  const rig = controlRig()
  rig.addNode('a')
  volume(rig, 'v')
  claim(rig, 'c')
  pod(rig, 'user', { nodeName: 'a', volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }] })
  rig.run(2000)
  rig.api.delete(persistentvolumeclaims, 'default', 'c')
  rig.api.delete(persistentvolumes, undefined, 'v')
  rig.run(2000)
  expect([exists(rig, persistentvolumeclaims, 'default', 'c'), exists(rig, persistentvolumes, undefined, 'v')]).toEqual([true, true])
  rig.api.delete(pods, 'default', 'user', { gracePeriodSeconds: 0 })
  rig.run(2000)
  // Without its claim the volume is released, and then goes, too.
  expect([exists(rig, persistentvolumeclaims, 'default', 'c'), exists(rig, persistentvolumes, undefined, 'v')]).toEqual([false, false])
})

test('a hostPath volume to be deleted fails: only /tmp can be', () => {
  const rig = controlRig()
  volume(rig, 'v', { persistentVolumeReclaimPolicy: 'Delete' })
  claim(rig, 'c')
  rig.run(2000)
  rig.api.delete(persistentvolumeclaims, 'default', 'c')
  rig.run(2000)
  expect(rig.api.get<PersistentVolume>(persistentvolumes, undefined, 'v').status).toMatchObject({ phase: 'Failed', message: 'host_path deleter only supports /tmp/.+ but received provided /data' })
})

test('an aggregating ClusterRole has the rules of those it selects', () => {
  const rig = controlRig()
  const role = (name: string, more: object) => rig.api.create<KubeObject>(clusterroles, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, ...more } as KubeObject)
  const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }
  const rules = () => (rig.api.get<KubeObject & { rules: unknown }>(clusterroles, undefined, 'all') as { rules: unknown }).rules
  role('all', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'all' } }] } })
  role('part', { metadata: { name: 'part', labels: { to: 'all' } }, rules: [rule] })
  rig.run(1000)
  expect(rules()).toEqual([rule])
  rig.api.delete(clusterroles, undefined, 'part')
  rig.run(1000)
  expect(rules()).toBeNull()
})

test('a budget by maxUnavailable says that pods without an owner cannot be counted', () => {
  const rig = controlRig()
  rig.setPod(pod(rig, 'p', {}, { app: 'web' }), readyStatus(rig.sim.now, '10.0.0.1'))
  rig.api.create(budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', namespace: 'default' }, spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } } } as KubeObject)
  rig.run(1000)
  expect(rig.events('UnmanagedPods')).toEqual([
    'Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.',
  ])
  expect((rig.api.get(budgets, 'default', 'b') as KubeObject & { status: unknown }).status).toMatchObject({ currentHealthy: 1, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0 })
})

test('a namespace is emptied five seconds after its deletion', () => {
  const rig = controlRig()
  rig.api.create<Namespace>(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gone' }, spec: {} } as Namespace)
  rig.run(1000)
  rig.api.delete(namespaces, undefined, 'gone')
  rig.run(4900)
  expect(exists(rig, namespaces, undefined, 'gone')).toBe(true)
  rig.run(200)
  expect(exists(rig, namespaces, undefined, 'gone')).toBe(false)
})

test('pods carry the zone of their node, bound or made there', () => {
  const rig = controlRig({ scheduler: true })
  rig.addNode('a', { labels: { 'topology.kubernetes.io/zone': 'z' } })
  rig.run(1000)
  pod(rig, 'made', { nodeName: 'a' })
  pod(rig, 'bound')
  rig.run(2000)
  expect(['made', 'bound'].map((name) => rig.api.get<Pod>(pods, 'default', name).metadata.labels)).toEqual([{ 'topology.kubernetes.io/zone': 'z' }, { 'topology.kubernetes.io/zone': 'z' }])
})

test('claims of a pod that is scaled away go with it under whenScaled: Delete', () => {
  const rig = controlRig()
  const template = { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'x' }] } }
  const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'default' }, spec: { serviceName: 'db', replicas: 2, podManagementPolicy: 'Parallel', selector: { matchLabels: { app: 'db' } }, template, persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Retain' }, volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }] } }
  rig.api.create(statefulsets, set as unknown as KubeObject)
  rig.run(2000)
  for (const name of ['db-0', 'db-1']) rig.setPod(rig.api.get<Pod>(pods, 'default', name), readyStatus(rig.sim.now, '10.0.0.1'))
  rig.run(2000)
  rig.api.patch(statefulsets, 'default', 'db', { spec: { replicas: 1 } }, 'merge')
  rig.run(3000)
  expect(rig.api.list(persistentvolumeclaims, { namespace: 'default' }).map((c) => c.metadata.name)).toEqual(['data-db-0'])
})

test('a job past its deadline fails once its pods are gone and counted', () => {
  const rig = controlRig()
  rig.api.create(jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'default' }, spec: { activeDeadlineSeconds: 2, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } } } } as unknown as KubeObject)
  rig.run(6000)
  const { status } = rig.api.get<Job>(jobs, 'default', 'j')
  expect([status?.failed, status?.terminating, status?.conditions?.map((c) => [c.type, c.reason])]).toEqual([1, 0, [['FailureTarget', 'DeadlineExceeded'], ['Failed', 'DeadlineExceeded']]])
})

test('a patch of a lease that is not there says so', () => {
  const rig = controlRig()
  const leases: GroupVersionResource = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' }
  expect(() => rig.api.patch(leases, 'kube-node-lease', 'none', { spec: {} }, 'merge')).toThrow('leases.coordination.k8s.io "none" not found')
})
