/** Questions that need a yes (cmd/util/cmdutil.go). */
import { Failure, type Run } from './run.ts'

export async function confirm(run: Run, action: string, question: string): Promise<void> {
  await run.process.stdout.write(`[${action}] ${question} [y/N]: `)
  const answer = (await run.process.stdin.readLine())?.trim().toLowerCase()
  if (answer !== 'y') throw new Failure("won't proceed; the user didn't answer (Y|y) in order to continue")
}
