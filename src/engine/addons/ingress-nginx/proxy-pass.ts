/**
 * What nginx does with a request whose location is known: it asks the upstream's addresses in turn and hands the answer on, answers by itself where
 * none does, and writes the access log.
 */
import { byteLength } from '#base/bytes.ts'
import { encodeChunk, encodeRequest, encodeResponse, HttpHeaders, HttpReader, httpDate, lastChunk } from '#base/http.ts'
import type { HttpResponseHead } from '#base/http.ts'
import type { Random } from '#base/random.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { tlsConnect } from '#engine/machine/tls.ts'
import { isErrno } from '#engine/machine/vfs.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { accessLine, corsHeaders, ownPage, statusTitle } from './answer.ts'
import type { Asked, LogFacts, OwnAnswer } from './answer.ts'
import type { ClusterView } from './cluster-view.ts'
import { customHeaders, fastCgiExtras, namedHeaders } from './config-maps.ts'
import type { Exchange } from './exchange.ts'
import { encodeFastCgiRequest, fastCgiParams, fastCgiReader } from './fastcgi.ts'
import { isTrue, rewritePath, upstreamName } from './router.ts'
import type { Location, Upstream } from './router.ts'
import { parseSnippet } from './snippets.ts'
import { affinityCookie, cookieValue, pick, setCookie, upstreamHeaders, upstreamKey } from './upstream-request.ts'

export class ProxyPass {
  readonly #process: Process
  readonly #sim: Sim
  readonly #view: ClusterView
  readonly #random: Random
  readonly #out: (line: string) => void

  /** `out`: where the access log goes. */
  constructor(process: Process, view: ClusterView, random: Random, out: (line: string) => void) {
    this.#process = process
    this.#sim = process.machine.sim
    this.#view = view
    this.#random = random
    this.#out = out
  }

