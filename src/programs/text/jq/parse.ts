/** The jq language: tokens and a syntax tree. */
export class JqSyntax extends Error {
  /** Where the token that it is about begins. */
  readonly pos: number
  /** What jq says besides: the error productions of its grammar. */
  more: { readonly message: string; readonly pos: number }[] = []
  constructor(message: string, pos = 0) {
    super(message)
    this.pos = pos
  }
}

export type Ast =
  | { readonly k: 'identity' }
  | { readonly k: 'recurse' }
  | { readonly k: 'field'; readonly on: Ast; readonly name: Ast }
  | { readonly k: 'iterate'; readonly on: Ast }
  | { readonly k: 'slice'; readonly on: Ast; readonly from: Ast | undefined; readonly to: Ast | undefined }
  | { readonly k: 'literal'; readonly v: null | boolean | number | string }
  | { readonly k: 'string'; readonly format: string | undefined; readonly parts: readonly (string | Ast)[] }
  | { readonly k: 'format'; readonly name: string }
  | { readonly k: 'array'; readonly inner: Ast | undefined }
  | { readonly k: 'object'; readonly entries: readonly { readonly key: Ast; readonly value: Ast; readonly pos?: number }[] }
  | { readonly k: 'pipe' | 'comma' | 'alternative'; readonly left: Ast; readonly right: Ast }
  | { readonly k: 'and' | 'or'; readonly left: Ast; readonly right: Ast }
  | { readonly k: 'binary'; readonly op: string; readonly left: Ast; readonly right: Ast; readonly pos?: number }
  | { readonly k: 'negate'; readonly arg: Ast }
  | { readonly k: 'assign'; readonly op: string; readonly left: Ast; readonly right: Ast }
  | { readonly k: 'if'; readonly branches: readonly { readonly test: Ast; readonly body: Ast }[]; readonly no: Ast }
  | { readonly k: 'try'; readonly body: Ast; readonly handler: Ast | undefined }
  | { readonly k: 'reduce'; readonly source: Ast; readonly pattern: Pattern; readonly init: Ast; readonly update: Ast }
  | { readonly k: 'foreach'; readonly source: Ast; readonly pattern: Pattern; readonly init: Ast; readonly update: Ast; readonly extract: Ast | undefined }
  | { readonly k: 'as'; readonly source: Ast; readonly patterns: readonly Pattern[]; readonly body: Ast }
  | { readonly k: 'def'; readonly name: string; readonly params: readonly string[]; readonly body: Ast; readonly rest: Ast }
  | { readonly k: 'call'; readonly name: string; readonly args: readonly Ast[]; readonly pos: number }
  | { readonly k: 'variable'; readonly name: string; readonly pos?: number }
  | { readonly k: 'label'; readonly name: string; readonly body: Ast }
  | { readonly k: 'break'; readonly name: string; readonly pos: number }

export type Pattern =
  | { readonly k: 'variable'; readonly name: string }
  | { readonly k: 'array'; readonly items: readonly Pattern[] }
  | { readonly k: 'object'; readonly entries: readonly { readonly key: Ast; readonly variable: string | undefined; readonly value: Pattern | undefined }[] }

interface Token {
  readonly t: 'op' | 'name' | 'field' | 'variable' | 'number' | 'string' | 'format' | 'keyword' | 'eof' | 'bad'
  readonly v: string
  readonly pos: number
}

const keywords = new Set(['def', 'if', 'then', 'elif', 'else', 'end', 'as', 'reduce', 'foreach', 'try', 'catch', 'label', 'import', 'include', 'and', 'or', 'not', '__loc__'])
const ops = ['?//=', '?//', '|=', '//=', '+=', '-=', '*=', '/=', '%=', '==', '!=', '<=', '>=', '//', '..', '.', '[', ']', '{', '}', '(', ')', '|', ',', ':', ';', '=', '<', '>', '+', '-', '*', '/', '%', '?', '$']

class Parser {
  readonly src: string
  pos: number
  tok: Token

  constructor(src: string, pos = 0) {
    this.src = src
    this.pos = pos
    this.last = pos
    this.tok = this.lex()
  }

