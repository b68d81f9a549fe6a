/** Tools that run other tools: xargs, timeout, nohup, watch, time-less, nice; and test, expr, which, tty, id and friends. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Child, Process, Program, Signal } from '#engine/machine/process.ts'
import { posixRegex } from '#base/regex.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { evaluateTest, TestError } from '#shell/builtins/test.ts'
import { signalName, signalNumber } from '#shell/run/traps.ts'
import type { Shell } from '#shell/state.ts'
import { compareBytes, complain, Fatal, nameOf, openInput, parseOptions, tool } from './common.ts'
import { displayWidth } from './lines.ts'
import { duration, runCommand } from './simple.ts'

/** Words of xargs' input: blanks separate, quotes and backslashes protect. */
function words(text: string): string[] {
  const out: string[] = []
  let word: string | undefined
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') word = (word ?? '') + (text[++i] ?? '')
    else if (c === "'" || c === '"') {
      const end = text.indexOf(c, i + 1)
      const line = text.indexOf('\n', i + 1)
      if (end < 0 || (line >= 0 && line < end)) throw new Fatal(`xargs: unmatched ${c === "'" ? 'single' : 'double'} quote; by default quotes are special to xargs unless you use the -0 option`)
      word = (word ?? '') + text.slice(i + 1, end)
      i = end
    } else if (/\s/.test(c)) {
      if (word !== undefined) out.push(word)
      word = undefined
    } else word = (word ?? '') + c
  }
  if (word !== undefined) out.push(word)
  return out
}

