/**
 * Rules: statements one after the other, by their first word (src/parser_bison.y, `stmt`). What nft refuses when it looks at a rule as a whole
 * (conflicting protocols, statements after a final one, ports without a protocol) is in check.ts.
 */
import type { Cursor } from './cursor.ts'
import { dataType, dataTypes, icmp6Codes, icmpCodes, icmpxCodes } from './datatypes.ts'
import { refuse } from './lexer.ts'
import { isVerdict, parseExpression, parseRight, parseSetUse, parseValue, parseVerdict, typesOf, type ParseContext } from './parse-expression.ts'
import type { Expression, MatchOperator, NatTarget, Quota, Rate, Rejection, Span, Statement } from './types.ts'

export interface ParsedStatement {
  readonly statement: Statement
  readonly span: Span
}

export interface ParsedRule {
  readonly statements: readonly ParsedStatement[]
  readonly comment: string | undefined
}

const operators: Readonly<Record<string, MatchOperator>> = { '==': '==', eq: '==', '!=': '!=', ne: '!=', '<': '<', lt: '<', '>': '>', gt: '>', '<=': '<=', le: '<=', '>=': '>=', ge: '>=' }
const byteUnits: Readonly<Record<string, number>> = { bytes: 1, kbytes: 1024, mbytes: 1024 ** 2, gbytes: 1024 ** 3 }
const periods = new Set(['second', 'minute', 'hour', 'day', 'week'])

export function parseRule(x: ParseContext): ParsedRule {
  const c = x.cursor
  const statements: ParsedStatement[] = []
  if (c.atEnd) c.unexpected()
  while (!c.atEnd && !c.is('comment')) {
    const start = c.peek
    const statement = parseStatement(x)
    statements.push({ statement, span: c.spanFrom(start) })
  }
  if (!c.is('comment')) return { statements, comment: undefined }
  c.next()
  const comment = c.quoted()
  if (!c.atEnd) c.unexpected()
  return { statements, comment }
}

/** Statements by their first word; everything else is a match, a verdict map or an assignment. */
const byWord: Readonly<Record<string, (x: ParseContext) => Statement>> = {
  counter: parseCounter,
  limit: parseLimit,
  quota: parseQuota,
  log: parseLog,
  reject: parseReject,
  dnat: parseNat,
  snat: parseNat,
  masquerade: parseNat,
  redirect: parseNat,
  notrack: (x) => (x.cursor.next(), { kind: 'notrack' }),
  add: parseUpdate,
  update: parseUpdate,
  delete: parseUpdate,
}

export function parseStatement(x: ParseContext): Statement {
  const c: Cursor = x.cursor
  if (isVerdict(c)) return { kind: 'verdict', verdict: parseVerdict(c) }
  if (c.peek.kind === 'word' && Object.hasOwn(byWord, c.peek.text)) return byWord[c.peek.text]!(x)
  if (c.is('ct') && c.ahead(1).text === 'count') return parseConnections(x)
  if (c.is('queue') || c.is('flow') || c.is('dup') || c.is('fwd') || c.is('tproxy') || c.is('synproxy')) return parseInert(x)
  const start = c.peek
  const left = parseExpression(x)
  if (c.accept('vmap')) {
    const set = parseSetUse(x, typesOf(left), 'verdict')
    return { kind: 'vmap', key: left, set }
  }
  if (c.accept('set')) {
    if (left.kind !== 'selector' || !left.selector.write) c.unexpected()
    const right = parseExpression(x, [left.selector.type])
    return { kind: 'assign', left: left.selector, right, span: c.spanFrom(start) }
  }
  if (left.kind === 'selector' && left.selector.name === 'ct helper' && !c.atEnd) return { kind: 'match', left, op: '==', right: { kind: 'value', value: c.quoted() } }
  return parseMatch(x, left)
}

function parseMatch(x: ParseContext, left: Expression): Statement {
  const c = x.cursor
  const token = c.peek
  if (c.accept('!')) {
    const right = parseRight(x, typesOf(left), true)
    return right.kind === 'flags' ? { kind: 'match', left, op: '!=', right: { kind: 'flags', value: right.value, mask: 0 } } : c.unexpected()
  }
  const op = (token.kind === 'word' || token.kind === 'sign' ? operators[token.text] : undefined) ?? undefined
  if (op !== undefined) c.next()
  if (op === undefined && c.atEnd) c.unexpected()
  const start = c.peek
  const right = parseRight(x, typesOf(left), op === undefined)
  return { kind: 'match', left, op: op ?? '==', right, rightSpan: c.spanFrom(start) }
}

