/**
 * The container runtime of one node: containerd with runc, as the kubelet (CRI) and crictl see it. Sandboxes own a network namespace, containers are
 * Machines with an image's files. Stopping the daemon leaves containers running (their shims live on) but nothing can be asked of it.
 */
import { parseQuantity, quantityValue } from '#base/quantity.ts'
import type { ApiClient, KubeObject, UserInfo } from '#engine/api/types.ts'
import { FsError, type FileSystem } from '#engine/machine/files.ts'
import type { Container, ContainerInfo, ContainerRuntime, ImageInfo, Machine, MountSpec, SandboxInfo, TerminalSession } from '#engine/machine/machine.ts'
import type { Child, Process, Program, User } from '#engine/machine/process.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { dialText } from '../kubelet/dial.ts'
import { cniAdd, cniDel, networkProblem, type NodeFacts } from '../cni/runtime.ts'
import { ContainerLog } from './container-log.ts'
import type { ContainerContext, ImageBehaviour } from './image.ts'
import { imageTree, programName } from './image-tree.ts'
import { tellOfLostWatches, type Reach } from '../reflectors.ts'
import type { Registry, RegistryImage } from './registry.ts'
import { parseReference, repositoryOf } from './reference.ts'
import { StdinPipe } from './stdin.ts'

export const runtimeVersion = '2.1.4'

export interface Sandbox {
  readonly id: string
  readonly podName: string
  readonly podNamespace: string
  readonly podUid: string
  readonly attempt: number
  readonly hostNetwork: boolean
  readonly net: NetNamespace
  readonly netns: string
  readonly created: number
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly SandboxPort[]
  ip: string | undefined
  state: 'Ready' | 'NotReady'
  /** Its pause process. */
  pause: Container | undefined
}

export interface SandboxPort {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  readonly hostIP?: string
}

export interface SandboxConfig {
  readonly pod: KubeObject
  readonly attempt: number
  readonly hostNetwork: boolean
  readonly hostname: string
  readonly ports: readonly SandboxPort[]
  readonly facts?: NodeFacts
}

export interface ContainerConfig {
  readonly name: string
  readonly attempt: number
  /** As the pod says. */
  readonly image: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly user: User
  readonly mounts: readonly MountSpec[]
  readonly hostname: string
  readonly tty: boolean
  readonly stdin: boolean
  readonly readOnlyRoot: boolean
  readonly privileged: boolean
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  readonly noNewPrivileges: boolean
  readonly seccomp: boolean
  readonly hostPid: boolean
  readonly sharePids: boolean
  /** The container whose processes this one shall see as its own. */
  readonly pidsOf?: ContainerRecord
  readonly logPath: string
  readonly stopSignal: 'SIGTERM' | 'SIGQUIT' | 'SIGINT'
  readonly labels: Readonly<Record<string, string>>
  readonly pod: () => KubeObject
}

export interface ContainerRecord {
  readonly id: string
  readonly sandbox: Sandbox
  readonly config: ContainerConfig
  readonly image: RegistryImage
  readonly created: number
  readonly log: ContainerLog
  machine: Container
  state: 'Created' | 'Running' | 'Exited'
  startedAt: number
  finishedAt: number
  exitCode: number
  reason: string
  message: string
  child: Child | undefined
  /** Text for attached clients. */
  readonly listeners: Set<(stream: 'stdout' | 'stderr', text: string) => void>
  /** Told when its process has ended. */
  readonly onEnd: Set<() => void>
  /** Where the container asked for a terminal, or for input. */
  terminal: TerminalSession | undefined
  stdin: StdinPipe | undefined
}

/** How programs in containers reach their cluster; given by the composition root. */
export interface RuntimeTies {
  /** A client for what runs on a machine (the node or a container), by a server's URL; it lives until closed. */
  api(user: UserInfo, machine: Machine, server: string): { readonly client: ApiClient; readonly reach?: Reach; close(): void }
  readonly nodeName: string
}

export class RuntimeError extends Error {}

