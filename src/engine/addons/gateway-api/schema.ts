/**
 * A small language for the schemas of the Gateway API's definitions: types with their bounds, defaults and rules, and the parts that several
 * kinds share (references to parents and backends, conditions, certificates). The facts are upstream's, the descriptions are our own.
 */
export type Schema = Readonly<Record<string, unknown>>

export interface Rule {
  readonly message: string
  readonly rule: string
}

/** Marks a field of the experimental channel; `standard` drops it. */
const experimental = Symbol('experimental')

export const only = (schema: Schema): Schema => ({ ...schema, [experimental]: true })

/** The schema as the channel has it. */
export function inChannel(schema: Schema, channel: 'standard' | 'experimental'): Schema {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).flatMap(([k, v]) => (channel === 'standard' && typeof v === 'object' && v !== null && (v as Record<symbol, unknown>)[experimental] ? [] : [[k, walk(v)]])))
  }
  return walk(schema) as Schema
}

export const rules = (...list: readonly (readonly [message: string, rule: string])[]): Schema => ({ 'x-kubernetes-validations': list.map(([message, rule]): Rule => ({ message, rule })) })

export const text = (description: string, more: Schema = {}): Schema => ({ description, type: 'string', ...more })
export const choice = (description: string, values: readonly string[], more: Schema = {}): Schema => ({ description, enum: values, type: 'string', ...more })
export const integer = (description: string, minimum?: number, maximum?: number, more: Schema = {}): Schema => ({ description, format: 'int32', ...(maximum !== undefined && { maximum }), ...(minimum !== undefined && { minimum }), type: 'integer', ...more })
export const flag = (description: string, more: Schema = {}): Schema => ({ description, type: 'boolean', ...more })
export const object = (description: string, properties: Record<string, Schema>, required: readonly string[] = [], more: Schema = {}): Schema => ({ description, properties, ...(required.length > 0 && { required }), type: 'object', ...more })
export const list = (description: string, items: Schema, maxItems?: number, more: Schema = {}): Schema => ({ description, items, ...(maxItems !== undefined && { maxItems }), type: 'array', 'x-kubernetes-list-type': 'atomic', ...more })
export const mapList = (description: string, key: string, items: Schema, maxItems: number, more: Schema = {}): Schema => list(description, items, maxItems, { 'x-kubernetes-list-map-keys': [key], 'x-kubernetes-list-type': 'map', ...more })

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`

export const hostname = (description: string): Schema => text(description, { maxLength: 253, minLength: 1, pattern: `^(\\*\\.)?${subdomain}$` })
export const preciseHostname = (description: string): Schema => text(description, { maxLength: 253, minLength: 1, pattern: `^${subdomain}$` })
export const sectionName = (description: string): Schema => text(description, { maxLength: 253, minLength: 1, pattern: `^${subdomain}$` })
export const name = (description: string): Schema => text(description, { maxLength: 253, minLength: 1 })
export const group = (description: string, more: Schema = {}): Schema => text(description, { maxLength: 253, pattern: `^$|^${subdomain}$`, ...more })
export const kind = (description: string, more: Schema = {}): Schema => text(description, { maxLength: 63, minLength: 1, pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$', ...more })
export const namespace = (description: string): Schema => text(description, { maxLength: 63, minLength: 1, pattern: `^${label}$` })
export const port = (description: string): Schema => integer(description, 1, 65535)
export const headerName = (description: string): Schema => text(description, { maxLength: 256, minLength: 1, pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$" })
export const duration = (description: string, more: Schema = {}): Schema => text(description, { pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$', ...more })

export const selector = (description: string): Schema =>
  object(description, {
    matchExpressions: list('Requirements that must all be met.', object('One requirement.', { key: text('Label that the requirement is about.'), operator: text('In, NotIn, Exists or DoesNotExist.'), values: list('Values for In and NotIn; empty for the others.', { type: 'string' }) }, ['key', 'operator'])),
    matchLabels: { additionalProperties: { type: 'string' }, description: 'Labels with the values that they must have.', type: 'object' },
  }, [], { 'x-kubernetes-map-type': 'atomic' })

const condition = object('One aspect of the state.', {
  lastTransitionTime: text('When the status last changed.', { format: 'date-time' }),
  message: text('Details for people; may be empty.', { maxLength: 32768 }),
  observedGeneration: { description: "The object's generation that the condition was set for.", format: 'int64', minimum: 0, type: 'integer' },
  reason: text('Why, in one CamelCase word.', { maxLength: 1024, minLength: 1, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }),
  status: choice('Whether it holds.', ['True', 'False', 'Unknown']),
  type: text('What it is about.', { maxLength: 316, pattern: `^(${subdomain}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$` }),
}, ['lastTransitionTime', 'message', 'reason', 'status', 'type'])

/** Conditions, `waiting` ones being there until a controller comes. */
export function conditions(waiting: readonly string[], more: Schema = {}): Schema {
  return mapList('The current state, one entry for each aspect.', 'type', condition, 8, { ...(waiting.length > 0 && { default: waiting.map(pending) }), ...more })
}

export const pending = (type: string) => ({ lastTransitionTime: '1970-01-01T00:00:00Z', message: 'Waiting for controller', reason: 'Pending', status: 'Unknown', type })

export const secretRef = (description: string): Schema =>
  object(description, {
    group: group('API group of what is named; empty is the core group.', { default: '' }), kind: kind('Kind of what is named.', { default: 'Secret' }), name: name('Name of what is named.'),
    namespace: namespace('Its namespace; default: that of this object. Elsewhere only with a ReferenceGrant there.'),
  }, ['name'])

export const objectRef = (description: string): Schema =>
  object(description, { group: group('API group of what is named; empty is the core group.'), kind: kind('Kind of what is named.'), name: name('Name of what is named.'), namespace: namespace('Its namespace; default: that of this object. Elsewhere only with a ReferenceGrant there.') }, ['group', 'kind', 'name'])

export const localRef = (description: string): Schema => object(description, { group: group('API group of what is named; empty is the core group.'), kind: kind('Kind of what is named.'), name: name('Name of what is named.') }, ['group', 'kind', 'name'])

const gatewayGroup = 'gateway.networking.k8s.io'

const parentFields = {
  group: group('API group of the parent.', { default: gatewayGroup }),
  kind: kind('Kind of the parent: Gateway or ListenerSet.', { default: 'Gateway' }),
  name: name('Name of the parent.'),
  namespace: namespace("The parent's namespace; default: that of the route."),
  port: port('Attach to the listeners of this port only.'),
  sectionName: sectionName('Attach to the listener of this name only.'),
}

const samePlace = "p1.group == p2.group && p1.kind == p2.kind && p1.name == p2.name && (((!has(p1.__namespace__) || p1.__namespace__ == '') && (!has(p2.__namespace__) || p2.__namespace__ == '')) || (has(p1.__namespace__) && has(p2.__namespace__) && p1.__namespace__ == p2.__namespace__ ))"
const noSection = (p: string) => `(!has(${p}.sectionName) || ${p}.sectionName == '')`
const sameSection = `((${noSection('p1')} && ${noSection('p2')}) || ( has(p1.sectionName) && has(p2.sectionName) && p1.sectionName == p2.sectionName))`

export const parentRefs: Schema = list('The Gateways (or ListenerSets) that the route wants to hang on. They must let it.', object('A parent of the route.', parentFields, ['name']), 32, rules(
  ['sectionName must be specified when parentRefs includes 2 or more references to the same parent', `self.all(p1, self.all(p2, ${samePlace} ? (${noSection('p1')} == ${noSection('p2')}) : true))`],
  ['sectionName must be unique when parentRefs includes 2 or more references to the same parent', `self.all(p1, self.exists_one(p2, ${samePlace} && ${sameSection}))`],
))

const backendFields = {
  group: group('API group of the backend; empty is the core group.', { default: '' }),
  kind: kind('Kind of the backend.', { default: 'Service' }),
  name: name('Name of the backend.'),
  namespace: namespace("The backend's namespace; default: that of the route. Elsewhere only with a ReferenceGrant there."),
  port: port("The Service's port (not the pods')."),
}

export const serviceNeedsPort = rules(['Must have port for Service reference', "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true"])

export const backendObject = (description: string): Schema => object(description, backendFields, ['name'], serviceNeedsPort)

export const backendRef = (filters?: Schema): Schema =>
  object('Where matching traffic goes.', { ...(filters && { filters }), ...backendFields, weight: integer('Share of the traffic, in proportion to the weights beside it; 0: none.', 0, 1_000_000, { default: 1 }) }, ['name'], serviceNeedsPort)

/** `status.parents` of all routes. */
export const routeStatus: Schema = object('What the controllers say of the route.', {
  parents: list('One entry for each parent that a controller has looked at.', object('The state towards one parent.', {
    conditions: conditions([], { minItems: 1 }),
    controllerName: controllerName('The controller that wrote the entry.'),
    parentRef: object('The parent as spec.parentRefs names it.', parentFields, ['name']),
  }, ['conditions', 'controllerName', 'parentRef']), 32),
}, ['parents'])

export function controllerName(description: string): Schema {
  return text(description, { maxLength: 253, minLength: 1, pattern: `^${subdomain}\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$` })
}

const kindAndVersion = {
  apiVersion: text('Version of the schema that the object has.'),
  kind: text('Name of the kind of object.'),
  metadata: { type: 'object' },
}

export const root = (description: string, spec: Schema, status?: Schema, required: readonly string[] = ['spec']): Schema => object(description, { ...kindAndVersion, spec, ...(status && { status }) }, required)
