/**
 * The app over HTTP on 127.0.0.1: the built interface as files, HostApi as POST /api, host events as a stream. The first visit carries a
 * random token in the address; it becomes an HttpOnly cookie and leaves the address bar. Nothing answers without it, and nothing answers
 * to another Host (DNS rebinding) or another Origin (a page elsewhere posting here).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Emitter } from '#base/emitter.ts'
import type { Implementation } from '#contract/channel.ts'
import type { HostMethods, HostNotice } from '#contract/host-api.ts'
import { contentSecurityPolicy } from '#host/policy.ts'
import { readStatic } from '#host/static.ts'
import { answerCall } from './call.ts'

export interface WebOptions {
  readonly host: Implementation<HostMethods>
  readonly notice?: Emitter<HostNotice>
  /** dist/ui */
  readonly staticDir: string
  /** 0 or nothing: a free one. */
  readonly port?: number
  /** For tests; random otherwise. */
  readonly token?: string
}

export interface Web {
  /** With the token. */
  readonly url: string
  close(): Promise<void>
}

const bodyLimit = 64 * 1024 * 1024

const securityHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=()',
}

function same(a: string, b: string): boolean {
  const x = Buffer.from(a)
  const y = Buffer.from(b)
  return x.length === y.length && timingSafeEqual(x, y)
}

function cookieOf(request: IncomingMessage, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=')
    if (key === name) return value.join('=')
  }
  return undefined
}

function send(response: ServerResponse, status: number, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...securityHeaders, 'Content-Type': 'text/plain; charset=utf-8', ...headers })
  response.end(body)
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > bodyLimit) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

export async function serveWeb(options: WebOptions): Promise<Web> {
  const token = options.token ?? randomBytes(24).toString('base64url')
  const streams = new Set<ServerResponse>()
  let origin = ''
  // A cookie belongs to a host name, not to a port: two apps side by side need two names.
  let cookie = ''

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const host = request.headers.host ?? ''
    if (host !== origin.slice('http://'.length)) return send(response, 421, 'This server answers only to its own address.\n')
    if (request.headers.origin !== undefined && request.headers.origin !== origin) return send(response, 403, 'Another site may not ask here.\n')
    if (request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-mode'] !== 'navigate') return send(response, 403, 'Another site may not ask here.\n')
    const url = new URL(request.url ?? '/', origin)

    const given = url.searchParams.get('token')
    if (given !== null && request.method === 'GET' && url.pathname === '/') {
      if (!same(given, token)) return send(response, 403, 'This address is of an earlier start. The terminal shows the present one.\n')
      return send(response, 303, '', { Location: '/', 'Set-Cookie': `${cookie}=${token}; HttpOnly; SameSite=Strict; Path=/`, 'Cache-Control': 'no-store' })
    }
    if (!same(cookieOf(request, cookie) ?? '', token)) return send(response, 403, 'Open the address that the terminal shows; it carries the key to this app.\n')

    if (url.pathname === '/api') {
      if (request.method !== 'POST') return send(response, 405, 'POST only.\n', { Allow: 'POST' })
      if (!(request.headers['content-type'] ?? '').startsWith('application/json')) return send(response, 415, 'JSON only.\n')
      const body = await readBody(request)
      if (body === undefined) return send(response, 413, 'Too long.\n', { Connection: 'close' })
      let message: unknown
      try {
        message = JSON.parse(body)
      } catch {
        return send(response, 400, 'Not JSON.\n')
      }
      const answer = await answerCall(options.host, message)
      return send(response, 200, JSON.stringify(answer), { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' })
    }
    if (url.pathname === '/api/events') {
      response.writeHead(200, { ...securityHeaders, 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      response.write(':\n\n')
      streams.add(response)
      response.on('close', () => streams.delete(response))
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'GET only.\n', { Allow: 'GET, HEAD' })
    const file = await readStatic(options.staticDir, url.pathname)
    if (!file) return send(response, 404, 'Not found.\n')
    if (request.headers['if-none-match'] === file.etag) return send(response, 304, '', { ETag: file.etag })
    send(response, 200, request.method === 'HEAD' ? '' : file.body, { 'Content-Type': file.type, ETag: file.etag, 'Cache-Control': file.fixed ? 'public, max-age=31536000, immutable' : 'no-cache' })
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`)
      else response.end()
    })
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  await listen(options.port ?? 0)
  const port = (server.address() as AddressInfo).port
  origin = `http://127.0.0.1:${port}`
  cookie = `kubedrill-${port}`

  const silence = options.notice?.on((notice) => {
    for (const stream of streams) stream.write(`data: ${JSON.stringify({ type: 'event', event: 'notice', value: notice })}\n\n`)
  })
  return {
    url: `${origin}/?token=${token}`,
    close: () =>
      new Promise((resolve) => {
        silence?.()
        for (const stream of streams) stream.end()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
