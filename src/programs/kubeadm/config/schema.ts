/**
 * The fields of kubeadm's configuration kinds and what Go says of documents that do not fit: wrong types end the decoding, unknown fields are told together.
 * v1beta3 is there for `config migrate`. Kinds of components (kubelet, kube-proxy) are checked by the names of their fields only.
 */
export type Shape = 'string' | 'strings' | 'bool' | 'int' | 'int32' | 'duration' | 'flags' | 'arguments' | 'token' | 'any' | Struct | { readonly list: Struct }

export interface Struct {
  readonly type: string
  readonly fields: Readonly<Record<string, Shape>>
  /** Fields of an embedded struct: Go names that struct in its errors. */
  readonly embedded?: Readonly<Record<string, string>>
}

const struct = (type: string, fields: Readonly<Record<string, Shape>>, embedded: Readonly<Record<string, string>> = {}): Struct => ({ type, fields, embedded })
const each = (names: string, shape: Shape): Record<string, Shape> => Object.fromEntries(names.split(' ').map((n) => [n, shape]))

const meta = each('apiVersion kind', 'string')
const arg = struct('Arg', each('name value', 'string'))
const env = struct('EnvVar', { ...each('name value', 'string'), valueFrom: 'any' })
const volume = struct('HostPathMount', { ...each('name hostPath mountPath pathType', 'string'), readOnly: 'bool' })
const taint = struct('Taint', { ...each('key value effect', 'string'), timeAdded: 'any' })
const component = { extraArgs: { list: arg }, extraVolumes: { list: volume }, extraEnvs: { list: env } } satisfies Record<string, Shape>
const componentNames = Object.fromEntries(Object.keys(component).map((n) => [n, 'ControlPlaneComponent']))
const image = each('imageRepository imageTag', 'string')
const imageNames = { imageRepository: 'ImageMeta', imageTag: 'ImageMeta' }
const endpoint = struct('APIEndpoint', { advertiseAddress: 'string', bindPort: 'int32' })
const patches = struct('Patches', { directory: 'string' })
const timeouts = struct('Timeouts', each('controlPlaneComponentHealthCheck kubeletHealthCheck kubernetesAPICall etcdAPICall tlsBootstrap discovery upgradeManifests', 'duration'))
const token = struct('BootstrapToken', { token: 'token', description: 'string', ttl: 'duration', expires: 'string', usages: 'strings', groups: 'strings' })
const nodeRegistration = struct('NodeRegistrationOptions', { ...each('name criSocket imagePullPolicy', 'string'), taints: { list: taint }, kubeletExtraArgs: { list: arg }, ignorePreflightErrors: 'strings', imagePullSerial: 'bool' })
const externalEtcd = struct('ExternalEtcd', { ...each('endpoints httpEndpoints', 'strings'), ...each('caFile certFile keyFile', 'string') })
const localEtcd = struct('LocalEtcd', { ...image, dataDir: 'string', extraArgs: { list: arg }, extraEnvs: { list: env }, ...each('serverCertSANs peerCertSANs', 'strings') }, imageNames)
const discovery = struct('Discovery', {
  bootstrapToken: struct('BootstrapTokenDiscovery', { ...each('token apiServerEndpoint', 'string'), caCertHashes: 'strings', unsafeSkipCAVerification: 'bool' }),
  file: struct('FileDiscovery', { kubeConfigPath: 'string' }),
  tlsBootstrapToken: 'string',
})

const cluster = struct('ClusterConfiguration', {
  ...meta,
  etcd: struct('Etcd', { local: localEtcd, external: externalEtcd }),
  networking: struct('Networking', each('serviceSubnet podSubnet dnsDomain', 'string')),
  ...each('kubernetesVersion controlPlaneEndpoint certificatesDir imageRepository clusterName encryptionAlgorithm', 'string'),
  apiServer: struct('APIServer', { ...component, certSANs: 'strings' }, componentNames),
  controllerManager: struct('ControlPlaneComponent', component),
  scheduler: struct('ControlPlaneComponent', component),
  dns: struct('DNS', { ...image, disabled: 'bool' }, imageNames),
  proxy: struct('Proxy', { disabled: 'bool' }),
  featureGates: 'flags',
  ...each('certificateValidityPeriod caCertificateValidityPeriod', 'duration'),
})

