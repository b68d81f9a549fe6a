/** What a Job's policies make of its pods' ends: pod failure policy, success policy, failures counted by index (pkg/controller/job). */
import type { Job } from '#engine/kinds/job/types.ts'
import { isPodFinished, podCondition, type Pod } from '#engine/kinds/pod/types.ts'
import { parseIndexes } from './pods.ts'

export const failureCount = 'batch.kubernetes.io/job-index-failure-count'
export const ignoredFailureCount = 'batch.kubernetes.io/job-index-ignored-failure-count'

export interface FailureCounts {
  readonly failures: number
  readonly ignored: number
}

interface FailureAction {
  readonly action: string
  readonly message: string
}

/** The first rule that fits a failed pod. */
export function failureAction(job: Job, pod: Pod): FailureAction | undefined {
  for (const [i, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    if (rule.onExitCodes) {
      const { containerName, operator, values } = rule.onExitCodes
      for (const s of [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]) {
        const code = s.state.terminated?.exitCode
        if (code === undefined || code === 0 || (containerName && s.name !== containerName)) continue
        if (values.includes(code) === (operator === 'In')) return { action: rule.action, message: `Container ${s.name} for pod ${pod.metadata.namespace}/${pod.metadata.name} failed with exit code ${code} matching ${rule.action} rule at index ${i}` }
      }
    }
    for (const pattern of rule.onPodConditions ?? []) {
      if (podCondition(pod, pattern.type)?.status === (pattern.status ?? 'True')) return { action: rule.action, message: `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${pattern.type} matching ${rule.action} rule at index ${i}` }
    }
  }
  return undefined
}

/** The message of the first rule of the success policy that is met. */
export function matchSuccess(job: Job, succeeded: ReadonlySet<number>): string | undefined {
  if (succeeded.size === 0) return undefined
  for (const [i, rule] of (job.spec.successPolicy?.rules ?? []).entries()) {
    const wanted = rule.succeededIndexes === undefined ? undefined : [...parseIndexes(rule.succeededIndexes)]
    const met = wanted ? wanted.filter((index) => succeeded.has(index)).length : succeeded.size
    const needed = rule.succeededCount ?? wanted?.length ?? Infinity
    if (met >= needed) return `Matched rules at index ${i}`
  }
  return undefined
}

const countOf = (pod: Pod, annotation: string) => Number(pod.metadata.annotations?.[annotation] ?? 0)

/** Whether a failed pod was the last that its index gets. */
export function indexFailed(job: Job, pod: Pod, action: string | undefined): boolean {
  if (action === 'FailIndex') return true
  return action !== 'Ignore' && countOf(pod, failureCount) >= (job.spec.backoffLimitPerIndex ?? Infinity)
}

/** What the next pod of an index carries: the counts of the last one that ended, one more. */
export function nextFailureCounts(job: Job, pods: readonly Pod[]): FailureCounts {
  const ended = pods.filter((p) => isPodFinished(p) && p.status?.phase === 'Failed')
  if (ended.length === 0) return { failures: 0, ignored: 0 }
  const last = ended.reduce((a, b) => (countOf(b, failureCount) + countOf(b, ignoredFailureCount) > countOf(a, failureCount) + countOf(a, ignoredFailureCount) ? b : a))
  const ignore = failureAction(job, last)?.action === 'Ignore'
  return { failures: countOf(last, failureCount) + (ignore ? 0 : 1), ignored: countOf(last, ignoredFailureCount) + (ignore ? 1 : 0) }
}
