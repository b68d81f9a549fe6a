/**
 * A network namespace: what `ip`, `bridge`, `sysctl` and `iptables` configure, and the state that its packets meet. The verbs check and answer as
 * netlink does; the packet path is in ip.ts, link.ts, bridge.ts, arp.ts.
 */
import { formatIpv4, parseIpv4, type Ipv4 } from '#base/ip.ts'
import type { Random } from '#base/random.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { addAddress, deleteAddress, selectAddress } from './addresses.ts'
import { probe } from './arp.ts'
import { capturePackets } from './capture.ts'
import { ConntrackStore } from './conntrack/store.ts'
import type { Device, Tap } from './device.ts'
import { NetError } from './error.ts'
import { deleteFdb, listFdb, setFdb } from './fdb.ts'
import { Fib, SCOPE_LINK } from './fib.ts'
import { icmpSend } from './icmp.ts'
import { addLink, deleteLink, setLink } from './links.ts'
import { addProxyNeighbour, deleteNeighbour, flushNeighbours, listNeighbours, setNeighbour } from './neighbours.ts'
import { NetfilterState } from './netfilter/netfilter.ts'
import { NftState } from './nft/state.ts'
import type { SimNetwork } from './network.ts'
import type { Frame, Packet } from './packet.ts'
import { receive } from './receive.ts'
import { addRule, changeRoute, deleteRoute, deleteRule, listRoutes, listRules, routeInfo } from './routes.ts'
import { routeInput, routeOutput } from './route.ts'
import { SocketTable } from './sockets.ts'
import { deliver } from './transport.ts'
import { Sysctls } from './sysctl.ts'
import { transmit } from './link.ts'
import { broadcastMac, formatMac } from './mac.ts'
import type { CapturedPacket, FdbInfo, LinkInfo, LinkKind, NeighbourInfo, NetNamespace, RouteInfo, RouteSpec, RuleSpec } from './types.ts'

export class Namespace implements NetNamespace {
  readonly name: string
  node: string
  readonly network: SimNetwork
  readonly sim: Sim
  readonly random: Random
  readonly devices = new Map<string, Device>()
  readonly links = new Map<string, LinkInfo>()
  /** VXLAN and IP-in-IP devices, which receive by themselves. */
  readonly tunnels: Device[] = []
  readonly fib = new Fib()
  readonly sysctls = new Sysctls()
  readonly netfilter: NetfilterState
  readonly nftables: NftState
  readonly conntrack: ConntrackStore
  readonly sockets: SocketTable
  readonly loopback: Device
  /** Captures on all devices. */
  taps: Tap[] | undefined = undefined
  nextIndex = 1
  /** Bumped with every change to what packets meet here; told to the network. */
  revision = 0
  readonly #pathMtus = new Map<Ipv4, { readonly mtu: number; readonly until: number }>()
  #nextId: number
  #own: Set<Ipv4> = new Set()
  #ownAt = -1

  constructor(network: SimNetwork, name: string, node: string) {
    this.network = network
    this.sim = network.sim
    this.name = name
    this.node = node
    this.random = network.random.fork(name)
    this.#nextId = this.random.below(65536)
    this.conntrack = new ConntrackStore(this)
    this.nftables = new NftState(this)
    this.netfilter = new NetfilterState(this)
    this.sockets = new SocketTable(this)
    this.fib.onChange = () => this.touched()
    addLink(this, 'lo', 'loopback', {})
    this.loopback = this.devices.get('lo')!
  }

  touched(): void {
    this.revision++
    this.network.onTouched?.()
  }

  device(name: string): Device {
    const device = this.devices.get(name)
    if (!device) throw new NetError('ENODEV')
    return device
  }

  /** A frame has come to one of the devices. */
  receive(device: Device, frame: Frame): void {
    receive(device, frame)
  }

  /** A packet for this host has passed INPUT. */
  deliver(p: Packet): void {
    deliver(this, p)
  }

  /** Tells the sender of a packet what became of it. */
  icmpError(about: Packet, type: number, code: number, info: number): void {
    icmpSend(this, about, type, code, info)
  }

  /** The identification field of the next packet. */
  nextId(): number {
    this.#nextId = (this.#nextId + 1) & 0xffff
    return this.#nextId
  }

  isOwnAddress(address: Ipv4): boolean {
    if (this.#ownAt !== this.fib.generation) {
      this.#ownAt = this.fib.generation
      this.#own = new Set()
      for (const d of this.devices.values()) for (const a of d.addresses) this.#own.add(a.local)
    }
    return this.#own.has(address)
  }

  /** Whether redirects may be sent out of a device. */
  sends(device: Device): boolean {
    return device.conf.send_redirects !== 0 || this.sysctls.all.send_redirects !== 0
  }

