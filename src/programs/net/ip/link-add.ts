/** `ip link add`: the kinds of devices that the simulated network makes, with the words of each kind. */
import { parseIpv4 } from '#base/ip.ts'
import type { LinkKind } from '#engine/net/types.ts'
import { IpContext, IpFailure } from './context.ts'
import { readBody, type LinkBody } from './link-body.ts'
import { bridgeUsage, vxlanUsage } from './usage.ts'
import { nothing, numberOf, readWords, skip, wordAct, type Act, type Words } from './words.ts'

export function addLinkOf(c: IpContext, verb: 'add' | 'replace'): void {
  const b = readBody(c)
  if (b.name !== undefined && b.device !== undefined && b.device !== b.name) throw new IpFailure('both "name" and "dev" cannot be used when creating devices.\n', 255)
  if (b.kind === undefined) throw new IpFailure('Not enough information: "type" argument is required\n', 1)
  const home = b.netns ?? c.net
  const make = kinds[b.kind]
  if (!make) throw new IpFailure('Error: Unknown device type.\n', 2)
  const kind = make(c, b)
  const name = b.device ?? freeName(c, b.kind)
  if (name.length > 15) throw new IpFailure('Error: Attribute failed policy validation.\n', 2)
  c.netlink(() => {
    if (verb === 'replace' && home.links.has(name)) return
    home.addLink(name, kind, { ...(b.change.mac !== undefined && { mac: b.change.mac }), ...(b.change.mtu !== undefined && { mtu: b.change.mtu }), ...(b.index !== undefined && { index: b.index }) })
    const { mac: _mac, mtu: _mtu, ...rest } = b.change
    if (Object.keys(rest).length > 0) home.setLink(name, rest)
  })
}

function freeName(c: IpContext, kind: string): string {
  for (let n = 0; ; n++) if (!c.net.links.has(kind + n)) return kind + n
}

type Make = (c: IpContext, b: LinkBody) => LinkKind

/** Reads the words behind `type KIND`; others are complained about in the words of that kind. */
function ofKind<S>(c: IpContext, b: LinkBody, words: Words<S>, state: S, usage: string): S {
  return readWords(new IpContext(c.process, c.net, c.options, b.rest), words, state, (s, inner, word) => {
    const act = /^no/.test(word) ? wordAct(words, word.slice(2)) : undefined
    if (act === nothing) return act(s, inner, word)
    throw new IpFailure(word === 'help' ? usage : `${b.kind}: unknown command "${word}"?\n${usage}`, 1)
  })
}

const address: (key: 'local' | 'remote') => Act<{ local?: string; remote?: string }> = (key) => (s, c) => {
  const text = c.value()
  if (text === 'any') return
  if (parseIpv4(text) === undefined) throw new IpFailure(`Error: any valid address is expected rather than "${text}".\n`, 1)
  s[key] = text
}

interface Vxlan {
  id?: number
  local?: string
  remote?: string
  device?: string
  dstport?: number
  learning: boolean
  external?: boolean
}

const vxlanWords: Words<Vxlan> = {
  whole: {
    id: (v, c) => void (v.id = numberOf(c.value(), 'invalid id', 0, 16777215)),
    vni: (v, c) => void (v.id = numberOf(c.value(), 'invalid id', 0, 16777215)),
    group: address('remote'), remote: address('remote'), local: address('local'),
    dev: (v, c) => {
      const name = c.value()
      if (!c.net.links.has(name)) throw new IpFailure(`Cannot find device "${name}"\n`, 255)
      v.device = name
    },
    dstport: (v, c) => void (v.dstport = numberOf(c.value(), 'dst port', 0, 65535)),
    srcport: (_, c) => {
      numberOf(c.value(), 'min port', 0, 65535)
      numberOf(c.value(), 'max port', 0, 65535)
    },
    nolearning: (v) => void (v.learning = false),
    ttl: skip, hoplimit: skip, tos: skip, dsfield: skip, df: skip, flowlabel: skip, ageing: skip, maxaddress: skip,
    external: (v) => void (v.external = true),
    learning: nothing, proxy: nothing, rsc: nothing, l2miss: nothing, l3miss: nothing, udpcsum: nothing, udp6zerocsumtx: nothing, udp6zerocsumrx: nothing, remcsumtx: nothing, remcsumrx: nothing, gbp: nothing, gpe: nothing,
  },
}