const init = struct('InitConfiguration', {
  ...meta, bootstrapTokens: { list: token }, dryRun: 'bool', nodeRegistration, localAPIEndpoint: endpoint, certificateKey: 'string', skipPhases: 'strings', patches, timeouts,
})

const join = struct('JoinConfiguration', {
  ...meta, dryRun: 'bool', nodeRegistration, caCertPath: 'string', discovery, controlPlane: struct('JoinControlPlane', { localAPIEndpoint: endpoint, certificateKey: 'string' }), skipPhases: 'strings', patches, timeouts,
})

const reset = struct('ResetConfiguration', { ...meta, ...each('cleanupTmpDir dryRun force', 'bool'), ...each('certificatesDir criSocket', 'string'), ...each('ignorePreflightErrors skipPhases unmountFlags', 'strings'), timeouts })

const upgradeCommon = { ...each('dryRun etcdUpgrade', 'bool'), ignorePreflightErrors: 'strings' } satisfies Record<string, Shape>
const pulls = { imagePullPolicy: 'string', imagePullSerial: 'bool' } satisfies Record<string, Shape>
const upgrade = struct('UpgradeConfiguration', {
  ...meta,
  apply: struct('UpgradeApplyConfiguration', { ...upgradeCommon, ...pulls, kubernetesVersion: 'string', ...each('allowExperimentalUpgrades allowRCUpgrades certificateRenewal forceUpgrade printConfig', 'bool'), patches, skipPhases: 'strings' }),
  diff: struct('UpgradeDiffConfiguration', { kubernetesVersion: 'string', contextLines: 'int' }),
  node: struct('UpgradeNodeConfiguration', { ...upgradeCommon, ...pulls, certificateRenewal: 'bool', skipPhases: 'strings', patches }),
  plan: struct('UpgradePlanConfiguration', { ...upgradeCommon, kubernetesVersion: 'string', ...each('allowExperimentalUpgrades allowRCUpgrades printConfig', 'bool') }),
  timeouts,
})

/** v1beta3: extra arguments are maps, the control plane's timeout is the API server's, discovery has its own. */
const oldComponent = { extraArgs: 'arguments', extraVolumes: { list: volume } } satisfies Record<string, Shape>
const oldNode = struct('NodeRegistrationOptions', { ...nodeRegistration.fields, kubeletExtraArgs: 'arguments' })
const oldCluster = struct('ClusterConfiguration', {
  ...Object.fromEntries(Object.entries(cluster.fields).filter(([n]) => !['encryptionAlgorithm', 'proxy', 'certificateValidityPeriod', 'caCertificateValidityPeriod'].includes(n))),
  etcd: struct('Etcd', { local: struct('LocalEtcd', { ...image, dataDir: 'string', extraArgs: 'arguments', ...each('serverCertSANs peerCertSANs', 'strings') }, imageNames), external: externalEtcd }),
  apiServer: struct('APIServer', { ...oldComponent, certSANs: 'strings', timeoutForControlPlane: 'duration' }, componentNames),
  controllerManager: struct('ControlPlaneComponent', oldComponent),
  scheduler: struct('ControlPlaneComponent', oldComponent),
  dns: struct('DNS', image, imageNames),
})

