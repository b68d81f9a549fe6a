/** Rolling updates that may take several pods at once. */
import { expect, test } from 'vitest'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { controlRig, readyStatus } from '../rig.ts'

const statefulsets = { group: 'apps', version: 'v1', resource: 'statefulsets' }

test('maxUnavailable pods go together, the highest ordinals first', () => {
  const rig = controlRig({ controllers: ['statefulset-controller'] })
  const ready = () => {
    for (const pod of rig.api.list<Pod>(pods)) if (pod.status?.phase !== 'Running') rig.setPod(pod, readyStatus(rig.sim.now, '10.1.0.1'))
    rig.run(2000)
  }
  const template = (image: string) => ({ metadata: { labels: { app: 'db' } }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image }] } })
  rig.api.create(statefulsets, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'default' }, spec: { replicas: 5, serviceName: 'db', podManagementPolicy: 'Parallel', selector: { matchLabels: { app: 'db' } }, updateStrategy: { rollingUpdate: { maxUnavailable: 2, partition: 1 } }, template: template('a') } } as never)
  rig.run(2000)
  ready()
  const before = rig.events('SuccessfulDelete').length
  rig.api.patch(statefulsets, 'default', 'db', { spec: { template: template('b') } }, 'strategic')
  rig.run(2000)
  const taken = () => rig.events('SuccessfulDelete').slice(before).map((m) => /db-\d/.exec(m)![0])
  expect(taken()).toEqual(['db-4', 'db-3'])
  ready()
  ready()
  expect(taken()).toEqual(['db-4', 'db-3', 'db-2', 'db-1'])
})
