/**
 * curl 7.88.1 (OpenSSL): HTTP/1.1 over TCP and TLS. Leaves out: HTTP/2, other protocols, proxies, cookies files, compression, uploads by form
 * beyond -d and -F of plain fields. Error texts and exit codes are curl's.
 */
import { byteLength, toBase64 } from '#base/bytes.ts'
import { encodeRequest, HttpHeaders, HttpReader, parseUrl, type HttpResponseHead, type ParsedUrl } from '#base/http.ts'
import { parseIpv4 } from '#base/ip.ts'
import { decodeCertificates, type Certificate } from '#engine/machine/certificates.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import { loadIdentity, tlsConnect, TlsError, type TlsIdentity } from '#engine/machine/tls.ts'
import { expandUrl, GlobError } from './curl-glob.ts'
import { CurlFailure, readOptions, type CurlOptions } from './curl-options.ts'
import { Meter, opensslDate } from './curl-meter.ts'
import { complain } from './support.ts'

export const userAgent = 'curl/7.88.1'

interface Result {
  code: number
  status: number
  size: number
  started: number
  connected: number
  appConnected: number
  looked: number
  firstByte: number
  ended: number
  url: string
  contentType: string | undefined
  remote: string
  remotePort: number
  local: string
  localPort: number
  redirects: number
  redirectUrl: string
  headerSize: number
  uploaded: number
  httpVersion: string
  method: string
  filename: string
  connects: number
  error: string
  verify: number
}

export const curl: Program = async (p) => {
  const options = readOptions(p.argv.slice(1))
  if ('failure' in options) {
    if (options.out) await p.stdout.write(options.failure)
    else await complain(p, options.failure)
    return options.code
  }
  if (options.urls.length === 0) {
    await complain(p, p.argv.length > 1 ? "curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n" : "curl: try 'curl --help' or 'curl --manual' for more information\n")
    return 2
  }
  let code = 0
  const standard = options.standardOutput(p)
  const urls: [number, string][] = []
  for (const [i, url] of options.urls.entries()) {
    try {
      for (const one of options.globOff ? [url] : expandUrl(url)) urls.push([i, one])
    } catch (error) {
      if (!(error instanceof GlobError)) throw error
      if (!options.silent || options.showError) await complain(p, `curl: (3) ${error.message}\n`)
      return 3
    }
  }
  if (options.upload !== undefined && options.upload !== '-' && !p.fs.exists(options.upload)) {
    await complain(p, `curl: Can't open '${options.upload}'!\ncurl: try 'curl --help' or 'curl --manual' for more information\n`)
    if (!options.silent || options.showError) await complain(p, 'curl: (26) Failed to open/read local data from file/application\n')
    return 26
  }
  for (const [i, url] of urls) {
    const result = await transfer(p, options, url, i)
    if (result.code !== 0 && result.error !== '' && (!options.silent || options.showError)) await complain(p, `curl: (${result.code}) ${result.error}\n`)
    if (options.writeOut !== undefined) {
      const shown = writeOut(await writeOutFormat(p, options.writeOut), result)
      for (const name of shown.unknown) await complain(p, `curl: unknown --write-out variable: '${name}'\n`)
      await standard.write(shown.text)
    }
    code = result.code
    if (code !== 0 && options.failEarly) break
  }
  await standard.flush()
  return code
}

async function writeOutFormat(p: Process, format: string): Promise<string> {
  if (!format.startsWith('@')) return format
  return format === '@-' ? p.stdin.readAll() : p.fs.readFile(format.slice(1))
}

