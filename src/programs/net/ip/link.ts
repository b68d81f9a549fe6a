/** `ip link`: show, add, set, delete. Leaves out: properties, xstats, VLANs, groups, aliases. */
import type { LinkKind, LinkInfo } from '#engine/net/types.ts'
import { duplicate, invalid, IpContext, IpFailure, matches } from './context.ts'
import { briefFlags, briefText, linkJson, linkText, statisticsText } from './link-format.ts'

const help = 'Usage: ip link add [link DEV | parentdev NAME] [ name ] NAME\n\t\t    [ txqueuelen PACKETS ]\n\t\t    [ address LLADDR ]\n'

export function ipLink(c: IpContext): void {
  const verb = c.more ? c.take() : 'show'
  if (matches(verb, 'add')) return add(c, 'add')
  if (matches(verb, 'set') || matches(verb, 'change')) return set(c)
  if (matches(verb, 'replace')) return add(c, 'replace')
  if (matches(verb, 'delete')) return remove(c)
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(c)
  if (matches(verb, 'help')) throw new IpFailure(help, 255)
  throw new IpFailure(`Command "${verb}" is unknown, try "ip link help".\n`, 255)
}

export interface LinkFilter {
  device?: string
  master?: string
  type?: string
  up?: boolean
}

/** Words that select devices; false where the word is none of them. */
export function filterWord(c: IpContext, filter: LinkFilter, word: string): boolean {
  if (word === 'dev') filter.device = c.value()
  else if (word === 'master') {
    filter.master = c.value()
    if (!c.net.links.has(filter.master)) throw invalid('Device does not exist', filter.master)
  } else if (word === 'type') filter.type = c.value()
  else if (word === 'up') filter.up = true
  else return false
  return true
}

export function selectLinks(c: IpContext, filter: LinkFilter): LinkInfo[] {
  if (filter.device !== undefined && !c.net.links.has(filter.device)) throw new IpFailure(`Device "${filter.device}" does not exist.\n`, 1)
  const kind = (l: LinkInfo) => (l.kind === 'physical' ? '' : l.kind)
  const slave = filter.type?.replace(/_slave$/, '')
  return [...c.net.links.values()]
    .filter((l) => filter.device === undefined || l.name === filter.device)
    .filter((l) => filter.master === undefined || l.master === filter.master)
    .filter((l) => filter.type === undefined || (slave !== filter.type ? l.master !== undefined : kind(l) === filter.type || (filter.type === 'veth' && l.kind === 'physical')))
    .filter((l) => !filter.up || l.up)
    .sort((a, b) => a.index - b.index)
}

function show(c: IpContext): void {
  const filter: LinkFilter = {}
  while (c.more) {
    const word = c.take()
    if (filterWord(c, filter, word)) continue
    if (filter.device !== undefined) throw duplicate('dev', word)
    filter.device = word
  }
  const links = selectLinks(c, filter)
  if (c.options.json) {
    c.json(c.options.brief ? links.map((l) => ({ ifname: l.name, operstate: l.operstate, address: l.mac, flags: l.flags })) : links.map((l) => linkJson(c, l, true)))
    return
  }
  for (const link of links) {
    if (c.options.brief) c.print(briefText(link, briefFlags(link)))
    else c.print(linkText(c, link, { mode: true, layer: true }) + (c.options.statistics > 0 ? statisticsText(link) : '') + '\n')
  }
}

function mac(text: string): string {
  const parts = text.split(':')
  if (parts.some((p) => !/^[0-9a-fA-F]{1,2}$/.test(p))) throw new IpFailure(`"${text}" is invalid lladdr.\n`, 1)
  if (parts.length !== 6) throw new IpFailure(`Invalid address length ${parts.length} - must be 6 bytes\n`, 1)
  return parts.map((p) => p.padStart(2, '0').toLowerCase()).join(':')
}

function number(text: string, what: string): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw invalid(`Invalid "${what}" value`, text)
  return Number(text)
}

interface Body {
  name?: string
  mac?: string
  mtu?: number
  up?: boolean
  master?: string | null
  netns?: string
  kind?: string
  index?: number
  peer?: Body
  rest: string[]
}

/** The common words of add and set, up to `type` and what belongs to it. */
/** `device`: what is being set; the word that would name a device is garbage then. */
function body(c: IpContext, device?: string): Body {
  const b: Body = { rest: [] }
  while (c.more) {
    const word = c.take()
    if (word === 'up') b.up = true
    else if (word === 'down') b.up = false
    else if (word === 'name') b.name = c.value()
    else if (word === 'address' || word === 'lladdr') b.mac = mac(c.value())
    else if (word === 'mtu') b.mtu = number(c.value(), 'mtu')
    else if (word === 'index') b.index = number(c.value(), 'index')
    else if (word === 'master') b.master = c.value()
    else if (word === 'nomaster') b.master = null
    else if (word === 'netns') b.netns = c.value()
    else if (word === 'txqueuelen' || word === 'qlen' || word === 'txqlen' || word === 'group' || word === 'alias' || word === 'numtxqueues' || word === 'numrxqueues' || word === 'addrgenmode' || word === 'link') c.value()
    else if (word === 'promisc' || word === 'multicast' || word === 'arp' || word === 'allmulticast' || word === 'dynamic') {
      const value = c.value()
      if (value !== 'on' && value !== 'off') throw new IpFailure(`Error: argument of "${word}" must be "on" or "off", not "${value}"\n`, 255)
    } else if (word === 'type') {
      b.kind = c.value()
      while (c.more) b.rest.push(c.take())
    } else if (word === 'dev' && device === undefined) b.name = c.value()
     else if (word === 'help') throw new IpFailure(help, 255)
    else if (device === undefined && b.name === undefined) b.name = word
    else throw duplicate('dev', word)
  }
  return b
}

