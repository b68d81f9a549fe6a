/**
 * Label selectors: the string form (`a=b,c in (d,e),!f`) with upstream's lexer, parser and error texts, the object form (LabelSelector), and
 * matching. Models apimachinery pkg/labels.
 */
import { FieldErrors, aggregate } from './field-errors.ts'
import { labelKeyErrors, labelValueErrors } from './names.ts'

export type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  /** Sorted, without repetitions. */
  readonly values: readonly string[]
}

export type Selector = readonly Requirement[]
export type Labels = Readonly<Record<string, string>> | undefined

/** The reason is in the message, as the API server gives it. */
export class SelectorError extends Error {}

type Token = 'error' | 'end' | ')' | ',' | '!' | '==' | '=' | '>' | 'id' | 'in' | '<' | '!=' | 'notin' | '('
interface Item {
  readonly token: Token
  readonly text: string
}

const special = '=!(),><'
const isSpace = (ch: string) => ch === ' ' || ch === '\t' || ch === '\r' || ch === '\n'
const symbols = new Set(['(', ')', ',', '!', '==', '=', '!=', '>', '<'])

export function scan(text: string): Item[] {
  const items: Item[] = []
  let i = 0
  while (i < text.length) {
    if (isSpace(text[i]!)) i++
    else if (special.includes(text[i]!)) {
      let end = i
      let last = ''
      while (end < text.length && special.includes(text[end]!)) {
        const next = text.slice(i, end + 1)
        if (symbols.has(next)) last = next
        else if (last !== '') break
        end++
      }
      items.push(last === '' ? { token: 'error', text: `error expected: keyword found '${text.slice(i, end)}'` } : { token: last as Token, text: last })
      i = last === '' ? end : i + last.length
    } else {
      const start = i
      while (i < text.length && !special.includes(text[i]!) && !isSpace(text[i]!)) i++
      const word = text.slice(start, i)
      items.push({ token: word === 'in' || word === 'notin' ? word : 'id', text: word })
    }
  }
  items.push({ token: 'end', text: '' })
  return items
}

class Parser {
  readonly #items: Item[]
  #at = 0

  constructor(text: string) {
    this.#items = scan(text)
  }

  #look(operators = false): Item {
    const item = this.#items[Math.min(this.#at, this.#items.length - 1)]!
    return !operators && (item.token === 'in' || item.token === 'notin') ? { token: 'id', text: item.text } : item
  }

  #take(operators = false): Item {
    const item = this.#look(operators)
    this.#at++
    return item
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = []
    for (;;) {
      const { token, text } = this.#look()
      if (token === 'end') return requirements
      if (token !== 'id' && token !== '!') throw new SelectorError(`found '${text}', expected: !, identifier, or 'end of string'`)
      try {
        requirements.push(this.#requirement())
      } catch (error) {
        if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`)
        throw error
      }
      const next = this.#take()
      if (next.token === 'end') return requirements
      if (next.token !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`)
      const after = this.#look()
      if (after.token !== 'id' && after.token !== '!') throw new SelectorError(`found '${after.text}', expected: identifier after ','`)
    }
  }

  #requirement(): Requirement {
    let item = this.#take()
    const absent = item.token === '!'
    if (absent) item = this.#take()
    if (item.token !== 'id') throw new SelectorError(`found '${item.text}', expected: identifier`)
    const key = item.text
    const wrong = labelKeyErrors(key)
    if (wrong.length > 0) {
      const errors = new FieldErrors()
      errors.invalid('<nil>', key, wrong.join('; '))
      throw new SelectorError(aggregate(errors.list))
    }
    const next = this.#look().token
    if (absent) return requirement(key, '!', [])
    if (next === 'end' || next === ',') return requirement(key, 'exists', [])
    const op = this.#take(true)
    switch (op.token) {
      case 'in':
      case 'notin':
        return requirement(key, op.token, this.#values())
      case '=':
      case '==':
      case '!=':
        return requirement(key, op.token, [this.#value()])
      case '>':
        return requirement(key, 'gt', [this.#value()])
      case '<':
        return requirement(key, 'lt', [this.#value()])
    }
    throw new SelectorError(`found '${op.text}', expected: in, notin, =, ==, !=, gt, lt`)
  }

  #value(): string {
    const next = this.#look()
    if (next.token === 'end' || next.token === ',') return ''
    this.#at++
    if (next.token !== 'id') throw new SelectorError(`found '${next.text}', expected: identifier`)
    return next.text
  }

  #values(): string[] {
    const open = this.#take()
    if (open.token !== '(') throw new SelectorError(`found '${open.text}' expected: '('`)
    const first = this.#look()
    if (first.token === ')') {
      this.#at++
      return ['']
    }
    if (first.token !== 'id' && first.token !== ',') throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`)
    const values: string[] = []
    for (;;) {
      if (this.#look().token === ')' && values.length > 0) break
      const item = this.#take()
      if (item.token === 'id') {
        values.push(item.text)
        const next = this.#look()
        if (next.token === ')') break
        if (next.token !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`)
      } else if (item.token === ',') {
        if (values.length === 0) values.push('')
        const next = this.#look()
        if (next.token === ')') {
          values.push('')
          break
        }
        if (next.token === ',') {
          this.#at++
          values.push('')
        }
      } else throw new SelectorError(`found '${item.text}', expected: ',', or identifier`)
    }
    const close = this.#take()
    if (close.token !== ')') throw new SelectorError(`found '${close.text}', expected: ')'`)
    return values
  }
}

