/** What pods mean for a Service: who is an endpoint, on which ports, since when (shared by the Endpoints and the EndpointSlice controllers). */
import type { Pod, ContainerPort } from '#engine/kinds/pod/types.ts'
import { isPodFinished, isPodReady, podCondition } from '#engine/kinds/pod/types.ts'
import type { Service, ServicePort } from '#engine/kinds/service/types.ts'

export function isEndpoint(pod: Pod): boolean {
  return Boolean(pod.status?.podIP) && !isPodFinished(pod)
}

/** The pod's address of a family. */
export function addressOf(pod: Pod, family: string): string | undefined {
  const addresses = pod.status?.podIPs?.map((p) => p.ip) ?? (pod.status?.podIP ? [pod.status.podIP] : [])
  return addresses.find((ip) => ip.includes(':') === (family === 'IPv6'))
}

/** The container port that a service port leads to; undefined when the pod has no port of that name. */
export function findPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target
  const protocol = port.protocol ?? 'TCP'
  const sidecars = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')
  for (const container of [...pod.spec.containers, ...sidecars]) {
    const match = container.ports?.find((p: ContainerPort) => p.name === target && (p.protocol ?? 'TCP') === protocol)
    if (match) return match.containerPort
  }
  return undefined
}

export function isReadyEndpoint(pod: Pod): boolean {
  return isPodReady(pod)
}

/** The hostname record that a headless service gives the pod. */
export function endpointHostname(pod: Pod, service: Service): string | undefined {
  return pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined
}

/** Remembers when what happened to a service's pods, so that each change is stamped once (EndpointsLastChangeTriggerTime). */
export class TriggerTimes {
  readonly #seen = new Map<string, { service: string | undefined; pods: Map<string, string> }>()

  /** The earliest new change, or undefined when there is none. */
  compute(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const old = this.#seen.get(key)
    const now = new Map<string, string>()
    const changes: string[] = []
    for (const pod of pods) {
      const time = podCondition(pod, 'Ready')?.lastTransitionTime
      if (!time) continue
      now.set(pod.metadata.name, time)
      if (old?.pods.get(pod.metadata.name) !== time) changes.push(time)
    }
    const created = service.metadata.creationTimestamp
    if (old?.service !== created && created !== undefined) changes.push(created)
    this.#seen.set(key, { service: created, pods: now })
    return changes.sort()[0]
  }

  forget(key: string): void {
    this.#seen.delete(key)
  }
}
