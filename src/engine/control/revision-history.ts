/** ControllerRevisions of DaemonSets and StatefulSets: what a template was, under a name that hashes it (pkg/controller/history). */
import type { ApiClient, KubeObject } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { controllerrevisions, type ControllerRevision } from '#engine/kinds/daemonset/types.ts'
import type { PodTemplate } from '#engine/kinds/pod/types.ts'
import { ownerReference } from './ownership.ts'
import { fnv32, safeEncode, storedJson } from './template-hash.ts'
import { utf8 } from './utf8.ts'

/** The patch that a revision holds. */
export function revisionData(template: PodTemplate): object {
  let data = revisionsOf.get(template)
  if (!data) {
    data = { spec: { template: { ...template, $patch: 'replace' } } }
    revisionsOf.set(template, data)
  }
  return data
}

/** By the identity of a stored template. */
const revisionsOf = new WeakMap<PodTemplate, object>()

export function revisionHash(data: object, collisions: number | undefined): string {
  const bytes = utf8(storedJson(data))
  if (collisions !== undefined) bytes.push(...utf8(String(collisions)))
  return safeEncode(String(fnv32(bytes)))
}

export function newRevision(owner: KubeObject, template: PodTemplate, revision: number, collisions: number | undefined, hashLabel: string): ControllerRevision {
  const data = revisionData(template)
  const hash = revisionHash(data, collisions)
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata.name}-${hash}`,
      ...(owner.metadata.namespace !== undefined ? { namespace: owner.metadata.namespace } : {}),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      annotations: revisionAnnotations(owner),
      ownerReferences: [ownerReference(owner)],
    },
    data,
    revision,
  }
}

function revisionAnnotations(owner: KubeObject): Record<string, string> {
  return { ...owner.metadata.annotations }
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
