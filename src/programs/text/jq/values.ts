/** JSON values as jq 1.6 reads, orders and prints them. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export class JqError extends Error {
  readonly value: Json
  /** `break` out of a label. */
  readonly label: number | undefined
  constructor(value: Json, label?: number) {
    super(typeof value === 'string' ? value : '')
    this.value = value
    this.label = label
  }
}

/** A null-prototype object: keys like `__proto__` are plain. */
export function object(entries: Iterable<readonly [string, Json]> = []): { [key: string]: Json } {
  const o = Object.create(null) as { [key: string]: Json }
  for (const [k, v] of entries) o[k] = v
  return o
}

export function typeOf(v: Json): 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object' {
  if (v === null) return 'null'
  if (Array.isArray(v)) return 'array'
  return typeof v as 'boolean' | 'number' | 'string' | 'object'
}

/** Keys in the order of their code points; integer-like keys have no place of their own here. */
export function keysOf(v: { [key: string]: Json }): string[] {
  return order.get(v) ?? Object.keys(v)
}

const order = new WeakMap<object, string[]>()

export function sortedKeys(v: { [key: string]: Json }): string[] {
  return Object.keys(v).sort(compareText)
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  const x = [...a]
  const y = [...b]
  for (let i = 0; i < x.length && i < y.length; i++) if (x[i] !== y[i]) return x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!
  return x.length - y.length
}

const rank = { null: 0, boolean: 1, number: 3, string: 4, array: 5, object: 6 }

export function compare(a: Json, b: Json): number {
  const ta = typeOf(a)
  const tb = typeOf(b)
  if (ta !== tb) return rank[ta] - rank[tb]
  switch (ta) {
    case 'boolean': return Number(a) - Number(b)
    case 'number': return (a as number) < (b as number) ? -1 : a === b ? 0 : Number.isNaN(a) ? -1 : 1
    case 'string': return compareText(a as string, b as string)
    case 'array': {
      const x = a as Json[]
      const y = b as Json[]
      for (let i = 0; i < x.length && i < y.length; i++) {
        const d = compare(x[i]!, y[i]!)
        if (d !== 0) return d
      }
      return x.length - y.length
    }
    case 'object': {
      const x = a as { [key: string]: Json }
      const y = b as { [key: string]: Json }
      const kx = sortedKeys(x)
      const ky = sortedKeys(y)
      const d = compare(kx, ky)
      if (d !== 0) return d
      for (const k of kx) {
        const e = compare(x[k]!, y[k]!)
        if (e !== 0) return e
      }
    }
  }
  return 0
}

