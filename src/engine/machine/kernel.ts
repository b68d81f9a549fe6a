/**
 * What processes of one host share: pid numbers (nested views for containers), signals, program lookup and the starting of
 * processes. Starting a program takes a fraction of a virtual millisecond, so that loops which start programs let time pass.
 */
import type { Sim } from '#engine/sim/sim.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { NullDescription, type Description } from './descriptions.ts'
import { FsError, strerror } from './files.ts'
import { Handle } from './handle.ts'
import type { Machine, ProgramTable } from './machine.ts'
import type { Child, Program, Signal, SpawnOptions, User } from './process.ts'
import { defaultPath, lookPath } from './search-path.ts'
import { Task } from './task.ts'
import type { Tty } from './tty.ts'
import { View, programOf, readText, type MountNamespace } from './vfs.ts'

/** Virtual ms that fork and exec take. */
const execTime = 0.3
const forkTime = 0.1

/** A pid namespace. Processes have a number here and in every view around it. */
export class PidSpace {
  readonly parent: PidSpace | undefined
  readonly tasks = new Map<number, Task>()
  readonly #fromHost = new Map<number, number>()
  #next: number
  /** Called when its first process has ended. */
  onInitEnd: (() => void) | undefined

  constructor(parent?: PidSpace) {
    this.parent = parent
    this.#next = 1
  }

  /** The next pid will be at least this. */
  skipTo(pid: number): void {
    this.#next = Math.max(this.#next, pid)
  }

