import { expect, test } from 'vitest'
import { accessLine, corsHeaders, preAnswer } from './answer.ts'
import type { Asked } from './answer.ts'
import { buildServers, chooseLocation, chooseServer, goesToCanary, rewritePath } from './router.ts'
import type { Ingress } from './types.ts'

function ingress(name: string, host: string | undefined, paths: readonly (readonly [path: string, type: string, service: string])[], annotations: Record<string, string> = {}, more: Partial<Ingress['spec']> = {}): Ingress {
  const own = Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`nginx.ingress.kubernetes.io/${k}`, v]))
  return {
    apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name, namespace: 'shop', annotations: own, creationTimestamp: `2026-01-01T00:00:0${name.length}Z` },
    spec: { ingressClassName: 'nginx', rules: [{ ...(host !== undefined && { host }), http: { paths: paths.map(([path, pathType, service]) => ({ path, pathType, backend: { service: { name: service, port: { number: 80 } } } })) } }], ...more },
  }
}

const route = (list: readonly Ingress[], host: string, path: string) => chooseLocation(chooseServer(buildServers(list), host), path)?.upstream?.service ?? 'default backend'

test('hosts, then exact paths, then the longest prefix by whole elements', () => {
  const list = [ingress('a', 'shop.test', [['/', 'Prefix', 'front'], ['/cart', 'Prefix', 'cart'], ['/cart', 'Exact', 'cart-exact'], ['/api', 'ImplementationSpecific', 'api']]), ingress('bb', '*.shop.test', [['/', 'Prefix', 'wild']]), ingress('ccc', undefined, [['/status', 'Prefix', 'status']])]
  expect([
    route(list, 'shop.test', '/x'), route(list, 'shop.test:8080', '/cart'), route(list, 'SHOP.test', '/cart/1'), route(list, 'shop.test', '/cartoon'), route(list, 'shop.test', '/apis'),
    route(list, 'eu.shop.test', '/cart'), route(list, 'a.eu.shop.test', '/'), route(list, 'other.test', '/status/x'), route(list, '', '/'),
  ]).toEqual(['front', 'cart-exact', 'cart', 'front', 'api', 'wild', 'default backend', 'status', 'default backend'])
})

test('the older Ingress keeps a path that two claim', () => {
  expect(route([ingress('younger', 'a.test', [['/', 'Prefix', 'second']]), ingress('old', 'a.test', [['/', 'Prefix', 'first']])], 'a.test', '/')).toBe('first')
})

test('rewrite-target turns the paths of the host into expressions and uses their groups', () => {
  const server = chooseServer(buildServers([ingress('a', 'a.test', [['/something(/|$)(.*)', 'ImplementationSpecific', 'x']], { 'rewrite-target': '/$2', 'use-regex': 'true' })]), 'a.test')
  const go = (path: string) => {
    const location = chooseLocation(server, path)
    return location ? rewritePath(location, path) : undefined
  }
  expect([go('/something'), go('/something/'), go('/something/new/1'), go('/somethingelse')]).toEqual(['/', '/', '/new/1', undefined])
})

test('canaries take by header, cookie and weight', () => {
  const servers = buildServers([ingress('a', 'a.test', [['/', 'Prefix', 'main']]), ingress('bb', 'a.test', [['/', 'Prefix', 'next']], { canary: 'true', 'canary-by-header': 'X-Try', 'canary-by-cookie': 'try', 'canary-weight': '30' })])
  const canary = chooseLocation(chooseServer(servers, 'a.test'), '/')!.canary!
  const headers = (h: Record<string, string>) => (name: string) => h[name]
  expect(canary.upstream.service).toBe('next')
  expect([goesToCanary(canary, headers({ 'X-Try': 'always' }), () => 0.9), goesToCanary(canary, headers({ 'X-Try': 'never' }), () => 0), goesToCanary(canary, headers({ Cookie: 'a=b; try=always' }), () => 0.9), goesToCanary(canary, headers({}), () => 0.29), goesToCanary(canary, headers({}), () => 0.3)]).toEqual([true, false, true, true, false])
})

const asked = (more: Partial<Asked> = {}): Asked => ({ method: 'GET', host: 'a.test', path: '/x', uri: '/x?q=1', secure: false, client: '192.0.2.7', header: () => undefined, bodyLength: 0, hasCertificate: false, ...more })
const location = (annotations: Record<string, string>) => chooseLocation(chooseServer(buildServers([ingress('a', 'a.test', [['/', 'Prefix', 's']], annotations)]), 'a.test'), '/x')!

test('what is answered without a backend', () => {
  const answer = (annotations: Record<string, string>, more?: Partial<Asked>) => {
    const a = preAnswer(location(annotations), asked(more))
    return a ? `${a.status} ${a.headers.find(([k]) => k === 'Location')?.[1] ?? ''}`.trim() : 'proxied'
  }
  expect([
    answer({}), answer({}, { hasCertificate: true }), answer({ 'ssl-redirect': 'false' }, { hasCertificate: true }), answer({}, { hasCertificate: true, secure: true }), answer({ 'force-ssl-redirect': 'true' }),
    answer({ 'permanent-redirect': 'https://b.test/' }), answer({ 'whitelist-source-range': '10.0.0.0/8, 192.0.2.0/24' }), answer({ 'whitelist-source-range': '10.0.0.0/8' }), answer({ 'proxy-body-size': '1k' }, { bodyLength: 1025 }), answer({ 'app-root': '/home' }, { path: '/', uri: '/' }),
  ]).toEqual(['proxied', '308 https://a.test/x?q=1', 'proxied', 'proxied', '308 https://a.test/x?q=1', '301 https://b.test/', 'proxied', '403', '413', '302 http://a.test/home'])
  expect(corsHeaders(location({ 'enable-cors': 'true', 'cors-allow-origin': 'https://ok.test' }), asked({ header: (n) => (n === 'Origin' ? 'https://no.test' : undefined) }))).toEqual([])
})

test('the access log names client, request, upstream and its address', () => {
  expect(accessLine({
    now: Date.UTC(2026, 0, 2, 3, 4, 5), started: Date.UTC(2026, 0, 2, 3, 4, 5) - 12, client: '192.0.2.7', request: 'GET /x HTTP/1.1', status: 200, bytes: 4, referer: undefined, agent: 'curl/8.5.0', requestLength: 76,
    upstreamName: 'shop-s-80', tries: [{ address: '10.8.1.2:8080', length: 4, seconds: 0.012, status: 200 }], requestId: 'f00d',
  })).toBe('192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET /x HTTP/1.1" 200 4 "-" "curl/8.5.0" 76 0.012 [shop-s-80] [] 10.8.1.2:8080 4 0.012 200 f00d')
})
