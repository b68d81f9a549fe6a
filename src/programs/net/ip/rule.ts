/** `ip rule`: show, add, delete, flush. Rules by TOS, protocol, ports, user and the like are read; the simulated routing does not ask for these. */
import type { RuleSpec } from '#engine/net/types.ts'
import { invalid, IpFailure, prefixOf, tableNumber, tableText, type IpContext } from './context.ts'
import { ruleUsage } from './usage.ts'
import { nothing, numberOf, readWords, routeTypeOf, skip, verbOf, wrong, type Act, type Words } from './words.ts'

const verbs = [['list', 'list'], ['lst', 'list'], ['show', 'list'], ['save', 'save'], ['restore', 'save'], ['add', 'add'], ['delete', 'delete'], ['flush', 'flush'], ['help', 'help']] as const

export function ipRule(c: IpContext): void {
  const verb = verbOf(c, verbs, 'rule', 'list')
  if (verb === 'list') return list(c)
  if (verb === 'add' || verb === 'delete') {
    if (!c.more) throw new IpFailure(`"ip rule ${verb === 'add' ? 'add' : 'del'}" requires arguments.\n`, 1)
    const spec = readWords<Spec>(c, specWords, {}, action)
    return c.netlink(() => (verb === 'add' ? c.net.addRule(spec) : c.net.deleteRule(spec)))
  }
  if (verb === 'flush') {
    const chosen = filtered(c, readFilter(c))
    // The kernel's own first rule stays.
    for (const r of chosen) if (r.priority !== 0) c.netlink(() => c.net.deleteRule(r))
    return
  }
  if (verb === 'help') throw new IpFailure(ruleUsage, 255)
  throw new IpFailure('Not sending a binary stream to stdout\n', 255)
}

type Spec = { -readonly [K in keyof RuleSpec]: RuleSpec[K] }

const prefix = (key: 'from' | 'to'): Act<Spec> => (r, c) => {
  const p = prefixOf(c.value())
  if (p.text !== 'default') r[key] = p.text
}
const priority: Act<Spec> = (r, c) => void (r.priority = numberOf(c.value(), 'preference value is invalid\n'))
const table: Act<Spec> = (r, c) => {
  const name = c.value()
  const n = tableNumber(name)
  if (n === undefined) throw invalid('invalid table ID', name)
  r.table = n
}
const input: Act<Spec> = (r, c) => void (r.inputDevice = c.value())

const ipProtocols = ['tcp', 'udp', 'icmp', 'sctp', 'dccp', 'ipv6-icmp', 'gre', 'esp', 'ah', 'igmp', 'udplite']
const ports: Act<Spec> = (_, c, word) => {
  const text = c.value()
  if (!/^\d+(-\d+)?$/.test(text)) throw wrong(text, `invalid ${word} range\n`)
}
const ruleProtocols = ['unspec', 'redirect', 'kernel', 'boot', 'static', 'gated', 'ra', 'mrt', 'zebra', 'bird', 'dhcp', 'mrouted', 'keepalived', 'babel', 'bgp', 'isis', 'ospf', 'rip', 'eigrp']

const specWords: Words<Spec> = {
  whole: {
    not: (r) => void (r.not = true),
    from: prefix('from'), to: prefix('to'),
    priority, preference: priority, order: priority,
    tos: skip, dsfield: skip, suppress_prefixlength: skip, sup_pl: skip, suppress_ifgroup: skip, sup_group: skip, realms: skip, map_to: skip, l3mdev: nothing, tun_id: skip,
    fwmark: (r, c) => {
      const [mark, mask] = c.value().split('/')
      r.mark = numberOf(mark!, 'fwmark value is invalid\n')
      if (mask !== undefined) r.markMask = numberOf(mask, 'fwmask value is invalid\n')
    },
    protocol: (_, c) => {
      const name = c.value()
      if (!ruleProtocols.includes(name) && !/^\d+$/.test(name)) throw wrong(name, '"protocol" value is invalid\n')
    },
    lookup: table, dev: input, iif: input,
    oif: (r, c) => void (r.outputDevice = c.value()),
    uidrange: (_, c) => {
      const text = c.value()
      if (!/^\d+-\d+$/.test(text)) throw wrong(text, 'invalid UID range\n')
    },
    ipproto: (_, c) => {
      const name = c.value()
      if (!ipProtocols.includes(name) && !/^\d+$/.test(name)) throw wrong(name, 'Invalid "ipproto" value\n')
    },
    sport: ports, dport: ports,
    type: (r, c) => action(r, c, c.value()),
  },
  short: [['preference', priority], ['order', priority], ['priority', priority], ['tos', skip], ['dsfield', skip], ['realms', skip], ['table', table], ['help', () => {
    throw new IpFailure(ruleUsage, 255)
  }]],
}

function action(r: Spec, _: IpContext, word: string): void {
  const type = routeTypeOf(word)
  if (type === 'blackhole' || type === 'unreachable' || type === 'prohibit') r.type = type
  else if (type !== 'unicast') throw wrong(word, 'Failed to parse rule type')
}

