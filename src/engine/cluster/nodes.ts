/** Machines of a cluster: hosts on one Ethernet segment with the files that the installer of a lab would leave. */
import type { Sim } from '#engine/sim/sim.ts'
import type { Machine, ProgramTable } from '#engine/machine/machine.ts'
import { Host } from '#engine/machine/host.ts'
import type { FileTree } from '#engine/machine/tree.ts'
import { parseIpv4 } from '#base/ip.ts'
import { decodeDns, dnsReply, encodeDns, rcode } from '#base/dns.ts'
import type { NetNamespace, Network, UdpSocket } from '#engine/net/types.ts'

const switchName = 'segment'

/** The segment that all machines hang on: a bridge in a namespace of its own. */
export class Segment {
  readonly #network: Network
  readonly #bridge: NetNamespace
  #ports = 0

  constructor(network: Network) {
    this.#network = network
    this.#bridge = network.createNamespace(switchName, { node: switchName })
    this.#bridge.addLink('br0', { kind: 'bridge' })
    this.#bridge.setLink('br0', { up: true })
    // A switch does not filter.
    this.#bridge.setSysctl('net.bridge.bridge-nf-call-iptables', '0')
  }

  /** A namespace with `eth0` on the segment. */
  plug(name: string, address: string, prefix: number): NetNamespace {
    const ns = this.#network.createNamespace(name, { node: name })
    const port = `port${this.#ports++}`
    ns.addLink('eth0', { kind: 'veth', peer: { name: port, namespace: this.#bridge } })
    this.#bridge.setLink(port, { up: true, master: 'br0' })
    ns.setLink('lo', { up: true })
    ns.setLink('eth0', { up: true })
    ns.addAddress('eth0', `${address}/${prefix}`)
    const gateway = address.replace(/\.\d+$/, '.1')
    ns.addRoute({ to: 'default', via: gateway, device: 'eth0' })
    return ns
  }
}

/** The router that the machines' default routes point to: it forwards nothing, silently, and its name server knows no name. */
export function createGateway(segment: Segment, address: string, prefix: number): void {
  const ns = segment.plug('gateway', address, prefix)
  ns.deleteRoute({ to: 'default' })
  ns.setSysctl('net.ipv4.ip_forward', '0')
  const socket: UdpSocket = ns.sockets.udpBind({ port: 53 }, {
    onMessage: (data, from) => {
      const query = decodeDns(data)
      if (query) socket.send(encodeDns(dnsReply(query, { rcode: rcode.nxDomain, recursionAvailable: true } as never)), { address: from.address, port: from.port })
    },
  })
}

export interface MachineOptions {
  readonly sim: Sim
  readonly network: Network
  readonly segment: Segment
  readonly name: string
  readonly address: string
  readonly prefix: number
  readonly programs: ProgramTable
  readonly hosts: string
  readonly files?: (tree: FileTree) => void
}

export function createMachine(options: MachineOptions): Host {
  const net = options.segment.plug(options.name, options.address, options.prefix)
  return new Host({
    sim: options.sim,
    network: options.network,
    hostname: options.name,
    net,
    programs: options.programs,
    files: (tree) => {
      tree.file('/etc/hosts', `127.0.0.1\tlocalhost\n127.0.1.1\t${options.name}\n\n${options.hosts}\n# The following lines are desirable for IPv6 capable hosts\n::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n`)
      tree.file('/etc/resolv.conf', `nameserver ${options.address.replace(/\.\d+$/, '.1')}\n`)
      options.files?.(tree)
    },
  })
}

/** The IPv4 address that /etc/hosts of a machine has for a name. */
export function hostAddress(machine: Machine, name: string): string | undefined {
  if (!machine.fs.exists('/etc/hosts')) return undefined
  for (const line of machine.fs.readFile('/etc/hosts').split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (address !== undefined && parseIpv4(address) !== undefined && names.includes(name)) return address
  }
  return undefined
}
