/** What the lines of `ip link add` and `ip link set` share: names, addresses, switches, up to `type` and the words of that type. */
import type { NetNamespace } from '#engine/net/types.ts'
import { duplicate, invalid, IpFailure, type IpContext } from './context.ts'
import { linkUsage } from './usage.ts'
import { numberOf, readWords, skip, twice, wrong, type Act, type Words } from './words.ts'

export const groupOf = (text: string): number => (text === 'default' ? 0 : numberOf(text, 'Invalid "group" value\n'))

function mac(text: string): string {
  const parts = text.split(':')
  for (const part of parts) if (!/^[0-9a-fA-F]{1,2}$/.test(part)) throw new IpFailure(`"${part}" is invalid lladdr.\n`, 1)
  if (parts.length !== 6) throw new IpFailure(`Invalid address length ${parts.length} - must be 6 bytes\n`, 1)
  return parts.map((p) => p.padStart(2, '0').toLowerCase()).join(':')
}

export type LinkChange = { -readonly [K in keyof Parameters<NetNamespace['setLink']>[1]]: Parameters<NetNamespace['setLink']>[1][K] }

export interface LinkBody {
  /** What is made or set. */
  device?: string
  name?: string
  index?: number
  netns?: NetNamespace
  kind?: string
  /** The words behind `type KIND`. */
  rest: string[]
  change: LinkChange
}

const checkName = (text: string, key: 'name' | 'dev'): string => {
  if (text === '' || /[/\s]/.test(text) || (key === 'name' && text.length > 15)) throw wrong(text, `"${key}" not a valid ifname`)
  return text
}

/** A switch that the network keeps (`flag`) or forgets. */
const onOff = (flag?: 'promiscuous' | 'multicast' | 'arp' | 'allMulticast'): Act<LinkBody> => (b, c, word) => {
  const value = c.value()
  if (value !== 'on' && value !== 'off') throw new IpFailure(`Error: argument of "${word}" must be "on" or "off", not "${value}"\n`, 1)
  if (flag) b.change = { ...b.change, [flag]: value === 'on' }
}

const queueLength: Act<LinkBody> = (b, c) => {
  const text = c.value()
  if (b.change.queueLength !== undefined) throw twice('txqueuelen', text)
  b.change.queueLength = numberOf(text, 'Invalid "txqueuelen" value\n')
}

const bodyWords: Words<LinkBody> = {
  whole: {
    up: (b) => void (b.change.up = true),
    down: (b) => void (b.change.up = false),
    name: (b, c) => {
      const text = c.value()
      if (b.name !== undefined) throw twice('name', text)
      b.name = checkName(text, 'name')
      b.device ??= text
    },
    index: (b, c) => {
      const text = c.value()
      if (b.index !== undefined) throw twice('index', text)
      b.index = numberOf(text, 'Invalid "index" value', 1)
    },
    lladdr: (b, c) => void (b.change.mac = mac(c.value())),
    brd: (_, c) => void mac(c.value()),
    qlen: queueLength,
    mtu: (b, c) => {
      const text = c.value()
      if (b.change.mtu !== undefined) throw twice('mtu', text)
      b.change.mtu = numberOf(text, 'Invalid "mtu" value\n', -0x80000000, 0x7fffffff)
    },
    netns: (b, c) => {
      const text = c.value()
      if (b.netns !== undefined) throw twice('netns', text)
      b.netns = namespaceNamed(c, text)
    },
    promisc: onOff('promiscuous'), multicast: onOff('multicast'), allmulticast: onOff('allMulticast'), arp: onOff('arp'), trailers: onOff(), carrier: onOff(), protodown: onOff(),
    group: (b, c) => {
      const text = c.value()
      if (b.change.group !== undefined) throw twice('group', text)
      b.change.group = groupOf(text)
    },
    mode: skip, state: skip, gso_max_size: skip, gso_max_segs: skip, gro_max_size: skip, parentdev: skip,
    vrf: (_, c) => {
      throw wrong(c.value(), 'Not a valid VRF name\n')
    },
    dev: (b, c) => onlyTarget(b, c.value()),
  },
  short: [
    ['link', skip],
    ['address', (b, c) => void (b.change.mac = mac(c.value()))],
    ['broadcast', (_, c) => void mac(c.value())],
    ['txqueuelen', queueLength],
    ['txqlen', queueLength],
    ['master', (b, c) => {
      const text = c.value()
      if (!c.net.links.has(text)) throw invalid('Device does not exist', text)
      b.change.master = text
    }],
    ['nomaster', (b) => void (b.change.master = null)],
    ['dynamic', onOff()],
    ['type', (b, c) => {
      b.kind = c.value()
      while (c.more) b.rest.push(c.take())
    }],
    ['alias', (b, c) => void (b.change.alias = c.value())],
    ['numtxqueues', skip], ['numrxqueues', skip], ['addrgenmode', skip], ['link-netnsid', skip],
    ['help', () => {
      throw new IpFailure(linkUsage, 255)
    }],
  ],
}

function onlyTarget(b: LinkBody, text: string): void {
  // A name may come before the device that it is for.
  if (b.device !== undefined && b.device !== b.name) throw duplicate('dev', text)
  b.device = checkName(text, 'dev')
}

export const readBody = (c: IpContext): LinkBody => readWords<LinkBody>(c, bodyWords, { rest: [], change: {} }, (b, _, word) => onlyTarget(b, word))

function namespaceNamed(c: IpContext, name: string): NetNamespace {
  const ns = c.process.machine.namedNamespaces.get(name) ?? c.process.machine.processes.get(Number(name))?.net
  if (!ns) throw invalid('Invalid "netns" value', name)
  return ns
}
