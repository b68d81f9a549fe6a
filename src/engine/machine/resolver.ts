/**
 * The C library's name lookup as glibc does it: /etc/hosts first, then DNS with the search list, ndots, timeout and attempts of
 * /etc/resolv.conf. A and AAAA are asked together; the answer is the IPv4 addresses. Leaves out: caching daemons, mDNS, IPv6 results.
 */
import { decodeDns, dnsFrame, dnsQuery, dnsUnframe, encodeDns, rcode, type DnsMessage } from '#base/dns.ts'
import { parseIpv4 } from '#base/ip.ts'
import { FsError } from './files.ts'
import type { Process } from './process.ts'
import type { LookupResult } from './sockets.ts'

export interface ResolverConfig {
  readonly servers: readonly string[]
  readonly search: readonly string[]
  readonly ndots: number
  /** Seconds. */
  readonly timeout: number
  readonly attempts: number
  readonly useTcp: boolean
}

export function parseResolvConf(text: string): ResolverConfig {
  const servers: string[] = []
  let search: string[] = []
  const options = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (/^[#;]/.test(line)) continue
    const [key, ...rest] = line.trim().split(/\s+/)
    if (key === 'nameserver' && rest[0] !== undefined && servers.length < 3) servers.push(rest[0])
    else if (key === 'search') search = rest
    else if (key === 'domain') search = rest.slice(0, 1)
    else if (key === 'options') for (const o of rest) options.set(o.split(':')[0]!, o.split(':')[1] ?? '')
  }
  const number = (name: string, fallback: number, most: number) => Math.min(most, options.has(name) ? Number(options.get(name)) || fallback : fallback)
  const ndots = options.has('ndots') ? Math.min(15, Number(options.get('ndots')) || 0) : 1
  return { servers: servers.length > 0 ? servers : ['127.0.0.1'], search, ndots, timeout: number('timeout', 5, 30), attempts: number('attempts', 2, 5), useTcp: options.has('use-vc') }
}

export function readResolvConf(process: Process): ResolverConfig {
  return parseResolvConf(readOr(process, '/etc/resolv.conf'))
}

function readOr(process: Process, path: string): string {
  try {
    return process.fs.readFile(path)
  } catch (error) {
    if (error instanceof FsError) return ''
    throw error
  }
}

/** `address name alias…` lines of /etc/hosts. */
export function parseHosts(text: string): readonly { readonly address: string; readonly names: readonly string[] }[] {
  return text.split('\n').flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    return address && names.length > 0 ? [{ address, names }] : []
  })
}

/** What one question came to. `failed`: nobody answered it (timeout, refused). */
export type QueryResult = { readonly kind: 'answer'; readonly message: DnsMessage; readonly server: string } | { readonly kind: 'failed'; readonly why: 'timeout' | 'refused' | 'unreachable'; /** No packet could leave: no route to the server. */ readonly setup?: boolean }

