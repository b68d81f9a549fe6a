/** Schemas of the routes: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute. Facts of Gateway API v1.5; of filters, ExternalAuth is left out. */
import { backendObject, backendRef, choice, duration, flag, headerName, hostname, integer, list, localRef, mapList, object, only, parentRefs, port, preciseHostname, root, routeStatus, rules, sectionName, text } from './schema.ts'
import type { Schema } from './schema.ts'

const header = object('A header and its value.', { name: headerName('Name of the header; case does not matter.'), value: text('Its value.', { maxLength: 4096, minLength: 1 }) }, ['name', 'value'])

const headerFilter = (description: string): Schema =>
  object(description, {
    add: mapList('Headers to add; values are appended to what is there.', 'name', header, 16),
    remove: list('Names of headers to take away.', { type: 'string' }, 16, { 'x-kubernetes-list-type': 'set' }),
    set: mapList('Headers to put in place of what is there.', 'name', header, 16),
  })

const fraction = object('A fraction of the requests.', { denominator: integer('What the numerator is a part of.', 1, undefined, { default: 100 }), numerator: integer('How many of the denominator.', 0) }, ['numerator'], rules(['numerator must be less than or equal to denominator', 'self.numerator <= self.denominator']))

const mirror = object('Sends a copy of the request elsewhere and throws the answer away.', {
  backendRef: backendObject('Where the copies go.'), fraction, percent: integer('Share of the requests that are copied.', 0, 100),
}, ['backendRef'], rules(['Only one of percent or fraction may be specified in HTTPRequestMirrorFilter', '!(has(self.percent) && has(self.fraction))']))

const pathModifier = (description: string): Schema =>
  object(description, {
    replaceFullPath: text('The new path.', { maxLength: 1024 }), replacePrefixMatch: text('What takes the place of the matched prefix.', { maxLength: 1024 }),
    type: choice('How the path is changed.', ['ReplaceFullPath', 'ReplacePrefixMatch']),
  }, ['type'], rules(
    ["replaceFullPath must be specified when type is set to 'ReplaceFullPath'", "self.type == 'ReplaceFullPath' ? has(self.replaceFullPath) : true"],
    ["type must be 'ReplaceFullPath' when replaceFullPath is set", "has(self.replaceFullPath) ? self.type == 'ReplaceFullPath' : true"],
    ["replacePrefixMatch must be specified when type is set to 'ReplacePrefixMatch'", "self.type == 'ReplacePrefixMatch' ? has(self.replacePrefixMatch) : true"],
    ["type must be 'ReplacePrefixMatch' when replacePrefixMatch is set", "has(self.replacePrefixMatch) ? self.type == 'ReplacePrefixMatch' : true"],
  ))

const redirect = object('Answers with a redirection.', {
  hostname: preciseHostname('Host of the new address; default: that of the request.'), path: pathModifier('How the path changes.'), port: port("Port of the new address; default: the scheme's, or the listener's."),
  scheme: choice('Scheme of the new address; default: that of the request.', ['http', 'https']), statusCode: { default: 302, description: 'Status of the answer.', enum: [301, 302, 303, 307, 308], type: 'integer' },
})

const rewrite = object('Changes the request before it is forwarded.', { hostname: preciseHostname('The new Host header.'), path: pathModifier('How the path changes.') })

const origin = "(^\\*$)|(^(http(s)?):\\/\\/(((\\*\\.)?([a-zA-Z0-9\\-]+\\.)*[a-zA-Z0-9-]+|\\*)(:([0-9]{1,5}))?)$)"
const wildcardAlone = (field: string, what: string) => rules([`${field} cannot contain '*' alongside other ${what}`, "!('*' in self && self.size() > 1)"])
const cors = object('Answers cross-origin questions.', {
  allowCredentials: flag('Whether credentials may be sent.'),
  allowHeaders: list('Headers that a request may have.', headerName('A header.'), 64, { 'x-kubernetes-list-type': 'set', ...wildcardAlone('AllowHeaders', 'methods') }),
  allowMethods: list('Methods that may be used.', choice('A method.', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '*']), 9, { 'x-kubernetes-list-type': 'set', ...wildcardAlone('AllowMethods', 'methods') }),
  allowOrigins: list('Origins that may ask.', text('An origin; * stands for any labels.', { maxLength: 253, minLength: 1, pattern: origin }), 64, { 'x-kubernetes-list-type': 'set', ...wildcardAlone('AllowOrigins', 'origins') }),
  exposeHeaders: list('Headers of the answer that scripts may read.', headerName('A header.'), 64, { 'x-kubernetes-list-type': 'set' }),
  maxAge: integer('Seconds that a browser may keep the answer to a preflight.', 1, undefined, { default: 5 }),
})

