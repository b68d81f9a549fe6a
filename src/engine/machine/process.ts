/**
 * The Process contract: everything a program may touch. The shell, kubectl, coreutils, net tools and the servers inside container
 * images are all programs: async functions of a Process that resolve to an exit code. They may await nothing but calls of
 * their Process (and of objects it hands out), so that the seeded loop decides the order of things.
 *
 * Text is bytes: see #base/bytes.ts. Streams carry strings of any chunking; nothing is line buffered unless said.
 */
import type { NetNamespace } from '#engine/net/types.ts'
import type { FileSystem } from './files.ts'
import type { Machine } from './machine.ts'
import type { Connection, Sockets } from './sockets.ts'

export type Signal = 'SIGHUP' | 'SIGINT' | 'SIGQUIT' | 'SIGKILL' | 'SIGUSR1' | 'SIGUSR2' | 'SIGPIPE' | 'SIGALRM' | 'SIGTERM' | 'SIGCHLD' | 'SIGCONT' | 'SIGSTOP' | 'SIGTSTP' | 'SIGTTIN' | 'SIGTTOU' | 'SIGWINCH' | 'SIGILL' | 'SIGTRAP' | 'SIGABRT' | 'SIGBUS' | 'SIGFPE' | 'SIGSEGV' | 'SIGSYS'

/** A program: argv[0] is its name. Resolves to the exit code (0–255). A thrown `ExitSignal` or `ProcessExit` ends it too. */
export type Program = (process: Process) => Promise<number>

export interface InputStream {
  /** The next chunk; '' never; undefined at end of file. Rejects with FsError EIO/EBADF. */
  read(): Promise<string | undefined>
  /** The next line with its '\n' (the last one may lack it); undefined at end of file. */
  readLine(): Promise<string | undefined>
  /** All that is left. */
  readAll(): Promise<string>
  /** At most `bytes` bytes of what is there; waits until there is something. */
  readBytes(bytes: number): Promise<string | undefined>
  /** Says whether something (or end of file) can be read without waiting. */
  readonly ready: boolean
}

export interface OutputStream {
  /** Resolves when accepted (a full pipe makes it wait). Rejects with FsError EPIPE when nobody can read any more; by default SIGPIPE ends the process first. */
  write(text: string): Promise<void>
}

/** An open file description. Processes hold them by number; duplicated numbers share one description. */
export interface OpenFile extends InputStream, OutputStream {
  readonly kind: 'file' | 'pipe' | 'tty' | 'null' | 'socket' | 'zero'
  /** What `/proc/PID/fd/N` would point to. */
  readonly target: string
  readonly tty: Terminal | undefined
  /** One more holder. */
  retain(): OpenFile
  /** One holder less; closes at zero. */
  release(): void
}

/** A terminal as a program sees it. Line discipline (echo, canonical mode, ^C → SIGINT to the foreground group) is the machine's. */
export interface Terminal {
  readonly name: string
  readonly columns: number
  readonly rows: number
  /** Raw: no echo, no line editing, keys as they come, ^C is a byte. Returns a function that restores the former mode. */
  setRaw(raw: boolean): () => void
  setEcho(echo: boolean): void
  /** The process group that reads keys and gets ^C. */
  foreground: number
  /** Opens the editor of the interface on a file; see EditorPort. Undefined where the terminal has none (a pipe, a script). */
  readonly editor: EditorPort | undefined
}

/** vi, nano and kubectl edit ask for an editor; the interface answers (CodeMirror over the terminal pane, $EDITOR in the CLI). */
export interface EditorPort {
  open(request: { readonly path: string; readonly text: string; readonly keys: 'vi' | 'nano'; readonly readOnly: boolean }): Promise<{ readonly saved: boolean; readonly text: string }>
}

export interface SpawnOptions {
  /** argv[0] is looked up in PATH unless it has a slash. */
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** File descriptors of the child; those not named are the parent's. Each is retained for the child. */
  readonly fds?: Readonly<Record<number, OpenFile>>
  /** A new process group led by the child (job control); default: the parent's. Or join that of `group`. */
  readonly newGroup?: boolean
  readonly group?: number
  /** Runs this function instead of a file: subshells and built-in pipeline members. argv[0] names it. */
  readonly program?: Program
  readonly user?: User
  /** The child's network namespace (`ip netns exec`, `nsenter -n`); default: the parent's. */
  readonly net?: NetNamespace
  /** The child lives in this container or host (`nsenter -a`, exec of a runtime): its files, pids, hostname and namespace. */
  readonly machine?: Machine
  /** The child's root directory (chroot); it starts there. Throws ENOENT, ENOTDIR. A host's own root puts it on that host, as all that programs there talk to lies below. */
  readonly root?: string
  /** A new session: no controlling terminal (setsid). */
  readonly newSession?: boolean
  /** Its timers do not keep the cluster from being settled; children inherit it. `Machine.start`: true by default, terminals: false. */
  readonly background?: boolean
}

