/** curl's command line: short and long options in a table, with curl's own complaints. */

import type { Process } from '#engine/machine/process.ts'

/** A transfer that failed: curl's exit code and what it says after it. */
export class CurlFailure extends Error {
  readonly code: number
  readonly text: string
  constructor(code: number, text: string) {
    super(text)
    this.code = code
    this.text = text
  }
}

/** stdio's standard output: into a pipe or file in blocks of 4096, to a terminal at once. */
class StandardOutput {
  readonly #p: Process
  readonly #buffered: boolean
  #held = ''

  constructor(p: Process, buffered: boolean) {
    this.#p = p
    this.#buffered = buffered
  }

  async write(text: string): Promise<void> {
    this.#held += text
    if (!this.#buffered || this.#held.length >= 4096) await this.flush()
  }

  async flush(): Promise<void> {
    const text = this.#held
    this.#held = ''
    if (text !== '') await this.#p.stdout.write(text)
  }
}

interface CurlData {
  readonly kind: 'plain' | 'binary' | 'raw' | 'urlencode' | 'json'
  readonly text: string
}

export class CurlOptions {
  urls: string[] = []
  outputs: (string | undefined)[] = []
  silent = false
  showError = false
  verbose = false
  insecure = false
  include = false
  head = false
  location = false
  fail = false
  failWithBody = false
  failEarly = false
  get = false
  json = false
  http10 = false
  compressed = false
  progressBar = false
  noProgress = false
  createDirs = false
  retryConnRefused = false
  retryAll = false
  retry = 0
  retryDelay: number | undefined
  maxRedirects = 50
  maxFileSize: number | undefined
  method: string | undefined
  headers: [string, string | undefined][] = []
  data: CurlData[] | undefined
  contentType = 'application/x-www-form-urlencoded'
  upload: string | undefined
  user: string | undefined
  bearer: string | undefined
  userAgent: string | undefined
  referer: string | undefined
  cookie: string | undefined
  range: string | undefined
  maxTime: number | undefined
  connectTimeout: number | undefined
  resolve: string[] = []
  connectTo: string[] = []
  cacert: string | undefined
  cert: string | undefined
  key: string | undefined
  interface: string | undefined
  localPort: number | undefined
  writeOut: string | undefined
  dumpHeader: string | undefined
  requestTarget: string | undefined
  proxy: string | undefined
  ipv6 = false
  globOff = false

  buffered = true
  #standard: StandardOutput | undefined

