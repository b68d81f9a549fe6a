/** What a host with this network stack shows: one small case per fact. */
import { describe, expect, test } from 'vitest'
import { ipv4 } from '#base/ip.ts'
import { Sim } from '#engine/sim/sim.ts'
import { NetError } from './error.ts'
import type { Namespace } from './namespace.ts'
import { parseCommand } from './netfilter/parse.ts'
import { SimNetwork } from './network.ts'
import type { CapturedPacket, PingResult, Walk } from './types.ts'

interface World {
  readonly sim: Sim
  readonly network: SimNetwork
}

function world(): World {
  const sim = new Sim({ seed: 1, start: 0 })
  return { sim, network: new SimNetwork(sim) }
}

function host(w: World, name: string): Namespace {
  const ns = w.network.createNamespace(name)
  ns.setLink('lo', { up: true })
  return ns
}

/** A cable between two hosts, with addresses. */
function cable(a: Namespace, aDevice: string, aAddress: string | undefined, b: Namespace, bDevice: string, bAddress: string | undefined): void {
  a.addLink(aDevice, { kind: 'veth', peer: { name: bDevice, namespace: b } })
  for (const [ns, device, address] of [[a, aDevice, aAddress], [b, bDevice, bAddress]] as const) {
    ns.setLink(device, { up: true })
    if (address !== undefined) ns.addAddress(device, address)
  }
}

function iptables(ns: Namespace, ...lines: string[]): void {
  for (const line of lines) ns.netfilter.apply(parseCommand(ns, line.split(' ')))
}

function ping(w: World, ns: Namespace, to: string, options: { from?: number; ttl?: number; size?: number; dontFragment?: boolean } = {}): PingResult & { at?: number } {
  let result: PingResult | undefined
  const started = w.sim.now
  ns.sockets.ping({ to: ipv4(to), timeout: 10_000, ...options }, (r) => (result = r))
  while (result === undefined && w.sim.step());
  return { ...result!, at: Math.round(w.sim.now - started) }
}

/** Connects, sends nothing, and says how it ended: what was heard, or the errno with seconds. */
function connect(w: World, ns: Namespace, to: string, port: number): string {
  let result: string | undefined
  const started = w.sim.now
  const c = ns.sockets.tcpConnect({ to: ipv4(to), port }, { onData: (text) => (result ??= text), onError: (errno, local) => (result ??= `${errno}${local ? ' local' : ''} after ${Math.round((w.sim.now - started) / 1000)} s`) })
  while (result === undefined && w.sim.step());
  c.abort()
  return result!
}

function serve(ns: Namespace, port: number, address = '0.0.0.0'): void {
  ns.sockets.tcpListen(ipv4(address), port, (c) => {
    c.handlers = { onEnd: () => c.end() }
    c.send(`${ns.name}`)
  })
}

function routed(): World & { client: Namespace; router: Namespace; server: Namespace } {
  const w = world()
  const client = host(w, 'client')
  const router = host(w, 'router')
  const server = host(w, 'server')
  cable(client, 'eth0', '10.1.0.10/24', router, 'eth0', '10.1.0.1/24')
  cable(router, 'eth1', '10.2.0.1/24', server, 'eth0', '10.2.0.20/24')
  client.addRoute({ to: 'default', via: '10.1.0.1' })
  server.addRoute({ to: 'default', via: '10.2.0.1' })
  router.setSysctl('net.ipv4.ip_forward', '1')
  return { ...w, client, router, server }
}

const routeLines = (ns: Namespace, table: number | 'all' = 254) => ns.routes(table).map((r) => `${r.type === 'unicast' ? '' : `${r.type} `}${r.to}${r.via ? ` via ${r.via}` : ''}${r.device ? ` dev ${r.device}` : ''}${r.flags.map((f) => ` ${f}`).join('')}`)

