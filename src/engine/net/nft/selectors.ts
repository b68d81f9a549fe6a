/**
 * What rules can look at: header fields, meta data, connection tracking, routing. One table: name as nft lists it, data type, the protocol that
 * must be there, how it is read from a packet (undefined: not there, so the rule does not match) and, where rules may write it, how.
 * IPv6 and link layer fields can be named and listed; the simulated packets have none but the frame's source.
 */
import type { HookContext } from '../netfilter/extension.ts'
import { ICMP, SCTP, TCP, UDP, wireSize, type Packet } from '../packet.ts'
import type { Connection, Tuple } from '../conntrack/entry.ts'
import { hasPorts } from '../conntrack/entry.ts'
import { routeOutput } from '../route.ts'
import { dataType, type DataType } from './datatypes.ts'
import type { Scalar } from './types.ts'

export interface Selector {
  readonly name: string
  readonly type: DataType
  /** Layer below: `ip`, `tcp` … */
  readonly protocol?: 'ip' | 'ip6' | 'arp' | 'tcp' | 'udp' | 'icmp' | 'icmpv6' | 'sctp' | 'th' | 'ether' | undefined
  readonly tracks?: boolean
  readonly read: (p: Packet, h: HookContext) => Scalar | undefined
  readonly write?: (p: Packet, value: Scalar, h: HookContext) => void
}

type Read = Selector['read']
type Write = NonNullable<Selector['write']>

const selectors = new Map<string, Selector>()

function add(name: string, type: string, protocol: Selector['protocol'], read: Read, options: { readonly write?: Write; readonly tracks?: boolean } = {}): void {
  selectors.set(name, { name, type: dataType(type), protocol, read, ...options })
}

const absent: Read = () => undefined

// ── the IPv4 header ──

const addressTypes: Readonly<Record<string, number>> = { unicast: 1, local: 2, broadcast: 3, multicast: 5, blackhole: 6, unreachable: 7, prohibit: 8, throw: 9 }

add('ip saddr', 'ipv4_addr', 'ip', (p) => p.source, { write: (p, v) => void (p.source = Number(v)) })
add('ip daddr', 'ipv4_addr', 'ip', (p) => p.destination, { write: (p, v) => void (p.destination = Number(v)) })
add('ip protocol', 'inet_proto', 'ip', (p) => p.protocol)
add('ip version', 'integer', 'ip', () => 4)
add('ip hdrlength', 'integer', 'ip', () => 5)
add('ip dscp', 'dscp', 'ip', (p) => p.tos >> 2, { write: (p, v) => void (p.tos = (p.tos & 3) | (Number(v) << 2)) })
add('ip ecn', 'ecn', 'ip', (p) => p.tos & 3, { write: (p, v) => void (p.tos = (p.tos & 0xfc) | Number(v)) })
add('ip length', 'integer', 'ip', (p) => wireSize(p))
add('ip id', 'integer', 'ip', (p) => p.id)
add('ip frag-off', 'integer', 'ip', (p) => (p.df ? 0x4000 : 0))
add('ip ttl', 'integer', 'ip', (p) => p.ttl, { write: (p, v) => void (p.ttl = Number(v)) })
add('ip checksum', 'integer', 'ip', () => 0)
for (const [field, type] of [['saddr', 'ipv6_addr'], ['daddr', 'ipv6_addr'], ['nexthdr', 'inet_proto'], ['hoplimit', 'integer'], ['length', 'integer'], ['dscp', 'dscp'], ['version', 'integer'], ['flowlabel', 'integer']] as const) add(`ip6 ${field}`, type, 'ip6', absent)

// ── transport ──

const of = (protocol: number, read: (p: Packet) => number): Read => (p) => (p.protocol === protocol ? read(p) : undefined)
for (const [name, protocol] of [['tcp', TCP], ['udp', UDP], ['sctp', SCTP]] as const) {
  add(`${name} sport`, 'inet_service', name, of(protocol, (p) => p.sourcePort), { write: (p, v) => void (p.sourcePort = Number(v)) })
  add(`${name} dport`, 'inet_service', name, of(protocol, (p) => p.destinationPort), { write: (p, v) => void (p.destinationPort = Number(v)) })
}
add('th sport', 'inet_service', 'th', (p) => (hasPorts(p.protocol) ? p.sourcePort : undefined))
add('th dport', 'inet_service', 'th', (p) => (hasPorts(p.protocol) ? p.destinationPort : undefined))
add('tcp flags', 'tcp_flag', 'tcp', of(TCP, (p) => p.flags))
add('tcp sequence', 'integer', 'tcp', of(TCP, (p) => p.seq))
add('tcp ackseq', 'integer', 'tcp', of(TCP, (p) => p.ack))
add('tcp window', 'integer', 'tcp', of(TCP, (p) => p.window))
add('tcp doff', 'integer', 'tcp', of(TCP, (p) => (p.mss > 0 ? 10 : 8)))
add('tcp option maxseg size', 'integer', 'tcp', (p) => (p.protocol === TCP && p.mss > 0 ? p.mss : undefined), {
  write: (p, v) => {
    if (p.protocol === TCP && p.mss > 0 && Number(v) < p.mss) p.mss = Number(v)
  },
})
add('udp length', 'integer', 'udp', of(UDP, (p) => p.length - 20))
add('icmp type', 'icmp_type', 'icmp', of(ICMP, (p) => p.icmpType))
add('icmp code', 'icmp_code', 'icmp', of(ICMP, (p) => p.icmpCode))
add('icmp id', 'integer', 'icmp', of(ICMP, (p) => p.icmpId))
add('icmp sequence', 'integer', 'icmp', of(ICMP, (p) => p.icmpSeq))
add('icmp mtu', 'integer', 'icmp', of(ICMP, (p) => p.icmpInfo))
add('icmpv6 type', 'icmpv6_type', 'icmpv6', absent)
add('icmpv6 code', 'icmpv6_code', 'icmpv6', absent)
for (const name of ['ah spi', 'esp spi', 'vlan id', 'gre protocol', 'comp cpi']) add(name, 'integer', undefined, absent)
for (const name of ['dccp', 'udplite']) for (const side of ['sport', 'dport']) add(`${name} ${side}`, 'inet_service', undefined, absent)

