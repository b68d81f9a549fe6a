/**
 * HTTP/1.1 messages as text: an incremental parser (a request's or a response's side) and the writing of heads and chunks. Bodies
 * are strings whose bytes count (#base/bytes.ts). Leaves out: HTTP/2, trailers' meaning, obsolete line folding, pipelining limits.
 */
import { byteLength } from './bytes.ts'

/** Header fields in the order of the message; names keep their spelling and are compared without case. */
export class HttpHeaders {
  readonly list: [string, string][]

  constructor(list: Iterable<readonly [string, string]> | Readonly<Record<string, string>> = []) {
    this.list = (Symbol.iterator in list ? [...list] : Object.entries(list)).map(([k, v]) => [k, v])
  }
  get(name: string): string | undefined {
    const wanted = name.toLowerCase()
    return this.list.find(([k]) => k.toLowerCase() === wanted)?.[1]
  }
  all(name: string): string[] {
    const wanted = name.toLowerCase()
    return this.list.filter(([k]) => k.toLowerCase() === wanted).map(([, v]) => v)
  }
  has(name: string): boolean {
    return this.get(name) !== undefined
  }
  set(name: string, value: string): this {
    const wanted = name.toLowerCase()
    const at = this.list.findIndex(([k]) => k.toLowerCase() === wanted)
    if (at < 0) this.list.push([name, value])
    else this.list[at] = [this.list[at]![0], value]
    return this
  }
  add(name: string, value: string): this {
    this.list.push([name, value])
    return this
  }
  delete(name: string): this {
    const wanted = name.toLowerCase()
    for (let i = this.list.length - 1; i >= 0; i--) if (this.list[i]![0].toLowerCase() === wanted) this.list.splice(i, 1)
    return this
  }
  /** One token of a comma-separated field (`Connection: keep-alive, Upgrade`). */
  hasToken(name: string, token: string): boolean {
    return this.all(name).some((v) => v.split(',').some((t) => t.trim().toLowerCase() === token.toLowerCase()))
  }
}

export interface HttpRequestHead {
  readonly kind: 'request'
  readonly method: string
  /** As on the request line: `/path?query`, `http://host/…` to a proxy, `host:port` for CONNECT. */
  readonly target: string
  readonly version: string
  readonly headers: HttpHeaders
}

export interface HttpResponseHead {
  readonly kind: 'response'
  readonly version: string
  readonly status: number
  readonly reason: string
  readonly headers: HttpHeaders
}

export type HttpEvent =
  | { readonly type: 'head'; readonly head: HttpRequestHead | HttpResponseHead; readonly raw: string }
  | { readonly type: 'data'; readonly text: string }
  /** The message is complete. `keepAlive`: another may follow on the connection. */
  | { readonly type: 'end'; readonly keepAlive: boolean }
  | { readonly type: 'error'; readonly message: string }

export const httpReasons: Readonly<Record<number, string>> = {
  100: 'Continue', 101: 'Switching Protocols', 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content', 206: 'Partial Content', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other', 304: 'Not Modified',
  307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 408: 'Request Timeout', 409: 'Conflict',
  410: 'Gone', 411: 'Length Required', 413: 'Request Entity Too Large', 414: 'URI Too Long', 415: 'Unsupported Media Type', 416: 'Requested Range Not Satisfiable', 422: 'Unprocessable Entity', 426: 'Upgrade Required', 429: 'Too Many Requests',
  431: 'Request Header Fields Too Large', 500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported',
}

