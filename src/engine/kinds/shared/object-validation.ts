/** Config maps, secrets, access control, storage and the other kinds with short rules. */
import { fromBase64 } from '#base/bytes.ts'
import { formatAddress, parseAddress } from '#engine/api/cel/network.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import { JsonError, parseJson } from '#engine/api/json.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import { validateLabels } from '#engine/api/meta-validation.ts'
import { byteLength, configMapKeyErrors, dns1123LabelErrors, dns1123SubdomainErrors, ipText, labelValueErrors, pathSegmentErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { accessModes } from '../persistentvolumeclaim/validation.ts'
import { validateNodeSelector, validateTolerations } from '../pod/scheduling-validation.ts'
import { validateQuantityOf, validateResources } from '../pod/resource-validation.ts'
import { validateDriverName, validateHostPath, validateNfs } from '../pod/volume-validation.ts'
import { fractional } from '../pod/warnings.ts'
import { cidrText, cidrWarnings, maskBits, sloppyCidr, validateCidr } from './network-validation.ts'
import { internalForm } from './internal-form.ts'
import { validateParameters } from './rare-validation.ts'
import { all, isNegative, isPositive } from './validation.ts'

const list = (value: Loose): Loose[] => value ?? []
const MAX_DATA = 1024 * 1024
const GROUP = 'rbac.authorization.k8s.io'

export function validateConfigMap(cm: Loose, errors: FieldErrors): void {
  let size = 0
  for (const [key, value] of Object.entries((cm.data ?? {}) as Record<string, string>)) {
    all(errors, `data[${key}]`, key, configMapKeyErrors(key))
    if (cm.binaryData?.[key] !== undefined) errors.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData')
    size += byteLength(value)
  }
  for (const [key, value] of Object.entries((cm.binaryData ?? {}) as Record<string, string>)) {
    all(errors, `binaryData[${key}]`, key, configMapKeyErrors(key))
    size += Math.floor((value.length * 3) / 4)
  }
  if (size > MAX_DATA) errors.tooLong('[]', MAX_DATA)
}

export function validateSecret(s: Loose, errors: FieldErrors): void {
  const data: Record<string, string> = s.data ?? {}
  let size = 0
  for (const key of Object.keys(data).sort()) {
    all(errors, `data[${key}]`, key, configMapKeyErrors(key))
    size += Math.floor((data[key]!.length * 3) / 4)
  }
  if (size > MAX_DATA) errors.tooLong('data', MAX_DATA)
  const json = (key: string) => {
    if (data[key] === undefined) {
      errors.required(`data[${key}]`)
      return
    }
    try {
      parseJson(fromBase64(data[key]!) ?? '')
    } catch (error) {
      if (!(error instanceof JsonError)) throw error
      errors.add('Invalid', `data[${key}]`, `Invalid value: "<secret contents redacted>": ${error.message}`)
    }
  }
  switch (s.type) {
    case 'kubernetes.io/service-account-token':
      if (!s.metadata.annotations?.['kubernetes.io/service-account.name']) errors.required('metadata.annotations[kubernetes.io/service-account.name]')
      break
    case 'kubernetes.io/dockercfg':
      json('.dockercfg')
      break
    case 'kubernetes.io/dockerconfigjson':
      json('.dockerconfigjson')
      break
    case 'kubernetes.io/basic-auth':
      if (data['username'] === undefined && data['password'] === undefined) {
        errors.required('data[username]')
        errors.required('data[password]')
      }
      break
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) errors.required('data[ssh-privatekey]')
      break
    case 'kubernetes.io/tls':
      for (const key of ['tls.crt', 'tls.key']) if (data[key] === undefined) errors.required(`data[${key}]`)
      break
  }
}

