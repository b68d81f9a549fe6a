/** The sed script language: addresses, functions, their arguments; GNU's complaints with the position in the script. */
import { nameTable, type NameTable } from '#base/name-table.ts'
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
  return new Script(script, extended, label).read()
}

/** What stands before a command's letter, and the letter. */
interface Head {
  readonly from: Address | undefined
  readonly to: Address | undefined
  readonly negated: boolean
  readonly name: string
}

/** How each command's arguments are read. */
const readers: NameTable<(s: Script, head: Head) => void> = nameTable<(s: Script, head: Head) => void>({
  '{': (s, head) => {
    s.braces.push(s.commands.length)
    s.push(head)
  },
  '}': (s, head) => {
    const { from } = head
    const open = s.braces.pop()
    if (from) s.fail('} doesn\'t want any addresses', s.pos)
    if (open === undefined) return s.fail("unexpected `}'", s.pos)
    s.push(head)
    s.commands[open]!.target = s.commands.length
    s.finish()
  },
  s: (s, head) => {
    const delimiter = s.script[s.pos++]
    if (delimiter === undefined || delimiter === '\n' || delimiter === '\\') return s.fail("unterminated `s' command", s.pos - 1)
    const source = s.delimited(delimiter, true, "unterminated `s' command")
    const raw = s.delimited(delimiter, false, "unterminated `s' command")
    let flags = ''
    let nth = 0
    let print = 0
    let write: string | undefined
    for (;;) {
      const c = s.script[s.pos]
      if (c === undefined) break
      if (/\d/.test(c)) {
        const m = /^\d+/.exec(s.script.slice(s.pos))![0]
        if (nth > 0) s.fail("multiple number options to `s' command", s.pos + 1)
        nth = Number(m)
        if (nth === 0) s.fail("number option to `s' command may not be zero", s.pos + 1)
        s.pos += m.length
      } else if (/[gIiMme]/.test(c)) {
        if (c === 'g' && flags.includes('g')) s.fail("multiple `g' options to `s' command", s.pos + 1)
        flags += c
        s.pos++
      } else if (c === 'p') {
        if (print > 0) s.fail("multiple `p' options to `s' command", s.pos + 1)
        print++
        s.pos++
      } else if (c === 'w') {
        s.pos++
        const m = /^[^\n]*/.exec(s.script.slice(s.pos))![0]
        s.pos += m.length
        write = m.trim()
        if (write === '') s.fail('missing filename in r/R/w/W commands', s.pos)
      } else if (/[\s;}#]/.test(c)) break
      else s.fail("unknown option to `s'", s.pos + 1)
    }
    const regex = s.compile(source, flags)
    const replacement = pieces(raw)
    for (const p of replacement) if ('group' in p && regex && p.group > regex.groupCount) s.fail(`invalid reference \\${p.group} on \`s' command's RHS`, s.pos)
    s.push(head, { substitute: { regex, replacement, global: flags.includes('g'), print, nth, write, evaluate: flags.includes('e') } })
  },
  y: (s, head) => {
    const delimiter = s.script[s.pos++]
    if (delimiter === undefined) return s.fail("unterminated `y' command", s.pos)
    const a = [...s.delimited(delimiter, false, "unterminated `y' command").replace(/\\\\/g, '\u0001').replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\u0001/g, '\\')]
    const b = [...s.delimited(delimiter, false, "unterminated `y' command").replace(/\\\\/g, '\u0001').replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\u0001/g, '\\')]
    if (a.length !== b.length) s.fail("strings for `y' command are different lengths", s.pos)
    s.finish()
    s.push(head, { map: new Map(a.map((c, i) => [c, b[i]!])) })
  },
  'a i c': (s, head) => {
    s.blanks()
    if (s.script[s.pos] === undefined) s.fail('expected \\ after `a\', `c\' or `i\'', s.pos)
    if (s.script[s.pos] === '\\') {
      s.pos++
      // Blanks behind the backslash belong to the text unless the line ends there.
      const tail = /^[ \t]*\n/.exec(s.script.slice(s.pos))
      if (tail) s.pos += tail[0].length
    }
    let text = ''
    while (s.pos < s.script.length && s.script[s.pos] !== '\n') {
      if (s.script[s.pos] === '\\' && s.pos + 1 < s.script.length) {
        const n = s.script[s.pos + 1]!
        text += n === 't' ? '\t' : n
        s.pos += 2
      } else text += s.script[s.pos++]
    }
    s.push(head, { text: text + '\n' })
  },
  ':': (s, head) => {
    const { from } = head
    if (from) s.fail(': doesn\'t want any addresses', s.pos)
    s.blanks()
    const m = /^[^\n;}]*/.exec(s.script.slice(s.pos))![0]
    s.pos += m.length
    if (m.trim() === '') s.fail('":" lacks a label', s.pos)
    s.labels.set(m.trim(), s.commands.length)
    s.push(head, { text: m.trim() })
  },
  'b t T': (s, head) => {
    s.push(head, { text: s.word() })
  },
  'r R w W': (s, head) => {
    s.blanks()
    const m = /^[^\n]*/.exec(s.script.slice(s.pos))![0]
    s.pos += m.length
    if (m.trim() === '') s.fail('missing filename in r/R/w/W commands', s.pos)
    s.push(head, { text: m.trim() })
  },
  'q Q l L': (s, head) => {
    const { to, name } = head
    if (to && (name === 'q' || name === 'Q')) s.fail('command only uses one address', s.pos)
    s.blanks()
    const m = /^\d*/.exec(s.script.slice(s.pos))![0]
    s.pos += m.length
    s.finish()
    s.push(head, { text: m })
  },
  e: (s, head) => {
    s.blanks()
    const m = /^[^\n]*/.exec(s.script.slice(s.pos))![0]
    s.pos += m.length
    s.push(head, { text: m })
  },
  '= d D g G h H n N p P x z F': (s, head) => {
    s.finish()
    s.push(head)
  },
})

