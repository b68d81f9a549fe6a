/**
 * A process as the kernel keeps it: the implementation of the Process contract. A killed process stops where it waits: its calls
 * are never answered again, so its program is simply left behind. A stopped one gets its answers when it is continued.
 * Leaves out: zombies (an ended process is gone at once; its status stays with whoever holds the Child), threads, limits.
 */
import type { Timer } from '#engine/sim/sim.ts'
import type { NetNamespace } from '#engine/net/types.ts'
import { FsError } from './files.ts'
import { createPipe, type Description } from './descriptions.ts'
import { Handle, type Waiter } from './handle.ts'
import type { Kernel, PidSpace } from './kernel.ts'
import type { Machine } from './machine.ts'
import { openPath } from './open.ts'
import type { Child, OpenFile, OpenFlags, Process, Program, Signal, SpawnOptions, Terminal, User, WaitStatus } from './process.ts'
import type { Tty } from './tty.ts'
import { defaultPath } from './search-path.ts'
import { describeConnection, SocketFace } from './socket-face.ts'
import type { Connection, Sockets } from './sockets.ts'
import { signals } from './signals.ts'
import { type MountNamespace, View } from './vfs.ts'
import { WaitQueue } from './wait-queue.ts'

/** Virtual ms of a turn of computing, and of what is counted for a system call. */
const turn = 0.05
const systemCall = 0.02
/**
 * After so many turns in a row a program is taken for a busy loop: its turns grow to `most`, so that nobody pays for each round. In containers they go
 * on growing, by as much again with every `grown` turns, as nobody waits there; at a terminal somebody may wait for the end of a long count.
 */
const containers = { patience: 4000, most: 20, grown: 500 }
const terminals = { patience: 20_000, most: 2, grown: Infinity }

/** Unwinds a program that has ended itself. Programs must let it pass. */
export class ExitSignal extends Error {
  readonly code: number
  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}

export interface TaskOptions {
  readonly kernel: Kernel
  readonly machine: Machine
  readonly space: PidSpace
  readonly mounts: MountNamespace
  readonly net: NetNamespace
  readonly argv: readonly string[]
  readonly env: ReadonlyMap<string, string>
  readonly cwd: string
  readonly umask: number
  readonly user: User
  readonly group: number | 'new' | undefined
  readonly parent: Task | undefined
  readonly tty: Tty | undefined
  readonly background: boolean
  readonly ignored: ReadonlySet<Signal>
}

const cancels = new WeakMap<Promise<unknown>, () => void>()
const never = <T>() => new Promise<T>(() => {})

export class Task implements Process, Waiter {
  readonly kernel: Kernel
  readonly space: PidSpace
  /** The pid in its own view and in those around it. */
  readonly pids = new Map<PidSpace, number>()
  argv: readonly string[]
  readonly env: Map<string, string>
  readonly machine: Machine
  readonly net: NetNamespace
  readonly user: User
  readonly fds = new Map<number, OpenFile>()
  readonly fs: View
  readonly started: number
  readonly background: boolean
  mounts: MountNamespace
  cwd: string
  umask: number
  /** In the host's numbers. */
  groupId: number
  parent: Task | undefined
  /** The controlling terminal. */
  controlling: Tty | undefined
  status: WaitStatus | undefined
  /** The path that was executed (/proc/PID/exe), and its name. */
  executable = ''
  stopped = false
  alive = true
  readonly #own = new Set<Handle>()
  readonly #handlers = new Map<Signal, (() => void) | 'ignore'>()
  readonly #interrupts = new WaitQueue()
  readonly #timers = new Set<Timer>()
  readonly #waiters = new WaitQueue()
  readonly #ends = new Set<() => void>()
  /** When its turns of computing end (one for each loop), and how many came in a row with nothing else between. */
  readonly #resumes: number[] = []
  #turns = 0
  readonly #after = new Set<(status: WaitStatus) => void>()
  readonly #held: (() => void)[] = []
  #sockets: SocketFace | undefined

