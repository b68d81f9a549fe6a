/**
 * CoreDNS' kubernetes plugin v1.13: names of services, endpoints and pods from the API's objects (plugin/kubernetes and the generic
 * back-end lookup of plugin/). The data come through `ClusterData`, so that it can be asked without a cluster. Left out: zone transfers,
 * zone-pinned names.
 */
import type { DnsQuestion, DnsRecord } from '#base/dns.ts'
import { rcode } from '#base/dns.ts'
import { addressOfReverse, addressType, canonicalAddress, fqdn, inZone, isReverse, matchZone, normalName, record } from './records.ts'

export interface ServiceInfo {
  readonly name: string
  readonly namespace: string
  readonly type: string
  /** `None` alone for a headless one. */
  readonly clusterIps: readonly string[]
  readonly externalName: string
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
  /** spec.externalIPs and the load balancer's addresses. */
  readonly externalIps?: readonly string[]
}

export interface EndpointAddress {
  readonly ip: string
  readonly hostname: string
  /** Name of the pod. */
  readonly target: string
}

/** One slice; addresses that are not ready are not in it. */
export interface EndpointSet {
  readonly service: string
  readonly namespace: string
  readonly addresses: readonly EndpointAddress[]
  /** Empty: no declared ports. */
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
}

export interface ClusterData {
  readonly synced: boolean
  /** Seconds since the epoch of the last change: the SOA serial. */
  readonly serial: number
  namespaceExists(name: string): boolean
  services(name: string, namespace: string): readonly ServiceInfo[]
  servicesByIp(ip: string): readonly ServiceInfo[]
  endpoints(service: string, namespace: string): readonly EndpointSet[]
  endpointsByIp(ip: string): readonly EndpointSet[]
  podInNamespace(ip: string, namespace: string): boolean
  /** Where the pod with this address lives; known only while pods are watched. */
  podNamespace?(ip: string): string | undefined
  /** Services imported from other clusters (multicluster.x-k8s.io) and their endpoints; none where that is not installed. */
  imports?(name: string, namespace: string): readonly ServiceInfo[]
  importEndpoints?(service: string, namespace: string): readonly (EndpointSet & { readonly cluster: string })[]
}

export interface KubernetesOptions {
  /** Normal names; the first that is no reverse zone is the primary. */
  readonly zones: readonly string[]
  readonly ttl: number
  readonly pods: 'disabled' | 'insecure' | 'verified'
  readonly endpointPodNames: boolean
  readonly ignoreEmptyService: boolean
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined
  /** Zones whose unknown names go to the next plugin; undefined: none. */
  readonly fallthrough: readonly string[] | undefined
  /** Zones of imported services; the others are the cluster's own. */
  readonly multicluster?: readonly string[]
  /** The server's own addresses, for NS records. */
  readonly localIps: readonly string[]
}

export interface Answered {
  readonly rcode: number
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
}

/** Asks the server itself for a name outside the zone (a CNAME's target); undefined when that failed. */
export type Lookup = (name: string, type: string, done: (records: readonly DnsRecord[] | undefined) => void) => void

export interface Found {
  readonly host: string
  readonly port: number
  readonly ttl: number
  /** Name that the key stands for, SRV targets are made of it. */
  readonly domain: string
  readonly text?: string
}

/** Undefined: no such name. */
type Items = readonly Found[] | undefined

interface Request {
  readonly kind: '' | 'svc' | 'pod'
  readonly namespace: string
  readonly service: string
  readonly endpoint: string
  readonly cluster: string
  readonly port: string
  readonly protocol: string
}

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

function portMatches(wanted: { readonly port: string; readonly protocol: string }, port: { readonly name: string; readonly protocol: string }): boolean {
  return (wanted.port === '' || same(wanted.port, port.name)) && (wanted.protocol === '' || same(wanted.protocol, port.protocol))
}

