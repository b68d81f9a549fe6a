/** One HTTP or HTTPS request over a process's sockets by callback: probes and lifecycle hooks. Certificates are not verified, as upstream does not. */
import { byteLength } from '#base/bytes.ts'
import { encodeRequest, HttpReader } from '#base/http.ts'
import { parseIpv4 } from '#base/ip.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Connection, Sockets } from '#engine/machine/sockets.ts'
import { TlsError, tlsConnect } from '#engine/machine/tls.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { dialText } from './dial.ts'

export interface HttpExchange {
  readonly sim: Sim
  readonly sockets: Sockets
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  readonly tls: boolean
}

export type HttpAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'timeout'; readonly connected: boolean }

const maxBody = 10 * 1024

export function httpExchange(request: HttpExchange, done: (answer: HttpAnswer) => void): void {
  let over = false
  const state: { connection: Connection | undefined } = { connection: undefined }
  const timer = request.sim.after(request.timeout, () => {
    finish({ kind: 'timeout', connected: state.connection !== undefined })
    state.connection?.close()
  }, { background: true })
  const finish = (answer: HttpAnswer) => {
    if (over) return
    over = true
    request.sim.cancel(timer)
    done(answer)
  }
  void exchange(request, state).then(finish)
}

async function exchange(request: HttpExchange, state: { connection: Connection | undefined }): Promise<HttpAnswer> {
  try {
    let { host } = request
    if (parseIpv4(host) === undefined) {
      const found = await request.sockets.lookup(host)
      if (!found.ok) return { kind: 'refused', message: `lookup ${host}: no such host` }
      host = found.addresses[0]!
    }
    const connection = await request.sockets.connect(host, request.port, { timeout: request.timeout + 1 })
    state.connection = connection
    const wire = request.tls ? await tlsConnect(connection, { serverName: request.host, roots: [], insecure: true, now: request.sim.now }) : connection
    await wire.write(encodeRequest({ method: 'GET', target: request.path, headers: request.headers }))
    const message = await new HttpReader(() => wire.read(), 'response').message()
    wire.end()
    if (!message) return { kind: 'error', message: 'EOF' }
    if ('error' in message) return { kind: 'error', message: `net/http: HTTP/1.x transport connection broken: ${message.error}` }
    const status = message.head.kind === 'response' ? message.head.status : 0
    return { kind: 'answer', status, body: byteLength(message.body) > maxBody ? message.body.slice(0, maxBody) : message.body }
  } catch (error) {
    if (error instanceof TlsError) return { kind: 'error', message: error.received !== undefined ? 'http: server gave HTTP response to HTTPS client' : error.go }
    if (!(error instanceof FsError)) throw error
    if (state.connection === undefined) return { kind: 'refused', message: dialText(error.code) }
    return { kind: 'error', message: error.code === 'ECONNRESET' ? 'read: connection reset by peer' : error.message.toLowerCase() }
  }
}
