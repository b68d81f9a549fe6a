/**
 * Rules made into functions, and the way of a packet through chains (nft_do_chain): statements until one does not match, rules until one gives a
 * verdict. Rules are compiled when the first packet meets them.
 */
import { ICMP, TCP, type Packet } from '../packet.ts'
import { selectAddress } from '../addresses.ts'
import { bind, isBound, type NatRange } from '../conntrack/nat.ts'
import { ACCEPT, CONTINUE, DROP, type HookContext, type Outcome } from '../netfilter/extension.ts'
import { rejectPacket } from '../netfilter/targets.ts'
import { drop } from '../trace.ts'
import { dataType } from './datatypes.ts'
import { Printer } from './print.ts'
import { canonical, holds, lookup } from './sets.ts'
import type { NftChain, NftTable } from './tables.ts'
import type { Expression, MatchRight, NftSet, Rate, Rejection, Rule, Scalar, SetUse, Statement, Verdict } from './types.ts'
import { typesOf } from './parse-expression.ts'

/** Undefined: go on; false: the rule does not match; else what becomes of the packet. */
type Step = (p: Packet, h: HookContext) => Verdict | false | undefined
type Reader = (p: Packet, h: HookContext) => Scalar | undefined

const accept: Verdict = { code: 'accept' }
const dropped: Verdict = { code: 'drop' }
/** The packet is gone already (rejected): nothing more is noted. */
const consumed: Verdict = { code: 'drop' }

const compiled = new WeakMap<Rule, readonly Step[]>()

const plain = new Printer({ handles: false, stateless: true, terse: false, numericPriority: false, now: 0, deviceName: () => undefined })

export function ruleText(chain: NftChain, rule: Rule): string {
  return `add rule ${chain.table.family} ${chain.table.name} ${chain.name} ${plain.rule(rule, chain.table.family)}`
}

/** The rule that decided, with the map's element that led to its chain. */
function decidedBy(chain: NftChain, rule: Rule, h: HookContext): string {
  const { via } = h.ns.nftables
  return `${ruleText(chain, rule)}${via === undefined ? '' : ` # by ${via}`}`
}

function stageOf(h: HookContext): string {
  return `${['prerouting', 'input', 'forward', 'output', 'postrouting'][h.hook]!}:${h.table}`
}

/** Runs a base chain. True when the packet goes on. */
export function runBase(chain: NftChain, p: Packet, h: HookContext): boolean {
  if (p.walk) h.ns.nftables.via = undefined
  const outcome = runChain(chain, p, h, 0)
  if (outcome === DROP) return false
  if (outcome === ACCEPT || chain.base!.policy === 'accept') return true
  drop(h.ns, p, stageOf(h), `policy drop of chain ${chain.name}`, `table ${chain.table.family} ${chain.table.name}: chain ${chain.name} policy drop`)
  return false
}

function runChain(chain: NftChain, p: Packet, h: HookContext, depth: number): Outcome {
  for (const rule of chain.rules) {
    let steps = compiled.get(rule)
    if (!steps) {
      steps = compile(rule, chain)
      compiled.set(rule, steps)
    }
    let verdict: Verdict | false | undefined
    for (let i = 0; i < steps.length; i++) {
      verdict = steps[i]!(p, h)
      if (verdict !== undefined) break
    }
    if (verdict === undefined || verdict === false || verdict.code === 'continue') {
      continue
    }
    if (verdict === consumed) return DROP
    if (p.walk) p.walk.note(h.ns, p, stageOf(h), `rule says ${verdict === accept ? natVerb(rule) : verdict.code}${verdict.chain === undefined ? '' : ` ${verdict.chain}`}`, { rule: ruleText(chain, rule) })
    switch (verdict.code) {
      case 'accept':
        return ACCEPT
      case 'drop':
        if (p.walk) drop(h.ns, p, stageOf(h), `dropped by a rule of table ${chain.table.family} ${chain.table.name}`, decidedBy(chain, rule, h))
        return DROP
      case 'return':
        return CONTINUE
      default: {
        const to = chain.table.chains.get(verdict.chain!)
        if (!to || depth > 15) continue
        const outcome = runChain(to, p, h, depth + 1)
        if (outcome !== CONTINUE || verdict.code === 'goto') return outcome
      }
    }
  }
  return CONTINUE
}

/** What a rule that translates does. */
function natVerb(rule: Rule): string {
  for (const s of rule.statements) if (s.kind === 'nat') return s.target.verb
  return 'accept'
}

function resolve(use: SetUse, table: NftTable): NftSet | undefined {
  return use.kind === 'anonymous' ? use.set : table.sets.get(use.name)
}

