/** ValidatePodUpdate: what may change in a pod that exists, with the diff that shows what else did. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { copy, equal, type Loose } from '#engine/api/loose.ts'
import { internalDiff, internalForm, internalPodSpec } from '../shared/internal-form.ts'
import { qosClass } from './qos.ts'
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
  for (const [i, g] of list(spec.schedulingGates).entries()) if (!gates.includes(g.name)) errors.forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${g.name}'`)
  const munged = copy(spec) as Loose
  for (const field of ['containers', 'initContainers']) for (const [i, c] of list(munged[field]).entries()) c.image = list(old.spec[field])[i].image
  keep(munged, old.spec, 'activeDeadlineSeconds')
  keep(munged, old.spec, 'schedulingGates')
  if (gates.length > 0) {
    validateGated(munged, old.spec, errors)
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

/** ValidatePodResize: a pod keeps its class. Leaves out: what of resources may be resized on which nodes. */
export function validateResize(pod: Loose, old: Loose, errors: FieldErrors): void {
  validatePodSpec(pod.spec ?? {}, pod.metadata, 'spec', errors)
  const before: string = old.status?.qosClass ?? qosClass(old.spec)
  if (qosClass(pod.spec) !== before) errors.invalid('spec', before, 'Pod QOS Class may not change as a result of resizing')
  for (const field of ['containers', 'initContainers']) {
    for (const [i, c] of list(pod.spec?.[field]).entries()) {
      for (const what of ['requests', 'limits']) {
        const gone = Object.keys(list(old.spec[field])[i]?.resources?.[what] ?? {}).some((name) => c.resources?.[what]?.[name] === undefined)
        if (gone) errors.forbidden(`spec.${field}[${i}].resources.${what}`, `resource ${what} cannot be removed`)
      }
    }
  }
}

/** A gated pod may still be told more precisely where it may go: what narrows its choice of nodes is taken over, the rest refused. */
function validateGated(munged: Loose, old: Loose, errors: FieldErrors): void {
  for (const [key, value] of Object.entries(old.nodeSelector ?? {})) {
    if (munged.nodeSelector?.[key] === value) continue
    errors.invalid('spec.nodeSelector', munged.nodeSelector ?? null, 'only additions to spec.nodeSelector are allowed (no mutations or deletions)')
    break
  }
  keep(munged, old, 'nodeSelector')
  const [now, before] = [munged.affinity?.nodeAffinity, old.affinity?.nodeAffinity]
  if (equal(now, before)) return
  if (before) validateNodeAffinityChange(now, before, errors)
  if (!munged.affinity) munged.affinity = { nodeAffinity: before }
  else if (!old.affinity && !munged.affinity.podAffinity && !munged.affinity.podAntiAffinity) delete munged.affinity
  else munged.affinity = { ...munged.affinity, nodeAffinity: before }
}

function validateNodeAffinityChange(now: Loose, before: Loose, errors: FieldErrors): void {
  const at = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
  const terms = (a: Loose): Loose => a?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  const form = (t: Loose) => internalForm('NodeSelectorTerm', t)
  const [fresh, known] = [list(terms(now)), list(terms(before))]
  if (known.length > 0 && fresh.length !== known.length) {
    errors.invalid(at, terms(now)?.map(form) ?? null, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')
    return
  }
  for (const [i, t] of known.entries()) if (!onlyAdds(fresh[i], t)) errors.invalid(`${at}[${i}]`, form(fresh[i]), 'only additions are allowed (no mutations or deletions)')
}

function onlyAdds(now: Loose, before: Loose): boolean {
  const fields = ['matchExpressions', 'matchFields']
  if (fields.every((f) => list(before[f]).length === 0)) return fields.every((f) => list(now[f]).length === 0)
  return fields.every((f) => equal(list(now[f]).slice(0, list(before[f]).length), list(before[f])))
}
