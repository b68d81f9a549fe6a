/** Affinity, tolerations, topology spread: what a pod says about where it wants to be. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { dns1123LabelErrors, dns1123SubdomainErrors, labelValueErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { all, validateLabelSelector } from '../shared/validation.ts'

const list = (value: Loose): Loose[] => value ?? []

/** `strict`: values must be labels' values, too. */
function validateRequirement(r: Loose, at: string, errors: FieldErrors, strict: boolean): void {
  const values = list(r.values)
  switch (r.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) errors.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) errors.required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")
      break
    default:
      errors.invalid(`${at}.operator`, r.operator ?? '', 'not a valid selector operator')
  }
  all(errors, `${at}.key`, r.key ?? '', qualifiedNameErrors(r.key ?? ''))
  if (strict) for (const [i, v] of values.entries()) all(errors, `${at}.values[${i}]`, v, labelValueErrors(String(v)))
}

function validateFieldRequirement(r: Loose, at: string, errors: FieldErrors): void {
  const values = list(r.values)
  if (r.operator === 'In' || r.operator === 'NotIn') {
    if (values.length !== 1) errors.required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
  } else errors.invalid(`${at}.operator`, r.operator ?? '', 'not a valid selector operator')
  if (r.key === 'metadata.name') for (const [i, v] of values.entries()) all(errors, `${at}.values[${i}]`, v, dns1123SubdomainErrors(String(v)))
  else errors.invalid(`${at}.key`, r.key ?? '', 'not a valid field selector key')
}

export function validateNodeSelectorTerm(term: Loose, at: string, errors: FieldErrors, strict: boolean): void {
  for (const [i, r] of list(term.matchExpressions).entries()) validateRequirement(r, `${at}.matchExpressions[${i}]`, errors, strict)
  for (const [i, r] of list(term.matchFields).entries()) validateFieldRequirement(r, `${at}.matchFields[${i}]`, errors)
}

export function validateNodeSelector(selector: Loose, at: string, errors: FieldErrors): void {
  const terms = list(selector.nodeSelectorTerms)
  if (terms.length === 0) errors.required(`${at}.nodeSelectorTerms`, 'must have at least one node selector term')
  for (const [i, t] of terms.entries()) validateNodeSelectorTerm(t, `${at}.nodeSelectorTerms[${i}]`, errors, true)
}

const weight = (w: number | undefined, at: string, errors: FieldErrors) => {
  if (!(w !== undefined && w >= 1 && w <= 100)) errors.invalid(at, w ?? 0, 'must be in the range 1-100')
}

