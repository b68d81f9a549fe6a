/**
 * Carries store events to watches and informers: all events of one moment go out together in one later event of the loop, in the order in
 * which they were stored. A listener may write to the store; what it writes goes out in the next round.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { Store, StoreEvent } from './store.ts'

const leases = 'leases.coordination.k8s.io'

export type StoreListener = (event: StoreEvent) => void

export class Dispatcher {
  readonly #sim: Sim
  #queue: StoreEvent[] = []
  #scheduled = false
  #loud = false
  /** Objects that informers have handed out in lists so far: a measure of work for benchmarks. */
  visits = 0
  readonly #listeners = new Map<string, Set<StoreListener>>()

  constructor(sim: Sim, store: Store) {
    this.#sim = sim
    store.onEvent((event) => {
      if (!this.#listeners.has(event.resource)) return
      this.#queue.push(event)
      // A renewed lease is idle work as long as somebody idle renews it; any other write is news, whoever made it.
      const loud = event.resource !== leases
      if (loud ? this.#loud : this.#scheduled) return
      this.#scheduled = true
      this.#loud ||= loud
      if (loud) sim.after(0, () => this.#flush(), { background: false })
      else sim.after(0, () => !this.#loud && this.#flush())
    })
  }

  #flush(): void {
    this.#scheduled = false
    this.#loud = false
    const events = this.#queue
    this.#queue = []
    for (const event of events) {
      const listeners = this.#listeners.get(event.resource)
      if (listeners) for (const listener of [...listeners]) if (listeners.has(listener)) listener(event)
    }
  }

  /** Events stored from now on; answers how to stop. Events that wait for delivery now are delivered too: compare revisions. */
  listen(resource: string, listener: StoreListener): () => void {
    let set = this.#listeners.get(resource)
    if (!set) {
      set = new Set()
      this.#listeners.set(resource, set)
    }
    set.add(listener)
    return () => {
      set.delete(listener)
    }
  }

  get sim(): Sim {
    return this.#sim
  }
}
