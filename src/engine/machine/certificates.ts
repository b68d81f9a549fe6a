/**
 * X.509 certificates as facts. SIMPLIFICATION: nothing is encrypted or signed. A certificate is its facts (names, validity, serial, key
 * ids); "signed by" is the issuer's key id; a private key is the key id it belongs to. PEM bodies are base64 of these facts as JSON,
 * so files, Secrets and kubeconfigs hold, move and lose them as they do real ones. Chains, names, times and key mismatches are judged as upstream does.
 */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { parseIpv4 } from '#base/ip.ts'
import type { Random } from '#base/random.ts'

export interface DistinguishedName {
  readonly commonName: string
  readonly organizations: readonly string[]
}

export interface Certificate {
  readonly subject: DistinguishedName
  readonly issuer: DistinguishedName
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** Virtual ms, whole seconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** Hex. */
  readonly serial: string
  readonly keyId: string
  /** The key that signed it; its own for a self-signed one. */
  readonly authorityKeyId: string
  readonly isCa: boolean
  readonly usages: readonly ('server auth' | 'client auth')[]
}

export interface KeyPair {
  readonly certificate: Certificate
  readonly keyId: string
}

export interface CertificateRequest {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
  readonly isCa?: boolean
  readonly usages?: Certificate['usages']
}

const hour = 3_600_000

/** A new key and a certificate for it, signed by `issuer` or by itself. `days` from `now` (an hour's grace before it for CAs made at start). */
export function issueCertificate(random: Random, request: CertificateRequest, options: { readonly now: number; readonly days: number; readonly issuer?: KeyPair; readonly keyId?: string }): KeyPair {
  const keyId = options.keyId ?? random.letters(40, '0123456789ABCDEF')
  const subject = { commonName: request.commonName, organizations: request.organizations ?? [] }
  const notBefore = Math.floor(options.now / 1000) * 1000
  return {
    keyId,
    certificate: {
      subject, issuer: options.issuer?.certificate.subject ?? subject, dnsNames: request.dnsNames ?? [], ipAddresses: request.ipAddresses ?? [], notBefore, notAfter: notBefore + options.days * 24 * hour,
      serial: random.letters(16, '0123456789abcdef').replace(/^0+/, '1'), keyId, authorityKeyId: options.issuer?.keyId ?? keyId, isCa: request.isCa ?? false,
      usages: request.usages ?? (request.isCa ? [] : ['server auth']),
    },
  }
}

const wrap = (label: string, text: string) => `-----BEGIN ${label}-----\n${toBase64(text).replace(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`

export function encodeCertificate(certificate: Certificate): string {
  return wrap('CERTIFICATE', JSON.stringify(certificate))
}

export function encodeKey(keyId: string): string {
  return wrap('RSA PRIVATE KEY', JSON.stringify({ keyId }))
}

/** A certificate signing request (`openssl req`, CertificateSigningRequest objects). */
export function encodeRequestPem(request: CertificateRequest & { readonly keyId: string }): string {
  return wrap('CERTIFICATE REQUEST', JSON.stringify(request))
}

interface PemBlock {
  readonly label: string
  readonly body: string
}

/** Files read before, by their text: every connection shows and checks the same few. */
const known = new Map<string, readonly PemBlock[]>()

/** The blocks of a PEM file in order; blocks whose body is not base64 are left out. */
export function pemBlocks(text: string): readonly PemBlock[] {
  let blocks = known.get(text)
  if (!blocks) {
    blocks = readBlocks(text)
    if (known.size >= 64) known.clear()
    known.set(text, blocks)
  }
  return blocks
}

function readBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = []
  for (const m of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g)) {
    const body = fromBase64(m[2]!.replace(/\s/g, ''))
    if (body !== undefined) blocks.push({ label: m[1]!, body })
  }
  return blocks
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

export function decodeCertificates(pem: string): Certificate[] {
  return pemBlocks(pem).flatMap((b) => {
    const facts = b.label === 'CERTIFICATE' ? (parse(b.body) as Certificate | undefined) : undefined
    return facts?.subject && typeof facts.keyId === 'string' ? [facts] : []
  })
}

export function decodeKey(pem: string): string | undefined {
  for (const b of pemBlocks(pem)) {
    if (!b.label.endsWith('PRIVATE KEY')) continue
    const facts = parse(b.body) as { keyId?: unknown } | undefined
    if (typeof facts?.keyId === 'string') return facts.keyId
  }
  return undefined
}

export function decodeRequest(pem: string): (CertificateRequest & { readonly keyId: string }) | undefined {
  const block = pemBlocks(pem).find((b) => b.label === 'CERTIFICATE REQUEST')
  return block && (parse(block.body) as (CertificateRequest & { readonly keyId: string }) | undefined)
}

