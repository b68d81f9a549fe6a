/** The awk language (POSIX, as mawk reads it): tokens and a syntax tree. */
export class AwkError extends Error {}

export type Expr =
  | { readonly k: 'num'; readonly v: number }
  | { readonly k: 'str'; readonly v: string }
  | { readonly k: 'regex'; readonly source: string }
  | { readonly k: 'var'; readonly name: string }
  | { readonly k: 'field'; readonly index: Expr }
  | { readonly k: 'index'; readonly name: string; readonly subs: readonly Expr[] }
  | { readonly k: 'assign'; readonly op: string; readonly target: Expr; readonly value: Expr }
  | { readonly k: 'cond'; readonly test: Expr; readonly yes: Expr; readonly no: Expr }
  | { readonly k: 'and' | 'or'; readonly left: Expr; readonly right: Expr }
  | { readonly k: 'in'; readonly subs: readonly Expr[]; readonly name: string }
  | { readonly k: 'match'; readonly negated: boolean; readonly left: Expr; readonly right: Expr }
  | { readonly k: 'binary'; readonly op: string; readonly left: Expr; readonly right: Expr }
  | { readonly k: 'concat'; readonly left: Expr; readonly right: Expr }
  | { readonly k: 'unary'; readonly op: string; readonly arg: Expr }
  | { readonly k: 'step'; readonly op: '++' | '--'; readonly prefix: boolean; readonly target: Expr }
  | { readonly k: 'call'; readonly name: string; readonly args: readonly Expr[] }
  | { readonly k: 'builtin'; readonly name: string; readonly args: readonly Expr[] | undefined }
  | { readonly k: 'getline'; readonly how: 'plain' | 'file' | 'pipe'; readonly source: Expr | undefined; readonly target: Expr | undefined }
  | { readonly k: 'group'; readonly inner: Expr }

export type Stmt =
  | { readonly k: 'block'; readonly body: readonly Stmt[] }
  | { readonly k: 'expr'; readonly e: Expr }
  | { readonly k: 'print'; readonly format: boolean; readonly args: readonly Expr[]; readonly to: { readonly op: '>' | '>>' | '|'; readonly target: Expr } | undefined }
  | { readonly k: 'if'; readonly test: Expr; readonly yes: Stmt; readonly no: Stmt | undefined }
  | { readonly k: 'while'; readonly test: Expr; readonly body: Stmt }
  | { readonly k: 'do'; readonly test: Expr; readonly body: Stmt }
  | { readonly k: 'for'; readonly init: Stmt | undefined; readonly test: Expr | undefined; readonly step: Stmt | undefined; readonly body: Stmt }
  | { readonly k: 'forin'; readonly variable: string; readonly array: string; readonly body: Stmt }
  | { readonly k: 'next' | 'break' | 'continue' | 'nextfile' }
  | { readonly k: 'exit' | 'return'; readonly value: Expr | undefined }
  | { readonly k: 'delete'; readonly name: string; readonly subs: readonly Expr[] | undefined }

export interface Rule {
  readonly pattern: Expr | 'BEGIN' | 'END' | undefined
  readonly to: Expr | undefined
  readonly body: Stmt | undefined
  active: boolean
}

export interface Func {
  readonly name: string
  readonly params: readonly string[]
  readonly body: Stmt
}

export interface Program {
  readonly rules: readonly Rule[]
  readonly functions: ReadonlyMap<string, Func>
}

interface Token {
  readonly t: 'num' | 'str' | 'ere' | 'name' | 'func' | 'builtin' | 'key' | 'op' | 'nl' | 'eof'
  readonly v: string
  readonly line: number
  readonly n?: number
}

