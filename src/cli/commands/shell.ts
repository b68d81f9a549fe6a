/** kubedrill shell: a terminal on the workstation in this terminal, or a script run in virtual time. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { specOf } from '#session/lab.ts'
import { Sitting } from '#session/sitting.ts'
import { takeOptions } from '../options.ts'
import { drain } from '../world.ts'

export async function shell(args: readonly string[]): Promise<number> {
  const { options, rest } = takeOptions(args, ['cluster', 'seed'])
  const cluster = options['cluster'] ?? 'trio'
  const script = rest[0] === undefined ? undefined : readFileSync(rest[0], 'utf8')
  const sitting = await Sitting.begin({ seed: options['seed'] ?? String(Date.now()), open: { kind: 'sandbox', id: cluster, cluster }, spec: specOf(cluster), drain })
  if (script !== undefined) {
    const done = await sitting.perform(script)
    process.stdout.write(done.stdout)
    process.stderr.write(done.stderr)
    return done.exit
  }
  return interactive(sitting)
}

/** Virtual time follows the wall clock while somebody watches. */
async function interactive(sitting: Sitting): Promise<number> {
  const { stdin, stdout } = process
  const size = () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 })
  const queue: (() => Promise<void>)[] = []
  const later = (work: () => Promise<void>) => void queue.push(work)
  sitting.listeners = {
    onOutput: (_terminal, text) => stdout.write(text),
    onEditor: (terminal, request) => {
      const result = request.readOnly ? { saved: false, text: request.text } : editOutside(request.text, request.path)
      later(() => sitting.apply({ kind: 'editor', terminal, ...result }))
    },
  }
  await sitting.apply({ kind: 'terminal-open', terminal: 'main', ...size() })
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.on('data', (data: string) => later(() => sitting.apply({ kind: 'key', terminal: 'main', data })))
  stdin.on('end', () => later(() => sitting.apply({ kind: 'key', terminal: 'main', data: '\x04' })))
  stdout.on('resize', () => later(() => sitting.apply({ kind: 'resize', terminal: 'main', ...size() })))
  const { child } = sitting.terminals.get('main')!.session
  let wall = performance.now()
  while (child.status === undefined) {
    const now = performance.now()
    await sitting.runner.runUntil(sitting.sim.now + Math.min(now - wall, 1000), () => performance.now() - now < 50)
    wall = now
    for (const work of queue.splice(0)) await work()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  if (stdin.isTTY) stdin.setRawMode(false)
  stdin.destroy()
  return child.status.code
}

/** vi, nano and kubectl edit use the editor of this machine. */
function editOutside(text: string, path: string): { saved: boolean; text: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kubedrill-'))
  const file = join(folder, path.replace(/^.*\//, '') || 'file')
  try {
    writeFileSync(file, text)
    process.stdin.setRawMode?.(false)
    const run = spawnSync(process.env['EDITOR'] ?? 'vi', [file], { stdio: 'inherit' })
    process.stdin.setRawMode?.(true)
    const edited = readFileSync(file, 'utf8')
    return { saved: run.status === 0 && edited !== text, text: edited }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
