/**
 * Keeps as many pods as a ReplicaSet asks for (pkg/controller/replicaset): adopts, creates in batches that double, deletes the
 * least useful first, and tells the status. ReplicationControllers run through the same code, as upstream.
 */
import type { GroupVersionResource } from '#engine/api/types.ts'
import type { ControllerContext } from '../controller.ts'
import { keyOf, splitKey, timestamp } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { Expectations } from '../expectations.ts'
import { byOwner, claim, controllerOf, isConflict, orphanKeys, orphans, ownerKeys, tolerateGone } from '../ownership.ts'
import { createPod, deletePod, deletionOrder, isNamespaceTerminating, isPodAvailable, podFromTemplate } from '../pod-control.ts'
import { isPodActive, isPodFinished, isPodReady, podCondition, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import { replicasets, type ReplicaSet, type ReplicaSetStatus } from '#engine/kinds/replicaset/types.ts'
import { mapMatches, selectorMatches } from '#engine/kinds/selectors.ts'

const burst = 500

/** What differs between the two kinds. */
interface Kind {
  readonly resource: GroupVersionResource
  readonly kind: string
  readonly component: string
  /** The object with a selector of the newer form. */
  read(object: ReplicaSet): ReplicaSet
  /** Whether the status tells of pods that are on their way out. */
  readonly tellsTerminating: boolean
}

const replicationControllers: Kind = {
  resource: { group: '', version: 'v1', resource: 'replicationcontrollers' }, kind: 'ReplicationController', component: 'replication-controller', tellsTerminating: false,
  read: (object) => ({ ...object, spec: { ...object.spec, selector: { matchLabels: object.spec.selector as unknown as Record<string, string> } } }),
}

export function startReplicaSetController(context: ControllerContext): void {
  startReplicas(context, { resource: replicasets, kind: 'ReplicaSet', component: 'replicaset-controller', read: (object) => object, tellsTerminating: true })
}

export function startReplicationController(context: ControllerContext): void {
  startReplicas(context, replicationControllers)
}

function startReplicas(context: ControllerContext, { resource, kind, component, read, tellsTerminating }: Kind): void {
  const { api, sim } = context
  const stored = api.informer<ReplicaSet>(resource)
  const sets = {
    get: (namespace: string | undefined, name: string) => {
      const object = stored.get(namespace, name)
      return object && read(object)
    },
    list: (namespace: string | undefined) => stored.list(namespace).map(read),
  }
  const podCache = api.informer<Pod>(pods)
  podCache.addIndex(byOwner, ownerKeys)
  podCache.addIndex(orphans, orphanKeys)
  const expectations = new Expectations()
  const queue = context.queue(sync)

  stored.onAdd((rs) => queue.add(keyOf(rs)))
  stored.onUpdate((rs) => queue.add(keyOf(rs)))
  stored.onDelete((rs) => {
    expectations.forget(keyOf(rs))
    queue.add(keyOf(rs))
  })

  const ownerKey = (pod: Pod): string | undefined => {
    const owner = controllerOf(pod)
    if (!owner || owner.kind !== kind) return undefined
    const rs = sets.get(pod.metadata.namespace, owner.name)
    return rs?.metadata.uid === owner.uid ? keyOf(rs) : undefined
  }
  const wakeMatching = (pod: Pod): void => {
    for (const rs of sets.list(pod.metadata.namespace)) if (selectorMatches(rs.spec.selector, pod.metadata.labels)) queue.add(keyOf(rs))
  }
  const deletionSeen = new Set<string>()
  podCache.onAdd((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) {
      if (!controllerOf(pod)) wakeMatching(pod)
      return
    }
    if (pod.metadata.deletionTimestamp === undefined) expectations.added(key)
    queue.add(key)
  })
  podCache.onUpdate((pod, old) => {
    const key = ownerKey(pod)
    const oldKey = ownerKey(old)
    if (pod.metadata.deletionTimestamp !== undefined && key !== undefined && !deletionSeen.has(pod.metadata.uid ?? '')) {
      deletionSeen.add(pod.metadata.uid ?? '')
      expectations.deleted(key)
    }
    if (oldKey !== undefined && oldKey !== key) queue.add(oldKey)
    if (key !== undefined) {
      queue.add(key)
      const min = sets.get(...nsName(key))?.spec.minReadySeconds ?? 0
      if (min > 0 && !isPodReady(old) && isPodReady(pod)) queue.addAfter(key, min * 1000 + 1000)
    } else if (!controllerOf(pod) && (!deepEqual(pod.metadata.labels, old.metadata.labels) || controllerOf(old))) wakeMatching(pod)
  })
  podCache.onDelete((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) return
    if (!deletionSeen.delete(pod.metadata.uid ?? '')) expectations.deleted(key)
    queue.add(key)
  })

  function nsName(key: string): [string | undefined, string] {
    return splitKey(key)
  }

  function sync(key: string): void {
    const rs = sets.get(...nsName(key))
    if (!rs) return
    const settled = expectations.satisfied(key)
    const owned = podCache.byIndex(byOwner, rs.metadata.uid ?? '')
    const free = podCache.byIndex(orphans, rs.metadata.namespace ?? '').filter((p) => !isPodFinished(p))
    const claimed = claim(api, pods, rs, rs.spec.selector, owned, free)
    const active = claimed.filter(isPodActive)
    const terminating = claimed.filter((p) => p.metadata.deletionTimestamp !== undefined && !isPodFinished(p))
    let failure: Error | undefined
    if (settled && rs.metadata.deletionTimestamp === undefined) failure = manage(key, rs, active, claimed)
    updateStatus(rs, active, terminating.length, failure)
    if (failure) throw failure
  }

  function manage(key: string, rs: ReplicaSet, active: readonly Pod[], all: readonly Pod[]): Error | undefined {
    const want = rs.spec.replicas ?? 1
    let diff = active.length - want
    if (diff < 0) {
      diff = Math.min(-diff, burst)
      expectations.expectAdds(key, diff)
      let left = diff
      for (let batch = 1; left > 0; batch *= 2) {
        let failure: Error | undefined
        for (let i = Math.min(batch, left); i > 0; i--, left--) {
          try {
            createPod(context, rs, podFromTemplate(rs.spec.template, rs), component)
          } catch (error) {
            expectations.added(key)
            if (isNamespaceTerminating(error)) continue
            failure = error as Error
          }
        }
        if (failure) {
          for (; left > 0; left--) expectations.added(key)
          return failure
        }
      }
    } else if (diff > 0) {
      diff = Math.min(diff, burst)
      const owner = controllerOf(rs)
      const related = owner ? sets.list(rs.metadata.namespace).filter((s) => controllerOf(s)?.uid === owner.uid).flatMap((s) => podCache.byIndex(byOwner, s.metadata.uid ?? '')) : all
      const victims = deletionOrder(active, related, sim.now).slice(0, diff)
      expectations.expectDeletes(key, victims.length)
      for (const pod of victims) {
        try {
          deletePod(context, rs, pod, component)
        } catch (error) {
          expectations.deleted(key)
          return error as Error
        }
      }
    }
    return undefined
  }

  function updateStatus(rs: ReplicaSet, active: readonly Pod[], terminating: number, failure: Error | undefined): void {
    const min = rs.spec.minReadySeconds ?? 0
    const conditions = [...(rs.status?.conditions ?? [])].filter((c) => c.type !== 'ReplicaFailure')
    const old = rs.status?.conditions?.find((c) => c.type === 'ReplicaFailure')
    if (failure) {
      const reason = active.length < (rs.spec.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete'
      const condition: Condition = old ?? { type: 'ReplicaFailure', status: 'True', reason, message: failure.message, lastTransitionTime: timestamp(sim.now) }
      conditions.push(condition)
    }
    const ready = active.filter(isPodReady)
    const available = ready.filter((p) => isPodAvailable(p, min, sim.now))
    const count = (n: number) => (n > 0 ? n : undefined)
    const status: ReplicaSetStatus = {
      replicas: active.length,
      ...optional('fullyLabeledReplicas', count(active.filter((p) => mapMatches(rs.spec.template.metadata?.labels, p.metadata.labels)).length)),
      ...optional('readyReplicas', count(ready.length)),
      ...optional('availableReplicas', count(available.length)),
      ...(tellsTerminating ? { terminatingReplicas: terminating } : {}),
      observedGeneration: rs.metadata.generation ?? 1,
      ...(conditions.length > 0 ? { conditions } : {}),
    }
    // A pod that is ready but not yet available wakes the set when it will be.
    if (min > 0 && available.length < ready.length) {
      for (const pod of ready) {
        const since = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '')
        if (since + min * 1000 > sim.now) queue.addAfter(keyOf(rs), since + min * 1000 - sim.now)
      }
    }
    if (rs.status && deepEqual(tellsTerminating ? { ...rs.status, terminatingReplicas: rs.status.terminatingReplicas ?? -1 } : rs.status, status)) return
    write({ ...rs, status })
  }

  function write(rs: ReplicaSet): void {
    try {
      tolerateGone(() => api.update(resource, rs, 'status'))
    } catch (error) {
      if (!isConflict(error)) throw error
      const fresh = tolerateGone(() => api.get<ReplicaSet>(resource, rs.metadata.namespace, rs.metadata.name))
      if (fresh && fresh.metadata.uid === rs.metadata.uid && rs.status) tolerateGone(() => api.update(resource, { ...fresh, status: rs.status! }, 'status'))
    }
  }
}

export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}
