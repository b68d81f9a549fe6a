/**
 * Requests over the process's own sockets: name lookup, TCP, TLS (https), HTTP/1.1, one connection per request. Failures become ConnectError with the words
 * of Go's net and crypto/tls packages.
 */
import { encodeRequest, HttpReader, parseUrl, type HttpResponseHead } from '#base/http.ts'
import { FsError, type Errno } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { ConnectError } from '../cli/errors.ts'
import type { ClientConfig } from './kubeconfig.ts'
import { secure, type Wire } from './secure.ts'
import type { Transport, WireAnswer, WireChannels, WireRequest, WireStream } from './transport.ts'
import { channelsOver } from './channels.ts'

const DialTimeout = 30_000

const dialErrors: Partial<Record<Errno, string>> = {
  ECONNREFUSED: 'connect: connection refused', EHOSTUNREACH: 'connect: no route to host', ENETUNREACH: 'connect: network is unreachable', EPERM: 'connect: operation not permitted', EACCES: 'connect: permission denied',
  ETIMEDOUT: 'i/o timeout', ECONNRESET: 'read: connection reset by peer', EADDRNOTAVAIL: 'connect: cannot assign requested address',
}

export const dialNetwork = (process: Process, config: ClientConfig): Transport => new NetworkTransport(process, config)

class NetworkTransport implements Transport {
  readonly server: string
  readonly #process: Process
  readonly #config: ClientConfig
  readonly #host: string
  readonly #port: number
  readonly #tls: boolean
  readonly #prefix: string

  constructor(process: Process, config: ClientConfig) {
    this.#process = process
    this.#config = config
    this.server = config.server
    const url = parseUrl(config.server)
    this.#host = url?.host ?? ''
    this.#tls = url?.scheme === 'https'
    this.#port = url?.port ?? (this.#tls ? 443 : 80)
    this.#prefix = url && url.target !== '/' ? url.target : ''
  }

  async send(request: WireRequest): Promise<WireAnswer> {
    const { wire, reader, head } = await this.#open(request)
    const body: string[] = []
    for (;;) {
      const event = await this.#guard(request, reader.next())
      if (!event || event.type === 'end') break
      if (event.type === 'error') throw this.#error(request, event.message)
      if (event.type === 'data') body.push(event.text)
    }
    wire.close()
    return { code: head.status, headers: lower(head), body: body.join('') }
  }

  async stream(request: WireRequest): Promise<WireStream> {
    const deadline = request.timeout ? this.#process.now() + request.timeout : undefined
    const { wire, reader, head } = await this.#open(request)
    return {
      code: head.status, headers: lower(head),
      read: async () => {
        for (;;) {
          const next = reader.next()
          const inTime = deadline === undefined || (await this.#process.any([next, this.#process.sleep(Math.max(0, deadline - this.#process.now()))])) === 0
          const event = inTime ? await next : undefined
          if (!event || event.type === 'end' || event.type === 'error') {
            wire.close()
            return undefined
          }
          if (event.type === 'data') return event.text
        }
      },
      close: () => wire.close(),
    }
  }

  async upgrade(request: WireRequest): Promise<WireChannels | WireAnswer> {
    const { wire, reader, head } = await this.#open(request)
    if (head.status === 101) {
      return channelsOver({
        read: async () => {
          const event = await reader.next()
          return event?.type === 'data' ? event.text : undefined
        },
        write: (text) => wire.write(text), close: () => wire.close(),
      })
    }
    const body: string[] = []
    for (let event = await reader.next(); event && event.type === 'data'; event = await reader.next()) body.push(event.text)
    wire.close()
    return { code: head.status, headers: lower(head), body: body.join('') }
  }

  #url(request: WireRequest): string {
    const timeout = request.path === '/api' || request.path === '/apis' ? `?timeout=${request.timeout ? Math.round(request.timeout / 1000) : 32}s` : ''
    return `${this.server}${request.path}${timeout}`
  }

  #error(request: WireRequest, cause: string): ConnectError {
    return new ConnectError(request.method, this.#url(request), cause)
  }

  async #guard<T>(request: WireRequest, call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw this.#error(request, `read tcp ${this.#host}:${this.#port}: ${dialErrors[error.code] ?? error.message.toLowerCase()}`)
    }
  }

  async #open(request: WireRequest): Promise<{ wire: Wire; reader: HttpReader; head: HttpResponseHead }> {
    const address = await this.#resolve(request)
    let wire: Wire
    let connection: Connection
    try {
      connection = await this.#process.sockets.connect(address, this.#port, { timeout: request.timeout || DialTimeout })
      wire = connection
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      if (error.code === 'ETIMEDOUT' && request.timeout) throw this.#error(request, 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
      throw this.#error(request, `dial tcp ${address}:${this.#port}: ${dialErrors[error.code] ?? `connect: ${error.message.toLowerCase()}`}`)
    }
    if (this.#tls) {
      const result = await this.#guard(request, secure(this.#process, connection, this.#config, this.#host))
      if (typeof result === 'string') {
        wire.close()
        throw this.#error(request, result)
      }
      wire = result
    }
    const headers: Record<string, string> = { Host: `${this.#host}:${this.#port}` }
    for (const [name, value] of Object.entries(request.headers)) headers[name.replace(/(^|-)([a-z])/g, (_, dash: string, c: string) => dash + c.toUpperCase())] = value
    if (headers['Connection'] === undefined) headers['Connection'] = 'close'
    await this.#guard(request, wire.write(encodeRequest({ method: request.method, target: this.#prefix + request.path, headers, ...(request.body !== undefined ? { body: request.body } : {}) })))
    const reader = new HttpReader(() => wire.read(), 'response')
    const event = await this.#guard(request, reader.next())
    if (!event) throw this.#error(request, 'EOF')
    if (event.type !== 'head' || event.head.kind !== 'response') throw this.#error(request, event.type === 'error' ? (/malformed HTTP response/.test(event.message) && !this.#tls ? `net/http: HTTP/1.x transport connection broken: ${event.message}` : event.message) : 'EOF')
    if (event.head.status === 400 && !this.#tls && event.head.headers.get('content-type')?.startsWith('text/plain')) return { wire, reader, head: event.head }
    return { wire, reader, head: event.head }
  }

  async #resolve(request: WireRequest): Promise<string> {
    if (/^\d+\.\d+\.\d+\.\d+$/.test(this.#host)) return this.#host
    const found = await this.#process.sockets.lookup(this.#host)
    if (found.ok && found.addresses[0] !== undefined) return found.addresses[0]
    const server = nameServer(this.#process)
    const why = !found.ok && found.error === 'EAI_AGAIN' ? 'i/o timeout' : 'no such host'
    throw this.#error(request, `dial tcp: lookup ${this.#host}${server ? ` on ${server}:53` : ''}: ${why}`)
  }
}

function nameServer(process: Process): string | undefined {
  try {
    return /^nameserver\s+(\S+)/m.exec(process.fs.readFile('/etc/resolv.conf'))?.[1]
  } catch {
    return undefined
  }
}

function lower(head: HttpResponseHead): ReadonlyMap<string, string> {
  const out = new Map<string, string>()
  for (const [name, value] of head.headers.list) {
    const key = name.toLowerCase()
    out.set(key, out.has(key) ? `${out.get(key)!}, ${value}` : value)
  }
  return out
}
