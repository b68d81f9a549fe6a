/** Small builtins: output, directories, control flow, evaluation. */
import { FsError, strerror } from '#engine/machine/files.ts'
import { arithmeticOrStatus } from '../expand/word.ts'
import { getScalar, setScalar } from '../expand/variables.ts'
import { BreakLoop, Discard, ExitShell, ReturnFrom } from '../state.ts'
import type { Shell } from '../state.ts'
import { runSource } from '../run/source.ts'
import { runText } from '../run/script.ts'
import { findProgram } from '../run/simple.ts'
import { formatPrintf, unescape } from './printf.ts'
import type { Builtin } from './table.ts'

async function usage(sh: Shell, name: string, bad: string, text: string): Promise<number> {
  await sh.complain(`${name}: ${bad}: invalid option`)
  await sh.write(2, `${name}: usage: ${text}\n`)
  return 2
}

const echo: Builtin = async (sh, argv) => {
  let i = 1
  let newline = true
  // dash takes only -n and always escapes; ash has bash's options.
  const dash = sh.posix && !sh.start.voice
  let escapes = sh.shopt('xpg_echo') || dash
  while (!dash && i < argv.length && /^-[neE]+$/.test(argv[i]!)) {
    for (const c of argv[i]!.slice(1)) {
      if (c === 'n') newline = false
      else escapes = c === 'e'
    }
    i++
  }
  if (dash && argv[1] === '-n') {
    newline = false
    i = 2
  }
  let text = argv.slice(i).join(' ')
  if (escapes) {
    const r = unescape(text, 'echo')
    text = r.text
    if (r.stop) newline = false
  }
  await sh.out(text + (newline ? '\n' : ''))
  return 0
}

const printf: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  let variable: string | undefined
  if (args[0] === '-v') {
    variable = args[1]
    args = args.slice(2)
    if (variable === undefined || !/^[A-Za-z_]\w*(\[.*\])?$/s.test(variable)) {
      await sh.complain(variable === undefined ? 'printf: -v: option requires an argument' : `printf: \`${variable}': not a valid identifier`)
      return 2
    }
  } else if (args[0] === '--') args = args.slice(1)
  else if (/^-./.test(args[0] ?? '')) return usage(sh, 'printf', args[0]!.slice(0, 2), 'printf [-v var] format [arguments]')
  if (args.length === 0) {
    await sh.write(2, 'printf: usage: printf [-v var] format [arguments]\n')
    return 2
  }
  const r = formatPrintf(args[0]!, args.slice(1), { now: sh.process.now(), shell: true })
  if (variable !== undefined) setScalar(sh, variable, r.text)
  else await sh.out(r.text)
  for (const e of r.errors) await sh.complain(`printf: ${e}`)
  return r.errors.some((e) => !e.startsWith('warning: ')) ? 1 : 0
}

/** Joins and cleans a logical path. */
export function logicalPath(base: string, path: string): string {
  const parts: string[] = []
  for (const p of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (p === '' || p === '.') continue
    if (p === '..') parts.pop()
    else parts.push(p)
  }
  return '/' + parts.join('/')
}

/** Changes the directory; a message (without `cd: `) where it cannot. */
export function changeDirectory(sh: Shell, target: string, physical: boolean): string | undefined {
  const base = getScalar(sh, 'PWD') ?? sh.process.cwd
  let path = logicalPath(base, target)
  try {
    if (physical) path = sh.process.fs.realpath(target)
    const stat = sh.process.fs.stat(path)
    if (stat.type !== 'directory') return `${target}: Not a directory`
    if (!sh.process.fs.access(path, { execute: true })) return `${target}: Permission denied`
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return `${target}: ${strerror(error.code)}`
  }
  const old = getScalar(sh, 'PWD')
  sh.process.cwd = path
  if (old !== undefined) setScalar(sh, 'OLDPWD', old)
  setScalar(sh, 'PWD', path)
  return undefined
}

