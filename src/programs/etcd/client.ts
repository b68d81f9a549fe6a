/**
 * clientv3 as etcdctl uses it: endpoints, TLS from flags, calls that are tried until the command's time is up. SIMPLIFICATION: the calls are the JSON gateway's over
 * one connection each, and only the first endpoint that answers is asked.
 */
import { encodeRequest, HttpReader } from '#base/http.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { loadIdentity, tlsConnect, TlsError, type TlsIdentity } from '#engine/machine/tls.ts'
import { parseIpv4 } from '#base/ip.ts'
import type { Line } from './flags.ts'
import { exitCodes, Failure, zapJson } from './log.ts'

export const version = '3.6.6'

interface Security {
  readonly identity: TlsIdentity | undefined
  readonly roots: string | undefined
  readonly insecure: boolean
  readonly any: boolean
}

export function fileText(p: Process, path: string): string {
  try {
    return p.fs.readFile(path.startsWith('/') ? path : `${p.cwd}/${path}`)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Failure(`open ${path}: ${error.message.toLowerCase()}`, exitCodes.badArgs)
  }
}

function security(p: Process, line: Line): Security {
  const [cert, key, ca] = [line.text('cert'), line.text('key'), line.text('cacert')]
  if ((cert === '') !== (key === '')) throw new Failure(`KeyFile and CertFile must both be present[key: ${key}, cert: ${cert}]`, exitCodes.badArgs)
  let identity: TlsIdentity | undefined
  if (cert !== '') {
    const loaded = loadIdentity(fileText(p, cert), fileText(p, key))
    if (!loaded.ok) throw new Failure(loaded.error, exitCodes.badArgs)
    identity = loaded.identity
  }
  return { identity, roots: ca === '' ? undefined : fileText(p, ca), insecure: line.on('insecure-skip-tls-verify'), any: cert !== '' || ca !== '' || line.on('insecure-skip-tls-verify') || !line.on('insecure-transport') }
}

export function goDuration(text: string): number {
  let ms = 0
  for (const m of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) ms += Number(m[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[m[2] as 's']
  return ms
}

/** What gRPC's balancer says of a connection that failed. */
class Unconnected extends Error {}

type Answer = Readonly<Record<string, unknown>>

export class EtcdClient {
  readonly #p: Process
  readonly #security: Security
  readonly timeout: number

  constructor(p: Process, line: Line) {
    this.#p = p
    this.#security = security(p, line)
    this.timeout = goDuration(line.text('command-timeout'))
  }

  /** Asks the endpoints in turn until one answers; `method` is gRPC's name of the call. Throws Failure when the time is up or the server refuses. */
  async call(endpoints: readonly string[], method: string, path: string, body: unknown): Promise<Answer> {
    const p = this.#p
    const end = p.now() + this.timeout
    let why = ''
    for (let i = 0; p.now() < end; i++) {
      try {
        return await this.#ask(endpoints[i % endpoints.length]!, path, body, end - p.now())
      } catch (error) {
        if (!(error instanceof Unconnected)) throw error
        why = error.message
        await p.sleep(Math.max(1, Math.min(1000, end - p.now())))
      }
    }
    const first = endpoints[0]!
    await zapJson(p, 'warn', {
      logger: 'etcd-client', caller: `v3@v${version}/retry_interceptor.go:65`, msg: 'retrying of unary invoker failed', target: `etcd-endpoints://0xc00${(p.pid * 0x2000 + 0x2a2000).toString(16).padStart(7, '0')}/${first.replace(/^https?:\/\//, '')}`, method, attempt: 0,
      error: `rpc error: code = DeadlineExceeded desc = ${why === '' ? 'context deadline exceeded' : `latest balancer error: connection error: desc = ${JSON.stringify(why)}`}`,
    })
    throw new Failure('context deadline exceeded')
  }

  async #ask(endpoint: string, path: string, body: unknown, left: number): Promise<Answer> {
    const p = this.#p
    const at = /^(?:(https?|unixs?):\/\/)?\[?([^/\]]*?)\]?:(\d+)\/?$/.exec(endpoint) ?? /^(?:(https?):\/\/)?([^/:]+)()\/?$/.exec(endpoint)
    if (!at) throw new Unconnected(`transport: Error while dialing: dial tcp: address ${endpoint}: missing port in address`)
    const [, scheme, host = ''] = at
    const port = Number(at[3] === '' ? (scheme === 'https' ? 443 : 80) : at[3])
    const tls = scheme === 'https' || (scheme === undefined && this.#security.any)
    let address = host
    if (parseIpv4(host) === undefined) {
      const found = await p.sockets.lookup(host)
      if (!found.ok) throw new Unconnected(`transport: Error while dialing: dial tcp: lookup ${host}: no such host`)
      address = found.addresses[0]!
    }
    try {
      const tcp = await p.sockets.connect(address, port, { timeout: Math.max(1, left) })
      try {
        const roots = this.#security.roots ?? (p.fs.exists('/etc/ssl/certs/ca-certificates.crt') ? p.fs.readFile('/etc/ssl/certs/ca-certificates.crt') : '')
        const wire = tls ? await tlsConnect(tcp, { serverName: host, roots: decodeCertificates(roots), insecure: this.#security.insecure, ...(this.#security.identity && { identity: this.#security.identity }), now: p.now() }) : tcp
        await wire.write(encodeRequest({ method: 'POST', target: path, headers: { Host: `${host}:${port}`, 'Content-Type': 'application/json', Connection: 'close' }, body: JSON.stringify(body) }))
        const message = await new HttpReader(() => wire.read(), 'response').message()
        if (!message || 'error' in message) throw new Unconnected('error reading server preface: EOF')
        const answer = answerOf(message.body)
        if (answer === undefined) throw new Unconnected('error reading server preface: http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header')
        if (typeof answer.message === 'string') throw new Failure(answer.message)
        return answer
      } finally {
        tcp.close()
      }
    } catch (error) {
      if (error instanceof TlsError) throw new Unconnected(error.go.startsWith('remote error') ? `error reading server preface: ${error.go}` : `transport: authentication handshake failed: ${error.go}`)
      if (!(error instanceof FsError)) throw error
      if (error.code === 'ETIMEDOUT') throw new Unconnected(`transport: Error while dialing: dial tcp ${address}:${port}: i/o timeout`)
      throw new Unconnected(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'error reading server preface: EOF' : `transport: Error while dialing: dial tcp ${address}:${port}: connect: ${error.message.toLowerCase()}`)
    }
  }
}

function answerOf(text: string): Answer | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Answer) : undefined
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
}
