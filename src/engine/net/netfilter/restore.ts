/**
 * iptables-restore: tables are rewritten section by section, each taking effect at its COMMIT or not at all. Chains that a `:CHAIN` line names
 * are emptied; without `noflush` so is the whole table.
 */
import { IptablesError, RestoreError } from '../error.ts'
import { Chain } from './chain.ts'
import { errnoText, KernelRefusal, MissingChain, Refusal, runCommand, verifyTable } from './command.ts'
import { UsageError } from './extension.ts'
import { builtins, Table, type NetfilterState } from './netfilter.ts'
import { parseRestoreLine, PlainUsage } from './parse.ts'
import type { RuleSpecification } from './rule.ts'

const program = 'iptables-restore'
const hint = `Try \`${program} -h' or '${program} --help' for more information.`

/** Words of a line; quotes and backslashes within them as add_param_to_argv reads them. */
export function splitLine(line: string): string[] {
  const words: string[] = []
  let word = ''
  let open = false
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (quoted) {
      if (c === '\\' && i + 1 < line.length) word += line[++i]!
      else if (c === '"') quoted = false
      else word += c
    } else if (c === '"') {
      quoted = true
      open = true
    } else if (c === ' ' || c === '\t' || c === '\n') {
      if (open || word !== '') words.push(word)
      word = ''
      open = false
    } else word += c
  }
  if (open || word !== '') words.push(word)
  return words
}

function parseCounters(text: string | undefined): readonly [number, number] | undefined {
  const m = /^\[(\d+):(\d+)\]$/.exec(text ?? '')
  return m ? [Number(m[1]), Number(m[2])] : undefined
}

/** A copy whose chains may be changed: each is copied when it is first touched. */
function draft(from: Table | undefined, name: string): Table {
  const table = new Table(name)
  if (!from) return table
  table.chains.clear()
  for (const [key, chain] of from.chains) table.chains.set(key, copyChain(chain))
  return table
}

function copyChain(chain: Chain): Chain {
  const copy = new Chain(chain.name, chain.hook)
  copy.policy = chain.policy
  copy.exists = chain.exists
  copy.counting = chain.counting
  copy.packets = chain.packets
  copy.bytes = chain.bytes
  copy.rules = [...chain.rules]
  copy.references = chain.references
  return copy
}

/** A state that commands work on until COMMIT: like the real one, with one table of its own. */
class Draft {
  readonly real: NetfilterState
  readonly only: Table
  constructor(real: NetfilterState, only: Table) {
    this.real = real
    this.only = only
  }
  table(): Table {
    return this.only
  }
  open(): Table {
    return this.only
  }
  make(spec: RuleSpecification) {
    return this.real.make(spec)
  }
  relink(table: Table): void {
    for (const chain of table.chains.values()) chain.references = 0
    for (const chain of table.chains.values()) for (const rule of chain.rules) {
      const to = rule.spec.chain === undefined ? undefined : table.chains.get(rule.spec.chain)
      if (to) to.references++
    }
  }
  refresh(): void {}
  tracking = true
}

export function applyRestore(state: NetfilterState, text: string, options: { readonly noflush?: boolean; readonly counters?: boolean }): void {
  const lines = text.split('\n')
  let number = 0
  let table: Table | undefined
  let work: Draft | undefined
  /** Line of each rule, for refusals at commit. */
  let origins = new Map<unknown, number>()
  const usageAt = (message: string, line: number, plain = false): never => {
    throw new RestoreError(plain ? `${message}\nError occurred at line: ${line}\n${hint}` : `${program} v1.8.9 (nf_tables): ${message}\nError occurred at line: ${line}\n${hint}`, 2, line)
  }
  for (const raw of lines) {
    number++
    if (raw === '' && number === lines.length) break
    const line = raw.trimEnd()
    if (line === '' || line.startsWith('#')) continue
    if (line === 'COMMIT' && table) {
      commit(state, table, origins, number)
      table = undefined
      work = undefined
      continue
    }
    if (line.startsWith('*') && !table) {
      const name = line.slice(1).trim()
      if (name === '' || !builtins[name]) usageAt(`${program}: line ${number} table name '${name}' invalid\n`, number)
      table = options.noflush ? draft(state.table(name), name) : new Table(name)
      work = new Draft(state, table)
      origins = new Map()
      continue
    }
    if (!table || !work) throw new RestoreError(`${program}: line ${number} failed`, 1, number)
    if (line.startsWith(':')) {
      chainLine(table, line, number, options, usageAt)
      continue
    }
    const known = state.parsed.get(`${table.name} ${raw}`)
    if (known) {
      const chain = table.chains.get(known.chain)
      if (chain) {
        chain.exists = true
        for (const spec of known.specs) {
          const rule = state.make(spec)
          chain.rules.push(rule)
          origins.set(rule, number)
        }
        continue
      }
    }
    let words = splitLine(raw)
    let counters: readonly [number, number] | undefined
    if (words[0]?.startsWith('[')) {
      counters = parseCounters(words[0])
      if (!counters) usageAt(`${program}: line ${number} failed`, number)
      words = words.slice(1)
    }
    restoreRule(state, work, table, words, options.counters ? counters : undefined, number, origins, usageAt, counters ? undefined : raw)
  }
  if (table) throw new RestoreError(`${program}: COMMIT expected at line ${number + (text.endsWith('\n') ? 0 : 1)}`, 1, number)
}

