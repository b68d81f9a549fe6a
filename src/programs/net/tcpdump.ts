/** tcpdump 4.99.3 on the namespace's devices. Leaves out: capture files, IPv6, most options of TCP beyond those that the model has. */
import { byteLength, encodeBytes } from '#base/bytes.ts'
import { formatIpv4 } from '#base/ip.ts'
import { decodeDns, dnsRcodes, type DnsMessage } from '#base/dns.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { CapturedPacket, Header } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from './getopt.ts'
import { complain, nameOf, portNamed, say, serviceNames } from './support.ts'
import { FilterError, hasFlag, outermost, parseFilter, type PacketTest } from './tcpdump-filter.ts'

const versionText = `tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
OpenSSL 3.0.19 27 Jan 2026
`
const usage = `${versionText}Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
\t\t[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
\t\t[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
\t\t[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
\t\t[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
\t\t[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
\t\t[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
\t\t[ -z postrotate-command ] [ -Z user ] [ expression ]
`

export const tcpdump: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+aAbB:c:C:dDeE:fF:G:hHi:IjJ:KlLm:M:nNOpqr:Rs:StT:uUvV:w:W:xXy:Yz:Z:#Q:', { 'list-interfaces': '', interface: ':', version: '', help: '', count: '', 'absolute-tcp-sequence-numbers': '', 'immediate-mode': '', 'packet-buffered': '', 'print': '', 'relinquish-privileges': ':' })
  if (o.error) {
    await complain(p, `tcpdump: ${o.error}\n${usage}`)
    return 1
  }
  if (o.has('D', 'list-interfaces')) return list(p)
  if (o.has('h', 'help', 'version')) {
    await say(p, o.has('version') ? versionText : usage)
    return 0
  }
  const refuse = async (text: string) => {
    await complain(p, `tcpdump: ${text}\n`)
    return 1
  }
  const wanted = o.get('c')
  if (wanted !== undefined && !/^0*[1-9]\d*$/.test(wanted)) return refuse(`invalid packet count ${wanted}`)
  const snap = o.get('s')
  if (snap !== undefined && (!/^\d+$/.test(snap) || Number(snap) > 262144)) return refuse(`invalid snaplen ${snap} (must be >= 0 and <= 262144)`)
  const from = o.get('r')
  if (from !== undefined && from !== '-') return refuse(p.fs.exists(from) ? `unknown file format` : `${from}: No such file or directory`)
  if (!p.can('NET_RAW')) {
    await complain(p, `tcpdump: ${o.get('i') ?? 'eth0'}: You don't have permission to capture on that device\n(socket: Operation not permitted)\n`)
    return 1
  }
  const links = [...p.net.links.values()]
  const device = o.get('i', 'interface') ?? links.find((l) => l.kind !== 'loopback' && l.up)?.name ?? 'any'
  if (device !== 'any' && !p.net.links.has(device)) {
    await complain(p, `tcpdump: ${device}: No such device exists\n(No such device exists)\n`)
    return 1
  }
  if (device !== 'any' && !p.net.links.get(device)!.up) {
    await complain(p, `tcpdump: ${device}: That device is not up\n`)
    return 1
  }
  let test: PacketTest | undefined
  try {
    const hosts = new Map<string, string>()
    for (const word of o.operands.flatMap((w) => w.split(/\s+/))) {
      if (!/^[a-z][\w.-]*[\w]$/i.test(word) || /^(and|or|not|src|dst|host|net|port|portrange|tcp|udp|icmp|arp|ip|proto|ether)$/.test(word) || portNamed(p, word, 'tcp') !== undefined) continue
      const found = await p.sockets.lookup(word)
      if (found.ok) hosts.set(word, found.addresses[0]!)
    }
    test = parseFilter(o.operands, (name) => hosts.get(name), (name) => portNamed(p, name, 'tcp') ?? portNamed(p, name, 'udp'))
  } catch (error) {
    if (!(error instanceof FilterError)) throw error
    await complain(p, `tcpdump: ${error.message}\n`)
    return 1
  }
  const verbose = o.options.filter(([n]) => n === 'v').length
  const shape: Shape = {
    stamps: o.options.filter(([n]) => n === 't').length, link: o.has('e'), quiet: o.has('q'), verbose, numeric: o.has('n'), absolute: o.has('S'), any: device === 'any', ascii: o.has('A'), hex: o.has('x') || o.has('X'), both: o.has('X'),
    services: o.has('n') ? undefined : serviceNames(p), names: new Map(),
  }
  const to = o.get('w')
  if (to !== undefined && to !== '-') {
    try {
      // The capture itself is not kept: only that it could be.
      p.fs.writeFile(to, '')
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      return refuse(`${to}: ${strerror(error.code)}`)
    }
  }
  const kind = device === 'any' ? 'LINUX_SLL2 (Linux cooked v2)' : device === 'lo' || p.net.links.get(device)!.kind !== 'ipip' ? 'EN10MB (Ethernet)' : 'RAW (Raw IP)'
  await complain(p, `${device === 'any' ? 'tcpdump: data link type LINUX_SLL2\n' : ''}${verbose > 0 || to !== undefined ? `tcpdump: listening on ${device}` : `tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\nlistening on ${device}`}, link-type ${kind}, snapshot length 262144 bytes\n`)
  const count = o.get('c') === undefined ? Infinity : Number(o.get('c'))
  const queue: CapturedPacket[] = []
  let wake: (() => void) | undefined
  let stopped = false
  let seen = 0
  const stop = p.net.capture(device, (packet) => {
    if (test && !test(packet)) return
    seen++
    if (seen <= count) queue.push(packet)
    wake?.()
  })
  p.onEnd(stop)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) p.onSignal(signal, () => {
    stopped = true
    wake?.()
  })
  const state: State = { bases: new Map(), last: undefined, first: undefined }
  let printed = 0
  while (printed < count) {
    const packet = queue.shift()
    if (packet) {
      printed++
      if (to === undefined) await say(p, await line(p, packet, shape, state))
    } else if (stopped) break
    else await p.call<void>((resolve) => {
      wake = () => {
        wake = undefined
        resolve()
      }
    })
  }
  stop()
  const s = (n: number) => (n === 1 ? '' : 's')
  if (stopped) await say(p, '\n')
  await complain(p, `${printed} packet${s(printed)} captured\n${seen} packet${s(seen)} received by filter\n0 packets dropped by kernel\n`)
  return 0
}

