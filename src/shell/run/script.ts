/** Runs a whole program text: a script file, `-c`, or standard input line by line. */
import type { Process } from '#engine/machine/process.ts'
import { Incomplete, ShellSyntaxError } from '../parser/ast.ts'
import type { List } from '../parser/ast.ts'
import { Parser } from '../parser/parser.ts'
import { Discard, ExitShell, Shell } from '../state.ts'
import type { ShellStart } from '../state.ts'
import { importEnvironment } from './environment.ts'
import { complainSyntax, outcome, warnHeredocs } from './source.ts'
import { installTraps, runExitTrap } from './traps.ts'

/** The statuses that bash ends with when a syntax error of this kind ends the text. */
function syntaxStatus(error: ShellSyntaxError, sh: Shell): number | 'continue' {
  if (error.kind === 'substitution') return sh.source === '-c' ? 127 : 1
  if (error.kind === 'compound') return error instanceof Incomplete ? 1 : 'continue'
  if (error.kind === 'cond' && !(error instanceof Incomplete)) return error.message.includes("`newline'") ? 2 : 0
  return 2
}

/** All commands of a text; resolves to the status of the last. */
export async function runText(sh: Shell, text: string): Promise<number> {
  const parser = new Parser(text, { aliases: sh.aliases, expandAliases: () => sh.shopt('expand_aliases'), extglob: () => sh.shopt('extglob') })
  const name = sh.source === '-c' ? `${sh.name}: -c` : sh.sourceName || sh.name
  /** Up to where lines have been read (and shown, with `set -v`). */
  let shown = 0
  const show = async () => {
    const { lexer } = parser
    const end = lexer.pos === 0 ? 0 : lexer.text.indexOf('\n', lexer.pos - 1) + 1 || lexer.text.length
    if (end > shown && sh.option('verbose')) await sh.write(2, lexer.text.slice(shown, end).replace(/\n?$/, '\n'))
    shown = Math.max(shown, end)
  }
  for (;;) {
    let list: List | undefined
    try {
      list = parser.next()
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error
      await complainSyntax(sh, error, name)
      const status = syntaxStatus(error, sh)
      if (status === 'continue') {
        sh.status = 1
        parser.skipLine(error.line)
        continue
      }
      if (status === 0) return sh.status
      return status
    }
    await show()
    await warnHeredocs(sh, parser)
    if (!list) return sh.status
    if (sh.option('noexec')) continue
    try {
      await sh.interpreter.executeList(sh, list)
    } catch (error) {
      if (!(error instanceof Discard) || error.fatal) throw error
      sh.status = error.code
      sh.loops = 0
      sh.lenient = 0
      sh.frames = []
      sh.scopes = []
    }
  }
}

/** The life of a shell that is not interactive. */
export async function runShell(sh: Shell, body: () => Promise<number>): Promise<number> {
  installTraps(sh)
  try {
    sh.status = await body()
  } catch (error) {
    sh.status = outcome(sh, error)
  }
  return runExitTrap(sh, sh.status)
}

/** A script without `#!`: the shell runs it itself in the child. */
export async function runScriptFile(process: Process, start: ShellStart, path: string, params: readonly string[], text: string, name: string): Promise<number> {
  const sh = new Shell(process, { ...start, interactive: false, login: false, name, params })
  importEnvironment(sh)
  sh.source = 'file'
  sh.sourceName = path.includes('/') ? name : path
  return runShell(sh, () => runText(sh, text))
}

/** Commands from standard input: each is run before the next line is read. */
export async function runInput(sh: Shell): Promise<number> {
  sh.source = 'stdin'
  let text = ''
  let line = 1
  for (;;) {
    const more = await sh.process.fds.get(0)?.readLine()
    if (more === undefined && text === '') return sh.status
    text += more ?? ''
    const parser = new Parser(text, { aliases: sh.shopt('expand_aliases') ? sh.aliases : new Map(), line, extglob: () => sh.shopt('extglob') })
    try {
      const lists: List[] = []
      for (let list = parser.next(); list; list = parser.next()) lists.push(list)
      if (parser.lexer.openHeredoc !== undefined && more !== undefined) continue
      line += text.split('\n').length - 1
      text = ''
      for (const list of lists) {
        try {
          await sh.interpreter.executeList(sh, list)
        } catch (error) {
          if (!(error instanceof Discard) || error.fatal) throw error
          sh.status = error.code
        }
      }
      if (more === undefined) return sh.status
    } catch (error) {
      if (error instanceof Incomplete && more !== undefined) continue
      if (!(error instanceof ShellSyntaxError)) throw error
      await complainSyntax(sh, error, sh.name)
      throw new ExitShell(2)
    }
  }
}
