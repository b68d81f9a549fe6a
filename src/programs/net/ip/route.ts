/** `ip route`: show, get, add and its relatives, delete, flush. IPv4 only. Leaves out: encapsulation, metrics other than mtu, realms. */
import { maskOf, parseIpv4 } from '#base/ip.ts'
import { errnoTexts } from '#engine/net/error.ts'
import type { RouteInfo, RouteSpec } from '#engine/net/types.ts'
import { addressOf, duplicate, IpFailure, prefixOf, tableNumber, tableText, type IpContext } from './context.ts'
import { routeUsage } from './usage.ts'
import { nothing, numberOf, readWords, routeTypeOf, skip, verbOf, wordAct, wrong, type Act, type Words } from './words.ts'

const protocols: Readonly<Record<string, string>> = { 0: 'none', 1: 'redirect', 2: 'kernel', 3: 'boot', 4: 'static', 8: 'gated', 9: 'ra', 10: 'mrt', 11: 'zebra', 12: 'bird', 16: 'dhcp', 17: 'mrouted', 18: 'keepalived', 42: 'babel', 186: 'bgp', 187: 'isis', 188: 'ospf', 189: 'rip' }

const verbs = [['add', 'add'], ['change', 'change'], ['chg', 'change'], ['replace', 'replace'], ['prepend', 'prepend'], ['append', 'append'], ['delete', 'delete'], ['list', 'list'], ['show', 'list'], ['lst', 'list'], ['get', 'get'], ['flush', 'flush'], ['save', 'save'], ['help', 'help']] as const

export function ipRoute(c: IpContext): void {
  const verb = verbOf(c, verbs, 'route', 'list')
  if (verb === 'list' || verb === 'flush') return list(c, verb === 'flush')
  if (verb === 'get') return get(c)
  if (verb === 'help') throw new IpFailure(routeUsage, 255)
  if (verb === 'save') throw new IpFailure('Not sending a binary stream to stdout\n', 255)
  modify(c, verb)
}

function tableOf(text: string, complaint: string): number {
  const n = tableNumber(text)
  if (n === undefined) throw wrong(text, complaint)
  return n
}

const scopes: Readonly<Record<string, NonNullable<RouteSpec['scope']>>> = { global: 'global', universe: 'global', 0: 'global', link: 'link', 253: 'link', host: 'host', 254: 'host' }

function scopeOf(text: string, complaint: string): NonNullable<RouteSpec['scope']> {
  const scope = scopes[text]
  if (scope === undefined) throw wrong(text, complaint)
  return scope
}

function protocolOf(text: string, complaint: string): string {
  const protocol = protocols[text] ?? text
  if (!Object.values(protocols).includes(protocol) && !(/^\d+$/.test(text) && Number(text) < 256)) throw wrong(text, complaint)
  return protocol
}

/** How complaints call the family: by its name once `-4` or an earlier address has told it. */
const familyOf = (c: IpContext, known: boolean) => (known || c.options.family === 'inet' ? 'inet' : 'any valid')

/** An address of the one family; `inet` before it is said by the word, `inet6` is another matter. */
function gateway(c: IpContext, family: string): string {
  const text = c.value()
  if (text === 'inet6') {
    c.value()
    throw new IpFailure('Error: IPv6 is disabled on nexthop device.\n', 2)
  }
  return text === 'inet' ? addressOf(c.value()) : addressOf(text, family)
}

interface Hop {
  via?: string
  device?: string
  weight?: number
  onlink?: boolean
}

interface Change {
  verb: 'add' | 'change' | 'replace' | 'prepend' | 'append' | 'delete'
  spec: { -readonly [K in keyof RouteSpec]: RouteSpec[K] } & { nexthops?: Hop[] }
  /** The destination has been given, and with it the family. */
  to: boolean
  family: boolean
  /** Bits beyond the length are set: the kernel refuses it. */
  loose?: boolean
}

/** A metric of the route: a number, which `lock` may precede. */
const metric = (keep?: (r: Change, n: number) => void): Act<Change> => (r, c, word) => {
  if (c.word === 'lock') c.take()
  const n = numberOf(c.value(), `"${word}" value is invalid\n`)
  keep?.(r, n)
}
const device: Act<Change> = (r, c) => void (r.spec.device = c.value())
const preference: Act<Change> = (r, c) => void (r.spec.metric = numberOf(c.value(), '"metric" value is invalid\n'))

