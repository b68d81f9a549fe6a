/** busybox's ifconfig, route, arp, arping and netstat over the simulated network. */
import { formatIpv4, maskOf, parseIpv4 } from '#base/ip.ts'
import { NetError } from '#engine/net/error.ts'
import type { RouteSpec } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { showUsage } from './banner.ts'
import { optionsOf, parse } from './options.ts'

const dotted = (length: number) => formatIpv4(maskOf(length))
const lengthOf = (mask: string): number => [...Array(33).keys()].find((n) => maskOf(n) === parseIpv4(mask)) ?? 24

/** Runs a change; a refusal is told with the call that failed. */
async function change(p: Process, name: string, call: string, act: () => void): Promise<number> {
  try {
    if (!p.can('NET_ADMIN')) throw new NetError('EPERM')
    act()
    return 0
  } catch (error) {
    if (!(error instanceof NetError)) throw error
    await p.stderr.write(`${name}: ${call}: ${new NetError(error.code).message}\n`)
    return 1
  }
}

const settings: Readonly<Record<string, { readonly up?: boolean; readonly promiscuous?: boolean; readonly arp?: boolean; readonly allMulticast?: boolean; readonly multicast?: boolean }>> = {
  up: { up: true }, down: { up: false }, promisc: { promiscuous: true }, '-promisc': { promiscuous: false }, arp: { arp: true }, '-arp': { arp: false }, allmulti: { allMulticast: true }, '-allmulti': { allMulticast: false }, multicast: { multicast: true }, '-multicast': { multicast: false },
}

