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
  | { readonly kind: 'bridge'; readonly snooping?: boolean }
  | { readonly kind: 'veth'; readonly peer: { readonly name: string; readonly namespace?: NetNamespace; readonly mac?: string } }
  /** A network card and the cable to another one; listed as a card, not as a veth. */
  | { readonly kind: 'physical'; readonly peer: { readonly name: string; readonly namespace?: NetNamespace; readonly mac?: string } }
  | { readonly kind: 'vxlan'; readonly id: number; readonly local?: string; readonly remote?: string; readonly dstport?: number; readonly device?: string; readonly learning?: boolean }
  | { readonly kind: 'ipip'; readonly local?: string; readonly remote?: string }

export interface LinkInfo {
  readonly index: number
  readonly name: string
  readonly kind: 'loopback' | LinkKind['kind']
  readonly mac: string
  readonly mtu: number
  readonly up: boolean
  readonly carrier: boolean
  readonly master: string | undefined
  readonly addresses: readonly AddressInfo[]
  /** `ip link`'s words between `<` and `>`, in its order. */
  readonly flags: readonly string[]
  readonly operstate: 'UP' | 'DOWN' | 'UNKNOWN' | 'LOWERLAYERDOWN'
  readonly qdisc: 'noqueue' | 'noop' | 'fq_codel'
  readonly queueLength: number
  readonly promiscuity: number
  /** `ip link set … group` and `alias`; 0 is the default group. */
  readonly group?: number
  readonly alias?: string
  /** Of a veth: the other end. `namespace` is undefined where it is the same one. */
  readonly peer?: { readonly index: number; readonly name: string; readonly namespace: NetNamespace | undefined }
  readonly vxlan?: { readonly id: number; readonly local?: string; readonly remote?: string; readonly dstport: number; readonly device?: string; readonly learning: boolean }
  readonly ipip?: { readonly local?: string; readonly remote?: string }
  readonly bridge?: { readonly id: string; readonly stp: boolean; readonly ageingSeconds: number; readonly multicastSnooping: boolean; readonly vlanFiltering: boolean }
  /** As a port of a bridge. */
  readonly port?: { readonly number: number; readonly state: 'disabled' | 'forwarding'; readonly hairpin: boolean; readonly learning: boolean; readonly flood: boolean; readonly isolated: boolean; readonly cost: number; readonly priority: number }
  readonly statistics: { readonly rxPackets: number; readonly rxBytes: number; readonly rxErrors: number; readonly rxDropped: number; readonly txPackets: number; readonly txBytes: number; readonly txErrors: number; readonly txDropped: number }
}

export interface AddressInfo {
  readonly address: string
  readonly length: number
  readonly scope: string
  readonly label: string
  readonly broadcast?: string
  readonly secondary: boolean
  readonly peer?: string
}

export type NeighbourState = 'PERMANENT' | 'NOARP' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'INCOMPLETE' | 'FAILED' | 'NONE'

export interface NeighbourInfo {
  readonly address: string
  readonly device: string
  /** Undefined while unknown (INCOMPLETE, FAILED). */
  readonly mac: string | undefined
  readonly state: NeighbourState
  readonly proxy?: boolean
}

/** A line of `bridge fdb show`. */
export interface FdbInfo {
  readonly mac: string
  readonly device: string
  /** `master br0`: an entry of the bridge for this port; `self`: of the device itself (vxlan). */
  readonly master: string | undefined
  readonly self: boolean
  readonly remote?: string
  readonly state: 'permanent' | 'static' | 'learnt'
  readonly vlan?: number
}

/** A line of `ip rule`; table 255 is local, 254 main, 253 default. */
export interface RuleSpec {
  readonly priority?: number
  readonly not?: boolean
  readonly from?: string
  readonly to?: string
  readonly mark?: number
  readonly markMask?: number
  readonly inputDevice?: string
  readonly outputDevice?: string
  readonly table?: number
  readonly type?: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit'
}