  /** `expecting`: bison names what would fit where that is few. */
  fail(token = this.tok, expecting = ''): never {
    const name = token.t === 'bad' ? 'INVALID_CHARACTER' : token.t === 'eof' ? '$end' : token.t === 'op' ? (token.v.length === 1 ? `'${token.v}'` : token.v) : token.t === 'keyword' ? token.v : { name: 'IDENT', field: 'FIELD', variable: "'$'", number: 'LITERAL', string: 'QQSTRING_START', format: 'FORMAT' }[token.t as 'name']
    throw new JqSyntax(`syntax error, unexpected ${name}${expecting && `, expecting ${expecting}`}`, token.t === 'eof' ? this.last : token.pos)
  }

  /** Start of the last piece of text that was read, blanks included: where bison says the end is. */
  last = 0
  /** Brackets that are open. */
  open: string[] = []

  next(): Token {
    const t = this.tok
    this.tok = this.lex()
    return t
  }

  /** Runs a part of the grammar that has an error production: a failure inside is told twice. */
  guarded<T>(body: () => T, message: string, pos: number, fits: (error: JqSyntax) => boolean = () => true): T {
    try {
      return body()
    } catch (error) {
      if (error instanceof JqSyntax && error.message.startsWith('syntax error') && fits(error)) error.more.push({ message, pos })
      throw error
    }
  }

  lex(): Token {
    const s = this.src
    for (;;) {
      const blank = /^(?:[ \n\t\r]+|#[^\n]*)/.exec(s.slice(this.pos))
      if (!blank) break
      this.last = this.pos
      this.pos += blank[0].length
    }
    const pos = this.pos
    const c = s[pos]
    if (c === undefined) return { t: 'eof', v: '', pos }
    const rest = s.slice(pos)
    const take = (t: Token['t'], text: string, v = text): Token => {
      this.last = t === 'variable' ? pos + 1 : pos
      this.pos += text.length
      return { t, v, pos }
    }
    // The text of a string is read when the grammar takes it.
    if (c === '"') return { t: 'string', v: '', pos }
    let m = /^\.[A-Za-z_]\w*/.exec(rest)
    if (m) return take('field', m[0], m[0].slice(1))
    m = /^(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/.exec(rest)
    if (m) return take('number', m[0])
    m = /^\$(?:__loc__|[A-Za-z_]\w*(?:::\w+)*)/.exec(rest)
    if (m) return take('variable', m[0], m[0].slice(1))
    m = /^@[A-Za-z0-9_]+/.exec(rest)
    if (m) return take('format', m[0])
    m = /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*/.exec(rest)
    if (m) return take(keywords.has(m[0]) && m[0] !== 'not' ? 'keyword' : 'name', m[0])
    if ('([{'.includes(c)) this.open.push(c)
    else if (')]}'.includes(c) && this.open.pop() !== '([{'[')]}'.indexOf(c)] && !(c === ')' && this.inString)) return take('bad', c)
    for (const op of ops) if (rest.startsWith(op)) return take('op', op)
    return take('bad', c)
  }

  /** Inside `\(…)`, whose parenthesis the string holds. */
  inString = false

  lexString(pos: number): (string | Ast)[] {
    const s = this.src
    this.last = pos
    const parts: (string | Ast)[] = []
    let text = ''
    let i = pos + 1
    for (;;) {
      const c = s[i]
      if (c === undefined) throw new JqSyntax('syntax error, unexpected $end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END', this.last)
      if (c === '"') break
      if (c === '\\') {
        const e = s[i + 1]
        if (e === '(') {
          if (text) parts.push(text)
          text = ''
          const inner = new Parser(s, i)
          inner.pos = i + 2
          inner.inString = true
          inner.tok = inner.lex()
          const ast = inner.pipe()
          if (!inner.op(')')) inner.fail()
          parts.push(ast)
          this.last = i
          i = inner.tok.pos + 1
          continue
        }
        const u = /^u([0-9a-fA-F]{4})/.exec(s.slice(i + 1))
        if (u) {
          text += String.fromCharCode(parseInt(u[1]!, 16))
          i += 6
          continue
        }
        const plain = ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '"': '"', '\\': '\\', '/': '/' } as Record<string, string>)[e ?? '']
        if (plain === undefined) throw new JqSyntax('Invalid escape at line 1, column 4 (while parsing \'"\\' + (e ?? '') + '"\')')
        if (text === '') this.last = i
        text += plain
        i += 2
        continue
      }
      if (text === '') this.last = i
      text += c
      i++
    }
    if (text || parts.length === 0) parts.push(text)
    this.last = i
    this.pos = i + 1
    return parts
  }

