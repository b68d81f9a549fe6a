/** Hints by topology annotation: shares of zones, events, and their end. */
import { expect, test } from 'vitest'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import { controlRig, readyStatus } from '../rig.ts'
import { isOverloaded, zoneRatios } from './topology.ts'

const zone = 'topology.kubernetes.io/zone'

function play(counts: readonly number[]) {
  const rig = controlRig({ controllers: ['endpointslice-controller'] })
  for (const name of ['a', 'b']) rig.addNode(name, { labels: { [zone]: `zone-${name}` }, cpu: '2' })
  rig.api.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default', annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } }, spec: { selector: { app: 's' }, ports: [{ port: 80 }] } } as never)
  let ip = 0
  counts.forEach((count, i) => {
    for (let k = 0; k < count; k++) {
      ip++
      const pod = rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${ip}`, namespace: 'default', labels: { app: 's' } }, spec: { nodeName: 'ab'[i], containers: [{ name: 'c', image: 'x' }] } } as never)
      rig.setPod(pod, readyStatus(rig.sim.now, `10.1.0.${ip}`))
    }
  })
  rig.run(2000)
  const hints = () => (rig.server.store.list('endpointslices.discovery.k8s.io') as EndpointSlice[]).filter((s) => s.metadata.name.startsWith('s-')).flatMap((s) => s.endpoints ?? []).map((e) => e.hints?.forZones?.[0]?.name).sort()
  return { rig, hints }
}

test('zones share endpoints by their CPUs', () => {
  const { rig, hints } = play([3, 1])
  expect(hints()).toEqual(['zone-a', 'zone-a', 'zone-b', 'zone-b'])
  expect(rig.events('TopologyAwareHintsEnabled')).toEqual(['Topology Aware Hints has been enabled, addressType: IPv4'])
  rig.api.patch(services, 'default', 's', { metadata: { annotations: { 'service.kubernetes.io/topology-mode': null } } }, 'merge')
  rig.run(2000)
  expect(hints()).toEqual([undefined, undefined, undefined, undefined])
  expect(rig.events('TopologyAwareHintsDisabled')).toEqual(['Topology Aware Hints has been disabled, addressType: IPv4'])
})

test('too few endpoints get no hints', () => {
  const { rig, hints } = play([1])
  expect(hints()).toEqual([undefined])
  expect(rig.events('TopologyAwareHintsDisabled')).toEqual(['Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4'])
})

test('ratios, and when a zone has too few', () => {
  const { rig } = play([1, 1])
  const nodes = rig.server.store.list('nodes') as never
  expect([...zoneRatios(nodes)!]).toEqual([['zone-a', 0.5], ['zone-b', 0.5]])
  expect(isOverloaded(new Map([['zone-a', 5], ['zone-b', 5]]), zoneRatios(nodes))).toBe(false)
  expect(isOverloaded(new Map([['zone-a', 8], ['zone-b', 2]]), zoneRatios(nodes))).toBe(true)
})
