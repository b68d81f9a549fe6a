/** ValidateIngress and ValidateIngressClass. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { dns1035LabelErrors, dns1123LabelErrors, dns1123SubdomainErrors, pathSegmentErrors, portNameErrors, wildcardDns1123SubdomainErrors } from '#engine/api/names.ts'
import { isIp } from '../shared/ip.ts'
import { all, validatePort } from '../shared/validation.ts'

const list = (value: Loose): Loose[] => value ?? []
const badInside = ['//', '/./', '/../', '%2f', '%2F']
const badEnd = ['/..', '/.']

function validateBackend(b: Loose, at: string, errors: FieldErrors): void {
  const has = [b.resource, b.service].filter((x) => x !== undefined).length
  if (has > 1) {
    errors.invalid(at, '', 'cannot set both resource and service backends')
    return
  }
  if (has === 0) {
    errors.invalid(at, '', 'resource or service backend is required')
    return
  }
  if (b.resource) {
    const r = b.resource
    if (!r.kind) errors.required(`${at}.resource.kind`)
    if (!r.name) errors.required(`${at}.resource.name`)
    else all(errors, `${at}.resource.name`, r.name, pathSegmentErrors(r.name))
    if (r.kind) all(errors, `${at}.resource.kind`, r.kind, pathSegmentErrors(r.kind))
    if (r.apiGroup) all(errors, `${at}.resource.apiGroup`, r.apiGroup, dns1123SubdomainErrors(r.apiGroup))
    return
  }
  const s = b.service
  if (!s.name) errors.required(`${at}.service.name`)
  else all(errors, `${at}.service.name`, s.name, dns1035LabelErrors(s.name))
  const port = s.port ?? {}
  if (port.name && port.number) errors.invalid(at, '', 'cannot set both port name & port number')
  else if (!port.name && !port.number) errors.required(at, 'port name or number is required')
  else if (port.name) all(errors, `${at}.service.port.name`, port.name, portNameErrors(port.name))
  else validatePort(port.number, `${at}.service.port.number`, errors)
}

function validateHost(host: string, at: string, errors: FieldErrors): void {
  if (isIp(host)) errors.invalid(at, host, 'must be a DNS name, not an IP address')
  all(errors, at, host, host.includes('*') ? wildcardDns1123SubdomainErrors(host) : dns1123SubdomainErrors(host))
}

function validatePath(p: Loose, at: string, errors: FieldErrors): void {
  if (p.pathType === undefined) {
    errors.required(`${at}.pathType`, 'pathType must be specified')
    return
  }
  const path: string = p.path ?? ''
  if (p.pathType === 'Exact' || p.pathType === 'Prefix') {
    if (!path.startsWith('/')) errors.invalid(`${at}.path`, path, 'must be an absolute path')
    if (path !== '') {
      for (const bad of badInside) if (path.includes(bad)) errors.invalid(`${at}.path`, path, `must not contain '${bad}'`)
      for (const bad of badEnd) if (path.endsWith(bad)) errors.invalid(`${at}.path`, path, `cannot end with '${bad}'`)
    }
  } else if (p.pathType === 'ImplementationSpecific') {
    if (path !== '' && !path.startsWith('/')) errors.invalid(`${at}.path`, path, 'must be an absolute path')
  } else errors.notSupported(`${at}.pathType`, p.pathType, ['Exact', 'ImplementationSpecific', 'Prefix'])
  validateBackend(p.backend ?? {}, `${at}.backend`, errors)
}

function validateSpec(ingress: Loose, errors: FieldErrors): void {
  const spec = ingress.spec ?? {}
  if (list(spec.rules).length === 0 && spec.defaultBackend === undefined) errors.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified')
  if (spec.defaultBackend !== undefined) validateBackend(spec.defaultBackend, 'spec.defaultBackend', errors)
  for (const [i, rule] of list(spec.rules).entries()) {
    if (rule.host) validateHost(rule.host, `spec.rules[${i}].host`, errors)
    if (!rule.http) continue
    const paths = list(rule.http.paths)
    if (paths.length === 0) errors.required(`spec.rules[${i}].http.paths`)
    for (const [n, p] of paths.entries()) validatePath(p, `spec.rules[${i}].http.paths[${n}]`, errors)
  }
  for (const [i, tls] of list(spec.tls).entries()) {
    for (const [n, host] of list(tls.hosts).entries()) all(errors, `spec.tls[${i}].hosts[${n}]`, host, String(host).includes('*') ? wildcardDns1123SubdomainErrors(String(host)) : dns1123SubdomainErrors(String(host)))
    if (tls.secretName) all(errors, `spec.tls[${i}].secretName`, tls.secretName, dns1123SubdomainErrors(tls.secretName))
  }
  if (spec.ingressClassName !== undefined) all(errors, 'spec.ingressClassName', spec.ingressClassName, dns1123SubdomainErrors(spec.ingressClassName))
}

export function validateIngress(ingress: Loose, errors: FieldErrors): void {
  validateSpec(ingress, errors)
  const annotation = ingress.metadata.annotations?.['kubernetes.io/ingress.class']
  const field = ingress.spec?.ingressClassName
  if (annotation !== undefined && field !== undefined && annotation !== field) errors.invalid('annotations.kubernetes.io/ingress.class', annotation, 'must match `ingressClassName` when both are specified')
}

export function validateIngressUpdate(ingress: Loose, _old: Loose, errors: FieldErrors): void {
  validateSpec(ingress, errors)
}

function validateController(controller: string | undefined, at: string, errors: FieldErrors): void {
  if (!controller) {
    errors.required(at)
    return
  }
  if (controller.length > 250) errors.tooLong(at, 250)
  const slash = controller.indexOf('/')
  if (slash <= 0 || slash === controller.length - 1 || dns1123SubdomainErrors(controller.slice(0, slash)).length > 0 || !/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(controller.slice(slash + 1))) errors.invalid(at, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
}

export function validateIngressClass(c: Loose, errors: FieldErrors): void {
  const spec = c.spec ?? {}
  validateController(spec.controller, 'spec.controller', errors)
  const p = spec.parameters
  if (!p) return
  const at = 'spec.parameters'
  if (p.apiGroup !== undefined) all(errors, `${at}.apiGroup`, p.apiGroup, dns1123SubdomainErrors(p.apiGroup))
  if (!p.kind) errors.required(`${at}.kind`)
  else all(errors, `${at}.kind`, p.kind, pathSegmentErrors(p.kind))
  if (!p.name) errors.required(`${at}.name`)
  else all(errors, `${at}.name`, p.name, pathSegmentErrors(p.name))
  if (p.scope === undefined) errors.required(`${at}.scope`)
  else if (!['Cluster', 'Namespace'].includes(p.scope)) errors.notSupported(`${at}.scope`, p.scope, ['Cluster', 'Namespace'])
  else if (p.scope === 'Namespace') {
    if (p.namespace === undefined) errors.required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'")
    else all(errors, `${at}.namespace`, p.namespace, dns1123LabelErrors(p.namespace))
  } else if (p.namespace !== undefined) errors.forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'")
}

export function validateIngressClassUpdate(c: Loose, old: Loose, errors: FieldErrors): void {
  if (!equal(c.spec?.controller, old.spec?.controller)) errors.invalid('spec.controller', c.spec?.controller ?? '', 'field is immutable')
  validateIngressClass(c, errors)
}
