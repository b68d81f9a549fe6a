/**
 * `ip addr` and what the kernel does along with it: connected, local and broadcast routes of an address come and go with it and with the
 * link (fib_add_ifaddr, fib_del_ifaddr, fib_disable_ip). Also the choice of a source address (inet_select_addr).
 */
import { maskOf, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { scopeNumber, type Address, type Device } from './device.ts'
import { NetError } from './error.ts'
import { SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE, TABLE_LOCAL, TABLE_MAIN, type Route, type RouteType } from './fib.ts'
import type { Namespace } from './namespace.ts'

export function addAddress(ns: Namespace, device: Device, cidr: string, options: { readonly scope?: string | undefined; readonly label?: string | undefined; readonly broadcast?: string | undefined } = {}): void {
  const { local, length } = parseAddress(cidr)
  const mask = maskOf(length)
  const scope = scopeNumber(options.scope) ?? (local >>> 24 === 127 ? SCOPE_HOST : SCOPE_UNIVERSE)
  let secondary = false
  for (const other of device.addresses) {
    if (other.mask !== mask || ((other.local ^ local) & mask) !== 0) continue
    if (other.local === local) throw new NetError('EEXIST', 'ipv4: Address already assigned.')
    if (other.scope !== scope) throw new NetError('EINVAL', 'ipv4: Invalid scope value.')
    secondary = true
  }
  const broadcast = options.broadcast === undefined ? undefined : options.broadcast === '+' ? (local | ~mask) >>> 0 : parseIpv4(options.broadcast)
  const address: Address = { local, length, mask, scope, label: options.label ?? device.name, broadcast, secondary }
  if (secondary) device.addresses.push(address)
  else {
    // a primary goes before the secondaries, after primaries of the same or narrower scope
    let at = 0
    device.addresses.forEach((a, i) => {
      if (!a.secondary && scope <= a.scope) at = i + 1
    })
    device.addresses.splice(at, 0, address)
  }
  addRoutesOf(ns, device, address)
  ns.fib.generation++
}

export function parseAddress(cidr: string): { local: Ipv4; length: number } {
  const [text, tail] = cidr.split('/')
  const local = parseIpv4(text ?? '')
  const length = tail === undefined ? 32 : Number(tail)
  if (local === undefined || !(length >= 0 && length <= 32)) throw new NetError('EINVAL')
  return { local, length }
}

export function deleteAddress(ns: Namespace, device: Device, cidr: string): void {
  const { local, length } = parseAddress(cidr)
  const address = device.addresses.find((a) => a.local === local && (a.length === length || !cidr.includes('/')))
  if (!address) throw new NetError('EADDRNOTAVAIL', 'ipv4: Address not found.')
  removeAddress(ns, device, address)
}

/** A deleted primary takes its secondaries with it, unless promote_secondaries makes the first of them the new primary. */
export function removeAddress(ns: Namespace, device: Device, address: Address): void {
  const gone = [address]
  let promoted: Address | undefined
  if (!address.secondary) {
    const followers = device.addresses.filter((a) => a.secondary && a.mask === address.mask && ((a.local ^ address.local) & a.mask) === 0)
    if (device.conf.promote_secondaries || ns.sysctls.all.promote_secondaries) promoted = followers[0]
    else gone.push(...followers)
  }
  for (const a of gone.reverse()) {
    device.addresses = device.addresses.filter((x) => x !== a)
    removeRoutesOf(ns, device, a)
  }
  if (promoted) {
    promoted.secondary = false
    addRoutesOf(ns, device, promoted)
  }
  if (device.addresses.length === 0) {
    // the last address is gone: IP is switched off on the device
    routesOnDown(ns, device, true)
    device.neighbours.clear()
  } else dropRoutesWithSource(ns, device)
  ns.fib.generation++
}

/** Deletes routes whose preferred source is gone (fib_sync_down_addr). */
function dropRoutesWithSource(ns: Namespace, _device: Device): void {
  for (const table of ns.fib.tables.values()) {
    for (const route of [...table.routes()]) {
      if (route.prefsrc !== undefined && route.type !== 'local' && route.type !== 'broadcast' && ns.fib.addressType(route.prefsrc) !== 'local') table.remove(route)
    }
  }
}

function addRoutesOf(ns: Namespace, device: Device, a: Address): void {
  const prefsrc = a.secondary ? (device.addresses.find((p) => !p.secondary && p.mask === a.mask && ((p.local ^ a.local) & a.mask) === 0)?.local ?? a.local) : a.local
  insertKernelRoute(ns, device, 'local', a.local, 32, prefsrc)
  if (!device.up) return
  const network = (a.local & a.mask) >>> 0
  if (a.broadcast !== undefined && a.broadcast !== 0xffffffff) insertKernelRoute(ns, device, 'broadcast', a.broadcast, 32, prefsrc)
  if (network >>> 24 !== 0 && !a.secondary && (network !== a.local || a.length < 32)) {
    insertKernelRoute(ns, device, device.loopback ? 'local' : 'unicast', network, a.length, prefsrc)
    if (a.length < 31) insertKernelRoute(ns, device, 'broadcast', (network | ~a.mask) >>> 0, 32, prefsrc)
  }
}

function insertKernelRoute(ns: Namespace, device: Device, type: RouteType, network: Ipv4, length: number, prefsrc: Ipv4): void {
  const table = ns.fib.table(type === 'unicast' ? TABLE_MAIN : TABLE_LOCAL)
  const scope = type === 'local' ? SCOPE_HOST : SCOPE_LINK
  const same = table.at(network, length).some((r) => r.metric === 0 && r.type === type && r.prefsrc === prefsrc && r.nexthops[0]?.device === device)
  if (same) return
  const nexthop = { gateway: undefined, device, weight: 1, onlink: false, scope: type === 'local' ? SCOPE_NOWHERE : SCOPE_HOST, dead: false }
  table.insert({ network, length, table: table.id, type, metric: 0, scope, protocol: 'kernel', prefsrc, mtu: undefined, nexthops: [nexthop] }, false)
}

function removeRoutesOf(ns: Namespace, device: Device, a: Address): void {
  const local = ns.fib.table(TABLE_LOCAL)
  const main = ns.fib.table(TABLE_MAIN)
  const network = (a.local & a.mask) >>> 0
  const last = (network | ~a.mask) >>> 0
  const drop = (route: Route | undefined) => {
    if (route) (route.table === TABLE_MAIN ? main : local).remove(route)
  }
  const others = device.addresses
  if (!a.secondary) {
    const prefix = (device.loopback ? local : main).at(network, a.length)
    drop(prefix.find((r) => r.protocol === 'kernel' && r.nexthops[0]?.device === device && r.prefsrc === a.local && r.type === (device.loopback ? 'local' : 'unicast')))
    if (!others.some((o) => !o.secondary && ((o.local & o.mask) | ~o.mask) >>> 0 === last && o.length < 31)) drop(local.at(last, 32).find((r) => r.type === 'broadcast' && r.nexthops[0]?.device === device))
  }
  if (a.broadcast !== undefined && !others.some((o) => o.broadcast === a.broadcast || ((o.local & o.mask) | ~o.mask) >>> 0 === a.broadcast)) drop(local.at(a.broadcast, 32).find((r) => r.type === 'broadcast' && r.nexthops[0]?.device === device))
  if (!others.some((o) => o.local === a.local)) {
    drop(local.at(a.local, 32).find((r) => r.type === 'local' && r.protocol === 'kernel' && r.nexthops[0]?.device === device))
  }
}

/** The device has come up: its addresses' routes appear. */
export function routesOnUp(ns: Namespace, device: Device): void {
  for (const a of device.addresses) addRoutesOf(ns, device, a)
  ns.fib.generation++
}

/** The device has gone down (`gone`: for good): routes through it vanish, those of its own addresses stay unless it is gone. */
export function routesOnDown(ns: Namespace, device: Device, gone: boolean): void {
  for (const table of ns.fib.tables.values()) {
    for (const route of [...table.routes()]) {
      let dead = 0
      for (const hop of route.nexthops) if (hop.device === device && (gone || hop.scope !== SCOPE_NOWHERE)) {
        hop.dead = true
        dead++
      } else if (hop.dead) dead++
      if (dead > 0 && dead === route.nexthops.length) table.remove(route)
    }
  }
  ns.fib.generation++
}

/** A source address for `destination` leaving by `device`: the first primary that shares its prefix, else the first of small enough scope, else any other device's. */
export function selectAddress(ns: Namespace, device: Device | undefined, destination: Ipv4, scope: number): Ipv4 {
  if (device) {
    const limit = device.conf.route_localnet || ns.sysctls.all.route_localnet ? SCOPE_LINK : SCOPE_HOST
    let first = 0
    for (const a of device.addresses) {
      if (a.secondary || Math.min(a.scope, limit) > scope) continue
      if (destination === 0 || ((destination ^ a.local) & a.mask) === 0) return a.local
      if (first === 0) first = a.local
    }
    if (first !== 0) return first
  }
  for (const other of ns.devices.values()) {
    for (const a of other.addresses) if (!a.secondary && a.scope !== SCOPE_LINK && a.scope <= scope) return a.local
  }
  return 0
}