function parseCounter(x: ParseContext): Statement {
  const c = x.cursor
  const start = c.next()
  if (c.accept('name')) return { kind: 'object', type: 'counter', name: c.quoted(), span: c.spanFrom(start) }
  if (!c.accept('packets')) return { kind: 'counter', packets: 0, bytes: 0 }
  const packets = c.number()
  c.expect('bytes', 'bytes')
  return { kind: 'counter', packets, bytes: c.number() }
}

function parseLimit(x: ParseContext): Statement {
  const c = x.cursor
  const start = c.next()
  if (c.accept('name')) return { kind: 'object', type: 'limit', name: c.quoted(), span: c.spanFrom(start) }
  return { kind: 'limit', rate: parseRate(x), tokens: Number.NaN, at: 0 }
}

/** `rate [over|until] 10 mbytes/second [burst 5 packets]`. */
export function parseRate(x: ParseContext): Rate {
  const c = x.cursor
  c.expect('rate', 'rate')
  const over = c.accept('over') !== undefined
  if (!over) c.accept('until')
  const rate = c.number()
  // `mbytes/second` is one word
  const [unit, joined] = c.peek.kind === 'word' && byteUnits[c.peek.text.split('/')[0]!] !== undefined ? c.next().text.split('/') as [string, string?] : ['', undefined]
  if (joined === undefined) {
    c.expect('/', '/ or string or bytes')
    if (!c.isOneOf(periods)) c.unexpected('second or minute or hour or day or week')
  } else if (!periods.has(joined)) refuse('Wrong rate format', c.last)
  const per = (joined ?? c.next().text) as Rate['per']
  let burst = unit === '' ? 5 : 0
  let burstUnit = unit === '' ? 'packets' : 'bytes'
  if (c.accept('burst')) {
    burst = c.number()
    burstUnit = c.identifier('packets or bytes or string').text
  }
  return { over, rate, unit, per, burst, burstUnit }
}

/** `over 10 mbytes [used 0 bytes]`. */
export function parseQuotaText(x: ParseContext): Quota {
  const c = x.cursor
  const over = c.accept('over') !== undefined
  if (!over) c.accept('until')
  const amount = () => {
    const n = c.number()
    if (c.peek.kind !== 'word' || byteUnits[c.peek.text] === undefined) c.unexpected('bytes or string')
    return n * byteUnits[c.next().text]!
  }
  const limit = amount()
  return { over, limit, used: c.accept('used') ? amount() : 0 }
}

function parseQuota(x: ParseContext): Statement {
  const c = x.cursor
  const start = c.next()
  if (c.accept('name')) return { kind: 'object', type: 'quota', name: c.quoted(), span: c.spanFrom(start) }
  return { kind: 'quota', quota: parseQuotaText(x) }
}

function parseConnections(x: ParseContext): Statement {
  const c = x.cursor
  c.next()
  c.next()
  const over = c.accept('over') !== undefined
  return { kind: 'connections', over, count: c.number() }
}

const logLevels = new Set(['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug', 'audit'])

function parseLog(x: ParseContext): Statement {
  const c = x.cursor
  c.next()
  let prefix: string | undefined
  let level: string | undefined
  let group: number | undefined
  const options: string[] = []
  let levelAt: Span | undefined
  for (;;) {
    if (c.accept('prefix')) prefix = c.quoted()
    else if (c.is('level')) {
      c.next()
      levelAt = c.peek
      if (!c.isOneOf(logLevels)) refuse('invalid log level', c.peek)
      level = c.next().text
    } else if (c.accept('group')) group = c.number()
    else if (c.accept('snaplen')) options.push(`snaplen ${c.number()}`)
    else if (c.accept('queue-threshold')) options.push(`queue-threshold ${c.number()}`)
    else if (c.accept('flags')) {
      if (c.accept('all')) options.push('flags all')
      else if (c.accept('tcp')) options.push(`flags tcp ${c.identifier().text}${c.accept(',') ? `,${c.identifier().text}` : ''}`)
      else options.push(`flags ${c.identifier().text}${c.is('options') ? ` ${c.next().text}` : ''}`)
    } else break
  }
  if (level !== undefined && group !== undefined) refuse('level and group are mutually exclusive', levelAt && { from: levelAt.from - 6 - 4, to: levelAt.from - 7 })
  return { kind: 'log', prefix, level: level === 'warn' ? undefined : level, group, options }
}

const rejections: Readonly<Record<string, Readonly<Record<string, number>>>> = { icmp: icmpCodes, icmpv6: icmp6Codes, icmpx: icmpxCodes }

