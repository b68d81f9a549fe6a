/** client-go's rate-limited work queue on the virtual clock: keys, never twice at once, exponential back-off on failure (5 ms … 1000 s). */
import type { Sim } from '#engine/sim/sim.ts'

export class WorkQueue {
  readonly #sim: Sim
  readonly #handle: (key: string) => void
  readonly #queued = new Set<string>()
  readonly #failures = new Map<string, number>()
  /** Keys handled so far: a measure of work for benchmarks. */
  handled = 0

  /** `handle` throws to have the key retried after a back-off. */
  constructor(sim: Sim, handle: (key: string) => void) {
    this.#sim = sim
    this.#handle = handle
  }

  add(key: string): void {
    this.addAfter(key, 0)
  }

  /** A key that waits already is not queued twice, whatever its delay was. */
  addAfter(key: string, delay: number, options: { readonly background?: boolean } = {}): void {
    if (delay > 0) {
      this.#sim.after(delay, () => this.add(key), options)
      return
    }
    if (this.#queued.has(key)) return
    this.#queued.add(key)
    this.#sim.after(0, () => {
      this.#queued.delete(key)
      this.handled++
      try {
        this.#handle(key)
        this.#failures.delete(key)
      } catch (error) {
        const failures = this.#failures.get(key) ?? 0
        this.#failures.set(key, failures + 1)
        if (!this.onError?.(key, error)) this.addAfter(key, Math.min(5 * 2 ** failures, 1_000_000))
      }
    })
  }

  /** Sees each error; return true to drop the key instead of retrying. Unexpected (non-API) errors should be thrown on. */
  onError: ((key: string, error: unknown) => boolean | void) | undefined
}
