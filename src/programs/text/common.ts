/** What GNU's small tools share: getopt_long with its complaints, input files, line reading, error texts. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile, Process } from '#engine/machine/process.ts'

/** Ends the program with a message; what was written before stays. */
export class Fatal extends Error {
  readonly code: number
  constructor(message: string, code = 1) {
    super(message)
    this.code = code
  }
}

/** `--help`: text for standard output, exit code 0. */
export class Help extends Error {}

export interface OptionSpec {
  /** As getopt: `n:` takes a value, `n::` may. A leading `+` stops at the first operand. */
  readonly short: string
  /** Long name → short letter, or a name of its own; `name=` needs a value, `name=?` may have one. */
  readonly long?: Readonly<Record<string, string>>
  /** Exit code of usage errors. */
  readonly code?: number
  /** A line between the complaint and the hint. */
  readonly usage?: string
  /** Printed whole after a complaint, in place of the hint. */
  readonly help?: string
  /** `-5` is `-n 5` (head, tail) and the like: gives the replacement arguments. */
  readonly digits?: (digits: string) => readonly [string, string]
}

export interface Options {
  readonly list: readonly (readonly [name: string, value: string])[]
  readonly rest: readonly string[]
  has(name: string): boolean
  /** The last value given. */
  get(name: string): string | undefined
  all(name: string): string[]
}

export function nameOf(process: Process): string {
  const name = process.argv[0] ?? ''
  return name.slice(name.lastIndexOf('/') + 1)
}

/** Throws Fatal with getopt's words. */
export function parseOptions(process: Process, spec: OptionSpec, args: readonly string[] = process.argv.slice(1)): Options {
  const command = nameOf(process)
  const list: [string, string][] = []
  const rest: string[] = []
  const stop = spec.short.startsWith('+')
  const short = spec.short.replace(/^\+/, '')
  const fail = (text: string): never => {
    if (spec.help !== undefined) throw new Fatal(`${command}: ${text}\n${spec.help.trimEnd()}`, spec.code ?? 1)
    throw new Fatal(`${command}: ${text}\n${spec.usage ? spec.usage + '\n' : ''}${command === 'diff' || command === 'cmp' ? `${command}: ` : ''}Try ${command === 'gzip' || command === 'gunzip' || command === 'zcat' ? '`gzip' : `'${command}`} --help' for more information.`, spec.code ?? 1)
  }
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    if (a === '--') {
      rest.push(...args.slice(i + 1))
      break
    }
    if (a.startsWith('--')) {
      const eq = a.indexOf('=')
      const given = eq < 0 ? a.slice(2) : a.slice(2, eq)
      const names = [...Object.keys(spec.long ?? {}).map((k) => k.replace(/=\??$/, '')), ...['help', 'version'].filter((k) => !spec.long?.[k])]
      const exact = names.find((n) => n === given)
      const fits = exact !== undefined ? [exact] : names.filter((n) => n.startsWith(given))
      if (fits.length === 0) {
        fail(`unrecognized option '${a}'`)
      }
      if (fits.length > 1 && new Set(fits.map((f) => spec.long![f])).size > 1) fail(`option '${a}' is ambiguous; possibilities: ${fits.map((f) => `'--${f}'`).join(' ')}`)
      const name = fits[0]!
      if ((name === 'help' || name === 'version') && !spec.long?.[name]) throw new Help(name === 'help' ? `Usage: ${command} [OPTION]... [FILE]...\n` : `${command} (GNU coreutils) 9.1\n`)
      const key = Object.keys(spec.long!).find((k) => k.replace(/=\??$/, '') === name)!
      const target = spec.long![key]!
      if (key.endsWith('=?')) list.push([target, eq < 0 ? '' : a.slice(eq + 1)])
      else if (key.endsWith('=')) {
        if (eq < 0 && i + 1 >= args.length) fail(`option '--${name}' requires an argument`)
        list.push([target, eq < 0 ? args[++i]! : a.slice(eq + 1)])
      } else {
        if (eq >= 0) fail(`option '--${name}' doesn't allow an argument`)
        list.push([target, ''])
      }
      continue
    }
    if (!a.startsWith('-') || a === '-') {
      if (stop) {
        rest.push(...args.slice(i))
        break
      }
      rest.push(a)
      continue
    }
    if (spec.digits && /^-\d+/.test(a)) {
      const digits = /^-(\d+)/.exec(a)![1]!
      list.push([...spec.digits(digits)])
      if (a.length > digits.length + 1) for (const c of a.slice(digits.length + 1)) list.push([c, ''])
      continue
    }
    for (let k = 1; k < a.length; k++) {
      const c = a[k]!
      const at = c === ':' ? -1 : short.indexOf(c)
      if (at < 0) fail(`invalid option -- '${c}'`)
      if (short[at + 1] !== ':') {
        list.push([c, ''])
        continue
      }
      const inline = a.slice(k + 1)
      if (inline !== '' || short[at + 2] === ':') list.push([c, inline])
      else {
        if (i + 1 >= args.length) fail(`option requires an argument -- '${c}'`)
        list.push([c, args[++i]!])
      }
      break
    }
  }
  return {
    list,
    rest,
    has: (n) => list.some(([k]) => k === n),
    get: (n) => list.findLast(([k]) => k === n)?.[1],
    all: (n) => list.filter(([k]) => k === n).map(([, v]) => v),
  }
}

