/**
 * Reading kube-proxy's configuration file: YAML, kind and version, field names and types, and what validation refuses, in the words of
 * cmd/kube-proxy v1.35. Unknown and doubled fields are only logged: the file is then read leniently.
 */
import { formatGoDuration, parseGoDuration } from '#base/duration.ts'
import { parseCidr4, parseIpv4, parseIpv6 } from '#base/ip.ts'
import { parseYaml } from '#base/yaml.ts'
import { readConfiguration } from './configuration.ts'
import type { KubeProxyConfiguration } from './configuration.ts'

type Kind = 'string' | 'bool' | 'int' | 'float' | 'duration' | 'list' | 'map'

/** Field → type; a nested table for objects with the Go type's name. */
interface Fields {
  readonly go: string
  readonly fields: Readonly<Record<string, Kind | Fields>>
}

const periods = { minSyncPeriod: 'duration', syncPeriod: 'duration' } as const

const schema: Fields = {
  go: 'KubeProxyConfiguration',
  fields: {
    apiVersion: 'string', kind: 'string', featureGates: 'map', hostnameOverride: 'string', bindAddress: 'string', healthzBindAddress: 'string', metricsBindAddress: 'string', bindAddressHardFail: 'bool', enableProfiling: 'bool',
    showHiddenMetricsForVersion: 'string', mode: 'string', detectLocalMode: 'string', nodePortAddresses: 'list', oomScoreAdj: 'int', configSyncPeriod: 'duration', clusterCIDR: 'string', portRange: 'string', windowsRunAsService: 'bool',
    clientConnection: { go: 'ClientConnectionConfiguration', fields: { kubeconfig: 'string', acceptContentTypes: 'string', contentType: 'string', qps: 'float', burst: 'int' } },
    logging: { go: 'LoggingConfiguration', fields: { format: 'string', flushFrequency: 'float', verbosity: 'int', vmodule: 'list', options: 'map' } },
    iptables: { go: 'KubeProxyIPTablesConfiguration', fields: { masqueradeBit: 'int', masqueradeAll: 'bool', localhostNodePorts: 'bool', ...periods } },
    ipvs: { go: 'KubeProxyIPVSConfiguration', fields: { ...periods, scheduler: 'string', excludeCIDRs: 'list', strictARP: 'bool', tcpTimeout: 'duration', tcpFinTimeout: 'duration', udpTimeout: 'duration' } },
    nftables: { go: 'KubeProxyNFTablesConfiguration', fields: { masqueradeBit: 'int', masqueradeAll: 'bool', ...periods } },
    winkernel: { go: 'KubeProxyWinkernelConfiguration', fields: { networkName: 'string', sourceVip: 'string', enableDSR: 'bool', rootHnsEndpointName: 'string', forwardHealthCheckVip: 'bool' } },
    detectLocal: { go: 'DetectLocalConfiguration', fields: { bridgeInterface: 'string', interfaceNamePrefix: 'string' } },
    conntrack: { go: 'KubeProxyConntrackConfiguration', fields: { maxPerCore: 'int', min: 'int', tcpEstablishedTimeout: 'duration', tcpCloseWaitTimeout: 'duration', tcpBeLiberal: 'bool', udpTimeout: 'duration', udpStreamTimeout: 'duration' } },
  },
}

const goTypes: Readonly<Record<Kind, string>> = { string: 'string', bool: 'bool', int: 'int32', float: 'float32', duration: 'string', list: '[]string', map: 'map[string]bool' }
const jsonKind = (v: unknown) => (Array.isArray(v) ? 'array' : typeof v === 'boolean' ? 'bool' : typeof v)
const fits: Readonly<Record<Kind, (v: unknown) => boolean>> = {
  string: (v) => typeof v === 'string', bool: (v) => typeof v === 'boolean', int: (v) => typeof v === 'number', float: (v) => typeof v === 'number', duration: (v) => typeof v === 'string',
  list: (v) => Array.isArray(v), map: (v) => typeof v === 'object' && !Array.isArray(v),
}

