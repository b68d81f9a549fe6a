/**
 * The composition root: a running cluster from a ClusterSpec. Machines boot, kubelets start the control plane from its manifests, controllers make the
 * add-ons' pods; nothing is put there that these did not make, except what `kubeadm init` itself leaves in etcd.
 */
import type { Runner } from '#engine/sim/runner.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { userOfToken } from '#engine/api/authenticator.ts'
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
import { ingressNginxImage } from '#engine/addons/images.ts'
import { addonImageTables, appliedObjects, configurationObjects, kubeadmObjects, preloadedImages } from './addons.ts'
import { certificateUser, managerImages } from './control-plane/managers.ts'
import { kubeconfig, startBareControlPlane, writeMachineFiles, writeNodeFiles, writeSwap, writeRootKubeconfig } from './node-files.ts'
import { Database } from './database.ts'
import { createGateway, createMachine, hostAddress, Segment } from './nodes.ts'
import { installedVersion, kubernetesReleases, statusFile } from '#engine/kubeadm/packages.ts'
import { Pki } from './pki.ts'
import { Roads, type RoadEnd, type Serving } from './roads.ts'
import { metricsServerImage } from '#engine/addons/metrics-server/program.ts'
import { downloads } from './downloads.ts'
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

/** The tags of the control plane's images: every release that the packages know, and the cluster's own. */
const releaseTags = (version: string): string[] => [...new Set([version, ...Object.values(kubernetesReleases).flat().reverse().map((v) => `v${v}`)])]

