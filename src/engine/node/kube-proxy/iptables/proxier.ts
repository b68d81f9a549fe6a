/**
 * kube-proxy's iptables proxier (pkg/proxy/iptables v1.35): turns changes of services and slices into rules of the node's netfilter.
 *
 *   change ─► dirty service ─► its rules made anew ─► restore text (shared chains + dirty services' chains) ─► netfilter
 *
 * Left out: IPv6 rules, metrics, large cluster mode (stale chains are always removed at once).
 */
import type { NetNamespace } from '#engine/net/types.ts'
import type { EndpointSlice } from '#engine/kinds/endpointslice/types.ts'
import type { Service } from '#engine/kinds/service/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { BoundedRunner } from '../bounded-runner.ts'
import { cleanStaleUdp } from '../conntrack.ts'
import { categorizeEndpoints, endpointsOf } from '../endpoints.ts'
import type { Endpoint } from '../endpoints.ts'
import { healthCounts } from '../health-counts.ts'
import { isServiceChain } from '../names.ts'
import { servicePortKey, servicePorts } from '../service-ports.ts'
import type { ServicePort } from '../service-ports.ts'
import { Iptables } from '../../iptables.ts'
import { watchRules } from '../../rule-watch.ts'
import { restoreText } from './restore-text.ts'
import type { SyncOptions } from './restore-text.ts'
import { serviceRules } from './rules.ts'
import type { ServiceRules } from './rules.ts'

const canary = 'KUBE-PROXY-CANARY'

const jumps: readonly { readonly table: 'filter' | 'nat'; readonly chain: string; readonly from: string; readonly rule: string }[] = [
  ...[['KUBE-EXTERNAL-SERVICES', 'INPUT'], ['KUBE-EXTERNAL-SERVICES', 'FORWARD']].map(([chain, from]) => ({
    table: 'filter' as const, chain: chain!, from: from!, rule: `-m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j ${chain}`,
  })),
  { table: 'filter', chain: 'KUBE-NODEPORTS', from: 'INPUT', rule: '-m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS' },
  ...['FORWARD', 'OUTPUT'].map((from) => ({ table: 'filter' as const, chain: 'KUBE-SERVICES', from, rule: '-m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES' })),
  { table: 'filter', chain: 'KUBE-FORWARD', from: 'FORWARD', rule: '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD' },
  ...['INPUT', 'OUTPUT', 'FORWARD'].map((from) => ({ table: 'filter' as const, chain: 'KUBE-PROXY-FIREWALL', from, rule: '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL' })),
  ...['OUTPUT', 'PREROUTING'].map((from) => ({ table: 'nat' as const, chain: 'KUBE-SERVICES', from, rule: '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES' })),
  { table: 'nat', chain: 'KUBE-POSTROUTING', from: 'POSTROUTING', rule: '-m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING' },
  ...['INPUT', 'OUTPUT'].map((from) => ({ table: 'filter' as const, chain: 'KUBE-FIREWALL', from, rule: '-j KUBE-FIREWALL' })),
]

interface PortState {
  readonly port: ServicePort
  readonly endpoints: readonly Endpoint[]
  readonly rules: ServiceRules
}

export interface ProxierOptions {
  readonly sim: Sim
  readonly net: NetNamespace
  readonly nodeName: string
  readonly rules: SyncOptions
  /** ms */
  readonly minSyncPeriod: number
  readonly syncPeriod: number
  /** Slices of a service, by `ns/name`. */
  readonly slicesOf: (service: string) => readonly EndpointSlice[]
  readonly serviceOf: (service: string) => Service | undefined
  readonly zone: () => string
  readonly logError: (message: string, rules?: string) => void
  /** -v=2: every sync is told. */
  readonly tell?: (text: string, values: Readonly<Record<string, unknown>>) => void
  /** After each successful sync: local ready endpoints of services that have a health check node port. */
  readonly onSynced?: (counts: ReadonlyMap<string, { readonly nodePort: number; readonly endpoints: number }>) => void
}

/** Chains and rules that a text writes, by table. */
function countsOf(text: string): Readonly<Record<string, number>> {
  const [filter, nat] = text.split('*nat\n') as [string, string]
  const count = (part: string, mark: RegExp) => (part.match(mark) ?? []).length
  return { numFilterChains: count(filter, /^:/gm), numFilterRules: count(filter, /^-A/gm), numNATChains: count(nat, /^:/gm), numNATRules: count(nat, /^-A/gm) }
}

export class IptablesProxier {
  readonly #o: ProxierOptions
  readonly #tables: Iptables
  readonly #runner: BoundedRunner
  /** service key → port key → state. */
  readonly #services = new Map<string, ReadonlyMap<string, PortState>>()
  readonly #dirty = new Set<string>()
  #full = true
  #initialized = false
  #stopped = false
  #unwatch = (): void => {}
  /** Services whose rules were made: a measure of work for benchmarks. */
  rulesMade = 0
  syncs = 0

