/** Makes a Job at each time of a schedule and keeps the history short (pkg/controller/cronjob). */
import { StatusError } from '#engine/api/types.ts'
import { cronjobs, type CronJob } from '#engine/kinds/cronjob/types.ts'
import { jobs, type Job } from '#engine/kinds/job/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { byOwner, ownerKeys, ownerReference, tolerateGone } from '../ownership.ts'
import { structuredCopy } from '../pod-control.ts'
import { inZone, parseSchedule, zonedTimestamp } from './schedule.ts'

const component = 'cronjob-controller'
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

export function startCronJobController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<CronJob>(cronjobs)
  const jobCache = api.informer<Job>(jobs)
  jobCache.addIndex(byOwner, ownerKeys)
  const armed = new Map<string, number>()
  const queue = context.queue(sync)
  cache.onAdd((c) => queue.add(keyOf(c)))
  cache.onUpdate((c) => queue.add(keyOf(c)))
  cache.onDelete((c) => armed.delete(keyOf(c)))
  const wake = (job: Job) => {
    const owner = job.metadata.ownerReferences?.find((r) => r.controller && r.kind === 'CronJob')
    if (owner) queue.add(`${job.metadata.namespace}/${owner.name}`)
  }
  jobCache.onAdd(wake)
  jobCache.onUpdate(wake)
  jobCache.onDelete(wake)

  const condition = (job: Job, type: string) => (job.status?.conditions ?? []).find((c) => c.type === type && c.status === 'True')
  const finished = (job: Job) => condition(job, 'Complete') ?? condition(job, 'Failed')

  function sync(key: string): void {
    const cron = cache.get(...splitKey(key))
    if (!cron) return
    const own = jobCache.byIndex(byOwner, cron.metadata.uid ?? '')
    let status = { ...cron.status }
    let active = [...(status.active ?? [])] as { name?: string; uid?: string }[]
    for (const job of own) {
      const listed = active.some((a) => a.uid === job.metadata.uid)
      if (!listed && !finished(job)) {
        if (!active.some((a) => a.name === job.metadata.name)) api.event(cron, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`, component)
      } else if (listed && finished(job)) {
        active = active.filter((a) => a.uid !== job.metadata.uid)
        const how = condition(job, 'Complete') ? 'Complete' : 'Failed'
        api.event(cron, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${how}`, component)
      }
      const done = condition(job, 'Complete') && job.status?.completionTime
      if (done && (status.lastSuccessfulTime === undefined || done > status.lastSuccessfulTime)) status.lastSuccessfulTime = done
    }
    for (const a of [...active]) {
      if (own.some((j) => j.metadata.uid === a.uid)) continue
      if (tolerateGone(() => api.get<Job>(jobs, cron.metadata.namespace, a.name ?? '')) !== undefined) continue
      api.event(cron, 'Normal', 'MissingJob', `Active job went missing: ${a.name ?? ''}`, component)
      active = active.filter((x) => x !== a)
    }
    cleanHistory(cron, own)
    const fired = fire(key, cron, own, active, status)
    active = fired.active
    status = fired.status
    if (active.length > 0) status.active = active as unknown as Record<string, unknown>[]
    else delete status.active
    if (!deepEqual(status, cron.status)) tolerateGone(() => api.update<CronJob>(cronjobs, { ...cron, status }, 'status'))
  }

  function fire(key: string, cron: CronJob, own: readonly Job[], active: { name?: string; uid?: string }[], status: NonNullable<CronJob['status']>): { active: { name?: string; uid?: string }[]; status: NonNullable<CronJob['status']> } {
    const same = { active, status }
    if (cron.metadata.deletionTimestamp !== undefined || cron.spec.suspend) return same
    const parsed = parseSchedule(cron.spec.schedule)
    if (!parsed) {
      api.event(cron, 'Warning', 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(cron.spec.schedule)} : expected exactly 5 fields, found ${cron.spec.schedule.trim().split(/\s+/).length}: [${cron.spec.schedule}]`, component)
      return same
    }
    const schedule = inZone(parsed, cron.spec.timeZone)
    if (!schedule) {
      api.event(cron, 'Warning', 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(cron.spec.timeZone)}: unknown time zone ${cron.spec.timeZone}`, component)
      return same
    }
    const since = Math.max(Date.parse(status.lastScheduleTime ?? '') || Date.parse(cron.metadata.creationTimestamp ?? '') || sim.now, cron.spec.startingDeadlineSeconds !== undefined ? sim.now - cron.spec.startingDeadlineSeconds * 1000 : 0)
    let due: number | undefined
    let missed = 0
    for (let t = schedule.next(since); t !== undefined && t <= sim.now && missed < 200; t = schedule.next(t)) {
      due = t
      missed++
    }
    if (missed > 100) api.event(cron, 'Warning', 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew', component)
    const next = schedule.next(sim.now)
    if (next !== undefined && armed.get(key) !== next) {
      armed.set(key, next)
      context.after(next - sim.now + 100, () => queue.add(key), { background: true })
    }
    if (due === undefined) return same
    if (cron.spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
      api.event(cron, 'Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid', component)
      return same
    }
    if (cron.spec.concurrencyPolicy === 'Replace') {
      for (const a of active) {
        const job = own.find((j) => j.metadata.uid === a.uid)
        if (!job) continue
        tolerateGone(() => api.delete(jobs, job.metadata.namespace, job.metadata.name, { propagationPolicy: 'Background' }))
        api.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`, component)
      }
      active = []
    }
    const template = structuredCopy(cron.spec.jobTemplate)
    const job: Job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: `${cron.metadata.name}-${Math.floor(due / 60_000)}`,
        ...(cron.metadata.namespace !== undefined ? { namespace: cron.metadata.namespace } : {}),
        ...(template.metadata?.labels ? { labels: template.metadata.labels } : {}),
        annotations: { ...template.metadata?.annotations, [scheduledAnnotation]: zonedTimestamp(due, cron.spec.timeZone) },
        ownerReferences: [ownerReference({ ...cron, apiVersion: 'batch/v1', kind: 'CronJob' })],
      },
      spec: template.spec,
    }
    try {
      const created = api.create<Job>(jobs, job)
      api.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${created.metadata.name}`, component)
      const reference = { apiVersion: 'batch/v1', kind: 'Job', name: created.metadata.name, namespace: created.metadata.namespace, resourceVersion: created.metadata.resourceVersion, uid: created.metadata.uid }
      return { active: [...active, reference as { name: string; uid: string }], status: { ...status, lastScheduleTime: timestamp(due) } }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      if (error.status.reason === 'AlreadyExists') return { active, status: { ...status, lastScheduleTime: timestamp(due) } }
      api.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${error.message}`, component)
      throw error
    }
  }

  function cleanHistory(cron: CronJob, own: readonly Job[]): void {
    const trim = (list: Job[], limit: number | undefined) => {
      if (limit === undefined || list.length <= limit) return
      const oldest = [...list].sort((a, b) => ((a.status?.startTime ?? '') < (b.status?.startTime ?? '') ? -1 : 1)).slice(0, list.length - limit)
      for (const job of oldest) {
        if (job.metadata.deletionTimestamp !== undefined) continue
        tolerateGone(() => api.delete(jobs, job.metadata.namespace, job.metadata.name, { propagationPolicy: 'Background' }))
        api.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`, component)
      }
    }
    trim(own.filter((j) => condition(j, 'Complete')), cron.spec.successfulJobsHistoryLimit)
    trim(own.filter((j) => condition(j, 'Failed')), cron.spec.failedJobsHistoryLimit)
  }
}