async function transfer(p: Process, o: CurlOptions, given: string, index: number): Promise<Result> {
  const started = p.now()
  const r: Result = {
    code: 0, status: 0, size: 0, started, connected: 0, appConnected: 0, looked: 0, firstByte: 0, ended: 0, url: given, contentType: undefined, remote: '', remotePort: 0, local: '', localPort: 0, redirects: 0, redirectUrl: '',
    headerSize: 0, uploaded: 0, httpVersion: '0', method: '', filename: '', connects: 0, error: '', verify: 0,
  }
  let attempts = o.retry
  for (;;) {
    r.code = 0
    r.error = ''
    try {
      await fetch(p, o, given, index, r)
    } catch (error) {
      if (!(error instanceof CurlFailure)) throw error
      r.code = error.code
      r.error = error.text
    }
    const again = attempts > 0 && (r.code === 28 || (o.retryConnRefused && r.code === 7) || (o.retryAll && r.code !== 0) || [408, 429, 500, 502, 503, 504].includes(r.status))
    if (!again) break
    attempts--
    const delay = o.retryDelay ?? 1000 * 2 ** (o.retry - attempts - 1)
    if (!o.silent) await complain(p, `curl: (${r.code}) ${r.error}\nWarning: Problem : ${r.code === 28 ? 'timeout' : 'connection refused'}. Will retry in ${Math.ceil(delay / 1000)} seconds. ${attempts} retries left.\n`)
    await p.sleep(delay)
  }
  r.ended = p.now()
  return r
}

const otherPorts: Readonly<Record<string, number>> = { ftp: 21, ftps: 990, dict: 2628, gopher: 70, imap: 143, imaps: 993, ldap: 389, mqtt: 1883, pop3: 110, pop3s: 995, rtsp: 554, scp: 22, sftp: 22, smb: 445, smtp: 25, smtps: 465, telnet: 23, tftp: 69 }

function urlOf(o: CurlOptions, text: string): ParsedUrl {
  let full = text
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)
  if (!scheme) full = 'http://' + text
  else if (/^https?$/i.test(scheme[1]!)) full = text.replace(/:\/\/\/+/, '://')
  else if (!['http', 'https'].includes(scheme[1]!.toLowerCase())) {
    const port = otherPorts[scheme[1]!.toLowerCase()]
    const other = port === undefined ? undefined : parseUrl('http://' + text.slice(scheme[0].length))
    // Nothing listens for what is not HTTP.
    if (other) throw new CurlFailure(7, `Failed to connect to ${other.host} port ${other.port ?? port} after 0 ms: Couldn't connect to server`)
    throw new CurlFailure(1, `Protocol "${scheme[1]}" not supported or disabled in libcurl`)
  }
  const url = /\s/.test(full) ? undefined : parseUrl(full)
  if (!url || url.host === '' || /[\s{}]/.test(url.host) || (url.port !== undefined && url.port > 65535)) throw new CurlFailure(3, 'URL using bad/illegal format or missing URL')
  if (o.ipv6 && parseIpv4(url.host) !== undefined) throw new CurlFailure(7, "Couldn't connect to server")
  return url
}

