/** The tables of iptables and their built-in chains. */
import { Chain } from './chain.ts'
import { HOOKS } from './stages.ts'

/** Built-in chains by table, in the order of the nf_tables backend. */
export const builtins: Readonly<Record<string, readonly number[]>> = { mangle: [0, 1, 2, 3, 4], security: [1, 2, 3], raw: [0, 3], filter: [1, 2, 3], nat: [0, 1, 3, 4] }

export class Table {
  readonly name: string
  readonly chains = new Map<string, Chain>()

  constructor(name: string) {
    this.name = name
    for (const hook of builtins[name]!) this.chains.set(HOOKS[hook]!, new Chain(HOOKS[hook]!, hook))
  }

  /** Built-in chains first, the others by name. */
  ordered(): Chain[] {
    const all = [...this.chains.values()]
    return [...all.filter((c) => c.hook !== undefined), ...all.filter((c) => c.hook === undefined).sort((a, b) => (a.name < b.name ? -1 : 1))]
  }
}
