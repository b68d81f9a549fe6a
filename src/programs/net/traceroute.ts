/** traceroute 2.1.2 (UDP, -I, -T) and tracepath of iputils. Probes of a hop go out one after the other here; the real one sends 16 at once. */
import { ipv4, parseIpv4 } from '#base/ip.ts'
import { errnoTexts } from '#engine/net/error.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { reverseLookup } from './dns-client.ts'
import { usageError } from '../busybox/banner.ts'
import { getopt } from './getopt.ts'
import { complain, lookupErrors, nameOf, say } from './support.ts'

const usage = `Usage:
  traceroute [ -46dFITnreAUDV ] [ -f first_ttl ] [ -g gate,... ] [ -i device ] [ -m max_ttl ] [ -N squeries ] [ -p port ] [ -t tos ] [ -l flow_label ] [ -w MAX,HERE,NEAR ] [ -q nqueries ] [ -s src_addr ] [ -z sendwait ] [ --fwmark=num ] host [ packetlen ]
Options:
  -4                          Use IPv4
  -6                          Use IPv6
  -d  --debug                 Enable socket level debugging
  -F  --dont-fragment         Do not fragment packets
  -f first_ttl  --first=first_ttl
                              Start from the first_ttl hop (instead from 1)
  -g gate,...  --gateway=gate,...
                              Route packets through the specified gateway
                              (maximum 8 for IPv4 and 127 for IPv6)
  -I  --icmp                  Use ICMP ECHO for tracerouting
  -T  --tcp                   Use TCP SYN for tracerouting (default port is 80)
  -i device  --interface=device
                              Specify a network interface to operate with
  -m max_ttl  --max-hops=max_ttl
                              Set the max number of hops (max TTL to be
                              reached). Default is 30
  -N squeries  --sim-queries=squeries
                              Set the number of probes to be tried
                              simultaneously (default is 16)
  -n                          Do not resolve IP addresses to their domain names
  -p port  --port=port        Set the destination port to use. It is either
                              initial udp port value for "default" method
                              (incremented by each probe, default is 33434), or
                              initial seq for "icmp" (incremented as well,
                              default from 1), or some constant destination
                              port for other methods (with default of 80 for
                              "tcp", 53 for "udp", etc.)
  -t tos  --tos=tos           Set the TOS (IPv4 type of service) or TC (IPv6
                              traffic class) value for outgoing packets
  -l flow_label  --flowlabel=flow_label
                              Use specified flow_label for IPv6 packets
  -w MAX,HERE,NEAR  --wait=MAX,HERE,NEAR
                              Wait for a probe no more than HERE (default 3)
                              times longer than a response from the same hop,
                              or no more than NEAR (default 10) times than some
                              next hop, or MAX (default 5.0) seconds (float
                              point values allowed too)
  -q nqueries  --queries=nqueries
                              Set the number of probes per each hop. Default is
                              3
  -r                          Bypass the normal routing and send directly to a
                              host on an attached network
  -s src_addr  --source=src_addr
                              Use source src_addr for outgoing packets
  -z sendwait  --sendwait=sendwait
                              Minimal time interval between probes (default 0).
                              If the value is more than 10, then it specifies a
                              number in milliseconds, else it is a number of
                              seconds (float point values allowed too)
  -e  --extensions            Show ICMP extensions (if present), including MPLS
  -A  --as-path-lookups       Perform AS path lookups in routing registries and
                              print results directly after the corresponding
                              addresses
  -M name  --module=name      Use specified module (either builtin or external)
                              for traceroute operations. Most methods have
                              their shortcuts (\`-I' means \`-M icmp' etc.)
  -O OPTS,...  --options=OPTS,...
                              Use module-specific option OPTS for the
                              traceroute module. Several OPTS allowed,
                              separated by comma. If OPTS is "help", print info
                              about available options
  --sport=num                 Use source port num for outgoing packets. Implies
                              \`-N 1'
  --fwmark=num                Set firewall mark for outgoing packets
  -U  --udp                   Use UDP to particular port for tracerouting
                              (instead of increasing the port per each probe),
                              default port is 53
  -UL                         Use UDPLITE for tracerouting (default dest port
                              is 53)
  -D  --dccp                  Use DCCP Request for tracerouting (default port
                              is 33434)
  -P prot  --protocol=prot    Use raw packet of protocol prot for tracerouting
  --mtu                       Discover MTU along the path being traced. Implies
                              \`-F -N 1'
  --back                      Guess the number of hops in the backward path and
                              print if it differs
  -V  --version               Print version info and exit
  --help                      Read this help and exit

Arguments:
+     host          The host to traceroute to
      packetlen     The full packet length (default is the length of an IP
                    header plus 40). Can be ignored or increased to a minimal
                    allowed value
`

