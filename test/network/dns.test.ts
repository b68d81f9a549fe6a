import { expect, test } from 'vitest'
import { decodeDns, dnsQuery, dnsRcodes, encodeDns } from '#base/dns.ts'
import { ipv4 } from '#base/ip.ts'
import { parseCorefile } from '#engine/addons/coredns/corefile.ts'
import { directives } from '#engine/addons/coredns/directives.ts'
import { defaultCorefile } from '#engine/kubeadm/addons.ts'
import { replyFlags } from '#engine/addons/coredns/plugins/basic.ts'
import { DnsServer } from '#engine/addons/coredns/server.ts'
import type { FileSystem } from '#engine/machine/files.ts'
import { SimNetwork } from '#engine/net/network.ts'
import { Sim } from '#engine/sim/sim.ts'
import { FakeApi } from './fake-api.ts'

const parse = (text: string) => parseCorefile(text, { file: 'Corefile', directives: new Set(directives.keys()), env: () => undefined, importFiles: () => [], warn: () => {} })

function world(corefile = defaultCorefile(), resolv = 'nameserver 192.0.2.53\n') {
  const sim = new Sim({ seed: 'dns', start: Date.UTC(2026, 0, 1) })
  const network = new SimNetwork(sim)
  const [client, server] = ['client', 'server'].map((n) => network.createNamespace(n, { node: n })) as [ReturnType<SimNetwork['createNamespace']>, ReturnType<SimNetwork['createNamespace']>]
  client.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespace: server } })
  for (const ns of [client, server]) for (const l of ['lo', 'eth0']) ns.setLink(l, { up: true })
  client.addAddress('eth0', '10.8.1.7/24')
  server.addAddress('eth0', '10.8.1.2/24')
  const api = new FakeApi()
  for (const name of ['default', 'shop']) api.of('namespaces').put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' }, spec: { clusterIP: '10.96.3.4', clusterIPs: ['10.96.3.4'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] } })
  api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace: 'shop' }, spec: { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] } })
  api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'alias', namespace: 'shop' }, spec: { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' } })
  api.of('services').put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'empty', namespace: 'shop' }, spec: { clusterIP: 'None', clusterIPs: ['None'] } })
  const endpoint = (ip: string, hostname: string | undefined, ready: boolean) => ({ addresses: [ip], conditions: { ready }, ...(hostname !== undefined && { hostname }) })
  api.of('endpointslices').put({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'db-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'db' } }, addressType: 'IPv4', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints: [endpoint('10.8.1.20', 'db-0', true), endpoint('10.8.1.21', undefined, true), endpoint('10.8.1.22', 'db-2', false)],
  })
  const lines: string[] = []
  const fs = { exists: (p: string) => p === '/etc/resolv.conf', readFile: () => resolv, watch: () => () => {} } as unknown as FileSystem
  const dns = new DnsServer(parse(corefile), { sim, net: server, fs, api, log: (level, text) => void lines.push(`[${level}] ${text}`), exit: () => {} })
  dns.start()
  const ask = (name: string, type = 'A') => {
    let reply = 'no answer'
    const socket = client.sockets.udpBind({}, { onMessage: (data) => {
      const m = decodeDns(data)!
      reply = [dnsRcodes[m.rcode], replyFlags(m), ...m.answers.map((r) => `${r.ttl} ${r.type} ${r.data}`).sort()].join(' | ')
    } })
    socket.connect(ipv4('10.8.1.2'), 53)
    socket.send(encodeDns(dnsQuery(9, name, type)))
    sim.runUntil(sim.now + 10_000)
    socket.close()
    return reply
  }
  return { ask, lines, api, server }
}

