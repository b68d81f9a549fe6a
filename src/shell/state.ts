/**
 * What a shell remembers: variables with scopes and attributes, functions, aliases, options, positional parameters, traps. A subshell
 * gets a copy (`fork`). Control flow that leaves several frames travels as the exceptions defined here.
 */
import type { Child, OpenFile, Process, Signal } from '#engine/machine/process.ts'
import type { Interpreter } from './interpreter.ts'
import type { Command } from './parser/ast.ts'
import { JobTable } from './run/job-table.ts'
import type { Completer, CompletionSpec } from './completion.ts'

export interface Variable {
  value: string | undefined
  array?: Map<number, string>
  assoc?: Map<string, string>
  exported?: boolean
  readonly?: boolean
  integer?: boolean
  lower?: boolean
  upper?: boolean
  capital?: boolean
  nameref?: boolean
}

export class BreakLoop {
  count: number
  readonly again: boolean
  /** What the loop ends with. */
  readonly status: number
  constructor(count: number, again: boolean, status = 0) {
    this.count = count
    this.again = again
    this.status = status
  }
}

export class ReturnFrom {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

export class ExitShell {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

/** Gives up the current command line (bash's DISCARD jump); `fatal` ends a shell that is not interactive. */
export class Discard {
  readonly code: number
  readonly fatal: boolean
  constructor(code: number, fatal: boolean) {
    this.code = code
    this.fatal = fatal
  }
}

/** ^C in an interactive shell. */
export class Interrupted {
  /** The newline after ^C is on the screen. */
  readonly told: boolean
  constructor(told = false) {
    this.told = told
  }
}

export interface ShellFunction {
  readonly name: string
  readonly body: Command
  /** Where it was defined. */
  readonly source: string
  exported?: boolean
}

const defaultShopts: Readonly<Record<string, boolean>> = {
  autocd: false, assoc_expand_once: false, cdable_vars: false, cdspell: false, checkhash: false, checkjobs: false, checkwinsize: true, cmdhist: true, compat31: false, compat32: false,
  compat40: false, compat41: false, compat42: false, compat43: false, compat44: false, complete_fullquote: true, direxpand: false, dirspell: false, dotglob: false, execfail: false, expand_aliases: false,
  extdebug: false, extglob: false, extquote: true, failglob: false, force_fignore: true, globasciiranges: true, globskipdots: true, globstar: false, gnu_errfmt: false, histappend: false, histreedit: false,
  histverify: false, hostcomplete: true, huponexit: false, inherit_errexit: false, interactive_comments: true, lastpipe: false, lithist: false, localvar_inherit: false, localvar_unset: false,
  login_shell: false, mailwarn: false, no_empty_cmd_completion: false, nocaseglob: false, nocasematch: false, noexpand_translation: false, nullglob: false, patsub_replacement: true, progcomp: true, progcomp_alias: false,
  promptvars: true, restricted_shell: false, shift_verbose: false, sourcepath: true, varredir_close: false, xpg_echo: false,
}

/** `set -o` names with their letters, in the order bash lists them. */
export const setOptions: readonly (readonly [name: string, letter: string])[] = [
  ['allexport', 'a'], ['braceexpand', 'B'], ['emacs', ''], ['errexit', 'e'], ['errtrace', 'E'], ['functrace', 'T'], ['hashall', 'h'], ['histexpand', 'H'], ['history', ''], ['ignoreeof', ''],
  ['interactive-comments', ''], ['keyword', 'k'], ['monitor', 'm'], ['noclobber', 'C'], ['noexec', 'n'], ['noglob', 'f'], ['nolog', ''], ['notify', 'b'], ['nounset', 'u'], ['onecmd', 't'],
  ['physical', 'P'], ['pipefail', ''], ['posix', ''], ['privileged', 'p'], ['verbose', 'v'], ['vi', ''], ['xtrace', 'x'],
]

export interface ShellStart {
  readonly interactive: boolean
  readonly login: boolean
  /** $0 */
  readonly name: string
  readonly params: readonly string[]
  readonly posix: boolean
  readonly completers: ReadonlyMap<string, Completer>
  readonly interpreter: Interpreter
  /** Of a shell that is not bash but words like another one. */
  readonly voice?: Voice
}

/** How a shell of another kind (busybox's ash) words what bash would say on standard error. */
export interface Voice {
  /** A complaint, with its newline; `about`: the redirection, or the script, that could not be opened. */
  complain(sh: Shell, text: string, about?: 'input' | 'output' | 'script'): string
  /** Usage lines, syntax errors and all else. */
  say(sh: Shell, text: string): string
}

export class Shell {
  process: Process
  readonly interpreter: Interpreter
  readonly interactive: boolean
  readonly completers: ReadonlyMap<string, Completer>
  readonly posix: boolean
  login: boolean
  /** $0 and the prefix of messages. */
  name: string
  params: string[]
  globals = new Map<string, Variable>()
  /** Variables of the functions that run, innermost last. */
  scopes: Map<string, Variable>[] = []
  functions = new Map<string, ShellFunction>()
  aliases = new Map<string, string>()
  options = new Set<string>(['braceexpand', 'hashall', 'interactive-comments'])
  shopts: Map<string, boolean>
  status = 0
  pipestatus: number[] = [0]
  line = 1
  /** Depth of what makes `set -e` look away: conditions of if, while, && and so on. */
  lenient = 0
  loops = 0
  /** Frames of functions and sourced files. */
  frames: { readonly name: string; readonly source: string; readonly line: number; readonly isFunction: boolean; savedParams?: string[] }[] = []
  subshell = false
  subshellDepth = 0
  shellPid: number
  lastBackground: number | undefined
  lastArgument = ''
  jobs = new JobTable()
  traps = new Map<string, string>()
  /** Signals that arrived and whose trap has not run yet. */
  pendingTraps: string[] = []
  inTrap = 0
  interrupted = false
  hashed = new Map<string, { path: string; hits: number }>()
  directories: string[] = []
  history: string[] = []
  historyBase = 1
  specs = new Map<string, CompletionSpec>()
  /** `-c`: syntax errors name it. */
  source: 'file' | '-c' | 'stdin' | 'interactive' = 'file'
  /** What BASH_SOURCE shows. */
  sourceName = ''
  started: number
  commandNumber = 1
  secondsOffset = 0
  randomState: number
  readonly errexitOff: boolean = false
  /** Files that are the shell's alone: children do not get them. */
  readonly private = new Set<number>()
  /** The coprocess that runs. */
  coproc: { readonly name: string; readonly child: Child; readonly files: readonly (readonly [number, OpenFile])[] } | undefined
  /** Background process substitutions and their files. */
  substitutions: { release: () => void }[] = []
  /** What the process does not ignore or default. */
  readonly handled = new Set<Signal>()
  getoptsPlace = 0
  ticks = 0
  /** Nesting of substitutions, for the plus signs of xtrace. */
  traceDepth = 0
  editing = true
  warnedOfJobs = false
  /** The exit code of the last command substitution: what an assignment without command ends with. */
  substitutionStatus: number | undefined
  /** The simple command that runs (BASH_COMMAND). */
  command: Command | undefined
  /** `enable -n` */
  readonly disabled = new Set<string>()
  limits = new Map<string, string>()
  readonly start: ShellStart

