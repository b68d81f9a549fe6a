/** `ip link`: devices come, change, move between namespaces and go, with the effects that the kernel has on addresses, routes, ports and tables. */
import { parseIpv4 } from '#base/ip.ts'
import { addAddress, routesOnDown, routesOnUp } from './addresses.ts'
import { bridgeReceive, bridgeTransmit } from './bridge.ts'
import { Device, type DeviceKind } from './device.ts'
import { NetError } from './error.ts'
import { loopbackXmit, nowhereXmit, pairXmit } from './link.ts'
import { parseMac, type Mac } from './mac.ts'
import type { Namespace } from './namespace.ts'
import { ipipXmit, vxlanTransmit } from './tunnel.ts'
import type { LinkInfo, LinkKind, NetNamespace } from './types.ts'

/** `if_name` of the kernel: at most 15 bytes, no slash, no space. */
function checkName(ns: Namespace, name: string): void {
  if (name === '' || name.length > 15 || name === '.' || name === '..' || /[/\s:]/.test(name)) throw new NetError('EINVAL')
  if (ns.devices.has(name)) throw new NetError('EEXIST')
}

function randomMac(ns: Namespace): Mac {
  const first = (ns.random.below(256) & 0xfe) | 0x02
  return first * 2 ** 40 + ns.random.below(256) * 2 ** 32 + ns.random.uint32()
}

function macOf(ns: Namespace, text: string | undefined): Mac {
  if (text === undefined) return randomMac(ns)
  const mac = parseMac(text)
  if (mac === undefined) throw new NetError('EINVAL')
  return mac
}

const xmits: Readonly<Record<DeviceKind, Device['xmit']>> = { loopback: loopbackXmit, veth: pairXmit, physical: pairXmit, dummy: nowhereXmit, bridge: bridgeTransmit, vxlan: vxlanTransmit, ipip: ipipXmit }

function register(ns: Namespace, name: string, kind: DeviceKind, mac: Mac, mtu: number, wanted?: number): Device {
  let index = wanted ?? ns.nextIndex
  if (wanted === undefined || [...ns.devices.values()].some((d) => d.index === wanted)) index = ns.nextIndex
  ns.nextIndex = Math.max(ns.nextIndex, index + 1)
  const device = new Device(ns, index, name, kind, mac, mtu, ns.sysctls.addDevice(name), xmits[kind])
  ns.devices.set(name, device)
  ns.links.set(name, device.view)
  return device
}

type LinkOptions = { readonly mac?: string; readonly mtu?: number; readonly delay?: number; readonly index?: number }

export function addLink(ns: Namespace, name: string, link: LinkKind | 'loopback', options: LinkOptions): LinkInfo {
  checkName(ns, name)
  if (link === 'loopback') {
    const lo = register(ns, name, 'loopback', 0, 65536)
    lo.delay = 0.005
    return lo.view
  }
  const mtu = options.mtu
  let device: Device
  switch (link.kind) {
    case 'dummy':
      device = register(ns, name, 'dummy', macOf(ns, options.mac), mtu ?? 1500, options.index)
      break
    case 'bridge':
      device = register(ns, name, 'bridge', macOf(ns, options.mac), mtu ?? 1500, options.index)
      if ('snooping' in link && link.snooping === false) device.snooping = false
      break
    case 'physical':
    case 'veth': {
      const other = link.peer.namespace ? ns.network.own(link.peer.namespace) : ns
      if (other === ns && link.peer.name === name) throw new NetError('EEXIST')
      checkName(other, link.peer.name)
      // the kernel makes the peer first
      const peer = register(other, link.peer.name, link.kind, macOf(other, link.peer.mac), mtu ?? 1500)
      device = register(ns, name, link.kind, macOf(ns, options.mac), mtu ?? 1500, options.index)
      device.peer = peer
      peer.peer = device
      peer.macChosen = link.peer.mac !== undefined
      if (options.delay !== undefined) peer.delay = options.delay
      break
    }
    case 'vxlan': {
      const lower = link.device === undefined ? undefined : ns.device(link.device)
      if (!(link.id >= 0 && link.id < 2 ** 24)) throw new NetError('ERANGE')
      const port = link.dstport ?? 8472
      for (const t of ns.tunnels) if (t.vxlan && t.vxlan.id === link.id && t.vxlan.port === port) throw new NetError('EEXIST', 'A VXLAN device with the specified VNI already exists.')
      device = register(ns, name, 'vxlan', macOf(ns, options.mac), mtu ?? (lower ? lower.mtu - 50 : 1500), options.index)
      const ip = (text: string | undefined) => {
        if (text === undefined) return undefined
        const value = parseIpv4(text)
        if (value === undefined) throw new NetError('EINVAL')
        return value
      }
      const remote = ip(link.remote)
      device.vxlan = { id: link.id, local: ip(link.local), port, lower: link.device, learning: link.learning ?? true, remote, fdb: new Map() }
      if (remote !== undefined) device.vxlan.fdb.set(0, [{ address: remote, permanent: true, seen: 0 }])
      ns.tunnels.push(device)
      break
    }
    case 'ipip': {
      device = register(ns, name, 'ipip', 0, mtu ?? 1480, options.index)
      const ip = (text: string | undefined) => (text === undefined || text === 'any' ? undefined : parseIpv4(text))
      device.ipip = { local: ip(link.local), remote: ip(link.remote) }
      ns.tunnels.push(device)
      break
    }
  }
  device.macChosen = options.mac !== undefined
  if (options.delay !== undefined) device.delay = options.delay
  return device.view
}

