/**
 * `ip route` and `ip rule`: turns specifications into routes with the kernel's checks and sentences, and back. Nexthop objects and
 * metrics other than mtu are left out.
 */
import { cidrContains, formatCidr4, formatIpv4, maskOf, parseIpv4, type Cidr4, type Ipv4 } from '#base/ip.ts'
import { scopeNames, scopeNumber, type Device } from './device.ts'
import { NetError } from './error.ts'
import { SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE, TABLE_LOCAL, TABLE_MAIN, type Nexthop, type PolicyRule, type Route, type RouteType } from './fib.ts'
import type { Namespace } from './namespace.ts'
import type { RouteInfo, RouteSpec, RuleSpec } from './types.ts'

const errorTypes = new Set<RouteType>(['blackhole', 'unreachable', 'prohibit', 'throw'])

/** `default`, an address or a prefix whose host bits must be clear. */
export function parsePrefix(text: string): Cidr4 {
  if (text === 'default' || text === 'any' || text === 'all') return { network: 0, length: 0 }
  const [ip, tail] = text.split('/')
  const network = parseShort(ip ?? '', tail !== undefined)
  const length = tail === undefined ? 32 : Number(tail)
  if (network === undefined || !(length >= 0 && length <= 32)) throw new NetError('EINVAL')
  return { network, length }
}

/** iproute2 takes `10/8` and `10.1/16` for prefixes. */
function parseShort(text: string, prefix: boolean): Ipv4 | undefined {
  if (!prefix) return parseIpv4(text)
  const parts = text.split('.')
  while (parts.length < 4) parts.push('0')
  return parseIpv4(parts.join('.'))
}

function device(ns: Namespace, name: string): Device {
  const found = ns.devices.get(name)
  if (!found) throw new NetError('ENODEV')
  return found
}

function nexthopsOf(ns: Namespace, spec: RouteSpec, type: RouteType, scope: number, tableId: number): Nexthop[] {
  const given = spec.nexthops ?? [{ ...(spec.via === undefined ? {} : { via: spec.via }), ...(spec.device === undefined ? {} : { device: spec.device }), ...(spec.onlink ? { onlink: true } : {}) }]
  if (errorTypes.has(type)) {
    if (spec.via !== undefined || spec.device !== undefined || spec.nexthops) throw new NetError('EINVAL', 'Gateway, device and multipath can not be specified for this route type.')
    return []
  }
  return given.map((hop) => {
    const gateway = hop.via === undefined ? undefined : parseIpv4(hop.via)
    if (hop.via !== undefined && gateway === undefined) throw new NetError('EINVAL')
    const out = hop.device === undefined ? undefined : device(ns, hop.device)
    const nexthop: Nexthop = { gateway, device: out, weight: ('weight' in hop ? (hop.weight as number | undefined) : undefined) ?? 1, onlink: hop.onlink ?? false, scope: SCOPE_HOST, dead: false }
    if (scope === SCOPE_HOST) {
      if (gateway !== undefined) throw new NetError('EINVAL', 'Route with host scope can not have a gateway.')
      if (!out) throw new NetError('ENODEV')
      nexthop.scope = SCOPE_NOWHERE
      return nexthop
    }
    if (gateway === undefined) {
      if (!out) throw new NetError('ENODEV')
      if (!out.up) throw new NetError('ENETDOWN', 'Device for nexthop is not up.')
      return nexthop
    }
    if (nexthop.onlink) {
      if (scope >= SCOPE_LINK) throw new NetError('EINVAL', 'Nexthop has invalid scope.')
      if (!out) throw new NetError('ENODEV', 'Nexthop device required for onlink.')
      if (!out.up) throw new NetError('ENETDOWN', 'Nexthop device is not up.')
      if (ns.fib.addressType(gateway) !== 'unicast') throw new NetError('EINVAL', 'Nexthop has invalid gateway.')
      nexthop.scope = SCOPE_LINK
      return nexthop
    }
    const flow = { destination: gateway, source: 0, input: ns.loopback, output: out, mark: 0, scope: Math.max(scope + 1, SCOPE_LINK), ignoreLinkState: true }
    let result = tableId === TABLE_MAIN ? undefined : ns.fib.tables.get(tableId)?.lookup(flow, undefined)
    if (result === undefined || 'errno' in result) result = ns.fib.lookup(flow)
    if ('errno' in result) throw new NetError(result.errno, 'Nexthop has invalid gateway.')
    if (result.route.type !== 'unicast' && result.route.type !== 'local') throw new NetError('EINVAL', 'Nexthop has invalid gateway.')
    const through = result.nexthop.device
    if (!through) throw new NetError('EINVAL', 'No egress device for nexthop gateway.')
    if (!through.up) throw new NetError('ENETDOWN')
    nexthop.scope = result.route.scope
    nexthop.device = through
    return nexthop
  })
}

