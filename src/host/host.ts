/**
 * HostApi on a disk: the course from a content folder, the learner's data from a data folder. Arguments may come over HTTP or IPC, so
 * each is checked here; ids are looked up in the course, never joined to a path.
 */
import { Emitter } from '#base/emitter.ts'
import type { Implementation } from '#contract/channel.ts'
import type { HostMethods, HostNotice, Progress } from '#contract/host-api.ts'
import { assertBackup, keepBackups, listBackups, makeBackup, putBack } from './backups.ts'
import { openContent, type Content } from './content.ts'
import { openDatabase } from './database.ts'
import { Store } from './store.ts'
import { assertEvent, assertExamState, assertExported, assertInputs, assertLog, assertNumber, assertResults, assertSettings, assertText } from './validate.ts'

export interface HostOptions {
  /** The folder with lessons/ and labs/. */
  readonly contentDir: string
  readonly dataDir: string
  /** The wall clock, ms. */
  readonly now?: () => number
  /** For tests: a course that is not on the disk. */
  readonly content?: Content
}

export interface Host {
  readonly methods: Implementation<HostMethods>
  readonly notice: Emitter<HostNotice>
  close(): void
}

export function openHost(options: HostOptions): Host {
  const now = options.now ?? (() => Date.now())
  const { dataDir } = options
  const content = options.content ?? openContent(options.contentDir)
  const notice = new Emitter<HostNotice>()
  const opened = openDatabase(dataDir, now())
  let db = opened.db
  let store = new Store(db)
  keepBackups(db, dataDir, now())
  const progress = (): Progress => content.progress(store.events(), now())

  const methods: Implementation<HostMethods> = {
    course: () => content.tree(),
    lesson: (id) => content.lesson(assertText(id)),
    lab: (id) => content.lab(assertText(id)),
    progress,
    record: (event) => {
      store.appendEvent(assertEvent(event))
      return progress()
    },
    settings: () => store.settings(),
    changeSettings: (change) => store.changeSettings(assertSettings(change)),
    sitting: (key) => store.sitting(assertText(key)),
    saveSitting: (key, log) => store.saveSitting(assertText(key), assertLog(log)),
    appendSitting: (key, from, inputs, until) => store.appendSitting(assertText(key), assertNumber(from), assertInputs(inputs), assertNumber(until)),
    dropSitting: (key) => store.dropSitting(assertText(key)),
    results: (key) => store.results(assertText(key)),
    saveResults: (key, results) => store.saveResults(assertText(key), results == null ? undefined : assertResults(results)),
    examState: () => store.examState(),
    saveExamState: (state) => store.saveExamState(state == null ? undefined : assertExamState(state)),
    notices: () => opened.notices,
    exportData: () => JSON.stringify(store.export(now()), null, 1),
    importData: (text) => {
      let value: unknown
      try {
        value = JSON.parse(assertText(text))
      } catch {
        throw new Error('the file is not JSON')
      }
      const data = assertExported(value)
      makeBackup(db, dataDir, now())
      store.import(data)
      return progress()
    },
    backups: () => listBackups(dataDir),
    backup: () => makeBackup(db, dataDir, now()),
    restore: (name) => {
      assertBackup(dataDir, assertText(name))
      makeBackup(db, dataDir, now())
      db.close()
      try {
        putBack(dataDir, name)
      } finally {
        db = openDatabase(dataDir, now()).db
        store = new Store(db)
      }
      return progress()
    },
    deleteData: () => {
      makeBackup(db, dataDir, now())
      store.clear()
      return progress()
    },
  }
  return { methods, notice, close: () => db.close() }
}

export function createHost(options: HostOptions): Implementation<HostMethods> {
  return openHost(options).methods
}