test('names of services, endpoints and pods', () => {
  const { ask } = world()
  expect(ask('web.shop.svc.cluster.local.')).toBe('NOERROR | qr,aa,rd | 30 A 10.96.3.4')
  expect(ask('WEB.shop.svc.cluster.local.', 'AAAA')).toBe('NOERROR | qr,aa,rd')
  expect(ask('db.shop.svc.cluster.local.')).toBe('NOERROR | qr,aa,rd | 30 A 10.8.1.20 | 30 A 10.8.1.21')
  expect(ask('db-0.db.shop.svc.cluster.local.')).toBe('NOERROR | qr,aa,rd | 30 A 10.8.1.20')
  expect(ask('_sql._tcp.db.shop.svc.cluster.local.', 'SRV')).toBe('NOERROR | qr,aa,rd | 30 SRV 0 50 5432 10-8-1-21.db.shop.svc.cluster.local. | 30 SRV 0 50 5432 db-0.db.shop.svc.cluster.local.')
  expect(ask('alias.shop.svc.cluster.local.')).toBe('NOERROR | qr,aa,rd | 30 A 10.96.3.4 | 30 CNAME web.shop.svc.cluster.local.')
  expect(ask('10-8-1-99.shop.pod.cluster.local.')).toBe('NOERROR | qr,aa,rd | 30 A 10.8.1.99')
  expect([ask('empty.shop.svc.cluster.local.'), ask('nope.shop.svc.cluster.local.'), ask('web.nowhere.svc.cluster.local.'), ask('shop.svc.cluster.local.')]).toEqual(['NXDOMAIN | qr,aa,rd', 'NXDOMAIN | qr,aa,rd', 'NXDOMAIN | qr,aa,rd', 'NOERROR | qr,aa,rd'])
  expect(ask('4.3.96.10.in-addr.arpa.', 'PTR')).toBe('NOERROR | qr,aa,rd | 30 PTR web.shop.svc.cluster.local.')
  expect(ask('dns-version.cluster.local.', 'TXT')).toBe('NOERROR | qr,aa,rd | 30 TXT "1.1.0"')
})

test('an upstream that cannot be reached is an error that is logged', () => {
  const { ask, lines } = world()
  expect(ask('www.example.org.')).toBe('SERVFAIL | qr,rd')
  expect(lines.filter((l) => !l.includes('HINFO'))).toEqual(['[ERROR] plugin/errors: 2 www.example.org. A: dial udp 192.0.2.53:53: connect: network is unreachable'])
})

test('a changed service is answered at once, and /ready and /health answer', () => {
  const { ask, api, server } = world()
  api.of('services').drop('shop', 'web')
  expect(ask('web.shop.svc.cluster.local.')).toBe('NXDOMAIN | qr,aa,rd')
  expect(server.sockets.list().filter((s) => s.state === 'LISTEN').map((s) => s.local).sort()).toEqual(['0.0.0.0:53', '0.0.0.0:8080', '0.0.0.0:8181'])
})

test('hosts, rewrite and template come before the cluster', () => {
  const { ask } = world('.:53 {\n  hosts {\n    192.0.2.9 printer.test\n    fallthrough\n  }\n  rewrite name old.test web.shop.svc.cluster.local\n  template IN A lab.test {\n    match "^ip-(?P<a>\\d+)[.]lab[.]test[.]$"\n    answer "{{ .Name }} 60 IN A 10.0.0.{{ .Group.a }}"\n    fallthrough\n  }\n  kubernetes cluster.local\n}\n')
  expect([ask('printer.test.'), ask('old.test.'), ask('ip-7.lab.test.'), ask('x.lab.test.')]).toEqual(['NOERROR | qr,aa,rd | 3600 A 192.0.2.9', 'NOERROR | qr,aa,rd | 5 A 10.96.3.4', 'NOERROR | qr,aa,rd | 60 A 10.0.0.7', 'SERVFAIL | qr,rd'])
})

test('Corefiles that are wrong, in the words of the server', () => {
  const fails = (text: string) => {
    try {
      world(text)
      return 'fine'
    } catch (error) {
      return (error as Error).message
    }
  }
  expect([
    fails('.:53 {\n  whoami\n'), fails('.:53 {\n  whoam\n}\n'), fails('.:53 { whoami }\n'), fails('.:53 {\n  kubernetes {\n    podz insecure\n  }\n}\n'), fails('.:53 {\n  forward .\n}\n'), fails('a.test {\n  whoami\n}\na.test {\n  whoami\n}\n'), fails('.:53 {\n  reload 1s\n}\n'),
  ]).toEqual([
    "Corefile:2 - Syntax error: Unexpected token 'whoami', expecting '}'", "Corefile:2 - Error during parsing: Unknown directive 'whoam'", "Corefile:1 - Error during parsing: Unexpected '}' because no matching opening brace",
    "plugin/kubernetes: Corefile:3 - Error during parsing: unknown property 'podz'", "plugin/forward: Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after '.'", 'cannot serve dns://a.test.:53 - it is already defined',
    'plugin/reload: interval value must be greater or equal to 2s',
  ])
})
