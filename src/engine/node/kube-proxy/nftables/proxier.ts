/**
 * kube-proxy's nftables proxier (pkg/proxy/nftables v1.35): turns changes of services and slices into transactions of nft. The fixed part is written
 * once; then only chains, sets and elements of services that changed. What is no longer used is emptied at once and deleted by a later sync.
 * Nobody watches the table: what others take away comes back with a change of the service, or with a restart. IPv6: the fixed part only.
 */
import { NftError } from '#engine/net/nft/lexer.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { BoundedRunner } from '../bounded-runner.ts'
import { cleanStaleUdp } from '../conntrack.ts'
import { categorizeEndpoints, endpointsOf } from '../endpoints.ts'
import type { Endpoint } from '../endpoints.ts'
import { healthCounts } from '../health-counts.ts'
import { servicePortKey, servicePorts } from '../service-ports.ts'
import type { ServicePort } from '../service-ports.ts'
import { isAffinitySet, isServiceChain } from './names.ts'
import type { NftOptions } from './options.ts'
import { nftService } from './rules.ts'
import type { ElementUse, NftService } from './rules.ts'
import { setupText, type Container, type ProxyFamily } from './setup.ts'

export interface NftProxierOptions {
  readonly sim: Sim
  readonly net: NetNamespace
  readonly nodeName: string
  /** Asked at every full sync: the service prefixes may have changed. */
  readonly options: () => NftOptions
  /** ms */
  readonly minSyncPeriod: number
  readonly syncPeriod: number
  /** -v: from 2 on every sync is told. */
  readonly verbosity?: number
  readonly slicesOf: (service: string) => readonly EndpointSlice[]
  readonly serviceOf: (service: string) => Service | undefined
  readonly zone: () => string
  readonly log: (severity: 'I' | 'E', text: string, values: Readonly<Record<string, unknown>>) => void
  readonly onSynced?: (counts: ReadonlyMap<string, { readonly nodePort: number; readonly endpoints: number }>) => void
}

interface PortState {
  readonly port: ServicePort
  readonly endpoints: readonly Endpoint[]
  readonly made: NftService
}

interface Kept {
  value: string
  uses: number
}

/** Chains younger than this may still be pointed at by elements that are just going away. */
const STALE = 1000

/** The message that knftables makes of nft's. */
function failure(error: unknown, command: string): string {
  const { problems } = error as NftError
  const [problem] = problems
  const from = problem?.span?.from ?? 0
  const line = command.slice(command.lastIndexOf('\n', from - 1) + 1).split('\n')[0]!
  const column = from - (command.lastIndexOf('\n', from - 1) + 1)
  return `failed to run nft: Error: ${problem?.message ?? ''}\n${line}\n${' '.repeat(column)}${'^'.repeat(Math.max(1, (problem?.span?.to ?? from) - from))}`
}

export class NftablesProxier {
  readonly #o: NftProxierOptions
  readonly #runner: BoundedRunner
  readonly #services = new Map<string, ReadonlyMap<string, PortState>>()
  readonly #dirty = new Set<string>()
  readonly #elements = new Map<Container, Map<string, Kept>>()
  readonly #chainUses = new Map<string, number>()
  readonly #setUses = new Map<string, number>()
  /** Chains that were emptied, and when. */
  readonly #stale = new Map<string, number>()
  #full = true
  #initialized = false
  #stopped = false
  syncs = 0

  constructor(options: NftProxierOptions) {
    this.#o = options
    this.#runner = new BoundedRunner(options.sim, { period: options.minSyncPeriod, retry: options.syncPeriod, run: () => this.#sync() })
  }

  start(): void {
    this.#initialized = true
    this.#runner.request()
  }

  stop(): void {
    this.#stopped = true
    this.#runner.stop()
  }

