/** What kubeadm keeps in the cluster: its configuration, the kubelets', cluster-info for joining nodes, tokens, and the rules for who may read what (phases/uploadconfig, kubelet, bootstraptoken). */
import { toBase64 } from '#base/bytes.ts'
import { hex, sha256 } from '#base/sha.ts'
import type { KubeObject } from '#engine/api/types.ts'
import type { Certificate } from '#engine/machine/certificates.ts'
import { defaultNodeGroup, formatConfiguration, formatSorted, type BootstrapToken, type ClusterConfiguration } from './configuration.ts'

const system = 'kube-system'
const open = 'kube-public'
const nodesGroup = 'system:nodes'
const rbac = 'rbac.authorization.k8s.io'

const object = (apiVersion: string, kind: string, name: string, namespace: string, fields: object, metadata: object = {}): KubeObject =>
  ({ apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}), ...metadata }, ...fields }) as unknown as KubeObject

const reader = (name: string, namespace: string, configMap: string, subjects: readonly object[]): KubeObject[] => [
  object(`${rbac}/v1`, 'Role', name, namespace, { rules: [{ apiGroups: [''], resourceNames: [configMap], resources: ['configmaps'], verbs: ['get'] }] }),
  object(`${rbac}/v1`, 'RoleBinding', name, namespace, { roleRef: { apiGroup: rbac, kind: 'Role', name }, subjects }),
]

const subject = (kind: 'Group' | 'User', name: string) => ({ apiGroup: rbac, kind, name })
const binding = (name: string, role: string, group: string) => object(`${rbac}/v1`, 'ClusterRoleBinding', name, '', { roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role }, subjects: [subject('Group', group)] })

/** What kubeadm signs so that it knows later whether somebody has changed it. */
const signed = (text: string) => ({ annotations: { 'kubeadm.kubernetes.io/component-config.hash': `sha256:${hex(sha256(text))}` } })

/** ConfigMap kubeadm-config and who may read it. */
export function configObjects(cluster: ClusterConfiguration): KubeObject[] {
  return [
    object('v1', 'ConfigMap', 'kubeadm-config', system, { data: { ClusterConfiguration: formatConfiguration('ClusterConfiguration', cluster) } }),
    ...reader('kubeadm:nodes-kubeadm-config', system, 'kubeadm-config', [subject('Group', defaultNodeGroup), subject('Group', nodesGroup)]),
  ]
}

/** ConfigMap kubelet-config and who may read it. */
export function kubeletObjects(text: string, supplied: boolean): KubeObject[] {
  return [
    object('v1', 'ConfigMap', 'kubelet-config', system, { data: { kubelet: text } }, supplied ? {} : signed(text)),
    ...reader('kubeadm:kubelet-config', system, 'kubelet-config', [subject('Group', nodesGroup), subject('Group', defaultNodeGroup)]),
  ]
}

export const signature = signed

/** The Secret of a token. `now` in ms; a life of zero never ends. */
export function tokenSecret(token: BootstrapToken, expires: string | undefined): KubeObject {
  const [id = '', secret = ''] = token.token.split('.')
  const data: Record<string, string> = { 'token-id': id, 'token-secret': secret }
  if (token.description) data['description'] = token.description
  if (expires !== undefined) data['expiration'] = expires
  for (const usage of token.usages ?? []) data[`usage-bootstrap-${usage}`] = 'true'
  if (token.groups && token.groups.length > 0) data['auth-extra-groups'] = token.groups.join(',')
  return object('v1', 'Secret', `bootstrap-token-${id}`, system, { type: 'bootstrap.kubernetes.io/token', data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, toBase64(v)])) })
}

/** Who may ask for certificates and who approves: the lines of `[bootstrap-token]` in their order. */
export const bootstrapRules: readonly { readonly line: string; readonly objects: readonly KubeObject[] }[] = [
  {
    line: 'Configured RBAC rules to allow Node Bootstrap tokens to get nodes',
    objects: [object(`${rbac}/v1`, 'ClusterRole', 'kubeadm:get-nodes', '', { rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }] }), binding('kubeadm:get-nodes', 'kubeadm:get-nodes', defaultNodeGroup)],
  },
  { line: 'Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials', objects: [binding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', defaultNodeGroup)] },
  { line: 'Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token', objects: [binding('kubeadm:node-autoapprove-bootstrap', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', defaultNodeGroup)] },
  { line: 'Configured RBAC rules to allow certificate rotation for all node client certificates in the cluster', objects: [binding('kubeadm:node-autoapprove-certificate-rotation', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', nodesGroup)] },
]

/** ConfigMap cluster-info, which everybody may read: the server and its authority, signed with every token by the bootstrap signer. */
export function clusterInfoObjects(server: string, caPem: string): KubeObject[] {
  const kubeconfig = formatSorted({ apiVersion: 'v1', clusters: [{ cluster: { 'certificate-authority-data': toBase64(caPem), server }, name: '' }], contexts: null, 'current-context': '', kind: 'Config', users: null })
  return [object('v1', 'ConfigMap', 'cluster-info', open, { data: { kubeconfig } }), ...reader('kubeadm:bootstrap-signer-clusterinfo', open, 'cluster-info', [subject('User', 'system:anonymous')])]
}

export const clusterAdmins = binding('kubeadm:cluster-admins', 'cluster-admin', 'kubeadm:cluster-admins')

/** The pin of an authority: its public key's digest. */
export const publicKeyPin = (certificate: Certificate): string => `sha256:${hex(sha256(certificate.keyId))}`
