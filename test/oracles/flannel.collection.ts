/**
 * Recordings of flanneld (cni-dns/flannel): how it fails to start, and the files, rules and routes of nodes as they join. Left out: log lines of
 * successful starts, `ip addr` texts, traffic, what happens when it is killed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { flanneld } from '#engine/addons/flannel/program.ts'
import type { Process } from '#engine/machine/process.ts'
import { SimNetwork } from '#engine/net/network.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { FakeApi } from '../network/fake-api.ts'
import { emptyFiles } from './cni.collection.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface Step {
  readonly what?: string
  readonly command?: string
  readonly exit?: number | string
  readonly state?: Readonly<Record<string, any>>
  readonly log?: Readonly<Record<string, readonly string[]>>
}

interface Case {
  readonly id: string
  readonly area: string
  readonly title: string
  readonly 'net-conf.json'?: unknown
  readonly steps: readonly Step[]
}

class FlannelApi extends FakeApi {
  override patch(...args: any[]): never {
    const [gvr, namespace, name, patch] = args as [{ resource: string }, string | undefined, string, any]
    const old = this.get(gvr as never, namespace, name) as any
    this.of(gvr.resource).put({
      ...old, metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, ...patch.metadata?.annotations } },
      status: { ...old.status, conditions: [...(old.status?.conditions ?? []).filter((c: any) => !patch.status?.conditions?.some((n: any) => n.type === c.type)), ...(patch.status?.conditions ?? [])] },
    })
    return undefined as never
  }
}

class World {
  readonly sim = new Sim({ seed: 'flannel', start: Date.UTC(2026, 0, 1) })
  readonly runner = new Runner(this.sim, () => new Promise((resolve) => setImmediate(resolve)))
  readonly network = new SimNetwork(this.sim)
  readonly api = new FlannelApi()
  readonly nodes = new Map<string, { readonly net: NetNamespace; readonly fs: ReturnType<typeof emptyFiles>; readonly lines: string[]; exit?: number }>()
  readonly conf: unknown

  /** `routes`: a node's recorded routes tell where its uplink is. */
  constructor(conf: unknown, routes: (node: string) => string) {
    this.conf = conf
    const lan = this.network.createNamespace('lan', { node: 'lan' })
    lan.addLink('br0', { kind: 'bridge' })
    lan.setLink('br0', { up: true })
    for (let i = 0; i < 3; i++) {
      const name = `node${i + 1}`
      const net = this.network.createNamespace(name, { node: name })
      net.addLink('eth0', { kind: 'veth', peer: { name: `p${i}`, namespace: lan } }, { mac: `02:00:ac:1f:00:0${'bcd'[i]}` })
      lan.setLink(`p${i}`, { up: true, master: 'br0' })
      for (const l of ['lo', 'eth0']) net.setLink(l, { up: true })
      const uplink = /^default via (\S+) dev eth0[\s\S]*^\S+\/(\d+) dev eth0 proto kernel scope link src (\S+)/m.exec(routes(name))
      net.addAddress('eth0', uplink ? `${uplink[3]}/${uplink[2]}` : `172.31.0.1${i + 1}/24`)
      net.addRoute({ to: 'default', via: uplink?.[1] ?? '172.31.0.1', device: 'eth0' })
      net.setSysctl('net.ipv4.ip_forward', '1')
      const fs = emptyFiles()
      fs.mkdir('/etc/kube-flannel', { parents: true })
      if (conf !== null) fs.writeFile('/etc/kube-flannel/net-conf.json', JSON.stringify(conf))
      this.nodes.set(name, { net, fs, lines: [] })
      this.api.of('nodes').put({ apiVersion: 'v1', kind: 'Node', metadata: { name, annotations: { 'node.alpha.kubernetes.io/ttl': '0' } }, spec: { podCIDR: `10.244.${i}.0/24` }, status: {} })
    }
  }

  async start(name: string, command: string, seconds: number): Promise<void> {
    const node = this.nodes.get(name)!
    const stream = { write: async (text: string) => void node.lines.push(...text.replace(/\n$/, '').split('\n')) }
    const argv = command.trim().split(/\s+/).filter((w, i) => i === 0 || w.startsWith('-'))
    const env = new Map([['NODE_NAME', /NODE_NAME=(\S+)/.exec(command)?.[1] ?? name]])
    const process = { argv, pid: 1, fs: node.fs, env, stdout: stream, stderr: stream, machine: { sim: this.sim, net: node.net }, sleep: (ms: number) => new Promise<void>((resolve) => void this.sim.after(ms, () => { this.sim.woke(); resolve() })) } as unknown as Process
    const context = { api: this.api, nodeName: name, node: { fs: node.fs, net: node.net }, onExit: () => {}, terminated: () => new Promise<void>(() => {}) } as unknown as ContainerContext
    void flanneld(process, context).then((code) => (node.exit = code))
    await this.runner.runFor(seconds * 1000)
  }

  state(name: string): Record<string, string> {
    const { net, fs } = this.nodes.get(name)!
    const out: Record<string, string> = {}
    if (fs.exists('/run/flannel/subnet.env')) out[`${name}:/run/flannel/subnet.env`] = fs.readFile('/run/flannel/subnet.env')
    out[`${name}:ip route`] = net.routes().map((r) => `${r.to}${r.via ? ` via ${r.via}` : ''} dev ${r.device}${r.protocol && r.protocol !== 'boot' ? ` proto ${r.protocol}` : ''}${r.scope && r.scope !== 'global' ? ` scope ${r.scope}` : ''}${r.source ? ` src ${r.source}` : ''} ${r.flags.map((f) => `${f} `).join('')}\n`).join('')
    const rules = net.netfilter.save().split('\n').filter((l) => l.startsWith('-A')).join('\n')
    if (rules !== '') out[`${name}:iptables-save`] = rules
    return out
  }
}

