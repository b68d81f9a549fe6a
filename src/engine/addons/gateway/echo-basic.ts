/**
 * echo-basic, the backend of the Gateway API's conformance tests: answers with what it was asked, over HTTP, HTTPS, HTTP/2 without TLS, WebSocket,
 * gRPC, TCP and UDP. Left out: the cipher's real name.
 */
import { byteLength } from '#base/bytes.ts'
import { encodeResponse, HttpHeaders, HttpReader, httpDate } from '#base/http.ts'
import type { HttpRequestHead } from '#base/http.ts'
import { decodeCertificates, encodeCertificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { loadIdentity, tlsAccept } from '#engine/machine/tls.ts'
import type { TlsConnection } from '#engine/machine/tls.ts'
import { lineWriter } from '#engine/node/daemon-log.ts'
import type { ContainerContext, ImageBehaviour } from '#engine/node/runtime/image.ts'
import { Replayed } from '#engine/machine/replayed.ts'
import { accept } from './channel.ts'
import { preface } from './http-proxy.ts'
import { parseGoDuration } from './durations.ts'

/** Header names as Go's http.Header has them. */
const canonical = (name: string) => name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())

export async function echoBasic(process: Process, context: ContainerContext): Promise<number> {
  const env = (name: string, or = '') => process.env.get(name) || or
  const log = lineWriter(process.stdout)
  const who = { namespace: env('NAMESPACE'), ingress: env('INGRESS_NAME'), service: env('SERVICE_NAME'), pod: env('POD_NAME') }
  const open: { close(): void }[] = []
  context.onExit(() => open.forEach((l) => l.close()))
  const counts = new Map<string, number>()

  const converse = async (given: Connection, kind: 'http' | 'h2c' | 'grpc', tls?: TlsConnection): Promise<void> => {
    const first = await given.read()
    if (first === undefined) return given.end()
    const http2 = first.startsWith(preface)
    const connection = new Replayed(given, http2 ? first.slice(preface.length) : first)
    const reader = new HttpReader(() => connection.read(), 'request')
    for (;;) {
      const message = await reader.message()
      if (!message || 'error' in message) break
      const head = message.head as HttpRequestHead
      const answer = (status: number, body: string, more: readonly (readonly [string, string])[] = []) =>
        connection.write(encodeResponse({ status, headers: new HttpHeaders([...more, ['Date', httpDate(process.now())], ['Content-Length', String(byteLength(body))]]), ...(head.method !== 'HEAD' && { body }) }))
      const [path, query = ''] = head.target.split('?') as [string, string?]
      const params = new Map(query.split('&').map((p) => [p.split('=')[0]!, p.split('=').slice(1).join('=')]))
      if (head.headers.hasToken('Connection', 'upgrade') && path === '/ws' && kind === 'http') {
        await connection.write(encodeResponse({ status: 101, reason: 'Switching Protocols', headers: { Upgrade: 'websocket', Connection: 'Upgrade' } }))
        for (let chunk: string | undefined = reader.parser.rest || (await connection.read()); chunk !== undefined; chunk = await connection.read()) await connection.write(chunk)
        break
      }
      if (kind === 'h2c' && !http2) {
        await answer(400, 'Expected h2c request')
        continue
      }
      log(`Echoing back request made to ${head.target} to client (${given.remote.host}:${given.remote.port})`)
      if (params.has('delay')) await process.sleep(parseGoDuration(params.get('delay')!))
      const headers: Record<string, string[]> = {}
      for (const [k, v] of head.headers.list) if (k.toLowerCase() !== 'host') (headers[canonical(k)] ??= []).push(v)
      const assertions = {
        path: head.target, host: head.headers.get('Host') ?? '', method: head.method, proto: http2 ? 'HTTP/2.0' : head.version, headers, ...who,
        ...(tls && { tls: { version: 'TLSv1.3', ...(tls.peerChain.length > 0 && { peerCertificates: tls.peerChain.map(encodeCertificate) }), serverName: tls.serverName ?? '', ...(tls.alpn && { negotiatedProtocol: tls.alpn }), cipherSuite: 'TLS_AES_128_GCM_SHA256' } }),
        sni: path.includes('backendTLS') ? (tls?.serverName ?? '') : '',
      }
      if (kind === 'grpc') {
        const known = /^\/gateway_api_conformance\.echo_basic\.grpcecho\.GrpcEcho\/(Echo|EchoTwo)$/.test(path)
        await answer(200, known ? JSON.stringify({ assertions }) : '', [['Content-Type', 'application/grpc'], ['Grpc-Status', known ? '0' : '12'], ...(known ? [] : [['Grpc-Message', `unknown method ${path}`] as const])])
        continue
      }
      const status = /^\/status\/(\d{3})$/.exec(path)
      if (path === '/health') await answer(200, 'OK')
      else if (path.startsWith('/status/')) await answer(status ? Number(status[1]) : 400, '')
      else {
        const set = new HttpHeaders()
        for (const part of head.headers.all('X-Echo-Set-Header').flatMap((v) => v.split(','))) {
          const at = part.indexOf(':')
          const [name, value] = at < 0 ? [part.trim(), ''] : [part.slice(0, at).trim(), part.slice(at + 1)]
          const before = set.get(name)
          set.set(name, before === undefined ? value : `${before},${value.trim()}`)
        }
        // /retry/…: fails so many times for one X-Request-Id or query, each time as slowly as it is told.
        const failures = path.startsWith('/retry') ? Number(params.get('succeedAfter') ?? 0) : 0
        const seen = (counts.get(head.target) ?? 0) + 1
        counts.set(head.target, seen > failures ? 0 : seen)
        if (seen <= failures && params.has('delayRetry')) await process.sleep(parseGoDuration(params.get('delayRetry')!))
        await answer(seen <= failures ? Number(params.get('responseCode') ?? 500) : 200, JSON.stringify(assertions, undefined, 1), [...set.list, ['Content-Type', 'application/json'], ['X-Content-Type-Options', 'nosniff']])
      }
      if (!message.keepAlive) break
    }
    connection.end()
  }
  const quietly = (serve: (connection: Connection) => Promise<void>) => async (connection: Connection) => {
    try {
      await serve(connection)
    } catch {
      connection.close()
    }
  }
  /** Answers every message with who got it. */
  const tcpEcho = async (connection: Connection, tls?: TlsConnection): Promise<void> => {
    for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
      await connection.write(`${JSON.stringify({ request: chunk.trimEnd(), ...who, ...(tls && { sni: tls.serverName }) })}\n`)
    }
    connection.end()
  }
  const listen = (port: number, name: string, serve: (connection: Connection) => Promise<void>) => {
    const listener = process.sockets.listen('0.0.0.0', port)
    open.push(listener)
    accept(listener, quietly(serve))
    log(`Starting server, listening on port ${port} (${name})`)
  }
  const secure = (serve: (connection: TlsConnection) => Promise<void>) => {
    const [certificate, key] = [env('TLS_SERVER_CERT'), env('TLS_SERVER_PRIVKEY', env('TLS_SERVER_PRIV_KEY'))]
    if (certificate === '' || key === '') return undefined
    const read = (path: string) => process.fs.readFile(path)
    const roots = env('TLS_CLIENT_CACERTS') === '' ? [] : decodeCertificates(read(env('TLS_CLIENT_CACERTS')))
    return async (raw: Connection) => {
      const identity = loadIdentity(read(certificate), read(key))
      const connection = await tlsAccept(raw, { identity: () => (identity.ok ? identity.identity : undefined), now: () => process.now(), alpn: ['h2', 'http/1.1'], ...(roots.length > 0 && { clientAuth: 'verify-if-given' as const, clientRoots: roots }) })
      await serve(connection)
    }
  }
  try {
    const https = Number(env('HTTPS_PORT', '8443'))
    const http = Number(env('HTTP_PORT', '3000'))
    if (env('UDP_ECHO_SERVER') !== '') {
      const port = Number(env('UDP_PORT', '8080'))
      const socket = process.sockets.udp({ host: '0.0.0.0', port })
      open.push(socket)
      const run = async () => {
        for (let got = await socket.receive(); got; got = await socket.receive()) await socket.send(JSON.stringify({ request: got.data.trimEnd(), ...who }), got.from)
      }
      run().catch(() => {})
      log(`Starting server, listening on port ${port} (udp)`)
    } else if (env('TCP_ECHO_SERVER') !== '') {
      listen(http, 'tcp', tcpEcho)
      const serve = secure((c) => tcpEcho(c, c))
      if (serve) listen(https, 'tls', serve)
    } else if (env('GRPC_ECHO_SERVER') !== '') {
      listen(http, 'grpc', (c) => converse(c, 'grpc'))
      const serve = secure((c) => converse(c, 'grpc', c))
      if (serve) listen(https, 'grpc over tls', serve)
    } else {
      listen(http, 'http', (c) => converse(c, 'http'))
      listen(Number(env('H2C_PORT', '3001')), 'h2c', (c) => converse(c, 'h2c'))
      const serve = secure((c) => converse(c, 'http', c))
      if (serve) listen(https, 'https', serve)
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`panic: Failed to start listening: ${error.message}\n`)
    return 2
  }
  await context.terminated()
  return 0
}

export const echoBasicImage: ImageBehaviour = {
  repository: 'registry.k8s.io/gateway-api/conformance/echo-basic', tags: ['v0.1.0', 'v20251204-v1.4.1', 'v20240412-v1.0.0-394-g40c666fd'], size: 4_900_000, entrypoint: ['/echo-basic'], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  exposedPorts: [3000], programs: { '/echo-basic': echoBasic },
}