const cd: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  let physical = sh.option('physical')
  while (args[0] && /^-[LPe@]+$/.test(args[0])) {
    physical = args[0].includes('P')
    args = args.slice(1)
  }
  if (args[0] === '--') args = args.slice(1)
  else if (args[0] && /^-./.test(args[0])) return usage(sh, 'cd', args[0].slice(0, 2), 'cd [-L|[-P [-e]] [-@]] [dir]')
  if (args.length > 1) {
    await sh.complain('cd: too many arguments')
    return 1
  }
  let target = args[0]
  let show = false
  if (target === undefined) {
    target = getScalar(sh, 'HOME')
    if (target === undefined) {
      await sh.complain('cd: HOME not set')
      return 1
    }
  } else if (target === '-') {
    target = getScalar(sh, 'OLDPWD')
    if (target === undefined) {
      await sh.complain('cd: OLDPWD not set')
      return 1
    }
    show = true
  }
  if (target === '') return 0
  const cdpath = getScalar(sh, 'CDPATH')
  if (cdpath && !/^\.{0,2}\//.test(target) && target !== '.' && target !== '..') {
    for (const dir of cdpath.split(':')) {
      const candidate = dir === '' ? target : `${dir}/${target}`
      if (changeDirectory(sh, candidate, physical) === undefined) {
        if (dir !== '') await sh.out(`${getScalar(sh, 'PWD')}\n`)
        return 0
      }
    }
  }
  const failure = changeDirectory(sh, target, physical)
  if (failure !== undefined) {
    await sh.complain(`cd: ${failure}`)
    return 1
  }
  if (show) await sh.out(`${getScalar(sh, 'PWD')}\n`)
  return 0
}

const pwd: Builtin = async (sh, argv) => {
  const option = argv[1]
  if (option && /^-./.test(option) && !/^-[LP]+$/.test(option)) return usage(sh, 'pwd', option.slice(0, 2), 'pwd [-LP]')
  await sh.out((option === '-P' ? sh.process.fs.realpath('.') : (getScalar(sh, 'PWD') ?? sh.process.cwd)) + '\n')
  return 0
}

async function number(sh: Shell, name: string, text: string): Promise<number | undefined> {
  if (/^\s*[-+]?\d+\s*$/.test(text) && Math.abs(Number(text)) < 2 ** 63) return Number(text)
  await sh.complain(`${name}: ${text}: numeric argument required`)
  return undefined
}

const exit: Builtin = async (sh, argv) => {
  if (sh.interactive && !sh.subshell) {
    // bash says so; the sh of these hosts and images (dash, ash) does not.
    if (!sh.posix) await sh.write(2, sh.login ? 'logout\n' : 'exit\n')
    if (sh.jobs.jobs.some((j) => sh.jobs.state(j) === 'stopped') && !sh.warnedOfJobs) {
      await sh.write(2, 'There are stopped jobs.\n')
      sh.warnedOfJobs = true
      return 1
    }
  }
  if (argv[1] === undefined) throw new ExitShell(sh.status)
  const code = await number(sh, argv[0]!, argv[1])
  if (code === undefined) throw new ExitShell(2)
  if (argv.length > 2) {
    await sh.complain(`${argv[0]}: too many arguments`)
    throw new Discard(1, false)
  }
  throw new ExitShell(code & 255)
}

const returns: Builtin = async (sh, argv) => {
  if (sh.frames.length === 0) {
    await sh.complain("return: can only `return' from a function or sourced script")
    return 2
  }
  if (argv[1] === undefined) throw new ReturnFrom(sh.status)
  const code = await number(sh, 'return', argv[1])
  if (code !== undefined) await single(sh, argv)
  throw new ReturnFrom(code === undefined ? 2 : code & 255)
}

/** A second argument gives the whole command up. */
async function single(sh: Shell, argv: readonly string[]): Promise<void> {
  if (argv.length <= 2) return
  await sh.complain(`${argv[0]}: too many arguments`)
  throw new Discard(1, false)
}

