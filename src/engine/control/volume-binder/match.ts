/** Which volume suits a claim (component-helpers volume.FindMatchingVolume): class, modes, size, selector; the smallest wins. */
import { amount } from '#engine/kinds/pod/requests.ts'
import type { PersistentVolume } from '#engine/kinds/persistentvolume/types.ts'
import type { PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { selectorMatches } from '#engine/kinds/selectors.ts'

export function refersTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec.claimRef
  return ref?.namespace === claim.metadata.namespace && ref?.name === claim.metadata.name && (ref?.uid === undefined || ref.uid === '' || ref.uid === claim.metadata.uid)
}

export function volumeSize(volume: PersistentVolume): number {
  return amount('storage', volume.spec.capacity?.['storage'] ?? '0')
}

export function volumeFits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (volume.metadata.deletionTimestamp !== undefined) return false
  if (volume.spec.claimRef ? !refersTo(volume, claim) : volume.status?.phase !== undefined && volume.status.phase !== 'Available') return false
  if ((volume.spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? '')) return false
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return false
  if (!(claim.spec.accessModes ?? []).every((m) => volume.spec.accessModes?.includes(m))) return false
  if (volumeSize(volume) < amount('storage', claim.spec.resources?.requests?.['storage'] ?? '0')) return false
  return !claim.spec.selector || selectorMatches(claim.spec.selector, volume.metadata.labels)
}

/** What keeps a claim from the volume that it names; undefined: nothing. */
export function mismatchOf(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volumeSize(volume) < amount('storage', claim.spec.resources?.requests?.['storage'] ?? '0')) return 'requested PV is too small'
  if ((volume.spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? '')) return 'storageClassName does not match'
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return 'incompatible volumeMode'
  return (claim.spec.accessModes ?? []).every((m) => volume.spec.accessModes?.includes(m)) ? undefined : 'incompatible accessMode'
}