async function fetch(p: Process, o: CurlOptions, given: string, index: number, r: Result): Promise<void> {
  if (/^file:\/\//i.test(given)) return local(p, o, given.replace(/^file:\/\/(?:localhost)?/i, ''), index, r)
  const deadline = o.maxTime === undefined ? Infinity : r.started + o.maxTime
  let url = urlOf(o, given)
  let method = o.method ?? (o.head ? 'HEAD' : o.upload !== undefined ? 'PUT' : o.data !== undefined ? 'POST' : 'GET')
  let body: string | undefined = o.data !== undefined ? await dataOf(p, o) : o.upload !== undefined ? await fileOf(p, o.upload) : undefined
  if (o.get && body !== undefined) {
    url = { ...url, target: url.target + (url.target.includes('?') ? '&' : '?') + body }
    body = undefined
    if (o.method === undefined && !o.head) method = 'GET'
  }
  const meter = new Meter(p, !o.silent && !o.noProgress && (o.output(index) !== undefined || p.stdout.tty === undefined), o.progressBar)
  const note = async (text: string) => {
    if (o.verbose) await complain(p, text.split('\n').map((l) => `* ${l}\n`).join(''))
  }
  for (let hop = 0; ; hop++) {
    const port = url.port ?? (url.scheme === 'https' ? 443 : 80)
    const authority = url.port === undefined || url.port === (url.scheme === 'https' ? 443 : 80) ? url.host : `${url.host}:${url.port}`
    r.url = `${url.scheme}://${authority}${url.target}`
    r.method = method
    const target = await pick(p, o, url, port, deadline, r, meter)
    const connection = await connect(p, o, url, target.host, target.addresses, target.port, deadline, r, note, meter, hop)
    const headers = new HttpHeaders()
    headers.add('Host', o.headers.find(([k]) => k.toLowerCase() === 'host')?.[1] ?? authority)
    const user = o.user ?? url.userinfo
    if (user !== undefined) headers.add('Authorization', `Basic ${toBase64(decodeURIComponentSafe(user))}`)
    if (o.bearer !== undefined) headers.add('Authorization', `Bearer ${o.bearer}`)
    headers.add('User-Agent', o.userAgent ?? userAgent)
    headers.add('Accept', '*/*')
    if (o.compressed) headers.add('Accept-Encoding', 'deflate, gzip, br, zstd')
    if (o.referer !== undefined) headers.add('Referer', o.referer)
    if (o.cookie !== undefined) headers.add('Cookie', o.cookie)
    if (o.range !== undefined) headers.add('Range', `bytes=${o.range}`)
    for (const [name, value] of o.headers) {
      if (name.toLowerCase() === 'host') continue
      if (value === undefined) headers.delete(name)
      else if (['accept', 'user-agent', 'authorization', 'content-type'].includes(name.toLowerCase()) && headers.has(name)) {
        headers.delete(name)
        headers.add(name, value)
      } else headers.add(name, value)
    }
    if (o.headers.some(([k, v]) => k.toLowerCase() === 'host' && v === undefined)) headers.delete('Host')
    if (body !== undefined) {
      headers.add('Content-Length', String(byteLength(body)))
      if (o.data !== undefined && !headers.has('Content-Type')) headers.add('Content-Type', o.contentType)
    }
    const text = encodeRequest({ method, target: o.requestTarget ?? url.target, headers, ...(body !== undefined && { body }), version: o.http10 ? 'HTTP/1.0' : 'HTTP/1.1' })
    if (o.verbose) {
      const head = text.slice(0, text.indexOf('\r\n\r\n') + 4)
      await complain(p, head.split('\n').slice(0, -1).map((l) => `> ${l}\n`).join(''))
      if (body !== undefined) await complain(p, `} [${byteLength(body)} bytes data]\n`)
    }
    try {
      await connection.write(text)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new CurlFailure(55, 'Send failure: ' + error.message)
    }
    r.uploaded = body === undefined ? 0 : byteLength(body)
    await meter.begin(body === undefined ? undefined : byteLength(body))
    const location = await receive(p, o, connection, method, index, deadline, r, meter)
    if (o.verbose) await note(`${r.status === 0 ? 'Closing' : 'Closing'} connection ${hop}`)
    connection.close()
    if (location === undefined) break
    const next = new URLResolver(url).resolve(location)
    r.redirectUrl = next
    if (!o.location) break
    r.redirects++
    if (r.redirects > o.maxRedirects) throw new CurlFailure(47, `Maximum (${o.maxRedirects}) redirects followed`)
    await note(`Issue another request to this URL: '${next}'`)
    url = urlOf(o, next)
    if (o.method === undefined && ((r.status === 303 && method !== 'HEAD') || ([301, 302].includes(r.status) && method === 'POST'))) {
      method = 'GET'
      body = undefined
    }
    r.redirectUrl = ''
  }
  if (o.fail && r.status >= 400 && !o.failWithBody) throw new CurlFailure(22, `The requested URL returned error: ${r.status}`)
  if (o.failWithBody && r.status >= 400) throw new CurlFailure(22, `The requested URL returned error: ${r.status}`)
}

/** file:// */
async function local(p: Process, o: CurlOptions, path: string, index: number, r: Result): Promise<void> {
  let text: string
  try {
    text = p.fs.readFile(decodeURIComponentSafe(path))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new CurlFailure(37, `Couldn't open file ${path}`)
  }
  r.size = byteLength(text)
  const name = o.output(index)
  if (name === undefined || name === '-') await o.standardOutput(p).write(text)
  else p.fs.writeFile(name, text)
}

function decodeURIComponentSafe(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, h: string) => String.fromCharCode(parseInt(h, 16)))
}

