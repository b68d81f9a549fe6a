/** The gateway controller's objects beside the Gateway API's definitions: namespace, account, RBAC, Service for the proxies, Deployment, GatewayClass. */
import type { KubeObject } from '#engine/api/types.ts'
import { gatewayApiDefinitions, gatewayGroup } from '../gateway-api/definitions.ts'
import type { Channel } from '../gateway-api/definitions.ts'
import { clusterRole, clusterRoleBinding, object, rbacRule, serviceAccount } from '../object.ts'
import { configPort } from './infrastructure.ts'
import { className, controllerName } from './types.ts'

export const controllerImage = 'docker.io/drill/gateway-controller:1.0'

export interface GatewayManifestOptions {
  readonly channel?: Channel
}

export function gatewayManifests(options: GatewayManifestOptions = {}): KubeObject[] {
  const namespace = 'gateway-system'
  const name = 'drill-gateway-controller'
  const labels = { 'app.kubernetes.io/name': name }
  const probe = (path: string) => ({ httpGet: { path, port: 8081, scheme: 'HTTP' }, initialDelaySeconds: 1, periodSeconds: 10 })
  const kinds = 'backendtlspolicies,gatewayclasses,gateways,grpcroutes,httproutes,listenersets,referencegrants,tcproutes,tlsroutes,udproutes'
  return [
    ...gatewayApiDefinitions(options.channel ?? 'standard'),
    object('v1', 'Namespace', namespace, undefined, {}, { labels }),
    serviceAccount(name, namespace, labels),
    clusterRole(name, [
      rbacRule('', 'configmaps,namespaces,secrets', 'get,list,watch'), rbacRule('', 'services,serviceaccounts', 'get,list,watch,create,update,patch,delete'), rbacRule('apps', 'deployments', 'get,list,watch,create,update,patch,delete'),
      rbacRule('discovery.k8s.io', 'endpointslices', 'get,list,watch'), rbacRule('apiextensions.k8s.io', 'customresourcedefinitions', 'get,list,watch'), rbacRule(gatewayGroup, kinds, 'get,list,watch'),
      rbacRule(gatewayGroup, kinds.split(',').map((k) => `${k}/status`).join(','), 'update,patch'), rbacRule(gatewayGroup, 'gateways/finalizers', 'update'),
    ], labels),
    clusterRoleBinding(name, name, name, namespace, labels),
    object('v1', 'Service', name, namespace, { spec: { ports: [{ name: 'config', port: configPort, protocol: 'TCP', targetPort: configPort }], selector: labels } }, { labels }),
    object('apps/v1', 'Deployment', name, namespace, {
      spec: {
        replicas: 1, selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [{
              name: 'controller', image: controllerImage, args: [`--controller-name=${controllerName}`], ports: [{ containerPort: configPort, name: 'config', protocol: 'TCP' }, { containerPort: 8081, name: 'health', protocol: 'TCP' }],
              livenessProbe: probe('/healthz'), readinessProbe: probe('/readyz'), resources: { requests: { cpu: '50m', memory: '64Mi' } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, runAsNonRoot: true, runAsUser: 65_532 },
            }],
            serviceAccountName: name, terminationGracePeriodSeconds: 10,
          },
        },
      },
    }, { labels }),
    object(`${gatewayGroup}/v1`, 'GatewayClass', className, undefined, { spec: { controllerName } }),
  ]
}
