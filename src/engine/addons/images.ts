/** Images of the add-ons. The composition root puts them into the registry beside those of the node and images rooms. */
import { poolController, poolSpeaker } from './address-pool/program.ts'
import { binaryText } from '#engine/node/cni/plugins.ts'
import type { ContainerProgram, ImageBehaviour, ImageTable } from '#engine/node/runtime/image.ts'
import { calicoVersion } from './canal/manifests.ts'
import { calicoNode, installCni, kubeControllers } from './canal/program.ts'
import { coreDns } from './coredns/program.ts'
import { flannelVersion } from './flannel/manifests.ts'
import { fastCgiHelloImage } from './ingress-nginx/fastcgi-helloserver.ts'
import { ingressNginx, ingressNginxVersion } from './ingress-nginx/program.ts'
import type { WebhookTies } from './ingress-nginx/webhook.ts'
import { localPathVersion } from './local-path/manifests.ts'
import { localPath } from './local-path/program.ts'
import { copyFile } from './flannel/install.ts'
import { flanneld } from './flannel/program.ts'
import { gatewayImages } from './gateway/images.ts'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Programs of the Alpine that the ingress controller's image is made of, as far as people use them there. */
const alpineTools = Object.fromEntries([...['awk', 'cat', 'cut', 'date', 'echo', 'env', 'false', 'find', 'grep', 'head', 'hostname', 'id', 'ip', 'less', 'ls', 'netstat', 'nslookup', 'ping', 'printenv', 'ps', 'pwd', 'sed', 'sh', 'sleep', 'sort', 'tail', 'test', 'top', 'tr', 'true', 'uniq', 'wc', 'wget'].map((name) => [`/bin/${name}`, `busybox:${name}`]), ['/usr/bin/curl', 'curl']])

/** The ingress controller; its webhook is reached by the ties of the composition root. */
export function ingressNginxImage(ties?: WebhookTies): ImageBehaviour {
  const run: ContainerProgram = (process, context) => ingressNginx(process, context, ties)
  return {
    repository: 'registry.k8s.io/ingress-nginx/controller', tags: [ingressNginxVersion, 'v1.13.3', 'v1.12.1'], size: 109_000_000, entrypoint: ['/usr/bin/dumb-init', '--'], command: ['/nginx-ingress-controller'], user: '101', env: { PATH: path }, workdir: '/etc/nginx',
    users: [{ name: 'www-data', uid: 101, gid: 82 }], exposedPorts: [80, 443], tools: alpineTools, files: { '/etc/nginx/nginx.conf': { text: '', mode: 0o666 } }, programs: { '/nginx-ingress-controller': run, '/usr/bin/dumb-init': run },
  }
}

const images: readonly ImageBehaviour[] = [
  {
    repository: 'registry.k8s.io/coredns/coredns', tags: ['v1.13.1', 'v1.14.6', 'v1.12.1', 'v1.11.3'], size: 23_553_024, entrypoint: ['/coredns'], user: '65532', workdir: '/',
    env: { PATH: path, SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt' }, exposedPorts: [53], programs: { '/coredns': coreDns },
  },
  ...['ghcr.io/flannel-io/flannel', 'docker.io/flannel/flannel'].map((repository) => ({
    repository, tags: [flannelVersion, 'v0.24.4'], size: 33_000_000, entrypoint: ['/opt/bin/flanneld'], env: { PATH: path }, programs: { '/opt/bin/flanneld': flanneld, '/bin/cp': copyFile },
  })),
  { repository: 'ghcr.io/flannel-io/flannel-cni-plugin', tags: ['v1.9.0-flannel1'], size: 4_900_000, env: { PATH: path }, files: { '/flannel': { text: binaryText, mode: 0o755 } }, programs: { '/bin/cp': copyFile } },
  { repository: 'docker.io/calico/cni', tags: [calicoVersion], size: 71_000_000, entrypoint: ['/opt/cni/bin/install'], env: { PATH: `/opt/cni/bin:${path}` }, programs: { '/opt/cni/bin/install': installCni } },
  { repository: 'docker.io/calico/node', tags: [calicoVersion], size: 156_000_000, command: ['start_runit'], env: { PATH: path }, programs: { '/usr/sbin/start_runit': calicoNode } },
  ingressNginxImage(),
  { repository: 'docker.io/rancher/local-path-provisioner', tags: [localPathVersion, 'v0.0.31', 'v0.0.30'], size: 19_800_000, command: ['local-path-provisioner'], env: { PATH: `/usr/bin:${path}` }, programs: { '/usr/bin/local-path-provisioner': localPath } },
  { repository: 'docker.io/calico/kube-controllers', tags: [calicoVersion], size: 52_000_000, entrypoint: ['/usr/bin/kube-controllers'], env: { PATH: path }, programs: { '/usr/bin/kube-controllers': kubeControllers } },
  fastCgiHelloImage,
  ...gatewayImages,
  { repository: 'docker.io/drill/address-pool', tags: ['1.0', 'latest'], size: 12_000_000, entrypoint: ['/controller'], env: { PATH: path }, programs: { '/controller': poolController, '/speaker': poolSpeaker } },
]

export const addonImages: ImageTable = new Map(images.map((image) => [image.repository, image]))
