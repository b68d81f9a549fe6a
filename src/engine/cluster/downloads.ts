/**
 * The release manifests that people install from the internet, by their addresses: `kubectl apply -f https://…` reads them from here. SIMPLIFICATION:
 * nothing else of the internet is there, and no packets are sent for these. They say what our add-ons' manifests say, as published: metrics-server's
 * verifies kubelets.
 */
import { formatYaml } from '#base/yaml.ts'
import { calicoVersion, canalManifests } from '#engine/addons/canal/manifests.ts'
import { flannelManifests, flannelVersion } from '#engine/addons/flannel/manifests.ts'
import { gatewayApiDefinitions, gatewayApiVersion } from '#engine/addons/gateway-api/definitions.ts'
import { ingressNginxManifests } from '#engine/addons/ingress-nginx/manifests.ts'
import { ingressNginxVersion } from '#engine/addons/ingress-nginx/program.ts'
import { metricsServerManifests, metricsServerVersion } from '#engine/addons/metrics-server/manifests.ts'
import { localPathManifests, localPathVersion } from '#engine/addons/local-path/manifests.ts'
import type { KubeObject } from '#engine/api/types.ts'

const github = 'https://github.com'
const raw = 'https://raw.githubusercontent.com'
/** The range that the network plugins' published manifests name. */
const podCidr = '10.244.0.0/16'

const releases: readonly (readonly [addresses: readonly string[], objects: () => readonly KubeObject[]])[] = [
  [[`${github}/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml`, `${github}/kubernetes-sigs/metrics-server/releases/download/${metricsServerVersion}/components.yaml`], () => metricsServerManifests({ verifyKubelets: true })],
  [[`${github}/flannel-io/flannel/releases/latest/download/kube-flannel.yml`, `${github}/flannel-io/flannel/releases/download/${flannelVersion}/kube-flannel.yml`, `${raw}/flannel-io/flannel/master/Documentation/kube-flannel.yml`], () => flannelManifests({ podCidr })],
  [['master', localPathVersion].map((branch) => `${raw}/rancher/local-path-provisioner/${branch}/deploy/local-path-storage.yaml`), () => localPathManifests()],
  [[`${raw}/projectcalico/calico/${calicoVersion}/manifests/canal.yaml`], () => canalManifests({ podCidr })],
  [['main', `controller-${ingressNginxVersion}`].map((branch) => `${raw}/kubernetes/ingress-nginx/${branch}/deploy/static/provider/baremetal/deploy.yaml`), () => ingressNginxManifests()],
  [['main', `controller-${ingressNginxVersion}`].map((branch) => `${raw}/kubernetes/ingress-nginx/${branch}/deploy/static/provider/cloud/deploy.yaml`), () => ingressNginxManifests({ serviceType: 'LoadBalancer' })],
  [[`${github}/kubernetes-sigs/gateway-api/releases/latest/download/standard-install.yaml`, `${github}/kubernetes-sigs/gateway-api/releases/download/${gatewayApiVersion}/standard-install.yaml`], () => gatewayApiDefinitions('standard')],
  [[`${github}/kubernetes-sigs/gateway-api/releases/latest/download/experimental-install.yaml`, `${github}/kubernetes-sigs/gateway-api/releases/download/${gatewayApiVersion}/experimental-install.yaml`], () => gatewayApiDefinitions('experimental')],
]

/** Address → text. */
export const downloads: ReadonlyMap<string, () => string> = new Map(releases.flatMap(([addresses, objects]) => addresses.map((address) => [address, () => objects().map((o) => formatYaml(o)).join('---\n')] as const)))
