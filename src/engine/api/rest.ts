/** REST on top of the registry: query options, bodies in, objects, lists, Tables and watches out. */
import { impersonate } from './impersonation.ts'
import { parseBody, parseObject, queryFlag } from './body.ts'
import { DecodeError, Decoder } from './decode.ts'
import { answerDiscovery, unknownPath } from './discovery.ts'
import { fieldsOf, type FieldRequirement, matchesFields, parseFieldSelector } from './field-selector.ts'
import { FieldErrors, goJson, goValue } from './field-errors.ts'
import { versionText } from './managed-fields.ts'
import { forbiddenError } from './forbidden.ts'
import { afterMerge, afterOperations, inGoOrder } from './go-order.ts'
import { fieldsUnknownTo, isRegistered } from './legacy-versions.ts'
import { type KindDefinition, resourceKey, type TablePrinter } from './kind.ts'
import { matches, parseSelector, type Selector, SelectorError } from './label-selector.ts'
import { copy, isObject, type Loose } from './loose.ts'
import { JsonPatchError } from './merge-patch.ts'
import { applyPatch, type PatchType } from './patch.ts'
import type { DeleteOptions } from './registry.ts'
import { reviews } from './reviews.ts'
import type { RequestInfo } from './request-path.ts'
import type { ApiServer } from './server.ts'
import * as status from './status.ts'
import { StrategicMergeError } from './strategic-merge.ts'
import { createSubresources, scaleOf } from './subresources.ts'
import { ageColumn, age, nameColumn, internalMetadata, tableOf } from './table.ts'
import { type ApiRequest, type ApiResponse, type KubeObject, type Status, StatusError, type UserInfo } from './types.ts'
import { watchResponse } from './watch.ts'

const patchTypes: Record<string, PatchType | 'apply'> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

/** What the Accept header asks for. */
export interface Accepted {
  readonly as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  readonly contentType: string
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** What `kubectl apply --server-side` leaves for a later client-side apply, where there is such an annotation (fieldmanager's LastAppliedUpdater). */
function lastAppliedOf(patch: Loose): string {
  const { [lastApplied]: _, ...annotations } = patch.metadata?.annotations ?? {}
  const { annotations: given, ...metadata } = patch.metadata ?? {}
  return goJson(sorted({ ...patch, metadata: given === undefined ? metadata : { ...metadata, annotations } })) + '\n'
}

const sorted = (value: Loose): Loose =>
  Array.isArray(value) ? value.map(sorted) : value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sorted(v)])) : value


export class Rest {
  readonly #server: ApiServer
  readonly #decoder: Decoder

  constructor(server: ApiServer) {
    this.#server = server
    this.#decoder = new Decoder(server.schemas)
  }

  /** Warnings of the request under way: a refusal carries them too. */
  readonly warnings: string[] = []