  standardOutput(p: Process): StandardOutput {
    return (this.#standard ??= new StandardOutput(p, this.buffered && p.stdout.tty === undefined))
  }

  output(index: number): string | undefined {
    return this.outputs[index]
  }
}

type Setter = (o: CurlOptions, value: string) => void
interface Spec {
  readonly long: string
  readonly short?: string
  readonly value: boolean
  readonly set: Setter
}

const ms = (text: string) => Math.round(Number(text) * 1000)
const data = (kind: CurlData['kind']): Setter => (o, text) => {
  ;(o.data ??= []).push({ kind, text })
}
const flag = (long: string, set: (o: CurlOptions, on: boolean) => void, short?: string): Spec => ({ long, value: false, set: (o, v) => set(o, v !== 'no'), ...(short !== undefined && { short }) })
const taking = (long: string, set: Setter, short?: string): Spec => ({ long, value: true, set, ...(short !== undefined && { short }) })

const forgotten = (names: string, value: boolean): Spec[] => names.split(' ').map((name) => {
  const [long, short] = name.split('/')
  return { long: long!, value, set: () => undefined, ...(short !== undefined && { short }) }
})

const specs: readonly Spec[] = [
  flag('silent', (o, on) => (o.silent = on), 's'), flag('show-error', (o, on) => (o.showError = on), 'S'), flag('verbose', (o, on) => (o.verbose = on), 'v'), flag('insecure', (o, on) => (o.insecure = on), 'k'),
  flag('include', (o, on) => (o.include = on), 'i'), flag('head', (o, on) => (o.head = on), 'I'), flag('location', (o, on) => (o.location = on), 'L'), flag('location-trusted', (o, on) => (o.location = on)),
  flag('fail', (o, on) => (o.fail = on), 'f'), flag('fail-with-body', (o, on) => (o.failWithBody = on)), flag('fail-early', (o, on) => (o.failEarly = on)), flag('get', (o, on) => (o.get = on), 'G'),
  flag('http1.0', (o, on) => (o.http10 = on), '0'), flag('http1.1', () => undefined), flag('http2', () => undefined), flag('http2-prior-knowledge', () => undefined), flag('ipv4', () => undefined, '4'), flag('ipv6', (o, on) => (o.ipv6 = on), '6'),
  flag('compressed', (o, on) => (o.compressed = on)), flag('progress-bar', (o, on) => (o.progressBar = on), '#'), flag('progress-meter', (o, on) => (o.noProgress = !on)), flag('no-progress-meter', (o) => (o.noProgress = true)), flag('create-dirs', (o, on) => (o.createDirs = on)),
  flag('retry-connrefused', (o, on) => (o.retryConnRefused = on)), flag('retry-all-errors', (o, on) => (o.retryAll = on)), flag('globoff', (o, on) => (o.globOff = on), 'g'), flag('no-buffer', (o) => (o.buffered = false), 'N'), flag('buffer', (o, on) => (o.buffered = on)), flag('tlsv1.2', () => undefined),
  flag('tlsv1.3', () => undefined), flag('path-as-is', () => undefined), flag('tcp-nodelay', () => undefined), flag('keepalive', () => undefined), flag('no-keepalive', () => undefined), flag('remote-name', (o) => o.outputs.push('\0remote'), 'O'), flag('remote-header-name', () => undefined, 'J'), flag('disable', () => undefined, 'q'),
  flag('http0.9', () => undefined), flag('raw', () => undefined), flag('basic', () => undefined), flag('anyauth', () => undefined), flag('styled-output', () => undefined), flag('parallel', () => undefined, 'Z'),
  taking('request', (o, v) => (o.method = v), 'X'), taking('data', data('plain'), 'd'), taking('data-ascii', data('plain')), taking('data-binary', data('binary')), taking('data-raw', data('raw')), taking('data-urlencode', data('urlencode')),
  taking('json', (o, v) => {
    data('json')(o, v)
    o.json = true
    o.contentType = 'application/json'
    o.headers.push(['Accept', 'application/json'])
  }),
  taking('header', (o, v) => {
    const m = /^([^:;]+)([:;])\s*(.*)$/s.exec(v)
    if (m) o.headers.push([m[1]!, m[2] === ';' ? '' : m[3] === '' ? undefined : m[3]])
  }, 'H'),
  taking('output', (o, v) => o.outputs.push(v), 'o'), taking('write-out', (o, v) => (o.writeOut = v), 'w'), taking('max-time', (o, v) => (o.maxTime = ms(v)), 'm'), taking('connect-timeout', (o, v) => (o.connectTimeout = ms(v))),
  taking('user', (o, v) => (o.user = v), 'u'), taking('oauth2-bearer', (o, v) => (o.bearer = v)), taking('user-agent', (o, v) => (o.userAgent = v), 'A'), taking('referer', (o, v) => (o.referer = v), 'e'), taking('cookie', (o, v) => (o.cookie = v), 'b'),
  taking('cookie-jar', () => undefined, 'c'), taking('range', (o, v) => (o.range = v), 'r'), taking('resolve', (o, v) => o.resolve.push(v)), taking('connect-to', (o, v) => o.connectTo.push(v)), taking('cacert', (o, v) => (o.cacert = v)), taking('capath', () => undefined),
  taking('cert', (o, v) => (o.cert = v), 'E'), taking('key', (o, v) => (o.key = v)), taking('interface', (o, v) => (o.interface = v)), taking('local-port', (o, v) => (o.localPort = Number(v.split('-')[0]))), taking('dump-header', (o, v) => (o.dumpHeader = v), 'D'),
  taking('upload-file', (o, v) => (o.upload = v), 'T'), taking('retry', (o, v) => (o.retry = Number(v))), taking('retry-delay', (o, v) => (o.retryDelay = ms(v))), taking('retry-max-time', () => undefined), taking('max-redirs', (o, v) => (o.maxRedirects = Number(v) < 0 ? Infinity : Number(v))),
  taking('max-filesize', (o, v) => (o.maxFileSize = Number(v))), taking('url', (o, v) => o.urls.push(v)), taking('request-target', (o, v) => (o.requestTarget = v)), taking('proxy', (o, v) => (o.proxy = v), 'x'), taking('noproxy', () => undefined), taking('limit-rate', () => undefined), taking('speed-limit', () => undefined, 'Y'),
  taking('speed-time', () => undefined, 'y'), taking('tls-max', () => undefined), taking('ciphers', () => undefined), taking('dns-servers', () => undefined), taking('keepalive-time', () => undefined), taking('form', data('plain'), 'F'), taking('cert-type', () => undefined), taking('key-type', () => undefined), taking('unix-socket', () => undefined), taking('config', () => undefined, 'K'),
  // Read and forgotten: other protocols, proxies, tuning. A letter stands behind the slash.
  ...forgotten('append/a cert-status compressed-ssh crlf digest disable-eprt disable-epsv disallow-username-in-url doh-cert-status doh-insecure false-start form-escape ftp-create-dirs ftp-pasv ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-control haproxy-protocol http3 http3-only ignore-content-length junk-session-cookies/j list-only/l mail-rcpt-allowfails metalink negotiate netrc/n netrc-optional next/: no-alpn no-clobber no-npn no-sessionid ntlm ntlm-wb parallel-immediate post301 post302 post303 preproxy proxy-anyauth proxy-basic proxy-digest proxy-insecure proxy-negotiate proxy-ntlm proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 proxytunnel/p remote-name-all remote-time/R remove-on-error sasl-ir socks5-basic socks5-gssapi socks5-gssapi-nec ssl ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-reqd ssl-revoke-best-effort sslv2/2 sslv3/3 suppress-connect-headers tcp-fastopen tftp-no-options tlsv1/1 tlsv1.0 tlsv1.1 tr-encoding trace-time use-ascii/B xattr', false),
  ...forgotten('abstract-unix-socket alt-svc aws-sigv4 continue-at/C create-file-mode crlfile curves delegation dns-interface dns-ipv4-addr dns-ipv6-addr doh-url egd-file engine etag-compare etag-save expect100-timeout form-string ftp-account ftp-alternative-to-user ftp-method ftp-port/P ftp-ssl-ccc-mode happy-eyeballs-timeout-ms hostpubmd5 hostpubsha256 hsts krb libcurl login-options mail-auth mail-from mail-rcpt netrc-file output-dir parallel-max pass pinnedpubkey proto proto-default proto-redir proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user/U proxy1.0 pubkey quote/Q random-file rate sasl-authzid service-name socks4 socks4a socks5 socks5-gssapi-service socks5-hostname stderr telnet-option/t tftp-blksize time-cond/z tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii url-query', true),
]
const byLong = new Map(specs.map((s) => [s.long, s]))
const byShort = new Map(specs.flatMap((s) => (s.short !== undefined ? [[s.short, s] as const] : [])))

const again = "curl: try 'curl --help' or 'curl --manual' for more information\n"
const help = `Usage: curl [options...] <url>
 -d, --data <data>          HTTP POST data
 -f, --fail                 Fail fast with no output on HTTP errors
 -h, --help <category>      Get help for commands
 -i, --include              Include protocol response headers in the output
 -o, --output <file>        Write to file instead of stdout
 -O, --remote-name          Write output to a file named as the remote file
 -s, --silent               Silent mode
 -T, --upload-file <file>   Transfer local FILE to destination
 -u, --user <user:password> Server user and password
 -A, --user-agent <name>    Send User-Agent <name> to server
 -v, --verbose              Make the operation more talkative
 -V, --version              Show version number and quit

This is not the full help, this menu is stripped into categories.
Use "--help category" to get an overview of all categories.
For all options use the manual or "--help all".
`
const version = `curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13 brotli/1.0.9 zstd/1.5.4 libidn2/2.3.3 libpsl/0.21.2 (+libidn2/2.3.3) libssh2/1.10.0 nghttp2/1.52.0 librtmp/2.3 OpenLDAP/2.5.13
Release-Date: 2023-02-20, security patched: 7.88.1-10+deb12u14
Protocols: dict file ftp ftps gopher gophers http https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtsp scp sftp smb smbs smtp smtps telnet tftp
Features: alt-svc AsynchDNS brotli GSS-API HSTS HTTP2 HTTPS-proxy IDN IPv6 Kerberos Largefile libz NTLM NTLM_WB PSL SPNEGO SSL threadsafe TLS-SRP UnixSockets zstd
`

const numeric = new Set(['max-time', 'connect-timeout', 'retry', 'retry-delay', 'max-redirs', 'max-filesize'])

export function readOptions(args: readonly string[]): CurlOptions | { readonly failure: string; readonly code: number; readonly out?: boolean } {
  const o = new CurlOptions()
  const bad = (text: string) => ({ failure: `curl: ${text}\n${again}`, code: 2 })
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') {
      o.urls.push(...args.slice(i + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      o.urls.push(arg)
      continue
    }
    if (arg === '--help' || arg === '-h') return { failure: help, code: 0, out: true }
    if (arg === '--version' || arg === '-V') return { failure: version, code: 0, out: true }
    const uses: [Spec, string, string | undefined][] = []
    if (arg.startsWith('--')) {
      const name = arg.slice(2)
      const no = name.startsWith('no-') ? byLong.get(name.slice(3)) : undefined
      const exact = byLong.get(name)
      const prefixed = exact || no ? [] : specs.filter((s) => s.long.startsWith(name))
      const spec = exact ?? no ?? (prefixed.length === 1 ? prefixed[0] : undefined)
      if (!spec) return bad(prefixed.length > 1 ? `option ${arg}: is ambiguous` : `option ${arg}: is unknown`)
      uses.push([spec, arg, no && !exact ? 'no' : undefined])
    } else {
      for (let k = 1; k < arg.length; k++) {
        const spec = byShort.get(arg[k]!)
        if (!spec) return bad(`option ${arg}: is unknown`)
        const rest = arg.slice(k + 1)
        uses.push([spec, arg, spec.value && rest !== '' ? rest : undefined])
        if (spec.value) break
      }
    }
    for (const [spec, shown, inline] of uses) {
      let value = inline
      if (spec.value && value === undefined) {
        if (i + 1 >= args.length) return bad(`option ${shown}: requires parameter`)
        value = args[++i]!
      }
      if (numeric.has(spec.long) && !/^-?\d+(\.\d+)?$/.test(value ?? '')) return bad(`option ${shown}: expected a proper numerical parameter`)
      spec.set(o, value ?? '')
    }
  }
  return o
}
