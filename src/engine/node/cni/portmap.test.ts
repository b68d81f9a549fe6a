import { expect, test } from 'vitest'
import { Random } from '#base/random.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import type { PortMapping } from './portmap-types.ts'
import { portmapPlugin } from './portmap.ts'
import type { CniCall, CniCommand, CniHost } from './types.ts'

function node() {
  const network = new SimNetwork(new Sim({ seed: 'portmap', start: 0 }))
  const net = network.createNamespace('node', { node: 'node' })
  net.setLink('lo', { up: true })
  net.addLink('br7', { kind: 'bridge' })
  net.setLink('br7', { up: true })
  net.addAddress('br7', '10.7.0.1/24')
  const host = { network, net, random: new Random('x') } as unknown as CniHost
  const call = (command: CniCommand, id: string, address: string, portMappings: readonly PortMapping[], more: object = {}) =>
    portmapPlugin({
      command, containerId: id, netns: `/run/netns/${id}`, ifname: 'eth0', args: '', path: [],
      conf: { name: 'pods', runtimeConfig: { portMappings }, prevResult: { cniVersion: '1.0.0', interfaces: [{ name: 'br7' }, { name: 'eth0', sandbox: `/run/netns/${id}` }], ips: [{ address: '10.7.0.1/24', interface: 0 }, { address, interface: 1 }] }, ...more },
    } as CniCall, host)
  return { net, call }
}

const nft = { backend: 'nftables' }
const rulesOf = (text: string) => text.split('\n').filter((l) => l.includes('comment "id-')).map((l) => l.trim())

test('the nftables backend: a table of its own, rules that a comment ties to their container', () => {
  const { net, call } = node()
  const pear: PortMapping[] = [{ hostPort: 8088, containerPort: 80, protocol: 'TCP' }, { hostPort: 53, containerPort: 5353, protocol: 'udp', hostIP: '172.20.0.3' }, { hostPort: 9, containerPort: 9, protocol: 'tcp', hostIP: '::1' }]
  call('ADD', 'id-pear', '10.7.0.2/24', pear, nft)
  expect(net.nftables.run('list ruleset')).toBe(`table ip cni_hostport {
	comment "CNI portmap plugin"
	chain hostports {
		tcp dport 8088 dnat to 10.7.0.2:80 comment "id-pear"
		ip daddr 172.20.0.3 udp dport 53 dnat to 10.7.0.2:5353 comment "id-pear"
	}

	chain hostip_hostports {
	}

	chain hostports_all {
		jump hostip_hostports
		jump hostports
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local jump hostports_all
	}

	chain output {
		type nat hook output priority -100; policy accept;
		fib daddr type local jump hostports_all
	}

	chain masquerading {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.7.0.2 ip daddr 10.7.0.2 masquerade comment "id-pear"
		ip saddr 127.0.0.1 ip daddr 10.7.0.2 masquerade comment "id-pear"
	}
}
`)
  expect(net.sysctl('net.ipv4.conf.br7.route_localnet')).toBe('1')
  const plum: PortMapping[] = [{ hostPort: 8089, containerPort: 80, protocol: 'tcp' }]
  call('ADD', 'id-plum', '10.7.0.3/24', plum, { ...nft, masqAll: true })
  call('CHECK', 'id-pear', '10.7.0.2/24', pear, nft)
  call('DEL', 'id-pear', '10.7.0.2/24', pear, nft)
  expect(() => call('CHECK', 'id-pear', '10.7.0.2/24', pear, nft)).toThrow('missing hostport rules in "hostports" chain')
  call('CHECK', 'id-plum', '10.7.0.3/24', plum, { ...nft, masqAll: true })
  expect(rulesOf(net.nftables.run('list ruleset'))).toEqual(['tcp dport 8089 dnat to 10.7.0.3:80 comment "id-plum"', 'ip saddr 0.0.0.0/0 ip daddr 10.7.0.3 masquerade comment "id-plum"'])
  expect(net.netfilter.save('nat')).not.toContain('HOSTPORT')
})

test('without snat nothing is masqueraded, and a host without the table has nothing to take away', () => {
  const { net, call } = node()
  call('DEL', 'id-pear', '10.7.0.2/24', [], nft)
  expect(net.nftables.empty).toBe(true)
  call('ADD', 'id-pear', '10.7.0.2/24', [{ hostPort: 80, containerPort: 8080, protocol: 'tcp' }], { ...nft, snat: false, conditionsV4: ['ip', 'saddr', '!=', '10.7.0.0/24'] })
  expect(net.nftables.run('list chains')).not.toContain('masquerading')
  expect(net.nftables.run('list chain ip cni_hostport output')).toContain('ip saddr != 10.7.0.0/24 fib daddr type local jump hostports_all')
  expect(net.sysctl('net.ipv4.conf.br7.route_localnet')).toBe('0')
})

test('what the configuration may not say', () => {
  const { call } = node()
  const said = (more: object) => {
    try {
      call('ADD', 'id-pear', '10.7.0.2/24', [], more)
    } catch (error) {
      return (error as Error).message
    }
    return undefined
  }
  expect([{}, { backend: 'ebtables' }, { markMasqBit: 32 }, { markMasqBit: 1, externalSetMarkChain: 'X' }, { backend: 'nftables', externalSetMarkChain: 'X', conditionsV4: ['-d', '10.0.0.1'] }, { conditionsV4: ['ip', 'daddr', '10.0.0.1'] }].map(said)).toEqual([
    undefined,
    'unrecognized backend "ebtables"',
    'MasqMarkBit must be between 0 and 31',
    'Cannot specify externalSetMarkChain and markMasqBit',
    'nftables backend was requested but configuration contains iptables-specific options [externalSetMarkChain conditionsV4]',
    'iptables backend was requested but configuration contains nftables-specific options [conditionsV4]',
  ])
})
