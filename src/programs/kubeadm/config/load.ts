/**
 * Configuration files and flags to a complete configuration: documents told apart by kind, decoded, defaulted, filled in from the machine, validated
 * (cmd/kubeadm/app/util/config). Component configurations are kept as they are given.
 */
import { formatGoDuration, parseGoDuration } from '#base/duration.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'
import { parseIpv4 } from '#base/ip.ts'
import {
  controlPlaneTaint, defaultBindPort, defaultClusterConfiguration, defaultCriSocket, defaultNodeGroup, defaultNodeRegistration, defaultTimeouts, type ApiEndpoint, type BootstrapToken, type ClusterConfiguration, type InitConfiguration,
  type JoinConfiguration, type NodeRegistration,
} from '#engine/kubeadm/configuration.ts'
import { FsError } from '#engine/machine/files.ts'
import { Failure, fileProblem, type Run } from '../run.ts'
import { checkMinimumVersion, resolveVersion } from '../version.ts'
import { kinds, misfits } from './schema.ts'
import { aggregate, initProblems, joinProblems, splitHostPort } from './validate.ts'

type Document = Record<string, unknown>

export interface Documents {
  /** `group/version kind` → document, in the order of their names. */
  readonly map: ReadonlyMap<string, Document>
}

const keyOf = (d: Document) => `${String(d['apiVersion'])} ${String(d['kind'])}`
const shown = (apiVersion: string, kind: string) => `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`
const goSyntax = (key: string) => {
  const [apiVersion = '', kind = ''] = key.split(' ')
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  return `schema.GroupVersionKind{Group:${JSON.stringify(group)}, Version:${JSON.stringify(version)}, Kind:${JSON.stringify(kind)}}`
}

/** Splits a file into its documents. */
export function splitDocuments(text: string): Documents {
  const parts = text.split(/^---(?:[ \t].*)?$/m).filter((p, i, all) => p.trim() !== '' || all.length === 1)
  const map = new Map<string, Document>()
  const problems: string[] = []
  for (const part of parts) {
    let value: unknown
    try {
      value = parseYaml(part)
    } catch (error) {
      if (!(error instanceof YamlError)) throw error
      throw new Failure(`could not interpret GroupVersionKind; unmarshal error: error converting YAML to JSON: ${error.message}`)
    }
    const document = (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}) as Document
    const apiVersion = typeof document['apiVersion'] === 'string' ? document['apiVersion'] : ''
    const kind = typeof document['kind'] === 'string' ? document['kind'] : ''
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
    if (!group || !version || !kind) {
      problems.push(`invalid configuration for GroupVersionKind ${shown(apiVersion, kind)}: kind and apiVersion is mandatory information that must be specified`)
      continue
    }
    if ([...map.values()].some((d) => d['kind'] === kind)) {
      problems.push(`invalid configuration: kind ${JSON.stringify(kind)} is specified twice in YAML file`)
      continue
    }
    map.set(keyOf(document), document)
  }
  aggregate(problems)
  return { map: new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

const oldVersions: Readonly<Record<string, string>> = { 'kubeadm.k8s.io/v1alpha1': 'v1.11', 'kubeadm.k8s.io/v1alpha2': 'v1.12', 'kubeadm.k8s.io/v1alpha3': 'v1.14', 'kubeadm.k8s.io/v1beta1': 'v1.15', 'kubeadm.k8s.io/v1beta2': 'v1.22' }

const groups = ['kubeadm.k8s.io', 'kubelet.config.k8s.io', 'kubeproxy.config.k8s.io']

/** Refuses kinds that never were (`config validate`, `config migrate`). */
export function checkKnown(documents: Documents): void {
  const unknown = [...documents.map.keys()].filter((k) => kinds[k] === undefined && oldVersions[k.split(' ')[0]!] === undefined)
  if (unknown.length > 0) throw new Failure(`unknown configuration APIs: []schema.GroupVersionKind{${unknown.map(goSyntax).join(', ')}}`)
}

export interface LoadOptions {
  /** Deprecated versions pass without a word, unknown fields are errors: `config validate` and `migrate`. */
  readonly strict?: boolean
}

/** Checks one document and says what is deprecated or unknown in it. */
async function decode(run: Run, key: string, document: Document, options: LoadOptions): Promise<Document> {
  const [apiVersion = '', kind = ''] = key.split(' ')
  const old = oldVersions[apiVersion]
  const spec = `old API spec: ${JSON.stringify(apiVersion)} (kind: ${JSON.stringify(kind)})`
  if (old !== undefined) throw new Failure(`your configuration file uses an ${spec}. Please use kubeadm ${old} instead and run 'kubeadm config migrate --old-config old-config-file --new-config new-config-file', which will write the new, similar spec using a newer API version.`)
  if (apiVersion === 'kubeadm.k8s.io/v1beta3' && !options.strict) {
    await run.warn('common.go:103', `your configuration file uses a deprecated API spec: ${JSON.stringify(apiVersion)} (kind: ${JSON.stringify(kind)}). Please use 'kubeadm config migrate --old-config old-config-file --new-config new-config-file', which will write the new, similar spec using a newer API version.`)
  }
  const shape = kinds[key]
  if (!shape || Object.keys(shape.fields).length === 0) return document
  const found = misfits(document, shape, apiVersion.split('/')[1]!)
  if (found.fatal !== undefined) throw new Failure(`error unmarshaling configuration ${goSyntax(key)}: ${found.fatal}`)
  if (found.unknown.length > 0) {
    const text = `error unmarshaling configuration ${goSyntax(key)}: strict decoding error: ${found.unknown.map((u) => `unknown field ${JSON.stringify(u)}`).join(', ')}`
    if (options.strict) throw new Failure(text)
    await run.warn('initconfiguration.go:327', text)
  }
  return apiVersion.endsWith('v1beta3') ? modernise(document) : document
}

/** v1beta3 → v1beta4: arguments become lists, timeouts a struct. */
function modernise(value: unknown): Document {
  const visit = (v: unknown, name: string): unknown => {
    if (Array.isArray(v)) return v.map((x) => visit(x, ''))
    if (typeof v !== 'object' || v === null) return v
    if (name === 'extraArgs' || name === 'kubeletExtraArgs') return Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([n, x]) => ({ name: n, value: String(x) }))
    return Object.fromEntries(Object.entries(v).map(([n, x]) => [n, visit(x, n)]))
  }
  const out = visit(value, '') as Document
  out['apiVersion'] = 'kubeadm.k8s.io/v1beta4'
  return out
}

