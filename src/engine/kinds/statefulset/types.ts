/** StatefulSet, apps/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { IntOrPercent } from '../deployment/types.ts'
import type { PersistentVolumeClaim } from '../persistentvolumeclaim/types.ts'
import type { Condition, PodTemplate } from '../pod/types.ts'
import type { LabelSelector } from '../selectors.ts'

export const statefulsets: GroupVersionResource = { group: 'apps', version: 'v1', resource: 'statefulsets' }

export interface StatefulSet extends KubeObject {
  spec: {
    replicas?: number
    selector: LabelSelector
    template: PodTemplate
    serviceName?: string
    podManagementPolicy?: string
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number; maxUnavailable?: IntOrPercent } }
    volumeClaimTemplates?: PersistentVolumeClaim[]
    minReadySeconds?: number
    revisionHistoryLimit?: number
    ordinals?: { start?: number }
    persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string; whenScaled?: string }
  }
  status?: StatefulSetStatus
}

export interface StatefulSetStatus {
  observedGeneration?: number
  replicas: number
  readyReplicas?: number
  currentReplicas?: number
  updatedReplicas?: number
  currentRevision?: string
  updateRevision?: string
  collisionCount?: number
  availableReplicas: number
  conditions?: Condition[]
}
