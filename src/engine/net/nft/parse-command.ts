/**
 * nft's commands (src/parser_bison.y, `line`): one per line or `;`, and the block form that `nft list ruleset` prints, which is taken apart into
 * single commands. A line that cannot be read is reported and the next one is read, as nft does.
 */
import { Cursor } from './cursor.ts'
import { dataType, dataTypes, type DataType } from './datatypes.ts'
import { NftError, refuse, type Problem, type Token } from './lexer.ts'
import { parseElements, parseExpression, parseValue, recover, typesOf, type ParseContext } from './parse-expression.ts'
import { parseQuotaText, parseRate, parseRule, type ParsedRule } from './parse-rule.ts'
import { parsePriority } from './priority.ts'
import type { BaseChain, Family, ObjectType, SetElement, SetSpecification, Span, Statement } from './types.ts'

export interface Name {
  readonly text: string
  readonly span: Span
}

/** Where a command points: names with their places. */
export interface Target {
  readonly family: Family
  readonly familySpan: Span | undefined
  readonly table: Name
  readonly name?: Name
}

interface HandleUse {
  readonly kind: 'handle' | 'position' | 'index'
  readonly number: number
  readonly span: Span
}

export interface BaseSpecification extends BaseChain {
  readonly policyGiven: boolean
}

/** The elements of a command, by the types of the set, which is known only when the command runs. */
export type ReadElements = (types: readonly DataType[], data: SetSpecification['data']) => readonly SetElement[]

export type Command = { readonly span: Span } & (
  | { readonly verb: 'add' | 'create'; readonly object: 'table'; readonly target: Target; readonly comment: string | undefined; readonly flags: readonly string[] }
  | { readonly verb: 'add' | 'create'; readonly object: 'chain'; readonly target: Target; readonly base: BaseSpecification | undefined; readonly policy: 'accept' | 'drop' | undefined; readonly policyAt?: Span | undefined; readonly comment: string | undefined }
  | { readonly verb: 'add' | 'insert' | 'replace' | 'create'; readonly object: 'rule'; readonly target: Target; readonly at: HandleUse | undefined; readonly rule: ParsedRule }
  | { readonly verb: 'add' | 'create'; readonly object: 'set' | 'map'; readonly target: Target; readonly specification: SetSpecification; readonly elements: readonly SetElement[] }
  | { readonly verb: 'add' | 'create'; readonly object: 'element'; readonly target: Target; readonly read: ReadElements }
  | { readonly verb: 'delete' | 'destroy'; readonly object: 'element'; readonly target: Target; readonly read: ReadElements }
  | { readonly verb: 'get'; readonly object: 'element'; readonly target: Target; readonly read: ReadElements }
  | { readonly verb: 'add' | 'create'; readonly object: ObjectType; readonly target: Target; readonly state: Statement; readonly comment: string | undefined }
  | { readonly verb: 'delete' | 'destroy'; readonly object: 'table' | 'chain' | 'set' | 'map' | ObjectType; readonly target: Target; readonly handle: HandleUse | undefined }
  | { readonly verb: 'delete' | 'destroy'; readonly object: 'rule'; readonly target: Target; readonly at: HandleUse }
  | { readonly verb: 'flush'; readonly object: 'ruleset'; readonly family: Family | undefined }
  | { readonly verb: 'flush'; readonly object: 'table' | 'chain' | 'set' | 'map'; readonly target: Target }
  | { readonly verb: 'rename'; readonly object: 'chain'; readonly target: Target; readonly to: Name }
  | { readonly verb: 'list' | 'reset'; readonly object: 'ruleset' | 'tables' | 'chains' | 'sets' | 'maps' | 'counters' | 'quotas' | 'limits' | 'rules'; readonly family: Family | undefined; readonly table?: Name | undefined }
  | { readonly verb: 'list' | 'reset'; readonly object: 'table' | 'chain' | 'set' | 'map' | ObjectType; readonly target: Target }
)

