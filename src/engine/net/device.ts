/**
 * A network device of a namespace and what hangs on it: addresses, neighbours, bridge ports and tables. Models struct net_device with its
 * in_device as far as IPv4 needs it; queues, offloads and VLANs are left out.
 */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import { formatMac, type Mac } from './mac.ts'
import type { Namespace } from './namespace.ts'
import type { Arp, Frame } from './packet.ts'
import type { DeviceConf } from './sysctl.ts'
import type { AddressInfo, LinkInfo, LinkKind } from './types.ts'

export type DeviceKind = 'loopback' | LinkKind['kind']

export interface Address {
  readonly local: Ipv4
  readonly length: number
  readonly mask: number
  readonly scope: number
  readonly label: string
  readonly broadcast: Ipv4 | undefined
  secondary: boolean
}

export type NeighbourStatus = 'permanent' | 'noarp' | 'reachable' | 'stale' | 'delay' | 'probe' | 'incomplete' | 'failed'

export interface Neighbour {
  readonly address: Ipv4
  mac: Mac
  status: NeighbourStatus
  /** When reachability was last confirmed, or the state was entered. */
  since: number
  /** When the entry was last changed: replies within a second of each other do not override. */
  updated: number
  /** Packets that wait for the answer. */
  waiting: { readonly send: (mac: Mac) => void; readonly failed: () => void }[]
}

export interface BridgeEntry {
  readonly port: Device
  readonly permanent: boolean
  readonly isStatic: boolean
  seen: number
}

export interface VxlanRemote {
  readonly address: Ipv4
  readonly permanent: boolean
  seen: number
}

export interface VxlanConf {
  readonly id: number
  readonly local: Ipv4 | undefined
  readonly port: number
  readonly lower: string | undefined
  readonly learning: boolean
  readonly remote: Ipv4 | undefined
  /** By inner destination; 0 holds the defaults that floods go to. */
  readonly fdb: Map<Mac, VxlanRemote[]>
}

export type Tap = (frame: Frame, direction: 'in' | 'out', device: Device) => void

export class Device {
  readonly index: number
  name: string
  readonly kind: DeviceKind
  mac: Mac
  macChosen = false
  mtu: number
  mtuChosen = false
  up = false
  /** Has been up once: the queue discipline stays. */
  wasUp = false
  ns: Namespace
  master: Device | undefined = undefined
  addresses: Address[] = []
  conf: DeviceConf
  readonly neighbours = new Map<Ipv4, Neighbour>()
  readonly proxies = new Set<Ipv4>()
  peer: Device | undefined = undefined
  ports: Device[] = []
  portNumber = 0
  hairpin = false
  /** What `ip link set` keeps for show: no packet asks. */
  shown: { readonly promiscuous?: boolean; readonly multicast?: boolean; readonly arp?: boolean; readonly allMulticast?: boolean; readonly queueLength?: number; readonly group?: number; readonly alias?: string } = {}
  fdb: Map<Mac, BridgeEntry> = new Map()
  vxlan: VxlanConf | undefined = undefined
  ipip: { readonly local: Ipv4 | undefined; readonly remote: Ipv4 | undefined } | undefined = undefined
  taps: Tap[] | undefined = undefined
  arpListeners: ((arp: Arp) => void)[] | undefined = undefined
  snooping = true
  /** Virtual ms that a frame takes to the other side. */
  delay = 0.01
  /** How it carries a frame on (ndo_start_xmit). */
  readonly xmit: (device: Device, frame: Frame) => void
  /** Takes frames away before the protocols see them: the bridge's, on its ports. */
  rxHandler: ((device: Device, frame: Frame) => void) | undefined = undefined
  rxPackets = 0
  rxBytes = 0
  rxDropped = 0
  txPackets = 0
  txBytes = 0
  txDropped = 0
  readonly view: LinkInfo

  constructor(ns: Namespace, index: number, name: string, kind: DeviceKind, mac: Mac, mtu: number, conf: DeviceConf, xmit: (device: Device, frame: Frame) => void) {
    this.ns = ns
    this.index = index
    this.name = name
    this.kind = kind
    this.mac = mac
    this.mtu = mtu
    this.conf = conf
    this.xmit = xmit
    this.view = new LinkView(this)
  }

  get loopback(): boolean {
    return this.kind === 'loopback'
  }

  /** Whether frames can leave: for a veth the other end must be up, for a bridge one port. */
  get carrier(): boolean {
    if (!this.up) return false
    if (this.kind === 'veth' || this.kind === 'physical') return this.peer !== undefined && this.peer.up
    if (this.kind === 'bridge') return this.ports.some((p) => p.carrier)
    return true
  }

  /** Devices without neighbour resolution: by their kind, or by `arp off`. */
  get noArp(): boolean {
    return this.kind === 'loopback' || (this.shown.arp === undefined ? this.kind === 'dummy' || this.kind === 'ipip' : !this.shown.arp)
  }
}

export const scopeNames: Readonly<Record<number, string>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' }

export function scopeNumber(name: string | undefined): number | undefined {
  if (name === undefined) return undefined
  for (const [n, s] of Object.entries(scopeNames)) if (s === name) return Number(n)
  return /^\d+$/.test(name) ? Number(name) : undefined
}

/** LinkInfo over a living device. */
class LinkView implements LinkInfo {
  readonly #d: Device

