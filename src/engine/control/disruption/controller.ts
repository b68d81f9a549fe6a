/** Tells each PodDisruptionBudget how many of its pods may be disrupted (pkg/controller/disruption). */
import type { GroupVersionResource, KubeObject } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import { isPodFinished, isPodReady, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import { selectorMatches, type LabelSelector } from '#engine/kinds/selectors.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { scaledValue } from '../deployment/rollout.ts'
import { deepEqual } from '../equal.ts'
import { controllerOf, tolerateGone } from '../ownership.ts'

const budgets: GroupVersionResource = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' }
const component = 'controllermanager'

interface Budget extends KubeObject {
  spec: { minAvailable?: number | string; maxUnavailable?: number | string; selector?: LabelSelector }
  status?: { currentHealthy: number; desiredHealthy: number; expectedPods: number; disruptionsAllowed: number; observedGeneration?: number; disruptedPods?: Record<string, string>; conditions?: Condition[] }
}

const owners: Readonly<Record<string, GroupVersionResource>> = {
  ReplicaSet: { group: 'apps', version: 'v1', resource: 'replicasets' },
  StatefulSet: { group: 'apps', version: 'v1', resource: 'statefulsets' },
  Deployment: { group: 'apps', version: 'v1', resource: 'deployments' },
  ReplicationController: { group: '', version: 'v1', resource: 'replicationcontrollers' },
}

/** A selector as Go's generated String() writes it. */
function dumpSelector(selector: LabelSelector | undefined): string {
  if (!selector) return 'nil'
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}: ${v},`).join('')
  const expressions = (selector.matchExpressions ?? []).map((e) => `LabelSelectorRequirement{Key:${e.key},Operator:${e.operator},Values:[${(e.values ?? []).join(' ')}],},`).join('')
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`
}

export function startDisruptionController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Budget>(budgets)
  const podCache = api.informer<Pod>(pods)
  const queue = context.queue(sync)
  cache.onAdd((b) => queue.add(keyOf(b)))
  cache.onUpdate((b) => queue.add(keyOf(b)))
  const wake = (pod: Pod) => {
    for (const b of cache.list(pod.metadata.namespace)) if (selectorMatches(b.spec.selector, pod.metadata.labels)) queue.add(keyOf(b))
  }
  podCache.onAdd(wake)
  podCache.onUpdate(wake)
  podCache.onDelete(wake)

  /** Replicas that the owners of these pods ask for, or what is missing. */
  function expected(members: readonly Pod[]): number | string {
    const seen = new Map<string, number>()
    for (const pod of members) {
      const owner = controllerOf(pod)
      if (!owner) continue
      const resource = owners[owner.kind]
      if (!resource) return `found no controllers for pod ${JSON.stringify(pod.metadata.name)}`
      let kind = resource
      let { name } = owner
      if (owner.kind === 'ReplicaSet') {
        const rs = tolerateGone(() => api.get(resource, pod.metadata.namespace, name))
        const parent = rs && controllerOf(rs)
        if (parent?.kind === 'Deployment') {
          kind = owners['Deployment']!
          name = parent.name
        }
      }
      const object = tolerateGone(() => api.get<KubeObject & { spec?: { replicas?: number } }>(kind, pod.metadata.namespace, name))
      if (object) seen.set(object.metadata.uid ?? '', object.spec?.replicas ?? 1)
    }
    return [...seen.values()].reduce((a, b) => a + b, 0)
  }

  function sync(key: string): void {
    const budget = cache.get(...splitKey(key))
    if (!budget || budget.metadata.deletionTimestamp !== undefined) return
    const members = podCache.list(budget.metadata.namespace).filter((p) => !isPodFinished(p) && selectorMatches(budget.spec.selector, p.metadata.labels))
    if (members.length === 0) api.event(budget, 'Normal', 'NoPods', 'No matching pods found', component)
    let expectedPods = members.length
    let desired: number
    const { minAvailable, maxUnavailable } = budget.spec
    if (maxUnavailable !== undefined || typeof minAvailable === 'string') {
      const unmanaged = members.filter((p) => !controllerOf(p))
      if (unmanaged.length > 0) {
        const text = 'were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
        api.event(budget, 'Warning', 'UnmanagedPods', `Pods selected by this PodDisruptionBudget (selector: ${dumpSelector(budget.spec.selector)}) ${text}`, component)
      }
      const count = expected(members)
      if (typeof count === 'string') {
        api.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${count}`, component)
        fail(budget, count)
        return
      }
      expectedPods = count
      desired = maxUnavailable !== undefined ? Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, true)) : scaledValue(minAvailable, expectedPods, true)
    } else desired = typeof minAvailable === 'number' ? minAvailable : 0
    const healthy = members.filter((p) => p.metadata.deletionTimestamp === undefined && isPodReady(p) && !budget.status?.disruptedPods?.[p.metadata.name]).length
    const allowed = expectedPods <= 0 ? 0 : Math.max(0, healthy - desired)
    const old = budget.status
    const conditions = withCondition(old?.conditions, allowed > 0 ? 'True' : 'False', allowed > 0 ? 'SufficientPods' : 'InsufficientPods', '', budget.metadata.generation ?? 1)
    const disrupted = Object.fromEntries(Object.entries(old?.disruptedPods ?? {}).filter(([name]) => members.some((p) => p.metadata.name === name && p.metadata.deletionTimestamp === undefined)))
    const status = { conditions, currentHealthy: healthy, desiredHealthy: desired, disruptionsAllowed: allowed, expectedPods, observedGeneration: budget.metadata.generation ?? 1, ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}) }
    if (deepEqual({ ...old }, status)) return
    tolerateGone(() => api.update<Budget>(budgets, { ...budget, status }, 'status'))
  }

  function withCondition(conditions: readonly Condition[] | undefined, status: string, reason: string, message: string, generation: number): Condition[] {
    const old = conditions?.find((c) => c.type === 'DisruptionAllowed')
    return [{ type: 'DisruptionAllowed', status, reason, message, observedGeneration: generation, lastTransitionTime: old && old.status === status ? (old.lastTransitionTime ?? null) : timestamp(sim.now) }]
  }

  function fail(budget: Budget, message: string): void {
    const conditions = withCondition(budget.status?.conditions, 'False', 'SyncFailed', message, budget.metadata.generation ?? 1)
    const status = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...budget.status, disruptionsAllowed: 0, conditions, observedGeneration: budget.metadata.generation ?? 1 }
    if (deepEqual(budget.status, status)) return
    try {
      tolerateGone(() => api.update<Budget>(budgets, { ...budget, status }, 'status'))
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
    }
  }
}
