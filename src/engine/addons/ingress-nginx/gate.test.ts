import { expect, test } from 'vitest'
import { HttpHeaders } from '#base/http.ts'
import { toBase64 } from '#base/bytes.ts'
import { admissionRefusal, screen } from './annotations.ts'
import { access, redirects } from './answer.ts'
import type { Asked } from './answer.ts'
import { Random } from '#base/random.ts'
import { encodeCertificate, issueCertificate } from '#engine/machine/certificates.ts'
import { basicAuth, blocked, clientCertificate, Limits } from './gate.ts'
import { apr1, matchesPassword } from './htpasswd.ts'
import { nginxConf } from './nginx-conf.ts'
import { buildServers, chooseLocation, chooseServer } from './router.ts'
import type { Location } from './router.ts'
import { Settings } from './settings.ts'
import { parseSnippet } from './snippets.ts'
import type { Ingress } from './types.ts'
import { clientOf, cookieValue, setCookie, upstreamHeaders } from './upstream-request.ts'

const own = (annotations: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`nginx.ingress.kubernetes.io/${k}`, v]))
const ingress = (annotations: Record<string, string> = {}, host = 'a.test', spec: Partial<Ingress['spec']> = {}): Ingress => ({
  apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web', namespace: 'shop', annotations: own(annotations) },
  spec: { ingressClassName: 'nginx', rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] } }], ...spec },
})
const location = (annotations: Record<string, string>): Location => chooseLocation(chooseServer(buildServers([ingress(annotations)]), 'a.test'), '/')!
const asked = (more: Partial<Asked> = {}, headers: Record<string, string> = {}): Asked => ({ method: 'GET', host: 'a.test', path: '/x', uri: '/x', secure: false, client: '10.0.0.9', header: (n) => new HttpHeaders(headers).get(n), bodyLength: 0, hasCertificate: false, ...more })

test('passwords: apr1 as openssl makes it, SHA, plain', () => {
  expect([apr1('bar', 'abcdefgh'), apr1('a longer password than sixteen bytes', 'xyz')]).toEqual(['$apr1$abcdefgh$bGLO42WqKpmLoPH9uGWTg1', '$apr1$xyz$FiV6yfJh8VlvyIAXBs4qZ.'])
  expect([matchesPassword('{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=', 'bar'), matchesPassword('{PLAIN}bar', 'bar'), matchesPassword('{PLAIN}bar', 'baz'), matchesPassword('bar', 'bar')]).toEqual([true, true, false, false])
})

test('basic authentication: the realm in the refusal, 503 where the secret is missing', () => {
  const place = location({ 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'Shop' })
  const secrets = (key: string) => (key === 'shop/users' ? { auth: 'foo:{PLAIN}bar\n' } : undefined)
  const as = (user: string) => basicAuth(place, asked({}, { Authorization: `Basic ${toBase64(user)}` }), secrets)?.status
  expect([basicAuth(place, asked(), secrets)?.headers, as('foo:bar'), as('foo:no'), basicAuth(place, asked(), () => undefined)?.status, basicAuth(location({}), asked(), secrets)]).toEqual([[['Content-Type', 'text/html'], ['WWW-Authenticate', 'Basic realm="Shop"']], undefined, 401, 503, undefined])
})

test('a rate limit lets a burst through and then as much as leaks away', () => {
  const limits = new Limits()
  const place = location({ 'limit-rps': '1', 'limit-burst-multiplier': '2' })
  const at = (now: number, client = '10.0.0.9') => limits.request(place, asked({ client }), now, new Settings())?.status ?? 200
  expect([at(0), at(0), at(0), at(0), at(0, '10.0.0.8'), at(1000), at(1000)]).toEqual([200, 200, 200, 503, 200, 200, 503])
  expect(limits.request(location({ 'limit-rps': '1', 'limit-whitelist': '10.0.0.0/8' }), asked(), 0, new Settings())).toBe(undefined)
})

