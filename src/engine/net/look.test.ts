import { expect, test } from 'vitest'
import { ipv4 } from '#base/ip.ts'
import { Sim } from '#engine/sim/sim.ts'
import { lookAt } from './look.ts'
import type { Namespace } from './namespace.ts'
import { parseCommand } from './netfilter/parse.ts'
import { SimNetwork } from './network.ts'

/** left 10.0.0.1 ─ 10.0.0.254 router 10.1.0.254 ─ 10.1.0.1 right, which serves 6443 */
function world() {
  const network = new SimNetwork(new Sim({ seed: 1, start: 0 }))
  const make = (name: string) => {
    const ns = network.createNamespace(name)
    ns.setLink('lo', { up: true })
    return ns
  }
  const [left, router, right] = [make('left'), make('router'), make('right')]
  const plug = (ns: Namespace, device: string, address: string, up: string, upAddress: string) => {
    ns.addLink(device, { kind: 'veth', peer: { name: up, namespace: router } })
    for (const [n, d, a] of [[ns, device, address], [router, up, upAddress]] as const) {
      n.setLink(d, { up: true })
      n.addAddress(d, a)
    }
    ns.addRoute({ to: 'default', via: upAddress.replace(/\/.*/, '') })
  }
  plug(left, 'eth0', '10.0.0.1/24', 'l', '10.0.0.254/24')
  plug(right, 'eth0', '10.1.0.1/24', 'r', '10.1.0.254/24')
  router.setSysctl('net.ipv4.ip_forward', '1')
  right.sockets.tcpListen(0, 6443, () => undefined)
  return { network, left, router, right }
}

const iptables = (ns: Namespace, line: string) => ns.netfilter.apply(parseCommand(ns, line.split(' ')))
const look = (ns: Namespace, to = '10.1.0.1', port = 6443) => lookAt(ns, ipv4(to), port).result

test('what a new connection would meet', () => {
  const { left, router, right } = world()
  expect(look(left)).toEqual({ kind: 'open' })
  expect(look(left, '10.1.0.1', 6444)).toEqual({ kind: 'error', errno: 'ECONNREFUSED' })
  expect(look(left, '10.1.0.9')).toEqual({ kind: 'error', errno: 'EHOSTUNREACH' })
  expect(look(left, '10.9.0.9')).toEqual({ kind: 'error', errno: 'ENETUNREACH' })
  iptables(right, '-A INPUT -p tcp --dport 6443 -j DROP')
  expect(look(left)).toEqual({ kind: 'silent' })
  iptables(right, '-F INPUT')
  iptables(router, '-A FORWARD -s 10.0.0.1 -j REJECT')
  expect(look(left)).toEqual({ kind: 'error', errno: 'ECONNREFUSED' })
  iptables(router, '-F FORWARD')
  // the way back counts as well
  right.deleteRoute({ to: 'default' })
  expect(look(left)).toEqual({ kind: 'silent' })
})

test('it goes through address translation, and who was passed is known', () => {
  const { left, router, right } = world()
  iptables(left, '-t nat -A OUTPUT -d 10.96.0.1 -p tcp --dport 443 -j DNAT --to-destination 10.1.0.1:6443')
  iptables(left, '-t nat -A POSTROUTING -j MASQUERADE --random-fully')
  const seen = lookAt(left, ipv4('10.96.0.1'), 443)
  expect(seen.result).toEqual({ kind: 'open' })
  expect([...seen.passed].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([left, right, router])
  expect(seen.reached).toEqual({ namespace: right, port: 6443 })
})

test('it leaves nothing behind', () => {
  const { network, left, right } = world()
  iptables(left, '-t nat -A POSTROUTING -j MASQUERADE --random-fully')
  iptables(right, '-A INPUT -p tcp --dport 6443 -m conntrack --ctstate NEW -j ACCEPT')
  look(left)
  const state = () => [left, right].map((ns) => [ns.netfilter.save(undefined, { counters: true }), ns.conntrack.list(), ns.sockets.list(), [...ns.links.values()].map((l) => l.statistics), ns.neighbours()])
  const before = state()
  const heard: unknown[] = []
  right.capture('any', (p) => heard.push(p))
  right.conntrack.onEvent((event) => heard.push(event))
  expect(look(left)).toEqual({ kind: 'open' })
  expect(state()).toEqual(before)
  expect(heard).toEqual([])
  expect(network.sim.nextAt).toBe(undefined)
})

test('every change to what packets meet is told', () => {
  const { network, left } = world()
  let told = 0
  network.onTouched = () => told++
  const after = (change: () => void) => {
    told = 0
    change()
    return told > 0
  }
  expect([
    after(() => iptables(left, '-A OUTPUT -j ACCEPT')),
    after(() => left.setLink('eth0', { up: false })),
    after(() => left.setLink('eth0', { up: true })),
    after(() => left.addRoute({ to: '10.5.0.0/16', via: '10.0.0.254' })),
    after(() => left.setSysctl('net.ipv4.ip_forward', '1')),
    after(() => left.setNeighbour('eth0', '10.0.0.254', '02:00:00:00:00:01')),
    after(() => left.sockets.tcpListen(0, 80, () => undefined).close()),
    after(() => look(left)),
  ]).toEqual([true, true, true, true, true, true, true, false])
})
