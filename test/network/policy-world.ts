/** Two nodes with pods behind routed veth pairs, a policy agent on each, servers in every pod: NetworkPolicies tried with real packets. */
import { ipv4 } from '#base/ip.ts'
import { PolicyAgent } from '#engine/addons/policy/agent.ts'
import type { NetworkPolicy } from '#engine/addons/policy/types.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { SimNetwork } from '#engine/net/network.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { calicoInterface } from '#engine/node/cni/calico.ts'
import { Sim } from '#engine/sim/sim.ts'
import { FakeApi } from './fake-api.ts'

export interface WorldPod {
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Chosen by the world when not given. */
  readonly ip?: string
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly protocol: string }[]
}

export class PolicyWorld {
  readonly sim = new Sim({ seed: 'policy', start: Date.UTC(2026, 0, 1) })
  readonly network = new SimNetwork(this.sim)
  readonly api = new FakeApi()
  readonly agents: PolicyAgent[] = []
  readonly #nodes: NetNamespace[] = []
  readonly #pods = new Map<string, { readonly ns: NetNamespace; readonly ip: string; readonly node: number }>()
  #next = 10

  constructor() {
    const [a, b] = ['node-a', 'node-b'].map((name) => this.network.createNamespace(name, { node: name })) as unknown as [NetNamespace, NetNamespace]
    this.#nodes.push(a, b)
    a.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespace: b } })
    for (const [i, ns] of this.#nodes.entries()) {
      ns.setLink('lo', { up: true })
      ns.setLink('eth0', { up: true })
      ns.addAddress('eth0', `172.20.0.${i + 1}/24`)
      ns.setSysctl('net.ipv4.ip_forward', '1')
      // Proxy ARP answers only for what the node has a route to.
      ns.addRoute({ to: 'default', via: `172.20.0.${2 - i}`, device: 'eth0' })
    }
    a.addRoute({ to: '10.8.2.0/24', via: '172.20.0.2', device: 'eth0' })
    b.addRoute({ to: '10.8.1.0/24', via: '172.20.0.1', device: 'eth0' })
    this.restart()
  }

  /** New agents on both nodes; the rules of those before stay in the kernel. */
  restart(): void {
    this.agents.splice(0)
    for (const [i, net] of this.#nodes.entries()) {
      const agent = new PolicyAgent({ sim: this.sim, net, api: this.api, nodeName: i === 0 ? 'node-a' : 'node-b' })
      agent.start()
      this.agents.push(agent)
    }
  }

  node(index: number): NetNamespace {
    return this.#nodes[index]!
  }

  namespace(name: string, labels: Readonly<Record<string, string>>): void {
    this.api.of('namespaces').put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } })
  }

  dropNamespace(name: string): void {
    for (const key of [...this.#pods.keys()]) if (key.startsWith(`${name}/`)) this.dropPod(name, key.split('/')[1]!)
    this.api.of('namespaces').drop(undefined, name)
  }

  /** Made or relabelled. Address and node are chosen by the world. */
  pod(pod: WorldPod): void {
    const key = `${pod.namespace}/${pod.name}`
    let found = this.#pods.get(key)
    if (!found) {
      const node = this.#next % 2
      found = this.#connect(key, pod, node, pod.ip ?? `10.8.${node + 1}.${this.#next}`)
      this.#next++
    }
    const object: KubeObject = {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: pod.name, namespace: pod.namespace, labels: { ...pod.labels } },
      spec: { nodeName: found.node === 0 ? 'node-a' : 'node-b', containers: [{ ports: pod.ports ?? [] }] }, status: { podIP: found.ip, phase: 'Running' },
    }
    this.api.of('pods').put(object)
  }

  #connect(key: string, pod: WorldPod, node: number, ip: string): { ns: NetNamespace; ip: string; node: number } {
    const host = this.#nodes[node]!
    const device = calicoInterface(pod.namespace, pod.name)
    const ns = this.network.createNamespace(key, { node: host.name })
    ns.addLink('eth0', { kind: 'veth', peer: { name: device, namespace: host } })
    host.setLink(device, { up: true })
    ns.setLink('eth0', { up: true })
    ns.setLink('lo', { up: true })
    ns.addAddress('eth0', `${ip}/32`)
    ns.addRoute({ to: '169.254.1.1', device: 'eth0', scope: 'link' })
    ns.addRoute({ to: 'default', via: '169.254.1.1', device: 'eth0' })
    host.setSysctl(`net.ipv4.conf.${device}.proxy_arp`, '1')
    host.addRoute({ to: ip, device, scope: 'link' })
    this.#nodes[1 - node]!.replaceRoute({ to: ip, via: `172.20.0.${node + 1}`, device: 'eth0' })
    for (const port of [80, 81]) {
      ns.sockets.tcpListen(0, port, (c) => {
        c.send('yes')
        c.end()
      })
      const socket = ns.sockets.udpBind({ port }, { onMessage: (_, from) => void socket.send('yes', from) })
    }
    const made = { ns, ip, node }
    this.#pods.set(key, made)
    return made
  }

  dropPod(namespace: string, name: string): void {
    const key = `${namespace}/${name}`
    const found = this.#pods.get(key)
    if (!found) return
    this.#nodes[found.node]!.deleteLink(calicoInterface(namespace, name))
    this.network.deleteNamespace(key)
    this.#pods.delete(key)
    this.api.of('pods').drop(namespace, name)
  }

  policy(policy: NetworkPolicy): void {
    this.api.of('networkpolicies').put(policy)
  }

  dropPolicy(namespace: string, name: string): void {
    this.api.of('networkpolicies').drop(namespace, name)
  }

  settle(): void {
    this.sim.runUntil(this.sim.now + 100)
  }

  ip(key: string): string {
    return this.#pods.get(key)!.ip
  }

  get podKeys(): string[] {
    return [...this.#pods.keys()]
  }

  /** Whether one message and its answer get through. */
  reaches(from: string, to: string, port: number, protocol: 'TCP' | 'UDP'): boolean {
    const ns = from.startsWith('node-') ? this.#nodes[from === 'node-a' ? 0 : 1]! : this.#pods.get(from)!.ns
    let done: boolean | undefined
    const end = this.sim.now + 300
    if (protocol === 'UDP') {
      const socket = ns.sockets.udpBind({}, { onMessage: () => (done = true), onError: () => (done = false) })
      socket.connect(ipv4(this.ip(to)), port)
      socket.send('hello')
      while (done === undefined && this.sim.step(end));
      socket.close()
    } else {
      const connection = ns.sockets.tcpConnect({ to: ipv4(this.ip(to)), port }, { onData: () => (done = true), onError: () => (done = false) })
      while (done === undefined && this.sim.step(end));
      if (done) connection.end()
      else connection.abort()
    }
    return done ?? false
  }
}