/** References against a base as RFC 3986 resolves them, as far as Location headers need. */
class URLResolver {
  readonly #base: ParsedUrl
  constructor(base: ParsedUrl) {
    this.#base = base
  }
  resolve(reference: string): string {
    if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(reference)) return reference
    const b = this.#base
    const authority = `${b.scheme}://${b.host}${b.port !== undefined ? `:${b.port}` : ''}`
    if (reference.startsWith('//')) return `${b.scheme}:${reference}`
    if (reference.startsWith('/')) return authority + reference
    if (reference.startsWith('?')) return authority + b.target.replace(/\?.*/, '') + reference
    return authority + b.target.replace(/\?.*/, '').replace(/[^/]*$/, '') + reference
  }
}

/** Where to connect: --resolve, --connect-to, or the resolver. */
async function pick(p: Process, o: CurlOptions, url: ParsedUrl, port: number, deadline: number, r: Result, meter: Meter): Promise<{ readonly host: string; readonly addresses: readonly string[]; readonly port: number }> {
  let host = url.host
  let toPort = port
  for (const rule of o.connectTo) {
    const [h, pt, h2, p2] = rule.split(':')
    if ((h === '' || h === host) && (pt === '' || Number(pt) === port)) {
      if (h2) host = h2
      if (p2) toPort = Number(p2)
      break
    }
  }
  for (const rule of o.resolve) {
    if (!/^-?\+?[^:]+:\d+(?::|$)/.test(rule)) throw new CurlFailure(49, `Couldn't parse CURLOPT_RESOLVE entry '${rule}'`)
    const m = /^\+?([^:]+):(\d+):(.*)$/.exec(rule)
    if (m && (m[1] === host || m[1] === '*') && Number(m[2]) === toPort) return { host, addresses: m[3]!.split(',').map((a) => a.replace(/[[\]]/g, '')), port: toPort }
  }
  if (parseIpv4(host) !== undefined) return { host, addresses: [host], port: toPort }
  if (host.includes(':')) throw new CurlFailure(7, `Failed to connect to ${host} port ${toPort} after 0 ms: Couldn't connect to server`)
  const limit = Math.min(deadline, o.connectTimeout === undefined ? Infinity : p.now() + o.connectTimeout)
  const lookup = p.sockets.lookup(host)
  if (limit !== Infinity && (await p.any([lookup, p.sleep(Math.max(0, limit - p.now()))])) === 1) {
    await meter.nothing()
    throw new CurlFailure(28, `Resolving timed out after ${Math.round(p.now() - r.started)} milliseconds`)
  }
  const found = await lookup
  if (!found.ok) {
    await meter.nothing()
    throw new CurlFailure(6, `Could not resolve host: ${host}`)
  }
  r.looked = p.now()
  return { host, addresses: found.addresses, port: toPort }
}

