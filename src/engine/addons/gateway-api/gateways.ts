/** Schemas of GatewayClass, Gateway, ListenerSet, ReferenceGrant and BackendTLSPolicy. Facts of Gateway API v1.5. */
import { choice, conditions, controllerName, group, hostname, integer, kind, list, localRef, mapList, name, namespace, object, objectRef, only, pending, port, preciseHostname, root, rules, secretRef, sectionName, selector, text } from './schema.ts'
import type { Schema } from './schema.ts'

export const gatewayClass = root('GatewayClass names a kind of Gateways and the controller that runs them.', object('What is wanted.', {
  controllerName: { ...controllerName('The controller that runs Gateways of this class, such as example.net/gateway-controller. It cannot be changed.'), ...rules(['Value is immutable', 'self == oldSelf']) },
  description: text('What the class is for.', { maxLength: 64 }),
  parametersRef: object('An object with settings of the controller.', { group: group('API group of what is named; empty is the core group.'), kind: kind('Kind of what is named.'), name: name('Name of what is named.'), namespace: namespace('Its namespace, where it has one.') }, ['group', 'kind', 'name']),
}, ['controllerName']), object('What the controller says of the class.', {
  conditions: conditions(['Accepted']),
  supportedFeatures: list('Features that the controller claims.', object('A feature.', { name: text('Its name.') }, ['name']), 64, { 'x-kubernetes-list-map-keys': ['name'], 'x-kubernetes-list-type': 'map' }),
}, [], { default: { conditions: [pending('Accepted')] } }))

const optionMap = (description: string): Schema => ({ additionalProperties: { maxLength: 4096, minLength: 0, type: 'string' }, description, maxProperties: 16, type: 'object' })

const listenerTls = object('How TLS is handled; for the protocols HTTPS and TLS.', {
  certificateRefs: list('Secrets with certificate and key.', secretRef('A Secret of type kubernetes.io/tls.'), 64),
  mode: choice('Terminate: TLS ends here. Passthrough: it goes on to the backend.', ['Terminate', 'Passthrough'], { default: 'Terminate' }),
  options: optionMap("The implementation's own settings."),
}, [], rules(['certificateRefs or options must be specified when mode is Terminate', "self.mode == 'Terminate' ? size(self.certificateRefs) > 0 || size(self.options) > 0 : true"]))

const from = (values: readonly string[], by: string, what: string): Schema =>
  object(`Namespaces that ${what} may come from.`, { from: choice('Which namespaces.', values, { default: by }), selector: selector('With from: Selector, the labels of the namespaces.') }, [], { default: { from: by } })

const routeKind = object('A kind of routes.', { group: group('API group of the kind.', { default: 'gateway.networking.k8s.io' }), kind: kind('The kind.') }, ['kind'])

const listener = object('A door: a port, a protocol and perhaps a host name.', {
  allowedRoutes: object('Routes that may hang on the listener.', { kinds: list("Kinds of routes; default: those of the listener's protocol.", routeKind, 8), namespaces: from(['All', 'Selector', 'Same'], 'Same', 'routes') }, [], { default: { namespaces: { from: 'Same' } } }),
  hostname: hostname('Host name that requests must be for; default: any.'),
  name: sectionName('Name of the listener, unique in the object.'),
  port: port('Port that is listened on.'),
  protocol: text('What is spoken: HTTP, HTTPS, TLS, TCP, UDP, or an own one with a domain.', { maxLength: 255, minLength: 1, pattern: '^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9]+$' }),
  tls: listenerTls,
}, ['name', 'port', 'protocol'])

const sameHost = '(has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))'
const listeners = (protocols: string): Schema =>
  mapList('The doors.', 'name', listener, 64, {
    minItems: 1,
    ...rules(
      ["tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']", "self.all(l, l.protocol.matches('(?i)^(HTTP|TCP|UDP)$') ? !has(l.tls) : true)"],
      ['tls mode must be Terminate for protocol HTTPS', "self.all(l, (l.protocol.matches('(?i)^HTTPS$') && has(l.tls)) ? (l.tls.mode == '' || l.tls.mode == 'Terminate') : true)"],
      ['tls mode must be set for protocol TLS', "self.all(l, (l.protocol.matches('(?i)^TLS$') ? has(l.tls) && has(l.tls.mode) && l.tls.mode != '' : true))"],
      ["hostname must not be specified for protocols ['TCP', 'UDP']", "self.all(l, l.protocol.matches('(?i)^(TCP|UDP)$')  ? (!has(l.hostname) || l.hostname == '') : true)"],
      ['Listener name must be unique within the Gateway', 'self.all(l1, self.exists_one(l2, l1.name == l2.name))'],
      ['Combination of port, protocol and hostname must be unique for each listener', `self.all(l1, self.exists_one(l2, l1.port == l2.port && ${protocols} && ${sameHost}))`],
    ),
  })