/** A route as `ip route show` prints it. */
export interface RouteInfo extends RouteSpec {
  readonly table: number
  readonly flags: readonly ('linkdown' | 'dead' | 'onlink')[]
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
  readonly type?: 'unicast' | 'local' | 'broadcast' | 'multicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw'
  readonly onlink?: boolean
  readonly mtu?: number
  /** Multipath (`nexthop via … weight …`); then via and device are left out. */
  readonly nexthops?: readonly { readonly via?: string; readonly device?: string; readonly weight?: number; readonly onlink?: boolean }[]
}

/** The namespace's configuration verbs; errors are thrown as NetError with the errno that netlink would answer. */
export interface NetNamespace {
  readonly name: string
  /** The host it belongs to, for traces. */
  node: string
  readonly links: ReadonlyMap<string, LinkInfo>
  /** `delay`: virtual ms that a frame takes to the other side (default 0.01). */
  addLink(name: string, link: LinkKind, options?: { readonly mac?: string; readonly mtu?: number; readonly delay?: number; readonly index?: number }): LinkInfo
  deleteLink(name: string): void
  setLink(name: string, change: { readonly up?: boolean; readonly master?: string | null; readonly mtu?: number; readonly mac?: string; readonly name?: string; readonly namespace?: NetNamespace; readonly hairpin?: boolean; readonly promiscuous?: boolean; readonly multicast?: boolean; readonly arp?: boolean; readonly allMulticast?: boolean; readonly queueLength?: number; readonly group?: number; readonly alias?: string }): void
  /** `10.244.1.1/24`. */
  addAddress(device: string, cidr: string, options?: { readonly scope?: string; readonly label?: string; readonly broadcast?: string }): void
  deleteAddress(device: string, cidr: string): void
  addRoute(route: RouteSpec): void
  replaceRoute(route: RouteSpec): void
  deleteRoute(route: RouteSpec): void
  /** `ip route append`, `change`, `prepend`. */
  changeRoute(verb: 'append' | 'prepend' | 'change', route: RouteSpec): void
  /** Default: main. In the kernel's order (by table, prefix, metric). */
  routes(table?: number | 'all'): readonly RouteInfo[]
  rules(): readonly RuleSpec[]
  addRule(rule: RuleSpec): void
  deleteRule(rule: RuleSpec): void
  /** The route that a packet to `destination` would take (ip route get). */
  routeGet(destination: string, options?: { readonly source?: string; readonly mark?: number; readonly inputDevice?: string; readonly outputDevice?: string }): { readonly route: RouteSpec; readonly source: string; /** What ICMP has taught: `cache <redirected> expires 297sec mtu 1400`. */ readonly cache?: { readonly redirected?: boolean; readonly mtu?: number; readonly expires: number } } | { readonly error: string }
  /** Exceptions that ICMP has taught (`ip route show cache`), and forgetting them (`ip route flush cache`). */
  routeCache(): readonly { readonly to: string; readonly via?: string; readonly device: string; readonly redirected: boolean; readonly mtu?: number; readonly expires: number }[]
  flushRouteCache(): void
  /** `verb`: add (fails with EEXIST), replace (the default), change (fails with ENOENT). */
  setNeighbour(device: string, address: string, mac: string, options?: { readonly permanent?: boolean; readonly state?: NeighbourState; readonly verb?: 'add' | 'replace' | 'change' }): void
  neighbours(device?: string): readonly NeighbourInfo[]
  /** `ip neigh add proxy A dev D`; removed by `deleteNeighbour` with `proxy`. */
  addProxyNeighbour(device: string, address: string): void
  deleteNeighbour(device: string, address: string, options?: { readonly proxy?: boolean }): void
  /** `ip neigh flush dev D`: all but permanent ones. */
  flushNeighbours(device: string | undefined, options?: { readonly all?: boolean }): void
  /** `verb`: append (the default; adds a remote), add (EEXIST), replace. `master`: an entry of the bridge that the port belongs to. */
  setFdb(device: string, mac: string, options?: { readonly remote?: string; readonly permanent?: boolean; readonly master?: boolean; readonly verb?: 'add' | 'append' | 'replace' }): void
  deleteFdb(device: string, mac: string, options?: { readonly remote?: string; readonly master?: boolean }): void
  /** All, or those of one device or bridge. */
  fdb(device?: string): readonly FdbInfo[]
  readonly netfilter: Netfilter
  readonly nftables: Nftables
  readonly conntrack: ConntrackTable
  /** `net.ipv4.ip_forward` and so on; undefined for an unknown key. */
  sysctl(key: string): string | undefined
  /** Throws NetError: ENOENT for an unknown key, EINVAL for a bad value. */
  setSysctl(key: string, value: string): void
  readonly sysctlKeys: readonly string[]
  /** Is br_netfilter loaded? */
  setBridgeFilter(loaded: boolean): void
  readonly sockets: NetSockets
  /** Copies of all packets seen on a device (tcpdump); 'any' for all. */
  capture(device: string, listener: (packet: CapturedPacket) => void): () => void
  /** One ARP request out of a device; the answers within `timeout` ms call back, then `done` (arping). */
  arping(options: { readonly device: string; readonly target: string; readonly source?: string; readonly timeout: number }, onReply: (reply: { readonly mac: string; readonly rtt: number }) => void, done: () => void): void
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
  readonly ip?: { readonly id: number; readonly tos: number; readonly dontFragment: boolean }
  /** Of an ICMP error: the packet that it is about, and the MTU or gateway. */
  readonly quoted?: Header
  readonly icmpInfo?: number
  /** What a tunnel packet carries. */
  readonly inner?: CapturedPacket
  readonly vni?: number
}

