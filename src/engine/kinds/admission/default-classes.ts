/** DefaultStorageClass and DefaultIngressClass: who names no class gets the one that is marked as default. */
import type { AdmissionPlugin } from '#engine/api/admission.ts'
import type { Loose } from '#engine/api/loose.ts'

const newestFirst = (a: Loose, b: Loose) => (a.metadata.creationTimestamp === b.metadata.creationTimestamp ? (a.metadata.name < b.metadata.name ? -1 : 1) : a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1)

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  admit({ operation, kind, subresource, object, context }) {
    if (kind.kind !== 'PersistentVolumeClaim' || operation !== 'CREATE' || subresource !== '') return
    if (object.spec?.storageClassName !== undefined || object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return
    const classes = (context.all('storageclasses.storage.k8s.io') as Loose[]).filter((c) => ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some((a) => c.metadata.annotations?.[a] === 'true')).sort(newestFirst)
    if (classes[0]) object.spec.storageClassName = classes[0].metadata.name
  },
}

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  admit({ operation, kind, subresource, object, context }) {
    if (kind.kind !== 'Ingress' || operation !== 'CREATE' || subresource !== '') return
    if (object.spec?.ingressClassName !== undefined || object.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return
    const classes = (context.all('ingressclasses.networking.k8s.io') as Loose[]).filter((c) => c.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true').sort(newestFirst)
    if (classes[0]) object.spec = { ...object.spec, ingressClassName: classes[0].metadata.name }
  },
}
