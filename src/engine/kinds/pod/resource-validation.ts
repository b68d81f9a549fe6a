/** Resource names and quantities of containers (validateContainerResourceName, ValidateResourceRequirements). */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { qualifiedNameErrors } from '#engine/api/names.ts'
import { compareQuantities, parseQuantity } from '#base/quantity.ts'
import { all, isNegative } from '../shared/validation.ts'
import { looksFractional } from './warnings.ts'

const standardContainer = new Set(['cpu', 'memory', 'ephemeral-storage'])
const isHugePages = (name: string) => name.startsWith('hugepages-')
const isNative = (name: string) => !name.includes('/') || name.includes('kubernetes.io/')
const isExtended = (name: string) => !isNative(name) && !name.startsWith('requests.')
const mayOvercommit = (name: string) => isNative(name) && !isHugePages(name)

export const standardResources = new Set([
  'cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets',
  'configmaps', 'persistentvolumeclaims', 'storage', 'requests.storage', 'services.nodeports', 'services.loadbalancers',
])

/** ValidateResourceName: fully qualified, or one of the standard names. */
export function validateResourceName(name: string, at: string, errors: FieldErrors): void {
  all(errors, at, name, qualifiedNameErrors(name))
  if (qualifiedNameErrors(name).length > 0) return
  if (!name.includes('/') && !standardResources.has(name) && !isHugePages(name)) errors.invalid(at, name, 'must be a standard resource type or fully qualified')
}

function validateContainerResourceName(name: string, at: string, errors: FieldErrors): void {
  validateResourceName(name, at, errors)
  if (!name.includes('/')) {
    if (!standardContainer.has(name) && !isHugePages(name)) errors.invalid(at, name, 'must be a standard resource for containers')
  } else if (!isNative(name)) {
    if (!isExtended(name)) errors.invalid(at, name, "doesn't follow extended resource name standard")
  }
}

export function validateQuantityOf(name: string, value: string, at: string, errors: FieldErrors): void {
  if (isNegative(value)) errors.invalid(at, value, 'must be greater than or equal to 0')
  const integer = isExtended(name) || ['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'].includes(name)
  if (integer && looksFractional(String(value))) errors.invalid(at, value, 'must be an integer')
}

export function validateResources(r: Loose, at: string, errors: FieldErrors): void {
  if (!r) return
  const limits: Record<string, string> = r.limits ?? {}
  const requests: Record<string, string> = r.requests ?? {}
  let cpuOrMemory = false
  let huge = false
  const note = (name: string) => {
    if (name === 'cpu' || name === 'memory') cpuOrMemory = true
    if (isHugePages(name)) huge = true
  }
  for (const name of Object.keys(limits).sort()) {
    const path = `${at}.limits[${name}]`
    validateContainerResourceName(name, path, errors)
    validateQuantityOf(name, limits[name]!, path, errors)
    note(name)
  }
  for (const name of Object.keys(requests).sort()) {
    const path = `${at}.requests[${name}]`
    validateContainerResourceName(name, path, errors)
    validateQuantityOf(name, requests[name]!, path, errors)
    note(name)
    const limit = limits[name]
    if (limit !== undefined) {
      const order = compareQuantities(parseQuantity(String(requests[name]))!, parseQuantity(String(limit))!)
      if (order !== 0 && !mayOvercommit(name)) errors.invalid(`${at}.requests`, requests[name], `must be equal to ${name} limit of ${limit}`)
      else if (order > 0) errors.invalid(`${at}.requests`, requests[name], `must be less than or equal to ${name} limit of ${limit}`)
    } else if (!mayOvercommit(name)) errors.required(`${at}.limits`, 'Limit must be set for non overcommitable resources')
  }
  if (huge && !cpuOrMemory) errors.forbidden(at, 'HugePages require cpu or memory')
}
