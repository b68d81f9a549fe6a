/** dig, nslookup and host of BIND 9.18 (Debian 12). Leaves out: zone transfers over several messages, DNSSEC validation, batch files. */
import { byteLength } from '#base/bytes.ts'
import { dnsQuery, dnsRcodes, dnsTypes, encodeDns, type DnsMessage, type DnsRecord } from '#base/dns.ts'
import { parseIpv4 } from '#base/ip.ts'
import { ask, queryId, readResolvConf, type QueryResult } from '#engine/machine/resolver.ts'
import { FsError } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { reverseLookup, reverseName } from './dns-client.ts'
import { getopt } from './getopt.ts'
import { complain, longDate, say } from './support.ts'

const version = '9.18.49-1~deb12u3-Debian'

interface Flags {
  short: boolean
  tcp: boolean
  edns: boolean
  cookie: boolean
  recurse: boolean
  search: boolean
  tries: number
  time: number
  comments: boolean
  question: boolean
  answer: boolean
  authority: boolean
  additional: boolean
  stats: boolean
  cmd: boolean
  dnssec: boolean
  all: boolean
  ttl: boolean
  ndots: number | undefined
  trace: boolean
  identify: boolean
  multiline: boolean
}

const defaults: Flags = { short: false, tcp: false, edns: true, cookie: true, recurse: true, search: false, tries: 3, time: 5, comments: true, question: true, answer: true, authority: true, additional: true, stats: true, cmd: true, dnssec: false, all: true, ttl: true, ndots: undefined, trace: false, identify: false, multiline: false }

/** Numbers that are none: what stands on standard output and on standard error, and the code. */
class DigError extends Error {
  readonly out: string
  readonly code: number
  constructor(out: string, message: string, code: number) {
    super(message)
    this.out = out
    this.code = code
  }
}

function digNumber(text: string, what: string, code: number): number {
  if (!/^\d+$/.test(text)) throw new DigError(`invalid ${what} '${text}': not a valid number\n`, `dig: Couldn't parse ${what}\n`, code)
  return Number(text)
}

/** `+short`, `+noall` …; false for an unknown one. */
function plus(flags: Flags, text: string): boolean {
  const on = !text.startsWith('no')
  const [name, value] = (on ? text : text.slice(2)).split('=') as [string, string | undefined]
  const simple: Readonly<Record<string, keyof Flags>> = { short: 'short', tcp: 'tcp', vc: 'tcp', edns: 'edns', cookie: 'cookie', recurse: 'recurse', rec: 'recurse', rdflag: 'recurse', search: 'search', defname: 'search', comments: 'comments', question: 'question', answer: 'answer', authority: 'authority', additional: 'additional', stats: 'stats', cmd: 'cmd', dnssec: 'dnssec', ttlid: 'ttl', trace: 'trace', identify: 'identify', multiline: 'multiline' }
  if (name === 'all') {
    for (const k of ['comments', 'question', 'answer', 'authority', 'additional', 'stats', 'cmd'] as const) flags[k] = on
    return true
  }
  if (name === 'tries' || name === 'retry') flags.tries = Math.max(1, digNumber(value ?? '3', name, 10) + (name === 'retry' ? 1 : 0))
  else if (name === 'time' || name === 'timeout') flags.time = digNumber(value ?? '5', 'timeout', 10) || 1
  else if (name === 'ndots') flags.ndots = Number(value)
  else if (Object.hasOwn(simple, name)) (flags[simple[name]!] as boolean) = on
  else return ['bufsize', 'adflag', 'cdflag', 'aaonly', 'nsid', 'domain', 'showsearch', 'unknownformat', 'rrcomments', 'split', 'qr', 'opcode', 'keepopen', 'ignore', 'besteffort', 'class', 'fail', 'nssearch', 'subnet', 'ednsflags', 'ednsopt', 'mapped', 'expire', 'onesoa', 'crypto', 'dscp', 'header-only', 'idnin', 'idnout', 'yaml'].includes(name)
  return true
}

