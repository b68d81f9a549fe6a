/**
 * Expressions of rules (src/parser_bison.y): what is looked at (left side) and what it is compared with (right side, by the data type of the
 * left). Device names for `iif` and `oif` are resolved by the caller, as nft does when it reads a rule.
 */
import { Cursor } from './cursor.ts'
import { dataType, type DataType } from './datatypes.ts'
import { isKeyword, NftError, refuse, type Problem } from './lexer.ts'
import { fibFlags, fibSelector, hasSelectors, plainMeta, selector, type Selector } from './selectors.ts'
import { canonical, makeSet, rangeOf } from './sets.ts'
import type { BinaryOperator, Expression, MatchRight, NftSet, Operand, Scalar, SetElement, SetUse, Span, Statement, Verdict } from './types.ts'

export interface ParseContext {
  readonly cursor: Cursor
  /** Number of a device; undefined where there is none. */
  readonly deviceIndex: (name: string) => number | undefined
  readonly now: () => number
  /** Where a block goes on after a line that cannot be read. */
  readonly problems?: Problem[]
}

/** Inside a block: the line is told and left out. What a word means is not asked then. */
export function recover(x: ParseContext, read: () => void): void {
  const c = x.cursor
  if (c.peek.kind === 'end') throw new NftError([{ message: 'syntax error, unexpected end of file', span: { from: c.lineStart, to: c.lineStart + 1 } }])
  try {
    read()
  } catch (error) {
    if (!(error instanceof NftError) || !x.problems || !error.problems[0]!.message.startsWith('syntax error, ') || /end of file/.test(error.message)) throw error
    x.problems.push(...error.problems)
    c.skipLine()
  }
}

const protocols = new Set(['ah', 'esp', 'vlan', 'gre', 'comp', 'dccp', 'udplite', 'ip', 'ip6', 'tcp', 'udp', 'th', 'sctp', 'icmp', 'icmpv6', 'ether', 'arp', 'meta', 'ct', 'rt', 'socket'])
const metaKeys = 'length, protocol, priority, mark, iif, oif, iifname, oifname, iiftype, oiftype, skuid, skgid, nftrace, rtclassid, secmark, nfproto, l4proto, ibrname, obrname, pkttype, cpu, iifgroup, oifgroup, cgroup, random, ipsec, iifkind, oifkind, ibrpvid, ibrvproto, time, day, hour, sdif, sdifname'

export function typesOf(e: Expression): DataType[] {
  switch (e.kind) {
    case 'selector':
      return [e.selector.type]
    case 'concat':
      return e.parts.flatMap(typesOf)
    case 'binary':
      return typesOf(e.left)
    case 'value':
      return [e.type]
    case 'map':
      return e.set.kind === 'anonymous' && Array.isArray(e.set.set.specification.data) ? [...e.set.set.specification.data] : [dataType('integer')]
    default:
      return [dataType('integer')]
  }
}

/** `ip saddr`, `ct original ip daddr`, `iifname`, `fib …`: undefined where no selector begins. */
export function parseSelector(c: Cursor): { readonly selector: Selector; readonly span: Span } | undefined {
  const start = c.peek
  if (start.kind !== 'word') return undefined
  const word = start.text
  if (word === 'fib') return parseFib(c)
  if (Object.hasOwn(plainMeta, word)) {
    c.next()
    return { selector: selector(plainMeta[word]!)!, span: c.spanFrom(start) }
  }
  if (!protocols.has(word)) return undefined
  c.next()
  if (word === 'meta') {
    const key = c.peek
    if (key.kind !== 'word') c.unexpected()
    c.next()
    const found = selector(`meta ${key.text}`) ?? selector(plainMeta[key.text] ?? '')
    if (!found) throw new NftError([{ message: `syntax error, unexpected ${key.text}, known keys are ${metaKeys}`, span: c.spanFrom(start) }])
    return { selector: found, span: c.spanFrom(start) }
  }
  let name = word
  while (c.peek.kind === 'word') {
    const longer = `${name} ${c.peek.text}`
    const found = selector(longer)
    if (found) {
      c.next()
      return { selector: found, span: c.spanFrom(start) }
    }
    if (!hasSelectors(longer)) break
    name = longer
    c.next()
  }
  return c.unexpected()
}

