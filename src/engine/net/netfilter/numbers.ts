/** Words of iptables that stand for numbers: ports, protocols, marks, addresses, ICMP types. */
import { formatIpv4, maskOf, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { protocolNumbers, serviceName, servicePort } from '../services.ts'
import { usage } from './extension.ts'

/** strtoul with base 0: decimal, 0x…, 0… */
export function parseNumber(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16)
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  if (/^\d+$/.test(text)) return Number.parseInt(text, 10)
  return undefined
}

export function parsePort(text: string, protocol?: string): number {
  const number = parseNumber(text)
  if (number !== undefined && number <= 65535) return number
  const named = number === undefined ? servicePort(text, protocol) : undefined
  if (named === undefined) usage(`invalid port/service \`${text}' specified`)
  return named
}

export interface PortRange {
  readonly min: number
  readonly max: number
  readonly not: boolean
}

/** The udp match reads ports for itself: decimal digits, of which the low 16 bits count, or a name. */
function parseUdpPort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(BigInt(text) & 0xffffn) : servicePort(text, 'udp')
  if (port === undefined) usage(`Port "${text}" does not resolve to anything.\n`)
  return port
}

function parseUdpRange(text: string, not: boolean): PortRange {
  const [min, max] = text.includes(':') ? [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)] : [text, text]
  return { min: min === '' ? 0 : parseUdpPort(min), max: max === '' ? 65535 : parseUdpPort(max), not }
}

/** `80`, `80:90`, `:90`, `80:`. */
export function parsePortRange(text: string, not: boolean, protocol: string): PortRange {
  if (protocol === 'udp') return parseUdpRange(text, not)
  const colon = text.indexOf(':')
  if (colon < 0) {
    const port = parsePort(text, protocol)
    return { min: port, max: port, not }
  }
  const min = colon === 0 ? 0 : parsePort(text.slice(0, colon), protocol)
  const max = colon === text.length - 1 ? 65535 : parsePort(text.slice(colon + 1), protocol)
  if (min > max) usage('invalid portrange (min > max)')
  return { min, max, not }
}

export function savePortRange(option: string, r: PortRange | undefined): string {
  if (!r || (r.min === 0 && r.max === 65535 && !r.not)) return ''
  return `${r.not ? ' !' : ''} --${option} ${r.min === r.max ? r.min : `${r.min}:${r.max}`}`
}

/** The -L form: ` dpt:80`, ` dpts:1:5`. */
export function listPortRange(label: string, r: PortRange | undefined, numeric: boolean, protocol: string): string {
  if (!r || (r.min === 0 && r.max === 65535 && !r.not)) return ''
  const name = (port: number) => (numeric ? String(port) : (serviceName(port, protocol) ?? String(port)))
  return r.min === r.max ? ` ${label}:${r.not ? '!' : ''}${name(r.min)}` : ` ${label}s:${r.not ? '!' : ''}${name(r.min)}:${name(r.max)}`
}

export function inRange(r: PortRange, port: number): boolean {
  return (port >= r.min && port <= r.max) !== r.not
}

/** -p's word. */
export function parseProtocol(text: string): number {
  const lower = text.toLowerCase()
  if (lower === 'all') return 0
  const number = parseNumber(text)
  if (number !== undefined && number <= 255) return number
  const named = lower === 'icmpv6' ? 58 : protocolNumbers[lower]
  if (named === undefined) usage(`unknown protocol "${lower}" specified`)
  return named
}

export function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`
}

export interface Marked {
  readonly value: number
  readonly mask: number
}

/** `value[/mask]`. */
export function parseMark(text: string, option: string, extension: string): Marked {
  const [value, mask] = text.split('/')
  const v = parseNumber(value ?? '')
  const m = mask === undefined ? 0xffffffff : parseNumber(mask)
  if (v === undefined || m === undefined || v > 0xffffffff || m > 0xffffffff) usage(`${extension}: bad integer value for option "--${option}", or out of range.\n`)
  return { value: v, mask: m }
}

export function markText(m: Marked): string {
  return m.mask === 0xffffffff ? hex(m.value) : `${hex(m.value)}/${hex(m.mask)}`
}

export interface AddressMask {
  readonly address: Ipv4
  readonly mask: number
}

const hosts: Readonly<Record<string, string>> = { localhost: '127.0.0.1' }

/** `a.b.c.d`, `/len`, `/mask`; short forms like `10/8`. The address is masked. */
export function parseAddressMask(text: string): AddressMask {
  const [host, ...tails] = text.split('/')
  // The last stroke parts the address from its mask.
  const tail = tails.length > 1 ? tails.at(-1) : tails[0]
  let mask = 0xffffffff
  if (tail !== undefined) {
    const number = /^\d+$/.test(tail) ? Number(tail) : undefined
    const dotted = parseIpv4(tail)
    if (number !== undefined && number <= 32) mask = maskOf(number)
    else if (dotted !== undefined) mask = dotted
    else usage(`invalid mask \`${tail}' specified`)
  }
  let ip = parseIpv4(hosts[host!] ?? host!)
  if (ip === undefined && /^\d+(\.\d+){0,2}$/.test(host!)) {
    const parts = host!.split('.')
    while (parts.length < 4) parts.push('0')
    ip = parseIpv4(parts.join('.'))
  }
  if (ip === undefined) usage(`host/network \`${host}' not found`)
  return { address: (ip & mask) >>> 0, mask }
}

