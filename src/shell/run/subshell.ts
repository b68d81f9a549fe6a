/** A copy of the shell that runs in a child process. */
import type { Process } from '#engine/machine/process.ts'
import type { Shell } from '../state.ts'
import { outcome } from './source.ts'
import { installTraps, runExitTrap } from './traps.ts'

/** Runs `body` on a forked shell; its EXIT trap runs at the end. */
export async function runSubshell(parent: Shell, process: Process, body: (sub: Shell) => Promise<number>): Promise<number> {
  const sub = parent.fork(process)
  installTraps(sub)
  try {
    sub.status = await body(sub)
  } catch (error) {
    sub.status = outcome(sub, error)
  }
  return runExitTrap(sub, sub.status)
}
