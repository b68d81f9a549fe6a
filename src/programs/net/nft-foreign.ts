/**
 * The rules that iptables (nf_tables) wrote, as nft shows them: list ruleset, tables, table and chain, flush. Extensions that nft itself cannot say
 * are shown as `xt match` and `xt target`. Leaves out: changing them by nft, other than emptying.
 */
import type { ChainInfo, RuleInfo } from '#engine/net/types.ts'
import type { Process } from '#engine/machine/process.ts'
import { editForeign, type Handles } from './nft-foreign-edit.ts'

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

/** A rule while it is read. */
interface Reading {
  /** The next word. */
  next(): string
  /** `!= value` after a `!`. */
  op(value: string): string
  say(text: string): void
  /** iptables-nft writes what it knows of devices before all else. */
  sayDevice(text: string): void
  /** Skips the options of an extension. */
  skip(): void
  protocol: string
  protocolSaid: boolean
  foreign: boolean
  not: boolean
  comment: string
  action: string
}

const plural = (ports: string) => `{ ${ports.split(',').map((x) => x.replace(':', '-')).join(', ')} }`
const port = (r: Reading, word: string) => {
  r.protocolSaid = true
  r.say(`${r.protocol} ${word.slice(2)} ${r.op(r.next().replace(':', '-'))}`)
}
const ports = (r: Reading, word: string) => {
  r.protocolSaid = true
  r.say(`${r.protocol} ${word.slice(2, -1)} ${r.op(plural(r.next()))}`)
}
const address = (side: string) => (r: Reading) => r.say(`ip ${side} ${r.op(r.next())}`.replace(/\/32$/, ''))
const device = (side: string) => (r: Reading) => r.sayDevice(`${side} ${r.op(`"${r.next().replace(/\+$/, '*')}"`)}`)
const addressType = (side: string) => (r: Reading) => {
  r.foreign = true
  r.say(`fib ${side} type ${r.op(r.next().toLowerCase())}`)
}
const target = (goto: boolean) => (r: Reading) => {
  const name = r.next()
  const options = new Map<string, string>()
  for (let word = r.next(); word !== ''; ) {
    const value = r.next()
    if (value.startsWith('--')) {
      options.set(word, '')
      word = value
    } else {
      options.set(word, value)
      word = r.next()
    }
  }
  const known = targetText(name, goto, options)
  r.action = known.text
  r.foreign ||= known.foreign
}

const opaque = new Set(['set', 'statistic', 'recent', 'physdev', 'owner', 'limit', 'string'])

/** What each option of iptables is in nft's words. */
const readers: Readonly<Record<string, (r: Reading, word: string) => void>> = {
  '!': (r) => void (r.not = true),
  '-s': address('saddr'),
  '-d': address('daddr'),
  '-i': device('iifname'),
  '-o': device('oifname'),
  '-p': (r) => {
    r.protocol = r.next()
    if (!r.not) return
    r.say(`meta l4proto != ${r.protocol}`)
    r.protocolSaid = true
  },
  '--dport': port,
  '--sport': port,
  '--dports': ports,
  '--sports': ports,
  '--ctstate': (r) => {
    r.foreign = true
    r.say(`ct state ${r.op(r.next().toLowerCase())}`)
  },
  '--mark': (r) => {
    r.foreign = true
    const [mark, mask] = r.next().split('/')
    r.say(mask === undefined ? `meta mark ${r.op(mark!)}` : `meta mark & ${mask} ${r.not ? '!=' : '=='} ${mark}`)
  },
  '--dst-type': addressType('daddr'),
  '--src-type': addressType('saddr'),
  '--comment': (r) => void (r.comment = r.next()),
  '-m': (r) => {
    const name = r.next()
    if (!opaque.has(name)) return
    r.foreign = true
    r.say(`xt match "${name}"`)
    r.skip()
  },
  '-j': target(false),
  '-g': target(true),
}

