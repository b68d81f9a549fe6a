/** `ip address`: show, add, replace, delete, flush. IPv4 only; `-6` shows nothing. */
import { parseIpv4, maskOf } from '#base/ip.ts'
import type { AddressInfo, LinkInfo } from '#engine/net/types.ts'
import { duplicate, IpFailure, matches, prefixOf, type IpContext } from './context.ts'
import { briefText, linkJson, linkText, statisticsText } from './link-format.ts'
import { filterWord, selectLinks, type LinkFilter } from './link.ts'

export function ipAddress(c: IpContext): void {
  const verb = c.more ? c.take() : 'show'
  if (matches(verb, 'add')) return change(c, 'add')
  if (matches(verb, 'change') || matches(verb, 'chg') || matches(verb, 'replace')) return change(c, 'replace')
  if (matches(verb, 'delete')) return change(c, 'delete')
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(c)
  if (matches(verb, 'flush')) return flush(c)
  if (matches(verb, 'help')) throw new IpFailure('Usage: ip address {add|change|replace} IFADDR dev IFNAME [ LIFETIME ]\n                                                      [ CONFFLAG-LIST ]\n       ip address del IFADDR dev IFNAME [mngtmpaddr]\n', 255)
  throw new IpFailure(`Command "${verb}" is unknown, try "ip address help".\n`, 255)
}

interface AddressFilter extends LinkFilter {
  to?: { readonly address: number; readonly length: number }
  scope?: string
  label?: string
}

function readFilter(c: IpContext): AddressFilter {
  const filter: AddressFilter = {}
  while (c.more) {
    const word = c.take()
    if (filterWord(c, filter, word)) continue
    if (word === 'to') filter.to = prefixOf(c.value())
    else if (word === 'scope') filter.scope = c.value()
    else if (word === 'label') filter.label = c.value()
    else if (word === 'primary' || word === 'permanent' || word === 'dynamic') continue
    else if (filter.device !== undefined) throw duplicate('dev', word)
    else filter.device = word
  }
  return filter
}

const inside = (a: AddressInfo, to: { readonly address: number; readonly length: number }) => a.length >= to.length && ((parseIpv4(a.address)! & maskOf(to.length)) >>> 0) === ((to.address & maskOf(to.length)) >>> 0)

function chosen(link: LinkInfo, filter: AddressFilter): AddressInfo[] {
  return link.addresses.filter((a) => (!filter.to || inside(a, filter.to)) && (filter.scope === undefined || filter.scope === 'all' || a.scope === filter.scope) && (filter.label === undefined || a.label === filter.label))
}

function show(c: IpContext): void {
  const filter = readFilter(c)
  const narrow = filter.to !== undefined || filter.scope !== undefined || filter.label !== undefined
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
      if (family === 'link') c.print(briefText(link, `${link.mac} <${link.flags.join(',')}> `))
      else c.print(briefText(link, addresses.map((a) => `${a.address}${a.peer !== undefined ? ` peer ${a.peer}` : ''}/${a.length} `).join('')))
    } else if (c.options.oneline) {
      for (const a of addresses) c.print(`${link.index}: ${link.name}    ${addressText(a)}\\       valid_lft forever preferred_lft forever\n`)
      if (family === 'any' && addresses.length === 0) c.print('')
    } else {
      c.print(linkText(c, link, { mode: false, layer: family !== 'inet' && filter.to === undefined }) + (c.options.statistics > 0 ? statisticsText(link) : '') + '\n')
      for (const a of addresses) c.print(`    ${addressText(a)}\n       valid_lft forever preferred_lft forever\n`)
    }
  }
  if (c.options.json) c.json(rows)
}

function addressText(a: AddressInfo): string {
  return `inet ${a.address}${a.peer !== undefined ? ` peer ${a.peer}` : ''}/${a.length}${a.broadcast !== undefined ? ` brd ${a.broadcast}` : ''} scope ${a.scope} ${a.secondary ? 'secondary ' : ''}${a.label}`
}

function addressJson(a: AddressInfo): Record<string, unknown> {
  return {
    family: 'inet', local: a.address, prefixlen: a.length, ...(a.broadcast !== undefined && { broadcast: a.broadcast }), scope: a.scope, ...(a.secondary && { secondary: true }), label: a.label,
    valid_life_time: 4294967295, preferred_life_time: 4294967295,
  }
}

function change(c: IpContext, verb: 'add' | 'replace' | 'delete'): void {
  let device: string | undefined
  let local: { readonly text: string; readonly bare: boolean } | undefined
  let scope: string | undefined
  let label: string | undefined
  let broadcast: string | undefined
  while (c.more) {
    let word = c.take()
    if (word === 'dev') device = c.value()
    else if (word === 'scope') scope = c.value()
    else if (word === 'label') label = c.value()
    else if (word === 'broadcast' || (word !== 'b' && matches(word, 'brd'))) broadcast = c.value()
    else if (word === 'peer' || word === 'remote' || word === 'metric' || word === 'valid_lft' || word === 'preferred_lft') c.value()
    else if (['nodad', 'noprefixroute', 'home', 'mngtmpaddr', 'autojoin'].includes(word)) continue
    else {
      if (word === 'local') word = c.value()
      if (local) throw duplicate('local', word)
      const prefix = prefixOf(word)
      local = { text: prefix.bare ? `${prefix.text}/32` : prefix.text, bare: prefix.bare }
    }
  }
  if (device === undefined) throw new IpFailure('Not enough information: "dev" argument is required.\n', 1)
  const name = c.device(device)
  if (!local) throw new IpFailure('RTNETLINK answers: Operation not supported\n', 2)
  const cidr = local.text
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

