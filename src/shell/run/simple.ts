/** Simple commands: assignments, redirections, then a function, a builtin or a program of the file system. */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import { builtins, specialBuiltins } from '../builtins/table.ts'
import { AssignError, ArithError, exportedEnvironment, getScalar, setArray, setElement, setScalar } from '../expand/variables.ts'
import { assignmentValue, expandElements, expandSubscript, expandWordInto, fail } from '../expand/word.ts'
import type { Assignment, Simple, Word } from '../parser/ast.ts'
import { splitAssignment } from '../parser/parser.ts'
import { quoteDouble, quoteSingle, quoteTrace } from '../print/quote.ts'
import { expandPrompt } from '../edit/prompt.ts'
import { ExitShell } from '../state.ts'
import type { Shell, ShellFunction, Variable } from '../state.ts'
import { callFunction } from './function.ts'
import { waitForeground } from './foreground.ts'
import { applyRedirects, keepRedirects, RedirectFailed, undoRedirects } from './redirect.ts'
import type { Undo } from './redirect.ts'
import { expandText } from '../expand/word.ts'
import { commandText } from '../print/command.ts'
import { runScriptFile } from './script.ts'
import { spawn } from './spawn.ts'

const declarations = new Set(['declare', 'typeset', 'local', 'export', 'readonly'])

/** What a `declare`-like builtin gets for `name=(…)`: the elements, beside its plain arguments. */
interface CompoundArgument {
  readonly text: string
  readonly name: string
  readonly append: boolean
  readonly elements: readonly { key: string | undefined; value: string; append?: boolean }[]
}

/** Compound arguments of the declaration builtin that runs now, by argument text. */
export const compounds = new WeakMap<readonly string[], Map<number, CompoundArgument>>()

