/**
 * The part of Go's text/template that `-o go-template` users meet: fields, variables, pipelines, if/else/with/range/end, trim markers, comparison
 * and printing functions, `base64decode`. Left out: define/template/block, methods, complex numbers.
 */
import { fromBase64 } from '#base/bytes.ts'
import { goQuote, goValue } from './json.ts'

export class TemplateError extends Error {}

type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'print'; readonly pipe: Pipe }
  | { readonly type: 'if' | 'with'; readonly pipe: Pipe; readonly body: Node[]; readonly otherwise: Node[] }
  | { readonly type: 'range'; readonly pipe: Pipe; readonly body: Node[]; readonly otherwise: Node[] }
  | { readonly type: 'break' | 'continue' }

interface Pipe {
  readonly declare: readonly string[]
  readonly assign: boolean
  readonly commands: readonly Term[][]
  readonly source: string
}

type Term =
  | { readonly type: 'dot' }
  | { readonly type: 'literal'; readonly value: unknown }
  | { readonly type: 'field'; readonly path: readonly string[] }
  | { readonly type: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly type: 'function'; readonly name: string }
  | { readonly type: 'pipe'; readonly pipe: Pipe; readonly path: readonly string[] }

const NoValue = Symbol('no value')

class Parser {
  readonly #parts: { readonly text: string; readonly action: boolean }[] = []
  #at = 0

  constructor(source: string) {
    let rest = source
    let trim = false
    for (;;) {
      const open = rest.indexOf('{{')
      let text = open < 0 ? rest : rest.slice(0, open)
      if (trim) text = text.replace(/^\s+/, '')
      if (open < 0) {
        if (text !== '') this.#parts.push({ text, action: false })
        return
      }
      const close = this.#close(rest, open + 2)
      if (close < 0) throw new TemplateError('template: output:1: unclosed action')
      let action = rest.slice(open + 2, close)
      if (/^-\s/.test(action)) {
        text = text.replace(/\s+$/, '')
        action = action.slice(1)
      }
      trim = /\s-$/.test(action)
      if (trim) action = action.slice(0, -1)
      if (text !== '') this.#parts.push({ text, action: false })
      action = action.trim()
      if (!action.startsWith('/*')) this.#parts.push({ text: action, action: true })
      rest = rest.slice(close + 2)
    }
  }

  #close(text: string, from: number): number {
    let quote = ''
    for (let i = from; i < text.length; i++) {
      const c = text[i]!
      if (quote) {
        if (c === '\\' && quote !== '`') i++
        else if (c === quote) quote = ''
      } else if (c === '"' || c === '`' || c === "'") quote = c
      else if (c === '}' && text[i + 1] === '}') return i
    }
    return -1
  }

  parse(): Node[] {
    const { nodes, stop } = this.#list()
    if (stop !== '') throw new TemplateError(`template: output:1: unexpected {{${stop}}}`)
    return nodes
  }

  #list(): { nodes: Node[]; stop: string } {
    const nodes: Node[] = []
    while (this.#at < this.#parts.length) {
      const part = this.#parts[this.#at++]!
      if (!part.action) {
        nodes.push({ type: 'text', text: part.text })
        continue
      }
      const word = /^\S+/.exec(part.text)?.[0] ?? ''
      const tail = part.text.slice(word.length).trim()
      if (word === 'end' || word === 'else') return { nodes, stop: part.text }
      if (word === 'if' || word === 'with' || word === 'range') nodes.push(this.#block(word, tail))
      else if (word === 'break' || word === 'continue') nodes.push({ type: word })
      else nodes.push({ type: 'print', pipe: parsePipe(part.text) })
    }
    return { nodes, stop: '' }
  }

  #block(word: 'if' | 'with' | 'range', condition: string): Node {
    const pipe = parsePipe(condition)
    const body = this.#list()
    let otherwise: Node[] = []
    if (body.stop.startsWith('else')) {
      const tail = body.stop.slice(4).trim()
      if (/^(if|with)\b/.test(tail)) otherwise = [this.#block(tail.startsWith('if') ? 'if' : 'with', tail.replace(/^(if|with)/, '').trim())]
      else {
        const rest = this.#list()
        if (rest.stop !== 'end') throw new TemplateError('template: output:1: unexpected EOF')
        otherwise = rest.nodes
      }
    } else if (body.stop !== 'end') throw new TemplateError('template: output:1: unexpected EOF')
    return { type: word, pipe, body: body.nodes, otherwise }
  }
}

