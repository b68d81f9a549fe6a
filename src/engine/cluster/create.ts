/**
 * The composition root: a running cluster from a ClusterSpec. Machines boot, kubelets start the control plane from its manifests, controllers make the
 * add-ons' pods; nothing is put there that these did not make, except what `kubeadm init` itself leaves in etcd.
 */
import { parseYaml } from '#base/yaml.ts'
import type { Runner } from '#engine/sim/runner.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { Gate } from '#engine/api/gate.ts'
import type { ApiServer } from '#engine/api/server.ts'
import type { ApiClient, KubeObject, UserInfo } from '#engine/api/types.ts'
import { StatusError } from '#engine/api/types.ts'
import type { DiscoveredResource } from '#engine/control/controller.ts'
import { etcdImage } from '#engine/images/etcd/image.ts'
import { commonImages } from '#engine/images/all.ts'
import { kubeApiserverImage } from '#engine/images/kube-apiserver/image.ts'
import { buildApiServer } from '#engine/kinds/build.ts'
import { isPodReady, type Pod } from '#engine/kinds/pod/types.ts'
import { decodeCertificates } from '#engine/machine/certificates.ts'
import type { Host } from '#engine/machine/host.ts'
import type { Machine, ProgramTable } from '#engine/machine/machine.ts'
import type { Process } from '#engine/machine/process.ts'
import { SimNetwork } from '#engine/net/network.ts'
import type { Credentials } from '#engine/node/kubelet/kubeconfig.ts'
import { containerdProgram, kubeletProgram, type NodeTies } from '#engine/node/kubelet/program.ts'
import { KubeletProxy } from '#engine/node/kubelet/streaming.ts'
import type { Node } from '#engine/kinds/node/types.ts'
import { Containerd } from '#engine/node/runtime/containerd.ts'
import { Registry } from '#engine/node/runtime/registry.ts'
import type { ImageBehaviour, ImageTable } from '#engine/node/runtime/image.ts'
import { addonImageTables, appliedObjects, kubeadmObjects, preloadedImages } from './addons.ts'
import { certificateUser, managerImages } from './control-plane/managers.ts'
import { bridgeConflist, containerdUnit, kubeletConfig, kubeletDropIn, kubeletUnit, staticPodManifests } from './manifests.ts'
import { createGateway, createMachine, hostAddress, Segment } from './nodes.ts'
import { Pki } from './pki.ts'
import { Roads, type RoadEnd, type Serving } from './roads.ts'
import { metricsServerImage } from '#engine/addons/metrics-server/program.ts'
import { extensions } from './extensions.ts'
import { signerOf } from './signer.ts'
import type { ClusterSpec, NodeSpec, OutsideSpec } from './spec.ts'
import { startStandIns } from './stand-in.ts'
import { installSsh } from './ssh.ts'

export interface ClusterOptions {
  readonly sim: Sim
  readonly spec: ClusterSpec
  /** Everything executable on hosts and in images. */
  readonly programs: ProgramTable
  /** More images than the usual ones. */
  readonly images?: readonly ImageTable[]
}

export interface Cluster {
  readonly sim: Sim
  readonly network: SimNetwork
  readonly api: ApiServer
  readonly spec: ClusterSpec
  /** Nodes, workstation and outside machines by name. */
  readonly hosts: ReadonlyMap<string, Host>
  readonly workstation: Host
  /** admin.conf */
  readonly kubeconfig: string
  readonly nodes: ReadonlyMap<string, NodeTies>
  readonly registry: Registry
  /** A client with all rights that no gate closes; for set-up and inspection. */
  readonly admin: ApiClient
  /** Runs the boot until all pods are ready. False when that takes more than ten virtual minutes. */
  ready(runner: Runner): Promise<boolean>
}

/** Virtual ms after which the network plugin is applied: the workers have joined. */
const pluginDelay = 20_000

const patches = (version: string): string[] => {
  const match = /^v(\d+)\.(\d+)\.(\d+)$/.exec(version)
  if (!match) return [version]
  const [, major, minor, patch] = match
  const out = [version]
  for (let p = Number(patch) - 1; p >= 0; p--) out.push(`v${major}.${minor}.${p}`)
  return [...out, `v${major}.${Number(minor) - 1}.8`, `v${major}.${Number(minor) - 1}.0`]
}

