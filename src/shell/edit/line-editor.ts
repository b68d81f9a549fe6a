/**
 * A line editor with readline's emacs keys: moving, killing and yanking, undo, history with search, completion, bracketed paste.
 * The screen is redrawn from the prompt's first row after each change; only typing at the end of a line is written as it is.
 */
import { Interrupted } from '../state.ts'
import type { Shell } from '../state.ts'
import { bindings } from './bindings.ts'
import { completeLine } from './complete.ts'
import type { Completion } from './complete.ts'
import { parseKeys } from './keys.ts'
import type { Key } from './keys.ts'
import { charWidth, textWidth, visibleText, wordChar } from './width.ts'

/** The kill ring of a shell lives from line to line. */
const rings = new WeakMap<Shell, string[]>()
/** The history entry that the next line begins with (operate-and-get-next). */
const following = new WeakMap<Shell, number>()
/** Keys typed ahead of the prompt that read more than one line. */
const typedAhead = new WeakMap<Shell, string>()

export class Editor {
  readonly sh: Shell
  readonly prompt: string
  chars: string[] = []
  cursor = 0
  /** Row of the cursor below the first row of the prompt's last line. */
  row = 0
  undo: { chars: string[]; cursor: number }[] = []
  ring: string[]
  lastCommand = ''
  yanked = 0
  ringAt = 0
  history: string[]
  at: number
  /** `pos`: where in the history line the match begins. */
  search: { text: string; at: number; pos: number; saved: { chars: string[]; cursor: number; at: number }; failed: boolean; forward: boolean } | undefined
  /** The digits of a repeat count that is being typed (M-3, M-12). */
  argument = ''
  dotAt = 0
  dotLength = 0
  quoted = false
  done: string | undefined | null = null

  constructor(sh: Shell, prompt: string) {
    this.sh = sh
    this.prompt = prompt
    this.ring = rings.get(sh) ?? []
    rings.set(sh, this.ring)
    this.history = [...sh.history, '']
    this.at = this.history.length - 1
    const next = following.get(sh)
    following.delete(sh)
    if (next !== undefined && this.history[next] !== undefined) {
      this.at = next
      this.chars = [...this.history[next]]
      this.cursor = this.chars.length
    }
  }

  continueAt(index: number): void {
    following.set(this.sh, index)
  }

  /** Lines of the history that were changed and left stay changed; the one that is run goes back to what it was. */
  keepEdits(): void {
    for (let i = 0; i < this.sh.history.length; i++) if (i !== this.at) this.sh.history[i] = this.history[i]!
  }

  get columns(): number {
    return Math.max(2, this.sh.process.tty?.columns ?? 80)
  }

  async write(text: string): Promise<void> {
    await this.sh.write(2, text)
  }

  /** What stands before the text on its first row. */
  get lead(): string {
    if (this.argument !== '') return `(arg: ${Number(this.argument === '-' ? -1 : this.argument)}) `
    if (this.search) return `(${this.search.failed ? 'failed ' : ''}${this.search.forward ? 'i-search' : 'reverse-i-search'})\`${this.search.text}': `
    return this.prompt.slice(this.prompt.lastIndexOf('\n') + 1)
  }

  /** Row and column behind `chars`, starting at column `from`. */
  place(from: number, chars: readonly string[]): { row: number; column: number } {
    let row = Math.floor(from / this.columns)
    let column = from % this.columns
    for (const c of chars) {
      if (c === '\n') {
        row++
        column = 0
        continue
      }
      const w = shown(c).length > 1 ? shown(c).length : charWidth(c)
      if (column + w > this.columns) {
        row++
        column = 0
      }
      column += w
      if (column >= this.columns) {
        row++
        column = 0
      }
    }
    return { row, column }
  }

  async start(): Promise<void> {
    const head = this.prompt.slice(0, this.prompt.lastIndexOf('\n') + 1)
    // Where the cursor is nobody knows: the prompt begins there, behind an unfinished line of output.
    await this.write(`\x1b[?2004h${head.replace(/[\x01\x02]/g, '')}${this.lead.replace(/[\x01\x02]/g, '')}`)
    this.row = this.place(textWidth(this.lead), []).row
    if (this.chars.length > 0) await this.draw()
  }

