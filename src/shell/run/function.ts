/** Shell functions and sourced files: frames, local scopes, positional parameters. */
import { ReturnFrom } from '../state.ts'
import type { Shell, ShellFunction } from '../state.ts'
import type { Command } from '../parser/ast.ts'
import { runTrap } from './traps.ts'

export async function defineFunction(sh: Shell, command: Command & { kind: 'function' }): Promise<number> {
  sh.functions.set(command.name, { name: command.name, body: command.body, source: sh.source === '-c' ? 'environment' : sh.sourceName || 'main' })
  return 0
}

export async function callFunction(sh: Shell, fn: ShellFunction, argv: readonly string[]): Promise<number> {
  if (sh.frames.length > 900) {
    await sh.complain(`${fn.name}: maximum function nesting level exceeded (1000)`)
    return 1
  }
  const params = sh.params
  const before = sh.traps.get('RETURN')
  const loops = sh.loops
  const line = sh.line
  const depth = sh.scopes.length
  sh.params = argv.slice(1)
  sh.loops = 0
  sh.scopes.push(new Map())
  sh.frames.push({ name: fn.name, source: fn.source, line: sh.line, isFunction: true })
  try {
    return await sh.interpreter.executeCommand(sh, fn.body, false)
  } catch (error) {
    if (error instanceof ReturnFrom) return error.code
    throw error
  } finally {
    const trap = sh.traps.get('RETURN')
    if (trap && (sh.option('functrace') || trap !== before)) await runTrap(sh, 'RETURN', trap)
    sh.frames.pop()
    sh.scopes.length = depth
    sh.params = params
    sh.loops = loops
    sh.line = line
  }
}
