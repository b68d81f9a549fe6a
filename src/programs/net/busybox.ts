/** The network applets of busybox 1.36/1.37 whose output differs from the big programs: ping, wget, nslookup, nc, traceroute's header aside. */
import { byteLength } from '#base/bytes.ts'
import { dnsQuery, dnsRcodes, type DnsMessage } from '#base/dns.ts'
import { parseUrl } from '#base/http.ts'
import { ipv4, parseIpv4 } from '#base/ip.ts'
import type { PingResult } from '#engine/net/types.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile, Process, Program } from '#engine/machine/process.ts'
import { ask, queryId, readResolvConf } from '#engine/machine/resolver.ts'
import { TlsError } from '#engine/machine/tls.ts'
import { usageError } from '../busybox/banner.ts'
import { reverseName } from './dns-client.ts'
import { getopt } from './getopt.ts'
import { request, trustedRoots, within, wrap } from './http-fetch.ts'
import { complain, portNamed, reason, say } from './support.ts'

export const busyboxPing: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'c:s:t:A46I:w:W:i:qn')
  const name = o.operands[0]
  if (o.error || name === undefined) {
    return usageError(p, o.error)
  }
  for (const letter of ['c', 's', 't', 'w', 'W']) {
    const value = o.get(letter)
    if (value !== undefined && !/^\d+$/.test(value)) {
      await complain(p, `ping: invalid number '${value}'\n`)
      return 1
    }
  }
  const from = o.get('I')
  if (from !== undefined && parseIpv4(from) === undefined && !p.net.links.has(from)) {
    await complain(p, `ping: bad address '${from}'\n`)
    return 1
  }
  const found = await p.sockets.lookup(name)
  if (!found.ok) {
    await complain(p, `ping: bad address '${name}'\n`)
    return 1
  }
  const to = found.addresses[0]!
  const size = Number(o.get('s') ?? 56)
  const count = o.get('c') === undefined ? Infinity : Number(o.get('c'))
  const interval = Number(o.get('i') ?? 1) * 1000
  const linger = Number(o.get('W') ?? 10) * 1000
  const deadline = o.get('w') === undefined ? Infinity : p.now() + Number(o.get('w')) * 1000
  await say(p, `PING ${name} (${to}): ${size} data bytes\n`)
  if (!p.can('NET_RAW')) {
    await complain(p, 'ping: permission denied (are you root?)\n')
    return 1
  }
  let sent = 0
  let received = 0
  const times: number[] = []
  const queue: { readonly sequence: number; readonly result: PingResult }[] = []
  let wake: (() => void) | undefined
  let stop = false
  p.onSignal('SIGINT', () => {
    stop = true
    wake?.()
  })
  let nextSend = p.now()
  for (;;) {
    for (let item = queue.shift(); item; item = queue.shift()) {
      const { result, sequence } = item
      if (result.kind === 'reply') {
        received++
        times.push(result.rtt)
        if (!o.has('q')) await say(p, `${size + 8} bytes from ${result.from}: seq=${sequence} ttl=${result.ttl} time=${result.rtt.toFixed(3)} ms\n`)
      } else if (result.kind === 'error') {
        await complain(p, `ping: sendto: ${strerror(result.errno as 'ENETUNREACH')}\n`)
        return 1
      }
    }
    if (stop || p.now() >= deadline || received >= count) break
    const more = sent < count
    if (more && p.now() >= nextSend) {
      const sequence = sent++
      p.net.sockets.ping({ to: ipv4(to), size, timeout: 3_600_000, sequence, id: p.pid & 0xffff, ...(o.get('t') !== undefined && { ttl: Number(o.get('t')) }), ...(from !== undefined && parseIpv4(from) !== undefined && { from: ipv4(from) }) }, (result) => {
        queue.push({ sequence, result })
        wake?.()
      })
      nextSend = p.now() + interval
      continue
    }
    const until = Math.min(deadline, more ? nextSend : nextSend - interval + linger)
    if (p.now() >= until) {
      if (!more) break
      continue
    }
    await p.call<void>((resolve) => {
      wake = () => {
        wake = undefined
        resolve()
      }
      const timer = p.machine.sim.after(until - p.now(), () => wake?.())
      return () => p.machine.sim.cancel(timer)
    })
  }
  await say(p, `\n--- ${name} ping statistics ---\n${sent} packets transmitted, ${received} packets received, ${sent === 0 ? 0 : Math.floor(((sent - received) * 100) / sent)}% packet loss\n`)
  if (times.length > 0) await say(p, `round-trip min/avg/max = ${Math.min(...times).toFixed(3)}/${(times.reduce((a, b) => a + b, 0) / times.length).toFixed(3)}/${Math.max(...times).toFixed(3)} ms\n`)
  return received === 0 ? 1 : 0
}

