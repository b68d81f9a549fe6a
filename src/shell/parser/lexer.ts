/**
 * Tokens of the shell language (parse.y's read_token): operators, words with all quoting inside them, here-documents. Finding the
 * end of `$(…)` needs the grammar, so the parser hands its own entry in as `parseCommands`.
 */
import { Incomplete, ShellSyntaxError } from './ast.ts'
import type { Redirect, Word } from './ast.ts'

export interface Token {
  readonly kind: 'word' | 'op' | 'newline' | 'eof' | 'number'
  readonly text: string
  readonly line: number
  readonly start: number
  readonly end: number
  readonly elements?: readonly Word[]
}

const operators = ['<<<', '<<-', ';;&', '&>>', '&&', '||', ';;', ';&', '<<', '>>', '<&', '>&', '<>', '>|', '&>', '|&', '|', '&', ';', '<', '>', '(', ')']
const meta = new Set(' \t\n|&;()<>')
const assignmentStart = /^[A-Za-z_][A-Za-z0-9_]*(\[[\s\S]*\])?\+?=$/

export class Lexer {
  text: string
  pos = 0
  line: number
  /** Whether `extglob` patterns are part of words. */
  extglob = true
  readonly pending: Redirect[] = []
  readonly warnings: { readonly line: number; readonly start: number; readonly delimiter: string }[] = []
  readonly #parseCommands: (lexer: Lexer) => void

  constructor(text: string, line: number, parseCommands: (lexer: Lexer) => void) {
    this.text = text
    this.line = line
    this.#parseCommands = parseCommands
  }

  /** The input line that position `at` lies in, for messages. */
  lineAt(at: number): string {
    const start = this.text.lastIndexOf('\n', at - 1) + 1
    const end = this.text.indexOf('\n', at)
    return this.text.slice(start, end < 0 ? undefined : end)
  }

  /** Number of the line after the last one: where bash meets the end of the input. */
  get endLine(): number {
    let n = this.line
    for (let i = this.pos; i < this.text.length; i++) if (this.text[i] === '\n') n++
    return this.text.endsWith('\n') ? n : n + 1
  }

  skipBlanks(): void {
    for (;;) {
      const c = this.text[this.pos]
      if (c === ' ' || c === '\t') this.pos++
      else if (c === '\\' && this.text[this.pos + 1] === '\n') {
        this.pos += 2
        this.line++
      } else if (c === '#') {
        while (this.pos < this.text.length && this.text[this.pos] !== '\n') this.pos++
      } else return
    }
  }

  /** The next token. `assignments`: `name=(` opens a compound array value. */
  next(assignments: boolean, regex = false): Token {
    this.skipBlanks()
    const start = this.pos
    const line = this.line
    const c = this.text[start]
    if (c === undefined) return { kind: 'eof', text: '', line, start, end: start }
    if (c === '\n') {
      this.pos++
      this.line++
      this.#readHeredocs()
      return { kind: 'newline', text: '\n', line, start, end: this.pos }
    }
    const processSubstitution = (c === '<' || c === '>') && this.text[start + 1] === '('
    if (!processSubstitution && !regex) {
      for (const op of operators) {
        if (this.text.startsWith(op, start)) {
          this.pos += op.length
          return { kind: 'op', text: op, line, start, end: this.pos }
        }
      }
    } else if (regex && '()|'.includes(c) === false && meta.has(c) && !processSubstitution) {
      for (const op of operators) {
        if (this.text.startsWith(op, start)) {
          this.pos += op.length
          return { kind: 'op', text: op, line, start, end: this.pos }
        }
      }
    }
    const elements = this.#word(assignments, regex)
    const text = this.text.slice(start, this.pos)
    if (/^\d+$/.test(text) && (this.text[this.pos] === '<' || this.text[this.pos] === '>')) return { kind: 'number', text, line, start, end: this.pos }
    return { kind: 'word', text, line, start, end: this.pos, ...(elements ? { elements } : {}) }
  }

