/** The in-process client: the same registry and authorizer as REST, without encoding. Events are counted as client-go's recorder does. */
import type { ApiServer } from './server.ts'
import type { Gate } from './gate.ts'
import type { StoreInformer } from './informer.ts'
import { type KindDefinition, resourceKey } from './kind.ts'
import { copy, type Loose } from './loose.ts'
import { parseFieldSelector, matchesFields } from './field-selector.ts'
import { matches, parseSelector } from './label-selector.ts'
import { EventRecorder } from './event-recorder.ts'
import { forbiddenError } from './forbidden.ts'
import { applyPatch } from './patch.ts'
import { managerOf } from './managed-fields.ts'
import * as status from './status.ts'
import { reviews } from './reviews.ts'
import { createSubresources, scaleOf } from './subresources.ts'
import { type ApiClient, ApiUnreachable, type GroupVersionResource, type Informer, type KubeObject, type ListOptions, type UserInfo } from './types.ts'

type DeleteOptions = Parameters<ApiClient['delete']>[3]

export class Client implements ApiClient {
  readonly #server: ApiServer
  readonly #user: UserInfo
  readonly #gate: Gate
  readonly #recorder: EventRecorder
  readonly #informers = new Map<string, StoreInformer>()

  constructor(server: ApiServer, user: UserInfo, gate: Gate) {
    this.#server = server
    this.#user = user
    this.#gate = gate
    this.#recorder = new EventRecorder(server.sim, this)
  }

  #enter(gvr: GroupVersionResource, verb: string, namespace: string | undefined, name: string | undefined, subresource?: string): KindDefinition {
    if (!this.#gate.open) throw new ApiUnreachable(this.#gate.reason)
    const kind = this.#server.kind(gvr.group, gvr.version, gvr.resource)
    if (!kind) throw status.pathNotFound()
    this.#authorize(gvr, verb, namespace, name, subresource)
    return kind
  }

  #authorize(gvr: GroupVersionResource, verb: string, namespace: string | undefined, name: string | undefined, subresource?: string): void {
    const attributes = { verb, group: gvr.group, resource: gvr.resource, ...(subresource ? { subresource } : {}), ...(namespace ? { namespace } : {}), ...(name ? { name } : {}) }
    if (!this.#server.authorize(this.#user, attributes)) throw forbiddenError(this.#user, attributes, this.#server.denialReason(this.#user, attributes))
  }

  get<T extends KubeObject>(gvr: GroupVersionResource, namespace: string | undefined, name: string): T {
    const [resource = '', subresource] = gvr.resource.split('/')
    const kind = this.#enter(subresource === undefined ? gvr : { ...gvr, resource }, 'get', namespace, name, subresource)
    const object = this.#server.registry.get(kind, namespace, name)
    if (subresource === undefined) return object as T
    if (subresource !== 'scale' || !kind.scale) throw status.pathNotFound()
    return scaleOf(kind, object) as T
  }

  list<T extends KubeObject>(gvr: GroupVersionResource, options: ListOptions = {}): readonly T[] {
    if (this.#server.aggregation?.serves(gvr.group, gvr.version) && this.#gate.open) {
      this.#authorize(gvr, 'list', options.namespace, undefined)
      return this.#server.aggregation.list(this.#user, gvr, options) as readonly T[]
    }
    const kind = this.#enter(gvr, 'list', options.namespace, undefined)
    let objects = this.#server.registry.list(kind, options.namespace)
    if (options.labelSelector) {
      const selector = parseSelector(options.labelSelector)
      objects = objects.filter((o) => matches(selector, o.metadata.labels))
    }
    if (options.fieldSelector) {
      const fields = parseFieldSelector(options.fieldSelector)
      if (typeof fields === 'string') throw status.badRequest(fields)
      objects = objects.filter((o) => matchesFields(fields, kind, o))
    }
    return objects as readonly T[]
  }

  create<T extends KubeObject>(gvr: GroupVersionResource, object: T): T {
    const { namespace } = object.metadata
    const [resource = '', subresource] = gvr.resource.split('/')
    const kind = this.#enter({ ...gvr, resource }, 'create', namespace, subresource ? object.metadata.name : undefined, subresource)
    const context = this.#server.context(this.#user, kind.namespaced ? (namespace ?? '') : '', '')
    if (subresource) {
      const sub = createSubresources[`${resourceKey(kind)}/${subresource}`]
      if (!sub) throw status.pathNotFound()
      return sub.run(this.#server, this.#server.registry.get(kind, namespace, object.metadata.name), object, context).object as unknown as T
    }
    if (kind.kind === 'Binding') return createSubresources['pods/binding']!.run(this.#server, this.#server.registry.get(this.#server.kind('', 'v1', 'pods')!, namespace, object.metadata.name), object, context).object as unknown as T
    const review = reviews[kind.kind]
    if (review) {
      const own = this.#own(kind, object)
      review(this.#server, kind, own, context)
      return own
    }
    return this.#server.registry.create(kind, this.#own(kind, object), context) as T
  }

  #own(kind: KindDefinition, object: KubeObject): Loose {
    const own = copy(object) as Loose
    own.kind = kind.kind
    own.apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    return own
  }

  update<T extends KubeObject>(gvr: GroupVersionResource, object: T, subresource = ''): T {
    const { namespace = '', name } = object.metadata
    const kind = this.#enter(gvr, 'update', namespace, name, subresource)
    return this.#server.change(kind, namespace, name, subresource, () => this.#own(kind, object), this.#user) as T
  }

  patch<T extends KubeObject>(gvr: GroupVersionResource, namespace: string | undefined, name: string, patch: unknown, type: 'merge' | 'strategic' | 'json' | 'apply', subresource = ''): T {
    const kind = this.#enter(gvr, 'patch', namespace, name, subresource)
    const server = this.#server
    const context = server.context(this.#user, kind.namespaced ? (namespace ?? '') : '', subresource, { patch: type === 'apply' ? 'apply' : 'patch' })
    const change = (old: KubeObject | undefined) => {
      if (type !== 'apply') return applyPatch(server.schemas, kind, old!, patch, type)
      return server.registry.fields!.apply(kind, old, patch, { manager: managerOf(this.#user.name), subresource, now: server.now }, true)
    }
    return server.changeWith(kind, namespace ?? '', name, subresource, change, context, type === 'apply').object as T
  }

  delete(gvr: GroupVersionResource, namespace: string | undefined, name: string, options: DeleteOptions = {}): void {
    const kind = this.#enter(gvr, 'delete', namespace, name)
    const context = this.#server.context(this.#user, kind.namespaced ? (namespace ?? '') : '', '')
    this.#server.registry.delete(kind, namespace ?? '', name, options, context)
  }

  informer<T extends KubeObject>(gvr: GroupVersionResource): Informer<T> {
    const key = `${gvr.group}/${gvr.version}/${gvr.resource}`
    let informer = this.#informers.get(key)
    if (!informer) {
      informer = this.#server.informer(gvr, this.#gate)
      this.#informers.set(key, informer)
    }
    return informer as unknown as Informer<T>
  }

  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, component: string, host?: string): void {
    this.#recorder.record(about, type, reason, message, component, host)
  }
}