function build(ns: Namespace, spec: RouteSpec): Route {
  const { network, length } = parsePrefix(spec.to)
  if ((network & ~maskOf(length)) !== 0) throw new NetError('EINVAL', 'Invalid prefix for given prefix length.')
  const type: RouteType = spec.type ?? 'unicast'
  const direct = spec.via === undefined && !spec.nexthops?.some((h) => h.via !== undefined)
  const implied = type === 'local' ? SCOPE_HOST : type === 'broadcast' || type === 'multicast' ? SCOPE_LINK : type === 'unicast' && direct ? SCOPE_LINK : SCOPE_UNIVERSE
  const scope = scopeNumber(spec.scope) ?? implied
  const table = spec.table ?? (type === 'local' || type === 'broadcast' ? TABLE_LOCAL : TABLE_MAIN)
  const nexthops = nexthopsOf(ns, spec, type, scope, table)
  const prefsrc = spec.source === undefined ? undefined : parseIpv4(spec.source)
  if (spec.source !== undefined && (prefsrc === undefined || ns.fib.addressType(prefsrc) !== 'local')) throw new NetError('EINVAL', 'Invalid prefsrc address.')
  return { network, length, table, type, metric: spec.metric ?? 0, scope, protocol: spec.protocol ?? 'boot', prefsrc, mtu: spec.mtu, nexthops }
}

/** Netlink's flags: create, exclusive (add), replace, append. */
export function changeRoute(ns: Namespace, verb: 'add' | 'append' | 'prepend' | 'replace' | 'change', spec: RouteSpec): void {
  const route = build(ns, spec)
  const table = ns.fib.table(route.table)
  const peers = table.at(route.network, route.length).filter((r) => r.metric === route.metric)
  if (peers.length > 0 && verb === 'add') throw new NetError('EEXIST')
  if (verb === 'change' && peers.length === 0) throw new NetError('ENOENT')
  if (verb === 'append' || verb === 'prepend') {
    if (peers.some((r) => sameRoute(r, route))) throw new NetError('EEXIST')
    table.insert(route, verb === 'prepend')
  } else {
    if (peers[0]) {
      table.insert(route, true)
      table.remove(peers[0])
    } else table.insert(route, false)
  }
  if (route.type === 'local' && route.protocol !== 'kernel') ns.fib.customLocalRoutes = true
  ns.fib.generation++
}

function sameRoute(a: Route, b: Route): boolean {
  return a.type === b.type && a.scope === b.scope && a.protocol === b.protocol && a.prefsrc === b.prefsrc && a.nexthops.length === b.nexthops.length && a.nexthops.every((h, i) => h.gateway === b.nexthops[i]!.gateway && h.device === b.nexthops[i]!.device)
}

