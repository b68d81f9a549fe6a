/** Matches on the packet itself: ports, flags, ICMP types, marks, ranges, addresses' types, bridge ports, and comments. */
import { formatIpv4, parseIpv4, type Ipv4 } from '#base/ip.ts'
import { formatMac, parseMac } from '../mac.ts'
import { ICMP, SCTP, TCP, UDP } from '../packet.ts'
import { serviceName } from '../services.ts'
import { matchType, usage, type MatchType } from './extension.ts'
import { icmpNames, inRange, listPortRange, markText, parseMark, parseNumber, parsePort, parsePortRange, quoteWord, savePortRange, type Marked, type PortRange } from './numbers.ts'

const port = (name: string, alias: string) => ({ names: [name, alias], args: 1 as const, not: true })
const sourcePort = port('source-port', 'sport')
const destinationPort = port('destination-port', 'dport')

interface Ports {
  source?: PortRange
  destination?: PortRange
}

interface TcpData extends Ports {
  flags?: { mask: number; compare: number; not: boolean }
  option?: { number: number; not: boolean }
}

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG']

function parseFlags(text: string): number {
  let flags = 0
  for (const word of text.split(',')) {
    if (word === 'ALL') flags |= 63
    else if (word !== 'NONE') {
      const bit = flagNames.indexOf(word)
      if (bit < 0) usage(`Unknown TCP flag \`${word}'`)
      flags |= 1 << bit
    }
  }
  return flags
}

const flagsText = (flags: number) => (flags === 0 ? 'NONE' : flagNames.filter((_, i) => (flags & (1 << i)) !== 0).join(','))

const tcp: MatchType<TcpData> = {
  name: 'tcp',
  options: [sourcePort, destinationPort, { names: ['syn'], args: 0, not: true }, { names: ['tcp-flags'], args: 2, not: true }, { names: ['tcp-option'], args: 1, not: true }],
  create: () => ({}),
  parse(d, option, args, not) {
    if (option === 'source-port') {
      if (d.source) usage("Only one `--source-port' allowed")
      d.source = parsePortRange(args[0]!, not, 'tcp')
    } else if (option === 'destination-port') {
      if (d.destination) usage("Only one `--destination-port' allowed")
      d.destination = parsePortRange(args[0]!, not, 'tcp')
    } else if (option === 'tcp-option') {
      const number = parseNumber(args[0]!)
      if (number === undefined || number < 1 || number > 255) usage(`Bad TCP option "${args[0]!}"`)
      d.option = { number, not }
    } else {
      if (d.flags) usage("Only one of `--syn' or `--tcp-flags'  allowed")
      d.flags = option === 'syn' ? { mask: 0x17, compare: 2, not } : { mask: parseFlags(args[0]!), compare: parseFlags(args[1]!), not }
    }
  },
  save: (d) =>
    savePortRange('sport', d.source) +
    savePortRange('dport', d.destination) +
    (d.option ? `${d.option.not ? ' !' : ''} --tcp-option ${d.option.number}` : '') +
    (d.flags ? `${d.flags.not ? ' !' : ''} --tcp-flags ${flagsText(d.flags.mask)} ${flagsText(d.flags.compare)}` : ''),
  details(d, numeric) {
    const flags = d.flags
    const hex2 = (n: number) => `0x${n.toString(16).toUpperCase().padStart(2, '0')}`
    const flagText = flags ? ` flags:${flags.not ? '!' : ''}${numeric ? `${hex2(flags.mask)}/${hex2(flags.compare)}` : `${flagsText(flags.mask)}/${flagsText(flags.compare)}`}` : ''
    return `tcp${listPortRange('spt', d.source, numeric, 'tcp')}${listPortRange('dpt', d.destination, numeric, 'tcp')}${d.option ? ` option=${d.option.not ? '!' : ''}${d.option.number}` : ''}${flagText}`
  },
  check: (_d, where) => (where.protocol === TCP && !where.protocolNot ? undefined : 'EINVAL'),
  test(d) {
    const { source, destination, flags, option } = d
    if (option) return () => option.not
    if (destination && !source && !flags && !destination.not) {
      const { min, max } = destination
      return (p) => p.destinationPort >= min && p.destinationPort <= max && p.protocol === TCP
    }
    return (p) =>
      p.protocol === TCP &&
      (!source || inRange(source, p.sourcePort)) &&
      (!destination || inRange(destination, p.destinationPort)) &&
      (!flags || ((p.flags & flags.mask) === flags.compare) !== flags.not)
  },
}

