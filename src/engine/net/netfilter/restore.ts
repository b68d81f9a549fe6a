/**
 * iptables-restore: tables are rewritten section by section, each taking effect at its COMMIT or not at all. Chains that a `:CHAIN` line names
 * are emptied; without `noflush` so is the whole table.
 */
import { RestoreError } from '../error.ts'
import type { IptablesCommand } from '../types.ts'
import { Chain } from './chain.ts'
import { errnoText, KernelRefusal, MissingChain, Refusal, runCommand, verifyChains } from './command.ts'
import { UsageError } from './extension.ts'
import type { NetfilterState } from './netfilter.ts'
import { builtins, Table } from './table.ts'
import { parseRestoreLine, PlainUsage } from './parse.ts'
import type { Rule, RuleSpecification } from './rule.ts'

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

/**
 * A table under change. Chains are the real ones until something is put into them; then a copy takes their place, and COMMIT puts its contents
 * into the real chain. So a sync that names three chains costs three chains.
 */
class Draft {
  readonly real: NetfilterState
  readonly table: Table
  /** Copies and new chains. */
  readonly staged = new Map<string, Chain>()
  /** References gained and lost against the real table. */
  readonly #references = new Map<string, number>()
  readonly #keep: boolean

  constructor(real: NetfilterState, name: string, keep: boolean) {
    this.#keep = keep
    this.real = real
    this.table = new Table(name)
    const from = keep ? real.table(name) : undefined
    if (from) for (const [key, chain] of from.chains) this.table.chains.set(key, chain)
    else for (const chain of this.table.chains.values()) this.staged.set(chain.name, chain)
  }

  #count(rules: readonly Rule[], by: number): void {
    for (const r of rules) if (r.spec.chain !== undefined) this.#references.set(r.spec.chain, (this.#references.get(r.spec.chain) ?? 0) + by)
  }

  /** The chain to write into; `empty`: without its rules. */
  stage(name: string, empty: boolean): Chain | undefined {
    const current = this.table.chains.get(name)
    if (!current) return undefined
    if (this.staged.get(name) === current) {
      if (empty) {
        this.#count(current.rules, -1)
        current.rules = []
        current.changed()
      }
      return current
    }
    if (empty) this.#count(current.rules, -1)
    const copy = copyChain(current, empty)
    this.put(copy)
    return copy
  }

  put(chain: Chain): void {
    this.table.chains.set(chain.name, chain)
    this.staged.set(chain.name, chain)
  }

  append(chain: Chain, spec: RuleSpecification): Rule {
    const rule = this.real.make(spec)
    chain.exists = true
    chain.rules.push(rule)
    if (spec.chain !== undefined) this.#references.set(spec.chain, (this.#references.get(spec.chain) ?? 0) + 1)
    return rule
  }

  drop(name: string): void {
    const chain = this.table.chains.get(name)
    if (!chain || chain.hook !== undefined) throw new Refusal('No chain/target/match by that name.')
    const kept = this.#keep ? (this.real.table(this.table.name)?.chains.get(name)?.references ?? 0) : 0
    if (chain.rules.length > 0 || kept + (this.#references.get(name) ?? 0) > 0) throw new KernelRefusal(`CHAIN_DEL failed (${errnoText['EBUSY']}): chain ${name}`)
    this.table.chains.delete(name)
    this.staged.delete(name)
  }

  /** Commands other than -A and -X work on copies of everything. */
  run(command: IptablesCommand): void {
    const table = this.table
    for (const name of [...table.chains.keys()]) this.stage(name, false)
    const open = () => table
    const facade = { table: open, open, make: (spec: RuleSpecification) => this.real.make(spec), relink: () => undefined, refresh: () => undefined, tracking: true }
    runCommand(facade as unknown as NetfilterState, command)
    for (const chain of table.chains.values()) {
      chain.changed()
      this.staged.set(chain.name, chain)
    }
  }
}

function copyChain(chain: Chain, empty: boolean): Chain {
  const copy = new Chain(chain.name, chain.hook)
  copy.policy = chain.policy
  copy.exists = chain.exists
  copy.counting = chain.counting
  copy.packets = chain.packets
  copy.bytes = chain.bytes
  copy.rules = empty ? [] : [...chain.rules]
  return copy
}

export function applyRestore(state: NetfilterState, text: string, options: { readonly noflush?: boolean; readonly counters?: boolean }): void {
  const lines = text.split('\n')
  let number = 0
  let draft: Draft | undefined
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
    if (line === 'COMMIT' && draft) {
      commit(state, draft, origins, number)
      draft = undefined
      continue
    }
    if (line.startsWith('*') && !draft) {
      const name = line.slice(1).trim()
      if (name === '' || !builtins[name]) usageAt(`${program}: line ${number} table name '${name}' invalid`, number)
      draft = new Draft(state, name, options.noflush ?? false)
      origins = new Map()
      continue
    }
    if (!draft) throw new RestoreError(`${program}: line ${number} failed`, 1, number)
    if (line.startsWith(':')) {
      chainLine(draft, line, number, options, usageAt)
      continue
    }
    const known = state.parsed.get(`${draft.table.name} ${raw}`)
    const into = known && draft.stage(known.chain, false)
    if (known && into) {
      for (const spec of known.specs) origins.set(draft.append(into, spec), number)
      continue
    }
    let words = splitLine(raw)
    let counters: readonly [number, number] | undefined
    if (words[0]?.startsWith('[')) {
      counters = parseCounters(words[0])
      if (!counters) usageAt(`${program}: line ${number} failed`, number)
      words = words.slice(1)
    }
    restoreRule(state, draft, words, options.counters ? counters : undefined, number, origins, usageAt, counters ? undefined : raw)
  }
  if (draft) throw new RestoreError(`${program}: COMMIT expected at line ${number + (text.endsWith('\n') ? 0 : 1)}`, 1, number)
}

