/** Callbacks that wait for one change of state (a kernel wait queue). Each is called once, in order of arrival. */
export class WaitQueue {
  #waiters = new Set<() => void>()

  /** Returns how to stop waiting. */
  add(waiter: () => void): () => void {
    const entry = () => waiter()
    this.#waiters.add(entry)
    return () => this.#waiters.delete(entry)
  }

  wake(): void {
    if (this.#waiters.size === 0) return
    const waiters = this.#waiters
    this.#waiters = new Set()
    for (const waiter of waiters) waiter()
  }

  get size(): number {
    return this.#waiters.size
  }
}
