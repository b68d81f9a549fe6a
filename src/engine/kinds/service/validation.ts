/** ValidateService and ValidateServiceUpdate. */
import { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { validateLabels } from '#engine/api/meta-validation.ts'
import { dns1123LabelErrors, dns1123SubdomainErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { cidrWarnings, ipWarnings, sloppyIp, validateCidr, validateNonSpecialIp } from '../shared/network-validation.ts'
import { all, validatePort, validatePortNumberOrName } from '../shared/validation.ts'
import { ipText } from '#engine/api/names.ts'
import { validateClusterIpFields } from './cluster-ip-validation.ts'
import { externallyAccessible } from './defaults.ts'
import { needsHealthCheck } from './allocator.ts'

const list = (value: Loose): Loose[] => value ?? []
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const protocols = ['SCTP', 'TCP', 'UDP']

function validatePorts(spec: Loose, headless: boolean, errors: FieldErrors): void {
  const ports = list(spec.ports)
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') errors.required('spec.ports')
  const names = new Set<string>()
  for (const [i, p] of ports.entries()) {
    const at = `spec.ports[${i}]`
    const needsName = ports.length > 1
    if (needsName && !p.name) errors.required(`${at}.name`)
    else if (p.name) {
      all(errors, `${at}.name`, p.name, dns1123LabelErrors(p.name))
      if (names.has(p.name)) errors.duplicate(`${at}.name`, p.name)
      else names.add(p.name)
    }
    validatePort(p.port ?? 0, `${at}.port`, errors)
    if (!p.protocol) errors.required(`${at}.protocol`)
    else if (!protocols.includes(p.protocol)) errors.notSupported(`${at}.protocol`, p.protocol, protocols)
    validatePortNumberOrName(p.targetPort ?? 0, `${at}.targetPort`, errors)
    if (p.appProtocol !== undefined) all(errors, `${at}.appProtocol`, p.appProtocol, qualifiedNameErrors(p.appProtocol))
  }
}

export function validateService(service: Loose, errors: FieldErrors): void {
  const { spec } = service
  const headless = spec.clusterIP === 'None'
  validatePorts(spec, headless, errors)
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') {
    if (headless) errors.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)
  } else if (spec.type === 'ExternalName') {
    const name: string = (spec.externalName ?? '').replace(/\.$/, '')
    if (name === '') errors.required('spec.externalName')
    else all(errors, 'spec.externalName', name, dns1123SubdomainErrors(name))
  }
  const seen = new Set<string>()
  for (const [i, p] of list(spec.ports).entries()) {
    if (!p.nodePort) continue
    const key = `${p.protocol}/${p.nodePort}`
    if (seen.has(key) && service.metadata.uid === undefined) errors.duplicate(`spec.ports[${i}].nodePort`, p.nodePort)
    seen.add(key)
  }
  validateLabels(spec.selector, errors, 'spec.selector')
  if (!spec.sessionAffinity) errors.required('spec.sessionAffinity')
  else if (!['ClientIP', 'None'].includes(spec.sessionAffinity)) errors.notSupported('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])
  if (spec.sessionAffinity === 'ClientIP') {
    const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
    if (timeout !== undefined && !(timeout > 0 && timeout <= 86400)) errors.invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', timeout, 'must be greater than 0 and less than 86400')
  } else if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig) errors.forbidden('spec.sessionAffinityConfig', 'must not be set when session affinity is None')
  validateClusterIpFields(service, errors)
  for (const [i, ip] of list(spec.externalIPs).entries()) {
    if (!sloppyIp(String(ip))) errors.invalid(`spec.externalIPs[${i}]`, ip, ipText)
    else validateNonSpecialIp(String(ip), `spec.externalIPs[${i}]`, errors)
  }
  if (!spec.type) errors.required('spec.type')
  else if (!types.includes(spec.type)) errors.notSupported('spec.type', spec.type, types)
  if (spec.type === 'ClusterIP') {
    for (const [i, p] of list(spec.ports).entries()) if (p.nodePort) errors.forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'")
  }
  duplicatePorts(spec, errors)
  if (list(spec.loadBalancerSourceRanges).length > 0) {
    if (spec.type !== 'LoadBalancer') errors.forbidden('spec.LoadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'")
    for (const [i, range] of list(spec.loadBalancerSourceRanges).entries()) validateCidr(String(range).trim(), `spec.LoadBalancerSourceRanges[${i}]`, errors)
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') errors.forbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'")
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === undefined) errors.required('spec.allocateLoadBalancerNodePorts')
  if (spec.loadBalancerClass !== undefined) {
    if (spec.type !== 'LoadBalancer') errors.forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'")
    else all(errors, 'spec.loadBalancerClass', spec.loadBalancerClass, qualifiedNameErrors(spec.loadBalancerClass))
  }
  const etp = spec.externalTrafficPolicy ?? ''
  if (!externallyAccessible(spec)) {
    if (etp !== '') errors.invalid('spec.externalTrafficPolicy', etp, 'may only be set for externally-accessible services')
  } else if (etp === '') errors.required('spec.externalTrafficPolicy')
  else if (!['Cluster', 'Local'].includes(etp)) errors.notSupported('spec.externalTrafficPolicy', etp, ['Cluster', 'Local'])
  const check = spec.healthCheckNodePort ?? 0
  if (!needsHealthCheck(service)) {
    if (check !== 0) errors.invalid('spec.healthCheckNodePort', check, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
  } else if (check === 0) errors.required('spec.healthCheckNodePort')
  else validatePort(check, 'spec.healthCheckNodePort', errors)
  const itp = spec.internalTrafficPolicy
  if (itp === undefined) {
    if (types.includes(spec.type) && spec.type !== 'ExternalName') errors.required('spec.internalTrafficPolicy')
  } else if (!['Cluster', 'Local'].includes(itp)) errors.notSupported('spec.internalTrafficPolicy', itp, ['Cluster', 'Local'])
  if (spec.trafficDistribution !== undefined && !['PreferClose', 'PreferSameZone', 'PreferSameNode'].includes(spec.trafficDistribution)) errors.notSupported('spec.trafficDistribution', spec.trafficDistribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode'])
}

function duplicatePorts(spec: Loose, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, p] of list(spec.ports).entries()) {
    const key = `${p.protocol}/${p.port}`
    if (seen.has(key)) errors.duplicate(`spec.ports[${i}]`, { Name: '', Protocol: p.protocol, AppProtocol: null, Port: p.port, TargetPort: 0, NodePort: 0 })
    seen.add(key)
  }
}

export function validateServiceUpdate(service: Loose, old: Loose, errors: FieldErrors): void {
  const { spec } = service
  const before = old.spec
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    for (let i = 0; i < Math.max(list(before.clusterIPs).length, list(spec.clusterIPs).length); i++) {
      const [was, is] = [list(before.clusterIPs)[i], list(spec.clusterIPs)[i]]
      if (was === is) continue
      if (i === 0) {
        errors.invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs ?? null, is === undefined ? 'primary clusterIP can not be unset' : 'may not change once set')
      } else if (was !== undefined && is !== undefined) errors.invalid(`spec.clusterIPs[${i}]`, is, 'may not change once set')
    }
    if (before.ipFamilies?.[0] !== undefined && spec.ipFamilies?.[0] !== before.ipFamilies[0]) errors.invalid('spec.ipFamilies[0]', spec.ipFamilies, 'may not change once set')
  }
  if (before.type === 'LoadBalancer' && spec.type === 'LoadBalancer' && !equal(before.loadBalancerClass, spec.loadBalancerClass)) errors.invalid('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set')
  validateService(service, errors)
}

