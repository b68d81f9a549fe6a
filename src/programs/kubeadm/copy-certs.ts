/** Which files all control planes of a cluster share, and the keys of the Secret that carries them (phases/copycerts). */
import type { ClusterConfiguration } from '#engine/kubeadm/configuration.ts'

export function certificatesToCopy(cluster: ClusterConfiguration): readonly { readonly file: string; readonly key: string }[] {
  const files = ['ca.crt', 'ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'sa.pub', 'sa.key', ...(cluster.etcd.external ? [] : ['etcd/ca.crt', 'etcd/ca.key'])]
  return files.map((file) => ({ file, key: file.replace('/', '-') }))
}
