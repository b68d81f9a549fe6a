/**
 * The tables of the EndpointSlice reconciler's own tests (services/endpointslice-reconciler): each row is played with an API server and
 * the controller, and the slices that come of it are compared. Tables that are only parts of Go code (a label map, a type meta) are
 * skipped. What the tables take from the code around them (which pods and nodes there are) is built here.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlRig } from '#engine/control/rig.ts'
import type { ControlRig } from '#engine/control/rig.ts'
import { planSlices } from '#engine/control/endpointslice/reconcile.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice, SliceEndpoint } from '#engine/kinds/endpointslice/types.ts'
import { pods } from '#engine/kinds/pod/types.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

type Json = any

interface Row {
  readonly id: string
  readonly test: string
  readonly row: Json
}

const file = 'oracles/services/endpointslice-reconciler.json'
const namespace = 'default'
const managedBy = 'endpointslice.kubernetes.io/managed-by'
const serviceName = 'kubernetes.io/service-name'
const zoneLabel = 'topology.kubernetes.io/zone'
const names: Readonly<Record<string, Json>> = {
  controllerName: 'endpointslice-controller.k8s.io', namespace, 'discovery.AddressTypeIPv4': 'IPv4', 'discovery.AddressTypeIPv6': 'IPv6', 'discovery.LabelManagedBy': managedBy, 'discovery.LabelServiceName': serviceName,
  'corev1.IsHeadlessService': 'service.kubernetes.io/headless', 'corev1.ServiceTrafficDistributionPreferClose': 'PreferClose', 'corev1.ServiceTrafficDistributionPreferSameZone': 'PreferSameZone', 'corev1.ServiceTrafficDistributionPreferSameNode': 'PreferSameNode',
}

/** Go literals as plain data, with the field names of the API. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  if ('$id' in value) return names[value.$id] ?? value.$id
  if (value.$call === 'ptr.To' || value.$call === 'int32') return plain(value.args[0])
  return Object.fromEntries(Object.entries(value).filter(([k]) => k !== '$t').map(([k, v]) => [names[k] ?? (/^[A-Z]/.test(k) ? k[0]!.toLowerCase() + k.slice(1) : k), plain(v)]))
}

const sorted = (value: Json): Json => (Array.isArray(value) ? value.map(sorted) : value && typeof value === 'object' ? Object.fromEntries(Object.keys(value).sort().filter((k) => value[k] !== undefined).map((k) => [k, sorted(value[k])])) : value)
function compare(expected: Json, actual: Json): Outcome {
  const [e, a] = [expected, actual].map((v) => JSON.stringify(sorted(v), null, 1)) as [string, string]
  return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
}

class Play {
  readonly rig: ControlRig = controlRig({ controllers: ['endpointslice-controller'] })
  service: Service | undefined
  #before = new Map<string, string>()
  #pods = 0

  constructor() {
    if (!this.rig.server.store.get('namespaces', undefined, namespace)) this.rig.api.create({ group: '', version: 'v1', resource: 'namespaces' }, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  }

  makeService(name: string, spec: Json = {}, metadata: Json = {}): Service {
    this.service = this.rig.api.create<Service>(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace, ...metadata }, spec: { selector: { foo: 'bar' }, ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }], ...spec } })
    return this.service
  }

  /** A ready pod of the service; `port` is the number of its container port `http`. */
  makePod(name: string, nodeName: string | undefined, ip: string, ready = true, port = 8080): Pod {
    const pod = this.rig.api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { foo: 'bar' } }, spec: { ...(nodeName !== undefined && { nodeName }), containers: [{ name: 'c', image: 'x', ports: [{ name: 'http', containerPort: port }] }] } as Json })
    return this.rig.setPod(pod, { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] })
  }

  podOn(node: string): Pod {
    this.#pods++
    return this.makePod(`pod${this.#pods}`, node, `10.9.0.${this.#pods}`)
  }

  endpoint(pod: Pod, zone?: string): SliceEndpoint {
    return {
      addresses: [pod.status!.podIP!], conditions: { ready: true, serving: true, terminating: false }, targetRef: { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid ?? '' },
      ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }), ...(zone !== undefined && { zone }),
    }
  }

  makeSlice(name: string, endpoints: SliceEndpoint[], ports: EndpointSlice['ports'], labels: Record<string, string> = {}, owner = this.service!.metadata.uid!): void {
    const { name: service } = this.service!.metadata
    this.rig.api.create<EndpointSlice>(endpointslices, {
      apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints, ports: ports!,
      metadata: { name, namespace, labels: { [managedBy]: names['controllerName'], [serviceName]: service, ...labels }, ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: service, uid: owner, controller: true, blockOwnerDeletion: true }] },
    })
  }

  slices(): EndpointSlice[] {
    return [...this.rig.server.store.list('endpointslices.discovery.k8s.io')].filter((s) => s.metadata.labels?.[serviceName] === this.service!.metadata.name) as EndpointSlice[]
  }

  /** Runs the controller and counts what it wrote. */
  reconcile(): { created: number; updated: number; deleted: number } {
    this.#before = new Map(this.slices().map((s) => [s.metadata.uid!, s.metadata.resourceVersion!]))
    this.rig.run(5000)
    const now = this.slices()
    const count = (f: (s: EndpointSlice) => boolean) => now.filter(f).length
    return {
      created: count((s) => !this.#before.has(s.metadata.uid!)), updated: count((s) => this.#before.has(s.metadata.uid!) && this.#before.get(s.metadata.uid!) !== s.metadata.resourceVersion),
      deleted: [...this.#before.keys()].filter((uid) => !now.some((s) => s.metadata.uid === uid)).length,
    }
  }
}

const counts = (m: Json) => ({ created: m.numCreated ?? 0, updated: m.numUpdated ?? 0, deleted: m.numDeleted ?? 0 })
const servedPorts = (port = 8080) => [{ name: 'http', protocol: 'TCP', port }]

/** How many hints name each zone or node; '' stands for endpoints without any. */
function hintCounts(slices: readonly EndpointSlice[], kind: 'forZones' | 'forNodes'): Record<string, number> {
  const out: Record<string, number> = {}
  for (const e of slices.flatMap((s) => s.endpoints ?? [])) for (const name of e.hints?.[kind]?.map((h) => h.name) ?? ['']) out[name] = (out[name] ?? 0) + 1
  return out
}

const plays: Readonly<Record<string, (row: Json) => Outcome>> = {
  TestReconcile1Pod: (row) => {
    const expected = plain({ ...row, service: undefined })
    const kind = row.service.$id as string
    const play = new Play()
    play.rig.addNode('node-1', { labels: { [zoneLabel]: 'us-central1-a', 'topology.kubernetes.io/region': 'us-central1' } })
    const labels: Record<string, string> | undefined = kind === 'svcv4Labels' ? { foo: 'bar' } : kind === 'svcv4BadLabels' ? { [serviceName]: 'bad', [managedBy]: 'actor', [names['corev1.IsHeadlessService']]: 'invalid' } : undefined
    // A Service object without a cluster IP, which the API server never keeps, counts as headless there.
    const service = play.makeService('foo', ['svcv4ClusterIP', 'noFamilyService', 'svcv6ClusterIP', 'dualStackSvc'].includes(kind) ? {} : { clusterIP: 'None' }, labels ? { labels } : {})
    // The cluster gives IPv4 addresses only: a Service with others is put into the store as it would be.
    const ipFamilies = kind.startsWith('svcv6') ? ['IPv6'] : kind === 'dualStackSvc' ? ['IPv6', 'IPv4'] : undefined
    if (ipFamilies) play.rig.server.store.put('services', { ...service, spec: { ...service.spec, ipFamilies } })
    play.rig.setPod(play.makePod('pod1', 'node-1', '1.2.3.4'), { podIPs: [{ ip: '1.2.3.4' }, { ip: '1234::5678:0:0:9abc:def0' }] })
    play.reconcile()
    const slices = play.slices()
    const shown = (slice: EndpointSlice) => slice.endpoints?.map((e) => ({ ...e, targetRef: { ...e.targetRef, uid: undefined } }))
    return compare(
      { endpoints: expected.expectedEndpointPerSlice, labels: slices.map(() => expected.expectedLabels), slices: Object.keys(expected.expectedEndpointPerSlice).length },
      { endpoints: Object.fromEntries(slices.map((slice) => [slice.addressType, shown(slice)])), labels: slices.map((slice) => slice.metadata.labels), slices: slices.length },
    )
  },
  TestReconcile1EndpointSlice: (row) => {
    const play = new Play()
    play.makeService('foo')
    if (row.existing) play.makeSlice('foo-0', [], [], row.existing.$id === 'emptySlice' ? { bar: 'baz' } : {})
    return compare(counts(row.wantMetrics), play.reconcile())
  },
  TestReconcileEndpointSlicesRecreation: (row) => {
    const play = new Play()
    play.rig.addNode('node-1')
    play.makeService('foo')
    const pod = play.podOn('node-1')
    play.makeSlice('foo-0', [play.endpoint(pod)], servedPorts(), {}, row.ownedByService ? undefined : 'another')
    const got = play.reconcile()
    return compare(row.expectChanges ? { created: 1, updated: 0, deleted: 1 } : { created: 0, updated: 0, deleted: 0 }, got)
  },
  TestReconcileMaxEndpointsPerSlice: (row) => {
    const { maxEndpointsPerSlice: max, expectedSliceLengths } = plain(row)
    const endpoints = Array.from({ length: 250 }, (_, i) => ({ addresses: [`10.1.${i >> 8}.${i & 255}`] }))
    const plan = planSlices([], [{ ports: servedPorts(), endpoints }], { max })
    return compare(expectedSliceLengths, plan.create.map((g) => g.endpoints.length))
  },
  TestReconcilerFinalizeSvcDeletionTimestamp: (row) => {
    const play = new Play()
    play.rig.addNode('node-1')
    const service = play.makeService('foo', {}, { finalizers: ['a.test/keep'] })
    const [updated, created, kept] = [play.makePod('updated', 'node-1', '10.9.0.1', true, 8081), row.attemptCreate && play.makePod('created', 'node-1', '10.9.0.2', true, 8082), !row.attemptDelete && play.makePod('kept', 'node-1', '10.9.0.3', true, 8083)]
    play.makeSlice('to-update', [], servedPorts(8081))
    play.makeSlice('to-delete', kept ? [play.endpoint(kept)] : [], servedPorts(8083))
    if (row.deletionTimestamp !== null) play.rig.api.delete(services, namespace, service.metadata.name)
    play.reconcile()
    const slices = play.slices()
    const named = (name: string) => slices.find((s) => s.metadata.name === name)
    return compare(
      { created: row.expectCreatedSlice, updated: row.expectUpdatedSlice, deleted: row.expectDeletedSlice },
      { created: Boolean(created) && slices.some((s) => !['to-update', 'to-delete'].includes(s.metadata.name)), updated: named('to-update')?.endpoints?.[0]?.targetRef?.name === updated.metadata.name, deleted: named('to-delete') !== undefined },
    )
  },
  TestReconcilerPodMissingNode: (row) => {
    const play = new Play()
    if ((row.existingNodes ?? []).length > 0) play.rig.addNode('node-0')
    play.makeService('foo', row.publishNotReady ? { publishNotReadyAddresses: true } : {})
    const both = [play.makePod('pod-0', 'node-0', '10.9.0.1'), play.makePod('pod-1', 'node-1', '10.9.0.2')]
    if (row.existingSlice) play.makeSlice('foo-0', both.map((pod) => play.endpoint(pod)), servedPorts())
    const got = play.reconcile()
    return compare({ ...counts(row.expectedMetrics), endpoints: row.expectedMetrics.desiredEndpoints }, { ...got, endpoints: play.slices().flatMap((s) => s.endpoints ?? []).length })
  },
  TestReconcileTopology: (row) => {
    if (row.topologyCacheEnabled === false && row.hintsAnnotation !== '') return { result: 'skipped', reason: 'the gate TopologyAwareHints is always on in v1.35' }
    const play = new Play()
    const zones = ['zone-a', 'zone-b', 'zone-c']
    for (const zone of zones) for (let i = 0; i < 10; i++) play.rig.addNode(`node-${zone}-${i}`, { labels: { [zoneLabel]: zone }, cpu: '100m' })
    play.makeService('foo', {}, { annotations: { 'service.kubernetes.io/topology-aware-hints': row.hintsAnnotation } })
    const of: Readonly<Record<string, number[]>> = { 'zone-a-b': [7, 8, 16, 17, 18], 'zone-a-c': [5, 6, 25, 26], 'zone-c': [27, 28, 29] }
    for (const { i } of row.existingSlices) {
      const name = JSON.parse(i)[0] as string
      const members = of[name]!.map((n) => play.endpoint(play.podOn(`node-${zones[Math.floor(n / 10)]}-${n % 10}`), zones[Math.floor(n / 10)]))
      play.makeSlice(name, members, servedPorts())
    }
    const got = play.reconcile()
    const hints = hintCounts(play.slices(), 'forZones')
    return compare({ ...counts(row.expectedMetrics), hints: row.expectedHints }, { ...got, hints: '' in hints ? null : hints })
  },
  TestReconcile_TrafficDistribution: (row) => {
    const { trafficDistribution, topologyAnnotation, wantHintsDistributionByZone, wantHintsDistributionByNode } = plain(row)
    if (row.preferSameFeatureGateEnabled === false) return { result: 'skipped', reason: 'the gate PreferSameTrafficDistribution is always on in v1.35' }
    const play = new Play()
    const zones = ['zone-a', 'zone-b', 'zone-c']
    for (const [i, zone] of zones.entries()) play.rig.addNode(`node-${i}`, { labels: { [zoneLabel]: zone }, cpu: '100m' })
    play.makeService('foo', trafficDistribution === null ? {} : { trafficDistribution }, { annotations: { 'service.kubernetes.io/topology-mode': topologyAnnotation } })
    for (const i of [0, 1, 1, 1, 2, 2]) play.podOn(`node-${i}`)
    const got = play.reconcile()
    return compare(
      { ...counts(row.wantMetrics), zones: wantHintsDistributionByZone, ...(wantHintsDistributionByNode && { nodes: wantHintsDistributionByNode }) },
      { ...got, zones: hintCounts(play.slices(), 'forZones'), ...(wantHintsDistributionByNode && { nodes: hintCounts(play.slices(), 'forNodes') }) },
    )
  },
}

function rowsOf(table: Json, index: number): Row[] {
  if (table.var !== 'testCases' || !plays[table.func]) return [{ id: `${table.func}/${table.var}-${index}`, test: '', row: table }]
  const list: [string, Json][] = Array.isArray(table.value) ? table.value.map((row: Json, i: number) => [String(row.name ?? row.desc ?? i), row]) : Object.entries(table.value)
  return list.map(([name, row]) => ({ id: `${table.func}/${name.replaceAll(' ', '-')}`, test: table.func, row }))
}

export const collections = [
  collection<Row>({
    name: 'services/endpointslice-reconciler',
    needs: [file],
    load: (shared) => (JSON.parse(readFileSync(join(shared, file), 'utf8')).tables as Json[]).flatMap(rowsOf),
    id: (row) => row.id,
    run: ({ test, row }) => plays[test]?.(row) ?? { result: 'skipped', reason: row.func === 'TestPlaceHolderSliceCompare' ? 'compares Go structures' : 'a part of a Go test, without a row to play' },
  }),
]
