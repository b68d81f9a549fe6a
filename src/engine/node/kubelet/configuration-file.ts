/**
 * Reading the kubelet's configuration file: YAML or JSON, kind and version, field names and types in the words of Go's decoders, and what
 * ValidateKubeletConfiguration refuses. Unknown fields are only logged: the file is then read leniently. Feature gates are not checked by name.
 */
import { formatGoDuration, parseGoDuration } from '#base/duration.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { kubeletConfigurationFields, kubeletDefaults, type FieldKind, type StructKind } from './configuration-schema.ts'

type Raw = Readonly<Record<string, unknown>>

export type DecodedConfiguration = { readonly data: Raw; /** Why strict decoding failed, to be logged. */ readonly lenient: string | undefined } | { readonly error: string }

const isObject = (v: unknown): v is Raw => typeof v === 'object' && v !== null && !Array.isArray(v)
const jsonKind = (v: unknown) => (Array.isArray(v) ? 'array' : isObject(v) ? 'object' : typeof v === 'boolean' ? 'bool' : typeof v)
const limits: Readonly<Record<string, readonly [number, number]>> = { int32: [-2147483648, 2147483647], int64: [-9223372036854775808, 9223372036854775807], uint64: [0, 18446744073709551615] }

interface Findings {
  readonly unknown: string[]
  mistyped: string | undefined
}

/** What Go's decoder says about a value, or undefined when it takes it. */
function problem(v: unknown, kind: Exclude<FieldKind, StructKind>, field: string): string | undefined {
  const cannot = (what: string, type: string) => `json: cannot unmarshal ${what} into Go struct field ${field} of type ${type}`
  switch (kind) {
    case 'any':
      return undefined
    case 'string':
      return typeof v === 'string' ? undefined : cannot(jsonKind(v), kind)
    case 'bool':
      return typeof v === 'boolean' ? undefined : cannot(jsonKind(v), kind)
    case 'duration': {
      if (typeof v !== 'string') return `json: cannot unmarshal ${jsonKind(v)} into Go value of type string`
      if (parseGoDuration(v) !== undefined) return undefined
      return `time: ${/^[-+]?[\d.]+$/.test(v) ? 'missing unit in duration' : 'invalid duration'} ${JSON.stringify(v)}`
    }
    case '[]string':
      if (!Array.isArray(v)) return cannot(jsonKind(v), kind)
      return v.every((x) => typeof x === 'string' || x === null) ? undefined : cannot(jsonKind(v.find((x) => typeof x !== 'string')), 'string')
    case 'map[string]string':
    case 'map[string]bool': {
      if (!isObject(v)) return cannot(jsonKind(v), kind)
      const inner = kind === 'map[string]bool' ? 'boolean' : 'string'
      const wrong = Object.values(v).find((x) => x !== null && typeof x !== inner)
      return wrong === undefined ? undefined : cannot(jsonKind(wrong), inner === 'boolean' ? 'bool' : 'string')
    }
    default: {
      if (typeof v !== 'number') return cannot(jsonKind(v), kind)
      const range = limits[kind]
      return !range || (Number.isInteger(v) && v >= range[0] && v <= range[1]) ? undefined : cannot(`number ${v}`, kind)
    }
  }
}

function walk(value: Raw, struct: StructKind, path: string, found: Findings): void {
  for (const [key, v] of Object.entries(value)) {
    const kind = struct.fields[key]
    const full = path === '' ? key : `${path}.${key}`
    if (kind === undefined) found.unknown.push(full)
    else if (v === null) continue
    else if (typeof kind === 'string') found.mistyped ??= problem(v, kind, `KubeletConfiguration.${full}`)
    else if (kind.list) {
      if (!Array.isArray(v)) found.mistyped ??= `json: cannot unmarshal ${jsonKind(v)} into Go struct field KubeletConfiguration.${full} of type []${typeName(full)}`
      else for (const [i, x] of v.entries()) if (isObject(x)) walk(x, kind, `${full}[${i}]`, found)
    } else if (isObject(v)) walk(v, kind, full, found)
    else found.mistyped ??= `json: cannot unmarshal ${jsonKind(v)} into Go struct field KubeletConfiguration.${full} of type ${typeName(full)}`
  }
}

