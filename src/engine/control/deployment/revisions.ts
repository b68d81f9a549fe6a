/** Revision numbers and the annotations that replica sets carry for their deployment (pkg/controller/deployment/util). */
import type { Deployment } from '#engine/kinds/deployment/types.ts'
import type { PodTemplate } from '#engine/kinds/pod/types.ts'
import type { ReplicaSet } from '#engine/kinds/replicaset/types.ts'
import { deepEqual } from '../equal.ts'
import { byAge, desiredAnnotation, maxAnnotation, maxSurge } from './rollout.ts'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
const historyAnnotation = 'deployment.kubernetes.io/revision-history'
const notCopied = new Set(['kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, historyAnnotation, desiredAnnotation, maxAnnotation, 'deprecated.deployment.rollback.to'])
const maxHistoryLength = 2000

export function equalTemplates(a: PodTemplate, b: PodTemplate): boolean {
  const strip = (t: PodTemplate) => {
    const labels = { ...t.metadata?.labels }
    delete labels['pod-template-hash']
    return { ...t, metadata: { ...t.metadata, labels } }
  }
  return deepEqual(strip(a), strip(b))
}

export function findNewSet(d: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byAge).find((rs) => equalTemplates(rs.spec.template, d.spec.template))
}

export function revisionOf(rs: ReplicaSet): number {
  return Number(rs.metadata.annotations?.[revisionAnnotation] ?? 0) || 0
}

export function maxRevision(sets: readonly ReplicaSet[]): number {
  return Math.max(0, ...sets.map(revisionOf))
}

/** The annotations of the new set; the same object when nothing changes. */
export function withDeploymentAnnotations(d: Deployment, rs: ReplicaSet, revision: string, exists: boolean): Record<string, string> {
  const out: Record<string, string> = { ...rs.metadata.annotations }
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) if (!notCopied.has(key)) out[key] = value
  const old = out[revisionAnnotation]
  if ((Number(old ?? 0) || 0) < Number(revision)) {
    out[revisionAnnotation] = revision
    if (exists && old !== undefined) {
      const history = out[historyAnnotation] ? out[historyAnnotation].split(',') : []
      history.push(old)
      while (history.length > 1 && history.join(',').length > maxHistoryLength) history.shift()
      out[historyAnnotation] = history.join(',')
    }
  }
  if (!exists) {
    out[desiredAnnotation] = String(d.spec.replicas ?? 1)
    out[maxAnnotation] = String((d.spec.replicas ?? 1) + maxSurge(d))
  }
  return out
}

/** Desired and maximal replicas of the deployment; the same object when nothing changes. */
export function withReplicasAnnotations(d: Deployment, rs: ReplicaSet): Record<string, string> | undefined {
  const desired = String(d.spec.replicas ?? 1)
  const max = String((d.spec.replicas ?? 1) + maxSurge(d))
  if (rs.metadata.annotations?.[desiredAnnotation] === desired && rs.metadata.annotations[maxAnnotation] === max) return rs.metadata.annotations
  return { ...rs.metadata.annotations, [desiredAnnotation]: desired, [maxAnnotation]: max }
}
