/** kube-flannel.yml of flannel v0.28: namespace, account and RBAC, kube-flannel-cfg, the DaemonSet kube-flannel-ds. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRole, clusterRoleBinding, fieldEnv, hostPath, mount, object, rbacRule, serviceAccount } from '../object.ts'

export const flannelVersion = 'v0.28.4'

export function flannelConflist(): string {
  return `{
  "name": "cbr0",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "flannel",
      "delegate": {
        "hairpinMode": true,
        "isDefaultGateway": true
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      }
    }
  ]
}
`
}

export function netConf(podCidr: string, backend: string): string {
  return `{
  "Network": "${podCidr}",
  "EnableNFTables": false,
  "Backend": {
    "Type": "${backend}"
  }
}
`
}

export interface FlannelManifestOptions {
  readonly podCidr: string
  readonly backend?: 'vxlan' | 'host-gw'
}

export function flannelManifests(options: FlannelManifestOptions): KubeObject[] {
  const namespace = 'kube-flannel'
  const app = { 'k8s-app': 'flannel' }
  const labels = { app: 'flannel', tier: 'node' }
  const image = `ghcr.io/flannel-io/flannel:${flannelVersion}`
  return [
    object('v1', 'Namespace', namespace, undefined, {}, { labels: { ...app, 'pod-security.kubernetes.io/enforce': 'privileged' } }),
    serviceAccount('flannel', namespace, app),
    clusterRole('flannel', [rbacRule('', 'pods', 'get'), rbacRule('', 'nodes', 'get,list,watch'), rbacRule('', 'nodes/status', 'patch')], app),
    clusterRoleBinding('flannel', 'flannel', 'flannel', namespace, app),
    object('v1', 'ConfigMap', 'kube-flannel-cfg', namespace, { data: { 'cni-conf.json': flannelConflist(), 'net-conf.json': netConf(options.podCidr, options.backend ?? 'vxlan') } }, { labels: { ...app, ...labels } }),
    object('apps/v1', 'DaemonSet', 'kube-flannel-ds', namespace, {
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] }] } } },
            hostNetwork: true,
            priorityClassName: 'system-node-critical',
            tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
            serviceAccountName: 'flannel',
            initContainers: [
              { name: 'install-cni-plugin', image: 'ghcr.io/flannel-io/flannel-cni-plugin:v1.9.0-flannel1', command: ['cp'], args: ['-f', '/flannel', '/opt/cni/bin/flannel'], volumeMounts: [mount('cni-plugin', '/opt/cni/bin')] },
              { name: 'install-cni', image, command: ['cp'], args: ['-f', '/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist'], volumeMounts: [mount('cni', '/etc/cni/net.d'), mount('flannel-cfg', '/etc/kube-flannel/')] },
            ],
            containers: [{
              name: 'kube-flannel', image, command: ['/opt/bin/flanneld'], args: ['--ip-masq', '--kube-subnet-mgr'],
              resources: { requests: { cpu: '100m', memory: '50Mi' } },
              securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
              env: [fieldEnv('POD_NAME', 'metadata.name'), fieldEnv('POD_NAMESPACE', 'metadata.namespace'), { name: 'EVENT_QUEUE_DEPTH', value: '5000' }, { name: 'CONT_WHEN_CACHE_NOT_READY', value: 'false' }],
              volumeMounts: [mount('run', '/run/flannel'), mount('flannel-cfg', '/etc/kube-flannel/'), mount('xtables-lock', '/run/xtables.lock')],
            }],
            volumes: [hostPath('run', '/run/flannel'), hostPath('cni-plugin', '/opt/cni/bin'), hostPath('cni', '/etc/cni/net.d'), { name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } }, hostPath('xtables-lock', '/run/xtables.lock', 'FileOrCreate')],
          },
        },
      },
    }, { labels: { ...app, ...labels } }),
  ]
}