const changeWords: Words<Change> = {
  whole: {
    src: (r, c) => void (r.spec.source = addressOf(c.value())),
    as: (r, c) => destination(r, c, c.value()),
    via: (r, c) => void (r.spec.via = gateway(c, familyOf(c, r.family))),
    from: skip, tos: skip, dsfield: skip, pref: skip, encap: skip, nhid: skip, 'ttl-propagate': skip, expires: skip, realms: skip, realm: skip, rto_min: skip, cc: skip, congctl: skip, features: skip, quickack: skip, fastopen_no_cookie: skip,
    expire: skip,
    metric: preference, priority: preference, preference,
    scope: (r, c) => void (r.spec.scope = scopeOf(c.value(), 'invalid "scope" value\n')),
    mtu: metric((r, n) => void (r.spec.mtu = n)), hoplimit: metric(), advmss: metric(), reordering: metric(), rtt: skip, rttvar: skip, window: metric(), cwnd: metric(), initcwnd: metric(), initrwnd: metric(), ssthresh: metric(),
    onlink: (r) => void (r.spec.onlink = true), nexthop: hops, pervasive: nothing,
    protocol: protocolWord, proto: protocolWord,
    table: (r, c) => void (r.spec.table = tableOf(c.value(), '"table" value is invalid\n')),
    vrf: (_, c) => {
      throw wrong(c.value(), '"vrf" value is invalid\n')
    },
    dev: device, oif: device,
    to: (r, c) => target(r, c, c.value()),
    p: (r, c, word) => target(r, c, word),
  },
  short: [['protocol', protocolWord]],
}

function protocolWord(r: Change, c: IpContext): void {
  r.spec.protocol = protocolOf(c.value(), '"protocol" value is invalid\n')
}

/** A type and the destination, or the destination alone. */
function target(r: Change, c: IpContext, word: string): void {
  const type = routeTypeOf(word)
  if (type) {
    r.spec.type = type
    word = c.value()
  }
  if (word !== '' && 'help'.startsWith(word)) throw new IpFailure(routeUsage, 255)
  destination(r, c, word)
}

function destination(r: Change, c: IpContext, word: string): void {
  if (r.to) throw duplicate('to', word)
  r.to = true
  const prefix = prefixOf(word, familyOf(c, r.family))
  if (prefix.text !== 'default') r.family = true
  r.spec.to = prefix.bare && prefix.length < 32 ? `${prefix.text}/${prefix.length}` : prefix.text
  if (prefix.length < 32 && (prefix.address & ~maskOf(prefix.length)) !== 0) r.loose = true
}

function modify(c: IpContext, verb: Change['verb']): void {
  if (!c.more) throw new IpFailure(routeUsage, 255)
  const { spec, to, loose } = readWords<Change>(c, changeWords, { verb, spec: { to: '' }, to: false, family: false }, target)
  if (!to) throw new IpFailure(routeUsage, 255)
  if (spec.to.endsWith('/32')) spec.to = spec.to.slice(0, -3)
  if (spec.device !== undefined) c.device(spec.device)
  if (loose) throw new IpFailure('Error: Invalid prefix for given prefix length.\n', 2)
  if (spec.type === 'unicast') delete spec.type
  if (spec.onlink && spec.via === undefined && !spec.nexthops && verb !== 'delete') throw new IpFailure('Error: Invalid flags for nexthop - PERVASIVE and ONLINK can not be set.\n', 2)
  c.netlink(() => {
    if (verb === 'add') c.net.addRoute(spec)
    else if (verb === 'replace') c.net.replaceRoute(spec)
    else if (verb === 'delete') c.net.deleteRoute(spec)
    else c.net.changeRoute(verb, spec)
  })
}

const hopWords: Words<Hop> = {
  whole: {
    via: (h, c) => void (h.via = gateway(c, familyOf(c, true))),
    dev: (h, c) => void (h.device = c.device(c.value())),
    weight: (h, c) => void (h.weight = numberOf(c.value(), '"weight" is invalid\n', 1, 256)),
    onlink: (h) => void (h.onlink = true),
    realms: skip, encap: skip, as: skip,
  },
}

/** `nexthop …` to the end of the line. */
function hops(r: Change, c: IpContext): void {
  if (!r.to) throw new IpFailure(routeUsage, 255)
  const list: Hop[] = [{}]
  while (c.more) {
    const word = c.take()
    if (word === 'nexthop') list.push({})
    else {
      const act = wordAct(hopWords, word)
      if (!act) throw new IpFailure(Object.keys(list.at(-1)!).length === 0 ? `Error: "nexthop" or end of line is expected instead of "${word}"\n` : duplicate('nexthop', word).text, 255)
      act(list.at(-1)!, c, word)
    }
  }
  if (Object.keys(list.at(-1)!).length === 0) throw new IpFailure('Error: unexpected end of line after "nexthop"\n', 255)
  r.spec.nexthops = list
}

