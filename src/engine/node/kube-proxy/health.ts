/** What kube-proxy answers over HTTP: its own health (:10256), its mode (127.0.0.1:10249), and the health check node ports of services. */
import { NetError } from '#engine/net/error.ts'
import type { NetSockets, TcpListener } from '#engine/net/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { notFound, plain, serveHttp } from '../http-server.ts'
import type { HttpAnswer } from '../http-server.ts'
import type { KubeProxyConfiguration } from './configuration.ts'
import type { Log } from './proxiers.ts'

const go = (ms: number) => `${new Date(Math.floor(ms)).toISOString().replace('Z', '')}000000 +0000 UTC`

/** Whether the rules follow the cluster (proxy_health.go): healthy unless a change has waited longer than `timeout` for a sync that succeeds. */
export class ProxyHealth {
  readonly now: () => number
  readonly #timeout: number
  readonly #nodeEligible: () => boolean
  /** Virtual ms of the last sync that succeeded. */
  #updated = 0
  /** Of the oldest change that is not written yet. */
  #pending: number | undefined

  constructor(options: { readonly now: () => number; readonly timeout: number; /** False while the node is being deleted or shut down. */ readonly nodeEligible: () => boolean }) {
    this.now = options.now
    this.#timeout = options.timeout
    this.#nodeEligible = options.nodeEligible
  }

  queued(): void {
    this.#pending ??= this.now()
  }

  updated(): void {
    this.#pending = undefined
    this.#updated = this.now()
  }

  get healthy(): boolean {
    return this.#pending === undefined || this.now() - this.#pending < this.#timeout
  }

  /** /livez asks not for the node. */
  answer(withNode: boolean): HttpAnswer {
    const { healthy } = this
    const lastUpdated = go(this.#updated)
    const family = { lastUpdated, healthy }
    const nodeEligible = this.#nodeEligible()
    const body = { lastUpdated, currentTime: go(this.now()), ...(withNode && { nodeEligible }), healthy, status: { IPv4: family, IPv6: family } }
    return { status: healthy && (!withNode || nodeEligible) ? 200 : 503, headers: { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' }, body: JSON.stringify(body) }
  }
}

/** The ports of kube-proxy itself; one that is taken is tried again every five seconds, with a line each time. */
export function serveHealthPorts(o: { readonly sim: Sim; readonly sockets: NetSockets; readonly config: KubeProxyConfiguration; readonly health: ProxyHealth; readonly log: Log }): { close(): void } {
  const { sim, sockets, config, health, log } = o
  const listeners: TcpListener[] = []
  let open = true
  const listen = (address: string, handle: Parameters<typeof serveHttp>[4], failure: (text: string) => void): void => {
    const colon = address.lastIndexOf(':')
    try {
      listeners.push(serveHttp(sockets, address.slice(0, colon), Number(address.slice(colon + 1)), health.now, handle))
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      failure(`listen tcp ${address}: bind: address already in use`)
      sim.after(5000, () => {
        if (open) listen(address, handle, failure)
      }, { background: true })
    }
  }
  listen(config.healthzBindAddress, (r) => (r.path === '/healthz' ? health.answer(true) : r.path === '/livez' ? health.answer(false) : notFound), (text) =>
    log('E', 'server.go:404', 'Healthz server failed', { err: `failed to start proxy healthz on ${config.healthzBindAddress}: ${text}` }))
  listen(config.metricsBindAddress, (r) => (r.path === '/proxyMode' ? plain(config.mode) : r.path === '/healthz' ? plain('ok') : notFound), (text) =>
    log('E', 'server.go:433', 'Starting metrics server failed', { err: text }))
  return {
    close() {
      open = false
      for (const listener of listeners) listener.close()
    },
  }
}

/** One listener per service with a health check node port: 200 with local endpoints while the proxy is healthy, else 503. */
export class ServiceHealth {
  readonly #sockets: NetSockets
  readonly #health: ProxyHealth
  readonly #open = new Map<string, { readonly port: number; readonly listener: TcpListener; endpoints: number }>()

  constructor(sockets: NetSockets, health: ProxyHealth) {
    this.#sockets = sockets
    this.#health = health
  }

  /** Opens, closes and updates listeners; services by `ns/name`. */
  sync(counts: ReadonlyMap<string, { readonly nodePort: number; readonly endpoints: number }>): void {
    for (const [service, open] of [...this.#open]) {
      if (counts.get(service)?.nodePort === open.port) continue
      open.listener.close()
      this.#open.delete(service)
    }
    for (const [service, { nodePort, endpoints }] of counts) {
      const open = this.#open.get(service)
      if (open) open.endpoints = endpoints
      else this.#listen(service, nodePort, endpoints)
    }
  }

  close(): void {
    for (const { listener } of this.#open.values()) listener.close()
    this.#open.clear()
  }

  #listen(service: string, port: number, endpoints: number): void {
    const [namespace, name] = service.split('/') as [string, string]
    try {
      const listener = serveHttp(this.#sockets, '0.0.0.0', port, this.#health.now, () => {
        const count = this.#open.get(service)?.endpoints ?? 0
        const { healthy } = this.#health
        const body = `{\n\t"service": {\n\t\t"namespace": "${namespace}",\n\t\t"name": "${name}"\n\t},\n\t"localEndpoints": ${count},\n\t"serviceProxyHealthy": ${healthy}\n}`
        return { status: count > 0 && healthy ? 200 : 503, headers: { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff', 'X-Load-Balancing-Endpoint-Weight': String(count) }, body }
      })
      this.#open.set(service, { port, listener, endpoints })
    } catch {
      // The port is taken: upstream records an event on the service and goes on.
    }
  }
}
