/**
 * A simulated Linux host: one kernel, a file tree that outlives reboots, systemd units, a journal, and containers. Powering off kills
 * everything and forgets the network's configuration; booting configures it again and starts what is enabled.
 */
import { Emitter } from '#base/emitter.ts'
import type { Sim } from '#engine/sim/sim.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { baseTree, hostsFile } from './base-files.ts'
import { ContainerMachine } from './container.ts'
import { deviceTree } from './devices.ts'
import { MemoryJournal } from './journal.ts'
import { Kernel, PidSpace } from './kernel.ts'
import type { Container, ContainerOptions, ContainerRuntime, Machine, ProgramTable } from './machine.ts'
import { cgroupTree, procTree, sysTree } from './proc.ts'
import { RealmBase } from './realm.ts'
import { hostSysctls } from './sysctl-keys.ts'
import { computedInode, FileTree } from './tree.ts'
import { ServiceTable } from './units.ts'
import { MountNamespace } from './vfs.ts'
import { forgetNetwork, restoreNetwork, type SavedNetwork } from './net-config.ts'
import { LoadedModules } from './modules.ts'
import { SwapAreas } from './swap.ts'

export interface HostOptions {
  readonly sim: Sim
  readonly network: Network
  readonly hostname: string
  readonly net: NetNamespace
  readonly programs: ProgramTable
  /** The root's files; they are layered on a Debian base made from the program table. `false` in `bare`: nothing below. */
  readonly files?: (tree: FileTree) => void
  /** Configures the namespace's links, addresses and routes at each boot after the first; default: as they were. */
  readonly configureNetwork?: (host: Host) => void
  /** Hears what programs threw that no program should throw; default: thrown from the loop. */
  readonly onBug?: (error: unknown) => void
  /** Virtual ms of the switch-on shown to learners (uptime); default: now. */
  readonly bootTime?: number
}

/** Virtual ms between power on and the first unit's start. */
const bootDelay = 15_000

export class Host extends RealmBase implements Machine {
  hostname: string
  readonly net: NetNamespace
  readonly namedNamespaces = new Map<string, NetNamespace>()
  readonly journal: MemoryJournal
  readonly units: ServiceTable
  containers: ContainerRuntime | undefined
  mounts: MountNamespace
  readonly swaps = new SwapAreas()
  readonly modules = new LoadedModules()
  bootTime: number
  up = true
  readonly defaultEnv: Readonly<Record<string, string>>
  readonly #children = new Map<string, ContainerMachine>()
  readonly #tree: FileTree
  readonly #power = new Emitter<'off' | 'on'>()
  readonly #sysctls = new Map<string, string>(Object.entries(hostSysctls))
  readonly #configure: ((host: Host) => void) | undefined
  #saved: SavedNetwork | undefined
  /** Devices that a reboot does not take away: those that were there when the host was made. */
  readonly #hardware: ReadonlySet<string>

  constructor(options: HostOptions) {
    const onBug = options.onBug ?? ((error: unknown) => {
      options.sim.after(0, () => {
        throw error
      })
    })
    super({ kernel: new Kernel(options.sim, onBug), network: options.network, programs: options.programs })
    this.hostname = options.hostname
    this.net = options.net
    this.net.node = options.hostname
    this.journal = new MemoryJournal(this.sim)
    this.defaultEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }
    this.bootTime = options.bootTime ?? this.sim.now
    this.#configure = options.configureNetwork
    this.#hardware = new Set([...options.net.links.values()].filter((l) => l.kind !== 'loopback').map((l) => l.name))
    this.#tree = baseTree(options.programs).layer()
    this.#tree.file('/etc/hostname', options.hostname + '\n').file('/etc/hosts', hostsFile(options.hostname)).file('/etc/machine-id', this.sim.random.letters(32, '0123456789abcdef') + '\n')
    this.#tree.file('/etc/resolv.conf', '')
    options.files?.(this.#tree)
    this.modules.onChange = () => this.net.setBridgeFilter(this.modules.has('br_netfilter'))
    this.mounts = this.#mountAll()
    this.units = new ServiceTable(this)
    this.#startInit()
  }

  get host(): Machine {
    return this
  }
  get space(): PidSpace {
    return this.kernel.pids
  }
  get children(): ReadonlyMap<string, Container> {
    return this.#children
  }

