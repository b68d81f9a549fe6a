/** Gathers the builtins of all families. A module of its own, as families look into the table themselves. */
import { basicBuiltins } from './basic.ts'
import { commandBuiltins } from './commands.ts'
import { completionBuiltins } from './complete.ts'
import { declareBuiltins } from './declare.ts'
import { directoryBuiltins } from './directories.ts'
import { jobBuiltins } from './jobs.ts'
import { optionBuiltins } from './options.ts'
import { readBuiltins } from './read.ts'
import { builtinTable } from './table.ts'
import { test } from './test.ts'
import { ulimit } from './ulimit.ts'

export function fillTable(): void {
  const all = [...basicBuiltins, ...commandBuiltins, ...completionBuiltins, ...declareBuiltins, ...directoryBuiltins, ...jobBuiltins, ...optionBuiltins, ...readBuiltins, ['test', test], ['[', test], ['ulimit', ulimit]] as const
  for (const [name, builtin] of all) builtinTable.set(name, builtin)
}
