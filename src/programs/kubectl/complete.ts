/** cobra's `__complete` for kubectl. */
import type { Process } from '#engine/machine/process.ts'
import { dialNetwork } from './client/network.ts'
import type { Dial } from './cli/invocation.ts'

/** Candidates for the last word, and cobra's directive (4: no files). */
export async function completeWords(_process: Process, _words: readonly string[], _dial: Dial): Promise<{ readonly candidates: readonly string[]; readonly directive: number }> {
  return { candidates: [], directive: 4 }
}

/** What may stand at `words[index]`; words[0] is `kubectl` or its alias. */
export async function complete(process: Process, words: readonly string[], index: number): Promise<readonly string[]> {
  return (await completeWords(process, words.slice(1, index + 1), dialNetwork)).candidates
}
