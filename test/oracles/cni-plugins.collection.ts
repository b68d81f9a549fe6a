/**
 * Recordings of CNI plugins called one by one and in chains (cni-dns/cni): exit codes, printed results and errors, the files under /var/lib/cni,
 * nat rules and IPv4 routes after each call, shell commands in between carried out by the real programs. Left out: `ip addr` and `bridge link` texts,
 * IPv6 routes, cnitool.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NetNamespace } from '#engine/net/types.ts'
import { binaryText, cniPlugins, packagedBinaries } from '#engine/node/cni/plugins.ts'
import { hostOf } from '#engine/node/cni/runtime.ts'
import { runPlugin } from '#engine/node/cni/skel.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'
import { LinuxHosts } from './linux-hosts.ts'

interface Call {
  readonly plugin: string
  readonly env: Readonly<Record<string, string>>
  readonly stdin: unknown
  readonly rc: number
  readonly stdout: unknown
  readonly stderr: string
}

type Step = Partial<Call> & { readonly do: string; readonly command?: string; readonly cmd?: string; readonly calls?: readonly Call[]; readonly state?: Readonly<Record<string, string | null>>; readonly path?: string; readonly text?: string }

interface Case {
  readonly id: string
  readonly area: string
  readonly namespaces: readonly string[]
  readonly steps: readonly Step[]
}

class World {
  readonly linux = new LinuxHosts({ seed: 'cni', start: 0, hosts: ['node1'], links: [] })
  readonly host = this.linux.hosts.get('node1')!
  readonly net = this.host.net
  readonly fs = this.host.fs
  readonly spaces = this.host.namedNamespaces

  constructor(namespaces: readonly string[]) {
    this.net.setLink('lo', { up: true })
    this.fs.mkdir('/opt/cni/bin', { parents: true })
    for (const b of [...packagedBinaries, 'flannel']) this.fs.writeFile(`/opt/cni/bin/${b}`, binaryText, { mode: 0o755 })
    for (const n of namespaces) this.spaces.set(n, this.host.network.createNamespace(n, { node: 'node1' }))
  }

  call(call: Call): { rc: number; stdout: unknown; stderr: string } {
    const plugin = cniPlugins.get(call.plugin)!
    const text = typeof call.stdin === 'string' ? call.stdin : JSON.stringify(this.real(call.stdin, call.env['CNI_NETNS'] ?? ''))
    const exit = runPlugin(plugin, call.plugin, new Map(Object.entries(call.env)), text, hostOf(this.host))
    let stdout: unknown = exit.stdout
    try {
      stdout = JSON.parse(exit.stdout)
    } catch {
      // Not JSON: compared as it is.
    }
    return { rc: exit.code, stdout, stderr: exit.stderr }
  }

  /** Recorded placeholders in what is handed to the next plugin: the last real result's values for that container stand for them. */
  real(stdin: unknown, netns: string): unknown {
    const previous = (stdin as { prevResult?: unknown } | null)?.prevResult
    const last = this.results.get(netns)
    return previous && last !== undefined ? { ...(stdin as object), prevResult: last } : stdin
  }

  readonly results = new Map<string, unknown>()

  state(): Record<string, string> {
    const out: Record<string, string> = {}
    for (const [name, ns] of [['host', this.net], ...this.spaces] as [string, NetNamespace][]) {
      const routes = ns.routes().map((r) => `${r.to}${r.via ? ` via ${r.via}` : ''} dev ${r.device}${r.protocol && r.protocol !== 'boot' ? ` proto ${r.protocol}` : ''}${r.scope && r.scope !== 'global' ? ` scope ${r.scope}` : ''}${r.source ? ` src ${r.source}` : ''} ${r.flags.map((f) => `${f} `).join('')}\n`).join('')
      if (routes !== '') out[`${name}:ip route`] = routes
      const rules = `${ns.netfilter.save('filter')}\n${ns.netfilter.save('nat')}`.split('\n').filter((l) => /^(-A|:CNI|:FLANNEL)/.test(l)).join('\n')
      if (rules !== '') out[`${name}:iptables-save`] = rules
    }
    const walk = (folder: string) => {
      for (const n of this.fs.exists(folder) ? this.fs.readDir(folder) : []) {
        const path = `${folder}/${n}`
        if (this.fs.stat(path).type === 'directory') walk(path)
        else if (n !== 'lock') out[`file:${path}`] = this.fs.readFile(path)
      }
    }
    walk('/var/lib/cni')
    return out
  }
}

