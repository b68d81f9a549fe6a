/** The smallest tools: cat, tac, true, false, yes, seq, sleep, basename, dirname, rev, nl, tee, pwd, env, printenv, echo, printf … */
import { posixRegex } from '#base/regex.ts'
import type { Program } from '#engine/machine/process.ts'
import { encodeBytes } from '#base/bytes.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import type { OpenFile } from '#engine/machine/process.ts'
import { formatFloat, formatPrintf, unescape } from '#shell/builtins/printf.ts'
import { complain, Fatal, linesOf, nameOf, openInput, Out, parseOptions, quote, readInputs, splitLines, tool } from './common.ts'

const cat: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'AbeEnstTuv', long: { 'show-all': 'A', 'number-nonblank': 'b', 'show-ends': 'E', number: 'n', 'squeeze-blank': 's', 'show-tabs': 'T', 'show-nonprinting': 'v' } })
  const ends = o.has('E') || o.has('e') || o.has('A')
  const tabs = o.has('T') || o.has('t') || o.has('A')
  const visible = o.has('v') || o.has('e') || o.has('t') || o.has('A')
  const nonblank = o.has('b')
  const number = o.has('n') || nonblank
  const squeeze = o.has('s')
  const plain = !ends && !tabs && !visible && !number && !squeeze
  let failed = false
  let n = 0
  let blank = false
  let start = true
  for (const path of o.rest.length > 0 ? o.rest : ['-']) {
    const file = await openInput(process, path)
    if (!file) {
      failed = true
      continue
    }
    if (plain) {
      for (let chunk = await file.read(); chunk !== undefined; chunk = await file.read()) await process.stdout.write(chunk)
    } else {
      const out = new Out(process.stdout)
      out.lineBuffered = file.kind === 'tty' || file.kind === 'pipe'
      for await (const line of linesOf(file)) {
        const body = line.replace(/\n$/, '')
        const empty = line === '\n'
        if (squeeze && empty && blank && start) continue
        blank = empty
        let text = body
        if (visible) text = text.replace(/[\x00-\x08\x0b-\x1f]/g, (c) => '^' + String.fromCharCode(c.charCodeAt(0) + 64)).replace(/\x7f/g, '^?').replace(/[^\x00-\x7f]+/g, meta)
        if (tabs) text = text.replace(/\t/g, '^I')
        if (number && start && !(nonblank && empty)) text = `${String(++n).padStart(6)}\t${text}`
        await out.put(text + (line.endsWith('\n') ? (ends ? '$\n' : '\n') : ''))
        start = line.endsWith('\n')
      }
      await out.flush()
    }
    if (path !== '-') file.release()
  }
  return failed ? 1 : 0
})

function meta(text: string): string {
  return [...new Uint8Array(bytesOf(text))].map((b) => {
    const low = b - 128
    return 'M-' + (low < 32 ? '^' + String.fromCharCode(low + 64) : low === 127 ? '^?' : String.fromCharCode(low))
  }).join('')
}
function bytesOf(text: string): Uint8Array {
  return encodeBytes(text)
}

const tac: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'brs:', long: { before: 'b', regex: 'r', 'separator=': 's' } })
  const separator = o.get('s') || '\n'
  const pattern = o.has('r') ? posixRegex(separator, {}) : undefined
  function* separators(text: string): Generator<readonly [start: number, end: number]> {
    for (let at = 0; at < text.length; ) {
      const m = pattern?.exec(text, at)
      const start = pattern ? (m?.index ?? -1) : text.indexOf(separator, at)
      const length = m ? m.end - m.index : separator.length
      if (start < 0) return
      if (length > 0) yield [start, start + length]
      at = start + Math.max(1, length)
    }
  }
  const { texts, failed } = await readInputs(process, o.rest, (path, error) => (error.code === 'EISDIR' ? `${path}: read error: ${strerror(error.code)}` : `failed to open ${quote(path)} for reading: ${strerror(error.code)}`))
  for (const text of texts) {
    // Each record with the separator behind it, or before it with -b.
    const records: string[] = []
    let from = 0
    for (const [start, end] of separators(text)) {
      const cut = o.has('b') ? start : end
      records.push(text.slice(from, cut))
      from = cut
    }
    if (from < text.length) records.push(text.slice(from))
    await process.stdout.write(records.reverse().join(''))
  }
  return failed ? 1 : 0
})

const yes: Program = tool(async (process) => {
  const text = (process.argv.length > 1 ? process.argv.slice(1).join(' ') : 'y') + '\n'
  const block = text.repeat(Math.max(1, Math.floor(1024 / text.length)))
  for (;;) {
    await process.stdout.write(block)
    await process.yield()
  }
})

const units: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86400 }