const xargs: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+0a:d:E:I:i::L:l::n:oP:prs:tx', long: { null: '0', 'arg-file=': 'a', 'delimiter=': 'd', 'replace=?': 'i', 'max-lines=?': 'l', 'max-args=': 'n', 'max-procs=': 'P', interactive: 'p', 'no-run-if-empty': 'r', 'max-chars=': 's', verbose: 't', exit: 'x' } })
  const command = o.rest.length > 0 ? [...o.rest] : ['echo']
  const number = (flag: string): number | undefined => {
    const v = o.get(flag)
    if (v === undefined) return undefined
    if (!/^-?\d+$/.test(v)) throw new Fatal(`xargs: invalid number "${v}" for -${flag} option\nTry 'xargs --help' for more information.`)
    if (Number(v) < 1 && flag !== 'P') throw new Fatal(`xargs: value ${v} for -${flag} option should be >= 1\nTry 'xargs --help' for more information.`)
    return Number(v)
  }
  const source = o.has('a') ? await openInput(process, o.get('a')!, (p, e) => `Cannot open input file ‘${p}’: ${strerror(e.code)}`) : process.stdin
  if (!source) return 1
  if (o.has('p') && !process.tty) throw new Fatal('xargs: failed to open /dev/tty for reading: No such device or address')
  const all = await source.readAll()
  const order = o.list.map(([k]) => k).filter((k) => 'nIi'.includes(k))
  const replacing = order.at(-1) !== 'n'
  if (o.has('n') && (o.has('I') || o.has('i'))) await complain(process, replacing ? 'warning: options --max-args and --replace/-I/-i are mutually exclusive, ignoring previous --max-args value' : 'warning: options --replace and --max-args/-n are mutually exclusive, ignoring previous --replace value')
  const replace = !replacing ? undefined : o.has('I') ? o.get('I')! : o.has('i') ? o.get('i') || '{}' : undefined
  const delimiter = o.has('0') ? '\0' : o.get('d')?.replace(/\\n/, '\n').replace(/\\t/, '\t').replace(/\\0/, '\0')
  // What stands behind the word that marks the end is not read.
  const mark = o.get('E')
  const lead = mark === undefined || mark === '' || delimiter !== undefined ? null : new RegExp(`(^|\\s)${mark.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(\\s|$)`).exec(all)
  const text = lead ? all.slice(0, lead.index + lead[1]!.length) : all
  let items: string[]
  if (delimiter !== undefined) {
    items = text.split(delimiter)
    if (items.at(-1) === '') items.pop()
  } else if (replace !== undefined) items = text.split('\n').map((l) => l.trimStart()).filter((l) => l !== '').map((l) => words(l.replace(/ /g, '\\ ').replace(/\t/g, '\\\t')).join(' '))
  else items = words(text)
  const groups: string[][] = []
  const n = number('n')
  number('P')
  const lines = number('L') ?? (o.has('l') ? Number(o.get('l') || 1) : undefined)
  if (replace !== undefined) for (const item of items) groups.push(command.map((a) => a.split(replace).join(item)))
  else if (lines !== undefined && delimiter === undefined) {
    // A line that ends in a blank goes on.
    const rows = text.replace(/[ \t]\n/g, ' ').split('\n').filter((l) => l.trim() !== '')
    for (let i = 0; i < rows.length; i += lines) groups.push([...command, ...rows.slice(i, i + lines).flatMap(words)])
  } else {
    const size = n ?? Infinity
    const chars = Number(o.get('s') ?? 131072)
    let group: string[] = []
    for (const item of items) {
      if (group.length >= size || (group.length > 0 && [...command, ...group, item].join(' ').length + 1 > chars)) {
        groups.push([...command, ...group])
        group = []
      }
      group.push(item)
    }
    if (group.length > 0 || (items.length === 0 && !o.has('r'))) groups.push([...command, ...group])
  }
  let status = 0
  const running: Child[] = []
  const limit = Number(o.get('P') ?? 1) || Infinity
  const note = async (argv: readonly string[], code: number, signal: Signal | undefined): Promise<number | undefined> => {
    if (code === 0) return undefined
    if (signal) {
      await complain(process, `${argv[0]}: terminated by signal ${signalNumber(signal.slice(3))}`)
      return 125
    }
    if (code === 255) {
      await complain(process, `${argv[0]}: exited with status 255; aborting`)
      return 124
    }
    status = code === 126 || code === 127 ? Math.max(status, 123) : 123
    return undefined
  }
  for (const argv of groups) {
    if (o.has('t') || o.has('p')) await process.stderr.write(argv.join(' ') + (o.has('p') ? '?...' : '\n'))
    if (o.has('p') && !/^[yY]/.test((await process.tty && (await process.stdin.readLine())) || '')) continue
    let child: Child
    try {
      const none = process.open('/dev/null', { read: true })
      child = process.spawn({ argv, fds: { 0: none } })
      none.release()
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await complain(process, `${argv[0]}: ${strerror(error.code)}`)
      return error.code === 'ENOENT' ? 127 : 126
    }
    if (limit === 1) {
      const s = await child.wait()
      const stop = await note(argv, s.code, s.signal)
      if (stop !== undefined) return stop
    } else {
      running.push(child)
      if (running.length >= limit) {
        const i = await process.any(running.map((c) => c.wait()))
        const [done] = running.splice(i, 1)
        await note(argv, done!.status?.code ?? 0, done!.status?.signal)
      }
    }
  }
  for (const child of running) {
    const s = await child.wait()
    await note(command, s.code, s.signal)
  }
  return status
})

