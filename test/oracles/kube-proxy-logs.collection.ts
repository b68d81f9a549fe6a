/**
 * What kube-proxy logs and how it exits (kube-proxy/logs): starts with good and broken configurations, verbose ones, with an API server that cannot be used. Compared
 * after rules L1 and L3; where threads write in any order, as sets; repeated lines once (L5).
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

/** What the client of a case gets from its API server instead of an answer. */
const troubles: Readonly<Record<string, readonly [server: string, why: string]>> = {
  'api-refused': ['https://172.30.1.2:6444', 'dial tcp 172.30.1.2:6444: connect: connection refused'],
  'api-silent': ['https://172.30.1.77:6443', 'dial tcp 172.30.1.77:6443: connect: no route to host'],
  'api-cert': ['https://172.30.1.2:6443', 'tls: failed to verify certificate: x509: certificate signed by unknown authority'],
  'api-forbidden': ['https://172.30.1.2:6443', 'nodes "node01" is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope'],
}

async function run(c: Case): Promise<Outcome> {
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
  api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'kubernetes', namespace: 'default' }, spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443, protocol: 'TCP' }] } } as never)
  api.of('endpointslices').put({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } }, addressType: 'IPv4', ports: [{ name: 'https', port: 6443, protocol: 'TCP' }], endpoints: [{ addresses: ['172.30.1.2'], conditions: { ready: true } }] } as never)
  // the recorder made one more service while the program ran
  sim.after(4000, () => api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { clusterIP: '10.96.50.1', ports: [{ port: 80, protocol: 'TCP' }] } } as never))
  const trouble = Object.entries(troubles).find(([id]) => c.id.startsWith(id))?.[1]
  if (trouble) Object.assign(api.of('nodes'), { synced: false })
  const fs = emptyFiles()
  fs.mkdir('/var/lib/kube-proxy', { parents: true })
  if (c.config) fs.writeFile('/var/lib/kube-proxy/config.conf', `${c.config.join('\n')}\n`)
  const lines: string[] = []
  const stream = { write: async (text: string) => void lines.push(text.replace(/\n$/, '')) }
  const process = {
    argv: c.argv, pid: 1, fs, env: new Map(Object.entries(c.environment ?? {})), stdout: stream, stderr: stream, machine: { sim, net }, can: () => false,
    sleep: (ms: number) => new Promise<void>((resolve) => void sim.after(ms, () => {
      sim.woke()
      resolve()
    })),
  } as unknown as Process
  let code: number | undefined
  void kubeProxy(process, { api, nodeName: 'node01', onExit: () => {}, terminated: () => new Promise<void>(() => {}), lostWatches: (tell: (server: string, why: string, fresh: boolean) => void) => void (trouble && tell(...trouble, true)) } as unknown as ContainerContext).then((x) => (code = x))
  await runner.runFor(Number(/after (\d+) s/.exec(String(c.exit))?.[1] ?? 60) * 1000)
  const normal = lines.flatMap((l) => l.split('\n')).map((l) => l.replace(/^([IWEF])\d{4} \S+ +\d+ ([\w.]+):\d+\]/, '$1 $2]')
    .replace(/elapsed="[^"]*"/, 'elapsed="T"').replace(/^time="[^"]*"/, 'time="TIME"').replace(/\/lib\/modules\/[^`]*/, '/lib/modules/KERNEL'))
  const still = typeof c.exit === 'string'
  const order = (list: readonly string[]) => (c['log-order-varies'] ? [...list].sort() : [...list])
  const written = (c as { file?: readonly string[] }).file?.join('\n')
  if (written !== undefined && fs.readFile(c.argv.find((a) => a.startsWith('--write-config-to='))!.split('=')[1]!).trimEnd() !== written.trimEnd()) return { result: 'failed', expected: written, actual: 'another file' }
  const expected = [still ? 'runs' : `exit ${c.exit}`, ...order(c.log)].join('\n')
  const actual = [code === undefined ? 'runs' : `exit ${code}`, ...order(normal)].join('\n')
  return expected === actual ? { result: 'passed' } : { result: 'failed', expected, actual }
}

const file = 'golden/kube-proxy/logs/logs.json'

export const collections = [
  collection<Case>({ name: 'kube-proxy/logs', needs: [file], load: (shared) => JSON.parse(readFileSync(join(shared, file), 'utf8')) as Case[], id: (c) => c.id, run }),
]
