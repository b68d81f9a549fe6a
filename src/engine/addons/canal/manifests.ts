/**
 * canal.yaml of Calico v3.30, thinned: Calico's policy agent with flannel's network in one DaemonSet, calico-kube-controllers beside it.
 * Left out: Calico's own resource definitions (policies beyond NetworkPolicy are not modelled) and probes that exec calico's binaries.
 */
import type { KubeObject } from '#engine/api/types.ts'
import { netConf } from '../flannel/manifests.ts'
import { clusterRole, clusterRoleBinding, fieldEnv, hostPath, mount, object, rbacRule, serviceAccount } from '../object.ts'

export const calicoVersion = 'v3.30.3'

/** The configuration that install-cni writes; `__…__` are filled in on the node. */
export const canalCniConfig = `{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "calico",
      "log_level": "info",
      "log_file_path": "/var/log/calico/cni/cni.log",
      "datastore_type": "kubernetes",
      "nodename": "__KUBERNETES_NODE_NAME__",
      "mtu": __CNI_MTU__,
      "ipam": {
          "type": "host-local",
          "subnet": "usePodCidr"
      },
      "policy": {
          "type": "k8s"
      },
      "kubernetes": {
          "kubeconfig": "__KUBECONFIG_FILEPATH__"
      }
    },
    {
      "type": "portmap",
      "snat": true,
      "capabilities": {"portMappings": true}
    },
    {
      "type": "bandwidth",
      "capabilities": {"bandwidth": true}
    }
  ]
}
`

const fromConfig = (name: string, key: string) => ({ name, valueFrom: { configMapKeyRef: { name: 'canal-config', key } } })

