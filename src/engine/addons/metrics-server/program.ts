/**
 * metrics-server: asks the kubelets for the usage of their containers and serves it as metrics.k8s.io. Its health port is real; the API behind it
 * is handed to the API server in process, which looks along the road first. SIMPLIFICATION: kubelets are asked when somebody asks, for the values of
 * the last multiple of fifteen seconds, so that an installed metrics-server costs nothing while nobody looks.
 */
import { encodeResponse, HttpReader } from '#base/http.ts'
import { parseQuantity, quantityMilliValue } from '#base/quantity.ts'
import { StatusError, ApiUnreachable, type ApiRequest, type ApiResponse, type KubeObject } from '#engine/api/types.ts'
import { nodes, type Node } from '#engine/kinds/node/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { issueCertificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { TlsError, tlsAccept, type TlsIdentity } from '#engine/machine/tls.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { klogLine, structured, type Severity } from '#engine/node/klog.ts'
import type { ContainerContext, ImageBehaviour } from '#engine/node/runtime/image.ts'
import { answerMetrics, type Measured, type Metrics } from './answers.ts'
import { metricsServerVersion } from './manifests.ts'
import { containerUsage, nodeUsage, scrapedAt, type NodeReading, type Usage } from './usage.ts'

/** What the composition root lends. */
export interface MetricsServerTies {
  /** Makes the process answer the API server's requests on a port of its namespace, as long as it lives. */
  serve(process: Process, port: number, answer: (request: ApiRequest) => ApiResponse): void
  /** What a node's kubelet tells a process that dials it; a text says in Go's words why it does not. */
  kubelet(process: Process, node: string, address: string, options: { readonly verify: boolean }): NodeReading | string
}

const flags = new Set(
  'cert-dir secure-port bind-address kubelet-preferred-address-types kubelet-use-node-status-port metric-resolution kubelet-insecure-tls kubelet-certificate-authority kubelet-port kubelet-request-timeout node-selector v tls-cert-file tls-private-key-file requestheader-client-ca-file authentication-kubeconfig authorization-kubeconfig kubeconfig profiling'.split(' '),
)

export function metricsServerImage(ties: MetricsServerTies): ImageBehaviour {
  return {
    repository: 'registry.k8s.io/metrics-server/metrics-server', tags: [metricsServerVersion, 'v0.7.2', 'v0.7.1', 'v0.6.4'], size: 22_500_000, entrypoint: ['/metrics-server'], user: '65532', workdir: '/', env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    programs: { '/metrics-server': (process, context) => run(process, context, ties) },
  }
}

