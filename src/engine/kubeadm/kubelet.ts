/** What kubeadm and its packages leave for the kubelet: configuration, flags, unit and drop-in (phases/kubelet, componentconfigs/kubelet, the deb packages). */
import { parseYaml } from '#base/yaml.ts'
import { serviceAddress } from './certificates.ts'
import { formatSorted, mergeArgs, type Arg, type ClusterConfiguration, type Taint } from './configuration.ts'

export const kubeletFolder = '/var/lib/kubelet'

const none = '0s'
const zeroText = { infoBufferSize: '0' }

/** The configuration of all kubelets of a cluster; the runtime's socket is each node's own business. `given` is a KubeletConfiguration document of the user. */
export function kubeletConfiguration(cluster: ClusterConfiguration, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    authentication: { anonymous: { enabled: false }, webhook: { cacheTTL: none, enabled: true }, x509: { clientCAFile: `${cluster.certificatesDir}/ca.crt` } },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: none, cacheUnauthorizedTTL: none } },
    cgroupDriver: 'systemd', clusterDNS: [serviceAddress(cluster, 10)], clusterDomain: cluster.networking.dnsDomain, containerRuntimeEndpoint: '', cpuManagerReconcilePeriod: none, crashLoopBackOff: {}, evictionPressureTransitionPeriod: none,
    fileCheckFrequency: none, healthzBindAddress: '127.0.0.1', healthzPort: 10248, httpCheckFrequency: none, imageMaximumGCAge: none, imageMinimumGCAge: none, kind: 'KubeletConfiguration',
    logging: { flushFrequency: 0, options: { json: zeroText, text: zeroText }, verbosity: 0 }, memorySwap: {}, nodeStatusReportFrequency: none, nodeStatusUpdateFrequency: none, rotateCertificates: true, runtimeRequestTimeout: none,
    shutdownGracePeriod: none, shutdownGracePeriodCriticalPods: none, staticPodPath: '/etc/kubernetes/manifests', streamingConnectionIdleTimeout: none, syncFrequency: none, volumeStatsAggPeriod: none,
    ...given,
  }
}

/** What the ConfigMap kubelet-config holds. */
export const kubeletConfigText = (configuration: Readonly<Record<string, unknown>>): string => formatSorted(configuration)

/** /var/lib/kubelet/config.yaml: the cluster's configuration with this node's socket. */
export const nodeKubeletConfig = (clusterText: string, criSocket: string): string => formatSorted({ ...(parseYaml(clusterText) as object), containerRuntimeEndpoint: criSocket })

export const instanceConfig = (criSocket: string): string => `containerRuntimeEndpoint: ${JSON.stringify(criSocket)}\n`

export interface KubeletFlags {
  readonly node: string
  readonly hostname: string
  readonly extra?: readonly Arg[]
  /** On a control plane that registers itself (join of a worker with taints too). */
  readonly taints?: readonly Taint[] | null | undefined
}

const taintText = (t: Taint) => `${t.key}${t.value ? `=${t.value}` : ''}:${t.effect}`

/** /var/lib/kubelet/kubeadm-flags.env */
export function kubeletFlagsFile({ node, hostname, extra, taints }: KubeletFlags): string {
  const base: Arg[] = [...(taints && taints.length > 0 ? [{ name: 'register-with-taints', value: taints.map(taintText).join(',') }] : []), ...(node === hostname ? [] : [{ name: 'hostname-override', value: node }])]
  return `KUBELET_KUBEADM_ARGS=${JSON.stringify(mergeArgs(base, extra).join(' '))}\n`
}

export const kubeletUnit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target containerd.service

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`

export const kubeletDropIn = `# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# This is a file that the user can use for overrides of the kubelet args as a last resort. Preferably, the user should use
# the .NodeRegistration.KubeletExtraArgs object in the configuration files instead. KUBELET_EXTRA_ARGS should be sourced from this file.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`
