/** What the controller says of Gateways, ListenerSets, routes and policies, on an API server with the definitions. */
import { beforeEach, expect, test } from 'vitest'
import { toBase64 } from '#base/bytes.ts'
import { Random } from '#base/random.ts'
import { parseYamlDocuments } from '#base/yaml.ts'
import type { Loose } from '#engine/api/loose.ts'
import type { ApiServer } from '#engine/api/server.ts'
import type { ApiClient, KubeObject } from '#engine/api/types.ts'
import { buildApiServer } from '#engine/kinds/build.ts'
import { encodeCertificate, encodeKey, issueCertificate } from '#engine/machine/certificates.ts'
import { Sim } from '#engine/sim/sim.ts'
import { gatewayApiDefinitions } from '../gateway-api/definitions.ts'
import { judge } from './model.ts'
import type { Picture } from './model.ts'
import type { Condition } from './types.ts'
import { View } from './view.ts'

let sim: Sim
let server: ApiServer
let api: ApiClient

const later = (ms: number) => sim.runUntil(sim.now + ms)

function put(object: KubeObject): void {
  const kind = server.kinds.find((k) => k.kind === object.kind && `${k.group ? `${k.group}/` : ''}${k.version}` === object.apiVersion)!
  api.create({ group: kind.group, version: kind.version, resource: kind.plural }, object)
  later(1000)
}
const apply = (yaml: string) => (parseYamlDocuments(yaml) as KubeObject[]).forEach(put)
const secret = (name: string, namespace: string) => {
  const pair = issueCertificate(new Random(name), { commonName: name }, { now: sim.now, days: 9 })
  put({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'kubernetes.io/tls', data: { 'tls.crt': toBase64(encodeCertificate(pair.certificate)), 'tls.key': toBase64(encodeKey(pair.keyId)) } })
}
const picture = (): Picture => judge(new View(api, () => {}))
const words = (list: readonly Condition[]) => list.map((c) => `${c.type}=${c.status} ${c.reason}`)
const listeners = (p: Picture) => p.gateways.flatMap((g) => g.listeners.map((l) => [l.spec.name as string, l.attached, ...words(l.conditions).filter((w) => !/Conflicted=False|=True (Accepted|Programmed|ResolvedRefs)$/.test(w))]))
const parents = (p: Picture) => Object.fromEntries(p.routes.map((r) => [r.object.metadata.name as string, r.parents.map((x) => words(x.conditions).join(', '))]))

const base = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: drill}
spec: {controllerName: kubedrill.dev/gateway-controller}
---
apiVersion: v1
kind: Namespace
metadata: {name: infra}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {open: "yes"}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
`
const gateway = (listeners_: string, more = '') => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: town, namespace: infra}
spec:
  gatewayClassName: drill${more}
  listeners:
${listeners_}`
const route = (name: string, spec: string, namespace = 'infra', kind = 'HTTPRoute') => `
---
apiVersion: gateway.networking.k8s.io/${kind === 'TCPRoute' ? 'v1alpha2' : 'v1'}
kind: ${kind}
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}`

beforeEach(() => {
  sim = new Sim({ seed: 'gateway', start: Date.UTC(2026, 0, 1) })
  server = buildApiServer({ sim, version: 'v1.35.4', serviceCidr: '10.96.0.0/12', advertiseAddress: '10.0.0.1:6443', caCertificate: '' })
  api = server.client({ name: 'admin', groups: ['system:masters', 'system:authenticated'] })
  for (const crd of gatewayApiDefinitions('experimental')) put(crd)
  apply(base)
})