  constructor(options: ProxierOptions) {
    this.#o = options
    this.#tables = new Iptables(options.net.netfilter)
    this.#runner = new BoundedRunner(options.sim, { period: options.minSyncPeriod, retry: options.syncPeriod, run: () => this.#sync() })
  }

  /** Both caches have been listed: from now on changes are written. */
  start(): void {
    this.#initialized = true
    this.#runner.request()
    this.#watchCanary()
  }

  stop(): void {
    this.#stopped = true
    this.#runner.stop()
    this.#unwatch()
  }

  /** Something about the service (`ns/name`) or its slices has changed. */
  changed(service: string): void {
    this.#dirty.add(service)
    if (this.#initialized) this.#runner.request()
  }

  /** Everything anew: the node's zone or addresses changed, or rules were flushed. */
  forceFullSync(): void {
    this.#full = true
    for (const service of this.#services.keys()) this.#dirty.add(service)
    if (this.#initialized) this.#runner.request()
  }

  get ports(): readonly PortState[] {
    return [...this.#services.values()].flatMap((ports) => [...ports.values()])
  }

  #makeRules(service: string): void {
    const object = this.#o.serviceOf(service)
    const ports = object ? servicePorts(object) : []
    if (ports.length === 0) {
      this.#services.delete(service)
      return
    }
    const slices = this.#o.slicesOf(service)
    const node = { name: this.#o.nodeName, zone: this.#o.zone() }
    const states = new Map<string, PortState>()
    for (const port of ports) {
      const endpoints = endpointsOf(port, slices, node.name)
      this.rulesMade++
      states.set(servicePortKey(port), { port, endpoints, rules: serviceRules(port, categorizeEndpoints(endpoints, port, node), this.#o.rules) })
    }
    this.#services.set(service, states)
  }

  #sync(): boolean {
    if (this.#stopped || !this.#initialized) return true
    this.syncs++
    const full = this.#full
    const dirty = [...this.#dirty]
    const { tell } = this.#o
    tell?.('Syncing iptables rules', { ipFamily: 'IPv4', fullSync: full })
    this.#dirty.clear()
    for (const service of dirty) this.#makeRules(service)
    if (full) this.#ensureJumps()
    const changed = full ? this.ports : dirty.flatMap((s) => [...(this.#services.get(s)?.values() ?? [])])
    const used = new Set<string>()
    for (const p of this.ports) for (const chain of p.rules.chains.keys()) used.add(chain)
    const stale = this.#tables.chains('nat').filter((c) => isServiceChain(c) && !used.has(c))
    const text = restoreText({ services: this.ports.map((p) => p.rules), changed: changed.map((p) => p.rules), stale }, this.#o.rules)
    if (tell) tell('Reloading service iptables data', { ipFamily: 'IPv4', numServices: this.ports.length, numEndpoints: this.ports.reduce((n, p) => n + p.endpoints.length, 0), ...countsOf(text) })
    try {
      this.#o.net.netfilter.restore(text, { noflush: true, counters: true })
      tell?.('SyncProxyRules complete', { ipFamily: 'IPv4', elapsed: '21.4ms' })
      if (full && tell) this.#tellOther(tell)
    } catch (error) {
      this.#full = true
      for (const service of dirty) this.#dirty.add(service)
      this.#o.logError(error instanceof Error ? error.message : String(error))
      return false
    }
    this.#full = false
    cleanStaleUdp(this.#o.net.conntrack, this.ports)
    this.#o.onSynced?.(healthCounts(this.#services))
    return true
  }

  /** IPv6 has the fixed part only. */
  #tellOther(tell: NonNullable<ProxierOptions['tell']>): void {
    const text = restoreText({ services: [], changed: [], stale: [] }, { ...this.#o.rules, localhostNodePorts: false })
    tell('Syncing iptables rules', { ipFamily: 'IPv6', fullSync: true })
    tell('Reloading service iptables data', { ipFamily: 'IPv6', numServices: 0, numEndpoints: 0, ...countsOf(text) })
    tell('SyncProxyRules complete', { ipFamily: 'IPv6', elapsed: '17.9ms' })
  }

  #ensureJumps(): void {
    for (const { table, chain, from, rule } of jumps) {
      this.#tables.ensureChain(table, chain)
      this.#tables.ensureInserted(table, from, rule)
    }
  }

  /** Chains that only a flush of the tables takes away; when the one in mangle is gone, all rules are written anew. */
  #watchCanary(): void {
    for (const table of ['mangle', 'nat', 'filter'] as const) this.#tables.ensureChain(table, canary)
    this.#unwatch = watchRules({
      sim: this.#o.sim, netfilter: this.#o.net.netfilter, period: this.#o.syncPeriod,
      look: () => {
        if (this.#stopped || this.#tables.chains('mangle').includes(canary)) return
        for (const table of ['mangle', 'nat', 'filter'] as const) this.#tables.ensureChain(table, canary)
        this.forceFullSync()
      },
    })
  }
}