async function serverAddress(p: Process, name: string): Promise<string | undefined> {
  if (parseIpv4(name) !== undefined) return name
  const found = await p.sockets.lookup(name)
  return found.ok ? found.addresses[0] : undefined
}

const known = new Set(Object.keys(dnsTypes))

const usage = 'Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n            [ host [@local-server] {local-d-opt} [...]]\n'

interface Lookup {
  name: string
  type: string
  cls: string
  server: string | undefined
  port: number
  flags: Flags
}

const classes = new Set(['IN', 'CH', 'CHAOS', 'HS', 'HESIOD', 'ANY'])
const isType = (word: string) => known.has(word.toUpperCase()) || /^TYPE\d+$/i.test(word)

/** The lookups of a command line: what stands before the first name counts for all, what stands behind a name for that one. */
async function readLookups(p: Process, args: readonly string[]): Promise<Lookup[] | number> {
  const common: Lookup = { name: '.', type: 'A', cls: 'IN', server: undefined, port: 53, flags: { ...defaults } }
  const list: Lookup[] = []
  const current = () => list.at(-1) ?? common
  const add = (name: string, change: Partial<Lookup> = {}) => list.push({ ...common, flags: { ...common.flags }, ...change, name })
  const valued: Readonly<Record<string, (value: string) => Promise<void> | void>> = {
    x: (v) => void add(parseIpv4(v) !== undefined ? reverseName(v) : `${v.split('.').reverse().join('.')}.in-addr.arpa.`, { type: 'PTR' }),
    t: async (v) => {
      if (isType(v)) current().type = v.toUpperCase()
      else await complain(p, `;; Warning, ignoring invalid type ${v}\n`)
    },
    c: async (v) => {
      if (classes.has(v.toUpperCase())) current().cls = v.toUpperCase()
      else await complain(p, `;; Warning, ignoring invalid class ${v}\n`)
    },
    q: (v) => void add(v),
    p: (v) => void (current().port = digNumber(v, 'port number', 1)),
    f: (v) => {
      if (!p.fs.exists(v)) throw new DigError('', `${v}: No such file or directory\ndig: couldn't open specified batch file\n`, 8)
      for (const line of p.fs.readFile(v).split('\n')) if (line.trim() !== '' && !line.startsWith('#')) add(line.trim().split(/\s+/)[0]!)
    },
    b: () => {}, k: () => {}, y: () => {},
  }
  const invalid = async (word: string) => {
    await complain(p, `Invalid option: ${word}\n${usage}\nUse "dig -h" (or "dig -h | more") for complete list of options\n`)
    return 1
  }
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    if (a.startsWith('@')) current().server = a.slice(1)
    else if (a.startsWith('+')) {
      if (!plus(current().flags, a.slice(1))) return invalid(a)
    } else if (a === '-h') {
      await say(p, usage)
      return 0
    } else if (a === '-v') {
      await complain(p, `DiG ${version}\n`)
      return 0
    } else if (/^-[46dimru]+$/.test(a)) continue
    else if (a.startsWith('-') && a.length > 1) {
      const take = valued[a[1]!]
      if (!take) return invalid(a)
      const value = a.length > 2 ? a.slice(2) : args[++i]
      if (value === undefined) return invalid(a)
      await take(value)
    } else if (classes.has(a.toUpperCase()) && a.toUpperCase() !== 'ANY') current().cls = a.toUpperCase()
    else if (isType(a) && (list.length > 0 || args.slice(i + 1).some((x) => !/^[-+@]/.test(x)))) current().type = a.toUpperCase()
    else add(a)
  }
  // Nothing to ask for: the root's name servers.
  return list.length > 0 ? list : [{ ...common, name: '.', type: 'NS' }]
}

