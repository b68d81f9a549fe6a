/** JSON bodies as Go reads them: the words of syntax errors, and which fields were given twice (the last one counts). */
export class JsonError extends Error {}

export interface ParsedJson {
  readonly value: unknown
  /** Paths of repeated fields: `metadata.name`. */
  readonly duplicates: readonly string[]
}

export function parseJson(text: string): ParsedJson {
  const duplicates: string[] = []
  scan(text, duplicates)
  return { value: JSON.parse(text), duplicates }
}

const quoteChar = (ch: string) => (ch === "'" ? "'\\''" : ch === '"' ? "'\"'" : `'${ch < ' ' ? (ch === '\n' ? '\\n' : ch === '\t' ? '\\t' : ch === '\r' ? '\\r' : '\\x' + ch.charCodeAt(0).toString(16).padStart(2, '0')) : ch}'`)

function scan(text: string, duplicates: string[]): void {
  let i = 0
  const fail = (context: string): never => {
    throw new JsonError(i >= text.length ? 'unexpected end of JSON input' : `invalid character ${quoteChar(text[i]!)} ${context}`)
  }
  const space = () => {
    while (i < text.length && (text[i] === ' ' || text[i] === '\n' || text[i] === '\t' || text[i] === '\r')) i++
  }
  const string = (): string => {
    const start = i++
    for (;;) {
      const ch = text[i]
      if (ch === undefined) return fail('')
      if (ch === '"') break
      if (ch === '\\') {
        i++
        if (i < text.length && !'"\\/bfnrtu'.includes(text[i]!)) return fail('in string escape code')
      } else if (ch < ' ') return fail('in string literal')
      i++
    }
    i++
    return text.slice(start, i)
  }
  const literal = (word: string) => {
    for (let n = 1; n < word.length; n++) {
      i++
      if (text[i] !== word[n]) fail(`in literal ${word} (expecting ${quoteChar(word[n]!)})`)
    }
    i++
  }
  const value = (path: string): void => {
    space()
    const ch = text[i]
    if (ch === '{') {
      i++
      space()
      const seen = new Set<string>()
      if (text[i] === '}') {
        i++
        return
      }
      for (;;) {
        space()
        if (text[i] !== '"') fail('looking for beginning of object key string')
        const raw = string()
        const key = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1)
        const at = path === '' ? key : `${path}.${key}`
        if (seen.has(key)) duplicates.push(at)
        seen.add(key)
        space()
        if (text[i] !== ':') fail('after object key')
        i++
        value(at)
        space()
        if (text[i] === ',') {
          i++
          continue
        }
        if (text[i] === '}') {
          i++
          return
        }
        fail('after object key:value pair')
      }
    }
    if (ch === '[') {
      i++
      space()
      if (text[i] === ']') {
        i++
        return
      }
      for (let n = 0; ; n++) {
        value(`${path}[${n}]`)
        space()
        if (text[i] === ',') {
          i++
          continue
        }
        if (text[i] === ']') {
          i++
          return
        }
        fail('after array element')
      }
    }
    if (ch === '"') {
      string()
      return
    }
    if (ch === 't') return literal('true')
    if (ch === 'f') return literal('false')
    if (ch === 'n') return literal('null')
    const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(text.slice(i, i + 64))
    if (!number) return fail('looking for beginning of value')
    i += number[0].length
  }
  value('')
  space()
  if (i < text.length) fail('after top-level value')
}

/** How the server shows the beginning of a body that it could not read. */
export function summarize(text: string): string {
  if (text === '') return '<empty>'
  const long = text.length > 30
  const part = text.slice(0, 30)
  const shown = text.startsWith('{') ? part : [...part].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('')
  return long ? `${shown} ...` : shown
}
