/** `ip address`: show, add, replace, delete, flush. IPv4 only; `-6` shows nothing. */
import { parseIpv4, maskOf } from '#base/ip.ts'
import type { AddressInfo, LinkInfo } from '#engine/net/types.ts'
import { duplicate, IpFailure, prefixOf, type IpContext } from './context.ts'
import { briefFlags, briefText, linkJson, linkText, statisticsText } from './link-format.ts'
import { filterLink, selectLinks, type LinkFilter } from './link.ts'
import { addressUsage } from './usage.ts'
import { nothing, numberOf, readWords, skip, verbOf, wrong, type Act, type Words } from './words.ts'

const verbs = [['add', 'add'], ['change', 'replace'], ['chg', 'replace'], ['replace', 'replace'], ['delete', 'delete'], ['show', 'show'], ['lst', 'show'], ['list', 'show'], ['flush', 'flush'], ['help', 'help']] as const

export function ipAddress(c: IpContext): void {
  const verb = verbOf(c, verbs, 'address', 'show')
  if (verb === 'show') return show(c)
  if (verb === 'flush') return flush(c)
  if (verb === 'help') throw new IpFailure(addressUsage, 255)
  change(c, verb)
}

interface AddressFilter extends LinkFilter {
  to?: { readonly address: number; readonly length: number }
  scope?: string
  label?: string
  secondary?: boolean
}

const scopes: Readonly<Record<string, string>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere', global: 'global', universe: 'global', site: 'site', link: 'link', host: 'host', nowhere: 'nowhere' }

/** rtnl_rtscope_a2n: a name or a number below 256. */
function scopeOf(text: string, complaint: string): string {
  const scope = scopes[text]
  if (scope === undefined && !(/^\d+$/.test(text) && Number(text) < 256)) throw wrong(text, complaint)
  return scope ?? text
}

const filterWords: Words<AddressFilter> = {
  whole: {
    to: (f, c) => void (f.to = prefixOf(c.value())),
    scope: (f, c) => {
      const text = c.value()
      f.scope = text === 'all' ? 'all' : scopeOf(text, 'invalid "scope"\n')
    },
    label: (f, c) => void (f.label = c.value()),
    primary: (f) => void (f.secondary = false), '-secondary': (f) => void (f.secondary = false), secondary: (f) => void (f.secondary = true), temporary: (f) => void (f.secondary = true),
    permanent: nothing, dynamic: nothing, tentative: nothing, deprecated: nothing, dadfailed: nothing, noprefixroute: nothing,
  },
}

const readFilter = (c: IpContext): AddressFilter => readWords<AddressFilter>(c, filterWords, {}, filterLink)

/** fnmatch of a label. */
const labelled = (label: string, pattern: string) => new RegExp(`^${pattern.replace(/[.+^${}()|\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`).test(label)

const inside = (a: AddressInfo, to: { readonly address: number; readonly length: number }) => a.length >= to.length && ((parseIpv4(a.address)! & maskOf(to.length)) >>> 0) === ((to.address & maskOf(to.length)) >>> 0)

function chosen(link: LinkInfo, filter: AddressFilter): AddressInfo[] {
  return link.addresses.filter((a) => (!filter.to || inside(a, filter.to)) && (filter.scope === undefined || filter.scope === 'all' || a.scope === filter.scope) && (filter.label === undefined || labelled(a.label, filter.label)) && (filter.secondary === undefined || a.secondary === filter.secondary))
}

function show(c: IpContext): void {
  const filter = readFilter(c)
  const narrow = filter.to !== undefined || filter.scope !== undefined || filter.label !== undefined || filter.secondary !== undefined
  const family = c.options.family
  const onlyWithAddresses = family === 'inet' || family === 'inet6' || narrow
  const rows: unknown[] = []
  for (const link of selectLinks(c, filter)) {
    const addresses = family === 'inet6' || family === 'link' ? [] : chosen(link, filter)
    if (onlyWithAddresses && addresses.length === 0) continue
    if (c.options.json) {
      const info = addresses.map((a) => addressJson(a))
      rows.push(c.options.brief ? { ifname: link.name, operstate: link.operstate, addr_info: addresses.map((a) => ({ local: a.address, prefixlen: a.length })) } : { ...linkJson(c, link, false, family !== 'inet' && filter.to === undefined), addr_info: info })
    } else if (c.options.brief) {
      if (family === 'link') c.print(briefText(c, link, briefFlags(c, link)))
      else c.print(briefText(c, link, addresses.map((a) => `${c.paint('inet', a.address)}${a.peer !== undefined ? ` peer ${a.peer}` : ''}/${a.length} `).join('')))
    } else if (c.options.oneline) {
      for (const a of addresses) c.print(`${link.index}: ${link.name}    ${addressText(c, a)}\\       valid_lft forever preferred_lft forever\n`)
      if (family === 'any' && addresses.length === 0) c.print('')
    } else {
      c.print(linkText(c, link, { mode: false, layer: family !== 'inet' && filter.to === undefined }) + (c.options.statistics > 0 ? statisticsText(link) : '') + '\n')
      for (const a of addresses) c.print(`    ${addressText(c, a)}\n       valid_lft forever preferred_lft forever\n`)
    }
  }
  if (c.options.json) c.json(rows)
}

function addressText(c: IpContext, a: AddressInfo): string {
  return `inet ${c.paint('inet', a.address)}${a.peer !== undefined ? ` peer ${a.peer}` : ''}/${a.length}${a.broadcast !== undefined ? ` brd ${a.broadcast}` : ''} scope ${a.scope} ${a.secondary ? 'secondary ' : ''}${a.label}`
}