export function maskLength(mask: number): number | undefined {
  for (let n = 0; n <= 32; n++) if (maskOf(n) === mask) return n
  return undefined
}

/** iptables-save: always with the mask, as a length where it is one. */
export function addressMaskText(a: AddressMask): string {
  return `${formatIpv4(a.address)}/${maskLength(a.mask) ?? formatIpv4(a.mask)}`
}

/** -L: the length is left out for hosts, `anywhere` or 0.0.0.0/0 for all. */
export function addressMaskList(a: AddressMask | undefined, numeric: boolean): string {
  if (!a || (a.mask === 0 && a.address === 0)) return numeric ? '0.0.0.0/0' : 'anywhere'
  if (a.mask === 0xffffffff) return !numeric && a.address === 0x7f000001 ? 'localhost' : formatIpv4(a.address)
  return addressMaskText(a)
}

export const icmpNames: readonly { readonly name: string; readonly type: number; readonly min: number; readonly max: number }[] = [
  { name: 'any', type: 255, min: 0, max: 255 },
  { name: 'echo-reply', type: 0, min: 0, max: 255 },
  { name: 'pong', type: 0, min: 0, max: 255 },
  { name: 'destination-unreachable', type: 3, min: 0, max: 255 },
  ...['network-unreachable', 'host-unreachable', 'protocol-unreachable', 'port-unreachable', 'fragmentation-needed', 'source-route-failed', 'network-unknown', 'host-unknown'].map((name, i) => ({ name, type: 3, min: i, max: i })),
  { name: 'network-prohibited', type: 3, min: 9, max: 9 },
  { name: 'host-prohibited', type: 3, min: 10, max: 10 },
  { name: 'TOS-network-unreachable', type: 3, min: 11, max: 11 },
  { name: 'TOS-host-unreachable', type: 3, min: 12, max: 12 },
  { name: 'communication-prohibited', type: 3, min: 13, max: 13 },
  { name: 'host-precedence-violation', type: 3, min: 14, max: 14 },
  { name: 'precedence-cutoff', type: 3, min: 15, max: 15 },
  { name: 'source-quench', type: 4, min: 0, max: 255 },
  { name: 'redirect', type: 5, min: 0, max: 255 },
  { name: 'network-redirect', type: 5, min: 0, max: 0 },
  { name: 'host-redirect', type: 5, min: 1, max: 1 },
  { name: 'TOS-network-redirect', type: 5, min: 2, max: 2 },
  { name: 'TOS-host-redirect', type: 5, min: 3, max: 3 },
  { name: 'echo-request', type: 8, min: 0, max: 255 },
  { name: 'ping', type: 8, min: 0, max: 255 },
  { name: 'router-advertisement', type: 9, min: 0, max: 255 },
  { name: 'router-solicitation', type: 10, min: 0, max: 255 },
  { name: 'time-exceeded', type: 11, min: 0, max: 255 },
  { name: 'ttl-exceeded', type: 11, min: 0, max: 255 },
  { name: 'ttl-zero-during-transit', type: 11, min: 0, max: 0 },
  { name: 'ttl-zero-during-reassembly', type: 11, min: 1, max: 1 },
  { name: 'parameter-problem', type: 12, min: 0, max: 255 },
  { name: 'ip-header-bad', type: 12, min: 0, max: 0 },
  { name: 'required-option-missing', type: 12, min: 1, max: 1 },
  { name: 'timestamp-request', type: 13, min: 0, max: 255 },
  { name: 'timestamp-reply', type: 14, min: 0, max: 255 },
  { name: 'address-mask-request', type: 17, min: 0, max: 255 },
  { name: 'address-mask-reply', type: 18, min: 0, max: 255 },
]

/** Words of -L and -S need quotes when they hold more than letters, digits and a few signs (xtables_save_string). */
export function quoteWord(text: string): string {
  if (text !== '' && /^[A-Za-z0-9_-]+$/.test(text)) return text
  return `"${text.replace(/[\\"']/g, (c) => `\\${c}`)}"`
}
