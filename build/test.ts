/**
 * npm test: types, lint, unit, build, browser tests. Every step runs even when an earlier one failed, and the last line sums the tests:
 * `N passed, N failed`. A step that is no test of its own (types, lint, build) counts as one.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const results = join(root, 'test-results')
mkdirSync(results, { recursive: true })

let passed = 0
let failed = 0

function run(title: string, program: string, args: readonly string[]): boolean {
  console.log(`\n== ${title}`)
  const started = performance.now()
  const ended = spawnSync(program, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32', env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH'] ?? ''}` } })
  const ok = ended.status === 0
  console.log(`${title}: ${ok ? 'passed' : 'failed'} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  return ok
}
function step(title: string, program: string, args: readonly string[]): void {
  if (run(title, program, args)) passed++
  else failed++
}
/** A runner that writes its counts to a file. */
function counted(title: string, file: string, program: string, args: readonly string[]): void {
  rmSync(file, { force: true })
  const ok = run(title, program, args)
  let sum: { passed: number; failed: number } | undefined
  if (existsSync(file)) {
    const read = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>
    sum = { passed: read['numPassedTests'] ?? read['passed'] ?? 0, failed: read['numFailedTests'] ?? read['failed'] ?? 0 }
  }
  passed += sum?.passed ?? 0
  // A runner that fails without a failed test (a file that does not load) is one failure.
  failed += Math.max(sum?.failed ?? 0, ok ? 0 : 1)
}

const node = process.execPath
step('types', 'npm', ['run', '-s', 'types'])
step('lint', 'npm', ['run', '-s', 'lint'])
const unit = join(results, 'unit.json')
counted('unit', unit, node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${unit}`])
step('build', node, ['build/build.ts'])
const browser = join(results, 'browser.json')
counted('browser', browser, node, ['test/e2e/run.ts', `--out=${browser}`])

console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