test('settings: blocks, ranges, redirects, whom to believe about the client', () => {
  const settings = new Settings({ 'block-cidrs': '10.9.0.0/16', 'block-user-agents': '~*bot, curl/8', 'whitelist-source-range': '10.0.0.0/8', 'force-ssl-redirect': 'true', 'use-forwarded-headers': 'true' })
  expect([blocked(asked({ client: '10.9.1.1' }), settings)?.status, blocked(asked({}, { 'User-Agent': 'AlphaBot/1' }), settings)?.status, blocked(asked({}, { 'User-Agent': 'curl/8' }), settings)?.status, blocked(asked({}, { 'User-Agent': 'curl/8.1' }), settings)]).toEqual([403, 403, 403, undefined])
  expect([access(location({}), asked({ client: '11.0.0.1' }), settings)?.status, access(location({ 'whitelist-source-range': '11.0.0.0/8' }), asked({ client: '11.0.0.1' }), settings)]).toEqual([403, undefined])
  expect([redirects(location({}), asked({ uri: '/' }), settings)?.headers[1], redirects(location({ 'force-ssl-redirect': 'false' }), asked(), settings), redirects(location({}), asked({ path: '/.well-known/acme-challenge/x' }), settings)]).toEqual([['Location', 'https://a.test'], undefined, undefined])
  expect([clientOf('10.0.0.9', () => '1.2.3.4, 5.6.7.8', settings), clientOf('10.0.0.9', () => '1.2.3.4', new Settings())]).toEqual(['1.2.3.4', '10.0.0.9'])
})

test('risky annotations keep an Ingress out, or are dropped where snippets are off; the webhook names the snippet', () => {
  const snippet = ingress({ 'configuration-snippet': 'more_set_headers "A: b";', 'enable-modsecurity': 'true' })
  expect(screen(snippet, new Settings())).toEqual({ annotations: { 'enable-modsecurity': 'true' }, refusal: 'annotation group ConfigurationSnippet contains risky annotation based on ingress configuration', ignored: ['enable-modsecurity'] })
  expect(screen(snippet, new Settings({ 'annotations-risk-level': 'Critical' }))).toEqual({ annotations: { 'enable-modsecurity': 'true' }, ignored: ['enable-modsecurity'] })
  expect(screen(snippet, new Settings({ 'annotations-risk-level': 'Critical', 'allow-snippet-annotations': 'true' })).annotations).toHaveProperty('configuration-snippet')
  const words = new Settings({ 'annotation-value-word-blocklist': 'load_module,lua' })
  expect([screen(ingress({ 'app-root': '/lua' }), words).refusal, screen(ingress({ 'app-root': '/home' }), words).refusal]).toEqual(['skipping ingress shop/web: nginx.ingress.kubernetes.io/app-root annotation contains invalid word lua', undefined])
  expect([admissionRefusal(snippet, new Settings()), admissionRefusal(ingress({ 'rewrite-target': '/' }), new Settings())]).toEqual(['nginx.ingress.kubernetes.io/configuration-snippet annotation cannot be used. Snippet directives are disabled by the Ingress administrator', undefined])
})

test('snippets: headers both ways, an answer, and what is not understood', () => {
  expect(parseSnippet('# note\nmore_set_headers "A: b;c" \'D: e\';\nmore_clear_headers Server;proxy_set_header X $host; return 418 "I am";\nlua_code_cache off;')).toEqual({
    answer: [['A', 'b;c'], ['D', 'e'], ['Server', '']], request: [['X', '$host']], returns: { status: 418, text: 'I am' }, unknown: ['lua_code_cache'],
  })
})

test('what the backend hears, and the cookie that keeps a client', () => {
  const place = location({ 'upstream-vhost': 'inner', affinity: 'cookie', 'session-cookie-max-age': '60', 'session-cookie-samesite': 'Lax' })
  const headers = upstreamHeaders(place, asked({}, { 'X-Forwarded-For': '1.2.3.4' }), new HttpHeaders([['Host', 'a.test'], ['X-Forwarded-For', '1.2.3.4'], ['Accept', '*/*']]), 'id', new Settings({ 'compute-full-forwarded-for': 'true' }))
  expect(Object.fromEntries(headers.list)).toMatchObject({ Host: 'inner', 'X-Forwarded-For': '1.2.3.4, 10.0.0.9', 'X-Original-Forwarded-For': '1.2.3.4', 'X-Forwarded-Host': 'a.test', Accept: '*/*' })
  expect(setCookie(place, 'route', 'v', 0, true)).toBe('route=v; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax')
  expect([cookieValue('a=1; route=x=y', 'route'), cookieValue(undefined, 'route')]).toEqual(['x=y', undefined])
})

