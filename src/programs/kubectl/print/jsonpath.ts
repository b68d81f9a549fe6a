/**
 * kubectl's dialect of JSONPath (client-go/util/jsonpath): templates with `{…}`, range/end, filters, slices, unions, recursive descent.
 * Data is decoded JSON. Whole numbers count as Go ints and others as floats in comparisons, as they do there.
 */
import { goJson, goValue } from './json.ts'

interface Param {
  readonly value: number
  readonly known: boolean
  readonly derived: boolean
}

type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'array'; readonly params: readonly [Param, Param, Param] }
  | { readonly type: 'filter'; readonly left: List; readonly right: List; readonly operator: string }
  | { readonly type: 'value'; readonly value: number | boolean }
  | { readonly type: 'wildcard' }
  | { readonly type: 'recursive' }
  | { readonly type: 'union'; readonly parts: readonly List[] }
  | { readonly type: 'identifier'; readonly name: string }
  | List

interface List {
  readonly type: 'list'
  readonly nodes: Node[]
}

export class JsonPathError extends Error {}

const fail = (text: string): never => {
  throw new JsonPathError(text)
}

const terminators = new Set(['', '.', ',', '[', ']', '$', '@', '{', '}', ' ', '\t', '\r', '\n'])
const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', '\\': '\\', "'": "'", '"': '"' }

class Parser {
  readonly #input: string
  #pos = 0
  #start = 0

  constructor(input: string) {
    this.#input = input
  }

  parse(): List {
    const root: List = { type: 'list', nodes: [] }
    while (this.#pos < this.#input.length) {
      const brace = this.#input.indexOf('{', this.#pos)
      const end = brace < 0 ? this.#input.length : brace
      if (end > this.#pos) root.nodes.push({ type: 'text', text: this.#input.slice(this.#pos, end) })
      if (brace < 0) break
      this.#pos = brace + 1
      this.#start = this.#pos
      const list: List = { type: 'list', nodes: [] }
      root.nodes.push(list)
      this.#action(list)
    }
    return root
  }

  #next(): string {
    const c = this.#input[this.#pos] ?? ''
    this.#pos++
    return c
  }