export const dig: Program = async (p) => {
  const args = p.argv.slice(1)
  try {
    const lookups = await readLookups(p, args)
    if (typeof lookups === 'number') return lookups
    // +short is told once for all.
    if (lookups.some((l) => l.flags.short)) for (const l of lookups) l.flags.short = true
    let code = 0
    for (const [i, lookup] of lookups.entries()) code = (await look(p, lookup, args, i === 0)) || code
    return code
  } catch (error) {
    if (!(error instanceof DigError)) throw error
    if (error.out !== '') await say(p, error.out)
    await complain(p, error.message)
    return error.code
  }
}

async function look(p: Process, { name, type, cls, server, port, flags }: Lookup, args: readonly string[], first: boolean): Promise<number> {
  if (name === '' || /(^\.|\.\.)/.test(name) && name !== '.') {
    await complain(p, `dig: '${name}' is not a legal name (${name === '' ? 'unexpected end of input' : 'empty label'})\n`)
    return 10
  }
  const config = readResolvConf(p)
  let servers = config.servers
  if (server !== undefined) {
    const address = await serverAddress(p, server)
    if (address === undefined) {
      const found = await p.sockets.lookup(server)
      await complain(p, `dig: couldn't get address for '${server}': ${found.ok || found.error === 'EAI_NONAME' ? 'not found' : 'failure'}\n`)
      return 1
    }
    servers = [address]
  }
  const banner = first && flags.cmd && !flags.short ? `\n; <<>> DiG ${version} <<>>${args.map((a) => ` ${a}`).join('')}\n${server !== undefined ? '; (1 server found)\n' : ''};; global options: +cmd\n` : ''
  const ndots = flags.ndots ?? config.ndots
  const absolute = name.endsWith('.')
  const dots = name.split('.').length - 1
  const candidates = flags.search && !absolute ? (dots >= ndots ? [name + '.', ...config.search.map((d) => `${name}.${d}.`)] : [...config.search.map((d) => `${name}.${d}.`), name + '.']) : [absolute ? name : name + '.']
  for (const [i, candidate] of candidates.entries()) {
    const query = { ...dnsQuery(queryId(p), candidate, type, { class: cls, recursion: flags.recurse }), authenticData: true, ...(flags.edns && { edns: { udpSize: 1232, dnssecOk: flags.dnssec, version: 0, ...(flags.cookie && { cookie: p.machine.sim.random.letters(16, '0123456789abcdef') }) } }) }
    const started = p.now()
    const result = await askAll(p, servers, query, flags, port)
    if (result.kind === 'failed') {
      await say(p, result.notes.map((n) => `;; ${n}\n`).join('') + (flags.short ? '' : banner) + ';; no servers could be reached\n')
      return 9
    }
    if (result.message.rcode === 3 && i < candidates.length - 1) continue
    if (result.notes.length > 0) await say(p, result.notes.map((n) => `;; ${n}\n`).join(''))
    await say(p, flags.short ? result.message.answers.map((r) => `${r.data}${flags.identify ? ` from server ${result.server} in ${Math.round(p.now() - started)} ms.` : ''}\n`).join('') : banner + show(p, result.message, flags, result.server, port, p.now() - started, result.tcp))
    return 0
  }
  return 0
}

type Asked = { readonly kind: 'answer'; readonly message: DnsMessage; readonly server: string; readonly tcp: boolean; readonly notes: readonly string[] } | { readonly kind: 'failed'; readonly notes: readonly string[] }

