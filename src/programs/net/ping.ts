/** `ping` of iputils 20221126 (IPv4), and busybox's with its other words where argv[0] leads there (ping-busybox is separate). */
import { parseIpv4, ipv4 } from '#base/ip.ts'
import { errnoTexts } from '#engine/net/error.ts'
import type { PingResult } from '#engine/net/types.ts'
import { strerror, type Errno } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { reverseLookup } from './dns-client.ts'
import { getopt } from './getopt.ts'
import { complain, lookupErrors, nameOf, say } from './support.ts'

const usage = `
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -a                 use audible ping
  -A                 use adaptive ping
  -B                 sticky source address
  -c <count>         stop after <count> replies
  -C                 call connect() syscall on socket creation
  -D                 print timestamps
  -d                 use SO_DEBUG socket option
  -e <identifier>    define identifier for ping session, default is random for
                     SOCK_RAW and kernel defined for SOCK_DGRAM
                     Imply using SOCK_RAW (for IPv4 only for identifier 0)
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -L                 suppress loopback of multicast packets
  -l <preload>       send <preload> number of packages while waiting replies
  -m <mark>          tag the packets going out
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -S <size>          use <size> as SO_SNDBUF socket option value
  -t <ttl>           define time to live
  -U                 print user-to-user latency
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast
  -R                 record route
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>

IPv6 options:
  -6                 use IPv6
  -F <flowlabel>     define flow label, default is random
  -N <nodeinfo opt>  use icmp6 node info query, try <help> as argument

For more details see ping(8).
`

interface Settings {
  readonly count: number | undefined
  readonly interval: number
  readonly size: number
  readonly ttl: number | undefined
  readonly deadline: number | undefined
  readonly linger: number
  readonly quiet: boolean
  readonly numeric: boolean
  readonly stamps: boolean
  readonly outstanding: boolean
  readonly dontFragment: boolean | undefined
  readonly broadcast: boolean
  readonly mark: number | undefined
}

function numberIn(text: string, low: number, high: number): number | string {
  if (!/^-?\d+(\.\d+)?$/.test(text)) return `invalid argument: '${text}'`
  const n = Number(text)
  if (n < low || n > high) return `invalid argument: '${text}': out of range: ${low} <= value <= ${high === Infinity ? '9223372036854775807' : high}`
  return n
}

/** `0.045`, `0.45`, `1.23`, `12.3`, `123`: three significant places as ping prints times. */
function time(ms: number): string {
  const us = Math.round(ms * 1000)
  if (us >= 100_000) return String(Math.floor((us + 500) / 1000))
  if (us >= 10_000) return (us / 1000).toFixed(1)
  if (us >= 1000) return (us / 1000).toFixed(2)
  return (us / 1000).toFixed(3)
}

