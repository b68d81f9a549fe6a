/** The file plugin (zones from RFC 1035 master files) and the header plugin. Left out: transfers, DNSSEC records, includes. */
import { dnsReply, rcode } from '#base/dns.ts'
import type { DnsMessage, DnsRecord } from '#base/dns.ts'
import { argumentError, parseError } from '../corefile.ts'
import type { Setup } from '../plugin.ts'
import { inZone, matchZone, normalName, record } from '../records.ts'

/** Records of a master file; names are made absolute with the origin. */
export function parseZone(text: string, zone: string): DnsRecord[] {
  const out: DnsRecord[] = []
  let origin = zone
  let ttl = 3600
  let owner = zone
  const absolute = (name: string) => (name === '@' ? origin : name.endsWith('.') ? name : origin === '.' ? `${name}.` : `${name}.${origin}`)
  for (const raw of text.replace(/\(([^)]*)\)/g, (_, inner: string) => inner.replace(/;.*$/gm, '').replace(/\s+/g, ' ')).split('\n')) {
    const line = raw.replace(/;(?=(?:[^"]*"[^"]*")*[^"]*$).*$/, '')
    if (line.trim() === '') continue
    const words = line.match(/"[^"]*"|\S+/g)!
    if (words[0] === '$ORIGIN') origin = absolute(words[1]!)
    else if (words[0] === '$TTL') ttl = Number(words[1])
    else {
      if (!/^\s/.test(line)) owner = absolute(words.shift()!)
      let own = ttl
      if (/^\d+$/.test(words[0]!)) own = Number(words.shift())
      if (words[0]!.toUpperCase() === 'IN') words.shift()
      if (/^\d+$/.test(words[0]!)) own = Number(words.shift())
      const type = words.shift()!.toUpperCase()
      const names: Readonly<Record<string, readonly number[]>> = { CNAME: [0], NS: [0], PTR: [0], MX: [1], SRV: [3], SOA: [0, 1] }
      out.push(record(owner.toLowerCase(), type, own, words.map((w, i) => (names[type]?.includes(i) ? absolute(w) : w)).join(' ')))
    }
  }
  return out
}

class Zone {
  readonly origin: string
  readonly #byName = new Map<string, DnsRecord[]>()

  constructor(origin: string, records: readonly DnsRecord[]) {
    this.origin = origin
    for (const r of records) this.#byName.set(r.name, [...(this.#byName.get(r.name) ?? []), r])
  }

  at(name: string, type: string): DnsRecord[] {
    return (this.#byName.get(name) ?? []).filter((r) => r.type === type)
  }

  /** The name has records, or something is below it. */
  exists(name: string): boolean {
    return this.#byName.has(name) || [...this.#byName.keys()].some((n) => n.endsWith(`.${name}`))
  }

  all(name: string): readonly DnsRecord[] | undefined {
    return this.#byName.get(name)
  }

  /** Records of the closest wildcard, under the asked name. */
  wildcard(name: string): readonly DnsRecord[] | undefined {
    let rest = name
    while (rest !== this.origin && rest.includes('.')) {
      rest = rest.slice(rest.indexOf('.') + 1) || '.'
      const found = this.#byName.get(rest === '.' ? '*.' : `*.${rest}`)
      if (found) return found.map((r) => ({ ...r, name }))
      if (this.exists(rest)) return undefined
    }
    return undefined
  }
}

export const file: Setup = (lines, context) => {
  const zones: Zone[] = []
  for (const line of lines) {
    const [path, ...args] = line.args
    if (path === undefined) throw argumentError(line)
    if (!context.fs.exists(path)) throw parseError(line, `open ${path}: no such file or directory`)
    for (const origin of args.length > 0 ? args.map(normalName) : context.zones) zones.push(new Zone(origin, parseZone(context.fs.readFile(path), origin)))
  }
  return (next) => (request, done) => {
    const origin = matchZone(zones.map((z) => z.origin), request.name)
    const zone = zones.find((z) => z.origin === origin)
    if (!zone) return next(request, done)
    const { type } = request.question
    const answers: DnsRecord[] = []
    let name = request.name
    const reply = (fields: Partial<DnsMessage>) => done({ rcode: fields.rcode ?? 0, message: dnsReply(request.message, { authoritative: true, ...fields }) })
    for (let i = 0; i < 8; i++) {
      const found = zone.all(name) ?? zone.wildcard(name)
      const asked = i === 0 ? request.question.name : name
      if (!found && !zone.exists(name)) return reply({ rcode: answers.length > 0 ? 0 : rcode.nxDomain, answers, authority: answers.length > 0 ? [] : zone.at(zone.origin, 'SOA') })
      const match = (found ?? []).filter((r) => r.type === type).map((r) => ({ ...r, name: asked }))
      const alias = (found ?? []).find((r) => r.type === 'CNAME')
      if (match.length > 0 || !alias) {
        if (match.length === 0) return reply({ answers, authority: zone.at(zone.origin, 'SOA') })
        answers.push(...match)
        const glue = type === 'MX' || type === 'SRV' ? match.flatMap((r) => ['A', 'AAAA'].flatMap((t) => zone.at(normalName(r.data.split(' ').at(-1)!), t))) : []
        return reply({ answers, authority: type === 'NS' && name === zone.origin ? [] : zone.at(zone.origin, 'NS'), additional: glue })
      }
      answers.push({ ...alias, name: asked })
      name = normalName(alias.data)
      if (!inZone(name, zone.origin)) return reply({ answers, authority: zone.at(zone.origin, 'NS') })
    }
    reply({ answers })
  }
}

const bits: Readonly<Record<string, keyof DnsMessage>> = { aa: 'authoritative', ra: 'recursionAvailable', rd: 'recursionDesired' }

export const header: Setup = (lines) => {
  const rules = lines.flatMap((line) => line.block.map((b) => {
    const words = b.name === 'response' || b.name === 'query' ? b.args : [b.name, ...b.args]
    return { query: b.name === 'query', value: words[0] === 'set', fields: words.slice(1).flatMap((w) => bits[w] ?? []) }
  }))
  return (next) => (request, done) => next(request, (served) => {
    if (!served.message) return done(served)
    const change = Object.fromEntries(rules.filter((r) => !r.query).flatMap((r) => r.fields.map((f) => [f, r.value])))
    done({ ...served, message: { ...served.message, ...change } })
  })
}
