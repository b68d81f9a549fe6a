/** Starting children: what an interactive shell ignores for itself is back at its default in them. */
import type { Child, Signal, SpawnOptions } from '#engine/machine/process.ts'
import type { Shell } from '../state.ts'

const own: readonly Signal[] = ['SIGTERM', 'SIGQUIT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']

/** Keeps the shell's own files (a coprocess's pipes) from its children. */
export function spawn(sh: Shell, options: SpawnOptions): Child {
  if (sh.private.size === 0) return start(sh, options)
  const fds = sh.process.fds
  const kept = [...sh.private].map((fd) => [fd, fds.get(fd)] as const)
  for (const [fd] of kept) fds.delete(fd)
  try {
    return start(sh, options)
  } finally {
    for (const [fd, file] of kept) if (file) fds.set(fd, file)
  }
}

function start(sh: Shell, options: SpawnOptions): Child {
  if (!sh.interactive || sh.subshell) return sh.process.spawn(options)
  const free = own.filter((s) => !sh.traps.has(s.slice(3)))
  for (const s of free) sh.process.onSignal(s, undefined)
  try {
    return sh.process.spawn(options)
  } finally {
    for (const s of free) sh.process.onSignal(s, 'ignore')
  }
}