  op(v: string): boolean {
    return this.tok.t === 'op' && this.tok.v === v
  }

  atEnd(): boolean {
    return this.tok.t === 'eof'
  }

  key(v: string): boolean {
    return this.tok.t === 'keyword' && this.tok.v === v
  }

  expect(v: string, expecting = ''): void {
    if (!(this.tok.t === 'op' || this.tok.t === 'keyword') || this.tok.v !== v) this.fail(this.tok, expecting)
    this.next()
  }

  program(): Ast {
    if (this.tok.t === 'eof') return { k: 'identity' }
    if (!this.begins()) this.fail(this.tok, '$end')
    const ast = this.definitionsOr()
    if (!this.atEnd()) this.fail(this.tok, this.relation() ? '' : '$end')
    return ast
  }

  /** Whether an expression may begin here. */
  begins(): boolean {
    const { t, v } = this.tok
    if (t === 'eof' || t === 'bad') return false
    if (t === 'op') return ['.', '..', '(', '[', '{', '-', '$'].includes(v)
    return t !== 'keyword' || ['def', 'if', 'try', 'reduce', 'foreach', 'label'].includes(v)
  }

  relation(): boolean {
    return this.tok.t === 'op' && ['==', '!=', '<', '<=', '>', '>=', '=', '|=', '+=', '-=', '*=', '/=', '%=', '//='].includes(this.tok.v)
  }

  /** A program may be nothing but definitions. */
  definitionsOr(): Ast {
    if (!this.key('def')) return this.pipe()
    const d = this.definition()
    const rest: Ast = this.tok.t === 'eof' ? { k: 'identity' } : this.definitionsOr()
    return { k: 'def', ...d, rest }
  }

  definition(): { name: string; params: string[]; body: Ast } {
    this.next()
    const name = this.next()
    if (name.t !== 'name' && name.t !== 'keyword') this.fail(name)
    const params: string[] = []
    if (this.op('(')) {
      this.next()
      for (;;) {
        const p = this.next()
        if (p.t === 'variable') params.push('$' + p.v)
        else if (p.t === 'name') params.push(p.v)
        else this.fail(p, "'$' or IDENT")
        if (this.op(';')) {
          this.next()
          continue
        }
        this.expect(')', "';' or ')'")
        break
      }
      this.expect(':', "':'")
    } else this.expect(':', "'(' or ':'")
    const body = this.pipe()
    this.expect(';')
    return { name: name.v, params, body }
  }

  pipe(): Ast {
    if (this.key('def')) {
      const d = this.definition()
      return { k: 'def', ...d, rest: this.pipe() }
    }
    const left = this.comma()
    if (this.key('as')) {
      this.next()
      const patterns = [this.pattern()]
      while (this.op('?//')) {
        this.next()
        patterns.push(this.pattern())
      }
      this.expect('|', "'|'")
      return { k: 'as', source: left, patterns, body: this.pipe() }
    }
    if (this.op('|')) {
      this.next()
      return { k: 'pipe', left, right: this.pipe() }
    }
    return left
  }

  comma(): Ast {
    let left = this.alternative()
    while (this.op(',')) {
      this.next()
      left = { k: 'comma', left, right: this.alternative() }
    }
    return left
  }

  /** `//` is right associative and binds looser than assignment in jq's grammar. */
  alternative(): Ast {
    const left = this.assignment()
    if (this.op('//')) {
      this.next()
      return { k: 'alternative', left, right: this.alternative() }
    }
    return left
  }

