/**
 * Neighbour resolution: ARP requests and replies (arp_process, arp_solicit), the neighbour states with their times, proxy ARP. States age when
 * they are looked at, so that an idle host needs no timers: only an unanswered request has one.
 */
import { formatIpv4, type Ipv4 } from '#base/ip.ts'
import { selectAddress } from './addresses.ts'
import type { Device, Neighbour } from './device.ts'
import { SCOPE_LINK } from './fib.ts'
import { transmit } from './link.ts'
import { broadcastMac, type Mac } from './mac.ts'
import { copyPacket, type Arp, type Frame, type Packet } from './packet.ts'
import { routeInput } from './route.ts'
import { refuse } from './trace.ts'

const LOCKTIME = 1000

function newEntry(device: Device, address: Ipv4, status: Neighbour['status'], mac: Mac): Neighbour {
  const now = device.ns.sim.now
  const entry: Neighbour = { address, mac, status, since: now, updated: now, waiting: [] }
  device.neighbours.set(address, entry)
  return entry
}

/** The entry with its state of now: reachable ages to stale, a delayed one is probed when its time has come. */
export function refresh(device: Device, entry: Neighbour): Neighbour {
  const now = device.ns.sim.now
  const conf = device.ns.sysctls.neigh.get(device.name)
  const reachable = conf?.base_reachable_time_ms ?? 30000
  if (entry.status === 'reachable' && now - entry.since >= reachable) {
    entry.status = 'stale'
    entry.since += reachable
  }
  if (entry.status === 'delay') {
    const delay = (conf?.delay_first_probe_time ?? 5) * 1000
    if (now - entry.since >= delay) {
      const at = entry.since + delay
      entry.status = 'probe'
      entry.since = at
      const network = device.ns.network
      const before = network.silent
      network.silent ||= now > at
      solicit(device, entry.address, 0, entry.mac)
      network.silent = before
    }
  }
  // solicit may have been answered meanwhile
  if ((entry.status as string) === 'probe' && now - entry.since >= (conf?.ucast_solicit ?? 3) * (conf?.retrans_time_ms ?? 1000)) {
    entry.status = 'failed'
    entry.since = now
  }
  return entry
}

/** Sends a packet to a neighbour; it waits while the address is being resolved. */
export function neighbourOutput(device: Device, nexthop: Ipv4, p: Packet): void {
  if (device.noArp && nexthop >>> 28 !== 0xe) {
    // All addresses of a loopback or point-to-point device are one neighbour, 0.0.0.0.
    const known = device.neighbours.get(device.loopback ? 0 : nexthop)
    transmit(device, { source: device.mac, destination: known && known.status !== 'failed' && known.status !== 'incomplete' ? known.mac : device.mac, packet: p, arp: undefined })
    return
  }
  if (p.broadcast || nexthop === 0xffffffff) {
    transmit(device, { source: device.mac, destination: broadcastMac, packet: p, arp: undefined })
    return
  }
  if (nexthop >>> 28 === 0xe) {
    transmit(device, { source: device.mac, destination: 0x01005e000000 + (nexthop & 0x7fffff), packet: p, arp: undefined })
    return
  }
  resolve(device, nexthop, p, (mac) => transmit(device, { source: device.mac, destination: mac, packet: p, arp: undefined }))
}

/** Calls `send` with the neighbour's address, at once or after resolution; on failure the packet's sender is told (host unreachable). */
export function resolve(device: Device, nexthop: Ipv4, p: Packet, send: (mac: Mac) => void): void {
  let entry = device.neighbours.get(nexthop)
  const { looking } = device.ns.network
  if (looking) return resolveAtOnce(device, entry, nexthop, p, send)
  if (entry) {
    refresh(device, entry)
    switch (entry.status) {
      case 'permanent':
      case 'noarp':
      case 'reachable':
      case 'delay':
      case 'probe':
        send(entry.mac)
        return
      case 'stale':
        entry.status = 'delay'
        entry.since = device.ns.sim.now
        // somebody watches: the probe comes at its time
        if (device.taps || device.ns.taps) scheduleProbe(device, entry)
        send(entry.mac)
        return
    }
  }
  if (entry?.status !== 'incomplete') {
    if (entry) {
      entry.status = 'incomplete'
      entry.since = device.ns.sim.now
    } else entry = newEntry(device, nexthop, 'incomplete', 0)
    if (p.walk) p.walk.note(device.ns, p, 'neighbour', `who has ${formatIpv4(nexthop)}?`, { device: device.name })
    entry.waiting.push({ send, failed: () => unreachable(device, nexthop, p) })
    startSolicit(device, entry, p.source)
    return
  }
  entry.waiting.push({ send, failed: () => unreachable(device, nexthop, p) })
}