export const busyboxIfconfig: Program = async (p) => {
  const words = p.argv.slice(1).filter((a) => a !== '-a')
  const name = words[0]
  const verbs = words.slice(1)
  if (name !== undefined && !p.net.links.has(name)) {
    await p.stderr.write(verbs.length > 0 ? `ifconfig: SIOCSIFADDR: No such device\n` : `ifconfig: ${name}: error fetching interface information: Device not found\n`)
    return 1
  }
  if (name !== undefined && verbs.length > 0) {
    let address: string | undefined
    let length: number | undefined
    for (let i = 0; i < verbs.length; i++) {
      const word = verbs[i]!
      const act = settings[word]
      if (act) {
        const code = await change(p, 'ifconfig', 'SIOCSIFFLAGS', () => p.net.setLink(name, act))
        if (code !== 0) return code
      } else if (word === 'mtu') {
        const mtu = Number(verbs[++i])
        const code = await change(p, 'ifconfig', 'SIOCSIFMTU', () => p.net.setLink(name, { mtu }))
        if (code !== 0) return code
      } else if (word === 'netmask') length = lengthOf(verbs[++i] ?? '')
      else if (['broadcast', 'pointopoint', 'dstaddr', 'metric', 'txqueuelen', 'hw', 'ether'].includes(word)) i++
      else if (parseIpv4(word.split('/')[0]!) === undefined) {
        await p.stderr.write(`ifconfig: bad address '${word}'\n`)
        return 1
      } else {
        address = word.split('/')[0]!
        if (word.includes('/')) length = Number(word.split('/')[1])
      }
    }
    if (address === undefined) return 0
    const first = parseIpv4(address)! >>> 24
    const cidr = `${address}/${length ?? (first < 128 ? 8 : first < 192 ? 16 : 24)}`
    return change(p, 'ifconfig', 'SIOCSIFADDR', () => {
      const old = p.net.links.get(name)!.addresses[0]
      if (old && `${old.address}/${old.length}` === cidr) return
      if (old) p.net.deleteAddress(name, `${old.address}/${old.length}`)
      p.net.addAddress(name, cidr)
      p.net.setLink(name, { up: true })
    })
  }
  let text = ''
  for (const l of [...p.net.links.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (name === undefined ? !l.up && !p.argv.includes('-a') : l.name !== name) continue
    const [a, s] = [l.addresses[0], l.statistics]
    const size = (n: number) => `${n} (${n >= 1048576 ? `${(n / 1048576).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n.toFixed(1)} B`})`
    const words = [l.up && 'UP', l.kind === 'loopback' ? 'LOOPBACK' : 'BROADCAST', l.up && l.carrier && 'RUNNING', l.flags.includes('PROMISC') && 'PROMISC', l.flags.includes('MULTICAST') && 'MULTICAST'].filter((w): w is string => typeof w === 'string')
    text += `${l.name.padEnd(9)} Link encap:${l.kind === 'loopback' ? 'Local Loopback  ' : `Ethernet  HWaddr ${l.mac.toUpperCase()}  `}\n`
    if (a) text += `          inet addr:${a.address}  ${l.kind === 'loopback' ? '' : `Bcast:${a.broadcast ?? '0.0.0.0'}  `}Mask:${dotted(a.length)}\n`
    text += `          ${words.join(' ')}  MTU:${l.mtu}  Metric:1\n          RX packets:${s.rxPackets} errors:${s.rxErrors} dropped:${s.rxDropped} overruns:0 frame:0\n          TX packets:${s.txPackets} errors:${s.txErrors} dropped:${s.txDropped} overruns:0 carrier:0\n          collisions:0 txqueuelen:${l.queueLength} \n          RX bytes:${size(s.rxBytes)}  TX bytes:${size(s.txBytes)}\n\n`
  }
  await p.stdout.write(text)
  return 0
}

/** The main table in the columns of route and of netstat -r. */
function routeTable(p: Process, numeric: boolean, netstat: boolean): string {
  const rows = p.net.routes().filter((r) => r.device !== undefined).map((r) => {
    const [to, length] = r.to === 'default' ? ['0.0.0.0', 0] : r.to.includes('/') ? [r.to.split('/')[0]!, Number(r.to.split('/')[1])] : [r.to, 32]
    const marks = `U${r.via ? 'G' : ''}${length === 32 ? 'H' : ''}`
    const head = `${(to === '0.0.0.0' && !numeric ? 'default' : to).padEnd(15)} ${(r.via ?? (numeric ? '0.0.0.0' : '*')).padEnd(15)} ${dotted(length).padEnd(16)}`
    return netstat ? `${head}${marks.padEnd(7)}   0 0          0 ${r.device}\n` : `${head}${marks.padEnd(5)} ${String(r.metric ?? 0).padEnd(6)} 0        0 ${r.device}\n`
  })
  return `Kernel IP routing table\nDestination     Gateway         Genmask         ${netstat ? 'Flags   MSS Window  irtt Iface' : 'Flags Metric Ref    Use Iface'}\n${rows.join('')}`
}

export const busyboxRoute: Program = async (p) => {
  const o = parse(p, optionsOf('route'), p.argv.slice(1).filter((a) => a !== '-net' && a !== '-host'))
  if (o.error !== undefined) return showUsage(p, o.error)
  const words = p.argv.slice(1).filter((a) => !/^-[neA]+$/.test(a))
  const verb = words.shift()
  if (verb === undefined) {
    await p.stdout.write(routeTable(p, o.options.has('n'), false))
    return 0
  }
  if (!['add', 'delete', 'del'].includes(verb)) return showUsage(p)
  const spec: { to: string; via?: string; device?: string; metric?: number; type?: NonNullable<RouteSpec['type']> } = { to: '' }
  let mask: number | undefined
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '-net' || word === '-host') continue
    if (word === 'netmask') mask = lengthOf(words[++i] ?? '')
    else if (word === 'gw') spec.via = words[++i] ?? ''
    else if (word === 'dev') spec.device = words[++i] ?? ''
    else if (word === 'metric') spec.metric = Number(words[++i])
    else if (word === 'reject') spec.type = 'unreachable'
    else if (['mss', 'window', 'irtt'].includes(word)) i++
    else if (spec.to === '') spec.to = word
    else if (p.net.links.has(word)) spec.device = word
  }
  if (spec.to === '') return showUsage(p)
  if (spec.to !== 'default' && parseIpv4(spec.to.split('/')[0]!) === undefined) {
    await p.stderr.write(`route: resolving ${spec.to}\n`)
    return 1
  }
  const to = spec.to === 'default' || (spec.to === '0.0.0.0' && mask === 0) ? 'default' : mask !== undefined && !spec.to.includes('/') ? `${spec.to}/${mask}` : spec.to
  return change(p, 'route', verb === 'add' ? 'SIOCADDRT' : 'SIOCDELRT', () => (verb === 'add' ? p.net.addRoute({ ...spec, to }) : p.net.deleteRoute({ ...spec, to })))
}

