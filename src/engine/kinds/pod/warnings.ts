/** Warnings about pods and templates (pkg/api/pod/warnings.go): accepted, but probably not meant. */
import { parseQuantity, quantityMilliValue } from '#base/quantity.ts'
import type { Loose } from '#engine/api/loose.ts'
import { dns1123LabelErrors } from '#engine/api/names.ts'

const list = (value: Loose): Loose[] => value ?? []

const deprecatedLabels: Record<string, string> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

const deprecatedVolumes: Record<string, string> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+', gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+', scaleIO: 'deprecated in v1.16, non-functional in v1.22+', flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageOS: 'deprecated in v1.22, non-functional in v1.25+', quobyte: 'deprecated in v1.22, non-functional in v1.25+', glusterfs: 'deprecated in v1.25, non-functional in v1.26+', cephfs: 'deprecated in v1.28, non-functional in v1.31+', rbd: 'deprecated in v1.28, non-functional in v1.31+',
}

export function podWarnings(pod: Loose): string[] {
  const { name } = pod.metadata
  const out: string[] = []
  const wrong = name ? dns1123LabelErrors(name) : []
  if (wrong.length > 0) out.push(`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`)
  return [...out, ...podSpecWarnings(pod.spec ?? {}, 'spec')]
}

export function podSpecWarnings(spec: Loose, at: string): string[] {
  const out: string[] = []
  for (const key of Object.keys(spec.nodeSelector ?? {}).sort()) if (deprecatedLabels[key]) out.push(`${at}.nodeSelector[${key}]: ${deprecatedLabels[key]}`)
  const terms = spec.affinity?.nodeAffinity
  for (const [i, t] of list(terms?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms).entries()) for (const [n, e] of list(t.matchExpressions).entries()) if (deprecatedLabels[e.key]) out.push(`${at}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}].matchExpressions[${n}].key: ${e.key} is ${deprecatedLabels[e.key]}`)
  for (const [i, c] of list(spec.topologySpreadConstraints).entries()) {
    if (deprecatedLabels[c.topologyKey]) out.push(`${at}.topologySpreadConstraints[${i}].topologyKey: ${c.topologyKey} is ${deprecatedLabels[c.topologyKey]}`)
    if (!c.labelSelector) out.push(`${at}.topologySpreadConstraints[${i}].labelSelector: a null labelSelector results in matching no pod`)
  }
  const aliases = new Set<string>()
  for (const [i, h] of list(spec.hostAliases).entries()) {
    const path = `${at}.hostAliases[${i}].ip`
    if (aliases.has(h.ip)) out.push(`${path}: duplicate ip ${JSON.stringify(h.ip)}`)
    aliases.add(h.ip)
    const plain = withoutZeros(h.ip ?? '')
    if (plain !== h.ip && plain) out.push(`${path}: non-standard IP address ${JSON.stringify(h.ip)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(plain)}`)
  }
  for (const [i, s] of list(spec.imagePullSecrets).entries()) if (!s.name) out.push(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`)
  for (const [i, v] of list(spec.volumes).entries()) {
    for (const [type, text] of Object.entries(deprecatedVolumes)) if (v[type]) out.push(`${at}.volumes[${i}].${type}: ${text}`)
    if (v.projected) {
      for (const s of list(v.projected.sources)) if (Object.keys(s).length === 0) out.push(`volume ${JSON.stringify(v.name)} (Projected) has no sources provided`)
    }
    overlaps(v, out)
    const claim = v.ephemeral?.volumeClaimTemplate?.spec?.resources
    for (const field of ['limits', 'requests']) fractional(claim?.[field], `${at}.volumes[${i}].ephemeral.volumeClaimTemplate.spec.resources.${field}`, out)
  }
  for (const field of ['initContainers', 'containers']) {
    const ports = new Map<string, string>()
    for (const [i, c] of list(spec[field]).entries()) {
      const path = `${at}.${field}[${i}]`
      fractional(c.resources?.limits, `${path}.resources.limits`, out)
      fractional(c.resources?.requests, `${path}.resources.requests`, out)
      const names = new Map<string, Loose>()
      for (const [n, e] of list(c.env).entries()) {
        const before = names.get(e.name)
        if (before !== undefined && !(before.value && (e.value ?? '').includes(`$(${e.name})`))) out.push(`${path}.env[${n}]: hides previous definition of ${JSON.stringify(e.name)}, which may be dropped when using apply`)
        names.set(e.name, e)
      }
      for (const [n, p] of list(c.ports).entries()) {
        const where = `${path}.ports[${n}]`
        if (p.hostIP && !p.hostPort) out.push(`${where}: hostIP set without hostPort: {Name:${p.name ?? ''} HostPort:0 ContainerPort:${p.containerPort} Protocol:${p.protocol} HostIP:${p.hostIP}}`)
        const key = `${p.containerPort}/${p.protocol}/${p.hostIP ?? ''}/${p.hostPort ?? 0}`
        const first = ports.get(key)
        if (first) out.push(`${where}: duplicate port definition with ${first}`)
        else ports.set(key, where)
      }
    }
  }
  if (spec.terminationGracePeriodSeconds < 0) out.push(`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`)
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const a = spec.affinity?.[kind]
    for (const [i, t] of list(a?.requiredDuringSchedulingIgnoredDuringExecution).entries()) if (!t.labelSelector) out.push(`${at}.affinity.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: a null labelSelector results in matching no pod`)
    for (const [i, t] of list(a?.preferredDuringSchedulingIgnoredDuringExecution).entries()) if (!t.podAffinityTerm?.labelSelector) out.push(`${at}.affinity.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod`)
  }
  return out
}

function overlaps(v: Loose, out: string[]): void {
  const told = (source: Loose, label: string) => {
    const paths: string[] = []
    for (const item of list(source?.items)) {
      for (const before of paths) if (before === item.path || before.startsWith(item.path + '/') || String(item.path).startsWith(before + '/')) out.push(`volume ${JSON.stringify(v.name)} (${label}): overlapping paths: ${JSON.stringify(item.path)} with ${JSON.stringify(before)}`)
      paths.push(item.path)
    }
  }
  if (v.configMap) told(v.configMap, `ConfigMap ${JSON.stringify(v.configMap.name)}`)
  if (v.secret) told(v.secret, `Secret ${JSON.stringify(v.secret.secretName)}`)
  if (v.downwardAPI) told(v.downwardAPI, 'DownwardAPI')
}

export function fractional(list: Record<string, string> | undefined, at: string, out: string[]): void {
  for (const name of ['memory', 'ephemeral-storage', 'storage']) {
    const value = list?.[name]
    if (value !== undefined && looksFractional(String(value))) out.push(`${at}[${name}]: fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`)
  }
}

/** Thousandths that do not fit 64 bits: nought for numbers with few decimal digits, else the lower 64 bits, which look fractional. */
export function looksFractional(value: string): boolean {
  const q = parseQuantity(value)
  if (!q) return false
  const milli = quantityMilliValue(q)
  const fits = milli <= 9223372036854775807n && milli >= -9223372036854775808n
  if (!fits && q.format !== 'BinarySI' && value.replace(/[^0-9]|[eE].*$/g, '').length <= 18) return false
  return BigInt.asIntN(64, milli) % 1000n !== 0n
}

/** Names of things that make pods. */
export function podNameWarnings(name: string | undefined): string[] {
  const wrong = name ? dns1123LabelErrors(name) : []
  return wrong.length > 0 ? [`metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`] : []
}

/** `010.0.0.1` → `10.0.0.1`; other texts as they are. */
export function withoutZeros(ip: string): string {
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(ip) ? ip.split('.').map((p) => String(Number(p))).join('.') : ip
}