export interface Netfilter {
  /** What iptables-restore reads. `noflush`: only chains named in the text are flushed. Throws RestoreError with line and message; nothing is changed then. */
  restore(text: string, options?: { readonly noflush?: boolean; readonly counters?: boolean }): void
  /** What iptables-save prints, without comment lines and dates. */
  save(table?: string, options?: { readonly counters?: boolean }): string
  readonly ipsets: IpSets
  /** Lines that LOG rules write to the kernel's log (dmesg, journal), without time. */
  onLog(listener: (line: string) => void): () => void
  /**
   * Runs one command that `parseCommand` (netfilter/parse.ts) made of iptables' arguments: -A -I -D -R -C -N -X -E -F -Z -P. Listing (-L, -S) is
   * done with `chains`. Throws IptablesError with the text and exit code of the real program.
   */
  apply(command: IptablesCommand): void
  /** Tables that exist (one does as soon as a command has touched it). */
  readonly tables: readonly string[]
  /** Built-in chains first, then the others by name; creates the table as iptables does when it lists. Throws IptablesError for an unknown table. */
  chains(table: string): readonly ChainInfo[]
  /** Calls back after each change of rules, chains or policies, whoever made it; must not change rules itself. Returns how to stop. */
  onChange(listener: () => void): () => void
}

/** nf_tables: what `nft` does to a namespace. Its chains stand at the same hooks as those of iptables. */
export interface Nftables {
  /**
   * Runs commands in nft's language as one transaction and returns what they list. Throws NftError (nft/lexer.ts) with the places in `text` that
   * nft would underline; nothing has been changed then. `foreign`: tables that iptables made, to be listed first.
   */
  run(text: string, options?: { readonly handles?: boolean; readonly stateless?: boolean; readonly terse?: boolean; readonly numericPriority?: boolean; readonly check?: boolean; /** `nft -j`. */ readonly json?: boolean; /** `nft -e`. */ readonly echo?: boolean; readonly foreign?: readonly { readonly family: string; readonly name: string; readonly text: string }[] }): string
  /** No table at all. */
  readonly empty: boolean
  /** Counts transactions. */
  readonly generation: number
  /** Names in a table, in the order in which they were made; undefined where there is no such table. */
  names(family: string, table: string, what: 'chains' | 'sets' | 'maps'): readonly string[] | undefined
  /** Calls back after each transaction that changed something. Returns how to stop. */
  onChange(listener: () => void): () => void
}

