import { expect, test } from 'vitest'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import { readConfiguration } from '../configuration.ts'
import { cleanIptables, cleanNftables } from '../cleanup.ts'
import { nftOptions } from './options.ts'
import { NftablesProxier } from './proxier.ts'

function node() {
  const sim = new Sim({ seed: 'proxy', start: Date.UTC(2026, 0, 1) })
  const net = new SimNetwork(sim).createNamespace('node', { node: 'node' })
  net.setLink('lo', { up: true })
  const services = new Map<string, Service>()
  const slices = new Map<string, EndpointSlice>()
  const config = readConfiguration({ mode: 'nftables', clusterCIDR: '10.8.0.0/16' })
  const lines: string[] = []
  const proxier = new NftablesProxier({
    sim, net, nodeName: 'node', options: () => nftOptions(config, net, '10.1.1.1', undefined, ['10.96.0.0/12']), minSyncPeriod: config.nftables.minSyncPeriod, syncPeriod: config.nftables.syncPeriod, zone: () => '',
    slicesOf: (key) => (slices.has(key) ? [slices.get(key)!] : []), serviceOf: (key) => services.get(key), log: (severity, text) => lines.push(`${severity} ${text}`),
  })
  const put = (name: string, spec: Partial<Service['spec']>, ips: readonly string[]) => {
    services.set(`shop/${name}`, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { ports: [{ port: 80, protocol: 'TCP' }], ...spec } } as Service)
    slices.set(`shop/${name}`, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name }, addressType: 'IPv4', ports: [{ name: '', port: 8080, protocol: 'TCP' }], endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: 'node' })) })
    proxier.changed(`shop/${name}`)
  }
  return { sim, net, lines, proxier, put, run: (ms: number) => sim.runUntil(sim.now + ms), drop: (name: string) => { services.delete(`shop/${name}`); proxier.changed(`shop/${name}`) }, show: (what: string) => net.nftables.run(`list ${what}`) }
}

test('a service is a chain, its endpoints are a map of chances, and its addresses are elements', () => {
  const n = node()
  n.put('web', { clusterIP: '10.96.0.9' }, ['10.8.1.4', '10.8.1.5'])
  n.put('empty', { clusterIP: '10.96.0.8' }, [])
  n.proxier.start()
  n.run(100)
  const names = n.net.nftables.names('ip', 'kube-proxy', 'chains')!
  const [chain, first, second] = ['service-', '10.8.1.4', '10.8.1.5'].map((part) => names.find((c) => c.includes('/web/') && c.includes(part)))
  expect(chain).toMatch(/^service-[A-Z2-7]{8}-shop\/web\/tcp\/$/)
  expect(n.show(`chain ip kube-proxy ${chain}`)).toBe(`table ip kube-proxy {
	chain ${chain} {
		ip daddr 10.96.0.9 ip saddr != 10.8.0.0/16 jump mark-for-masquerade
		numgen random mod 2 vmap { 0 : goto ${first}, 1 : goto ${second} }
	}
}
`)
  expect(n.show(`chain ip kube-proxy ${first}`)).toContain('ip saddr 10.8.1.4 jump mark-for-masquerade\n\t\tmeta l4proto tcp dnat to 10.8.1.4:8080')
  expect(n.show('map ip kube-proxy service-ips')).toContain(`elements = { 10.96.0.9 . tcp . 80 : goto ${chain} }`)
  expect(n.show('map ip kube-proxy no-endpoint-services')).toContain('elements = { 10.96.0.8 . tcp . 80 comment "shop/empty" : goto reject-chain }')
  expect(n.show('set ip kube-proxy cluster-ips')).toContain('elements = { 10.96.0.8, 10.96.0.9 }')
  expect(n.show('chain ip kube-proxy cluster-ips-check')).toContain('ip daddr 10.96.0.0/12 drop comment "Drop traffic to unallocated ClusterIPs"')
  expect(n.show('tables')).toBe('table ip kube-proxy\ntable ip6 kube-proxy\n')
  expect(n.lines).toEqual(['E Failed to list existing nftables objects', 'E Failed to list existing nftables objects'])
})