export function createCluster(options: ClusterOptions): Cluster {
  const { sim, spec } = options
  const network = new SimNetwork(sim)
  const pki = new Pki(sim.random.fork('pki'), sim.now)
  const controlPlane: OutsideSpec = spec.controlPlaneMachine ?? spec.nodes.find((n) => n.roles.includes('control-plane')) ?? spec.nodes[0]!
  const endpoint = `${controlPlane.address}:6443`
  const server = `https://${endpoint}`
  const api = buildApiServer({ sim, version: spec.version, serviceCidr: spec.serviceCidr, advertiseAddress: endpoint, caCertificate: pki.caPem })

  const serving = new Map<string, Serving>()
  const roads = new Roads(network, (ns, port) => serving.get(`${ns.name} ${port}`))
  /** A client for as long as its road is open. */
  const clientFor = (user: UserInfo, machine: Machine, end: RoadEnd) => {
    const road = roads.open(machine.net, end)
    const closing = new Gate()
    const gate = Gate.all(road.gate, closing)
    const whole = Gate.all(api.gate, gate)
    const close = () => {
      closing.set(false)
      road.close()
    }
    return { client: api.client(user, gate), as: (other: UserInfo) => api.client(other, gate), reach: { unreachable: () => (whole.open ? undefined : whole.reason), onReach: (listener: (reached: boolean) => void) => whole.onChange(listener) }, close }
  }
  /** What a kubeconfig gives: its server must be in reach and be trusted, its certificate must be trusted by the server. */
  const credentialsClient = (credentials: Pick<Credentials, 'server' | 'caPem' | 'certificatePem'>, machine: Machine) =>
    clientFor(certificateUser(credentials.certificatePem) ?? { name: 'system:anonymous', groups: ['system:unauthenticated'] }, machine, {
      server: credentials.server,
      roots: decodeCertificates(credentials.caPem),
      leaf: decodeCertificates(credentials.certificatePem)[0],
      resolve: (name) => hostAddress(machine, name),
    })

  const serve = (key: string, how: Serving, process: Process) => {
    serving.set(key, how)
    process.onEnd(() => {
      if (serving.get(key) === how) serving.delete(key)
    })
  }
  const byName = new Map<string, NodeTies>()
  const metricsTies = extensions({ api, network, nodes: byName, from: () => hosts.get(controlPlane.name)!.net, dialProblem: (ns, address, port) => roads.dialProblem(ns, address, port) })
  const tags = patches(spec.version)
  const controlImages: ImageBehaviour[] = [
    kubeApiserverImage({ api, version: spec.version, onServe: (process, port, how) => serve(`${process.machine.net.name} ${port}`, how, process) }, tags),
    metricsServerImage(metricsTies),
    etcdImage(['3.6.6-0', '3.6.5-0', '3.5.24-0']),
    ...managerImages({ client: (process, credentials) => credentialsClient(credentials, process.machine), version: spec.version, resources: () => deletableResources(api) }, tags),
  ]
  const registry = new Registry([...addonImageTables, commonImages, ...(options.images ?? []), new Map(controlImages.map((i) => [i.repository, i]))])

  const ties = new Map<Machine, NodeTies>()
  const programs = new Map(options.programs)
  const find = (machine: Machine) => ties.get(machine)
  programs.set('kubelet', kubeletProgram(find))
  programs.set('containerd', containerdProgram(find))

  const segment = new Segment(network)
  createGateway(segment, controlPlane.address.replace(/\.\d+$/, '.1'), spec.hostPrefix)
  const hosts = new Map<string, Host>()
  const machines = [controlPlane, ...spec.nodes, spec.workstation, ...spec.outside].filter((m, i, all) => all.findIndex((o) => o.name === m.name) === i)
  const hostLines = machines.map((m) => `${m.address}\t${m.name}\n`).join('')
  const adminConf = pki.kubeconfig({ server, user: 'kubernetes-admin', commonName: 'kubernetes-admin', organizations: ['kubeadm:cluster-admins'] })
  for (const m of machines) {
    const node = spec.nodes.find((n) => n.name === m.name)
    const host = createMachine({ sim, network, segment, name: m.name, address: m.address, prefix: spec.hostPrefix, programs, hosts: hostLines })
    hosts.set(m.name, host)
    if (node) {
      if (!spec.standInKubelets) writeNodeFiles(host, spec, node, pki, server)
      byName.set(node.name, tie(host, node))
    }
  }
  api.nodeProxy = new KubeletProxy({ kubelet: (name) => byName.get(name)?.kubelet, node: (name) => api.store.get('nodes', '', name) as Node | undefined, dialProblem: (address, port) => roads.dialProblem(hosts.get(controlPlane.name)!.net, address, port) })
  const workstation = hosts.get(spec.workstation.name)!
  writeWorkstation(workstation, spec, adminConf)
  installSsh(hosts.values(), spec.workstation, sim.random.fork('ssh'))
  hosts.get(controlPlane.name)!.fs.mkdir('/etc/kubernetes', { parents: true })
  hosts.get(controlPlane.name)!.fs.writeFile('/etc/kubernetes/admin.conf', adminConf, { mode: 0o600 })
  writeRootKubeconfig(hosts.get(controlPlane.name)!, adminConf)

  function tie(host: Host, node: NodeSpec): NodeTies {
    const runtime = new Containerd(host, registry, { nodeName: node.name, api: (user, machine, server) => clientFor(user, machine, { server }) })
    for (const image of preloadedImages(spec, node)) runtime.load(image)
    const own: NodeTies = {
      runtime,
      client: (credentials, machine) => credentialsClient(credentials, machine),
      facts: (config, labels) => ({
        name: node.name,
        address: node.address,
        size: { cpu: node.cpu, memory: memoryText(node.memory), ephemeralStorage: '101590572Ki' },
        maxPods: config.maxPods,
        version: spec.version,
        labels: { ...Object.fromEntries(node.roles.flatMap((r) => [[`node-role.kubernetes.io/${r}`, ''], ...(r === 'control-plane' ? [['node.kubernetes.io/exclude-from-external-load-balancers', '']] : [])])), ...node.labels, ...labels },
        taints: [...node.roles.filter((r) => r === 'control-plane').map((r) => ({ key: `node-role.kubernetes.io/${r}`, effect: 'NoSchedule' })), ...(node.taints ?? [])],
        machineId: host.fs.readFile('/etc/machine-id').trim(),
        bootId: sim.random.uuid(),
        systemUuid: sim.random.uuid(),
        kernel: host.sysctl('kernel.osrelease') ?? '',
        osImage: /^PRETTY_NAME="(.*)"$/m.exec(host.fs.readFile('/etc/os-release'))?.[1] ?? '',
        images: runtime.images().map((i) => ({ names: [...i.digests, ...i.tags], sizeBytes: i.size })),
      }),
      kubelet: undefined,
    }
    ties.set(host, own)
    return own
  }

  // What kubeadm leaves in etcd; then the API goes down until its process is up.
  const admin = api.client({ name: 'kubernetes-super-admin', groups: ['system:masters', 'system:authenticated'] })
  const apply = (objects: readonly KubeObject[]) => {
    const waiting: KubeObject[] = []
    for (const object of objects) {
      const kind = api.kinds.find((k) => k.kind === object.kind && `${k.group ? `${k.group}/` : ''}${k.version}` === object.apiVersion)
      if (!kind) {
        waiting.push(object)
        continue
      }
      try {
        admin.create({ group: kind.group, version: kind.version, resource: kind.plural }, object)
      } catch (error) {
        if (!(error instanceof StatusError) || error.status.reason !== 'AlreadyExists') throw error
      }
    }
    // Kinds of definitions that were among the objects are served a moment later.
    if (waiting.length > 0 && waiting.length < objects.length) sim.after(1000, () => apply(waiting))
  }
  apply(kubeadmObjects(spec, server))
  if (spec.standInKubelets) {
    startStandIns({ sim, api, spec, rootCa: pki.caPem, signer: signerOf(sim.random.fork('signer'), pki.ca), resources: deletableResources(api) })
    startBareControlPlane(hosts.get(controlPlane.name)!, spec, controlPlane, pki, controlImages)
  } else {
    api.gate.set(false)
    if (spec.controlPlaneMachine) startBareControlPlane(hosts.get(controlPlane.name)!, spec, controlPlane, pki, controlImages, ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    for (const node of spec.nodes) {
      const host = hosts.get(node.name)!
      for (const unit of ['containerd.service', 'kubelet.service']) host.units.enable(unit)
      host.units.start('containerd.service')
      // The workers join when the control plane is there.
      sim.after(node.name === controlPlane.name || spec.controlPlaneMachine ? 1500 : 12_000 + 2000 * spec.nodes.indexOf(node), () => host.units.start('kubelet.service'))
    }
  }

  const applied = appliedObjects(spec)
  if (applied.length > 0) sim.after(pluginDelay, () => apply(applied))

  const cluster: Cluster = {
    sim, network, api, spec, hosts, workstation, kubeconfig: adminConf, nodes: byName, registry, admin,
    ready: async (runner) => {
      // Asked after every event; the answer can only change with the store.
      let asked = -1
      const pending = () => {
        if (asked === api.store.revision) return true
        asked = api.store.revision
        return !isReady(api, spec)
      }
      const done = await runner.runWhile(pending, 600_000)
      await runner.runFor(1000)
      return done
    },
  }
  return cluster
}

/** Every node has registered and every pod of the system runs and is ready. */
function isReady(api: ApiServer, spec: ClusterSpec): boolean {
  if (spec.standInKubelets) return api.store.list('nodes').length >= spec.nodes.length
  const nodes = api.store.list('nodes') as readonly { status?: { conditions?: { type: string; status: string }[] } }[]
  if (nodes.length < spec.nodes.length) return false
  const networked = spec.plugin !== 'none'
  if (networked && !nodes.every((n) => n.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))) return false
  const all = api.store.list('pods') as readonly Pod[]
  const waiting = all.filter((p) => !isPodReady(p) && p.status?.phase !== 'Succeeded' && (networked || p.spec.hostNetwork))
  const least = spec.controlPlaneMachine ? spec.nodes.length : 4 + (networked ? spec.nodes.length + 1 : 0)
  if (all.length < least || waiting.length > 0) return false
  const deployments = api.store.list('deployments.apps') as readonly { spec?: { replicas?: number }; status?: { availableReplicas?: number; replicas?: number } }[]
  const daemonsets = api.store.list('daemonsets.apps') as readonly { status?: { desiredNumberScheduled?: number; numberAvailable?: number; observedGeneration?: number } }[]
  return (
    (!networked || deployments.every((d) => (d.status?.availableReplicas ?? 0) >= (d.spec?.replicas ?? 1))) &&
    daemonsets.every((d) => (d.status?.observedGeneration ?? 0) > 0 && (d.status?.numberAvailable ?? 0) >= (d.status?.desiredNumberScheduled ?? 0))
  )
}

