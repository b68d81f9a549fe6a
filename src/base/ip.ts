/**
 * IPv4 addresses as unsigned 32-bit numbers, IPv6 as bigint, and prefixes of both. The engine's network carries IPv4;
 * IPv6 is parsed, compared and printed (API validation, policy blocks) but not routed.
 */
export type Ipv4 = number

/** Strict dotted quad (no leading zeros), or undefined. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const m = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!m) return undefined
  let value = 0
  for (let i = 1; i <= 4; i++) {
    const part = m[i]!
    if ((part.length > 1 && part[0] === '0') || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

/** For addresses known to be right; throws otherwise. */
export function ipv4(text: string): Ipv4 {
  const value = parseIpv4(text)
  if (value === undefined) throw new Error(`not an IPv4 address: ${text}`)
  return value
}

export function formatIpv4(ip: Ipv4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`
}

/** Netmask of a prefix length as an unsigned number: 24 → 255.255.255.0. */
export function maskOf(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0
}

export interface Cidr4 {
  /** Network address, host bits cleared. */
  readonly network: Ipv4
  readonly length: number
}

/** `10.0.0.0/8`; host bits are cleared; undefined where it is not a prefix. A bare address is refused. */
export function parseCidr4(text: string): Cidr4 | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const ip = parseIpv4(text.slice(0, slash))
  const tail = text.slice(slash + 1)
  if (ip === undefined || !/^(0|[1-9]\d?)$/.test(tail) || Number(tail) > 32) return undefined
  const length = Number(tail)
  return { network: (ip & maskOf(length)) >>> 0, length }
}

export function cidr4(text: string): Cidr4 {
  const value = parseCidr4(text)
  if (!value) throw new Error(`not an IPv4 prefix: ${text}`)
  return value
}

export function cidrContains(cidr: Cidr4, ip: Ipv4): boolean {
  return ((ip & maskOf(cidr.length)) >>> 0) === cidr.network
}

export function formatCidr4(cidr: Cidr4): string {
  return `${formatIpv4(cidr.network)}/${cidr.length}`
}

/** The last address of the prefix. */
export function cidrLast(cidr: Cidr4): Ipv4 {
  return (cidr.network | ~maskOf(cidr.length)) >>> 0
}

/** Any textual IPv6 form without zone, or undefined. */
export function parseIpv6(text: string): bigint | undefined {
  let body = text
  const dot = body.lastIndexOf(':')
  if (body.includes('.')) {
    const v4 = parseIpv4(body.slice(dot + 1))
    if (v4 === undefined) return undefined
    body = body.slice(0, dot + 1) + (v4 >>> 16).toString(16) + ':' + (v4 & 0xffff).toString(16)
  }
  const halves = body.split('::')
  if (halves.length > 2) return undefined
  const groups = (s: string) => (s === '' ? [] : s.split(':'))
  const head = groups(halves[0]!)
  const tail = halves.length === 2 ? groups(halves[1]!) : []
  const zeros = 8 - head.length - tail.length
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return undefined
  let value = 0n
  for (const g of [...head, ...Array<string>(halves.length === 2 ? zeros : 0).fill('0'), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(g)) return undefined
    value = (value << 16n) | BigInt(parseInt(g, 16))
  }
  return value
}
