/** `ip link`: show, set, delete. Adding is in link-add.ts. Leaves out: properties, xstats, virtual functions, XDP. */
import type { LinkInfo } from '#engine/net/types.ts'
import { duplicate, invalid, IpFailure, type IpContext } from './context.ts'
import { addLinkOf } from './link-add.ts'
import { groupOf, readBody, type LinkChange } from './link-body.ts'
import { briefFlags, briefText, linkJson, linkText, statisticsText } from './link-format.ts'
import { bridgeUsage, linkUsage, vxlanUsage } from './usage.ts'
import { readWords, verbOf, wordAct, wrong, type Act, type Words } from './words.ts'

const verbs = [['add', 'add'], ['set', 'set'], ['change', 'set'], ['replace', 'replace'], ['delete', 'delete'], ['show', 'show'], ['lst', 'show'], ['list', 'show'], ['help', 'help']] as const

export function ipLink(c: IpContext): void {
  const verb = verbOf(c, verbs, 'link', 'show')
  if (verb === 'add' || verb === 'replace') return addLinkOf(c, verb)
  if (verb === 'set') return set(c)
  if (verb === 'delete') return remove(c)
  if (verb === 'show') return show(c)
  throw new IpFailure(typeUsages[c.word] ?? linkUsage, 255)
}

const typeUsages: Readonly<Record<string, string>> = { bridge: bridgeUsage, vxlan: vxlanUsage }

// ── show ──

export interface LinkFilter {
  device?: string
  master?: string
  noMaster?: boolean
  type?: string
  group?: number
  up?: boolean
}

const filterWords: Words<LinkFilter> = {
  whole: {
    dev: (f, c) => onlyDevice(f, c.value()),
    master: (f, c) => {
      f.master = c.value()
      if (!c.net.links.has(f.master)) throw invalid('Device does not exist', f.master)
    },
    vrf: (_, c) => {
      throw wrong(c.value(), 'Not a valid VRF name\n')
    },
    nomaster: (f) => void (f.noMaster = true),
    type: (f, c) => void (f.type = c.value()),
    group: (f, c) => void (f.group = groupOf(c.value())),
    up: (f) => void (f.up = true),
    help: () => {
      throw new IpFailure(linkUsage, 255)
    },
  },
}

function onlyDevice(filter: LinkFilter, name: string): void {
  if (filter.device !== undefined) throw duplicate('dev', name)
  filter.device = name
}

/** Words that select devices, or the name of one. */
export const filterLink: Act<LinkFilter> = (filter, c, word) => (wordAct(filterWords, word) ?? onlyDeviceWord)(filter, c, word)
const onlyDeviceWord: Act<LinkFilter> = (filter, _, word) => onlyDevice(filter, word)

export function selectLinks(c: IpContext, filter: LinkFilter): LinkInfo[] {
  if (filter.device !== undefined && !c.net.links.has(filter.device)) throw new IpFailure(`Device "${filter.device}" does not exist.\n`, 1)
  const kind = (l: LinkInfo) => (l.kind === 'physical' ? '' : l.kind)
  const slave = filter.type?.replace(/_slave$/, '')
  return [...c.net.links.values()]
    .filter((l) => filter.device === undefined || l.name === filter.device)
    .filter((l) => filter.master === undefined || l.master === filter.master)
    .filter((l) => !filter.noMaster || l.master === undefined)
    .filter((l) => filter.group === undefined || (l.group ?? 0) === filter.group)
    .filter((l) => filter.type === undefined || (slave !== filter.type ? l.master !== undefined : kind(l) === filter.type || (filter.type === 'veth' && l.kind === 'physical')))
    .filter((l) => !filter.up || l.up)
    .sort((a, b) => a.index - b.index)
}

function show(c: IpContext): void {
  const links = selectLinks(c, readWords<LinkFilter>(c, filterWords, {}, onlyDeviceWord))
  if (c.options.json) {
    c.json(c.options.brief ? links.map((l) => ({ ifname: l.name, operstate: l.operstate, address: l.mac, flags: l.flags })) : links.map((l) => linkJson(c, l, true)))
    return
  }
  for (const link of links) {
    if (c.options.brief) c.print(briefText(c, link, briefFlags(c, link)))
    else c.print(linkText(c, link, { mode: true, layer: true }) + (c.options.statistics > 0 ? statisticsText(link) : '') + '\n')
  }
}

// ── set and delete ──

function set(c: IpContext): void {
  const b = readBody(c)
  const device = b.device
  if (device === undefined) throw new IpFailure('Not enough information: "dev" argument is required.\n', 255)
  c.device(device)
  const link = c.net.links.get(device)!
  if (b.kind === 'bridge' && link.kind !== 'bridge') throw new IpFailure('RTNETLINK answers: Operation not supported\n', 2)
  if (b.kind?.endsWith('_slave')) {
    const at = b.rest.indexOf('hairpin')
    if (at >= 0) b.change.hairpin = b.rest[at + 1] === 'on'
    if (link.master === undefined) throw new IpFailure('RTNETLINK answers: Operation not supported\n', 2)
  }
  const change: LinkChange = { ...b.change, ...(b.name !== undefined && b.name !== device && { name: b.name }), ...(b.netns && { namespace: b.netns }) }
  if (Object.keys(change).length > 0) c.netlink(() => c.net.setLink(device, change))
}

function remove(c: IpContext): void {
  const b = readBody(c)
  const { device } = b
  if (device === undefined && b.change.group !== undefined) {
    for (const l of selectLinks(c, { group: b.change.group })) if (l.kind !== 'loopback') c.netlink(() => c.net.deleteLink(l.name))
    return
  }
  if (device === undefined) throw new IpFailure('Not enough information: "dev" argument is required.\n', 255)
  c.device(device)
  c.netlink(() => c.net.deleteLink(device))
}
