/** What kube-proxy answers over HTTP: its own health (:10256), its mode (127.0.0.1:10249), and the health check node ports of services. */
import type { NetSockets, TcpListener } from '#engine/net/types.ts'
import { notFound, plain, serveHttp } from '../http-server.ts'
import type { HttpAnswer } from '../http-server.ts'

const go = (ms: number) => `${new Date(Math.floor(ms)).toISOString().replace('Z', '')}000000 +0000 UTC`

export interface ProxyHealth {
  now(): number
  /** Virtual ms of the last successful sync; undefined before the first. */
  lastUpdated(): number | undefined
  /** False while the node is being deleted or shut down. */
  nodeEligible(): boolean
}

function healthAnswer(health: ProxyHealth, withNode: boolean): HttpAnswer {
  const updated = health.lastUpdated() ?? 0
  const family = { lastUpdated: go(updated), healthy: true }
  const eligible = health.nodeEligible()
  const body = { lastUpdated: go(updated), currentTime: go(health.now()), ...(withNode && { nodeEligible: eligible }), healthy: true, status: { IPv4: family, IPv6: family } }
  return { status: withNode && !eligible ? 503 : 200, headers: { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' }, body: JSON.stringify(body) }
}

export function serveHealthz(sockets: NetSockets, address: string, port: number, health: ProxyHealth): TcpListener {
  return serveHttp(sockets, address, port, () => health.now(), (r) => (r.path === '/healthz' ? healthAnswer(health, true) : r.path === '/livez' ? healthAnswer(health, false) : notFound))
}

export function serveMetrics(sockets: NetSockets, address: string, port: number, now: () => number, mode: string): TcpListener {
  return serveHttp(sockets, address, port, now, (r) => (r.path === '/proxyMode' ? plain(mode) : r.path === '/healthz' ? plain('ok') : notFound))
}

/** One listener per service with a health check node port: 200 with local endpoints, 503 without. */
export class ServiceHealth {
  readonly #sockets: NetSockets
  readonly #now: () => number
  readonly #open = new Map<string, { readonly port: number; readonly listener: TcpListener; endpoints: number }>()

  constructor(sockets: NetSockets, now: () => number) {
    this.#sockets = sockets
    this.#now = now
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
      const listener = serveHttp(this.#sockets, '0.0.0.0', port, this.#now, () => {
        const count = this.#open.get(service)?.endpoints ?? 0
        const body = `{\n\t"service": {\n\t\t"namespace": "${namespace}",\n\t\t"name": "${name}"\n\t},\n\t"localEndpoints": ${count},\n\t"serviceProxyHealthy": true\n}`
        return { status: count > 0 ? 200 : 503, headers: { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff', 'X-Load-Balancing-Endpoint-Weight': String(count) }, body }
      })
      this.#open.set(service, { port, listener, endpoints })
    } catch {
      // The port is taken: upstream records an event on the service and goes on.
    }
  }
}
