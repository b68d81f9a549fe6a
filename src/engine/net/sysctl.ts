/**
 * The net.* keys of a namespace: per-device IPv4 switches kept as numbers where the packet path reads them, and a table of the other
 * keys with the kernel's defaults. Keys that steer nothing here are kept and printed all the same.
 */
import { NetError } from './error.ts'

/** net.ipv4.conf.<device>.*, as numbers. */
export interface DeviceConf {
  forwarding: number
  rp_filter: number
  arp_ignore: number
  arp_announce: number
  arp_filter: number
  arp_accept: number
  arp_notify: number
  proxy_arp: number
  accept_local: number
  accept_redirects: number
  accept_source_route: number
  send_redirects: number
  secure_redirects: number
  shared_media: number
  route_localnet: number
  src_valid_mark: number
  promote_secondaries: number
  ignore_routes_with_linkdown: number
  log_martians: number
  disable_policy: number
  bc_forwarding: number
  mc_forwarding: number
}

const confDefaults: DeviceConf = {
  forwarding: 0, rp_filter: 0, arp_ignore: 0, arp_announce: 0, arp_filter: 0, arp_accept: 0, arp_notify: 0, proxy_arp: 0, accept_local: 0, accept_redirects: 1,
  accept_source_route: 0, send_redirects: 1, secure_redirects: 1, shared_media: 1, route_localnet: 0, src_valid_mark: 0, promote_secondaries: 0,
  ignore_routes_with_linkdown: 0, log_martians: 0, disable_policy: 0, bc_forwarding: 0, mc_forwarding: 0,
}

/** net.ipv4.neigh.<device>.*: milliseconds and counts. */
export interface NeighConf {
  retrans_time_ms: number
  base_reachable_time_ms: number
  delay_first_probe_time: number
  ucast_solicit: number
  mcast_solicit: number
  gc_stale_time: number
}

const neighDefaults: NeighConf = { retrans_time_ms: 1000, base_reachable_time_ms: 30000, delay_first_probe_time: 5, ucast_solicit: 3, mcast_solicit: 3, gc_stale_time: 60 }

/** Single keys. Values are text as `sysctl -n` prints it. */
const defaults: ReadonlyMap<string, string> = new Map(Object.entries({
  'net.bridge.bridge-nf-call-arptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-filter-pppoe-tagged': '0',
  'net.bridge.bridge-nf-filter-vlan-tagged': '0',
  'net.bridge.bridge-nf-pass-vlan-input-dev': '0',
  'net.core.somaxconn': '4096',
  'net.ipv4.icmp_echo_ignore_all': '0',
  'net.ipv4.icmp_echo_ignore_broadcasts': '1',
  'net.ipv4.icmp_errors_use_inbound_ifaddr': '0',
  'net.ipv4.icmp_ratelimit': '1000',
  'net.ipv4.icmp_ratemask': '6168',
  'net.ipv4.ip_default_ttl': '64',
  'net.ipv4.ip_forward_update_priority': '1',
  'net.ipv4.ip_forward_use_pmtu': '0',
  'net.ipv4.ip_local_port_range': '32768\t60999',
  'net.ipv4.ip_no_pmtu_disc': '0',
  'net.ipv4.ip_nonlocal_bind': '0',
  'net.ipv4.ip_unprivileged_port_start': '1024',
  'net.ipv4.ping_group_range': '1\t0',
  'net.ipv4.tcp_fin_timeout': '60',
  'net.ipv4.tcp_keepalive_intvl': '75',
  'net.ipv4.tcp_keepalive_probes': '9',
  'net.ipv4.tcp_keepalive_time': '7200',
  'net.ipv4.tcp_max_syn_backlog': '512',
  'net.ipv4.tcp_retries2': '15',
  'net.ipv4.tcp_syn_linear_timeouts': '4',
  'net.ipv4.tcp_syn_retries': '6',
  'net.ipv4.tcp_synack_retries': '5',
  'net.ipv4.tcp_tw_reuse': '2',
  'net.ipv6.conf.all.disable_ipv6': '0',
  'net.ipv6.conf.all.forwarding': '0',
  'net.ipv6.conf.default.disable_ipv6': '0',
  'net.ipv6.conf.lo.disable_ipv6': '0',
  'net.ipv4.vs.conntrack': '0',
  'net.netfilter.nf_conntrack_acct': '0',
  'net.netfilter.nf_conntrack_buckets': '65536',
  'net.netfilter.nf_conntrack_checksum': '1',
  'net.netfilter.nf_conntrack_generic_timeout': '600',
  'net.netfilter.nf_conntrack_icmp_timeout': '30',
  'net.netfilter.nf_conntrack_log_invalid': '0',
  'net.netfilter.nf_conntrack_max': '65536',
  'net.netfilter.nf_conntrack_tcp_be_liberal': '0',
  'net.netfilter.nf_conntrack_tcp_loose': '1',
  'net.netfilter.nf_conntrack_tcp_timeout_close': '10',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait': '60',
  'net.netfilter.nf_conntrack_tcp_timeout_established': '432000',
  'net.netfilter.nf_conntrack_tcp_timeout_fin_wait': '120',
  'net.netfilter.nf_conntrack_tcp_timeout_last_ack': '30',
  'net.netfilter.nf_conntrack_tcp_timeout_max_retrans': '300',
  'net.netfilter.nf_conntrack_tcp_timeout_syn_recv': '60',
  'net.netfilter.nf_conntrack_tcp_timeout_syn_sent': '120',
  'net.netfilter.nf_conntrack_tcp_timeout_time_wait': '120',
  'net.netfilter.nf_conntrack_tcp_timeout_unacknowledged': '300',
  'net.netfilter.nf_conntrack_udp_timeout': '30',
  'net.netfilter.nf_conntrack_udp_timeout_stream': '120',
}))