/** What discovery lists with verbs to list and delete; each kind once, by its preferred version. */
export function deletableResources(api: ApiServer): DiscoveredResource[] {
  const out: DiscoveredResource[] = []
  for (const kind of api.kinds) {
    if (!kind.verbs.includes('list') || !kind.verbs.includes('delete') || kind.alias) continue
    if (out.some((o) => o.group === kind.group && o.resource === kind.plural)) continue
    out.push({ group: kind.group, version: kind.version, resource: kind.plural, kind: kind.kind, namespaced: kind.namespaced })
  }
  return out
}

function memoryText(memory: string): string {
  const match = /^(\d+)Gi$/.exec(memory)
  // A machine shows a little less than it was given.
  return match ? `${Number(match[1]) * 1024 * 1024 - 131_072 * Number(match[1]) / 4}Ki` : memory
}

function writeNodeFiles(host: Host, spec: ClusterSpec, node: NodeSpec, pki: Pki, server: string): void {
  const { fs } = host
  const write = (path: string, text: string, mode = 0o644) => {
    fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
    fs.writeFile(path, text, { mode })
  }
  write('/usr/lib/systemd/system/kubelet.service', kubeletUnit)
  write('/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf', kubeletDropIn)
  write('/usr/lib/systemd/system/containerd.service', containerdUnit)
  write('/etc/containerd/config.toml', 'version = 3\n\n[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]\n  SystemdCgroup = true\n')
  write('/var/lib/kubelet/config.yaml', kubeletConfig(spec))
  write('/var/lib/kubelet/kubeadm-flags.env', `KUBELET_KUBEADM_ARGS="--node-ip=${node.address} --pod-infra-container-image=registry.k8s.io/pause:3.10.1"\n`)
  write('/etc/kubernetes/kubelet.conf', pki.kubeconfig({ server, user: `system:node:${node.name}`, commonName: `system:node:${node.name}`, organizations: ['system:nodes'] }), 0o600)
  fs.mkdir('/etc/kubernetes/manifests', { parents: true })
  fs.mkdir('/etc/cni/net.d', { parents: true })
  if (spec.plugin === 'bridge') write('/etc/cni/net.d/10-bridge.conflist', bridgeConflist(spec.podCidr))
  for (const plugin of ['bandwidth', 'bridge', 'dhcp', 'dummy', 'firewall', 'host-device', 'host-local', 'ipvlan', 'loopback', 'macvlan', 'portmap', 'ptp', 'sbr', 'static', 'tuning', 'vlan', 'vrf']) write(`/opt/cni/bin/${plugin}`, '\x7fELF', 0o755)
  host.setSysctl('net.ipv4.ip_forward', '1')
  if (!node.roles.includes('control-plane')) {
    write('/etc/kubernetes/pki/ca.crt', pki.caPem)
    return
  }
  for (const [path, file] of pki.files({ node: node.name, address: node.address, serviceIp: '10.96.0.1' })) write(path, file.text, file.mode)
  write('/etc/kubernetes/controller-manager.conf', pki.kubeconfig({ server, user: 'system:kube-controller-manager', commonName: 'system:kube-controller-manager' }), 0o600)
  write('/etc/kubernetes/scheduler.conf', pki.kubeconfig({ server, user: 'system:kube-scheduler', commonName: 'system:kube-scheduler' }), 0o600)
  for (const [name, text] of staticPodManifests(spec, node)) write(`/etc/kubernetes/manifests/${name}`, text, 0o600)
}