const tokenPattern = /\s+|(\|)|(\()|(\)((?:\.\w+)*))|("(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)')|(:=|=)|(,)|(-?\d+(?:\.\d+)?)|(\$\w*(?:\.\w+)*)|((?:\.\w+)+)|(\.)|(\w+)|(.)/gy

function parsePipe(source: string): Pipe {
  const tokens = [...source.matchAll(tokenPattern)].filter((m) => !/^\s+$/.test(m[0]))
  let at = 0
  const pipe = (closing: boolean): { pipe: Pipe; path: string[] } => {
    const declare: string[] = []
    let assign = false
    const save = at
    while (tokens[at]?.[9] && /^\$\w+$/.test(tokens[at]![0])) {
      declare.push(tokens[at++]![0])
      if (tokens[at]?.[7]) at++
      else break
    }
    if (declare.length > 0 && tokens[at]?.[6]) assign = tokens[at++]![0] === '='
    else {
      declare.length = 0
      at = save
    }
    const commands: Term[][] = [[]]
    for (;;) {
      const t = tokens[at++]
      if (!t) {
        if (closing) throw new TemplateError('template: output:1: unclosed left paren')
        break
      }
      const current = commands.at(-1)!
      if (t[1]) commands.push([])
      else if (t[2]) {
        const inner = pipe(true)
        current.push({ type: 'pipe', pipe: inner.pipe, path: inner.path })
      } else if (t[3]) {
        if (!closing) throw new TemplateError('template: output:1: unexpected right paren')
        return { pipe: { declare, assign, commands, source }, path: (t[4] ?? '').split('.').filter(Boolean) }
      } else if (t[5]) current.push({ type: 'literal', value: t[5][0] === '`' ? t[5].slice(1, -1) : unquote(t[5]) })
      else if (t[8]) current.push({ type: 'literal', value: Number(t[8]) })
      else if (t[9]) current.push({ type: 'variable', name: t[9].split('.')[0]!, path: t[9].split('.').slice(1) })
      else if (t[10]) current.push({ type: 'field', path: t[10].slice(1).split('.') })
      else if (t[11]) current.push({ type: 'dot' })
      else if (t[12] === 'true' || t[12] === 'false') current.push({ type: 'literal', value: t[12] === 'true' })
      else if (t[12] === 'nil') current.push({ type: 'literal', value: null })
      else if (t[12]) {
        if (!Object.hasOwn(functions, t[12]) && t[12] !== 'and' && t[12] !== 'or') throw new TemplateError(`template: output:1: function ${goQuote(t[12])} not defined`)
        current.push({ type: 'function', name: t[12] })
      } else throw new TemplateError(`template: output:1: unexpected ${goQuote(t[0])} in operand`)
    }
    return { pipe: { declare, assign, commands, source }, path: [] }
  }
  const result = pipe(false).pipe
  if (result.commands.some((c) => c.length === 0)) throw new TemplateError(`template: output:1: missing value for ${source === '' ? 'command' : source}`)
  return result
}

function unquote(text: string): unknown {
  const body = text.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/g, (_, c: string) => {
    const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'", a: '\x07', b: '\b', f: '\f', v: '\v', 0: '\0' }
    return c.length > 1 ? String.fromCharCode(parseInt(c.slice(1), 16)) : (simple[c] ?? c)
  })
  return text[0] === "'" ? body.codePointAt(0) : body
}

const truth = (v: unknown): boolean => !(v === NoValue || v === null || v === undefined || v === false || v === 0 || v === '' || (Array.isArray(v) && v.length === 0) || (typeof v === 'object' && !Array.isArray(v) && Object.keys(v as object).length === 0))
const show = (v: unknown): string => (v === NoValue || v === undefined || v === null ? '<no value>' : goValue(v))