export const busyboxWget: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'cqSO:o:P:U:T:Y:', { quiet: '', 'output-document': ':', timeout: ':', header: ':', 'post-data': ':', 'post-file': ':', spider: '', 'no-check-certificate': '', 'user-agent': ':', 'server-response': '', continue: '', tries: ':' })
  const given = o.operands[0]
  if (o.error || given === undefined) {
    return usageError(p, o.error)
  }
  const quiet = o.has('q', 'quiet')
  const timeout = Number(o.get('T', 'timeout') ?? 900) * 1000
  const note = (text: string) => (quiet ? Promise.resolve() : complain(p, text))
  let url = parseUrl(/^[a-z]+:\/\//i.test(given) ? given : 'http://' + given)
  if (!url || (url.scheme !== 'http' && url.scheme !== 'https')) {
    await complain(p, `wget: not an http or ftp url: ${given}\n`)
    return 1
  }
  for (let redirects = 0; ; redirects++) {
    const port = url.port ?? (url.scheme === 'https' ? 443 : 80)
    if (port > 65535) {
      await complain(p, `wget: bad port '${port}'\n`)
      return 1
    }
    const found = await p.sockets.lookup(url.host)
    if (!found.ok) {
      await complain(p, `wget: bad address '${url.host}${url.port !== undefined ? `:${url.port}` : ''}'\n`)
      return 1
    }
    const address = found.addresses[0]!
    await note(`Connecting to ${url.host}${url.port !== undefined ? `:${url.port}` : ''} (${address}:${port})\n`)
    let connection
    try {
      connection = await p.sockets.connect(address, port, { timeout })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(p, error.code === 'ETIMEDOUT' ? 'wget: download timed out\n' : `wget: can't connect to remote host (${address}): ${strerror(error.code)}\n`)
      return 1
    }
    try {
      if (url.scheme === 'https' && !o.has('no-check-certificate')) await note('wget: note: TLS certificate validation not implemented\n')
      connection = await wrap(p, url, connection, { insecure: true, roots: trustedRoots(p) })
    } catch (error) {
      if (!(error instanceof TlsError)) throw error
      await complain(p, 'ssl_client: ' + url.host + ': TLS connect failed\nwget: error getting response: Connection reset by peer\n')
      return 1
    }
    const headers: Record<string, string> = { Host: `${url.host}${url.port !== undefined ? `:${url.port}` : ''}`, 'User-Agent': o.get('U', 'user-agent') ?? 'Wget', Connection: 'close' }
    for (const h of o.all('header')) headers[h.slice(0, h.indexOf(':'))] = h.slice(h.indexOf(':') + 1).trim()
    const post = o.get('post-data') ?? (o.get('post-file') !== undefined ? p.fs.readFile(o.get('post-file')!) : undefined)
    if (post !== undefined) headers['Content-Type'] ??= 'application/x-www-form-urlencoded'
    let answer
    try {
      answer = await request(p, connection, { method: post !== undefined ? 'POST' : o.has('spider') ? 'HEAD' : 'GET', target: url.target, headers, ...(post !== undefined && { body: post }) }, timeout)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(p, `wget: error getting response: ${strerror(error.code)}\n`)
      return 1
    }
    if (answer === 'late') {
      await complain(p, 'wget: download timed out\n')
      return 1
    }
    if (answer === 'empty') {
      await complain(p, 'wget: error getting response\n')
      return 1
    }
    if ('error' in answer) {
      await complain(p, `wget: server returned error: ${answer.error.replace(/^malformed HTTP response "?(.*?)"?$/, '$1')}\n`)
      return 1
    }
    const { head } = answer
    if (o.has('S', 'server-response')) await complain(p, answer.raw.trimEnd().split(/\r?\n/).map((l) => `  ${l}\n`).join(''))
    const location = head.headers.get('Location')
    if (location !== undefined && head.status >= 300 && head.status < 400 && redirects < 5) {
      connection.close()
      url = parseUrl(/^[a-z]+:\/\//i.test(location) ? location : `${url.scheme}://${headers['Host']}${location.startsWith('/') ? '' : '/'}${location}`)!
      continue
    }
    if (head.status >= 300 || head.status === 204) {
      if (head.status !== 204) {
        await complain(p, `wget: server returned error: ${head.version} ${head.status} ${head.reason}\n`)
        return 1
      }
    }
    if (o.has('spider')) {
      await note('remote file exists\n')
      return 0
    }
    return save(p, o.get('O', 'output-document') ?? `${o.get('P') !== undefined ? o.get('P') + '/' : ''}${url.target.replace(/\?.*/, '').replace(/^.*\//, '') || 'index.html'}`, answer.reader, head.headers.get('Content-Length'), quiet, timeout)
  }
}

async function save(p: Process, name: string, reader: { next(): Promise<{ type: string; text?: string } | undefined | { type: string }> }, length: string | undefined, quiet: boolean, timeout: number): Promise<number> {
  const standard = name === '-'
  let file: OpenFile
  try {
    if (!standard && p.fs.exists(name)) throw new FsError('EEXIST')
    file = standard ? p.stdout : p.open(name, { write: true, create: true, truncate: true })
  } catch (error) {
    await complain(p, `wget: can't open '${name}': ${reason(error)}\n`)
    return 1
  }
  if (!quiet) await complain(p, standard ? 'writing to stdout\n' : `saving to '${name}'\n`)
  let got = 0
  for (;;) {
    const event = (await within(p, timeout, reader.next())) as { type: string; text?: string } | undefined | 'late'
    if (event === 'late') {
      await complain(p, 'wget: download timed out\n')
      return 1
    }
    if (!event || event.type === 'error') {
      await complain(p, 'wget: connection closed prematurely\n')
      return 1
    }
    if (event.type === 'data') {
      got += byteLength(event.text!)
      await file.write(event.text!)
    }
    if (event.type === 'end') break
  }
  if (!quiet) {
    const shown = (standard ? '-' : name.replace(/^.*\//, '')).slice(0, 20).padEnd(20)
    await complain(p, `${shown} 100% |${'*'.repeat(32)}| ${String(got).padStart(5)}  0:00:00 ETA\n${standard ? 'written to stdout' : `'${name}' saved`}\n`)
  }
  void length
  return 0
}

export const busyboxNslookup: Program = async (p) => {
  const types: string[] = []
  const known = ['SOA', 'NS', 'A', 'AAAA', 'CNAME', 'MX', 'TXT', 'PTR', 'SRV', 'ANY']
  const words: string[] = []
  for (const a of p.argv.slice(1)) {
    const t = /^-(?:type|query|querytype|q|t)=(\w+)$/.exec(a)
    if (t && !known.includes(t[1]!.toUpperCase())) {
      await complain(p, `nslookup: invalid query type "${t[1]}"\n`)
      return 1
    }
    if (t) types.push(t[1]!.toUpperCase())
    else if (a.startsWith('-') && !/^-(?:debug|\w+=)/.test(a)) return usageError(p)
    else if (!a.startsWith('-')) words.push(a)
  }
  if (words[0] === undefined) {
    return usageError(p)
  }
  const config = readResolvConf(p)
  const name = words[0]
  let servers: readonly string[] = config.servers
  if (words[1] !== undefined) {
    const found = await p.sockets.lookup(words[1])
    if (!found.ok) {
      await complain(p, `nslookup: bad address '${words[1]}'\n`)
      return 1
    }
    servers = [found.addresses[0]!]
  }
  const isAddress = parseIpv4(name) !== undefined
  const wanted = isAddress ? ['PTR'] : types.length > 0 ? types : ['A', 'AAAA']
  // All questions go out together: the name itself when it has a dot, each search domain when it has none.
  const names = isAddress ? [reverseName(name)] : name.includes('.') || config.search.length === 0 ? [name.endsWith('.') ? name : name + '.'] : config.search.map((d) => `${name}.${d.replace(/\.$/, '')}.`)
  const queries = wanted.flatMap((t) => names.map((n) => dnsQuery(queryId(p), n, t)))
  let answers: (DnsMessage | undefined)[] = []
  let server: string | undefined
  let refused = false
  for (const s of servers) {
    const results = await ask(p, s, queries, config.timeout * 1000)
    refused = results.some((r) => r.kind === 'failed' && r.why === 'refused')
    answers = results.map((r) => (r.kind === 'answer' ? r.message : undefined))
    if (answers.some((a) => a)) {
      server = s
      break
    }
  }
  if (server === undefined) {
    if (refused) await complain(p, `nslookup: write to '${servers.at(-1)}': Connection refused\n`)
    await say(p, ';; connection timed out; no servers could be reached\n\n')
    return 1
  }
  await say(p, `Server:\t\t${server}\nAddress:\t${server}:53\n\n`)
  let failed = false
  const seen = new Set<string>()
  for (const [i, m] of answers.entries()) {
    const asked = queries[i]!.questions[0]!.name.replace(/\.$/, '')
    if (!m) {
      await say(p, `*** Can't find ${asked}: No answer\n`)
      failed = true
      continue
    }
    if (m.rcode !== 0) {
      await say(p, `** server can't find ${asked}: ${dnsRcodes[m.rcode] ?? m.rcode}\n\n`)
      failed = true
      continue
    }
    if (m.answers.length === 0) {
      if (!m.authoritative) await say(p, 'Non-authoritative answer:\n')
      if (wanted.length === 1) await say(p, `*** Can't find ${asked}: No answer\n`)
      await say(p, '\n')
      continue
    }
    let text = m.authoritative || seen.has(asked) ? '' : 'Non-authoritative answer:\n'
    seen.add(asked)
    for (const r of m.answers) {
      const owner = r.name.replace(/\.$/, '')
      const data = r.data.replace(/\.$/, '')
      if (r.type === 'A' || r.type === 'AAAA') text += `Name:\t${owner}\nAddress: ${r.data}\n`
      else if (r.type === 'CNAME') text += `${owner}\tcanonical name = ${data}\n`
      else if (r.type === 'PTR') text += `${owner}\tname = ${data}\n`
      else if (r.type === 'SRV') text += `${owner}\tservice = ${data}\n`
      else if (r.type === 'MX') text += `${owner}\tmail exchanger = ${data}\n`
      else if (r.type === 'TXT') text += `${owner}\ttext = ${r.data}\n`
      else if (r.type === 'NS') text += `${owner}\tnameserver = ${data}\n`
      else text += `${owner}\t${r.type.toLowerCase()} = ${data}\n`
    }
    await say(p, text + '\n')
  }
  return failed ? 1 : 0
}

export const busyboxNc: Program = async (p) => {
  // -e takes the rest of the line.
  const args = p.argv.slice(1)
  const at = args.findIndex((a) => /^-[a-z]*e$/.test(a))
  const command = at < 0 ? undefined : args.slice(at + 1)
  const o = getopt(at < 0 ? args : [...args.slice(0, at), ...(args[at]!.length > 2 ? [args[at]!.slice(0, -1)] : [])], '+lp:w:i:kvznu')
  const [host, portText] = o.operands
  const listen = o.has('l')
  const forever = o.options.filter(([name]) => name === 'l').length > 1 || o.has('k')
  if (o.error || command?.length === 0 || (!listen && host === undefined)) {
    return usageError(p, o.error)
  }
  const wait = o.get('w') === undefined ? undefined : Number(o.get('w')) * 1000
  if (listen) {
    try {
      const listener = p.sockets.listen('0.0.0.0', Number(o.get('p') ?? host))
      for (;;) {
        const connection = await within(p, wait, listener.accept())
        if (!forever) listener.close()
        if (connection === 'late') {
          await complain(p, 'nc: timed out\n')
          return 1
        }
        if (command) {
          const file = p.socketFile(connection)
          const child = p.spawn({ argv: command, fds: { 0: file, 1: file } })
          file.release()
          // A server with -ll goes on accepting; with one -l this is the program's process.
          if (!forever) return (await child.wait()).code
          continue
        }
        const code = await pump(p, connection, wait)
        if (!forever) return code
      }
    } catch (error) {
      await complain(p, command && error instanceof FsError && error.code === 'ENOENT' ? `nc: can't execute '${command[0]}': ${reason(error)}\n` : `nc: bind: ${reason(error)}\n`)
      return 1
    }
  }
  const found = await p.sockets.lookup(host!)
  if (!found.ok) {
    await complain(p, `nc: bad address '${host}'\n`)
    return 1
  }
  const address = found.addresses[0]!
  const port = portText === undefined ? 0 : portNamed(p, portText, 'tcp')
  if (port === undefined || port > 65535) {
    await complain(p, `nc: bad port '${portText}'\n`)
    return 1
  }
  try {
    const connection = await p.sockets.connect(address, port, wait === undefined ? {} : { timeout: wait })
    if (o.has('v')) await complain(p, `${host} (${address}:${port}) open\n`)
    if (o.has('z')) return 0
    return await pump(p, connection, wait)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    if (error.code === 'ETIMEDOUT' && wait !== undefined) await complain(p, 'nc: timed out\n')
    else await complain(p, `nc: ${o.has('v') ? `${host} (${address}:${port})` : `can't connect to remote host (${address})`}: ${strerror(error.code)}\n`)
    return 1
  }
}

async function pump(p: Process, connection: { read(): Promise<string | undefined>; write(t: string): Promise<void>; end(): void; close(): void }, wait: number | undefined): Promise<number> {
  let input: Promise<string | undefined> | undefined = p.stdin.read()
  let net = connection.read()
  for (;;) {
    const waits: Promise<unknown>[] = [net, ...(input ? [input] : []), ...(wait !== undefined ? [p.sleep(wait)] : [])]
    const first = await p.any(waits)
    if (first === 0) {
      const chunk = await net
      if (chunk === undefined) return 0
      await p.stdout.write(chunk)
      net = connection.read()
    } else if (input && first === 1) {
      const chunk = await input
      if (chunk === undefined) {
        input = undefined
        connection.end()
      } else {
        await connection.write(chunk)
        input = p.stdin.read()
      }
    } else return 1
  }
}

/** By applet name; the program tables carry them as `busybox:NAME`. */
export const busyboxNetPrograms: ReadonlyMap<string, Program> = new Map([['ping', busyboxPing], ['wget', busyboxWget], ['nslookup', busyboxNslookup], ['nc', busyboxNc]])