  constructor(options: TaskOptions) {
    this.kernel = options.kernel
    this.machine = options.machine
    this.space = options.space
    this.mounts = options.mounts
    this.net = options.net
    this.argv = options.argv
    this.env = new Map(options.env)
    this.cwd = options.cwd
    this.umask = options.umask
    this.user = options.user
    this.parent = options.parent
    this.controlling = options.tty
    this.background = options.background
    this.started = this.kernel.sim.now
    for (const signal of options.ignored) this.#handlers.set(signal, 'ignore')
    this.fs = new View({ namespace: () => this.mounts, credentials: () => this.user, cwd: () => this.cwd, umask: () => this.umask, now: () => this.kernel.sim.now, pid: () => this.pid, can: (capability) => this.can(capability) })
    this.space.enter(this)
    this.groupId = options.group === 'new' ? this.hostPid : (options.group ?? options.parent?.groupId ?? this.hostPid)
  }

  get pid(): number {
    return this.pids.get(this.space) ?? 0
  }
  get hostPid(): number {
    return this.pids.get(this.kernel.pids) ?? 0
  }
  get ppid(): number {
    return this.parent?.alive ? (this.parent.pids.get(this.space) ?? 0) : this.pid === 1 ? 0 : 1
  }
  /** The group in the process's own numbers. */
  get group(): number {
    return this.space.fromHost(this.groupId)
  }
  get sockets(): Sockets {
    return (this.#sockets ??= new SocketFace(this))
  }
  get tty(): Terminal | undefined {
    return this.controlling?.seenFrom(this.space)
  }
  terminal(tty: Tty): Terminal {
    return tty.seenFrom(this.space)
  }
  get stdin(): OpenFile {
    return this.#fd(0)
  }
  get stdout(): OpenFile {
    return this.#fd(1)
  }
  get stderr(): OpenFile {
    return this.#fd(2)
  }
  get ignored(): Set<Signal> {
    return new Set([...this.#handlers].filter(([, h]) => h === 'ignore').map(([s]) => s))
  }

  #fd(n: number): OpenFile {
    const file = this.fds.get(n)
    if (file) return file
    const closed = this.hold(this.kernel.nullDescription())
    closed.release()
    return closed
  }

  now(): number {
    return this.kernel.sim.now
  }

  can(capability: string): boolean {
    return this.user.uid === 0 && (this.machine.capabilities?.has(capability) ?? true)
  }

  /** A handle of this process on a description. */
  hold(description: Description): Handle {
    const handle = new Handle(description, this)
    this.#own.add(handle)
    return handle
  }

  // Waiting

  /** Hands an answer to the program, unless it is dead; later if it is stopped. */
  answer(run: () => void): void {
    if (!this.alive) return
    if (this.stopped) {
      this.#held.push(() => this.answer(run))
      return
    }
    this.machine.cpu?.spend(this.kernel.sim.now, systemCall)
    this.kernel.sim.woke()
    run()
  }

  /** A promise that is answered through `answer` only, and can be given up by `interruptible`. */
  call<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => (() => void) | void): Promise<T> {
    if (!this.alive) return never<T>()
    let giveUp: (() => void) | void
    let open = true
    const promise = new Promise<T>((resolve, reject) => {
      giveUp = start(
        (value) => this.answer(() => open && resolve(value)),
        (error) => this.answer(() => open && reject(error as Error)),
      )
    })
    cancels.set(promise, () => {
      open = false
      giveUp?.()
    })
    return promise
  }

  retry<T>(queue: WaitQueue, attempt: () => { readonly value: T } | undefined): Promise<T> {
    return this.call<T>((resolve, reject) => {
      let leave: (() => void) | undefined
      const go = () => {
        if (!this.alive) return
        if (this.stopped) {
          this.#held.push(go)
          return
        }
        try {
          const done = attempt()
          if (done) resolve(done.value)
          else if (this.alive && this.stopped) this.#held.push(go)
          else if (this.alive) leave = queue.add(go)
        } catch (error) {
          reject(error)
        }
      }
      go()
      return () => leave?.()
    })
  }

  #timer(ms: number, run: () => void, quiet = false): Timer {
    const timer = this.kernel.sim.after(ms, () => {
      this.#timers.delete(timer)
      run()
    }, quiet ? { quiet } : { background: this.background })
    this.#timers.add(timer)
    return timer
  }

