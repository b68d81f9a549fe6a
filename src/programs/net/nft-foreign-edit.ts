/**
 * nft's changes to tables that iptables made: rules whose words both programs have are written as iptables' own, rules are deleted by their handle,
 * chains flushed, made and deleted. What iptables has no words for is refused. Left out: that iptables then calls the table incompatible.
 */
import type { Process } from '#engine/machine/process.ts'
import { NftError } from '#engine/net/nft/lexer.ts'
import { parseCommands, type Command, type Target } from '#engine/net/nft/parse-command.ts'
import type { MatchRight, Operand, SetUse, Span, Statement } from '#engine/net/nft/types.ts'
import { dataType } from '#engine/net/nft/datatypes.ts'
import { RestoreError } from '#engine/net/error.ts'
import { formatIpv4 } from '#base/ip.ts'

const refuse = (why: string, span: Span): never => {
  throw new NftError([{ message: `Could not process rule: ${why}`, span }])
}

const address = (o: Operand): string | undefined => (o.kind === 'value' ? formatIpv4(Number(o.value)) : o.kind === 'prefix' ? `${formatIpv4(Number(o.value))}/${o.length}` : undefined)
const port = (o: Operand): string | undefined => (o.kind === 'value' ? String(o.value) : o.kind === 'range' ? `${String(o.from)}:${String(o.to)}` : undefined)
const device = (o: Operand): string | undefined => (o.kind === 'value' ? String(o.value) : o.kind === 'beginning' ? `${o.text}+` : undefined)

const members = (use: SetUse): Operand[] => (use.kind === 'anonymous' ? [...use.set.elements.values()].map((e) => e.key) : [])
const plain = (r: MatchRight): Operand | undefined => (r.kind === 'flags' || r.kind === 'set' || r.kind === 'boolean' ? undefined : r)

/** iptables' words for one match; undefined where it has none. */
function matchWords(s: Extract<Statement, { kind: 'match' }>): { readonly protocol?: string; readonly words: string } | undefined {
  if (s.left.kind !== 'selector' || (s.op !== '==' && s.op !== '!=')) return undefined
  const not = s.op === '!=' ? '! ' : ''
  const { name } = s.left.selector
  const one = plain(s.right)
  const said = (option: string, value: string | undefined) => (value === undefined ? undefined : { words: `${not}${option} ${value}` })
  const byName: Readonly<Record<string, () => { readonly protocol?: string; readonly words: string } | undefined>> = {
    'ip saddr': () => said('-s', one && address(one)),
    'ip daddr': () => said('-d', one && address(one)),
    iifname: () => said('-i', one && device(one)),
    oifname: () => said('-o', one && device(one)),
    'ct state': () => (s.right.kind === 'flags' && s.right.mask === undefined ? said('-m conntrack --ctstate', dataType('ct_state').show(s.right.value).toUpperCase()) : undefined),
    'ip protocol': () => (one?.kind === 'value' && not === '' ? { protocol: dataType('inet_proto').show(one.value), words: '' } : undefined),
    'meta l4proto': () => (one?.kind === 'value' && not === '' ? { protocol: dataType('inet_proto').show(one.value), words: '' } : undefined),
  }
  if (Object.hasOwn(byName, name)) return byName[name]!()
  const [protocol, side] = name.split(' ')
  if ((protocol !== 'tcp' && protocol !== 'udp') || (side !== 'sport' && side !== 'dport')) return undefined
  if (s.right.kind === 'set') {
    const ports = members(s.right.use).map(port)
    return ports.length === 0 || ports.includes(undefined) ? undefined : { protocol, words: `-m multiport ${not}--${side}s ${ports.join(',')}` }
  }
  const value = one && port(one)
  return value === undefined ? undefined : { protocol, words: `-m ${protocol} ${not}--${side} ${value}` }
}

function ruleWords(statements: readonly Statement[], comment: string | undefined): string | undefined {
  let protocol = ''
  const words: string[] = []
  let target = ''
  for (const s of statements) {
    if (s.kind === 'match') {
      const said = matchWords(s)
      if (!said || (said.protocol !== undefined && protocol !== '' && said.protocol !== protocol)) return undefined
      if (said.protocol !== undefined) protocol = said.protocol
      if (said.words !== '') words.push(said.words)
    } else if (s.kind === 'verdict' && s.verdict.code !== 'continue') target = s.verdict.chain === undefined ? ` -j ${s.verdict.code.toUpperCase()}` : ` -${s.verdict.code === 'goto' ? 'g' : 'j'} ${s.verdict.chain}`
    else if (s.kind === 'reject' && !s.with) target = ' -j REJECT'
    else if (s.kind === 'nat' && s.target.verb === 'masquerade' && !s.target.portFrom) target = ' -j MASQUERADE'
    else if (s.kind !== 'counter') return undefined
  }
  if (comment !== undefined) words.push(`-m comment --comment "${comment}"`)
  return `${protocol === '' ? '' : `-p ${protocol} `}${words.join(' ')}${target}`.trim()
}

/** Handles by chain and place, as the listing shows them. */
export type Handles = (chain: string, handle: number) => number | undefined

/** Undefined: the command is none of these. */
export function editForeign(p: Process, text: string, isForeign: (table: string) => boolean, handles: (table: string) => Handles): string | undefined {
  if (!/^\s*(add|insert|delete|flush|create)\s+(rule|chain)\b/.test(text)) return undefined
  const commands = parseCommands(text, { deviceIndex: (name) => p.net.links.get(name)?.index, now: () => 0 })
  const [c] = commands
  if (commands.length !== 1 || !c || !('target' in c) || c.target.family !== 'ip' || !isForeign(c.target.table.text)) return undefined
  edit(p, c, c.target, handles(c.target.table.text))
  return ''
}

function edit(p: Process, c: Command, target: Target, handles: Handles): void {
  const { netfilter } = p.net
  const table = target.table.text
  const name = target.name!
  const chain = netfilter.chains(table).find((x) => x.name === name.text)
  const run = (line: string) => {
    try {
      netfilter.restore(`*${table}\n${line}\nCOMMIT\n`, { noflush: true })
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error
      refuse(/incompatible|busy|not empty/i.test(error.message) ? 'Device or resource busy' : 'Operation not supported', name.span)
    }
  }
  if (c.object === 'chain' && (c.verb === 'add' || c.verb === 'create')) {
    if (!chain) run(`:${name.text} - [0:0]`)
    return
  }
  const there = chain ?? refuse('No such file or directory', name.span)
  if (c.object === 'chain' && c.verb === 'flush') return run(`-F ${there.name}`)
  if (c.object === 'chain' && c.verb === 'delete') {
    if (there.references > 0) refuse('Device or resource busy', name.span)
    run(`-F ${there.name}\n-X ${there.name}`)
    return
  }
  if (c.object !== 'rule') return
  if (c.verb === 'delete') {
    const place = handles(there.name, c.at.number)
    if (place === undefined) refuse('No such file or directory', c.at.span)
    return run(`-D ${there.name} ${place}`)
  }
  if (!('rule' in c)) return
  const words = ruleWords(c.rule.statements.map((s) => s.statement), c.rule.comment)
  if (words === undefined || c.at !== undefined) refuse('Operation not supported', c.span)
  run(`${c.verb === 'insert' ? '-I' : '-A'} ${there.name} ${words}`)
}
