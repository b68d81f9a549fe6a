/** GNU Wget 1.21.3 as a batch downloader: one or more URLs, -O, -q, -S, -t, -T, --spider, --post-data. Leaves out: recursion, FTP, cookies. */
import { byteLength } from '#base/bytes.ts'
import { parseUrl, type ParsedUrl } from '#base/http.ts'
import { parseIpv4 } from '#base/ip.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile, Process, Program } from '#engine/machine/process.ts'
import { TlsError } from '#engine/machine/tls.ts'
import { getopt } from './getopt.ts'
import { request, trustedRoots, within, wrap } from './http-fetch.ts'
import { isoDate, lookupErrors, complain as tell } from './support.ts'

/** Quotation marks are ASCII outside of UTF-8 locales. */
function complain(p: Process, text: string): Promise<void> {
  const locale = p.env.get('LC_ALL') || p.env.get('LC_MESSAGES') || p.env.get('LANG') || 'C'
  return tell(p, /utf-?8/i.test(locale) ? text : text.replace(/[‘’]/g, "'"))
}

const again = "Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n"

const long = {
  'output-document': ':', quiet: '', verbose: '', 'no-verbose': '', tries: ':', timeout: ':', 'connect-timeout': ':', 'dns-timeout': ':', 'read-timeout': ':', 'server-response': '', spider: '', header: ':', 'post-data': ':', 'no-check-certificate': '',
  'ca-certificate': ':', 'user-agent': ':', method: ':', 'body-data': ':', 'directory-prefix': ':', 'max-redirect': ':', waitretry: ':', 'retry-connrefused': '', 'content-on-error': '', 'show-progress': '', 'no-proxy': '', user: ':', password: ':', help: '', version: '', 'no-clobber': '', progress: ':',
} as const

/** Taken and forgotten. */
const others = { ...nothing('background debug force-html no-config no-netrc continue timestamping no-if-modified-since no-use-server-timestamps random-wait no-dns-cache ignore-case inet4-only inet6-only ask-password no-iri unlink xattr no-directories force-directories no-host-directories protocol-directories no-cache adjust-extension ignore-length save-headers no-http-keep-alive no-cookies keep-session-cookies content-disposition auth-no-challenge https-only no-hsts hsts-file no-remove-listing no-glob no-passive-ftp preserve-permissions retr-symlinks ftps-implicit ftps-resume-ssl ftps-clear-data-connection ftps-fallback-to-ftp warc-cdx no-warc-compression no-warc-digests no-warc-keep-log recursive delete-after convert-links convert-file-only backup-converted mirror page-requisites strict-comments follow-ftp span-hosts relative trust-server-names no-parent', ''), ...nothing('execute output-file append-output report-speed input-file base config rejected-log retry-on-http-error start-pos wait quota bind-address limit-rate restrict-file-names prefer-family use-askpass local-encoding remote-encoding cut-dirs http-user http-password default-page compression proxy-user proxy-password referer load-cookies save-cookies post-file body-file secure-protocol certificate certificate-type private-key private-key-type ca-directory crl-file pinnedpubkey ciphers ftp-user ftp-password warc-file warc-header warc-max-size warc-dedup warc-tempdir level backups accept reject accept-regex reject-regex regex-type domains exclude-domains follow-tags ignore-tags include-directories exclude-directories', ':') }

function nothing<K extends '' | ':'>(names: string, kind: K): Record<string, K> {
  return Object.fromEntries(names.split(' ').map((name) => [name, kind]))
}

/** -n is only the first letter of these. */
const negatives: Readonly<Record<string, string>> = { '-nv': '--no-verbose', '-nc': '--no-clobber', '-nd': '--no-directories', '-nH': '--no-host-directories', '-np': '--no-parent' }

