/** Claims: access modes, size, selector, data sources; what may change later. */
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { dns1123SubdomainErrors } from '#engine/api/names.ts'
import { all, isPositive, validateLabelSelector } from '../shared/validation.ts'

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']

export function validateAccessModes(modes: Loose, at: string, errors: FieldErrors): void {
  const list: string[] = modes ?? []
  if (list.length === 0) errors.required(at, 'at least 1 access mode is required')
  for (const m of list) if (!accessModes.includes(m)) errors.notSupported(at, m, accessModes)
  if (list.includes('ReadWriteOncePod') && list.length > 1) errors.forbidden(at, 'may not use ReadWriteOncePod with other access modes')
}

export function validateClaimSpec(spec: Loose, at: string, errors: FieldErrors): void {
  validateAccessModes(spec.accessModes, `${at}.accessModes`, errors)
  validateLabelSelector(spec.selector, `${at}.selector`, errors)
  const storage = spec.resources?.requests?.storage
  if (storage === undefined) errors.required(`${at}.resources[storage]`)
  else if (!isPositive(storage)) errors.invalid(`${at}.resources[storage]`, storage, 'must be greater than zero')
  if (spec.storageClassName) all(errors, `${at}.storageClassName`, spec.storageClassName, dns1123SubdomainErrors(spec.storageClassName))
  if (spec.volumeMode !== undefined && !['Block', 'Filesystem'].includes(spec.volumeMode)) errors.notSupported(`${at}.volumeMode`, spec.volumeMode, ['Block', 'Filesystem'])
  for (const field of ['dataSource', 'dataSourceRef']) {
    const r = spec[field]
    if (!r) continue
    if (!r.name) errors.required(`${at}.${field}.name`)
    if (!r.kind) errors.required(`${at}.${field}.kind`)
    if (!r.apiGroup && r.kind !== 'PersistentVolumeClaim') errors.invalid(`${at}.${field}`, r.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
    if (r.apiGroup) all(errors, `${at}.${field}.apiGroup`, r.apiGroup, dns1123SubdomainErrors(r.apiGroup))
  }
  const [source, reference] = [spec.dataSource, spec.dataSourceRef]
  // The value that upstream shows here is a path, of which nothing is seen.
  if (source && reference?.namespace) errors.invalid(at, {}, 'may not be specified when dataSourceRef.namespace is specified')
  else if (source && reference && !['apiGroup', 'kind', 'name'].every((f) => (source[f] ?? '') === (reference[f] ?? ''))) errors.invalid(at, {}, 'must match dataSourceRef')
}

export function validateClaim(claim: Loose, errors: FieldErrors): void {
  validateClaimSpec(claim.spec ?? {}, 'spec', errors)
}

export const smaller = (a: string, b: string) => compareQuantities(parseQuantity(String(a))!, parseQuantity(String(b))!) < 0
