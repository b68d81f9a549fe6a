/** The files that kubeadm writes on a control plane node and on every node: static pod manifests, kubelet configuration, unit files. */
import { formatYaml } from '#base/yaml.ts'
import type { ClusterSpec } from './spec.ts'

interface Mount {
  readonly name: string
  readonly path: string
  readonly readOnly?: boolean
  readonly type?: string
}

const certificates: readonly Mount[] = [
  { name: 'ca-certs', path: '/etc/ssl/certs', readOnly: true },
  { name: 'etc-ca-certificates', path: '/etc/ca-certificates', readOnly: true },
  { name: 'k8s-certs', path: '/etc/kubernetes/pki', readOnly: true },
  { name: 'usr-local-share-ca-certificates', path: '/usr/local/share/ca-certificates', readOnly: true },
  { name: 'usr-share-ca-certificates', path: '/usr/share/ca-certificates', readOnly: true },
]

interface Component {
  readonly name: string
  readonly image: string
  readonly command: readonly string[]
  readonly port: number
  readonly host: string
  readonly scheme: 'HTTP' | 'HTTPS'
  readonly live: string
  readonly ready?: string
  readonly startup: string
  readonly requests: Readonly<Record<string, string>>
  readonly mounts: readonly Mount[]
  readonly annotations?: Readonly<Record<string, string>>
}

function podOf(c: Component): string {
  const get = (path: string) => ({ host: c.host, path, port: 'probe-port', scheme: c.scheme })
  return formatYaml({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...(c.annotations ? { annotations: c.annotations } : {}), labels: { component: c.name, tier: 'control-plane' }, name: c.name, namespace: 'kube-system' },
    spec: {
      containers: [
        {
          command: c.command,
          image: c.image,
          imagePullPolicy: 'IfNotPresent',
          livenessProbe: { failureThreshold: 8, httpGet: get(c.live), initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15 },
          name: c.name,
          ports: [{ containerPort: c.port, name: 'probe-port', protocol: 'TCP' }],
          ...(c.ready ? { readinessProbe: { failureThreshold: 3, httpGet: get(c.ready), periodSeconds: 1, timeoutSeconds: 15 } } : {}),
          resources: { requests: c.requests },
          startupProbe: { failureThreshold: 24, httpGet: get(c.startup), initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15 },
          volumeMounts: c.mounts.map((m) => ({ mountPath: m.path, name: m.name, ...(m.readOnly ? { readOnly: true } : {}) })),
        },
      ],
      hostNetwork: true,
      priority: 2000001000,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      volumes: [...c.mounts].sort((a, b) => (a.name < b.name ? -1 : 1)).map((m) => ({ hostPath: { path: m.path, type: m.type ?? 'DirectoryOrCreate' }, name: m.name })),
    },
    status: {},
  })
}