export function deleteRoute(ns: Namespace, spec: RouteSpec): void {
  const { network, length } = parsePrefix(spec.to)
  const tableId = spec.table ?? (spec.type === 'local' || spec.type === 'broadcast' ? TABLE_LOCAL : TABLE_MAIN)
  const table = ns.fib.tables.get(tableId)
  if (spec.device !== undefined) device(ns, spec.device)
  // The main table comes into being with the first one, as a name for the local table.
  if (!table) throw tableId === TABLE_MAIN && ns.fib.tables.size > 0 ? new NetError('ESRCH') : new NetError('ESRCH', 'FIB table does not exist.')
  if (table.empty && tableId !== TABLE_MAIN) throw new NetError('ESRCH')
  const gateway = spec.via === undefined ? undefined : parseIpv4(spec.via)
  const source = spec.source === undefined ? undefined : parseIpv4(spec.source)
  const scope = scopeNumber(spec.scope)
  const found = table.at(network, length).find(
    (r) =>
      (spec.type === undefined || r.type === spec.type) &&
      (spec.metric === undefined || r.metric === spec.metric) &&
      (scope === undefined || r.scope === scope) &&
      (spec.protocol === undefined || r.protocol === spec.protocol) &&
      (source === undefined || r.prefsrc === source) &&
      (gateway === undefined || r.nexthops[0]?.gateway === gateway) &&
      (spec.device === undefined || r.nexthops[0]?.device?.name === spec.device) &&
      (spec.nexthops === undefined || (r.nexthops.length === spec.nexthops.length && spec.nexthops.every((h, i) => h.via === undefined || parseIpv4(h.via) === r.nexthops[i]!.gateway))),
  )
  if (!found) throw new NetError('ESRCH')
  table.remove(found)
  ns.fib.generation++
}

export function routeInfo(route: Route): RouteInfo {
  const single = route.nexthops.length === 1 ? route.nexthops[0]! : undefined
  const hop = (h: Nexthop) => ({
    ...(h.gateway === undefined ? {} : { via: formatIpv4(h.gateway) }),
    ...(h.device === undefined ? {} : { device: h.device.name }),
    ...(h.onlink ? { onlink: true } : {}),
  })
  const flags: RouteInfo['flags'][number][] = []
  if (single?.dead) flags.push('dead')
  if (single?.onlink) flags.push('onlink')
  if (single?.device && route.scope !== SCOPE_HOST && !single.device.carrier) flags.push('linkdown')
  return {
    to: route.length === 0 ? 'default' : route.length === 32 ? formatIpv4(route.network) : formatCidr4(route),
    ...(single ? hop(single) : {}),
    ...(route.nexthops.length > 1 ? { nexthops: route.nexthops.map((h) => ({ ...hop(h), weight: h.weight })) } : {}),
    ...(route.prefsrc === undefined ? {} : { source: formatIpv4(route.prefsrc) }),
    ...(route.metric === 0 ? {} : { metric: route.metric }),
    ...(route.mtu === undefined ? {} : { mtu: route.mtu }),
    scope: (scopeNames[route.scope] ?? String(route.scope)) as 'global',
    protocol: route.protocol,
    table: route.table,
    type: route.type,
    flags,
  }
}

/** One route as `ip route` prints it (for traces). */
export function routeText(route: Route): string {
  const i = routeInfo(route)
  return [
    i.type === 'unicast' ? undefined : i.type,
    i.to,
    i.via === undefined ? undefined : `via ${i.via}`,
    i.device === undefined ? undefined : `dev ${i.device}`,
    i.table === TABLE_MAIN ? undefined : `table ${i.table === TABLE_LOCAL ? 'local' : i.table}`,
    i.protocol === 'boot' ? undefined : `proto ${i.protocol}`,
    i.scope === 'global' ? undefined : `scope ${i.scope}`,
    i.source === undefined ? undefined : `src ${i.source}`,
    i.metric === undefined ? undefined : `metric ${i.metric}`,
    ...i.flags,
  ]
    .filter((w) => w !== undefined)
    .join(' ')
}

export function listRoutes(ns: Namespace, table: number | 'all'): RouteInfo[] {
  const ids = table === 'all' ? [...ns.fib.tables.keys()].sort((a, b) => a - b) : [table]
  return ids.flatMap((id) => [...(ns.fib.tables.get(id)?.routes() ?? [])].map(routeInfo))
}

// ── policy rules ──