/** Undefined for a name that is none of the schema's. */
function parseRequest(name: string, zone: string, multicluster: boolean): Request | undefined {
  const none: Request = { kind: '', namespace: '', service: '', endpoint: '', cluster: '', port: '', protocol: '' }
  const base = name === zone ? '' : zone === '.' ? name.slice(0, -1) : name.slice(0, name.length - zone.length - 1)
  if (base === '' || base === 'svc' || base === 'pod') return none
  const labels = base.split('.')
  const kind = labels.pop()!
  if (kind !== 'svc' && kind !== 'pod') return undefined
  const namespace = labels.pop() ?? ''
  const service = labels.pop() ?? ''
  if (labels.length > 2) return undefined
  const strip = (label: string) => (label.startsWith('_') ? label.slice(1) : label)
  if (labels.length === 2 && multicluster && !labels[1]!.startsWith('_')) return { ...none, kind, namespace, service, endpoint: labels[0]!, cluster: labels[1]! }
  if (labels.length === 2) return { ...none, kind, namespace, service, port: strip(labels[0]!), protocol: strip(labels[1]!) }
  return { ...none, kind, namespace, service, endpoint: labels[0] ?? '' }
}

export class KubernetesPlugin {
  readonly options: KubernetesOptions
  readonly #data: ClusterData

  constructor(options: KubernetesOptions, data: ClusterData) {
    this.options = options
    this.#data = data
  }