function portMatch(name: string, protocol: number): MatchType<Ports> {
  return {
    name,
    options: [sourcePort, destinationPort],
    create: () => ({}),
    parse(d, option, args, not) {
      const range = parsePortRange(args[0]!, not, name)
      if (option === 'source-port') {
        if (d.source) usage(`${name}: option "--source-port" can only be used once.\n`)
        d.source = range
      } else {
        if (d.destination) usage(`${name}: option "--destination-port" can only be used once.\n`)
        d.destination = range
      }
    },
    save: (d) => savePortRange('sport', d.source) + savePortRange('dport', d.destination),
    details: (d, numeric) => `${name}${listPortRange('spt', d.source, numeric, name)}${listPortRange('dpt', d.destination, numeric, name)}`,
    check: (_d, where) => (where.protocol === protocol && !where.protocolNot ? undefined : 'EINVAL'),
    test: (d) => (p) => p.protocol === protocol && (!d.source || inRange(d.source, p.sourcePort)) && (!d.destination || inRange(d.destination, p.destinationPort)),
  }
}

const icmp: MatchType<{ type?: number; min: number; max: number; not: boolean }> = {
  name: 'icmp',
  options: [{ names: ['icmp-type'], args: 1, not: true }],
  create: () => ({ min: 0, max: 255, not: false }),
  parse(d, _option, args, not) {
    const word = args[0]!
    if (d.type !== undefined) usage('icmp: option "--icmp-type" can only be used once.\n')
    const found = icmpNames.filter((n) => n.name.toLowerCase().startsWith(word.toLowerCase()))
    const exact = found.find((n) => n.name.toLowerCase() === word.toLowerCase())
    const named = exact ?? (found.length === 1 ? found[0] : undefined)
    d.not = not
    if (named) {
      d.type = named.type
      d.min = named.min
      d.max = named.max
      return
    }
    if (found.length > 1) usage(`Ambiguous ICMP type \`${word}': \`${found[0]!.name}' or \`${found[1]!.name}'?`)
    const [type, code] = word.split('/')
    const t = parseNumber(type ?? '')
    if (t === undefined || t > 255) usage(`Unknown ICMP type \`${type}'`)
    const c = code === undefined ? undefined : parseNumber(code)
    if (code !== undefined && (c === undefined || c > 255)) usage(`Invalid ICMP code \`${code}'\n`)
    d.type = t
    d.min = c ?? 0
    d.max = c ?? 255
  },
  finish(d) {
    if (d.type === undefined) usage('icmp: option "--icmp-type" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --icmp-type ${d.type === 255 ? 'any' : `${d.type}${d.min === 0 && d.max === 255 ? '' : `/${d.min}${d.min === d.max ? '' : `/${d.max}`}`}`}`,
  details(d, numeric) {
    const bang = d.not ? '!' : ''
    if (!numeric) {
      const named = icmpNames.find((n) => n.type === d.type && n.min === d.min && n.max === d.max)
      if (named) return `icmp ${bang}${named.name}`
    }
    const code = d.min === d.max ? ` code ${d.min}` : d.min !== 0 || d.max !== 255 ? ` codes ${d.min}-${d.max}` : ''
    return `${numeric ? 'icmptype' : 'icmp type'} ${bang}${d.type}${code}`
  },
  check: (_d, where) => (where.protocol === ICMP && !where.protocolNot ? undefined : 'EINVAL'),
  test: (d) => (p) => p.protocol === ICMP && (d.type === 255 || (p.icmpType === d.type && p.icmpCode >= d.min && p.icmpCode <= d.max)) !== d.not,
}

const multiport: MatchType<{ kind: 'sports' | 'dports' | 'ports' | undefined; ranges: { min: number; max: number }[]; not: boolean; protocol: string }> = {
  name: 'multiport',
  options: [
    { names: ['source-ports', 'sports'], args: 1, not: true },
    { names: ['destination-ports', 'dports'], args: 1, not: true },
    { names: ['ports'], args: 1, not: true },
  ],
  create: () => ({ kind: undefined, ranges: [], not: false, protocol: 'tcp' }),
  parse(d, option, args, not, context) {
    const names: Record<number, string> = { 6: 'tcp', 17: 'udp', 132: 'sctp', 33: 'dccp', 136: 'udplite' }
    const protocol = names[context.protocol]
    if (protocol === undefined || context.protocolNot) usage("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
    if (d.kind !== undefined) usage(`multiport: option "--${option}" cannot be used together with "--${{ sports: 'source-ports', dports: 'destination-ports', ports: 'ports' }[d.kind]}".\n`)
    d.protocol = protocol
    d.not = not
    d.kind = option === 'source-ports' ? 'sports' : option === 'destination-ports' ? 'dports' : 'ports'
    let slots = 0
    for (const word of args[0]!.split(',')) {
      const [from, to] = word.split(':')
      slots += to === undefined ? 1 : 2
      if (slots > 15) usage('too many ports specified')
      const min = parsePort(from!, protocol)
      const max = to === undefined ? min : parsePort(to, protocol)
      if (to !== undefined && min >= max) usage('invalid portrange specified')
      d.ranges.push({ min, max })
    }
  },
  finish(d) {
    if (d.kind === undefined) usage('multiport expection an option')
  },
  save: (d) => `${d.not ? ' !' : ''} --${d.kind} ${d.ranges.map((r) => (r.min === r.max ? r.min : `${r.min}:${r.max}`)).join(',')}`,
  details(d, numeric) {
    const name = (n: number) => (numeric ? String(n) : (serviceName(n, d.protocol) ?? String(n)))
    return `multiport ${d.kind} ${d.not ? ' !' : ''}${d.ranges.map((r) => (r.min === r.max ? name(r.min) : `${name(r.min)}:${numeric ? r.max : name(r.max)}`)).join(',')}`
  },
  test: (d) => {
    const has = (port: number) => d.ranges.some((r) => port >= r.min && port <= r.max)
    const kind = d.kind
    return (p) => (kind === 'sports' ? has(p.sourcePort) : kind === 'dports' ? has(p.destinationPort) : has(p.sourcePort) || has(p.destinationPort)) !== d.not
  },
}

const mark: MatchType<{ mark?: Marked; not: boolean }> = {
  name: 'mark',
  options: [{ names: ['mark'], args: 1, not: true }],
  create: () => ({ not: false }),
  parse(d, _o, args, not) {
    d.mark = parseMark(args[0]!, 'mark', 'mark')
    d.not = not
  },
  finish(d) {
    if (!d.mark) usage('mark: option "--mark" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --mark ${markText(d.mark!)}`,
  details: (d) => `mark match ${d.not ? '! ' : ''}${markText(d.mark!)}`,
  test: (d) => {
    const { value, mask } = d.mark!
    return (p) => ((p.mark & mask) >>> 0 === value) !== d.not
  },
}

const connmark: MatchType<{ mark?: Marked; not: boolean }> = {
  name: 'connmark',
  options: [{ names: ['mark'], args: 1, not: true }],
  tracks: true,
  create: () => ({ not: false }),
  parse(d, _o, args, not) {
    d.mark = parseMark(args[0]!, 'mark', 'connmark')
    d.not = not
  },
  finish(d) {
    if (!d.mark) usage('connmark: option "--mark" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --mark ${markText(d.mark!)}`,
  details: (d) => `connmark match  ${d.not ? '!' : ''}${markText(d.mark!)}`,
  test: (d) => {
    const { value, mask } = d.mark!
    return (p) => p.connection !== undefined && ((p.connection.mark & mask) >>> 0 === value) !== d.not
  },
}

const comment: MatchType<{ text: string }> = {
  name: 'comment',
  options: [{ names: ['comment'], args: 1 }],
  create: () => ({ text: '' }),
  parse(d, _o, args) {
    if (args[0]!.length > 255) usage('COMMENT must be shorter than 256 characters\n')
    d.text = args[0]!
  },
  finish(d, context) {
    if (!context.options.has('comment:comment')) usage('comment: option "--comment" must be specified\n')
    void d
  },
  save: (d) => ` --comment ${quoteWord(d.text)}`,
  details: (d) => `/* ${d.text} */`,
  test: () => () => true,
}

interface IpRange {
  readonly from: Ipv4
  readonly to: Ipv4
  readonly not: boolean
}

const iprange: MatchType<{ source?: IpRange; destination?: IpRange }> = {
  name: 'iprange',
  options: [{ names: ['src-range'], args: 1, not: true }, { names: ['dst-range'], args: 1, not: true }],
  create: () => ({}),
  parse(d, option, args, not, context) {
    const [a, b] = args[0]!.split('-')
    const from = parseIpv4(a ?? '')
    const to = b === undefined ? from : parseIpv4(b)
    if (from === undefined) usage(`iprange: Bad value for "--${option}" option: "${args[0]!}"`)
    if (to === undefined) usage(`iprange: Bad value for "--${option}" option: "${args[0]!}"`)
    if (to < from) context.warn(`xt_iprange: range ${args[0]!} is reversed and will never match`)
    const range = { from, to, not }
    if (option === 'src-range') d.source = range
    else d.destination = range
  },
  finish(d) {
    if (!d.source && !d.destination) usage("iprange match: You must specify `--src-range' or `--dst-range'")
  },
  save(d) {
    const one = (name: string, r: IpRange | undefined) => (r ? `${r.not ? ' !' : ''} --${name} ${formatIpv4(r.from)}-${formatIpv4(r.to)}` : '')
    return one('src-range', d.source) + one('dst-range', d.destination)
  },
  details(d) {
    const one = (name: string, r: IpRange | undefined) => (r ? ` ${name} IP range${r.not ? ' !' : ''} ${formatIpv4(r.from)}-${formatIpv4(r.to)}` : '')
    return (one('source', d.source) + one('destination', d.destination)).slice(1)
  },
  test: (d) => {
    const ok = (r: IpRange | undefined, ip: Ipv4) => !r || (ip >= r.from && ip <= r.to) !== r.not
    return (p) => ok(d.source, p.source) && ok(d.destination, p.destination)
  },
}

const typeNames = ['UNSPEC', 'UNICAST', 'LOCAL', 'BROADCAST', 'ANYCAST', 'MULTICAST', 'BLACKHOLE', 'UNREACHABLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE']

interface AddressTypes {
  readonly names: readonly string[]
  readonly not: boolean
}

const addrtype: MatchType<{ source?: AddressTypes; destination?: AddressTypes; limitIn: boolean; limitOut: boolean }> = {
  name: 'addrtype',
  options: [{ names: ['src-type'], args: 1, not: true }, { names: ['dst-type'], args: 1, not: true }, { names: ['limit-iface-in'], args: 0 }, { names: ['limit-iface-out'], args: 0 }],
  create: () => ({ limitIn: false, limitOut: false }),
  parse(d, option, args, not) {
    if (option === 'limit-iface-in') d.limitIn = true
    else if (option === 'limit-iface-out') d.limitOut = true
    else {
      const names = args[0]!.split(',').map((word) => {
        const found = typeNames.find((n) => n.toLowerCase() === word.toLowerCase()) ?? typeNames.find((n) => n.toLowerCase().startsWith(word.toLowerCase()))
        if (found === undefined || word === '') usage(`addrtype: bad type "${word}"`)
        return found
      })
      const value = { names: typeNames.filter((n) => names.includes(n)), not }
      if (option === 'src-type') d.source = value
      else d.destination = value
    }
  },
  finish(d) {
    if (!d.source && !d.destination) usage("addrtype: you must specify --src-type or --dst-type")
    if (d.limitIn && d.limitOut) usage("addrtype: you can't specify both --limit-iface-in and --limit-iface-out")
  },
  save(d) {
    const one = (name: string, t: AddressTypes | undefined) => (t ? `${t.not ? ' !' : ''} --${name} ${t.names.join(',')}` : '')
    return one('src-type', d.source) + one('dst-type', d.destination) + (d.limitIn ? ' --limit-iface-in' : '') + (d.limitOut ? ' --limit-iface-out' : '')
  },
  details(d) {
    const one = (name: string, t: AddressTypes | undefined) => (t ? ` ${name} ${t.not ? '!' : ''}${t.names.join(',')}` : '')
    return `ADDRTYPE match${one('src-type', d.source)}${one('dst-type', d.destination)}${d.limitIn ? ' limit-in' : ''}${d.limitOut ? ' limit-out' : ''}`
  },
  test(d, ns) {
    const { source, destination } = d
    const plainLocal = destination && !source && !d.limitIn && !d.limitOut && destination.names.length === 1 && destination.names[0] === 'LOCAL'
    if (plainLocal) return (p) => (ns.fib.addressType(p.destination) === 'local') !== destination.not
    return (p, h) => {
      const device = d.limitIn ? h.input : d.limitOut ? h.output : undefined
      if (source && source.names.includes(ns.fib.addressType(p.source, device).toUpperCase()) === source.not) return false
      return !destination || destination.names.includes(ns.fib.addressType(p.destination, device).toUpperCase()) !== destination.not
    }
  },
}

interface NumberRange {
  min: number
  max: number
  not: boolean
}

const length: MatchType<NumberRange> = {
  name: 'length',
  options: [{ names: ['length'], args: 1, not: true }],
  create: () => ({ min: -1, max: 0, not: false }),
  parse(d, _o, args, not) {
    const [a, b] = args[0]!.split(':')
    const min = a === '' ? 0 : parseNumber(a!)
    const max = b === undefined ? min : b === '' ? 65535 : parseNumber(b)
    if (min === undefined || max === undefined) usage(`length: bad value for option "--length" near "${args[0]!}", or out of range (0-65535).\n`)
    Object.assign(d, { min, max, not })
  },
  finish(d) {
    if (d.min < 0) usage('length: option "--length" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --length ${d.min === d.max ? d.min : `${d.min}:${d.max}`}`,
  details: (d) => `length ${d.not ? '!' : ''}${d.min === d.max ? d.min : `${d.min}:${d.max}`}`,
  test: (d) => (p) => (p.length >= d.min && p.length <= d.max) !== d.not,
}

const ttl: MatchType<{ mode: 'eq' | 'ne' | 'lt' | 'gt'; value: number }> = {
  name: 'ttl',
  options: [{ names: ['ttl-eq', 'ttl'], args: 1, not: true }, { names: ['ttl-lt'], args: 1 }, { names: ['ttl-gt'], args: 1 }],
  create: () => ({ mode: 'eq', value: -1 }),
  parse(d, option, args, not) {
    const value = parseNumber(args[0]!)
    if (value === undefined || value > 255) usage(`ttl: Bad value for "--${option}" option: "${args[0]!}"\n`)
    d.value = value
    d.mode = option === 'ttl-lt' ? 'lt' : option === 'ttl-gt' ? 'gt' : not ? 'ne' : 'eq'
  },
  finish(d) {
    if (d.value < 0) usage('TTL match: You must specify one of `--ttl-eq\', `--ttl-lt\', `--ttl-gt')
  },
  save: (d) => (d.mode === 'ne' ? ` ! --ttl-eq ${d.value}` : ` --ttl-${d.mode} ${d.value}`),
  details: (d) => `TTL match TTL ${{ eq: '==', ne: '!=', lt: '<', gt: '>' }[d.mode]} ${d.value}`,
  test: (d) => (p) => (d.mode === 'eq' ? p.ttl === d.value : d.mode === 'ne' ? p.ttl !== d.value : d.mode === 'lt' ? p.ttl < d.value : p.ttl > d.value),
}

const tos: MatchType<{ value: number; mask: number; not: boolean }> = {
  name: 'tos',
  options: [{ names: ['tos'], args: 1, not: true }],
  create: () => ({ value: -1, mask: 255, not: false }),
  parse(d, _o, args, not) {
    const names: Record<string, number> = { 'minimize-delay': 16, 'maximize-throughput': 8, 'maximize-reliability': 4, 'minimize-cost': 2, 'normal-service': 0 }
    const [v, m] = args[0]!.split('/')
    const named = names[args[0]!.toLowerCase()]
    const value = named ?? parseNumber(v!)
    if (value === undefined || value > 255) usage(`tos: Bad value for "--tos" option: "${args[0]!}"\n`)
    Object.assign(d, { value, mask: named !== undefined ? 0x3f : m === undefined ? 255 : (parseNumber(m) ?? 255), not })
  },
  finish(d) {
    if (d.value < 0) usage('tos: option "--tos" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --tos 0x${d.value.toString(16).padStart(2, '0')}/0x${d.mask.toString(16).padStart(2, '0')}`,
  details: (d) => `tos match${d.not ? '!' : ''}0x${d.value.toString(16).padStart(2, '0')}/0x${d.mask.toString(16).padStart(2, '0')}`,
  test: (d) => (p) => ((p.tos & d.mask) === d.value) !== d.not,
}

const dscpNames: Readonly<Record<string, number>> = {
  CS0: 0, CS1: 8, CS2: 16, CS3: 24, CS4: 32, CS5: 40, CS6: 48, CS7: 56, BE: 0, AF11: 10, AF12: 12, AF13: 14, AF21: 18, AF22: 20, AF23: 22, AF31: 26, AF32: 28, AF33: 30, AF41: 34, AF42: 36, AF43: 38, EF: 46,
}

export function parseDscp(option: string, text: string, extension: string): number {
  const value = option.endsWith('class') ? dscpNames[text.toUpperCase()] : parseNumber(text)
  if (value === undefined || value > 63) usage(option.endsWith('class') ? `Invalid DSCP value \`${text}'\n` : `${extension}: Bad value for "--${option}" option: "${text}"\n`)
  return value
}

const dscp: MatchType<{ value: number; not: boolean }> = {
  name: 'dscp',
  options: [{ names: ['dscp'], args: 1, not: true }, { names: ['dscp-class'], args: 1, not: true }],
  create: () => ({ value: -1, not: false }),
  parse: (d, option, args, not) => void Object.assign(d, { value: parseDscp(option, args[0]!, 'dscp'), not }),
  finish(d) {
    if (d.value < 0) usage('DSCP match: Parameter --dscp is required')
  },
  save: (d) => `${d.not ? ' !' : ''} --dscp 0x${d.value.toString(16).padStart(2, '0')}`,
  details: (d) => `DSCP match ${d.not ? '!' : ''}0x${d.value.toString(16).padStart(2, '0')}`,
  test: (d) => (p) => (p.tos >> 2 === d.value) !== d.not,
}

const mac: MatchType<{ mac: number; not: boolean }> = {
  name: 'mac',
  options: [{ names: ['mac-source'], args: 1, not: true }],
  create: () => ({ mac: -1, not: false }),
  parse(d, _o, args, not) {
    const value = parseMac(args[0]!)
    if (value === undefined) usage('Invalid MAC address specified.')
    Object.assign(d, { mac: value, not })
  },
  finish(d) {
    if (d.mac < 0) usage('mac: option "--mac-source" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --mac-source ${formatMac(d.mac)}`,
  details: (d) => `MAC${d.not ? ' !' : ''} ${formatMac(d.mac)}`,
  test: (d) => (p) => p.linkSource !== undefined && (p.linkSource === d.mac) !== d.not,
}

const pkttype: MatchType<{ type: string; not: boolean }> = {
  name: 'pkttype',
  options: [{ names: ['pkt-type'], args: 1, not: true }],
  create: () => ({ type: '', not: false }),
  parse(d, _o, args, not) {
    const type = args[0]!.toLowerCase().replace(/^host$/, 'unicast')
    if (!['unicast', 'broadcast', 'multicast'].includes(type)) usage(`Bad packet type '${args[0]!}'`)
    Object.assign(d, { type, not })
  },
  finish(d) {
    if (d.type === '') usage('pkttype: option "--pkt-type" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --pkt-type ${d.type}`,
  details: (d) => `PKTTYPE ${d.not ? '!' : ''}= ${d.type}`,
  test: (d) => (p) => (d.type === (p.broadcast ? 'broadcast' : p.destination >>> 28 === 0xe ? 'multicast' : 'unicast')) !== d.not,
}

interface Named {
  readonly name: string
  readonly not: boolean
}

const physdev: MatchType<{ in?: Named; out?: Named; isIn?: Named; isOut?: Named; bridged?: Named }> = {
  name: 'physdev',
  options: [
    { names: ['physdev-in'], args: 1, not: true },
    { names: ['physdev-out'], args: 1, not: true },
    { names: ['physdev-is-bridged'], args: 0, not: true },
    { names: ['physdev-is-in'], args: 0, not: true },
    { names: ['physdev-is-out'], args: 0, not: true },
  ],
  create: () => ({}),
  parse(d, option, args, not) {
    const value = { name: args[0] ?? '', not }
    if (option === 'physdev-in') d.in = value
    else if (option === 'physdev-out') d.out = value
    else if (option === 'physdev-is-in') d.isIn = value
    else if (option === 'physdev-is-out') d.isOut = value
    else d.bridged = value
  },
  finish(d) {
    if (!d.in && !d.out && !d.isIn && !d.isOut && !d.bridged) usage('PHYSDEV: no physdev option specified')
  },
  save(d) {
    const one = (name: string, n: Named | undefined) => (n ? `${n.not ? ' !' : ''} --${name}${n.name === '' ? '' : ` ${n.name}`}` : '')
    return one('physdev-is-in', d.isIn) + one('physdev-in', d.in) + one('physdev-is-out', d.isOut) + one('physdev-out', d.out) + one('physdev-is-bridged', d.bridged)
  },
  details(d) {
    return `PHYSDEV match${this.save(d)}`
  },
  // bridge ports going out are known only where the bridge itself forwards
  checksHook: true,
  check: (d, where) => ((d.out || d.isOut) && where.hook === 3 && (!d.bridged || d.bridged.not) ? 'EINVAL' : undefined),
  test: (d) => {
    const same = (n: Named, name: string | undefined) => {
      const wild = n.name.endsWith('+')
      const equal = name !== undefined && (wild ? name.startsWith(n.name.slice(0, -1)) : name === n.name)
      return equal !== n.not
    }
    return (p) => {
      const bridged = p.physIn !== undefined && p.physOut !== undefined
      if (d.bridged && bridged === d.bridged.not) return false
      if (d.isIn && (p.physIn !== undefined) === d.isIn.not) return false
      if (d.isOut && (p.physOut !== undefined) === d.isOut.not) return false
      if (d.in && !same(d.in, p.physIn?.name)) return false
      return !d.out || same(d.out, p.physOut?.name)
    }
  },
}

const owner: MatchType<{ uid?: { from: number; to: number; not: boolean }; gid?: { from: number; to: number; not: boolean } }> = {
  name: 'owner',
  options: [{ names: ['uid-owner'], args: 1, not: true }, { names: ['gid-owner'], args: 1, not: true }, { names: ['socket-exists'], args: 0, not: true }],
  create: () => ({}),
  parse(d, option, args, not) {
    const names: Record<string, number> = { root: 0, nobody: 65534, daemon: 1 }
    const [a, b] = (args[0] ?? '').split('-')
    const from = names[a!] ?? parseNumber(a!)
    const to = b === undefined ? from : parseNumber(b)
    if (from === undefined || to === undefined) usage(`owner: Bad value for "--${option}" option: "${args[0]!}"\n`)
    if (option === 'uid-owner') d.uid = { from, to, not }
    else d.gid = { from, to, not }
  },
  save(d) {
    const one = (name: string, r: { from: number; to: number; not: boolean } | undefined) => (r ? `${r.not ? ' !' : ''} --${name} ${r.from === r.to ? r.from : `${r.from}-${r.to}`}` : '')
    return one('uid-owner', d.uid) + one('gid-owner', d.gid)
  },
  details(d, numeric) {
    const names: Record<string, Record<number, string>> = { UID: { 0: 'root' }, GID: { 0: 'root', 5: 'tty' } }
    const one = (name: string, r: { from: number; to: number; not: boolean } | undefined) => (r ? `${r.not ? ' !' : ''} owner ${name} match ${r.from === r.to ? ((numeric ? undefined : names[name]![r.from]) ?? r.from) : `${r.from}-${r.to}`}` : '')
    return (one('UID', d.uid) + one('GID', d.gid)).slice(1)
  },
  checksHook: true,
  check: (_d, where) => (where.hook === undefined || where.hook === 3 || where.hook === 4 ? undefined : 'EINVAL'),
  // every simulated program runs as root unless its socket says otherwise
  test: (d) => (p) => p.local && (!d.uid || (d.uid.from <= 0 && 0 <= d.uid.to) !== d.uid.not) && (!d.gid || (d.gid.from <= 0 && 0 <= d.gid.to) !== d.gid.not),
}

const tcpmss: MatchType<NumberRange> = {
  name: 'tcpmss',
  options: [{ names: ['mss'], args: 1, not: true }],
  create: () => ({ min: -1, max: 0, not: false }),
  parse(d, _o, args, not) {
    const [a, b] = args[0]!.split(':')
    const min = parseNumber(a!)
    const max = b === undefined ? min : parseNumber(b)
    if (min === undefined || max === undefined) usage(`tcpmss: Bad value for "--mss" option: "${args[0]!}"\n`)
    Object.assign(d, { min, max, not })
  },
  finish(d) {
    if (d.min < 0) usage('tcpmss: option "--mss" must be specified\n')
  },
  save: (d) => `${d.not ? ' !' : ''} --mss ${d.min === d.max ? d.min : `${d.min}:${d.max}`}`,
  details: (d) => `tcpmss match ${d.not ? '!' : ''}${d.min === d.max ? d.min : `${d.min}:${d.max}`}`,
  test: (d) => (p) => p.protocol === TCP && p.mss > 0 && (p.mss >= d.min && p.mss <= d.max) !== d.not,
}

export const packetMatches: readonly MatchType<unknown>[] = [
  matchType(tcp), matchType(portMatch('udp', UDP)), matchType(portMatch('sctp', SCTP)), matchType(icmp), matchType(multiport), matchType(mark), matchType(connmark), matchType(comment),
  matchType(iprange), matchType(addrtype), matchType(length), matchType(ttl), matchType(tos), matchType(dscp), matchType(mac), matchType(pkttype), matchType(physdev), matchType(owner), matchType(tcpmss),
]
