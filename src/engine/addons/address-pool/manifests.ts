/** The address pool's objects: namespace, account, RBAC, the controller and a speaker on every node. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRole, clusterRoleBinding, object, rbacRule, serviceAccount } from '../object.ts'

const image = 'docker.io/drill/address-pool:1.0'

/** `range`: `172.20.10.200-172.20.10.250`, addresses of the machines' network that no machine has. */
export function addressPoolManifests(options: { readonly range: string }): KubeObject[] {
  const namespace = 'address-pool'
  const labels = (component: string) => ({ 'app.kubernetes.io/component': component, 'app.kubernetes.io/name': 'address-pool' })
  return [
    object('v1', 'Namespace', namespace, undefined, {}, { labels: { 'app.kubernetes.io/name': 'address-pool' } }),
    serviceAccount('address-pool', namespace),
    clusterRole('address-pool', [rbacRule('', 'services,nodes', 'get,list,watch'), rbacRule('', 'services/status', 'update,patch'), rbacRule('', 'events', 'create,patch'), rbacRule('discovery.k8s.io', 'endpointslices', 'get,list,watch')]),
    clusterRoleBinding('address-pool', 'address-pool', 'address-pool', namespace),
    object('apps/v1', 'Deployment', 'controller', namespace, {
      spec: {
        replicas: 1, selector: { matchLabels: labels('controller') },
        template: { metadata: { labels: labels('controller') }, spec: { containers: [{ name: 'controller', image, command: ['/controller'], args: [`--range=${options.range}`], resources: { requests: { cpu: '10m', memory: '16Mi' } } }], serviceAccountName: 'address-pool', terminationGracePeriodSeconds: 1 } },
      },
    }, { labels: labels('controller') }),
    object('apps/v1', 'DaemonSet', 'speaker', namespace, {
      spec: {
        selector: { matchLabels: labels('speaker') },
        template: {
          metadata: { labels: labels('speaker') },
          spec: { containers: [{ name: 'speaker', image, command: ['/speaker'], resources: { requests: { cpu: '10m', memory: '16Mi' } }, securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } } }], hostNetwork: true, serviceAccountName: 'address-pool', terminationGracePeriodSeconds: 1 },
        },
      },
    }, { labels: labels('speaker') }),
  ]
}
