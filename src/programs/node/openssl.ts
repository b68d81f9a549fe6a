/**
 * OpenSSL 3.0's commands that learners use: x509, req, genrsa, rsa, verify, s_client, version, rand, base64. Certificates are facts
 * (engine/machine/certificates.ts), so key material shown is made up from the key's id.
 */
import { fromBase64, toBase64 } from '#base/bytes.ts'
import { nameTable, type NameTable } from '#base/name-table.ts'
import { Random } from '#base/random.ts'
import { decodeCertificates, decodeKey, decodeRequest, encodeCertificate, encodeKey, encodeRequestPem, issueCertificate, verifyChain, type Certificate, type CertificateRequest, type DistinguishedName } from '#engine/machine/certificates.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { tlsConnect, TlsError, loadIdentity } from '#engine/machine/tls.ts'
import { opensslDate } from '../net/curl-meter.ts'
import { trustedRoots, within } from '../net/http-fetch.ts'
import { complain, say } from '../net/support.ts'
import { opensslOptions } from './openssl-options.ts'

const nameText = (d: DistinguishedName) => [...d.organizations.map((o) => `O = ${o}`), `CN = ${d.commonName}`].join(', ')

/** Made-up bytes that always belong to the same id. */
function bytesOf(id: string, n: number): string[] {
  const random = new Random(id)
  return Array.from({ length: n }, () => random.below(256).toString(16).padStart(2, '0'))
}

function block(bytes: readonly string[], perLine: number, indent: string): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += perLine) out += `${indent}${bytes.slice(i, i + perLine).join(':')}${i + perLine < bytes.length ? ':' : ''}\n`
  return out
}

function serialText(serial: string): string {
  const hex = serial.length % 2 ? `0${serial}` : serial
  if (hex.length <= 16) return ` ${BigInt(`0x${hex}`)} (0x${hex.replace(/^0+(?=.)/, '')})\n`
  return `\n            ${hex.match(/../g)!.join(':')}\n`
}

const altNames = (c: { readonly dnsNames?: readonly string[]; readonly ipAddresses?: readonly string[] }) => [...(c.dnsNames ?? []).map((d) => `DNS:${d}`), ...(c.ipAddresses ?? []).map((a) => `IP Address:${a}`)].join(', ')

function text(c: Certificate): string {
  const pairs = (id: string) => id.padEnd(40, '0').slice(0, 40).match(/../g)!.join(':').toUpperCase()
  const usages = c.usages.map((u) => (u === 'server auth' ? 'TLS Web Server Authentication' : 'TLS Web Client Authentication')).join(', ')
  return `Certificate:
    Data:
        Version: 3 (0x2)
        Serial Number:${serialText(c.serial)}        Signature Algorithm: sha256WithRSAEncryption
        Issuer: ${nameText(c.issuer)}
        Validity
            Not Before: ${opensslDate(c.notBefore)}
            Not After : ${opensslDate(c.notAfter)}
        Subject: ${nameText(c.subject)}
        Subject Public Key Info:
            Public Key Algorithm: rsaEncryption
                Public-Key: (2048 bit)
                Modulus:
${block(['00', ...bytesOf(c.keyId, 256)], 15, '                    ')}                Exponent: 65537 (0x10001)
        X509v3 extensions:
            X509v3 Key Usage: critical
                ${c.isCa ? 'Digital Signature, Key Encipherment, Certificate Sign' : 'Digital Signature, Key Encipherment'}
${usages !== '' ? `            X509v3 Extended Key Usage: \n                ${usages}\n` : ''}            X509v3 Basic Constraints: critical
                CA:${c.isCa ? 'TRUE' : 'FALSE'}
${c.isCa ? `            X509v3 Subject Key Identifier: \n                ${pairs(c.keyId)}\n` : `            X509v3 Authority Key Identifier: \n                ${pairs(c.authorityKeyId)}\n`}${altNames(c) !== '' ? `            X509v3 Subject Alternative Name: \n                ${altNames(c)}\n` : ''}    Signature Algorithm: sha256WithRSAEncryption
    Signature Value:
${block(bytesOf(c.serial + c.authorityKeyId, 256), 18, '        ')}`
}

