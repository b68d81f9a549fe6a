/**
 * The IPv4 path through one namespace: receive, forward, deliver, send (ip_rcv, ip_forward, ip_local_deliver, ip_local_out, ip_output)
 * with the netfilter hooks between them.
 *
 *   ipReceive ─ PREROUTING ─ route ─┬─ INPUT ─ deliver
 *                                   └─ FORWARD ─┐
 *   localOut ─ OUTPUT ──────────────────────────┴─ POSTROUTING ─ neighbour ─ device
 */
import { neighbourOutput } from './arp.ts'
import type { Device } from './device.ts'
import type { Namespace } from './namespace.ts'
import { FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING, runHook } from './netfilter/hooks.ts'
import { wireSize, type Packet } from './packet.ts'
import { routeInput, routeOutput, type NoPath, type Path } from './route.ts'
import { routeText } from './routes.ts'
import { drop, expire, refuse } from './trace.ts'

/** ip_rcv. */
export function ipReceive(device: Device, p: Packet): void {
  const ns = device.ns
  p.input = device
  if (device.loopback) {
    // the packet was routed when it was sent; its mark and connection entry stay
    if (!device.up) return drop(ns, p, 'device', 'lo is down')
  }
  if (ns.netfilter.active) {
    if (p.bridgePrerouted && p.physIn) p.bridgePrerouted = false
    else if (runHook(ns, PREROUTING, p, device, undefined) !== '') return
  }
  if (device.loopback && p.localRoute) {
    const type = ns.fib.addressType(p.destination)
    if (type === 'local' || type === 'broadcast' || type === 'multicast') return localIn(ns, p, device)
  }
  const path = routeInput(ns, device, p.source, p.destination, p.mark)
  if ('errno' in path) return noInputRoute(ns, p, path)
  if (p.walk) p.walk.note(ns, p, 'route', path.type === 'unicast' ? `forward by ${path.device.name}` : 'for this host', { rule: path.route && routeText(path.route), device: device.name })
  if (path.type !== 'unicast') {
    if (path.type === 'broadcast') p.broadcast = true
    return localIn(ns, p, device)
  }
  forward(ns, p, device, path)
}

/** ip_error: what a router tells the sender. */
function noInputRoute(ns: Namespace, p: Packet, path: NoPath): void {
  const code = path.errno === 'ENETUNREACH' ? 0 : path.errno === 'EHOSTUNREACH' ? 1 : path.errno === 'EACCES' ? 13 : undefined
  const rule = path.route && routeText(path.route)
  if (code === undefined || p.broadcast) return drop(ns, p, 'route', path.why, rule)
  refuse(ns, p, 'unreachable', 'route', path.why, path.errno, rule)
  ns.icmpError(p, 3, code, 0)
}

function forward(ns: Namespace, p: Packet, device: Device, path: Path): void {
  if (p.broadcast) return drop(ns, p, 'route', 'broadcast frames are not forwarded')
  if (p.ttl <= 1) {
    // no way here is that long
    expire(ns, p, p.forwards >= 16 ? 'looped' : 'timed-out', 'route', p.forwards >= 16 ? `time to live exceeded after ${p.forwards} routers: a loop` : 'time to live exceeded')
    return ns.icmpError(p, 11, 0, 0)
  }
  if (p.df && wireSize(p) > path.mtu) {
    refuse(ns, p, 'unreachable', 'route', `needs to be fragmented for ${path.device.name} (mtu ${path.mtu}) but must not be`, 'EMSGSIZE')
    return ns.icmpError(p, 3, 4, path.mtu)
  }
  p.ttl--
  p.forwards++
  p.local = false
  if (path.redirect && ns.sends(device)) ns.icmpError(p, 5, 1, path.gateway)
  if (ns.netfilter.active && runHook(ns, FORWARD, p, device, path.device) !== '') return
  ipOutput(ns, p, path)
}

/** ip_local_deliver. */
function localIn(ns: Namespace, p: Packet, device: Device): void {
  if (ns.netfilter.active && runHook(ns, INPUT, p, device, undefined) !== '') return
  ns.deliver(p)
}

/** ip_local_out: the errno that the sender sees at once, '' when the packet is on its way. */
export function localOut(ns: Namespace, p: Packet, path: Path): string {
  p.local = true
  p.localRoute = path.type === 'local'
  if (p.walk) p.walk.note(ns, p, 'route', path.type === 'local' ? 'to this host itself' : `by ${path.device.name}`, { rule: path.route && routeText(path.route) })
  let way = path
  if (ns.netfilter.active) {
    const { destination, source, mark } = p
    const result = runHook(ns, OUTPUT, p, undefined, path.device)
    if (result !== '') return result
    if (p.destination !== destination || p.source !== source || p.mark !== mark) {
      const again = reroute(ns, p)
      if ('errno' in again) {
        drop(ns, p, 'route', `after OUTPUT: ${again.why}`, again.route && routeText(again.route))
        return again.errno
      }
      way = again
      p.localRoute = way.type === 'local'
      if (p.walk) p.walk.note(ns, p, 'route', way.type === 'local' ? 'changed in OUTPUT, now to this host itself' : `changed in OUTPUT, now by ${way.device.name}`, { rule: way.route && routeText(way.route) })
    }
  }
  return ipOutput(ns, p, way)
}

/** ip_route_me_harder. */
export function reroute(ns: Namespace, p: Packet): Path | NoPath {
  const own = ns.fib.addressType(p.source) === 'local'
  return routeOutput(ns, p.destination, own ? p.source : 0, undefined, p.mark, true)
}

/** ip_output and ip_finish_output. */
export function ipOutput(ns: Namespace, p: Packet, path: Path): string {
  const device = path.device
  if (path.type === 'broadcast') p.broadcast = true
  if (ns.netfilter.active) {
    const result = runHook(ns, POSTROUTING, p, p.local ? undefined : p.input, device, path)
    if (result !== '') return result
  }
  if (p.df && wireSize(p) > device.mtu) {
    refuse(ns, p, 'unreachable', 'device', `larger than the mtu of ${device.name} (${device.mtu})`, 'EMSGSIZE')
    if (!p.local) ns.icmpError(p, 3, 4, device.mtu)
    return 'EMSGSIZE'
  }
  neighbourOutput(device, path.gateway, p)
  return ''
}
