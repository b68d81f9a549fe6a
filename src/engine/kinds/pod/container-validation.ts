/** validateContainers and its parts: names, images, ports, environment, probes, lifecycle, resources, mounts, security context. */
import { internalForm } from '../shared/internal-form.ts'
import type { FieldErrors } from '#engine/api/field-errors.ts'
import type { Loose } from '#engine/api/loose.ts'
import { configMapKeyErrors, dns1123LabelErrors, dns1123SubdomainErrors, httpHeaderNameErrors, portNameErrors, qualifiedNameErrors } from '#engine/api/names.ts'
import { all, nonNegative, validateLocalPath, validatePort, validatePortNumberOrName } from '../shared/validation.ts'
import { validateResources } from './resource-validation.ts'

export interface PodFacts {
  readonly spec: Loose
  readonly volumes: ReadonlyMap<string, Loose>
  readonly claims: ReadonlySet<string>
}

const list = (value: Loose): Loose[] => value ?? []

function validateName(c: Loose, at: string, errors: FieldErrors): void {
  if (!c.name) errors.required(`${at}.name`)
  else all(errors, `${at}.name`, c.name, dns1123LabelErrors(c.name))
}

function validateImage(c: Loose, at: string, errors: FieldErrors): void {
  if (!c.image) errors.required(`${at}.image`)
  else if (c.image.trim() !== c.image) errors.invalid(`${at}.image`, c.image, 'must not have leading or trailing whitespace')
}

function validatePorts(c: Loose, at: string, errors: FieldErrors): void {
  const names = new Set<string>()
  for (const [i, p] of list(c.ports).entries()) {
    const path = `${at}.ports[${i}]`
    if (p.name) {
      const wrong = portNameErrors(p.name)
      if (wrong.length > 0) all(errors, `${path}.name`, p.name, wrong)
      else if (names.has(p.name)) errors.duplicate(`${path}.name`, p.name)
      else names.add(p.name)
    }
    if (!p.containerPort) errors.required(`${path}.containerPort`)
    else validatePort(p.containerPort, `${path}.containerPort`, errors)
    if (p.hostPort) validatePort(p.hostPort, `${path}.hostPort`, errors)
    if (!p.protocol) errors.required(`${path}.protocol`)
    else if (!['SCTP', 'TCP', 'UDP'].includes(p.protocol)) errors.notSupported(`${path}.protocol`, p.protocol, ['SCTP', 'TCP', 'UDP'])
  }
}

const environmentFields = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs']
const resourceFields = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory']
const convertible = [...environmentFields, 'metadata.annotations', 'metadata.labels', 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'spec.hostNetwork', 'status.nominatedNodeName']

export function validateFieldRef(ref: Loose, at: string, errors: FieldErrors, supported: readonly string[]): void {
  if (!ref.apiVersion) errors.required(`${at}.apiVersion`)
  if (!ref.fieldPath) {
    errors.required(`${at}.fieldPath`)
    return
  }
  if (ref.apiVersion && ref.apiVersion !== 'v1') {
    errors.invalid(`${at}.fieldPath`, ref.fieldPath, `error converting fieldPath: unsupported pod version: ${ref.apiVersion}`)
    return
  }
  const subscript = /^(.*)\['(.*)'\]$/.exec(ref.fieldPath)
  const path: string = subscript ? subscript[1]! : ref.fieldPath
  if (!convertible.includes(path)) {
    errors.invalid(`${at}.fieldPath`, ref.fieldPath, `error converting fieldPath: field label not supported: ${path}`)
    return
  }
  if (subscript) {
    if (path !== 'metadata.annotations' && path !== 'metadata.labels') errors.invalid(`${at}.fieldPath`, path, 'does not support subscript')
    else all(errors, `${at}.fieldPath`, subscript[2]!, labelKeyErrorsOf(subscript[2]!, path))
    return
  }
  if (!supported.includes(path)) errors.notSupported(`${at}.fieldPath`, path, supported)
}

const labelKeyErrorsOf = (key: string, path: string) => qualifiedNameErrors(path === 'metadata.annotations' ? key.toLowerCase() : key)