interface Hit {
  readonly from: string
  readonly rtt: number
  /** '' or !N, !H, !P, !X, !F-mtu. */
  readonly mark: string
  readonly final: boolean
}

const marks: Readonly<Record<number, string>> = { 0: '!N', 1: '!H', 2: '!P', 4: '!F', 5: '!S', 6: '!U', 7: '!W', 8: '!I', 9: '!A', 10: '!Z', 13: '!X', 14: '!V', 15: '!C' }

function icmpHit(from: string, type: number, code: number, rtt: number, mtu?: number): Hit | undefined {
  if (type === 11) return { from, rtt, mark: '', final: false }
  if (type !== 3) return undefined
  if (code === 3) return { from, rtt, mark: '', final: true }
  return { from, rtt, mark: code === 4 ? `!F${mtu !== undefined ? `-${mtu}` : ''}` : (marks[code] ?? `!<${code}>`), final: true }
}

interface Settings {
  readonly to: string
  readonly method: 'udp' | 'icmp' | 'tcp'
  readonly wait: number
  readonly port: number
  readonly source: string | undefined
  readonly size: number
}

/** One probe; undefined: no answer in time. */
function probe(p: Process, s: Settings, ttl: number, sequence: number): Promise<Hit | undefined | { readonly error: string }> {
  const started = p.now()
  if (s.method === 'icmp' || s.method === 'tcp') {
    return p.call((resolve) => {
      p.net.sockets.ping({ to: ipv4(s.to), ttl, size: 32, timeout: s.wait, sequence, ...(s.source !== undefined && { from: ipv4(s.source) }) }, (r) => {
        if (r.kind === 'reply') resolve({ from: r.from, rtt: p.now() - started, mark: '', final: true })
        else if (r.kind === 'icmp') resolve(icmpHit(r.from, r.type, r.code, p.now() - started))
        else if (r.kind === 'error') resolve({ error: r.errno })
        else resolve(undefined)
      })
    })
  }
  return p.call((resolve) => {
    let done = false
    const finish = (hit: Hit | undefined | { readonly error: string }) => {
      if (done) return
      done = true
      p.machine.sim.cancel(timer)
      socket.close()
      resolve(hit)
    }
    const timer = p.machine.sim.after(s.wait, () => finish(undefined))
    const socket = p.net.sockets.udpBind({ ...(s.source !== undefined && { address: ipv4(s.source) }), ttl, owner: `traceroute,${p.pid},3` }, {
      onIcmp: (e) => {
        const hit = icmpHit(e.from, e.type, e.code, p.now() - started, e.mtu)
        if (hit) finish(hit)
      },
      onMessage: (_, from) => finish({ from: s.to, rtt: p.now() - started, mark: '', final: from.address === ipv4(s.to) }),
    })
    const failed = socket.send('@'.repeat(Math.max(0, s.size - 28)), { address: ipv4(s.to), port: s.port + sequence - 1 })
    if (failed !== undefined) finish({ error: failed })
    return () => finish(undefined)
  })
}

/** What options' values are called. */
const valueNames: Readonly<Record<string, string>> = { f: 'first_ttl', g: 'gate,...', i: 'device', m: 'max_ttl', N: 'squeries', p: 'port', t: 'tos', w: 'MAX,HERE,NEAR', q: 'nqueries', s: 'src_addr', z: 'sendwait', P: 'prot' }