// ── link layer ──

add('ether saddr', 'ether_addr', 'ether', (p) => (p.linkSource === undefined ? undefined : Number(p.linkSource)))
add('ether daddr', 'ether_addr', 'ether', (p, h) => (p.linkSource === undefined || p.broadcast ? undefined : h.input && Number(h.input.mac)))
add('ether type', 'ether_type', 'ether', (p) => (p.linkSource === undefined ? undefined : 0x0800))
add('arp operation', 'arp_op', 'arp', absent)

// ── meta ──

const isLocal = (p: Packet, h: HookContext) => p.local && h.hook >= 3
add('meta length', 'integer', undefined, (p) => wireSize(p))
add('meta protocol', 'ether_type', undefined, () => 0x0800)
add('meta nfproto', 'nf_proto', undefined, () => 2)
add('meta l4proto', 'inet_proto', undefined, (p) => p.protocol)
add('meta priority', 'integer', undefined, () => 0, { write: () => undefined })
add('meta mark', 'mark', undefined, (p) => p.mark, { write: (p, v) => void (p.mark = Number(v) >>> 0) })
add('iif', 'iface_index', undefined, (_, h) => h.input?.index ?? 0)
add('oif', 'iface_index', undefined, (_, h) => h.output?.index ?? 0)
add('iifname', 'ifname', undefined, (_, h) => h.input?.name ?? '')
add('oifname', 'ifname', undefined, (_, h) => h.output?.name ?? '')
add('meta iiftype', 'iface_type', undefined, (_, h) => (h.input ? (h.input.loopback ? 772 : 1) : undefined))
add('meta oiftype', 'iface_type', undefined, (_, h) => (h.output ? (h.output.loopback ? 772 : 1) : undefined))
add('meta iifkind', 'ifkind', undefined, (_, h) => h.input && (h.input.loopback ? '' : h.input.kind))
add('meta oifkind', 'ifkind', undefined, (_, h) => h.output && (h.output.loopback ? '' : h.output.kind))
add('iifgroup', 'integer', undefined, (_, h) => (h.input ? 0 : undefined))
add('oifgroup', 'integer', undefined, (_, h) => (h.output ? 0 : undefined))
add('meta skuid', 'uid', undefined, (p, h) => (isLocal(p, h) ? 0 : undefined))
add('meta skgid', 'gid', undefined, (p, h) => (isLocal(p, h) ? 0 : undefined))
add('meta nftrace', 'integer', undefined, () => 0, { write: () => undefined })
add('meta rtclassid', 'integer', undefined, () => 0)
add('meta pkttype', 'pkt_type', undefined, (p) => (p.broadcast ? 1 : p.destination >>> 28 === 14 ? 2 : 0), { write: () => undefined })
add('meta cpu', 'integer', undefined, () => 0)
add('meta cgroup', 'integer', undefined, (p, h) => (isLocal(p, h) ? 0 : undefined))
add('meta random', 'integer', undefined, (_, h) => h.ns.random.uint32())
add('meta ibrname', 'ifname', undefined, absent)
add('meta obrname', 'ifname', undefined, absent)
for (const name of ['meta hour', 'meta day', 'meta time']) add(name, 'string', undefined, absent)

// ── connection tracking ──