const families: ReadonlySet<string> = new Set(['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'])
const objectTypes: ReadonlySet<string> = new Set(['counter', 'quota', 'limit'])
const plural: Readonly<Record<string, true>> = { ruleset: true, tables: true, chains: true, sets: true, maps: true, counters: true, quotas: true, limits: true, rules: true, flowtables: true, meters: true }

export interface Parsed {
  readonly commands: readonly Command[]
}

/** Throws NftError with every problem that was found. */
export function parseCommands(text: string, environment: Omit<ParseContext, 'cursor'>): Command[] {
  const cursor = new Cursor(text)
  const out: Command[] = []
  const problems: Problem[] = []
  const x: ParseContext = { ...environment, cursor, problems }
  for (;;) {
    cursor.skipSeparators()
    if (cursor.peek.kind === 'end') break
    try {
      parseLine(x, out)
      if (!cursor.atEnd || cursor.is('}')) cursor.unexpected(out.at(-1)?.object === 'rule' ? undefined : 'end of file or newline or semicolon')
    } catch (error) {
      if (!(error instanceof NftError)) throw error
      // what a word means is asked only when all could be read
      if (!error.problems[0]!.message.startsWith('syntax error')) {
        if (problems.length === 0) throw error
        break
      }
      problems.push(...error.problems)
      if (problems.length >= 10) break
      cursor.skipLine()
    }
  }
  if (problems.length > 0) throw new NftError(problems)
  return out
}

function parseLine(x: ParseContext, out: Command[]): void {
  const c = x.cursor
  const start = c.peek
  if (c.accept('define')) return c.define()
  const verb = start.kind === 'word' && Object.hasOwn(byVerb, start.text) ? (c.next(), start.text) : 'add'
  if (verb === 'add' && c.last !== start && !c.isOneOf(new Set(['table', 'chain', 'rule', 'set', 'map', 'element', 'counter', 'quota', 'limit'])) && !families.has(start.text)) {
    if (start.kind === 'word') c.next()
    c.unexpected(start.kind === 'word' ? 'string' : undefined)
  }
  const from = out.length
  byVerb[verb]!(x, verb, out)
  for (let i = from; i < out.length; i++) if (out[i]!.span.to === 0) out[i] = { ...out[i]!, span: { from: start.from, to: c.last.to + 1 } }
}

type VerbParser = (x: ParseContext, verb: string, out: Command[]) => void

const byVerb: Readonly<Record<string, VerbParser>> = {
  add: parseAdd, create: parseAdd, insert: parseRuleCommand, replace: parseRuleCommand, delete: parseDelete, destroy: parseDelete, flush: parseFlush, rename: parseRename, list: parseList, reset: parseList, get: parseGet,
}

const unset: Span = { from: 0, to: 0 }

function parseFamily(c: Cursor): { readonly family: Family; readonly familySpan: Span | undefined } {
  if (c.peek.kind === 'word' && families.has(c.peek.text)) {
    const token = c.next()
    return { family: token.text as Family, familySpan: token }
  }
  return { family: 'ip', familySpan: undefined }
}

function parseName(c: Cursor): Name {
  const token = c.identifier()
  return { text: token.text, span: { from: token.from, to: token.to } }
}

function parseTarget(c: Cursor, named: boolean): Target {
  const family = parseFamily(c)
  const table = parseName(c)
  return { ...family, table, ...(named && { name: parseName(c) }) }
}

function parseAdd(x: ParseContext, verb: string, out: Command[]): void {
  const c = x.cursor
  const word = c.peek.kind === 'word' ? c.peek.text : ''
  if (Object.hasOwn(adders, word)) {
    c.next()
    return adders[word]!(x, verb as 'add', out)
  }
  if (verb !== 'add') c.unexpected()
  // `add ip t c drop`: a rule without the word
  parseRuleCommand(x, 'add', out, true)
}

