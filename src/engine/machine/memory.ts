/** Memory that programs of a machine or container say they hold, against the limit of its control group. SIMPLIFICATION: only programs whose purpose is to fill memory say so. */
export class MemoryAccount {
  /** Bytes. */
  used = 0
  limit = Infinity
  /** The kernel has killed what is in the group. */
  exceeded = false
  #kill: (() => void) | undefined

  onExceeded(kill: () => void): void {
    this.#kill = kill
  }

  take(bytes: number): void {
    this.used += bytes
    if (this.used <= this.limit || this.exceeded) return
    this.exceeded = true
    this.#kill?.()
  }
}