const operations = { '&': (a: number, b: number) => (a & b) >>> 0, '|': (a: number, b: number) => (a | b) >>> 0, '^': (a: number, b: number) => (a ^ b) >>> 0, '<<': (a: number, b: number) => (a << b) >>> 0, '>>': (a: number, b: number) => a >>> b }

function hash(values: readonly Scalar[], seed: number): number {
  let h = seed >>> 0
  for (const v of values) {
    h = Math.imul(h ^ Number(v), 0x9e3779b1)
    h ^= h >>> 15
  }
  return Math.imul(h, 0x2c1b3c6d) >>> 0
}

function readerOf(e: Expression, table: NftTable): Reader {
  switch (e.kind) {
    case 'selector':
      return e.selector.read
    case 'value': {
      const { value } = e
      return () => value
    }
    case 'binary': {
      const [left, right, f] = [readerOf(e.left, table), readerOf(e.right, table), operations[e.op]]
      return (p, h) => {
        const a = left(p, h)
        const b = right(p, h)
        return a === undefined || b === undefined ? undefined : f(Number(a), Number(b))
      }
    }
    case 'numgen': {
      let next = 0
      return (_, h) => (h.ns.network.looking ? 0 : e.random ? h.ns.random.below(e.mod) : next++ % e.mod) + e.offset
    }
    case 'hash': {
      const read = readersOf(e.key ?? { kind: 'concat', parts: [], span: e.span }, table)
      return (p, h) => {
        const values = e.key ? readAll(read, p, h) : [p.source, p.destination, p.sourcePort, p.destinationPort, p.protocol]
        return values && (hash(values, e.seed ?? 0) % e.mod) + e.offset
      }
    }
    case 'map': {
      const read = readersOf(e.key, table)
      const set = resolve(e.set, table)
      return (p, h) => {
        const values = readAll(read, p, h)
        const data = values && set && lookup(set, values, h.ns.sim.now)?.data
        return data?.kind === 'value' ? data.value : undefined
      }
    }
    case 'route-mtu':
      return (_, h) => Math.min(h.output?.mtu ?? 1500, h.path?.mtu ?? 1500) - 40
    case 'concat':
      return () => undefined
  }
}

function readersOf(e: Expression, table: NftTable): readonly Reader[] {
  return e.kind === 'concat' ? e.parts.map((part) => readerOf(part, table)) : [readerOf(e, table)]
}

function readAll(readers: readonly Reader[], p: Packet, h: HookContext): Scalar[] | undefined {
  const out: Scalar[] = []
  for (const read of readers) {
    const value = read(p, h)
    if (value === undefined) return undefined
    out.push(value)
  }
  return out
}

function compile(rule: Rule, chain: NftChain): readonly Step[] {
  return rule.statements.map((s) => compileStatement(s, chain, rule))
}

type Compilers = { readonly [K in Statement['kind']]: (s: Extract<Statement, { kind: K }>, chain: NftChain, rule: Rule) => Step }

const compilers: Compilers = {
  match: (s, chain) => compileMatch(s, chain.table),
  verdict: (s) => () => s.verdict,
  vmap: (s, { table }) => {
    const read = readersOf(s.key, table)
    const set = resolve(s.set, table)
    return (p, h) => {
      const values = readAll(read, p, h)
      const element = values && set && lookup(set, values, h.ns.sim.now)
      if (!element) return false
      for (const x of element.stateful) count(x, p, h)
      if (p.walk && set.name !== '') h.ns.nftables.via = `${plain.element(set, element)} of @${set.name}`
      return element.verdict ?? false
    }
  },
  counter: (s) => (p, h) => count(s, p, h),
  object: (s, chain, rule) => {
    const state = chain.table.objects.get(s.name)?.state
    return state ? compileStatement(state, chain, rule) : () => false
  },
  limit: (s) => compileLimit(s),
  quota: (s) => (p, h) => {
    if (!h.ns.network.looking) s.quota.used += p.length
    return s.quota.used > s.quota.limit === s.quota.over ? undefined : false
  },
  connections: (s) => (_, h) => (h.ns.conntrack.size > s.count === s.over ? undefined : false),
  log: (s) => (p, h) => {
    if (s.group === undefined && !h.ns.network.looking) h.ns.netfilter.log(s.prefix ?? '', p, h)
    return undefined
  },
  reject: (s, chain, rule) => (p, h) => {
    if (s.with?.family === 'tcp' && p.protocol !== TCP) return false
    if (p.walk) p.walk.note(h.ns, p, stageOf(h), 'rule says reject', { rule: ruleText(chain, rule) })
    rejectPacket(p, h, icmpCode(s.with), s.with?.family === 'tcp' ? 'tcp reset' : `icmp ${s.with?.family === 'icmp' ? s.with.name : 'port-unreachable'}`, p.walk ? decidedBy(chain, rule, h) : '')
    return consumed
  },
  nat: (s, chain) => compileNat(s, chain.table),
  assign: (s, chain, rule) => {
    const read = readerOf(s.right, chain.table)
    const write = s.left.write!
    return (p, h) => {
      const value = read(p, h)
      if (value === undefined) return false
      const before = p.mark
      write(p, value, h)
      if (p.walk && p.mark !== before) p.walk.note(h.ns, p, stageOf(h), `mark is now 0x${p.mark.toString(16)}`, { rule: ruleText(chain, rule) })
      return undefined
    }
  },
  notrack: () => (p) => {
    if (p.track === 'none') p.track = 'untracked'
    return undefined
  },
  'set-update': (s, chain) => compileUpdate(s, chain.table),
  inert: () => () => undefined,
}

