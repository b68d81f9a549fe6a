/**
 * The ingress-nginx controller v1.14 as a program: listens on 80 and 443 of its pod, chooses a backend by the Ingresses of its class and
 * proxies over real connections to pod addresses. Left out: Lua plugins, snippets beyond headers and `return`, gRPC to backends, metrics.
 */
import { byteLength } from '#base/bytes.ts'
import { encodeChunk, encodeRequest, encodeResponse, HttpHeaders, HttpReader, httpDate, lastChunk } from '#base/http.ts'
import type { HttpRequestHead, HttpResponseHead } from '#base/http.ts'
import { issueCertificate } from '#engine/machine/certificates.ts'
import type { Certificate } from '#engine/machine/certificates.ts'
import { isErrno } from '#engine/machine/vfs.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection, Listener } from '#engine/machine/sockets.ts'
import { peekServerName, tlsAccept, tlsConnect } from '#engine/machine/tls.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { notFound, plain, serveHttp } from '#engine/node/http-server.ts'
import type { Timer } from '#engine/sim/sim.ts'
import { klogLine } from '#engine/node/klog.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { access, accessLine, corsHeaders, ownPage, redirects, statusTitle } from './answer.ts'
import type { Asked, LogFacts, OwnAnswer } from './answer.ts'
import { knownAnnotations, screen } from './annotations.ts'
import { ClusterView } from './cluster-view.ts'
import { askJudge, mirrorRequest } from './external.ts'
import { basicAuth, blocked, clientCertificate, Limits } from './gate.ts'
import { encodeFastCgiRequest, fastCgiParams, fastCgiReader } from './fastcgi.ts'
import { nginxConf } from './nginx-conf.ts'
import { chooseLocation, chooseServer, goesToCanary, isTrue, rewritePath, upstreamName } from './router.ts'
import type { Location, Server, Upstream } from './router.ts'
import { parseSnippet } from './snippets.ts'
import type { Ingress } from './types.ts'
import { webhook, webhookPort } from './webhook.ts'
import type { WebhookTies } from './webhook.ts'
import { affinityCookie, clientOf, cookieValue, pick, setCookie, upstreamHeaders, upstreamKey } from './upstream-request.ts'
import { StatusKeeper } from './status.ts'

export const ingressNginxVersion = 'v1.14.1'

interface Exchange {
  readonly head: HttpRequestHead
  readonly body: string
  readonly secure: boolean
  readonly client: string
  /** What the client showed in the handshake. */
  readonly chain: readonly Certificate[]
  readonly keepAlive: boolean
}

