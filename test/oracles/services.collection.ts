/**
 * kube-proxy's rules and choices from upstream's own tables: the restore text of six services chain by chain, the chain name formulas
 * (services/iptables-golden), and which endpoints count for which traffic (services/categorize-endpoints).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ipv4 } from '#base/ip.ts'
import { localOut } from '#engine/net/ip.ts'
import type { Namespace } from '#engine/net/namespace.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Packet, SCTP } from '#engine/net/packet.ts'
import { routeOutput } from '#engine/net/route.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { readConfiguration } from '#engine/node/kube-proxy/configuration.ts'
import { syncOptions } from '#engine/node/kube-proxy/iptables/options.ts'
import { IptablesProxier } from '#engine/node/kube-proxy/iptables/proxier.ts'
import { nftOptions } from '#engine/node/kube-proxy/nftables/options.ts'
import { NftablesProxier } from '#engine/node/kube-proxy/nftables/proxier.ts'
import { Sim } from '#engine/sim/sim.ts'
import { categorizeEndpoints, endpointsOf } from '#engine/node/kube-proxy/endpoints.ts'
import type { Endpoint } from '#engine/node/kube-proxy/endpoints.ts'
import { endpointChain, serviceChains } from '#engine/node/kube-proxy/names.ts'
import { servicePorts } from '#engine/node/kube-proxy/service-ports.ts'
import { cidrDetector } from '#engine/node/kube-proxy/local-detector.ts'
import { restoreText } from '#engine/node/kube-proxy/iptables/restore-text.ts'
import { serviceRules } from '#engine/node/kube-proxy/iptables/rules.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

const compare = (expected: unknown, actual: unknown): Outcome => {
  const [e, a] = [expected, actual].map((x) => (typeof x === 'string' ? x : JSON.stringify(x, null, 1))) as [string, string]
  return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
}

const goldenFile = 'oracles/services/iptables-restore-golden.txt'

/** table → chain → rules, in order. */
function byChain(text: string): Map<string, string[]> {
  const chains = new Map<string, string[]>()
  let table = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    else if (line.startsWith(':')) chains.set(`${table} ${line.slice(1).split(' ')[0]}`, [])
    else if (line.startsWith('-A ')) chains.get(`${table} ${line.split(' ')[1]}`)!.push(line)
  }
  return chains
}

/** The six services of the golden's head comment. */
function goldenText(): string {
  const service = (name: string, spec: Partial<Service['spec']>, status?: Service['status']): Service => ({
    apiVersion: 'v1', kind: 'Service', metadata: { name: `svc${name}`, namespace: `ns${name}` },
    spec: { clusterIP: `172.30.0.4${name}`, ports: [{ name: 'p80', port: 80, protocol: 'TCP' }], ...spec }, ...(status && { status }),
  })
  const port = (nodePort: number) => ({ ports: [{ name: 'p80', port: 80, protocol: 'TCP' as const, nodePort }] })
  const lb = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } })
  const services: [Service, string[]][] = [
    [service('1', {}), ['10.180.0.1']],
    [service('2', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', externalIPs: ['192.168.99.22'], healthCheckNodePort: 30000, ...port(3001) }, lb('1.2.3.4')), ['10.180.0.2']],
    [service('3', { type: 'NodePort', ...port(3003) }), ['10.180.0.3']],
    [service('4', { type: 'NodePort', externalIPs: ['192.168.99.33'] }), ['10.180.0.4', '10.180.0.5']],
    [service('5', { type: 'LoadBalancer', loadBalancerSourceRanges: ['203.0.113.0/25'], sessionAffinity: 'ClientIP', ...port(3002) }, lb('5.6.7.8')), ['10.180.0.3']],
    [service('6', {}), []],
  ]
  const options = {
    masqueradeAll: false, detector: cidrDetector('10.0.0.0/8'), localhostNodePorts: true, nfacct: true, nodeIp: '192.168.0.2',
    masqueradeBit: 14, randomFully: false, conntrackLiberal: false, nodePortIps: undefined,
  }
  const rules = services.map(([s, ips]) => {
    const [p] = servicePorts(s)
    const slice: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'x' }, addressType: 'IPv4', ports: [{ name: 'p80', port: 80, protocol: 'TCP' }],
      endpoints: ips.map((ip) => ({ addresses: [ip] })),
    }
    return serviceRules(p!, categorizeEndpoints(endpointsOf(p!, [slice], 'test-node'), p!, { name: 'test-node', zone: '' }), options)
  })
  return restoreText({ services: rules, changed: rules, stale: [] }, options)
}