export const traceroute: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '46dFf:g:Ii:m:N:nP:p:q:rs:t:ITUw:z:V', { 'max-hops': ':', queries: ':', wait: ':', icmp: '', tcp: '', port: ':', first: ':', help: '', 'version': '', source: ':' })
  if (o.error) {
    const letter = /'(.)'$/.exec(o.error)?.[1] ?? ''
    const long = /'(--[\w-]+)'/.exec(o.error)?.[1]
    await complain(p, o.error.startsWith('option requires') ? `Option \`-${letter}' (argc 1) requires an argument: \`-${letter} ${valueNames[letter] ?? 'num'}'\n` : `Bad option \`${long ?? `-${letter}`}' (argc 1)\n`)
    return 2
  }
  if (o.has('V', 'version')) {
    await complain(p, 'Modern traceroute for Linux, version 2.1.2\nCopyright (c) 2016  Dmitry Butskoy,   License: GPL v2 or any later\n')
    return 0
  }
  const refuse = async (text: string) => {
    await complain(p, `${text}\n`)
    return 2
  }
  for (const [letter, long] of [['m', 'max-hops'], ['q', 'queries'], ['f', 'first'], ['p', 'port'], ['w', 'wait'], ['z', 'sendwait'], ['N', 'sim-queries']] as const) {
    const value = o.get(letter, long)
    if (value !== undefined && !/^[\d.]+(,[\d.]+)*$/.test(value)) return refuse(`Cannot handle \`-${letter}' option with arg \`${value}' (argc ${p.argv.indexOf(value)})`)
  }
  const [maxHops, firstHop, perHop] = [Number(o.get('m', 'max-hops') ?? 30), Number(o.get('f', 'first') ?? 1), Number(o.get('q', 'queries') ?? 3)]
  if (maxHops > 255) return refuse('max hops cannot be more than 255')
  if (firstHop < 1 || firstHop > maxHops) return refuse('first hop out of range')
  if (perHop < 1 || perHop > 10) return refuse('no more than 10 probes per hop')
  const length = o.operands[1]
  if (length !== undefined && !/^\d+$/.test(length)) return refuse(`Cannot handle "packetlen" cmdline arg \`${length}' on position 2 (argc ${p.argv.indexOf(length)})`)
  const host = o.operands[0]
  if (o.has('help') || host === undefined) {
    await complain(p, usage)
    return 0
  }
  if (o.has('6') && parseIpv4(host) !== undefined) return refuse(`${host}: Address family for hostname not supported\nCannot handle "host" cmdline arg \`${host}' on position 1 (argc ${p.argv.indexOf(host)})`)
  const found = await p.sockets.lookup(host)
  if (!found.ok) {
    await complain(p, `${host}: ${lookupErrors[found.error]}\nCannot handle "host" cmdline arg \`${host}' on position 1 (argc ${p.argv.indexOf(host)})\n`)
    return 2
  }
  const to = found.addresses[0]!
  const method = o.has('I', 'icmp') ? 'icmp' : o.has('T', 'tcp') ? 'tcp' : 'udp'
  const size = Number(o.operands[1] ?? 60)
  const hops = Number(o.get('m', 'max-hops') ?? 30)
  const queries = Number(o.get('q', 'queries') ?? 3)
  const s: Settings = { to, method, wait: Number((o.get('w', 'wait') ?? '5').split(',')[0]) * 1000, port: Number(o.get('p', 'port') ?? (method === 'tcp' ? 80 : 33434)), source: o.get('s', 'source'), size }
  await say(p, `traceroute to ${host} (${to}), ${hops} hops max, ${size} byte packets`)
  const device = o.get('i')
  if (device !== undefined && !p.net.links.has(device)) {
    await complain(p, '\nsetsockopt SO_BINDTODEVICE: No such device\n')
    return 1
  }
  if (s.source !== undefined && ![...p.net.links.values()].some((l) => l.addresses.some((a) => a.address === s.source))) {
    await complain(p, '\nbind: Cannot assign requested address\n')
    return 1
  }
  const route = p.net.routeGet(to, { ...(s.source !== undefined && { source: s.source }) })
  if ('error' in route) {
    await complain(p, `\nconnect: ${errnoTexts[route.error] ?? route.error}\n`)
    return 1
  }
  await say(p, '\n')
  const numeric = o.has('n')
  const label = async (address: string) => (numeric ? address : `${(await nameOf(p, address, reverseLookup)) ?? address} (${address})`)
  let sequence = 0
  const first = Number(o.get('f', 'first') ?? 1)
  for (let ttl = first; ttl <= hops; ttl++) {
    // The probes of a hop are out together.
    const calls = Array.from({ length: queries }, () => probe(p, s, ttl, ++sequence))
    const hits: Awaited<(typeof calls)[number]>[] = []
    for (const c of calls) hits.push(await c)
    let line = `${String(ttl).padStart(2)} `
    let last = ''
    let final = false
    for (const hit of hits) {
      if (!hit) line += ' *'
      else if ('error' in hit) {
        await say(p, line + '\n')
        await complain(p, `send: ${errnoTexts[hit.error] ?? hit.error}\n`)
        return 1
      } else {
        if (hit.from !== last) line += ` ${await label(hit.from)}`
        last = hit.from
        line += `  ${hit.rtt.toFixed(3)} ms${hit.mark ? ` ${hit.mark}` : ''}`
        final ||= hit.final
      }
    }
    await say(p, line + '\n')
    if (final) break
  }
  return 0
}