  constructor(process: Process, start: ShellStart) {
    this.process = process
    this.interpreter = start.interpreter
    this.start = start
    this.interactive = start.interactive
    this.login = start.login
    this.name = start.name
    this.params = [...start.params]
    this.posix = start.posix
    this.completers = start.completers
    this.shopts = new Map(Object.entries(defaultShopts))
    this.shellPid = process.pid
    this.started = process.now()
    this.randomState = (process.pid * 7919 + Math.floor(process.now())) % 2147483647 || 1
    if (start.interactive) {
      this.shopts.set('expand_aliases', true)
      this.options.add('emacs').add('history').add('histexpand')
    }
    if (start.posix) this.shopts.set('expand_aliases', true)
    if (start.login) this.shopts.set('login_shell', true)
  }

  /** A copy for a subshell that runs in `process`. */
  fork(process: Process): Shell {
    const s = new Shell(process, this.start)
    s.login = this.login
    s.name = this.name
    s.params = [...this.params]
    s.globals = copyScope(this.globals)
    s.scopes = this.scopes.map(copyScope)
    s.functions = new Map(this.functions)
    s.aliases = new Map(this.aliases)
    s.options = new Set(this.options)
    s.options.delete('monitor')
    s.shopts = new Map(this.shopts)
    s.status = this.status
    s.pipestatus = [...this.pipestatus]
    s.line = this.line
    s.lenient = this.lenient
    s.frames = [...this.frames]
    s.subshell = true
    s.subshellDepth = this.subshellDepth + 1
    s.shellPid = this.shellPid
    s.lastBackground = this.lastBackground
    s.lastArgument = this.lastArgument
    s.jobs = this.jobs.snapshot()
    // Ignored signals stay ignored; handlers are forgotten but `trap` may still list them until one is set.
    for (const [name, action] of this.traps) if (action === '') s.traps.set(name, action)
    s.inheritedTraps = new Map(this.traps)
    for (const name of this.disabled) s.disabled.add(name)
    s.traceDepth = this.traceDepth
    s.hashed = new Map(this.hashed)
    s.directories = [...this.directories]
    s.history = [...this.history]
    s.specs = new Map(this.specs)
    s.source = this.source
    s.sourceName = this.sourceName
    s.started = this.started
    s.secondsOffset = this.secondsOffset
    s.randomState = this.randomState
    s.getoptsPlace = this.getoptsPlace
    return s
  }