const ranges: ReadonlyMap<string, readonly [number, number]> = new Map([['net.ipv4.ip_default_ttl', [1, 255]]])

const confPattern = /^net[./]ipv4[./](conf|neigh)[./](.+)[./]([a-z_0-9]+)$/

export class Sysctls {
  readonly all: DeviceConf = { ...confDefaults }
  readonly default: DeviceConf = { ...confDefaults }
  readonly devices = new Map<string, DeviceConf>()
  readonly neighDefault: NeighConf = { ...neighDefaults }
  readonly neigh = new Map<string, NeighConf>()
  /** Fields of a device that do not follow the default any more: written ones, and all once it has had an address. */
  readonly #pinned = new Map<string, Set<string> | 'all'>()
  /** Keys that were written; the others have their defaults. */
  readonly #written = new Map<string, string>()
  /** Read once per packet or more. */
  bridgeCallIptables = true
  #bridgeFilter = true
  defaultTtl = 64
  /** Bumped whenever a value changes: caches compare it. */
  generation = 0

  /** The module br_netfilter: its keys come with it, with their defaults, and go with it. */
  setBridgeFilter(loaded: boolean): void {
    if (loaded === this.#bridgeFilter) return
    this.#bridgeFilter = this.bridgeCallIptables = loaded
    for (const key of [...this.#written.keys()]) if (key.startsWith('net.bridge.')) this.#written.delete(key)
    this.generation++
  }

  #has(key: string): boolean {
    return defaults.has(key) && (this.#bridgeFilter || !key.startsWith('net.bridge.'))
  }

  addDevice(name: string): DeviceConf {
    const conf = { ...this.default }
    this.devices.set(name, conf)
    this.neigh.set(name, { ...this.neighDefault })
    return conf
  }

  renameDevice(from: string, to: string): void {
    const conf = this.devices.get(from)
    const neigh = this.neigh.get(from)
    const pinned = this.#pinned.get(from)
    this.removeDevice(from)
    if (pinned) this.#pinned.set(to, pinned)
    if (conf) this.devices.set(to, conf)
    if (neigh) this.neigh.set(to, neigh)
  }

  removeDevice(name: string): void {
    this.devices.delete(name)
    this.#pinned.delete(name)
    this.neigh.delete(name)
  }

  get(key: string): string | undefined {
    if (key === 'net.ipv4.ip_forward') return String(this.all.forwarding)
    const m = confPattern.exec(key)
    if (m) {
      const holder = m[1] === 'conf' ? this.#conf(m[2]!) : this.#neigh(m[2]!)
      const value = (holder as Record<string, number> | undefined)?.[m[3]!]
      return value === undefined ? undefined : String(value)
    }
    return this.#has(key) ? (this.#written.get(key) ?? defaults.get(key)) : undefined
  }

  number(key: string): number {
    return Number(this.#written.get(key) ?? defaults.get(key) ?? 0)
  }

  set(key: string, text: string): void {
    const value = text.trim()
    this.generation++
    if (key === 'net.ipv4.ip_forward') return this.#setForwarding('all', this.#int(value))
    const m = confPattern.exec(key)
    if (m) {
      const holder = (m[1] === 'conf' ? this.#conf(m[2]!) : this.#neigh(m[2]!)) as Record<string, number> | undefined
      const field = m[3]!
      if (holder?.[field] === undefined) throw new NetError('ENOENT')
      if (field === 'forwarding') return this.#setForwarding(m[2]!, this.#int(value))
      if (field === 'mc_forwarding') throw new NetError('EACCES')
      holder[field] = this.#int(value)
      if (m[1] === 'conf') this.#spread(m[2]!, field, holder[field]!)
      return
    }
    if (!this.#has(key)) throw new NetError('ENOENT')
    const isNumber = /^-?\d+(\s+-?\d+)*$/.test(value)
    if (!isNumber) throw new NetError('EINVAL')
    const [low, high] = ranges.get(key) ?? [-Infinity, Infinity]
    if (Number(value) < low || Number(value) > high) throw new NetError('EINVAL')
    this.#written.set(key, value.replace(/\s+/g, '\t'))
    if (key === 'net.ipv4.ip_default_ttl') this.defaultTtl = Number(value)
    if (key === 'net.bridge.bridge-nf-call-iptables') this.bridgeCallIptables = value !== '0'
  }

  get keys(): readonly string[] {
    const keys = [...[...defaults.keys()].filter((k) => this.#has(k)), 'net.ipv4.ip_forward']
    for (const name of ['all', 'default', ...this.devices.keys()]) for (const field of Object.keys(confDefaults)) keys.push(`net.ipv4.conf.${name}.${field}`)
    for (const name of ['default', ...this.neigh.keys()]) for (const field of Object.keys(neighDefaults)) keys.push(`net.ipv4.neigh.${name}.${field}`)
    return keys.sort()
  }

  /** The device keeps what it has when the default changes. */
  pinDevice(name: string): void {
    this.#pinned.set(name, 'all')
  }

  /** A new default reaches the devices that follow it. */
  #spread(name: string, field: string, value: number): void {
    if (name !== 'all' && name !== 'default') {
      const own = this.#pinned.get(name)
      if (own !== 'all') this.#pinned.set(name, new Set(own).add(field))
    }
    if (name !== 'default') return
    for (const [device, conf] of this.devices) {
      const own = this.#pinned.get(device)
      if (own !== 'all' && !own?.has(field)) (conf as unknown as Record<string, number>)[field] = value
    }
  }

  #int(value: string): number {
    if (!/^-?\d+$/.test(value)) throw new NetError('EINVAL')
    return Number(value)
  }

  #conf(name: string): DeviceConf | undefined {
    return name === 'all' ? this.all : name === 'default' ? this.default : this.devices.get(name)
  }

  #neigh(name: string): NeighConf | undefined {
    return name === 'default' ? this.neighDefault : this.neigh.get(name)
  }

  /** ip_forward and conf.all.forwarding write every device and the default, and switch redirects off; a device's own switch only itself. */
  #setForwarding(name: string, value: number): void {
    const conf = this.#conf(name)!
    conf.forwarding = value === 0 ? 0 : 1
    if (name !== 'all') return
    this.all.accept_redirects = value === 0 ? 1 : 0
    this.default.forwarding = conf.forwarding
    for (const device of this.devices.values()) device.forwarding = conf.forwarding
  }
}