  assignment(): Ast {
    const left = this.or()
    if (this.tok.t === 'op' && ['=', '|=', '+=', '-=', '*=', '/=', '%=', '//='].includes(this.tok.v)) {
      const op = this.next().v
      return { k: 'assign', op, left, right: this.alternative() }
    }
    return left
  }

  or(): Ast {
    let left = this.and()
    while (this.key('or')) {
      this.next()
      left = { k: 'or', left, right: this.and() }
    }
    return left
  }

  and(): Ast {
    let left = this.comparison()
    while (this.key('and')) {
      this.next()
      left = { k: 'and', left, right: this.comparison() }
    }
    return left
  }

  comparison(): Ast {
    const left = this.additive()
    if (this.tok.t === 'op' && ['==', '!=', '<', '<=', '>', '>='].includes(this.tok.v)) {
      const op = this.next().v
      const right = this.additive()
      if (this.tok.t === 'op' && ['==', '!=', '<', '<=', '>', '>='].includes(this.tok.v)) this.fail()
      return { k: 'binary', op, left, right }
    }
    return left
  }

  additive(): Ast {
    let left = this.multiplicative()
    while (this.op('+') || this.op('-')) {
      const op = this.next().v
      left = { k: 'binary', op, left, right: this.multiplicative() }
    }
    return left
  }

  multiplicative(): Ast {
    const { pos } = this.tok
    let left = this.unary()
    while (this.op('*') || this.op('/') || this.op('%')) {
      const op = this.next().v
      left = { k: 'binary', op, left, right: this.unary(), pos }
    }
    return left
  }

  unary(): Ast {
    if (this.op('-')) {
      this.next()
      return { k: 'negate', arg: this.unary() }
    }
    return this.postfix()
  }

  postfix(): Ast {
    let e = this.primary()
    for (;;) {
      if (this.tok.t === 'field') {
        e = { k: 'field', on: e, name: { k: 'literal', v: this.next().v } }
      } else if (this.op('.')) {
        this.next()
        if (this.tok.t === 'string') e = { k: 'field', on: e, name: this.stringAst(undefined) }
        else this.fail(this.tok, 'FORMAT or QQSTRING_START')
      } else if (this.op('[')) e = this.bracket(e)
      else if (this.op('?')) {
        this.next()
        e = { k: 'try', body: e, handler: undefined }
      } else if (this.key('as')) {
        // `term as $x | body` binds to the term.
        this.next()
        const patterns = [this.pattern()]
        while (this.op('?//')) {
          this.next()
          patterns.push(this.pattern())
        }
        this.expect('|', "'|'")
        return { k: 'as', source: e, patterns, body: this.pipe() }
      } else return e
    }
  }

  bracket(on: Ast): Ast {
    this.next()
    if (this.op(']')) {
      this.next()
      return { k: 'iterate', on }
    }
    if (this.op(':')) {
      this.next()
      const to = this.pipe()
      this.expect(']')
      return { k: 'slice', on, from: undefined, to }
    }
    const index = this.pipe()
    if (this.op(':')) {
      this.next()
      const to = this.op(']') ? undefined : this.pipe()
      this.expect(']')
      return { k: 'slice', on, from: index, to }
    }
    this.expect(']')
    return { k: 'field', on, name: index }
  }

  stringAst(format: string | undefined): Ast {
    const parts = this.lexString(this.tok.pos)
    this.tok = this.lex()
    return { k: 'string', format, parts }
  }