function parseFib(c: Cursor): { readonly selector: Selector; readonly span: Span } {
  const start = c.next()
  const flags: string[] = []
  do {
    if (!c.isOneOf(new Set(fibFlags))) c.unexpected()
    flags.push(c.next().text)
  } while (c.accept('.'))
  if (!c.isOneOf(new Set(['type', 'oif', 'oifname']))) c.unexpected('oif or oifname or type')
  const result = c.next().text as 'type'
  return { selector: fibSelector(flags, result), span: c.spanFrom(start) }
}

const operators: Readonly<Record<string, BinaryOperator>> = { '&': '&', '|': '|', '^': '^', '<<': '<<', '>>': '>>', and: '&', or: '|', xor: '^', lshift: '<<', rshift: '>>' }
const levels: readonly (readonly BinaryOperator[])[] = [['|'], ['^'], ['&'], ['<<', '>>']]

/** A left side or the right side of `set`: with `types` given, bare values are read by them. */
export function parseExpression(x: ParseContext, types?: readonly DataType[], maps = true): Expression {
  const start = x.cursor.peek
  const parts = [parseBinary(x, 0, types?.[0])]
  while (x.cursor.is('.') && parts[0]!.kind !== 'map') {
    x.cursor.next()
    parts.push(parseBinary(x, 0, types?.[parts.length]))
  }
  const whole: Expression = parts.length === 1 ? parts[0]! : { kind: 'concat', parts, span: x.cursor.spanFrom(start) }
  if (!maps || !x.cursor.is('map')) return whole
  x.cursor.next()
  const set = parseSetUse(x, typesOf(whole), types ?? [])
  return { kind: 'map', key: whole, set, span: x.cursor.spanFrom(start) }
}

function parseBinary(x: ParseContext, level: number, type: DataType | undefined): Expression {
  const c = x.cursor
  if (level === levels.length) return parsePrimary(x, type)
  const start = c.peek
  let left = parseBinary(x, level + 1, type)
  for (;;) {
    const op = c.peek.kind === 'word' || c.peek.kind === 'sign' ? operators[c.peek.text] : undefined
    if (op === undefined || !levels[level]!.includes(op)) return left
    c.next()
    const right = parseBinary(x, level + 1, typesOf(left)[0] ?? type)
    left = { kind: 'binary', op, left, right, span: c.spanFrom(start) }
  }
}

function parsePrimary(x: ParseContext, type: DataType | undefined): Expression {
  const c = x.cursor
  const start = c.peek
  if (c.accept('(')) {
    const inner = parseBinary(x, 0, type)
    c.expect(')')
    return inner
  }
  if (c.is('numgen')) {
    c.next()
    if (!c.isOneOf(new Set(['inc', 'random']))) c.unexpected('inc or random')
    const random = c.next().text === 'random'
    c.expect('mod', 'mod')
    const mod = c.number()
    const offset = c.accept('offset') ? c.number() : 0
    return { kind: 'numgen', random, mod, offset, span: c.spanFrom(start) }
  }
  if (c.is('jhash') || c.is('symhash')) {
    const keyed = c.next().text === 'jhash'
    const key = keyed ? parseExpression(x) : undefined
    c.expect('mod', 'mod')
    const mod = c.number()
    const seed = c.accept('seed') ? c.number() : undefined
    const offset = c.accept('offset') ? c.number() : 0
    return { kind: 'hash', key, mod, seed, offset, span: c.spanFrom(start) }
  }
  if (c.is('rt') && c.ahead(1).text === 'mtu') {
    c.next()
    c.next()
    return { kind: 'route-mtu', span: c.spanFrom(start) }
  }
  if (c.is('tcp') && c.ahead(1).text === 'option') {
    for (const word of ['tcp', 'option', 'maxseg', 'size']) c.expect(word)
    return { kind: 'selector', selector: selector('tcp option maxseg size')!, span: c.spanFrom(start) }
  }
  const found = type !== undefined && type.symbols?.[start.text] !== undefined ? undefined : parseSelector(c)
  if (found) return { kind: 'selector', ...found }
  if (type === undefined) {
    if (start.kind === 'word') {
      c.next()
      c.unexpected()
    }
    return c.unexpected()
  }
  const value = parseValue(x, type)
  return { kind: 'value', type, value, span: c.spanFrom(start) }
}

const cannot: Readonly<Record<string, string>> = {
  inet_service: 'Could not resolve service: Servname not supported for ai_socktype', ipv4_addr: 'Could not resolve hostname: Temporary failure in name resolution', ipv6_addr: 'Could not resolve hostname: Temporary failure in name resolution',
  inet_proto: 'Could not resolve protocol name', iface_index: 'Interface does not exist',
}

