/** `ip route`: show, get, add and its relatives, delete, flush. IPv4 only. Leaves out: encapsulation, metrics other than mtu, realms. */
import { maskOf, parseIpv4 } from '#base/ip.ts'
import { errnoTexts } from '#engine/net/error.ts'
import type { RouteInfo, RouteSpec } from '#engine/net/types.ts'
import { addressOf, duplicate, invalid, IpFailure, matches, prefixOf, tableNumber, tableText, type IpContext } from './context.ts'

const usage = `Usage: ip route { list | flush } SELECTOR
       ip route save SELECTOR
       ip route restore
       ip route showdump
       ip route get [ ROUTE_GET_FLAGS ] ADDRESS
                            [ from ADDRESS iif STRING ]
                            [ oif STRING ] [ tos TOS ]
                            [ mark NUMBER ] [ vrf NAME ]
                            [ uid NUMBER ] [ ipproto PROTOCOL ]
                            [ sport NUMBER ] [ dport NUMBER ]
       ip route { add | del | change | append | replace } ROUTE
`

const types = ['unicast', 'local', 'broadcast', 'multicast', 'blackhole', 'unreachable', 'prohibit', 'throw'] as const
const protocols: Readonly<Record<string, string>> = { 0: 'none', 1: 'redirect', 2: 'kernel', 3: 'boot', 4: 'static', 8: 'gated', 9: 'ra', 10: 'mrt', 11: 'zebra', 12: 'bird', 16: 'dhcp', 17: 'mrouted', 18: 'keepalived', 42: 'babel', 186: 'bgp', 187: 'isis', 188: 'ospf', 189: 'rip' }

export function ipRoute(c: IpContext): void {
  const verb = c.more ? c.take() : 'show'
  if (matches(verb, 'add')) return modify(c, 'add')
  if (matches(verb, 'change') || verb === 'chg') return modify(c, 'change')
  if (matches(verb, 'replace')) return modify(c, 'replace')
  if (matches(verb, 'prepend')) return modify(c, 'prepend')
  if (matches(verb, 'append')) return modify(c, 'append')
  if (matches(verb, 'delete')) return modify(c, 'delete')
  if (matches(verb, 'list') || matches(verb, 'show') || matches(verb, 'lst')) return list(c, false)
  if (matches(verb, 'get')) return get(c)
  if (matches(verb, 'flush')) return list(c, true)
  if (matches(verb, 'help')) throw new IpFailure(usage, 255)
  throw new IpFailure(`Command "${verb}" is unknown, try "ip route help".\n`, 255)
}

function table(text: string): number {
  const n = tableNumber(text)
  if (n === undefined) throw invalid('table id value is invalid', text)
  return n
}

function scopeOf(text: string): NonNullable<RouteSpec['scope']> {
  if (text === 'global' || text === 'universe' || text === '0') return 'global'
  if (text === 'link' || text === '253') return 'link'
  if (text === 'host' || text === '254') return 'host'
  throw invalid('invalid "scope" value', text)
}

