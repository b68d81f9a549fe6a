/**
 * CoreDNS' own query tables: dns/kubernetes asks the kubernetes plugin with the tables' services and endpoints. Answers are compared as sets;
 * of an SOA record the numbers are left aside, and TTLs are those of the tables (5).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DnsRecord } from '#base/dns.ts'
import { dnsRcodes } from '#base/dns.ts'
import { KubernetesPlugin } from '#engine/addons/coredns/kubernetes.ts'
import type { ClusterData, EndpointSet, KubernetesOptions, ServiceInfo } from '#engine/addons/coredns/kubernetes.ts'
import { normalName } from '#engine/addons/coredns/records.ts'
import { collection } from './collection.ts'
import type { Outcome } from './collection.ts'

interface Case {
  readonly qname: string
  readonly qtype?: string
  readonly rcode: string
  readonly answer?: readonly string[]
  readonly ns?: readonly string[]
  readonly extra?: readonly string[]
  readonly Msg?: readonly { readonly Host: string; readonly Port: number; readonly TTL: number; readonly Key: string }[]
  readonly Md?: Readonly<Record<string, string>> | readonly never[]
}

interface Table {
  readonly file: string
  readonly table: string
  readonly cases: readonly Case[]
}

interface Row {
  readonly id: string
  readonly table: Table
  readonly case: Case
  readonly fixtures: Readonly<Record<string, any>>
}

const file = 'oracles/dns/coredns-cases.json'

function serviceOf(raw: any): ServiceInfo {
  const text = (v: any): string => (typeof v === 'string' ? v : String(v?.$id ?? '').endsWith('ClusterIPNone') ? 'None' : String(v?.$id ?? ''))
  return {
    name: raw.Name, namespace: raw.Namespace, type: text(raw.Type).replace('api.ServiceType', '') || 'ClusterIP', clusterIps: (raw.ClusterIPs ?? []).map(text), externalName: raw.ExternalName ?? '',
    ports: (raw.Ports ?? []).map((p: any) => ({ name: p.Name ?? '', protocol: p.Protocol ?? '', port: p.Port })), externalIps: raw.ExternalIPs ?? [],
  }
}

function setOf(raw: any, key: string): EndpointSet[] {
  const [service, namespace] = key.split('.') as [string, string]
  return (raw.Subsets ?? []).map((s: any) => ({
    service, namespace, addresses: (s.Addresses ?? []).map((a: any) => ({ ip: a.IP, hostname: a.Hostname ?? '', target: a.TargetRefName ?? '' })),
    ports: (s.Ports ?? []).map((p: any) => ({ name: p.Name ?? '', protocol: p.Protocol ?? '', port: p.Port })),
  }))
}

/** Endpoints of the reverse tables, which are made in code at the source. */
const reverseEndpoints: readonly EndpointSet[] = [
  ['10.0.0.100', 'ep1a', 'svc1'], ['1234:abcd::1', 'ep1b', 'svc1'], ['fd00:77:30::2:9ba6', 'ip6svc1in', 'svc1'], ['10.0.0.99', 'double-ep', 'svc1'], ['10.0.0.99', 'double-ep', 'svc2'],
].map(([ip, hostname, service]) => ({ service: service!, namespace: 'testns', addresses: [{ ip: ip!, hostname: hostname!, target: '' }], ports: [{ name: 'http', protocol: 'tcp', port: 80 }] }))

function dataOf(row: Row): ClusterData {
  const reverse = row.table.file.endsWith('reverse_test.go')
  const external = row.table.file.endsWith('external_test.go')
  const prefix = external ? 'kubernetes/external_test.go:' : 'kubernetes/handler_test.go:'
  const services: Record<string, any[]> = row.fixtures[prefix + (external ? 'svcIndexExternal' : 'svcIndex')]
  const endpoints: Record<string, any[]> = row.fixtures[prefix + (external ? 'epIndexExternal' : 'epsIndex')]
  const imports: Record<string, any[]> = row.fixtures['kubernetes/handler_test.go:svcImportIndex']
  const importEndpoints: Record<string, any[]> = row.fixtures['kubernetes/handler_test.go:mcEpsIndex']
  const sets = reverse ? reverseEndpoints : Object.entries(endpoints).flatMap(([key, list]) => list.flatMap((e) => setOf(e, key)))
  const infos = reverse ? (row.fixtures['kubernetes/reverse_test.go:svcs'] as any[]).map(serviceOf) : Object.values(services).flat().map(serviceOf)
  const is = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  return {
    synced: row.table.table !== 'notSyncedTestCases', serial: 1,
    namespaceExists: (n) => n !== 'pod-nons' && n !== 'svc-nons' && n !== 'foo' && n !== 'unexposedns',
    services: (name, namespace) => infos.filter((s) => is(s.name, name) && is(s.namespace, namespace)),
    servicesByIp: (ip) => infos.filter((s) => s.clusterIps.includes(ip)),
    endpoints: (name, namespace) => sets.filter((e) => is(e.service, name) && is(e.namespace, namespace)),
    endpointsByIp: (ip) => sets.filter((e) => e.addresses.some((a) => a.ip === ip)),
    podInNamespace: (ip, namespace) => ip === '10.240.0.1' && namespace === 'podns',
    imports: (name, namespace) => (imports[`${name}.${namespace}`] ?? []).map(serviceOf),
    importEndpoints: (name, namespace) => (importEndpoints[`${name}.${namespace}`] ?? []).flatMap((e) => setOf(e.Endpoints, `${name}.${namespace}`).map((s) => ({ ...s, cluster: e.ClusterId as string }))),
  }
}

