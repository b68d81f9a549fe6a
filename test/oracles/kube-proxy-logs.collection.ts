/**
 * What kube-proxy logs and how it exits (kube-proxy/logs): starts with good and broken configurations. Left out: verbose runs, the nftables mode, an API server that
 * is not reachable, signals. Compared after rule L1; where threads write in any order, as sets.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Process } from '#engine/machine/process.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { kubeProxy } from '#engine/node/kube-proxy/program.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { Runner } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { FakeApi } from '../network/fake-api.ts'
import { emptyFiles } from './cni.collection.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface Case {
  readonly id: string
  readonly argv: readonly string[]
  /** Lines. */
  readonly config?: readonly string[] | null
  readonly environment?: Readonly<Record<string, string>>
  readonly exit: number | string
  readonly log: readonly string[]
  readonly 'log-order-varies'?: boolean
}

const leftOut = /verbose|^api-|^stop|no-binary|write-config/

async function run(c: Case): Promise<Outcome> {
  if (leftOut.test(c.id)) return { result: 'skipped', reason: 'not modelled' }
  const sim = new Sim({ seed: 'logs', start: Date.UTC(2026, 0, 1) })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const net = new SimNetwork(sim).createNamespace('node01', { node: 'node01' })
  net.setLink('lo', { up: true })
  net.addLink('eth0', { kind: 'dummy' })
  net.setLink('eth0', { up: true })
  net.addAddress('eth0', '172.30.1.3/24')
  if (c.id.startsWith('port-in-use')) net.sockets.tcpListen(0, 10_256, () => {})
  const api = new FakeApi()
  api.of('nodes').put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node01' }, spec: { podCIDR: '192.168.1.0/24' }, status: { addresses: [{ type: 'InternalIP', address: '172.30.1.3' }] } })
  const fs = emptyFiles()
  fs.mkdir('/var/lib/kube-proxy', { parents: true })
  if (c.config) fs.writeFile('/var/lib/kube-proxy/config.conf', `${c.config.join('\n')}\n`)
  const lines: string[] = []
  const stream = { write: async (text: string) => void lines.push(text.replace(/\n$/, '')) }
  const process = {
    argv: c.argv, pid: 1, fs, env: new Map(Object.entries(c.environment ?? {})), stdout: stream, stderr: stream, machine: { sim, net },
    sleep: (ms: number) => new Promise<void>((resolve) => void sim.after(ms, () => {
      sim.woke()
      resolve()
    })),
  } as unknown as Process
  let code: number | undefined
  void kubeProxy(process, { api, nodeName: 'node01', onExit: () => {}, terminated: () => new Promise<void>(() => {}) } as unknown as ContainerContext).then((x) => (code = x))
  await runner.runFor(Number(/after (\d+) s/.exec(String(c.exit))?.[1] ?? 60) * 1000)
  const normal = lines.flatMap((l) => l.split('\n')).map((l) => l.replace(/^([IWEF])\d{4} \S+ +\d+ ([\w.]+):\d+\]/, '$1 $2]').replace(/^time="[^"]*"/, 'time="TIME"').replace(/\/lib\/modules\/[^`]*/, '/lib/modules/KERNEL'))
  const still = typeof c.exit === 'string'
  const order = (list: readonly string[]) => (c['log-order-varies'] ? [...list].sort() : [...list])
  const expected = [still ? 'runs' : `exit ${c.exit}`, ...order(c.log)].join('\n')
  const actual = [code === undefined ? 'runs' : `exit ${code}`, ...order(normal)].join('\n')
  return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
}

const file = 'golden/kube-proxy/logs/logs.json'

export const collections = [
  collection<Case>({ name: 'kube-proxy/logs', needs: [file], load: (shared) => JSON.parse(readFileSync(join(shared, file), 'utf8')) as Case[], id: (c) => c.id, run }),
]