  #serverToken(): [string, string][] {
    return this.#view.settings.flag('server-tokens') ? [['Server', 'nginx']] : []
  }

  async finish(connection: Connection, x: Exchange, started: number, answer: OwnAnswer, name: string, tries: LogFacts['tries'], extra: readonly (readonly [string, string])[] = []): Promise<void> {
    const headers = new HttpHeaders([...this.#serverToken(), ['Date', httpDate(this.#sim.now)], ...answer.headers, ...extra])
    if (answer.body !== '' && !headers.has('Content-Length')) headers.set('Content-Length', String(byteLength(answer.body)))
    headers.set('Connection', x.keepAlive ? 'keep-alive' : 'close')
    await connection.write(encodeResponse({ status: answer.status, reason: statusTitle(answer.status) || 'OK', headers, ...(x.head.method === 'HEAD' ? {} : { body: answer.body }) }))
    this.#record(x, started, answer.status, x.head.method === 'HEAD' ? 0 : byteLength(answer.body), name, tries)
  }

  #record(x: Exchange, started: number, status: number, bytes: number, name: string, tries: LogFacts['tries'], silent = false) {
    if (silent || this.#view.settings.flag('disable-access-log') || this.#view.settings.flag('disable-http-access-log')) return
    this.#out(accessLine({
      now: this.#sim.now, started, client: x.client, request: `${x.head.method} ${x.head.target} ${x.head.version}`, status, bytes, referer: x.head.headers.get('Referer'), agent: x.head.headers.get('User-Agent'),
      requestLength: byteLength(encodeRequest({ method: x.head.method, target: x.head.target, headers: x.head.headers })) + byteLength(x.body), upstreamName: name, tries, requestId: this.#random.letters(32, '0123456789abcdef'),
    }))
  }

  hsts(x: Exchange): [string, string][] {
    const { settings } = this.#view
    return x.secure && settings.flag('hsts') ? [['Strict-Transport-Security', `max-age=${settings.text('hsts-max-age')}${settings.flag('hsts-include-subdomains') ? '; includeSubDomains' : ''}${settings.flag('hsts-preload') ? '; preload' : ''}`]] : []
  }

  /** Where a request may go, in order; with the cookie that keeps the client there. */
  #choose(location: Location, upstream: Upstream, asked: Asked): { readonly list: readonly { readonly ip: string; readonly port: number }[]; readonly cookie?: [string, string] } {
    const a = location.annotations
    if (isTrue(a['service-upstream']) || (a['service-upstream'] === undefined && this.#view.settings.flag('service-upstream'))) {
      const address = this.#view.clusterAddress(upstream)
      return { list: address ? [address] : [] }
    }
    const all = this.#view.endpoints(upstream)
    const first = (chosen: { readonly ip: string; readonly port: number } | undefined) => (chosen ? [chosen, ...all.filter((e) => e !== chosen)] : all)
    const cookie = affinityCookie(location)
    if (cookie !== undefined && all.length > 0) {
      const have = cookieValue(asked.header('Cookie'), cookie)
      if (have !== undefined) return { list: first(pick(all, have, (e) => `${e.ip}:${e.port}`)) }
      const value = `${Math.floor(this.#sim.now / 1000)}.${Math.floor(this.#random.next() * 1000)}.${Math.floor(this.#random.next() * 1000)}.${Math.floor(this.#random.next() * 1_000_000)}|${upstreamKey(upstream)}`
      return { list: first(pick(all, value, (e) => `${e.ip}:${e.port}`)), cookie: ['Set-Cookie', setCookie(location, cookie, value, this.#sim.now, asked.secure)] }
    }
    const key = a['upstream-hash-by']
    if (key) return { list: first(pick(all, key.replace(/\$\{?(\w+)\}?/g, (_, name: string) => this.variable(name, asked)), (e) => `${e.ip}:${e.port}`)) }
    return { list: this.#view.balanced(upstream) }
  }

  variable(name: string, asked: Asked): string {
    const values: Readonly<Record<string, string>> = { request_uri: asked.uri, uri: asked.path, host: asked.host.replace(/:\d+$/, ''), http_host: asked.host, best_http_host: asked.host, remote_addr: asked.client, binary_remote_addr: asked.client, scheme: asked.secure ? 'https' : 'http', request_method: asked.method, escaped_request_uri: encodeURIComponent(asked.uri), args: asked.uri.split('?')[1] ?? '' }
    return values[name] ?? (name.startsWith('http_') ? (asked.header(name.slice(5).replaceAll('_', '-')) ?? '') : name.startsWith('arg_') ? (new RegExp(`[?&]${name.slice(4)}=([^&]*)`).exec(asked.uri)?.[1] ?? '') : '')
  }

  /** Asks the upstream's addresses in turn; answers the client. */
  async proxy(connection: Connection, x: Exchange, started: number, location: Location, upstream: Upstream, asked: Asked, extraHeaders: readonly (readonly [string, string])[]): Promise<void> {
    const name = upstreamName(upstream)
    const a = location.annotations
    const silent = a['enable-access-log'] === 'false'
    const tries: { address: string; length: number; seconds: number; status: number }[] = []
    const security = this.hsts(x)
    const chosen = this.#choose(location, upstream, asked)
    const list = chosen.list.slice(0, Number(a['proxy-next-upstream-tries'] ?? this.#view.settings.text('proxy-next-upstream-tries')) || chosen.list.length)
    if (list.length === 0) return this.#failed(connection, x, started, location, 503, name, [], security)
    const rewritten = rewritePath(location, asked.path)
    const query = x.head.target.includes('?') ? x.head.target.slice(x.head.target.indexOf('?')) : ''
    const target = rewritten === asked.path ? x.head.target : `${rewritten === '' ? '/' : rewritten}${query}`
    const seconds = (what: 'connect' | 'read') => Number(a[`proxy-${what}-timeout`] ?? this.#view.settings.text(`proxy-${what}-timeout`)) * 1000 || { connect: 5000, read: 60_000 }[what]
    let lastStatus = 502
    for (const endpoint of list) {
      const begun = this.#sim.now
      const address = `${endpoint.ip}:${endpoint.port}`
      let back: Connection
      try {
        back = await this.#process.sockets.connect(endpoint.ip, endpoint.port, { timeout: seconds('connect') })
        if (a['backend-protocol']?.toUpperCase() === 'HTTPS') back = await tlsConnect(back, { serverName: asked.host.replace(/:\d+$/, ''), roots: [], insecure: true, alpn: ['http/1.1'], now: this.#sim.now })
      } catch (error) {
        lastStatus = isErrno(error, 'ETIMEDOUT') ? 504 : 502
        tries.push({ address, length: 0, seconds: (this.#sim.now - begun) / 1000, status: lastStatus })
        continue
      }
      let late = false
      const patience = this.#sim.after(seconds('read'), () => {
        late = true
        back.close()
      }, { background: true })
      try {
        const headers = upstreamHeaders(location, asked, x.head.headers, this.#random.letters(32, '0123456789abcdef'), this.#view.settings, [...Object.entries(namedHeaders(this.#view, 'proxy-set-headers') ?? {}).map(([k, v]) => [k, v.replace(/\$\{?(\w+)\}?/g, (_, name: string) => this.variable(name, asked))] as const), ...extraHeaders])
        if (x.body !== '' || x.head.headers.has('Content-Length')) headers.set('Content-Length', String(byteLength(x.body)))
        const fastCgi = a['backend-protocol']?.toUpperCase() === 'FCGI'
        if (fastCgi) await back.write(encodeFastCgiRequest(fastCgiParams({ method: x.head.method, path: rewritten === '' ? '/' : rewritten, target: x.head.target, body: x.body, headers: x.head.headers.list, https: x.secure, client: x.client, connection, server: location.ingress?.spec.rules?.[0]?.host ?? '_', index: a['fastcgi-index'], more: Object.fromEntries(Object.entries(fastCgiExtras(this.#view, location)).map(([k, v]) => [k, v.replace(/\$\{?(\w+)\}?/g, (all, name_: string) => (name_ === 'fastcgi_script_name' ? all : this.variable(name_, asked)))])) }), x.body))
        else await back.write(encodeRequest({ method: x.head.method, target, headers, ...(x.body !== '' && { body: x.body }) }))
        const reader = new HttpReader(fastCgi ? fastCgiReader(() => back.read()) : () => back.read(), 'response')
        if (x.head.method === 'HEAD') reader.parser.noBody = true
        const own: readonly (readonly [string, string])[] = [...security, ...Object.entries(namedHeaders(this.#view, 'add-headers') ?? {}), ...corsHeaders(location, asked), ...(customHeaders(this.#view, location) ?? []), ...(a['configuration-snippet'] ? parseSnippet(a['configuration-snippet']).answer : []), ...this.#serverAnswer(location), ...(chosen.cookie ? [chosen.cookie] : [])]
        const length = await this.#relay(reader, connection, x, own, (status) => {
          this.#sim.cancel(patience)
          return this.#errorCodes(location).includes(status)
        })
        if (length === undefined) throw new Error('no answer')
        back.close()
        tries.push({ address, length: length.bytes, seconds: (this.#sim.now - begun) / 1000, status: length.status })
        if (length.held) return await this.#errorBackend(connection, x, started, location, length.status, name, tries, asked)
        return this.#record(x, started, length.status, length.bytes, name, tries, silent)
      } catch {
        this.#sim.cancel(patience)
        back.close()
        lastStatus = late ? 504 : 502
        tries.push({ address, length: 0, seconds: (this.#sim.now - begun) / 1000, status: lastStatus })
        if (late) break
      }
    }
    return this.#failed(connection, x, started, location, lastStatus, name, tries, security)
  }

  #serverAnswer(location: Location) {
    const text = [location.annotations['server-snippet'], this.#view.settings.text('server-snippet')].filter((t) => t).join('\n')
    return text === '' ? [] : parseSnippet(text).answer
  }

  #errorCodes(location: Location): number[] {
    return [...(location.annotations['custom-http-errors'] ?? this.#view.settings.text('custom-http-errors')).split(',')].map((c) => Number(c.trim())).filter((c) => c >= 400)
  }

  /** A failure of nginx's own: by the default-backend annotation, or its page. */
  async #failed(connection: Connection, x: Exchange, started: number, location: Location, status: number, name: string, tries: LogFacts['tries'], extra: readonly (readonly [string, string])[]): Promise<void> {
    if (location.annotations['default-backend'] && (status === 503 || this.#errorCodes(location).includes(status))) return this.#errorBackend(connection, x, started, location, status, name, tries)
    return this.finish(connection, x, started, ownPage(status), name, tries, extra)
  }

  /** custom-http-errors: the default backend is asked instead, and told what happened. */
  async #errorBackend(connection: Connection, x: Exchange, started: number, location: Location, status: number, name: string, tries: LogFacts['tries'], asked?: Asked): Promise<void> {
    const service = location.annotations['default-backend']
    const namespace = location.ingress?.metadata.namespace ?? ''
    const port = service ? this.#view.service(namespace, service)?.spec.ports?.[0] : undefined
    const endpoint = service && port ? this.#view.endpoints({ namespace, service, port: port.name ?? String(port.port) })[0] : undefined
    if (!endpoint) return this.finish(connection, x, started, ownPage(status === 503 && !asked ? 503 : 404), name, tries)
    try {
      const back = await this.#process.sockets.connect(endpoint.ip, endpoint.port, { timeout: 5000 })
      const headers = new HttpHeaders([['Host', x.head.headers.get('Host') ?? ''], ['X-Code', String(status)], ['X-Format', x.head.headers.get('Accept') ?? ''], ['X-Original-URI', x.head.target], ['X-Namespace', namespace], ['X-Ingress-Name', location.ingress?.metadata.name ?? ''], ['X-Service-Name', location.upstream?.service ?? ''], ['X-Service-Port', location.upstream?.port ?? '']])
      await back.write(encodeRequest({ method: 'GET', target: '/', headers }))
      const length = await this.#relay(new HttpReader(() => back.read(), 'response'), connection, x, this.hsts(x), () => false)
      back.close()
      this.#record(x, started, length?.status ?? 502, length?.bytes ?? 0, name, tries)
    } catch {
      await this.finish(connection, x, started, ownPage(502), name, tries)
    }
  }

  /** Hands a response on; undefined when the upstream closed before it answered. */
  async #relay(reader: HttpReader, connection: Connection, x: Exchange, extra: readonly (readonly [string, string])[], hold: (status: number) => boolean): Promise<{ readonly bytes: number; readonly status: number; readonly held?: true } | undefined> {
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
        const hidden = this.#view.settings.list('hide-headers').map((h) => h.toLowerCase())
        const headers = new HttpHeaders([...this.#serverToken(), ['Date', httpDate(this.#sim.now)]])
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
}