/** For a look: whoever does not answer now is taken for gone, as it will be once its entry has aged; the entry stays as it is. */
function resolveAtOnce(device: Device, known: Neighbour | undefined, nexthop: Ipv4, p: Packet, send: (mac: Mac) => void): void {
  const state = known && refresh(device, known).status
  if (known && (state === 'permanent' || state === 'noarp')) return send(known.mac)
  const valid = known && state !== 'failed' && state !== 'incomplete'
  const { now } = device.ns.sim
  const asked: Neighbour = { address: nexthop, mac: 0, status: 'incomplete', since: now, updated: now, waiting: [] }
  device.neighbours.set(nexthop, asked)
  solicit(device, nexthop, p.source, valid ? known.mac : undefined)
  const answered = (asked.status as Neighbour['status']) === 'reachable'
  if (valid || (known && !answered)) device.neighbours.set(nexthop, known)
  else if (!answered) device.neighbours.delete(nexthop)
  if (answered && known && !valid) for (const w of known.waiting.splice(0)) w.send(asked.mac)
  if (answered) send(asked.mac)
  else unreachable(device, nexthop, p)
}

function scheduleProbe(device: Device, entry: Neighbour): void {
  const delay = (device.ns.sysctls.neigh.get(device.name)?.delay_first_probe_time ?? 5) * 1000
  device.ns.sim.after(delay, () => void refresh(device, entry), { background: true })
}

/** Starts resolving an address that no packet waits for. */
export function probe(device: Device, address: Ipv4): void {
  const entry = newEntry(device, address, 'incomplete', 0)
  startSolicit(device, entry, 0)
}

function unreachable(device: Device, nexthop: Ipv4, p: Packet): void {
  const ns = device.ns
  const original = copyPacket(p)
  refuse(ns, p, 'unreachable', 'neighbour', `nobody answers for ${formatIpv4(nexthop)} on ${device.name}`, 'EHOSTUNREACH')
  ns.icmpError(original, 3, 1, 0)
}

function startSolicit(device: Device, entry: Neighbour, source: Ipv4): void {
  const ns = device.ns
  const conf = ns.sysctls.neigh.get(device.name)
  const retrans = conf?.retrans_time_ms ?? 1000
  const tries = conf?.mcast_solicit ?? 3
  let asked = 0
  const ask = () => {
    if (device.neighbours.get(entry.address) !== entry || entry.status !== 'incomplete') return
    if (asked++ < tries) {
      solicit(device, entry.address, source, undefined)
      if (entry.status === 'incomplete') ns.sim.after(retrans, ask)
      return
    }
    entry.status = 'failed'
    entry.since = ns.sim.now
    const waiting = entry.waiting
    entry.waiting = []
    for (const w of waiting) w.failed()
  }
  ask()
}

/** Asks for an address: broadcast, or a probe to the address that is known. */
function solicit(device: Device, target: Ipv4, wanted: Ipv4, mac: Mac | undefined): void {
  const ns = device.ns
  const announce = Math.max(ns.sysctls.all.arp_announce, device.conf.arp_announce)
  let source = 0
  if (announce < 2 && wanted !== 0 && ns.fib.addressType(wanted) === 'local') {
    if (announce === 0 || device.addresses.some((a) => ((a.local ^ target) & a.mask) === 0 && ((a.local ^ wanted) & a.mask) === 0)) source = wanted
  }
  if (source === 0) source = selectAddress(ns, device, target, SCOPE_LINK)
  transmit(device, { source: device.mac, destination: mac ?? broadcastMac, packet: undefined, arp: { reply: false, senderMac: device.mac, senderIp: source, targetMac: 0, targetIp: target } })
}