export const kinds: Readonly<Record<string, Struct>> = {
  'kubeadm.k8s.io/v1beta4 ClusterConfiguration': cluster, 'kubeadm.k8s.io/v1beta4 InitConfiguration': init, 'kubeadm.k8s.io/v1beta4 JoinConfiguration': join, 'kubeadm.k8s.io/v1beta4 ResetConfiguration': reset, 'kubeadm.k8s.io/v1beta4 UpgradeConfiguration': upgrade,
  'kubeadm.k8s.io/v1beta3 ClusterConfiguration': oldCluster,
  'kubeadm.k8s.io/v1beta3 InitConfiguration': struct('InitConfiguration', { ...Object.fromEntries(Object.entries(init.fields).filter(([n]) => !['dryRun', 'timeouts'].includes(n))), nodeRegistration: oldNode }),
  'kubeadm.k8s.io/v1beta3 JoinConfiguration': struct('JoinConfiguration', { ...Object.fromEntries(Object.entries(join.fields).filter(([n]) => !['dryRun', 'timeouts'].includes(n))), nodeRegistration: oldNode, discovery: struct('Discovery', { ...discovery.fields, timeout: 'duration' }) }),
  'kubelet.config.k8s.io/v1beta1 KubeletConfiguration': struct('KubeletConfiguration', {}),
  'kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration': struct('KubeProxyConfiguration', {}),
}

const goName = (value: unknown): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value)

const scalars: Readonly<Record<string, { readonly fits: (v: unknown) => boolean; readonly type: string }>> = {
  string: { fits: (v) => typeof v === 'string', type: 'string' },
  token: { fits: (v) => typeof v === 'string', type: 'string' },
  duration: { fits: (v) => typeof v === 'string', type: 'string' },
  bool: { fits: (v) => typeof v === 'boolean', type: 'bool' },
  int: { fits: (v) => typeof v === 'number', type: 'int' },
  int32: { fits: (v) => typeof v === 'number', type: 'int32' },
  strings: { fits: (v) => Array.isArray(v), type: '[]string' },
  arguments: { fits: isObject, type: 'map[string]string' },
  flags: { fits: isObject, type: 'map[string]bool' },
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface Misfit {
  /** Ends the decoding. */
  readonly fatal?: string
  readonly unknown: readonly string[]
}

/** What does not fit. `version` is the Go package of the types (v1beta4). */
export function misfits(document: Readonly<Record<string, unknown>>, shape: Struct, version: string): Misfit {
  const unknown: string[] = []
  const visit = (value: Readonly<Record<string, unknown>>, own: Struct, path: readonly string[], root: string): string | undefined => {
    for (const [name, child] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const expected = own.fields[name]
      if (expected === undefined) {
        unknown.push([...path, name].join('.'))
        continue
      }
      if (child === null || expected === 'any') continue
      const embedded = own.embedded?.[name]
      const where = `${root}.${[...path.map((p) => p.replace(/\[\d+\]$/, '')), ...(embedded ? [embedded] : []), name].join('.')}`
      const bad = (type: string, what = goName(child)) => `json: cannot unmarshal ${what} into Go struct field ${where} of type ${type}`
      if (typeof expected === 'string') {
        const scalar = scalars[expected]!
        if (!scalar.fits(child)) return bad(scalar.type)
        if (expected === 'strings') {
          const odd = (child as unknown[]).find((c) => typeof c !== 'string')
          if (odd !== undefined) return bad('string', goName(odd))
        }
        if (expected === 'token' && !/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(child as string)) return `the bootstrap token ${JSON.stringify(child)} was not of the form "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"`
        continue
      }
      if ('list' in expected) {
        if (!Array.isArray(child)) return bad(`[]${version}.${expected.list.type}`)
        for (const [i, item] of child.entries()) {
          if (!isObject(item)) return bad(`${version}.${expected.list.type}`, goName(item))
          const wrong = visit(item, expected.list, [...path, `${name}[${i}]`], expected.list.type)
          if (wrong !== undefined) return wrong
        }
        continue
      }
      if (!isObject(child)) return bad(`${version}.${expected.type}`)
      const wrong = visit(child, expected, [...path, name], expected.type)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
  const fatal = visit(document, shape, [], shape.type)
  return { unknown: unknown.sort(), ...(fatal !== undefined ? { fatal } : {}) }
}
