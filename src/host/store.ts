/**
 * The learner's data in SQLite: progress events (appended, never changed), settings, sittings (a head and its inputs, appended as the
 * learner works) and the running exam. Every method is one transaction; with WAL and synchronous=FULL an answered call is on the disk.
 */
import type { ExamState, ProgressEvent, Settings } from '#contract/host-api.ts'
import type { GradeResult, SittingInput, SittingLog } from '#contract/session-api.ts'
import type { Sqlite } from './database.ts'
import { settleSettings, type ExportedData } from './validate.ts'

export class Store {
  readonly #db: Sqlite

  constructor(db: Sqlite) {
    this.#db = db
  }

  events(): readonly ProgressEvent[] {
    return this.#db.prepare('SELECT body FROM events ORDER BY seq').all().map((row) => JSON.parse(row['body'] as string) as ProgressEvent)
  }

  appendEvent(event: ProgressEvent): void {
    this.#db.prepare('INSERT INTO events (at, kind, body) VALUES (?, ?, ?)').run(Math.round(event.at), event.kind, JSON.stringify(event))
  }

  storedSettings(): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    for (const row of this.#db.prepare('SELECT name, value FROM settings').all()) out[row['name'] as string] = JSON.parse(row['value'] as string)
    return out
  }

  settings(): Settings {
    return settleSettings(this.storedSettings())
  }

  changeSettings(change: Partial<Settings>): Settings {
    const put = this.#db.prepare('INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
    this.#db.transaction(() => {
      for (const [name, value] of Object.entries(change)) if (value !== undefined) put.run(name, JSON.stringify(value))
    })()
    return this.settings()
  }

  sittingKeys(): readonly string[] {
    return this.#db.prepare('SELECT key FROM sittings ORDER BY key').all().map((row) => row['key'] as string)
  }

  sitting(key: string): SittingLog | undefined {
    const head = this.#db.prepare('SELECT head, until FROM sittings WHERE key = ?').get(key)
    if (!head) return undefined
    const inputs = this.#db.prepare('SELECT body FROM sitting_inputs WHERE key = ? ORDER BY n').all(key)
    return {
      ...(JSON.parse(head['head'] as string) as Pick<SittingLog, 'version' | 'seed' | 'open' | 'engine'>),
      inputs: inputs.map((row) => JSON.parse(row['body'] as string) as SittingInput),
      until: head['until'] as number,
    }
  }

  saveSitting(key: string, log: SittingLog): void {
    this.#db.transaction(() => {
      this.#drop(key)
      const { version, seed, open, engine } = log
      this.#db.prepare('INSERT INTO sittings (key, head, until) VALUES (?, ?, ?)').run(key, JSON.stringify({ version, seed, open, engine }), log.until)
      this.#addInputs(key, 0, log.inputs)
    })()
  }

  appendSitting(key: string, from: number, inputs: readonly SittingInput[], until: number): void {
    this.#db.transaction(() => {
      const stored = this.#db.prepare('SELECT count(n) AS n FROM sitting_inputs WHERE key = ?').get(key)?.['n'] as number
      if (this.#db.prepare('UPDATE sittings SET until = ? WHERE key = ?').run(until, key).changes === 0) throw new Error(`no sitting ${key}`)
      if (from > stored) throw new Error(`sitting ${key} has ${stored} inputs, so none can be added at ${from}`)
      // What is there already is sent again after a lost answer.
      this.#addInputs(key, stored, inputs.slice(stored - from))
    })()
  }

  dropSitting(key: string): void {
    this.#db.transaction(() => {
      this.#drop(key)
      this.saveResults(key, undefined)
    })()
  }

  results(key: string): GradeResult | undefined {
    const row = this.#db.prepare('SELECT body FROM results WHERE key = ?').get(key)
    return row && (JSON.parse(row['body'] as string) as GradeResult)
  }

  saveResults(key: string, results: GradeResult | undefined): void {
    if (results) this.#db.prepare('INSERT INTO results (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body').run(key, JSON.stringify(results))
    else this.#db.prepare('DELETE FROM results WHERE key = ?').run(key)
  }

  examState(): ExamState | undefined {
    const row = this.#db.prepare('SELECT body FROM exam_state').get()
    return row && (JSON.parse(row['body'] as string) as ExamState)
  }

  saveExamState(state: ExamState | undefined): void {
    if (state) this.#db.prepare('INSERT INTO exam_state (one, body) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET body = excluded.body').run(JSON.stringify(state))
    else this.#db.prepare('DELETE FROM exam_state').run()
  }

  export(now: number): ExportedData {
    const sittings: Record<string, SittingLog> = {}
    for (const key of this.sittingKeys()) sittings[key] = this.sitting(key)!
    const results: Record<string, GradeResult> = {}
    for (const row of this.#db.prepare('SELECT key, body FROM results ORDER BY key').all()) results[row['key'] as string] = JSON.parse(row['body'] as string) as GradeResult
    const exam = this.examState()
    return { format: 'kubedrill-data', version: 1, exported: now, events: this.events(), settings: this.settings(), sittings, results, ...(exam && { exam }) }
  }

  /** Replaces everything. */
  import(data: ExportedData): void {
    this.#db.transaction(() => {
      this.clear()
      for (const event of data.events) this.appendEvent(event)
      this.changeSettings(data.settings)
      for (const [key, log] of Object.entries(data.sittings)) this.saveSitting(key, log)
      for (const [key, results] of Object.entries(data.results ?? {})) this.saveResults(key, results)
      this.saveExamState(data.exam)
    })()
  }

  clear(): void {
    this.#db.exec('DELETE FROM events; DELETE FROM settings; DELETE FROM sitting_inputs; DELETE FROM sittings; DELETE FROM results; DELETE FROM exam_state;')
  }

  #drop(key: string): void {
    this.#db.prepare('DELETE FROM sitting_inputs WHERE key = ?').run(key)
    this.#db.prepare('DELETE FROM sittings WHERE key = ?').run(key)
  }

  #addInputs(key: string, from: number, inputs: readonly SittingInput[]): void {
    const put = this.#db.prepare('INSERT INTO sitting_inputs (key, n, body) VALUES (?, ?, ?)')
    inputs.forEach((input, i) => put.run(key, from + i, JSON.stringify(input)))
  }
}
