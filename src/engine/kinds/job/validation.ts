/** Jobs and cron jobs: selectors that the server makes itself, failure and success policies, schedules. */
import { FieldErrors } from '#engine/api/field-errors.ts'
import { matchesLabelSelector } from '#engine/api/label-selector.ts'
import type { Loose } from '#engine/api/loose.ts'
import { validateLabels } from '#engine/api/meta-validation.ts'
import { dns1123SubdomainErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { validatePodTemplate } from '../pod/validation.ts'
import { internalForm, selectorForm } from '../shared/internal-form.ts'
import { all, nonNegative, validateLabelSelector } from '../shared/validation.ts'
import { scheduleError } from './schedule.ts'

const list = (value: Loose): Loose[] => value ?? []

/** The labels and selector that tie a job to its pods must be those that the server made. */
function validateGenerated(job: Loose, old: Loose, errors: FieldErrors): void {
  const { spec, metadata } = job
  if (spec.manualSelector === true || !spec.selector) return
  const labels = spec.template?.metadata?.labels ?? {}
  const at = 'spec.template.metadata.labels'
  const name = metadata.name ?? ''
  const before = old?.spec.template?.metadata?.labels ?? {}
  // Jobs from before the prefixed labels go without them.
  const prefixed = !old || ('batch.kubernetes.io/job-name' in before && 'batch.kubernetes.io/controller-uid' in before)
  const wanted: [string, string][] = [['controller-uid', metadata.uid], ['job-name', name], ...(prefixed ? [['batch.kubernetes.io/controller-uid', metadata.uid], ['batch.kubernetes.io/job-name', name]] satisfies [string, string][] : [])]
  for (const [key, value] of wanted) {
    if (labels[key] === undefined) errors.required(`${at}[${key}]`, `must be '${value}'`)
    else if (labels[key] !== value) errors.invalid(`${at}[${key}]`, Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))), `must be '${value}'`)
  }
  const sound = new FieldErrors()
  validateLabelSelector(spec.selector, 'spec.selector', sound)
  if (sound.list.length === 0 && !matchesLabelSelector(spec.selector, Object.fromEntries(wanted))) errors.invalid('spec.selector', selectorForm(spec.selector), '`selector` not auto-generated')
}

export function validateJob(job: Loose, errors: FieldErrors, _context?: unknown, old?: Loose): void {
  validateGenerated(job, old, errors)
  validateSelectorAndSpec(job, errors)
}

export function validateSelectorAndSpec(job: Loose, errors: FieldErrors): void {
  const { spec } = job
  validateJobSpec(spec, 'spec', errors)
  const own = new FieldErrors()
  if (!spec.selector) own.required('spec.selector')
  else validateLabelSelector(spec.selector, 'spec.selector', own)
  errors.list.push(...own.list)
  if (own.list.length === 0 || !spec.selector) {
    const labels = spec.template?.metadata?.labels
    if (!matchesLabelSelector(spec.selector, labels)) errors.invalid('spec.template.metadata.labels', labels ? Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))) : null, '`selector` does not match template `labels`')
  }
}