const adders: Readonly<Record<string, (x: ParseContext, verb: 'add' | 'create', out: Command[]) => void>> = {
  table: addTable,
  chain: (x, verb, out) => {
    const target = parseTarget(x.cursor, true)
    const commands = x.cursor.is('{') ? parseChainBlock(x, target, verb) : [{ verb, object: 'chain', target, base: undefined, policy: undefined, comment: undefined, span: unset } as const]
    out.push(...commands)
  },
  rule: (x, verb, out) => parseRuleCommand(x, verb, out, true),
  set: (x, verb, out) => out.push(parseSetCommand(x, 'set', verb, parseTarget(x.cursor, true))),
  map: (x, verb, out) => out.push(parseSetCommand(x, 'map', verb, parseTarget(x.cursor, true))),
  element: (x, verb, out) => out.push(parseElementCommand(x, verb)),
  counter: (x, verb, out) => out.push(parseObjectCommand(x, 'counter', verb, parseTarget(x.cursor, true))),
  quota: (x, verb, out) => out.push(parseObjectCommand(x, 'quota', verb, parseTarget(x.cursor, true))),
  limit: (x, verb, out) => out.push(parseObjectCommand(x, 'limit', verb, parseTarget(x.cursor, true))),
}

function addTable(x: ParseContext, verb: 'add' | 'create', out: Command[]): void {
  const c = x.cursor
  const target = parseTarget(c, false)
  let comment: string | undefined
  const flags: string[] = []
  const chains: Command[] = []
  const objects: Command[] = []
  const sets: Command[] = []
  const rules: Command[] = []
  if (c.accept('{')) {
    for (c.skipSeparators(); !c.accept('}'); c.skipSeparators()) {
      const within = (): Target => ({ ...target, name: parseName(c) })
      if (c.accept('comment')) comment = c.quoted()
      else if (c.accept('flags')) {
        do flags.push(c.identifier().text)
        while (c.accept(','))
      } else if (c.accept('chain')) {
        const [chain, ...body] = parseChainBlock(x, within(), 'add')
        chains.push(chain!)
        rules.push(...body)
      } else if (c.is('set') || c.is('map')) sets.push(parseSetCommand(x, c.next().text as 'set', 'add', within()))
      else if (c.isOneOf(objectTypes)) objects.push(parseObjectCommand(x, c.next().text as ObjectType, 'add', within()))
      else c.unexpected()
    }
  }
  out.push({ verb, object: 'table', target, comment, flags, span: unset }, ...chains, ...objects, ...sets, ...rules)
}

const hookNames = new Set(['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'])

function parseChainBlock(x: ParseContext, target: Target, verb: 'add' | 'create'): Command[] {
  const c = x.cursor
  let base: BaseSpecification | undefined
  let policy: 'accept' | 'drop' | undefined
  let policyAt: Span | undefined
  let comment: string | undefined
  const rules: Command[] = []
  c.expect('{')
  for (c.skipSeparators(); !c.accept('}'); c.skipSeparators()) {
    if (c.is('type') && base === undefined) {
      base = parseHook(x)
      if (c.is('}')) throw new NftError([{ message: "syntax error, unexpected '}', expecting newline or semicolon", span: c.peek }, { message: 'syntax error, unexpected end of file', span: { from: c.lineStart, to: c.lineStart + 1 } }])
    }
    else if (c.accept('policy')) {
      policyAt = c.last
      if (!c.is('accept') && !c.is('drop')) c.unexpected("accept or drop or '$'")
      policy = c.next().text as 'drop'
      policyAt = c.spanFrom(policyAt)
    } else if (c.is('comment')) {
      c.next()
      comment = c.quoted()
    } else {
      recover(x, () => {
        const start = c.peek
        const rule = parseRule(x)
        rules.push({ verb: 'add', object: 'rule', target, at: undefined, rule, span: c.spanFrom(start) })
        if (!c.atEnd) c.unexpected()
      })
    }
  }
  if (base && policy !== undefined) base = { ...base, policy, policyGiven: true }
  return [{ verb, object: 'chain', target, base, policy, policyAt, comment, span: unset }, ...rules]
}