  #word(assignments: boolean, regex: boolean): Word[] | undefined {
    const start = this.pos
    const startLine = this.line
    let depth = 0
    for (;;) {
      const c = this.text[this.pos]
      if (regex && depth > 0 && c === '\n') {
        this.line++
        this.pos++
        continue
      }
      if (c === undefined) {
        // The parenthesis of a regular expression is looked for up to the end of the text.
        if (regex && depth > 0) throw Object.assign(new Incomplete("unexpected EOF while looking for matching `)'", startLine, undefined, 'cond', 'unexpected argument to conditional binary operator'), { detailLine: this.endLine })
        return undefined
      }
      const after = this.text[this.pos + 1]
      if ((c === '<' || c === '>') && after === '(' && depth === 0) {
        this.pos += 2
        this.commandEnd()
        continue
      }
      if (regex && (c === '(' || c === ')' || c === '|')) {
        if (c === '(') depth++
        if (c === ')') {
          if (depth === 0) return undefined
          depth--
        }
        this.pos++
        continue
      }
      if (regex && depth > 0 && meta.has(c) && c !== '\n') {
        this.pos++
        continue
      }
      if (c === '(' && this.extglob && this.pos > start && '?*+@!'.includes(this.text[this.pos - 1]!)) {
        this.pos++
        this.#patternEnd()
        continue
      }
      if (c === '(' && assignments && this.pos > start && assignmentStart.test(this.text.slice(start, this.pos))) {
        this.pos++
        return this.#elements()
      }
      if (meta.has(c)) return undefined
      if (c === '[' && this.pos > start && /^[A-Za-z_]\w*$/.test(this.text.slice(start, this.pos)) && this.#subscript(assignments)) continue
      if (!this.skipQuoted()) this.pos++
    }
  }

