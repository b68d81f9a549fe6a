/** `conntrack` of conntrack-tools 1.4.7: -L, -D, -F, -C, -G, -E, -S over the namespace's table. */
import { parseIpv4 } from '#base/ip.ts'
import type { ConntrackInfo, ConntrackTuple } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { complain, say } from './support.ts'

const usage = `Command line interface for the connection tracking system. Version 1.4.7
Usage: conntrack [commands] [options]

Commands:
  -L [table] [options]\t\tList conntrack or expectation table
  -G [table] parameters\t\tGet conntrack or expectation
  -D [table] parameters\t\tDelete conntrack or expectation
  -I [table] parameters\t\tCreate a conntrack or expectation
  -U [table] parameters\t\tUpdate a conntrack
  -E [table] [options]\t\tShow events
  -F [table]\t\t\tFlush table
  -C [table]\t\t\tShow counter
  -S\t\t\t\tShow statistics

Tables: conntrack, expect, dying, unconfirmed

Conntrack parameters and options:
  -n, --src-nat ip\t\t\tsource NAT ip
  -g, --dst-nat ip\t\t\tdestination NAT ip
  -j, --any-nat ip\t\t\tsource or destination NAT ip
  -m, --mark mark\t\t\tSet mark
  -c, --secmark secmark\t\t\tSet selinux secmark
  -e, --event-mask eventmask\t\tEvent mask, eg. NEW,DESTROY
  -z, --zero \t\t\t\tZero counters while listing
  -o, --output type[,...]\t\tOutput format, eg. xml
  -l, --label label[,...]\t\tconntrack labels

Expectation parameters and options:
  --tuple-src ip\tSource address in expect tuple
  --tuple-dst ip\tDestination address in expect tuple

Updating parameters and options:
  --label-add label\tAdd label
  --label-del label\tDelete label

Common parameters and options:
  -s, --src, --orig-src ip\t\tSource address from original direction
  -d, --dst, --orig-dst ip\t\tDestination address from original direction
  -r, --reply-src ip\t\tSource addres from reply direction
  -q, --reply-dst ip\t\tDestination address from reply direction
  -p, --protonum proto\t\tLayer 4 Protocol, eg. 'tcp'
  -f, --family proto\t\tLayer 3 Protocol, eg. 'ipv6'
  -t, --timeout timeout\t\tSet timeout
  -u, --status status\t\tSet status, eg. ASSURED
  -w, --zone value\t\tSet conntrack zone
  --orig-zone value\t\tSet zone for original direction
  --reply-zone value\t\tSet zone for reply direction
  -b, --buffer-size\t\tNetlink socket buffer size
  --mask-src ip\t\t\tSource mask address
  --mask-dst ip\t\t\tDestination mask address

`
const program = 'conntrack v1.4.7 (conntrack-tools)'
const hint = "Try `conntrack -h' or 'conntrack --help' for more information.\n"

const names: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, sctp: 132, udplite: 136, dccp: 33, gre: 47 }

function tuple(t: ConntrackTuple): string {
  const ports = t.icmp ? `type=${t.icmp.type} code=${t.icmp.code} id=${t.icmp.id} ` : t.sourcePort !== undefined ? `sport=${t.sourcePort} dport=${t.destinationPort} ` : ''
  return `src=${t.source} dst=${t.destination} ${ports}`
}

function entryText(e: ConntrackInfo, options: { readonly extended?: boolean; readonly id?: boolean; readonly timeout?: boolean } = {}): string {
  const name = typeof e.protocol === 'string' ? e.protocol : 'unknown'
  const family = options.extended ? `${'ipv4'.padEnd(8)} 2 ` : ''
  const counters = (i: 0 | 1) => (e.packets[i] > 0 || e.bytes[i] > 0) && accounting(e) ? `packets=${e.packets[i]} bytes=${e.bytes[i]} ` : ''
  return `${family}${name.padEnd(8)} ${e.protocolNumber} ${options.timeout === false ? '' : `${Math.max(0, Math.round(e.timeout))} `}${e.state !== undefined ? `${e.state} ` : ''}${tuple(e.original)}${counters(0)}${e.replied ? '' : '[UNREPLIED] '}${tuple(e.reply)}${counters(1)}${e.assured ? '[ASSURED] ' : ''}mark=${e.mark} ${options.id ? `id=${e.id} ` : ''}use=1`
}

