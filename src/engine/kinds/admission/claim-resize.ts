/** PersistentVolumeClaimResize: only bound claims grow, and only if their class lets them. */
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'
import * as status from '#engine/api/status.ts'

const sizeOf = (claim: Loose) => parseQuantity(String(claim.spec?.resources?.requests?.storage ?? '0'))!
const classOf = (claim: Loose): string => claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName ?? ''

export const claimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  validate({ operation, kind, subresource, name, object, old, context }) {
    if (kind.kind !== 'PersistentVolumeClaim' || operation !== 'UPDATE' || subresource !== '') return
    if (compareQuantities(sizeOf(object), sizeOf(old)) <= 0) return
    const refuse = (why: string) => status.forbidden({ group: '', resource: 'persistentvolumeclaims' }, name, why)
    if (old.status?.phase !== 'Bound') throw refuse('Only bound persistent volume claims can be expanded')
    const [now, before] = [classOf(object), classOf(old)]
    const storageClass = now !== '' && now === before ? (context.find('storageclasses.storage.k8s.io', '', now) as Loose) : undefined
    if (storageClass?.allowVolumeExpansion !== true) throw refuse('only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize')
  },
}
