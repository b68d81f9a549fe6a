/** JSON read as Go's encoding/json does, as far as its error texts go: what learners see when they break a configuration file. */

const quote = (c: string) => (c === "'" ? "'\\''" : c === '"' ? `'"'` : c === '\n' ? "'\\n'" : `'${c}'`)

interface State {
  readonly text: string
  at: number
}

class Syntax extends Error {}

const end = 'unexpected end of JSON input'

function skip(s: State): void {
  while (/[ \t\r\n]/.test(s.text[s.at] ?? 'x')) s.at++
}

function fail(s: State, where: string): never {
  const c = s.text[s.at]
  throw new Syntax(c === undefined ? end : `invalid character ${quote(c)} ${where}`)
}

function string(s: State): void {
  s.at++
  for (;;) {
    const c = s.text[s.at]
    if (c === undefined) fail(s, '')
    if (c < ' ') fail(s, 'in string literal')
    s.at++
    if (c === '"') return
    if (c !== '\\') continue
    const e = s.text[s.at]
    if (e === 'u') {
      s.at++
      for (let i = 0; i < 4; i++, s.at++) if (!/[0-9a-fA-F]/.test(s.text[s.at] ?? '')) fail(s, 'in \\u hexadecimal character escape')
    } else if (e !== undefined && '"\\/bfnrt'.includes(e)) s.at++
    else fail(s, 'in string escape code')
  }
}

function literal(s: State, word: string): void {
  for (let i = 1; i < word.length; i++) {
    s.at++
    if (s.text[s.at] !== word[i]) fail(s, `in literal ${word} (expecting ${quote(word[i]!)})`)
  }
  s.at++
}

function number(s: State): void {
  if (s.text[s.at] === '-') {
    s.at++
    if (!/\d/.test(s.text[s.at] ?? '')) fail(s, 'in numeric literal')
  }
  if (s.text[s.at] === '0') s.at++
  else while (/\d/.test(s.text[s.at] ?? '')) s.at++
  if (s.text[s.at] === '.') {
    s.at++
    if (!/\d/.test(s.text[s.at] ?? '')) fail(s, 'after decimal point in numeric literal')
    while (/\d/.test(s.text[s.at] ?? '')) s.at++
  }
  if (/[eE]/.test(s.text[s.at] ?? '')) {
    s.at++
    if (/[+-]/.test(s.text[s.at] ?? '')) s.at++
    if (!/\d/.test(s.text[s.at] ?? '')) fail(s, 'in exponent of numeric literal')
    while (/\d/.test(s.text[s.at] ?? '')) s.at++
  }
}

function value(s: State): void {
  skip(s)
  const c = s.text[s.at] ?? ''
  if (c === '"') string(s)
  else if (c === '{') {
    s.at++
    skip(s)
    if (s.text[s.at] === '}') s.at++
    else {
      for (let first = true; ; first = false) {
        skip(s)
        if (s.text[s.at] !== '"') fail(s, first ? 'looking for beginning of object key string' : 'looking for beginning of object key string')
        string(s)
        skip(s)
        if (s.text[s.at] !== ':') fail(s, 'after object key')
        s.at++
        value(s)
        skip(s)
        if (s.text[s.at] === '}') break
        if (s.text[s.at] !== ',') fail(s, 'after object key:value pair')
        s.at++
      }
      s.at++
    }
  } else if (c === '[') {
    s.at++
    skip(s)
    if (s.text[s.at] === ']') s.at++
    else {
      for (;;) {
        value(s)
        skip(s)
        if (s.text[s.at] === ']') break
        if (s.text[s.at] !== ',') fail(s, 'after array element')
        s.at++
      }
      s.at++
    }
  } else if (c === 't') literal(s, 'true')
  else if (c === 'f') literal(s, 'false')
  else if (c === 'n') literal(s, 'null')
  else if (c === '-' || (c >= '0' && c <= '9')) number(s)
  else fail(s, 'looking for beginning of value')
}

/** The value, or what json.Unmarshal says is wrong with the text. */
export function goJsonError(text: string): { readonly value: unknown; readonly error?: undefined } | { readonly error: string } {
  const state: State = { text, at: 0 }
  try {
    value(state)
    skip(state)
    if (state.at < text.length) fail(state, 'after top-level value')
  } catch (error) {
    if (!(error instanceof Syntax)) throw error
    return { error: error.message }
  }
  return { value: JSON.parse(text) as unknown }
}
