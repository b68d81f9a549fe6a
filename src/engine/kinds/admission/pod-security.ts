/**
 * PodSecurity: the checks of the baseline and restricted levels, chosen by namespace labels (enforce, warn), with upstream's words. Leaves out: audit annotations,
 * exemptions, older versions of the checks (every version means the latest), Windows.
 */
import type { AdmissionAttributes, AdmissionPlugin } from '#engine/api/admission.ts'
import { FieldErrors } from '#engine/api/field-errors.ts'
import { equal, type Loose } from '#engine/api/loose.ts'
import * as status from '#engine/api/status.ts'

type Level = 'privileged' | 'baseline' | 'restricted'

interface Violation {
  readonly reason: string
  readonly detail: string
}

const PREFIX = 'pod-security.kubernetes.io/'
const list = (value: Loose): Loose[] => value ?? []
const quoteAll = (names: readonly string[]) => names.map((n) => JSON.stringify(n)).join(', ')
const containersText = (names: readonly string[]) => `container${names.length === 1 ? '' : 's'} ${quoteAll(names)}`
const all = (spec: Loose): Loose[] => [...list(spec.initContainers), ...list(spec.containers), ...list(spec.ephemeralContainers)]

/** Containers for which something holds, in order. */
const which = (spec: Loose, test: (c: Loose) => boolean): string[] => all(spec).filter(test).map((c) => c.name)

const allowedCapabilities = new Set(['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'])
const safeSysctls = new Set(['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'])
const seLinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'])
const freeVolumes = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret', 'image'])

type Check = (spec: Loose) => Violation | undefined

function capabilitiesAdded(spec: Loose, allowed: ReadonlySet<string>): string | undefined {
  const names: string[] = []
  const bad = new Set<string>()
  for (const c of all(spec)) {
    const wrong = list(c.securityContext?.capabilities?.add).filter((x) => !allowed.has(String(x)))
    if (wrong.length === 0) continue
    names.push(c.name)
    for (const w of wrong) bad.add(String(w))
  }
  return names.length === 0 ? undefined : `${containersText(names)} must not include ${quoteAll([...bad].sort())} in securityContext.capabilities.add`
}