function prefix(text: string | undefined): PolicyRule['from'] {
  if (text === undefined || text === 'all') return undefined
  const { network, length } = parsePrefix(text)
  const mask = maskOf(length)
  return { network: (network & mask) >>> 0, mask, length }
}

/** Without a priority a rule goes just before the second one. */
export function addRule(ns: Namespace, spec: RuleSpec): void {
  const rules = ns.fib.rules
  const second = rules[1]
  const priority = spec.priority ?? (second && second.priority > 0 ? second.priority - 1 : 0)
  const rule = buildRule(spec, priority)
  if (rules.some((r) => r.priority === priority && sameRule(r, rule))) throw new NetError('EEXIST')
  let at = rules.findIndex((r) => r.priority > priority)
  if (at < 0) at = rules.length
  ns.fib.rules = [...rules.slice(0, at), rule, ...rules.slice(at)]
  ns.fib.customRules = true
  ns.fib.generation++
}

function buildRule(spec: RuleSpec, priority: number): PolicyRule {
  const action = spec.type ?? 'lookup'
  return {
    priority,
    not: spec.not ?? false,
    from: prefix(spec.from),
    to: prefix(spec.to),
    mark: spec.mark ?? 0,
    markMask: spec.mark === undefined ? 0 : (spec.markMask ?? 0xffffffff),
    input: spec.inputDevice,
    output: spec.outputDevice,
    action,
    table: action === 'lookup' ? (spec.table ?? TABLE_MAIN) : 0,
  }
}

function samePrefix(a: PolicyRule['from'], b: PolicyRule['from']): boolean {
  return a === b || (a !== undefined && b !== undefined && a.network === b.network && a.length === b.length)
}

function sameRule(a: PolicyRule, b: PolicyRule): boolean {
  return a.not === b.not && samePrefix(a.from, b.from) && samePrefix(a.to, b.to) && a.mark === b.mark && a.markMask === b.markMask && a.input === b.input && a.output === b.output && a.action === b.action && a.table === b.table
}

export function deleteRule(ns: Namespace, spec: RuleSpec): void {
  const wanted = buildRule(spec, spec.priority ?? -1)
  const found = ns.fib.rules.find(
    (r) =>
      (spec.priority === undefined || r.priority === spec.priority) &&
      (spec.table === undefined || r.table === spec.table) &&
      (spec.from === undefined || samePrefix(r.from, wanted.from)) &&
      (spec.to === undefined || samePrefix(r.to, wanted.to)) &&
      (spec.mark === undefined || (r.mark === wanted.mark && (spec.markMask === undefined || r.markMask === wanted.markMask))) &&
      (spec.inputDevice === undefined || r.input === spec.inputDevice) &&
      (spec.outputDevice === undefined || r.output === spec.outputDevice) &&
      (spec.type === undefined ? spec.table === undefined || r.action === 'lookup' : r.action === spec.type),
  )
  if (!found) throw new NetError('ENOENT')
  ns.fib.rules = ns.fib.rules.filter((r) => r !== found)
  ns.fib.generation++
}

export function listRules(ns: Namespace): RuleSpec[] {
  const text = (p: PolicyRule['from']) => (p === undefined ? undefined : p.length === 32 ? formatIpv4(p.network) : formatCidr4(p))
  return ns.fib.rules.map((r) => {
    const from = text(r.from)
    const to = text(r.to)
    return {
      priority: r.priority,
      ...(r.not ? { not: true } : {}),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(r.markMask === 0 ? {} : { mark: r.mark, markMask: r.markMask }),
      ...(r.input === undefined ? {} : { inputDevice: r.input }),
      ...(r.output === undefined ? {} : { outputDevice: r.output }),
      ...(r.action === 'lookup' ? { table: r.table } : {}),
      type: r.action,
    }
  })
}

/** Whether an address lies in a prefix; for listings that filter. */
export function contains(prefixText: string, address: Ipv4): boolean {
  const p = parsePrefix(prefixText)
  return cidrContains({ network: (p.network & maskOf(p.length)) >>> 0, length: p.length }, address)
}