function loop(again: boolean): Builtin {
  return async (sh, argv) => {
    const name = argv[0]!
    if (sh.loops === 0) {
      if (!sh.posix) await sh.complain(`${name}: only meaningful in a \`for', \`while', or \`until' loop`)
      return 0
    }
    let count = 1
    if (argv[1] !== undefined) {
      const n = await number(sh, name, argv[1])
      if (n === undefined) throw new ExitShell(128)
      await single(sh, argv)
      if (n <= 0) {
        await sh.complain(`${name}: ${argv[1]}: loop count out of range`)
        throw new BreakLoop(sh.loops, false, 1)
      }
      count = n
    }
    throw new BreakLoop(Math.min(count, sh.loops), again)
  }
}

const shift: Builtin = async (sh, argv) => {
  let n = 1
  if (argv[1] !== undefined) {
    const given = await number(sh, 'shift', argv[1])
    if (given === undefined) return 1
    n = given
  }
  if (n < 0) {
    await sh.complain(`shift: ${n}: shift count out of range`)
    return 1
  }
  if (n > sh.params.length) {
    if (sh.shopt('shift_verbose')) await sh.complain(`shift: ${n}: shift count out of range`)
    return 1
  }
  sh.params = sh.params.slice(n)
  return 0
}

const evaluates: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  if (args[0] === '--') args = args.slice(1)
  else if (/^-./.test(args[0] ?? '')) return usage(sh, 'eval', args[0]!.slice(0, 2), 'eval [arg ...]')
  const text = args.join(' ')
  if (text.trim() === '') return 0
  const line = sh.line
  try {
    return await runSource(sh, text, { name: 'eval', line: 1 })
  } finally {
    sh.line = line
  }
}

const source: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  if (args[0] === '--') args = args.slice(1)
  const file = args[0]
  if (file === undefined) {
    await sh.complain(`${argv[0]}: filename argument required`)
    await sh.write(2, `${argv[0]}: usage: ${argv[0]} filename [arguments]\n`)
    return 2
  }
  let path = file
  if (!file.includes('/')) {
    const found = sourcePath(sh, file)
    if (found !== undefined) path = found
  }
  let text: string
  try {
    if (sh.process.fs.stat(path).type === 'directory') {
      await sh.complain(`${argv[0]}: ${file}: is a directory`)
      return 1
    }
    text = path.startsWith('/dev/fd/') || path === '/dev/stdin' ? await readDescriptor(sh, path) : sh.process.fs.readFile(path)
  } catch (error) {
    const fd = /^\/dev\/(?:fd\/(\d+)|stdin)$/.exec(path)
    const open = fd ? sh.process.fds.get(Number(fd[1] ?? 0)) : undefined
    if (open) text = await open.readAll()
    else {
      if (!(error instanceof FsError)) throw error
      await sh.complain(`${file.includes('/') ? '' : `${argv[0] === '.' && sh.posix ? '.: ' : ''}`}${file}: ${strerror(error.code)}`)
      if (sh.posix && !sh.interactive) throw new ExitShell(1)
      return 1
    }
  }
  const params = sh.params
  const name = sh.sourceName
  const line = sh.line
  const kind = sh.source
  if (args.length > 1) sh.params = args.slice(1)
  const given = sh.params
  sh.frames.push({ name: 'source', source: path, line: sh.line, isFunction: false })
  sh.sourceName = path
  sh.source = 'file'
  try {
    sh.status = 0
    return await runText(sh, text)
  } catch (error) {
    if (error instanceof ReturnFrom) return error.code
    throw error
  } finally {
    sh.frames.pop()
    sh.sourceName = name
    sh.source = kind
    sh.line = line
    if (args.length > 1 && sh.params === given) sh.params = params
  }
}

async function readDescriptor(sh: Shell, path: string): Promise<string> {
  const fd = path === '/dev/stdin' ? 0 : Number(path.slice(8))
  const file = sh.process.fds.get(fd)
  if (!file) throw new FsError('ENOENT', path)
  return file.readAll()
}

/** `source NAME` looks along PATH (files need not be executable), then here. */
function sourcePath(sh: Shell, file: string): string | undefined {
  for (const dir of (getScalar(sh, 'PATH') ?? '').split(':')) {
    const path = `${dir || '.'}/${file}`
    try {
      if (sh.process.fs.stat(path).type === 'file') return path
    } catch {
      // Not here.
    }
  }
  return undefined
}

