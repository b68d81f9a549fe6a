/**
 * What nft thinks about a rule before the kernel sees it (src/evaluate.c) and how it will list it again: conflicting protocols, statements
 * without effect, ports without a protocol; flag comparisons in their short form, protocol matches that the next match implies left out.
 */
import { maskOf } from '#base/ip.ts'
import { refuse } from './lexer.ts'
import type { ParsedRule, ParsedStatement } from './parse-rule.ts'
import { selector } from './selectors.ts'
import type { Expression, Family, MatchRight, SetSpecification, Span, Statement } from './types.ts'
import { typesOf } from './parse-expression.ts'
import { protocolText } from '../services.ts'

export interface KnownSets {
  /** Refuses a set that is not there. */
  set(name: string, span: Span): SetSpecification
}

const transports = new Set(['tcp', 'udp', 'sctp', 'icmp', 'icmpv6'])
const ipFamilies: Readonly<Record<string, string>> = { ip: 'ip', ip6: 'ip6' }

interface Knowledge {
  readonly family: Family
  network: string | undefined
  transport: string | undefined
}

export function checkRule(rule: ParsedRule, family: Family, sets: KnownSets): Statement[] {
  const known: Knowledge = { family, network: ipFamilies[family], transport: undefined }
  let final: ParsedStatement | undefined
  const out: Statement[] = []
  for (const parsed of rule.statements) {
    if (final) refuse('Statement after terminal statement has no effect', parsed.span, [final.span])
    const statement = simplify(parsed.statement)
    check(statement, known, sets)
    out.push(statement.kind === 'reject' && !statement.with && family === 'inet' && known.network === 'ip' ? { kind: 'reject', with: { family: 'icmp', name: 'port-unreachable', code: 3 } } : statement)
    if (isFinal(statement)) final = parsed
  }
  return withoutImplied(withFamily(out, family), family)
}

/** In both families at once an ICMP refusal asks for its own first; right before the refusal or a transport header that is not listed. */
function withFamily(statements: readonly Statement[], family: Family): readonly Statement[] {
  const last = statements.at(-1)
  const first = statements[0]!
  if (family !== 'inet' || last?.kind !== 'reject' || (last.with?.family !== 'icmp' && last.with?.family !== 'icmpv6') || first === last) return statements
  const protocols: (string | undefined)[] = []
  for (const s of statements) for (const whole of expressionsOf(s)) visit(whole, (e) => void (e.kind === 'selector' && protocols.push(e.selector.name === 'meta nfproto' ? 'ip' : e.selector.protocol)))
  if (protocols.some((p) => p === 'ip' || p === 'ip6') || (first.kind === 'match' && protocols[0] !== undefined)) return statements
  const nfproto = selector('meta nfproto')!
  return [{ kind: 'match', left: { kind: 'selector', selector: nfproto, span: { from: 0, to: 0 } }, op: '==', right: { kind: 'value', value: last.with.family === 'icmp' ? 2 : 10 } }, ...statements]
}

function isFinal(s: Statement): boolean {
  return (s.kind === 'verdict' && s.verdict.code !== 'continue') || s.kind === 'reject' || s.kind === 'nat'
}

function visit(e: Expression, f: (e: Expression) => void): void {
  f(e)
  if (e.kind === 'concat') for (const part of e.parts) visit(part, f)
  if (e.kind === 'binary') {
    visit(e.left, f)
    visit(e.right, f)
  }
  if (e.kind === 'map') visit(e.key, f)
  if (e.kind === 'hash' && e.key) visit(e.key, f)
}

function expressionsOf(s: Statement): readonly Expression[] {
  switch (s.kind) {
    case 'match':
      return [s.left]
    case 'vmap':
    case 'set-update':
      return [s.key]
    case 'assign':
      return [s.right]
    case 'nat':
      return [s.target.from, s.target.to, s.target.portFrom].filter((e) => e !== undefined)
    default:
      return []
  }
}

function check(s: Statement, known: Knowledge, sets: KnownSets): void {
  for (const whole of expressionsOf(s)) {
    visit(whole, (e) => {
      if (e.kind === 'selector') meet(known, e.selector.protocol, e.selector.name, e.span)
      if (e.kind === 'map' && e.set.kind === 'named') sets.set(e.set.name, e.set.span)
    })
  }
  if (s.kind === 'match') {
    const name = s.left.kind === 'selector' ? s.left.selector.name : ''
    if (known.family === 'inet' && known.network === undefined && known.transport === undefined && /^ct (original|reply) proto-/.test(name)) refuse("Can't parse symbolic invalid expressions", s.rightSpan)
    if (s.right.kind === 'set' && s.right.use.kind === 'named') {
      const set = sets.set(s.right.use.name, s.right.use.span)
      const [mine, theirs] = [typesOf(s.left), set.key]
      const describe = (types: readonly { description: string }[]) => (types.length === 1 ? types[0]!.description : `concatenation of (${types.map((t) => t.description).join(', ')})`)
      if (mine.length !== theirs.length || mine.some((t, i) => t.bits !== theirs[i]!.bits || (t.name !== theirs[i]!.name && t.name !== 'integer' && theirs[i]!.name !== 'integer'))) {
        refuse(`datatype mismatch, expected ${describe(mine)}, expression has type ${describe(theirs)}`, s.right.use.span, [s.left.span])
      }
    }
    if (s.left.kind === 'selector' && s.op === '==' && s.right.kind === 'value' && (s.left.selector.name === 'ip protocol' || s.left.selector.name === 'meta l4proto' || s.left.selector.name === 'ip6 nexthdr')) {
      known.transport ??= Number(s.right.value) === 58 ? 'icmpv6' : protocolText(Number(s.right.value))
    } else if (s.left.kind === 'selector' && s.right.kind === 'set' && (s.left.selector.name === 'ip protocol' || s.left.selector.name === 'meta l4proto')) known.transport ??= 'th'
  }
  if (s.kind === 'match' && s.left.kind === 'selector' && s.left.selector.name === 'meta nfproto' && s.right.kind === 'value') known.network ??= s.right.value === 2 ? 'ip' : 'ip6'
  if (s.kind === 'vmap' && s.set.kind === 'named') {
    const set = sets.set(s.set.name, s.set.span)
    if (set.data === undefined) refuse('Expression is not a map', s.set.span)
  }
  if (s.kind === 'nat') {
    const t = s.target
    const mapped = t.from?.kind === 'map'
    if (t.portFrom && known.transport === undefined) refuse('transport protocol mapping is only valid after transport protocol match', { from: t.portFrom.span.from, to: (t.portTo ?? t.portFrom).span.to }, [s.span])
    if (known.family === 'inet' && t.from && t.family === undefined && !mapped) refuse('ip or ip6 must be specified with address for inet tables.', s.span)
  }
}