/** Wraps a program: Fatal becomes a message and an exit code, errors of the file system get their text. */
export function tool(body: (process: Process) => Promise<number>): (process: Process) => Promise<number> {
  return async (process) => {
    try {
      return await body(process)
    } catch (error) {
      if (error instanceof Help) {
        await process.stdout.write(error.message)
        return 0
      }
      if (error instanceof Fatal) {
        if (error.message !== '') await process.stderr.write(error.message + '\n')
        return error.code
      }
      if (error instanceof FsError) {
        if (error.code === 'EPIPE') return 141
        await process.stderr.write(`${nameOf(process)}: ${error.path ? `${error.path}: ` : ''}${strerror(error.code)}\n`)
        return 1
      }
      throw error
    }
  }
}

/** Writes `tool: text` to standard error. */
export async function complain(process: Process, text: string): Promise<void> {
  await process.stderr.write(`${nameOf(process)}: ${text}\n`)
}

/** Opens an operand; `-` is standard input. Undefined after a message. */
export async function openInput(process: Process, path: string, message = (p: string, e: FsError) => `${quoteOdd(p)}: ${strerror(e.code)}`): Promise<OpenFile | undefined> {
  if (path === '-') return process.stdin
  try {
    const file = process.open(path, { read: true })
    if (process.fs.exists(path) && process.fs.stat(path).type === 'directory') {
      file.release()
      throw new FsError('EISDIR', path)
    }
    return file
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(process, message(path, error))
    return undefined
  }
}

/** The text of a path; devices and descriptors (`/dev/fd/63`) are read as streams. */
export async function readText(process: Process, path: string): Promise<string> {
  if (path === '-') return process.stdin.readAll()
  if (!/^\/(dev|proc)\//.test(path)) return process.fs.readFile(path)
  const file = process.open(path, { read: true })
  const text = await file.readAll()
  file.release()
  return text
}

/** Lines of an input, with their newline, as they arrive. Reads in chunks, so what follows the last line asked for is gone (as with stdio). */
export async function* linesOf(file: OpenFile, terminator = '\n'): AsyncGenerator<string> {
  let rest = ''
  for (;;) {
    const chunk = await file.read()
    if (chunk === undefined) break
    rest += chunk
    let from = 0
    for (let at = rest.indexOf(terminator, Math.max(0, rest.length - chunk.length)); at >= 0; at = rest.indexOf(terminator, from)) {
      yield rest.slice(from, at + 1)
      from = at + 1
    }
    rest = rest.slice(from)
  }
  if (rest !== '') yield rest
}

/** Everything from the operands (standard input without any); complains about what cannot be read. */
export async function readInputs(process: Process, paths: readonly string[], message?: (path: string, error: FsError) => string): Promise<{ texts: string[]; failed: boolean }> {
  const texts: string[] = []
  let failed = false
  for (const path of paths.length > 0 ? paths : ['-']) {
    const file = await openInput(process, path, message)
    if (!file) {
      failed = true
      continue
    }
    texts.push(await file.readAll())
    if (path !== '-') file.release()
  }
  return { texts, failed }
}

/** Lines without their newline; a missing last newline makes no difference. */
export function splitLines(text: string): string[] {
  if (text === '') return []
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Collects output and writes it in pieces, so that long outputs stream and a closed pipe ends the program. */
export class Out {
  readonly #file: { write(text: string): Promise<void> }
  #buffer: string[] = []
  #size = 0
  /** Written through at every line: a pipe that someone follows. */
  lineBuffered = false

  constructor(file: { write(text: string): Promise<void> }) {
    this.#file = file
  }

  async put(text: string): Promise<void> {
    this.#buffer.push(text)
    this.#size += text.length
    if (this.#size >= 4096 || this.lineBuffered) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#size === 0) return
    const text = this.#buffer.join('')
    this.#buffer = []
    this.#size = 0
    await this.#file.write(text)
  }
}

/** By bytes, as strcmp in the C.UTF-8 locale. */
export { compareBytes } from '#shell/expand/pathname.ts'

/** Names in messages that end in a colon: quoted only where the shell would need it. */
export function quoteOdd(name: string): string {
  return /^[A-Za-z0-9_./@%+,=-][A-Za-z0-9_./@%+,=~#{}-]*$/.test(name) || /^[\u0080-\uffff\w./-]+$/.test(name) ? name : quote(name)
}

/** GNU quotes names with single quotes, escaped as the shell would read them where they hold special characters. */
export function quote(name: string): string {
  if (/^[A-Za-z0-9_./:@%+,=-]+$/.test(name) || name === '') return `'${name}'`
  if (name.includes("'") && !/[\x00-\x1f"$`\\!]/.test(name)) return `"${name}"`
  if (/[\x00-\x1f]/.test(name)) return `'${name.replace(/[\n\t\r]/g, (c) => `'$'\\${{ '\n': 'n', '\t': 't', '\r': 'r' }[c]}''`)}'`
  return `'${name.replace(/'/g, "'\\''")}'`
}
