/**
 * The proxy's HTTP side: reads requests of a connection, finds their rule, applies filters, asks a backend and hands its answer back. Answers of its own
 * as Envoy gives them. HTTP/2 is its preface followed by messages one at a time in the text form of HTTP/1.1; a gRPC status travels in the head.
 */
import { byteLength, fromBase64, toBase64 } from '#base/bytes.ts'
import { encodeChunk, encodeRequest, encodeResponse, httpDate, HttpHeaders, HttpReader, lastChunk } from '#base/http.ts'
import type { HttpRequestHead, HttpResponseHead } from '#base/http.ts'
import type { Random } from '#base/random.ts'
import type { Loose } from '#engine/api/loose.ts'
import { decodeCertificates, verifyChain } from '#engine/machine/certificates.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { loadIdentity, tlsConnect } from '#engine/machine/tls.ts'
import { chooseDoor, chooseEntry, corsHeaders, modifyHeaders, modifyPath, redirectTo } from './matching.ts'
import type { Asked, Balance } from './matching.ts'
import type { Certificate, Door, Entry, Target } from './types.ts'

export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export interface ProxyTools {
  readonly process: Process
  readonly random: Random
  readonly log: (line: string) => void
  /** The balance of a rule, by its name. */
  readonly balance: (name: string) => Balance
  /** The next address of a target. */
  readonly endpoint: (target: Target, wanted?: string) => { readonly host: string; readonly port: number } | undefined
  /** The Gateway's certificate towards backends. */
  readonly client: () => Certificate | undefined
}

export interface Arrival {
  readonly connection: Connection
  readonly client: string
  readonly secure: boolean
  readonly http2: boolean
  /** Doors of the port. */
  readonly doors: () => readonly Door[]
  /** The door that the server name led to; undefined without TLS. */
  readonly door: (() => Door | undefined) | undefined
}

interface Exchange {
  readonly arrival: Arrival
  readonly head: HttpRequestHead
  readonly body: string
  readonly keepAlive: boolean
  readonly asked: Asked
  readonly started: number
  readonly id: string
  readonly rest: () => string
}

class Failure extends Error {
  readonly status: number
  readonly text: string
  readonly flag: string

  constructor(status: number, text: string, flag: string) {
    super(text)
    this.status = status
    this.text = text
    this.flag = flag
  }
}

const grpcStatus = (status: number) => ({ 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 })[status] ?? 2

const filtersOf = (entry: Entry, target: Target | undefined, type: string): Loose[] => [...entry.rule.filters, ...(target?.filters ?? [])].filter((f) => f.type === type)

export async function serveHttpConnection(tools: ProxyTools, arrival: Arrival): Promise<void> {
  const reader = new HttpReader(() => arrival.connection.read(), 'request')
  for (;;) {
    const message = await reader.message()
    if (!message) break
    if ('error' in message) {
      await arrival.connection.write(encodeResponse({ status: 400, headers: { Date: httpDate(tools.process.now()), Connection: 'close' }, body: 'Bad Request' }))
      break
    }
    const head = message.head as HttpRequestHead
    const question = head.target.indexOf('?')
    const asked: Asked = {
      method: head.method, host: (head.headers.get('Host') ?? '').replace(/:\d+$/, '').toLowerCase(), path: question < 0 ? head.target : head.target.slice(0, question), query: question < 0 ? undefined : head.target.slice(question + 1), headers: head.headers,
      scheme: arrival.secure ? 'https' : 'http', grpc: (head.headers.get('Content-Type') ?? '').startsWith('application/grpc'),
    }
    const x: Exchange = { arrival, head, body: message.body, keepAlive: message.keepAlive, asked, started: tools.process.now(), id: uuid(tools.random), rest: () => reader.parser.rest }
    const upgraded = await answer(tools, x)
    if (upgraded || !message.keepAlive) break
  }
  arrival.connection.end()
}

const uuid = (random: Random) => `${random.letters(8, hex)}-${random.letters(4, hex)}-4${random.letters(3, hex)}-a${random.letters(3, hex)}-${random.letters(12, hex)}`
const hex = '0123456789abcdef'