export const ping: Program = async (p) => {
  const fail = async (text: string, code: number) => {
    await complain(p, text)
    return code
  }
  const o = getopt(p.argv.slice(1), 'aAbBc:CDde:fhHI:i:Ll:m:M:nOp:qQ:rRs:S:t:T:UvVw:W:46')
  if (o.error) return fail(`ping: ${o.error.startsWith('unrecognized') ? "invalid option -- '-'" : o.error}\n${usage}`, 2)
  if (o.has('h')) return fail(usage, 2)
  if (o.has('V')) {
    await say(p, 'ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n')
    return 0
  }
  const limits: Readonly<Record<string, readonly [number, number]>> = { c: [1, Infinity], i: [0, 2147483], s: [0, 2147483647], t: [0, 255], w: [0, 2147483647], W: [0, 2147483], l: [1, 65536], m: [0, 4294967295] }
  const values: Record<string, number> = {}
  for (const [name, text] of o.options) {
    const limit = limits[name]
    if (!limit || text === undefined) continue
    const n = numberIn(text, ...limit)
    if (typeof n === 'string') return fail(`ping: ${n}\n`, 1)
    values[name] = n
  }
  const pmtu = o.get('M')
  if (pmtu !== undefined && !['do', 'dont', 'want'].includes(pmtu)) return fail(`ping: invalid -M argument: ${pmtu}\n`, 2)
  const pattern = o.get('p')
  if (pattern !== undefined && !/^[0-9a-f]+$/i.test(pattern)) return fail(`ping: patterns must be specified as hex digits: ${pattern}\n`, 2)
  if (values['t'] === 0) return fail('ping: cannot set unicast time-to-live: Invalid argument\n', 2)
  let name = o.operands.at(-1)
  if (name === undefined) return fail('ping: usage error: Destination address required\n', 1)
  const interval = o.has('f') ? 0.01 : (values['i'] ?? 1)
  if (interval < 0.002 && p.user.uid !== 0) return fail('ping: cannot flood, minimal interval for user must be >= 2 ms, use -i 0.002 (or higher)\n', 2)
  const s: Settings = {
    count: values['c'], interval: interval * 1000, size: values['s'] ?? 56, ttl: values['t'], deadline: values['w'] === undefined ? undefined : values['w'] * 1000, linger: (values['W'] ?? 10) * 1000,
    quiet: o.has('q') || o.has('f'), numeric: o.has('n'), stamps: o.has('D'), outstanding: o.has('O'), dontFragment: pmtu === 'do' ? true : pmtu === 'dont' ? false : undefined, broadcast: o.has('b'), mark: values['m'],
  }
  if (o.has('6') && parseIpv4(name) !== undefined) return fail(`ping: ${name}: Address family for hostname not supported\n`, 2)
  const found = await p.sockets.lookup(name === '0' ? '127.0.0.1' : name)
  if (!found.ok) return fail(`ping: ${name}: ${lookupErrors[found.error]}\n`, 2)
  const target = found.addresses[0]!
  if (name !== '0' && parseIpv4(name) === undefined) name = found.canonical
  let source: string | undefined
  let device: string | undefined
  for (const given of o.all('I')) {
    if (parseIpv4(given) !== undefined) {
      source = given
      const own = [...p.net.links.values()].some((l) => l.addresses.some((a) => a.address === given)) || given.startsWith('127.')
      if (!own) return fail('ping: bind: Cannot assign requested address\n', 2)
    } else {
      device = given
      if (!p.net.links.has(given)) return fail(`ping: SO_BINDTODEVICE ${given}: No such device\n`, 2)
    }
  }
  let route = p.net.routeGet(target, { ...(source !== undefined && { source }), ...(device !== undefined && device !== 'lo' && { outputDevice: device }) })
  // The source is learnt from a connected socket, which asks once more with it.
  if (source === undefined && device === undefined && 'source' in route) route = p.net.routeGet(target, { source: route.source })
  if ('error' in route && device === undefined && source === undefined) {
    if (route.error === 'EACCES' && !s.broadcast) return fail('ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n', 2)
    return fail(`ping: connect: ${errnoTexts[route.error] ?? route.error}\n`, 2)
  }
  if ('route' in route && route.route.type === 'broadcast' && !s.broadcast) return fail('ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n', 2)
  if ('route' in route && route.route.type === 'broadcast') await complain(p, 'WARNING: pinging broadcast address\n')
  let shownSource = source
  if (device !== undefined) {
    const own = p.net.links.get(device)!.addresses[0]?.address
    shownSource ??= device === 'lo' ? ('source' in route ? route.source : own) : (own ?? ('source' in route ? route.source : undefined))
    if ('route' in route && device === 'lo' && route.route.device !== 'lo' && route.route.type !== 'local') await complain(p, `ping: Warning: source address might be selected on device other than: ${device}\n`)
  }
  const from = shownSource !== undefined ? `from ${shownSource} ${device ?? ''}: ` : ''
  await say(p, `PING ${name} (${target}) ${from}${s.size}(${s.size + 28}) bytes of data.\n`)
  return run(p, name, target, source, device, s)
}

