/**
 * Runs pods of a Job until enough have succeeded or too many have failed (pkg/controller/job), as its failure, success and replacement policies
 * and its limits say. Jobs managed by other controllers are left to them.
 */
import { jobs, type Job, type JobStatus } from '#engine/kinds/job/types.ts'
import { isPodActive, isPodFinished, isPodReady, podCondition, pods, type Condition, type Pod } from '#engine/kinds/pod/types.ts'
import { keyOf, splitKey, timestamp, type ControllerContext } from '../controller.ts'
import { deepEqual } from '../equal.ts'
import { Expectations } from '../expectations.ts'
import { byOwner, claim, controllerOf, isConflict, orphanKeys, orphans, ownerKeys, tolerateGone } from '../ownership.ts'
import { createPod, deletePod, podFromTemplate } from '../pod-control.ts'
import { failureAction, indexFailed, matchSuccess, nextFailureCounts, type FailureCounts } from './policies.ts'
import { formatIndexes, indexOf, isIndexed, jobTemplate, missingIndexes, parseIndexes, trackingFinalizer } from './pods.ts'

const component = 'job-controller'
const podBackoff = 10_000
const maxPodBackoff = 600_000

interface Progress {
  readonly succeeded: number
  readonly failed: number
  /** Indexes that need no more pods. */
  readonly over: ReadonlySet<number>
  /** Failures are counted by index. */
  readonly perIndex: boolean
}

interface Verdict {
  readonly type: 'Complete' | 'Failed'
  readonly reason: string
  readonly message: string
}