function order(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) throw new TemplateError('incompatible types for comparison')
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

function format(pattern: string, values: readonly unknown[]): string {
  let n = 0
  return pattern.replace(/%([-+ 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g, (_, flags: string, width: string, precision: string | undefined, verb: string) => {
    if (verb === '%') return '%'
    if (n >= values.length) return `%!${verb}(MISSING)`
    const value = values[n++]
    let text = verb === 'q' ? goQuote(String(value)) : verb === 'f' ? Number(value).toFixed(Number(precision ?? 6)) : verb === 'x' ? Number(value).toString(16) : verb === 'T' ? typeof value : show(value)
    if (verb === 's' && typeof value === 'number') text = `%!s(int64=${value})`
    if (verb === 'd' && typeof value !== 'number') text = `%!d(${typeof value === 'string' ? 'string' : 'bool'}=${show(value)})`
    return flags.includes('-') ? text.padEnd(Number(width || 0)) : text.padStart(Number(width || 0), flags.includes('0') ? '0' : ' ')
  })
}

const functions: Record<string, (...args: unknown[]) => unknown> = {
  len: (v) => (typeof v === 'string' || Array.isArray(v) ? v.length : typeof v === 'object' && v !== null ? Object.keys(v).length : fail(`error calling len: len of nil pointer`)),
  index: (v, ...keys) => keys.reduce((at, key) => (at === null || at === undefined || at === NoValue ? fail('error calling index: index of untyped nil') : Array.isArray(at) ? (Number(key) < at.length ? at[Number(key)] : fail(`error calling index: reflect: slice index out of range`)) : ((at as Record<string, unknown>)[String(key)] ?? NoValue)), v),
  slice: (v, a = 0, b) => (v as string | unknown[]).slice(Number(a), b === undefined ? undefined : Number(b)),
  not: (v) => !truth(v),
  eq: (a, ...rest) => rest.some((b) => a === b),
  ne: (a, b) => a !== b,
  lt: (a, b) => order(a, b) < 0,
  le: (a, b) => order(a, b) <= 0,
  gt: (a, b) => order(a, b) > 0,
  ge: (a, b) => order(a, b) >= 0,
  print: (...a) => a.map((v, i) => (i > 0 && typeof v !== 'string' && typeof a[i - 1] !== 'string' ? ' ' : '') + show(v)).join(''),
  println: (...a) => a.map(show).join(' ') + '\n',
  printf: (pattern, ...a) => format(String(pattern), a),
  html: (v) => show(v).replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[c]!),
  js: (v) => JSON.stringify(show(v)).slice(1, -1),
  urlquery: (v) => encodeURIComponent(show(v)),
  base64decode: (v) => fromBase64(String(v)) ?? fail('error calling base64decode: base64 decode failed: illegal base64 data at input byte 0'),
  exists: (v, ...keys) => {
    let at = v
    for (const key of keys) {
      if (at === null || typeof at !== 'object') return false
      at = (at as Record<string, unknown>)[String(key)]
    }
    return at !== undefined
  },
}

function fail(text: string): never {
  throw new TemplateError(text)
}

class BreakLoop extends Error {}
class ContinueLoop extends Error {}

export class GoTemplate {
  readonly #nodes: Node[]
  readonly #strict: boolean

  constructor(source: string, options: { readonly missingKeyError?: boolean } = {}) {
    this.#nodes = new Parser(source).parse()
    this.#strict = options.missingKeyError ?? false
  }

  execute(data: unknown): string {
    return this.#run(this.#nodes, data, new Map([['$', data]]))
  }

  #run(nodes: readonly Node[], dot: unknown, variables: Map<string, unknown>): string {
    let out = ''
    for (const node of nodes) {
      switch (node.type) {
        case 'text':
          out += node.text
          break
        case 'print': {
          const value = this.#pipe(node.pipe, dot, variables)
          if (node.pipe.declare.length === 0) out += show(value)
          break
        }
        case 'break':
          throw new BreakLoop()
        case 'continue':
          throw new ContinueLoop()
        case 'range':
          out += this.#range(node, dot, variables)
          break
        default: {
          const scope = new Map(variables)
          const value = this.#pipe(node.pipe, dot, scope)
          out += truth(value) ? this.#run(node.body, node.type === 'with' ? value : dot, scope) : this.#run(node.otherwise, dot, scope)
        }
      }
    }
    return out
  }

  #range(node: Extract<Node, { type: 'range' }>, dot: unknown, variables: Map<string, unknown>): string {
    const scope = new Map(variables)
    const value = this.#pipe({ ...node.pipe, declare: [] }, dot, scope)
    const entries: [unknown, unknown][] = Array.isArray(value) ? value.map((v, i) => [i, v]) : typeof value === 'number' ? Array.from({ length: value }, (_, i) => [i, i]) : typeof value === 'object' && value !== null ? Object.keys(value).sort().map((k) => [k, (value as Record<string, unknown>)[k]]) : []
    if (value !== null && value !== undefined && value !== NoValue && typeof value !== 'object' && typeof value !== 'number') fail(`template: output:1:8: executing "output" at <${node.pipe.source}>: range can't iterate over ${show(value)}`)
    if (entries.length === 0) return this.#run(node.otherwise, dot, scope)
    let out = ''
    for (const [key, item] of entries) {
      const names = node.pipe.declare
      if (names.length === 1) scope.set(names[0]!, item)
      if (names.length === 2) {
        scope.set(names[0]!, key)
        scope.set(names[1]!, item)
      }
      try {
        out += this.#run(node.body, item, new Map(scope))
      } catch (error) {
        if (error instanceof BreakLoop) break
        if (!(error instanceof ContinueLoop)) throw error
      }
    }
    return out
  }

  #pipe(pipe: Pipe, dot: unknown, variables: Map<string, unknown>): unknown {
    let value: unknown = NoValue
    pipe.commands.forEach((command, i) => {
      value = this.#command(command, i > 0 ? [value] : [], dot, variables)
    })
    for (const name of pipe.declare) variables.set(name, value)
    return value
  }

  #command(terms: readonly Term[], extra: readonly unknown[], dot: unknown, variables: Map<string, unknown>): unknown {
    const first = terms[0]!
    if (first.type !== 'function') return this.#term(first, dot, variables)
    const args = terms.slice(1)
    if (first.name === 'and' || first.name === 'or') {
      let last: unknown = NoValue
      for (const arg of args) {
        last = this.#term(arg, dot, variables)
        if (truth(last) !== (first.name === 'and')) return last
      }
      return extra.length > 0 ? extra[0] : last
    }
    return functions[first.name]!(...args.map((a) => this.#term(a, dot, variables)), ...extra)
  }

  #term(term: Term, dot: unknown, variables: Map<string, unknown>): unknown {
    switch (term.type) {
      case 'dot':
        return dot
      case 'literal':
        return term.value
      case 'field':
        return this.#walk(dot, term.path)
      case 'variable':
        if (!variables.has(term.name)) fail(`template: output:1: undefined variable ${goQuote(term.name)}`)
        return this.#walk(variables.get(term.name), term.path)
      case 'pipe':
        return this.#walk(this.#pipe(term.pipe, dot, variables), term.path)
      case 'function':
        return functions[term.name]?.() ?? NoValue
    }
  }

  #walk(value: unknown, path: readonly string[]): unknown {
    let at = value
    for (const key of path) {
      if (at === NoValue || at === null || at === undefined) return NoValue
      if (typeof at !== 'object' || Array.isArray(at)) fail(`template: output:1:2: executing "output" at <.${path.join('.')}>: can't evaluate field ${key} in type ${Array.isArray(at) ? '[]interface {}' : typeof at === 'string' ? 'string' : 'interface {}'}`)
      const map = at as Record<string, unknown>
      if (!Object.hasOwn(map, key)) {
        if (this.#strict) fail(`template: output:1:2: executing "output" at <.${path.join('.')}>: map has no entry for key ${goQuote(key)}`)
        return NoValue
      }
      at = map[key]
    }
    return at
  }
}