  handle(original: ApiRequest, info: RequestInfo): ApiResponse {
    this.warnings.length = 0
    const user = impersonate(original, (a) => this.#server.authorize(original.user, a))
    const request: ApiRequest = user === original.user ? original : { ...original, user }
    if (!info.isResource) {
      const attributes = { verb: info.verb, path: info.path }
      if (!this.#server.authorize(user, attributes)) throw forbiddenError(user, attributes, this.#server.denialReason(user, attributes))
      return answerDiscovery(this.#server, request)
    }
    const attributes = {
      verb: info.verb,
      group: info.group,
      resource: info.resource,
      ...(info.subresource ? { subresource: info.subresource } : {}),
      ...(info.namespace ? { namespace: info.namespace } : {}),
      ...(info.name ? { name: info.name } : {}),
    }
    if (!this.#server.authorize(user, attributes)) throw forbiddenError(user, attributes, this.#server.denialReason(user, attributes))
    if (info.resource === '') return answerDiscovery(this.#server, request)
    const kind = this.#server.kind(info.group, info.version, info.resource)
    if (!kind) return this.#server.aggregation?.handle(request, info) ?? unknownPath(this.#server, info.group)
    if ((request.method === 'PATCH' || request.method === 'PUT') && info.name === '') throw status.methodNotAllowed()
    if (info.subresource !== '' && (info.verb === 'delete' || info.verb === 'deletecollection') && info.subresource !== 'proxy') throw kind.subresources.some((s) => s.name === info.subresource) ? status.methodNotAllowed() : status.pathNotFound()
    if (request.method === 'HEAD' || (info.verb === 'deletecollection' && (!kind.verbs.includes('deletecollection') || (kind.namespaced && info.namespace === '')))) throw status.methodNotAllowed()
    if (info.verb === 'create' && info.name !== '' && info.subresource === '') throw status.methodNotAllowed()
    this.#checkOptions(request, info)
    if (kind.deprecation && (info.subresource === '' || kind.subresources.some((s) => s.name === info.subresource))) this.warnings.push(kind.deprecation)
    switch (info.verb) {
      case 'get':
        return this.#get(request, info, kind)
      case 'list':
        return this.#list(request, info, kind)
      case 'watch':
        return this.#watch(request, info, kind)
      case 'create':
        return this.#create(request, info, kind, user)
      case 'update':
        return this.#update(request, info, kind, user)
      case 'patch':
        return this.#patch(request, info, kind, user)
      case 'delete':
        return this.#delete(request, info, kind, user)
      case 'deletecollection':
        return this.#deleteCollection(request, info, kind, user)
    }
    throw status.methodNotAllowed()
  }

  /** dryRun, fieldValidation and the field manager as query options. */
  #checkOptions(request: ApiRequest, info: RequestInfo): void {
    const kind = { create: 'CreateOptions', update: 'UpdateOptions', patch: 'PatchOptions', delete: 'DeleteOptions', deletecollection: 'DeleteOptions' }[info.verb]
    if (!kind) return
    const errors = new FieldErrors()
    const manager = request.query.get('fieldManager')?.[0] ?? ''
    if (manager.length > 128) errors.tooLong('fieldManager', 128)
    const dryRun = request.query.get('dryRun') ?? []
    if (dryRun.some((d) => d !== 'All')) errors.notSupported('dryRun', dryRun, ['All'])
    const validation = request.query.get('fieldValidation')?.[0] ?? ''
    if (!['', 'Ignore', 'Strict', 'Warn'].includes(validation)) errors.notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn'])
    const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim()
    if (info.verb === 'patch') {
      const apply = type === 'application/apply-patch+yaml'
      if (apply && !request.query.get('fieldManager')?.[0]) errors.required('fieldManager', 'is required for apply patch')
      if (!apply && request.query.get('force') !== undefined) errors.forbidden('force', 'may not be specified for non-apply patch')
    }
    if (errors.list.length > 0) throw status.invalid('meta.k8s.io', kind, '', errors.list)
  }

  failure(body: Status, warnings: readonly string[] = []): ApiResponse {
    return this.json(body.code ?? 500, body, warnings, body.details?.retryAfterSeconds ? { 'retry-after': String(body.details.retryAfterSeconds) } : {})
  }

  json(code: number, body: unknown, warnings: readonly string[] = this.warnings, extra: Record<string, string> = {}): ApiResponse {
    const headers = new Map(Object.entries({ 'content-type': 'application/json', ...extra }))
    if (warnings.length > 0) headers.set('warning', [...new Set(warnings)].map((w) => `299 - ${JSON.stringify(w)}`).join(', '))
    return { kind: 'complete', code, headers, body: JSON.stringify(body) + '\n' }
  }

  accepted(request: ApiRequest): Accepted {
    const header = request.headers.get('accept') ?? ''
    if (header !== '' && !header.split(',').some((p) => /^(\*\/\*|application\/(\*|json|yaml|vnd\.kubernetes\.protobuf|cbor))$/.test(p.split(';')[0]!.trim()))) {
      throw status.failure(406, 'NotAcceptable', '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf', {})
    }
    for (const part of (request.headers.get('accept') ?? '').split(',')) {
      const [type = '', ...parameters] = part.split(';').map((p) => p.trim())
      if (type !== 'application/json' && type !== '*/*' && type !== 'application/*' && type !== '') continue
      const as = parameters.find((p) => p.startsWith('as='))?.slice(3)
      if (as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as, contentType: 'application/json' }
      return { contentType: 'application/json' }
    }
    return { contentType: 'application/json' }
  }

  /** One object in the form that was asked for. */
  #answer(request: ApiRequest, kind: KindDefinition, object: KubeObject, code: number, warnings: readonly string[] = this.warnings): ApiResponse {
    const { as } = this.accepted(request)
    if (as === 'Table') {
      const include = request.query.get('includeObject')?.[0] ?? 'Metadata'
      return this.json(code, tableOf(kind, [object], this.#server.sim.now, include, { resourceVersion: object.metadata.resourceVersion }), warnings)
    }
    if (as === 'PartialObjectMetadata') return this.json(code, { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: internalMetadata(kind, object) }, warnings)
    return this.json(code, object, warnings)
  }

  #get(request: ApiRequest, info: RequestInfo, kind: KindDefinition): ApiResponse {
    if (info.subresource !== '' && !kind.subresources.some((s) => s.name === info.subresource && s.verbs.includes('get'))) throw kind.subresources.some((s) => s.name === info.subresource) ? status.methodNotAllowed() : status.pathNotFound()
    const at = request.query.get('resourceVersion')?.[0] ?? ''
    if (at !== '' && !/^\d+$/.test(at)) throw status.failure(500, undefined, `resourceVersion: Invalid value: ${JSON.stringify(at)}: strconv.ParseUint: parsing ${JSON.stringify(at)}: invalid syntax`)
    if (!kind.verbs.includes('get')) throw status.methodNotAllowed()
    const object = this.#server.registry.get(kind, info.namespace, info.name)
    if (info.subresource === 'scale') return this.#answer(request, { ...kind, table: scaleTable }, scaleOf(kind, object), 200)
    if (proxied.has(info.subresource)) return this.#connect(request, info, kind, object)
    return this.#answer(request, kind, object, 200)
  }

  #connect(request: ApiRequest, info: RequestInfo, kind: KindDefinition, object: KubeObject): ApiResponse {
    if (!kind.subresources.some((s) => s.name === info.subresource)) throw status.pathNotFound()
    if (kind.kind === 'Pod' && info.subresource !== 'proxy' && info.subresource !== 'portforward') checkContainer(object, request.query.get('container')?.[0] ?? '')
    if (kind.kind === 'Pod' && (object as Loose).spec.nodeName && !this.#server.store.get('nodes', '', (object as Loose).spec.nodeName)) throw status.notFound({ group: '', resource: 'pods' }, (object as Loose).spec.nodeName)
    if (!this.#server.nodeProxy) throw status.internal('no kubelet')
    return this.#server.nodeProxy.connect(request, info, object)
  }

  #filters(request: ApiRequest, kind: KindDefinition): { labels: Selector; fields: readonly FieldRequirement[] } {
    let labels: Selector
    try {
      labels = parseSelector(request.query.get('labelSelector')?.[0] ?? '')
    } catch (error) {
      if (error instanceof SelectorError) throw status.badRequest(error.message)
      throw error
    }
    const fields = parseFieldSelector(request.query.get('fieldSelector')?.[0] ?? '')
    if (typeof fields === 'string') throw status.badRequest(fields)
    if (fields.length > 0) {
      const known = fieldsOf(kind, { apiVersion: '', kind: '', metadata: { name: '' }, spec: {}, status: {} })
      for (const f of fields) if (known[f.field] === undefined) throw status.badRequest(kind.selectableFields ? `field label not supported: ${f.field}` : `${JSON.stringify(f.field)} is not a known field selector: only "metadata.name", "metadata.namespace"`)
    }
    return { labels, fields }
  }

  #list(request: ApiRequest, info: RequestInfo, kind: KindDefinition): ApiResponse {
    if (!kind.verbs.includes('list')) throw status.methodNotAllowed()
    const limit = this.#checkList(request)
    const { labels, fields } = this.#filters(request, kind)
    let objects = this.#server.registry.list(kind, info.namespace === '' ? undefined : info.namespace)
    if (labels.length > 0) objects = objects.filter((o) => matches(labels, o.metadata.labels))
    if (fields.length > 0) objects = objects.filter((o) => matchesFields(fields, kind, o))
    const token = request.query.get('continue')?.[0] ?? ''
    const metadata: Loose = { resourceVersion: String(this.#server.store.revision) }
    let from = 0
    if (token !== '') {
      const m = /^c(\d+)\.(\d+)$/.exec(token)
      if (!m) throw status.badRequest(`invalid continue token: continue key is not valid: illegal base64 data at input byte ${Math.floor(token.length / 4) * 4}`)
      from = Number(m[2])
      metadata.resourceVersion = m[1]
    }
    if (limit > 0 && objects.length - from > limit) {
      metadata.continue = `c${metadata.resourceVersion}.${from + limit}`
      if (labels.length === 0 && fields.length === 0) metadata.remainingItemCount = objects.length - from - limit
      objects = objects.slice(from, from + limit)
    } else if (from > 0) objects = objects.slice(from)
    const { as } = this.accepted(request)
    if (as === 'Table') return this.json(200, tableOf(kind, objects, this.#server.sim.now, request.query.get('includeObject')?.[0] ?? 'Metadata', metadata))
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    if (as === 'PartialObjectMetadataList' || as === 'PartialObjectMetadata') {
      return this.json(200, { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.map((o) => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: internalMetadata(kind, o) })) })
    }
    if (kind.custom) return this.json(200, { apiVersion, items: objects, kind: `${kind.kind}List`, metadata: { continue: '', ...metadata } })
    return this.json(200, { kind: `${kind.kind}List`, apiVersion, metadata, items: objects.map(({ kind: _k, apiVersion: _a, ...rest }) => rest) })
  }

  /** ListOptions: answers the limit. */
  #checkList(request: ApiRequest): number {
    const one = (name: string) => request.query.get(name)?.[0] ?? ''
    const limit = one('limit')
    if (limit !== '' && !/^[+-]?\d+$/.test(limit)) throw status.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`)
    const errors = new FieldErrors()
    const [match, version] = [one('resourceVersionMatch'), one('resourceVersion')]
    if (match !== '') {
      if (version === '') errors.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided')
      if (!['Exact', 'NotOlderThan'].includes(match)) errors.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', ''])
      if (match === 'Exact' && version === '0') errors.forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    }
    if (request.query.has('sendInitialEvents')) errors.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list')
    if (errors.list.length > 0) throw status.invalid('meta.k8s.io', 'ListOptions', '', errors.list)
    if (one('continue') !== '' && version !== '' && version !== '0') throw status.badRequest('specifying resource version is not allowed when using continue')
    if (version !== '' && !/^\d+$/.test(version)) throw status.badRequest(`invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`)
    return version === '0' ? 0 : Number(limit || 0)
  }

  #watch(request: ApiRequest, info: RequestInfo, kind: KindDefinition): ApiResponse {
    const { labels, fields } = this.#filters(request, kind)
    checkWatchOptions(request)
    const named = info.name === '' ? fields : [...fields, { field: 'metadata.name', equal: true, value: info.name }]
    return watchResponse(this.#server, {
      kind,
      resource: kind.alias?.resource ?? resourceKey(kind),
      namespace: info.namespace === '' ? undefined : info.namespace,
      accepts: (o) => matches(labels, o.metadata.labels) && (named.length === 0 || matchesFields(named, kind, o)),
      resourceVersion: request.query.get('resourceVersion')?.[0] ?? '',
      bookmarks: queryFlag(request, 'allowWatchBookmarks'),
      sendInitial: queryFlag(request, 'sendInitialEvents'),
      timeoutSeconds: Number(request.query.get('timeoutSeconds')?.[0] ?? 0),
      as: this.accepted(request).as,
      includeObject: request.query.get('includeObject')?.[0] ?? 'Metadata',
    })
  }

  /** Decodes a body for `kind`; strictness as the request asks. */
  decode(request: ApiRequest, kind: KindDefinition, value: Loose, warnings: string[], schema = kind.schema, duplicates: readonly string[] = []): Loose {
    if (!isObject(value)) throw status.badRequest(`${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: json: cannot unmarshal into Go value`)
    const { version } = kind
    if (!kind.decode && (!schema || !this.#server.schemas.has(schema))) return value
    const validation = request.query.get('fieldValidation')?.[0] ?? 'Warn'
    try {
      const { object, unknown } = kind.decode && schema === kind.schema ? kind.decode(copy(value)) : this.#decoder.decode(schema!, value)
      if (unknown.length + duplicates.length > 0 && validation !== 'Ignore') {
        const texts = [...duplicates.map((d) => `duplicate field ${JSON.stringify(d)}`), ...unknown.map((u) => `unknown field ${JSON.stringify(u)}`)]
        if (validation === 'Strict') throw status.badRequest(`${kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`)
        warnings.push(...texts)
      }
      object.metadata ??= {}
      return object
    } catch (error) {
      if (error instanceof DecodeError) throw status.badRequest(`${kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${error.message}`)
      throw error
    }
  }

  #body(request: ApiRequest, kind: KindDefinition, warnings: string[]): Loose {
    const duplicates: string[] = []
    const value = parseObject(request, kind.kind, duplicates)
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    value.kind ||= kind.kind
    value.apiVersion ||= apiVersion
    if (value.kind !== kind.kind || value.apiVersion !== apiVersion) {
      const version = JSON.stringify(String(value.apiVersion).split('/').at(-1))
      const known = this.#server.kinds.some((k) => `${k.group === '' ? '' : k.group + '/'}${k.version}` === value.apiVersion && (k.kind === value.kind || `${k.kind}List` === value.kind))
      if (value.kind === kind.kind && (known || isRegistered(value.apiVersion, value.kind))) {
        const unknown = request.query.get('fieldValidation')?.[0] === 'Strict' ? fieldsUnknownTo(value.apiVersion, value) : []
        if (unknown.length > 0) throw status.badRequest(`${value.kind} in version ${version} cannot be handled as a ${kind.kind}: strict decoding error: ${unknown.map((f) => `unknown field ${JSON.stringify(f)}`).join(', ')}`)
        throw status.badRequest(`the API version in the data (${value.apiVersion}) does not match the expected API version (${apiVersion})`)
      }
      const [from, to] = [`${String(value.apiVersion).split('/').at(-1)}.${value.kind}`, `${kind.group.split('.')[0] || 'core'}.${kind.kind}`]
      const why = known ? `converting (${from}) to (${to}): unknown conversion` : `no kind ${JSON.stringify(value.kind)} is registered for version ${JSON.stringify(value.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`
      throw status.badRequest(`${value.kind} in version ${version} cannot be handled as a ${kind.kind}: ${why}`)
    }
    return this.decode(request, kind, value, warnings, kind.schema, duplicates)
  }

  #dryRun(request: ApiRequest): boolean {
    return (request.query.get('dryRun')?.length ?? 0) > 0
  }

  #checkNames(object: Loose, info: RequestInfo, kind: KindDefinition): void {
    if (kind.namespaced && object.metadata.namespace && object.metadata.namespace !== info.namespace) throw status.badRequest('the namespace of the provided object does not match the namespace sent on the request')
    if (info.name !== '' && object.metadata.name && object.metadata.name !== info.name) {
      throw status.badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${info.name})`)
    }
  }

  #create(request: ApiRequest, info: RequestInfo, kind: KindDefinition, user: UserInfo): ApiResponse {
    const { warnings } = this
    if (info.subresource !== '') {
      if (!kind.subresources.some((s) => s.name === info.subresource)) throw status.pathNotFound()
      const sub = createSubresources[`${resourceKey(kind)}/${info.subresource}`]
      if (!sub && !proxied.has(info.subresource)) throw status.methodNotAllowed()
      const object = this.#server.registry.get(kind, info.namespace, info.name)
      if (!sub) return this.#connect(request, info, kind, object)
      const body = this.decode(request, { ...kind, kind: sub.kind }, parseBody(request), warnings, sub.schema)
      const done = sub.run(this.#server, object, body, this.#server.context(user, info.namespace, '', { dryRun: this.#dryRun(request), warnings }))
      return this.json(done.code, done.object, warnings)
    }
    if (!kind.verbs.includes('create')) throw status.methodNotAllowed()
    const review = reviews[kind.kind]
    if (review) {
      const object = this.#body(request, kind, warnings)
      review(this.#server, kind, object, this.#server.context(user, info.namespace, '', { warnings }))
      return this.json(201, object, warnings)
    }
    if (kind.kind === 'Binding') {
      const body = this.#body(request, kind, warnings)
      const pods = this.#server.kind('', 'v1', 'pods')!
      const done = createSubresources['pods/binding']!.run(this.#server, this.#server.registry.get(pods, info.namespace, body.metadata.name), body, this.#server.context(user, info.namespace, '', { warnings }))
      return this.json(done.code, done.object, warnings)
    }
    const object = this.#body(request, kind, warnings)
    this.#checkNames(object, info, kind)
    const context = this.#server.context(user, kind.namespaced ? info.namespace : '', '', { dryRun: this.#dryRun(request), warnings, manager: managerOf(request) })
    const stored = this.#server.registry.create(kind, object, context)
    return this.#answer(request, kind, stored, 201, warnings)
  }

  #checkNamed(object: Loose, info: RequestInfo, kind: KindDefinition): void {
    if (!object.metadata?.name) throw status.badRequest(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`)
    this.#checkNames(object, info, kind)
  }

  #update(request: ApiRequest, info: RequestInfo, kind: KindDefinition, user: UserInfo): ApiResponse {
    const { warnings } = this
    const body = info.subresource === 'scale' ? scaleShape(kind) : kind
    if (info.subresource !== '' ? !kind.subresources.some((s) => s.name === info.subresource && s.verbs.includes('update')) : !kind.verbs.includes('update')) throw info.subresource === '' || kind.subresources.some((s) => s.name === info.subresource) ? status.methodNotAllowed() : status.pathNotFound()
    const object = this.#body(request, body, warnings)
    this.#checkNames(object, info, kind)
    if (!object.metadata.name) throw status.badRequest(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`)
    const done = this.#server.changeWith(kind, info.namespace, info.name, info.subresource, () => object, this.#server.context(user, kind.namespaced ? info.namespace : '', info.subresource, { dryRun: this.#dryRun(request), warnings, manager: managerOf(request) }))
    return this.#answer(request, kind, done.object, done.created ? 201 : 200, warnings)
  }

  #patch(request: ApiRequest, info: RequestInfo, kind: KindDefinition, user: UserInfo): ApiResponse {
    const type = patchTypes[(request.headers.get('content-type') ?? '').split(';')[0]!.trim()]
    if (!type) throw status.unsupportedMediaType()
    if (kind.custom && type === 'strategic') throw status.badBodyType(['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'])
    const { warnings } = this
    const patch = parseBody(request, type === 'json' ? 'error decoding patch: ' : '')
    if (type === 'json' && !Array.isArray(patch)) throw status.badRequest(`error decoding patch: json: cannot unmarshal ${isObject(patch) ? 'object' : typeof patch} into Go value of type []handlers.jsonPatchOp`)
    const shape: KindDefinition = info.subresource === 'scale' ? scaleShape(kind) : kind
    const applied = type === 'apply' && shape === kind
    if (applied) checkApplied(patch, kind)
    const change = (old: KubeObject | undefined) => {
      if (applied) {
        const by = { manager: managerOf(request), subresource: info.subresource, now: this.#server.now }
        const object = this.decode(request, kind, this.#server.registry.fields!.apply(kind, old, patch, by, queryFlag(request, 'force')), warnings)
        this.#checkNamed(object, info, kind)
        if (by.manager === 'kubectl' && old?.metadata.annotations?.[lastApplied] !== undefined) object.metadata.annotations = { ...object.metadata.annotations, [lastApplied]: lastAppliedOf(patch) }
        return object
      }
      let made: Loose
      try {
        made = applyPatch(this.#server.schemas, shape, old!, patch, type === 'apply' ? 'strategic' : type)
      } catch (error) {
        if (error instanceof JsonPatchError) throw status.failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
        if (error instanceof StrategicMergeError) throw status.failure(500, undefined, error.message)
        throw error
      }
      try {
        const object = this.decode(request, shape, made, warnings)
        if (shape === kind) this.#checkNamed(object, info, kind)
        return object
      } catch (error) {
        // JSON patches are decoded as text, and that text is then what is invalid.
        const why = error instanceof StatusError && type !== 'strategic' && shape === kind && !kind.custom ? (/cannot be handled as an? \w+: ([^]*)$/.exec(error.message)?.[1] ?? '') : ''
        if (why === '') throw error
        const errors = new FieldErrors()
        const written = inGoOrder(made, kind.schema, this.#server.schemas, this.#server.options.fieldOrder ?? {})
        errors.add('Invalid', 'patch', `Invalid value: ${goValue(goJson(type === 'json' ? afterOperations(written, patch) : afterMerge(written, patch)))}: ${why}`)
        throw status.invalid('', '', '', errors.list)
      }
    }
    const context = this.#server.context(user, kind.namespaced ? info.namespace : '', info.subresource, { dryRun: this.#dryRun(request), warnings, manager: managerOf(request), patch: applied ? 'apply' : 'patch' })
    const done = this.#server.changeWith(kind, info.namespace, info.name, info.subresource, change, context, type === 'apply')
    return this.#answer(request, kind, done.object, done.created ? 201 : 200, warnings)
  }

  #deleteOptions(request: ApiRequest): DeleteOptions {
    const body = request.body.trim() === '' ? {} : parseBody(request, "couldn't get version/kind; json parse error: ")
    const grace = request.query.get('gracePeriodSeconds')?.[0]
    const policy = request.query.get('propagationPolicy')?.[0]
    if (isObject(body) && body.kind && body.kind !== 'DeleteOptions') throw status.badRequest(`no kind ${JSON.stringify(body.kind)} is registered for version ${JSON.stringify(body.apiVersion ?? '')} in scheme "pkg/runtime/scheme.go:111"`)
    if (grace !== undefined && !/^[+-]?\d+$/.test(grace)) throw status.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`)
    const options: Loose = { ...(isObject(body) ? body : {}), ...(grace !== undefined ? { gracePeriodSeconds: Number(grace) } : {}), ...(policy !== undefined ? { propagationPolicy: policy } : {}) }
    const errors = new FieldErrors()
    const policies = ['Foreground', 'Background', 'Orphan', 'nil']
    if (options.propagationPolicy !== undefined && options.orphanDependents !== undefined) errors.invalid('propagationPolicy', options.propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set')
    if (options.propagationPolicy !== undefined && !policies.slice(0, 3).includes(options.propagationPolicy)) errors.notSupported('propagationPolicy', options.propagationPolicy, policies)
    if (Array.isArray(options.dryRun) && options.dryRun.some((d: unknown) => d !== 'All')) errors.notSupported('dryRun', options.dryRun, ['All'])
    if (errors.list.length > 0) throw status.invalid('meta.k8s.io', 'DeleteOptions', '', errors.list)
    return options
  }

  #delete(request: ApiRequest, info: RequestInfo, kind: KindDefinition, user: UserInfo): ApiResponse {
    const options = this.#deleteOptions(request)
    const dry = this.#dryRun(request) || Array.isArray((options as Loose).dryRun)
    const context = this.#server.context(user, kind.namespaced ? info.namespace : '', '', { dryRun: dry })
    const { object, removed } = this.#server.registry.delete(kind, info.namespace, info.name, options, context)
    if (kind.kind === 'Job' && kind.group === 'batch' && options.propagationPolicy === undefined && options.orphanDependents === undefined) this.warnings.push('child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning')
    if (removed && !returnsObject.has(kind.kind)) {
      return this.json(200, status.success({ name: info.name, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, uid: object.metadata.uid! }))
    }
    return this.#answer(request, kind, object, 200)
  }

  #deleteCollection(request: ApiRequest, info: RequestInfo, kind: KindDefinition, user: UserInfo): ApiResponse {
    const { labels, fields } = this.#filters(request, kind)
    const options = this.#deleteOptions(request)
    const context = this.#server.context(user, kind.namespaced ? info.namespace : '', '', { dryRun: this.#dryRun(request) })
    const gone: KubeObject[] = []
    for (const o of this.#server.registry.list(kind, info.namespace === '' ? undefined : info.namespace)) {
      if (!matches(labels, o.metadata.labels) || !matchesFields(fields, kind, o)) continue
      gone.push(this.#server.registry.delete(kind, o.metadata.namespace ?? '', o.metadata.name, options, { ...context, namespace: o.metadata.namespace ?? '' }).object)
    }
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    return this.json(200, { kind: `${kind.kind}List`, apiVersion, metadata: { resourceVersion: String(this.#server.store.revision) }, items: gone.map(({ kind: _k, apiVersion: _a, ...rest }) => rest) })
  }
}

/** The field manager that a request names, or the program it comes from. */
function managerOf(request: ApiRequest): string {
  return request.query.get('fieldManager')?.[0] || (request.headers.get('user-agent') ?? '').split('/')[0]!.trim().slice(0, 128) || 'unknown'
}

/** What a watch may not be asked for (ValidateListOptions). */
function checkWatchOptions(request: ApiRequest): void {
  const errors = new FieldErrors()
  const one = (name: string) => request.query.get(name)?.[0] ?? ''
  const initial = request.query.has('sendInitialEvents')
  const match = one('resourceVersionMatch')
  if (initial && match === '') errors.forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  if (match !== '') {
    if (!initial) errors.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
    if (match !== 'NotOlderThan') errors.notSupported('resourceVersionMatch', match, ['NotOlderThan'])
    if (one('continue') !== '') errors.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided')
  }
  if (errors.list.length > 0) throw status.invalid('meta.k8s.io', 'ListOptions', '', errors.list)
}

/** What server-side apply asks of a configuration. */
function checkApplied(config: Loose, kind: KindDefinition): void {
  const text = (field: string): string => (isObject(config) && typeof config[field] === 'string' ? config[field] : '')
  const [apiVersion, name] = [text('apiVersion'), text('kind')]
  if (apiVersion !== (kind.group === '' ? kind.version : `${kind.group}/${kind.version}`) || name !== kind.kind) throw status.badRequest(`invalid object type: ${versionText(apiVersion)}, Kind=${name}`)
  if (config.metadata?.managedFields) throw status.badRequest('metadata.managedFields must be nil')
}

/** Pods with several containers want one to be named. */
function checkContainer(pod: Loose, name: string): void {
  const all: string[] = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? []), ...(pod.spec.ephemeralContainers ?? [])].map((c) => c.name)
  if (name === '') {
    if ((pod.spec.containers ?? []).length === 1) return
    const standard = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
    if (standard && all.includes(standard)) return
    throw status.badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${all.join(' ')}]`)
  }
  if (!all.includes(name)) throw status.badRequest(`container ${name} is not valid for pod ${pod.metadata.name}`)
}

/** The kind as whose the body of a scale request is read. */
function scaleShape(kind: KindDefinition): KindDefinition {
  const { decode: _, ...rest } = kind
  return { ...rest, kind: 'Scale', group: 'autoscaling', version: 'v1', schema: 'autoscaling.v1.Scale' }
}

const proxied = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

const scaleTable: TablePrinter = {
  columns: [{ ...nameColumn, format: '' }, { name: 'Desired', type: 'integer', priority: 0 }, { name: 'Available', type: 'integer', priority: 0 }, ageColumn],
  row: (s, now) => [s.metadata.name, s.spec.replicas ?? 0, s.status.replicas, age(s.metadata.creationTimestamp, now)],
}

/** Kinds whose deletion answers with the object even when it is gone at once. */
const returnsObject = new Set(['Pod', 'Service', 'ServiceAccount', 'PersistentVolumeClaim', 'PersistentVolume', 'ResourceQuota', 'PodTemplate', 'ReplicationController', 'VolumeAttachment', 'StorageClass', 'Namespace', 'CSIDriver', 'CSINode', 'VolumeAttributesClass', 'PodSecurityPolicy'])