async function run(p: Process, name: string, target: string, source: string | undefined, device: string | undefined, s: Settings): Promise<number> {
  const started = p.now()
  let sent = 0
  let received = 0
  let errors = 0
  let outstandingMost = 0
  let outstanding = 0
  const times: number[] = []
  const queue: { readonly sequence: number; readonly result: PingResult }[] = []
  let wake: (() => void) | undefined
  let stop = false
  const id = p.pid & 0xffff
  p.onSignal('SIGINT', () => {
    stop = true
    wake?.()
  })
  p.onSignal('SIGQUIT', () => undefined)
  const literal = name === target || name === '0'
  const shown = new Map<string, string>()
  const label = async (address: string): Promise<string> => {
    if (s.numeric || literal) return address
    let text = shown.get(address)
    if (text === undefined) {
      const known = address === target && (await nameOf(p, address, reverseLookup))
      text = known ? `${known} (${address})` : address
      shown.set(address, text)
    }
    return text
  }
  let last = started
  const report = async ({ sequence, result }: (typeof queue)[number]): Promise<void> => {
    last = p.now()
    const stamp = s.stamps ? `[${(p.now() / 1000).toFixed(6)}] ` : ''
    if (result.kind === 'reply') {
      received++
      outstanding = Math.max(0, outstanding - 1)
      if (s.size >= 16) times.push(result.rtt)
      if (!s.quiet) await say(p, `${stamp}${s.size + 8} bytes from ${await label(result.from)}: icmp_seq=${sequence} ttl=${result.ttl}${s.size >= 16 ? ` time=${time(result.rtt)} ms` : ''}\n`)
    } else if (result.kind === 'icmp') {
      const redirect = result.type === 5
      if (!redirect) {
        errors++
        outstandingMost = Math.max(outstandingMost, outstanding)
        outstanding = Math.max(0, outstanding - 1)
      }
      if (!s.quiet) await say(p, `${stamp}From ${await label(result.from)}${redirect ? ':' : ''} icmp_seq=${sequence} ${result.text}\n`)
    } else if (result.kind === 'error') {
      if (result.errno === 'EMSGSIZE') {
        errors++
        await complain(p, `ping: local error: message too long, mtu=${result.mtu ?? mtuTo(p, target)}\n`)
      } else if (result.errno !== 'EPERM' && source === undefined && device === undefined) {
        // What the output chain drops is lost without a word, and so is all that is refused to a given source.
        errors++
        await complain(p, `ping: sendmsg: ${strerror(result.errno as Errno)}\n`)
      }
    }
  }
  const send = () => {
    const sequence = ++sent
    outstanding++
    if (outstanding > 1) outstandingMost = Math.max(outstandingMost, outstanding)
    p.net.sockets.ping(
      {
        to: ipv4(target), ...(source !== undefined && { from: ipv4(source) }), ...(device !== undefined && { device }), ...(s.ttl !== undefined && { ttl: s.ttl }), size: s.size, timeout: 3_600_000, sequence, id,
        ...(s.dontFragment !== undefined && { dontFragment: s.dontFragment }), ...(s.broadcast && { broadcast: true }), ...(s.mark !== undefined && { mark: s.mark }),
        onRedirect: (from, text) => {
          queue.push({ sequence, result: { kind: 'icmp', from, type: 5, code: 1, text } })
          wake?.()
        },
      },
      (result) => {
        queue.push({ sequence, result })
        wake?.()
      },
    )
  }
  const deadline = s.deadline === undefined ? Infinity : started + s.deadline
  let nextSend = started
  for (;;) {
    while (queue.length > 0) await report(queue.shift()!)
    if (stop || p.now() >= deadline) break
    const all = s.count !== undefined && received + errors >= s.count
    if (all && (s.count === undefined || sent >= s.count) && s.deadline === undefined) break
    if (s.count !== undefined && received >= s.count) break
    const more = s.count === undefined || sent < s.count || s.deadline !== undefined
    if (more && p.now() >= nextSend) {
      send()
      nextSend = p.now() + s.interval
      continue
    }
    // After the last request ping waits for what is still out, at most the linger time (twice the longest round trip when there were replies).
    const wait = more ? nextSend : times.length > 0 ? nextSend - s.interval + Math.max(1000, 2 * Math.max(...times)) : nextSend - s.interval + s.linger
    const until = Math.min(wait, deadline)
    if (p.now() >= until) {
      if (!more) break
      continue
    }
    await p.call<void>((resolve) => {
      wake = () => {
        wake = undefined
        resolve()
      }
      const timer = p.machine.sim.after(until - p.now(), () => wake?.())
      return () => p.machine.sim.cancel(timer)
    })
  }
  const total = Math.round((sent === 1 && received + errors > 0 ? 0 : last > started && !stop ? last - started : p.now() - started))
  await say(p, `\n--- ${name} ping statistics ---\n${sent} packets transmitted, ${received} received, ${errors > 0 ? `+${errors} errors, ` : ''}${loss(sent, received)}% packet loss, time ${total}ms\n`)
  if (times.length > 0) {
    const average = times.reduce((a, b) => a + b, 0) / times.length
    const square = times.reduce((a, b) => a + b * b, 0) / times.length
    const pipe = outstandingMost > 1 && received > 0 && outstandingMost > sent ? `, pipe ${outstandingMost}` : ''
    await say(p, `rtt min/avg/max/mdev = ${Math.min(...times).toFixed(3)}/${average.toFixed(3)}/${Math.max(...times).toFixed(3)}/${Math.sqrt(Math.max(0, square - average * average)).toFixed(3)} ms${pipe}\n`)
  } else await say(p, errors > 0 && outstandingMost > 1 ? `pipe ${outstandingMost}\n` : '\n')
  return received === 0 || (s.deadline !== undefined && s.count !== undefined && received < s.count) ? 1 : 0
}

function loss(sent: number, received: number): string {
  if (sent === 0) return '0'
  const percent = ((sent - received) * 100) / sent
  return String(Number(percent.toPrecision(6)))
}

function mtuTo(p: Process, target: string): number {
  const route = p.net.routeGet(target)
  return 'route' in route && route.route.device !== undefined ? (route.route.mtu ?? p.net.links.get(route.route.device)?.mtu ?? 1500) : 1500
}
