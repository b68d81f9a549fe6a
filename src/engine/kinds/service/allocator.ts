/**
 * Cluster addresses and node ports of Services (registry/core/service/storage/alloc.go, ipallocator, portallocator). Addresses are IPAddress
 * objects as in v1.33+; node ports an index kept from the store. One family (that of the service range); leaves out the repair loops.
 */
import { formatIpv4, parseCidr4, parseIpv4 } from '#base/ip.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '#engine/api/admission.ts'
import { FieldErrors } from '#engine/api/field-errors.ts'
import type { RequestContext } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import * as status from '#engine/api/status.ts'
import type { Store } from '#engine/api/store.ts'
import { validateClusterIpFields } from './cluster-ip-validation.ts'

const ADDRESSES = 'ipaddresses.networking.k8s.io'

export interface AllocatorOptions {
  readonly store: Store
  readonly serviceCidr: string
  readonly nodePortRange: readonly [first: number, last: number]
}

const needsClusterIp = (s: Loose) => s !== undefined && s.spec.type !== 'ExternalName'
const needsNodePort = (s: Loose) => s?.spec.type === 'NodePort' || (s?.spec.type === 'LoadBalancer' && s.spec.allocateLoadBalancerNodePorts !== false)
const mayHaveNodePort = (s: Loose) => s?.spec.type === 'NodePort' || s?.spec.type === 'LoadBalancer'
export const needsHealthCheck = (s: Loose) => s?.spec.type === 'LoadBalancer' && s.spec.externalTrafficPolicy === 'Local'

class PortTaken extends Error {}

export class ServiceAllocator implements AdmissionPlugin {
  readonly name = 'ServiceAllocator'
  readonly #options: AllocatorOptions
  #range = ''
  #network = 0
  #length = 0
  /** node port → service that has it */
  readonly #ports = new Map<number, string>()

  constructor(options: AllocatorOptions) {
    this.#options = options
    for (const service of options.store.list('services')) this.#index(service, undefined)
    options.store.onEvent((e) => {
      if (e.resource === 'services') this.#index(e.type === 'DELETED' ? undefined : e.object, e.old)
    })
  }

  /** The range may be another when the server has started anew. */
  #read(): void {
    if (this.#range === this.#options.serviceCidr) return
    this.#range = this.#options.serviceCidr
    const cidr = parseCidr4(this.#range)!
    this.#network = cidr.network
    this.#length = 2 ** (32 - cidr.length)
  }

  get #first(): number {
    this.#read()
    return this.#network
  }

