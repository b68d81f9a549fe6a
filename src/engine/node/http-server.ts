/**
 * A small HTTP/1.1 server over a namespace's sockets for the daemons' health and metrics ports (Go's net/http as clients see it):
 * synchronous handlers, keep-alive, no chunking of requests.
 */
import { byteLength } from '#base/bytes.ts'
import { parseIpv4 } from '#base/ip.ts'
import type { NetSockets, TcpConnection, TcpListener } from '#engine/net/types.ts'

export interface HttpRequest {
  readonly method: string
  /** Path without query. */
  readonly path: string
  readonly query: string
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  readonly remote: { readonly address: number; readonly port: number }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export const statusTexts: Readonly<Record<number, string>> = {
  200: 'OK', 204: 'No Content', 301: 'Moved Permanently', 302: 'Found', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
  405: 'Method Not Allowed', 413: 'Request Entity Too Large', 500: 'Internal Server Error', 502: 'Bad Gateway', 503: 'Service Temporarily Unavailable', 504: 'Gateway Time-out',
}

/** What Go's mux answers for an unknown path. */
export const notFound: HttpAnswer = { status: 404, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }, body: '404 page not found\n' }

export function plain(body: string, status = 200): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }, body }
}

/** RFC 1123 date. */
export function httpDate(now: number): string {
  return new Date(Math.floor(now)).toUTCString()
}

interface Parsed {
  readonly request: Omit<HttpRequest, 'remote'>
  readonly version: string
  readonly rest: string
}

/** One request out of what has arrived; undefined while it is not all there. */
export function parseRequest(text: string): Parsed | 'bad' | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first, ...lines] = text.slice(0, end).split('\r\n')
  const m = /^([A-Z]+) (\S+) (HTTP\/1\.[01])$/.exec(first ?? '')
  if (!m) return 'bad'
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon <= 0) return 'bad'
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const length = Number(headers.get('content-length') ?? '0')
  const after = text.slice(end + 4)
  if (byteLength(after) < length) return undefined
  let cut = 0
  for (let bytes = 0; bytes < length; cut++) bytes += byteLength(after[cut]!)
  const question = m[2]!.indexOf('?')
  const path = question < 0 ? m[2]! : m[2]!.slice(0, question)
  return { request: { method: m[1]!, path, query: question < 0 ? '' : m[2]!.slice(question + 1), headers, body: after.slice(0, cut) }, version: m[3]!, rest: after.slice(cut) }
}

/** Listens until closed. Throws FsError-like EADDRINUSE as the sockets do. */
export function serveHttp(sockets: NetSockets, address: string, port: number, now: () => number, handle: (request: HttpRequest) => HttpAnswer): TcpListener {
  return sockets.tcpListen(parseIpv4(address) ?? 0, port, (connection: TcpConnection) => {
    let pending = ''
    connection.handlers = {
      onData: (text) => {
        pending += text
        for (;;) {
          const parsed = parseRequest(pending)
          if (parsed === undefined) return
          if (parsed === 'bad') {
            connection.send('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request')
            connection.end()
            return
          }
          pending = parsed.rest
          const answer = handle({ ...parsed.request, remote: { address: connection.remoteAddress, port: connection.remotePort } })
          const close = parsed.version === 'HTTP/1.0' || parsed.request.headers.get('connection')?.toLowerCase() === 'close'
          const headers = { ...answer.headers, Date: httpDate(now()), 'Content-Length': String(byteLength(answer.body)), ...(close && { Connection: 'close' }) }
          const head = [`HTTP/1.1 ${answer.status} ${answer.status === 503 ? 'Service Unavailable' : (statusTexts[answer.status] ?? '')}`, ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`)]
          connection.send(`${head.join('\r\n')}\r\n\r\n${parsed.request.method === 'HEAD' ? '' : answer.body}`)
          if (close) {
            connection.end()
            return
          }
        }
      },
      onEnd: () => connection.end(),
    }
  })
}