  #take(): string {
    const text = this.#input.slice(this.#start, this.#pos)
    this.#start = this.#pos
    return text
  }

  #action(list: List): void {
    for (;;) {
      if (this.#input.startsWith('}', this.#pos)) {
        this.#pos++
        this.#start = this.#pos
        return
      }
      if (this.#input.startsWith('[?(', this.#pos)) {
        this.#filter(list)
        continue
      }
      if (this.#input.startsWith('..', this.#pos)) {
        if (list.nodes.at(-1)?.type === 'recursive') fail('invalid multiple recursive descent')
        this.#pos += 2
        this.#start = this.#pos
        list.nodes.push({ type: 'recursive' })
        if (/^[\w]/.test(this.#input[this.#pos] ?? '')) this.#field(list)
        continue
      }
      const c = this.#next()
      if (c === '' || c === '\n' || c === '\r') fail('unclosed action')
      else if (c === ' ' || c === '@' || c === '$' || c === '\t') this.#start = this.#pos
      else if (c === '[') this.#array(list)
      else if (c === '"' || c === "'") this.#quote(list, c)
      else if (c === '.') {
        this.#start = this.#pos
        this.#field(list)
      } else if (/[-+0-9]/.test(c)) this.#number(list)
      else if (/[\p{L}\p{N}_]/u.test(c)) this.#identifier(list)
      else fail(`unrecognized character in action: U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${c}'`)
    }
  }

  #field(list: List): void {
    for (;;) {
      const c = this.#next()
      if (c === '\\') this.#next()
      else if (terminators.has(c)) {
        this.#pos--
        break
      }
    }
    const name = this.#take()
    list.nodes.push(name === '*' ? { type: 'wildcard' } : { type: 'field', name: name.replaceAll('\\', '') })
  }

  #number(list: List): void {
    while (/[.0-9]/.test(this.#input[this.#pos] ?? '')) this.#pos++
    const text = this.#take()
    if (!/^[-+]?(\d+\.?\d*|\.\d+)$/.test(text)) fail(`cannot parse number ${text}`)
    list.nodes.push({ type: 'value', value: Number(text) })
  }

  #identifier(list: List): void {
    while (!terminators.has(this.#input[this.#pos] ?? '')) this.#pos++
    const name = this.#take()
    list.nodes.push(name === 'true' || name === 'false' ? { type: 'value', value: name === 'true' } : { type: 'identifier', name })
  }

  #quote(list: List, end: string): void {
    for (;;) {
      const c = this.#next()
      if (c === '' || c === '\n') fail('unterminated quoted string')
      if (c === end && this.#input[this.#pos - 2] !== '\\') break
    }
    const raw = this.#take()
    list.nodes.push({ type: 'text', text: raw.slice(1, -1).replace(/\\(.)/g, (whole, c: string) => escapes[c] ?? fail(`unquote string ${raw} error invalid syntax`)) })
  }

  #array(list: List): void {
    for (;;) {
      const c = this.#next()
      if (c === '' || c === '\n') fail('unterminated array')
      if (c === ']') break
    }
    const whole = this.#take()
    const text = whole === '[*]' ? ':' : whole.slice(1, -1)
    const parts = text.split(',')
    if (parts.length > 1) {
      list.nodes.push({ type: 'union', parts: parts.map((part) => parseAction(`[${part.replace(/^ +| +$/g, '')}]`)) })
      return
    }
    const key = /^'([^']*)'$/.exec(text)
    if (key) {
      list.nodes.push(...parseAction(`.${key[1]!}`).nodes)
      return
    }
    const slice = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text) ?? fail(`invalid array index ${text}`)
    const params: Param[] = []
    for (let i = 0; i < 3; i++) {
      const part = slice[i + 1] ?? ''
      if (part !== '') {
        const digits = i > 0 ? part.slice(1) : part
        if (i > 0 && digits === '') params.push({ value: 0, known: false, derived: false })
        else {
          if (!/^-?\d+$/.test(digits)) fail(`array index ${digits} is not a number`)
          params.push({ value: Number(digits), known: true, derived: false })
        }
      } else if (i === 1) params.push({ value: params[0]!.value + 1, known: true, derived: true })
      else params.push({ value: 0, known: false, derived: false })
    }
    list.nodes.push({ type: 'array', params: params as [Param, Param, Param] })
  }

  #filter(list: List): void {
    this.#pos += 3
    this.#start = this.#pos
    let quote = ''
    let closed = false
    for (;;) {
      const c = this.#next()
      if (c === '' || c === '\n') fail('unterminated filter')
      if (c === '"' || c === "'") {
        if (quote === '') quote = c
        else if (c === quote && this.#input[this.#pos - 2] !== '\\') closed = true
      } else if (c === ')' && (quote !== '') === closed) break
    }
    if (this.#next() !== ']') fail('unclosed array expect ]')
    const text = this.#take().slice(0, -2)
    const parts = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(text)
    if (!parts) list.nodes.push({ type: 'filter', left: parseAction(text), right: { type: 'list', nodes: [] }, operator: 'exists' })
    else list.nodes.push({ type: 'filter', left: parseAction(parts[1]!), right: parseAction(parts[3]!), operator: parts[2]! })
  }
}

function parseAction(text: string): List {
  const first = new Parser(`{${text}}`).parse().nodes[0]
  return first?.type === 'list' ? first : { type: 'list', nodes: [] }
}

type Json = unknown
const isMap = (v: Json): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

function children(value: Json): Json[] {
  if (Array.isArray(value)) return value
  if (isMap(value)) return Object.values(value)
  return []
}

const kindOf = (v: Json): string => (typeof v === 'number' ? (Number.isInteger(v) ? 'int' : 'float') : typeof v)

function compare(left: Json, right: Json, operator: string): boolean {
  if (!['<', '>', '==', '!=', '<=', '>='].includes(operator)) fail(`unrecognized filter operator ${operator}`)
  if (typeof left === 'object' || typeof right === 'object') fail('invalid type for comparison')
  if (kindOf(left) !== kindOf(right)) fail('incompatible types for comparison')
  if (operator === '==' || operator === '!=') return (left === right) === (operator === '==')
  if (typeof left === 'boolean') fail('invalid type for comparison')
  const a = left as string | number
  const b = right as string | number
  return operator === '<' ? a < b : operator === '>' ? a > b : operator === '<=' ? a <= b : a >= b
}

export class JsonPath {
  readonly #root: List
  readonly #allowMissingKeys: boolean
  #beginRange = 0
  #inRange = 0
  #endRange = 0
  #lastEnd = -1

  /** Throws JsonPathError where the template is wrong. */
  constructor(template: string, options: { readonly allowMissingKeys?: boolean } = {}) {
    this.#root = new Parser(template).parse()
    this.#allowMissingKeys = options.allowMissingKeys ?? false
  }

  /** One list of values per node of the template. */
  find(data: Json): Json[][] {
    this.#beginRange = this.#inRange = this.#endRange = 0
    return this.#run(data, 0)
  }

  execute(data: Json): string {
    return this.find(data).map((values) => values.map(printValue).join(' ')).join('')
  }

  /** `-o jsonpath-as-json`: each node's values as an indented JSON array. */
  executeJson(data: Json): string {
    return this.find(data).map((values) => goJson(values, '    ') + '\n').join('')
  }