interface Findings {
  readonly unknown: string[]
  mistyped: string | undefined
}

function walk(value: Readonly<Record<string, unknown>>, at: Fields, path: string, found: Findings): void {
  for (const [key, v] of Object.entries(value)) {
    const kind = at.fields[key]
    const full = path === '' ? key : `${path}.${key}`
    if (kind === undefined) found.unknown.push(full)
    else if (v === null) continue
    else if (typeof kind !== 'string') {
      if (typeof v === 'object' && !Array.isArray(v)) walk(v as Readonly<Record<string, unknown>>, kind, full, found)
      else found.mistyped ??= `json: cannot unmarshal ${jsonKind(v)} into Go struct field ${at.go}.${full} of type v1alpha1.${kind.go}`
    } else if (!fits[kind](v)) found.mistyped ??= `json: cannot unmarshal ${jsonKind(v)} into Go struct field ${at.go}.${full} of type ${goTypes[kind]}`
    else if (kind === 'duration' && parseGoDuration(v as string) === undefined) found.mistyped ??= `time: ${/^[\d.]+$/.test(v as string) ? 'missing unit in duration' : 'invalid duration'} ${JSON.stringify(v)}`
  }
}

const gates = new Set(['AllAlpha', 'AllBeta', 'ContextualLogging', 'KubeProxyDrainingTerminatingNodes', 'LoggingAlphaOptions', 'LoggingBetaOptions', 'PreferSameTrafficDistribution', 'ServiceTrafficDistribution', 'WinDSR', 'WinOverlay', 'NFTablesProxyMode', 'TopologyAwareHints', 'ServiceCIDRStatusFieldWiping'])

export type Decoded =
  | { readonly config: KubeProxyConfiguration; readonly raw: Readonly<Record<string, unknown>>; /** Why strict decoding failed, to be logged. */ readonly lenient: string | undefined }
  | { readonly error: string }

/** Mentions of keys that stand twice in the same map of block-style YAML. */
function doubledKeys(text: string): { readonly line: number; readonly key: string }[] {
  const out: { line: number; key: string }[] = []
  const stack: { indent: number; keys: Set<string> }[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const m = /^( *)([A-Za-z][\w.-]*):(?:\s|$)/.exec(line)
    if (!m) continue
    const indent = m[1]!.length
    while (stack.length > 0 && stack.at(-1)!.indent > indent) stack.pop()
    if (stack.at(-1)?.indent !== indent) stack.push({ indent, keys: new Set() })
    const { keys } = stack.at(-1)!
    if (keys.has(m[2]!)) out.push({ line: i + 1, key: m[2]! })
    keys.add(m[2]!)
  }
  return out
}

export function decodeConfiguration(text: string): Decoded {
  const doubled = doubledKeys(text)
  let raw: unknown
  try {
    const lines = text.split('\n')
    // Of a doubled key the last one counts.
    const dropped = new Set(doubled.flatMap((d) => lines.findIndex((l) => l.startsWith(/^ */.exec(lines[d.line - 1]!)![0] + `${d.key}:`))))
    raw = parseYaml(lines.map((l, i) => (dropped.has(i) ? '' : l)).join('\n'))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { error: `failed complete: failed to decode: ${message.startsWith('yaml:') ? message : `yaml: ${message}`}` }
  }
  const root = (raw ?? {}) as Readonly<Record<string, unknown>>
  if (root['apiVersion'] !== 'kubeproxy.config.k8s.io/v1alpha1' || root['kind'] !== 'KubeProxyConfiguration') {
    if (root['kind'] === undefined) return { error: "failed complete: failed to decode: Object 'Kind' is missing in '" + JSON.stringify(root) + "'" }
    return { error: `failed complete: failed to decode: no kind ${JSON.stringify(root['kind'])} is registered for version ${JSON.stringify(root['apiVersion'] ?? '')} in scheme "pkg/runtime/scheme.go:111"` }
  }
  const found: Findings = { unknown: [], mistyped: undefined }
  walk(root, schema, '', found)
  if (found.mistyped !== undefined) return { error: `failed complete: failed to decode: ${found.mistyped}` }
  const strict = [...(doubled.length > 0 ? [`yaml: unmarshal errors:\n${doubled.map((d) => `  line ${d.line}: key ${JSON.stringify(d.key)} already set in map`).join('\n')}`] : []), ...found.unknown.map((u) => `unknown field ${JSON.stringify(u)}`)]
  return { config: readConfiguration(root), raw: root, lenient: strict.length > 0 ? `strict decoding error: ${strict.join(', ')}` : undefined }
}

