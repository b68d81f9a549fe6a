/**
 * Linux networking as other rooms see it: the face of the simulated kernel's network stack. This room has never heard of
 * Kubernetes: kube-proxy, CNI plugins and policy agents configure it with the same verbs as on a real host, and mostly with
 * the same texts (`netfilter.restore` takes what iptables-restore takes).
 *
 *   socket ─► OUTPUT ─► route ─► POSTROUTING ─► device ═ peer namespace ═► PREROUTING ─► route ─► FORWARD | INPUT ─► socket
 *
 * A walk of one packet is synchronous and ends in one verdict of a closed set; latency between send and delivery is virtual time.
 */
import type { Ipv4 } from '#base/ip.ts'

export type Protocol = 'tcp' | 'udp' | 'icmp' | 'sctp'

/** Why and where a packet ended. Every walk ends in exactly one. */
export type Verdict =
  | { readonly kind: 'delivered'; readonly namespace: string; readonly socket: string }
  | { readonly kind: 'dropped'; readonly at: StageRef; readonly why: string }
  | { readonly kind: 'rejected'; readonly at: StageRef; readonly why: string; readonly error: string }
  | { readonly kind: 'unreachable'; readonly at: StageRef; readonly why: string; readonly error: string }
  | { readonly kind: 'timed-out'; readonly at: StageRef; readonly why: string }
  | { readonly kind: 'looped'; readonly at: StageRef; readonly why: string }

export interface StageRef {
  readonly namespace: string
  /** One of the ordered stages (`stages.ts`): socket, output:raw … nat, route, forward:filter, postrouting:nat, device, bridge, vxlan, neighbour, prerouting:…, input:filter, deliver. */
  readonly stage: string
  /** The rule as iptables-save prints it, the route as `ip route` prints it, the fdb entry …; undefined where no rule decided. */
  readonly rule?: string
}

/** The header fields that a trace shows. */
export interface Header {
  readonly protocol: Protocol | number
  readonly source: string
  readonly destination: string
  readonly sourcePort?: number
  readonly destinationPort?: number
  readonly icmp?: { readonly type: number; readonly code: number; readonly id?: number; readonly sequence?: number }
  readonly ttl: number
  readonly mark: number
  readonly tcpFlags?: string
  readonly length: number
  /** Around it: VXLAN id and outer addresses while in a tunnel. */
  readonly outer?: Header
}

/** One thing a stage saw or did with a packet. */
export interface Observation extends StageRef {
  readonly node: string
  readonly device?: string
  readonly before: Header
  readonly after: Header
  readonly why: string
}

export interface Walk {
  readonly observations: readonly Observation[]
  readonly verdict: Verdict
}

/** A trace of one request: the walk there and the walks of what came back. */
export interface TraceResult {
  readonly forward: readonly Walk[]
  readonly reply: readonly Walk[]
}

export type LinkKind =
  | { readonly kind: 'dummy' }
  | { readonly kind: 'bridge' }
  | { readonly kind: 'veth'; readonly peer: { readonly name: string; readonly namespace?: NetNamespace; readonly mac?: string } }
  | { readonly kind: 'vxlan'; readonly id: number; readonly local?: string; readonly remote?: string; readonly dstport?: number; readonly device?: string; readonly learning?: boolean }
  | { readonly kind: 'ipip'; readonly local?: string; readonly remote?: string }

export interface LinkInfo {
  readonly index: number
  readonly name: string
  readonly kind: 'loopback' | LinkKind['kind'] | 'physical'
  readonly mac: string
  readonly mtu: number
  readonly up: boolean
  readonly carrier: boolean
  readonly master: string | undefined
  readonly addresses: readonly { readonly address: string; readonly length: number; readonly scope: string; readonly label: string }[]
}

/** A route as `ip route` takes it. */
export interface RouteSpec {
  /** `default` or a prefix or an address. */
  readonly to: string
  readonly via?: string
  readonly device?: string
  readonly source?: string
  readonly metric?: number
  readonly scope?: 'global' | 'link' | 'host'
  readonly protocol?: string
  readonly table?: number
  readonly type?: 'unicast' | 'local' | 'broadcast' | 'blackhole' | 'unreachable' | 'prohibit'
  readonly onlink?: boolean
}

/** The namespace's configuration verbs; errors are thrown as NetError with the errno that netlink would answer. */
export interface NetNamespace {
  readonly name: string
  /** The host it belongs to, for traces. */
  node: string
  readonly links: ReadonlyMap<string, LinkInfo>
  addLink(name: string, link: LinkKind, options?: { readonly mac?: string; readonly mtu?: number }): LinkInfo
  deleteLink(name: string): void
  setLink(name: string, change: { readonly up?: boolean; readonly master?: string | null; readonly mtu?: number; readonly mac?: string; readonly name?: string; readonly namespace?: NetNamespace; readonly hairpin?: boolean }): void
  /** `10.244.1.1/24`. */
  addAddress(device: string, cidr: string, options?: { readonly scope?: string; readonly label?: string }): void
  deleteAddress(device: string, cidr: string): void
  addRoute(route: RouteSpec): void
  replaceRoute(route: RouteSpec): void
  deleteRoute(route: RouteSpec): void
  routes(table?: number): readonly RouteSpec[]
  /** The route that a packet to `destination` would take (ip route get). */
  routeGet(destination: string, options?: { readonly source?: string; readonly mark?: number; readonly inputDevice?: string }): { readonly route: RouteSpec; readonly source: string } | { readonly error: string }
  setNeighbour(device: string, address: string, mac: string, options?: { readonly permanent?: boolean }): void
  deleteNeighbour(device: string, address: string): void
  setFdb(device: string, mac: string, options?: { readonly remote?: string; readonly permanent?: boolean }): void
  deleteFdb(device: string, mac: string, options?: { readonly remote?: string }): void
  readonly netfilter: Netfilter
  /** `net.ipv4.ip_forward` and so on; undefined for an unknown key. */
  sysctl(key: string): string | undefined
  setSysctl(key: string, value: string): void
  readonly sockets: NetSockets
  /** Copies of all packets seen on a device (tcpdump); 'any' for all. */
  capture(device: string, listener: (packet: CapturedPacket) => void): () => void
}

