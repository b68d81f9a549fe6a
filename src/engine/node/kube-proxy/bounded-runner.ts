/** Runs a function soon after it is asked for, but not more often than a period allows (pkg/proxy/runner): the first time at once, then coalesced. */
import type { Sim, Timer } from '#engine/sim/sim.ts'

export class BoundedRunner {
  readonly #sim: Sim
  readonly #period: number
  readonly #run: () => boolean
  readonly #retry: number
  #last = -Infinity
  #timer: Timer | undefined
  #stopped = false

  /** `run` says whether it succeeded; a failure is tried again after `retry` ms. */
  constructor(sim: Sim, options: { readonly period: number; readonly retry: number; readonly run: () => boolean }) {
    this.#sim = sim
    this.#period = options.period
    this.#retry = options.retry
    this.#run = options.run
  }

  request(): void {
    this.#schedule(Math.max(0, this.#last + this.#period - this.#sim.now))
  }

  stop(): void {
    this.#stopped = true
    this.#sim.cancel(this.#timer)
  }

  #schedule(delay: number): void {
    if (this.#stopped || (this.#timer && !this.#timer.cancelled && this.#timer.at <= this.#sim.now + delay)) return
    this.#sim.cancel(this.#timer)
    this.#timer = this.#sim.after(delay, () => {
      this.#timer = undefined
      this.#last = this.#sim.now
      if (!this.#run()) this.#schedule(this.#retry)
    })
  }
}