export function deleteLink(ns: Namespace, name: string): void {
  const device = ns.device(name)
  if (device.loopback) throw new NetError('EOPNOTSUPP')
  const peer = device.peer
  remove(device)
  if (peer) remove(peer)
}

function remove(device: Device): void {
  const ns = device.ns
  if (device.up) setDown(device)
  setMaster(device, undefined)
  for (const port of [...device.ports]) setMaster(port, undefined)
  unhook(device)
  device.peer = undefined
  ns.fib.generation++
}

/** Takes a device out of its namespace: addresses and routes go. */
function unhook(device: Device): void {
  const ns = device.ns
  device.addresses = []
  routesOnDown(ns, device, true)
  device.neighbours.clear()
  device.proxies.clear()
  ns.devices.delete(device.name)
  ns.links.delete(device.name)
  ns.sysctls.removeDevice(device.name)
  const at = ns.tunnels.indexOf(device)
  if (at >= 0) ns.tunnels.splice(at, 1)
}

function setUp(device: Device): void {
  if (device.up) return
  const ns = device.ns
  device.up = true
  device.wasUp = true
  if (device.addresses.length > 0) routesOnUp(ns, device)
  if (device.loopback && !device.addresses.some((a) => a.local === 0x7f000001)) addAddress(ns, device, '127.0.0.1/8', { scope: 'host' })
  carrierChanged(device)
}

function setDown(device: Device): void {
  if (!device.up) return
  const ns = device.ns
  device.up = false
  routesOnDown(ns, device, false)
  for (const entry of device.neighbours.values()) entry.waiting = []
  device.neighbours.clear()
  if (device.master) forgetPort(device.master, device)
  if (device.vxlan) for (const [mac, remotes] of device.vxlan.fdb) if (!remotes.some((r) => r.permanent)) device.vxlan.fdb.delete(mac)
  carrierChanged(device)
}

/** A veth's other end gains or loses its carrier too. */
function carrierChanged(device: Device): void {
  device.ns.fib.generation++
  const peer = device.peer
  if (!peer) return
  peer.ns.fib.generation++
  if (device.up) return
  if (peer.master) forgetPort(peer.master, peer)
  // neigh_carrier_down
  for (const [address, entry] of peer.neighbours) if (entry.status !== 'permanent' && entry.status !== 'noarp') peer.neighbours.delete(address)
}

/** Learnt addresses behind a port that is gone. */
function forgetPort(bridge: Device, port: Device): void {
  for (const [mac, entry] of bridge.fdb) if (entry.port === port && !entry.isStatic && !entry.permanent) bridge.fdb.delete(mac)
}

function setMaster(device: Device, bridge: Device | undefined): void {
  const old = device.master
  if (old === bridge) return
  if (old) {
    old.ports = old.ports.filter((p) => p !== device)
    for (const [mac, entry] of old.fdb) if (entry.port === device) old.fdb.delete(mac)
    device.master = undefined
    device.rxHandler = undefined
    device.hairpin = false
    chooseMac(old)
    chooseMtu(old)
    old.ns.fib.generation++
  }
  if (!bridge) return
  device.master = bridge
  device.rxHandler = bridgeReceive
  let number = 1
  while (bridge.ports.some((p) => p.portNumber === number)) number++
  device.portNumber = number
  bridge.ports = [...bridge.ports, device]
  chooseMtu(bridge)
  chooseMac(bridge)
  bridge.ns.fib.generation++
}

