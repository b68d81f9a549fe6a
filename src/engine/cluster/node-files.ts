/**
 * The files of machines: what their packages leave, and what `kubeadm init` and `kubeadm join` have written where the cluster stands when the lab opens.
 * The texts are kubeadm's own (engine/kubeadm).
 */
import { parseYaml } from '#base/yaml.ts'
import { certificateCredentials, certificateSpecs, formatKubeconfig, issueSpec, kubeconfigSpecs, pairFiles, publicKeyPem } from '#engine/kubeadm/certificates.ts'
import { defaultBindPort, defaultClusterConfiguration, defaultCriSocket, type ClusterConfiguration } from '#engine/kubeadm/configuration.ts'
import { instanceConfig, kubeletConfigText, kubeletConfiguration, kubeletDropIn, kubeletFlagsFile, kubeletUnit } from '#engine/kubeadm/kubelet.ts'
import { packageFiles } from '#engine/kubeadm/packages.ts'
import { componentNames, manifestFolder, staticPodText } from '#engine/kubeadm/static-pods.ts'
import { encodeKey } from '#engine/machine/certificates.ts'
import type { Host } from '#engine/machine/host.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import type { Pod } from '#engine/kinds/pod/types.ts'
import type { Pki } from './pki.ts'
import type { ClusterSpec, NodeSpec, OutsideSpec } from './spec.ts'
import { swapHeader } from '#engine/machine/swap.ts'

const containerdUnit = `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target

[Service]
ExecStart=/usr/bin/containerd
Restart=always
RestartSec=5
Delegate=yes
KillMode=process

[Install]
WantedBy=multi-user.target
`

/** The bridge plugin's configuration where the pod network is one node's range. */
function bridgeConflist(podCidr: string): string {
  return `${JSON.stringify(
    {
      cniVersion: '1.0.0',
      name: 'bridge',
      plugins: [
        { type: 'bridge', bridge: 'cni0', isGateway: true, isDefaultGateway: true, ipMasq: true, hairpinMode: true, ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] } },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  )}\n`
}

/** The configuration with which a cluster of this shape was made. */
export function clusterConfiguration(spec: ClusterSpec): ClusterConfiguration {
  const base = defaultClusterConfiguration(spec.version)
  return { ...base, networking: { ...base.networking, podSubnet: spec.podCidr, serviceSubnet: spec.serviceCidr } }
}

const plugins = ['bandwidth', 'bridge', 'dhcp', 'dummy', 'firewall', 'host-device', 'host-local', 'ipvlan', 'loopback', 'macvlan', 'portmap', 'ptp', 'sbr', 'static', 'tuning', 'vlan', 'vrf']

export function writeTo(host: Host): (path: string, text: string, mode?: number) => void {
  const { fs } = host
  return (path, text, mode = 0o644) => {
    fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
    fs.writeFile(path, text, { mode })
  }
}

/** What the packages containerd, kubelet, kubeadm and kubectl leave, and a machine made ready for them. */
export function writeMachineFiles(host: Host, spec: ClusterSpec): void {
  const write = writeTo(host)
  write('/usr/lib/systemd/system/kubelet.service', kubeletUnit)
  write('/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf', kubeletDropIn)
  write('/usr/lib/systemd/system/containerd.service', containerdUnit)
  write('/etc/containerd/config.toml', 'version = 3\n\n[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]\n  SystemdCgroup = true\n')
  host.fs.mkdir(manifestFolder, { parents: true })
  host.fs.mkdir('/etc/cni/net.d', { parents: true })
  for (const plugin of plugins) write(`/opt/cni/bin/${plugin}`, '\x7fELF', 0o755)
  for (const folder of ['/etc/ca-certificates', '/usr/share/ca-certificates', '/usr/local/share/ca-certificates']) host.fs.mkdir(folder, { parents: true })
  write('/usr/sbin/losetup', '\x7fELF', 0o755)
  for (const [path, text] of packageFiles(spec.version)) write(path, text)
  write('/etc/modules-load.d/k8s.conf', 'overlay\nbr_netfilter\n')
  write('/etc/sysctl.d/k8s.conf', 'net.bridge.bridge-nf-call-iptables  = 1\nnet.bridge.bridge-nf-call-ip6tables = 1\nnet.ipv4.ip_forward                 = 1\n')
  host.setSysctl('net.ipv4.ip_forward', '1')
}

/** The installer's swap file; that of a node that has joined waits for its next boot, as its kubelet would not have started. */
export function writeSwap(host: Host, node: NodeSpec): void {
  const { fs } = host
  fs.writeFile('/swap.img', swapHeader(2_097_148), { mode: 0o600 })
  fs.writeFile('/etc/fstab', `${fs.readFile('/etc/fstab')}/swap.img none swap sw 0 0\n`)
  if (node.blank) host.swaps.boot(fs)
}

