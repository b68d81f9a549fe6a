/** The screen of less and more: a window on lines, moved and searched by keys. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import type { Process, Terminal } from '#engine/machine/process.ts'
import { displayWidth } from './lines.ts'

/** Rows that a line takes, cut at the terminal's width. */
export function rowsOf(line: string, columns: number): string[] {
  if (displayWidth(line.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')) <= columns) return [line]
  const out: string[] = []
  let row = ''
  let width = 0
  for (const c of line) {
    const w = displayWidth(c)
    if (width + w > columns) {
      out.push(row)
      row = ''
      width = 0
    }
    row += c
    width += w
  }
  return [...out, row]
}

interface PageOptions {
  readonly title: string
  readonly numbers: boolean
  readonly chop: boolean
  readonly keep: boolean
  readonly atEnd: boolean
  readonly ignoreCase: boolean
}

interface Keys {
  read(): Promise<string | undefined>
}

/** `n`: the number typed before the key; 0 for none. */
type Binding = (pager: Pager, n: number, key: string) => void | Promise<void>

const bindings: NameTable<Binding> = new Map([
  // The blank separates names in a table.
  [' ', (p) => p.down(p.full)],
  ...nameTable<Binding>({
    'f \x06 \x16 \x1b[6~': (p) => p.down(p.full),
    'b \x02 \x1b[5~': (p) => {
      let used = 0
      while (p.top > 0 && used < p.shown) used += rowsOf(p.label(--p.top) + p.lines[p.top]!, p.tty.columns).length
    },
    'd \x04': (p) => p.down(p.top + p.half),
    'u \x15': (p) => p.up(p.half),
    '\r \n j e \x0e \x1b[B \x1bOB': (p, n) => p.down(p.top + (n || 1)),
    'k y \x10 \x1b[A \x1bOA': (p, n) => p.up(n || 1),
    'g < \x1b[H \x1b[1~': (p, n) => {
      p.top = Math.max(0, Math.min(p.lines.length - 1, (n || 1) - 1))
    },
    'G > \x1b[F \x1b[4~': (p, n) => {
      p.top = n > 0 ? Math.min(p.lines.length - 1, n - 1) : p.lastTop()
    },
    '/ ?': (p, _n, key) => p.search(key),
    'n N': (p, _n, key) => p.again(key === 'n'),
  }),
])

const endKeys: ReadonlySet<string> = new Set(['q', 'Q', '\x03'])

class Pager {
  readonly #process: Process
  readonly #keys: Keys
  readonly #options: PageOptions
  readonly tty: Terminal
  readonly lines: readonly string[]
  top = 0
  /** Keys that came in one piece and wait for their turn. */
  typed: string[] = []
  #status: string
  #pattern: RegExp | undefined
  #forward = true

  constructor(process: Process, tty: Terminal, keys: Keys, lines: readonly string[], options: PageOptions) {
    this.#process = process
    this.tty = tty
    this.#keys = keys
    this.lines = lines
    this.#options = options
    this.#status = options.title
  }

  async write(text: string): Promise<void> {
    await this.#process.stdout.write(text)
  }

  get shown(): number {
    return this.tty.rows - 1
  }

  get half(): number {
    return Math.floor(this.shown / 2)
  }

  /** Where the screen after this one begins. */
  get full(): number {
    return this.#rowsFrom(this.top).next
  }

  label(i: number): string {
    return this.#options.numbers ? `${String(i + 1).padStart(7)} ` : ''
  }

  #rowsFrom(from: number): { rows: string[]; next: number } {
    const rows: string[] = []
    let i = from
    for (; i < this.lines.length && rows.length < this.shown; i++) {
      const line = (this.label(i) + this.lines[i]!).replace(/\t/g, (_, at: number) => ' '.repeat(8 - (at % 8)))
      rows.push(...(this.#options.chop ? [rowsOf(line, this.tty.columns)[0]!] : rowsOf(line, this.tty.columns)))
    }
    return { rows: rows.slice(0, this.shown), next: i }
  }

  /** The first line of the last screen. */
  lastTop(): number {
    let used = 0
    let i = this.lines.length
    while (i > 0) {
      const n = this.#options.chop ? 1 : rowsOf(this.label(i - 1) + this.lines[i - 1]!, this.tty.columns).length
      if (used + n > this.shown) break
      used += n
      i--
    }
    return i
  }

  down(to: number): void {
    this.top = Math.min(Math.max(this.top, this.lastTop()), to)
  }

  up(by: number): void {
    this.top = Math.max(0, this.top - by)
  }

  #mark(row: string): string {
    const pattern = this.#pattern
    return pattern ? row.replace(new RegExp(pattern.source, 'g' + pattern.flags), (m) => (m === '' ? '' : `\x1b[7m${m}\x1b[27m`)) : row
  }

  async draw(): Promise<void> {
    const { rows } = this.#rowsFrom(this.top)
    const fill = Array.from({ length: this.shown - rows.length }, () => '~')
    const end = this.top >= this.lastTop()
    const prompt = this.#status !== '' ? `\x1b[7m${this.#status}${end ? ' (END)' : ''}\x1b[27m` : end ? '\x1b[7m(END)\x1b[27m' : ':'
    await this.write(`\x1b[H${[...rows.map((r) => this.#mark(r)), ...fill].map((r) => r + '\x1b[K').join('\r\n')}\r\n${prompt}\x1b[K`)
    this.#status = ''
  }

  /** Goes to the next line with the pattern. */
  #find(from: number, step: number): void {
    for (let i = from; i >= 0 && i < this.lines.length; i += step) {
      if (this.#pattern!.test(this.lines[i]!)) {
        this.top = i
        return
      }
    }
    this.#status = 'Pattern not found  (press RETURN)'
  }

  /** Reads a line at the bottom. */
  async #ask(lead: string): Promise<string | undefined> {
    let text = ''
    for (;;) {
      await this.write(`\r${lead}${text}\x1b[K`)
      const got = this.typed.length > 0 ? this.typed.shift() : await this.#keys.read()
      if (got === undefined) return undefined
      for (const c of got) {
        if (c === '\r' || c === '\n') return text
        if (c === '\x03' || c === '\x1b') return undefined
        if (c === '\x7f' || c === '\b') {
          if (text === '') return undefined
          text = text.slice(0, -1)
        } else text += c
      }
    }
  }

  async search(key: string): Promise<void> {
    this.#forward = key === '/'
    const text = await this.#ask(key)
    if (text !== undefined && text !== '') {
      try {
        this.#pattern = new RegExp(text, this.#options.ignoreCase && text === text.toLowerCase() ? 'i' : '')
      } catch {
        this.#pattern = undefined
        this.#status = 'Invalid pattern  (press RETURN)'
      }
    }
    if (this.#pattern) this.#find(this.#forward ? this.top : this.top - 1, this.#forward ? 1 : -1)
  }

  again(same: boolean): void {
    if (!this.#pattern) {
      this.#status = 'No previous regular expression  (press RETURN)'
      return
    }
    const ahead = this.#forward === same
    this.#find(ahead ? this.top + 1 : this.top - 1, ahead ? 1 : -1)
  }
}

export async function page(process: Process, keys: Keys, lines: readonly string[], options: PageOptions): Promise<void> {
  const tty = process.tty!
  const restore = tty.setRaw(true)
  const pager = new Pager(process, tty, keys, lines, options)
  let resized = false
  process.onSignal('SIGWINCH', () => void (resized = true))
  if (!options.keep) await pager.write('\x1b[?1049h')
  if (options.atEnd) pager.top = pager.lastTop()
  let number = ''
  try {
    await pager.draw()
    let pending: Promise<string | undefined> | undefined
    for (;;) {
      pending ??= keys.read()
      const got = await process.interruptible(pending)
      if (got === 'interrupted') {
        if (resized) await pager.draw()
        resized = false
        continue
      }
      pending = undefined
      if (got === undefined) return
      pager.typed = got.match(/\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|[\s\S]/g) ?? []
      for (let key = pager.typed.shift(); key !== undefined; key = pager.typed.shift()) {
        if (/\d/.test(key)) {
          number += key
          continue
        }
        if (endKeys.has(key)) return
        const n = Number(number || 0)
        number = ''
        await bindings.get(key)?.(pager, n, key)
        await pager.draw()
      }
    }
  } finally {
    process.onSignal('SIGWINCH', undefined)
    await pager.write(options.keep ? '\r\x1b[K' : '\r\x1b[K\x1b[?1049l')
    restore()
  }
}
