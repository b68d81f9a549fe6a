/** `nft -j`: tables, chains, rules and sets as libnftables' JSON schema has them (src/json.c). Commands in JSON are not read. */
import type { DataType } from './datatypes.ts'
import { typesOf } from './parse-expression.ts'
import { listed } from './sets.ts'
import type { NftChain, NftTable } from './tables.ts'
import type { Expression, MatchRight, NamedObject, NftSet, Operand, Rate, Rule, Scalar, SetElement, SetUse, Statement, Verdict } from './types.ts'
import type { Selector } from './selectors.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface JsonOptions {
  readonly now: number
  readonly deviceName: (index: number) => string | undefined
  readonly stateless: boolean
  readonly terse: boolean
}

/** With a blank after each comma and colon, as jansson writes. */
export function jsonText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`
  if (value !== null && typeof value === 'object') return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${jsonText(v as Json)}`).join(', ')}}`
  return JSON.stringify(value)
}

export const metainfo: Json = { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } }

const quantities: readonly (readonly [string, number])[] = [['mbytes', 1024 ** 2], ['kbytes', 1024]]

function verdict(v: Verdict): Json {
  return { [v.code]: v.chain === undefined ? null : { target: v.chain } }
}

/** One or a list. */
const few = (list: readonly Json[]): Json => (list.length === 1 ? list[0]! : list)

export class JsonWriter {
  readonly #o: JsonOptions

  constructor(options: JsonOptions) {
    this.#o = options
  }

  #scalar(type: DataType, v: Scalar): Json {
    if (type.name === 'iface_index') return this.#o.deviceName(Number(v)) ?? Number(v)
    if (type.name === 'time') return Math.floor(Number(v) / 1000)
    if (type.bitmask) return few(type.show(v).split(','))
    if (type.order === 'string') return String(v)
    const shown = type.show(v)
    return type.name === 'mark' || /^(\d+|0x[0-9a-f]+)$/.test(shown) ? Number(v) : shown
  }

  #operand(types: readonly DataType[], o: Operand): Json {
    const type = types[0]!
    switch (o.kind) {
      case 'value':
        return this.#scalar(type, o.value)
      case 'prefix':
        return { prefix: { addr: this.#scalar(type, o.value), len: o.length } }
      case 'range':
        return { range: [this.#scalar(type, o.from), this.#scalar(type, o.to)] }
      case 'beginning':
        return `${o.text}*`
      case 'any':
        return '*'
      case 'concat':
        return { concat: o.parts.map((p, i) => this.#operand([types[i]!], p)) }
    }
  }

  #selector(s: Selector): Json {
    const words = s.name.split(' ')
    const [first, ...rest] = words
    if (words.length === 1) return { meta: { key: first! } }
    if (first === 'meta') return { meta: { key: rest[0]! } }
    if (first === 'rt' || first === 'socket') return { [first]: { key: rest[0]! } }
    if (first === 'fib') return { fib: { result: rest.at(-1)!, flags: rest.slice(0, -1).filter((w) => w !== '.') } }
    if (first === 'ct') return { ct: rest[0] === 'original' || rest[0] === 'reply' ? { key: rest.slice(1).join(' '), dir: rest[0] } : { key: rest.join(' ') } }
    if (rest[0] === 'option') return { 'tcp option': { name: rest[1]!, field: rest[2]! } }
    return { payload: { protocol: first!, field: rest.join(' ') } }
  }

  #expression(e: Expression): Json {
    switch (e.kind) {
      case 'selector':
        return this.#selector(e.selector)
      case 'concat':
        return { concat: e.parts.map((p) => this.#expression(p)) }
      case 'binary':
        return { [e.op]: [this.#expression(e.left), this.#expression(e.right)] }
      case 'map':
        return { map: { key: this.#expression(e.key), data: this.#use(e.set) } }
      case 'value':
        return this.#scalar(e.type, e.value)
      case 'numgen':
        return { numgen: { mode: e.random ? 'random' : 'inc', mod: e.mod, offset: e.offset } }
      case 'hash':
        return e.key ? { jhash: { mod: e.mod, offset: e.offset, expr: this.#expression(e.key), ...(e.seed !== undefined && { seed: e.seed }) } } : { symhash: { mod: e.mod, offset: e.offset } }
      case 'route-mtu':
        return { rt: { key: 'mtu' } }
    }
  }

  #use(use: SetUse): Json {
    return use.kind === 'named' ? `@${use.name}` : { set: this.#elements(use.set) }
  }

  #elements(set: NftSet): Json[] {
    return listed(set, this.#o.now).map((e) => this.#element(set, e))
  }

  #element(set: NftSet, e: SetElement): Json {
    const { key, data } = set.specification
    const plain = this.#operand(key, e.key)
    const more = {
      ...(e.timeout !== undefined && e.timeout !== set.specification.timeout && { timeout: Math.floor(e.timeout / 1000) }), ...(e.expires !== undefined && { expires: Math.floor((e.expires - this.#o.now) / 1000) }), ...(e.comment !== undefined && { comment: e.comment }),
      ...Object.assign({}, ...e.stateful.map((s) => this.#statement(s))),
    }
    const shown: Json = Object.keys(more).length === 0 ? plain : { elem: { val: plain, ...more } }
    if (e.verdict) return [shown, verdict(e.verdict)]
    if (e.data) return [shown, Array.isArray(data) ? this.#operand(data as readonly DataType[], e.data) : e.data.kind === 'value' ? String(e.data.value) : null]
    return shown
  }

  #match(s: Extract<Statement, { kind: 'match' }>): Json {
    const types = typesOf(s.left)
    const left = this.#expression(s.left)
    const match = (op: string, l: Json, right: Json): Json => ({ match: { op, left: l, right } })
    const r: MatchRight = s.right
    switch (r.kind) {
      case 'flags':
        if (r.mask === 0) return match('!', left, this.#scalar(types[0]!, r.value))
        if (r.mask !== undefined) return match(s.op, { '&': [left, this.#scalar(types[0]!, r.mask)] }, this.#scalar(types[0]!, r.value))
        return match(s.op === '!=' ? '!=' : 'in', left, this.#scalar(types[0]!, r.value))
      case 'set':
        return match(s.op, left, this.#use(r.use))
      case 'boolean':
        return match(s.op, left, r.value)
      default:
        return match(s.op, left, this.#operand(types, r))
    }
  }

  #rate(r: Rate): Json {
    const bytes = r.unit !== ''
    return { rate: r.rate, burst: r.burst, per: r.per, ...(r.over && { inv: true }), ...(bytes && { rate_unit: r.unit, burst_unit: r.burstUnit }) }
  }

  #nat(s: Extract<Statement, { kind: 'nat' }>): Json {
    const t = s.target
    const flags = [...(t.random ? ['random'] : []), ...(t.fully ? ['fully-random'] : []), ...(t.persistent ? ['persistent'] : [])]
    const span = (a: Expression, b: Expression | undefined): Json => (b ? { range: [this.#expression(a), this.#expression(b)] } : this.#expression(a))
    const body = { ...(t.family && t.from && { family: t.family }), ...(t.from && { addr: span(t.from, t.to) }), ...(t.portFrom && { port: span(t.portFrom, t.portTo) }), ...(flags.length > 0 && { flags: few(flags) }) }
    return { [t.verb]: Object.keys(body).length === 0 ? null : body }
  }

  #statement(s: Statement): Json {
    return (this.#statements[s.kind] as (s: Statement) => Json)(s)
  }

  readonly #statements: { readonly [K in Statement['kind']]: (s: Extract<Statement, { kind: K }>) => Json } = {
    match: (s) => this.#match(s),
    verdict: (s) => verdict(s.verdict),
    vmap: (s) => ({ vmap: { key: this.#expression(s.key), data: this.#use(s.set) } }),
    counter: (s) => ({ counter: this.#o.stateless ? null : { packets: s.packets, bytes: s.bytes } }),
    object: (s) => ({ [s.type]: s.name }),
    limit: (s) => ({ limit: this.#rate(s.rate) }),
    quota: (s) => {
      const [unit, size] = quantities.find(([, n]) => s.quota.limit > 0 && s.quota.limit % n === 0) ?? ['bytes', 1]
      return { quota: { val: s.quota.limit / size, val_unit: unit, ...(s.quota.used > 0 && { used: s.quota.used, used_unit: 'bytes' }), ...(s.quota.over && { inv: true }) } }
    },
    connections: (s) => ({ 'ct count': { val: s.count, ...(s.over && { inv: true }) } }),
    log: (s) => {
      const body = { ...(s.prefix !== undefined && { prefix: s.prefix }), ...(s.group !== undefined && { group: s.group }), ...(s.level !== undefined && { level: s.level }) }
      return { log: Object.keys(body).length === 0 ? null : body }
    },
    reject: (s) => {
      if (!s.with) return { reject: this.#family === 'ip' ? { type: 'icmp', expr: 'port-unreachable' } : { type: 'icmpx', expr: 'port-unreachable' } }
      return { reject: s.with.family === 'tcp' ? { type: 'tcp reset' } : { type: s.with.family, expr: s.with.name } }
    },
    nat: (s) => this.#nat(s),
    assign: (s) => ({ mangle: { key: this.#selector(s.left), value: this.#expression(s.right) } }),
    notrack: () => ({ notrack: null }),
    'set-update': (s) => {
      const key = this.#expression(s.key)
      return { set: { op: s.verb, elem: s.timeout === undefined ? key : { elem: { val: key, timeout: Math.floor(s.timeout / 1000) } }, set: `@${s.set}` } }
    },
    inert: (s) => ({ xt: s.text }),
  }

  /** Of the rule at hand. */
  #family = 'ip'

  rule(chain: NftChain, r: Rule): Json {
    this.#family = chain.table.family
    return { rule: { family: chain.table.family, table: chain.table.name, chain: chain.name, handle: r.handle, ...(r.comment !== undefined && { comment: r.comment }), expr: r.statements.map((s) => this.#statement(s)) } }
  }

  table(t: NftTable): Json {
    return { table: { family: t.family, name: t.name, handle: t.handle, ...(t.flags.length > 0 && { flags: few(t.flags) }) } }
  }

  chain(c: NftChain): Json {
    const { base } = c
    return { chain: { family: c.table.family, table: c.table.name, name: c.name, handle: c.handle, ...(base && { type: base.type, hook: base.hook, prio: base.priority, policy: base.policy }) } }
  }

  set(t: NftTable, s: NftSet): Json {
    const { specification: spec } = s
    const data = spec.data
    const elements = this.#o.terse ? [] : this.#elements(s)
    return {
      [data === undefined ? 'set' : 'map']: {
        family: t.family, name: s.name, table: t.name, type: few(spec.key.map((k) => k.name)), handle: s.handle, ...(spec.comment !== undefined && { comment: spec.comment }), ...(data !== undefined && { map: typeof data === 'string' ? data : few(data.map((d) => d.name)) }),
        ...(spec.policy === 'memory' && { policy: 'memory' }), ...(spec.size !== undefined && { size: spec.size }), ...(spec.flags.length > 0 && { flags: spec.flags }), ...(spec.timeout !== undefined && { timeout: Math.floor(spec.timeout / 1000) }),
        ...(spec.gcInterval !== undefined && { 'gc-interval': Math.floor(spec.gcInterval / 1000) }), ...(elements.length > 0 && { elem: elements }),
      },
    }
  }

  object(t: NftTable, o: NamedObject): Json {
    const { state } = o
    const body: { readonly [key: string]: Json } = state.kind === 'counter' ? { packets: state.packets, bytes: state.bytes } : state.kind === 'quota' ? { bytes: state.quota.limit, used: state.quota.used, inv: state.quota.over } : state.kind === 'limit' ? (this.#rate({ ...state.rate }) as { readonly [key: string]: Json }) : {}
    const ordered = state.kind === 'limit' ? { rate: body['rate']!, per: body['per']!, burst: body['burst']! } : body
    return { [o.type]: { family: t.family, name: o.name, table: t.name, handle: o.handle, ...(o.comment !== undefined && { comment: o.comment }), ...ordered } }
  }

  /** A table with all that is in it. */
  all(t: NftTable): Json[] {
    return [this.table(t), ...[...t.objects.values()].map((o) => this.object(t, o)), ...[...t.sets.values()].map((s) => this.set(t, s)), ...[...t.chains.values()].map((c) => this.chain(c)), ...[...t.chains.values()].flatMap((c) => c.rules.map((r) => this.rule(c, r)))]
  }
}
