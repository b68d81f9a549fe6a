/** Deletes finished Jobs when their ttlSecondsAfterFinished is over (pkg/controller/ttlafterfinished). */
import { jobs, type Job } from '#engine/kinds/job/types.ts'
import { keyOf, splitKey, type ControllerContext } from '../controller.ts'
import { tolerateGone } from '../ownership.ts'

export function startTtlAfterFinishedController(context: ControllerContext): void {
  const { api, sim } = context
  const cache = api.informer<Job>(jobs)
  const queue = context.queue((key) => {
    const job = cache.get(...splitKey(key))
    const ttl = job?.spec.ttlSecondsAfterFinished
    if (!job || ttl === undefined || job.metadata.deletionTimestamp !== undefined) return
    const done = (job.status?.conditions ?? []).find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True')
    if (!done?.lastTransitionTime) return
    const due = Date.parse(done.lastTransitionTime) + ttl * 1000
    if (due > sim.now) {
      context.after(due - sim.now, () => queue.add(key), { background: true })
      return
    }
    tolerateGone(() => api.delete(jobs, job.metadata.namespace, job.metadata.name, { propagationPolicy: 'Foreground', preconditions: { uid: job.metadata.uid ?? '' } }))
  })
  cache.onAdd((job) => queue.add(keyOf(job)))
  cache.onUpdate((job) => queue.add(keyOf(job)))
}