const duration = (text: unknown, fallback: string): string => {
  const ms = typeof text === 'string' ? parseGoDuration(text) : undefined
  return ms === undefined ? fallback : formatGoDuration(ms)
}

const timeoutsOf = (given: unknown): Readonly<Record<string, string>> => Object.fromEntries(Object.entries(defaultTimeouts).map(([n, d]) => [n, duration((given as Document | undefined)?.[n], d)]))

/** Empty texts, zeros and falses are what Go leaves out. */
function dropEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropEmpty)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([n, v]) => v !== '' && v !== false && v !== null && !(Array.isArray(v) && v.length === 0 && n !== 'taints')).map(([n, v]) => [n, dropEmpty(v)]))
}

export interface Loaded {
  readonly init: InitConfiguration
  readonly cluster: ClusterConfiguration
  readonly kubelet: Readonly<Record<string, unknown>>
  readonly kubeProxy: Readonly<Record<string, unknown>>
}

export interface ClusterFlags {
  readonly kubernetesVersion?: string
}

function clusterFrom(document: Document | undefined): ClusterConfiguration {
  const { apiVersion: _a, kind: _k, ...given } = dropEmpty(document ?? {}) as Partial<ClusterConfiguration> & Document
  const base = defaultClusterConfiguration('stable-1')
  const etcd = given.etcd ?? {}
  if (given.apiServer && 'timeoutForControlPlane' in given.apiServer) delete (given.apiServer as unknown as Document)['timeoutForControlPlane']
  return {
    ...base, ...given,
    networking: { ...base.networking, ...given.networking },
    etcd: etcd.external && !etcd.local ? { external: { ...etcd.external, httpEndpoints: etcd.external.httpEndpoints ?? etcd.external.endpoints } } : { ...etcd, local: { ...base.etcd.local!, ...etcd.local } },
    caCertificateValidityPeriod: duration(given.caCertificateValidityPeriod, base.caCertificateValidityPeriod),
    certificateValidityPeriod: duration(given.certificateValidityPeriod, base.certificateValidityPeriod),
  }
}

export function randomToken(run: Run): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  return `${run.random.letters(6, letters)}.${run.random.letters(16, letters)}`
}

function tokenFrom(given: Partial<BootstrapToken>): BootstrapToken {
  return {
    ...given,
    groups: given.groups ?? [defaultNodeGroup],
    token: given.token ?? '',
    ...(given.ttl !== undefined || given.expires === undefined ? { ttl: duration(given.ttl, '24h0m0s') } : {}),
    usages: given.usages ?? ['signing', 'authentication'],
  }
}

function nodeFrom(given: Document | undefined): NodeRegistration {
  const clean = dropEmpty(given ?? {}) as Partial<NodeRegistration>
  return { ...defaultNodeRegistration(''), criSocket: '', ...clean, ...(given && given['imagePullSerial'] === false ? { imagePullSerial: false } : {}), ...(given && 'taints' in given ? { taints: given['taints'] as never } : { taints: null }) }
}

