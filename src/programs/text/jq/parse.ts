/** The jq language: tokens and a syntax tree. */
export class JqSyntax extends Error {
  /** Where the token that it is about begins. */
  readonly pos: number
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
  | { readonly k: 'object'; readonly entries: readonly { readonly key: Ast; readonly value: Ast }[] }
  | { readonly k: 'pipe' | 'comma' | 'alternative'; readonly left: Ast; readonly right: Ast }
  | { readonly k: 'and' | 'or'; readonly left: Ast; readonly right: Ast }
  | { readonly k: 'binary'; readonly op: string; readonly left: Ast; readonly right: Ast }
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
  | { readonly k: 'break'; readonly name: string }

export type Pattern =
  | { readonly k: 'variable'; readonly name: string }
  | { readonly k: 'array'; readonly items: readonly Pattern[] }
  | { readonly k: 'object'; readonly entries: readonly { readonly key: Ast; readonly variable: string | undefined; readonly value: Pattern | undefined }[] }

interface Token {
  readonly t: 'op' | 'name' | 'field' | 'variable' | 'number' | 'string' | 'format' | 'keyword' | 'eof'
  readonly v: string
  readonly pos: number
  readonly parts?: readonly (string | Ast)[]
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
    this.tok = this.lex()
  }

  fail(token = this.tok): never {
    const name = token.t === 'eof' ? '$end' : token.t === 'op' ? (token.v.length === 1 ? `'${token.v}'` : token.v) : token.t === 'keyword' ? token.v : { name: 'IDENT', field: 'FIELD', variable: "'$'", number: 'LITERAL', string: 'QQSTRING_START', format: 'FORMAT' }[token.t as 'name']
    throw new JqSyntax(`syntax error, unexpected ${name}`, token.t === 'eof' ? this.last : token.pos)
  }

  /** Start of the token before. */
  last = 0

  next(): Token {
    const t = this.tok
    this.last = t.pos
    this.tok = this.lex()
    return t
  }

  lex(): Token {
    const s = this.src
    for (;;) {
      if (/\s/.test(s[this.pos] ?? '')) this.pos++
      else if (s[this.pos] === '#') while (this.pos < s.length && s[this.pos] !== '\n') this.pos++
      else break
    }
    const pos = this.pos
    const c = s[pos]
    if (c === undefined) return { t: 'eof', v: '', pos }
    const rest = s.slice(pos)
    const take = (t: Token['t'], text: string, v = text): Token => {
      this.pos += text.length
      return { t, v, pos }
    }
    if (c === '"') return this.lexString(pos)
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
    for (const op of ops) if (rest.startsWith(op)) return take('op', op)
    throw new JqSyntax('syntax error, unexpected INVALID_CHARACTER')
  }

  lexString(pos: number): Token {
    const s = this.src
    const parts: (string | Ast)[] = []
    let text = ''
    let i = pos + 1
    for (;;) {
      const c = s[i]
      if (c === undefined) throw new JqSyntax('syntax error, unexpected $end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END')
      if (c === '"') break
      if (c === '\\') {
        const e = s[i + 1]
        if (e === '(') {
          if (text) parts.push(text)
          text = ''
          const inner = new Parser(s, i + 2)
          const ast = inner.pipe()
          if (!inner.op(')')) inner.fail()
          parts.push(ast)
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
        text += plain
        i += 2
        continue
      }
      text += c
      i++
    }
    if (text || parts.length === 0) parts.push(text)
    this.pos = i + 1
    return { t: 'string', v: '', pos, parts }
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

  expect(v: string): void {
    if (!(this.tok.t === 'op' || this.tok.t === 'keyword') || this.tok.v !== v) this.fail()
    this.next()
  }

  program(): Ast {
    if (this.tok.t === 'eof') return { k: 'identity' }
    const ast = this.definitionsOr()
    if (!this.atEnd()) this.fail()
    return ast
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
        else this.fail(p)
        if (this.op(';')) {
          this.next()
          continue
        }
        this.expect(')')
        break
      }
    }
    this.expect(':')
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
      this.expect('|')
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
    let left = this.unary()
    while (this.op('*') || this.op('/') || this.op('%')) {
      const op = this.next().v
      left = { k: 'binary', op, left, right: this.unary() }
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
        else if (this.op('[')) e = this.bracket(e)
        else this.fail()
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
        this.expect('|')
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
    const t = this.next()
    return { k: 'string', format, parts: t.parts! }
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
            this.expect(')')
            break
          }
        }
        if (args.length === 0 && (t.v === 'true' || t.v === 'false' || t.v === 'null')) return { k: 'literal', v: t.v === 'null' ? null : t.v === 'true' }
        if (t.v === 'break' && this.tok.t === 'variable') return { k: 'break', name: this.next().v }
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
      }
      case 'try': {
        this.next()
        const body = this.postfix()
        let handler: Ast | undefined
        if (this.key('catch')) {
          this.next()
          handler = this.postfix()
        }
        return { k: 'try', body, handler }
      }
      case 'reduce':
      case 'foreach': {
        this.next()
        const source = this.source()
        this.expect('as')
        const pattern = this.pattern()
        this.expect('(')
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
        if (name.t !== 'variable') this.fail(name)
        this.expect('|')
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
    let e = this.primary()
    for (;;) {
      if (this.tok.t === 'field') e = { k: 'field', on: e, name: { k: 'literal', v: this.next().v } }
      else if (this.op('[')) e = this.bracket(e)
      else if (this.op('?')) {
        this.next()
        e = { k: 'try', body: e, handler: undefined }
      } else return e
    }
  }

  object(): Ast {
    this.next()
    const entries: { key: Ast; value: Ast }[] = []
    while (!this.op('}')) {
      const t = this.tok
      let key: Ast
      let value: Ast | undefined
      if (t.t === 'variable') {
        this.next()
        key = { k: 'literal', v: t.v === '__loc__' ? '__loc__' : t.v }
        value = { k: 'variable', name: t.v }
      } else if (t.t === 'name' || t.t === 'keyword') {
        this.next()
        key = { k: 'literal', v: t.v }
      } else if (t.t === 'string') key = this.stringAst(undefined)
      else if (t.t === 'format') {
        this.next()
        key = this.tok.t === 'string' ? this.stringAst(t.v) : { k: 'format', name: t.v }
      } else if (t.t === 'number') {
        this.next()
        key = { k: 'literal', v: Number(t.v) }
      } else if (this.op('(')) {
        this.next()
        key = this.pipe()
        this.expect(')')
        if (!this.op(':')) this.fail()
      } else this.fail()
      if (this.op(':')) {
        this.next()
        value = this.objectValue()
      }
      entries.push({ key, value: value ?? { k: 'field', on: { k: 'identity' }, name: key } })
      if (this.op(',')) this.next()
      else if (!this.op('}')) this.fail()
    }
    this.next()
    return { k: 'object', entries }
  }

  /** Values of objects: terms joined by `|` (jq's ExpD); we take any expression without a comma. */
  objectValue(): Ast {
    const left = this.alternative()
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
        this.expect(']')
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
        }
        entries.push({ key, variable, value })
        if (this.op(',')) {
          this.next()
          continue
        }
        this.expect('}')
        return { k: 'object', entries }
      }
    }
    this.fail()
  }
}

/** Throws JqSyntax. */
export function parseJq(source: string): Ast {
  return new Parser(source).program()
}