  changed(service: string): void {
    this.#dirty.add(service)
    if (this.#initialized) this.#runner.request()
  }

  forceFullSync(): void {
    this.#full = true
    if (this.#initialized) this.#runner.request()
  }

  #run(lines: readonly string[]): void {
    this.#o.net.nftables.run(`${lines.join('\n')}\n`)
  }

  #tell(text: string, values: Readonly<Record<string, unknown>>): void {
    if ((this.#o.verbosity ?? 0) >= 2) this.#o.log('I', text, values)
  }

  #deleteStale(): void {
    const old = [...this.#stale].filter(([, at]) => at < this.#o.sim.now - STALE).map(([chain]) => chain)
    if (old.length === 0) return
    for (const chain of old) this.#stale.delete(chain)
    this.#o.log('I', 'Deleting stale nftables chains', { ipFamily: 'IPv4', numChains: old.length })
    const lines = old.map((chain) => `delete chain ip kube-proxy ${chain}`)
    try {
      this.#run(lines)
    } catch (error) {
      if (!(error instanceof NftError)) throw error
      this.#o.log('E', 'Unable to delete stale chains; will retry later', { err: failure(error, lines.join('\n')), ipFamily: 'IPv4' })
      this.#full = true
    }
  }

  #sync(): boolean {
    if (this.#stopped || !this.#initialized) return true
    this.syncs++
    this.#deleteStale()
    const full = this.#full
    this.#tell('Syncing nftables rules', { ipFamily: 'IPv4', fullSync: full })
    const o = this.#o.options()
    const lines: string[] = []
    if (full) {
      this.#begin('ip')
      for (const address of o.refusedIps) this.#o.log('E', '--nodeport-addresses includes localhost but localhost NodePorts are not supported', { ipFamily: 'IPv4', address })
      lines.push(...setupText('ip', o))
      for (const service of this.#services.keys()) this.#dirty.add(service)
      this.#services.clear()
      this.#elements.clear()
      this.#chainUses.clear()
      this.#setUses.clear()
    }
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    const gone: ElementUse[] = []
    const dropped = new Set<string>()
    for (const service of dirty) this.#update(service, o, lines, gone, dropped)
    this.#finish(lines, gone, dropped, full)
    const ports = [...this.#services.values()].flatMap((s) => [...s.values()])
    this.#tell('Reloading service nftables data', { ipFamily: 'IPv4', numServices: ports.length, numEndpoints: ports.reduce((n, p) => n + p.endpoints.length, 0) })
    try {
      this.#run(lines)
      this.#tell('SyncProxyRules complete', { ipFamily: 'IPv4', elapsed: '12.5ms' })
      if (full) this.#setupOther(o)
    } catch (error) {
      if (!(error instanceof NftError)) throw error
      this.#o.log('E', 'nftables sync failed', { err: failure(error, lines.join('\n')), ipFamily: 'IPv4' })
      this.#o.log('I', 'Sync failed', { ipFamily: 'IPv4', retryingTime: `${this.#o.syncPeriod / 1000}s` })
      this.#stale.clear()
      this.#full = true
      for (const service of dirty) this.#dirty.add(service)
      return false
    }
    this.#full = false
    cleanStaleUdp(this.#o.net.conntrack, ports)
    this.#o.onSynced?.(healthCounts(this.#services))
    return true
  }

  /** What is there from before: a table that is not is told. */
  #begin(family: ProxyFamily): void {
    const command = `list table ${family} kube-proxy`
    try {
      this.#o.net.nftables.run(command)
    } catch (error) {
      if (!(error instanceof NftError)) throw error
      this.#o.log('E', 'Failed to list existing nftables objects', { err: failure(error, command), ipFamily: family === 'ip' ? 'IPv4' : 'IPv6' })
    }
  }

  #setupOther(o: NftOptions): void {
    this.#tell('Syncing nftables rules', { ipFamily: 'IPv6', fullSync: true })
    this.#begin('ip6')
    this.#tell('Reloading service nftables data', { ipFamily: 'IPv6', numServices: 0, numEndpoints: 0 })
    this.#run(setupText('ip6', o))
    this.#tell('SyncProxyRules complete', { ipFamily: 'IPv6', elapsed: '9.1ms' })
  }

  #update(service: string, o: NftOptions, lines: string[], gone: ElementUse[], dropped: Set<string>): void {
    const { nodeName, slicesOf, serviceOf, zone } = this.#o
    const object = serviceOf(service)
    const before = this.#services.get(service)
    const states = new Map<string, PortState>()
    const t = 'ip kube-proxy'
    const slices = object ? slicesOf(service) : []
    for (const port of object ? servicePorts(object) : []) {
      const endpoints = endpointsOf(port, slices, nodeName)
      const made = nftService(port, categorizeEndpoints(endpoints, port, { name: nodeName, zone: zone() }), o)
      states.set(servicePortKey(port), { port, endpoints, made })
      for (const chain of made.chains.keys()) {
        this.#stale.delete(chain)
        lines.push(`add chain ${t} ${chain}`, `flush chain ${t} ${chain}`)
        this.#chainUses.set(chain, (this.#chainUses.get(chain) ?? 0) + 1)
      }
      for (const use of made.elements) this.#ensure(use, lines)
      for (const set of made.affinitySets) {
        lines.push(`add set ${t} ${set.name} { type ipv4_addr ; flags dynamic,timeout ; timeout ${set.seconds}s ; }`)
        this.#setUses.set(set.name, (this.#setUses.get(set.name) ?? 0) + 1)
      }
      for (const [chain, rules] of made.chains) for (const rule of rules) lines.push(`add rule ${t} ${chain} ${rule}`)
    }
    for (const { made } of before?.values() ?? []) {
      for (const chain of made.chains.keys()) if (release(this.#chainUses, chain)) dropped.add(chain)
      for (const { name } of made.affinitySets) if (release(this.#setUses, name)) dropped.add(name)
      gone.push(...made.elements)
    }
    if (states.size > 0) this.#services.set(service, states)
    else this.#services.delete(service)
  }

  #ensure({ container, key, value, comment }: ElementUse, lines: string[]): void {
    let kept = this.#elements.get(container)
    if (!kept) this.#elements.set(container, (kept = new Map()))
    const add = `add element ip kube-proxy ${container} { ${key}${comment === undefined ? '' : ` comment "${comment}"`}${value === '' ? '' : ` : ${value}`} }`
    const found = kept.get(key)
    if (!found) {
      kept.set(key, { value, uses: 1 })
      lines.push(add)
      return
    }
    found.uses++
    if (found.value === value) return
    found.value = value
    lines.push(`delete element ip kube-proxy ${container} { ${key} }`, add)
  }

  /** Empties chains that nobody uses, deletes sets and elements. */
  #finish(lines: string[], gone: readonly ElementUse[], dropped: ReadonlySet<string>, full: boolean): void {
    const t = 'ip kube-proxy'
    const { nftables } = this.#o.net
    const chains = full ? (nftables.names('ip', 'kube-proxy', 'chains') ?? []).filter((c) => isServiceChain(c) && !this.#chainUses.has(c)) : [...dropped].filter((n) => !isAffinitySet(n) && !this.#chainUses.has(n))
    for (const chain of chains) {
      lines.push(`flush chain ${t} ${chain}`)
      this.#stale.set(chain, this.#o.sim.now)
    }
    const sets = full ? (nftables.names('ip', 'kube-proxy', 'sets') ?? []).filter((s) => isAffinitySet(s) && !this.#setUses.has(s)) : [...dropped].filter((n) => isAffinitySet(n) && !this.#setUses.has(n))
    for (const set of sets) lines.push(`delete set ${t} ${set}`)
    for (const { container, key } of gone) {
      const kept = this.#elements.get(container)
      const found = kept?.get(key)
      if (!kept || !found || --found.uses > 0) continue
      kept.delete(key)
      lines.push(`delete element ${t} ${container} { ${key} }`)
    }
  }
}

/** One use less; true when it was the last. */
function release(uses: Map<string, number>, name: string): boolean {
  const left = (uses.get(name) ?? 1) - 1
  if (left > 0) {
    uses.set(name, left)
    return false
  }
  uses.delete(name)
  return true
}
