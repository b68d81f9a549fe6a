/**
 * HTTPS in front of ApiServer.handle: connections, authentication, requests in, answers and streams out. Upgraded connections (exec,
 * port-forward) carry frames: `CHANNEL LENGTH\n` and data after the 101 answer, as our kubectl's client speaks them.
 */
import { byteLength } from '#base/bytes.ts'
import { charactersWithin, encodeChunk, encodeResponse, HttpHeaders, HttpReader, lastChunk, type HttpRequestHead } from '#base/http.ts'
import type { ApiServer } from '#engine/api/server.ts'
import { StatusError, type ApiRequest, type ApiResponse, type DuplexChannel, type UserInfo } from '#engine/api/types.ts'
import type { Certificate } from '#engine/machine/certificates.ts'
import { verifyChain } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { TlsError, tlsAccept, type TlsConnection, type TlsIdentity } from '#engine/machine/tls.ts'

export interface ServeOptions {
  readonly api: ApiServer
  readonly identity: TlsIdentity
  readonly clientRoots: readonly Certificate[]
  readonly anonymous: boolean
  /** Whether etcd can be reached. */
  readonly backend: { readonly up: boolean }
}

export async function serveConnection(process: Process, connection: Connection, options: ServeOptions): Promise<void> {
  let tls: TlsConnection
  try {
    tls = await tlsAccept(connection, { identity: () => options.identity, clientAuth: 'request', clientRoots: options.clientRoots, alpn: ['http/1.1'], now: () => process.now() })
  } catch (error) {
    if (error instanceof TlsError) {
      if (error.received !== undefined) await quietly(() => connection.write('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'))
      connection.close()
      return
    }
    if (error instanceof FsError) return
    throw error
  }
  const reader = new HttpReader(() => tls.read(), 'request')
  try {
    for (;;) {
      const message = await reader.message()
      if (!message) break
      if ('error' in message) {
        await tls.write(encodeResponse({ status: 400, headers: { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }, body: '400 Bad Request' }))
        break
      }
      const head = message.head as HttpRequestHead
      const request = requestOf(head, message.body)
      const user = authenticate(tls, request.headers, options, process.now())
      const response = user ? ((await withoutEtcd(process, request, options)) ?? options.api.handle({ ...request, user })) : unauthorized()
      if (response.kind === 'complete') {
        await tls.write(encodeResponse({ status: response.code, headers: headersOf(response.headers), body: head.method === 'HEAD' ? '' : isPretty(request) ? prettyOf(response) : response.body }))
        if (!message.keepAlive) break
      } else if (response.kind === 'stream') {
        await stream(process, tls, response)
        break
      } else {
        await upgrade(process, tls, reader, response)
        break
      }
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  tls.end()
}

async function quietly(call: () => Promise<void>): Promise<void> {
  try {
    await call()
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
}

/** People read what curl, wget and browsers fetch: for them JSON is laid out, unless the query says. */
function isPretty(request: Pick<ApiRequest, 'query' | 'headers'>): boolean {
  const asked = request.query.get('pretty')?.[0]
  return asked !== undefined ? !['0', 'false'].includes(asked.toLowerCase()) : /^(?:curl|Wget|Mozilla\/5\.0)/.test(request.headers.get('user-agent') ?? '')
}

function prettyOf(response: { readonly headers: ReadonlyMap<string, string>; readonly body: string }): string {
  if (!/^application\/json/.test(response.headers.get('content-type') ?? '') || response.body === '') return response.body
  return JSON.stringify(JSON.parse(response.body), null, 2).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')
}

function headersOf(headers: ReadonlyMap<string, string>): HttpHeaders {
  return new HttpHeaders([...headers].map(([name, value]) => [name.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase()), value] as const))
}

/** What is answered while etcd is out of reach: a failed health check, and for what is stored a timeout, unless etcd is back before. */
async function withoutEtcd(process: Process, request: Omit<ApiRequest, 'user'>, { api, backend }: ServeOptions): Promise<ApiResponse | undefined> {
  if (backend.up) return undefined
  const health = /^\/(?:livez|readyz|healthz)(?:\/etcd)?$/.exec(request.path)
  if (health && !(request.query.get('exclude') ?? []).includes('etcd')) {
    const whole = api.handle({ ...request, path: request.path.replace('/etcd', ''), query: new Map([['verbose', ['']]]), user: { name: 'system:apiserver', groups: ['system:masters'] } })
    const body = whole.kind === 'complete' ? whole.body.replace(/^\[\+\](etcd|etcd-readiness) ok$/gm, '[-]$1 failed: reason withheld').replace(/ check passed\n$/, ' check failed\n') : ''
    return { kind: 'complete', code: 500, headers: new Map([['content-type', 'text/plain; charset=utf-8'], ['x-content-type-options', 'nosniff']]), body }
  }
  if (!/^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/./.test(request.path) || request.path.startsWith('/apis/authorization.k8s.io/')) return undefined
  for (const end = process.now() + 60_000; process.now() < end; ) {
    await process.sleep(500)
    if (backend.up) return undefined
  }
  // The timeout filter's Status has no kind, so clients make a text of their own.
  const body = JSON.stringify({ metadata: {}, status: 'Failure', message: 'Timeout: request did not complete within the allotted timeout', reason: 'Timeout', details: {}, code: 504 }) + '\n'
  return { kind: 'complete', code: 504, headers: new Map([['content-type', 'text/plain; charset=utf-8'], ['cache-control', 'no-cache, private']]), body }
}

function unauthorized(): ApiResponse {
  const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 }) + '\n'
  return { kind: 'complete', code: 401, headers: new Map([['content-type', 'application/json'], ['cache-control', 'no-cache, private']]), body }
}

