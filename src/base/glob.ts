/**
 * Shell patterns (fnmatch with extglob) as regular expressions. A backslash quotes the next character; callers that hold quoted text
 * escape it with `quotePattern`. Pathname rules (leading dots, slashes) belong to whoever walks directories.
 */
const classes: Record<string, string> = {
  alpha: '\\p{L}', digit: '0-9', alnum: '\\p{L}0-9', upper: '\\p{Lu}', lower: '\\p{Ll}', space: ' \\t\\n\\r\\f\\v', blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~', print: '\\x20-\\x7e\\u00a0-\\u{10ffff}', graph: '\\x21-\\x7e\\u00a1-\\u{10ffff}', cntrl: '\\x00-\\x1f\\x7f', xdigit: '0-9A-Fa-f', word: '\\w',
}

/** Escapes everything that a pattern would take as special. */
export function quotePattern(text: string): string {
  return text.replace(/[\\*?[\]()|!+@^-]/g, '\\$&')
}

/** Whether the text holds an active special character. */
export function isPattern(pattern: string, extglob = true): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!
    if (c === '\\') i++
    else if (c === '*' || c === '?') return true
    else if (c === '[' && bracketEnd(pattern, i) > 0) return true
    else if (extglob && pattern[i + 1] === '(' && '+@!'.includes(c)) return true
  }
  return false
}

/** The pattern with its escapes taken away. */
export function unquotePattern(pattern: string): string {
  return pattern.replace(/\\([\s\S])/g, '$1')
}

function bracketEnd(pattern: string, start: number): number {
  let i = start + 1
  if (pattern[i] === '!' || pattern[i] === '^') i++
  if (pattern[i] === ']') i++
  for (; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++
    else if (pattern[i] === '[' && /[:.=]/.test(pattern[i + 1] ?? '')) {
      const close = pattern.indexOf(pattern[i + 1]! + ']', i + 2)
      if (close > 0) i = close + 1
    } else if (pattern[i] === ']') return i
  }
  return -1
}

function escape(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function escapeInBracket(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function bracket(body: string): string {
  let i = 0
  let negated = false
  if (body[0] === '!' || body[0] === '^') {
    negated = true
    i++
  }
  let out = ''
  while (i < body.length) {
    const c = body[i]!
    if (c === '[' && body[i + 1] === ':') {
      const close = body.indexOf(':]', i + 2)
      const name = close > 0 ? body.slice(i + 2, close) : ''
      if (classes[name] !== undefined) {
        out += classes[name]
        i = close + 2
        continue
      }
    }
    let from = c
    if (c === '\\' && i + 1 < body.length) {
      from = body[i + 1]!
      i++
    }
    i++
    if (body[i] === '-' && i + 1 < body.length) {
      let to = body[i + 1]!
      i += 2
      if (to === '\\' && i < body.length) to = body[i++]!
      if (from <= to) out += escapeInBracket(from) + '-' + escapeInBracket(to)
      continue
    }
    out += escapeInBracket(from)
  }
  if (out === '') return negated ? '[\\s\\S]' : '[]'
  return `[${negated ? '^' : ''}${out}]`
}

export interface PatternOptions {
  readonly extglob?: boolean
  /** `*` and `?` do not match `/`. */
  readonly path?: boolean
  /** Shortest instead of longest matches. */
  readonly lazy?: boolean
}

/** The regular expression source (flag u) of a pattern. */
export function patternSource(pattern: string, options: PatternOptions = {}): string {
  const any = options.path ? '[^/]' : '[\\s\\S]'
  const star = any + (options.lazy ? '*?' : '*')
  const walk = (text: string): string => {
    let out = ''
    for (let i = 0; i < text.length; i++) {
      const c = text[i]!
      if (options.extglob !== false && text[i + 1] === '(' && '?*+@!'.includes(c)) {
        const end = closing(text, i + 1)
        if (end > 0) {
          const choices = alternatives(text.slice(i + 2, end)).map(walk)
          const group = `(?:${choices.join('|')})`
          if (c === '!') {
            const rest = walk(text.slice(end + 1))
            return out + `(?!${group}${rest}$)${any}*?${rest}`
          }
          out += c === '@' ? group : group + c
          i = end
          continue
        }
      }
      if (c === '\\') {
        out += escape(text[++i] ?? '\\')
      } else if (c === '*') {
        while (text[i + 1] === '*' && text[i + 2] !== '(') i++
        out += star
      } else if (c === '?') out += any
      else if (c === '[') {
        const end = bracketEnd(text, i)
        if (end > 0) {
          out += bracket(text.slice(i + 1, end))
          i = end
        } else out += '\\['
      } else {
        const code = text.codePointAt(i)!
        if (code > 0xffff) {
          out += String.fromCodePoint(code)
          i++
        } else out += escape(c)
      }
    }
    return out
  }
  return walk(pattern)
}

function closing(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '(') depth++
    else if (text[i] === ')' && --depth === 0) return i
  }
  return -1
}

function alternatives(text: string): string[] {
  const out: string[] = []
  let depth = 0
  let part = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') {
      part += c + (text[++i] ?? '')
      continue
    }
    if (c === '(') depth++
    if (c === ')') depth--
    if (c === '|' && depth === 0) {
      out.push(part)
      part = ''
    } else part += c
  }
  return [...out, part]
}

const compiled = new Map<string, RegExp>()

/** Whether the whole text matches. */
export function matchesPattern(text: string, pattern: string, options: PatternOptions & { readonly ignoreCase?: boolean } = {}): boolean {
  const key = `${options.extglob === false ? 0 : 1}${options.path ? 1 : 0}${options.ignoreCase ? 1 : 0}${pattern}`
  let regex = compiled.get(key)
  if (!regex) {
    if (compiled.size > 1000) compiled.clear()
    regex = new RegExp(`^${patternSource(pattern, options)}$`, options.ignoreCase ? 'ui' : 'u')
    compiled.set(key, regex)
  }
  return regex.test(text)
}