async function run(process: Process, context: ContainerContext, ties: MetricsServerTies): Promise<number> {
  const line = lineWriter(process.stderr)
  const log = (severity: Severity, at: string, text: string) => line(klogLine(process.now(), severity, text, { at }))
  const options = new Map(process.argv.slice(1).map((a) => [a.replace(/^--?/, '').replace(/=.*/, ''), a.includes('=') ? a.slice(a.indexOf('=') + 1) : 'true']))
  const unknown = [...options.keys()].find((name) => !flags.has(name))
  if (unknown !== undefined) {
    line(`Error: unknown flag: --${unknown}`)
    return 1
  }
  const port = Number(options.get('secure-port') ?? 443)
  const verify = options.get('kubelet-insecure-tls') !== 'true'
  const { sim } = process.machine
  const started = sim.now
  const pair = issueCertificate(sim.random.fork('metrics-server'), { commonName: `localhost@${Math.floor(started / 1000)}`, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }, { now: started, days: 365 })
  log('I', 'serving.go:380', 'Generated self-signed cert (/tmp/apiserver.crt, /tmp/apiserver.key)')
  log('I', 'handler.go:288', 'Adding GroupVersion metrics.k8s.io v1beta1 to ResourceManager')

  /** Nodes that answered at a scrape; asked once for each of them. */
  let last: { readonly at: number; readonly readings: ReadonlyMap<string, NodeReading>; readonly all: readonly Node[] } | undefined
  const scrape = () => {
    const at = scrapedAt(sim.now)
    if (last?.at === at) return last
    const readings = new Map<string, NodeReading>()
    const all = tolerate(() => context.api.list<Node>(nodes)) ?? []
    for (const node of all) {
      const address = node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? ''
      const reading = ties.kubelet(process, node.metadata.name, address, { verify })
      if (typeof reading !== 'string') readings.set(node.metadata.name, reading)
      else log('E', 'scraper.go:149', structured('Failed to scrape node', { err: `Get "https://${address}:10250/metrics/resource": ${reading}`, node: node.metadata.name }))
    }
    last = { at, readings, all }
    return last
  }
  const metrics: Metrics = {
    nodes: () => {
      const { at, readings, all } = scrape()
      return all.flatMap((object): Measured[] => {
        const reading = readings.get(object.metadata.name)
        const usage = reading && at >= started && nodeUsage(reading, object.metadata.name, at)
        return usage ? [{ object, at, usage: new Map([['', usage]]) }] : []
      })
    },
    pods: (namespace) => {
      const { at, readings } = scrape()
      if (at < started) return []
      const found = tolerate(() => context.api.list<Pod>(pods, namespace === undefined ? {} : { namespace })) ?? []
      return found.flatMap((object) => measure(object, readings.get(object.spec.nodeName ?? ''), at))
    },
  }
  const ready = () => sim.now - started >= 15_000 && scrape().readings.size > 0

  const listener = process.sockets.listen(options.get('bind-address') ?? '0.0.0.0', port)
  ties.serve(process, port, (request) => answerMetrics(request, metrics, sim.now))
  log('I', 'secure_serving.go:211', `Serving securely on [::]:${port}`)
  const identity: TlsIdentity = { chain: [pair.certificate], keyId: pair.keyId }
  const health = (path: string) => {
    if (path === '/livez' || path === '/healthz') return { status: 200, body: 'ok' }
    if (path !== '/readyz') return { status: 403, body: `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User \\"system:anonymous\\" cannot get path \\"${path}\\"","reason":"Forbidden","details":{},"code":403}\n` }
    if (ready()) return { status: 200, body: 'ok' }
    log('I', 'server.go:191', structured('Failed probe', { probe: 'metric-storage-ready', err: 'no metrics to serve' }))
    return { status: 500, body: '[+]ping ok\n[+]log ok\n[-]metric-storage-ready failed: reason withheld\n[+]metric-informer-sync ok\nreadyz check failed\n' }
  }
  void (async () => {
    for (;;) void answer(process, await listener.accept(), identity, health)
  })()
  await context.terminated()
  return 0
}

async function answer(process: Process, connection: Connection, identity: TlsIdentity, health: (path: string) => { status: number; body: string }): Promise<void> {
  try {
    const wire = await tlsAccept(connection, { identity: () => identity, now: () => process.now() })
    const reader = new HttpReader(() => wire.read(), 'request')
    for (;;) {
      const message = await reader.message()
      if (!message || 'error' in message) break
      const { status, body } = health(message.head.kind === 'request' ? message.head.target.replace(/\?.*/, '') : '')
      await wire.write(encodeResponse({ status, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }, body }))
      if (!message.keepAlive) break
    }
    wire.end()
  } catch (error) {
    if (!(error instanceof FsError) && !(error instanceof TlsError)) throw error
    connection.close()
  }
}

function measure(object: Pod, reading: NodeReading | undefined, at: number): Measured[] {
  if (!reading || object.status?.phase !== 'Running') return []
  const { name, namespace = '' } = object.metadata
  const usage = new Map<string, Usage>()
  for (const c of reading.containers) {
    if (c.pod !== name || c.namespace !== namespace) continue
    const used = containerUsage(c, at)
    // A pod with a container that has no two samples yet is left out.
    if (!used) return []
    usage.set(c.name, used)
  }
  return usage.size > 0 ? [{ object, at, usage }] : []
}

function tolerate<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch (error) {
    if (error instanceof StatusError || error instanceof ApiUnreachable) return undefined
    throw error
  }
}

/** CPU limit of a container in millicores. */
export function cpuLimit(pod: KubeObject, container: string): number | undefined {
  const spec = (pod as Pod).spec
  const text = [...spec.containers, ...(spec.initContainers ?? [])].find((c) => c.name === container)?.resources?.limits?.['cpu']
  const quantity = text === undefined ? undefined : parseQuantity(String(text))
  return quantity && Number(quantityMilliValue(quantity))
}