export function validateResourceFieldRef(ref: Loose, at: string, errors: FieldErrors, volume: boolean): void {
  if (volume && !ref.containerName) errors.required(`${at}.containerName`)
  else if (!ref.resource) errors.required(`${at}.resource`)
  else if (!resourceFields.includes(ref.resource) && !String(ref.resource).startsWith('requests.hugepages-') && !String(ref.resource).startsWith('limits.hugepages-')) errors.notSupported(`${at}.resource`, ref.resource, resourceFields)
  else validateDivisor(ref, at, errors)
}

const divisors: Record<string, readonly string[]> = {
  cpu: ['0', '1m', '1'],
  memory: ['0', '1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'],
}

function validateDivisor(ref: Loose, at: string, errors: FieldErrors): void {
  const kind = ref.resource.endsWith('cpu') ? 'cpu' : 'memory'
  if (!divisors[kind]!.includes(String(ref.divisor ?? '0'))) {
    errors.invalid(`${at}.divisor`, ref.resource.replace(/^.*\./, '') === 'cpu' ? 'cpu' : ref.resource, kind === 'cpu' ? 'only divisor\'s values 1m and 1 are supported with the cpu resource' : 'only divisor\'s values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource')
  }
}

function validateKeyRef(ref: Loose, at: string, errors: FieldErrors): void {
  all(errors, `${at}.name`, ref.name ?? '', dns1123SubdomainErrors(ref.name ?? ''))
  if (!ref.key) errors.required(`${at}.key`)
  else all(errors, `${at}.key`, ref.key, configMapKeyErrors(ref.key))
}

function environmentNameErrors(name: string): string[] {
  const errors: string[] = []
  if (!/^[ -<>-~]+$/.test(name)) errors.push("a valid environment variable name must consist only of printable ASCII characters other than '=' (e.g. 'my-env.name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '^[ -<>-~]+$')")
  return errors
}

