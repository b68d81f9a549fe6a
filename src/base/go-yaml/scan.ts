/**
 * The token scanner of YAML 1.1 as go-yaml (libyaml) has it: indentation stack, simple keys, block and flow scalars, and its error texts,
 * because kubectl shows them ("yaml: line 4: mapping values are not allowed in this context"). Lines count from 0 here.
 * Left out: directives, tags other than passing over them, encodings other than UTF-8.
 */
export type TokenType =
  | 'stream-start' | 'stream-end' | 'document-start' | 'document-end' | 'block-sequence-start' | 'block-mapping-start' | 'block-end'
  | '[' | ']' | '{' | '}' | '-' | ',' | 'key' | 'value' | 'alias' | 'anchor' | 'tag' | 'scalar'

export interface Token {
  readonly type: TokenType
  readonly line: number
  readonly value: string
  readonly style: 'plain' | 'single' | 'double' | 'literal' | ''
}

/** `line` counts from 1, or is 0 where go-yaml names none. */
export class YamlError extends Error {
  constructor(problem: string, line: number) {
    super(`yaml: ${line > 0 ? `line ${line}: ` : ''}${problem}`)
  }
}

interface SimpleKey {
  possible: boolean
  required: boolean
  number: number
  line: number
  column: number
  index: number
}

const isBlank = (c: string) => c === ' ' || c === '\t'
const isBreak = (c: string) => c === '\n' || c === '\r' || c === '\u0085' || c === '\u2028' || c === '\u2029'
/** Characters that end nothing, in whatever scalar they stand. */
const ordinary = /[A-Za-z0-9_/.=+-]+/y
const restOfLine = /[^\n\r\u0085\u2028\u2029]*/y
const isEnd = (c: string) => c === '' || isBlank(c) || isBreak(c)

export class Scanner {
  readonly #text: string
  #pos = 0
  #line = 0
  #column = 0
  #indent = -1
  #indents: number[] = []
  #flow = 0
  #keyAllowed = true
  #keys: SimpleKey[] = []
  #tokens: Token[] = []
  #parsed = 0
  #started = false
  #ended = false

  constructor(text: string) {
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text
  }

  peek(): Token {
    this.#fill()
    return this.#tokens[0]!
  }

  next(): Token {
    const token = this.peek()
    this.#tokens.shift()
    this.#parsed++
    return token
  }

  #fill(): void {
    for (;;) {
      let need = this.#tokens.length === 0
      if (!need) {
        this.#dropStaleKeys()
        need = this.#keys.some((k) => k.possible && k.number === this.#parsed)
      }
      if (!need || this.#ended) return
      this.#fetch()
    }
  }

  #fail(problem: string): never {
    throw new YamlError(problem, this.#line > 0 ? this.#line + 1 : 0)
  }

