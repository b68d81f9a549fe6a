/**
 * The Corefile's grammar (the Caddyfile parser that CoreDNS uses): server blocks with keys and directives, imports and environment variables.
 * What is wrong is thrown as CorefileError with the server's own words.
 */

export class CorefileError extends Error {}

export interface Token {
  readonly file: string
  readonly line: number
  readonly text: string
}

export interface ServerBlock {
  readonly keys: readonly string[]
  /** Directive → its tokens, all occurrences in one row, as the parser keeps them. */
  readonly tokens: ReadonlyMap<string, readonly Token[]>
}

export interface CorefileOptions {
  readonly file: string
  readonly directives: ReadonlySet<string>
  readonly env: (name: string) => string | undefined
  /** Files that match a pattern, with their text, in order; undefined for a single file that is not there. */
  readonly importFiles: (pattern: string) => readonly { readonly file: string; readonly text: string }[] | undefined
  readonly warn: (text: string) => void
}

/** Words and quoted texts with their lines; `#` starts a comment at the start of a word. */
export function tokenize(text: string, file: string): Token[] {
  const out: Token[] = []
  let line = 1
  let i = text.startsWith('\ufeff') ? 1 : 0
  while (i < text.length) {
    const c = text[i]!
    if (c === '\n') {
      line++
      i++
    } else if (/\s/.test(c)) i++
    else if (c === '#') while (i < text.length && text[i] !== '\n') i++
    else if (c === '"') {
      const start = line
      let word = ''
      for (i++; i < text.length && text[i] !== '"'; i++) {
        if (text[i] === '\\' && text[i + 1] === '"') i++
        if (text[i] === '\n') line++
        word += text[i]
      }
      i++
      out.push({ file, line: start, text: word })
    } else {
      let word = ''
      while (i < text.length && !/\s/.test(text[i]!)) word += text[i++]
      out.push({ file, line, text: word })
    }
  }
  return out
}

class Parser {
  #tokens: Token[]
  #cursor = -1
  #eof = false
  readonly #o: CorefileOptions

  constructor(text: string, options: CorefileOptions) {
    this.#o = options
    this.#tokens = tokenize(text, options.file)
  }

  all(): ServerBlock[] {
    const blocks: ServerBlock[] = []
    while (this.#next()) {
      const block = this.#block()
      if (block.keys.length > 0) blocks.push(block)
      if (this.#eof) break
    }
    return blocks
  }

  #val(): string {
    return this.#tokens[this.#cursor]?.text ?? ''
  }

  #next(): boolean {
    if (this.#cursor >= this.#tokens.length - 1) return false
    this.#cursor++
    return true
  }

  #newLine(): boolean {
    const [a, b] = [this.#tokens[this.#cursor - 1], this.#tokens[this.#cursor]]
    return !a || !b || a.file !== b.file || a.line + (a.text.match(/\n/g)?.length ?? 0) < b.line
  }

