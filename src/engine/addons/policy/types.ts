/** NetworkPolicy, networking.k8s.io/v1, and what a policy sees of a pod. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { LabelSelector } from '#engine/kinds/selectors.ts'

export const networkPolicies: GroupVersionResource = { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' }

export interface PolicyPeer {
  podSelector?: LabelSelector
  namespaceSelector?: LabelSelector
  ipBlock?: { cidr: string; except?: string[] }
}

export interface PolicyPort {
  protocol?: string
  port?: number | string
  endPort?: number
}

export interface PolicyRule {
  from?: PolicyPeer[] | null
  to?: PolicyPeer[] | null
  ports?: PolicyPort[] | null
}

export interface NetworkPolicy extends KubeObject {
  spec: { podSelector?: LabelSelector; policyTypes?: string[]; ingress?: PolicyRule[] | null; egress?: PolicyRule[] | null }
}

export type Direction = 'ingress' | 'egress'

/** A pod as policies see it. Host-network pods are not workloads: they stand for their node. */
export interface PolicyPod {
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly ip: string | undefined
  readonly node: string | undefined
  readonly hostNetwork: boolean
  /** Ports that have a name. */
  readonly namedPorts: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
}

export interface PolicyNamespace {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

interface PodLike extends KubeObject {
  spec?: { nodeName?: string; hostNetwork?: boolean; containers?: { ports?: { name?: string; protocol?: string; containerPort: number }[] }[]; initContainers?: { restartPolicy?: string; ports?: { name?: string; protocol?: string; containerPort: number }[] }[] }
  status?: { podIP?: string; phase?: string }
}

/** The pod's address as the CNI plugin noted it, before the kubelet says it in the status. */
export const podIpAnnotation = 'cni.projectcalico.org/podIP'

export function policyPod(object: KubeObject): PolicyPod {
  const pod = object as PodLike
  const done = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
  const ip = pod.metadata.annotations?.[podIpAnnotation]?.split('/')[0] ?? pod.status?.podIP
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')]
  return {
    namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, labels: pod.metadata.labels ?? {}, ip: done || !ip ? undefined : ip, node: pod.spec?.nodeName,
    hostNetwork: pod.spec?.hostNetwork ?? false,
    namedPorts: containers.flatMap((c) => (c.ports ?? []).flatMap((p) => (p.name ? [{ name: p.name, protocol: p.protocol ?? 'TCP', port: p.containerPort }] : []))),
  }
}

/** Every namespace has its name as a label, whatever the object says. */
export function policyNamespace(object: KubeObject): PolicyNamespace {
  return { name: object.metadata.name, labels: { 'kubernetes.io/metadata.name': object.metadata.name, ...object.metadata.labels } }
}