/** Checks and normalises; throws SelectorError. */
export function requirement(key: string, operator: Operator, values: readonly string[]): Requirement {
  const errors = new FieldErrors()
  const sorted = [...new Set(values)].sort()
  const wrong = labelKeyErrors(key)
  if (wrong.length > 0) errors.invalid('key', key, wrong.join('; '))
  if (operator === 'in' || operator === 'notin') {
    if (sorted.length === 0) errors.invalid('values', sorted, "for 'in', 'notin' operators, values set can't be empty")
  } else if (operator === 'exists' || operator === '!') {
    if (sorted.length !== 0) errors.invalid('values', sorted, 'values set must be empty for exists and does not exist')
  } else if (operator === 'gt' || operator === 'lt') {
    if (sorted.length !== 1) errors.invalid('values', sorted, "for 'Gt', 'Lt' operators, exactly one value is required")
    for (const [i, v] of sorted.entries()) if (!/^[+-]?\d+$/.test(v)) errors.invalid(`values[${i}]`, v, "for 'Gt', 'Lt' operators, the value must be an integer")
  } else if (sorted.length !== 1) errors.invalid('values', sorted, 'exact-match compatibility requires one single value')
  for (const v of sorted) {
    const bad = labelValueErrors(v)
    if (bad.length > 0) errors.invalid(`values[${key}]`, v, bad.join('; '))
  }
  if (errors.list.length > 0) throw new SelectorError(aggregate(errors.list))
  return { key, operator, values: sorted }
}

const cache = new Map<string, Selector>()

/** Throws SelectorError. Requirements are sorted by key, as upstream does. */
export function parseSelector(text: string): Selector {
  let selector = cache.get(text)
  if (!selector) {
    selector = new Parser(text).parse().sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    if (cache.size > 500) cache.clear()
    cache.set(text, selector)
  }
  return selector
}

export function matches(selector: Selector, labels: Labels): boolean {
  for (const r of selector) if (!requirementMatches(r, labels)) return false
  return true
}

function requirementMatches(r: Requirement, labels: Labels): boolean {
  const value = labels?.[r.key]
  switch (r.operator) {
    case 'in':
    case '=':
    case '==':
      return value !== undefined && r.values.includes(value)
    case 'notin':
    case '!=':
      return value === undefined || !r.values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case 'gt':
    case 'lt': {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false
      const [a, b] = [BigInt(value), BigInt(r.values[0]!)]
      return r.operator === 'gt' ? a > b : a < b
    }
  }
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[]
}

const expressionOperators: Record<string, Operator> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' }
const compiled = new WeakMap<object, Selector>()

/** LabelSelectorAsSelector: undefined matches nothing, an empty selector everything. */
export function selectorOf(selector: LabelSelector | undefined | null): Selector | undefined {
  if (!selector) return undefined
  let out = compiled.get(selector)
  if (!out) {
    const list: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, operator: '=' as const, values: [value] }))
    for (const e of selector.matchExpressions ?? []) {
      const operator = expressionOperators[e.operator]
      if (operator) list.push({ key: e.key, operator, values: [...(e.values ?? [])].sort() })
    }
    out = list.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    compiled.set(selector, out)
  }
  return out
}

export function matchesLabelSelector(selector: LabelSelector | undefined | null, labels: Labels): boolean {
  const s = selectorOf(selector)
  return s !== undefined && matches(s, labels)
}

/** Plain map selectors (services, replication controllers): empty or missing selects nothing. */
export function matchesMap(selector: Readonly<Record<string, string>> | undefined, labels: Labels): boolean {
  if (!selector) return false
  let any = false
  for (const key in selector) {
    any = true
    if (labels?.[key] !== selector[key]) return false
  }
  return any
}

/** The string form: `a=b,c in (d,e),!f`. */
export function formatSelector(selector: Selector): string {
  return selector
    .map((r) => {
      switch (r.operator) {
        case 'exists':
          return r.key
        case '!':
          return '!' + r.key
        case 'in':
          return `${r.key} in (${r.values.join(',')})`
        case 'notin':
          return `${r.key} notin (${r.values.join(',')})`
        case 'gt':
          return `${r.key}>${r.values[0]}`
        case 'lt':
          return `${r.key}<${r.values[0]}`
        default:
          return `${r.key}${r.operator}${r.values[0]}`
      }
    })
    .join(',')
}

/** As tables and describe print a LabelSelector. */
export function formatLabelSelector(selector: LabelSelector | undefined | null): string {
  const s = selectorOf(selector)
  return s === undefined ? '<none>' : s.length === 0 ? '<none>' : formatSelector(s)
}
