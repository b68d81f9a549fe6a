/**
 * etcd as the API server uses it: objects by resource, namespace and name in key order, one revision for everything, a history for watches.
 * Objects are shared and never changed in place. Leaves out: compaction by time (each resource keeps its last HISTORY events), multi-member etcd.
 */
import type { KubeObject } from './types.ts'

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: string
  readonly object: KubeObject
  /** The object before the change; undefined for ADDED. */
  readonly old: KubeObject | undefined
  readonly revision: number
}

const HISTORY = 2000

interface Shelf {
  /** namespace ('' for cluster scope) → name → object */
  readonly namespaces: Map<string, Map<string, KubeObject>>
  /** Sorted names per namespace, rebuilt after creations. */
  readonly order: Map<string, string[]>
  namespaceOrder: string[] | undefined
  size: number
  history: StoreEvent[]
  /** Watches from revisions below this one are too old. */
  oldest: number
}

export class Store {
  revision: number
  readonly #shelves = new Map<string, Shelf>()
  readonly #listeners: ((event: StoreEvent) => void)[] = []

  constructor(revision = 1) {
    this.revision = revision
  }

  onEvent(listener: (event: StoreEvent) => void): void {
    this.#listeners.push(listener)
  }

  #shelf(resource: string): Shelf {
    let shelf = this.#shelves.get(resource)
    if (!shelf) {
      shelf = { namespaces: new Map(), order: new Map(), namespaceOrder: undefined, size: 0, history: [], oldest: 0 }
      this.#shelves.set(resource, shelf)
    }
    return shelf
  }

  get(resource: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#shelves.get(resource)?.namespaces.get(namespace ?? '')?.get(name)
  }

  /** In key order; all namespaces when `namespace` is undefined. */
  list(resource: string, namespace?: string): readonly KubeObject[] {
    const shelf = this.#shelves.get(resource)
    if (!shelf) return []
    if (namespace !== undefined) return this.#sorted(shelf, namespace)
    shelf.namespaceOrder ??= [...shelf.namespaces.keys()].sort(compare)
    if (shelf.namespaceOrder.length === 1) return this.#sorted(shelf, shelf.namespaceOrder[0]!)
    return shelf.namespaceOrder.flatMap((n) => this.#sorted(shelf, n))
  }

  #sorted(shelf: Shelf, namespace: string): KubeObject[] {
    const objects = shelf.namespaces.get(namespace)
    if (!objects) return []
    let names = shelf.order.get(namespace)
    if (!names) {
      names = [...objects.keys()].sort(compare)
      shelf.order.set(namespace, names)
    }
    return names.map((n) => objects.get(n)!)
  }

  count(resource: string): number {
    return this.#shelves.get(resource)?.size ?? 0
  }

  get resources(): readonly string[] {
    return [...this.#shelves.keys()]
  }

  /** Stores a new or changed object and gives it its resourceVersion (the object is the caller's until now, the store's from now on). */
  put(resource: string, object: KubeObject): KubeObject {
    const shelf = this.#shelf(resource)
    const namespace = object.metadata.namespace ?? ''
    let objects = shelf.namespaces.get(namespace)
    if (!objects) {
      objects = new Map()
      shelf.namespaces.set(namespace, objects)
      shelf.namespaceOrder = undefined
    }
    const old = objects.get(object.metadata.name)
    object.metadata.resourceVersion = String(++this.revision)
    objects.set(object.metadata.name, object)
    if (!old) {
      shelf.size++
      shelf.order.delete(namespace)
    }
    this.#tell(shelf, { type: old ? 'MODIFIED' : 'ADDED', resource, object, old, revision: this.revision })
    return object
  }

  /** Removes; watchers get the last state with a new resourceVersion. */
  remove(resource: string, object: KubeObject): KubeObject {
    const shelf = this.#shelf(resource)
    const namespace = object.metadata.namespace ?? ''
    const objects = shelf.namespaces.get(namespace)
    const old = objects?.get(object.metadata.name)
    if (!objects || !old) return object
    objects.delete(object.metadata.name)
    const names = shelf.order.get(namespace)
    if (names) {
      const at = search(names, object.metadata.name)
      if (names[at] === object.metadata.name) names.splice(at, 1)
    }
    shelf.size--
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.revision) } }
    this.#tell(shelf, { type: 'DELETED', resource, object: last, old, revision: this.revision })
    return last
  }

  #tell(shelf: Shelf, event: StoreEvent): void {
    shelf.history.push(event)
    if (shelf.history.length > 2 * HISTORY) {
      shelf.history = shelf.history.slice(-HISTORY)
      shelf.oldest = shelf.history[0]!.revision - 1
    }
    for (const listener of this.#listeners) listener(event)
  }

  /** Events of a resource after a revision, or undefined when they are no longer known. */
  since(resource: string, revision: number): readonly StoreEvent[] | undefined {
    const shelf = this.#shelf(resource)
    if (revision < shelf.oldest) return undefined
    const history = shelf.history
    let low = 0
    let high = history.length
    while (low < high) {
      const mid = (low + high) >> 1
      if (history[mid]!.revision > revision) high = mid
      else low = mid + 1
    }
    return history.slice(low)
  }

  oldestRevision(resource: string): number {
    return this.#shelf(resource).oldest
  }

  /** Forgets history, as a compaction does: watches from before now are refused. */
  compact(): void {
    for (const shelf of this.#shelves.values()) {
      shelf.history = []
      shelf.oldest = this.revision
    }
  }

  /** All objects, for etcd snapshots: a cheap copy, since objects never change. */
  snapshot(): StoreSnapshot {
    return { revision: this.revision, objects: [...this.#shelves].map(([resource]) => [resource, this.list(resource)]) }
  }

  /** Puts a snapshot back. Revisions go on from the higher one; nobody is told (callers restart informers). */
  restore(snapshot: StoreSnapshot): void {
    this.#shelves.clear()
    this.revision = Math.max(this.revision, snapshot.revision)
    for (const [resource, objects] of snapshot.objects) {
      const shelf = this.#shelf(resource)
      for (const object of objects) {
        const namespace = object.metadata.namespace ?? ''
        if (!shelf.namespaces.has(namespace)) shelf.namespaces.set(namespace, new Map())
        shelf.namespaces.get(namespace)!.set(object.metadata.name, object)
        shelf.size++
      }
      shelf.oldest = this.revision
    }
  }
}

export interface StoreSnapshot {
  readonly revision: number
  readonly objects: readonly (readonly [resource: string, objects: readonly KubeObject[]])[]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function search(sorted: readonly string[], value: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const mid = (low + high) >> 1
    if (sorted[mid]! < value) low = mid + 1
    else high = mid
  }
  return low
}
