/**
 * client-go's shared informer on the in-process store: an indexed read-only cache, filled by a list when created and kept by store events.
 * While its gate is closed it hears nothing; when the gate opens it lists again and tells the differences (as a relist does).
 */
import type { Dispatcher } from './dispatcher.ts'
import type { Gate } from './gate.ts'
import type { Store, StoreEvent } from './store.ts'
import type { Informer, KubeObject } from './types.ts'

interface Index {
  readonly keys: (object: KubeObject) => readonly string[]
  readonly buckets: Map<string, Map<string, KubeObject>>
}

const keyOf = (namespace: string | undefined, name: string) => (namespace ? `${namespace}/${name}` : name)
const NONE: readonly KubeObject[] = []

export class StoreInformer implements Informer<KubeObject> {
  readonly #store: Store
  readonly #dispatcher: Dispatcher
  readonly #resource: string
  readonly #gate: Gate
  readonly #convert: (object: KubeObject) => KubeObject
  readonly #objects = new Map<string, KubeObject>()
  readonly #namespaces = new Map<string, Map<string, KubeObject>>()
  readonly #indexes = new Map<string, Index>()
  readonly #add: ((object: KubeObject) => void)[] = []
  readonly #update: ((object: KubeObject, old: KubeObject) => void)[] = []
  readonly #delete: ((object: KubeObject) => void)[] = []
  #revision = 0
  #synced = false

  constructor(options: { store: Store; dispatcher: Dispatcher; resource: string; gate: Gate; convert?: (object: KubeObject) => KubeObject }) {
    this.#store = options.store
    this.#dispatcher = options.dispatcher
    this.#resource = options.resource
    this.#gate = options.gate
    this.#convert = options.convert ?? ((o) => o)
    if (this.#gate.open) {
      for (const object of this.#store.list(this.#resource)) this.#set(this.#convert(object))
      this.#revision = this.#store.revision
      this.#synced = true
    }
    this.#dispatcher.listen(this.#resource, (event) => this.#hear(event))
    this.#gate.onChange((open) => {
      if (open) this.#dispatcher.sim.after(0, () => this.relist())
    })
  }

  get synced(): boolean {
    return this.#synced
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(namespace, name))
  }

  list(namespace?: string): readonly KubeObject[] {
    const found = namespace === undefined ? this.#objects : this.#namespaces.get(namespace)
    return found ? this.#visit(found.values()) : NONE
  }

  byIndex(index: string, key: string): readonly KubeObject[] {
    const bucket = this.#indexes.get(index)?.buckets.get(key)
    return bucket ? this.#visit(bucket.values()) : NONE
  }

  #visit(objects: Iterable<KubeObject>): readonly KubeObject[] {
    const found = [...objects]
    this.#dispatcher.visits += found.length
    return found
  }

  addIndex(name: string, keys: (object: KubeObject) => readonly string[]): void {
    if (this.#indexes.has(name)) return
    const index: Index = { keys, buckets: new Map() }
    this.#indexes.set(name, index)
    for (const object of this.#objects.values()) this.#index(index, object)
  }

  onAdd(listener: (object: KubeObject) => void): void {
    this.#dispatcher.sim.after(0, () => {
      this.#add.push(listener)
      for (const object of [...this.#objects.values()]) listener(object)
    })
  }

  onUpdate(listener: (object: KubeObject, old: KubeObject) => void): void {
    this.#update.push(listener)
  }

  onDelete(listener: (object: KubeObject) => void): void {
    this.#delete.push(listener)
  }

  /** Lists again and tells what became different; also after a restored snapshot. */
  relist(): void {
    if (!this.#gate.open) return
    this.#synced = true
    this.#revision = this.#store.revision
    const seen = new Set<string>()
    for (const stored of this.#store.list(this.#resource)) {
      const key = keyOf(stored.metadata.namespace, stored.metadata.name)
      seen.add(key)
      const old = this.#objects.get(key)
      if (!old) this.#added(this.#convert(stored))
      else if (old.metadata.uid !== stored.metadata.uid) {
        this.#deleted(old)
        this.#added(this.#convert(stored))
      } else if (old.metadata.resourceVersion !== stored.metadata.resourceVersion) this.#updated(this.#convert(stored), old)
    }
    for (const [key, old] of [...this.#objects]) if (!seen.has(key)) this.#deleted(old)
  }

  #hear(event: StoreEvent): void {
    if (!this.#gate.open || event.revision <= this.#revision) return
    this.#revision = event.revision
    const object = this.#convert(event.object)
    const old = this.#objects.get(keyOf(object.metadata.namespace, object.metadata.name))
    if (event.type === 'DELETED') {
      if (old) this.#deleted(old, object)
    } else if (old) this.#updated(object, old)
    else this.#added(object)
  }

  #added(object: KubeObject): void {
    this.#set(object)
    for (const listener of this.#add) listener(object)
  }

  #updated(object: KubeObject, old: KubeObject): void {
    this.#set(object, old)
    for (const listener of this.#update) listener(object, old)
  }

  #deleted(old: KubeObject, last = old): void {
    const key = keyOf(old.metadata.namespace, old.metadata.name)
    this.#objects.delete(key)
    this.#namespaces.get(old.metadata.namespace ?? '')?.delete(key)
    for (const index of this.#indexes.values()) for (const k of index.keys(old)) index.buckets.get(k)?.delete(key)
    for (const listener of this.#delete) listener(last)
  }

  #set(object: KubeObject, old?: KubeObject): void {
    const key = keyOf(object.metadata.namespace, object.metadata.name)
    this.#objects.set(key, object)
    const namespace = object.metadata.namespace ?? ''
    let bucket = this.#namespaces.get(namespace)
    if (!bucket) this.#namespaces.set(namespace, (bucket = new Map()))
    bucket.set(key, object)
    for (const index of this.#indexes.values()) {
      if (old) {
        const after = index.keys(object)
        for (const k of index.keys(old)) if (!after.includes(k)) index.buckets.get(k)?.delete(key)
      }
      this.#index(index, object)
    }
  }

  #index(index: Index, object: KubeObject): void {
    const key = keyOf(object.metadata.namespace, object.metadata.name)
    for (const k of index.keys(object)) {
      let bucket = index.buckets.get(k)
      if (!bucket) index.buckets.set(k, (bucket = new Map()))
      bucket.set(key, object)
    }
  }
}
