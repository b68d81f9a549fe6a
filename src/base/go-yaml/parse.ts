/**
 * YAML documents to JSON data as sigs.k8s.io/yaml does it: YAML 1.1 scalars (`yes` is true, `0644` is 420), merge keys, aliases; keys become
 * strings. Errors are go-yaml's. Times stay strings, as JSON has none. Left out: binary and custom tags.
 */
import { Scanner, YamlError, type Token, type TokenType } from './scan.ts'

export { YamlError } from './scan.ts'

const MaxNodes = 400_000

class Composer {
  readonly #scanner: Scanner
  readonly #anchors = new Map<string, unknown>()
  #nodes = 0

  constructor(text: string) {
    this.#scanner = new Scanner(text)
  }

  /** The first document, or undefined where there is none. */
  document(): unknown {
    this.#scanner.next()
    while (this.#is('document-end')) this.#scanner.next()
    if (this.#is('stream-end')) return undefined
    if (this.#is('document-start')) this.#scanner.next()
    const value = this.#node(true, false)
    const token = this.#scanner.peek()
    if (!['document-end', 'document-start', 'stream-end'].includes(token.type)) this.#fail('did not find expected <document start>', token)
    return value
  }

  #is(type: TokenType): boolean {
    return this.#scanner.peek().type === type
  }

  #fail(problem: string, token: Token): never {
    throw new YamlError(problem, token.line)
  }

  #node(block: boolean, indentless: boolean): unknown {
    if (++this.#nodes > MaxNodes) throw new YamlError('document contains excessive aliasing', 0)
    let anchor: string | undefined
    let tag: string | undefined
    let token = this.#scanner.peek()
    if (token.type === 'alias') {
      this.#scanner.next()
      if (!this.#anchors.has(token.value)) throw new YamlError(`unknown anchor '${token.value}' referenced`, 0)
      return this.#anchors.get(token.value)
    }
    while (token.type === 'anchor' || token.type === 'tag') {
      if (token.type === 'anchor') anchor = token.value
      else tag = token.value
      this.#scanner.next()
      token = this.#scanner.peek()
    }
    const value = this.#content(block, indentless, token, tag)
    if (anchor !== undefined) this.#anchors.set(anchor, value)
    return value
  }

  #content(block: boolean, indentless: boolean, token: Token, tag: string | undefined): unknown {
    if (indentless && token.type === '-') return this.#indentlessSequence()
    if (token.type === 'scalar') {
      this.#scanner.next()
      if (tag === '!!str' || tag === '!' || (token.style !== 'plain' && tag === undefined)) return token.value
      return resolveScalar(token.value)
    }
    if (token.type === '[') return this.#flowSequence()
    if (token.type === '{') return this.#flowMapping()
    if (block && token.type === 'block-sequence-start') return this.#blockSequence()
    if (block && token.type === 'block-mapping-start') return this.#blockMapping()
    if (tag !== undefined || ['block-end', 'key', 'value', '-', ',', ']', '}', 'document-start', 'document-end', 'stream-end'].includes(token.type)) {
      if (tag !== undefined || block || token.type === 'value') return tag === '!!str' ? '' : null
    }
    return this.#fail('did not find expected node content', token)
  }

  #blockSequence(): unknown[] {
    this.#scanner.next()
    const out: unknown[] = []
    for (;;) {
      const token = this.#scanner.peek()
      if (token.type === '-') {
        this.#scanner.next()
        out.push(this.#is('-') || this.#is('block-end') ? null : this.#node(true, false))
      } else if (token.type === 'block-end') {
        this.#scanner.next()
        return out
      } else this.#fail("did not find expected '-' indicator", token)
    }
  }

  #indentlessSequence(): unknown[] {
    const out: unknown[] = []
    while (this.#is('-')) {
      this.#scanner.next()
      const next = this.#scanner.peek().type
      out.push(next === '-' || next === 'key' || next === 'value' || next === 'block-end' ? null : this.#node(true, false))
    }
    return out
  }

  #blockMapping(): Record<string, unknown> {
    this.#scanner.next()
    const map = new MapBuilder()
    for (;;) {
      const token = this.#scanner.peek()
      if (token.type === 'key') {
        this.#scanner.next()
        const empty = this.#is('key') || this.#is('value') || this.#is('block-end')
        const keyToken = this.#scanner.peek()
        const key = empty ? null : this.#node(true, true)
        map.add(key, this.#blockValue(), keyToken.type === 'scalar' && keyToken.style === 'plain')
      } else if (token.type === 'value') {
        map.add(null, this.#blockValue(), false)
      } else if (token.type === 'block-end') {
        this.#scanner.next()
        return map.finish()
      } else this.#fail('did not find expected key', token)
    }
  }

  #blockValue(): unknown {
    if (!this.#is('value')) return null
    this.#scanner.next()
    if (this.#is('key') || this.#is('value') || this.#is('block-end')) return null
    return this.#node(true, true)
  }

  #flowSequence(): unknown[] {
    this.#scanner.next()
    const out: unknown[] = []
    for (let first = true; ; first = false) {
      if (!first && !this.#is(']')) {
        if (!this.#is(',')) this.#fail("did not find expected ',' or ']'", this.#scanner.peek())
        this.#scanner.next()
      }
      if (this.#is(']')) break
      if (this.#is('key')) {
        this.#scanner.next()
        const map = new MapBuilder()
        const key = this.#node(false, false)
        map.add(key, this.#flowValue(), true)
        out.push(map.finish())
      } else out.push(this.#node(false, false))
    }
    this.#scanner.next()
    return out
  }

  #flowMapping(): Record<string, unknown> {
    this.#scanner.next()
    const map = new MapBuilder()
    for (let first = true; ; first = false) {
      if (!first && !this.#is('}')) {
        if (!this.#is(',')) this.#fail("did not find expected ',' or '}'", this.#scanner.peek())
        this.#scanner.next()
      }
      if (this.#is('}')) break
      const hadKey = this.#is('key')
      if (hadKey) this.#scanner.next()
      const keyToken = this.#scanner.peek()
      const key = keyToken.type === 'value' || keyToken.type === ',' || keyToken.type === '}' ? null : this.#node(false, false)
      map.add(key, this.#flowValue(), keyToken.type === 'scalar' && keyToken.style === 'plain')
    }
    this.#scanner.next()
    return map.finish()
  }

  #flowValue(): unknown {
    if (!this.#is('value')) return null
    this.#scanner.next()
    return this.#is(',') || this.#is('}') || this.#is(']') ? null : this.#node(false, false)
  }
}

const isMap = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

class MapBuilder {
  readonly #map: Record<string, unknown> = {}
  readonly #merged: Record<string, unknown> = {}

  add(key: unknown, value: unknown, plain: boolean): void {
    if (plain && key === '<<') {
      const sources = Array.isArray(value) ? [...value].reverse() : [value]
      for (const source of sources) {
        if (!isMap(source)) throw new YamlError('map merge requires map or sequence of maps as the value', 0)
        Object.assign(this.#merged, source)
      }
      return
    }
    const name = key === null ? 'null' : typeof key === 'object' ? JSON.stringify(key) : String(key)
    Object.defineProperty(this.#map, name, { value, enumerable: true, configurable: true, writable: true })
  }

  finish(): Record<string, unknown> {
    for (const key of Object.keys(this.#merged)) if (!Object.hasOwn(this.#map, key)) this.#map[key] = this.#merged[key]
    return this.#map
  }
}

const words: Record<string, unknown> = { '': null, '~': null, null: null, Null: null, NULL: null }
for (const w of ['true', 'yes', 'on', 'y']) for (const s of [w, w[0]!.toUpperCase() + w.slice(1), w.toUpperCase()]) words[s] = true
for (const w of ['false', 'no', 'off', 'n']) for (const s of [w, w[0]!.toUpperCase() + w.slice(1), w.toUpperCase()]) words[s] = false
delete words['y']
delete words['Y']
delete words['n']
delete words['N']
const floatPattern = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/

/** What a plain scalar means: null, a boolean, a number or itself. */
export function resolveScalar(text: string): unknown {
  if (Object.hasOwn(words, text)) return words[text]
  const c = text[0]!
  if (!/[-+.0-9]/.test(c)) return text
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text) || /^\.(nan|NaN|NAN)$/.test(text)) return text
  const plain = text.replaceAll('_', '')
  if (/^[-+]?0[0-7]+$/.test(plain)) return (plain[0] === '-' ? -1 : 1) * parseInt(plain.replace(/^[-+]/, ''), 8)
  if (/^[-+]?0[xX][0-9a-fA-F]+$/.test(plain)) return (plain[0] === '-' ? -1 : 1) * parseInt(plain.replace(/^[-+]?0[xX]/, ''), 16)
  if (/^[-+]?0[oO][0-7]+$/.test(plain)) return (plain[0] === '-' ? -1 : 1) * parseInt(plain.replace(/^[-+]?0[oO]/, ''), 8)
  if (/^[-+]?0b[01]+$/.test(plain)) return (plain[0] === '-' ? -1 : 1) * parseInt(plain.replace(/^[-+]?0b/, ''), 2)
  if (/^[-+]?[0-9]+$/.test(plain)) return Number(plain)
  if (floatPattern.test(plain)) return Number(plain)
  return text
}

/** The first document of `text`; undefined where it is empty. Throws YamlError. */
export function parseYaml(text: string): unknown {
  return new Composer(text).document()
}
