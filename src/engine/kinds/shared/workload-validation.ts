/** Validation of the workload kinds: selector and template must fit, replicas, strategies, jobs and their schedules. */
import { validateClaimSpec } from '../persistentvolumeclaim/validation.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { matchesLabelSelector, matchesMap } from '#engine/api/label-selector.ts'
import type { Loose } from '#engine/api/loose.ts'
import { FieldErrors as Errors } from '#engine/api/field-errors.ts'
import { validateAnnotations, validateLabels } from '#engine/api/meta-validation.ts'
import { dns1123LabelErrors } from '#engine/api/names.ts'
import { internalForm, selectorForm } from './internal-form.ts'
import { validatePodTemplate } from '../pod/validation.ts'
import { all, nonNegative, notMoreThan100Percent, percentValue, validateIntOrPercent, validateLabelSelector } from './validation.ts'

const list = (value: Loose): Loose[] => value ?? []

function emptySelector(s: Loose): boolean {
  return Object.keys(s?.matchLabels ?? {}).length + list(s?.matchExpressions).length === 0
}

function validateSelector(spec: Loose, kind: string, errors: FieldErrors): boolean {
  if (!spec.selector) {
    errors.required('spec.selector')
    return true
  }
  const own = new Errors()
  validateLabelSelector(spec.selector, 'spec.selector', own)
  errors.list.push(...own.list)
  if (emptySelector(spec.selector)) errors.invalid('spec.selector', {}, `empty selector is invalid for ${kind}`)
  if (own.list.length > 0) errors.invalid('spec.selector', selectorForm(spec.selector), kind === 'statefulset' ? '' : 'invalid label selector')
  return own.list.length === 0
}

function templateFits(spec: Loose, errors: FieldErrors): void {
  const labels = spec.template?.metadata?.labels
  if (!(spec.selector && emptySelector(spec.selector)) && !matchesLabelSelector(spec.selector, labels)) errors.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`')
}

function alwaysRestarts(spec: Loose, errors: FieldErrors): void {
  const t = spec.template?.spec ?? {}
  if (t.restartPolicy !== 'Always') errors.notSupported('spec.template.spec.restartPolicy', t.restartPolicy ?? '', ['Always'])
  if (t.activeDeadlineSeconds !== undefined) errors.forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in ReplicaSet is not Supported')
}

export function validateReplicaSetSpec(spec: Loose, kind: string, errors: FieldErrors): void {
  nonNegative(spec.replicas, 'spec.replicas', errors)
  nonNegative(spec.minReadySeconds, 'spec.minReadySeconds', errors)
  if (validateSelector(spec, kind, errors)) validateTemplateForReplicaSet(spec, errors)
}

function validateTemplateForReplicaSet(spec: Loose, errors: FieldErrors): void {
  templateFits(spec, errors)
  validatePodTemplate(spec.template, 'spec.template', errors)
  alwaysRestarts(spec, errors)
}

/** Text that is neither a percentage nor a number counts as nought. */
function isZero(value: Loose): boolean {
  return value === undefined || value === 0 || (typeof value === 'string' && (percentValue(value) ?? (/^[+-]?\d+$/.test(value) ? Number(value) : 0)) === 0)
}

export function validateDeploymentSpec(d: Loose, errors: FieldErrors): void {
  const spec = d.spec ?? {}
  nonNegative(spec.replicas, 'spec.replicas', errors)
  if (validateSelector(spec, 'deployment', errors)) validateTemplateForReplicaSet(spec, errors)
  const strategy = spec.strategy ?? {}
  switch (strategy.type) {
    case 'Recreate':
      if (strategy.rollingUpdate) errors.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'")
      break
    case 'RollingUpdate': {
      const r = strategy.rollingUpdate
      if (!r) {
        errors.required('spec.strategy.rollingUpdate', '')
        break
      }
      const at = 'spec.strategy.rollingUpdate'
      validateIntOrPercent(r.maxUnavailable, `${at}.maxUnavailable`, errors)
      validateIntOrPercent(r.maxSurge, `${at}.maxSurge`, errors)
      if (isZero(r.maxUnavailable) && isZero(r.maxSurge)) errors.invalid(`${at}.maxUnavailable`, r.maxUnavailable, 'may not be 0 when `maxSurge` is 0')
      notMoreThan100Percent(r.maxUnavailable, `${at}.maxUnavailable`, errors)
      break
    }
    default:
      // The value is printed with the names of the internal type.
      errors.notSupported('spec.strategy', { Type: strategy.type ?? '', RollingUpdate: strategy.rollingUpdate ? { MaxUnavailable: strategy.rollingUpdate.maxUnavailable ?? 0, MaxSurge: strategy.rollingUpdate.maxSurge ?? 0 } : null }, ['Recreate', 'RollingUpdate'])
  }
  nonNegative(spec.minReadySeconds, 'spec.minReadySeconds', errors)
  nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit', errors)
  if (spec.progressDeadlineSeconds !== undefined) {
    nonNegative(spec.progressDeadlineSeconds, 'spec.progressDeadlineSeconds', errors)
    if (spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) errors.invalid('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds')
  }
}

export function validateReplicationControllerSpec(rc: Loose, errors: FieldErrors): void {
  const spec = rc.spec ?? {}
  nonNegative(spec.minReadySeconds, 'spec.minReadySeconds', errors)
  if (Object.keys(spec.selector ?? {}).length === 0) errors.required('spec.selector')
  nonNegative(spec.replicas, 'spec.replicas', errors)
  if (!spec.template) errors.required('spec.template')
  else {
    const labels = spec.template.metadata?.labels
    if (Object.keys(spec.selector ?? {}).length > 0 && !matchesMap(spec.selector, labels)) errors.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`')
    validatePodTemplate(spec.template, 'spec.template', errors)
    if (spec.template.spec?.restartPolicy !== 'Always') errors.notSupported('spec.template.spec.restartPolicy', spec.template.spec?.restartPolicy ?? '', ['Always'])
    if (spec.template.spec?.activeDeadlineSeconds !== undefined) errors.forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in ReplicationController is not Supported')
  }
}