export const wget: Program = async (p) => {
  const o = getopt(p.argv.slice(1).map((a) => negatives[a] ?? a), 'Vhbe:o:a:dqvi:FB:t:O:cNST:w:Q:46xP:EU:rl:kKmpA:R:D:HLI:X:', { ...long, ...others })
  if (o.error) {
    await complain(p, `wget: ${o.error.replaceAll("'", "'")}\n${again}`)
    return 2
  }
  if (o.has('V', 'version', 'h', 'help')) {
    await p.stdout.write(o.has('V', 'version') ? 'GNU Wget 1.21.3 built on linux-gnu.\n' : 'GNU Wget 1.21.3, a non-interactive network retriever.\nUsage: wget [OPTION]... [URL]...\n\nMandatory arguments to long options are mandatory for short options too.\n')
    return 0
  }
  const posted = o.get('post-file', 'body-file')
  if (posted !== undefined && !p.fs.exists(posted)) {
    if (!o.has('q', 'quiet')) await complain(p, `BODY data file ‘${posted}’ missing: No such file or directory\n`)
    return 3
  }
  for (const [name, names] of [['timeout', ['T', 'timeout']], ['connect-timeout', ['connect-timeout']], ['read-timeout', ['read-timeout']], ['dns-timeout', ['dns-timeout']], ['wait', ['w', 'wait']], ['waitretry', ['waitretry']]] as const) {
    const value = o.get(...names)
    if (value === undefined || /^\d+(\.\d+)?[smhdw]?$/.test(value)) continue
    await complain(p, `wget: --${name}: Invalid time period ‘${value}’\n`)
    return 2
  }
  const header = o.all('header').find((h) => !h.includes(':') && h !== '')
  if (header !== undefined) {
    await complain(p, `wget: --header: Invalid header ‘${header}’.\n`)
    return 2
  }
  const list = o.get('i', 'input-file')
  if (list !== undefined && list !== '-') {
    let text = ''
    try {
      text = p.fs.readFile(list)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(p, `${list}: ${strerror(error.code)}\n`)
    }
    const urls = text.split(/\s+/).filter((u) => u !== '')
    if (urls.length === 0) {
      await complain(p, `No URLs found in ${list}.\n`)
      return 0
    }
    ;(o.operands as string[]).push(...urls)
  }
  if (o.operands.length === 0) {
    await complain(p, `wget: missing URL\n${again}`)
    return 1
  }
  const job = new Job(p, {
    quiet: o.has('q', 'quiet'), terse: o.has('no-verbose'), output: o.get('O', 'output-document'), prefix: o.get('P', 'directory-prefix'), tries: o.get('t', 'tries') === 'inf' ? Infinity : Number(/^\d+/.exec(o.get('t', 'tries') ?? '20')?.[0] ?? 0) || Infinity, timeout: seconds(o.get('connect-timeout') ?? o.get('T', 'timeout')), source: o.get('bind-address'), ipv6: o.has('6', 'inet6-only'),
    serverResponse: o.has('S', 'server-response'), spider: o.has('spider'), headers: o.all('header'), postData: posted !== undefined ? p.fs.readFile(posted) : o.get('post-data', 'body-data'), method: o.get('method') ?? (o.has('post-data', 'post-file') ? 'POST' : o.has('spider') ? 'HEAD' : 'GET'), insecure: o.has('no-check-certificate'),
    ca: o.get('ca-certificate'), agent: o.get('U', 'user-agent') ?? 'Wget/1.21.3', redirects: Number(o.get('max-redirect') ?? 20), retryRefused: o.has('retry-connrefused'), onError: o.has('content-on-error'),
  })
  let code = 0
  for (const text of o.operands) {
    const one = await job.get(text)
    if (one !== 0) code = one
  }
  return code
}

function seconds(text: string | undefined): number | undefined {
  return text === undefined || Number(text) === 0 ? undefined : Number(text) * 1000
}

interface Options {
  readonly source: string | undefined
  readonly ipv6: boolean
  readonly quiet: boolean
  readonly terse: boolean
  readonly output: string | undefined
  readonly prefix: string | undefined
  readonly tries: number
  readonly timeout: number | undefined
  readonly serverResponse: boolean
  readonly spider: boolean
  readonly headers: readonly string[]
  readonly postData: string | undefined
  readonly method: string
  readonly insecure: boolean
  readonly ca: string | undefined
  readonly agent: string
  readonly redirects: number
  readonly retryRefused: boolean
  readonly onError: boolean
}

