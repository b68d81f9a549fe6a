/**
 * A simulated Linux machine: a node, a workstation, or one container (which shares its host's kernel but has a file tree,
 * process table view and network namespace of its own). What it holds is what its programs can see and change.
 */
import type { CpuAccount } from './cpu.ts'
import type { MemoryAccount } from './memory.ts'
import type { Sim } from '#engine/sim/sim.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import type { FileSystem } from './files.ts'
import type { Child, EditorPort, OpenFile, Process, Program, SpawnOptions, Terminal, User, WaitStatus } from './process.ts'
import type { FileTree } from './tree.ts'
import type { LoadedModules } from './modules.ts'
import type { SwapAreas } from './swap.ts'

/** Executables by the name that a program file carries (`#!program NAME` is never shown; files hold a reference). */
export type ProgramTable = ReadonlyMap<string, Program>

export interface Machine {
  readonly sim: Sim
  /** What its processes have computed. */
  readonly cpu?: CpuAccount
  readonly memory?: MemoryAccount
  /** Texts that can be had from the internet, by address. */
  downloads?: ReadonlyMap<string, () => string>
  readonly network: Network
  hostname: string
  /** The namespace that its processes start in. */
  readonly net: NetNamespace
  /** Named network namespaces of this host (`ip netns`). */
  readonly namedNamespaces: Map<string, NetNamespace>
  /** As root, from `/`. */
  readonly fs: FileSystem
  readonly programs: ProgramTable
  readonly users: Map<string, User>
  /** What root may do here, names without CAP_; undefined: everything (a host, a privileged container). */
  readonly capabilities: ReadonlySet<string> | undefined
  readonly processes: ReadonlyMap<number, Process>
  /**
   * Starts a process without parent: from a unit or the container runtime. `output` hears what it writes, from the loop, and may give
   * it a standard input; without it and without `fds`, 0–2 are /dev/null.
   */
  start(options: SpawnOptions & { readonly fds?: Readonly<Record<number, OpenFile>>; readonly output?: { readonly stdin?: string; stdout(text: string): void; stderr(text: string): void } }): Child
  readonly units: Units
  readonly journal: Journal
  /** `net.*` keys go to the namespace, others to the host's table. */
  sysctl(key: string): string | undefined
  setSysctl(key: string, value: string): boolean
  /** False while powered off or rebooting; nothing runs and nothing answers. */
  readonly up: boolean
  /** The simulated host below: itself for a host, the node for a container. */
  readonly host: Machine
  /** Mounts a terminal and starts a program in it. */
  openTerminal(options: TerminalOptions): TerminalSession
  /**
   * Makes (does not start) a container: a file tree, hostname, pid view and namespace of its own on this host's kernel.
   * Its first process (pid 1 of its view) ends the container: all others are killed then.
   */
  createContainer(options: ContainerOptions): Container
  /** Every container created and not removed, by id. */
  readonly children: ReadonlyMap<string, Container>
  /** The container runtime's face for crictl and `journalctl`-like tools; set by the runtime when it starts, undefined while it is stopped. */
  containers: ContainerRuntime | undefined
  /** Ends everything at once, as pulling the plug. */
  powerOff(): void
  /** Powers on (or reboots): files and enabled units stay, processes and /run do not. */
  boot(): void
  /** Hears `off` and `on`. */
  onPower(listener: (state: 'off' | 'on') => void): () => void
  /** Of the host alone. */
  readonly swaps?: SwapAreas
  readonly modules?: LoadedModules
  /** Virtual ms when the host was switched on. */
  readonly bootTime: number
}

export interface ContainerOptions {
  /** The id of the runtime, 64 hex digits. */
  readonly id: string
  readonly hostname: string
  readonly net: NetNamespace
  /** The image's files; they are layered copy-on-write and never changed. */
  readonly image: FileTree
  readonly mounts?: readonly MountSpec[]
  /** Programs that exist in this container besides (and before) the host's table. */
  readonly programs?: ProgramTable
  /** `host`: sees all of the host's processes. A container: shares its pid view (shareProcessNamespace). Default: its own. */
  readonly pids?: 'host' | Container
  readonly readOnlyRoot?: boolean
  /** All capabilities, and /proc/sys and /sys writable. */
  readonly privileged?: boolean
  /** Changes to the runtime's default set (names without CAP_; `ALL`). */
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  /** allowPrivilegeEscalation: false, and whether system calls are filtered: what /proc/PID/status tells. */
  readonly noNewPrivileges?: boolean
  readonly seccomp?: boolean
}

