/** Tables and chains as the kernel keeps them, with counts of who uses what, so that deleting something asks nobody else. */
import type { BaseChain, Family, NamedObject, NftSet, Rule, Statement, Verdict } from './types.ts'

export class NftTable {
  readonly family: Family
  readonly name: string
  readonly handle: number
  comment: string | undefined = undefined
  flags: readonly string[] = []
  /** In the order in which they were made. */
  readonly chains = new Map<string, NftChain>()
  readonly sets = new Map<string, NftSet>()
  readonly objects = new Map<string, NamedObject>()
  /** Rules and elements that name a set, chain or object. */
  readonly setUses = new Map<string, number>()
  #handles = 0

  constructor(family: Family, name: string, handle: number) {
    this.family = family
    this.name = name
    this.handle = handle
  }

  nextHandle(): number {
    return ++this.#handles
  }

  get dormant(): boolean {
    return this.flags.includes('dormant')
  }
}

export class NftChain {
  readonly table: NftTable
  name: string
  base: BaseChain | undefined
  comment: string | undefined
  readonly handle: number
  rules: Rule[] = []
  /** Jumps to it, from rules and maps. */
  uses = 0
  /** Base chains: when it was registered; of equal priority the youngest comes first. */
  order = 0

  constructor(table: NftTable, name: string, handle: number) {
    this.table = table
    this.name = name
    this.handle = handle
  }
}

/** Verdicts that a rule may give, those of its own maps included. */
export function verdictsOf(rule: { readonly statements: readonly Statement[] }): Verdict[] {
  const out: Verdict[] = []
  for (const s of rule.statements) {
    if (s.kind === 'verdict') out.push(s.verdict)
    else if (s.kind === 'vmap' && s.set.kind === 'anonymous') for (const e of s.set.set.elements.values()) if (e.verdict) out.push(e.verdict)
  }
  return out
}
