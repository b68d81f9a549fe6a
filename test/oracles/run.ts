/**
 * npm run oracles -- [--json] [--show ID] [--failures] [--known] [--limit N] [COLLECTION…]
 *
 * Runs the collections found beside this file (every *.collection.ts). Prints a row per collection, or with --json one line each.
 * known/*.json list failing rows with their reasons: a failure that is not listed makes the exit code 1 with --known (CI), and so does
 * a listed row that passes now (the list shrinks). It never changes the counts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Collection, Outcome } from './collection.ts'

const here = import.meta.dirname
const shared = resolve(process.env['KUBEDRILL_SHARED'] ?? join(here, '../../../shared'))
const args = process.argv.slice(2)
const flag = (name: string) => args.includes(name)
const value = (name: string) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
const show = value('--show')
const limit = Number(value('--limit') ?? 'Infinity')
const names = args.filter((a, i) => !a.startsWith('--') && !['--show', '--limit'].includes(args[i - 1] ?? ''))

/** collection → reason → ids; one file for each group of collections. */
const known: Record<string, Record<string, string[]>> = {}
for (const file of readdirSync(join(here, 'known')).filter((f) => f.endsWith('.json'))) Object.assign(known, JSON.parse(readFileSync(join(here, 'known', file), 'utf8')))

const files = readdirSync(here).filter((f) => f.endsWith('.collection.ts')).sort()
const all: Collection[] = []
for (const file of files) {
  const module = (await import(join(here, file))) as { collections: readonly Collection[] }
  all.push(...module.collections)
}
all.sort((a, b) => (a.name < b.name ? -1 : 1))
const chosen = names.length === 0 ? all : all.filter((c) => names.some((n) => c.name === n || c.name.startsWith(n + '/')))
if (names.length > 0 && chosen.length === 0) {
  console.error(`no such collection; there are: ${all.map((c) => c.name).join(', ')}`)
  process.exit(2)
}

let unexpected = 0
if (!flag('--json') && !show) console.log('COLLECTION'.padEnd(32) + 'CASES'.padStart(7) + 'PASSED'.padStart(8) + 'FAILED'.padStart(8) + 'SKIPPED'.padStart(9) + '       %   SECONDS')
for (const c of chosen) {
  const cases = c.needs.every((n) => existsSync(join(shared, n))) ? (await c.load(shared)).slice(0, limit) : []
  const reasons = new Map(Object.entries(known[c.name] ?? {}).flatMap(([reason, ids]) => ids.map((id) => [id, reason] as const)))
  const count = { passed: 0, failed: 0, skipped: 0 }
  const failures: string[] = []
  const started = performance.now()
  for (const item of cases) {
    const id = c.id(item)
    if (show !== undefined && id !== show) continue
    let outcome: Outcome
    try {
      outcome = await c.run(item)
    } catch (error) {
      outcome = { result: 'failed', expected: 'an answer', actual: `the simulator threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` }
    }
    count[outcome.result]++
    if (outcome.result === 'failed') failures.push(id)
    if (outcome.result === 'failed' && !reasons.has(id) && flag('--known')) {
      unexpected++
      console.error(`${c.name}: new failure ${id}`)
    }
    if (outcome.result === 'passed' && reasons.has(id) && flag('--known')) {
      unexpected++
      console.error(`${c.name}: ${id} passes now, take it off the known differences ("${reasons.get(id)}")`)
    }
    if (show !== undefined) {
      console.log(`${c.name} ${id}: ${outcome.result}`)
      console.log(JSON.stringify(item, null, 1).slice(0, 20_000))
      if (outcome.result === 'failed') console.log(`--- expected\n${outcome.expected}\n--- actual\n${outcome.actual}`)
      if (outcome.result === 'skipped') console.log(outcome.reason)
    }
  }
  if (show !== undefined) continue
  const seconds = (performance.now() - started) / 1000
  if (flag('--json')) console.log(JSON.stringify({ collection: c.name, cases: cases.length, ...count }))
  else {
    const share = cases.length === 0 ? '–' : ((100 * count.passed) / cases.length).toFixed(1)
    console.log(c.name.padEnd(32) + [String(cases.length).padStart(7), String(count.passed).padStart(8), String(count.failed).padStart(8), String(count.skipped).padStart(9), share.padStart(8), seconds.toFixed(1).padStart(10)].join(''))
  }
  if (flag('--failures')) for (const id of failures) console.log(`  ${id}`)
}
if (unexpected > 0) process.exitCode = 1
