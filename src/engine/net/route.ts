/**
 * Routing decisions: ip_route_input (with reverse path and martian checks) and ip_route_output (with source selection). Answers are the
 * errno as the caller learns of it, or the way on.
 */
import type { Ipv4 } from '#base/ip.ts'
import { selectAddress } from './addresses.ts'
import type { Device } from './device.ts'
import { SCOPE_HOST, SCOPE_LINK, SCOPE_UNIVERSE, type Flow, type Nexthop, type Route, type RouteType } from './fib.ts'
import type { Namespace } from './namespace.ts'

/** The way on: `gateway` is the address that is resolved on `device`. */
export interface Path {
  readonly type: 'unicast' | 'local' | 'broadcast' | 'multicast'
  readonly device: Device
  readonly gateway: Ipv4
  readonly source: Ipv4
  readonly route: Route | undefined
  readonly mtu: number
  /** Leaves by the device that it came in by: the sender could go there directly. */
  readonly redirect: boolean
}

export interface NoPath {
  readonly errno: string
  readonly why: string
  readonly route?: Route | undefined
}

const isLoopback = (ip: Ipv4) => ip >>> 24 === 127
const isMulticast = (ip: Ipv4) => ip >>> 28 === 0xe
const isZeronet = (ip: Ipv4) => ip >>> 24 === 0

function localnet(ns: Namespace, device: Device): boolean {
  return device.conf.route_localnet !== 0 || ns.sysctls.all.route_localnet !== 0
}

const flow: Flow = { destination: 0, source: 0, input: undefined, output: undefined, mark: 0, scope: 0, ignoreLinkState: false }

function lookup(ns: Namespace, destination: Ipv4, source: Ipv4, input: Device | undefined, output: Device | undefined, mark: number, scope: number) {
  flow.destination = destination
  flow.source = source
  flow.input = input
  flow.output = output
  flow.mark = mark
  flow.scope = scope
  return ns.fib.lookup(flow)
}

/** The gateway of a nexthop; one that is an address of this host is none (rt_set_nexthop). */
function via(nexthop: Nexthop): Ipv4 | undefined {
  return nexthop.scope === SCOPE_LINK ? nexthop.gateway : undefined
}

/** ip_route_connect: where the source was chosen, the decision is made once more with it, so that rules for that source are heard. */
export function routeConnect(ns: Namespace, destination: Ipv4, source: Ipv4, output: Device | undefined, mark: number): Path | NoPath {
  const first = routeOutput(ns, destination, source, output, mark)
  return source !== 0 || 'errno' in first || !ns.fib.customRules ? first : routeOutput(ns, destination, first.source, output, mark)
}

/** `source` 0: chosen. `anySource`: the address need not be ours (rerouted packets). */
export function routeOutput(ns: Namespace, destination: Ipv4, source: Ipv4, output: Device | undefined, mark: number, anySource = false): Path | NoPath {
  const lo = ns.loopback
  if (source !== 0) {
    if (isMulticast(source) || source === 0xffffffff || isZeronet(source)) return { errno: 'EINVAL', why: 'not a possible source address' }
    if (!anySource && ns.fib.addressType(source) !== 'local') return { errno: 'ENETUNREACH', why: 'the source is not an address of this host' }
  }
  if (output) {
    if (!output.up || output.addresses.length === 0) return { errno: 'ENETUNREACH', why: `${output.name} is down or has no address` }
    if (source === 0 && (destination === 0xffffffff || isMulticast(destination))) {
      return finish(ns, destination, selectAddress(ns, output, 0, SCOPE_LINK), output, destination, undefined, isMulticast(destination) ? 'multicast' : 'broadcast')
    }
  }
  if (destination === 0) destination = source === 0 ? 0x7f000001 : source
  const result = lookup(ns, destination, source, lo, output, mark, SCOPE_UNIVERSE)
  if ('errno' in result) {
    if (output && result.errno === 'ENETUNREACH') return finish(ns, destination, source === 0 ? selectAddress(ns, output, 0, SCOPE_LINK) : source, output, destination, undefined, 'unicast')
    return { errno: result.errno, why: result.route ? `the route says ${result.route.type}` : 'no route', route: result.route }
  }
  const { route, nexthop } = result
  if (route.type === 'local') return { type: 'local', device: lo, gateway: destination, source: source === 0 ? (route.prefsrc ?? destination) : source, route, mtu: lo.mtu, redirect: false }
  const device = nexthop.device!
  let gateway = via(nexthop) ?? destination
  let from = source
  if (from === 0) from = route.prefsrc ?? selectAddress(ns, device, nexthop.gateway ?? destination, route.scope)
  if (ns.redirected) gateway = ns.redirectedGateway(destination, gateway)
  return finish(ns, destination, from, device, gateway, route, undefined)
}

