/** Addresses and prefixes as the network kinds check them: legacy spellings are let through with a warning, special ranges are refused. */
import { parseCidr4, parseIpv4, parseIpv6 } from '#base/ip.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { ipText } from '#engine/api/names.ts'
import { isIp } from './ip.ts'

export const cidrText = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'

const withoutZeros = (ip: string) => (/^(\d{1,3}\.){3}\d{1,3}$/.test(ip) ? ip.split('.').map((p) => String(Number(p))).join('.') : ip)

/** Old spellings: leading zeros, IPv4 in IPv6. */
export function sloppyIp(text: string): boolean {
  return isIp(text) || isIp(withoutZeros(text))
}

/** The spelling that the server would like to see, where it differs. */
export function betterIp(text: string): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)
  if (mapped) return mapped[1]
  const plain = withoutZeros(text)
  if (plain !== text && parseIpv4(plain) !== undefined) return plain
  return undefined
}

export function ipWarnings(text: string | undefined, at: string): string[] {
  const better = text === undefined ? undefined : betterIp(text)
  return better === undefined ? [] : [`${at}: non-standard IP address ${JSON.stringify(text)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(better)}`]
}

export interface ParsedCidr {
  readonly version: 4 | 6
  readonly value: bigint
  readonly length: number
}

/** undefined when it is no prefix, even sloppily. */
export function sloppyCidr(text: string): ParsedCidr | undefined {
  const slash = text.indexOf('/')
  if (slash < 0 || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined
  const length = Number(text.slice(slash + 1))
  const ip = withoutZeros(text.slice(0, slash))
  const v4 = parseIpv4(ip)
  if (v4 !== undefined) return length <= 32 ? { version: 4, value: BigInt(v4), length } : undefined
  const v6 = parseIpv6(ip)
  return v6 !== undefined && length <= 128 ? { version: 6, value: v6, length } : undefined
}

export function maskBits(cidr: ParsedCidr): bigint {
  const bits = cidr.version === 4 ? 32 : 128
  return (cidr.value >> BigInt(bits - cidr.length)) << BigInt(bits - cidr.length)
}

export function cidrWarnings(text: string | undefined, at: string): string[] {
  if (text === undefined) return []
  const cidr = sloppyCidr(text)
  if (!cidr) return []
  const slash = text.indexOf('/')
  const ip = text.slice(0, slash)
  const plain = withoutZeros(ip)
  const length = String(cidr.length)
  if (plain !== ip || text.slice(slash + 1) !== length) {
    return [`${at}: non-standard CIDR value ${JSON.stringify(text)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(`${plain}/${length}`)}`]
  }
  if (maskBits(cidr) !== cidr.value && cidr.version === 4) {
    const network = parseCidr4(text)!.network
    const dotted = [24, 16, 8, 0].map((s) => (network >>> s) & 255).join('.')
    return [`${at}: CIDR value ${JSON.stringify(text)} is ambiguous in this context (should be ${JSON.stringify(`${dotted}/${length}`)} or ${JSON.stringify(`${ip}/32`)}?)`]
  }
  return []
}

export function validateCidr(text: string, at: string, errors: FieldErrors): void {
  if (!sloppyCidr(text)) errors.invalid(at, text, cidrText)
}

/** Addresses of endpoints: no loopback, link-local or unspecified ones. */
export function validateNonSpecialIp(text: string, at: string, errors: FieldErrors): void {
  const v4 = parseIpv4(withoutZeros(text))
  const v6 = v4 === undefined ? parseIpv6(text) : undefined
  if (v4 === undefined && v6 === undefined) {
    errors.invalid(at, text, ipText)
    return
  }
  if (v4 === 0 || v6 === 0n) errors.invalid(at, text, `may not be unspecified (${text})`)
  if (v4 !== undefined ? v4 >>> 24 === 127 : v6 === 1n) errors.invalid(at, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')
  if (v4 !== undefined ? v4 >>> 16 === 0xa9fe : v6! >> 118n === 0x3fan) errors.invalid(at, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')
  if (v4 !== undefined ? v4 >>> 8 === 0xe00000 : v6! >> 112n === 0xff02n) errors.invalid(at, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')
}
