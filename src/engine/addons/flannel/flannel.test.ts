import { expect, test } from 'vitest'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import { readFlags } from './flags.ts'
import { FlannelNetwork, findUplink, type FlannelConf } from './network.ts'

const conf: FlannelConf = { network: '10.8.0.0/16', backend: 'vxlan', vni: 1, port: 0, mtu: undefined, directRouting: true }

function node() {
  const net = new SimNetwork(new Sim({ seed: 'flannel', start: 0 })).createNamespace('node', { node: 'node' })
  net.addLink('eth0', { kind: 'dummy' })
  net.setLink('eth0', { up: true })
  net.addAddress('eth0', '172.20.0.3/24')
  net.addRoute({ to: 'default', via: '172.20.0.1', device: 'eth0' })
  return { net, network: new FlannelNetwork(net, conf, findUplink(net)!) }
}

test('a device that cannot be the tunnel is made anew; the tunnel stays as it is', () => {
  const { net, network } = node()
  net.addLink('flannel.1', { kind: 'vxlan', id: 7, dstport: 8472, device: 'eth0', learning: false })
  net.addAddress('flannel.1', '10.9.9.9/32')
  const said: string[] = []
  const mac = network.ensureDevice('10.8.1.0/24', (why) => said.push(why))
  expect(network.ensureDevice('10.8.1.0/24', (why) => said.push(why))).toBe(mac)
  expect(said).toEqual(['vni: 1 vs 7'])
  const link = net.links.get('flannel.1')!
  expect([link.vxlan?.id, link.mtu, link.addresses.map((a) => a.address)]).toEqual([1, 1450, ['10.8.1.0']])
  net.deleteLink('flannel.1')
  net.addLink('flannel.1', { kind: 'bridge' })
  network.ensureDevice('10.8.1.0/24', (why) => said.push(why))
  expect(said[1]).toBe('link type: vxlan vs bridge')
})

test('DirectRouting: neighbours on the uplink by route, the others by tunnel', () => {
  const { net, network } = node()
  network.ensureDevice('10.8.1.0/24', () => {})
  network.add({ node: 'near', subnet: '10.8.2.0/24', publicIp: '172.20.0.4', vtepMac: '02:00:00:00:00:02', backend: 'vxlan' })
  network.add({ node: 'far', subnet: '10.8.3.0/24', publicIp: '172.20.9.4', vtepMac: '02:00:00:00:00:03', backend: 'vxlan' })
  const routes = () => net.routes().filter((r) => r.to.startsWith('10.8.')).map((r) => `${r.to} via ${r.via} dev ${r.device} ${r.flags.join(' ')}`.trim())
  expect(routes()).toEqual(['10.8.2.0/24 via 172.20.0.4 dev eth0', '10.8.3.0/24 via 10.8.3.0 dev flannel.1 onlink'])
  network.remove('near')
  network.remove('far')
  expect([routes(), net.fdb('flannel.1')]).toEqual([[], []])
})

test('flags as Go reads them', () => {
  const read = (...args: string[]) => {
    const flags = readFlags(args)
    return 'usage' in flags ? flags.usage.split('\n')[0] : Object.fromEntries(flags.given)
  }
  expect(read('--ip-masq', '-iface', 'eth1', '--public-ip=1.2.3.4', 'rest', '--nosuch')).toEqual({ 'ip-masq': 'true', iface: 'eth1', 'public-ip': '1.2.3.4' })
  expect(read('--ip-masq=false')).toEqual({ 'ip-masq': 'false' })
  expect([read('--nosuch'), read('-iface'), read('-help')]).toEqual(['flag provided but not defined: -nosuch', 'flag needs an argument: -iface', 'Usage: flanneld [OPTION]...'])
})