test('www or not: the other name leads to the one in the Ingress', () => {
  const servers = buildServers([ingress({ 'from-to-www-redirect': 'true' }, 'shop.test'), ingress({ 'from-to-www-redirect': 'true' }, 'www.b.test')])
  expect([chooseServer(servers, 'www.shop.test').redirect, chooseServer(servers, 'b.test').redirect, chooseServer(servers, 'shop.test').redirect]).toEqual(['shop.test', 'www.b.test', undefined])
})

test('nginx.conf holds what settings and annotations say', () => {
  const settings = new Settings({ 'worker-processes': '3', 'ssl-session-cache': 'false', 'lua-shared-dicts': 'certificate_data: 300, mine: 15' })
  const list = [ingress({ 'denylist-source-range': '18.0.0.0/8', 'proxy-read-timeout': '7', 'enable-cors': 'true', 'cors-max-age': '200' }, 'a.test', { tls: [{ hosts: ['a.test'] }] })]
  const conf = nginxConf({ settings, servers: buildServers(list), version: 'v1.14.1' })
  const has = ['worker_processes 3;', 'ssl_session_cache', 'lua_shared_dict certificate_data 20M;', 'lua_shared_dict mine 15M;', 'server_name "a.test" ;', 'deny 18.0.0.0/8;', 'proxy_read_timeout                   7s;', "more_set_headers 'Access-Control-Max-Age: 200';", 'set $proxy_upstream_name "shop-web-80";', 'set $proxy_upstream_name "upstream-default-backend";'].filter((text) => conf.includes(text))
  expect(has).toEqual(['worker_processes 3;', 'lua_shared_dict certificate_data 20M;', 'lua_shared_dict mine 15M;', 'server_name "a.test" ;', 'deny 18.0.0.0/8;', 'proxy_read_timeout                   7s;', "more_set_headers 'Access-Control-Max-Age: 200';", 'set $proxy_upstream_name "shop-web-80";', 'set $proxy_upstream_name "upstream-default-backend";'])
  expect([buildServers(list).get('a.test')?.tls, (conf.match(/\{/g) ?? []).length === (conf.match(/\}/g) ?? []).length]).toEqual([true, true])
})

test('client certificates: none, a strange one, a good one; optional ones', () => {
  const random = new Random('certificates')
  const days = { now: 0, days: 30 }
  const ca = issueCertificate(random, { commonName: 'ca', isCa: true }, days)
  const good = issueCertificate(random, { commonName: 'client', organizations: ['shop'] }, { ...days, issuer: ca })
  const strange = issueCertificate(random, { commonName: 'client' }, days)
  const secret = (key: string) => (key === 'shop/ca' ? { 'ca.crt': encodeCertificate(ca.certificate) } : undefined)
  const judge = (annotations: Record<string, string>, chain: Parameters<typeof clientCertificate>[2], secure = true) => clientCertificate(location(annotations), asked({ secure }), chain, 1000, secret)
  const title = (r: ReturnType<typeof judge>) => /<title>(.*?)<\/title>/.exec(r.answer?.body ?? '')?.[1] ?? Object.fromEntries(r.headers)
  const on = { 'auth-tls-secret': 'ca' }
  expect([title(judge(on, [])), title(judge(on, [strange.certificate])), title(judge(on, [good.certificate])), title(judge({ ...on, 'auth-tls-verify-client': 'optional' }, [])), title(judge({ 'auth-tls-secret': 'none' }, [])), title(judge(on, [], false)), judge({ ...on, 'auth-tls-error-page': 'https://x/' }, []).answer?.headers[1]]).toEqual([
    '400 No required SSL certificate was sent', '400 The SSL certificate error', { 'ssl-client-verify': 'SUCCESS', 'ssl-client-subject-dn': 'CN=client,O=shop' }, { 'ssl-client-verify': 'NONE', 'ssl-client-subject-dn': '' }, '503 Service Temporarily Unavailable', {}, ['Location', 'https://x/'],
  ])
})
