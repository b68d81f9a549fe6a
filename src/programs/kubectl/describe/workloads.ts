/** Deployments, replica sets, stateful and daemon sets, jobs, cron jobs, autoscalers and disruption budgets. */
import type { KubeObject } from '#engine/api/types.ts'
import { humanDuration } from '#base/duration.ts'
import { matchesLabelSelector, type LabelSelector } from '#engine/api/label-selector.ts'
import type { Invocation } from '../cli/invocation.ts'
import { rfc1123 } from '../verbs/time.ts'
import { eventTable, type EventObject } from './events.ts'
import { controllerText } from './pod.ts'
import { fields, podTemplateBlock, quantity, rows, selectorOr, text, type Fields } from './pod-template.ts'
import { annotationLines, DescribeWriter, labelLines } from './writer.ts'

export interface DescribeContext {
  readonly run: Invocation
  readonly now: number
  /** Undefined with --show-events=false. */
  readonly events: readonly EventObject[] | undefined
}

export type Describer = (object: KubeObject, context: DescribeContext) => Promise<string>

const specOf = (o: KubeObject): Fields => fields(o['spec'])
const statusOf = (o: KubeObject): Fields => fields(o['status'])
const n = (v: unknown): number => Number(v ?? 0)

export function heading(out: DescribeWriter, o: KubeObject, namespaced = true): void {
  out.line(0, `Name:\t${o.metadata.name}`)
  if (namespaced) out.line(0, `Namespace:\t${o.metadata.namespace ?? ''}`)
}

export function finish(out: DescribeWriter, context: DescribeContext): string {
  if (context.events) eventTable(out, context.now, context.events)
  return out.toString()
}

function conditionTable(out: DescribeWriter, conditions: readonly Fields[]): void {
  if (conditions.length === 0) return
  out.line(0, 'Conditions:\n  Type\tStatus\tReason').line(1, '----\t------\t------')
  for (const c of conditions) out.line(1, `${text(c['type'])} \t${text(c['status'])}\t${text(c['reason'])}`)
}

async function list(context: DescribeContext, path: string): Promise<KubeObject[]> {
  try {
    return (await context.run.rest.json<{ items?: KubeObject[] }>('GET', path)).items ?? []
  } catch {
    return []
  }
}

export const describeDeployment: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  out.line(0, `CreationTimestamp:\t${rfc1123(o.metadata.creationTimestamp)}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Selector:\t${selectorOr(spec['selector'])}`)
  out.line(0, `Replicas:\t${n(spec['replicas'] ?? 1)} desired | ${n(status['updatedReplicas'])} updated | ${n(status['replicas'])} total | ${n(status['availableReplicas'])} available | ${n(status['unavailableReplicas'])} unavailable`)
  const strategy = fields(spec['strategy'])
  out.line(0, `StrategyType:\t${text(strategy['type'])}`).line(0, `MinReadySeconds:\t${n(spec['minReadySeconds'])}`)
  const rolling = strategy['rollingUpdate'] as Fields | undefined
  if (rolling) out.line(0, `RollingUpdateStrategy:\t${text(rolling['maxUnavailable'])} max unavailable, ${text(rolling['maxSurge'])} max surge`)
  podTemplateBlock(out, fields(spec['template']))
  conditionTable(out, rows(status['conditions']))
  const owned = (await list(context, `/apis/apps/v1/namespaces/${o.metadata.namespace ?? ''}/replicasets`)).filter((r) => r.metadata.ownerReferences?.some((ref) => ref.controller && ref.uid === o.metadata.uid))
  const sets = [...owned].sort((a, b) => Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? '') || (a.metadata.name < b.metadata.name ? -1 : 1))
  const current = sets.find((r) => sameTemplate(specOf(r)['template'], spec['template']))
  const show = (some: readonly KubeObject[]) => (some.length === 0 ? '<none>' : some.map((r) => `${r.metadata.name} (${n(statusOf(r)['replicas'])}/${n(specOf(r)['replicas'])} replicas created)`).join(', '))
  out.line(0, `OldReplicaSets:\t${show(sets.filter((r) => r !== current))}`).line(0, `NewReplicaSet:\t${show(current ? [current] : [])}`)
  return finish(out, context)
}

function sameTemplate(a: unknown, b: unknown): boolean {
  const bare = (t: unknown): string => {
    const template = fields(t)
    const labels = { ...fields(fields(template['metadata'])['labels']) }
    delete labels['pod-template-hash']
    return JSON.stringify({ ...template, metadata: { ...fields(template['metadata']), labels } })
  }
  return bare(a) === bare(b)
}