async function list(p: Process): Promise<number> {
  const links = [...p.net.links.values()]
  const rows: string[] = []
  for (const l of links.filter((x) => x.kind !== 'loopback' && x.up)) rows.push(`${l.name} [Up, Running${l.carrier ? ', Connected' : ', Disconnected'}]`)
  rows.push('any (Pseudo-device that captures on all interfaces) [Up, Running]')
  for (const l of links.filter((x) => x.kind === 'loopback')) rows.push(`${l.name} [${l.up ? 'Up, Running, ' : ''}Loopback]`)
  for (const l of links.filter((x) => x.kind !== 'loopback' && !x.up)) rows.push(`${l.name} [none, Disconnected]`)
  rows.push('bluetooth-monitor (Bluetooth Linux Monitor) [Wireless]', 'nflog (Linux netfilter log (NFLOG) interface) [none]', 'nfqueue (Linux netfilter queue (NFQUEUE) interface) [none]', 'dbus-system (D-Bus system bus) [none]', 'dbus-session (D-Bus session bus) [none]')
  await say(p, rows.map((r, i) => `${i + 1}.${r}\n`).join(''))
  return 0
}

interface Shape {
  readonly stamps: number
  readonly link: boolean
  readonly quiet: boolean
  readonly verbose: number
  readonly numeric: boolean
  readonly absolute: boolean
  readonly any: boolean
  readonly ascii: boolean
  readonly hex: boolean
  readonly both: boolean
  readonly services: ReadonlyMap<string, string> | undefined
  readonly names: Map<string, string>
}
interface State {
  /** First sequence numbers of each direction of a connection, for relative numbers. */
  readonly bases: Map<string, { readonly from: string; readonly seq: number; readonly ack: number }>
  last: number | undefined
  first: number | undefined
}

function stamp(ms: number, s: Shape, state: State): string {
  const delta = (from: number) => {
    const d = Math.max(0, ms - from)
    return ` ${new Date(d).toISOString().slice(11, 19)}.${String(Math.floor((d % 1000) * 1000)).padStart(6, '0')}`
  }
  state.first ??= ms
  const before = state.last ?? ms
  state.last = ms
  const micro = `${String(Math.floor((ms % 1000) * 1000)).padStart(6, '0')}`
  const day = new Date(ms).toISOString()
  switch (s.stamps) {
    case 0:
      return `${day.slice(11, 19)}.${micro} `
    case 1:
      return ''
    case 2:
      return `${Math.floor(ms / 1000)}.${micro} `
    case 3:
      return delta(before) + ' '
    case 4:
      return `${day.slice(0, 10)} ${day.slice(11, 19)}.${micro} `
    default:
      return delta(state.first) + ' '
  }
}