/** One rule in nft's words; `foreign`: it holds something that only iptables understands. */
function translate(rule: RuleInfo): { readonly text: string; readonly foreign: boolean } {
  const words = wordsOf(rule.text)
  const matches: string[] = []
  const devices: string[] = []
  let i = 0
  const r: Reading = {
    protocol: '', protocolSaid: false, foreign: false, not: false, comment: '', action: '',
    next: () => words[i++] ?? '',
    op: (value) => `${r.not ? '!= ' : ''}${value}`,
    say: (text) => {
      matches.push(text)
      r.not = false
    },
    sayDevice: (text) => {
      devices.push(text)
      r.not = false
    },
    skip: () => {
      while (words[i] !== undefined && !/^-[a-zA-Z]$/.test(words[i]!) && words[i] !== '!') i++
    },
  }
  while (i < words.length) {
    const word = words[i++]!
    readers[word]?.(r, word)
  }
  if (r.protocol !== '' && !r.protocolSaid) matches.push(`meta l4proto ${r.protocol}`)
  const said = [...devices, ...matches].join(' ')
  if (r.comment !== '') r.foreign = true
  return { text: `${said}${said === '' && r.comment === '' && r.action !== '' && !r.foreign ? '' : ' '}counter packets ${rule.counters.packets} bytes ${rule.counters.bytes}${r.action === '' ? '' : ` ${r.action}`}`, foreign: r.foreign }
}

type Shown = { readonly text: string; readonly foreign: boolean }

const natText = (verb: string, option?: string) => (o: ReadonlyMap<string, string>): Shown => {
  const random = o.has('--random-fully') ? ' fully-random' : o.has('--random') ? ' random' : ''
  return { text: `${verb}${option === undefined ? '' : ` to ${o.get(option)}`}${random}`, foreign: true }
}

const targetTexts: Readonly<Record<string, (o: ReadonlyMap<string, string>) => Shown>> = {
  ACCEPT: () => ({ text: 'accept', foreign: false }),
  DROP: () => ({ text: 'drop', foreign: false }),
  RETURN: () => ({ text: 'return', foreign: false }),
  REJECT: (o) => {
    const how = o.get('--reject-with')
    return { text: how === undefined || how === 'icmp-port-unreachable' ? 'reject' : how === 'tcp-reset' ? 'reject with tcp reset' : `reject with icmp type ${how.replace(/^icmp-/, '')}`, foreign: true }
  },
  DNAT: natText('dnat', '--to-destination'),
  SNAT: natText('snat', '--to-source'),
  MASQUERADE: natText('masquerade'),
  LOG: (o) => ({ text: `log${o.has('--log-prefix') ? ` prefix "${o.get('--log-prefix')}"` : ''}`, foreign: true }),
  MARK: (o) => {
    const [mark, mask] = (o.get('--set-xmark') ?? '').split('/')
    return { text: mask === undefined || mask === '0xffffffff' ? `meta mark set ${mark}` : `meta mark set mark and 0x${((~Number(mask)) >>> 0).toString(16)} xor ${mark}`, foreign: true }
  },
}

const opaqueTargets = new Set(['CT', 'TCPMSS', 'REDIRECT', 'NFLOG', 'NOTRACK', 'CONNMARK', 'NETMAP'])

function targetText(name: string, goto: boolean, o: ReadonlyMap<string, string>): Shown {
  if (Object.hasOwn(targetTexts, name)) return targetTexts[name]!(o)
  return opaqueTargets.has(name) ? { text: `xt target "${name}"`, foreign: true } : { text: `${goto ? 'goto' : 'jump'} ${name}`, foreign: false }
}

/** Chains that iptables has made: a built-in one exists for nft once it was used. */
function existing(p: Process, table: string): ChainInfo[] {
  if (!p.net.netfilter.tables.includes(table)) return []
  return p.net.netfilter.chains(table).filter((c) => c.policy === undefined || c.policy !== 'ACCEPT' || c.rules.length > 0)
}

/** When chains and rules were made. A base chain is made by its first rule, just before it; iptables-restore makes all chains before the rules. */
function agesOf(chains: readonly ChainInfo[]): Map<ChainInfo | RuleInfo, number> {
  const out = new Map<ChainInfo | RuleInfo, number>()
  const first = Math.min(...chains.flatMap((c) => c.rules.map((r) => r.order ?? 0)))
  for (const [i, c] of chains.entries()) {
    const own = Math.min(...c.rules.map((r) => r.order ?? 0))
    const made = c.order ?? 0
    out.set(c, made > own ? (made - own === 1 ? own : first) - 1 + (i + 1) / (chains.length + 1) : made)
    for (const r of c.rules) out.set(r, r.order ?? 0)
  }
  return out
}

function handlesOf(chains: readonly ChainInfo[]): Map<ChainInfo | RuleInfo, number> {
  const age = agesOf(chains)
  return new Map([...age.keys()].sort((a, b) => age.get(a)! - age.get(b)!).map((x, i) => [x, i + 1]))
}

