/** SetDefaults_Service. */
import type { Loose } from '#engine/api/loose.ts'
import { each, fill } from '../shared/defaults.ts'

export function externallyAccessible(spec: Loose): boolean {
  return spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && spec.externalIPs?.length > 0)
}

export function serviceDefaults(service: Loose): void {
  const spec = (service.spec ??= {})
  fill(spec, { sessionAffinity: 'None' })
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP') {
    if (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } }
  }
  fill(spec, { type: 'ClusterIP' })
  each(spec.ports, (p) => {
    fill(p, { protocol: 'TCP' })
    if (!p.targetPort) p.targetPort = p.port
  })
  if (externallyAccessible(spec)) fill(spec, { externalTrafficPolicy: 'Cluster' })
  if (spec.type !== 'ExternalName' && ['ClusterIP', 'NodePort', 'LoadBalancer'].includes(spec.type)) spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
  if (spec.type === 'LoadBalancer') each(service.status?.loadBalancer?.ingress, (i) => { if (i.ip) i.ipMode ??= 'VIP' })
}
