import { beforeAll, expect, test } from 'vitest'
import { leases, nodes, nodeCondition, type Lease, type Node } from '#engine/kinds/node/types.ts'
import { parseCommand } from '#engine/net/netfilter/parse.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { createCluster, type Cluster } from './create.ts'
import { shapes } from './shapes.ts'

let cluster: Cluster
let runner: Runner
beforeAll(async () => {
  const sim = new Sim({ seed: 'roads', start: Date.parse('2026-03-02T09:00:00Z') })
  runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  cluster = createCluster({ sim, spec: shapes.get('trio')!, programs: new Map() })
  expect(await cluster.ready(runner)).toBe(true)
})

const ready = (name: string) => nodeCondition(cluster.admin.get<Node>(nodes, undefined, name), 'Ready')?.status
const renewed = (name: string) => Date.parse(cluster.admin.get<Lease>(leases, 'kube-node-lease', name).spec?.renewTime ?? '')
const net = (name: string) => cluster.network.own(cluster.hosts.get(name)!.net)
const iptables = (name: string, line: string) => net(name).netfilter.apply(parseCommand(net(name), line.split(' ')))
const journal = (name: string) => cluster.hosts.get(name)!.journal.read({ unit: 'kubelet.service' }).map((e) => e.message)

test('a node that the network cuts off goes unknown and comes back', async () => {
  iptables('node01', '-A OUTPUT -p tcp --dport 6443 -j DROP')
  await runner.runFor(70_000)
  expect([ready('node01'), ready('node02')]).toEqual(['Unknown', 'True'])
  iptables('node01', '-F OUTPUT')
  await runner.runFor(20_000)
  expect(ready('node01')).toBe('True')
})

test('the server that the kubeconfig names decides', async () => {
  const host = cluster.hosts.get('node02')!
  const path = '/etc/kubernetes/kubelet.conf'
  const good = host.fs.readFile(path)
  const restartWith = async (text: string) => {
    host.fs.writeFile(path, text)
    const before = journal('node02').length
    host.units.restart('kubelet.service')
    await runner.runFor(5000)
    return journal('node02').slice(before).filter((l) => l.includes('Unable to register')).map((l) => /err="(.*)" node/.exec(l)?.[1])[0]
  }
  expect([
    await restartWith(good.replace(':6443', ':6553')),
    await restartWith(good.replace('172.20.10.11', '172.20.10.77')),
    await restartWith(good.replace('172.20.10.11', 'apiserver.lab')),
    await restartWith(good),
  ]).toEqual([
    'Post \\"https://172.20.10.11:6553/api/v1/nodes\\": dial tcp 172.20.10.11:6553: connect: connection refused',
    'Post \\"https://172.20.10.77:6443/api/v1/nodes\\": dial tcp 172.20.10.77:6443: connect: no route to host',
    'Post \\"https://apiserver.lab:6443/api/v1/nodes\\": dial tcp: lookup apiserver.lab: no such host',
    undefined,
  ])
})

test('the API server dials kubelets by the network', async () => {
  const path = `/api/v1/nodes/node02/proxy/healthz`
  const ask = () => {
    const answer = cluster.api.handle({ method: 'GET', path, query: new Map(), headers: new Map(), body: '', user: { name: 'admin', groups: ['system:masters'] } })
    return answer.kind === 'complete' ? `${answer.code} ${answer.code === 200 ? answer.body : (JSON.parse(answer.body) as { message: string }).message}` : answer.kind
  }
  expect(ask()).toBe('200 ok')
  iptables('node02', '-I INPUT -p tcp --dport 10250 -j REJECT')
  expect(ask()).toBe('503 error trying to reach service: dial tcp 172.20.10.22:10250: connect: connection refused')
  iptables('node02', '-D INPUT 1')
  expect(ask()).toBe('200 ok')
})

test('an idle cluster never looks again', async () => {
  await runner.runFor(60_000)
  const { network, sim } = cluster
  let looks = 0
  let looking = network.looking
  Object.defineProperty(network, 'looking', { get: () => looking, set: (value: typeof looking) => {
    if (value) looks++
    looking = value
  } })
  await runner.runFor(600_000)
  expect(looks).toBe(0)
  expect(sim.now - renewed('node01')).toBeLessThan(11_000)
})