class Job {
  readonly #p: Process
  readonly #o: Options

  constructor(p: Process, o: Options) {
    this.#p = p
    this.#o = o
  }

  async #log(text: string): Promise<void> {
    if (!this.#o.quiet && !this.#o.terse) await complain(this.#p, text)
  }

  async get(given: string): Promise<number> {
    // HOST:PATH is FTP in short; a number there is a port.
    const short = /^([\w.-]+):([^/\d][^/]*)$/.exec(given)
    if (short && !/^[a-z]+:\/\//i.test(given)) {
      await this.#log(`--${isoDate(this.#p.now())}--  ftp://${short[1]}/${short[2]}\n           => ‘${short[2]}’\nConnecting to ${short[1]}:21... failed: Connection refused.\n`)
      return 4
    }
    const text = /^[a-z]+:\/\//i.test(given) ? given : 'http://' + given
    if (/^https?:\/\/[^/]*:(?:\d{6,}|6553[6-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}|[7-9]\d{4})(?:\/|$)/.test(text)) {
      await complain(this.#p, `${text}: Bad port number.\n`)
      return 1
    }
    let url = parseUrl(text)
    if (!url || url.host === '' || /^[a-z]+:\/\/(?:\/|$)/i.test(text)) {
      await complain(this.#p, `${given}: Invalid host name.\n`)
      return 1
    }
    if (url.scheme !== 'http' && url.scheme !== 'https') {
      await complain(this.#p, `${given}: Unsupported scheme ‘${url.scheme}’.\n`)
      return 1
    }
    if (this.#o.spider) await this.#log('Spider mode enabled. Check if remote file exists.\n')
    for (let attempt = 1, redirects = 0; ; ) {
      const shown = `${url.scheme}://${url.host}${url.port !== undefined ? `:${url.port}` : ''}${url.target}`
      await this.#log(`--${isoDate(this.#p.now())}--  ${attempt > 1 ? `(try:${String(attempt).padStart(2)})  ` : ''}${shown}\n`)
      const result = await this.#once(url, shown, attempt)
      if (typeof result === 'number') return result
      if (result.kind === 'redirect') {
        if (++redirects > this.#o.redirects) {
          await complain(this.#p, `${this.#o.redirects} redirections exceeded.\n`)
          return 8
        }
        const base: ParsedUrl = url
        const next = /^[a-z]+:\/\//i.test(result.to) ? result.to : `${base.scheme}://${base.host}${base.port !== undefined ? `:${base.port}` : ''}${result.to.startsWith('/') ? result.to : base.target.replace(/[^/]*$/, '') + result.to}`
        url = parseUrl(next)!
        continue
      }
      if (attempt >= this.#o.tries) {
        await this.#log('Giving up.\n\n')
        return 4
      }
      await this.#log('Retrying.\n\n')
      await this.#p.sleep(Math.min(attempt, 10) * 1000)
      attempt++
    }
  }

  async #once(url: ParsedUrl, shown: string, attempt: number): Promise<number | { kind: 'redirect'; to: string } | { kind: 'retry' }> {
    const p = this.#p
    const o = this.#o
    void attempt
    const port = url.port ?? (url.scheme === 'https' ? 443 : 80)
    if (o.ipv6 && parseIpv4(url.host) !== undefined) return 4
    let addresses: readonly string[] = [url.host]
    const literal = parseIpv4(url.host) !== undefined
    if (!literal) {
      await this.#log(`Resolving ${url.host} (${url.host})... `)
      const found = await p.sockets.lookup(url.host)
      if (!found.ok) {
        await this.#log(`failed: ${lookupErrors[found.error]}.\n`)
        await complain(p, o.quiet ? '' : `wget: unable to resolve host address ‘${url.host}’\n`)
        return 4
      }
      addresses = found.addresses
      await this.#log(`${addresses.join(', ')}\n`)
    }
    let connection
    for (const address of addresses) {
      await this.#log(literal ? `Connecting to ${url.host}:${port}... ` : `Connecting to ${url.host} (${url.host})|${address}|:${port}... `)
      try {
        connection = await p.sockets.connect(address, port, { ...(o.timeout !== undefined && { timeout: o.timeout }), ...(o.source !== undefined && { source: o.source }) })
        await this.#log('connected.\n')
        break
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        if (o.terse) await complain(p, `failed: ${strerror(error.code)}.\n`)
        await this.#log(`failed: ${strerror(error.code)}.\n`)
        if (address !== addresses.at(-1)) continue
        if (error.code === 'ETIMEDOUT' || (o.retryRefused && error.code === 'ECONNREFUSED')) return { kind: 'retry' }
        if (error.code === 'EADDRNOTAVAIL') await this.#log('Giving up.\n\n')
        return 4
      }
    }
    if (!connection) return 4
    try {
      connection = await wrap(p, url, connection, { insecure: o.insecure, roots: trustedRoots(p, o.ca) })
    } catch (error) {
      if (!(error instanceof TlsError)) throw error
      if (error.code !== undefined) {
        await complain(p, `ERROR: The certificate of ‘${url.host}’ is not trusted.\n${error.code === 20 || error.code === 19 || error.code === 18 ? `ERROR: The certificate of ‘${url.host}’ doesn't have a known issuer.\n` : error.code === 10 ? `ERROR: The certificate of ‘${url.host}’ has expired.\n` : `The certificate's owner does not match hostname ‘${url.host}’\n`}`)
        return 5
      }
      await this.#log(`GnuTLS: An unexpected TLS packet was received.\nUnable to establish SSL connection.\n`)
      return 4
    }
    const authority = url.port === undefined ? url.host : `${url.host}:${url.port}`
    const headers: Record<string, string> = { Host: authority, 'User-Agent': o.agent, Accept: '*/*', 'Accept-Encoding': 'identity', Connection: 'Keep-Alive' }
    if (o.postData !== undefined) headers['Content-Type'] = 'application/x-www-form-urlencoded'
    for (const h of o.headers) {
      const colon = h.indexOf(':')
      headers[h.slice(0, colon)] = h.slice(colon + 1).trim()
    }
    await this.#log('HTTP request sent, awaiting response... ')
    let answer
    try {
      answer = await request(p, connection, { method: o.method, target: url.target, headers, ...(o.postData !== undefined && { body: o.postData }) }, o.timeout)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await this.#log(`Read error (${strerror(error.code)}) in headers.\n`)
      return { kind: 'retry' }
    }
    if (answer === 'late') {
      await this.#log('Read error (Connection timed out) in headers.\n')
      return { kind: 'retry' }
    }
    if (answer === 'empty' || 'error' in answer) {
      await this.#log(answer === 'empty' ? 'No data received.\n' : 'Read error (Success) in headers.\n')
      return { kind: 'retry' }
    }
    const { head } = answer
    await this.#log(o.serverResponse ? '\n' + answer.raw.trimEnd().split(/\r?\n/).map((l) => `  ${l}\n`).join('') : `${head.status} ${head.reason}\n`)
    const location = head.headers.get('Location')
    if (location !== undefined && head.status >= 300 && head.status < 400) {
      await this.#log(`Location: ${location} [following]\n`)
      connection.close()
      return { kind: 'redirect', to: location }
    }
    if (head.status >= 400 && !o.onError) {
      if (o.spider) await complain(p, o.quiet ? '' : 'Remote file does not exist -- broken link!!!\n\n')
      else await this.#log(`${isoDate(p.now())} ERROR ${head.status}: ${head.reason}.\n\n`)
      if (o.terse) await complain(p, `${shown}:\n${isoDate(p.now())} ERROR ${head.status}: ${head.reason}.\n`)
      connection.close()
      return 8
    }
    const type = head.headers.get('Content-Type')?.replace(/;.*/, '').trim()
    const length = head.headers.get('Content-Length')
    await this.#log(`Length: ${length === undefined ? 'unspecified' : `${length}${human(Number(length))}`}${type ? ` [${type}]` : ''}\n`)
    if (o.spider) {
      await this.#log('Remote file exists.\n\n')
      connection.close()
      return head.status >= 400 ? 8 : 0
    }
    return this.#save(url, shown, answer.reader, length === undefined ? undefined : Number(length), () => connection.close())
  }

  async #save(url: ParsedUrl, shown: string, reader: { next(): Promise<unknown> }, length: number | undefined, close: () => void): Promise<number> {
    const p = this.#p
    const o = this.#o
    const base = url.target.replace(/\?.*/, '').replace(/^.*\//, '') || 'index.html'
    const name = o.output ?? this.#free((o.prefix !== undefined ? `${o.prefix.replace(/\/$/, '')}/` : '') + base)
    const standard = name === '-'
    await this.#log(`Saving to: ${standard ? '‘STDOUT’' : `‘${name}’`}\n\n`)
    let file: OpenFile
    try {
      if (o.output === undefined && o.prefix !== undefined) p.fs.mkdir(o.prefix, { parents: true })
      file = standard ? p.stdout : p.open(name, { write: true, create: true, truncate: true })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(p, o.output !== undefined ? `${name}: ${strerror(error.code)}\n` : `${name}: ${strerror(error.code)}\n\nCannot write to ‘${name}’ (${strerror(error.code)}).\n`)
      return o.output !== undefined ? 1 : 3
    }
    const started = p.now()
    let got = 0
    for (;;) {
      const event = (await within(p, o.timeout, reader.next())) as { type: string; text?: string; message?: string } | undefined | 'late'
      if (!event || event === 'late' || event.type === 'error') {
        await this.#log(`\n${isoDate(p.now())} (0.00 B/s) - Connection closed at byte ${got}. `)
        return 4
      }
      if (event.type === 'data') {
        got += byteLength(event.text!)
        await file.write(event.text!)
      }
      if (event.type === 'end') break
    }
    close()
    const spent = Math.max(0.00001, (p.now() - started) / 1000)
    const rate = speed(got / spent)
    const dots = '.'.repeat(Math.min(50, Math.floor(got / 1024)))
    const grouped = dots.replace(/(.{10})(?=.)/g, '$1 ')
    await this.#log(`     0K ${grouped.padEnd(53)} ${length === undefined ? '    ' : '100%'} ${rate.short}=${spent < 0.001 ? '0s' : `${spent.toPrecision(1)}s`}\n\n`)
    await this.#log(`${isoDate(p.now())} (${rate.long}) - ${standard ? 'written to stdout' : `‘${name}’ saved`} [${got}${length === undefined ? '' : `/${length}`}]\n\n`)
    if (o.terse) await complain(p, `${isoDate(p.now())} URL:${shown} [${got}${length === undefined ? '' : `/${length}`}] -> "${name}" [1]\n`)
    return 0
  }

  #free(name: string): string {
    if (!this.#p.fs.exists(name)) return name
    for (let n = 1; ; n++) if (!this.#p.fs.exists(`${name}.${n}`)) return `${name}.${n}`
  }
}

function human(n: number): string {
  if (n < 1024) return ''
  return ` (${n < 1024 * 1024 ? `${(n / 1024).toPrecision(2).replace(/\.0$/, '')}K` : `${(n / 1048576).toPrecision(2)}M`})`
}

function speed(bytesPerSecond: number): { readonly short: string; readonly long: string } {
  const units = ['B/s', 'KB/s', 'MB/s', 'GB/s']
  let n = bytesPerSecond
  let u = 0
  while (n >= 1024 && u < 3) {
    n /= 1024
    u++
  }
  const text = n >= 99.95 ? n.toFixed(0) : n >= 9.995 ? n.toFixed(1) : n.toFixed(2)
  return { short: `${text}${['', 'K', 'M', 'G'][u]}`, long: `${text} ${units[u]}` }
}
