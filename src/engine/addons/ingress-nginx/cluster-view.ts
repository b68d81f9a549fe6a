/** The controller's view of the API: which Ingresses are its own, which addresses stand behind a service's port, certificates of secrets. */
import { fromBase64 } from '#base/bytes.ts'
import type { ApiClient, Informer, KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { loadIdentity } from '#engine/machine/tls.ts'
import type { TlsIdentity } from '#engine/machine/tls.ts'
import { buildServers } from './router.ts'
import type { Server, Upstream } from './router.ts'
import { ingressClasses, ingresses, secrets } from './types.ts'
import type { Ingress, IngressClass } from './types.ts'

export const controllerName = 'k8s.io/ingress-nginx'

export class ClusterView {
  readonly ingresses: Informer<Ingress>
  readonly #classes: Informer<IngressClass>
  readonly #services: Informer<Service>
  readonly #slices: Informer<EndpointSlice>
  readonly #secrets: Informer<KubeObject>
  #servers: Map<string, Server> | undefined
  readonly #turns = new Map<string, number>()

  constructor(api: ApiClient) {
    this.ingresses = api.informer<Ingress>(ingresses)
    this.#classes = api.informer<IngressClass>(ingressClasses)
    this.#services = api.informer<Service>(services)
    this.#slices = api.informer<EndpointSlice>(endpointslices)
    this.#secrets = api.informer(secrets)
    this.#slices.addIndex('service', (s) => [`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
    const forget = () => {
      this.#servers = undefined
    }
    for (const informer of [this.ingresses, this.#classes] as const) {
      informer.onAdd(forget)
      informer.onUpdate(forget)
      informer.onDelete(forget)
    }
  }

  get synced(): boolean {
    return this.ingresses.synced && this.#classes.synced && this.#services.synced && this.#slices.synced
  }

  /** By class name, or by the old annotation. */
  owns(ingress: Ingress): boolean {
    const annotation = ingress.metadata.annotations?.['kubernetes.io/ingress.class']
    if (annotation !== undefined) return annotation === 'nginx'
    const name = ingress.spec.ingressClassName
    return name !== undefined && this.#classes.get(undefined, name)?.spec?.controller === controllerName
  }

  /** Made anew only after an Ingress or class has changed. */
  get servers(): Map<string, Server> {
    this.#servers ??= buildServers(this.ingresses.list().filter((i) => this.owns(i)))
    return this.#servers
  }

  /** Ready addresses of the upstream, `ip:port`. */
  endpoints(upstream: Upstream): { readonly ip: string; readonly port: number }[] {
    const service = this.#services.get(upstream.namespace, upstream.service)
    const port = service?.spec.ports?.find((p) => String(p.port) === upstream.port || p.name === upstream.port)
    if (!service || !port) return []
    const out = new Map<string, { ip: string; port: number }>()
    for (const slice of this.#slices.byIndex('service', `${upstream.namespace}/${upstream.service}`)) {
      const number = slice.ports?.find((p) => (p.name ?? '') === (port.name ?? ''))?.port
      if (number === undefined) continue
      for (const e of slice.endpoints ?? []) if (e.conditions?.ready !== false && e.addresses[0] !== undefined) out.set(`${e.addresses[0]}:${number}`, { ip: e.addresses[0], port: number })
    }
    return [...out.values()]
  }

  /** The upstream's addresses, beginning with the one whose turn it is. */
  balanced(upstream: Upstream): { readonly ip: string; readonly port: number }[] {
    const list = this.endpoints(upstream)
    if (list.length < 2) return list
    const key = `${upstream.namespace}/${upstream.service}/${upstream.port}`
    const turn = this.#turns.get(key) ?? 0
    this.#turns.set(key, turn + 1)
    return [...list.slice(turn % list.length), ...list.slice(0, turn % list.length)]
  }

  identity(secret: string | undefined): TlsIdentity | undefined {
    if (secret === undefined) return undefined
    const [namespace, name] = secret.split('/') as [string, string]
    const data = this.#secrets.get(namespace, name)?.['data'] as Record<string, string> | undefined
    const [certificate, key] = [fromBase64(data?.['tls.crt'] ?? ''), fromBase64(data?.['tls.key'] ?? '')]
    if (!certificate || !key) return undefined
    const loaded = loadIdentity(certificate, key)
    return loaded.ok ? loaded.identity : undefined
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(namespace, name)
  }
}
