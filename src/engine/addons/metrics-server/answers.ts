/** The resource metrics API, metrics.k8s.io/v1beta1: NodeMetrics and PodMetrics, their lists and tables, as metrics-server answers them. */
import { formatQuantity } from '#base/quantity.ts'
import { parseFieldSelector } from '#engine/api/field-selector.ts'
import { matches, parseSelector, type Selector, SelectorError } from '#engine/api/label-selector.ts'
import * as status from '#engine/api/status.ts'
import { type ApiRequest, type ApiResponse, type KubeObject, StatusError } from '#engine/api/types.ts'
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

/** Requests are authorised already. What is refused is answered with a Status. */
export function answerMetrics(request: ApiRequest, metrics: Metrics, now: number): ApiResponse {
  try {
    return json(200, answer(request, metrics, now))
  } catch (error) {
    if (error instanceof StatusError) return json(error.status.code ?? 500, error.status)
    throw error
  }
}

/** Throws StatusError. */
function answer(request: ApiRequest, metrics: Metrics, now: number): object {
  const rest = request.path.split('/').filter((p) => p !== '').slice(3)
  if (rest.length === 0) return resourceList
  const namespace = rest[0] === 'namespaces' ? rest[1] : undefined
  const [resource, name] = namespace === undefined ? rest : rest.slice(2)
  if (resource !== 'pods' && (resource !== 'nodes' || namespace !== undefined)) throw status.pathNotFound()
  if (request.method !== 'GET') throw status.methodNotAllowed()
  const kind = resource === 'pods' ? 'PodMetrics' : 'NodeMetrics'
  const found = resource === 'pods' ? metrics.pods(namespace) : metrics.nodes()
  if (name !== undefined) {
    const one = found.find((m) => m.object.metadata.name === name)
    if (!one) throw status.notFound({ group: 'metrics.k8s.io', resource: kind.toLowerCase() }, namespace === undefined ? name : `${namespace}/${name}`)
    return wantsTable(request) ? table([one], kind, now) : metricsOf(one, kind, now)
  }
  const chosen = found.filter(filterOf(request))
  return wantsTable(request) ? table(chosen, kind, now) : { kind: `${kind}List`, apiVersion: groupVersion, metadata: {}, items: chosen.map((m) => metricsOf(m, kind, now)) }
}

/** By labels, and by the two fields that all objects have. */
function filterOf({ query }: ApiRequest): (m: Measured) => boolean {
  const fields = parseFieldSelector(query.get('fieldSelector')?.[0] ?? '')
  if (typeof fields === 'string') throw status.badRequest(fields)
  for (const { field } of fields) if (field !== 'metadata.name' && field !== 'metadata.namespace') throw status.badRequest(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`)
  const selector = selectorOf(query.get('labelSelector')?.[0] ?? '')
  return ({ object: { metadata } }) => matches(selector, metadata.labels) && fields.every((r) => ((r.field === 'metadata.name' ? metadata.name : (metadata.namespace ?? '')) === r.value) === r.equal)
}

function selectorOf(text: string): Selector {
  try {
    return parseSelector(text)
  } catch (error) {
    if (error instanceof SelectorError) throw status.badRequest(error.message)
    throw error
  }
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
