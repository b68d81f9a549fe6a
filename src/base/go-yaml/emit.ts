/**
 * YAML as kubectl prints it (sigs.k8s.io/yaml over go-yaml v2): keys sorted, sequences not indented, plain where possible, double quotes for
 * what would be read as something else, literal blocks for lines, long plain scalars folded at 80 columns.
 */
import { resolveScalar } from './parse.ts'

/** Names by their bytes. */
const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const Width = 80

const isSpace = (c: string): boolean => c === ' ' || (c < ' ' ? /\s/.test(c) : c > '~' && /\s/.test(c))

interface Analysis {
  readonly multiline: boolean
  readonly plain: boolean
  readonly single: boolean
  readonly block: boolean
}

/** Most keys and values: nothing in them has a meaning in YAML. */
const ordinary = /^[A-Za-z0-9_/][A-Za-z0-9_/.+=-]*$/
const plainWord: Analysis = { multiline: false, plain: true, single: true, block: true }

function analyze(text: string): Analysis {
  if (ordinary.test(text)) return plainWord
  if (text === '') return { multiline: false, plain: false, single: true, block: false }
  let blockIndicators = text.startsWith('---') || text.startsWith('...')
  let special = false
  let lineBreaks = false
  let spaceBreak = false
  let breakSpace = false
  const first = text[0]!
  if ('#,[]{}&*!|>\'"%@`'.includes(first)) blockIndicators = true
  if ((first === '?' || first === ':' || first === '-') && (text.length === 1 || isSpace(text[1]!))) blockIndicators = true
  let preceded = true
  let previousSpace = false
  let previousBreak = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    const code = text.charCodeAt(i)
    const next = text[i + 1]
    const followed = next === undefined || isSpace(next)
    if (i > 0) {
      if (c === ':' && followed) blockIndicators = true
      if (c === '#' && preceded) blockIndicators = true
    }
    const isBreak = c === '\n' || c === '\u0085' || c === '\u2028' || c === '\u2029' || c === '\r'
    const printable = c === '\n' || (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && !(code >= 0xdc80 && code <= 0xdcff && !(text.charCodeAt(i - 1) >= 0xd800 && text.charCodeAt(i - 1) < 0xdc00)) && code !== 0xfeff && code !== 0xfffe && code !== 0xffff)
    if (!printable) special = true
    if (isBreak) lineBreaks = true
    if (c === ' ') {
      if (previousBreak) breakSpace = true
      previousSpace = true
      previousBreak = false
    } else if (isBreak) {
      if (previousSpace) spaceBreak = true
      previousBreak = true
      previousSpace = false
    } else previousSpace = previousBreak = false
    preceded = isSpace(c)
  }
  const last = text[text.length - 1]!
  const edges = first === ' ' || first === '\n' || last === ' ' || last === '\n'
  let plain = !edges
  let single = true
  let block = last !== ' '
  if (breakSpace) plain = single = false
  if (spaceBreak || special) plain = single = block = false
  if (lineBreaks) plain = false
  if (blockIndicators) plain = false
  return { multiline: lineBreaks, plain, single, block }
}

/** 190:20:30 and the like are numbers to other readers of YAML 1.1. */
const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
const timestamp = /^\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?$/

function ambiguous(text: string): boolean {
  // No word that means something else is longer than `false`; numbers and times begin with a digit, a sign or a point.
  if (text.length > 5 && /^[A-Za-z]/.test(text)) return false
  if (base60.test(text) || text === '<<' || /^(y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/.test(text)) return true
  if (timestamp.test(text) && isTimestamp(text)) return true
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text) || /^\.(nan|NaN|NAN)$/.test(text)) return true
  return typeof resolveScalar(text) !== 'string'
}

function isTimestamp(text: string): boolean {
  return /^\d{4}-\d{1,2}-\d{1,2}$/.test(text) || /^\d{4}-\d{1,2}-\d{1,2}([Tt]| )\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?\s*(Z|[-+]\d{2}:?\d{2})?$/.test(text)
}

