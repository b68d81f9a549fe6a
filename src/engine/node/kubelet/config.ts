/** The kubelet's flags and its KubeletConfiguration file, as far as they change what it does; strict decoding with upstream's words. */
import { parseGoDuration } from '#base/duration.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import { decodeKubeletConfiguration, validateKubeletConfiguration } from './configuration-file.ts'

export interface KubeletFlags {
  readonly config: string
  readonly kubeconfig: string
  readonly bootstrapKubeconfig: string
  readonly hostnameOverride: string | undefined
  readonly nodeIp: string | undefined
  readonly containerRuntimeEndpoint: string | undefined
  readonly nodeLabels: string
  readonly registerWithTaints: string
  readonly failSwapOn: string | undefined
  readonly tlsCertFile: string | undefined
  readonly tlsPrivateKeyFile: string | undefined
}

export interface KubeletConfig {
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  readonly staticPodPath: string
  readonly resolvConf: string
  readonly maxPods: number
  readonly port: number
  readonly readOnlyPort: number
  readonly failSwapOn: boolean
  /** Authorities of those who may call the kubelet; '' for none. */
  readonly clientCaFile: string
  /** What the kubelet shows its callers; '' for its own. */
  readonly tlsCertFile: string
  readonly tlsPrivateKeyFile: string
  readonly containerRuntimeEndpoint: string
  readonly allowedUnsafeSysctls: readonly string[]
  /** ms */
  readonly syncFrequency: number
  readonly fileCheckFrequency: number
  readonly registerWithTaints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
}

const known = new Set([
  'config', 'kubeconfig', 'bootstrap-kubeconfig', 'hostname-override', 'node-ip', 'container-runtime-endpoint', 'node-labels', 'register-with-taints', 'pod-infra-container-image', 'v', 'fail-swap-on',
  'cgroup-driver', 'cluster-dns', 'cluster-domain', 'pod-manifest-path', 'max-pods', 'feature-gates', 'resolv-conf', 'register-node', 'root-dir', 'cert-dir', 'rotate-certificates', 'image-gc-high-threshold',
  'image-gc-low-threshold', 'eviction-hard', 'read-only-port', 'port', 'address', 'authorization-mode', 'client-ca-file', 'tls-cert-file', 'tls-private-key-file', 'runtime-cgroups', 'kubelet-cgroups', 'cloud-provider', 'logging-format',
])

/** What stops the kubelet at once; `message` is printed and the exit code is 1. */
export class KubeletFailure extends Error {}

export function parseFlags(argv: readonly string[]): KubeletFlags {
  const values = new Map<string, string>()
  for (let i = 1; i < argv.length; i++) {
    const match = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(argv[i]!)
    if (!match) throw new KubeletFailure(`unknown command ${JSON.stringify(argv[i])}`)
    const [, name = '', value] = match
    if (!known.has(name)) throw new KubeletFailure(`failed to parse kubelet flag: unknown flag: --${name}`)
    if (value !== undefined) values.set(name, value)
    else if (argv[i + 1] !== undefined && !argv[i + 1]!.startsWith('-')) values.set(name, argv[++i]!)
    else values.set(name, 'true')
  }
  return {
    config: values.get('config') ?? '',
    kubeconfig: values.get('kubeconfig') ?? '',
    bootstrapKubeconfig: values.get('bootstrap-kubeconfig') ?? '',
    hostnameOverride: values.get('hostname-override'),
    nodeIp: values.get('node-ip'),
    containerRuntimeEndpoint: values.get('container-runtime-endpoint'),
    nodeLabels: values.get('node-labels') ?? '',
    registerWithTaints: values.get('register-with-taints') ?? '',
    failSwapOn: values.get('fail-swap-on'),
    tlsCertFile: values.get('tls-cert-file'),
    tlsPrivateKeyFile: values.get('tls-private-key-file'),
  }
}

/** `lenient` is told why the file could not be read strictly. */
export function readConfig(fs: FileSystem, path: string, lenient: (why: string) => void): KubeletConfig {
  const failed = (why: string) => new KubeletFailure(`failed to load kubelet config file, path: ${path}, error: failed to load Kubelet config file ${path}, error ${why}`)
  let data: Record<string, unknown> = {}
  if (path !== '') {
    let text: string
    try {
      text = fs.readFile(path)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw failed(`failed to read kubelet config file "${path}", error: open ${path}: ${error.message.toLowerCase()}`)
    }
    if (text === '') throw failed(`kubelet config file ${JSON.stringify(path)} was empty`)
    const decoded = decodeKubeletConfiguration(text)
    if ('error' in decoded) throw failed(`failed to decode: ${decoded.error}`)
    if (decoded.lenient !== undefined) lenient(decoded.lenient)
    data = decoded.data
  }
  const wrong = validateKubeletConfiguration(data)
  if (wrong !== undefined) throw new KubeletFailure(`failed to validate kubelet configuration, error: ${wrong}, path: &TypeMeta{Kind:,APIVersion:,}`)
  const ca = ((data['authentication'] as { x509?: { clientCAFile?: string } } | undefined)?.x509?.clientCAFile) ?? ''
  const text = (key: string, fallback: string) => (typeof data[key] === 'string' ? (data[key] as string) : fallback)
  const number = (key: string, fallback: number) => (typeof data[key] === 'number' && data[key] !== 0 ? (data[key] as number) : fallback)
  const duration = (key: string, fallback: number) => {
    const value = data[key]
    const ms = typeof value === 'string' ? (parseGoDuration(value) ?? 0) : 0
    return ms > 0 ? ms : fallback
  }
  return {
    clusterDns: Array.isArray(data['clusterDNS']) ? (data['clusterDNS'] as string[]) : [],
    clusterDomain: text('clusterDomain', ''),
    staticPodPath: text('staticPodPath', ''),
    resolvConf: text('resolvConf', '/etc/resolv.conf'),
    maxPods: number('maxPods', 110),
    port: number('port', 10250),
    readOnlyPort: number('readOnlyPort', 0),
    failSwapOn: data['failSwapOn'] !== false,
    clientCaFile: ca,
    tlsCertFile: text('tlsCertFile', ''),
    tlsPrivateKeyFile: text('tlsPrivateKeyFile', ''),
    containerRuntimeEndpoint: text('containerRuntimeEndpoint', 'unix:///run/containerd/containerd.sock'),
    allowedUnsafeSysctls: Array.isArray(data['allowedUnsafeSysctls']) ? (data['allowedUnsafeSysctls'] as string[]) : [],
    syncFrequency: duration('syncFrequency', 60_000),
    fileCheckFrequency: duration('fileCheckFrequency', 20_000),
    registerWithTaints: Array.isArray(data['registerWithTaints']) ? (data['registerWithTaints'] as KubeletConfig['registerWithTaints'] & []) : [],
  }
}
