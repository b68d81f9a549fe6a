/**
 * Recordings of CoreDNS (cni-dns/dns): queries by dig against a server with the recorded Corefile and cluster, starts with broken Corefiles. Steps that
 * run a client program in the pod, and those about the server's life, are left to the transcripts. Compared after the README's rules.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dnsQuery, dnsRcodes, decodeDns, encodeDns } from '#base/dns.ts'
import type { DnsMessage, DnsRecord } from '#base/dns.ts'
import { ipv4, parseIpv6 } from '#base/ip.ts'
import { coreDns } from '#engine/addons/coredns/program.ts'
import { replyFlags } from '#engine/addons/coredns/plugins/basic.ts'
import type { Process } from '#engine/machine/process.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { SimNetwork } from '#engine/net/network.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { FakeApi } from '../network/fake-api.ts'
import { emptyFiles } from './cni.collection.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface Reply {
  readonly rcode: string
  readonly flags: readonly string[]
  readonly answer?: readonly string[][]
  readonly authority?: readonly string[][]
  readonly additional?: readonly string[][]
  readonly edns?: string
}

interface Step {
  readonly do: string
  readonly cmd?: string
  readonly reply?: Reply
  readonly coredns?: readonly string[]
  readonly stdout?: string
  readonly s?: number
  readonly text?: string
}

interface Case {
  readonly id: string
  readonly area: string
  readonly corefile: string
  readonly files?: Readonly<Record<string, string>>
  readonly resolv_node?: string
  readonly steps?: readonly Step[]
  readonly start?: readonly string[]
  readonly exit?: number | string
  readonly output?: readonly string[] | string
}

interface Cluster {
  readonly objects: readonly any[]
  readonly status: readonly any[]
  readonly endpointslices: readonly any[]
}

interface Outside {
  readonly zones: Readonly<Record<string, string>>
  readonly corefile_of_the_outside_world: string
}

const plurals: Readonly<Record<string, string>> = { Namespace: 'namespaces', Node: 'nodes', Pod: 'pods', Service: 'services', EndpointSlice: 'endpointslices' }

class World {
  readonly sim = new Sim({ seed: 'dns', start: Date.UTC(2026, 0, 1) })
  readonly runner = new Runner(this.sim, () => new Promise((resolve) => setImmediate(resolve)))
  readonly network = new SimNetwork(this.sim)
  readonly api = new FakeApi()
  readonly client: NetNamespace
  readonly server: NetNamespace
  readonly outside: { stop(): void }
  readonly lines: string[] = []
  readonly upstream: string[] = []
  readonly fs = emptyFiles()

  constructor(data: { cluster: Cluster; outside: Outside }) {
    const [client, server, outside] = ['client', 'server', 'outside'].map((n) => this.network.createNamespace(n, { node: n })) as unknown as [NetNamespace, NetNamespace, NetNamespace]
    this.client = client
    this.server = server
    client.addLink('eth0', { kind: 'veth', peer: { name: 'pods', namespace: server } })
    server.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespace: outside } })
    for (const [ns, devices] of [[client, ['lo', 'eth0']], [server, ['lo', 'eth0', 'pods']], [outside, ['lo', 'eth0']]] as const) for (const d of devices) ns.setLink(d, { up: true })
    client.addAddress('eth0', '10.244.1.7/24')
    server.addAddress('pods', '10.244.1.1/24')
    server.addAddress('eth0', '10.244.0.2/24')
    server.addAddress('lo', '10.96.0.10/32')
    outside.addAddress('eth0', '10.244.0.1/24')
    client.addRoute({ to: 'default', via: '10.244.1.1', device: 'eth0' })
    server.addRoute({ to: 'default', via: '10.244.0.1', device: 'eth0' })
    for (const ip of ['198.51.100.53', '198.51.100.54', '198.51.100.99']) outside.addAddress('lo', `${ip}/32`)
    for (const object of data.cluster.objects) if (object.kind !== 'EndpointSlice') this.put(object, data.cluster)
    for (const [i, s] of data.cluster.endpointslices.entries()) {
      this.api.of('endpointslices').put({
        apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: `slice-${i}`, namespace: s.namespace, labels: { 'kubernetes.io/service-name': s.service } }, addressType: s.addressType, ports: s.ports,
        endpoints: s.endpoints.map((e: any) => ({ ...e, ...(e.pod && { targetRef: { kind: 'Pod', name: e.pod, namespace: s.namespace } }) })),
      })
    }
    for (const [namespace, name, clusterIP, ports] of [
      ['default', 'kubernetes', '10.96.0.1', [{ name: 'https', port: 443, protocol: 'TCP' }]],
      ['kube-system', 'kube-dns', '10.96.0.10', [{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'dns-tcp', port: 53, protocol: 'TCP' }, { name: 'metrics', port: 9153, protocol: 'TCP' }]],
    ] as const) this.api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { clusterIP, clusterIPs: [clusterIP], ports } })
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) this.api.of('namespaces').put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    const files = emptyFiles()
    files.mkdir('/etc/up', { parents: true })
    for (const [name, text] of Object.entries(data.outside.zones)) files.writeFile(`/etc/up/${name}`, text)
    files.writeFile('/Corefile', data.outside.corefile_of_the_outside_world)
    this.outside = this.start(outside, files, ['/coredns', '-conf', '/Corefile'], this.upstream)
  }

  put(object: any, cluster: Cluster): void {
    const status = cluster.status.find((s) => s.object.split('/').at(-1) === object.metadata.name && s.namespace === object.metadata.namespace && (s.object.startsWith('svc/') ? object.kind === 'Service' : s.kind === undefined || s.kind === object.kind))
    const resource = plurals[object.kind ?? 'EndpointSlice']
    if (resource) this.api.of(resource).put({ ...object, ...(status && { status: status.status }) })
  }

  start(net: NetNamespace, fs: ReturnType<typeof emptyFiles>, argv: string[], lines: string[]): { readonly code: Promise<number>; stop(): void } {
    let terminate = () => {}
    const stream = { write: async (text: string) => void lines.push(...text.replace(/\n$/, '').split('\n')) }
    const exits: (() => void)[] = []
    const process = { argv, fs, env: new Map(), stdout: stream, stderr: stream, cwd: '/', machine: { sim: this.sim, net }, sleep: (ms: number) => new Promise<void>((resolve) => void this.sim.after(ms, () => { this.sim.woke(); resolve() })) } as unknown as Process
    const context = { api: this.api, nodeName: 'node1', onExit: (f: () => void) => exits.push(f), terminated: () => new Promise<void>((resolve) => (terminate = resolve)) } as unknown as ContainerContext
    const code = coreDns(process, context).then((c) => {
      for (const f of exits) f()
      return c
    })
    return { code, stop: () => terminate() }
  }

  /** What the recorder did besides asking. */
  async manage(cmd: string): Promise<void> {
    const [, verb, name, namespace, ip] = /^kubectl (create|delete) service (?:clusterip )?(\S+) -n (\S+)(?:.* --clusterip=(\S+))?/.exec(cmd) ?? []
    if (cmd === 'stop-upstream') this.outside.stop()
    if (verb === 'create') this.api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: namespace!, name: name! }, spec: { clusterIP: ip, clusterIPs: [ip], ports: [{ name: '80', port: 80, protocol: 'TCP' }] } })
    if (verb === 'delete') this.api.of('services').drop(namespace, name!)
    await this.runner.runFor(cmd === 'stop-upstream' ? 10_000 : 100)
  }

  async ask(server: string, port: number, name: string, type: string, recursion: boolean, edns: boolean): Promise<DnsMessage | undefined> {
    let reply: DnsMessage | undefined
    const socket = this.client.sockets.udpBind({}, { onMessage: (data) => (reply = decodeDns(data)) })
    socket.connect(ipv4(server), port)
    socket.send(encodeDns(dnsQuery(this.sim.random.below(65_536), name, type, { recursion, ...(edns && { edns: { udpSize: 1232, dnssecOk: false, version: 0 } }) })))
    await this.runner.runWhile(() => reply === undefined, 5000)
    socket.close()
    return reply
  }
}

