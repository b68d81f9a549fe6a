/** HorizontalPodAutoscalers: defaults, and the v1 form of the same object. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'

function rules(given: Loose, defaults: Loose): Loose {
  const r = { ...given }
  r.selectPolicy ??= 'Max'
  if (r.stabilizationWindowSeconds === undefined && defaults.stabilizationWindowSeconds !== undefined) r.stabilizationWindowSeconds = defaults.stabilizationWindowSeconds
  r.policies ??= defaults.policies
  return r
}

export const hpaStrategy: Strategy & Partial<KindDefinition> = {
  defaults(hpa) {
    const spec = (hpa.spec ??= {})
    spec.minReplicas ??= 1
    if (!spec.metrics || spec.metrics.length === 0) spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }]
    if (spec.behavior) {
      spec.behavior.scaleUp = rules(spec.behavior.scaleUp, { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] })
      spec.behavior.scaleDown = rules(spec.behavior.scaleDown, { policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] })
    }
  },
  prepareForCreate(hpa) {
    hpa.status = { desiredReplicas: 0, currentMetrics: null }
  },
  prepareForUpdate(hpa, old) {
    hpa.status = old.status
  },
}

/** autoscaling/v1: one CPU target as a field; whatever else there is hides in annotations, which is left out here. */
export const hpaV1: Strategy & Partial<KindDefinition> = {
  ...hpaStrategy,
  defaults(hpa) {
    hpa.spec.minReplicas ??= 1
  },
  prepareForCreate(hpa) {
    hpa.status = { currentReplicas: 0, desiredReplicas: 0 }
  },
  alias: {
    resource: 'horizontalpodautoscalers.autoscaling',
    toStorage(v1) {
      const { targetCPUUtilizationPercentage: cpu, ...spec } = v1.spec
      const v2 = {
        ...v1,
        apiVersion: 'autoscaling/v2',
        spec: { ...spec, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpu ?? 80 } } }] },
        status: { desiredReplicas: v1.status?.desiredReplicas ?? 0, currentMetrics: null, ...(v1.status?.currentReplicas ? { currentReplicas: v1.status.currentReplicas } : {}) },
      }
      return v2
    },
    fromStorage(v2) {
      const { metrics, behavior: _, ...spec } = v2.spec
      const cpu = (metrics ?? []).find((m: Loose) => m.type === 'Resource' && m.resource?.name === 'cpu')?.resource.target.averageUtilization
      return { ...v2, apiVersion: 'autoscaling/v1', spec: { ...spec, ...(cpu !== undefined ? { targetCPUUtilizationPercentage: cpu } : {}) }, status: { currentReplicas: v2.status?.currentReplicas ?? 0, desiredReplicas: v2.status?.desiredReplicas ?? 0 } }
    },
  },
}
