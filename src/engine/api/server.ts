/**
 * The API server: `handle` answers REST requests, `client` gives in-process clients for controllers and node agents. Models kube-apiserver's
 * chain authenticate → authorize → admit → registry → encode; authentication of certificates happens in the caller, which knows the connection.
 * Leaves out: protobuf, API priority and fairness, audit.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { AdmissionPlugin } from './admission.ts'
import type { Aggregation, ExtensionRoad } from './aggregation.ts'
import { anonymous, type CertificateFacts, Tokens, userOfToken } from './authenticator.ts'
import { Client } from './client.ts'
import { Decoder } from './decode.ts'
import { Dispatcher } from './dispatcher.ts'
import { ManagedFields } from './managed-fields.ts'
import { Gate } from './gate.ts'
import { StoreInformer } from './informer.ts'
import { type KindDefinition, resourceKey, type RequestContext } from './kind.ts'
import { copy, type Loose } from './loose.ts'
import { RbacAuthorizer } from './rbac.ts'
import { Registry } from './registry.ts'
import { type RequestInfo, requestInfo } from './request-path.ts'
import { Rest } from './rest.ts'
import { Schemas } from './schema.ts'
import * as status from './status.ts'
import { Store } from './store.ts'
import { scaleOf, withScale } from './subresources.ts'
import { type ApiClient, type ApiRequest, type ApiResponse, type GroupVersionResource, type KubeObject, StatusError, type UserInfo } from './types.ts'

export interface ApiServerOptions {
  readonly sim: Sim
  readonly kinds: readonly KindDefinition[]
  /** Type texts of src/engine/kinds/generated/schemas.ts. */
  readonly schemas?: Readonly<Record<string, string>>
  /** Members of types in the order in which Go writes them. */
  readonly fieldOrder?: Readonly<Record<string, string>>
  readonly admission?: readonly AdmissionPlugin[] | ((server: ApiServer) => readonly AdmissionPlugin[])
  /** `v1.35.4` */
  readonly version?: string
  readonly serviceCidr?: string
  readonly nodePortRange?: readonly [first: number, last: number]
  /** `172.30.1.2:6443` */
  readonly advertiseAddress?: string
  /** Objects put into the store before anything else (bootstrap). */
  readonly bootstrap?: readonly KubeObject[]
  /** No RBAC: tests. */
  readonly allowAll?: boolean
}

export interface AuthorizationAttributes {
  readonly verb: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  /** For requests that are not about resources. */
  readonly path?: string
}

export type Authorizer = (user: UserInfo, attributes: AuthorizationAttributes) => boolean

/** Logs, exec, attach and port-forward are the kubelet's business: the cluster registers what carries a request to it. */
export interface NodeProxy {
  /** `subresource` is log, exec, attach, portforward or proxy; `object` the pod, service or node. */
  connect(request: ApiRequest, info: RequestInfo, object: KubeObject): ApiResponse
}

const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789'

export class ApiServer {
  readonly sim: Sim
  readonly store: Store
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly schemas: Schemas
  readonly options: ApiServerOptions
  /** Closed while no API server process runs; in-process clients then throw ApiUnreachable. */
  readonly gate = new Gate()
  nodeProxy: NodeProxy | undefined
  /** Groups of other servers; undefined: there are none. */
  aggregation: Aggregation | undefined
  /** How admission webhooks behind Services are reached; undefined: not at all. */
  webhookRoad: ExtensionRoad | undefined
  authorize: Authorizer
  readonly rbac: RbacAuthorizer
  readonly tokens: Tokens
  readonly #kinds = new Map<string, KindDefinition>()
  readonly #rest: Rest
  readonly #watches = new Set<() => void>()
  readonly #informers = new Map<string, StoreInformer>()
  readonly #random

  constructor(options: ApiServerOptions) {
    this.options = options
    this.sim = options.sim
    this.#random = options.sim.random.fork('apiserver')
    this.store = new Store()
    this.dispatcher = new Dispatcher(this.sim, this.store)
    this.schemas = new Schemas(options.schemas ?? {})
    for (const kind of options.kinds) this.addKind(kind)
    this.rbac = new RbacAuthorizer(this.store)
    this.authorize = options.allowAll ? () => true : (user, attributes) => this.rbac.allows(user, attributes)
    this.tokens = new Tokens(options.sim.seed)
    for (const object of options.bootstrap ?? []) this.seed(object)
    const admission = typeof options.admission === 'function' ? options.admission(this) : (options.admission ?? [])
    this.registry = new Registry(this.store, admission)
    const decoder = new Decoder(this.schemas)
    this.registry.fields = new ManagedFields(this.schemas, decoder)
    this.registry.settle = (kind, object) => {
      if (kind.schema !== undefined && this.schemas.has(kind.schema)) decoder.settle(kind.schema, object)
    }
    this.#rest = new Rest(this)
  }