const timeout: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+k:s:v', long: { 'kill-after=': 'k', 'signal=': 's', verbose: 'v', foreground: 'F', 'preserve-status': 'P' }, code: 125 })
  if (o.rest.length < 2) throw new Fatal("Try 'timeout --help' for more information.", 125)
  const seconds = duration(o.rest[0]!)
  if (seconds === undefined) throw new Fatal(`timeout: invalid time interval ‘${o.rest[0]}’\nTry 'timeout --help' for more information.`, 125)
  const name = signalName(o.get('s') ?? 'TERM')
  if (name === undefined) throw new Fatal(`timeout: ‘${o.get('s')}’: invalid signal\nTry 'timeout --help' for more information.`, 125)
  const argv = o.rest.slice(1)
  let child: Child
  try {
    child = process.spawn({ argv })
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`timeout: failed to run command ‘${argv[0]}’: ${strerror(error.code)}\n`)
    return error.code === 'ENOENT' ? 127 : 126
  }
  const ended = child.wait()
  if (seconds === 0) return (await ended).code
  const first = await process.any([ended, process.sleep(seconds * 1000)])
  if (first === 0) return child.status!.code
  if (o.has('v')) await process.stderr.write(`timeout: sending signal ${name} to command ‘${argv[0]}’\n`)
  try {
    process.kill(child.pid, `SIG${name}` as Signal)
    process.kill(child.pid, 'SIGCONT')
  } catch (error) {
    if (!(error instanceof FsError)) throw error
  }
  const after = o.has('k') ? duration(o.get('k')!) : undefined
  if (after !== undefined && after > 0 && (await process.any([ended, process.sleep(after * 1000)])) === 1) {
    process.kill(child.pid, 'SIGKILL')
    await ended
    return 137
  }
  const status = await ended
  if (name === 'KILL') {
    process.kill(process.pid, 'SIGKILL')
    await process.yield()
  }
  return o.has('P') ? status.code : 124
})

const nohup: Program = tool(async (process) => {
  const args = process.argv.slice(1).filter((a, i) => !(i === 0 && a === '--'))
  if (args.length === 0) throw new Fatal("nohup: missing operand\nTry 'nohup --help' for more information.", 125)
  process.onSignal('SIGHUP', 'ignore')
  if (process.stdin.tty) {
    process.fds.get(0)?.release()
    process.fds.set(0, process.open('/dev/null', { read: true }))
  }
  if (process.stdout.tty) {
    await process.stderr.write("nohup: ignoring input and appending output to 'nohup.out'\n")
    process.fds.get(1)?.release()
    process.fds.set(1, process.open('nohup.out', { write: true, create: true, append: true, mode: 0o600 }))
    if (process.fds.get(2)?.tty) {
      process.fds.get(2)?.release()
      process.fds.set(2, process.fds.get(1)!.retain())
    }
  }
  try {
    if (process.exec) return await process.exec({ argv: args, env: Object.fromEntries(process.env) })
    return (await process.spawn({ argv: args }).wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`nohup: failed to run command '${args[0]}': ${strerror(error.code)}\n`)
    return error.code === 'ENOENT' ? 127 : 126
  }
})

const watch: Program = tool(async (process) => {
  const o = parseOptions(process, { short: '+n:tdgexcpb', long: { 'interval=': 'n', 'no-title': 't', 'differences=?': 'd', chgexit: 'g', errexit: 'e', exec: 'x', color: 'c', precise: 'p', beep: 'b' } })
  if (o.rest.length === 0) throw new Fatal('Usage:\n watch [options] command')
  const interval = Math.max(0.1, Number((o.get('n') ?? '2').replace(',', '.')) || 2)
  const command = o.rest.join(' ')
  const tty = process.stdout.tty
  let before: string | undefined
  let restore: (() => void) | undefined
  if (tty) await process.stdout.write('\x1b[?1049h\x1b[?25l')
  let stop = false
  if (tty) process.onSignal('SIGINT', () => void (stop = true))
  try {
    while (!stop) {
      const { read, write } = process.pipe()
      const child = process.spawn({ argv: o.has('x') ? [...o.rest] : ['sh', '-c', command], fds: { 1: write, 2: write } })
      write.release()
      const text = await read.readAll()
      read.release()
      const status = await child.wait()
      if (stop) break
      const columns = tty?.columns ?? 80
      const rows = tty?.rows ?? 24
      const left = `Every ${interval.toFixed(1)}s: ${command}`
      const right = `${process.machine.hostname}: ${strftime('%a %b %e %H:%M:%S %Y', process.now())}`
      const title = o.has('t') ? [] : [left.slice(0, Math.max(0, columns - right.length - 1)) + ' '.repeat(Math.max(1, columns - left.length - right.length)) + right, '']
      const lines = text.replace(/\n$/, '').split('\n').map((l) => cutWidth(l.replace(/\t/g, (_, at: number) => ' '.repeat(8 - (at % 8))), columns))
      const shown = [...title, ...lines].slice(0, rows)
      await process.stdout.write((tty ? '\x1b[H' : '') + shown.map((l) => l + (tty ? '\x1b[K' : '')).join('\n') + (tty ? '\x1b[J' : '\n'))
      if (o.has('e') && status.code !== 0) break
      if (o.has('g') && before !== undefined && before !== text) break
      before = text
      if ((await process.interruptible(process.sleep(interval * 1000))) === 'interrupted') break
    }
  } finally {
    restore?.()
    if (tty) await process.stdout.write('\x1b[?25h\x1b[?1049l')
    restore = undefined
  }
  return 0
})