export function validateJobSpec(spec: Loose, at: string, errors: FieldErrors): void {
  nonNegative(spec.parallelism, `${at}.parallelism`, errors)
  nonNegative(spec.completions, `${at}.completions`, errors)
  nonNegative(spec.activeDeadlineSeconds, `${at}.activeDeadlineSeconds`, errors)
  nonNegative(spec.backoffLimit, `${at}.backoffLimit`, errors)
  nonNegative(spec.ttlSecondsAfterFinished, `${at}.ttlSecondsAfterFinished`, errors)
  nonNegative(spec.backoffLimitPerIndex, `${at}.backoffLimitPerIndex`, errors)
  nonNegative(spec.maxFailedIndexes, `${at}.maxFailedIndexes`, errors)
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) errors.required(`${at}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')
  if (spec.managedBy !== undefined && !/^[^/]+\/.+$/.test(spec.managedBy)) errors.invalid(`${at}.managedBy`, spec.managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")')
  if (spec.completionMode !== undefined) {
    if (!['NonIndexed', 'Indexed'].includes(spec.completionMode)) errors.notSupported(`${at}.completionMode`, spec.completionMode, ['NonIndexed', 'Indexed'])
    if (spec.completionMode === 'Indexed') {
      if (spec.completions === undefined) errors.required(`${at}.completions`, 'when completion mode is Indexed')
      if (spec.parallelism > 100000) errors.invalid(`${at}.parallelism`, spec.parallelism, 'must be less than or equal to 100000 when completion mode is Indexed')
      if (spec.completions !== undefined && spec.maxFailedIndexes > spec.completions) errors.invalid(`${at}.maxFailedIndexes`, spec.maxFailedIndexes, 'must be less than or equal to completions')
    }
  }
  if (spec.completionMode === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes']) if (spec[field] !== undefined) errors.invalid(`${at}.${field}`, spec[field], 'requires indexed completion mode')
  }
  if (spec.podFailurePolicy) validateFailurePolicy(spec, `${at}.podFailurePolicy`, errors)
  if (spec.successPolicy) {
    if (spec.completionMode !== 'Indexed') errors.invalid(`${at}.successPolicy`, internalForm('SuccessPolicy', spec.successPolicy), 'requires indexed completion mode')
    else validateSuccessPolicy(spec, `${at}.successPolicy`, errors)
  }
  if (spec.podReplacementPolicy !== undefined) {
    const supported = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
    if (!supported.includes(spec.podReplacementPolicy)) errors.notSupported(`${at}.podReplacementPolicy`, spec.podReplacementPolicy, supported)
  }
  validatePodTemplate(spec.template, `${at}.template`, errors)
  const restart = spec.template?.spec?.restartPolicy
  if (!restart || restart === 'Always') errors.required(`${at}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')
  else if (!['OnFailure', 'Never'].includes(restart)) errors.notSupported(`${at}.template.spec.restartPolicy`, restart, ['OnFailure', 'Never'])
  else if (spec.podFailurePolicy && restart !== 'Never') errors.invalid(`${at}.template.spec.restartPolicy`, restart, 'only "Never" is supported when podFailurePolicy is specified')
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore']

function validateFailurePolicy(spec: Loose, at: string, errors: FieldErrors): void {
  const rules = list(spec.podFailurePolicy.rules)
  if (rules.length > 20) errors.tooMany(`${at}.rules`, rules.length, 20)
  const names = [...list(spec.template?.spec?.containers), ...list(spec.template?.spec?.initContainers)].map((c) => c.name)
  for (const [i, r] of rules.entries()) {
    const path = `${at}.rules[${i}]`
    const action = r.action ?? ''
    if (action === '') errors.required(`${path}.action`, `valid values: [${actions.map((a) => JSON.stringify(a)).join(' ')}]`)
    else if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) errors.invalid(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set')
    else if (!actions.includes(action)) errors.notSupported(`${path}.action`, action, actions)
    const codes = r.onExitCodes
    if (codes) {
      const p = `${path}.onExitCodes`
      const operator = codes.operator ?? ''
      if (operator === '') errors.required(`${p}.operator`, 'valid values: ["In" "NotIn"]')
      else if (!['In', 'NotIn'].includes(operator)) errors.notSupported(`${p}.operator`, operator, ['In', 'NotIn'])
      if (codes.containerName !== undefined && !names.includes(codes.containerName)) errors.invalid(`${p}.containerName`, codes.containerName, 'must be one of the container or initContainer names in the pod template')
      const values = list(codes.values) as unknown as number[]
      if (values.length === 0) errors.invalid(`${p}.values`, codes.values ?? [], 'at least one value is required')
      else if (values.length > 255) errors.tooMany(`${p}.values`, values.length, 255)
      const seen = new Set<number>()
      let ordered = true
      for (const [n, v] of values.entries()) {
        if (operator === 'In' && v === 0) errors.invalid(`${p}.values[${n}]`, v, 'must not be 0 for the In operator')
        if (n > 0 && values[n - 1]! > v) ordered = false
        if (seen.has(v)) errors.duplicate(`${p}.values[${n}]`, v)
        else seen.add(v)
      }
      if (!ordered) errors.invalid(`${p}.values`, values, 'must be ordered')
    }
    const conditions = list(r.onPodConditions)
    if (conditions.length > 20) errors.tooMany(`${path}.onPodConditions`, conditions.length, 20)
    for (const [n, c] of conditions.entries()) {
      const p = `${path}.onPodConditions[${n}]`
      all(errors, `${p}.type`, c.type ?? '', qualifiedNameErrors(c.type ?? ''))
      if (!['False', 'True', 'Unknown'].includes(c.status)) errors.notSupported(`${p}.status`, c.status ?? '', ['False', 'True', 'Unknown'])
    }
    if (codes && conditions.length > 0) errors.add('Invalid', path, 'Invalid value: specifying both OnExitCodes and OnPodConditions is not supported')
    if (!codes && conditions.length === 0) errors.add('Invalid', path, 'Invalid value: specifying one of OnExitCodes and OnPodConditions is required')
  }
}

/** How many indexes `0-2,5` names, or what is wrong with it. */
function countIndexes(text: string, completions: number): number | string {
  let total = 0
  for (const part of text.split(',')) {
    const ends = part.split('-')
    const numbers: number[] = []
    for (const e of ends) {
      if (!/^[+-]?\d+$/.test(e)) return `cannot convert string to integer for index: ${JSON.stringify(e)}`
      if (Number(e) >= completions) return `too large index: ${JSON.stringify(e)}`
      numbers.push(Number(e))
    }
    if (ends.length > 2) return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`
    const [first, last = first] = numbers as [number, number?]
    if (last < first || (ends.length === 2 && last === first)) return `non-increasing order, previous: ${first}, current: ${last}`
    total += last - first + 1
  }
  return total
}

function validateSuccessPolicy(spec: Loose, at: string, errors: FieldErrors): void {
  const rules = list(spec.successPolicy.rules)
  if (rules.length === 0) {
    errors.required(`${at}.rules`, 'at least one rules must be specified when the successPolicy is specified')
    return
  }
  for (const [i, r] of rules.entries()) {
    const path = `${at}.rules[${i}]`
    if (r.succeededCount === undefined && r.succeededIndexes === undefined) {
      errors.required(path, 'at least one of succeededCount or succeededIndexes must be specified')
      continue
    }
    let named: number | undefined
    if (r.succeededIndexes) {
      const count = countIndexes(r.succeededIndexes, spec.completions ?? 0)
      if (typeof count === 'string') errors.invalid(`${path}.succeededIndexes`, r.succeededIndexes, `error parsing succeededIndexes: ${count}`)
      else named = count
    }
    if (r.succeededCount !== undefined) {
      nonNegative(r.succeededCount, `${path}.succeededCount`, errors)
      if (r.succeededCount > (spec.completions ?? 0)) errors.invalid(`${path}.succeededCount`, r.succeededCount, `must be less than or equal to ${spec.completions ?? 0} (the number of specified completions)`)
      if (r.succeededIndexes !== undefined && r.succeededCount > (named ?? 0)) errors.invalid(`${path}.succeededCount`, r.succeededCount, `must be less than or equal to ${named ?? 0} (the number of indexes in the specified succeededIndexes field)`)
    }
  }
}

/** Go finds zones in files, whose names have their case. */
function knownZone(name: string): boolean {
  try {
    const found = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
    return found === name || found.toLowerCase() !== name.toLowerCase()
  } catch {
    return false
  }
}

export function validateCronJob(cron: Loose, errors: FieldErrors): void {
  const { spec, metadata } = cron
  const schedule: string = spec.schedule ?? ''
  if (schedule === '') errors.required('spec.schedule')
  else {
    const wrong = scheduleError(schedule)
    if (wrong) errors.invalid('spec.schedule', schedule, wrong)
    if (/TZ/.test(schedule)) errors.invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')
  }
  if (spec.timeZone !== undefined) {
    if (spec.timeZone === '') errors.invalid('spec.timeZone', spec.timeZone, 'timeZone must be nil or non-empty string')
    else if (/^local$/i.test(spec.timeZone)) errors.invalid('spec.timeZone', spec.timeZone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')
    else if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(spec.timeZone) || spec.timeZone.includes('..') || !knownZone(spec.timeZone)) errors.invalid('spec.timeZone', spec.timeZone, `unknown time zone ${spec.timeZone}`)
  }
  nonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds', errors)
  const policies = ['Allow', 'Forbid', 'Replace']
  if (!spec.concurrencyPolicy) errors.required('spec.concurrencyPolicy')
  else if (!policies.includes(spec.concurrencyPolicy)) errors.notSupported('spec.concurrencyPolicy', spec.concurrencyPolicy, policies)
  const job = spec.jobTemplate?.spec ?? {}
  if (job.selector) errors.invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated')
  validateLabels(spec.jobTemplate?.metadata?.labels, errors, 'spec.jobTemplate.metadata.labels')
  validateJobSpec(job, 'spec.jobTemplate.spec', errors)
  if (job.manualSelector === true) errors.notSupported('spec.jobTemplate.spec.manualSelector', job.manualSelector, ['nil', 'false'])
  nonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit', errors)
  nonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit', errors)
  if (metadata.name?.length > 52 && dns1123SubdomainErrors(metadata.name).length === 0) errors.invalid('metadata.name', metadata.name, 'must be no more than 52 characters')
}
