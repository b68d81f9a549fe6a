/**
 * kubeadm's configuration kinds (kubeadm.k8s.io/v1beta4): types, defaults and the written form. Models cmd/kubeadm/app/apis/kubeadm/v1beta4.
 * Durations are Go's texts. Defaults that need the machine (name, address, version from the internet) are filled in by the program.
 */
import { emitYaml } from '#base/go-yaml/emit.ts'

export interface Arg {
  readonly name: string
  readonly value: string
}

export interface HostPathMount {
  readonly name: string
  readonly hostPath: string
  readonly mountPath: string
  readonly readOnly?: boolean
  readonly pathType?: string
}

export interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: string
}

export interface ControlPlaneComponent {
  extraArgs?: readonly Arg[]
  extraVolumes?: readonly HostPathMount[]
  extraEnvs?: readonly Readonly<Record<string, unknown>>[]
}

export interface ClusterConfiguration {
  apiServer: ControlPlaneComponent & { certSANs?: readonly string[] }
  caCertificateValidityPeriod: string
  certificateValidityPeriod: string
  certificatesDir: string
  clusterName: string
  controlPlaneEndpoint?: string
  controllerManager: ControlPlaneComponent
  dns: { imageRepository?: string; imageTag?: string; disabled?: boolean }
  encryptionAlgorithm: string
  etcd: {
    local?: { imageRepository?: string; imageTag?: string; dataDir: string; extraArgs?: readonly Arg[]; extraEnvs?: readonly Readonly<Record<string, unknown>>[]; serverCertSANs?: readonly string[]; peerCertSANs?: readonly string[] }
    external?: { endpoints: readonly string[]; httpEndpoints?: readonly string[]; caFile: string; certFile: string; keyFile: string }
  }
  featureGates?: Readonly<Record<string, boolean>>
  imageRepository: string
  kubernetesVersion: string
  networking: { dnsDomain: string; podSubnet?: string; serviceSubnet: string }
  proxy: { disabled?: boolean }
  scheduler: ControlPlaneComponent
}

export interface ApiEndpoint {
  advertiseAddress: string
  bindPort: number
}

export interface NodeRegistration {
  criSocket: string
  ignorePreflightErrors?: readonly string[]
  imagePullPolicy: string
  imagePullSerial: boolean
  kubeletExtraArgs?: readonly Arg[]
  name: string
  taints?: readonly Taint[] | null
}

export interface BootstrapToken {
  description?: string
  expires?: string
  groups?: readonly string[]
  token: string
  ttl?: string
  usages?: readonly string[]
}

export interface InitConfiguration {
  bootstrapTokens: BootstrapToken[]
  certificateKey?: string
  dryRun?: boolean
  localAPIEndpoint: ApiEndpoint
  nodeRegistration: NodeRegistration
  patches?: { directory?: string }
  skipPhases?: readonly string[]
  timeouts: Readonly<Record<string, string>>
}

export interface JoinConfiguration {
  caCertPath: string
  controlPlane?: { certificateKey?: string; localAPIEndpoint: ApiEndpoint }
  discovery: {
    bootstrapToken?: { apiServerEndpoint: string; caCertHashes?: readonly string[]; token: string; unsafeSkipCAVerification?: boolean }
    file?: { kubeConfigPath: string }
    tlsBootstrapToken?: string
  }
  dryRun?: boolean
  nodeRegistration: NodeRegistration
  patches?: { directory?: string }
  skipPhases?: readonly string[]
  timeouts: Readonly<Record<string, string>>
}

export const configVersion = 'kubeadm.k8s.io/v1beta4'

export const defaultTimeouts: Readonly<Record<string, string>> = {
  controlPlaneComponentHealthCheck: '4m0s', discovery: '5m0s', etcdAPICall: '2m0s', kubeletHealthCheck: '4m0s', kubernetesAPICall: '1m0s', tlsBootstrap: '5m0s', upgradeManifests: '5m0s',
}

export const controlPlaneTaint: Taint = { effect: 'NoSchedule', key: 'node-role.kubernetes.io/control-plane' }
export const defaultCriSocket = 'unix:///var/run/containerd/containerd.sock'
export const defaultNodeGroup = 'system:bootstrappers:kubeadm:default-node-token'
export const defaultBindPort = 6443

export const defaultToken = (token: string): BootstrapToken => ({ groups: [defaultNodeGroup], token, ttl: '24h0m0s', usages: ['signing', 'authentication'] })

export function defaultClusterConfiguration(version: string): ClusterConfiguration {
  return {
    apiServer: {}, caCertificateValidityPeriod: '87600h0m0s', certificateValidityPeriod: '8760h0m0s', certificatesDir: '/etc/kubernetes/pki', clusterName: 'kubernetes', controllerManager: {}, dns: {}, encryptionAlgorithm: 'RSA-2048',
    etcd: { local: { dataDir: '/var/lib/etcd' } }, imageRepository: 'registry.k8s.io', kubernetesVersion: version, networking: { dnsDomain: 'cluster.local', serviceSubnet: '10.96.0.0/12' }, proxy: {}, scheduler: {},
  }
}

/** `taints` left out: the program adds the control plane's. */
export const defaultNodeRegistration = (name: string, taints: readonly Taint[] | null = null): NodeRegistration => ({ criSocket: defaultCriSocket, imagePullPolicy: 'IfNotPresent', imagePullSerial: true, name, taints })

/** As sigs.k8s.io/yaml writes a struct: members in the order of their names, undefined ones left out. */
export const formatSorted = (value: unknown): string => emitYaml(value)

/** A configuration document as `kubeadm config` prints and ConfigMaps hold it. */
export function formatConfiguration(kind: string, value: object, apiVersion = configVersion): string {
  return formatSorted({ ...value, apiVersion, kind })
}

/** `node:6443` of the control plane: its endpoint, or the address that the local API server advertises. */
export function controlPlaneHost(cluster: ClusterConfiguration, endpoint: ApiEndpoint): string {
  if (cluster.controlPlaneEndpoint === undefined || cluster.controlPlaneEndpoint === '') return `${endpoint.advertiseAddress}:${endpoint.bindPort}`
  return /:\d+$/.test(cluster.controlPlaneEndpoint) ? cluster.controlPlaneEndpoint : `${cluster.controlPlaneEndpoint}:${endpoint.bindPort}`
}

/** The base arguments in the order of their names, without those that are given again, then those given. */
export function mergeArgs(base: readonly Arg[], overrides: readonly Arg[] = []): string[] {
  const given = new Set(overrides.map((a) => a.name))
  const kept = base.filter((a) => !given.has(a.name)).sort((a, b) => (a.name === b.name ? (a.value < b.value ? -1 : 1) : a.name < b.name ? -1 : 1))
  return [...kept, ...overrides].map((a) => `--${a.name}=${a.value}`)
}
