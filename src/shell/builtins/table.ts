/** All builtins by name; all.ts fills the table. */
import type { Shell } from '../state.ts'

/** argv[0] is the builtin's name. Resolves to its exit status. */
export type Builtin = (sh: Shell, argv: readonly string[]) => Promise<number>

export const builtinTable = new Map<string, Builtin>()
export const builtins: ReadonlyMap<string, Builtin> = builtinTable

/** POSIX's special builtins. */
export const specialBuiltins: ReadonlySet<string> = new Set(['.', ':', 'break', 'continue', 'eval', 'exec', 'exit', 'export', 'readonly', 'return', 'set', 'shift', 'source', 'times', 'trap', 'unset'])
