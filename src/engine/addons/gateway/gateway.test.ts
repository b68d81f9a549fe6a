import { expect, test } from 'vitest'
import { HttpHeaders } from '#base/http.ts'
import type { Loose } from '#engine/api/loose.ts'
import { intersect, matchesHost, mostSpecific } from './hostnames.ts'
import { infrastructureName } from './infrastructure.ts'
import { Balance, chooseDoor, chooseEntry, corsHeaders, matchesPath, modifyHeaders, modifyPath, redirectTo } from './matching.ts'
import type { Asked } from './matching.ts'
import { entriesOf } from './routes.ts'
import { mergeConditions, mergeParents } from './status.ts'
import { condition } from './types.ts'
import type { Door, Rule, Target } from './types.ts'

const asked = (path: string, more: Partial<Asked> = {}, headers: Record<string, string> = {}): Asked => ({ method: 'GET', host: 'a.example', path: path.split('?')[0]!, query: path.split('?')[1], headers: new HttpHeaders(headers), scheme: 'http', grpc: false, ...more })

test('host names: a wildcard stands for one or more labels; what two names share; the most specific', () => {
  expect([matchesHost('*.example', 'a.b.example'), matchesHost('*.example', 'example'), matchesHost('', 'x'), matchesHost('a.example', 'b.example')]).toEqual([true, false, true, false])
  expect([intersect('*.example', 'a.b.example'), intersect('a.example', '*.example'), intersect('*.example', '*.b.example'), intersect('', '*.x'), intersect('*.example', 'example'), intersect('*.a.example', '*.b.example')]).toEqual(['a.b.example', 'a.example', '*.b.example', '*.x', undefined, undefined])
  expect(mostSpecific(['', '*.example', '*.b.example', 'a.b.example'], (h) => h, 'a.b.example')).toBe('a.b.example')
})

test('paths: exact, whole elements of a prefix, a whole expression', () => {
  const fits = (type: string, value: string, path: string) => matchesPath(path, { type, value })
  expect([fits('Exact', '/a', '/a/'), fits('PathPrefix', '/a', '/a/b'), fits('PathPrefix', '/a/', '/a'), fits('PathPrefix', '/a', '/ab'), fits('PathPrefix', '/', '/x'), fits('RegularExpression', '/v[0-9]+', '/v12'), fits('RegularExpression', '/v[0-9]+', '/v1/x')]).toEqual([false, true, true, false, true, true, false])
})

test('a replaced prefix, row by row as the API tells', () => {
  const rows = [['/foo/bar', '/foo', '/xyz', '/xyz/bar'], ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'], ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'], ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'], ['/foo', '/foo', '/xyz', '/xyz'], ['/foo/', '/foo', '/xyz', '/xyz/'], ['/foo/bar', '/foo', '', '/bar'], ['/foo/', '/foo', '', '/'], ['/foo', '/foo', '', '/'], ['/foo/', '/foo', '/', '/'], ['/foo', '/foo', '/', '/']] as const
  expect(rows.map(([path, prefix, to]) => modifyPath(path, { type: 'ReplacePrefixMatch', replacePrefixMatch: to }, { path: { value: prefix } }))).toEqual(rows.map((r) => r[3]))
  expect(modifyPath('/foo/bar', { type: 'ReplaceFullPath', replaceFullPath: '/one' }, {})).toBe('/one')
})

test('where a redirect leads: usual ports are left out', () => {
  const to = (filter: Loose, port = 80, more: Partial<Asked> = {}) => redirectTo(filter, asked('/a?b=c', more), {}, port)
  expect([to({}), to({}, 8080), to({ scheme: 'https' }, 8080), to({ scheme: 'https', port: 8443, hostname: 'x.example' }), to({ port: 443 }, 443, { scheme: 'https' }), to({ port: 80 }, 8080)]).toEqual(['http://a.example/a?b=c', 'http://a.example:8080/a?b=c', 'https://a.example/a?b=c', 'https://x.example:8443/a?b=c', 'https://a.example/a?b=c', 'http://a.example/a?b=c'])
})