const ctState = (p: Packet): number => (p.track === 'untracked' ? 64 : !p.connection ? 1 : p.track === 'new' ? 8 : p.track === 'related' ? 4 : p.track === 'established' ? 2 : 1)
function ct(name: string, type: string, read: (c: Connection, p: Packet, h: HookContext) => Scalar | undefined, write?: (c: Connection, value: Scalar) => void): void {
  add(`ct ${name}`, type, undefined, (p, h) => (p.connection ? read(p.connection, p, h) : undefined), { tracks: true, ...(write && { write: (p, v) => void (p.connection && write(p.connection, v)) }) })
}
add('ct state', 'ct_state', undefined, ctState, { tracks: true })
ct('direction', 'ct_dir', (_, p) => (p.isReply ? 1 : 0))
ct('status', 'ct_status', (c) => (c.replied ? 2 : 0) | (c.assured ? 4 : 0) | (c.confirmed ? 8 : 0) | (c.sourceNat ? 16 : 0) | (c.destinationNat ? 32 : 0) | (c.dying ? 512 : 0))
ct('mark', 'mark', (c) => c.mark, (c, v) => void (c.mark = Number(v) >>> 0))
ct('expiration', 'time', (c, _, h) => c.expires - h.ns.sim.now)
ct('helper', 'string', () => undefined)
ct('zone', 'integer', () => 0)
ct('l3proto', 'nf_proto', () => 2)
ct('protocol', 'inet_proto', (c) => c.protocol)
ct('id', 'integer', (c) => c.id)
ct('bytes', 'integer', (c) => c.bytes[0] + c.bytes[1])
ct('packets', 'integer', (c) => c.packets[0] + c.packets[1])
ct('avgpkt', 'integer', (c) => Math.floor((c.bytes[0] + c.bytes[1]) / Math.max(1, c.packets[0] + c.packets[1])))
for (const [direction, side] of [['original', 0], ['reply', 1]] as const) {
  const tuple = (c: Connection): Tuple => (side === 0 ? c.original : c.reply)
  for (const ip of ['ip ', '']) {
    ct(`${direction} ${ip}saddr`, 'ipv4_addr', (c) => tuple(c).source)
    ct(`${direction} ${ip}daddr`, 'ipv4_addr', (c) => tuple(c).destination)
  }
  ct(`${direction} proto-src`, 'inet_service', (c) => tuple(c).sourcePort)
  ct(`${direction} proto-dst`, 'inet_service', (c) => tuple(c).destinationPort)
  ct(`${direction} protocol`, 'inet_proto', (c) => c.protocol)
  ct(`${direction} l3proto`, 'nf_proto', () => 2)
  ct(`${direction} bytes`, 'integer', (c) => c.bytes[side])
  ct(`${direction} packets`, 'integer', (c) => c.packets[side])
}

selectors.set('ct original protocol', selectors.get('ct protocol')!)
selectors.set('ct original l3proto', selectors.get('ct l3proto')!)

// ── routing ──

add('rt nexthop', 'ipv4_addr', undefined, (p, h) => h.path?.gateway ?? p.destination)
add('rt classid', 'integer', undefined, () => 0)
add('rt mtu', 'integer', undefined, (_, h) => Math.min(h.output?.mtu ?? 1500, h.path?.mtu ?? 1500))
add('rt ipsec', 'boolean', undefined, () => 0)
add('socket transparent', 'integer', undefined, () => 0)
add('socket mark', 'mark', undefined, () => 0)

/** `fib saddr . iif oif`: the flags come in any order and are listed in this one. */
export const fibFlags = ['saddr', 'daddr', 'mark', 'iif', 'oif'] as const

/** A fib lookup as a selector: made on demand, for the combinations are many. */
export function fibSelector(flags: readonly string[], result: 'type' | 'oif' | 'oifname'): Selector {
  const ordered = fibFlags.filter((f) => flags.includes(f))
  const destination = flags.includes('daddr')
  return {
    name: `fib ${ordered.join(' . ')} ${result}`,
    type: dataType(result === 'type' ? 'fib_addrtype' : result === 'oif' ? 'iface_index' : 'ifname'),
    read: (p, h) => {
      const address = destination ? p.destination : p.source
      const device = flags.includes('iif') ? h.input : flags.includes('oif') ? h.output : undefined
      if (result === 'type') return addressTypes[h.ns.fib.addressType(address, device)] ?? 0
      const path = routeOutput(h.ns, address, 0, undefined, flags.includes('mark') ? p.mark : 0)
      const found = 'errno' in path || (device && path.device !== device) ? undefined : path.device
      return result === 'oif' ? (found?.index ?? 0) : (found?.name ?? '')
    },
  }
}

export function selector(name: string): Selector | undefined {
  return selectors.get(name)
}

/** Fields of a header, as words after its name. */
export function hasSelectors(prefix: string): boolean {
  for (const name of selectors.keys()) if (name.startsWith(`${prefix} `)) return true
  return false
}

/** meta keys that need no `meta` before them. */
export const plainMeta: Readonly<Record<string, string>> = {
  iif: 'iif', oif: 'oif', iifname: 'iifname', oifname: 'oifname', iifgroup: 'iifgroup', oifgroup: 'oifgroup',
  mark: 'meta mark', iiftype: 'meta iiftype', oiftype: 'meta oiftype', skuid: 'meta skuid', skgid: 'meta skgid', nftrace: 'meta nftrace', rtclassid: 'meta rtclassid', pkttype: 'meta pkttype', cpu: 'meta cpu', cgroup: 'meta cgroup',
}