/** What netfilter/parse.ts makes of arguments. `rule` is opaque outside this room; `RuleInfo` shows it. */
export interface IptablesCommand {
  readonly verb: 'append' | 'insert' | 'delete' | 'replace' | 'check' | 'new-chain' | 'delete-chain' | 'rename-chain' | 'flush' | 'zero' | 'policy' | 'list' | 'list-rules'
  readonly table: string
  readonly chain: string | undefined
  /** -I, -R, -D by number, -L and -S of one rule; from 1. */
  readonly position?: number
  readonly rule?: unknown
  /** -E's new name, -P's policy. */
  readonly argument?: string
  /** Lines for stderr about a rule that is taken all the same. */
  readonly warnings?: readonly string[]
  readonly options: { readonly numeric: boolean; readonly verbose: number; readonly exact: boolean; readonly lineNumbers: boolean; readonly wait: boolean }
}

export interface Counters {
  readonly packets: number
  readonly bytes: number
}

export interface ChainInfo {
  readonly name: string
  /** Undefined for user chains. */
  readonly policy: string | undefined
  readonly counters: Counters
  readonly references: number
  readonly rules: readonly RuleInfo[]
  /** Counts up with the age of the namespace: what was made earlier has the smaller number; 0: not yet. */
  readonly order?: number
}

export interface RuleInfo {
  /** What stands after `-A CHAIN ` in iptables-save. */
  readonly text: string
  readonly counters: Counters
  /** Columns of `iptables -L`: `!` is part of the value. Protocol by name, `all` for any. */
  readonly target: string
  readonly goto: boolean
  readonly protocol: string
  readonly protocolNumber: number
  readonly fragment: '--' | '-f' | '!f'
  readonly input: string
  readonly output: string
  readonly source: string
  readonly destination: string
  /** The last column of -L: `tcp dpt:80 ctstate NEW /* text *\/ to:10.0.0.1:80`. */
  details(numeric: boolean): string
  /** As `ChainInfo.order`. */
  readonly order?: number
}

export interface ConntrackTuple {
  readonly source: string
  readonly destination: string
  readonly sourcePort?: number
  readonly destinationPort?: number
  readonly icmp?: { readonly type: number; readonly code: number; readonly id: number }
}

export interface ConntrackInfo {
  readonly protocol: Protocol | number
  readonly protocolNumber: number
  /** Seconds left. */
  readonly timeout: number
  /** TCP: SYN_SENT, ESTABLISHED, CLOSE … */
  readonly state: string | undefined
  readonly original: ConntrackTuple
  readonly reply: ConntrackTuple
  readonly replied: boolean
  readonly assured: boolean
  readonly mark: number
  readonly sourceNat: boolean
  readonly destinationNat: boolean
  readonly packets: readonly [original: number, reply: number]
  readonly bytes: readonly [original: number, reply: number]
  readonly id: number
}

export interface ConntrackTable {
  list(): readonly ConntrackInfo[]
  readonly size: number
  /** Deletes entries for which `matches` says true; returns them. */
  delete(matches: (entry: ConntrackInfo) => boolean): readonly ConntrackInfo[]
  /** New, updated and destroyed entries as they happen (conntrack -E). */
  onEvent(listener: (event: 'NEW' | 'UPDATE' | 'DESTROY', entry: ConntrackInfo) => void): () => void
}

export interface IpSets {
  create(name: string, type: 'hash:ip' | 'hash:net' | 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'bitmap:port' | 'list:set', options?: { readonly range?: readonly [from: number, to: number] }): void
  /** Replaces all entries at once. */
  setEntries(name: string, entries: readonly string[]): void
  add(name: string, entry: string): void
  delete(name: string, entry: string): void
  destroy(name: string): void
  readonly names: readonly string[]
  entries(name: string): readonly string[]
  type(name: string): string | undefined
  test(name: string, entry: string): boolean
  /** Rules and list sets that use it. */
  references(name: string): number
}

