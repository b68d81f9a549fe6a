/** What a host and a container have in common as Machines: users, starting processes, terminals, kernel settings. */
import type { Sim } from '#engine/sim/sim.ts'
import { CpuAccount } from './cpu.ts'
import { MemoryAccount } from './memory.ts'
import type { NetNamespace, Network } from '#engine/net/types.ts'
import { createPipe, SinkDescription, type Description } from './descriptions.ts'
import type { PidSpace, Realm } from './kernel.ts'
import type { Kernel } from './kernel.ts'
import type { Container, ContainerOptions, ContainerRuntime, Journal, Machine, ProgramTable, TerminalOptions, TerminalSession, Units } from './machine.ts'
import type { Child, OpenFile, Process, SpawnOptions, User } from './process.ts'
import type { Task } from './task.ts'
import { Inode, Superblock } from './tree.ts'
import { Tty } from './tty.ts'
import { readUsers, rootUser } from './users.ts'
import { View, type MountNamespace } from './vfs.ts'

type Output = { readonly stdin?: string; stdout(text: string): void; stderr(text: string): void }

export abstract class RealmBase implements Realm {
  readonly kernel: Kernel
  readonly sim: Sim
  readonly network: Network
  readonly programs: ProgramTable
  readonly fs: View
  readonly cpu = new CpuAccount()
  readonly memory = new MemoryAccount()
  downloads?: ReadonlyMap<string, () => string>
  /** Terminals opened here, by number. */
  readonly terminals = new Map<number, Tty>()
  readonly devices = new Superblock(5)
  abstract hostname: string
  readonly capabilities: ReadonlySet<string> | undefined = undefined
  readonly noNewPrivileges: boolean = false
  readonly seccomp: boolean = false
  abstract readonly net: NetNamespace
  abstract readonly namedNamespaces: Map<string, NetNamespace>
  abstract readonly units: Units
  abstract readonly journal: Journal
  abstract readonly up: boolean
  abstract readonly host: Machine
  abstract readonly children: ReadonlyMap<string, Container>
  abstract containers: ContainerRuntime | undefined
  abstract readonly bootTime: number
  abstract readonly space: PidSpace
  abstract readonly mounts: MountNamespace
  abstract readonly defaultEnv: Readonly<Record<string, string>>
  abstract createContainer(options: ContainerOptions): Container
  abstract powerOff(): void
  abstract boot(): void
  abstract onPower(listener: (state: 'off' | 'on') => void): () => void
  abstract sysctl(key: string): string | undefined
  abstract setSysctl(key: string, value: string): boolean

  constructor(options: { readonly kernel: Kernel; readonly network: Network; readonly programs: ProgramTable }) {
    this.kernel = options.kernel
    this.sim = options.kernel.sim
    this.network = options.network
    this.programs = options.programs
    this.fs = new View({ namespace: () => this.mounts, credentials: () => rootUser, cwd: () => '/', umask: () => 0o22, now: () => this.sim.now, pid: () => 1 })
  }

  get users(): Map<string, User> {
    return readUsers(this.fs)
  }

  get root(): User {
    return this.users.get('root') ?? rootUser
  }

  get processes(): ReadonlyMap<number, Process> {
    return this.space.tasks
  }

  start(options: SpawnOptions & { readonly fds?: Readonly<Record<number, OpenFile>>; readonly output?: Output }): Child {
    const { fds, output, ...rest } = options
    const task = this.kernel.start(this, { background: true, ...rest })
    for (const [n, file] of Object.entries(fds ?? {})) task.fds.set(Number(n), task.hold((file as OpenFile & { description: Description }).description))
    if (output) this.#wire(task, output)
    for (const n of [0, 1, 2]) if (!task.fds.has(n)) task.fds.set(n, task.hold(this.kernel.nullDescription()))
    return task.childOf(undefined)
  }

  #wire(task: Task, output: Output): void {
    if (output.stdin !== undefined) {
      const { read, write } = createPipe(this.kernel.nextPipe++)
      task.fds.set(0, task.hold(read))
      write.holders++
      // More than a pipe holds is written as the reader makes room.
      let rest = output.stdin
      const feed = () => {
        while (rest !== '') {
          const n = write.put(rest)
          if (n === 0) {
            write.writers.add(feed)
            return
          }
          rest = rest.slice(n)
        }
        write.close()
      }
      feed()
    }
    const name = `pipe:[${this.kernel.nextPipe++}]`
    task.fds.set(1, task.hold(new SinkDescription(name, (text) => output.stdout(text))))
    task.fds.set(2, task.hold(new SinkDescription(name, (text) => output.stderr(text))))
  }

  /** A standard input that is fed from outside (attach, exec -i): write, then end. */
  openInput(): { readonly description: Description; write(text: string): void; end(): void } {
    const { read, write } = createPipe(this.kernel.nextPipe++)
    let rest = ''
    let ended = false
    const feed = () => {
      try {
        while (rest !== '') {
          const n = write.put(rest)
          if (n === 0) {
            write.writers.add(feed)
            return
          }
          rest = rest.slice(n)
        }
      } catch {
        rest = ''
      }
      if (ended) write.close()
    }
    return {
      description: read,
      write: (text) => {
        rest += text
        feed()
      },
      end: () => {
        ended = true
        feed()
      },
    }
  }

  openTerminal(options: TerminalOptions): TerminalSession {
    const number = this.kernel.nextPty++
    const tty = new Tty(`/dev/pts/${number}`, {
      ...(options.columns !== undefined && { columns: options.columns }), ...(options.rows !== undefined && { rows: options.rows }), ...(options.editor && { editor: options.editor }),
    })
    const listeners = new Set<(text: string) => void>()
    let early = ''
    tty.onOutput = (text) => {
      if (listeners.size === 0) early += text
      for (const listener of [...listeners]) listener(text)
    }
    tty.signal = (group, signal) => this.kernel.signalGroup(group, signal)
    this.terminals.set(number, tty)
    const user = options.user ?? this.root
    const task = this.kernel.start(this, {
      argv: options.argv, user, cwd: options.cwd ?? '/', tty, background: false,
      env: { ...this.defaultEnv, TERM: 'xterm-256color', ...options.env },
    })
    for (const n of [0, 1, 2]) task.fds.set(n, task.hold(tty))
    tty.foreground = task.groupId
    task.onEnd(() => {
      this.terminals.delete(number)
      if (tty.foreground !== task.groupId) this.kernel.signalGroup(tty.foreground, 'SIGHUP')
    })
    return {
      terminal: tty.seenFrom(this.space),
      child: task.childOf(undefined),
      write: (keys) => tty.type(keys),
      onOutput: (listener) => {
        listeners.add(listener)
        if (early !== '') listener(early)
        early = ''
        return () => listeners.delete(listener)
      },
      resize: (columns, rows) => tty.resize(columns, rows),
      close: () => {
        tty.hangUp()
        for (const other of [...this.kernel.pids.tasks.values()]) {
          if (other.controlling !== tty) continue
          other.deliver('SIGHUP', true)
          other.deliver('SIGCONT', true)
        }
      },
    }
  }

  /** The directory /dev/pts of this machine. */
  protected ptsDirectory(): { list(): readonly string[]; lookup(name: string): Inode | undefined } {
    return {
      list: () => [...this.terminals.keys()].map(String).concat('ptmx'),
      lookup: (name) => {
        const tty = this.terminals.get(Number(name))
        if (!tty) return undefined
        const inode = new Inode(this.devices, 'device', 0o620, 0)
        inode.device = 'pts'
        inode.openDevice = () => tty
        return inode
      },
    }
  }
}
