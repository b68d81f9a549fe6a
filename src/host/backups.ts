/** Whole copies of the database in `backups/`, made by VACUUM INTO: one a day, kept for fourteen days, the newest three for ever. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { databasePath, findFault, type Sqlite } from './database.ts'

const day = 86_400_000
const keptDays = 14
const keptAlways = 3
const pattern = /^kubedrill-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3})\.db$/

export interface Backup {
  readonly name: string
  readonly at: number
  readonly bytes: number
}

const folderOf = (dataDir: string) => join(dataDir, 'backups')

/** Newest first. */
export function listBackups(dataDir: string): readonly Backup[] {
  const folder = folderOf(dataDir)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .flatMap((name): Backup[] => {
      const m = pattern.exec(name)
      return m ? [{ name, at: Date.parse(`${m[1]}T${m[2]}:${m[3]}:${m[4]}.${m[5]}Z`), bytes: statSync(join(folder, name)).size }] : []
    })
    .sort((a, b) => b.at - a.at)
}

export function makeBackup(db: Sqlite, dataDir: string, now: number): string {
  const folder = folderOf(dataDir)
  mkdirSync(folder, { recursive: true })
  const name = `kubedrill-${new Date(now).toISOString().replaceAll(':', '-').replace('.', '-').replace('Z', '')}.db`
  rmSync(join(folder, name), { force: true })
  db.prepare('VACUUM INTO ?').run(join(folder, name))
  return name
}

/** The daily copy at the start, and the removal of old ones. An empty database is not worth one. */
export function keepBackups(db: Sqlite, dataDir: string, now: number): void {
  const newest = listBackups(dataDir)[0]
  const events = db.prepare('SELECT count(*) AS n FROM events').get()?.['n'] as number
  if (events > 0 && (newest === undefined || now - newest.at >= day)) makeBackup(db, dataDir, now)
  for (const old of listBackups(dataDir).slice(keptAlways)) if (now - old.at > keptDays * day) rmSync(join(folderOf(dataDir), old.name), { force: true })
}

/** Puts a backup in the database's place; the database must be closed. */
export function putBack(dataDir: string, name: string): void {
  for (const tail of ['-wal', '-shm']) rmSync(databasePath(dataDir) + tail, { force: true })
  copyFileSync(join(folderOf(dataDir), name), databasePath(dataDir))
}

export function assertBackup(dataDir: string, name: string): void {
  if (!listBackups(dataDir).some((b) => b.name === name)) throw new Error(`there is no backup ${name}`)
  const fault = findFault(join(folderOf(dataDir), name))
  if (fault !== undefined) throw new Error(`the backup ${name} cannot be used: ${fault}`)
}
