/** Node, core/v1, and the Lease that its kubelet renews. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { Condition } from '../pod/types.ts'
import type { Taint } from '../selectors.ts'

export const nodes: GroupVersionResource = { group: '', version: 'v1', resource: 'nodes' }
export const leases: GroupVersionResource = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' }

export interface Node extends KubeObject {
  spec: { podCIDR?: string; podCIDRs?: string[]; taints?: Taint[]; unschedulable?: boolean; providerID?: string }
  status?: NodeStatus
}

export interface NodeStatus {
  capacity?: Record<string, string>
  allocatable?: Record<string, string>
  conditions?: Condition[]
  addresses?: { type: string; address: string }[]
  daemonEndpoints?: { kubeletEndpoint?: { Port: number } }
  nodeInfo?: Record<string, unknown>
  images?: { names: string[]; sizeBytes: number }[]
  runtimeHandlers?: unknown[]
  features?: unknown
}

export interface Lease extends KubeObject {
  spec: { holderIdentity?: string; leaseDurationSeconds?: number; acquireTime?: string; renewTime?: string; leaseTransitions?: number }
}

export function nodeCondition(node: Node, type: string): Condition | undefined {
  return node.status?.conditions?.find((c) => c.type === type)
}
