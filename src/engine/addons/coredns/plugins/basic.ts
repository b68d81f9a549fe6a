/** CoreDNS' small plugins: errors, log, loadbalance, health, ready, whoami, minimal, local, bind and those that only take an address. */
import { dnsReply, dnsRcodes, encodeDns, rcode } from '#base/dns.ts'
import type { DnsMessage, DnsRecord } from '#base/dns.ts'
import { byteLength } from '#base/bytes.ts'
import { plain, notFound, serveHttp } from '#engine/node/http-server.ts'
import { argumentError, parseError } from '../corefile.ts'
import type { Line } from '../corefile.ts'
import type { Readiness, Served, Setup, SetupContext } from '../plugin.ts'
import { matchZone, normalName, record } from '../records.ts'

export const errors: Setup = (_lines, context) => (next) => (request, done) =>
  next(request, (served) => {
    if (served.error !== undefined) context.log('ERROR', `plugin/errors: ${served.rcode} ${request.question.name} ${request.question.type}: ${served.error}`)
    done(served)
  })

export function replyFlags(m: DnsMessage): string {
  return [m.response && 'qr', m.authoritative && 'aa', m.truncated && 'tc', m.recursionDesired && 'rd', m.recursionAvailable && 'ra', m.authenticData && 'ad', m.checkingDisabled && 'cd'].filter(Boolean).join(',')
}

type Class = 'success' | 'denial' | 'error'

function classOf(served: Served): Class {
  const m = served.message
  if (!m) return 'error'
  if (m.rcode === rcode.nxDomain || (m.rcode === rcode.noError && m.answers.length === 0 && m.authority.some((r) => r.type === 'SOA'))) return 'denial'
  return m.rcode === rcode.noError ? 'success' : 'error'
}

/** A message's size before names are compressed, which is what the log plugin counts. OPT counts only where it came from an upstream. */
function plainSize(m: DnsMessage): number {
  const size = (answers: readonly DnsRecord[], questions: DnsMessage['questions'] = []) => byteLength(encodeDns(dnsReply(m, { questions, answers })))
  const empty = size([])
  let total = size([], m.questions) + (m.edns ? 11 + (m.edns.extendedError === undefined ? 0 : 6) : 0)
  for (const r of [...m.answers, ...m.authority, ...m.additional]) {
    const parts = r.type === 'SOA' ? r.data.split(' ') : []
    // each name by itself, so that nothing can be shared
    total += nameSize(r.name) - 1 + (parts.length === 7 ? 11 + nameSize(parts[0]!) + nameSize(parts[1]!) + 20 : size([{ ...r, name: '.' }]) - empty)
  }
  return total
}

const nameSize = (name: string) => (name === '.' ? 1 : name.replace(/\\(\d{3}|.)/g, '.').length + 1)

const commonFormat = '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}'

export const log: Setup = (lines, context) => {
  const rules = lines.map((line) => {
    const { args } = line
    const format = args.length === 0 ? commonFormat : args.length === 1 ? (args[0]!.includes('{') ? args[0]! : commonFormat) : args.at(-1)!.includes('{') ? args.at(-1)! : commonFormat
    const zones = args.filter((a) => !a.includes('{')).map(normalName)
    const classes = new Set<string>()
    for (const option of line.block) {
      if (option.name !== 'class') throw argumentError(option)
      for (const c of option.args) classes.add(c)
    }
    return { zones: zones.length > 0 ? zones : ['.'], format: format === '{common}' ? commonFormat : format.replace('{combined}', `${commonFormat} "{>opcode}"`), classes: classes.size > 0 ? classes : new Set(['all']) }
  })
  const random = context.sim.random.fork('dns log')
  return (next) => (request, done) => {
    const rule = rules.find((r) => matchZone(r.zones, request.name) !== undefined)
    if (!rule) return next(request, done)
    const start = context.sim.now
    next(request, (served) => {
      if (rule.classes.has('all') || rule.classes.has(classOf(served))) {
        const m = served.message
        const { edns } = request.message
        const seconds = ((context.sim.now - start) / 1000 + (90_000 + random.below(210_000)) / 1e9).toFixed(9).replace(/0+$/, '')
        const values: Readonly<Record<string, string>> = {
          remote: request.client.address, port: String(request.client.port), '>id': String(request.message.id), type: request.question.type, class: request.question.class, name: request.name,
          proto: request.protocol, size: String(request.size), '>do': String(edns?.dnssecOk ?? false), '>bufsize': String(request.protocol === 'tcp' ? 65535 : Math.max(512, edns?.udpSize ?? 512)),
          rcode: m ? (dnsRcodes[m.rcode] ?? String(m.rcode)) : '-', '>rflags': m ? replyFlags(m) : '-', rsize: String(m ? plainSize(m) : 0), duration: `${seconds}s`, '>opcode': String(request.message.opcode),
        }
        context.log('INFO', rule.format.replace(/\{(>?\w+)\}/g, (all, key: string) => values[key] ?? all))
      }
      done(served)
    })
  }
}

