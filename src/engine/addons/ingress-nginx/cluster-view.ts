/** The controller's view of the API: which Ingresses are its own, which addresses stand behind a service's port, certificates of secrets. */
import { fromBase64 } from '#base/bytes.ts'
import type { ApiClient, Informer, KubeObject } from '#engine/api/types.ts'
import { endpointslices } from '#engine/kinds/endpointslice/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import { services } from '#engine/kinds/service/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { loadIdentity } from '#engine/machine/tls.ts'
import type { TlsIdentity } from '#engine/machine/tls.ts'
import { screen } from './annotations.ts'
import { buildServers } from './router.ts'
import type { Server, Upstream } from './router.ts'
import { Settings } from './settings.ts'
import { configMaps, ingressClasses, ingresses, secrets } from './types.ts'
import type { Ingress, IngressClass } from './types.ts'

export const controllerName = 'k8s.io/ingress-nginx'

export class ClusterView {
  readonly ingresses: Informer<Ingress>
  readonly #classes: Informer<IngressClass>
  readonly #services: Informer<Service>
  readonly #slices: Informer<EndpointSlice>
  readonly #secrets: Informer<KubeObject>
  readonly #configMaps: Informer<KubeObject>
  readonly #changed: (() => void)[] = []
  /** `namespace/name` of the controller's own ConfigMap. */
  settingsKey: string | undefined
  /** --ingress-class, --controller-class, --watch-ingress-without-class, --ingress-class-by-name, --disable-catch-all. */
  claims = { className: 'nginx', controllerClass: controllerName, withoutClass: false, byName: false, noCatchAll: false }
  #settings: { readonly from: KubeObject | undefined; readonly settings: Settings } | undefined
  #servers: Map<string, Server> | undefined
  readonly #turns = new Map<string, number>()

  constructor(api: ApiClient) {
    this.ingresses = api.informer<Ingress>(ingresses)
    this.#classes = api.informer<IngressClass>(ingressClasses)
    this.#services = api.informer<Service>(services)
    this.#slices = api.informer<EndpointSlice>(endpointslices)
    this.#secrets = api.informer(secrets)
    this.#configMaps = api.informer(configMaps)
    this.#slices.addIndex('service', (s) => [`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`])
    const forget = () => {
      this.#servers = undefined
      for (const listener of this.#changed) listener()
    }
    const settings = (object: KubeObject) => {
      if (`${object.metadata.namespace}/${object.metadata.name}` === this.settingsKey) forget()
    }
    this.#configMaps.onAdd(settings)
    this.#configMaps.onUpdate(settings)
    this.#configMaps.onDelete(settings)
    for (const informer of [this.ingresses, this.#classes] as const) {
      informer.onAdd(forget)
      informer.onUpdate(forget)
      informer.onDelete(forget)
    }
  }

  get synced(): boolean {
    return this.ingresses.synced && this.#classes.synced && this.#services.synced && this.#slices.synced
  }

  /** By class name, or by the old annotation; as the controller's flags say. */
  owns(ingress: Ingress): boolean {
    const { className, controllerClass, withoutClass, byName, noCatchAll } = this.claims
    if (noCatchAll && ingress.spec.defaultBackend) return false
    const annotation = ingress.metadata.annotations?.['kubernetes.io/ingress.class']
    if (annotation !== undefined && annotation !== '') return annotation === className
    const name = ingress.spec.ingressClassName
    if (name === undefined) return withoutClass
    return (byName && name === className) || this.#classes.get(undefined, name)?.spec?.controller === controllerClass
  }

  /** Made anew only after an Ingress or class has changed. */
  get servers(): Map<string, Server> {
    this.#servers ??= buildServers(this.ingresses.list().filter((i) => this.owns(i)).flatMap((i) => this.#admitted(i)))
    return this.#servers
  }

  /** Calls back when hosts, paths or settings may have changed. */
  onChange(listener: () => void): void {
    this.#changed.push(listener)
  }

  get settings(): Settings {
    const [namespace, name] = (this.settingsKey ?? '/').split('/') as [string, string]
    const from = this.settingsKey === undefined ? undefined : this.#configMaps.get(namespace, name)
    if (!this.#settings || this.#settings.from !== from) this.#settings = { from, settings: new Settings((from?.['data'] ?? {}) as Record<string, string>) }
    return this.#settings.settings
  }

  /** The Ingress with the annotations that are let in; none where a risky one keeps it out. */
  #admitted(ingress: Ingress): Ingress[] {
    const screened = screen(ingress, this.settings)
    if (screened.refusal !== undefined) return []
    const { annotations: all = {}, ...metadata } = ingress.metadata
    const annotations = Object.fromEntries(Object.entries(all).filter(([k]) => !k.startsWith('nginx.ingress.kubernetes.io/') || k.slice(28) in screened.annotations))
    return [{ ...ingress, metadata: { ...metadata, annotations } }]
  }

  /** Text data of a Secret `namespace/name`. */
  secretData(key: string): Record<string, string> | undefined {
    const [namespace, name] = key.split('/') as [string, string]
    const found = this.#secrets.get(namespace, name)
    return found && Object.fromEntries(Object.entries((found['data'] ?? {}) as Record<string, string>).map(([k, v]) => [k, fromBase64(v) ?? '']))
  }

  configMapData(key: string): Record<string, string> | undefined {
    const [namespace, name] = key.split('/') as [string, string]
    const found = this.#configMaps.get(namespace, name)
    return found && ((found['data'] ?? {}) as Record<string, string>)
  }

  /** The Service's own address, for service-upstream. */
  clusterAddress(upstream: Upstream): { readonly ip: string; readonly port: number } | undefined {
    const service = this.#services.get(upstream.namespace, upstream.service)
    const port = service?.spec.ports?.find((p) => String(p.port) === upstream.port || p.name === upstream.port)
    return service?.spec.clusterIP && service.spec.clusterIP !== 'None' && port ? { ip: service.spec.clusterIP, port: port.port } : undefined
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
