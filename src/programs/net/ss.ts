/** `ss` of iproute2 6.1 and `netstat` of net-tools 2.10, for TCP and UDP over IPv4. */
import { parseIpv4 } from '#base/ip.ts'
import type { SocketInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from './getopt.ts'
import { complain, portNamed, say, serviceNames } from './support.ts'

const usage = `Usage: ss [ OPTIONS ]
       ss [ OPTIONS ] [ FILTER ]
   -h, --help          this message
   -V, --version       output version information
   -n, --numeric       don't resolve service names
   -r, --resolve       resolve host names
   -a, --all           display all sockets
   -l, --listening     display listening sockets
   -o, --options       show timer information
   -e, --extended      show detailed socket information
   -m, --memory        show socket memory usage
   -p, --processes     show process using socket
   -T, --threads       show thread using socket
   -i, --info          show internal TCP information
       --tipcinfo      show internal tipc socket information
   -s, --summary       show socket usage summary
       --tos           show tos and priority information
       --cgroup        show cgroup information
   -b, --bpf           show bpf filter socket information
   -E, --events        continually display sockets as they are destroyed
   -Z, --context       display task SELinux security contexts
   -z, --contexts      display task and socket SELinux security contexts
   -N, --net           switch to the specified network namespace name

   -4, --ipv4          display only IP version 4 sockets
   -6, --ipv6          display only IP version 6 sockets
   -0, --packet        display PACKET sockets
   -t, --tcp           display only TCP sockets
   -M, --mptcp         display only MPTCP sockets
   -S, --sctp          display only SCTP sockets
   -u, --udp           display only UDP sockets
   -d, --dccp          display only DCCP sockets
   -w, --raw           display only RAW sockets
   -x, --unix          display only Unix domain sockets
       --tipc          display only TIPC sockets
       --vsock         display only vsock sockets
       --xdp           display only XDP sockets
   -f, --family=FAMILY display sockets of type FAMILY
       FAMILY := {inet|inet6|link|unix|netlink|vsock|tipc|xdp|help}

   -K, --kill          forcibly close sockets, display what was closed
   -H, --no-header     Suppress header line
   -O, --oneline       socket's data printed on a single line
       --inet-sockopt  show various inet socket options

   -A, --query=QUERY, --socket=QUERY
       QUERY := {all|inet|tcp|mptcp|udp|raw|unix|unix_dgram|unix_stream|unix_seqpacket|packet|packet_raw|packet_dgram|netlink|dccp|sctp|vsock_stream|vsock_dgram|tipc|xdp}[,QUERY]

   -D, --diag=FILE     Dump raw information about TCP sockets to FILE
   -F, --filter=FILE   read filter information from FILE
       FILTER := [ state STATE-FILTER ] [ EXPRESSION ]
       STATE-FILTER := {all|connected|synchronized|bucket|big|TCP-STATES}
         TCP-STATES := {established|syn-sent|syn-recv|fin-wait-{1,2}|time-wait|closed|close-wait|last-ack|listening|closing}
          connected := {established|syn-sent|syn-recv|fin-wait-{1,2}|time-wait|close-wait|last-ack|closing}
       synchronized := {established|syn-recv|fin-wait-{1,2}|time-wait|close-wait|last-ack|closing}
             bucket := {syn-recv|time-wait}
                big := {established|syn-sent|fin-wait-{1,2}|closed|close-wait|last-ack|listening|closing}
`

const split = (text: string) => {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: text.slice(colon + 1) }
}

const open = (s: SocketInfo) => s.state !== 'LISTEN' && s.state !== 'UNCONN' && s.state !== 'CLOSE'

const stateWords: Readonly<Record<string, (s: SocketInfo) => boolean>> = {
  all: () => true, connected: (s) => s.state !== 'LISTEN' && s.state !== 'UNCONN', synchronized: (s) => s.state !== 'LISTEN' && s.state !== 'SYN-SENT' && s.state !== 'UNCONN', listening: (s) => s.state === 'LISTEN' || s.state === 'UNCONN',
  listen: (s) => s.state === 'LISTEN', established: (s) => s.state === 'ESTAB', 'syn-sent': (s) => s.state === 'SYN-SENT', 'syn-recv': (s) => s.state === 'SYN-RECV', 'fin-wait-1': (s) => s.state === 'FIN-WAIT-1', 'fin-wait-2': (s) => s.state === 'FIN-WAIT-2',
  'time-wait': (s) => s.state === 'TIME-WAIT', 'close-wait': (s) => s.state === 'CLOSE-WAIT', 'last-ack': (s) => s.state === 'LAST-ACK', closing: (s) => s.state === 'CLOSING', closed: (s) => s.state === 'UNCONN',
}