  get #size(): number {
    this.#read()
    return this.#length
  }

  #index(service: Loose, old: Loose): void {
    for (const port of nodePorts(old)) this.#ports.delete(port)
    const owner = service && `${service.metadata.namespace}/${service.metadata.name}`
    for (const port of nodePorts(service)) this.#ports.set(port, owner)
  }

  allocate({ kind, operation, object, old, subresource, context }: AdmissionAttributes): void {
    if (kind.kind !== 'Service' || subresource !== '') return
    if (operation === 'UPDATE') patchAllocated(object, old)
    normalizeClusterIps(object, old)
    this.#families(object, old)
    this.#addresses(object, old, context)
    this.#nodePorts(object, old, context)
  }

  #fail(service: Loose, errors: FieldErrors): void {
    if (errors.list.length > 0) throw status.invalid('', 'Service', service.metadata.name ?? '', errors.list)
  }

  #families(service: Loose, old: Loose): void {
    const { spec } = service
    if (spec.type === 'ExternalName') return
    const selectorless = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0
    if (spec.ipFamilyPolicy === undefined) spec.ipFamilyPolicy = old?.spec.ipFamilyPolicy ?? (selectorless ? 'RequireDualStack' : 'SingleStack')
    const errors = new FieldErrors()
    validateClusterIpFields(service, errors)
    this.#fail(service, errors)
    const policy = spec.ipFamilyPolicy
    if (policy === 'SingleStack') {
      if (old && equal(old.spec.clusterIPs, spec.clusterIPs) && spec.clusterIPs?.length > 1) spec.clusterIPs = spec.clusterIPs.slice(0, 1)
      if (old && equal(old.spec.ipFamilies, spec.ipFamilies) && spec.ipFamilies?.length > 1) spec.ipFamilies = spec.ipFamilies.slice(0, 1)
      if (spec.clusterIPs?.length === 2) errors.invalid('spec.ipFamilyPolicy', policy, "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified")
      if (spec.ipFamilies?.length === 2) errors.invalid('spec.ipFamilyPolicy', policy, "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified")
    } else if (old) {
      if ((old.spec.clusterIPs?.length ?? 0) === 2 && (spec.clusterIPs?.length ?? 0) === 1 && spec.clusterIPs[0] === old.spec.clusterIPs[0]) errors.invalid('spec.ipFamilyPolicy', policy, "must be 'SingleStack' to release the secondary cluster IP")
      if ((old.spec.ipFamilies?.length ?? 0) === 2 && (spec.ipFamilies?.length ?? 0) === 1 && spec.ipFamilies[0] === old.spec.ipFamilies[0]) errors.invalid('spec.ipFamilyPolicy', policy, "must be 'SingleStack' to release the secondary IP family")
    }
    const families: string[] = [...(spec.ipFamilies ?? [])]
    for (const [i, ip] of ((spec.clusterIPs ?? []) as string[]).entries()) {
      if (ip === 'None') break
      const family = ip.includes(':') ? 'IPv6' : 'IPv4'
      if (i < families.length) continue
      if (family !== 'IPv4') errors.invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`)
      else families.push(family)
    }
    this.#fail(service, errors)
    if (selectorless) {
      if (families.length === 0) families.push('IPv4')
      if (families.length < 2 && policy !== 'SingleStack') families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4')
      spec.ipFamilies = families
      return
    }
    if (policy === 'RequireDualStack') errors.invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services')
    for (const [i, family] of families.entries()) if (family !== 'IPv4') errors.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster')
    this.#fail(service, errors)
    spec.ipFamilies = families.length === 0 ? ['IPv4'] : families
  }

  #addresses(service: Loose, old: Loose, context: RequestContext): void {
    const { spec } = service
    if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return
    if (old && old.spec.type !== 'ExternalName') return
    const wanted: string = spec.clusterIPs?.[0] ?? ''
    if (wanted === '') {
      const ip = context.dryRun ? formatIpv4(this.#first) : this.#next(context)
      if (ip === undefined) throw status.internal('failed to allocate a serviceIP: range is full')
      spec.clusterIP = ip
      spec.clusterIPs = [ip]
      return
    }
    const errors = new FieldErrors()
    const value = parseIpv4(wanted)
    if (value === undefined || value < this.#first || value >= this.#first + this.#size) {
      // Dry runs ask the one range, real requests look for a range that holds the address.
      const why = context.dryRun ? `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${this.#options.serviceCidr}` : 'the provided network does not match the current range'
      errors.invalid('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${wanted}: ${why}`)
    } else if (!context.dryRun && this.#options.store.get(ADDRESSES, '', wanted)) errors.invalid('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${wanted}: provided IP is already allocated`)
    this.#fail(service, errors)
    spec.clusterIP = wanted
  }

  /** A free address at random from the upper band of the range; the lower one is left to those who choose by hand. */
  #next(context: RequestContext): string | undefined {
    const size = this.#size
    const offset = Math.min(Math.max(16, Math.floor(size / 16)), 256)
    const [low, high] = size > 32 ? [offset, size - 1] : [1, size - 1]
    const free = (n: number) => {
      const ip = formatIpv4(this.#first + n)
      return this.#options.store.get(ADDRESSES, '', ip) ? undefined : ip
    }
    const start = context.random(high - low)
    for (let i = 0; i < high - low; i++) {
      const ip = free(low + ((start + i) % (high - low)))
      if (ip) return ip
    }
    for (let n = 1; n < low; n++) {
      const ip = free(n)
      if (ip) return ip
    }
    return undefined
  }

  #take(port: number, taken: Set<number>, context: RequestContext): void {
    if (context.dryRun) {
      if (taken.has(port)) throw new PortTaken('provided port is already allocated')
      taken.add(port)
      return
    }
    const [first, last] = this.#options.nodePortRange
    if (port < first || port > last) throw new PortTaken(`provided port is not in the valid range. The range of valid ports is ${first}-${last}`)
    if (this.#ports.has(port) || taken.has(port)) throw new PortTaken('provided port is already allocated')
    taken.add(port)
  }

  #anyPort(taken: Set<number>, context: RequestContext): number {
    const [first, last] = this.#options.nodePortRange
    const size = last - first + 1
    const reserved = size > 32 ? Math.min(Math.max(16, Math.floor(size / 32)), 128) : 0
    const band = size - reserved
    const start = context.random(band)
    for (let i = 0; i < size; i++) {
      const port = i < band ? first + reserved + ((start + i) % band) : first + i - band
      if (this.#ports.has(port) || taken.has(port)) continue
      taken.add(port)
      return port
    }
    throw status.internal('failed to allocate a nodePort: range is full')
  }

  #nodePorts(service: Loose, old: Loose, context: RequestContext): void {
    const { spec } = service
    const taken = new Set<number>()
    const before = new Set<number>(old && mayHaveNodePort(old) ? (old.spec.ports ?? []).map((p: Loose) => p.nodePort).filter((p: number) => p > 0) : [])
    const auto = needsNodePort(service)
    const byPort = new Map<number, number>()
    const errors = new FieldErrors()
    const take = (port: number, i: number) => {
      if (before.has(port) || taken.has(port) && old) return
      try {
        this.#take(port, taken, context)
      } catch (error) {
        if (!(error instanceof PortTaken)) throw error
        errors.invalid(`spec.ports[${i}].nodePort`, port, error.message)
        this.#fail(service, errors)
      }
    }
    if (mayHaveNodePort(service)) {
      for (const [i, port] of ((spec.ports ?? []) as Loose[]).entries()) {
        if (!port.nodePort && !auto) continue
        if (old) {
          if (port.nodePort) take(port.nodePort, i)
          else port.nodePort = this.#anyPort(taken, context)
          continue
        }
        const same = byPort.get(port.port)
        if (same === undefined) {
          const wanted = (spec.ports as Loose[]).find((p) => p.port === port.port && p.nodePort)?.nodePort
          if (wanted) take(wanted, i)
          port.nodePort = wanted ?? this.#anyPort(taken, context)
          byPort.set(port.port, port.nodePort)
        } else if (!port.nodePort) port.nodePort = same
        else if (port.nodePort !== same) take(port.nodePort, i)
      }
    }
    if (needsHealthCheck(service)) {
      const oldPort = old && needsHealthCheck(old) ? old.spec.healthCheckNodePort : undefined
      if (!spec.healthCheckNodePort) spec.healthCheckNodePort = oldPort ?? this.#anyPort(taken, context)
      else if (spec.healthCheckNodePort !== oldPort && !old) {
        try {
          this.#take(spec.healthCheckNodePort, taken, context)
        } catch (error) {
          if (!(error instanceof PortTaken)) throw error
          throw status.internal(`failed to allocate requested HealthCheck NodePort ${spec.healthCheckNodePort}: ${error.message}`)
        }
      }
    }
  }

  committed({ kind, operation, object, old, subresource, context }: AdmissionAttributes): void {
    if (kind.kind !== 'Service' || subresource !== '') return
    const ips = (s: Loose): string[] => (s && s.spec.type !== 'ExternalName' ? (s.spec.clusterIPs ?? []).filter((ip: string) => ip && ip !== 'None') : [])
    const { store } = this.#options
    const now = operation === 'DELETE' ? [] : ips(object)
    for (const ip of ips(old)) {
      const address = store.get(ADDRESSES, '', ip)
      if (!now.includes(ip) && address && (operation !== 'DELETE' || !store.get('services', old.metadata.namespace, old.metadata.name))) store.remove(ADDRESSES, address)
    }
    for (const ip of now) {
      if (store.get(ADDRESSES, '', ip)) continue
      store.put(ADDRESSES, {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'IPAddress',
        metadata: { name: ip, uid: context.uuid(), generation: 1, creationTimestamp: context.now, labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } },
        spec: { parentRef: { resource: 'services', namespace: object.metadata.namespace, name: object.metadata.name } },
      })
    }
  }
}

