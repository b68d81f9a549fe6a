/**
 * The recordings of kube-proxy in iptables and nftables mode: its rules after each step (kube-proxy/…-rules) and what packets then do
 * (kube-proxy/…-packets), on the recordings' topology. Chains that list services as sets are compared sorted (rule R6).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'
import { expectedProbe, runProbe, World, type Mode, type Scenario } from './kube-proxy-world.ts'

type Row = { readonly id: string; readonly scenario: Scenario; readonly step: number; readonly node?: string; readonly probe?: number }

/** Rules of chains that list services, sorted inside runs of the same chain; counters and comments left out. */
function normalDump(lines: readonly string[]): string {
  const shared = /^-A (KUBE-SERVICES|KUBE-NODEPORTS|KUBE-EXTERNAL-SERVICES|KUBE-PROXY-FIREWALL) /
  const out: string[] = []
  let group: string[] = []
  let chain = ''
  const flush = () => {
    out.push(...group.sort())
    group = []
  }
  for (const line of lines) {
    if (line.startsWith('#') || line === '') continue
    const m = shared.exec(line)
    if ((m?.[1] ?? '') !== chain) flush()
    chain = m?.[1] ?? ''
    if (m) group.push(line)
    // The recorded kernel kept no policy counters in these tables.
    else out.push(line.replace(/^(:\S+ ACCEPT) \[\d+:\d+\]$/, '$1 [0:0]'))
  }
  flush()
  return out.join('\n')
}

/** Blocks of a ruleset: chains of services stand in any order (rule R6), the lifetimes of elements differ (R2); tables of IPv6 are compared where they were kept. */
function normalRuleset(lines: readonly string[], ip6: boolean): string {
  const tables = lines.join('\n').split(/^(?=table )/m).filter((t) => ip6 || !t.startsWith('table ip6 kube-proxy'))
  return tables.map((table) => {
    const blocks = table.replace(/expires [\dwdhms]+/g, 'expires T').split(/\n\n/).map((b) => b.replace(/\n}\n*$/, '').trimEnd())
    const fixed = blocks.filter((b) => !/^\t(chain|set) \S*\//m.test(b))
    return [...fixed, ...blocks.filter((b) => !fixed.includes(b)).sort()].join('\n\n')
  }).join('\n')
}

interface Played {
  readonly rules: Map<string, string>
  readonly probes: Map<string, unknown>
}

const worlds = new WeakMap<Scenario, Map<Mode, Played>>()

/** Runs a scenario once in a mode; its dumps and probe answers are kept for the rows. */
function played(scenario: Scenario, mode: Mode): Played {
  let modes = worlds.get(scenario)
  if (!modes) worlds.set(scenario, (modes = new Map()))
  let found = modes.get(mode)
  if (found) return found
  found = { rules: new Map(), probes: new Map() }
  modes.set(mode, found)
  const world = new World(scenario, mode)
  for (const [i, recorded] of (scenario.modes[mode] ?? []).entries()) {
    world.step(i)
    for (const [node, dumps] of Object.entries(recorded.rules ?? {})) {
      const net = world.spaces.get(node)!
      const ruleset = dumps['nft list ruleset']
      found.rules.set(`${i} ${node}`, mode === 'iptables' ? normalDump(net.netfilter.save(undefined, { counters: false }).split('\n')) : normalRuleset(net.nftables.run('list ruleset').split('\n'), hasIp6(ruleset)))
    }
    for (const [k, probe] of (recorded.probes ?? []).entries()) found.probes.set(`${i} ${k}`, runProbe(world, probe))
  }
  return found
}

const hasIp6 = (lines: readonly string[] | undefined) => lines?.some((l) => l.startsWith('table ip6 kube-proxy')) ?? false

const folder = 'golden/kube-proxy/proxy'
const cache = new Map<string, Scenario[]>()

function scenarios(shared: string): Scenario[] {
  let found = cache.get(shared)
  if (!found) {
    found = readdirSync(join(shared, folder)).sort().map((f) => JSON.parse(readFileSync(join(shared, folder, f), 'utf8')) as Scenario)
    cache.set(shared, found)
  }
  return found
}

const compare = (expected: string, actual: string | undefined): Outcome => (expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual: actual ?? 'not played' })

const dumpOf: Readonly<Record<Mode, string>> = { iptables: 'iptables-save', nftables: 'nft list ruleset' }
const normalOf: Readonly<Record<Mode, (lines: readonly string[]) => string>> = { iptables: normalDump, nftables: (lines) => normalRuleset(lines, hasIp6(lines)) }

const ofMode = (mode: Mode) => [
  collection<Row>({
    name: `kube-proxy/${mode}-rules`,
    needs: [folder],
    load: (shared) => scenarios(shared).flatMap((scenario) => (scenario.modes[mode] ?? []).flatMap((r, step) => Object.entries(r.rules ?? {}).flatMap(([node, dumps]) => (dumps[dumpOf[mode]] ? [{ id: `${scenario.id}/${step}/${node}`, scenario, step, node }] : [])))),
    id: (row) => row.id,
    run: (row) => compare(normalOf[mode](row.scenario.modes[mode]![row.step]!.rules![row.node!]![dumpOf[mode]]!), played(row.scenario, mode).rules.get(`${row.step} ${row.node}`)),
  }),
  collection<Row>({
    name: `kube-proxy/${mode}-packets`,
    needs: [folder],
    load: (shared) => scenarios(shared).flatMap((scenario) => (scenario.modes[mode] ?? []).flatMap((r, step) => (r.probes ?? []).map((_, probe) => ({ id: `${scenario.id}/${step}/${probe}`, scenario, step, probe })))),
    id: (row) => row.id,
    run: (row) => compare(JSON.stringify(expectedProbe(row.scenario.modes[mode]![row.step]!.probes![row.probe!]!), null, 1), JSON.stringify(played(row.scenario, mode).probes.get(`${row.step} ${row.probe}`), null, 1)),
  }),
]

export const collections = [...ofMode('iptables'), ...ofMode('nftables')]