async function askAll(p: Process, servers: readonly string[], query: DnsMessage, flags: { readonly tcp: boolean; readonly tries: number; readonly time: number }, port: number): Promise<Asked> {
  const notes: string[] = []
  for (let attempt = 0; attempt < flags.tries; attempt++) {
    for (const server of servers) {
      const [r] = (await ask(p, server, [query], flags.time * 1000, { port, tcp: flags.tcp })) as [QueryResult]
      if (r.kind === 'answer') return { kind: 'answer', message: r.message, server, tcp: flags.tcp, notes }
      const why = r.why === 'timeout' ? 'timed out' : r.why === 'refused' ? 'connection refused' : 'host unreachable'
      if (r.setup) {
        notes.push(`UDP setup with ${server}#${port}(${server}) for ${query.questions[0]!.name.replace(/\.$/, '')} failed: network unreachable.`)
        continue
      }
      notes.push(flags.tcp && r.why !== 'timeout' ? `Connection to ${server}#${port}(${server}) for ${query.questions[0]!.name.replace(/\.$/, '')} failed: ${why}.` : `communications error to ${server}#${port}: ${why}`)
    }
  }
  return { kind: 'failed', notes }
}

/** Adds a field: tabs up to its column, or one blank where that has been passed (dns_master_style of dig). */
function field(line: string, column: number, text: string): string {
  const width = [...line].reduce((at, c) => (c === '\t' ? (at + 8) & ~7 : at + 1), 0)
  return line + (width < column ? '\t'.repeat(Math.ceil((column - width) / 8)) : ' ') + text
}

function recordText(r: DnsRecord, f?: Flags): string {
  if (f?.multiline) return `${field(r.name, 24, `${f.ttl ? `${r.ttl} ` : ''}${r.class} ${r.type}`)}\t${r.data}\n`
  if (f && !f.ttl) return field(field(field(r.name, 24, r.class), 32, r.type), 40, r.data) + '\n'
  return field(field(field(field(r.name, 24, String(r.ttl)), 32, r.class), 40, r.type), 48, r.data) + '\n'
}

function show(p: Process, m: DnsMessage, f: Flags, server: string, port: number, ms: number, tcp: boolean): string {
  const flags = [m.response && 'qr', m.authoritative && 'aa', m.truncated && 'tc', m.recursionDesired && 'rd', m.recursionAvailable && 'ra', m.authenticData && 'ad', m.checkingDisabled && 'cd'].filter((x) => x).join(' ')
  let text = ''
  if (f.comments) {
    const local = m.questions.some((q) => /(^|\.)local\.$/i.test(q.name))
    text += `;; Got answer:\n${local ? ';; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an mDNS query is leaked to DNS\n' : ''};; ->>HEADER<<- opcode: QUERY, status: ${dnsRcodes[m.rcode] ?? m.rcode}, id: ${m.id}\n;; flags: ${flags}; QUERY: ${m.questions.length}, ANSWER: ${m.answers.length}, AUTHORITY: ${m.authority.length}, ADDITIONAL: ${m.additional.length + (m.edns ? 1 : 0)}\n`
    if (m.recursionDesired && !m.recursionAvailable) text += ';; WARNING: recursion requested but not available\n'
    text += '\n'
    if (m.edns) text += `;; OPT PSEUDOSECTION:\n; EDNS: version: ${m.edns.version}, flags:${m.edns.dnssecOk ? ' do' : ''}; udp: ${m.edns.udpSize}\n${m.edns.cookie !== undefined ? `; COOKIE: ${m.edns.cookie} (echoed)\n` : ''}`
  }
  if (f.question && m.questions.length > 0) text += `${f.comments ? ';; QUESTION SECTION:\n' : ''}${m.questions.map((q) => `;${field(field(q.name, 32, q.class), 40, q.type)}\n`).join('')}${f.comments ? '\n' : ''}`
  for (const [title, records, on] of [['ANSWER', m.answers, f.answer], ['AUTHORITY', m.authority, f.authority], ['ADDITIONAL', m.additional, f.additional]] as const) {
    if (on && records.length > 0) text += `${f.comments ? `;; ${title} SECTION:\n` : ''}${records.map((r) => recordText(r, f)).join('')}${f.comments ? '\n' : ''}`
  }
  if (f.stats) text += `;; Query time: ${Math.round(ms)} msec\n;; SERVER: ${server}#${port}(${server}) (${tcp ? 'TCP' : 'UDP'})\n;; WHEN: ${longDate(p.now())}\n;; MSG SIZE  rcvd: ${byteLength(encodeDns(m))}\n\n`
  return text
}

