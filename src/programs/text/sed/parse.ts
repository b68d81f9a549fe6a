/** The sed script language: addresses, functions, their arguments; GNU's complaints with the position in the script. */
import { posixRegex, RegexError } from '#base/regex.ts'
import type { Regex } from '#base/regex.ts'

export class SedError extends Error {}

export type Address =
  | { readonly kind: 'line'; readonly line: number }
  | { readonly kind: 'last' }
  | { readonly kind: 'regex'; readonly regex: Regex | undefined }
  | { readonly kind: 'step'; readonly first: number; readonly step: number }
  | { readonly kind: 'zero' }
  /** `addr,+N` and `addr,~N` */
  | { readonly kind: 'plus' | 'multiple'; readonly n: number }

export interface Substitute {
  readonly regex: Regex | undefined
  readonly replacement: readonly Piece[]
  readonly global: boolean
  readonly print: number
  readonly nth: number
  readonly write: string | undefined
  readonly evaluate: boolean
}

export type Piece = { readonly text: string } | { readonly group: number } | { readonly mode: 'U' | 'L' | 'u' | 'l' | 'E' }

export interface Command {
  readonly from: Address | undefined
  readonly to: Address | undefined
  readonly negated: boolean
  readonly name: string
  readonly text: string
  readonly substitute?: Substitute
  readonly map?: ReadonlyMap<string, string>
  /** `{`: index behind the matching brace; b, t, T: index of the label. */
  target: number
  readonly index: number
  /** State of a range: the line that it ends at, or 'open'. */
  active: boolean
  end: number
}