  sleep(ms: number, quiet = false): Promise<void> {
    return this.call((resolve) => {
      const timer = this.#timer(ms, () => resolve(), quiet)
      return () => {
        this.kernel.sim.cancel(timer)
        this.#timers.delete(timer)
      }
    })
  }

  yield(): Promise<void> {
    const { now } = this.kernel.sim
    const at = this.#resumes.indexOf(now)
    if (at >= 0) {
      this.#resumes.splice(at, 1)
      this.#turns++
    } else {
      this.#turns = 0
      if (this.#resumes.length > 0 && this.#resumes[0]! < now) this.#resumes.length = 0
    }
    const { patience, most, grown } = this.background ? containers : terminals
    const long = Math.max(0, this.#turns - patience)
    const ms = long === 0 ? turn : Math.min(turn * 2 ** (long / 16), most * (1 + long / grown))
    this.#resumes.push(now + ms)
    this.machine.cpu?.spend(now, ms - systemCall)
    return this.sleep(ms, long > 0)
  }

  compute(ms: number): Promise<void> {
    this.machine.cpu?.spend(this.kernel.sim.now, ms)
    return this.sleep(ms)
  }

  forever(): Promise<never> {
    // Daemons go when they are asked to, also as the first process of a container.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) if (!this.#handlers.has(signal)) this.#handlers.set(signal, () => this.end(0))
    return never()
  }

  interruptible<T>(call: Promise<T>): Promise<T | 'interrupted'> {
    return this.call<T | 'interrupted'>((resolve, reject) => {
      let open = true
      const leave = this.#interrupts.add(() => {
        if (!open) return
        open = false
        cancels.get(call)?.()
        resolve('interrupted')
      })
      const settle = (act: () => void) => {
        if (!open) return
        open = false
        leave()
        act()
      }
      call.then((value) => settle(() => resolve(value)), (error: unknown) => settle(() => reject(error)))
    })
  }

  any(calls: readonly Promise<unknown>[]): Promise<number> {
    return this.call((resolve) => {
      calls.forEach((call, i) => call.then(() => resolve(i), () => resolve(i)))
    })
  }

