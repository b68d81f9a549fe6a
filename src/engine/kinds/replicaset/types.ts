/** ReplicaSet, apps/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { Condition, PodTemplate } from '../pod/types.ts'
import type { LabelSelector } from '../selectors.ts'

export const replicasets: GroupVersionResource = { group: 'apps', version: 'v1', resource: 'replicasets' }

export interface ReplicaSet extends KubeObject {
  spec: { replicas?: number; minReadySeconds?: number; selector: LabelSelector; template: PodTemplate }
  status?: ReplicaSetStatus
}

export interface ReplicaSetStatus {
  replicas: number
  fullyLabeledReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  terminatingReplicas?: number
  observedGeneration?: number
  conditions?: Condition[]
}