function optionsOf(row: Row): KubernetesOptions {
  const { file: f, table } = row.table
  return {
    zones: f.endsWith('reverse_test.go') ? ['cluster.local.', '0.10.in-addr.arpa.', '168.192.in-addr.arpa.', '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1.ip6.arpa.', 'd.f.ip6.arpa.', 'ip6.arpa.'] : f.endsWith('metadata_test.go') ? ['cluster.local.', 'clusterset.local.'] : ['cluster.local.'],
    ttl: 5, pods: f.includes('verified') ? 'verified' : f.includes('insecure') ? 'insecure' : 'disabled', endpointPodNames: false, ignoreEmptyService: f.includes('ignore_emptyservice'), namespaces: undefined,
    fallthrough: undefined, localIps: ['127.0.0.1'], multicluster: table === 'multiclusterDnsTestCases' ? ['cluster.local.'] : ['clusterset.local.'],
  }
}

/** Names in lower case, numbers of an SOA left out, order left out. */
function section(records: readonly (DnsRecord | string)[] | undefined): string[] {
  return (records ?? []).map((r) => {
    const text = typeof r === 'string' ? r.replace(/\s+/g, ' ') : `${r.name} ${r.ttl} IN ${r.type} ${r.data}`
    return text.replace(/^(\S+) \d+ IN SOA (\S+) (\S+).*$/, '$1 IN SOA $2 $3')
  }).sort()
}

function run(row: Row): Outcome {
  const plugin = new KubernetesPlugin(optionsOf(row), dataOf(row))
  const c = row.case
  const name = normalName(c.qname)
  const compare = (expected: unknown, actual: unknown): Outcome => {
    const [e, a] = [JSON.stringify(expected, null, 1), JSON.stringify(actual, null, 1)]
    return e === a ? { result: 'passed' } : { result: 'failed', expected: e, actual: a }
  }
  if (row.table.file.endsWith('zonal_test.go')) return { result: 'skipped', reason: 'names pinned to a zone are not in CoreDNS 1.13' }
  if (c.Md !== undefined) {
    const p = plugin.parts(name)
    const md = p === undefined ? [] : { ...(p.cluster !== '' && { 'kubernetes/cluster': p.cluster }), 'kubernetes/endpoint': p.endpoint, 'kubernetes/kind': p.kind, 'kubernetes/namespace': p.namespace, 'kubernetes/port-name': p.port, 'kubernetes/protocol': p.protocol, 'kubernetes/service': p.service }
    return compare(c.Md, md)
  }
  if (row.table.table === 'extCases') {
    const found = plugin.external(name, name.endsWith('.example.com.') ? 'example.com.' : 'example.org.', true)
    const plain = (found ?? []).map((f) => ({ Host: f.host, Port: f.port, TTL: f.ttl }))
    return compare({ rcode: c.rcode, Msg: (c.Msg ?? []).map(({ Host, Port, TTL }) => ({ Host, Port, TTL })) }, { rcode: found === undefined ? 'NXDOMAIN' : 'NOERROR', Msg: plain })
  }
  let outcome: Outcome = { result: 'failed', expected: 'an answer', actual: 'none' }
  plugin.answer({ name: c.qname, type: c.qtype ?? 'A', class: 'IN' }, (_n, _t, done) => done([]), (answer) => {
    const actual = answer ? { rcode: dnsRcodes[answer.rcode], answer: section(answer.answers), ns: section(answer.authority), extra: section(answer.additional) } : 'asks the next plugin'
    outcome = compare({ rcode: c.rcode, answer: section(c.answer), ns: section(c.ns), extra: section(c.extra) }, actual)
  })
  return outcome
}

export const collections = [
  collection<Row>({
    name: 'dns/kubernetes',
    needs: [file],
    load: (shared) => {
      const data = JSON.parse(readFileSync(join(shared, file), 'utf8')) as { tables: Table[]; fixtures: Row['fixtures'] }
      return data.tables.filter((t) => t.file.startsWith('kubernetes/')).flatMap((table) => table.cases.map((c, i) => ({ id: `${table.table}-${i}`, table, case: c, fixtures: data.fixtures })))
    },
    id: (row) => row.id,
    run,
  }),
]