function validateRules(rules: Loose, namespaced: boolean, errors: FieldErrors): void {
  for (const [i, r] of list(rules).entries()) {
    const at = `rules[${i}]`
    if (list(r.verbs).length === 0) errors.required(`${at}.verbs`, 'verbs must contain at least one value')
    if (list(r.nonResourceURLs).length > 0) {
      if (namespaced) errors.invalid(`${at}.nonResourceURLs`, r.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs')
      if (list(r.apiGroups).length + list(r.resources).length + list(r.resourceNames).length > 0) errors.invalid(`${at}.nonResourceURLs`, r.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs')
      continue
    }
    if (list(r.apiGroups).length === 0) errors.required(`${at}.apiGroups`, 'resource rules must supply at least one api group')
    if (list(r.resources).length === 0) errors.required(`${at}.resources`, 'resource rules must supply at least one resource')
  }
}

export const validateRole = (role: Loose, errors: FieldErrors) => validateRules(role.rules, true, errors)

export function validateClusterRole(role: Loose, errors: FieldErrors): void {
  validateRules(role.rules, false, errors)
  if (role.aggregationRule && list(role.aggregationRule.clusterRoleSelectors).length === 0) errors.required('aggregationRule.clusterRoleSelectors', 'at least one clusterRoleSelector required if aggregationRule is non-nil')
}

export const validateBinding =
  (namespaced: boolean) =>
  (b: Loose, errors: FieldErrors): void => {
    const r = b.roleRef ?? {}
    if (r.apiGroup !== GROUP) errors.notSupported('roleRef.apiGroup', r.apiGroup ?? '', [GROUP])
    const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
    if (!kinds.includes(r.kind)) errors.notSupported('roleRef.kind', r.kind ?? '', kinds)
    if (!r.name) errors.required('roleRef.name')
    else all(errors, 'roleRef.name', r.name, pathSegmentErrors(r.name))
    for (const [i, s] of list(b.subjects).entries()) {
      const at = `subjects[${i}]`
      if (!s.name) errors.required(`${at}.name`)
      switch (s.kind) {
        case 'ServiceAccount':
          if (s.name) all(errors, `${at}.name`, s.name, dns1123SubdomainErrors(s.name))
          if (s.apiGroup) errors.notSupported(`${at}.apiGroup`, s.apiGroup, [''])
          if (!namespaced && !s.namespace) errors.required(`${at}.namespace`)
          break
        case 'User':
        case 'Group':
          if (s.apiGroup !== GROUP) errors.notSupported(`${at}.apiGroup`, s.apiGroup ?? '', [GROUP])
          break
        default:
          errors.notSupported(`${at}.kind`, s.kind ?? '', ['ServiceAccount', 'User', 'Group'])
      }
    }
  }

const volumeSources = ['gcePersistentDisk', 'awsElasticBlockStore', 'hostPath', 'glusterfs', 'nfs', 'rbd', 'quobyte', 'iscsi', 'flexVolume', 'cinder', 'cephfs', 'fc', 'flocker', 'azureFile', 'vsphereVolume', 'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'local', 'storageos', 'csi']

export function validateVolume(pv: Loose, errors: FieldErrors): void {
  const spec = pv.spec ?? {}
  const modes: string[] = spec.accessModes ?? []
  if (modes.length === 0) errors.required('spec.accessModes')
  for (const m of modes) if (!accessModes.includes(m)) errors.notSupported('spec.accessModes', m, accessModes)
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) errors.forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes')
  const capacity = spec.capacity ?? {}
  if (Object.keys(capacity).length === 0) errors.required('spec.capacity')
  if (capacity.storage === undefined || Object.keys(capacity).length > 1) errors.notSupported('spec.capacity', spec.capacity ? Object.fromEntries(Object.entries(spec.capacity).sort(([a], [b]) => (a < b ? -1 : 1))) : null, ['storage'])
  for (const [name, value] of Object.entries(capacity as Record<string, string>)) {
    if (isNegative(value)) errors.add('Invalid', `spec.capacity[${name}]`, `Invalid value: ${Number(value)}: must be a valid resource quantity`)
    if (!isPositive(value)) errors.invalid(`spec.capacity[${name}]`, value, 'must be greater than zero')
  }
  if (spec.persistentVolumeReclaimPolicy && !['Delete', 'Recycle', 'Retain'].includes(spec.persistentVolumeReclaimPolicy)) errors.notSupported('spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain'])
  const required = spec.nodeAffinity?.required
  if (spec.nodeAffinity) {
    if (!required) errors.required('spec.nodeAffinity.required', 'must specify required node constraints')
    else validateNodeSelector(required, 'spec.nodeAffinity.required', errors)
  }
  let count = 0
  for (const name of volumeSources) {
    const source = spec[name]
    if (!source) continue
    const at = `spec.${name}`
    if (count++ > 0) {
      errors.forbidden(at, 'may not specify more than 1 volume type')
      continue
    }
    if (name === 'hostPath') validateHostPath(source, at, errors)
    if (name === 'nfs') validateNfs(source, at, errors)
    if (name === 'local') {
      if (!source.path) errors.required(`${at}.path`)
      else if (source.path.split('/').includes('..')) errors.invalid(`${at}.path`, source.path, "must not contain '..'")
      if (!spec.nodeAffinity) errors.required('spec.nodeAffinity', 'Local volume requires node affinity')
    }
    if (name === 'csi') {
      validateDriverName(source.driver, `${at}.driver`, errors)
      if (!source.volumeHandle) errors.required(`${at}.volumeHandle`)
      for (const secret of ['controllerPublishSecretRef', 'nodeStageSecretRef', 'nodePublishSecretRef', 'controllerExpandSecretRef', 'nodeExpandSecretRef']) {
        if (!source[secret]) continue
        const { name: own, namespace } = source[secret]
        if (!own) errors.required(`${at}.${secret}.name`)
        else all(errors, `${at}.${secret}.name`, own, dns1123SubdomainErrors(own))
        if (!namespace) errors.required(`${at}.${secret}.namespace`)
        else all(errors, `${at}.${secret}.namespace`, namespace, dns1123LabelErrors(namespace))
      }
    }
  }
  if (count === 0) errors.required('spec', 'must specify a volume type')
  if (spec.volumeAttributesClassName !== undefined) {
    if (spec.volumeAttributesClassName === '') errors.required('spec.volumeAttributesClassName', 'an empty string is disallowed')
    else all(errors, 'spec.volumeAttributesClassName', spec.volumeAttributesClassName, dns1123SubdomainErrors(spec.volumeAttributesClassName))
    if (!spec.csi) errors.required('spec.csi', 'has to be specified when using volumeAttributesClassName')
  }
  if (spec.hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle') errors.forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'")
  if (spec.storageClassName) all(errors, 'spec.storageClassName', spec.storageClassName, dns1123SubdomainErrors(spec.storageClassName))
  if (spec.volumeMode !== undefined && !['Block', 'Filesystem'].includes(spec.volumeMode)) errors.notSupported('spec.volumeMode', spec.volumeMode, ['Block', 'Filesystem'])
}

export function validateStorageClass(sc: Loose, errors: FieldErrors): void {
  if (!sc.provisioner) errors.required('provisioner', sc.provisioner)
  else all(errors, 'provisioner', sc.provisioner, qualifiedNameErrors(sc.provisioner.toLowerCase()))
  validateParameters(sc.parameters, 'parameters', false, errors)
  if (!['Delete', 'Retain'].includes(sc.reclaimPolicy)) errors.notSupported('reclaimPolicy', sc.reclaimPolicy ?? '', ['Delete', 'Retain'])
  if (!['Immediate', 'WaitForFirstConsumer'].includes(sc.volumeBindingMode)) errors.notSupported('volumeBindingMode', sc.volumeBindingMode ?? '', ['Immediate', 'WaitForFirstConsumer'])
  // Upstream's list of terms begins with as many empty ones as there are terms.
  const known: string[] = list(sc.allowedTopologies).map(() => '[]')
  for (const [i, t] of list(sc.allowedTopologies).entries()) {
    const keys = new Set<string>()
    for (const [n, e] of list(t.matchLabelExpressions).entries()) {
      const at = `allowedTopologies[${i}].matchLabelExpressions[${n}]`
      const values = new Set<string>()
      if (list(e.values).length === 0) errors.required(`${at}.values`)
      for (const [v, value] of list(e.values).entries()) {
        if (values.has(String(value))) errors.duplicate(`${at}.values[${v}]`, value)
        values.add(String(value))
      }
      all(errors, `${at}.key`, e.key ?? '', qualifiedNameErrors(e.key ?? ''))
      if (keys.has(e.key)) errors.duplicate(`${at}.key`, e.key)
      keys.add(e.key)
    }
    const term = JSON.stringify(list(t.matchLabelExpressions).map((e) => [e.key, [...list(e.values)].sort()]).sort())
    for (const before of known) if (before === term) errors.duplicate(`allowedTopologies[${i}].matchLabelExpressions`, '')
    known.push(term)
  }
}

export function validatePriorityClass(pc: Loose, errors: FieldErrors): void {
  const system = pc.metadata.name?.startsWith('system-')
  if (!system && pc.value > 1_000_000_000) errors.forbidden('value', 'maximum allowed value of a user defined priority is 1000000000')
  if (system && !['system-cluster-critical', 'system-node-critical'].includes(pc.metadata.name)) errors.forbidden('metadata.name', "priority class names with 'system-' prefix are reserved for system use only. error: none of the system priority classes matches")
  if (!['PreemptLowerPriority', 'Never'].includes(pc.preemptionPolicy)) errors.notSupported('preemptionPolicy', pc.preemptionPolicy ?? '', ['PreemptLowerPriority', 'Never'])
}

export function validateRuntimeClass(rc: Loose, errors: FieldErrors): void {
  all(errors, 'handler', rc.handler ?? '', dns1123LabelErrors(rc.handler ?? ''))
  if (rc.overhead) validateResources({ limits: rc.overhead.podFixed }, 'overhead', errors)
  if (!rc.scheduling) return
  validateLabels(rc.scheduling.nodeSelector, errors, 'scheduling.nodeSelector')
  const tolerations = list(rc.scheduling.tolerations)
  validateTolerations(tolerations, 'scheduling.tolerations', errors)
  for (const [i, t] of tolerations.entries()) if (tolerations.slice(0, i).some((o) => equal(o, t))) errors.duplicate(`scheduling.tolerations[${i}]`, internalForm('Toleration', t))
}

export function validateLease(l: Loose, errors: FieldErrors): void {
  const spec = l.spec ?? {}
  if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) errors.invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0')
  if (spec.leaseTransitions < 0) errors.invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0')
}

const keyUsages = [
  'any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user',
  'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping',
]

export function validateSigningRequest(csr: Loose, errors: FieldErrors): void {
  const spec = csr.spec ?? {}
  const text = spec.request === undefined ? undefined : fromBase64(spec.request)
  if (text === undefined || !text.includes('-----BEGIN CERTIFICATE REQUEST-----')) errors.add('Invalid', 'spec.request', `Invalid value: ${spec.request === undefined || spec.request === null ? 'null' : JSON.stringify(spec.request)}: PEM block type must be CERTIFICATE REQUEST`)
  if (list(spec.usages).length === 0) errors.required('spec.usages')
  if (!spec.signerName) errors.required('spec.signerName')
  else if (spec.signerName === 'kubernetes.io/legacy-unknown') errors.invalid('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version')
  else if (!/^[^/]+\.[^/]+\/.+$/.test(spec.signerName)) errors.invalid('spec.signerName', spec.signerName, 'must be a fully qualified domain and path of the form "example.com/signer-name"')
  const usages = list(spec.usages) as unknown as string[]
  for (const [i, u] of usages.entries()) if (!keyUsages.includes(u)) errors.notSupported(`spec.usages[${i}]`, u, keyUsages)
  for (const [i, u] of usages.entries()) if (usages.indexOf(u) < i) errors.duplicate(`spec.usages[${i}]`, u)
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600) errors.invalid('spec.expirationSeconds', spec.expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)')
}