describe('links, addresses, routes', () => {
  test('routes come with the link and go with it; those of hands do not come back', () => {
    const { client, router } = routed()
    expect(routeLines(client)).toEqual(['default via 10.1.0.1 dev eth0', '10.1.0.0/24 dev eth0'])
    router.setLink('eth0', { up: false })
    expect(routeLines(client)).toEqual(['default via 10.1.0.1 dev eth0 linkdown', '10.1.0.0/24 dev eth0 linkdown'])
    client.setLink('eth0', { up: false })
    expect(routeLines(client)).toEqual([])
    expect(routeLines(client, 255)).toContain('local 10.1.0.10 dev eth0')
    client.setLink('eth0', { up: true })
    expect(routeLines(client)).toEqual(['10.1.0.0/24 dev eth0 linkdown'])
  })

  test('the last address takes all routes of the device with it', () => {
    const { client } = routed()
    client.deleteAddress('eth0', '10.1.0.10/24')
    expect(routeLines(client, 'all').filter((l) => l.includes('eth0'))).toEqual([])
  })

  test('netlink refuses in its own words', () => {
    const { client } = routed()
    const said = (run: () => void) => {
      try {
        run()
        return undefined
      } catch (error) {
        if (!(error instanceof NetError)) throw error
        return `${error.extended ? 'Error: ' : 'RTNETLINK answers: '}${error.message}`
      }
    }
    expect([
      said(() => client.addRoute({ to: 'default', via: '10.1.0.1' })),
      said(() => client.addRoute({ to: '10.9.0.0/24', via: '10.7.0.1' })),
      said(() => client.addRoute({ to: '10.9.0.7/24', device: 'eth0' })),
      said(() => client.addRoute({ to: '10.9.0.0/24', via: '10.1.0.1', source: '1.2.3.4' })),
      said(() => client.deleteRoute({ to: '10.9.0.0/24' })),
      said(() => client.deleteRoute({ to: '10.9.0.0/24', table: 77 })),
      said(() => client.addAddress('eth0', '10.1.0.10/24')),
      said(() => client.deleteAddress('eth0', '10.1.0.11/24')),
      said(() => client.addLink('eth0', { kind: 'bridge' })),
      said(() => client.setNeighbour('eth0', '10.1.0.1', '02:00:00:00:00:01', { verb: 'change' })),
    ]).toEqual([
      'RTNETLINK answers: File exists',
      'Error: Nexthop has invalid gateway.',
      'Error: Invalid prefix for given prefix length.',
      'Error: Invalid prefsrc address.',
      'RTNETLINK answers: No such process',
      'Error: FIB table does not exist.',
      'Error: ipv4: Address already assigned.',
      'Error: ipv4: Address not found.',
      'RTNETLINK answers: File exists',
      'RTNETLINK answers: No such file or directory',
    ])
  })

  test('a rule without priority goes below the second one; with rules of one’s own the local table is asked first', () => {
    const { client } = routed()
    client.addRule({ from: '10.1.0.10', table: 100 })
    client.addRule({ to: '10.9.0.0/16', table: 100 })
    expect(client.rules().map((r) => r.priority)).toEqual([0, 32764, 32765, 32766, 32767])
    const { client: other } = routed()
    other.addRoute({ to: '127.5.0.0/16', via: '10.1.0.1' })
    expect(other.routeGet('127.5.0.1')).toMatchObject({ route: { via: '10.1.0.1' } })
    other.addRule({ mark: 1, table: 100 })
    expect(other.routeGet('127.5.0.1')).toMatchObject({ route: { type: 'local' } })
  })

  test('metrics, blackhole, unreachable, prohibit', () => {
    const { client, ...w } = routed()
    client.addRoute({ to: '10.50.0.0/24', via: '10.1.0.1', metric: 50 })
    client.addRoute({ to: '10.50.0.0/24', via: '10.1.0.77', metric: 20 })
    expect(client.routeGet('10.50.0.1')).toMatchObject({ route: { via: '10.1.0.77' } })
    for (const [type, to] of [['blackhole', '10.60.0.0/24'], ['unreachable', '10.61.0.0/24'], ['prohibit', '10.62.0.0/24']] as const) client.addRoute({ type, to })
    expect([connect(w, client, '10.60.0.1', 80), connect(w, client, '10.61.0.1', 80), connect(w, client, '10.62.0.1', 80)]).toEqual(['EINVAL local after 0 s', 'EHOSTUNREACH local after 0 s', 'EACCES local after 0 s'])
  })
})