export const nslookup: Program = async (p) => {
  const args = p.argv.slice(1)
  let types: string[] = ['A', 'AAAA']
  let port = 53
  let timeout: number | undefined
  const words: string[] = []
  for (const a of args) {
    const option = /^-(\w+)(?:=(.*))?$/.exec(a)
    if (!option) words.push(a)
    else if (/^(type|ty|querytype|query|q)$/.test(option[1]!)) {
      if (isType(option[2] ?? '')) types = [option[2]!.toUpperCase()]
      else await say(p, `unknown query type: ${option[2]}\n`)
    }
    else if (/^port/.test(option[1]!)) port = Number(option[2])
    else if (/^timeout/.test(option[1]!)) timeout = Number(option[2])
    else if (option[1] === 'version') {
      await say(p, `nslookup ${version}\n`)
      return 0
    } else if (!/^(?:debug|nodebug|d2|nod2|retry|recurse|norecurse|rec|norec|vc|novc|domain|search|nosearch|sil|fail|nofail|ndots|class|cl|all|def|nodef|defname|nodefname)/.test(option[1]!)) await say(p, `*** Invalid option: ${a.slice(1)}\n`)
  }
  if (words.length > 2) {
    await complain(p, "Usage:\n   nslookup [-opt ...]             # interactive mode using default server\n   nslookup [-opt ...] - server    # interactive mode using 'server'\n   nslookup [-opt ...] host        # just look up 'host' using default server\n   nslookup [-opt ...] host server # just look up 'host' using 'server'\n")
    return 1
  }
  if (words[0] === undefined) return 0
  const config = readResolvConf(p)
  let servers = config.servers
  if (words[1] !== undefined) {
    const address = await serverAddress(p, words[1])
    if (address === undefined) {
      await complain(p, `nslookup: couldn't get address for '${words[1]}': not found\n`)
      return 1
    }
    servers = [address]
  }
  const name = words[0]
  const isAddress = parseIpv4(name) !== undefined
  if (isAddress) types = ['PTR']
  const ask1 = (candidate: string, type: string) => askAll(p, servers, dnsQuery(queryId(p), candidate, type), { tcp: false, tries: config.attempts + 1 > 3 ? config.attempts : 3, time: timeout ?? config.timeout }, port)
  const candidates = isAddress ? [reverseName(name)] : searchList(name, config.search, config.ndots)
  let header = false
  const intro = async (server: string) => {
    if (!header) await say(p, `Server:\t\t${words[1] !== undefined && parseIpv4(words[1]) === undefined ? words[1] : server}\nAddress:\t${server}#${port}\n\n`)
    header = true
  }
  const query = async (candidate: string, type: string): Promise<Extract<Asked, { kind: 'answer' }> | undefined> => {
    const answer = await ask1(candidate, type)
    await say(p, answer.notes.map((n) => `;; ${n}\n`).join(''))
    if (answer.kind === 'failed') {
      await say(p, ';; no servers could be reached\n\n')
      return undefined
    }
    if (!answer.message.recursionAvailable) await say(p, `;; Got recursion not available from ${answer.server}\n`)
    return answer
  }
  const plain = types.length === 2
  for (const [i, candidate] of candidates.entries()) {
    const first = await query(candidate, types[0]!)
    if (!first) return 1
    const m = first.message
    if (m.rcode === 3 && i < candidates.length - 1) continue
    if (!isAddress) await intro(first.server)
    if (m.rcode !== 0) {
      await say(p, `** server can't find ${isAddress ? reverseName(name).replace(/\.$/, '') : m.rcode === 3 ? name.replace(/\.$/, '') : candidate.replace(/\.$/, '')}: ${dnsRcodes[m.rcode] ?? m.rcode}\n\n`)
      return 1
    }
    const show = async (message: DnsMessage, records: readonly DnsRecord[]) => {
      if (!message.authoritative && !isAddress && records.length > 0 && message === m) await say(p, 'Non-authoritative answer:\n')
      await say(p, answerText({ ...message, answers: records }))
    }
    await show(m, m.answers)
    let found = m.answers.length > 0
    if (plain) {
      // The IPv6 addresses are asked of the name that the aliases led to.
      const target = m.answers.findLast((r) => r.type === 'A')?.name ?? m.answers.findLast((r) => r.type === 'CNAME')?.data ?? candidate
      const second = await query(target, 'AAAA')
      if (!second) return 1
      if (second.message.rcode !== 0) {
        await say(p, `** server can't find ${target.replace(/\.$/, '')}: ${dnsRcodes[second.message.rcode] ?? second.message.rcode}\n\n`)
        return 1
      }
      const more = second.message.answers.filter((r) => r.type === 'AAAA' || (r.type === 'CNAME' && !found))
      if (!found && more.length > 0 && !second.message.authoritative) await say(p, 'Non-authoritative answer:\n')
      await show(second.message, more)
      found ||= more.length > 0
    }
    if (!found) await say(p, `*** Can't find ${name}: No answer\n`)
    if (!plain && !m.authoritative && !['A', 'AAAA'].includes(types[0]!)) await say(p, `\nAuthoritative answers can be found from:\n${answerText({ ...m, answers: [...m.authority, ...m.additional] }).replace(/^Name:\t(.*)\nAddress: (.*)$/gm, (_, n: string, a: string) => `${n}\t${a.includes(':') ? 'has AAAA address' : 'internet address ='} ${a}`)}`)
    await say(p, '\n')
    return 0
  }
  return 1
}

