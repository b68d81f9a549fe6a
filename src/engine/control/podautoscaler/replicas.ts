/** From metrics of pods to a number of replicas (pkg/controller/podautoscaler/replica_calculator.go). Errors are the controller's own, worded as upstream. */
import { parseGoDuration } from '#base/duration.ts'
import { parseQuantity, quantityMilliValue } from '#base/quantity.ts'
import { StatusError, type ApiClient } from '#engine/api/types.ts'
import { podCondition, type Pod } from '#engine/kinds/pod/types.ts'
import { podMetrics, type PodMetrics } from './types.ts'

/** --horizontal-pod-autoscaler-cpu-initialization-period and --horizontal-pod-autoscaler-initial-readiness-delay, ms. */
const cpuInitialization = 300_000
const readinessDelay = 30_000
const defaultTolerance = 0.1

/** What the controller tells in events and conditions. */
export class MetricProblem extends Error {}

export interface Question {
  readonly namespace: string
  readonly selector: string
  readonly pods: readonly Pod[]
  readonly current: number
  readonly resource: string
  /** Only this container of each pod. */
  readonly container?: string
  readonly now: number
  readonly api: ApiClient
}

export interface Proposal {
  readonly replicas: number
  readonly utilization?: number
  /** Average over pods, in thousandths. */
  readonly average: number
}

interface Sample {
  readonly value: number
  readonly at: number
  readonly window: number
}

/** Of a quantity, in thousandths. */
export function milliValue(text: string): number {
  return Number(quantityMilliValue(parseQuantity(text) ?? parseQuantity('0')!))
}

/** By percentage of what pods request. */
export function byUtilization(q: Question, target: number): Proposal {
  const g = gather(q)
  const requests = new Map(q.pods.map((pod) => [pod.metadata.name, requestOf(pod, q)]))
  const share = (samples: ReadonlyMap<string, number>) => {
    let [used, asked, count] = [0, 0, 0]
    for (const [name, value] of samples) {
      const request = requests.get(name)
      if (request === undefined) continue
      used += value
      asked += request
      count++
    }
    if (asked === 0) throw new MetricProblem('no metrics returned matched known pods')
    const utilization = Math.trunc((used * 100) / asked)
    return { ratio: utilization / target, utilization, average: Math.trunc(used / count) }
  }
  const { ratio, utilization, average } = share(g.samples)
  const absent = (name: string) => Math.trunc((requests.get(name) ?? 0) * Math.max(100, target) / 100)
  return { replicas: settle(q, g, ratio, absent, (samples) => share(samples).ratio), utilization, average }
}

/** By an average of the value itself; `target` in thousandths. */
export function byValue(q: Question, target: number): Proposal {
  const g = gather(q)
  const share = (samples: ReadonlyMap<string, number>) => {
    const average = Math.trunc([...samples.values()].reduce((a, b) => a + b, 0) / samples.size)
    return { ratio: average / target, average }
  }
  const { ratio, average } = share(g.samples)
  return { replicas: settle(q, g, ratio, () => target, (samples) => share(samples).ratio), average }
}

interface Gathered {
  readonly samples: Map<string, number>
  readonly ready: number
  readonly unready: ReadonlySet<string>
  readonly missing: ReadonlySet<string>
}

function gather(q: Question): Gathered {
  const metrics = samplesOf(q)
  if (q.pods.length === 0) throw new MetricProblem('no pods returned by selector while calculating replica count')
  const [unready, missing, ignored] = [new Set<string>(), new Set<string>(), new Set<string>()]
  let ready = 0
  for (const pod of q.pods) {
    const { name } = pod.metadata
    const sample = metrics.get(name)
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') ignored.add(name)
    else if (pod.status?.phase === undefined || pod.status.phase === 'Pending') unready.add(name)
    else if (!sample) missing.add(name)
    else if (q.resource === 'cpu' && isWarmingUp(pod, sample, q.now)) unready.add(name)
    else ready++
  }
  const samples = new Map([...metrics].filter(([name]) => !ignored.has(name) && !unready.has(name)).map(([name, s]) => [name, s.value]))
  if (samples.size === 0) throw new MetricProblem('did not receive metrics for targeted pods (pods might be unready)')
  return { samples, ready, unready, missing }
}

function samplesOf({ api, namespace, selector, resource, container }: Question): Map<string, Sample> {
  const fail = (why: string) => new MetricProblem(`unable to get metrics for resource ${resource}: ${why}`)
  let items: readonly PodMetrics[]
  try {
    items = api.list<PodMetrics>(podMetrics, { namespace, labelSelector: selector })
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    const why = error.status.code === 404 ? 'the server could not find the requested resource (get pods.metrics.k8s.io)' : error.message
    throw fail(`unable to fetch metrics from resource metrics API: ${why}`)
  }
  if (items.length === 0) throw fail('no metrics returned from resource metrics API')
  const out = new Map<string, Sample>()
  for (const m of items) {
    const chosen = container === undefined ? m.containers : m.containers.filter((c) => c.name === container)
    if (container !== undefined && chosen.length === 0) throw fail(`failed to get container metrics: container ${container} not present in metrics for pod ${m.metadata.namespace ?? ''}/${m.metadata.name}`)
    if (chosen.some((c) => c.usage[resource] === undefined)) continue
    out.set(m.metadata.name, { value: chosen.reduce((n, c) => n + milliValue(c.usage[resource]!), 0), at: Date.parse(m.timestamp), window: parseGoDuration(m.window) ?? 0 })
  }
  return out
}

/** A pod that has just started burns more than it will. */
function isWarmingUp(pod: Pod, sample: Sample, now: number): boolean {
  const condition = podCondition(pod, 'Ready')
  if (!condition || pod.status?.startTime === undefined) return true
  const started = Date.parse(pod.status.startTime)
  const turned = Date.parse(condition.lastTransitionTime ?? '')
  if (started + cpuInitialization > now) return condition.status === 'False' || sample.at < turned + sample.window
  return condition.status === 'False' && started + readinessDelay > turned
}

function requestOf(pod: Pod, { resource, container }: Question): number {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')]
  let sum = 0
  for (const c of containers) {
    if (container !== undefined && container !== c.name) continue
    const request = c.resources?.requests?.[resource]
    if (request === undefined) throw new MetricProblem(`missing request for ${resource} in container ${c.name} of Pod ${pod.metadata.name}`)
    sum += milliValue(String(request))
  }
  return sum
}

const within = (ratio: number) => Math.abs(1 - ratio) <= defaultTolerance

/** Pods without metrics and pods that are not ready count as what makes the change smaller. */
function settle(q: Question, { samples, ready, unready, missing }: Gathered, ratio: number, absent: (name: string) => number, ratioOf: (samples: ReadonlyMap<string, number>) => number): number {
  const withUnready = unready.size > 0 && ratio > 1
  if (!withUnready && missing.size === 0) return within(ratio) ? q.current : Math.ceil(ratio * ready)
  const all = new Map(samples)
  if (ratio < 1) for (const name of missing) all.set(name, absent(name))
  else if (ratio > 1) for (const name of missing) all.set(name, 0)
  if (withUnready) for (const name of unready) all.set(name, 0)
  const next = ratioOf(all)
  if (within(next) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return q.current
  const replicas = Math.ceil(next * all.size)
  return (next < 1 && replicas > q.current) || (next > 1 && replicas < q.current) ? q.current : replicas
}
