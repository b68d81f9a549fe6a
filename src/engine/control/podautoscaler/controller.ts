/**
 * Scales what a HorizontalPodAutoscaler names by the metrics of its pods, looking at each of them every 15 seconds (pkg/controller/podautoscaler).
 * Custom and external metrics have no server here: they answer as in a cluster without adapters.
 */
import { formatQuantity } from '#base/quantity.ts'
import { ApiUnreachable, StatusError, type GroupVersionResource, type KubeObject } from '#engine/api/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { matches, parseSelector, type Selector, SelectorError } from '#engine/api/label-selector.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { servedResources } from '../discovery.ts'
import { deepEqual } from '../equal.ts'
import { emptyHistory, limit, noteScale, type History } from './limits.ts'
import { byUtilization, byValue, MetricProblem, milliValue, type Proposal, type Question } from './replicas.ts'
import { horizontalpodautoscalers, type Autoscaler, type Condition, type MetricSpec, type MetricStatus } from './types.ts'

const component = 'horizontal-pod-autoscaler'
const noCustomMetrics = 'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered'

interface Scale extends KubeObject {
  spec: { replicas?: number }
  status?: { replicas: number; selector?: string }
}

interface Metric {
  readonly replicas: number
  readonly name: string
  readonly status: MetricStatus
}

/** A metric that could not be had: its text, and the condition that tells of it. */
interface Lack {
  readonly message: string
  readonly reason: string
  readonly detail: string
}

