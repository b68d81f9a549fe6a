/** The systemd journal of a host: entries in order of time, kept up to a limit (old ones are rotated away). */
import { Emitter } from '#base/emitter.ts'
import type { Sim } from '#engine/sim/sim.ts'
import type { Journal, JournalEntry } from './machine.ts'

const limit = 20_000

export class MemoryJournal implements Journal {
  readonly #sim: Sim
  #entries: JournalEntry[] = []
  readonly #added = new Emitter<JournalEntry>()

  constructor(sim: Sim) {
    this.#sim = sim
  }

  append(entry: { readonly unit: string; readonly identifier: string; readonly pid: number; readonly priority?: number; readonly message: string }): void {
    const full: JournalEntry = { time: this.#sim.now, priority: 6, ...entry }
    this.#entries.push(full)
    if (this.#entries.length > limit) this.#entries = this.#entries.slice(limit / 4)
    this.#added.emit(full)
  }

  read(filter: { readonly unit?: string; readonly since?: number; readonly until?: number } = {}): readonly JournalEntry[] {
    return this.#entries.filter((e) => (filter.unit === undefined || e.unit === filter.unit) && (filter.since === undefined || e.time >= filter.since) && (filter.until === undefined || e.time <= filter.until))
  }

  follow(listener: (entry: JournalEntry) => void): () => void {
    return this.#added.on(listener)
  }
}

/** Cuts a stream into lines; call `flush` at its end. */
export class LineSplitter {
  #rest = ''
  readonly #line: (line: string) => void

  constructor(line: (line: string) => void) {
    this.#line = line
  }

  feed(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#line(line)
  }

  flush(): void {
    if (this.#rest !== '') this.#line(this.#rest)
    this.#rest = ''
  }
}
