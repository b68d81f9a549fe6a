/**
 * The seam between the shell's tab key and programs that complete themselves: a table from command name to `Completer`, handed in where
 * the shell is made. `complete -W/-F/-C …` specs that users set live here as plain data.
 */
import type { Process } from '#engine/machine/process.ts'

/** Candidates for `words[index]` (words[0] is the command); whole words, not endings. A trailing `=`, `/` or `:` asks for no blank behind it. */
export type Completer = (process: Process, words: readonly string[], index: number) => Promise<readonly string[]>

export interface CompletionSpec {
  readonly words?: string
  readonly command?: string
  readonly function?: string
  readonly options: readonly string[]
  readonly actions: readonly string[]
  /** As `complete -p` prints it. */
  readonly text: string
}
