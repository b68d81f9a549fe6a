/** A readline-like editor; see keys.ts. */
import type { Shell } from '../state.ts'

export async function editLine(sh: Shell, prompt: string): Promise<string | undefined> {
  await sh.write(2, prompt.replace(/[\x01\x02]/g, ''))
  return sh.process.stdin.readLine()
}