/** What is wrong with a certificate, in the words of Go's crypto/x509 and of OpenSSL. */
export interface CertificateProblem {
  readonly go: string
  readonly openssl: string
  /** OpenSSL's verify code. */
  readonly code: number
}

const sameName = (a: DistinguishedName, b: DistinguishedName) => a.commonName === b.commonName && a.organizations.join('\0') === b.organizations.join('\0')

/** RFC 3339 in UTC, as Go prints a certificate's time. */
const stamp = (ms: number) => new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')

/** Judges a chain (leaf first) as a client does: signature up to one of `roots`, then times, then the name asked for. */
export function verifyChain(chain: readonly Certificate[], options: { readonly roots: readonly Certificate[]; readonly now: number; readonly name?: string }): CertificateProblem | undefined {
  const leaf = chain[0]
  if (!leaf) return { go: 'tls: no certificates configured', openssl: 'no certificate', code: 1 }
  if (options.now > leaf.notAfter) return { go: `x509: certificate has expired or is not yet valid: current time ${stamp(options.now)} is after ${stamp(leaf.notAfter)}`, openssl: 'certificate has expired', code: 10 }
  if (options.now < leaf.notBefore) return { go: `x509: certificate has expired or is not yet valid: current time ${stamp(options.now)} is before ${stamp(leaf.notBefore)}`, openssl: 'certificate is not yet valid', code: 9 }
  const name = options.name === undefined ? undefined : nameProblem(leaf, options.name)
  // Go looks at the name before the chain.
  if (name) return name
  return chainProblem(leaf, chain, options)
}

function chainProblem(leaf: Certificate, chain: readonly Certificate[], options: { readonly roots: readonly Certificate[]; readonly now: number }): CertificateProblem | undefined {
  let at = leaf
  for (let depth = 0; depth < 10; depth++) {
    if (options.roots.some((r) => r.keyId === at.keyId && sameName(r.subject, at.subject))) return undefined
    const root = options.roots.find((r) => r.keyId === at.authorityKeyId && sameName(r.subject, at.issuer))
    if (root) {
      if (options.now > root.notAfter) return { go: `x509: certificate has expired or is not yet valid: current time ${stamp(options.now)} is after ${stamp(root.notAfter)}`, openssl: 'certificate has expired', code: 10 }
      return undefined
    }
    const next = chain.find((c) => c !== at && c.keyId === at.authorityKeyId && sameName(c.subject, at.issuer))
    if (!next) break
    at = next
  }
  const impostor = options.roots.find((r) => sameName(r.subject, at.issuer))
  const unknown = 'x509: certificate signed by unknown authority'
  if (impostor) return { go: `${unknown} (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "${impostor.subject.commonName}")`, openssl: 'unable to get local issuer certificate', code: 20 }
  if (at === leaf && leaf.keyId === leaf.authorityKeyId) return { go: unknown, openssl: 'self-signed certificate', code: 18 }
  if (at.keyId === at.authorityKeyId) return { go: unknown, openssl: 'self-signed certificate in certificate chain', code: 19 }
  return { go: unknown, openssl: 'unable to get local issuer certificate', code: 20 }
}

function nameProblem(leaf: Certificate, name: string): CertificateProblem | undefined {
  const isIp = parseIpv4(name) !== undefined
  const openssl = isIp ? 'IP address mismatch' : 'hostname mismatch'
  const code = isIp ? 64 : 62
  if (isIp) {
    if (leaf.ipAddresses.includes(name)) return undefined
    if (leaf.ipAddresses.length === 0) return { go: `x509: cannot validate certificate for ${name} because it doesn't contain any IP SANs`, openssl, code }
    return { go: `x509: certificate is valid for ${leaf.ipAddresses.join(', ')}, not ${name}`, openssl, code }
  }
  if (leaf.dnsNames.some((d) => matchesName(d, name))) return undefined
  if (leaf.dnsNames.length === 0) {
    if (/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(leaf.subject.commonName) && leaf.ipAddresses.length === 0) return { go: 'x509: certificate relies on legacy Common Name field, use SANs instead', openssl, code }
    return { go: `x509: certificate is not valid for any names, but wanted to match ${name}`, openssl, code }
  }
  return { go: `x509: certificate is valid for ${leaf.dnsNames.join(', ')}, not ${name}`, openssl, code }
}

/** `*.example.com` stands for one label. */
export function matchesName(pattern: string, name: string): boolean {
  const [p, n] = [pattern.toLowerCase(), name.toLowerCase().replace(/\.$/, '')]
  if (p === n) return true
  return p.startsWith('*.') && n.includes('.') && n.slice(n.indexOf('.')) === p.slice(1)
}
