/**
 * A pod is relabelled in clusters of 50 and of 5,000 pods, where a Service and a NetworkPolicy select it afterwards: how many objects the controllers
 * and the policy agent are handed for it. Work follows the change, not the cluster.
 */
import { PolicyAgent } from '#engine/addons/policy/agent.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { controllers } from '#engine/control/all.ts'
import { ControllerContext } from '#engine/control/controller.ts'
import { buildApiServer } from '#engine/kinds/build.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import type { Figure } from './run.ts'

const v1 = (resource: string) => ({ group: '', version: 'v1', resource })

function relabel(pods: number): { visits: number; events: number; ms: number } {
  const sim = new Sim({ seed: `relabel-${pods}`, start: Date.UTC(2026, 2, 2, 9) })
  const api = buildApiServer({ sim, version: 'v1.35.4', serviceCidr: '10.96.0.0/12' })
  const client = api.client({ name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] })
  const context = new ControllerContext(sim, client)
  for (const name of ['endpointslice-controller', 'endpoints-controller', 'replicaset-controller', 'deployment-controller', 'garbage-collector-controller']) controllers.get(name)?.start(context)
  const net = new SimNetwork(sim).createNamespace('node01', { node: 'node01' })
  new PolicyAgent({ sim, net, api: client, nodeName: 'node01' }).start()
  client.create(v1('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  sim.runUntil(sim.now + 2000)
  client.create(v1('serviceaccounts'), { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'shop' } })
  const address = (i: number) => `10.244.${1 + (i >> 8)}.${i & 255}`
  for (let i = 0; i < pods; i++) {
    const app = i % 50 === 0 ? 'web' : `app-${i % 500}`
    const made = client.create(v1('pods'), {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}`, namespace: 'shop', labels: { app } },
      spec: { nodeName: 'node02', containers: [{ name: 'c', image: 'nginx', ports: [{ containerPort: 80 }] }] },
    } as KubeObject)
    client.update(v1('pods'), { ...made, status: { phase: 'Running', podIP: address(i), podIPs: [{ ip: address(i) }], conditions: [{ type: 'Ready', status: 'True' }] } }, 'status')
  }
  client.create(v1('services'), { apiVersion: 'v1', kind: 'Service', metadata: { name: 'blue', namespace: 'shop' }, spec: { selector: { app: 'blue' }, ports: [{ port: 80 }] } } as KubeObject)
  client.create({ group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' }, {
    apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'blue', namespace: 'shop' },
    spec: { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'blue' } } }] }] },
  } as KubeObject)
  sim.runUntil(sim.now + 60_000)
  const visits = api.dispatcher.visits
  const events = sim.eventsRun
  const begin = performance.now()
  client.patch(v1('pods'), 'shop', 'p1', { metadata: { labels: { app: 'blue' } } }, 'merge')
  sim.runUntil(sim.now + 10_000)
  return { visits: api.dispatcher.visits - visits, events: sim.eventsRun - events, ms: performance.now() - begin }
}

export async function bench(): Promise<readonly Figure[]> {
  relabel(50)
  const small = relabel(50)
  const large = relabel(5000)
  return [
    { name: 'objects handed out for one relabel among 50 pods', value: small.visits, unit: 'objects' },
    { name: 'objects handed out for one relabel among 5,000 pods', value: large.visits, unit: 'objects' },
    { name: 'events, 5,000 pods against 50', value: large.events / small.events, unit: '×' },
    { name: 'time, 5,000 pods against 50', value: large.ms / small.ms, unit: '×' },
  ]
}