test('chains that are not used are emptied at once and deleted by a later sync', () => {
  const n = node()
  n.put('web', { clusterIP: '10.96.0.9' }, ['10.8.1.4', '10.8.1.5'])
  n.proxier.start()
  n.run(2000)
  const chains = () => n.net.nftables.names('ip', 'kube-proxy', 'chains')!.filter((c) => c.includes('/')).length
  n.put('web', { clusterIP: '10.96.0.9' }, ['10.8.1.5'])
  n.run(2000)
  expect(chains()).toBe(3)
  n.put('other', { clusterIP: '10.96.0.7' }, [])
  n.run(2000)
  expect(chains()).toBe(2)
  n.drop('web')
  n.run(2000)
  expect(n.show('map ip kube-proxy service-ips')).not.toContain('elements')
  expect(n.show('set ip kube-proxy cluster-ips')).toContain('{ 10.96.0.7 }')
})

test('what others take away stays away until the service changes; a table that is gone comes back by the next failure', () => {
  const n = node()
  n.put('web', { clusterIP: '10.96.0.9' }, ['10.8.1.4'])
  n.proxier.start()
  n.run(2000)
  n.net.nftables.run('flush chain ip kube-proxy services')
  n.run(60_000)
  expect(n.show('chain ip kube-proxy services')).toBe('table ip kube-proxy {\n\tchain services {\n\t}\n}\n')
  n.net.nftables.run('delete table ip kube-proxy')
  n.run(60_000)
  expect(n.net.nftables.names('ip', 'kube-proxy', 'chains')).toBeUndefined()
  n.put('web', { clusterIP: '10.96.0.9' }, ['10.8.1.5'])
  n.run(2000)
  expect(n.lines.slice(-2)).toEqual(['E nftables sync failed', 'I Sync failed'])
  n.run(31_000)
  expect(n.show('map ip kube-proxy service-ips')).toContain('10.96.0.9 . tcp . 80')
})

test('source ranges, session affinity and local policy', () => {
  const n = node()
  n.put('lb', { clusterIP: '10.96.0.5', type: 'LoadBalancer', externalTrafficPolicy: 'Local', sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 90 } }, loadBalancerSourceRanges: ['192.0.2.0/24', '10.1.0.0/16'], ports: [{ port: 80, nodePort: 30_080, protocol: 'TCP' }], externalIPs: ['198.51.100.7'] }, ['10.8.1.4'])
  n.proxier.start()
  n.run(2000)
  const all = n.show('table ip kube-proxy').replace(/-[A-Z2-7]{8}-shop\/lb/g, '-shop/lb')
  expect(/chain external-shop[^}]*}/.exec(all)![0].split('\n').slice(1, -1).map((l) => l.trim())).toEqual([
    'ip saddr 10.8.0.0/16 goto service-shop/lb/tcp/ comment "short-circuit pod traffic"', 'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"', 'fib saddr type local goto service-shop/lb/tcp/ comment "short-circuit local traffic"', 'goto local-shop/lb/tcp/',
  ])
  expect(all).toContain('set affinity-shop/lb/tcp/__10.8.1.4/8080 {\n\t\ttype ipv4_addr\n\t\tsize 65535\n\t\tflags dynamic,timeout\n\t\ttimeout 1m30s\n')
  expect(all).toContain('update @affinity-shop/lb/tcp/__10.8.1.4/8080 { ip saddr }')
  expect(all).toContain('elements = { tcp . 30080 : goto external-shop/lb/tcp/ }')
})

test('the mode that starts takes the other one away', () => {
  const n = node()
  n.put('web', { clusterIP: '10.96.0.9' }, ['10.8.1.4'])
  n.proxier.start()
  n.run(2000)
  n.net.netfilter.restore('*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]\n:MINE - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n-A PREROUTING -j MINE\n-A KUBE-SERVICES -j KUBE-SVC-AAAAAAAAAAAAAAAA\nCOMMIT\n*filter\n:KUBE-FIREWALL - [0:0]\n-A INPUT -j KUBE-FIREWALL\nCOMMIT\n', { noflush: true })
  cleanIptables(n.net.netfilter)
  cleanNftables(n.net.nftables)
  expect(n.show('ruleset')).toBe('')
  expect(n.net.netfilter.save().split('\n').filter((l) => l.startsWith('-A') || /^:[A-Z-]+ - /.test(l))).toEqual([':KUBE-FIREWALL - [0:0]', '-A INPUT -j KUBE-FIREWALL', ':MINE - [0:0]', '-A PREROUTING -j MINE'])
})
