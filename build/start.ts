/**
 * npm start: builds what is stale, then opens the desktop app where Electron's binary is present; otherwise says so in one
 * line and serves the same app on 127.0.0.1. `--web` takes the second way at once, `--no-open` opens no browser, `--port N` sets the port.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildOrExit } from './build.ts'

const root = join(import.meta.dirname, '..')
const args = process.argv.slice(2)

/** The path of Electron's program, or why there is none. */
function findElectron(): { program: string } | { reason: string } {
  const folder = join(root, 'node_modules/electron')
  if (!existsSync(folder)) return { reason: 'Electron is not installed' }
  try {
    const program = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8').trim())
    if (existsSync(program)) return { program }
  } catch {
    // path.txt is written together with the binary.
  }
  return { reason: "Electron's own binary is not here (npx install-electron fetches it)" }
}

function hasDisplay(): boolean {
  return process.platform !== 'linux' || Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY'])
}

await buildOrExit((line) => console.log(line))

const electron = findElectron()
const wantWeb = args.includes('--web')
if ('program' in electron && hasDisplay() && !wantWeb) {
  const child = spawn(electron.program, [join(root, 'dist/electron/main.cjs')], { stdio: 'inherit', cwd: root })
  child.on('error', (error) => {
    console.error(`The desktop app did not start: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code) => (process.exitCode = code ?? 1))
} else {
  if (!wantWeb) console.log(`${'reason' in electron ? electron.reason : 'There is no display'}, so the same app is served to your browser.`)
  const { startWeb } = await import('./start-web.ts')
  await startWeb({ port: args.includes('--port') ? Number(args[args.indexOf('--port') + 1]) : undefined, open: !args.includes('--no-open') })
}