export function startJobController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Job>(jobs)
  const podCache = api.informer<Pod>(pods)
  podCache.addIndex(byOwner, ownerKeys)
  podCache.addIndex(orphans, orphanKeys)
  const expectations = new Expectations()
  const queue = context.queue(sync)
  const deletionSeen = new Set<string>()
  /** Finished pods that are counted already though the cache may still show their finalizer. */
  const counted = new Set<string>()

  cache.onAdd((job) => queue.add(keyOf(job)))
  cache.onUpdate((job) => queue.add(keyOf(job)))
  cache.onDelete((job) => {
    expectations.forget(keyOf(job))
    for (const pod of podCache.byIndex(byOwner, job.metadata.uid ?? '')) releaseFinalizer(pod)
  })
  const ownerKey = (pod: Pod) => {
    const owner = controllerOf(pod)
    const job = owner?.kind === 'Job' ? cache.get(pod.metadata.namespace, owner.name) : undefined
    return job && job.metadata.uid === owner?.uid ? keyOf(job) : undefined
  }
  podCache.onAdd((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) {
      if (controllerOf(pod)?.kind === 'Job' || (!controllerOf(pod) && pod.metadata.finalizers?.includes(trackingFinalizer))) releaseFinalizer(pod)
      return
    }
    expectations.added(key)
    queue.add(key)
  })
  podCache.onUpdate((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) return
    if (pod.metadata.deletionTimestamp !== undefined && !deletionSeen.has(pod.metadata.uid ?? '')) {
      deletionSeen.add(pod.metadata.uid ?? '')
      expectations.deleted(key)
    }
    // Pod updates are batched for a second.
    queue.add(key)
  })
  podCache.onDelete((pod) => {
    const key = ownerKey(pod)
    if (key === undefined) return
    counted.delete(pod.metadata.uid ?? '')
    if (!deletionSeen.delete(pod.metadata.uid ?? '')) expectations.deleted(key)
    queue.add(key)
  })

  function releaseFinalizer(pod: Pod): void {
    if (!pod.metadata.finalizers?.includes(trackingFinalizer)) return
    const rest = pod.metadata.finalizers.filter((f) => f !== trackingFinalizer)
    try {
      tolerateGone(() => api.patch(pods, pod.metadata.namespace, pod.metadata.name, { metadata: { finalizers: rest.length > 0 ? rest : null, uid: pod.metadata.uid } }, 'merge'))
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }

  const isDone = (job: Job) => (job.status?.conditions ?? []).some((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True')

  function sync(key: string): void {
    const job = cache.get(...splitKey(key))
    if (!job || job.metadata.deletionTimestamp !== undefined) return
    if (job.spec.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller') return
    if (isDone(job)) {
      for (const pod of podCache.byIndex(byOwner, job.metadata.uid ?? '')) if (isPodFinished(pod)) releaseFinalizer(pod)
      return
    }
    const settled = expectations.satisfied(key)
    const all = claim(api, pods, job, job.spec.selector, podCache.byIndex(byOwner, job.metadata.uid ?? ''), podCache.byIndex(orphans, job.metadata.namespace ?? ''))
    let active = all.filter(isPodActive)
    const status: JobStatus = { ...job.status }
    let conditions = [...(status.conditions ?? [])]
    if (status.startTime === undefined && !job.spec.suspend) status.startTime = timestamp(sim.now)

    // Count what has ended.
    const succeededIndexes = parseIndexes(status.completedIndexes)
    const perIndex = isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined
    const failedIndexes = parseIndexes(status.failedIndexes)
    let succeeded = status.succeeded ?? 0
    let failed = status.failed ?? 0
    const ended = all.filter((p) => isPodFinished(p) || (p.metadata.deletionTimestamp !== undefined && !isPodActive(p)))
    const release: Pod[] = []
    let failJob: Verdict | undefined
    for (const pod of ended) {
      const uid = pod.metadata.uid ?? ''
      if (counted.has(uid) || !pod.metadata.finalizers?.includes(trackingFinalizer)) continue
      counted.add(uid)
      release.push(pod)
      // A deleted pod counts as failed, unless the job is suspended and deleted it itself.
      if (!isPodFinished(pod) && job.spec.suspend) continue
      if (pod.status?.phase === 'Succeeded') {
        const index = indexOf(pod)
        if (!isIndexed(job)) succeeded++
        else if (index !== undefined && index < (job.spec.completions ?? 0)) succeededIndexes.add(index)
      } else {
        const action = failureAction(job, pod)
        const index = indexOf(pod)
        if (perIndex && index !== undefined && indexFailed(job, pod, action?.action)) failedIndexes.add(index)
        if (action?.action === 'Ignore') continue
        failed++
        if (action?.action === 'FailJob') failJob ??= { type: 'Failed', reason: 'PodFailurePolicy', message: action.message }
      }
    }
    if (isIndexed(job)) {
      succeeded = succeededIndexes.size
      if (succeededIndexes.size > 0) status.completedIndexes = formatIndexes(succeededIndexes)
      else delete status.completedIndexes
      if (perIndex) status.failedIndexes = formatIndexes(failedIndexes)
    }

    // Is it over?
    let verdict: Verdict | undefined = targetOf(conditions) ?? failJob
    const met = verdict ? undefined : matchSuccess(job, succeededIndexes)
    if (met !== undefined) verdict = { type: 'Complete', reason: 'SuccessPolicy', message: met }
    const deadline = job.spec.activeDeadlineSeconds
    if (!verdict && deadline !== undefined && status.startTime !== undefined && !job.spec.suspend) {
      const due = Date.parse(status.startTime) + deadline * 1000
      if (sim.now >= due) verdict = { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
      else queue.addAfter(key, due - sim.now)
    }
    if (!verdict && failed + restarts(job, active) > (job.spec.backoffLimit ?? 6)) verdict = { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
    if (!verdict && perIndex) {
      if (job.spec.maxFailedIndexes !== undefined && failedIndexes.size > job.spec.maxFailedIndexes) verdict = { type: 'Failed', reason: 'MaxFailedIndexesExceeded', message: 'Job has exceeded the specified maximal number of failed indexes' }
      else if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= (job.spec.completions ?? 0)) verdict = { type: 'Failed', reason: 'FailedIndexes', message: 'Job has failed indexes' }
    }
    if (!verdict) {
      const completions = job.spec.completions
      const complete = completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions
      if (complete) verdict = { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
    }

    let failure: unknown
    if (verdict) {
      const target = verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
      conditions = withCondition(conditions, target, 'True', verdict.reason, verdict.message, sim.now)
      // Over only when its pods have ended and are counted.
      const victims = active.length
      if (settled && victims > 0) active = remove(key, job, active)
      const terminating = all.filter((p) => p.metadata.deletionTimestamp !== undefined && !isPodFinished(p)).length
      if (victims === 0 && terminating === 0) {
        conditions = withCondition(conditions, verdict.type, 'True', verdict.reason, verdict.message, sim.now)
        if (verdict.type === 'Complete') status.completionTime = timestamp(sim.now)
      }
    } else if (settled) {
      try {
        ;[active, conditions] = manage(key, job, status, conditions, all, active, { succeeded, failed, over: new Set([...succeededIndexes, ...failedIndexes]), perIndex })
      } catch (error) {
        failure = error
      }
    }

    const terminating = all.filter((p) => p.metadata.deletionTimestamp !== undefined && !isPodFinished(p)).length
    assign(status, 'active', active.length)
    assign(status, 'succeeded', succeeded)
    assign(status, 'failed', failed)
    status.ready = active.filter(isPodReady).length
    status.terminating = terminating
    status.uncountedTerminatedPods = {}
    if (conditions.length > 0) status.conditions = conditions
    if (!deepEqual({ ...job.status, ready: job.status?.ready ?? -1, terminating: job.status?.terminating ?? -1 }, status) || job.status === undefined) {
      try {
        api.update<Job>(jobs, { ...job, status }, 'status')
      } catch (error) {
        for (const pod of release) counted.delete(pod.metadata.uid ?? '')
        if (tolerateGone(() => api.get(jobs, job.metadata.namespace, job.metadata.name)) === undefined) return
        throw error
      }
      if (conditions.some((c) => c.type === 'Complete' && c.status === 'True')) api.event(job, 'Normal', 'Completed', 'Job completed', component)
      const bad = conditions.find((c) => c.type === 'Failed' && c.status === 'True')
      if (bad) api.event(job, 'Warning', bad.reason ?? '', bad.message ?? '', component)
    }
    for (const pod of release) releaseFinalizer(pod)
    if (failure !== undefined) throw failure
  }

  function remove(key: string, job: Job, victims: readonly Pod[]): Pod[] {
    expectations.expectDeletes(key, victims.length)
    for (const pod of victims) {
      try {
        deletePod(context, job, pod, component)
      } catch (error) {
        expectations.deleted(key)
        throw error
      }
    }
    return []
  }

  function manage(key: string, job: Job, status: JobStatus, conditions: Condition[], all: readonly Pod[], active: Pod[], { succeeded, failed, over, perIndex }: Progress): [Pod[], Condition[]] {
    const suspended = conditions.find((c) => c.type === 'Suspended')?.status === 'True'
    if (job.spec.suspend) {
      if (active.length > 0) active = remove(key, job, active)
      if (!suspended) {
        conditions = withCondition(conditions, 'Suspended', 'True', 'JobSuspended', 'Job suspended', sim.now)
        api.event(job, 'Normal', 'Suspended', 'Job suspended', component)
      }
      return [active, conditions]
    }
    if (suspended) {
      conditions = withCondition(conditions, 'Suspended', 'False', 'JobResumed', 'Job resumed', sim.now)
      api.event(job, 'Normal', 'Resumed', 'Job resumed', component)
      status.startTime = timestamp(sim.now)
    }
    const parallelism = job.spec.parallelism ?? 1
    const completions = job.spec.completions
    const want = completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.max(0, Math.min(parallelism, completions - (perIndex ? over.size : succeeded)))
    if (active.length > want) {
      const victims = [...active].sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b))).slice(0, active.length - want)
      remove(key, job, victims)
      return [active.filter((p) => !victims.includes(p)), conditions]
    }
    // Where pods are replaced only when they have failed, those that are on their way out hold their places.
    const leaving = job.spec.podReplacementPolicy === 'Failed' ? all.filter((p) => p.metadata.deletionTimestamp !== undefined && !isPodFinished(p)) : []
    const diff = want - active.length - leaving.length
    if (diff <= 0) return [active, conditions]
    let indexes: (number | undefined)[]
    const counts = new Map<number, FailureCounts>()
    if (perIndex) {
      indexes = missingIndexes(job, over, [...active, ...leaving], Infinity).filter((index) => {
        const own = all.filter((p) => indexOf(p) === index)
        const next = nextFailureCounts(job, own)
        counts.set(index, next)
        const wait = next.failures + next.ignored === 0 ? 0 : Math.max(...own.map(finishTime)) + Math.min(podBackoff * 2 ** (next.failures + next.ignored - 1), maxPodBackoff) - sim.now
        if (wait > 0) queue.addAfter(key, wait)
        return wait <= 0
      }).slice(0, diff)
    } else {
      const wait = backoffLeft(job, failed)
      if (wait > 0) {
        queue.addAfter(key, wait)
        return [active, conditions]
      }
      indexes = isIndexed(job) ? missingIndexes(job, over, [...active, ...leaving], diff) : Array.from({ length: diff }, () => undefined)
    }
    expectations.expectAdds(key, indexes.length)
    const made: Pod[] = []
    for (const [i, index] of indexes.entries()) {
      try {
        made.push(createPod(context, job, podFromTemplate(jobTemplate(job, index, counts.get(index ?? -1)), job, { generateName: index === undefined ? `${job.metadata.name}-` : `${job.metadata.name}-${index}-` }), component))
      } catch (error) {
        for (let k = i; k < indexes.length; k++) expectations.added(key)
        throw error
      }
    }
    return [[...active, ...made], conditions]
  }

  /** After failures new pods wait 10 s, 20 s, 40 s … since the last one ended. */
  function backoffLeft(job: Job, failed: number): number {
    if (failed === 0) return 0
    let last = 0
    let run = 0
    const ended = podCache.byIndex(byOwner, job.metadata.uid ?? '').filter(isPodFinished).map((p) => ({ ok: p.status?.phase === 'Succeeded', at: finishTime(p) })).sort((a, b) => a.at - b.at)
    for (const e of ended) {
      run = e.ok ? 0 : run + 1
      last = e.at
    }
    if (run === 0) return 0
    return Math.max(0, last + Math.min(podBackoff * 2 ** (run - 1), maxPodBackoff) - sim.now)
  }
}

function finishTime(pod: Pod): number {
  const times = (pod.status?.containerStatuses ?? []).map((s) => Date.parse(s.state.terminated?.finishedAt ?? '') || 0)
  return Math.max(0, ...times) || Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? pod.metadata.creationTimestamp ?? '') || 0
}

function assign(status: JobStatus, key: 'active' | 'succeeded' | 'failed', value: number): void {
  if (value > 0) status[key] = value
  else delete status[key]
}

function restarts(job: Job, active: readonly Pod[]): number {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return 0
  return active.reduce((sum, p) => sum + [...(p.status?.containerStatuses ?? []), ...(p.status?.initContainerStatuses ?? [])].reduce((n, s) => n + s.restartCount, 0), 0)
}

/** What a job that is being ended will become. */
function targetOf(conditions: readonly Condition[]): Verdict | undefined {
  for (const c of conditions) {
    if (c.status !== 'True') continue
    if (c.type === 'SuccessCriteriaMet') return { type: 'Complete', reason: c.reason ?? '', message: c.message ?? '' }
    if (c.type === 'FailureTarget') return { type: 'Failed', reason: c.reason ?? '', message: c.message ?? '' }
  }
  return undefined
}

function withCondition(conditions: Condition[], type: string, status: string, reason: string, message: string, now: number): Condition[] {
  const old = conditions.find((c) => c.type === type)
  if (old && old.status === status && old.reason === reason) return conditions
  return [...conditions.filter((c) => c.type !== type), { type, status, lastProbeTime: timestamp(now), lastTransitionTime: timestamp(now), reason, message }]
}
