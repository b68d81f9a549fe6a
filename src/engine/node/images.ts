/** Images of what runs on every node as a pod: kube-proxy. The composition root puts them into the registry. */
import { kubeProxy } from './kube-proxy/program.ts'
import type { ImageBehaviour, ImageTable } from './runtime/image.ts'

const kubeProxyImage: ImageBehaviour = {
  repository: 'registry.k8s.io/kube-proxy',
  tags: [...[4, 3, 2, 1, 0].map((n) => `v1.35.${n}`), ...[7, 6, 5, 4, 3, 2, 1, 0].map((n) => `v1.34.${n}`)],
  size: 25_788_480,
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  programs: { '/usr/local/bin/kube-proxy': kubeProxy },
}

export const nodeImages: ImageTable = new Map([kubeProxyImage].map((image) => [image.repository, image]))
