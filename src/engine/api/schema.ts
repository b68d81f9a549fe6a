/**
 * What the server knows about the fields of a type: kind of value, required, defaults, list and patch semantics. Types come as one line of
 * text each (src/engine/kinds/generated/schemas.ts) and are parsed when first asked for.
 *
 *     type   = [mark] ";" field *(";" field)            mark "~a": the whole struct is atomic for server-side apply
 *     field  = name ["!"] " " value *(" " note)         "!": required
 *     value  = s string | i int32 | l int64 | n double | b bool | t Time | u MicroTime | q Quantity | x IntOrString | y bytes
 *            | o any object | a anything | "[" value | "{" value (map) | "#" type name
 *     note   = "~m:" keys | "~s" set | "~a" atomic | "^" merge key of strategic merge | "(" enum ")" | "=" default as JSON
 *            (always written, null: written as null when absent) | "*" pointer (a zero value is kept) | "@" Go type name in decoding errors
 *            | "<" embedded Go struct that holds the field | "?" read by code of its own: unknown members below are dropped without a word
 */
export type ValueType =
  | { readonly kind: 'string' | 'int32' | 'int64' | 'double' | 'bool' | 'time' | 'microtime' | 'quantity' | 'intstr' | 'bytes' | 'object' | 'any' }
  | { readonly kind: 'list' | 'map'; readonly item: ValueType }
  | { readonly kind: 'struct'; readonly name: string }

export interface Field {
  readonly name: string
  readonly required: boolean
  readonly type: ValueType
  readonly list?: 'map' | 'set' | 'atomic'
  readonly keys?: readonly string[]
  /** Strategic merge: '' for lists of plain values. */
  readonly mergeKey?: string
  readonly retainKeys: boolean
  /** Strategic merge puts the patch's value in place of the old one. */
  readonly replace?: boolean
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly pointer: boolean
  readonly goType?: string
  readonly embedded?: string
  readonly lenient?: boolean
}

export interface Struct {
  readonly name: string
  readonly atomic: boolean
  readonly fields: ReadonlyMap<string, Field>
}

const leaf: Record<string, ValueType> = {
  s: { kind: 'string' }, i: { kind: 'int32' }, l: { kind: 'int64' }, n: { kind: 'double' }, b: { kind: 'bool' }, t: { kind: 'time' }, u: { kind: 'microtime' },
  q: { kind: 'quantity' }, x: { kind: 'intstr' }, y: { kind: 'bytes' }, o: { kind: 'object' }, a: { kind: 'any' },
}

function parseType(text: string): ValueType {
  if (text[0] === '[') return { kind: 'list', item: parseType(text.slice(1)) }
  if (text[0] === '{') return { kind: 'map', item: parseType(text.slice(1)) }
  if (text[0] === '#') return { kind: 'struct', name: text.slice(1) }
  return leaf[text]!
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function parseField(text: string): Field {
  const [head, type, ...notes] = text.split(' ') as [string, string, ...string[]]
  const required = head.endsWith('!')
  const field: Writable<Field> = { name: required ? head.slice(0, -1) : head, required, type: parseType(type), retainKeys: false, pointer: false }
  for (const note of notes) {
    if (note.startsWith('~m:')) {
      field.list = 'map'
      field.keys = note.slice(3).split(',')
    } else if (note === '~s') field.list = 'set'
    else if (note === '~a') field.list = 'atomic'
    else if (note === '^replace') field.replace = true
    else if (note === '^retainKeys') field.retainKeys = true
    else if (note[0] === '^') field.mergeKey = note.slice(1)
    else if (note[0] === '(') field.enum = note.slice(1, -1).split(',')
    else if (note[0] === '=') field.default = JSON.parse(note.slice(1))
    else if (note === '*') field.pointer = true
    else if (note[0] === '@') field.goType = note.slice(1)
    else if (note === '?') field.lenient = true
    else if (note[0] === '<') field.embedded = note.slice(1)
  }
  return field
}

export class Schemas {
  readonly #texts: Readonly<Record<string, string>>
  readonly #parsed = new Map<string, Struct>()

  constructor(texts: Readonly<Record<string, string>>) {
    this.#texts = texts
  }

  /** These types and others. */
  with(texts: Readonly<Record<string, string>>): Schemas {
    return new Schemas({ ...this.#texts, ...texts })
  }

  has(name: string): boolean {
    return this.#texts[name] !== undefined
  }

  get names(): readonly string[] {
    return Object.keys(this.#texts)
  }

  struct(name: string): Struct {
    let struct = this.#parsed.get(name)
    if (!struct) {
      const text = this.#texts[name]
      if (text === undefined) throw new Error(`no schema ${name}`)
      const [mark, ...fields] = text.split(';')
      struct = { name, atomic: mark === '~a', fields: new Map(fields.filter((f) => f !== '').map((f) => parseField(f)).map((f) => [f.name, f])) }
      this.#parsed.set(name, struct)
    }
    return struct
  }
}