function validatePodTerm(term: Loose, at: string, errors: FieldErrors): void {
  validateLabelSelector(term.labelSelector, `${at}.labelSelector`, errors)
  validateLabelSelector(term.namespaceSelector, `${at}.namespaceSelector`, errors)
  for (const name of list(term.namespaces)) all(errors, `${at}.namespace`, name, dns1123LabelErrors(String(name)))
  for (const [field, other] of [['matchLabelKeys', 'mismatchLabelKeys'], ['mismatchLabelKeys', 'matchLabelKeys']] as const) {
    for (const [i, key] of list(term[field]).entries()) {
      all(errors, `${at}.${field}[${i}]`, key, qualifiedNameErrors(String(key)))
      if (field === 'matchLabelKeys' && list(term[other]).includes(key)) errors.invalid(`${at}.${field}[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys')
    }
    if (list(term[field]).length > 0 && !term.labelSelector) errors.forbidden(`${at}.${field}`, 'must not be specified when labelSelector is not set')
  }
  if (!term.topologyKey) errors.required(`${at}.topologyKey`, 'can not be empty')
  all(errors, `${at}.topologyKey`, term.topologyKey ?? '', qualifiedNameErrors(term.topologyKey ?? ''))
}

export function validateAffinity(affinity: Loose, at: string, errors: FieldErrors): void {
  if (!affinity) return
  const node = affinity.nodeAffinity
  if (node) {
    const path = `${at}.nodeAffinity`
    if (node.requiredDuringSchedulingIgnoredDuringExecution) validateNodeSelector(node.requiredDuringSchedulingIgnoredDuringExecution, `${path}.requiredDuringSchedulingIgnoredDuringExecution`, errors)
    for (const [i, t] of list(node.preferredDuringSchedulingIgnoredDuringExecution).entries()) {
      const p = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
      weight(t.weight, `${p}.weight`, errors)
      validateNodeSelectorTerm(t.preference ?? {}, `${p}.preference`, errors, false)
    }
  }
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const pod = affinity[kind]
    if (!pod) continue
    for (const [i, t] of list(pod.requiredDuringSchedulingIgnoredDuringExecution).entries()) validatePodTerm(t, `${at}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, errors)
    for (const [i, t] of list(pod.preferredDuringSchedulingIgnoredDuringExecution).entries()) {
      const p = `${at}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
      weight(t.weight, `${p}.weight`, errors)
      validatePodTerm(t.podAffinityTerm ?? {}, `${p}.podAffinityTerm`, errors)
    }
  }
}

export function validateTolerations(tolerations: Loose, at: string, errors: FieldErrors): void {
  for (const [i, t] of list(tolerations).entries()) {
    const path = `${at}[${i}]`
    if (t.key) all(errors, `${path}.key`, t.key, qualifiedNameErrors(t.key))
    if (!t.key && t.operator !== 'Exists') errors.invalid(`${path}.operator`, t.operator ?? '', 'operator must be Exists when `key` is empty, which means "match all values and all keys"')
    if (t.tolerationSeconds !== undefined && t.effect !== 'NoExecute') errors.invalid(`${path}.effect`, t.effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set")
    switch (t.operator ?? '') {
      case 'Equal':
      case '':
        all(errors, `${path}.operator`, t.value ?? '', labelValueErrors(t.value ?? ''))
        break
      case 'Exists':
        if (t.value) errors.invalid(`${path}.operator`, t.value, "value must be empty when `operator` is 'Exists'")
        break
      default:
        errors.notSupported(`${path}.operator`, t.operator, ['Equal', 'Exists', 'Lt', 'Gt'])
    }
    if (t.effect) {
      if (!['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(t.effect)) errors.notSupported(`${path}.effect`, t.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    }
  }
}

export function validateSpread(constraints: Loose, at: string, errors: FieldErrors): void {
  const all_ = list(constraints)
  for (const [i, c] of all_.entries()) {
    const path = `${at}[${i}]`
    if (!(c.maxSkew > 0)) errors.invalid(`${path}.maxSkew`, c.maxSkew ?? 0, 'must be greater than zero')
    if (!c.topologyKey) errors.required(`${path}.topologyKey`, 'can not be empty')
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(c.whenUnsatisfiable)) errors.notSupported(`${path}.whenUnsatisfiable`, c.whenUnsatisfiable ?? '', ['DoNotSchedule', 'ScheduleAnyway'])
    if (all_.slice(i + 1).some((o) => o.topologyKey === c.topologyKey && o.whenUnsatisfiable === c.whenUnsatisfiable)) {
      errors.duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, `{${c.topologyKey}, ${c.whenUnsatisfiable}}`)
    }
    if (c.minDomains !== undefined) {
      if (!(c.minDomains > 0)) errors.invalid(`${path}.minDomains`, c.minDomains, 'must be greater than zero')
      else if (c.whenUnsatisfiable !== 'DoNotSchedule') errors.invalid(`${path}.minDomains`, c.minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${c.whenUnsatisfiable}`)
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) if (c[field] !== undefined && !['Honor', 'Ignore'].includes(c[field])) errors.notSupported(`${path}.${field}`, c[field], ['Honor', 'Ignore'])
    for (const [n, key] of list(c.matchLabelKeys).entries()) {
      all(errors, `${path}.matchLabelKeys[${n}]`, key, qualifiedNameErrors(String(key)))
      if (c.labelSelector && [...Object.keys(c.labelSelector.matchLabels ?? {}), ...list(c.labelSelector.matchExpressions).map((e) => e.key)].includes(key)) errors.invalid(`${path}.matchLabelKeys[${n}]`, key, 'exists in both matchLabelKeys and labelSelector')
    }
    if (list(c.matchLabelKeys).length > 0 && !c.labelSelector) errors.forbidden(`${path}.matchLabelKeys`, 'must not be specified when labelSelector is not set')
    validateLabelSelector(c.labelSelector, `${path}.labelSelector`, errors)
  }
}