interface ChainRow {
  readonly id: string
  readonly check: () => Outcome
}

interface Category {
  readonly name: string
  readonly nodeZone?: string
  readonly service: { readonly iTP?: string; readonly eTP?: string; readonly nodePort?: number; readonly hints?: string }
  readonly endpoints: readonly { readonly endpoint: string; readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean; readonly local?: boolean; readonly zoneHints?: string[]; readonly nodeHints?: string[] }[] | null
  readonly cluster: string[] | null
  readonly local: string[] | null
  readonly all?: string[]
  readonly onlyRemoteEndpoints?: boolean
}

const categoryFile = 'oracles/services/kube-proxy-categorize-endpoints.json'

function runCategory(row: Category): Outcome {
  const [port] = servicePorts({
    apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'n' },
    spec: {
      clusterIP: '10.96.0.9', type: row.service.nodePort ? 'NodePort' : 'ClusterIP', ports: [{ port: 80, ...(row.service.nodePort && { nodePort: row.service.nodePort }) }],
      ...(row.service.iTP && { internalTrafficPolicy: row.service.iTP }), ...(row.service.eTP && { externalTrafficPolicy: row.service.eTP }),
    },
  })
  const endpoints: Endpoint[] = (row.endpoints ?? []).map((e) => {
    const [ip, number] = e.endpoint.split(':')
    const ready = e.ready ?? false
    return { ip: ip!, port: Number(number), address: e.endpoint, chain: '', local: e.local ?? false, ready, serving: e.serving ?? ready, terminating: e.terminating ?? false, zoneHints: e.zoneHints ?? [], nodeHints: e.nodeHints ?? [] }
  })
  const got = categorizeEndpoints(endpoints, port!, { name: 'worker', zone: row.nodeZone ?? '' })
  const names = (list: readonly Endpoint[]) => list.map((e) => e.address).sort()
  const expected = { cluster: [...(row.cluster ?? [])].sort(), local: [...(row.local ?? [])].sort(), all: [...(row.all ?? row.cluster ?? row.local ?? [])].sort() }
  return compare(expected, { cluster: names(got.cluster), local: names(got.local), all: names(got.reachable) })
}

interface Flow {
  readonly name: string
  readonly protocol: string
  readonly sourceIP: string
  readonly destIP: string
  readonly destPort: number
  readonly output: string
  readonly masq?: boolean
  readonly backend?: string
}

interface FlowTest {
  readonly test: string
  readonly services: readonly any[]
  readonly endpointSlices: readonly any[]
  readonly flows: readonly Flow[]
}

const flowFile = 'oracles/services/kube-proxy-packet-flows.json'
const nodeIps = ['192.168.0.2', '192.168.1.2', '192.168.99.11']

