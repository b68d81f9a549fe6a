/** One HTTP request of a check, over a connection that stands: plain, or one that TLS was negotiated on. */
import { encodeRequest, HttpReader, parseUrl } from '#base/http.ts'
import type { HttpRequest } from '#course/inspect.ts'
import type { Connection } from '#engine/machine/sockets.ts'

export interface RequestTarget {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly tls: boolean
}

export function requestTarget(url: string): RequestTarget {
  const parsed = parseUrl(url)
  if (!parsed || (parsed.scheme !== 'http' && parsed.scheme !== 'https')) throw new Error(`not an http URL: ${url}`)
  const tls = parsed.scheme === 'https'
  return { host: parsed.host, port: parsed.port ?? (tls ? 443 : 80), path: parsed.target, tls }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The answer, or undefined when the other side closed without one or it was no HTTP. */
export async function exchange(stream: Pick<Connection, 'read' | 'write'>, request: HttpRequest, target: RequestTarget): Promise<Answer | undefined> {
  const port = target.port === (target.tls ? 443 : 80) ? '' : `:${target.port}`
  await stream.write(encodeRequest({ method: request.method, target: target.path, headers: { Host: request.host ?? `${target.host}${port}`, 'User-Agent': 'kubedrill', Accept: '*/*', Connection: 'close', ...request.headers } }))
  const reader = new HttpReader(() => stream.read(), 'response')
  reader.parser.noBody = request.method === 'HEAD'
  const message = await reader.message()
  if (!message || 'error' in message || message.head.kind !== 'response') return undefined
  return { status: message.head.status, headers: Object.fromEntries(message.head.headers.list.map(([k, v]) => [k.toLowerCase(), v])), body: message.body }
}