const listenerStatus = mapList('The state of each listener.', 'name', object('The state of one listener.', {
  attachedRoutes: integer('How many accepted routes hang on it.'), conditions: conditions([]), name: sectionName('Name of the listener.'), supportedKinds: list('Kinds of routes that it takes.', routeKind, 8),
}, ['attachedRoutes', 'conditions', 'name']), 64)

const hostPattern = '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'
const addressType = text('IPAddress, Hostname, or an own type with a domain.', { default: 'IPAddress', maxLength: 253, minLength: 1, pattern: '^Hostname|IPAddress|NamedAddress|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&\'()*+,;=:]+$' })
const uniqueAddress = (type: string, spaces: string): [string, string] => [`${type} values must be unique`, `self.all(a1, a1.type == '${type}'${spaces}&& has(a1.value) ? self.exists_one(a2, a2.type == a1.type && has(a2.value) && a2.value == a1.value) : true )`]

const clientValidation = object('How clients are checked.', {
  validation: object('Certificates that clients must show.', {
    caCertificateRefs: list('ConfigMaps with the authorities in ca.crt.', objectRef('A ConfigMap.'), 8, { minItems: 1 }),
    mode: choice('Whether clients without a valid certificate are turned away.', ['AllowValidOnly', 'AllowInsecureFallback'], { default: 'AllowValidOnly' }),
  }, ['caCertificateRefs']),
})

const keyPattern = '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$'
const keyRules = (what: string) => rules(
  [`${what} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.`, `self.all(key, key.matches(r"""${keyPattern}"""))`],
  [`If specified, the ${what.toLowerCase()} key's prefix must be a DNS subdomain not longer than 253 characters in total.`, 'self.all(key, key.split("/")[0].size() < 253)'],
)