  /** The child that a copy was made for has begun. */
  inhabit(process: Process): void {
    this.process = process
    this.randomState = (this.randomState + process.pid) % 2147483647 || 1
  }

  /** What `trap -p` shows in a subshell that has not set any. */
  inheritedTraps: Map<string, string> | undefined

  option(name: string): boolean {
    return this.options.has(name)
  }

  shopt(name: string): boolean {
    return this.shopts.get(name) ?? false
  }

  /** Job control: own process groups and notices. */
  get monitor(): boolean {
    return this.options.has('monitor') && !this.subshell
  }

  lookup(name: string): Variable | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const v = this.scopes[i]!.get(name)
      if (v) return v
    }
    return this.globals.get(name)
  }

  /** The variable, following namerefs; made in the global scope where it does not exist. */
  ensure(name: string): Variable {
    const found = this.lookup(this.resolve(name))
    if (found) return found
    const v: Variable = { value: undefined }
    this.globals.set(this.resolve(name), v)
    return v
  }

  /** The name that a nameref stands for. */
  resolve(name: string): string {
    for (let i = 0; i < 8; i++) {
      const v = this.lookup(name)
      if (!v?.nameref || !v.value) return name
      name = v.value
    }
    return name
  }

  async out(text: string): Promise<void> {
    await this.write(1, text)
  }

  async write(fd: number, text: string): Promise<void> {
    if (text === '') return
    const worded = fd === 2 && this.start.voice ? this.start.voice.say(this, text) : text
    if (worded !== '') await this.process.fds.get(fd)?.write(worded)
  }

  /** The start of a message: `bash: ` or `script: line 3: `. */
  get prefix(): string {
    if (this.interactive) return `${this.name}: `
    if (this.posix) return `${this.name}: ${this.line}: `
    const name = this.frames.length > 0 && this.frames.at(-1)!.isFunction ? this.frames.at(-1)!.source || this.name : this.sourceName || this.name
    return `${name}: line ${this.line}: `
  }

  /** A message on standard error with bash's prefix. */
  async complain(text: string, about?: 'input' | 'output' | 'script'): Promise<void> {
    const err = this.process.fds.get(2)
    if (!err) return
    try {
      await err.write(this.start.voice?.complain(this, text, about) ?? `${this.prefix}${text}\n`)
    } catch {
      // Nobody listens.
    }
  }

  /** Long runs of builtins let others run, and ^C through. */
  async tick(): Promise<void> {
    if (++this.ticks % 50 === 0) await this.process.yield()
    if (this.interrupted && this.interactive) {
      this.interrupted = false
      throw new Interrupted()
    }
  }
}

function copyScope(scope: Map<string, Variable>): Map<string, Variable> {
  const out = new Map<string, Variable>()
  for (const [name, v] of scope) out.set(name, { ...v, ...(v.array ? { array: new Map(v.array) } : {}), ...(v.assoc ? { assoc: new Map(v.assoc) } : {}) })
  return out
}