const extensionNames: Readonly<Record<string, string>> = {
  keyUsage: 'X509v3 Key Usage', extendedKeyUsage: 'X509v3 Extended Key Usage', basicConstraints: 'X509v3 Basic Constraints', subjectKeyIdentifier: 'X509v3 Subject Key Identifier', authorityKeyIdentifier: 'X509v3 Authority Key Identifier',
  subjectAltName: 'X509v3 Subject Alternative Name',
}

/** The named extensions, in the certificate's order. */
function extensions(c: Certificate, names: readonly string[]): string {
  const wanted = names.map((name) => extensionNames[name])
  const shown = [...text(c).matchAll(/^ {12}(X509v3 [^:]+): ?(.*)\n {16}(.*)$/gm)].filter(([, title]) => wanted.includes(title!))
  return shown.map(([, title, critical, value]) => `${title}: ${critical}\n    ${value}\n`).join('')
}

/** Words of a command: flags with and without values. */
/** Digests and ciphers are options by their names. */
const algorithm = /^(?:sha\d|md5$|sm3$|blake2|aes|camellia|des|chacha)/

const cipher = (name: string) => `Unknown cipher: ${name}`
/** Commands that take a word that they do not know for an algorithm; x509 takes it for a digest that nobody asks for. */
const unknown: Readonly<Record<string, (name: string) => string>> = { req: (name) => `Unknown option or message digest: ${name}`, rsa: cipher, genrsa: cipher, pkey: cipher, base64: cipher, enc: cipher }

class Words {
  readonly #flags = new Map<string, string[]>()
  readonly rest: string[] = []
  constructor(p: Process, args: readonly string[]) {
    const command = p.argv[1] ?? ''
    const known = opensslOptions[command] ?? { valued: '', plain: '' }
    const [valued, plain] = [known.valued.split(' '), known.plain.split(' ')]
    const fail = (why: string) => new Failure(`${command}: ${why}\n${command}: Use -help for summary.\n`)
    for (let i = 0; i < args.length; i++) {
      const a = args[i]!
      if (!a.startsWith('-') || a === '-') {
        this.rest.push(...args.slice(i))
        break
      }
      const name = a.replace(/^--?/, '')
      if (!valued.includes(name) && !plain.includes(name) && !algorithm.test(name) && command !== 'x509') throw fail(unknown[command]?.(name) ?? `Unknown option: -${name}`)
      if (valued.includes(name) && i + 1 >= args.length) throw fail(`Option -${name} needs a value`)
      this.#flags.set(name, [...(this.#flags.get(name) ?? []), valued.includes(name) ? args[++i]! : ''])
    }
  }
  has(name: string): boolean {
    return this.#flags.has(name)
  }
  get(name: string): string | undefined {
    return this.#flags.get(name)?.at(-1)
  }
}

class Failure extends Error {
  readonly code: number
  constructor(message: string, code = 1) {
    super(message)
    this.code = code
  }
}

/** `after`: what the command says besides when the file is not to be had. */
async function read(p: Process, file: string | undefined, what: string, after = '', code = 1): Promise<string> {
  if (file === undefined || file === '-') return p.stdin.readAll()
  try {
    return p.fs.readFile(file)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new Failure(`Could not open file or uri for loading ${what} from ${file}\n40F7D8E5A17F0000:error:16000069:STORE routines:ossl_store_get0_loader_int:unregistered scheme:../crypto/store/store_register.c:237:scheme=file\n40F7D8E5A17F0000:error:80000002:system library:file_open:${strerror(error.code)}:../providers/implementations/storemgmt/file_store.c:267:calling stat(${file})\n${after}`, code)
  }
}

async function put(p: Process, file: string | undefined, content: string, mode = 0o644): Promise<void> {
  if (file === undefined || file === '-') await say(p, content)
  else p.fs.writeFile(file, content, { mode })
}

