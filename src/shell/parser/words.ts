/**
 * The parts of a word: quotes, parameter expansions, substitutions. Contexts differ in what quotes mean: `word` (outside of quotes),
 * `double` (inside "…", also the argument of an expansion there), `document` (a here-document: quotes are plain text).
 */
import { Lexer } from './lexer.ts'
import { parseSubstitution } from './parser.ts'
import type { List, Param, Part, Word } from './ast.ts'

export type WordContext = 'word' | 'double' | 'document' | 'pattern'

/** Parts of a word, worked out once. */
export function partsOf(word: Word): readonly Part[] {
  return (word.parts ??= parseParts(word.text, word.line, 'word'))
}

const cache = new Map<string, readonly Part[]>()

/** Parts of a text that is not a word of the program itself: arguments of expansions, here-documents, arithmetic. */
export function partsOfText(text: string, line: number, context: WordContext): readonly Part[] {
  const key = `${context}${line}:${text}`
  let parts = cache.get(key)
  if (!parts) {
    if (cache.size > 2000) cache.clear()
    parts = parseParts(text, line, context)
    cache.set(key, parts)
  }
  return parts
}

function parseParts(text: string, line: number, context: WordContext): readonly Part[] {
  let found: List | undefined
  const lexer = new Lexer(text, line, (l) => {
    found = parseSubstitution(l, {})
  })
  const parts: Part[] = []
  const out: Part[] = parts
  let plain = ''
  let plainQuoted = context !== 'word' && context !== 'pattern'
  const flush = () => {
    if (plain) out.push({ kind: 'text', text: plain, quoted: plainQuoted })
    plain = ''
  }
  const put = (s: string, quoted: boolean) => {
    if (quoted !== plainQuoted) {
      flush()
      plainQuoted = quoted
    }
    plain += s
  }
  const add = (part: Part) => {
    flush()
    out.push(part)
  }
  const inside = context === 'double' || context === 'document'
  while (lexer.pos < text.length) {
    const c = text[lexer.pos]!
    const start = lexer.pos
    const at = lexer.line
    const next = text[start + 1]
    if (c === '\\') {
      lexer.pos += 2
      if (next === '\n') lexer.line++
      if (next === undefined) put('\\', true)
      else if (next === '\n') continue
      else if (inside && !('$`\\'.includes(next) || (next === '"' && context === 'double') || (next === '}' && context === 'double' && braceArgument))) put('\\' + next, true)
      else put(next, true)
    } else if (c === "'" && !inside) {
      lexer.skipQuoted()
      add({ kind: 'quotes', parts: [{ kind: 'text', text: text.slice(start + 1, lexer.pos - 1), quoted: true }] })
    } else if (c === '"' && context !== 'document') {
      lexer.skipQuoted()
      // A quote inside the argument of an expansion inside quotes toggles nothing visible: its text stays quoted.
      const inner = parseParts(text.slice(start + 1, lexer.pos - 1), at, 'double')
      add({ kind: 'quotes', parts: inner })
    } else if (c === '`') {
      lexer.skipQuoted()
      const raw = text.slice(start + 1, lexer.pos - 1)
      const source = raw.replace(inside ? /\\([$`\\"])/g : /\\([$`\\])/g, '$1')
      add({ kind: 'command', source, line: at, backquoted: true })
    } else if (c === '$') {
      if (next === "'" && !inside) {
        lexer.skipQuoted()
        add({ kind: 'quotes', parts: [{ kind: 'text', text: ansiEscapes(text.slice(start + 2, lexer.pos - 1)), quoted: true }] })
      } else if (next === '"' && !inside) {
        lexer.skipQuoted()
        add({ kind: 'quotes', parts: parseParts(text.slice(start + 2, lexer.pos - 1), at, 'double') })
      } else {
        found = undefined
        if (!lexer.dollar(inside)) {
          lexer.pos++
          put('$', plainQuoted)
          continue
        }
        const raw = text.slice(start, lexer.pos)
        if (raw.startsWith('$((') && raw.endsWith('))') && lexer.tookArithmetic) add({ kind: 'arith', text: raw.slice(3, -2), line: at })
        else if (raw.startsWith('$[')) add({ kind: 'arith', text: raw.slice(2, -1), line: at })
        else if (raw.startsWith('$(')) add({ kind: 'command', source: raw.slice(2, -1), line: at, backquoted: false, ...(found ? { program: found } : {}) })
        else if (raw.startsWith('${')) add({ kind: 'param', param: parseBraces(raw, at) })
        else {
          const name = /^\$([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(text.slice(start))
          if (!name) {
            lexer.pos = start + 1
            put('$', plainQuoted)
          } else {
            lexer.pos = start + name[0].length
            add({ kind: 'param', param: { raw: name[0], name: name[1]!, indirect: false, op: '', arg: '', line: at } })
          }
        }
      }
    } else if ((c === '<' || c === '>') && next === '(' && context === 'word') {
      lexer.pos += 2
      lexer.commandEnd()
      add({ kind: 'process', direction: c, source: text.slice(start + 2, lexer.pos - 1), line: at })
    } else {
      if (c === '\n') lexer.line++
      lexer.pos++
      put(c, inside)
    }
  }
  flush()
  return parts
}

/** Inside "${x:-…}" a backslash also quotes the closing brace. */
const braceArgument = true

const operatorPattern = /^(:?[-=?+]|##?|%%?|\^\^?|,,?|~~?|\/\/|\/#|\/%|\/|@[UuLQEPAaKk]|:)/

/** `${…}` taken apart; what makes no sense gets op 'bad' and fails when expanded. */
function parseBraces(raw: string, line: number): Param {
  const inner = raw.slice(2, -1)
  const bad: Param = { raw, name: '', indirect: false, op: 'bad', arg: '', line }
  let rest = inner
  const length = rest.startsWith('#') && rest.length > 1 && !/^#([-=?+:#%/^,]|$)/.test(rest)
  if (/^#[#?$!@*-]$/.test(rest)) return { raw, name: rest[1]!, indirect: false, op: 'length', arg: '', line }
  if (length) rest = rest.slice(1)
  const prefix = /^!([A-Za-z_][A-Za-z0-9_]*)([*@])$/.exec(rest)
  if (prefix) return { raw, name: prefix[1]!, indirect: true, op: 'prefix', arg: prefix[2]!, line }
  const indirect = rest.startsWith('!') && rest.length > 1 && /^![A-Za-z_0-9@*#?!-]/.test(rest) && !/^![-+=?:]?$/.test(rest)
  if (indirect) rest = rest.slice(1)
  const m = /^([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])/.exec(rest)
  if (!m) return bad
  const name = m[1]!
  rest = rest.slice(name.length)
  let subscript: string | undefined
  if (rest.startsWith('[') && /^[A-Za-z_]/.test(name)) {
    let depth = 0
    let end = -1
    for (let i = 0; i < rest.length; i++) {
      const c = rest[i]!
      if (c === '\\') i++
      else if ((c === "'" || c === '"') && rest.indexOf(c, i + 1) > 0) i = rest.indexOf(c, i + 1)
      else if (c === '[') depth++
      else if (c === ']' && --depth === 0) {
        end = i
        break
      }
    }
    if (end < 0) return bad
    subscript = rest.slice(1, end)
    rest = rest.slice(end + 1)
  }
  const base = { raw, name, indirect, line, ...(subscript !== undefined ? { subscript } : {}) }
  if (length) return rest === '' ? { ...base, op: 'length', arg: '' } : bad
  if (indirect && subscript !== undefined && (subscript === '@' || subscript === '*') && rest === '') return { ...base, op: 'keys', arg: '' }
  if (rest === '') return { ...base, op: '', arg: '' }
  const op = operatorPattern.exec(rest)
  if (!op) return bad
  if (op[1]!.startsWith('@') && rest.length !== 2) return bad
  return { ...base, op: op[1]!, arg: rest.slice(op[1]!.length) }
}

/** The escapes of $'…'. */
export function ansiEscapes(text: string): string {
  const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', v: '\v', '\\': '\\', "'": "'", '"': '"', '?': '?' }
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|c[\s\S]|[\s\S])/g, (all, e: string) => {
    if (e[0] === 'x' && e.length > 1) return byteText(parseInt(e.slice(1), 16))
    if ((e[0] === 'u' || e[0] === 'U') && e.length > 1) return String.fromCodePoint(Math.min(parseInt(e.slice(1), 16), 0x10ffff))
    if (/^[0-7]+$/.test(e)) return byteText(parseInt(e, 8) & 255)
    if (e[0] === 'c' && e.length > 1) return String.fromCharCode(e.charCodeAt(1) & 31)
    return simple[e] ?? all
  })
}

function byteText(byte: number): string {
  return byte < 128 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte)
}
