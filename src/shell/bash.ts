/**
 * The program `bash` (and, called `sh`, a shell with POSIX leanings that complains in dash's form). Scripts, `-c`, standard input, and
 * interactive sessions with or without line editing. No restricted mode, no coprocesses.
 */
import { FsError, strerror } from '#engine/machine/files.ts'
import type { Process, Program } from '#engine/machine/process.ts'
import { fillTable } from './builtins/all.ts'
import { applySetOptions } from './builtins/options.ts'
import type { Completer } from './completion.ts'
import { runInteractive } from './edit/session.ts'
import { importEnvironment } from './run/environment.ts'
import { interpreter } from './run/interpreter.ts'
import { runInput, runShell, runText } from './run/script.ts'
import { Shell, type Voice } from './state.ts'

interface Arguments {
  command?: string
  interactive: boolean
  login: boolean
  stdin: boolean
  norc: boolean
  noprofile: boolean
  noediting: boolean
  rcfile?: string
  options: string[]
  shopts: [string, boolean][]
  rest: string[]
}

const version = `GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)
Copyright (C) 2022 Free Software Foundation, Inc.
License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>

This is free software; you are free to change and redistribute it.
There is NO WARRANTY, to the extent permitted by law.
`

function parseArguments(argv: readonly string[]): Arguments | string {
  const a: Arguments = { interactive: false, login: argv[0]!.startsWith('-'), stdin: false, norc: false, noprofile: false, noediting: false, options: [], shopts: [], rest: [] }
  let command = false
  let i = 1
  for (; i < argv.length; i++) {
    const arg = argv[i]!
    if (arg === '--' || arg === '-') {
      i++
      break
    }
    if (arg.startsWith('--')) {
      if (arg === '--norc') a.norc = true
      else if (arg === '--noprofile') a.noprofile = true
      else if (arg === '--noediting') a.noediting = true
      else if (arg === '--login') a.login = true
      else if (arg === '--posix') a.options.push('-o', 'posix')
      else if (arg === '--rcfile' || arg === '--init-file') a.rcfile = argv[++i] ?? ''
      else if (arg === '--version') return '--version'
      else if (arg === '--verbose') a.options.push('-v')
      else if (!ignored.has(arg)) return arg
      continue
    }
    if (!/^[-+]./.test(arg)) break
    for (const c of arg.slice(1)) {
      if (c === 'c' && arg[0] === '-') command = true
      else if (c === 'i') a.interactive = true
      else if (c === 'l') a.login = true
      else if (c === 's') a.stdin = true
      else if (c === 'O') a.shopts.push([argv[++i] ?? '', arg[0] === '-'])
      else if (c === 'o') a.options.push(`${arg[0]}o`, argv[++i] ?? '')
      else if ('abefhkmnptuvxBCEHPT'.includes(c)) a.options.push(`${arg[0]}${c}`)
      else return `${arg[0]}${c}`
    }
  }
  a.rest = argv.slice(i) as string[]
  if (command) {
    const text = a.rest.shift()
    if (text === undefined) return '-c'
    a.command = text
  }
  return a
}

/** Long options that change nothing here. */
const ignored: ReadonlySet<string> = new Set(['--debug', '--debugger', '--dump-po-strings', '--dump-strings', '--pretty-print', '--restricted'])

const usage = `Usage:\tbash [GNU long option] [option] ...
\tbash [GNU long option] [option] script-file ...
GNU long options:
${['debug', 'debugger', 'dump-po-strings', 'dump-strings', 'help', 'init-file', 'login', 'noediting', 'noprofile', 'norc', 'posix', 'pretty-print', 'rcfile', 'restricted', 'verbose', 'version'].map((o) => `\t--${o}\n`).join('')}Shell options:
\t-ilrsD or -c command or -O shopt_option\t\t(invocation only)
\t-abefhkmnptuvxBCEHPT or -o option
`

fillTable()

/**
 * `completers`: programs that complete their own arguments, by command name. `voice`: the words of another shell than bash (and dash,
 * when called `sh`).
 */
