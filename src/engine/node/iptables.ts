/**
 * Single edits of netfilter rules, as programs make them that call `iptables -C/-N/-A/-I/-D/-F/-X`: CNI plugins and flannel.
 * Rules are written in the form in which iptables-save prints them, without `-A CHAIN`, so that they can be compared as text.
 */
import type { Netfilter } from '#engine/net/types.ts'

export type Table = 'raw' | 'mangle' | 'nat' | 'filter'

export class Iptables {
  readonly #netfilter: Netfilter

  constructor(netfilter: Netfilter) {
    this.#netfilter = netfilter
  }

  #run(table: Table, ...lines: readonly string[]): void {
    this.#netfilter.restore(`*${table}\n${lines.join('\n')}\nCOMMIT\n`, { noflush: true })
  }

  chains(table: Table): string[] {
    return this.#netfilter.chains(table).map((c) => c.name)
  }

  rules(table: Table, chain: string): string[] {
    return (this.#netfilter.chains(table).find((c) => c.name === chain)?.rules ?? []).map((r) => r.text)
  }

  has(table: Table, chain: string, rule: string): boolean {
    return this.rules(table, chain).includes(rule)
  }

  ensureChain(table: Table, chain: string): void {
    if (!this.chains(table).includes(chain)) this.#run(table, `:${chain} - [0:0]`)
  }

  /** At the end of the chain, if it is not there. */
  ensureAppended(table: Table, chain: string, rule: string): void {
    if (!this.has(table, chain, rule)) this.append(table, chain, rule)
  }

  /** At the head of the chain, if it is not there. */
  ensureInserted(table: Table, chain: string, rule: string): void {
    if (!this.has(table, chain, rule)) this.insert(table, chain, rule)
  }

  append(table: Table, chain: string, rule: string): void {
    this.#run(table, `-A ${chain} ${rule}`)
  }

  /** `at` counts from 1. */
  insert(table: Table, chain: string, rule: string, at = 1): void {
    this.#run(table, `-I ${chain} ${at} ${rule}`)
  }

  /** Nothing happens when the rule is not there. */
  delete(table: Table, chain: string, rule: string): void {
    if (this.has(table, chain, rule)) this.#run(table, `-D ${chain} ${rule}`)
  }

  /** Flushes and removes; nothing happens when the chain is not there. */
  deleteChain(table: Table, chain: string): void {
    if (this.chains(table).includes(chain)) this.#run(table, `-F ${chain}`, `-X ${chain}`)
  }

  /** Makes the chain hold these rules and no others. */
  replaceChain(table: Table, chain: string, rules: readonly string[]): void {
    this.#run(table, `:${chain} - [0:0]`, ...rules.map((r) => `-A ${chain} ${r}`))
  }
}
