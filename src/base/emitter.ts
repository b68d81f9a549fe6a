/** One event, many listeners, called in the order of subscription. */
export type Unsubscribe = () => void

export class Emitter<T> {
  #listeners = new Set<(value: T) => void>()

  on(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) listener(value)
  }

  get size(): number {
    return this.#listeners.size
  }
}
