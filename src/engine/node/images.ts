/** Images of what runs on every node as a pod: kube-proxy. The composition root puts them into the registry. */
import { kubeProxy } from './kube-proxy/program.ts'
import type { ImageBehaviour, ImageTable } from './runtime/image.ts'

const kubeProxyImage: ImageBehaviour = {
  repository: 'registry.k8s.io/kube-proxy',
  tags: ['v1.35.4', 'v1.35.3', 'v1.35.2', 'v1.35.1', 'v1.35.0', 'v1.34.6', 'v1.34.0'],
  size: 25_788_480,
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  programs: { '/usr/local/bin/kube-proxy': kubeProxy },
}

export const nodeImages: ImageTable = new Map([kubeProxyImage].map((image) => [image.repository, image]))
