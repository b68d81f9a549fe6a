/** `ip rule`: show, add, delete, flush. */
import type { RuleSpec } from '#engine/net/types.ts'
import { duplicate, invalid, IpFailure, matches, prefixOf, tableNumber, tableText, type IpContext } from './context.ts'

export function ipRule(c: IpContext): void {
  const verb = c.more ? c.take() : 'list'
  if (matches(verb, 'list') || matches(verb, 'lst') || matches(verb, 'show')) return list(c)
  if (matches(verb, 'add')) return c.netlink(() => c.net.addRule(spec(c)))
  if (matches(verb, 'delete')) return c.netlink(() => c.net.deleteRule(spec(c)))
  if (matches(verb, 'flush')) {
    for (const r of c.net.rules()) if (r.priority !== 0) c.netlink(() => c.net.deleteRule(r))
    return
  }
  if (matches(verb, 'help')) throw new IpFailure('Usage: ip rule { add | del } SELECTOR ACTION\n       ip rule { flush | save | restore }\n       ip rule [ list [ SELECTOR ]]\n', 255)
  throw new IpFailure(`Command "${verb}" is unknown, try "ip rule help".\n`, 255)
}

function spec(c: IpContext): RuleSpec {
  const r: { -readonly [K in keyof RuleSpec]: RuleSpec[K] } = {}
  while (c.more) {
    const word = c.take()
    if (word === 'not') r.not = true
    else if (word === 'from') {
      const p = prefixOf(c.value()).text
      if (p !== 'default') r.from = p
    } else if (word === 'to') {
      const p = prefixOf(c.value()).text
      if (p !== 'default') r.to = p
    } else if (word === 'priority' || word === 'preference' || word === 'order' || matches(word, 'pref')) r.priority = Number(c.value())
    else if (word === 'fwmark') {
      const [mark, mask] = c.value().split('/')
      r.mark = Number(mark)
      if (mask !== undefined) r.markMask = Number(mask)
    } else if (word === 'table' || (word !== 'l' && matches(word, 'lookup'))) {
      const name = c.value()
      const n = tableNumber(name)
      if (n === undefined) throw invalid('invalid table ID', name)
      r.table = n
    } else if (word === 'dev' || word === 'iif') r.inputDevice = c.value()
    else if (word === 'oif') r.outputDevice = c.value()
    else if (word === 'blackhole' || word === 'unreachable' || word === 'prohibit') r.type = word
    else if (word === 'tos' || word === 'dsfield' || word === 'ipproto' || word === 'sport' || word === 'dport' || word === 'protocol' || word === 'uidrange') c.value()
    else if (word === 'type') c.value()
    else throw new IpFailure(`Error: argument "${word}" is wrong: Failed to parse rule type\n`, 255)
  }
  return r
}

export function ruleText(r: RuleSpec): string {
  const hex = (n: number) => `0x${(n >>> 0).toString(16)}`
  const action = r.type !== undefined && r.type !== 'lookup' ? r.type : `lookup ${tableText(r.table ?? 254)}`
  return `${r.priority ?? 0}:\t${r.not ? 'not ' : ''}from ${r.from ?? 'all'}${r.to !== undefined ? ` to ${r.to}` : ''}${r.mark !== undefined ? ` fwmark ${hex(r.mark)}${r.markMask !== undefined && r.markMask >>> 0 !== 0xffffffff ? `/${hex(r.markMask)}` : ''}` : ''}${r.inputDevice !== undefined ? ` iif ${r.inputDevice}` : ''}${r.outputDevice !== undefined ? ` oif ${r.outputDevice}` : ''} ${action}\n`
}

function list(c: IpContext): void {
  const filter: { priority?: number; table?: number } = {}
  while (c.more) {
    const word = c.take()
    if (word === 'table' || word === 'lookup') {
      const n = tableNumber(c.value())
      if (n !== undefined) filter.table = n
    } else if (matches(word, 'priority') || matches(word, 'pref')) filter.priority = Number(c.value())
    else if (word === 'from' || word === 'to' || word === 'iif' || word === 'oif' || word === 'fwmark') c.value()
    else throw duplicate('from', word)
  }
  const rows = c.options.family === 'inet6' ? [] : c.net.rules().filter((r) => (filter.table === undefined || r.table === filter.table) && (filter.priority === undefined || r.priority === filter.priority))
  if (c.options.json) {
    c.json(rows.map((r) => ({
      priority: r.priority ?? 0, ...(r.not && { not: null }), src: (r.from ?? 'all').split('/')[0], ...(r.from?.includes('/') && { srclen: Number(r.from.split('/')[1]) }), ...(r.to !== undefined && { dst: r.to.split('/')[0] }),
      ...(r.to?.includes('/') && { dstlen: Number(r.to.split('/')[1]) }), ...(r.mark !== undefined && { fwmark: `0x${r.mark.toString(16)}` }), ...(r.inputDevice !== undefined && { iif: r.inputDevice }),
      ...(r.type === undefined || r.type === 'lookup' ? { table: tableText(r.table ?? 254) } : { action: r.type }),
    })))
    return
  }
  for (const r of rows) c.print(ruleText(r))
}
