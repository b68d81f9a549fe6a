import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import Database from 'better-sqlite3'
import { migrations, type Sqlite } from './database.ts'
import { defaultDataDir } from './data-dir.ts'
import { openHost } from './host.ts'
import { readStatic } from './static.ts'

const Sql = Database as unknown as new (path: string) => Sqlite
const day = 86_400_000
let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'kubedrill-host-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (now = 0) => openHost({ contentDir: folder, dataDir: folder, now: () => now })
const opened = { at: 1, kind: 'lab-opened', id: 'x' } as const

test('what was recorded is there at the next start', () => {
  const first = start()
  first.methods.record(opened)
  first.close()
  const second = start()
  expect(second.methods.notices()).toEqual([])
  expect(JSON.parse(second.methods.exportData() as string).events).toEqual([opened])
  second.close()
})
test('a damaged database is put aside with its bytes, and a new one begins', () => {
  writeFileSync(join(folder, 'kubedrill.db'), 'this is no database, but somebody may want it back')
  const host = start(Date.UTC(2030, 0, 2))
  const [notice] = host.methods.notices() as { level: string; message: string }[]
  expect(notice?.level).toBe('warning')
  expect(notice?.message).toContain('kubedrill.aside-2030-01-02T00-00-00.db')
  expect(readFileSync(join(folder, 'kubedrill.aside-2030-01-02T00-00-00.db'), 'utf8')).toContain('somebody may want it back')
  host.methods.record(opened)
  host.close()
})
test('a database of another program, or of a newer Kubedrill, is not written to', () => {
  const foreign = new Sql(join(folder, 'kubedrill.db'))
  foreign.exec("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')")
  foreign.close()
  const one = start(1)
  expect(one.methods.notices()).toMatchObject([{ message: expect.stringContaining('it belongs to another program') }])
  one.close()
  const newer = new Sql(join(folder, 'kubedrill.db'))
  newer.pragma('user_version = 99')
  newer.close()
  const two = start(2)
  expect(two.methods.notices()).toMatchObject([{ message: expect.stringContaining('newer Kubedrill') }])
  two.close()
  const aside = readdirSync(folder).filter((f) => f.startsWith('kubedrill.aside') && f.endsWith('.db'))
  expect(aside.length).toBe(2)
  const kept = aside.map((f) => new Sql(join(folder, f))).map((db) => db.prepare("SELECT name FROM sqlite_schema WHERE name IN ('recipes', 'events')").all().map((r) => r['name']))
  expect(kept.flat().sort()).toEqual(['events', 'recipes'])
})
test('a database of the first format goes on, and keeps results from now on', () => {
  const old = new Sql(join(folder, 'kubedrill.db'))
  old.exec(migrations[0]!)
  old.exec(`INSERT INTO events (at, kind, body) VALUES (1, 'lab-opened', '${JSON.stringify(opened)}')`)
  old.pragma('user_version = 1')
  old.pragma('application_id = 1262634066')
  old.close()
  const host = start()
  expect(host.methods.notices()).toEqual([])
  const results = { at: 5, points: 1, outOf: 1, tasks: [] }
  host.methods.saveResults('lab:x', results)
  expect(host.methods.results('lab:x')).toEqual(results)
  expect(JSON.parse(host.methods.exportData() as string)).toMatchObject({ events: [opened], results: { 'lab:x': results } })
  host.close()
})
test('one backup a day, old ones go, three stay', async () => {
  start(0).close()
  const first = start(0)
  first.methods.record(opened)
  first.close()
  for (const n of [1, 1.5, 2, 3, 40]) start(n * day).close()
  const host = start(40.2 * day)
  expect((await host.methods.backups()).map((b) => b.at / day)).toEqual([40, 3, 2])
  host.close()
})
test('a setting of an older format falls back to its default', () => {
  const host = start()
  host.methods.changeSettings({ theme: 'dark' })
  host.close()
  const db = new Sql(join(folder, 'kubedrill.db'))
  db.exec(`UPDATE settings SET value = '"sepia"' WHERE name = 'theme'; INSERT INTO settings VALUES ('gone', '1')`)
  db.close()
  const again = start()
  expect(again.methods.settings()).toMatchObject({ theme: 'system' })
  again.close()
})
test('the data folder of each system', () => {
  expect([defaultDataDir('linux', {}, '/home/a'), defaultDataDir('linux', { XDG_DATA_HOME: '/d' }, '/home/a'), defaultDataDir('darwin', {}, '/Users/a')]).toEqual(['/home/a/.local/share/kubedrill', '/d/kubedrill', '/Users/a/Library/Application Support/Kubedrill'])
})
test('files are read below their folder only', async () => {
  writeFileSync(join(folder, 'index.html'), 'hello')
  writeFileSync(join(folder, 'secret.key'), 'x')
  expect((await readStatic(folder, '/'))?.body.toString()).toBe('hello')
  for (const path of ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/hosts.html', '/secret.key', '/nothing.html', '/%E0%A4%A', '/a%00.html']) expect(await readStatic(folder, path)).toBeUndefined()
  expect(existsSync(join(folder, 'index.html'))).toBe(true)
})
