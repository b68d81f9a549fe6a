/** What an autoscaler tells and does, with metrics that a test plays. */
import { expect, test } from 'vitest'
import type { ApiClient } from '#engine/api/types.ts'
import { pods, type Pod } from '#engine/kinds/pod/types.ts'
import { ControllerContext } from '../controller.ts'
import { controlRig, readyStatus, type ControlRig } from '../rig.ts'
import { startHorizontalPodAutoscaler } from './controller.ts'
import { emptyHistory, limit, noteScale } from './limits.ts'
import { horizontalpodautoscalers, podMetrics, type Autoscaler, type PodMetrics } from './types.ts'

const deployments = { group: 'apps', version: 'v1', resource: 'deployments' }

function world(options: { readonly request?: string; readonly usage?: () => string | undefined; readonly spec?: object; readonly selector?: string }): { rig: ControlRig; hpa: () => Autoscaler; replicas: () => number } {
  const rig = controlRig({ controllers: ['deployment-controller', 'replicaset-controller'] })
  const played: ApiClient = Object.assign(Object.create(rig.api) as ApiClient, {
    get: (...args: Parameters<ApiClient['get']>) => ({ ...rig.api.get(...args), ...(options.selector !== undefined && args[0].resource.endsWith('/scale') ? { status: { replicas: 1, selector: options.selector } } : {}) }), update: (...args: Parameters<ApiClient['update']>) => rig.api.update(...args), informer: (gvr: never) => rig.api.informer(gvr), event: (...args: Parameters<ApiClient['event']>) => rig.api.event(...args),
    list: (gvr: typeof podMetrics, how?: { namespace?: string }) => {
      if (gvr.group !== 'metrics.k8s.io' || !options.usage) return rig.api.list(gvr, how)
      const cpu = options.usage()
      return cpu === undefined ? [] : rig.api.list<Pod>(pods, how).map((pod): PodMetrics => ({ apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', metadata: pod.metadata, timestamp: new Date(rig.sim.now).toISOString(), window: '15s', containers: [{ name: 'c', usage: { cpu, memory: '10Mi' } }] }))
    },
  })
  startHorizontalPodAutoscaler(new ControllerContext(rig.sim, played, { resources: [{ ...deployments, kind: 'Deployment', namespaced: true }] }))
  rig.api.create(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'x', ...(options.request ? { resources: { requests: { cpu: options.request } } } : {}) }] } } } } as never)
  rig.api.create(horizontalpodautoscalers, { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web', namespace: 'default' }, spec: { maxReplicas: 10, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, ...options.spec } } as never)
  const settle = rig.run
  rig.run = (ms) => {
    for (let left = ms; left > 0; left -= 1000) {
      settle(Math.min(1000, left))
      for (const pod of rig.api.list<Pod>(pods)) if (pod.status?.phase !== 'Running') rig.setPod(pod, { ...readyStatus(rig.sim.now, '10.1.0.1'), startTime: new Date(rig.sim.now - 600_000).toISOString() })
    }
  }
  return { rig, hpa: () => rig.api.get<Autoscaler>(horizontalpodautoscalers, 'default', 'web'), replicas: () => (rig.api.get(deployments, 'default', 'web') as unknown as { spec: { replicas: number } }).spec.replicas }
}

test('a selector that says nothing', () => {
  const { rig, hpa } = world({ selector: 'a=b=c' })
  rig.run(16_000)
  expect(hpa().status?.conditions?.at(-1)).toMatchObject({ type: 'ScalingActive', status: 'False', reason: 'InvalidSelector', message: "couldn't convert selector into a corresponding internal selector object: found '=', expected: ',' or 'end of string'" })
})

test('without a metrics API', () => {
  const { rig, hpa } = world({})
  rig.run(16_000)
  const why = 'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)'
  expect(hpa().status?.conditions?.map((c) => [c.type, c.status, c.reason, c.message])).toEqual([
    ['AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale"],
    ['ScalingActive', 'False', 'FailedGetResourceMetric', `the HPA was unable to compute the replica count: ${why}`],
  ])
  expect(rig.events('FailedGetResourceMetric')).toEqual([why])
  expect(rig.events('FailedComputeMetricsReplicas')).toEqual([`invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${why}`])
})

test('a container without a request', () => {
  const { rig } = world({ usage: () => '50m' })
  rig.run(16_000)
  expect(rig.events('FailedGetResourceMetric')[0]).toMatch(/^failed to get cpu utilization: missing request for cpu in container c of Pod web-\S+$/)
})

test('up with the load, four at most at first, and down when five minutes have gone', () => {
  let cpu = '1'
  const { rig, hpa, replicas } = world({ request: '100m', usage: () => cpu, spec: { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }] } })
  rig.run(16_000)
  expect(replicas()).toBe(4)
  expect(rig.events('SuccessfulRescale')).toEqual(['New size: 4; reason: cpu resource utilization (percentage of request) above target'])
  rig.run(30_000)
  expect(replicas()).toBe(10)
  expect(hpa().status?.conditions?.find((c) => c.type === 'ScalingLimited')).toMatchObject({ status: 'True', reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' })
  cpu = '1m'
  rig.run(60_000)
  expect(replicas()).toBe(10)
  expect(hpa().status?.conditions?.[0]).toMatchObject({ reason: 'ScaleDownStabilized' })
  rig.run(300_000)
  expect(replicas()).toBe(1)
  expect(rig.events('SuccessfulRescale').at(-1)).toBe('New size: 1; reason: All metrics below target')
})

test('policies of a behaviour bound the pace', () => {
  const spec: Autoscaler['spec'] = { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 20, behavior: { scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] }, scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: 'Min', policies: [{ type: 'Percent', value: 50, periodSeconds: 60 }, { type: 'Pods', value: 1, periodSeconds: 60 }] } } }
  const history = emptyHistory(4, 0)
  expect(limit(spec, history, 4, 12, 1000)).toEqual({ replicas: 6, able: ['ReadyForNewScale', 'recommended size matches current size'], limited: [true, 'ScaleUpLimit', 'the desired replica count is increasing faster than the maximum scale rate'] })
  noteScale(spec, history, 4, 6, 1000)
  expect(limit(spec, history, 6, 12, 20_000).replicas).toBe(6)
  expect(limit(spec, history, 6, 12, 62_000).replicas).toBe(8)
  expect(limit(spec, emptyHistory(8, 0), 8, 1, 1000)).toMatchObject({ replicas: 7, limited: [true, 'ScaleDownLimit', 'the desired replica count is decreasing faster than the maximum scale rate'] })
})
