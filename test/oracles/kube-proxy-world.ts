/** The topology of kube-proxy's recordings with proxies of either mode on its nodes: plays the steps of a scenario and sends its probes. */
import { formatIpv4, ipv4 } from '#base/ip.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { parseCommand } from '#engine/net/netfilter/parse.ts'
import { SimNetwork } from '#engine/net/network.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { readConfiguration } from '#engine/node/kube-proxy/configuration.ts'
import { ProxyHealth, ServiceHealth } from '#engine/node/kube-proxy/health.ts'
import { cleanIptables, cleanNftables } from '#engine/node/kube-proxy/cleanup.ts'
import { IptablesProxier } from '#engine/node/kube-proxy/iptables/proxier.ts'
import { syncOptions } from '#engine/node/kube-proxy/iptables/options.ts'
import { nftOptions } from '#engine/node/kube-proxy/nftables/options.ts'
import { NftablesProxier } from '#engine/node/kube-proxy/nftables/proxier.ts'
import { Sim } from '#engine/sim/sim.ts'

export interface Probe {
  readonly from: string
  readonly to: string
  readonly port?: number
  readonly proto: string
  readonly tries?: number
  readonly sport?: number
  readonly path?: string
  readonly outcome?: string | string[]
  readonly seen?: string[]
  readonly backends?: number
  readonly sources?: string[]
  readonly answer?: { readonly status: string; readonly headers: string[]; readonly body: string }
  readonly rc?: number
  readonly op?: string
  readonly key?: string
}

export type Mode = 'iptables' | 'nftables'

interface Step {
  readonly apply?: any[]
  readonly delete?: any[]
  readonly proxy?: string
  readonly mode?: string
  readonly exec?: readonly { readonly mode?: string; readonly sh: string }[]
  readonly return?: { readonly limit: number; readonly sh: string }
  readonly settle?: boolean
}

export interface Recorded {
  readonly rules?: Readonly<Record<string, Readonly<Record<string, string[]>>>>
  readonly probes?: Probe[]
  readonly 'order-varies'?: unknown
}

export interface Scenario {
  readonly id: string
  readonly configuration: any
  readonly steps: Step[]
  readonly modes: Readonly<Record<string, Recorded[]>>
}

const pods: Readonly<Record<string, [node: string, address: string]>> = {
  'client-1': ['node01', '192.168.1.50'], 'web-1a': ['node01', '192.168.1.11'], 'web-1b': ['node01', '192.168.1.12'], 'web-1c': ['node01', '192.168.1.13'],
  'client-2': ['node02', '192.168.2.50'], 'web-2a': ['node02', '192.168.2.11'], 'web-2b': ['node02', '192.168.2.12'],
}
const nodes: Readonly<Record<string, [address: string, cidr: string]>> = { controlplane: ['172.30.1.2', '192.168.0.0/24'], node01: ['172.30.1.3', '192.168.1.0/24'], node02: ['172.30.1.4', '192.168.2.0/24'] }

export class World {
  readonly sim = new Sim({ seed: 'kube-proxy', start: Date.UTC(2026, 0, 1) })
  readonly network = new SimNetwork(this.sim)
  readonly spaces = new Map<string, NetNamespace>()
  readonly services = new Map<string, Service>()
  readonly slices = new Map<string, EndpointSlice>()
  readonly proxies = new Map<string, { proxier: IptablesProxier | NftablesProxier; health: ServiceHealth }>()
  readonly held = new Map<string, { send(text: string): Promise<string> }>()
  readonly scenario: Scenario
  /** What the scenario is played in; a step may change it. */
  mode: Mode
  port = 40_000

  constructor(scenario: Scenario, mode: Mode = 'iptables') {
    this.scenario = scenario
    this.mode = mode
    this.#build()
  }

