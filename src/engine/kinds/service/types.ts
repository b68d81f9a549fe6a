/** Service, core/v1. */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'

export const services: GroupVersionResource = { group: '', version: 'v1', resource: 'services' }

export interface ServicePort {
  name?: string
  protocol?: 'TCP' | 'UDP' | 'SCTP'
  appProtocol?: string
  port: number
  targetPort?: number | string
  nodePort?: number
}

export interface Service extends KubeObject {
  spec: {
    type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
    selector?: Record<string, string>
    ports?: ServicePort[]
    clusterIP?: string
    clusterIPs?: string[]
    externalIPs?: string[]
    externalName?: string
    externalTrafficPolicy?: string
    internalTrafficPolicy?: string
    sessionAffinity?: string
    sessionAffinityConfig?: { clientIP?: { timeoutSeconds?: number } }
    publishNotReadyAddresses?: boolean
    ipFamilies?: string[]
    ipFamilyPolicy?: string
    healthCheckNodePort?: number
    loadBalancerIP?: string
    loadBalancerSourceRanges?: string[]
    loadBalancerClass?: string
    trafficDistribution?: string
    allocateLoadBalancerNodePorts?: boolean
  }
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string; ipMode?: string }[] }; conditions?: unknown[] }
}