describe('what a packet meets', () => {
  test('ping through a router; time to live; no route', () => {
    const { client, router, ...w } = routed()
    expect(ping(w, client, '10.2.0.20')).toMatchObject({ kind: 'reply', from: '10.2.0.20', ttl: 63 })
    expect(ping(w, client, '10.2.0.20', { ttl: 1 })).toMatchObject({ kind: 'icmp', from: '10.1.0.1', text: 'Time to live exceeded' })
    expect(ping(w, client, '10.3.0.1')).toMatchObject({ kind: 'icmp', from: '10.1.0.1', text: 'Destination Net Unreachable' })
    router.setSysctl('net.ipv4.ip_forward', '0')
    expect(ping(w, client, '10.2.0.20')).toMatchObject({ kind: 'timeout' })
  })

  test('a neighbour that does not answer: host unreachable after three seconds, and the entry says so', () => {
    const { client, ...w } = routed()
    expect(ping(w, client, '10.1.0.99')).toMatchObject({ kind: 'icmp', from: '10.1.0.10', text: 'Destination Host Unreachable', at: 3000 })
    expect(connect(w, client, '10.1.0.98', 80)).toBe('EHOSTUNREACH after 3 s')
    expect(client.neighbours().map((n) => `${n.address} ${n.state}`)).toEqual(['10.1.0.99 FAILED', '10.1.0.98 FAILED'])
  })

  test('SYN without an answer: linear, then doubling, 131 s in all', () => {
    const { client, server, ...w } = routed()
    iptables(server, '-A INPUT -p tcp --dport 80 -j DROP')
    const times: number[] = []
    const started = w.sim.now
    server.capture('eth0', (p) => p.header.tcpFlags === 'S' && times.push(Math.round((p.time - started) / 1000)))
    expect(connect(w, client, '10.2.0.20', 80)).toBe('ETIMEDOUT after 131 s')
    expect(times).toEqual([0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67])
  })

  test('a connection that is cut off by a rule ends with ETIMEDOUT after fifteen minutes', () => {
    const { client, router, server, ...w } = routed()
    server.sockets.tcpListen(0, 80, () => undefined)
    let error = ''
    const c = client.sockets.tcpConnect({ to: ipv4('10.2.0.20'), port: 80 }, { onError: (e) => (error = `${e} ${Math.round(w.sim.now / 60_000)} min`) })
    w.sim.runUntil(1000)
    iptables(router, '-A FORWARD -j DROP')
    c.send('hello')
    while (w.sim.step());
    expect([c.state, error]).toEqual(['CLOSED', 'ETIMEDOUT 15 min'])
  })

  test('REJECT kinds as a TCP client sees them', () => {
    const { client, router, ...w } = routed()
    const kinds = ['tcp-reset', 'icmp-port-unreachable', 'icmp-host-unreachable', 'icmp-net-unreachable', 'icmp-proto-unreachable', 'icmp-admin-prohibited']
    kinds.forEach((kind, i) => iptables(router, `-A FORWARD -p tcp --dport ${1000 + i} -j REJECT --reject-with ${kind}`))
    expect(kinds.map((_, i) => connect(w, client, '10.2.0.20', 1000 + i))).toEqual(['ECONNREFUSED after 0 s', 'ECONNREFUSED after 0 s', 'EHOSTUNREACH after 0 s', 'ENETUNREACH after 0 s', 'ENOPROTOOPT after 0 s', 'EHOSTUNREACH after 0 s'])
  })

  test('OUTPUT routes before DNAT: without a route the rule is never asked', () => {
    const { client, server, ...w } = routed()
    serve(server, 8080)
    iptables(client, '-t nat -A OUTPUT -p tcp -d 10.96.0.1 --dport 80 -j DNAT --to-destination 10.2.0.20:8080')
    expect(connect(w, client, '10.96.0.1', 80)).toBe('server')
    client.deleteRoute({ to: 'default' })
    expect(connect(w, client, '10.96.0.1', 80)).toBe('ENETUNREACH local after 0 s')
  })

  test('rules end a lookup with errors of their own, for hosts and for those they forward for', () => {
    const { client, router, server, ...w } = routed()
    serve(server, 80)
    const verdicts = (['unreachable', 'prohibit', 'blackhole'] as const).map((type) => {
      client.addRule({ to: '10.2.0.0/24', type, priority: 10 })
      const said = connect(w, client, '10.2.0.20', 80)
      client.deleteRule({ to: '10.2.0.0/24', type, priority: 10 })
      return said
    })
    expect(verdicts).toEqual(['ENETUNREACH local after 0 s', 'EACCES local after 0 s', 'EINVAL local after 0 s'])
    router.addRule({ from: '10.1.0.0/24', type: 'unreachable', priority: 10 })
    expect(connect(w, client, '10.2.0.20', 80)).toBe('ENETUNREACH after 0 s')
  })

  test('connecting looks a second time, with the source that was chosen', () => {
    const { client, server, ...w } = routed()
    serve(server, 80)
    client.addRule({ from: '10.1.0.0/24', type: 'blackhole' })
    expect(connect(w, client, '10.2.0.20', 80)).toBe('EINVAL local after 0 s')
    const socket = client.sockets.udpBind({}, {})
    expect(socket.connect(ipv4('10.2.0.20'), 53)).toBe('EINVAL')
    expect(socket.send('?', { address: ipv4('10.2.0.20'), port: 53 })).toBeUndefined()
  })

  test('a gateway that is an address of the host itself is none: the destination is asked for on the device', () => {
    const { client, router, ...w } = routed()
    router.addRoute({ to: '10.1.0.10/32', via: '10.1.0.1' })
    expect(ping(w, router, '10.1.0.10').kind).toBe('reply')
    expect(router.neighbours('eth0').map((n) => n.address)).toEqual(['10.1.0.10'])
    expect(ping(w, client, '10.1.0.1').kind).toBe('reply')
  })

  test('arp off: frames go to the own address, questions are not heard, what was learnt is forgotten, what is told by hand is used', () => {
    const { client, router, ...w } = routed()
    expect(ping(w, client, '10.1.0.1').kind).toBe('reply')
    client.setLink('eth0', { arp: false })
    expect(client.links.get('eth0')!.flags).toContain('NOARP')
    expect(client.neighbours('eth0')).toEqual([])
    expect(ping(w, client, '10.1.0.1').kind).toBe('timeout')
    client.setNeighbour('eth0', '10.1.0.1', router.links.get('eth0')!.mac, {})
    router.setNeighbour('eth0', '10.1.0.10', client.links.get('eth0')!.mac, {})
    expect(ping(w, client, '10.1.0.1').kind).toBe('reply')
    router.flushNeighbours('eth0', { all: true })
    expect(ping(w, router, '10.1.0.10').kind).toBe('icmp')
    client.setLink('eth0', { arp: true })
    expect(ping(w, router, '10.1.0.10').kind).toBe('reply')
  })

  test('ping hears errors about its requests, not about the replies to them', () => {
    const { client, ...w } = routed()
    iptables(client, '-A INPUT -p icmp --icmp-type echo-reply -j REJECT')
    expect(ping(w, client, '10.1.0.10').kind).toBe('timeout')
    iptables(client, '-I INPUT -p icmp --icmp-type echo-request -j REJECT')
    expect(ping(w, client, '10.1.0.10')).toMatchObject({ kind: 'icmp', text: 'Destination Port Unreachable' })
  })

  test('lo gets 127.0.0.1 when it comes up, before other addresses that it has', () => {
    const w = world()
    const ns = w.network.createNamespace('bare')
    ns.addAddress('lo', '172.16.0.5/32')
    ns.setLink('lo', { up: true })
    expect(ns.links.get('lo')!.addresses.map((a) => `${a.address}/${a.length} ${a.scope}`)).toEqual(['127.0.0.1/8 host', '172.16.0.5/32 global'])
    expect([ping(w, ns, '127.0.0.1').kind, ping(w, ns, '172.16.0.5').kind]).toEqual(['reply', 'reply'])
  })

  test('a neighbour on lo stands for all addresses of the host', () => {
    const { client, ...w } = routed()
    client.setNeighbour('lo', '10.7.7.7', '02:00:00:00:00:09', {})
    expect(client.neighbours('lo').map((n) => [n.address, n.mac, n.state])).toEqual([['0.0.0.0', '02:00:00:00:00:09', 'PERMANENT']])
    expect(ping(w, client, '127.0.0.1').kind).toBe('timeout')
    client.deleteNeighbour('lo', '0.0.0.0', {})
    expect(ping(w, client, '127.0.0.1').kind).toBe('reply')
  })

  test('rp_filter is the larger of all and the device', () => {
    const { client, router, server, ...w } = routed()
    server.addAddress('lo', '10.9.0.1/32')
    client.addRoute({ to: '10.9.0.1', via: '10.1.0.1' })
    router.addRoute({ to: '10.9.0.1', via: '10.1.0.10' })
    const from = () => ping(w, server, '10.1.0.10', { from: ipv4('10.9.0.1') }).kind
    client.addRoute({ to: '10.9.0.0/24', via: '10.1.0.1' })
    const arrived: string[] = []
    client.capture('eth0', (p) => p.direction === 'in' && p.header.icmp?.type === 8 && arrived.push(p.header.source))
    from()
    expect(arrived).toEqual(['10.9.0.1'])
    router.setSysctl('net.ipv4.conf.eth1.rp_filter', '1')
    from()
    expect(arrived).toHaveLength(1)
    router.setSysctl('net.ipv4.conf.all.rp_filter', '2')
    from()
    expect(arrived).toHaveLength(2)
  })

  test('frames with DF that do not fit: fragmentation needed, remembered by the sender', () => {
    const { client, router, ...w } = routed()
    router.setLink('eth1', { mtu: 1400 })
    expect(ping(w, client, '10.2.0.20', { size: 1400, dontFragment: true })).toMatchObject({ kind: 'icmp', from: '10.1.0.1', text: 'Frag needed and DF set (mtu = 1400)' })
    expect(ping(w, client, '10.2.0.20', { size: 1400, dontFragment: true })).toMatchObject({ kind: 'error', errno: 'EMSGSIZE', mtu: 1400 })
    expect(client.routeCache()).toMatchObject([{ to: '10.2.0.20', via: '10.1.0.1', mtu: 1400, redirected: false }])
  })

  test('proxy ARP as Calico uses it: a gateway that nobody owns', () => {
    const w = world()
    const node = host(w, 'node')
    const pod = host(w, 'pod')
    const outside = host(w, 'outside')
    cable(node, 'eth0', '192.168.1.10/24', outside, 'eth0', '192.168.1.50/24')
    node.addRoute({ to: 'default', via: '192.168.1.50' })
    outside.addRoute({ to: '10.244.0.0/16', via: '192.168.1.10' })
    cable(pod, 'eth0', '10.244.1.5/32', node, 'cali1', undefined)
    node.setSysctl('net.ipv4.ip_forward', '1')
    node.setSysctl('net.ipv4.conf.cali1.proxy_arp', '1')
    node.addRoute({ to: '10.244.1.5', device: 'cali1', scope: 'link' })
    pod.addRoute({ to: '169.254.1.1', device: 'eth0', scope: 'link' })
    pod.addRoute({ to: 'default', via: '169.254.1.1', device: 'eth0' })
    expect(ping(w, pod, '192.168.1.50')).toMatchObject({ kind: 'reply', ttl: 63 })
    expect(pod.neighbours().map((n) => n.address)).toEqual(['169.254.1.1'])
  })
})

