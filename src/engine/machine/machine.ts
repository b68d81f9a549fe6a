/**
 * A simulated Linux machine: a node, a workstation, or one container (which shares its host's kernel but has a file tree,
 * process table view and network namespace of its own). What it holds is what its programs can see and change.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import type { FileSystem } from './files.ts'
import type { Child, OpenFile, Process, Program, SpawnOptions, User } from './process.ts'

/** Executables by the name that a program file carries (`#!program NAME` is never shown; files hold a reference). */
export type ProgramTable = ReadonlyMap<string, Program>

export interface Machine {
  readonly sim: Sim
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
  readonly processes: ReadonlyMap<number, Process>
  /** Starts a process without parent: from a unit, a terminal or the container runtime. */
  start(options: SpawnOptions & { readonly fds: Readonly<Record<number, OpenFile>>; readonly fs?: FileSystem; readonly net?: NetNamespace }): Child
  readonly units: Units
  readonly journal: Journal
  /** `net.*` keys go to the namespace, others to the host's table. */
  sysctl(key: string): string | undefined
  setSysctl(key: string, value: string): boolean
  /** False while powered off or rebooting; nothing runs and nothing answers. */
  readonly up: boolean
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
