/** One plain HTTP(S) request and its whole answer: what wget and its busybox variant need of the protocol. */
import { encodeRequest, HttpReader, type HttpResponseHead, type ParsedUrl } from '#base/http.ts'
import { decodeCertificates, type Certificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { tlsConnect } from '#engine/machine/tls.ts'

export function trustedRoots(p: Process, file = '/etc/ssl/certs/ca-certificates.crt'): Certificate[] {
  try {
    return decodeCertificates(p.fs.readFile(file))
  } catch (error) {
    if (error instanceof FsError) return []
    throw error
  }
}

/** TLS over a connection where the URL asks for it. */
export async function wrap(p: Process, url: ParsedUrl, tcp: Connection, options: { readonly insecure: boolean; readonly roots: readonly Certificate[] }): Promise<Connection> {
  return url.scheme === 'https' ? tlsConnect(tcp, { serverName: url.host, roots: options.roots, insecure: options.insecure, alpn: ['http/1.1'], now: p.now() }) : tcp
}

/** Something that a wait of at most `ms` answers, or 'late'. */
export async function within<T>(p: Process, ms: number | undefined, call: Promise<T>): Promise<T | 'late'> {
  if (ms === undefined) return call
  return (await p.any([call, p.sleep(ms)])) === 1 ? 'late' : call
}

export interface Answer {
  readonly head: HttpResponseHead
  readonly raw: string
  readonly reader: HttpReader
}

/** Sends the request and waits for the head of the answer. */
export async function request(p: Process, connection: Connection, message: { readonly method: string; readonly target: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string }, timeout: number | undefined): Promise<Answer | 'late' | 'empty' | { readonly error: string }> {
  await connection.write(encodeRequest(message))
  const reader = new HttpReader(() => connection.read(), 'response')
  reader.parser.noBody = message.method === 'HEAD'
  for (;;) {
    const event = await within(p, timeout, reader.next())
    if (event === 'late') return 'late'
    if (!event) return 'empty'
    if (event.type === 'error') return { error: event.message }
    if (event.type === 'head' && event.head.kind === 'response' && event.head.status >= 200) return { head: event.head, raw: event.raw, reader }
  }
}
