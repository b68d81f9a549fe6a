/** What a fresh kubeadm cluster of a shape holds besides its control plane: kube-proxy, DNS, the network plugin's objects, and the images on the nodes' disks. */
import type { KubeObject } from '#engine/api/types.ts'
import { addressPoolManifests } from '#engine/addons/address-pool/manifests.ts'
import { canalManifests } from '#engine/addons/canal/manifests.ts'
import { flannelManifests } from '#engine/addons/flannel/manifests.ts'
import { gatewayManifests } from '#engine/addons/gateway/manifests.ts'
import { ingressNginxManifests } from '#engine/addons/ingress-nginx/manifests.ts'
import { metricsServerManifests } from '#engine/addons/metrics-server/manifests.ts'
import { coreDnsManifest, kubeProxyManifest, manifestObjects, proxyConfiguration } from '#engine/kubeadm/addons.ts'
import { bootstrapRules, clusterInfoObjects, configObjects, kubeletObjects, signature } from '#engine/kubeadm/cluster-objects.ts'
import { etcdImage, kubernetesImage } from '#engine/kubeadm/images.ts'
import { kubeletConfigText, kubeletConfiguration } from '#engine/kubeadm/kubelet.ts'
import { componentNames } from '#engine/kubeadm/static-pods.ts'
import { addonImages } from '#engine/addons/images.ts'
import { nodeImages } from '#engine/node/images.ts'
import type { ImageTable } from '#engine/node/runtime/image.ts'
import { clusterConfiguration } from './node-files.ts'
import type { ClusterSpec, NodeSpec } from './spec.ts'

export const addonImageTables: readonly ImageTable[] = [nodeImages, addonImages]

/** The add-ons of `kubeadm init`. */
export function kubeadmObjects(spec: ClusterSpec, server: string): KubeObject[] {
  const out: KubeObject[] = []
  const cluster = clusterConfiguration(spec)
  if (spec.proxyMode !== 'none') {
    const config = proxyConfiguration(cluster, { mode: spec.proxyMode === 'iptables' ? '' : spec.proxyMode })
    out.push(...manifestObjects(kubeProxyManifest(cluster, server, config)).map((o) => (o.kind === 'ConfigMap' ? { ...o, metadata: { ...o.metadata, ...signature(config.replace(/\n$/, '')) } } : o)))
  }
  if (spec.addons.includes('coredns')) out.push(...manifestObjects(coreDnsManifest(cluster)))
  return out
}

/** What else it leaves: its configuration, the kubelets', cluster-info, and who may read these and ask for certificates. */
export function configurationObjects(spec: ClusterSpec, server: string, caPem: string): KubeObject[] {
  const cluster = clusterConfiguration(spec)
  const kubelet = kubeletConfigText({ ...kubeletConfiguration(cluster), clusterDNS: [spec.dnsIp] })
  return [...configObjects(cluster), ...kubeletObjects(kubelet, false), ...bootstrapRules.flatMap((r) => r.objects), ...clusterInfoObjects(server, caPem)]
}

/** What is applied once the workers have joined. */
export function appliedObjects(spec: ClusterSpec): KubeObject[] {
  const out: KubeObject[] = []
  if (spec.plugin === 'canal') out.push(...canalManifests({ podCidr: spec.podCidr }))
  if (spec.plugin === 'flannel') out.push(...flannelManifests({ podCidr: spec.podCidr }))
  if (spec.addons.includes('metrics-server')) out.push(...metricsServerManifests())
  if (spec.addons.includes('ingress-nginx')) out.push(...ingressNginxManifests())
  if (spec.addons.includes('gateway')) out.push(...gatewayManifests())
  if (spec.addons.includes('gateway-experimental')) out.push(...gatewayManifests({ channel: 'experimental' }))
  if (spec.addons.includes('address-pool')) {
    const network = spec.workstation.address.replace(/\.\d+$/, '')
    out.push(...addressPoolManifests({ range: `${network}.200-${network}.250` }))
  }
  return out
}

const everywhere = ['registry.k8s.io/pause:3.10.1']

/** Images that are on a node's disk when the lab opens: those of the add-ons, which all nodes share, and the control plane's. */
export function preloadedImages(spec: ClusterSpec): (node: NodeSpec) => string[] {
  const objects = [...kubeadmObjects(spec, ''), ...appliedObjects(spec)]
  const shared = [...everywhere, `registry.k8s.io/kube-proxy:${spec.version}`, ...objects.flatMap(imagesOf)]
  const configuration = clusterConfiguration(spec)
  const own = [etcdImage(configuration, spec.version), ...componentNames.map((name) => kubernetesImage(configuration, name))]
  return (node) => [...new Set([...shared, ...(node.roles.includes('control-plane') ? own : [])])]
}

function imagesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(imagesOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, v]) => (key === 'image' && typeof v === 'string' ? [v] : imagesOf(v)))
}
