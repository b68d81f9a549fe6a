/** Autoscalers, disruption budgets, limit ranges and quotas. */
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { pathSegmentErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { standardResources, validateQuantityOf, validateResourceName } from '../pod/resource-validation.ts'
import { all, isPositive, nonNegative, notMoreThan100Percent, validateConditions, validateIntOrPercent, validateLabelSelector } from './validation.ts'

const list = (value: Loose): Loose[] => value ?? []

function validateReference(r: Loose, at: string, errors: FieldErrors): void {
  if (!r.kind) errors.required(`${at}.kind`)
  else all(errors, `${at}.kind`, r.kind, pathSegmentErrors(r.kind))
  if (!r.name) errors.required(`${at}.name`)
  else all(errors, `${at}.name`, r.name, pathSegmentErrors(r.name))
}

function validateTarget(t: Loose, at: string, errors: FieldErrors): void {
  if (!t.type) errors.required(`${at}.type`, 'must specify a metric target type')
  if (!['Utilization', 'Value', 'AverageValue'].includes(t.type)) errors.invalid(`${at}.type`, t.type ?? '', 'must be either Utilization, Value, or AverageValue')
  if (t.value !== undefined && !isPositive(t.value)) errors.invalid(`${at}.value`, t.value, 'must be positive')
  if (t.averageValue !== undefined && !isPositive(t.averageValue)) errors.invalid(`${at}.averageValue`, t.averageValue, 'must be positive')
  if (t.averageUtilization !== undefined && t.averageUtilization < 1) errors.invalid(`${at}.averageUtilization`, t.averageUtilization, 'must be greater than 0')
}

const sources: Record<string, string> = { ContainerResource: 'containerResource', External: 'external', Object: 'object', Pods: 'pods', Resource: 'resource' }

function validateMetric(m: Loose, at: string, errors: FieldErrors): void {
  const type: string = m.type ?? ''
  if (type === '') errors.required(`${at}.type`, 'must specify a metric source type')
  // Two rules say this.
  if (!sources[type]) for (let n = 0; n < 2; n++) errors.notSupported(`${at}.type`, type, Object.keys(sources))
  const given = Object.values(sources).filter((s) => m[s])
  if (sources[type] && !m[sources[type]]) errors.required(`${at}.${sources[type]}`, 'must populate information for the given metric source')
  if (given.length > 1 && sources[type]) for (const s of given) if (s !== sources[type]) errors.forbidden(`${at}.${s}`, 'must populate the given metric source only')
  const name = (s: Loose, p: string) => {
    if (!s.metric?.name) errors.required(`${p}.metric.name`, 'must specify a metric name')
    else all(errors, `${p}.metric.name`, s.metric.name, pathSegmentErrors(s.metric.name))
  }
  if (m.object) {
    const p = `${at}.object`
    validateReference(m.object.describedObject ?? {}, `${p}.describedObject`, errors)
    name(m.object, p)
    const t = m.object.target ?? {}
    validateTarget(t, `${p}.target`, errors)
    if (t.value === undefined && t.averageValue === undefined) errors.required(`${p}.target.averageValue`, 'must set either a target value or averageValue')
  }
  if (m.pods) {
    const p = `${at}.pods`
    name(m.pods, p)
    const t = m.pods.target ?? {}
    validateTarget(t, `${p}.target`, errors)
    if (t.averageValue === undefined) errors.required(`${p}.target.averageValue`, 'must specify a positive target averageValue')
  }
  if (m.external) {
    const p = `${at}.external`
    name(m.external, p)
    const t = m.external.target ?? {}
    validateTarget(t, `${p}.target`, errors)
    if (t.value === undefined && t.averageValue === undefined) errors.required(`${p}.target.averageValue`, 'must set either a target value for metric or a per-pod target')
    if (t.value !== undefined && t.averageValue !== undefined) errors.forbidden(`${p}.target.value`, 'may not set both a target value for metric and a per-pod target')
  }
  for (const field of ['containerResource', 'resource']) {
    const r = m[field]
    if (!r) continue
    const p = `${at}.${field}`
    if (!r.name) errors.required(`${p}.name`, 'must specify a resource name')
    else if (field === 'containerResource') {
      validateResourceName(r.name, `${p}.name`, errors)
      if (!r.name.includes('/') && !['cpu', 'memory', 'ephemeral-storage'].includes(r.name)) errors.invalid(`${p}.name`, r.name, 'must be a standard resource for containers')
    }
    if (field === 'containerResource' && !r.container) errors.required(`${p}.container`, 'must specify a container')
    const t = r.target ?? {}
    validateTarget(t, `${p}.target`, errors)
    if (t.averageUtilization === undefined && t.averageValue === undefined) errors.required(`${p}.target.averageUtilization`, 'must set either a target raw value or a target utilization')
    if (t.averageUtilization !== undefined && t.averageValue !== undefined) errors.forbidden(`${p}.target.averageValue`, 'may not set both a target raw value and a target utilization')
  }
}

export function validateAutoscaler(hpa: Loose, errors: FieldErrors): void {
  const spec = hpa.spec ?? {}
  if (spec.minReplicas !== undefined && spec.minReplicas < 1) errors.invalid('spec.minReplicas', spec.minReplicas, 'must be greater than or equal to 1')
  if (!(spec.maxReplicas >= 1)) errors.invalid('spec.maxReplicas', spec.maxReplicas ?? 0, 'must be greater than 0')
  if (spec.minReplicas !== undefined && (spec.maxReplicas ?? 0) < spec.minReplicas) errors.invalid('spec.maxReplicas', spec.maxReplicas ?? 0, 'must be greater than or equal to `minReplicas`')
  const r = spec.scaleTargetRef ?? {}
  validateReference(r, 'spec.scaleTargetRef', errors)
  if (String(r.apiVersion ?? '').split('/').length > 2) errors.invalid('spec.scaleTargetRef.apiVersion', r.apiVersion, `unexpected GroupVersion string: ${r.apiVersion}`)
  else if (!(r.apiVersion ?? '').includes('/') && !(r.apiVersion === 'v1' && r.kind === 'ReplicationController')) errors.invalid('spec.scaleTargetRef.apiVersion', r.apiVersion ?? '', 'apiVersion must specify API group')
  for (const [i, m] of list(spec.metrics).entries()) validateMetric(m, `spec.metrics[${i}]`, errors)
  for (const side of ['scaleUp', 'scaleDown']) {
    const rules = spec.behavior?.[side]
    if (!rules) continue
    const at = `spec.behavior.${side}`
    const window = rules.stabilizationWindowSeconds
    if (window < 0) errors.invalid(`${at}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero')
    if (window > 3600) errors.invalid(`${at}.stabilizationWindowSeconds`, window, 'must be less than or equal to 3600')
    if (rules.selectPolicy !== undefined && !['Disabled', 'Max', 'Min'].includes(rules.selectPolicy)) errors.notSupported(`${at}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min'])
    if (list(rules.policies).length === 0) errors.required(`${at}.policies`, 'must specify at least one Policy')
    for (const [i, p] of list(rules.policies).entries()) {
      const path = `${at}.policies[${i}]`
      if (!['Percent', 'Pods'].includes(p.type)) errors.notSupported(`${path}.type`, p.type ?? '', ['Percent', 'Pods'])
      if (!(p.value > 0)) errors.invalid(`${path}.value`, p.value ?? 0, 'must be greater than zero')
      if (!(p.periodSeconds > 0)) errors.invalid(`${path}.periodSeconds`, p.periodSeconds ?? 0, 'must be greater than zero')
      if (p.periodSeconds > 1800) errors.invalid(`${path}.periodSeconds`, p.periodSeconds, 'must be less than or equal to 1800')
    }
  }
}

export function validateDisruptionBudget(pdb: Loose, errors: FieldErrors): void {
  const spec = pdb.spec ?? {}
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) errors.invalid('spec', { ...spec }, 'minAvailable and maxUnavailable cannot be both set')
  for (const field of ['minAvailable', 'maxUnavailable']) {
    if (spec[field] === undefined) continue
    validateIntOrPercent(spec[field], `spec.${field}`, errors)
    notMoreThan100Percent(spec[field], `spec.${field}`, errors)
  }
  validateLabelSelector(spec.selector, 'spec.selector', errors)
  if (spec.unhealthyPodEvictionPolicy !== undefined && !['AlwaysAllow', 'IfHealthyBudget'].includes(spec.unhealthyPodEvictionPolicy)) errors.notSupported('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget'])
}

