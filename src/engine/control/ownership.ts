/** Controller references: who owns an object, adoption of orphans that match and release of those that no longer do. */
import type { ApiClient, GroupVersionResource, KubeObject, OwnerReference } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { selectorMatches, type LabelSelector } from '#engine/kinds/selectors.ts'

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((r) => r.controller === true)
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid
}

export function ownerReference(owner: KubeObject): OwnerReference {
  return { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid ?? '', controller: true, blockOwnerDeletion: true }
}

/** Index of an informer: the uid of the controlling owner. */
export const byOwner = 'owner'

export function ownerKeys(object: KubeObject): readonly string[] {
  const owner = controllerOf(object)
  return owner ? [owner.uid] : []
}

/** Index of an informer: namespaces of objects without a controller. */
export const orphans = 'orphans'

export function orphanKeys(object: KubeObject): readonly string[] {
  return controllerOf(object) ? [] : [object.metadata.namespace ?? '']
}

/**
 * The objects that `owner` controls after adopting matching orphans and releasing those whose labels no longer match.
 * Objects on their way out are kept while owned but never adopted.
 */
export function claim<T extends KubeObject>(api: ApiClient, gvr: GroupVersionResource, owner: KubeObject, selector: LabelSelector | undefined, owned: readonly T[], free: readonly T[]): T[] {
  const out: T[] = []
  for (const object of owned) {
    if (selectorMatches(selector, object.metadata.labels)) out.push(object)
    else if (owner.metadata.deletionTimestamp === undefined) release(api, gvr, owner, object)
  }
  if (owner.metadata.deletionTimestamp === undefined) {
    for (const object of free) {
      if (object.metadata.deletionTimestamp !== undefined || !selectorMatches(selector, object.metadata.labels)) continue
      const adopted = adopt(api, gvr, owner, object)
      if (adopted) out.push(adopted)
    }
  }
  return out
}

function adopt<T extends KubeObject>(api: ApiClient, gvr: GroupVersionResource, owner: KubeObject, object: T): T | undefined {
  return tolerateGone(() => api.patch<T>(gvr, object.metadata.namespace, object.metadata.name, { metadata: { ownerReferences: [...(object.metadata.ownerReferences ?? []), ownerReference(owner)], uid: object.metadata.uid } }, 'merge'))
}

function release(api: ApiClient, gvr: GroupVersionResource, owner: KubeObject, object: KubeObject): void {
  const rest = (object.metadata.ownerReferences ?? []).filter((r) => r.uid !== owner.metadata.uid)
  tolerateGone(() => api.patch(gvr, object.metadata.namespace, object.metadata.name, { metadata: { ownerReferences: rest.length > 0 ? rest : null, uid: object.metadata.uid } }, 'merge'))
}

/** Runs an API call; undefined when its object is not there any more. */
export function tolerateGone<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof StatusError && error.status.code === 404) return undefined
    throw error
  }
}

export function isConflict(error: unknown): boolean {
  return error instanceof StatusError && error.status.code === 409
}