/** Where no kubelet runs, etcd and the API server are plain processes of the machine. */
function startBareControlPlane(host: Host, spec: ClusterSpec, node: OutsideSpec, pki: Pki, images: readonly ImageBehaviour[], components: readonly string[] = ['etcd', 'kube-apiserver']): void {
  for (const [path, file] of pki.files({ node: node.name, address: node.address, serviceIp: '10.96.0.1', loopback: true })) {
    host.fs.mkdir(path.slice(0, path.lastIndexOf('/')), { parents: true })
    host.fs.writeFile(path, file.text, { mode: file.mode })
  }
  const manifests = staticPodManifests(spec, node)
  for (const component of ['controller-manager', 'scheduler']) host.fs.writeFile(`/etc/kubernetes/${component}.conf`, pki.kubeconfig({ server: `https://${node.address}:6443`, user: `system:kube-${component}`, commonName: `system:kube-${component}` }), { mode: 0o600 })
  for (const name of components) {
    const pod = parseYaml(manifests.get(`${name}.yaml`)!) as Pod
    const program = Object.values(images.find((i) => i.repository.endsWith(`/${name}`))?.programs ?? {})[0]
    if (program) host.start({ argv: pod.spec.containers[0]!.command ?? [name], program: (process) => program(process, undefined as never), output: { stdout: () => {}, stderr: () => {} } })
  }
}

function writeRootKubeconfig(host: Host, text: string): void {
  host.fs.mkdir('/root/.kube', { parents: true })
  host.fs.writeFile('/root/.kube/config', text, { mode: 0o600 })
}

function writeWorkstation(host: Host, spec: ClusterSpec, kubeconfig: string): void {
  const { user, home, cwd } = spec.workstation
  const { fs } = host
  if (user !== 'root' && !host.users.has(user)) {
    fs.writeFile('/etc/passwd', `${user}:x:1001:1001:,,,:${home}:/bin/bash\n`, { append: true })
    fs.writeFile('/etc/group', `${user}:x:1001:\n`, { append: true })
  }
  const owner = host.users.get(user)
  fs.mkdir(`${home}/.kube`, { parents: true })
  fs.writeFile(`${home}/.kube/config`, kubeconfig, { mode: 0o600 })
  if (cwd) fs.mkdir(cwd, { parents: true })
  if (owner) for (const path of [home, `${home}/.kube`, `${home}/.kube/config`]) fs.chown(path, owner.uid, owner.gid)
}