const isCidr = (text: string) => parseCidr4(text) !== undefined || (/^[0-9a-fA-F:.]+\/\d+$/.test(text) && parseIpv6(text.split('/')[0]!) !== undefined)
const invalid = (field: string, value: string | number, why: string) => `failed validate: KubeProxyConfiguration.${field}: Invalid value: ${typeof value === 'number' ? value : JSON.stringify(value)}: ${why}`

function addressProblem(field: string, address: string): string | undefined {
  const colon = address.lastIndexOf(':')
  if (colon < 0) return invalid(field, address, 'must be IP:port')
  const [host, port] = [address.slice(0, colon).replace(/^\[|\]$/g, ''), address.slice(colon + 1)]
  if (parseIpv4(host) === undefined && parseIpv6(host) === undefined) return invalid(field, host, 'must be a valid IP')
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return invalid(field, 'port', 'must be a valid port')
  return undefined
}

/** What makes kube-proxy refuse to start, or undefined. */
export function validateConfiguration(config: KubeProxyConfiguration, raw: Readonly<Record<string, unknown>>): string | undefined {
  for (const gate of Object.keys((raw['featureGates'] as object | undefined) ?? {})) if (!gates.has(gate)) return `failed complete: unrecognized feature gate: ${gate}`
  if (config.masqueradeBit < 0 || config.masqueradeBit > 31) return invalid('KubeProxyIPTablesConfiguration.MasqueradeBit', config.masqueradeBit, 'must be within the range [0, 31]')
  if (config.syncPeriod < config.minSyncPeriod) return invalid('SyncPeriod', formatGoDuration(config.minSyncPeriod), 'must be greater than or equal to KubeProxyConfiguration.MinSyncPeriod')
  if (!['iptables', 'ipvs', 'nftables', ''].includes(config.mode)) return invalid('Mode.ProxyMode', config.mode, 'must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])')
  if (parseIpv4(config.bindAddress) === undefined && parseIpv6(config.bindAddress) === undefined) return invalid('NodeIPOverride[0]', config.bindAddress, 'must be a valid IP')
  for (const [field, address] of [['HealthzBindAddress', config.healthzBindAddress], ['MetricsBindAddress', config.metricsBindAddress]] as const) {
    const problem = addressProblem(field, address)
    if (problem !== undefined) return problem
  }
  for (const [i, address] of config.nodePortAddresses.entries()) {
    if (address === 'primary') {
      if (config.nodePortAddresses.length > 1) return invalid(`NodePortAddresses[${i}]`, 'primary', "can't use both 'primary' and CIDRs")
    } else if (!isCidr(address)) return invalid(`NodePortAddresses[${i}]`, address, 'must be a valid CIDR')
  }
  if (config.detectLocalMode === 'BridgeInterface' && config.bridgeInterface === '') return invalid('DetectLocalConfiguration.InterfaceName', '', 'must not be empty')
  if (config.detectLocalMode === 'InterfaceNamePrefix' && config.interfaceNamePrefix === '') return invalid('DetectLocalConfiguration.InterfacePrefix', '', 'must not be empty')
  if (config.detectLocalMode === 'ClusterCIDR' && config.clusterCidr !== '') {
    for (const [i, cidr] of config.clusterCidr.split(',').entries()) if (!isCidr(cidr)) return invalid(`DetectLocalConfiguration.ClusterCIDRs[${i}]`, cidr, 'must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)')
  }
  return undefined
}