const typeNames: Readonly<Record<string, string>> = {
  authentication: 'v1beta1.KubeletAuthentication', 'authentication.x509': 'v1beta1.KubeletX509Authentication', 'authentication.webhook': 'v1beta1.KubeletWebhookAuthentication', 'authentication.anonymous': 'v1beta1.KubeletAnonymousAuthentication',
  authorization: 'v1beta1.KubeletAuthorization', 'authorization.webhook': 'v1beta1.KubeletWebhookAuthorization', memorySwap: 'v1beta1.MemorySwapConfiguration', logging: 'v1.LoggingConfiguration', registerWithTaints: 'v1.Taint',
  reservedMemory: 'v1beta1.MemoryReservation', shutdownGracePeriodByPodPriority: 'v1beta1.ShutdownGracePeriodByPodPriority', tracing: 'v1.TracingConfiguration', crashLoopBackOff: 'v1beta1.CrashLoopBackOffConfig', userNamespaces: 'v1beta1.UserNamespaces',
}
const typeName = (path: string) => typeNames[path] ?? 'struct'

export function decodeKubeletConfiguration(text: string): DecodedConfiguration {
  let raw: unknown
  try {
    raw = parseYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    return { error: error.message }
  }
  if (raw !== undefined && raw !== null && !isObject(raw)) return { error: `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(raw)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }` }
  const root = raw ?? {}
  const { kind, apiVersion } = root as { kind?: string; apiVersion?: string }
  if (!kind) return { error: `Object 'Kind' is missing in '${text}'` }
  if (!apiVersion) return { error: `Object 'apiVersion' is missing in '${text}'` }
  if (kind !== 'KubeletConfiguration' || apiVersion !== 'kubelet.config.k8s.io/v1beta1') return { error: `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"` }
  const found: Findings = { unknown: [], mistyped: undefined }
  walk(root, kubeletConfigurationFields, '', found)
  if (found.mistyped !== undefined) return { error: found.mistyped }
  return { data: root, lenient: found.unknown.length > 0 ? `strict decoding error: ${found.unknown.map((u) => `unknown field ${JSON.stringify(u)}`).join(', ')}` : undefined }
}

interface Numbered {
  readonly field: string
  readonly flag: string
  readonly wrong: (n: number) => boolean
  readonly must: string
}

const outside = (low: number, high: number) => (n: number) => n < low || n > high
const negative = (field: string, flag: string): Numbered => ({ field, flag, wrong: (n) => n < 0, must: 'must not be a negative number' })
const between = (field: string, flag: string, low: number, high: number): Numbered => ({ field, flag, wrong: outside(low, high), must: `must be between ${low} and ${high}, inclusive` })
const port = (field: string, flag: string, shown: string, zero: boolean): Numbered => ({ field, flag, wrong: (n) => !(zero && n === 0) && (n < 1 || n > 65535), must: `must be between ${shown}, inclusive` })