/** Addresses in random order; aliases before them. */
export const loadbalance: Setup = (lines, context) => {
  const [line] = lines
  if (line!.args.length > 0 && !['round_robin', 'weighted'].includes(line!.args[0]!)) throw parseError(line!, `unknown policy: ${line!.args[0]}`)
  const random = context.sim.random.fork('dns loadbalance')
  const shuffle = (records: readonly DnsRecord[]): DnsRecord[] => {
    const addresses = records.filter((r) => r.type === 'A' || r.type === 'AAAA')
    for (let i = addresses.length - 1; i > 0; i--) {
      const j = random.below(i + 1)
      ;[addresses[i], addresses[j]] = [addresses[j]!, addresses[i]!]
    }
    return [...records.filter((r) => r.type === 'CNAME'), ...records.filter((r) => !['CNAME', 'A', 'AAAA', 'MX'].includes(r.type)), ...addresses, ...records.filter((r) => r.type === 'MX')]
  }
  return (next) => (request, done) => next(request, (served) => {
    const m = served.message
    if (!m || m.rcode !== 0 || m.answers.length < 2) return done(served)
    done({ ...served, message: { ...m, answers: shuffle(m.answers), additional: shuffle(m.additional) } })
  })
}

/** `[ADDRESS]` as health and ready take it. */
function listenAddress(line: Line, fallback: string): { readonly host: string; readonly port: number } {
  const text = line.args[0] ?? fallback
  const colon = text.lastIndexOf(':')
  if (colon < 0) throw new Error(`address ${text}: missing port in address`)
  return { host: text.slice(0, colon) || '0.0.0.0', port: Number(text.slice(colon + 1)) }
}

function listen(context: SetupContext, address: { readonly host: string; readonly port: number }, answer: (path: string) => ReturnType<typeof plain>): void {
  context.onStart(() => {
    const listener = serveHttp(context.net.sockets, address.host, address.port, () => context.sim.now, (r) => answer(r.path))
    context.onStop(() => listener.close())
  })
}

export const health: Setup = (lines, context) => {
  const line = lines[0]!
  if (line.args.length > 1) throw argumentError(line)
  for (const option of line.block) {
    if (option.name !== 'lameduck') throw argumentError(option, option.name)
    if (option.args.length === 0) throw argumentError(option)
    const m = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(option.args[0]!)
    if (!m) throw parseError(option, `unable to parse lameduck duration value: '${option.args[0]}' : time: invalid duration ${JSON.stringify(option.args[0])}`)
    context.shared.set('lameduck', { text: option.args[0], ms: Number(m[1]) * ({ ms: 1, s: 1000, m: 60_000 } as Readonly<Record<string, number>>)[m[2]!]! })
  }
  listen(context, listenAddress(line, ':8080'), (path) => (path === '/health' ? plain('OK') : notFound))
  return undefined
}

export const ready: Setup = (lines, context) => {
  const line = lines[0]!
  if (line.args.length > 1 || line.block.length > 0) throw argumentError(line)
  listen(context, listenAddress(line, ':8181'), (path) => {
    if (path !== '/ready') return notFound
    const waiting = ((context.shared.get('readiness') as Readiness[] | undefined) ?? []).filter((r) => !r.ready()).map((r) => r.name)
    return waiting.length === 0 ? plain('OK') : plain(waiting.join(','), 503)
  })
  return undefined
}

