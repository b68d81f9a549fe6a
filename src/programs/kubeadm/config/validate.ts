/** What kubeadm refuses in a configuration (apis/kubeadm/validation), in field paths and words of upstream. Left out: IPv6 ranges, component configurations. */
import { formatIpv4, parseCidr4, parseIpv4 } from '#base/ip.ts'
import { type Arg, type BootstrapToken, type ClusterConfiguration, type InitConfiguration, type JoinConfiguration, type NodeRegistration } from '#engine/kubeadm/configuration.ts'
import type { FileSystem } from '#engine/machine/files.ts'
import { Failure } from '../run.ts'

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const subdomainProblem = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const wildcardProblem = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

const isAddress = (text: string) => parseIpv4(text) !== undefined || /^[0-9a-fA-F:]*:[0-9a-fA-F:.]+$/.test(text)

/** field.Error: `path: Invalid value: …: why`. */
const invalid = (path: string, value: unknown, why: string) => `${path}: Invalid value: ${typeof value === 'object' && value !== null ? JSON.stringify(value) : typeof value === 'number' ? value : JSON.stringify(value)}: ${why}`
const required = (path: string, why: string) => `${path}: Required value: ${why}`

/** One is told as it is, more in brackets. */
export function aggregate(problems: readonly string[]): void {
  const distinct = [...new Set(problems)]
  if (distinct.length > 0) throw new Failure(distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`)
}

const tokenPattern = /^[a-z0-9]{6}\.[a-z0-9]{16}$/
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/
const knownUsages = ['signing', 'authentication']

export const isToken = (text: string): boolean => tokenPattern.test(text)

function tokenProblems(token: string, path: string): string[] {
  return tokenPattern.test(token) ? [] : [invalid(path, token, 'the bootstrap token is invalid')]
}

export function bootstrapTokenProblems(tokens: readonly BootstrapToken[], path = 'bootstrapTokens'): string[] {
  return tokens.flatMap((t, i) => {
    const at = `${path}.${i}`
    const usages = t.usages ?? []
    const odd = usages.filter((u) => !knownUsages.includes(u))
    const groups = t.groups ?? []
    return [
      ...tokenProblems(t.token, `${at}.token`),
      ...(odd.length > 0 ? [invalid(`${at}.usages`, usages, `invalid bootstrap token usage string: ${[...new Set(odd)].sort().join(',')}, valid usage options: ${knownUsages.join(',')}`)] : []),
      ...(groups.length > 0 && !usages.includes('authentication') ? [invalid(`${at}.groups`, groups, 'token groups cannot be specified unless --usages includes "authentication"')] : []),
      ...groups.filter((g) => !groupPattern.test(g)).map((g) => invalid(`${at}.groups`, groups, `bootstrap group ${JSON.stringify(g)} is invalid (must match \\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\\z)`)),
      ...(t.expires !== undefined && t.ttl !== undefined ? [invalid(at, '', 'the BootstrapToken .TTL and .Expires fields are mutually exclusive')] : []),
    ]
  })
}

const argProblems = (args: readonly Arg[] | undefined, path: string) => (args ?? []).flatMap((a, i) => (a.name ? [] : [invalid(path, `index ${i}`, 'argument has no name')]))

function criSocketProblems(socket: string, path: string): string[] {
  if (socket === '') return [invalid(path, socket, 'empty CRI socket')]
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(socket)?.[1] ?? ''
  return scheme === 'unix' ? [] : [invalid(path, socket, `only URL scheme "unix" is supported, got ${JSON.stringify(scheme)}`)]
}

function nodeProblems(node: NodeRegistration, path = 'nodeRegistration'): string[] {
  return [
    ...(node.name === '' ? [required(path, "--node-name or .nodeRegistration.name in the config file is a required value. It seems like this value couldn't be automatically detected in your environment, please specify the desired value using the CLI or config file.")] : subdomain.test(node.name) ? [] : [invalid(`${path}.name`, node.name, subdomainProblem)]),
    ...criSocketProblems(node.criSocket, `${path}.criSocket`),
    ...argProblems(node.kubeletExtraArgs, `${path}.kubeletExtraArgs`),
    ...(['Always', 'IfNotPresent', 'Never', ''].includes(node.imagePullPolicy) ? [] : [invalid(`${path}.imagePullPolicy`, node.imagePullPolicy, 'invalid pull policy')]),
  ]
}

function endpointProblems(endpoint: { readonly advertiseAddress: string; readonly bindPort: number }, path: string): string[] {
  return [
    ...(isAddress(endpoint.advertiseAddress) ? [] : [invalid(`${path}.advertiseAddress`, endpoint.advertiseAddress, 'ip address is not valid')]),
    ...(endpoint.bindPort >= 1 && endpoint.bindPort <= 65535 ? [] : [invalid(`${path}.bindPort`, endpoint.bindPort, 'port number is not valid')]),
  ]
}

function keyProblems(key: string | undefined, path: string): string[] {
  if (key === undefined || key === '') return []
  const odd = [...key].find((c) => !/[0-9a-fA-F]/.test(c))
  if (odd !== undefined) return [invalid(path, key, `certificate key decoding error: encoding/hex: invalid byte: U+${odd.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${odd}'`)]
  if (key.length % 2 === 1) return [invalid(path, key, 'certificate key decoding error: encoding/hex: odd length hex string')]
  return key.length === 64 ? [] : [invalid(path, key, `invalid certificate key size ${key.length / 2}, the key must be an AES key of size 32`)]
}

const size = (cidr: { readonly length: number }) => 2 ** (32 - cidr.length)

function rangeProblems(text: string, least: number, path: string): string[] {
  const ranges = text.split(',').map((t) => parseCidr4(t))
  if (ranges.some((r) => r === undefined)) return [invalid(path, text, "couldn't parse subnet")]
  if (ranges.length > 1) return [invalid(path, text, 'expected one (IPv4 or IPv6) CIDR or two CIDRs from each family for dual-stack networking')]
  return ranges.filter((r) => size(r!) < least).map((r) => invalid(path, `${formatIpv4(r!.network)}/${r!.length}`, `subnet with ${size(r!)} address(es) is too small, the minimum is ${least}`))
}

function networkingProblems(c: ClusterConfiguration): string[] {
  const { dnsDomain, serviceSubnet, podSubnet } = c.networking
  const service = parseCidr4(serviceSubnet)
  const pods = podSubnet === undefined ? undefined : parseCidr4(podSubnet)
  const extra = (name: string) => c.controllerManager.extraArgs?.find((a) => a.name === name)?.value
  const mask = Number(extra('node-cidr-mask-size-ipv4') ?? 24)
  return [
    ...(subdomain.test(dnsDomain) ? [] : [invalid('networking.dnsDomain', dnsDomain, subdomainProblem)]),
    ...rangeProblems(serviceSubnet, 10, 'networking.serviceSubnet'),
    ...(service && service.length < 12 ? [invalid('networking.serviceSubnet', serviceSubnet, 'specified service subnet is too large; for 32-bit addresses, the mask must be >= 12')] : []),
    ...(podSubnet ? rangeProblems(podSubnet, 10, 'networking.podSubnet') : []),
    ...(pods && extra('allocate-node-cidrs') !== 'false'
      ? pods.length > mask
        ? [invalid('networking.podSubnet', podSubnet, `the size of pod subnet with mask ${pods.length} is smaller than the size of node subnet with mask ${mask}`)]
        : mask - pods.length > 16
          ? [invalid('networking.podSubnet', podSubnet, `pod subnet mask (${pods.length}) and node-mask (${mask}) difference is greater than 16`)]
          : []
      : []),
  ]
}

function sanProblems(names: readonly string[] | undefined, path: string): string[] {
  return (names ?? []).filter((n) => !subdomain.test(n) && !(n.startsWith('*.') && subdomain.test(n.slice(2))) && !isAddress(n)).map((n) => invalid(path, n, `altname is not a valid IP address, DNS label or a DNS label with subdomain wildcards: ${subdomainProblem}; ${wildcardProblem}`))
}

const pathProblems = (path: string, at: string) => (path.startsWith('/') ? [] : [invalid(at, path, 'path is not absolute')])
const repositoryProblems = (repository: string, at: string) => (/^[a-zA-Z0-9]([a-zA-Z0-9._-]*)(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/.test(repository) ? [] : [invalid(at, repository, 'invalid image repository format')])

function urlProblems(urls: readonly string[], https: boolean, path: string): string[] {
  return urls.flatMap((u) => {
    const scheme = /^([a-z]+):\/\//.exec(u)?.[1] ?? ''
    return [...(https && scheme !== 'https' ? [invalid(path, u, 'the URL must be using the HTTPS scheme')] : []), ...(scheme === '' ? [invalid(path, u, 'the URL without scheme is not allowed')] : [])]
  })
}

function etcdProblems({ local, external }: ClusterConfiguration['etcd']): string[] {
  if (local && external) return [invalid('etcd', '', '.Etcd.Local and .Etcd.External are mutually exclusive')]
  if (local) {
    return [
      ...pathProblems(local.dataDir, 'etcd.local.dataDir'), ...sanProblems(local.serverCertSANs, 'etcd.local.serverCertSANs'), ...sanProblems(local.peerCertSANs, 'etcd.local.peerCertSANs'),
      ...(local.imageRepository ? repositoryProblems(local.imageRepository, 'etcd.local.imageRepository') : []), ...argProblems(local.extraArgs, 'etcd.local.extraArgs'),
    ]
  }
  if (!external) return [invalid('etcd', '', 'either .Etcd.Local or .Etcd.External is required')]
  const { caFile = '', certFile = '', keyFile = '', endpoints = [], httpEndpoints = [] } = external
  return [
    ...((certFile === '') !== (keyFile === '') ? [invalid('etcd.external', '', 'either both or none of .Etcd.External.CertFile and .Etcd.External.KeyFile must be set')] : []),
    ...(certFile && keyFile && !caFile ? [invalid('etcd.external', '', 'setting .Etcd.External.CertFile and .Etcd.External.KeyFile requires .Etcd.External.CAFile')] : []),
    ...(endpoints.length === 0 ? [invalid('etcd.external.endpoints', '', 'at least one endpoint must be specified')] : urlProblems(endpoints, caFile !== '' || certFile !== '' || keyFile !== '', 'etcd.external.endpoints')),
    ...urlProblems(httpEndpoints, false, 'etcd.external.httpEndpoints'),
    ...([['caFile', caFile], ['certFile', certFile], ['keyFile', keyFile]] as const).flatMap(([name, path]) => (path ? pathProblems(path, `etcd.external.${name}`) : [])),
  ]
}

const algorithms = ['ECDSA-P256', 'ECDSA-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096']
export const featureGates: Readonly<Record<string, { readonly stage: string; readonly on: boolean }>> = {
  ControlPlaneKubeletLocalMode: { stage: 'GA', on: true }, NodeLocalCRISocket: { stage: 'BETA', on: true }, PublicKeysECDSA: { stage: 'DEPRECATED', on: false }, RootlessControlPlane: { stage: 'DEPRECATED', on: false },
}

/** host and port; throws what ParseHostPort says. */
export function splitHostPort(text: string): { readonly host: string; readonly port: string } {
  const m = /^(.*?)(?::(\d*))?$/.exec(text)!
  const [, host = '', port = ''] = m
  if (port !== '' && (Number(port) < 1 || Number(port) > 65535)) throw new Failure(`hostport ${text}: port ${port} must be a valid number between 1 and 65535, inclusive`)
  if (!isAddress(host) && !subdomain.test(host)) throw new Failure(`hostport ${text}: host '${host}' must be a valid IP address or a valid RFC-1123 DNS subdomain`)
  return { host, port }
}

export function clusterProblems(c: ClusterConfiguration): string[] {
  return [
    ...(c.dns.imageRepository ? repositoryProblems(c.dns.imageRepository, 'dns.imageRepository') : []),
    ...networkingProblems(c),
    ...sanProblems(c.apiServer.certSANs, 'apiServer.certSANs'),
    ...argProblems(c.apiServer.extraArgs, 'apiServer.extraArgs'),
    ...argProblems(c.controllerManager.extraArgs, 'controllerManager.extraArgs'),
    ...argProblems(c.scheduler.extraArgs, 'scheduler.extraArgs'),
    ...pathProblems(c.certificatesDir, 'certificatesDir'),
    ...Object.keys(c.featureGates ?? {}).filter((k) => featureGates[k] === undefined).map((k) => invalid('featureGates', c.featureGates, `${k} is not a valid feature name.`)),
    ...repositoryProblems(c.imageRepository, 'imageRepository'),
    ...etcdProblems(c.etcd),
    ...(algorithms.includes(c.encryptionAlgorithm) ? [] : [invalid('encryptionAlgorithm', c.encryptionAlgorithm, `Invalid encryption algorithm ${JSON.stringify(c.encryptionAlgorithm)}. Must be one of [${algorithms.join(' ')}]`)]),
  ]
}

export function initProblems(init: InitConfiguration, cluster: ClusterConfiguration): string[] {
  return [...nodeProblems(init.nodeRegistration), ...bootstrapTokenProblems(init.bootstrapTokens), ...clusterProblems(cluster), ...endpointProblems(init.localAPIEndpoint, 'localAPIEndpoint'), ...keyProblems(init.certificateKey, 'certificateKey')]
}

function missingPort(text: string): string | undefined {
  const colons = text.split(':').length - 1
  return colons === 0 ? `address ${text}: missing port in address` : colons > 1 && !text.startsWith('[') ? `address ${text}: too many colons in address` : undefined
}

export function joinProblems(join: JoinConfiguration, fs: FileSystem): string[] {
  const { bootstrapToken, file, tlsBootstrapToken = '' } = join.discovery
  const problems: string[] = []
  if (!bootstrapToken && !file) problems.push(invalid('discovery', '', 'bootstrapToken or file must be set'))
  if (bootstrapToken && file) problems.push(invalid('discovery', '', 'bootstrapToken and file cannot both be set'))
  if (bootstrapToken) {
    const at = 'discovery.bootstrapToken'
    if (bootstrapToken.apiServerEndpoint === '') problems.push(required(at, 'APIServerEndpoint is not set'))
    if ((bootstrapToken.caCertHashes ?? []).length === 0 && !bootstrapToken.unsafeSkipCAVerification) problems.push(invalid(`${at}.caCertHashes`, '', 'using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue'))
    problems.push(...tokenProblems(bootstrapToken.token, `${at}.token`))
    const why = missingPort(bootstrapToken.apiServerEndpoint)
    if (why) problems.push(invalid(`${at}.apiServerEndpoint`, bootstrapToken.apiServerEndpoint, bootstrapToken.apiServerEndpoint === '' ? 'missing port in address' : why))
    problems.push(...tokenProblems(tlsBootstrapToken, 'discovery.tlsBootstrapToken'))
  }
  if (file) {
    const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(file.kubeConfigPath)?.[1]
    if (scheme === undefined && !fs.exists(file.kubeConfigPath)) problems.push(invalid('discovery.file.kubeConfigPath', file.kubeConfigPath, 'not a valid HTTPS URL or a file on disk'))
    if (scheme !== undefined && scheme !== 'https') problems.push(invalid('discovery.file.kubeConfigPath', file.kubeConfigPath, 'if a URL is used, the scheme must be https'))
    if (tlsBootstrapToken !== '') problems.push(...tokenProblems(tlsBootstrapToken, 'discovery.tlsBootstrapToken'))
  }
  problems.push(...nodeProblems(join.nodeRegistration))
  if (join.controlPlane) problems.push(...endpointProblems(join.controlPlane.localAPIEndpoint, 'controlPlane.localAPIEndpoint'), ...keyProblems(join.controlPlane.certificateKey, 'controlPlane.certificateKey'))
  if (!join.caCertPath.startsWith('/') || !join.caCertPath.endsWith('.crt')) problems.push(invalid('caCertPath', join.caCertPath, 'the ca certificate path must be an absolute path'))
  return problems
}

const allowedBesideConfig = new Set(['config', 'ignore-preflight-errors', 'dry-run', 'kubeconfig', 'node-name', 'kubeconfig-dir', 'upload-certs', 'print-manifest', 'allow-missing-template-keys', 'output', 'show-managed-fields', 'print-join-command', 'rootfs', 'v', 'log-file', 'yes'])

/** `--config` and flags that say the same things do not go together. */
export function checkMixedArguments(changed: readonly string[]): void {
  if (!changed.includes('config')) return
  const mixed = changed.filter((n) => !allowedBesideConfig.has(n) && !n.startsWith('skip-')).sort()
  if (mixed.length > 0) throw new Failure(`can not mix '--config' with arguments [${mixed.join(' ')}]`)
}

export function ignoredErrors(flags: readonly string[], config: readonly string[] | undefined): string[] {
  const all = [...new Set([...(config ?? []), ...flags].map((n) => n.toLowerCase()))].sort()
  if (all.includes('all') && all.length > 1) throw new Failure(invalid('ignore-preflight-errors', all.join(','), "don't specify individual checks if 'all' is used"))
  return all
}

