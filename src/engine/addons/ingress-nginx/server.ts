/** nginx's servers: takes connections, finds server and location of each request, and lets it through their gates or answers at one of them. */
import { byteLength } from '#base/bytes.ts'
import { encodeResponse, HttpReader, httpDate } from '#base/http.ts'
import type { HttpRequestHead } from '#base/http.ts'
import type { Random } from '#base/random.ts'
import type { Certificate } from '#engine/machine/certificates.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { peekServerName, tlsAccept } from '#engine/machine/tls.ts'
import type { TlsIdentity } from '#engine/machine/tls.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { access, corsHeaders, ownPage, redirects } from './answer.ts'
import type { Asked, OwnAnswer } from './answer.ts'
import type { ClusterView } from './cluster-view.ts'
import { customHeaders } from './config-maps.ts'
import type { Exchange } from './exchange.ts'
import { askJudge, mirrorRequest } from './external.ts'
import { basicAuth, blocked, clientCertificate, Limits } from './gate.ts'
import type { ProxyPass } from './proxy-pass.ts'
import { chooseLocation, chooseServer, goesToCanary, upstreamName } from './router.ts'
import type { Location, Server, Upstream } from './router.ts'
import { parseSnippet } from './snippets.ts'
import { affinityCookie, clientOf, cookieValue, upstreamKey } from './upstream-request.ts'

