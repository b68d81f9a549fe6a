/**
 * The grammar of bash (parse.y) as recursive descent over the lexer: one call of `next` gives the commands up to a newline, so a script
 * runs line by line and a syntax error in line 9 leaves lines 1–8 done. `coproc` is refused.
 */
import { Incomplete, ShellSyntaxError } from './ast.ts'
import type { AndOr, Assignment, CaseClause, Command, List, Pipeline, Redirect, Word } from './ast.ts'
import { parseCond } from './cond.ts'
import { Lexer } from './lexer.ts'
import type { Token } from './lexer.ts'

const reserved = new Set(['if', 'then', 'else', 'elif', 'fi', 'for', 'in', 'do', 'done', 'while', 'until', 'case', 'esac', '{', '}', '!', '[[', ']]', 'function', 'select', 'time', 'coproc'])
/** Reserved words that cannot begin a command. */
const closers = new Set(['then', 'else', 'elif', 'fi', 'in', 'do', 'done', 'esac', '}'])
const declarations = new Set(['declare', 'typeset', 'local', 'export', 'readonly', 'alias', 'eval', 'let'])
const redirections = new Set(['<', '>', '>>', '>|', '<>', '<&', '>&', '&>', '&>>', '<<', '<<-', '<<<'])
const assignment = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[([\s\S]*?)\])?(\+?)=/

interface ParserOptions {
  readonly aliases?: ReadonlyMap<string, string>
  /** Asked before each command: `shopt expand_aliases` may change on the way. */
  readonly expandAliases?: () => boolean
  readonly line?: number
  /** Asked before each line; on where it is not given. */
  readonly extglob?: () => boolean
  readonly posix?: boolean
}

/** Splits `name[sub]+=value`; brackets may nest. */
export function splitAssignment(text: string): { name: string; subscript?: string; append: boolean; value: string } | undefined {
  const m = assignment.exec(text) ?? (/^[A-Za-z_]\w*\[/.test(text) ? ([] as unknown as RegExpExecArray) : undefined)
  if (!m) return undefined
  const name = /^[A-Za-z_]\w*/.exec(text)![0]
  let at = name.length
  let subscript: string | undefined
  if (text[at] === '[') {
    let depth = 0
    let end = -1
    for (let i = at; i < text.length; i++) {
      const c = text[i]!
      if (c === '\\') i++
      else if (c === "'" || c === '"') {
        const close = text.indexOf(c, i + 1)
        if (close < 0) return undefined
        i = close
      } else if (c === '[') depth++
      else if (c === ']' && --depth === 0) {
        end = i
        break
      }
    }
    if (end < 0) return undefined
    subscript = text.slice(at + 1, end)
    at = end + 1
  }
  const append = text.startsWith('+=', at)
  if (!append && text[at] !== '=') return undefined
  return { name, append, value: text.slice(at + (append ? 2 : 1)), ...(subscript !== undefined ? { subscript } : {}) }
}

function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text)
}

/** Reads the commands of a `$(…)`; moves the lexer behind the closing parenthesis. */
export function parseSubstitution(lexer: Lexer, options: ParserOptions): List {
  const pending = lexer.pending.splice(0)
  const parser = new Parser('', { ...options }, lexer)
  try {
    const list = parser.substitution()
    lexer.pending.push(...pending)
    return list
  } catch (error) {
    if (error instanceof ShellSyntaxError && !(error instanceof Incomplete) && error.kind === 'syntax') throw new ShellSyntaxError(error.message, error.line, error.echo, 'substitution')
    throw error
  }
}

export class Parser {
  readonly lexer: Lexer
  readonly #options: ParserOptions
  #token: Token | undefined
  /** Aliases being expanded, each until a position of the text. */
  #expanding: { name: string; end: number }[] = []
  #aliasNext = -1

  constructor(text: string, options: ParserOptions = {}, lexer?: Lexer) {
    this.#options = options
    this.lexer = lexer ?? new Lexer(closed(text), options.line ?? 1, (l) => void parseSubstitution(l, { ...options }))
  }

  /** The commands up to the next newline; undefined at the end. */
  next(): List | undefined {
    this.lexer.extglob = this.#options.extglob?.() ?? true
    for (;;) {
      const token = this.peek()
      if (token.kind === 'eof') return undefined
      if (token.kind !== 'newline') break
      this.take()
    }
    const list = this.#line()
    const end = this.peek()
    if (end.kind === 'newline') this.take()
    else if (end.kind !== 'eof') this.#unexpected(end)
    if (this.lexer.pending.length > 0) this.lexer.finish()
    return list
  }

