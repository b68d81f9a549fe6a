/** Slices that change as little as possible, and what a Service tells the controller about its endpoints. */
import { expect, test } from 'vitest'
import type { EndpointSlice, SliceEndpoint } from '#engine/kinds/endpointslice/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import { controlRig, readyStatus } from '../rig.ts'
import { planSlices } from './reconcile.ts'

const endpoint = (i: number): SliceEndpoint => ({ addresses: [`10.1.0.${i}`] })
const slice = (name: string, ports: EndpointSlice['ports'], endpoints: SliceEndpoint[], owner = 'u'): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: 'd', uid: name, ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 's', uid: owner }] }, addressType: 'IPv4', endpoints, ports: ports!,
})
const http = (port: number) => [{ name: 'http', protocol: 'TCP', port }]

test('a slice of ports that are gone takes the content of a new one', () => {
  const plan = planSlices([slice('a', [], [])], [{ ports: http(80), endpoints: [endpoint(1)] }])
  expect(plan).toEqual({ create: [], update: [slice('a', http(80), [endpoint(1)])], delete: [] })
})

test("another owner's slice goes and is not taken over", () => {
  const old = slice('a', http(80), [endpoint(1)], 'other')
  const group = { ports: http(80), endpoints: [endpoint(1)] }
  expect(planSlices([old], [group], { owner: 'u' })).toEqual({ create: [group], update: [], delete: [old] })
})

test('250 endpoints fill slices of 100', () => {
  const plan = planSlices([], [{ ports: http(80), endpoints: Array.from({ length: 250 }, (_, i) => endpoint(i)) }])
  expect(plan.create.map((g) => g.endpoints.length)).toEqual([100, 100, 50])
})

function played(spec: object, existingNodes: readonly string[] = ['n1', 'n2']) {
  const rig = controlRig({ controllers: ['endpointslice-controller'] })
  for (const name of existingNodes) rig.addNode(name, { labels: { 'topology.kubernetes.io/zone': `zone-${name}` } })
  rig.api.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' }, spec: { selector: { a: 'b' }, ports: [{ port: 80 }], ...spec } } as never)
  for (const [i, node] of ['n1', 'n2'].entries()) {
    const pod = rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}`, namespace: 'default', labels: { a: 'b' } }, spec: { nodeName: node, containers: [{ name: 'c', image: 'x' }] } } as never)
    rig.setPod(pod, readyStatus(rig.sim.now, `10.1.0.${i}`))
  }
  rig.run(3000)
  const endpoints = () => (rig.server.store.list('endpointslices.discovery.k8s.io') as EndpointSlice[]).filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === 's').flatMap((s) => s.endpoints ?? [])
  return { rig, endpoints }
}

test('hints by trafficDistribution', () => {
  expect(played({}).endpoints().map((e) => e.hints)).toEqual([undefined, undefined])
  expect(played({ trafficDistribution: 'PreferSameZone' }).endpoints().map((e) => e.hints)).toEqual([{ forZones: [{ name: 'zone-n1' }] }, { forZones: [{ name: 'zone-n2' }] }])
  expect(played({ trafficDistribution: 'PreferSameNode' }).endpoints()[0]?.hints).toEqual({ forZones: [{ name: 'zone-n1' }], forNodes: [{ name: 'n1' }] })
})

test('a pod of a node that is not there is left out until the node comes', () => {
  const { rig, endpoints } = played({}, ['n1'])
  expect(endpoints().map((e) => e.nodeName)).toEqual(['n1'])
  expect(rig.events('FailedToUpdateEndpointSlices')).toEqual(['Error updating Endpoint Slices for Service default/s: skipping Pod p1 for Service default/s: Node n2 Not Found'])
  rig.addNode('n2')
  rig.run(10_000)
  expect(endpoints().map((e) => e.nodeName)).toEqual(['n1', 'n2'])
  expect(played({ publishNotReadyAddresses: true }, []).endpoints().map((e) => e.nodeName)).toEqual(['n1', 'n2'])
})