const fieldOf: Readonly<Record<string, string>> = { RequestHeaderModifier: 'requestHeaderModifier', ResponseHeaderModifier: 'responseHeaderModifier', RequestMirror: 'requestMirror', RequestRedirect: 'requestRedirect', URLRewrite: 'urlRewrite', CORS: 'cors', ExtensionRef: 'extensionRef' }

/** Each filter type needs its field and no other. */
const union = (types: readonly string[]) =>
  rules(...types.flatMap((type): [string, string][] => [
    [`filter.${fieldOf[type]} must be nil if the filter.type is not ${type}`, `!(has(self.${fieldOf[type]}) && self.type != '${type}')`],
    [`filter.${fieldOf[type]} must be specified for ${type} filter.type`, `!(!has(self.${fieldOf[type]}) && self.type == '${type}')`],
  ]))

const notRepeated = (types: readonly string[]): [string, string][] => types.map((type) => [`${type} filter cannot be repeated`, `self.filter(f, f.type == '${type}').size() <= 1`])

const filterFields: Readonly<Record<string, Schema>> = {
  cors, extensionRef: localRef("An implementation's own filter."), requestHeaderModifier: headerFilter('Changes headers of the request.'), requestMirror: mirror, requestRedirect: redirect,
  responseHeaderModifier: headerFilter('Changes headers of the answer.'), urlRewrite: rewrite,
}

function filters(types: readonly string[], more: readonly [string, string][], unique: readonly string[]): Schema {
  const fields = Object.fromEntries(types.map((type) => [fieldOf[type]!, filterFields[fieldOf[type]!]!]))
  return list('What is done with matching traffic on its way, in this order.', object('One step.', { ...fields, type: choice('Which step.', types) }, ['type'], union(types)), 16, rules(...more, ...notRepeated(unique)))
}

const httpTypes = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'RequestRedirect', 'URLRewrite', 'ExtensionRef', 'CORS']
const noBoth = (rule: string): [string, string] => [`May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both`, rule]
const httpFilters = filters(httpTypes, [noBoth("!(self.exists(f, f.type == 'RequestRedirect') && self.exists(f, f.type == 'URLRewrite'))")], ['CORS', 'RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'])
const grpcFilters = filters(['ResponseHeaderModifier', 'RequestHeaderModifier', 'RequestMirror', 'ExtensionRef'], [], ['RequestHeaderModifier', 'ResponseHeaderModifier'])

const begins = ["(self.type in ['Exact','PathPrefix']) ? "]
const pathRules = rules(
  ["value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']", `${begins[0]}self.value.startsWith('/') : true`],
  ...['//', '/./', '/../', '%2f', '%2F', '#'].map((bad): [string, string] => [`must not contain '${bad}' when type one of ['Exact', 'PathPrefix']`, `${begins[0]}!self.value.contains('${bad}') : true`]),
  ...['/..', '/.'].map((bad): [string, string] => [`must not end with '${bad}' when type one of ['Exact', 'PathPrefix']`, `${begins[0]}!self.value.endsWith('${bad}') : true`]),
  ["type must be one of ['Exact', 'PathPrefix', 'RegularExpression']", "self.type in ['Exact','PathPrefix'] || self.type == 'RegularExpression'"],
  ["must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types ['Exact', 'PathPrefix']", `${begins[0]}self.value.matches(r"""^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$""") : true`],
)

const valueMatch = (what: string, maxLength: number): Schema =>
  object(`A condition on a ${what}.`, { name: headerName(`Name of the ${what}.`), type: choice('How the value is compared.', ['Exact', 'RegularExpression'], { default: 'Exact' }), value: text('The value.', { maxLength, minLength: 1 }) }, ['name', 'value'])

const rootPath = { type: 'PathPrefix', value: '/' }