const checks: Record<string, Check> = {
  capabilitiesBaseline(spec) {
    const text = capabilitiesAdded(spec, allowedCapabilities)
    return text === undefined ? undefined : { reason: 'non-default capabilities', detail: text }
  },
  hostNamespaces(spec) {
    const set = ['hostNetwork', 'hostPID', 'hostIPC'].filter((f) => spec[f])
    return set.length === 0 ? undefined : { reason: 'host namespaces', detail: set.map((f) => `${f}=true`).join(', ') }
  },
  hostPathVolumes(spec) {
    const names = list(spec.volumes).filter((v) => v.hostPath).map((v) => v.name)
    return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: `volume${names.length === 1 ? '' : 's'} ${quoteAll(names)}` }
  },
  hostPorts(spec) {
    const names = which(spec, (c) => list(c.ports).some((p) => p.hostPort))
    const ports = [...new Set(all(spec).flatMap((c) => list(c.ports).map((p) => p.hostPort).filter((p) => p)))].sort()
    return names.length === 0 ? undefined : { reason: 'hostPort', detail: `${containersText(names)} use${names.length === 1 ? 's' : ''} hostPort${ports.length === 1 ? '' : 's'} ${ports.join(', ')}` }
  },
  hostProbes(spec) {
    const hosts = new Set<string>()
    const names = which(spec, (c) => {
      const handlers = [c.livenessProbe, c.readinessProbe, c.startupProbe, c.lifecycle?.postStart, c.lifecycle?.preStop]
      const found = handlers.flatMap((h) => [h?.httpGet?.host, h?.tcpSocket?.host]).filter((h) => h && h !== '127.0.0.1' && h !== '::1')
      for (const h of found) hosts.add(h)
      return found.length > 0
    })
    return names.length === 0 ? undefined : { reason: 'probe or lifecycle host', detail: `${containersText(names)} use${names.length === 1 ? 's' : ''} probe or lifecycle host${hosts.size === 1 ? '' : 's'} ${quoteAll([...hosts].sort())}` }
  },
  privileged(spec) {
    const names = which(spec, (c) => c.securityContext?.privileged === true)
    return names.length === 0 ? undefined : { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` }
  },
  procMount(spec) {
    const names = which(spec, (c) => c.securityContext?.procMount !== undefined && c.securityContext.procMount !== 'Default')
    const kinds = new Set(all(spec).map((c) => c.securityContext?.procMount).filter((p) => p !== undefined && p !== 'Default'))
    return names.length === 0 ? undefined : { reason: 'procMount', detail: `${containersText(names)} must not set securityContext.procMount to ${quoteAll([...kinds].sort())}` }
  },
  seLinuxOptions(spec) {
    const who: string[] = []
    const bad = new Set<string>()
    const look = (o: Loose): boolean => {
      if (!o) return false
      const texts = [...(seLinuxTypes.has(o.type ?? '') ? [] : [`type ${JSON.stringify(o.type)}`]), ...(o.user ? ['user may not be set'] : []), ...(o.role ? ['role may not be set'] : [])]
      for (const t of texts) bad.add(t)
      return texts.length > 0
    }
    if (look(spec.securityContext?.seLinuxOptions)) who.push('pod')
    const names = which(spec, (c) => look(c.securityContext?.seLinuxOptions))
    if (names.length > 0) who.push(containersText(names))
    return who.length === 0 ? undefined : { reason: 'seLinuxOptions', detail: `${who.join(' and ')} set forbidden securityContext.seLinuxOptions: ${[...bad].join('; ')}` }
  },
  seccompBaseline(spec) {
    const who: string[] = []
    const free = new Set([undefined, 'RuntimeDefault', 'Localhost'])
    const bad = new Set<string>()
    const wrong = (p: Loose) => {
      if (free.has(p?.type)) return false
      bad.add(p.type)
      return true
    }
    if (wrong(spec.securityContext?.seccompProfile)) who.push('pod')
    const names = which(spec, (c) => wrong(c.securityContext?.seccompProfile))
    if (names.length > 0) who.push(containersText(names))
    return who.length === 0 ? undefined : { reason: 'seccompProfile', detail: `${who.join(' and ')} must not set securityContext.seccompProfile.type to ${quoteAll([...bad])}` }
  },
  sysctls(spec) {
    const names = list(spec.securityContext?.sysctls).map((s) => s.name).filter((n) => !safeSysctls.has(n))
    return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') }
  },
  allowPrivilegeEscalation(spec) {
    const names = which(spec, (c) => c.securityContext?.allowPrivilegeEscalation !== false)
    return names.length === 0 ? undefined : { reason: 'allowPrivilegeEscalation != false', detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false` }
  },
  capabilitiesRestricted(spec) {
    const names = which(spec, (c) => !list(c.securityContext?.capabilities?.drop).includes('ALL'))
    const texts = names.length === 0 ? [] : [`${containersText(names)} must set securityContext.capabilities.drop=["ALL"]`]
    const added = capabilitiesAdded(spec, new Set(['NET_BIND_SERVICE']))
    if (added !== undefined) texts.push(added)
    return texts.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: texts.join('; ') }
  },
  restrictedVolumes(spec) {
    const bad: [string, string][] = []
    for (const v of list(spec.volumes)) {
      const type = Object.keys(v).find((k) => k !== 'name')
      if (type !== undefined && !freeVolumes.has(type)) bad.push([v.name, type])
    }
    const kinds = [...new Set(bad.map(([, t]) => t))].sort()
    return bad.length === 0 ? undefined : { reason: 'restricted volume types', detail: `volume${bad.length === 1 ? '' : 's'} ${quoteAll(bad.map(([n]) => n))} use${bad.length === 1 ? 's' : ''} restricted volume type${kinds.length === 1 ? '' : 's'} ${quoteAll(kinds)}` }
  },
  runAsNonRoot(spec) {
    const pod = spec.securityContext?.runAsNonRoot
    const refused: string[] = []
    if (pod === false) refused.push('pod')
    const explicit = which(spec, (c) => c.securityContext?.runAsNonRoot === false)
    if (explicit.length > 0) refused.push(containersText(explicit))
    if (refused.length > 0) return { reason: 'runAsNonRoot != true', detail: `${refused.join(' and ')} must not set securityContext.runAsNonRoot=false` }
    const lacking = pod === true ? [] : which(spec, (c) => c.securityContext?.runAsNonRoot !== true)
    return lacking.length === 0 ? undefined : { reason: 'runAsNonRoot != true', detail: `pod or ${containersText(lacking)} must set securityContext.runAsNonRoot=true` }
  },
  runAsUser(spec) {
    const who: string[] = []
    if (spec.securityContext?.runAsUser === 0) who.push('pod')
    const names = which(spec, (c) => c.securityContext?.runAsUser === 0)
    if (names.length > 0) who.push(containersText(names))
    return who.length === 0 ? undefined : { reason: 'runAsUser=0', detail: `${who.join(' and ')} must not set runAsUser=0` }
  },
  seccompRestricted(spec) {
    const pod = spec.securityContext?.seccompProfile?.type
    const good = (t: string | undefined) => t === 'RuntimeDefault' || t === 'Localhost'
    const who: string[] = []
    const bad = new Set<string>()
    if (pod !== undefined && !good(pod)) {
      who.push('pod')
      bad.add(pod)
    }
    const names = which(spec, (c) => {
      const t = c.securityContext?.seccompProfile?.type
      if (t === undefined || good(t)) return false
      bad.add(t)
      return true
    })
    if (names.length > 0) who.push(containersText(names))
    if (who.length > 0) return { reason: 'seccompProfile', detail: `${who.join(' and ')} must not set securityContext.seccompProfile.type to ${quoteAll([...bad])}` }
    const lacking = good(pod) ? [] : which(spec, (c) => c.securityContext?.seccompProfile === undefined)
    return lacking.length === 0 ? undefined : { reason: 'seccompProfile', detail: `pod or ${containersText(lacking)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` }
  },
}