export interface CapturedPacket {
  readonly time: number
  readonly device: string
  readonly direction: 'in' | 'out'
  readonly header: Header
  readonly payload: string
  readonly link?: { readonly source: string; readonly destination: string; readonly type: 'ip' | 'arp' }
  readonly arp?: { readonly op: 'request' | 'reply'; readonly senderMac: string; readonly senderIp: string; readonly targetMac: string; readonly targetIp: string }
  readonly tcp?: { readonly seq: number; readonly ack: number; readonly window: number }
}

export interface Netfilter {
  /** What iptables-restore reads. `noflush`: only chains named in the text are flushed. Throws RestoreError with line and message; nothing is changed then. */
  restore(text: string, options?: { readonly noflush?: boolean; readonly counters?: boolean }): void
  /** What iptables-save prints, without comment lines and dates. */
  save(table?: string, options?: { readonly counters?: boolean }): string
  readonly ipsets: IpSets
}

export interface IpSets {
  create(name: string, type: 'hash:ip' | 'hash:net' | 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'bitmap:port'): void
  /** Replaces all entries at once. */
  setEntries(name: string, entries: readonly string[]): void
  add(name: string, entry: string): void
  delete(name: string, entry: string): void
  destroy(name: string): void
  readonly names: readonly string[]
  entries(name: string): readonly string[]
}

/** Event-driven sockets; the machine room wraps them for programs. Everything is synchronous, callbacks come from the loop. */
export interface NetSockets {
  tcpListen(address: Ipv4, port: number, onConnection: (connection: TcpConnection) => void): TcpListener
  tcpConnect(options: { readonly to: Ipv4; readonly port: number; readonly from?: Ipv4; readonly fromPort?: number }, handlers: TcpHandlers): TcpConnection
  udpBind(options: { readonly address?: Ipv4; readonly port?: number }, handlers: UdpHandlers): UdpSocket
  /** Echo request; exactly one call back. */
  ping(options: { readonly to: Ipv4; readonly from?: Ipv4; readonly ttl?: number; readonly size?: number; readonly dontFragment?: boolean; readonly timeout: number; readonly sequence?: number; readonly id?: number }, done: (result: PingResult) => void): void
  /** Sockets as `ss` lists them. */
  list(): readonly { readonly protocol: Protocol; readonly state: string; readonly local: string; readonly remote: string; readonly owner: string }[]
}

export interface TcpHandlers {
  onOpen?(connection: TcpConnection): void
  onData?(text: string): void
  /** The peer closed its side. */
  onEnd?(): void
  /** ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPERM, ETIMEDOUT, ECONNRESET … The connection is dead. `local`: this host refused, no packet left. */
  onError?(errno: string, local: boolean): void
  onClose?(): void
}

export interface TcpConnection {
  handlers: TcpHandlers
  readonly state: string
  readonly localAddress: Ipv4
  readonly localPort: number
  readonly remoteAddress: Ipv4
  readonly remotePort: number
  send(text: string): void
  end(): void
  abort(): void
}

export interface TcpListener {
  readonly address: Ipv4
  readonly port: number
  close(): void
}

export interface UdpHandlers {
  onMessage?(data: string, from: { readonly address: Ipv4; readonly port: number; readonly to: Ipv4 }): void
  onError?(errno: string): void
}

export interface UdpSocket {
  readonly localAddress: Ipv4
  readonly localPort: number
  connect(address: Ipv4, port: number): void
  /** The errno of an immediate failure, or undefined when sent. */
  send(data: string, to?: { readonly address: Ipv4; readonly port: number }): string | undefined
  close(): void
}

export type PingResult =
  | { readonly kind: 'reply'; readonly from: string; readonly ttl: number; readonly rtt: number }
  | { readonly kind: 'icmp'; readonly from: string; readonly type: number; readonly code: number; readonly text: string }
  | { readonly kind: 'error'; readonly errno: string }
  | { readonly kind: 'timeout' }

/** All namespaces and what joins them. */
export interface Network {
  readonly namespaces: ReadonlyMap<string, NetNamespace>
  createNamespace(name: string, options?: { readonly node?: string }): NetNamespace
  deleteNamespace(name: string): void
  /** Walks of packets sent while `run` runs (and of what comes back until the loop is idle for this flow) are recorded. */
  observe(listener: (walk: Walk) => void): () => void
}