describe('bridges and tunnels', () => {
  function pods() {
    const w = world()
    const node = host(w, 'node')
    node.addLink('cni0', { kind: 'bridge' })
    node.setLink('cni0', { up: true })
    node.addAddress('cni0', '10.244.1.1/24')
    node.setSysctl('net.ipv4.ip_forward', '1')
    const [red, blue] = ['red', 'blue'].map((name, i) => {
      const pod = host(w, name)
      cable(pod, 'eth0', `10.244.1.${11 + i}/24`, node, `veth${name}`, undefined)
      node.setLink(`veth${name}`, { master: 'cni0' })
      pod.addRoute({ to: 'default', via: '10.244.1.1' })
      return pod
    }) as [Namespace, Namespace]
    return { ...w, node, red, blue }
  }

  test('a Service between pods of one bridge works because bridged packets pass nat, and only then', () => {
    const { node, red, blue, ...w } = pods()
    serve(blue, 8080)
    iptables(node, '-t nat -A PREROUTING -d 10.96.0.50 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.12:8080')
    expect(connect(w, red, '10.96.0.50', 80)).toBe('blue')
    node.setSysctl('net.bridge.bridge-nf-call-iptables', '0')
    expect(connect(w, red, '10.96.0.50', 80)).toMatch(/^ETIMEDOUT/)
  })

  test('to itself through the Service a pod needs hairpin and masquerade', () => {
    const { node, blue, ...w } = pods()
    serve(blue, 8080)
    iptables(node, '-t nat -A PREROUTING -d 10.96.0.50 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.12:8080', '-t nat -A POSTROUTING -s 10.244.1.12 -d 10.244.1.12 -j MASQUERADE')
    expect(connect(w, blue, '10.96.0.50', 80)).toMatch(/^ETIMEDOUT/)
    node.setLink('vethblue', { hairpin: true })
    expect(connect(w, blue, '10.96.0.50', 80)).toBe('blue')
  })

  test('a bridge follows the smallest MTU of its ports until it is given one', () => {
    const w = world()
    const ns = host(w, 'h')
    ns.addLink('br0', { kind: 'bridge' })
    for (const i of [1, 2]) ns.addLink(`v${i}`, { kind: 'veth', peer: { name: `p${i}`, namespace: ns } })
    const seen = [1500]
    const after = (device: string, change: Parameters<Namespace['setLink']>[1]) => {
      ns.setLink(device, change)
      seen.push(ns.links.get('br0')!.mtu)
    }
    after('v1', { master: 'br0' })
    after('v2', { master: 'br0' })
    after('v1', { mtu: 1280 })
    after('v1', { mtu: 1400 })
    after('v1', { master: null })
    after('v1', { master: 'br0' })
    after('br0', { mtu: 1300 })
    after('v1', { mtu: 1200 })
    after('v1', { master: null })
    expect(seen).toEqual([1500, 1500, 1500, 1280, 1400, 1500, 1400, 1300, 1300, 1300])
  })

  test('the bridge learns, and forgets after five minutes', () => {
    const { node, red, sim, network } = pods()
    ping({ sim, network }, red, '10.244.1.12')
    const learnt = () => node.fdb('cni0').filter((e) => e.state === 'learnt').map((e) => e.device).sort()
    expect(learnt()).toEqual(['vethblue', 'vethred'])
    sim.runUntil(sim.now + 300_000)
    expect(learnt()).toEqual([])
  })

  test('a loop of two bridges ends', () => {
    const { node, red, sim, network } = pods()
    node.addLink('x', { kind: 'bridge' })
    node.setLink('x', { up: true })
    for (const n of [1, 2]) {
      node.addLink(`a${n}`, { kind: 'veth', peer: { name: `b${n}` } })
      node.setLink(`a${n}`, { up: true, master: 'cni0' })
      node.setLink(`b${n}`, { up: true, master: 'x' })
    }
    expect(ping({ sim, network }, red, '10.244.1.12').kind).toMatch(/reply|icmp|timeout/)
  })

  test('VXLAN as flannel sets it up: the outer packet is really sent, the wrong fdb entry loses everything', () => {
    const w = world()
    const nodes = [1, 2].map((n) => host(w, `node${n}`)) as [Namespace, Namespace]
    cable(nodes[0], 'eth0', '192.168.0.1/24', nodes[1], 'eth0', '192.168.0.2/24')
    const all = nodes.map((node, i) => {
      const me = i + 1
      const other = 3 - me
      node.setSysctl('net.ipv4.ip_forward', '1')
      node.addLink('flannel.1', { kind: 'vxlan', id: 1, local: `192.168.0.${me}`, dstport: 8472, device: 'eth0', learning: false }, { mac: `02:00:00:00:00:0${me}` })
      node.setLink('flannel.1', { up: true })
      node.addAddress('flannel.1', `10.244.${me}.0/32`)
      node.addRoute({ to: `10.244.${other}.0/24`, via: `10.244.${other}.0`, device: 'flannel.1', onlink: true })
      node.setNeighbour('flannel.1', `10.244.${other}.0`, `02:00:00:00:00:0${other}`)
      node.setFdb('flannel.1', `02:00:00:00:00:0${other}`, { remote: `192.168.0.${other}` })
      const pod = host(w, `pod${me}`)
      cable(pod, 'eth0', `10.244.${me}.5/24`, node, 'veth', undefined)
      node.addAddress('veth', `10.244.${me}.1/24`)
      pod.addRoute({ to: 'default', via: `10.244.${me}.1` })
      return pod
    }) as [Namespace, Namespace]
    const outer: CapturedPacket[] = []
    nodes[0].capture('eth0', (p) => outer.push(p))
    expect(ping(w, all[0], '10.244.2.5')).toMatchObject({ kind: 'reply', ttl: 62 })
    expect(outer.filter((p) => p.inner).map((p) => [p.header.destination, p.header.destinationPort, p.header.length, p.vni, p.inner!.header.destination])).toEqual([
      ['192.168.0.2', 8472, 134, 1, '10.244.2.5'],
      ['192.168.0.1', 8472, 134, 1, '10.244.1.5'],
    ])
    expect(nodes[0].links.get('flannel.1')!.mtu).toBe(1450)
    nodes[0].setFdb('flannel.1', '02:00:00:00:00:02', { remote: '192.168.0.77', verb: 'replace' })
    expect(ping(w, all[0], '10.244.2.5').kind).toBe('timeout')
  })
})

