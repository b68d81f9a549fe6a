/**
 * Regular expressions as Go reads them (regexp/syntax: RE2 with Perl's classes), in the words of RegExp; and Go's complaints where it refuses one, such as for
 * what looks around or back. Leaves out: flags that change within an expression, negated classes within classes, the greatest size of a program.
 */

/** `failure`: what `regexp.Compile` says. */
export type GoRegexp = { readonly pattern: RegExp; readonly failure?: undefined } | { readonly failure: string }

const posix: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z', alpha: 'A-Za-z', ascii: '\\x00-\\x7f', blank: '\\t ', cntrl: '\\x00-\\x1f\\x7f', digit: '0-9', graph: '!-~', lower: 'a-z', print: ' -~', punct: '!-\\/:-@\\[-`{-~', space: '\\t\\n\\v\\f\\r ', upper: 'A-Z', word: '0-9A-Za-z_', xdigit: '0-9A-Fa-f',
}

/** Escapes of one character. */
const characters: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

class Refusal extends Error {}

const refuse = (what: string, where: string): never => {
  throw new Refusal(`error parsing regexp: ${what}: \`${where}\``)
}

/** One character, whatever it means. */
const literal = (code: number) => (code < 0x80 && !/[0-9A-Za-z]/.test(String.fromCharCode(code)) ? `\\x${code.toString(16).padStart(2, '0')}` : String.fromCodePoint(code))

class Translation {
  readonly #source: string
  #at = 0
  #dotAll = false
  #flags = ''

  constructor(source: string) {
    this.#source = source
  }

