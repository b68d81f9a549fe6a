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
  for (const pod of map?.unplaced ?? []) out.set(pod.name, { kind: 'Pod', namespace: pod.namespace, name: pod.name })
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

export interface TextPart {
  readonly text: string
  readonly ref?: ObjectRef
}

/** A sentence cut at every `namespace/name` that is a pod or a Service of the cluster; the word before it decides between the two. */
export function splitNames(text: string, map: MapSnapshot | undefined): readonly TextPart[] {
  if (!map) return [{ text }]
  const parts: TextPart[] = []
  let from = 0
  for (const m of text.matchAll(/([a-z0-9][a-z0-9-]*)\/([a-z0-9][a-z0-9-]*)/g)) {
    const [whole, namespace, name] = m as unknown as [string, string, string]
    const pod = map.nodes.some((n) => n.pods.some((p) => p.namespace === namespace && p.name === name))
    const service = map.services.some((s) => s.namespace === namespace && s.name === name)
    if (!pod && !service) continue
    const kind = pod && !(service && /service\s*$/i.test(text.slice(0, m.index))) ? 'Pod' : 'Service'
    if (m.index > from) parts.push({ text: text.slice(from, m.index) })
    parts.push({ text: whole, ref: { kind, namespace, name } })
    from = m.index + whole.length
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from) })
  return parts
}