  /** After an error that costs one line only: goes on behind that line. */
  skipLine(line: number): void {
    const lines = this.lexer.text.split('\n')
    this.lexer.pos = lines.slice(0, line).join('\n').length + 1
    this.lexer.line = line + 1
    this.#token = undefined
  }

  /** All of `text`, for command substitutions already found and for traps. */
  substitution(): List {
    const items: List['items'][number][] = []
    this.#newlines()
    while (!this.#isOp(')')) {
      if (this.peek().kind === 'eof') throw new Incomplete("unexpected EOF while looking for matching `)'", this.lexer.endLine)
      items.push(...this.#line().items)
      if (!this.#isOp(')')) {
        const token = this.peek()
        if (token.kind !== 'newline' && token.kind !== 'eof') this.#unexpected(token)
        this.#newlines()
      }
    }
    this.#token = undefined
    if (this.lexer.pending.length > 0) this.lexer.finish()
    return { items }
  }

  peek(assignments = true, regex = false): Token {
    return (this.#token ??= this.lexer.next(assignments, regex))
  }

  take(): Token {
    const token = this.peek()
    this.#token = undefined
    return token
  }

  word(token: Token): Word {
    return { text: token.text, line: token.line, ...(token.elements ? { elements: token.elements } : {}) }
  }

  #isOp(text: string): boolean {
    const t = this.peek()
    return t.kind === 'op' && t.text === text
  }

  #isWord(text: string): boolean {
    const t = this.peek()
    return t.kind === 'word' && t.text === text
  }