function modify(c: IpContext, verb: 'add' | 'change' | 'replace' | 'prepend' | 'append' | 'delete'): void {
  if (!c.more) throw new IpFailure(usage, 255)
  const spec: { -readonly [K in keyof RouteSpec]: RouteSpec[K] } & { nexthops?: { via?: string; device?: string; weight?: number; onlink?: boolean }[] } = { to: '' }
  let network = 0
  while (c.more) {
    let word = c.take()
    if (word === 'via') {
      if (c.word === 'inet') c.take()
      spec.via = addressOf(c.value())
    } else if (word === 'dev' || word === 'oif') spec.device = c.value()
    else if (word === 'src') spec.source = addressOf(c.value())
    else if (word === 'metric' || word === 'priority' || word === 'preference') spec.metric = Number(c.value())
    else if (word === 'scope') spec.scope = scopeOf(c.value())
    else if (word === 'protocol' || (word.length > 1 && matches(word, 'protocol'))) {
      const name = c.value()
      spec.protocol = protocols[name] ?? name
      if (!Object.values(protocols).includes(spec.protocol) && !/^\d+$/.test(name)) throw invalid('"protocol" value is invalid\n', name)
    } else if (word === 'table') spec.table = table(c.value())
    else if (word === 'onlink') spec.onlink = true
    else if (word === 'mtu') {
      if (c.word === 'lock') c.take()
      spec.mtu = Number(c.value())
    } else if (word === 'type') spec.type = c.value() as NonNullable<RouteSpec['type']>
    else if (['tos', 'dsfield', 'advmss', 'window', 'rtt', 'hoplimit', 'initcwnd', 'initrwnd', 'realms', 'nhid', 'pref'].includes(word)) c.value()
    else if (word === 'nexthop') {
      c.at--
      spec.nexthops = nexthops(c)
    } else {
      if (word === 'to') word = c.value()
      const type = types.find((t) => t === word)
      if (type && spec.type === undefined && spec.to === '') {
        spec.type = type
        continue
      }
      if (spec.to !== '') throw duplicate('to', word)
      const prefix = prefixOf(word)
      spec.to = prefix.text
      network = prefix.address
      if (prefix.length < 32 && (network & ~maskOf(prefix.length)) !== 0) {
        if (verb === 'delete') throw new IpFailure('RTNETLINK answers: Invalid argument\n', 2)
        throw new IpFailure('Error: Invalid prefix for given prefix length.\n', 2)
      }
    }
  }
  if (spec.to === '') spec.to = 'default'
  if (spec.to.endsWith('/32')) spec.to = spec.to.slice(0, -3)
  if (spec.device !== undefined) c.device(spec.device)
  if (spec.type === 'unicast') delete spec.type
  c.netlink(() => {
    if (verb === 'add') c.net.addRoute(spec)
    else if (verb === 'replace') c.net.replaceRoute(spec)
    else if (verb === 'delete') c.net.deleteRoute(spec)
    else c.net.changeRoute(verb, spec)
  })
}

function nexthops(c: IpContext): { via?: string; device?: string; weight?: number; onlink?: boolean }[] {
  const hops: { via?: string; device?: string; weight?: number; onlink?: boolean }[] = []
  while (c.more) {
    const word = c.take()
    const hop = hops.at(-1)
    if (word === 'nexthop') hops.push({})
    else if (word === 'via') {
      if (c.word === 'inet') c.take()
      hop!.via = addressOf(c.value())
    } else if (word === 'dev') hop!.device = c.device(c.value())
    else if (word === 'weight') hop!.weight = Number(c.value())
    else if (word === 'onlink') hop!.onlink = true
    else throw duplicate('nexthop', word)
  }
  return hops
}

interface Filter {
  table?: number | 'all' | 'cache'
  device?: string
  via?: string
  protocol?: string
  scope?: string
  source?: string
  type?: string
  exact?: Prefix
  root?: Prefix
  match?: Prefix
}
interface Prefix {
  readonly address: number
  readonly length: number
}

function prefixOfRoute(r: RouteInfo): Prefix {
  if (r.to === 'default') return { address: 0, length: 0 }
  const [address, length] = r.to.split('/')
  return { address: parseIpv4(address!) ?? 0, length: length === undefined ? 32 : Number(length) }
}

const within = (inner: Prefix, outer: Prefix) => inner.length >= outer.length && ((inner.address & maskOf(outer.length)) >>> 0) === ((outer.address & maskOf(outer.length)) >>> 0)

