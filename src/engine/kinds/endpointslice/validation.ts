/** Endpoint slices and the older Endpoints. */
import { parseIpv4, parseIpv6 } from '#base/ip.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { dns1123LabelErrors, dns1123SubdomainErrors, ipText, labelValueErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { betterIp, ipWarnings, sloppyIp, validateNonSpecialIp } from '../shared/network-validation.ts'
import { all, validatePort } from '../shared/validation.ts'

const list = (value: Loose): Loose[] => value ?? []
const protocols = ['SCTP', 'TCP', 'UDP']

export function validateEndpointSlice(slice: Loose, errors: FieldErrors, old?: Loose): void {
  if (!slice.addressType) errors.required('addressType')
  else if (!['FQDN', 'IPv4', 'IPv6'].includes(slice.addressType)) errors.notSupported('addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6'])
  validateEndpoints(slice, errors, old)
  const ports = list(slice.ports)
  if (ports.length > 20000) {
    errors.tooMany('ports', ports.length, 20000)
    return
  }
  const names = new Set<string>()
  for (const [i, p] of ports.entries()) {
    const at = `ports[${i}]`
    const name: string = p.name ?? ''
    if (name !== '') all(errors, `${at}.name`, name, dns1123LabelErrors(name))
    if (names.has(name)) errors.duplicate(`${at}.name`, name)
    else names.add(name)
    if (p.protocol === undefined) errors.required(`${at}.protocol`)
    else if (!protocols.includes(p.protocol)) errors.notSupported(`${at}.protocol`, p.protocol, protocols)
    if (p.appProtocol !== undefined) all(errors, `${at}.appProtocol`, p.appProtocol, qualifiedNameErrors(p.appProtocol))
  }
}

/** Addresses that an update leaves as they were are not judged again. */
function validateEndpoints(slice: Loose, errors: FieldErrors, old?: Loose): void {
  const endpoints = list(slice.endpoints)
  if (endpoints.length > 1000) {
    errors.tooMany('endpoints', endpoints.length, 1000)
    return
  }
  for (const [i, e] of endpoints.entries()) {
    const at = `endpoints[${i}]`
    const addresses = list(e.addresses) as unknown as string[]
    if (addresses.length === 0) errors.required(`${at}.addresses`, 'must contain at least 1 address')
    else if (addresses.length > 100) errors.tooMany(`${at}.addresses`, addresses.length, 100)
    for (const [n, address] of equal(old?.endpoints?.[i]?.addresses, addresses) ? [] : addresses.entries()) {
      const path = `${at}.addresses[${n}]`
      if (slice.addressType === 'FQDN') {
        all(errors, path, address, fqdnErrors(address))
        continue
      }
      if (!sloppyIp(address)) {
        errors.invalid(path, address, ipText)
        continue
      }
      const plain = betterIp(address) ?? address
      const v4 = parseIpv4(plain) !== undefined
      if (slice.addressType === 'IPv4' && !v4) errors.invalid(`${at}.addresses`, address, 'must be an IPv4 address')
      if (slice.addressType === 'IPv6' && (v4 || parseIpv6(address) === undefined)) errors.invalid(`${at}.addresses`, address, 'must be an IPv6 address')
      validateNonSpecialIp(plain, path, errors)
    }
    if (e.nodeName !== undefined) all(errors, `${at}.nodeName`, e.nodeName, dns1123SubdomainErrors(e.nodeName))
    if (e.zone) all(errors, `${at}.zone`, e.zone, labelValueErrors(e.zone))
    if (e.hostname !== undefined) all(errors, `${at}.hostname`, e.hostname, dns1123LabelErrors(e.hostname))
    const seen = new Set<string>()
    const zones = list(e.hints?.forZones)
    if (zones.length > 8) errors.tooMany(`${at}.hints.forZones`, zones.length, 8)
    else {
      for (const [n, z] of zones.entries()) {
        if (seen.has(z.name)) errors.duplicate(`${at}.hints.forZones[${n}].name`, z.name)
        seen.add(z.name)
      }
    }
  }
}

function fqdnErrors(name: string): string[] {
  const errors: string[] = []
  if (name === '') return ['']
  const plain = name.endsWith('.') ? name.slice(0, -1) : name
  errors.push(...dns1123SubdomainErrors(plain))
  if (errors.length === 0 && plain.split('.').length < 2) errors.push('should be a domain with at least two segments separated by dots')
  return errors
}

export function validateEndpointSliceUpdate(slice: Loose, old: Loose, errors: FieldErrors): void {
  validateEndpointSlice(slice, errors, old)
  if (slice.addressType !== old.addressType) errors.invalid('addressType', slice.addressType ?? '', 'field is immutable')
}

export function endpointSliceWarnings(slice: Loose, old: Loose): string[] {
  const out: string[] = []
  if (!old && slice.addressType === 'FQDN') out.push('spec.addressType: FQDN endpoints are deprecated')
  for (const [i, e] of list(slice.endpoints).entries()) {
    if (old && equal(list(old.endpoints)[i]?.addresses, e.addresses)) continue
    for (const [n, a] of list(e.addresses).entries()) out.push(...ipWarnings(String(a), `endpoints[${i}].addresses[${n}]`))
  }
  return out
}

export function validateEndpointsObject(ep: Loose, errors: FieldErrors): void {
  for (const [i, s] of list(ep.subsets).entries()) {
    const at = `subsets[${i}]`
    if (list(s.addresses).length === 0 && list(s.notReadyAddresses).length === 0) errors.required(at, 'must specify `addresses` or `notReadyAddresses`')
    for (const field of ['addresses', 'notReadyAddresses']) {
      for (const [n, a] of list(s[field]).entries()) {
        const path = `${at}.${field}[${n}]`
        const ip: string = a.ip ?? ''
        if (!sloppyIp(ip)) errors.invalid(`${path}.ip`, ip, ipText)
        if (a.hostname) all(errors, `${path}.hostname`, a.hostname, dns1123LabelErrors(a.hostname))
        if (a.nodeName !== undefined) all(errors, `${path}.nodeName`, a.nodeName, dns1123SubdomainErrors(a.nodeName))
        if (!sloppyIp(ip)) errors.invalid(`${path}.ip`, ip, 'must be a valid IP address')
        else validateNonSpecialIp(betterIp(ip) ?? ip, `${path}.ip`, errors)
      }
    }
    const ports = list(s.ports)
    for (const [n, p] of ports.entries()) {
      const path = `${at}.ports[${n}]`
      if (ports.length > 1 && !p.name) errors.required(`${path}.name`)
      else if (p.name) all(errors, `${path}.name`, p.name, dns1123LabelErrors(p.name))
      validatePort(p.port ?? 0, `${path}.port`, errors)
      if (!p.protocol) errors.required(`${path}.protocol`)
      else if (!protocols.includes(p.protocol)) errors.notSupported(`${path}.protocol`, p.protocol, protocols)
      if (p.appProtocol !== undefined) all(errors, `${path}.appProtocol`, p.appProtocol, qualifiedNameErrors(p.appProtocol))
    }
  }
}

export function endpointsWarnings(ep: Loose): string[] {
  const out: string[] = []
  for (const [i, s] of list(ep.subsets).entries()) for (const field of ['addresses', 'notReadyAddresses']) for (const [n, a] of list(s[field]).entries()) out.push(...ipWarnings(a.ip, `subsets[${i}].${field}[${n}].ip`))
  return out
}