/** Event-driven sockets; the machine room wraps them for programs. Everything is synchronous, callbacks come from the loop. */
export interface NetSockets {
  tcpListen(address: Ipv4, port: number, onConnection: (connection: TcpConnection) => void, options?: { readonly owner?: string; readonly device?: string; readonly backlog?: number }): TcpListener
  tcpConnect(options: { readonly to: Ipv4; readonly port: number; readonly from?: Ipv4; readonly fromPort?: number; readonly owner?: string; readonly mark?: number; readonly device?: string }, handlers: TcpHandlers): TcpConnection
  /** Throws NetError EADDRINUSE, EADDRNOTAVAIL. */
  udpBind(options: { readonly address?: Ipv4; readonly port?: number; readonly owner?: string; readonly ttl?: number; readonly broadcast?: boolean; readonly device?: string }, handlers: UdpHandlers): UdpSocket
  /** Echo request; exactly one call back. */
  ping(options: { readonly to: Ipv4; readonly from?: Ipv4; readonly ttl?: number; readonly size?: number; readonly dontFragment?: boolean; readonly timeout: number; readonly sequence?: number; readonly id?: number; readonly broadcast?: boolean; readonly device?: string; readonly mark?: number; /** Redirects, which do not end it. */ readonly onRedirect?: (from: string, text: string) => void }, done: (result: PingResult) => void): void
  /** Sockets as `ss` lists them. */
  list(): readonly SocketInfo[]
}

/** `local` and `remote` are `ADDRESS:PORT`, `0.0.0.0:*` where open. State by ss: LISTEN, ESTAB, SYN-SENT, TIME-WAIT, UNCONN … */
export interface SocketInfo {
  readonly protocol: Protocol
  readonly state: string
  readonly local: string
  readonly remote: string
  readonly owner: string
  readonly receiveQueue: number
  readonly sendQueue: number
  readonly device?: string
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
  /** An ICMP error as the socket sees it (hard ones on a connected socket). */
  onError?(errno: string): void
  /** Every ICMP error about this socket's datagrams with its sender, as with IP_RECVERR (traceroute). */
  onIcmp?(error: { readonly from: string; readonly type: number; readonly code: number; readonly port: number; readonly mtu?: number }): void
}

export interface UdpSocket {
  readonly localAddress: Ipv4
  readonly localPort: number
  /** The errno of an immediate failure (no route …), or undefined. */
  connect(address: Ipv4, port: number): string | undefined
  /** For the next datagrams. */
  setTtl(ttl: number): void
  /** The errno of an immediate failure, or undefined when sent. `from`: the source of this datagram (IP_PKTINFO), for servers on all addresses that answer from the one that was asked. */
  send(data: string, to?: { readonly address: Ipv4; readonly port: number; readonly from?: Ipv4 }): string | undefined
  close(): void
}

export type PingResult =
  | { readonly kind: 'reply'; readonly from: string; readonly ttl: number; readonly rtt: number }
  | { readonly kind: 'icmp'; readonly from: string; readonly type: number; readonly code: number; readonly text: string }
  /** `mtu`: with EMSGSIZE, what `ping: local error: message too long, mtu=` prints. */
  | { readonly kind: 'error'; readonly errno: string; readonly mtu?: number }
  | { readonly kind: 'timeout' }

/** All namespaces and what joins them. */
export interface Network {
  readonly namespaces: ReadonlyMap<string, NetNamespace>
  createNamespace(name: string, options?: { readonly node?: string }): NetNamespace
  deleteNamespace(name: string): void
  /** Walks of packets sent while `run` runs (and of what comes back until the loop is idle for this flow) are recorded. */
  observe(listener: (walk: Walk) => void): () => void
}