/** One node with the test's rules, and a world around it that has every other address. */
function flowWorld(test: FlowTest, flow: Flow): { sim: Sim; network: SimNetwork; node: NetNamespace; from: NetNamespace } {
  const sim = new Sim({ seed: 'flows', start: Date.UTC(2026, 0, 1) })
  const network = new SimNetwork(sim)
  const [node, around] = ['test-node', 'world'].map((n) => network.createNamespace(n, { node: n })) as unknown as [NetNamespace, NetNamespace]
  node.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespace: around } })
  for (const ns of [node, around]) for (const l of ['lo', 'eth0']) ns.setLink(l, { up: true })
  for (const ip of nodeIps) node.addAddress('eth0', `${ip}/24`)
  node.setSysctl('net.ipv4.ip_forward', '1')
  node.setSysctl('net.ipv4.conf.all.route_localnet', '1')
  around.addAddress('eth0', '192.168.0.1/24')
  node.addRoute({ to: 'default', via: '192.168.0.1', device: 'eth0' })
  around.addRoute({ to: 'default', via: '192.168.0.2', device: 'eth0' })
  const own = nodeIps.includes(flow.sourceIP) || flow.name.startsWith('same node')
  const addresses = new Set([...test.endpointSlices.flatMap((e) => e.endpoints.map((x: any) => x.ip as string)), ...(own ? [] : [flow.sourceIP])])
  for (const ip of addresses) around.addAddress('lo', `${ip}/32`)
  for (const port of new Set(test.endpointSlices.flatMap((e) => e.ports.map((x: any) => x.port as number)))) around.sockets.tcpListen(0, port, () => {})
  if (flow.name.startsWith('same node')) node.addAddress('lo', `${flow.sourceIP}/32`)
  const services: Service[] = test.services.map((s) => ({
    apiVersion: 'v1', kind: 'Service', metadata: { name: s.name, namespace: s.namespace },
    spec: { type: s.type, clusterIP: s.clusterIP, ports: s.ports, externalIPs: s.externalIPs ?? [], ...(s.externalTrafficPolicy && { externalTrafficPolicy: s.externalTrafficPolicy }), ...(s.loadBalancerSourceRanges && { loadBalancerSourceRanges: s.loadBalancerSourceRanges }) },
    status: { loadBalancer: { ingress: (s.loadBalancerIngress ?? []).map((ip: string) => ({ ip })) } },
  }))
  const slices: EndpointSlice[] = test.endpointSlices.map((e, i) => ({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: `s${i}`, namespace: e.namespace, labels: { 'kubernetes.io/service-name': e.service } }, addressType: 'IPv4', ports: e.ports,
    endpoints: e.endpoints.map((x: any) => ({ addresses: [x.ip], ...(x.node && { nodeName: x.node }), conditions: { ...(x.ready !== undefined && { ready: x.ready }), ...(x.serving !== undefined && { serving: x.serving }), ...(x.terminating !== undefined && { terminating: x.terminating }) } })),
  }))
  const config = readConfiguration({ clusterCIDR: '10.0.0.0/8' })
  const common = {
    sim, net: node, nodeName: 'test-node', minSyncPeriod: 1000, syncPeriod: 30_000,
    slicesOf: (key: string) => slices.filter((x) => `${x.metadata.namespace}/${x.metadata.labels!['kubernetes.io/service-name']}` === key), serviceOf: (key: string) => services.find((x) => `${x.metadata.namespace}/${x.metadata.name}` === key), zone: () => '',
  }
  const proxier = /nftables/.test(flow.backend ?? '')
    ? new NftablesProxier({ ...common, options: () => nftOptions(config, node, '192.168.0.2', undefined, ['172.30.0.0/16']), log: () => undefined })
    : new IptablesProxier({
        ...common, rules: syncOptions(config, node, '192.168.0.2', undefined),
        logError: (m) => {
          throw new Error(m)
        },
      })
  for (const x of services) proxier.changed(`${x.metadata.namespace}/${x.metadata.name}`)
  proxier.start()
  sim.runUntil(sim.now + 100)
  return { sim, network, node, from: own ? node : around }
}

/** There are no SCTP sockets: one INIT as a packet. */
function sendSctp(from: NetNamespace, flow: Flow, fromPort: number): void {
  const ns = from as Namespace
  const p = Object.assign(new Packet(), { source: ipv4(flow.sourceIP), destination: ipv4(flow.destIP), protocol: SCTP, sourcePort: fromPort, destinationPort: flow.destPort, length: 60 })
  const path = routeOutput(ns, p.destination, p.source, undefined, 0)
  if (!('errno' in path)) localOut(ns, p, path)
}

