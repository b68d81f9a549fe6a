/** PersistentVolume, core/v1, and StorageClass, storage.k8s.io/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { ObjectReference } from '../endpoints/types.ts'
import type { NodeSelector } from '../selectors.ts'

export const persistentvolumes: GroupVersionResource = { group: '', version: 'v1', resource: 'persistentvolumes' }
export const storageclasses: GroupVersionResource = { group: 'storage.k8s.io', version: 'v1', resource: 'storageclasses' }

export interface PersistentVolume extends KubeObject {
  spec: {
    capacity?: Record<string, string>
    accessModes?: string[]
    claimRef?: ObjectReference
    persistentVolumeReclaimPolicy?: string
    storageClassName?: string
    volumeMode?: string
    nodeAffinity?: { required?: NodeSelector }
    hostPath?: { path: string; type?: string }
    local?: { path: string }
    [other: string]: unknown
  }
  status?: { phase?: string; message?: string; reason?: string; lastPhaseTransitionTime?: string }
}

export interface StorageClass extends KubeObject {
  provisioner: string
  reclaimPolicy?: string
  volumeBindingMode?: string
}
