/** metrics-server's components.yaml (v0.8), with `--kubelet-insecure-tls` as clusters whose kubelets sign their own certificates need it. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRole, clusterRoleBinding, mount, object, rbacRule, serviceAccount } from '../object.ts'

export const metricsServerVersion = 'v0.8.0'

export interface MetricsServerManifestOptions {
  /** As published: no node can be scraped until its kubelet's certificate is one that the cluster's authority signed. */
  readonly verifyKubelets?: boolean
}

export function metricsServerManifests(options: MetricsServerManifestOptions = {}): KubeObject[] {
  const namespace = 'kube-system'
  const name = 'metrics-server'
  const labels = { 'k8s-app': name }
  const probe = (path: string, fields: Record<string, unknown> = {}) => ({ failureThreshold: 3, httpGet: { path, port: 'https', scheme: 'HTTPS' }, ...fields, periodSeconds: 10 })
  const aggregate = Object.fromEntries(['admin', 'edit', 'view'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']))
  return [
    serviceAccount(name, namespace, labels),
    clusterRole('system:aggregated-metrics-reader', [rbacRule('metrics.k8s.io', 'pods,nodes', 'get,list,watch')], { ...labels, ...aggregate }),
    clusterRole('system:metrics-server', [rbacRule('', 'nodes/metrics', 'get'), rbacRule('', 'pods,nodes', 'get,list,watch')], labels),
    object('rbac.authorization.k8s.io/v1', 'RoleBinding', 'metrics-server-auth-reader', namespace, {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'extension-apiserver-authentication-reader' }, subjects: [{ kind: 'ServiceAccount', name, namespace }],
    }, { labels }),
    clusterRoleBinding('metrics-server:system:auth-delegator', 'system:auth-delegator', name, namespace, labels),
    clusterRoleBinding('system:metrics-server', 'system:metrics-server', name, namespace, labels),
    object('v1', 'Service', name, namespace, { spec: { ports: [{ appProtocol: 'https', name: 'https', port: 443, protocol: 'TCP', targetPort: 'https' }], selector: labels } }, { labels }),
    object('apps/v1', 'Deployment', name, namespace, {
      spec: {
        selector: { matchLabels: labels }, strategy: { rollingUpdate: { maxUnavailable: 0 } },
        template: {
          metadata: { labels },
          spec: {
            containers: [{
              name, image: `registry.k8s.io/metrics-server/metrics-server:${metricsServerVersion}`, imagePullPolicy: 'IfNotPresent',
              args: ['--cert-dir=/tmp', '--secure-port=10250', '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname', '--kubelet-use-node-status-port', '--metric-resolution=15s', ...(options.verifyKubelets ? [] : ['--kubelet-insecure-tls'])],
              livenessProbe: probe('/livez'), readinessProbe: probe('/readyz', { initialDelaySeconds: 20 }),
              ports: [{ containerPort: 10250, name: 'https', protocol: 'TCP' }], resources: { requests: { cpu: '100m', memory: '200Mi' } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
              volumeMounts: [mount('tmp-dir', '/tmp')],
            }],
            nodeSelector: { 'kubernetes.io/os': 'linux' }, priorityClassName: 'system-cluster-critical', serviceAccountName: name, volumes: [{ emptyDir: {}, name: 'tmp-dir' }],
          },
        },
      },
    }, { labels }),
    object('apiregistration.k8s.io/v1', 'APIService', 'v1beta1.metrics.k8s.io', undefined, {
      spec: { group: 'metrics.k8s.io', groupPriorityMinimum: 100, insecureSkipTLSVerify: true, service: { name, namespace }, version: 'v1beta1', versionPriority: 100 },
    }, { labels }),
  ]
}
