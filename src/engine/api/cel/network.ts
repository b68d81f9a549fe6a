/** IP addresses, networks and URLs of the Kubernetes libraries for CEL (net/netip and net/url as they use them). */
import { parseIpv4, parseIpv6 } from '#base/ip.ts'
import { CelError, CelMap, Opaque, type Value } from './values.ts'

export interface Address {
  readonly v6: boolean
  readonly bits: bigint
}

export interface Network {
  readonly address: Address
  readonly length: number
}

export interface Url {
  readonly scheme: string
  readonly host: string
  readonly path: string
  readonly query: string
}

/** undefined: not an address of the kind that CEL takes (no zone, no IPv4 inside IPv6). */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(text) || /(^|\.)0\d/.test(text)) return undefined
    const v4 = parseIpv4(text)
    return v4 === undefined ? undefined : { v6: false, bits: BigInt(v4 >>> 0) }
  }
  const v6 = parseIpv6(text)
  return v6 === undefined ? undefined : { v6: true, bits: v6 }
}

export function formatAddress({ v6, bits }: Address): string {
  if (!v6) return [24n, 16n, 8n, 0n].map((s) => String((bits >> s) & 255n)).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  let [best, size] = [-1, 1]
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && groups[i + n] === '0') n++
    if (n > size) [best, size] = [i, n]
  }
  if (best < 0) return groups.join(':')
  return `${groups.slice(0, best).join(':')}::${groups.slice(best + size).join(':')}`
}

const width = (a: Address) => (a.v6 ? 128 : 32)
const mapped = (a: Address) => a.v6 && a.bits >> 32n === 0xffffn

function prefixOf(a: Address, length: number): bigint {
  return a.bits >> BigInt(width(a) - length)
}

export const addressValue = (a: Address) => new Opaque('net.IP', formatAddress(a), a)
const networkValue = (n: Network) => new Opaque('net.CIDR', `${formatAddress(n.address)}/${n.length}`, n)

export function addressError(text: string): string | undefined {
  const a = parseAddress(text)
  if (!a) return `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`
  if (mapped(a)) return 'IPv4-mapped IPv6 address is not allowed'
  return undefined
}

function parseNetwork(text: string): Network | undefined {
  const m = /^(.+)\/(0|[1-9]\d{0,2})$/.exec(text)
  const address = m ? parseAddress(m[1]!) : undefined
  if (!address || mapped(address) || Number(m![2]) > width(address)) return undefined
  return { address, length: Number(m![2]) }
}

function holds(n: Network, a: Address): boolean {
  return n.address.v6 === a.v6 && prefixOf(n.address, n.length) === prefixOf(a, n.length)
}

const textOf = (v: Value | undefined): string => {
  if (typeof v !== 'string') throw new CelError('no such overload')
  return v
}

function ip(text: string): Opaque {
  const wrong = addressError(text)
  if (wrong) throw new CelError(wrong)
  return addressValue(parseAddress(text)!)
}

function cidr(text: string): Opaque {
  const n = parseNetwork(text)
  if (!n) throw new CelError(`CIDR ${JSON.stringify(text)} parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): no '/'`)
  return networkValue(n)
}

const addressOf = (v: Value | undefined) => (v as Opaque).data as Address
const networkOf = (v: Value | undefined) => (v as Opaque).data as Network

/** `length` first bits of an address are those of `prefix`. */
const within = (a: Address, v6: boolean, prefix: bigint, length: number) => a.v6 === v6 && prefixOf(a, length) === prefix
const unspecified = (a: Address) => a.bits === 0n
const loopback = (a: Address) => within(a, false, 127n, 8) || (a.v6 && a.bits === 1n)
const linkMulticast = (a: Address) => within(a, false, 0xe00000n, 24) || (a.v6 && (a.bits >> 112n) % 0x10n === 2n && a.bits >> 120n === 0xffn)
const linkUnicast = (a: Address) => within(a, false, 0xa9fen, 16) || within(a, true, 0xfe80n >> 6n, 10)
const multicast = (a: Address) => within(a, false, 0xen, 4) || within(a, true, 0xffn, 8)

function parseUrl(text: string): Url | undefined {
  const m = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^@/?#]*@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/.exec(text)
  // An absolute URL, or an absolute path.
  if (!m || /[\s\x00-\x1f]/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(m[3]!) || (m[1] === undefined && !text.startsWith('/'))) return undefined
  return { scheme: (m[1] ?? '').toLowerCase(), host: m[2] ?? '', path: m[3]!, query: m[4] ?? '' }
}

function url(text: string): Opaque {
  const u = parseUrl(text)
  if (!u) throw new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`)
  return new Opaque('kubernetes.URL', text, u)
}

const urlOf = (v: Value | undefined) => (v as Opaque).data as Url
const portOf = (host: string) => /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? ''
const decode = (s: string) => {
  try {
    return decodeURIComponent(s.replaceAll('+', ' '))
  } catch {
    return s
  }
}

export const networkFunctions: Record<string, (args: readonly Value[]) => Value> = {
  ip: ([v]) => (v instanceof Opaque ? addressValue(networkOf(v).address) : ip(textOf(v))),
  isIP: ([v]) => addressError(textOf(v)) === undefined,
  'ip.isCanonical': ([v]) => ip(textOf(v)).text === v,
  family: ([v]) => (addressOf(v).v6 ? 6n : 4n),
  isUnspecified: ([v]) => unspecified(addressOf(v)),
  isLoopback: ([v]) => loopback(addressOf(v)),
  isLinkLocalMulticast: ([v]) => linkMulticast(addressOf(v)),
  isLinkLocalUnicast: ([v]) => linkUnicast(addressOf(v)),
  isGlobalUnicast([v]) {
    const a = addressOf(v)
    return !unspecified(a) && !loopback(a) && !multicast(a) && !linkUnicast(a) && !(!a.v6 && a.bits === 0xffffffffn)
  },
  cidr: ([v]) => cidr(textOf(v)),
  isCIDR: ([v]) => parseNetwork(textOf(v)) !== undefined,
  containsIP: ([n, a]) => holds(networkOf(n), addressOf(typeof a === 'string' ? ip(a) : a)),
  containsCIDR([n, m]) {
    const [outer, inner] = [networkOf(n), networkOf(typeof m === 'string' ? cidr(m) : m)]
    return outer.length <= inner.length && holds(outer, inner.address)
  },
  masked([v]) {
    const { address, length } = networkOf(v)
    return networkValue({ address: { v6: address.v6, bits: prefixOf(address, length) << BigInt(width(address) - length) }, length })
  },
  prefixLength: ([v]) => BigInt(networkOf(v).length),
  url: ([v]) => url(textOf(v)),
  isURL: ([v]) => parseUrl(textOf(v)) !== undefined,
  getScheme: ([v]) => urlOf(v).scheme,
  getHost: ([v]) => urlOf(v).host,
  getHostname: ([v]) => urlOf(v).host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1'),
  getPort: ([v]) => portOf(urlOf(v).host),
  getEscapedPath: ([v]) => urlOf(v).path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@%/]/gu, encodeURIComponent),
  getQuery([v]) {
    const out = new Map<string, string[]>()
    for (const part of urlOf(v).query.split('&')) {
      if (part === '') continue
      const [key = '', ...rest] = part.split('=')
      const name = decode(key)
      out.set(name, [...(out.get(name) ?? []), decode(rest.join('='))])
    }
    return CelMap.of(out)
  },
}
