/** An ApiClient for tests of agents: objects in maps, informers that tell at once. Writing verbs that agents of these tests do not use throw. */
import type { ApiClient, GroupVersionResource, Informer, KubeObject } from '#engine/api/types.ts'

class FakeInformer implements Informer<KubeObject> {
  readonly synced = true
  readonly objects = new Map<string, KubeObject>()
  readonly #indexes = new Map<string, (object: KubeObject) => readonly string[]>()
  readonly #add: ((object: KubeObject) => void)[] = []
  readonly #update: ((object: KubeObject, old: KubeObject) => void)[] = []
  readonly #delete: ((object: KubeObject) => void)[] = []

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.objects.get(`${namespace ?? ''}/${name}`)
  }

  list(namespace?: string): readonly KubeObject[] {
    return [...this.objects.values()].filter((o) => namespace === undefined || o.metadata.namespace === namespace)
  }

  byIndex(index: string, key: string): readonly KubeObject[] {
    return [...this.objects.values()].filter((o) => this.#indexes.get(index)?.(o).includes(key))
  }

  addIndex(name: string, keys: (object: KubeObject) => readonly string[]): void {
    this.#indexes.set(name, keys)
  }

  onAdd(listener: (object: KubeObject) => void): void {
    this.#add.push(listener)
    for (const o of this.objects.values()) listener(o)
  }

  onUpdate(listener: (object: KubeObject, old: KubeObject) => void): void {
    this.#update.push(listener)
  }

  onDelete(listener: (object: KubeObject) => void): void {
    this.#delete.push(listener)
  }

  put(object: KubeObject): void {
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`
    const old = this.objects.get(key)
    this.objects.set(key, object)
    if (old) for (const l of this.#update) l(object, old)
    else for (const l of this.#add) l(object)
  }

  drop(namespace: string | undefined, name: string): void {
    const key = `${namespace ?? ''}/${name}`
    const old = this.objects.get(key)
    this.objects.delete(key)
    if (old) for (const l of this.#delete) l(old)
  }
}

export class FakeApi implements ApiClient {
  readonly #informers = new Map<string, FakeInformer>()

  of(resource: string): FakeInformer {
    let found = this.#informers.get(resource)
    if (!found) this.#informers.set(resource, (found = new FakeInformer()))
    return found
  }

  informer<T extends KubeObject = KubeObject>(gvr: GroupVersionResource): Informer<T> {
    return this.of(gvr.resource) as unknown as Informer<T>
  }

  get<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, namespace: string | undefined, name: string): T {
    const found = this.of(gvr.resource).get(namespace, name)
    if (!found) throw new Error(`${gvr.resource} "${name}" not found`)
    return found as T
  }

  list<T extends KubeObject = KubeObject>(gvr: GroupVersionResource): readonly T[] {
    return this.of(gvr.resource).list() as readonly T[]
  }

  create(): never {
    throw new Error('not in this fake')
  }

  update(): never {
    throw new Error('not in this fake')
  }

  patch(): never {
    throw new Error('not in this fake')
  }

  delete(): void {
    throw new Error('not in this fake')
  }

  event(): void {}
}