  #space(name: string): NetNamespace {
    const ns = this.network.createNamespace(name, { node: name })
    ns.setLink('lo', { up: true })
    for (const key of ['rp_filter', 'send_redirects', 'accept_redirects']) ns.setSysctl(`net.ipv4.conf.all.${key}`, '0')
    for (const key of ['rp_filter', 'send_redirects', 'accept_redirects']) ns.setSysctl(`net.ipv4.conf.default.${key}`, '0')
    this.spaces.set(name, ns)
    return ns
  }

  #build(): void {
    const gateway = this.#space('gateway')
    gateway.addLink('lan', { kind: 'bridge' })
    gateway.setLink('lan', { up: true })
    gateway.addAddress('lan', '172.30.1.1/24')
    gateway.setSysctl('net.ipv4.ip_forward', '1')
    const outside = this.#space('outside')
    outside.addLink('eth0', { kind: 'veth', peer: { name: 'wan', namespace: gateway } })
    for (const [ns, device] of [[outside, 'eth0'], [gateway, 'wan']] as const) ns.setLink(device, { up: true })
    gateway.addAddress('wan', '203.0.113.1/24')
    outside.addAddress('eth0', '203.0.113.10/24')
    outside.addRoute({ to: 'default', via: '203.0.113.1', device: 'eth0' })
    for (const [name, [address]] of Object.entries(nodes)) {
      const ns = this.#space(name)
      ns.setSysctl('net.ipv4.ip_forward', '1')
      ns.addLink('eth0', { kind: 'veth', peer: { name: `to-${name}`, namespace: gateway } })
      ns.setLink('eth0', { up: true })
      gateway.setLink(`to-${name}`, { up: true, master: 'lan' })
      ns.addAddress('eth0', `${address}/24`)
      ns.addRoute({ to: 'default', via: '172.30.1.1', device: 'eth0' })
      for (const [other, [via, cidr]] of Object.entries(nodes)) if (other !== name) ns.addRoute({ to: cidr, via, device: 'eth0' })
      for (const [pod, [node, ip]] of Object.entries(pods)) if (node === name) this.#pod(pod, ns, ip)
    }
    for (const [address, cidr] of Object.values(nodes)) gateway.addRoute({ to: cidr, via: address, device: 'lan' })
    gateway.addRoute({ to: 'default', type: 'blackhole' })
    gateway.addRule({ inputDevice: 'wan', table: 100, priority: 100 })
    for (const [to, via] of [['10.96.0.0/12', '172.30.1.3'], ['198.51.100.0/25', '172.30.1.3'], ['198.51.100.128/25', '172.30.1.4'], ['192.0.2.0/24', '172.30.1.3']] as const) gateway.addRoute({ to, via, device: 'lan', table: 100 })
    for (const name of [...Object.keys(nodes), 'outside', ...Object.keys(pods).filter((p) => p.startsWith('web'))]) this.#serve(name)
    const api = this.spaces.get('controlplane')!
    api.sockets.tcpListen(0, 6443, (c) => {
      c.handlers = { onData: () => c.end() }
    })
    this.put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'kubernetes', namespace: 'default' }, spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443, protocol: 'TCP' }] } })
    this.put({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } }, addressType: 'IPv4', ports: [{ name: 'https', port: 6443, protocol: 'TCP' }], endpoints: [{ addresses: ['172.30.1.2'], conditions: { ready: true } }] })
  }

  #pod(name: string, node: NetNamespace, ip: string): void {
    const ns = this.#space(name)
    const device = `cali${ip.split('.').slice(2).join('')}`
    ns.addLink('eth0', { kind: 'veth', peer: { name: device, namespace: node } })
    node.setLink(device, { up: true })
    ns.setLink('eth0', { up: true })
    ns.addAddress('eth0', `${ip}/32`)
    ns.addRoute({ to: '169.254.1.1', device: 'eth0', scope: 'link' })
    ns.addRoute({ to: 'default', via: '169.254.1.1', device: 'eth0' })
    node.setSysctl(`net.ipv4.conf.${device}.proxy_arp`, '1')
    node.addRoute({ to: ip, device, scope: 'link' })
  }

  #serve(name: string): void {
    const { sockets } = this.spaces.get(name)!
    for (const port of [8080, 8081, 9090]) {
      sockets.tcpListen(0, port, (c) => {
        c.send(`${name} saw ${formatIpv4(c.remoteAddress)}`)
        c.end()
      })
    }
    const addresses = [...this.spaces.get(name)!.links.values()].flatMap((l) => l.addresses.map((a) => a.address))
    for (const address of addresses) {
      const socket = sockets.udpBind({ address: ipv4(address), port: 5353 }, { onMessage: (_, from) => void socket.send(`${name} saw ${formatIpv4(from.address)}`, from) })
    }
    sockets.tcpListen(0, 7777, (c) => {
      c.handlers = { onData: () => c.send(`${name} saw ${formatIpv4(c.remoteAddress)}`), onEnd: () => c.end() }
    })
  }

  put(object: any): void {
    const key = `${object.metadata.namespace ?? 'default'}/${object.metadata.name}`
    if (object.kind === 'Service') {
      const old = this.services.get(key)
      const status = object.status ?? old?.status
      // A status write without spec, and immutable allocations, as the API server would keep them.
      this.services.set(key, { ...old, ...object, spec: { ...object.spec }, ...(status && { status }) })
      this.changed(key)
    } else if (object.kind === 'EndpointSlice') {
      this.slices.set(key, object)
      this.changed(`${object.metadata.namespace}/${object.metadata.labels?.['kubernetes.io/service-name']}`)
    } else if (object.kind === 'Node') {
      const zone = object.metadata.labels?.['topology.kubernetes.io/zone']
      if (zone !== undefined) this.zones.set(object.metadata.name, zone)
      this.proxies.get(object.metadata.name)?.proxier.forceFullSync()
    }
  }

  readonly zones = new Map<string, string>()

  drop(object: any): void {
    const key = `${object.metadata?.namespace ?? object.namespace ?? 'default'}/${object.metadata?.name ?? object.name}`
    if (object.kind === 'Service') {
      this.services.delete(key)
      this.changed(key)
    } else if (object.kind === 'EndpointSlice') {
      const slice = this.slices.get(key)
      this.slices.delete(key)
      if (slice) this.changed(`${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`)
    }
  }

  changed(service: string): void {
    for (const { proxier } of this.proxies.values()) proxier.changed(service)
  }

  startProxies(): void {
    for (const name of ['node01', 'node02']) {
      if (this.proxies.has(name)) continue
      const net = this.spaces.get(name)!
      const { iptables, conntrack, nftables, ...rest } = this.scenario.configuration ?? {}
      const config = readConfiguration({ mode: this.mode, clusterCIDR: '192.168.0.0/16', conntrack, iptables, nftables, ...rest })
      const health = new ServiceHealth(net.sockets, new ProxyHealth({ now: () => this.sim.now, timeout: 60_000, nodeEligible: () => true }))
      const common = {
        sim: this.sim, net, nodeName: name,
        slicesOf: (service: string) => [...this.slices.values()].filter((s) => `${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name']}` === service && s.metadata.labels?.['service.kubernetes.io/headless'] === undefined),
        serviceOf: (service: string) => this.services.get(service),
        zone: () => this.zones.get(name) ?? '',
        onSynced: (counts: Parameters<ServiceHealth['sync']>[0]) => health.sync(counts),
      }
      const proxier = this.mode === 'iptables' ? this.#iptables(common, config, net, name) : this.#nftables(common, config, net, name)
      for (const service of this.services.keys()) proxier.changed(service)
      proxier.start()
      this.proxies.set(name, { proxier, health })
    }
  }

  #iptables(common: any, config: any, net: NetNamespace, name: string): IptablesProxier {
    cleanNftables(net.nftables)
    const rules = syncOptions(config, net, nodes[name]![0], nodes[name]![1])
    if (rules.localhostNodePorts) net.setSysctl('net.ipv4.conf.all.route_localnet', '1')
    return new IptablesProxier({
      ...common, rules, minSyncPeriod: config.minSyncPeriod, syncPeriod: config.syncPeriod,
      logError: (message) => {
        throw new Error(message)
      },
    })
  }

  #nftables(common: any, config: any, net: NetNamespace, name: string): NftablesProxier {
    cleanIptables(net.netfilter)
    return new NftablesProxier({
      ...common, options: () => nftOptions(config, net, nodes[name]![0], nodes[name]![1], ['10.96.0.0/12']), minSyncPeriod: config.nftables.minSyncPeriod, syncPeriod: config.nftables.syncPeriod, log: () => undefined,
    })
  }

  stopProxies(): void {
    for (const { proxier, health } of this.proxies.values()) {
      proxier.stop()
      health.close()
    }
    this.proxies.clear()
  }

  run(ms: number): void {
    this.sim.runUntil(this.sim.now + ms)
  }

  shell(text: string): void {
    const net = this.spaces.get('node01')!
    if (text.startsWith('nft ')) {
      for (const command of text.split(/; (?=nft )/)) net.nftables.run(command.slice(4).replaceAll("'", ''))
      return
    }
    for (const command of text.split(';').map((c) => c.trim())) {
      const words = command.split(/\s+/)
      if (words[0] === 'sleep') this.run(Number(words[1]) * 1000)
      else if (words[0] === 'iptables') net.netfilter.apply(parseCommand(net, words.slice(1)))
      else if (words[0] === 'kube-proxy') {
        // --cleanup
        cleanIptables(net.netfilter)
        cleanNftables(net.nftables)
      }
    }
  }

  step(index: number): void {
    const step = this.scenario.steps[index]!
    for (const object of step.apply ?? []) this.put(object)
    for (const object of step.delete ?? []) this.drop(object)
    for (const { mode, sh } of step.exec ?? []) if (mode === undefined || mode === this.mode) this.shell(sh)
    if (step.proxy === 'stop' || step.proxy === 'restart') this.stopProxies()
    if (step.mode !== undefined) this.mode = step.mode as Mode
    if ((index === 0 || step.proxy === 'restart') && step.proxy !== 'stop') this.startProxies()
    if (step.return) this.run(step.return.limit * 1000)
    this.run(step.settle === false ? 0 : 3000)
  }
}

