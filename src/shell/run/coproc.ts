/**
 * `coproc [NAME] command`: a background job whose input and output are pipes that the shell holds in the array NAME (execute_coproc).
 * One at a time in bash's eyes: a second one is started with a warning. Its files are the shell's alone: no child gets them.
 */
import type { OpenFile } from '#engine/machine/process.ts'
import type { Command } from '../parser/ast.ts'
import { setArray, setScalar, unset } from '../expand/variables.ts'
import { jobText } from '../print/command.ts'
import type { Shell } from '../state.ts'
import { announceJob } from './foreground.ts'
import { spawn } from './spawn.ts'
import { subshellOf } from './subshell.ts'

/** The highest free number from 63 down, as bash moves its own files out of the way. */
function hold(sh: Shell, file: OpenFile): number {
  let fd = 63
  while (sh.process.fds.has(fd)) fd--
  sh.process.fds.set(fd, file)
  sh.private.add(fd)
  return fd
}

function drop(sh: Shell): void {
  const old = sh.coproc
  if (!old) return
  for (const [fd, file] of old.files) {
    if (sh.process.fds.get(fd) !== file) continue
    sh.process.fds.delete(fd)
    file.release()
    sh.private.delete(fd)
  }
  unset(sh, old.name)
  unset(sh, `${old.name}_PID`)
  sh.coproc = undefined
}

export async function runCoproc(sh: Shell, command: Command & { kind: 'coproc' }): Promise<number> {
  const old = sh.coproc
  if (old && old.child.status === undefined) await sh.complain(`warning: execute_coproc: coproc [${old.child.pid}:${old.name}] still exists`)
  else drop(sh)
  const input = sh.process.pipe()
  const output = sh.process.pipe()
  const child = spawn(sh, {
    argv: [sh.name],
    fds: { 0: input.read, 1: output.write },
    ...(sh.monitor ? { newGroup: true } : {}),
    program: subshellOf(sh, (sub) => sub.interpreter.executeCommand(sub, command.body, true)),
  })
  input.read.release()
  output.write.release()
  const out = hold(sh, output.read)
  const into = hold(sh, input.write)
  sh.coproc = { name: command.name, child, files: [[out, output.read], [into, input.write]] }
  setArray(sh, command.name, [{ key: undefined, value: String(out) }, { key: undefined, value: String(into) }], false)
  setScalar(sh, `${command.name}_PID`, String(child.pid))
  sh.lastBackground = child.pid
  const job = sh.jobs.add([child], jobText({ kind: 'pipeline', commands: [command], negated: false, timed: '', errToo: [false] }), true, !sh.interactive)
  await announceJob(sh, job)
  return 0
}
