/**
 * POSIX regular expressions (basic and extended with GNU's additions: \w \b \< \> \+ \? \|, back-references) on top of RegExp. Where
 * alternatives could make POSIX's leftmost-longest match differ from the first one, the longest is searched for.
 */
export class RegexError extends Error {}

export interface RegexMatch {
  readonly index: number
  readonly end: number
  /** [0] is the whole match. */
  readonly groups: readonly (string | undefined)[]
}

export interface Regex {
  /** First match at or after `from`; `^` only matches at 0. */
  exec(text: string, from: number): RegexMatch | undefined
  test(text: string): boolean
  readonly groupCount: number
}

export interface RegexOptions {
  readonly extended?: boolean
  readonly ignoreCase?: boolean
  /** `^` and `$` match at line breaks, too. */
  readonly multiline?: boolean
  /** A repetition with nothing to repeat is an error (sed, and bash's libc, which takes a lonely `)` for itself), not plain text (grep). */
  readonly strict?: boolean | 'libc'
  /** `.` and `[^x]` do not match a newline (sed and grep never see one). */
  readonly awk?: boolean
}

const classes: Record<string, string> = {
  alpha: 'A-Za-z\\p{L}', digit: '0-9', alnum: 'A-Za-z0-9\\p{L}', upper: 'A-Z\\p{Lu}', lower: 'a-z\\p{Ll}', space: ' \\t\\n\\r\\f\\v', blank: ' \\t', punct: '!-\\/:-@\\[-`\\{-~',
  print: '\\x20-\\x7e\\u00a0-\\u{10ffff}', graph: '\\x21-\\x7e\\u00a1-\\u{10ffff}', cntrl: '\\x00-\\x1f\\x7f', xdigit: '0-9A-Fa-f',
}