function chainLine(draft: Draft, line: string, number: number, options: { readonly noflush?: boolean; readonly counters?: boolean }, usageAt: (message: string, line: number) => never): void {
  const [name, policy, counterText] = line.slice(1).trim().split(/[ \t]+/)
  if (!name) usageAt(`${program}: line ${number} chain name invalid`, number)
  if (name!.length > 28) usageAt(`Invalid chain name \`${name!}' (28 chars max)`, number)
  if (!policy) usageAt(`${program}: line ${number} policy invalid`, number)
  const builtin = draft.table.chains.get(name!)?.hook === undefined ? undefined : draft.stage(name!, false)
  if (builtin) {
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
  if (!draft.stage(name!, true)) draft.put(new Chain(name!, undefined))
}

function restoreRule(state: NetfilterState, draft: Draft, words: readonly string[], counters: readonly [number, number] | undefined, number: number, origins: Map<unknown, number>, usageAt: (message: string, line: number, plain?: boolean) => never, raw: string | undefined): void {
  const table = draft.table
  try {
    const command = parseRestoreLine(state.ns, table.name, words)
    if (command.verb === 'append') {
      const specs = command.rule as readonly RuleSpecification[]
      const chain = draft.stage(command.chain!, false)
      if (!chain) throw new Refusal('No chain/target/match by that name.')
      // the same lines come again with every sync; sets must be looked up each time
      if (raw !== undefined && !/set\b/i.test(raw)) state.remember(`${table.name} ${raw}`, command.chain!, specs)
      for (const spec of specs) origins.set(draft.append(chain, counters ? { ...spec, packets: counters[0], bytes: counters[1] } : spec), number)
      return
    }
    if (command.verb === 'delete-chain' && command.chain !== undefined) draft.drop(command.chain)
    else draft.run(command)
  } catch (error) {
    if (error instanceof Refusal) throw new RestoreError(`${program}: line ${number} failed: ${error.message}`, 1, number)
    if (error instanceof KernelRefusal) throw new RestoreError(`${program} v1.8.9 (nf_tables): \nline ${number}: ${error.message}`, 4, number)
    if (error instanceof MissingChain) usageAt(`Chain '${error.message}' does not exist`, number)
    if (error instanceof PlainUsage) usageAt(error.message, number, true)
    if (error instanceof UsageError) usageAt(error.message, number)
    throw error
  }
}

function commit(state: NetfilterState, draft: Draft, origins: ReadonlyMap<unknown, number>, line: number): void {
  const table = draft.table
  for (const chain of draft.staged.values()) {
    for (const rule of chain.outline.jumps) {
      if (table.chains.has(rule.spec.chain!)) continue
      throw new RestoreError(`${program} v1.8.9 (nf_tables): Chain '${rule.spec.chain}' does not exist\nError occurred at line: ${line}\n${hint}`, 2, line)
    }
  }
  const problem = verifyChains(table, draft.staged.values())
  if (problem) {
    const at = origins.get(problem.rule) ?? line
    throw new RestoreError(`${program} v1.8.9 (nf_tables): \nline ${at}: RULE_APPEND failed (${errnoText[problem.errno]}): rule in chain ${problem.chain.name}`, 4, at)
  }
  state.adopt(table, draft.staged)
}