const escapes: Record<string, string> = { '\0': '\\0', '\x07': '\\a', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r', '\x1b': '\\e', '"': '\\"', '\\': '\\\\', '\u0085': '\\N', '\u00a0': '\\_', '\u2028': '\\L', '\u2029': '\\P' }

class Emitter {
  out = ''
  #column = 0

  write(text: string): void {
    this.out += text
    const at = text.lastIndexOf('\n')
    this.#column = at < 0 ? this.#column + text.length : text.length - at - 1
  }

  value(value: unknown, indent: number, inSequence: boolean): void {
    if (Array.isArray(value)) {
      if (value.length === 0) this.write(this.#gap(inSequence) + '[]\n')
      else this.#sequence(value, indent, inSequence)
    } else if (typeof value === 'object' && value !== null) {
      const map = value as Record<string, unknown>
      const keys = Object.keys(map).filter((k) => map[k] !== undefined).sort(naturalOrder)
      if (keys.length === 0) this.write(this.#gap(inSequence) + '{}\n')
      else this.#mapping(map, keys, indent, inSequence)
    } else {
      this.write(this.#gap(inSequence))
      this.#scalar(value, indent)
      this.write('\n')
    }
  }

  #gap(inSequence: boolean): string {
    return inSequence || this.#column === 0 ? '' : ' '
  }

  #sequence(items: readonly unknown[], indent: number, inSequence: boolean): void {
    if (!inSequence && this.#column > 0) this.write('\n')
    items.forEach((item, i) => {
      if (i > 0 || !inSequence) this.write(' '.repeat(indent))
      this.write('- ')
      this.value(item, indent + 2, true)
    })
  }

  #mapping(map: Record<string, unknown>, keys: readonly string[], indent: number, inSequence: boolean): void {
    if (!inSequence && this.#column > 0) this.write('\n')
    keys.forEach((key, i) => {
      if (i > 0 || !inSequence) this.write(' '.repeat(indent))
      const a = analyze(key)
      const long = key.length > 128 || a.multiline
      if (long) this.write('? ')
      this.#scalar(key, indent, !long)
      if (long) this.write('\n' + ' '.repeat(indent))
      this.write(':')
      const value = map[key]
      // A sequence inside a mapping stays at the mapping's indentation.
      this.value(value, Array.isArray(value) ? indent : indent + 2, false)
    })
  }

  #scalar(value: unknown, indent: number, key = false): void {
    if (typeof value !== 'string') {
      this.write(value === null || value === undefined ? 'null' : typeof value === 'number' ? formatNumber(value) : String(value))
      return
    }
    const a = analyze(value)
    if (value.includes('\n') && a.block && !key) return this.#literal(value, indent)
    if (value.includes('\n')) return this.#double(value, indent, key)
    if (ambiguous(value)) return this.#double(value, indent, key)
    if (a.plain) return this.#plain(value, indent, key)
    if (a.single) return this.#single(value, indent, key)
    this.#double(value, indent, key)
  }

  #literal(text: string, indent: number): void {
    const hint = text[0] === ' ' || text[0] === '\n' ? '2' : ''
    const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : ''
    const lines = text.split('\n')
    if (text.endsWith('\n')) lines.pop()
    const pad = ' '.repeat(Math.max(indent, 2))
    this.write(`|${hint}${chomp}\n` + lines.map((l) => (l === '' ? '' : pad + l)).join('\n'))
  }

  #plain(text: string, indent: number, key: boolean): void {
    this.#folded(text, indent, key)
  }

  #single(text: string, indent: number, key: boolean): void {
    this.write("'")
    this.#folded(text.replaceAll("'", "''"), indent, key, true)
    this.write("'")
  }

  /** Breaks at single spaces once the line is longer than the width, as the emitter of libyaml does. */
  #folded(text: string, indent: number, key: boolean, quoted = false): void {
    if (key || !text.includes(' ')) return this.write(text)
    let run = ''
    for (let i = 0; i < text.length; i++) {
      const c = text[i]!
      if (c === ' ' && text[i - 1] !== ' ' && this.#column + run.length > Width && text[i + 1] !== ' ' && i < text.length - 1 && (!quoted || i > 0)) {
        this.write(run + '\n' + ' '.repeat(indent))
        run = ''
      } else run += c
    }
    this.write(run)
  }

  #double(text: string, indent: number, key: boolean): void {
    this.write('"')
    const chars = [...text]
    let spaces = false
    chars.forEach((c, i) => {
      const code = c.codePointAt(0)!
      if (escapes[c] !== undefined) {
        this.write(escapes[c])
        spaces = false
      } else if (code < 0x20 || code === 0x7f || (code > 0x7f && code < 0xa0)) {
        this.write('\\x' + code.toString(16).toUpperCase().padStart(2, '0'))
        spaces = false
      } else if (c === ' ') {
        if (!key && !spaces && this.#column > Width && i > 0 && i < chars.length - 1) {
          this.write('\n' + ' '.repeat(indent))
          if (chars[i + 1] === ' ') this.write('\\')
        } else this.write(' ')
        spaces = true
      } else {
        this.write(c)
        spaces = false
      }
    })
    this.write('"')
  }
}

function formatNumber(n: number): string {
  if (Number.isInteger(n)) return Math.abs(n) < 1e21 ? String(n) : n.toExponential().replace(/e\+?(-?)(\d)$/, 'e+0$2')
  return String(n)
}

/** go-yaml sorts keys so that digits inside them count as numbers and letters come after other characters. */
function naturalOrder(a: string, b: string): number {
  let same = 0
  while (same < a.length && same < b.length && a[same] === b[same]) same++
  if (same === a.length || same === b.length) return a.length - b.length
  if (/^[A-Za-z]/.test(a[same]!) && /^[A-Za-z]/.test(b[same]!)) return byBytes(a[same]!, b[same]!)
  const x = [...a]
  const y = [...b]
  const letter = (c: string) => /\p{L}/u.test(c)
  const digit = (c: string) => /\p{Nd}/u.test(c)
  let digits = false
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] === y[i]) {
      digits = digit(x[i]!)
      continue
    }
    const al = letter(x[i]!)
    const bl = letter(y[i]!)
    if (al && bl) return byBytes(x[i]!, y[i]!)
    if (al || bl) return digits ? (al ? -1 : 1) : bl ? -1 : 1
    let an = 0
    let bn = 0
    let ai = i
    let bi = i
    if (x[i] === '0' || y[i] === '0') {
      for (let j = i - 1; j >= 0 && digit(x[j]!); j--) {
        if (x[j] !== '0') {
          an = bn = 1
          break
        }
      }
    }
    for (; ai < x.length && digit(x[ai]!); ai++) an = an * 10 + Number(x[ai])
    for (; bi < y.length && digit(y[bi]!); bi++) bn = bn * 10 + Number(y[bi])
    if (an !== bn) return an < bn ? -1 : 1
    if (ai !== bi) return ai < bi ? -1 : 1
    return byBytes(x[i]!, y[i]!)
  }
  return x.length - y.length
}

/** One document, ending with a newline. */
export function emitYaml(value: unknown): string {
  const emitter = new Emitter()
  emitter.value(value, 0, false)
  return emitter.out
}
