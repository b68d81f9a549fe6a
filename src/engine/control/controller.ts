/**
 * What every controller is given and how a set of them is started and stopped: kube-controller-manager's ControllerContext. A controller
 * registers informer listeners and queues in its start function and keeps no timers outside `after`, so that stopping the
 * process silences all of it. Leader election is left out: a lone instance always leads.
 */
import { ApiUnreachable, StatusError, type ApiClient, type GroupVersionResource } from '#engine/api/types.ts'
import { WorkQueue } from '#engine/api/work-queue.ts'
import type { AfterOptions, Sim, Timer } from '#engine/sim/sim.ts'
import type { Random } from '#base/random.ts'

export interface DiscoveredResource extends GroupVersionResource {
  readonly kind: string
  readonly namespaced: boolean
}

/** What a certificate request says. */
export interface RequestFacts {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

/** The authority of --cluster-signing-cert-file: reads requests and makes certificates, both PEM. `now` in ms. */
export interface CertificateSigner {
  read(pem: string): RequestFacts | undefined
  sign(pem: string, options: { readonly usages: readonly string[]; readonly seconds: number; readonly now: number }): string
}

export interface ControllerOptions {
  /** --cluster-cidr with --allocate-node-cidrs; undefined: node ranges are not allocated. */
  readonly clusterCidr?: string
  readonly nodeCidrMaskSize?: number
  /** --node-monitor-grace-period, ms. */
  readonly nodeMonitorGracePeriod?: number
  /** --node-monitor-period, ms. */
  readonly nodeMonitorPeriod?: number
  /** --horizontal-pod-autoscaler-sync-period, ms. */
  readonly autoscalerSyncPeriod?: number
  /** Bundle published as kube-root-ca.crt in every namespace. */
  readonly rootCa?: string
  /** With the key of --service-account-private-key-file: the token of a Secret for an account. Without it none are made. */
  readonly issueToken?: (namespace: string, account: string, uid: string, secret: string) => string
  /** Without it no certificates are issued. */
  readonly signer?: CertificateSigner
  /** What discovery says can be listed and deleted: for the garbage collector and namespaces. */
  readonly resources?: readonly DiscoveredResource[]
}

/** A client for one of the controller service accounts (--use-service-account-credentials). */
export type ClientFor = (account: string) => ApiClient

export class ControllerContext {
  readonly sim: Sim
  readonly api: ApiClient
  readonly random: Random
  readonly options: ControllerOptions
  stopped = false
  readonly #onStop: (() => void)[] = []
  readonly #timers = new Set<Timer>()

  constructor(sim: Sim, api: ApiClient, options: ControllerOptions = {}, random?: Random) {
    this.sim = sim
    this.api = api
    this.options = options
    this.random = random ?? sim.random.fork('controllers')
  }

  /** A queue whose API failures are retried with back-off and whose other errors are bugs. */
  queue(handle: (key: string) => void): WorkQueue {
    const queue = new WorkQueue(this.sim, (key) => {
      if (!this.stopped) handle(key)
    })
    queue.onError = (_key, error) => {
      if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
      return this.stopped
    }
    return queue
  }

  /** `run` is tried again when the API refuses or cannot be reached. */
  after(delay: number, run: () => void, options: AfterOptions = {}): Timer {
    const timer = this.sim.after(delay, () => {
      this.#timers.delete(timer)
      if (this.stopped) return
      try {
        run()
      } catch (error) {
        if (!(error instanceof StatusError) && !(error instanceof ApiUnreachable)) throw error
        this.after(retryDelay, run, options)
      }
    }, options)
    this.#timers.add(timer)
    return timer
  }

  onStop(listener: () => void): void {
    this.#onStop.push(listener)
  }

  /** The same with another client: writes are that account's, caches are shared. Stops with its parent. */
  as(client: ApiClient): ControllerContext {
    const shared = this.api
    const api: ApiClient = {
      get: (gvr, namespace, name) => client.get(gvr, namespace, name),
      list: (gvr, options) => client.list(gvr, options),
      create: (gvr, object) => client.create(gvr, object),
      update: (gvr, object, subresource) => (subresource === undefined ? client.update(gvr, object) : client.update(gvr, object, subresource)),
      patch: (gvr, namespace, name, patch, type, subresource) => (subresource === undefined ? client.patch(gvr, namespace, name, patch, type) : client.patch(gvr, namespace, name, patch, type, subresource)),
      delete: (gvr, namespace, name, options) => client.delete(gvr, namespace, name, options),
      informer: (gvr) => shared.informer(gvr),
      event: (about, type, reason, message, component, host) => client.event(about, type, reason, message, component, host),
    }
    const child = new ControllerContext(this.sim, api, this.options, this.random)
    this.onStop(() => child.stop())
    return child
  }

  stop(): void {
    this.stopped = true
    for (const timer of this.#timers) this.sim.cancel(timer)
    this.#timers.clear()
    for (const listener of this.#onStop) listener()
  }
}

/** Virtual ms after which timed work that the API did not take is tried again. */
const retryDelay = 5_000

/** Registers listeners; work happens in queues. */
export type Controller = (context: ControllerContext) => void

/** Seconds precision, as metav1.Time is written. */
export function timestamp(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19) + 'Z'
}

export function keyOf(object: { readonly metadata: { readonly namespace?: string; readonly name: string } }): string {
  return object.metadata.namespace === undefined ? object.metadata.name : `${object.metadata.namespace}/${object.metadata.name}`
}

export function splitKey(key: string): [namespace: string | undefined, name: string] {
  const slash = key.indexOf('/')
  return slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)]
}