export function startHorizontalPodAutoscaler(context: ControllerContext): void {
  const { api, sim } = context
  const period = context.options.autoscalerSyncPeriod ?? 15_000
  const cache = api.informer<Autoscaler>(horizontalpodautoscalers)
  const podCache = api.informer<Pod>(pods)
  const histories = new Map<string, History>()
  /** Which selectors autoscalers of a namespace last asked about. */
  const selectors = new Map<string, string>()
  const waiting = new Set<string>()

  cache.onAdd((hpa) => later(keyOf(hpa)))

  /** A key that waits is not put to the queue twice, so each autoscaler is looked at once in a period. */
  function later(key: string): void {
    if (waiting.has(key)) return
    waiting.add(key)
    context.after(period, () => {
      waiting.delete(key)
      const hpa = cache.get(...splitKey(key))
      if (!hpa) {
        histories.delete(key)
        selectors.delete(key)
        return
      }
      try {
        sync(key, hpa)
      } catch (error) {
        if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
      }
      later(key)
    }, { quiet: true })
  }

  function sync(key: string, hpa: Autoscaler): void {
    const conditions = [...(hpa.status?.conditions ?? [])]
    const set = (type: string, status: boolean, reason: string, message: string) => {
      const old = conditions.findIndex((c) => c.type === type)
      const text = status ? 'True' : 'False'
      const since = old >= 0 && conditions[old]!.status === text ? conditions[old]!.lastTransitionTime : timestamp(sim.now)
      const next: Condition = { type, status: text, ...(since !== undefined ? { lastTransitionTime: since } : {}), reason, message }
      if (old >= 0) conditions[old] = next
      else conditions.push(next)
    }
    const write = (status: Partial<NonNullable<Autoscaler['status']>>) => {
      const next = { currentReplicas: 0, desiredReplicas: 0, currentMetrics: null, ...hpa.status, ...status, conditions }
      if (next.currentReplicas === 0) delete (next as { currentReplicas?: number }).currentReplicas
      if (!deepEqual(next, hpa.status)) api.update<Autoscaler>(horizontalpodautoscalers, { ...hpa, status: next }, 'status')
    }
    const warn = (reason: string, message: string) => api.event(hpa, 'Warning', reason, message, component)

    const { namespace = '' } = hpa.metadata
    let target: GroupVersionResource
    let scale: Scale
    try {
      target = targetOf(hpa)
      scale = api.get<Scale>({ ...target, resource: `${target.resource}/scale` }, namespace, hpa.spec.scaleTargetRef.name)
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof MetricProblem)) throw error
      warn('FailedGetScale', error.message)
      set('AbleToScale', false, 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${error.message}`)
      write({})
      return
    }
    set('AbleToScale', true, 'SucceededGetScale', "the HPA controller was able to get the target's current scale")
    const current = scale.spec.replicas ?? 0
    const history = histories.get(key) ?? emptyHistory(current, sim.now)
    histories.set(key, history)
    const min = hpa.spec.minReplicas ?? 1
    let desired = current
    let reason = ''
    let metrics: MetricStatus[] | null = null
    if (current === 0 && min !== 0) set('ScalingActive', false, 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero')
    else if (current > hpa.spec.maxReplicas) [desired, reason] = [hpa.spec.maxReplicas, 'Current number of replicas above Spec.MaxReplicas']
    else if (current < min) [desired, reason] = [min, 'Current number of replicas below Spec.MinReplicas']
    else {
      const asked = ask(key, hpa, scale, set, warn)
      metrics = asked.statuses
      if (asked.replicas === undefined) {
        write({ currentReplicas: current, currentMetrics: metrics })
        warn('FailedComputeMetricsReplicas', asked.problem ?? '')
        return
      }
      const { replicas, able, limited } = limit(hpa.spec, history, current, asked.replicas, sim.now)
      reason = asked.replicas > current ? `${asked.name} above target` : 'All metrics below target'
      set('AbleToScale', true, ...able)
      set('ScalingLimited', ...limited)
      desired = replicas
    }
    const rescale = desired !== current
    if (rescale) {
      try {
        api.update<Scale>(target, { ...scale, spec: { ...scale.spec, replicas: desired } }, 'scale')
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        warn('FailedRescale', `New size: ${desired}; reason: ${reason}; error: ${error.message}`)
        set('AbleToScale', false, 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${error.message}`)
        write({ currentReplicas: current, currentMetrics: metrics })
        return
      }
      set('AbleToScale', true, 'SucceededRescale', `the HPA controller was able to update the target scale to ${desired}`)
      api.event(hpa, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${reason}`, component)
      noteScale(hpa.spec, history, current, desired, sim.now)
    }
    write({ currentReplicas: current, desiredReplicas: desired, currentMetrics: metrics, ...(rescale ? { lastScaleTime: timestamp(sim.now) } : {}) })
  }

  function targetOf(hpa: Autoscaler): GroupVersionResource {
    const { apiVersion = 'v1', kind } = hpa.spec.scaleTargetRef
    if (apiVersion.split('/').length > 2) throw new MetricProblem(`unexpected GroupVersion string: ${apiVersion}`)
    const slash = apiVersion.indexOf('/')
    const group = slash < 0 ? '' : apiVersion.slice(0, slash)
    const known = servedResources(context).find((r) => r.group === group && r.kind === kind)
    if (known) return known
    throw new MetricProblem(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`)
  }

  type Set = (type: string, status: boolean, reason: string, message: string) => void

  /** What all metrics together ask for; no number where none of them answers, or some do not and the others ask for less. */
  function ask(key: string, hpa: Autoscaler, scale: Scale, set: Set, warn: (reason: string, message: string) => void): { replicas?: number; name: string; statuses: MetricStatus[] | null; problem?: string } {
    const selector = scale.status?.selector ?? ''
    if (selector === '') {
      warn('SelectorRequired', 'selector is required')
      set('ScalingActive', false, 'InvalidSelector', "the HPA target's scale is missing a selector")
      return { name: '', statuses: null, problem: 'selector is required' }
    }
    const namespace = hpa.metadata.namespace ?? ''
    let parsed: Selector
    try {
      parsed = parseSelector(selector)
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error
      const message = `couldn't convert selector into a corresponding internal selector object: ${error.message}`
      warn('InvalidSelector', message)
      set('ScalingActive', false, 'InvalidSelector', message)
      return { name: '', statuses: null, problem: message }
    }
    const members = podCache.list(namespace).filter((pod) => matches(parsed, pod.metadata.labels))
    selectors.set(key, selector)
    const rivals = cache.list(namespace).filter((other) => selectors.get(keyOf(other)) === selector)
    if (rivals.length > 1) {
      const message = `pods by selector ${selector} are controlled by multiple HPAs: [${rivals.map(keyOf).sort().join(' ')}]`
      warn('AmbiguousSelector', message)
      set('ScalingActive', false, 'AmbiguousSelector', message)
      return { name: '', statuses: null, problem: message }
    }
    const specs = hpa.spec.metrics ?? []
    const current = scale.spec.replicas ?? 0
    const question = { namespace, selector, pods: members, current, now: sim.now, api }
    const statuses: MetricStatus[] = []
    const lacks: Lack[] = []
    let best: Metric | undefined
    for (const spec of specs) {
      const metric = measure(spec, question, namespace)
      if ('replicas' in metric) {
        statuses.push(metric.status)
        if (!best || metric.replicas > best.replicas) best = metric
        continue
      }
      statuses.push({ type: '' })
      warn(metric.reason, metric.detail)
      lacks.push(metric)
    }
    const first = lacks[0]
    const problem = first && `invalid metrics (${lacks.length} invalid out of ${specs.length}), first error is: ${first.message}`
    if (first && (!best || best.replicas < current)) {
      set('ScalingActive', false, first.reason, `the HPA was unable to compute the replica count: ${first.detail}`)
      return { name: '', statuses, ...(problem !== undefined ? { problem } : {}) }
    }
    set('ScalingActive', true, 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best?.name ?? ''}`)
    return { replicas: best?.replicas ?? 0, name: best?.name ?? '', statuses, ...(problem !== undefined ? { problem } : {}) }
  }
}

function measure(spec: MetricSpec, question: Omit<Question, 'resource'>, namespace: string): Metric | Lack {
  switch (spec.type) {
    case 'Resource':
    case 'ContainerResource':
      return resourceMetric(spec, question)
    case 'Pods':
      return foreign('FailedGetPodsMetric', 'failed to get pods metric value: ', `unable to get metric ${spec.pods!.metric.name}: ${noCustomMetrics}`)
    case 'Object': {
      const { describedObject, metric } = spec.object!
      return foreign('FailedGetObjectMetric', 'failed to get object metric value: ', `unable to get metric ${metric.name}: ${describedObject.kind} on ${namespace} ${describedObject.name}/${noCustomMetrics}`)
    }
    case 'External': {
      const { name } = spec.external!.metric
      return foreign('FailedGetExternalMetric', `failed to get ${name} external metric value: `, `unable to get external metric ${namespace}/${name}/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`)
    }
  }
}

function foreign(reason: string, before: string, detail: string): Lack {
  return { reason, detail, message: before + detail }
}

function resourceMetric(spec: MetricSpec, question: Omit<Question, 'resource'>): Metric | Lack {
  const own = spec.type === 'Resource' ? spec.resource! : spec.containerResource!
  const { name, target } = own
  const container = spec.containerResource?.container
  const q: Question = { ...question, resource: name, ...(container !== undefined ? { container } : {}) }
  const of = container === undefined ? '' : ' container'
  const current = (p: Proposal) => ({ ...(p.utilization !== undefined ? { averageUtilization: p.utilization } : {}), averageValue: formatQuantity({ unscaled: BigInt(p.average), scale: -3, format: 'DecimalSI' }) })
  const answer = (p: Proposal, label: string): Metric => ({
    replicas: p.replicas, name: label,
    status: container === undefined ? { type: 'Resource', resource: { name, current: current(p) } } : { type: 'ContainerResource', containerResource: { name, container, current: current(p) } },
  })
  const byAverage = target.averageValue !== undefined
  try {
    if (byAverage) return answer(byValue(q, milliValue(String(target.averageValue))), `${name}${of} resource`)
    if (target.averageUtilization === undefined) throw new MetricProblem('invalid resource metric source: neither an average utilization target nor an average value (usage) target was set')
    return answer(byUtilization(q, target.averageUtilization), `${name}${of} resource utilization (percentage of request)`)
  } catch (error) {
    if (!(error instanceof MetricProblem)) throw error
    const detail = error.message.startsWith('invalid resource') ? error.message : `failed to get ${name} ${byAverage ? 'usage' : 'utilization'}: ${error.message}`
    const reason = container === undefined ? 'FailedGetResourceMetric' : 'FailedGetContainerResourceMetric'
    return { reason, detail, message: `failed to get ${name} ${container === undefined ? 'resource' : 'container'} metric value: ${detail}` }
  }
}