/** A script being read. */
class Script {
  readonly script: string
  readonly extended: boolean
  readonly #label: (at: number) => string
  pos = 0
  readonly commands: Command[] = []
  readonly braces: number[] = []
  readonly labels = new Map<string, number>()

  constructor(script: string, extended: boolean, label: (at: number) => string) {
    this.script = script
    this.extended = extended
    this.#label = label
  }

  fail(text: string, at = this.pos): never {
    throw new SedError(`${this.#label(at)}${text}`)
  }

  compile(raw: string, flags: string): Regex | undefined {
    if (raw === '') return undefined
    // Characters by number: those that would be special stand for themselves.
    const source = numbered(raw, (c) => (/[.*[\]^$\\/+?(){}|]/.test(c) ? (this.extended || !/[+?(){}|]/.test(c) ? `\\${c}` : c) : c))
    try {
      return posixRegex(source, { extended: this.extended, strict: true, ignoreCase: /[iI]/.test(flags), multiline: /[mM]/.test(flags) })
    } catch (error) {
      if (error instanceof RegexError) return this.fail(error.message)
      throw error
    }
  }

  blanks(): void {
    while (this.pos < this.script.length && /[ \t]/.test(this.script[this.pos]!)) this.pos++
  }

  /** Text up to an unescaped delimiter; `\delimiter` loses its backslash. */
  delimited(delimiter: string, regex: boolean, message: string): string {
    let out = ''
    let bracket = false
    for (;;) {
      const c = this.script[this.pos]
      if (c === undefined || (c === '\n' && regex && false)) return this.fail(message, this.script.length)
      if (c === '\\' && !bracket) {
        const n = this.script[this.pos + 1]
        if (n === undefined) return this.fail(message, this.script.length)
        if (n === delimiter) out += /[|+?(){}]/.test(n) && regex && !this.extended ? n : regex && /[.*[\]^$\\/&]/.test(n) && n !== '/' ? `\\${n}` : n === '&' ? '\\&' : n
        else if (n === 'n' && regex) out += '\\n'
        else out += '\\' + n
        this.pos += 2
        continue
      }
      if (regex && c === '[' && !bracket) {
        bracket = true
        out += c
        this.pos++
        if (this.script[this.pos] === '^') out += this.script[this.pos++]
        if (this.script[this.pos] === ']') out += this.script[this.pos++]
        continue
      }
      if (bracket && c === '[' && /[:.=]/.test(this.script[this.pos + 1] ?? '')) {
        const end = this.script.indexOf(this.script[this.pos + 1] + ']', this.pos + 2)
        if (end > 0) {
          out += this.script.slice(this.pos, end + 2)
          this.pos = end + 2
          continue
        }
      }
      if (bracket && c === ']') bracket = false
      else if (c === delimiter && !bracket) {
        this.pos++
        return out
      }
      out += c
      this.pos++
    }
  }

