/**
 * Groups that other servers serve (kube-aggregator): an APIService names the Service behind a group and version, requests go there, and the
 * object's condition says whether it answers. How a server is reached is the cluster's business. Leaves out: mounting several versions by priority.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { Loose } from './loose.ts'
import type { RequestInfo } from './request-path.ts'
import type { ApiServer } from './server.ts'
import * as status from './status.ts'
import type { StoreEvent } from './store.ts'
import { type ApiRequest, type ApiResponse, type GroupVersionResource, type KubeObject, type ListOptions, type UserInfo } from './types.ts'

/** A server at the end of the road. Answers requests that are authorised already. */
export type ExtensionServer = (request: ApiRequest) => ApiResponse

/** Looks for the server behind an address of a Service; the text is Go's reason why it is not reached. */
export type ExtensionRoad = (address: string, port: number) => ExtensionServer | string

const resource = 'apiservices.apiregistration.k8s.io'
const slices = 'endpointslices.discovery.k8s.io'
const serviceLabel = 'kubernetes.io/service-name'
/** Virtual ms after which a service that does not answer is asked again. */
const retry = 5000

interface Availability {
  readonly ok: boolean
  readonly reason: string
  readonly message: string
}

const passed: Availability = { ok: true, reason: 'Passed', message: 'all checks passed' }

export class Aggregation {
  readonly #server: ApiServer
  readonly #sim: Sim
  readonly #road: ExtensionRoad
  /** Name of the APIService → group/version. */
  readonly #served = new Map<string, string>()
  #listening = false
  #pending = false

  constructor(server: ApiServer, road: ExtensionRoad) {
    this.#server = server
    this.#sim = server.sim
    this.#road = road
    server.store.onEvent((event) => {
      if (event.resource === resource) this.#seen(event)
    })
  }

  /** Groups with their versions, as discovery lists them. */
  groups(): ReadonlyMap<string, readonly string[]> {
    const out = new Map<string, string[]>()
    for (const text of this.#served.values()) {
      const [group = '', version = ''] = text.split('/')
      out.set(group, [...(out.get(group) ?? []), version])
    }
    return out
  }

  serves(group: string, version: string): boolean {
    return this.#find(group, version) !== undefined
  }

  /** undefined: no other server is responsible. */
  handle(request: ApiRequest, info: Pick<RequestInfo, 'group' | 'version'>): ApiResponse | undefined {
    const object = this.#find(info.group, info.version)
    if (!object) return undefined
    const unavailable: ApiResponse = { kind: 'complete', code: 503, headers: new Map([['content-type', 'text/plain; charset=utf-8']]), body: 'service unavailable\n' }
    if (!isAvailable(object)) return unavailable
    const found = this.#reach(object)
    if (typeof found === 'function') return found(request)
    this.#check()
    return { ...unavailable, body: `error trying to reach service: ${found.message}\n` }
  }

  /** For in-process clients, with the errors that client-go makes of such answers. */
  list(user: UserInfo, gvr: GroupVersionResource, options: ListOptions): readonly KubeObject[] | undefined {
    const query = new Map<string, readonly string[]>()
    if (options.labelSelector) query.set('labelSelector', [options.labelSelector])
    if (options.fieldSelector) query.set('fieldSelector', [options.fieldSelector])
    const path = `/apis/${gvr.group}/${gvr.version}/${options.namespace ? `namespaces/${options.namespace}/` : ''}${gvr.resource}`
    const answer = this.handle({ method: 'GET', path, query, headers: new Map(), body: '', user }, gvr)
    if (!answer) return undefined
    if (answer.kind === 'complete' && answer.code === 200) return (JSON.parse(answer.body) as Loose).items
    throw status.failure(503, 'ServiceUnavailable', `the server is currently unable to handle the request (get ${gvr.resource}.${gvr.group})`)
  }

  #find(group: string, version: string): Loose | undefined {
    for (const [name, text] of this.#served) if (text === `${group}/${version}`) return this.#server.store.get(resource, '', name)
    return undefined
  }

