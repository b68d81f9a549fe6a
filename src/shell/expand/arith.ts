/**
 * Arithmetic (bash's expr.c): 64-bit signed integers that wrap, all C operators, assignment, `**`, `base#digits`, variables whose value
 * is an expression again. The text is already expanded; errors carry bash's words and the token they point at.
 */
import { nameTable, type NameTable } from '#base/name-table.ts'

export class ArithError extends Error {}

export interface ArithVariables {
  get(name: string, subscript: string | undefined): string | undefined
  set(name: string, subscript: string | undefined, value: string): void
}

const binaryLevels: readonly (readonly string[])[] = [['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='], ['<=', '>=', '<', '>'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']]
const assignOps = new Set(['=', '+=', '-=', '*=', '/=', '%=', '<<=', '>>=', '&=', '^=', '|='])
const symbols = ['<<=', '>>=', '**', '++', '--', '<<', '>>', '<=', '>=', '==', '!=', '&&', '||', '+=', '-=', '*=', '/=', '%=', '&=', '^=', '|=', '+', '-', '*', '/', '%', '<', '>', '!', '~', '&', '|', '^', '?', ':', '=', ',', '(', ')']

type Tok = { kind: 'number'; value: bigint } | { kind: 'name'; name: string; subscript: string | undefined } | { kind: 'op'; op: string } | { kind: 'end' }

const wrap = (n: bigint) => BigInt.asIntN(64, n)
const bit = (t: boolean) => (t ? 1n : 0n)

/** All but division. */
const operators: NameTable<(a: bigint, b: bigint) => bigint> = nameTable<(a: bigint, b: bigint) => bigint>({
  '||': (a, b) => bit(a !== 0n || b !== 0n),
  '&&': (a, b) => bit(a !== 0n && b !== 0n),
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '&': (a, b) => a & b,
  '==': (a, b) => bit(a === b),
  '!=': (a, b) => bit(a !== b),
  '<=': (a, b) => bit(a <= b),
  '>=': (a, b) => bit(a >= b),
  '<': (a, b) => bit(a < b),
  '>': (a, b) => bit(a > b),
  '<<': (a, b) => wrap(a << (b & 63n)),
  '>>': (a, b) => a >> (b & 63n),
  '+': (a, b) => wrap(a + b),
  '-': (a, b) => wrap(a - b),
  '*': (a, b) => wrap(a * b),
})

class Evaluator {
  readonly text: string
  readonly vars: ArithVariables
  readonly depth: number
  pos = 0
  /** Start of the last token, for messages. */
  last = 0
  token: Tok = { kind: 'end' }
  skip = 0

  constructor(text: string, vars: ArithVariables, depth: number) {
    this.text = text
    this.vars = vars
    this.depth = depth
  }

  fail(message: string, at = this.last, end?: number): never {
    throw new ArithError(`${this.text.slice(0, end).replace(/^\s+/, '')}: ${message} (error token is "${this.text.slice(at, end)}")`)
  }

  run(): bigint {
    if (this.depth > 256) throw new ArithError(`${this.text}: expression recursion level exceeded (error token is "${this.text}")`)
    this.advance()
    if (this.token.kind === 'end') return 0n
    const value = this.comma()
    if (!this.atEnd()) this.fail('syntax error in expression')
    return value
  }

  advance(): void {
    const before = this.token
    while (/\s/.test(this.text[this.pos] ?? '')) this.pos++
    const c = this.text[this.pos]
    if (c === undefined) {
      this.token = { kind: 'end' }
      return
    }
    this.last = this.pos
    if (/[A-Za-z_]/.test(c)) {
      const name = /^[A-Za-z_]\w*/.exec(this.text.slice(this.pos))![0]
      this.pos += name.length
      let subscript: string | undefined
      if (this.text[this.pos] === '[') {
        let depth = 0
        let i = this.pos
        for (; i < this.text.length; i++) {
          if (this.text[i] === '[') depth++
          else if (this.text[i] === ']' && --depth === 0) break
        }
        if (i >= this.text.length) this.fail('bad array subscript')
        subscript = this.text.slice(this.pos + 1, i)
        this.pos = i + 1
      }
      this.token = { kind: 'name', name, subscript }
      return
    }
    if (/\d/.test(c)) {
      const digits = /^[0-9A-Za-z@_#]+/.exec(this.text.slice(this.pos))![0]
      this.pos += digits.length
      this.token = { kind: 'number', value: this.number(digits) }
      return
    }
    for (const op of symbols) {
      if (this.text.startsWith(op, this.pos)) {
        // `5++` is two plus signs: only a variable can be counted up.
        if ((op === '++' || op === '--') && (before.kind === 'number' || (before.kind === 'op' && before.op === ')'))) continue
        this.pos += op.length
        this.token = { kind: 'op', op }
        return
      }
    }
    const operand = before.kind === 'number' || before.kind === 'name' || (before.kind === 'op' && before.op === ')')
    this.fail(operand ? 'syntax error: invalid arithmetic operator' : 'syntax error: operand expected')
  }

  number(digits: string): bigint {
    let base = 10n
    let rest = digits
    if (/^0[xX]/.test(digits)) {
      base = 16n
      rest = digits.slice(2)
      if (rest === '') return 0n
    } else if (digits.includes('#') && digits[0] !== '0') {
      const [b, ...more] = digits.split('#')
      base = BigInt(/^\d+$/.test(b!) ? b! : 0)
      rest = more.join('#')
      if (base < 2n || base > 64n) this.fail('invalid arithmetic base')
      if (rest === '') this.fail('invalid integer constant')
    } else if (digits.length > 1 && digits[0] === '0') {
      base = 8n
      rest = digits.slice(1)
    }
    let value = 0n
    for (const c of rest) {
      let d: number
      if (c >= '0' && c <= '9') d = c.charCodeAt(0) - 48
      else if (c >= 'a' && c <= 'z') d = c.charCodeAt(0) - 87
      else if (c >= 'A' && c <= 'Z') d = c.charCodeAt(0) - (base <= 36n ? 55 : 29)
      else if (c === '@') d = 62
      else if (c === '_') d = 63
      else this.fail('invalid number', this.last, this.pos)
      if (BigInt(d) >= base) this.fail('value too great for base', this.last, this.pos)
      value = value * base + BigInt(d)
    }
    return BigInt.asIntN(64, value)
  }

  isOp(...ops: string[]): boolean {
    return this.token.kind === 'op' && ops.includes(this.token.op)
  }

  atEnd(): boolean {
    return this.token.kind === 'end'
  }

  comma(): bigint {
    let value = this.assignment()
    while (this.isOp(',')) {
      this.advance()
      value = this.assignment()
    }
    return value
  }

  assignment(): bigint {
    const start = this.token
    if (start.kind === 'name') {
      const save = { pos: this.pos, last: this.last, token: this.token }
      this.advance()
      const op = this.token
      if (op.kind === 'op' && assignOps.has(op.op)) {
        const at = this.pos
        this.advance()
        const right = this.assignment()
        const value = op.op === '=' ? right : this.apply(op.op.slice(0, -1), this.read(start), right, at)
        if (this.skip === 0) this.vars.set(start.name, start.subscript, String(value))
        return value
      }
      this.pos = save.pos
      this.last = save.last
      this.token = save.token
    }
    const value = this.conditional()
    if (this.token.kind === 'op' && assignOps.has(this.token.op)) this.fail('attempted assignment to non-variable')
    return value
  }

  conditional(): bigint {
    const test = this.binary(0)
    if (!this.isOp('?')) return test
    this.advance()
    if (this.atEnd() || this.isOp(':')) this.fail('expression expected')
    if (test === 0n) this.skip++
    const yes = this.comma()
    if (test === 0n) this.skip--
    if (!this.isOp(':')) this.fail("`:' expected for conditional expression")
    this.advance()
    if (this.atEnd()) this.fail('expression expected')
    if (test !== 0n) this.skip++
    const no = this.isAssignment() ? this.assignment() : this.conditional()
    if (test !== 0n) this.skip--
    return test !== 0n ? yes : no
  }

  isAssignment(): boolean {
    return this.token.kind === 'name' && /^\s*([-+*/%&^|]|<<|>>)?=[^=]/.test(this.text.slice(this.pos))
  }

  binary(level: number): bigint {
    if (level === binaryLevels.length) return this.power()
    let left = this.binary(level + 1)
    while (this.token.kind === 'op' && binaryLevels[level]!.includes(this.token.op)) {
      const op = this.token.op
      const at = this.pos
      const short = (op === '||' && left !== 0n) || (op === '&&' && left === 0n)
      this.advance()
      if (short) this.skip++
      const right = this.binary(level + 1)
      if (short) this.skip--
      left = this.apply(op, left, right, at)
    }
    return left
  }

  apply(op: string, a: bigint, b: bigint, at: number): bigint {
    const known = operators.get(op)
    if (known) return known(a, b)
    if (b === 0n) {
      if (this.skip > 0) return 0n
      while (/\s/.test(this.text[at] ?? '')) at++
      this.fail('division by 0', at)
    }
    return wrap(op === '/' ? a / b : a % b)
  }

  power(): bigint {
    const base = this.unary()
    if (!this.isOp('**')) return base
    this.advance()
    const exponent = this.power()
    if (exponent < 0n) this.fail('exponent less than 0')
    let result = 1n
    let b = base
    for (let e = exponent; e > 0n; e >>= 1n) {
      if (e & 1n) result = BigInt.asIntN(64, result * b)
      b = BigInt.asIntN(64, b * b)
    }
    return result
  }

  unary(): bigint {
    const t = this.token
    if (t.kind === 'op') {
      if (t.op === '!' || t.op === '~' || t.op === '-' || t.op === '+') {
        this.advance()
        const value = this.unary()
        return t.op === '!' ? (value === 0n ? 1n : 0n) : t.op === '~' ? ~value : t.op === '-' ? BigInt.asIntN(64, -value) : value
      }
      if (t.op === '++' || t.op === '--') {
        this.advance()
        const target = this.token
        if (target.kind !== 'name') {
          // `--5` is two minuses.
          const value = this.unary()
          return value
        }
        this.advance()
        const value = BigInt.asIntN(64, this.read(target) + (t.op === '++' ? 1n : -1n))
        if (this.skip === 0) this.vars.set(target.name, target.subscript, String(value))
        return value
      }
      if (t.op === '(') {
        this.advance()
        const value = this.comma()
        if (!this.isOp(')')) this.fail("missing `)'")
        this.advance()
        return value
      }
      this.fail('syntax error: operand expected')
    }
    if (t.kind === 'end') this.fail('syntax error: operand expected')
    if (t.kind === 'number') {
      this.advance()
      return t.value
    }
    this.advance()
    if (this.isOp('++', '--')) {
      const up = this.isOp('++')
      this.advance()
      const value = this.read(t)
      if (this.skip === 0) this.vars.set(t.name, t.subscript, String(BigInt.asIntN(64, value + (up ? 1n : -1n))))
      return value
    }
    return this.read(t)
  }

  read(t: { name: string; subscript: string | undefined }): bigint {
    if (this.skip > 0) return 0n
    const text = this.vars.get(t.name, t.subscript)
    if (text === undefined || text === '') return 0n
    if (/^-?[1-9]\d{0,17}$/.test(text) || text === '0') return BigInt(text)
    return new Evaluator(text, this.vars, this.depth + 1).run()
  }
}

/** Throws ArithError. */
export function evaluate(text: string, vars: ArithVariables): bigint {
  return new Evaluator(text, vars, 0).run()
}
