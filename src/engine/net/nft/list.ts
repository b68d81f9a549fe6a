/** `nft list`, `reset` and `get`: which objects, in which frame. */
import type { Command, Target } from './parse-command.ts'
import { refuse } from './lexer.ts'
import { jsonText, JsonWriter, metainfo, type Json } from './json.ts'
import { Printer, type ShowOptions } from './print.ts'
import { showPriority } from './priority.ts'
import { canonical, lookup } from './sets.ts'
import type { NftState } from './state.ts'
import type { NftChain, NftTable } from './tables.ts'
import type { NamedObject, NftSet, ObjectType, Rule, Statement } from './types.ts'

/** A table that somebody else shows: those that iptables made. */
export interface ForeignTable {
  readonly family: string
  readonly name: string
  readonly text: string
}

export interface ListOptions extends Omit<ShowOptions, 'now' | 'deviceName'> {
  readonly foreign: readonly ForeignTable[]
  readonly json?: boolean
}

type ListCommand = Extract<Command, { verb: 'list' | 'reset' | 'get' }>

const objectOf: Readonly<Record<string, ObjectType>> = { counters: 'counter', quotas: 'quota', limits: 'limit' }

export function listCommand(state: NftState, c: ListCommand, o: ListOptions): string {
  const names = new Map([...state.ns.devices.values()].map((d) => [d.index, d.name]))
  const printer = new Printer({ ...o, now: state.now, deviceName: (index) => names.get(index) })
  const text = o.json ? `${jsonText({ nftables: [metainfo, ...jsonOne(state, c, new JsonWriter({ ...o, now: state.now, deviceName: (index) => names.get(index) }), o)] })}\n` : listOne(state, c, printer, o)
  if (c.verb === 'reset') for (const table of state.tables.values()) for (const object of table.objects.values()) zero(object.state)
  return text
}

/** `nft -e`: what has been added, in the words of a command. Sets are told by name only. */
export function echoCommand(state: NftState, c: Command, made: { readonly chain: NftChain; readonly rule: Rule } | undefined, handles: boolean): string {
  if ((c.verb !== 'add' && c.verb !== 'insert' && c.verb !== 'create') || !('target' in c)) return ''
  const { family, table, name } = c.target
  const head = `${c.verb === 'insert' ? 'insert' : 'add'} ${c.object} ${family} ${table.text}${name ? ` ${name.text}` : ''}`
  const names = new Map([...state.ns.devices.values()].map((d) => [d.index, d.name]))
  const printer = new Printer({ handles, stateless: false, terse: false, numericPriority: false, now: state.now, deviceName: (index) => names.get(index) })
  if (c.object === 'rule') return made ? `${head} ${printer.rule(made.rule, made.chain.table.family)}${handles ? ` # handle ${made.rule.handle}` : ''}\n` : ''
  if (c.object === 'chain') {
    const base = state.tables.get(`${family} ${table.text}`)?.chains.get(name!.text)?.base
    return `${head}${base ? ` { type ${base.type} hook ${base.hook} priority ${showPriority(base.priority, base.hook)}; policy ${base.policy}; }` : ''}\n`
  }
  return `${head}\n`
}

function zero(s: Statement): void {
  if (s.kind === 'counter') {
    s.packets = 0
    s.bytes = 0
  } else if (s.kind === 'quota') s.quota.used = 0
}

function find(state: NftState, t: Target, o: ListOptions): NftTable {
  const foreign = o.foreign.some((f) => f.family === t.family && f.name === t.table.text)
  return state.tables.get(`${t.family} ${t.table.text}`) ?? refuse('No such file or directory', foreign && t.name ? t.name.span : t.table.span)
}