const endpointFrom = (given: unknown): ApiEndpoint => ({ advertiseAddress: '', bindPort: defaultBindPort, ...(dropEmpty(given ?? {}) as Partial<ApiEndpoint>) })

/** The address that a default route leaves from; undefined without one. */
export function defaultAddress(run: Run): string | undefined {
  const found = run.process.net.routeGet('8.8.8.8')
  return 'error' in found ? undefined : found.source
}

async function completeNode(run: Run, node: NodeRegistration, controlPlane: boolean): Promise<void> {
  node.name = (node.name === '' ? run.process.machine.hostname : node.name).trim().toLowerCase()
  if (controlPlane && (node.taints === null || node.taints === undefined)) node.taints = [controlPlaneTaint]
  if (node.criSocket === '') node.criSocket = defaultCriSocket
  else if (!node.criSocket.startsWith('unix')) {
    await run.warn('initconfiguration.go:132', `Usage of CRI endpoints without URL scheme is deprecated and can cause kubelet errors in the future. Automatically prepending scheme "unix" to the "criSocket" with value ${JSON.stringify(node.criSocket)}. Please update your configuration!`)
    node.criSocket = `unix://${node.criSocket}`
  }
}

async function completeEndpoint(run: Run, endpoint: ApiEndpoint): Promise<void> {
  const asked = endpoint.advertiseAddress
  if (asked !== '' && parseIpv4(asked) === undefined && !/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(asked)) throw new Failure(`couldn't use ${JSON.stringify(asked)} as "apiserver-advertise-address", must be ipv4 or ipv6 address`)
  if (asked !== '' && asked !== '0.0.0.0' && !asked.startsWith('127.')) return
  const own = defaultAddress(run)
  if (own === undefined) await run.warn('common.go:215', 'WARNING: could not obtain a bind address for the API Server: no default routes found in "/proc/net/route" or "/proc/net/ipv6_route"; using: 0.0.0.0')
  endpoint.advertiseAddress = own ?? '0.0.0.0'
}

async function completeCluster(run: Run, cluster: ClusterConfiguration, endpoint: ApiEndpoint): Promise<void> {
  cluster.kubernetesVersion = await resolveVersion(run, cluster.kubernetesVersion)
  checkMinimumVersion(run, cluster.kubernetesVersion)
  if (cluster.controlPlaneEndpoint) {
    const { host, port } = splitHostPort(cluster.controlPlaneEndpoint)
    if (port === '') cluster.controlPlaneEndpoint = `${host}:${endpoint.bindPort}`
  }
  if (cluster.apiServer.certSANs) cluster.apiServer.certSANs = cluster.apiServer.certSANs.map((s) => s.toLowerCase())
}

async function finishInit(run: Run, init: InitConfiguration, cluster: ClusterConfiguration): Promise<void> {
  for (const t of init.bootstrapTokens) if (t.token === '') t.token = randomToken(run)
  await completeNode(run, init.nodeRegistration, true)
  await completeEndpoint(run, init.localAPIEndpoint)
  await completeCluster(run, cluster, init.localAPIEndpoint)
  aggregate(initProblems(init, cluster))
}

export function initFrom(document: Document | undefined): InitConfiguration {
  const { apiVersion: _a, kind: _k, ...given } = document ?? {}
  const tokens = (given['bootstrapTokens'] as Partial<BootstrapToken>[] | undefined) ?? []
  const clean = dropEmpty(given) as Partial<InitConfiguration>
  return {
    ...clean,
    bootstrapTokens: (tokens.length > 0 ? tokens : [{}]).map(tokenFrom),
    localAPIEndpoint: endpointFrom(given['localAPIEndpoint']),
    nodeRegistration: nodeFrom(given['nodeRegistration'] as Document | undefined),
    timeouts: timeoutsOf(given['timeouts']),
  }
}

async function ignored(run: Run, documents: Documents, wanted: readonly string[], where: string): Promise<void> {
  for (const key of documents.map.keys()) {
    const [apiVersion = '', kind = ''] = key.split(' ')
    if (wanted.includes(kind) || groups.slice(1).includes(apiVersion.split('/')[0]!)) continue
    await run.warn(where, `[config] WARNING: Ignored configuration document with GroupVersionKind ${shown(apiVersion, kind)}`)
  }
}

const component = (documents: Documents, kind: string): Document => {
  const found = [...documents.map].find(([key]) => key.endsWith(` ${kind}`))?.[1]
  return found ?? {}
}