async function connect(p: Process, o: CurlOptions, url: ParsedUrl, host: string, addresses: readonly string[], port: number, deadline: number, r: Result, note: (text: string) => Promise<void>, meter: Meter, hop: number): Promise<Connection> {
  r.looked ||= p.now()
  if (o.interface !== undefined && parseIpv4(o.interface) === undefined && !p.net.links.has(o.interface.replace(/^(?:if|host)!/, ''))) {
    await meter.nothing()
    throw new CurlFailure(45, `Couldn't bind to '${o.interface}'`)
  }
  let tcp: Connection | undefined
  const limit = Math.min(deadline, o.connectTimeout === undefined ? Infinity : p.now() + o.connectTimeout)
  let timedOut = false
  for (const address of addresses) {
    await note(`  Trying ${address}:${port}...`)
    try {
      tcp = await p.sockets.connect(address, port, { ...(limit !== Infinity && { timeout: Math.max(1, limit - p.now()) }), ...(o.interface !== undefined && parseIpv4(o.interface) !== undefined && { source: o.interface }), ...(o.localPort !== undefined && { sourcePort: o.localPort }) })
      break
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      timedOut = error.code === 'ETIMEDOUT'
      if (timedOut && deadline <= limit && deadline !== Infinity && p.now() >= deadline - 1) {
        await note(`Connection timed out after ${Math.round(p.now() - r.started)} milliseconds`)
        await note(`Closing connection ${hop}`)
        await meter.nothing()
        throw new CurlFailure(28, `Connection timed out after ${Math.round(p.now() - r.started)} milliseconds`)
      }
      await note(timedOut ? `connect to ${address} port ${port} failed: Connection timed out` : `connect to ${address} port ${port} failed: ${error.message}`)
    }
  }
  const elapsed = () => Math.round(p.now() - r.started)
  if (!tcp) {
    const text = `Failed to connect to ${host} port ${port} after ${elapsed()} ms: ${timedOut && limit !== Infinity ? 'Timeout was reached' : "Couldn't connect to server"}`
    await note(text)
    await note(`Closing connection ${hop}`)
    await meter.nothing()
    throw new CurlFailure(timedOut ? 28 : 7, text)
  }
  r.connects++
  r.connected = p.now()
  r.remote = tcp.remote.host
  r.remotePort = tcp.remote.port
  r.local = tcp.local.host
  r.localPort = tcp.local.port
  await note(`Connected to ${host} (${tcp.remote.host}) port ${port} (#${hop})`)
  if (url.scheme !== 'https') return tcp
  return secure(p, o, url, tcp, deadline, r, note, meter, hop)
}