export const busyboxArp: Program = async (p) => {
  const o = parse(p, optionsOf('arp'), p.argv.slice(1))
  if (o.error !== undefined) return showUsage(p, o.error)
  // -s and -d take the address as their value in the usage; the rest are operands.
  const [address, mac] = [...['s', 'd', 'a'].flatMap((k) => (o.values.get(k) ? [o.values.get(k)!] : [])), ...o.operands]
  const list = p.net.neighbours().filter((n) => n.state !== 'NOARP' && n.state !== 'NONE')
  if (o.options.has('d')) {
    const found = list.find((n) => n.address === address)
    if (found) return change(p, 'arp', 'SIOCDARP(priv)', () => p.net.deleteNeighbour(found.device, found.address))
    await p.stderr.write('arp: SIOCDARP(pub): No such file or directory\n')
    return 1
  }
  if (o.options.has('s') && address !== undefined && mac !== undefined) {
    const answer = p.net.routeGet(address)
    if ('error' in answer || answer.route.device === undefined) {
      await p.stderr.write('arp: SIOCSARP: Network is unreachable\n')
      return 1
    }
    const { device } = answer.route
    return change(p, 'arp', 'SIOCSARP', () => p.net.setNeighbour(device, address, mac, { permanent: true }))
  }
  const shown = list.filter((n) => address === undefined || n.address === address)
  await p.stdout.write(shown.map((n) => `? (${n.address}) at ${n.mac === undefined ? '<incomplete> ' : `${n.mac} [ether] `}${n.state === 'PERMANENT' ? 'PERM' : ''} on ${n.device}\n`).join(''))
  if (address !== undefined && shown.length === 0) await p.stdout.write(`No match found in ${list.length} entries\n`)
  return 0
}

export const busyboxArping: Program = async (p) => {
  const o = parse(p, optionsOf('arping'), p.argv.slice(1))
  if (o.error !== undefined || o.operands.length !== 1) return showUsage(p, o.error)
  const device = o.values.get('I') ?? 'eth0'
  const link = p.net.links.get(device)
  if (!link) {
    await p.stderr.write(`arping: interface ${device} not found: No such device\n`)
    return 2
  }
  const found = await p.sockets.lookup(o.operands[0]!)
  if (!found.ok) {
    await p.stderr.write(`arping: bad address '${o.operands[0]}'\n`)
    return 2
  }
  const target = found.addresses[0]!
  const route = p.net.routeGet(target, { outputDevice: device })
  const source = o.values.get('s') ?? (o.options.has('D') ? '0.0.0.0' : 'source' in route ? route.source : (link.addresses[0]?.address ?? '0.0.0.0'))
  const count = Number(o.values.get('c') ?? Infinity)
  const end = p.now() + Number(o.values.get('w') ?? Infinity) * 1000
  const quiet = o.options.has('q')
  if (!quiet) await p.stdout.write(`ARPING ${target} from ${source} ${device}\n`)
  let [sent, received, stop] = [0, 0, false]
  p.onSignal('SIGINT', () => void (stop = true))
  while (sent < count && p.now() < end && !stop && !(o.options.has('f') && received > 0)) {
    sent++
    const lines: string[] = []
    await p.call<void>((done) => p.net.arping({ device, target, source, timeout: Math.min(1000, end - p.now()) }, (reply) => {
      received++
      lines.push(`Unicast reply from ${target} [${reply.mac}] ${reply.rtt.toFixed(3)}ms\n`)
      if (sent >= count || o.options.has('f')) done()
    }, done))
    if (!quiet) await p.stdout.write(lines.join(''))
  }
  if (!quiet) await p.stdout.write(`Sent ${sent} probe(s) (0 broadcast(s))\nReceived ${received} response(s) (0 request(s), 0 broadcast(s))\n`)
  return o.options.has('D') ? Number(received > 0) : Number(received === 0)
}