  /** `name[…]=`: blanks and operators inside the brackets belong to the word. */
  #subscript(assignments: boolean): boolean {
    const pos = this.pos
    const line = this.line
    let depth = 0
    while (this.pos < this.text.length) {
      const c = this.text[this.pos]!
      if (c === '\n' && !assignments) break
      if (c === '[') depth++
      if (c === ']' && --depth === 0) {
        if (/^\](\+?=)/.test(this.text.slice(this.pos, this.pos + 3))) {
          this.pos++
          return true
        }
        break
      }
      try {
        if (!this.skipQuoted()) this.pos++
      } catch {
        break
      }
    }
    if (this.pos >= this.text.length && assignments && !this.text.slice(pos).includes(']')) throw new Incomplete("unexpected EOF while looking for matching `]'", line)
    this.pos = pos
    this.line = line
    return false
  }

  #elements(): Word[] {
    const found: Word[] = []
    const line = this.line
    for (;;) {
      this.skipBlanks()
      const c = this.text[this.pos]
      if (c === undefined) throw new Incomplete("unexpected EOF while looking for matching `)'", line, undefined, 'compound')
      if (c === '\n') {
        this.pos++
        this.line++
        continue
      }
      if (c === ')') {
        this.pos++
        return found
      }
      if ('|&;(<>'.includes(c) && !((c === '<' || c === '>') && this.text[this.pos + 1] === '(')) {
        const op = operators.find((o) => this.text.startsWith(o, this.pos))!
        throw new ShellSyntaxError(`syntax error near unexpected token \`${op}'`, this.line, this.lineAt(this.pos), 'compound')
      }
      const start = this.pos
      const at = this.line
      if (c === '[') {
        // `[subscript]=value`
        const close = /^\[[^\n]*?\]\+?=/.exec(this.text.slice(start))
        if (close) {
          let depth = 0
          while (this.pos < this.text.length) {
            const d = this.text[this.pos]!
            if (d === '[') depth++
            if (d === ']' && --depth === 0) break
            if (!this.skipQuoted()) this.pos++
          }
        }
      }
      this.#word(false, false)
      found.push({ text: this.text.slice(start, this.pos), line: at })
    }
  }

  #patternEnd(): void {
    let depth = 1
    while (depth > 0) {
      const c = this.text[this.pos]
      if (c === undefined) throw new Incomplete("unexpected EOF while looking for matching `)'", this.line)
      if (c === '(') depth++
      else if (c === ')') depth--
      if (c === '\n') this.line++
      if (!this.skipQuoted()) this.pos++
    }
  }

  /** At a quoting or expansion opener: moves behind it and says true. */
  skipQuoted(): boolean {
    const c = this.text[this.pos]
    if (c === '\\') {
      if (this.text[this.pos + 1] === '\n') this.line++
      this.pos += this.pos + 1 < this.text.length ? 2 : 1
      return true
    }
    if (c === "'") {
      this.#until("'", false)
      return true
    }
    if (c === '"') {
      this.doubleQuotes()
      return true
    }
    if (c === '`') {
      this.#until('`', true)
      return true
    }
    if (c === '$') return this.dollar(false)
    return false
  }

  #until(close: string, escapes: boolean): void {
    const line = this.line
    this.pos++
    for (;;) {
      const c = this.text[this.pos]
      if (c === undefined) throw new Incomplete(`unexpected EOF while looking for matching \`${close}'`, line)
      if (c === '\n') this.line++
      if (c === close) break
      this.pos += escapes && c === '\\' ? 2 : 1
      if (escapes && c === '\\' && this.text[this.pos - 1] === '\n') this.line++
    }
    this.pos++
  }

  /** From the opening `"` to behind the closing one. */
  doubleQuotes(): void {
    const line = this.line
    this.pos++
    for (;;) {
      const c = this.text[this.pos]
      if (c === undefined) throw new Incomplete("unexpected EOF while looking for matching `\"'", line)
      if (c === '"') break
      if (c === '\n') this.line++
      if (c === '\\') {
        if (this.text[this.pos + 1] === '\n') this.line++
        this.pos += 2
      } else if (c === '`') this.#until('`', true)
      else if (c !== '$' || !this.dollar(true)) this.pos++
    }
    this.pos++
  }

  /** Whether the last `$(` was arithmetic. */
  tookArithmetic = false

  /** At `$`: moves behind the expansion; false (not moved) where it is a literal dollar. */
  dollar(quoted: boolean): boolean {
    const after = this.text[this.pos + 1]
    if (after === '(' && this.text[this.pos + 2] === '(' && this.#arithmetic()) {
      this.tookArithmetic = true
      return true
    }
    if (after === '(') {
      this.pos += 2
      this.commandEnd()
      this.tookArithmetic = false
      return true
    }
    if (after === '{') {
      this.#brace(quoted)
      return true
    }
    if (after === '[') {
      const end = this.text.indexOf(']', this.pos)
      if (end > 0) {
        this.pos = end + 1
        return true
      }
    }
    if (after === "'" && !quoted) {
      this.pos++
      this.#until("'", true)
      return true
    }
    if (after === '"' && !quoted) {
      this.pos++
      this.doubleQuotes()
      return true
    }
    if (after === '\\' || after === undefined) return false
    this.pos += 2
    if (after === '\n' || after === "'" || after === '"' || meta.has(after) || after === '`') this.pos--
    return true
  }

  /** `$((…))`; false where it turns out to be a command substitution that begins with a subshell. */
  #arithmetic(): boolean {
    const pos = this.pos
    const line = this.line
    this.pos += 3
    let depth = 0
    for (;;) {
      const c = this.text[this.pos]
      if (c === undefined) {
        const incomplete = new Incomplete("unexpected EOF while looking for matching `)'", line)
        throw incomplete
      }
      if (c === '\n') this.line++
      if (c === '(') depth++
      if (c === ')') {
        if (depth === 0) {
          if (this.text[this.pos + 1] === ')') {
            this.pos += 2
            return true
          }
          this.pos = pos
          this.line = line
          return false
        }
        depth--
      }
      if (!this.skipQuoted()) this.pos++
    }
  }

  /** `${…}` from the dollar to behind the brace. */
  #brace(quoted: boolean): void {
    const line = this.line
    this.pos += 2
    for (;;) {
      const c = this.text[this.pos]
      if (c === undefined) throw new Incomplete("unexpected EOF while looking for matching `}'", line)
      if (c === '}') break
      if (c === '\n') this.line++
      if (c === "'" && quoted) this.pos++
      else if (!this.skipQuoted()) this.pos++
    }
    this.pos++
  }

  /** Behind `$(`, `<(` or `>(`: parses commands and moves behind the `)`. */
  commandEnd(): void {
    this.#parseCommands(this)
  }

  #readHeredocs(): void {
    for (const redirect of this.pending.splice(0)) {
      const heredoc = redirect.heredoc!
      const strip = redirect.op === '<<-'
      let body = ''
      let closed = false
      while (this.pos < this.text.length) {
        let line: string
        const parts: string[] = []
        // An escaped newline joins lines of an unquoted document before the delimiter is looked for.
        for (;;) {
          const end = this.text.indexOf('\n', this.pos)
          line = end < 0 ? this.text.slice(this.pos) : this.text.slice(this.pos, end)
          this.pos = end < 0 ? this.text.length : end + 1
          if (end >= 0) this.line++
          if (strip) line = line.replace(/^\t+/, '')
          parts.push(line + (end < 0 ? '' : '\n'))
          if (heredoc.quoted || end < 0 || !/(^|[^\\])(\\\\)*\\$/.test(line)) break
        }
        if (parts.length === 1 && line === heredoc.delimiter) {
          closed = true
          break
        }
        body += parts.join('')
      }
      heredoc.body = body
      if (!closed) {
        this.warnings.push({ line: Math.max(this.line - (this.text.endsWith('\n') ? 0 : 0), heredoc.line), start: heredoc.line, delimiter: heredoc.delimiter })
        if (this.openHeredoc === undefined) this.openHeredoc = heredoc.delimiter
      }
    }
  }

  /** Delimiter of a here-document that the text did not end; an interactive shell reads on. */
  openHeredoc: string | undefined

  /** At the end of the text: documents asked for on the last line have no body. */
  finish(): void {
    if (this.pending.length > 0) this.#readHeredocs()
  }
}