  #mountAll(): MountNamespace {
    const mounts = new MountNamespace(this.#tree, { source: '/dev/sda1', type: 'ext4', options: 'relatime,errors=remount-ro' })
    this.mounts = mounts
    this.fs.mount('/sys', sysTree(this).root, { source: 'sysfs', type: 'sysfs', options: 'nosuid,nodev,noexec,relatime' })
    this.fs.mount('/sys/fs/cgroup', cgroupTree().root, { source: 'cgroup2', type: 'cgroup2', options: 'nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot' })
    this.fs.mount('/proc', procTree(this).root, { source: 'proc', type: 'proc', options: 'nosuid,nodev,noexec,relatime' })
    this.fs.mount('/dev', deviceTree(this.ptsDirectory()).root, { source: 'udev', type: 'devtmpfs', options: 'nosuid,relatime,size=2001548k,nr_inodes=500387,mode=755' })
    const run = new FileTree({ mtime: this.sim.now }).dir('/lock', { mode: 0o1777 }).dir('/sshd').dir('/systemd/system').dir('/netns', { mode: 0o755 })
    const names = run.at('/netns')!
    names.computedDir = { list: () => [...this.namedNamespaces.keys()], lookup: (name) => (this.namedNamespaces.has(name) ? computedInode(run.superblock, { read: () => '' }) : undefined) }
    this.fs.mount('/run', run.root, { source: 'tmpfs', type: 'tmpfs', options: 'nosuid,nodev,noexec,relatime,size=402604k,mode=755' })
    return mounts
  }

  #startInit(): void {
    this.start({ argv: ['/sbin/init'], program: (process) => process.forever() })
    this.kernel.pids.skipTo(400)
  }

  /** Starts the enabled units: the last step of a boot. The constructor leaves it to the caller. */
  startUnits(): void {
    this.swaps.boot(this.fs)
    this.units.startEnabled()
  }

  sysctl(key: string): string | undefined {
    if (key === 'kernel.hostname') return this.hostname
    return key.startsWith('net.') ? this.net.sysctl(key) : this.#sysctls.get(key)
  }

  setSysctl(key: string, value: string): boolean {
    if (this.sysctl(key) === undefined) return false
    if (key.startsWith('net.')) this.net.setSysctl(key, value)
    else if (key === 'kernel.hostname') this.hostname = value
    else this.#sysctls.set(key, value)
    return true
  }

  createContainer(options: ContainerOptions): Container {
    const container: ContainerMachine = new ContainerMachine(this, this.kernel, this.network, options, () => this.#children.delete(options.id))
    this.#children.set(options.id, container)
    return container
  }

  onPower(listener: (state: 'off' | 'on') => void): () => void {
    return this.#power.on(listener)
  }

  powerOff(): void {
    this.#goDown(false)
  }

  #goDown(orderly: boolean): void {
    if (!this.up) return
    this.units.forgetProcesses(orderly)
    this.up = false
    for (const task of [...this.space.tasks.values()]) {
      task.parent = undefined
      task.finish({ code: 137, signal: 'SIGKILL' })
    }
    this.#children.clear()
    this.containers = undefined
    this.#saved = forgetNetwork(this.net, this.#hardware)
    for (const [key, value] of Object.entries(hostSysctls)) this.#sysctls.set(key, value)
    for (const ns of this.namedNamespaces.values()) if (this.network.namespaces.get(ns.name) === ns) this.network.deleteNamespace(ns.name)
    this.namedNamespaces.clear()
    this.#power.emit('off')
  }

  boot(): void {
    this.#goDown(true)
    this.sim.after(bootDelay, () => {
      if (this.up) return
      this.up = true
      this.bootTime = this.sim.now
      this.terminals.clear()
      this.hostname = this.fs.exists('/etc/hostname') ? this.fs.readFile('/etc/hostname').trim() || 'localhost' : 'localhost'
      this.mounts = this.#mountAll()
      if (this.#configure) this.#configure(this)
      else if (this.#saved) restoreNetwork(this.net, this.#saved)
      this.#startInit()
      this.modules.boot(this.fs)
      this.#applySysctlFiles()
      this.swaps.boot(this.fs)
      this.#power.emit('on')
      this.units.startEnabled()
    })
  }

  /** systemd-sysctl: /etc/sysctl.d and /etc/sysctl.conf. */
  #applySysctlFiles(): void {
    const files = [...(this.fs.exists('/etc/sysctl.d') ? this.fs.readDir('/etc/sysctl.d').map((f) => `/etc/sysctl.d/${f}`) : []), '/etc/sysctl.conf'].filter((f) => f.endsWith('.conf') && this.fs.exists(f))
    for (const file of files) {
      for (const line of this.fs.readFile(file).split('\n')) {
        const m = /^\s*-?([\w./-]+)\s*=\s*(.*?)\s*$/.exec(line)
        if (m && !/^\s*[#;]/.test(line)) this.setSysctl(m[1]!.includes('/') && !m[1]!.includes('.') ? m[1]!.replaceAll('/', '.') : m[1]!, m[2]!)
      }
    }
  }
}
