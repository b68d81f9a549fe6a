/** The interactive loop: prompt, a line (edited or plain), history, run, notices. */
import { Incomplete, ShellSyntaxError } from '../parser/ast.ts'
import type { List } from '../parser/ast.ts'
import { Parser } from '../parser/parser.ts'
import { getScalar } from '../expand/variables.ts'
import { expandText } from '../expand/word.ts'
import { executeList } from '../run/execute.ts'
import { notifyJobs, takeTerminal } from '../run/foreground.ts'
import { complainSyntax, runSource, warnHeredocs } from '../run/source.ts'
import { runPendingTraps, runTrap } from '../run/traps.ts'
import { Discard, ExitShell, Interrupted } from '../state.ts'
import type { Shell } from '../state.ts'
import { expandHistory } from './history.ts'
import { editLine } from './line-editor.ts'
import { expandPrompt } from './prompt.ts'

async function promptText(sh: Shell, name: string): Promise<string> {
  let text = expandPrompt(sh, getScalar(sh, name) ?? '')
  if (/[$`]/.test(text) && sh.shopt('promptvars')) {
    const status = sh.status
    text = await expandText(sh, text, sh.line, 'double')
    sh.status = status
  }
  return text
}

/** The next line with its newline; undefined at end of file. Throws Interrupted at ^C. */
async function readCommandLine(sh: Shell, prompt: string): Promise<string | undefined> {
  if (sh.editing) return editLine(sh, prompt)
  await sh.write(2, prompt.replace(/[\x01\x02]/g, ''))
  const got = await sh.process.interruptible(sh.process.stdin.readLine())
  if (got === 'interrupted') {
    sh.interrupted = false
    throw new Interrupted()
  }
  return got
}

export async function runInteractive(sh: Shell): Promise<number> {
  loadHistory(sh)
  takeTerminal(sh)
  /** How often ^D came in a row (ignoreeof). */
  let ends = 0
  for (;;) {
    if (sh.pendingTraps.length > 0) await runPendingTraps(sh)
    await notifyJobs(sh)
    const command = getScalar(sh, 'PROMPT_COMMAND')
    if (command) {
      const status = sh.status
      await guarded(sh, () => runSource(sh, command, { name: 'PROMPT_COMMAND' }))
      sh.status = status
    }
    checkWindow(sh)
    let lists: List[] | undefined
    try {
      lists = await readCommand(sh)
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
      await sh.write(2, sh.editing ? '^C\n' : '\n')
      sh.status = 130
      const trap = sh.traps.get('INT')
      if (trap) await guarded(sh, async () => {
        await runTrap(sh, 'INT', trap)
        return sh.status
      })
      continue
    }
    if (lists === undefined) {
      if (sh.option('ignoreeof') && ends++ < 9) {
        await sh.write(2, `Use "${sh.login ? 'logout' : 'exit'}" to leave the shell.\n`)
        continue
      }
      if (sh.jobs.jobs.some((j) => sh.jobs.state(j) === 'stopped') && !sh.warnedOfJobs) {
        await sh.write(2, 'There are stopped jobs.\n')
        sh.warnedOfJobs = true
        continue
      }
      await sh.write(2, sh.posix ? '\n' : sh.login ? 'logout\n' : 'exit\n')
      saveHistory(sh)
      return sh.status
    }
    ends = 0
    try {
      if (lists.length > 0) await sh.write(2, (await promptText(sh, 'PS0')).replace(/[\x01\x02]/g, ''))
      for (const list of lists) await guarded(sh, () => executeList(sh, list))
    } catch (error) {
      if (error instanceof ExitShell) saveHistory(sh)
      throw error
    }
    if (lists.length > 0) {
      sh.commandNumber++
      if (!lists.some((l) => l.items.some((i) => i.command.first.commands.some((c) => c.kind === 'simple' && ['exit', 'logout', 'jobs'].includes(c.words[0]?.text ?? ''))))) sh.warnedOfJobs = false
    }
  }
}

/** Runs one command line: what gives it up leads back to the prompt. */
async function guarded(sh: Shell, body: () => Promise<number>): Promise<void> {
  const frames = sh.frames.length
  const scopes = sh.scopes.length
  const lenient = sh.lenient
  const loops = sh.loops
  try {
    await body()
  } catch (error) {
    if (error instanceof Discard) sh.status = error.code === 127 ? 1 : error.code
    else if (error instanceof Interrupted) {
      sh.status = 130
      if (!error.told) await sh.write(2, '\n')
    } else throw error
    sh.frames.length = frames
    sh.scopes.length = scopes
    sh.lenient = lenient
    sh.loops = loops
    takeTerminal(sh)
  }
}

/** Lines until they make whole commands. An empty list: nothing to run (a syntax error was told). */
async function readCommand(sh: Shell): Promise<List[] | undefined> {
  let text = ''
  let prompt = await promptText(sh, 'PS1')
  for (;;) {
    const line = await readCommandLine(sh, prompt)
    if (line === undefined) {
      if (text === '') return undefined
      await sh.complain(`syntax error: unexpected end of file`)
      sh.status = 2
      return []
    }
    let added = line
    if (sh.option('histexpand') && (line.includes('!') || (text === '' && line.startsWith('^')))) {
      const expanded = expandHistory(sh, line)
      if (typeof expanded !== 'string') {
        await sh.complain(expanded.error)
        return []
      }
      if (expanded !== line) await sh.write(2, expanded)
      added = expanded
    }
    text += added
    const parser = new Parser(text, { aliases: sh.shopt('expand_aliases') ? sh.aliases : new Map(), extglob: () => sh.shopt('extglob') })
    try {
      const lists: List[] = []
      for (let list = parser.next(); list; list = parser.next()) lists.push(list)
      if (parser.lexer.openHeredoc !== undefined || /(^|[^\\])(\\\\)*\\\n$/.test(text)) {
        prompt = await promptText(sh, 'PS2')
        continue
      }
      await warnHeredocs(sh, parser)
      remember(sh, text)
      return lists
    } catch (error) {
      if (error instanceof Incomplete) {
        prompt = await promptText(sh, 'PS2')
        continue
      }
      if (!(error instanceof ShellSyntaxError)) throw error
      remember(sh, text)
      await complainSyntax(sh, error, undefined)
      sh.status = error.kind === 'cond' ? sh.status : 2
      return []
    }
  }
}

function remember(sh: Shell, text: string): void {
  if (!sh.option('history')) return
  const entry = joinLines(text.replace(/\n$/, ''))
  if (entry.trim() === '') return
  const control = (getScalar(sh, 'HISTCONTROL') ?? '').split(':')
  const both = control.includes('ignoreboth')
  if ((both || control.includes('ignorespace')) && /^\s/.test(entry)) return
  if ((both || control.includes('ignoredups')) && sh.history.at(-1) === entry) return
  if (control.includes('erasedups')) sh.history = sh.history.filter((h) => h !== entry)
  sh.history.push(entry)
  const size = Number(getScalar(sh, 'HISTSIZE') ?? '500')
  while (size >= 0 && sh.history.length > size) {
    sh.history.shift()
    sh.historyBase++
  }
}

/** Several lines become one where bash can say it with semicolons (cmdhist). */
function joinLines(text: string): string {
  const lines = text.split('\n')
  if (lines.length === 1 || /<<|["']/.test(text)) return text
  let out = lines[0]!.trimEnd()
  for (const line of lines.slice(1)) {
    const t = line.trim()
    if (t === '') continue
    const glue = /(\b(do|then|else|in)|[{(|&;]|\\)$/.test(out) ? ' ' : '; '
    out = out.replace(/\\$/, '') + glue + t
  }
  return out
}

function loadHistory(sh: Shell): void {
  const file = getScalar(sh, 'HISTFILE')
  if (!file || !sh.option('history')) return
  try {
    sh.history.push(...sh.process.fs.readFile(file).split('\n').filter((l) => l !== ''))
  } catch {
    // None yet.
  }
}

function saveHistory(sh: Shell): void {
  const file = getScalar(sh, 'HISTFILE')
  if (!file || sh.history.length === 0 || !sh.option('history')) return
  try {
    const size = Number(getScalar(sh, 'HISTFILESIZE') ?? '500')
    sh.process.fs.writeFile(file, sh.history.slice(-size).map((l) => l + '\n').join(''), { mode: 0o600 })
  } catch {
    // Not writable: bash says nothing either.
  }
}

function checkWindow(sh: Shell): void {
  const tty = sh.process.tty
  if (!tty || !sh.shopt('checkwinsize')) return
  for (const [name, value] of [['COLUMNS', tty.columns], ['LINES', tty.rows]] as const) {
    const v = sh.globals.get(name)
    if (v) v.value = String(value)
  }
}
