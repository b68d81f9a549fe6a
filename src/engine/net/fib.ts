/**
 * The IPv4 forwarding information base: tables of routes by prefix, policy rules in priority order, and the lookup (fib_lookup,
 * fib_table_lookup). Type of service, realms and nexthop objects are left out; of several next hops the flow's hash picks one.
 */
import { maskOf, type Ipv4 } from '#base/ip.ts'
import type { Device } from './device.ts'

export const TABLE_DEFAULT = 253
export const TABLE_MAIN = 254
export const TABLE_LOCAL = 255

export const SCOPE_UNIVERSE = 0
export const SCOPE_LINK = 253
export const SCOPE_HOST = 254
export const SCOPE_NOWHERE = 255

export type RouteType = 'unicast' | 'local' | 'broadcast' | 'multicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw'

export interface Nexthop {
  gateway: Ipv4 | undefined
  device: Device | undefined
  weight: number
  onlink: boolean
  scope: number
  dead: boolean
}

export interface Route {
  readonly network: Ipv4
  readonly length: number
  readonly table: number
  readonly type: RouteType
  readonly metric: number
  readonly scope: number
  readonly protocol: string
  readonly prefsrc: Ipv4 | undefined
  readonly mtu: number | undefined
  readonly nexthops: Nexthop[]
}

export interface PolicyRule {
  readonly priority: number
  readonly not: boolean
  readonly from: { readonly network: Ipv4; readonly mask: number; readonly length: number } | undefined
  readonly to: { readonly network: Ipv4; readonly mask: number; readonly length: number } | undefined
  readonly mark: number
  readonly markMask: number
  readonly input: string | undefined
  readonly output: string | undefined
  readonly action: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit'
  readonly table: number
}

const ruleErrors = { blackhole: 'EINVAL', unreachable: 'ENETUNREACH', prohibit: 'EACCES' } as const
const typeErrors: Readonly<Record<string, string>> = { blackhole: 'EINVAL', unreachable: 'EHOSTUNREACH', prohibit: 'EACCES', throw: 'EAGAIN' }

export interface Flow {
  destination: Ipv4
  source: Ipv4
  input: Device | undefined
  output: Device | undefined
  mark: number
  scope: number
  ignoreLinkState?: boolean
}

/** A route with the chosen next hop, or the errno of the lookup. */
export interface FibResult {
  readonly route: Route
  readonly nexthop: Nexthop
  readonly rule: PolicyRule | undefined
}

export interface FibFailure {
  readonly errno: string
  /** The route that says so (blackhole …), if any. */
  readonly route: Route | undefined
}

const noRoute: FibFailure = { errno: 'ENETUNREACH', route: undefined }

export class FibTable {
  readonly id: number
  readonly #byLength: (Map<Ipv4, Route[]> | undefined)[] = new Array<undefined>(33).fill(undefined)
  #lengths: number[] = []

  constructor(id: number) {
    this.id = id
  }

  /** The routes of one prefix, best first. */
  at(network: Ipv4, length: number): Route[] {
    return this.#byLength[length]?.get(network) ?? []
  }

  /** Before the first of the same metric when `first`, else after the last. */
  insert(route: Route, first: boolean): void {
    let byNetwork = this.#byLength[route.length]
    if (!byNetwork) {
      byNetwork = new Map()
      this.#byLength[route.length] = byNetwork
      this.#lengths = [...this.#lengths, route.length].sort((a, b) => b - a)
    }
    const list = byNetwork.get(route.network)
    if (!list) {
      byNetwork.set(route.network, [route])
      return
    }
    const at = list.findIndex((r) => (first ? r.metric >= route.metric : r.metric > route.metric))
    if (at < 0) list.push(route)
    else list.splice(at, 0, route)
  }

  remove(route: Route): void {
    const byNetwork = this.#byLength[route.length]
    const list = byNetwork?.get(route.network)
    const at = list?.indexOf(route) ?? -1
    if (at < 0) return
    list!.splice(at, 1)
    if (list!.length > 0) return
    byNetwork!.delete(route.network)
    if (byNetwork!.size > 0) return
    this.#byLength[route.length] = undefined
    this.#lengths = this.#lengths.filter((l) => l !== route.length)
  }

