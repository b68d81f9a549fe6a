/**
 * `nft` 1.0.6 as a window on the rules that iptables (nf_tables) wrote: list ruleset, tables, table and chain, flush. Leaves out: making
 * native tables and rules; extensions that nft itself cannot say are shown as `xt match` and `xt target`.
 */
import type { ChainInfo, RuleInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { complain, say } from './support.ts'

const hooks: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  filter: { INPUT: 'input priority filter', FORWARD: 'forward priority filter', OUTPUT: 'output priority filter' },
  nat: { PREROUTING: 'prerouting priority dstnat', INPUT: 'input priority srcnat', OUTPUT: 'output priority -100', POSTROUTING: 'postrouting priority srcnat' },
  mangle: { PREROUTING: 'prerouting priority mangle', INPUT: 'input priority mangle', FORWARD: 'forward priority mangle', OUTPUT: 'output priority mangle', POSTROUTING: 'postrouting priority mangle' },
  raw: { PREROUTING: 'prerouting priority raw', OUTPUT: 'output priority raw' },
}

/** Words of a rule as iptables-save quotes them. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((m) => m[1]?.replace(/\\(.)/g, '$1') ?? m[2]!)
}

/** One rule in nft's words; `foreign`: it holds something that only iptables understands. */
function translate(r: RuleInfo): { readonly text: string; readonly foreign: boolean } {
  const words = wordsOf(r.text)
  const matches: string[] = []
  let action = ''
  let comment = ''
  let protocol = ''
  let protocolSaid = false
  let foreign = false
  let not = false
  const options = new Map<string, string>()
  const op = (value: string) => `${not ? '!= ' : ''}${value}`
  const say = (text: string) => {
    matches.push(text)
    not = false
  }
  /** iptables-nft writes what it knows of devices before all else. */
  const devices: string[] = []
  const sayDevice = (text: string) => {
    devices.push(text)
    not = false
  }
  const plural = (ports: string) => `{ ${ports.split(',').map((x) => x.replace(':', '-')).join(', ')} }`
  for (let i = 0; i < words.length; i++) {
    const w = words[i]!
    const value = () => words[++i] ?? ''
    if (w === '!') not = true
    else if (w === '-s') say(`ip saddr ${op(value())}`.replace(/\/32$/, ''))
    else if (w === '-d') say(`ip daddr ${op(value())}`.replace(/\/32$/, ''))
    else if (w === '-i') sayDevice(`iifname ${op(`"${value().replace(/\+$/, '*')}"`)}`)
    else if (w === '-o') sayDevice(`oifname ${op(`"${value().replace(/\+$/, '*')}"`)}`)
    else if (w === '-p') {
      protocol = value()
      if (not) {
        say(`meta l4proto != ${protocol}`)
        protocolSaid = true
      }
    } else if (w === '--dport' || w === '--sport') {
      protocolSaid = true
      say(`${protocol} ${w.slice(2)} ${op(value().replace(':', '-'))}`)
    } else if (w === '--dports' || w === '--sports') {
      protocolSaid = true
      say(`${protocol} ${w.slice(2, -1)} ${op(plural(value()))}`)
    } else if (w === '--ctstate') {
      foreign = true
      say(`ct state ${op(value().toLowerCase())}`)
    } else if (w === '--mark') {
      foreign = true
      const [mark, mask] = value().split('/')
      say(mask === undefined ? `meta mark ${op(mark!)}` : `meta mark & ${mask} ${not ? '!=' : '=='} ${mark}`)
    } else if (w === '--dst-type' || w === '--src-type') {
      foreign = true
      say(`fib ${w === '--dst-type' ? 'daddr' : 'saddr'} type ${op(value().toLowerCase())}`)
    } else if (w === '--comment') comment = value()
    else if (w === '-m') {
      const name = value()
      if (['set', 'statistic', 'recent', 'physdev', 'owner', 'limit', 'string'].includes(name)) {
        foreign = true
        say(`xt match "${name}"`)
        while (words[i + 1] !== undefined && !/^-[a-zA-Z]$/.test(words[i + 1]!) && words[i + 1] !== '!') i++
      }
    } else if (w === '-j' || w === '-g') {
      const target = value()
      for (i++; i < words.length; i += 2) options.set(words[i]!, words[i + 1]?.startsWith('--') ? (i--, '') : (words[i + 1] ?? ''))
      const known = targetText(target, w === '-g', options)
      action = known.text
      foreign ||= known.foreign
    }
  }
  if (protocol !== '' && !protocolSaid) matches.push(`meta l4proto ${protocol}`)
  const said = [...devices, ...matches].join(' ')
  if (comment !== '') foreign = true
  return { text: `${said}${said === '' && comment === '' && action !== '' && !foreign ? '' : ' '}counter packets ${r.counters.packets} bytes ${r.counters.bytes}${action === '' ? '' : ` ${action}`}`, foreign }
}

