/** iptables, iptables-save and iptables-restore 1.8.9 (nf_tables): parsing and rules are engine/net's; here are listing, files and exit codes. */
import { IptablesError } from '#engine/net/error.ts'
import { parseCommand } from '#engine/net/netfilter/parse.ts'
import type { ChainInfo, IptablesCommand, RuleInfo } from '#engine/net/types.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { getopt } from './getopt.ts'
import { complain, longDate, reason, say } from './support.ts'

const usage = `iptables v1.8.9 (nf_tables)

Usage: iptables -[ACD] chain rule-specification [options]
       iptables -I chain [rulenum] rule-specification [options]
       iptables -R chain rulenum rule-specification [options]
       iptables -D chain rulenum [options]
       iptables -[LS] [chain [rulenum]] [options]
       iptables -[FZ] [chain] [options]
       iptables -[NX] chain
       iptables -E old-chain-name new-chain-name
       iptables -P chain target [options]
       iptables -h (print this help information)

Commands:
Either long or short options are allowed.
  --append  -A chain\t\tAppend to chain
  --check   -C chain\t\tCheck for the existence of a rule
  --delete  -D chain\t\tDelete matching rule from chain
  --delete  -D chain rulenum
\t\t\t\tDelete rule rulenum (1 = first) from chain
  --insert  -I chain [rulenum]
\t\t\t\tInsert in chain as rulenum (default 1=first)
  --replace -R chain rulenum
\t\t\t\tReplace rule rulenum (1 = first) in chain
  --list    -L [chain [rulenum]]
\t\t\t\tList the rules in a chain or all chains
  --list-rules -S [chain [rulenum]]
\t\t\t\tPrint the rules in a chain or all chains
  --flush   -F [chain]\t\tDelete all rules in  chain or all chains
  --zero    -Z [chain [rulenum]]
\t\t\t\tZero counters in chain or all chains
  --new     -N chain\t\tCreate a new user-defined chain
  --delete-chain
            -X [chain]\t\tDelete a user-defined chain
  --policy  -P chain target
\t\t\t\tChange policy on chain to target
  --rename-chain
            -E old-chain new-chain
\t\t\t\tChange chain name, (moving any references)

Options:
    --ipv4\t-4\t\tNothing (line is ignored by ip6tables-restore)
    --ipv6\t-6\t\tError (line is ignored by iptables-restore)
[!] --protocol\t-p proto\tprotocol: by number or name, eg. \`tcp'
[!] --source\t-s address[/mask][...]
\t\t\t\tsource specification
[!] --destination -d address[/mask][...]
\t\t\t\tdestination specification
[!] --in-interface -i input name[+]
\t\t\t\tnetwork interface name ([+] for wildcard)
 --jump\t-j target
\t\t\t\ttarget for rule (may load target extension)
  --goto      -g chain
\t\t\t       jump to chain with no return
  --match\t-m match
\t\t\t\textended match (may load extension)
  --numeric\t-n\t\tnumeric output of addresses and ports
[!] --out-interface -o output name[+]
\t\t\t\tnetwork interface name ([+] for wildcard)
  --table\t-t table\ttable to manipulate (default: \`filter')
  --verbose\t-v\t\tverbose mode
  --wait\t-w [seconds]\tmaximum wait to acquire xtables lock before give up
  --line-numbers\t\tprint line numbers when listing
  --exact\t-x\t\texpand numbers (display exact values)
[!] --fragment\t-f\t\tmatch second or further fragments only
  --modprobe=<command>\t\ttry to insert modules using this command
  --set-counters -c PKTS BYTES\tset the counter during insert/append
[!] --version\t-V\t\tprint package version.
`

/** Names of addresses, as far as /etc/hosts has them: what -L shows without -n. */
function hostNames(p: Process): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const line of p.fs.exists('/etc/hosts') ? p.fs.readFile('/etc/hosts').split('\n') : []) {
    const [address, name] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (name !== undefined && !names.has(address!)) names.set(address!, name)
  }
  return names
}

export const iptables: Program = async (p) => {
  const args = p.argv.slice(1)
  if (args.includes('-V') || args.includes('--version')) {
    await say(p, 'iptables v1.8.9 (nf_tables)\n')
    return 0
  }
  if (args.includes('-h') || args.includes('--help')) {
    await say(p, usage)
    return 0
  }
  if (!p.can('NET_ADMIN')) {
    await complain(p, 'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n\n')
    return 4
  }
  try {
    const command = parseCommand(p.net, args)
    for (const warning of command.warnings ?? []) await complain(p, `${warning}\n`)
    if (command.verb === 'list') await say(p, list(p, command))
    else if (command.verb === 'list-rules') await say(p, listRules(p, command))
    else p.net.netfilter.apply(command)
    return 0
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error
    await complain(p, error.message.endsWith('\n') ? error.message : error.message + '\n')
    return error.exitCode
  }
}

