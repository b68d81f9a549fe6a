/**
 * Drives a Sim in which programs run. Between two events it lets every promise reaction finish: `drain` must resolve only
 * after the microtask queue is empty (a macrotask: setImmediate in Node, a MessageChannel in a worker). It is handed in
 * because the pure rooms have no macrotasks.
 */
import type { Sim } from './sim.ts'

export type Drain = () => Promise<void>

export class Runner {
  readonly #sim: Sim
  readonly #drain: Drain

  constructor(sim: Sim, drain: Drain) {
    this.#sim = sim
    this.#drain = drain
  }

  /** Lets programs that were woken run until each of them waits again. */
  async settlePrograms(): Promise<void> {
    while (this.#sim.takeWoken()) await this.#drain()
  }

  /**
   * Runs everything due up to `until` (virtual ms) and moves the clock there. Stops early, between two events, when `keepGoing`
   * says no (a frame's budget is used up); false then. Where it stops changes nothing about what happens.
   */
  async runUntil(until: number, keepGoing?: () => boolean): Promise<boolean> {
    await this.settlePrograms()
    let steps = 0
    while (this.#sim.step(until)) {
      await this.settlePrograms()
      if (keepGoing && (++steps & 15) === 0 && !keepGoing()) {
        this.#sim.pause()
        return false
      }
    }
    this.#sim.advanceTo(until)
    return true
  }

  async runFor(ms: number): Promise<void> {
    await this.runUntil(this.#sim.now + ms)
  }

  /** Steps until `done()` or until `limit` virtual ms have passed; true when done. The clock stays at the last event run. */
  async runWhile(pending: () => boolean, limit: number): Promise<boolean> {
    const end = this.#sim.now + limit
    await this.settlePrograms()
    while (pending()) {
      if (!this.#sim.step(end)) {
        this.#sim.advanceTo(end)
        return !pending()
      }
      await this.settlePrograms()
    }
    this.#sim.pause()
    return true
  }

  /** Runs until no foreground event is due within `quiet` ms, at most `limit` virtual ms: the cluster has come to rest. */
  async settle(quiet = 30_000, limit = 300_000): Promise<boolean> {
    const end = this.#sim.now + limit
    await this.settlePrograms()
    for (;;) {
      const next = this.#sim.nextForegroundAt
      if (next === undefined || next > this.#sim.now + quiet) return true
      if (next > end) return false
      await this.runUntil(next)
    }
  }
}