function namespaceNamed(c: IpContext, name: string) {
  const ns = c.process.machine.namedNamespaces.get(name) ?? c.process.machine.processes.get(Number(name))?.net
  if (!ns) throw invalid('Invalid "netns" value', name)
  return ns
}

function add(c: IpContext, verb: 'add' | 'replace'): void {
  const b = body(c)
  if (b.kind === undefined) throw new IpFailure('Not enough information: "type" argument is required\n', 1)
  const home = b.netns === undefined ? c.net : namespaceNamed(c, b.netns)
  const kind = kindOf(c, b)
  if (!kind) throw new IpFailure('Error: Unknown device type.\n', 2)
  const name = b.name ?? freeName(c, b.kind)
  if (name.length > 15) throw new IpFailure('Error: Attribute failed policy validation.\n', 2)
  if (b.master !== undefined && b.master !== null && !c.net.links.has(b.master)) throw invalid('Device does not exist', b.master)
  c.netlink(() => {
    if (verb === 'replace' && home.links.has(name)) return
    home.addLink(name, kind, { ...(b.mac !== undefined && { mac: b.mac }), ...(b.mtu !== undefined && { mtu: b.mtu }), ...(b.index !== undefined && { index: b.index }) })
    if (b.master !== undefined) home.setLink(name, { master: b.master })
    if (b.up) home.setLink(name, { up: true })
  })
}

function freeName(c: IpContext, kind: string): string {
  const stem = kind === 'bridge' ? 'bridge' : kind
  for (let n = 0; ; n++) if (!c.net.links.has(stem + n)) return stem + n
}

function kindOf(c: IpContext, b: Body): LinkKind | undefined {
  const words = new Map<string, string>()
  const take = (flags: readonly string[]) => {
    for (let i = 0; i < b.rest.length; i++) {
      const w = b.rest[i]!
      if (flags.includes(w)) words.set(w, '')
      else words.set(w, b.rest[++i] ?? '')
    }
  }
  switch (b.kind) {
    case 'dummy':
    case 'bridge':
      return { kind: b.kind }
    case 'veth': {
      const p = b.rest[0] === 'peer' ? new IpContext(c.process, c.net, c.options, b.rest.slice(1)) : undefined
      const peer: Body = p ? body(p) : { rest: [] }
      const name = peer.name ?? freeName(c, 'veth')
      return { kind: 'veth', peer: { name, ...(peer.netns !== undefined && { namespace: namespaceNamed(c, peer.netns) }), ...(peer.mac !== undefined && { mac: peer.mac }) } }
    }
    case 'vxlan': {
      take(['learning', 'nolearning', 'proxy', 'noproxy', 'rsc', 'norsc', 'l2miss', 'l3miss', 'udpcsum', 'noudpcsum', 'external', 'gbp'])
      const id = words.get('id') ?? words.get('vni')
      if (id === undefined) throw new IpFailure('vxlan: missing virtual network identifier\n', 1)
      const device = words.get('dev')
      if (device !== undefined && !c.net.links.has(device)) throw new IpFailure(`Cannot find device "${device}"\n`, 1)
      const local = words.get('local')
      const remote = words.get('remote') ?? words.get('group')
      return {
        kind: 'vxlan', id: Number(id), ...(local !== undefined && { local }), ...(remote !== undefined && { remote }), dstport: Number(words.get('dstport') ?? 8472), ...(device !== undefined && { device }),
        learning: !words.has('nolearning'),
      }
    }
    case 'ipip': {
      take([])
      const local = words.get('local')
      const remote = words.get('remote')
      return { kind: 'ipip', ...(local !== undefined && local !== 'any' && { local }), ...(remote !== undefined && remote !== 'any' && { remote }) }
    }
    default:
      return undefined
  }
}

function set(c: IpContext): void {
  if (!c.more) throw new IpFailure('Not enough of information: "dev" argument is required.\n', 255)
  if (c.word === 'dev') c.take()
  const device = c.value()
  // The words after the device name it no second time: `name` is its new name.
  const b = body(c, device)
  c.device(device)
  const links = c.net.links
  if (b.master !== undefined && b.master !== null && !links.has(b.master)) throw invalid('Device does not exist', b.master)
  const namespace = b.netns === undefined ? undefined : namespaceNamed(c, b.netns)
  let hairpin: boolean | undefined
  if (b.kind !== undefined) {
    const at = b.rest.indexOf('hairpin')
    if (at >= 0) hairpin = b.rest[at + 1] === 'on'
    if (b.kind.endsWith('_slave') && links.get(device)!.master === undefined) throw new IpFailure('RTNETLINK answers: Operation not supported\n', 2)
  }
  const change = {
    ...(b.name !== undefined && { name: b.name }), ...(b.mac !== undefined && { mac: b.mac }), ...(b.mtu !== undefined && { mtu: b.mtu }), ...(b.master !== undefined && { master: b.master }),
    ...(b.up !== undefined && { up: b.up }), ...(namespace && { namespace }), ...(hairpin !== undefined && { hairpin }),
  }
  if (Object.keys(change).length > 0) c.netlink(() => c.net.setLink(device, change))
}

function remove(c: IpContext): void {
  const b = body(c)
  const name = b.name
  if (name === undefined) throw new IpFailure('Not enough information: "dev" argument is required.\n', 255)
  c.device(name)
  c.netlink(() => c.net.deleteLink(name))
}