describe('connections', () => {
  test('entries with their states and times', () => {
    const { client, router, server, ...w } = routed()
    iptables(router, '-t nat -A POSTROUTING -o eth1 -j MASQUERADE')
    serve(server, 80)
    connect(w, client, '10.2.0.20', 80)
    const asked = client.sockets.udpBind({}, {})
    asked.connect(ipv4('10.2.0.20'), 53)
    iptables(server, '-A INPUT -p udp -j DROP')
    asked.send('q')
    const lines = () => router.conntrack.list().map((e) => `${e.protocol} ${e.state ?? ''} ${e.timeout} ${e.reply.destination}${e.replied ? '' : ' UNREPLIED'}${e.assured ? ' ASSURED' : ''}`)
    expect(lines()).toEqual(['tcp CLOSE 10 10.2.0.1 ASSURED', 'udp  30 10.2.0.1 UNREPLIED'])
    w.sim.runUntil(w.sim.now + 11_000)
    expect(lines()).toEqual(['udp  19 10.2.0.1 UNREPLIED'])
    expect(router.conntrack.delete((e) => e.protocol === 'udp')).toHaveLength(1)
    expect(lines()).toEqual([])
  })

  test('session affinity: recent keeps a client with its backend for its time', () => {
    const w = world()
    const node = host(w, 'node')
    const client = host(w, 'client')
    cable(node, 'eth0', '10.0.0.1/24', client, 'eth0', '10.0.0.2/24')
    serve(node, 8001, '10.0.0.1')
    iptables(
      node,
      '-t nat -N SVC', '-t nat -N A', '-t nat -N B',
      '-t nat -A PREROUTING -p tcp --dport 80 -j SVC',
      '-t nat -A SVC -m recent --name A --rcheck --seconds 60 --reap --rsource -j A',
      '-t nat -A SVC -m recent --name B --rcheck --seconds 60 --reap --rsource -j B',
      '-t nat -A SVC -m statistic --mode nth --every 2 --packet 0 -j A',
      '-t nat -A SVC -j B',
      '-t nat -A A -m recent --name A --set --rsource -p tcp -j DNAT --to-destination 10.0.0.1:8001',
      '-t nat -A B -m recent --name B --set --rsource -p tcp -j DNAT --to-destination 10.0.0.1:8002',
    )
    const answers = () => [1, 2, 3].map(() => connect(w, client, '10.0.0.1', 80))
    expect(answers()).toEqual(['node', 'node', 'node'])
    w.sim.runUntil(w.sim.now + 61_000)
    expect(answers()).toEqual(['ECONNREFUSED after 0 s', 'ECONNREFUSED after 0 s', 'ECONNREFUSED after 0 s'])
  })

  test('a long chain of services is looked up, in the order of its rules', () => {
    const w = world()
    const node = host(w, 'node')
    const client = host(w, 'client')
    cable(node, 'eth0', '10.0.0.1/24', client, 'eth0', '10.0.0.2/24')
    client.addRoute({ to: 'default', via: '10.0.0.1' })
    serve(node, 8080)
    const rules = Array.from({ length: 50 }, (_, i) => [`-A SERVICES -d 10.96.0.${i}/32 -p tcp -m tcp --dport 81 -j RETURN`, `-A SERVICES -d 10.96.0.${i}/32 -p tcp -m tcp --dport ${80 + (i % 3)} -j REDIRECT --to-ports 8080`]).flat()
    node.netfilter.restore(`*nat\n:SERVICES - [0:0]\n-A PREROUTING -j SERVICES\n${rules.join('\n')}\n-A SERVICES -p tcp -m tcp --dport 90 -j REDIRECT --to-ports 8080\nCOMMIT\n`)
    expect([connect(w, client, '10.96.0.6', 80), connect(w, client, '10.96.0.9', 90)]).toEqual(['node', 'node'])
    expect(connect(w, client, '10.96.0.7', 81)).toMatch(/^E/)
    const used = node.netfilter.chains('nat').flatMap((c) => c.rules.filter((r) => r.counters.packets > 0).map((r) => `${c.name} ${r.text}`))
    expect(used).toEqual([
      'PREROUTING -j SERVICES',
      'SERVICES -d 10.96.0.6/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080',
      'SERVICES -d 10.96.0.7/32 -p tcp -m tcp --dport 81 -j RETURN',
      'SERVICES -p tcp -m tcp --dport 90 -j REDIRECT --to-ports 8080',
    ])
  })
})