/** `type filter hook input [device d] priority filter - 10`. */
function parseHook(x: ParseContext): BaseSpecification {
  const c = x.cursor
  c.next()
  const type = c.identifier()
  if (!['filter', 'nat', 'route'].includes(type.text)) refuse('unknown chain type', type)
  c.expect('hook', 'hook')
  const hook = c.identifier()
  if (!hookNames.has(hook.text)) refuse('unknown chain hook', hook)
  let device: string | undefined
  if (c.accept('device')) device = c.quoted()
  const at = c.expect('priority', device === undefined ? 'priority or device or devices' : 'priority')
  const priority = parsePriority(c, hook.text, at)
  return { type: type.text as 'filter', hook: hook.text, priority, device, policy: 'accept', policyGiven: false }
}

function parseRuleCommand(x: ParseContext, verb: string, out: Command[], begun = false): void {
  const c = x.cursor
  if (!begun) c.expect('rule', verb === 'insert' ? 'rule' : 'rule')
  const target = parseTarget(c, true)
  let at: HandleUse | undefined
  if (c.is('handle') || c.is('position') || c.is('index')) at = parseHandle(c)
  const rule = parseRule(x)
  out.push({ verb: verb as 'add', object: 'rule', target, at, rule, span: unset })
}

/** Kernel messages point at the number of a handle and at the whole of a position. */
function parseHandle(c: Cursor): HandleUse {
  const word = c.next()
  const number = c.number()
  return { kind: word.text as 'handle', number, span: word.text === 'handle' ? c.last : c.spanFrom(word) }
}

function parseTypes(x: ParseContext, open: number): DataType[] {
  const c = x.cursor
  const out: DataType[] = []
  do {
    const token = c.identifier()
    const type = dataTypes[token.text]
    if (!type) throw new NftError([{ message: `unknown datatype ${token.text}`, span: token }, { message: 'set definition does not specify key', span: { from: open, to: c.peek.to } }])
    out.push(type)
  } while (c.accept('.'))
  return out
}

