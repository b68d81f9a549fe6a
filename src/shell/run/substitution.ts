/** `$(…)`, backquotes, `<(…)` and `>(…)`: a subshell at the other end of a pipe. */
import type { Part } from '../parser/ast.ts'
import type { Shell } from '../state.ts'
import { expandString } from '../expand/word.ts'
import { FsError, strerror } from '#engine/machine/files.ts'
import { runSource } from './source.ts'
import { spawn } from './spawn.ts'
import { subshellOf } from './subshell.ts'

type CommandPart = Extract<Part, { kind: 'command' }>
type ProcessPart = Extract<Part, { kind: 'process' }>

export async function substituteCommand(sh: Shell, part: CommandPart): Promise<string> {
  // `$(<file)` reads the file itself.
  const only = part.program?.items[0]
  const simple = only?.command.first.commands[0]
  if (part.program?.items.length === 1 && only!.command.rest.length === 0 && simple?.kind === 'simple' && simple.words.length === 0 && simple.assignments.length === 0 && simple.redirects.length === 1 && simple.redirects[0]!.op === '<') {
    const path = await expandString(sh, simple.redirects[0]!.target)
    try {
      const text = sh.process.fs.readFile(path)
      sh.status = 0
      return text.replace(/\0/g, '').replace(/\n+$/, '')
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      await sh.complain(`${path}: ${strerror(error.code)}`)
      sh.status = 1
      return ''
    }
  }
  const { read, write } = sh.process.pipe()
  const child = spawn(sh, {
    argv: ['bash'],
    fds: { 1: write },
    program: subshellOf(sh, async (sub) => {
      sub.traceDepth++
      if (!sub.shopt('inherit_errexit') && !sub.posix) sub.options.delete('errexit')
      if (part.program && !part.backquoted) return sub.interpreter.executeList(sub, part.program)
      return runSource(sub, part.source, { name: 'command substitution', line: part.line })
    }),
  })
  write.release()
  const text = await read.readAll()
  read.release()
  const status = await child.wait()
  sh.status = status.code
  sh.substitutionStatus = status.code
  if (text.includes('\0')) await sh.complain('warning: command substitution: ignored null byte in input')
  return text.replace(/\0/g, '').replace(/\n+$/, '')
}

export async function substituteProcess(sh: Shell, part: ProcessPart): Promise<string> {
  const { read, write } = sh.process.pipe()
  const ours = part.direction === '<' ? read : write
  const theirs = part.direction === '<' ? write : read
  const child = spawn(sh, {
    argv: ['bash'],
    fds: { [part.direction === '<' ? 1 : 0]: theirs },
    program: subshellOf(sh, (sub) => runSource(sub, part.source, { name: 'process substitution', line: part.line })),
  })
  theirs.release()
  sh.lastBackground = child.pid
  let fd = 63
  while (sh.process.fds.has(fd)) fd--
  sh.process.fds.set(fd, ours)
  sh.substitutions.push({
    release: () => {
      sh.process.fds.delete(fd)
      ours.release()
    },
  })
  return `/dev/fd/${fd}`
}
