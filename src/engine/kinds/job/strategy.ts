/** Jobs: defaults, the generated selector, strategy. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { validateJob, validateSelectorAndSpec } from './validation.ts'
import { podSpecDefaults } from '../pod/defaults.ts'
import { podNameWarnings, podSpecWarnings } from '../pod/warnings.ts'
import { each } from '../shared/defaults.ts'

export function jobSpecPodDefaults(spec: Loose): void {
  podSpecDefaults(spec?.template?.spec)
}

/** Label, annotation and selector values that tie pods to this very job. */
function generateSelector(job: Loose): void {
  const { uid, name = '' } = job.metadata
  // Labels of the job that come from the template are the same map, and get these too; but an object whose name is generated is a copy.
  if (job.metadata.generateName && job.metadata.labels) job.metadata.labels = { ...job.metadata.labels }
  const labels: Record<string, string> = job.spec.template.metadata?.labels ?? {}
  labels['controller-uid'] ??= uid
  labels['batch.kubernetes.io/controller-uid'] = uid
  labels['job-name'] ??= name
  labels['batch.kubernetes.io/job-name'] = name
  job.spec.template.metadata = { ...job.spec.template.metadata, labels }
  job.spec.selector = { ...job.spec.selector, matchLabels: { ...job.spec.selector?.matchLabels, 'batch.kubernetes.io/controller-uid': uid } }
}

function labelsOfTemplate(job: Loose): void {
  const labels = job.spec?.template?.metadata?.labels
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = labels
}

/** WarningsForJobSpec: many indexes, and what pods are warned of. */
export function jobSpecWarnings(spec: Loose, old: Loose, at: string): string[] {
  const out: string[] = []
  if (spec?.completionMode === 'Indexed' && spec.completions > 100_000 && spec.parallelism > 10_000) out.push('In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, a Kubernetes control plane might not be able to track completion indexes')
  if (!(old && equal(spec.template, old.template))) out.push(...podSpecWarnings(spec?.template?.spec ?? {}, `${at}.template.spec`))
  return out
}

export const jobStrategy: Strategy & Partial<KindDefinition> = {
  defaults(job) {
    const spec = (job.spec ??= {})
    jobSpecPodDefaults(spec)
    if (spec.completions === undefined && spec.parallelism === undefined) {
      spec.completions = 1
      spec.parallelism = 1
    }
    spec.parallelism ??= 1
    if (spec.backoffLimit === undefined) spec.backoffLimit = spec.backoffLimitPerIndex !== undefined ? 2147483647 : 6
    labelsOfTemplate(job)
    spec.completionMode ??= 'NonIndexed'
    spec.suspend ??= false
    spec.manualSelector ??= false
    spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
    each(spec.podFailurePolicy?.rules, (rule) => each(rule.onPodConditions, (c) => (c.status ||= 'True')))
  },
  prepareForCreate(job, context) {
    job.status = {}
    job.metadata.uid ||= context.uuid()
    if (job.spec.manualSelector !== true && job.spec.template) {
      generateSelector(job)
    }
  },
  orphansByDefault: true,
  readBack: labelsOfTemplate,
  validateUpdate(job, old, errors) {
    validateJob(job, errors, undefined, old)
    validateSelectorAndSpec(job, errors)
  },
  warnings: (job, old) => [...(old ? [] : podNameWarnings(job.metadata.name)), ...jobSpecWarnings(job.spec, old?.spec, 'spec')],
  prepareForUpdate(job, old) {
    job.status = old.status
  },
  selectableFields: (job) => ({ 'status.successful': String(job.status?.succeeded ?? 0) }),
}
