/** host-local's allocation tables (cni/host-local): order, exhaustion, sequences of calls and what lies on disk. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileTree } from '#engine/machine/tree.ts'
import { MountNamespace, View } from '#engine/machine/vfs.ts'
import type { CniCall, CniHost } from '#engine/node/cni/types.ts'
import { CniError } from '#engine/node/cni/types.ts'
import { formatIp, parseIp } from '#engine/node/ipam/address.ts'
import { allocate, hostLocal } from '#engine/node/ipam/host-local.ts'
import { candidates, canonicalizeRanges } from '#engine/node/ipam/ranges.ts'
import { LeaseStore } from '#engine/node/ipam/store.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface Row {
  readonly id: string
  check(): { readonly expected: unknown; readonly actual: unknown }
}

interface Tables {
  allocate: { subnets: string[]; used: string[]; lastIP: string; expect: string }[]
  exhausted: { subnets: string[]; used: string[]; errorPrefix: string }[]
  sequences: { name: string; subnet?: string; lastReserved?: string | null; order?: string[]; ops?: string[] }[]
  disk: { name: string; ranges: object[][]; result: object[]; 'files after ADD': Record<string, string> }
}

export function emptyFiles(): View {
  const namespace = new MountNamespace(new FileTree())
  return new View({ namespace: () => namespace, credentials: () => ({ uid: 0, gid: 0, groups: [] }), cwd: () => '/', umask: () => 0o022, now: () => 0, pid: () => 1 })
}

function call(command: CniCall['command'], ipam: Record<string, unknown>, containerId: string, args = ''): CniCall {
  return { command, containerId, netns: '', ifname: 'eth0', args, path: [], conf: { cniVersion: '1.0.0', name: 'net', ipam: { type: 'host-local', ...ipam } } }
}

const message = (f: () => unknown): string => {
  try {
    return String(f())
  } catch (error) {
    if (error instanceof CniError) return `error: ${error.message}`
    throw error
  }
}

function fresh(subnets: string[], used: string[], last: string) {
  const set = canonicalizeRanges([subnets.map((subnet) => ({ subnet }))])[0]!
  const fs = emptyFiles()
  const store = new LeaseStore(fs, 'net')
  for (const [i, ip] of used.entries()) store.reserve(`u${i}`, 'eth0', parseIp(ip)!, 0)
  const file = `${store.folder}/last_reserved_ip.0`
  if (last !== '') fs.writeFile(file, last)
  else if (fs.exists(file)) fs.unlink(file)
  return { set, store }
}

/** `add x5 -> .2/29 .3/29`, `del ID`, `add with IP .5 -> error: …`: one call each, run in order. */
function runOps(ops: string[], subnet: string): { expected: string[]; actual: string[] } {
  const host = { fs: emptyFiles() } as unknown as CniHost
  const expected: string[] = []
  const actual: string[] = []
  const base = subnet.split('/')[0]!.split('.').slice(0, 3).join('.')
  const full = (text: string) => (text.startsWith('.') ? base + text : text)
  let n = 0
  for (const op of ops) {
    const del = /^del (\w+)/.exec(op)
    if (del) {
      hostLocal(call('DEL', { subnet }, del[1]!), host)
      continue
    }
    const m = /^add (?:again )?(?:(ID) )?(?:x(\d+) )?(?:with IP (\S+) )?-> (.*)$/.exec(op)
    if (!m) throw new Error(`unknown operation ${op}`)
    for (let i = 0; i < Number(m[2] ?? 1); i++) {
      const want = m[4]!.startsWith('error') ? m[4]! : full(m[4]!.split(' ')[i]!)
      const args = m[3] ? `IP=${full(m[3])}` : ''
      const got = message(() => hostLocal(call('ADD', { subnet }, m[1] ?? `c${n++}`, args), host)!.ips![0]!.address)
      expected.push(want.split('/')[0]!.trim() === 'error' ? 'error' : want)
      actual.push(want === 'error' ? got.split(':')[0]! : want.includes('/') || want.startsWith('error') ? got.replace('failed to allocate for range 0: ', '') : got.split('/')[0]!)
    }
  }
  return { expected, actual }
}

function rows(t: Tables): Row[] {
  return [
    ...t.allocate.map((r, i) => ({ id: `allocate-${i}`, check: () => { const { set, store } = fresh(r.subnets, r.used, r.lastIP); return { expected: r.expect, actual: message(() => allocate(store, set, 0, 'ID', 'eth0').address).split('/')[0] } } })),
    ...t.exhausted.map((r, i) => ({ id: `exhausted-${i}`, check: () => { const { set, store } = fresh(r.subnets, r.used, ''); const actual = message(() => allocate(store, set, 0, 'ID', 'eth0').address); return { expected: `error: ${r.errorPrefix}`, actual: actual.slice(0, `error: ${r.errorPrefix}`.length) } } })),
    ...t.sequences.map((r) => ({
      id: r.name.replaceAll(' ', '-'),
      check: () => {
        const subnet = r.subnet ?? '192.168.1.0/29'
        if (r.ops) return runOps(r.ops, subnet)
        const set = canonicalizeRanges([[{ subnet }]])[0]!
        return { expected: r.order, actual: [...candidates(set, r.lastReserved ? parseIp(r.lastReserved) : undefined)].map((c) => formatIp(c.ip)).slice(0, r.order!.length) }
      },
    })),
    {
      id: 'disk',
      check: () => {
        const fs = emptyFiles()
        const host = { fs } as unknown as CniHost
        const ipam = { ranges: t.disk.ranges }
        const result = hostLocal(call('ADD', ipam, 'ID'), host)!
        const folder = '/var/lib/cni/networks/net'
        const names = () => fs.readDir(folder).filter((n) => n !== 'lock')
        const after = names()
        const content = fs.readFile(`${folder}/10.1.2.2`)
        hostLocal(call('DEL', ipam, 'ID'), host)
        return {
          expected: [t.disk.result, 'ID\r\neth0', ['10.1.2.2', '2001:db8:1::2', 'last_reserved_ip.0', 'last_reserved_ip.1'], ['last_reserved_ip.0', 'last_reserved_ip.1']],
          actual: [result.ips, content, after, names()],
        }
      },
    },
  ]
}

const file = 'oracles/cni/host-local-cases.json'

export const collections = [
  collection<Row>({
    name: 'cni/host-local',
    needs: [file],
    load: (shared) => rows(JSON.parse(readFileSync(join(shared, file), 'utf8')) as Tables),
    id: (row) => row.id,
    run: (row): Outcome => {
      const { expected, actual } = row.check()
      const [e, a] = [JSON.stringify(expected), JSON.stringify(actual)]
      return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
    },
  }),
]
