/**
 * Keeps claims that pods use and volumes that are bound from going away: their finalizers are taken off only when nobody uses them any more
 * (pkg/controller/volume/pvcprotection and pvprotection). Upstream batches claims of a namespace; here each is looked at alone.
 */
import type { KubeObject } from '#engine/api/types.ts'
import { persistentvolumes, type PersistentVolume } from '#engine/kinds/persistentvolume/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { isPodFinished, pods, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

const claimFinalizer = 'kubernetes.io/pvc-protection'
const volumeFinalizer = 'kubernetes.io/pv-protection'
const byClaim = 'claim'

/** Keys of the claims that a pod uses: named ones and those of generic ephemeral volumes. */
function claimsOf(pod: Pod): string[] {
  const out: string[] = []
  for (const volume of pod.spec.volumes ?? []) {
    const source = volume as { name: string; persistentVolumeClaim?: { claimName?: string }; ephemeral?: unknown }
    const name = source.persistentVolumeClaim?.claimName ?? (source.ephemeral === undefined ? undefined : `${pod.metadata.name}-${source.name}`)
    if (name !== undefined) out.push(`${pod.metadata.namespace}/${name}`)
  }
  return out
}

const leaving = (object: KubeObject, finalizer: string) => object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(finalizer)

function without<T extends KubeObject>(object: T, finalizer: string): T {
  return { ...object, metadata: { ...object.metadata, finalizers: (object.metadata.finalizers ?? []).filter((f) => f !== finalizer) } }
}

export function startClaimProtection(context: ControllerContext): void {
  const { api } = context
  const claims = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
  const podCache = api.informer<Pod>(pods)
  podCache.addIndex(byClaim, claimsOf)
  const queue = context.queue(sync)
  const wake = (claim: PersistentVolumeClaim) => {
    if (leaving(claim, claimFinalizer)) queue.add(keyOf(claim))
  }
  claims.onAdd(wake)
  claims.onUpdate(wake)
  const left = (pod: Pod) => {
    for (const key of claimsOf(pod)) queue.add(key)
  }
  podCache.onUpdate((pod) => {
    if (isPodFinished(pod)) left(pod)
  })
  podCache.onDelete(left)

  function sync(key: string): void {
    const claim = claims.get(...splitKey(key))
    if (!claim || !leaving(claim, claimFinalizer)) return
    // A pod that no node has taken does not use its claims yet, nor does one that has ended.
    if (podCache.byIndex(byClaim, key).some((p) => p.spec.nodeName && !isPodFinished(p))) return
    tolerateGone(() => api.update<PersistentVolumeClaim>(persistentvolumeclaims, without(claim, claimFinalizer)))
  }
}

export function startVolumeProtection(context: ControllerContext): void {
  const { api } = context
  const volumes = api.informer<PersistentVolume>(persistentvolumes)
  const queue = context.queue((name) => {
    const volume = volumes.get(undefined, name)
    if (!volume || !leaving(volume, volumeFinalizer) || volume.status?.phase === 'Bound') return
    tolerateGone(() => api.update<PersistentVolume>(persistentvolumes, without(volume, volumeFinalizer)))
  })
  const wake = (volume: PersistentVolume) => {
    if (leaving(volume, volumeFinalizer)) queue.add(volume.metadata.name)
  }
  volumes.onAdd(wake)
  volumes.onUpdate(wake)
}