interface Filter {
  table?: number | 'all' | 'cache'
  device?: string
  via?: string
  protocol?: string
  scope?: string
  source?: string
  type?: string
  metric?: number
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

const deviceFilter: Act<Filter> = (f, c) => void (f.device = c.device(c.value()))
const protocolFilter: Act<Filter> = (f, c) => {
  const name = c.value()
  if (name !== 'all') f.protocol = protocolOf(name, 'invalid "protocol"\n')
}
const cached: Act<Filter> = (f) => void (f.table = 'cache')

const filterWords: Words<Filter> = {
  whole: {
    table: (f, c) => {
      const name = c.value()
      f.table = name === 'all' || name === '0' ? 'all' : name === 'cache' ? 'cache' : tableOf(name, 'table id value is invalid\n')
    },
    cached, cloned: cached, cache: cached,
    vrf: skip, tos: skip, dsfield: skip, realms: skip, nhid: skip,
    metric: (f, c) => void (f.metric = numberOf(c.value(), '"metric" value is invalid\n')), priority: (f, c) => void (f.metric = numberOf(c.value(), '"metric" value is invalid\n')),
    protocol: protocolFilter, p: prefixFilter,
    scope: (f, c) => {
      const name = c.value()
      if (name !== 'all') f.scope = scopeOf(name, 'invalid "scope"\n')
    },
    type: (f, c) => {
      const name = c.value()
      const type = routeTypeOf(name)
      if (!type) throw wrong(name, 'node type value is invalid\n')
      f.type = type
    },
    dev: deviceFilter, oif: deviceFilter, iif: deviceFilter,
    mark: skip,
    via: (f, c) => void (f.via = addressOf(c.value(), familyOf(c, false))),
    src: (f, c) => void (f.source = prefixOf(c.value()).text),
    root: (f, c) => void (f.root = prefixOf(c.value())),
    match: (f, c) => selector(f, c, 'match', c.value()),
    exact: (f, c) => selector(f, c, 'exact', c.value()),
    to: (f, c) => {
      const word = c.value()
      ;(['root', 'match', 'exact'].includes(word) ? filterWords.whole[word]! : prefixFilter)(f, c, word)
    },
  },
  short: [['protocol', protocolFilter], ['from', skip], ['help', () => {
    throw new IpFailure(routeUsage, 255)
  }]],
}

function prefixFilter(f: Filter, c: IpContext, word: string): void {
  selector(f, c, 'exact', word)
}

/** `any` and `all` choose nothing as long as no family is asked for. */
function selector(f: Filter, c: IpContext, key: 'exact' | 'match', word: string): void {
  if ((word === 'any' || word === 'all') && c.options.family !== 'inet') return
  f[key] = prefixOf(word)
}

function list(c: IpContext, flush: boolean): void {
  if (flush && !c.more) throw new IpFailure('"ip route flush" requires arguments.\n', 1)
  const f = readWords<Filter>(c, filterWords, {}, prefixFilter)
  if (c.options.family === 'inet6') return
  if (f.table === 'cache') {
    if (flush) c.netlink(() => c.net.flushRouteCache())
    else for (const r of c.net.routeCache()) c.print(`${r.to} ${r.via !== undefined ? `via ${r.via} ` : ''}dev ${r.device} \n    cache ${r.redirected ? '<redirected> ' : ''}expires ${r.expires}sec ${r.mtu !== undefined ? `mtu ${r.mtu} ` : ''}\n`)
    return
  }
  const wanted = f.table ?? 'main'
  const tableId = wanted === 'main' ? 254 : wanted
  const all = c.net.routes(tableId)
  if (typeof tableId === 'number' && tableId !== 254 && tableId !== 255 && all.length === 0 && ![...c.net.routes('all')].some((r) => r.table === tableId)) {
    if (!c.net.rules().some((r) => r.table === tableId) || tableId !== 253) throw new IpFailure(`Error: ipv4: FIB table does not exist.\n${flush ? 'Flush' : 'Dump'} terminated\n`, 2)
  }
  const rows = all.filter((r) => {
    const p = prefixOfRoute(r)
    return (f.device === undefined || r.device === f.device || r.nexthops?.some((n) => n.device === f.device)) && (f.via === undefined || r.via === f.via) && (f.protocol === undefined || (r.protocol ?? 'boot') === f.protocol) && (f.metric === undefined || (r.metric ?? 0) === f.metric)
      && (f.scope === undefined || (r.scope ?? 'global') === f.scope) && (f.source === undefined || r.source === f.source) && (f.type === undefined || (r.type ?? 'unicast') === f.type)
      && (!f.exact || (p.length === f.exact.length && within(p, f.exact))) && (!f.root || within(p, f.root)) && (!f.match || within(f.match, p))
  })
  if (flush) {
    for (const r of rows) c.netlink(() => c.net.deleteRoute(r))
    c.flushed(rows.length, rows.map((r) => routeText(c, r, {}, tableId === 'all')))
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
  let text = `${type}${r.to === 'default' ? 'default ' : c.paint('inet', `${r.to} `)}`
  if (r.via !== undefined && f.via === undefined) text += `via ${c.paint('inet', `${r.via} `)}`
  if (r.device !== undefined && f.device === undefined) text += `dev ${c.paint('device', `${r.device} `)}`
  if ((tables && r.table !== 254) || (c.options.details && r.table !== 254)) text += `table ${tableText(r.table)} `
  if ((protocol !== 'boot' || c.options.details) && f.protocol === undefined) text += `proto ${protocol} `
  if ((scope !== 'global' || c.options.details) && f.scope === undefined) text += `scope ${c.options.numeric ? { link: 253, host: 254, global: 0 }[scope] : scope} `
  if (r.source !== undefined && f.source === undefined) text += `src ${c.paint('inet', `${r.source} `)}`
  if (r.metric && f.metric === undefined) text += `metric ${r.metric} `
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

interface Question {
  to?: string
  length?: number
  from?: string
  iif?: string
  oif?: string
  mark?: number
  uid?: number
  fibmatch?: boolean
}

const outputWord: Act<Question> = (q, c) => void (q.oif = c.value())
const toWord: Act<Question> = (q, c, word) => {
  const p = prefixOf(word, familyOf(c, q.to !== undefined || q.from !== undefined))
  q.to = p.text === 'default' ? '0.0.0.0' : p.text.split('/')[0]!
  q.length = p.bare || p.text === 'default' ? 32 : p.length
}

const getWords: Words<Question> = {
  whole: {
    from: (q, c) => void (q.from = prefixOf(c.value()).text),
    iif: (q, c) => void (q.iif = c.value()),
    mark: (q, c) => void (q.mark = numberOf(c.value(), 'invalid mark value')),
    oif: outputWord, dev: outputWord,
    uid: (q, c) => void (q.uid = numberOf(c.value(), 'invalid UID')),
    tos: skip, dsfield: skip, vrf: skip, ipproto: skip, sport: skip, dport: skip, as: skip,
    notify: nothing, connected: nothing,
    fibmatch: (q) => void (q.fibmatch = true),
    to: (q, c) => toWord(q, c, c.value()),
  },
}

function get(c: IpContext): void {
  if (!c.more) throw new IpFailure('need at least a destination address\n', 1)
  const q = readWords<Question>(c, getWords, {}, toWord)
  const { from, iif, oif, mark } = q
  const { to } = q
  if (to === undefined) throw new IpFailure('need at least a destination address\n', 1)
  for (const d of [iif, oif]) if (d !== undefined) c.device(d)
  const answer = c.net.routeGet(to, { ...(from !== undefined && { source: from }), ...(mark !== undefined && { mark }), ...(iif !== undefined && { inputDevice: iif }), ...(oif !== undefined && { outputDevice: oif }) })
  if ('error' in answer) throw new IpFailure(`RTNETLINK answers: ${errnoTexts[answer.error] ?? answer.error}\n`, 2)
  if (q.length !== undefined && q.length !== 32) c.err += `Warning: /${q.length} as prefix is invalid, only /32 (or none) is supported.\n`
  const { route, source } = answer
  if (q.fibmatch) {
    const found = c.net.routes('all').filter((r) => within({ address: parseIpv4(to) ?? 0, length: 32 }, prefixOfRoute(r)) && (r.device === undefined || r.device === route.device)).sort((a, b) => prefixOfRoute(b).length - prefixOfRoute(a).length || (a.metric ?? 0) - (b.metric ?? 0))[0]
    if (found) return c.print(routeText(c, found, {}, true))
  }
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
  let text = `${type ? `${type} ` : c.options.details ? 'unicast ' : ''}${c.paint('inet', `${to} `)}${from !== undefined ? `from ${from} ` : ''}`
  const via = route.via ?? hop?.via
  if (via !== undefined) text += `via ${c.paint('inet', `${via} `)}`
  text += `dev ${c.paint('device', `${hop?.device ?? device} `)}`
  if (c.options.details ? route.table !== undefined : route.table !== undefined && route.table !== 254 && route.table !== 255) text += `table ${tableText(route.table ?? 254)} `
  if (from === undefined) text += `src ${c.paint('inet', `${source} `)}`
  if (mark) text += `mark ${mark >= 16 ? `0x${mark.toString(16)}` : mark} `
  if (iif === undefined) text += `uid ${q.uid ?? 0} `
  text += `${c.options.oneline ? '\\' : '\n'}    cache ${flags.length > 0 ? `<${flags.join(',')}> ` : ''}`
  if (cache) text += `expires ${cache.expires}sec ${cache.mtu !== undefined ? `mtu ${cache.mtu} ` : ''}`
  if (iif !== undefined) text += `iif ${iif} `
  c.print(text + '\n')
}