/** The limit of a container's control group, bytes. */
function memoryLimit(pod: KubeObject, container: string): number {
  interface Limited {
    readonly name: string
    readonly resources?: { readonly limits?: Readonly<Record<string, string>> }
  }
  const spec = pod['spec'] as { readonly containers: readonly Limited[]; readonly initContainers?: readonly Limited[] }
  const text = [...spec.containers, ...(spec.initContainers ?? [])].find((c) => c.name === container)?.resources?.limits?.['memory']
  const quantity = text === undefined ? undefined : parseQuantity(String(text))
  return quantity ? Number(quantityValue(quantity)) : Infinity
}

const hexDigits = '0123456789abcdef'

export class Containerd implements ContainerRuntime {
  readonly name = 'containerd'
  readonly version = runtimeVersion
  readonly node: Machine
  readonly sim: Sim
  readonly registry: Registry
  readonly ties: RuntimeTies
  /** Is the daemon up? */
  running = false
  readonly pods = new Map<string, Sandbox>()
  readonly records = new Map<string, ContainerRecord>()
  readonly #images = new Map<string, RegistryImage>()
  readonly #random
  readonly #changed = new Set<(sandbox: Sandbox) => void>()
  readonly #networkListeners = new Set<() => void>()
  /** The daemon's process: it sends the signals. */
  daemon: Process | undefined

  constructor(node: Machine, registry: Registry, ties: RuntimeTies) {
    this.node = node
    this.sim = node.sim
    this.registry = registry
    this.ties = ties
    this.#random = node.sim.random.fork(`containerd ${ties.nodeName}`)
    // A reboot takes all sandboxes' namespaces away; the kubelet then makes new ones.
    node.onPower((state) => {
      if (state === 'off') for (const sandbox of this.pods.values()) this.#lost(sandbox)
    })
  }