function validateEnv(c: Loose, at: string, errors: FieldErrors): void {
  for (const [i, e] of list(c.env).entries()) {
    const path = `${at}.env[${i}]`
    if (!e.name) errors.required(`${path}.name`)
    else all(errors, `${path}.name`, e.name, environmentNameErrors(e.name))
    const from = e.valueFrom
    if (!from) continue
    const given = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'].filter((k) => from[k])
    if (from.fieldRef) validateFieldRef(from.fieldRef, `${path}.valueFrom.fieldRef`, errors, environmentFields)
    if (from.resourceFieldRef) validateResourceFieldRef(from.resourceFieldRef, `${path}.valueFrom.resourceFieldRef`, errors, false)
    if (from.configMapKeyRef) validateKeyRef(from.configMapKeyRef, `${path}.valueFrom.configMapKeyRef`, errors)
    if (from.secretKeyRef) validateKeyRef(from.secretKeyRef, `${path}.valueFrom.secretKeyRef`, errors)
    if (given.length === 0) errors.invalid(`${path}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`')
    else if (e.value) errors.invalid(`${path}.valueFrom`, '', 'may not be specified when `value` is not empty')
    else if (given.length > 1) errors.invalid(`${path}.valueFrom`, '', 'may not have more than one field specified at a time')
  }
  for (const [i, f] of list(c.envFrom).entries()) {
    const path = `${at}.envFrom[${i}]`
    if (f.prefix) all(errors, `${path}.prefix`, f.prefix, environmentNameErrors(f.prefix))
    if (f.configMapRef && !f.configMapRef.name) errors.required(`${path}.configMapRef.name`)
    if (f.secretRef && !f.secretRef.name) errors.required(`${path}.secretRef.name`)
    if (!f.configMapRef && !f.secretRef) errors.invalid(`${at}.envFrom`, '', 'must specify one of: `configMapRef` or `secretRef`')
    else if (f.configMapRef && f.secretRef) errors.invalid(`${at}.envFrom`, '', 'may not have more than one field specified at a time')
  }
}

function validateHandler(h: Loose, at: string, errors: FieldErrors, grace: number | undefined, lifecycle: boolean): void {
  let count = 0
  const taken = (path: string) => {
    if (count++ > 0) {
      errors.forbidden(path, 'may not specify more than 1 handler type')
      return true
    }
    return false
  }
  if (h.exec && !taken(`${at}.exec`) && !(h.exec.command?.length > 0)) errors.required(`${at}.exec.command`)
  if (h.httpGet && !taken(`${at}.httpGet`)) {
    const g = h.httpGet
    if (!g.path) errors.required(`${at}.httpGet.path`)
    validatePortNumberOrName(g.port ?? 0, `${at}.httpGet.port`, errors)
    if (!['HTTP', 'HTTPS'].includes(g.scheme)) errors.notSupported(`${at}.httpGet.scheme`, g.scheme ?? '', ['HTTP', 'HTTPS'])
    for (const header of list(g.httpHeaders)) all(errors, `${at}.httpGet.httpHeaders`, header.name ?? '', httpHeaderNameErrors(header.name ?? ''))
  }
  if (h.tcpSocket && !taken(`${at}.tcpSocket`)) validatePortNumberOrName(h.tcpSocket.port ?? 0, `${at}.tcpSocket.port`, errors)
  if (h.grpc && !taken(`${at}.grpc`)) validatePort(h.grpc.port ?? 0, `${at}.grpc.port`, errors)
  if (lifecycle && h.sleep && !taken(`${at}.sleep`)) {
    const seconds = h.sleep.seconds ?? 0
    if (seconds < 0 || (grace !== undefined && seconds > grace)) errors.invalid(`${at}.sleep`, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)
  }
  if (count === 0) errors.required(at, 'must specify a handler type')
}

function validateProbe(p: Loose, at: string, errors: FieldErrors, grace: number | undefined): void {
  if (!p) return
  validateHandler(p, at, errors, grace, false)
  for (const field of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold']) nonNegative(p[field], `${at}.${field}`, errors)
  if (p.terminationGracePeriodSeconds !== undefined && p.terminationGracePeriodSeconds <= 0) errors.invalid(`${at}.terminationGracePeriodSeconds`, p.terminationGracePeriodSeconds, 'must be greater than 0')
}

export function validateProbesAndLifecycle(c: Loose, at: string, errors: FieldErrors, grace: number | undefined): void {
  if (c.lifecycle?.postStart) validateHandler(c.lifecycle.postStart, `${at}.lifecycle.postStart`, errors, grace, true)
  if (c.lifecycle?.preStop) validateHandler(c.lifecycle.preStop, `${at}.lifecycle.preStop`, errors, grace, true)
  validateProbe(c.livenessProbe, `${at}.livenessProbe`, errors, grace)
  if (c.livenessProbe && c.livenessProbe.successThreshold !== 1) errors.invalid(`${at}.livenessProbe.successThreshold`, c.livenessProbe.successThreshold, 'must be 1')
  validateProbe(c.readinessProbe, `${at}.readinessProbe`, errors, grace)
  if (c.readinessProbe?.terminationGracePeriodSeconds !== undefined) errors.invalid(`${at}.readinessProbe.terminationGracePeriodSeconds`, c.readinessProbe.terminationGracePeriodSeconds, 'must not be set for readinessProbes')
  validateProbe(c.startupProbe, `${at}.startupProbe`, errors, grace)
  if (c.startupProbe && c.startupProbe.successThreshold !== 1) errors.invalid(`${at}.startupProbe.successThreshold`, c.startupProbe.successThreshold, 'must be 1')
}

function validateMounts(c: Loose, at: string, errors: FieldErrors, facts: PodFacts): void {
  const paths = new Set<string>()
  const privileged = c.securityContext?.privileged === true
  for (const [i, m] of list(c.volumeMounts).entries()) {
    const path = `${at}.volumeMounts[${i}]`
    if (!m.name) errors.required(`${path}.name`)
    if (m.name !== undefined && !facts.volumes.has(m.name ?? '')) errors.notFound(`${path}.name`, m.name ?? '')
    if (!m.mountPath) errors.required(`${path}.mountPath`)
    if (paths.has(m.mountPath)) errors.invalid(`${path}.mountPath`, m.mountPath ?? '', 'must be unique')
    paths.add(m.mountPath)
    if (m.subPath) validateLocalPath(m.subPath, `${at}.volumeMounts.subPath`, errors)
    if (m.subPathExpr) {
      if (m.subPath) errors.invalid(`${path}.subPathExpr`, m.subPathExpr, 'subPathExpr and subPath are mutually exclusive')
      validateLocalPath(m.subPathExpr, `${path}.subPathExpr`, errors)
    }
    if (m.mountPropagation !== undefined) {
      if (!['Bidirectional', 'HostToContainer', 'None'].includes(m.mountPropagation)) errors.notSupported(`${at}.volumeMounts.mountPropagation`, m.mountPropagation, ['Bidirectional', 'HostToContainer', 'None'])
      if (m.mountPropagation === 'Bidirectional' && !privileged) errors.forbidden(`${at}.volumeMounts.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers')
    }
  }
}

export function validateSeccomp(profile: Loose, at: string, errors: FieldErrors): void {
  if (!profile) return
  const local = profile.localhostProfile
  switch (profile.type) {
    case undefined:
    case '':
      errors.required(`${at}.type`, 'type is required when seccompProfile is set')
      return
    case 'Localhost':
      if (local === undefined) errors.required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost')
      else validateLocalPath(local, `${at}.localhostProfile`, errors)
      return
    case 'RuntimeDefault':
    case 'Unconfined':
      if (local !== undefined) errors.invalid(`${at}.localhostProfile`, { Type: profile.type, LocalhostProfile: local }, 'can only be set when seccomp type is Localhost')
      return
  }
  errors.notSupported(`${at}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'])
}

export function validateAppArmor(profile: Loose, at: string, errors: FieldErrors): void {
  if (!profile) return
  const local: string | undefined = profile.localhostProfile
  const path = `${at}.localhostProfile`
  switch (profile.type ?? '') {
    case 'Localhost':
      if (local === undefined) errors.required(path, 'must be set when AppArmor type is Localhost')
      else {
        if (local.trim() !== local) errors.invalid(path, local, 'must not be padded with whitespace')
        else if (local === '') errors.required(path, 'must be set when AppArmor type is Localhost')
        if (local.length > 4095) errors.tooLong(path, 4095)
      }
      return
    case 'RuntimeDefault':
    case 'Unconfined':
      if (local !== undefined) errors.invalid(path, local, 'can only be set when AppArmor type is Localhost')
      return
    case '':
      errors.required(`${at}.type`, 'type is required when appArmorProfile is set')
      return
  }
  errors.notSupported(`${at}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'])
}

export function validateId(id: number | undefined, at: string, errors: FieldErrors): void {
  if (id !== undefined && !(id >= 0 && id <= 2147483647)) errors.invalid(at, id, 'must be between 0 and 2147483647, inclusive')
}

export function validateSecurityContext(s: Loose, at: string, errors: FieldErrors, hostUsers: boolean | undefined): void {
  if (!s) return
  validateId(s.runAsUser, `${at}.runAsUser`, errors)
  validateId(s.runAsGroup, `${at}.runAsGroup`, errors)
  validateSeccomp(s.seccompProfile, `${at}.seccompProfile`, errors)
  if (s.procMount !== undefined) {
    if (!['Default', 'Unmasked'].includes(s.procMount)) errors.notSupported(`${at}.procMount`, s.procMount, ['Default', 'Unmasked'])
    if ((hostUsers ?? true) && s.procMount === 'Unmasked') errors.invalid(`${at}.procMount`, s.procMount, '`hostUsers` must be false to use `Unmasked`')
  }
  if (s.allowPrivilegeEscalation === false) {
    if (s.privileged === true) errors.invalid(at, internalForm('SecurityContext', s), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')
    if (list(s.capabilities?.add).includes('CAP_SYS_ADMIN')) errors.invalid(at, internalForm('SecurityContext', s), 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN')
  }
  validateAppArmor(s.appArmorProfile, `${at}.appArmorProfile`, errors)
}

/** What is the same for all three sorts of containers. */
export function validateContainerCommon(c: Loose, at: string, errors: FieldErrors, facts: PodFacts): void {
  validateName(c, at, errors)
  validateImage(c, at, errors)
  if (c.terminationMessagePolicy !== undefined && !['File', 'FallbackToLogsOnError'].includes(c.terminationMessagePolicy)) errors.notSupported(`${at}.terminationMessagePolicy`, c.terminationMessagePolicy, ['File', 'FallbackToLogsOnError'])
  validatePorts(c, at, errors)
  validateEnv(c, at, errors)
  validateMounts(c, at, errors, facts)
  if (!c.imagePullPolicy) errors.required(`${at}.imagePullPolicy`)
  else if (!['Always', 'IfNotPresent', 'Never'].includes(c.imagePullPolicy)) errors.notSupported(`${at}.imagePullPolicy`, c.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'])
  validateResources(c.resources, `${at}.resources`, errors)
  for (const p of list(c.resizePolicy)) {
    if (!['cpu', 'memory'].includes(p.resourceName)) errors.notSupported(`${at}.resizePolicy`, p.resourceName ?? '', ['cpu', 'memory'])
    if (!['NotRequired', 'RestartContainer'].includes(p.restartPolicy)) errors.notSupported(`${at}.resizePolicy`, p.restartPolicy ?? '', ['NotRequired', 'RestartContainer'])
  }
  validateSecurityContext(c.securityContext, `${at}.securityContext`, errors, facts.spec.hostUsers)
}

function hostPortConflicts(containers: readonly Loose[], at: string, errors: FieldErrors): void {
  const seen = new Set<string>()
  for (const [i, c] of containers.entries()) {
    for (const [n, p] of list(c.ports).entries()) {
      if (!p.hostPort) continue
      const key = `${p.protocol}/${p.hostIP ?? ''}/${p.hostPort}`
      if (seen.has(key)) errors.duplicate(`${at}[${i}].ports[${n}].hostPort`, key)
      seen.add(key)
    }
  }
}

export function validateContainers(facts: PodFacts, at: string, errors: FieldErrors): void {
  const containers = list(facts.spec.containers)
  if (containers.length === 0) {
    errors.required(at)
    return
  }
  const names = new Set<string>()
  for (const [i, c] of containers.entries()) {
    const path = `${at}[${i}]`
    validateContainerCommon(c, path, errors, facts)
    if (names.has(c.name)) errors.duplicate(`${path}.name`, c.name)
    else names.add(c.name)
    validateProbesAndLifecycle(c, path, errors, facts.spec.terminationGracePeriodSeconds)
    if (c.restartPolicy !== undefined && c.restartPolicy !== '') {
      if (!['Always', 'Never', 'OnFailure'].includes(c.restartPolicy)) errors.notSupported(`${path}.restartPolicy`, c.restartPolicy, ['Always', 'Never', 'OnFailure'])
    }
  }
  hostPortConflicts(containers, at, errors)
}

export function validateInitContainers(facts: PodFacts, at: string, errors: FieldErrors): void {
  const names = new Set<string>(list(facts.spec.containers).map((c) => c.name))
  for (const [i, c] of list(facts.spec.initContainers).entries()) {
    const path = `${at}[${i}]`
    validateContainerCommon(c, path, errors, facts)
    const sidecar = c.restartPolicy === 'Always'
    if (c.restartPolicy !== undefined && c.restartPolicy !== '' && !['Always', 'Never', 'OnFailure'].includes(c.restartPolicy)) errors.notSupported(`${path}.restartPolicy`, c.restartPolicy, ['Always', 'Never', 'OnFailure'])
    if (names.has(c.name)) errors.duplicate(`${path}.name`, c.name)
    else if (c.name) names.add(c.name)
    hostPortConflicts([c], at, errors)
    if (sidecar) validateProbesAndLifecycle(c, path, errors, facts.spec.terminationGracePeriodSeconds)
    else for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) if (c[field]) errors.forbidden(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always')
  }
}