test('headers are set, added to and taken away, without regard to case', () => {
  const headers = new HttpHeaders([['X-A', '1'], ['x-b', '2'], ['X-C', '3']])
  modifyHeaders(headers, { set: [{ name: 'x-a', value: 'one' }, { name: 'x-new', value: 'n' }], add: [{ name: 'X-B', value: 'two' }], remove: ['x-c'] })
  expect(headers.list).toEqual([['X-A', 'one'], ['x-new', 'n'], ['x-b', '2,two']])
})

const service = (name: string, weight = 1): Target => ({ name, weight, endpoints: [], filters: [] })
const rule = (name: string): Rule => ({ name, grpc: false, filters: [], targets: [service(name)] })
const route = (name: string, matches: readonly Loose[], second = 1): Loose => ({ metadata: { name, namespace: 'n', creationTimestamp: `2026-01-01T00:00:0${second}Z` }, spec: { rules: matches.map((m) => ({ matches: [m] })) } })
const door = (entries: Door['entries'], hostname = ''): Door => ({ name: `d ${hostname}`, port: 80, protocol: 'HTTP', hostname, passthrough: false, certificates: [], entries, streams: [] })

test('precedence: exact path, longer prefix, method, headers, query, age, order; then nothing fits', () => {
  const prefix = (value: string, more: Loose = {}) => ({ path: { type: 'PathPrefix', value }, ...more })
  const matches = [prefix('/'), prefix('/a'), { path: { type: 'Exact', value: '/a/b' } }, prefix('/a', { method: 'POST' }), prefix('/a', { headers: [{ name: 'v', value: '2' }] }), prefix('/a', { queryParams: [{ name: 'q', value: '1' }] })]
  const list = [{ route: route('young', [prefix('/a'), prefix('/old')], 2), kind: 'HTTPRoute', hostnames: [{ hostname: '', asked: '' }], rules: [rule('young'), rule('young-old')] }, { route: route('old', matches), kind: 'HTTPRoute', hostnames: [{ hostname: '', asked: '' }], rules: matches.map((_, i) => rule(String(i))) }]
  const entries = entriesOf(list)
  const chosen = (path: string, more: Partial<Asked> = {}, headers: Record<string, string> = {}) => chooseEntry(door(entries), asked(path, more, headers))?.rule.name
  expect([chosen('/x'), chosen('/a'), chosen('/a/b'), chosen('/a', { method: 'POST' }), chosen('/a', {}, { V: '2' }), chosen('/a?q=1'), chosen('/a?q=2'), chosen('/a', { method: 'POST' }, { V: '2' }), chosen('/old')]).toEqual(['0', '1', '2', '3', '4', '5', '1', '3', 'young-old'])
})

test('the most specific host name of a listener answers alone; listeners are apart', () => {
  const entries = entriesOf([
    { route: route('wild', [{ path: { type: 'PathPrefix', value: '/' } }]), kind: 'HTTPRoute', hostnames: [{ hostname: '*.example', asked: '*.example' }], rules: [rule('wild')] },
    { route: route('own', [{ path: { type: 'PathPrefix', value: '/own' } }], 2), kind: 'HTTPRoute', hostnames: [{ hostname: 'a.example', asked: 'a.example' }], rules: [rule('own')] },
  ])
  const chosen = (path: string, host: string) => chooseEntry(door(entries), asked(path, { host }))?.rule.name
  expect([chosen('/own', 'a.example'), chosen('/x', 'a.example'), chosen('/x', 'b.example'), chosen('/x', 'example')]).toEqual(['own', undefined, 'wild', undefined])
  const doors = [door([], ''), door([], '*.example'), door([], 'a.example')]
  expect(['a.example', 'b.example', 'x.test'].map((h) => chooseDoor(doors, h)?.hostname)).toEqual(['a.example', '*.example', ''])
})