export function validateDaemonSetSpec(ds: Loose, errors: FieldErrors): void {
  const spec = ds.spec ?? {}
  const own = new Errors()
  validateLabelSelector(spec.selector, 'spec.selector', own)
  errors.list.push(...own.list)
  const labels = spec.template?.metadata?.labels
  if (own.list.length === 0 && !matchesLabelSelector(spec.selector, labels)) errors.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`')
  if (spec.selector && emptySelector(spec.selector)) errors.invalid('spec.selector', {}, 'empty selector is invalid for daemonset')
  validatePodTemplate(spec.template, 'spec.template', errors)
  if (spec.template?.spec?.restartPolicy !== 'Always') errors.notSupported('spec.template.spec.restartPolicy', spec.template?.spec?.restartPolicy ?? '', ['Always'])
  if (spec.template?.spec?.activeDeadlineSeconds !== undefined) errors.forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in DaemonSet is not Supported')
  nonNegative(spec.minReadySeconds, 'spec.minReadySeconds', errors)
  const u = spec.updateStrategy ?? {}
  if (u.type === 'RollingUpdate') {
    if (!u.rollingUpdate) errors.required('spec.updateStrategy.rollingUpdate')
    else {
      const at = 'spec.updateStrategy.rollingUpdate'
      const r = u.rollingUpdate
      const [unavailable, surge] = [!isZero(r.maxUnavailable), !isZero(r.maxSurge)]
      validateIntOrPercent(r.maxUnavailable, `${at}.maxUnavailable`, errors)
      notMoreThan100Percent(r.maxUnavailable, `${at}.maxUnavailable`, errors)
      validateIntOrPercent(r.maxSurge, `${at}.maxSurge`, errors)
      notMoreThan100Percent(r.maxSurge, `${at}.maxSurge`, errors)
      if (unavailable && surge) errors.invalid(`${at}.maxSurge`, r.maxSurge, 'may not be set when maxUnavailable is non-zero')
      if (!unavailable && !surge) errors.required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')
    }
  } else if (u.type !== 'OnDelete') errors.notSupported('spec.updateStrategy', { Type: u.type ?? '', RollingUpdate: u.rollingUpdate ? { MaxUnavailable: u.rollingUpdate.maxUnavailable ?? 0, MaxSurge: u.rollingUpdate.maxSurge ?? 0 } : null }, ['RollingUpdate', 'OnDelete'])
  nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit', errors)
}

/** `old`: what was accepted once stays. */
export function validateStatefulSetSpec(s: Loose, errors: FieldErrors, old?: Loose): void {
  const spec = s.spec ?? {}
  if (spec.podManagementPolicy === '') errors.required('spec.podManagementPolicy')
  else if (!['OrderedReady', 'Parallel'].includes(spec.podManagementPolicy)) errors.invalid('spec.podManagementPolicy', spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'")
  const u = spec.updateStrategy ?? {}
  const at = 'spec.updateStrategy'
  if (u.type === 'OnDelete') {
    if (u.rollingUpdate) errors.invalid(`${at}.rollingUpdate`, internalForm('RollingUpdateStatefulSet', u.rollingUpdate), "only allowed for updateStrategy 'RollingUpdate'")
  } else if (u.type === 'RollingUpdate') {
    if (u.rollingUpdate) {
      nonNegative(u.rollingUpdate.partition, `${at}.rollingUpdate.partition`, errors)
      if (u.rollingUpdate.maxUnavailable !== undefined) {
        validateIntOrPercent(u.rollingUpdate.maxUnavailable, `${at}.rollingUpdate.maxUnavailable`, errors)
        if (isZero(u.rollingUpdate.maxUnavailable)) errors.invalid(`${at}.rollingUpdate.maxUnavailable`, u.rollingUpdate.maxUnavailable, 'cannot be 0')
        notMoreThan100Percent(u.rollingUpdate.maxUnavailable, `${at}.rollingUpdate.maxUnavailable`, errors)
      }
    }
  } else if (!u.type) errors.required(at)
  else errors.invalid(at, internalForm('StatefulSetUpdateStrategy', u), "must be 'RollingUpdate' or 'OnDelete'")
  for (const field of ['whenDeleted', 'whenScaled']) {
    const v = spec.persistentVolumeClaimRetentionPolicy?.[field]
    if (!['Retain', 'Delete'].includes(v)) errors.notSupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, v ?? '', ['Retain', 'Delete'])
  }
  nonNegative(spec.replicas, 'spec.replicas', errors)
  nonNegative(spec.minReadySeconds, 'spec.minReadySeconds', errors)
  if (spec.ordinals) nonNegative(spec.ordinals.start, 'spec.ordinals.start', errors)
  if (!old && spec.serviceName) all(errors, 'spec.serviceName', spec.serviceName, dns1123LabelErrors(spec.serviceName))
  if (validateSelector(spec, 'statefulset', errors)) {
    templateFits(spec, errors)
    const metadata = spec.template?.metadata ?? {}
    validateLabels(metadata.labels, errors, 'spec.template.labels')
    validateAnnotations(metadata.annotations, errors, 'spec.template.annotations')
    if (!old) for (const [i, claim] of list(spec.volumeClaimTemplates).entries()) validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${i}].spec`, errors)
    validatePodTemplate({ ...spec.template, spec: withClaims(spec) }, 'spec.template', errors)
  }
  if (spec.template?.spec?.restartPolicy !== 'Always') errors.notSupported('spec.template.spec.restartPolicy', spec.template?.spec?.restartPolicy ?? '', ['Always'])
  if (spec.template?.spec?.activeDeadlineSeconds !== undefined) errors.forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in StatefulSet is not Supported')
}

/** The pods get a volume for each claim of the set, before those of the template. */
function withClaims(spec: Loose): Loose {
  const pod = spec.template?.spec ?? {}
  const claims = [...new Set(list(spec.volumeClaimTemplates).map((c): string => c.metadata?.name ?? ''))]
  if (claims.length === 0) return pod
  return { ...pod, volumes: [...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })), ...list(pod.volumes).filter((v) => !claims.includes(v.name))] }
}