const first: readonly Numbered[] = [
  negative('eventBurst', 'event-burst'), negative('eventRecordQPS', 'event-qps'), port('healthzPort', 'healthz-port', '1 and 65535', true),
  between('imageGCHighThresholdPercent', 'image-gc-high-threshold', 0, 100), between('imageGCLowThresholdPercent', 'image-gc-low-threshold', 0, 100),
]
const second: readonly Numbered[] = [
  between('iptablesDropBit', 'iptables-drop-bit', 0, 31), between('iptablesMasqueradeBit', 'iptables-masquerade-bit', 0, 31), negative('kubeAPIBurst', 'kube-api-burst'), negative('kubeAPIQPS', 'kube-api-qps'),
  { field: 'nodeStatusMaxImages', flag: 'node-status-max-images', wrong: (n) => n < -1, must: 'must be -1 or greater' }, negative('maxOpenFiles', 'max-open-files'), negative('maxPods', 'max-pods'), between('oomScoreAdj', 'oom-score-adj', -1000, 1000),
  negative('podsPerCore', 'pods-per-core'), port('port', 'port', '1 and 65535', false), port('readOnlyPort', 'read-only-port', '0 and 65535', true), negative('registryBurst', 'registry-burst'), negative('registryPullQPS', 'registry-qps'),
]

