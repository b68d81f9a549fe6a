/**
 * FastCGI 1.0 between nginx and a responder: records with a BEGIN_REQUEST, parameters and the body one way, the CGI answer the other.
 * One request per connection, as nginx does without fastcgi_keep_conn. Left out: authorizers, filters, multiplexing, STDERR in nginx's error log.
 */
import { decodeBytes, encodeBytes } from '#base/bytes.ts'
import type { Connection } from '#engine/machine/sockets.ts'

export const record = { begin: 1, end: 3, params: 4, stdin: 5, stdout: 6, stderr: 7 } as const

function bytesOf(type: number, content: Uint8Array): number[] {
  return [1, type, 0, 1, content.length >> 8, content.length & 0xff, 0, 0, ...content]
}

/** A stream of one type: its records, and the empty one that ends it. */
function stream(type: number, content: Uint8Array): number[] {
  const out: number[] = []
  for (let at = 0; at < content.length; at += 0x8000) out.push(...bytesOf(type, content.subarray(at, at + 0x8000)))
  return [...out, ...bytesOf(type, new Uint8Array())]
}

function pairs(params: ReadonlyMap<string, string>): Uint8Array {
  const out: number[] = []
  const size = (n: number) => (n < 0x80 ? [n] : [0x80 | (n >> 24), (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff])
  for (const [name, value] of params) {
    const [k, v] = [encodeBytes(name), encodeBytes(value)]
    out.push(...size(k.length), ...size(v.length), ...k, ...v)
  }
  return Uint8Array.from(out)
}

export function encodeFastCgiRequest(params: ReadonlyMap<string, string>, body: string): string {
  return decodeBytes([...bytesOf(record.begin, Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0)), ...stream(record.params, pairs(params)), ...stream(record.stdin, encodeBytes(body))])
}

export function encodeFastCgiAnswer(text: string): string {
  return decodeBytes([...stream(record.stdout, encodeBytes(text)), ...bytesOf(record.end, new Uint8Array(8))])
}

/** What parameters a PARAMS stream names. */
export function decodeParams(content: Uint8Array): Map<string, string> {
  const out = new Map<string, string>()
  let at = 0
  const size = () => {
    const first = content[at++]!
    if (first < 0x80) return first
    at += 3
    return ((first & 0x7f) << 24) | (content[at - 3]! << 16) | (content[at - 2]! << 8) | content[at - 1]!
  }
  while (at < content.length) {
    const [k, v] = [size(), size()]
    out.set(decodeBytes(content.subarray(at, at + k)), decodeBytes(content.subarray(at + k, at + k + v)))
    at += k + v
  }
  return out
}

/** Reads records of a connection; undefined at its end. Rejects when the peer speaks something else. */
export function fastCgiRecords(read: () => Promise<string | undefined>): () => Promise<{ readonly type: number; readonly content: Uint8Array } | undefined> {
  let rest = new Uint8Array()
  return async () => {
    for (;;) {
      if (rest.length > 0 && rest[0] !== 1) throw new Error(`upstream sent unsupported FastCGI protocol version: ${rest[0]}`)
      const length = rest.length < 8 ? undefined : (rest[4]! << 8) | rest[5]!
      if (length !== undefined && rest.length >= 8 + length + rest[6]!) {
        const found = { type: rest[1]!, content: rest.slice(8, 8 + length) }
        rest = rest.slice(8 + length + rest[6]!)
        return found
      }
      const chunk = await read()
      if (chunk === undefined) return undefined
      rest = Uint8Array.from([...rest, ...encodeBytes(chunk)])
    }
  }
}

/** The responder's answer as an HTTP/1.1 message: `Status:` becomes the status line. */
export function fastCgiReader(read: () => Promise<string | undefined>): () => Promise<string | undefined> {
  const next = fastCgiRecords(read)
  let head: string | undefined = ''
  let done = false
  return async () => {
    while (!done) {
      const found = await next()
      if (!found || found.type === record.end) {
        done = true
        if (head !== undefined) throw new Error('upstream prematurely closed FastCGI stdout')
        return undefined
      }
      if (found.type !== record.stdout || found.content.length === 0) continue
      const text = decodeBytes(found.content)
      if (head === undefined) return text
      head += text
      const end = /\r?\n\r?\n/.exec(head)
      if (!end) continue
      const lines = head.slice(0, end.index).split(/\r?\n/)
      const body = head.slice(end.index + end[0].length)
      const status = lines.find((l) => /^status:/i.test(l))?.replace(/^status:\s*/i, '') ?? (lines.some((l) => /^location:/i.test(l)) ? '302 Moved Temporarily' : '200 OK')
      head = undefined
      return [`HTTP/1.1 ${status}`, ...lines.filter((l) => !/^status:/i.test(l)), '', body].join('\r\n')
    }
    return undefined
  }
}

export interface FastCgiFacts {
  readonly method: string
  readonly path: string
  readonly target: string
  readonly body: string
  readonly headers: Iterable<readonly [string, string]>
  readonly https: boolean
  readonly client: string
  readonly connection: Connection
  readonly server: string
  readonly index: string | undefined
  /** Of the ConfigMap that fastcgi-params-configmap names; `$variables` are resolved already. */
  readonly more: Readonly<Record<string, string>>
}

/** What /etc/nginx/fastcgi_params of the image passes, then the location's own, then the request's headers. */
export function fastCgiParams(f: FastCgiFacts): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [k, v] of f.headers) headers.set(k.toLowerCase(), v)
  const script = f.path.endsWith('/') && f.index !== undefined ? f.path + f.index : f.path
  const out = new Map<string, string>([
    ['QUERY_STRING', f.target.split('?').slice(1).join('?')], ['REQUEST_METHOD', f.method], ['CONTENT_TYPE', headers.get('content-type') ?? ''], ['CONTENT_LENGTH', f.body === '' ? '' : String(encodeBytes(f.body).length)],
    ['SCRIPT_NAME', script], ['REQUEST_URI', f.target], ['DOCUMENT_URI', f.path], ['DOCUMENT_ROOT', '/etc/nginx/html'], ['SERVER_PROTOCOL', 'HTTP/1.1'], ['REQUEST_SCHEME', f.https ? 'https' : 'http'], ...(f.https ? [['HTTPS', 'on'] as const] : []),
    ['GATEWAY_INTERFACE', 'CGI/1.1'], ['SERVER_SOFTWARE', 'nginx'], ['REMOTE_ADDR', f.client], ['REMOTE_PORT', String(f.connection.remote.port)], ['SERVER_ADDR', f.connection.local.host], ['SERVER_PORT', String(f.connection.local.port)], ['SERVER_NAME', f.server], ['REDIRECT_STATUS', '200'],
  ])
  for (const [k, v] of Object.entries(f.more)) out.set(k, v === '$fastcgi_script_name' ? script : v)
  for (const [k, v] of headers) out.set(`HTTP_${k.toUpperCase().replaceAll('-', '_')}`, v)
  return out
}