export function validateEvent(e: Loose, errors: FieldErrors): void {
  const namespace = e.involvedObject?.namespace ?? ''
  const mine = e.metadata.namespace ?? ''
  if (namespace === '' ? mine !== '' && mine !== 'default' : namespace !== mine) errors.invalid('involvedObject.namespace', namespace, 'does not match event.namespace')
}

export function validateAttachment(va: Loose, errors: FieldErrors, _context?: unknown, create = true): void {
  const spec = va.spec ?? {}
  if (!spec.attacher) errors.required('spec.attacher')
  else all(errors, 'spec.attacher', spec.attacher, dns1123SubdomainErrors(spec.attacher.toLowerCase()))
  if ((spec.source?.persistentVolumeName === undefined || spec.source.persistentVolumeName === '') && !spec.source?.inlineVolumeSpec) errors.required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')
  all(errors, 'spec.nodeName', spec.nodeName ?? '', dns1123SubdomainErrors(spec.nodeName ?? ''))
  // The storage API's own version of the rule says it once more.
  if (!spec.attacher && create) errors.required('spec.attacher')
}

export function validateNamespace(ns: Loose, errors: FieldErrors): void {
  for (const name of list(ns.spec?.finalizers) as unknown as string[]) {
    const wrong = qualifiedNameErrors(name)
    all(errors, 'spec.finalizers', name, wrong)
    if (wrong.length === 0 && !name.includes('/') && !['kubernetes', 'orphan', 'foregroundDeletion'].includes(name)) errors.invalid('spec.finalizers', name, 'name is neither a standard finalizer name nor is it fully qualified')
  }
}

