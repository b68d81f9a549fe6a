/** PersistentVolumeClaim, core/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { Condition } from '../pod/types.ts'
import type { LabelSelector } from '../selectors.ts'

export const persistentvolumeclaims: GroupVersionResource = { group: '', version: 'v1', resource: 'persistentvolumeclaims' }

export interface PersistentVolumeClaim extends KubeObject {
  spec: {
    accessModes?: string[]
    resources?: { requests?: Record<string, string> }
    volumeName?: string
    storageClassName?: string
    volumeMode?: string
    selector?: LabelSelector
  }
  status?: { phase?: string; accessModes?: string[]; capacity?: Record<string, string>; conditions?: Condition[] }
}