const bridgeValues = 'forward_delay hello_time max_age ageing_time stp_state priority group_fwd_mask group_address no_linklocal_learn vlan_filtering vlan_protocol vlan_default_pvid vlan_stats_enabled vlan_stats_per_port mcast_snooping mcast_vlan_snooping mcast_router mcast_query_use_ifaddr mcast_querier mcast_hash_elasticity mcast_hash_max mcast_last_member_count mcast_startup_query_count mcast_last_member_interval mcast_membership_interval mcast_querier_interval mcast_query_interval mcast_query_response_interval mcast_startup_query_interval mcast_stats_enabled mcast_igmp_version mcast_mld_version nf_call_iptables nf_call_ip6tables nf_call_arptables'.split(' ')

/** Read and forgotten, but a number it must be. */
const numeric: Act<unknown> = (_, c, word) => void numberOf(c.value(), `invalid ${word}`)

const bridgeWords: Words<{ snooping?: boolean }> = {
  whole: { ...Object.fromEntries(bridgeValues.map((word) => [word, numeric])), group_address: skip, vlan_protocol: skip, fdb_flush: nothing, mcast_snooping: (s, c) => void (s.snooping = c.value() !== '0') },
}

const ipipUsage = `Usage: ... ipip  \t[ remote ADDR ]\n\t\t\t[ local ADDR ]\n\t\t\t[ ttl TTL ]\n\t\t\t[ tos TOS ]\n\t\t\t[ [no]pmtudisc ]\n`
const ipipWords: Words<{ local?: string; remote?: string }> = { whole: { local: address('local'), remote: address('remote'), ttl: skip, tos: skip, dev: skip, pmtudisc: nothing, nopmtudisc: nothing, mode: skip } }

const kinds: Readonly<Record<string, Make>> = {
  dummy: () => ({ kind: 'dummy' }),
  bridge: (c, b) => ({ kind: 'bridge', ...ofKind(c, b, bridgeWords, {}, bridgeUsage) }),
  veth: (c, b) => {
    if (b.rest.length > 0 && b.rest[0] !== 'peer') throw new IpFailure("Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'\n", 255)
    const peer = readBody(new IpContext(c.process, c.net, c.options, b.rest.slice(1)))
    return { kind: 'veth', peer: { name: peer.device ?? freeName(c, 'veth'), ...(peer.netns && { namespace: peer.netns }), ...(peer.change.mac !== undefined && { mac: peer.change.mac }) } }
  },
  vxlan: (c, b) => {
    const v = ofKind<Vxlan>(c, b, vxlanWords, { learning: true }, vxlanUsage)
    if (v.id === undefined && !v.external) throw b.rest.length === 0 ? new IpFailure('Error: Required attributes not provided to perform the operation.\n', 2) : new IpFailure('vxlan: missing virtual network identifier\n', 1)
    if (v.dstport === undefined) c.err += "vxlan: destination port not specified\nWill use Linux kernel default (non-standard value)\nUse 'dstport 4789' to get the IANA assigned value\nUse 'dstport 0' to get default and quiet this message\n"
    const { external: _external, dstport, id, ...rest } = v
    return { kind: 'vxlan', id: id ?? 0, dstport: dstport || 8472, ...rest }
  },
  ipip: (c, b) => ({ kind: 'ipip', ...ofKind(c, b, ipipWords, {}, ipipUsage) }),
}