async function line(p: Process, packet: CapturedPacket, s: Shape, state: State): Promise<string> {
  let text = stamp(packet.time, s, state)
  if (s.any) text += `${packet.device.padEnd(5)} ${packet.direction === 'in' ? (isBroadcast(packet) ? 'B  ' : 'In ') : 'Out'} `
  const length = frameLength(packet)
  if (s.link && packet.link) {
    const type = packet.arp ? 'ARP (0x0806)' : 'IPv4 (0x0800)'
    text += s.any ? `ifindex ${p.net.links.get(packet.device)?.index ?? 0} ${packet.link.source} ethertype ${type}, length ${length + 6}: ` : `${packet.link.source} > ${packet.link.destination}, ${s.quiet ? (packet.arp ? 'ARP' : 'IPv4') : `ethertype ${type}`}, length ${length}: `
  }
  if (packet.arp) return text + (s.link ? '' : 'ARP, ') + arpText(packet, s) + '\n'
  text += await ipText(p, packet, s, state, s.link)
  return text + '\n'
}

const isBroadcast = (packet: CapturedPacket) => packet.link?.destination === 'ff:ff:ff:ff:ff:ff'

function frameLength(packet: CapturedPacket): number {
  if (packet.arp) return 42
  return outermost(packet.header).length + 14
}

function arpText(packet: CapturedPacket, s: Shape): string {
  const a = packet.arp!
  const prefix = s.verbose > 0 ? 'Ethernet (len 6), IPv4 (len 4), ' : ''
  if (a.op === 'reply') return `${prefix}Reply ${a.senderIp} is-at ${a.senderMac}, length 28`
  const asked = a.targetMac !== '00:00:00:00:00:00' && a.targetMac !== '' && a.targetMac !== undefined ? ` (${a.targetMac})` : ''
  return `${prefix}Request who-has ${a.targetIp}${asked} tell ${a.senderIp}, length 28`
}

async function host(p: Process, address: string, s: Shape): Promise<string> {
  if (s.numeric) return address
  let name = s.names.get(address)
  if (name === undefined) {
    name = (await nameOf(p, address, async () => undefined)) ?? address
    s.names.set(address, name)
  }
  return name
}

async function ends(p: Process, h: Header, s: Shape): Promise<string> {
  const port = (n: number | undefined) => (n === undefined ? '' : `.${s.services?.get(`${n}/${h.protocol}`) ?? n}`)
  return `${await host(p, h.source, s)}${port(h.sourcePort)} > ${await host(p, h.destination, s)}${port(h.destinationPort)}`
}

const protocolNumbers: Readonly<Record<string, readonly [string, number]>> = { icmp: ['ICMP', 1], tcp: ['TCP', 6], udp: ['UDP', 17], sctp: ['SCTP', 132] }

async function ipText(p: Process, packet: CapturedPacket, s: Shape, state: State, inLink: boolean): Promise<string> {
  const h = packet.header
  let text = inLink ? '' : 'IP '
  if (s.verbose > 0) text += headerLine(h, packet.ip)
  text += `${await ends(p, h, s)}: `
  if (packet.inner) return text + (await tunnelText(p, packet, s, state))
  text += body(packet, h, s, state)
  if (s.verbose > 0 && packet.quoted) {
    const q = packet.quoted
    text += `\n\tIP ${headerLine(q, { id: 0, tos: 0, dontFragment: q.protocol !== 'udp' })}${await ends(p, q, s)}: ${body({ ...packet, header: q, payload: '' }, q, s, state)}`
  }
  return text
}

function headerLine(h: Header, ip: CapturedPacket['ip']): string {
  const [name, number] = typeof h.protocol === 'number' ? (['unknown', h.protocol] as const) : protocolNumbers[h.protocol]!
  const error = h.icmp !== undefined && [3, 11, 5].includes(h.icmp.type)
  const fragment = ip?.dontFragment ?? (h.protocol === 'tcp' || h.icmp?.type === 8)
  return `(tos 0x${(ip?.tos ?? (error ? 0xc0 : 0)).toString(16)}, ttl ${h.ttl}, id ${ip?.id ?? 0}, offset 0, flags [${fragment ? 'DF' : 'none'}], proto ${name} (${number}), length ${h.length})\n    `
}

