/** CronJobs: defaults and strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { jobSpecPodDefaults } from '../job/strategy.ts'

export const cronJobStrategy: Strategy & Partial<KindDefinition> = {
  defaults(c) {
    const spec = (c.spec ??= {})
    jobSpecPodDefaults(spec.jobTemplate?.spec)
    spec.concurrencyPolicy ||= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
  },
  prepareForCreate(c) {
    c.status = {}
  },
  prepareForUpdate(c, old) {
    c.status = old.status
  },
}