  pathMtu(destination: Ipv4): number {
    const known = this.#pathMtus.get(destination)
    return known && known.until > this.sim.now ? known.mtu : 65535
  }

  learnPathMtu(destination: Ipv4, mtu: number): void {
    this.#pathMtus.set(destination, { mtu: Math.max(mtu, 552), until: this.sim.now + 600_000 })
  }

  /** Whether any redirect has been accepted: routing asks only then. */
  redirected = false
  readonly #redirects = new Map<Ipv4, { readonly gateway: Ipv4; readonly instead: Ipv4; readonly until: number }>()

  /** An ICMP redirect has come (__ip_do_redirect): taken when it comes from the gateway in use and the new one is a neighbour that answers. */
  redirect(p: Packet, quoted: Packet): void {
    const device = p.input
    if (!device) return
    const all = this.sysctls.all.accept_redirects !== 0
    const own = device.conf.accept_redirects !== 0
    if (device.conf.forwarding !== 0 ? !(all && own) : !(all || own)) return
    const path = routeOutput(this, quoted.destination, quoted.source, undefined, 0)
    const gateway = p.icmpInfo
    if ('errno' in path || path.device !== device || path.gateway !== p.source || gateway === p.source || this.fib.addressType(gateway) !== 'unicast') return
    const neighbour = device.neighbours.get(gateway)
    if (!neighbour || neighbour.status === 'failed' || neighbour.status === 'incomplete') {
      probe(device, gateway)
      return
    }
    this.redirected = true
    this.#redirects.set(quoted.destination, { gateway, instead: p.source, until: this.sim.now + 300_000 })
  }

