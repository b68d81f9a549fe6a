/**
 * Carries store events to watches and informers: all events of one moment go out together in one later event of the loop, in the order in
 * which they were stored. A listener may write to the store; what it writes goes out in the next round.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { Loose } from './loose.ts'
import { equal } from './loose.ts'
import type { Store, StoreEvent } from './store.ts'

const leases = 'leases.coordination.k8s.io'

/** A renewed lease, or the report of a node that says nothing new but the time. */
function isHeartbeat({ resource, type, object, old }: StoreEvent): boolean {
  if (resource === leases) return true
  return resource === 'nodes' && type === 'MODIFIED' && old !== undefined && equal(timeless(object), timeless(old))
}

function timeless(node: Loose): Loose {
  const { resourceVersion: _version, managedFields: _fields, ...metadata } = node.metadata
  const conditions = node.status?.conditions?.map(({ lastHeartbeatTime: _time, ...condition }: Loose) => condition)
  return { ...node, metadata, status: { ...node.status, conditions } }
}

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
      // A sign of life is idle work as long as somebody idle gives it; any other write is news, whoever made it.
      const loud = !isHeartbeat(event)
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
