/** CronJob, batch/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { JobSpec } from '../job/types.ts'

export const cronjobs: GroupVersionResource = { group: 'batch', version: 'v1', resource: 'cronjobs' }

export interface CronJob extends KubeObject {
  spec: {
    schedule: string
    timeZone?: string
    startingDeadlineSeconds?: number
    concurrencyPolicy?: 'Allow' | 'Forbid' | 'Replace'
    suspend?: boolean
    jobTemplate: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; spec: JobSpec }
    successfulJobsHistoryLimit?: number
    failedJobsHistoryLimit?: number
  }
  status?: { active?: Record<string, unknown>[]; lastScheduleTime?: string; lastSuccessfulTime?: string }
}
