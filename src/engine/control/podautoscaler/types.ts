/** HorizontalPodAutoscaler, autoscaling/v2, and the metrics of pods that it looks at (metrics.k8s.io/v1beta1). */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import type { LabelSelector } from '#engine/kinds/selectors.ts'

export const horizontalpodautoscalers: GroupVersionResource = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' }

export interface MetricTarget {
  type: string
  averageUtilization?: number
  averageValue?: string
  value?: string
}

export interface MetricSpec {
  type: 'Resource' | 'ContainerResource' | 'Pods' | 'Object' | 'External'
  resource?: { name: string; target: MetricTarget }
  containerResource?: { name: string; container: string; target: MetricTarget }
  pods?: { metric: { name: string; selector?: LabelSelector }; target: MetricTarget }
  object?: { metric: { name: string; selector?: LabelSelector }; describedObject: { kind: string; name: string; apiVersion?: string }; target: MetricTarget }
  external?: { metric: { name: string; selector?: LabelSelector }; target: MetricTarget }
}

export interface MetricStatus {
  type: string
  resource?: { name: string; current: { averageUtilization?: number; averageValue?: string } }
  containerResource?: { name: string; container: string; current: { averageUtilization?: number; averageValue?: string } }
}

export interface ScalingRules {
  stabilizationWindowSeconds?: number
  selectPolicy?: 'Max' | 'Min' | 'Disabled'
  policies?: { type: 'Pods' | 'Percent'; value: number; periodSeconds: number }[]
  tolerance?: string
}

export interface Condition {
  type: string
  status: string
  lastTransitionTime?: string
  reason?: string
  message?: string
}

export interface Autoscaler extends KubeObject {
  spec: {
    scaleTargetRef: { apiVersion?: string; kind: string; name: string }
    minReplicas?: number
    maxReplicas: number
    metrics?: MetricSpec[]
    behavior?: { scaleUp?: ScalingRules; scaleDown?: ScalingRules }
  }
  status?: { currentReplicas?: number; desiredReplicas: number; lastScaleTime?: string; currentMetrics?: MetricStatus[] | null; conditions?: Condition[] }
}

export interface ContainerUsage {
  readonly name: string
  readonly usage: Readonly<Record<string, string>>
}

export const podMetrics: GroupVersionResource = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' }

export interface PodMetrics extends KubeObject {
  /** RFC 3339. */
  timestamp: string
  /** A Go duration. */
  window: string
  containers: readonly ContainerUsage[]
}
