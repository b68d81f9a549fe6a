/** Which images a Kubernetes version is made of, as kubeadm knows them (cmd/kubeadm/app/images, constants): the versions are data. */
import type { ClusterConfiguration } from './configuration.ts'

interface Release {
  readonly etcd: string
  readonly coredns: string
  readonly pause: string
}

/** What each minor version of kubeadm carries: etcd for the versions that it can deploy, CoreDNS and the pause image. */
const releases: Readonly<Record<number, Release & { readonly etcdFor: Readonly<Record<number, string>> }>> = {
  34: { etcd: '3.6.5-0', coredns: 'v1.12.1', pause: '3.10.1', etcdFor: { 32: '3.5.24-0', 33: '3.5.24-0', 34: '3.6.5-0' } },
  35: { etcd: '3.6.6-0', coredns: 'v1.13.1', pause: '3.10.1', etcdFor: { 33: '3.5.24-0', 34: '3.6.6-0', 35: '3.6.6-0' } },
}

export const minorOf = (version: string): number => Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? 0)

/** `v1.35.4` and what a kubeadm of the version `tool` deploys with it. */
export function releaseOf(version: string, tool = version): Release {
  const own = releases[minorOf(tool)] ?? releases[35]!
  return { etcd: own.etcdFor[minorOf(version)] ?? own.etcd, coredns: own.coredns, pause: own.pause }
}

/** A version as an image tag: `+` is not allowed in one. */
const tag = (version: string) => version.replaceAll('+', '_')

export const kubernetesImage = (cluster: ClusterConfiguration, component: string): string => `${cluster.imageRepository}/${component}:${tag(cluster.kubernetesVersion)}`

export function etcdImage(cluster: ClusterConfiguration, tool?: string): string {
  const own = cluster.etcd.local
  return `${own?.imageRepository || cluster.imageRepository}/etcd:${own?.imageTag || releaseOf(cluster.kubernetesVersion, tool).etcd}`
}

export function corednsImage(cluster: ClusterConfiguration, tool?: string): string {
  const repository = cluster.dns.imageRepository || cluster.imageRepository
  // In the default repository the image has a folder of its own.
  return `${repository === 'registry.k8s.io' ? `${repository}/coredns` : repository}/coredns:${cluster.dns.imageTag || releaseOf(cluster.kubernetesVersion, tool).coredns}`
}

export const pauseImage = (cluster: ClusterConfiguration, tool?: string): string => `${cluster.imageRepository}/pause:${releaseOf(cluster.kubernetesVersion, tool).pause}`

/** In the order of `kubeadm config images list`. */
export function controlPlaneImages(cluster: ClusterConfiguration, tool?: string): string[] {
  return [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((c) => kubernetesImage(cluster, c)),
    ...(cluster.proxy.disabled ? [] : [kubernetesImage(cluster, 'kube-proxy')]),
    ...(cluster.dns.disabled ? [] : [corednsImage(cluster, tool)]),
    pauseImage(cluster, tool),
    ...(cluster.etcd.local ? [etcdImage(cluster, tool)] : []),
  ]
}