const outcomes: Readonly<Record<string, string>> = { ECONNREFUSED: 'refused', ETIMEDOUT: 'timeout', EHOSTUNREACH: 'host-unreachable', ENETUNREACH: 'net-unreachable', EPERM: 'error:EPERM' }
const limit = 700

export interface Answer {
  readonly outcome: string
  readonly seen?: string
}

export function attempt(world: World, probe: Probe, sport: number | undefined): Answer {
  const { sockets } = world.spaces.get(probe.from)!
  const to = ipv4(probe.to)
  let answer: Answer | undefined
  const end = world.sim.now + limit
  const wait = () => {
    while (answer === undefined && world.sim.step(end));
    world.sim.advanceTo(Math.min(end, world.sim.now))
    return answer ?? { outcome: 'timeout' }
  }
  if (probe.proto === 'udp') {
    const socket = sockets.udpBind(sport === undefined ? {} : { port: sport }, { onMessage: (data) => (answer = { outcome: 'ok', seen: data }), onError: (e) => (answer = { outcome: outcomes[e] ?? `error:${e}` }) })
    socket.connect(to, probe.port!)
    const failure = socket.send('hello')
    if (failure !== undefined) answer = { outcome: outcomes[failure] ?? `error:${failure}` }
    const result = wait()
    socket.close()
    return result
  }
  let text = ''
  const connection = sockets.tcpConnect({ to, port: probe.port!, ...(sport !== undefined && { fromPort: sport }) }, {
    onData: (t) => (text += t),
    onEnd: () => {
      answer = { outcome: 'ok', seen: text }
      connection.end()
    },
    onError: (e) => (answer = { outcome: outcomes[e] ?? `error:${e}` }),
  })
  const result = wait()
  if (result.outcome === 'timeout') connection.abort()
  return result
}

