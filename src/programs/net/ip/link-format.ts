/** How `ip link` and `ip addr` show a device: normal, brief, one line, details, statistics and JSON. */
import type { LinkInfo, NetNamespace } from '#engine/net/types.ts'
import type { IpContext } from './context.ts'

const peerIds = new WeakMap<NetNamespace, NetNamespace[]>()

/** The number that a namespace gives another one (link-netnsid): in the order in which they are met. */
function netnsId(net: NetNamespace, other: NetNamespace): number {
  let known = peerIds.get(net)
  if (!known) peerIds.set(net, (known = []))
  // The kernel numbers them when the devices come; here all devices are gone through in their order.
  for (const link of net.links.values()) if (link.peer?.namespace && !known.includes(link.peer.namespace)) known.push(link.peer.namespace)
  if (!known.includes(other)) known.push(other)
  return known.indexOf(other)
}

/** Ids that `ip netns` shows beside names. */
export function namespaceId(net: NetNamespace, other: NetNamespace): number | undefined {
  for (const link of net.links.values()) if (link.peer?.namespace) netnsId(net, link.peer.namespace)
  const at = peerIds.get(net)?.indexOf(other) ?? -1
  return at < 0 ? undefined : at
}

function fullName(link: LinkInfo): string {
  if (link.peer) return `${link.name}@${link.peer.namespace ? `if${link.peer.index}` : link.peer.name}`
  if (link.kind === 'ipip') return `${link.name}@NONE`
  return link.name
}

const linkType = (link: LinkInfo) => (link.kind === 'loopback' ? 'loopback' : link.kind === 'ipip' ? 'ipip' : 'ether')

function flagsOf(link: LinkInfo): string[] {
  // A peer that is down is shown only where it is in the same namespace.
  return link.flags.filter((f) => f !== 'M-DOWN' || link.peer?.namespace === undefined)
}

function netnsText(c: IpContext, link: LinkInfo): string {
  const other = link.peer?.namespace
  if (!other) return ''
  for (const [name, ns] of c.process.machine.namedNamespaces) if (ns === other) return ` link-netns ${name}`
  return ` link-netnsid ${netnsId(c.net, other)}`
}

/** `2: eth0@if2: <…> mtu 1500 … qlen 1000` and the line of the link layer. */
export function linkText(c: IpContext, link: LinkInfo, options: { readonly mode: boolean; readonly layer: boolean }): string {
  const { details, oneline } = c.options
  const nl = oneline ? '\\' : '\n'
  const broadcast = link.kind === 'loopback' ? '00:00:00:00:00:00' : link.kind === 'ipip' ? '0.0.0.0' : 'ff:ff:ff:ff:ff:ff'
  const state = link.operstate === 'UP' || link.operstate === 'DOWN' ? c.paint(link.operstate === 'UP' ? 'up' : 'down', `${link.operstate} `) : `${link.operstate} `
  let text = `${link.index}: ${c.paint('device', `${fullName(link)}: `)}<${flagsOf(link).join(',')}> mtu ${link.mtu} qdisc ${link.qdisc} ${link.master !== undefined ? `master ${link.master} ` : ''}state ${state}${options.mode ? 'mode DEFAULT ' : ''}group ${link.group ? link.group : 'default'}`
  if (link.queueLength > 0) text += ` qlen ${link.queueLength}`
  if (options.layer) text += `${nl}    link/${linkType(link)} ${c.paint('mac', link.mac)} brd ${c.paint('mac', broadcast)}`
  text += netnsText(c, link)
  if (details) text += detailText(c.net, link, nl, options.mode)
  if (link.alias !== undefined) text += `${nl}    alias ${link.alias}`
  return text
}

/** `mode`: `ip addr` leaves out how addresses are generated where IPv6 is off. */
function detailText(net: NetNamespace, link: LinkInfo, nl: string, mode: boolean): string {
  const [low, high] = link.kind === 'loopback' || link.kind === 'dummy' ? [0, 0] : link.kind === 'ipip' ? [68, 65495] : [68, 65535]
  let text = ` promiscuity ${link.promiscuity}  allmulti ${link.port ? 1 : 0} minmtu ${low} maxmtu ${high} `
  const kind = kindText(link)
  if (kind !== '') text += `${nl}    ${kind} `
  if (link.port) text += `${nl}    ${slaveText(link.port, looseId(net.links.get(link.master ?? '')?.bridge?.id))} `
  // A tunnel over a device takes that device's limits.
  const below = link.vxlan?.device === undefined ? link : (net.links.get(link.vxlan.device) ?? link)
  const queues = link.kind === 'veth' || link.kind === 'physical' ? 2 : 1
  return `${text}${mode ? 'addrgenmode eui64 ' : ''}numtxqueues ${queues} numrxqueues ${queues} gso_max_size 65536 gso_max_segs 65535 tso_max_size ${below.kind === 'veth' || below.kind === 'loopback' ? 524280 : 65536} tso_max_segs 65535 gro_max_size 65536 `
}

