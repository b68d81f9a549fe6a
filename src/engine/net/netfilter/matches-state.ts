/** Matches that remember: connection state, limits, statistics, recent lists, sets, reverse path. Sockets, strings and times of day are left out. */
import { formatIpv4, maskOf, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { hasPorts } from '../conntrack/entry.ts'
import type { Packet } from '../packet.ts'
import { matchType, usage, type MatchType } from './extension.ts'
import { addressMaskText, parseAddressMask, parseNumber, parsePortRange, parseProtocol, type AddressMask, type PortRange } from './numbers.ts'

/** In the order that they are printed. */
const stateNames = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT']
const statusNames = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED']

function stateOf(p: Packet): string {
  switch (p.track) {
    case 'new':
      return 'NEW'
    case 'established':
      return 'ESTABLISHED'
    case 'related':
      return 'RELATED'
    case 'untracked':
      return 'UNTRACKED'
    default:
      return 'INVALID'
  }
}

function inStates(p: Packet, states: ReadonlySet<string>): boolean {
  if (states.has(stateOf(p))) return true
  return p.connection !== undefined && ((p.connection.sourceNat && states.has('SNAT')) || (p.connection.destinationNat && states.has('DNAT')))
}

interface Not<T> {
  readonly value: T
  readonly not: boolean
}

interface ConntrackData {
  state?: Not<readonly string[]>
  proto?: Not<number>
  origsrc?: Not<AddressMask>
  origdst?: Not<AddressMask>
  replsrc?: Not<AddressMask>
  repldst?: Not<AddressMask>
  origsrcport?: PortRange
  origdstport?: PortRange
  replsrcport?: PortRange
  repldstport?: PortRange
  status?: Not<readonly string[]>
  dir?: Not<'ORIGINAL' | 'REPLY'>
  expire?: { min: number; max: number; not: boolean }
}

const addressFields = ['origsrc', 'origdst', 'replsrc', 'repldst'] as const
const portFields = ['origsrcport', 'origdstport', 'replsrcport', 'repldstport'] as const

function words(text: string, names: readonly string[], option: string): string[] {
  const chosen = text.split(',').map((word) => {
    const found = names.find((n) => n.startsWith(word.toUpperCase()) && word.length >= 1 && n === word.toUpperCase())
    if (found === undefined) usage(`Bad ${option} "${word}"`)
    return found
  })
  return names.filter((n) => chosen.includes(n))
}

const conntrack: MatchType<ConntrackData> = {
  name: 'conntrack',
  tracks: true,
  options: [
    ...['ctstate', 'ctproto', 'ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst', 'ctstatus', 'ctexpire', 'ctorigsrcport', 'ctorigdstport', 'ctreplsrcport', 'ctrepldstport'].map((name) => ({ names: [name], args: 1 as const, not: true })),
    { names: ['ctdir'], args: 1 },
  ],
  create: () => ({}),
  parse(d, option, args, not) {
    const text = args[0]!
    const field = option.slice(2)
    if (option === 'ctstate') d.state = { value: words(text, stateNames, 'ctstate'), not }
    else if (option === 'ctstatus') d.status = { value: text.toUpperCase() === 'NONE' ? [] : words(text, statusNames, 'ctstatus'), not }
    else if (option === 'ctproto') d.proto = { value: parseProtocol(text), not }
    else if (option === 'ctdir') {
      const dir = text.toUpperCase()
      if (dir !== 'ORIGINAL' && dir !== 'REPLY') usage(`conntrack: Bad value for "--ctdir" option: "${text}"\n`)
      d.dir = { value: dir, not: false }
    } else if (option === 'ctexpire') {
      const [a, b] = text.split(':')
      const min = parseNumber(a!)
      const max = b === undefined ? min : parseNumber(b)
      if (min === undefined || max === undefined) usage(`conntrack: Bad value for "--ctexpire" option: "${text}"\n`)
      d.expire = { min, max, not }
    } else if (option.endsWith('port')) d[field as (typeof portFields)[number]] = parsePortRange(text, not, 'tcp')
    else d[field as (typeof addressFields)[number]] = { value: parseAddressMask(text), not }
  },
  finish(d) {
    if (Object.keys(d).length === 0) usage('conntrack: At least one option is required')
  },
  save(d) {
    const bang = (n: { not: boolean }) => (n.not ? ' !' : '')
    let out = ''
    if (d.state) out += `${bang(d.state)} --ctstate ${d.state.value.join(',')}`
    if (d.proto) out += `${bang(d.proto)} --ctproto ${d.proto.value}`
    for (const f of addressFields) {
      const a = d[f]
      if (a) out += `${bang(a)} --ct${f} ${a.value.mask === 0xffffffff ? formatIpv4(a.value.address) : addressMaskText(a.value)}`
    }
    for (const f of portFields) {
      const r = d[f]
      if (r) out += `${bang(r)} --ct${f} ${r.min === r.max ? r.min : `${r.min}:${r.max}`}`
    }
    if (d.status) out += `${bang(d.status)} --ctstatus ${d.status.value.length === 0 ? 'NONE' : d.status.value.join(',')}`
    if (d.expire) out += `${bang(d.expire)} --ctexpire ${d.expire.min === d.expire.max ? d.expire.min : `${d.expire.min}:${d.expire.max}`}`
    if (d.dir) out += ` --ctdir ${d.dir.value}`
    return out
  },
  details(d) {
    return this.save(d).replaceAll(' --', ' ').slice(1)
  },
  test(d) {
    const { state } = d
    const only = Object.keys(d).length === 1
    if (state && only) {
      const set = new Set(state.value)
      return (p) => inStates(p, set) !== state.not
    }
    const states = state && new Set(state.value)
    const address = (a: Not<AddressMask> | undefined, ip: Ipv4) => !a || ((ip & a.value.mask) >>> 0 === a.value.address) !== a.not
    const port = (r: PortRange | undefined, n: number) => !r || (n >= r.min && n <= r.max) !== r.not
    return (p, h) => {
      if (states && inStates(p, states) === state!.not) return false
      const c = p.connection
      if (!c) return d.state !== undefined && only
      if (d.dir && (d.dir.value === 'REPLY') !== p.isReply) return false
      if (d.proto && (c.protocol === d.proto.value) === d.proto.not) return false
      if (!address(d.origsrc, c.original.source) || !address(d.origdst, c.original.destination) || !address(d.replsrc, c.reply.source) || !address(d.repldst, c.reply.destination)) return false
      if (!port(d.origsrcport, c.original.sourcePort) || !port(d.origdstport, c.original.destinationPort) || !port(d.replsrcport, c.reply.sourcePort) || !port(d.repldstport, c.reply.destinationPort)) return false
      if (d.status) {
        const has = d.status.value.length === 0 ? !c.replied && !c.assured && !c.confirmed : d.status.value.some((s) => (s === 'SEEN_REPLY' && c.replied) || (s === 'ASSURED' && c.assured) || (s === 'CONFIRMED' && c.confirmed))
        if (has === d.status.not) return false
      }
      if (d.expire) {
        const left = Math.floor((c.expires - h.ns.sim.now) / 1000)
        if ((left >= d.expire.min && left <= d.expire.max) === d.expire.not) return false
      }
      return true
    }
  },
}

const state: MatchType<{ states?: readonly string[]; not: boolean }> = {
  name: 'state',
  tracks: true,
  options: [{ names: ['state'], args: 1, not: true }],
  create: () => ({ not: false }),
  parse(d, _o, args, not) {
    d.states = words(args[0]!, stateNames.slice(0, 5), 'state')
    d.not = not
  },
  finish(d) {
    if (!d.states) usage('state: option "--state" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --state ${d.states!.join(',')}`,
  details: (d) => `${d.not ? '! ' : ''}state ${d.states!.join(',')}`,
  test: (d) => {
    const set = new Set(d.states)
    return (p) => inStates(p, set) !== d.not
  },
}

const units: readonly { readonly name: string; readonly short: string; readonly seconds: number }[] = [
  { name: 'sec', short: 's', seconds: 1 },
  { name: 'min', short: 'm', seconds: 60 },
  { name: 'hour', short: 'h', seconds: 3600 },
  { name: 'day', short: 'd', seconds: 86400 },
]

interface Rate {
  readonly amount: number
  readonly unit: string
  readonly perMs: number
}

/** `5/min`, `10/second`, `3`. */
function parseRate(text: string): Rate | undefined {
  const m = /^(\d+)(?:\/([a-z]+))?$/i.exec(text)
  const amount = Number(m?.[1])
  if (!m || amount === 0) return undefined
  const word = (m[2] ?? 'second').toLowerCase()
  const full = ['second', 'minute', 'hour', 'day']
  const at = full.findIndex((f) => f.startsWith(word))
  if (at < 0 || amount / units[at]!.seconds > 10000) return undefined
  // the kernel keeps a period; it is printed in the largest unit in which it is whole
  let i = at
  let per = amount
  const period = Math.floor((units[at]!.seconds * 10000) / amount)
  for (let k = 3; k >= 0; k--) {
    const span = units[k]!.seconds * 10000
    if (k === 0 || (period > 0 && span % period === 0 && span / period < (units[k]!.seconds * 10000) / (units[k - 1]!.seconds * 10000))) {
      i = k
      per = Math.floor(span / period)
      if (span / period >= 1) break
    }
  }
  return { amount: per, unit: units[i]!.name, perMs: 1 / (period / 10) }
}

/** A token bucket in virtual time. */
class Bucket {
  #tokens: number
  #at: number
  readonly #burst: number
  readonly #perMs: number

  constructor(burst: number, perMs: number, now: number) {
    this.#tokens = burst
    this.#burst = burst
    this.#perMs = perMs
    this.#at = now
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

const limit: MatchType<{ rate: Rate; burst: number }> = {
  name: 'limit',
  options: [{ names: ['limit'], args: 1 }, { names: ['limit-burst'], args: 1 }],
  create: () => ({ rate: parseRate('3/hour')!, burst: 5 }),
  parse(d, option, args) {
    if (option === 'limit') {
      const rate = parseRate(args[0]!)
      if (!rate) usage(`bad rate "${args[0]!}"'`)
      d.rate = rate
    } else {
      const burst = parseNumber(args[0]!)
      if (burst === undefined || burst > 10000) usage('limit: bad value for option "--limit-burst", or out of range (0-10000).\n')
      d.burst = burst
    }
  },
  save: (d) => ` --limit ${d.rate.amount}/${d.rate.unit}${d.burst === 5 ? '' : ` --limit-burst ${d.burst}`}`,
  details: (d) => `limit: avg ${d.rate.amount}/${d.rate.unit} burst ${d.burst}`,
  test(d, ns) {
    const bucket = new Bucket(d.burst, d.rate.perMs, ns.sim.now)
    return () => bucket.take(ns.sim.now)
  },
}

const hashlimit: MatchType<{ rate?: Rate; above: boolean; burst: number; modes: string[]; name: string; srcmask: number; dstmask: number; expire: number | undefined }> = {
  name: 'hashlimit',
  options: ['hashlimit-upto', 'hashlimit-above', 'hashlimit', 'hashlimit-burst', 'hashlimit-mode', 'hashlimit-name', 'hashlimit-srcmask', 'hashlimit-dstmask', 'hashlimit-htable-size', 'hashlimit-htable-max', 'hashlimit-htable-expire', 'hashlimit-htable-gcinterval'].map((name) => ({ names: [name], args: 1 as const })),
  create: () => ({ above: false, burst: 5, modes: [], name: '', srcmask: 32, dstmask: 32, expire: undefined }),
  parse(d, option, args) {
    const text = args[0]!
    if (option === 'hashlimit-upto' || option === 'hashlimit-above' || option === 'hashlimit') {
      const rate = parseRate(text)
      if (!rate) usage(`hashlimit: Bad value for "--${option}" option: "${text}"\n`)
      d.rate = rate
      d.above = option === 'hashlimit-above'
    } else if (option === 'hashlimit-mode') d.modes = text.split(',')
    else if (option === 'hashlimit-name') d.name = text
    else {
      const n = parseNumber(text)
      if (n === undefined) usage(`hashlimit: Bad value for "--${option}" option: "${text}"\n`)
      if (option === 'hashlimit-burst') d.burst = n
      if (option === 'hashlimit-srcmask') d.srcmask = n
      if (option === 'hashlimit-dstmask') d.dstmask = n
      if (option === 'hashlimit-htable-expire') d.expire = n
    }
  },
  finish(d) {
    if (d.name === '') usage('hashlimit: option "--hashlimit-name" must be specified\n')
    if (!d.rate) usage('You have to specify --hashlimit')
  },
  save(d) {
    const modes = ['dstip', 'dstport', 'srcip', 'srcport'].filter((m) => d.modes.includes(m))
    return ` --hashlimit-${d.above ? 'above' : 'upto'} ${d.rate!.amount}/${d.rate!.unit} --hashlimit-burst ${d.burst}${d.modes.length > 0 ? ` --hashlimit-mode ${(['srcip', 'srcport', 'dstip', 'dstport'].filter((m) => modes.includes(m))).join(',')}` : ''} --hashlimit-name ${d.name}${d.expire === undefined ? '' : ` --hashlimit-htable-expire ${d.expire}`}${d.srcmask === 32 ? '' : ` --hashlimit-srcmask ${d.srcmask}`}${d.dstmask === 32 ? '' : ` --hashlimit-dstmask ${d.dstmask}`}`
  },
  details(d) {
    return `limit: ${d.above ? 'above' : 'up to'} ${d.rate!.amount}/${d.rate!.unit} burst ${d.burst}${d.modes.length > 0 ? ` mode ${d.modes.join('-')}` : ''}`
  },
  test(d, ns) {
    const buckets = new Map<string, Bucket>()
    return (p) => {
      const key = d.modes.map((m) => (m === 'srcip' ? (p.source & maskOf(d.srcmask)) >>> 0 : m === 'dstip' ? (p.destination & maskOf(d.dstmask)) >>> 0 : m === 'srcport' ? p.sourcePort : p.destinationPort)).join(' ')
      let bucket = buckets.get(key)
      if (!bucket) {
        bucket = new Bucket(d.burst, d.rate!.perMs, ns.sim.now)
        buckets.set(key, bucket)
      }
      return bucket.take(ns.sim.now) !== d.above
    }
  },
}

const connlimit: MatchType<{ limit: number; upto: boolean; mask: number; side: 'saddr' | 'daddr' }> = {
  name: 'connlimit',
  tracks: true,
  options: [{ names: ['connlimit-upto'], args: 1 }, { names: ['connlimit-above'], args: 1, not: true }, { names: ['connlimit-mask'], args: 1 }, { names: ['connlimit-saddr'], args: 0 }, { names: ['connlimit-daddr'], args: 0 }],
  create: () => ({ limit: -1, upto: false, mask: 32, side: 'saddr' }),
  parse(d, option, args, not) {
    if (option === 'connlimit-saddr') d.side = 'saddr'
    else if (option === 'connlimit-daddr') d.side = 'daddr'
    else {
      const n = parseNumber(args[0]!)
      if (n === undefined) usage(`connlimit: Bad value for "--${option}" option: "${args[0]!}"\n`)
      if (option === 'connlimit-mask') d.mask = n
      else {
        d.limit = n
        d.upto = (option === 'connlimit-upto') !== not
      }
    }
  },
  finish(d) {
    if (d.limit < 0) usage('You must specify "--connlimit-above" or "--connlimit-upto".')
  },
  save: (d) => ` --connlimit-${d.upto ? 'upto' : 'above'} ${d.limit} --connlimit-mask ${d.mask} --connlimit-${d.side}`,
  details: (d) => `#conn ${d.side === 'saddr' ? 'src' : 'dst'}/${d.mask} ${d.upto ? '<=' : '>'} ${d.limit}`,
  test(d, ns) {
    const mask = maskOf(d.mask)
    return (p) => {
      const wanted = ((d.side === 'saddr' ? p.source : p.destination) & mask) >>> 0
      let count = p.connection && !p.connection.confirmed ? 1 : 0
      for (const c of ns.conntrack.living()) if ((((d.side === 'saddr' ? c.original.source : c.original.destination) & mask) >>> 0) === wanted) count++
      return count > d.limit !== d.upto
    }
  },
}

const statistic: MatchType<{ mode: 'random' | 'nth' | undefined; probability: number; every: number; packet: number; not: boolean }> = {
  name: 'statistic',
  options: [{ names: ['mode'], args: 1 }, { names: ['probability'], args: 1, not: true }, { names: ['every'], args: 1, not: true }, { names: ['packet'], args: 1 }],
  create: () => ({ mode: undefined, probability: -1, every: 0, packet: -1, not: false }),
  parse(d, option, args, not) {
    const text = args[0]!
    if (option === 'mode') {
      if (text !== 'random' && text !== 'nth') usage(`Bad mode "${text}"`)
      d.mode = text
    } else if (option === 'probability') {
      const value = Number(text)
      if (!(value >= 0 && value <= 1)) usage('statistic: bad value for option "--probability", or out of range (0-1).\n')
      // kept in 31 bits
      d.probability = Math.round(value * 0x80000000)
      d.not = not
    } else {
      const n = parseNumber(text)
      if (n === undefined || (option === 'every' && n < 1)) usage(`statistic: bad value for option "--${option}", or out of range (${option === 'every' ? 1 : 0}-4294967295).\n`)
      if (option === 'every') {
        d.every = n
        d.not = not
      } else d.packet = n
    }
  },
  finish(d) {
    if (d.mode === undefined) usage('statistic: option "--mode" must be specified\n')
    if (d.mode === 'random' && d.probability < 0) usage('--probability must be specified when using random mode')
    if (d.mode === 'nth') {
      if (d.every === 0) usage('--every must be specified when using nth mode')
      if (d.packet < 0) usage('statistic: option "--every" also requires "--packet".\n')
      if (d.packet >= d.every) usage('the --packet p must be 0 <= p <= n-1')
    }
  },
  save: (d) => (d.mode === 'random' ? ` --mode random${d.not ? ' !' : ''} --probability ${(d.probability / 0x80000000).toFixed(11)}` : ` --mode nth${d.not ? ' !' : ''} --every ${d.every} --packet ${d.packet}`),
  details: (d) => (d.mode === 'random' ? `statistic mode random${d.not ? ' !' : ''} probability ${(d.probability / 0x80000000).toFixed(11)}` : `statistic mode nth${d.not ? ' !' : ''} every ${d.every}${d.packet > 0 ? ` packet ${d.packet}` : ''}`),
  test(d, ns) {
    if (d.mode === 'random') {
      const p = d.probability / 0x80000000
      return () => ns.random.next() < p !== d.not
    }
    const last = d.every - 1
    let count = last - d.packet
    return () => {
      count = count === last ? 0 : count + 1
      return (count === 0) !== d.not
    }
  },
}

interface RecentData {
  action: 'set' | 'rcheck' | 'update' | 'remove' | undefined
  not: boolean
  name: string
  seconds: number
  reap: boolean
  hitcount: number
  ttl: boolean
  destination: boolean
  mask: Ipv4
}

const recent: MatchType<RecentData> = {
  name: 'recent',
  options: [
    { names: ['set'], args: 0, not: true },
    { names: ['rcheck'], args: 0, not: true },
    { names: ['update'], args: 0, not: true },
    { names: ['remove'], args: 0, not: true },
    { names: ['seconds'], args: 1 },
    { names: ['reap'], args: 0 },
    { names: ['hitcount'], args: 1 },
    { names: ['rttl'], args: 0 },
    { names: ['name'], args: 1 },
    { names: ['rsource'], args: 0 },
    { names: ['rdest'], args: 0 },
    { names: ['mask'], args: 1 },
  ],
  create: () => ({ action: undefined, not: false, name: 'DEFAULT', seconds: 0, reap: false, hitcount: 0, ttl: false, destination: false, mask: 0xffffffff }),
  parse(d, option, args, not) {
    switch (option) {
      case 'set':
      case 'rcheck':
      case 'update':
      case 'remove':
        if (d.action !== undefined) usage(`recent: option "--${option}" cannot be used together with "--${d.action}".\n`)
        d.action = option
        d.not = not
        return
      case 'reap':
        d.reap = true
        return
      case 'rttl':
        d.ttl = true
        return
      case 'rsource':
        d.destination = false
        return
      case 'rdest':
        d.destination = true
        return
      case 'name':
        d.name = args[0]!
        return
      case 'mask':
        d.mask = parseIpv4(args[0]!) ?? usage(`recent: Bad value for "--mask" option: "${args[0]!}"\n`)
        return
      default: {
        const n = parseNumber(args[0]!)
        if (n === undefined) usage(`recent: Bad value for "--${option}" option: "${args[0]!}"\n`)
        if (option === 'seconds') d.seconds = n
        else d.hitcount = n
      }
    }
  },
  finish(d) {
    if (d.reap && d.seconds === 0) usage('recent: option "--reap" also requires "--seconds".\n')
    if (d.action === undefined) usage("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'")
  },
  save: (d) =>
    `${d.not ? ' !' : ''} --${d.action}${d.seconds ? ` --seconds ${d.seconds}` : ''}${d.reap ? ' --reap' : ''}${d.hitcount ? ` --hitcount ${d.hitcount}` : ''}${d.ttl ? ' --rttl' : ''} --name ${d.name} --mask ${formatIpv4(d.mask)} --${d.destination ? 'rdest' : 'rsource'}`,
  details: (d) =>
    `${d.not ? '! ' : ''}recent: ${{ set: 'SET', rcheck: 'CHECK', update: 'UPDATE', remove: 'REMOVE' }[d.action!]}${d.seconds ? ` seconds: ${d.seconds}` : ''}${d.reap ? ' reap' : ''}${d.hitcount ? ` hit_count: ${d.hitcount}` : ''}${d.ttl ? ' TTL-Match' : ''} name: ${d.name} side: ${d.destination ? 'dest' : 'source'} mask: ${formatIpv4(d.mask)}`,
  check: (d) => ((d.action === 'set' || d.action === 'remove') && (d.seconds > 0 || d.hitcount > 0) ? 'EINVAL' : undefined),
  test(d, ns) {
    return (p) => {
      const list = ns.netfilter.recentList(d.name)
      const address = ((d.destination ? p.destination : p.source) & d.mask) >>> 0
      const now = ns.sim.now
      const entry = list.get(address)
      const touch = (stamps: number[]) => {
        stamps.push(now)
        if (stamps.length > 20) stamps.shift()
      }
      if (!entry) {
        if (d.action !== 'set') return d.not
        list.set(address, { stamps: [now], ttl: p.ttl })
        return !d.not
      }
      if (d.ttl && entry.ttl !== p.ttl) return d.not
      let found = d.not
      if (d.action === 'set') found = !found
      else if (d.action === 'remove') {
        list.delete(address)
        return !found
      } else {
        const since = now - d.seconds * 1000
        let hits = 0
        for (const stamp of entry.stamps) {
          if (d.seconds > 0 && since > stamp) continue
          if (d.hitcount === 0 || ++hits >= d.hitcount) {
            found = !found
            break
          }
        }
        if (d.reap) for (const [key, e] of list) if (since > e.stamps.at(-1)!) list.delete(key)
      }
      if (d.action === 'set' || (d.action === 'update' && found)) touch(entry.stamps)
      return found
    }
  },
}

const set: MatchType<{ name: string; directions: readonly ('src' | 'dst')[]; not: boolean }> = {
  name: 'set',
  options: [{ names: ['match-set', 'set'], args: 2, not: true }, { names: ['return-nomatch'], args: 0 }, { names: ['update-counters'], args: 0, not: true }],
  create: () => ({ name: '', directions: [], not: false }),
  parse(d, option, args, not, context) {
    if (option !== 'match-set') return
    const [name, flags] = args
    if (context.ns.netfilter.ipsets.type(name!) === undefined) usage(`Set ${name} doesn't exist.\n`)
    d.name = name!
    d.directions = flags!.split(',').map((word) => {
      if (word !== 'src' && word !== 'dst') usage(`You must spefify (the comma separated list of) 'src' or 'dst'.`)
      return word
    })
    d.not = not
  },
  finish(d) {
    if (d.name === '') usage('You must specify `--match-set\' with proper arguments')
  },
  save: (d) => `${d.not ? ' !' : ''} --match-set ${d.name} ${d.directions.join(',')}`,
  details: (d) => `${d.not ? '! ' : ''}match-set ${d.name} ${d.directions.join(',')}`,
  test: (d, ns) => (p) => ns.netfilter.ipsets.matches(d.name, p, d.directions) !== d.not,
}

const rpfilter: MatchType<{ loose: boolean; validmark: boolean; acceptLocal: boolean; invert: boolean }> = {
  name: 'rpfilter',
  options: ['loose', 'validmark', 'accept-local', 'invert'].map((name) => ({ names: [name], args: 0 as const })),
  create: () => ({ loose: false, validmark: false, acceptLocal: false, invert: false }),
  parse(d, option) {
    if (option === 'accept-local') d.acceptLocal = true
    else d[option as 'loose'] = true
  },
  save: (d) => `${d.loose ? ' --loose' : ''}${d.validmark ? ' --validmark' : ''}${d.acceptLocal ? ' --accept-local' : ''}${d.invert ? ' --invert' : ''}`,
  details(d) {
    return `rpfilter${this.save(d).replaceAll(' --', ' ')}`
  },
  checksHook: true,
  check: (_d, where) => ((where.table === 'raw' || where.table === 'mangle') && (where.hook === undefined || where.hook === 0) ? undefined : 'EINVAL'),
  test: (d, ns) => (p, h) => {
    if (!h.input || h.input.loopback) return !d.invert
    const back = ns.fib.lookup({ destination: p.source, source: 0, input: ns.loopback, output: undefined, mark: d.validmark ? p.mark : 0, scope: 0 })
    const ok = !('errno' in back) && (back.route.type === 'unicast' || (d.acceptLocal && back.route.type === 'local')) && (d.loose || back.route.nexthops.some((n) => n.device === h.input))
    return ok !== d.invert
  },
}

const socket: MatchType<{ flags: string[] }> = {
  name: 'socket',
  options: ['transparent', 'nowildcard', 'restore-skmark'].map((name) => ({ names: [name], args: 0 as const })),
  create: () => ({ flags: [] }),
  parse: (d, option) => void d.flags.push(option),
  save: (d) => d.flags.map((f) => ` --${f}`).join(''),
  details: (d) => `socket${d.flags.map((f) => ` --${f}`).join('')}`,
  test: (_d, ns) => (p) => hasPorts(p.protocol) && (ns.sockets.tcp.find(p.destination, p.destinationPort, p.source, p.sourcePort) !== undefined || ns.sockets.tcp.listener(p.destination, p.destinationPort) !== undefined || ns.sockets.udp.find(p.destination, p.destinationPort, p.source, p.sourcePort) !== undefined),
}

const policy: MatchType<{ dir: string; pol: string }> = {
  name: 'policy',
  options: ['dir', 'pol'].map((name) => ({ names: [name], args: 1 as const })),
  create: () => ({ dir: '', pol: '' }),
  parse: (d, option, args) => void (d[option as 'dir'] = args[0]!),
  finish(d) {
    if (d.dir === '') usage('policy match: neither --dir in nor --dir out specified')
  },
  save: (d) => ` --dir ${d.dir} --pol ${d.pol}`,
  details: (d) => `policy match dir ${d.dir} pol ${d.pol}`,
  // no IPsec here: everything has policy none
  test: (d) => () => d.pol === 'none',
}

/** Accounting objects: always matches; the counters themselves are not kept. */
const nfacct: MatchType<{ name: string }> = {
  name: 'nfacct',
  options: [{ names: ['nfacct-name'], args: 1 }],
  create: () => ({ name: '' }),
  parse: (d, _o, args) => void (d.name = args[0]!),
  save: (d) => ` --nfacct-name  ${d.name}`,
  details: (d) => `nfacct-name  ${d.name}`,
  test: () => () => true,
}

export const stateMatches: readonly MatchType<unknown>[] = [
  matchType(conntrack), matchType(state), matchType(limit), matchType(hashlimit), matchType(connlimit), matchType(statistic), matchType(recent), matchType(set), matchType(rpfilter), matchType(socket), matchType(policy), matchType(nfacct),
]