/** File name → text below /etc/kubernetes/manifests. */
export function staticPodManifests(spec: ClusterSpec, node: { readonly name: string; readonly address: string }): Map<string, string> {
  const { version } = spec
  const { address, name } = node
  const pki = '/etc/kubernetes/pki'
  const kubeconfig = (component: string): Mount => ({ name: 'kubeconfig', path: `/etc/kubernetes/${component}.conf`, readOnly: true, type: 'FileOrCreate' })
  const components: Component[] = [
    {
      name: 'etcd', image: 'registry.k8s.io/etcd:3.6.6-0', port: 2381, host: '127.0.0.1', scheme: 'HTTP', live: '/livez', ready: '/readyz', startup: '/readyz',
      requests: { cpu: '100m', memory: '100Mi' },
      annotations: { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': `https://${address}:2379` },
      mounts: [{ name: 'etcd-data', path: '/var/lib/etcd' }, { name: 'etcd-certs', path: `${pki}/etcd` }],
      command: [
        'etcd', `--advertise-client-urls=https://${address}:2379`, `--cert-file=${pki}/etcd/server.crt`, '--client-cert-auth=true', '--data-dir=/var/lib/etcd', '--feature-gates=InitialCorruptCheck=true',
        `--initial-advertise-peer-urls=https://${address}:2380`, `--initial-cluster=${name}=https://${address}:2380`, `--key-file=${pki}/etcd/server.key`, `--listen-client-urls=https://127.0.0.1:2379,https://${address}:2379`,
        '--listen-metrics-urls=http://127.0.0.1:2381', `--listen-peer-urls=https://${address}:2380`, `--name=${name}`, `--peer-cert-file=${pki}/etcd/peer.crt`, '--peer-client-cert-auth=true', `--peer-key-file=${pki}/etcd/peer.key`,
        `--peer-trusted-ca-file=${pki}/etcd/ca.crt`, '--snapshot-count=10000', `--trusted-ca-file=${pki}/etcd/ca.crt`, '--watch-progress-notify-interval=5s',
      ],
    },
    {
      name: 'kube-apiserver', image: `registry.k8s.io/kube-apiserver:${version}`, port: 6443, host: address, scheme: 'HTTPS', live: '/livez', ready: '/readyz', startup: '/livez',
      requests: { cpu: '250m' },
      annotations: { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${address}:6443` },
      mounts: certificates,
      command: [
        'kube-apiserver', `--advertise-address=${address}`, '--allow-privileged=true', '--authorization-mode=Node,RBAC', `--client-ca-file=${pki}/ca.crt`, '--enable-admission-plugins=NodeRestriction', '--enable-bootstrap-token-auth=true',
        `--etcd-cafile=${pki}/etcd/ca.crt`, `--etcd-certfile=${pki}/apiserver-etcd-client.crt`, `--etcd-keyfile=${pki}/apiserver-etcd-client.key`, '--etcd-servers=https://127.0.0.1:2379',
        `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`, `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`, '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname',
        `--proxy-client-cert-file=${pki}/front-proxy-client.crt`, `--proxy-client-key-file=${pki}/front-proxy-client.key`, '--requestheader-allowed-names=front-proxy-client', `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
        '--requestheader-extra-headers-prefix=X-Remote-Extra-', '--requestheader-group-headers=X-Remote-Group', '--requestheader-username-headers=X-Remote-User', '--secure-port=6443',
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local', `--service-account-key-file=${pki}/sa.pub`, `--service-account-signing-key-file=${pki}/sa.key`, `--service-cluster-ip-range=${spec.serviceCidr}`,
        `--tls-cert-file=${pki}/apiserver.crt`, `--tls-private-key-file=${pki}/apiserver.key`,
      ],
    },
    {
      name: 'kube-controller-manager', image: `registry.k8s.io/kube-controller-manager:${version}`, port: 10257, host: '127.0.0.1', scheme: 'HTTPS', live: '/healthz', startup: '/healthz',
      requests: { cpu: '200m' },
      mounts: [...certificates.slice(0, 2), { name: 'flexvolume-dir', path: '/usr/libexec/kubernetes/kubelet-plugins/volume/exec' }, certificates[2]!, kubeconfig('controller-manager'), ...certificates.slice(3)],
      command: [
        'kube-controller-manager', '--allocate-node-cidrs=true', '--authentication-kubeconfig=/etc/kubernetes/controller-manager.conf', '--authorization-kubeconfig=/etc/kubernetes/controller-manager.conf', '--bind-address=127.0.0.1',
        `--client-ca-file=${pki}/ca.crt`, `--cluster-cidr=${spec.podCidr}`, '--cluster-name=kubernetes', `--cluster-signing-cert-file=${pki}/ca.crt`, `--cluster-signing-key-file=${pki}/ca.key`, '--controllers=*,bootstrapsigner,tokencleaner',
        '--kubeconfig=/etc/kubernetes/controller-manager.conf', '--leader-elect=true', `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`, `--root-ca-file=${pki}/ca.crt`, `--service-account-private-key-file=${pki}/sa.key`,
        `--service-cluster-ip-range=${spec.serviceCidr}`, '--use-service-account-credentials=true',
      ],
    },
    {
      name: 'kube-scheduler', image: `registry.k8s.io/kube-scheduler:${version}`, port: 10259, host: '127.0.0.1', scheme: 'HTTPS', live: '/livez', ready: '/readyz', startup: '/livez',
      requests: { cpu: '100m' },
      mounts: [kubeconfig('scheduler')],
      command: [
        'kube-scheduler', '--authentication-kubeconfig=/etc/kubernetes/scheduler.conf', '--authorization-kubeconfig=/etc/kubernetes/scheduler.conf', '--bind-address=127.0.0.1', '--kubeconfig=/etc/kubernetes/scheduler.conf', '--leader-elect=true',
      ],
    },
  ]
  return new Map(components.map((c) => [`${c.name}.yaml`, podOf(c)]))
}

export function kubeletConfig(spec: ClusterSpec): string {
  return formatYaml({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    authentication: { anonymous: { enabled: false }, webhook: { cacheTTL: '0s', enabled: true }, x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' } },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '0s', cacheUnauthorizedTTL: '0s' } },
    cgroupDriver: 'systemd',
    clusterDNS: [spec.dnsIp],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: 'unix:///var/run/containerd/containerd.sock',
    cpuManagerReconcilePeriod: '0s',
    crashLoopBackOff: {},
    evictionPressureTransitionPeriod: '0s',
    fileCheckFrequency: '0s',
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    httpCheckFrequency: '0s',
    imageMaximumGCAge: '0s',
    imageMinimumGCAge: '0s',
    kind: 'KubeletConfiguration',
    logging: { flushFrequency: 0, options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } }, verbosity: 0 },
    memorySwap: {},
    nodeStatusReportFrequency: '0s',
    nodeStatusUpdateFrequency: '0s',
    rotateCertificates: true,
    runtimeRequestTimeout: '0s',
    shutdownGracePeriod: '0s',
    shutdownGracePeriodCriticalPods: '0s',
    staticPodPath: '/etc/kubernetes/manifests',
    streamingConnectionIdleTimeout: '0s',
    syncFrequency: '0s',
    volumeStatsAggPeriod: '0s',
  })
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

export const containerdUnit = `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target

[Service]
ExecStart=/usr/bin/containerd
Restart=always
RestartSec=5
Delegate=yes
KillMode=process

[Install]
WantedBy=multi-user.target
`

/** The bridge plugin's configuration where the pod network is one node's range. */
export function bridgeConflist(podCidr: string): string {
  return `${JSON.stringify(
    {
      cniVersion: '1.0.0',
      name: 'bridge',
      plugins: [
        { type: 'bridge', bridge: 'cni0', isGateway: true, isDefaultGateway: true, ipMasq: true, hairpinMode: true, ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] } },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  )}\n`
}