  #peek(): string {
    return this.#text[this.#pos] ?? ''
  }

  #at(offset: number): string {
    return this.#text[this.#pos + offset] ?? ''
  }

  #skip(): void {
    this.#pos++
    this.#column++
  }

  #takeOne(): string {
    const c = this.#peek()
    this.#skip()
    return c
  }

  /** What matches from here, in one piece. */
  #take(run: RegExp): string {
    run.lastIndex = this.#pos
    const found = run.exec(this.#text)?.[0] ?? ''
    this.#pos += found.length
    this.#column += found.length
    return found
  }

  #skipBreak(): string {
    const c = this.#peek()
    this.#pos += c === '\r' && this.#at(1) === '\n' ? 2 : 1
    this.#line++
    this.#column = 0
    return c === '\u2028' || c === '\u2029' ? c : '\n'
  }

  #push(type: TokenType, value = '', style: Token['style'] = '', line = this.#line): void {
    this.#tokens.push({ type, line, value, style })
  }

  #dropStaleKeys(): void {
    for (const key of this.#keys) {
      if (!key.possible || (key.line === this.#line && key.index + 1024 >= this.#pos)) continue
      if (key.required) this.#fail("could not find expected ':'")
      key.possible = false
    }
  }

  #saveKey(): void {
    const required = this.#flow === 0 && this.#indent === this.#column
    if (!this.#keyAllowed) return
    this.#removeKey()
    this.#keys[this.#keys.length - 1] = { possible: true, required, number: this.#parsed + this.#tokens.length, line: this.#line, column: this.#column, index: this.#pos }
  }

  #removeKey(): void {
    const key = this.#keys.at(-1)!
    if (key.possible && key.required) this.#fail("could not find expected ':'")
    key.possible = false
  }

  #newKey(): SimpleKey {
    return { possible: false, required: false, number: 0, line: 0, column: 0, index: 0 }
  }

  #roll(column: number, number: number, type: TokenType): void {
    if (this.#flow > 0 || this.#indent >= column) return
    this.#indents.push(this.#indent)
    this.#indent = column
    const token: Token = { type, line: this.#line, value: '', style: '' }
    if (number < 0) this.#tokens.push(token)
    else this.#tokens.splice(number - this.#parsed, 0, token)
  }

  #unroll(column: number): void {
    if (this.#flow > 0) return
    while (this.#indent > column) {
      this.#push('block-end')
      this.#indent = this.#indents.pop()!
    }
  }

  #fetch(): void {
    if (!this.#started) {
      this.#started = true
      this.#keys.push(this.#newKey())
      this.#push('stream-start')
      return
    }
    this.#toNextToken()
    this.#dropStaleKeys()
    this.#unroll(this.#column)
    const c = this.#peek()
    if (c === '') {
      if (this.#column !== 0) {
        this.#column = 0
        this.#line++
      }
      this.#unroll(-1)
      this.#removeKey()
      this.#keyAllowed = false
      this.#push('stream-end')
      this.#ended = true
      return
    }
    if (this.#column === 0 && c === '%') {
      while (this.#peek() !== '' && !isBreak(this.#peek())) this.#skip()
      return
    }
    const three = this.#text.substr(this.#pos, 3)
    if (this.#column === 0 && (three === '---' || three === '...') && isEnd(this.#at(3))) {
      this.#unroll(-1)
      this.#removeKey()
      this.#keyAllowed = false
      const line = this.#line
      this.#pos += 3
      this.#column += 3
      this.#push(three === '---' ? 'document-start' : 'document-end', '', '', line)
      return
    }
    switch (c) {
      case '[':
      case '{':
        this.#saveKey()
        this.#flow++
        this.#keys.push(this.#newKey())
        this.#keyAllowed = true
        this.#push(c)
        this.#skip()
        return
      case ']':
      case '}':
        this.#removeKey()
        if (this.#flow > 0) {
          this.#flow--
          this.#keys.pop()
        }
        this.#keyAllowed = false
        this.#push(c)
        this.#skip()
        return
      case ',':
        this.#removeKey()
        this.#keyAllowed = true
        this.#push(c)
        this.#skip()
        return
    }
    if (c === '-' && isEnd(this.#at(1))) return this.#blockEntry()
    if (c === '?' && (this.#flow > 0 || isEnd(this.#at(1)))) return this.#keyToken()
    if (c === ':' && (this.#flow > 0 || isEnd(this.#at(1)))) return this.#valueToken()
    if (c === '*' || c === '&') return this.#anchor(c)
    if (c === '!') return this.#tag()
    if ((c === '|' || c === '>') && this.#flow === 0) return this.#blockScalar(c === '|')
    if (c === "'" || c === '"') return this.#quoted(c)
    const plain = !(isEnd(c) || '-?:,[]{}#&*!|>\'"%@`'.includes(c)) || (c === '-' && !isBlank(this.#at(1))) || (this.#flow === 0 && (c === '?' || c === ':') && !isEnd(this.#at(1)))
    if (plain) return this.#plain()
    this.#fail('found character that cannot start any token')
  }

  #toNextToken(): void {
    for (;;) {
      while (this.#peek() === ' ' || ((this.#flow > 0 || !this.#keyAllowed) && this.#peek() === '\t')) this.#skip()
      if (this.#peek() === '#') while (this.#peek() !== '' && !isBreak(this.#peek())) this.#skip()
      if (!isBreak(this.#peek())) return
      this.#skipBreak()
      if (this.#flow === 0) this.#keyAllowed = true
    }
  }

  #blockEntry(): void {
    if (this.#flow === 0) {
      if (!this.#keyAllowed) this.#fail('block sequence entries are not allowed in this context')
      this.#roll(this.#column, -1, 'block-sequence-start')
    }
    this.#removeKey()
    this.#keyAllowed = true
    this.#push('-')
    this.#skip()
  }

  #keyToken(): void {
    if (this.#flow === 0) {
      if (!this.#keyAllowed) this.#fail('mapping keys are not allowed in this context')
      this.#roll(this.#column, -1, 'block-mapping-start')
    }
    this.#removeKey()
    this.#keyAllowed = this.#flow === 0
    this.#push('key')
    this.#skip()
  }

  #valueToken(): void {
    const key = this.#keys.at(-1)!
    if (key.possible) {
      this.#tokens.splice(key.number - this.#parsed, 0, { type: 'key', line: key.line, value: '', style: '' })
      this.#roll(key.column, key.number, 'block-mapping-start')
      key.possible = false
      this.#keyAllowed = false
    } else {
      if (this.#flow === 0) {
        if (!this.#keyAllowed) this.#fail('mapping values are not allowed in this context')
        this.#roll(this.#column, -1, 'block-mapping-start')
      }
      this.#keyAllowed = this.#flow === 0
    }
    this.#push('value')
    this.#skip()
  }

  #anchor(mark: string): void {
    this.#saveKey()
    this.#keyAllowed = false
    const line = this.#line
    this.#skip()
    let name = ''
    while (/[\w-]/.test(this.#peek())) {
      name += this.#peek()
      this.#skip()
    }
    if (name === '' || !(isEnd(this.#peek()) || '?:,]}%@`'.includes(this.#peek()))) this.#fail('did not find expected alphabetic or numeric character')
    this.#push(mark === '*' ? 'alias' : 'anchor', name, '', line)
  }

  #tag(): void {
    this.#saveKey()
    this.#keyAllowed = false
    let name = ''
    while (!isEnd(this.#peek()) && !(this.#flow > 0 && ',[]{}'.includes(this.#peek()))) {
      name += this.#peek()
      this.#skip()
    }
    this.#push('tag', name)
  }

  #blockScalar(literal: boolean): void {
    this.#removeKey()
    this.#keyAllowed = true
    const line = this.#line
    this.#skip()
    let chomp = 0
    let increment = 0
    for (let i = 0; i < 2; i++) {
      if (this.#peek() === '+' || this.#peek() === '-') {
        chomp = this.#peek() === '+' ? 1 : -1
        this.#skip()
      } else if (/\d/.test(this.#peek())) {
        if (this.#peek() === '0') this.#fail('found an indentation indicator equal to 0')
        increment = Number(this.#peek())
        this.#skip()
      }
    }
    while (isBlank(this.#peek())) this.#skip()
    if (this.#peek() === '#') while (this.#peek() !== '' && !isBreak(this.#peek())) this.#skip()
    if (this.#peek() !== '' && !isBreak(this.#peek())) this.#fail('did not find expected comment or line break')
    if (isBreak(this.#peek())) this.#skipBreak()
    let indent = increment > 0 ? (this.#indent >= 0 ? this.#indent + increment : increment) : 0
    let trailing = ''
    const breaks = () => {
      let max = 0
      for (;;) {
        while ((indent === 0 || this.#column < indent) && this.#peek() === ' ') this.#skip()
        if (this.#column > max) max = this.#column
        if ((indent === 0 || this.#column < indent) && this.#peek() === '\t') this.#fail('found a tab character where an indentation space is expected')
        if (!isBreak(this.#peek())) break
        trailing += this.#skipBreak()
      }
      if (indent === 0) indent = Math.max(max, this.#indent + 1, 1)
    }
    breaks()
    let text = ''
    let leading = ''
    let leadingBlank = false
    while (this.#column === indent && this.#peek() !== '') {
      const trailingBlank = isBlank(this.#peek())
      if (!literal && !leadingBlank && !trailingBlank && leading.startsWith('\n')) {
        if (trailing === '') text += ' '
        leading = ''
      } else {
        text += leading
        leading = ''
      }
      text += trailing
      trailing = ''
      leadingBlank = isBlank(this.#peek())
      text += this.#take(restOfLine)
      if (isBreak(this.#peek())) leading = this.#skipBreak()
      breaks()
    }
    if (chomp !== -1) text += leading
    if (chomp === 1) text += trailing
    this.#push('scalar', text, 'literal', line)
  }

  #quoted(quote: string): void {
    this.#saveKey()
    this.#keyAllowed = false
    const line = this.#line
    const single = quote === "'"
    this.#skip()
    let text = ''
    for (;;) {
      const three = this.#text.substr(this.#pos, 3)
      if (this.#column === 0 && (three === '---' || three === '...') && isEnd(this.#at(3))) this.#fail('found unexpected document indicator')
      if (this.#peek() === '') {
        if (this.#column !== 0) this.#line++
        this.#fail('found unexpected end of stream')
      }
      let leadingBlanks = false
      while (!isEnd(this.#peek())) {
        if (single && this.#peek() === "'" && this.#at(1) === "'") {
          text += "'"
          this.#skip()
          this.#skip()
        } else if (this.#peek() === quote) break
        else if (!single && this.#peek() === '\\' && isBreak(this.#at(1))) {
          this.#skip()
          this.#skipBreak()
          leadingBlanks = true
          break
        } else if (!single && this.#peek() === '\\') text += this.#escape()
        else text += this.#take(ordinary) || this.#takeOne()
      }
      if (this.#peek() === quote) break
      let spaces = ''
      let first = ''
      let rest = ''
      while (isBlank(this.#peek()) || isBreak(this.#peek())) {
        if (isBlank(this.#peek())) {
          if (!leadingBlanks) spaces += this.#peek()
          this.#skip()
        } else if (!leadingBlanks) {
          spaces = ''
          first = this.#skipBreak()
          leadingBlanks = true
        } else rest += this.#skipBreak()
      }
      if (leadingBlanks) text += first === '\n' ? (rest === '' ? ' ' : rest) : first + rest
      else text += spaces
    }
    this.#skip()
    this.#push('scalar', text, single ? 'single' : 'double', line)
  }

  #escape(): string {
    const simple: Record<string, string> = { '0': '\0', a: '\x07', b: '\b', t: '\t', '\t': '\t', n: '\n', v: '\v', f: '\f', r: '\r', e: '\x1b', ' ': ' ', '"': '"', "'": "'", '\\': '\\', '/': '/', N: '\u0085', _: '\u00a0', L: '\u2028', P: '\u2029' }
    const c = this.#at(1)
    const length = c === 'x' ? 2 : c === 'u' ? 4 : c === 'U' ? 8 : 0
    this.#skip()
    if (length === 0) {
      const value = simple[c]
      if (value === undefined) this.#fail('found unknown escape character')
      this.#skip()
      return value
    }
    this.#skip()
    const digits = this.#text.substr(this.#pos, length)
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < length) this.#fail('did not find expected hexdecimal number')
    this.#pos += length
    this.#column += length
    return String.fromCodePoint(parseInt(digits, 16))
  }

  #plain(): void {
    this.#saveKey()
    this.#keyAllowed = false
    const line = this.#line
    const indent = this.#indent + 1
    let text = ''
    let spaces = ''
    let first = ''
    let rest = ''
    let leadingBlanks = false
    for (;;) {
      const three = this.#text.substr(this.#pos, 3)
      if (this.#column === 0 && (three === '---' || three === '...') && isEnd(this.#at(3))) break
      if (this.#peek() === '#') break
      while (!isEnd(this.#peek())) {
        const c = this.#peek()
        if ((c === ':' && isEnd(this.#at(1))) || (this.#flow > 0 && (c === ',' || (c === '?' && isEnd(this.#at(1))) || '[]{}'.includes(c) || (c === ':' && ',?[]{}'.includes(this.#at(1) || ' '))))) break
        if (leadingBlanks || spaces !== '') {
          if (leadingBlanks) {
            text += first === '\n' ? (rest === '' ? ' ' : rest) : first + rest
            first = rest = ''
            leadingBlanks = false
          } else text += spaces
          spaces = ''
        }
        text += this.#take(ordinary) || this.#takeOne()
      }
      if (!(isBlank(this.#peek()) || isBreak(this.#peek()))) break
      while (isBlank(this.#peek()) || isBreak(this.#peek())) {
        if (isBlank(this.#peek())) {
          if (leadingBlanks && this.#column < indent && this.#peek() === '\t') this.#fail('found character that cannot start any token')
          if (!leadingBlanks) spaces += this.#peek()
          this.#skip()
        } else if (!leadingBlanks) {
          spaces = ''
          first = this.#skipBreak()
          leadingBlanks = true
        } else rest += this.#skipBreak()
      }
      if (this.#flow === 0 && this.#column < indent) break
    }
    this.#push('scalar', text, 'plain', line)
    if (leadingBlanks) this.#keyAllowed = true
  }
}