function parseReject(x: ParseContext): Statement {
  const c = x.cursor
  c.next()
  if (!c.accept('with')) return { kind: 'reject', with: undefined }
  if (c.accept('tcp')) {
    c.expect('reset', 'reset')
    return { kind: 'reject', with: { family: 'tcp', name: 'reset', code: -1 } }
  }
  if (!c.isOneOf(rejections)) c.unexpected('icmp or icmpv6 or tcp or icmpx')
  const family = c.next().text as Rejection['family']
  c.accept('type')
  const token = c.peek
  const code = rejections[family]![token.text] ?? (token.kind === 'number' ? Number(token.text) : undefined)
  if (code === undefined) refuse(`Could not parse ${family === 'icmp' ? 'icmp' : family} code`, token)
  c.next()
  const name = Object.entries(rejections[family]!).find(([, n]) => n === code)?.[0] ?? String(code)
  return { kind: 'reject', with: { family, name, code } }
}

function parseNat(x: ParseContext): Statement {
  const c = x.cursor
  const start = c.next()
  const verb = start.text as NatTarget['verb']
  let family: NatTarget['family']
  if (verb === 'dnat' || verb === 'snat') {
    if (c.is('ip') && ['to', 'addr', 'prefix'].includes(c.ahead(1).text)) family = c.next().text as 'ip'
    else if (c.is('ip6')) family = c.next().text as 'ip6'
    if (c.accept('addr')) c.expect('.')
    if (c.accept('.')) c.expect('port')
    if (!c.is('to')) c.unexpected('ip or ip6 or to')
  }
  let from: Expression | undefined
  let to: Expression | undefined
  let portFrom: Expression | undefined
  let portTo: Expression | undefined
  if (c.accept('to')) {
    const address = dataType(family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr')
    const port = dataType('inet_service')
    const readPorts = () => {
      portFrom = parseExpression(x, [port])
      if (c.accept('-')) portTo = parseExpression(x, [port])
    }
    if (c.accept(':')) readPorts()
    else if (verb === 'masquerade' || verb === 'redirect') c.unexpected('colon')
    else if (c.accept('[')) {
      from = parseExpression(x, [dataType('ipv6_addr')])
      c.expect(']')
      if (c.accept(':')) readPorts()
    } else {
      from = parseTarget(x, address, port)
      if (c.accept('-')) to = parseExpression(x, [address])
      if (c.accept(':')) readPorts()
    }
  }
  let [random, fully, persistent] = [false, false, false]
  do {
    if (c.accept('random')) random = true
    else if (c.accept('fully-random')) fully = true
    else if (c.accept('persistent')) persistent = true
  } while (c.accept(',') || c.is('random') || c.is('fully-random') || c.is('persistent'))
  return { kind: 'nat', target: { verb, family, from, to, portFrom, portTo, random, fully, persistent }, span: start }
}

/** An address, or a map to addresses (with ports). */
function parseTarget(x: ParseContext, address: typeof dataTypes[string], port: typeof dataTypes[string]): Expression {
  const c = x.cursor
  const start = c.peek
  if (start.kind === 'word' && address.read(start.text) !== undefined) {
    const value = parseValue(x, address)
    return { kind: 'value', type: address, value, span: start }
  }
  const key = parseExpression(x, undefined, false)
  if (!c.accept('map')) return key
  // the first element shows whether ports come with the addresses
  let depth = 0
  let ported = false
  let after = false
  for (let i = 0; c.ahead(i).kind !== 'end'; i++) {
    const { text } = c.ahead(i)
    if (text === '{') depth++
    if (text === '}' && --depth === 0) break
    if (text === ':') after = true
    else if (text === ',') after = false
    else if (text === '.' && after) ported = true
  }
  const set = parseSetUse(x, typesOf(key), ported ? [address, port] : [address])
  return { kind: 'map', key, set, span: c.spanFrom(start) }
}

function parseUpdate(x: ParseContext): Statement {
  const c = x.cursor
  const start = c.next()
  const verb = start.text as 'add'
  c.expect('@')
  const set = c.identifier()
  c.expect('{')
  const key = parseExpression(x)
  let timeout: number | undefined
  const stateful: Statement[] = []
  for (;;) {
    if (c.accept('timeout')) timeout = Number(parseValue(x, dataType('time')))
    else if (c.is('counter') || c.is('limit') || c.is('quota') || c.is('ct')) stateful.push(parseStatement(x))
    else break
  }
  const data = c.accept(':') ? parseExpression(x, [dataType('integer')]) : undefined
  c.expect('}')
  return { kind: 'set-update', verb, set: set.text, key, data, timeout, stateful, span: { from: set.from - 1, to: set.to } }
}

/** Statements that are read and listed as they were written. */
function parseInert(x: ParseContext): Statement {
  const c = x.cursor
  const start = c.next()
  while (!c.atEnd && !c.is('comment')) c.next()
  return { kind: 'inert', text: c.text.slice(start.from, c.last.to) }
}
