/**
 * The configuration commands that occur in the recorded networks (`ip`, `bridge`, `sysctl`, `iptables`), as calls of a namespace's verbs. Only what
 * occurs there: the real programs live in src/programs.
 */
import { IptablesError, NetError } from '../../src/engine/net/error.ts'
import type { Namespace } from '../../src/engine/net/namespace.ts'
import { parseCommand } from '../../src/engine/net/netfilter/parse.ts'
import { splitLine } from '../../src/engine/net/netfilter/restore.ts'
import type { RouteSpec } from '../../src/engine/net/types.ts'

export interface CommandResult {
  readonly exit: number
  readonly output: string
}

export function runNetworkCommand(ns: Namespace, command: string): CommandResult {
  const words = splitLine(command)
  try {
    run(ns, words)
    return { exit: 0, output: '' }
  } catch (error) {
    if (error instanceof NetError) return { exit: 2, output: error.extended ? `Error: ${error.message}` : `RTNETLINK answers: ${error.message}` }
    if (error instanceof IptablesError) return { exit: error.exitCode, output: error.message }
    throw error
  }
}

/** The value after a word. */
function after(words: readonly string[], word: string): string | undefined {
  const at = words.indexOf(word)
  return at < 0 ? undefined : words[at + 1]
}

function run(ns: Namespace, words: readonly string[]): void {
  const [program, object, verb] = words
  if (program === 'iptables') return ns.netfilter.apply(parseCommand(ns, words.slice(1)))
  if (program === 'sysctl') {
    const [key, value] = words[2]!.split('=')
    return ns.setSysctl(key!, value!)
  }
  if (program === 'bridge') return ns.setFdb(after(words, 'dev')!, words[3]!, { remote: after(words, 'dst')!, verb: 'append' })
  switch (`${object} ${verb}`) {
    case 'link set':
      return linkSet(ns, words[3]!, words.slice(4))
    case 'link add':
      return linkAdd(ns, words)
    case 'addr add':
      return ns.addAddress(after(words, 'dev')!, words[3]!)
    case 'addr del':
      return ns.deleteAddress(after(words, 'dev')!, words[3]!)
    case 'neigh add':
      return ns.setNeighbour(after(words, 'dev')!, words[3]!, after(words, 'lladdr')!, { permanent: true, verb: 'add' })
    case 'route add':
      return ns.addRoute(routeOf(words.slice(3)))
    case 'rule add': {
      const value = (word: string) => after(words, word)
      const mark = value('fwmark')
      return ns.addRule({
        ...(value('from') === undefined ? {} : { from: value('from')! }),
        ...(value('to') === undefined ? {} : { to: value('to')! }),
        ...(value('iif') === undefined ? {} : { inputDevice: value('iif')! }),
        ...(mark === undefined ? {} : { mark: Number(mark) }),
        ...(value('priority') === undefined ? {} : { priority: Number(value('priority')) }),
        table: Number(value('lookup')),
      })
    }
    default:
      throw new Error(`unknown command: ${words.join(' ')}`)
  }
}

function linkSet(ns: Namespace, name: string, words: readonly string[]): void {
  if (words.includes('up')) ns.setLink(name, { up: true })
  else if (words.includes('down')) ns.setLink(name, { up: false })
  else if (words[0] === 'master') ns.setLink(name, { master: words[1]! })
  else if (words[0] === 'address') ns.setLink(name, { mac: words[1]! })
  else if (words[0] === 'mtu') ns.setLink(name, { mtu: Number(words[1]) })
  else if (words.includes('hairpin')) ns.setLink(name, { hairpin: after(words, 'hairpin') === 'on' })
  else throw new Error(`unknown command: ip link set ${words.join(' ')}`)
}

function linkAdd(ns: Namespace, words: readonly string[]): void {
  const name = words[3]!
  if (after(words, 'type') === 'bridge') {
    ns.addLink(name, { kind: 'bridge', snooping: after(words, 'mcast_snooping') !== '0' })
    return
  }
  const device = after(words, 'dev')
  ns.addLink(name, {
    kind: 'vxlan',
    id: Number(after(words, 'id')),
    local: after(words, 'local')!,
    dstport: Number(after(words, 'dstport')),
    ...(device === undefined ? {} : { device }),
    learning: !words.includes('nolearning'),
  })
}

const types = new Set(['unreachable', 'prohibit', 'blackhole', 'throw', 'local', 'broadcast', 'unicast'])

function routeOf(words: readonly string[]): RouteSpec {
  const type = types.has(words[0]!) ? words[0] : undefined
  const rest = type === undefined ? words : words.slice(1)
  const value = (word: string) => after(rest, word)
  return {
    to: rest[0]!,
    ...(type === undefined ? {} : { type: type as 'unreachable' }),
    ...(value('via') === undefined ? {} : { via: value('via')! }),
    ...(value('dev') === undefined ? {} : { device: value('dev')! }),
    ...(value('src') === undefined ? {} : { source: value('src')! }),
    ...(value('metric') === undefined ? {} : { metric: Number(value('metric')) }),
    ...(value('table') === undefined ? {} : { table: Number(value('table')) }),
    ...(value('scope') === undefined ? {} : { scope: value('scope') as 'link' }),
    ...(rest.includes('onlink') ? { onlink: true } : {}),
  }
}