function compileStatement<K extends Statement['kind']>(s: Extract<Statement, { kind: K }>, chain: NftChain, rule: Rule): Step {
  return (compilers[s.kind] as (s: Statement, chain: NftChain, rule: Rule) => Step)(s, chain, rule)
}

function count(s: Statement, p: Packet, h: HookContext): undefined {
  if (s.kind === 'counter' && !h.ns.network.looking) {
    s.packets++
    s.bytes += p.length
  }
  return undefined
}

/** icmpx codes are those of IPv4 here. */
function icmpCode(w: Rejection | undefined): number {
  if (!w) return 3
  if (w.family === 'icmpx') return [0, 3, 1, 13][w.code] ?? 3
  return w.code
}

function compileMatch(s: Extract<Statement, { kind: 'match' }>, table: NftTable): Step {
  const test = compileRight(s.right, s.op, typesOf(s.left)[0] ?? dataType('integer'))
  if (s.right.kind === 'set') {
    const read = readersOf(s.left, table)
    const set = resolve(s.right.use, table)
    const wanted = s.op !== '!='
    return (p, h) => {
      const values = readAll(read, p, h)
      if (!values || !set) return false
      const element = lookup(set, values, h.ns.sim.now)
      if (element) for (const x of element.stateful) count(x, p, h)
      return (element !== undefined) === wanted ? undefined : false
    }
  }
  if (s.left.kind === 'concat' && s.right.kind === 'concat') {
    const read = readersOf(s.left, table)
    const { parts } = s.right
    const types = typesOf(s.left)
    return (p, h) => {
      const values = readAll(read, p, h)
      if (!values) return false
      return parts.every((part, i) => holds(types[i]!, part, values[i]!)) === (s.op === '==') ? undefined : false
    }
  }
  const read = readerOf(s.left, table)
  return (p, h) => {
    const value = read(p, h)
    return value !== undefined && test(value) ? undefined : false
  }
}

function compileRight(r: MatchRight, op: string, type: Parameters<typeof holds>[0]): (value: Scalar) => boolean {
  switch (r.kind) {
    case 'flags': {
      const { value, mask } = r
      if (mask === 0) return (v) => (Number(v) & value) === 0
      if (mask !== undefined) return (v) => ((Number(v) & mask) === value) === (op !== '!=')
      return op === '!=' ? (v) => Number(v) !== value : (v) => (Number(v) & value) !== 0
    }
    case 'boolean':
      return (v) => (v !== 0 && v !== '') === r.value
    case 'value': {
      const { value } = r
      switch (op) {
        case '!=': return (v) => v !== value
        case '<': return (v) => v < value
        case '>': return (v) => v > value
        case '<=': return (v) => v <= value
        case '>=': return (v) => v >= value
        default: return (v) => v === value
      }
    }
    case 'set':
      return () => false
    default:
      return op === '!=' ? (v) => !holds(type, r, v) : (v) => holds(type, r, v)
  }
}

const seconds: Readonly<Record<Rate['per'], number>> = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 }
const bytesOf: Readonly<Record<string, number>> = { bytes: 1, kbytes: 1024, mbytes: 1024 ** 2, gbytes: 1024 ** 3, packets: 1 }

/** A bucket that refills steadily; `tokens` are milliseconds of refilling. */
function compileLimit(s: Extract<Statement, { kind: 'limit' }>): Step {
  const { rate } = s
  const bytes = rate.unit !== ''
  const perToken = (seconds[rate.per] * 1000) / (rate.rate * (bytesOf[rate.unit] ?? 1))
  const most = bytes ? seconds[rate.per] * 1000 + rate.burst * (bytesOf[rate.burstUnit] ?? 1) * perToken : perToken * rate.burst
  return (p, h) => {
    const { now } = h.ns.sim
    s.tokens = Number.isNaN(s.tokens) ? most : Math.min(most, s.tokens + now - s.at)
    s.at = now
    const cost = bytes ? perToken * p.length : perToken
    const fits = s.tokens >= cost
    if (fits && !h.ns.network.looking) s.tokens -= cost
    return fits !== rate.over ? undefined : false
  }
}

