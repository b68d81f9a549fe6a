/** Names and resource records as CoreDNS' plugins handle them: zones, reverse names, record constructors. */
import type { DnsRecord } from '#base/dns.ts'
import { formatIpv6 } from '#base/dns.ts'
import { parseIpv4, parseIpv6 } from '#base/ip.ts'

/** Lower case with a final dot. */
export function normalName(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower : `${lower}.`
}

export function fqdn(name: string): string {
  return name.endsWith('.') ? name : `${name}.`
}

/** Whether `name` is `zone` or below it; both normal. */
export function inZone(name: string, zone: string): boolean {
  return zone === '.' || name === zone || name.endsWith(`.${zone}`)
}

/** The longest of the zones that holds the name, or undefined. */
export function matchZone(zones: readonly string[], name: string): string | undefined {
  let best: string | undefined
  for (const zone of zones) if (inZone(name, zone) && (best === undefined || zone.length > best.length)) best = zone
  return best
}

export function addressType(host: string): 'A' | 'AAAA' | 'CNAME' {
  return parseIpv4(host) !== undefined ? 'A' : host.includes(':') && parseIpv6(host) !== undefined ? 'AAAA' : 'CNAME'
}

/** The address that a reverse name stands for, or undefined. */
export function addressOfReverse(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa\.$/.exec(name)
  if (v4) {
    const ip = v4[1]!.split('.').slice(0, 4).reverse().join('.')
    return parseIpv4(ip) === undefined ? undefined : ip
  }
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa\.$/.exec(name)
  if (v6) {
    const digits = v6[1]!.split('.').slice(0, 32).reverse().join('')
    return formatIpv6(BigInt(`0x${digits}`))
  }
  return undefined
}

export function isReverse(name: string): boolean {
  return name.endsWith('.in-addr.arpa.') || name.endsWith('.ip6.arpa.')
}

/** `net.ParseIP(...).String()`, or undefined. */
export function canonicalAddress(text: string): string | undefined {
  if (parseIpv4(text) !== undefined) return text
  const v6 = text.includes(':') ? parseIpv6(text) : undefined
  return v6 === undefined ? undefined : formatIpv6(v6)
}

export function record(name: string, type: string, ttl: number, data: string): DnsRecord {
  return { name, type, class: 'IN', ttl, data }
}
