/** The hosts plugin: names from a hosts file and from lines in the Corefile. */
import { dnsReply, rcode } from '#base/dns.ts'
import { parseError } from '../corefile.ts'
import type { Setup } from '../plugin.ts'
import { addressOfReverse, canonicalAddress, matchZone, normalName, record } from '../records.ts'

interface HostsTable {
  readonly byName: ReadonlyMap<string, readonly string[]>
  readonly byAddress: ReadonlyMap<string, readonly string[]>
}

export function parseHosts(lines: readonly string[], zones: readonly string[]): HostsTable {
  const byName = new Map<string, string[]>()
  const byAddress = new Map<string, string[]>()
  for (const line of lines) {
    const [text, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const ip = canonicalAddress(text ?? '')
    if (ip === undefined) continue
    for (const raw of names) {
      const name = normalName(raw)
      if (matchZone(zones, name) === undefined) continue
      byName.set(name, [...(byName.get(name) ?? []), ip])
      byAddress.set(ip, [...(byAddress.get(ip) ?? []), name])
    }
  }
  return { byName, byAddress }
}

export const hosts: Setup = (lines, context) => {
  const line = lines[0]!
  const [file = '/etc/hosts', ...zoneArgs] = line.args
  const zones = zoneArgs.length > 0 ? zoneArgs.map(normalName) : [...context.zones]
  let ttl = 3600
  let reverse = true
  let fallthrough: string[] | undefined
  const inline: string[] = []
  for (const option of line.block) {
    if (option.name === 'fallthrough') fallthrough = option.args.length === 0 ? ['.'] : option.args.map(normalName)
    else if (option.name === 'no_reverse') reverse = false
    else if (option.name === 'ttl') {
      if (!/^\d+$/.test(option.args[0] ?? '')) throw parseError(option, `ttl needs a number of second`)
      ttl = Number(option.args[0])
      if (ttl <= 0 || ttl > 65535) throw parseError(option, `ttl provided is invalid`)
    } else if (option.name !== 'reload') inline.push([option.name, ...option.args].join(' '))
  }
  const table = () => parseHosts([...(context.fs.exists(file) ? context.fs.readFile(file).split('\n') : []), ...inline], zones)
  let current = table()
  if (context.fs.exists(file)) context.onStop(context.fs.watch(file, () => (current = table())))
  return (next) => (request, done) => {
    const { name, type } = request.question
    const own = matchZone(zones, request.name) !== undefined
    const through = () => (fallthrough && matchZone(fallthrough, request.name) !== undefined ? next(request, done) : done({ rcode: rcode.servFail }))
    if (!own) {
      if (type !== 'PTR') return next(request, done)
    }
    if (type === 'PTR') {
      const ip = reverse ? addressOfReverse(request.name) : undefined
      const names = ip === undefined ? [] : (current.byAddress.get(ip) ?? [])
      if (names.length === 0) return next(request, done)
      return done({ rcode: 0, message: dnsReply(request.message, { authoritative: true, answers: names.map((n) => record(name, 'PTR', ttl, n)) }) })
    }
    const addresses = current.byName.get(request.name)
    if (!addresses) return through()
    const answers = addresses.filter((a) => (a.includes(':') ? 'AAAA' : 'A') === type).map((a) => record(name, type, ttl, a))
    if (answers.length === 0 && type !== 'A' && type !== 'AAAA') return through()
    done({ rcode: 0, message: dnsReply(request.message, { authoritative: true, answers }) })
  }
}
