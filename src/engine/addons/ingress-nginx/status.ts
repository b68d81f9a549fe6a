/** status.loadBalancer of the controller's Ingresses: the addresses of its Service, or of the nodes that its pods run on. Written by a sync once a minute, as upstream's leader does. */
import type { KubeObject } from '#engine/api/types.ts'
import { ApiUnreachable, StatusError } from '#engine/api/types.ts'
import type { ContainerContext } from '#engine/node/runtime/image.ts'
import type { Sim, Timer } from '#engine/sim/sim.ts'
import type { ClusterView } from './cluster-view.ts'
import { ingresses } from './types.ts'
import type { Ingress } from './types.ts'

const nodesGvr = { group: '', version: 'v1', resource: 'nodes' }
const podsGvr = { group: '', version: 'v1', resource: 'pods' }
const period = 60_000

type Point = { ip?: string; hostname?: string }

export interface StatusOptions {
  readonly sim: Sim
  readonly view: ClusterView
  readonly context: ContainerContext
  /** `namespace/name` of the Service whose address is published; undefined: the nodes' addresses. */
  readonly publishService: string | undefined
}

export class StatusKeeper {
  readonly #o: StatusOptions
  readonly #started: number
  #timer: Timer | undefined
  #stopped = false

  constructor(options: StatusOptions) {
    this.#o = options
    this.#started = options.sim.now
  }

  start(): void {
    const { view } = this.#o
    view.ingresses.onAdd(() => this.#later())
    view.ingresses.onUpdate(() => this.#later())
  }

  stop(): void {
    this.#stopped = true
    this.#o.sim.cancel(this.#timer)
  }

  /** At the next full minute of the controller's life; nothing is scheduled while nothing is wrong. */
  #later(): void {
    if (this.#stopped || (this.#timer && !this.#timer.cancelled) || this.#wrong().length === 0) return
    const { sim } = this.#o
    const next = period - ((sim.now - this.#started) % period)
    this.#timer = sim.after(next, () => {
      this.#timer = undefined
      this.#sync()
    })
  }

  #points(): Point[] {
    const { publishService, view, context } = this.#o
    if (publishService !== undefined) {
      const [namespace, name] = publishService.split('/') as [string, string]
      const service = view.service(namespace, name)
      if (service?.spec.type === 'LoadBalancer') return (service.status?.loadBalancer?.ingress ?? []).map((i) => ({ ...(i.ip !== undefined && { ip: i.ip }), ...(i.hostname !== undefined && { hostname: i.hostname }) }))
      return service?.spec.clusterIP ? [{ ip: service.spec.clusterIP }] : []
    }
    const pod = context.pod()
    const labels = pod.metadata.labels ?? {}
    const names = new Set<string>()
    for (const other of context.api.informer(podsGvr).list(pod.metadata.namespace)) {
      const spec = other['spec'] as { nodeName?: string } | undefined
      const ready = ((other['status'] as { phase?: string } | undefined)?.phase ?? '') === 'Running'
      if (ready && spec?.nodeName !== undefined && other.metadata.labels?.['app.kubernetes.io/name'] === labels['app.kubernetes.io/name'] && other.metadata.labels?.['app.kubernetes.io/component'] === labels['app.kubernetes.io/component']) names.add(spec.nodeName)
    }
    if (names.size === 0) names.add(context.nodeName)
    const addresses = [...names].flatMap((name) => {
      const node = context.api.informer(nodesGvr).get(undefined, name) as (KubeObject & { status?: { addresses?: { type: string; address: string }[] } }) | undefined
      return node?.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? []
    })
    return addresses.sort().map((ip) => ({ ip }))
  }

  #wrong(): Ingress[] {
    const points = JSON.stringify(this.#points())
    const { view } = this.#o
    return view.ingresses.list().filter((i) => view.owns(i) && JSON.stringify(i.status?.loadBalancer?.ingress ?? []) !== points)
  }

  #sync(): void {
    const points = this.#points()
    for (const ingress of this.#wrong()) {
      try {
        this.#o.context.api.patch(ingresses, ingress.metadata.namespace, ingress.metadata.name, { status: { loadBalancer: { ingress: points } } }, 'merge', 'status')
      } catch (error) {
        if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
      }
    }
  }
}
