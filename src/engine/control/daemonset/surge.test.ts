import { expect, test } from 'vitest'
import { isPodReady, pods, type Pod } from '#engine/kinds/pod/types.ts'
import { daemonsets } from '#engine/kinds/daemonset/types.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { controlRig, readyStatus } from '../rig.ts'

test('with maxSurge 1 the old pod of a node goes when the new one is available, node by node', () => {
  const rig = controlRig({ scheduler: true })
  for (const name of ['a', 'b']) rig.addNode(name)
  const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } }
  rig.api.create(daemonsets, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'd', namespace: 'default' }, spec: { selector: { matchLabels: { app: 'd' } }, template, updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } } as unknown as KubeObject)
  const all = () => rig.api.list<Pod>(pods, { namespace: 'default' }).filter((p) => p.metadata.deletionTimestamp === undefined)
  const ready = () => {
    for (const p of all()) if (!isPodReady(p)) rig.setPod(p, readyStatus(rig.sim.now, '10.0.0.1'))
    rig.run(3000)
  }
  const images = () => all().map((p) => `${p.spec.nodeName} ${p.spec.containers[0]!.image}`).sort()
  rig.run(3000)
  ready()
  rig.api.patch(daemonsets, 'default', 'd', { spec: { template: { spec: { containers: [{ name: 'c', image: 'x:2' }] } } } }, 'strategic')
  rig.run(3000)
  expect(images().length).toBe(3)
  expect(images().filter((i) => i.endsWith('x:1'))).toEqual(['a x:1', 'b x:1'])
  ready()
  const finish = () => {
    for (const p of rig.api.list<Pod>(pods, { namespace: 'default' })) if (p.metadata.deletionTimestamp !== undefined) rig.api.delete(pods, 'default', p.metadata.name, { gracePeriodSeconds: 0 })
    rig.run(3000)
  }
  finish()
  ready()
  finish()
  ready()
  expect(images()).toEqual(['a x:2', 'b x:2'])
})