export function canalManifests(options: { readonly podCidr: string }): KubeObject[] {
  const namespace = 'kube-system'
  const labels = { 'k8s-app': 'canal' }
  const controllers = { 'k8s-app': 'calico-kube-controllers' }
  const node = `docker.io/calico/node:${calicoVersion}`
  return [
    serviceAccount('canal', namespace),
    serviceAccount('calico-kube-controllers', namespace),
    clusterRole('calico-node', [
      rbacRule('', 'serviceaccounts/token', 'create', 'calico-cni-plugin'), rbacRule('', 'pods,nodes,namespaces', 'get'), rbacRule('discovery.k8s.io', 'endpointslices', 'watch,list'), rbacRule('', 'endpoints,services', 'watch,list,get'),
      rbacRule('', 'nodes/status', 'patch,update'), rbacRule('networking.k8s.io', 'networkpolicies', 'watch,list'), rbacRule('', 'pods,namespaces,serviceaccounts', 'list,watch'), rbacRule('', 'pods/status', 'patch'), rbacRule('', 'nodes', 'get,list,watch'),
    ]),
    clusterRole('flannel', [rbacRule('', 'pods', 'get'), rbacRule('', 'nodes', 'list,watch'), rbacRule('', 'nodes/status', 'patch')]),
    clusterRole('calico-kube-controllers', [rbacRule('', 'nodes', 'watch,list,get'), rbacRule('', 'pods', 'get,list,watch')]),
    clusterRoleBinding('canal-flannel', 'flannel', 'canal', namespace),
    clusterRoleBinding('canal-calico', 'calico-node', 'canal', namespace),
    clusterRoleBinding('calico-kube-controllers', 'calico-kube-controllers', 'calico-kube-controllers', namespace),
    object('v1', 'ConfigMap', 'canal-config', namespace, {
      data: { typha_service_name: 'none', canal_iface: '', masquerade: 'true', veth_mtu: '0', cni_network_config: canalCniConfig, 'net-conf.json': netConf(options.podCidr, 'vxlan') },
    }),
    object('apps/v1', 'DaemonSet', 'canal', namespace, {
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            hostNetwork: true,
            tolerations: [{ effect: 'NoSchedule', operator: 'Exists' }, { key: 'CriticalAddonsOnly', operator: 'Exists' }, { effect: 'NoExecute', operator: 'Exists' }],
            serviceAccountName: 'canal',
            terminationGracePeriodSeconds: 0,
            priorityClassName: 'system-node-critical',
            initContainers: [{
              name: 'install-cni', image: `docker.io/calico/cni:${calicoVersion}`, imagePullPolicy: 'IfNotPresent', command: ['/opt/cni/bin/install'],
              env: [{ name: 'CNI_CONF_NAME', value: '10-canal.conflist' }, fromConfig('CNI_NETWORK_CONFIG', 'cni_network_config'), fieldEnv('KUBERNETES_NODE_NAME', 'spec.nodeName'), fromConfig('CNI_MTU', 'veth_mtu'), { name: 'SLEEP', value: 'false' }],
              volumeMounts: [mount('cni-bin-dir', '/host/opt/cni/bin'), mount('cni-net-dir', '/host/etc/cni/net.d')], securityContext: { privileged: true },
            }],
            containers: [
              {
                name: 'calico-node', image: node, imagePullPolicy: 'IfNotPresent',
                env: [
                  { name: 'DATASTORE_TYPE', value: 'kubernetes' }, { name: 'USE_POD_CIDR', value: 'true' }, { name: 'WAIT_FOR_DATASTORE', value: 'true' }, fieldEnv('NODENAME', 'spec.nodeName'),
                  { name: 'CALICO_NETWORKING_BACKEND', value: 'none' }, { name: 'CLUSTER_TYPE', value: 'k8s,canal' }, { name: 'FELIX_IPTABLESREFRESHINTERVAL', value: '60' }, { name: 'IP', value: '' },
                  { name: 'CALICO_DISABLE_FILE_LOGGING', value: 'true' }, { name: 'FELIX_DEFAULTENDPOINTTOHOSTACTION', value: 'ACCEPT' }, { name: 'FELIX_IPV6SUPPORT', value: 'false' }, { name: 'FELIX_HEALTHENABLED', value: 'true' },
                ],
                securityContext: { privileged: true }, resources: { requests: { cpu: '250m' } },
                livenessProbe: { httpGet: { path: '/liveness', port: 9099, host: 'localhost' }, periodSeconds: 10, initialDelaySeconds: 10, failureThreshold: 6, timeoutSeconds: 10 },
                readinessProbe: { httpGet: { path: '/readiness', port: 9099, host: 'localhost' }, periodSeconds: 10, timeoutSeconds: 10 },
                volumeMounts: [mount('lib-modules', '/lib/modules', true), mount('xtables-lock', '/run/xtables.lock'), mount('var-run-calico', '/var/run/calico'), mount('var-lib-calico', '/var/lib/calico')],
              },
              {
                name: 'kube-flannel', image: 'docker.io/flannel/flannel:v0.24.4', imagePullPolicy: 'IfNotPresent', command: ['/opt/bin/flanneld', '--ip-masq', '--kube-subnet-mgr'], securityContext: { privileged: true },
                env: [fieldEnv('POD_NAME', 'metadata.name'), fieldEnv('POD_NAMESPACE', 'metadata.namespace'), fromConfig('FLANNELD_IFACE', 'canal_iface'), fromConfig('FLANNELD_IP_MASQ', 'masquerade')],
                volumeMounts: [mount('xtables-lock', '/run/xtables.lock'), mount('flannel-cfg', '/etc/kube-flannel/')],
              },
            ],
            volumes: [
              hostPath('lib-modules', '/lib/modules'), hostPath('var-run-calico', '/var/run/calico', 'DirectoryOrCreate'), hostPath('var-lib-calico', '/var/lib/calico', 'DirectoryOrCreate'), hostPath('xtables-lock', '/run/xtables.lock', 'FileOrCreate'),
              { name: 'flannel-cfg', configMap: { name: 'canal-config' } }, hostPath('cni-bin-dir', '/opt/cni/bin', 'DirectoryOrCreate'), hostPath('cni-net-dir', '/etc/cni/net.d'),
            ],
          },
        },
      },
    }, { labels }),
    object('apps/v1', 'Deployment', 'calico-kube-controllers', namespace, {
      spec: {
        replicas: 1, selector: { matchLabels: controllers }, strategy: { type: 'Recreate' },
        template: {
          metadata: { name: 'calico-kube-controllers', namespace, labels: controllers },
          spec: {
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }, { key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' }, { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
            serviceAccountName: 'calico-kube-controllers', priorityClassName: 'system-cluster-critical',
            containers: [{ name: 'calico-kube-controllers', image: `docker.io/calico/kube-controllers:${calicoVersion}`, imagePullPolicy: 'IfNotPresent', env: [{ name: 'ENABLED_CONTROLLERS', value: 'node,loadbalancer' }, { name: 'DATASTORE_TYPE', value: 'kubernetes' }] }],
          },
        },
      },
    }, { labels: controllers }),
  ]
}