/** Where a part of a container's tree comes from. */
export interface MountSpec {
  /** Absolute, in the container; made where missing. */
  readonly path: string
  /** A file or directory of the host (bind mount), or a tree (emptyDir in memory, projected volume). */
  readonly source: string | FileTree
  readonly readOnly?: boolean
  /** Shown in /proc/mounts; default `ext4` for a bind, `tmpfs` for a tree. */
  readonly type?: string
  /** Shown as well; default `relatime`. */
  readonly options?: string
}

export interface Container extends Machine {
  readonly id: string
  /** Running, with a first process. */
  readonly running: boolean
  /** Kills all its processes and lets its tree go. */
  remove(): void
}

export interface TerminalOptions {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly user?: User
  readonly columns?: number
  readonly rows?: number
  readonly editor?: EditorPort
}

/** The interface's side of a terminal. */
export interface TerminalSession {
  readonly terminal: Terminal
  readonly child: Child
  /** Keys as a terminal sends them (UTF-8 text, ESC sequences). */
  write(keys: string): void
  /** Output as a terminal shows it (\r\n line ends). Called from the loop, unbatched. */
  onOutput(listener: (text: string) => void): () => void
  resize(columns: number, rows: number): void
  /** Hangs up: SIGHUP to what runs in it. */
  close(): void
}

/** What crictl asks of a container runtime (CRI). Ids are full; times virtual ms. */
export interface ContainerRuntime {
  readonly name: string
  readonly version: string
  sandboxes(): readonly SandboxInfo[]
  containers(): readonly ContainerInfo[]
  images(): readonly ImageInfo[]
  /** The log text as `crictl logs` shows it, oldest first. */
  logs(id: string, options?: { readonly tail?: number; readonly since?: number }): readonly { readonly time: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }[]
  followLogs?(id: string, listener: (line: { readonly stream: 'stdout' | 'stderr'; readonly text: string }) => void): () => void
  /** The container behind an id, for exec. */
  machine(id: string): Container | undefined
  stop(id: string): void
  remove(id: string): void
  stopSandbox(id: string): void
  removeSandbox(id: string): void
  pull(image: string): { readonly error?: string; readonly id?: string }
  removeImage(id: string): boolean
  /** The JSON that `crictl inspect`, `inspectp` and `inspecti` print. */
  inspect(id: string): unknown
}

export interface SandboxInfo {
  readonly id: string
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly attempt: number
  readonly state: 'Ready' | 'NotReady'
  readonly created: number
  readonly runtime: string
  readonly labels: Readonly<Record<string, string>>
}

export interface ContainerInfo {
  readonly id: string
  readonly name: string
  readonly sandbox: string
  readonly podName: string
  readonly podNamespace: string
  readonly image: string
  readonly imageId: string
  readonly attempt: number
  readonly state: 'Created' | 'Running' | 'Exited' | 'Unknown'
  readonly created: number
  readonly exitCode: number | undefined
  readonly labels: Readonly<Record<string, string>>
}

export interface ImageInfo {
  readonly id: string
  readonly tags: readonly string[]
  readonly digests: readonly string[]
  /** Bytes. */
  readonly size: number
}

/** systemd, as far as learners meet it: services with ExecStart or a built-in daemon, states, restart policy, enablement. */
export interface Units {
  list(): readonly Unit[]
  get(name: string): Unit | undefined
  start(name: string): void
  stop(name: string): void
  restart(name: string): void
  enable(name: string): void
  disable(name: string): void
  daemonReload(): void
  resetFailed(name?: string): void
}

export interface Unit {
  readonly name: string
  readonly description: string
  readonly path: string
  readonly active: 'active' | 'inactive' | 'failed' | 'activating' | 'deactivating'
  readonly sub: string
  readonly enabled: boolean
  readonly mainPid: number | undefined
  /** Virtual ms of the last change of `active`. */
  readonly since: number
  readonly result: string
  /** A link to /dev/null keeps it from starting. */
  readonly masked: boolean
  /** How the last main process ended, and its pid on the host. */
  readonly exit: WaitStatus | undefined
  readonly lastPid: number
  /** Paths of drop-in files that were read. */
  readonly dropIns: readonly string[]
  /** The files have changed since they were read: `systemctl daemon-reload` is due. */
  readonly stale: boolean
  /** The last value of a key of its files. */
  get(section: string, key: string): string | undefined
}

export interface Journal {
  append(entry: { readonly unit: string; readonly identifier: string; readonly pid: number; readonly priority?: number; readonly message: string }): void
  /** Oldest first. */
  read(filter?: { readonly unit?: string; readonly since?: number; readonly until?: number }): readonly JournalEntry[]
  /** Calls back with each new entry. */
  follow(listener: (entry: JournalEntry) => void): () => void
}

export interface JournalEntry {
  readonly time: number
  readonly unit: string
  readonly identifier: string
  readonly pid: number
  readonly priority: number
  readonly message: string
}
