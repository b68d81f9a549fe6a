/** The resource metrics API, metrics.k8s.io/v1beta1: NodeMetrics and PodMetrics, their lists and tables, as metrics-server answers them. */
import { formatQuantity } from '#base/quantity.ts'
import { matchesFields, parseFieldSelector, type FieldRequirement } from './fields.ts'
import { matches, parseSelector } from '#engine/api/label-selector.ts'
import type { ApiRequest, ApiResponse, KubeObject } from '#engine/api/types.ts'
import type { Usage } from './usage.ts'

export interface Measured {
  readonly object: KubeObject
  /** Container → usage; '' for a node. */
  readonly usage: ReadonlyMap<string, Usage>
  /** Time of the last sample, ms. */
  readonly at: number
}

export interface Metrics {
  nodes(): readonly Measured[]
  pods(namespace: string | undefined): readonly Measured[]
}

const groupVersion = 'metrics.k8s.io/v1beta1'
const json = (code: number, body: unknown): ApiResponse => ({ kind: 'complete', code, headers: new Map([['content-type', 'application/json']]), body: JSON.stringify(body) + '\n' })

const quantities = ({ cpu, memory }: Usage) => ({ cpu: formatQuantity({ unscaled: BigInt(cpu), scale: -9, format: 'DecimalSI' }), memory: `${Math.round(memory / 1024)}Ki` })
const time = (ms: number) => new Date(ms).toISOString().slice(0, 19) + 'Z'

function metricsOf(m: Measured, kind: 'PodMetrics' | 'NodeMetrics', now: number): KubeObject {
  const { name, namespace, labels } = m.object.metadata
  const metadata = { name, ...(namespace !== undefined ? { namespace } : {}), creationTimestamp: time(now), ...(labels ? { labels } : {}) }
  const usage = kind === 'PodMetrics' ? { containers: [...m.usage].map(([container, u]) => ({ name: container, usage: quantities(u) })) } : { usage: quantities(m.usage.get('')!) }
  return { apiVersion: groupVersion, kind, metadata, timestamp: time(m.at), window: '15s', ...usage }
}

const resourceList = {
  kind: 'APIResourceList', apiVersion: 'v1', groupVersion,
  resources: [['nodes', false, 'NodeMetrics'], ['pods', true, 'PodMetrics']].map(([name, namespaced, kind]) => ({ name, singularName: '', namespaced, kind, verbs: ['get', 'list'] })),
}

/** Requests are authorised already. */
export function answerMetrics(request: ApiRequest, metrics: Metrics, now: number): ApiResponse {
  const failure = (code: number, reason: string, message: string, details: object = {}) => json(code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code })
  const rest = request.path.split('/').filter((p) => p !== '').slice(3).map(decodeURIComponent)
  if (rest.length === 0) return json(200, resourceList)
  const namespace = rest[0] === 'namespaces' ? rest[1] : undefined
  const [resource, name] = namespace === undefined ? rest : rest.slice(2)
  if (resource !== 'pods' && (resource !== 'nodes' || namespace !== undefined)) return failure(404, 'NotFound', 'the server could not find the requested resource')
  if (request.method !== 'GET') return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const kind = resource === 'pods' ? 'PodMetrics' : 'NodeMetrics'
  let found = resource === 'pods' ? metrics.pods(namespace) : metrics.nodes()
  if (name !== undefined) {
    const one = found.find((m) => m.object.metadata.name === name)
    const full = namespace === undefined ? name : `${namespace}/${name}`
    if (!one) return failure(404, 'NotFound', `${kind.toLowerCase()}.metrics.k8s.io ${JSON.stringify(full)} not found`, { name: full, group: 'metrics.k8s.io', kind: kind.toLowerCase() })
    return wantsTable(request) ? json(200, table([one], kind, now)) : json(200, metricsOf(one, kind, now))
  }
  const labels = request.query.get('labelSelector')?.[0]
  if (labels) {
    const selector = parseSelector(labels)
    found = found.filter((m) => matches(selector, m.object.metadata.labels))
  }
  const fields: readonly FieldRequirement[] = parseFieldSelector(request.query.get('fieldSelector')?.[0] ?? '')
  found = found.filter((m) => matchesFields(fields, m.object))
  return wantsTable(request) ? json(200, table(found, kind, now)) : json(200, { kind: `${kind}List`, apiVersion: groupVersion, metadata: {}, items: found.map((m) => metricsOf(m, kind, now)) })
}

const wantsTable = (request: ApiRequest) => /as=Table/.test(request.headers.get('accept') ?? '')

function table(found: readonly Measured[], kind: 'PodMetrics' | 'NodeMetrics', now: number): object {
  const sum = (m: Measured): Usage => [...m.usage.values()].reduce((a, b) => ({ cpu: a.cpu + b.cpu, memory: a.memory + b.memory }), { cpu: 0, memory: 0 })
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: {},
    columnDefinitions: [['Name', 'name'], ['cpu', 'quantity'], ['memory', 'quantity'], ['Window', 'duration']].map(([column, format]) => ({ name: column, type: 'string', format, description: '', priority: 0 })),
    rows: found.map((m) => {
      const usage = quantities(sum(m))
      return { cells: [m.object.metadata.name, usage.cpu, usage.memory, '15s'], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: metricsOf(m, kind, now).metadata } }
    }),
  }
}