/** MACs and interface names by order of appearance. */
function canonical(value: unknown): string {
  const names = new Map<string, string>()
  return JSON.stringify(value, (_, v: unknown) => (v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v), 1)
    .replace(/<MAC\d+>|<VETH\d+>|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|veth[0-9a-f]{8}/g, (m) => {
      if (m === '00:00:00:00:00:00') return m
      const kind = /VETH|veth/.test(m) ? 'V' : 'M'
      if (!names.has(m)) names.set(m, `<${kind}${[...names.values()].filter((n) => n[1] === kind).length}>`)
      return names.get(m)!
    })
}

const kept = (key: string) => key.startsWith('file:') || /:(ip route|iptables-save)$/.test(key)

function expectedState(text: string, key: string): string {
  if (!key.endsWith('iptables-save')) return text
  const tables = (['filter', 'nat'] as const).map((t) => new RegExp(`\\*${t}\\n([\\s\\S]*?)COMMIT`).exec(text)?.[1] ?? '')
  return tables.join('').split('\n').filter((l) => /^(-A|:CNI|:FLANNEL)/.test(l)).join('\n')
}

type Row = { readonly id: string; readonly case: Case; readonly step: number }
const played = new WeakMap<Case, Promise<(Outcome | undefined)[]>>()

async function play(c: Case): Promise<(Outcome | undefined)[]> {
  const world = new World(c.namespaces)
  const out: (Outcome | undefined)[] = []
  const expected = new Map<string, string>()
  let blocked: string | undefined
  for (const step of c.steps) {
    for (const [key, text] of Object.entries(step.state ?? {})) {
      if (!kept(key)) continue
      const value = text === null ? '' : expectedState(text, key)
      if (value === '') expected.delete(key)
      else expected.set(key, value)
    }
    if (step.do === 'file' && step.path !== undefined) world.fs.writeFile(step.path, step.text ?? '')
    if (step.do !== 'cni' && step.do !== 'chain') {
      if (step.do === 'sh') await world.linux.run('node1', step.cmd!)
      out.push(undefined)
      continue
    }
    const calls = step.do === 'cni' ? [step as Call] : step.calls!
    const missing = calls.find((k) => !cniPlugins.has(k.plugin))
    if (missing) blocked = `plugin ${missing.plugin} is not modelled`
    if (blocked !== undefined) {
      out.push({ result: 'skipped', reason: blocked })
      continue
    }
    const said = calls.map((k) => {
      const got = world.call(k)
      if (k.env['CNI_COMMAND'] === 'ADD' && got.rc === 0) world.results.set(k.env['CNI_NETNS'] ?? '', got.stdout)
      return got
    })
    const [e, a] = [
      canonical({ calls: calls.map(({ rc, stdout, stderr }) => ({ rc, stdout, stderr })), state: Object.fromEntries([...expected].sort()) }),
      canonical({ calls: said, state: Object.fromEntries(Object.entries(world.state()).sort()) }),
    ]
    out.push(e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a })
  }
  return out
}

const file = 'golden/cni-dns/cni.json'

export const collections = [
  collection<Row>({
    name: 'cni-dns/cni',
    needs: [file],
    load: (shared) => (JSON.parse(readFileSync(join(shared, file), 'utf8')) as Case[]).flatMap((c) => c.steps.flatMap((s, step) => (s.do === 'cni' || s.do === 'chain' ? [{ id: `${c.id}/${step}`, case: c, step }] : []))),
    id: (row) => row.id,
    run: async (row) => {
      let all = played.get(row.case)
      if (!all) played.set(row.case, (all = play(row.case)))
      return (await all)[row.step]!
    },
  }),
]
