/** busybox's ip: it shows in its own words; changes are the big program's, whose refusals it tells in its own way. */
import type { LinkInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { ip } from '../net/ip/ip.ts'
import { showUsage } from './banner.ts'
import { facade, withRules, type Rule } from './front.ts'

const flags = (l: LinkInfo, other: LinkInfo | undefined) => {
  const list = l.flags.filter((f) => f !== 'NO-CARRIER' && f !== 'M-DOWN')
  return l.peer && l.up && !other?.up ? [...list, 'M-DOWN'] : list
}

interface Shape {
  readonly addresses: boolean
  readonly link: boolean
  readonly oneline: boolean
}

function linkLines(p: Process, l: LinkInfo, shape: Shape): string {
  const nl = shape.oneline ? '\\' : '\n'
  // The other end's index is looked up among this namespace's own devices.
  const other = l.peer && [...p.net.links.values()].find((x) => x.index === l.peer!.index)
  const name = l.peer ? `${l.name}@${other?.name ?? `if${l.peer.index}`}` : l.name
  let text = ''
  if (!shape.oneline || !shape.addresses) {
    text += `${l.index}: ${name}: <${flags(l, other).join(',')}> mtu ${l.mtu} qdisc ${l.qdisc} ${l.master !== undefined ? `master ${l.master} ` : ''}qlen ${l.queueLength}`
    if (shape.link) text += `${nl}    link/${l.kind === 'loopback' ? 'loopback' : 'ether'} ${l.mac} brd ${l.kind === 'loopback' ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff'}`
    text += '\n'
  }
  if (shape.addresses) for (const a of l.addresses) text += `${shape.oneline ? `${l.index}: ${l.name}` : ''}    inet ${a.address}/${a.length}${a.broadcast !== undefined ? ` brd ${a.broadcast}` : ''} scope ${a.scope} ${a.secondary ? 'secondary ' : ''}${a.label}${nl}       valid_lft forever preferred_lft forever\n`
  return text
}

/** Sentences of the kernel, which busybox does not read: the errno of each. */
const sentences: Readonly<Record<string, string>> = {
  'Nexthop has invalid gateway.': 'Network is unreachable', 'ipv4: Address already assigned.': 'File exists', 'ipv4: Address not found.': 'Cannot assign requested address', 'Unknown device type.': 'Operation not supported',
  'Device for nexthop is not up.': 'Network is down', 'ipv4: FIB table does not exist.': 'No such file or directory', 'A VXLAN device with the specified VNI already exists.': 'File exists', 'any valid prefix is expected': 'Invalid argument',
}

const rules: readonly Rule[] = [
  [/^Cannot find device "(.*)"$/, "ip: can't find device '$1'"],
  [/^Device "(.*)" does not exist\.$/, "ip: can't find device '$1'"],
  [/^Command "(.*)" is unknown, try .*$/, "ip: invalid argument '$1' to 'ip'"],
  [/^Command line is not complete\. .*$/, 'ip: command line is not complete, try "help"'],
  [/^Error: either "(.*)" is duplicate, or "(.*)" is a garbage\.$/, 'ip: either "$1" is duplicate, or "$2" is garbage'],
  [/^Error: argument "(.*)" is wrong: .*$/, "ip: invalid argument '$1' to 'ip'"],
  [/^Error: (?:any valid|inet) (prefix|address) is expected rather than "(.*)"\.$/, 'ip: an inet $1 is expected rather than "$2"'],
  [/^Error: (.*)$/, (_, why) => `ip: RTNETLINK answers: ${sentences[why!] ?? 'Invalid argument'}`],
  [/^RTNETLINK answers: (.*)$/, 'ip: RTNETLINK answers: $1'],
  [/^need at least a destination address$/, 'ip: need at least destination address'],
  [/^Not enough (?:of )?information: "(.*)" argument is required\.$/, 'ip: not enough information: "$1" argument is required'],
  [/^$/, undefined], [/^(?:Warning:|         )/, undefined], [/^(?:Dump|Flush) terminated$/, undefined],
  [/^(?:Usage:|\s)/, undefined],
]

const objects = ['address', 'route', 'link', 'tunnel', 'tunl', 'neigh', 'neighbour', 'rule'] as const
/** The verbs that each object knows, shows first. */
const verbs: Readonly<Record<string, readonly string[]>> = {
  address: ['show', 'list', 'lst', 'add', 'delete', 'flush', 'change', 'chg', 'replace'], link: ['show', 'list', 'lst', 'set', 'add', 'delete'], route: ['show', 'list', 'lst', 'add', 'append', 'change', 'chg', 'delete', 'get', 'prepend', 'replace', 'test', 'flush'],
  neigh: ['show', 'flush'], rule: ['list', 'lst', 'show', 'add', 'delete'], tunnel: ['show', 'add', 'change', 'delete', 'list'],
}

export const busyboxIp: Program = async (p) => {
  const words = [...p.argv.slice(1)]
  let family = 'any'
  let oneline = false
  while (words[0]?.startsWith('-')) {
    const option = words.shift()!
    if (option.length > 1 && '-oneline'.startsWith(option)) oneline = true
    else if (option === '-4') family = 'inet'
    else if (option === '-6') family = 'inet6'
    else if (option === '-0') family = 'link'
    else if (option.length > 1 && '-family'.startsWith(option)) family = words.shift() ?? ''
    else return showUsage(p)
  }
  const [given = '', word, ...rest] = words
  const found = objects.find((o) => given !== '' && o.startsWith(given))
  if (!found) return showUsage(p)
  const object = found === 'neighbour' ? 'neigh' : found === 'tunl' ? 'tunnel' : found
  const verb = word === undefined ? 'show' : verbs[object]!.find((v) => v.startsWith(word))
  if (verb === undefined) {
    await p.stderr.write(`ip: invalid argument '${word}' to 'ip'\n`)
    return object === 'link' ? 2 : 1
  }
  if (['show', 'list', 'lst'].includes(verb)) return show(p, object, rest, family, oneline)
  const bare = rest.filter((w) => w !== 'dev')
  if (object === 'link' && verb === 'set' && bare[0] !== undefined && !p.net.links.has(bare[0])) {
    await p.stderr.write('ip: SIOCGIFFLAGS: No such device\n')
    return 2
  }
  if (object === 'route' && verb === 'get' && bare[0] !== undefined) {
    const answer = p.net.routeGet(bare[0])
    if (!('error' in answer)) {
      await p.stdout.write(`${answer.route.type && answer.route.type !== 'unicast' ? `${answer.route.type} ` : ''}${bare[0]} ${answer.route.via !== undefined ? `via ${answer.route.via} ` : ''}dev ${answer.route.type === 'local' ? 'lo' : answer.route.device}  src ${answer.source} \n`)
      return 0
    }
  }
  const { process, flush } = withRules(p, rules)
  const code = await ip(facade<Process>(() => process, { argv: ['ip', object === 'neigh' ? 'neigh' : object, verb, ...rest] }))
  await flush()
  return code === 255 ? (object === 'link' ? 2 : 1) : code
}

async function show(p: Process, object: string, rest: readonly string[], family: string, oneline: boolean): Promise<number> {
  const at = rest.indexOf('dev')
  const device = at >= 0 ? rest[at + 1] : rest.find((w) => !['up', 'table', 'to', 'scope', 'label', 'nud', 'all', 'main', 'local'].includes(w) && p.net.links.has(w)) ?? (object === 'address' || object === 'link' ? rest.find((w) => w !== 'up') : undefined)
  if (device !== undefined && !p.net.links.has(device)) {
    await p.stderr.write(`ip: can't find device '${device}'\n`)
    return 1
  }
  if (object === 'address' || object === 'link') {
    const shape: Shape = { addresses: object === 'address' && family !== 'inet6' && family !== 'link', link: family !== 'inet', oneline }
    const links = [...p.net.links.values()].filter((l) => (device === undefined || l.name === device) && (!rest.includes('up') || l.up) && (family !== 'inet6') && (family !== 'inet' || object === 'link' || l.addresses.length > 0)).sort((a, b) => a.index - b.index)
    await p.stdout.write(links.map((l) => linkLines(p, l, shape)).join(''))
    return 0
  }
  if (family === 'inet6') return 0
  if (object === 'route') {
    const t = rest.indexOf('table')
    const table = t < 0 || rest[t + 1] === 'main' ? 254 : rest[t + 1] === 'local' ? 255 : rest[t + 1] === 'all' ? 'all' : Number(rest[t + 1])
    await p.stdout.write(p.net.routes(table).filter((r) => device === undefined || r.device === device).map((r) => `${r.type && r.type !== 'unicast' ? `${r.type} ` : ''}${r.to} ${r.via !== undefined ? `via ${r.via} ` : ''}${r.device !== undefined && device === undefined ? `dev ${r.device} ` : ''}${r.table !== 254 && table === 'all' ? `table ${r.table === 255 ? 'local' : r.table} ` : ''}${r.scope === 'link' || r.scope === 'host' ? `scope ${r.scope} ` : ''}${r.source !== undefined ? ` src ${r.source} ` : ''}${r.metric ? `metric ${r.metric} ` : ''}\n`).join(''))
    return 0
  }
  if (object === 'neigh') {
    await p.stdout.write(p.net.neighbours(device).filter((n) => !n.proxy && n.state !== 'NOARP').map((n) => `${n.address}${device === undefined ? ` dev ${n.device}` : ''}${n.mac !== undefined ? ` lladdr ${n.mac} ref 1` : ' '} used 0/0/0 probes ${n.state === 'FAILED' ? 6 : 4} ${n.state}\n`).join(''))
    return 0
  }
  if (object === 'rule') {
    const { process, flush } = withRules(p, rules)
    const lines: string[] = []
    const code = await ip(facade<Process>(() => process, { argv: ['ip', 'rule', 'list'], stdout: facade(() => p.stdout, { write: async (text: string) => void lines.push(text) }) }))
    await p.stdout.write(lines.join('').replace(/\n/g, ' \n'))
    await flush()
    return code
  }
  return 0
}