export interface Child {
  readonly pid: number
  readonly group: number
  /** Resolves when the child has ended or stopped. */
  wait(): Promise<WaitStatus>
  readonly status: WaitStatus | undefined
  /** Calls back when it has ended (at once where it has): for synchronous code. */
  onEnd(listener: (status: WaitStatus) => void): void
  /** Sends a signal with the kernel's authority (the runtime, the unit manager). */
  signal(signal: Signal): void
}

/** `code` is what `$?` shows: 128 + number for signals. */
export interface WaitStatus {
  readonly code: number
  readonly signal?: Signal
  readonly stopped?: boolean
}

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly home: string
  readonly shell: string
}

export interface Process {
  readonly pid: number
  readonly ppid: number
  /** Process group. */
  readonly group: number
  readonly argv: readonly string[]
  /** Exported variables. */
  readonly env: Map<string, string>
  cwd: string
  umask: number
  readonly user: User
  /** The host (or container) that it runs on: units, journal, namespaces, other processes. */
  readonly machine: Machine
  /** Its network namespace. */
  readonly net: NetNamespace
  /** Is it root with this capability (`NET_ADMIN`, `NET_RAW` …)? */
  can(capability: string): boolean
  /** The process's view of the files: mount namespace and credentials applied. */
  readonly fs: FileSystem
  /** Sockets and name lookup in the process's network namespace. */
  readonly sockets: Sockets

  readonly stdin: OpenFile
  readonly stdout: OpenFile
  readonly stderr: OpenFile
  /** Open files by number, 0–2 included. */
  readonly fds: Map<number, OpenFile>
  /** The controlling terminal. */
  readonly tty: Terminal | undefined

  /** Virtual milliseconds since the epoch. */
  now(): number
  sleep(ms: number): Promise<void>
  /** Lets others run; long loops call it once in a while so that ^C can end them. Throws when the process has been killed. */
  yield(): Promise<void>
  /** Computes for `ms` of one CPU. */
  compute?(ms: number): Promise<void>
  /** Starts a child. Throws FsError ENOENT, EACCES, ENOEXEC (a text file without #!), or when no program is behind the file. */
  spawn(options: SpawnOptions): Child
  /**
   * execve: this process becomes the program of a file, with its pid, group and open files (and what `ps` shows changes); handled signals
   * go back to their defaults, ignored ones stay ignored. Throws as `spawn` does; resolves with the new program's exit code.
   */
  exec?(options: { readonly argv: readonly string[]; readonly env?: Readonly<Record<string, string>> }): Promise<number>
  /** Opens a file as `open(2)` would. */
  open(path: string, flags: OpenFlags): OpenFile
  pipe(): { readonly read: OpenFile; readonly write: OpenFile }
  /** A connection as an open file (bash's /dev/tcp/HOST/PORT); closing the file closes the connection. */
  socketFile(connection: Connection): OpenFile
  /** Sends a signal to a process (pid > 0) or a group (pid < 0). Throws FsError ESRCH, EPERM. */
  kill(pid: number, signal: Signal): void
  /** Installs a handler; undefined restores the default; 'ignore' ignores. Waiting calls go on after a handler has run unless they are told otherwise by AbortSignal-like `interrupt`. */
  onSignal(signal: Signal, handler: (() => void) | 'ignore' | undefined): void
  /** Races one call against signals that have a handler: resolves to 'interrupted' when one arrives first (bash's wait and read builtins). */
  interruptible<T>(call: Promise<T>): Promise<T | 'interrupted'>
  /** The first of several calls (select/poll): resolves with the index of the first that settles; the others go on. */
  any(calls: readonly Promise<unknown>[]): Promise<number>
  /** A call that is answered by a callback of the engine (`net.sockets.ping`, `net.capture` …); `start` may return how to give it up. */
  call<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => (() => void) | void): Promise<T>
  /** Ends the process now. */
  exit(code: number): never
  /** Ends it with this code without unwinding: for daemons, whose work runs in event callbacks. */
  end(code: number): void
  /** Calls back when the process has ended, however it ended (SIGKILL too), before its parent hears of it. */
  onEnd(listener: () => void): () => void
  /** Never resolves: what a daemon awaits after it has set up its synchronous part. It ends with code 0 at SIGTERM or SIGINT unless these have handlers. */
  forever(): Promise<never>
  /** False once the process has ended. */
  readonly alive: boolean
  /** Virtual ms of its start. */
  readonly started: number
}

export interface OpenFlags {
  readonly read?: boolean
  readonly write?: boolean
  readonly append?: boolean
  readonly create?: boolean
  readonly truncate?: boolean
  readonly exclusive?: boolean
  /** Permission bits of a created file before umask; default 0o666. */
  readonly mode?: number
}