function targetText(target: string, goto: boolean, o: ReadonlyMap<string, string>): { readonly text: string; readonly foreign: boolean } {
  const random = o.has('--random-fully') ? ' fully-random' : o.has('--random') ? ' random' : ''
  switch (target) {
    case 'ACCEPT': case 'DROP': case 'RETURN':
      return { text: target.toLowerCase(), foreign: false }
    case 'REJECT': {
      const how = o.get('--reject-with')
      return { text: how === undefined || how === 'icmp-port-unreachable' ? 'reject' : how === 'tcp-reset' ? 'reject with tcp reset' : `reject with icmp type ${how.replace(/^icmp-/, '')}`, foreign: true }
    }
    case 'DNAT':
      return { text: `dnat to ${o.get('--to-destination')}${random}`, foreign: true }
    case 'SNAT':
      return { text: `snat to ${o.get('--to-source')}${random}`, foreign: true }
    case 'MASQUERADE':
      return { text: `masquerade${random}`, foreign: true }
    case 'LOG':
      return { text: `log${o.has('--log-prefix') ? ` prefix "${o.get('--log-prefix')}"` : ''}`, foreign: true }
    case 'MARK': {
      const [mark, mask] = (o.get('--set-xmark') ?? '').split('/')
      return { text: mask === undefined || mask === '0xffffffff' ? `meta mark set ${mark}` : `meta mark set mark and 0x${((~Number(mask)) >>> 0).toString(16)} xor ${mark}`, foreign: true }
    }
    default:
      return /^[A-Z]+$/.test(target) && ['CT', 'TCPMSS', 'REDIRECT', 'NFLOG', 'NOTRACK', 'CONNMARK', 'NETMAP'].includes(target) ? { text: `xt target "${target}"`, foreign: true } : { text: `${goto ? 'goto' : 'jump'} ${target}`, foreign: false }
  }
}

/** Chains that iptables has made: a built-in one exists for nft once it was used. */
function existing(p: Process, table: string): readonly ChainInfo[] {
  if (!p.net.netfilter.tables.includes(table)) return []
  return p.net.netfilter.chains(table).filter((c) => c.policy === undefined || c.policy !== 'ACCEPT' || c.rules.length > 0)
}

interface Listing {
  readonly text: string
  readonly foreign: boolean
}

function tableText(p: Process, table: string, only: string | undefined, handles: boolean): Listing {
  let foreign = false
  let handle = 0
  const blocks = existing(p, table).map((c) => {
    const own = ++handle
    const rows = c.rules.map((r) => {
      const t = translate(r)
      foreign ||= t.foreign
      handle++
      return `\t\t${t.text}${handles ? ` # handle ${handle}` : ''}\n`
    })
    const head = c.policy === undefined ? '' : `\t\ttype ${table === 'nat' ? 'nat' : table === 'mangle' && c.name === 'OUTPUT' ? 'route' : 'filter'} hook ${hooks[table]?.[c.name] ?? ''}; policy ${c.policy.toLowerCase()};\n`
    return { name: c.name, text: `\tchain ${c.name} {${handles ? ` # handle ${own}` : ''}\n${head}${rows.join('')}\t}\n` }
  })
  const shown = blocks.filter((b) => only === undefined || b.name === only)
  return { text: `table ip ${table} {\n${shown.map((b) => b.text).join('\n')}}\n`, foreign }
}

export const nft: Program = async (p) => {
  const args = p.argv.slice(1)
  const handles = args.some((a) => a === '-a' || a === '--handle')
  const words = args.filter((a) => !a.startsWith('-')).flatMap((a) => a.split(/\s+/))
  if (args.includes('-v') || args.includes('--version')) {
    await say(p, 'nftables v1.0.6 (Lester Gooch #5)\n')
    return 0
  }
  const denied = !p.can('NET_ADMIN')
  if (denied && words.length > 0) {
    await complain(p, words[0] === 'list' ? 'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n' : 'Operation not permitted (you must be root)\n')
    return 1
  }
  const tables = Object.keys(hooks).filter((t) => existing(p, t).length > 0)
  const [verb, what, ...rest] = words
  const [family, table, chain] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'].includes(rest[0] ?? '') ? [rest[0], rest[1], rest[2]] : ['ip', rest[0], rest[1]]
  const missing = async (word: string) => {
    const line = args.filter((a) => !a.startsWith('-')).join(' ')
    await complain(p, `Error: No such file or directory\n${line}\n${' '.repeat(Math.max(0, line.lastIndexOf(word)))}${'^'.repeat(word.length)}\n`)
    return 1
  }
  const show = async (names: readonly string[], only?: string) => {
    const lists = names.map((t) => [t, tableText(p, t, only, handles)] as const)
    await complain(p, lists.filter(([, l]) => l.foreign).map(([t]) => `# Warning: table ip ${t} is managed by iptables-nft, do not touch!\n`).join(''))
    await say(p, lists.map(([, l]) => l.text).join(''))
    return 0
  }
  if (verb === 'list' && what === 'ruleset') return show(tables)
  if (verb === 'list' && what === 'tables') {
    await say(p, tables.map((t) => `table ip ${t}\n`).join(''))
    return 0
  }
  if (verb === 'list' && (what === 'table' || what === 'chain')) {
    if (table === undefined || family !== 'ip' || !tables.includes(table)) return missing(table ?? '')
    if (what === 'chain' && (chain === undefined || !existing(p, table).some((c) => c.name === chain))) return missing(chain ?? '')
    return show([table], what === 'chain' ? chain : undefined)
  }
  if (verb === 'list' && what === 'chains') {
    await say(p, tables.map((t) => `table ip ${t} {\n${existing(p, t).map((c) => `\tchain ${c.name} {\n${c.policy === undefined ? '' : `\t\ttype ${t === 'nat' ? 'nat' : 'filter'} hook ${hooks[t]?.[c.name] ?? ''}; policy ${c.policy.toLowerCase()};\n`}\t}\n`).join('')}}\n`).join(''))
    return 0
  }
  if (verb === 'flush' && what === 'ruleset') {
    for (const t of p.net.netfilter.tables) p.net.netfilter.restore(`*${t}\n${Object.keys(hooks[t] ?? {}).map((c) => `:${c} ACCEPT [0:0]\n`).join('')}COMMIT\n`)
    return 0
  }
  await complain(p, verb === undefined ? 'nft: no command specified\n' : `Error: making native nftables objects is not part of this simulation\n${words.join(' ')}\n${'^'.repeat(words.join(' ').length)}\n`)
  return 1
}