/** Percent-decoding as nginx does before it looks for a location; broken escapes stay. */
function decodePath(target: string): string {
  const path = target.split('?')[0]!
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const defaultLocation: Location = { path: '/', kind: 'prefix', pattern: undefined, upstream: undefined, ingress: undefined, annotations: {} }

export interface ServerNeeds {
  readonly process: Process
  readonly view: ClusterView
  readonly random: Random
  readonly pass: ProxyPass
  /** Who answers where no rule fits. */
  readonly fallback: () => Upstream | undefined
  /** The certificate of servers that have none. */
  readonly fakeIdentity: TlsIdentity
}

export class NginxServer {
  readonly #process: Process
  readonly #sim: Sim
  readonly #view: ClusterView
  readonly #random: Random
  readonly #pass: ProxyPass
  readonly #fallback: () => Upstream | undefined
  readonly #fakeIdentity: TlsIdentity
  readonly #limits = new Limits()

  constructor(needs: ServerNeeds) {
    this.#process = needs.process
    this.#sim = needs.process.machine.sim
    this.#view = needs.view
    this.#random = needs.random
    this.#pass = needs.pass
    this.#fallback = needs.fallback
    this.#fakeIdentity = needs.fakeIdentity
  }

  async #answer(connection: Connection, x: Exchange): Promise<void> {
    const started = this.#sim.now
    const host = x.head.headers.get('Host') ?? ''
    const server: Server = chooseServer(this.#view.servers, host)
    const path = decodePath(x.head.target)
    const location = chooseLocation(server, path) ?? defaultLocation
    const asked: Asked = {
      method: x.head.method, host, path, uri: x.head.target, secure: x.secure, client: clientOf(x.client, (name) => x.head.headers.get(name), this.#view.settings), header: (name) => x.head.headers.get(name), bodyLength: byteLength(x.body),
      hasCertificate: server.tls === true,
    }
    const { settings } = this.#view
    const own = (answer_: OwnAnswer, more: readonly (readonly [string, string])[] = []) => this.#pass.finish(connection, x, started, answer_, location.upstream ? upstreamName(location.upstream) : 'upstream-default-backend', [], [...more, ...this.#pass.hsts(x)])
    const stop = blocked(asked, settings)
    if (stop) return own(stop)
    if (server.redirect !== undefined) return own({ ...ownPage(308), headers: [['Content-Type', 'text/html'], ['Location', `${x.secure ? 'https' : 'http'}://${server.redirect}${x.head.target}`]] })
    const snippets = [location.annotations['server-snippet'], location.annotations['configuration-snippet']].flatMap((t) => (t ? [parseSnippet(t)] : []))
    const given = snippets.find((t) => t.returns)?.returns
    if (given) return own({ status: given.status, headers: [['Content-Type', given.status >= 300 && given.status < 400 ? 'text/html' : 'text/plain'], ...(given.status >= 300 && given.status < 400 ? [['Location', given.text] as const] : [])], body: given.status >= 300 && given.status < 400 ? ownPage(given.status).body : given.text || (given.status >= 400 ? ownPage(given.status).body : '') })
    if (!location.upstream) {
      const other = this.#fallback()
      return other && this.#view.endpoints(other).length > 0 ? this.#pass.proxy(connection, x, started, location, other, asked, []) : own(ownPage(404))
    }
    const moved = redirects(location, asked, settings)
    if (moved) return own(moved, moved.status === 204 ? [] : corsHeaders(location, asked))
    const limited = this.#limits.request(location, asked, this.#sim.now, settings)
    if (limited) return own(limited)
    const leave = this.#limits.enter(location, asked)
    if (!leave) return own(ownPage(Number(settings.text('limit-conn-status-code'))))
    try {
      const shown = clientCertificate(location, asked, x.chain, this.#sim.now, (key) => this.#view.secretData(key))
      if (shown.answer) return await own(shown.answer)
      const refused = access(location, asked, settings)
      const password = basicAuth(location, asked, (key) => this.#view.secretData(key))
      // satisfy any: one of both is enough.
      const either = location.annotations['satisfy'] === 'any' && (location.annotations['auth-type'] !== undefined || location.annotations['auth-url'] !== undefined)
      if (refused && !(either && refused.status === 403 && !password)) return await own(refused, corsHeaders(location, asked))
      if (password && !(either && !refused)) return await own(password, corsHeaders(location, asked))
      if (location.annotations['custom-headers'] !== undefined && customHeaders(this.#view, location) === undefined) return await own(ownPage(503))
      const judged = await askJudge({ process: this.#process, settings, variable: (name) => this.#pass.variable(name, asked) }, location, asked, x.head.headers)
      if (judged?.answer) return await own(judged.answer)
      mirrorRequest({ process: this.#process, settings, variable: (name) => this.#pass.variable(name, asked) }, location, x.head, x.body)
      const { canary } = location
      const cookie = canary && canary.affinity !== 'legacy' ? affinityCookie(location) : undefined
      // The part behind the bar says which backend the client was kept at.
      const kept = cookie === undefined ? undefined : cookieValue(asked.header('Cookie'), cookie)?.split('|')[1]
      const goes = canary && (kept === upstreamKey(canary.upstream) || (kept !== upstreamKey(location.upstream) && goesToCanary(canary, asked.header, () => this.#random.next())))
      const upstream = goes ? canary.upstream : location.upstream
      return await this.#pass.proxy(connection, x, started, location, upstream, asked, [...shown.headers, ...(judged?.headers ?? [])])
    } finally {
      leave()
    }
  }

  async serve(raw: Connection, secure: boolean): Promise<void> {
    let connection = raw
    let chain: readonly Certificate[] = []
    try {
      if (secure) {
        const hello = await peekServerName(raw)
        const asks = hello.serverName !== undefined && chooseServer(this.#view.servers, hello.serverName).locations.some((l) => l.annotations['auth-tls-secret'] !== undefined)
        const secured = await tlsAccept(hello.connection, {
          identity: (name) => (name === undefined ? undefined : this.#view.identity(chooseServer(this.#view.servers, name).tlsSecret)) ?? this.#fakeIdentity,
          alpn: ['http/1.1'], now: () => this.#sim.now, ...(asks && { clientAuth: 'request' as const }),
        })
        chain = secured.peerChain
        connection = secured
      }
      const reader = new HttpReader(() => connection.read(), 'request')
      for (;;) {
        const message = await reader.message()
        if (!message) break
        if ('error' in message) {
          await connection.write(encodeResponse({ status: 400, reason: 'Bad Request', headers: { Date: httpDate(this.#sim.now), 'Content-Type': 'text/html', Connection: 'close' }, body: ownPage(400).body }))
          break
        }
        await this.#answer(connection, { head: message.head as HttpRequestHead, body: message.body, secure, client: raw.remote.host, chain, keepAlive: message.keepAlive })
        if (!message.keepAlive) break
      }
      connection.end()
    } catch {
      raw.close()
    }
  }
}
