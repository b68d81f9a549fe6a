/** Job, batch/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { Condition, PodTemplate } from '../pod/types.ts'
import type { LabelSelector } from '../selectors.ts'

export const jobs: GroupVersionResource = { group: 'batch', version: 'v1', resource: 'jobs' }

export interface JobSpec {
  parallelism?: number
  completions?: number
  activeDeadlineSeconds?: number
  backoffLimit?: number
  backoffLimitPerIndex?: number
  maxFailedIndexes?: number
  podFailurePolicy?: { rules: { action: string; onExitCodes?: { containerName?: string; operator: string; values: number[] }; onPodConditions?: { type: string; status?: string }[] }[] }
  successPolicy?: { rules: { succeededIndexes?: string; succeededCount?: number }[] }
  selector?: LabelSelector
  manualSelector?: boolean
  template: PodTemplate
  ttlSecondsAfterFinished?: number
  completionMode?: 'NonIndexed' | 'Indexed'
  suspend?: boolean
  podReplacementPolicy?: 'TerminatingOrFailed' | 'Failed'
  managedBy?: string
}

export interface Job extends KubeObject {
  spec: JobSpec
  status?: JobStatus
}

export interface JobStatus {
  conditions?: Condition[]
  startTime?: string
  completionTime?: string
  active?: number
  succeeded?: number
  failed?: number
  terminating?: number
  ready?: number
  completedIndexes?: string
  failedIndexes?: string
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] }
}