function cutWidth(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line
  let out = ''
  let width = 0
  for (const c of line) {
    width += displayWidth(c)
    if (width > columns) break
    out += c
  }
  return out
}

/** What `test` needs of a shell: files, and nothing set. */
function asShell(process: Process): Shell {
  return { process, option: () => false, lookup: () => undefined, resolve: (n: string) => n, params: [] } as unknown as Shell
}

const test: Program = tool(async (process) => {
  let args = process.argv.slice(1)
  const name = nameOf(process)
  if (name === '[') {
    if (args.at(-1) !== ']') throw new Fatal("[: missing ‘]’", 2)
    args = args.slice(0, -1)
  }
  try {
    return evaluateTest(asShell(process), args) ? 0 : 1
  } catch (error) {
    if (error instanceof TestError) throw new Fatal(`${name}: ${error.message.replace(/^(.*): integer expression expected$/, 'invalid integer ‘$1’').replace(/^(.*): unary operator expected$/, '‘$1’: unary operator expected').replace(/^(.*): binary operator expected$/, '‘$1’: binary operator expected')}`, 2)
    throw error
  }
})

class ExprError extends Error {}

function expression(args: readonly string[]): string {
  let pos = 0
  const integer = (t: string): bigint => {
    if (!/^-?\d+$/.test(t)) throw new ExprError('non-integer argument')
    return BigInt(t)
  }
  const isNull = (t: string) => t === '' || /^-?0+$/.test(t)
  const or = (): string => {
    let left = and()
    while (args[pos] === '|') {
      pos++
      const right = and()
      left = !isNull(left) ? left : !isNull(right) ? right : '0'
    }
    return left
  }
  const and = (): string => {
    let left = comparison()
    while (args[pos] === '&') {
      pos++
      const right = comparison()
      left = !isNull(left) && !isNull(right) ? left : '0'
    }
    return left
  }
  const comparison = (): string => {
    let left = sum()
    while (['<', '<=', '=', '==', '!=', '>=', '>'].includes(args[pos] ?? '')) {
      const op = args[pos++]!
      const right = sum()
      const numeric = /^-?\d+$/.test(left) && /^-?\d+$/.test(right)
      const d = numeric ? (BigInt(left) < BigInt(right) ? -1 : BigInt(left) > BigInt(right) ? 1 : 0) : compareBytes(left, right)
      left = ({ '<': d < 0, '<=': d <= 0, '=': d === 0, '==': d === 0, '!=': d !== 0, '>=': d >= 0, '>': d > 0 }[op as '<'] ? '1' : '0')
    }
    return left
  }
  const sum = (): string => {
    let left = product()
    while (args[pos] === '+' || args[pos] === '-') {
      const op = args[pos++]
      const right = product()
      left = String(op === '+' ? integer(left) + integer(right) : integer(left) - integer(right))
    }
    return left
  }
  const product = (): string => {
    let left = match()
    while (args[pos] === '*' || args[pos] === '/' || args[pos] === '%') {
      const op = args[pos++]
      const right = match()
      if (op !== '*' && integer(right) === 0n) throw new ExprError('division by zero')
      left = String(op === '*' ? integer(left) * integer(right) : op === '/' ? integer(left) / integer(right) : integer(left) % integer(right))
    }
    return left
  }
  const matching = (text: string, pattern: string): string => {
    const regex = posixRegex(`^${pattern.replace(/^\^/, '')}`)
    const m = regex.exec(text, 0)
    return regex.groupCount > 0 ? (m?.groups[1] ?? '') : String(m ? [...text.slice(m.index, m.end)].length : 0)
  }
  const match = (): string => {
    let left = primary()
    while (args[pos] === ':') {
      pos++
      left = matching(left, primary())
    }
    return left
  }
  const need = (): string => {
    const a = args[pos]
    if (a === undefined) throw new ExprError(`syntax error: missing argument after ‘${args[pos - 1]}’`)
    return a
  }
  const primary = (): string => {
    const a = need()
    pos++
    if (a === '(') {
      const v = or()
      if (args[pos] !== ')') throw new ExprError(args[pos] === undefined ? `syntax error: expecting ')' after ‘${args[pos - 1]}’` : `syntax error: expecting ')' instead of ‘${args[pos]}’`)
      pos++
      return v
    }
    if (a === '+') {
      const v = need()
      pos++
      return v
    }
    if (a === 'length') return String([...primary()].length)
    if (a === 'substr') {
      const s = [...primary()]
      const from = Number(primary())
      const n = Number(primary())
      return from >= 1 && n > 0 ? s.slice(from - 1, from - 1 + n).join('') : ''
    }
    if (a === 'index') {
      const s = [...primary()]
      const set = primary()
      return String(s.findIndex((c) => set.includes(c)) + 1)
    }
    if (a === 'match') return matching(primary(), primary())
    return a
  }
  const value = or()
  if (pos < args.length) throw new ExprError(`syntax error: unexpected argument ‘${args[pos]}’`)
  return value
}

