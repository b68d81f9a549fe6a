/** How many packets a second the network walks: between two pods of one node, and through a Service with a thousand services beside it. */
import { formatIpv4, ipv4 } from '../../src/base/ip.ts'
import type { Namespace } from '../../src/engine/net/namespace.ts'
import { SimNetwork } from '../../src/engine/net/network.ts'
import { Sim } from '../../src/engine/sim/sim.ts'

interface Node {
  readonly sim: Sim
  readonly network: SimNetwork
  readonly host: Namespace
  readonly pods: readonly Namespace[]
}

/** A node with a bridge, `count` pods on it, forwarding on. */
function node(count: number): Node {
  const sim = new Sim({ seed: 'bench', start: 0 })
  const network = new SimNetwork(sim)
  const host = network.createNamespace('node01')
  host.setLink('lo', { up: true })
  host.setSysctl('net.ipv4.ip_forward', '1')
  host.addLink('cni0', { kind: 'bridge' })
  host.setLink('cni0', { up: true })
  host.addAddress('cni0', '10.244.1.1/24')
  const pods = Array.from({ length: count }, (_, i) => {
    const pod = network.createNamespace(`pod${i}`, { node: 'node01' })
    pod.addLink('eth0', { kind: 'veth', peer: { name: `veth${i}`, namespace: host } })
    host.setLink(`veth${i}`, { master: 'cni0', up: true })
    pod.setLink('lo', { up: true })
    pod.setLink('eth0', { up: true })
    pod.addAddress('eth0', `10.244.1.${10 + i}/24`)
    pod.addRoute({ to: 'default', via: '10.244.1.1' })
    return pod
  })
  return { sim, network, host, pods }
}

/** kube-proxy's rules for `services` services with two endpoints each. */
export function serviceRules(services: number): string {
  const lines = ['*nat', ':KUBE-SERVICES - [0:0]', ':KUBE-POSTROUTING - [0:0]', ':KUBE-MARK-MASQ - [0:0]', ':KUBE-NODEPORTS - [0:0]']
  const rules = [
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
  ]
  for (let i = 0; i < services; i++) {
    const ip = formatIpv4(ipv4('10.96.0.0') + 1 + i)
    const chain = `KUBE-SVC-${i}`
    lines.push(`:${chain} - [0:0]`, `:KUBE-SEP-${i}A - [0:0]`, `:KUBE-SEP-${i}B - [0:0]`)
    rules.push(
      `-A KUBE-SERVICES -d ${ip}/32 -p tcp -m comment --comment "default/s${i} cluster IP" -m tcp --dport 80 -j ${chain}`,
      `-A KUBE-SERVICES -d ${ip}/32 -p udp -m comment --comment "default/s${i} cluster IP" -m udp --dport 80 -j ${chain}`,
      `-A ${chain} ! -s 10.244.0.0/16 -d ${ip}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ`,
      `-A ${chain} -m statistic --mode random --probability 0.5 -j KUBE-SEP-${i}A`,
      `-A ${chain} -j KUBE-SEP-${i}B`,
    )
    for (const [end, last] of [['A', 11], ['B', 12]] as const) {
      rules.push(`-A KUBE-SEP-${i}${end} -s 10.244.1.${last}/32 -j KUBE-MARK-MASQ`, `-A KUBE-SEP-${i}${end} -p tcp -m tcp -j DNAT --to-destination 10.244.1.${last}:8080`, `-A KUBE-SEP-${i}${end} -p udp -m udp -j DNAT --to-destination 10.244.1.${last}:8080`)
    }
  }
  rules.push('-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS')
  return [...lines, ...rules, 'COMMIT', ''].join('\n')
}

/** Processor milliseconds: other work on the machine does not count. */
function spent(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Walks datagrams for most of a second and counts what arrived. */
function rate(run: (n: number) => void, arrived: () => number, sim: Sim): number {
  run(2000)
  sim.runUntil(sim.now + 1000)
  const before = arrived()
  const started = spent()
  let elapsed = 0
  while (elapsed < 700) {
    run(2000)
    sim.runUntil(sim.now + 10)
    elapsed = spent() - started
  }
  return Math.round(((arrived() - before) / elapsed) * 1000)
}

export async function bench(): Promise<{ name: string; value: number; unit: string }[]> {
  const results: { name: string; value: number; unit: string }[] = []
  {
    const { sim, pods } = node(3)
    let got = 0
    pods[1]!.sockets.udpBind({ port: 8080 }, { onMessage: () => got++ })
    const socket = pods[0]!.sockets.udpBind({}, {})
    socket.connect(ipv4('10.244.1.11'), 8080)
    results.push({ name: 'packets from pod to pod on one node', value: rate((n) => { for (let i = 0; i < n; i++) socket.send('x') }, () => got, sim), unit: 'packets/s' })
  }
  {
    const { sim, host, pods } = node(3)
    const text = serviceRules(1000)
    const started = spent()
    host.netfilter.restore(text, { noflush: true })
    results.push({ name: 'restore of the rules of 1,000 services', value: Math.round(spent() - started), unit: 'ms' })
    let got = 0
    for (const pod of pods) pod.sockets.udpBind({ port: 8080 }, { onMessage: () => got++ })
    // one datagram per socket: every packet is the first of its connection and asks all rules
    const open = (n: number) => {
      for (let i = 0; i < n; i++) {
        const socket = pods[0]!.sockets.udpBind({}, {})
        socket.connect(ipv4('10.96.0.0') + 1 + (i % 1000), 80)
        socket.send('x')
        socket.close()
      }
    }
    results.push({ name: 'new connections through a Service of 1,000', value: rate(open, () => got, sim), unit: 'packets/s' })
    const socket = pods[0]!.sockets.udpBind({}, {})
    socket.connect(ipv4('10.96.1.200'), 80)
    results.push({ name: 'packets of a connection through a Service of 1,000', value: rate((n) => { for (let i = 0; i < n; i++) socket.send('x') }, () => got, sim), unit: 'packets/s' })
  }
  return results
}

if (import.meta.main) console.table(await bench())
