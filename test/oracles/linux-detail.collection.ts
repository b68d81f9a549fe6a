/** linux/detail: rule counters, connection entries and routes of some of the networks after all their probes. One case is one network. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConntrackInfo, ConntrackTuple, RouteInfo } from '../../src/engine/net/types.ts'
import { collection } from './collection.ts'
import { World, type RecordedNetwork } from './linux-world.ts'

interface Detail {
  readonly id: string
  readonly counters: Readonly<Record<string, readonly string[]>>
  readonly conntrack: Readonly<Record<string, readonly string[]>>
  readonly routes: Readonly<Record<string, readonly string[]>>
}

interface Case {
  readonly network: RecordedNetwork
  readonly detail: Detail
}

const networks = 'golden/linux/networks.jsonl'
const details = 'golden/linux/networks-detail.jsonl'

/** `ip route show table all`. */
function routeLine(r: RouteInfo): string {
  const table = r.table === 254 ? '' : r.table === 255 ? ' table local' : ` table ${r.table}`
  return [
    r.type === 'unicast' ? '' : `${r.type} `,
    r.to,
    r.via === undefined ? '' : ` via ${r.via}`,
    r.device === undefined ? '' : ` dev ${r.device}`,
    table,
    r.protocol === 'boot' ? '' : ` proto ${r.protocol}`,
    r.scope === 'global' ? '' : ` scope ${r.scope}`,
    r.source === undefined ? '' : ` src ${r.source}`,
    r.metric === undefined ? '' : ` metric ${r.metric}`,
    r.flags.map((f) => ` ${f}`).join(''),
  ].join('')
}

/** `conntrack -L` without timeouts and use counts; ports that the case does not name are EPH. */
function conntrackLine(c: ConntrackInfo, named: ReadonlySet<number>): string {
  const port = (n: number | undefined) => (n !== undefined && (named.has(n) || n === 4789 || n === 8472) ? String(n) : 'EPH')
  const tuple = (t: ConntrackTuple) => `src=${t.source} dst=${t.destination}${t.sourcePort === undefined ? '' : ` sport=${port(t.sourcePort)} dport=${port(t.destinationPort)}`}${t.icmp ? ` type=${t.icmp.type} code=${t.icmp.code} id=ID` : ''}`
  return `${c.protocol} ${c.protocolNumber}${c.state === undefined ? '' : ` ${c.state}`} ${tuple(c.original)}${c.replied ? '' : ' [UNREPLIED]'} ${tuple(c.reply)}${c.assured ? ' [ASSURED]' : ''} mark=${c.mark}`
}

function differ(name: string, expected: readonly string[], actual: readonly string[], into: { expected: string[]; actual: string[] }): void {
  const left = [...actual]
  const missing: string[] = []
  for (const line of expected) {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    else missing.push(line)
  }
  if (missing.length === 0 && left.length === 0) return
  into.expected.push(...missing.map((l) => `${name}: ${l}`))
  into.actual.push(...left.map((l) => `${name}: ${l}`))
}

export const collections = [
  collection<Case>({
    name: 'linux/detail',
    needs: [networks, details],
    load(shared) {
      const lines = (file: string) => readFileSync(join(shared, file), 'utf8').trim().split('\n')
      const byId = new Map(lines(networks).map((line) => JSON.parse(line) as RecordedNetwork).map((n) => [n.id, n]))
      return lines(details).map((line) => JSON.parse(line) as Detail).flatMap((detail) => (byId.has(detail.id) ? [{ detail, network: byId.get(detail.id)! }] : []))
    },
    id: (item) => item.detail.id,
    async run({ network, detail }) {
      const world = await World.build(network, { detail: true })
      for (const p of network.probes) await world.probe(p)
      const out = { expected: [] as string[], actual: [] as string[] }
      const named = new Set<number>()
      for (const m of JSON.stringify([network.setup, network.listeners, network.probes.map((p) => [p.port])]).matchAll(/\b\d{1,5}\b/g)) named.add(Number(m[0]))
      for (const [host, expected] of Object.entries(detail.counters)) differ(`${host} counters`, expected, world.net(host).netfilter.save(undefined, { counters: true }).trim().split('\n').filter((l) => l !== ''), out)
      for (const [host, expected] of Object.entries(detail.conntrack)) differ(`${host} conntrack`, expected, world.net(host).conntrack.list().map((c) => conntrackLine(c, named)), out)
      for (const [host, expected] of Object.entries(detail.routes)) differ(`${host} routes`, expected, world.net(host).routes('all').map(routeLine), out)
      if (out.expected.length === 0 && out.actual.length === 0) return { result: 'passed' }
      return { result: 'failed', expected: out.expected.join('\n'), actual: out.actual.join('\n') }
    },
  }),
]