  mayRead(tty: Tty): boolean {
    if (this.controlling !== tty || tty.foreground === 0 || tty.foreground === this.groupId) return true
    if (this.#handlers.get('SIGTTIN') === 'ignore') throw new FsError('EIO')
    this.kernel.signalGroup(this.groupId, 'SIGTTIN')
    return false
  }

  brokenPipe(): boolean {
    this.deliver('SIGPIPE')
    return this.alive
  }

  // Files

  open(path: string, flags: OpenFlags): OpenFile {
    return this.hold(openPath(this, path, flags))
  }

  pipe(): { readonly read: OpenFile; readonly write: OpenFile } {
    const { read, write } = createPipe(this.kernel.nextPipe++)
    return { read: this.hold(read), write: this.hold(write) }
  }

  socketFile(connection: Connection): OpenFile {
    return this.hold(describeConnection(connection))
  }

  // Processes

  spawn(options: SpawnOptions): Child {
    return this.kernel.spawn(this, options)
  }

  exec(options: { readonly argv: readonly string[]; readonly env?: Readonly<Record<string, string>> }): Promise<number> {
    const { program, argv, file } = this.kernel.findProgram(this.fs, this.machine.programs, options.argv, this.env.get('PATH') ?? defaultPath)
    this.argv = argv
    this.executable = file
    if (options.env) {
      this.env.clear()
      for (const [name, value] of Object.entries(options.env)) this.env.set(name, value)
    }
    for (const [signal, handler] of [...this.#handlers]) if (handler !== 'ignore') this.#handlers.delete(signal)
    return program(this)
  }

  /** The parent's handle on this process. */
  childOf(parent: Task | undefined): Child {
    const pid = () => (parent ? (this.pids.get(parent.space) ?? 0) : this.hostPid)
    const group = () => (parent ? parent.space.fromHost(this.groupId) : this.groupId)
    const status = () => this.status
    const known = pid()
    return {
      get pid() {
        return known
      },
      get group() {
        return group()
      },
      get status() {
        return status()
      },
      wait: () => (parent ? parent.retry(this.#waiters, () => this.#reported()) : this.whenDone()),
      onEnd: (listener) => {
        if (this.alive) this.#after.add(listener)
        else listener(this.status!)
      },
      signal: (signal) => this.deliver(signal, true),
    }
  }

  #reported(): { readonly value: WaitStatus } | undefined {
    return this.status ? { value: this.status } : undefined
  }

  /** For code outside of processes: resolves from the loop. */
  whenDone(): Promise<WaitStatus> {
    if (this.status) return Promise.resolve(this.status)
    return new Promise((resolve) => {
      this.#waiters.add(() => {
        this.kernel.sim.woke()
        resolve(this.status!)
      })
    })
  }

  kill(pid: number, signal: Signal): void {
    this.kernel.kill(this, pid, signal)
  }

  onSignal(signal: Signal, handler: (() => void) | 'ignore' | undefined): void {
    if (handler === undefined) this.#handlers.delete(signal)
    else this.#handlers.set(signal, handler)
  }

  onEnd(listener: () => void): () => void {
    this.#ends.add(listener)
    return () => this.#ends.delete(listener)
  }

  /** A signal arrives. `outside`: from a view around the process's own (the host, the runtime). */
  deliver(signal: Signal, outside = false): void {
    if (!this.alive) return
    const facts = signals[signal]
    if (signal === 'SIGKILL' || signal === 'SIGSTOP') {
      if (this.pid === 1 && this.space !== this.kernel.pids && !outside) return
      if (signal === 'SIGKILL') this.finish({ code: 137, signal })
      else this.#stop(signal)
      return
    }
    if (facts.action === 'continue') this.#continue()
    const handler = this.#handlers.get(signal)
    if (handler === 'ignore') return
    if (handler) {
      this.answer(() => {
        handler()
        this.#interrupts.wake()
      })
      return
    }
    // The first process of a container has no default actions: what it does not handle does not reach it.
    if (this.pid === 1 && this.space !== this.kernel.pids) return
    if (facts.action === 'terminate' || facts.action === 'core') this.finish({ code: 128 + facts.number, signal })
    else if (facts.action === 'stop') this.#stop(signal)
  }

  #stop(signal: Signal): void {
    if (this.stopped) return
    this.stopped = true
    this.status = { code: 128 + signals[signal].number, signal, stopped: true }
    this.#waiters.wake()
    this.parent?.deliver('SIGCHLD')
  }

  #continue(): void {
    if (!this.stopped) return
    this.stopped = false
    this.status = undefined
    for (const run of this.#held.splice(0)) run()
  }

  exit(code: number): never {
    this.end(code)
    throw new ExitSignal(code)
  }

  end(code: number): void {
    this.finish({ code: code & 255 })
  }

  /** Runs the program; called once, from the loop. */
  run(program: Program): void {
    if (!this.alive) return
    this.kernel.sim.woke()
    let running: Promise<number>
    try {
      running = program(this)
    } catch (error) {
      running = Promise.reject(error as Error)
    }
    running.then(
      (code) => this.end(code),
      (error: unknown) => {
        if (!this.alive || error instanceof ExitSignal) return
        this.kernel.failed(this, error)
      },
    )
  }

  finish(status: WaitStatus): void {
    if (!this.alive) return
    this.alive = false
    this.stopped = false
    this.status = status
    for (const timer of this.#timers) this.kernel.sim.cancel(timer)
    this.#timers.clear()
    for (const listener of [...this.#ends]) listener()
    this.#sockets?.closeAll()
    for (const handle of this.#own) handle.releaseAll()
    this.#own.clear()
    this.kernel.ended(this)
    this.#waiters.wake()
    for (const listener of [...this.#after]) listener(status)
    this.parent?.deliver('SIGCHLD')
  }
}