/** How many of the pods that `o` controls are in which phase. */
async function podCounts(o: KubeObject, context: DescribeContext): Promise<string> {
  const selector = specOf(o)['selector'] as LabelSelector | Record<string, string> | undefined
  const asSelector = (o.kind === 'ReplicationController' ? { matchLabels: selector } : selector) as LabelSelector | undefined
  const counts: Record<string, number> = { Running: 0, Pending: 0, Succeeded: 0, Failed: 0 }
  for (const pod of await list(context, `/api/v1/namespaces/${o.metadata.namespace ?? ''}/pods`)) {
    if (!matchesLabelSelector(asSelector, pod.metadata.labels)) continue
    if (!pod.metadata.ownerReferences?.some((r) => r.controller && r.uid === o.metadata.uid)) continue
    const phase = text(statusOf(pod)['phase'])
    counts[phase] = (counts[phase] ?? 0) + 1
  }
  return `${counts['Running']!} Running / ${counts['Pending']!} Waiting / ${counts['Succeeded']!} Succeeded / ${counts['Failed']!} Failed`
}

export const describeReplicaSet: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  out.line(0, `Selector:\t${o.kind === 'ReplicationController' ? Object.entries(fields(spec['selector'])).map(([k, v]) => `${k}=${text(v)}`).sort().join(',') : selectorOr(spec['selector'])}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  const controller = controllerText(o)
  if (controller) out.line(0, `Controlled By:\t${controller}`)
  out.line(0, `Replicas:\t${n(status['replicas'])} current / ${n(spec['replicas'])} desired`).line(0, `Pods Status:\t${await podCounts(o, context)}`)
  podTemplateBlock(out, fields(spec['template']))
  conditionTable(out, rows(status['conditions']))
  return finish(out, context)
}

export const describeDaemonSet: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  out.line(0, `Selector:\t${selectorOr(spec['selector'])}`)
  const nodeSelector = fields(fields(fields(spec['template'])['spec'])['nodeSelector'])
  out.line(0, `Node-Selector:\t${Object.keys(nodeSelector).sort().map((k) => `${k}=${text(nodeSelector[k])}`).join(',') || '<none>'}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Desired Number of Nodes Scheduled: ${n(status['desiredNumberScheduled'])}`).line(0, `Current Number of Nodes Scheduled: ${n(status['currentNumberScheduled'])}`)
  out.line(0, `Number of Nodes Scheduled with Up-to-date Pods: ${n(status['updatedNumberScheduled'])}`).line(0, `Number of Nodes Scheduled with Available Pods: ${n(status['numberAvailable'])}`).line(0, `Number of Nodes Misscheduled: ${n(status['numberMisscheduled'])}`)
  out.line(0, `Pods Status:\t${await podCounts(o, context)}`)
  podTemplateBlock(out, fields(spec['template']))
  return finish(out, context)
}

export const describeStatefulSet: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  out.line(0, `CreationTimestamp:\t${rfc1123(o.metadata.creationTimestamp)}`).line(0, `Selector:\t${selectorOr(spec['selector'])}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Replicas:\t${n(spec['replicas'])} desired | ${n(status['replicas'])} total`)
  const strategy = fields(spec['updateStrategy'])
  out.line(0, `Update Strategy:\t${text(strategy['type'])}`)
  const partition = fields(strategy['rollingUpdate'])['partition']
  if (partition !== undefined) out.line(1, `Partition:\t${text(partition)}`)
  out.line(0, `Pods Status:\t${await podCounts(o, context)}`)
  podTemplateBlock(out, fields(spec['template']))
  const claims = rows(spec['volumeClaimTemplates'])
  if (claims.length === 0) out.line(0, 'Volume Claims:\t<none>')
  else {
    out.line(0, 'Volume Claims:')
    for (const claim of claims) {
      const [metadata, claimSpec] = [fields(claim['metadata']), fields(claim['spec'])]
      out.line(1, `Name:\t${text(metadata['name'])}`).line(1, `StorageClass:\t${text(claimSpec['storageClassName'])}`)
      const labelText = (m: unknown) => Object.entries(fields(m)).map(([k, v]) => `${k}=${text(v)}`).join(',') || '<none>'
      out.line(1, `Labels:\t${labelText(metadata['labels'])}`).line(1, `Annotations:\t${labelText(metadata['annotations'])}`)
      const storage = fields(fields(claimSpec['resources'])['requests'])['storage']
      out.line(1, `Capacity:\t${storage === undefined ? '<default>' : quantity(storage)}`).line(1, `Access Modes:\t[${((claimSpec['accessModes'] as string[] | undefined) ?? []).join(' ')}]`)
    }
  }
  return finish(out, context)
}

export const describeJob: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  if (spec['selector']) out.line(0, `Selector:\t${selectorOr(spec['selector'])}`)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  const controller = controllerText(o)
  if (controller) out.line(0, `Controlled By:\t${controller}`)
  if (spec['parallelism'] !== undefined) out.line(0, `Parallelism:\t${text(spec['parallelism'])}`)
  out.line(0, `Completions:\t${spec['completions'] === undefined ? '<unset>' : text(spec['completions'])}`)
  if (spec['completionMode']) out.line(0, `Completion Mode:\t${text(spec['completionMode'])}`)
  if (spec['suspend'] !== undefined) out.line(0, `Suspend:\t${text(spec['suspend'])}`)
  if (spec['backoffLimit'] !== undefined) out.line(0, `Backoff Limit:\t${text(spec['backoffLimit'])}`)
  if (spec['ttlSecondsAfterFinished'] !== undefined) out.line(0, `TTL Seconds After Finished:\t${text(spec['ttlSecondsAfterFinished'])}`)
  if (status['startTime']) out.line(0, `Start Time:\t${rfc1123(text(status['startTime']))}`)
  if (status['completionTime']) out.line(0, `Completed At:\t${rfc1123(text(status['completionTime']))}`)
  if (status['startTime'] && status['completionTime']) out.line(0, `Duration:\t${humanDuration(Date.parse(text(status['completionTime'])) - Date.parse(text(status['startTime'])))}`)
  if (spec['activeDeadlineSeconds'] !== undefined) out.line(0, `Active Deadline Seconds:\t${text(spec['activeDeadlineSeconds'])}s`)
  const ready = status['ready'] === undefined ? '' : ` (${n(status['ready'])} Ready)`
  out.line(0, `Pods Statuses:\t${n(status['active'])} Active${ready} / ${n(status['succeeded'])} Succeeded / ${n(status['failed'])} Failed`)
  if (spec['completionMode'] === 'Indexed') out.line(0, `Completed Indexes:\t${text(status['completedIndexes']) || '<none>'}`)
  podTemplateBlock(out, fields(spec['template']))
  return finish(out, context)
}

export const describeCronJob: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `Schedule:\t${text(spec['schedule'])}`)
  if (spec['timeZone']) out.line(0, `Time Zone:\t${text(spec['timeZone'])}`)
  out.line(0, `Concurrency Policy:\t${text(spec['concurrencyPolicy'])}`).line(0, `Suspend:\t${spec['suspend'] === true ? 'True' : 'False'}`)
  const or = (v: unknown, unit = '') => (v === undefined ? '<unset>' : `${text(v)}${unit}`)
  out.line(0, `Successful Job History Limit:\t${or(spec['successfulJobsHistoryLimit'])}`).line(0, `Failed Job History Limit:\t${or(spec['failedJobsHistoryLimit'])}`).line(0, `Starting Deadline Seconds:\t${or(spec['startingDeadlineSeconds'], 's')}`)
  const template = fields(fields(spec['jobTemplate'])['spec'])
  out.line(0, `Selector:\t${template['selector'] ? selectorOr(template['selector']) : '<unset>'}`).line(0, `Parallelism:\t${or(template['parallelism'])}`).line(0, `Completions:\t${or(template['completions'])}`)
  if (template['activeDeadlineSeconds'] !== undefined) out.line(0, `Active Deadline Seconds:\t${text(template['activeDeadlineSeconds'])}s`)
  podTemplateBlock(out, fields(template['template']))
  out.line(0, `Last Schedule Time:\t${status['lastScheduleTime'] ? rfc1123(text(status['lastScheduleTime'])) : '<unset>'}`)
  out.line(0, `Active Jobs:\t${rows(status['active']).map((j) => text(j['name'])).join(', ') || '<none>'}`)
  return finish(out, context)
}

function metricLine(metric: Fields, current: Fields | undefined): string {
  const source = fields(metric[text(metric['type'])[0]!.toLowerCase() + text(metric['type']).slice(1)])
  const now = fields(fields(current?.[Object.keys(current).find((k) => k !== 'type') ?? ''])['current'])
  const target = fields(source['target'])
  if (metric['type'] === 'Resource') {
    if (target['averageValue'] !== undefined) return `resource ${text(source['name'])} on pods:\t${now['averageValue'] === undefined ? '<unknown>' : quantity(now['averageValue'])} / ${quantity(target['averageValue'])}`
    const value = now['averageUtilization'] === undefined ? '<unknown>' : `${text(now['averageUtilization'])}% (${quantity(now['averageValue'])})`
    return `resource ${text(source['name'])} on pods  (as a percentage of request):\t${value} / ${target['averageUtilization'] === undefined ? '<auto>' : `${text(target['averageUtilization'])}%`}`
  }
  if (metric['type'] === 'Pods') return `${JSON.stringify(fields(source['metric'])['name'])} on pods:\t${now['averageValue'] === undefined ? '<unknown>' : quantity(now['averageValue'])} / ${quantity(target['averageValue'])}`
  if (metric['type'] === 'External') return `${JSON.stringify(fields(source['metric'])['name'])} (target ${target['averageValue'] !== undefined ? 'average value' : 'value'}):\t<unknown> / ${quantity(target['averageValue'] ?? target['value'])}`
  return `<unknown metric type ${JSON.stringify(metric['type'])}>`
}

export const describeAutoscaler: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  labelLines(out, 'Labels', o.metadata.labels)
  annotationLines(out, 'Annotations', o.metadata.annotations)
  out.line(0, `CreationTimestamp:\t${rfc1123(o.metadata.creationTimestamp)}`)
  const target = fields(spec['scaleTargetRef'])
  out.line(0, `Reference:\t${text(target['kind'])}/${text(target['name'])}`).line(0, 'Metrics:\t( current / target )')
  rows(spec['metrics']).forEach((m, i) => out.line(1, metricLine(m, rows(status['currentMetrics'])[i])))
  out.line(0, `Min replicas:\t${spec['minReplicas'] === undefined ? '<unset>' : text(spec['minReplicas'])}`).line(0, `Max replicas:\t${text(spec['maxReplicas'])}`)
  const behavior = fields(spec['behavior'])
  if (Object.keys(behavior).length > 0) {
    out.line(0, 'Behavior:')
    for (const [key, label] of [['scaleUp', 'Scale Up'], ['scaleDown', 'Scale Down']] as const) {
      const b = behavior[key] as Fields | undefined
      if (!b) continue
      out.line(1, `${label}:`)
      if (b['stabilizationWindowSeconds'] !== undefined) out.line(2, `Stabilization Window: ${text(b['stabilizationWindowSeconds'])} seconds`)
      if (rows(b['policies']).length > 0) {
        out.line(2, `Select Policy: ${text(b['selectPolicy'] ?? 'Max')}`).line(2, 'Policies:')
        for (const p of rows(b['policies'])) out.line(3, `- Type: ${text(p['type'])}\tValue: ${text(p['value'])}\tPeriod: ${text(p['periodSeconds'])} seconds`)
      }
    }
  }
  out.line(0, `${text(target['kind'])} pods:\t${n(status['currentReplicas'])} current / ${n(status['desiredReplicas'])} desired`)
  const conditions = rows(status['conditions'])
  if (conditions.length > 0) {
    out.line(0, 'Conditions:').line(1, 'Type\tStatus\tReason\tMessage').line(1, '----\t------\t------\t-------')
    for (const c of conditions) out.line(1, `${text(c['type'])}\t${text(c['status'])}\t${text(c['reason'])}\t${text(c['message'])}`)
  }
  return finish(out, context)
}

export const describeBudget: Describer = async (o, context) => {
  const out = new DescribeWriter()
  const [spec, status] = [specOf(o), statusOf(o)]
  heading(out, o)
  if (spec['minAvailable'] !== undefined) out.line(0, `Min available:\t${text(spec['minAvailable'])}`)
  else if (spec['maxUnavailable'] !== undefined) out.line(0, `Max unavailable:\t${text(spec['maxUnavailable'])}`)
  out.line(0, `Selector:\t${spec['selector'] ? selectorOr(spec['selector']) : '<unset>'}`).line(0, 'Status:')
  out.line(2, `Allowed disruptions:\t${n(status['disruptionsAllowed'])}`).line(2, `Current:\t${n(status['currentHealthy'])}`).line(2, `Desired:\t${n(status['desiredHealthy'])}`).line(2, `Total:\t${n(status['expectedPods'])}`)
  return finish(out, context)
}

