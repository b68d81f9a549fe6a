import { expect, test } from 'vitest'
import { deployments, type Deployment } from '#engine/kinds/deployment/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { replicasets, type ReplicaSet } from '#engine/kinds/replicaset/types.ts'
import { controlRig, readyStatus, type ControlRig } from '../rig.ts'

function deploy(rig: ControlRig, replicas: number, strategy?: Deployment['spec']['strategy']): void {
  rig.api.create<Deployment>(deployments, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, ...(strategy ? { strategy } : {}), template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'app:1' }] } } },
  })
  rig.run(100)
}
const podsOf = (rig: ControlRig) => rig.api.list<Pod>(pods, { namespace: 'default' })
const sizes = (rig: ControlRig) => rig.api.list<ReplicaSet>(replicasets, { namespace: 'default' }).map((rs) => rs.spec.replicas).sort()
function makeReady(rig: ControlRig, image: string, count = Infinity): void {
  let n = 0
  for (const pod of podsOf(rig)) {
    if (pod.spec.containers[0]!.image !== image || pod.status?.phase === 'Running' || pod.metadata.deletionTimestamp !== undefined || n >= count) continue
    n++
    rig.setPod(pod, readyStatus(rig.sim.now, `10.0.0.${n}`))
  }
  rig.run(100)
}
function setImage(rig: ControlRig, image: string): void {
  const d = rig.api.get<Deployment>(deployments, 'default', 'web')
  rig.api.update<Deployment>(deployments, { ...d, spec: { ...d.spec, template: { ...d.spec.template, spec: { containers: [{ name: 'c', image }] } } } })
  rig.run(100)
}
const status = (rig: ControlRig) => rig.api.get<Deployment>(deployments, 'default', 'web').status!

test('makes a replica set and pods, and tells when they are available', () => {
  const rig = controlRig()
  deploy(rig, 3)
  expect(rig.events('ScalingReplicaSet')).toEqual([expect.stringMatching(/^Scaled up replica set web-[a-z0-9]+ from 0 to 3$/)])
  expect(podsOf(rig)).toHaveLength(3)
  makeReady(rig, 'app:1')
  expect(status(rig)).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, terminatingReplicas: 0 })
  expect(status(rig).conditions?.map((c) => [c.type, c.status, c.reason])).toEqual([['Available', 'True', 'MinimumReplicasAvailable'], ['Progressing', 'True', 'NewReplicaSetAvailable']])
})

test('rolls within a quarter of surge and unavailability', () => {
  const rig = controlRig()
  deploy(rig, 4)
  makeReady(rig, 'app:1')
  setImage(rig, 'app:2')
  expect(sizes(rig)).toEqual([2, 3])
  makeReady(rig, 'app:2', 1)
  // One new pod is ready: one old may go, and one more new may come.
  expect(podsOf(rig).filter((p) => p.status?.phase === 'Running').length).toBeGreaterThanOrEqual(3)
  for (let i = 0; i < 8; i++) makeReady(rig, 'app:2')
  expect(sizes(rig)).toEqual([0, 4])
  expect(rig.api.get<Deployment>(deployments, 'default', 'web').metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2')
})

test('Recreate waits until the old pods are gone', () => {
  const rig = controlRig()
  deploy(rig, 2, { type: 'Recreate' })
  makeReady(rig, 'app:1')
  setImage(rig, 'app:2')
  expect(sizes(rig)).toEqual([0, 2])
  expect(podsOf(rig).every((p) => p.spec.containers[0]!.image === 'app:2')).toBe(true)
})

test('a deployment that does not progress says so at its deadline', () => {
  const rig = controlRig()
  deploy(rig, 1)
  rig.run(599_000)
  expect(status(rig).conditions?.find((c) => c.type === 'Progressing')?.reason).toBe('ReplicaSetUpdated')
  rig.run(5000)
  expect(status(rig).conditions?.find((c) => c.type === 'Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' })
})

test('orphaned pods are adopted and surplus ones deleted, unready first', () => {
  const rig = controlRig()
  deploy(rig, 3)
  makeReady(rig, 'app:1', 2)
  const d = rig.api.get<Deployment>(deployments, 'default', 'web')
  rig.api.update<Deployment>(deployments, { ...d, spec: { ...d.spec, replicas: 2 } })
  rig.run(100)
  const left = podsOf(rig).filter((p) => p.metadata.deletionTimestamp === undefined)
  expect(left.map((p) => p.status?.phase)).toEqual(['Running', 'Running'])
})
