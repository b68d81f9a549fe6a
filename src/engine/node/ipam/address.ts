/**
 * Addresses of both families as CNI plugins handle them (Go's net.IP and net.IPNet): parsed, stepped, masked and printed.
 * IPv4-mapped IPv6 addresses are IPv4, as in Go.
 */
import { formatIpv4, parseIpv4, parseIpv6 } from '#base/ip.ts'

export interface Ip {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface IpNet {
  readonly ip: Ip
  readonly length: number
}

export function parseIp(text: string): Ip | undefined {
  const v4 = parseIpv4(text)
  if (v4 !== undefined) return { family: 4, value: BigInt(v4) }
  const v6 = text.includes(':') ? parseIpv6(text) : undefined
  if (v6 === undefined) return undefined
  return v6 >> 32n === 0xffffn ? { family: 4, value: v6 & 0xffffffffn } : { family: 6, value: v6 }
}

/** RFC 5952: the longest run of zero groups (two or more) is `::`. */
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(16 * (7 - i))) & 0xffffn))
  let best = { at: -1, length: 1 }
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && groups[i + n] === 0) n++
    if (n > best.length) best = { at: i, length: n }
  }
  const hex = groups.map((g) => g.toString(16))
  if (best.at < 0) return hex.join(':')
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`
}

export function formatIp(ip: Ip): string {
  return ip.family === 4 ? formatIpv4(Number(ip.value)) : formatIpv6(ip.value)
}

const bits = (family: 4 | 6) => (family === 4 ? 32 : 128)

/** `10.0.0.5/24`, host bits kept; undefined where it is no prefix. */
export function parseIpNet(text: string): IpNet | undefined {
  const slash = text.indexOf('/')
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash))
  const tail = text.slice(slash + 1)
  if (!ip || !/^\d{1,3}$/.test(tail) || Number(tail) > bits(ip.family)) return undefined
  return { ip, length: Number(tail) }
}

export function formatIpNet(net: IpNet): string {
  return `${formatIp(net.ip)}/${net.length}`
}

function hostMask(net: IpNet): bigint {
  return (1n << BigInt(bits(net.ip.family) - net.length)) - 1n
}

/** The network address. */
export function networkOf(net: IpNet): Ip {
  return { family: net.ip.family, value: net.ip.value & ~hostMask(net) }
}

/** The last address of the prefix: for IPv4 its broadcast address. */
export function lastOf(net: IpNet): Ip {
  return { family: net.ip.family, value: net.ip.value | hostMask(net) }
}

export function netContains(net: IpNet, ip: Ip): boolean {
  return ip.family === net.ip.family && (ip.value & ~hostMask(net)) === networkOf(net).value
}

export function nextIp(ip: Ip): Ip {
  return { family: ip.family, value: ip.value + 1n }
}

export function sameIp(a: Ip | undefined, b: Ip | undefined): boolean {
  return a !== undefined && b !== undefined && a.family === b.family && a.value === b.value
}
