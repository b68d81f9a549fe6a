/** Whether an in-process client can reach its API server. The cluster closes a gate when the server's process is gone or its road is cut. */
export class Gate {
  #open = true
  readonly #listeners: ((open: boolean) => void)[] = []

  get open(): boolean {
    return this.#open
  }

  set(open: boolean): void {
    if (open === this.#open) return
    this.#open = open
    for (const listener of [...this.#listeners]) listener(open)
  }

  onChange(listener: (open: boolean) => void): void {
    this.#listeners.push(listener)
  }

  /** Open only while all are open. */
  static all(...gates: readonly Gate[]): Gate {
    const gate = new Gate()
    const sync = () => gate.set(gates.every((g) => g.open))
    sync()
    for (const g of gates) g.onChange(sync)
    return gate
  }
}
