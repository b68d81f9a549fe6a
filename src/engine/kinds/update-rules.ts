/** What may not change any more after creation, for the kinds whose rule is a few lines. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { copy, equal, type Loose, semanticEqual } from '#engine/api/loose.ts'
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import { internalDiff, internalForm, internalPodTemplate } from './shared/internal-form.ts'

type Rule = (object: Loose, old: Loose, errors: FieldErrors) => void

const immutable = (errors: FieldErrors, at: string, value: Loose, before: Loose) => {
  if (!equal(value, before)) errors.invalid(at, value, 'field is immutable')
}

const immutableData = (fields: readonly string[]): Rule => (object, old, errors) => {
  if (old.immutable !== true) return
  if (object.immutable !== true) errors.forbidden('immutable', 'field is immutable when `immutable` is set')
  for (const field of fields) if (!equal(object[field] ?? {}, old[field] ?? {})) errors.forbidden(field, 'field is immutable when `immutable` is set')
}

const roleRef: Rule = (object, old, errors) => {
  if (!equal(object.roleRef, old.roleRef)) errors.invalid('roleRef', { APIGroup: object.roleRef?.apiGroup ?? '', Kind: object.roleRef?.kind ?? '', Name: object.roleRef?.name ?? '' }, 'cannot change roleRef')
}

const selector: Rule = (object, old, errors) => immutable(errors, 'spec.selector', object.spec?.selector, old.spec?.selector)

const setFields = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds']

export const updateRules: Readonly<Record<string, Rule>> = {
  'deployments.apps': selector,
  'replicasets.apps': selector,
  'daemonsets.apps': selector,
  'statefulsets.apps'(object, old, errors) {
    const frozen = (o: Loose) => Object.fromEntries(Object.entries(o.spec ?? {}).filter(([k]) => !setFields.includes(k)))
    if (!semanticEqual(frozen(object), frozen(old))) {
      errors.forbidden('spec', "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")
    }
  },
  'jobs.batch'(object, old, errors) {
    const { spec } = object
    const before = old.spec
    const indexed = before.completionMode === 'Indexed'
    if (!equal(spec.completions, before.completions) && !(indexed && spec.completions === spec.parallelism && spec.completions !== undefined)) immutable(errors, 'spec.completions', spec.completions, before.completions)
    immutable(errors, 'spec.selector', spec.selector, before.selector)
    jobTemplate(spec, before, old, errors)
    immutable(errors, 'spec.completionMode', spec.completionMode, before.completionMode)
    if (!equal(spec.podFailurePolicy, before.podFailurePolicy)) errors.invalid('spec.podFailurePolicy', spec.podFailurePolicy && internalForm('PodFailurePolicy', spec.podFailurePolicy), 'field is immutable')
    immutable(errors, 'spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, before.backoffLimitPerIndex)
    immutable(errors, 'spec.managedBy', spec.managedBy, before.managedBy)
    if (!equal(spec.successPolicy, before.successPolicy)) errors.invalid('spec.successPolicy', spec.successPolicy && internalForm('SuccessPolicy', spec.successPolicy), 'field is immutable')
  },
  secrets(object, old, errors) {
    immutable(errors, 'type', object.type, old.type)
    immutableData(['data'])(object, old, errors)
  },
  configmaps: immutableData(['data', 'binaryData']),
  persistentvolumeclaims(object, old, errors) {
    const munged = copy(object.spec ?? {}) as Loose
    const before = old.spec
    if (!before.volumeName) {
      // Binding: the controller names the volume, and a class may be filled in late.
      if (munged.volumeName) delete munged.volumeName
    }
    if (before.storageClassName === undefined && munged.storageClassName !== undefined) delete munged.storageClassName
    if (munged.volumeAttributesClassName !== undefined || before.volumeAttributesClassName !== undefined) {
      if (before.volumeAttributesClassName === undefined) delete munged.volumeAttributesClassName
      else munged.volumeAttributesClassName = before.volumeAttributesClassName
    }
    const size = object.spec?.resources?.requests?.storage
    if (old.status?.phase === 'Bound' && size !== undefined) {
      munged.resources = { ...munged.resources, requests: { ...munged.resources?.requests, storage: before.resources?.requests?.storage } }
      const capacity = old.status?.capacity?.storage
      const was = before.resources?.requests?.storage
      if (was !== undefined && compareQuantities(parseQuantity(size)!, parseQuantity(was)!) < 0 && capacity !== undefined && compareQuantities(parseQuantity(size)!, parseQuantity(capacity)!) < 0) errors.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity')
    }
    const [a, b] = [internalForm('ClaimSpec', before), internalForm('ClaimSpec', munged)]
    if (!equal(a, b)) errors.forbidden('spec', `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${internalDiff(a, b)}`)
  },
  persistentvolumes(object, old, errors) {
    const [a, b] = [internalForm('PersistentVolumeSource', old.spec), internalForm('PersistentVolumeSource', object.spec ?? {})]
    if (!equal(a, b)) errors.forbidden('spec.persistentvolumesource', `spec.persistentvolumesource is immutable after creation\n${internalDiff(a, b)}`)
    if (!equal(object.spec?.volumeMode, old.spec.volumeMode)) errors.invalid('volumeMode', object.spec?.volumeMode, 'field is immutable')
    if (old.spec.nodeAffinity && !equal(object.spec?.nodeAffinity, old.spec.nodeAffinity)) errors.invalid('nodeAffinity', object.spec?.nodeAffinity && { Required: object.spec.nodeAffinity.required ? internalForm('NodeSelector', object.spec.nodeAffinity.required) : null }, 'field is immutable, except for updating from beta label to GA')
  },
  'storageclasses.storage.k8s.io'(object, old, errors) {
    for (const field of ['parameters', 'provisioner', 'reclaimPolicy']) if (!semanticEqual(object[field], old[field])) errors.forbidden(field, `updates to ${field} are forbidden.`)
    immutable(errors, 'volumeBindingMode', object.volumeBindingMode, old.volumeBindingMode)
  },
  'rolebindings.rbac.authorization.k8s.io': roleRef,
  'clusterrolebindings.rbac.authorization.k8s.io': roleRef,
  'priorityclasses.scheduling.k8s.io'(object, old, errors) {
    if (object.value !== old.value) errors.forbidden('value', 'may not be changed in an update.')
    if (object.preemptionPolicy !== old.preemptionPolicy) errors.invalid('preemptionPolicy', object.preemptionPolicy, 'field is immutable')
  },
  'runtimeclasses.node.k8s.io'(object, old, errors) {
    immutable(errors, 'handler', object.handler, old.handler)
  },
}

function jobTemplate(spec: Loose, before: Loose, old: Loose, errors: FieldErrors): void {
  // While a job is suspended and never ran, scheduling directives may still change.
  const free = old.spec.suspend === true && !old.status?.startTime
  const munged = copy(spec.template ?? {}) as Loose
  if (free) {
    for (const field of ['nodeSelector', 'tolerations', 'schedulingGates', 'affinity']) {
      if (before.template?.spec?.[field] === undefined) delete munged.spec?.[field]
      else if (munged.spec) munged.spec[field] = before.template.spec[field]
    }
    munged.metadata = { ...munged.metadata, labels: before.template?.metadata?.labels, annotations: before.template?.metadata?.annotations }
    for (const field of ['labels', 'annotations']) if (munged.metadata[field] === undefined) delete munged.metadata[field]
  }
  const [a, b] = [internalPodTemplate(munged), internalPodTemplate(before.template)]
  if (!equal(a, b)) errors.invalid('spec.template', a, 'field is immutable')
}
