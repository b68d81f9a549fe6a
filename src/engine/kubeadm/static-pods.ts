/**
 * The static pods of a control plane, from a ClusterConfiguration (phases/controlplane, phases/etcd, util/staticpod). Left out: IPv6 loopback addresses, rootless control planes,
 * proxy environment variables of the installer.
 */
import { formatSorted, mergeArgs, type ApiEndpoint, type Arg, type ClusterConfiguration, type HostPathMount } from './configuration.ts'
import { etcdImage, kubernetesImage } from './images.ts'

export interface StaticPodOptions {
  readonly cluster: ClusterConfiguration
  readonly endpoint: ApiEndpoint
  readonly node: string
  /** Directories of authorities that exist on the machine besides /etc/ssl/certs; see `authorityFolders`. */
  readonly folders?: readonly string[]
  /** Version of the kubeadm that writes. */
  readonly tool?: string
  /** Milliseconds that a component may take to become healthy. */
  readonly startup?: number
  /** Members of an etcd that another node has begun. */
  readonly members?: readonly { readonly name: string; readonly peerUrl: string }[]
  /** The authority's key is not on this machine: the controller manager can not sign. */
  readonly externalCa?: boolean
}

/** Mounted where the machine has them. */
export const authorityFolders: readonly string[] = ['/etc/pki/ca-trust', '/etc/pki/tls/certs', '/etc/ca-certificates', '/usr/share/ca-certificates', '/usr/local/share/ca-certificates']
const usualFolders = authorityFolders.slice(2)

export const manifestFolder = '/etc/kubernetes/manifests'
export const componentNames = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const
export type ComponentName = (typeof componentNames)[number] | 'etcd'

interface Probe {
  readonly host: string
  readonly port: number
  readonly scheme: 'HTTP' | 'HTTPS'
  readonly live: string
  readonly ready?: string
  readonly startup: string
}

interface Component {
  readonly image: string
  readonly command: readonly string[]
  readonly probe: Probe
  readonly requests: Readonly<Record<string, string>>
  readonly mounts: readonly HostPathMount[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly env?: readonly Readonly<Record<string, unknown>>[] | undefined
}

const args = (base: Readonly<Record<string, string>>, extra: readonly Arg[] | undefined): string[] => mergeArgs(Object.entries(base).map(([name, value]) => ({ name, value })), extra)
const mount = (name: string, path: string, readOnly = true, pathType = 'DirectoryOrCreate'): HostPathMount => ({ name, hostPath: path, mountPath: path, readOnly, pathType })
const argument = (list: readonly Arg[] | undefined, name: string): string | undefined => list?.filter((a) => a.name === name).at(-1)?.value

/** Later ones replace earlier ones of the same name. */
function unique(mounts: readonly HostPathMount[]): HostPathMount[] {
  return [...new Map(mounts.map((m) => [m.name, m])).values()]
}

function certificateMounts({ cluster, folders = usualFolders }: StaticPodOptions): HostPathMount[] {
  return [mount('k8s-certs', cluster.certificatesDir), mount('ca-certs', '/etc/ssl/certs'), ...folders.map((f) => mount(f.slice(1).replaceAll('/', '-'), f))]
}

const kubeconfigMount = (component: string) => mount('kubeconfig', `/etc/kubernetes/${component}.conf`, true, 'FileOrCreate')

function externalEtcdMounts({ cluster, folders = usualFolders }: StaticPodOptions): HostPathMount[] {
  const external = cluster.etcd.external
  if (!external) return []
  const known = [...folders, '/etc/ssl/certs', cluster.certificatesDir]
  const directories = [external.caFile, external.certFile, external.keyFile].filter((f) => f !== '').map((f) => f.slice(0, f.lastIndexOf('/'))).filter((d) => !known.some((k) => d.startsWith(k)))
  return [...new Set(directories)].sort().map((d, i) => mount(`etcd-certs-${i}`, d))
}

const clientUrl = (endpoint: ApiEndpoint) => `https://${endpoint.advertiseAddress}:2379`
const peerUrl = (endpoint: ApiEndpoint) => `https://${endpoint.advertiseAddress}:2380`

function apiServer(options: StaticPodOptions): Component {
  const { cluster, endpoint } = options
  const pki = cluster.certificatesDir
  const { external, local } = cluster.etcd
  const extra = cluster.apiServer.extraArgs
  const etcd: Record<string, string> = external
    ? { 'etcd-servers': external.endpoints.join(','), ...(external.caFile ? { 'etcd-cafile': external.caFile } : {}), ...(external.certFile && external.keyFile ? { 'etcd-certfile': external.certFile, 'etcd-keyfile': external.keyFile } : {}) }
    : { 'etcd-servers': argument(local?.extraArgs, 'advertise-client-urls') ?? 'https://127.0.0.1:2379', 'etcd-cafile': `${pki}/etcd/ca.crt`, 'etcd-certfile': `${pki}/apiserver-etcd-client.crt`, 'etcd-keyfile': `${pki}/apiserver-etcd-client.key` }
  const modes = (argument(extra, 'authorization-mode') ?? '').split(',').filter((m) => ['Node', 'RBAC', 'Webhook', 'ABAC', 'AlwaysAllow', 'AlwaysDeny'].includes(m))
  return {
    image: kubernetesImage(cluster, 'kube-apiserver'),
    requests: { cpu: '250m' },
    annotations: { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${endpoint.advertiseAddress}:${endpoint.bindPort}` },
    probe: { host: endpoint.advertiseAddress, port: endpoint.bindPort, scheme: 'HTTPS', live: '/livez', ready: '/readyz', startup: '/livez' },
    mounts: [...certificateMounts(options), ...externalEtcdMounts(options), ...(cluster.apiServer.extraVolumes ?? [])],
    env: cluster.apiServer.extraEnvs,
    command: ['kube-apiserver', ...args({
      'advertise-address': endpoint.advertiseAddress, 'allow-privileged': 'true', ...(argument(extra, 'authorization-config') === undefined ? { 'authorization-mode': modes.length > 0 ? modes.join(',') : 'Node,RBAC' } : {}),
      'client-ca-file': `${pki}/ca.crt`, 'enable-admission-plugins': 'NodeRestriction', 'enable-bootstrap-token-auth': 'true', ...etcd,
      'kubelet-client-certificate': `${pki}/apiserver-kubelet-client.crt`, 'kubelet-client-key': `${pki}/apiserver-kubelet-client.key`, 'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
      'proxy-client-cert-file': `${pki}/front-proxy-client.crt`, 'proxy-client-key-file': `${pki}/front-proxy-client.key`, 'requestheader-allowed-names': 'front-proxy-client', 'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-', 'requestheader-group-headers': 'X-Remote-Group', 'requestheader-username-headers': 'X-Remote-User', 'secure-port': String(endpoint.bindPort),
      'service-account-issuer': `https://kubernetes.default.svc.${cluster.networking.dnsDomain}`, 'service-account-key-file': `${pki}/sa.pub`, 'service-account-signing-key-file': `${pki}/sa.key`,
      'service-cluster-ip-range': cluster.networking.serviceSubnet, 'tls-cert-file': `${pki}/apiserver.crt`, 'tls-private-key-file': `${pki}/apiserver.key`,
    }, extra)],
  }
}

