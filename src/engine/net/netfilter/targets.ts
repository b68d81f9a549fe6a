/** Targets of iptables: verdicts with side effects. QUEUE, TPROXY, TEE and security labels are left out. */
import { formatIpv4, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { selectAddress } from '../addresses.ts'
import { bind, isBound, type NatRange } from '../conntrack/nat.ts'
import { icmpSend } from '../icmp.ts'
import { localOut } from '../ip.ts'
import { transmit } from '../link.ts'
import { copyPacket, RST, SYN, TCP } from '../packet.ts'
import { routeOutput } from '../route.ts'
import { refuse } from '../trace.ts'
import { resetFor } from '../reset.ts'
import { unreachableErrors } from '../icmp.ts'
import { ACCEPT, CONTINUE, DROP, targetType, usage, type HookContext, type ParseContext, type TargetType } from './extension.ts'
import { hex, maskLength, parseAddressMask, parseMark, parseNumber, quoteWord, type AddressMask } from './numbers.ts'
import { parseDscp } from './matches-packet.ts'
import { stageName } from './stages.ts'
import { hasPorts } from '../conntrack/entry.ts'
import { servicePort } from '../services.ts'
import { ICMP, type Packet } from '../packet.ts'

// ── REJECT ──

const rejectTypes: readonly { readonly name: string; readonly alias: string; readonly code: number }[] = [
  { name: 'icmp-net-unreachable', alias: 'net-unreach', code: 0 },
  { name: 'icmp-host-unreachable', alias: 'host-unreach', code: 1 },
  { name: 'icmp-port-unreachable', alias: 'port-unreach', code: 3 },
  { name: 'icmp-proto-unreachable', alias: 'proto-unreach', code: 2 },
  { name: 'icmp-net-prohibited', alias: 'net-prohib', code: 9 },
  { name: 'icmp-host-prohibited', alias: 'host-prohib', code: 10 },
  { name: 'tcp-reset', alias: 'tcp-rst', code: -1 },
  { name: 'icmp-admin-prohibited', alias: 'admin-prohib', code: 13 },
]

/** nf_send_reset: as if the other end had refused; belongs to the same connection. */
function sendReset(p: Packet, h: HookContext): void {
  const ns = h.ns
  if ((p.flags & RST) !== 0 || p.broadcast) return
  const reset = resetFor(p)
  const own = ns.fib.addressType(reset.source) === 'local'
  reset.connection = p.connection
  reset.isReply = !p.isReply
  reset.track = p.connection ? 'related' : p.track === 'untracked' ? 'invalid' : p.track
  ns.network.startWalk(reset)
  const port = p.physIn
  if (port && p.linkSource !== undefined && p.input?.kind === 'bridge' && h.output === p.input && p.physOut !== undefined) {
    transmit(port, { source: p.input.mac, destination: p.linkSource, packet: reset, arp: undefined })
    return
  }
  const path = routeOutput(ns, reset.destination, own ? reset.source : 0, undefined, 0, true)
  if ('errno' in path) return
  localOut(ns, reset, path)
}

const reject: TargetType<{ index: number }> = {
  name: 'REJECT',
  options: [{ names: ['reject-with'], args: 1 }],
  tables: ['filter'],
  hooks: [1, 2, 3],
  create: () => ({ index: 2 }),
  parse(d, _o, args) {
    const word = args[0]!
    const at = rejectTypes.findIndex((t) => t.name.startsWith(word) || t.alias.startsWith(word))
    if (at < 0) usage(`unknown reject type "${word}"`)
    d.index = at
  },
  save: (d) => ` --reject-with ${rejectTypes[d.index]!.name}`,
  details: (d) => `reject-with ${rejectTypes[d.index]!.name}`,
  check: (d, where) => (rejectTypes[d.index]!.code < 0 && (where.protocol !== TCP || where.protocolNot) ? 'EINVAL' : undefined),
  action(d) {
    const { code, name } = rejectTypes[d.index]!
    return (p, h, chain, rule) => {
      rejectPacket(p, h, code, name, `-A ${chain} ${rule.text}`)
      return DROP
    }
  },
}

/** Ends a packet and tells its sender: by an ICMP code, or by a reset where the code is negative. */
export function rejectPacket(p: Packet, h: HookContext, code: number, name: string, rule: string): void {
  const original = copyPacket(p)
  original.walk = undefined
  const error = code < 0 ? 'ECONNREFUSED' : (unreachableErrors[code]?.errno ?? 'EHOSTUNREACH')
  refuse(h.ns, p, 'rejected', stageName(h.hook, h.table), `rejected with ${name}`, error, rule)
  p.walk = undefined
  if (code < 0) sendReset(original, h)
  else icmpSend(h.ns, original, 3, code, 0)
}

// ── LOG, NFLOG, TRACE ──

const levels = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug']

const log: TargetType<{ level: number; prefix: string; flags: number }> = {
  name: 'LOG',
  options: [{ names: ['log-level'], args: 1 }, { names: ['log-prefix'], args: 1 }, ...['log-tcp-sequence', 'log-tcp-options', 'log-ip-options', 'log-uid', 'log-macdecode'].map((name) => ({ names: [name], args: 0 as const }))],
  create: () => ({ level: 4, prefix: '', flags: 0 }),
  parse(d, option, args) {
    if (option === 'log-prefix') {
      if (args[0]!.includes('\n')) usage('Newlines not allowed in --log-prefix')
      // The rest of a long one is cut off without a word.
      d.prefix = args[0]!.slice(0, 29)
    } else if (option === 'log-level') {
      const word = args[0]!.toLowerCase()
      const named = { panic: 0, err: 3, warning: 4 }[word] ?? levels.findIndex((l) => l === word)
      const number = parseNumber(word)
      if (number === undefined && named < 0) usage(`log level "${args[0]!}" unknown\n`)
      d.level = number ?? named
    } else d.flags |= { 'log-tcp-sequence': 1, 'log-tcp-options': 2, 'log-ip-options': 4, 'log-uid': 8, 'log-macdecode': 32 }[option]!
  },
  save(d) {
    const names = [[1, 'log-tcp-sequence'], [2, 'log-tcp-options'], [4, 'log-ip-options'], [8, 'log-uid'], [32, 'log-macdecode']] as const
    return `${d.prefix === '' ? '' : ` --log-prefix ${quoteWord(d.prefix)}`}${d.level === 4 ? '' : ` --log-level ${d.level}`}${names.filter(([bit]) => (d.flags & bit) !== 0).map(([, name]) => ` --${name}`).join('')}`
  },
  details(d, numeric) {
    const names = [[1, 'tcp-sequence'], [2, 'tcp-options'], [4, 'ip-options'], [8, 'uid'], [32, 'macdecode']] as const
    const level = numeric ? ` flags ${d.flags} level ${d.level}` : ` level ${levels[d.level] ?? `UNKNOWN level ${d.level}`}${names.filter(([bit]) => (d.flags & bit) !== 0).map(([, n]) => ` ${n}`).join('')}`
    return `LOG${level}${d.prefix === '' ? '' : ` prefix "${d.prefix}"`}`
  },
  action: (d, ns) => (p, h) => {
    ns.netfilter.log(d.prefix, p, h)
    return CONTINUE
  },
}

const nflog: TargetType<{ group: number; prefix: string; threshold: number }> = {
  name: 'NFLOG',
  options: ['nflog-group', 'nflog-prefix', 'nflog-range', 'nflog-size', 'nflog-threshold'].map((name) => ({ names: [name], args: 1 as const })),
  create: () => ({ group: 0, prefix: '', threshold: 1 }),
  parse(d, option, args) {
    if (option === 'nflog-prefix') d.prefix = args[0]!
    else {
      const n = parseNumber(args[0]!)
      if (n === undefined) usage(`NFLOG: Bad value for "--${option}" option: "${args[0]!}"\n`)
      if (option === 'nflog-group') d.group = n
      if (option === 'nflog-threshold') d.threshold = n
    }
  },
  save: (d) => `${d.prefix === '' ? '' : ` --nflog-prefix ${quoteWord(d.prefix)}`}${d.group === 0 ? '' : ` --nflog-group ${d.group}`}${d.threshold === 1 ? '' : ` --nflog-threshold ${d.threshold}`}`,
  details(d) {
    return this.save(d).replaceAll(' --', ' ').slice(1)
  },
  action: () => () => CONTINUE,
}

const trace: TargetType<object> = { name: 'TRACE', options: [], create: () => ({}), parse: () => undefined, save: () => '', details: () => '', tables: ['raw'], action: () => () => CONTINUE }

// ── MARK, CONNMARK ──

interface MarkData {
  set: boolean
  value: number
  mask: number
}

const mark: TargetType<MarkData> = {
  name: 'MARK',
  options: ['set-mark', 'set-xmark', 'and-mark', 'or-mark', 'xor-mark'].map((name) => ({ names: [name], args: 1 as const })),
  create: () => ({ set: false, value: 0, mask: 0xffffffff }),
  parse(d, option, args) {
    if (d.set) usage(`MARK: option "--${option}" can only be used once.\n`)
    d.set = true
    Object.assign(d, markOperation(option, args[0]!, 'MARK'))
  },
  finish(d) {
    if (!d.set) usage('MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required')
  },
  save: (d) => ` --set-xmark ${hex(d.value)}/${hex(d.mask)}`,
  details(d) {
    if (d.value === 0) return `MARK and ${hex(~d.mask)}`
    if (d.value === d.mask) return `MARK or ${hex(d.value)}`
    if (d.mask === 0) return `MARK xor ${hex(d.value)}`
    if (d.mask === 0xffffffff) return `MARK set ${hex(d.value)}`
    return `MARK xset ${hex(d.value)}/${hex(d.mask)}`
  },
  action: (d) => (p) => {
    p.mark = ((p.mark & ~d.mask) ^ d.value) >>> 0
    return CONTINUE
  },
}

function markOperation(option: string, text: string, extension: string): { value: number; mask: number } {
  if (option === 'set-mark' || option === 'set-xmark') {
    const m = parseMark(text, option, extension)
    return { value: m.value, mask: option === 'set-mark' ? (m.mask | m.value) >>> 0 : m.mask }
  }
  const n = parseNumber(text)
  if (n === undefined || n > 0xffffffff) usage(`${extension}: Bad value for "--${option}" option: "${text}"\n`)
  if (option === 'and-mark') return { value: 0, mask: ~n >>> 0 }
  if (option === 'or-mark') return { value: n, mask: n }
  return { value: n, mask: 0 }
}

const connmark: TargetType<{ mode: 'set' | 'save' | 'restore' | undefined; value: number; mask: number; nfmask: number }> = {
  name: 'CONNMARK',
  options: [...['set-mark', 'set-xmark', 'and-mark', 'or-mark', 'xor-mark', 'nfmask', 'ctmask', 'mask'].map((name) => ({ names: [name], args: 1 as const })), { names: ['save-mark'], args: 0 }, { names: ['restore-mark'], args: 0 }],
  create: () => ({ mode: undefined, value: 0, mask: 0xffffffff, nfmask: 0xffffffff }),
  parse(d, option, args) {
    if (option === 'save-mark') d.mode = 'save'
    else if (option === 'restore-mark') d.mode = 'restore'
    else if (option.endsWith('mask')) {
      const n = parseNumber(args[0]!)
      if (n === undefined) usage(`CONNMARK: Bad value for "--${option}" option: "${args[0]!}"\n`)
      if (option !== 'ctmask') d.nfmask = n
      if (option !== 'nfmask') d.mask = n
    } else {
      d.mode = 'set'
      Object.assign(d, markOperation(option, args[0]!, 'CONNMARK'))
    }
  },
  finish(d) {
    if (d.mode === undefined) usage('CONNMARK target: No operation specified')
  },
  tracks: true,
  save: (d) => (d.mode === 'set' ? ` --set-xmark ${hex(d.value)}/${hex(d.mask)}` : ` --${d.mode}-mark --nfmask ${hex(d.nfmask)} --ctmask ${hex(d.mask)}`),
  details(d) {
    if (d.mode !== 'set') return `CONNMARK ${d.mode}${d.nfmask === d.mask ? (d.mask === 0xffffffff ? '' : ` mask ${hex(d.mask)}`) : ` nfmask ${hex(d.nfmask)} ctmask ~${hex(d.mask)}`}`
    if (d.value === 0) return `CONNMARK and ${hex(~d.mask)}`
    if (d.value === d.mask) return `CONNMARK or ${hex(d.value)}`
    if (d.mask === 0) return `CONNMARK xor ${hex(d.value)}`
    if (d.mask === 0xffffffff) return `CONNMARK set ${hex(d.value)}`
    return `CONNMARK xset ${hex(d.value)}/${hex(d.mask)}`
  },
  action: (d) => (p) => {
    const c = p.connection
    if (!c) return CONTINUE
    if (d.mode === 'set') c.mark = ((c.mark & ~d.mask) ^ d.value) >>> 0
    else if (d.mode === 'save') c.mark = ((c.mark & ~d.mask) ^ (p.mark & d.nfmask)) >>> 0
    else p.mark = ((p.mark & ~d.nfmask) ^ (c.mark & d.mask)) >>> 0
    return CONTINUE
  },
}

// ── NAT ──

interface NatData {
  given: boolean
  ips: readonly [Ipv4, Ipv4] | undefined
  ports: readonly [number, number] | undefined
  base: number | undefined
  random: boolean
  fully: boolean
  persistent: boolean
}

const noNat = (): NatData => ({ given: false, ips: undefined, ports: undefined, base: undefined, random: false, fully: false, persistent: false })

function parsePorts(text: string, context: ParseContext, words: boolean): { ports: readonly [number, number]; base?: number } {
  if (context.protocolNot || !hasPorts(context.protocol) || (context.protocol === ICMP && words)) {
    if (context.protocol !== 33) usage('Need TCP, UDP, SCTP or DCCP with port specification')
  }
  const [range, base] = text.split('/')
  const [a, b] = range!.split('-')
  const number = (word: string) => {
    const n = parseNumber(word)
    if (n !== undefined) {
      if (n > 65535) usage(`Port \`${word}' not valid`)
      return n
    }
    const named = servicePort(word)
    if (named === undefined) usage(`Port \`${word}' not valid`)
    return named
  }
  const min = number(a!)
  const max = b === undefined ? min : number(b)
  if (min > max) usage(`Port range \`${max}' funky`)
  return { ports: [min, max], ...(base === undefined ? {} : { base: number(base) }) }
}

function parseTo(d: NatData, text: string, context: ParseContext): void {
  const colon = text.indexOf(':')
  const addresses = colon < 0 ? text : text.slice(0, colon)
  if (colon >= 0) {
    const parsed = parsePorts(text.slice(colon + 1), context, true)
    d.ports = parsed.ports
    d.base = parsed.base
  }
  if (addresses === '' && colon >= 0) return
  const [a, b] = addresses.split('-')
  const from = parseIpv4(a!)
  const to = b === undefined ? from : parseIpv4(b)
  if (from === undefined) usage(`Bad IP address "${a!}"`)
  if (to === undefined) usage(`Bad IP address "${b!}"`)
  d.ips = [from, to]
}

function portsText(d: NatData): string {
  if (!d.ports) return ''
  const [a, b] = d.ports
  return `${a}${a === b ? '' : `-${b}`}${d.base === undefined ? '' : `/${d.base}`}`
}

function rangeText(d: NatData): string {
  const ips = d.ips ? `${formatIpv4(d.ips[0])}${d.ips[0] === d.ips[1] ? '' : `-${formatIpv4(d.ips[1])}`}` : ''
  return ips + (d.ports ? `:${portsText(d)}` : '')
}

function flagsText(d: NatData, dashes: string): string {
  return `${d.random ? ` ${dashes}random` : ''}${d.fully ? ` ${dashes}random-fully` : ''}${d.persistent ? ` ${dashes}persistent` : ''}`
}

function rangeOf(d: NatData, ips: readonly [Ipv4, Ipv4] | undefined): NatRange {
  return {
    ...(ips ? { minIp: ips[0], maxIp: ips[1] } : {}),
    ...(d.ports ? { minPort: d.ports[0], maxPort: d.ports[1] } : {}),
    ...(d.base === undefined ? {} : { basePort: d.base }),
    random: d.random,
    fully: d.fully,
    persistent: d.persistent,
  }
}

const natFlag = (names: readonly string[]) => names.map((name) => ({ names: [name], args: 0 as const }))

function parseFlag(d: NatData, option: string): void {
  if (option === 'random') d.random = true
  else if (option === 'random-fully') d.fully = true
  else d.persistent = true
}

function natTarget(name: 'DNAT' | 'SNAT', option: string, hooks: readonly number[]): TargetType<NatData> {
  const flags = name === 'SNAT' ? ['random', 'random-fully', 'persistent'] : ['random', 'persistent']
  return {
    name,
    options: [{ names: [option], args: 1 }, ...natFlag(flags)],
    tables: ['nat'],
    hooks,
    tracks: true,
    create: noNat,
    parse(d, o, args, _not, context) {
      if (o !== option) return parseFlag(d, o)
      if (d.given) usage(`${name}: option "--${option}" can only be used once.\n`)
      d.given = true
      parseTo(d, args[0]!, context)
    },
    finish(d) {
      if (!d.given) usage(`${name}: option "--${option}" must be specified\n`)
    },
    save: (d) => ` --${option} ${rangeText(d)}${flagsText(d, '--')}`,
    details: (d) => `to:${rangeText(d)}${flagsText(d, '')}`,
    action(d) {
      const range = rangeOf(d, d.ips)
      const manip = name === 'SNAT' ? 'source' : 'destination'
      return (p, h) => {
        const c = p.connection
        if (c && !isBound(c, manip)) bind(h.ns, c, range, manip)
        return ACCEPT
      }
    },
  }
}

const masquerade: TargetType<NatData> = {
  name: 'MASQUERADE',
  options: [{ names: ['to-ports'], args: 1 }, ...natFlag(['random', 'random-fully'])],
  tables: ['nat'],
  hooks: [4],
  tracks: true,
  create: noNat,
  parse(d, option, args, _not, context) {
    if (option === 'to-ports') Object.assign(d, parsePorts(args[0]!, context, true))
    else parseFlag(d, option)
  },
  save: (d) => `${d.ports ? ` --to-ports ${portsText(d)}` : ''}${flagsText(d, '--')}`,
  details: (d) => `${d.ports ? `masq ports: ${portsText(d)}` : ''}${flagsText(d, '')}`.trimStart(),
  action: (d) => (p, h) => {
    const c = p.connection
    if (!c || isBound(c, 'source')) return ACCEPT
    const source = selectAddress(h.ns, h.output, h.path?.gateway ?? p.destination, 0)
    if (source === 0) return DROP
    c.masqueradeIndex = h.output?.index ?? 0
    bind(h.ns, c, rangeOf(d, [source, source]), 'source')
    return ACCEPT
  },
}

const redirect: TargetType<NatData> = {
  name: 'REDIRECT',
  options: [{ names: ['to-ports'], args: 1 }, ...natFlag(['random'])],
  tables: ['nat'],
  hooks: [0, 3],
  tracks: true,
  create: noNat,
  parse(d, option, args, _not, context) {
    if (option === 'to-ports') Object.assign(d, parsePorts(args[0]!, context, true))
    else parseFlag(d, option)
  },
  save: (d) => `${d.ports ? ` --to-ports ${portsText(d)}` : ''}${flagsText(d, '--')}`,
  details: (d) => `${d.ports ? `redir ports ${portsText(d)}` : ''}${flagsText(d, '')}`.trimStart(),
  action: (d) => (p, h) => {
    const c = p.connection
    if (!c || isBound(c, 'destination')) return ACCEPT
    // to this host: the loopback address for local packets, else the address of the device it came in by
    const ip = h.hook === 3 ? 0x7f000001 : (h.input?.addresses.find((a) => !a.secondary)?.local ?? 0)
    if (ip === 0) return DROP
    bind(h.ns, c, rangeOf(d, [ip, ip]), 'destination')
    return ACCEPT
  },
}

const netmap: TargetType<{ to: AddressMask | undefined }> = {
  name: 'NETMAP',
  options: [{ names: ['to'], args: 1 }],
  tables: ['nat'],
  tracks: true,
  create: () => ({ to: undefined }),
  parse: (d, _o, args) => void (d.to = parseAddressMask(args[0]!)),
  finish(d) {
    if (!d.to) usage('NETMAP: option "--to" must be specified\n')
  },
  save: (d) => ` --to ${formatIpv4(d.to!.address)}${d.to!.mask === 0xffffffff ? '' : `/${maskLength(d.to!.mask) ?? formatIpv4(d.to!.mask)}`}`,
  details(d) {
    return `to:${this.save(d).slice(6)}`
  },
  action: (d) => (p, h) => {
    const c = p.connection
    const manip = h.hook === 0 || h.hook === 3 ? 'destination' : 'source'
    if (!c || isBound(c, manip)) return ACCEPT
    const { address, mask } = d.to!
    const ip = ((manip === 'source' ? p.source : p.destination) & ~mask) >>> 0 | address
    bind(h.ns, c, { minIp: ip >>> 0, maxIp: ip >>> 0 }, manip)
    return ACCEPT
  },
}

// ── raw ──

const ct: TargetType<{ notrack: boolean; zone: number | undefined; helper: string | undefined; alias: boolean }> = {
  name: 'CT',
  options: [{ names: ['notrack'], args: 0 }, { names: ['zone'], args: 1 }, { names: ['helper'], args: 1 }],
  tables: ['raw'],
  create: () => ({ notrack: false, zone: undefined, helper: undefined, alias: false }),
  parse(d, option, args) {
    if (option === 'notrack') d.notrack = true
    else if (option === 'zone') d.zone = parseNumber(args[0]!) ?? usage(`Cannot parse ${args[0]!} as a zone ID\n`)
    else d.helper = args[0]!
  },
  save: (d) => `${d.notrack ? ' --notrack' : ''}${d.helper === undefined ? '' : ` --helper ${d.helper}`}${d.zone === undefined ? '' : ` --zone ${d.zone}`}`,
  details: (d) => `CT${d.notrack ? ' notrack' : ''}${d.helper === undefined ? '' : ` helper ${d.helper}`}${d.zone === undefined ? '' : ` zone ${d.zone}`}`,
  action: (d) => (p) => {
    // a packet that was seen before (on the loopback device) keeps its entry
    if (d.notrack && p.track === 'none') p.track = 'untracked'
    return CONTINUE
  },
}

const notrack: TargetType<object> = {
  name: 'NOTRACK',
  options: [],
  tables: ['raw'],
  create: () => ({}),
  parse: () => undefined,
  save: () => '',
  details: () => 'NOTRACK',
  action: () => (p) => {
    if (p.track === 'none') p.track = 'untracked'
    return CONTINUE
  },
}

// ── mangle ──

const tcpmss: TargetType<{ mss: number | undefined; clamp: boolean }> = {
  name: 'TCPMSS',
  options: [{ names: ['set-mss'], args: 1 }, { names: ['clamp-mss-to-pmtu'], args: 0 }],
  create: () => ({ mss: undefined, clamp: false }),
  parse(d, option, args) {
    if (option === 'clamp-mss-to-pmtu') d.clamp = true
    else d.mss = parseNumber(args[0]!) ?? usage(`TCPMSS: Bad value for "--set-mss" option: "${args[0]!}"\n`)
  },
  finish(d) {
    if (d.mss === undefined && !d.clamp) usage('TCPMSS target: At least one parameter is required')
  },
  checksHook: true,
  check: (d, where) => (where.protocol !== TCP || where.protocolNot || (d.clamp && where.hook !== undefined && ![2, 3, 4].includes(where.hook)) ? 'EINVAL' : undefined),
  save: (d) => (d.clamp ? ' --clamp-mss-to-pmtu' : ` --set-mss ${d.mss}`),
  details: (d) => (d.clamp ? 'TCPMSS clamp to PMTU' : `TCPMSS set ${d.mss}`),
  action: (d) => (p, h) => {
    if ((p.flags & SYN) === 0 || p.mss === 0) return CONTINUE
    const out = Math.min(h.output?.mtu ?? 1500, h.path?.mtu ?? 1500)
    const wanted = d.clamp ? Math.min(out, h.input?.mtu ?? 65535) - 40 : d.mss!
    if (p.mss > wanted) p.mss = wanted
    return CONTINUE
  },
}

const ttl: TargetType<{ mode: 'set' | 'inc' | 'dec' | undefined; value: number }> = {
  name: 'TTL',
  options: ['ttl-set', 'ttl-dec', 'ttl-inc'].map((name) => ({ names: [name], args: 1 as const })),
  tables: ['mangle'],
  create: () => ({ mode: undefined, value: 0 }),
  parse(d, option, args) {
    d.mode = option.slice(4) as 'set'
    const n = parseNumber(args[0]!)
    if (n === undefined || n > 255) usage(`TTL: bad value for option "--${option}", or out of range (0-255).\n`)
    d.value = n
  },
  finish(d) {
    if (d.mode === undefined) usage("TTL: You must specify an action")
  },
  save: (d) => ` --ttl-${d.mode} ${d.value}`,
  details: (d) => `TTL ${d.mode === 'set' ? 'set to' : d.mode === 'inc' ? 'increment by' : 'decrement by'} ${d.value}`,
  action: (d) => (p) => {
    p.ttl = Math.max(0, Math.min(255, d.mode === 'set' ? d.value : d.mode === 'inc' ? p.ttl + d.value : p.ttl - d.value))
    return CONTINUE
  },
}

const tos: TargetType<{ value: number; mask: number }> = {
  name: 'TOS',
  options: [{ names: ['set-tos'], args: 1 }],
  tables: ['mangle'],
  create: () => ({ value: -1, mask: 255 }),
  parse(d, _o, args) {
    const [v, m] = args[0]!.split('/')
    const value = parseNumber(v!)
    if (value === undefined || value > 255) usage(`TOS: Bad value for "--set-tos" option: "${args[0]!}"\n`)
    d.value = value
    if (m !== undefined) d.mask = parseNumber(m) ?? 255
  },
  finish(d) {
    if (d.value < 0) usage('TOS: An action is required')
  },
  save: (d) => ` --set-tos 0x${d.value.toString(16).padStart(2, '0')}/0x${d.mask.toString(16).padStart(2, '0')}`,
  details: (d) => `TOS set 0x${d.value.toString(16).padStart(2, '0')}/0x${d.mask.toString(16).padStart(2, '0')}`,
  action: (d) => (p) => {
    p.tos = (p.tos & ~d.mask & 255) ^ d.value
    return CONTINUE
  },
}

const dscp: TargetType<{ value: number }> = {
  name: 'DSCP',
  options: [{ names: ['set-dscp'], args: 1 }, { names: ['set-dscp-class'], args: 1 }],
  tables: ['mangle'],
  create: () => ({ value: -1 }),
  parse: (d, option, args) => void (d.value = parseDscp(option, args[0]!, 'DSCP')),
  finish(d) {
    if (d.value < 0) usage('DSCP target: Parameter --set-dscp is required')
  },
  save: (d) => ` --set-dscp 0x${d.value.toString(16).padStart(2, '0')}`,
  details: (d) => `DSCP set 0x${d.value.toString(16).padStart(2, '0')}`,
  action: (d) => (p) => {
    p.tos = (p.tos & 3) | (d.value << 2)
    return CONTINUE
  },
}

const checksum: TargetType<{ fill: boolean }> = {
  name: 'CHECKSUM',
  options: [{ names: ['checksum-fill'], args: 0 }],
  tables: ['mangle'],
  create: () => ({ fill: false }),
  parse: (d) => void (d.fill = true),
  finish(d) {
    if (!d.fill) usage('CHECKSUM: option "--checksum-fill" must be specified\n')
  },
  save: () => ' --checksum-fill',
  details: () => 'CHECKSUM fill',
  action: () => () => CONTINUE,
}

const classify: TargetType<{ major: number; minor: number }> = {
  name: 'CLASSIFY',
  options: [{ names: ['set-class'], args: 1 }],
  create: () => ({ major: -1, minor: 0 }),
  parse(d, _o, args) {
    const m = /^([0-9a-f]+):([0-9a-f]+)$/i.exec(args[0]!)
    if (!m) usage(`Bad class value \`${args[0]!}'`)
    d.major = Number.parseInt(m[1]!, 16)
    d.minor = Number.parseInt(m[2]!, 16)
  },
  finish(d) {
    if (d.major < 0) usage('CLASSIFY: option "--set-class" must be specified\n')
  },
  save: (d) => ` --set-class ${d.major.toString(16).padStart(4, '0')}:${d.minor.toString(16).padStart(4, '0')}`,
  details: (d) => `CLASSIFY set ${d.major.toString(16)}:${d.minor.toString(16)}`,
  action: () => () => CONTINUE,
}

const set: TargetType<{ verb: 'add-set' | 'del-set' | undefined; name: string; directions: readonly ('src' | 'dst')[]; exist: boolean }> = {
  name: 'SET',
  options: [{ names: ['add-set'], args: 2 }, { names: ['del-set'], args: 2 }, { names: ['exist'], args: 0 }],
  create: () => ({ verb: undefined, name: '', directions: [], exist: false }),
  parse(d, option, args, _not, context) {
    if (option === 'exist') {
      d.exist = true
      return
    }
    if (context.ns.netfilter.ipsets.type(args[0]!) === undefined) usage(`Set ${args[0]!} doesn't exist.\n`)
    d.verb = option as 'add-set'
    d.name = args[0]!
    d.directions = args[1]!.split(',') as ('src' | 'dst')[]
  },
  finish(d) {
    if (d.verb === undefined) usage('You must specify either `--add-set\' or `--del-set\' or `--map-set\'')
  },
  save: (d) => ` --${d.verb} ${d.name} ${d.directions.join(',')}${d.exist ? ' --exist' : ''}`,
  details: (d) => `${d.verb} ${d.name} ${d.directions.join(',')}${d.exist ? ' exist' : ''}`,
  action: (d, ns) => (p) => {
    ns.netfilter.ipsets.record(d.name, p, d.directions, d.verb === 'add-set')
    return CONTINUE
  },
}

export const targets: readonly TargetType<unknown>[] = [
  targetType(reject), targetType(log), targetType(nflog), targetType(trace), targetType(mark), targetType(connmark), targetType(natTarget('DNAT', 'to-destination', [0, 3])), targetType(natTarget('SNAT', 'to-source', [1, 4])),
  targetType(masquerade), targetType(redirect), targetType(netmap), targetType(ct), targetType(notrack), targetType(tcpmss), targetType(ttl), targetType(tos), targetType(dscp), targetType(checksum), targetType(classify), targetType(set),
]