const levels: Record<Level, readonly string[]> = {
  privileged: [],
  baseline: ['capabilitiesBaseline', 'hostNamespaces', 'hostPathVolumes', 'hostPorts', 'hostProbes', 'privileged', 'procMount', 'seLinuxOptions', 'seccompBaseline', 'sysctls'],
  restricted: ['hostNamespaces', 'hostPorts', 'hostProbes', 'privileged', 'procMount', 'seLinuxOptions', 'sysctls', 'allowPrivilegeEscalation', 'capabilitiesRestricted', 'restrictedVolumes', 'runAsNonRoot', 'runAsUser', 'seccompRestricted'],
}

export function violations(level: Level, spec: Loose): Violation[] {
  return levels[level].flatMap((name) => checks[name]!(spec) ?? [])
}

const text = (found: readonly Violation[]) => found.map((v) => `${v.reason} (${v.detail})`).join(', ')
const isLevel = (l: unknown): l is Level => l === 'privileged' || l === 'baseline' || l === 'restricted'

function policy(namespace: Loose, mode: string): { level: Level; name: string } {
  const level = namespace?.metadata.labels?.[`${PREFIX}${mode}`]
  const version = namespace?.metadata.labels?.[`${PREFIX}${mode}-version`] ?? 'latest'
  return isLevel(level) ? { level, name: `${level}:${version}` } : { level: level === undefined ? 'privileged' : 'restricted', name: `restricted:${version}` }
}

const templates: Record<string, (o: Loose) => Loose> = {
  Deployment: (o) => o.spec?.template, ReplicaSet: (o) => o.spec?.template, StatefulSet: (o) => o.spec?.template, DaemonSet: (o) => o.spec?.template, Job: (o) => o.spec?.template, ReplicationController: (o) => o.spec?.template,
  CronJob: (o) => o.spec?.jobTemplate?.spec?.template, PodTemplate: (o) => o.template,
}

function checkNamespace({ object, old, context, operation }: AdmissionAttributes): void {
  const errors = new FieldErrors()
  for (const mode of ['enforce', 'audit', 'warn']) {
    const level = object.metadata.labels?.[`${PREFIX}${mode}`]
    if (level !== undefined && !isLevel(level)) errors.invalid(`metadata.labels[${PREFIX}${mode}]`, level, 'must be one of privileged, baseline, restricted')
    const version = object.metadata.labels?.[`${PREFIX}${mode}-version`]
    if (version !== undefined && version !== 'latest' && !/^v1\.(0|[1-9]\d*)$/.test(version)) errors.invalid(`metadata.labels[${PREFIX}${mode}-version]`, version, 'must be "latest" or "v1.x"')
  }
  if (errors.list.length > 0) throw status.invalid('', 'Namespace', object.metadata.name, errors.list)
  if (operation !== 'UPDATE') return
  const now = policy(object, 'enforce')
  if (now.level === 'privileged' || equal(now, policy(old, 'enforce'))) return
  const groups = new Map<string, string[]>()
  for (const pod of context.all('pods', object.metadata.name) as Loose[]) {
    const found = violations(now.level, pod.spec)
    if (found.length === 0) continue
    const reasons = found.map((v) => v.reason).join(', ')
    groups.set(reasons, [...(groups.get(reasons) ?? []), pod.metadata.name])
  }
  if (groups.size === 0) return
  context.warnings.push(`existing pods in namespace ${JSON.stringify(object.metadata.name)} violate the new PodSecurity enforce level ${JSON.stringify(now.name)}`)
  for (const [reasons, names] of groups) {
    const others = names.length - 1
    context.warnings.push(`${names[0]}${others === 0 ? '' : ` (and ${others} other pod${others === 1 ? '' : 's'})`}: ${reasons}`)
  }
}

export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  validate(attributes) {
    const { operation, kind, subresource, namespace, name, object, old, context } = attributes
    if (operation !== 'CREATE' && operation !== 'UPDATE') return
    if (kind.kind === 'Namespace' && kind.group === '') {
      if (subresource === '') checkNamespace(attributes)
      return
    }
    const pod = kind.kind === 'Pod' && kind.group === ''
    if (!pod && !templates[kind.kind]) return
    if (subresource !== '' && !(pod && subresource === 'ephemeralcontainers')) return
    const spec = pod ? object.spec : templates[kind.kind]!(object)?.spec
    if (!spec) return
    const owner = context.find('namespaces', '', namespace)
    if (!owner) return
    if (pod) {
      if (operation === 'UPDATE' && equal(object.spec, old.spec)) return
      const enforce = policy(owner, 'enforce')
      const found = violations(enforce.level, spec)
      if (found.length > 0) throw status.forbidden({ group: '', resource: 'pods' }, name, `violates PodSecurity ${JSON.stringify(enforce.name)}: ${text(found)}`)
    }
    const warn = policy(owner, 'warn')
    const found = violations(warn.level, spec)
    if (found.length > 0) context.warnings.push(`would violate PodSecurity ${JSON.stringify(warn.name)}: ${text(found)}`)
  },
}