function controllerManager(options: StaticPodOptions): Component {
  const { cluster } = options
  const pki = cluster.certificatesDir
  const extra = cluster.controllerManager.extraArgs
  const kubeconfig = '/etc/kubernetes/controller-manager.conf'
  const { podSubnet, serviceSubnet } = cluster.networking
  return {
    image: kubernetesImage(cluster, 'kube-controller-manager'),
    requests: { cpu: '200m' },
    probe: { host: argument(extra, 'bind-address') ?? '127.0.0.1', port: 10257, scheme: 'HTTPS', live: '/healthz', startup: '/healthz' },
    mounts: [...certificateMounts(options), kubeconfigMount('controller-manager'), mount('flexvolume-dir', argument(extra, 'flex-volume-plugin-dir') ?? '/usr/libexec/kubernetes/kubelet-plugins/volume/exec', false), ...(cluster.controllerManager.extraVolumes ?? [])],
    env: cluster.controllerManager.extraEnvs,
    command: ['kube-controller-manager', ...args({
      'authentication-kubeconfig': kubeconfig, 'authorization-kubeconfig': kubeconfig, 'bind-address': '127.0.0.1', 'client-ca-file': `${pki}/ca.crt`, ...(cluster.clusterName ? { 'cluster-name': cluster.clusterName } : {}),
      'cluster-signing-cert-file': options.externalCa ? '' : `${pki}/ca.crt`, 'cluster-signing-key-file': options.externalCa ? '' : `${pki}/ca.key`, controllers: '*,bootstrapsigner,tokencleaner', kubeconfig, 'leader-elect': 'true',
      'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`, 'root-ca-file': `${pki}/ca.crt`, 'service-account-private-key-file': `${pki}/sa.key`, 'use-service-account-credentials': 'true',
      ...(podSubnet ? { 'allocate-node-cidrs': 'true', 'cluster-cidr': podSubnet, ...(serviceSubnet ? { 'service-cluster-ip-range': serviceSubnet } : {}) } : {}),
    }, extra)],
  }
}

function scheduler({ cluster }: StaticPodOptions): Component {
  const extra = cluster.scheduler.extraArgs
  const kubeconfig = '/etc/kubernetes/scheduler.conf'
  return {
    image: kubernetesImage(cluster, 'kube-scheduler'),
    requests: { cpu: '100m' },
    probe: { host: argument(extra, 'bind-address') ?? '127.0.0.1', port: 10259, scheme: 'HTTPS', live: '/livez', ready: '/readyz', startup: '/livez' },
    mounts: [kubeconfigMount('scheduler'), ...(cluster.scheduler.extraVolumes ?? [])],
    env: cluster.scheduler.extraEnvs,
    command: ['kube-scheduler', ...args({ 'authentication-kubeconfig': kubeconfig, 'authorization-kubeconfig': kubeconfig, 'bind-address': '127.0.0.1', kubeconfig, 'leader-elect': 'true' }, extra)],
  }
}

