/**
 * nft's data types: how their values are read, printed and ordered, and how many of them stand on a line of a listing. Host names, time zones
 * and the rarer types (routing realms, SELinux contexts) are left out.
 */
import { formatIpv4, parseIpv4, parseIpv6 } from '#base/ip.ts'
import { formatIpv6 } from '#base/dns.ts'
import { protocolNumbers, protocolText, servicePort } from '../services.ts'
import type { Scalar } from './types.ts'

export interface DataType {
  readonly name: string
  readonly bits: number
  /** `host`: stored in the machine's byte order, `string`: letters. */
  readonly order: 'network' | 'host' | 'string'
  /** Undefined where the word means nothing. */
  readonly read: (word: string) => Scalar | undefined
  readonly show: (value: Scalar) => string
  /** Names of single bits; values may be joined by `,` or `|`. */
  readonly bitmask?: boolean
  /** Elements on one line of a listed set. */
  readonly perLine: number
  readonly symbols?: Readonly<Record<string, number>>
  /** The word that messages name it by. */
  readonly description: string
}

export function readInteger(word: string, bits: number): number | undefined {
  if (!/^(\d+|0[xX][0-9a-fA-F]+)$/.test(word)) return undefined
  const n = Number(word)
  return n < 2 ** bits ? n : undefined
}

const hex32 = (v: Scalar) => `0x${Number(v).toString(16).padStart(8, '0')}`

function number(name: string, description: string, bits: number, options: Partial<DataType> = {}): DataType {
  return { name, description, bits, order: 'network', perLine: 5, read: (word) => readInteger(word, bits), show: (v) => String(v), ...options }
}

/** A type whose values have names; others are shown as numbers. */
function named(name: string, description: string, bits: number, symbols: Readonly<Record<string, number>>, options: Partial<DataType> = {}): DataType {
  const byNumber = new Map<number, string>()
  for (const [word, value] of Object.entries(symbols)) if (!byNumber.has(value)) byNumber.set(value, word)
  return number(name, description, bits, { symbols, perLine: 1, read: (word) => symbols[word] ?? readInteger(word, bits), show: (v) => byNumber.get(Number(v)) ?? String(v), ...options })
}

function bits(name: string, description: string, width: number, symbols: Readonly<Record<string, number>>, options: Partial<DataType> = {}): DataType {
  return named(name, description, width, symbols, {
    bitmask: true,
    show: (v) => {
      let left = Number(v)
      const words: string[] = []
      for (const [word, bit] of Object.entries(symbols)) {
        if (left === 0 || (left & bit) === 0) continue
        words.push(word)
        left &= ~bit
      }
      if (left !== 0 || words.length === 0) words.push(`0x${(left >>> 0).toString(16)}`)
      return words.join(',')
    },
    ...options,
  })
}

function readMac(word: string): number | undefined {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(word)) return undefined
  return word.split(':').reduce((sum, part) => sum * 256 + Number.parseInt(part, 16), 0)
}

function showMac(v: Scalar): string {
  return Number(v).toString(16).padStart(12, '0').replace(/..(?=.)/g, '$&:')
}

const units: readonly (readonly [letter: string, seconds: number])[] = [['w', 604_800], ['d', 86_400], ['h', 3600], ['m', 60], ['s', 1], ['ms', 0.001]]

/** `1h30m` in ms. */
export function readTime(word: string): number | undefined {
  if (/^\d+$/.test(word)) return Number(word) * 1000
  if (!/^(\d+(ms|[wdhms]))+$/.test(word)) return undefined
  let total = 0
  for (const m of word.matchAll(/(\d+)(ms|[wdhms])/g)) total += Number(m[1]) * units.find(([letter]) => letter === m[2])![1] * 1000
  return total
}

export function showTime(ms: number): string {
  let left = Math.floor(ms)
  let text = ''
  for (const [letter, seconds] of units) {
    if (letter === 'w') continue
    const size = seconds * 1000
    const n = Math.floor(left / size)
    if (n > 0) text += `${n}${letter}`
    left -= n * size
  }
  return text === '' ? '0s' : text
}

const dscp = { cs0: 0, cs1: 8, cs2: 16, cs3: 24, cs4: 32, cs5: 40, cs6: 48, cs7: 56, df: 0, be: 0, lephb: 1, af11: 10, af12: 12, af13: 14, af21: 18, af22: 20, af23: 22, af31: 26, af32: 28, af33: 30, af41: 34, af42: 36, af43: 38, va: 44, ef: 46 }
const icmpTypes = { 'echo-reply': 0, 'destination-unreachable': 3, 'source-quench': 4, redirect: 5, 'echo-request': 8, 'router-advertisement': 9, 'router-solicitation': 10, 'time-exceeded': 11, 'parameter-problem': 12, 'timestamp-request': 13, 'timestamp-reply': 14, 'info-request': 15, 'info-reply': 16, 'address-mask-request': 17, 'address-mask-reply': 18 }
const icmp6Types = { 'destination-unreachable': 1, 'packet-too-big': 2, 'time-exceeded': 3, 'parameter-problem': 4, 'echo-request': 128, 'echo-reply': 129, 'mld-listener-query': 130, 'mld-listener-report': 131, 'mld-listener-done': 132, 'mld-listener-reduction': 132, 'nd-router-solicit': 133, 'nd-router-advert': 134, 'nd-neighbor-solicit': 135, 'nd-neighbor-advert': 136, 'nd-redirect': 137, 'router-renumbering': 138, 'ind-neighbor-solicit': 141, 'ind-neighbor-advert': 142, 'mld2-listener-report': 143 }