/** A bridge whose address nobody has set takes the lowest of its ports'. */
function chooseMac(bridge: Device): void {
  if (bridge.macChosen || bridge.ports.length === 0) return
  bridge.mac = Math.min(...bridge.ports.map((p) => p.mac))
}

/** A bridge whose MTU nobody has set takes the smallest of its ports' (br_mtu_auto_adjust). */
function chooseMtu(bridge: Device): void {
  if (!bridge.mtuChosen) bridge.mtu = bridge.ports.length === 0 ? 1500 : Math.min(...bridge.ports.map((p) => p.mtu))
}

export function setLink(ns: Namespace, device: Device, change: Parameters<NetNamespace['setLink']>[1]): void {
  if (change.namespace !== undefined) move(ns, device, ns.network.own(change.namespace), change.name)
  else if (change.name !== undefined && change.name !== device.name) rename(ns, device, change.name)
  if (change.mac !== undefined) {
    const mac = parseMac(change.mac)
    if (mac === undefined) throw new NetError('EINVAL')
    if (Math.floor(mac / 2 ** 40) % 2 === 1 || mac === 0) throw new NetError('EADDRNOTAVAIL')
    device.mac = mac
    device.macChosen = true
    if (device.master) chooseMac(device.master)
  }
  if (change.mtu !== undefined) {
    if (change.mtu < 68) throw new NetError('EINVAL', 'mtu less than device minimum.')
    if (change.mtu > 65535 && !device.loopback) throw new NetError('EINVAL', 'mtu greater than device maximum.')
    device.mtu = change.mtu
    device.mtuChosen = true
    if (device.master) chooseMtu(device.master)
  }
  if (change.master !== undefined) {
    const bridge = change.master === null ? undefined : device.ns.device(change.master)
    if (bridge && bridge.kind !== 'bridge') throw new NetError('EOPNOTSUPP')
    if (bridge && device.kind === 'bridge') throw new NetError('ELOOP', 'Can not enslave a bridge to a bridge.')
    if (bridge && (device.loopback || device.kind === 'ipip')) throw new NetError('EINVAL')
    if (bridge && device.master && device.master !== bridge) setMaster(device, undefined)
    setMaster(device, bridge)
  }
  if (change.hairpin !== undefined) {
    if (!device.master) throw new NetError('EINVAL')
    device.hairpin = change.hairpin
  }
  const { promiscuous, multicast, arp, allMulticast, queueLength, group, alias } = change
  const resolved = !device.noArp
  device.shown = { ...device.shown, ...(promiscuous !== undefined && { promiscuous }), ...(multicast !== undefined && { multicast }), ...(arp !== undefined && { arp }), ...(allMulticast !== undefined && { allMulticast }), ...(queueLength !== undefined && { queueLength }), ...(group !== undefined && { group }), ...(alias !== undefined && { alias }) }
  // What was learnt with the flag, or without it, is forgotten (arp_netdev_event).
  if (resolved === device.noArp) device.neighbours.clear()
  if (change.up === true) setUp(device)
  if (change.up === false) setDown(device)
}

function rename(ns: Namespace, device: Device, name: string): void {
  checkName(ns, name)
  const old = device.name
  ns.devices.delete(old)
  ns.links.delete(old)
  device.name = name
  ns.devices.set(name, device)
  ns.links.set(name, device.view)
  ns.sysctls.renameDevice(old, name)
  device.addresses = device.addresses.map((a) => (a.label === old ? { ...a, label: name } : a))
  ns.fib.generation++
}

function move(ns: Namespace, device: Device, target: Namespace, name: string | undefined): void {
  if (device.loopback || device.kind === 'bridge') throw new NetError('EINVAL', 'The interface netns is immutable.')
  if (target === ns) {
    if (name !== undefined && name !== device.name) rename(ns, device, name)
    return
  }
  checkName(target, name ?? device.name)
  if (device.up) setDown(device)
  setMaster(device, undefined)
  unhook(device)
  device.ns = target
  if (name !== undefined) device.name = name
  const taken = [...target.devices.values()].some((d) => d.index === device.index)
  if (taken) (device as { index: number }).index = target.nextIndex
  target.nextIndex = Math.max(target.nextIndex, device.index + 1)
  device.conf = target.sysctls.addDevice(device.name)
  target.devices.set(device.name, device)
  target.links.set(device.name, device.view)
  if (device.vxlan || device.ipip) target.tunnels.push(device)
  ns.fib.generation++
  target.fib.generation++
}