/** Answers one request; true where the connection has become another protocol's. */
async function answer(tools: ProxyTools, x: Exchange): Promise<boolean> {
  const { asked, arrival } = x
  const byHost = chooseDoor(arrival.doors(), asked.host)
  if (arrival.door) {
    // The server name chose a door; the host must belong to it.
    const own = arrival.door()
    if (own?.name !== byHost?.name) return own_(tools, x, byHost ? 421 : 404, '', byHost ? '-' : 'NR')
  }
  const entry = byHost && chooseEntry(byHost, asked)
  if (!entry) return own_(tools, x, 404, '', 'NR')
  const cors = filtersOf(entry, undefined, 'CORS')[0]?.cors
  const preflight = asked.method === 'OPTIONS' && asked.headers.has('Origin') && asked.headers.has('Access-Control-Request-Method')
  if (cors && preflight) {
    const headers = corsHeaders(cors, asked, true)
    return own_(tools, x, headers ? 200 : 403, '', '-', headers ?? [])
  }
  const extra: [string, string][] = cors ? (corsHeaders(cors, asked, false) ?? []) : []
  const kept = sessionOf(entry, asked)
  const target = (kept === undefined ? undefined : entry.rule.targets.find((t) => t.endpoints.includes(kept))) ?? tools.balance(entry.rule.name).next(entry.rule.targets)
  const redirect = filtersOf(entry, target, 'RequestRedirect')[0]
  if (redirect) {
    const answerHeaders = new HttpHeaders([['Location', redirectTo(redirect.requestRedirect, asked, entry.match, byHost.port)]])
    for (const f of filtersOf(entry, target, 'ResponseHeaderModifier')) modifyHeaders(answerHeaders, f.responseHeaderModifier)
    return own_(tools, x, redirect.requestRedirect.statusCode ?? 302, '', '-', answerHeaders.list)
  }
  if (!target || target.invalid) return own_(tools, x, 500, '', '-', extra)
  for (const f of filtersOf(entry, target, 'RequestMirror')) mirror(tools, x, entry, f)
  try {
    return await forward(tools, x, entry, target, extra)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return own_(tools, x, error.status, error.text, error.flag, extra, target)
  }
}

/** The address that the client was kept at; undefined: it comes for the first time. */
function sessionOf(entry: Entry, asked: Asked): string | undefined {
  const { session } = entry.rule
  if (!session) return undefined
  const given = session.header ? asked.headers.get(session.name) : (asked.headers.get('Cookie') ?? '').split(';').map((c) => c.trim()).find((c) => c.startsWith(`${session.name}=`))?.slice(session.name.length + 1)
  return given === undefined ? undefined : fromBase64(given)
}

/** What tells the client where it was; nothing where it knows. */
function sessionHeader(entry: Entry, asked: Asked, at: string): [string, string][] {
  const { session } = entry.rule
  if (!session || sessionOf(entry, asked) === at) return []
  const value = toBase64(at)
  return [session.header ? [session.name, value] : ['Set-Cookie', `${session.name}=${value}; ${session.seconds === undefined ? '' : `Max-Age=${session.seconds}; `}Path=/; HttpOnly`]]
}

/** An answer of the proxy's own. */
async function own_(tools: ProxyTools, x: Exchange, status: number, body: string, flags: string, extra: readonly (readonly [string, string])[] = [], target?: Target): Promise<false> {
  const { arrival, asked } = x
  const headers = new HttpHeaders(extra)
  if (asked.grpc) {
    headers.set('Content-Type', 'application/grpc').set('Grpc-Status', String(grpcStatus(status)))
    if (body !== '') headers.set('Grpc-Message', body)
  } else if (body !== '') headers.set('Content-Type', 'text/plain')
  headers.set('Date', httpDate(tools.process.now())).set('Content-Length', String(asked.grpc ? 0 : byteLength(body)))
  if (!x.keepAlive) headers.set('Connection', 'close')
  await arrival.connection.write(encodeResponse({ status: asked.grpc ? 200 : status, headers, ...(x.head.method !== 'HEAD' && !asked.grpc && { body }) }))
  record(tools, x, asked.grpc ? 200 : status, flags, asked.grpc ? 0 : byteLength(body), target?.name)
  return false
}

function record(tools: ProxyTools, x: Exchange, status: number, flags: string, bytes: number, upstream: string | undefined): void {
  const now = tools.process.now()
  const h = (name: string) => x.asked.headers.get(name) ?? '-'
  tools.log(`[${new Date(Math.floor(x.started)).toISOString()}] "${x.head.method} ${x.head.target} ${x.arrival.http2 ? 'HTTP/2' : x.head.version}" ${status} ${flags} ${byteLength(x.body)} ${bytes} ${Math.round(now - x.started)} - "${x.arrival.client}" "${h('User-Agent')}" "${x.id}" "${h('Host')}" "${upstream ?? '-'}"`)
}