  #run(data: Json, from: number): Json[][] {
    const nodes = this.#root.nodes
    const full: Json[][] = []
    for (let i = from; i < nodes.length; i++) {
      const results = this.#walk([data], nodes[i]!)
      if (this.#endRange > 0 && this.#endRange <= this.#inRange) {
        this.#endRange--
        this.#lastEnd = i
        break
      }
      if (this.#beginRange > 0) {
        this.#beginRange--
        this.#inRange++
        if (results.length > 0) for (const value of results) full.push(...this.#run(value, i + 1))
        else this.#run(null, i + 1)
        this.#inRange--
        if (this.#lastEnd > i) i = this.#lastEnd
        continue
      }
      full.push(results)
    }
    return full
  }

  #walk(input: Json[], node: Node): Json[] {
    switch (node.type) {
      case 'list': {
        let current = input
        for (const n of node.nodes) current = this.#walk(current, n)
        return current
      }
      case 'text':
        return [node.text]
      case 'value':
        return input.map(() => node.value)
      case 'field': {
        const out = input.flatMap((v) => (isMap(v) && Object.hasOwn(v, node.name) ? [v[node.name]] : []))
        if (out.length === 0 && !this.#allowMissingKeys) fail(`${node.name} is not found`)
        return out
      }
      case 'array':
        return this.#slice(input, node.params)
      case 'union':
        return node.parts.flatMap((part) => this.#walk(input, part))
      case 'wildcard':
        return input.flatMap(children)
      case 'recursive':
        return this.#descend(input)
      case 'filter':
        return this.#filter(input, node)
      case 'identifier':
        if (node.name === 'range') this.#beginRange++
        else if (node.name === 'end') {
          if (this.#inRange > 0) this.#endRange++
          else fail('not in range, nothing to end')
        } else fail(`unrecognized identifier ${node.name}`)
        return input
    }
  }

  #slice(input: Json[], params: readonly [Param, Param, Param]): Json[] {
    const out: Json[] = []
    for (const value of input) {
      if (value === null || value === undefined) continue
      if (!Array.isArray(value)) fail(`${goValue(value)} is not array or slice`)
      const list = value as Json[]
      let from = params[0].known ? params[0].value : 0
      if (from < 0) from += list.length
      let to = params[1].known ? params[1].value : list.length
      if (to < 0 || (to === 0 && params[1].derived)) to += list.length
      if (to === from) return out
      if (from >= list.length || from < 0) fail(`array index out of bounds: index ${from}, length ${list.length}`)
      if (to > list.length || to < 0) fail(`array index out of bounds: index ${to - 1}, length ${list.length}`)
      if (from > to) fail(`starting index ${from} is greater than ending index ${to}`)
      const step = params[2].known ? params[2].value : 1
      if (step <= 0) fail('step must be > 0')
      for (let i = from; i < to; i += step) out.push(list[i])
    }
    return out
  }

  #descend(input: Json[]): Json[] {
    const out: Json[] = []
    for (const value of input) {
      const below = children(value)
      if (below.length > 0) out.push(value, ...this.#descend(below))
    }
    return out
  }

  #filter(input: Json[], node: { readonly left: List; readonly right: List; readonly operator: string }): Json[] {
    const out: Json[] = []
    for (const value of input) {
      if (!Array.isArray(value)) fail(`${goValue(value)} is not array or slice and cannot be filtered`)
      for (const item of value as Json[]) {
        if (node.operator === 'exists') {
          if (this.#exists(item, node.left)) out.push(item)
          continue
        }
        const left = this.#walk([item], node.left)
        if (left.length === 0) continue
        if (left.length > 1) fail('can only compare one element at a time')
        const right = this.#walk([item], node.right)
        if (right.length === 0) continue
        if (right.length > 1) fail('can only compare one element at a time')
        if (compare(left[0], right[0], node.operator)) out.push(item)
      }
    }
    return out
  }

  #exists(item: Json, path: List): boolean {
    try {
      return this.#walk([item], path).length > 0
    } catch (error) {
      if (error instanceof JsonPathError) return false
      throw error
    }
  }
}

/** One value as a template prints it: JSON for maps and lists, bare text otherwise. */
export function printValue(value: Json): string {
  if (value === null || value === undefined) return 'null'
  return typeof value === 'object' ? goJson(value) : goValue(value)
}

/** `x.y`, `.x.y`, `{x.y}` and `{.x.y}` all mean `{.x.y}` (custom-columns, --sort-by). */
export function relaxedPath(text: string): string {
  if (text === '') return text
  const m = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(text)
  if (!m) return fail("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'")
  return `{.${m[1] ?? m[2]!}}`
}
