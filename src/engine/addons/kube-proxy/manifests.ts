/** kube-proxy's objects as `kubeadm init phase addon kube-proxy` makes them (v1.35): account, ConfigMap with the component's configuration, DaemonSet. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRoleBinding, fieldEnv, hostPath, mount, object, rbacRule, serviceAccount } from '../object.ts'

export interface KubeProxyManifestOptions {
  readonly version?: string
  readonly clusterCidr: string
  /** `https://172.30.1.2:6443`. */
  readonly apiServer: string
  /** '' lets kube-proxy choose (iptables). */
  readonly mode?: string
}

/** config.conf as kubeadm writes it: every field, zero values included. */
export function kubeProxyConfig(clusterCidr: string, mode = ''): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: ${clusterCidr}
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
kind: KubeProxyConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
metricsBindAddress: ""
mode: "${mode}"
nftables:
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel:
  enableDSR: false
  forwardHealthCheckVip: false
  networkName: ""
  rootHnsEndpointName: ""
  sourceVip: ""`
}

const kubeconfig = (server: string) => `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: ${server}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token`

export function kubeProxyManifests(options: KubeProxyManifestOptions): KubeObject[] {
  const labels = { 'k8s-app': 'kube-proxy' }
  const namespace = 'kube-system'
  return [
    serviceAccount('kube-proxy', namespace),
    clusterRoleBinding('kubeadm:node-proxier', 'system:node-proxier', 'kube-proxy', namespace),
    object('rbac.authorization.k8s.io/v1', 'Role', 'kube-proxy', namespace, { rules: [rbacRule('', 'configmaps', 'get', 'kube-proxy')] }),
    object('rbac.authorization.k8s.io/v1', 'RoleBinding', 'kube-proxy', namespace, {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'kube-proxy' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' }],
    }),
    object('v1', 'ConfigMap', 'kube-proxy', namespace, { data: { 'config.conf': kubeProxyConfig(options.clusterCidr, options.mode), 'kubeconfig.conf': kubeconfig(options.apiServer) } }, { labels: { app: 'kube-proxy' } }),
    object('apps/v1', 'DaemonSet', 'kube-proxy', namespace, {
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate' },
        template: {
          metadata: { labels },
          spec: {
            priorityClassName: 'system-node-critical',
            containers: [{
              name: 'kube-proxy', image: `registry.k8s.io/kube-proxy:${options.version ?? 'v1.35.4'}`, imagePullPolicy: 'IfNotPresent',
              command: ['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf', '--hostname-override=$(NODE_NAME)'],
              securityContext: { privileged: true },
              volumeMounts: [mount('kube-proxy', '/var/lib/kube-proxy'), mount('xtables-lock', '/run/xtables.lock'), mount('lib-modules', '/lib/modules', true)],
              env: [fieldEnv('NODE_NAME', 'spec.nodeName')],
            }],
            hostNetwork: true,
            serviceAccountName: 'kube-proxy',
            volumes: [{ name: 'kube-proxy', configMap: { name: 'kube-proxy' } }, hostPath('xtables-lock', '/run/xtables.lock', 'FileOrCreate'), hostPath('lib-modules', '/lib/modules')],
            tolerations: [{ operator: 'Exists' }],
            nodeSelector: { 'kubernetes.io/os': 'linux' },
          },
        },
      },
    }, { labels }),
  ]
}