export const whoami: Setup = (lines) => {
  if (lines[0]!.args.length > 0) throw argumentError(lines[0]!)
  return () => (request, done) => {
    const { address, port } = request.client
    const additional = [record(request.question.name, 'A', 0, address), record(`_${request.protocol}.${request.question.name}`, 'SRV', 0, `0 0 ${port} .`)]
    done({ rcode: 0, message: dnsReply(request.message, { authoritative: true, additional }) })
  }
}

export const minimal: Setup = () => (next) => (request, done) => next(request, (served) => {
  const m = served.message
  if (!m || m.rcode !== 0 || m.answers.length === 0) return done(served)
  done({ ...served, message: { ...m, authority: [], additional: [] } })
})

/** localhost and the reverse of 127.0.0.1, answered without asking anybody. */
export const local: Setup = () => (next) => (request, done) => {
  const { name, type } = request.question
  const ttl = 604_800
  const reply = (answers: readonly DnsRecord[]) => done({ rcode: 0, message: dnsReply(request.message, answers.length > 0 ? { answers } : { authority: [record('localhost.', 'SOA', ttl, 'ns1.localhost. localhost.localhost. 1 0 0 0 604800')] }) })
  if (request.name === 'localhost.' || request.name.startsWith('localhost.')) {
    if (type === 'A') return reply([record(name, 'A', ttl, '127.0.0.1')])
    if (type === 'AAAA') return reply([record(name, 'AAAA', ttl, '::1')])
    return reply([])
  }
  if (request.name === '1.0.0.127.in-addr.arpa.' && type === 'PTR') return reply([record(name, 'PTR', ttl, 'localhost.')])
  next(request, done)
}

/** acl's replies say why there is no answer: 15 blocked, 17 filtered. */
const told = (extendedError: number) => ({ udpSize: 4096, dnssecOk: true, version: 0, extendedError })

/** Blocks, allows or filters clients by network. */
export const acl: Setup = (lines, context) => {
  const rules = lines.flatMap((line) => {
    const zones = line.args.length > 0 ? line.args.map(normalName) : [...context.zones]
    return [{ zones, policies: line.block.map((policy) => {
      if (!['allow', 'block', 'filter', 'drop'].includes(policy.name)) throw parseError(policy, `unexpected token ${JSON.stringify(policy.name)}; expect 'allow', 'block', 'filter' or 'drop'`)
      const words = [...policy.args]
      const take = (key: string) => {
        const at = words.indexOf(key)
        if (at < 0) return []
        const end = words.findIndex((w, i) => i > at && (w === 'net' || w === 'type'))
        return words.slice(at + 1, end < 0 ? undefined : end)
      }
      return { action: policy.name, types: take('type'), nets: take('net') }
    }) }]
  })
  const inNet = (net: string, ip: string) => {
    if (net === '*') return true
    const [base, bits] = net.split('/')
    const value = (t: string) => t.split('.').reduce((n, o) => n * 256 + Number(o), 0)
    const shift = 2 ** (32 - Number(bits ?? 32))
    return Math.floor(value(base!) / shift) === Math.floor(value(ip) / shift)
  }
  return (next) => (request, done) => {
    for (const rule of rules) {
      if (matchZone(rule.zones, request.name) === undefined) continue
      const policy = rule.policies.find((p) => (p.types.length === 0 || p.types.includes('*') || p.types.includes(request.question.type)) && (p.nets.length === 0 || p.nets.some((n) => inNet(n, request.client.address))))
      if (policy?.action === 'drop') return done({ rcode: 0, silent: true })
      if (policy?.action === 'block') return done({ rcode: rcode.refused, message: dnsReply(request.message, { rcode: rcode.refused, edns: told(15) }) })
      if (policy?.action === 'filter') return done({ rcode: 0, message: dnsReply(request.message, { edns: told(17) }) })
      if (policy?.action === 'allow') break
    }
    next(request, done)
  }
}