function runFlow({ test, flow }: { test: FlowTest; flow: Flow }): Outcome {
  const { sim, network, node, from } = flowWorld(test, flow)
  /** Whether a rule of the node ended a packet: what nobody listens for is refused without one. */
  let ruled = false
  network.observe((walk) => (ruled ||= walk.verdict.kind !== 'delivered' && walk.verdict.at.rule !== undefined))
  const seen = new Set<string>()
  const masq = new Set<boolean>()
  let refused = false
  for (let i = 0; i < 30; i++) {
    const fromPort = 20_000 + i
    const refuse = (e: string) => (refused ||= e === 'ECONNREFUSED')
    if (flow.protocol === 'SCTP') {
      sendSctp(from, flow, fromPort)
      sim.runUntil(sim.now + 20)
    } else if (flow.protocol === 'UDP') {
      const socket = from.sockets.udpBind({ address: ipv4(flow.sourceIP), port: fromPort }, { onError: refuse })
      socket.connect(ipv4(flow.destIP), flow.destPort)
      socket.send('x')
      sim.runUntil(sim.now + 20)
      socket.close()
    } else {
      const c = from.sockets.tcpConnect({ to: ipv4(flow.destIP), port: flow.destPort, from: ipv4(flow.sourceIP), fromPort }, { onError: refuse })
      sim.runUntil(sim.now + 20)
      c.abort()
    }
    for (const e of node.conntrack.list()) {
      if (!e.destinationNat || e.original.destination !== flow.destIP || e.original.destinationPort !== flow.destPort || e.original.sourcePort !== fromPort) continue
      seen.add(`${e.reply.source}:${e.reply.sourcePort}`)
      masq.add(e.reply.destination !== flow.sourceIP || e.sourceNat)
    }
  }
  const output = seen.size > 0 ? [...seen].sort().join(', ') : flow.output === '' && !ruled ? '' : refused ? 'REJECT' : 'DROP'
  return compare({ output: flow.output, masq: flow.masq ?? null }, { output, masq: flow.masq === undefined ? null : masq.size === 1 ? [...masq][0] : null })
}

export const collections = [
  collection<{ readonly test: FlowTest; readonly flow: Flow }>({
    name: 'services/packet-flows',
    needs: [flowFile],
    load: (shared) => (JSON.parse(readFileSync(join(shared, flowFile), 'utf8')) as { tests: FlowTest[] }).tests.flatMap((test) => test.flows.map((flow) => ({ test, flow }))),
    id: (row) => `${row.test.test}/${row.flow.name}`.replaceAll(' ', '-'),
    run: runFlow,
  }),
  collection<ChainRow>({
    name: 'services/iptables-golden',
    needs: [goldenFile],
    load: (shared) => {
      const expected = byChain(readFileSync(join(shared, goldenFile), 'utf8'))
      const actual = byChain(goldenText())
      const chains = new Set([...expected.keys(), ...actual.keys()])
      return [
        ...[...chains].map((chain) => ({ id: chain.replace(' ', '/'), check: () => compare((expected.get(chain) ?? ['no such chain']).join('\n'), (actual.get(chain) ?? ['no such chain']).join('\n')) })),
        { id: 'formula/service', check: () => compare('KUBE-SVC-XPGD46QRK7WJZT7O', serviceChains('ns1/svc1:p80', 'tcp').cluster) },
        { id: 'formula/endpoint', check: () => compare('KUBE-SEP-SXIVWICOYRO3J4NJ', endpointChain('ns1/svc1:p80', 'tcp', '10.180.0.1:80')) },
      ]
    },
    id: (row) => row.id,
    run: (row) => row.check(),
  }),
  collection<Category>({
    name: 'services/categorize-endpoints',
    needs: [categoryFile],
    load: (shared) => (JSON.parse(readFileSync(join(shared, categoryFile), 'utf8')) as { rows: Category[] }).rows,
    id: (row) => row.name.replaceAll(' ', '-'),
    run: runCategory,
  }),
]
