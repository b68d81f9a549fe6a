/** sed: reads lines, runs the script on each; -n -e -f -i -E -s -z. */
import { nameTable, type NameTable } from '#base/name-table.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile, Process, Program } from '#engine/machine/process.ts'
import type { Regex } from '#base/regex.ts'
import { complain, Fatal, linesOf, Out, parseOptions, readText, tool } from '../common.ts'
import { parseSed, SedError } from './parse.ts'
import type { Address, Command, Piece, Substitute } from './parse.ts'
import { bugs, usage, version } from './usage.ts'

/** Lines of several files as one input that knows its last line. */
class Input {
  readonly #process: Process
  readonly #paths: string[]
  readonly #separate: boolean
  #next: string | undefined
  #iterator: AsyncGenerator<string> | undefined
  #file: OpenFile | undefined
  path = '-'
  failed = false
  /** In-place editing met a directory. */
  notRegular = false
  line = 0
  /** A file begins: in-place editing switches its output. */
  onFile: (path: string | undefined) => Promise<void> = async () => {}
  #primed = false

  readonly #end: string

  constructor(process: Process, paths: readonly string[], separate: boolean, end: string) {
    this.#end = end
    this.#process = process
    this.#paths = [...paths]
    this.#separate = separate
  }

  async #advance(): Promise<string | undefined> {
    for (;;) {
      if (this.#iterator) {
        const got = await this.#iterator.next()
        if (!got.done) return got.value
        if (this.#file && this.#file !== this.#process.stdin) this.#file.release()
        this.#iterator = undefined
        if (this.#separate) return undefined
      }
      if (!(await this.#open())) return undefined
    }
  }

  async #open(): Promise<boolean> {
    while (this.#paths.length > 0) {
      const path = this.#paths.shift()!
      try {
        if (path !== '-' && this.#process.fs.stat(path).type === 'directory') {
          await complain(this.#process, this.#separate ? `couldn't edit ${path}: not a regular file` : `read error on ${path}: Is a directory`)
          this.failed = true
          this.notRegular = true
          continue
        }
        this.#file = path === '-' ? this.#process.stdin : this.#process.open(path, { read: true })
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        await complain(this.#process, `can't read ${path}: ${strerror(error.code)}`)
        this.failed = true
        continue
      }
      this.path = path
      this.#iterator = linesOf(this.#file, this.#end)
      return true
    }
    return false
  }

  /** The next line with its newline. */
  async read(): Promise<string | undefined> {
    if (!this.#primed) {
      this.#primed = true
      this.#next = await this.#advance()
      if (this.#separate && this.#next !== undefined) await this.onFile(this.path)
    }
    for (;;) {
      const line = this.#next
      if (line !== undefined) {
        // Looking ahead would block on a terminal or pipe that is followed; sed does it too (for `$`).
        this.#next = undefined
        this.#ahead = false
        this.line++
        return line
      }
      if (!this.#ahead) {
        this.#next = await this.#advance()
        this.#ahead = true
        if (this.#next !== undefined) continue
      }
      if (this.#separate && (this.#paths.length > 0)) {
        await this.onFile(undefined)
        if (!(await this.#open())) return undefined
        this.line = 0
        await this.onFile(this.path)
        this.#next = await this.#advance()
        this.#ahead = this.#next === undefined
        if (this.#next === undefined && this.#paths.length === 0) return undefined
        continue
      }
      return undefined
    }
  }

  #ahead = false

  async isLast(): Promise<boolean> {
    if (this.#next !== undefined) return false
    if (!this.#ahead) {
      this.#next = await this.#advance()
      this.#ahead = true
    }
    return this.#next === undefined
  }
}

class Machine {
  readonly process: Process
  readonly commands: readonly Command[]
  readonly input: Input
  readonly silent: boolean
  out: Out
  pattern = ''
  hold = ''
  newline = true
  appended: (() => Promise<void>)[] = []
  lastRegex: Regex | undefined
  replaced = false
  quit: number | undefined
  readonly writers = new Map<string, OpenFile>()
  readonly lineReaders = new Map<string, string[]>()
  missingNewline = false

  /** What ends lines: a newline, or NUL with -z. */
  readonly end: string

  constructor(process: Process, commands: readonly Command[], input: Input, silent: boolean, end: string) {
    this.end = end
    this.process = process
    this.commands = commands
    this.input = input
    this.silent = silent
    this.out = new Out(process.stdout)
  }

  async put(text: string, newline = true): Promise<void> {
    if (this.missingNewline) {
      this.missingNewline = false
      await this.out.put(this.end)
    }
    await this.out.put(text + (newline ? this.end : ''))
    if (!newline) this.missingNewline = true
  }

  async writeTo(path: string, text: string): Promise<void> {
    if (path === '/dev/stdout') return this.put(text)
    if (path === '/dev/stderr') return this.process.stderr.write(text + '\n')
    let file = this.writers.get(path)
    if (!file) {
      file = this.openWriter(path)
      this.writers.set(path, file)
    }
    await file.write(text + '\n')
  }

  openWriter(path: string): OpenFile {
    try {
      return this.process.open(path, { write: true, create: true, truncate: true })
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw new Fatal(`sed: couldn't open file ${path}: ${strerror(error.code)}`, 4)
    }
  }

  /** What a shell command prints. */
  async evaluate(command: string): Promise<string> {
    await this.out.flush()
    const { read, write } = this.process.pipe()
    const child = this.process.spawn({ argv: ['sh', '-c', command], fds: { 1: write } })
    write.release()
    const text = await read.readAll()
    read.release()
    await child.wait()
    return text
  }

  test(regex: Regex | undefined): boolean {
    const r = regex ?? this.lastRegex
    if (!r) throw new Fatal('sed: no previous regular expression')
    this.lastRegex = r
    return r.exec(this.pattern, 0) !== undefined
  }

  async single(a: Address): Promise<boolean> {
    switch (a.kind) {
      case 'line': return this.input.line === a.line
      case 'last': return this.input.isLast()
      case 'regex': return this.test(a.regex)
      case 'step': return a.step <= 0 ? this.input.line === a.first : this.input.line >= a.first && (this.input.line - a.first) % a.step === 0
      default: return false
    }
  }

  async selected(c: Command): Promise<boolean> {
    if (!c.from) return true
    if (!c.to) return this.single(c.from)
    const line = this.input.line
    if (c.active) {
      if (c.to.kind === 'regex') {
        if (this.test(c.to.regex)) c.active = false
        return true
      }
      if (c.to.kind === 'last') {
        if (await this.input.isLast()) c.active = false
        return true
      }
      const end = c.to.kind === 'line' ? c.to.line : c.end
      if (line >= end) c.active = false
      if (line > end) return this.begin(c)
      return true
    }
    if (c.from.kind === 'zero' && line === 1 && c.end === 0) {
      c.active = true
      c.end = -1
      if (c.to.kind === 'regex' && this.test(c.to.regex)) c.active = false
      return true
    }
    return this.begin(c)
  }

  async begin(c: Command): Promise<boolean> {
    if (c.from!.kind === 'zero' || !(await this.single(c.from!))) return false
    const line = this.input.line
    const to = c.to!
    if (to.kind === 'line') c.active = to.line > line
    else if (to.kind === 'plus') {
      c.end = line + to.n
      c.active = to.n > 0
    } else if (to.kind === 'multiple') {
      c.end = to.n <= 0 ? line : Math.ceil(line / to.n) * to.n
      c.active = c.end > line
    } else if (to.kind === 'last') c.active = !(await this.input.isLast())
    else c.active = true
    return true
  }

  async flushAppended(): Promise<void> {
    for (const f of this.appended.splice(0)) await f()
  }

  async endCycle(): Promise<void> {
    if (!this.silent) await this.put(this.pattern, this.newline)
    await this.flushAppended()
  }

  /** Reads the next line into the pattern space; false at the end. */
  async nextLine(): Promise<boolean> {
    const raw = await this.input.read()
    if (raw === undefined) return false
    this.newline = raw.endsWith(this.end)
    this.pattern = this.newline ? raw.slice(0, -1) : raw
    return true
  }

  async run(): Promise<number> {
    let restart = false
    for (let n = 0; ; n++) {
      if (n % 200 === 199) await this.process.yield()
      if (!restart && !(await this.nextLine())) break
      restart = false
      const how = await this.cycle()
      if (how === 'restart') {
        restart = true
        await this.flushAppended()
        continue
      }
      if (how === 'deleted') {
        await this.flushAppended()
        continue
      }
      if (how === 'quit') {
        await this.endCycle()
        break
      }
      if (how === 'silent-quit') break
      await this.endCycle()
    }
    await this.out.flush()
    for (const f of this.writers.values()) f.release()
    return this.quit ?? (this.input.failed ? 2 : 0)
  }

  async cycle(): Promise<How> {
    this.replaced = false
    let steps = 0
    for (let i = 0; i < this.commands.length; i++) {
      if (++steps % 1000 === 0) await this.process.yield()
      const c = this.commands[i]!
      if (c.name === '}' || c.name === ':') continue
      if ((await this.selected(c)) === c.negated) {
        if (c.name === '{') i = c.target - 1
        continue
      }
      const how = await verbs.get(c.name)?.(this, c)
      if (how === 'jump') i = c.target - 1
      else if (how !== undefined) return how
    }
    return 'done'
  }

  visible(width: number): string {
    let out = ''
    let column = 0
    for (const ch of this.pattern) {
      const names: Record<string, string> = { '\\': '\\\\', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' }
      const code = ch.codePointAt(0)!
      const text = names[ch] ?? (code < 32 || code === 127 ? '\\' + code.toString(8).padStart(3, '0') : code > 127 ? [...new Uint8Array(encodeBytes(ch))].map((b) => '\\' + b.toString(8)).join('') : ch)
      if (width > 1 && column + text.length > width - 1) {
        out += '\\\n'
        column = 0
      }
      out += text
      column += text.length
    }
    return out + '$'
  }

  async substitute(s: Substitute): Promise<void> {
    const regex = s.regex ?? this.lastRegex
    if (!regex) throw new Fatal('sed: no previous regular expression')
    this.lastRegex = regex
    let out = ''
    let at = 0
    let n = 0
    let done = false
    let lastEnd = -1
    while (at <= this.pattern.length) {
      const m = regex.exec(this.pattern, at)
      if (!m) break
      if (m.end === m.index && m.index === lastEnd) {
        // An empty match right behind the last one does not count.
        out += this.pattern.slice(at, at + 1)
        at++
        lastEnd = -1
        continue
      }
      out += this.pattern.slice(at, m.index)
      n++
      if (n >= (s.nth || 1) && (s.global || n === (s.nth || 1))) {
        out += expandPieces(s.replacement, m.groups)
        done = true
      } else out += this.pattern.slice(m.index, m.end)
      lastEnd = m.end
      at = m.end
      if (m.end === m.index) {
        out += this.pattern.slice(at, at + 1)
        at++
        lastEnd = -1
      }
      if (done && !s.global) break
    }
    if (!done) return
    this.pattern = out + this.pattern.slice(at)
    this.replaced = true
    if (s.evaluate) this.pattern = (await this.evaluate(this.pattern)).replace(/\n$/, '')
    for (let i = 0; i < s.print; i++) await this.put(this.pattern)
    if (s.write !== undefined) await this.writeTo(s.write, this.pattern)
  }
}

type How = 'done' | 'deleted' | 'restart' | 'quit' | 'silent-quit'

/** What a command does; `jump`: go on at its target, a How: the cycle ends so. */
type Verb = (m: Machine, c: Command) => How | 'jump' | void | Promise<How | 'jump' | void>

const verbs: NameTable<Verb> = nameTable<Verb>({
  s: async (m, c) => {
    await m.substitute(c.substitute!)
  },
  y: (m, c) => {
    m.pattern = [...m.pattern].map((x) => c.map!.get(x) ?? x).join('')
  },
  p: async (m) => {
    await m.put(m.pattern)
  },
  P: async (m) => {
    await m.put(m.pattern.split('\n')[0]!)
  },
  d: () => 'deleted',
  D: (m) => {
    const at = m.pattern.indexOf('\n')
    if (at < 0) return 'deleted'
    m.pattern = m.pattern.slice(at + 1)
    return 'restart'
  },
  h: (m) => {
    m.hold = m.pattern
  },
  H: (m) => {
    m.hold += '\n' + m.pattern
  },
  g: (m) => {
    m.pattern = m.hold
  },
  G: (m) => {
    m.pattern += '\n' + m.hold
  },
  x: (m) => {
    [m.pattern, m.hold] = [m.hold, m.pattern]
  },
  z: (m) => {
    m.pattern = ''
  },
  e: async (m, c) => {
    if (c.text === '') m.pattern = (await m.evaluate(m.pattern)).replace(/\n$/, '')
    else await m.put((await m.evaluate(c.text)).replace(/\n$/, ''))
  },
  n: async (m) => {
    if (await m.input.isLast()) {
      if (m.silent) return 'silent-quit'
      return 'quit'
    }
    await m.endCycle()
    await m.nextLine()
    return undefined
  },
  N: async (m) => {
    if (await m.input.isLast()) return m.silent ? 'silent-quit' : 'quit'
    const before = m.pattern
    await m.flushAppended()
    await m.nextLine()
    m.pattern = before + '\n' + m.pattern
    return undefined
  },
  a: (m, c) => {
    m.appended.push(() => m.put(c.text.slice(0, -1)))
  },
  i: async (m, c) => {
    await m.put(c.text.slice(0, -1))
  },
  c: async (m, c): Promise<How> => {
    if (!c.to || c.negated || !c.active) await m.put(c.text.slice(0, -1))
    return 'deleted'
  },
  '=': async (m) => {
    await m.put(String(m.input.line))
  },
  l: async (m, c) => {
    await m.put(m.visible(c.text === '' ? 70 : Number(c.text)))
  },
  q: (m, c) => {
    m.quit = Number(c.text || 0)
    return 'quit'
  },
  Q: (m, c) => {
    m.quit = Number(c.text || 0)
    return 'silent-quit'
  },
  b: () => 'jump',
  t: (m) => {
    if (!m.replaced) return undefined
    m.replaced = false
    return 'jump'
  },
  T: (m) => {
    if (!m.replaced) return 'jump'
    m.replaced = false
    return undefined
  },
  r: async (m, c) => {
    m.appended.push(async () => {
      try {
        const text = c.text === '/dev/stdin' ? await m.process.stdin.readAll() : m.process.fs.readFile(c.text)
        if (text !== '') await m.put(text.replace(/\n$/, ''), text.endsWith('\n'))
      } catch (error) {
        if (!(error instanceof FsError)) throw error
      }
    })
  },
  R: (m, c) => {
    let lines = m.lineReaders.get(c.text)
    if (!lines) {
      try {
        lines = m.process.fs.readFile(c.text).replace(/\n$/, '').split('\n')
      } catch {
        lines = []
      }
      m.lineReaders.set(c.text, lines)
    }
    const line = lines.shift()
    if (line !== undefined) m.appended.push(() => m.put(line))
  },
  w: async (m, c) => {
    await m.writeTo(c.text, m.pattern)
  },
  W: async (m, c) => {
    await m.writeTo(c.text, m.pattern.split('\n')[0]!)
  },
  F: async (m) => {
    await m.put(m.input.path)
  },
})

function expandPieces(pieces: readonly Piece[], groups: readonly (string | undefined)[]): string {
  let out = ''
  let mode: 'U' | 'L' | '' = ''
  let once: 'u' | 'l' | '' = ''
  for (const p of pieces) {
    if ('mode' in p) {
      if (p.mode === 'E') mode = ''
      else if (p.mode === 'U' || p.mode === 'L') mode = p.mode
      else once = p.mode
      continue
    }
    let text = 'text' in p ? p.text : (groups[p.group] ?? '')
    if (mode === 'U') text = text.toUpperCase()
    else if (mode === 'L') text = text.toLowerCase()
    if (once !== '' && text !== '') {
      text = (once === 'u' ? text[0]!.toUpperCase() : text[0]!.toLowerCase()) + text.slice(1)
      once = ''
    }
    out += text
  }
  return out
}

import { encodeBytes } from '#base/bytes.ts'

export const sed: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  const o = parseOptions(process, { short: 'nre:f:Ei::l:suz', long: { quiet: 'n', silent: 'n', 'expression=': 'e', 'file=': 'f', 'in-place=?': 'i', 'regexp-extended': 'E', separate: 's', unbuffered: 'u', 'null-data': 'z', posix: 'posix', debug: 'debug', 'line-length=': 'l', sandbox: 'sandbox', 'follow-symlinks': 'follow', help: 'help', version: 'version' }, help: usage }, args)
  if (o.has('help') || o.has('version')) {
    await process.stdout.write(o.list.find(([k]) => k === 'help' || k === 'version')![0] === 'help' ? usage + bugs : version)
    return 0
  }
  const rest = [...o.rest]
  const chunks: string[] = []
  let expressions = 0
  let where = (at: number) => `-e expression #1, char ${at}: `
  for (const [k, v] of o.list) {
    if (k === 'e') {
      expressions++
      chunks.push(v)
    }
    if (k === 'f') {
      let text: string
      try {
        text = await readText(process, v)
      } catch (error) {
        if (!(error instanceof FsError)) throw error
        throw new Fatal(`sed: couldn't open file ${v}: ${strerror(error.code)}`, 4)
      }
      where = (at) => `file ${v} line ${text.slice(0, at).split('\n').length}: `
      chunks.push(text.replace(/\n$/, ''))
    }
  }
  if (chunks.length === 0) {
    if (rest.length === 0) throw new Fatal(usage.trimEnd(), 1)
    chunks.push(rest.shift()!)
    expressions = 1
  }
  const script = chunks.join('\n')
  if (expressions > 1) {
    where = (at) => {
      let n = 0
      let start = 0
      for (const c of chunks) {
        n++
        if (at <= start + c.length) return `-e expression #${n}, char ${at - start}: `
        start += c.length + 1
      }
      return `-e expression #${n}, char ${at}: `
    }
  }
  let commands: Command[]
  let silent = o.has('n')
  if (/^#n(\n|$)/.test(script)) silent = true
  try {
    commands = parseSed(script, o.has('E') || o.has('r'), where)
  } catch (error) {
    if (error instanceof SedError) throw new Fatal(`sed: ${/^can't/.test(error.message) ? `-e expression #1, char ${script.length}: ` : ''}${error.message}`.replace(/^sed: -e expression #1, char \d+: can't find/, "sed: can't find"), /^can't/.test(error.message) ? 4 : 1)
    throw error
  }
  const inPlace = o.has('i')
  if (inPlace && rest.length === 0) throw new Fatal('sed: no input files', 4)
  const end = o.has('z') ? '\0' : '\n'
  const input = new Input(process, rest.length > 0 ? rest : ['-'], inPlace || o.has('s'), end)
  const machine = new Machine(process, commands, input, silent, end)
  // Files that are written to are made before the first line is read.
  for (const c of commands) {
    const path = c.substitute?.write ?? (c.name === 'w' || c.name === 'W' ? c.text : undefined)
    if (path !== undefined && !path.startsWith('/dev/std') && !machine.writers.has(path)) machine.writers.set(path, machine.openWriter(path))
  }
  machine.out.lineBuffered = o.has('u') || process.stdout.tty !== undefined
  let collected = ''
  let current: string | undefined
  if (inPlace) {
    input.onFile = async (path) => {
      if (path === undefined) {
        await machine.out.flush()
        if (current !== undefined) replaceFile(process, current, collected, o.get('i')!)
        current = undefined
        return
      }
      current = path
      collected = ''
      machine.missingNewline = false
      machine.out = new Out({ write: async (t) => void (collected += t) })
    }
  }
  const code = await machine.run()
  if (inPlace && current !== undefined) {
    // After q the rest of the file is kept.
    if (machine.quit !== undefined) for (let line = await input.read(); line !== undefined; line = await input.read()) collected += line
    replaceFile(process, current, collected, o.get('i')!)
  }
  return input.notRegular && machine.quit === undefined ? 4 : code
})

function replaceFile(process: Process, path: string, text: string, suffix: string): void {
  const mode = process.fs.stat(path).mode
  if (suffix !== '') process.fs.writeFile(suffix.includes('*') ? suffix.replace('*', path) : path + suffix, process.fs.readFile(path), { mode })
  process.fs.writeFile(path, text)
  process.fs.chmod(path, mode)
}