  /** By network, the longer prefix first, then by metric: the order of `ip route`. */
  *routes(): Generator<Route> {
    const all: Route[] = []
    for (const byNetwork of this.#byLength) if (byNetwork) for (const list of byNetwork.values()) all.push(...list)
    yield* all.map((r, i) => ({ r, i })).sort((a, b) => a.r.network - b.r.network || b.r.length - a.r.length || a.r.metric - b.r.metric || a.i - b.i).map((x) => x.r)
  }

  get empty(): boolean {
    return this.#lengths.length === 0
  }

  lookup(flow: Flow, rule: PolicyRule | undefined): FibResult | FibFailure | undefined {
    for (const length of this.#lengths) {
      const found = this.lookupLength(length, flow, rule)
      if (found) return found
    }
    return undefined
  }

  /** Looks among the prefixes of one length. */
  lookupLength(length: number, flow: Flow, rule: PolicyRule | undefined): FibResult | FibFailure | undefined {
    const list = this.#byLength[length]?.get((flow.destination & maskOf(length)) >>> 0)
    if (!list) return undefined
    for (const route of list) {
      if (route.scope < flow.scope) continue
      const errno = typeErrors[route.type]
      if (errno !== undefined) return { errno, route }
      const nexthop = pick(route, flow)
      if (nexthop) return { route, nexthop, rule }
    }
    return undefined
  }

  get lengths(): readonly number[] {
    return this.#lengths
  }
}

function usable(nexthop: Nexthop, flow: Flow): boolean {
  if (nexthop.dead) return false
  const device = nexthop.device
  if (device && !flow.ignoreLinkState && !device.carrier && (device.conf.ignore_routes_with_linkdown || device.ns.sysctls.all.ignore_routes_with_linkdown)) return false
  return flow.output === undefined || flow.output === device
}

function pick(route: Route, flow: Flow): Nexthop | undefined {
  const hops = route.nexthops
  if (hops.length === 1) return usable(hops[0]!, flow) ? hops[0] : undefined
  const candidates = hops.filter((h) => usable(h, flow))
  if (candidates.length < 2) return candidates[0]
  const total = candidates.reduce((sum, h) => sum + h.weight, 0)
  let at = (Math.imul(flow.source ^ Math.imul(flow.destination, 0x9e3779b1), 0x85ebca6b) >>> 7) % total
  for (const hop of candidates) {
    at -= hop.weight
    if (at < 0) return hop
  }
  return candidates[0]
}

export class Fib {
  readonly tables = new Map<number, FibTable>()
  rules: PolicyRule[] = []
  #generation = 0
  onChange: (() => void) | undefined = undefined

  /** Bumped with every change of routes, rules, addresses or link states. */
  get generation(): number {
    return this.#generation
  }
  set generation(value: number) {
    this.#generation = value
    this.onChange?.()
  }

  customRules = false
  customLocalRoutes = false

  constructor() {
    const plain = { not: false, from: undefined, to: undefined, mark: 0, markMask: 0, input: undefined, output: undefined, action: 'lookup' as const }
    this.rules = [
      { ...plain, priority: 0, table: TABLE_LOCAL },
      { ...plain, priority: 32766, table: TABLE_MAIN },
      { ...plain, priority: 32767, table: TABLE_DEFAULT },
    ]
  }

  table(id: number): FibTable {
    let table = this.tables.get(id)
    if (!table) {
      table = new FibTable(id)
      this.tables.set(id, table)
    }
    return table
  }

