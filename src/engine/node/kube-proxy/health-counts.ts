/** Local ready endpoints of the services that have a health check node port, as both proxiers count them after a sync. */
import type { Endpoint } from './endpoints.ts'
import type { ServicePort } from './service-ports.ts'

type Ports = ReadonlyMap<string, { readonly port: ServicePort; readonly endpoints: readonly Endpoint[] }>

export function healthCounts(services: ReadonlyMap<string, Ports>): ReadonlyMap<string, { readonly nodePort: number; readonly endpoints: number }> {
  const counts = new Map<string, { nodePort: number; endpoints: number }>()
  for (const [service, ports] of services) {
    for (const { port, endpoints } of ports.values()) {
      if (port.healthCheckNodePort === 0) continue
      const ready = new Set(endpoints.filter((e) => e.local && e.ready).map((e) => e.ip)).size
      counts.set(service, { nodePort: port.healthCheckNodePort, endpoints: Math.max(ready, counts.get(service)?.endpoints ?? 0) })
    }
  }
  return counts
}
