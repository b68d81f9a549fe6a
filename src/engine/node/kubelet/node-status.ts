/** The Node object that a kubelet keeps: labels, addresses, capacity, conditions and the words of its events (kubelet/nodestatus). */
import type { Node } from '#engine/kinds/node/types.ts'
import type { Condition } from '#engine/kinds/pod/types.ts'
import { seconds } from './pod-status.ts'

export interface NodeSize {
  readonly cpu: string
  readonly memory: string
  readonly ephemeralStorage: string
}

export interface NodeFactsInput {
  readonly name: string
  readonly address: string
  readonly size: NodeSize
  readonly maxPods: number
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
  readonly machineId: string
  readonly bootId: string
  readonly systemUuid: string
  readonly kernel: string
  readonly osImage: string
  readonly images: readonly { names: string[]; sizeBytes: number }[]
}

export function initialNode(input: NodeFactsInput, conditions: Condition[]): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: input.name,
      labels: { 'beta.kubernetes.io/arch': 'amd64', 'beta.kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'kubernetes.io/hostname': input.name, 'kubernetes.io/os': 'linux', ...input.labels },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: input.taints.length > 0 ? { taints: input.taints.map((t) => ({ ...t })) } : {},
    status: nodeStatus(input, conditions),
  }
}

export function nodeStatus(input: NodeFactsInput, conditions: Condition[]): NonNullable<Node['status']> {
  const { cpu, memory, ephemeralStorage } = input.size
  const capacity = { cpu, 'ephemeral-storage': ephemeralStorage, 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', memory, pods: String(input.maxPods) }
  return {
    addresses: [{ type: 'InternalIP', address: input.address }, { type: 'Hostname', address: input.name }],
    allocatable: { ...capacity, memory: lessEviction(memory) },
    capacity,
    conditions,
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    images: [...input.images],
    nodeInfo: {
      architecture: 'amd64', bootID: input.bootId, containerRuntimeVersion: 'containerd://2.1.4', kernelVersion: input.kernel, kubeProxyVersion: '', kubeletVersion: input.version, machineID: input.machineId,
      operatingSystem: 'linux', osImage: input.osImage, systemUUID: input.systemUuid,
    },
    runtimeHandlers: [{ features: { recursiveReadOnlyMounts: true, userNamespaces: true }, name: '' }, { features: { recursiveReadOnlyMounts: true, userNamespaces: true }, name: 'runc' }],
  }
}

/** Allocatable memory: capacity less the hard eviction threshold of 100Mi. */
function lessEviction(memory: string): string {
  const match = /^(\d+)Ki$/.exec(memory)
  return match ? `${Number(match[1]) - 100 * 1024}Ki` : memory
}

const healthy: readonly { readonly type: string; readonly reason: string; readonly message: string }[] = [
  { type: 'MemoryPressure', reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available' },
  { type: 'DiskPressure', reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
  { type: 'PIDPressure', reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
]

/** `problem`: why the node is not ready. */
export function nodeConditions(old: readonly Condition[] | undefined, problem: string | undefined, now: number): Condition[] {
  const make = (type: string, status: string, reason: string, message: string): Condition => {
    const before = old?.find((c) => c.type === type)
    return { lastHeartbeatTime: seconds(now), lastTransitionTime: before && before.status === status ? (before.lastTransitionTime ?? seconds(now)) : seconds(now), message, reason, status, type }
  }
  const own = [...healthy.map((c) => make(c.type, 'False', c.reason, c.message)), problem === undefined ? make('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status') : make('Ready', 'False', 'KubeletNotReady', problem)]
  return [...(old ?? []).filter((c) => !own.some((o) => o.type === c.type)), ...own]
}