/** The prefix of `text` that is at most `bytes` bytes, in characters. */
export function charactersWithin(text: string, bytes: number): number {
  if (text.length <= bytes && byteLength(text) <= bytes) return text.length
  let used = 0
  let i = 0
  while (i < text.length) {
    const step = (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00 ? 2 : 1
    used += byteLength(text.slice(i, i + step))
    if (used > bytes) break
    i += step
  }
  return i
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'raw' | 'failed'

/** Feed it what arrives; it says what that means. One parser for all messages of one direction of a connection. */
export class HttpParser {
  readonly #role: 'request' | 'response'
  #buffer = ''
  #state: State = 'head'
  #left = 0
  #keepAlive = true
  /** The next response has no body (it answers HEAD). The asker sets it before feeding. */
  noBody = false

  constructor(role: 'request' | 'response') {
    this.#role = role
  }

  /** What was fed and not used: the first bytes after an upgrade. */
  get rest(): string {
    return this.#buffer
  }

  /** Inside a message: the end of the stream now would cut it. */
  get open(): boolean {
    return this.#state !== 'head' || this.#buffer !== ''
  }

  feed(text: string): HttpEvent[] {
    this.#buffer += text
    const events: HttpEvent[] = []
    while (this.#step(events));
    return events
  }

  /** The stream has ended. */
  end(): HttpEvent[] {
    if (this.#state === 'until-close' || this.#state === 'raw') {
      this.#state = 'head'
      return [{ type: 'end', keepAlive: false }]
    }
    if (!this.open) return []
    this.#state = 'failed'
    return [{ type: 'error', message: 'unexpected EOF' }]
  }

  #fail(events: HttpEvent[], message: string): false {
    this.#state = 'failed'
    events.push({ type: 'error', message })
    return false
  }

  #done(events: HttpEvent[]): true {
    this.#state = 'head'
    events.push({ type: 'end', keepAlive: this.#keepAlive })
    return true
  }

  #line(): string | undefined {
    const at = this.#buffer.indexOf('\n')
    if (at < 0) return undefined
    const line = this.#buffer.slice(0, at).replace(/\r$/, '')
    this.#buffer = this.#buffer.slice(at + 1)
    return line
  }

  #step(events: HttpEvent[]): boolean {
    switch (this.#state) {
      case 'head':
        return this.#head(events)
      case 'length':
      case 'chunk': {
        if (this.#buffer === '') return false
        const n = charactersWithin(this.#buffer, this.#left)
        const part = this.#buffer.slice(0, n)
        if (part === '') return this.#fail(events, 'malformed body')
        this.#buffer = this.#buffer.slice(n)
        this.#left -= byteLength(part)
        events.push({ type: 'data', text: part })
        if (this.#left > 0) return this.#buffer !== ''
        if (this.#state === 'length') return this.#done(events)
        this.#state = 'chunk-end'
        return true
      }
      case 'chunk-end': {
        if (this.#line() === undefined) return false
        this.#state = 'chunk-size'
        return true
      }
      case 'chunk-size': {
        const line = this.#line()
        if (line === undefined) return false
        const size = /^([0-9a-fA-F]+)\s*(;.*)?$/.exec(line)
        if (!size) return this.#fail(events, 'invalid byte in chunk length')
        this.#left = parseInt(size[1]!, 16)
        this.#state = this.#left === 0 ? 'trailer' : 'chunk'
        return true
      }
      case 'trailer': {
        const line = this.#line()
        if (line === undefined) return false
        return line === '' ? this.#done(events) : true
      }
      case 'until-close':
      case 'raw':
        if (this.#buffer === '') return false
        events.push({ type: 'data', text: this.#buffer })
        this.#buffer = ''
        return false
      case 'failed':
        return false
    }
  }

  #head(events: HttpEvent[]): boolean {
    if (this.#role === 'request') this.#buffer = this.#buffer.replace(/^(\r?\n)+/, '')
    const end = /\r?\n\r?\n/.exec(this.#buffer)
    if (!end) {
      if (this.#buffer !== '' && !this.#plausible()) return this.#fail(events, this.#role === 'request' ? 'malformed HTTP request' : `malformed HTTP response`)
      return false
    }
    const raw = this.#buffer.slice(0, end.index + end[0].length)
    this.#buffer = this.#buffer.slice(raw.length)
    const [first, ...lines] = raw.slice(0, end.index).split(/\r?\n/)
    const headers = new HttpHeaders()
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon <= 0) return this.#fail(events, 'malformed MIME header line: ' + line)
      headers.add(line.slice(0, colon), line.slice(colon + 1).trim())
    }
    const request = /^(\S+) (\S+) (HTTP\/\d\.\d)$/.exec(first!)
    const response = /^(HTTP\/\d(?:\.\d)?) (\d{3}) ?(.*)$/.exec(first!)
    if (this.#role === 'request' ? !request : !response) return this.#fail(events, `malformed HTTP ${this.#role} "${first}"`)
    const head: HttpRequestHead | HttpResponseHead = request
      ? { kind: 'request', method: request[1]!, target: request[2]!, version: request[3]!, headers }
      : { kind: 'response', version: response![1]!, status: Number(response![2]), reason: response![3]!, headers }
    this.#keepAlive = head.version === 'HTTP/1.1' ? !headers.hasToken('Connection', 'close') : headers.hasToken('Connection', 'keep-alive')
    events.push({ type: 'head', head, raw })
    return this.#body(events, head)
  }

  #plausible(): boolean {
    const line = this.#buffer.split('\n', 1)[0]!
    if (this.#role === 'response') return 'HTTP/'.startsWith(line.slice(0, 5))
    return /^[A-Za-z]/.test(line)
  }

  #body(events: HttpEvent[], head: HttpRequestHead | HttpResponseHead): boolean {
    const { headers } = head
    if (head.kind === 'response') {
      if (head.status === 101) {
        this.#state = 'raw'
        return true
      }
      if (head.status < 200) return true
      if (this.noBody || head.status === 204 || head.status === 304) {
        this.noBody = false
        return this.#done(events)
      }
    }
    if (headers.hasToken('Transfer-Encoding', 'chunked')) {
      this.#state = 'chunk-size'
      return true
    }
    const length = headers.get('Content-Length')
    if (length !== undefined) {
      if (!/^\d+$/.test(length)) return this.#fail(events, `bad Content-Length "${length}"`)
      this.#left = Number(length)
      if (this.#left === 0) return this.#done(events)
      this.#state = 'length'
      return true
    }
    if (head.kind === 'request') {
      if (headers.hasToken('Connection', 'upgrade') || head.method === 'CONNECT') {
        // What follows is another protocol, if the server agrees; it stays in `rest`.
        events.push({ type: 'end', keepAlive: true })
        this.#state = 'head'
        return false
      }
      return this.#done(events)
    }
    this.#keepAlive = false
    this.#state = 'until-close'
    return true
  }
}

function headerLines(headers: HttpHeaders | Readonly<Record<string, string>>): string {
  const list = headers instanceof HttpHeaders ? headers.list : Object.entries(headers)
  return list.map(([k, v]) => `${k}: ${v}\r\n`).join('')
}

/** A whole request. A body without Content-Length or Transfer-Encoding gets its length. */
export function encodeRequest(request: { readonly method: string; readonly target: string; readonly headers: HttpHeaders | Readonly<Record<string, string>>; readonly body?: string; readonly version?: string }): string {
  const headers = new HttpHeaders(request.headers instanceof HttpHeaders ? request.headers.list : request.headers)
  if (request.body !== undefined && !headers.has('Content-Length') && !headers.has('Transfer-Encoding')) headers.add('Content-Length', String(byteLength(request.body)))
  return `${request.method} ${request.target} ${request.version ?? 'HTTP/1.1'}\r\n${headerLines(headers)}\r\n${request.body ?? ''}`
}

/** A whole response, or (without `body`) its head only; a body without length fields gets its length. */
export function encodeResponse(response: { readonly status: number; readonly reason?: string; readonly headers: HttpHeaders | Readonly<Record<string, string>>; readonly body?: string; readonly version?: string }): string {
  const headers = new HttpHeaders(response.headers instanceof HttpHeaders ? response.headers.list : response.headers)
  if (response.body !== undefined && !headers.has('Content-Length') && !headers.has('Transfer-Encoding')) headers.add('Content-Length', String(byteLength(response.body)))
  return `${response.version ?? 'HTTP/1.1'} ${response.status} ${response.reason ?? httpReasons[response.status] ?? ''}\r\n${headerLines(headers)}\r\n${response.body ?? ''}`
}

export function encodeChunk(text: string): string {
  return text === '' ? '' : `${byteLength(text).toString(16)}\r\n${text}\r\n`
}

export const lastChunk = '0\r\n\r\n'

/** `Mon, 02 Jan 2006 15:04:05 GMT` of virtual milliseconds. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

export interface ParsedUrl {
  readonly scheme: string
  readonly userinfo: string | undefined
  /** Without brackets. */
  readonly host: string
  /** Undefined where the URL names none. */
  readonly port: number | undefined
  /** Path and query, at least `/`. */
  readonly target: string
  readonly fragment: string | undefined
}

/** An absolute URL (`scheme://host…`), or undefined. */
export function parseUrl(text: string): ParsedUrl | undefined {
  const m = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:([^@/?#]*)@)?(\[[0-9A-Fa-f:.]*\]|[^:/?#]*)(?::(\d*))?([/?][^#]*)?(?:#(.*))?$/s.exec(text)
  if (!m) return undefined
  const target = m[5] ?? '/'
  return {
    scheme: m[1]!.toLowerCase(), userinfo: m[2], host: m[3]!.replace(/^\[|\]$/g, ''), port: m[4] ? Number(m[4]) : undefined, target: target.startsWith('/') ? target : '/' + target, fragment: m[6],
  }
}

/** Reads messages from anything that hands out chunks (a connection, TLS over one). */
export class HttpReader {
  readonly #read: () => Promise<string | undefined>
  readonly parser: HttpParser
  #events: HttpEvent[] = []
  #ended = false

  constructor(read: () => Promise<string | undefined>, role: 'request' | 'response') {
    this.#read = read
    this.parser = new HttpParser(role)
  }

  /** The next event; undefined when the stream has ended between messages. Rejects as the connection's read does. */
  async next(): Promise<HttpEvent | undefined> {
    while (this.#events.length === 0) {
      if (this.#ended) return undefined
      const chunk = await this.#read()
      if (chunk === undefined) {
        this.#ended = true
        this.#events = this.parser.end()
      } else this.#events = this.parser.feed(chunk)
    }
    return this.#events.shift()
  }

  /** A whole message; undefined when there is none any more; an error event as text. */
  async message(): Promise<{ readonly head: HttpRequestHead | HttpResponseHead; readonly body: string; readonly keepAlive: boolean } | { readonly error: string } | undefined> {
    let head: HttpRequestHead | HttpResponseHead | undefined
    const body: string[] = []
    for (;;) {
      const event = await this.next()
      if (!event) return head ? { error: 'unexpected EOF' } : undefined
      if (event.type === 'error') return { error: event.message }
      if (event.type === 'head') head = event.head
      if (event.type === 'data') body.push(event.text)
      if (event.type === 'end') return { head: head!, body: body.join(''), keepAlive: event.keepAlive }
    }
  }
}
