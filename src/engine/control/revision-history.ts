/** ControllerRevisions of DaemonSets and StatefulSets: what a template was, under a name that hashes it (pkg/controller/history). */
import { encodeBytes } from '#base/bytes.ts'
import type { ApiClient, KubeObject } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { controllerrevisions, type ControllerRevision } from '#engine/kinds/daemonset/types.ts'
import type { PodTemplate } from '#engine/kinds/pod/types.ts'
import { fnv32 } from './fnv.ts'
import { ownerReference } from './ownership.ts'
import { safeEncode, storedJson } from './template-hash.ts'

/** The patch that a revision holds. */
export function revisionData(template: PodTemplate): object {
  let data = revisionsOf.get(template)
  if (!data) {
    // Go writes a container's resources even when there are none.
    const full = (list: PodTemplate['spec']['containers']) => list.map((c) => ({ ...c, resources: c.resources ?? {} }))
    const spec = { ...template.spec, containers: full(template.spec.containers), ...(template.spec.initContainers ? { initContainers: full(template.spec.initContainers) } : {}) }
    data = { spec: { template: { ...template, spec, $patch: 'replace' } } }
    revisionsOf.set(template, data)
  }
  return data
}

/** By the identity of a stored template. */
const revisionsOf = new WeakMap<PodTemplate, object>()

/** A StatefulSet's revision is named by its data and the number of collisions (history.HashControllerRevision). */
export function revisionHash(data: object, collisions: number): string {
  return safeEncode(String(fnv32(encodeBytes(storedJson(data) + String(collisions)))))
}

export function newRevision(owner: KubeObject, template: PodTemplate, revision: number, hash: string, hashLabel: string): ControllerRevision {
  const annotations = { ...owner.metadata.annotations }
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata.name}-${hash}`,
      ...(owner.metadata.namespace !== undefined ? { namespace: owner.metadata.namespace } : {}),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ownerReferences: [ownerReference(owner)],
    },
    data: revisionData(template),
    revision,
  }
}

export function sameData(a: ControllerRevision, b: ControllerRevision): boolean {
  return storedJson(a.data as object) === storedJson(b.data as object)
}

/** Creates it, or answers the equal one that exists; undefined on a collision of names. */
export function createRevision(api: ApiClient, revision: ControllerRevision): ControllerRevision | undefined {
  try {
    return api.create(controllerrevisions, revision)
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.reason !== 'AlreadyExists') throw error
    const existing = api.get<ControllerRevision>(controllerrevisions, revision.metadata.namespace, revision.metadata.name)
    return sameData(existing, revision) ? existing : undefined
  }
}