function rows(records: readonly DnsRecord[]): string[][] {
  const out = records.map((r) => [r.name, String(r.ttl), r.class, r.type, r.data.replace(/^(\S+ \S+) \d{9,} (7200 1800 86400)/, '$1 <SERIAL> $2').replace(/^(0 0) \d+ \.$/, '$1 <PORT> .')])
  return out.sort((a, b) => Number(b[3] === 'CNAME') - Number(a[3] === 'CNAME') || (a.join(' ') < b.join(' ') ? -1 : 1))
}

function said(reply: DnsMessage | undefined): unknown {
  if (!reply) return 'no answer'
  return { rcode: dnsRcodes[reply.rcode], flags: replyFlags(reply).split(','), answer: rows(reply.answers), authority: rows(reply.authority), additional: rows(reply.additional) }
}

const sorted = (list: readonly string[][] | undefined) => [...(list ?? [])].map((r) => [...r]).sort((a, b) => Number(b[3] === 'CNAME') - Number(a[3] === 'CNAME') || (a.join(' ') < b.join(' ') ? -1 : 1))

/** Ports, ids and times left out; health checks of loop left out. */
function logLines(lines: readonly string[]): string[] {
  return lines.filter((l) => !l.includes('HINFO')).map((l) => l.replace(/(\d+\.\d+\.\d+\.\d+):(?:\d{4,}|<PORT>)(?=[ -])/g, '$1:<PORT>').replace(/ - (?:\d+|<ID>) "/, ' - <ID> "').replace(/ (?:[\d.]+s|<TIME>)$/, ' <TIME>')).sort()
}

/** TTLs that a cache counts down are compared by being there. */
function withCountdown(expected: string[][], actual: string[][]): string[][] {
  return actual.map((row, i) => (expected[i]?.[1]?.startsWith('<') ? [row[0]!, expected[i]![1]!, ...row.slice(2)] : row))
}

const nibbles = (address: string) => (parseIpv6(address) ?? 0n).toString(16).padStart(32, '0')

function parseDig(cmd: string): { server: string; port: number; name: string; type: string; recursion: boolean; edns: boolean } | undefined {
  const words = cmd.split(' ').slice(1)
  let [server, port, name, type, recursion, edns] = ['10.96.0.10', 53, '', 'A', true, true] as [string, number, string, string, boolean, boolean]
  for (let i = 0; i < words.length; i++) {
    const w = words[i]!
    if (w.startsWith('@')) server = w.slice(1)
    else if (w === '-p') port = Number(words[++i])
    else if (w === '-x') {
      const address = words[++i]!
      name = address.includes(':') ? `${[...nibbles(address)].reverse().join('.')}.ip6.arpa` : `${address.split('.').reverse().join('.')}.in-addr.arpa`
      type = 'PTR'
    } else if (w === '-t') type = words[++i]!.toUpperCase()
    else if (w === '+norecurse') recursion = false
    else if (w === '+noedns') edns = false
    else if (w.startsWith('+')) {
      if (!['+nocookie', '+short', '+noall', '+answer'].includes(w) && !/^\+(time|tries|timeout)=/.test(w)) return undefined
    } else if (w.startsWith('-')) return undefined
    else if (/^(A|AAAA|SRV|PTR|TXT|NS|SOA|CNAME|MX|ANY|HINFO|CAA|HTTPS)$/i.test(w) && name !== '') type = w.toUpperCase()
    else name = w
  }
  return { server, port, name: name.endsWith('.') ? name : `${name}.`, type, recursion, edns }
}

type Row = { readonly id: string; readonly case: Case; readonly step?: number; readonly data: { cluster: Cluster; outside: Outside } }

const played = new WeakMap<Case, Promise<Map<number, unknown>>>()

async function play(row: Row): Promise<Map<number, unknown>> {
  const world = new World(row.data)
  const { fs } = world
  fs.mkdir('/etc/coredns', { parents: true })
  fs.writeFile('/etc/resolv.conf', row.case.resolv_node ?? 'nameserver 198.51.100.53\n')
  fs.writeFile('/etc/coredns/Corefile', row.case.corefile)
  for (const [name, text] of Object.entries(row.case.files ?? {})) fs.writeFile(name.startsWith('/') ? name : `/etc/coredns/${name}`, text)
  await world.runner.runFor(100)
  void world.start(world.server, fs, ['/coredns', '-conf', '/etc/coredns/Corefile'], world.lines)
  await world.runner.runFor(3000)
  const out = new Map<number, unknown>()
  for (const [i, step] of (row.case.steps ?? []).entries()) {
    if (step.do === 'wait') await world.runner.runFor(Number(step.s) * 1000)
    if (step.do === 'corefile') fs.writeFile('/etc/coredns/Corefile', step.text!)
    if (step.do === 'server') await world.manage(step.cmd!)
    if (step.do !== 'dig') continue
    const dig = parseDig(step.cmd!)
    const before = world.lines.length
    const reply = dig ? await world.ask(dig.server, dig.port, dig.name, dig.type, dig.recursion, dig.edns) : undefined
    out.set(i, { reply, lines: world.lines.slice(before) })
  }
  return out
}

async function run(row: Row): Promise<Outcome> {
  if (row.step === undefined) return runCorefile(row)
  const step = row.case.steps![row.step]!
  let all = played.get(row.case)
  if (!all) played.set(row.case, (all = play(row)))
  const { reply, lines } = (await all).get(row.step) as { reply: DnsMessage | undefined; lines: string[] }
  if (!step.reply) return { result: 'skipped', reason: 'no reply was recorded' }
  const expected = { rcode: step.reply.rcode, flags: step.reply.flags, answer: sorted(step.reply.answer), authority: sorted(step.reply.authority), additional: sorted(step.reply.additional), log: step.coredns ? logLines(step.coredns) : undefined }
  const actual = said(reply) as typeof expected
  if (typeof actual === 'object' && step.coredns) actual.log = logLines(lines)
  if (typeof actual === 'object') for (const key of ['answer', 'authority', 'additional'] as const) actual[key] = withCountdown(expected[key], actual[key])
  const [e, a] = [JSON.stringify(expected, null, 1), JSON.stringify(actual, null, 1)]
  return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
}

async function runCorefile(row: Row): Promise<Outcome> {
  const world = new World(row.data)
  world.fs.mkdir('/etc/coredns', { parents: true })
  world.fs.writeFile('/etc/resolv.conf', 'nameserver 198.51.100.53\n')
  world.fs.writeFile('/etc/coredns/Corefile', row.case.corefile)
  let code: number | undefined
  void world.start(world.server, world.fs, ['/coredns', '-conf', '/etc/coredns/Corefile'], world.lines).code.then((c) => (code = c))
  await world.runner.runFor(3000)
  const recorded = Array.isArray(row.case.output) ? row.case.output.join('\n') : String(row.case.output ?? '')
  const normal = (text: string) => text.replace(/GOMAXPROCS=\S+:/g, 'GOMAXPROCS=<N>:').replace(/go1\.\d+\.\d+/g, 'go').replace(/plugin\/reload: Running.*/g, 'HASH').trim()
  const expected = `exit ${row.case.exit}\n${normal(recorded)}`
  const actual = `exit ${code ?? 'runs on'}\n${normal(world.lines.join('\n'))}`
  return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
}

const folder = 'golden/cni-dns'

export const collections = [
  collection<Row>({
    name: 'cni-dns/dns',
    needs: [`${folder}/dns.json`],
    load: (shared) => {
      const read = <T>(name: string) => JSON.parse(readFileSync(join(shared, folder, name), 'utf8')) as T
      const data = { cluster: read<Cluster>('dns-cluster.json'), outside: read<Outside>('dns-outside.json') }
      return read<Case[]>('dns.json').flatMap((c): Row[] => (c.area === 'corefile' ? [{ id: c.id, case: c, data }] : (c.steps ?? []).flatMap((s, step) => (s.do === 'dig' ? [{ id: `${c.id}/${step}`, case: c, step, data }] : []))))
    },
    id: (row) => row.id,
    run,
  }),
]
