/**
 * TLS over a connection. SIMPLIFICATION: nothing is encrypted; a handshake record each way carries what a real one makes known (server
 * name, ALPN, certificates, whether a client certificate is wanted and shown), then data travels in records. Certificates are facts, see
 * certificates.ts. What fails in a real handshake fails here with the words of Go's crypto/tls and of OpenSSL, alerts to the peer included.
 */
import { decodeCertificates, decodeKey, verifyChain, type Certificate } from './certificates.ts'
import { FsError } from './files.ts'
import { Replayed } from './replayed.ts'
import type { Connection } from './sockets.ts'

export interface TlsIdentity {
  /** Leaf first. */
  readonly chain: readonly Certificate[]
  readonly keyId: string
}

/** From PEM texts, as `tls.LoadX509KeyPair`; `error` is Go's. */
export function loadIdentity(certificatePem: string, keyPem: string): { readonly ok: true; readonly identity: TlsIdentity } | { readonly ok: false; readonly error: string } {
  const chain = decodeCertificates(certificatePem)
  if (chain.length === 0) return { ok: false, error: 'tls: failed to find any PEM data in certificate input' }
  const keyId = decodeKey(keyPem)
  if (keyId === undefined) return { ok: false, error: 'tls: failed to find any PEM data in key input' }
  if (keyId !== chain[0]!.keyId) return { ok: false, error: 'tls: private key does not match public key' }
  return { ok: true, identity: { chain, keyId } }
}

export interface TlsClientOptions {
  /** SNI and the name to be verified. */
  readonly serverName: string
  /** Trusted authorities; ignored with `insecure`. */
  readonly roots: readonly Certificate[]
  readonly insecure?: boolean
  /** Another name to verify than the one in SNI. */
  readonly verifyName?: string
  readonly identity?: TlsIdentity
  readonly alpn?: readonly string[]
  /** Virtual ms. */
  readonly now: number
}

export interface TlsServerOptions {
  /** By SNI (undefined: none sent). Undefined as answer: handshake failure "unrecognized name". */
  readonly identity: (serverName: string | undefined) => TlsIdentity | undefined
  /** `request`: asks, and takes what comes unverified; `require`: must come and verify against `clientRoots`; `verify-if-given`. */
  readonly clientAuth?: 'none' | 'request' | 'require' | 'verify-if-given'
  readonly clientRoots?: readonly Certificate[]
  readonly alpn?: readonly string[]
  readonly now: () => number
}

/** A handshake that failed. `go` and `openssl` are what the respective program would say; `code` OpenSSL's verify code where it was verification. */
export class TlsError extends Error {
  readonly go: string
  readonly openssl: string
  readonly code: number | undefined
  /** What the peer sent instead of TLS, where it did. */
  readonly received: string | undefined

  constructor(go: string, openssl: string, options: { readonly code?: number; readonly received?: string } = {}) {
    super(go)
    this.go = go
    this.openssl = openssl
    this.code = options.code
    this.received = options.received
  }
}

const handshake = '\x16\x03\x01'
const data = '\x17\x03\x03'
const alert = '\x15\x03\x03'

interface ClientHello {
  readonly type: 'hello'
  readonly serverName: string | undefined
  readonly alpn: readonly string[]
}
interface ServerHello {
  readonly type: 'server'
  readonly chain: readonly Certificate[]
  readonly wantsCertificate: boolean
  readonly alpn: string | undefined
}
interface ClientFinished {
  readonly type: 'finished'
  readonly chain: readonly Certificate[]
}

const record = (kind: string, body: string) => `${kind}${body.length.toString(16).padStart(6, '0')}${body}`

/** Cuts a stream into records. */
class Records {
  readonly #connection: Connection
  #buffer = ''

  constructor(connection: Connection, first = '') {
    this.#connection = connection
    this.#buffer = first
  }

  /** What has come and is not given out yet. */
  get rest(): string {
    return this.#buffer
  }

