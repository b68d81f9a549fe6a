/** The ways in which bash quotes text that it prints so that it can be read again. */
const safe = /^[A-Za-z0-9_./:@%+,=\-^\u0080-\u{10ffff}]+$/u

function hasControl(text: string): boolean {
  return /[\x00-\x1f\x7f\udc80-\udcff]/.test(text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ''))
}

/** $'…' */
export function quoteAnsi(text: string): string {
  const names: Record<string, string> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\x07': '\\a', '\b': '\\b', '\x1b': '\\E', '\f': '\\f', '\v': '\\v', "'": "\\'", '\\': '\\\\' }
  let out = ''
  for (const c of text) {
    const code = c.codePointAt(0)!
    if (names[c]) out += names[c]
    else if (code < 32 || code === 127) out += '\\' + code.toString(8).padStart(3, '0')
    else if (code >= 0xdc80 && code <= 0xdcff) out += '\\' + (code - 0xdc00).toString(8).padStart(3, '0')
    else out += c
  }
  return `$'${out}'`
}

export function quoteSingle(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`
}

/** As xtrace, `trap -p`, `${x@Q}` and `set` quote: only where needed. */
export function quoteWord(text: string): string {
  if (text === '') return "''"
  if (hasControl(text)) return quoteAnsi(text)
  if (safe.test(text) && !/^[~#]/.test(text)) return text
  if (text === "'") return "\\'"
  return quoteSingle(text)
}

/** As xtrace quotes: what the shell would split or expand comes first, so a tab stays a tab between quotes. */
export function quoteTrace(text: string): string {
  if (text === '') return "''"
  if (/[ \t\n'"\\|&;()<>!{}*[\]?^$`]|^[~#]|[=:]~/.test(text)) return text === "'" ? "\\'" : quoteSingle(text)
  return hasControl(text) ? quoteAnsi(text) : text
}

/** As `printf %q` quotes. */
export function quoteBackslash(text: string): string {
  if (text === '') return "''"
  if (hasControl(text)) return quoteAnsi(text)
  return text.replace(/[^A-Za-z0-9_./:@%+=\-\u0080-\u{10ffff}]/gu, '\\$&').replace(/^\\?([~#])/, '\\$1').replace(/(?<!^)\\([~#])/g, '$1')
}

/** As `declare -p` quotes values. */
export function quoteDouble(text: string): string {
  if (hasControl(text)) return quoteAnsi(text)
  return `"${text.replace(/["$`\\]/g, '\\$&')}"`
}