  #newlines(): void {
    while (this.peek().kind === 'newline') this.take()
  }

  #unexpected(token: Token): never {
    if (token.kind === 'eof') throw new Incomplete('syntax error: unexpected end of file', this.lexer.endLine)
    const name = token.kind === 'newline' ? 'newline' : token.text
    throw new ShellSyntaxError(`syntax error near unexpected token \`${name}'`, token.line, this.lexer.lineAt(token.start))
  }

  /** Commands joined by ; and & up to a newline or closer, at least one. */
  #line(): List {
    const items: { command: AndOr; background: boolean }[] = []
    do {
      const command = this.#andOr()
      const background = this.#isOp('&')
      items.push({ command, background })
      if (!background && !this.#isOp(';')) break
      this.take()
    } while (!this.#atEnd())
    return { items }
  }

  #atEnd(): boolean {
    const t = this.peek()
    return t.kind === 'newline' || t.kind === 'eof' || (t.kind === 'op' && [')', ';;', ';&', ';;&'].includes(t.text)) || (t.kind === 'word' && closers.has(t.text))
  }

  /** A list inside a compound command: newlines separate too. */
  #list(): List {
    this.#newlines()
    const items: List['items'][number][] = []
    for (;;) {
      items.push(...this.#line().items)
      if (this.peek().kind !== 'newline') break
      this.#newlines()
      if (this.#atEnd()) break
    }
    return { items }
  }

  #andOr(): AndOr {
    const first = this.#pipeline()
    const rest: AndOr['rest'][number][] = []
    while (this.#isOp('&&') || this.#isOp('||')) {
      const op = this.take().text as '&&' | '||'
      this.#newlines()
      rest.push({ op, pipeline: this.#pipeline() })
    }
    return { kind: 'andor', first, rest }
  }

  #pipeline(): Pipeline {
    let negated = false
    let timed: Pipeline['timed'] = ''
    let alone = false
    for (;;) {
      this.#alias()
      if (this.#isWord('!')) {
        this.take()
        negated = !negated
        alone = true
      } else if (this.#isWord('time') && timed === '') {
        this.take()
        timed = 'time'
        if (this.#isWord('-p')) {
          this.take()
          timed = 'time -p'
          if (this.#isWord('--')) this.take()
        }
      } else break
    }
    const commands: Command[] = []
    const errToo: boolean[] = []
    if (alone || timed) {
      const t = this.peek()
      if (t.kind === 'newline' || t.kind === 'eof' || (t.kind === 'op' && t.text === ';')) return { kind: 'pipeline', commands, negated, timed, errToo }
    }
    commands.push(this.command())
    while (this.#isOp('|') || this.#isOp('|&')) {
      errToo.push(this.take().text === '|&')
      this.#newlines()
      commands.push(this.command())
    }
    errToo.push(false)
    return { kind: 'pipeline', commands, negated, timed, errToo }
  }

  /** Replaces an alias at the command position by its text. */
  #alias(): void {
    const aliases = this.#options.aliases
    if (!aliases || aliases.size === 0 || this.#options.expandAliases?.() === false) return
    for (;;) {
      const token = this.peek()
      if (token.kind !== 'word') return
      this.#expanding = this.#expanding.filter((e) => e.end > token.start)
      const value = aliases.get(token.text)
      if (value === undefined || this.#expanding.some((e) => e.name === token.text)) return
      const lexer = this.lexer
      const grown = value.length - (token.end - token.start)
      lexer.text = lexer.text.slice(0, token.start) + value + lexer.text.slice(token.end)
      for (const e of this.#expanding) e.end += grown
      this.#expanding.push({ name: token.text, end: token.start + value.length })
      if (/[ \t]$/.test(value)) this.#aliasNext = token.start + value.length
      lexer.pos = token.start
      lexer.line = token.line
      this.#token = undefined
    }
  }

  command(): Command {
    this.#alias()
    const token = this.peek()
    if (token.kind === 'op' && token.text === '(') return this.#parenthesis(token)
    if (token.kind === 'word' && reserved.has(token.text)) return this.#compound(token)
    if (token.kind === 'word' || token.kind === 'number' || (token.kind === 'op' && redirections.has(token.text))) return this.#simple()
    this.#unexpected(token)
  }

  #parenthesis(token: Token): Command {
    if (this.lexer.text[token.end] === '(') {
      const text = this.#arithmetic(token)
      if (text !== undefined) return { kind: 'arith', text, line: token.line, redirects: this.#redirects() }
    }
    this.take()
    const body = this.#list()
    if (!this.#isOp(')')) this.#unexpected(this.peek())
    this.take()
    return { kind: 'subshell', body, line: token.line, redirects: this.#redirects() }
  }

  /** `((…))` from the first parenthesis, or undefined (nothing moved). */
  #arithmetic(token: Token): string | undefined {
    const lexer = this.lexer
    lexer.pos = token.end + 1
    let depth = 0
    for (;;) {
      const c = lexer.text[lexer.pos]
      if (c === undefined) throw new Incomplete("unexpected EOF while looking for matching `)'", token.line)
      if (c === '\n') lexer.line++
      if (c === '(') depth++
      if (c === ')') {
        if (depth === 0) {
          if (lexer.text[lexer.pos + 1] !== ')') break
          lexer.pos += 2
          this.#token = undefined
          return lexer.text.slice(token.end + 1, lexer.pos - 2)
        }
        depth--
      }
      if (!lexer.skipQuoted()) lexer.pos++
    }
    lexer.pos = token.end
    lexer.line = token.line
    return undefined
  }

  #expect(word: string): void {
    if (!this.#isWord(word)) this.#unexpected(this.peek())
    this.take()
  }

  #compound(token: Token): Command {
    const line = token.line
    switch (token.text) {
      case '{': {
        this.take()
        const body = this.#list()
        this.#expect('}')
        return { kind: 'group', body, line, redirects: this.#redirects() }
      }
      case 'if': {
        this.take()
        const branches: { test: List; body: List }[] = []
        let otherwise: List | undefined
        let test = this.#list()
        this.#expect('then')
        branches.push({ test, body: this.#list() })
        while (this.#isWord('elif')) {
          this.take()
          test = this.#list()
          this.#expect('then')
          branches.push({ test, body: this.#list() })
        }
        if (this.#isWord('else')) {
          this.take()
          otherwise = this.#list()
        }
        this.#expect('fi')
        return { kind: 'if', branches, otherwise, line, redirects: this.#redirects() }
      }
      case 'while':
      case 'until': {
        this.take()
        const test = this.#list()
        const body = this.#do()
        return { kind: token.text, test, body, line, redirects: this.#redirects() }
      }
      case 'for':
      case 'select':
        return this.#for(token)
      case 'case':
        return this.#case(token)
      case 'function':
        return this.#function(token)
      case '[[': {
        this.take()
        const extglob = this.lexer.extglob
        this.lexer.extglob = true
        const test = parseCond(this)
        this.lexer.extglob = extglob
        return { kind: 'cond', test, line, redirects: this.#redirects() }
      }
      case 'coproc': {
        this.take()
        const next = this.peek()
        const named = next.kind === 'word' && isName(next.text) && !reserved.has(next.text) && /^[ \t]+(?:\(|(?:\{|if|for|while|until|case|select|\[\[)(?![^\s;&|()<>]))/.test(this.lexer.text.slice(next.end))
        const name = named ? this.take().text : 'COPROC'
        return { kind: 'coproc', name, body: this.command(), line, redirects: [] }
      }
    }
    this.#unexpected(token)
  }

  #do(): List {
    if (this.#isOp(';')) this.take()
    this.#newlines()
    this.#expect('do')
    const body = this.#list()
    this.#expect('done')
    return body
  }

  #for(token: Token): Command {
    this.take()
    const line = token.line
    const kind = token.text as 'for' | 'select'
    const name = this.peek(false)
    if (kind === 'for' && name.kind === 'op' && name.text === '(' && this.lexer.text[name.end] === '(') {
      const text = this.#arithmetic(name)
      if (text !== undefined) {
        const parts = splitSemicolons(text)
        if (parts.length !== 3) {
          arithmeticFor(parts.length, `((${text}))`, line)
        }
        if (this.#isOp(';')) this.take()
        this.#newlines()
        let body: List
        if (this.#isWord('{')) {
          this.take()
          body = this.#list()
          this.#expect('}')
        } else body = this.#do()
        return { kind: 'cfor', init: parts[0]!, test: parts[1]!, step: parts[2]!, body, line, redirects: this.#redirects() }
      }
    }
    if (name.kind !== 'word') this.#unexpected(name)
    this.take()
    let words: Word[] | undefined
    if (this.#isOp(';')) {
      this.take()
    } else {
      this.#newlines()
      if (this.#isWord('in')) {
        this.take()
        words = []
        while (this.peek(false).kind === 'word' || this.peek(false).kind === 'number') words.push(this.word(this.take()))
        if (this.#isOp(';')) this.take()
        else if (this.peek().kind !== 'newline') this.#unexpected(this.peek())
      }
    }
    this.#newlines()
    let body: List
    if (this.#isWord('{')) {
      this.take()
      body = this.#list()
      this.#expect('}')
    } else {
      this.#expect('do')
      body = this.#list()
      this.#expect('done')
    }
    return { kind, name: name.text, words, body, line, redirects: this.#redirects() }
  }

  #case(token: Token): Command {
    this.take()
    const subject = this.peek(false)
    if (subject.kind !== 'word' && subject.kind !== 'number') this.#unexpected(subject)
    this.take()
    this.#newlines()
    this.#expect('in')
    const clauses: CaseClause[] = []
    for (;;) {
      while (this.peek(false).kind === 'newline') this.take()
      if (this.#isWord('esac')) break
      if (this.#isOp('(')) this.take()
      const patterns: Word[] = []
      for (;;) {
        const pattern = this.peek(false)
        if (pattern.kind !== 'word' && pattern.kind !== 'number') this.#unexpected(pattern)
        patterns.push(this.word(this.take()))
        if (!this.#isOp('|')) break
        this.take()
      }
      if (!this.#isOp(')')) this.#unexpected(this.peek())
      this.take()
      this.#newlines()
      const empty = this.#isWord('esac') || this.#isOp(';;') || this.#isOp(';&') || this.#isOp(';;&')
      const body = empty ? undefined : this.#list()
      this.#newlines()
      const t = this.peek()
      if (t.kind === 'op' && (t.text === ';;' || t.text === ';&' || t.text === ';;&')) {
        this.take()
        clauses.push({ patterns, body, end: t.text })
        continue
      }
      clauses.push({ patterns, body, end: ';;' })
      if (!this.#isWord('esac')) this.#unexpected(t)
    }
    this.take()
    return { kind: 'case', subject: this.word(subject), clauses, line: token.line, redirects: this.#redirects() }
  }

  #function(token: Token): Command {
    this.take()
    const name = this.peek(false)
    if (name.kind !== 'word') this.#unexpected(name)
    this.take()
    if (this.#isOp('(')) {
      this.take()
      if (!this.#isOp(')')) this.#unexpected(this.peek())
      this.take()
    }
    return this.#functionBody(name, token.line, true)
  }

  #functionBody(name: Token, line: number, keyword: boolean): Command {
    this.#newlines()
    const t = this.peek()
    const opens = (t.kind === 'op' && t.text === '(') || (t.kind === 'word' && ['{', 'if', 'for', 'while', 'until', 'case', 'select', '[['].includes(t.text))
    if (!opens) this.#unexpected(t)
    const body = this.command()
    return { kind: 'function', name: name.text, body, keyword, line, redirects: [] }
  }

  #redirects(): Redirect[] {
    const found: Redirect[] = []
    for (;;) {
      const r = this.#redirect(false)
      if (!r) return found
      found.push(r)
    }
  }

  #redirect(assignments: boolean): Redirect | undefined {
    let t = this.peek(assignments)
    let fd: number | undefined
    let variable: string | undefined
    const follows = this.lexer.text[t.end]
    if (t.kind === 'number') fd = Number(this.take().text)
    else if (t.kind === 'word' && (follows === '<' || follows === '>') && /^\{[A-Za-z_]\w*\}$/.test(t.text) && this.lexer.text[t.end + 1] !== '(') variable = this.take().text.slice(1, -1)
    t = this.peek(assignments)
    if (t.kind !== 'op' || !redirections.has(t.text)) return undefined
    const op = this.take().text as Redirect['op']
    const target = this.peek(false)
    if (target.kind !== 'word' && target.kind !== 'number') this.#unexpected(target)
    this.take()
    const redirect: Redirect = { fd, op, target: this.word(target), ...(variable !== undefined ? { variable } : {}) }
    if (op === '<<' || op === '<<-') {
      const quoted = /['"\\]/.test(target.text)
      redirect.heredoc = { body: '', quoted, delimiter: quoted ? unquote(target.text) : target.text, line: target.line }
      this.lexer.pending.push(redirect)
    }
    return redirect
  }

  #simple(): Command {
    const assignments: Assignment[] = []
    const words: Word[] = []
    const redirects: Redirect[] = []
    let { line } = this.peek()
    for (;;) {
      const declares = words.length === 0 || declarations.has(words[0]!.text)
      const here = this.peek(declares)
      const follows = this.#aliasNext >= 0 && here.start >= this.#aliasNext && /^[ \t]*$/.test(this.lexer.text.slice(this.#aliasNext, here.start))
      if (follows) {
        this.#aliasNext = -1
        this.#alias()
      } else if (words.length === 0 && assignments.length + redirects.length > 0) this.#alias()
      const redirect = this.#redirect(declares)
      if (redirect) {
        redirects.push(redirect)
        continue
      }
      const token = this.peek(declares)
      if (token.kind !== 'word' && token.kind !== 'number') break
      const split = words.length === 0 ? splitAssignment(token.text) : undefined
      this.take()
      if (split) {
        assignments.push({
          name: split.name,
          append: split.append,
          value: { text: token.elements ? '' : split.value, line: token.line, ...(token.elements ? { elements: token.elements } : {}) },
          ...(split.subscript !== undefined ? { subscript: split.subscript } : {}),
        })
        continue
      }
      words.push(this.word(token))
      if (words.length + assignments.length === 1) {
        // bash counts lines as it looks at the token behind the first word.
        const after = this.peek(declarations.has(token.text))
        line = after.kind === 'newline' || after.kind === 'eof' ? after.line : this.lexer.line
      }
      if (words.length === 1 && assignments.length === 0 && redirects.length === 0 && this.peek(declarations.has(token.text)).kind === 'op' && this.#isOp('(')) {
        this.take()
        if (!this.#isOp(')')) this.#unexpected(this.peek(false))
        this.take()
        return this.#functionBody(token, line, false)
      }
    }
    if (words.length + assignments.length + redirects.length === 0) this.#unexpected(this.peek())
    return { kind: 'simple', assignments, words, redirects, line }
  }
}

/** The text with a last newline; a backslash at its very end stands for itself. */
function closed(text: string): string {
  if (text === '' || text.endsWith('\n')) return text
  return /(^|[^\\])(\\\\)*\\$/.test(text) ? `${text}\\\n` : `${text}\n`
}

function arithmeticFor(parts: number, whole: string, line: number): never {
  throw new ShellSyntaxError(parts < 3 ? 'syntax error: arithmetic expression required' : "syntax error: `;' unexpected", line, undefined, 'syntax', `syntax error: \`${whole}'`)
}

function splitSemicolons(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const c of text) {
    if (c === '(') depth++
    if (c === ')') depth--
    if (c === ';' && depth === 0) {
      parts.push(part)
      part = ''
    } else part += c
  }
  return [...parts, part]
}

/** Quote removal for here-document delimiters. */
export function unquote(text: string): string {
  return text.replace(/\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|(\$)(?=['"])/g, (_, escaped: string | undefined, single: string | undefined, double: string | undefined) =>
    escaped !== undefined ? escaped : single !== undefined ? single : double !== undefined ? double.replace(/\\([$`"\\])/g, '$1') : '',
  )
}

export { isName }
