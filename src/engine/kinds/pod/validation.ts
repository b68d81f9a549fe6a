/** ValidatePodSpec: pods and pod templates, in the order in which upstream collects its errors. */
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { validateLabels, validateAnnotations } from '#engine/api/meta-validation.ts'
import { dns1123LabelErrors, dns1123SubdomainErrors, dns1123SubdomainUnderscoreErrors, ipText, qualifiedNameErrors } from '#engine/api/names.ts'
import { isIp } from '../shared/ip.ts'
import { all } from '../shared/validation.ts'
import { type PodFacts, validateAppArmor, validateContainers, validateId, validateInitContainers, validateSeccomp } from './container-validation.ts'
import { validateEphemeralContainers } from './ephemeral-validation.ts'
import { validateResourceName, validateQuantityOf } from './resource-validation.ts'
import { validateAffinity, validateSpread, validateTolerations } from './scheduling-validation.ts'
import { withoutZeros } from './warnings.ts'
import { validateVolumes } from './volume-validation.ts'

const list = (value: Loose): Loose[] => value ?? []

function validateHostNetwork(spec: Loose, at: string, errors: FieldErrors): void {
  if (!spec.hostNetwork) return
  for (const field of ['containers', 'initContainers']) {
    for (const [i, c] of list(spec[field]).entries()) {
      for (const [n, p] of list(c.ports).entries()) if (p.hostPort !== p.containerPort && p.hostPort !== undefined) errors.invalid(`${at}.${field}[${i}].ports[${n}].hostPort`, p.hostPort, 'must match `containerPort` when `hostNetwork` is true')
    }
  }
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/

function validateSecurity(s: Loose, spec: Loose, at: string, errors: FieldErrors): void {
  if (!s) return
  validateId(s.fsGroup, `${at}.fsGroup`, errors)
  validateId(s.runAsUser, `${at}.runAsUser`, errors)
  validateId(s.runAsGroup, `${at}.runAsGroup`, errors)
  for (const [i, group] of list(s.supplementalGroups).entries()) validateId(group as number, `${at}.supplementalGroups[${i}]`, errors)
  if (s.supplementalGroupsPolicy !== undefined && !['Merge', 'Strict'].includes(s.supplementalGroupsPolicy)) errors.notSupported(`${at}.supplementalGroupsPolicy`, s.supplementalGroupsPolicy, ['Merge', 'Strict'])
  if (spec.shareProcessNamespace && spec.hostPID) errors.invalid(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')
  const names = new Set<string>()
  for (const [i, c] of list(s.sysctls).entries()) {
    const path = `${at}.sysctls[${i}].name`
    if (!c.name) errors.required(path)
    else if (c.name.length > 253 || !sysctlName.test(c.name)) errors.invalid(path, c.name, 'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$')
    else if (names.has(c.name.replaceAll('/', '.'))) errors.duplicate(path, c.name)
    if (c.name) names.add(c.name.replaceAll('/', '.'))
    if (spec.hostNetwork && /^net[./]/.test(c.name ?? '')) errors.invalid(`${at}.sysctls[${i}].name`, c.name, "may not be specified when 'hostNetwork' is true")
    if (spec.hostIPC && /^(kernel[./](sem|shm|msg)|fs[./]mqueue)/.test(c.name ?? '')) errors.invalid(`${at}.sysctls[${i}].name`, c.name, "may not be specified when 'hostIPC' is true")
  }
  if (s.fsGroupChangePolicy !== undefined && !['Always', 'OnRootMismatch'].includes(s.fsGroupChangePolicy)) errors.notSupported(`${at}.fsGroupChangePolicy`, s.fsGroupChangePolicy, ['Always', 'OnRootMismatch'])
  validateSeccomp(s.seccompProfile, `${at}.seccompProfile`, errors)
  validateAppArmor(s.appArmorProfile, `${at}.appArmorProfile`, errors)
  if (s.seLinuxChangePolicy !== undefined && !['MountOption', 'Recursive'].includes(s.seLinuxChangePolicy)) errors.notSupported(`${at}.seLinuxChangePolicy`, s.seLinuxChangePolicy, ['MountOption', 'Recursive'])
}

function validateDns(config: Loose, policy: string | undefined, at: string, errors: FieldErrors): void {
  if (policy === 'None') {
    if (!config) {
      errors.required(at, 'must provide `dnsConfig` when `dnsPolicy` is None')
      return
    }
    if (list(config.nameservers).length === 0) {
      errors.required(`${at}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')
      return
    }
  }
  if (!config) return
  const servers = list(config.nameservers)
  if (servers.length > 3) errors.invalid(`${at}.nameservers`, servers, 'must not have more than 3 nameservers')
  for (const [i, ns] of servers.entries()) if (!isIp(String(ns))) errors.invalid(`${at}.nameservers[${i}]`, ns, ipText)
  const searches = list(config.searches) as unknown as string[]
  if (searches.length > 32) errors.invalid(`${at}.searches`, searches, 'must not have more than 32 search paths')
  if (searches.join(' ').length > 2048) errors.invalid(`${at}.searches`, searches, 'must not have more than 2048 characters (including spaces) in the search list')
  for (const [i, search] of searches.entries()) {
    if (search === '.') continue
    const name = search.endsWith('.') ? search.slice(0, -1) : search
    all(errors, `${at}.searches[${i}]`, name, dns1123SubdomainUnderscoreErrors(name))
  }
  for (const [i, o] of list(config.options).entries()) if (!o.name) errors.required(`${at}.options[${i}]`, 'must not be empty')
}

/** `metadata` of the pod or template. */
export function validatePodSpec(spec: Loose, metadata: Loose, at: string, errors: FieldErrors): void {
  const volumes = validateVolumes(spec.volumes, `${at}.volumes`, errors, metadata?.name ?? '')
  const facts: PodFacts = { spec, volumes, claims: new Set() }
  validateContainers(facts, `${at}.containers`, errors)
  validateInitContainers(facts, `${at}.initContainers`, errors)
  validateEphemeralContainers(facts, `${at}.ephemeralContainers`, errors)
  validateHostNetwork(spec, at, errors)
  if (!spec.restartPolicy) errors.required(`${at}.restartPolicy`)
  else if (!['Always', 'OnFailure', 'Never'].includes(spec.restartPolicy)) errors.notSupported(`${at}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never'])
  if (!spec.dnsPolicy) errors.required(`${at}.dnsPolicy`)
  else if (!['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'].includes(spec.dnsPolicy)) errors.notSupported(`${at}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'])
  validateLabels(spec.nodeSelector, errors, `${at}.nodeSelector`)
  validateSecurity(spec.securityContext, spec, `${at}.securityContext`, errors)
  validateAffinity(spec.affinity, `${at}.affinity`, errors)
  validateDns(spec.dnsConfig, spec.dnsPolicy, `${at}.dnsConfig`, errors)
  for (const [i, g] of list(spec.readinessGates).entries()) all(errors, `${at}.readinessGates[${i}].conditionType`, g.conditionType ?? '', qualifiedNameErrors(g.conditionType ?? ''))
  const gates = new Set<string>()
  for (const [i, g] of list(spec.schedulingGates).entries()) {
    all(errors, `${at}.schedulingGates[${i}]`, g.name ?? '', qualifiedNameErrors(g.name ?? ''))
    if (gates.has(g.name)) errors.duplicate(`${at}.schedulingGates[${i}]`, g.name)
    gates.add(g.name)
  }
  validateSpread(spec.topologySpreadConstraints, `${at}.topologySpreadConstraints`, errors)
  if (spec.hostUsers === false) for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) if (spec[field]) errors.forbidden(`${at}.${field}`, 'when `hostUsers` is false')
  if (spec.serviceAccountName) all(errors, `${at}.serviceAccountName`, spec.serviceAccountName, dns1123SubdomainErrors(spec.serviceAccountName))
  if (spec.nodeName) all(errors, `${at}.nodeName`, spec.nodeName, dns1123SubdomainErrors(spec.nodeName))
  if (spec.activeDeadlineSeconds !== undefined && !(spec.activeDeadlineSeconds >= 1 && spec.activeDeadlineSeconds <= 2147483647)) errors.invalid(`${at}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive')
  for (const field of ['hostname', 'subdomain']) if (spec[field]) all(errors, `${at}.${field}`, spec[field], dns1123LabelErrors(spec[field]))
  validateTolerations(spec.tolerations, `${at}.tolerations`, errors)
  for (const [i, h] of list(spec.hostAliases).entries()) {
    if (!isIp(h.ip ?? '') && !isIp(withoutZeros(h.ip ?? ''))) errors.invalid(`${at}.hostAliases[${i}].ip`, h.ip ?? '', ipText)
    for (const [n, name] of list(h.hostnames).entries()) all(errors, `${at}.hostAliases[${i}].hostnames[${n}]`, name, dns1123SubdomainErrors(String(name)))
  }
  if (spec.priorityClassName) all(errors, `${at}.priorityClassName`, spec.priorityClassName, dns1123SubdomainErrors(spec.priorityClassName))
  if (spec.runtimeClassName !== undefined) all(errors, `${at}.runtimeClassName`, spec.runtimeClassName, dns1123SubdomainErrors(spec.runtimeClassName))
  if (spec.preemptionPolicy !== undefined && !['Never', 'PreemptLowerPriority'].includes(spec.preemptionPolicy)) {
    if (spec.preemptionPolicy === '') errors.required(`${at}.preemptionPolicy`)
    else errors.notSupported(`${at}.preemptionPolicy`, spec.preemptionPolicy, ['Never', 'PreemptLowerPriority'])
  }
  for (const [name, value] of Object.entries((spec.overhead ?? {}) as Record<string, string>)) {
    validateResourceName(name, `${at}.overhead[${name}]`, errors)
    validateQuantityOf(name, value, `${at}.overhead[${name}]`, errors)
  }
  if (spec.os) {
    const { name } = spec.os
    if (!name) errors.required(`${at}.os.name`, 'cannot be empty')
    else if (!['linux', 'windows'].includes(name)) errors.notSupported(`${at}.os`, name, ['linux', 'windows'])
    else if (name === 'linux' && spec.securityContext?.windowsOptions) errors.forbidden(`${at}.securityContext.windowsOptions`, 'windows options cannot be set for a linux pod')
    else if (name === 'windows') {
      const s = spec.securityContext ?? {}
      for (const field of ['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', 'runAsUser', 'runAsGroup', 'supplementalGroups']) if (s[field] !== undefined) errors.forbidden(`${at}.securityContext.${field}`, 'cannot be set for a windows pod')
      for (const field of ['hostPID', 'hostIPC', 'hostUsers', 'shareProcessNamespace']) if (spec[field] !== undefined) errors.forbidden(`${at}.${field}`, 'cannot be set for a windows pod')
    }
  }
}

/** Annotations that mean something to the server (ValidatePodSpecificAnnotations). Leaves out: the old ones of seccomp and AppArmor. */
function validatePodAnnotations(annotations: Loose, spec: Loose, at: string, errors: FieldErrors): void {
  const [mirror, cost] = ['kubernetes.io/config.mirror', 'controller.kubernetes.io/pod-deletion-cost'].map((key): string | undefined => annotations?.[key])
  if (mirror !== undefined && !spec?.nodeName) errors.invalid(`${at}[kubernetes.io/config.mirror]`, mirror, 'must set spec.nodeName if mirror pod annotation is set')
  if (cost !== undefined && !(/^(-?[1-9]\d*|0)$/.test(cost) && Number(cost) >= -2147483648 && Number(cost) <= 2147483647)) errors.invalid(`${at}[controller.kubernetes.io/pod-deletion-cost]`, cost, 'must be a 32bit integer')
}

export function validatePod(pod: Loose, errors: FieldErrors): void {
  validatePodAnnotations(pod.metadata.annotations, pod.spec, 'metadata.annotations', errors)
  validatePodSpec(pod.spec ?? {}, pod.metadata, 'spec', errors)
  if (pod.spec?.ephemeralContainers?.length > 0) errors.forbidden('spec.ephemeralContainers', 'cannot be set on create')
  if (pod.spec?.nodeName && pod.spec?.schedulingGates?.length > 0) errors.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')
}

export function validatePodTemplate(template: Loose, at: string, errors: FieldErrors): void {
  const metadata = template?.metadata ?? {}
  validateLabels(metadata.labels, errors, `${at}.labels`)
  validateAnnotations(metadata.annotations, errors, `${at}.annotations`)
  validatePodAnnotations(metadata.annotations, template?.spec, `${at}.annotations`, errors)
  validatePodSpec(template?.spec ?? {}, metadata, `${at}.spec`, errors)
  if (template?.spec?.ephemeralContainers?.length > 0) errors.forbidden(`${at}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')
}