/** Sends questions to one server and waits for all their answers; undefined where none came in time. Truncated ones are asked again over TCP. */
export async function ask(process: Process, server: string, queries: readonly DnsMessage[], timeout: number, options: { readonly port?: number; readonly tcp?: boolean } = {}): Promise<readonly QueryResult[]> {
  const port = options.port ?? 53
  if (options.tcp) return Promise.all(queries.map((q) => askTcp(process, server, port, q, timeout)))
  const results: (QueryResult | undefined)[] = queries.map(() => undefined)
  const socket = process.sockets.udp()
  try {
    socket.connect(server, port)
    for (const q of queries) await socket.send(encodeDns(q))
    const end = process.now() + timeout
    while (results.includes(undefined)) {
      const got = await socket.receive(Math.max(0, end - process.now()))
      if (!got) break
      const message = decodeDns(got.data)
      const i = message ? queries.findIndex((q) => q.id === message.id && sameQuestion(q, message)) : -1
      if (message && i >= 0) results[i] = { kind: 'answer', message, server }
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    const why = error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable'
    return queries.map((_, i) => results[i] ?? { kind: 'failed', why, ...(error.code === 'ENETUNREACH' && { setup: true }) })
  } finally {
    socket.close()
  }
  const out: QueryResult[] = []
  for (let i = 0; i < queries.length; i++) {
    const r = results[i] ?? { kind: 'failed' as const, why: 'timeout' as const }
    out.push(r.kind === 'answer' && r.message.truncated ? await askTcp(process, server, port, queries[i]!, timeout) : r)
  }
  return out
}

function sameQuestion(a: DnsMessage, b: DnsMessage): boolean {
  const [x, y] = [a.questions[0], b.questions[0]]
  return !y || (x?.name.toLowerCase() === y.name.toLowerCase() && x.type === y.type)
}

async function askTcp(process: Process, server: string, port: number, query: DnsMessage, timeout: number): Promise<QueryResult> {
  try {
    const connection = await process.sockets.connect(server, port, { timeout })
    await connection.write(dnsFrame(encodeDns(query)))
    let stream = ''
    for (;;) {
      const chunk = await connection.read()
      if (chunk === undefined) break
      stream += chunk
      const { messages } = dnsUnframe(stream)
      const message = messages[0] !== undefined ? decodeDns(messages[0]) : undefined
      if (message) {
        connection.close()
        return { kind: 'answer', message, server }
      }
    }
    connection.close()
    return { kind: 'failed', why: 'unreachable' }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return { kind: 'failed', why: error.code === 'ETIMEDOUT' ? 'timeout' : error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable' }
  }
}

/** A query id; dice of the simulation. */
export function queryId(process: Process): number {
  return process.machine.sim.random.below(0x10000)
}

type Try = { readonly kind: 'found'; readonly addresses: readonly string[]; readonly canonical: string } | { readonly kind: 'nodata' | 'nxdomain' | 'servfail' | 'again' }

/** One fully qualified name, all servers, all attempts. */
async function tryName(process: Process, config: ResolverConfig, name: string): Promise<Try> {
  let seen: Try = { kind: 'again' }
  for (let attempt = 0; attempt < config.attempts; attempt++) {
    for (const server of config.servers) {
      const queries = ['A', 'AAAA'].map((type) => dnsQuery(queryId(process), name, type))
      const [a] = await ask(process, server, queries, config.timeout * 1000, { tcp: config.useTcp })
      if (a!.kind === 'failed') continue
      const { message } = a!
      if (message.rcode === rcode.noError) {
        const addresses = message.answers.filter((r) => r.type === 'A').map((r) => r.data)
        const last = message.answers.find((r) => r.type === 'A')
        return addresses.length > 0 ? { kind: 'found', addresses, canonical: (last?.name ?? name).replace(/\.$/, '') } : { kind: 'nodata' }
      }
      if (message.rcode === rcode.nxDomain) return { kind: 'nxdomain' }
      seen = { kind: 'servfail' }
    }
    if (seen.kind === 'servfail') break
  }
  return seen
}

export async function lookupName(process: Process, name: string): Promise<LookupResult> {
  if (parseIpv4(name) !== undefined) return { ok: true, addresses: [name], canonical: name }
  if (!/^[A-Za-z0-9_.-]+$/.test(name) || name.length > 254 || name.split('.').some((label) => label.length > 63)) return { ok: false, error: 'EAI_NONAME' }
  const wanted = name.replace(/\.$/, '').toLowerCase()
  const local = parseHosts(readOr(process, '/etc/hosts')).filter((h) => parseIpv4(h.address) !== undefined && h.names.some((n) => n.toLowerCase() === wanted))
  if (local.length > 0) return { ok: true, addresses: [...new Set(local.map((h) => h.address))], canonical: local[0]!.names[0]! }

  const config = readResolvConf(process)
  const absolute = name.endsWith('.')
  const dots = name.split('.').length - 1
  const asIs = absolute ? name : name + '.'
  const searched = absolute ? [] : config.search.map((domain) => `${name}.${domain.replace(/\.$/, '')}.`)
  const order = absolute || dots >= config.ndots ? [asIs, ...searched] : [...searched, asIs]
  let nodata = false
  let servfail = false
  let first: Try['kind'] | undefined
  for (const [i, candidate] of order.entries()) {
    const result = await tryName(process, config, candidate)
    if (result.kind === 'found') return { ok: true, addresses: result.addresses, canonical: result.canonical }
    if (result.kind === 'nodata') nodata = true
    if (result.kind === 'servfail') servfail = true
    if (candidate === asIs) first = result.kind
    if (result.kind === 'again' && !(i === 0 && candidate === asIs)) return { ok: false, error: 'EAI_AGAIN' }
  }
  const last = first === 'nodata' || nodata ? 'nodata' : first === 'again' || first === 'servfail' || servfail ? 'again' : 'nxdomain'
  return { ok: false, error: last === 'nodata' ? 'EAI_NODATA' : last === 'again' ? 'EAI_AGAIN' : 'EAI_NONAME' }
}