async function tunnelText(p: Process, packet: CapturedPacket, s: Shape, state: State): Promise<string> {
  const inner = packet.inner!
  const vni = packet.vni ?? 0
  if (packet.header.protocol !== 'udp') return ipText(p, inner, s, state, false)
  const name = packet.header.destinationPort === 8472 ? `OTV, flags [I] (0x08), overlay 0, instance ${vni}` : `VXLAN, flags [I] (0x08), vni ${vni}`
  const link = s.link && inner.link ? `${inner.link.source} > ${inner.link.destination}, ethertype ${inner.arp ? 'ARP (0x0806)' : 'IPv4 (0x0800)'}, length ${frameLength(inner)}: ` : ''
  return `${name}\n${link}${inner.arp ? (link === '' ? 'ARP, ' : '') + arpText(inner, s) : await ipText(p, inner, s, state, link !== '')}`
}

function body(packet: CapturedPacket, h: Header, s: Shape, state: State): string {
  if (h.protocol === 'tcp') return tcpText(packet, h, s, state)
  if (h.protocol === 'udp') return udpText(packet, h, s)
  if (h.protocol === 'icmp') return icmpText(packet, h, s)
  return ` ip-proto-${h.protocol} ${h.length - 20}`
}

function tcpText(packet: CapturedPacket, h: Header, s: Shape, state: State): string {
  const length = byteLength(packet.payload)
  if (s.quiet) return `tcp ${length}`
  const t = packet.tcp ?? { seq: 0, ack: 0, window: 64240 }
  const syn = hasFlag(h, 'S')
  const ack = hasFlag(h, 'A')
  const flags = `${hasFlag(h, 'F') ? 'F' : ''}${syn ? 'S' : ''}${hasFlag(h, 'R') ? 'R' : ''}${hasFlag(h, 'P') ? 'P' : ''}${ack ? '.' : ''}`
  const from = `${h.source}:${h.sourcePort}`
  const id = [from, `${h.destination}:${h.destinationPort}`].sort().join(' ')
  let seq = t.seq
  let acked = t.ack
  // Numbers are relative once a segment with ACK has been seen; that one is shown as it is.
  if (!s.absolute && ack) {
    const known = state.bases.get(id)
    if (!known || syn) state.bases.set(id, { from, seq: t.seq, ack: t.ack - 1 })
    else {
      const forward = known.from === from
      seq -= forward ? known.seq : known.ack
      acked -= forward ? known.ack : known.seq
    }
  }
  const reset = hasFlag(h, 'R')
  const showSeq = syn || hasFlag(h, 'F') || reset || length > 0
  let text = `Flags [${flags || 'none'}]`
  if (showSeq) text += length > 0 ? `, seq ${seq}:${seq + length}` : `, seq ${seq}`
  if (ack) text += `, ack ${acked}`
  text += `, win ${t.window}`
  const extra = packet.tcp as { mss?: number; tsval?: number; tsecr?: number; wscale?: number } | undefined
  const ts = `TS val ${extra?.tsval ?? 1000} ecr ${extra?.tsecr ?? (syn && !ack ? 0 : 1000)}`
  if (syn) text += `, options [mss ${extra?.mss ?? 1460},sackOK,${ts},nop,wscale ${extra?.wscale ?? 10}]`
  else if (!reset) text += `, options [nop,nop,${ts}]`
  text += `, length ${length}`
  if (length > 0 && [80, 8080, 3128].some((n) => h.sourcePort === n || h.destinationPort === n)) {
    const first = /^(?:(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT) [^\r\n]*|HTTP\/1\.[01] [^\r\n]*)/.exec(packet.payload)
    text += ': HTTP' + (first ? `: ${first[0]}` : '')
    if (s.verbose > 0 && first) text += packet.payload.split('\r\n\r\n')[0]!.split('\r\n').map((l, i) => (i === 0 ? `\n\t${l}` : `\n\t${l}`)).join('')
  }
  if (s.ascii && length > 0) text += '\n' + packet.payload.replace(/[^\x20-\x7e\n\r\t]/g, '.').replace(/\r/g, '')
  else if (s.hex && length > 0) text += hexDump(packet.payload, s.both)
  return text
}

