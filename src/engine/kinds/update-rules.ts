/** What may not change any more after creation, for the kinds whose rule is a few lines. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { copy, equal, type Loose, semanticEqual } from '#engine/api/loose.ts'
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import { validateTaints } from './shared/object-validation.ts'
import { internalDiff, internalForm, internalPodTemplate, selectorForm } from './shared/internal-form.ts'

type Rule = (object: Loose, old: Loose, errors: FieldErrors) => void

export const immutable = (errors: FieldErrors, at: string, value: Loose, before: Loose) => {
  if (!equal(value, before)) errors.invalid(at, value, 'field is immutable')
}

export const immutableData = (fields: readonly string[]): Rule => (object, old, errors) => {
  if (old.immutable !== true) return
  if (object.immutable !== true) errors.forbidden('immutable', 'field is immutable when `immutable` is set')
  for (const field of fields) if (!equal(object[field] ?? {}, old[field] ?? {})) errors.forbidden(field, 'field is immutable when `immutable` is set')
}

const roleRef: Rule = (object, old, errors) => {
  if (!equal(object.roleRef, old.roleRef)) errors.invalid('roleRef', { APIGroup: object.roleRef?.apiGroup ?? '', Kind: object.roleRef?.kind ?? '', Name: object.roleRef?.name ?? '' }, 'cannot change roleRef')
}

export const selector: Rule = (object, old, errors) => {
  if (!equal(object.spec?.selector, old.spec?.selector)) errors.invalid('spec.selector', object.spec?.selector && selectorForm(object.spec.selector), 'field is immutable')
}

const setFields = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds']

export const updateRules: Readonly<Record<string, Rule>> = {
  'ipaddresses.networking.k8s.io'(object, old, errors) {
    const form = (r: Loose) => r && { Group: r.group ?? '', Resource: r.resource ?? '', Namespace: r.namespace ?? '', Name: r.name ?? '' }
    if (!equal(object.spec?.parentRef, old.spec?.parentRef)) errors.invalid('spec.parentRef', form(object.spec?.parentRef) ?? null, 'field is immutable')
  },
  'deployments.apps': selector,
  'replicasets.apps': selector,
  'statefulsets.apps'(object, old, errors) {
    // Claims have no kind in the internal form.
    const claims = (templates: Loose) => templates?.map(({ kind: _k, apiVersion: _a, ...rest }: Loose) => rest)
    const frozen = (o: Loose) => Object.fromEntries(Object.entries({ ...o.spec, volumeClaimTemplates: claims(o.spec?.volumeClaimTemplates) }).filter(([k]) => !setFields.includes(k)))
    if (!semanticEqual(frozen(object), frozen(old))) {
      errors.forbidden('spec', "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")
    }
  },
  'jobs.batch'(object, old, errors) {
    const { spec } = object
    const before = old.spec
    const indexed = before.completionMode === 'Indexed'
    if (!equal(spec.completions, before.completions)) {
      if (!indexed || spec.completions === undefined || before.completions === undefined) immutable(errors, 'spec.completions', spec.completions, before.completions)
      else if (spec.completions !== spec.parallelism) errors.invalid('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism')
    }
    selector(object, old, errors)
    jobTemplate(spec, before, old, errors)
    immutable(errors, 'spec.completionMode', spec.completionMode, before.completionMode)
    if (!equal(spec.podFailurePolicy, before.podFailurePolicy)) errors.invalid('spec.podFailurePolicy', spec.podFailurePolicy && internalForm('PodFailurePolicy', spec.podFailurePolicy), 'field is immutable')
    immutable(errors, 'spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, before.backoffLimitPerIndex)
    immutable(errors, 'spec.managedBy', spec.managedBy, before.managedBy)
    if (!equal(spec.successPolicy, before.successPolicy)) errors.invalid('spec.successPolicy', spec.successPolicy && internalForm('SuccessPolicy', spec.successPolicy), 'field is immutable')
  },
  'volumeattachments.storage.k8s.io'(object, old, errors) {
    const form = (s: Loose) => ({ Attacher: s?.attacher ?? '', Source: { PersistentVolumeName: s?.source?.persistentVolumeName ?? null, InlineVolumeSpec: s?.source?.inlineVolumeSpec ?? null }, NodeName: s?.nodeName ?? '' })
    if (!equal(object.spec, old.spec)) errors.invalid('spec', form(object.spec), 'field is immutable')
  },
  nodes(object, old, errors) {
    validateTaints(object, errors)
    const { podCIDRs, providerID } = old.spec ?? {}
    if (podCIDRs?.length > 0 && !equal(podCIDRs, object.spec?.podCIDRs)) errors.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')
    if (providerID && providerID !== object.spec?.providerID) errors.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid')
  },
  resourcequotas(object, old, errors) {
    const set = (scopes: Loose) => [...new Set((scopes ?? []) as string[])].sort()
    if (!equal(set(object.spec?.scopes), set(old.spec?.scopes))) errors.invalid('spec.scopes', object.spec?.scopes ?? null, 'field is immutable')
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
    }
    const [a, b] = [internalForm('ClaimSpec', before), internalForm('ClaimSpec', munged)]
    if (!equal(a, b)) errors.forbidden('spec', `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${internalDiff(a, b)}`)
    // What was asked for may shrink again while an expansion goes on, but not below what there is.
    const quantity = (text: Loose) => parseQuantity(String(text ?? '0'))!
    const [now, was, capacity] = [size, before.resources?.requests?.storage, old.status?.capacity?.storage].map(quantity)
    if (compareQuantities(now!, was!) < 0 && compareQuantities(now!, capacity!) <= 0) errors.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity')
    immutable(errors, 'volumeMode', object.spec?.volumeMode, before.volumeMode)
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
