/** iptables' commands on the tables: adding, deleting and replacing rules, chains, policies, with the kernel's refusals. */
import { IptablesError } from '../error.ts'
import type { IptablesCommand } from '../types.ts'
import type { Chain } from './chain.ts'
import { Chain as ChainClass } from './chain.ts'
import type { NetfilterState } from './netfilter.ts'
import { builtins, type Table } from './table.ts'
import { Rule, type RuleSpecification } from './rule.ts'

const noChain = 'No chain/target/match by that name.'

/** A refusal that is printed as `iptables: TEXT` (or `line N failed: TEXT` by restore). */
export class Refusal extends Error {}

/** A refusal of the kernel: `iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT`. */
export class KernelRefusal extends Error {}

/** A chain that a rule names does not exist: told at commit. */
export class MissingChain extends Error {}

const errnoText: Readonly<Record<string, string>> = { EINVAL: 'Invalid argument', EMLINK: 'Too many links', EBUSY: 'Device or resource busy' }

export function applyCommand(state: NetfilterState, command: IptablesCommand, program = 'iptables'): void {
  try {
    if (!builtins[command.table]) throw new IptablesError(`${program} v1.8.9 (nf_tables): table '${command.table}' does not exist\nPerhaps ${program} or your kernel needs to be upgraded.`, 3)
    runCommand(state, command)
  } catch (error) {
    if (error instanceof Refusal) throw new IptablesError(`${program}: ${error.message}`, 1)
    if (error instanceof KernelRefusal) throw new IptablesError(`${program} v1.8.9 (nf_tables):  ${error.message}`, 4)
    if (error instanceof MissingChain) throw new IptablesError(`${program} v1.8.9 (nf_tables): Chain '${error.message}' does not exist\nTry \`${program} -h' or '${program} --help' for more information.`, 2)
    throw error
  }
}

function find(table: Table, name: string | undefined): Chain {
  const chain = name === undefined ? undefined : table.chains.get(name)
  if (!chain) throw new Refusal(noChain)
  return chain
}

export function runCommand(state: NetfilterState, command: IptablesCommand): void {
  const existing = state.table(command.table)
  switch (command.verb) {
    case 'append':
    case 'insert':
    case 'replace':
    case 'delete':
    case 'check':
      return ruleCommand(state, command)
    case 'new-chain': {
      if (existing?.chains.has(command.chain!) || isBuiltin(command.table, command.chain!)) throw new Refusal('Chain already exists.')
      const table = state.open(command.table)
      table.chains.set(command.chain!, new ChainClass(command.chain!, undefined))
      return
    }
    case 'delete-chain':
      return deleteChains(state, existing, command.chain)
    case 'rename-chain': {
      const chain = existing?.chains.get(command.chain!)
      if (existing?.chains.has(command.argument!)) throw new Refusal('File exists.')
      if (!existing || !chain || chain.hook !== undefined) throw new Refusal(noChain)
      existing.chains.delete(chain.name)
      const old = chain.name
      chain.name = command.argument!
      existing.chains.set(chain.name, chain)
      for (const c of existing.chains.values()) {
        c.rules = c.rules.map((r) => {
          if (r.spec.chain !== old) return r
          const renamed = state.make({ ...r.spec, chain: chain.name, packets: r.packets, bytes: r.bytes })
          return renamed
        })
      }
      state.relink(existing)
      return
    }
    case 'flush': {
      if (command.chain !== undefined && !existing?.chains.has(command.chain) && !isBuiltin(command.table, command.chain)) throw new Refusal(noChain)
      for (const chain of existing?.chains.values() ?? []) if (command.chain === undefined || chain.name === command.chain) chain.rules = []
      if (existing) state.relink(existing)
      return
    }
    case 'zero': {
      if (command.chain !== undefined && !existing?.chains.has(command.chain) && !isBuiltin(command.table, command.chain)) throw new Refusal(noChain)
      if (command.chain !== undefined && !existing?.chains.get(command.chain)?.exists) throw new Refusal(noChain)
      for (const chain of existing?.chains.values() ?? []) {
        if (command.chain !== undefined && chain.name !== command.chain) continue
        if (command.position !== undefined) {
          const rule = chain.rules[command.position - 1]
          if (!rule) throw new Refusal('Index of zeroing too big.')
          rule.packets = 0
          rule.bytes = 0
          continue
        }
        chain.counting = chain.hook !== undefined && chain.exists
        chain.packets = 0
        chain.bytes = 0
        for (const rule of chain.rules) {
          rule.packets = 0
          rule.bytes = 0
        }
      }
      return
    }
    case 'policy': {
      if (command.argument !== 'ACCEPT' && command.argument !== 'DROP') throw new Refusal("Bad policy name. Run `dmesg' for more information.")
      if (!isBuiltin(command.table, command.chain!)) throw new Refusal('Bad built-in chain name.')
      const chain = state.open(command.table).chains.get(command.chain!)!
      chain.policy = command.argument
      chain.exists = true
      chain.counting = true
      state.refresh()
      return
    }
    default:
      return
  }
}

