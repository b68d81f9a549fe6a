/** ingress-nginx's deploy.yaml for bare metal (controller v1.14): namespace, account, RBAC, ConfigMap, Services, Deployment, IngressClass, admission webhook. Left out: the jobs that make the webhook's certificate. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRole, clusterRoleBinding, fieldEnv, object, rbacRule, serviceAccount } from '../object.ts'

export interface IngressNginxManifestOptions {
  readonly serviceType?: 'NodePort' | 'LoadBalancer'
  readonly nodePorts?: { readonly http: number; readonly https: number }
}

export function ingressNginxManifests(options: IngressNginxManifestOptions = {}): KubeObject[] {
  const namespace = 'ingress-nginx'
  const base = { 'app.kubernetes.io/instance': 'ingress-nginx', 'app.kubernetes.io/name': 'ingress-nginx' }
  const common = { ...base, 'app.kubernetes.io/part-of': 'ingress-nginx', 'app.kubernetes.io/version': '1.14.1' }
  const selector = { 'app.kubernetes.io/component': 'controller', ...base }
  const labels = { 'app.kubernetes.io/component': 'controller', ...common }
  const type = options.serviceType ?? 'NodePort'
  const port = (name: string, number: number, nodePort: number | undefined) => ({ appProtocol: name, name, port: number, protocol: 'TCP', targetPort: name, ...(nodePort !== undefined && { nodePort }) })
  return [
    object('v1', 'Namespace', namespace, undefined, {}, { labels: base }),
    serviceAccount('ingress-nginx', namespace, labels),
    object('rbac.authorization.k8s.io/v1', 'Role', 'ingress-nginx', namespace, {
      rules: [
        rbacRule('', 'namespaces', 'get'), rbacRule('', 'configmaps,pods,secrets,endpoints', 'get,list,watch'), rbacRule('', 'services', 'get,list,watch'), rbacRule('networking.k8s.io', 'ingresses', 'get,list,watch'), rbacRule('networking.k8s.io', 'ingresses/status', 'update'),
        rbacRule('networking.k8s.io', 'ingressclasses', 'get,list,watch'), rbacRule('coordination.k8s.io', 'leases', 'get,update', 'ingress-nginx-leader'), rbacRule('coordination.k8s.io', 'leases', 'create'), rbacRule('', 'events', 'create,patch'), rbacRule('discovery.k8s.io', 'endpointslices', 'list,watch,get'),
      ],
    }, { labels }),
    clusterRole('ingress-nginx', [
      rbacRule('', 'configmaps,endpoints,nodes,pods,secrets,namespaces', 'list,watch'), rbacRule('coordination.k8s.io', 'leases', 'list,watch'), rbacRule('', 'nodes', 'get'), rbacRule('', 'services', 'get,list,watch'), rbacRule('networking.k8s.io', 'ingresses', 'get,list,watch'),
      rbacRule('', 'events', 'create,patch'), rbacRule('networking.k8s.io', 'ingresses/status', 'update,patch'), rbacRule('networking.k8s.io', 'ingressclasses', 'get,list,watch'), rbacRule('discovery.k8s.io', 'endpointslices', 'list,watch,get'),
    ], common),
    object('rbac.authorization.k8s.io/v1', 'RoleBinding', 'ingress-nginx', namespace, { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'ingress-nginx' }, subjects: [{ kind: 'ServiceAccount', name: 'ingress-nginx', namespace }] }, { labels }),
    clusterRoleBinding('ingress-nginx', 'ingress-nginx', 'ingress-nginx', namespace, common),
    object('v1', 'ConfigMap', 'ingress-nginx-controller', namespace, { data: {} }, { labels }),
    object('v1', 'Service', 'ingress-nginx-controller', namespace, {
      spec: {
        ...(type === 'LoadBalancer' && { externalTrafficPolicy: 'Local' }), ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack',
        ports: [port('http', 80, options.nodePorts?.http), port('https', 443, options.nodePorts?.https)], selector, type,
      },
    }, { labels }),
    object('v1', 'Service', 'ingress-nginx-controller-admission', namespace, { spec: { ports: [{ appProtocol: 'https', name: 'https-webhook', port: 443, targetPort: 'webhook' }], selector, type: 'ClusterIP' } }, { labels }),
    object('apps/v1', 'Deployment', 'ingress-nginx-controller', namespace, {
      spec: {
        minReadySeconds: 0, revisionHistoryLimit: 10, selector: { matchLabels: selector }, strategy: { rollingUpdate: { maxUnavailable: 1 }, type: 'RollingUpdate' },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: true,
            containers: [{
              name: 'controller', image: 'registry.k8s.io/ingress-nginx/controller:v1.14.1', imagePullPolicy: 'IfNotPresent',
              args: ['/nginx-ingress-controller', '--election-id=ingress-nginx-leader', '--controller-class=k8s.io/ingress-nginx', '--ingress-class=nginx', '--configmap=$(POD_NAMESPACE)/ingress-nginx-controller', '--validating-webhook=:8443', '--validating-webhook-certificate=/usr/local/certificates/cert', '--validating-webhook-key=/usr/local/certificates/key', ...(type === 'LoadBalancer' ? ['--publish-service=$(POD_NAMESPACE)/ingress-nginx-controller'] : [])],
              env: [fieldEnv('POD_NAME', 'metadata.name'), fieldEnv('POD_NAMESPACE', 'metadata.namespace'), { name: 'LD_PRELOAD', value: '/usr/local/lib/libmimalloc.so' }],
              livenessProbe: { failureThreshold: 5, httpGet: { path: '/healthz', port: 10254, scheme: 'HTTP' }, initialDelaySeconds: 10, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 },
              readinessProbe: { failureThreshold: 3, httpGet: { path: '/healthz', port: 10254, scheme: 'HTTP' }, initialDelaySeconds: 10, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 },
              ports: [{ containerPort: 80, name: 'http', protocol: 'TCP' }, { containerPort: 443, name: 'https', protocol: 'TCP' }, { containerPort: 8443, name: 'webhook', protocol: 'TCP' }],
              resources: { requests: { cpu: '100m', memory: '90Mi' } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, readOnlyRootFilesystem: false, runAsGroup: 82, runAsNonRoot: true, runAsUser: 101, seccompProfile: { type: 'RuntimeDefault' } },
            }],
            dnsPolicy: 'ClusterFirst', nodeSelector: { 'kubernetes.io/os': 'linux' }, serviceAccountName: 'ingress-nginx', terminationGracePeriodSeconds: 300,
          },
        },
      },
    }, { labels }),
    object('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'ingress-nginx-admission', undefined, {
      webhooks: [{
        admissionReviewVersions: ['v1'], clientConfig: { service: { name: 'ingress-nginx-controller-admission', namespace, path: '/networking/v1/ingresses', port: 443 } }, failurePolicy: 'Fail', matchPolicy: 'Equivalent', name: 'validate.nginx.ingress.kubernetes.io',
        rules: [{ apiGroups: ['networking.k8s.io'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['ingresses'] }], sideEffects: 'None',
      }],
    }, { labels: { ...labels, 'app.kubernetes.io/component': 'admission-webhook' } }),
    object('networking.k8s.io/v1', 'IngressClass', 'nginx', undefined, { spec: { controller: 'k8s.io/ingress-nginx' } }, { labels }),
  ]
}