export function validateServiceStatus(service: Loose, _old: Loose, errors: FieldErrors): void {
  const ingress = list(service.status?.loadBalancer?.ingress)
  if (service.spec.type !== 'LoadBalancer' && ingress.length > 0) {
    errors.forbidden('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")
    return
  }
  for (const [i, g] of ingress.entries()) {
    const at = `status.loadBalancer.ingress[${i}]`
    if (g.ip && !sloppyIp(g.ip)) errors.invalid(`${at}.ip`, g.ip, ipText)
    if (g.ipMode === undefined && g.ip) errors.required(`${at}.ipMode`, 'must be specified when `ip` is set')
    if (g.ipMode !== undefined && !g.ip) errors.forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set')
    if (g.ipMode !== undefined && !['Proxy', 'VIP'].includes(g.ipMode)) errors.notSupported(`${at}.ipMode`, g.ipMode, ['Proxy', 'VIP'])
    if (g.hostname) {
      all(errors, `${at}.hostname`, g.hostname, dns1123SubdomainErrors(g.hostname))
      if (sloppyIp(g.hostname)) errors.invalid(`${at}.hostname`, g.hostname, 'must be a DNS name, not an IP address')
    }
  }
}

export function serviceWarnings(service: Loose): string[] {
  const { spec } = service
  const out: string[] = []
  if (spec.clusterIP === 'None') {
    if (spec.loadBalancerIP) out.push('spec.loadBalancerIP is ignored for headless services')
    if (list(spec.externalIPs).length > 0) out.push('spec.externalIPs is ignored for headless services')
    if (spec.sessionAffinity && spec.sessionAffinity !== 'None') out.push('spec.SessionAffinity is ignored for headless services')
  }
  if (spec.type !== 'ExternalName' && spec.externalName) out.push('spec.externalName is ignored when spec.type is not "ExternalName"')
  for (const [i, ip] of list(spec.externalIPs).entries()) out.push(...ipWarnings(String(ip), `spec.externalIPs[${i}]`))
  for (const [i, range] of list(spec.loadBalancerSourceRanges).entries()) out.push(...cidrWarnings(String(range), `spec.loadBalancerSourceRanges[${i}]`))
  if (spec.trafficDistribution === 'PreferClose') out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
  return out
}

/** What the former type needed and the new one does not goes, unless it was changed on purpose (dropTypeDependentFields). */
export function dropTypeDependent(service: Loose, old: Loose): void {
  const { spec } = service
  const was = old.spec
  const clusterIp = (s: Loose) => s.type !== 'ExternalName'
  const nodePort = (s: Loose) => s.type === 'NodePort' || s.type === 'LoadBalancer'
  const balancer = (s: Loose) => s.type === 'LoadBalancer'
  const same = (field: string) => equal(spec[field], was[field])
  if (clusterIp(was) && !clusterIp(spec)) {
    if (same('clusterIPs')) {
      delete spec.clusterIP
      delete spec.clusterIPs
    }
    if (same('ipFamilies')) delete spec.ipFamilies
    if (same('ipFamilyPolicy')) delete spec.ipFamilyPolicy
  }
  const ports = (s: Loose) => list(s.ports).map((p) => p.nodePort ?? 0).sort()
  if (nodePort(was) && !nodePort(spec) && equal(ports(was), ports(spec))) for (const p of list(spec.ports)) delete p.nodePort
  if (needsHealthCheck(old) && !needsHealthCheck(service) && same('healthCheckNodePort')) delete spec.healthCheckNodePort
  if (balancer(was) && !balancer(spec)) for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass']) if (same(field)) delete spec[field]
  if (externallyAccessible(was) && !externallyAccessible(spec) && same('externalTrafficPolicy')) delete spec.externalTrafficPolicy
  if (clusterIp(was) && !clusterIp(spec) && same('internalTrafficPolicy')) delete spec.internalTrafficPolicy
}
