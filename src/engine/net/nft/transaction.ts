/**
 * Commands done to tables as the kernel's nf_tables does them: all of a transaction or nothing. Every change leaves behind how to take it back;
 * what deleting and adding costs does not depend on how much else is there.
 */
import type { Command, Target } from './parse-command.ts'
import { checkRule } from './check.ts'
import { refuse } from './lexer.ts'
import { canonical, rangeOf } from './sets.ts'
import { suggestion } from './suggest.ts'
import { NftChain, NftTable, verdictsOf } from './tables.ts'
import type { Expression, NftSet, Rule, SetElement, SetUse, Span, Statement, Verdict } from './types.ts'
import { makeSet } from './sets.ts'

const cannot = (why: string) => `Could not process rule: ${why}`
const ENOENT = 'No such file or directory'
const EEXIST = 'File exists'
const EBUSY = 'Device or resource busy'
const EOPNOTSUPP = 'Operation not supported'

/** nft_dynset's limit where none was given. */
const DYNAMIC_SIZE = 0xffff

/** Where nat may be done, and base chains of type nat may stand. */
const natHooks: Readonly<Record<string, readonly string[]>> = { dnat: ['prerouting', 'output'], redirect: ['prerouting', 'output'], snat: ['postrouting', 'input'], masquerade: ['postrouting'] }
const chainHooks: Readonly<Record<string, readonly string[]>> = { filter: ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'], nat: ['prerouting', 'input', 'output', 'postrouting'], route: ['output'] }

export interface Store {
  readonly tables: Map<string, NftTable>
  nextTableHandle(): number
  nextOrder(): number
  readonly now: number
  /** Base chains or what they need have changed. */
  touched(): void
}

export class Transaction {
  readonly #store: Store
  readonly #undo: (() => void)[] = []
  /** The rule that the last command has made. */
  made: { readonly chain: NftChain; readonly rule: Rule } | undefined

  constructor(store: Store) {
    this.#store = store
  }

  rollback(): void {
    while (this.#undo.length > 0) this.#undo.pop()!()
    this.#store.touched()
  }

  /** Done, with how to take it back. */
  #do(change: () => void, back: () => void): void {
    change()
    this.#undo.push(back)
  }

  run(c: Command): void {
    if (c.object === 'rule' && c.verb !== 'delete' && c.verb !== 'destroy' && 'rule' in c) return this.#rule(c)
    const key = `${c.verb} ${c.object}`
    switch (c.verb) {
      case 'add':
      case 'create':
        if (c.object === 'table') return this.#addTable(c)
        if (c.object === 'chain') return this.#addChain(c)
        if (c.object === 'set' || c.object === 'map') return this.#addSet(c)
        if (c.object === 'element') return this.#addElements(c)
        if ('state' in c) return this.#addObject(c)
        return
      case 'delete':
      case 'destroy':
        return this.#delete(c)
      case 'flush':
        return this.#flush(c)
      case 'rename':
        return this.#rename(c)
      default:
        throw new Error(key)
    }
  }

  // ── finding ──

  #key(t: Target): string {
    return `${t.family} ${t.table.text}`
  }

  /** The table; one with a similar name is suggested to those who add to it. */
  table(t: Target, told = ENOENT): NftTable {
    const found = this.#store.tables.get(this.#key(t))
    if (found) return found
    const like = told === ENOENT ? suggestion(t.table.text, [...this.#store.tables.values()].map((x) => ({ name: x.name, what: x }))) : undefined
    if (like && like.name !== t.table.text) this.#suggestTable(like, t)
    return refuse(told, t.table.span)
  }

  #suggestTable(like: NftTable, t: Target): never {
    return refuse(`${ENOENT}; did you mean table ‘${like.name}’ in family ${like.family}?`, t.table.span)
  }

  /** For rules: a chain of that name in another table is as near as a similar one in this table. */
  chain(t: Target, suggest = true): NftChain {
    const name = t.name!.text
    const table = this.#store.tables.get(this.#key(t))
    const found = table?.chains.get(name)
    if (found) return found
    if (suggest) {
      const all = [...this.#store.tables.values()].flatMap((x) => [...x.chains.values()])
      const like = all.find((x) => x.name === name) ?? suggestion(name, all.map((x) => ({ name: x.name, what: x })))
      if (like && like.table !== table && !(table && like.name === name)) this.#suggestTable(like.table, t)
      if (like && like.table === table) refuse(`${ENOENT}; did you mean chain ‘${like.name}’ in table ${table.family} ‘${table.name}’?`, t.name!.span)
    }
    return refuse(cannot(ENOENT), table ? t.name!.span : t.table.span)
  }

  set(t: Target): NftSet {
    const table = this.#store.tables.get(this.#key(t)) ?? refuse(ENOENT, t.table.span)
    return this.namedSet(table, t.name!.text, t.name!.span)
  }

  namedSet(table: NftTable, name: string, span: Span): NftSet {
    const found = table.sets.get(name)
    if (found) return found
    const like = suggestion(name, [...table.sets.values()].map((x) => ({ name: x.name, what: x })))
    return refuse(like ? `${ENOENT}; did you mean ${like.specification.data === undefined ? 'set' : 'map'} ‘${like.name}’ in table ${table.family} ‘${table.name}’?` : ENOENT, span)
  }

  // ── adding ──

  #addTable(c: Extract<Command, { object: 'table'; verb: 'add' | 'create' }>): void {
    const key = this.#key(c.target)
    const found = this.#store.tables.get(key)
    if (found) {
      if (c.verb === 'create') refuse(cannot(EEXIST), c.target.table.span)
      const { flags } = found
      if (c.flags.join() !== flags.join()) {
        this.#do(() => void (found.flags = c.flags), () => void (found.flags = flags))
        this.#store.touched()
      }
      return
    }
    const table = new NftTable(c.target.family, c.target.table.text, this.#store.nextTableHandle())
    table.comment = c.comment
    table.flags = c.flags
    this.#do(() => void this.#store.tables.set(key, table), () => void this.#store.tables.delete(key))
  }

  #addChain(c: Extract<Command, { object: 'chain'; verb: 'add' | 'create' }>): void {
    const table = this.table(c.target)
    const name = c.target.name!.text
    const found = table.chains.get(name)
    if (found) {
      if (c.verb === 'create') refuse(cannot(EEXIST), c.target.name!.span)
      const base = c.base
      if (base && (!found.base || found.base.hook !== base.hook || found.base.priority !== base.priority || found.base.type !== base.type)) refuse(cannot(found.base ? EOPNOTSUPP : EEXIST), c.span)
      const policy = c.policy
      if (policy === undefined) return
      if (!found.base) refuse(cannot(EOPNOTSUPP), c.policyAt ?? c.target.name!.span)
      const before = found.base.policy
      this.#do(() => void (found.base!.policy = policy), () => void (found.base!.policy = before))
      return
    }
    if (c.base && !chainHooks[c.base.type]!.includes(c.base.hook)) refuse(cannot(EOPNOTSUPP), c.span)
    if (!c.base && c.policy !== undefined) refuse(cannot(EOPNOTSUPP), c.span)
    const chain = new NftChain(table, name, table.nextHandle())
    chain.comment = c.comment
    if (c.base) {
      const { policyGiven: _, ...base } = c.base
      chain.base = { ...base }
      chain.order = this.#store.nextOrder()
      this.#store.touched()
    }
    this.#do(() => void table.chains.set(name, chain), () => void table.chains.delete(name))
  }

  #addSet(c: Extract<Command, { object: 'set' | 'map'; verb: 'add' | 'create' }>): void {
    const table = this.table(c.target)
    const name = c.target.name!.text
    let set = table.sets.get(name)
    if (set) {
      const same = set.specification.key.map((t) => t.name).join() === c.specification.key.map((t) => t.name).join() && set.specification.flags.join() === c.specification.flags.join() && (set.specification.data === undefined) === (c.specification.data === undefined)
      if (c.verb === 'create' || !same) refuse(cannot(EEXIST), c.target.name!.span)
    } else {
      const made = makeSet(name, c.specification)
      made.handle = table.nextHandle()
      set = made
      this.#do(() => void table.sets.set(name, made), () => void table.sets.delete(name))
    }
    for (const element of c.elements) this.#addElement(table, set, element, false)
  }

  #addObject(c: Extract<Command, { verb: 'add' | 'create'; state: Statement }>): void {
    const table = this.table(c.target)
    const name = c.target.name!.text
    if (table.objects.has(name)) {
      if (c.verb === 'create') refuse(cannot(EEXIST), c.target.name!.span)
      return
    }
    const object = { type: c.object, name, comment: c.comment, state: c.state, handle: table.nextHandle() }
    this.#do(() => void table.objects.set(name, object), () => void table.objects.delete(name))
  }

  #addElements(c: Extract<Command, { object: 'element' }>): void {
    const set = this.set(c.target)
    const table = this.table(c.target)
    for (const element of c.read(set.specification.key, set.specification.data)) this.#addElement(table, set, element, c.verb === 'create')
  }

  #addElement(table: NftTable, set: NftSet, element: SetElement, create: boolean): void {
    const { specification: spec } = set
    const range = rangeOf(spec.key, element.key)
    if (range && !spec.flags.includes('interval')) refuse(`You must add 'flags interval' to your set declaration if you want to add ${element.key.kind === 'prefix' ? 'prefix' : 'range'} elements`, element.span)
    if (spec.data !== undefined && element.data === undefined && !element.verdict) refuse(cannot('Invalid argument'), element.span)
    const chain = element.verdict?.chain === undefined ? undefined : table.chains.get(element.verdict.chain)
    if (element.verdict?.chain !== undefined && !chain) refuse(cannot(ENOENT), element.span)
    const key = canonical(element.key)
    const found = set.elements.get(key)
    if (found && (found.expires === undefined || found.expires > this.#store.now)) {
      const same = JSON.stringify([found.data, found.verdict?.code, found.verdict?.chain]) === JSON.stringify([element.data, element.verdict?.code, element.verdict?.chain])
      if (create || !same) refuse(cannot(EEXIST), element.span)
      return
    }
    if (spec.flags.includes('interval') && spec.key.length === 1 && !spec.autoMerge) this.#refuseOverlap(set, element)
    if (spec.size !== undefined && set.elements.size >= spec.size) refuse(cannot('Too many open files in system'), element.span)
    const timeout = element.timeout ?? spec.timeout
    const made: SetElement = { ...element, expires: element.expires ?? (timeout === undefined ? undefined : this.#store.now + timeout), stateful: [...(element.stateful.length > 0 ? element.stateful : spec.stateful.map((s) => ({ ...s })))] }
    this.#do(
      () => {
        set.elements.set(key, made)
        set.version++
        if (chain) chain.uses++
      },
      () => {
        set.elements.delete(key)
        set.version++
        if (chain) chain.uses--
      },
    )
  }

  #refuseOverlap(set: NftSet, element: SetElement): void {
    const [type] = set.specification.key
    const bounds = (e: SetElement) => rangeOf([type!], e.key) ?? (e.key.kind === 'value' ? ([e.key.value, e.key.value] as const) : undefined)
    const mine = bounds(element)
    if (!mine) return
    for (const other of set.elements.values()) {
      const theirs = bounds(other)
      if (theirs && mine[0] <= theirs[1] && theirs[0] <= mine[1] && !(mine[0] === theirs[0] && mine[1] === theirs[1])) {
        refuse('interval overlaps with an existing one', element.span)
      }
    }
  }

  // ── rules ──

  #rule(c: Extract<Command, { object: 'rule'; rule: unknown }>): void {
    const known = this.#store.tables.get(this.#key(c.target))
    const statements = checkRule(c.rule, c.target.family, { set: (name, span) => (known ? this.namedSet(known, name, span).specification : refuse(ENOENT, span)) })
    const chain = this.chain(c.target)
    const { table } = chain
    const { at } = c
    let index = c.verb === 'insert' ? 0 : chain.rules.length
    if (at) {
      if (at.kind === 'index') index = c.verb === 'insert' ? at.number : at.number + 1
      else {
        const place = chain.rules.findIndex((r) => r.handle === at.number)
        if (place < 0) refuse(cannot(ENOENT), at.span)
        index = c.verb === 'insert' || c.verb === 'replace' ? place : place + 1
      }
      if (index > chain.rules.length || index < 0) refuse(cannot(ENOENT), at.span)
    }
    // anonymous sets are made first and have handles of their own; handles of what fails are gone
    for (const use of setUses(statements)) if (use.kind === 'anonymous') use.set.handle = table.nextHandle()
    const rule: Rule = { statements, comment: c.rule.comment, handle: c.verb === 'replace' ? (c.at?.number ?? 0) : table.nextHandle() }
    this.#checkPlace(statements, chain, c.span)
    if (c.verb === 'replace') {
      const old = chain.rules[index]!
      this.#do(() => this.#put(chain, index, 1, [rule]), () => this.#put(chain, index, 1, [old]))
      return
    }
    this.made = { chain, rule }
    this.#do(() => this.#put(chain, index, 0, [rule]), () => this.#put(chain, index, 1, []))
  }

  /** Replaces `remove` rules at a place, keeping the counts of uses. */
  #put(chain: NftChain, at: number, remove: number, rules: readonly Rule[]): void {
    for (const old of chain.rules.splice(at, remove, ...rules)) this.#use(chain, old, -1)
    for (const rule of rules) this.#use(chain, rule, 1)
  }

  #use(chain: NftChain, rule: Rule, by: 1 | -1): void {
    const { table } = chain
    for (const v of verdictsOf(rule)) {
      const to = v.chain === undefined ? undefined : table.chains.get(v.chain)
      if (to) to.uses += by
    }
    for (const name of namesUsed(rule.statements)) table.setUses.set(name, (table.setUses.get(name) ?? 0) + by)
    if (tracks(rule.statements)) this.#store.touched()
  }

  /** What the kernel refuses about a rule in this chain. */
  #checkPlace(statements: readonly Statement[], chain: NftChain, span: Span): void {
    const { table } = chain
    for (const s of statements) {
      if (s.kind === 'nat' && chain.base && (chain.base.type !== 'nat' || !natHooks[s.target.verb]!.includes(chain.base.hook))) refuse(cannot(EOPNOTSUPP), span)
      if (s.kind === 'reject' && chain.base && !['input', 'forward', 'output', 'prerouting'].includes(chain.base.hook)) refuse(cannot(EOPNOTSUPP), span)
      if (s.kind === 'object' && !table.objects.has(s.name)) refuse(cannot(ENOENT), s.span)
      if (s.kind === 'set-update') {
        const set = table.sets.get(s.set) ?? refuse(ENOENT, s.span)
        if (set.specification.size === undefined) this.#do(() => void (set.specification.size = DYNAMIC_SIZE), () => void (set.specification.size = undefined))
      }
      if (s.kind === 'verdict') this.#checkJump(s.verdict, table, s.verdict.span)
      if (s.kind === 'vmap' && s.set.kind === 'anonymous') for (const e of s.set.set.elements.values()) if (e.verdict) this.#checkJump(e.verdict, table, e.span)
    }
  }

  #checkJump(v: Verdict, table: NftTable, span: Span | undefined): void {
    if (v.chain === undefined) return
    const to = table.chains.get(v.chain)
    if (!to) refuse(cannot(ENOENT), span)
    if (to.base) refuse(cannot(EOPNOTSUPP), span)
  }

  // ── deleting ──

  #delete(c: Extract<Command, { verb: 'delete' | 'destroy' }>): void {
    const quiet = c.verb === 'destroy'
    if (c.object === 'element') return this.#deleteElements(c)
    if (c.object === 'rule') {
      const chain = this.chain(c.target)
      const at = chain.rules.findIndex((r) => r.handle === c.at.number)
      if (at < 0) {
        if (quiet) return
        refuse(cannot(ENOENT), c.at.span)
      }
      const rule = chain.rules[at]!
      return this.#do(() => this.#put(chain, at, 1, []), () => this.#put(chain, at, 0, [rule]))
    }
    if (c.object === 'table') {
      const table = c.handle ? [...this.#store.tables.values()].find((t) => t.handle === c.handle!.number && t.family === c.target.family) : this.#store.tables.get(this.#key(c.target))
      if (table) return this.#deleteTable(table)
      if (!quiet) this.#missingTable(c.target)
      return
    }
    const table = this.#store.tables.get(this.#key(c.target))
    if (!table) return quiet ? undefined : refuse(cannot(ENOENT), c.target.table.span)
    if (c.object === 'chain') {
      const chain = c.handle ? [...table.chains.values()].find((x) => x.handle === c.handle!.number) : table.chains.get(c.target.name!.text)
      if (!chain) return quiet ? undefined : c.handle ? refuse(cannot(ENOENT), c.target.name!.span) : void this.chain(c.target)
      return this.#deleteChain(table, chain, c.target.name!.span)
    }
    const kept: Map<string, { readonly name: string; readonly handle: number }> = c.object === 'set' || c.object === 'map' ? table.sets : table.objects
    const found = c.handle ? [...kept.values()].find((x) => x.handle === c.handle!.number) : kept.get(c.target.name!.text)
    if (!found && !quiet && !c.handle && kept === (table.sets as unknown)) this.#missingSet(table, c.target)
    if (!found) return quiet ? undefined : refuse(cannot(ENOENT), c.target.name!.span)
    if ((table.setUses.get(found.name) ?? 0) > 0) refuse(cannot(EBUSY), c.target.name!.span)
    if (kept === (table.sets as unknown)) this.#dropElements(table, found as NftSet)
    this.#remove(kept, found.name)
  }

  /** What the kernel could not find is told with a similar name, else in the kernel's words. */
  #missingTable(t: Target): never {
    const like = suggestion(t.table.text, [...this.#store.tables.values()].map((x) => ({ name: x.name, what: x })))
    return like ? this.#suggestTable(like, t) : refuse(cannot(ENOENT), t.table.span)
  }

  #missingSet(table: NftTable, t: Target): void {
    if (suggestion(t.name!.text, [...table.sets.values()].map((x) => ({ name: x.name, what: x })))) this.namedSet(table, t.name!.text, t.name!.span)
  }

  /** Takes an entry out so that it can come back to its place. */
  #remove<T>(map: Map<string, T>, key: string): void {
    const value = map.get(key)!
    const after: [string, T][] = []
    this.#do(
      () => void map.delete(key),
      () => {
        map.set(key, value)
        for (const [k, v] of after) {
          map.delete(k)
          map.set(k, v)
        }
      },
    )
  }

  #deleteTable(table: NftTable): void {
    this.#remove(this.#store.tables, `${table.family} ${table.name}`)
    this.#store.touched()
  }

  #deleteChain(table: NftTable, chain: NftChain, span: Span): void {
    const own = chain.rules.flatMap((r) => verdictsOf(r)).filter((v) => v.chain === chain.name).length
    if (chain.uses > own) refuse(cannot(EBUSY), span)
    this.#flushChain(chain)
    this.#remove(table.chains, chain.name)
    if (chain.base) this.#store.touched()
  }

  #deleteElements(c: Extract<Command, { object: 'element' }>): void {
    const set = this.set(c.target)
    const table = this.table(c.target)
    for (const element of c.read(set.specification.key, set.specification.data)) {
      const key = canonical(element.key)
      const found = set.elements.get(key)
      if (!found || (found.expires !== undefined && found.expires <= this.#store.now)) {
        if (c.verb === 'destroy') continue
        refuse(set.specification.flags.includes('interval') && set.specification.key.length === 1 ? 'element does not exist' : cannot(ENOENT), element.span)
      }
      this.#dropElement(table, set, key)
    }
  }

  #dropElement(table: NftTable, set: NftSet, key: string): void {
    const element = set.elements.get(key)!
    const chain = element.verdict?.chain === undefined ? undefined : table.chains.get(element.verdict.chain)
    this.#do(
      () => {
        set.elements.delete(key)
        set.version++
        if (chain) chain.uses--
      },
      () => {
        set.elements.set(key, element)
        set.version++
        if (chain) chain.uses++
      },
    )
  }

  #dropElements(table: NftTable, set: NftSet): void {
    for (const key of [...set.elements.keys()]) this.#dropElement(table, set, key)
  }

  #flushChain(chain: NftChain): void {
    const rules = [...chain.rules]
    if (rules.length > 0) this.#do(() => this.#put(chain, 0, rules.length, []), () => this.#put(chain, 0, 0, rules))
  }

  #flush(c: Extract<Command, { verb: 'flush' }>): void {
    if (c.object === 'ruleset') {
      for (const table of [...this.#store.tables.values()]) if (c.family === undefined || table.family === c.family) this.#deleteTable(table)
      return
    }
    if (c.object === 'table') {
      for (const chain of this.table(c.target, cannot(ENOENT)).chains.values()) this.#flushChain(chain)
      return
    }
    if (c.object === 'chain') return this.#flushChain(this.chain(c.target, false))
    this.#dropElements(this.table(c.target), this.set(c.target))
  }

  #rename(c: Extract<Command, { verb: 'rename' }>): void {
    const chain = this.chain(c.target)
    const { table } = chain
    const [from, to] = [chain.name, c.to.text]
    if (table.chains.has(to)) refuse(cannot(EEXIST), c.span)
    const set = (a: string, b: string) => {
      const all = [...table.chains.values()]
      table.chains.clear()
      for (const x of all) {
        if (x === chain) x.name = b
        table.chains.set(x.name, x)
      }
      // rules and elements keep pointing at it
      for (const x of all) for (const r of x.rules) for (const v of verdictsOf(r)) if (v.chain === a) (v as { chain: string }).chain = b
      for (const s of table.sets.values()) for (const e of s.elements.values()) if (e.verdict?.chain === a) (e.verdict as { chain: string }).chain = b
    }
    this.#do(() => set(from, to), () => set(to, from))
  }
}

