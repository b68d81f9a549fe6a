/** The controller's caches: Gateway API objects and what they refer to; says when something has changed, and answers questions of references. */
import { fromBase64 } from '#base/bytes.ts'
import type { Loose } from '#engine/api/loose.ts'
import { matchesLabelSelector } from '#engine/api/label-selector.ts'
import { StatusError } from '#engine/api/types.ts'
import type { ApiClient, GroupVersionResource, Informer, KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import { gatewayGroup } from '../gateway-api/definitions.ts'
import { backendTlsPolicies, gatewayClasses, gateways, listenerSets, referenceGrants, routeKinds } from './types.ts'

const core = (resource: string): GroupVersionResource => ({ group: '', version: 'v1', resource })
export const deployments: GroupVersionResource = { group: 'apps', version: 'v1', resource: 'deployments' }
const definitions: GroupVersionResource = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' }

const optional = [gatewayClasses, gateways, listenerSets, referenceGrants, backendTlsPolicies, ...Object.values(routeKinds).map((k) => k.gvr)]
const always = [services, core('secrets'), core('configmaps'), core('namespaces'), deployments]

const nothing: readonly KubeObject[] = []

export class View {
  readonly #api: ApiClient
  readonly #changed: () => void
  readonly #informers = new Map<string, Informer<KubeObject>>()

  constructor(api: ApiClient, changed: () => void) {
    this.#api = api
    this.#changed = changed
    for (const gvr of always) this.#watch(gvr)
    const slices = api.informer(endpointslices)
    slices.addIndex('gateway-service', (s) => [`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
    this.#watch(endpointslices)
    const crds = api.informer(definitions)
    crds.onAdd((crd) => this.#served(crd))
    crds.onUpdate((crd) => this.#served(crd))
    for (const crd of crds.list()) this.#served(crd)
  }

  /** The kinds that matter are served. */
  get ready(): boolean {
    return this.#informers.has(gateways.resource) && this.#informers.has(gatewayClasses.resource)
  }

  serves(gvr: GroupVersionResource): boolean {
    return this.#informers.has(gvr.resource)
  }

  /** The version that the definitions say they are of. */
  get bundleVersion(): string | undefined {
    return this.#api.informer(definitions).get(undefined, `${gatewayClasses.resource}.${gatewayGroup}`)?.metadata.annotations?.[`${gatewayGroup}/bundle-version`]
  }

  #served(crd: KubeObject): void {
    const spec = crd['spec'] as { group?: string; names?: { plural?: string } } | undefined
    if (spec?.group !== gatewayGroup) return
    const gvr = optional.find((o) => o.resource === spec.names?.plural)
    if (gvr && !this.#informers.has(gvr.resource)) this.#watch(gvr)
    if (gvr === gatewayClasses) this.#changed()
  }

  #watch(gvr: GroupVersionResource): void {
    let informer: Informer<KubeObject>
    try {
      informer = this.#api.informer(gvr)
    } catch (error) {
      // Defined and not served yet: the definition's next change brings us back.
      if (error instanceof StatusError) return
      throw error
    }
    this.#informers.set(gvr.resource, informer)
    informer.onAdd(this.#changed)
    informer.onUpdate(this.#changed)
    informer.onDelete(this.#changed)
  }

  list(gvr: GroupVersionResource): readonly Loose[] {
    return this.#informers.get(gvr.resource)?.list() ?? nothing
  }

  get(gvr: GroupVersionResource, namespace: string | undefined, name: string): Loose {
    return this.#informers.get(gvr.resource)?.get(namespace, name)
  }

  service(namespace: string, name: string): Loose {
    return this.get(services, namespace, name)
  }

  /** Text of one key of a Secret. */
  secret(namespace: string, name: string): Record<string, string> | undefined {
    const data = this.get(core('secrets'), namespace, name)?.data
    return data === undefined ? (this.get(core('secrets'), namespace, name) ? {} : undefined) : Object.fromEntries(Object.entries(data as Record<string, string>).map(([k, v]) => [k, fromBase64(v) ?? '']))
  }

  configMap(namespace: string, name: string): Record<string, string> | undefined {
    const found = this.get(core('configmaps'), namespace, name)
    return found === undefined ? undefined : (found.data ?? {})
  }

  /** Does a `from: Same|All|Selector|None` of an object in `own` take objects of `other`? */
  allows(rule: { from?: string; selector?: Loose } | undefined, own: string, other: string, fallback: string): boolean {
    const from = rule?.from ?? fallback
    if (from === 'All') return true
    if (from === 'Same') return own === other
    if (from !== 'Selector') return false
    const labels = this.get(core('namespaces'), undefined, other)?.metadata.labels as Record<string, string> | undefined
    return rule?.selector !== undefined && matchesLabelSelector(rule.selector, labels ?? {})
  }

  /** A reference across namespaces needs a grant where it leads to. */
  permitted(from: { readonly group: string; readonly kind: string; readonly namespace: string }, to: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string }): boolean {
    if (from.namespace === to.namespace) return true
    return (this.#informers.get(referenceGrants.resource)?.list(to.namespace) ?? []).some((grant: Loose) =>
      (grant.spec?.from ?? []).some((f: Loose) => f.group === from.group && f.kind === from.kind && f.namespace === from.namespace) &&
      (grant.spec?.to ?? []).some((t: Loose) => (t.group ?? '') === to.group && t.kind === to.kind && (t.name === undefined || t.name === '' || t.name === to.name)))
  }

  /** Ready addresses behind a Service's port, `address:port`. */
  endpoints(service: Loose, port: Loose): string[] {
    const out = new Set<string>()
    const slices = this.#informers.get(endpointslices.resource)?.byIndex('gateway-service', `${service.metadata.namespace}/${service.metadata.name}`) ?? []
    for (const slice of slices as readonly Loose[]) {
      const number = (slice.ports ?? []).find((p: Loose) => (p.name ?? '') === (port.name ?? ''))?.port
      if (number === undefined) continue
      for (const e of slice.endpoints ?? []) if (e.conditions?.ready !== false && e.addresses[0] !== undefined) out.add(`${e.addresses[0]}:${number}`)
    }
    return [...out]
  }
}