export async function initFromDocuments(run: Run, documents: Documents, options: LoadOptions = {}): Promise<Loaded> {
  let initDocument: Document | undefined
  let clusterDocument: Document | undefined
  for (const [key, document] of documents.map) {
    const decoded = await decode(run, key, document, options)
    if (key.endsWith(' InitConfiguration')) initDocument = decoded
    else if (key.endsWith(' ClusterConfiguration')) clusterDocument = decoded
  }
  await ignored(run, documents, ['InitConfiguration', 'ClusterConfiguration'], 'initconfiguration.go:361')
  if (!initDocument && !clusterDocument) throw new Failure('no InitConfiguration or ClusterConfiguration kind was found in the configuration file')
  const init = initFrom(initDocument)
  const timeout = (clusterDocument?.['apiServer'] as Document | undefined)?.['timeoutForControlPlane']
  if (timeout !== undefined) init.timeouts = { ...init.timeouts, controlPlaneComponentHealthCheck: duration(timeout, '4m0s') }
  const cluster = clusterFrom(clusterDocument)
  await finishInit(run, init, cluster)
  return { init, cluster, kubelet: component(documents, 'KubeletConfiguration'), kubeProxy: component(documents, 'KubeProxyConfiguration') }
}

/** Go's error for a file that can not be read. */
export function readConfigFile(run: Run, path: string, wrap = true): string {
  try {
    return run.fs.readFile(path)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    const problem = fileProblem('open', path, error)
    throw new Failure(wrap ? `unable to read config from ${JSON.stringify(path)} : ${problem}` : problem)
  }
}

/** `given`: what the flags say, used without a file. */
export async function loadInit(run: Run, path: string, given: { readonly init?: Document; readonly cluster?: Document }): Promise<Loaded> {
  if (path !== '') return initFromDocuments(run, splitDocuments(readConfigFile(run, path)))
  const init = initFrom(given.init)
  const cluster = clusterFrom(given.cluster)
  await finishInit(run, init, cluster)
  return { init, cluster, kubelet: {}, kubeProxy: {} }
}

export function joinFrom(document: Document | undefined): JoinConfiguration {
  const { apiVersion: _a, kind: _k, ...given } = document ?? {}
  const clean = dropEmpty(given) as Partial<JoinConfiguration> & { discovery?: JoinConfiguration['discovery'] & { timeout?: string } }
  const { timeout, ...discovery } = clean.discovery ?? ({} as { timeout?: string } & JoinConfiguration['discovery'])
  const tls = discovery.tlsBootstrapToken ?? discovery.bootstrapToken?.token
  return {
    ...clean,
    caCertPath: clean.caCertPath ?? '/etc/kubernetes/pki/ca.crt',
    ...(clean.controlPlane ? { controlPlane: { ...clean.controlPlane, localAPIEndpoint: endpointFrom(clean.controlPlane.localAPIEndpoint) } } : {}),
    discovery: {
      ...discovery,
      ...(discovery.bootstrapToken ? { bootstrapToken: { ...discovery.bootstrapToken, apiServerEndpoint: discovery.bootstrapToken.apiServerEndpoint ?? '', token: discovery.bootstrapToken.token ?? '' } } : {}),
      ...(tls !== undefined ? { tlsBootstrapToken: tls } : {}),
    },
    nodeRegistration: nodeFrom(given['nodeRegistration'] as Document | undefined),
    timeouts: { ...timeoutsOf(given['timeouts']), ...(timeout !== undefined ? { discovery: duration(timeout, '5m0s') } : {}) },
  }
}

async function finishJoin(run: Run, join: JoinConfiguration): Promise<JoinConfiguration> {
  await completeNode(run, join.nodeRegistration, join.controlPlane !== undefined)
  if (join.controlPlane) await completeEndpoint(run, join.controlPlane.localAPIEndpoint)
  aggregate(joinProblems(join, run.fs))
  return join
}

export async function joinFromDocuments(run: Run, documents: Documents, options: LoadOptions = {}): Promise<JoinConfiguration> {
  let found: Document | undefined
  for (const [key, document] of documents.map) {
    if (key.endsWith(' JoinConfiguration')) found = await decode(run, key, document, options)
  }
  await ignored(run, documents, ['JoinConfiguration'], 'joinconfiguration.go:112')
  if (!found) throw new Failure('no JoinConfiguration found in the supplied config')
  return finishJoin(run, joinFrom(found))
}

export async function loadJoin(run: Run, path: string, given: Document): Promise<JoinConfiguration> {
  if (path !== '') return joinFromDocuments(run, splitDocuments(readConfigFile(run, path)))
  return finishJoin(run, joinFrom(given))
}

export const hasKind = (documents: Documents, ...names: readonly string[]): boolean => [...documents.map.keys()].some((k) => names.includes(k.split(' ')[1]!))
export { decode as decodeDocument }