type Test = (s: SocketInfo) => boolean

/** What is wrong with a filter, with its newline; the usage follows where it is the syntax. */
class FilterError extends Error {}

/** The filter language: `sport = :80 or ( dst 10.0.0.0/8 and not dport :22 )`. */
function parseFilter(p: Process, words: readonly string[]): Test {
  let i = 0
  const any = (): Test => {
    let left = both()
    while (words[i] === 'or' || words[i] === '|' || words[i] === '||') {
      i++
      const [a, b] = [left, both()]
      left = (s) => a(s) || b(s)
    }
    return left
  }
  const both = (): Test => {
    let left = one()
    while (i < words.length && words[i] !== ')' && words[i] !== 'or' && words[i] !== '|' && words[i] !== '||') {
      if (words[i] === 'and' || words[i] === '&' || words[i] === '&&') i++
      const [a, b] = [left, one()]
      left = (s) => a(s) && b(s)
    }
    return left
  }
  const one = (): Test => {
    const word = words[i++]
    if (word === 'not' || word === '!') {
      const t = one()
      return (s) => !t(s)
    }
    if (word === '(') {
      const t = any()
      i++
      return t
    }
    if (word === 'src' || word === 'dst') {
      if (words[i] === '=' || words[i] === 'eq' || words[i] === '==') i++
      return address(word === 'src' ? (s) => s.local : (s) => s.remote, words[i++] ?? '')
    }
    if (word === 'sport' || word === 'dport') {
      const operators = ['=', 'eq', '==', '!=', 'ne', 'neq', '>=', 'ge', 'geq', '<=', 'le', 'leq', '>', 'gt', '<', 'lt']
      const operator = operators.includes(words[i] ?? '') ? words[i++]! : '='
      const port = portOf(words[i++] ?? '')
      const of = (s: SocketInfo) => Number(split(word === 'sport' ? s.local : s.remote).port)
      if (/^(!=|ne|neq)$/.test(operator)) return (s) => of(s) !== port
      if (/^(>=|ge|geq)$/.test(operator)) return (s) => of(s) >= port
      if (/^(<=|le|leq)$/.test(operator)) return (s) => of(s) <= port
      if (/^(>|gt)$/.test(operator)) return (s) => of(s) > port
      if (/^(<|lt)$/.test(operator)) return (s) => of(s) < port
      return (s) => of(s) === port
    }
    // A word alone is the other end.
    if (word === undefined || ['and', '&', '&&', 'or', '|', '||', ')', '=', '==', 'eq', '!=', 'ne', '>=', '<=', '>', '<'].includes(word)) throw new FilterError()
    if (!/[.:/*\d]/.test(word)) throw new FilterError(`Error: "${word}" does not look like a port.\nCannot parse dst/src address.\n`)
    return address((s) => s.remote, word)
  }
  const portOf = (text: string): number => {
    const port = portNamed(p, text.replace(/^.*:/, ''), 'tcp')
    if (port === undefined) throw new FilterError(`Error: "${text.replace(/^.*:/, '')}" does not look like a port.\nCannot parse dst/src address.\n`)
    return port
  }
  const address = (of: (s: SocketInfo) => string, text: string): Test => {
    const { host, port } = text.includes(':') ? split(text) : { host: text, port: '' }
    const [ip, length] = host.split('/')
    if (host !== '' && host !== '*' && parseIpv4(ip!) === undefined) throw new FilterError(`Error: an inet prefix is expected rather than "${host}".\nCannot parse dst/src address.\n`)
    if (port !== '' && port !== '*') portOf(port)
    const bits = (a: string) => a.split('.').reduce((n, x) => n * 256 + Number(x), 0)
    const shift = 2 ** (32 - Number(length ?? 32))
    return (s) => {
      const is = split(of(s))
      return (host === '' || host === '*' || Math.floor(bits(is.host) / shift) === Math.floor(bits(ip!) / shift)) && (port === '' || port === '*' || is.port === String(portNamed(p, port, 'tcp')))
    }
  }
  return words.length === 0 ? () => true : any()
}

const families = ['inet', 'inet6', 'unix', 'link', 'netlink', 'vsock', 'tipc', 'xdp', 'help']
const tables = ['all', 'inet', 'udp', 'dccp', 'tcp', 'sctp', 'raw', 'unix', 'unix_stream', 'unix_dgram', 'unix_seqpacket', 'packet', 'packet_raw', 'packet_dgram', 'netlink', 'vsock', 'vsock_stream', 'vsock_dgram', 'tipc', 'xdp', 'mptcp']

export const ss: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '+hVnralomepisbEZz460tudwxf:A:F:HOKN:DSM', {
    help: '', version: '', numeric: '', resolve: '', all: '', listening: '', options: '', memory: '', extended: '', processes: '', info: '', summary: '', ipv4: '', ipv6: '', tcp: '', udp: '', unix: '', raw: '', family: ':', query: ':', 'no-header': '', oneline: '', kill: '', net: ':', events: '', context: '', contexts: '', packet: '', dccp: '', sctp: '', tipc: '', vsock: '', xdp: '', mptcp: '', threads: '', bpf: '', tos: '', cgroup: '', 'inet-sockopt': '', tipcinfo: '', diag: ':', filter: ':',
  })
  if (o.error || o.has('h', 'help')) {
    await (o.error ? complain : say)(p, (o.error ? `ss: ${o.error}\n` : '') + usage)
    return o.error ? 255 : 0
  }
  if (o.has('V', 'version')) {
    await say(p, 'ss utility, iproute2-6.1.0\n')
    return 0
  }
  if (o.has('Z', 'z', 'context', 'contexts')) {
    await complain(p, 'ss: SELinux is not enabled.\n')
    return 1
  }
  for (const [names, known, what] of [[['f', 'family'], families, 'invalid family'], [['A', 'query'], tables, 'illegal socket table id']] as const) {
    const given = o.get(...names)
    const bad = given?.split(',').find((x) => !known.includes(x.replace(/^!/, '')))
    if (bad !== undefined) {
      await complain(p, `ss: "${bad}" is ${what}\n${usage}`)
      return 255
    }
  }
  const words = o.operands.flatMap((w) => w.split(/\s+|(?=[()])|(?<=[()])/).filter((x) => x !== ''))
  const states: Test[] = []
  const rest: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === 'state' || word === 'exclude') {
      const name = words[++i] ?? ''
      const test = stateWords[name]
      if (!test) {
        await complain(p, `ss: wrong state name: ${name}\n`)
        return 255
      }
      states.push(word === 'state' ? test : (s) => !test(s))
    } else rest.push(word)
  }
  let filter: Test
  try {
    filter = parseFilter(p, rest)
  } catch (error) {
    if (!(error instanceof FilterError)) throw error
    await complain(p, error.message !== '' ? error.message : `ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n${usage}`)
    return error.message !== '' ? 1 : 255
  }
  if (o.has('s', 'summary')) return summary(p)
  const query = o.get('A', 'query')?.split(',') ?? []
  const tcp = o.has('t', 'tcp') || query.includes('tcp') || query.includes('inet')
  const udp = o.has('u', 'udp') || query.includes('udp') || query.includes('inet')
  const others = [o.has('w', 'raw'), o.has('d', 'dccp'), o.has('M', 'mptcp'), o.has('S', 'sctp')].filter((x) => x).length
  const both = !tcp && !udp && others === 0 && !o.has('x', 'unix', '0', 'packet')
  const kinds = new Set([...(tcp || both ? ['tcp'] : []), ...(udp || both ? ['udp'] : [])])
  const all = o.has('a', 'all')
  const listening = o.has('l', 'listening')
  const rows = (o.has('6', 'ipv6') ? [] : p.net.sockets.list()).filter((s) => kinds.has(s.protocol) && filter(s) && (states.length > 0 ? states.every((t) => t(s)) : all || (listening ? s.state === 'LISTEN' || s.state === 'UNCONN' : open(s))))
  const order = ['udp', 'tcp']
  if (kinds.size > 1) rows.sort((a, b) => order.indexOf(a.protocol) - order.indexOf(b.protocol))
  await say(p, table(p, rows, { netid: kinds.size + others !== 1, state: !(o.has('w', 'raw') && kinds.size === 0) && !o.has('0', 'packet') && (states.length !== 1 || words[0] === 'exclude' || ['all', 'connected', 'synchronized'].includes(words[1] ?? '')), resolve: o.has('r', 'resolve') ? names(p) : undefined, numeric: o.has('n', 'numeric'), processes: o.has('p', 'processes'), header: !o.has('H', 'no-header'), extended: o.has('e', 'extended') }))
  return 0
}

/** Names of addresses in /etc/hosts. */
function names(p: Process): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (const line of p.fs.exists('/etc/hosts') ? p.fs.readFile('/etc/hosts').split('\n') : []) {
    const [address, name] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (name !== undefined && !map.has(address!)) map.set(address!, name)
  }
  return map
}

interface TableOptions {
  readonly resolve: ReadonlyMap<string, string> | undefined
  readonly netid: boolean
  readonly state: boolean
  readonly numeric: boolean
  readonly processes: boolean
  readonly header: boolean
  readonly extended: boolean
}

/** Columns are as wide as their widest cell; without a terminal nothing is stretched. Address columns join at the colon. */
function table(p: Process, rows: readonly SocketInfo[], o: TableOptions): string {
  const services = o.numeric ? undefined : serviceNames(p)
  const cells = rows.map((s) => {
    const [local, remote] = [split(s.local), split(s.remote)]
    const port = (text: string) => services?.get(`${text}/${s.protocol}`) ?? text
    const host = (text: string, device?: string) => (text === '*' ? '0.0.0.0' : (o.resolve?.get(text) ?? text)) + (device !== undefined ? `%${device}` : '')
    const [name, pid, fd] = s.owner.split(',')
    return [
      ...(o.netid ? [s.protocol as string] : []), ...(o.state ? [s.state] : []), String(s.receiveQueue), String(s.sendQueue), host(local.host, s.device), port(local.port), host(remote.host), port(remote.port),
      o.processes && pid !== undefined ? ` users:(("${name}",pid=${pid},fd=${fd ?? 3}))` : '',
    ]
  })
  const titles = [...(o.netid ? ['Netid'] : []), ...(o.state ? ['State'] : []), 'Recv-Q', 'Send-Q', 'Local Address', 'Port', 'Peer Address', 'Port', 'Process']
  const shown = o.header ? [titles, ...cells] : cells
  const n = titles.length
  const widths = titles.map((_, i) => Math.max(...shown.map((r) => r[i]!.length), 0))
  const [la, lp, pa, pp] = [n - 5, n - 4, n - 3, n - 2]
  const line = (r: readonly string[]) => {
    let text = ''
    for (let i = 0; i < la; i++) text += r[i]!.padEnd(widths[i]!) + ' '
    text += `${r[la]!.padStart(widths[la]!)}:${r[lp]!.padEnd(widths[lp]!)} ${r[pa]!.padStart(widths[pa]!)}:${r[pp]!.padEnd(widths[pp]!)}`
    return text + r[n - 1]!.padEnd('Process'.length)
  }
  return shown.map((r) => line(r) + '\n').join('')
}

async function summary(p: Process): Promise<number> {
  const list = p.net.sockets.list()
  const tcp = list.filter((s) => s.protocol === 'tcp')
  const count = (state: string) => tcp.filter((s) => s.state === state).length
  const udp = list.filter((s) => s.protocol === 'udp').length
  await say(p, `Total: ${list.length}\nTCP:   ${tcp.length} (estab ${count('ESTAB')}, closed ${count('TIME-WAIT')}, orphaned 0, timewait ${count('TIME-WAIT')})\n\nTransport Total     IP        IPv6\nRAW\t  0         0         0        \nUDP\t  ${String(udp).padEnd(10)}${String(udp).padEnd(10)}0        \nTCP\t  ${String(tcp.length - count('TIME-WAIT')).padEnd(10)}${String(tcp.length - count('TIME-WAIT')).padEnd(10)}0        \nINET\t  ${String(list.length).padEnd(10)}${String(list.length).padEnd(10)}0        \nFRAG\t  0         0         0        \n\n`)
  return 0
}

const netstatStates: Readonly<Record<string, string>> = { ESTAB: 'ESTABLISHED', 'SYN-SENT': 'SYN_SENT', 'SYN-RECV': 'SYN_RECV', 'FIN-WAIT-1': 'FIN_WAIT1', 'FIN-WAIT-2': 'FIN_WAIT2', 'TIME-WAIT': 'TIME_WAIT', 'CLOSE-WAIT': 'CLOSE_WAIT', 'LAST-ACK': 'LAST_ACK', LISTEN: 'LISTEN', CLOSING: 'CLOSING', UNCONN: '' }

export const netstat: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'rigsaltuwxneop46cv', { route: '', interfaces: '', statistics: '', all: '', listening: '', tcp: '', udp: '', numeric: '', program: '', programs: '' })
  if (o.error) {
    await complain(p, `netstat: ${o.error}\n`)
    return 4
  }
  if (o.has('r', 'route')) return routes(p)
  if (o.has('i', 'interfaces')) return interfaces(p)
  const tcp = o.has('t', 'tcp')
  const udp = o.has('u', 'udp')
  const listening = o.has('l', 'listening')
  const services = o.has('n', 'numeric') ? undefined : serviceNames(p)
  const show = (s: SocketInfo) => (s.protocol === 'tcp' ? tcp || !udp : udp || !tcp) && (o.has('a', 'all') || (listening ? s.state === 'LISTEN' || s.state === 'UNCONN' : open(s)))
  const rows = p.net.sockets.list().filter(show).sort((a, b) => (a.protocol === b.protocol ? 0 : a.protocol === 'tcp' ? -1 : 1))
  const programs = o.has('p', 'program', 'programs')
  const kind = o.has('a', 'all') ? 'servers and established' : listening ? 'only servers' : 'w/o servers'
  let text = `Active Internet connections (${kind})\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ${programs ? ' PID/Program name    ' : ''}\n`
  const end = (address: string, protocol: string) => {
    const { host, port } = split(address)
    return `${host === '*' ? '0.0.0.0' : host}:${services?.get(`${port}/${protocol}`) ?? port}`
  }
  for (const s of rows) {
    const [name, pid] = s.owner.split(',')
    text += `${s.protocol.padEnd(5)} ${String(s.state === 'LISTEN' ? 0 : s.receiveQueue).padStart(6)} ${String(s.state === 'LISTEN' ? 0 : s.sendQueue).padStart(6)} ${end(s.local, s.protocol).padEnd(23)} ${end(s.remote, s.protocol).padEnd(23)} ${(netstatStates[s.state] ?? s.state).padEnd(11)}${programs ? ` ${(pid !== undefined && pid !== '' ? `${pid}/${name}` : '-').padEnd(20)}` : ''}\n`
  }
  await say(p, text)
  return 0
}

async function routes(p: Process): Promise<number> {
  let text = 'Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n'
  for (const r of p.net.routes()) {
    const [to, length] = r.to === 'default' ? ['0.0.0.0', '0'] : r.to.includes('/') ? r.to.split('/') : [r.to, '32']
    const mask = Number(length) === 0 ? 0 : (0xffffffff << (32 - Number(length))) >>> 0
    const genmask = `${mask >>> 24}.${(mask >>> 16) & 255}.${(mask >>> 8) & 255}.${mask & 255}`
    text += `${to!.padEnd(15)} ${(r.via ?? '0.0.0.0').padEnd(15)} ${genmask.padEnd(15)} ${`U${r.via ? 'G' : ''}${length === '32' ? 'H' : ''}`.padEnd(5)} ${'0'.padStart(5)} ${'0'.padEnd(6)} ${'0'.padStart(5)} ${r.device ?? '*'}\n`
  }
  await say(p, text)
  return 0
}

async function interfaces(p: Process): Promise<number> {
  let text = 'Kernel Interface table\nIface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n'
  for (const l of p.net.links.values()) {
    if (!l.up) continue
    const s = l.statistics
    text += `${l.name.padEnd(16)} ${String(l.mtu).padStart(5)} ${String(s.rxPackets).padStart(8)} ${String(s.rxErrors).padStart(6)} ${String(s.rxDropped).padStart(6)} ${'0'.padEnd(6)} ${String(s.txPackets).padStart(8)} ${String(s.txErrors).padStart(6)} ${String(s.txDropped).padStart(6)} ${'0'.padStart(6)} ${l.kind === 'loopback' ? 'LRU' : 'BMRU'}\n`
  }
  await say(p, text)
  return 0
}
