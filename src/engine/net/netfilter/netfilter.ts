/** The tables of a namespace: iptables' commands, iptables-save and iptables-restore, and what the packet path needs of them. */
import { IptablesError } from '../error.ts'
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import type { ChainInfo, IptablesCommand, Netfilter } from '../types.ts'
import type { Chain } from './chain.ts'
import { applyCommand } from './command.ts'
import type { HookContext } from './extension.ts'
import { IpSetTable } from './ipset.ts'
import { logLine } from './log.ts'
import { parseRule } from './parse.ts'
import { applyRestore } from './restore.ts'
import { Rule, type RuleSpecification } from './rule.ts'
import { plainSteps, stepsWith, type HookStep, type NatRunner } from './steps.ts'
import { HOOKS } from './stages.ts'
import { builtins, Table } from './table.ts'

type BaseChains = Partial<Record<'raw' | 'mangle' | 'nat' | 'filter' | 'security', Chain>>

export class NetfilterState implements Netfilter {
  readonly ns: Namespace
  readonly ipsets: IpSetTable
  readonly #tables = new Map<string, Table>()
  readonly #listeners = new Set<() => void>()
  /** By hook and table: chains that exist. */
  base: BaseChains[] = [{}, {}, {}, {}, {}]
  /** Anything to do at the hooks at all. */
  active = false
  tracking = false
  natting = false
  /** What happens at each hook, in order; with native nftables chains in their places. */
  steps: readonly (readonly HookStep[])[] = plainSteps
  /** By hook: chains of type nat in order, where there are native ones among them. */
  natChains: readonly (readonly NatRunner[])[] | undefined = undefined
  #order = 0
  /** The rule that dropped the packet at hand. */
  decided: { readonly chain: Chain; readonly rule: Rule } | undefined
  readonly #recent = new Map<string, Map<number, { stamps: number[]; ttl: number }>>()
  readonly #logListeners = new Set<(line: string) => void>()

  constructor(ns: Namespace) {
    this.ns = ns
    this.ipsets = new IpSetTable(ns)
  }

  /** Lines of iptables-restore that have been read before. */
  readonly parsed = new Map<string, { readonly chain: string; readonly specs: readonly RuleSpecification[] }>()

  remember(line: string, chain: string, specs: readonly RuleSpecification[]): void {
    if (this.parsed.size >= 20_000) this.parsed.clear()
    this.parsed.set(line, { chain, specs })
  }

  recentList(name: string): Map<number, { stamps: number[]; ttl: number }> {
    let list = this.#recent.get(name)
    if (!list) {
      list = new Map()
      this.#recent.set(name, list)
    }
    return list
  }

