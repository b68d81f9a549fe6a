/** Names of the cluster's objects within a line of text. */
import type { MapSnapshot, ObjectRef } from '#contract/session-api.ts'

export interface FoundName {
  readonly start: number
  /** One past the last character. */
  readonly end: number
  readonly ref: ObjectRef
}

export function namesOf(map: MapSnapshot | undefined): ReadonlyMap<string, ObjectRef> {
  const out = new Map<string, ObjectRef>()
  for (const service of map?.services ?? []) out.set(service.name, { kind: 'Service', namespace: service.namespace, name: service.name })
  for (const node of map?.nodes ?? []) {
    out.set(node.name, { kind: 'Node', name: node.name })
    for (const pod of node.pods) out.set(pod.name, { kind: 'Pod', namespace: pod.namespace, name: pod.name })
  }
  return out
}

export function findNames(line: string, names: ReadonlyMap<string, ObjectRef>): FoundName[] {
  const found: FoundName[] = []
  for (const m of line.matchAll(/[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/g)) {
    const ref = names.get(m[0])
    if (ref) found.push({ start: m.index, end: m.index + m[0].length, ref })
  }
  return found
}
