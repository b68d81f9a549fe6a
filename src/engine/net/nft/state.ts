/**
 * nf_tables of a namespace: runs nft's commands as one transaction, lists, and tells netfilter which chains stand at its hooks. Packets of the
 * families ip and inet only: tables of the others can be written and listed.
 */
import type { HookContext } from '../netfilter/extension.ts'
import type { Namespace } from '../namespace.ts'
import type { Packet } from '../packet.ts'
import type { Nftables } from '../types.ts'
import { runBase } from './compile.ts'
import { echoCommand, listCommand, type ListOptions } from './list.ts'
import { parseCommands, type Command } from './parse-command.ts'
import type { NftChain, NftTable } from './tables.ts'
import { tracks, Transaction, type Store } from './transaction.ts'

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting']

/** A base chain as the hooks call it. */
export interface HookedChain {
  readonly priority: number
  readonly order: number
  readonly nat: boolean
  /** True when the packet goes on. */
  run(p: Packet, h: HookContext): boolean
}

export class NftState implements Nftables, Store {
  readonly ns: Namespace
  readonly tables = new Map<string, NftTable>()
  readonly #listeners = new Set<() => void>()
  #tableHandle = 0
  #touched = false
  /** Base chains by hook, in no order; undefined where there are none. */
  hooked: readonly (readonly HookedChain[])[] | undefined
  tracking = false
  /** Counts transactions; `nft -e` tells it. */
  generation = 1
  /** The element of a named map that the observed packet at hand went by. */
  via: string | undefined = undefined

  constructor(ns: Namespace) {
    this.ns = ns
  }

  nextTableHandle(): number {
    return ++this.#tableHandle
  }

  nextOrder(): number {
    return this.ns.netfilter.nextOrder()
  }

  get now(): number {
    return this.ns.sim.now
  }

  touched(): void {
    this.#touched = true
  }

  get empty(): boolean {
    return this.tables.size === 0
  }

  read(text: string): Command[] {
    return parseCommands(text, { deviceIndex: (name) => this.ns.devices.get(name)?.index, now: () => this.now })
  }

  run(text: string, options: Partial<ListOptions> & { readonly check?: boolean; readonly echo?: boolean } = {}): string {
    const commands = this.read(text)
    const transaction = new Transaction(this)
    let output = ''
    let changed = false
    try {
      for (const c of commands) {
        if (c.verb === 'list' || c.verb === 'reset' || c.verb === 'get') output += listCommand(this, c, { handles: false, stateless: false, terse: false, numericPriority: false, foreign: [], ...options })
        else {
          transaction.made = undefined
          transaction.run(c)
          changed = true
          if (options.echo) output += echoCommand(this, c, transaction.made, options.handles ?? false)
        }
      }
    } catch (error) {
      transaction.rollback()
      this.#settle(false)
      throw error
    }
    if (options.check) transaction.rollback()
    this.#settle(changed && !options.check)
    if (changed && !options.check) this.generation++
    return output
  }

  #settle(changed: boolean): void {
    if (this.#touched) {
      this.#touched = false
      this.#rehook()
    }
    if (!changed) return
    this.ns.touched()
    for (const listener of [...this.#listeners]) listener()
  }

  #rehook(): void {
    const hooked: HookedChain[][] = HOOKS.map(() => [])
    let any = false
    let tracking = false
    for (const table of this.tables.values()) {
      if (table.dormant || (table.family !== 'ip' && table.family !== 'inet')) continue
      for (const chain of table.chains.values()) {
        tracking ||= chain.rules.some((r) => tracks(r.statements))
        const hook = chain.base ? HOOKS.indexOf(chain.base.hook) : -1
        if (hook < 0) continue
        any = true
        hooked[hook]!.push(hookedChain(chain))
      }
    }
    this.hooked = any ? hooked : undefined
    this.tracking = tracking
    this.ns.netfilter.rehook()
  }

  names(family: string, table: string, what: 'chains' | 'sets' | 'maps'): readonly string[] | undefined {
    const found = this.tables.get(`${family} ${table}`)
    if (!found) return undefined
    if (what === 'chains') return [...found.chains.keys()]
    return [...found.sets.values()].filter((s) => (s.specification.data === undefined) === (what === 'sets')).map((s) => s.name)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function hookedChain(chain: NftChain): HookedChain {
  const base = chain.base!
  const table = base.type === 'nat' ? 'nat' : base.type === 'route' ? 'mangle' : 'filter'
  return { priority: base.priority, order: chain.order, nat: base.type === 'nat', run: (p, h) => runBase(chain, p, { ...h, table }) }
}
