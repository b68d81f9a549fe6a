/** Kinds that people seldom write themselves: pod templates, revisions, what CSI drivers and provisioners keep. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { dns1123SubdomainErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { validatePodTemplate } from '../pod/validation.ts'
import { validateDriverName } from '../pod/volume-validation.ts'
import { all, isNegative, nonNegative, validateLabelSelector } from './validation.ts'

const list = (value: Loose): Loose[] => value ?? []

export const validatePodTemplateObject = (object: Loose, errors: FieldErrors): void => validatePodTemplate(object.template, 'template', errors)

export function validateRevision(revision: Loose, errors: FieldErrors): void {
  if (revision.data === undefined || revision.data === null) errors.required('data', 'data is mandatory')
  nonNegative(revision.revision, 'revision', errors)
}

export function validateRevisionUpdate(revision: Loose, old: Loose, errors: FieldErrors): void {
  validateRevision(revision, errors)
  if (!equal(revision.data, old.data)) errors.invalid('data', revision.data ?? null, 'field is immutable')
}

export function validateCsiNode(node: Loose, errors: FieldErrors): void {
  const names = new Set<string>()
  for (const [i, d] of list(node.spec?.drivers).entries()) {
    const at = `spec.drivers[${i}]`
    validateDriverName(d.name, `${at}.name`, errors)
    if (!d.nodeID) errors.required(`${at}.nodeID`)
    else if (d.nodeID.length > 256) errors.invalid(`${at}.nodeID`, d.nodeID, 'must be 256 characters or less')
    if (d.allocatable?.count < 0) errors.invalid(`${at}.allocatable.count`, d.allocatable.count, 'must be greater than or equal to 0')
    if (names.has(d.name)) errors.duplicate(`${at}.name`, d.name)
    names.add(d.name)
    const keys = list(d.topologyKeys) as unknown as string[]
    for (const [n, key] of keys.entries()) {
      if (!key) errors.required(at)
      if (keys.indexOf(key) < n) errors.duplicate(at, key)
      all(errors, at, keys, qualifiedNameErrors(key))
    }
  }
}

export function validateStorageCapacity(c: Loose, errors: FieldErrors): void {
  validateLabelSelector(c.nodeTopology, 'nodeTopology', errors)
  all(errors, 'storageClassName', c.storageClassName ?? '', dns1123SubdomainErrors(c.storageClassName ?? ''))
  for (const field of ['capacity', 'maximumVolumeSize']) if (c[field] !== undefined && isNegative(c[field])) errors.invalid(field, c[field], 'must be greater than or equal to 0')
}

export function validateProvisioner(name: string | undefined, at: string, errors: FieldErrors): void {
  if (!name) errors.required(at)
  else all(errors, at, name, qualifiedNameErrors(name.toLowerCase()))
}

/** Parameters of classes. `needed`: there must be some. */
export function validateParameters(parameters: Loose, at: string, needed: boolean, errors: FieldErrors): void {
  const entries = Object.entries((parameters ?? {}) as Record<string, string>)
  if (needed && entries.length === 0) {
    errors.required(at, 'must contain at least one key/value pair')
    return
  }
  if (entries.length > 512) {
    errors.tooLong(at, 512)
    return
  }
  for (const [key] of entries) if (key === '') errors.invalid(at, key, 'field can not be empty.')
  if (entries.reduce((sum, [k, v]) => sum + k.length + v.length, 0) > 256 * 1024) errors.tooLong(at, 256 * 1024)
}

export function validateAttributesClass(c: Loose, errors: FieldErrors): void {
  validateProvisioner(c.driverName, 'driverName', errors)
  validateParameters(c.parameters, 'parameters', true, errors)
}

export function validateAttributesClassUpdate(c: Loose, old: Loose, errors: FieldErrors): void {
  for (const field of ['driverName', 'parameters']) if (!equal(c[field], old[field])) errors.forbidden(field, `updates to ${field} are forbidden.`)
}