/** 17 significant digits at most; exponents from 1e-05 and where more than 15 zeros would follow. */
export function numberText(n: number): string {
  if (Number.isNaN(n)) return 'null'
  if (n === Infinity) return '1.7976931348623157e+308'
  if (n === -Infinity) return '-1.7976931348623157e+308'
  if (Object.is(n, -0)) return '-0'
  const [mantissa, e] = n.toExponential().split('e') as [string, string]
  const digits = mantissa.replace(/^-/, '').replace('.', '')
  const sign = n < 0 ? '-' : ''
  const decpt = n === 0 ? 1 : Number(e) + 1
  if (decpt <= -4 || decpt > digits.length + 15) {
    const exponent = decpt - 1
    return `${sign}${digits[0]}${digits.length > 1 ? '.' + digits.slice(1) : ''}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (decpt <= 0) return `${sign}0.${'0'.repeat(-decpt)}${digits}`
  if (decpt >= digits.length) return sign + digits + '0'.repeat(decpt - digits.length)
  return `${sign}${digits.slice(0, decpt)}.${digits.slice(decpt)}`
}

export interface PrintStyle {
  readonly indent: number | '\t'
  readonly sort: boolean
  readonly ascii: boolean
  readonly color: boolean
}

export const compact: PrintStyle = { indent: 0, sort: false, ascii: false, color: false }

function stringText(s: string, ascii = false): string {
  let out = '"'
  for (const c of s) {
    const code = c.codePointAt(0)!
    if (c === '"') out += '\\"'
    else if (c === '\\') out += '\\\\'
    else if (c === '\n') out += '\\n'
    else if (c === '\t') out += '\\t'
    else if (c === '\r') out += '\\r'
    else if (c === '\b') out += '\\b'
    else if (c === '\f') out += '\\f'
    else if (code < 32 || code === 127) out += '\\u' + code.toString(16).padStart(4, '0')
    else if (code >= 0xd800 && code <= 0xdfff) out += '\ufffd'
    else if (ascii && code > 126) out += [...Array(c.length).keys()].map((i) => '\\u' + c.charCodeAt(i).toString(16).padStart(4, '0')).join('')
    else out += c
  }
  return out + '"'
}

export function print(v: Json, style: PrintStyle = compact, depth = 0): string {
  const paint = (code: string, text: string) => (style.color ? `\x1b[${code}m${text}` : text)
  const reset = style.color ? '\x1b[0m' : ''
  const nl = style.indent === 0 ? '' : '\n' + (style.indent === '\t' ? '\t'.repeat(depth + 1) : ' '.repeat(style.indent * (depth + 1)))
  const close = style.indent === 0 ? '' : '\n' + (style.indent === '\t' ? '\t'.repeat(depth) : ' '.repeat(style.indent * depth))
  switch (typeOf(v)) {
    case 'null': return paint('1;30', 'null') + reset
    case 'boolean': return paint('0;39', String(v)) + reset
    case 'number': return paint('0;39', numberText(v as number)) + reset
    case 'string': return paint('0;32', stringText(v as string, style.ascii)) + reset
    case 'array': {
      const a = v as Json[]
      if (a.length === 0) return paint('1;39', '[]') + reset
      return paint('1;39', '[') + a.map((x, i) => (i > 0 ? paint('1;39', ',') : '') + nl + print(x, style, depth + 1)).join('') + (style.color ? '\x1b[1;39m' : '') + close + paint('1;39', ']') + reset
    }
    default: {
      const o = v as { [key: string]: Json }
      const keys = style.sort ? sortedKeys(o) : keysOf(o)
      if (keys.length === 0) return paint('1;39', '{}') + reset
      const colon = style.indent === 0 ? ':' : ': '
      return paint('1;39', '{') + keys.map((k, i) => (i > 0 ? paint('1;39', ',') : '') + nl + (style.color ? `\x1b[0m\x1b[34;1m${stringText(k, style.ascii)}\x1b[0m\x1b[1;39m${colon}\x1b[0m` : stringText(k, style.ascii) + colon) + print(o[k]!, style, depth + 1)).join('') + (style.color ? '\x1b[1;39m' : '') + close + paint('1;39', '}') + reset
    }
  }
}

/** A problem with JSON text, in jq's words. */
export class JsonSyntax extends Error {}

/** Reads a stream of JSON texts, as far as they are whole. */
export class JsonReader {
  readonly text: string
  pos = 0

  constructor(text: string) {
    this.text = text
  }

  #where(at = this.pos): string {
    const before = this.text.slice(0, at)
    const lines = before.split('\n')
    const column = new TextLength(lines.at(-1)!).bytes
    return `line ${lines.length}, column ${column}`
  }

  fail(message: string, at?: number): never {
    throw new JsonSyntax(`${message} at ${this.#where(at)}`)
  }

  blanks(): void {
    while (/[\s\ufeff\x1e]/.test(this.text[this.pos] ?? '')) this.pos++
  }

  /** The next value, undefined at the end. Throws JsonSyntax. */
  next(): Json | undefined {
    this.blanks()
    if (this.pos >= this.text.length) return undefined
    return this.value()
  }

  #unfinished(): never {
    throw new JsonSyntax(`Unfinished JSON term at EOF at ${this.#where(this.text.length)}`)
  }

  value(): Json {
    this.blanks()
    const c = this.text[this.pos]
    if (c === undefined) this.#unfinished()
    if (c === '{') {
      this.pos++
      const o = object()
      const keys: string[] = []
      this.blanks()
      if (this.text[this.pos] === '}') {
        this.pos++
        return o
      }
      for (;;) {
        this.blanks()
        if (this.pos >= this.text.length) this.#unfinished()
        if (this.text[this.pos] !== '"') {
          if (this.text[this.pos] === '}') this.fail('Expected another key-value pair', this.pos + 1)
          const key = this.value()
          void key
          this.blanks()
          this.fail('Object keys must be strings', this.pos + 1)
        }
        const key = this.string()
        this.blanks()
        if (this.pos >= this.text.length) this.#unfinished()
        if (this.text[this.pos] !== ':') {
          if (this.text[this.pos] === ',' || this.text[this.pos] === '}') this.fail('Objects must consist of key:value pairs', this.pos + 1)
          this.separator()
        }
        this.pos++
        if (!(key in o)) keys.push(key)
        o[key] = this.value()
        this.blanks()
        const d = this.text[this.pos]
        if (d === undefined) this.#unfinished()
        this.pos++
        if (d === ',') continue
        if (d === '}') break
        if (/[\]:]/.test(d)) this.fail(`Unmatched '${d}'`.replace("Unmatched ':'", "':' not as part of an object"))
        this.pos--
        this.separator()
      }
      // JavaScript would put integer-like keys first.
      if (keys.some((k) => /^\d+$/.test(k))) order.set(o, keys)
      return o
    }
    if (c === '[') {
      this.pos++
      const a: Json[] = []
      this.blanks()
      if (this.text[this.pos] === ']') {
        this.pos++
        return a
      }
      for (;;) {
        this.blanks()
        if (this.text[this.pos] === ']') this.fail('Expected another array element', this.pos + 1)
        a.push(this.value())
        this.blanks()
        const d = this.text[this.pos]
        if (d === undefined) this.#unfinished()
        this.pos++
        if (d === ',') continue
        if (d === ']') return a
        if (d === '}' || d === ':') this.fail(d === '}' ? "Unmatched '}'" : "':' not as part of an object")
        this.pos--
        this.separator()
      }
    }
    if (c === '"') return this.string()
    if (c === '}' || c === ']') this.fail(`Unmatched '${c}'`, this.pos + 1)
    if (c === ':') this.fail("':' not as part of an object", this.pos + 1)
    if (c === ',') this.fail("Expected value before ','", this.pos + 1)
    return this.literal()
  }

  /** Two values without anything between: told when the second one is read, which for words and numbers takes the character behind it. */
  separator(): never {
    const c = this.text[this.pos]!
    let end = this.pos + 1
    if (c === '"') {
      this.string()
      end = this.pos
    } else if (c !== '{' && c !== '[') end = this.pos + /^[^\s,:[\]{}"]*/.exec(this.text.slice(this.pos))![0].length + 1
    if (end > this.text.length) this.#unfinished()
    this.fail('Expected separator between values', end)
  }

  literal(): Json {
    const m = /^[^\s,:[\]{}"]+/.exec(this.text.slice(this.pos, this.pos + 400))
    const word = m?.[0] ?? ''
    const end = this.pos + word.length
    const words: Record<string, Json> = { true: true, false: false, null: null, nan: NaN, NaN }
    if (word in words) {
      this.pos = end
      return words[word]!
    }
    if (/^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(word)) {
      this.pos = end
      return Number(word)
    }
    const what = /^[tfn]/.test(word) ? 'Invalid literal' : 'Invalid numeric literal'
    if (end >= this.text.length) throw new JsonSyntax(`${what} at EOF at ${this.#where(this.text.length)}`)
    const next = this.text[end]
    if (next === '\n') throw new JsonSyntax(`${what} at line ${this.text.slice(0, end).split('\n').length + 1}, column 0`)
    this.fail(what, end + 1)
  }

  string(): string {
    const start = this.pos
    let i = this.pos + 1
    let out = ''
    for (;;) {
      const c = this.text[i]
      if (c === undefined) throw new JsonSyntax(`Unfinished string at EOF at ${this.#where(this.text.length)}`)
      if (c === '"') break
      if (c === '\\') {
        const e = this.text[i + 1]
        const u = /^u([0-9a-fA-F]{4})/.exec(this.text.slice(i + 1, i + 6))
        if (u) {
          out += String.fromCharCode(parseInt(u[1]!, 16))
          i += 6
          continue
        }
        const plain = ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '"': '"', '\\': '\\', '/': '/' } as Record<string, string>)[e ?? '']
        if (plain === undefined) {
          const close = this.text.indexOf('"', i + 2)
          this.fail('Invalid escape', close < 0 ? this.text.length : close + 1)
        }
        out += plain
        i += 2
        continue
      }
      out += c
      i++
    }
    void start
    this.pos = i + 1
    return out
  }
}

class TextLength {
  readonly bytes: number
  constructor(text: string) {
    let n = 0
    for (const c of text) {
      const code = c.codePointAt(0)!
      n += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    }
    this.bytes = n
  }
}

/** A value in an error message: what fits a buffer of so many bytes, cut with dots. */
export function short(v: Json, buffer = 15): string {
  const text = print(v)
  if (new TextLength(text).bytes < buffer) return text
  let out = ''
  for (const c of text) {
    if (new TextLength(out + c).bytes > buffer - 4) break
    out += c
  }
  return `${out}...`
}
