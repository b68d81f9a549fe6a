/** One object for the object panel: its YAML, its events, what owns it and what it owns. */
import { formatYaml } from '#base/yaml.ts'
import type { ObjectRef } from '#contract/session-api.ts'
import { hasApi } from './map.ts'
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

/** Kinds that change by themselves or that the server makes up: no list is the clearer for them. */
const unlisted = new Set(['Event', 'Lease', 'ControllerRevision', 'ClusterRole', 'ClusterRoleBinding', 'FlowSchema', 'PriorityLevelConfiguration', 'PriorityClass', 'APIService', 'ServiceCIDR', 'IPAddress', 'CertificateSigningRequest'])
/** What the server and its controllers put into every namespace. */
const made = new Set(['ServiceAccount default', 'ConfigMap kube-root-ca.crt', 'Service kubernetes', 'EndpointSlice kubernetes', 'Endpoints kubernetes'])
const systemNames = /^(kube-|system:|ingress-nginx$|gateway-system$|address-pool$|local-path-storage$)/
const usual = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'Pod', 'Service', 'Ingress', 'Gateway', 'HTTPRoute', 'NetworkPolicy', 'HorizontalPodAutoscaler', 'ConfigMap', 'Secret']

/** What the object panel lists: the learner's namespaces first, then nodes and what else has no namespace, then the system's. */
export function objectList(state: ClusterState): readonly ObjectRef[] {
  if (!hasApi(state)) return []
  const place = (o: KubeObject) => (made.has(`${o.kind} ${o.metadata.name}`) || systemNames.test(o.metadata.namespace ?? o.metadata.name) ? 2 : o.metadata.namespace === undefined ? 1 : 0)
  const kind = (o: KubeObject) => (usual.includes(o.kind) ? usual.indexOf(o.kind) : usual.length)
  const by = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return state
    .objects()
    .filter((o) => !unlisted.has(o.kind))
    .toSorted((a, b) => place(a) - place(b) || by(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || kind(a) - kind(b) || by(a.kind, b.kind) || by(a.metadata.name, b.metadata.name))
    .map(refOf)
}

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
