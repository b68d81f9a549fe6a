/**
 * The ingress-nginx controller v1.14 as a program: listens on 80 and 443 of its pod, chooses a backend by the Ingresses of its class and
 * proxies over real connections to pod addresses. Left out: Lua plugins, snippets, the admission webhook, authentication, rate limits, metrics.
 */
import { byteLength } from '#base/bytes.ts'
import { encodeChunk, encodeRequest, encodeResponse, HttpHeaders, HttpReader, httpDate, lastChunk } from '#base/http.ts'
import type { HttpRequestHead, HttpResponseHead } from '#base/http.ts'
import { issueCertificate } from '#engine/machine/certificates.ts'
import { isErrno } from '#engine/machine/vfs.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection, Listener } from '#engine/machine/sockets.ts'
import { tlsAccept } from '#engine/machine/tls.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import { notFound, plain, serveHttp } from '#engine/node/http-server.ts'
import { klogLine } from '#engine/node/klog.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import { accessLine, corsHeaders, ownPage, preAnswer, statusTitle } from './answer.ts'
import type { Asked, LogFacts, OwnAnswer } from './answer.ts'
import { ClusterView } from './cluster-view.ts'
import { chooseLocation, chooseServer, goesToCanary, rewritePath, upstreamName } from './router.ts'
import type { Location, Server, Upstream } from './router.ts'
import type { Ingress } from './types.ts'
import { StatusKeeper } from './status.ts'

export const ingressNginxVersion = 'v1.14.1'

interface Exchange {
  readonly head: HttpRequestHead
  readonly body: string
  readonly secure: boolean
  readonly client: string
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

export async function ingressNginx(process: Process, context: ContainerContext): Promise<number> {
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
  const keeper = new StatusKeeper({ sim, view, context, publishService: flag('publish-service') })
  keeper.start()
  const scheduled = (ingress: Ingress) => {
    if (view.owns(ingress)) context.api.event(ingress, 'Normal', 'Sync', 'Scheduled for sync', 'nginx-ingress-controller')
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
    for (const listener of open) listener.close()
  })
  open.push(serveHttp(process.machine.net.sockets, '0.0.0.0', 10254, () => sim.now, (r) => (r.path === '/healthz' ? plain('ok') : notFound)))
  const listen = (port: number): Listener => {
    const listener = process.sockets.listen('0.0.0.0', port)
    open.push(listener)
    return listener
  }
  const [http, https] = [listen(80), listen(443)]
  log('controller.go:196', '"Configuration changes detected, backend reload required"')
  log('controller.go:216', '"Backend successfully reloaded"')

  const defaultLocation: Location = { path: '/', kind: 'prefix', pattern: undefined, upstream: undefined, ingress: undefined, annotations: {} }

  const finish = async (connection: Connection, x: Exchange, started: number, answer: OwnAnswer, name: string, tries: LogFacts['tries'], extra: readonly (readonly [string, string])[] = []): Promise<void> => {
    const headers = new HttpHeaders([['Date', httpDate(sim.now)], ...answer.headers, ...extra])
    if (answer.body !== '' && !headers.has('Content-Length')) headers.set('Content-Length', String(byteLength(answer.body)))
    headers.set('Connection', x.keepAlive ? 'keep-alive' : 'close')
    await connection.write(encodeResponse({ status: answer.status, reason: statusTitle(answer.status) || 'OK', headers, ...(x.head.method === 'HEAD' ? {} : { body: answer.body }) }))
    record(x, started, answer.status, x.head.method === 'HEAD' ? 0 : byteLength(answer.body), name, tries)
  }

  const record = (x: Exchange, started: number, status: number, bytes: number, name: string, tries: LogFacts['tries']) =>
    out(accessLine({
      now: sim.now, started, client: x.client, request: `${x.head.method} ${x.head.target} ${x.head.version}`, status, bytes, referer: x.head.headers.get('Referer'), agent: x.head.headers.get('User-Agent'),
      requestLength: byteLength(encodeRequest({ method: x.head.method, target: x.head.target, headers: x.head.headers })) + byteLength(x.body), upstreamName: name, tries, requestId: random.letters(32, '0123456789abcdef'),
    }))

  /** Asks the upstream's addresses in turn; answers the client. Returns whether the client's connection may go on. */
  const proxy = async (connection: Connection, x: Exchange, started: number, location: Location, upstream: Upstream, asked: Asked): Promise<void> => {
    const name = upstreamName(upstream)
    const tries: { address: string; length: number; seconds: number; status: number }[] = []
    const security: [string, string][] = x.secure ? [['Strict-Transport-Security', 'max-age=31536000; includeSubDomains']] : []
    const list = view.balanced(upstream).slice(0, 3)
    if (list.length === 0) return finish(connection, x, started, ownPage(503), name, [], security)
    const rewritten = rewritePath(location, asked.path)
    const query = x.head.target.includes('?') ? x.head.target.slice(x.head.target.indexOf('?')) : ''
    const target = rewritten === asked.path ? x.head.target : `${rewritten === '' ? '/' : rewritten}${query}`
    let lastStatus = 502
    for (const endpoint of list) {
      const begun = sim.now
      const address = `${endpoint.ip}:${endpoint.port}`
      let back: Connection
      try {
        back = await process.sockets.connect(endpoint.ip, endpoint.port, { timeout: 5000 })
      } catch (error) {
        lastStatus = isErrno(error, 'ETIMEDOUT') ? 504 : 502
        tries.push({ address, length: 0, seconds: (sim.now - begun) / 1000, status: lastStatus })
        continue
      }
      try {
        await back.write(upstreamRequest(x, target, location, asked))
        const reader = new HttpReader(() => back.read(), 'response')
        if (x.head.method === 'HEAD') reader.parser.noBody = true
        const length = await relay(reader, connection, x, [...security, ...corsHeaders(location, asked)])
        if (length === undefined) throw new Error('no answer')
        back.close()
        tries.push({ address, length: length.bytes, seconds: (sim.now - begun) / 1000, status: length.status })
        return record(x, started, length.status, length.bytes, name, tries)
      } catch {
        back.close()
        tries.push({ address, length: 0, seconds: (sim.now - begun) / 1000, status: 502 })
        lastStatus = 502
      }
    }
    return finish(connection, x, started, ownPage(lastStatus), name, tries, security)
  }