/** The request as the backend gets it. */
function outgoing(x: Exchange, entry: Entry, target: Target, target_: { readonly filters: readonly Loose[] } = target): string {
  const { asked, head } = x
  const headers = new HttpHeaders(head.headers.list.filter(([k]) => !['x-forwarded-proto', 'x-request-id', 'content-length', 'transfer-encoding'].includes(k.toLowerCase())))
  headers.set('X-Forwarded-For', [...headers.all('X-Forwarded-For'), x.arrival.client].join(','))
  headers.set('X-Forwarded-Proto', asked.scheme).set('X-Request-Id', asked.headers.get('X-Request-Id') ?? x.id)
  if (!headers.hasToken('Connection', 'upgrade')) headers.delete('Connection')
  const scope: Target = { ...target, filters: target_.filters }
  for (const f of filtersOf(entry, scope, 'RequestHeaderModifier')) modifyHeaders(headers, f.requestHeaderModifier)
  let { path } = asked
  for (const f of filtersOf(entry, scope, 'URLRewrite')) {
    if (f.urlRewrite.hostname) headers.set('Host', f.urlRewrite.hostname)
    path = modifyPath(path, f.urlRewrite.path, entry.match)
  }
  return encodeRequest({ method: head.method, target: `${path}${asked.query === undefined ? '' : `?${asked.query}`}`, headers, ...((x.body !== '' || head.headers.has('Content-Length')) && { body: x.body }) })
}

export async function connectTo(tools: ProxyTools, target: Target, wanted?: string): Promise<Connection> {
  const at = tools.endpoint(target, wanted)
  if (!at) throw new Failure(503, 'no healthy upstream', 'UH')
  const failure = (reason: string) => new Failure(503, `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`, 'UF')
  const reset = (why: string) => failure(`remote connection failure, transport failure reason: ${why}`)
  if (target.tls?.broken) throw reset('TLS_error: certificate validation context is not valid')
  let connection: Connection
  try {
    connection = await tools.process.sockets.connect(at.host, at.port, { timeout: 10_000 })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw error.code === 'ETIMEDOUT' ? failure('connection timeout') : reset(`delayed connect error: ${strerror(error.code)}`)
  }
  if (!target.tls) return connection
  const { serverName, names, authorities } = target.tls
  const client = tools.client()
  const identity = client && loadIdentity(client.certificate, client.key)
  const roots = decodeCertificates(authorities)
  try {
    const secured = await tlsConnect(connection, { serverName, roots, insecure: true, now: tools.process.now(), alpn: target.protocol === 'kubernetes.io/h2c' ? ['h2'] : ['http/1.1'], ...(identity?.ok && { identity: identity.identity }) })
    // A URI among the names stands in the certificate as it is.
    const ask_ = (name: string) => (name.includes('://') ? (secured.peerChain[0]?.dnsNames.includes(name) ? verifyChain(secured.peerChain, { roots, now: tools.process.now() }) : 'another name') : verifyChain(secured.peerChain, { roots, now: tools.process.now(), name }))
    const problem = (names.length > 0 ? names : [serverName]).map(ask_).every((p) => p !== undefined)
    if (!problem) return secured
  } catch {
    // The backend does not speak TLS, or broke off.
  }
  connection.close()
  throw reset('TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end')
}

const http2 = (entry: Entry | undefined, target: Target) => entry?.rule.grpc === true || target.protocol === 'kubernetes.io/h2c'

interface Reply {
  readonly connection: Connection
  readonly reader: HttpReader
  readonly head: HttpResponseHead
}

/** Sends the request to one address and waits for the head of the answer. */
async function ask(tools: ProxyTools, x: Exchange, entry: Entry, target: Target): Promise<Reply> {
  const connection = await connectTo(tools, target, sessionOf(entry, x.asked))
  try {
    await connection.write(`${http2(entry, target) ? preface : ''}${outgoing(x, entry, target)}`)
    const reader = new HttpReader(() => connection.read(), 'response')
    if (x.head.method === 'HEAD') reader.parser.noBody = true
    const event = await reader.next()
    if (event?.type === 'head') return { connection, reader, head: event.head as HttpResponseHead }
  } catch {
    // Reset before an answer.
  }
  connection.close()
  throw new Failure(503, 'upstream connect error or disconnect/reset before headers. reset reason: connection termination', 'UC')
}

/** A call that may take `ms`; undefined or 0: as long as it likes. */
async function within<T>(tools: ProxyTools, ms: number | undefined, call: Promise<T>, late: (value: T) => void): Promise<T> {
  if (!ms) return call
  const index = await tools.process.any([call, tools.process.sleep(ms)])
  if (index === 0) return call
  call.then(late, () => {})
  throw new Failure(504, 'upstream request timeout', 'UT')
}

