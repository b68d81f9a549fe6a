/**
 * What flanneld writes on a node: the tunnel device, routes, neighbours and forwarding entries per other node, the masquerading and
 * forwarding rules (flannel v0.28, iptables mode). Back-ends: vxlan (with DirectRouting), host-gw, alloc. Leases of other back-ends are passed over.
 */
import { cidr4, cidrContains, formatIpv4, ipv4 } from '#base/ip.ts'
import type { LinkInfo, NetNamespace } from '#engine/net/types.ts'
import { Iptables } from '#engine/node/iptables.ts'

export interface FlannelConf {
  readonly network: string
  readonly backend: string
  readonly vni: number
  readonly port: number
  readonly mtu: number | undefined
  readonly directRouting: boolean
}

/** Another node as its annotations tell. */
export interface Lease {
  readonly node: string
  readonly subnet: string
  readonly publicIp: string
  readonly vtepMac: string | undefined
  readonly backend: string
}

export interface Uplink {
  readonly device: string
  readonly address: string
  readonly length: number
  readonly mtu: number
}

/** The interface of the default route, or the one that was named. */
export function findUplink(net: NetNamespace, named?: string): Uplink | undefined {
  const device = named ?? net.routes().find((r) => r.to === 'default')?.device
  const link = device === undefined ? undefined : (net.links.get(device) ?? [...net.links.values()].find((l) => l.addresses.some((a) => a.address === device)))
  const address = link?.addresses.find((a) => a.scope !== 'link' && a.scope !== 'host')
  return link && address ? { device: link.name, address: address.address, length: address.length, mtu: link.mtu } : undefined
}

const firstAddress = (subnet: string) => formatIpv4(cidr4(subnet).network)

export class FlannelNetwork {
  readonly #net: NetNamespace
  readonly #conf: FlannelConf
  readonly #uplink: Uplink
  readonly #leases = new Map<string, Lease>()

  constructor(net: NetNamespace, conf: FlannelConf, uplink: Uplink) {
    this.#net = net
    this.#conf = conf
    this.#uplink = uplink
  }

  get device(): string {
    return `flannel.${this.#conf.vni}`
  }

