/**
 * npm run e2e [-- NAME…]: the browser cases (*.cases.ts) on the real build, in Debian's Chromium or the one named by KUBEDRILL_CHROMIUM. Without a
 * browser they are skipped and counted as such. `--out=FILE` writes {passed, failed, skipped} as JSON.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { World, type Case } from './world.ts'

const args = process.argv.slice(2)
const out = args.find((a) => a.startsWith('--out='))?.slice('--out='.length)
const names = args.filter((a) => !a.startsWith('--'))
const program = [process.env['KUBEDRILL_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find((p) => p !== undefined && p !== '' && existsSync(p))

const cases: Case[] = []
for (const file of readdirSync(import.meta.dirname).filter((f) => f.endsWith('.cases.ts')).sort()) {
  const module = (await import(join(import.meta.dirname, file))) as { cases: readonly Case[] }
  cases.push(...module.cases.filter((c) => names.length === 0 || names.some((n) => c.name.includes(n))))
}

let passed = 0
let failed = 0
let skipped = 0
if (program === undefined) {
  skipped = cases.length
  console.log(`No Chromium here: ${skipped} browser tests skipped (install Debian's chromium, or name one in KUBEDRILL_CHROMIUM).`)
} else {
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb'] })
  // A browser depends on the speed of its machine: a case that fails is tried once more, and says so.
  const tries = new Map<Case, number>()
  const queue = [...cases]
  for (let one = queue.shift(); one; one = queue.shift()) {
    const world = new World(browser)
    const started = performance.now()
    const again = tries.get(one) ?? 0
    tries.set(one, again + 1)
    try {
      await one.run(world)
      if (world.errors.length > 0) throw new Error(`the page reported errors:\n${world.errors.slice(0, 5).join('\n')}`)
      passed++
      console.log(`  ✓ ${one.name} (${((performance.now() - started) / 1000).toFixed(1)} s${again > 0 ? ', on the second try' : ''})`)
    } catch (error) {
      if (again === 0) queue.push(one)
      else failed++
      await world.shot(`failed-${one.name.replace(/[^a-z0-9]+/gi, '-')}`).catch(() => undefined)
      console.log(`  ✗ ${one.name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n    ${(error instanceof Error ? (world.errors.length > 0 ? `${error.message}\npage: ${world.errors.slice(0, 3).join('\n')}` : error.message) : String(error)).replaceAll('\n', '\n    ')}`)
    } finally {
      await world.end().catch(() => undefined)
    }
  }
  await browser.close()
}
if (out !== undefined) writeFileSync(out, JSON.stringify({ passed, failed, skipped }))
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