/** Seconds of `1.5m`; undefined where it is no time. */
export function duration(text: string): number | undefined {
  const m = /^(\d+\.?\d*|\.\d+)([smhd]?)$/.exec(text)
  return m ? Number(m[1]) * units[m[2]!]! : /^inf(inity)?$/.test(text) ? Infinity : undefined
}

const sleep: Program = tool(async (process) => {
  const args = process.argv.slice(1).filter((a) => a !== '--')
  if (args.length === 0) throw new Fatal("sleep: missing operand\nTry 'sleep --help' for more information.")
  let total = 0
  for (const a of args) {
    if (/^-./.test(a)) throw new Fatal(`sleep: invalid option -- '${a[1]}'\nTry 'sleep --help' for more information.`)
    const seconds = duration(a)
    if (seconds === undefined) throw new Fatal(`sleep: invalid time interval ‘${a}’\nTry 'sleep --help' for more information.`)
    total += seconds
  }
  await process.sleep(Number.isFinite(total) ? total * 1000 : 1e12)
  return 0
})

const basename: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+as:z', long: { multiple: 'a', 'suffix=': 's', zero: 'z' } })
  if (o.rest.length === 0) throw new Fatal("basename: missing operand\nTry 'basename --help' for more information.")
  const many = o.has('a') || o.has('s')
  if (!many && o.rest.length > 2) throw new Fatal(`basename: extra operand ${quote(o.rest[2]!).replace(/^'/, '‘').replace(/'$/, '’')}\nTry 'basename --help' for more information.`)
  const suffix = o.get('s') ?? (many ? '' : (o.rest[1] ?? ''))
  for (const path of many ? o.rest : [o.rest[0]!]) {
    const trimmed = path.replace(/\/+$/, '')
    let name = trimmed === '' ? (path === '' ? '' : '/') : trimmed.slice(trimmed.lastIndexOf('/') + 1)
    if (suffix !== '' && name.endsWith(suffix) && name !== suffix) name = name.slice(0, -suffix.length)
    await process.stdout.write(name + (o.has('z') ? '\0' : '\n'))
  }
  return 0
})

const dirname: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'z', long: { zero: 'z' } })
  if (o.rest.length === 0) throw new Fatal("dirname: missing operand\nTry 'dirname --help' for more information.")
  for (const path of o.rest) {
    const trimmed = path.replace(/\/+$/, '')
    const at = trimmed.lastIndexOf('/')
    const dir = trimmed === '' ? (path.startsWith('/') ? '/' : '.') : at < 0 ? '.' : at === 0 ? '/' : trimmed.slice(0, at).replace(/\/+$/, '') || '/'
    await process.stdout.write(dir + (o.has('z') ? '\0' : '\n'))
  }
  return 0
})

const rev: Program = tool(async (process) => {
  const { texts, failed } = await readInputs(process, parseOptions(process, { short: '' }).rest, (path, error) => `cannot open ${path}: ${strerror(error.code)}`)
  for (const text of texts) await process.stdout.write(text.split('\n').map((l) => [...l].reverse().join('')).join('\n'))
  return failed ? 1 : 0
})

const nl: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'b:w:s:v:i:n:h:f:d:l:p', long: { 'body-numbering=': 'b', 'number-width=': 'w', 'number-separator=': 's', 'starting-line-number=': 'v', 'line-increment=': 'i', 'number-format=': 'n' } })
  const style = o.get('b') ?? 't'
  const width = Number(o.get('w') ?? 6)
  const separator = o.get('s') ?? '\t'
  const format = o.get('n') ?? 'rn'
  let n = Number(o.get('v') ?? 1)
  const step = Number(o.get('i') ?? 1)
  const { texts, failed } = await readInputs(process, o.rest)
  const pattern = style.startsWith('p') ? new RegExp(style.slice(1)) : undefined
  for (const text of texts) {
    for (const line of splitLines(text)) {
      const counted = style === 'a' || (style === 't' && line !== '') || (pattern?.test(line) ?? false)
      if (!counted) {
        await process.stdout.write(line === '' ? ' '.repeat(width + separator.length) + '\n' : ' '.repeat(width + separator.length) + line + '\n')
        continue
      }
      const number = format === 'ln' ? String(n).padEnd(width) : format === 'rz' ? String(n).padStart(width, '0') : String(n).padStart(width)
      await process.stdout.write(`${number}${separator}${line}\n`)
      n += step
    }
  }
  return failed ? 1 : 0
})

const tee: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'aip', long: { append: 'a', 'ignore-interrupts': 'i' } })
  if (o.has('i')) process.onSignal('SIGINT', 'ignore')
  const files: OpenFile[] = []
  let failed = false
  for (const path of o.rest) {
    try {
      files.push(process.open(path, { write: true, create: true, ...(o.has('a') ? { append: true } : { truncate: true }) }))
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(process, `${path}: ${strerror(error.code)}`)
      failed = true
    }
  }
  for (let chunk = await process.stdin.read(); chunk !== undefined; chunk = await process.stdin.read()) {
    await process.stdout.write(chunk)
    for (const f of files) await f.write(chunk)
  }
  for (const f of files) f.release()
  return failed ? 1 : 0
})

