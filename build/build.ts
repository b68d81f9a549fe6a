/**
 * npm run build: the interface (vite), the session worker, the command and the desktop host (esbuild), each below dist/.
 * A target is skipped while the sources that it reads are as they were at its last build; `--force` builds all, names of targets only those.
 */
import { build as esbuild, type BuildOptions } from 'esbuild'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build as vite } from 'vite'
import { fingerprint } from './fingerprint.ts'
import uiConfig from './vite.ui.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const recordFile = join(dist, 'built.json')

interface Target {
  readonly name: string
  /** What it reads, besides the lockfile and build/. */
  readonly sources: readonly string[]
  readonly entry: string
  readonly outputs: readonly string[]
  run(): Promise<unknown>
}

const shared: BuildOptions = { bundle: true, absWorkingDir: root, target: 'es2023', legalComments: 'none', logLevel: 'warning', charset: 'utf8', sourcemap: true }

const engine = ['src/base', 'src/engine', 'src/shell', 'src/programs', 'src/course', 'src/session', 'src/contract']
/** What a log of a sitting names its engine by: the content of the sources, wherever they lie. */
const engineBuild = { ENGINE_BUILD: JSON.stringify(fingerprint(root, engine).slice(0, 12)) }
const hostSide = ['src/base', 'src/contract', 'src/course', 'src/host']

/** A bundle that some libraries inside expect to be able to `require` Node's own modules from. */
const requireBanner = "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

/** The command starts through a small file that turns on V8's code cache before the bundle is read. */
const launcher = `#!/usr/bin/env node
import module from 'node:module'
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 14)) {
  console.error('kubedrill needs Node 22.14 or newer; "npm run -s kubedrill --" brings its own.')
  process.exit(1)
}
module.enableCompileCache?.()
await import('./main.js')
`

const targets: readonly Target[] = [
  {
    name: 'interface',
    sources: ['src/base', 'src/contract', 'src/ui'],
    entry: 'src/ui/index.html',
    outputs: ['ui/index.html'],
    run: () => {
      rmSync(join(dist, 'ui/assets'), { recursive: true, force: true })
      return vite(uiConfig)
    },
  },
  {
    name: 'session worker',
    sources: engine,
    entry: 'src/session/worker.ts',
    outputs: ['ui/session-worker.js'],
    run: () => esbuild({ ...shared, entryPoints: ['src/session/worker.ts'], outfile: 'dist/ui/session-worker.js', define: engineBuild, format: 'esm', platform: 'browser', minifySyntax: true, minifyWhitespace: true }),
  },
  {
    name: 'command',
    sources: [...engine, ...hostSide, 'src/web', 'src/cli'],
    entry: 'src/cli/kubedrill.ts',
    outputs: ['cli/main.js', 'cli/kubedrill.js'],
    run: async () => {
      await esbuild({
        ...shared,
        entryPoints: ['src/cli/kubedrill.ts'],
        outfile: 'dist/cli/main.js',
        define: engineBuild,
        format: 'esm',
        platform: 'node',
        external: ['better-sqlite3'],
        banner: { js: requireBanner },
      })
      writeFileSync(join(dist, 'cli/kubedrill.js'), launcher, { mode: 0o755 })
    },
  },
  {
    name: 'desktop host',
    sources: [...hostSide, 'electron'],
    entry: 'electron/main.ts',
    outputs: ['electron/main.cjs', 'electron/preload.cjs'],
    run: async () => {
      const options: BuildOptions = { ...shared, format: 'cjs', platform: 'node', external: ['electron', 'better-sqlite3'] }
      await esbuild({ ...options, entryPoints: ['electron/main.ts'], outfile: 'dist/electron/main.cjs' })
      await esbuild({ ...options, entryPoints: ['electron/preload.ts'], outfile: 'dist/electron/preload.cjs', sourcemap: false })
    },
  },
]

/** Builds what is stale; `say` gets one plain line per step. Throws when a step fails. `only`: names of targets; all without it. */
export async function buildAll(say: (line: string) => void, force = false, only: readonly string[] = []): Promise<void> {
  mkdirSync(dist, { recursive: true })
  let record: Record<string, string> = {}
  try {
    record = JSON.parse(readFileSync(recordFile, 'utf8')) as Record<string, string>
  } catch {
    // No build yet, or an unreadable record: everything is built.
  }
  for (const target of targets) {
    if (only.length > 0 && !only.includes(target.name)) continue
    if (!existsSync(join(root, target.entry))) {
      say(`${target.name}: ${target.entry} does not exist, left out`)
      continue
    }
    const now = fingerprint(root, [...target.sources, 'build/build.ts', 'build/vite.ui.ts', 'package-lock.json'])
    const present = target.outputs.every((file) => existsSync(join(dist, file)))
    if (!force && present && record[target.name] === now) continue
    const started = performance.now()
    try {
      await target.run()
    } catch (error) {
      // esbuild has printed its errors already; vite's are in the message.
      const text = error instanceof Error ? error.message : String(error)
      throw new Error(text.startsWith('Build failed with') ? `${target.name}: not built` : `${target.name}: not built: ${text}`, { cause: error })
    }
    record[target.name] = now
    writeFileSync(recordFile, JSON.stringify(record, null, 2))
    say(`${target.name}: built in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }
}

/** For the commands: a failed step ends the program with its line and no stack. */
export async function buildOrExit(...args: Parameters<typeof buildAll>): Promise<void> {
  try {
    await buildAll(...args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}

if (import.meta.main) {
  const force = process.argv.includes('--force')
  if (force) rmSync(dist, { recursive: true, force: true })
  const started = performance.now()
  await buildOrExit((line) => console.log(line), force, process.argv.slice(2).filter((a) => !a.startsWith('--')))
  console.log(`dist/ is up to date (${((performance.now() - started) / 1000).toFixed(1)} s)`)
}