export function validateTaints(node: Loose, errors: FieldErrors): void {
  const taints = new Set<string>()
  for (const [i, t] of list(node.spec?.taints).entries()) {
    const at = `metadata.taints[${i}]`
    all(errors, `${at}.key`, t.key ?? '', qualifiedNameErrors(t.key ?? ''))
    if (t.value) all(errors, `${at}.value`, t.value, labelValueErrors(t.value))
    if (!t.effect) errors.required(`${at}.effect`)
    else if (!['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(t.effect)) errors.notSupported(`${at}.effect`, t.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    const key = `${t.key}/${t.effect}`
    if (taints.has(key)) errors.add('Duplicate', at, `Duplicate value: ${JSON.stringify({ Key: t.key ?? '', Value: t.value ?? '', Effect: t.effect ?? '', TimeAdded: t.timeAdded ?? null })}: taints must be unique by key and effect pair`)
    taints.add(key)
  }
}

export function validateNode(node: Loose, errors: FieldErrors): void {
  validateTaints(node, errors)
  for (const field of ['capacity', 'allocatable']) {
    const resources: Record<string, string> = node.status?.[field] ?? {}
    for (const name of Object.keys(resources).sort()) {
      const before = errors.list.length
      validateQuantityOf(name, resources[name]!, `status.${field}.${name}`, errors)
      if (errors.list.length > before + 1) errors.list.length = before + 1
    }
  }
  const cidrs: string[] = node.spec?.podCIDRs ?? []
  for (const [i, c] of cidrs.entries()) validateCidr(c, `spec.podCIDRs[${i}]`, errors)
  if (cidrs.length > 1 && cidrs.every((c) => c.includes(':')) !== cidrs.some((c) => c.includes(':'))) return
  if (cidrs.length > 1) errors.invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family')
}

export function validateServiceCidr(s: Loose, errors: FieldErrors): void {
  const cidrs: string[] = s.spec?.cidrs ?? []
  if (cidrs.length === 0) {
    errors.required('spec.cidrs', 'at least one CIDR required')
    return
  }
  if (cidrs.length > 2 || (cidrs.length === 2 && cidrs[0]!.includes(':') === cidrs[1]!.includes(':'))) errors.invalid('spec.cidrs', cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64')
  for (const [i, text] of cidrs.entries()) {
    const cidr = sloppyCidr(text)
    if (!cidr) errors.invalid(`spec.cidrs[${i}]`, text, cidrText)
    else if (maskBits(cidr) !== cidr.value) errors.invalid(`spec.cidrs[${i}]`, text, 'must not have bits set beyond the prefix length')
  }
}

export function validateIpAddress(ip: Loose, errors: FieldErrors): void {
  const r = ip.spec?.parentRef
  if (!r) {
    errors.required('spec.parentRef')
    return
  }
  if (r.group) all(errors, 'spec.parentRef.group', r.group, dns1123SubdomainErrors(r.group))
  for (const field of ['resource', 'name']) {
    if (!r[field]) errors.required(`spec.parentRef.${field}`)
    else all(errors, `spec.parentRef.${field}`, r[field], pathSegmentErrors(r[field]))
  }
  if (r.namespace) all(errors, 'spec.parentRef.namespace', r.namespace, pathSegmentErrors(r.namespace))
}

/** IPAddresses are named by the address, as it is written canonically. */
export function ipNameErrors(name: string): string[] {
  const address = parseAddress(name)
  if (!address) return [ipText]
  const canonical = formatAddress(address)
  return canonical === name ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`]
}

/** A certificate and its key that are none. */
export function secretWarnings(s: Loose): string[] {
  if (s.type !== 'kubernetes.io/tls') return []
  const [certificate, key] = ['tls.crt', 'tls.key'].map((name) => fromBase64(s.data?.[name] ?? '') ?? '')
  if (!/-----BEGIN [A-Z0-9 ]+-----/.test(certificate!)) return ['tls: failed to find any PEM data in certificate input']
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(key!)) return [/-----BEGIN [A-Z0-9 ]+-----/.test(key!) ? 'tls: found a certificate rather than a key in the PEM for the private key' : 'tls: failed to find any PEM data in key input']
  return []
}

export function nodeWarnings(node: Loose): string[] {
  const out: string[] = []
  if (node.spec?.externalID) out.push('spec.externalID: this field is deprecated, and is unused by Kubernetes')
  if (node.spec?.configSource) out.push('spec.configSource: the feature is no longer supported, and the field will be ignored')
  for (const [i, cidr] of ((node.spec?.podCIDRs ?? []) as string[]).entries()) out.push(...cidrWarnings(cidr, `spec.podCIDRs[${i}]`))
  return out
}

export function claimWarnings(claim: Loose): string[] {
  const out: string[] = []
  if (claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) out.push('metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead')
  fractional(claim.spec?.resources?.limits, 'spec.resources.limits', out)
  fractional(claim.spec?.resources?.requests, 'spec.resources.requests', out)
  return out
}