test('listeners: distinct or not, kinds of routes, certificates with and without a grant', () => {
  secret('own', 'infra')
  secret('far', 'shop')
  apply(gateway(`
  - {name: a, port: 80, protocol: HTTP, hostname: a.test}
  - {name: b, port: 80, protocol: HTTP}
  - {name: mixed, port: 81, protocol: HTTP}
  - {name: tcp, port: 81, protocol: TCP}
  - {name: odd, port: 82, protocol: example.com/odd}
  - {name: kinds, port: 83, protocol: HTTP, allowedRoutes: {kinds: [{kind: TCPRoute}, {kind: HTTPRoute}]}}
  - {name: own, port: 443, protocol: HTTPS, hostname: "*.x.test", tls: {certificateRefs: [{name: own}]}}
  - {name: over, port: 443, protocol: HTTPS, hostname: y.x.test, tls: {certificateRefs: [{name: own}]}}
  - {name: far, port: 444, protocol: HTTPS, tls: {certificateRefs: [{name: far, namespace: shop}]}}
  - {name: gone, port: 445, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}`))
  const seen = picture()
  expect(listeners(seen)).toEqual([
    ['a', 0], ['b', 0], ['mixed', 0, 'Accepted=False ProtocolConflict', 'Conflicted=True ProtocolConflict', 'Programmed=False ProtocolConflict'], ['tcp', 0, 'Accepted=False ProtocolConflict', 'Conflicted=True ProtocolConflict', 'Programmed=False ProtocolConflict'],
    ['odd', 0, 'Accepted=False UnsupportedProtocol', 'Programmed=False Invalid'], ['kinds', 0, 'Programmed=False Invalid', 'ResolvedRefs=False InvalidRouteKinds'], ['own', 0, 'OverlappingTLSConfig=True OverlappingHostnames'], ['over', 0, 'OverlappingTLSConfig=True OverlappingHostnames'],
    ['far', 0, 'Programmed=False Invalid', 'ResolvedRefs=False RefNotPermitted'], ['gone', 0, 'Programmed=False Invalid', 'ResolvedRefs=False InvalidCertificateRef'],
  ])
  expect([words(seen.gateways[0]!.conditions), seen.gateways[0]!.config.doors.map((d) => d.port), seen.gateways[0]!.listeners[5]!.supportedKinds]).toEqual([['Accepted=True ListenersNotValid'], [80, 80, 443, 443], [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }]])
  apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: far, namespace: shop}