  routeCache(): ReturnType<NetNamespace['routeCache']> {
    const now = this.sim.now
    const result: ReturnType<NetNamespace['routeCache']>[number][] = []
    for (const to of new Set([...this.#redirects.keys(), ...this.#pathMtus.keys()])) {
      const redirect = this.#redirects.get(to)
      const mtu = this.#pathMtus.get(to)
      const redirected = redirect !== undefined && redirect.until > now
      const learnt = mtu !== undefined && mtu.until > now
      const path = routeOutput(this, to, 0, undefined, 0)
      if ((!redirected && !learnt) || 'errno' in path) continue
      result.push({
        to: formatIpv4(to),
        ...(path.gateway === to ? {} : { via: formatIpv4(path.gateway) }),
        device: path.device.name,
        redirected,
        ...(learnt ? { mtu: mtu.mtu } : {}),
        expires: Math.round((Math.max(redirected ? redirect.until : 0, learnt ? mtu.until : 0) - now) / 1000),
      })
    }
    return result
  }

  flushRouteCache(): void {
    this.#redirects.clear()
    this.#pathMtus.clear()
  }

  /** The gateway for a destination after redirects. */
  redirectedGateway(destination: Ipv4, gateway: Ipv4): Ipv4 {
    const known = this.#redirects.get(destination)
    return known && known.until > this.sim.now && known.instead === gateway ? known.gateway : gateway
  }

  /** The namespace goes away with its devices. */
  dispose(): void {
    this.sockets.tcp.dispose()
    for (const name of [...this.devices.keys()]) if (name !== 'lo' && this.devices.has(name)) deleteLink(this, name)
  }

  addLink(name: string, link: LinkKind, options: { readonly mac?: string; readonly mtu?: number; readonly delay?: number; readonly index?: number } = {}): LinkInfo {
    return addLink(this, name, link, options)
  }

  deleteLink(name: string): void {
    deleteLink(this, name)
  }

  setLink(name: string, change: Parameters<NetNamespace['setLink']>[1]): void {
    setLink(this, this.device(name), change)
  }

  addAddress(device: string, cidr: string, options: { readonly scope?: string; readonly label?: string; readonly broadcast?: string } = {}): void {
    addAddress(this, this.device(device), cidr, options)
    this.sysctls.pinDevice(device)
  }

  deleteAddress(device: string, cidr: string): void {
    deleteAddress(this, this.device(device), cidr)
  }

  addRoute(route: RouteSpec): void {
    changeRoute(this, 'add', route)
  }

  replaceRoute(route: RouteSpec): void {
    changeRoute(this, 'replace', route)
  }

  changeRoute(verb: 'append' | 'prepend' | 'change', route: RouteSpec): void {
    changeRoute(this, verb, route)
  }

  deleteRoute(route: RouteSpec): void {
    deleteRoute(this, route)
  }

  routes(table: number | 'all' = 254): readonly RouteInfo[] {
    return listRoutes(this, table)
  }

  rules(): readonly RuleSpec[] {
    return listRules(this)
  }

  addRule(rule: RuleSpec): void {
    addRule(this, rule)
  }

  deleteRule(rule: RuleSpec): void {
    deleteRule(this, rule)
  }

  routeGet(destination: string, options: { readonly source?: string; readonly mark?: number; readonly inputDevice?: string; readonly outputDevice?: string } = {}): ReturnType<NetNamespace['routeGet']> {
    const to = parseIpv4(destination)
    if (to === undefined) return { error: 'EINVAL' }
    const from = options.source === undefined ? 0 : (parseIpv4(options.source) ?? 0)
    const path =
      options.inputDevice !== undefined
        ? routeInput(this, this.device(options.inputDevice), from, to, options.mark ?? 0)
        : routeOutput(this, to, from, options.outputDevice === undefined ? undefined : this.device(options.outputDevice), options.mark ?? 0)
    if ('errno' in path) return { error: path.errno === '' ? (path.why.startsWith('martian') ? 'EINVAL' : 'EHOSTUNREACH') : path.errno }
    const base = path.route ? routeInfo(path.route) : undefined
    const local = path.type === 'local'
    const redirect = this.#redirects.get(to)
    const mtu = this.#pathMtus.get(to)
    const redirected = redirect && redirect.until > this.sim.now && redirect.gateway === path.gateway
    const learnt = mtu && mtu.until > this.sim.now
    const until = Math.max(redirected ? redirect.until : 0, learnt ? mtu.until : 0)
    return {
      ...(redirected || learnt ? { cache: { ...(redirected ? { redirected: true } : {}), ...(learnt ? { mtu: mtu.mtu } : {}), expires: Math.round((until - this.sim.now) / 1000) } } : {}),
      route: {
        ...base,
        to: destination,
        ...(path.gateway !== to && !local ? { via: formatIpv4(path.gateway) } : {}),
        device: path.device.name,
        source: formatIpv4(path.source),
        type: path.type === 'multicast' ? 'multicast' : path.type,
      },
      source: formatIpv4(path.source),
    }
  }

  setNeighbour(device: string, address: string, mac: string, options: Parameters<NetNamespace['setNeighbour']>[3] = {}): void {
    setNeighbour(this, this.device(device), address, mac, options)
    this.touched()
  }

  neighbours(device?: string): readonly NeighbourInfo[] {
    return listNeighbours(this, device === undefined ? undefined : this.device(device))
  }

  addProxyNeighbour(device: string, address: string): void {
    addProxyNeighbour(this.device(device), address)
  }

  deleteNeighbour(device: string, address: string, options: { readonly proxy?: boolean } = {}): void {
    deleteNeighbour(this.device(device), address, options)
    this.touched()
  }

  flushNeighbours(device: string | undefined, options: { readonly all?: boolean } = {}): void {
    flushNeighbours(this, device === undefined ? undefined : this.device(device), options)
    this.touched()
  }

  setFdb(device: string, mac: string, options: Parameters<NetNamespace['setFdb']>[2] = {}): void {
    setFdb(this.device(device), mac, options)
    this.touched()
  }

  deleteFdb(device: string, mac: string, options: Parameters<NetNamespace['deleteFdb']>[2] = {}): void {
    deleteFdb(this.device(device), mac, options)
    this.touched()
  }

  fdb(device?: string): readonly FdbInfo[] {
    return listFdb(this, device === undefined ? undefined : this.device(device))
  }

  sysctl(key: string): string | undefined {
    return this.sysctls.get(key)
  }

  setSysctl(key: string, value: string): void {
    this.sysctls.set(key, value)
    this.fib.generation++
  }

  setBridgeFilter(loaded: boolean): void {
    this.sysctls.setBridgeFilter(loaded)
  }

  get sysctlKeys(): readonly string[] {
    return this.sysctls.keys
  }

  capture(device: string, listener: (packet: CapturedPacket) => void): () => void {
    return capturePackets(this, device, listener)
  }

  arping(options: Parameters<NetNamespace['arping']>[0], onReply: Parameters<NetNamespace['arping']>[1], done: () => void): void {
    const device = this.device(options.device)
    const target = parseIpv4(options.target) ?? 0
    const source = options.source === undefined ? selectAddress(this, device, target, SCOPE_LINK) : (parseIpv4(options.source) ?? 0)
    const sent = this.sim.now
    const listen: NonNullable<Device['arpListeners']>[number] = (arp) => {
      if (!arp.reply || arp.senderIp !== target) return
      const at = sent + 2 * device.delay
      this.network.later(at, () => onReply({ mac: formatMac(arp.senderMac), rtt: at - sent }))
    }
    device.arpListeners = [...(device.arpListeners ?? []), listen]
    transmit(device, { source: device.mac, destination: broadcastMac, packet: undefined, arp: { reply: false, senderMac: device.mac, senderIp: source, targetMac: broadcastMac, targetIp: target } })
    this.sim.after(options.timeout, () => {
      const rest = (device.arpListeners ?? []).filter((l) => l !== listen)
      device.arpListeners = rest.length > 0 ? rest : undefined
      done()
    })
  }
}