/** ipcalc: NAME=value lines of what is asked for. */
export const busyboxIpcalc: Program = async (p) => {
  const o = parse(p, optionsOf('ipcalc'), p.argv.slice(1))
  const [given, mask] = o.operands
  if (o.error !== undefined || given === undefined || o.options.size === 0) return showUsage(p, o.error)
  const address = parseIpv4(given.split('/')[0]!)
  if (address === undefined) {
    await p.stderr.write(`ipcalc: bad IP address: ${given.split('/')[0]}\n`)
    return 1
  }
  const first = address >>> 24
  const length = given.includes('/') ? Number(given.split('/')[1]) : mask !== undefined ? lengthOf(mask) : first < 128 ? 8 : first < 192 ? 16 : 24
  const network = (address & maskOf(length)) >>> 0
  const lines: readonly (readonly [string, string])[] = [['m', `NETMASK=${dotted(length)}`], ['b', `BROADCAST=${formatIpv4((network | ~maskOf(length)) >>> 0)}`], ['n', `NETWORK=${formatIpv4(network)}`], ['p', `PREFIX=${length}`]]
  await p.stdout.write(lines.filter(([letter]) => o.options.has(letter)).map(([, line]) => line + '\n').join(''))
  return 0
}

/** With -p, which not every build has. */
const netstatOptions = { short: new Map([...'ralntuwxeWp'].map((c) => [c, 'flag'] as const)), long: new Map() }

export const busyboxNetstat: Program = async (p: Process) => {
  const o = parse(p, netstatOptions, p.argv.slice(1))
  if (o.error !== undefined) return showUsage(p, o.error)
  const letters = [...o.options].join('')
  if (letters.includes('r')) {
    await p.stdout.write(routeTable(p, letters.includes('n'), true))
    return 0
  }
  const tcp = letters.includes('t')
  const udp = letters.includes('u')
  const all = letters.includes('a')
  const listening = letters.includes('l')
  const rows = [...p.net.sockets.list()].filter((s) => (s.protocol === 'tcp' ? tcp || !udp : udp || !tcp) && (all || (listening ? s.state === 'LISTEN' || s.state === 'UNCONN' : s.state !== 'LISTEN' && s.state !== 'UNCONN')))
  const states: Readonly<Record<string, string>> = { ESTAB: 'ESTABLISHED', 'TIME-WAIT': 'TIME_WAIT', 'CLOSE-WAIT': 'CLOSE_WAIT', 'SYN-SENT': 'SYN_SENT', 'FIN-WAIT-1': 'FIN_WAIT1', 'FIN-WAIT-2': 'FIN_WAIT2', UNCONN: '' }
  await p.stdout.write(`Active Internet connections (${all ? 'servers and established' : listening ? 'only servers' : 'w/o servers'})\nProto Recv-Q Send-Q Local Address           Foreign Address         State       ${letters.includes('p') ? 'PID/Program name    ' : ''}\n${rows.map((s) => {
    const [name, pid] = s.owner.split(',')
    return `${s.protocol.padEnd(5)} ${String(s.receiveQueue).padStart(6)} ${String(s.state === 'LISTEN' ? 0 : s.sendQueue).padStart(6)} ${s.local.padEnd(23)} ${s.remote.padEnd(23)} ${(states[s.state] ?? s.state).padEnd(11)} ${letters.includes('p') ? (pid ? `${pid}/${name}` : '-') : ''}\n`
  }).join('')}`)
  return 0
}