describe('UDP', () => {
  test('ignores host unreachable, hears port unreachable; a server on all addresses answers from the routed one', () => {
    const { client, server, ...w } = routed()
    const errors: string[] = []
    const ask = (to: string, port: number) => {
      const got: string[] = []
      const s = client.sockets.udpBind({}, { onError: (e) => errors.push(e), onMessage: (text) => got.push(text) })
      s.connect(ipv4(to), port)
      s.send('q')
      w.sim.runUntil(w.sim.now + 5000)
      s.close()
      return got
    }
    ask('10.1.0.99', 53)
    expect(errors).toEqual([])
    ask('10.2.0.20', 53)
    expect(errors).toEqual(['ECONNREFUSED'])
    server.addAddress('eth0', '10.2.0.21/24')
    const s = server.sockets.udpBind({ port: 53 }, { onMessage: (_text, from) => void s.send('a', from) })
    expect([ask('10.2.0.20', 53), ask('10.2.0.21', 53)]).toEqual([['a'], []])
  })

  test('dropped in OUTPUT: the sender is told', () => {
    const { client } = routed()
    iptables(client, '-A OUTPUT -p udp -j DROP')
    const s = client.sockets.udpBind({}, {})
    expect([s.connect(ipv4('10.2.0.20'), 53), s.send('q')]).toEqual([undefined, 'EPERM'])
  })
})