function addressJson(a: AddressInfo): Record<string, unknown> {
  return {
    family: 'inet', local: a.address, prefixlen: a.length, ...(a.broadcast !== undefined && { broadcast: a.broadcast }), scope: a.scope, ...(a.secondary && { secondary: true }), label: a.label,
    valid_life_time: 4294967295, preferred_life_time: 4294967295,
  }
}

interface Change {
  device?: string
  local?: { readonly text: string; readonly bare: boolean }
  peer?: { readonly address: number; readonly length: number; readonly text: string; readonly bare: boolean }
  scope?: string
  label?: string
  broadcast?: string
  valid?: number
  preferred?: number
  warning?: string
}

const lifetime = (key: 'valid' | 'preferred'): Act<Change> => (a, c, word) => {
  const text = c.value()
  a[key] = text === 'forever' ? Infinity : numberOf(text, `${word} value`)
}
const broadcastWord: Act<Change> = (a, c) => {
  const text = c.value()
  if (text !== '+' && text !== '-' && parseIpv4(text) === undefined) throw new IpFailure(`Error: inet address is expected rather than "${text}".\n`, 1)
  a.broadcast = text
}
const localWord: Act<Change> = (a, _, word) => {
  if (a.local) throw duplicate('local', word)
  const prefix = prefixOf(word)
  a.local = { text: prefix.bare ? `${prefix.text}/32` : prefix.text, bare: prefix.bare }
}
const peerWord: Act<Change> = (a, c) => void (a.peer = prefixOf(c.value()))

/** Flags of IPv6 addresses. */
const sixOnly: Act<Change> = (a, _, word) => void (a.warning = `Warning: ${word} option can be set only for IPv6 addresses\n`)

const changeWords: Words<Change> = {
  whole: {
    dev: (a, c) => void (a.device = c.value()), peer: peerWord, remote: peerWord, broadcast: broadcastWord,
    scope: (a, c) => void (a.scope = scopeOf(c.value(), 'invalid scope value.')),
    label: (a, c) => void (a.label = c.value()),
    anycast: skip, metric: skip, priority: skip, preference: skip, proto: skip,
    valid_lft: lifetime('valid'), preferred_lft: lifetime('preferred'),
    home: sixOnly, homeaddress: sixOnly, nodad: sixOnly, mngtmpaddr: nothing, noprefixroute: nothing, autojoin: nothing, optimistic: nothing,
    local: (a, c) => localWord(a, c, c.value()),
    b: (a, c, word) => localWord(a, c, word),
  },
  short: [['brd', broadcastWord], ['help', () => {
    throw new IpFailure(addressUsage, 255)
  }]],
}

function change(c: IpContext, verb: 'add' | 'replace' | 'delete'): void {
  const { device, local, peer, scope, label, broadcast, valid, preferred, warning } = readWords<Change>(c, changeWords, {}, localWord)
  if (warning !== undefined && verb !== 'delete') c.err += warning
  if (device === undefined) throw new IpFailure('Not enough information: "dev" argument is required.\n', 1)
  const name = c.device(device)
  if (!local) throw new IpFailure('RTNETLINK answers: Operation not supported\n', 2)
  // Without a length of its own the address takes that of its peer's prefix.
  const cidr = peer && !peer.bare && local.bare ? `${local.text.split('/')[0]}/${peer.length}` : local.text
  if (verb === 'delete') {
    if (local.bare) {
      c.err += `Warning: Executing wildcard deletion to stay compatible with old scripts.\n         Explicitly specify the prefix length (${cidr}) to avoid this warning.\n         This special behaviour is likely to disappear in further releases,\n         fix your scripts!\n`
      const found = c.net.links.get(name)!.addresses.find((a) => a.address === cidr.replace('/32', ''))
      if (found) {
        c.netlink(() => c.net.deleteAddress(name, `${found.address}/${found.length}`))
        return
      }
    }
    c.netlink(() => c.net.deleteAddress(name, cidr))
    return
  }
  if ((valid ?? Infinity) < (preferred ?? Infinity) && preferred !== undefined) throw new IpFailure('preferred_lft is greater than valid_lft\n', 1)
  const link = c.net.links.get(name)!
  if (verb === 'replace' && link.addresses.some((a) => `${a.address}/${a.length}` === cidr)) return
  c.netlink(() => c.net.addAddress(name, cidr, { ...(scope !== undefined && { scope }), ...(label !== undefined && { label }), ...(broadcast !== undefined && { broadcast: broadcastOf(cidr, broadcast) }) }))
}

/** `brd +` is the last address of the prefix. */
function broadcastOf(cidr: string, given: string): string {
  if (given !== '+' && given !== '-') return given
  const [address, length] = cidr.split('/')
  const n = (parseIpv4(address!)! | ~maskOf(Number(length))) >>> 0
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}

function flush(c: IpContext): void {
  if (!c.more) throw new IpFailure('Flush requires arguments.\n', 1)
  const filter = readFilter(c)
  for (const link of selectLinks(c, filter)) for (const a of chosen(link, filter)) {
    const now = c.net.links.get(link.name)
    if (now?.addresses.some((x) => x.address === a.address && x.length === a.length)) c.netlink(() => c.net.deleteAddress(link.name, `${a.address}/${a.length}`))
  }
}