test('gRPC methods are paths, and only gRPC calls fit', () => {
  const methods = [{ method: { service: 'shop.Cart', method: 'Add' } }, { method: { service: 'shop.Cart' } }, { method: { method: 'Ping' } }, {}]
  const entries = entriesOf([{ route: route('g', methods), kind: 'GRPCRoute', hostnames: [{ hostname: '', asked: '' }], rules: methods.map((_, i) => ({ ...rule(String(i)), grpc: true })) }])
  const chosen = (path: string, grpc = true) => chooseEntry(door(entries), asked(path, { grpc, method: 'POST' }))?.rule.name
  expect([chosen('/shop.Cart/Add'), chosen('/shop.Cart/Remove'), chosen('/x.Y/Ping'), chosen('/x.Y/Z'), chosen('/shop.Cart/Add', false)]).toEqual(['0', '1', '2', '3', undefined])
})

test('weights share evenly; none is none', () => {
  const balance = new Balance()
  const targets = [service('a', 7), service('b', 3), service('c', 0)]
  const names = Array.from({ length: 10 }, () => balance.next(targets)!.name)
  expect([names.filter((n) => n === 'a').length, names.filter((n) => n === 'b').length, names.slice(0, 4)]).toEqual([7, 3, ['a', 'b', 'a', 'a']])
  expect([new Balance().next([service('a', 0)]), new Balance().next([]), new Balance().next([service('z', 0), service('a')])?.name]).toEqual([undefined, undefined, 'a'])
})

test('CORS: origins with wildcards, credentials forbid the star, preflights get more', () => {
  const filter = { allowOrigins: ['https://*.shop.example', 'https://a.example'], allowMethods: ['GET', 'PUT'], allowHeaders: ['x-a'], exposeHeaders: ['x-b'], allowCredentials: true, maxAge: 9 }
  const from = (origin: string, preflight: boolean) => corsHeaders(filter, asked('/', {}, { Origin: origin }), preflight)
  expect([from('https://x.shop.example', true), from('https://a.example', false), from('https://b.example', false)]).toEqual([
    [['Access-Control-Allow-Origin', 'https://x.shop.example'], ['Access-Control-Allow-Credentials', 'true'], ['Access-Control-Allow-Methods', 'GET, PUT'], ['Access-Control-Allow-Headers', 'x-a'], ['Access-Control-Max-Age', '9'], ['Access-Control-Expose-Headers', 'x-b']],
    [['Access-Control-Allow-Origin', 'https://a.example'], ['Access-Control-Allow-Credentials', 'true'], ['Access-Control-Expose-Headers', 'x-b']], undefined,
  ])
  expect(corsHeaders({ allowOrigins: ['*'] }, asked('/', {}, { Origin: 'https://x' }), false)).toEqual([['Access-Control-Allow-Origin', '*']])
})

test("status: a condition keeps the time of its change, others' conditions and entries stay", () => {
  const old = [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '', observedGeneration: 1, lastTransitionTime: 't0' }, { type: 'foreign/Thing', status: 'True', reason: 'R', message: '', observedGeneration: 1, lastTransitionTime: 't0' }, { type: 'ResolvedRefs', status: 'False', reason: 'X', message: '', observedGeneration: 1, lastTransitionTime: 't0' }]
  expect(mergeConditions(old, [condition('Accepted', true, 'Accepted', 'm'), condition('Programmed', false, 'Invalid', 'n')], 2, 't1')).toEqual([
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'm', observedGeneration: 2, lastTransitionTime: 't0' }, old[1], { type: 'Programmed', status: 'False', reason: 'Invalid', message: 'n', observedGeneration: 2, lastTransitionTime: 't1' },
  ])
  const foreign = { parentRef: { name: 'g' }, controllerName: 'other', conditions: [] }
  expect(mergeParents([foreign, { parentRef: { name: 'gone' }, controllerName: 'kubedrill.dev/gateway-controller', conditions: [] }], [], 1, 't', 'parentRef')).toEqual([foreign])
})

test("names of a Gateway's objects fit a Service", () => {
  const named = (name: string) => infrastructureName({ metadata: { name }, spec: { gatewayClassName: 'drill' } })
  expect([named('town'), named('a.b'), named('1st'), named('x'.repeat(253)).length]).toEqual(['town-drill', 'a-b-drill', 'gw-1st-drill', 63])
})