  constructor(d: Device) {
    this.#d = d
  }
  get index() {
    return this.#d.index
  }
  get name() {
    return this.#d.name
  }
  get kind() {
    return this.#d.kind
  }
  get mac() {
    return formatMac(this.#d.mac)
  }
  get mtu() {
    return this.#d.mtu
  }
  get up() {
    return this.#d.up
  }
  get carrier() {
    return this.#d.carrier
  }
  get master() {
    return this.#d.master?.name
  }
  get addresses(): readonly AddressInfo[] {
    return this.#d.addresses.map((a) => ({
      address: formatIpv4(a.local),
      length: a.length,
      scope: scopeNames[a.scope] ?? String(a.scope),
      label: a.label,
      ...(a.broadcast === undefined ? {} : { broadcast: formatIpv4(a.broadcast) }),
      secondary: a.secondary,
    }))
  }
  get flags(): readonly string[] {
    const d = this.#d
    const flags: string[] = []
    if (d.up && !d.carrier) flags.push('NO-CARRIER')
    if (d.kind === 'loopback') flags.push('LOOPBACK')
    else if (d.kind === 'ipip') flags.push(...(d.ipip?.remote === undefined ? [] : ['POINTOPOINT']), ...(d.noArp ? ['NOARP'] : []))
    else if (d.kind === 'dummy') flags.push('BROADCAST', ...(d.noArp ? ['NOARP'] : []))
    else flags.push('BROADCAST')
    const { shown } = d
    if ((shown.multicast ?? !['loopback', 'ipip', 'dummy'].includes(d.kind)) && d.kind !== 'loopback') flags.push('MULTICAST')
    if (d.noArp && !d.loopback && !flags.includes('NOARP')) flags.push('NOARP')
    if (shown.allMulticast) flags.push('ALLMULTI')
    if (shown.promiscuous || (d.taps && d.taps.length > 0)) flags.push('PROMISC')
    if (d.up) flags.push('UP')
    if (d.up && d.carrier) flags.push('LOWER_UP')
    if (d.kind === 'veth' && d.peer && d.peer.ns === d.ns && !d.peer.up) flags.push('M-DOWN')
    return flags
  }
  get operstate(): LinkInfo['operstate'] {
    const d = this.#d
    if (d.kind === 'veth') {
      if (!d.up || d.carrier) return d.up ? 'UP' : 'DOWN'
      // the kernel looks the other end's index up among this namespace's own devices
      const link = d.peer?.index
      if (link === undefined || link === d.index) return 'DOWN'
      for (const other of d.ns.devices.values()) if (other.index === link) return other.carrier ? 'DOWN' : 'LOWERLAYERDOWN'
      return 'DOWN'
    }
    if (d.kind === 'bridge' || d.kind === 'physical') return d.carrier ? 'UP' : 'DOWN'
    return d.up ? 'UNKNOWN' : 'DOWN'
  }
  get qdisc(): LinkInfo['qdisc'] {
    return !this.#d.wasUp ? 'noop' : this.#d.kind === 'physical' ? 'fq_codel' : 'noqueue'
  }
  get queueLength() {
    return this.#d.shown.queueLength ?? 1000
  }
  get promiscuity() {
    return (this.#d.master ? 1 : 0) + (this.#d.taps?.length ?? 0) + (this.#d.shown.promiscuous ? 1 : 0)
  }
  get group() {
    return this.#d.shown.group ?? 0
  }
  get alias() {
    return this.#d.shown.alias || (undefined as never)
  }
  get peer() {
    const p = this.#d.kind === 'veth' ? this.#d.peer : undefined
    if (!p) return undefined as never
    return { index: p.index, name: p.name, namespace: p.ns === this.#d.ns ? undefined : p.ns }
  }
  get vxlan() {
    const v = this.#d.vxlan
    if (!v) return undefined as never
    return {
      id: v.id,
      dstport: v.port,
      learning: v.learning,
      ...(v.local === undefined ? {} : { local: formatIpv4(v.local) }),
      ...(v.remote === undefined ? {} : { remote: formatIpv4(v.remote) }),
      ...(v.lower === undefined ? {} : { device: v.lower }),
    }
  }
  get ipip() {
    const v = this.#d.ipip
    if (!v) return undefined as never
    return { ...(v.local === undefined ? {} : { local: formatIpv4(v.local) }), ...(v.remote === undefined ? {} : { remote: formatIpv4(v.remote) }) }
  }
  get bridge() {
    const d = this.#d
    if (d.kind !== 'bridge') return undefined as never
    return { id: `8000.${formatMac(d.mac).replaceAll(':', '').replace(/^0+/, '')}`, stp: false, ageingSeconds: 300, multicastSnooping: d.snooping, vlanFiltering: false }
  }
  get port() {
    const d = this.#d
    if (!d.master) return undefined as never
    return { number: d.portNumber, state: d.carrier ? ('forwarding' as const) : ('disabled' as const), hairpin: d.hairpin, learning: true, flood: true, isolated: false, cost: 2, priority: 32 }
  }
  get statistics() {
    const d = this.#d
    return { rxPackets: d.rxPackets, rxBytes: d.rxBytes, rxErrors: 0, rxDropped: d.rxDropped, txPackets: d.txPackets, txBytes: d.txBytes, txErrors: 0, txDropped: d.txDropped }
  }
}