function kindText(link: LinkInfo): string {
  switch (link.kind) {
    case 'veth':
      return 'veth'
    case 'dummy':
      return 'dummy'
    case 'bridge': {
      const b = link.bridge!
      return `bridge forward_delay 1500 hello_time 200 max_age 2000 ageing_time ${b.ageingSeconds * 100} stp_state ${b.stp ? 1 : 0} priority 32768 vlan_filtering ${b.vlanFiltering ? 1 : 0} vlan_protocol 802.1Q bridge_id ${b.id} designated_root ${b.id} root_port 0 root_path_cost 0 topology_change 0 topology_change_detected 0 hello_timer    0.00 tcn_timer    0.00 topology_change_timer    0.00 gc_timer    0.00 vlan_default_pvid 1 vlan_stats_enabled 0 vlan_stats_per_port 0 group_fwd_mask 0 group_address 01:80:c2:00:00:00 mcast_snooping ${b.multicastSnooping ? 1 : 0} no_linklocal_learn 0 mcast_vlan_snooping 0 mcast_router 1 mcast_query_use_ifaddr 0 mcast_querier 0 mcast_hash_elasticity 16 mcast_hash_max 4096 mcast_last_member_count 2 mcast_startup_query_count 2 mcast_last_member_interval 100 mcast_membership_interval 26000 mcast_querier_interval 25500 mcast_query_interval 12500 mcast_query_response_interval 1000 mcast_startup_query_interval 3125 mcast_stats_enabled 0 mcast_igmp_version 2 mcast_mld_version 1 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0`
    }
    case 'vxlan': {
      const v = link.vxlan!
      return `vxlan id ${v.id} ${v.remote !== undefined ? `remote ${v.remote} ` : ''}${v.local !== undefined ? `local ${v.local} ` : ''}${v.device !== undefined ? `dev ${v.device} ` : ''}srcport 0 0 dstport ${v.dstport} ${v.learning ? '' : 'nolearning '}ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx`
    }
    case 'ipip':
      return `ipip any remote ${link.ipip?.remote ?? 'any'} local ${link.ipip?.local ?? 'any'} ttl inherit nopmtudisc`
    default:
      return ''
  }
}

/** A bridge's id as slaves show it: bytes without leading zeros, `8000.2:0:0:0:1:80`. */
function looseId(id: string | undefined): string {
  const hex = (id ?? '').replace(/^.*?\./, '').replace(/[^0-9a-f]/gi, '').padStart(12, '0')
  return `8000.${(hex.match(/../g) ?? []).map((b) => Number.parseInt(b, 16).toString(16)).join(':')}`
}

function slaveText(p: NonNullable<LinkInfo['port']>, bridgeId: string): string {
  const onOff = (b: boolean) => (b ? 'on' : 'off')
  return `bridge_slave state ${p.state} priority ${p.priority} cost ${p.cost} hairpin ${onOff(p.hairpin)} guard off root_block off fastleave off learning ${onOff(p.learning)} flood ${onOff(p.flood)} port_id 0x80${p.number.toString(16).padStart(2, '0')} port_no 0x${p.number.toString(16)} designated_port ${32768 + p.number} designated_cost 0 designated_bridge ${bridgeId} designated_root ${bridgeId} hold_timer    0.00 message_age_timer    0.00 forward_delay_timer    0.00 topology_change_ack 0 config_pending 0 proxy_arp off proxy_arp_wifi off mcast_router 1 mcast_fast_leave off mcast_flood on bcast_flood on mcast_to_unicast off neigh_suppress off group_fwd_mask 0 group_fwd_mask_str 0x0 vlan_tunnel off isolated ${onOff(p.isolated)} locked off`
}

export function statisticsText(link: LinkInfo): string {
  const s = link.statistics
  const rx = [s.rxBytes, s.rxPackets, s.rxErrors, s.rxDropped, 0, 0]
  const tx = [s.txBytes, s.txPackets, s.txErrors, s.txDropped, 0, 0]
  const widths = [10, 7, 6, 7, 7, 7].map((w, i) => Math.max(w, String(rx[i]).length, String(tx[i]).length))
  const row = (values: readonly (string | number)[], first: number) => values.map((v, i) => String(v).padStart(i === 0 ? widths[0]! - first : widths[i]!)).join(' ')
  const block = (name: string, titles: readonly string[], values: readonly number[]) => `\n    ${name}: ${row(titles, 4)} ${' '.repeat(10)}\n    ${row(values, 0)} `
  return block('RX', ['bytes', 'packets', 'errors', 'dropped', 'missed', 'mcast'], rx) + block('TX', ['bytes', 'packets', 'errors', 'dropped', 'carrier', 'collsns'], tx)
}

export function briefText(c: IpContext, link: LinkInfo, rest: string): string {
  const state = `${link.operstate.padEnd(14)} `
  return `${c.paint('device', `${fullName(link).padEnd(16)} `)}${link.operstate === 'UP' || link.operstate === 'DOWN' ? c.paint(link.operstate === 'UP' ? 'up' : 'down', state) : state}${rest}\n`
}

export function briefFlags(c: IpContext, link: LinkInfo): string {
  return `${c.paint('mac', `${link.mac} `)}<${flagsOf(link).join(',')}> `
}

export function linkJson(c: IpContext, link: LinkInfo, mode: boolean, layer = true): Record<string, unknown> {
  const other = link.peer?.namespace
  return {
    ifindex: link.index, ...(link.peer && (other ? { link_index: link.peer.index } : { link: link.peer.name })), ifname: link.name, flags: flagsOf(link), mtu: link.mtu, qdisc: link.qdisc,
    ...(link.master !== undefined && { master: link.master }), operstate: link.operstate, ...(mode && { linkmode: 'DEFAULT' }), group: link.group ? String(link.group) : 'default', ...(link.queueLength > 0 && { txqlen: link.queueLength }),
    ...(layer && { link_type: linkType(link), address: link.mac, broadcast: link.kind === 'loopback' ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff' }),
    ...(other && netnsJson(c, link)),
  }
}

function netnsJson(c: IpContext, link: LinkInfo): Record<string, unknown> {
  const text = netnsText(c, link).trim().split(' ')
  return text[0] === 'link-netns' ? { link_netns: text[1] } : { link_netnsid: Number(text[1]) }
}