/** ICMP codes that `reject with` and `icmp code` know. */
export const icmpCodes = { 'net-unreachable': 0, 'host-unreachable': 1, 'prot-unreachable': 2, 'port-unreachable': 3, 'net-prohibited': 9, 'host-prohibited': 10, 'admin-prohibited': 13, 'frag-needed': 4 } as const
export const icmp6Codes = { 'no-route': 0, 'admin-prohibited': 1, 'addr-unreachable': 3, 'port-unreachable': 4, 'policy-fail': 5, 'reject-route': 6 } as const
export const icmpxCodes = { 'no-route': 0, 'port-unreachable': 1, 'host-unreachable': 2, 'admin-prohibited': 3 } as const

const byName = (list: readonly DataType[]) => Object.fromEntries(list.map((t) => [t.name, t]))

export const verdictType = number('verdict', 'netfilter verdict', 32)

export const dataTypes: Readonly<Record<string, DataType>> = byName([
  number('integer', 'integer', 32, {}),
  number('ipv4_addr', 'IPv4 address', 32, { perLine: 2, read: (word) => parseIpv4(word) ?? readInteger(word, 32), show: (v) => formatIpv4(Number(v)) }),
  number('ipv6_addr', 'IPv6 address', 128, { perLine: 1, read: (word) => (word.includes(':') ? parseIpv6(word) : undefined), show: (v) => formatIpv6(BigInt(v)) }),
  number('ether_addr', 'Ethernet address', 48, { perLine: 1, read: readMac, show: showMac }),
  named('ether_type', 'Ethernet protocol', 16, { ip: 0x0800, arp: 0x0806, ip6: 0x86dd, vlan: 0x8100, '8021q': 0x8100, '8021ad': 0x88a8 }, { show: (v) => ({ 0x0800: 'ip', 0x0806: 'arp', 0x86dd: 'ip6', 0x8100: '8021q', 0x88a8: '8021ad' })[Number(v)] ?? `0x${Number(v).toString(16).padStart(4, '0')}` }),
  number('inet_proto', 'Internet protocol', 8, { read: (word) => protocolNumbers[word] ?? ({ icmpv6: 58 } as Readonly<Record<string, number>>)[word] ?? readInteger(word, 8), show: (v) => (v === 0 ? 'ip' : protocolText(Number(v))) }),
  number('inet_service', 'internet network service', 16, { read: (word) => readInteger(word, 16) ?? servicePort(word) }),
  number('mark', 'packet mark', 32, { order: 'host', show: hex32 }),
  { name: 'ifname', description: 'network interface name', bits: 128, order: 'string', perLine: 1, read: (word) => word, show: (v) => `"${String(v)}"` },
  number('iface_index', 'network interface index', 32, { order: 'host', perLine: 1 }),
  number('iface_type', 'network interface type', 16, { order: 'host' }),
  bits('ct_state', 'conntrack state', 32, { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 }, { order: 'host', perLine: 2 }),
  named('ct_dir', 'conntrack direction', 8, { original: 0, reply: 1 }),
  bits('ct_status', 'conntrack status', 32, { expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, dying: 512 }, { order: 'host', perLine: 2 }),
  named('fib_addrtype', 'fib address type', 32, { unspec: 0, unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5, blackhole: 6, unreachable: 7, prohibit: 8, throw: 9, nat: 10 }, { order: 'host' }),
  named('icmp_type', 'ICMP type', 8, icmpTypes),
  named('icmp_code', 'icmp code', 8, icmpCodes),
  named('icmpv6_type', 'ICMPv6 type', 8, icmp6Types),
  named('icmpv6_code', 'icmpv6 code', 8, icmp6Codes),
  bits('tcp_flag', 'TCP flag', 8, { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }, { perLine: 5 }),
  named('pkt_type', 'packet type', 8, { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 }, { order: 'host', perLine: 2 }),
  named('nf_proto', 'netfilter protocol', 8, { ipv4: 2, ipv6: 10 }),
  named('dscp', 'Differentiated Services Code Point', 6, dscp, { show: (v) => Object.entries(dscp).find(([, n]) => n === Number(v))?.[0] ?? `0x${Number(v).toString(16).padStart(2, '0')}` }),
  named('ecn', 'Explicit Congestion Notification', 2, { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 }),
  named('uid', 'user ID', 32, { root: 0, nobody: 65_534 }, { order: 'host', perLine: 5, show: String }),
  named('gid', 'group ID', 32, { root: 0, nogroup: 65_534 }, { order: 'host', perLine: 5, show: String }),
  number('time', 'relative time', 64, { order: 'host', perLine: 1, read: readTime, show: (v) => showTime(Number(v)) }),
  number('ifkind', 'interface kind', 128, { order: 'string', perLine: 1, read: (word) => word, show: (v) => `"${String(v)}"` }),
  named('boolean', 'boolean type', 1, { missing: 0, exists: 1 }),
  named('arp_op', 'ARP operation', 16, { request: 1, reply: 2 }),
  number('string', 'string', 0, { order: 'string', perLine: 1, read: (word) => word, show: (v) => `"${String(v)}"` }),
])

export function dataType(name: string): DataType {
  return dataTypes[name]!
}

/** The order in which listings show values: as numbers, device names from their last letter. */
export function sortKey(type: DataType, value: Scalar): bigint | number {
  if (typeof value !== 'string') return value
  let key = 0n
  for (let i = value.length - 1; i >= 0; i--) key = (key << 8n) | BigInt(value.charCodeAt(i))
  return type.order === 'string' ? key : key
}