/** Percent-decoding as nginx does before it looks for a location; broken escapes stay. */
function decodePath(target: string): string {
  const path = target.split('?')[0]!
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

export async function ingressNginx(process: Process, context: ContainerContext, ties?: WebhookTies): Promise<number> {
  const { sim } = process.machine
  const random = sim.random.fork('ingress-nginx')
  const out = lineWriter(process.stdout)
  const err = lineWriter(process.stderr)
  const log = (at: string, text: string) => err(klogLine(sim.now, 'I', text, { at, pid: process.pid }))
  out(`-------------------------------------------------------------------------------\nNGINX Ingress controller\n  Release:       ${ingressNginxVersion}\n  Build:         5ed8b9b3fb2a8f0b3b7d5d9c6e8b1a1ea5a60e94\n  Repository:    https://github.com/kubernetes/ingress-nginx\n  nginx version: nginx/1.27.1\n\n-------------------------------------------------------------------------------\n`)
  const view = new ClusterView(context.api)
  log('main.go:205', '"Creating API client" host="https://10.96.0.1:443"')
  while (!view.synced) await process.sleep(200)
  const flag = (name: string) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3)
  const on = (name: string) => process.argv.includes(`--${name}`) || flag(name) === 'true'
  view.claims = { className: flag('ingress-class') ?? 'nginx', controllerClass: flag('controller-class') ?? 'k8s.io/ingress-nginx', withoutClass: on('watch-ingress-without-class'), byName: on('ingress-class-by-name'), noCatchAll: on('disable-catch-all') }
  /** --default-backend-service: who answers where no rule fits. */
  const fallback = (): Upstream | undefined => {
    const [namespace, service] = (flag('default-backend-service') ?? '').split('/')
    const port = service === undefined ? undefined : view.service(namespace!, service)?.spec.ports?.[0]
    return port && { namespace: namespace!, service: service!, port: port.name ?? String(port.port) }
  }
  view.settingsKey = flag('configmap')?.replace('$(POD_NAMESPACE)', process.env.get('POD_NAMESPACE') ?? context.pod().metadata.namespace ?? '')
  const limits = new Limits()
  /** What the controller has to say of an Ingress's annotations. */
  const complain = (ingress: Ingress) => {
    const { refusal, ignored } = screen(ingress, view.settings)
    const name = `${ingress.metadata.namespace}/${ingress.metadata.name}`
    if (refusal !== undefined) err(klogLine(sim.now, 'E', refusal, { at: 'store.go:960', pid: process.pid }))
    for (const annotation of ignored) err(klogLine(sim.now, 'W', `"Annotation has no effect: it is not modelled in this simulation" annotation="nginx.ingress.kubernetes.io/${annotation}" group="${knownAnnotations.get(annotation)!.group}" ingress="${name}"`, { at: 'annotations.go:1', pid: process.pid }))
    const protocol = ingress.metadata.annotations?.['nginx.ingress.kubernetes.io/backend-protocol']?.toUpperCase()
    if (protocol !== undefined && !/^(HTTP|HTTPS|AUTO_HTTP|FCGI)$/.test(protocol)) err(klogLine(sim.now, 'W', `"Requests go out as plain HTTP: this protocol is not modelled in this simulation" backend-protocol="${protocol}" ingress="${name}"`, { at: 'annotations.go:1', pid: process.pid }))
    for (const snippet of ['configuration-snippet', 'server-snippet']) {
      const text = screen(ingress, view.settings).annotations[snippet]
      const unknown = text === undefined ? [] : parseSnippet(text).unknown
      if (unknown.length > 0) err(klogLine(sim.now, 'W', `"Directives have no effect: they are not modelled in this simulation" directives="${unknown.join(', ')}" ingress="${name}"`, { at: 'annotations.go:1', pid: process.pid }))
    }
  }
  const keeper = new StatusKeeper({ sim, view, context, publishService: flag('publish-service') })
  keeper.start()
  const scheduled = (ingress: Ingress) => {
    if (!view.owns(ingress)) return
    complain(ingress)
    if (screen(ingress, view.settings).refusal === undefined) context.api.event(ingress, 'Normal', 'Sync', 'Scheduled for sync', 'nginx-ingress-controller')
  }
  view.ingresses.onAdd(scheduled)
  view.ingresses.onUpdate((ingress, before) => {
    if (ingress.metadata.generation !== before.metadata.generation || JSON.stringify(ingress.metadata.annotations) !== JSON.stringify(before.metadata.annotations)) scheduled(ingress)
  })
  log('nginx.go:271', '"Starting NGINX Ingress controller"')
  const fake = issueCertificate(random, { commonName: 'Kubernetes Ingress Controller Fake Certificate', organizations: ['Acme Co'], dnsNames: ['ingress.local'] }, { now: sim.now, days: 365 })
  const fakeIdentity = { chain: [fake.certificate], keyId: fake.keyId }
  const open: { close(): void }[] = []
  context.onExit(() => {
    keeper.stop()
    sim.cancel(reload)
    for (const listener of open) listener.close()
  })
  open.push(serveHttp(process.machine.net.sockets, '0.0.0.0', 10254, () => sim.now, (r) => (r.path === '/healthz' ? plain('ok') : notFound)))
  const listen = (port: number): Listener => {
    const listener = process.sockets.listen('0.0.0.0', port)
    open.push(listener)
    return listener
  }
  const [http, https] = [listen(80), listen(443)]
  if (flag('validating-webhook') !== undefined) {
    const log_ = (severity: 'I' | 'E', at: string, text: string) => err(klogLine(sim.now, severity, text, { at, pid: process.pid }))
    log('nginx.go:320', `"Starting validation webhook" address="${flag('validating-webhook')}" certPath="${flag('validating-webhook-certificate') ?? ''}" keyPath="${flag('validating-webhook-key') ?? ''}"`)
    listen(webhookPort)
    ties?.serve(process, webhookPort, webhook({ view, log: log_ }))
  }
  log('controller.go:196', '"Configuration changes detected, backend reload required"')
  log('controller.go:216', '"Backend successfully reloaded"')
  const customHeaders = (location: Location): readonly (readonly [string, string])[] | undefined => {
    const name = location.annotations['custom-headers']
    const data = name === undefined ? {} : view.configMapData(name.includes('/') ? name : `${location.ingress?.metadata.namespace}/${name}`)
    const allowed = new Set(view.settings.list('global-allowed-response-headers').map((h) => h.toLowerCase()))
    return data && Object.keys(data).every((k) => allowed.has(k.toLowerCase())) ? Object.entries(data) : undefined
  }
  /** Parameters of the ConfigMap that fastcgi-params-configmap names. */
  const fastCgiMore = (location: Location): Readonly<Record<string, string>> => {
    const name = location.annotations['fastcgi-params-configmap']
    return name === undefined ? {} : (view.configMapData(name.includes('/') ? name : `${location.ingress?.metadata.namespace}/${name}`) ?? {})
  }
  /** The ConfigMap that a setting names. */
  const named = (setting: 'add-headers' | 'proxy-set-headers') => (view.settings.text(setting) === '' ? undefined : view.configMapData(view.settings.text(setting)))
  let conf = ''
  const writeConf = () => {
    const text = nginxConf({ settings: view.settings, servers: view.servers, version: ingressNginxVersion, customHeaders, fastCgiParams: fastCgiMore, addHeaders: named('add-headers'), setHeaders: named('proxy-set-headers') })
    if (text === conf) return
    conf = text
    try {
      process.fs.mkdir('/etc/nginx', { parents: true })
      process.fs.writeFile('/etc/nginx/nginx.conf', text)
    } catch {
      // A container that may not write there does without.
    }
  }
  writeConf()
  let reload: Timer | undefined
  view.onChange(() => {
    if (reload && !reload.cancelled) return
    reload = sim.after(1000, () => {
      reload = undefined
      const before = conf
      writeConf()
      if (before === conf) return
      log('controller.go:196', '"Configuration changes detected, backend reload required"')
      log('controller.go:216', '"Backend successfully reloaded"')
    }, { background: true })
  })

  const defaultLocation: Location = { path: '/', kind: 'prefix', pattern: undefined, upstream: undefined, ingress: undefined, annotations: {} }

  const serverToken = (): [string, string][] => (view.settings.flag('server-tokens') ? [['Server', 'nginx']] : [])
  const finish = async (connection: Connection, x: Exchange, started: number, answer: OwnAnswer, name: string, tries: LogFacts['tries'], extra: readonly (readonly [string, string])[] = []): Promise<void> => {
    const headers = new HttpHeaders([...serverToken(), ['Date', httpDate(sim.now)], ...answer.headers, ...extra])
    if (answer.body !== '' && !headers.has('Content-Length')) headers.set('Content-Length', String(byteLength(answer.body)))
    headers.set('Connection', x.keepAlive ? 'keep-alive' : 'close')
    await connection.write(encodeResponse({ status: answer.status, reason: statusTitle(answer.status) || 'OK', headers, ...(x.head.method === 'HEAD' ? {} : { body: answer.body }) }))
    record(x, started, answer.status, x.head.method === 'HEAD' ? 0 : byteLength(answer.body), name, tries)
  }

  const record = (x: Exchange, started: number, status: number, bytes: number, name: string, tries: LogFacts['tries'], silent = false) => {
    if (silent || view.settings.flag('disable-access-log') || view.settings.flag('disable-http-access-log')) return
    out(accessLine({
      now: sim.now, started, client: x.client, request: `${x.head.method} ${x.head.target} ${x.head.version}`, status, bytes, referer: x.head.headers.get('Referer'), agent: x.head.headers.get('User-Agent'),
      requestLength: byteLength(encodeRequest({ method: x.head.method, target: x.head.target, headers: x.head.headers })) + byteLength(x.body), upstreamName: name, tries, requestId: random.letters(32, '0123456789abcdef'),
    }))
  }

  const hsts = (x: Exchange): [string, string][] => {
    const { settings } = view
    return x.secure && settings.flag('hsts') ? [['Strict-Transport-Security', `max-age=${settings.text('hsts-max-age')}${settings.flag('hsts-include-subdomains') ? '; includeSubDomains' : ''}${settings.flag('hsts-preload') ? '; preload' : ''}`]] : []
  }

  /** Where a request may go, in order; with the cookie that keeps the client there. */
  const choose = (location: Location, upstream: Upstream, asked: Asked): { readonly list: readonly { readonly ip: string; readonly port: number }[]; readonly cookie?: [string, string] } => {
    const a = location.annotations
    if (isTrue(a['service-upstream']) || (a['service-upstream'] === undefined && view.settings.flag('service-upstream'))) {
      const address = view.clusterAddress(upstream)
      return { list: address ? [address] : [] }
    }
    const all = view.endpoints(upstream)
    const first = (chosen: { readonly ip: string; readonly port: number } | undefined) => (chosen ? [chosen, ...all.filter((e) => e !== chosen)] : all)
    const cookie = affinityCookie(location)
    if (cookie !== undefined && all.length > 0) {
      const have = cookieValue(asked.header('Cookie'), cookie)
      if (have !== undefined) return { list: first(pick(all, have, (e) => `${e.ip}:${e.port}`)) }
      const value = `${Math.floor(sim.now / 1000)}.${Math.floor(random.next() * 1000)}.${Math.floor(random.next() * 1000)}.${Math.floor(random.next() * 1_000_000)}|${upstreamKey(upstream)}`
      return { list: first(pick(all, value, (e) => `${e.ip}:${e.port}`)), cookie: ['Set-Cookie', setCookie(location, cookie, value, sim.now, asked.secure)] }
    }
    const key = a['upstream-hash-by']
    if (key) return { list: first(pick(all, key.replace(/\$\{?(\w+)\}?/g, (_, name: string) => variable(name, asked)), (e) => `${e.ip}:${e.port}`)) }
    return { list: view.balanced(upstream) }
  }

  const variable = (name: string, asked: Asked): string => {
    const values: Readonly<Record<string, string>> = { request_uri: asked.uri, uri: asked.path, host: asked.host.replace(/:\d+$/, ''), http_host: asked.host, best_http_host: asked.host, remote_addr: asked.client, binary_remote_addr: asked.client, scheme: asked.secure ? 'https' : 'http', request_method: asked.method, escaped_request_uri: encodeURIComponent(asked.uri), args: asked.uri.split('?')[1] ?? '' }
    return values[name] ?? (name.startsWith('http_') ? (asked.header(name.slice(5).replaceAll('_', '-')) ?? '') : name.startsWith('arg_') ? (new RegExp(`[?&]${name.slice(4)}=([^&]*)`).exec(asked.uri)?.[1] ?? '') : '')
  }

  /** Asks the upstream's addresses in turn; answers the client. */
  const proxy = async (connection: Connection, x: Exchange, started: number, location: Location, upstream: Upstream, asked: Asked, extraHeaders: readonly (readonly [string, string])[]): Promise<void> => {
    const name = upstreamName(upstream)
    const a = location.annotations
    const silent = a['enable-access-log'] === 'false'
    const tries: { address: string; length: number; seconds: number; status: number }[] = []
    const security = hsts(x)
    const chosen = choose(location, upstream, asked)
    const list = chosen.list.slice(0, Number(a['proxy-next-upstream-tries'] ?? view.settings.text('proxy-next-upstream-tries')) || chosen.list.length)
    if (list.length === 0) return failed(connection, x, started, location, 503, name, [], security)
    const rewritten = rewritePath(location, asked.path)
    const query = x.head.target.includes('?') ? x.head.target.slice(x.head.target.indexOf('?')) : ''
    const target = rewritten === asked.path ? x.head.target : `${rewritten === '' ? '/' : rewritten}${query}`
    const seconds = (what: 'connect' | 'read') => Number(a[`proxy-${what}-timeout`] ?? view.settings.text(`proxy-${what}-timeout`)) * 1000 || { connect: 5000, read: 60_000 }[what]
    let lastStatus = 502
    for (const endpoint of list) {
      const begun = sim.now
      const address = `${endpoint.ip}:${endpoint.port}`
      let back: Connection
      try {
        back = await process.sockets.connect(endpoint.ip, endpoint.port, { timeout: seconds('connect') })
        if (a['backend-protocol']?.toUpperCase() === 'HTTPS') back = await tlsConnect(back, { serverName: asked.host.replace(/:\d+$/, ''), roots: [], insecure: true, alpn: ['http/1.1'], now: sim.now })
      } catch (error) {
        lastStatus = isErrno(error, 'ETIMEDOUT') ? 504 : 502
        tries.push({ address, length: 0, seconds: (sim.now - begun) / 1000, status: lastStatus })
        continue
      }
      let late = false
      const patience = sim.after(seconds('read'), () => {
        late = true
        back.close()
      }, { background: true })
      try {
        const headers = upstreamHeaders(location, asked, x.head.headers, random.letters(32, '0123456789abcdef'), view.settings, [...Object.entries(named('proxy-set-headers') ?? {}).map(([k, v]) => [k, v.replace(/\$\{?(\w+)\}?/g, (_, name: string) => variable(name, asked))] as const), ...extraHeaders])
        if (x.body !== '' || x.head.headers.has('Content-Length')) headers.set('Content-Length', String(byteLength(x.body)))
        const fastCgi = a['backend-protocol']?.toUpperCase() === 'FCGI'
        if (fastCgi) await back.write(encodeFastCgiRequest(fastCgiParams({ method: x.head.method, path: rewritten === '' ? '/' : rewritten, target: x.head.target, body: x.body, headers: x.head.headers.list, https: x.secure, client: x.client, connection, server: location.ingress?.spec.rules?.[0]?.host ?? '_', index: a['fastcgi-index'], more: Object.fromEntries(Object.entries(fastCgiMore(location)).map(([k, v]) => [k, v.replace(/\$\{?(\w+)\}?/g, (all, name_: string) => (name_ === 'fastcgi_script_name' ? all : variable(name_, asked)))])) }), x.body))
        else await back.write(encodeRequest({ method: x.head.method, target, headers, ...(x.body !== '' && { body: x.body }) }))
        const reader = new HttpReader(fastCgi ? fastCgiReader(() => back.read()) : () => back.read(), 'response')
        if (x.head.method === 'HEAD') reader.parser.noBody = true
        const own: readonly (readonly [string, string])[] = [...security, ...Object.entries(named('add-headers') ?? {}), ...corsHeaders(location, asked), ...(customHeaders(location) ?? []), ...(a['configuration-snippet'] ? parseSnippet(a['configuration-snippet']).answer : []), ...serverAnswer(location), ...(chosen.cookie ? [chosen.cookie] : [])]
        const length = await relay(reader, connection, x, own, (status) => {
          sim.cancel(patience)
          return errorCodes(location).includes(status)
        })
        if (length === undefined) throw new Error('no answer')
        back.close()
        tries.push({ address, length: length.bytes, seconds: (sim.now - begun) / 1000, status: length.status })
        if (length.held) return await errorBackend(connection, x, started, location, length.status, name, tries, asked)
        return record(x, started, length.status, length.bytes, name, tries, silent)
      } catch {
        sim.cancel(patience)
        back.close()
        lastStatus = late ? 504 : 502
        tries.push({ address, length: 0, seconds: (sim.now - begun) / 1000, status: lastStatus })
        if (late) break
      }
    }
    return failed(connection, x, started, location, lastStatus, name, tries, security)
  }

  const serverAnswer = (location: Location) => {
    const text = [location.annotations['server-snippet'], view.settings.text('server-snippet')].filter((t) => t).join('\n')
    return text === '' ? [] : parseSnippet(text).answer
  }
  const errorCodes = (location: Location): number[] => [...(location.annotations['custom-http-errors'] ?? view.settings.text('custom-http-errors')).split(',')].map((c) => Number(c.trim())).filter((c) => c >= 400)

  /** A failure of nginx's own: by the default-backend annotation, or its page. */
  const failed = async (connection: Connection, x: Exchange, started: number, location: Location, status: number, name: string, tries: LogFacts['tries'], extra: readonly (readonly [string, string])[]): Promise<void> => {
    if (location.annotations['default-backend'] && (status === 503 || errorCodes(location).includes(status))) return errorBackend(connection, x, started, location, status, name, tries)
    return finish(connection, x, started, ownPage(status), name, tries, extra)
  }

  /** custom-http-errors: the default backend is asked instead, and told what happened. */
  const errorBackend = async (connection: Connection, x: Exchange, started: number, location: Location, status: number, name: string, tries: LogFacts['tries'], asked?: Asked): Promise<void> => {
    const service = location.annotations['default-backend']
    const namespace = location.ingress?.metadata.namespace ?? ''
    const port = service ? view.service(namespace, service)?.spec.ports?.[0] : undefined
    const endpoint = service && port ? view.endpoints({ namespace, service, port: port.name ?? String(port.port) })[0] : undefined
    if (!endpoint) return finish(connection, x, started, ownPage(status === 503 && !asked ? 503 : 404), name, tries)
    try {
      const back = await process.sockets.connect(endpoint.ip, endpoint.port, { timeout: 5000 })
      const headers = new HttpHeaders([['Host', x.head.headers.get('Host') ?? ''], ['X-Code', String(status)], ['X-Format', x.head.headers.get('Accept') ?? ''], ['X-Original-URI', x.head.target], ['X-Namespace', namespace], ['X-Ingress-Name', location.ingress?.metadata.name ?? ''], ['X-Service-Name', location.upstream?.service ?? ''], ['X-Service-Port', location.upstream?.port ?? '']])
      await back.write(encodeRequest({ method: 'GET', target: '/', headers }))
      const length = await relay(new HttpReader(() => back.read(), 'response'), connection, x, hsts(x), () => false)
      back.close()
      record(x, started, length?.status ?? 502, length?.bytes ?? 0, name, tries)
    } catch {
      await finish(connection, x, started, ownPage(502), name, tries)
    }
  }

  /** Hands a response on; undefined when the upstream closed before it answered. */
  const relay = async (reader: HttpReader, connection: Connection, x: Exchange, extra: readonly (readonly [string, string])[], hold: (status: number) => boolean): Promise<{ readonly bytes: number; readonly status: number; readonly held?: true } | undefined> => {
    let head: HttpResponseHead | undefined
    let bytes = 0
    let chunked = false
    for (;;) {
      const event = await reader.next()
      if (!event) return head ? { bytes, status: head.status } : undefined
      if (event.type === 'error') throw new Error(event.message)
      if (event.type === 'head') {
        head = event.head as HttpResponseHead
        if (hold(head.status)) return { bytes: 0, status: head.status, held: true }
        const hidden = view.settings.list('hide-headers').map((h) => h.toLowerCase())
        const headers = new HttpHeaders([...serverToken(), ['Date', httpDate(sim.now)]])
        for (const [k, v] of head.headers.list) if (!['date', 'server', 'connection', 'keep-alive', 'transfer-encoding', 'x-powered-by', ...hidden].includes(k.toLowerCase())) headers.add(k, v)
        chunked = !head.headers.has('Content-Length') && x.head.method !== 'HEAD' && ![204, 304].includes(head.status)
        if (chunked) headers.set('Transfer-Encoding', 'chunked')
        headers.set('Connection', x.keepAlive ? 'keep-alive' : 'close')
        for (const [k, v] of extra) {
          if (v === '') headers.delete(k)
          else if (k === 'Set-Cookie') headers.add(k, v)
          else headers.set(k, v)
        }
        await connection.write(encodeResponse({ status: head.status, reason: head.reason, headers }))
      } else if (event.type === 'data') {
        bytes += byteLength(event.text)
        await connection.write(chunked ? encodeChunk(event.text) : event.text)
      } else {
        if (chunked) await connection.write(lastChunk)
        return { bytes, status: head!.status }
      }
    }
  }

  const answer = async (connection: Connection, x: Exchange): Promise<void> => {
    const started = sim.now
    const host = x.head.headers.get('Host') ?? ''
    const server: Server = chooseServer(view.servers, host)
    const path = decodePath(x.head.target)
    const location = chooseLocation(server, path) ?? defaultLocation
    const asked: Asked = {
      method: x.head.method, host, path, uri: x.head.target, secure: x.secure, client: clientOf(x.client, (name) => x.head.headers.get(name), view.settings), header: (name) => x.head.headers.get(name), bodyLength: byteLength(x.body),
      hasCertificate: server.tls === true,
    }
    const { settings } = view
    const own = (answer_: OwnAnswer, more: readonly (readonly [string, string])[] = []) => finish(connection, x, started, answer_, location.upstream ? upstreamName(location.upstream) : 'upstream-default-backend', [], [...more, ...hsts(x)])
    const stop = blocked(asked, settings)
    if (stop) return own(stop)
    if (server.redirect !== undefined) return own({ ...ownPage(308), headers: [['Content-Type', 'text/html'], ['Location', `${x.secure ? 'https' : 'http'}://${server.redirect}${x.head.target}`]] })
    const snippets = [location.annotations['server-snippet'], location.annotations['configuration-snippet']].flatMap((t) => (t ? [parseSnippet(t)] : []))
    const given = snippets.find((t) => t.returns)?.returns
    if (given) return own({ status: given.status, headers: [['Content-Type', given.status >= 300 && given.status < 400 ? 'text/html' : 'text/plain'], ...(given.status >= 300 && given.status < 400 ? [['Location', given.text] as const] : [])], body: given.status >= 300 && given.status < 400 ? ownPage(given.status).body : given.text || (given.status >= 400 ? ownPage(given.status).body : '') })
    if (!location.upstream) {
      const other = fallback()
      return other && view.endpoints(other).length > 0 ? proxy(connection, x, started, location, other, asked, []) : own(ownPage(404))
    }
    const moved = redirects(location, asked, settings)
    if (moved) return own(moved, moved.status === 204 ? [] : corsHeaders(location, asked))
    const limited = limits.request(location, asked, sim.now, settings)
    if (limited) return own(limited)
    const leave = limits.enter(location, asked)
    if (!leave) return own(ownPage(Number(settings.text('limit-conn-status-code'))))
    try {
      const shown = clientCertificate(location, asked, x.chain, sim.now, (key) => view.secretData(key))
      if (shown.answer) return await own(shown.answer)
      const refused = access(location, asked, settings)
      const password = basicAuth(location, asked, (key) => view.secretData(key))
      // satisfy any: one of both is enough.
      const either = location.annotations['satisfy'] === 'any' && (location.annotations['auth-type'] !== undefined || location.annotations['auth-url'] !== undefined)
      if (refused && !(either && refused.status === 403 && !password)) return await own(refused, corsHeaders(location, asked))
      if (password && !(either && !refused)) return await own(password, corsHeaders(location, asked))
      if (location.annotations['custom-headers'] !== undefined && customHeaders(location) === undefined) return await own(ownPage(503))
      const judged = await askJudge({ process, settings, variable: (name) => variable(name, asked) }, location, asked, x.head.headers)
      if (judged?.answer) return await own(judged.answer)
      mirrorRequest({ process, settings, variable: (name) => variable(name, asked) }, location, x.head, x.body)
      const { canary } = location
      const cookie = canary && canary.affinity !== 'legacy' ? affinityCookie(location) : undefined
      // The part behind the bar says which backend the client was kept at.
      const kept = cookie === undefined ? undefined : cookieValue(asked.header('Cookie'), cookie)?.split('|')[1]
      const goes = canary && (kept === upstreamKey(canary.upstream) || (kept !== upstreamKey(location.upstream) && goesToCanary(canary, asked.header, () => random.next())))
      const upstream = goes ? canary.upstream : location.upstream
      return await proxy(connection, x, started, location, upstream, asked, [...shown.headers, ...(judged?.headers ?? [])])
    } finally {
      leave()
    }
  }

  const serve = async (raw: Connection, secure: boolean): Promise<void> => {
    let connection = raw
    let chain: readonly Certificate[] = []
    try {
      if (secure) {
        const hello = await peekServerName(raw)
        const asks = hello.serverName !== undefined && chooseServer(view.servers, hello.serverName).locations.some((l) => l.annotations['auth-tls-secret'] !== undefined)
        const secured = await tlsAccept(hello.connection, {
          identity: (name) => (name === undefined ? undefined : view.identity(chooseServer(view.servers, name).tlsSecret)) ?? fakeIdentity,
          alpn: ['http/1.1'], now: () => sim.now, ...(asks && { clientAuth: 'request' as const }),
        })
        chain = secured.peerChain
        connection = secured
      }
      const reader = new HttpReader(() => connection.read(), 'request')
      for (;;) {
        const message = await reader.message()
        if (!message) break
        if ('error' in message) {
          await connection.write(encodeResponse({ status: 400, reason: 'Bad Request', headers: { Date: httpDate(sim.now), 'Content-Type': 'text/html', Connection: 'close' }, body: ownPage(400).body }))
          break
        }
        await answer(connection, { head: message.head as HttpRequestHead, body: message.body, secure, client: raw.remote.host, chain, keepAlive: message.keepAlive })
        if (!message.keepAlive) break
      }
      connection.end()
    } catch {
      raw.close()
    }
  }
  const accept = async (listener: Listener, secure: boolean): Promise<void> => {
    try {
      for (;;) void serve(await listener.accept(), secure)
    } catch {
      // The listener was closed: the program is leaving.
    }
  }
  void accept(http, false)
  void accept(https, true)
  await context.terminated()
  log('main.go:199', '"Received SIGTERM, shutting down"')
  return 0
}
