/** bc, as a calculator: expressions, scale, variables, ibase/obase for integers, sqrt and length. No functions of one's own. */
import type { Program } from '#engine/machine/process.ts'
import { parseOptions, readInputs, tool } from './common.ts'

class BcError extends Error {}

/** A decimal: digits times 10^-scale. */
interface Decimal {
  readonly n: bigint
  readonly scale: number
}

const pow10 = (k: number) => 10n ** BigInt(k)
const rescale = (d: Decimal, scale: number): bigint => (scale >= d.scale ? d.n * pow10(scale - d.scale) : d.n / pow10(d.scale - scale))

class Calculator {
  scale = 0
  ibase = 10
  obase = 10
  last: Decimal = { n: 0n, scale: 0 }
  readonly variables = new Map<string, Decimal>()
  text = ''
  pos = 0
  /** Assignments print nothing. */
  quiet = false

  run(line: string): string[] {
    const out: string[] = []
    for (const part of line.split(/;|\n/)) {
      this.text = part.replace(/#.*$/, '')
      this.pos = 0
      if (this.text.trim() === '') continue
      const string = /^\s*(?:print\s+)?"([^"]*)"\s*$/.exec(this.text)
      if (string) {
        out.push(string[1]!.replace(/\\n/g, '\n'))
        continue
      }
      if (/^\s*(quit|halt)\s*$/.test(this.text)) throw new BcError('quit')
      this.quiet = false
      const value = this.assignment()
      this.blanks()
      if (this.pos < this.text.length) throw new BcError('syntax error')
      if (!this.quiet) {
        out.push(this.format(value) + '\n')
        this.last = value
      }
    }
    return out
  }

  format(d: Decimal): string {
    const sign = d.n < 0n ? '-' : ''
    const abs = d.n < 0n ? -d.n : d.n
    if (this.obase !== 10) return sign + (abs / pow10(d.scale)).toString(Math.min(36, this.obase)).toUpperCase()
    const digits = abs.toString().padStart(d.scale + 1, '0')
    const whole = digits.slice(0, digits.length - d.scale).replace(/^0+(?=\d)/, '')
    const text = d.scale === 0 ? whole : `${whole === '0' ? '' : whole}.${digits.slice(digits.length - d.scale)}`
    const wrapped = /^[.0]*$/.test(text) ? '0' : sign + text
    return wrapped.length > 69 ? wrapped.replace(/(.{68})(?=.)/g, '$1\\\n') : wrapped
  }

  blanks(): void {
    while (/[ \t]/.test(this.text[this.pos] ?? '')) this.pos++
  }

  take(op: string): boolean {
    this.blanks()
    if (!this.text.startsWith(op, this.pos)) return false
    this.pos += op.length
    return true
  }

  assignment(): Decimal {
    this.blanks()
    const m = /^([a-z][a-z0-9_]*)\s*([-+*/%^]?)=(?!=)/.exec(this.text.slice(this.pos))
    if (m) {
      this.pos += m[0].length
      let value = this.assignment()
      if (m[2] !== '') value = this.apply(m[2]!, this.variable(m[1]!), value)
      if (m[1] === 'scale') this.scale = Number(rescale(value, 0))
      else if (m[1] === 'ibase') this.ibase = Number(rescale(value, 0))
      else if (m[1] === 'obase') this.obase = Number(rescale(value, 0))
      else this.variables.set(m[1]!, value)
      this.quiet = true
      return value
    }
    return this.comparison()
  }

  comparison(): Decimal {
    let left = this.sum()
    for (;;) {
      const op = ['==', '!=', '<=', '>=', '<', '>', '&&', '||'].find((o) => this.take(o))
      if (!op) return left
      const right = this.sum()
      const s = Math.max(left.scale, right.scale)
      const [a, b] = [rescale(left, s), rescale(right, s)]
      const t = { '==': a === b, '!=': a !== b, '<=': a <= b, '>=': a >= b, '<': a < b, '>': a > b, '&&': a !== 0n && b !== 0n, '||': a !== 0n || b !== 0n }[op as '==']
      left = { n: t ? 1n : 0n, scale: 0 }
    }
  }

  sum(): Decimal {
    let left = this.product()
    for (;;) {
      if (this.take('+')) left = this.apply('+', left, this.product())
      else if (this.take('-')) left = this.apply('-', left, this.product())
      else return left
    }
  }

  product(): Decimal {
    let left = this.power()
    for (;;) {
      const op = ['*', '/', '%'].find((o) => this.take(o))
      if (!op) return left
      left = this.apply(op, left, this.power())
    }
  }

  power(): Decimal {
    const base = this.unary()
    return this.take('^') ? this.apply('^', base, this.power()) : base
  }

  unary(): Decimal {
    if (this.take('-')) {
      const v = this.unary()
      return { n: -v.n, scale: v.scale }
    }
    if (this.take('!')) return { n: this.unary().n === 0n ? 1n : 0n, scale: 0 }
    return this.primary()
  }

  variable(name: string): Decimal {
    if (name === 'scale') return { n: BigInt(this.scale), scale: 0 }
    if (name === 'ibase') return { n: BigInt(this.ibase), scale: 0 }
    if (name === 'obase') return { n: BigInt(this.obase), scale: 0 }
    if (name === 'last') return this.last
    return this.variables.get(name) ?? { n: 0n, scale: 0 }
  }

  primary(): Decimal {
    this.blanks()
    if (this.take('(')) {
      const v = this.assignment()
      this.quiet = false
      if (!this.take(')')) throw new BcError('syntax error')
      return v
    }
    const rest = this.text.slice(this.pos)
    const number = /^([0-9A-F]+\.?[0-9A-F]*|\.[0-9A-F]+)/.exec(rest)
    if (number) {
      this.pos += number[0].length
      if (this.ibase !== 10) return { n: BigInt(parseInt(number[0], this.ibase)), scale: 0 }
      const [whole, fraction = ''] = number[0].split('.')
      return { n: BigInt((whole || '0') + fraction), scale: fraction.length }
    }
    const name = /^([a-z][a-z0-9_]*)\s*(\()?/.exec(rest)
    if (!name) throw new BcError('syntax error')
    this.pos += name[0].length
    if (!name[2]) return this.variable(name[1]!)
    const arg = this.assignment()
    if (!this.take(')')) throw new BcError('syntax error')
    const value = Number(arg.n) / 10 ** arg.scale
    const real = (x: number): Decimal => ({ n: BigInt(Math.trunc(x * 10 ** Math.min(this.scale, 15))) * pow10(Math.max(0, this.scale - 15)), scale: this.scale })
    switch (name[1]) {
      case 'sqrt': {
        if (arg.n < 0n) throw new BcError('Square root of a negative number')
        const s = Math.max(this.scale, arg.scale)
        const target = rescale(arg, 2 * s)
        let x = BigInt(Math.floor(Math.sqrt(Number(target))))
        while (x * x > target) x--
        while ((x + 1n) * (x + 1n) <= target) x++
        return { n: x, scale: s }
      }
      case 'length': return { n: BigInt(arg.n.toString().replace('-', '').length), scale: 0 }
      case 'scale': return { n: BigInt(arg.scale), scale: 0 }
      case 's': return real(Math.sin(value))
      case 'c': return real(Math.cos(value))
      case 'a': return real(Math.atan(value))
      case 'l': return real(Math.log(value))
      case 'e': return real(Math.exp(value))
      default: throw new BcError(`Function ${name[1]} not defined.`)
    }
  }

  apply(op: string, a: Decimal, b: Decimal): Decimal {
    const s = Math.max(a.scale, b.scale)
    switch (op) {
      case '+': return { n: rescale(a, s) + rescale(b, s), scale: s }
      case '-': return { n: rescale(a, s) - rescale(b, s), scale: s }
      case '*': {
        const scale = Math.min(a.scale + b.scale, Math.max(this.scale, a.scale, b.scale))
        return { n: rescale({ n: a.n * b.n, scale: a.scale + b.scale }, scale), scale }
      }
      case '/':
        if (b.n === 0n) throw new BcError('Divide by zero')
        return { n: (a.n * pow10(this.scale + b.scale)) / (b.n * pow10(a.scale)), scale: this.scale }
      case '%': {
        if (b.n === 0n) throw new BcError('Modulo by zero')
        const scale = Math.max(this.scale + b.scale, a.scale)
        const q = this.apply('/', a, b)
        return { n: rescale(a, scale) - rescale({ n: q.n * b.n, scale: q.scale + b.scale }, scale), scale }
      }
      default: {
        const e = Number(rescale(b, 0))
        if (e >= 0) {
          const scale = Math.min(a.scale * e, Math.max(this.scale, a.scale))
          return { n: rescale({ n: a.n ** BigInt(e), scale: a.scale * e }, scale), scale }
        }
        return this.apply('/', { n: 1n, scale: 0 }, this.apply('^', a, { n: BigInt(-e), scale: 0 }))
      }
    }
  }
}

export const bc: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'lqis', long: { mathlib: 'l', quiet: 'q' } })
  const calculator = new Calculator()
  if (o.has('l')) calculator.scale = 20
  const evaluate = async (line: string): Promise<boolean> => {
    try {
      for (const text of calculator.run(line)) await process.stdout.write(text)
    } catch (error) {
      if (!(error instanceof BcError)) throw error
      if (error.message === 'quit') return false
      await process.stderr.write(error.message === 'syntax error' ? '(standard_in) 1: syntax error\n' : `Runtime error (func=(main), adr=${/sqrt|Square/.test(error.message) ? 4 : 3}): ${error.message}\n`)
    }
    return true
  }
  const { texts } = o.rest.length > 0 ? await readInputs(process, o.rest) : { texts: [] }
  for (const line of texts.join('').split('\n')) if (!(await evaluate(line))) return 0
  for (let line = await process.stdin.readLine(); line !== undefined; line = await process.stdin.readLine()) if (!(await evaluate(line))) return 0
  return 0
})