function parseSetCommand(x: ParseContext, object: 'set' | 'map', verb: 'add' | 'create', target: Target): Command {
  const c = x.cursor
  const open = c.expect('{', "'{'")
  let key: readonly DataType[] | undefined
  let keyText: string | undefined
  let data: SetSpecification['data']
  let dataText: string | undefined
  const flags: SetSpecification['flags'][number][] = []
  let timeout: number | undefined
  let gcInterval: number | undefined
  let size: number | undefined
  let policy: SetSpecification['policy']
  let autoMerge = false
  let comment: string | undefined
  const stateful: Statement[] = []
  let elements: readonly SetElement[] = []
  const readers: Readonly<Record<string, () => void>> = {
    type: () => {
      key = parseTypes(x, open.from)
      if (object === 'map') {
        c.expect(':', 'colon')
        if (c.accept('verdict')) data = 'verdict'
        else if (c.isOneOf(objectTypes)) data = c.next().text as ObjectType
        else data = parseTypes(x, open.from)
      }
    },
    typeof: () => {
      const start = c.peek
      key = typesOf(parseExpression(x, undefined, false))
      keyText = c.text.slice(start.from, c.last.to)
      if (object === 'map') {
        c.expect(':', 'colon')
        if (c.accept('verdict')) data = 'verdict'
        else {
          const from = c.peek
          data = typesOf(parseExpression(x))
          dataText = c.text.slice(from.from, c.last.to)
        }
      }
    },
    flags: () => {
      do {
        if (!c.isOneOf(new Set(['constant', 'dynamic', 'interval', 'timeout']))) c.unexpected('interval or constant or timeout or dynamic')
        flags.push(c.next().text as 'dynamic')
      } while (c.accept(','))
    },
    timeout: () => void (timeout = Number(parseValue(x, dataType('time')))),
    'gc-interval': () => void (gcInterval = Number(parseValue(x, dataType('time')))),
    size: () => void (size = c.number()),
    policy: () => void (policy = c.identifier().text as 'memory'),
    'auto-merge': () => void (autoMerge = true),
    comment: () => void (comment = c.quoted()),
    counter: () => void stateful.push({ kind: 'counter', packets: 0, bytes: 0 }),
    elements: () => {
      c.expect('=')
      elements = parseElements(x, key ?? [dataType('integer')], data === undefined || data === 'verdict' ? data : Array.isArray(data) ? (data as readonly DataType[]) : 'object')
    },
  }
  let body = open.to
  for (c.skipSeparators(); !c.accept('}'); c.skipSeparators()) {
    recover(x, () => {
      if (!c.isOneOf(readers)) c.unexpected()
      readers[c.next().text]!()
      if (!c.atEnd) c.unexpected()
    })
    body = c.is(';') ? c.peek.to : c.last.to
  }
  if (!key) refuse('set definition does not specify key', { from: open.from, to: body })
  if (timeout !== undefined && !flags.includes('timeout')) flags.push('timeout')
  const order = ['constant', 'interval', 'dynamic', 'timeout'] as const
  return { verb, object, target, specification: { key, keyText, data, dataText, flags: order.filter((f) => flags.includes(f)), timeout, gcInterval, size, policy, autoMerge, comment, stateful }, elements, span: unset }
}

function parseElementCommand(x: ParseContext, verb: 'add' | 'create' | 'delete' | 'get' | 'destroy'): Command {
  const c = x.cursor
  const target = parseTarget(c, true)
  if (!c.is('{')) c.unexpected("'{'")
  // the types are those of the set, which is known only when the command runs
  const tokens: Token[] = []
  let depth = 0
  do {
    const token = c.next()
    tokens.push(token)
    if (token.text === '{' && token.kind === 'sign') depth++
    if (token.text === '}' && token.kind === 'sign') depth--
    if (token.kind === 'end') throw new NftError([{ message: "syntax error, unexpected end of file, expecting comma or '}'", span: { from: 0, to: 1 } }])
  } while (depth > 0)
  const read = (types: readonly DataType[], data: SetSpecification['data']): readonly SetElement[] => {
    const inner = new Cursor(c.text, tokens)
    const bare = verb === 'delete' || verb === 'get' || verb === 'destroy'
    const mapped = !bare || tokens.some((t) => t.text === ':' && t.kind === 'sign') ? data : undefined
    return parseElements({ ...x, cursor: inner }, types, mapped === undefined || mapped === 'verdict' ? mapped : Array.isArray(mapped) ? (mapped as readonly DataType[]) : 'object', true)
  }
  return { verb, object: 'element', target, read, span: unset } as Command
}

function parseObjectCommand(x: ParseContext, type: ObjectType, verb: 'add' | 'create', target: Target): Command {
  const c = x.cursor
  let comment: string | undefined
  let state: Statement | undefined
  const readers: Readonly<Record<ObjectType, () => void>> = {
    counter: () => {
      if (!c.accept('packets')) return
      const packets = c.number()
      c.expect('bytes')
      state = { kind: 'counter', packets, bytes: c.number() }
    },
    quota: () => void (state = { kind: 'quota', quota: parseQuotaText(x) }),
    limit: () => void (state = { kind: 'limit', rate: parseRate(x), tokens: Number.NaN, at: 0 }),
  }
  if (c.accept('{')) {
    for (c.skipSeparators(); !c.accept('}'); c.skipSeparators()) {
      if (c.accept('comment')) comment = c.quoted()
      else readers[type]()
      if (!c.atEnd) c.unexpected()
    }
  } else if (!c.atEnd) readers[type]()
  return { verb, object: type, target, state: state ?? { kind: 'counter', packets: 0, bytes: 0 }, comment, span: unset }
}