export function ruleText(r: RuleSpec, numeric = false, detached: (device: string) => boolean = () => false): string {
  const hex = (n: number) => `0x${(n >>> 0).toString(16)}`
  const lookup = r.type === undefined || r.type === 'lookup'
  const action = lookup ? `lookup ${numeric ? (r.table ?? 254) : tableText(r.table ?? 254)}` : numeric ? String(actionNumbers[r.type as keyof typeof actionNumbers]) : r.type
  const device = (key: string, name: string | undefined) => (name === undefined ? '' : ` ${key} ${name}${detached(name) ? ' [detached]' : ''}`)
  const mask = r.markMask !== undefined && r.markMask >>> 0 !== 0xffffffff ? `/${hex(r.markMask)}` : ''
  return `${r.priority ?? 0}:\t${r.not ? 'not ' : ''}from ${r.from ?? 'all'}${r.to !== undefined ? ` to ${r.to}` : ''}${r.mark !== undefined ? ` fwmark ${hex(r.mark)}${mask}` : ''}${device('iif', r.inputDevice)}${device('oif', r.outputDevice)} ${action}`
}

const actionNumbers = { blackhole: 6, unreachable: 7, prohibit: 8 } as const

interface Filter {
  priority?: number
  table?: number
  from?: string
  to?: string
  input?: string
  output?: string
  mark?: number
}

const filterWords: Words<Filter> = {
  whole: {
    from: (f, c) => void (f.from = prefixOf(c.value()).text),
    to: (f, c) => void (f.to = prefixOf(c.value()).text),
    table: tableFilter, lookup: tableFilter,
    iif: (f, c) => void (f.input = c.value()), dev: (f, c) => void (f.input = c.value()),
    oif: (f, c) => void (f.output = c.value()),
    fwmark: (f, c) => void (f.mark = numberOf(c.value().split('/')[0]!, 'fwmark value is invalid\n')),
    tos: skip, dsfield: skip, protocol: skip, ipproto: skip, sport: skip, dport: skip, uidrange: skip, l3mdev: nothing, not: nothing,
  },
  short: [['priority', priority], ['preference', priority]],
}

function tableFilter(f: Filter, c: IpContext): void {
  const name = c.value()
  const n = tableNumber(name)
  if (n === undefined) throw wrong(name, 'table id value is invalid\n')
  f.table = n
}

const readFilter = (c: IpContext): Filter => readWords<Filter>(c, filterWords, {}, (f, inner, word) => void (f.to = prefixOf(word === 'to' ? inner.value() : word, 'inet').text))

/** A rule's prefix that lies in the wanted one's range, as the address part is compared with the rule's own length. */
const sameBase = (rule: string | undefined, wanted: string | undefined) => wanted === undefined || wanted === 'default' || (rule !== undefined && rule.split('/')[0] === wanted.split('/')[0] && (rule.split('/')[1] ?? '32') === (wanted.split('/')[1] ?? '32'))

const filtered = (c: IpContext, f: Filter): readonly RuleSpec[] => c.net.rules().filter((r) => (f.table === undefined || r.table === f.table) && (f.priority === undefined || r.priority === f.priority) && sameBase(r.from, f.from) && sameBase(r.to, f.to)
  && (f.input === undefined || r.inputDevice === f.input) && (f.output === undefined || r.outputDevice === f.output) && (f.mark === undefined || r.mark === f.mark))

function list(c: IpContext): void {
  const rows = filtered(c, readFilter(c)).filter((r) => c.options.family !== 'inet6' || r.priority === 0 || r.priority === 32766)
  const detached = (device: string) => !c.net.links.has(device)
  if (c.options.json) {
    c.json(rows.map((r) => ({
      priority: r.priority ?? 0, ...(r.not && { not: null }), src: (r.from ?? 'all').split('/')[0], ...(r.from?.includes('/') && { srclen: Number(r.from.split('/')[1]) }), ...(r.to !== undefined && { dst: r.to.split('/')[0] }),
      ...(r.to?.includes('/') && { dstlen: Number(r.to.split('/')[1]) }), ...(r.mark !== undefined && { fwmark: `0x${r.mark.toString(16)}` }), ...(r.markMask !== undefined && r.markMask >>> 0 !== 0xffffffff && { fwmask: `0x${r.markMask.toString(16)}` }),
      ...(r.inputDevice !== undefined && { iif: r.inputDevice, ...(detached(r.inputDevice) && { iif_detached: null }) }), ...(r.outputDevice !== undefined && { oif: r.outputDevice, ...(detached(r.outputDevice) && { oif_detached: null }) }),
      ...(r.type === undefined || r.type === 'lookup' ? { table: tableText(r.table ?? 254) } : { action: r.type }),
    })))
    return
  }
  // The rules that the kernel makes itself are marked so.
  const own = (r: RuleSpec) => [0, 32766, 32767].includes(r.priority ?? 0)
  for (const r of rows) c.print(ruleText(r, c.options.numeric, detached) + (c.options.details ? ` proto ${own(r) ? 'kernel' : 'unspec'}` : '') + '\n')
}
