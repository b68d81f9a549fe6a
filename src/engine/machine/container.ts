/**
 * A container: processes of a host with a file tree, pid numbers, hostname and network namespace of their own. Its root is a layer
 * on the image's tree, so that a container that writes nothing costs nothing. Leaves out: user namespaces, cgroups, seccomp, capabilities.
 */
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { bashrc } from './base-files.ts'
import { PidSpace, type Kernel } from './kernel.ts'
import type { Container, ContainerOptions, ContainerRuntime, Machine, MountSpec, ProgramTable } from './machine.ts'
import { procTree, sysTree } from './proc.ts'
import { RealmBase } from './realm.ts'
import type { FileTree, Inode } from './tree.ts'
import { MountNamespace, View } from './vfs.ts'
import { rootUser } from './users.ts'
import { deviceTree } from './devices.ts'

/** What containerd leaves to root in a container that asks for nothing. */
const defaultCapabilities = ['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'NET_RAW', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT']

function capabilitySet(options: ContainerOptions): ReadonlySet<string> | undefined {
  const plain = (names: readonly string[] | undefined) => (names ?? []).map((n) => n.toUpperCase().replace(/^CAP_/, ''))
  const [add, drop] = [plain(options.capabilities?.add), plain(options.capabilities?.drop)]
  if (options.privileged || (add.includes('ALL') && drop.length === 0)) return undefined
  return new Set([...(drop.includes('ALL') ? [] : defaultCapabilities.filter((c) => !drop.includes(c))), ...add])
}

export class ContainerMachine extends RealmBase implements Container {
  readonly id: string
  hostname: string
  readonly net: NetNamespace
  readonly namedNamespaces = new Map<string, NetNamespace>()
  readonly units
  readonly journal
  readonly host: Machine
  readonly children: ReadonlyMap<string, Container> = new Map()
  containers: ContainerRuntime | undefined = undefined
  readonly bootTime: number
  override readonly capabilities: ReadonlySet<string> | undefined
  override readonly noNewPrivileges: boolean
  override readonly seccomp: boolean
  readonly space: PidSpace
  readonly mounts: MountNamespace
  readonly defaultEnv: Readonly<Record<string, string>>
  readonly #forget: () => void

  constructor(host: RealmBase, kernel: Kernel, network: Network, options: ContainerOptions, forget: () => void) {
    super({ kernel, network, programs: options.programs ? mergePrograms(options.programs, host.programs) : host.programs })
    this.id = options.id
    this.host = host
    this.hostname = options.hostname
    this.net = options.net
    this.units = host.units
    this.journal = host.journal
    this.bootTime = host.bootTime
    this.#forget = forget
    this.capabilities = capabilitySet(options)
    this.noNewPrivileges = options.noNewPrivileges ?? false
    this.seccomp = options.seccomp ?? false
    this.space = options.pids === 'host' ? host.space : options.pids ? (options.pids as ContainerMachine).space : new PidSpace(host.space)
    this.defaultEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOSTNAME: options.hostname }
    const root = options.image.layer(kernel.sim.now)
    for (const dir of ['proc', 'sys', 'dev', 'etc', 'tmp']) root.dir('/' + dir)
    // Images with bash are Debian's here, whose start-up file makes the prompt.
    if ((root.at('/bin/bash') ?? root.at('/usr/bin/bash')) && !root.at('/etc/bash.bashrc')) root.file('/etc/bash.bashrc', bashrc)
    this.mounts = new MountNamespace(root, { source: 'overlay', type: 'overlay', readOnly: options.readOnlyRoot ?? false })
    const open = new View({ namespace: () => this.mounts, credentials: () => rootUser, cwd: () => '/', umask: () => 0o22, now: () => kernel.sim.now, pid: () => 1 })
    open.mount('/proc', procTree(this, { readOnlySys: !options.privileged }).root, { source: 'proc', type: 'proc', options: 'nosuid,nodev,noexec,relatime' })
    open.mount('/dev', deviceTree(this.ptsDirectory()).root, { source: 'tmpfs', type: 'tmpfs', options: 'nosuid,size=65536k,mode=755' })
    open.mount('/sys', sysTree(this).root, { source: 'sysfs', type: 'sysfs', readOnly: !options.privileged, options: 'nosuid,nodev,noexec,relatime' })
    for (const mount of options.mounts ?? []) this.#attach(root, open, mount)
  }

  #attach(root: FileTree, open: View, spec: MountSpec): void {
    let inode: Inode
    let source: string
    if (typeof spec.source === 'string') {
      inode = (this.host as RealmBase).fs.find(spec.source).inode
      source = spec.type === 'tmpfs' ? 'tmpfs' : '/dev/sda1'
    } else {
      inode = spec.source.root
      source = 'tmpfs'
    }
    if (!open.exists(spec.path)) {
      const parent = this.#mountedParent(open, spec.path)
      if (parent === '/') {
        if (inode.type === 'directory') root.dir(spec.path)
        else root.file(spec.path, '')
      } else {
        open.mkdir(inode.type === 'directory' ? spec.path : spec.path.replace(/\/[^/]*$/, ''), { parents: true })
        if (inode.type !== 'directory') open.writeFile(spec.path, '')
      }
    }
    open.mount(spec.path, inode, { source, type: spec.type ?? (typeof spec.source === 'string' ? 'ext4' : 'tmpfs'), readOnly: spec.readOnly ?? false, ...(spec.options ? { options: spec.options } : {}) })
  }

  /** The mount that a path would be made in. */
  #mountedParent(open: View, path: string): string {
    for (let at = path; at !== ''; at = at.replace(/\/[^/]*$/, '')) {
      if (!open.exists(at)) continue
      return open.find(at).mount.path
    }
    return '/'
  }

  get up(): boolean {
    return this.host.up
  }

  get running(): boolean {
    return this.space === (this.host as RealmBase).space ? [...this.space.tasks.values()].some((t) => t.machine === this) : this.space.tasks.size > 0
  }

  sysctl(key: string): string | undefined {
    if (key === 'kernel.hostname') return this.hostname
    return key.startsWith('net.') ? this.net.sysctl(key) : this.host.sysctl(key)
  }

  setSysctl(key: string, value: string): boolean {
    if (!key.startsWith('net.')) return this.host.setSysctl(key, value)
    if (this.net.sysctl(key) === undefined) return false
    this.net.setSysctl(key, value)
    return true
  }

  createContainer(options: ContainerOptions): Container {
    return this.host.createContainer(options)
  }
  powerOff(): void {
    this.host.powerOff()
  }
  boot(): void {
    this.host.boot()
  }
  onPower(listener: (state: 'off' | 'on') => void): () => void {
    return this.host.onPower(listener)
  }

  remove(): void {
    for (const task of [...this.space.tasks.values()]) if (task.machine === this) task.finish({ code: 137, signal: 'SIGKILL' })
    this.#forget()
  }
}

const merged = new WeakMap<ProgramTable, WeakMap<ProgramTable, ProgramTable>>()

/** The image's programs before the host's; made once for each pair. */
function mergePrograms(own: ProgramTable, host: ProgramTable): ProgramTable {
  let byHost = merged.get(own)
  if (!byHost) merged.set(own, (byHost = new WeakMap()))
  let table = byHost.get(host)
  if (!table) byHost.set(host, (table = new Map([...host, ...own])))
  return table
}
