/**
 * JSON as Go's encoding/json writes it (keys of maps sorted, `<`, `>` and `&` escaped), and values as fmt's `%v` and `%#v` print them
 * where kubectl lets them through to the user.
 */
function escape(text: string): string {
  return JSON.stringify(text)
    .replace(/[<>&\u2028\u2029]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))
    .replace(/\\b/g, '\\u0008')
    .replace(/\\f/g, '\\u000c')
}

/** Top-level order of typed objects printed by kubectl's own code is by key too, since they pass through maps. */
export function goJson(value: unknown, indent = '', level = ''): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'string') return escape(value)
  if (typeof value === 'number' || typeof value === 'boolean') return typeof value === 'number' ? goNumber(value) : String(value)
  const inner = level + indent
  const newline = indent === '' ? '' : '\n'
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return '[' + newline + value.map((v) => (indent ? inner : '') + goJson(v, indent, inner)).join(',' + newline) + newline + (indent ? level : '') + ']'
  }
  const object = value as Record<string, unknown>
  const keys = Object.keys(object).filter((k) => object[k] !== undefined).sort(byBytes)
  if (keys.length === 0) return '{}'
  const colon = indent ? ': ' : ':'
  return '{' + newline + keys.map((k) => (indent ? inner : '') + escape(k) + colon + goJson(object[k], indent, inner)).join(',' + newline) + newline + (indent ? level : '') + '}'
}

export function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function goNumber(n: number): string {
  if (Number.isInteger(n) && Math.abs(n) < 1e21) return String(n)
  return String(n)
}

/** fmt's `%v`. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return '[' + value.map(goValue).join(' ') + ']'
  if (typeof value === 'object') {
    const object = value as Record<string, unknown>
    return 'map[' + Object.keys(object).sort(byBytes).map((k) => `${k}:${goValue(object[k])}`).join(' ') + ']'
  }
  if (typeof value === 'number' && !Number.isInteger(value)) return String(value)
  return String(value)
}

/** fmt's `%#v` of decoded JSON. */
export function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)'
  if (typeof value === 'string') return goQuote(value)
  if (Array.isArray(value)) return '[]interface {}{' + value.map(goSyntax).join(', ') + '}'
  if (typeof value === 'object') {
    const object = value as Record<string, unknown>
    return 'map[string]interface {}{' + Object.keys(object).sort(byBytes).map((k) => `${goQuote(k)}:${goSyntax(object[k])}`).join(', ') + '}'
  }
  return String(value)
}

/** strconv.Quote / `%q`. */
export function goQuote(text: string): string {
  let out = '"'
  for (const c of text) {
    const code = c.codePointAt(0)!
    if (c === '"' || c === '\\') out += '\\' + c
    else if (c === '\n') out += '\\n'
    else if (c === '\t') out += '\\t'
    else if (c === '\r') out += '\\r'
    else if (c === '\b') out += '\\b'
    else if (c === '\f') out += '\\f'
    else if (c === '\v') out += '\\v'
    else if (c === '\x07') out += '\\a'
    else if (code < 0x20 || code === 0x7f) out += '\\x' + code.toString(16).padStart(2, '0')
    else out += c
  }
  return out + '"'
}