const pwd: Program = tool(async (process) => {
  const env = process.env.get('PWD')
  await process.stdout.write((process.argv[1] === '-L' && env ? env : process.fs.realpath(process.cwd)) + '\n')
  return 0
})

const env: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  const variables = new Map(process.env)
  let cwd: string | undefined
  let separator = '\n'
  let i = 0
  for (; i < args.length; i++) {
    const a = args[i]!
    if (a === '-i' || a === '-' || a === '--ignore-environment') variables.clear()
    else if (a === '-u' || a === '--unset') variables.delete(args[++i] ?? '')
    else if (a.startsWith('--unset=')) variables.delete(a.slice(8))
    else if (/^-u./.test(a)) variables.delete(a.slice(2))
    else if (a === '-0' || a === '--null') separator = '\0'
    else if (a === '-C' || a === '--chdir') cwd = args[++i]
    else if (a === '-S') args.splice(i + 1, 1, ...(args[i + 1] ?? '').split(/\s+/))
    else if (a === '--') {
      i++
      break
    } else if (/^-./.test(a)) throw new Fatal(a.startsWith('--') ? `env: unrecognized option '${a}'\nTry 'env --help' for more information.` : `env: invalid option -- '${a[1]}'\nTry 'env --help' for more information.`, 125)
    else break
  }
  for (; i < args.length && args[i]!.includes('='); i++) {
    const at = args[i]!.indexOf('=')
    variables.set(args[i]!.slice(0, at), args[i]!.slice(at + 1))
  }
  if (i === args.length) {
    for (const [k, v] of variables) await process.stdout.write(`${k}=${v}${separator}`)
    return 0
  }
  return runCommand(process, args.slice(i), Object.fromEntries(variables), cwd)
})

/** Replaces this process (or, without exec, waits for a child), with env's and timeout's exit codes. */
export async function runCommand(process: Parameters<Program>[0], argv: readonly string[], environment = Object.fromEntries(process.env), cwd?: string): Promise<number> {
  if (cwd !== undefined) process.cwd = process.fs.realpath(cwd)
  try {
    if (process.exec) return await process.exec({ argv, env: environment })
    return (await process.spawn({ argv, env: environment }).wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await complain(process, `${nameOf(process) === 'env' ? `‘${argv[0]}’` : argv[0]}: ${strerror(error.code)}`)
    return error.code === 'ENOENT' ? 127 : 126
  }
}

const printenv: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+0', long: { null: '0' }, code: 2 })
  const end = o.has('0') ? '\0' : '\n'
  if (o.rest.length === 0) {
    for (const [k, v] of process.env) await process.stdout.write(`${k}=${v}${end}`)
    return 0
  }
  let missing = false
  for (const name of o.rest) {
    const value = process.env.get(name)
    if (value === undefined) missing = true
    else await process.stdout.write(value + end)
  }
  return missing ? 1 : 0
})

const echo: Program = tool(async (process) => {
  let args = process.argv.slice(1)
  let newline = true
  let escapes = false
  while (args[0] && /^-[neE]+$/.test(args[0])) {
    if (args[0].includes('n')) newline = false
    for (const c of args[0].slice(1)) if (c !== 'n') escapes = c === 'e'
    args = args.slice(1)
  }
  let text = args.join(' ')
  if (escapes) {
    const r = unescape(text, 'echo')
    text = r.text
    if (r.stop) newline = false
  }
  await process.stdout.write(text + (newline ? '\n' : ''))
  return 0
})

const printf: Program = tool(async (process) => {
  const args = process.argv[1] === '--' ? process.argv.slice(2) : process.argv.slice(1)
  if (args.length === 0) throw new Fatal("printf: missing operand\nTry 'printf --help' for more information.")
  const r = formatPrintf(args[0]!, args.slice(1), { now: process.now(), shell: false })
  await process.stdout.write(r.text)
  for (const e of r.errors) await complain(process, e)
  return r.errors.length > 0 ? 1 : 0
})

export const simplePrograms: readonly (readonly [string, Program])[] = [
  ['cat', cat], ['tac', tac], ['yes', yes], ['sleep', sleep], ['basename', basename], ['dirname', dirname], ['rev', rev], ['nl', nl], ['tee', tee], ['pwd', pwd], ['env', env], ['printenv', printenv], ['echo', echo], ['printf', printf],
  ['true', async () => 0],
  ['false', async () => 1],
]

export { formatFloat }