  /** Without rules of one's own `local` and `main` are one trie, so the longer prefix wins; with rules they are asked in order. */
  lookup(flow: Flow): FibResult | FibFailure {
    if (!this.customRules) return this.#merged(flow)
    for (const rule of this.rules) {
      if (rule.from === undefined && rule.to === undefined && rule.markMask === 0 && rule.input === undefined && rule.output === undefined && !rule.not) {
        // the common rule without conditions
      } else if (matches(rule, flow) === rule.not) continue
      if (rule.action !== 'lookup') return { errno: ruleErrors[rule.action], route: undefined }
      const result = this.tables.get(rule.table)?.lookup(flow, rule)
      if (result === undefined || ('errno' in result && result.errno === 'EAGAIN')) continue
      return result
    }
    return noRoute
  }

  #cache = new Map<Ipv4, FibResult | FibFailure>()
  #cacheAt = -1

  #merged(flow: Flow): FibResult | FibFailure {
    // without rules only the destination decides
    const plain = flow.output === undefined && flow.scope === 0 && !flow.ignoreLinkState
    if (plain) {
      if (this.#cacheAt !== this.generation || this.#cache.size > 4096) {
        this.#cache.clear()
        this.#cacheAt = this.generation
      }
      const known = this.#cache.get(flow.destination)
      if (known) return known
    }
    const found = this.#mergedLookup(flow)
    if (plain && ('errno' in found || found.route.nexthops.length === 1)) this.#cache.set(flow.destination, found)
    return found
  }

  #mergedLookup(flow: Flow): FibResult | FibFailure {
    const local = this.tables.get(TABLE_LOCAL)
    const main = this.tables.get(TABLE_MAIN)
    const [localRule, mainRule] = this.rules
    let thrown = false
    for (let length = 32; length >= 0 && !thrown; length--) {
      const found = local?.lookupLength(length, flow, localRule) ?? main?.lookupLength(length, flow, mainRule)
      if (!found) continue
      if ('errno' in found && found.errno === 'EAGAIN') thrown = true
      else return found
    }
    const last = this.tables.get(TABLE_DEFAULT)?.lookup(flow, this.rules[2])
    return last === undefined || ('errno' in last && last.errno === 'EAGAIN') ? noRoute : last
  }

  #types = new Map<Ipv4, RouteType>()
  #typesAt = -1

  /** Whether a socket may be bound to an address. */
  bindable(address: Ipv4): boolean {
    const type = this.addressType(address)
    return type === 'local' || type === 'broadcast' || type === 'multicast'
  }

  /** The type that the local table gives an address (inet_addr_type). `device`: only routes through it (inet_addr_type_dev_table). */
  addressType(address: Ipv4, device?: Device): RouteType {
    if (address === 0 || address === 0xffffffff) return 'broadcast'
    if (address >>> 28 === 0xe) return 'multicast'
    if (device !== undefined) return this.#typeOf(address, device)
    if (this.#typesAt !== this.generation || this.#types.size > 4096) {
      this.#types.clear()
      this.#typesAt = this.generation
    }
    let type = this.#types.get(address)
    if (type === undefined) {
      type = this.#typeOf(address, undefined)
      this.#types.set(address, type)
    }
    return type
  }

  #typeOf(address: Ipv4, device: Device | undefined): RouteType {
    const local = this.tables.get(TABLE_LOCAL)
    // a namespace that never had an address has no local table, and everything may be bound
    if (!local) return 'broadcast'
    for (const length of local.lengths) {
      const route = local.at((address & maskOf(length)) >>> 0, length)[0]
      if (route === undefined) continue
      return device === undefined || route.nexthops[0]?.device === device ? route.type : 'unicast'
    }
    return 'unicast'
  }
}

function matches(rule: PolicyRule, flow: Flow): boolean {
  if (rule.from && (flow.source & rule.from.mask) >>> 0 !== rule.from.network) return false
  if (rule.to && (flow.destination & rule.to.mask) >>> 0 !== rule.to.network) return false
  if (((flow.mark ^ rule.mark) & rule.markMask) !== 0) return false
  if (rule.input !== undefined && (flow.input === undefined ? 'lo' : flow.input.name) !== rule.input) return false
  if (rule.output !== undefined && flow.output?.name !== rule.output) return false
  return true
}