  /** Draws prompt line and text and puts the cursor in its place. */
  async draw(): Promise<void> {
    const lead = this.lead
    const width = textWidth(lead)
    const text = this.chars.map((c) => (c === '\n' ? '\x1b[K\r\n' : shown(c))).join('')
    let out = (this.row > 0 ? `\x1b[${this.row}A` : '') + '\r' + lead.replace(/[\x01\x02]/g, '') + text
    const end = this.place(width, this.chars)
    // A full last row leaves the terminal's cursor hanging; a blank and a return settle it.
    if (end.column === 0 && end.row > 0 && this.chars.at(-1) !== '\n') out += ' \r'
    out += '\x1b[J'
    const here = this.place(width, this.chars.slice(0, this.cursor))
    if (end.row > here.row) out += `\x1b[${end.row - here.row}A`
    if (here.row !== end.row || here.column !== end.column) out += '\r' + (here.column > 0 ? `\x1b[${here.column}C` : '')
    this.row = here.row
    await this.write(out)
  }

  save(): void {
    this.undo.push({ chars: [...this.chars], cursor: this.cursor })
    if (this.undo.length > 200) this.undo.shift()
  }

  async insert(text: string): Promise<void> {
    const added = [...text]
    const plain = this.cursor === this.chars.length && !this.search && !added.some((c) => c === '\n' || charWidth(c) !== 1 || shown(c) !== c)
    const width = textWidth(this.lead)
    const before = this.place(width, this.chars)
    if (this.lastCommand !== 'insert') this.save()
    this.chars.splice(this.cursor, 0, ...added)
    this.cursor += added.length
    if (plain && before.column + added.length < this.columns) {
      await this.write(text)
      return
    }
    await this.draw()
  }

  kill(from: number, to: number, forward: boolean): void {
    if (from >= to) return
    this.save()
    const text = this.chars.slice(from, to).join('')
    if (this.lastCommand === 'kill' && this.ring.length > 0) this.ring[0] = forward ? this.ring[0]! + text : text + this.ring[0]!
    else this.ring.unshift(text)
    if (this.ring.length > 10) this.ring.pop()
    this.chars.splice(from, to - from)
    this.cursor = from
  }

  wordLeft(): number {
    let i = this.cursor
    while (i > 0 && !wordChar.test(this.chars[i - 1]!)) i--
    while (i > 0 && wordChar.test(this.chars[i - 1]!)) i--
    return i
  }

  wordRight(): number {
    let i = this.cursor
    while (i < this.chars.length && !wordChar.test(this.chars[i]!)) i++
    while (i < this.chars.length && wordChar.test(this.chars[i]!)) i++
    return i
  }

  show(index: number): void {
    this.history[this.at] = this.chars.join('')
    this.at = index
    this.chars = [...this.history[index]!]
    this.cursor = this.chars.length
    this.undo = []
  }

  /** The next match from a place in a history line: first in that line, then in the lines beyond. */
  find(text: string, line: number, pos: number, forward: boolean): { at: number; pos: number } | undefined {
    for (let i = line; i >= 0 && i < this.history.length; i += forward ? 1 : -1) {
      const from = i === line ? pos : forward ? 0 : Infinity
      const found = from < 0 ? -1 : forward ? this.history[i]!.indexOf(text, from) : this.history[i]!.lastIndexOf(text, from)
      if (found >= 0) return { at: i, pos: found }
    }
    return undefined
  }

  async searchKey(key: Key): Promise<boolean> {
    const s = this.search!
    const look = async (line: number, pos: number) => {
      const found = s.text === '' ? undefined : this.find(s.text, line, pos, s.forward)
      s.failed = !found && s.text !== ''
      if (found) {
        s.at = found.at
        s.pos = found.pos
        this.at = found.at
        this.chars = [...this.history[found.at]!]
        this.cursor = [...this.history[found.at]!.slice(0, found.pos)].length
      }
      await this.draw()
    }
    if (key.kind === 'text') {
      s.text += key.text
      await look(s.at, s.pos)
      return true
    }
    if (key.kind === 'key') {
      switch (key.name) {
        case 'C-r':
        case 'C-s':
          s.forward = key.name === 'C-s'
          await look(s.at, s.pos === Infinity ? (s.forward ? 0 : Infinity) : s.pos + (s.forward ? 1 : -1))
          return true
        case 'backspace':
          s.text = [...s.text].slice(0, -1).join('')
          s.at = this.history.length - 1
          s.pos = Infinity
          await look(s.at, s.pos)
          return true
        case 'C-g':
        case 'C-c':
          this.chars = s.saved.chars
          this.cursor = s.saved.cursor
          this.at = s.saved.at
          this.search = undefined
          await this.draw()
          return key.name === 'C-g'
      }
    }
    this.search = undefined
    await this.draw()
    return key.kind === 'key' && key.name === 'escape'
  }