describe('the rest', () => {
  test('LOG writes the kernel’s line', () => {
    const { client, router, ...w } = routed()
    const lines: string[] = []
    router.netfilter.onLog((line) => lines.push(line.replace(/ID=\d+/g, 'ID=n').replace(/MAC=\S+/, 'MAC=m').replace(/SPT=\d+/, 'SPT=n')))
    iptables(router, '-A FORWARD -j LOG --log-prefix FWD:')
    ping(w, client, '10.2.0.20')
    connect(w, client, '10.2.0.20', 81)
    expect(lines.slice(0, 3)).toEqual([
      'FWD:IN=eth0 OUT=eth1 MAC=m SRC=10.1.0.10 DST=10.2.0.20 LEN=84 TOS=0x00 PREC=0x00 TTL=63 ID=n DF PROTO=ICMP TYPE=8 CODE=0 ID=n SEQ=1 ',
      'FWD:IN=eth1 OUT=eth0 MAC=m SRC=10.2.0.20 DST=10.1.0.10 LEN=84 TOS=0x00 PREC=0x00 TTL=63 ID=n PROTO=ICMP TYPE=0 CODE=0 ID=n SEQ=1 ',
      'FWD:IN=eth0 OUT=eth1 MAC=m SRC=10.1.0.10 DST=10.2.0.20 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=n DF PROTO=TCP SPT=n DPT=81 WINDOW=64240 RES=0x00 SYN URGP=0 ',
    ])
  })

  test('sets: what a rule looks up in them', () => {
    const { client, server, ...w } = routed()
    const sets = server.netfilter.ipsets
    sets.create('nets', 'hash:net')
    sets.setEntries('nets', ['10.1.0.0/24', '10.1.0.0/28 nomatch'])
    sets.create('ports', 'hash:ip,port')
    sets.add('ports', '10.2.0.20,tcp:82')
    serve(server, 80)
    serve(server, 82)
    iptables(server, '-A INPUT -p tcp -m tcp --dport 80 -m set --match-set nets src -j REJECT', '-A INPUT -m set --match-set ports dst,dst -j REJECT')
    client.addAddress('eth0', '10.1.0.100/24')
    const from = (address: string, port: number) => {
      let result = ''
      client.sockets.tcpConnect({ to: ipv4('10.2.0.20'), port, from: ipv4(address) }, { onData: (t) => (result = t), onError: (e) => (result = e) })
      w.sim.runUntil(w.sim.now + 100)
      return result
    }
    expect([from('10.1.0.10', 80), from('10.1.0.100', 80), from('10.1.0.10', 82)]).toEqual(['server', 'ECONNREFUSED', 'ECONNREFUSED'])
    expect([sets.references('nets'), sets.entries('nets'), sets.test('nets', '10.1.0.77'), sets.test('nets', '10.1.0.7')]).toEqual([1, ['10.1.0.0/24', '10.1.0.0/28 nomatch'], true, false])
    expect(() => sets.destroy('nets')).toThrow('ipset v7.17: Set cannot be destroyed: it is in use by a kernel component')
    expect(() => iptables(server, '-A INPUT -m set --match-set nosuch src -j DROP')).toThrow("iptables v1.8.9 (nf_tables): Set nosuch doesn't exist.\n")
  })

  test('neighbours age, and a probe that was due before a capture began is not seen by it', () => {
    const { client, ...w } = routed()
    const states = () => client.neighbours().map((n) => n.state)
    ping(w, client, '10.1.0.1')
    expect(states()).toEqual(['REACHABLE'])
    w.sim.runUntil(w.sim.now + 30_000)
    expect(states()).toEqual(['STALE'])
    ping(w, client, '10.1.0.1')
    expect(states()).toEqual(['DELAY'])
    w.sim.runUntil(w.sim.now + 6000)
    const seen: string[] = []
    client.capture('eth0', (p) => seen.push(p.arp?.op ?? 'ip'))
    expect(states()).toEqual(['REACHABLE'])
    expect(seen).toEqual([])
    w.sim.runUntil(w.sim.now + 30_000)
    ping(w, client, '10.1.0.1')
    w.sim.runUntil(w.sim.now + 6000)
    // each side asks the other
    expect(seen).toEqual(['ip', 'ip', 'request', 'request', 'reply', 'reply'])
  })

  test('a namespace takes its devices and connections with it', () => {
    const { client, server, router, ...w } = routed()
    serve(server, 80)
    let heard = ''
    const c = client.sockets.tcpConnect({ to: ipv4('10.2.0.20'), port: 80 }, { onError: (e) => (heard += e), onClose: () => (heard += 'closed') })
    w.sim.runUntil(1000)
    w.network.deleteNamespace('server')
    expect([...router.links.keys()]).toEqual(['lo', 'eth0'])
    expect([c.state, heard]).toEqual(['ESTABLISHED', ''])
    expect(server.sockets.list()).toEqual([])
    c.send('x')
    w.sim.runUntil(5000)
    expect(heard).toBe('')
  })

  test('a device that moves leaves its addresses behind; a card is not listed as a veth', () => {
    const w = world()
    const a = host(w, 'a')
    const b = host(w, 'b')
    a.addLink('x', { kind: 'veth', peer: { name: 'y' } })
    a.setLink('x', { up: true })
    a.addAddress('x', '10.0.0.1/24')
    a.setLink('x', { namespace: b, name: 'eth0' })
    expect([[...a.links.keys()], [...b.links.keys()], b.links.get('eth0')!.addresses, b.links.get('eth0')!.up]).toEqual([['lo', 'y'], ['lo', 'eth0'], [], false])
    a.addLink('ens3', { kind: 'physical', peer: { name: 'ens3', namespace: b } })
    for (const ns of [a, b]) ns.setLink('ens3', { up: true })
    const { kind, peer, qdisc, operstate, flags } = a.links.get('ens3')!
    expect({ kind, peer, qdisc, operstate, flags }).toEqual({ kind: 'physical', peer: undefined, qdisc: 'fq_codel', operstate: 'UP', flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'] })
  })

  test('redirects: the sender learns the shorter way once the neighbour is known', () => {
    const { client, router, ...w } = routed()
    const other = host(w, 'other')
    router.addLink('br0', { kind: 'bridge' })
    router.setLink('br0', { up: true })
    router.deleteAddress('eth0', '10.1.0.1/24')
    router.addAddress('br0', '10.1.0.1/24')
    router.setLink('eth0', { master: 'br0' })
    cable(other, 'eth0', '10.1.0.2/24', router, 'veth', undefined)
    router.setLink('veth', { master: 'br0' })
    other.addAddress('lo', '10.62.0.1/32')
    other.setSysctl('net.ipv4.ip_forward', '1')
    router.addRoute({ to: '10.62.0.1', via: '10.1.0.2' })
    const told: string[] = []
    for (const n of [1, 2, 3]) {
      client.sockets.ping({ to: ipv4('10.62.0.1'), timeout: 1000, onRedirect: (from, text) => told.push(`${n} ${from} ${text}`) }, () => undefined)
      w.sim.runUntil(w.sim.now + 1000)
    }
    expect(told).toEqual(['1 10.1.0.1 Redirect Host(New nexthop: 10.1.0.2)', '2 10.1.0.1 Redirect Host(New nexthop: 10.1.0.2)'])
    expect(client.routeGet('10.62.0.1')).toMatchObject({ route: { via: '10.1.0.2' }, cache: { redirected: true } })
    client.flushRouteCache()
    expect(client.routeGet('10.62.0.1')).toMatchObject({ route: { via: '10.1.0.1' } })
  })
})

describe('walks', () => {
  test('name every stage and what decided', () => {
    const { client, router, ...w } = routed()
    iptables(router, '-A FORWARD -p icmp -j DROP')
    const walks: Walk[] = []
    const stop = w.network.observe((walk) => walks.push(walk))
    ping(w, client, '10.2.0.20')
    stop()
    expect(walks.map((k) => ({ stages: k.observations.map((o) => `${o.namespace} ${o.stage}`), verdict: k.verdict }))).toEqual([
      {
        stages: ['client route', 'client neighbour', 'client device', 'router route', 'router forward:filter'],
        verdict: { kind: 'dropped', at: { namespace: 'router', stage: 'forward:filter', rule: '-A FORWARD -p icmp -j DROP' }, why: 'dropped by a rule of table filter' },
      },
    ])
    walks.length = 0
    ping(w, client, '10.2.0.20')
    expect(walks).toEqual([])
  })

  test('routers that send to each other are called a loop', () => {
    const { client, router, server, ...w } = routed()
    server.setSysctl('net.ipv4.ip_forward', '1')
    server.addRoute({ to: '10.50.0.0/16', via: '10.2.0.1' })
    router.addRoute({ to: '10.50.0.0/16', via: '10.2.0.20' })
    const walks: Walk[] = []
    w.network.observe((walk) => walks.push(walk))
    ping(w, client, '10.50.0.1')
    expect(walks[0]!.verdict.kind).toBe('looped')
  })
})
