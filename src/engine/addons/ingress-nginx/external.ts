/** Requests of nginx's own beside the proxied one: to a judge (auth-url, global-auth-url) and to a mirror (mirror-target). */
import { encodeRequest, HttpHeaders, HttpReader, parseUrl } from '#base/http.ts'
import type { HttpRequestHead, HttpResponseHead } from '#base/http.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { tlsConnect } from '#engine/machine/tls.ts'
import type { Asked, OwnAnswer } from './answer.ts'
import { ownPage } from './answer.ts'
import type { Location } from './router.ts'
import { isTrue } from './router.ts'
import type { Settings } from './settings.ts'

export interface Outside {
  readonly process: Process
  readonly settings: Settings
  /** nginx's variables, without the `$`. */
  readonly variable: (name: string) => string
}

const expand = (o: Outside, text: string) => text.replace(/\$\{?(\w+)\}?/g, (_, name: string) => o.variable(name))

async function open(o: Outside, url: string): Promise<{ readonly connection: Connection; readonly host: string; readonly target: string } | undefined> {
  const parsed = parseUrl(url)
  if (!parsed) return undefined
  const secure = parsed.scheme === 'https'
  try {
    const found = /^[\d.]+$/.test(parsed.host) ? { ok: true as const, addresses: [parsed.host] } : await o.process.sockets.lookup(parsed.host)
    if (!found.ok) return undefined
    const raw = await o.process.sockets.connect(found.addresses[0]!, parsed.port ?? (secure ? 443 : 80), { timeout: 5000 })
    const connection = secure ? await tlsConnect(raw, { serverName: parsed.host, roots: [], insecure: true, alpn: ['http/1.1'], now: o.process.now() }) : raw
    return { connection, host: parsed.port === undefined ? parsed.host : `${parsed.host}:${parsed.port}`, target: parsed.target }
  } catch {
    return undefined
  }
}

/** Asks the judge. `answer`: what the client gets instead; `headers`: what the backend gets besides. undefined: there is no judge. */
export async function askJudge(o: Outside, location: Location, asked: Asked, given: HttpHeaders): Promise<{ readonly answer?: OwnAnswer; readonly headers?: readonly (readonly [string, string])[] } | undefined> {
  const a = location.annotations
  const global = a['enable-global-auth'] === 'false' || o.settings.list('no-auth-locations').some((path) => asked.path.startsWith(path)) ? '' : o.settings.text('global-auth-url')
  const url = a['auth-url'] ?? global
  if (!url) return undefined
  const to = await open(o, expand(o, url))
  if (!to) return { answer: ownPage(500) }
  let head: HttpResponseHead
  try {
    const headers = new HttpHeaders([['Host', to.host], ['X-Original-URL', `${asked.secure ? 'https' : 'http'}://${asked.host}${asked.uri}`], ['X-Original-Method', asked.method], ['X-Sent-From', 'nginx-ingress-controller'], ['X-Real-IP', asked.client], ['X-Forwarded-For', asked.client], ['X-Auth-Request-Redirect', a['auth-request-redirect'] ?? asked.uri]])
    for (const [k, v] of given.list) if (!['host', 'connection', 'content-length', 'transfer-encoding'].includes(k.toLowerCase())) headers.add(k, v)
    await to.connection.write(encodeRequest({ method: a['auth-method'] || o.settings.text('global-auth-method') || 'GET', target: to.target, headers }))
    const message = await new HttpReader(() => to.connection.read(), 'response').message()
    to.connection.close()
    if (!message || 'error' in message) return { answer: ownPage(500) }
    head = message.head as HttpResponseHead
  } catch {
    return { answer: ownPage(500) }
  }
  if (head.status >= 200 && head.status < 300) {
    const names = (a['auth-response-headers'] ?? o.settings.text('global-auth-response-headers')).split(',').map((h) => h.trim()).filter((h) => h !== '')
    return { headers: names.flatMap((name) => (head.headers.has(name) ? [[name, head.headers.get(name)!] as const] : [])) }
  }
  const signin = a['auth-signin'] || o.settings.text('global-auth-signin')
  if (head.status === 401 && signin) {
    const address = expand(o, signin)
    const param = a['auth-signin-redirect-param'] || 'rd'
    return { answer: { ...ownPage(302), headers: [['Content-Type', 'text/html'], ['Location', address.includes(`${param}=`) ? address : `${address}${address.includes('?') ? '&' : '?'}${param}=${asked.secure ? 'https' : 'http'}://${asked.host}${encodeURIComponent(asked.uri)}`]] } }
  }
  if (head.status !== 401 && head.status !== 403) return { answer: ownPage(500) }
  const answer = ownPage(head.status)
  return { answer: { ...answer, headers: [...answer.headers, ...(head.headers.has('WWW-Authenticate') ? [['WWW-Authenticate', head.headers.get('WWW-Authenticate')!] as const] : [])] } }
}

/** Sends a copy, and forgets it. */
export function mirrorRequest(o: Outside, location: Location, head: HttpRequestHead, body: string): void {
  const target = location.annotations['mirror-target']
  if (!target) return
  const withBody = location.annotations['mirror-request-body'] === undefined || isTrue(location.annotations['mirror-request-body']) || location.annotations['mirror-request-body'] === 'on'
  const run = async () => {
    const to = await open(o, expand(o, target))
    if (!to) return
    const headers = new HttpHeaders([['Host', location.annotations['mirror-host'] ?? to.host], ...head.headers.list.filter(([k]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(k.toLowerCase()))])
    await to.connection.write(encodeRequest({ method: head.method, target: to.target, headers, ...(withBody && body !== '' && { body }) }))
    await to.connection.read()
    to.connection.close()
  }
  run().catch(() => {})
}
