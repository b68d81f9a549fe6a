/** The client address that a pod sees behind each kind of Service (services/source-ip), as the documentation's tutorial says, on the topology of the kube-proxy recordings. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'
import { attempt, runHttp, World } from './kube-proxy-world.ts'

interface Case {
  readonly service: 'ClusterIP' | 'NodePort' | 'LoadBalancer'
  readonly externalTrafficPolicy?: 'Cluster' | 'Local'
  readonly from?: string
  readonly client_address: string
  readonly replies?: string
  readonly healthCheckNodePort?: string
}

const [clusterIp, nodePort, healthPort] = ['10.96.0.50', 30_080, 32_000]
const nodes: Readonly<Record<string, string>> = { node01: '172.30.1.3', node02: '172.30.1.4' }
/** Load balancer addresses by the node that the gateway sends them to. */
const balanced: Readonly<Record<string, string>> = { node01: '198.51.100.5', node02: '198.51.100.135' }
const addresses: Readonly<Record<string, string>> = { 'client-1': '192.168.1.50', 'client-2': '192.168.2.50', outside: '203.0.113.10' }

/** One pod, web-1a on node01, behind a Service of the case's type. */
function build(c: Case): World {
  const world = new World({ id: 'source-ip', configuration: {}, steps: [{}], modes: {} })
  const local = c.externalTrafficPolicy === 'Local'
  world.put({
    apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' },
    spec: {
      type: c.service, clusterIP: clusterIp, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP', ...(c.service !== 'ClusterIP' && { nodePort }) }],
      ...(c.externalTrafficPolicy && { externalTrafficPolicy: c.externalTrafficPolicy }), ...(local && c.service === 'LoadBalancer' && { healthCheckNodePort: healthPort }),
    },
    ...(c.service === 'LoadBalancer' && { status: { loadBalancer: { ingress: Object.values(balanced).map((ip) => ({ ip })) } } }),
  })
  world.put({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 's-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 's' } }, addressType: 'IPv4', ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['192.168.1.11'], nodeName: 'node01', conditions: { ready: true, serving: true, terminating: false } }],
  })
  world.step(0)
  return world
}

function run(c: Case): Outcome {
  const world = build(c)
  const wrong: string[] = []
  const want = (from: string, to: string, port: number, expected: string) => {
    const got = attempt(world, { from, to, port, proto: 'tcp' }, undefined)
    const text = got.outcome === 'ok' ? got.seen!.replace(/^web-1a saw /, '') : got.outcome
    if (text !== expected) wrong.push(`${from} → ${to}:${port}: ${text}, not ${expected}`)
  }
  if (c.service === 'ClusterIP') {
    if (!c.client_address.includes('no SNAT')) return { result: 'failed', expected: c.client_address, actual: 'another claim than the adapter knows' }
    for (const from of ['client-1', 'client-2']) want(from, clusterIp, 80, addresses[from]!)
  } else {
    const real = c.client_address === 'real client IP'
    const targets = c.service === 'NodePort' ? nodes : balanced
    for (const [node, to] of Object.entries(targets)) {
      // What the pod sees of a node that masquerades: its bridge-less address towards the pod's network.
      const masked = nodes[node]!
      want('outside', to, c.service === 'NodePort' ? nodePort : 80, real ? (node === 'node01' ? addresses['outside']! : 'timeout') : masked)
    }
  }
  if (c.healthCheckNodePort !== undefined) {
    for (const [node, status] of [['node01', 'HTTP/1.1 200 OK'], ['node02', 'HTTP/1.1 503 Service Unavailable']] as const) {
      const got = runHttp(world, { from: 'outside', to: nodes[node]!, port: healthPort, proto: 'http', path: '/healthz' }) as { outcome: string; answer?: { status: string } }
      if (got.answer?.status !== status) wrong.push(`health of ${node}: ${got.answer?.status ?? got.outcome}, not ${status}`)
    }
  }
  return wrong.length === 0 ? { result: 'passed' } : { result: 'failed', expected: JSON.stringify(c), actual: wrong.join('\n') }
}

const file = 'oracles/services/docs-source-ip.json'

export const collections = [
  collection<{ readonly id: string; readonly case: Case }>({
    name: 'services/source-ip',
    needs: [file],
    load: (shared) => (JSON.parse(readFileSync(join(shared, file), 'utf8')) as { cases: Case[] }).cases.map((c, i) => ({ id: String(i), case: c })),
    id: (row) => row.id,
    run: (row) => run(row.case),
  }),
]
