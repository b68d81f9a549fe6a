/** Rancher's local-path-provisioner: namespace, account, rules, Deployment, StorageClass and configuration as its release has them. */
import type { KubeObject } from '#engine/api/types.ts'
import { clusterRole, clusterRoleBinding, fieldEnv, mount, object, rbacRule, serviceAccount } from '../object.ts'

export const localPathVersion = 'v0.0.32'
export const localPathProvisioner = 'rancher.io/local-path'

export function localPathManifests(options: { readonly isDefault?: boolean } = {}): KubeObject[] {
  const namespace = 'local-path-storage'
  const name = 'local-path-provisioner'
  const account = `${name}-service-account`
  const config = JSON.stringify({ nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: ['/opt/local-path-provisioner'] }] }, undefined, 2)
  return [
    object('v1', 'Namespace', namespace, undefined, {}),
    serviceAccount(account, namespace),
    object('rbac.authorization.k8s.io/v1', 'Role', `${name}-role`, namespace, { rules: [rbacRule('', 'pods', 'get,list,watch,create,patch,update,delete')] }),
    clusterRole(`${name}-role`, [
      rbacRule('', 'nodes,persistentvolumeclaims,configmaps,pods,pods/log', 'get,list,watch'), rbacRule('', 'persistentvolumes', 'get,list,watch,create,patch,update,delete'), rbacRule('', 'events', 'create,patch'), rbacRule('storage.k8s.io', 'storageclasses', 'get,list,watch'),
    ]),
    object('rbac.authorization.k8s.io/v1', 'RoleBinding', `${name}-bind`, namespace, { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `${name}-role` }, subjects: [{ kind: 'ServiceAccount', name: account, namespace }] }),
    clusterRoleBinding(`${name}-bind`, `${name}-role`, account, namespace),
    object('apps/v1', 'Deployment', name, namespace, {
      spec: {
        replicas: 1, selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            serviceAccountName: account,
            containers: [{
              name, image: `rancher/local-path-provisioner:${localPathVersion}`, imagePullPolicy: 'IfNotPresent', command: ['local-path-provisioner', '--debug', 'start', '--config', '/etc/config/config.json'],
              volumeMounts: [mount('config-volume', '/etc/config/')], env: [fieldEnv('POD_NAMESPACE', 'metadata.namespace'), { name: 'CONFIG_MOUNT_PATH', value: '/etc/config/' }],
            }],
            volumes: [{ name: 'config-volume', configMap: { name: 'local-path-config' } }],
          },
        },
      },
    }),
    object('storage.k8s.io/v1', 'StorageClass', 'local-path', undefined, { provisioner: localPathProvisioner, volumeBindingMode: 'WaitForFirstConsumer', reclaimPolicy: 'Delete' }, options.isDefault ? { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } : {}),
    object('v1', 'ConfigMap', 'local-path-config', namespace, { data: { 'config.json': config, setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n', teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n' } }),
  ]
}
