/** ValidateNetworkPolicySpec. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { portNameErrors } from '#engine/api/names.ts'
import { cidrText, cidrWarnings, maskBits, sloppyCidr, validateCidr } from '../shared/network-validation.ts'
import { all, validateLabelSelector, validatePort } from '../shared/validation.ts'

const list = (value: Loose): Loose[] => value ?? []

function validatePolicyPort(p: Loose, at: string, errors: FieldErrors): void {
  if (p.protocol !== undefined && !['TCP', 'UDP', 'SCTP'].includes(p.protocol)) errors.notSupported(`${at}.protocol`, p.protocol, ['TCP', 'UDP', 'SCTP'])
  if (p.port === undefined) {
    if (p.endPort !== undefined) errors.invalid(`${at}.endPort`, p.endPort, 'may not be specified when `port` is not specified')
    return
  }
  if (typeof p.port === 'string') {
    if (p.endPort !== undefined) errors.invalid(`${at}.endPort`, p.endPort, 'may not be specified when `port` is non-numeric')
    all(errors, `${at}.port`, p.port, portNameErrors(p.port))
    return
  }
  validatePort(p.port, `${at}.port`, errors)
  if (p.endPort !== undefined) {
    if (p.endPort < p.port) errors.invalid(`${at}.endPort`, p.port, 'must be greater than or equal to `port`')
    validatePort(p.endPort, `${at}.endPort`, errors)
  }
}

function validatePeer(peer: Loose, at: string, errors: FieldErrors): void {
  let count = 0
  for (const field of ['podSelector', 'namespaceSelector']) {
    if (!peer[field]) continue
    count++
    validateLabelSelector(peer[field], `${at}.${field}`, errors)
  }
  if (peer.ipBlock) {
    count++
    const b = peer.ipBlock
    if (!b.cidr) errors.required(`${at}.ipBlock.cidr`)
    else {
      validateCidr(b.cidr, `${at}.ipBlock.cidr`, errors)
      const outer = sloppyCidr(b.cidr)
      if (outer) {
        for (const [i, e] of list(b.except).entries()) {
          const path = `${at}.ipBlock.except[${i}]`
          const inner = sloppyCidr(String(e))
          if (!inner) {
            errors.invalid(path, e, cidrText)
            continue
          }
          const bits = BigInt(outer.version === 4 ? 32 : 128)
          const shift = bits - BigInt(outer.length)
          if (inner.version !== outer.version || inner.length <= outer.length || inner.value >> shift !== maskBits(outer) >> shift) errors.invalid(path, e, 'must be a strict subset of `cidr`')
        }
      }
    }
  }
  if (count === 0) errors.required(at, 'must specify a peer')
  else if (count > 1 && peer.ipBlock) errors.forbidden(at, 'may not specify both ipBlock and another peer')
}

export function validateNetworkPolicy(policy: Loose, errors: FieldErrors): void {
  const spec = policy.spec ?? {}
  validateLabelSelector(spec.podSelector ?? {}, 'spec.podSelector', errors)
  for (const [side, peers] of [['ingress', 'from'], ['egress', 'to']] as const) {
    for (const [i, rule] of list(spec[side]).entries()) {
      for (const [n, p] of list(rule.ports).entries()) validatePolicyPort(p, `spec.${side}[${i}].ports[${n}]`, errors)
      for (const [n, peer] of list(rule[peers]).entries()) validatePeer(peer, `spec.${side}[${i}].${peers}[${n}]`, errors)
    }
  }
  if (list(spec.policyTypes).length > 2) {
    errors.invalid('spec.policyTypes', spec.policyTypes, 'may not specify more than two policyTypes')
    return
  }
  for (const [i, type] of list(spec.policyTypes).entries()) if (!['Ingress', 'Egress'].includes(String(type))) errors.notSupported(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress'])
}

export function networkPolicyWarnings(policy: Loose): string[] {
  const out: string[] = []
  for (const [side, peers] of [['ingress', 'from'], ['egress', 'to']] as const) {
    for (const [i, rule] of list(policy.spec?.[side]).entries()) {
      for (const [n, peer] of list(rule[peers]).entries()) {
        if (!peer.ipBlock) continue
        const at = `spec.${side}[${i}].${peers}[${n}].ipBlock`
        out.push(...cidrWarnings(peer.ipBlock.cidr, `${at}.cidr`))
        for (const [e, x] of list(peer.ipBlock.except).entries()) out.push(...cidrWarnings(String(x), `${at}.except[${e}]`))
      }
    }
  }
  return out
}