function udpText(packet: CapturedPacket, h: Header, s: Shape): string {
  const length = byteLength(packet.payload)
  if (s.quiet) return `UDP, length ${length}`
  if (h.sourcePort === 53 || h.destinationPort === 53) {
    const m = decodeDns(packet.payload)
    if (m) return dnsText(m, length, s)
  }
  return `UDP, length ${length}${s.ascii && length > 0 ? '\n' + packet.payload : ''}`
}

function dnsText(m: DnsMessage, length: number, s: Shape): string {
  const ar = m.additional.length + (m.edns ? 1 : 0)
  const q = m.questions[0]
  const question = q ? ` ${q.type === 'ANY' ? 'ANY' : q.type}? ${q.name}` : ''
  if (!m.response) {
    const extra = `${m.recursionDesired ? '+' : ''}${m.checkingDisabled ? '%' : ''}`
    return `${m.id}${extra}${ar > 0 ? ` [${m.answers.length > 0 ? `${m.answers.length}a,` : ''}${ar}au]` : ''}${question} (${length})`
  }
  const flags = `${m.authoritative ? '*' : ''}${m.recursionAvailable ? '' : '-'}${m.truncated ? '|' : ''}${m.authenticData ? '$' : ''}`
  const rcode = m.rcode === 0 ? '' : ` ${m.rcode === 3 ? 'NXDomain' : m.rcode === 2 ? 'ServFail' : m.rcode === 5 ? 'Refused' : (dnsRcodes[m.rcode] ?? `Resp${m.rcode}`)}`
  const star = `${rcode}${flags}`
  const records = m.answers.map((r) => ` ${r.type} ${r.type === 'SRV' ? srv(r.data) : r.data}`).join(',')
  return `${m.id}${star}${s.verbose > 0 ? ` q:${question}` : ''} ${m.answers.length}/${m.authority.length}/${ar}${records}${m.answers.length === 0 && m.authority.length > 0 && s.verbose > 0 ? '' : ''} (${length})`
}

function srv(data: string): string {
  const [priority, weight, port, target] = data.split(' ')
  return `${target}:${port} ${priority} ${weight}`
}

function icmpText(packet: CapturedPacket, h: Header, s: Shape): string {
  const i = h.icmp ?? { type: 0, code: 0 }
  const length = h.length - 20
  const inner = packet.quoted
  const about = inner?.destination ?? h.source
  const unreachable: Readonly<Record<number, string>> = {
    0: `net ${about} unreachable`, 1: `host ${about} unreachable`, 2: `${about} protocol ${typeof inner?.protocol === 'number' ? inner.protocol : ({ tcp: 6, udp: 17, icmp: 1, sctp: 132 }[inner?.protocol ?? 'tcp'] ?? 6)} unreachable`,
    3: `${about} ${inner?.protocol ?? 'udp'} port ${inner?.destinationPort ?? 0} unreachable`, 4: `${about} unreachable - need to frag (mtu ${packet.icmpInfo ?? 0})`, 9: `net ${about} unreachable - admin prohibited`, 10: `host ${about} unreachable - admin prohibited`,
    13: `host ${about} unreachable - admin prohibited filter`,
  }
  switch (i.type) {
    case 8:
    case 0:
      return `ICMP echo ${i.type === 8 ? 'request' : 'reply'}${s.quiet ? '' : `, id ${i.id ?? 0}, seq ${i.sequence ?? 0}`}, length ${length}`
    case 3:
      return `ICMP ${unreachable[i.code] ?? `${about} unreachable - #${i.code}`}, length ${length}`
    case 11:
      return `ICMP ${i.code === 1 ? 'ip reassembly time exceeded' : 'time exceeded in-transit'}, length ${length}`
    case 5:
      return `ICMP redirect ${about} to host ${formatIpv4(packet.icmpInfo ?? 0)}, length ${length}`
    default:
      return `ICMP type-#${i.type}, length ${length}`
  }
}

function hexDump(text: string, both: boolean): string {
  const bytes = encodeBytes(text)
  let out = ''
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.slice(at, at + 16)]
    const pairs: string[] = []
    for (let k = 0; k < row.length; k += 2) pairs.push(row.slice(k, k + 2).map((b) => b.toString(16).padStart(2, '0')).join(''))
    out += `\n\t0x${at.toString(16).padStart(4, '0')}:  ${both ? pairs.join(' ').padEnd(41) + row.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('') : pairs.join(' ')}`
  }
  return out
}
