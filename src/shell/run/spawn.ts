/** Starting children: what an interactive shell ignores for itself is back at its default in them. */
import type { Child, Signal, SpawnOptions } from '#engine/machine/process.ts'
import type { Shell } from '../state.ts'

const own: readonly Signal[] = ['SIGTERM', 'SIGQUIT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']

export function spawn(sh: Shell, options: SpawnOptions): Child {
  if (!sh.interactive || sh.subshell) return sh.process.spawn(options)
  const free = own.filter((s) => !sh.traps.has(s.slice(3)))
  for (const s of free) sh.process.onSignal(s, undefined)
  try {
    return sh.process.spawn(options)
  } finally {
    for (const s of free) sh.process.onSignal(s, 'ignore')
  }
}
