/**
 * The arithmetic of a rollout (pkg/controller/deployment/util): fence posts of maxSurge and maxUnavailable, how far the new
 * replica set may grow, how far old ones may shrink, and the proportional spread while both exist.
 */
import type { Deployment, IntOrPercent } from '#engine/kinds/deployment/types.ts'
import type { ReplicaSet } from '#engine/kinds/replicaset/types.ts'

export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas'
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas'

export function scaledValue(value: IntOrPercent | undefined, total: number, roundUp: boolean): number {
  if (value === undefined) return 0
  if (typeof value === 'number') return value
  const share = (Number.parseInt(value, 10) * total) / 100
  return roundUp ? Math.ceil(share) : Math.floor(share)
}

export function isRolling(d: Deployment): boolean {
  return (d.spec.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
}

/** [surge, unavailable]; never both 0. */
export function fenceposts(d: Deployment): [number, number] {
  const desired = d.spec.replicas ?? 1
  const surge = scaledValue(d.spec.strategy?.rollingUpdate?.maxSurge, desired, true)
  const unavailable = scaledValue(d.spec.strategy?.rollingUpdate?.maxUnavailable, desired, false)
  return [surge, surge === 0 && unavailable === 0 ? 1 : unavailable]
}

export function maxUnavailable(d: Deployment): number {
  if (!isRolling(d) || (d.spec.replicas ?? 1) === 0) return 0
  return Math.min(fenceposts(d)[1], d.spec.replicas ?? 1)
}

export function maxSurge(d: Deployment): number {
  return isRolling(d) ? fenceposts(d)[0] : 0
}

export const replicasOf = (rs: ReplicaSet): number => rs.spec.replicas ?? 1
export const sumSpec = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, rs) => sum + replicasOf(rs), 0)
export const sumStatus = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, rs) => sum + (rs.status?.replicas ?? 0), 0)
export const sumReady = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, rs) => sum + (rs.status?.readyReplicas ?? 0), 0)
export const sumAvailable = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, rs) => sum + (rs.status?.availableReplicas ?? 0), 0)
export const active = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((rs) => replicasOf(rs) > 0)

/** How many replicas the new set should have next. */
export function newSetReplicas(d: Deployment, all: readonly ReplicaSet[], fresh: ReplicaSet): number {
  const desired = d.spec.replicas ?? 1
  if (!isRolling(d)) return desired
  const room = desired + maxSurge(d) - sumSpec(all)
  if (room <= 0) return replicasOf(fresh)
  return replicasOf(fresh) + Math.min(room, desired - replicasOf(fresh))
}

/** The share of `toAdd` that a set takes when a deployment is scaled in the middle of a rollout. */
export function proportion(rs: ReplicaSet, d: Deployment, toAdd: number, added: number): number {
  if (replicasOf(rs) === 0 || toAdd === 0 || toAdd === added) return 0
  const fraction = proportionalChange(rs, d)
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added)
}

function proportionalChange(rs: ReplicaSet, d: Deployment): number {
  const desired = d.spec.replicas ?? 1
  if (desired === 0) return -replicasOf(rs)
  const size = desired + maxSurge(d)
  const annotated = Number(rs.metadata.annotations?.[maxAnnotation] ?? NaN) || d.status?.replicas || 0
  if (annotated === 0) return 0
  return Math.round((replicasOf(rs) * size) / annotated) - replicasOf(rs)
}

/** Oldest first, then by name. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const left = a.metadata.creationTimestamp ?? ''
  const right = b.metadata.creationTimestamp ?? ''
  if (left !== right) return left < right ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}