  get mtu(): number {
    return (this.#conf.mtu ?? this.#uplink.mtu) - (this.#conf.backend === 'vxlan' ? 50 : 0)
  }

  /** Why a device of the tunnel's name cannot be the tunnel (vxlanLinksIncompat): what is wanted against what is there. */
  #incompatibility(link: LinkInfo): string | undefined {
    const { vxlan } = link
    if (!vxlan) return `link type: vxlan vs ${link.kind}`
    const index = (device: string | undefined) => this.#net.links.get(device ?? '')?.index ?? 0
    const differences: readonly (readonly [what: string, wanted: string | number, found: string | number])[] = [
      ['vni', this.#conf.vni, vxlan.id], ['vtep (external) interface', index(this.#uplink.device), index(vxlan.device)], ['vtep (external) IP', this.#uplink.address, vxlan.local ?? this.#uplink.address],
      ['port', this.#conf.port === 0 ? vxlan.dstport : this.#conf.port, vxlan.dstport],
    ]
    const found = differences.find(([, wanted, there]) => wanted !== there)
    return found && `${found[0]}: ${found[1]} vs ${found[2]}`
  }

  /** The tunnel's device; its MAC, for the node's annotation. `replaced` hears why one that was there had to go. */
  ensureDevice(subnet: string, replaced: (why: string) => void): string | undefined {
    if (this.#conf.backend !== 'vxlan') return undefined
    const { device } = this
    const there = this.#net.links.get(device)
    const why = there && this.#incompatibility(there)
    if (why !== undefined) {
      replaced(why)
      this.#net.deleteLink(device)
    }
    if (!this.#net.links.has(device)) {
      this.#net.addLink(device, { kind: 'vxlan', id: this.#conf.vni, local: this.#uplink.address, dstport: this.#conf.port === 0 ? 8472 : this.#conf.port, device: this.#uplink.device, learning: false }, { mtu: this.mtu })
    }
    const address = `${firstAddress(subnet)}/32`
    const link = this.#net.links.get(device)!
    for (const a of link.addresses) if (`${a.address}/${a.length}` !== address) this.#net.deleteAddress(device, `${a.address}/${a.length}`)
    if (!link.addresses.some((a) => `${a.address}/${a.length}` === address)) this.#net.addAddress(device, address)
    this.#net.setLink(device, { up: true })
    return this.#net.links.get(device)!.mac
  }

  #direct(lease: Lease): boolean {
    if (this.#conf.backend === 'host-gw') return true
    return this.#conf.directRouting && cidrContains(cidr4(`${this.#uplink.address}/${this.#uplink.length}`), ipv4(lease.publicIp))
  }

  /** Makes another node's subnet reachable; what an older lease of it left is removed. */
  add(lease: Lease): void {
    const old = this.#leases.get(lease.node)
    if (old && JSON.stringify(old) === JSON.stringify(lease)) return
    if (old) this.remove(lease.node)
    if (this.#conf.backend === 'alloc') return
    if (this.#direct(lease)) {
      this.#net.replaceRoute({ to: lease.subnet, via: lease.publicIp, device: this.#uplink.device })
    } else {
      if (lease.vtepMac === undefined) return
      const gateway = firstAddress(lease.subnet)
      this.#net.setNeighbour(this.device, gateway, lease.vtepMac, { permanent: true })
      this.#net.setFdb(this.device, lease.vtepMac, { remote: lease.publicIp, permanent: true })
      this.#net.replaceRoute({ to: lease.subnet, via: gateway, device: this.device, onlink: true })
    }
    this.#leases.set(lease.node, lease)
  }

  remove(node: string): void {
    const lease = this.#leases.get(node)
    if (!lease) return
    this.#leases.delete(node)
    const quiet = (f: () => void) => {
      try {
        f()
      } catch {
        // Somebody else has removed it already.
      }
    }
    if (this.#direct(lease)) return quiet(() => this.#net.deleteRoute({ to: lease.subnet, via: lease.publicIp, device: this.#uplink.device }))
    const gateway = firstAddress(lease.subnet)
    quiet(() => this.#net.deleteRoute({ to: lease.subnet, via: gateway, device: this.device }))
    quiet(() => this.#net.deleteNeighbour(this.device, gateway))
    quiet(() => this.#net.deleteFdb(this.device, lease.vtepMac!, { remote: lease.publicIp }))
  }
}

const masq = '-m comment --comment "flanneld masq"'
const forward = '-m comment --comment "flanneld forward"'

export function masqueradeRules(network: string, subnet: string, randomFully = true): string[] {
  const last = `-j MASQUERADE${randomFully ? ' --random-fully' : ''}`
  return [
    `-m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
    `-s ${subnet} -d ${network} ${masq} -j RETURN`,
    `-s ${network} -d ${subnet} ${masq} -j RETURN`,
    `! -s ${network} -d ${subnet} ${masq} -j RETURN`,
    `-s ${network} ! -d 224.0.0.0/4 ${masq} ${last}`,
    `! -s ${network} -d ${network} ${masq} ${last}`,
  ]
}

export function forwardRules(network: string): string[] {
  return [`-s ${network} ${forward} -j ACCEPT`, `-d ${network} ${forward} -j ACCEPT`]
}

export interface FlannelRules {
  readonly network: string
  readonly subnet: string
  readonly ipMasq: boolean
  readonly randomFully: boolean
  readonly forward: boolean
}

/** Puts the rules where they are missing. Cheap when they are all there. */
export function ensureRules(net: NetNamespace, rules: FlannelRules): void {
  const tables = new Iptables(net.netfilter)
  const chain = (table: 'nat' | 'filter', name: string, lines: readonly string[], from: string, jump: string) => {
    const there = tables.rules(table, name)
    if (there.length !== lines.length || there.some((r, i) => r !== lines[i])) tables.replaceChain(table, name, lines)
    tables.ensureAppended(table, from, jump)
  }
  if (rules.ipMasq) chain('nat', 'FLANNEL-POSTRTG', masqueradeRules(rules.network, rules.subnet, rules.randomFully), 'POSTROUTING', `${masq} -j FLANNEL-POSTRTG`)
  if (rules.forward) chain('filter', 'FLANNEL-FWD', forwardRules(rules.network), 'FORWARD', `${forward} -j FLANNEL-FWD`)
}
