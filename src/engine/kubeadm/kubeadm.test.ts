import { expect, test } from 'vitest'
import { parseYaml } from '#base/go-yaml/parse.ts'
import { coreDnsManifest, manifestObjects } from './addons.ts'
import { defaultClusterConfiguration } from './configuration.ts'
import { controlPlaneImages, releaseOf } from './images.ts'
import { kubeletFlagsFile } from './kubelet.ts'
import { indexFile, installedVersion, packageFiles, parseStatus, repositoryIndex, statusFile } from './packages.ts'
import { formatStaticPod, staticPod } from './static-pods.ts'

const cluster = defaultClusterConfiguration('v1.35.4')
const options = { cluster, endpoint: { advertiseAddress: '10.0.0.1', bindPort: 6443 }, node: 'cp' }

test('images of a version, by the kubeadm that deploys it', () => {
  expect(controlPlaneImages(cluster).map((i) => i.replace('registry.k8s.io/', ''))).toEqual(['kube-apiserver:v1.35.4', 'kube-controller-manager:v1.35.4', 'kube-scheduler:v1.35.4', 'kube-proxy:v1.35.4', 'coredns/coredns:v1.13.1', 'pause:3.10.1', 'etcd:3.6.6-0'])
  expect(releaseOf('v1.34.2').etcd).toBe('3.6.5-0')
  expect(releaseOf('v1.34.2', 'v1.35.4').etcd).toBe('3.6.6-0')
})

test('extra arguments replace and follow those of a static pod', () => {
  const changed = { ...cluster, scheduler: { extraArgs: [{ name: 'bind-address', value: '0.0.0.0' }, { name: 'v', value: '2' }] } }
  const pod = parseYaml(formatStaticPod(staticPod('kube-scheduler', { ...options, cluster: changed }))) as { spec: { containers: { command: string[]; image: string }[] } }
  expect(pod.spec.containers[0]).toMatchObject({
    image: 'registry.k8s.io/kube-scheduler:v1.35.4',
    command: ['kube-scheduler', '--authentication-kubeconfig=/etc/kubernetes/scheduler.conf', '--authorization-kubeconfig=/etc/kubernetes/scheduler.conf', '--kubeconfig=/etc/kubernetes/scheduler.conf', '--leader-elect=true', '--bind-address=0.0.0.0', '--v=2'],
  })
  expect(formatStaticPod(staticPod('etcd', options))).toContain('- --initial-cluster=cp=https://10.0.0.1:2380\n')
})

test('add-ons are objects', () => {
  expect(manifestObjects(coreDnsManifest(cluster)).map((o) => o.kind).sort()).toEqual(['ClusterRole', 'ClusterRoleBinding', 'ConfigMap', 'Deployment', 'Service', 'ServiceAccount'])
})

test("the kubelet's flags", () => {
  expect(kubeletFlagsFile({ node: 'n', hostname: 'n' })).toBe('KUBELET_KUBEADM_ARGS=""\n')
  expect(kubeletFlagsFile({ node: 'n', hostname: 'm', taints: [{ key: 'a', effect: 'NoSchedule' }] })).toBe('KUBELET_KUBEADM_ARGS="--hostname-override=n --register-with-taints=a:NoSchedule"\n')
})

test("a node's packages", () => {
  const files = packageFiles('v1.34.2')
  const status = files.get(statusFile)!
  expect(installedVersion(status, 'kubelet')).toBe('v1.34.2')
  expect(parseStatus(status).filter((p) => p.want === 'hold').map((p) => p.name)).toEqual(['kubeadm', 'kubectl', 'kubelet'])
  expect(files.get(indexFile('https://pkgs.k8s.io/core:/stable:/v1.34/deb/'))).toBe(repositoryIndex('1.34'))
  expect(repositoryIndex('1.20')).toBeUndefined()
})
