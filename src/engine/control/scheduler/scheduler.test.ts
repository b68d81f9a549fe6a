import { describe, expect, test } from 'vitest'
import { pods, type Pod, type PodSpec } from '#engine/kinds/pod/types.ts'
import { controlRig, type ControlRig } from '../rig.ts'

function addPod(rig: ControlRig, name: string, spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}): Pod {
  return rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels }, spec: { containers: [{ name: 'c', image: 'x' }], ...spec } })
}
const nodeOf = (rig: ControlRig, name: string) => rig.api.get<Pod>(pods, 'default', name).spec.nodeName
const cpu = (amount: string) => ({ containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: amount } } }] })
const bare = () => controlRig({ controllers: [], scheduler: true })

describe('FailedScheduling', () => {
  test('counts reasons, sorts them as strings and ends with what preemption could do', () => {
    const rig = bare()
    rig.addNode('a', { cpu: '1' })
    rig.addNode('b', { cpu: '1' })
    rig.addNode('c', { taints: [{ key: 'only', value: 'batch', effect: 'NoSchedule' }] })
    rig.addNode('d', { unschedulable: true })
    addPod(rig, 'big', cpu('2'))
    rig.run(100)
    expect(rig.events('FailedScheduling')).toEqual([
      '0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.',
    ])
  })

  test('a full node of equals has no victims', () => {
    const rig = bare()
    rig.addNode('a', { cpu: '1' })
    addPod(rig, 'first', cpu('800m'))
    rig.run(100)
    addPod(rig, 'second', cpu('800m'))
    rig.run(100)
    expect(rig.events('FailedScheduling')).toEqual(['0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.'])
  })

  test('no nodes, missing claims', () => {
    const rig = bare()
    addPod(rig, 'early')
    rig.run(10)
    rig.addNode('a')
    addPod(rig, 'claimless', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'ghost' } }] })
    rig.run(100)
    expect(rig.events('FailedScheduling').sort().reverse()).toEqual(['no nodes available to schedule pods', '0/1 nodes are available: persistentvolumeclaim "ghost" not found. not found'])
  })
})

describe('placement', () => {
  test('waiting pods are tried again when a node comes', () => {
    const rig = bare()
    addPod(rig, 'early')
    rig.run(10)
    rig.addNode('a')
    rig.run(5000)
    expect(nodeOf(rig, 'early')).toBe('a')
  })

  test('required anti-affinity spreads over hosts and then refuses', () => {
    const rig = bare()
    rig.addNode('a')
    rig.addNode('b')
    const spec = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'w' } }, topologyKey: 'kubernetes.io/hostname' }] } } }
    for (const name of ['w1', 'w2', 'w3']) {
      addPod(rig, name, spec, { app: 'w' })
      rig.run(100)
    }
    expect([nodeOf(rig, 'w1'), nodeOf(rig, 'w2')].sort()).toEqual(['a', 'b'])
    expect(nodeOf(rig, 'w3')).toBeUndefined()
    expect(rig.events('FailedScheduling')[0]).toMatch(/^0\/2 nodes are available: 2 node\(s\) didn't match pod anti-affinity rules\./)
  })

  test('a hard spread constraint keeps the skew', () => {
    const rig = bare()
    rig.addNode('a', { labels: { zone: 'east' } })
    rig.addNode('b', { labels: { zone: 'west' } })
    const spec = { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' as const, labelSelector: { matchLabels: { app: 's' } } }] }
    for (let i = 0; i < 4; i++) {
      addPod(rig, `s${i}`, spec, { app: 's' })
      rig.run(100)
    }
    const nodes = [0, 1, 2, 3].map((i) => nodeOf(rig, `s${i}`))
    expect(nodes.filter((n) => n === 'a')).toHaveLength(2)
    expect(nodes.filter((n) => n === 'b')).toHaveLength(2)
  })

  test('a pod of higher priority evicts one of lower', () => {
    const rig = bare()
    rig.addNode('a', { cpu: '1' })
    rig.api.create({ group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' }, { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 })
    addPod(rig, 'low', cpu('800m'))
    rig.run(100)
    addPod(rig, 'urgent', { ...cpu('800m'), priorityClassName: 'high' })
    rig.run(100)
    const low = rig.api.get<Pod>(pods, 'default', 'low')
    expect(low.metadata.deletionTimestamp).toBeDefined()
    expect(low.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason).toBe('PreemptionByScheduler')
    expect(rig.api.get<Pod>(pods, 'default', 'urgent').status?.nominatedNodeName).toBe('a')
  })
  test('the victim is the one that no disruption budget guards', () => {
    const rig = bare()
    rig.addNode('a', { cpu: '1' })
    rig.addNode('b', { cpu: '1' })
    rig.api.create({ group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' }, { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 })
    const budgets = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' }
    rig.api.create(budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'g', namespace: 'default' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } } } as never)
    addPod(rig, 'guarded', cpu('800m'), { app: 'guarded' })
    rig.run(100)
    addPod(rig, 'free', cpu('800m'), { app: 'free' })
    rig.run(100)
    addPod(rig, 'urgent', { ...cpu('800m'), priorityClassName: 'high' })
    rig.run(100)
    expect(['guarded', 'free'].map((name) => rig.api.get<Pod>(pods, 'default', name).metadata.deletionTimestamp !== undefined)).toEqual([false, true])
  })
  test('a claim of one pod alone, and a volume of another zone', () => {
    const rig = bare()
    rig.addNode('a', { labels: { 'topology.kubernetes.io/zone': 'east' } })
    const claims = { group: '', version: 'v1', resource: 'persistentvolumeclaims' }
    const volumes = { group: '', version: 'v1', resource: 'persistentvolumes' }
    for (const [name, mode, zone] of [['one', 'ReadWriteOncePod', 'east'], ['far', 'ReadWriteOnce', 'west']] as const) {
      rig.api.create(volumes, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } }, spec: { capacity: { storage: '1Gi' }, accessModes: [mode], hostPath: { path: '/d' }, storageClassName: 'm' } } as never)
      rig.api.create(claims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { accessModes: [mode], resources: { requests: { storage: '1Gi' } }, storageClassName: 'm', volumeName: name } } as never)
    }
    const uses = (claim: string) => ({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: claim } }] })
    for (const [name, claim] of [['first', 'one'], ['second', 'one'], ['third', 'far']] as const) {
      addPod(rig, name, uses(claim) as never)
      rig.run(100)
    }
    expect(nodeOf(rig, 'first')).toBe('a')
    expect(rig.events('FailedScheduling').map((m) => m.slice(0, m.indexOf('.')))).toEqual(['0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode', '0/1 nodes are available: 1 node(s) had no available volume zone'])
  })
})