  /** The end of editing: the cursor goes behind the text. */
  async finish(): Promise<void> {
    if (this.cursor !== this.chars.length || this.search) {
      this.search = undefined
      this.cursor = this.chars.length
      await this.draw()
    }
    await this.write('\x1b[?2004l')
  }

  async run(key: Key): Promise<void> {
    const digit = key.kind === 'key' && !this.search ? /^M-([-\d])$/.exec(key.name) : null
    if (digit) {
      this.argument += digit[1]!
      return this.draw()
    }
    if (this.argument !== '') return this.counted(key)
    await this.once(key)
  }

  /** A key behind a repeat count: more digits, or what is done so many times. */
  async counted(key: Key): Promise<void> {
    let rest = key
    if (key.kind === 'text') {
      const digits = /^\d*/.exec(key.text)![0]
      this.argument += digits
      if (digits.length === key.text.length) return this.draw()
      const [first, ...more] = [...key.text.slice(digits.length)]
      rest = { kind: 'text', text: first! }
      if (more.length > 0) {
        await this.counted(rest)
        return this.once({ kind: 'text', text: more.join('') })
      }
    }
    const times = Math.min(1000, this.argument === '-' ? 1 : Math.abs(Number(this.argument)))
    this.argument = ''
    await this.draw()
    if (rest.kind === 'text') return this.once({ kind: 'text', text: rest.text.repeat(times) })
    for (let i = 0; i < times && this.done === null; i++) await this.once(rest)
  }

  async once(key: Key): Promise<void> {
    if (this.search && (await this.searchKey(key))) return
    if (this.quoted) {
      this.quoted = false
      if (key.kind === 'key') {
        const raw = key.name === 'enter' ? '\r' : key.name === 'tab' ? '\t' : key.name === 'escape' ? '\x1b' : /^C-.$/.test(key.name) ? String.fromCharCode(key.name.charCodeAt(2) & 31) : ''
        await this.insert(raw)
        return
      }
    }
    if (key.kind === 'text') {
      await this.insert(key.text)
      this.lastCommand = 'insert'
      return
    }
    if (key.kind === 'paste') {
      this.lastCommand = 'paste'
      await this.insert(key.text)
      return
    }
    const before = this.lastCommand
    this.lastCommand = key.name
    const binding = bindings.get(key.name)
    if (!binding || (await binding(this, { name: key.name, before })) === false) return
    await this.draw()
  }

  async complete(again: boolean): Promise<void> {
    const text = this.chars.join('')
    const head = this.chars.slice(0, this.cursor).join('')
    let c: Completion
    try {
      c = await completeLine(this.sh, head)
    } catch {
      return
    }
    const { candidates } = c
    void text
    if (candidates.length === 0) {
      await this.write('\x07')
      return
    }
    const start = [...head.slice(0, c.start)].length
    const prefix = commonPrefix(candidates.map((x) => x.insert))
    const typed = head.slice(c.start)
    if (candidates.length === 1) {
      const only = candidates[0]!
      this.save()
      const tail = only.space && this.chars[this.cursor] !== ' ' ? ' ' : ''
      const insert = [...only.insert, ...tail]
      this.chars.splice(start, this.cursor - start, ...insert)
      this.cursor = start + insert.length
      this.lastCommand = ''
      return this.draw()
    }
    if (prefix.length > typed.length || (prefix !== typed && prefix.startsWith(typed.replace(/\\/g, '')))) {
      this.save()
      this.chars.splice(start, this.cursor - start, ...prefix)
      this.cursor = start + [...prefix].length
      return this.draw()
    }
    if (!again) {
      await this.write('\x07')
      return
    }
    await this.list(candidates.map((x) => x.shown))
  }

