/** The cache plugin: positive and negative answers by name, type and DO bit, TTLs capped and counted down. Left out: prefetching, serve_stale, capacity limits beyond a count. */
import { dnsReply, rcode } from '#base/dns.ts'
import type { DnsMessage, DnsRecord } from '#base/dns.ts'
import type { Setup } from '../plugin.ts'
import { argumentError, parseError } from '../corefile.ts'
import { matchZone, normalName } from '../records.ts'

type Kind = 'success' | 'denial' | 'error' | 'other'

export function kindOf(m: DnsMessage): Kind {
  if (m.truncated) return 'other'
  const soa = m.authority.some((r) => r.type === 'SOA')
  if (m.rcode === rcode.nxDomain) return soa ? 'denial' : 'other'
  if (m.rcode === rcode.servFail || m.rcode === rcode.notImp) return 'error'
  if (m.rcode !== rcode.noError) return 'other'
  if (m.answers.length > 0) return 'success'
  return soa ? 'denial' : 'other'
}

/** The least TTL in the message; 5 where it says nothing. */
export function minimalTtl(m: DnsMessage, kind: Kind): number {
  if (kind === 'error' || kind === 'other') return 5
  const records = [...m.answers, ...m.authority, ...m.additional]
  if (records.length === 0) return 5
  const ttls = records.map((r) => (r.type === 'SOA' && kind === 'denial' ? Math.min(r.ttl, Number(r.data.split(' ').at(-1))) : r.ttl))
  return Math.min(86_400, ...ttls)
}

interface Item {
  readonly message: DnsMessage
  readonly stored: number
  /** Seconds. */
  readonly ttl: number
}

const withTtl = (records: readonly DnsRecord[], ttl: number) => records.map((r) => ({ ...r, ttl }))

export const cache: Setup = (lines, context) => {
  const line = lines[0]!
  const args = [...line.args]
  let successMax = 3600
  let denialMax = 1800
  let [successMin, denialMin, errorTtl] = [5, 5, 5]
  if (args.length > 0 && /^-?\d+$/.test(args[0]!)) {
    const ttl = Number(args.shift())
    if (ttl <= 0) throw new Error(`cache TTL can not be zero or negative: ${ttl}`)
    successMax = denialMax = ttl
  }
  const zones = args.length > 0 ? args.map(normalName) : [...context.zones]
  let successExcept: string[] = []
  let denialExcept: string[] = []
  for (const option of line.block) {
    switch (option.name) {
      case 'success':
      case 'denial': {
        if (option.args.length === 0) throw argumentError(option)
        const [, max, min] = option.args
        if (option.name === 'success') [successMax, successMin] = [max ? Number(max) : successMax, min ? Number(min) : successMin]
        else [denialMax, denialMin] = [max ? Number(max) : denialMax, min ? Number(min) : denialMin]
        break
      }
      case 'servfail':
        errorTtl = Number(/\d+/.exec(option.args[0] ?? '')?.[0] ?? 5)
        break
      case 'disable': {
        const except = option.args.length > 1 ? option.args.slice(1).map(normalName) : [...context.zones]
        if (option.args[0] === 'success') successExcept = except
        else if (option.args[0] === 'denial') denialExcept = except
        else throw parseError(option, `cache type for disable must be "success" or "denial"`)
        break
      }
      case 'prefetch':
      case 'serve_stale':
      case 'keepttl':
        break
      default:
        throw argumentError(option, option.name)
    }
  }
  const items = new Map<string, Item>()
  const clamp = (ttl: number, min: number, max: number) => Math.min(max, Math.max(min, ttl))
  return (next) => (request, done) => {
    if (matchZone(zones, request.name) === undefined) return next(request, done)
    const key = `${request.name} ${request.question.type} ${request.question.class} ${request.message.edns?.dnssecOk ?? false} ${request.message.checkingDisabled}`
    const held = items.get(key)
    const left = held ? held.ttl - (context.sim.now - held.stored) / 1000 : 0
    if (held && left > 0) {
      const m = held.message
      const ttl = Math.floor(left)
      const named = (records: readonly DnsRecord[]) => withTtl(records, ttl).map((r) => (normalName(r.name) === request.name ? { ...r, name: request.question.name } : r))
      return done({ rcode: m.rcode, message: dnsReply(request.message, { rcode: m.rcode, authoritative: true, recursionAvailable: m.recursionAvailable, answers: named(m.answers), authority: named(m.authority), additional: withTtl(m.additional, ttl) }) })
    }
    if (held) items.delete(key)
    next(request, (served) => {
      const m = served.message
      if (!m) return done(served)
      const kind = kindOf(m)
      const least = minimalTtl(m, kind)
      const ttl = kind === 'denial' ? clamp(least, denialMin, denialMax) : kind === 'error' ? errorTtl : clamp(least, successMin, successMax)
      const except = kind === 'denial' ? denialExcept : successExcept
      if (kind !== 'other' && matchZone(except, request.name) === undefined) {
        if (items.size >= 9984) items.delete(items.keys().next().value!)
        items.set(key, { message: m, stored: context.sim.now, ttl })
      }
      const { edns: _, ...rest } = m
      done({ ...served, message: { ...rest, answers: withTtl(m.answers, ttl), authority: withTtl(m.authority, ttl), additional: withTtl(m.additional, ttl) } })
    })
  }
}
