/** Whether an in-process client can reach its API server. The cluster closes a gate when the server's process is gone or its road is cut. */
export class Gate {
  #open = true
  /** Why it is closed, as Go says after `Get "URL": `. */
  reason = 'connection refused'
  /** Called before an answer is given: whoever minds the gate looks whether it should still be so. */
  refresh: (() => void) | undefined
  readonly #listeners: ((open: boolean) => void)[] = []

  get open(): boolean {
    this.refresh?.()
    return this.#open
  }

  /** As last seen. */
  get wasOpen(): boolean {
    return this.#open
  }

  set(open: boolean, reason?: string): void {
    if (reason !== undefined) this.reason = reason
    if (open === this.#open) return
    this.#open = open
    for (const listener of [...this.#listeners]) listener(open)
  }

  onChange(listener: (open: boolean) => void): void {
    this.#listeners.push(listener)
  }

  /** Open only while all are open. The last of the closed ones says why. */
  static all(...gates: readonly Gate[]): Gate {
    const gate = new Gate()
    const sync = () => {
      let open = true
      let reason: string | undefined
      for (const g of gates) {
        if (g.wasOpen) continue
        open = false
        reason = g.reason
      }
      gate.set(open, reason)
    }
    gate.refresh = () => {
      for (const g of gates) g.refresh?.()
      sync()
    }
    gate.refresh()
    for (const g of gates) g.onChange(() => gate.refresh?.())
    return gate
  }
}