async function forward(tools: ProxyTools, x: Exchange, entry: Entry, target: Target, extra: readonly [string, string][]): Promise<boolean> {
  const { timeouts, retry } = entry.rule
  const deadline = timeouts?.request ? x.started + timeouts.request : undefined
  let reply: Reply | undefined
  for (let attempt = 0; ; attempt++) {
    const left = deadline === undefined ? undefined : Math.max(1, deadline - tools.process.now())
    const limit = timeouts?.backendRequest ? Math.min(timeouts.backendRequest, left ?? Infinity) : left
    const more = retry !== undefined && attempt < retry.attempts && (deadline === undefined || tools.process.now() < deadline)
    try {
      reply = await within(tools, limit, ask(tools, x, entry, target), (r) => r.connection.close())
      if (!more || !retry.codes.includes(reply.head.status)) break
      reply.connection.close()
    } catch (error) {
      if (!(error instanceof Failure) || !more || (deadline !== undefined && tools.process.now() >= deadline)) throw error
    }
    if (retry.backoff > 0) await tools.process.sleep(retry.backoff)
  }
  return relay(tools, x, entry, target, reply, extra)
}

/** Hands the answer on. */
async function relay(tools: ProxyTools, x: Exchange, entry: Entry, target: Target, reply: Reply, extra: readonly [string, string][]): Promise<boolean> {
  const { head, reader, connection: back } = reply
  const { connection: front } = x.arrival
  const headers = new HttpHeaders(head.headers.list.filter(([k]) => !['connection', 'keep-alive', 'transfer-encoding'].includes(k.toLowerCase()) || head.status === 101))
  if (!headers.has('Date')) headers.set('Date', httpDate(tools.process.now()))
  for (const [k, v] of extra) headers.set(k, v)
  for (const [k, v] of sessionHeader(entry, x.asked, `${back.remote.host}:${back.remote.port}`)) headers.add(k, v)
  for (const f of filtersOf(entry, target, 'ResponseHeaderModifier')) modifyHeaders(headers, f.responseHeaderModifier)
  const chunked = !head.headers.has('Content-Length') && x.head.method !== 'HEAD' && ![101, 204, 304].includes(head.status)
  if (chunked) headers.set('Transfer-Encoding', 'chunked')
  if (!x.keepAlive) headers.set('Connection', 'close')
  await front.write(encodeResponse({ status: head.status, reason: head.reason, headers }))
  if (head.status === 101) {
    record(tools, x, 101, '-', 0, target.name)
    await tunnel(front, back, reader, x.rest())
    return true
  }
  let bytes = 0
  for (;;) {
    const event = await reader.next()
    if (!event || event.type === 'end') break
    if (event.type === 'error') {
      front.close()
      break
    }
    if (event.type !== 'data') continue
    bytes += byteLength(event.text)
    await front.write(chunked ? encodeChunk(event.text) : event.text)
  }
  if (chunked) await front.write(lastChunk)
  back.close()
  record(tools, x, head.status, '-', bytes, target.name)
  return false
}

/** After 101: bytes both ways. */
async function tunnel(front: Connection, back: Connection, reader: HttpReader, first: string): Promise<void> {
  const up = async () => {
    if (first !== '') await back.write(first)
    for (let chunk = await front.read(); chunk !== undefined; chunk = await front.read()) await back.write(chunk)
    back.end()
  }
  const down = async () => {
    for (let event = await reader.next(); event && event.type !== 'end' && event.type !== 'error'; event = await reader.next()) if (event.type === 'data') await front.write(event.text)
    front.end()
  }
  await Promise.all([up().catch(() => back.close()), down().catch(() => front.close())])
}

/** Sends a copy, and forgets it. */
function mirror(tools: ProxyTools, x: Exchange, entry: Entry, filter: Loose): void {
  const { requestMirror, target } = filter as { requestMirror: Loose; target: Target }
  const share = requestMirror.percent !== undefined ? requestMirror.percent / 100 : requestMirror.fraction ? requestMirror.fraction.numerator / (requestMirror.fraction.denominator ?? 100) : 1
  if (target.invalid || (share < 1 && tools.random.next() >= share)) return
  const run = async () => {
    const connection = await connectTo(tools, target)
    await connection.write(`${http2(entry, target) ? preface : ''}${outgoing(x, entry, target)}`)
    await connection.read()
    connection.close()
  }
  run().catch(() => {})
}