/** nf_conntrack_acct is 0 by default: counters are not kept. */
function accounting(_: ConntrackInfo): boolean {
  return false
}

export const conntrack: Program = async (p) => {
  const args = p.argv.slice(1)
  const fail = async (text: string) => {
    await complain(p, `${program}: ${text}\n${hint}`)
    return 2
  }
  if (args.length === 0 || args[0] === '-h' || args[0] === '--help') {
    await say(p, usage)
    return 0
  }
  if (args[0] === '-V' || args[0] === '--version') {
    await say(p, `${program}\n`)
    return 0
  }
  if (!p.can('NET_ADMIN')) {
    await complain(p, `${program}: Operation failed: Operation not permitted\n`)
    return 1
  }
  let command: string | undefined
  const tests: ((e: ConntrackInfo) => boolean)[] = []
  let protocol: number | undefined
  const show = { extended: false, id: false }
  const commands: Readonly<Record<string, string>> = { '-L': 'L', '--dump': 'L', '--list': 'L', '-D': 'D', '--delete': 'D', '-F': 'F', '--flush': 'F', '-C': 'C', '--count': 'C', '-G': 'G', '--get': 'G', '-E': 'E', '--event': 'E', '-S': 'S', '--stats': 'S', '-U': 'U', '--update': 'U' }
  const address = (of: (e: ConntrackInfo) => string) => (value: string) => {
    const [ip, length] = value.split('/')
    if (parseIpv4(ip!) === undefined) return `Invalid IP address \`${value}'`
    const n = (a: string) => a.split('.').reduce((sum, x) => sum * 256 + Number(x), 0)
    const shift = 2 ** (32 - Number(length ?? 32))
    tests.push((e) => Math.floor(n(of(e)) / shift) === Math.floor(n(ip!) / shift))
    return undefined
  }
  const options: Readonly<Record<string, (value: string) => void | string>> = {
    '-s': address((e) => e.original.source), '--src': address((e) => e.original.source), '--orig-src': address((e) => e.original.source), '-d': address((e) => e.original.destination), '--dst': address((e) => e.original.destination), '--orig-dst': address((e) => e.original.destination),
    '-r': address((e) => e.reply.source), '--reply-src': address((e) => e.reply.source), '-q': address((e) => e.reply.destination), '--reply-dst': address((e) => e.reply.destination),
    '-p': (v) => {
      protocol = names[v.toLowerCase()] ?? (/^\d+$/.test(v) ? Number(v) : undefined)
      if (protocol === undefined) return `\`${v}' unsupported protocol`
      tests.push((e) => e.protocolNumber === protocol)
    },
    '--sport': (v) => void tests.push((e) => e.original.sourcePort === Number(v)), '--orig-port-src': (v) => void tests.push((e) => e.original.sourcePort === Number(v)), '--dport': (v) => void tests.push((e) => e.original.destinationPort === Number(v)),
    '--reply-port-src': (v) => void tests.push((e) => e.reply.sourcePort === Number(v)), '--reply-port-dst': (v) => void tests.push((e) => e.reply.destinationPort === Number(v)), '--state': (v) => void tests.push((e) => e.state === v.toUpperCase()),
    '-u': (v) => void tests.push((e) => (/UNREPLIED/i.test(v) ? !e.replied : /SEEN_REPLY/i.test(v) ? e.replied : e.assured)), '--status': (v) => void tests.push((e) => (/UNREPLIED/i.test(v) ? !e.replied : e.assured)),
    '-m': (v) => void tests.push((e) => e.mark === Number(v.split('/')[0])), '--mark': (v) => void tests.push((e) => e.mark === Number(v.split('/')[0])), '-f': () => undefined, '--family': () => undefined,
    '-o': (v) => {
      const bad = v.split(',').find((x) => !['extended', 'id', 'xml', 'timestamp', 'ktimestamp', 'labels', 'save', 'userspace'].includes(x))
      if (bad !== undefined) return `Bad parameter \`${bad}'`
      show.extended = v.includes('extended')
      show.id = v.includes('id')
      return undefined
    },
    '-e': () => undefined, '--icmp-type': (v) => void tests.push((e) => e.original.icmp?.type === Number(v)), '--icmp-id': (v) => void tests.push((e) => e.original.icmp?.id === Number(v)), '-w': () => undefined, '-z': () => undefined,
  }
  const flags: Readonly<Record<string, () => void>> = { '-n': () => tests.push((e) => e.sourceNat), '--src-nat': () => tests.push((e) => e.sourceNat), '-g': () => tests.push((e) => e.destinationNat), '--dst-nat': () => tests.push((e) => e.destinationNat), '-j': () => tests.push((e) => e.sourceNat || e.destinationNat), '--any-nat': () => tests.push((e) => e.sourceNat || e.destinationNat) }
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!
    const eq = word.startsWith('--') ? word.indexOf('=') : -1
    const name = eq < 0 ? word : word.slice(0, eq)
    if (commands[name] !== undefined) command = commands[name]
    else if (flags[name]) flags[name]!()
    else if (options[name]) {
      const value = eq < 0 ? args[++i] : word.slice(eq + 1)
      if (value === undefined) return fail(`option \`${name}' requires an argument`)
      const problem = options[name]!(value)
      if (typeof problem === 'string') return fail(problem)
    } else if (word === 'conntrack' || word === 'expect') continue
    else if (word.startsWith('-')) return fail(`unknown option \`${word}'`)
    else return fail(command === undefined ? 'Bad parameter' : `unknown type \`${word}'`)
  }
  const matches = (e: ConntrackInfo) => tests.every((t) => t(e))
  const table = p.net.conntrack
  switch (command) {
    case 'L': {
      const rows = table.list().filter(matches)
      await say(p, rows.map((e) => entryText(e, show) + '\n').join(''))
      await complain(p, `${program}: ${rows.length} flow entries have been shown.\n`)
      return 0
    }
    case 'G': {
      if (protocol === undefined) return fail("You need to supply the `--protonum' option for this command")
      const row = table.list().find(matches)
      if (row) await say(p, entryText(row, show) + '\n')
      await complain(p, row ? `${program}: 1 flow entries have been shown.\n` : `${program}: Operation failed: such conntrack doesn't exist\n`)
      return row ? 0 : 1
    }
    case 'D': {
      const gone = table.delete(matches)
      await say(p, gone.map((e) => entryText(e, show) + '\n').join(''))
      await complain(p, `${program}: ${gone.length} flow entries have been deleted.\n`)
      return gone.length > 0 ? 0 : 1
    }
    case 'F':
      table.delete(() => true)
      await complain(p, `${program}: connection tracking table has been emptied.\n`)
      return 0
    case 'C':
      await say(p, `${table.size}\n`)
      return 0
    case 'S':
      for (const cpu of [0, 1]) await say(p, `cpu=${cpu}   \tfound=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=0 \n`)
      return 0
    case 'E':
      return events(p, matches)
    default:
      return fail('You need to supply a command')
  }
}

async function events(p: Process, matches: (e: ConntrackInfo) => boolean): Promise<number> {
  const queue: string[] = []
  let wake: (() => void) | undefined
  let stopped = false
  p.onSignal('SIGINT', () => {
    stopped = true
    wake?.()
  })
  let count = 0
  const stop = p.net.conntrack.onEvent((kind, e) => {
    if (!matches(e)) return
    queue.push(`${`[${kind}]`.padStart(9)} ${entryText(e, { timeout: kind !== 'DESTROY' })}`.replace(' mark=0 use=1', '') + '\n')
    wake?.()
  })
  p.onEnd(stop)
  while (!stopped) {
    const text = queue.shift()
    if (text !== undefined) {
      count++
      await say(p, text)
    } else await p.call<void>((resolve) => {
      wake = () => {
        wake = undefined
        resolve()
      }
    })
  }
  stop()
  await complain(p, `${program}: ${count} flow events have been shown.\n`)
  return 0
}