function chosen(p: Process, c: IptablesCommand): readonly ChainInfo[] {
  const chains = p.net.netfilter.chains(c.table)
  if (c.chain === undefined) return chains
  const one = chains.filter((x) => x.name === c.chain)
  if (one.length === 0) throw new IptablesError(`iptables v1.8.9 (nf_tables): chain \`${c.chain}' in table \`${c.table}' is incompatible, use 'nft' tool.\n`, 1)
  return one
}

/** 1234567 → 1234K, as the counters of -v are shortened. */
function short(n: number, exact: boolean): string {
  if (exact) return String(n)
  if (n <= 99999) return String(n)
  let value = Math.floor((n + 500) / 1000)
  for (const unit of ['K', 'M', 'G', 'T']) {
    if (value <= 9999) return `${value}${unit}`
    value = Math.floor((value + 500) / 1000)
  }
  return `${value}T`
}

function list(p: Process, c: IptablesCommand): string {
  const { numeric, verbose, exact, lineNumbers } = c.options
  const names = numeric ? new Map<string, string>() : hostNames(p)
  const blocks = chosen(p, c).map((chain) => {
    const head = chain.policy !== undefined
      ? `Chain ${chain.name} (policy ${chain.policy}${verbose > 0 ? ` ${short(chain.counters.packets, exact)} packets, ${short(chain.counters.bytes, exact)} bytes` : ''})\n`
      : `Chain ${chain.name} (${chain.references} references)\n`
    const titles = `${lineNumbers ? 'num  ' : ''}${verbose > 0 ? `${exact ? '    pkts      bytes ' : ' pkts bytes '}` : ''}target     prot opt ${verbose > 0 ? 'in     out     ' : ''}source               destination         \n`
    const rows = chain.rules.map((r, i) => (c.position === undefined || c.position === i + 1 ? row(r, i + 1, { numeric, verbose, exact, lineNumbers, names }) : ''))
    return (c.position === undefined ? head + titles : '') + rows.join('')
  })
  return blocks.join('\n')
}

function row(r: RuleInfo, n: number, o: { readonly numeric: boolean; readonly verbose: number; readonly exact: boolean; readonly lineNumbers: boolean; readonly names: ReadonlyMap<string, string> }): string {
  let text = o.lineNumbers ? `${String(n).padEnd(5)}` : ''
  if (o.verbose > 0) text += o.exact ? `${String(r.counters.packets).padStart(8)} ${String(r.counters.bytes).padStart(8)} ` : `${short(r.counters.packets, false).padStart(5)} ${short(r.counters.bytes, false).padStart(5)} `
  const invert = (cell: string) => (cell.startsWith('!') ? { sign: '!', rest: cell.slice(1) } : { sign: ' ', rest: cell })
  const protocol = invert(r.protocol)
  text += `${r.target.padEnd(9)} ${protocol.sign}${(o.numeric ? String(r.protocolNumber) : protocol.rest).padEnd(4)} ${r.fragment} `
  if (o.verbose > 0) text += ` ${r.input.padEnd(6)} ${r.output.padEnd(6)} `
  const address = (cell: string) => {
    const { sign, rest } = invert(cell)
    return `${sign}${(rest === '0.0.0.0/0' && !o.numeric ? 'anywhere' : (o.names.get(rest) ?? rest)).padEnd(19)} `
  }
  const details = r.details(o.numeric)
  return `${text}${address(r.source)}${address(r.destination)}${r.goto ? '[goto] ' : ''}${details === '' ? '' : ` ${details}`}\n`
}

