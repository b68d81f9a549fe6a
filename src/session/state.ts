/** The cluster's objects as etcd holds them, read without the API server's help: panels and graders see the truth while it is down. */
import { matches, parseSelector } from '#engine/api/label-selector.ts'
import { resourceKey } from '#engine/api/kind.ts'
import type { ApiServer, AuthorizationAttributes } from '#engine/api/server.ts'
import type { KubeObject, UserInfo } from '#engine/api/types.ts'

export class ClusterState {
  readonly #api: ApiServer

  constructor(api: ApiServer) {
    this.#api = api
  }

  /** Every object of every kind. */
  objects(): readonly KubeObject[] {
    return this.#api.store.resources.flatMap((resource) => this.#api.store.list(resource))
  }

  /** Objects of a kind (`Pod`, `Ingress`). Throws for a kind that the cluster does not have. */
  list(kind: string, options: { readonly namespace?: string | undefined; readonly labelSelector?: string | undefined } = {}): readonly KubeObject[] {
    const found = this.#api.store.list(this.#resource(kind), options.namespace)
    if (options.labelSelector === undefined) return found
    const selector = parseSelector(options.labelSelector)
    return found.filter((o) => matches(selector, o.metadata.labels))
  }

  get(kind: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#api.store.get(this.#resource(kind), namespace ?? '', name)
  }

  /** The authorizer's answer. */
  can(user: UserInfo, attributes: AuthorizationAttributes): boolean {
    return this.#api.authorize(user, attributes)
  }

  /** After every stored change. */
  onChange(listener: () => void): void {
    this.#api.store.onEvent(listener)
  }

  #resource(kind: string): string {
    const definition = this.#api.kinds.find((k) => k.kind === kind)
    if (!definition) throw new Error(`the cluster has no kind ${kind}`)
    return resourceKey(definition)
  }
}
