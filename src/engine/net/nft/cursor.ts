/** Reading tokens one after the other, with nft's sentences about what was not expected; `$name` is replaced by what `define` gave it. */
import { NftError, nameOf, tokenize, type Token } from './lexer.ts'
import type { Span } from './types.ts'

export class Cursor {
  readonly text: string
  #tokens: Token[]
  #at = 0
  readonly definitions = new Map<string, readonly Token[]>()

  /** `tokens`: only these, of a text that has been taken apart before. */
  constructor(text: string, tokens?: readonly Token[]) {
    this.text = text
    this.#tokens = tokens ? [...tokens, { kind: 'end', text: '', from: tokens.at(-1)?.to ?? 0, to: tokens.at(-1)?.to ?? 0 }] : tokenize(text)
  }

  get peek(): Token {
    return this.#tokens[this.#at]!
  }

  ahead(n: number): Token {
    return this.#tokens[Math.min(this.#at + n, this.#tokens.length - 1)]!
  }

  get last(): Token {
    return this.#tokens[Math.max(0, this.#at - 1)]!
  }

  next(): Token {
    const token = this.peek
    if (token.kind !== 'end') this.#at++
    this.#expand()
    return token
  }

  /** Puts the meaning of a variable in the place of its name. */
  #expand(): void {
    while (this.peek.text === '$' && this.peek.kind === 'sign') {
      const name = this.ahead(1)
      const meaning = this.definitions.get(name.text)
      if (!meaning) throw new NftError([{ message: `unknown identifier '${name.text}'`, span: name }])
      const place: Span = { from: this.peek.from, to: name.to }
      this.#tokens.splice(this.#at, 2, ...meaning.map((t) => ({ ...t, ...place })))
    }
  }

  is(text: string): boolean {
    const { kind, text: found } = this.peek
    return found === text && (kind === 'word' || kind === 'sign')
  }

  isOneOf(texts: ReadonlySet<string> | Readonly<Record<string, unknown>>): boolean {
    if (this.peek.kind !== 'word') return false
    return texts instanceof Set ? texts.has(this.peek.text) : Object.hasOwn(texts, this.peek.text)
  }

  accept(text: string): Token | undefined {
    return this.is(text) ? this.next() : undefined
  }

  expect(text: string, expecting?: string): Token {
    return this.accept(text) ?? this.unexpected(expecting)
  }

  /** A statement ends here: newline, `;`, `}` or the end. */
  get atEnd(): boolean {
    const { kind, text } = this.peek
    return kind === 'newline' || kind === 'end' || (kind === 'sign' && (text === ';' || text === '}'))
  }

  /** Where the line begins; at the end of the text that of its last line. */
  get lineStart(): number {
    const { from, kind } = this.peek
    const at = kind === 'end' ? this.text.trimEnd().length : from
    return this.text.lastIndexOf('\n', at - 1) + 1
  }

  skipNewlines(): void {
    while (this.peek.kind === 'newline') this.next()
  }

  skipSeparators(): void {
    while (this.peek.kind === 'newline' || this.is(';')) this.next()
  }

  skipLine(): void {
    while (this.peek.kind !== 'newline' && this.peek.kind !== 'end') this.#at++
  }

  identifier(expecting = 'string'): Token {
    if (this.peek.kind === 'word') return this.next()
    return this.unexpected(expecting)
  }

  number(expecting = 'number'): number {
    if (this.peek.kind === 'number') return Number(this.next().text)
    return this.unexpected(expecting)
  }

  quoted(): string {
    if (this.peek.kind === 'quoted' || this.peek.kind === 'word' || this.peek.kind === 'wildcard') return this.next().text
    return this.unexpected('string or quoted string or string with a trailing asterisk')
  }

  spanFrom(start: Span): Span {
    return { from: start.from, to: this.last.to }
  }

  unexpected(expecting?: string): never {
    const token = this.peek
    const span = token.kind === 'newline' || token.kind === 'end' ? { from: token.from, to: token.from + 1 } : token
    throw new NftError([{ message: `syntax error, unexpected ${nameOf(token)}${expecting === undefined ? '' : `, expecting ${expecting}`}`, span }])
  }

  /** `define name = …`: up to the end of the line, or of the braces. */
  define(): void {
    const name = this.identifier()
    this.expect('=')
    const meaning: Token[] = []
    let depth = 0
    while (this.peek.kind !== 'end' && (depth > 0 || this.peek.kind !== 'newline')) {
      const token = this.next()
      if (token.text === '{') depth++
      if (token.text === '}') depth--
      if (token.kind !== 'newline') meaning.push(token)
    }
    this.definitions.set(name.text, meaning)
  }
}