async function secure(p: Process, o: CurlOptions, url: ParsedUrl, tcp: Connection, deadline: number, r: Result, note: (text: string) => Promise<void>, meter: Meter, hop: number): Promise<Connection> {
  const authority = o.cacert ?? (p.env.get('CURL_CA_BUNDLE') || p.env.get('SSL_CERT_FILE') || '/etc/ssl/certs/ca-certificates.crt')
  let roots: Certificate[] = []
  try {
    roots = decodeCertificates(p.fs.readFile(authority))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  const failed = async (code: number, text: string): Promise<never> => {
    await note(text)
    await note(`Closing connection ${hop}`)
    await meter.nothing()
    throw new CurlFailure(code, text)
  }
  if (o.cacert !== undefined && roots.length === 0 && !o.insecure) return failed(77, `error setting certificate file: ${o.cacert}`)
  let identity: TlsIdentity | undefined
  if (o.cert !== undefined) {
    const certFile = o.cert
    const keyFile = o.key ?? certFile
    try {
      const loaded = loadIdentity(p.fs.readFile(certFile), p.fs.readFile(keyFile))
      if (!loaded.ok) return failed(58, `unable to set private key file: '${keyFile}' type PEM`)
      identity = loaded.identity
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      return failed(58, `could not load PEM client certificate from ${error.path ?? certFile}, OpenSSL error error:80000002:system library::No such file or directory, (no key found, wrong pass phrase, or wrong file format?)`)
    }
  }
  const alpn = o.http10 ? ['http/1.0'] : ['h2', 'http/1.1']
  await note(`ALPN: offers ${alpn.join(',')}`)
  if (!o.insecure) await note(` CAfile: ${authority}\n CApath: ${o.cacert !== undefined ? 'none' : '/etc/ssl/certs'}`)
  if (o.verbose) await complain(p, '} [5 bytes data]\n* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n} [512 bytes data]\n')
  const shake = tlsConnect(tcp, { serverName: url.host, roots, insecure: o.insecure, ...(identity && { identity }), alpn: alpn.filter((a) => a !== 'h2'), now: p.now() })
  const limit = Math.min(deadline, o.connectTimeout === undefined ? Infinity : r.started + o.connectTimeout)
  if (limit !== Infinity && (await p.any([shake, p.sleep(Math.max(0, limit - p.now()))])) === 1) return failed(28, `SSL connection timeout`)
  try {
    const tls = await shake
    r.appConnected = p.now()
    if (o.verbose) {
      const leaf = tls.peerChain[0]!
      const name = (d: { commonName: string; organizations: readonly string[] }) => [...d.organizations.map((x) => `O=${x}`), `CN=${d.commonName}`].join('; ')
      await complain(p, ['Server hello (2)', 'Encrypted Extensions (8)', 'Certificate (11)', 'CERT verify (15)', 'Finished (20)'].map((m) => `{ [${m.length * 8} bytes data]\n* TLSv1.3 (IN), TLS handshake, ${m}:\n`).join(''))
      await note('TLSv1.3 (OUT), TLS change cipher, Change cipher spec (1):\nTLSv1.3 (OUT), TLS handshake, Finished (20):')
      await note(`SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384\nALPN: ${tls.alpn === undefined ? 'server did not agree on a protocol. Uses default.' : `server accepted ${tls.alpn}`}\nServer certificate:\n subject: ${name(leaf.subject)}\n start date: ${opensslDate(leaf.notBefore)}\n expire date: ${opensslDate(leaf.notAfter)}`)
      if (!o.insecure) await note(` subjectAltName: host "${url.host}" matched cert's ${parseIpv4(url.host) !== undefined ? 'IP address!' : `"${leaf.dnsNames.find((d) => d === url.host) ?? leaf.dnsNames[0] ?? ''}"`}`)
      await note(` issuer: ${name(leaf.issuer)}\n ${tls.verifyProblem ? `SSL certificate verify result: ${tls.verifyProblem.openssl} (${tls.verifyProblem.code}), continuing anyway.` : 'SSL certificate verify ok.'}\nusing HTTP/1.1`)
    }
    r.verify = tls.verifyProblem?.code ?? 0
    return tls
  } catch (error) {
    if (error instanceof FsError) return failed(35, error.code === 'ECONNRESET' ? 'Recv failure: Connection reset by peer' : error.message)
    if (!(error instanceof TlsError)) throw error
    if (error.code !== undefined) {
      r.verify = error.code
      if (error.code === 62 || error.code === 64) return failed(60, `SSL: no alternative certificate subject name matches target host name '${url.host}'\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the web page mentioned above.`)
      return failed(60, `SSL certificate problem: ${error.openssl}\nMore details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and therefore could not\nestablish a secure connection to it. To learn more about this situation and\nhow to fix it, please visit the web page mentioned above.`)
    }
    return failed(35, error.openssl.startsWith('error:') ? `OpenSSL/3.0.19: ${error.openssl}` : `OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to ${url.host}:${tcp.remote.port} `)
  }
}

/** Reads the answer; gives the Location of a redirect. */
async function receive(p: Process, o: CurlOptions, connection: Connection, method: string, index: number, deadline: number, r: Result, meter: Meter): Promise<string | undefined> {
  const late = () => new CurlFailure(28, `Operation timed out after ${Math.round(p.now() - r.started)} milliseconds with ${r.size}${total === undefined ? '' : ` out of ${total}`} bytes received`)
  let total: number | undefined
  const read = async (): Promise<string | undefined> => {
    const pending = connection.read()
    if (deadline !== Infinity && (await p.any([pending, p.sleep(Math.max(0, deadline - p.now()))])) === 1) {
      await meter.end(r.size, total)
      throw late()
    }
    try {
      return await pending
    } catch (error) {
      if (error instanceof FsError) throw new CurlFailure(56, `Recv failure: ${error.message}`)
      if (error instanceof TlsError) throw new CurlFailure(56, `OpenSSL SSL_read: OpenSSL/3.0.19: ${error.openssl}, errno 0`)
      throw error
    }
  }
  const reader = new HttpReader(read, 'response')
  reader.parser.noBody = method === 'HEAD'
  let head: HttpResponseHead | undefined
  let sink: ((text: string) => Promise<void>) | undefined
  const open = async () => (sink ??= await outputOf(p, o, index, r))
  for (;;) {
    const event = await reader.next()
    if (!event) {
      await meter.end(0, undefined)
      throw new CurlFailure(52, 'Empty reply from server')
    }
    if (event.type === 'error') {
      await meter.end(r.size, total)
      if (!head && event.message.startsWith('malformed HTTP response')) throw new CurlFailure(1, 'Received HTTP/0.9 when not allowed')
      if (!head) throw new CurlFailure(52, 'Empty reply from server')
      throw new CurlFailure(18, total === undefined ? 'transfer closed with outstanding read data remaining' : `transfer closed with ${total - r.size} bytes remaining to read`)
    }
    if (event.type === 'head' && event.head.kind === 'response') {
      head = event.head
      r.firstByte ||= p.now()
      r.headerSize += byteLength(event.raw)
      if (o.verbose) await complain(p, event.raw.split('\n').slice(0, -1).map((l) => `< ${l}\n`).join(''))
      if (o.include || o.head) await (await open())(event.raw)
      if (o.dumpHeader !== undefined) {
        if (o.dumpHeader === '-') await o.standardOutput(p).write(event.raw)
        else p.fs.writeFile(o.dumpHeader, event.raw, { append: true })
      }
      if (head.status < 200 && head.status !== 101) continue
      r.status = head.status
      r.httpVersion = head.version.slice(5)
      r.contentType = head.headers.get('Content-Type')
      const length = head.headers.get('Content-Length')
      total = length === undefined || method === 'HEAD' ? undefined : Number(length)
    }
    if (event.type === 'data') {
      const bytes = byteLength(event.text)
      r.size += bytes
      const discard = (o.fail && !o.failWithBody && r.status >= 400) || (o.location && head?.headers.get('Location') !== undefined && r.status >= 300 && r.status < 400)
      if (o.verbose) await complain(p, `{ [${bytes} bytes data]\n`)
      if (!discard) await (await open())(event.text)
      if (o.maxFileSize !== undefined && r.size > o.maxFileSize) throw new CurlFailure(63, 'Maximum file size exceeded')
    }
    if (event.type === 'end') break
  }
  await meter.end(r.size, total)
  if (o.output(index) !== undefined && r.size === 0 && !o.head) await open()
  const location = head?.headers.get('Location')
  return location !== undefined && r.status >= 300 && r.status < 400 ? location : undefined
}

async function outputOf(p: Process, o: CurlOptions, index: number, r: Result): Promise<(text: string) => Promise<void>> {
  const name = o.output(index)
  if (name === undefined || name === '-') {
    return async (text) => {
      try {
        await o.standardOutput(p).write(text)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        throw new CurlFailure(23, 'Failed writing body')
      }
    }
  }
  const file = name === '\0remote' ? r.url.replace(/[?#].*/, '').replace(/^.*\//, '') : name
  if (file === '') throw new CurlFailure(23, o.silent ? 'Failed writing received data to disk/application' : 'Remote file name has no length!')
  r.filename = file
  try {
    if (o.createDirs && file.includes('/')) p.fs.mkdir(file.replace(/\/[^/]*$/, ''), { parents: true })
    const handle = p.open(file, { write: true, create: true, truncate: true })
    return (text) => handle.write(text)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    if (!o.silent) await complain(p, `Warning: Failed to open the file ${file}: ${error.message}\n`)
    throw new CurlFailure(23, 'Failure writing output to destination')
  }
}

async function fileOf(p: Process, name: string): Promise<string> {
  if (name === '-' || name === '.') return p.stdin.readAll()
  try {
    return p.fs.readFile(name)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    throw new CurlFailure(26, `Failed to open/read local data from file/application`)
  }
}

async function dataOf(p: Process, o: CurlOptions): Promise<string> {
  const parts: string[] = []
  for (const { kind, text } of o.data!) {
    const at = text.startsWith('@') && kind !== 'raw'
    if (kind === 'urlencode') parts.push(await urlencoded(p, text))
    else if (at) {
      const content = await fileOf(p, text.slice(1)).catch(async (error: unknown) => {
        if (!(error instanceof CurlFailure)) throw error
        if (!o.silent) await complain(p, `Warning: Couldn't read data from file "${text.slice(1)}", this makes an \nWarning: empty POST.\n`)
        return ''
      })
      parts.push(kind === 'binary' || kind === 'json' ? content : content.replace(/[\r\n\0]/g, ''))
    } else parts.push(text)
  }
  return parts.join(o.json ? '' : '&')
}

async function urlencoded(p: Process, text: string): Promise<string> {
  const m = /^([^=@]*)([=@])(.*)$/s.exec(text)
  if (!m) return encodeURIComponent(text)
  const content = m[2] === '@' ? await fileOf(p, m[3]!) : m[3]!
  return (m[1] ? m[1] + '=' : '') + encodeURIComponent(content)
}

/** Variables of other protocols, which are empty here. */
const known = /^(?:header_json|json|certs|num_certs|num_headers|proxy_ssl_verify_result|speed_upload|urlnum|onerror|referer|http_connect)$/

const seconds = (ms: number) => (Math.max(0, ms) / 1000).toFixed(6)

function writeOut(format: string, r: Result): { readonly text: string; readonly unknown: readonly string[] } {
  const unknown: string[] = []
  const at = (t: number) => seconds(t === 0 ? 0 : t - r.started)
  const values: Readonly<Record<string, () => string>> = {
    http_code: () => String(r.status).padStart(3, '0'), response_code: () => String(r.status).padStart(3, '0'), http_connect: () => '000', content_type: () => r.contentType ?? '', size_download: () => String(r.size),
    size_upload: () => String(r.uploaded), size_header: () => String(r.headerSize), time_total: () => at(r.ended || r.started), time_connect: () => at(r.connected), time_namelookup: () => at(r.looked),
    time_appconnect: () => at(r.appConnected), time_pretransfer: () => at(r.appConnected || r.connected), time_starttransfer: () => at(r.firstByte), time_redirect: () => '0.000000', remote_ip: () => r.remote, remote_port: () => String(r.remotePort),
    local_ip: () => r.local, local_port: () => String(r.localPort), num_redirects: () => String(r.redirects), num_connects: () => String(r.connects), redirect_url: () => r.redirectUrl, url: () => r.url, url_effective: () => r.url,
    http_version: () => r.httpVersion, method: () => r.method, scheme: () => r.url.split(':')[0]!.toUpperCase(), exitcode: () => String(r.code), errormsg: () => r.error, ssl_verify_result: () => String(r.verify), filename_effective: () => r.filename,
    speed_download: () => String(Math.round(r.size / Math.max(0.001, (r.ended - r.started) / 1000))),
  }
  const text = format
    .replace(/\\([nrt\\])/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t', '\\': '\\' })[c]!)
    .replace(/%(%|\{(\w+)\})/g, (whole, percent: string, name: string | undefined) => {
      if (percent === '%') return '%'
      const value = values[name ?? '']
      if (!value && name !== 'stderr' && name !== 'stdout' && !known.test(name ?? whole)) unknown.push(name ?? '')
      return value?.() ?? ''
    })
  return { text, unknown }
}

