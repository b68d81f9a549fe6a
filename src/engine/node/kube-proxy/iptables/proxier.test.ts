import { expect, test } from 'vitest'
import { ipv4 } from '#base/ip.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import { readConfiguration } from '../configuration.ts'
import { syncOptions } from './options.ts'
import { IptablesProxier } from './proxier.ts'

function node() {
  const sim = new Sim({ seed: 'proxy', start: Date.UTC(2026, 0, 1) })
  const network = new SimNetwork(sim)
  const net = network.createNamespace('node', { node: 'node' })
  const pods = network.createNamespace('pods', { node: 'node' })
  net.addLink('pods', { kind: 'veth', peer: { name: 'eth0', namespace: pods } })
  for (const [ns, device] of [[net, 'pods'], [pods, 'eth0'], [net, 'lo'], [pods, 'lo']] as const) ns.setLink(device, { up: true })
  net.addAddress('pods', '10.8.1.1/24')
  net.setSysctl('net.ipv4.ip_forward', '1')
  for (const last of [5, 10, 11, 12]) pods.addAddress('eth0', `10.8.1.${last}/24`)
  pods.addRoute({ to: '10.96.0.0/12', via: '10.8.1.1', device: 'eth0' })
  net.addRoute({ to: '10.96.0.0/12', device: 'pods' })
  const services = new Map<string, Service>()
  const slices = new Map<string, EndpointSlice>()
  const config = readConfiguration({ clusterCIDR: '10.8.0.0/16' })
  const proxier = new IptablesProxier({
    sim, net, nodeName: 'node', rules: syncOptions(config, net, '10.8.1.1', undefined), minSyncPeriod: config.minSyncPeriod, syncPeriod: config.syncPeriod, zone: () => '',
    slicesOf: (key) => (slices.has(key) ? [slices.get(key)!] : []), serviceOf: (key) => services.get(key),
    logError: (message) => {
      throw new Error(message)
    },
  })
  const put = (name: string, clusterIP: string, ips: readonly string[], protocol: 'TCP' | 'UDP' = 'TCP') => {
    services.set(`shop/${name}`, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { clusterIP, ports: [{ port: 80, protocol }] } })
    slices.set(`shop/${name}`, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name }, addressType: 'IPv4', ports: [{ name: '', port: 8080, protocol }], endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: 'node' })) })
    proxier.changed(`shop/${name}`)
  }
  const run = (ms: number) => sim.runUntil(sim.now + ms)
  return { sim, net, pods, proxier, put, run, drop: (name: string) => { services.delete(`shop/${name}`); proxier.changed(`shop/${name}`) } }
}

test('one change costs one service, and changes within a second are written together', () => {
  const n = node()
  for (let i = 0; i < 50; i++) n.put(`s${i}`, `10.96.1.${i + 1}`, ['10.8.1.10', '10.8.1.11'])
  n.proxier.start()
  n.run(100)
  expect([n.proxier.rulesMade, n.proxier.syncs]).toEqual([50, 1])
  for (let i = 0; i < 5; i++) n.put('s7', '10.96.1.8', [`10.8.1.${10 + (i % 3)}`])
  n.put('s9', '10.96.1.10', [])
  n.run(1500)
  expect([n.proxier.rulesMade, n.proxier.syncs]).toEqual([52, 2])
  expect(n.net.netfilter.save('nat').split('\n').filter((l) => l.includes('shop/s7 ->')).map((l) => l.replace(/ -j .*/, ''))).toEqual([expect.stringContaining('"shop/s7 -> 10.8.1.11:8080"')])
  n.drop('s7')
  n.run(1500)
  expect(n.net.netfilter.save().includes('shop/s7')).toBe(false)
})

test('a flush of one chain stays until its service changes; a flush of everything is repaired after the sync period', () => {
  const n = node()
  n.put('web', '10.96.1.1', ['10.8.1.10'])
  n.proxier.start()
  n.run(100)
  const rules = n.net.netfilter.save('nat')
  n.net.netfilter.restore('*nat\n-F KUBE-SERVICES\nCOMMIT\n', { noflush: true })
  n.run(120_000)
  expect(n.net.netfilter.save('nat').includes('KUBE-SERVICES -d')).toBe(false)
  for (const table of ['nat', 'filter', 'mangle']) n.net.netfilter.restore(`*${table}\nCOMMIT\n`)
  n.run(31_000)
  expect(n.net.netfilter.save('nat')).toBe(rules)
})

test('a UDP flow loses its backend when that is replaced, but not while the service has none', () => {
  const n = node()
  n.put('dns', '10.96.1.53', ['10.8.1.10'], 'UDP')
  n.proxier.start()
  n.run(100)
  const socket = n.pods.sockets.udpBind({ address: ipv4('10.8.1.5'), port: 4000 }, {})
  socket.connect(ipv4('10.96.1.53'), 80)
  const backends = () => n.net.conntrack.list().filter((e) => e.original.destination === '10.96.1.53').map((e) => e.reply.source)
  socket.send('a')
  n.run(10)
  expect(backends()).toEqual(['10.8.1.10'])
  n.put('dns', '10.96.1.53', [], 'UDP')
  n.run(1500)
  expect(backends()).toEqual(['10.8.1.10'])
  n.put('dns', '10.96.1.53', ['10.8.1.12'], 'UDP')
  n.run(1500)
  expect(backends()).toEqual([])
  socket.send('b')
  n.run(10)
  expect(backends()).toEqual(['10.8.1.12'])
})