  #seen({ type, object }: StoreEvent): void {
    const { spec, metadata } = object as Loose
    if (type === 'DELETED' || !spec?.service) return void this.#served.delete(metadata.name)
    this.#served.set(metadata.name, `${spec.group}/${spec.version}`)
    this.#listen()
    this.#check()
  }

  /** The first such object starts the watch of what is behind them. */
  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    const concerns = (namespace: string | undefined, name: string | undefined) => [...this.#served.keys()].some((own) => {
      const { service } = ((this.#server.store.get(resource, '', own) ?? {}) as Loose).spec ?? {}
      return service?.namespace === namespace && service?.name === name
    })
    this.#server.dispatcher.listen('services', ({ object }) => concerns(object.metadata.namespace, object.metadata.name) && this.#check())
    this.#server.dispatcher.listen(slices, ({ object }) => concerns(object.metadata.namespace, object.metadata.labels?.[serviceLabel]) && this.#check())
  }

  #check(): void {
    if (this.#pending) return
    this.#pending = true
    this.#sim.after(0, () => {
      this.#pending = false
      this.#checkAll()
    })
  }

  #checkAll(): void {
    let lost = false
    for (const name of this.#served.keys()) {
      const object = this.#server.store.get(resource, '', name) as Loose
      const { ok, reason, message } = this.#availability(object)
      lost ||= !ok && reason === 'FailedDiscoveryCheck'
      const old = object.status?.conditions?.find((c: Loose) => c.type === 'Available')
      if (old?.status === (ok ? 'True' : 'False') && old.reason === reason && old.message === message) continue
      const since = old?.status === (ok ? 'True' : 'False') ? old.lastTransitionTime : this.#server.now
      const condition = { lastTransitionTime: since, message, reason, status: ok ? 'True' : 'False', type: 'Available' }
      this.#server.store.put(resource, { ...object, metadata: { ...object.metadata }, status: { ...object.status, conditions: [condition] } } as never)
    }
    if (lost) this.#sim.after(retry, () => this.#checkAll(), { quiet: true })
  }

  #availability(object: Loose): Availability {
    const found = this.#reach(object)
    return typeof found === 'function' ? passed : found
  }

  #reach({ spec }: Loose): ExtensionServer | Availability {
    const { namespace, name, port = 443 } = spec.service
    const fail = (reason: string, message: string): Availability => ({ ok: false, reason, message })
    const service = this.#server.store.get('services', namespace, name) as Loose
    if (!service) return fail('ServiceNotFound', `service/${name} in ${JSON.stringify(namespace)} is not present`)
    if (service.spec.type === 'ExternalName') return fail('FailedDiscoveryCheck', `services of type ExternalName are not followed`)
    const own = service.spec.ports?.find((p: Loose) => p.port === port)
    if (!own) return fail('ServicePortError', `service/${name} in ${JSON.stringify(namespace)} is not listening on port ${port}`)
    const ready = (this.#server.store.list(slices, namespace) as readonly Loose[]).some((s) => s.metadata.labels?.[serviceLabel] === name && (s.ports ?? []).some((p: Loose) => (p.name ?? '') === (own.name ?? '')) && (s.endpoints ?? []).some((e: Loose) => e.conditions?.ready !== false))
    if (!ready) return fail('MissingEndpoints', `endpoints for service/${name} in ${JSON.stringify(namespace)} have no addresses with port name ${JSON.stringify(own.name ?? '')}`)
    const found = this.#road(service.spec.clusterIP, port)
    if (typeof found === 'function') return found
    const url = `https://${service.spec.clusterIP}:${port}/apis/${spec.group}/${spec.version}`
    return fail('FailedDiscoveryCheck', `failing or missing response from ${url}: Get "${url}": ${found}`)
  }
}

function isAvailable(object: Loose): boolean {
  return object.status?.conditions?.some((c: Loose) => c.type === 'Available' && c.status === 'True') ?? false
}