/** Sets that statements name or bring along. */
export function setUses(statements: readonly Statement[]): SetUse[] {
  const out: SetUse[] = []
  const look = (e: Expression | undefined): void => {
    if (!e) return
    if (e.kind === 'map') {
      out.push(e.set)
      look(e.key)
    } else if (e.kind === 'binary') {
      look(e.left)
      look(e.right)
    }
  }
  for (const s of statements) {
    if (s.kind === 'match' && s.right.kind === 'set') out.push(s.right.use)
    if (s.kind === 'vmap') out.push(s.set)
    if (s.kind === 'assign') look(s.right)
    if (s.kind === 'nat') look(s.target.from)
    if (s.kind === 'match') look(s.left)
  }
  return out
}

function namesUsed(statements: readonly Statement[]): string[] {
  const out = setUses(statements).flatMap((u) => (u.kind === 'named' ? [u.name] : []))
  for (const s of statements) {
    if (s.kind === 'set-update') out.push(s.set)
    if (s.kind === 'object') out.push(s.name)
  }
  return out
}

/** Whether a rule needs connection tracking. */
export function tracks(statements: readonly Statement[]): boolean {
  const expression = (e: Expression | undefined): boolean => e !== undefined && (e.kind === 'selector' ? e.selector.tracks === true : e.kind === 'concat' ? e.parts.some(expression) : e.kind === 'binary' ? expression(e.left) || expression(e.right) : e.kind === 'map' ? expression(e.key) : false)
  return statements.some((s) => s.kind === 'nat' || s.kind === 'connections' || (s.kind === 'match' && expression(s.left)) || (s.kind === 'vmap' && expression(s.key)) || (s.kind === 'assign' && (s.left.tracks === true || expression(s.right))))
}