export function parseValue(x: ParseContext, type: DataType): Scalar {
  const c = x.cursor
  const token = c.peek
  const fits = token.kind === 'word' || token.kind === 'number' || token.kind === 'quoted' || token.kind === 'wildcard'
  if (!fits) c.unexpected()
  c.next()
  if (type.name === 'iface_index') {
    const index = x.deviceIndex(token.text) ?? (token.kind === 'number' ? Number(token.text) : undefined)
    if (index === undefined) refuse(cannot['iface_index']!, token)
    return index
  }
  const value = type.read(token.text)
  if (value !== undefined) return value
  if (token.kind === 'word' && isKeyword(token.text)) throw new NftError([{ message: `syntax error, unexpected ${token.text}`, span: token }])
  if (token.kind === 'number') refuse(type.name === 'inet_service' ? 'Service out of range' : `Value ${Number(token.text)} exceeds valid range 0-${2 ** type.bits - 1}`, token)
  // the grammar takes a lone word for the beginning of another expression
  return refuse(cannot[type.name] ?? `Could not parse ${type.description}`, token)
}

/** One of a set's values, a side of a comparison: a value, prefix, range or wildcard. */
export function parseOperand(x: ParseContext, type: DataType): Operand {
  const c = x.cursor
  const token = c.peek
  if (token.kind === 'wildcard' || (token.kind === 'quoted' && token.text.endsWith('*') && type.order === 'string')) {
    c.next()
    return { kind: 'beginning', text: token.text.slice(0, -1) }
  }
  if (c.is('*')) {
    c.next()
    return { kind: 'any' }
  }
  const value = parseValue(x, type)
  if (c.is('/') && !type.bitmask) {
    c.next()
    const length = c.number()
    const width = type.bits
    if (length > width) refuse(`Prefix length ${length} is invalid for type of ${width} bits width`, c.spanFrom(token))
    if (length === width || typeof value === 'string') return { kind: 'value', value }
    const shift = BigInt(width - length)
    const base = (BigInt(value) >> shift) << shift
    return { kind: 'prefix', value: typeof value === 'bigint' ? base : Number(base), length }
  }
  if (c.is('-')) {
    c.next()
    const to = parseValue(x, type)
    if (to <= value) refuse('Range has zero or negative size', c.spanFrom(token))
    return { kind: 'range', from: value, to }
  }
  return { kind: 'value', value }
}

function parseFlags(x: ParseContext, type: DataType): number {
  const c = x.cursor
  let value = Number(parseValue(x, type))
  while (c.is(',') || c.is('|') || c.is('or')) {
    c.next()
    value |= Number(parseValue(x, type))
  }
  return value
}

/** The right side of a comparison. */
export function parseRight(x: ParseContext, types: readonly DataType[], implicit: boolean): MatchRight {
  const c = x.cursor
  if (c.is('@') || c.is('{')) {
    const use = parseSetUse(x, types)
    // braces around one value are left out
    const only = use.kind === 'anonymous' && types.length === 1 && use.written === 1 ? [...use.set.elements.values()][0]!.key : undefined
    return only && only.kind !== 'any' && !types[0]!.bitmask ? only : { kind: 'set', use }
  }
  const [type] = types
  if (c.is('exists') || c.is('missing')) return { kind: 'boolean', value: c.next().text === 'exists' }
  if (types.length === 1 && type!.bitmask) {
    const start = c.peek
    const inner = c.accept('(')
    const value = parseFlags(x, type!)
    if (inner) c.expect(')')
    if (c.accept('/')) return { kind: 'flags', value, mask: parseFlags(x, type!) }
    return implicit || c.text.slice(start.from, c.last.to).includes(',') || !Number.isInteger(Math.log2(value)) ? { kind: 'flags', value } : { kind: 'value', value }
  }
  return parseKey(x, types)
}

/** A key of a set: its parts joined by dots. */
export function parseKey(x: ParseContext, types: readonly DataType[]): Operand {
  const c = x.cursor
  if (types.length === 1) {
    const [type] = types
    return type!.bitmask ? { kind: 'value', value: parseFlagsAlone(x, type!) } : parseOperand(x, type!)
  }
  const parts: Operand[] = []
  for (const [i, type] of types.entries()) {
    if (i > 0) c.expect('.')
    parts.push(parseOperand(x, type))
  }
  return { kind: 'concat', parts }
}

/** In a list of elements a comma ends the element. */
function parseFlagsAlone(x: ParseContext, type: DataType): number {
  let value = Number(parseValue(x, type))
  while (x.cursor.accept('|')) value |= Number(parseValue(x, type))
  return value
}