  address(): Address | undefined {
    const c = this.script[this.pos]
    if (c === undefined) return undefined
    if (/\d/.test(c)) {
      const n = /^\d+/.exec(this.script.slice(this.pos))![0]
      this.pos += n.length
      this.blanks()
      if (this.script[this.pos] === '~') {
        this.pos++
        const step = /^\d*/.exec(this.script.slice(this.pos))![0]
        this.pos += step.length
        return { kind: 'step', first: Number(n), step: Number(step || 0) }
      }
      return Number(n) === 0 ? { kind: 'zero' } : { kind: 'line', line: Number(n) }
    }
    if (c === '$') {
      this.pos++
      return { kind: 'last' }
    }
    if (c === '/' || c === '\\') {
      this.pos++
      const delimiter = c === '/' ? '/' : this.script[this.pos++]!
      const source = this.delimited(delimiter, true, 'unterminated address regex')
      const flags = /^[IM]*/.exec(this.script.slice(this.pos))![0]
      this.pos += flags.length
      return { kind: 'regex', regex: this.compile(source, flags) }
    }
    return undefined
  }

  push(head: Head, more: Partial<Command> = {}): void {
    this.commands.push({ ...head, text: '', target: -1, index: this.commands.length, active: false, end: 0, ...more })
  }

  finish(): void {
    this.blanks()
    const c = this.script[this.pos]
    if (c === undefined || c === '\n' || c === ';' || c === '}' || c === '#') return
    this.fail('extra characters after command', this.pos + 1)
  }

  word(): string {
    this.blanks()
    const m = /^[^\n;}]*/.exec(this.script.slice(this.pos))![0]
    this.pos += m.length
    return m.trim()
  }

  read(): Command[] {
    for (;;) {
      while (this.pos < this.script.length && /[\s;]/.test(this.script[this.pos]!)) this.pos++
      if (this.pos >= this.script.length) break
      if (this.script[this.pos] === '#') {
        while (this.pos < this.script.length && this.script[this.pos] !== '\n') this.pos++
        continue
      }
      const from = this.address()
      let to: Address | undefined
      this.blanks()
      if (from && this.script[this.pos] === ',') {
        this.pos++
        this.blanks()
        const m = /^([+~])(\d+)/.exec(this.script.slice(this.pos))
        if (m) {
          this.pos += m[0].length
          to = { kind: m[1] === '+' ? 'plus' : 'multiple', n: Number(m[2]) }
        } else to = this.address()
        if (!to) this.fail('unexpected `,\'', Math.min(this.pos + 1, this.script.length))
      }
      if (from?.kind === 'zero' && to?.kind !== 'regex') this.fail('invalid usage of line address 0', this.pos + 1)
      this.blanks()
      let negated = false
      while (this.script[this.pos] === '!') {
        if (negated) this.fail("multiple `!'s", this.pos + 1)
        negated = true
        this.pos++
        this.blanks()
      }
      const name = this.script[this.pos]
      if (name === undefined) return this.fail('missing command', this.pos)
      this.pos++
      const read = readers.get(name)
      if (!read) return this.fail(`unknown command: \`${name}'`)
      read(this, { from, to, negated, name })
    }
    if (this.braces.length > 0) this.fail("unmatched `{'", 0)
    for (const c of this.commands) {
      if (!['b', 't', 'T'].includes(c.name)) continue
      if (c.text === '') c.target = this.commands.length
      else {
        const at = this.labels.get(c.text)
        if (at === undefined) throw new SedError(`-e expression #1, char ${this.script.length}: can't find label for jump to \`${c.text}'`.replace(/^-e.*?: can't/, "can't"))
        c.target = at
      }
    }
    return this.commands
  }
}

/** `\dNNN`, `\oNNN` and `\xHH` replaced by what `use` makes of their character. */
function numbered(text: string, use: (c: string) => string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{1,2})|o([0-7]{1,3})|d(\d{1,3})|[\s\S])/g, (whole, x: string | undefined, o: string | undefined, d: string | undefined) => (x ?? o ?? d) === undefined ? whole : use(String.fromCharCode(Number.parseInt((x ?? o ?? d)!, x !== undefined ? 16 : o !== undefined ? 8 : 10) & 255)))
}

/** A replacement text taken apart. */
function pieces(original: string): Piece[] {
  const raw = numbered(original, (c) => (c === '&' || c === '\\' ? `\\${c}` : c))
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
