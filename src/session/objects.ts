/** One object for the object panel: its YAML, its events, what owns it and what it owns. */
import { formatYaml } from '#base/yaml.ts'
import type { ObjectRef } from '#contract/session-api.ts'
import type { ClusterState } from './state.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { valueAt } from './values.ts'

export interface ObjectView {
  readonly yaml: string
  readonly events: readonly string[]
  readonly owners: readonly ObjectRef[]
  readonly owned: readonly ObjectRef[]
}

const refOf = (o: KubeObject): ObjectRef => ({ kind: o.kind, ...(o.metadata.namespace === undefined ? {} : { namespace: o.metadata.namespace }), name: o.metadata.name })

export function objectView(state: ClusterState, ref: ObjectRef): ObjectView | undefined {
  const all = state.objects()
  const object = all.find((o) => o.kind === ref.kind && o.metadata.name === ref.name && (ref.namespace === undefined || o.metadata.namespace === ref.namespace))
  if (!object) return undefined
  const { managedFields: _managed, ...metadata } = object.metadata
  const events = state
    .list('Event', { namespace: object.metadata.namespace })
    .filter((e) => valueAt(e, 'involvedObject', 'kind') === object.kind && valueAt(e, 'involvedObject', 'name') === object.metadata.name)
    .map((e) => `${String(e['type'])}  ${String(e['reason'])}  ${String(e['message'])}`)
  return {
    yaml: formatYaml({ ...object, metadata }),
    events,
    owners: (object.metadata.ownerReferences ?? []).map((o) => ({ kind: o.kind, ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }), name: o.name })),
    owned: all.filter((o) => o.metadata.ownerReferences?.some((r) => r.uid === object.metadata.uid) === true).map(refOf),
  }
}