function etcd({ cluster, endpoint, node, tool, members = [] }: StaticPodOptions): Component {
  const pki = `${cluster.certificatesDir}/etcd`
  const own = cluster.etcd.local!
  const image = etcdImage(cluster, tool)
  const [, major = '3', minor = '6'] = /:v?(\d+)\.(\d+)/.exec(image) ?? []
  const modern = Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 6)
  return {
    image,
    requests: { cpu: '100m', memory: '100Mi' },
    annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': clientUrl(endpoint) },
    probe: { host: '127.0.0.1', port: 2381, scheme: 'HTTP', live: '/livez', ready: '/readyz', startup: '/readyz' },
    mounts: [mount('etcd-data', own.dataDir, false), mount('etcd-certs', pki, false)],
    env: own.extraEnvs,
    command: ['etcd', ...args({
      'advertise-client-urls': clientUrl(endpoint), 'cert-file': `${pki}/server.crt`, 'client-cert-auth': 'true', 'data-dir': own.dataDir, 'initial-advertise-peer-urls': peerUrl(endpoint), 'key-file': `${pki}/server.key`,
      ...(members.length > 0 ? { 'initial-cluster': members.map((m) => `${m.name}=${m.peerUrl}`).join(','), 'initial-cluster-state': 'existing' } : { 'initial-cluster': `${node}=${peerUrl(endpoint)}` }),
      'listen-client-urls': `https://127.0.0.1:2379,${clientUrl(endpoint)}`, 'listen-metrics-urls': 'http://127.0.0.1:2381', 'listen-peer-urls': peerUrl(endpoint), name: node, 'peer-cert-file': `${pki}/peer.crt`, 'peer-client-cert-auth': 'true',
      'peer-key-file': `${pki}/peer.key`, 'peer-trusted-ca-file': `${pki}/ca.crt`, 'snapshot-count': '10000', 'trusted-ca-file': `${pki}/ca.crt`,
      ...(modern ? { 'feature-gates': 'InitialCorruptCheck=true', 'watch-progress-notify-interval': '5s' } : { 'experimental-initial-corrupt-check': 'true', 'experimental-watch-progress-notify-interval': '5s' }),
    }, own.extraArgs)],
  }
}

const makers: Readonly<Record<ComponentName, (options: StaticPodOptions) => Component>> = { 'kube-apiserver': apiServer, 'kube-controller-manager': controllerManager, 'kube-scheduler': scheduler, etcd }

/** Ten seconds between two tries of the startup probe. */
const startupPeriod = 10_000

function podOf(name: string, c: Component, startup: number): object {
  const get = (path: string) => ({ host: c.probe.host, path, port: 'probe-port', scheme: c.probe.scheme })
  const byName = unique(c.mounts).sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...(c.annotations ? { annotations: c.annotations } : {}), labels: { component: name, tier: 'control-plane' }, name, namespace: 'kube-system' },
    spec: {
      containers: [
        {
          command: c.command,
          ...(c.env && c.env.length > 0 ? { env: c.env } : {}),
          image: c.image,
          imagePullPolicy: 'IfNotPresent',
          livenessProbe: { failureThreshold: 8, httpGet: get(c.probe.live), initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15 },
          name,
          ports: [{ containerPort: c.probe.port, name: 'probe-port', protocol: 'TCP' }],
          ...(c.probe.ready ? { readinessProbe: { failureThreshold: 3, httpGet: get(c.probe.ready), periodSeconds: 1, timeoutSeconds: 15 } } : {}),
          resources: { requests: c.requests },
          startupProbe: { failureThreshold: Math.ceil(startup / startupPeriod), httpGet: get(c.probe.startup), initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15 },
          volumeMounts: (name === 'etcd' ? unique(c.mounts) : byName).map((m) => ({ mountPath: m.mountPath, name: m.name, ...(m.readOnly ? { readOnly: true } : {}) })),
        },
      ],
      hostNetwork: true,
      priority: 2000001000,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      volumes: byName.map((m) => ({ hostPath: { path: m.hostPath, ...(m.pathType !== undefined ? { type: m.pathType } : {}) }, name: m.name })),
    },
    status: {},
  }
}

export function staticPod(name: ComponentName, options: StaticPodOptions): object {
  return podOf(name, makers[name](options), options.startup ?? 240_000)
}

/** The text of a file below the manifest folder. */
export const formatStaticPod = (pod: object): string => formatSorted(pod)

export const staticPodText = (name: ComponentName, options: StaticPodOptions): string => formatStaticPod(staticPod(name, options))

