/** Tokens of CEL. Positions count code points, as the messages of the compiler do. */
import { encodeBytes } from '#base/bytes.ts'
import type { Issue } from './ast.ts'

export type TokenType = 'ident' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'operator' | 'end'

export interface Token {
  readonly type: TokenType
  /** As written; of operators and words the token itself. */
  readonly text: string
  readonly at: number
  /** Decoded text of strings. */
  readonly value?: string
  readonly data?: Uint8Array
  /** `a-b` between backquotes. */
  readonly quoted?: boolean
}

const operators = ['==', '!=', '<=', '>=', '&&', '||', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', '*', '/', '%', '<', '>']
const number = /^(?:(\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(0x[0-9a-fA-F]+|\d+)([uU])?)/
const word = /^[A-Za-z_][A-Za-z0-9_]*/
const opening = /^([rR]?[bB]?|[bB][rR])("""|'''|"|')/
const simple: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', "'": "'", '"': '"', '`': '`', '?': '?' }

export function tokenize(source: string): { readonly tokens: Token[]; readonly issues: Issue[] } {
  const tokens: Token[] = []
  const issues: Issue[] = []
  let rest = source
  let at = 0
  const take = (length: number) => {
    const text = rest.slice(0, length)
    rest = rest.slice(length)
    at += [...text].length
    return text
  }
  while (rest !== '') {
    const space = /^(?:[ \t\r\n\f]+|\/\/[^\n]*)/.exec(rest)
    if (space) {
      take(space[0].length)
      continue
    }
    const start = at
    const open = opening.exec(rest)
    if (open) {
      const end = endOfString(rest, open[0].length, open[2]!, /[rR]/.test(open[1]!))
      if (end === undefined) {
        issues.push({ at: start, message: `Syntax error: token recognition error at: '${rest}'` })
        take(rest.length)
        continue
      }
      const text = take(end)
      const body = text.slice(open[0].length, -open[2]!.length)
      const bytes = /[bB]/.test(open[1]!)
      const decoded = /[rR]/.test(open[1]!) ? { text: body } : unescape(body, bytes)
      if (decoded === undefined) issues.push({ at: start, message: `Invalid escape in ${bytes ? 'bytes' : 'string'} literal` })
      tokens.push({ type: bytes ? 'bytes' : 'string', text, at: start, value: decoded?.text ?? '', ...(bytes ? { data: decoded?.data ?? encodeBytes(decoded?.text ?? '') } : {}) })
      continue
    }
    const digits = number.exec(rest)
    if (digits && !(digits[0].startsWith('.') && tokens.at(-1) !== undefined && ['ident', 'string'].includes(tokens.at(-1)!.type))) {
      tokens.push({ type: digits[1] !== undefined ? 'double' : digits[3] ? 'uint' : 'int', text: take(digits[0].length), at: start })
      continue
    }
    const name = word.exec(rest)
    if (name) {
      tokens.push({ type: 'ident', text: take(name[0].length), at: start })
      continue
    }
    const quoted = /^`([A-Za-z0-9_.\-/ ]+)`/.exec(rest)
    if (quoted) {
      take(quoted[0].length)
      tokens.push({ type: 'ident', text: quoted[1]!, at: start, quoted: true })
      continue
    }
    const operator = operators.find((o) => rest.startsWith(o))
    if (operator) {
      tokens.push({ type: 'operator', text: take(operator.length), at: start })
      continue
    }
    // What cannot start a token is told with the character after it when that spoiled a two-character token.
    const length = /^[|&=]/.test(rest) ? Math.min(2, rest.length) : [...rest][0]!.length
    issues.push({ at: start, message: `Syntax error: token recognition error at: '${rest.slice(0, length)}'` })
    take(/^[|&=]/.test(rest) ? 1 : length)
  }
  tokens.push({ type: 'end', text: '<EOF>', at })
  return { tokens, issues }
}

function endOfString(text: string, from: number, quote: string, raw: boolean): number | undefined {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\' && !raw) i++
    else if (text.startsWith(quote, i)) return i + quote.length
    else if (quote.length === 1 && (text[i] === '\n' || text[i] === '\r')) return undefined
  }
  return undefined
}

function unescape(body: string, bytes: boolean): { text: string; data?: Uint8Array } | undefined {
  if (!body.includes('\\')) return { text: body }
  let text = ''
  const data: number[] = []
  const put = (piece: string) => {
    text += piece
    if (bytes) data.push(...encodeBytes(piece))
  }
  for (const m of body.matchAll(/\\(?:([abfnrtv\\'"`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([^]))|([^\\]+)/g)) {
    const [, letter, hex, four, eight, octal, wrong, plain] = m
    if (wrong !== undefined) return undefined
    if (plain !== undefined) put(plain)
    else if (letter !== undefined) put(simple[letter]!)
    else {
      const code = parseInt(hex ?? four ?? eight ?? octal!, octal === undefined ? 16 : 8)
      if (bytes && (hex !== undefined || octal !== undefined)) data.push(code)
      else if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined
      else put(String.fromCodePoint(code))
    }
  }
  return { text, ...(bytes ? { data: Uint8Array.from(data) } : {}) }
}
