/** APIService (kube-aggregator): name, priorities and service are checked. No server is behind them: conditions of availability are left out. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Strategy } from '#engine/api/kind.ts'
import type { Loose } from '#engine/api/loose.ts'
import { dns1035LabelErrors, dns1123SubdomainErrors, pathSegmentErrors, portText } from '#engine/api/names.ts'

function validate(object: Loose, errors: FieldErrors): void {
  const spec = object.spec ?? {}
  const group: string = spec.group ?? ''
  const version: string = spec.version ?? ''
  const name = `${version}.${group}`
  for (const field of ['generateName', 'name']) {
    const value = object.metadata[field]
    if (value && value !== name && pathSegmentErrors(value, field === 'generateName').length === 0) errors.invalid(`metadata.${field}`, value, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`)
  }
  if (group === '' && version !== 'v1') errors.required('spec.group', 'only v1 may have an empty group and it better be legacy kube')
  if (group !== '') for (const text of dns1123SubdomainErrors(group)) errors.invalid('spec.group', group, text)
  for (const text of dns1035LabelErrors(version)) errors.invalid('spec.version', version, text)
  for (const [field, most] of [['groupPriorityMinimum', 20000], ['versionPriority', 1000]] as const) {
    const value = spec[field] ?? 0
    if (value <= 0 || value > most) errors.invalid(`spec.${field}`, value, `must be positive and less than ${most}`)
  }
  const { service } = spec
  if (!service) {
    if (spec.caBundle) errors.invalid('spec.caBundle', `${Math.floor((spec.caBundle.replace(/=+$/, '').length * 3) / 4)} bytes`, 'local APIServices may not have a caBundle')
    if (spec.insecureSkipTLSVerify) errors.invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify')
    return
  }
  if (!service.namespace) errors.required('spec.service.namespace')
  if (!service.name) errors.required('spec.service.name')
  if (!(service.port >= 1 && service.port <= 65535)) errors.invalid('spec.service.port', service.port, `port is not valid: ${portText}`)
  if (spec.insecureSkipTLSVerify && spec.caBundle) errors.invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present')
}

export const apiServiceStrategy: Strategy = {
  validateName: pathSegmentErrors,
  validate,
  validateUpdate: (object, _old, errors) => validate(object, errors),
  defaults(object) {
    if (object.spec?.service) object.spec.service.port ??= 443
  },
  prepareForCreate(object) {
    object.status = {}
  },
  prepareForUpdate(object, old) {
    object.status = old.status
  },
}