function nodePorts(service: Loose): number[] {
  if (!service) return []
  const ports: number[] = (service.spec?.ports ?? []).map((p: Loose) => p.nodePort).filter((p: number | undefined) => p)
  if (service.spec?.healthCheckNodePort) ports.push(service.spec.healthCheckNodePort)
  return ports
}

/** What was allocated before and not told again stays: makes a PUT of the original manifest harmless. */
function patchAllocated(service: Loose, old: Loose): void {
  const { spec } = service
  if (needsClusterIp(old) && needsClusterIp(service)) {
    if (!spec.clusterIP && old.spec.clusterIP !== undefined) spec.clusterIP = old.spec.clusterIP
    if (!(spec.clusterIPs?.length > 0) && spec.clusterIP === old.spec.clusterIP && old.spec.clusterIPs) spec.clusterIPs = [...old.spec.clusterIPs]
  }
  if (mayHaveNodePort(old) && mayHaveNodePort(service)) {
    const given = (s: Loose): number[] => (s.spec.ports ?? []).map((p: Loose) => p.nodePort).filter((p: number) => p > 0)
    const used = new Set(given(service).filter((p) => given(old).includes(p)))
    const byName = new Map<string, number>((old.spec.ports ?? []).map((p: Loose) => [p.name ?? '', p.nodePort]))
    for (const port of spec.ports ?? []) {
      const before = byName.get(port.name ?? '')
      if (!port.nodePort && before && !used.has(before)) {
        port.nodePort = before
        used.add(before)
      }
    }
  }
  if (needsHealthCheck(old) && needsHealthCheck(service) && !spec.healthCheckNodePort) spec.healthCheckNodePort = old.spec.healthCheckNodePort
}

/** clusterIP and clusterIPs are two spellings of one thing; whoever changed one of them means both. */
function normalizeClusterIps(service: Loose, old: Loose): void {
  const { spec } = service
  if (!old) {
    if (spec.clusterIP && !(spec.clusterIPs?.length > 0)) spec.clusterIPs = [spec.clusterIP]
    return
  }
  const ip = spec.clusterIP ?? ''
  const before = old.spec.clusterIP ?? ''
  if (ip === before) return
  const same = equal(spec.clusterIPs ?? [], old.spec.clusterIPs ?? [])
  if (before !== '' && ip === '') {
    if (same) delete spec.clusterIPs
  } else if (ip !== '' && (same || !(spec.clusterIPs?.length > 0))) spec.clusterIPs = [ip]
}
