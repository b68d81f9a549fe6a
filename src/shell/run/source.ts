/** Source text that runs in this shell (eval, traps, backquotes), and what is said about its syntax. */
import { Incomplete, ShellSyntaxError } from '../parser/ast.ts'
import { Parser } from '../parser/parser.ts'
import { BreakLoop, Discard, ExitShell, Interrupted, ReturnFrom } from '../state.ts'
import type { Shell } from '../state.ts'

/** The exit code that a control-flow exception means at the top of a shell; others pass on. */
export function outcome(sh: Shell, error: unknown): number {
  if (error instanceof ExitShell) return error.code
  if (error instanceof ReturnFrom) return error.code
  if (error instanceof Discard) return error.code
  if (error instanceof BreakLoop) return sh.status
  if (error instanceof Interrupted) return 130
  throw error
}

/** Prints a syntax error as bash does for a source of this name (undefined: an interactive line). */
export async function complainSyntax(sh: Shell, error: ShellSyntaxError, name: string | undefined): Promise<void> {
  const err = sh.process.fds.get(2)
  if (!err || error.message === '') return
  const head = sh.interactive && name === undefined ? `${sh.name}: ` : `${name ?? sh.name}: line ${error.line}: `
  let text = `${head}${error.message}\n`
  if (error.detail !== undefined) text += `${error.detailLine === undefined ? head : head.replace(`line ${error.line}:`, `line ${error.detailLine}:`)}${error.detail}\n`
  else if (error.echo !== undefined && !(sh.interactive && name === undefined)) text += `${head}\`${error.echo}'\n`
  await sh.write(2, text)
}

export async function warnHeredocs(sh: Shell, parser: Parser): Promise<void> {
  for (const w of parser.lexer.warnings.splice(0)) {
    const head = sh.interactive ? `${sh.name}: ` : `${sh.sourceName || sh.name}: line ${Math.max(w.start, w.line - 1)}: `
    await sh.write(2, `${head}warning: here-document at line ${w.start} delimited by end-of-file (wanted \`${w.delimiter}')\n`)
  }
}

/** Parses and runs a text in this shell; the result is the status of its last command. */
export async function runSource(sh: Shell, text: string, options: { readonly name: string; readonly line?: number; readonly keepDiscard?: boolean }): Promise<number> {
  const parser = new Parser(text, { aliases: sh.shopt('expand_aliases') ? sh.aliases : new Map(), line: options.line ?? 1, extglob: () => sh.shopt('extglob') })
  let status = 0
  for (;;) {
    let list
    try {
      list = parser.next()
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error
      const name = `${sh.source === 'file' && !['eval', 'command substitution', 'process substitution'].includes(options.name) ? options.name : `${sh.sourceName && sh.source !== '-c' ? sh.sourceName : sh.name}: ${options.name}`}`
      await complainSyntax(sh, error, name)
      sh.status = error instanceof Incomplete ? 2 : 2
      return sh.status
    }
    await warnHeredocs(sh, parser)
    if (!list) return status
    status = await sh.interpreter.executeList(sh, list)
  }
}