  primary(): Ast {
    const t = this.tok
    switch (t.t) {
      case 'number':
        this.next()
        return { k: 'literal', v: Number(t.v) }
      case 'string': return this.stringAst(undefined)
      case 'format': {
        this.next()
        if (this.tok.t === 'string') return this.stringAst(t.v)
        return { k: 'format', name: t.v }
      }
      case 'field':
        this.next()
        return { k: 'field', on: { k: 'identity' }, name: { k: 'literal', v: t.v } }
      case 'variable':
        this.next()
        return t.v === '__loc__' ? { k: 'object', entries: [{ key: { k: 'literal', v: 'file' }, value: { k: 'literal', v: '<top-level>' } }, { key: { k: 'literal', v: 'line' }, value: { k: 'literal', v: 1 } }] } : { k: 'variable', name: t.v, pos: t.pos }
      case 'name': {
        this.next()
        const args: Ast[] = []
        if (this.op('(')) {
          this.next()
          for (;;) {
            args.push(this.pipe())
            if (this.op(';')) {
              this.next()
              continue
            }
            this.expect(')', "';' or ')'")
            break
          }
        }
        if (args.length === 0 && (t.v === 'true' || t.v === 'false' || t.v === 'null')) return { k: 'literal', v: t.v === 'null' ? null : t.v === 'true' }
        if (t.v === 'break' && this.tok.t === 'variable') return { k: 'break', name: this.next().v, pos: t.pos }
        return { k: 'call', name: t.v, args, pos: t.pos }
      }
      case 'keyword':
        return this.keyword(t)
      case 'op':
        switch (t.v) {
          case '.':
            this.next()
            if (this.tok.t === 'string') return { k: 'field', on: { k: 'identity' }, name: this.stringAst(undefined) }
            return { k: 'identity' }
          case '..':
            this.next()
            return { k: 'recurse' }
          case '(': {
            this.next()
            const inner = this.pipe()
            this.expect(')')
            return inner
          }
          case '[': {
            this.next()
            if (this.op(']')) {
              this.next()
              return { k: 'array', inner: undefined }
            }
            const inner = this.pipe()
            this.expect(']')
            return { k: 'array', inner }
          }
          case '{': return this.object()
          case '-':
            return this.unary()
          case '$':
            this.next()
            this.fail(this.tok, 'IDENT or __loc__')
        }
    }
    this.fail()
  }

  keyword(t: Token): Ast {
    switch (t.v) {
      case 'if': {
        this.next()
        const branches: { test: Ast; body: Ast }[] = []
        const test = this.pipe()
        this.expect('then')
        return this.guarded(() => {
          branches.push({ test, body: this.pipe() })
          while (this.key('elif')) {
            this.next()
            const again = this.pipe()
            this.expect('then')
            branches.push({ test: again, body: this.pipe() })
          }
          if (!this.key('else')) this.fail()
          this.next()
          const no = this.pipe()
          this.expect('end')
          return { k: 'if', branches, no }
        }, "Possibly unterminated 'if' statement", t.pos)
      }
      case 'try': {
        this.next()
        const body = this.postfix()
        let handler: Ast | undefined
        if (this.key('catch')) {
          this.next()
          handler = this.guarded(() => this.postfix(), "Possibly unterminated 'try' statement", t.pos)
        }
        return { k: 'try', body, handler }
      }
      case 'reduce':
      case 'foreach': {
        this.next()
        const source = this.source()
        this.expect('as')
        const pattern = this.pattern()
        this.expect('(', "'('")
        const init = this.pipe()
        this.expect(';')
        const update = this.pipe()
        let extract: Ast | undefined
        if (t.v === 'foreach' && this.op(';')) {
          this.next()
          extract = this.pipe()
        }
        this.expect(')')
        return t.v === 'reduce' ? { k: 'reduce', source, pattern, init, update } : { k: 'foreach', source, pattern, init, update, extract }
      }
      case 'label': {
        this.next()
        const name = this.next()
        if (name.t !== 'variable') this.fail(name, "'$'")
        this.expect('|', "'|'")
        return { k: 'label', name: name.v, body: this.pipe() }
      }
      case 'def': {
        const d = this.definition()
        return { k: 'def', ...d, rest: this.pipe() }
      }
    }
    this.fail()
  }

  /** A term for reduce and foreach: `as` belongs to them. */
  source(): Ast {
    if (this.tok.t === 'keyword') this.fail()
    let e = this.primary()
    for (;;) {
      if (this.tok.t === 'field') e = { k: 'field', on: e, name: { k: 'literal', v: this.next().v } }
      else if (this.op('[')) e = this.bracket(e)
      else if (this.op('.')) {
        this.next()
        if (this.tok.t !== 'string' && this.tok.t !== 'format') this.fail(this.tok, 'FORMAT or QQSTRING_START')
        e = { k: 'field', on: e, name: this.tok.t === 'string' ? this.stringAst(undefined) : this.stringAst(this.next().v) }
      }
      else if (this.op('?')) {
        this.next()
        e = { k: 'try', body: e, handler: undefined }
      } else return e
    }
  }

