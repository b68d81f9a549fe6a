/** Rows of deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs, autoscalers and budgets. */
import { age, humanDuration } from '#base/duration.ts'
import type { TablePrinter } from '#engine/api/kind.ts'
import { formatLabelSelector } from '#engine/api/label-selector.ts'
import type { Loose } from '#engine/api/loose.ts'
import { created, formatLabels, layout, printer } from './columns.ts'

const condition = (o: Loose, type: string) => (o.status?.conditions ?? []).some((c: Loose) => c.type === type && c.status === 'True')

function jobStatus(job: Loose): string {
  if (condition(job, 'Complete')) return 'Complete'
  if (condition(job, 'Failed')) return 'Failed'
  if (job.metadata.deletionTimestamp) return 'Terminating'
  if (condition(job, 'Suspended')) return 'Suspended'
  if (condition(job, 'FailureTarget')) return 'FailureTarget'
  if (condition(job, 'SuccessCriteriaMet')) return 'SuccessCriteriaMet'
  return 'Running'
}

function jobCompletions(job: Loose): string {
  const succeeded = job.status?.succeeded ?? 0
  const { completions, parallelism = 0 } = job.spec
  if (completions !== undefined) return `${succeeded}/${completions}`
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function jobDuration(job: Loose, now: number): string {
  const { startTime, completionTime } = job.status ?? {}
  if (!startTime) return ''
  return humanDuration((completionTime ? Date.parse(completionTime) : now) - Date.parse(startTime))
}

/** One metric of an autoscaler: `cpu: 12%/80%`. */
function metricText(spec: Loose, status: Loose): string {
  const source = (m: Loose) => m?.resource ?? m?.containerResource ?? m?.pods ?? m?.object ?? m?.external
  const s = source(spec)
  const current = source(status)?.current
  const target = s?.target ?? {}
  if (spec.type === 'Resource' || spec.type === 'ContainerResource') {
    const name = s.name
    if (target.averageValue !== undefined) return `${name}: ${current?.averageValue ?? '<unknown>'}/${target.averageValue}`
    const now = current?.averageUtilization !== undefined ? `${current.averageUtilization}%` : '<unknown>'
    return `${name}: ${now}/${target.averageUtilization !== undefined ? `${target.averageUtilization}%` : '<auto>'}`
  }
  if (spec.type === 'Pods') return `${current?.averageValue ?? '<unknown>'}/${target.averageValue}`
  if (target.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`
  return `${current?.value ?? '<unknown>'}/${target.value}`
}

function metricsText(hpa: Loose): string {
  const specs: Loose[] = hpa.spec?.metrics ?? []
  if (specs.length === 0) return '<none>'
  const statuses: Loose[] = hpa.status?.currentMetrics ?? []
  const texts = specs.map((m, i) => metricText(m, statuses[i]))
  return texts.slice(0, 2).join(', ') + (texts.length > 2 ? ` + ${texts.length - 2} more...` : '')
}

const autoscaler = printer(['Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas', 'Age'], (h, now) => [
  h.metadata.name, `${h.spec?.scaleTargetRef?.kind}/${h.spec?.scaleTargetRef?.name}`, metricsText(h), h.spec?.minReplicas === undefined ? '<unset>' : String(h.spec.minReplicas), h.spec?.maxReplicas ?? 0, h.status?.currentReplicas ?? 0, created(h, now),
])

const toV2 = (h: Loose): Loose => ({ ...h, spec: { ...h.spec, metrics: h.spec?.targetCPUUtilizationPercentage === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: h.spec.targetCPUUtilizationPercentage } } }] }, status: { ...h.status, currentMetrics: h.status?.currentCPUUtilizationPercentage === undefined ? [] : [{ resource: { current: { averageUtilization: h.status.currentCPUUtilizationPercentage } } }] } })

export const workloadTables: Readonly<Record<string, TablePrinter>> = {
  'deployments.apps': printer(['Name', 'Ready', 'Up-to-date', 'Available', 'Age', 'Containers*', 'Images*', 'Selector*'], (d, now) => [
    d.metadata.name, `${d.status?.readyReplicas ?? 0}/${d.spec?.replicas ?? 0}`, d.status?.updatedReplicas ?? 0, d.status?.availableReplicas ?? 0, created(d, now), ...layout(d.spec?.template), formatLabelSelector(d.spec?.selector),
  ]),
  'replicasets.apps': printer(['Name', 'Desired:i', 'Current:i', 'Ready:i', 'Age', 'Containers*', 'Images*', 'Selector*'], (r, now) => [
    r.metadata.name, r.spec?.replicas ?? 0, r.status?.replicas ?? 0, r.status?.readyReplicas ?? 0, created(r, now), ...layout(r.spec?.template), formatLabelSelector(r.spec?.selector),
  ]),
  replicationcontrollers: printer(['Name', 'Desired:i', 'Current:i', 'Ready:i', 'Age', 'Containers*', 'Images*', 'Selector*'], (r, now) => [
    r.metadata.name, r.spec?.replicas ?? 0, r.status?.replicas ?? 0, r.status?.readyReplicas ?? 0, created(r, now), ...layout(r.spec?.template), formatLabels(r.spec?.selector),
  ]),
  'statefulsets.apps': printer(['Name', 'Ready', 'Age', 'Containers*', 'Images*'], (s, now) => [s.metadata.name, `${s.status?.readyReplicas ?? 0}/${s.spec?.replicas ?? 0}`, created(s, now), ...layout(s.spec?.template)]),
  'daemonsets.apps': printer(['Name', 'Desired:i', 'Current:i', 'Ready:i', 'Up-to-date:i', 'Available:i', 'Node Selector', 'Age', 'Containers*', 'Images*', 'Selector*'], (d, now) => [
    d.metadata.name, d.status?.desiredNumberScheduled ?? 0, d.status?.currentNumberScheduled ?? 0, d.status?.numberReady ?? 0, d.status?.updatedNumberScheduled ?? 0, d.status?.numberAvailable ?? 0,
    formatLabels(d.spec?.template?.spec?.nodeSelector), created(d, now), ...layout(d.spec?.template), formatLabelSelector(d.spec?.selector),
  ]),
  'jobs.batch': printer(['Name', 'Status', 'Completions', 'Duration', 'Age', 'Containers*', 'Images*', 'Selector*'], (j, now) => [
    j.metadata.name, jobStatus(j), jobCompletions(j), jobDuration(j, now), created(j, now), ...layout(j.spec?.template), formatLabelSelector(j.spec?.selector),
  ]),
  'cronjobs.batch': printer(['Name', 'Schedule', 'Timezone', 'Suspend:b', 'Active:i', 'Last Schedule', 'Age', 'Containers*', 'Images*', 'Selector*'], (c, now) => [
    c.metadata.name, c.spec?.schedule ?? '', c.spec?.timeZone ?? '<none>', c.spec?.suspend === undefined ? '<unset>' : c.spec.suspend ? 'True' : 'False', (c.status?.active ?? []).length,
    c.status?.lastScheduleTime ? age(c.status.lastScheduleTime, now) : '<none>', created(c, now), ...layout(c.spec?.jobTemplate?.spec?.template), formatLabelSelector(c.spec?.jobTemplate?.spec?.selector),
  ]),
  'horizontalpodautoscalers.autoscaling': autoscaler,
  'horizontalpodautoscalers.autoscaling/v1': { ...autoscaler, row: (h, now) => autoscaler.row(toV2(h), now) },
  'poddisruptionbudgets.policy': printer(['Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions:i', 'Age'], (p, now) => [
    p.metadata.name, p.spec?.minAvailable === undefined ? 'N/A' : String(p.spec.minAvailable), p.spec?.maxUnavailable === undefined ? 'N/A' : String(p.spec.maxUnavailable), p.status?.disruptionsAllowed ?? 0, created(p, now),
  ]),
  'controllerrevisions.apps': printer(['Name', 'Controller', 'Revision:i', 'Age'], (r, now) => {
    const owner = (r.metadata.ownerReferences ?? []).find((o: Loose) => o.controller)
    return [r.metadata.name, owner ? `${owner.kind.toLowerCase()}.${String(owner.apiVersion).split('/')[0]}/${owner.name}` : '<none>', r.revision ?? 0, created(r, now)]
  }),
  podtemplates: printer(['Name', 'Containers', 'Images', 'Pod Labels'], (p) => [p.metadata.name, ...layout(p.template), formatLabels(p.template?.metadata?.labels)]),
}