function literal(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function classLiteral(c: string): string {
  return c.replace(/[\\\]^[-]/g, '\\$&')
}

/** Translates a bracket expression; returns its JavaScript form and the index behind it. */
function bracket(source: string, start: number, awk: boolean): [string, number] {
  let i = start + 1
  let negated = false
  if (source[i] === '^') {
    negated = true
    i++
  }
  let out = ''
  let first = true
  for (;;) {
    let c = source[i]
    if (c === undefined) throw new RegexError('Unmatched [, [^, [:, [., or [=')
    if (c === ']' && !first) break
    first = false
    if (c === '[' && source[i + 1] === ':') {
      const end = source.indexOf(':]', i + 2)
      if (end < 0) throw new RegexError('Unmatched [, [^, [:, [., or [=')
      const name = source.slice(i + 2, end)
      if (classes[name] === undefined) throw new RegexError('Invalid character class name')
      out += classes[name]
      i = end + 2
      continue
    }
    if (c === '[' && (source[i + 1] === '.' || source[i + 1] === '=')) {
      const end = source.indexOf(source[i + 1] + ']', i + 2)
      if (end < 0) throw new RegexError('Unmatched [, [^, [:, [., or [=')
      c = source.slice(i + 2, end)
      i = end + 2
    } else if (c === '\\' && awk && i + 1 < source.length) {
      const e = source[i + 1]!
      c = ({ n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07', b: '\b' } as Record<string, string>)[e] ?? e
      i += 2
    } else {
      c = String.fromCodePoint(source.codePointAt(i)!)
      i += c.length
    }
    if (source[i] === '-' && source[i + 1] !== undefined && source[i + 1] !== ']') {
      let to = String.fromCodePoint(source.codePointAt(i + 1)!)
      i += 1 + to.length
      if (to === '\\' && awk) to = source[i++] ?? '\\'
      if (to === '[' && source[i] === '.') {
        const end = source.indexOf('.]', i)
        to = source.slice(i + 1, end)
        i = end + 2
      }
      if (c.codePointAt(0)! > to.codePointAt(0)!) throw new RegexError('Invalid range end')
      out += `${classLiteral(c)}-${classLiteral(to)}`
    } else out += classLiteral(c)
  }
  return [`[${negated ? '^' : ''}${out}]`, i + 1]
}

interface Translated {
  readonly source: string
  readonly groups: number
  readonly alternatives: boolean
}

/** What a backslash and a letter mean, in JavaScript's words. */
const escapes: Readonly<Record<string, string>> = {
  w: '[A-Za-z0-9_\\p{L}]', W: '[^A-Za-z0-9_\\p{L}]', s: '[ \\t\\n\\r\\f\\v]', S: '[^ \\t\\n\\r\\f\\v]',
  b: '\\b', B: '\\B', '<': '\\b(?=\\w)', '>': '\\b(?<=\\w)', '`': '(?<![\\s\\S])', "'": '(?![\\s\\S])',
  n: '\\n', t: '\\t', r: '\\r', f: '\\f', v: '\\v', a: 'a',
}

/** Those that awk reads otherwise. */
const awkEscapes: Readonly<Record<string, string>> = { b: '\\x08', a: '\\x07', '/': '\\/', '"': '"' }

/** Those that stand between characters: nothing to repeat. */
const nothing: ReadonlySet<string> = new Set(['b', 'B', '<', '>', '`', "'"])

function translate(source: string, options: RegexOptions): Translated {
  const extended = options.extended ?? false
  const awk = options.awk ?? false
  let out = ''
  let groups = 0
  let alternatives = false
  const open: number[] = []
  /** Whether something stands before that a repetition can apply to. */
  let atom = false
  let start = true
  const closed = new Set<number>()
  for (let i = 0; i < source.length; ) {
    const c = source[i]!
    const escaped = c === '\\'
    const e = escaped ? source[i + 1] : undefined
    if (escaped && e === undefined) throw new RegexError('Trailing backslash')
    const special = (x: string) => (extended ? !escaped && c === x : escaped && e === x)
    const width = escaped ? 2 : 1
    if (special('(')) {
      groups++
      open.push(groups)
      out += '('
      i += width
      atom = false
      start = true
      continue
    }
    if (special(')')) {
      const group = open.pop()
      if (group === undefined) {
        if (!extended || options.strict === true) throw new RegexError('Unmatched ) or \\)')
        if (!awk) {
          out += '\\)'
          i += width
          atom = true
          continue
        }
        throw new RegexError('Unmatched ) or \\)')
      }
      closed.add(group)
      out += ')'
      i += width
      atom = true
      start = false
      continue
    }
    if (special('|')) {
      alternatives = true
      out += '|'
      i += width
      atom = false
      start = true
      continue
    }
    if (special('{') && options.strict && !atom && extended) throw new RegexError('Invalid preceding regular expression')
    if (special('{') && (atom || !extended)) {
      const m = (extended ? /^\{(\d*)(,?)(\d*)\}/ : /^\\\{(\d*)(,?)(\d*)\\\}/).exec(source.slice(i))
      if (m && (m[1] !== '' || m[2] !== '')) {
        if (!atom) {
          if (options.strict) throw new RegexError('Invalid preceding regular expression')
          out += literal(m[0])
        } else {
          const low = m[1] === '' ? 0 : Number(m[1])
          if (m[3] !== '' && m[3] !== undefined && Number(m[3]) < low) throw new RegexError('Invalid content of \\{\\}')
          if (Math.max(low, Number(m[3] ?? 0)) > 32767) throw new RegexError('Regular expression too big')
          out += m[2] === '' ? `{${low}}` : `{${low},${m[3]}}`
        }
        i += m[0].length
        start = false
        continue
      }
      if (!extended || options.strict) throw new RegexError(source.slice(i).includes(extended ? '}' : '\\}') ? 'Invalid content of \\{\\}' : 'Unmatched \\{')
      out += '\\{'
      i += width
      atom = true
      continue
    }
    if ((c === '*' || special('+') || special('?')) && !(escaped && e === '*')) {
      if (!atom) {
        if (options.strict && extended) throw new RegexError('Invalid preceding regular expression')
        if (extended && c !== '*' && start && !awk) {
          i += width
          continue
        }
        if (extended && c === '*') {
          if (awk) out += '\\*'
          i += width
          atom = awk
          continue
        }
        out += escaped ? literal(e!) : literal(c)
        atom = true
      } else {
        // Repeated repetition operators mean one.
        const op = escaped ? e! : c
        if (options.strict && !extended && /(?:^|[^\\])[*+?}]$/.test(out)) throw new RegexError('Invalid preceding regular expression')
        if (/(?:^|[^\\])[*+?}]$/.test(out) && /[*+?]$/.test(out) && !/\\[*+?]$/.test(out)) out = `${out.slice(0, -1)}*`
        else out += op
      }
      i += width
      start = false
      continue
    }
    if (c === '^' && (extended || start || /(\\\(|\\\||\n)$/.test(source.slice(0, i)))) {
      out += '^'
      i++
      atom = false
      continue
    }
    if (c === '$' && (extended || i === source.length - 1 || /^\$(\\\)|\\\||\n)/.test(source.slice(i)))) {
      out += '$'
      i++
      atom = false
      start = false
      continue
    }
    start = false
    atom = true
    if (c === '[') {
      const [text, end] = bracket(source, i, awk)
      out += text
      i = end
      continue
    }
    if (c === '.') {
      out += '.'
      i++
      continue
    }
    if (escaped) {
      i += 2
      const known = (awk ? awkEscapes[e!] : undefined) ?? escapes[e!]
      if (known !== undefined) {
        out += known
        if (nothing.has(e!) && !(awk && e === 'b')) atom = false
      } else if (/[1-9]/.test(e!) && !awk) {
        if (!closed.has(Number(e))) throw new RegexError('Invalid back reference')
        out += `(?:\\${e})`
      } else out += literal(String.fromCodePoint(e!.codePointAt(0)!))
      continue
    }
    const char = String.fromCodePoint(source.codePointAt(i)!)
    out += literal(char)
    i += char.length
  }
  if (open.length > 0) throw new RegexError('Unmatched ( or \\(')
  return { source: out, groups, alternatives }
}

const cache = new Map<string, Regex>()

/** Throws RegexError with GNU's words. */
export function posixRegex(source: string, options: RegexOptions = {}): Regex {
  const key = `${options.extended ? 1 : 0}${options.ignoreCase ? 1 : 0}${options.multiline ? 1 : 0}${options.awk ? 1 : 0}${options.strict ?? 0}${source}`
  const known = cache.get(key)
  if (known) return known
  const t = translate(source, options)
  const flags = 'us' + (options.ignoreCase ? 'i' : '') + (options.multiline ? 'm' : '')
  let global: RegExp
  let sticky: RegExp
  try {
    global = new RegExp(t.source, flags + 'g')
    sticky = new RegExp(`(?:${t.source})$`, flags.replace('m', '') + 'y')
  } catch {
    throw new RegexError('Invalid regular expression')
  }
  const anchorsInside = /\$/.test(t.source.replace(/\\\$/g, '')) || options.multiline === true
  const regex: Regex = {
    groupCount: t.groups,
    exec(text, from) {
      global.lastIndex = from
      let m = global.exec(text)
      if (!m) return undefined
      const index = m.index
      if (t.alternatives && !anchorsInside && text.length - index < 4000) {
        for (let end = text.length; end > index + m[0].length; end--) {
          const head = text.slice(0, end)
          sticky.lastIndex = index
          const longer = sticky.exec(head)
          if (longer) {
            m = longer
            break
          }
        }
      }
      return { index, end: index + m[0].length, groups: [...m] }
    },
    test(text) {
      global.lastIndex = 0
      return global.test(text)
    },
  }
  if (cache.size > 500) cache.clear()
  cache.set(key, regex)
  return regex
}
