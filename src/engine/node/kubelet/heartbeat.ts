/**
 * The kubelet's sign of life, the lease every ten seconds, and its complaints when nobody hears it: component-helpers' lease controller with its
 * retries and backoff. Attempts take as long as the dial that fails.
 */
import { ApiUnreachable, StatusError, type ApiClient } from '#engine/api/types.ts'
import { leases, nodes, type Lease, type Node } from '#engine/kinds/node/types.ts'
import type { Sim, Timer } from '#engine/sim/sim.ts'

const renewInterval = 10_000
const longestBackoff = 7000
const attempts = 5
/** After so long without an answer the HTTP client closes its connection and dials anew. */
const connectionLost = 30_000

export type Log = (level: 'I' | 'W' | 'E', message: string, where: string) => void

export interface HeartbeatOptions {
  readonly sim: Sim
  readonly api: ApiClient
  readonly nodeName: string
  /** `https://172.30.1.2:6443` */
  readonly server: string
  readonly log: Log
  alive(): boolean
}

/** Virtual ms until a dial fails for this reason. */
function attemptTime(reason: string): number {
  if (/i\/o timeout|Client\.Timeout/.test(reason)) return 10_000
  return /no route to host/.test(reason) ? 3000 : 2
}

export class Heartbeat {
  readonly #o: HeartbeatOptions
  readonly #timers = new Set<Timer>()
  #latest: Lease | undefined
  /** Since when nobody has answered. */
  #silentSince: number | undefined

  constructor(options: HeartbeatOptions) {
    this.#o = options
  }

  start(): void {
    this.#renew()
  }

  stop(): void {
    for (const timer of this.#timers) this.#o.sim.cancel(timer)
  }

  #after(delay: number, run: () => void): void {
    const timer = this.#o.sim.after(delay, () => {
      this.#timers.delete(timer)
      if (this.#o.alive()) run()
    }, { quiet: true })
    this.#timers.add(timer)
  }

  /** A failed request as Go's HTTP client tells it. */
  requestError(verb: string, path: string, error: unknown): string {
    if (!(error instanceof ApiUnreachable)) return error instanceof Error ? error.message : String(error)
    const now = this.#o.sim.now
    this.#silentSince ??= now
    if (error.message === 'Unauthorized') return 'Unauthorized'
    // The connection that was open does not know yet that nobody is there.
    const stalled = /i\/o timeout$/.test(error.message) && this.#latest !== undefined && now - this.#silentSince < connectionLost
    return `${verb} "${this.#o.server}${path}": ${stalled ? 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)' : error.message}`
  }

  #attempt<T>(call: () => T): { readonly value: T } | { readonly error: ApiUnreachable | StatusError } {
    try {
      const value = call()
      this.#silentSince = undefined
      return { value }
    } catch (error) {
      if (!(error instanceof ApiUnreachable) && !(error instanceof StatusError)) throw error
      if (this.#silentSince === undefined && error instanceof ApiUnreachable) {
        this.#silentSince = this.#o.sim.now
        this.#o.sim.stir()
      }
      return { error }
    }
  }

  get #spec(): Lease['spec'] {
    const renewTime = new Date(Math.floor(this.#o.sim.now)).toISOString().replace('Z', '000Z')
    return { holderIdentity: this.#o.nodeName, leaseDurationSeconds: 40, renewTime }
  }

  #again(): void {
    this.#after(renewInterval, () => this.#renew())
  }

  #renew(): void {
    if (this.#latest) this.#update(1, () => this.#ensure(100))
    else this.#ensure(100)
  }

  get #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${this.#o.nodeName}?timeout=10s`
  }

  #update(attempt: number, failed: () => void): void {
    const { api, log } = this.#o
    const base = this.#latest!
    const result = this.#attempt(() => api.update<Lease>(leases, { ...base, spec: { ...base.spec, ...this.#spec } }))
    if ('value' in result) {
      this.#latest = result.value
      this.#again()
      return
    }
    const { error } = result
    if (error instanceof StatusError && (error.status.code === 404 || error.status.code === 409)) {
      this.#latest = undefined
      this.#ensure(100)
      return
    }
    const text = this.requestError('Put', this.#path, error)
    this.#after(attemptTime(text), () => {
      log('E', `"Failed to update lease" err=${JSON.stringify(text)}`, 'controller.go:251')
      if (attempt < attempts) return this.#update(attempt + 1, failed)
      log('I', '"Failed to update lease using latest lease, fallback to ensure lease" err="failed 5 attempts to update lease"', 'controller.go:171')
      failed()
    })
  }

  #ensure(sleep: number): void {
    const { api, nodeName, log } = this.#o
    const result = this.#attempt(() => {
      try {
        return { lease: api.get<Lease>(leases, 'kube-node-lease', nodeName), created: false }
      } catch (error) {
        if (!(error instanceof StatusError) || error.status.code !== 404) throw error
        return { lease: this.#create(), created: true }
      }
    })
    if ('value' in result) {
      this.#latest = result.value.lease
      if (!result.value.lease || result.value.created) this.#again()
      else this.#update(1, () => this.#again())
      return
    }
    const text = this.requestError('Get', this.#path, result.error)
    const next = Math.min(2 * sleep, longestBackoff)
    this.#after(attemptTime(text), () => {
      log('E', `"Failed to ensure lease exists, will retry" err=${JSON.stringify(text)} interval="${next < 1000 ? `${next}ms` : `${next / 1000}s`}"`, 'controller.go:201')
      this.#after(next, () => this.#ensure(next))
    })
  }

  /** Owned by the node; without a node there is none yet. */
  #create(): Lease | undefined {
    const { api, nodeName } = this.#o
    try {
      const node = api.get<Node>(nodes, undefined, nodeName)
      return api.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: nodeName, namespace: 'kube-node-lease', ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid ?? '' }] }, spec: this.#spec })
    } catch (error) {
      if (error instanceof StatusError && error.status.code === 404) return undefined
      throw error
    }
  }
}