/** `/CN=john/O=dev`. */
function subjectOf(given: string): DistinguishedName {
  const parts = given.split(/(?<!\\)\//).filter((x) => x !== '').map((x) => x.split('='))
  const all = (key: string) => parts.filter(([k]) => k === key).map(([, ...v]) => v.join('='))
  return { commonName: all('CN')[0] ?? '', organizations: all('O') }
}

const problem = "Unable to load certificate\n"

async function x509(p: Process, args: readonly string[]): Promise<number> {
  const w = new Words(p, args)
  const input = await read(p, w.get('in'), w.has('req') ? 'certificate request' : 'certificate')
  let c: Certificate | undefined
  if (w.has('req')) {
    const request = decodeRequest(input)
    if (!request) throw new Failure('Unable to load X509 request\n')
    const ca = w.get('CA') === undefined ? undefined : decodeCertificates(await read(p, w.get('CA'), 'CA certificate'))[0]
    const key = decodeKey(await read(p, w.get('CAkey') ?? w.get('signkey') ?? w.get('key') ?? w.get('CA'), 'CA private key'))
    if (ca && key !== ca.keyId) throw new Failure('CA certificate and CA private key do not match\n')
    await complain(p, `Certificate request self-signature ok\nsubject=${nameText({ commonName: request.commonName, organizations: request.organizations ?? [] })}\n`)
    const extra = w.get('extfile') === undefined ? '' : await read(p, w.get('extfile'), 'extensions')
    const dns = [...extra.matchAll(/DNS(?:\.\d+)?\s*[:=]\s*([\w.*-]+)/g)].map((m) => m[1]!)
    const ips = [...extra.matchAll(/IP(?:\.\d+)?\s*[:=]\s*([\d.]+)/g)].map((m) => m[1]!)
    c = issueCertificate(p.machine.sim.random, { ...request, dnsNames: dns, ipAddresses: ips, usages: /serverAuth/.test(extra) ? ['server auth'] : /clientAuth/.test(extra) ? ['client auth'] : ['client auth', 'server auth'] }, { now: p.now(), days: Number(w.get('days') ?? 30), keyId: request.keyId, ...(ca && { issuer: { certificate: ca, keyId: ca.keyId } }) }).certificate
    if (w.has('CAcreateserial') && w.get('CA') !== undefined) p.fs.writeFile(w.get('CA')!.replace(/\.[^./]*$/, '') + '.srl', c.serial.toUpperCase() + '\n')
  } else c = decodeCertificates(input)[0]
  if (!c) throw new Failure(`Could not read certificate from ${w.get('in') ?? '<stdin>'}\n${problem}`)
  let out = ''
  const pairs = (bytes: readonly string[]) => bytes.join(':').toUpperCase()
  for (const flag of args.map((a) => a.replace(/^--?/, ''))) {
    if (flag === 'text') out += text(c)
    else if (flag === 'subject') out += `subject=${nameText(c.subject)}\n`
    else if (flag === 'issuer') out += `issuer=${nameText(c.issuer)}\n`
    else if (flag === 'dates') out += `notBefore=${opensslDate(c.notBefore)}\nnotAfter=${opensslDate(c.notAfter)}\n`
    else if (flag === 'startdate') out += `notBefore=${opensslDate(c.notBefore)}\n`
    else if (flag === 'enddate') out += `notAfter=${opensslDate(c.notAfter)}\n`
    else if (flag === 'serial') out += `serial=${c.serial.toUpperCase()}\n`
    else if (flag === 'fingerprint') out += args.includes('-sha256') ? `sha256 Fingerprint=${pairs(bytesOf(encodeCertificate(c), 32))}\n` : `SHA1 Fingerprint=${pairs(bytesOf(encodeCertificate(c), 20))}\n`
    else if (flag === 'pubkey') out += `-----BEGIN PUBLIC KEY-----\n${toBase64(c.keyId).replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`
    else if (flag === 'modulus') out += `Modulus=${bytesOf(c.keyId, 256).join('').toUpperCase()}\n`
    else if (flag === 'ext') {
      const shown = extensions(c, (w.get('ext') ?? '').split(','))
      if (shown === '') await complain(p, 'No extensions in certificate\n')
      out += shown
    }
  }
  let code = 0
  if (w.has('checkend')) {
    const expires = c.notAfter < p.now() + Number(w.get('checkend')) * 1000
    out += expires ? 'Certificate will expire\n' : 'Certificate will not expire\n'
    code = expires ? 1 : 0
  }
  if (!w.has('noout')) out += encodeCertificate(c)
  await put(p, w.get('out'), out)
  return code
}

async function req(p: Process, args: readonly string[]): Promise<number> {
  const w = new Words(p, args)
  if (w.has('new') || w.has('x509') || w.has('newkey')) {
    let keyId: string | undefined
    if (w.get('key') !== undefined) {
      keyId = decodeKey(await read(p, w.get('key'), 'private key'))
      if (keyId === undefined) throw new Failure(`Could not read private key from ${w.get('key')}\n`)
    } else {
      keyId = p.machine.sim.random.letters(40, '0123456789ABCDEF')
      await complain(p, '..+.....+....+...+++++++++++++++++++++++++++++++++++++++*.......+...+++++++++++++++++++++++++++++++++++++++\n-----\n')
      await put(p, w.get('keyout') ?? 'privkey.pem', encodeKey(keyId), 0o600)
    }
    const config = w.get('config') === undefined ? '' : await read(p, w.get('config'), 'config')
    const subject = w.get('subj') !== undefined ? subjectOf(w.get('subj')!) : subjectOf([...config.matchAll(/^\s*(CN|O|commonName|organizationName)\s*=\s*(.+?)\s*$/gm)].map((m) => `/${m[1] === 'commonName' ? 'CN' : m[1] === 'organizationName' ? 'O' : m[1]}=${m[2]}`).join(''))
    const names = `${w.get('addext') ?? ''}\n${config}`
    const request: CertificateRequest = { commonName: subject.commonName, organizations: subject.organizations, dnsNames: [...names.matchAll(/DNS(?:\.\d+)?\s*[:=]\s*([\w.*-]+)/g)].map((m) => m[1]!), ipAddresses: [...names.matchAll(/IP(?:\.\d+)?\s*[:=]\s*([\d.]+)/g)].map((m) => m[1]!) }
    if (w.has('x509')) await put(p, w.get('out'), encodeCertificate(issueCertificate(p.machine.sim.random, { ...request, isCa: true }, { now: p.now(), days: Number(w.get('days') ?? 30), keyId }).certificate))
    else await put(p, w.get('out'), encodeRequestPem({ ...request, keyId }))
    return 0
  }
  const request = decodeRequest(await read(p, w.get('in'), 'certificate request'))
  if (!request) throw new Failure('Unable to load X509 request\n')
  const subject = nameText({ commonName: request.commonName, organizations: request.organizations ?? [] })
  if (w.has('subject')) await say(p, `subject=${subject}\n`)
  if (w.has('text')) await say(p, `Certificate Request:\n    Data:\n        Version: 1 (0x0)\n        Subject: ${subject}\n        Subject Public Key Info:\n            Public Key Algorithm: rsaEncryption\n                Public-Key: (2048 bit)\n                Modulus:\n${block(['00', ...bytesOf(request.keyId, 256)], 15, '                    ')}                Exponent: 65537 (0x10001)\n        Attributes:\n${altNames(request) !== '' ? `            Requested Extensions:\n                X509v3 Subject Alternative Name: \n                    ${altNames(request)}\n` : '            (none)\n            Requested Extensions:\n'}    Signature Algorithm: sha256WithRSAEncryption\n    Signature Value:\n${block(bytesOf(request.keyId + 's', 256), 18, '        ')}`)
  if (!w.has('noout')) await put(p, w.get('out'), encodeRequestPem(request))
  return 0
}

async function sClient(p: Process, args: readonly string[]): Promise<number> {
  const w = new Words(p, args)
  const target = w.get('connect') ?? w.rest[0] ?? 'localhost:4433'
  const [host = 'localhost', port = '4433'] = target.split(':')
  const found = await p.sockets.lookup(host)
  if (!found.ok) throw new Failure(`40F7D8E5A17F0000:error:10080002:BIO routines:BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:738:Name or service not known\nconnect:errno=22\n`)
  let tcp
  try {
    tcp = await p.sockets.connect(found.addresses[0]!, Number(port))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    const number: Readonly<Record<string, string>> = { ECONNREFUSED: '0000006F', ETIMEDOUT: '0000006E', EHOSTUNREACH: '00000071', ENETUNREACH: '00000065' }
    const errno: Readonly<Record<string, number>> = { ECONNREFUSED: 111, ETIMEDOUT: 110, EHOSTUNREACH: 113, ENETUNREACH: 101 }
    throw new Failure(`40F7D8E5A17F0000:error:80${(number[error.code] ?? '00000001').slice(2)}:system library:BIO_connect:${strerror(error.code)}:../crypto/bio/bio_sock2.c:114:calling connect()\n40F7D8E5A17F0000:error:10000067:BIO routines:BIO_connect:connect error:../crypto/bio/bio_sock2.c:116:\nconnect:errno=${errno[error.code] ?? 1}\n`)
  }
  await say(p, `CONNECTED(00000003)\n`)
  const roots = w.get('CAfile') !== undefined ? decodeCertificates(await read(p, w.get('CAfile'), 'certificates')) : trustedRoots(p)
  const identity = w.get('cert') !== undefined ? loadIdentity(await read(p, w.get('cert'), 'certificate'), await read(p, w.get('key') ?? w.get('cert'), 'private key')) : undefined
  try {
    const tls = await tlsConnect(tcp, { serverName: w.get('servername') ?? host, roots: [], insecure: true, now: p.now(), ...(identity?.ok && { identity: identity.identity }), ...(w.get('alpn') !== undefined && { alpn: w.get('alpn')!.split(',') }) })
    const chain = tls.peerChain
    const bad = verifyChain(chain, { roots, now: p.now() })
    const depth = chain.length - 1
    await complain(p, bad ? `depth=0 ${nameText(chain[0]!.subject)}\nverify error:num=${bad.code}:${bad.openssl}\nverify return:1\n${bad.code === 20 ? `depth=0 ${nameText(chain[0]!.subject)}\nverify error:num=21:unable to verify the first certificate\nverify return:1\n` : ''}depth=0 ${nameText(chain[0]!.subject)}\nverify return:1\n` : `depth=${depth + 1} ${nameText(chain[depth]!.issuer)}\nverify return:1\ndepth=0 ${nameText(chain[0]!.subject)}\nverify return:1\n`)
    const shown = w.has('showcerts') ? chain : chain.slice(0, 1)
    await say(p, `---\nCertificate chain\n${chain.map((c, i) => ` ${i} s:${nameText(c.subject)}\n   i:${nameText(c.issuer)}\n   a:PKEY: rsaEncryption, 2048 (bit); sigalg: RSA-SHA256\n   v:NotBefore: ${opensslDate(c.notBefore)}; NotAfter: ${opensslDate(c.notAfter)}\n${w.has('showcerts') ? encodeCertificate(c) : ''}`).join('')}---\nServer certificate\n${w.has('showcerts') ? '' : encodeCertificate(shown[0]!)}subject=${nameText(chain[0]!.subject)}\nissuer=${nameText(chain[0]!.issuer)}\n---\nNo client certificate CA names sent\nPeer signing digest: SHA256\nPeer signature type: RSA-PSS\nServer Temp Key: X25519, 253 bits\n---\nSSL handshake has read 2214 bytes and written 363 bytes\nVerification${bad ? ` error: ${bad.code === 20 ? 'unable to verify the first certificate' : bad.openssl}` : ': OK'}\n---\nNew, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256\nServer public key is 2048 bit\nSecure Renegotiation IS NOT supported\nCompression: NONE\nExpansion: NONE\n${tls.alpn === undefined ? 'No ALPN negotiated' : `ALPN protocol: ${tls.alpn}`}\nEarly data was not sent\nVerify return code: ${bad ? `${bad.code === 20 ? 21 : bad.code} (${bad.code === 20 ? 'unable to verify the first certificate' : bad.openssl})` : '0 (ok)'}\n---\n`)
    for (;;) {
      const line = await within(p, 60_000, p.stdin.read())
      if (line === undefined || line === 'late') break
      await tls.write(line)
      const answer = await within(p, 2000, tls.read())
      if (answer === undefined) break
      if (answer !== 'late') await say(p, answer)
    }
    await complain(p, 'DONE\n')
    tls.close()
    return 0
  } catch (error) {
    if (!(error instanceof TlsError)) throw error
    throw new Failure(`40F7D8E5A17F0000:${error.openssl.startsWith('error:') ? error.openssl : `error:0A000126:SSL routines::${error.openssl}`}:../ssl/record/ssl3_record.c:354:\n---\nno peer certificate available\n---\nNo client certificate CA names sent\n---\nSSL handshake has read 5 bytes and written 293 bytes\nVerification: OK\n---\nNew, (NONE), Cipher is (NONE)\nSecure Renegotiation IS NOT supported\nCompression: NONE\nExpansion: NONE\nNo ALPN negotiated\nEarly data was not sent\nVerify return code: 0 (ok)\n---\n`)
  }
}

type Command = (p: Process, args: readonly string[]) => Promise<number>

const commands: NameTable<Command> = nameTable<Command>({
  x509,
  req,
  s_client: sClient,
  'genrsa genpkey': async (p, args) => {
    const w = new Words(p, args)
    await put(p, w.get('out'), encodeKey(p.machine.sim.random.letters(40, '0123456789ABCDEF')), 0o600)
    return 0
  },
  'rsa pkey': async (p, args) => {
    const w = new Words(p, args)
    const key = decodeKey(await read(p, w.get('in'), 'private key'))
    if (key === undefined) throw new Failure(`Could not read private key from ${w.get('in') ?? '<stdin>'}\n`)
    if (w.has('check')) await complain(p, 'RSA key ok\n')
    if (w.has('modulus')) await say(p, `Modulus=${bytesOf(key, 256).join('').toUpperCase()}\n`)
    if (w.has('pubout')) await put(p, w.get('out'), `writing RSA key\n-----BEGIN PUBLIC KEY-----\n${toBase64(key).replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`.replace('writing RSA key\n', ''))
    else if (!w.has('noout')) await put(p, w.get('out'), encodeKey(key))
    return 0
  },
  verify: async (p, args) => {
    const w = new Words(p, args)
    const roots = w.get('CAfile') === undefined ? trustedRoots(p) : decodeCertificates(await read(p, w.get('CAfile'), 'CA'))
    let code = 0
    for (const file of w.rest) {
      const chain = decodeCertificates(await read(p, file, 'certificate file', 'Unable to load certificate file\n', 2))
      if (chain.length === 0) throw new Failure(`Could not read certificate file from ${file}\nUnable to load certificate file\n`, 2)
      const bad = verifyChain(chain, { roots, now: p.now() })
      if (!bad) await say(p, `${file}: OK\n`)
      else {
        await complain(p, `${nameText(chain[0]!.subject)}\nerror ${bad.code} at 0 depth lookup: ${bad.openssl}\nerror ${file}: verification failed\n`)
        code = 2
      }
    }
    return code
  },
  rand: async (p, args) => {
    const n = Number(args.find((a) => /^\d+$/.test(a)) ?? 0)
    const random = p.machine.sim.random
    const hex = random.letters(2 * n, '0123456789abcdef')
    if (args.includes('-hex')) await say(p, hex + '\n')
    else await say(p, toBase64((hex.match(/../g) ?? []).map((h) => { const b = parseInt(h, 16); return String.fromCharCode(b < 0x80 ? b : 0xdc00 + b) }).join('')) + '\n')
    return 0
  },
  'base64 enc': async (p, args) => {
    const w = new Words(p, args)
    const input = await read(p, w.get('in'), 'file')
    if (w.has('d')) await put(p, w.get('out'), fromBase64(input.trim()) ?? '')
    else await put(p, w.get('out'), (w.has('A') ? toBase64(input) : toBase64(input).replace(/.{64}/g, '$&\n').replace(/\n?$/, '\n')))
    return 0
  },
  version: async (p) => {
    await say(p, 'OpenSSL 3.0.15 3 Sep 2024 (Library: OpenSSL 3.0.15 3 Sep 2024)\n')
    return 0
  },
})

export const openssl: Program = async (p) => {
  const [command, ...args] = p.argv.slice(1)
  if (command === undefined) return 0
  const run = commands.get(command)
  if (!run) {
    await complain(p, `Invalid command '${command}'; type "help" for a list.\n`)
    return 1
  }
  try {
    return await run(p, args)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    await complain(p, error.message)
    return error.code
  }
}
