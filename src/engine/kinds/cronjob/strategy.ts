/** CronJobs: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { podNameWarnings } from '../pod/warnings.ts'
import { jobSpecPodDefaults, jobSpecWarnings } from '../job/strategy.ts'

export const cronJobStrategy: Strategy & Partial<KindDefinition> = {
  defaults(c) {
    const spec = (c.spec ??= {})
    jobSpecPodDefaults(spec.jobTemplate?.spec)
    spec.concurrencyPolicy ||= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
  },
  warnings: (c, old) => [
    ...(old ? [] : podNameWarnings(c.metadata.name)),
    ...jobSpecWarnings(c.spec?.jobTemplate?.spec, old?.spec?.jobTemplate?.spec, 'spec.jobTemplate.spec'),
    ...(String(c.spec?.schedule).includes('TZ') ? ['cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones for more details'] : []),
  ],
  prepareForCreate(c) {
    c.status = {}
  },
  prepareForUpdate(c, old) {
    c.status = old.status
  },
}
