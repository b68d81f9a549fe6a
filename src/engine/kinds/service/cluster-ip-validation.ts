/** ValidateServiceClusterIPsRelatedFields: clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy must tell one story. */
import { isIp } from '../shared/ip.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'

const families = ['IPv4', 'IPv6']
const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack']

export function validateClusterIpFields(service: Loose, errors: FieldErrors): void {
  const { spec } = service
  const ips: string[] = spec.clusterIPs ?? []
  const ipFamilies: string[] = spec.ipFamilies ?? []
  if (spec.type === 'ExternalName') {
    if (ips.length !== 0) errors.forbidden('spec.clusterIPs', 'may not be set for ExternalName services')
    if (ipFamilies.length !== 0) errors.forbidden('spec.ipFamilies', 'may not be set for ExternalName services')
    if (spec.ipFamilyPolicy !== undefined) errors.forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services')
    return
  }
  const clusterIp: string = spec.clusterIP ?? ''
  if (clusterIp !== '') {
    if (ips.length === 0) errors.required('spec.clusterIPs')
    else if (ips[0] !== clusterIp) errors.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`')
  } else if (ips.length > 0) errors.forbidden('spec.clusterIPs', 'must be empty when `clusterIP` is not specified')
  const seen = new Set<string>()
  for (const [i, family] of ipFamilies.entries()) {
    if (!families.includes(family)) errors.notSupported(`spec.ipFamilies[${i}]`, family, families)
    else if (seen.has(family)) errors.duplicate(`spec.ipFamilies[${i}]`, family)
    seen.add(family)
  }
  if (spec.ipFamilyPolicy !== undefined && !policies.includes(spec.ipFamilyPolicy)) errors.notSupported('spec.ipFamilyPolicy', spec.ipFamilyPolicy, policies)
  if (ips.length > 0) {
    for (const [i, ip] of ips.entries()) {
      if (i === 0 && ip === 'None') {
        if (ips.length > 1) errors.invalid('spec.clusterIPs', ips, "'None' must be the first and only value")
        continue
      }
      if (!isIp(ip)) errors.invalid(`spec.clusterIPs[${i}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')
    }
  }
  if (ips.length > 2) errors.invalid('spec.clusterIPs', ips, 'may only hold up to 2 values')
  if (errors.list.length > 0) return
  if (ips.length > 1 && ips.every((ip) => isIp(ip)) && ips[0]!.includes(':') === ips[1]!.includes(':')) errors.invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family')
  for (const [i, ip] of ips.entries()) {
    const family = ipFamilies[i]
    if (family === undefined || ip === 'None') continue
    if (family === 'IPv4' && ip.includes(':')) errors.invalid(`spec.clusterIPs[${i}]`, ip, `expected an IPv4 value as indicated by \`ipFamilies[${i}]\``)
    if (family === 'IPv6' && !ip.includes(':')) errors.invalid(`spec.clusterIPs[${i}]`, ip, `expected an IPv6 value as indicated by \`ipFamilies[${i}]\``)
  }
}