function meet(known: Knowledge, protocol: string | undefined, name: string, span: Span): void {
  if (name === 'meta nfproto' && known.family !== 'inet' && known.family !== 'bridge') refuse('meta nfproto is only useful in the inet family', span)
  if (protocol === 'ip' || protocol === 'ip6') {
    if (known.network !== undefined && known.network !== protocol) refuse(`conflicting protocols specified: ${known.network} vs. ${protocol}`, span)
    known.network = protocol
  }
  if (protocol !== undefined && transports.has(protocol)) {
    if (known.transport !== undefined && known.transport !== 'th' && known.transport !== protocol) refuse(`conflicting protocols specified: ${known.transport} vs. ${protocol}`, span)
    known.transport = protocol
  }
}

/** A constant made of constants. */
export function constant(e: Expression): number | undefined {
  if (e.kind === 'value') return Number(e.value)
  if (e.kind !== 'binary') return undefined
  const [a, b] = [constant(e.left), constant(e.right)]
  if (a === undefined || b === undefined) return undefined
  return { '&': (a & b) >>> 0, '|': (a | b) >>> 0, '^': (a ^ b) >>> 0, '<<': (a << b) >>> 0, '>>': a >>> b }[e.op]
}

/** `tcp flags & (syn | ack) == syn` is `tcp flags syn / syn,ack`. */
function simplify(s: Statement): Statement {
  if (s.kind !== 'match' || s.left.kind !== 'binary' || s.left.op !== '&') return s
  const type = typesOf(s.left)[0]
  const mask = constant(s.left.right)
  const given = s.right.kind === 'value' || (s.right.kind === 'flags' && s.right.mask === undefined) ? Number(s.right.value) : undefined
  if (type?.name === 'ipv4_addr' && mask !== undefined && given !== undefined && (s.op === '==' || s.op === '!=')) {
    const length = Math.clz32(~mask)
    if (mask === maskOf(length) && length > 0) return { ...s, left: s.left.left, right: { kind: 'prefix', value: (given & mask) >>> 0, length } }
  }
  if (!type?.bitmask || mask === undefined || given === undefined) return s
  const right: MatchRight | undefined = s.op === '!=' && given === 0 ? { kind: 'flags', value: mask } : s.op === '==' && given === 0 ? { kind: 'flags', value: mask, mask: 0 } : s.op === '==' || s.op === '!=' ? { kind: 'flags', value: given, mask } : undefined
  if (!right) return s
  return { ...s, left: s.left.left, op: right.kind === 'flags' && (right.mask === 0 || (right.mask !== undefined && s.op === '!=')) ? '!=' : '==', right }
}

function singleProtocol(s: Statement | undefined, family: Family): string | undefined {
  if (s?.kind !== 'match' || s.left.kind !== 'selector' || s.op !== '==' || s.right.kind !== 'value') return undefined
  const { name } = s.left.selector
  if (name === 'meta l4proto' || (name === 'ip protocol' && family === 'ip') || (name === 'ip6 nexthdr' && family === 'ip6')) return protocolText(Number(s.right.value)) === 'ipv6-icmp' ? 'icmpv6' : protocolText(Number(s.right.value))
  if (name === 'meta nfproto') return Number(s.right.value) === 2 ? 'ip' : 'ip6'
  return undefined
}

/** Listing leaves out a protocol match right before a match that needs that protocol. */
function withoutImplied(statements: readonly Statement[], family: Family): Statement[] {
  const out: Statement[] = []
  for (const [i, s] of statements.entries()) {
    const protocol = singleProtocol(s, family)
    const next = statements[i + 1]
    if (protocol !== undefined && next?.kind === 'match' && next.left.kind === 'selector') {
      const { protocol: needed, name } = next.left.selector
      if (needed === protocol) continue
      if (needed === 'th' && selector(`${protocol} ${name.slice(3)}`)) continue
    }
    if (protocol === 'tcp' && next?.kind === 'reject' && next.with?.family === 'tcp') continue
    const before = statements[i - 1]
    const known = singleProtocol(before, family)
    if (known !== undefined && s.kind === 'match' && s.left.kind === 'selector' && s.left.selector.protocol === 'th') {
      const named = selector(`${known} ${s.left.selector.name.slice(3)}`)
      if (named) {
        out.push({ ...s, left: { ...s.left, selector: named } })
        continue
      }
    }
    out.push(s)
  }
  return out
}