  /** The next record; undefined at the end of the stream; `{ plain }` where the peer does not speak TLS. */
  async next(): Promise<{ readonly kind: string; readonly body: string } | { readonly plain: string } | undefined> {
    for (;;) {
      const b = this.#buffer
      if (b !== '' && !'\x14\x15\x16\x17'.includes(b[0]!)) return { plain: b }
      if (b.length >= 9) {
        const length = parseInt(b.slice(3, 9), 16)
        if (Number.isNaN(length)) return { plain: b }
        if (b.length >= 9 + length) {
          this.#buffer = b.slice(9 + length)
          return { kind: b.slice(0, 3), body: b.slice(9, 9 + length) }
        }
      }
      const chunk = await this.#connection.read()
      if (chunk === undefined) return undefined
      this.#buffer += chunk
    }
  }
}

/** Alerts by name: what Go and OpenSSL say when they get one. */
const alerts: Readonly<Record<string, { readonly go: string; readonly openssl: string }>> = {
  'unrecognized name': { go: 'remote error: tls: unrecognized name', openssl: 'error:0A000458:SSL routines::tlsv1 unrecognized name' },
  'handshake failure': { go: 'remote error: tls: handshake failure', openssl: 'error:0A000410:SSL routines::sslv3 alert handshake failure' },
  'bad certificate': { go: 'remote error: tls: bad certificate', openssl: 'error:0A000412:SSL routines::sslv3 alert bad certificate' },
  'unknown certificate authority': { go: 'remote error: tls: unknown certificate authority', openssl: 'error:0A000418:SSL routines::tlsv1 alert unknown ca' },
  'expired certificate': { go: 'remote error: tls: expired certificate', openssl: 'error:0A000415:SSL routines::sslv3 alert certificate expired' },
  'certificate required': { go: 'remote error: tls: certificate required', openssl: 'error:0A00045C:SSL routines::tlsv13 alert certificate required' },
  'no application protocol': { go: 'remote error: tls: no application protocol', openssl: 'error:0A000460:SSL routines::tlsv1 alert no application protocol' },
}

function fromAlert(name: string): TlsError {
  const words = alerts[name] ?? { go: `remote error: tls: ${name}`, openssl: `alert ${name}` }
  return new TlsError(words.go, words.openssl)
}

export class TlsConnection implements Connection {
  readonly #under: Connection
  readonly #records: Records
  /** The peer's certificates, leaf first. */
  readonly peerChain: readonly Certificate[]
  readonly serverName: string | undefined
  readonly alpn: string | undefined
  /** What this side's verification would have said, had it been asked for (curl -kv tells). */
  readonly verifyProblem: ReturnType<typeof verifyChain>

  constructor(under: Connection, records: Records, facts: { readonly peerChain: readonly Certificate[]; readonly serverName: string | undefined; readonly alpn: string | undefined; readonly verifyProblem?: ReturnType<typeof verifyChain> }) {
    this.#under = under
    this.#records = records
    this.peerChain = facts.peerChain
    this.serverName = facts.serverName
    this.alpn = facts.alpn
    this.verifyProblem = facts.verifyProblem
  }
  get local() {
    return this.#under.local
  }
  get remote() {
    return this.#under.remote
  }
  get closed(): boolean {
    return this.#under.closed
  }

  async read(): Promise<string | undefined> {
    for (;;) {
      const next = await this.#records.next()
      if (!next || 'plain' in next) return undefined
      if (next.kind === data) return next.body
      if (next.kind === alert) {
        if (next.body === 'close notify') return undefined
        throw fromAlert(next.body)
      }
    }
  }

  write(text: string): Promise<void> {
    return this.#under.write(record(data, text))
  }