/** `tracepath`: one probe at a time, learning the path MTU as it goes. */
export const tracepath: Program = async (p) => {
  const o = getopt(p.argv.slice(1), '46nbl:m:p:V')
  const host = o.operands[0]
  if (o.error || host === undefined) {
    await complain(p, `${o.error ? `tracepath: ${o.error}\n` : ''}\nUsage\n  tracepath [options] <destination>\n`)
    return o.error ? 255 : 1
  }
  const found = await p.sockets.lookup(host)
  if (!found.ok) {
    await complain(p, `tracepath: ${host}: ${lookupErrors[found.error]}\n`)
    return 1
  }
  const to = found.addresses[0]!
  const route = p.net.routeGet(to)
  if ('error' in route) {
    await complain(p, `tracepath: ${errnoTexts[route.error] ?? route.error}\n`)
    return 1
  }
  const hops = Number(o.get('m') ?? 30)
  let mtu = p.net.links.get(route.route.device ?? 'lo')?.mtu ?? 1500
  await say(p, ` 1?: [LOCALHOST]                      pmtu ${mtu}\n`)
  const numeric = o.has('n')
  let back = 0
  for (let ttl = 1; ttl <= hops; ttl++) {
    let hit: Hit | undefined
    for (let attempt = 0; attempt < 3 && !hit; attempt++) {
      const r = await probe(p, { to, method: 'udp', wait: 1000, port: 44444, source: undefined, size: mtu }, ttl, ttl)
      if (r && 'error' in r) {
        if (r.error !== 'EMSGSIZE') break
        const again = p.net.routeGet(to)
        mtu = 'route' in again ? Math.min(mtu - 1, again.route.mtu ?? mtu - 1) : mtu
        continue
      }
      hit = r
    }
    if (!hit) {
      await say(p, `${String(ttl).padStart(2)}:  no reply\n`)
      continue
    }
    const shrunk = /^!F-(\d+)$/.exec(hit.mark)
    const name = numeric ? hit.from : ((await nameOf(p, hit.from, reverseLookup)) ?? hit.from)
    if (shrunk) {
      mtu = Number(shrunk[1])
      await say(p, `${String(ttl).padStart(2)}:  ${name.padEnd(36)}${hit.rtt.toFixed(3).padStart(10)}ms pmtu ${mtu}\n`)
      ttl--
      continue
    }
    await say(p, `${String(ttl).padStart(2)}:  ${name.padEnd(48)}${hit.rtt.toFixed(3).padStart(8)}ms ${hit.final ? (hit.mark || 'reached') : ''}\n`)
    back = ttl
    if (hit.final) {
      await say(p, `     Resume: pmtu ${mtu} hops ${ttl} back ${back} \n`)
      return 0
    }
  }
  await say(p, `     Too many hops: pmtu ${mtu}\n     Resume: pmtu ${mtu} \n`)
  return 0
}


/** busybox's: three probes of 46 bytes, addresses twice where names are not asked for otherwise. */
export const busyboxTraceroute: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'FIlnrdvxf:i:g:m:p:q:s:t:w:z:46')
  const host = o.operands[0]
  if (o.error || host === undefined) {
    return usageError(p, o.error)
  }
  const found = await p.sockets.lookup(host)
  if (!found.ok) {
    await complain(p, `traceroute: bad address '${host}'\n`)
    return 1
  }
  if (!p.can('NET_RAW')) {
    await complain(p, 'traceroute: socket(AF_INET,3,1): Operation not permitted\n')
    return 1
  }
  const to = found.addresses[0]!
  const size = Number(o.operands[1] ?? 46)
  const hops = Number(o.get('m') ?? 30)
  const queries = Number(o.get('q') ?? 3)
  const way = p.net.routeGet(to)
  if ('error' in way) {
    await complain(p, `traceroute: can't connect to remote host (${to}): ${errnoTexts[way.error] ?? way.error}\n`)
    return 1
  }
  await say(p, `traceroute to ${host} (${to}), ${hops} hops max, ${size} byte packets\n`)
  const s: Settings = { to, method: o.has('I') ? 'icmp' : 'udp', wait: Number(o.get('w') ?? 5) * 1000, port: Number(o.get('p') ?? 33434), source: o.get('s'), size }
  let sequence = 0
  for (let ttl = Number(o.get('f') ?? 1); ttl <= hops; ttl++) {
    let line = String(ttl).padStart(2) + ' '
    let last = ''
    let final = false
    for (let i = 0; i < queries; i++) {
      const hit = await probe(p, s, ttl, ++sequence)
      if (!hit) line += ' *'
      else if ('error' in hit) {
        await say(p, line)
        await complain(p, `traceroute: sendto: ${errnoTexts[hit.error] ?? hit.error}\n`)
        return 1
      } else {
        if (hit.from !== last) line += ` ${o.has('n') ? hit.from : `${(await nameOf(p, hit.from, reverseLookup)) ?? hit.from} (${hit.from})`}`
        last = hit.from
        line += `  ${hit.rtt.toFixed(3)} ms${hit.mark ? ` ${hit.mark}` : ''}`
        final ||= hit.final
      }
    }
    await say(p, line + '\n')
    if (final) break
  }
  return 0
}
