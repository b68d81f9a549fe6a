/** From text to tree: the grammar of CEL, its macros, and what the generated parser of cel-go says about the commonest mistakes. */
import type { Expr, Issue, Literal } from './ast.ts'
import { tokenize, type Token } from './lexer.ts'
import { expandMacro, MacroError } from './macros.ts'

const START = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
const reserved = new Set(['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'package', 'namespace', 'null', 'return', 'true', 'var', 'void', 'while'])
const keywords = new Set(['true', 'false', 'null', 'in'])
const relations: Record<string, string> = { '==': '_==_', '!=': '_!=_', '<': '_<_', '<=': '_<=_', '>': '_>_', '>=': '_>=_', in: '@in' }
const MAX_DEPTH = 250

class Failure extends Error {
  readonly issue: Issue

  constructor(issue: Issue) {
    super(issue.message)
    this.issue = issue
  }
}

export function parse(source: string): { readonly expr?: Expr; readonly issues: readonly Issue[] } {
  const { tokens, issues } = tokenize(source)
  try {
    const parser = new Parser(tokens, issues)
    const expr = parser.whole()
    return issues.length > 0 ? { issues } : { expr, issues }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { issues: [...issues, error.issue] }
  }
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #issues: Issue[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[], issues: Issue[]) {
    this.#tokens = tokens
    this.#issues = issues
  }

  get #next(): Token {
    return this.#tokens[this.#at]!
  }

  #is(text: string): boolean {
    const { type, text: found, quoted } = this.#next
    return (type === 'operator' || (type === 'ident' && !quoted)) && found === text
  }

  #take(text: string): Token | undefined {
    return this.#is(text) ? this.#tokens[this.#at++] : undefined
  }

  #need(text: string, expecting = `'${text}'`): Token {
    const token = this.#take(text)
    if (!token) throw this.#mismatch(expecting)
    return token
  }

  #mismatch(expecting: string): Failure {
    return new Failure({ at: this.#next.at, message: `Syntax error: mismatched input '${this.#next.text}' expecting ${expecting}` })
  }

  whole(): Expr {
    const expr = this.#expression()
    if (this.#next.type !== 'end') {
      const last = this.#tokens[this.#at + 1]?.type === 'end'
      throw new Failure({ at: this.#next.at, message: `Syntax error: ${last ? 'extraneous' : 'mismatched'} input '${this.#next.text}' expecting <EOF>` })
    }
    return expr
  }

  #expression(): Expr {
    this.#bound(++this.#depth)
    const condition = this.#or()
    const mark = this.#take('?')
    let out = condition
    if (mark) {
      const yes = this.#or()
      this.#need(':')
      const no = this.#expression()
      out = { kind: 'call', at: mark.at, name: '_?_:_', args: [condition, yes, no] }
    }
    this.#depth--
    return out
  }

  /** A chain of operators or members is as deep as it is long. */
  #bound(depth: number): void {
    if (depth > MAX_DEPTH) throw new Failure({ at: this.#next.at, message: `expression recursion limit exceeded: ${MAX_DEPTH}` })
  }

  /** Terms of && and || become a balanced tree, however many they are. */
  #logical(operator: '&&' | '||', operand: () => Expr): Expr {
    const terms = [operand()]
    const places: number[] = []
    for (let mark = this.#take(operator); mark; mark = this.#take(operator)) {
      places.push(mark.at)
      terms.push(operand())
    }
    const tree = (low: number, high: number): Expr => {
      if (low === high) return terms[low]!
      const middle = (low + high) >> 1
      return { kind: 'call', at: places[middle]!, name: `_${operator}_`, args: [tree(low, middle), tree(middle + 1, high)] }
    }
    return tree(0, terms.length - 1)
  }

  #leftAssociative(operators: Record<string, string>, operand: () => Expr): Expr {
    let left = operand()
    for (let length = 1; ; length++) {
      const { type, text, at, quoted } = this.#next
      const name = (type === 'operator' || (type === 'ident' && !quoted)) && Object.hasOwn(operators, text) ? operators[text]! : undefined
      if (name === undefined) return left
      this.#bound(length)
      this.#at++
      left = { kind: 'call', at, name, args: [left, operand()] }
    }
  }

  #or = (): Expr => this.#logical('||', this.#and)
  #and = (): Expr => this.#logical('&&', this.#relation)
  #relation = (): Expr => this.#leftAssociative(relations, this.#sum)
  #sum = (): Expr => this.#leftAssociative({ '+': '_+_', '-': '_-_' }, this.#product)
  #product = (): Expr => this.#leftAssociative({ '*': '_*_', '/': '_/_', '%': '_%_' }, this.#unary)

  #unary = (): Expr => {
    const first = this.#next
    const digits = this.#tokens[this.#at + 1]?.type
    if (this.#is('-') && (digits === 'int' || digits === 'double')) return this.#member()
    for (const [mark, name] of [['!', '!_'], ['-', '-_']] as const) {
      if (!this.#is(mark)) continue
      let count = 0
      while (this.#take(mark)) count++
      const operand = this.#member()
      // Pairs cancel out.
      return count % 2 === 0 ? operand : { kind: 'call', at: first.at, name, args: [operand] }
    }
    return this.#member()
  }

  #number(token: Token, sign = ''): Literal {
    const text = sign + token.text
    if (token.type === 'double') return { type: 'double', value: Number(text) }
    const digits = token.text.replace(/[uU]$/, '')
    const value = (sign ? -1n : 1n) * BigInt(digits)
    const uint = token.type === 'uint'
    if (uint ? value > 18446744073709551615n : value > 9223372036854775807n || value < -9223372036854775808n) this.#issues.push({ at: token.at, message: `invalid ${uint ? 'uint' : 'int'} literal` })
    return { type: uint ? 'uint' : 'int', value }
  }

  #member(): Expr {
    return this.#members(this.#primary())
  }

  #members(start: Expr): Expr {
    let left = start
    for (let length = 1; ; length++) {
      this.#bound(length)
      const dot = this.#take('.')
      if (dot) {
        const optional = this.#take('?') !== undefined
        const token = this.#next
        if (token.type !== 'ident' || (keywords.has(token.text) && !token.quoted)) throw new Failure({ at: token.at, message: `Syntax error: no viable alternative at input '.${token.type === 'end' ? '' : token.text}'` })
        this.#at++
        const paren = optional || token.quoted ? undefined : this.#take('(')
        if (paren) {
          const args = this.#list(')', () => this.#expression())
          left = this.#call(paren.at, token.text, left, args)
        } else if (optional) left = { kind: 'call', at: dot.at, name: '_?._', args: [left, { kind: 'const', at: token.at, literal: { type: 'string', value: token.text } }] }
        else left = { kind: 'select', at: dot.at, operand: left, field: token.text, test: false }
        continue
      }
      const bracket = this.#take('[')
      if (bracket) {
        const optional = this.#take('?') !== undefined
        const index = this.#expression()
        this.#need(']')
        left = { kind: 'call', at: bracket.at, name: optional ? '_[?_]' : '_[_]', args: [left, index] }
        continue
      }
      return left
    }
  }

  #call(at: number, name: string, target: Expr | undefined, args: readonly Expr[]): Expr {
    try {
      const expanded = expandMacro(at, name, target, args)
      if (expanded) return expanded
    } catch (error) {
      if (!(error instanceof MacroError)) throw error
      this.#issues.push({ at: error.at, message: error.message })
    }
    return { kind: 'call', at, name, ...(target ? { target } : {}), args }
  }

  #list<T>(close: string, item: () => T): T[] {
    const out: T[] = []
    if (this.#take(close)) return out
    for (;;) {
      out.push(item())
      if (this.#take(close)) return out
      if (!this.#take(',')) throw this.#mismatch(`{'${close}', ','}`)
      if (close !== ')' && this.#take(close)) return out
    }
  }

  #primary(): Expr {
    const token = this.#next
    const { at, text } = token
    switch (token.type) {
      case 'int':
      case 'uint':
      case 'double':
        this.#at++
        return { kind: 'const', at, literal: this.#number(token) }
      case 'string':
        this.#at++
        return { kind: 'const', at, literal: { type: 'string', value: token.value! } }
      case 'bytes':
        this.#at++
        return { kind: 'const', at, literal: { type: 'bytes', value: token.data! } }
      case 'ident':
        if (token.quoted) throw this.#mismatch(START)
        if (text === 'true' || text === 'false' || text === 'null') {
          this.#at++
          return { kind: 'const', at, literal: text === 'null' ? { type: 'null' } : { type: 'bool', value: text === 'true' } }
        }
        if (text === 'in') throw this.#mismatch(START)
        return this.#named(false)
      case 'operator':
        if (text === '(') {
          this.#at++
          const inner = this.#expression()
          this.#need(')')
          return inner
        }
        if (text === '[') {
          this.#at++
          return { kind: 'list', at, elements: this.#list(']', () => ({ optional: this.#take('?') !== undefined, value: this.#expression() })) }
        }
        if (text === '{') {
          this.#at++
          return { kind: 'map', at, entries: this.#list('}', () => this.#entry()) }
        }
        if (text === '-' && (this.#tokens[this.#at + 1]!.type === 'int' || this.#tokens[this.#at + 1]!.type === 'double')) {
          this.#at += 2
          return { kind: 'const', at, literal: this.#number(this.#tokens[this.#at - 1]!, '-') }
        }
        if (text === '.') {
          this.#at++
          return this.#named(true)
        }
    }
    throw this.#mismatch(START)
  }

  #entry() {
    const optional = this.#take('?') !== undefined
    const key = this.#expression()
    this.#need(':')
    return { optional, key, value: this.#expression() }
  }

  /** A name, a call of a function, or a message under construction. */
  #named(absolute: boolean): Expr {
    const token = this.#next
    if (token.type !== 'ident' || token.quoted) throw this.#mismatch('IDENTIFIER')
    this.#at++
    const { text, at } = token
    if (reserved.has(text)) this.#issues.push({ at, message: `reserved identifier: ${text}` })
    const name = absolute ? '.' + text : text
    const paren = this.#take('(')
    if (paren) return this.#call(paren.at, name, undefined, this.#list(')', () => this.#expression()))
    const struct = this.#structName(name)
    if (struct !== undefined) {
      const brace = this.#need('{')
      return {
        kind: 'struct', at: brace.at, name: struct,
        fields: this.#list('}', () => {
          const optional = this.#take('?') !== undefined
          const field = this.#next
          if (field.type !== 'ident') throw this.#mismatch('{IDENTIFIER, ESC_IDENTIFIER}')
          this.#at++
          this.#need(':')
          return { name: field.text, optional, value: this.#expression() }
        }),
      }
    }
    return { kind: 'ident', at, name }
  }

  /** `a.b.C{` looks ahead: otherwise the dots are selections. */
  #structName(first: string): string | undefined {
    let i = this.#at
    let name = first
    while (this.#tokens[i]?.text === '.' && this.#tokens[i]?.type === 'operator' && this.#tokens[i + 1]?.type === 'ident') {
      name += '.' + this.#tokens[i + 1]!.text
      i += 2
    }
    if (this.#tokens[i]?.type !== 'operator' || this.#tokens[i]?.text !== '{') return undefined
    this.#at = i
    return name
  }
}