  /** Puts an object into the store as it is, without admission or validation. */
  seed(object: KubeObject): KubeObject {
    const kind = [...this.#kinds.values()].find((k) => k.kind === object.kind && `${k.group === '' ? '' : k.group + '/'}${k.version}` === object.apiVersion)
    if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind}`)
    object.metadata.uid ??= this.uuid()
    object.metadata.creationTimestamp ??= this.now
    if (kind.hasGeneration) object.metadata.generation ??= 1
    return this.store.put(resourceKey(kind), object)
  }

  addKind(kind: KindDefinition): void {
    this.#kinds.set(`${kind.group}/${kind.version}/${kind.plural}`, kind)
  }

  removeKind(group: string, version: string, plural: string): void {
    this.#kinds.delete(`${group}/${version}/${plural}`)
  }

  get kinds(): readonly KindDefinition[] {
    return [...this.#kinds.values()]
  }

  kind(group: string, version: string, plural: string): KindDefinition | undefined {
    return this.#kinds.get(`${group}/${version}/${plural}`)
  }

  /** RFC 3339 with seconds, as metadata times are written. */
  get now(): string {
    return new Date(this.sim.now).toISOString().slice(0, 19) + 'Z'
  }

  uuid(): string {
    return this.#random.uuid()
  }

  context(user: UserInfo, namespace: string, subresource: string, options: { dryRun?: boolean; warnings?: string[]; manager?: string; patch?: 'patch' | 'apply' } = {}): RequestContext {
    return {
      user,
      dryRun: options.dryRun ?? false,
      now: this.now,
      namespace,
      subresource,
      ...(options.manager !== undefined ? { manager: options.manager } : {}),
      ...(options.patch ? { patch: options.patch } : {}),
      warnings: options.warnings ?? [],
      find: (resource, ns, name) => this.store.get(resource, ns ?? '', name),
      all: (resource, ns) => this.store.list(resource, ns),
      uuid: () => this.#random.uuid(),
      suffix: () => this.#random.letters(5, SUFFIX),
      random: (n) => this.#random.below(n),
      allowed: (attributes) => this.authorize(user, attributes),
    }
  }

  /** Who a connection speaks for. Throws 401 when it shows a token or certificate that is no good; nothing shown is system:anonymous. */
  authenticate(headers: ReadonlyMap<string, string>, certificate?: CertificateFacts): UserInfo {
    if (certificate) return { name: certificate.commonName, groups: [...certificate.organizations, 'system:authenticated'] }
    const bearer = /^bearer\s+(\S+)\s*$/i.exec(headers.get('authorization') ?? '')
    if (!bearer) return anonymous
    const user = userOfToken(this.tokens, this.store, bearer[1]!, this.sim.now)
    if (!user) throw status.unauthorized()
    return user
  }

  /** What a refusal adds after its sentence. */
  denialReason(user: UserInfo, attributes: AuthorizationAttributes): string {
    return this.options.allowAll ? '' : this.rbac.reason(user, attributes)
  }

  /** Why something is allowed, as access reviews tell. */
  grantReason(user: UserInfo, attributes: AuthorizationAttributes): string {
    return this.options.allowAll ? '' : this.rbac.grant(user, attributes)
  }

  /** A request as it comes off a connection: authenticated here, then handled. */
  serve(request: Omit<ApiRequest, 'user'>, certificate?: CertificateFacts): ApiResponse {
    let user: UserInfo
    try {
      user = this.authenticate(request.headers, certificate)
    } catch (error) {
      if (error instanceof StatusError) return this.#rest.failure(error.status)
      throw error
    }
    return this.handle({ ...request, user })
  }

  handle(request: ApiRequest): ApiResponse {
    const answer = this.#answer(request)
    // Nobody gets to see a body that goes with HEAD.
    return request.method === 'HEAD' && answer.kind === 'complete' ? { ...answer, body: '' } : answer
  }

  #answer(request: ApiRequest): ApiResponse {
    try {
      return this.#rest.handle(request, requestInfo(request))
    } catch (error) {
      if (error instanceof StatusError) return this.#rest.failure(error.status, this.#rest.warnings)
      throw error
    }
  }

  client(user: UserInfo, gate?: Gate): ApiClient {
    return new Client(this, user, gate ? Gate.all(this.gate, gate) : this.gate)
  }

  /** Changes an object, or one of its subresources, for in-process clients. */
  change(kind: KindDefinition, namespace: string, name: string, subresource: string, make: (old: KubeObject | undefined) => Loose, user: UserInfo, mayCreate?: boolean): KubeObject {
    return this.changeWith(kind, namespace, name, subresource, make, this.context(user, kind.namespaced ? namespace : '', subresource), mayCreate).object
  }

  changeWith(kind: KindDefinition, namespace: string, name: string, subresource: string, make: (old: KubeObject | undefined) => Loose, context: RequestContext, mayCreate?: boolean): { object: KubeObject; created: boolean } {
    if (subresource !== '' && !kind.subresources.some((s) => s.name === subresource)) throw status.pathNotFound()
    if (subresource === 'scale') {
      const done = this.registry.update(kind, namespace, name, (old) => withScale(kind, old!, make(scaleOf(kind, old!))), { ...context, subresource: '', managedAs: 'scale' }, { mayCreate: false })
      return { object: scaleOf(kind, done.object), created: false }
    }
    if (subresource === 'binding') {
      const pod = this.registry.get(kind, namespace, name)
      if ((pod as Loose).spec.nodeName) throw status.failure(409, 'Conflict', `Operation cannot be fulfilled on pods/binding ${JSON.stringify(name)}: pod ${name} is already assigned to node ${JSON.stringify((pod as Loose).spec.nodeName)}`, { name, kind: 'pods/binding' })
      return { object: this.registry.write(kind, make(pod), context), created: false }
    }
    if (subresource === 'finalize') {
      const old = this.registry.get(kind, namespace, name)
      const made = make(old)
      const next = { ...copy(old), spec: { ...(old as Loose).spec, finalizers: made.spec?.finalizers } } as Loose
      if (!(next.spec.finalizers?.length > 0)) delete next.spec.finalizers
      if (made.metadata.resourceVersion && made.metadata.resourceVersion !== old.metadata.resourceVersion) throw status.conflict({ group: kind.group, resource: kind.plural }, name, status.changed)
      if (context.dryRun) return { object: next, created: false }
      if (next.metadata.deletionTimestamp && !next.spec.finalizers && !(next.metadata.finalizers?.length > 0)) return { object: this.registry.drop(kind, next), created: false }
      return { object: this.registry.write(kind, next, context), created: false }
    }
    const change =
      subresource === 'status' || subresource === 'approval'
        ? (old: KubeObject | undefined) => {
            const made = make(old)
            return old ? { ...copy(old), metadata: { ...made.metadata }, status: made.status } : made
          }
        : subresource === 'resize'
          ? (old: KubeObject | undefined) => {
              const made = make(old)
              return old ? resized(old, made) : made
            }
        : subresource === 'ephemeralcontainers'
          ? (old: KubeObject | undefined) => {
              const made = make(old)
              return old ? { ...copy(old), metadata: { ...copy(old.metadata), resourceVersion: made.metadata.resourceVersion }, spec: { ...(copy(old) as Loose).spec, ephemeralContainers: made.spec?.ephemeralContainers } } : made
            }
          : make
    return this.registry.update(kind, namespace, name, change, context, subresource !== '' ? { mayCreate: false } : mayCreate === undefined ? {} : { mayCreate })
  }

  /** Ends all watches, as a stopping server does. */
  closeWatches(): void {
    for (const end of [...this.#watches]) end()
  }

  beginWatch(end: () => void): void {
    this.#watches.add(end)
  }

  endWatch(end: () => void): void {
    this.#watches.delete(end)
  }

  /** One informer per resource and gate. */
  informer(gvr: GroupVersionResource, gate: Gate): StoreInformer {
    const kind = this.kind(gvr.group, gvr.version, gvr.resource)
    if (!kind) throw status.pathNotFound()
    const make = () => {
      const { alias } = kind
      return new StoreInformer({ store: this.store, dispatcher: this.dispatcher, resource: alias?.resource ?? resourceKey(kind), gate, ...(alias ? { convert: alias.fromStorage } : {}) })
    }
    if (gate !== this.gate) return make()
    const key = `${gvr.group}/${gvr.version}/${gvr.resource}`
    let informer = this.#informers.get(key)
    if (!informer) this.#informers.set(key, (informer = make()))
    return informer
  }
}

/** Of a resize request only resources and what belongs to them count. */
function resized(old: Loose, made: Loose): Loose {
  const containers = (field: string) =>
    old.spec[field]?.map((c: Loose) => {
      const wanted = (made.spec?.[field] ?? []).find((m: Loose) => m.name === c.name)
      const { resources: _r, resizePolicy: _p, ...rest } = c
      return wanted ? { ...rest, ...(wanted.resources ? { resources: wanted.resources } : {}), ...(wanted.resizePolicy ? { resizePolicy: wanted.resizePolicy } : {}) } : c
    })
  const init = containers('initContainers')
  return { ...copy(old), metadata: { ...copy(old.metadata), resourceVersion: made.metadata.resourceVersion }, spec: { ...copy(old.spec), containers: containers('containers'), ...(init ? { initContainers: init } : {}), ...(made.spec?.resources ? { resources: made.spec.resources } : {}) } }
}