/** The aggregate of what is wrong, or undefined. Zero values mean the default. */
export function validateKubeletConfiguration(raw: Raw): string | undefined {
  const errors: string[] = []
  const add = (text: string) => errors.push(`invalid configuration: ${text}`)
  const value = (field: string): unknown => {
    const given = raw[field]
    return given === undefined || given === null || given === 0 || given === '' || (Array.isArray(given) && given.length === 0 && field !== 'enforceNodeAllocatable') ? (kubeletDefaults[field] ?? given) : given
  }
  const number = (field: string) => Number(value(field) ?? 0)
  const text = (field: string) => String(value(field) ?? '')
  const duration = (field: string) => parseGoDuration(String(raw[field] ?? '0s')) ?? 0
  const numbers = (list: readonly Numbered[]) => {
    for (const { field, flag, wrong, must } of list) if (wrong(number(field))) add(`${field} (--${flag}) ${number(field)} ${must}`)
  }
  const choice = (field: string, allowed: readonly string[], say: (v: string) => string) => {
    if (!allowed.includes(text(field))) add(say(text(field)))
  }
  if (number('nodeLeaseDurationSeconds') <= 0) add('nodeLeaseDurationSeconds must be greater than 0')
  if (text('systemCgroups') !== '' && text('cgroupRoot') === '') add('systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified')
  numbers(first)
  const [low, high] = [number('imageGCLowThresholdPercent'), number('imageGCHighThresholdPercent')]
  if (low >= high) add(`imageGCLowThresholdPercent (--image-gc-low-threshold) ${low} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${high}`)
  numbers(second)
  const pulls = raw['maxParallelImagePulls']
  if (typeof pulls === 'number' && pulls < 1) add(`maxParallelImagePulls ${pulls} must be a positive number`)
  if (typeof pulls === 'number' && pulls > 1 && value('serializeImagePulls') === true) add('maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false')
  const policies = ['none', 'best-effort', 'restricted', 'single-numa-node']
  choice('topologyManagerPolicy', policies, (v) => `topologyManagerPolicy (--topology-manager-policy) ${JSON.stringify(v)} must be one of: [${policies.map((p) => JSON.stringify(p)).join(' ')}]`)
  choice('topologyManagerScope', ['container', 'pod'], (v) => `topologyManagerScope (--topology-manager-scope) ${JSON.stringify(v)} must be one of: "container", or "pod"`)
  const [shutdown, critical] = [duration('shutdownGracePeriod'), duration('shutdownGracePeriodCriticalPods')]
  const shown = (ms: number) => `{${formatGoDuration(ms)}}`
  if (critical > shutdown) add(`shutdownGracePeriodCriticalPods ${shown(critical)} must be <= shutdownGracePeriod ${shown(shutdown)}`)
  for (const [field, ms] of [['shutdownGracePeriod', shutdown], ['shutdownGracePeriodCriticalPods', critical]] as const) if (ms < 0 || (ms > 0 && ms < 1000)) add(`${field} ${shown(ms)} must be either zero or otherwise >= 1 sec`)
  const swap = String((raw['memorySwap'] as Raw | undefined)?.['swapBehavior'] ?? '')
  if (!['', 'NoSwap', 'LimitedSwap'].includes(swap)) add(`memorySwap.swapBehavior ${JSON.stringify(swap)} must be one of: "", "LimitedSwap" or "NoSwap"`)
  allocatable((value('enforceNodeAllocatable') as string[] | undefined) ?? [], text, value('cgroupsPerQOS') === true, add)
  choice('hairpinMode', ['none', 'hairpin-veth', 'promiscuous-bridge'], (v) => `option ${JSON.stringify(v)} specified for hairpinMode (--hairpin-mode). Valid options are "none", "hairpin-veth" or "promiscuous-bridge"`)
  if (text('reservedSystemCPUs') !== '' && (text('systemReservedCgroup') !== '' || text('kubeReservedCgroup') !== '')) add("can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)")
  const factor = number('memoryThrottlingFactor')
  if (factor <= 0 || factor > 1) add(`memoryThrottlingFactor ${factor} must be greater than 0 and less than or equal to 1.0`)
  if (number('containerLogMaxWorkers') < 1) add('containerLogMaxWorkers must be greater than or equal to 1')
  if ((parseGoDuration(text('containerLogMonitorInterval')) ?? 0) < 3000) add('containerLogMonitorInterval must be a positive time duration greater than or equal to 3s')
  if (number('containerLogMaxFiles') <= 1) add('containerLogMaxFiles must be greater than 1')
  const logs = text('podLogsDir')
  if (!logs.startsWith('/')) add(`pod logs path ${JSON.stringify(logs)} must be absolute path`)
  if (logs !== '/' && /\/\/|\/\.{1,2}(\/|$)|\/$/.test(logs)) add(`pod logs path ${JSON.stringify(logs)} must be normalized`)
  const unique = [...new Set(errors)]
  return unique.length === 0 ? undefined : unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`
}

/** enforceNodeAllocatable: what is enforced needs its cgroup. */
function allocatable(list: readonly string[], text: (field: string) => string, perQos: boolean, add: (text: string) => void): void {
  const seen = new Set<string>()
  const pairs: Readonly<Record<string, readonly [field: string, flag: string]>> = { 'system-reserved': ['systemReservedCgroup', 'system-reserved-cgroup'], 'kube-reserved': ['kubeReservedCgroup', 'kube-reserved-cgroup'] }
  for (const key of Object.keys(pairs)) if (list.includes(key) && list.includes(`${key}-compressible`)) add(`both ${JSON.stringify(key)} and ${JSON.stringify(`${key}-compressible`)} cannot be specified together in enforceNodeAllocatable (--enforce-node-allocatable)`)
  for (const v of list) {
    if (seen.has(v)) {
      add(`duplicated enforcements ${JSON.stringify(v)} in enforceNodeAllocatable (--enforce-node-allocatable)`)
      continue
    }
    seen.add(v)
    const key = v.replace(/-compressible$/, '')
    const pair = pairs[key]
    if (v === 'none') {
      if (list.length > 1) add('enforceNodeAllocatable (--enforce-node-allocatable) may not contain additional enforcements when "none" is specified')
      continue
    }
    if (pair) {
      if (text(pair[0]) === '') add(`${pair[0]} (--${pair[1]}) must be specified when ${JSON.stringify(key)} or ${JSON.stringify(`${key}-compressible`)} included in enforceNodeAllocatable (--enforce-node-allocatable)`)
    } else if (v !== 'pods') {
      add(`option ${JSON.stringify(v)} specified for enforceNodeAllocatable (--enforce-node-allocatable). Valid options are "pods", "system-reserved", "system-reserved-compressible", "kube-reserved", "kube-reserved-compressible" or "none"`)
      continue
    }
    if (!perQos) add(`cgroupsPerQOS (--cgroups-per-qos) must be set to true when ${JSON.stringify(v)} contained in enforceNodeAllocatable (--enforce-node-allocatable)`)
  }
}