/** `@name` or `{ … }`; maps with values of `data`. */
export function parseSetUse(x: ParseContext, types: readonly DataType[], data?: readonly DataType[] | 'verdict'): SetUse {
  const c = x.cursor
  const start = c.peek
  if (c.accept('@')) {
    const name = c.identifier()
    return { kind: 'named', name: name.text, span: c.spanFrom(start) }
  }
  const elements = parseElements(x, types, data ?? undefined)
  const interval = elements.some((e) => rangeOf(types, e.key) !== undefined)
  const set: NftSet = makeSet('', {
    key: types, keyText: undefined, data: data === undefined ? undefined : data, dataText: undefined, flags: interval ? ['constant', 'interval'] : ['constant'],
    timeout: undefined, gcInterval: undefined, size: undefined, policy: undefined, autoMerge: true, comment: undefined, stateful: [],
  })
  for (const element of elements) {
    const key = canonical(element.key)
    if (!set.elements.has(key)) set.elements.set(key, element)
  }
  return { kind: 'anonymous', set, written: elements.length, span: c.spanFrom(start) }
}

/** `{ a, b : drop, c timeout 5s comment "x" }`. */
export function parseElements(x: ParseContext, types: readonly DataType[], data: readonly DataType[] | 'verdict' | 'object' | undefined, lenient = false): SetElement[] {
  const c = x.cursor
  c.expect('{')
  const out: SetElement[] = []
  for (;;) {
    c.skipNewlines()
    if (c.is('}') && out.length > 0) break
    if (out.length > 0 && c.peek.text === '\0') c.unexpected("comma or '}'")
    out.push(parseElement(x, types, data, lenient))
    c.skipNewlines()
    if (!c.accept(',')) break
  }
  if (!c.is('}')) {
    if (c.peek.kind === 'end') {
      // the end is reported at the beginning of its line
      throw new NftError([{ message: "syntax error, unexpected end of file, expecting comma or '}'", span: { from: 0, to: 1 } }])
    }
    c.unexpected("comma or '}'")
  }
  c.next()
  return out
}

function parseElement(x: ParseContext, types: readonly DataType[], data: readonly DataType[] | 'verdict' | 'object' | undefined, lenient: boolean): SetElement {
  const c = x.cursor
  const start = c.peek
  const key: Operand = c.is('*') ? (c.next(), { kind: 'any' }) : parseKey(x, types)
  const span = c.spanFrom(start)
  let timeout: number | undefined
  let expires: number | undefined
  let comment: string | undefined
  const stateful: Statement[] = []
  for (;;) {
    if (c.accept('timeout')) timeout = Number(parseValue(x, dataType('time')))
    else if (c.accept('expires')) expires = x.now() + Number(parseValue(x, dataType('time')))
    else if (c.accept('comment')) comment = c.quoted()
    else if (c.accept('counter')) {
      let [packets, bytes] = [0, 0]
      if (c.accept('packets')) {
        packets = c.number()
        c.expect('bytes')
        bytes = c.number()
      }
      stateful.push({ kind: 'counter', packets, bytes })
    } else break
  }
  let operand: Operand | undefined
  let verdict: Verdict | undefined
  if (data === undefined && c.is(':')) throw new NftError([{ message: 'netlink: Error: set is not a map', span: undefined, bare: true }])
  // the kernel refuses an element of a map without one
  if (data !== undefined && !(lenient && !c.is(':'))) {
    c.expect(':', 'colon')
    if (data === 'verdict') verdict = parseVerdict(c)
    else if (data === 'object') operand = { kind: 'value', value: c.quoted() }
    else operand = parseKey(x, data)
  }
  return { key, data: operand, verdict, comment, timeout, expires, stateful, span }
}

const verdicts: Readonly<Record<string, Verdict['code']>> = { accept: 'accept', drop: 'drop', continue: 'continue', return: 'return', jump: 'jump', goto: 'goto' }

export function isVerdict(c: Cursor): boolean {
  return c.isOneOf(verdicts)
}

export function parseVerdict(c: Cursor): Verdict {
  const start = c.peek
  if (!isVerdict(c)) c.unexpected()
  const code = verdicts[c.next().text]!
  if (code !== 'jump' && code !== 'goto') return { code, span: start }
  const chain = c.peek.kind === 'word' ? c.next() : c.unexpected("'{'")
  return { code, chain: chain.text, span: chain }
}