  async list(names: readonly string[]): Promise<void> {
    const here = this.cursor
    this.cursor = this.chars.length
    await this.draw()
    await this.write('\n')
    if (names.length > 100) {
      await this.write(`Display all ${names.length} possibilities? (y or n)`)
      for (;;) {
        const got = await this.sh.process.stdin.readBytes(1)
        if (got === undefined || /[nN\x03\x07\x7f]/.test(got)) {
          await this.write('\n')
          this.row = 0
          this.cursor = here
          return this.draw()
        }
        if (/[yY ]/.test(got)) break
      }
      await this.write('\n')
    }
    const sorted = [...new Set(names)].sort()
    const width = Math.max(...sorted.map(textWidth)) + 2
    const columns = Math.max(1, Math.floor(this.columns / width))
    const rows = Math.ceil(sorted.length / columns)
    let out = ''
    for (let r = 0; r < rows; r++) {
      let line = ''
      for (let k = 0; k < columns; k++) {
        const name = sorted[k * rows + r]
        if (name === undefined) break
        line += (k + 1) * rows + r < sorted.length && k + 1 < columns ? name + ' '.repeat(width - textWidth(name)) : name
      }
      out += line + '\n'
    }
    await this.write(out)
    this.row = 0
    this.cursor = here
    await this.write(this.prompt.slice(0, this.prompt.lastIndexOf('\n') + 1).replace(/[\x01\x02]/g, ''))
    await this.draw()
  }
}

/** Control characters show as ^X. */
function shown(c: string): string {
  const code = c.codePointAt(0)!
  return c !== '\n' && (code < 32 || code === 127) ? '^' + String.fromCharCode(code ^ 64) : c
}

function commonPrefix(list: readonly string[]): string {
  let prefix = list[0] ?? ''
  for (const x of list) while (!x.startsWith(prefix)) prefix = prefix.slice(0, -1)
  return prefix
}

/** A line with its newline; undefined at ^D on an empty line or when the terminal is gone. Throws Interrupted at ^C. */
export async function editLine(sh: Shell, prompt: string): Promise<string | undefined> {
  const tty = sh.process.stdin.tty ?? sh.process.tty
  if (!tty) return sh.process.stdin.readLine()
  const restore = tty.setRaw(true)
  const editor = new Editor(sh, prompt)
  let resized = false
  sh.process.onSignal('SIGWINCH', () => void (resized = true))
  let pending: Promise<string | undefined> | undefined
  let input = typedAhead.get(sh) ?? ''
  typedAhead.delete(sh)
  try {
    await editor.start()
    for (;;) {
      const { keys, rest } = parseKeys(input)
      input = rest
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!
        await editor.run(key)
        if (editor.done !== null) {
          // What was typed ahead belongs to the next line.
          const later = keys.slice(i + 1).map(rawOf).join('') + input
          if (later !== '') typedAhead.set(sh, later)
          return editor.done
        }
      }
      pending ??= sh.process.stdin.read()
      const got = await sh.process.interruptible(pending)
      if (got === 'interrupted') {
        // The signal has given the read up; the next round asks anew.
        pending = undefined
        if (resized) {
          resized = false
          editor.row = 0
          await editor.write('\r')
          await editor.draw()
        }
        if (sh.interrupted) {
          sh.interrupted = false
          await editor.finish()
          throw new Interrupted()
        }
        continue
      }
      pending = undefined
      if (got === undefined) return undefined
      input += got
    }
  } finally {
    restore()
    sh.process.onSignal('SIGWINCH', undefined)
  }
}

function rawOf(key: Key): string {
  if (key.kind === 'text') return key.text
  if (key.kind === 'paste') return `\x1b[200~${key.text}\x1b[201~`
  if (key.name === 'enter') return '\r'
  if (key.name === 'tab') return '\t'
  if (key.name === 'backspace') return '\x7f'
  if (key.name === 'escape') return '\x1b'
  if (/^C-[a-z]$/.test(key.name)) return String.fromCharCode(key.name.charCodeAt(2) - 96)
  if (/^M-.$/u.test(key.name)) return '\x1b' + key.name.slice(2)
  const names: Record<string, string> = { up: '\x1b[A', down: '\x1b[B', right: '\x1b[C', left: '\x1b[D', home: '\x1b[H', end: '\x1b[F', delete: '\x1b[3~' }
  return names[key.name] ?? ''
}

export { visibleText }
