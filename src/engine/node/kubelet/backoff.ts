/** client-go's flowcontrol.Backoff: per key a delay that doubles from `initial` to `max` and is forgotten after twice `max` of quiet. */
export class Backoff {
  readonly #entries = new Map<string, { delay: number; updated: number }>()
  readonly #initial: number
  readonly #max: number
  readonly #now: () => number

  constructor(initial: number, max: number, now: () => number) {
    this.#initial = initial
    this.#max = max
    this.#now = now
  }

  get(key: string): number {
    return this.#entries.get(key)?.delay ?? 0
  }

  next(key: string, at: number): void {
    const entry = this.#entries.get(key)
    if (!entry || at - entry.updated > 2 * this.#max) this.#entries.set(key, { delay: this.#initial, updated: this.#now() })
    else this.#entries.set(key, { delay: Math.min(entry.delay * 2, this.#max), updated: this.#now() })
  }

  /** Is the time since `at` shorter than the key's delay? */
  isInBackoffSince(key: string, at: number): boolean {
    const entry = this.#entries.get(key)
    if (!entry || at - entry.updated > 2 * this.#max) return false
    return this.#now() - at < entry.delay
  }

  /** The same against the last update. */
  isInBackoff(key: string, at: number): boolean {
    const entry = this.#entries.get(key)
    if (!entry || at - entry.updated > 2 * this.#max) return false
    return at - entry.updated < entry.delay
  }

  remaining(key: string, at: number): number {
    const entry = this.#entries.get(key)
    return entry ? Math.max(0, at + entry.delay - this.#now()) : 0
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }
}