function searchList(name: string, search: readonly string[], ndots: number): string[] {
  if (name.endsWith('.')) return [name]
  const dots = name.split('.').length - 1
  const searched = search.map((d) => `${name}.${d.replace(/\.$/, '')}.`)
  return dots >= ndots ? [name + '.', ...searched] : [...searched, name + '.']
}

function answerText(m: DnsMessage): string {
  let text = ''
  for (const r of m.answers) {
    const owner = r.name.replace(/\.$/, '')
    if (r.type === 'A' || r.type === 'AAAA') text += `Name:\t${owner}\nAddress: ${r.data}\n`
    else if (r.type === 'CNAME') text += `${owner}\tcanonical name = ${r.data}\n`
    else if (r.type === 'PTR') text += `${owner}\tname = ${r.data}\n`
    else if (r.type === 'SRV') text += `${owner}\tservice = ${r.data}\n`
    else if (r.type === 'MX') text += `${owner}\tmail exchanger = ${r.data}\n`
    else if (r.type === 'TXT') text += `${owner}\ttext = ${r.data}\n`
    else if (r.type === 'NS') text += `${owner}\tnameserver = ${r.data}\n`
    else if (r.type === 'SOA') {
      const [origin, mail, serial, refresh, retry, expire, minimum] = r.data.split(' ')
      text += `${owner}\n\torigin = ${origin!.replace(/\.$/, '')}\n\tmail addr = ${mail!.replace(/\.$/, '')}\n\tserial = ${serial}\n\trefresh = ${refresh}\n\tretry = ${retry}\n\texpire = ${expire}\n\tminimum = ${minimum}\n`
    } else text += `${owner}\trdata_${dnsTypes[r.type] ?? 0} = ${r.data}\n`
  }
  return text
}

