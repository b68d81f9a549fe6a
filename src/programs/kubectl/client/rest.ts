/**
 * A REST client over a Transport: headers of the user, JSON bodies, Status answers as ApiError, `Warning:` headers to stderr,
 * watches as lines of events. Models client-go's rest package as kubectl uses it.
 */
import { Failure } from '../cli/errors.ts'
import type { KubeObject, Status } from '#engine/api/types.ts'
import { ApiError, ConnectError } from '../cli/errors.ts'
import type { Transport, WireAnswer, WireChannels, WireRequest, WireStream } from './transport.ts'

interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly contentType?: string
  /** `deployments.apps`, for the text of answers that are no Status. */
  readonly about?: string
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject
}

export interface Watch {
  next(): Promise<WatchEvent | undefined>
  close(): void
}

interface RestHooks {
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  warn(text: string): Promise<void>
  /** Called for each answer, for `-v=6` and above. */
  trace(method: string, url: string, code: number | undefined, request: string, answer: string): Promise<void>
}

const phrases: Record<number, [string, string]> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', ''],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable', 'the server was unable to respond with a content type that the client supports'],
  409: ['Conflict', 'the server reported a conflict'],
  415: ['UnsupportedMediaType', 'the server was not able to accept the content type'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted, but may still be processing the request'],
}

export class RestClient {
  readonly #transport: Transport
  readonly #hooks: RestHooks

  constructor(transport: Transport, hooks: RestHooks) {
    this.#transport = transport
    this.#hooks = hooks
  }

  get server(): string {
    return this.#transport.server
  }

  #wire(method: WireRequest['method'], path: string, options: CallOptions): WireRequest {
    // Sorted by name; the values of one name (the words of a command) keep their order.
    const query = Object.entries(options.query ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, value]) => (Array.isArray(value) ? (value as readonly string[]) : value === undefined || value === '' ? [] : [value]).map((v) => `${encodeURIComponent(key)}=${encodeURIComponent(String(v)).replaceAll('%20', '+')}`))
    const full = query.length > 0 ? `${path}${path.includes('?') ? '&' : '?'}${query.join('&')}` : path
    const headers: Record<string, string> = { accept: 'application/json', ...this.#hooks.headers, ...options.headers }
    const body = options.body === undefined ? undefined : typeof options.body === 'string' ? options.body : JSON.stringify(options.body)
    if (body !== undefined) headers['content-type'] = options.contentType ?? 'application/json'
    return { method, path: full, headers, timeout: this.#hooks.timeout, ...(body !== undefined ? { body } : {}) }
  }

  async #warnings(headers: ReadonlyMap<string, string>): Promise<void> {
    const value = headers.get('warning')
    if (value === undefined) return
    for (const m of value.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) await this.#hooks.warn(m[1]!.replace(/\\(.)/g, '$1'))
  }

  /** The answer as it is; throws ApiError for codes from 400 on. */
  async call(method: WireRequest['method'], path: string, options: CallOptions = {}): Promise<WireAnswer> {
    const request = this.#wire(method, path, options)
    let answer: WireAnswer
    try {
      answer = await this.#transport.send(request)
    } catch (error) {
      if (error instanceof ConnectError) await this.#hooks.trace(method, this.server + request.path, undefined, request.body ?? '', error.message)
      throw error
    }
    await this.#hooks.trace(method, this.server + request.path, answer.code, request.body ?? '', answer.body)
    await this.#warnings(answer.headers)
    if (answer.code >= 400) throw this.#refusal(answer, method, options.about ?? '')
    return answer
  }

  #refusal(answer: { readonly code: number; readonly body: string }, method: string, about: string): ApiError {
    try {
      const status = JSON.parse(answer.body) as Status
      if (status.kind === 'Status') return new ApiError(status)
    } catch {
      // not JSON: told from the code alone
    }
    const [reason, message] = phrases[answer.code] ?? ['Unknown', answer.code >= 500 ? `an error on the server (${JSON.stringify(answer.body.trim().slice(0, 2048))}) has prevented the request from succeeding` : `the server responded with the status code ${answer.code} but did not return more information`]
    const verb = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' }[method] ?? method.toLowerCase()
    const text = (answer.code === 403 ? answer.body.trim() : message) + (about ? ` (${verb} ${about})` : '')
    return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: answer.code >= 500 && !phrases[answer.code] ? 'InternalError' : reason, message: text, code: answer.code })
  }

  async json<T>(method: WireRequest['method'], path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.call(method, path, options)
    return JSON.parse(answer.body) as T
  }

  async stream(path: string, options: CallOptions = {}): Promise<WireStream> {
    const stream = await this.#transport.stream(this.#wire('GET', path, options))
    await this.#warnings(stream.headers)
    if (stream.code >= 400) {
      let body = ''
      for (let part = await stream.read(); part !== undefined; part = await stream.read()) body += part
      throw this.#refusal({ code: stream.code, body }, 'GET', options.about ?? '')
    }
    return stream
  }

  async watch(path: string, options: CallOptions = {}): Promise<Watch> {
    const stream = await this.stream(path, { ...options, query: { ...options.query, watch: true } })
    let rest = ''
    return {
      next: async () => {
        for (;;) {
          const end = rest.indexOf('\n')
          if (end >= 0) {
            const line = rest.slice(0, end)
            rest = rest.slice(end + 1)
            if (line.trim() !== '') return JSON.parse(line) as WatchEvent
            continue
          }
          const part = await stream.read()
          if (part === undefined) return undefined
          rest += part
        }
      },
      close: () => stream.close(),
    }
  }

  async upgrade(path: string, options: CallOptions = {}): Promise<WireChannels> {
    const request = this.#wire('GET', path, options)
    const answer = await this.#transport.upgrade({ ...request, method: 'POST', headers: { ...request.headers, connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v5.channel.k8s.io' } })
    if ('code' in answer) {
      // A kubelet's refusal is plain text, passed on by the server.
      if (answer.headers.get('content-type')?.startsWith('text/plain')) throw new Failure(`Internal error occurred: unable to upgrade connection: ${answer.body.trim()}`)
      throw this.#refusal(answer, 'POST', options.about ?? '')
    }
    return answer
  }
}