function list(c: IpContext, flush: boolean): void {
  const f: Filter = {}
  if (flush && !c.more) throw new IpFailure('"ip route flush" requires arguments.\n', 255)
  while (c.more) {
    let word = c.take()
    if (word === 'table') {
      const name = c.value()
      f.table = name === 'all' || name === '0' ? 'all' : name === 'cache' ? 'cache' : table(name)
    } else if (word === 'cached' || word === 'cloned' || word === 'cache') f.table = 'cache'
    else if (word === 'dev' || word === 'oif' || word === 'iif') f.device = c.device(c.value())
    else if (word === 'via') f.via = addressOf(c.value())
    else if (word === 'protocol' || (word.length > 1 && matches(word, 'protocol'))) {
      const name = c.value()
      f.protocol = protocols[name] ?? name
    } else if (word === 'scope') {
      const name = c.value()
      if (name !== 'all') f.scope = scopeOf(name)
    } else if (word === 'src') f.source = prefixOf(c.value()).text
    else if (word === 'type') f.type = c.value()
    else if (matches(word, 'from')) c.value()
    else {
      if (word === 'to') word = c.value()
      const type = types.find((t) => t === word)
      if (type) {
        f.type = type
        continue
      }
      if (word === 'root') f.root = prefixOf(c.value())
      else if (word === 'match') f.match = prefixOf(c.value())
      else f.exact = prefixOf(word === 'exact' ? c.value() : word)
    }
  }
  if (c.options.family === 'inet6') return
  if (f.table === 'cache') {
    if (flush) c.netlink(() => c.net.flushRouteCache())
    else for (const r of c.net.routeCache()) c.print(`${r.to} ${r.via !== undefined ? `via ${r.via} ` : ''}dev ${r.device} \n    cache ${r.redirected ? '<redirected> ' : ''}expires ${r.expires}sec ${r.mtu !== undefined ? `mtu ${r.mtu} ` : ''}\n`)
    return
  }
  const wanted = f.table ?? 'main'
  const tableId = wanted === 'main' ? 254 : wanted
  const all = c.net.routes(tableId)
  if (typeof tableId === 'number' && tableId !== 254 && tableId !== 255 && all.length === 0 && !flush && ![...c.net.routes('all')].some((r) => r.table === tableId)) {
    if (!c.net.rules().some((r) => r.table === tableId) || tableId !== 253) throw new IpFailure('Error: ipv4: FIB table does not exist.\nDump terminated\n', 2)
  }
  const rows = all.filter((r) => {
    const p = prefixOfRoute(r)
    return (f.device === undefined || r.device === f.device || r.nexthops?.some((n) => n.device === f.device)) && (f.via === undefined || r.via === f.via) && (f.protocol === undefined || (r.protocol ?? 'boot') === f.protocol)
      && (f.scope === undefined || (r.scope ?? 'global') === f.scope) && (f.source === undefined || r.source === f.source) && (f.type === undefined || (r.type ?? 'unicast') === f.type)
      && (!f.exact || (p.length === f.exact.length && within(p, f.exact))) && (!f.root || within(p, f.root)) && (!f.match || within(f.match, p))
  })
  if (flush) {
    for (const r of rows) c.netlink(() => c.net.deleteRoute(r))
    return
  }
  if (c.options.json) c.json(rows.map((r) => routeJson(r, f)))
  else for (const r of rows) c.print(routeText(c, r, f, tableId === 'all'))
}

function routeText(c: IpContext, r: RouteInfo, f: Filter, tables: boolean): string {
  const type = r.type !== undefined && r.type !== 'unicast' ? `${r.type} ` : c.options.details ? 'unicast ' : ''
  const flags = r.flags.map((x) => `${x} `).join('')
  const protocol = r.protocol ?? 'boot'
  const scope = r.scope ?? 'global'
  let text = `${type}${r.to} `
  if (r.via !== undefined && f.via === undefined) text += `via ${r.via} `
  if (r.device !== undefined && f.device === undefined) text += `dev ${r.device} `
  if ((tables && r.table !== 254) || (c.options.details && r.table !== 254)) text += `table ${tableText(r.table)} `
  if ((protocol !== 'boot' || c.options.details) && f.protocol === undefined) text += `proto ${protocol} `
  if ((scope !== 'global' || c.options.details) && f.scope === undefined) text += `scope ${scope} `
  if (r.source !== undefined && f.source === undefined) text += `src ${r.source} `
  if (r.metric) text += `metric ${r.metric} `
  text += flags
  if (r.mtu !== undefined) text += `mtu ${r.mtu} `
  for (const n of r.nexthops ?? []) text += `${c.options.oneline ? '\\' : '\n'}\tnexthop ${n.via !== undefined ? `via ${n.via} ` : ''}dev ${n.device ?? '?'} weight ${n.weight ?? 1} ${n.onlink ? 'onlink ' : ''}`
  return text + '\n'
}