export async function trace(sh: Shell, text: string): Promise<void> {
  const raw = getScalar(sh, 'PS4') ?? '+ '
  const status = sh.status
  sh.options.delete('xtrace')
  let prefix = expandPrompt(sh, raw)
  if (/[$`]/.test(prefix)) prefix = await expandText(sh, prefix, sh.line, 'double')
  sh.options.add('xtrace')
  sh.status = status
  const first = [...prefix][0] ?? ''
  await sh.write(2, first.repeat(Math.max(0, traceDepth(sh))) + prefix.slice(first.length) + text + '\n')
}

function traceDepth(sh: Shell): number {
  return 1 + sh.traceDepth
}

export async function assign(sh: Shell, a: Assignment, into?: Map<string, Variable>): Promise<void> {
  try {
    if (a.value.elements) {
      const items = await expandElements(sh, a.value.elements)
      if (sh.option('xtrace')) await trace(sh, `${a.name}${a.append ? '+' : ''}=(${a.value.elements.map((e) => e.text).join(' ')})`)
      setArray(sh, a.name, items, a.append, into)
      return
    }
    const value = await assignmentValue(sh, a)
    if (sh.option('xtrace')) await trace(sh, `${a.name}${a.subscript !== undefined ? `[${a.subscript}]` : ''}${a.append ? '+' : ''}=${value === '' ? '' : quoteTrace(value)}`)
    if (a.subscript !== undefined) setElement(sh, a.name, await expandSubscript(sh, a.subscript, a.value.line), value, a.append)
    else setScalar(sh, a.name, value, { append: a.append, ...(into ? { into } : {}) })
  } catch (error) {
    await fail(sh, error)
  }
}

async function argumentsOf(sh: Shell, words: readonly Word[]): Promise<string[]> {
  const argv: string[] = []
  const first = words[0]
  if (!first) return argv
  await expandWordInto(sh, first, argv)
  let name = argv[0]
  const compound = new Map<number, CompoundArgument>()
  for (const word of words.slice(1)) {
    if (name === 'command' || name === 'builtin') name = word.text
    if (name !== undefined && declarations.has(name)) {
      const split = splitAssignment(word.text)
      if (split && word.elements) {
        compound.set(argv.length, { text: word.text, name: split.name, append: split.append, elements: await expandElements(sh, word.elements) })
        argv.push(`${split.name}${split.append ? '+' : ''}=`)
        continue
      }
      if (split) {
        const value = await assignmentValue(sh, { name: split.name, append: split.append, value: { text: split.value, line: word.line } })
        const key = split.subscript === undefined ? '' : `[${split.subscript}]`
        argv.push(`${split.name}${key}${split.append ? '+' : ''}=${value}`)
        continue
      }
    }
    await expandWordInto(sh, word, argv)
  }
  if (compound.size > 0) compounds.set(argv, compound)
  return argv
}

/** Runs a simple command. `last`: the process has nothing else to do, so a program may replace it. */
export async function runSimple(sh: Shell, command: Simple, last: boolean): Promise<number> {
  sh.line = command.line
  const { assignments, redirects } = command
  sh.substitutionStatus = undefined
  const argv = await argumentsOf(sh, command.words)
  if (argv.length === 0) {
    let undo: Undo[] = []
    try {
      for (const a of assignments) await assign(sh, a)
      undo = await applyRedirects(sh, redirects)
    } catch (error) {
      if (error instanceof RedirectFailed) return 1
      throw error
    } finally {
      undoRedirects(undo)
    }
    return sh.substitutionStatus ?? 0
  }
  const name = argv[0]!
  const fn = sh.functions.get(name)
  const builtin = sh.disabled.has(name) ? undefined : builtins.get(name)
  if (sh.option('xtrace') && assignments.length === 0) await traceCommand(sh, argv)
  let undo: Undo[]
  if (name === 'exec' && !fn) return runExec(sh, command, argv)
  if (!fn && !builtin && name.startsWith('%')) return runBuiltin(sh, builtins.get('fg')!, ['fg', ...argv])
  const external = !fn && !builtin
  let scope: Map<string, Variable> | undefined
  if (assignments.length > 0) {
    scope = await temporaries(sh, assignments)
    if (sh.option('xtrace')) await traceCommand(sh, argv)
  }
  const pushScope = scope && !external && !(sh.posix && specialBuiltins.has(name))
  if (scope && !external && !pushScope) for (const [n, v] of scope) sh.globals.set(n, v)
  if (pushScope) sh.scopes.push(scope!)
  try {
    undo = await applyRedirects(sh, redirects)
  } catch (error) {
    if (pushScope) sh.scopes.splice(sh.scopes.indexOf(scope!), 1)
    if (!(error instanceof RedirectFailed)) throw error
    if (sh.posix && specialBuiltins.has(name) && !sh.interactive) throw new ExitShell(2)
    return 1
  }
  try {
    if (fn) return await callFunction(sh, fn, argv)
    if (builtin) return await runBuiltin(sh, builtin, argv)
    const extra = new Map<string, string>()
    if (scope) for (const [n, v] of scope) if (v.value !== undefined) extra.set(n, v.value)
    return await runProgram(sh, argv, extra, last, commandText({ ...command, assignments }, 0, { oneLine: true }))
  } finally {
    sh.lastArgument = argv.at(-1)!
    undoRedirects(undo)
    if (pushScope) sh.scopes.splice(sh.scopes.indexOf(scope!), 1)
    for (const s of sh.substitutions.splice(0)) s.release()
  }
}

async function runBuiltin(sh: Shell, builtin: (sh: Shell, argv: readonly string[]) => Promise<number>, argv: readonly string[]): Promise<number> {
  try {
    const out = sh.process.fds.get(1)
    const code = await builtin(sh, argv)
    if (!out && argv[0] !== undefined && ['echo', 'printf', 'pwd'].includes(argv[0]) && argv.length > 1) {
      await sh.complain(`${argv[0]}: write error: Bad file descriptor`)
      return 1
    }
    return code
  } catch (error) {
    if (error instanceof FsError) {
      if (error.code === 'EPIPE' || error.code === 'ENOSPC' || error.code === 'EBADF') await sh.complain(`${argv[0]}: write error: ${strerror(error.code)}`)
      else await sh.complain(`${argv[0]}: ${error.path ? `${error.path}: ` : ''}${strerror(error.code)}`)
      return 1
    }
    if (error instanceof AssignError || error instanceof ArithError) {
      await sh.complain(`${error instanceof ArithError && argv[0] !== undefined ? `${argv[0]}: ` : ''}${error.message}`)
      return 1
    }
    throw error
  }
}

/** `declare -a x=(…)` shows the elements first, then the declaration without them. */
async function traceCommand(sh: Shell, argv: readonly string[]): Promise<void> {
  const compound = compounds.get(argv)
  for (const c of compound?.values() ?? []) await trace(sh, `${c.name}${c.append ? '+' : ''}=(${c.elements.map((e) => (e.key === undefined ? '' : `[${e.key}]=`) + (e.key === undefined ? quoteSingle(e.value) : quoteDouble(e.value))).join(' ')})`)
  await trace(sh, traceText(argv, compound))
}

function traceText(argv: readonly string[], compound: ReadonlyMap<number, CompoundArgument> | undefined): string {
  return argv.map((a, i) => (compound?.has(i) ? compound.get(i)!.name : quoteTrace(a))).join(' ')
}

async function temporaries(sh: Shell, assignments: readonly Assignment[]): Promise<Map<string, Variable>> {
  const scope = new Map<string, Variable>()
  // Each value may use the ones before it, and the variable's own of outside.
  sh.scopes.push(scope)
  try {
    for (const a of assignments) {
      const v = sh.lookup(a.name)
      if (v?.readonly) {
        await sh.complain(`${a.name}: readonly variable`)
        continue
      }
      if (v && !scope.has(a.name)) scope.set(a.name, { value: getScalar(sh, a.name), ...(v.integer && a.append ? { integer: true } : {}) })
      await assign(sh, a, scope)
      const made = scope.get(a.name)
      if (!made) continue
      made.exported = true
      // An integer's += adds; beyond that the attribute stays outside.
      delete made.integer
    }
  } finally {
    sh.scopes.splice(sh.scopes.indexOf(scope), 1)
  }
  return scope
}

/** The file of a command, '' where there is none. */
export function findProgram(sh: Shell, name: string, path = getScalar(sh, 'PATH') ?? ''): string {
  if (name.includes('/')) return name
  if (path === '') return ''
  let found = ''
  for (const dir of path.split(':')) {
    const file = `${dir === '' ? '.' : dir}/${name}`
    try {
      if (sh.process.fs.stat(file).type === 'directory') continue
      if (sh.process.fs.access(file, { execute: true })) return file
      found ||= file
    } catch {
      // Not here.
    }
  }
  return found
}

async function runProgram(sh: Shell, argv: readonly string[], extra: ReadonlyMap<string, string>, last: boolean, text: string): Promise<number> {
  const name = argv[0]!
  const found = name === '' ? '' : (extra.has('PATH') ? findProgram(sh, name, extra.get('PATH')) : (sh.hashed.get(name)?.path ?? findProgram(sh, name)))
  if (found === '') {
    const handler = sh.functions.get('command_not_found_handle')
    if (handler) return callFunction(sh, handler, ['command_not_found_handle', ...argv])
    if (sh.posix && !sh.interactive) await sh.write(2, `${sh.prefix}${name}: not found\n`)
    else await sh.complain(`${name}: ${(getScalar(sh, 'PATH') ?? '') === '' && name !== '' ? 'No such file or directory' : 'command not found'}`)
    return 127
  }
  if (!name.includes('/') && sh.option('hashall') && found.startsWith('/')) {
    const known = sh.hashed.get(name)
    if (known) known.hits++
    else sh.hashed.set(name, { path: found, hits: 1 })
  }
  const env = exportedEnvironment(sh, extra)
  env['_'] = found
  const exec = last && sh.traps.size === 0 ? sh.process.exec : undefined
  try {
    if (exec) return await exec.call(sh.process, { argv: withPath(argv, found), env })
    const child = spawn(sh, { argv: withPath(argv, found), env, cwd: sh.process.cwd, ...(sh.monitor ? { newGroup: true } : {}) })
    return await waitForeground(sh, [child], text)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    return cannotRun(sh, argv, found, error, env, last, text)
  }
}

/** The machine looks argv[0] up in PATH itself; a hashed or relative hit is named by its path. */
function withPath(argv: readonly string[], found: string): readonly string[] {
  return argv[0]!.includes('/') || found === '' ? argv : argv
}

async function cannotRun(sh: Shell, argv: readonly string[], path: string, error: FsError, env: Record<string, string>, last: boolean, text: string): Promise<number> {
  const name = argv[0]!.includes('/') ? argv[0]! : path
  const fs = sh.process.fs
  let directory = false
  let content = ''
  try {
    directory = fs.stat(path).type === 'directory'
    if (!directory) content = fs.readFile(path)
  } catch {
    // Not readable.
  }
  if (directory) {
    await sh.complain(`${name}: Is a directory`)
    return 126
  }
  if (error.code === 'ENOEXEC') {
    const program = (process: Process) => runScriptFile(process, sh.start, path, argv.slice(1), content, argv[0]!)
    if (last) return program(sh.process)
    const child = spawn(sh, { argv: [...argv], env, program, ...(sh.monitor ? { newGroup: true } : {}) })
    return waitForeground(sh, [child], text)
  }
  const interpreter = /^#![ \t]*(\S+)/.exec(content)
  if (error.code === 'ENOENT' && interpreter) {
    await sh.complain(`${name}: cannot execute: required file not found`)
    return 127
  }
  if (error.code === 'EACCES' && interpreter && sh.process.fs.access(path, { execute: true })) {
    await sh.complain(`${name}: ${interpreter[1]}: bad interpreter: Permission denied`)
    return 126
  }
  await sh.complain(`${name}: ${strerror(error.code)}`)
  return error.code === 'ENOENT' || error.code === 'ENOTDIR' ? (error.code === 'ENOTDIR' ? 126 : 127) : 126
}

async function runExec(sh: Shell, command: Simple, argv: readonly string[]): Promise<number> {
  let undo: Undo[]
  const scope = await temporaries(sh, command.assignments)
  try {
    undo = await applyRedirects(sh, command.redirects)
  } catch (error) {
    if (!(error instanceof RedirectFailed)) throw error
    if (!sh.interactive) throw new ExitShell(1)
    return 1
  }
  let args = argv.slice(1)
  let zero: string | undefined
  let clean = false
  while (args[0]?.startsWith('-') && args[0] !== '-') {
    const a = args[0]
    if (a === '--') {
      args = args.slice(1)
      break
    }
    if (a === '-a') {
      zero = args[1]
      args = args.slice(2)
    } else if (a === '-c') {
      clean = true
      args = args.slice(1)
    } else if (a === '-l') args = args.slice(1)
    else {
      await sh.complain(`exec: ${a}: invalid option`)
      await sh.write(2, 'exec: usage: exec [-cl] [-a name] [command [argument ...]] [redirection ...]\n')
      undoRedirects(undo)
      return 2
    }
  }
  // Without a command the redirections stay.
  if (args.length === 0) {
    keepRedirects(undo)
    return 0
  }
  const extra = new Map([...scope].map(([n, v]) => [n, v.value ?? '']))
  const found = findProgram(sh, args[0]!)
  if (found === '' || (args[0]!.includes('/') && !exists(sh, args[0]!))) {
    await sh.complain(`exec: ${args[0]}: ${args[0]!.includes('/') ? 'cannot execute: No such file or directory' : 'not found'}`)
    undoRedirects(undo)
    if (!sh.interactive && !sh.shopt('execfail')) throw new ExitShell(127)
    return 127
  }
  const env = clean ? {} : exportedEnvironment(sh, extra)
  void zero
  let code: number
  try {
    if (sh.process.exec) code = await sh.process.exec({ argv: args, env })
    else code = (await spawn(sh, { argv: args, env }).wait()).code
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    code = await cannotRun(sh, args, found, error, env, false, args.join(' '))
  }
  sh.traps.delete('EXIT')
  throw new ExitShell(code)
}

function exists(sh: Shell, path: string): boolean {
  try {
    sh.process.fs.stat(path)
    return true
  } catch {
    return false
  }
}

export type { ShellFunction }