  object(): Ast {
    this.next()
    const entries: { key: Ast; value: Ast; pos: number }[] = []
    while (!this.op('}')) {
      const t = this.tok
      this.guarded(() => this.entry(entries), 'May need parentheses around object key expression', t.pos, (e) => /^[^}]*?:/.test(this.src.slice(e.pos)) && !/\$end/.test(e.message))
    }
    this.next()
    return { k: 'object', entries }
  }

  entry(entries: { key: Ast; value: Ast; pos: number }[]): void {
    const t = this.tok
    let key: Ast
    let value: Ast | undefined
    if (t.t === 'variable') {
      if (t.v === '__loc__') throw new JqSyntax('syntax error, unexpected __loc__, expecting IDENT', t.pos + 1)
      this.next()
      key = { k: 'literal', v: t.v }
      value = { k: 'variable', name: t.v }
    } else if (t.t === 'name' || t.t === 'keyword') {
      this.next()
      key = { k: 'literal', v: t.v }
    } else if (t.t === 'string') key = this.stringAst(undefined)
    else if (t.t === 'format') {
      this.next()
      if (this.tok.t !== 'string') this.fail(this.tok, 'QQSTRING_START')
      key = this.stringAst(t.v)
    } else if (this.op('(')) {
      this.next()
      key = this.pipe()
      this.expect(')')
      if (!this.op(':')) this.fail(this.tok, "':'")
    } else this.fail()
    if (this.op(':') && t.t !== 'variable') {
      this.next()
      value = this.objectValue()
    }
    entries.push({ key, value: value ?? { k: 'field', on: { k: 'identity' }, name: key }, pos: t.pos })
    if (this.op(',')) this.next()
    else if (!this.op('}')) this.fail(this.tok, "'}'")
  }

  /** Values of objects: terms, perhaps negative, joined by `|` (jq's ExpD). Sums and `//` need parentheses. */
  objectValue(): Ast {
    if (this.op('-')) {
      this.next()
      return { k: 'negate', arg: this.objectValue() }
    }
    const left = this.source()
    if (this.op('|')) {
      this.next()
      return { k: 'pipe', left, right: this.objectValue() }
    }
    return left
  }

  pattern(): Pattern {
    if (this.tok.t === 'variable') return { k: 'variable', name: this.next().v }
    if (this.op('[')) {
      this.next()
      const items: Pattern[] = []
      for (;;) {
        items.push(this.pattern())
        if (this.op(',')) {
          this.next()
          continue
        }
        this.expect(']', "',' or ']'")
        return { k: 'array', items }
      }
    }
    if (this.op('{')) {
      this.next()
      const entries: { key: Ast; variable: string | undefined; value: Pattern | undefined }[] = []
      for (;;) {
        const t = this.tok
        let key: Ast
        let variable: string | undefined
        if (t.t === 'variable') {
          this.next()
          key = { k: 'literal', v: t.v }
          variable = t.v
        } else if (t.t === 'name' || t.t === 'keyword') {
          this.next()
          key = { k: 'literal', v: t.v }
        } else if (t.t === 'string') key = this.stringAst(undefined)
        else if (this.op('(')) {
          this.next()
          key = this.pipe()
          this.expect(')')
        } else this.fail()
        let value: Pattern | undefined
        if (this.op(':')) {
          this.next()
          value = this.pattern()
        } else if (variable === undefined) this.fail(this.tok, "':'")
        entries.push({ key, variable, value })
        if (this.op(',')) {
          this.next()
          continue
        }
        this.expect('}', "',' or '}'")
        return { k: 'object', entries }
      }
    }
    this.fail(this.tok, "'$' or '[' or '{'")
  }
}

/** Throws JqSyntax. */
export function parseJq(source: string): Ast {
  return new Parser(source).program()
}