  run(): RegExp {
    const source = this.#source
    const open: number[] = []
    let out = this.#leadingFlags()
    // Where what may be repeated began, and where the last repetition did.
    let operand = false
    let repeated: number | undefined
    while (this.#at < source.length) {
      const start = this.#at
      const c = String.fromCodePoint(source.codePointAt(start)!)
      const repetition = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(source.slice(start))?.[0]
      if (repetition !== undefined) {
        this.#at += repetition.length
        if (!operand) refuse('missing argument to repetition operator', repetition)
        if (repeated !== undefined) refuse('invalid nested repetition operator', source.slice(repeated, this.#at))
        const [low = 0, high = low] = [...repetition.matchAll(/\d+/g)].map((m) => Number(m[0]))
        if (low > 1000 || high > 1000 || high < low) refuse('invalid repeat count', repetition.replace(/\}\?$/, '}'))
        repeated = start
        out += repetition
        continue
      }
      repeated = undefined
      operand = true
      if (c === '(') {
        open.push(start)
        out += this.#group()
        operand = false
      } else if (c === ')') {
        if (open.pop() === undefined) refuse('unexpected )', source)
        this.#at++
        out += ')'
      } else if (c === '|') {
        this.#at++
        out += '|'
        operand = false
      } else if (c === '[') out += this.#class()
      else if (c === '\\') out += this.#escape(false)
      else {
        this.#at += c.length
        out += c === '.' ? (this.#dotAll ? '[^]' : '[^\\n]') : c === '^' || c === '$' ? c : literal(c.codePointAt(0)!)
      }
    }
    if (open.length > 0) refuse('missing closing )', source)
    return new RegExp(out, this.#flags + 'u')
  }

  /** `(?i)` and its like before everything else. */
  #leadingFlags(): string {
    const m = /^(\^?)\(\?([ims]+)\)/.exec(this.#source)
    if (!m) return ''
    this.#at = m[0].length
    this.#dotAll = m[2]!.includes('s')
    this.#flags = [...new Set(m[2]!.replace('s', ''))].filter((f) => f !== 's').join('')
    return m[1]!
  }

  #group(): string {
    const rest = this.#source.slice(this.#at)
    if (!rest.startsWith('(?')) {
      this.#at++
      return '('
    }
    const named = /^\(\?P?<([^>]*)>/.exec(rest)
    if (named || /^\(\?P?</.test(rest)) {
      if (!named) refuse('invalid named capture', rest)
      if (!/^\w+$/.test(named![1]!)) refuse('invalid named capture', named![0])
      this.#at += named![0].length
      return `(?<${named![1]}>`
    }
    if (rest.startsWith('(?:')) {
      this.#at += 3
      return '(?:'
    }
    return refuse('invalid or unsupported Perl syntax', /^\(\?[imsU-]*[^]?/u.exec(rest)![0])
  }

  /** A backslash and what follows it. `inside`: of a class. */
  #escape(inside: boolean): string {
    const rest = this.#source.slice(this.#at)
    const c = rest[1]
    if (c === undefined) return refuse('trailing backslash at end of expression', '')
    const take = (length: number, out: string) => {
      this.#at += length
      return out
    }
    if ('dDwW'.includes(c)) return take(2, `\\${c}`)
    if (c === 's') return take(2, inside ? '\\t\\n\\f\\r ' : '[\\t\\n\\f\\r ]')
    if (c === 'S') return take(2, inside ? '\\S' : '[^\\t\\n\\f\\r ]')
    if (!inside && 'bB'.includes(c)) return take(2, `\\${c}`)
    if (!inside && c === 'A') return take(2, '(?<![^])')
    if (!inside && c === 'z') return take(2, '(?![^])')
    if (!inside && c === 'Q') {
      const end = rest.indexOf('\\E')
      const text = rest.slice(2, end < 0 ? undefined : end)
      return take(end < 0 ? rest.length : end + 2, [...text].map((x) => literal(x.codePointAt(0)!)).join(''))
    }
    const property = /^\\([pP])(?:\{(\^?)(\w+)\}|(\w))/.exec(rest)
    if (property) return take(property[0].length, this.#property(property))
    return take(...this.#character(rest, c))
  }

  #property([whole, letter, negated, long, short]: RegExpExecArray): string {
    const name = long ?? short!
    const sign = (letter === 'P') !== (negated === '^') ? 'P' : 'p'
    for (const form of [name, `Script=${name}`]) {
      try {
        new RegExp(`\\p{${form}}`, 'u')
        return `\\${sign}{${form}}`
      } catch {
        // Not a category: a script, or nothing that Unicode knows.
      }
    }
    return refuse('invalid character class range', whole)
  }

  /** Length and translation of an escaped single character. */
  #character(rest: string, c: string): [number, string] {
    const hex = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(rest)
    const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)
    if (hex) return [hex[0].length, literal(Number.parseInt(hex[1] ?? hex[2]!, 16))]
    if (octal) return [octal[0].length, literal(Number.parseInt(octal[1]!, 8))]
    const known = Object.hasOwn(characters, c) ? characters[c]! : /[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e ]/.test(c) ? c.charCodeAt(0) : undefined
    return known === undefined ? refuse('invalid escape sequence', rest.slice(0, 2)) : [2, literal(known)]
  }

  #class(): string {
    const source = this.#source
    const start = this.#at
    this.#at += 1
    let out = '['
    if (source[this.#at] === '^') {
      this.#at++
      out += '^'
    }
    for (let first = true; ; first = false) {
      const c = source[this.#at]
      if (c === undefined) return refuse('missing closing ]', source.slice(start))
      if (c === ']' && !first) break
      const named = /^\[:\^?(\w*):\]/.exec(source.slice(this.#at))
      if (named) {
        const members = Object.hasOwn(posix, named[1]!) && !named[0].includes('^') ? posix[named[1]!]! : refuse('invalid character class range', named[0])
        out += members
        this.#at += named[0].length
        continue
      }
      const from = this.#at
      const low = this.#member()
      if (source[this.#at] === '-' && this.#at + 1 < source.length && source[this.#at + 1] !== ']' && low.code !== undefined) {
        this.#at++
        const high = this.#member()
        if (high.code === undefined || high.code < low.code) refuse('invalid character class range', source.slice(from, this.#at))
        out += `${low.text}-${high.text}`
      } else out += low.text
    }
    this.#at++
    return out + ']'
  }

  /** One member of a class; no code: it is a class itself. */
  #member(): { readonly text: string; readonly code?: number } {
    const code = this.#source.codePointAt(this.#at)!
    if (code === 0x5c) {
      const from = this.#at
      const text = this.#escape(true)
      if (/^\\[dDwWsSpP]/.test(this.#source.slice(from))) return { text }
      return { text, code: text.startsWith('\\x') ? Number.parseInt(text.slice(2), 16) : text.codePointAt(0)! }
    }
    this.#at += code > 0xffff ? 2 : 1
    return { text: literal(code), code }
  }
}

/** `regexp.Compile`. The pattern has no state: it is not global. */
export function goRegexp(source: string): GoRegexp {
  try {
    return { pattern: new Translation(source).run() }
  } catch (error) {
    if (error instanceof Refusal) return { failure: error.message }
    if (error instanceof SyntaxError) return { failure: `error parsing regexp: invalid or unsupported Perl syntax: \`${source}\`` }
    throw error
  }
}