const httpMatch = object('Conditions that must all hold.', {
  headers: mapList('Conditions on headers.', 'name', valueMatch('header', 4096), 16),
  method: choice('The method.', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']),
  path: object('A condition on the path.', { type: choice('How the path is compared: the whole, whole elements from the front, or an expression.', ['Exact', 'PathPrefix', 'RegularExpression'], { default: 'PathPrefix' }), value: text('The path.', { default: '/', maxLength: 1024 }) }, [], { default: rootPath, ...pathRules }),
  queryParams: mapList('Conditions on parameters of the query.', 'name', valueMatch('query parameter', 1024), 16),
})

const sessionPersistence = object('Keeps a client at one backend.', {
  absoluteTimeout: duration('How long a session lasts at most.'), idleTimeout: duration('How long it lasts without use.'), sessionName: text('Name of the cookie or header.', { maxLength: 128 }),
  cookieConfig: object('For cookies.', { lifetimeType: choice('Whether the cookie outlives the browser.', ['Permanent', 'Session'], { default: 'Session' }) }), type: choice('By which means.', ['Cookie', 'Header'], { default: 'Cookie' }),
}, [], rules(['AbsoluteTimeout must be specified when cookie lifetimeType is Permanent', "!has(self.cookieConfig) || !has(self.cookieConfig.lifetimeType) || self.cookieConfig.lifetimeType != 'Permanent' || has(self.absoluteTimeout)"]))

const retry = object('Asks again when a backend fails.', { attempts: { description: 'How often.', type: 'integer' }, backoff: duration('How long to wait before.'), codes: list('Status codes of answers that count as failures.', { maximum: 599, minimum: 400, type: 'integer' }) })

const prefixOnly = (filter: string, of: 'self' | 'b') => `(has(${of}.filters) && ${of}.filters.exists_one(f, has(f.${filter}) && has(f.${filter}.path) && f.${filter}.path.type == 'ReplacePrefixMatch' && has(f.${filter}.path.replacePrefixMatch)))`
const onePrefix = "((size(self.matches) != 1 || !has(self.matches[0].path) || self.matches[0].path.type != 'PathPrefix') ? false : true) : true"

const httpRule = object('Which requests, what is done with them, where they go.', {
  backendRefs: list('Where matching requests go, by weight.', backendRef(httpFilters), 16),
  filters: httpFilters,
  matches: list('The rule applies where one of these does; default: every path.', httpMatch, 64, { default: [{ path: rootPath }] }),
  name: sectionName('Name of the rule, unique in the route.'),
  retry: only(retry),
  sessionPersistence: only(sessionPersistence),
  timeouts: object('How long things may take.', { backendRequest: duration('One request to a backend.'), request: duration('The whole answer to the client.') }, [], rules(
    ['backendRequest timeout cannot be longer than request timeout', "!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s') && duration(self.backendRequest) > duration(self.request))"],
  )),
}, [], rules(
  ['RequestRedirect filter must not be used together with backendRefs', '(has(self.backendRefs) && size(self.backendRefs) > 0) ? (!has(self.filters) || self.filters.all(f, !has(f.requestRedirect))): true'],
  ['When using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified', `${prefixOnly('requestRedirect', 'self')} ? ${onePrefix}`],
  ['When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified', `${prefixOnly('urlRewrite', 'self')} ? ${onePrefix}`],
  ['Within backendRefs, when using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified', `(has(self.backendRefs) && self.backendRefs.exists_one(b, ${prefixOnly('requestRedirect', 'b')} )) ? ${onePrefix}`],
  ['Within backendRefs, When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified', `(has(self.backendRefs) && self.backendRefs.exists_one(b, ${prefixOnly('urlRewrite', 'b')} )) ? ${onePrefix}`],
))

const uniqueRuleNames: [string, string] = ['Rule name must be unique within the route', 'self.all(l1, !has(l1.name) || self.exists_one(l2, has(l2.name) && l1.name == l2.name))']
const matchesSum = (count: (i: number) => string) => Array.from({ length: 16 }, (_, i) => `(self.size() > ${i} ? ${count(i)} : 0)`).join(' + ')

export const httpRoute = root('HTTPRoute says which HTTP requests that arrive at a Gateway go to which Services, and what is changed on the way.', object('What is wanted.', {
  hostnames: list('Host names that the route is for; default: those of the listener.', hostname('A host name; *. in front stands for one or more labels.'), 16),
  parentRefs,
  rules: list('The rules; the most specific match wins.', httpRule, 16, {
    default: [{ matches: [{ path: rootPath }] }], minItems: 1,
    ...rules(uniqueRuleNames, ['While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128', `${matchesSum((i) => `self[${i}].matches.size()`)} <= 128`]),
  }),
}), routeStatus)

const grpcName = "^[A-Za-z_][A-Za-z_0-9]*$"
const grpcService = '^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$'
const grpcMethod = object('A condition on the method.', {
  method: text('The method; default: any.', { maxLength: 1024 }), service: text('The service, with its package; default: any.', { maxLength: 1024 }), type: choice('How the names are compared.', ['Exact', 'RegularExpression'], { default: 'Exact' }),
}, [], rules(
  ['One or both of \'service\' or \'method\' must be specified', 'has(self.type) ? has(self.service) || has(self.method) : true'],
  [`service must only contain valid characters (matching ${grpcService})`, `(!has(self.type) || self.type == 'Exact') && has(self.service) ? self.service.matches(r"""${grpcService}"""): true`],
  [`method must only contain valid characters (matching ${grpcName})`, `(!has(self.type) || self.type == 'Exact') && has(self.method) ? self.method.matches(r"""${grpcName}"""): true`],
))

const grpcRule = object('Which calls, what is done with them, where they go.', {
  backendRefs: list('Where matching calls go, by weight.', backendRef(grpcFilters), 16),
  filters: grpcFilters,
  matches: list('The rule applies where one of these does; default: every call.', object('Conditions that must all hold.', { headers: mapList('Conditions on metadata.', 'name', valueMatch('header', 4096), 16), method: grpcMethod }), 64),
  name: sectionName('Name of the rule, unique in the route.'),
  sessionPersistence: only(sessionPersistence),
})

export const grpcRoute = root('GRPCRoute says which gRPC calls that arrive at a Gateway go to which Services.', object('What is wanted.', {
  hostnames: list('Host names that the route is for; default: those of the listener.', hostname('A host name; *. in front stands for one or more labels.'), 16),
  parentRefs,
  rules: list('The rules; the most specific match wins.', grpcRule, 16, rules(uniqueRuleNames, ['While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128', `${matchesSum((i) => `(has(self[${i}].matches) ? self[${i}].matches.size() : 0)`)} <= 128`])),
}), routeStatus, [])

const streamRule = (what: string) => object(`Where ${what} go.`, { backendRefs: list('The backends, by weight.', backendRef(), 16, { minItems: 1 }), name: sectionName('Name of the rule.') }, ['backendRefs'])

export const tlsRoute = root('TLSRoute forwards TLS connections by the server name that the client asks for, without looking inside (or after ending TLS, as the listener says).', object('What is wanted.', {
  hostnames: list('Server names that the route is for.', hostname('A server name; *. in front stands for one or more labels.'), 16, { minItems: 1, ...rules(["Hostnames cannot contain an IP", 'self.all(h, !isIP(h))'], ['Hostnames must be valid based on RFC-1123', "self.all(h, !h.contains('*') ? h.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)(\\\\.([a-z0-9]([-a-z0-9]*[a-z0-9])?))*$') : true )"], ['Wildcards on hostnames must be the first label, and the rest of hostname must be valid based on RFC-1123', "self.all(h, h.contains('*') ? (h.startsWith('*.') && h.substring(2).matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)(\\\\.([a-z0-9]([-a-z0-9]*[a-z0-9])?))*$')) : true )"]) }),
  parentRefs,
  rules: list('The rules.', streamRule('connections'), 1, { minItems: 1 }),
}, ['hostnames', 'rules']), routeStatus)

export const tcpRoute = root('TCPRoute forwards the connections of a listener port.', object('What is wanted.', { parentRefs, rules: list('The rules.', streamRule('connections'), 1, { minItems: 1 }) }, ['rules']), routeStatus)
export const udpRoute = root('UDPRoute forwards the datagrams of a listener port.', object('What is wanted.', { parentRefs, rules: list('The rules.', streamRule('datagrams'), 1, { minItems: 1 }) }, ['rules']), routeStatus)