export function validateDisruptionBudgetStatus(pdb: Loose, errors: FieldErrors): void {
  validateConditions(pdb.status?.conditions, 'status.conditions', errors)
  for (const field of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods']) nonNegative(pdb.status?.[field], `status.${field}`, errors)
}

const limitTypes = ['Pod', 'Container', 'PersistentVolumeClaim']
const greater = (a: string, b: string) => compareQuantities(parseQuantity(String(a))!, parseQuantity(String(b))!) > 0

export function validateLimitRange(range: Loose, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, item] of list(range.spec?.limits).entries()) {
    const at = `spec.limits[${i}]`
    const type: string = item.type ?? ''
    const own = qualifiedNameErrors(type)
    all(errors, `${at}.type`, type, own)
    if (own.length === 0 && !type.includes('/') && !limitTypes.includes(type)) errors.invalid(`${at}.type`, type, 'must be a standard limit type or fully qualified')
    if (seen.has(type)) errors.duplicate(`${at}.type`, type)
    seen.add(type)
    const names = new Set<string>()
    const check = (field: string) => {
      for (const name of Object.keys(item[field] ?? {}).sort()) {
        validateResourceName(name, `${at}.${field}[${name}]`, errors)
        if (type !== 'PersistentVolumeClaim' && (type === 'Pod' || type === 'Container') && !name.includes('/') && !['cpu', 'memory', 'ephemeral-storage'].includes(name) && !name.startsWith('hugepages-')) errors.invalid(`${at}.${field}[${name}]`, name, 'must be a standard resource for containers')
        names.add(name)
      }
    }
    check('max')
    check('min')
    if (type === 'Pod') for (const field of ['default', 'defaultRequest']) {
      if (Object.keys(item[field] ?? {}).length > 0) errors.forbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'")
    } else {
      check('default')
      check('defaultRequest')
    }
    if (type === 'PersistentVolumeClaim' && item.min?.storage === undefined && item.max?.storage === undefined) errors.required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided')
    check('maxLimitRequestRatio')
    for (const k of [...names].sort()) {
      const [min, max, standard, request, ratio] = [item.min?.[k], item.max?.[k], item.default?.[k], item.defaultRequest?.[k], item.maxLimitRequestRatio?.[k]]
      if (min !== undefined && max !== undefined && greater(min, max)) errors.invalid(`${at}.min[${k}]`, min, `min value ${min} is greater than max value ${max}`)
      if (request !== undefined && min !== undefined && greater(min, request)) errors.invalid(`${at}.defaultRequest[${k}]`, request, `min value ${min} is greater than default request value ${request}`)
      if (request !== undefined && max !== undefined && greater(request, max)) errors.invalid(`${at}.defaultRequest[${k}]`, request, `default request value ${request} is greater than max value ${max}`)
      if (request !== undefined && standard !== undefined && greater(request, standard)) errors.invalid(`${at}.defaultRequest[${k}]`, request, `default request value ${request} is greater than default limit value ${standard}`)
      if (standard !== undefined && min !== undefined && greater(min, standard)) errors.invalid(`${at}.default[${k}]`, min, `min value ${min} is greater than default value ${standard}`)
      if (standard !== undefined && max !== undefined && greater(standard, max)) errors.invalid(`${at}.default[${k}]`, max, `default value ${standard} is greater than max value ${max}`)
      if (ratio !== undefined) {
        if (!greater(ratio, '0') || greater('1', ratio)) errors.invalid(`${at}.maxLimitRequestRatio[${k}]`, ratio, `ratio ${ratio} is less than 1`)
        if (min !== undefined && max !== undefined) {
          const number = (t: string) => Number(parseQuantity(t)!.unscaled) * 10 ** parseQuantity(t)!.scale
          const limit = number(max) / number(min)
          if (number(ratio) > limit) errors.invalid(`${at}.maxLimitRequestRatio[${k}]`, ratio, `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`)
        }
      }
    }
  }
}

const scopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity', 'VolumeAttributesClass']
const quotaNames = (name: string) => name.startsWith('count/') || standardResources.has(name) || name.includes('/') || name.startsWith('requests.hugepages-') || name.startsWith('hugepages-')

export function validateQuota(quota: Loose, errors: FieldErrors): void {
  const spec = quota.spec ?? {}
  for (const name of Object.keys(spec.hard ?? {}).sort()) {
    const at = `spec.hard[${name}]`
    validateResourceName(name, at, errors)
    if (!name.includes('/') && !quotaNames(name)) errors.invalid(at, name, 'must be a standard resource for quota')
    validateQuantityOf(name, spec.hard[name], at, errors)
  }
  const names = Object.keys(spec.hard ?? {})
  const unfit = (scope: string) => (scope === 'BestEffort' ? names.some((n) => n !== 'pods' && n !== 'count/pods') : false)
  const given = new Set<string>()
  if (spec.scopes) {
    const values = spec.scopes as string[]
    for (const s of values) {
      if (!scopes.includes(s)) errors.invalid('spec.scopes', values, 'unsupported scope')
      if (unfit(s)) errors.invalid('spec.scopes', values, 'unsupported scope applied to resource')
      given.add(s)
    }
    for (const [a, b] of [['BestEffort', 'NotBestEffort'], ['Terminating', 'NotTerminating']] as const) if (given.has(a) && given.has(b)) errors.invalid('spec.scopes', values, 'conflicting scopes')
  }
  if (spec.scopeSelector) {
    const at = 'spec.scopeSelector.matchExpressions'
    for (const e of list(spec.scopeSelector.matchExpressions)) {
      if (!scopes.includes(e.scopeName)) errors.invalid(`${at}.scopeName`, e.scopeName ?? '', 'unsupported scope')
      const values = list(e.values)
      if (e.operator !== 'Exists' && ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'].includes(e.scopeName)) errors.invalid(`${at}.operator`, e.operator ?? '', "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity")
      if (e.operator === 'In' || e.operator === 'NotIn') {
        if (values.length === 0) errors.required(`${at}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
      } else if (e.operator === 'Exists' || e.operator === 'DoesNotExist') {
        if (values.length !== 0) errors.invalid(`${at}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")
      } else errors.invalid(`${at}.operator`, e.operator ?? '', 'not a valid selector operator')
    }
  }
}