const keywords = new Set(['BEGIN', 'END', 'function', 'func', 'if', 'else', 'while', 'for', 'do', 'break', 'continue', 'next', 'nextfile', 'exit', 'return', 'delete', 'in', 'getline', 'print', 'printf'])
const builtinNames = new Set(['length', 'substr', 'index', 'split', 'sub', 'gsub', 'match', 'sprintf', 'sin', 'cos', 'atan2', 'exp', 'log', 'sqrt', 'int', 'rand', 'srand', 'tolower', 'toupper', 'system', 'close', 'fflush', 'gensub', 'systime', 'strftime', 'mktime', 'and', 'or', 'xor', 'lshift', 'rshift', 'compl'])
const ops = ['**=', '&&', '||', '==', '<=', '>=', '!=', '++', '--', '+=', '-=', '*=', '/=', '%=', '^=', '**', '>>', '{', '}', '(', ')', '[', ']', ';', ',', '+', '-', '*', '/', '%', '^', '!', '>', '<', '|', '?', ':', '~', '$', '=']

/** Escapes of string and regex constants. */
export function awkEscapes(text: string): string {
  return text.replace(/\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|\n|[\s\S])/g, (all, e: string) => {
    if (/^[0-7]/.test(e)) return String.fromCharCode(parseInt(e, 8) & 255)
    if (e[0] === 'x' && e.length > 1) return String.fromCharCode(parseInt(e.slice(1), 16))
    return ({ n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', '/': '/', a: '\x07', b: '\b', f: '\f', v: '\v', '\n': '' } as Record<string, string>)[e] ?? all
  })
}

class Parser {
  readonly src: string
  pos = 0
  line = 1
  tok: Token = { t: 'nl', v: '', line: 1 }
  prev: Token = { t: 'nl', v: '', line: 1 }
  noIn = 0
  noGt = 0
  readonly functions = new Map<string, Func>()

  constructor(src: string) {
    this.src = src
  }

  fail(near: Token = this.tok): never {
    const what = near.t === 'eof' ? 'end of file' : near.t === 'nl' ? '\\n' : near.v
    throw new AwkError(near.t === 'eof' || near.t === 'nl' ? `line ${near.line}: syntax error at or near ${what}` : `line ${near.line}: syntax error at or near ${what}`)
  }

  next(): Token {
    const t = this.tok
    this.prev = t
    this.tok = this.lex()
    return t
  }

  lex(): Token {
    const s = this.src
    for (;;) {
      const c = s[this.pos]
      if (c === ' ' || c === '\t' || c === '\r') this.pos++
      else if (c === '\\' && s[this.pos + 1] === '\n') {
        this.pos += 2
        this.line++
      } else if (c === '\\' && s.startsWith('\r\n', this.pos + 1)) this.pos += 3
      else if (c === '#') while (this.pos < s.length && s[this.pos] !== '\n') this.pos++
      else break
    }
    const line = this.line
    const c = s[this.pos]
    if (c === undefined) return { t: 'eof', v: '', line }
    if (c === '\n') {
      this.pos++
      this.line++
      return { t: 'nl', v: '\n', line }
    }
    if (c === '"') {
      let i = this.pos + 1
      while (i < s.length && s[i] !== '"') {
        if (s[i] === '\n') throw new AwkError(`line ${line}: runaway string constant "${s.slice(this.pos + 1, i).slice(0, 20)} ...`)
        i += s[i] === '\\' ? 2 : 1
      }
      if (i >= s.length) throw new AwkError(`line ${line}: runaway string constant "${s.slice(this.pos + 1).slice(0, 20)} ...`)
      const v = awkEscapes(s.slice(this.pos + 1, i))
      this.pos = i + 1
      return { t: 'str', v, line }
    }
    const num = /^(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/.exec(s.slice(this.pos, this.pos + 60))
    if (num && /[\d.]/.test(c)) {
      this.pos += num[0].length
      return { t: 'num', v: num[0], n: Number(num[0]), line }
    }
    const word = /^[A-Za-z_]\w*/.exec(s.slice(this.pos, this.pos + 200))
    if (word) {
      this.pos += word[0].length
      const v = word[0]
      if (keywords.has(v)) return { t: 'key', v: v === 'func' ? 'function' : v, line }
      if (builtinNames.has(v)) return { t: 'builtin', v, line }
      return { t: s[this.pos] === '(' ? 'func' : 'name', v, line }
    }
    for (const op of ops) {
      if (s.startsWith(op, this.pos)) {
        this.pos += op.length
        return { t: 'op', v: op === '**' ? '^' : op === '**=' ? '^=' : op, line }
      }
    }
    throw new AwkError(`line ${line}: unexpected character '${c}'`)
  }

  /** At a `/` or `/=` token where an operand is expected: reads a regular expression. */
  regex(): string {
    const s = this.src
    let i = this.pos
    const start = this.tok.v === '/=' ? '=' : ''
    let bracket = false
    for (;;) {
      const c = s[i]
      if (c === undefined || c === '\n') throw new AwkError(`line ${this.line}: runaway regular expression /${s.slice(this.pos, i).slice(0, 20)} ...`)
      if (c === '\\') i++
      else if (c === '[' && !bracket) {
        bracket = true
        if (s[i + 1] === '^') i++
        if (s[i + 1] === ']') i++
      } else if (c === ']') bracket = false
      else if (c === '/' && !bracket) break
      i++
    }
    const source = start + s.slice(this.pos, i).replace(/\\\//g, '/')
    this.pos = i + 1
    this.next()
    return source
  }

  op(v: string): boolean {
    return this.tok.t === 'op' && this.tok.v === v
  }

  key(v: string): boolean {
    return this.tok.t === 'key' && this.tok.v === v
  }

  expect(v: string): void {
    if (!this.op(v)) this.fail()
    this.next()
  }

  newlines(): void {
    while (this.tok.t === 'nl') this.next()
  }

  terminators(): void {
    while (this.tok.t === 'nl' || this.op(';')) this.next()
  }

  program(): Program {
    this.tok = this.lex()
    const rules: Rule[] = []
    this.terminators()
    while (this.tok.t !== 'eof') {
      if (this.key('function')) {
        this.next()
        const name = this.next()
        if (name.t !== 'func' && name.t !== 'name') this.fail(name)
        this.expect('(')
        const params: string[] = []
        while (!this.op(')')) {
          const p = this.next()
          if (p.t !== 'name') this.fail(p)
          params.push(p.v)
          this.newlines()
          if (this.op(',')) {
            this.next()
            this.newlines()
          }
        }
        this.next()
        this.newlines()
        this.functions.set(name.v, { name: name.v, params, body: this.block() })
      } else {
        let pattern: Rule['pattern']
        let to: Expr | undefined
        if (this.key('BEGIN') || this.key('END')) {
          pattern = this.next().v as 'BEGIN'
          if (!this.op('{')) this.fail()
        } else if (!this.op('{')) {
          pattern = this.expr()
          if (this.op(',')) {
            this.next()
            this.newlines()
            to = this.expr()
          }
        }
        const body = this.op('{') ? this.block() : undefined
        rules.push({ pattern, to, body, active: false })
      }
      this.terminators()
    }
    return { rules, functions: this.functions }
  }

  block(): Stmt {
    this.expect('{')
    const body: Stmt[] = []
    this.terminators()
    while (!this.op('}')) {
      if (this.tok.t === 'eof') this.fail()
      body.push(this.statement())
      this.terminators()
    }
    this.next()
    return { k: 'block', body }
  }

  end(): void {
    if (this.tok.t === 'nl' || this.op(';')) this.next()
    else if (!this.op('}') && this.tok.t !== 'eof') this.fail()
  }

  /** The statement after `if (…)` and the like. */
  body(): Stmt {
    this.newlines()
    if (this.op(';')) {
      this.next()
      return { k: 'block', body: [] }
    }
    return this.statement()
  }

  statement(): Stmt {
    if (this.op('{')) return this.block()
    if (this.op(';')) {
      this.next()
      return { k: 'block', body: [] }
    }
    if (this.tok.t === 'key') {
      switch (this.tok.v) {
        case 'if': {
          this.next()
          this.expect('(')
          const test = this.expr()
          this.expect(')')
          const yes = this.body()
          const save = { pos: this.pos, line: this.line, tok: this.tok, prev: this.prev }
          this.terminators()
          if (this.key('else')) {
            this.next()
            return { k: 'if', test, yes, no: this.body() }
          }
          Object.assign(this, save)
          return { k: 'if', test, yes, no: undefined }
        }
        case 'while': {
          this.next()
          this.expect('(')
          const test = this.expr()
          this.expect(')')
          if (this.op(';')) {
            this.next()
            return { k: 'while', test, body: { k: 'block', body: [] } }
          }
          return { k: 'while', test, body: this.body() }
        }
        case 'do': {
          this.next()
          const body = this.body()
          this.terminators()
          if (!this.key('while')) this.fail()
          this.next()
          this.expect('(')
          const test = this.expr()
          this.expect(')')
          this.end()
          return { k: 'do', test, body }
        }
        case 'for':
          return this.loop()
      }
    }
    const s = this.simple()
    this.end()
    return s
  }

  loop(): Stmt {
    this.next()
    this.expect('(')
    if (this.tok.t === 'name') {
      const save = { pos: this.pos, line: this.line, tok: this.tok, prev: this.prev }
      const variable = this.next().v
      if (this.key('in')) {
        this.next()
        const array = this.next()
        if (array.t === 'name' && this.op(')')) {
          this.next()
          return { k: 'forin', variable, array: array.v, body: this.body() }
        }
      }
      Object.assign(this, save)
    }
    const init = this.op(';') ? undefined : this.simple()
    this.expect(';')
    this.newlines()
    const test = this.op(';') ? undefined : this.expr()
    this.expect(';')
    this.newlines()
    const step = this.op(')') ? undefined : this.simple()
    this.expect(')')
    if (this.op(';')) {
      this.next()
      return { k: 'for', init, test, step, body: { k: 'block', body: [] } }
    }
    return { k: 'for', init, test, step, body: this.body() }
  }

  simple(): Stmt {
    const t = this.tok
    if (t.t === 'key') {
      switch (t.v) {
        case 'print':
        case 'printf':
          return this.print()
        case 'next':
        case 'break':
        case 'continue':
        case 'nextfile':
          this.next()
          return { k: t.v }
        case 'exit':
        case 'return': {
          this.next()
          const value = this.tok.t === 'nl' || this.op(';') || this.op('}') || this.tok.t === 'eof' ? undefined : this.expr()
          return { k: t.v, value }
        }
        case 'delete': {
          this.next()
          const paren = this.op('(')
          if (paren) this.next()
          const name = this.next()
          if (name.t !== 'name') this.fail(name)
          let subs: Expr[] | undefined
          if (this.op('[')) {
            this.next()
            subs = this.list(']')
          }
          if (paren) this.expect(')')
          return { k: 'delete', name: name.v, subs }
        }
        case 'getline':
        case 'in':
          break
        default:
          this.fail()
      }
    }
    return { k: 'expr', e: this.expr() }
  }

  list(close: string): Expr[] {
    const out: Expr[] = []
    const noIn = this.noIn
    const noGt = this.noGt
    this.noIn = 0
    this.noGt = 0
    this.newlines()
    while (!this.op(close)) {
      out.push(this.expr())
      this.newlines()
      if (this.op(',')) {
        this.next()
        this.newlines()
      } else if (!this.op(close)) this.fail()
    }
    this.noIn = noIn
    this.noGt = noGt
    this.next()
    return out
  }

  print(): Stmt {
    const format = this.next().v === 'printf'
    let args: Expr[] = []
    const ends = () => this.tok.t === 'nl' || this.tok.t === 'eof' || this.op(';') || this.op('}') || this.op('>') || this.op('>>') || this.op('|')
    if (!ends()) {
      this.noGt++
      if (this.op('(')) {
        // `print (a, b) > f` or `print (a)(b)`
        const save = { pos: this.pos, line: this.line, tok: this.tok, prev: this.prev }
        this.next()
        const inner = this.list(')')
        if (ends()) args = inner.length === 1 ? [{ k: 'group', inner: inner[0]! }] : inner
        else {
          Object.assign(this, save)
          args.push(this.expr())
          while (this.op(',')) {
            this.next()
            this.newlines()
            args.push(this.expr())
          }
        }
      } else {
        args.push(this.expr())
        while (this.op(',')) {
          this.next()
          this.newlines()
          args.push(this.expr())
        }
      }
      this.noGt--
    }
    let to: { op: '>' | '>>' | '|'; target: Expr } | undefined
    if (this.op('>') || this.op('>>') || this.op('|')) {
      const op = this.next().v as '>'
      this.noGt++
      to = { op, target: this.concat(false) }
      this.noGt--
    }
    return { k: 'print', format, args, to }
  }

  expr(): Expr {
    return this.ternary()
  }

  ternary(): Expr {
    const test = this.or()
    if (this.op('?')) {
      this.next()
      this.newlines()
      const yes = this.ternary()
      this.newlines()
      this.expect(':')
      this.newlines()
      return { k: 'cond', test, yes, no: this.ternary() }
    }
    if (this.tok.t === 'op' && ['=', '+=', '-=', '*=', '/=', '%=', '^='].includes(this.tok.v)) {
      const target = lastTarget(test)
      if (target) {
        const op = this.next().v
        this.newlines()
        const value = this.ternary()
        return replaceTarget(test, target, { k: 'assign', op, target, value })
      }
    }
    return test
  }

  or(): Expr {
    let left = this.and()
    while (this.op('||')) {
      this.next()
      this.newlines()
      left = { k: 'or', left, right: this.and() }
    }
    return left
  }

  and(): Expr {
    let left = this.inside()
    while (this.op('&&')) {
      this.next()
      this.newlines()
      left = { k: 'and', left, right: this.inside() }
    }
    return left
  }

  inside(): Expr {
    let left = this.matching()
    while (this.key('in') && this.noIn === 0) {
      this.next()
      left = { k: 'in', subs: [left], name: this.next().v }
    }
    return left
  }

  matching(): Expr {
    let left = this.comparison()
    while (this.op('~') || (this.op('!') && this.src[this.pos] === '~')) {
      const negated = this.op('!')
      this.next()
      if (negated) this.next()
      left = { k: 'match', negated, left, right: this.comparison() }
    }
    return left
  }

  comparison(): Expr {
    const left = this.concat(true)
    if (this.tok.t === 'op' && ['<', '<=', '==', '!=', '>=', '>'].includes(this.tok.v) && !(this.tok.v === '>' && this.noGt > 0)) {
      const op = this.next().v
      return { k: 'binary', op, left, right: this.concat(true) }
    }
    return left
  }

  startsOperand(): boolean {
    const t = this.tok
    if (t.t === 'num' || t.t === 'str' || t.t === 'name' || t.t === 'func' || t.t === 'builtin') return true
    if (t.t === 'op') return ['$', '!', '(', '-', '+', '++', '--'].includes(t.v) && !(t.v === '!' && this.src[this.pos] === '~')
    return false
  }

  concat(pipes: boolean): Expr {
    let left = this.additive()
    for (;;) {
      if (pipes && this.op('|')) {
        const save = { pos: this.pos, line: this.line, tok: this.tok, prev: this.prev }
        this.next()
        if (!this.key('getline')) {
          Object.assign(this, save)
          return left
        }
        this.next()
        left = { k: 'getline', how: 'pipe', source: left, target: this.optionalTarget() }
        continue
      }
      if (!this.startsOperand() || (this.key('in') as boolean)) return left
      if (this.op('-') || this.op('+')) return left
      left = { k: 'concat', left, right: this.additive() }
    }
  }

  additive(): Expr {
    let left = this.multiplicative()
    while (this.op('+') || this.op('-')) {
      const op = this.next().v
      left = { k: 'binary', op, left, right: this.multiplicative() }
    }
    return left
  }

  multiplicative(): Expr {
    let left = this.unary()
    while (this.op('*') || this.op('/') || this.op('%')) {
      const op = this.next().v
      left = { k: 'binary', op, left, right: this.unary() }
    }
    return left
  }

  unary(): Expr {
    if (this.op('!') || this.op('-') || this.op('+')) {
      const op = this.next().v
      return { k: 'unary', op, arg: this.unary() }
    }
    return this.power()
  }

  power(): Expr {
    const base = this.postfix()
    if (this.op('^')) {
      this.next()
      // Right associative, binds tighter than unary minus on its left.
      const right = this.op('-') || this.op('+') || this.op('!') ? this.unary() : this.power()
      return { k: 'binary', op: '^', left: base, right }
    }
    return base
  }

  postfix(): Expr {
    const e = this.primary()
    if ((this.op('++') || this.op('--')) && (e.k === 'var' || e.k === 'field' || e.k === 'index')) {
      return { k: 'step', op: this.next().v as '++', prefix: false, target: e }
    }
    return e
  }

  optionalTarget(): Expr | undefined {
    if (this.op('$') || this.tok.t === 'name') return this.primary()
    return undefined
  }

  primary(): Expr {
    const t = this.tok
    switch (t.t) {
      case 'num':
        this.next()
        return { k: 'num', v: t.n! }
      case 'str':
        this.next()
        return { k: 'str', v: t.v }
      case 'name': {
        this.next()
        if (this.op('[')) {
          this.next()
          return { k: 'index', name: t.v, subs: this.list(']') }
        }
        return { k: 'var', name: t.v }
      }
      case 'func': {
        this.next()
        this.next()
        return { k: 'call', name: t.v, args: this.list(')') }
      }
      case 'builtin': {
        this.next()
        if (this.op('(')) {
          this.next()
          return { k: 'builtin', name: t.v, args: this.list(')') }
        }
        if (t.v !== 'length' && t.v !== 'rand' && t.v !== 'srand' && t.v !== 'fflush') this.fail()
        return { k: 'builtin', name: t.v, args: undefined }
      }
      case 'key':
        if (t.v === 'getline') {
          this.next()
          const target = this.optionalTarget()
          if (this.op('<')) {
            this.next()
            return { k: 'getline', how: 'file', source: this.postfix(), target }
          }
          return { k: 'getline', how: 'plain', source: undefined, target }
        }
        break
      case 'op':
        switch (t.v) {
          case '/':
          case '/=':
            return { k: 'regex', source: this.regex() }
          case '$': {
            this.next()
            if (this.op('++') || this.op('--')) {
              const op = this.next().v as '++'
              return { k: 'field', index: { k: 'step', op, prefix: true, target: this.primary() } }
            }
            if (this.op('-') || this.op('+') || this.op('!')) return { k: 'field', index: this.unary() }
            return { k: 'field', index: this.primary() }
          }
          case '++':
          case '--': {
            this.next()
            return { k: 'step', op: t.v, prefix: true, target: this.primary() }
          }
          case '!':
          case '-':
          case '+':
            return this.unary()
          case '(': {
            this.next()
            const subs = this.list(')')
            if (this.key('in')) {
              this.next()
              return { k: 'in', subs, name: this.next().v }
            }
            if (subs.length !== 1) this.fail()
            return { k: 'group', inner: subs[0]! }
          }
        }
    }
    this.fail()
  }
}

/** The rightmost lvalue of an expression that an assignment operator follows. */
function lastTarget(e: Expr): Expr | undefined {
  if (e.k === 'var' || e.k === 'field' || e.k === 'index') return e
  if (e.k === 'concat' || e.k === 'binary' || e.k === 'and' || e.k === 'or' || e.k === 'match') return lastTarget(e.right)
  if (e.k === 'unary') return lastTarget(e.arg)
  return undefined
}

function replaceTarget(e: Expr, target: Expr, by: Expr): Expr {
  if (e === target) return by
  if (e.k === 'concat' || e.k === 'binary' || e.k === 'and' || e.k === 'or' || e.k === 'match') return { ...e, right: replaceTarget(e.right, target, by) } as Expr
  if (e.k === 'unary') return { ...e, arg: replaceTarget(e.arg, target, by) }
  return e
}

/** Throws AwkError. */
export function parseAwk(source: string): Program {
  return new Parser(source).program()
}
