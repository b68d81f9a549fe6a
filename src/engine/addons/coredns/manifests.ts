/** CoreDNS' objects as `kubeadm init phase addon coredns` makes them (v1.35): account and RBAC, Corefile, Deployment of two, Service kube-dns. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRole, clusterRoleBinding, mount, object, rbacRule, serviceAccount } from '../object.ts'

export interface CoreDnsManifestOptions {
  readonly domain?: string
  /** 10.96.0.10 unless the service range is another. */
  readonly dnsIp?: string
  readonly replicas?: number
  readonly version?: string
}

export function defaultCorefile(domain = 'cluster.local'): string {
  return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ${domain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${domain}
       disable denial ${domain}
    }
    loop
    reload
    loadbalance
}
`
}

export function coreDnsManifests(options: CoreDnsManifestOptions = {}): KubeObject[] {
  const namespace = 'kube-system'
  const labels = { 'k8s-app': 'kube-dns' }
  return [
    serviceAccount('coredns', namespace),
    clusterRole('system:coredns', [rbacRule('', 'endpoints,services,pods,namespaces', 'list,watch'), rbacRule('discovery.k8s.io', 'endpointslices', 'list,watch')]),
    clusterRoleBinding('system:coredns', 'system:coredns', 'coredns', namespace),
    object('v1', 'ConfigMap', 'coredns', namespace, { data: { Corefile: defaultCorefile(options.domain) } }),
    object('v1', 'Service', 'kube-dns', namespace, {
      spec: {
        clusterIP: options.dnsIp ?? '10.96.0.10',
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
          { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
          { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
        ],
        selector: labels,
      },
    }, { labels: { ...labels, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' }, annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' } }),
    object('apps/v1', 'Deployment', 'coredns', namespace, {
      spec: {
        replicas: options.replicas ?? 2,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            priorityClassName: 'system-cluster-critical',
            serviceAccountName: 'coredns',
            affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: { labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] }, topologyKey: 'kubernetes.io/hostname' } }] } },
            tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }, { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            containers: [{
              name: 'coredns', image: `registry.k8s.io/coredns/coredns:${options.version ?? 'v1.13.1'}`, imagePullPolicy: 'IfNotPresent',
              resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
              args: ['-conf', '/etc/coredns/Corefile'],
              volumeMounts: [mount('config-volume', '/etc/coredns', true)],
              ports: [
                { containerPort: 53, name: 'dns', protocol: 'UDP' }, { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' }, { containerPort: 9153, name: 'metrics', protocol: 'TCP' },
                { containerPort: 8080, name: 'liveness-probe', protocol: 'TCP' }, { containerPort: 8181, name: 'readiness-probe', protocol: 'TCP' },
              ],
              livenessProbe: { httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' }, initialDelaySeconds: 60, timeoutSeconds: 5, successThreshold: 1, failureThreshold: 5 },
              readinessProbe: { httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, readOnlyRootFilesystem: true },
            }],
            dnsPolicy: 'Default',
            volumes: [{ name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } }],
          },
        },
      },
    }, { labels }),
  ]
}
