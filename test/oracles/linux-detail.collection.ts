/** linux/detail: rule counters, connection entries and routes of some of the networks after all their probes. One case is one network. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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

const lines = (text: string) => text.split('\n').map((line) => line.trimEnd()).filter((line) => line !== '')

/** `conntrack -L` without timeouts and use counts; ports that the case does not name are EPH. */
function conntrackLine(line: string, named: ReadonlySet<number>): string {
  return line
    .replace(/^(\S+)\s+(\d+) \d+ /, '$1 $2 ')
    .replace(/ use=\d+$/, '')
    .replace(/([sd]port)=(\d+)/g, (_, name: string, port: string) => `${name}=${named.has(Number(port)) || port === '4789' || port === '8472' ? port : 'EPH'}`)
    .replace(/ id=\d+/g, ' id=ID')
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
      const read = (file: string) => readFileSync(join(shared, file), 'utf8').trim().split('\n')
      const byId = new Map(read(networks).map((line) => JSON.parse(line) as RecordedNetwork).map((n) => [n.id, n]))
      return read(details).map((line) => JSON.parse(line) as Detail).flatMap((detail) => (byId.has(detail.id) ? [{ detail, network: byId.get(detail.id)! }] : []))
    },
    id: (item) => item.detail.id,
    async run({ network, detail }) {
      const world = await World.build(network, { detail: true })
      for (const p of network.probes) await world.probe(p)
      const out = { expected: [] as string[], actual: [] as string[] }
      const named = new Set<number>()
      for (const m of JSON.stringify([network.setup, network.listeners, network.probes.map((p) => [p.port])]).matchAll(/\b\d{1,5}\b/g)) named.add(Number(m[0]))
      for (const [host, expected] of Object.entries(detail.counters)) differ(`${host} counters`, expected, lines(await world.says(host, 'iptables-save -c')).filter((l) => !l.startsWith('#')), out)
      for (const [host, expected] of Object.entries(detail.conntrack)) differ(`${host} conntrack`, expected, lines(await world.says(host, 'conntrack -L 2> /dev/null')).map((c) => conntrackLine(c, named)), out)
      for (const [host, expected] of Object.entries(detail.routes)) differ(`${host} routes`, expected, lines(await world.says(host, 'ip route show table all')), out)
      if (out.expected.length === 0 && out.actual.length === 0) return { result: 'passed' }
      return { result: 'failed', expected: out.expected.join('\n'), actual: out.actual.join('\n') }
    },
  }),
]