  /** `done` gets undefined where the next plugin is to be asked. */
  answer(question: DnsQuestion, lookup: Lookup, done: (answer: Answered | undefined) => void): void {
    const name = normalName(question.name)
    const matched = matchZone(this.options.zones, name)
    if (matched === undefined) return done(undefined)
    const query = fqdn(question.name)
    const zone = matched === '.' ? '.' : query.slice(query.length - matched.length)
    const finish = (result: { readonly answers: readonly DnsRecord[]; readonly additional?: readonly DnsRecord[] } | undefined) => {
      if (!result) {
        if (this.options.fallthrough && matchZone(this.options.fallthrough, name) !== undefined) return done(undefined)
        return done(this.#nothing(zone, this.#data.synced ? rcode.nxDomain : rcode.servFail))
      }
      if (result.answers.length === 0) return done(this.#nothing(zone, rcode.noError))
      done({ rcode: rcode.noError, answers: result.answers, authority: [], additional: result.additional ?? [] })
    }
    const { type } = question
    if (type === 'A' || type === 'AAAA') return this.#addresses(query, zone, type, lookup, [], (answers) => finish(answers && { answers }))
    if (type === 'PTR') return finish(this.#pointers(query, name, zone))
    if (type === 'SOA') return finish({ answers: name === matched ? [this.#soa(zone)] : [] })
    if (type === 'NS' && name === matched) return finish(this.#nameServers(query, zone))
    const items = this.#items(name, zone, type)
    if (items === undefined) return finish(undefined)
    if (type === 'SRV') return finish(srvRecords(query, items))
    if (type === 'CNAME') return finish({ answers: items[0] && addressType(items[0].host) === 'CNAME' ? [record(query, 'CNAME', items[0].ttl, fqdn(items[0].host))] : [] })
    if (type === 'TXT') return finish({ answers: items.flatMap((i) => (i.text === undefined ? [] : [record(query, 'TXT', i.ttl, JSON.stringify(i.text))])) })
    finish({ answers: [] })
  }

  #nothing(zone: string, code: number): Answered {
    return { rcode: code, answers: [], authority: [this.#soa(zone)], additional: [] }
  }

  #soa(zone: string): DnsRecord {
    const below = (prefix: string) => (zone === '.' ? `${prefix}.` : `${prefix}.${zone}`)
    const { ttl } = this.options
    return record(zone, 'SOA', Math.min(300, ttl), `${below('ns.dns')} ${below('hostmaster')} ${this.#data.serial} 7200 1800 86400 ${ttl}`)
  }

  #exposed(namespace: string): boolean {
    const { namespaces } = this.options
    return (namespaces === undefined || namespaces.includes(namespace)) && this.#data.namespaceExists(namespace)
  }

  /** What the back end has under a name for a type. */
  #items(name: string, zone: string, type: string): Items {
    const low = zone.toLowerCase()
    if (type === 'TXT') {
      if (name === `dns-version.${low}`) return [{ host: '', port: 0, ttl: 28_800, domain: name, text: '1.1.0' }]
      const other = this.#records(name, zone)
      return other && other.length > 0 ? [] : undefined
    }
    if (name === `ns.dns.${low}`) return this.#serverAddresses(zone).filter((a) => addressType(a.host) === type)
    const found = this.#records(name, zone)
    return type === 'SRV' ? found?.filter((f) => addressType(f.host) !== 'CNAME') : found
  }

  #records(name: string, zone: string): Items {
    const multicluster = this.options.multicluster?.includes(zone.toLowerCase()) ?? false
    const request = parseRequest(name, zone.toLowerCase(), multicluster)
    if (!request) return undefined
    if (request.kind === '') return []
    if (isReverse(name)) return undefined
    if (!this.#exposed(request.namespace) && request.namespace !== '') return undefined
    if (request.kind === 'pod') return this.#pods(request, zone)
    return multicluster ? this.#imports(request, zone) : this.#services(request, zone)
  }

  #pods(request: Request, zone: string): Items {
    const { pods, ttl } = this.options
    if (pods === 'disabled') return undefined
    if (request.namespace === '' || request.service === '') return []
    const dashes = request.service.split('-').length - 1
    const text = dashes === 3 && !request.service.includes('--') ? request.service.replaceAll('-', '.') : request.service.replaceAll('-', ':')
    const ip = canonicalAddress(text)
    if (ip === undefined || (pods === 'verified' && !this.#data.podInNamespace(ip, request.namespace))) return undefined
    return [{ host: ip, port: 0, ttl, domain: `${request.service}.${request.namespace}.pod.${zone}` }]
  }

  #services(request: Request, zone: string): Items {
    const { ttl } = this.options
    if (request.namespace === '' || request.service === '') return []
    const out: Found[] = []
    let exists = false
    for (const service of this.#data.services(request.service, request.namespace)) {
      const domain = `${service.name}.${service.namespace}.svc.${zone}`
      const headless = service.clusterIps[0] === 'None'
      const external = service.type === 'ExternalName'
      if (this.options.ignoreEmptyService && !external && !headless && !this.#data.endpoints(service.name, service.namespace).some((e) => e.addresses.length > 0)) continue
      if (external) {
        if (request.endpoint !== '' || request.port !== '' || request.protocol !== '' || addressType(service.externalName) !== 'CNAME') continue
        out.push({ host: service.externalName, port: 0, ttl, domain })
        exists = true
      } else if (headless || request.endpoint !== '') {
        for (const set of this.#data.endpoints(service.name, service.namespace)) {
          for (const address of set.addresses) {
            const host = this.#hostname(address)
            if (request.endpoint !== '' && !same(request.endpoint, host)) continue
            for (const port of set.ports.length > 0 ? set.ports : [{ name: '', protocol: '', port: -1 }]) {
              if (!portMatches(request, port)) continue
              exists = true
              out.push({ host: address.ip, port: port.port, ttl, domain: `${host}.${domain}` })
            }
          }
        }
      } else {
        for (const port of service.ports) {
          if (!portMatches(request, port)) continue
          exists = true
          for (const ip of service.clusterIps) out.push({ host: ip, port: port.port, ttl, domain })
        }
      }
    }
    return exists ? out : undefined
  }

  #imports(request: Request, zone: string): Items {
    const { ttl } = this.options
    if (request.namespace === '' || request.service === '') return []
    const out: Found[] = []
    for (const service of this.#data.imports?.(request.service, request.namespace) ?? []) {
      const domain = `${service.name}.${service.namespace}.svc.${zone}`
      if (service.clusterIps.length === 0 || request.endpoint !== '') {
        for (const set of this.#data.importEndpoints?.(service.name, service.namespace) ?? []) {
          for (const address of set.addresses) {
            const host = this.#hostname(address)
            if (request.endpoint !== '' && (!same(request.cluster, set.cluster) || !same(request.endpoint, host))) continue
            for (const port of set.ports.length > 0 ? set.ports : [{ name: '', protocol: '', port: -1 }]) {
              if (portMatches(request, port)) out.push({ host: address.ip, port: port.port, ttl, domain: `${host}.${set.cluster}.${domain}` })
            }
          }
        }
      } else for (const port of service.ports) if (portMatches(request, port)) for (const ip of service.clusterIps) out.push({ host: ip, port: port.port, ttl, domain })
    }
    return out.length > 0 ? out : undefined
  }

  /** Names of services under a zone of their own by their outside addresses (the back end of k8s_external). Undefined: no such name. */
  external(name: string, zone: string, headless = false): Items {
    const labels = name === zone ? [] : name.slice(0, name.length - zone.length - 1).split('.')
    const namespace = labels.pop()
    if (namespace === undefined || !this.#exposed(namespace)) return undefined
    const service = labels.pop()
    if (service === undefined) return []
    if (labels.length > 2) return undefined
    const strip = (label: string) => (label.startsWith('_') ? label.slice(1) : label)
    const endpoint = labels.length === 1 ? strip(labels[0]!) : ''
    const wanted = labels.length === 2 ? { port: strip(labels[0]!), protocol: strip(labels[1]!) } : { port: '', protocol: '' }
    const { ttl } = this.options
    const out: Found[] = []
    for (const s of this.#data.services(service, namespace)) {
      const domain = `${s.name}.${s.namespace}.${zone}`
      if (headless && (s.externalIps ?? []).length === 0 && (s.clusterIps[0] === 'None' || endpoint !== '')) {
        for (const set of this.#data.endpoints(s.name, s.namespace)) {
          for (const a of set.addresses) {
            if (endpoint !== '' && !same(endpoint, this.#hostname(a))) continue
            for (const port of set.ports) if (portMatches(wanted, port)) out.push({ host: a.ip, port: port.port, ttl, domain: `${this.#hostname(a)}.${domain}` })
          }
        }
      } else for (const ip of s.externalIps ?? []) for (const port of s.ports) if (portMatches(wanted, port)) out.push({ host: ip, port: port.port, ttl, domain })
    }
    return out.length > 0 ? out : undefined
  }

  /** The search list that a pod's resolv.conf has, '' standing for the name as it is. */
  searchPath(client: string): string[] | undefined {
    const namespace = this.options.pods === 'verified' ? this.#data.podNamespace?.(client) : undefined
    if (namespace === undefined) return undefined
    const zone = this.#primaryZone()
    return [`${namespace}.svc.${zone}`, `svc.${zone}`, zone, '']
  }

  /** What the metadata plugin is told about a name: its parts. */
  parts(name: string): { readonly kind: string; readonly namespace: string; readonly service: string; readonly endpoint: string; readonly cluster: string; readonly port: string; readonly protocol: string } | undefined {
    const zone = matchZone(this.options.zones, name)
    return zone === undefined ? undefined : parseRequest(name, zone, this.options.multicluster?.includes(zone) ?? false)
  }

  #hostname(address: EndpointAddress): string {
    if (address.hostname !== '') return address.hostname
    if (this.options.endpointPodNames && address.target !== '') return address.target
    const dashed = address.ip.replaceAll('.', '-').replaceAll(':', '-')
    return dashed.endsWith('-') ? `${dashed}0` : dashed
  }

  #addresses(query: string, zone: string, type: 'A' | 'AAAA', lookup: Lookup, previous: readonly DnsRecord[], done: (records: readonly DnsRecord[] | undefined) => void): void {
    const items = this.#items(normalName(query), zone, type)
    if (!items) return done(undefined)
    const out: DnsRecord[] = []
    const seen = new Set<string>()
    const step = (index: number): void => {
      const item = items[index]
      if (!item) return done(out)
      const what = addressType(item.host)
      if (what === type && !seen.has(item.host)) {
        seen.add(item.host)
        out.push(record(query, type, item.ttl, item.host))
      }
      if (what !== 'CNAME') return step(index + 1)
      const target = fqdn(item.host)
      const alias = record(query, 'CNAME', item.ttl, target)
      if (normalName(query) === normalName(target) || previous.length > 7 || previous.some((r) => normalName(r.name) === normalName(query))) return step(index + 1)
      const append = (records: readonly DnsRecord[] | undefined, needed: boolean) => {
        if (records && (!needed || records.length > 0)) out.push(alias, ...records)
        step(index + 1)
      }
      if (inZone(normalName(target), zone.toLowerCase())) this.#addresses(target, zone, type, lookup, [...previous, alias], (records) => append(records, true))
      else lookup(target, type, (records) => append(records ?? [], false))
    }
    step(0)
  }

  #primaryZone(): string {
    return this.options.zones.find((z) => !isReverse(`x.${z}`)) ?? this.options.zones[0] ?? '.'
  }

  #pointers(query: string, name: string, zone: string): { answers: readonly DnsRecord[] } | undefined {
    const ip = addressOfReverse(name)
    if (ip === undefined) return this.#records(name, zone) ? { answers: [] } : undefined
    const { ttl, namespaces } = this.options
    const visible = (namespace: string) => namespaces === undefined || this.#exposed(namespace)
    const primary = this.#primaryZone()
    const service = this.#data.servicesByIp(ip).find((s) => visible(s.namespace))
    const hosts = service
      ? [`${service.name}.${service.namespace}.svc.${primary}`]
      : this.#data.endpointsByIp(ip).flatMap((set) => (visible(set.namespace) ? set.addresses.filter((a) => a.ip === ip).map((a) => `${this.#hostname(a)}.${set.service}.${set.namespace}.svc.${primary}`) : []))
    if (hosts.length === 0) return undefined
    return { answers: [...new Set(hosts)].map((host) => record(query, 'PTR', ttl, host)) }
  }

  /** The services in front of this server, or the server itself. */
  #serverAddresses(zone: string): Found[] {
    const { ttl, localIps } = this.options
    const out: Found[] = []
    for (const local of localIps) {
      for (const set of this.#data.endpointsByIp(local)) {
        for (const service of this.#data.services(set.service, set.namespace)) {
          const domain = `${service.name}.${service.namespace}.svc.${zone}`
          if (service.clusterIps[0] === 'None') for (const a of set.addresses) out.push({ host: a.ip, port: 0, ttl, domain: `${this.#hostname(a)}.${domain}` })
          else for (const ip of service.clusterIps) out.push({ host: ip, port: 0, ttl, domain })
        }
      }
    }
    return out.length > 0 ? out : localIps.map((host) => ({ host, port: 0, ttl, domain: `ns.dns.${zone}` }))
  }

  #nameServers(query: string, zone: string): { answers: readonly DnsRecord[]; additional: readonly DnsRecord[] } {
    const found = this.#serverAddresses(zone)
    const names = [...new Set(found.map((f) => f.domain))]
    return { answers: names.map((n) => record(query, 'NS', this.options.ttl, n)), additional: found.map((f) => record(f.domain, addressType(f.host), f.ttl, f.host)) }
  }
}

function srvRecords(query: string, items: readonly Found[]): { answers: readonly DnsRecord[]; additional: readonly DnsRecord[] } {
  const weight = Math.max(1, Math.floor((100 / (100 * items.length)) * 100))
  const answers = new Map<string, DnsRecord>()
  const additional = new Map<string, DnsRecord>()
  for (const item of items) {
    if (item.port === -1) continue
    answers.set(`${item.domain} ${item.port}`, record(query, 'SRV', item.ttl, `0 ${weight} ${item.port} ${item.domain}`))
    additional.set(`${item.domain} ${item.host}`, record(item.domain, addressType(item.host), item.ttl, item.host))
  }
  return { answers: [...answers.values()], additional: [...additional.values()] }
}
