/** Deployment, apps/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { Condition, PodTemplate } from '../pod/types.ts'
import type { LabelSelector } from '../selectors.ts'

export const deployments: GroupVersionResource = { group: 'apps', version: 'v1', resource: 'deployments' }

export type IntOrPercent = number | string

export interface Deployment extends KubeObject {
  spec: {
    replicas?: number
    selector: LabelSelector
    template: PodTemplate
    strategy?: { type?: string; rollingUpdate?: { maxSurge?: IntOrPercent; maxUnavailable?: IntOrPercent } }
    minReadySeconds?: number
    revisionHistoryLimit?: number
    paused?: boolean
    progressDeadlineSeconds?: number
  }
  status?: DeploymentStatus
}

export interface DeploymentStatus {
  observedGeneration?: number
  replicas?: number
  updatedReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  unavailableReplicas?: number
  terminatingReplicas?: number
  conditions?: Condition[]
  collisionCount?: number
}
