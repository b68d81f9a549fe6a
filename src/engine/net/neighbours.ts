/** `ip neigh`: adding, listing and flushing entries. How they come by themselves is in arp.ts. */
import { formatIpv4, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { refresh } from './arp.ts'
import type { Device, NeighbourStatus } from './device.ts'
import { NetError } from './error.ts'
import { formatMac, parseMac } from './mac.ts'
import type { Namespace } from './namespace.ts'
import type { NeighbourInfo, NeighbourState, NetNamespace } from './types.ts'

function ip(text: string): Ipv4 {
  const value = parseIpv4(text)
  if (value === undefined) throw new NetError('EINVAL')
  return value
}

/** Loopback and point-to-point devices have one neighbour for all addresses (arp_constructor). */
const keyOn = (device: Device, address: Ipv4): Ipv4 => (device.loopback || device.kind === 'ipip' ? 0 : address)

export function setNeighbour(ns: Namespace, device: Device, address: string, macText: string, options: NonNullable<Parameters<NetNamespace['setNeighbour']>[3]>): void {
  const key = keyOn(device, ip(address))
  const mac = macText === '' ? 0 : parseMac(macText)
  if (mac === undefined) throw new NetError('EINVAL')
  const existing = device.neighbours.get(ip(address))
  const verb = options.verb ?? 'replace'
  if (existing && verb === 'add') throw new NetError('EEXIST')
  if (!existing && verb === 'change') throw new NetError('ENOENT')
  const status = (options.state?.toLowerCase() ?? (options.permanent === false ? 'reachable' : 'permanent')) as NeighbourStatus
  const now = ns.sim.now
  const waiting = existing?.waiting ?? []
  device.neighbours.set(key, { address: key, mac: mac === 0 && existing ? existing.mac : mac, status, since: now, updated: now, waiting: [] })
  for (const w of waiting) w.send(mac)
}

export function addProxyNeighbour(device: Device, address: string): void {
  device.proxies.add(ip(address))
}

export function deleteNeighbour(device: Device, address: string, options: { readonly proxy?: boolean }): void {
  if (options.proxy) {
    if (!device.proxies.delete(ip(address))) throw new NetError('ENOENT')
    return
  }
  const key = ip(address)
  const entry = device.neighbours.get(key)
  if (!entry) throw new NetError('ENOENT')
  device.neighbours.delete(key)
  for (const w of entry.waiting) w.failed()
}

export function flushNeighbours(ns: Namespace, device: Device | undefined, options: { readonly all?: boolean }): void {
  for (const d of device ? [device] : ns.devices.values()) {
    for (const [key, entry] of d.neighbours) if (options.all || (entry.status !== 'permanent' && entry.status !== 'noarp')) d.neighbours.delete(key)
  }
}

export function listNeighbours(ns: Namespace, device: Device | undefined): readonly NeighbourInfo[] {
  const result: NeighbourInfo[] = []
  for (const d of device ? [device] : ns.devices.values()) {
    for (const entry of d.neighbours.values()) {
      refresh(d, entry)
      const unknown = entry.status === 'incomplete' || (entry.status === 'failed' && entry.mac === 0)
      result.push({ address: formatIpv4(entry.address), device: d.name, mac: unknown || entry.status === 'failed' ? undefined : formatMac(entry.mac), state: entry.status.toUpperCase() as NeighbourState })
    }
    for (const proxy of d.proxies) result.push({ address: formatIpv4(proxy), device: d.name, mac: undefined, state: 'NONE', proxy: true })
  }
  return result
}