  end(): void {
    if (this.#under.closed) return
    void this.#under.write(record(alert, 'close notify')).catch(() => {})
    this.#under.end()
  }

  close(reset?: boolean): void {
    this.#under.close(reset)
  }
}

/** The client's handshake. Rejects with TlsError, or with the connection's FsError. */
export async function tlsConnect(connection: Connection, options: TlsClientOptions): Promise<TlsConnection> {
  const records = new Records(connection)
  const sni = /^[\d.]+$|:/.test(options.serverName) ? undefined : options.serverName
  await connection.write(record(handshake, JSON.stringify({ type: 'hello', serverName: sni, alpn: options.alpn ?? [] } satisfies ClientHello)))
  const answer = await records.next()
  if (!answer) throw new TlsError('EOF', 'unexpected eof while reading')
  if ('plain' in answer) throw notTls(answer.plain)
  if (answer.kind === alert) throw fromAlert(answer.body)
  const hello = JSON.parse(answer.body) as ServerHello
  const problem = verifyChain(hello.chain, { roots: options.roots, now: options.now, name: options.verifyName ?? options.serverName })
  if (problem && !options.insecure) {
    await connection.write(record(alert, /expired/.test(problem.openssl) ? 'expired certificate' : problem.code >= 62 ? 'bad certificate' : 'unknown certificate authority'))
    connection.close()
    throw new TlsError(`tls: failed to verify certificate: ${problem.go}`, problem.openssl, { code: problem.code })
  }
  await connection.write(record(handshake, JSON.stringify({ type: 'finished', chain: hello.wantsCertificate ? (options.identity?.chain ?? []) : [] } satisfies ClientFinished)))
  return new TlsConnection(connection, records, { peerChain: hello.chain, serverName: options.serverName, alpn: hello.alpn, verifyProblem: problem })
}

/** A server that answered a ClientHello in plain text. */
function notTls(received: string): TlsError {
  const go = received.startsWith('HTTP/') ? 'http: server gave HTTP response to HTTPS client' : 'tls: first record does not look like a TLS handshake'
  return new TlsError(go, 'error:0A00010B:SSL routines::wrong version number', { received })
}

/** The server's handshake. Rejects with TlsError whose `received` holds what a client without TLS sent (for "Client sent an HTTP request …"). */
export async function tlsAccept(connection: Connection, options: TlsServerOptions): Promise<TlsConnection> {
  const records = new Records(connection)
  const fail = async (name: string, go: string): Promise<never> => {
    try {
      await connection.write(record(alert, name))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    connection.close()
    throw new TlsError(go, go)
  }
  const first = await records.next()
  if (!first) throw new TlsError('EOF', 'unexpected eof while reading')
  if ('plain' in first) throw new TlsError('tls: first record does not look like a TLS handshake', 'http request', { received: first.plain })
  const hello = JSON.parse(first.body) as ClientHello
  const identity = options.identity(hello.serverName)
  if (!identity) return fail('unrecognized name', 'tls: no certificates configured')
  const alpn = hello.alpn.find((a) => options.alpn?.includes(a))
  const auth = options.clientAuth ?? 'none'
  await connection.write(record(handshake, JSON.stringify({ type: 'server', chain: identity.chain, wantsCertificate: auth !== 'none', alpn } satisfies ServerHello)))
  const second = await records.next()
  if (!second || 'plain' in second) throw new TlsError('EOF', 'unexpected eof while reading')
  if (second.kind === alert) throw new TlsError(alerts[second.body]?.go ?? `remote error: tls: ${second.body}`, alerts[second.body]?.openssl ?? second.body)
  const { chain } = JSON.parse(second.body) as ClientFinished
  if (auth === 'require' && chain.length === 0) return fail('certificate required', "tls: client didn't provide a certificate")
  if (chain.length > 0 && (auth === 'require' || auth === 'verify-if-given')) {
    const problem = verifyChain(chain, { roots: options.clientRoots ?? [], now: options.now() })
    if (problem) return fail(/expired/.test(problem.openssl) ? 'expired certificate' : 'bad certificate', `tls: failed to verify certificate: ${problem.go}`)
  }
  return new TlsConnection(connection, records, { peerChain: chain, serverName: hello.serverName, alpn })
}

export interface Peeked {
  /** The connection from its beginning. */
  readonly connection: Connection
  readonly tls: boolean
  /** In lower case. */
  readonly serverName: string | undefined
  readonly alpn: readonly string[]
}

/** Reads a ClientHello ahead, for servers that choose by its server name; what does not begin with one is no TLS. */
export async function peekServerName(connection: Connection): Promise<Peeked> {
  const records = new Records(connection)
  const first = await records.next()
  if (!first || 'plain' in first || first.kind !== handshake) return { connection: new Replayed(connection, `${first && 'kind' in first ? record(first.kind, first.body) : ''}${records.rest}`), tls: false, serverName: undefined, alpn: [] }
  const hello = JSON.parse(first.body) as ClientHello
  return { connection: new Replayed(connection, `${record(handshake, first.body)}${records.rest}`), tls: true, serverName: hello.serverName?.toLowerCase(), alpn: hello.alpn }
}