function tableText(p: Process, table: string, only: string | undefined, handles: boolean): Shown {
  let foreign = false
  const chains = existing(p, table)
  const age = agesOf(chains)
  const handle = handlesOf(chains)
  const blocks = chains.sort((a, b) => age.get(a)! - age.get(b)!).map((c) => {
    const own = handle.get(c)!
    const rows = c.rules.map((r) => {
      const t = translate(r)
      foreign ||= t.foreign
      return `\t\t${t.text}${handles ? ` # handle ${handle.get(r)}` : ''}\n`
    })
    const head = c.policy === undefined ? '' : `\t\ttype ${table === 'nat' ? 'nat' : table === 'mangle' && c.name === 'OUTPUT' ? 'route' : 'filter'} hook ${hooks[table]?.[c.name] ?? ''}; policy ${c.policy.toLowerCase()};\n`
    return { name: c.name, text: `\tchain ${c.name} {${handles ? ` # handle ${own}` : ''}\n${head}${rows.join('')}\t}\n` }
  })
  const shown = blocks.filter((b) => only === undefined || b.name === only)
  return { text: `table ip ${table} {\n${shown.map((b) => b.text).join('\n')}}\n`, foreign }
}

const warn = (table: string) => `# Warning: table ip ${table} is managed by iptables-nft, do not touch!\n`

export interface Foreign {
  readonly family: string
  readonly name: string
  readonly text: string
  readonly warning: string
}

const present = (p: Process) => Object.keys(hooks).filter((t) => existing(p, t).length > 0)

export function foreignTables(p: Process, o: { readonly handles: boolean }): Foreign[] {
  return present(p).map((name) => {
    const { text, foreign } = tableText(p, name, undefined, o.handles)
    return { family: 'ip', name, text, warning: foreign ? warn(name) : '' }
  })
}

/** The place (from 1) of a rule by its handle. */
const placeOf = (p: Process, table: string): Handles => {
  const chains = existing(p, table)
  const handle = handlesOf(chains)
  return (chain, number) => {
    const at = chains.find((c) => c.name === chain)?.rules.findIndex((r) => handle.get(r) === number) ?? -1
    return at < 0 ? undefined : at + 1
  }
}

/** Commands that name such a table; undefined for all others. */
export function foreignCommand(p: Process, args: readonly string[], o: { readonly handles: boolean }): { readonly text: string; readonly warnings: string } | undefined {
  const [verb, what, ...rest] = args.flatMap((a) => a.split(/\s+/))
  const [family, table, chain] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'].includes(rest[0] ?? '') ? [rest[0], rest[1], rest[2]] : ['ip', rest[0], rest[1]]
  const tables = present(p)
  if (verb === 'flush' && what === 'ruleset') {
    for (const t of p.net.netfilter.tables) p.net.netfilter.restore(`*${t}\n${Object.keys(hooks[t] ?? {}).map((c) => `:${c} ACCEPT [0:0]\n`).join('')}COMMIT\n`)
    return undefined
  }
  if (verb === 'list' && what === 'chains' && tables.length > 0) {
    const own = p.net.nftables.run('list chains')
    return { text: tables.map((t) => `table ip ${t} {\n${existing(p, t).map((c) => `\tchain ${c.name} {\n${c.policy === undefined ? '' : `\t\ttype ${t === 'nat' ? 'nat' : 'filter'} hook ${hooks[t]?.[c.name] ?? ''}; policy ${c.policy.toLowerCase()};\n`}\t}\n`).join('')}}\n`).join('') + own, warnings: '' }
  }
  if (family !== 'ip' || table === undefined || !tables.includes(table)) return undefined
  const edited = editForeign(p, `${args.join(' ')}\n`, (name) => tables.includes(name), (name) => placeOf(p, name))
  if (edited !== undefined) return { text: edited, warnings: '' }
  if (verb === 'list' && (what === 'table' || what === 'chain')) {
    if (what === 'chain' && (chain === undefined || !existing(p, table).some((c) => c.name === chain))) return undefined
    const { text, foreign } = tableText(p, table, what === 'chain' ? chain : undefined, o.handles)
    return { text, warnings: foreign ? warn(table) : '' }
  }
  if ((verb === 'flush' || verb === 'delete') && what === 'table') {
    const chains = verb === 'flush' ? existing(p, table) : existing(p, table).filter((c) => c.policy !== undefined)
    p.net.netfilter.restore(`*${table}\n${chains.map((c) => `:${c.name} ${c.policy ?? '-'} [0:0]\n`).join('')}COMMIT\n`)
    return { text: '', warnings: '' }
  }
  return undefined
}