function isBuiltin(table: string, chain: string): boolean {
  const hooks = builtins[table] ?? []
  return hooks.some((h) => ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'][h] === chain)
}

function ruleCommand(state: NetfilterState, command: IptablesCommand): void {
  const specs = command.verb === 'delete' && command.position !== undefined ? [] : (command.rule as readonly RuleSpecification[])
  const exists = state.table(command.table)
  for (const spec of specs) if (spec.chain !== undefined && !exists?.chains.has(spec.chain)) throw new MissingChain(spec.chain)
  if (command.verb === 'delete' || command.verb === 'check') {
    const chain = exists?.chains.get(command.chain!)
    if (command.verb === 'delete' && command.position !== undefined) {
      // The kernel has a base chain only once something was put into it.
      if (!chain || (chain.hook !== undefined && !chain.exists)) throw new Refusal(noChain)
      const rule = chain.rules[command.position - 1]
      if (!rule) throw new Refusal('Index of deletion too big.')
      return removeRule(state, exists!, chain, rule)
    }
    if (!chain && !isBuiltin(command.table, command.chain!)) throw new Refusal(noChain)
    for (const spec of specs) {
      const wanted = state.make(spec)
      const rule = chain?.rules.find((r) => r.text === wanted.text)
      if (!rule) throw new Refusal('Bad rule (does a matching rule exist in that chain?).')
      if (command.verb === 'delete') removeRule(state, exists!, chain!, rule)
    }
    return
  }
  if (!exists?.chains.has(command.chain!) && !isBuiltin(command.table, command.chain!)) throw new Refusal(noChain)
  if (command.verb === 'replace' && isBuiltin(command.table, command.chain!) && !exists?.chains.get(command.chain!)?.exists) throw new Refusal(noChain)
  const table = state.open(command.table)
  const chain = find(table, command.chain)
  let position = command.position ?? 1
  for (const spec of specs) {
    const rule = state.make(spec)
    const rules = chain.rules
    if (command.verb === 'append') chain.rules.push(rule)
    else if (command.verb === 'insert') {
      if (position > rules.length + 1) throw new Refusal('Index of insertion too big.')
      rules.splice(position - 1, 0, rule)
    } else {
      if (position > rules.length) throw new Refusal('Index of replacement too big.')
      chain.rules = rules.map((r, i) => (i === position - 1 ? rule : r))
    }
    const undo = chain.rules
    const problem = verify(table, chain, rule)
    if (problem !== undefined) {
      chain.changed()
      if (command.verb === 'replace') chain.rules = rules
      else chain.rules = undo.filter((r) => r !== rule)
      const verb = command.verb === 'append' ? 'RULE_APPEND' : command.verb === 'insert' ? 'RULE_INSERT' : 'RULE_REPLACE'
      throw new KernelRefusal(`${verb} failed (${errnoText[problem]}): rule in chain ${chain.name}`)
    }
    if (command.verb === 'replace') state.relink(table)
    else link(state, table, chain, rule)
    position++
  }
}

/** Joins one new rule without looking at all the others. */
export function link(state: NetfilterState, table: Table, chain: Chain, rule: Rule): void {
  if (rule.spec.chain !== undefined) {
    rule.jump = table.chains.get(rule.spec.chain)
    if (rule.jump) rule.jump.references++
  }
  chain.changed()
  if (!chain.exists || (!state.tracking && rule.tracks)) {
    chain.exists = true
    state.refresh()
  }
}

function removeRule(state: NetfilterState, table: Table, chain: Chain, rule: Rule): void {
  chain.rules = chain.rules.filter((r) => r !== rule)
  if (rule.jump) rule.jump.references--
  chain.changed()
  if (rule.tracks) state.refresh()
  void table
}

function deleteChains(state: NetfilterState, table: Table | undefined, name: string | undefined): void {
  const busy = (chain: Chain) => new KernelRefusal(`CHAIN_DEL failed (${errnoText['EBUSY']}): chain ${chain.name}`)
  const used = (chain: Chain) => chain.rules.length > 0 || chain.references > 0
  if (name !== undefined) {
    const chain = table?.chains.get(name)
    if (!table || !chain || (chain.hook !== undefined && !chain.exists)) throw new Refusal(noChain)
    if (used(chain)) throw busy(chain)
    forget(table, chain)
    state.refresh()
    return
  }
  if (!table) return
  const users = table.ordered().filter((c) => c.hook === undefined)
  for (const chain of users) if (used(chain)) throw busy(chain)
  for (const chain of table.ordered()) if (chain.hook === undefined || (chain.exists && !used(chain) && chain.policy === 'ACCEPT')) forget(table, chain)
  state.refresh()
}

function forget(table: Table, chain: Chain): void {
  if (chain.hook === undefined) {
    table.chains.delete(chain.name)
    return
  }
  chain.exists = false
  chain.counting = false
  chain.packets = 0
  chain.bytes = 0
}

/** What the kernel checks when a rule comes: the extension's own demands, and that it may stand at every hook that reaches it. */
export function verify(table: Table, chain: Chain, rule: Rule): string | undefined {
  if (rule.spec.chain === undefined && !rule.special) return undefined
  chain.changed()
  return checkRule(table, rule, undefined) ?? verifyReach(table)?.errno
}

function checkRule(table: Table, rule: Rule, hook: number | undefined): string | undefined {
  const s = rule.spec
  if ((s.source?.mask === 0 && s.sourceNot) || (s.destination?.mask === 0 && s.destinationNot)) return 'EINVAL'
  const where = { table: table.name, protocol: s.protocol, protocolNot: s.protocolNot, hook }
  for (const m of s.matches) {
    const problem = m.type.check?.(m.data, where)
    if (problem !== undefined) return problem
  }
  const type = s.target?.type
  if (!type) return undefined
  if (type.tables && !type.tables.includes(table.name)) return 'EINVAL'
  if (type.hooks && hook !== undefined && !type.hooks.includes(hook)) return 'EINVAL'
  return type.check?.(s.target!.data, where)
}

export interface Problem {
  readonly chain: Chain
  readonly rule: Rule
  readonly errno: string
}

/** The rules of some chains by themselves, then everything that the base chains reach. */
export function verifyChains(table: Table, chains: Iterable<Chain>): Problem | undefined {
  for (const chain of chains) {
    for (const rule of chain.outline.special) {
      const errno = checkRule(table, rule, undefined)
      if (errno !== undefined) return { chain, rule, errno }
    }
  }
  return verifyReach(table)
}

let walks = 0

/** Walks from each base chain along the jumps: rules that may not stand at that hook, and circles. */
function verifyReach(table: Table): Problem | undefined {
  for (const base of table.chains.values()) {
    if (base.hook === undefined) continue
    const walk = ++walks
    const visit = (chain: Chain): Problem | undefined => {
      chain.visited = walk
      chain.inside = true
      const { jumps, placed } = chain.outline
      for (const rule of placed) {
        const errno = checkRule(table, rule, base.hook)
        if (errno !== undefined) return { chain, rule, errno }
      }
      for (const rule of jumps) {
        const to = table.chains.get(rule.spec.chain!)
        if (!to) continue
        if (to.visited === walk) {
          if (to.inside) return { chain, rule, errno: 'EMLINK' }
          continue
        }
        const found = visit(to)
        if (found) return found.chain === to ? { chain, rule, errno: found.errno } : found
      }
      chain.inside = false
      return undefined
    }
    const found = visit(base)
    if (found) return found
  }
  return undefined
}

export { errnoText }
