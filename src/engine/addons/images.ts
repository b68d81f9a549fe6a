/** Images of the add-ons: CoreDNS. The composition root puts them into the registry beside those of the node and images rooms. */
import type { ImageBehaviour, ImageTable } from '#engine/node/runtime/image.ts'
import { coreDns } from './coredns/program.ts'

const coreDnsImage: ImageBehaviour = {
  repository: 'registry.k8s.io/coredns/coredns',
  tags: ['v1.13.1', 'v1.12.1', 'v1.11.3'],
  size: 23_553_024,
  entrypoint: ['/coredns'],
  user: '65532',
  workdir: '/',
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt' },
  exposedPorts: [53],
  programs: { '/coredns': coreDns },
}

export const addonImages: ImageTable = new Map([coreDnsImage].map((image) => [image.repository, image]))
