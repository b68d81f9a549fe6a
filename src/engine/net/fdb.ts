/** `bridge fdb`: forwarding entries of bridges and VXLAN devices, given and learnt. Multicast addresses of plain devices are left out. */
import { formatIpv4, parseIpv4 } from '#base/ip.ts'
import { bridgeLookup } from './bridge.ts'
import type { Device } from './device.ts'
import { NetError } from './error.ts'
import { formatMac, parseMac, type Mac } from './mac.ts'
import type { Namespace } from './namespace.ts'
import { vxlanLookup } from './tunnel.ts'
import type { FdbInfo, NetNamespace } from './types.ts'

function macOf(text: string): Mac {
  const mac = parseMac(text)
  if (mac === undefined) throw new NetError('EINVAL')
  return mac
}

export function setFdb(device: Device, macText: string, options: NonNullable<Parameters<NetNamespace['setFdb']>[2]>): void {
  const mac = macOf(macText)
  const verb = options.verb ?? 'append'
  const permanent = options.permanent ?? true
  if (device.vxlan && !options.master) {
    const remote = options.remote === undefined ? device.vxlan.remote : parseIpv4(options.remote)
    if (remote === undefined) throw new NetError('EINVAL')
    const old = device.vxlan.fdb.get(mac)
    const entry = { address: remote, permanent, seen: device.ns.sim.now }
    if (verb === 'replace' || !old) device.vxlan.fdb.set(mac, [entry])
    else if (old.some((r) => r.address === remote)) {
      if (verb === 'add') throw new NetError('EEXIST')
      device.vxlan.fdb.set(mac, old.map((r) => (r.address === remote ? entry : r)))
    } else {
      if (verb === 'add') throw new NetError('EEXIST')
      // Only addresses of groups (all zeros here) have several remotes; appending to another one changes nothing.
      if (mac === 0) old.push(entry)
    }
    return
  }
  const bridge = device.kind === 'bridge' ? device : device.master
  if (!bridge) throw new NetError('EOPNOTSUPP')
  const old = bridge.fdb.get(mac)
  if (old && verb !== 'replace' && (old.permanent || old.isStatic || verb === 'add')) throw new NetError('EEXIST')
  bridge.fdb.set(mac, { port: device, permanent: permanent && device === bridge, isStatic: true, seen: device.ns.sim.now })
}

export function deleteFdb(device: Device, macText: string, options: NonNullable<Parameters<NetNamespace['deleteFdb']>[2]>): void {
  const mac = macOf(macText)
  if (device.vxlan && !options.master) {
    const old = device.vxlan.fdb.get(mac)
    if (!old) throw new NetError('ENOENT')
    const rest = options.remote === undefined ? [] : old.filter((r) => formatIpv4(r.address) !== options.remote)
    if (rest.length === old.length) return
    if (rest.length > 0) device.vxlan.fdb.set(mac, rest)
    else device.vxlan.fdb.delete(mac)
    return
  }
  const bridge = device.kind === 'bridge' ? device : device.master
  if (!bridge) throw new NetError('EOPNOTSUPP')
  const entry = bridge.fdb.get(mac)
  if (entry?.port !== device) throw new NetError('ENOENT')
  bridge.fdb.delete(mac)
}

/** Group addresses that a device listens to once it is up. */
function groups(d: Device): FdbInfo[] {
  if (!d.up || d.loopback || d.vxlan || d.ipip) return []
  const macs = d.kind === 'bridge' && d.snooping ? ['33:33:00:00:00:6a', '33:33:00:00:00:01', '01:00:5e:00:00:6a', '01:00:5e:00:00:01'] : ['33:33:00:00:00:01', '01:00:5e:00:00:01']
  return macs.map((mac) => ({ mac, device: d.name, master: undefined, self: true, state: 'permanent' as const }))
}

/** The entries of a bridge for one port, or for itself: the newest first. */
function bridgeEntries(bridge: Device, port: Device): FdbInfo[] {
  const result: FdbInfo[] = []
  for (const mac of [...bridge.fdb.keys()].reverse()) {
    const entry = bridgeLookup(bridge, mac)
    if (entry?.port === port) result.push({ mac: formatMac(mac), device: port.name, master: bridge.name, self: false, state: entry.permanent ? 'permanent' : entry.isStatic ? 'static' : 'learnt' })
  }
  // One entry for one address: a bridge that took its port's address has none of its own.
  if (port !== bridge || !bridge.ports.some((p) => p.mac === bridge.mac)) result.push({ mac: formatMac(port.mac), device: port.name, master: bridge.name, self: false, state: 'permanent' })
  return result
}

/** By device as the kernel dumps them. `only`: a device, or a bridge with its ports. */
export function listFdb(ns: Namespace, only: Device | undefined): readonly FdbInfo[] {
  const result: FdbInfo[] = []
  for (const d of ns.devices.values()) {
    if (only && only !== d && d.master !== only) continue
    if (d.master) result.push(...bridgeEntries(d.master, d))
    if (d.vxlan) {
      for (const mac of [...d.vxlan.fdb.keys()]) {
        for (const remote of vxlanLookup(d, mac) ?? []) result.push({ mac: formatMac(mac), device: d.name, master: undefined, self: true, remote: formatIpv4(remote.address), state: remote.permanent ? 'permanent' : 'learnt' })
      }
    }
    result.push(...groups(d))
    if (d.kind === 'bridge') result.push(...bridgeEntries(d, d))
  }
  return result
}