  log(prefix: string, p: Packet, h: HookContext): void {
    if (this.#logListeners.size === 0) return
    const line = logLine(prefix, p, h)
    for (const listener of this.#logListeners) listener(line)
  }

  onLog(listener: (line: string) => void): () => void {
    this.#logListeners.add(listener)
    return () => this.#logListeners.delete(listener)
  }

  get tables(): readonly string[] {
    return Object.keys(builtins).filter((name) => this.#tables.has(name))
  }

  table(name: string): Table | undefined {
    return this.#tables.get(name)
  }

  /** The table, made where it does not exist. */
  open(name: string): Table {
    const found = this.#tables.get(name)
    if (found) return found
    const table = new Table(name)
    this.#tables.set(name, table)
    return table
  }

  chains(name: string): readonly ChainInfo[] {
    if (!builtins[name]) throw new IptablesError(`iptables v1.8.9 (nf_tables): table '${name}' does not exist\nPerhaps iptables or your kernel needs to be upgraded.`, 3)
    return (this.#tables.get(name) ?? new Table(name)).ordered()
  }

  /** A rule from the arguments that stand after `-A CHAIN` (without the program's own options). */
  rule(table: string, args: readonly string[]): Rule {
    return this.make(parseRule(this.ns, table, args, 'iptables'))
  }

  make(spec: RuleSpecification): Rule {
    return new Rule(spec, this.ns)
  }

  /** Takes over a rewritten table (restore): the contents of changed chains go into the chains that are there. */
  adopt(changed: Table, staged: ReadonlyMap<string, Chain>): void {
    const table = this.open(changed.name)
    const reference = (chain: Chain, by: number) => {
      for (const rule of chain.outline.jumps) {
        const to = table.chains.get(rule.spec.chain!)
        if (to) to.references += by
      }
    }
    for (const [name, chain] of table.chains) {
      if (changed.chains.has(name)) continue
      reference(chain, -1)
      table.chains.delete(name)
    }
    for (const [name, chain] of staged) {
      const real = table.chains.get(name)
      if (!real) {
        chain.references = 0
        table.chains.set(name, chain)
        continue
      }
      reference(real, -1)
      real.policy = chain.policy
      real.exists = chain.exists
      real.counting = chain.counting
      real.packets = chain.packets
      real.bytes = chain.bytes
      real.rules = chain.rules
      real.changed()
    }
    for (const name of staged.keys()) {
      const real = table.chains.get(name)!
      real.changed()
      for (const rule of real.outline.jumps) rule.jump = table.chains.get(rule.spec.chain!)
      reference(real, 1)
    }
    this.refresh()
  }

  /** Recomputes jumps, references and what is active, after any change. */
  relink(only?: Table): void {
    for (const table of only ? [only] : this.#tables.values()) {
      for (const chain of table.chains.values()) chain.references = 0
      for (const chain of table.chains.values()) {
        chain.changed()
        for (const rule of chain.rules) {
          if (rule.spec.chain === undefined) continue
          rule.jump = table.chains.get(rule.spec.chain)
          if (rule.jump) rule.jump.references++
        }
      }
    }
    this.refresh()
  }

  #iptablesTracks = false

  nextOrder(): number {
    return ++this.#order
  }

  /** Puts the base chains of iptables and nftables into order, after either has changed them. */
  rehook(): void {
    const { hooked, tracking } = this.ns.nftables
    this.natting = this.base.some((b) => b.nat !== undefined) || (hooked?.some((list) => list.some((c) => c.nat)) ?? false)
    // A nat chain alone does not start connection tracking: a rule that needs it does, and without entries nat chains are not asked.
    this.tracking = this.#iptablesTracks || tracking
    this.active = this.tracking || hooked !== undefined || this.base.some((b) => Object.keys(b).length > 0)
    if (hooked === undefined) {
      this.steps = plainSteps
      this.natChains = undefined
    } else ({ steps: this.steps, natChains: this.natChains } = stepsWith(this.base, hooked))
  }

  /** Which hooks have anything to do. */
  refresh(): void {
    this.base = HOOKS.map((name, hook) => {
      const chains: BaseChains = {}
      for (const [table, t] of this.#tables) {
        const chain = t.chains.get(name)
        if (chain?.exists && chain.hook === hook) chains[table as 'filter'] = chain
      }
      return chains
    })
    this.#iptablesTracks = [...this.#tables.values()].some((t) => [...t.chains.values()].some((c) => c.rules.some((r) => r.tracks)))
    for (const table of this.#tables.values()) for (const chain of table.chains.values()) if (chain.order === 0 && chain.exists) chain.order = this.nextOrder()
    this.rehook()
    this.ns.touched()
    for (const listener of [...this.#listeners]) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  apply(command: IptablesCommand): void {
    applyCommand(this, command)
  }

  restore(text: string, options: { readonly noflush?: boolean; readonly counters?: boolean } = {}): void {
    applyRestore(this, text, options)
  }

  save(only?: string, options: { readonly counters?: boolean } = {}): string {
    if (only !== undefined && !builtins[only]) throw new IptablesError(`iptables-save v1.8.9 (nf_tables): table '${only}' does not exist\nPerhaps iptables-save or your kernel needs to be upgraded.`, 3)
    const lines: string[] = []
    for (const name of Object.keys(builtins)) {
      const table = this.#tables.get(name)
      if (!table || (only !== undefined && only !== name)) continue
      lines.push(`*${name}`)
      const chains = table.ordered()
      for (const c of chains) lines.push(`:${c.name} ${c.policy ?? '-'} [${c.packets}:${c.bytes}]`)
      for (const c of chains) for (const r of c.rules) lines.push(`${options.counters ? `[${r.packets}:${r.bytes}] ` : ''}-A ${c.name}${r.text === '' ? '' : ` ${r.text}`}`)
      lines.push('COMMIT')
    }
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`
  }
}