export function parseSed(script: string, extended: boolean, label: (at: number) => string): Command[] {
  const commands: Command[] = []
  const braces: number[] = []
  let pos = 0
  const fail = (text: string, at = pos): never => {
    throw new SedError(`${label(at)}${text}`)
  }
  const compile = (source: string, flags: string): Regex | undefined => {
    if (source === '') return undefined
    try {
      return posixRegex(source, { extended, strict: true, ignoreCase: /[iI]/.test(flags), multiline: /[mM]/.test(flags) })
    } catch (error) {
      if (error instanceof RegexError) return fail(error.message)
      throw error
    }
  }
  const blanks = () => {
    while (pos < script.length && /[ \t]/.test(script[pos]!)) pos++
  }
  /** Text up to an unescaped delimiter; `\delimiter` loses its backslash. */
  const delimited = (delimiter: string, regex: boolean, message: string): string => {
    let out = ''
    let bracket = false
    for (;;) {
      const c = script[pos]
      if (c === undefined || (c === '\n' && regex && false)) return fail(message, script.length)
      if (c === '\\' && !bracket) {
        const n = script[pos + 1]
        if (n === undefined) return fail(message, script.length)
        if (n === delimiter) out += /[|+?(){}]/.test(n) && regex && !extended ? n : regex && /[.*[\]^$\\/&]/.test(n) && n !== '/' ? `\\${n}` : n === '&' ? '\\&' : n
        else if (n === 'n' && regex) out += '\\n'
        else out += '\\' + n
        pos += 2
        continue
      }
      if (regex && c === '[' && !bracket) {
        bracket = true
        out += c
        pos++
        if (script[pos] === '^') out += script[pos++]
        if (script[pos] === ']') out += script[pos++]
        continue
      }
      if (bracket && c === '[' && /[:.=]/.test(script[pos + 1] ?? '')) {
        const end = script.indexOf(script[pos + 1] + ']', pos + 2)
        if (end > 0) {
          out += script.slice(pos, end + 2)
          pos = end + 2
          continue
        }
      }
      if (bracket && c === ']') bracket = false
      else if (c === delimiter && !bracket) {
        pos++
        return out
      }
      out += c
      pos++
    }
  }
  const address = (): Address | undefined => {
    const c = script[pos]
    if (c === undefined) return undefined
    if (/\d/.test(c)) {
      const n = /^\d+/.exec(script.slice(pos))![0]
      pos += n.length
      blanks()
      if (script[pos] === '~') {
        pos++
        const step = /^\d*/.exec(script.slice(pos))![0]
        pos += step.length
        return { kind: 'step', first: Number(n), step: Number(step || 0) }
      }
      return Number(n) === 0 ? { kind: 'zero' } : { kind: 'line', line: Number(n) }
    }
    if (c === '$') {
      pos++
      return { kind: 'last' }
    }
    if (c === '/' || c === '\\') {
      pos++
      const delimiter = c === '/' ? '/' : script[pos++]!
      const source = delimited(delimiter, true, 'unterminated address regex')
      const flags = /^[IM]*/.exec(script.slice(pos))![0]
      pos += flags.length
      return { kind: 'regex', regex: compile(source, flags) }
    }
    return undefined
  }
  const labels = new Map<string, number>()
  for (;;) {
    while (pos < script.length && /[\s;]/.test(script[pos]!)) pos++
    if (pos >= script.length) break
    if (script[pos] === '#') {
      while (pos < script.length && script[pos] !== '\n') pos++
      continue
    }
    const from = address()
    let to: Address | undefined
    blanks()
    if (from && script[pos] === ',') {
      pos++
      blanks()
      const m = /^([+~])(\d+)/.exec(script.slice(pos))
      if (m) {
        pos += m[0].length
        to = { kind: m[1] === '+' ? 'plus' : 'multiple', n: Number(m[2]) }
      } else to = address()
      if (!to) fail('unexpected `,\'', pos + 1)
    }
    if (from?.kind === 'zero' && to?.kind !== 'regex') fail('invalid usage of line address 0', pos + 1)
    blanks()
    let negated = false
    while (script[pos] === '!') {
      negated = true
      pos++
      blanks()
    }
    const name = script[pos]
    if (name === undefined) return fail('missing command', pos)
    pos++
    const command = { from, to, negated, name, text: '', target: -1, index: commands.length, active: false, end: 0 }
    const push = (more: Partial<Command> = {}) => void commands.push({ ...command, ...more })
    const finish = () => {
      blanks()
      const c = script[pos]
      if (c === undefined || c === '\n' || c === ';' || c === '}' || c === '#') return
      fail('extra characters after command', pos + 1)
    }
    const word = () => {
      blanks()
      const m = /^[^\n;}]*/.exec(script.slice(pos))![0]
      pos += m.length
      return m.trim()
    }
    switch (name) {
      case '{':
        braces.push(commands.length)
        push()
        break
      case '}': {
        const open = braces.pop()
        if (from) fail('} doesn\'t want any addresses', pos)
        if (open === undefined) return fail("unexpected `}'", pos)
        push()
        commands[open]!.target = commands.length
        finish()
        break
      }
      case 's': {
        const delimiter = script[pos++]
        if (delimiter === undefined || delimiter === '\n' || delimiter === '\\') return fail("unterminated `s' command", pos - 1)
        const source = delimited(delimiter, true, "unterminated `s' command")
        const raw = delimited(delimiter, false, "unterminated `s' command")
        let flags = ''
        let nth = 0
        let print = 0
        let write: string | undefined
        for (;;) {
          const c = script[pos]
          if (c === undefined) break
          if (/\d/.test(c)) {
            const m = /^\d+/.exec(script.slice(pos))![0]
            if (nth > 0) fail("multiple number options to `s' command", pos + 1)
            nth = Number(m)
            if (nth === 0) fail("number option to `s' command may not be zero", pos + 1)
            pos += m.length
          } else if (/[gIiMme]/.test(c)) {
            if (c === 'g' && flags.includes('g')) fail("multiple `g' options to `s' command", pos + 1)
            flags += c
            pos++
          } else if (c === 'p') {
            if (print > 0) fail("multiple `p' options to `s' command", pos + 1)
            print++
            pos++
          } else if (c === 'w') {
            pos++
            const m = /^[^\n]*/.exec(script.slice(pos))![0]
            pos += m.length
            write = m.trim()
          } else if (/[\s;}#]/.test(c)) break
          else fail("unknown option to `s'", pos + 1)
        }
        const regex = compile(source, flags)
        const replacement = pieces(raw)
        for (const p of replacement) if ('group' in p && regex && p.group > regex.groupCount) fail(`invalid reference \\${p.group} on \`s' command's RHS`, pos)
        push({ substitute: { regex, replacement, global: flags.includes('g'), print, nth, write, evaluate: flags.includes('e') } })
        break
      }
      case 'y': {
        const delimiter = script[pos++]
        if (delimiter === undefined) return fail("unterminated `y' command", pos)
        const a = [...delimited(delimiter, false, "unterminated `y' command").replace(/\\\\/g, '\u0001').replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\u0001/g, '\\')]
        const b = [...delimited(delimiter, false, "unterminated `y' command").replace(/\\\\/g, '\u0001').replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\u0001/g, '\\')]
        if (a.length !== b.length) fail("strings for `y' command are different lengths", pos)
        finish()
        push({ map: new Map(a.map((c, i) => [c, b[i]!])) })
        break
      }
      case 'a':
      case 'i':
      case 'c': {
        blanks()
        if (script[pos] === undefined) fail('expected \\ after `a\', `c\' or `i\'', pos)
        if (script[pos] === '\\') {
          pos++
          // Blanks behind the backslash belong to the text unless the line ends there.
          const tail = /^[ \t]*\n/.exec(script.slice(pos))
          if (tail) pos += tail[0].length
        }
        let text = ''
        while (pos < script.length && script[pos] !== '\n') {
          if (script[pos] === '\\' && pos + 1 < script.length) {
            const n = script[pos + 1]!
            text += n === 't' ? '\t' : n
            pos += 2
          } else text += script[pos++]
        }
        push({ text: text + '\n' })
        break
      }
      case ':': {
        if (from) fail(': doesn\'t want any addresses', pos)
        blanks()
        const m = /^[^\n;}]*/.exec(script.slice(pos))![0]
        pos += m.length
        if (m.trim() === '') fail('":" lacks a label', pos)
        labels.set(m.trim(), commands.length)
        push({ text: m.trim() })
        break
      }
      case 'b':
      case 't':
      case 'T':
        push({ text: word() })
        break
      case 'r':
      case 'R':
      case 'w':
      case 'W': {
        blanks()
        const m = /^[^\n]*/.exec(script.slice(pos))![0]
        pos += m.length
        if (m.trim() === '') fail('missing filename in r/R/w/W commands', pos)
        push({ text: m.trim() })
        break
      }
      case 'q':
      case 'Q':
      case 'l':
      case 'L': {
        if (to && (name === 'q' || name === 'Q')) fail('command only uses one address', pos)
        blanks()
        const m = /^\d*/.exec(script.slice(pos))![0]
        pos += m.length
        finish()
        push({ text: m })
        break
      }
      case '=':
      case 'd': case 'D': case 'g': case 'G': case 'h': case 'H': case 'n': case 'N': case 'p': case 'P': case 'x': case 'z': case 'F': case 'e':
        finish()
        push()
        break
      default:
        fail(`unknown command: \`${name}'`, pos)
    }
  }
  if (braces.length > 0) fail("unmatched `{'", 0)
  for (const c of commands) {
    if (!['b', 't', 'T'].includes(c.name)) continue
    if (c.text === '') c.target = commands.length
    else {
      const at = labels.get(c.text)
      if (at === undefined) throw new SedError(`-e expression #1, char ${script.length}: can't find label for jump to \`${c.text}'`.replace(/^-e.*?: can't/, "can't"))
      c.target = at
    }
  }
  return commands
}

/** A replacement text taken apart. */
function pieces(raw: string): Piece[] {
  const out: Piece[] = []
  let text = ''
  const flush = () => {
    if (text !== '') out.push({ text })
    text = ''
  }
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i]!
    if (c === '&') {
      flush()
      out.push({ group: 0 })
    } else if (c === '\\') {
      const n = raw[++i]
      if (n === undefined) text += '\\'
      else if (/\d/.test(n)) {
        flush()
        out.push({ group: Number(n) })
      } else if (/[ULulE]/.test(n)) {
        flush()
        out.push({ mode: n as 'U' })
      } else text += n === 'n' ? '\n' : n === 't' ? '\t' : n === 'r' ? '\r' : n
    } else text += c
  }
  flush()
  return out
}