/** As `listOne`, in JSON: a flat list of objects. */
function jsonOne(state: NftState, c: ListCommand, w: JsonWriter, o: ListOptions): Json[] {
  if ('target' in c) {
    const table = find(state, c.target, o)
    if (c.object === 'table') return w.all(table)
    const missing = () => refuse('No such file or directory', c.target.name!.span)
    const name = c.target.name!.text
    if (c.object === 'chain') {
      const chain = table.chains.get(name) ?? missing()
      return [w.chain(chain), ...chain.rules.map((r) => w.rule(chain, r))]
    }
    if (c.object === 'set' || c.object === 'map') return [w.set(table, table.sets.get(name) ?? missing())]
    if (c.object === 'element') return [w.set(table, elements(table.sets.get(name) ?? missing(), c, state.now))]
    return [w.object(table, table.objects.get(name) ?? missing())]
  }
  const tables = [...state.tables.values()].filter((t) => (c.family === undefined || t.family === c.family) && (c.table === undefined || t.name === c.table.text))
  const parts: Readonly<Record<string, (t: NftTable) => Json[]>> = {
    ruleset: (t) => w.all(t),
    tables: (t) => [w.table(t)],
    chains: (t) => [...t.chains.values()].map((x) => w.chain(x)),
    sets: (t) => [...t.sets.values()].filter((s) => s.specification.data === undefined).map((s) => w.set(t, s)),
    maps: (t) => [...t.sets.values()].filter((s) => s.specification.data !== undefined).map((s) => w.set(t, s)),
    rules: (t) => [...t.chains.values()].flatMap((x) => x.rules.map((r) => w.rule(x, r))),
  }
  const object = objectOf[c.object]
  return tables.flatMap(parts[c.object] ?? ((t) => [...t.objects.values()].filter((x) => x.type === object).map((x) => w.object(t, x))))
}

function listOne(state: NftState, c: ListCommand, printer: Printer, o: ListOptions): string {
  if ('target' in c) {
    const table = find(state, c.target, o)
    if (c.object === 'table') return printer.table(table)
    const missing = () => refuse('No such file or directory', c.target.name!.span)
    const name = c.target.name!.text
    if (c.object === 'chain') return printer.frame(table, printer.chain(table.chains.get(name) ?? missing()))
    if (c.object === 'set' || c.object === 'map') {
      const set = table.sets.get(name)
      if (!set || (set.specification.data !== undefined) !== (c.object === 'map')) missing()
      return printer.frame(table, printer.set(set!))
    }
    if (c.object === 'element') return printer.frame(table, printer.set(elements(table.sets.get(name) ?? missing(), c, state.now)))
    const object = table.objects.get(name)
    if (!object || object.type !== c.object) missing()
    return printer.frame(table, printer.object(object!))
  }
  const tables = [...state.tables.values()].filter((t) => (c.family === undefined || t.family === c.family) && (c.table === undefined || t.name === c.table.text))
  const foreign = o.foreign.filter((t) => c.family === undefined || t.family === c.family)
  if (c.object === 'tables') return [...foreign, ...tables].map((t) => `table ${t.family} ${t.name}\n`).join('')
  if (c.object === 'ruleset') return foreign.map((t) => t.text).join('') + tables.map((t) => printer.table(t)).join('')
  const parts: Readonly<Record<string, (t: NftTable) => readonly string[]>> = {
    chains: (t) => [...t.chains.values()].map((x: NftChain) => printer.chain(x, false)),
    sets: (t) => [...t.sets.values()].filter((s) => s.specification.data === undefined).map((s: NftSet) => printer.set(s)),
    maps: (t) => [...t.sets.values()].filter((s) => s.specification.data !== undefined).map((s: NftSet) => printer.set(s)),
    rules: (t) => [...t.chains.values()].map((x: NftChain) => printer.chain(x)),
  }
  const object = objectOf[c.object]
  const inside = parts[c.object] ?? ((t: NftTable) => [...t.objects.values()].filter((x: NamedObject) => x.type === object).map((x) => printer.object(x)))
  // objects are listed where there are any
  return tables.map((t) => [t, inside(t).join('')] as const).filter(([, text]) => object === undefined || text !== '').map(([t, text]) => printer.frame(t, text)).join('')
}

/** The set with only the elements that were asked for. */
function elements(set: NftSet, c: Extract<ListCommand, { object: 'element' }>, now: number): NftSet {
  const shown = new Map<string, typeof set.elements extends Map<string, infer E> ? E : never>()
  for (const wanted of c.read(set.specification.key, undefined)) {
    const values = wanted.key.kind === 'concat' ? wanted.key.parts.map((p) => (p.kind === 'value' ? p.value : 0)) : wanted.key.kind === 'value' ? [wanted.key.value] : []
    const found = lookup(set, values, now) ?? set.elements.get(canonical(wanted.key))
    if (!found) refuse('Could not process rule: No such file or directory', wanted.span)
    shown.set(canonical(found.key), found)
  }
  return { ...set, elements: shown, version: -1 }
}