  const upstreamRequest = (x: Exchange, target: string, location: Location, asked: Asked): string => {
    const headers = new HttpHeaders([['Host', location.annotations['upstream-vhost'] ?? asked.host], ['X-Request-ID', random.letters(32, '0123456789abcdef')], ['X-Real-IP', x.client], ['X-Forwarded-For', x.client], ['X-Forwarded-Host', asked.host], ['X-Forwarded-Port', x.secure ? '443' : '80'], ['X-Forwarded-Proto', x.secure ? 'https' : 'http'], ['X-Forwarded-Scheme', x.secure ? 'https' : 'http'], ['X-Scheme', x.secure ? 'https' : 'http']])
    const own = new Set(['host', 'connection', 'x-request-id', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-forwarded-scheme', 'x-scheme', 'transfer-encoding', 'content-length'])
    if (location.annotations['x-forwarded-prefix']) headers.set('X-Forwarded-Prefix', location.annotations['x-forwarded-prefix'])
    for (const [k, v] of x.head.headers.list) if (!own.has(k.toLowerCase())) headers.add(k, v)
    if (x.body !== '' || x.head.headers.has('Content-Length')) headers.set('Content-Length', String(byteLength(x.body)))
    return encodeRequest({ method: x.head.method, target, headers, ...(x.body !== '' && { body: x.body }) })
  }

  /** Hands a response on; undefined when the upstream closed before it answered. */
  const relay = async (reader: HttpReader, connection: Connection, x: Exchange, extra: readonly (readonly [string, string])[]): Promise<{ readonly bytes: number; readonly status: number } | undefined> => {
    let head: HttpResponseHead | undefined
    let bytes = 0
    let chunked = false
    for (;;) {
      const event = await reader.next()
      if (!event) return head ? { bytes, status: head.status } : undefined
      if (event.type === 'error') throw new Error(event.message)
      if (event.type === 'head') {
        head = event.head as HttpResponseHead
        const headers = new HttpHeaders([['Date', httpDate(sim.now)]])
        for (const [k, v] of head.headers.list) if (!['date', 'server', 'connection', 'keep-alive', 'transfer-encoding', 'x-powered-by'].includes(k.toLowerCase())) headers.add(k, v)
        chunked = !head.headers.has('Content-Length') && x.head.method !== 'HEAD' && ![204, 304].includes(head.status)
        if (chunked) headers.set('Transfer-Encoding', 'chunked')
        headers.set('Connection', x.keepAlive ? 'keep-alive' : 'close')
        for (const [k, v] of extra) headers.set(k, v)
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
      method: x.head.method, host, path, uri: x.head.target, secure: x.secure, client: x.client, header: (name) => x.head.headers.get(name), bodyLength: byteLength(x.body),
      hasCertificate: server.tlsSecret !== undefined && view.identity(server.tlsSecret) !== undefined,
    }
    if (!location.upstream) return finish(connection, x, started, ownPage(404), 'upstream-default-backend', [], x.secure ? [['Strict-Transport-Security', 'max-age=31536000; includeSubDomains']] : [])
    const own = preAnswer(location, asked)
    if (own) return finish(connection, x, started, own, upstreamName(location.upstream), [], own.status === 204 ? [] : corsHeaders(location, asked))
    const upstream = location.canary && goesToCanary(location.canary, asked.header, () => random.next()) ? location.canary.upstream : location.upstream
    return proxy(connection, x, started, location, upstream, asked)
  }

  const serve = async (raw: Connection, secure: boolean): Promise<void> => {
    let connection = raw
    try {
      if (secure) {
        connection = await tlsAccept(raw, {
          identity: (name) => (name === undefined ? undefined : view.identity(chooseServer(view.servers, name).tlsSecret)) ?? fakeIdentity,
          alpn: ['http/1.1'], now: () => sim.now,
        })
      }
      const reader = new HttpReader(() => connection.read(), 'request')
      for (;;) {
        const message = await reader.message()
        if (!message) break
        if ('error' in message) {
          await connection.write(encodeResponse({ status: 400, reason: 'Bad Request', headers: { Date: httpDate(sim.now), 'Content-Type': 'text/html', Connection: 'close' }, body: ownPage(400).body }))
          break
        }
        await answer(connection, { head: message.head as HttpRequestHead, body: message.body, secure, client: raw.remote.host, keepAlive: message.keepAlive })
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