/** neigh_update from what somebody said. */
function learn(device: Device, entry: Neighbour, mac: Mac, status: 'reachable' | 'stale', override: boolean): void {
  if (entry.status === 'permanent' || entry.status === 'noarp') return
  const now = device.ns.sim.now
  const valid = entry.status !== 'incomplete' && entry.status !== 'failed'
  if (valid && entry.mac !== mac && !override) {
    return
  }
  if (valid && entry.mac === mac && status === 'stale') return
  entry.mac = mac
  entry.status = status
  entry.since = now
  entry.updated = now
  const waiting = entry.waiting
  entry.waiting = []
  for (const w of waiting) w.send(mac)
}

/** arp_process. */
export function arpReceive(device: Device, frame: Frame): void {
  const ns = device.ns
  const arp = frame.arp!
  const { senderIp, targetIp, senderMac } = arp
  if (device.noArp || !device.up) return
  if (device.arpListeners) for (const listen of device.arpListeners) listen(arp)
  if (targetIp >>> 28 === 0xe || (targetIp >>> 24 === 127 && !(device.conf.route_localnet || ns.sysctls.all.route_localnet))) return
  if (!arp.reply && senderIp === 0) {
    if (ns.fib.addressType(targetIp, device) === 'local' && !ignored(device, senderIp, targetIp)) answer(device, arp)
    return
  }
  if (!arp.reply) {
    const routed = routeInput(ns, device, senderIp, targetIp, 0, true)
    if (!('errno' in routed)) {
      if (routed.type === 'local') {
        if (!ignored(device, senderIp, targetIp) && !filtered(device, senderIp, targetIp)) {
          learnSender(device, senderIp, senderMac)
          answer(device, arp)
        }
        return
      }
      if (device.conf.forwarding && routed.type === 'unicast' && routed.device !== device && (device.conf.proxy_arp || ns.sysctls.all.proxy_arp || device.proxies.has(targetIp))) {
        learnSender(device, senderIp, senderMac)
        answer(device, arp)
        return
      }
    }
  }
  const entry = device.neighbours.get(senderIp)
  if (!entry) return
  refresh(device, entry)
  const gratuitous = senderIp === targetIp
  const override = ns.sim.now - entry.updated >= LOCKTIME || gratuitous
  learn(device, entry, senderMac, arp.reply && frame.destination === device.mac ? 'reachable' : 'stale', override)
}

function learnSender(device: Device, address: Ipv4, mac: Mac): void {
  const entry = device.neighbours.get(address)
  if (!entry) newEntry(device, address, 'stale', mac)
  else learn(device, refresh(device, entry), mac, 'stale', true)
}

function answer(device: Device, request: Arp): void {
  transmit(device, {
    source: device.mac,
    destination: request.senderMac,
    packet: undefined,
    arp: { reply: true, senderMac: device.mac, senderIp: request.targetIp, targetMac: request.senderMac, targetIp: request.senderIp },
  })
}

/** arp_ignore: 1 only addresses of this device, 2 and the sender in the same prefix, 3 no host scope ones, 8 never. */
function ignored(device: Device, sender: Ipv4, target: Ipv4): boolean {
  const level = Math.max(device.ns.sysctls.all.arp_ignore, device.conf.arp_ignore)
  if (level === 0) return false
  if (level === 8) return true
  if (level === 3) {
    for (const d of device.ns.devices.values()) for (const a of d.addresses) if (a.local === target) return a.scope >= 254
    return true
  }
  const own = device.addresses.find((a) => a.local === target)
  if (!own) return true
  return level === 2 && ((sender ^ own.local) & own.mask) !== 0
}

/** arp_filter: answers only where the reply would leave by the same device. */
function filtered(device: Device, sender: Ipv4, target: Ipv4): boolean {
  if (!(device.conf.arp_filter || device.ns.sysctls.all.arp_filter)) return false
  const result = device.ns.fib.lookup({ destination: sender, source: target, input: undefined, output: undefined, mark: 0, scope: 0 })
  return 'errno' in result || result.nexthop.device !== device
}
