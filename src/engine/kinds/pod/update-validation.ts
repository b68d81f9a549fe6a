/** ValidatePodUpdate: what may change in a pod that exists, with the diff that shows what else did. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { copy, equal, type Loose } from '#engine/api/loose.ts'
import { internalDiff, internalPodSpec } from '../shared/internal-form.ts'
import { validatePodSpec } from './validation.ts'

const list = (value: Loose): Loose[] => value ?? []

const FIELDS =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** True: counts differ, nothing more can be said. */
function validateContainerUpdates(now: Loose[], before: Loose[], at: string, errors: FieldErrors): boolean {
  if (now.length !== before.length) {
    errors.forbidden(at, 'pod updates may not add or remove containers')
    return true
  }
  for (const [i, c] of now.entries()) {
    if (!c.image) errors.required(`${at}[${i}].image`)
    else if (c.image.trim() !== c.image) errors.invalid(`${at}[${i}].image`, c.image, 'must not have leading or trailing whitespace')
  }
  return false
}

function validateTolerations(now: Loose[], before: Loose[], errors: FieldErrors): void {
  const bare = (t: Loose) => ({ ...t, tolerationSeconds: undefined })
  for (const old of before) {
    if (!now.some((t) => equal(bare(t), bare(old)))) {
      errors.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')
      return
    }
  }
}

export function validatePodUpdate(pod: Loose, old: Loose, errors: FieldErrors): void {
  const { spec } = pod
  validatePodSpec(spec ?? {}, pod.metadata, 'spec', errors)
  if (validateContainerUpdates(list(spec.containers), list(old.spec.containers), 'spec.containers', errors)) return
  if (validateContainerUpdates(list(spec.initContainers), list(old.spec.initContainers), 'spec.initContainers', errors)) return
  const [deadline, oldDeadline] = [spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds]
  if (deadline !== undefined) {
    if (deadline < 0 || deadline > 2147483647) {
      errors.invalid('spec.activeDeadlineSeconds', deadline, 'must be between 0 and 2147483647, inclusive')
      return
    }
    if (oldDeadline !== undefined && oldDeadline < deadline) {
      errors.invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value')
      return
    }
  } else if (oldDeadline !== undefined) errors.invalid('spec.activeDeadlineSeconds', deadline, 'must not update from a positive integer to nil value')
  validateTolerations(list(spec.tolerations), list(old.spec.tolerations), errors)
  const gates = list(old.spec.schedulingGates).map((g) => g.name)
  for (const [i, g] of list(spec.schedulingGates).entries()) if (!gates.includes(g.name)) errors.forbidden(`spec.schedulingGates[${i}]`, `only deletion is allowed, but found new scheduling gate '${g.name}'`)
  const munged = copy(spec) as Loose
  for (const field of ['containers', 'initContainers']) for (const [i, c] of list(munged[field]).entries()) c.image = list(old.spec[field])[i].image
  keep(munged, old.spec, 'activeDeadlineSeconds')
  keep(munged, old.spec, 'schedulingGates')
  if (gates.length > 0) {
    // A gated pod may still be told more precisely where it may go.
    keep(munged, old.spec, 'nodeSelector')
    if (munged.affinity?.nodeAffinity && !equal(munged.affinity, old.spec.affinity)) munged.affinity = { ...munged.affinity, nodeAffinity: old.spec.affinity?.nodeAffinity }
  }
  keep(munged, old.spec, 'tolerations')
  if (old.spec.terminationGracePeriodSeconds < 0 && spec.terminationGracePeriodSeconds === 1) munged.terminationGracePeriodSeconds = old.spec.terminationGracePeriodSeconds
  const [before, after] = [internalPodSpec(old.spec), internalPodSpec(munged)]
  if (!equal(before, after)) errors.forbidden('spec', `${FIELDS}\n${internalDiff(before, after)}`)
}

function keep(spec: Loose, old: Loose, field: string): void {
  if (old[field] === undefined) delete spec[field]
  else spec[field] = old[field]
}