function finish(ns: Namespace, destination: Ipv4, source: Ipv4, device: Device, gateway: Ipv4, route: Route | undefined, type: Path['type'] | undefined): Path | NoPath {
  if (isLoopback(source) && !device.loopback && !localnet(ns, device)) return { errno: 'EINVAL', why: 'a loopback source cannot leave the host' }
  let kind: Path['type'] = type ?? 'unicast'
  if (destination === 0xffffffff || route?.type === 'broadcast') kind = 'broadcast'
  else if (isMulticast(destination) || route?.type === 'multicast') kind = 'multicast'
  else if (isZeronet(destination)) return { errno: 'EINVAL', why: 'not a possible destination' }
  return { type: kind, device, gateway, source, route, mtu: route?.mtu ?? device.mtu, redirect: false }
}

/** fib_validate_source: negative (a sentence) where the source cannot have come from there. */
function checkSource(ns: Namespace, device: Device, source: Ipv4, destination: Ipv4, mark: number, redirectTo: Device | undefined): string | boolean {
  const all = ns.sysctls.all
  const rp = Math.max(all.rp_filter, device.conf.rp_filter)
  const acceptLocal = device.conf.accept_local !== 0 || all.accept_local !== 0
  const redirects = device.conf.send_redirects !== 0 || all.send_redirects !== 0
  if (rp === 0 && (device !== redirectTo || !redirects)) {
    if (acceptLocal) return false
    if (!ns.fib.customLocalRoutes && !ns.fib.customRules) return ns.isOwnAddress(source) ? 'the source is an address of this host' : false
  }
  const noAddress = device.addresses.length === 0
  const validMark = device.conf.src_valid_mark !== 0 || all.src_valid_mark !== 0 ? mark : 0
  const result = lookup(ns, source, destination, redirectTo ?? ns.loopback, undefined, validMark, SCOPE_UNIVERSE)
  if ('errno' in result) return rp === 0 ? false : 'rp_filter: no way back to the source'
  if (result.route.type !== 'unicast' && !(result.route.type === 'local' && acceptLocal)) return 'the source is an address of this host'
  if (result.route.nexthops.some((h) => h.device === device) || (result.route.type === 'local' && device.loopback)) return result.nexthop.scope >= SCOPE_HOST
  if (noAddress) return rp === 0 ? false : 'rp_filter: the device has no address'
  if (rp === 1) return `rp_filter: the way back to the source is not ${device.name}`
  const loose = lookup(ns, source, destination, redirectTo ?? ns.loopback, device, validMark, SCOPE_UNIVERSE)
  return !('errno' in loose) && loose.route.type === 'unicast' && loose.nexthop.scope >= SCOPE_HOST
}

/** ip_route_input. `errno` '' means a silent drop (martian); others may be told to the sender. */
export function routeInput(ns: Namespace, device: Device, source: Ipv4, destination: Ipv4, mark: number, forArp = false): Path | NoPath {
  if (isMulticast(destination)) return { errno: '', why: 'nobody has joined the group' }
  if (isMulticast(source) || source === 0xffffffff) return { errno: '', why: 'martian source' }
  const broadcast = destination === 0xffffffff || (source === 0 && destination === 0)
  if (broadcast) return toAll(ns, device, source, destination, mark)
  if (isZeronet(source)) return { errno: '', why: 'martian source' }
  if (isZeronet(destination)) return { errno: '', why: 'martian destination' }
  if ((isLoopback(destination) || isLoopback(source)) && !localnet(ns, device) && !device.loopback) return { errno: '', why: isLoopback(destination) ? 'martian destination: a loopback address from outside' : 'martian source: a loopback address from outside' }
  const result = lookup(ns, destination, source, device, undefined, mark, SCOPE_UNIVERSE)
  const forwarding = device.conf.forwarding !== 0
  if ('errno' in result) return { errno: forwarding ? result.errno : '', why: result.route ? `the route says ${result.route.type}` : 'no route', route: result.route }
  const { route, nexthop } = result
  const type: RouteType = route.type
  if (type === 'broadcast') return toAll(ns, device, source, destination, mark)
  if (type === 'local') {
    const checked = checkSource(ns, device, source, destination, mark, undefined)
    if (typeof checked === 'string') return { errno: '', why: `martian source: ${checked}` }
    return { type: 'local', device: ns.loopback, gateway: destination, source: destination, route, mtu: 65536, redirect: false }
  }
  if (!forwarding) return { errno: '', why: `forwarding is off on ${device.name}`, route }
  if (type !== 'unicast') return { errno: '', why: 'martian destination' }
  const out = nexthop.device!
  const checked = checkSource(ns, device, source, destination, mark, out)
  if (typeof checked === 'string') return { errno: '', why: `martian source: ${checked}` }
  if (forArp && out === device) return { errno: '', why: 'on the same side' }
  return { type: 'unicast', device: out, gateway: via(nexthop) ?? destination, source, route, mtu: route.mtu ?? out.mtu, redirect: checked && out === device }
}

function toAll(ns: Namespace, device: Device, source: Ipv4, destination: Ipv4, mark: number): Path | NoPath {
  if (source !== 0) {
    const checked = checkSource(ns, device, source, 0, mark, undefined)
    if (typeof checked === 'string') return { errno: '', why: `martian source: ${checked}` }
  }
  return { type: 'broadcast', device: ns.loopback, gateway: destination, source: destination, route: undefined, mtu: 65536, redirect: false }
}
