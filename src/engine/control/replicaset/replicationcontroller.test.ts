/** ReplicationControllers keep their pods as ReplicaSets do, by a plain map of labels. */
import { expect, test } from 'vitest'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { controlRig } from '../rig.ts'

test('makes, adopts and deletes pods', () => {
  const rig = controlRig({ controllers: ['replicationcontroller-controller'] })
  const controllers = { group: '', version: 'v1', resource: 'replicationcontrollers' }
  rig.api.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'own', namespace: 'default', labels: { app: 'w' } }, spec: { containers: [{ name: 'c', image: 'x' }] } } as never)
  rig.api.create(controllers, { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'w', namespace: 'default' }, spec: { replicas: 3, selector: { app: 'w' }, template: { metadata: { labels: { app: 'w' } }, spec: { containers: [{ name: 'c', image: 'x' }] } } } } as never)
  rig.run(2000)
  expect(rig.api.list<Pod>(pods).map((p) => p.metadata.ownerReferences?.[0]?.kind)).toEqual(['ReplicationController', 'ReplicationController', 'ReplicationController'])
  expect(rig.events('SuccessfulCreate')).toHaveLength(2)
  expect((rig.api.get(controllers, 'default', 'w') as unknown as { status: unknown }).status).toEqual({ replicas: 3, fullyLabeledReplicas: 3, observedGeneration: 1 })
  rig.api.patch(controllers, 'default', 'w', { spec: { replicas: 0 } }, 'merge')
  rig.run(2000)
  expect(rig.events('SuccessfulDelete')).toHaveLength(3)
})