  #fail(text: string): never {
    const token = this.#tokens[Math.max(0, this.#cursor)]
    throw new CorefileError(`${token?.file ?? this.#o.file}:${token?.line ?? 0} - ${text}`)
  }

  #syntax(expected: string): never {
    this.#fail(`Syntax error: Unexpected token '${this.#val()}', expecting '${expected}'`)
  }

  #expand(text: string): string {
    return text.replace(/\{\$(\w+)\}|\{%(\w+)%\}/g, (_, a: string | undefined, b: string | undefined) => this.#o.env(a ?? b ?? '') ?? '')
  }

  #block(): ServerBlock {
    const keys: string[] = []
    const tokens = new Map<string, Token[]>()
    let another = false
    for (;;) {
      let key = this.#expand(this.#val())
      if (key === 'import' && this.#newLine()) {
        this.#import()
        if (!this.#next()) {
          this.#eof = true
          break
        }
        continue
      }
      if (key === '{') {
        if (another) this.#fail(`Error during parsing: Expected another address but had '${key}' - check for extra comma`)
        break
      }
      if (key !== '') {
        another = key.endsWith(',')
        if (another) key = key.slice(0, -1)
        if (key !== '') keys.push(key)
      }
      const more = this.#next()
      if (another && !more) this.#fail('Error during parsing: Unexpected EOF')
      if (!more) {
        this.#eof = true
        break
      }
      if (!another && this.#newLine()) break
    }
    if (this.#eof) return { keys, tokens }
    const braced = this.#val() === '{'
    if (!braced) this.#cursor--
    this.#directives(tokens)
    if (braced && this.#val() !== '}') this.#syntax('}')
    return { keys, tokens }
  }

  #directives(tokens: Map<string, Token[]>): void {
    while (this.#next()) {
      const word = this.#val()
      if (word === '}') return
      if (word === 'import') {
        this.#import()
        continue
      }
      this.#directive(word, tokens)
    }
  }

  #directive(name: string, tokens: Map<string, Token[]>): void {
    if (!this.#o.directives.has(name)) this.#fail(`Error during parsing: Unknown directive '${name}'`)
    const list = tokens.get(name) ?? []
    tokens.set(name, list)
    list.push(this.#tokens[this.#cursor]!)
    let nesting = 0
    while (this.#next()) {
      const word = this.#val()
      if (word === '{') nesting++
      else if (this.#newLine() && nesting === 0) {
        this.#cursor--
        break
      } else if (word === '}' && nesting > 0) nesting--
      else if (word === '}') this.#fail("Error during parsing: Unexpected '}' because no matching opening brace")
      else if (word === 'import' && this.#newLine()) {
        this.#import()
        continue
      }
      const token = this.#tokens[this.#cursor]!
      list.push({ ...token, text: this.#expand(token.text) })
    }
    if (nesting > 0) this.#fail('Error during parsing: Unexpected EOF')
  }

  /** Puts the tokens of the files in the place of `import PATTERN`; the cursor stays before them. */
  #import(): void {
    const at = this.#cursor
    if (!this.#next() || this.#newLine()) {
      this.#cursor = at
      this.#fail("Error during parsing: Wrong argument count or unexpected line ending after 'import'")
    }
    const pattern = this.#expand(this.#val())
    const found = this.#o.importFiles(pattern)
    if (!found) this.#fail(`Error during parsing: File to import not found: ${pattern}`)
    if (found.length === 0) this.#o.warn(`No files matching import glob pattern: ${pattern}`)
    const inserted = found.flatMap((f) => tokenize(f.text, f.file))
    this.#tokens = [...this.#tokens.slice(0, at), ...inserted, ...this.#tokens.slice(this.#cursor + 1)]
    this.#cursor = at - 1
  }
}

/** The blocks of a Corefile, in order. */
export function parseCorefile(text: string, options: CorefileOptions): ServerBlock[] {
  return new Parser(text, options).all()
}

/** A line of a directive's block, or the directive's own line. */
export interface Line {
  readonly token: Token
  readonly name: string
  readonly args: readonly string[]
  /** Lines between its braces. */
  readonly block: readonly Line[]
}

/** The occurrences of one directive with their arguments and blocks. */
export function directiveLines(tokens: readonly Token[]): Line[] {
  const out: Line[] = []
  const stack: Line[][] = [out]
  let current: { token: Token; name: string; args: string[]; block: Line[] } | undefined
  let line: Token | undefined
  for (const token of tokens) {
    const fresh = !line || token.file !== line.file || token.line > line.line
    line = token
    if (token.text === '{' && current) {
      stack.push(current.block)
      current = undefined
      continue
    }
    if (token.text === '}' && stack.length > 1) {
      stack.pop()
      current = undefined
      continue
    }
    if (fresh || !current) {
      current = { token, name: token.text, args: [], block: [] }
      stack.at(-1)!.push(current)
    } else current.args.push(token.text)
  }
  return out
}

/** The dispenser's errors at a line. */
export function argumentError(line: Line, word = line.args.at(-1) ?? line.name): CorefileError {
  return new CorefileError(`${line.token.file}:${line.token.line} - Error during parsing: Wrong argument count or unexpected line ending after '${word}'`)
}

export function parseError(line: Line, text: string): CorefileError {
  return new CorefileError(`${line.token.file}:${line.token.line} - Error during parsing: ${text}`)
}