type Row = { readonly id: string; readonly case: Case; readonly step: number }

const kept = (key: string) => /:(\/run\/flannel\/subnet\.env|ip route|iptables-save)$/.test(key)
const simple = /^flanneld started(?: on (node[123]))?$/

async function run(row: Row): Promise<Outcome> {
  const c = row.case
  if (/rbac|err-api|vxlanexists/.test(c.id)) return { result: 'skipped', reason: 'not modelled' }
  const world = new World('net-conf.json' in c ? (c['net-conf.json'] ?? null) : { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }, (name) => String(c.steps.find((s) => s.state?.[`${name}:ip route`])?.state?.[`${name}:ip route`] ?? ''))
  const expected = new Map<string, string>()
  for (const [i, step] of c.steps.entries()) {
    const m = simple.exec(step.what ?? '')
    if (!m) return { result: 'skipped', reason: 'a step before it is not modelled' }
    const name = m[1] ?? 'node1'
    // The commands are recorded without their environment: the node's name is in what they log.
    const called = /Subnet Manager - (\S+)/.exec((step.log?.[name] ?? []).join('\n'))?.[1]
    await world.start(name, `${step.command ?? ''}${called === undefined ? '' : ` NODE_NAME=${called}`}`, 5)
    for (const [key, text] of Object.entries(step.state ?? {})) if (kept(key)) expected.set(key, String(text ?? '').split('\n').filter((l) => !key.endsWith('iptables-save') || l.startsWith('-A')).join('\n'))
    if (i !== row.step) continue
    const node = world.nodes.get(name)!
    if (c.area === 'flannel-errors') {
      const strip = (lines: readonly string[]) => lines.map((l) => l.replace(/^([IWEF])\d{4} \S+ +\d+ /, '$1 ')).filter((l) => !l.includes('CLI flags config'))
      const [e, a] = [[`exit ${step.exit}`, ...strip(step.log?.[name] ?? Object.values(step.log ?? {})[0] ?? [])].sort().join('\n'), [`exit ${node.exit ?? 'runs on'}`, ...strip(node.lines)].sort().join('\n')]
      return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
    }
    const keys = [...expected.keys()].sort()
    const all: Record<string, string> = Object.assign({}, ...[...world.nodes.keys()].map((n) => world.state(n)))
    const [e, a] = [keys.map((k) => `${k}\n${expected.get(k)}`).join('\n'), keys.map((k) => `${k}\n${all[k] ?? ''}`).join('\n')]
    return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
  }
  return { result: 'skipped', reason: 'not reached' }
}

const file = 'golden/cni-dns/flannel.json'

export const collections = [
  collection<Row>({
    name: 'cni-dns/flannel',
    needs: [file],
    load: (shared) => (JSON.parse(readFileSync(join(shared, file), 'utf8')) as Case[]).filter((c) => c.area !== 'flannel-cni').flatMap((c) => c.steps.flatMap((s, step) => (simple.test(s.what ?? '') ? [{ id: `${c.id}/${step}`, case: c, step }] : []))),
    id: (row) => row.id,
    run,
  }),
]
