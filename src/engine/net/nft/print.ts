/** Tables, chains, rules and sets as `nft list` prints them (nftables 1.0.6). */
import { dataType, showTime, type DataType } from './datatypes.ts'
import { showPriority } from './priority.ts'
import { listed } from './sets.ts'
import type { NftChain, NftTable } from './tables.ts'
import type { Expression, MatchRight, NamedObject, NftSet, Operand, Quota, Rate, Rule, Scalar, SetElement, SetUse, Statement, Verdict } from './types.ts'

export interface ShowOptions {
  readonly handles: boolean
  readonly stateless: boolean
  /** Without the elements of named sets. */
  readonly terse: boolean
  readonly numericPriority: boolean
  readonly now: number
  readonly deviceName: (index: number) => string | undefined
}

const indent = '\t'
/** Continuation of a list of elements: under the first one. */
const between = `,\n\t\t\t     `

export class Printer {
  readonly #o: ShowOptions

  /** Of the table at hand. */
  #family = 'ip'

  constructor(options: ShowOptions) {
    this.#o = options
  }

  #value(type: DataType, v: Scalar): string {
    if (type.name === 'iface_index') {
      const name = this.#o.deviceName(Number(v))
      return name === undefined ? String(v) : `"${name}"`
    }
    return type.show(v)
  }

  operand(types: readonly DataType[], o: Operand): string {
    const type = types[0] ?? dataType('integer')
    switch (o.kind) {
      case 'value':
        return this.#value(type, o.value)
      case 'prefix':
        return `${this.#value(type, o.value)}/${o.length}`
      case 'range':
        return `${this.#value(type, o.from)}-${this.#value(type, o.to)}`
      case 'beginning':
        return `"${o.text}*"`
      case 'any':
        return '*'
      case 'concat':
        return o.parts.map((p, i) => this.operand([types[i] ?? type], p)).join(' . ')
    }
  }

  expression(e: Expression): string {
    switch (e.kind) {
      case 'selector':
        return e.selector.name === 'rt nexthop' ? 'rt ip nexthop' : e.selector.name
      case 'concat':
        return e.parts.map((p) => this.expression(p)).join(' . ')
      case 'binary':
        return `${this.expression(e.left)} ${e.op} ${this.#side(e.right, e.op)}`
      case 'map':
        return `${this.expression(e.key)} map ${this.setUse(e.set)}`
      case 'value':
        return this.#value(e.type, e.value)
      case 'numgen':
        return `numgen ${e.random ? 'random' : 'inc'} mod ${e.mod}${e.offset === 0 ? '' : ` offset ${e.offset}`}`
      case 'hash':
        return `${e.key ? `jhash ${this.expression(e.key)}` : 'symhash'} mod ${e.mod}${e.seed === undefined ? '' : ` seed 0x${e.seed.toString(16)}`}${e.offset === 0 ? '' : ` offset ${e.offset}`}`
      case 'route-mtu':
        return 'rt mtu'
    }
  }

  #side(e: Expression, op: string): string {
    if (e.kind === 'binary') return `(${this.expression(e)})`
    if (e.kind === 'value' && (op === '<<' || op === '>>')) return String(e.value)
    return this.expression(e)
  }

  setUse(use: SetUse): string {
    if (use.kind === 'named') return `@${use.name}`
    return `{ ${this.#elements(use.set).join(', ')} }`
  }

  #elements(set: NftSet): string[] {
    return listed(set, this.#o.now).map((e) => this.element(set, e))
  }

  /** One element, with what is kept beside it. */
  element(set: NftSet, e: SetElement): string {
    const { key, data, timeout } = set.specification
    const words = [this.operand(key, e.key)]
    for (const s of e.stateful) words.push(this.statement(s))
    if (e.timeout !== undefined && e.timeout !== timeout) words.push(`timeout ${showTime(e.timeout)}`)
    if (e.expires !== undefined) words.push(`expires ${showTime(e.expires - this.#o.now)}`)
    if (e.comment !== undefined) words.push(`comment "${e.comment}"`)
    if (e.verdict) words.push(':', verdictText(e.verdict))
    else if (e.data) words.push(':', Array.isArray(data) ? this.operand(data as readonly DataType[], e.data) : `"${String(e.data.kind === 'value' ? e.data.value : '')}"`)
    return words.join(' ')
  }

  right(e: Expression, r: MatchRight): string {
    const types = typesFor(e)
    switch (r.kind) {
      case 'flags': {
        const shown = this.#value(types[0]!, r.value)
        return r.mask === undefined || r.mask === 0 ? shown : `${shown} / ${this.#value(types[0]!, r.mask)}`
      }
      case 'set':
        return this.setUse(r.use)
      case 'boolean':
        return r.value ? 'exists' : 'missing'
      default:
        return this.operand(types, r)
    }
  }

  statement(s: Statement): string {
    return (this.#statements[s.kind] as (s: Statement) => string)(s)
  }

  readonly #statements: { readonly [K in Statement['kind']]: (s: Extract<Statement, { kind: K }>) => string } = {
    match: (s) => this.#match(s),
    verdict: (s) => verdictText(s.verdict),
    vmap: (s) => `${this.expression(s.key)} vmap ${this.setUse(s.set)}`,
    counter: (s) => (this.#o.stateless ? 'counter' : `counter packets ${s.packets} bytes ${s.bytes}`),
    object: (s) => `${s.type} name "${s.name}"`,
    limit: (s) => `limit ${rateText(s.rate)}`,
    quota: (s) => `quota ${this.#quota(s.quota)}`,
    connections: (s) => `ct count ${s.over ? 'over ' : ''}${s.count}`,
    log: (s) => ['log', ...(s.prefix === undefined ? [] : [`prefix "${s.prefix}"`]), ...(s.group === undefined ? [] : [`group ${s.group}`]), ...(s.level === undefined ? [] : [`level ${s.level}`]), ...s.options].join(' '),
    reject: (s) => rejectText(s, this.#family),
    nat: (s) => this.#nat(s),
    assign: (s) => `${s.left.name} set ${this.expression(s.right)}`,
    notrack: () => 'notrack',
    'set-update': (s) => {
      const extras = [...(s.timeout === undefined ? [] : [`timeout ${showTime(s.timeout)}`]), ...s.stateful.map((x) => this.statement(x))]
      return `${s.verb} @${s.set} { ${[this.expression(s.key), ...extras].join(' ')}${s.data ? ` : ${this.expression(s.data)}` : ''} }`
    },
    inert: (s) => s.text,
  }

  #match(s: Extract<Statement, { kind: 'match' }>): string {
    const { left, op, right } = s
    const text = this.right(left, right)
    if (right.kind === 'flags' && right.mask === 0) return `${this.expression(left)} ! ${text}`
    if (right.kind === 'flags' && op === '!=') return `${this.expression(left)} != ${right.mask === undefined ? text.replaceAll(',', ' | ') : text}`
    const explicit = op !== '==' || left.kind === 'binary' || (right.kind === 'value' && typesFor(left)[0]?.bitmask === true)
    return `${this.expression(left)} ${explicit ? `${op} ` : ''}${text}`
  }

  #quota(q: Quota): string {
    const amount = (bytes: number) => {
      for (const [unit, size] of [['mbytes', 1024 ** 2], ['kbytes', 1024]] as const) if (bytes > 0 && bytes % size === 0) return `${bytes / size} ${unit}`
      return `${bytes} bytes`
    }
    return `${q.over ? 'over ' : ''}${amount(q.limit)}${q.used > 0 && !this.#o.stateless ? ` used ${amount(q.used)}` : ''}`
  }

  #nat(s: Extract<Statement, { kind: 'nat' }>): string {
    const t = s.target
    const mapped = t.from?.kind === 'map' && t.from.set.kind === 'anonymous' && Array.isArray(t.from.set.set.specification.data) && t.from.set.set.specification.data.length > 1
    const family = mapped ? 'ip' : this.#family === 'inet' ? t.family : undefined
    const host = (e: Expression) => ((family ?? this.#family) === 'ip6' && t.portFrom ? `[${this.expression(e)}]` : this.expression(e))
    const address = t.from ? `${host(t.from)}${t.to ? `-${host(t.to)}` : ''}` : ''
    const port = t.portFrom ? `:${this.expression(t.portFrom)}${t.portTo ? `-${this.expression(t.portTo)}` : ''}` : ''
    const flags = [...(t.random ? ['random'] : []), ...(t.fully ? ['fully-random'] : []), ...(t.persistent ? ['persistent'] : [])].join(',')
    return `${t.verb}${family && t.from ? ` ${family}` : ''}${address + port === '' ? '' : ` to ${address}${port}`}${flags === '' ? '' : ` ${flags}`}`
  }

  rule(r: Rule, family = 'ip'): string {
    this.#family = family
    return [...r.statements.map((s) => this.statement(s)), ...(r.comment === undefined ? [] : [`comment "${r.comment}"`])].join(' ')
  }

  #handle(handle: number): string {
    return this.#o.handles ? ` # handle ${handle}` : ''
  }

  chain(c: NftChain, rules = true): string {
    const lines = [`${indent}chain ${c.name} {${this.#handle(c.handle)}`]
    if (c.comment !== undefined) lines.push(`${indent}${indent}comment "${c.comment}"`)
    const { base } = c
    if (base) lines.push(`${indent}${indent}type ${base.type} hook ${base.hook} ${base.device === undefined ? '' : `device "${base.device}" `}priority ${this.#o.numericPriority ? base.priority : showPriority(base.priority, base.hook)}; policy ${base.policy};`)
    if (rules) for (const r of c.rules) lines.push(`${indent}${indent}${this.rule(r, c.table.family)}${this.#handle(r.handle)}`)
    lines.push(`${indent}}`)
    return `${lines.join('\n')}\n`
  }

  set(s: NftSet): string {
    const { specification: spec } = s
    const object = spec.data !== undefined
    const lines = [`${indent}${object ? 'map' : 'set'} ${s.name} {${this.#handle(s.handle)}`]
    const line = (text: string) => void lines.push(`${indent}${indent}${text}`)
    const data = spec.data === undefined ? '' : ` : ${typeof spec.data === 'string' ? spec.data : (spec.dataText ?? spec.data.map((t) => t.name).join(' . '))}`
    line(spec.keyText === undefined ? `type ${spec.key.map((t) => t.name).join(' . ')}${data}` : `typeof ${spec.keyText}${data}`)
    if (spec.policy === 'memory') line('policy memory')
    if (spec.size !== undefined) line(`size ${spec.size}`)
    // of sets with a lifetime that flag alone goes without saying
    if (spec.flags.some((f) => f !== 'timeout' || spec.timeout === undefined)) line(`flags ${spec.flags.join(',')}`)
    if (spec.timeout !== undefined) line(`timeout ${showTime(spec.timeout)}`)
    if (spec.gcInterval !== undefined) line(`gc-interval ${showTime(spec.gcInterval)}`)
    for (const x of spec.stateful) line(x.kind)
    if (spec.autoMerge) line('auto-merge')
    if (spec.comment !== undefined) line(`comment "${spec.comment}"`)
    const elements = this.#o.terse ? [] : this.#elements(s)
    if (elements.length > 0) {
      const perLine = spec.key.length > 1 ? 1 : spec.key[0]!.perLine
      const text = elements.map((e, i) => (i === 0 ? e : i % perLine === 0 ? `${between}${e}` : `, ${e}`)).join('')
      line(`elements = { ${text} }`)
    }
    lines.push(`${indent}}`)
    return `${lines.join('\n')}\n`
  }

  object(o: NamedObject): string {
    const lines = [`${indent}${o.type} ${o.name} {${this.#handle(o.handle)}`]
    if (o.comment !== undefined) lines.push(`${indent}${indent}comment "${o.comment}"`)
    const { state } = o
    const text = state.kind === 'counter' ? (this.#o.stateless ? '' : `packets ${state.packets} bytes ${state.bytes}`) : state.kind === 'quota' ? this.#quota(state.quota) : state.kind === 'limit' ? rateText(state.rate) : ''
    if (text !== '') lines.push(`${indent}${indent}${text}`)
    lines.push(`${indent}}`)
    return `${lines.join('\n')}\n`
  }

  /** A whole table. */
  table(t: NftTable): string {
    const flagged = t.flags.length > 0
    const head = `${flagged ? `${indent}flags ${t.flags.join(',')}\n` : ''}${t.comment === undefined ? '' : `${indent}comment "${t.comment}"\n`}`
    const parts = [...[...t.objects.values()].map((o) => this.object(o)), ...[...t.sets.values()].map((s) => this.set(s)), ...[...t.chains.values()].map((c) => this.chain(c))]
    return `table ${t.family} ${t.name} {${this.#handle(t.handle)}\n${head}${flagged && parts.length > 0 ? '\n' : ''}${parts.join('\n')}}\n`
  }

  /** Single objects stand in a table without handle. */
  frame(t: NftTable, inside: string): string {
    return `table ${t.family} ${t.name} {\n${inside}}\n`
  }
}

function verdictText(v: Verdict): string {
  return v.chain === undefined ? v.code : `${v.code} ${v.chain}`
}

export function rateText(r: Rate): string {
  const unit = r.unit === '' ? '' : ` ${r.unit}`
  const standard = r.unit === '' ? r.burst === 5 : r.burst === 0
  return `rate ${r.over ? 'over ' : ''}${r.rate}${unit}/${r.per}${standard ? '' : ` burst ${r.burst} ${r.burstUnit}`}`
}

/** What is usual in the family needs no words. */
function rejectText(s: Extract<Statement, { kind: 'reject' }>, family: string): string {
  const w = s.with
  if (!w || (w.family === 'icmp' && w.code === 3 && family === 'ip') || (w.family === 'icmpx' && w.code === 1)) return 'reject'
  return `reject with ${w.family} ${w.name}`
}

function typesFor(e: Expression): readonly DataType[] {
  switch (e.kind) {
    case 'selector':
      return [e.selector.type]
    case 'concat':
      return e.parts.flatMap((p) => typesFor(p))
    case 'binary':
      return typesFor(e.left)
    case 'value':
      return [e.type]
    default:
      return [dataType('integer')]
  }
}

