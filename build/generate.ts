/** Regenerates everything that is generated and committed. Each step is also a check for staleness in the tests. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

for (const step of ['tsconfigs.ts', 'kinds.ts', 'kubectl.ts', 'kubectl-help.ts', 'explain.ts', 'reference.ts']) {
  const file = join(import.meta.dirname, step)
  if (!existsSync(file)) continue
  const run = spawnSync(process.execPath, [file], { stdio: 'inherit' })
  if (run.status !== 0) process.exit(run.status ?? 1)
}