export function runHttp(world: World, probe: Probe): unknown {
  const { sockets } = world.spaces.get(probe.from)!
  let text = ''
  let error: string | undefined
  let ended = false
  const connection = sockets.tcpConnect({ to: ipv4(probe.to), port: probe.port! }, {
    onOpen: (c) => c.send(`GET ${probe.path ?? '/'} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    onData: (t) => (text += t),
    onEnd: () => {
      ended = true
      connection.end()
    },
    onError: (e) => (error = e),
  })
  const end = world.sim.now + limit
  while (!ended && error === undefined && world.sim.step(end));
  if (error !== undefined) return { outcome: outcomes[error] ?? error }
  if (!ended) return { outcome: 'timeout' }
  const [head, body] = text.split('\r\n\r\n') as [string, string]
  const [status, ...headers] = head.split('\r\n')
  return { outcome: 'ok', answer: { status, headers: headers.filter((h) => !/^(Date|Content-Length):/i.test(h)).sort(), body } }
}

function runHold(world: World, probe: Probe): unknown {
  const { sockets } = world.spaces.get(probe.from)!
  if (probe.op !== 'say') {
    let got: ((text: string) => void) | undefined
    let error: string | undefined
    const connection = sockets.tcpConnect({ to: ipv4(probe.to), port: probe.port! }, { onData: (t) => got?.(t), onError: (e) => (error = e), onEnd: () => (error = 'closed') })
    const say = (): Answer => {
      let answer: Answer | undefined
      got = (t) => (answer = { outcome: 'ok', seen: t })
      const end = world.sim.now + limit
      while (connection.state === 'SYN-SENT' && error === undefined && world.sim.step(end));
      if (error === undefined) connection.send('hello\n')
      while (!answer && error === undefined && world.sim.step(end));
      return answer ?? { outcome: error === undefined ? 'timeout' : (outcomes[error] ?? error) }
    }
    world.held.set(`${probe.from} ${probe.key}`, { say } as never)
    return say()
  }
  return (world.held.get(`${probe.from} ${probe.key}`) as unknown as { say(): Answer }).say()
}

export function runProbe(world: World, probe: Probe): unknown {
  if (probe.proto === 'http') return runHttp(world, probe)
  if (probe.proto === 'hold') {
    const a = runHold(world, probe) as Answer
    return { outcome: [a.outcome], ...(a.seen !== undefined && { seen: [a.seen] }) }
  }
  if (probe.proto === 'ping') {
    let result: string | undefined
    world.spaces.get(probe.from)!.sockets.ping({ to: ipv4(probe.to), timeout: 1000 }, (r) => (result = r.kind))
    const end = world.sim.now + 1200
    while (result === undefined && world.sim.step(end));
    return { rc: result === 'reply' ? 0 : 1 }
  }
  const answers: Answer[] = []
  for (let i = 0; i < (probe.tries ?? 1); i++) {
    answers.push(attempt(world, probe, probe.sport))
    const bad = answers.filter((a) => a.outcome !== 'ok')
    if ((i === 1 && answers.every((a) => a.outcome === 'timeout')) || (answers.length >= 5 && bad.length === answers.length && new Set(bad.map((b) => b.outcome)).size === 1)) break
  }
  const seen = [...new Set(answers.flatMap((a) => a.seen ?? []))].sort()
  const outcome = [...new Set(answers.map((a) => a.outcome))].sort()
  if (probe.backends !== undefined) return { outcome, backends: new Set(seen.map((s) => s.split(' ')[0])).size, sources: [...new Set(seen.map((s) => s.split(' ').at(-1)))].sort() }
  return { outcome, ...(seen.length > 0 && { seen }) }
}

export function expectedProbe(p: Probe): unknown {
  if (p.proto === 'http') return { outcome: p.outcome, ...(p.answer && { answer: { status: p.answer.status, headers: [...p.answer.headers].sort(), body: p.answer.body } }) }
  if (p.proto === 'ping') return { rc: p.rc }
  const outcome = typeof p.outcome === 'string' ? [p.outcome] : p.outcome
  const seen = typeof p.seen === 'string' ? [p.seen] : p.seen
  if (p.backends !== undefined) return { outcome, backends: p.backends, sources: p.sources }
  return { outcome, ...(seen && seen.length > 0 && { seen }) }
}
