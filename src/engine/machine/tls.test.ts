import { expect, test } from 'vitest'
import { Random } from '#base/random.ts'
import { decodeCertificates, encodeCertificate, encodeKey, issueCertificate, type KeyPair } from '#engine/machine/certificates.ts'
import { loadIdentity, peekServerName, tlsAccept, tlsConnect, TlsError } from '#engine/machine/tls.ts'
import type { Connection } from '#engine/machine/sockets.ts'

function pair(): [Connection, Connection] {
  const make = () => {
    const queue: (string | undefined)[] = []
    let wake: (() => void) | undefined
    return {
      push(text: string | undefined) {
        queue.push(text)
        wake?.()
      },
      async read() {
        while (queue.length === 0) await new Promise<void>((r) => (wake = r))
        return queue.shift()
      },
    }
  }
  const [a, b] = [make(), make()]
  const side = (mine: typeof a, theirs: typeof a): Connection => ({
    local: { host: '', port: 0 }, remote: { host: '', port: 0 }, closed: false, read: () => mine.read(), write: async (text) => theirs.push(text), end: () => theirs.push(undefined), close: () => theirs.push(undefined),
  })
  return [side(a, b), side(b, a)]
}

const now = Date.UTC(2026, 0, 1)
const random = new Random('tls')
const ca = issueCertificate(random, { commonName: 'kubernetes', isCa: true }, { now, days: 3650 })
const server = issueCertificate(random, { commonName: 'kube-apiserver', dnsNames: ['kubernetes', '*.svc.cluster.local'], ipAddresses: ['10.96.0.1', '192.168.1.1'] }, { now, days: 365, issuer: ca })
const client = issueCertificate(random, { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client auth'] }, { now, days: 365, issuer: ca })
const identity = (k: KeyPair) => ({ chain: [k.certificate], keyId: k.keyId })

async function shake(options: { name?: string; at?: number; roots?: KeyPair[]; client?: KeyPair; auth?: 'require' }) {
  const [a, b] = pair()
  const accepted = tlsAccept(b, { identity: () => identity(server), clientAuth: options.auth ?? 'request', clientRoots: [ca.certificate], now: () => options.at ?? now }).then(
    async (c) => {
      await c.write('hello ' + (c.peerChain[0]?.subject.commonName ?? 'anonymous'))
      c.end()
      return 'ok'
    },
    (e: TlsError) => e.go,
  )
  const got = await tlsConnect(a, { serverName: options.name ?? '10.96.0.1', roots: (options.roots ?? [ca]).map((r) => r.certificate), now: options.at ?? now, ...(options.client && { identity: identity(options.client) }) }).then(
    (c) => c.read().catch((e: TlsError) => `${e.go} | ${e.openssl}`),
    (e: TlsError) => `${e.go} | ${e.openssl}`,
  )
  return [got, await accepted]
}

test('handshakes and their failures, in the words of Go and OpenSSL', async () => {
  expect(await shake({ client })).toEqual(['hello kubernetes-admin', 'ok'])
  expect(await shake({})).toEqual(['hello anonymous', 'ok'])
  expect(await shake({ name: 'web.svc.cluster.local' })).toEqual(['hello anonymous', 'ok'])
  const verify = 'tls: failed to verify certificate: x509: certificate '
  expect((await shake({ name: '10.0.0.9' }))[0]).toBe(`${verify}is valid for 10.96.0.1, 192.168.1.1, not 10.0.0.9 | IP address mismatch`)
  expect((await shake({ name: 'example.com' }))[0]).toBe(`${verify}is valid for kubernetes, *.svc.cluster.local, not example.com | hostname mismatch`)
  expect(await shake({ roots: [] })).toEqual([`${verify}signed by unknown authority | unable to get local issuer certificate`, 'remote error: tls: unknown certificate authority'])
  const other = issueCertificate(random, { commonName: 'kubernetes', isCa: true }, { now, days: 3650 })
  expect((await shake({ roots: [other] }))[0]).toBe(`${verify}signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "kubernetes") | unable to get local issuer certificate`)
  expect((await shake({ at: now + 366 * 86_400_000 }))[0]).toBe(`${verify}has expired or is not yet valid: current time 2027-01-02T00:00:00Z is after 2027-01-01T00:00:00Z | certificate has expired`)
  expect(await shake({ auth: 'require' })).toEqual(['remote error: tls: certificate required | error:0A00045C:SSL routines::tlsv13 alert certificate required', "tls: client didn't provide a certificate"])
})

test('certificates and keys survive being files', () => {
  const pem = encodeCertificate(server.certificate)
  expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n$/)
  expect(decodeCertificates('junk\n' + pem + encodeCertificate(ca.certificate))).toEqual([server.certificate, ca.certificate])
  expect(loadIdentity(pem, encodeKey(server.keyId))).toEqual({ ok: true, identity: identity(server) })
  expect(loadIdentity(pem, encodeKey(client.keyId))).toEqual({ ok: false, error: 'tls: private key does not match public key' })
})
test('plain HTTP answers are told from TLS', async () => {
  const [a, b] = pair()
  void b.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  await expect(tlsConnect(a, { serverName: 'x', roots: [], now })).rejects.toMatchObject({ go: 'http: server gave HTTP response to HTTPS client' })
})

test('a server name can be read ahead: the handshake goes on as if nobody had looked', async () => {
  const [a, b] = pair()
  const shaken = tlsConnect(a, { serverName: 'Web.svc.cluster.local', roots: [ca.certificate], now, alpn: ['h2', 'http/1.1'] }).then((c) => c.read())
  const peeked = await peekServerName(b)
  expect({ ...peeked, connection: undefined }).toEqual({ tls: true, serverName: 'web.svc.cluster.local', alpn: ['h2', 'http/1.1'], connection: undefined })
  const secured = await tlsAccept(peeked.connection, { identity: () => identity(server), now: () => now })
  await secured.write('hello')
  expect(await shaken).toBe('hello')

  const [c, d] = pair()
  await c.write('GET / HTTP/1.1\r\n')
  const plain = await peekServerName(d)
  expect([plain.tls, await plain.connection.read()]).toEqual([false, 'GET / HTTP/1.1\r\n'])
})