const hostUsage = `Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]
            [-R number] [-m flag] [-p port] hostname [server]
       -a is equivalent to -v -t ANY
       -A is like -a but omits RRSIG, NSEC, NSEC3
       -c specifies query class for non-IN data
       -C compares SOA records on authoritative nameservers
       -d is equivalent to -v
       -l lists all hosts in a domain, using AXFR
       -m set memory debugging flag (trace|record|usage)
       -N changes the number of dots allowed before root lookup is done
       -p specifies the port on the server to query
       -r disables recursive processing
       -R specifies number of retries for UDP packets
       -s a SERVFAIL response should stop query
       -t specifies the query type
       -T enables TCP/IP mode
       -U enables UDP mode
       -v enables verbose output
       -V print version number and exit
       -w specifies to wait forever for a reply
       -W specifies how long to wait for a reply
       -4 use IPv4 query transport only
       -6 use IPv6 query transport only
`

export const host: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'aACc:dlnm:p:rR:sTt:vVwW:46iNU')
  const name = o.operands[0]
  if (o.error || name === undefined) {
    await complain(p, `${o.error ? `host: ${o.error.replace('invalid option', 'illegal option').replace(/'/g, '')}\n` : ''}${hostUsage}`)
    return 1
  }
  const config = readResolvConf(p)
  let servers = config.servers
  let intro = ''
  if (o.operands[1] !== undefined) {
    const address = await serverAddress(p, o.operands[1])
    if (address === undefined) {
      await complain(p, `host: couldn't get address for '${o.operands[1]}': not found\n`)
      return 1
    }
    servers = [address]
    intro = `Using domain server:\nName: ${o.operands[1]}\nAddress: ${address}#53\nAliases: \n\n`
  }
  const isAddress = parseIpv4(name) !== undefined
  const asked = o.get('t')?.toUpperCase()
  if (asked !== undefined && !isType(asked)) {
    await complain(p, `host: invalid type: ${o.get('t')}\n`)
    return 2
  }
  const types = isAddress ? ['PTR'] : asked !== undefined ? [asked] : ['A', 'AAAA', 'MX']
  const time = Number(o.get('W') ?? 5)
  const candidates = isAddress ? [reverseName(name)] : searchList(name, config.search, config.ndots)
  let rcode = 3
  for (const candidate of candidates) {
    const first = await askAll(p, servers, dnsQuery(queryId(p), candidate, types[0]!), { tcp: o.has('T'), tries: Number(o.get('R') ?? 1) + 1, time }, 53)
    if (first.kind === 'failed') {
      await say(p, first.notes.map((n) => `;; ${n}\n`).join('') + ';; no servers could be reached\n')
      return 1
    }
    rcode = first.message.rcode
    if (rcode === 3) continue
    if (rcode !== 0) break
    let text = intro + hostText(first.message)
    const owner = first.message.answers.findLast((r) => r.type === 'A')?.name ?? candidate
    for (const type of types.slice(1)) {
      const more = await askAll(p, servers, dnsQuery(queryId(p), owner, type), { tcp: o.has('T'), tries: 2, time }, 53)
      if (more.kind === 'answer') text += hostText({ ...more.message, answers: more.message.answers.filter((r) => r.type === type) })
    }
    if (text === intro) text += `${candidate.replace(/\.$/, '')} has no ${asked ?? types[0]} record\n`
    await say(p, text)
    return text.endsWith(' record\n') ? 1 : 0
  }
  await say(p, `${intro}Host ${isAddress ? reverseName(name) : name} not found: ${rcode}(${dnsRcodes[rcode] ?? rcode})\n`)
  return 1
}

function hostText(m: DnsMessage): string {
  return m.answers.map((r) => {
    const owner = r.name.replace(/\.$/, '')
    const words: Readonly<Record<string, string>> = { A: 'has address', AAAA: 'has IPv6 address', CNAME: 'is an alias for', PTR: 'domain name pointer', MX: 'mail is handled by', NS: 'name server', TXT: 'descriptive text', SRV: 'has SRV record', SOA: 'has SOA record' }
    return `${owner} ${words[r.type] ?? `has ${r.type} record`} ${r.data}\n`
  }).join('')
}

/** `getent hosts|ahosts|ahostsv4|passwd|group|services`. */
export const getent: Program = async (p) => {
  const [database, ...keys] = p.argv.slice(1)
  const file = async (path: string, matches: (fields: string[], key: string) => boolean) => {
    let code = 0
    const lines = p.fs.exists(path) ? p.fs.readFile(path).split('\n').filter((l) => l !== '') : []
    if (keys.length === 0) await say(p, lines.map((l) => l + '\n').join(''))
    for (const key of keys) {
      const line = lines.find((l) => matches(l.split(':'), key))
      if (line === undefined) code = 2
      else await say(p, line + '\n')
    }
    return code
  }
  switch (database) {
    case 'passwd':
      return file('/etc/passwd', (f, key) => f[0] === key || f[2] === key)
    case 'group':
      return file('/etc/group', (f, key) => f[0] === key || f[2] === key)
    case 'hosts':
    case 'ahosts':
    case 'ahostsv4':
      return hosts(p, database, keys)
    case 'protocols':
      for (const key of keys) {
        const line = p.fs.readFile('/etc/protocols').split('\n').map((l) => l.trim().split(/\s+/)).find(([name, number]) => name === key || number === key)
        if (!line) return 2
        await say(p, `${line[0]!.padEnd(21)} ${line.slice(1).join(' ')}\n`)
      }
      return 0
    case 'networks':
      if (keys.length === 0) await say(p, 'default               0.0.0.0\nloopback              127.0.0.0\nlink-local            169.254.0.0\n')
      return keys.length === 0 ? 0 : 2
    case 'services': {
      for (const key of keys) {
        const line = p.fs.readFile('/etc/services').split('\n').map((l) => l.trim().split(/\s+/)).find(([name, port]) => name === key || port?.split('/')[0] === key || port === key)
        if (!line) return 2
        await say(p, `${line[0]!.padEnd(21)} ${line[1]}\n`)
      }
      return 0
    }
    default:
      await complain(p, database === undefined ? 'getent: wrong number of arguments\n' : `Unknown database: ${database}\n`)
      await say(p, "Try `getent --help' or `getent --usage' for more information.\n")
      return 1
  }
}

async function hosts(p: Process, database: string, keys: readonly string[]): Promise<number> {
  const lines: { address: string; names: string[] }[] = []
  try {
    for (const line of p.fs.readFile('/etc/hosts').split('\n')) {
      const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
      if (address && names.length > 0) lines.push({ address, names })
    }
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  if (keys.length === 0) {
    await say(p, lines.map((l) => `${l.address.padEnd(15)} ${l.names.join(' ')}\n`).join(''))
    return 0
  }
  let code = 0
  for (const key of keys) {
    const named = lines.filter((l) => l.names.includes(key))
    const local = database === 'hosts' ? (named.find((l) => l.address.includes(':')) ?? named[0] ?? lines.find((l) => l.address === key)) : named.find((l) => !l.address.includes(':'))
    if (local && database === 'hosts') {
      await say(p, `${local.address.padEnd(15)} ${local.names.join(' ')}\n`)
      continue
    }
    if (parseIpv4(key) !== undefined && database === 'hosts') {
      const name = await reverseLookup(p, key)
      if (name === undefined) code = 2
      else await say(p, `${key.padEnd(15)} ${name}\n`)
      continue
    }
    const found = await p.sockets.lookup(key)
    if (!found.ok) code = 2
    else if (database === 'hosts') for (const a of found.addresses) await say(p, `${a.padEnd(15)} ${found.canonical}\n`)
    else for (const a of found.addresses) for (const [i, kind] of ['STREAM', 'DGRAM', 'RAW'].entries()) await say(p, `${a.padEnd(15)} ${kind.padEnd(6)} ${i === 0 && a === found.addresses[0] ? found.canonical : ''}\n`)
  }
  return code
}