const expr: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  if (args.length === 0) throw new Fatal("expr: missing operand\nTry 'expr --help' for more information.", 2)
  try {
    const v = expression(args[0] === '--' ? args.slice(1) : args)
    await process.stdout.write(v + '\n')
    return v === '' || /^-?0+$/.test(v) ? 1 : 0
  } catch (error) {
    if (error instanceof ExprError) throw new Fatal(`expr: ${error.message}`, 2)
    throw error
  }
})

const which: Program = tool(async (process) => {
  const args = process.argv.slice(1)
  const all = args[0] === '-a'
  let missing = args.length === 0
  for (const name of all ? args.slice(1) : args) {
    let found = false
    for (const dir of name.includes('/') ? [''] : (process.env.get('PATH') ?? '').split(':')) {
      const path = name.includes('/') ? name : `${dir || '.'}/${name}`
      try {
        if (process.fs.stat(path).type !== 'file' || !process.fs.access(path, { execute: true })) continue
      } catch {
        continue
      }
      await process.stdout.write(path + '\n')
      found = true
      if (!all) break
    }
    missing ||= !found
  }
  return missing ? 1 : 0
})

export const runPrograms: readonly (readonly [string, Program])[] = [
  ['xargs', xargs], ['timeout', timeout], ['nohup', nohup], ['watch', watch], ['test', test], ['[', test], ['expr', expr], ['which', which],
  ['nice', tool(async (process) => {
    const args = process.argv.slice(1)
    let i = 0
    if (args[0] === '-n') i = 2
    else if (/^-n?-?\d+$|^--adjustment=/.test(args[0] ?? '')) i = 1
    if (i >= args.length) {
      await process.stdout.write('0\n')
      return 0
    }
    return runCommand(process, args.slice(i))
  })],
  ['tty', tool(async (process) => {
    const tty = process.stdin.tty
    await process.stdout.write((tty?.name ?? 'not a tty') + '\n')
    return tty ? 0 : 1
  })],
  ['nproc', tool(async (process) => {
    await process.stdout.write('2\n')
    return 0
  })],
  ['logname', tool(async (process) => {
    if (!process.tty) throw new Fatal('logname: no login name')
    await process.stdout.write(process.user.name + '\n')
    return 0
  })],
]

export { posixRegex }
