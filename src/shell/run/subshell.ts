/** A copy of the shell that runs in a child process. */
import type { Process } from '#engine/machine/process.ts'
import type { Shell } from '../state.ts'
import { outcome } from './source.ts'
import { installTraps, runExitTrap } from './traps.ts'

/**
 * Takes the copy now, as fork does, and gives what the child runs: the parent may have gone on (the next turn of a loop that starts
 * background jobs) before the child's first step. Its EXIT trap runs at the end.
 */
export function subshellOf(parent: Shell, body: (sub: Shell, process: Process) => Promise<number>): (process: Process) => Promise<number> {
  const sub = parent.fork(parent.process)
  return async (process) => {
    sub.inhabit(process)
    installTraps(sub)
    try {
      sub.status = await body(sub, process)
    } catch (error) {
      sub.status = outcome(sub, error)
    }
    return runExitTrap(sub, sub.status)
  }
}