  #id(): string {
    return this.#random.letters(64, hexDigits)
  }

  /** Something about a pod's containers changed (what PLEG finds out at its next relist). */
  onChange(listener: (sandbox: Sandbox) => void): () => void {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  onDaemon(listener: () => void): () => void {
    this.#networkListeners.add(listener)
    return () => this.#networkListeners.delete(listener)
  }

  setRunning(running: boolean, daemon: Process | undefined): void {
    this.running = running
    this.daemon = daemon
    this.node.containers = running ? this : undefined
    for (const listener of [...this.#networkListeners]) listener()
  }

  #tell(sandbox: Sandbox): void {
    for (const listener of [...this.#changed]) listener(sandbox)
  }

  networkProblem(): string | undefined {
    return networkProblem(this.node)
  }

  // Images

  /** Puts an image on the node's disk without a pull. */
  load(reference: string): void {
    const image = this.registry.lookup(reference)
    if (image) this.#images.set(image.name, image)
  }

  image(reference: string): RegistryImage | undefined {
    const parsed = parseReference(reference)
    if (!parsed.ok) return undefined
    const { tag, digest } = parsed.reference
    if (digest !== undefined) return [...this.#images.values()].find((i) => i.behaviour.repository === repositoryOf(parsed.reference) && i.digest === digest)
    return this.#images.get(`${repositoryOf(parsed.reference)}:${tag ?? 'latest'}`)
  }

  /** Pulls over the network of the node; answers after the virtual time it takes. */
  pullImage(reference: string, done: (error: string | undefined, milliseconds: number) => void): void {
    const cut = this.#registryProblem(reference)
    const result = cut === undefined ? this.registry.pull(reference) : { ok: false as const, error: cut, milliseconds: 30 }
    // Of an image that is here already only the manifest travels.
    const known = result.ok && this.#images.get(result.image.name)?.id === result.image.id
    const milliseconds = known ? Math.round(350 + result.milliseconds * 0.12) : result.milliseconds
    this.sim.after(milliseconds, () => {
      if (result.ok) this.#images.set(result.image.name, result.image)
      done(result.ok ? undefined : result.error, milliseconds)
    })
  }

  /** A node without a way out cannot even look up the registry. SIMPLIFICATION: any route to its name server will do, whatever happens beyond it. */
  #registryProblem(reference: string): string | undefined {
    const { fs, net } = this.node
    const server = fs.exists('/etc/resolv.conf') ? /^nameserver\s+(\d+\.\d+\.\d+\.\d+)/m.exec(fs.readFile('/etc/resolv.conf'))?.[1] : undefined
    const parsed = parseReference(reference)
    if (server === undefined || !parsed.ok) return undefined
    const way = net.routeGet(server)
    if (!('error' in way)) return undefined
    const { domain, path, tag, digest } = parsed.reference
    const name = `${domain}/${path}${digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`}`
    const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain
    return `rpc error: code = Unknown desc = failed to pull and unpack image "${name}": failed to resolve image: failed to do request: Head "https://${host}/v2/${path}/manifests/${digest ?? tag ?? 'latest'}": dial tcp: lookup ${host} on ${server}:53: dial udp ${server}:53: ${dialText(way.error)}`
  }

  images(): readonly ImageInfo[] {
    const byId = new Map<string, { tags: string[]; digests: string[]; size: number }>()
    for (const image of this.#images.values()) {
      const entry = byId.get(image.id) ?? { tags: [], digests: [], size: image.behaviour.size }
      entry.tags.push(image.name)
      const digest = `${image.behaviour.repository}@${image.digest}`
      if (!entry.digests.includes(digest)) entry.digests.push(digest)
      byId.set(image.id, entry)
    }
    return [...byId].map(([id, e]) => ({ id, ...e }))
  }

  pull(image: string): { readonly error?: string; readonly id?: string } {
    const result = this.registry.pull(image)
    if (!result.ok) return { error: result.error }
    this.#images.set(result.image.name, result.image)
    return { id: result.image.id }
  }

  removeImage(id: string): boolean {
    let found = false
    for (const [name, image] of [...this.#images]) if (image.id === id || name === id) found = this.#images.delete(name) || found
    return found
  }

  // Sandboxes

  runSandbox(config: SandboxConfig, done: (result: { readonly sandbox?: Sandbox; readonly error?: string }) => void): void {
    const id = this.#id()
    const { metadata } = config.pod
    const netns = `cni-${this.#random.uuid()}`
    const net = config.hostNetwork ? this.node.net : this.node.network.createNamespace(`${metadata.namespace}/${metadata.name}`.concat(this.node.network.namespaces.has(`${metadata.namespace}/${metadata.name}`) ? `@${id.slice(0, 8)}` : ''), { node: this.ties.nodeName })
    if (!config.hostNetwork) {
      this.node.namedNamespaces.set(netns, net)
      // enable_unprivileged_ports and enable_unprivileged_icmp, both on in containerd 2.
      net.setSysctl('net.ipv4.ip_unprivileged_port_start', '0')
      net.setSysctl('net.ipv4.ping_group_range', '0 2147483647')
    }
    const sandbox: Sandbox = {
      id,
      podName: metadata.name,
      podNamespace: metadata.namespace ?? 'default',
      podUid: metadata.uid ?? '',
      attempt: config.attempt,
      hostNetwork: config.hostNetwork,
      net,
      netns,
      created: this.sim.now,
      labels: { ...metadata.labels, 'io.kubernetes.pod.name': metadata.name, 'io.kubernetes.pod.namespace': metadata.namespace ?? 'default', 'io.kubernetes.pod.uid': metadata.uid ?? '' },
      ports: config.ports,
      ip: undefined,
      state: 'Ready',
      pause: undefined,
    }
    const finish = () => {
      this.pods.set(id, sandbox)
      sandbox.pause = this.#pause(sandbox, config.hostname)
      this.#tell(sandbox)
      done({ sandbox })
    }
    if (config.hostNetwork) {
      this.sim.after(80 + this.#random.below(80), finish)
      return
    }
    this.sim.after(120 + this.#random.below(160), () => {
      cniAdd({ ...this.#cniRequest(sandbox), ...config.facts }, (outcome) => {
        if (outcome.ok) {
          sandbox.ip = outcome.ip
          finish()
          return
        }
        this.#dropNamespace(sandbox)
        done({ error: `rpc error: code = Unknown desc = failed to setup network for sandbox "${id}": ${outcome.error}` })
      })
    })
  }

  #cniRequest(sandbox: Sandbox) {
    return {
      machine: this.node,
      netns: sandbox.netns,
      containerId: sandbox.id,
      podNamespace: sandbox.podNamespace,
      podName: sandbox.podName,
      podUid: sandbox.podUid,
      portMappings: sandbox.ports.map((p) => ({ hostPort: p.hostPort, containerPort: p.containerPort, protocol: p.protocol.toLowerCase(), ...(p.hostIP ? { hostIP: p.hostIP } : {}) })) as never,
    }
  }

  #pause(sandbox: Sandbox, hostname: string): Container | undefined {
    const image = this.registry.lookup('registry.k8s.io/pause:3.10.1')
    if (!image) return undefined
    const machine = this.node.createContainer({ id: sandbox.id, hostname, net: sandbox.net, image: imageTree(image.behaviour, this.node.programs), programs: this.#programs(image.behaviour, 'pause', () => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: sandbox.podName } })) })
    machine.start({ argv: ['/pause'], fds: {} })
    return machine
  }

  #lost(sandbox: Sandbox): void {
    sandbox.state = 'NotReady'
    sandbox.pause = undefined
  }

  #dropNamespace(sandbox: Sandbox): void {
    if (sandbox.hostNetwork || !this.node.namedNamespaces.has(sandbox.netns)) return
    this.node.namedNamespaces.delete(sandbox.netns)
    this.node.network.deleteNamespace(sandbox.net.name)
  }

  /** Ends everything in a sandbox and takes its network away. */
  stopSandbox(id: string, done?: (error: string | undefined) => void): void {
    const sandbox = this.pods.get(id)
    if (!sandbox || sandbox.state === 'NotReady') {
      done?.(undefined)
      return
    }
    for (const record of this.records.values()) if (record.sandbox === sandbox) this.kill(record, 'SIGKILL')
    sandbox.state = 'NotReady'
    sandbox.pause?.remove()
    const after = (error: string | undefined) => {
      this.#dropNamespace(sandbox)
      this.#tell(sandbox)
      done?.(error)
    }
    if (sandbox.hostNetwork) after(undefined)
    else cniDel(this.#cniRequest(sandbox), after)
  }

  removeSandbox(id: string): void {
    const sandbox = this.pods.get(id)
    if (!sandbox) return
    this.stopSandbox(id)
    for (const record of [...this.records.values()]) if (record.sandbox === sandbox) this.remove(record.id)
    this.pods.delete(id)
  }

  // Containers

  createContainer(sandbox: Sandbox, config: ContainerConfig): ContainerRecord {
    const image = this.image(config.image)
    if (!image) throw new RuntimeError(`failed to resolve image "${config.image}": not found`)
    const id = this.#id()
    const shared = config.pidsOf?.machine ?? (config.sharePids ? sandbox.pause : undefined)
    const machine = this.node.createContainer({
      id,
      hostname: config.hostname,
      net: sandbox.net,
      image: imageTree(image.behaviour, this.node.programs),
      mounts: config.mounts,
      programs: this.#programs(image.behaviour, config.name, config.pod),
      ...(config.hostPid ? { pids: 'host' as const } : shared ? { pids: shared } : {}),
      readOnlyRoot: config.readOnlyRoot,
      privileged: config.privileged,
      ...(config.capabilities && { capabilities: config.capabilities }),
      noNewPrivileges: config.noNewPrivileges,
      seccomp: config.seccomp,
    })
    const record: ContainerRecord = {
      id, sandbox, config, image, machine,
      created: this.sim.now,
      log: new ContainerLog(this.node, config.logPath, `/var/log/containers/${config.labels['io.kubernetes.pod.name']}_${config.labels['io.kubernetes.pod.namespace']}_${config.name}-${id}.log`),
      state: 'Created', startedAt: 0, finishedAt: 0, exitCode: 0, reason: '', message: '', child: undefined, listeners: new Set(), onEnd: new Set(), terminal: undefined, stdin: undefined,
    }
    this.records.set(id, record)
    return record
  }

  /** The image's own programs, each tied to the pod that it runs in. */
  #programs(image: ImageBehaviour, container: string, pod: () => KubeObject): ReadonlyMap<string, Program> {
    const out = new Map<string, Program>()
    for (const [path, program] of Object.entries(image.programs ?? {})) {
      out.set(programName(image, path), (process) => {
        const context = this.#context(process, container, pod)
        // Servers go when they are asked to; as first processes they would otherwise not hear of it.
        process.onSignal('SIGTERM', () => process.end(0))
        return program(process, context)
      })
    }
    return out
  }

  #context(process: Process, container: string, pod: () => KubeObject): ContainerContext {
    const { ties, node } = this
    const clients = new Map<string, ReturnType<RuntimeTies['api']>>()
    process.onEnd(() => {
      for (const each of clients.values()) each.close()
    })
    const inCluster = () => `https://${process.env.get('KUBERNETES_SERVICE_HOST') ?? ''}:${process.env.get('KUBERNETES_SERVICE_PORT') ?? '443'}`
    const clientAt = (server: string) => {
      let found = clients.get(server)
      if (!found) {
        const { metadata, spec } = pod() as KubeObject & { spec?: { serviceAccountName?: string } }
        const namespace = metadata.namespace ?? 'default'
        found = ties.api({ name: `system:serviceaccount:${namespace}:${spec?.serviceAccountName ?? 'default'}`, groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'] }, process.machine, server)
        clients.set(server, found)
      }
      return found
    }
    return {
      get api() {
        return clientAt(inCluster()).client
      },
      apiAt: (server) => clientAt(server).client,
      lostWatches: (tell, server = inCluster()) => {
        const { reach } = clientAt(server)
        if (reach) process.onEnd(tellOfLostWatches(process.machine.sim, reach, (why, fresh) => tell(server, why, fresh)))
      },
      pod,
      container,
      nodeName: ties.nodeName,
      node,
      onExit: (listener) => void process.onEnd(listener),
      terminated: () =>
        new Promise((resolve) => {
          const stop = () => {
            process.machine.sim.woke()
            resolve()
          }
          process.onSignal('SIGTERM', stop)
          process.onSignal('SIGINT', stop)
        }),
    }
  }

  /** Throws RuntimeError with runc's words when the process cannot be started. */
  startContainer(record: ContainerRecord): void {
    const { config } = record
    const runc = (text: string) => new RuntimeError(`failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${text}`)
    const fail = (error: RuntimeError) => {
      record.state = 'Exited'
      record.startedAt = 0
      record.finishedAt = this.sim.now
      record.exitCode = 128
      record.reason = 'StartError'
      record.message = error.message
      this.#tell(record.sandbox)
      return error
    }
    const fs = record.machine.fs
    try {
      if (!fs.exists(config.cwd)) fs.mkdir(config.cwd, { parents: true })
      else if (fs.stat(config.cwd).type !== 'directory') throw new FsError('ENOTDIR', config.cwd)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw fail(runc(`mkdir ${config.cwd}: ${error.message.toLowerCase()}`))
    }
    const emit = (stream: 'stdout' | 'stderr') => (text: string) => {
      record.log.write(this.sim.now, stream, text)
      for (const listener of [...record.listeners]) listener(stream, text)
    }
    try {
      if (config.tty) {
        record.terminal = record.machine.openTerminal({ argv: config.argv, env: config.env, cwd: config.cwd, user: config.user })
        record.terminal.onOutput(emit('stdout'))
        record.child = record.terminal.child
      } else {
        if (config.stdin) record.stdin = new StdinPipe(this.#random.below(100_000))
        record.child = record.machine.start({ argv: config.argv, env: config.env, cwd: config.cwd, user: config.user, fds: record.stdin ? { 0: record.stdin.file } : {}, output: { stdout: emit('stdout'), stderr: emit('stderr') } })
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      throw fail(runc(`exec: ${JSON.stringify(config.argv[0])}: ${isFolder(fs, config.argv[0] ?? '') ? 'is a directory' : startProblem(error, config.argv[0] ?? '')}`))
    }
    record.state = 'Running'
    record.startedAt = this.sim.now
    const { memory } = record.machine
    if (memory) {
      memory.limit = memoryLimit(record.config.pod(), record.config.name)
      memory.onExceeded(() => this.kill(record, 'SIGKILL'))
    }
    record.child.onEnd((status) => this.#exited(record, status.code))
    this.#tell(record.sandbox)
  }

  #exited(record: ContainerRecord, code: number): void {
    if (record.state === 'Exited') return
    record.state = 'Exited'
    record.finishedAt = this.sim.now
    record.exitCode = code
    record.reason = record.machine.memory?.exceeded ? 'OOMKilled' : code === 0 ? 'Completed' : 'Error'
    record.log.flush(this.sim.now)
    for (const listener of [...record.onEnd]) listener()
    this.#tell(record.sandbox)
  }

  /** Sends a signal to the container's first process. */
  kill(record: ContainerRecord, signal: 'SIGTERM' | 'SIGKILL' | 'SIGQUIT' | 'SIGINT'): void {
    if (record.state !== 'Running' || !record.child) return
    const init = record.machine.processes.get(1)
    const sender = this.daemon ?? [...this.node.processes.values()][0]
    if (!init || !sender) return
    try {
      sender.kill(record.child.pid, signal)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
    if (signal === 'SIGKILL') this.#exited(record, 137)
  }

  stop(id: string): void {
    const record = this.records.get(id)
    if (!record) return
    this.kill(record, record.config.stopSignal)
    this.sim.after(10_000, () => this.kill(record, 'SIGKILL'))
  }

  remove(id: string): void {
    const record = this.records.get(id)
    if (!record) return
    if (record.state === 'Running') this.kill(record, 'SIGKILL')
    record.machine.remove()
    record.log.unlink()
    this.records.delete(id)
  }

  machine(id: string): Container | undefined {
    return this.records.get(id)?.machine ?? this.pods.get(id)?.pause
  }

  // What crictl shows

  sandboxes(): readonly SandboxInfo[] {
    return [...this.pods.values()].map((s) => ({ id: s.id, name: s.podName, namespace: s.podNamespace, uid: s.podUid, attempt: s.attempt, state: s.state, created: s.created, runtime: '', labels: s.labels }))
  }

  containers(): readonly ContainerInfo[] {
    return [...this.records.values()].map((r) => ({
      id: r.id, name: r.config.name, sandbox: r.sandbox.id, podName: r.sandbox.podName, podNamespace: r.sandbox.podNamespace, image: r.config.image, imageId: r.image.id,
      attempt: r.config.attempt, state: r.state, created: r.created, exitCode: r.state === 'Exited' ? r.exitCode : undefined, labels: r.config.labels,
    }))
  }

  logs(id: string, options: { readonly tail?: number; readonly since?: number } = {}): readonly { readonly time: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }[] {
    const lines = this.records.get(id)?.log.read() ?? []
    const since = options.since === undefined ? lines : lines.filter((l) => l.time >= options.since!)
    return options.tail === undefined ? since : since.slice(Math.max(0, since.length - options.tail))
  }

  inspect(id: string): unknown {
    const record = this.records.get(id)
    if (!record) {
      const sandbox = this.pods.get(id)
      return sandbox && { status: { id, metadata: { name: sandbox.podName, namespace: sandbox.podNamespace, uid: sandbox.podUid, attempt: sandbox.attempt }, state: `SANDBOX_${sandbox.state.toUpperCase()}`, network: { ip: sandbox.ip ?? '', additionalIps: [] } } }
    }
    return {
      status: {
        id, metadata: { name: record.config.name, attempt: record.config.attempt }, state: `CONTAINER_${record.state.toUpperCase()}`, exitCode: record.exitCode, image: { image: record.image.name },
        imageRef: `${record.image.behaviour.repository}@${record.image.digest}`, reason: record.reason, message: record.message, logPath: record.config.logPath, mounts: record.config.mounts.map((m) => ({ containerPath: m.path, hostPath: typeof m.source === 'string' ? m.source : '', readonly: m.readOnly ?? false })),
      },
      info: { pid: record.child?.pid ?? 0, sandboxID: record.sandbox.id },
    }
  }
}

function isFolder(fs: FileSystem, name: string): boolean {
  return name.includes('/') && fs.exists(name) && fs.stat(name).type === 'directory'
}

/** runc's words for an executable that cannot be run. */
function startProblem(error: FsError, name: string): string {
  if (error.code === 'ENOENT') return name.includes('/') ? `stat ${name}: no such file or directory` : 'executable file not found in $PATH'
  if (error.code === 'EACCES') return 'permission denied'
  if (error.code === 'EISDIR') return 'is a directory'
  if (error.code === 'ENOEXEC') return 'exec format error'
  return error.message.toLowerCase()
}