function parseDelete(x: ParseContext, verb: string, out: Command[]): void {
  const c = x.cursor
  const v = verb as 'delete'
  if (c.accept('element')) return void out.push(parseElementCommand(x, v))
  if (c.accept('rule')) {
    const target = parseTarget(c, true)
    if (!c.is('handle')) c.unexpected('handle')
    return void out.push({ verb: v, object: 'rule', target, at: parseHandle(c), span: unset })
  }
  if (!c.isOneOf(new Set(['table', 'chain', 'set', 'map', 'counter', 'quota', 'limit']))) c.unexpected()
  const object = c.next().text as 'table'
  if (object === 'table') {
    const family = parseFamily(c)
    if (c.is('handle')) {
      const handle = parseHandle(c)
      return void out.push({ verb: v, object, target: { ...family, table: { text: '', span: handle.span } }, handle, span: unset })
    }
    return void out.push({ verb: v, object, target: { ...family, table: parseName(c) }, handle: undefined, span: unset })
  }
  const family = parseFamily(c)
  const table = parseName(c)
  if (c.is('handle')) {
    const handle = parseHandle(c)
    return void out.push({ verb: v, object, target: { ...family, table, name: { text: '', span: handle.span } }, handle, span: unset })
  }
  const target = { ...family, table, name: parseName(c) }
  // a listing's body after the name is allowed and ignored
  if (c.is('{')) {
    if (object === 'chain') parseChainBlock(x, target, 'add')
    else if (object === ('set' as string) || object === ('map' as string)) parseSetCommand(x, object as 'set', 'add', target)
  }
  out.push({ verb: v, object, target, handle: undefined, span: unset })
}

function parseFlush(x: ParseContext, _verb: string, out: Command[]): void {
  const c = x.cursor
  if (c.accept('ruleset')) {
    const { family, familySpan } = parseFamily(c)
    return void out.push({ verb: 'flush', object: 'ruleset', family: familySpan ? family : undefined, span: unset })
  }
  if (!c.isOneOf(new Set(['table', 'chain', 'set', 'map']))) c.unexpected()
  const object = c.next().text as 'table'
  out.push({ verb: 'flush', object, target: parseTarget(c, object !== 'table'), span: unset })
}

function parseRename(x: ParseContext, _verb: string, out: Command[]): void {
  const c = x.cursor
  c.expect('chain', 'chain')
  const target = parseTarget(c, true)
  out.push({ verb: 'rename', object: 'chain', target, to: parseName(c), span: unset })
}

function parseGet(x: ParseContext, _verb: string, out: Command[]): void {
  x.cursor.expect('element', 'element')
  out.push(parseElementCommand(x, 'get'))
}

function parseList(x: ParseContext, verb: string, out: Command[]): void {
  const c = x.cursor
  const v = verb as 'list'
  if (c.isOneOf(plural)) {
    const object = c.next().text as 'ruleset'
    const { family, familySpan } = parseFamily(c)
    if (c.accept('table')) {
      const own = parseFamily(c)
      return void out.push({ verb: v, object, family: own.family, table: parseName(c), span: unset })
    }
    const table = c.peek.kind === 'word' && object !== 'ruleset' && object !== ('tables' as string) ? parseName(c) : undefined
    return void out.push({ verb: v, object, family: familySpan || table ? family : undefined, table, span: unset })
  }
  if (!c.isOneOf(new Set(['table', 'chain', 'set', 'map', 'counter', 'quota', 'limit']))) c.unexpected()
  const object = c.next().text as 'table'
  out.push({ verb: v, object, target: parseTarget(c, object !== 'table'), span: unset })
}
