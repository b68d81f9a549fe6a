/** Status and conditions of a Deployment (pkg/controller/deployment/progress.go and util). */
import type { Deployment, DeploymentStatus } from '#engine/kinds/deployment/types.ts'
import type { Condition } from '#engine/kinds/pod/types.ts'
import type { ReplicaSet } from '#engine/kinds/replicaset/types.ts'
import { timestamp } from '../controller.ts'
import { maxUnavailable, sumAvailable, sumReady, sumStatus } from './rollout.ts'

export function condition(status: DeploymentStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((c) => c.type === type)
}

export function newCondition(now: number, type: string, status: string, reason: string, message: string): Condition {
  return { type, status, lastUpdateTime: timestamp(now), lastTransitionTime: timestamp(now), reason, message }
}

/** The conditions with `fresh` in; the very same list when nothing that counts changed. */
export function withCondition(conditions: readonly Condition[] | undefined, fresh: Condition): Condition[] {
  const old = conditions?.find((c) => c.type === fresh.type)
  if (old && old.status === fresh.status && old.reason === fresh.reason) return [...(conditions ?? [])]
  const kept = old && old.status === fresh.status ? { ...fresh, lastTransitionTime: old.lastTransitionTime ?? fresh.lastTransitionTime ?? null } : fresh
  return [...(conditions ?? []).filter((c) => c.type !== fresh.type), kept]
}

export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((c) => c.type !== type)
}

export function hasDeadline(d: Deployment): boolean {
  return d.spec.progressDeadlineSeconds !== undefined && d.spec.progressDeadlineSeconds !== 2147483647
}

export function isComplete(d: Deployment, status: DeploymentStatus | undefined): boolean {
  const want = d.spec.replicas ?? 1
  return (status?.updatedReplicas ?? 0) === want && (status?.replicas ?? 0) === want && (status?.availableReplicas ?? 0) === want && (status?.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
}

function isProgressing(d: Deployment, next: DeploymentStatus): boolean {
  const old = d.status ?? {}
  const before = (old.replicas ?? 0) - (old.updatedReplicas ?? 0)
  const after = (next.replicas ?? 0) - (next.updatedReplicas ?? 0)
  return (next.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) || after < before || (next.readyReplicas ?? 0) > (old.readyReplicas ?? 0) || (next.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
}

export function isTimedOut(d: Deployment, status: DeploymentStatus | undefined, now: number): boolean {
  if (!hasDeadline(d)) return false
  const current = condition(status, 'Progressing')
  if (!current || current.reason === 'NewReplicaSetAvailable') return false
  if (current.reason === 'ProgressDeadlineExceeded') return true
  return Date.parse(current.lastUpdateTime ?? '') + d.spec.progressDeadlineSeconds! * 1000 < now
}

export function calculateStatus(d: Deployment, all: readonly ReplicaSet[], fresh: ReplicaSet | undefined, now: number): DeploymentStatus {
  const available = sumAvailable(all)
  const total = sumStatus(all)
  const terminating = all.every((rs) => rs.status?.terminatingReplicas !== undefined) ? all.reduce((sum, rs) => sum + (rs.status?.terminatingReplicas ?? 0), 0) : undefined
  const enough = available >= (d.spec.replicas ?? 1) - maxUnavailable(d)
  const availableCondition = enough
    ? newCondition(now, 'Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
    : newCondition(now, 'Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.')
  const status: DeploymentStatus = {
    ...(d.metadata.generation !== undefined ? { observedGeneration: d.metadata.generation } : {}),
    conditions: withCondition(d.status?.conditions, availableCondition),
  }
  const put = (key: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas', value: number) => {
    if (value > 0) status[key] = value
  }
  put('replicas', total)
  put('updatedReplicas', fresh?.status?.replicas ?? 0)
  put('readyReplicas', sumReady(all))
  put('availableReplicas', available)
  put('unavailableReplicas', total - available)
  if (terminating !== undefined) status.terminatingReplicas = terminating
  if (d.status?.collisionCount !== undefined) status.collisionCount = d.status.collisionCount
  return status
}

/** The status of a rolling deployment with its Progressing and ReplicaFailure conditions. */
export function rolloutStatus(d: Deployment, all: readonly ReplicaSet[], fresh: ReplicaSet | undefined, now: number): DeploymentStatus {
  const status = calculateStatus(d, all, fresh, now)
  let conditions = status.conditions ?? []
  const what = fresh ? `ReplicaSet "${fresh.metadata.name}"` : `Deployment "${d.metadata.name}"`
  if (!hasDeadline(d)) conditions = withoutCondition(conditions, 'Progressing')
  const current = condition(d.status, 'Progressing')
  const done = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable'
  if (hasDeadline(d) && !done) {
    if (isComplete(d, status)) {
      conditions = withCondition(conditions, newCondition(now, 'Progressing', 'True', 'NewReplicaSetAvailable', `${what} has successfully progressed.`))
    } else if (isProgressing(d, status)) {
      const next = newCondition(now, 'Progressing', 'True', 'ReplicaSetUpdated', `${what} is progressing.`)
      if (current?.status === 'True') next.lastTransitionTime = current.lastTransitionTime ?? null
      conditions = [...withoutCondition(conditions, 'Progressing'), next]
    } else if (isTimedOut(d, { ...status, conditions }, now)) {
      conditions = withCondition(conditions, newCondition(now, 'Progressing', 'False', 'ProgressDeadlineExceeded', `${what} has timed out progressing.`))
    }
  }
  const failure = [fresh, ...all].map((rs) => rs?.status?.conditions?.find((c) => c.type === 'ReplicaFailure')).find((c) => c !== undefined)
  conditions = failure
    ? withCondition(conditions, newCondition(now, 'ReplicaFailure', failure.status, failure.reason ?? '', failure.message ?? ''))
    : withoutCondition(conditions, 'ReplicaFailure')
  return { ...status, conditions }
}