function routeJson(r: RouteInfo, f: Filter): Record<string, unknown> {
  const scope = r.scope ?? 'global'
  return {
    ...(r.type !== undefined && r.type !== 'unicast' && { type: r.type }), dst: r.to, ...(r.via !== undefined && { gateway: r.via }), ...(r.device !== undefined && f.device === undefined && { dev: r.device }),
    ...(f.table === 'all' && r.table !== 254 && { table: tableText(r.table) }), ...(r.protocol !== undefined && r.protocol !== 'boot' && { protocol: r.protocol }), ...(scope !== 'global' && { scope }),
    ...(r.source !== undefined && { prefsrc: r.source }), ...(r.metric && { metric: r.metric }), flags: r.flags, ...(r.mtu !== undefined && { metrics: [{ mtu: r.mtu }] }),
    ...(r.nexthops && { nexthops: r.nexthops.map((n) => ({ ...(n.via !== undefined && { gateway: n.via }), dev: n.device, weight: n.weight ?? 1, flags: n.onlink ? ['onlink'] : [] })) }),
  }
}

function get(c: IpContext): void {
  if (!c.more) throw new IpFailure('need at least a destination address\n', 1)
  let to: string | undefined
  let from: string | undefined
  let iif: string | undefined
  let oif: string | undefined
  let mark: number | undefined
  while (c.more) {
    let word = c.take()
    if (word === 'from') from = prefixOf(c.value()).text
    else if (word === 'iif') iif = c.value()
    else if (word === 'oif' || word === 'dev') oif = c.value()
    else if (word === 'mark') mark = Number(c.value())
    else if (['tos', 'uid', 'ipproto', 'sport', 'dport', 'vrf'].includes(word)) c.value()
    else if (['connected', 'notify', 'fibmatch'].includes(word)) continue
    else {
      if (word === 'to') word = c.value()
      to = prefixOf(word).text
    }
  }
  if (to === undefined) throw new IpFailure('need at least a destination address\n', 1)
  to = to.replace(/\/32$/, '')
  for (const d of [iif, oif]) if (d !== undefined) c.device(d)
  const answer = c.net.routeGet(to, { ...(from !== undefined && { source: from }), ...(mark !== undefined && { mark }), ...(iif !== undefined && { inputDevice: iif }), ...(oif !== undefined && { outputDevice: oif }) })
  if ('error' in answer) throw new IpFailure(`RTNETLINK answers: ${errnoTexts[answer.error] ?? answer.error}\n`, 2)
  const { route, source } = answer
  const type = route.type !== undefined && route.type !== 'unicast' ? route.type : undefined
  const local = type === 'local'
  const device = local ? 'lo' : (route.device ?? 'lo')
  const hop = route.nexthops?.[0]
  const flags = local ? ['local'] : type === 'broadcast' ? ['local', 'brd'] : type === 'multicast' ? ['mc'] : device === 'lo' ? ['local'] : []
  const { cache } = answer
  if (cache?.redirected) flags.push('redirected')
  if (c.options.json) {
    c.json([{ ...(type && { type }), dst: to, ...(from !== undefined && { from }), ...(route.via !== undefined && { gateway: route.via }), dev: device, ...(from === undefined && { prefsrc: source }), flags: [], ...(iif === undefined && { uid: 0 }), cache: flags }])
    return
  }
  let text = `${type ? `${type} ` : ''}${to} ${from !== undefined ? `from ${from} ` : ''}`
  const via = route.via ?? hop?.via
  if (via !== undefined) text += `via ${via} `
  text += `dev ${hop?.device ?? device} `
  if (route.table !== undefined && route.table !== 254 && route.table !== 255) text += `table ${tableText(route.table)} `
  if (from === undefined) text += `src ${source} `
  if (mark) text += `mark 0x${mark.toString(16)} `
  if (iif === undefined) text += 'uid 0 '
  text += `${c.options.oneline ? '\\' : '\n'}    cache ${flags.length > 0 ? `<${flags.join(',')}> ` : ''}`
  if (cache) text += `expires ${cache.expires}sec ${cache.mtu !== undefined ? `mtu ${cache.mtu} ` : ''}`
  if (iif !== undefined) text += `iif ${iif} `
  c.print(text + '\n')
}
