/** `arping` of iputils 20221126. */
import { parseIpv4 } from '#base/ip.ts'
import type { Program } from '#engine/machine/process.ts'
import { getopt } from './getopt.ts'
import { complain, lookupErrors, say } from './support.ts'

const usage = '\nUsage:\n  arping [options] <destination>\n\nOptions:\n  -f            quit on first reply\n  -q            be quiet\n  -b            keep on broadcasting, do not unicast\n  -D            duplicate address detection mode\n  -U            unsolicited ARP mode, update your neighbours\n  -A            ARP answer mode, update your neighbours\n  -V            print version and exit\n  -c <count>    how many packets to send\n  -w <timeout>  how long to wait for a reply\n  -i <interval> set interval between packets (default: 1 second)\n  -I <device>   which ethernet device to use\n  -s <source>   source ip address\n  <destination> dns name or ip address\n\nFor more details see arping(8).\n'

export const arping: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'fqbDUAVhc:w:i:I:s:')
  if (o.error || o.has('h') || (o.operands.length === 0 && !o.has('V'))) {
    await complain(p, o.error ? `arping: ${o.error}\n${usage}` : usage)
    return 2
  }
  if (o.has('V')) {
    await say(p, 'arping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n')
    return 0
  }
  for (const letter of ['c', 'w', 'i']) {
    const value = o.get(letter)
    if (value !== undefined && !/^\d+(\.\d+)?$/.test(value)) {
      await complain(p, `arping: invalid argument: '${value}'\n`)
      return 1
    }
  }
  const found = await p.sockets.lookup(o.operands[0]!)
  if (!found.ok) {
    await complain(p, `arping: ${o.operands[0]}: ${lookupErrors[found.error]}\n`)
    return 2
  }
  const target = found.addresses[0]!
  let device = o.get('I')
  if (device === undefined) {
    const candidates = [...p.net.links.values()].filter((l) => l.kind !== 'loopback' && l.up && l.addresses.length > 0)
    if (candidates.length !== 1) {
      await complain(p, candidates.length === 0 ? 'arping: no usable interface, use -I.\n' : 'arping: Device (option -I) is required.\n')
      return 2
    }
    device = candidates[0]!.name
  }
  const link = p.net.links.get(device)
  if (!link) {
    await complain(p, `arping: Device ${device} not available.\n`)
    return 2
  }
  if (!link.up) {
    await say(p, `Interface "${device}" is down\n`)
    return 2
  }
  if (link.kind === 'loopback' || link.kind === 'ipip') {
    await say(p, `Interface "${device}" is not ARPable\n`)
    return 2
  }
  const duplicates = o.has('D')
  const unsolicited = o.has('U') || o.has('A')
  let source = o.get('s')
  if (source !== undefined && ![...p.net.links.values()].some((l) => l.addresses.some((a) => a.address === source)) && !duplicates) {
    await complain(p, 'arping: bind: Cannot assign requested address\n')
    return 2
  }
  if (source === undefined) {
    const route = p.net.routeGet(target, { outputDevice: device })
    source = duplicates ? '0.0.0.0' : unsolicited ? target : 'source' in route && parseIpv4(route.source) !== undefined ? route.source : (link.addresses[0]?.address ?? '0.0.0.0')
  }
  const count = o.get('c') === undefined ? undefined : Number(o.get('c'))
  const deadline = o.get('w') === undefined ? Infinity : p.now() + Number(o.get('w')) * 1000
  const interval = Number(o.get('i') ?? 1) * 1000
  const quiet = o.has('q')
  await say(p, `ARPING ${target} from ${source} ${device}\n`)
  let sent = 0
  let broadcasts = 0
  let received = 0
  let answered = false
  let stop = false
  p.onSignal('SIGINT', () => {
    stop = true
  })
  const finish = () => (count !== undefined && sent >= count) || p.now() >= deadline || stop
  while (!finish()) {
    sent++
    if (!answered || o.has('b')) broadcasts++
    const wait = Math.min(interval, Math.max(1, deadline - p.now()))
    const replies: { mac: string; rtt: number }[] = []
    const lastOne = count !== undefined && sent >= count && (duplicates || o.has('f') || !unsolicited)
    const round = p.call<void>((resolve) => {
      p.net.arping({ device: device!, target, ...(source !== undefined && { source }), timeout: wait }, (reply) => {
        replies.push(reply)
        if (lastOne || duplicates || o.has('f')) resolve()
      }, () => resolve())
    })
    const started = p.now()
    await p.interruptible(round)
    for (const reply of duplicates || o.has('f') ? replies.slice(0, 1) : replies) {
      received++
      answered = true
      if (!quiet) await say(p, `Unicast reply from ${target} [${reply.mac.toUpperCase()}]  ${reply.rtt.toFixed(3)}ms\n`)
    }
    if (duplicates && received > 0) break
    if (o.has('f') && received > 0) break
    if (!finish() && p.now() < started + interval) await p.interruptible(p.sleep(started + interval - p.now()))
  }
  await say(p, `Sent ${sent} probes (${broadcasts} broadcast(s))\nReceived ${received} response(s)\n`)
  if (duplicates) return received > 0 ? 1 : 0
  return unsolicited ? 0 : received > 0 ? 0 : 1
}