/** A client certificate that its authority signed, else a bearer token, else nobody; undefined: 401. */
function authenticate(tls: TlsConnection, headers: ReadonlyMap<string, string>, options: ServeOptions, now: number): UserInfo | undefined {
  const [leaf] = tls.peerChain
  if (leaf && verifyChain(tls.peerChain, { roots: options.clientRoots, now })) return undefined
  try {
    const user = options.api.authenticate(headers, leaf && { commonName: leaf.subject.commonName, organizations: leaf.subject.organizations })
    return user.name === 'system:anonymous' && !options.anonymous ? undefined : user
  } catch (error) {
    if (error instanceof StatusError) return undefined
    throw error
  }
}

export function requestOf(head: HttpRequestHead, body: string): Omit<ApiRequest, 'user'> {
  const cut = head.target.indexOf('?')
  const path = cut < 0 ? head.target : head.target.slice(0, cut)
  const query = new Map<string, string[]>()
  for (const part of cut < 0 ? [] : head.target.slice(cut + 1).split('&')) {
    if (part === '') continue
    const eq = part.indexOf('=')
    const name = decode(eq < 0 ? part : part.slice(0, eq))
    const value = eq < 0 ? '' : decode(part.slice(eq + 1))
    query.set(name, [...(query.get(name) ?? []), value])
  }
  const headers = new Map<string, string>()
  for (const [name, value] of head.headers.list) headers.set(name.toLowerCase(), headers.has(name.toLowerCase()) ? `${headers.get(name.toLowerCase())}, ${value}` : value)
  return { method: head.method as ApiRequest['method'], path: unescape(path), query, headers, body }
}

/** In a query a plus is a space, in a path it is itself. */
const decode = (text: string) => unescape(text.replace(/\+/g, ' '))

function unescape(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Watches and followed logs: chunks until either side closes. */
async function stream(process: Process, tls: TlsConnection, response: Extract<ApiResponse, { kind: 'stream' }>): Promise<void> {
  const queue: (string | undefined)[] = []
  let wake: (() => void) | undefined
  let closed = false
  const notify = () => {
    process.machine.sim.woke()
    wake?.()
  }
  const headers = headersOf(response.headers)
  headers.set('Transfer-Encoding', 'chunked')
  await tls.write(encodeResponse({ status: response.code, headers }))
  const stop = response.start({
    push: (text) => {
      queue.push(text)
      notify()
    },
    end: () => {
      queue.push(undefined)
      notify()
    },
  })
  const stopAtEnd = process.onEnd(stop)
  // The client says nothing more; when it hangs up the watch ends.
  void (async () => {
    try {
      while ((await tls.read()) !== undefined);
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    closed = true
    stop()
    notify()
  })()
  try {
    for (;;) {
      while (queue.length > 0) {
        const text = queue.shift()
        if (text === undefined) {
          await tls.write(lastChunk)
          return
        }
        let all = text
        while (typeof queue[0] === 'string') all += queue.shift()!
        await tls.write(encodeChunk(all))
      }
      if (closed) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      wake = undefined
    }
  } finally {
    stopAtEnd()
    stop()
  }
}

/** One frame: channel, length in bytes, newline, data. */
export function encodeFrame(channel: number, data: string): string {
  return `${channel} ${byteLength(data)}\n${data}`
}

/** Cuts a stream into frames. */
export class FrameParser {
  #buffer = ''

  feed(text: string): { channel: number; data: string }[] {
    this.#buffer += text
    const frames: { channel: number; data: string }[] = []
    for (;;) {
      const head = /^(\d+) (\d+)\n/.exec(this.#buffer)
      if (!head) return frames
      const body = this.#buffer.slice(head[0].length)
      const length = Number(head[2])
      const end = charactersWithin(body, length)
      if (byteLength(body.slice(0, end)) < length) return frames
      frames.push({ channel: Number(head[1]), data: body.slice(0, end) })
      this.#buffer = body.slice(end)
    }
  }
}

async function upgrade(process: Process, tls: TlsConnection, reader: HttpReader, response: Extract<ApiResponse, { kind: 'upgrade' }>): Promise<void> {
  const listeners: ((channel: number, data: string) => void)[] = []
  const closers: (() => void)[] = []
  const early: { channel: number; data: string }[] = []
  let pending: Promise<void> = Promise.resolve()
  let open = true
  let finish: () => void = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const close = () => {
    if (!open) return
    open = false
    for (const listener of closers) listener()
    process.machine.sim.woke()
    finish()
  }
  const write = (text: string) => {
    pending = pending.then(() => quietly(() => tls.write(text)))
  }
  const headers = headersOf(response.headers)
  headers.set('Connection', 'Upgrade')
  if (!headers.has('Upgrade')) headers.set('Upgrade', 'SPDY/3.1')
  await tls.write(encodeResponse({ status: 101, headers }))
  const channel: DuplexChannel = {
    send: (n, data) => {
      if (open) write(encodeFrame(n, data))
    },
    onMessage: (listener) => {
      listeners.push(listener)
      for (const frame of early.splice(0)) listener(frame.channel, frame.data)
    },
    onClose: (listener) => {
      closers.push(listener)
    },
    close,
  }
  const stopAtEnd = process.onEnd(close)
  response.start(channel)
  const parser = new FrameParser()
  const feed = (text: string) => {
    for (const frame of parser.feed(text)) {
      if (listeners.length === 0) early.push(frame)
      else for (const listener of listeners) listener(frame.channel, frame.data)
    }
  }
  if (reader.parser.rest !== '') feed(reader.parser.rest)
  void (async () => {
    try {
      for (;;) {
        const text = await tls.read()
        if (text === undefined) break
        feed(text)
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    close()
  })()
  await finished
  await pending
  stopAtEnd()
}