spec: {from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}], to: [{group: "", kind: Secret, name: far}]}`)
  expect(listeners(picture()).find(([name]) => name === 'far')).toEqual(['far', 0])
})

test('routes: why a parent does not take one, and what their references come to', () => {
  const web = 'rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]'
  apply(gateway(`
  - {name: same, port: 80, protocol: HTTP, hostname: "*.test"}
  - {name: open, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {open: "yes"}}}}}`) +
    route('fine', `{parentRefs: [{name: town}], hostnames: [a.test, a.other], ${web}}`) + route('section', `{parentRefs: [{name: town, sectionName: none}], ${web}}`) + route('port', `{parentRefs: [{name: town, port: 82}], ${web}}`) + route('host', `{parentRefs: [{name: town}], hostnames: [a.other], ${web}}`) +
    route('shop', `{parentRefs: [{name: town, namespace: infra}], rules: [{backendRefs: [{name: web, port: 80}]}]}`, 'shop') + route('closed', `{parentRefs: [{name: town, namespace: infra, sectionName: same}], rules: [{backendRefs: [{name: web, port: 81}]}]}`, 'shop') +
    route('kind', '{parentRefs: [{name: town}], rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}', 'infra', 'TCPRoute') + route('odd', '{parentRefs: [{name: town}], rules: [{backendRefs: [{name: x, kind: Thing, group: a.b}]}]}') + route('nothing', '{parentRefs: [{name: other}]}'))
  const seen = picture()
  expect(parents(seen)).toEqual({
    fine: ['Accepted=True Accepted, ResolvedRefs=False RefNotPermitted'], section: ['Accepted=False NoMatchingParent, ResolvedRefs=False RefNotPermitted'], port: ['Accepted=False NoMatchingParent, ResolvedRefs=False RefNotPermitted'], host: ['Accepted=False NoMatchingListenerHostname, ResolvedRefs=False RefNotPermitted'],
    shop: ['Accepted=True Accepted, ResolvedRefs=True ResolvedRefs'], closed: ['Accepted=False NotAllowedByListeners, ResolvedRefs=False BackendNotFound'], kind: ['Accepted=False NotAllowedByListeners, ResolvedRefs=False RefNotPermitted'], odd: ['Accepted=True Accepted, ResolvedRefs=False InvalidKind'],
  })
  expect(listeners(seen)).toEqual([['same', 2], ['open', 1]])
  expect(seen.gateways[0]!.config.doors[0]!.entries.map((e) => [e.hostname, e.rule.name, e.rule.targets.map((t) => t.invalid)])).toEqual([['a.test', 'infra/fine/0', [true]], ['*.test', 'infra/odd/0', [true]]])
})

test('ListenerSets: allowed or not, later ones lose, routes hang on the set that they name', () => {
  const set = (name: string, listeners_: string, namespace = 'infra') => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  parentRef: {name: town, namespace: infra}
  listeners:
${listeners_}`
  apply(gateway('  - {name: web, port: 80, protocol: HTTP, hostname: a.test}', '\n  allowedListeners: {namespaces: {from: Same}}') + set('first', '  - {name: web, port: 80, protocol: HTTP, hostname: b.test}\n  - {name: taken, port: 80, protocol: HTTP, hostname: a.test}') + set('second', '  - {name: web, port: 80, protocol: HTTP, hostname: b.test}') + set('stranger', '  - {name: web, port: 80, protocol: HTTP, hostname: c.test}', 'shop') +
    route('set', '{parentRefs: [{kind: ListenerSet, name: first, sectionName: web}]}') + route('gateway', '{parentRefs: [{name: town}]}'))
  const seen = picture()
  expect(seen.sets.map((s) => [s.object.metadata.name as string, ...words(s.conditions)])).toEqual([['first', 'Accepted=True ListenersNotValid', 'Programmed=True Programmed'], ['second', 'Accepted=False ListenersNotValid', 'Programmed=False ListenersNotValid'], ['stranger', 'Accepted=False NotAllowed', 'Programmed=False NotAllowed']])
  expect([listeners(seen), seen.gateways[0]!.attachedSets]).toEqual([[['web', 1], ['web', 1], ['taken', 0, 'Accepted=False HostnameConflict', 'Conflicted=True HostnameConflict', 'Programmed=False HostnameConflict'], ['web', 0, 'Accepted=False HostnameConflict', 'Conflicted=True HostnameConflict', 'Programmed=False HostnameConflict']], 1])
})

test('policies of backends: the older wins, authorities must be there; told for the Gateways whose routes lead there', () => {
  const policy = (name: string, authority: string, section = '') => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: ${name}, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: web${section}}], validation: {hostname: web.test, caCertificateRefs: [${authority}]}}`
  const ca = issueCertificate(new Random('ca'), { commonName: 'ca', isCa: true }, { now: sim.now, days: 9 })
  put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca', namespace: 'shop' }, data: { 'ca.crt': encodeCertificate(ca.certificate) } })
  const good = '{group: "", kind: ConfigMap, name: ca}'
  apply(gateway('  - {name: web, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}') + route('web', '{parentRefs: [{name: town, namespace: infra}], rules: [{backendRefs: [{name: web, port: 80}]}]}', 'shop') + policy('whole', good) + policy('younger', good) + policy('port', '{group: "", kind: Secret, name: ca}', ', sectionName: http'))
  const told = (p: Picture) => p.policies.map((x) => [x.object.metadata.name as string, ...x.ancestors.flatMap((a) => [(a.parentRef as Loose).name as string, ...words(a.conditions)])])
  const seen = picture()
  expect(told(seen)).toEqual([['port', 'town', 'Accepted=False NoValidCACertificate', 'ResolvedRefs=False InvalidKind'], ['whole', 'town', 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'], ['younger', 'town', 'Accepted=False Conflicted', 'ResolvedRefs=True ResolvedRefs']])
  expect(seen.gateways[0]!.config.doors[0]!.entries[0]!.rule.targets[0]!.tls).toMatchObject({ serverName: 'web.test', broken: true })
})
