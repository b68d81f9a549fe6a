/** Makes the claims of pods' generic ephemeral volumes; they belong to their pod and go with it (pkg/controller/volume/ephemeral). */
import { StatusError } from '#engine/api/types.ts'
import { persistentvolumeclaims, type PersistentVolumeClaim } from '#engine/kinds/persistentvolumeclaim/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { isControlledBy, ownerReference } from '../ownership.ts'
import { isNamespaceTerminating, structuredCopy } from '../pod-control.ts'

const component = 'ephemeral_volume'

interface Template {
  readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> }
  readonly spec: PersistentVolumeClaim['spec']
}

export function startEphemeralVolumeController(context: ControllerContext): void {
  const { api } = context
  const cache = api.informer<Pod>(pods)
  const claims = api.informer<PersistentVolumeClaim>(persistentvolumeclaims)
  const volumesOf = (pod: Pod) => (pod.spec.volumes ?? []).flatMap((v) => (v.ephemeral ? [{ name: `${pod.metadata.name}-${v.name}`, template: (v.ephemeral as { volumeClaimTemplate?: Template }).volumeClaimTemplate }] : []))
  const queue = context.queue((key) => {
    const pod = cache.get(...splitKey(key))
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return
    for (const { name, template } of volumesOf(pod)) {
      const known = claims.get(pod.metadata.namespace, name)
      if (known) {
        if (!isControlledBy(known, pod)) api.event(pod, 'Warning', 'FailedBinding', `ephemeral volume: PVC ${pod.metadata.namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`, component)
        continue
      }
      const { labels, annotations } = template?.metadata ?? {}
      try {
        api.create<PersistentVolumeClaim>(persistentvolumeclaims, {
          apiVersion: 'v1', kind: 'PersistentVolumeClaim',
          metadata: { name, ...(pod.metadata.namespace !== undefined ? { namespace: pod.metadata.namespace } : {}), ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}), ownerReferences: [ownerReference({ ...pod, apiVersion: 'v1', kind: 'Pod' })] },
          spec: structuredCopy(template?.spec ?? {}),
        })
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        if (isNamespaceTerminating(error)) return
        api.event(pod, 'Warning', 'FailedBinding', `ephemeral volume: create PVC ${name}: ${error.message}`, component)
        throw error
      }
    }
  })
  const consider = (pod: Pod) => {
    if (pod.spec.volumes?.some((v) => v.ephemeral)) queue.add(keyOf(pod))
  }
  cache.onAdd(consider)
  claims.onDelete((claim) => {
    const owner = claim.metadata.ownerReferences?.find((r) => r.controller && r.kind === 'Pod')
    if (owner) queue.add(`${claim.metadata.namespace}/${owner.name}`)
  })
}
