/** Validation of metadata (apimachinery pkg/api/validation/objectmeta.go): names, labels, annotations, owners, finalizers, what may not change. */
import type { FieldErrors } from './field-errors.ts'
import type { KindDefinition } from './kind.ts'
import { equal, type Loose } from './loose.ts'
import { byteLength, dns1123LabelErrors, dns1123SubdomainErrors, labelValueErrors, qualifiedNameErrors } from './names.ts'

const ANNOTATIONS_MAX = 256 * 1024

export function validateLabels(labels: Loose, errors: FieldErrors, path: string): void {
  for (const key of Object.keys(labels ?? {}).sort()) {
    for (const text of qualifiedNameErrors(key)) errors.invalid(path, key, text)
    for (const text of labelValueErrors(labels[key])) errors.invalid(path, labels[key], text)
  }
}

export function validateAnnotations(annotations: Loose, errors: FieldErrors, path: string): void {
  let size = 0
  for (const key of Object.keys(annotations ?? {}).sort()) {
    for (const text of qualifiedNameErrors(key.toLowerCase())) errors.invalid(path, key, text)
    size += byteLength(key) + byteLength(annotations[key])
  }
  if (size > ANNOTATIONS_MAX) errors.tooLong(path, ANNOTATIONS_MAX)
}

/** `finalizers`: those without a domain must be Kubernetes' own. */
export function validateMeta(object: Loose, kind: KindDefinition, errors: FieldErrors, finalizers = true): void {
  const meta = object.metadata
  const validateName = kind.validateName ?? dns1123SubdomainErrors
  if (meta.generateName) for (const text of validateName(meta.generateName, true)) errors.invalid('metadata.generateName', meta.generateName, text)
  if (!meta.name) errors.required('metadata.name', 'name or generateName is required')
  else for (const text of validateName(meta.name, false)) errors.invalid('metadata.name', meta.name, text)
  if (kind.namespaced) {
    if (!meta.namespace) errors.required('metadata.namespace')
    else for (const text of dns1123LabelErrors(meta.namespace)) errors.invalid('metadata.namespace', meta.namespace, text)
  } else if (meta.namespace) errors.forbidden('metadata.namespace', 'not allowed on this type')
  validateShared(meta, errors)
  if (finalizers) validateKnownFinalizers(meta, errors)
}

function validateShared(meta: Loose, errors: FieldErrors): void {
  if (meta.generation < 0) errors.invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0')
  validateLabels(meta.labels, errors, 'metadata.labels')
  validateAnnotations(meta.annotations, errors, 'metadata.annotations')
  validateOwners(meta, errors)
  validateFinalizers(meta, errors)
}

function validateOwners(meta: Loose, errors: FieldErrors): void {
  let controller: string | undefined
  for (const owner of (meta.ownerReferences ?? []) as Loose[]) {
    const path = 'metadata.ownerReferences'
    const version = String(owner.apiVersion ?? '').split('/').at(-1)
    if (!version) errors.invalid(`${path}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty')
    if (!owner.kind) errors.invalid(`${path}.kind`, owner.kind ?? '', 'must not be empty')
    if (!owner.name) errors.invalid(`${path}.name`, owner.name ?? '', 'must not be empty')
    if (!owner.uid) errors.invalid(`${path}.uid`, owner.uid ?? '', 'must not be empty')
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') errors.invalid(path, owner, '/v1, Kind=Event is disallowed from being an owner')
    if (owner.controller === true) {
      if (controller !== undefined) errors.invalid('metadata.ownerReferences', meta.ownerReferences, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${owner.name}`)
      else controller = owner.name
    }
  }
}

const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function validateFinalizers(meta: Loose, errors: FieldErrors): void {
  for (const finalizer of (meta.finalizers ?? []) as string[]) {
    const wrong = qualifiedNameErrors(finalizer)
    for (const text of wrong) errors.invalid('metadata.finalizers', finalizer, text)
  }
  if (meta.finalizers?.includes('orphan') && meta.finalizers.includes('foregroundDeletion')) {
    errors.invalid('metadata.finalizers', meta.finalizers, 'finalizer orphan and foregroundDeletion cannot be both set')
  }
}

function validateKnownFinalizers(meta: Loose, errors: FieldErrors): void {
  for (const [i, finalizer] of ((meta.finalizers ?? []) as string[]).entries()) {
    if (!finalizer.includes('/') && !standardFinalizers.has(finalizer) && qualifiedNameErrors(finalizer).length === 0) errors.invalid(`metadata.finalizers[${i}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')
  }
}

export function validateMetaUpdate(object: Loose, old: Loose, errors: FieldErrors, finalizers: boolean): void {
  const meta = object.metadata
  const before = old.metadata
  if (before.deletionTimestamp) {
    const fresh = ((meta.finalizers ?? []) as string[]).filter((f) => !(before.finalizers ?? []).includes(f))
    if (fresh.length > 0) {
      errors.forbidden('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${fresh.map((f) => JSON.stringify(f)).join(', ')}}`)
    }
  }
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']) {
    if (!equal(meta[field], before[field])) errors.invalid(`metadata.${field}`, meta[field], 'field is immutable')
  }
  validateLabels(meta.labels, errors, 'metadata.labels')
  validateAnnotations(meta.annotations, errors, 'metadata.annotations')
  validateOwners(meta, errors)
  if (finalizers) validateKnownFinalizers(meta, errors)
}