/** What joining a cluster has left on a node, or making it on a control plane. */
export function writeNodeFiles(host: Host, spec: ClusterSpec, node: NodeSpec, pki: Pki, server: string): void {
  const write = writeTo(host)
  const cluster = clusterConfiguration(spec)
  write('/var/lib/kubelet/config.yaml', kubeletConfigText({ ...kubeletConfiguration(cluster), clusterDNS: [spec.dnsIp], containerRuntimeEndpoint: defaultCriSocket }))
  write('/var/lib/kubelet/instance-config.yaml', instanceConfig(defaultCriSocket))
  write('/var/lib/kubelet/kubeadm-flags.env', kubeletFlagsFile({ node: node.name, hostname: node.name }))
  write('/etc/kubernetes/kubelet.conf', kubeconfig(pki, 'kubelet', node.name, server), 0o600)
  if (spec.plugin === 'bridge') write('/etc/cni/net.d/10-bridge.conflist', bridgeConflist(spec.podCidr))
  if (!node.roles.includes('control-plane')) return write('/etc/kubernetes/pki/ca.crt', pki.caPem)
  writePki(write, spec, node, pki)
  for (const component of ['controller-manager', 'scheduler']) write(`/etc/kubernetes/${component}.conf`, kubeconfig(pki, component, node.name, server), 0o600)
  write('/etc/kubernetes/super-admin.conf', kubeconfig(pki, 'super-admin', node.name, server), 0o600)
  for (const name of [...componentNames, 'etcd'] as const) write(`${manifestFolder}/${name}.yaml`, staticPodText(name, podOptions(spec, node)), 0o600)
  // The database is not new: the API server finds what is in the store.
  write('/var/lib/etcd/member/snap/db', '')
}

const podOptions = (spec: ClusterSpec, node: { readonly name: string; readonly address: string }) => ({ cluster: clusterConfiguration(spec), endpoint: { advertiseAddress: node.address, bindPort: defaultBindPort }, node: node.name })

/** One of kubeadm's kubeconfigs. */
export function kubeconfig(pki: Pki, name: string, node: string, server: string): string {
  const spec = kubeconfigSpecs.find((s) => s.name === name)!
  const user = spec.user(node)
  return formatKubeconfig({ server, caPem: pki.caPem, user, clusterName: 'kubernetes' }, certificateCredentials(pki.issue({ commonName: user, organizations: spec.organizations, usages: ['client auth'] })))
}

function writePki(write: (path: string, text: string, mode?: number) => void, spec: ClusterSpec, node: { readonly name: string; readonly address: string }, pki: Pki, loopback = false): void {
  const cluster = clusterConfiguration(spec)
  const base = cluster.certificatesDir
  if (loopback) cluster.apiServer.certSANs = ['127.0.0.1']
  const inputs = { cluster, endpoint: { advertiseAddress: node.address, bindPort: defaultBindPort }, node: node.name }
  for (const s of certificateSpecs) {
    const files = pairFiles(s.ca === undefined ? pki.authority(s.name) : issueSpec(pki.random, s, inputs, pki.now, pki.authority(s.ca)))
    write(`${base}/${s.file}.crt`, files.crt)
    write(`${base}/${s.file}.key`, files.key, 0o600)
  }
  write(`${base}/sa.key`, encodeKey(pki.saKey), 0o600)
  write(`${base}/sa.pub`, publicKeyPem(pki.saKey), 0o600)
}

/** Where no kubelet runs, etcd and the API server are plain processes of the machine. */
export function startBareControlPlane(host: Host, spec: ClusterSpec, node: OutsideSpec, pki: Pki, images: readonly ImageBehaviour[], components: readonly ('etcd' | (typeof componentNames)[number])[] = ['etcd', 'kube-apiserver']): void {
  const write = writeTo(host)
  writePki(write, spec, node, pki, true)
  write('/var/lib/etcd/member/snap/db', '')
  for (const component of ['controller-manager', 'scheduler']) write(`/etc/kubernetes/${component}.conf`, kubeconfig(pki, component, node.name, `https://${node.address}:6443`), 0o600)
  for (const name of components) {
    const pod = parseYaml(staticPodText(name, podOptions(spec, node))) as Pod
    const program = Object.values(images.find((i) => i.repository.endsWith(`/${name}`))?.programs ?? {})[0]
    if (program) host.start({ argv: pod.spec.containers[0]!.command ?? [name], program: (process) => program(process, undefined as never), output: { stdout: () => {}, stderr: () => {} } })
  }
}

export function writeRootKubeconfig(host: Host, text: string): void {
  writeTo(host)('/root/.kube/config', text, 0o600)
}