export function createCluster(options: ClusterOptions): Cluster {
  const { sim, spec } = options
  const network = new SimNetwork(sim)
  const pki = new Pki(sim.random.fork('pki'), sim.now)
  /** Machines that are nodes from the start; the others wait for kubeadm. */
  const joined = spec.nodes.filter((n) => !n.blank)
  const controlPlane: OutsideSpec = spec.controlPlaneMachine ?? joined.find((n) => n.roles.includes('control-plane')) ?? joined[0] ?? spec.nodes[0]!
  /** No cluster is there yet. */
  const bare = !spec.controlPlaneMachine && joined.length === 0
  const endpoint = `${controlPlane.address}:6443`
  const server = `https://${endpoint}`
  const api = buildApiServer({ sim, version: spec.version, serviceCidr: spec.serviceCidr, advertiseAddress: endpoint, caCertificate: pki.caPem })

  const database = new Database(api)
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
  const credentialsClient = (credentials: Pick<Credentials, 'server' | 'caPem' | 'certificatePem'> & Partial<Pick<Credentials, 'token'>>, machine: Machine) =>
    clientFor(certificateUser(credentials.certificatePem) ?? tokenUser(credentials.token) ?? { name: 'system:anonymous', groups: ['system:unauthenticated'] }, machine, {
      server: credentials.server,
      roots: decodeCertificates(credentials.caPem),
      leaf: decodeCertificates(credentials.certificatePem)[0],
      resolve: (name) => hostAddress(machine, name),
    })

  const tokenUser = (token: string | undefined): UserInfo | undefined => (token ? userOfToken(api.tokens, api.store, token, sim.now) : undefined)

  const serve = (key: string, how: Serving, process: Process) => {
    serving.set(key, how)
    process.onEnd(() => {
      if (serving.get(key) === how) serving.delete(key)
    })
  }
  const byName = new Map<string, NodeTies>()
  const metricsTies = extensions({ api, network, nodes: byName, from: () => hosts.get(controlPlane.name)!.net, dialProblem: (ns, address, port) => roads.dialProblem(ns, address, port) })
  const tags = releaseTags(spec.version)
  const controlImages: ImageBehaviour[] = [
    kubeApiserverImage({ api, version: spec.version, onServe: (process, port, how) => {
      database.serve(process, how.version)
      serve(`${process.machine.net.name} ${port}`, how, process)
    } }, tags),
    metricsServerImage(metricsTies),
    ingressNginxImage(metricsTies),
    etcdImage(['3.6.6-0', '3.6.5-0', '3.5.24-0'], database),
    ...managerImages({ client: (process, credentials) => credentialsClient(credentials, process.machine), version: spec.version, resources: () => deletableResources(api), issueToken: (...facts) => api.tokens.issueForSecret(...facts) }, tags),
  ]
  const registry = new Registry([...addonImageTables, commonImages, ...(options.images ?? []), new Map(controlImages.map((i) => [i.repository, i]))])

  const ties = new Map<Machine, NodeTies>()
  const programs = new Map(options.programs)
  const find = (machine: Machine) => ties.get(machine)
  programs.set('kubelet', kubeletProgram(find))
  programs.set('containerd', containerdProgram(find))

  const imagesOn = preloadedImages(spec)
  const segment = new Segment(network)
  createGateway(segment, controlPlane.address.replace(/\.\d+$/, '.1'), spec.hostPrefix)
  const hosts = new Map<string, Host>()
  const machines = [controlPlane, ...spec.nodes, spec.workstation, ...spec.outside].filter((m, i, all) => all.findIndex((o) => o.name === m.name) === i)
  const hostLines = machines.map((m) => `${m.address}\t${m.name}\n`).join('')
  const adminConf = kubeconfig(pki, 'admin', controlPlane.name, server)
  for (const m of machines) {
    const node = spec.nodes.find((n) => n.name === m.name)
    const host = createMachine({ sim, network, segment, name: m.name, address: m.address, prefix: spec.hostPrefix, programs, hosts: hostLines })
    hosts.set(m.name, host)
    host.downloads = downloads
    if (node) {
      if (!spec.standInKubelets) {
        writeMachineFiles(host, spec)
        if (node.swap) writeSwap(host, node)
        if (!node.blank) writeNodeFiles(host, spec, node, pki, server)
      }
      byName.set(node.name, tie(host, node))
    }
  }
  api.nodeProxy = new KubeletProxy({ kubelet: (name) => byName.get(name)?.kubelet, node: (name) => api.store.get('nodes', '', name) as Node | undefined, dialProblem: (address, port) => roads.dialProblem(hosts.get(controlPlane.name)!.net, address, port) })
  const workstation = hosts.get(spec.workstation.name)!
  writeWorkstation(workstation, spec, bare ? undefined : adminConf)
  installSsh(hosts.values(), spec.workstation, sim.random.fork('ssh'))
  if (!bare) {
    hosts.get(controlPlane.name)!.fs.mkdir('/etc/kubernetes', { parents: true })
    hosts.get(controlPlane.name)!.fs.writeFile('/etc/kubernetes/admin.conf', adminConf, { mode: 0o600 })
    writeRootKubeconfig(hosts.get(controlPlane.name)!, adminConf)
  }

  function tie(host: Host, node: NodeSpec): NodeTies {
    const runtime = new Containerd(host, registry, { nodeName: node.name, api: (user, machine, server) => clientFor(user, machine, { server, resolve: (name) => hostAddress(machine, name) }) })
    if (!node.blank) for (const image of imagesOn(node)) runtime.load(image)
    const own: NodeTies = {
      runtime,
      client: (credentials, machine) => credentialsClient(credentials, machine),
      version: () => (host.fs.exists(statusFile) ? installedVersion(host.fs.readFile(statusFile), 'kubelet') : undefined) ?? spec.version,
      facts: (config, labels) => ({
        name: node.name,
        address: node.address,
        size: { cpu: node.cpu, memory: memoryText(node.memory), ephemeralStorage: '101590572Ki' },
        maxPods: config.maxPods,
        version: own.version(),
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
  if (!bare) apply(kubeadmObjects(spec, server))
  // Their own dice: what comes later keeps its ids.
  if (!bare && !spec.standInKubelets) for (const object of configurationObjects(spec, server, pki.caPem)) api.seed({ ...object, metadata: { ...object.metadata, uid: pki.random.uuid() } })
  if (spec.standInKubelets) {
    startStandIns({ sim, api, spec, rootCa: pki.caPem, signer: signerOf(sim.random.fork('signer'), pki.ca), issueToken: (...facts) => api.tokens.issueForSecret(...facts), resources: deletableResources(api) })
    startBareControlPlane(hosts.get(controlPlane.name)!, spec, controlPlane, pki, controlImages)
  } else {
    api.gate.set(false)
    if (spec.controlPlaneMachine) startBareControlPlane(hosts.get(controlPlane.name)!, spec, controlPlane, pki, controlImages, ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    for (const node of spec.nodes) {
      const host = hosts.get(node.name)!
      for (const unit of ['containerd.service', 'kubelet.service']) host.units.enable(unit)
      host.units.start('containerd.service')
      if (node.blank) continue
      // The workers join when the control plane is there.
      sim.after(node.name === controlPlane.name || spec.controlPlaneMachine ? 1500 : 12_000 + 2000 * spec.nodes.indexOf(node), () => host.units.start('kubelet.service'))
    }
  }

  const applied = bare ? [] : appliedObjects(spec)
  if (applied.length > 0) sim.after(pluginDelay, () => apply(applied))

  const cluster: Cluster = {
    sim, network, api, spec, hosts, workstation, kubeconfig: adminConf, nodes: byName, registry, admin,
    ready: async (runner) => {
      // Asked after every event; the answer can only change with the store.
      let asked = -1
      const pending = () => {
        if (asked === api.store.revision) return true
        asked = api.store.revision
        return !bare && !isReady(api, spec, joined.length)
      }
      const done = await runner.runWhile(pending, 600_000)
      await runner.runFor(1000)
      return done
    },
  }
  return cluster
}

/** Every node has registered and every pod of the system runs and is ready. */
function isReady(api: ApiServer, spec: ClusterSpec, count: number): boolean {
  if (spec.standInKubelets) return api.store.list('nodes').length >= count
  const nodes = api.store.list('nodes') as readonly { status?: { conditions?: { type: string; status: string }[] } }[]
  if (nodes.length < count) return false
  const networked = spec.plugin !== 'none'
  if (networked && !nodes.every((n) => n.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))) return false
  const all = api.store.list('pods') as readonly Pod[]
  const waiting = all.filter((p) => !isPodReady(p) && p.status?.phase !== 'Succeeded' && (networked || p.spec.hostNetwork))
  const least = spec.controlPlaneMachine ? count : 4 + (networked ? count + 1 : 0)
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

function writeWorkstation(host: Host, spec: ClusterSpec, kubeconfig: string | undefined): void {
  const { user, home, cwd } = spec.workstation
  const { fs } = host
  if (user !== 'root' && !host.users.has(user)) {
    fs.writeFile('/etc/passwd', `${user}:x:1001:1001:,,,:${home}:/bin/bash\n`, { append: true })
    fs.writeFile('/etc/group', `${user}:x:1001:\n`, { append: true })
  }
  const owner = host.users.get(user)
  fs.mkdir(`${home}/.kube`, { parents: true })
  if (kubeconfig !== undefined) fs.writeFile(`${home}/.kube/config`, kubeconfig, { mode: 0o600 })
  if (cwd) fs.mkdir(cwd, { parents: true })
  if (owner) for (const path of [home, `${home}/.kube`, ...(kubeconfig === undefined ? [] : [`${home}/.kube/config`])]) fs.chown(path, owner.uid, owner.gid)
}
