/** Servers in pods that serve groups of the API, and how the API server and they find each other: looks along the simulated network. */
import { formatIpv4, parseIpv4 } from '#base/ip.ts'
import { parseQuantity, quantityMilliValue } from '#base/quantity.ts'
import { cpuLimit, type MetricsServerTies } from '#engine/addons/metrics-server/program.ts'
import type { ContainerReading, NodeReading } from '#engine/addons/metrics-server/usage.ts'
import { Aggregation, type ExtensionServer } from '#engine/api/aggregation.ts'
import type { ApiServer } from '#engine/api/server.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import { lookAt } from '#engine/net/look.ts'
import type { SimNetwork } from '#engine/net/network.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { dialText } from '#engine/node/kubelet/dial.ts'
import type { NodeTies } from '#engine/node/kubelet/program.ts'

export interface ExtensionOptions {
  readonly api: ApiServer
  readonly network: SimNetwork
  readonly nodes: ReadonlyMap<string, NodeTies>
  /** Where the API server runs. */
  from(): NetNamespace
  dialProblem(ns: NetNamespace, address: string, port: number): string | undefined
}

/** Sets the API server's aggregation up; answers what metrics-server needs. */
export function extensions({ api, network, nodes, from, dialProblem }: ExtensionOptions): MetricsServerTies {
  const serving = new Map<string, ExtensionServer>()
  const road = (address: string, port: number): ExtensionServer | string => {
    const to = parseIpv4(address)
    if (to === undefined) return `dial tcp ${address}:${port}: connect: invalid argument`
    const { result, reached } = lookAt(network.own(from()), to, port)
    if (result?.kind !== 'open') return `dial tcp ${formatIpv4(to)}:${port}: ${result?.kind === 'error' ? dialText(result.errno) : 'i/o timeout'}`
    return (reached && serving.get(`${reached.namespace.name} ${reached.port}`)) ?? 'EOF'
  }
  api.aggregation = new Aggregation(api, road)
  api.webhookRoad = road
  return {
    serve(process, port, answer) {
      const key = `${process.net.name} ${port}`
      serving.set(key, answer)
      process.onEnd(() => {
        if (serving.get(key) === answer) serving.delete(key)
      })
    },
    kubelet(process, name, address, { verify }) {
      const ties = nodes.get(name)
      const problem = dialProblem(process.net, address, 10250) ?? (ties?.kubelet ? undefined : `dial tcp ${address}:10250: connect: connection refused`)
      if (problem !== undefined) return problem
      if (verify) return `tls: failed to verify certificate: x509: cannot validate certificate for ${address} because it doesn't contain any IP SANs`
      return reading(ties!, api.store.get('nodes', '', name) as Node | undefined)
    },
  }
}

function reading({ runtime }: NodeTies, node: Node | undefined): NodeReading {
  const containers: ContainerReading[] = []
  for (const record of runtime.records.values()) {
    if (record.state !== 'Running') continue
    containers.push({
      namespace: record.sandbox.podNamespace, pod: record.sandbox.podName, name: record.config.name, image: record.image.behaviour.repository, account: record.machine.cpu, held: record.machine.memory?.used ?? 0, startedAt: record.startedAt, limit: cpuLimit(record.config.pod(), record.config.name),
    })
  }
  const quantity = parseQuantity(String(node?.status?.allocatable?.['cpu'] ?? '1'))
  return {
    containers, account: runtime.node.cpu, startedAt: runtime.node.bootTime, controlPlane: 'node-role.kubernetes.io/control-plane' in (node?.metadata.labels ?? {}), capacity: quantity ? Number(quantityMilliValue(quantity)) : 1000,
  }
}
