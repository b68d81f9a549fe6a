/**
 * The SQLite file: opening, migrations by user_version, and what happens with a file that is damaged, foreign or newer than this
 * program. Such a file is renamed, never written to; the learner is told its new name.
 */
import Database from 'better-sqlite3'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { HostNotice } from '#contract/host-api.ts'

/** The slice of better-sqlite3 that this room uses (the package ships no types). */
export interface Statement {
  run(...values: unknown[]): { readonly changes: number }
  get(...values: unknown[]): Record<string, unknown> | undefined
  all(...values: unknown[]): Record<string, unknown>[]
}
export interface Sqlite {
  prepare(sql: string): Statement
  exec(sql: string): void
  pragma(text: string, options?: { simple: boolean }): unknown
  transaction<A extends unknown[]>(body: (...args: A) => void): (...args: A) => void
  close(): void
}
const open = Database as unknown as new (path: string, options?: { readonly?: boolean; fileMustExist?: boolean }) => Sqlite

/** "KBDR": says in the file's header whose it is. */
const applicationId = 0x4b424452

/** Step n brings user_version from n to n + 1. Never change a step that was released; add one. */
export const migrations: readonly string[] = [
  `CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
   CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE sittings (key TEXT PRIMARY KEY, head TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
   CREATE TABLE sitting_inputs (key TEXT NOT NULL REFERENCES sittings(key) ON DELETE CASCADE, n INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (key, n)) WITHOUT ROWID;
   CREATE TABLE exam_state (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);`,
  `CREATE TABLE results (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;`,
]

const fileName = 'kubedrill.db'
export const databasePath = (dataDir: string): string => join(dataDir, fileName)

/** Why a file cannot be used as our database, or undefined where it can. */
export function findFault(path: string): string | undefined {
  let db: Sqlite | undefined
  try {
    db = new open(path, { readonly: true, fileMustExist: true })
    if (db.pragma('quick_check', { simple: true }) !== 'ok') return 'it is damaged'
    const tables = db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get()?.['n']
    if (tables !== 0 && db.pragma('application_id', { simple: true }) !== applicationId) return 'it belongs to another program'
    const version = db.pragma('user_version', { simple: true }) as number
    if (version > migrations.length) return `it was written by a newer Kubedrill (format ${version}, this one knows ${migrations.length})`
    return undefined
  } catch (error) {
    return `it cannot be read as a database (${error instanceof Error ? error.message : String(error)})`
  } finally {
    db?.close()
  }
}

/** Renames the file and what SQLite keeps beside it; returns the new name. */
function putAside(dataDir: string, now: number): string {
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')
  let name = `kubedrill.aside-${stamp}.db`
  for (let n = 2; existsSync(join(dataDir, name)); n++) name = `kubedrill.aside-${stamp}-${n}.db`
  for (const tail of ['', '-wal', '-shm']) {
    const from = databasePath(dataDir) + tail
    if (existsSync(from)) renameSync(from, join(dataDir, name + tail))
  }
  return name
}

function migrate(db: Sqlite): void {
  const version = db.pragma('user_version', { simple: true }) as number
  for (let step = version; step < migrations.length; step++) {
    db.transaction(() => {
      db.exec(migrations[step]!)
      db.pragma(`user_version = ${step + 1}`)
      db.pragma(`application_id = ${applicationId}`)
    })()
  }
}

export function openDatabase(dataDir: string, now: number): { readonly db: Sqlite; readonly notices: readonly HostNotice[] } {
  mkdirSync(dataDir, { recursive: true })
  const notices: HostNotice[] = []
  const path = databasePath(dataDir)
  if (existsSync(path)) {
    const fault = findFault(path)
    if (fault !== undefined) {
      const name = putAside(dataDir, now)
      notices.push({
        level: 'warning',
        message: `The database of your progress could not be used: ${fault}. It was kept as ${join(dataDir, name)} and a new one was begun. Settings › Data can bring back a backup.`,
      })
    }
  }
  const db = new open(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('busy_timeout = 3000')
  migrate(db)
  return { db, notices }
}