export const gateway = root('Gateway opens doors (listeners) at one or more addresses; routes say where what comes in goes.', object('What is wanted.', {
  addresses: list('Addresses that are asked for; default: the controller chooses.', object('An address.', { type: addressType, value: text('The address; empty: any of the type.', { maxLength: 253 }) }, [], rules(
    [`Hostname value must be empty or contain only valid characters (matching ${hostPattern})`, `self.type == 'Hostname' ? (!has(self.value) || self.value.matches(r"""${hostPattern}""")): true`],
  )), 16, rules(uniqueAddress('IPAddress', ' '), uniqueAddress('Hostname', '  '))),
  allowedListeners: object('ListenerSets that may add listeners.', { namespaces: from(['All', 'Selector', 'Same', 'None'], 'None', 'ListenerSets') }),
  defaultScope: only(choice('Routes without parents that the Gateway takes.', ['All', 'None'])),
  gatewayClassName: name('The class of the Gateway.'),
  infrastructure: object('For the objects that the controller makes for the Gateway.', {
    annotations: { additionalProperties: { maxLength: 4096, minLength: 0, type: 'string' }, description: 'Annotations that they get.', maxProperties: 16, type: 'object', ...keyRules('Annotation') },
    labels: { additionalProperties: { maxLength: 63, minLength: 0, pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$', type: 'string' }, description: 'Labels that they get.', maxProperties: 8, type: 'object', ...keyRules('Label') },
    parametersRef: localRef('An object with settings of the controller.'),
  }),
  listeners: listeners('l1.protocol == l2.protocol'),
  tls: object('TLS of the whole Gateway.', {
    backend: object('Towards backends.', { clientCertificateRef: secretRef('The certificate that the Gateway shows to backends.') }),
    frontend: object('Towards clients.', {
      default: { ...clientValidation, description: 'For all HTTPS listeners.' },
      perPort: mapList('For the HTTPS listeners of a port, in place of the default.', 'port', object('A port.', { port: port('The port.'), tls: clientValidation }, ['port', 'tls']), 64, rules(['Port for TLS configuration must be unique within the Gateway', 'self.all(t1, self.exists_one(t2, t1.port == t2.port))'])),
    }, ['default']),
  }),
}, ['gatewayClassName', 'listeners']), object('What the controller says of the Gateway.', {
  addresses: list('Addresses that it can be reached at.', object('An address.', { type: addressType, value: text('The address.', { maxLength: 253, minLength: 1 }) }, ['value'], rules(
    [`Hostname value must only contain valid characters (matching ${hostPattern})`, `self.type == 'Hostname' ? self.value.matches(r"""${hostPattern}"""): true`],
  )), 16),
  attachedListenerSets: integer('How many ListenerSets hang on it.'),
  conditions: conditions(['Accepted', 'Programmed']),
  listeners: listenerStatus,
}, [], { default: { conditions: [pending('Accepted'), pending('Programmed')] } }))

export const listenerSet = root('ListenerSet adds listeners to a Gateway of somebody else.', object('What is wanted.', {
  listeners: listeners('l1.protocol.lowerAscii() == l2.protocol.lowerAscii()'),
  parentRef: object('The Gateway.', { group: group('API group of the parent.', { default: 'gateway.networking.k8s.io' }), kind: kind('Kind of the parent.', { default: 'Gateway' }), name: name('Name of the parent.'), namespace: namespace("The parent's namespace; default: that of this object.") }, ['name']),
}, ['listeners', 'parentRef']), object('What the controller says of it.', { conditions: conditions(['Accepted', 'Programmed']), listeners: listenerStatus }, [], { default: { conditions: [pending('Accepted'), pending('Programmed')] } }))

export const referenceGrant = root('ReferenceGrant lets objects of other namespaces refer to objects of its own namespace.', object('What is wanted.', {
  from: list('Who may refer.', object('Objects of a kind in a namespace.', { group: group('API group of what refers.'), kind: kind('Kind of what refers.'), namespace: namespace('Namespace of what refers.') }, ['group', 'kind', 'namespace']), 16, { minItems: 1 }),
  to: list('What may be referred to.', object('Objects of a kind in this namespace.', { group: group('API group of what is referred to; empty is the core group.'), kind: kind('Kind of what is referred to.'), name: name('Name of the only object; default: all.') }, ['group', 'kind']), 16, { minItems: 1 }),
}, ['from', 'to']), undefined, [])

const targetSame = 'p1.group == p2.group && p1.kind == p2.kind && p1.name == p2.name'

export const backendTlsPolicy = root('BackendTLSPolicy says how a Gateway speaks TLS to the pods of a Service.', object('What is wanted.', {
  options: optionMap("The implementation's own settings."),
  targetRefs: list('The Services.', object('A Service, or one of its ports.', { group: group('API group of the target; empty is the core group.'), kind: kind('Kind of the target.'), name: name('Name of the target.'), sectionName: sectionName("Name of the Service's port; default: all.") }, ['group', 'kind', 'name']), 16, {
    minItems: 1,
    ...rules(
      ['sectionName must be specified when targetRefs includes 2 or more references to the same target', `self.all(p1, self.all(p2, ${targetSame} ? ((!has(p1.sectionName) || p1.sectionName == '') == (!has(p2.sectionName) || p2.sectionName == '')) : true))`],
      ['sectionName must be unique when targetRefs includes 2 or more references to the same target', `self.all(p1, self.exists_one(p2, ${targetSame} && (((!has(p1.sectionName) || p1.sectionName == '') && (!has(p2.sectionName) || p2.sectionName == '')) || (has(p1.sectionName) && has(p2.sectionName) && p1.sectionName == p2.sectionName))))`],
    ),
  }),
  validation: object('How the backend is checked.', {
    caCertificateRefs: list('ConfigMaps with the authorities in ca.crt.', localRef('A ConfigMap in this namespace.'), 8),
    hostname: preciseHostname('Server name that is asked for, and that the certificate must be for.'),
    subjectAltNames: list("Other names, one of which the certificate must be for.", object('A name.', { hostname: hostname('A host name.'), type: choice('Which kind of name.', ['Hostname', 'URI']), uri: text('A URI.', { maxLength: 253, minLength: 1, pattern: '^(([^:/?#]+):)(//([^/?#]*))([^?#]*)(\\?([^#]*))?(#(.*))?' }) }, ['type'], rules(
      ['SubjectAltName element must contain Hostname, if Type is set to Hostname', '!(self.type == "Hostname" && (!has(self.hostname) || self.hostname == ""))'],
      ['SubjectAltName element must not contain Hostname, if Type is not set to Hostname', '!(self.type != "Hostname" && has(self.hostname) && self.hostname != "")'],
      ['SubjectAltName element must contain URI, if Type is set to URI', '!(self.type == "URI" && (!has(self.uri) || self.uri == ""))'],
      ['SubjectAltName element must not contain URI, if Type is not set to URI', '!(self.type != "URI" && has(self.uri) && self.uri != "")'],
    )), 5),
    wellKnownCACertificates: choice('Authorities that the system knows.', ['System']),
  }, ['hostname'], rules(
    ['must not contain both CACertificateRefs and WellKnownCACertificates', '!(has(self.caCertificateRefs) && size(self.caCertificateRefs) > 0 && has(self.wellKnownCACertificates) && self.wellKnownCACertificates != "")'],
    ['must specify either CACertificateRefs or WellKnownCACertificates', '(has(self.caCertificateRefs) && size(self.caCertificateRefs) > 0 || has(self.wellKnownCACertificates) && self.wellKnownCACertificates != "")'],
  )),
}, ['targetRefs', 'validation']), object('What the controllers say of the policy.', {
  ancestors: list('One entry for each Gateway that the policy has an effect on.', object('The state towards one Gateway.', {
    ancestorRef: object('The Gateway.', { group: group('API group of the ancestor.', { default: 'gateway.networking.k8s.io' }), kind: kind('Kind of the ancestor.', { default: 'Gateway' }), name: name('Name of the ancestor.'), namespace: namespace('Its namespace.'), port: port('Port of the ancestor.'), sectionName: sectionName('Listener of the ancestor.') }, ['name']),
    conditions: conditions([], { minItems: 1 }), controllerName: controllerName('The controller that wrote the entry.'),
  }, ['ancestorRef', 'conditions', 'controllerName']), 16),
}, ['ancestors']))
