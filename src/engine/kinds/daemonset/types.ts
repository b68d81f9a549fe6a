/** DaemonSet and ControllerRevision, apps/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { IntOrPercent } from '../deployment/types.ts'
import type { Condition, PodTemplate } from '../pod/types.ts'
import type { LabelSelector } from '../selectors.ts'

export const daemonsets: GroupVersionResource = { group: 'apps', version: 'v1', resource: 'daemonsets' }
export const controllerrevisions: GroupVersionResource = { group: 'apps', version: 'v1', resource: 'controllerrevisions' }

export interface DaemonSet extends KubeObject {
  spec: {
    selector: LabelSelector
    template: PodTemplate
    updateStrategy?: { type?: string; rollingUpdate?: { maxUnavailable?: IntOrPercent; maxSurge?: IntOrPercent } }
    minReadySeconds?: number
    revisionHistoryLimit?: number
  }
  status?: DaemonSetStatus
}

export interface DaemonSetStatus {
  currentNumberScheduled: number
  numberMisscheduled: number
  desiredNumberScheduled: number
  numberReady: number
  observedGeneration?: number
  updatedNumberScheduled?: number
  numberAvailable?: number
  numberUnavailable?: number
  collisionCount?: number
  conditions?: Condition[]
}

export interface ControllerRevision extends KubeObject {
  data?: unknown
  revision: number
}
