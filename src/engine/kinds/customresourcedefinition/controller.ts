/** What apiextensions-apiserver does about definitions: accepts names, establishes, serves the kinds, and clears instances away before a definition goes. */
import type { AdmissionAttributes, AdmissionPlugin } from '#engine/api/admission.ts'
import { copy, equal, type Loose } from '#engine/api/loose.ts'
import type { ApiServer } from '#engine/api/server.ts'
import { customKind } from './kind.ts'
import { CLEANUP, setCondition } from './strategy.ts'

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io'

export class CustomResources implements AdmissionPlugin {
  readonly name = 'CustomResources'
  readonly #server: ApiServer
  /** definition → keys of the kinds that it serves */
  readonly #served = new Map<string, (readonly [group: string, version: string, plural: string])[]>()

  constructor(server: ApiServer) {
    this.#server = server
  }

  committed({ kind, operation, object, context }: AdmissionAttributes): void {
    if (kind.kind !== 'CustomResourceDefinition') return
    const name = operation === 'DELETE' ? undefined : (object.metadata.name as string)
    if (context.subresource !== '') return
    this.#server.sim.after(operation === 'CREATE' ? 10 : 1, () => (name === undefined ? this.sync() : this.#reconcile(name)))
  }

  /** Brings the served kinds in step with all stored definitions: after deletions and restored snapshots. */
  sync(): void {
    for (const name of [...this.#served.keys()]) if (!this.#server.store.get(CRDS, '', name)) this.#stop(name)
    for (const crd of this.#server.store.list(CRDS)) this.#reconcile(crd.metadata.name)
  }

  #reconcile(name: string): void {
    const stored = this.#server.store.get(CRDS, '', name) as Loose
    if (!stored) {
      this.#stop(name)
      return
    }
    const crd = copy(stored) as Loose
    if (crd.metadata.deletionTimestamp) {
      this.#finish(crd)
      return
    }
    const { now } = this.#server
    const { names, group } = crd.spec
    const others = (this.#server.store.list(CRDS) as Loose[]).filter((o) => o.metadata.name !== name && o.spec.group === group)
    const accepted: Loose = { ...crd.status.acceptedNames }
    let conflict: [string, string] | undefined
    const taken = new Set(others.flatMap((o) => [o.status?.acceptedNames?.plural, o.status?.acceptedNames?.singular, ...(o.status?.acceptedNames?.shortNames ?? [])]))
    const kinds = new Set(others.flatMap((o) => [o.status?.acceptedNames?.kind, o.status?.acceptedNames?.listKind]))
    const claim = (field: string, value: Loose, used: ReadonlySet<unknown>, reason: string) => {
      if (value === undefined) return
      const clash = Array.isArray(value) ? value.find((v) => used.has(v)) : used.has(value) ? value : undefined
      // The last clash is the one that is told.
      if (clash !== undefined) conflict = [reason, `${JSON.stringify(clash)} is already in use`]
      else accepted[field] = value
    }
    claim('plural', names.plural, taken, 'PluralConflict')
    claim('singular', names.singular, taken, 'SingularConflict')
    claim('shortNames', names.shortNames, taken, 'ShortNamesConflict')
    claim('kind', names.kind, kinds, 'KindConflict')
    claim('listKind', names.listKind, kinds, 'ListKindConflict')
    if (names.categories) accepted.categories = names.categories
    crd.status = { ...crd.status, acceptedNames: accepted }
    if (conflict) {
      setCondition(crd, 'NamesAccepted', 'False', ...conflict, now)
      setCondition(crd, 'Established', 'False', 'NotAccepted', 'not all names are accepted', now)
    } else {
      setCondition(crd, 'NamesAccepted', 'True', 'NoConflicts', 'no conflicts found', now)
      setCondition(crd, 'Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted', now)
    }
    if (!equal(crd.status, stored.status)) {
      const definition = this.#server.kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!
      this.#server.registry.write(definition, crd, this.#server.context({ name: 'system:apiserver', groups: ['system:masters'] }, '', 'status'))
    }
    if (conflict) return
    this.#stop(name)
    const keys: (readonly [string, string, string])[] = []
    for (const version of crd.spec.versions) {
      if (!version.served) continue
      this.#server.addKind(customKind(crd, version))
      keys.push([group, version.name, names.plural])
    }
    this.#served.set(name, keys)
  }

  #stop(name: string): void {
    for (const [group, version, plural] of this.#served.get(name) ?? []) this.#server.removeKind(group, version, plural)
    this.#served.delete(name)
  }

  #finish(crd: Loose): void {
    const server = this.#server
    const { name } = crd.metadata
    const context = server.context({ name: 'system:apiserver', groups: ['system:masters'] }, '', '')
    const [group, version, plural] = this.#served.get(name)?.[0] ?? []
    if (plural !== undefined) {
      const kind = server.kind(group!, version!, plural)!
      for (const o of server.registry.list(kind, undefined)) server.registry.delete(kind, o.metadata.namespace ?? '', o.metadata.name, {}, { ...context, namespace: o.metadata.namespace ?? '' })
      if (server.registry.list(kind, undefined).length > 0) {
        server.sim.after(5000, () => this.#reconcile(name), { background: true })
        return
      }
    }
    this.#stop(name)
    const definition = server.kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!
    const finalizers = (crd.metadata.finalizers ?? []).filter((f: string) => f !== CLEANUP)
    if (finalizers.length > 0) server.registry.write(definition, { ...crd, metadata: { ...crd.metadata, finalizers } }, context)
    else server.registry.drop(definition, crd)
  }
}