function chainLine(table: Table, line: string, number: number, options: { readonly noflush?: boolean; readonly counters?: boolean }, usageAt: (message: string, line: number) => never): void {
  const [name, policy, counterText] = line.slice(1).trim().split(/[ \t]+/)
  if (!name) usageAt(`${program}: line ${number} chain name invalid`, number)
  if (name!.length > 28) usageAt(`Invalid chain name \`${name!}' (28 chars max)`, number)
  if (!policy) usageAt(`${program}: line ${number} policy invalid`, number)
  const builtin = table.chains.get(name!)
  if (builtin && builtin.hook !== undefined) {
    const counters = parseCounters(counterText)
    if (options.counters && !counters) usageAt(`invalid policy counters for chain '${name!}'`, number)
    if (policy === '-') return
    if (policy !== 'ACCEPT' && policy !== 'DROP') throw new RestoreError(`${program}: line ${number} failed: Bad policy name.`, 1, number)
    builtin.policy = policy
    builtin.exists = true
    builtin.counting = true
    builtin.packets = options.counters ? counters![0] : 0
    builtin.bytes = options.counters ? counters![1] : 0
    return
  }
  table.chains.set(name!, new Chain(name!, undefined))
}

function restoreRule(state: NetfilterState, work: Draft, table: Table, words: readonly string[], counters: readonly [number, number] | undefined, number: number, origins: Map<unknown, number>, usageAt: (message: string, line: number, plain?: boolean) => never, raw: string | undefined): void {
  try {
    const command = parseRestoreLine(state.ns, table.name, words)
    if (command.verb === 'append') {
      // the common case without a detour
      const chain = table.chains.get(command.chain!)
      if (!chain) throw new Refusal('No chain/target/match by that name.')
      chain.exists = true
      // the same lines come again with every sync; sets must be looked up each time
      if (raw !== undefined && !/set\b/i.test(raw)) state.remember(`${table.name} ${raw}`, command.chain!, command.rule as readonly RuleSpecification[])
      for (const spec of command.rule as readonly RuleSpecification[]) {
        const rule = state.make(counters ? { ...spec, packets: counters[0], bytes: counters[1] } : spec)
        chain.rules.push(rule)
        origins.set(rule, number)
      }
      return
    }
    if (command.verb === 'delete-chain') work.relink(table)
    runCommand(work as unknown as NetfilterState, command)
  } catch (error) {
    if (error instanceof Refusal) throw new RestoreError(`${program}: line ${number} failed: ${error.message}`, 1, number)
    if (error instanceof KernelRefusal) throw new RestoreError(`${program} v1.8.9 (nf_tables): \nline ${number}: ${error.message}`, 4, number)
    if (error instanceof MissingChain) usageAt(`Chain '${error.message}' does not exist`, number)
    if (error instanceof PlainUsage) usageAt(error.message, number, true)
    if (error instanceof UsageError) usageAt(error.message, number)
    if (error instanceof IptablesError) throw error
    throw error
  }
}

function commit(state: NetfilterState, table: Table, origins: ReadonlyMap<unknown, number>, line: number): void {
  for (const chain of table.chains.values()) {
    for (const rule of chain.rules) {
      if (rule.spec.chain === undefined || table.chains.has(rule.spec.chain)) continue
      throw new RestoreError(`${program} v1.8.9 (nf_tables): Chain '${rule.spec.chain}' does not exist\nError occurred at line: ${line}\n${hint}`, 2, line)
    }
  }
  const problem = verifyTable(table)
  if (problem) {
    const at = origins.get(problem.rule) ?? line
    throw new RestoreError(`${program} v1.8.9 (nf_tables): \nline ${at}: RULE_APPEND failed (${errnoText[problem.errno]}): rule in chain ${problem.chain.name}`, 4, at)
  }
  const tables = state.snapshot()
  tables.set(table.name, table)
  state.replaceTable(tables, table)
}