  /** This view and those around it. */
  #outward(): PidSpace[] {
    return [this, ...(this.parent ? this.parent.#outward() : [])]
  }

  enter(task: Task): void {
    for (const space of this.#outward()) {
      const pid = space.#next++
      space.tasks.set(pid, task)
      task.pids.set(space, pid)
    }
    for (const space of this.#outward()) space.#fromHost.set(task.hostPid, task.pids.get(space)!)
  }

  leave(task: Task): void {
    for (const space of this.#outward()) space.tasks.delete(task.pids.get(space)!)
  }

  /** A number of the host's view in this one; 0 for what cannot be seen from here. */
  fromHost(hostPid: number): number {
    return this.#fromHost.get(hostPid) ?? 0
  }

  toHost(pid: number): number | undefined {
    for (const [host, own] of this.#fromHost) if (own === pid) return host
    return undefined
  }
}

/** The kernel's side of a Machine. */
export interface Realm extends Machine {
  readonly noNewPrivileges: boolean
  readonly seccomp: boolean
  readonly kernel: Kernel
  readonly space: PidSpace
  readonly mounts: MountNamespace
  readonly defaultEnv: Readonly<Record<string, string>>
  /** Who its processes are when nothing else is said. */
  readonly root: User
}

export interface StartOptions extends SpawnOptions {
  readonly tty?: Tty
}

export class Kernel {
  readonly sim: Sim
  readonly pids = new PidSpace()
  nextPipe = 20_000
  nextPty = 0
  /** Hears errors that no program should throw. */
  onBug: (error: unknown) => void

  constructor(sim: Sim, onBug: (error: unknown) => void) {
    this.sim = sim
    this.onBug = onBug
  }

  #namespaceNumbers = new WeakMap<object, number>()
  #nextNamespace = 4_026_531_840

  /** The inode number that /proc/PID/ns shows for a namespace. */
  namespaceNumber(namespace: object): number {
    let n = this.#namespaceNumbers.get(namespace)
    if (n === undefined) this.#namespaceNumbers.set(namespace, (n = this.#nextNamespace++))
    return n
  }

  nullDescription(): Description {
    return new NullDescription()
  }

  /** Throws ENOENT, EACCES, ENOEXEC. A login shell's name begins with a dash (`-bash`), that of its file does not. */
  findProgram(view: View, programs: ProgramTable, argv: readonly string[], path: string): { readonly program: Program; readonly argv: readonly string[]; readonly file: string } {
    const file = lookPath(view, (argv[0] ?? '').replace(/^-(?=[a-z]+$)/, ''), path)
    let args = argv
    let at = file
    for (let depth = 0; depth < 5; depth++) {
      const { inode } = view.find(at)
      if (inode.type === 'directory' || !view.allowed(inode, 1)) throw new FsError('EACCES', argv[0])
      const name = programOf(inode)
      if (name !== undefined) {
        const program = programs.get(name)
        if (!program) throw new FsError('ENOEXEC', argv[0])
        return { program, argv: args, file: at }
      }
      const first = /^#![ \t]*(\S+)[ \t]*(.*)/.exec(readText(inode))
      if (!first) throw new FsError('ENOEXEC', argv[0])
      const option = first[2]!.trim()
      args = [first[1]!, ...(option === '' ? [] : [option]), at, ...args.slice(1)]
      at = first[1]!
      if (!view.exists(at)) throw new FsError('ENOENT', argv[0])
    }
    throw new FsError('ELOOP', argv[0])
  }

  spawn(parent: Task, options: SpawnOptions): Child {
    let realm = (options.machine ?? parent.machine) as Realm
    let mounts: MountNamespace | undefined
    let given = options
    if (options.root !== undefined) {
      const root = parent.fs.find(options.root)
      if (root.inode.type !== 'directory') throw new FsError('ENOTDIR', options.root)
      const host = realm.host as Realm
      if (root.inode === host.mounts.root.inode) {
        realm = host
        given = { user: parent.user, env: Object.fromEntries(parent.env), net: parent.net, ...options, cwd: '/' }
      } else {
        mounts = parent.mounts.seenFrom(root)
        given = { ...options, cwd: '/' }
      }
    }
    const inside = realm === parent.machine
    const task = this.#create(realm, {
      ...given,
      background: parent.background,
      ...(parent.controlling && !options.newSession && { tty: parent.controlling }),
    }, parent, inside, mounts)
    for (const [n, file] of parent.fds) if (!options.fds || !(n in options.fds)) task.fds.set(n, task.hold((file as Handle).description))
    return task.childOf(parent)
  }

  /** A process without parent. */
  start(realm: Realm, options: StartOptions): Task {
    return this.#create(realm, options, undefined, false)
  }

  #create(realm: Realm, options: StartOptions, parent: Task | undefined, inherit: boolean, seen?: MountNamespace): Task {
    if (!realm.up) throw new FsError('ESRCH')
    const user = options.user ?? (inherit ? parent!.user : realm.root)
    const env = new Map(options.env ? Object.entries(options.env) : inherit ? parent!.env : Object.entries(realm.defaultEnv))
    const cwd = options.cwd ?? (inherit ? parent!.cwd : '/')
    const mounts = seen ?? (inherit ? parent!.mounts : realm.mounts)
    let program = options.program
    let argv = options.argv
    let file = inherit ? parent!.executable : ''
    if (!program) {
      const view = new View({ namespace: () => mounts, credentials: () => user, cwd: () => cwd, umask: () => 0o22, now: () => this.sim.now, pid: () => 1 })
      const found = this.findProgram(view, realm.programs, argv, (inherit ? parent!.env : env).get('PATH') ?? defaultPath)
      program = found.program
      argv = found.argv
      file = found.file
    }
    const net: NetNamespace = options.net ?? (inherit ? parent!.net : realm.net)
    const task = new Task({
      kernel: this, machine: realm, space: realm.space, mounts, net, argv, env, cwd, umask: inherit ? parent!.umask : 0o22, user,
      group: options.newGroup || options.newSession || !inherit ? 'new' : options.group !== undefined ? (realm.space.toHost(options.group) ?? options.group) : undefined,
      parent, tty: options.tty, background: options.background ?? false, ignored: parent?.ignored ?? new Set(),
    })
    task.executable = file
    for (const [n, given] of Object.entries(options.fds ?? {})) task.fds.set(Number(n), task.hold((given as Handle).description))
    const run = program
    this.sim.after(options.program ? forkTime : execTime, () => task.run(run), { background: task.background })
    return task
  }

  /** kill(2) by a process. */
  kill(from: Task, pid: number, signal: Signal): void {
    const targets: Task[] = []
    if (pid > 0) {
      const task = from.space.tasks.get(pid)
      if (task) targets.push(task)
    } else if (pid === -1) {
      for (const task of from.space.tasks.values()) if (task !== from && task.pid !== 1) targets.push(task)
    } else {
      const group = pid === 0 ? from.groupId : from.space.toHost(-pid)
      for (const task of from.space.tasks.values()) if (task.groupId === group) targets.push(task)
    }
    if (targets.length === 0) throw new FsError('ESRCH')
    const allowed = targets.filter((t) => from.can('KILL') || from.user.uid === t.user.uid)
    if (allowed.length === 0) throw new FsError('EPERM')
    for (const task of allowed) task.deliver(signal, from.space !== task.space)
  }

  /** A signal from a terminal or the kernel to all of a group (the host's number). */
  signalGroup(group: number, signal: Signal): void {
    for (const task of [...this.pids.tasks.values()]) if (task.groupId === group) task.deliver(signal)
  }

  ended(task: Task): void {
    task.space.leave(task)
    for (const other of this.pids.tasks.values()) if (other.parent === task) other.parent = task.space.tasks.get(1)
    if (task.pid === 1 && task.space !== this.pids) {
      for (const other of [...task.space.tasks.values()]) other.finish({ code: 137, signal: 'SIGKILL' })
      task.space.onInitEnd?.()
    }
  }

  /** A program threw. System call errors that it let through end it as an uncaught errno would; all else is a bug. */
  failed(task: Task, error: unknown): void {
    const name = (task.argv[0] ?? '').replace(/^.*\//, '')
    if (error instanceof FsError) {
      this.#complain(task, `${name}: ${error.path !== undefined ? `${error.path}: ` : ''}${strerror(error.code)}\n`)
      task.end(1)
      return
    }
    this.#complain(task, `${name}: internal error: ${error instanceof Error ? error.message : String(error)}\n`)
    task.finish({ code: 134 })
    this.onBug(error)
  }

  #complain(task: Task, text: string): void {
    const file = task.fds.get(2)
    try {
      if (file instanceof Handle && file.description.writable) file.description.put(text)
    } catch (error) {
      if (!(error instanceof FsError)) throw error
    }
  }
}