function listRules(p: Process, c: IptablesCommand): string {
  const chains = chosen(p, c)
  const counted = c.options.verbose > 0
  const rule = (chain: ChainInfo, r: RuleInfo) => {
    const text = r.text
    const counters = `-c ${r.counters.packets} ${r.counters.bytes}`
    const at = text.search(/(^| )-[jg] /)
    const body = !counted ? text : at < 0 ? `${text} ${counters}`.trim() : `${text.slice(0, at)}${at > 0 ? ' ' : ''}${counters}${text.slice(at).startsWith(' ') ? '' : ' '}${text.slice(at)}`
    return `-A ${chain.name}${body === '' ? '' : ` ${body}`}\n`
  }
  if (c.position !== undefined) return chains.flatMap((chain) => chain.rules.slice(c.position! - 1, c.position).map((r) => rule(chain, r))).join('')
  let text = ''
  for (const chain of chains) if (chain.policy !== undefined) text += `-P ${chain.name} ${chain.policy}${counted ? ` -c ${chain.counters.packets} ${chain.counters.bytes}` : ''}\n`
  for (const chain of chains) if (chain.policy === undefined) text += `-N ${chain.name}\n`
  for (const chain of chains) for (const r of chain.rules) text += rule(chain, r)
  return text
}

/** `Mon Jan  5 10:20:30 2026`. */
function ctime(ms: number): string {
  const [day, month, date, time, , year] = longDate(ms).split(' ')
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`
}

export const iptablesSave: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'bcdt:M:f:46hV', { counters: '', table: ':', modprobe: ':', file: ':', version: '' })
  if (o.error) {
    await complain(p, `iptables-save: ${o.error}\nLook at manual page \`iptables-save.8' for more information.\n`)
    return 1
  }
  if (o.has('V', 'version')) {
    await say(p, 'iptables-save v1.8.9 (nf_tables)\n')
    return 0
  }
  if (o.operands.length > 0) {
    await complain(p, 'Unknown arguments found on commandline\n')
    return 1
  }
  if (!p.can('NET_ADMIN')) {
    await complain(p, 'iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n')
    return 4
  }
  const table = o.get('t', 'table')
  const { netfilter } = p.net
  if (table !== undefined && !['filter', 'nat', 'mangle', 'raw', 'security'].includes(table)) {
    await complain(p, `Table \`${table}' does not exist\n`)
    return 1
  }
  const tables = table !== undefined ? [table] : netfilter.tables
  let text = ''
  for (const t of tables) {
    const stamp = ctime(p.now())
    // A table that is asked for by name is shown even where the kernel has none yet.
    const saved = netfilter.tables.includes(t) ? netfilter.save(t, { counters: o.has('c', 'counters') }).trimEnd() : [`*${t}`, ...netfilter.chains(t).map((c) => `:${c.name} ${c.policy ?? '-'} [0:0]`), 'COMMIT'].join('\n')
    text += `# Generated by iptables-save v1.8.9 (nf_tables) on ${stamp}\n${saved}\n# Completed on ${stamp}\n`
  }
  const file = o.get('f', 'file')
  if (file !== undefined) p.fs.writeFile(file, text)
  else await say(p, text)
  return 0
}

export const iptablesRestore: Program = async (p) => {
  const o = getopt(p.argv.slice(1), 'bcvVhtnwW:M:T:46', { counters: '', verbose: '', version: '', test: '', noflush: '', wait: '::', table: ':' })
  if (o.error) {
    await complain(p, `iptables-restore: ${o.error}\nTry \`iptables-restore -h' for more information.\n`)
    return 1
  }
  if (o.has('V', 'version')) {
    await say(p, 'iptables-restore v1.8.9 (nf_tables)\n')
    return 0
  }
  if (o.operands.length > 1) {
    await complain(p, 'Unknown arguments found on commandline\n')
    return 1
  }
  if (!p.can('NET_ADMIN')) {
    await complain(p, 'iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n\n')
    return 4
  }
  let text: string
  try {
    text = o.operands[0] === undefined ? await p.stdin.readAll() : p.fs.readFile(o.operands[0])
  } catch (error) {
    await complain(p, `Can't open ${o.operands[0]}: ${reason(error)}\n`)
    return 1
  }
  try {
    if (!o.has('t', 'test')) p.net.netfilter.restore(text, { noflush: o.has('n', 'noflush'), counters: o.has('c', 'counters') })
    return 0
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error
    await complain(p, error.message.endsWith('\n') ? error.message : error.message + '\n')
    return error.exitCode
  }
}

/** The IPv6 tables are there and empty. */
export const ip6tables: Program = async (p) => {
  if (p.argv.slice(1).some((a) => /^-S|--list-rules/.test(a))) await say(p, '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n')
  else if (p.argv.slice(1).some((a) => /^-\w*L/.test(a))) await say(p, ['INPUT', 'FORWARD', 'OUTPUT'].map((c) => `Chain ${c} (policy ACCEPT)\ntarget     prot opt source               destination         \n`).join('\n'))
  return 0
}