const letBuiltin: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  if (args[0] === '--') args = args.slice(1)
  if (args.length === 0) {
    await sh.complain('let: expression expected')
    return 1
  }
  let value: bigint | undefined = 0n
  for (const a of args) {
    value = await arithmeticOrStatus(sh, a.replace(/[$`"'\\]/g, (c) => c), sh.line, 'let: ')
    if (value === undefined) return 1
  }
  return value === 0n ? 1 : 0
}

const umask: Builtin = async (sh, argv) => {
  let args = argv.slice(1)
  let symbolic = false
  let print = false
  while (args[0]?.startsWith('-') && args[0].length > 1) {
    if (args[0] === '--') {
      args = args.slice(1)
      break
    }
    if (args[0].includes('S')) symbolic = true
    if (args[0].includes('p')) print = true
    if (!/^-[Sp]+$/.test(args[0])) return usage(sh, 'umask', args[0].slice(0, 2), 'umask [-p] [-S] [mode]')
    args = args.slice(1)
  }
  const symbols = () => {
    const allowed = ~sh.process.umask
    const part = (n: number) => `${n & 4 ? 'r' : ''}${n & 2 ? 'w' : ''}${n & 1 ? 'x' : ''}`
    return `u=${part((allowed >> 6) & 7)},g=${part((allowed >> 3) & 7)},o=${part(allowed & 7)}`
  }
  const mode = args[0]
  if (mode === undefined) {
    const text = symbolic ? symbols() : sh.process.umask.toString(8).padStart(4, '0')
    await sh.out(`${print ? `umask ${symbolic ? '-S ' : ''}` : ''}${text}\n`)
    return 0
  }
  if (/^\d/.test(mode)) {
    if (!/^[0-7]+$/.test(mode) || parseInt(mode, 8) > 0o777) {
      await sh.complain(`umask: ${mode}: octal number out of range`)
      return 1
    }
    sh.process.umask = parseInt(mode, 8)
    if (symbolic) await sh.out(`${symbols()}\n`)
    return 0
  }
  let allowed = ~sh.process.umask & 0o777
  for (const clause of mode.split(',')) {
    const m = /^([ugoa]*)([-+=])([rwx]*)$/.exec(clause)
    if (!m) {
      await sh.complain((() => {
        const rest = clause.replace(/^[ugoa]*/, '')
        return /^[-+=]/.test(rest) ? `umask: \`${rest.slice(1).replace(/^[rwx]*/, '')[0] ?? ''}': invalid symbolic mode character` : `umask: \`${rest[0] ?? ''}': invalid symbolic mode operator`
      })())
      return 1
    }
    const bits = (m[3]!.includes('r') ? 4 : 0) | (m[3]!.includes('w') ? 2 : 0) | (m[3]!.includes('x') ? 1 : 0)
    const who = m[1] === '' || m[1]!.includes('a') ? 'ugo' : m[1]!
    for (const w of who) {
      const at = w === 'u' ? 6 : w === 'g' ? 3 : 0
      if (m[2] === '=') allowed = (allowed & ~(7 << at)) | (bits << at)
      else if (m[2] === '+') allowed |= bits << at
      else allowed &= ~(bits << at)
    }
  }
  sh.process.umask = ~allowed & 0o777
  if (symbolic) await sh.out(`${symbols()}\n`)
  return 0
}

export const basicBuiltins: readonly (readonly [string, Builtin])[] = [
  [':', async () => 0],
  ['true', async () => 0],
  ['false', async () => 1],
  ['echo', echo],
  ['printf', printf],
  ['cd', cd],
  ['pwd', pwd],
  ['exit', exit],
  ['logout', async (sh, argv) => {
    if (!sh.login) {
      await sh.complain("logout: not login shell: use `exit'")
      return 1
    }
    return exit(sh, argv)
  }],
  ['return', returns],
  ['break', loop(false)],
  ['continue', loop(true)],
  ['shift', shift],
  ['eval', evaluates],
  ['source', source],
  ['.', source],
  ['let', letBuiltin],
  ['umask', umask],
  ['times', async (sh) => {
    await sh.out('0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n')
    return 0
  }],
]

export { usage, findProgram }