export function createBash(options: { readonly completers: ReadonlyMap<string, Completer>; readonly voice?: Voice }): Program {
  return async (process) => {
    const called = process.argv[0] ?? 'bash'
    const base = called.slice(called.lastIndexOf('/') + 1).replace(/^-/, '')
    const posix = options.voice !== undefined || base === 'sh' || base === 'dash'
    const args = parseArguments(process.argv)
    if (args === '--version') {
      await process.stdout.write(version)
      return 0
    }
    if (typeof args === 'string') {
      if (args === '-c') await process.stderr.write(`${called}: -c: option requires an argument\n`)
      else await process.stderr.write(`${called}: ${args}: invalid option\n${posix ? '' : usage}`)
      return 2
    }
    const script = args.command === undefined && !args.stdin ? args.rest[0] : undefined
    const terminal = process.stdin.tty !== undefined && process.stderr.tty !== undefined
    const interactive = args.interactive || (args.command === undefined && script === undefined && terminal)
    const name = args.command !== undefined ? (args.rest[0] ?? called) : (script ?? called)
    const params = args.command !== undefined || script !== undefined ? args.rest.slice(1) : args.rest
    const sh = new Shell(process, { interactive, login: args.login, name, params, posix, completers: options.completers, interpreter, ...(options.voice && { voice: options.voice }) })
    // What ash does not know.
    if (options.voice) sh.options.delete('braceexpand')
    importEnvironment(sh)
    if (args.command !== undefined) sh.source = '-c'
    else if (script === undefined) sh.source = interactive ? 'interactive' : 'stdin'
    if (interactive && process.tty) sh.options.add('monitor')
    for (const [n, on] of args.shopts) sh.shopts.set(n, on)
    const set = await applySetOptions(sh, args.options)
    if (typeof set === 'number') return set
    sh.editing = !args.noediting && terminal
    return runShell(sh, async () => {
      if (args.login && !args.noprofile) await profile(sh)
      else if (interactive && !args.norc && !posix) await readStartup(sh, args.rcfile ?? `${process.env.get('HOME') ?? process.user.home}/.bashrc`, '/etc/bash.bashrc')
      if (args.command !== undefined) return runText(sh, args.command)
      if (script !== undefined) return runFile(sh, process, script)
      return interactive ? runInteractive(sh) : runInput(sh)
    })
  }
}

async function profile(sh: Shell): Promise<void> {
  await sourceFile(sh, '/etc/profile')
  const home = sh.process.env.get('HOME') ?? sh.process.user.home
  for (const file of ['.bash_profile', '.bash_login', '.profile']) {
    if (sh.process.fs.exists(`${home}/${file}`)) return sourceFile(sh, `${home}/${file}`)
  }
}

async function readStartup(sh: Shell, file: string, system: string): Promise<void> {
  await sourceFile(sh, system)
  await sourceFile(sh, file)
}

async function sourceFile(sh: Shell, path: string): Promise<void> {
  let text: string
  try {
    text = sh.process.fs.readFile(path)
  } catch {
    return
  }
  const source = sh.source
  sh.frames.push({ name: 'source', source: path, line: 0, isFunction: false })
  sh.sourceName = path
  sh.source = 'file'
  try {
    await runText(sh, text)
  } finally {
    sh.frames.pop()
    sh.sourceName = ''
    sh.source = source
  }
}

/** Why a file cannot be opened, where dash has shorter words than the C library. */
const dashErrors: Readonly<Record<string, string>> = { ENOENT: 'No such file', ENOTDIR: 'No such file' }

async function runFile(sh: Shell, process: Process, script: string): Promise<number> {
  let path = script
  try {
    let text: string
    const fd = /^\/dev\/(?:fd\/(\d+)|stdin)$/.exec(script)
    const open = fd ? process.fds.get(Number(fd[1] ?? 0)) : undefined
    if (open) text = await open.readAll()
    else {
      if (!sh.posix && !process.fs.exists(path) && !script.includes('/')) {
        const dir = (process.env.get('PATH') ?? '').split(':').find((d) => process.fs.exists(`${d}/${script}`))
        if (dir !== undefined) path = `${dir}/${script}`
      }
      if (process.fs.stat(path).type === 'directory') {
        // dash and ash read nothing from it.
        if (sh.posix) return 0
        await process.stderr.write(`${script}: ${script}: Is a directory\n`)
        return 126
      }
      text = process.fs.readFile(path)
    }
    sh.sourceName = script
    return await runText(sh, text)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    const why = strerror(error.code)
    if (sh.start.voice) await sh.complain(`${script}: ${why}`, 'script')
    else await process.stderr.write(sh.posix ? `${process.argv[0]}: 0: cannot open ${script}: ${dashErrors[error.code] ?? why}\n` : `${process.argv[0]}: ${script}: ${why}\n`)
    if (sh.posix) return 2
    return error.code === 'ENOENT' ? 127 : 126
  }
}
