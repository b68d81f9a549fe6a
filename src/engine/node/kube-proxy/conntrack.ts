/** After each sync kube-proxy removes UDP flows to a service that go to a backend which the service has no more (pkg/proxy/conntrack). */
import type { ConntrackTable } from '#engine/net/types.ts'
import type { Endpoint } from './endpoints.ts'
import type { ServicePort } from './service-ports.ts'

/** A service without serving endpoints keeps its flows. Returns how many went. */
export function cleanStaleUdp(table: ConntrackTable, services: Iterable<{ readonly port: ServicePort; readonly endpoints: readonly Endpoint[] }>): number {
  const byAddress = new Map<string, Set<string>>()
  const byNodePort = new Map<number, Set<string>>()
  for (const { port, endpoints } of services) {
    if (port.protocol !== 'udp') continue
    const serving = new Set(endpoints.filter((e) => e.serving).map((e) => e.address))
    if (serving.size === 0) continue
    for (const ip of [port.clusterIp, ...port.loadBalancerVips, ...port.externalIps]) byAddress.set(`${ip}:${port.number}`, serving)
    if (port.nodePort !== 0) byNodePort.set(port.nodePort, serving)
  }
  if (byAddress.size === 0 && byNodePort.size === 0) return 0
  return table.delete((flow) => {
    if (flow.protocol !== 'udp') return false
    const backend = `${flow.reply.source}:${flow.reply.sourcePort}`
    const service = byAddress.get(`${flow.original.destination}:${flow.original.destinationPort}`)
    if (service && !service.has(backend)) return true
    const node = byNodePort.get(flow.original.destinationPort ?? 0)
    return node !== undefined && !node.has(backend)
  }).length
}
