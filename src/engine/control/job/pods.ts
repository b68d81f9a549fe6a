/** Pods of a Job: their template, indexes, and which indexes are done (pkg/controller/job indexed_job_utils). */
import type { Job } from '#engine/kinds/job/types.ts'
import type { Pod, PodTemplate } from '#engine/kinds/pod/types.ts'
import { structuredCopy } from '../pod-control.ts'

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index'

export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed'
}

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation]
  return text === undefined ? undefined : Number(text)
}

/** `counts`: of the index, where failures are counted by index. */
export function jobTemplate(job: Job, index: number | undefined, counts?: { readonly failures: number; readonly ignored: number }): PodTemplate {
  const template = structuredCopy(job.spec.template)
  const metadata = { ...template.metadata, finalizers: [...(template.metadata?.finalizers ?? []), trackingFinalizer] }
  if (index === undefined) return { ...template, metadata }
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } } }
  const withEnv = (list: typeof template.spec.containers | undefined) => list?.map((c) => ((c.env ?? []).some((e) => e.name === 'JOB_COMPLETION_INDEX') ? c : { ...c, env: [...(c.env ?? []), variable] }))
  return {
    metadata: { ...metadata, annotations: { ...metadata.annotations, [indexAnnotation]: String(index), ...(counts ? { 'batch.kubernetes.io/job-index-failure-count': String(counts.failures) } : {}), ...(counts && counts.ignored > 0 ? { 'batch.kubernetes.io/job-index-ignored-failure-count': String(counts.ignored) } : {}) }, labels: { ...metadata.labels, [indexAnnotation]: String(index) } },
    spec: { ...template.spec, hostname: `${job.metadata.name}-${index}`, containers: withEnv(template.spec.containers)!, ...(template.spec.initContainers ? { initContainers: withEnv(template.spec.initContainers)! } : {}) },
  }
}

/** `1,3-5`. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b)
  const parts: string[] = []
  for (let i = 0; i < sorted.length; ) {
    let j = i
    while (sorted[j + 1] === sorted[j]! + 1) j++
    parts.push(j === i ? String(sorted[i]) : j === i + 1 ? `${sorted[i]},${sorted[j]}` : `${sorted[i]}-${sorted[j]}`)
    i = j + 1
  }
  return parts.join(',')
}

export function parseIndexes(text: string | undefined): Set<number> {
  const out = new Set<number>()
  for (const part of (text ?? '').split(',')) {
    const [from, to] = part.split('-').map(Number)
    if (part === '' || from === undefined) continue
    for (let i = from; i <= (to ?? from); i++) out.add(i)
  }
  return out
}

/** The lowest indexes that are neither done nor being worked on. */
export function missingIndexes(job: Job, done: ReadonlySet<number>, active: readonly Pod[], count: number): number[] {
  const busy = new Set(active.map(indexOf))
  const out: number[] = []
  for (let i = 0; i < (job.spec.completions ?? 0) && out.length < count; i++) if (!done.has(i) && !busy.has(i)) out.push(i)
  return out
}