function compileNat(s: Extract<Statement, { kind: 'nat' }>, table: NftTable): Step {
  const t = s.target
  const manip = t.verb === 'dnat' || t.verb === 'redirect' ? 'destination' : 'source'
  const [from, to, portFrom, portTo] = [t.from, t.to, t.portFrom, t.portTo].map((e) => e && readerOf(e, table))
  const mapped = t.from?.kind === 'map' ? { read: readersOf(t.from.key, table), set: resolve(t.from.set, table) } : undefined
  return (p, h) => {
    const c = p.connection
    if (!c || isBound(c, manip)) return accept
    let range: { minIp?: number; maxIp?: number; minPort?: number; maxPort?: number } = {}
    if (t.verb === 'masquerade') {
      const source = selectAddress(h.ns, h.output, h.path?.gateway ?? p.destination, 0)
      if (source === 0) return dropped
      c.masqueradeIndex = h.output?.index ?? 0
      range = { minIp: source, maxIp: source }
    } else if (t.verb === 'redirect') {
      const own = h.hook === 3 ? 0x7f000001 : (h.input?.addresses.find((a) => !a.secondary)?.local ?? 0)
      if (own === 0) return dropped
      range = { minIp: own, maxIp: own }
    } else if (mapped) {
      const values = readAll(mapped.read, p, h)
      const data = values && mapped.set && lookup(mapped.set, values, h.ns.sim.now)?.data
      if (!data) return false
      const parts = data.kind === 'concat' ? data.parts : [data]
      if (parts[0]!.kind === 'value') range = { minIp: Number(parts[0]!.value), maxIp: Number(parts[0]!.value) }
      if (parts[1]?.kind === 'value') range = { ...range, minPort: Number(parts[1].value), maxPort: Number(parts[1].value) }
    } else if (from) {
      const first = from(p, h)
      if (first === undefined) return false
      range = { minIp: Number(first), maxIp: Number(to?.(p, h) ?? first) }
    }
    const port = portFrom?.(p, h)
    if (port !== undefined && p.protocol !== ICMP) range = { ...range, minPort: Number(port), maxPort: Number(portTo?.(p, h) ?? port) }
    bind(h.ns, c, { ...range, random: t.random, fully: t.fully, persistent: t.persistent } satisfies NatRange, manip)
    return accept
  }
}

function compileUpdate(s: Extract<Statement, { kind: 'set-update' }>, table: NftTable): Step {
  const read = readersOf(s.key, table)
  const data = s.data && readerOf(s.data, table)
  return (p, h) => {
    const set = table.sets.get(s.set)
    const values = readAll(read, p, h)
    if (!set || !values) return false
    if (h.ns.network.looking) return undefined
    const key = values.join(' . ')
    const { now } = h.ns.sim
    const timeout = s.timeout ?? set.specification.timeout
    let element = set.elements.get(key)
    if (element?.expires !== undefined && element.expires <= now) {
      set.elements.delete(key)
      element = undefined
    }
    if (s.verb === 'delete') {
      set.elements.delete(key)
      return undefined
    }
    if (element) {
      if (s.verb === 'update' && timeout !== undefined) element.expires = now + timeout
    } else {
      if (set.specification.size !== undefined && set.elements.size >= set.specification.size) {
        for (const [k, e] of set.elements) if (e.expires !== undefined && e.expires <= now) set.elements.delete(k)
        if (set.elements.size >= set.specification.size) return false
      }
      const value = data?.(p, h)
      element = {
        key: values.length === 1 ? { kind: 'value', value: values[0]! } : { kind: 'concat', parts: values.map((v) => ({ kind: 'value', value: v })) },
        data: value === undefined ? undefined : { kind: 'value', value }, verdict: undefined, comment: undefined, timeout: s.timeout, expires: timeout === undefined ? undefined : now + timeout,
        stateful: [...s.stateful, ...set.specification.stateful].map((x) => ({ ...x, ...(x.kind === 'limit' && { tokens: Number.NaN }) })),
      }
      set.elements.set(canonical(element.key), element)
    }
    for (const x of element.stateful) {
      if (x.kind === 'limit') {
        if (compileLimit(x)(p, h) === false) return false
      } else count(x, p, h)
    }
    return undefined
  }
}
