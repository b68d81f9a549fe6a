/**
 * One learner's sitting: a cluster and its terminals, made from a seed and the ordered inputs. Replaying the inputs gives the same
 * cluster and the same terminal text to the byte; undo, reset, resume, trials and grading all fork this way.
 *
 *     inputs ──► apply() at a virtual time ──► terminals ──► programs ──► cluster ──► output, marks
 */
import type { LabBundle, SittingInput, SittingLog } from '#contract/session-api.ts'
import type { KubeObject } from '#engine/api/types.ts'
import { createCluster, type Cluster } from '#engine/cluster/create.ts'
import type { ClusterSpec } from '#engine/cluster/spec.ts'
import type { Machine, TerminalSession } from '#engine/machine/machine.ts'
import type { Program, User } from '#engine/machine/process.ts'
import { rootUser } from '#engine/machine/users.ts'
import { Runner, type Drain } from '#engine/sim/runner.ts'
import { Sim } from '#engine/sim/sim.ts'
import { engineBuild } from './engine-build.ts'
import { loginScript, MarkReader, markScript } from './marks.ts'
import { sittingPrograms } from './programs.ts'
import { traceProgram } from './trace.ts'
import { ClusterState } from './state.ts'

/** Every sitting begins at this virtual moment; nodes are as old as the cluster's boot. */
export const startOfTime = Date.UTC(2026, 2, 2, 9, 0, 0)

/** Virtual ms between a shell's mark and its reading of keys. */
const promptDelay = 5

/** How much of a terminal's output is kept for a rebuilt or resumed screen, in characters. */
const keptOutput = 200_000

export interface SittingOptions {
  readonly seed: string
  readonly open: SittingLog['open']
  readonly spec: ClusterSpec
  /** The lab's files; `start/` is carried out before the learner comes. */
  readonly bundle?: LabBundle
  readonly drain: Drain
}


/** A command that the learner ran: when its prompt stood, when it was entered, how it ended. */
export interface CommandEntry {
  readonly terminal: string
  /** Number of inputs before its first key. */
  readonly inputs: number
  /** Virtual ms since the start. */
  readonly at: number
  text: string
  exit: number | undefined
}

export interface OpenTerminal {
  readonly name: string
  readonly session: TerminalSession
  /** What was printed, marks taken out. */
  output: string
  /** True while its shell waits for a command. */
  atPrompt: boolean
  lastExit: number
  /** Number of prompts shown: `run` waits for the next. */
  prompts: number
  /** Number of inputs of the log when the present prompt came. */
  promptInputs: number
  /** Lines entered and commands begun so far. */
  lines: number
}

export interface PendingEditor {
  readonly request: { readonly path: string; readonly text: string; readonly keys: 'vi' | 'nano'; readonly readOnly: boolean }
  readonly answer: (result: { saved: boolean; text: string }) => void
}

export interface SittingListeners {
  onOutput?(terminal: string, text: string): void
  onEditor?(terminal: string, request: PendingEditor['request']): void
  onInput?(): void
}

export class Sitting {
  #options: SittingOptions
  readonly sim: Sim
  readonly runner: Runner
  readonly cluster: Cluster
  readonly state: ClusterState
  readonly inputs: SittingInput[] = []
  readonly terminals = new Map<string, OpenTerminal>()
  readonly editors = new Map<string, PendingEditor>()
  readonly commands: CommandEntry[] = []
  /** Objects as they were when the learner came: for `unchanged`, by `Kind/namespace/name`. */
  readonly baseline = new Map<string, KubeObject>()
  listeners: SittingListeners = {}
  /** Virtual ms at which the learner came. */
  start = 0

  private constructor(options: SittingOptions) {
    this.#options = options
    this.sim = new Sim({ seed: options.seed, start: startOfTime })
    this.runner = new Runner(this.sim, options.drain)
    this.cluster = createCluster({ sim: this.sim, spec: options.spec, programs: new Map([...sittingPrograms, ['trace', traceProgram(this)]]) })
    this.state = new ClusterState(this.cluster.api)
  }

  /** A cluster that has come up and whose terminals mark their prompts; nobody has opened anything in it yet. */
  static async boot(seed: string, spec: ClusterSpec, drain: Drain): Promise<Sitting> {
    const sitting = new Sitting({ seed, spec, drain, open: { kind: 'sandbox', id: spec.name, cluster: spec.name } })
    await sitting.cluster.ready(sitting.runner)
    for (const host of sitting.cluster.hosts.values()) {
      host.fs.writeFile('/etc/bash.bashrc', markScript)
      host.fs.writeFile('/etc/profile', loginScript)
    }
    return sitting
  }

  /** Boots the cluster, or takes the one that was booted ahead from the same seed and shape; carries out the lab's start and lets it settle. */
  static async begin(options: SittingOptions, booted?: Sitting): Promise<Sitting> {
    const sitting = booted ?? (await Sitting.boot(options.seed, options.spec, options.drain))
    sitting.#options = options
    await sitting.#prepare()
    sitting.start = sitting.sim.now
    return sitting
  }

  /** A second sitting in the same state, by replay. The first is not touched. */
  static async replay(options: SittingOptions, inputs: readonly SittingInput[], until: number): Promise<Sitting> {
    const sitting = await Sitting.begin(options)
    await sitting.catchUp(inputs, until)
    return sitting
  }

  /** Carries out what a longer log of the same sitting has beyond this one's, and goes on to `until`. */
  async catchUp(inputs: readonly SittingInput[], until: number): Promise<void> {
    for (const input of inputs.slice(this.inputs.length)) {
      await this.runner.runUntil(this.start + input.at)
      if (input.kind === 'script') await this.perform(input.script)
      else this.#carryOut(input)
      await this.runner.settlePrograms()
    }
    await this.runner.runUntil(this.start + until)
  }

  fork(): Promise<Sitting> {
    return Sitting.replay(this.options, this.inputs, this.elapsed)
  }

  get options(): SittingOptions {
    return this.#options
  }

  /** The learner on the workstation. */
  get user(): User {
    const { workstation, spec } = this.cluster
    return workstation.users.get(spec.workstation.user) ?? rootUser
  }

  /** Where the learner's terminals start. */
  get directory(): string {
    return this.cluster.spec.workstation.cwd ?? this.user.home
  }

  /** Virtual ms since the learner came. */
  get elapsed(): number {
    return this.sim.now - this.start
  }

  get log(): SittingLog {
    return { version: 1, seed: this.options.seed, open: this.options.open, engine: engineBuild, inputs: this.inputs, until: this.elapsed }
  }

  /** Applies what the learner did, now. */
  async apply(input: DistributiveOmit<SittingInput, 'at'>): Promise<void> {
    this.#carryOut({ ...input, at: this.elapsed } as SittingInput)
    this.listeners.onInput?.()
    await this.runner.settlePrograms()
  }

  #carryOut(input: SittingInput): void {
    this.inputs.push(input)
    switch (input.kind) {
      case 'terminal-open':
        this.#openTerminal(input.terminal, input.columns, input.rows)
        break
      case 'terminal-close':
        this.terminals.get(input.terminal)?.session.close()
        this.terminals.delete(input.terminal)
        break
      case 'key':
        this.#key(input.terminal, input.data)
        break
      case 'resize':
        this.terminals.get(input.terminal)?.session.resize(input.columns, input.rows)
        break
      case 'editor': {
        const pending = this.editors.get(input.terminal)
        this.editors.delete(input.terminal)
        pending?.answer({ saved: input.saved, text: input.text })
        break
      }
      case 'skip':
      case 'script':
        break
    }
  }

  /** Runs a script on the workstation as an input of the sitting: replays carry it out too. */
  perform(script: string): Promise<{ exit: number; stdout: string; stderr: string }> {
    this.inputs.push({ at: this.elapsed, kind: 'script', script })
    return this.command(script)
  }

  #key(name: string, data: string): void {
    const terminal = this.terminals.get(name)
    if (!terminal) return
    if (/[\r\n]/.test(data)) {
      terminal.atPrompt = false
      terminal.lines++
    }
    terminal.session.write(data)
  }

  #openTerminal(name: string, columns: number, rows: number): void {
    const host = this.cluster.workstation
    const user = this.user
    const session = host.openTerminal({
      argv: ['bash'],
      user,
      columns,
      rows,
      cwd: this.directory,
      env: { TERM: 'xterm-256color', LANG: 'C.UTF-8', HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: '/bin/bash', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', EDITOR: 'vi' },
      editor: {
        open: (request) =>
          new Promise((resolve) => {
            this.editors.set(name, {
              request,
              answer: (result) => {
                resolve(result)
                this.sim.woke()
              },
            })
            this.listeners.onEditor?.(name, request)
          }),
      },
    })
    const terminal: OpenTerminal = { name, session, output: '', atPrompt: false, lastExit: 0, prompts: 0, promptInputs: this.inputs.length, lines: 0 }
    this.terminals.set(name, terminal)
    let running: CommandEntry | undefined
    const marks = new MarkReader((mark) => {
      if (mark.kind === 'begin') {
        terminal.atPrompt = false
        terminal.lines++
        running = { terminal: name, inputs: terminal.promptInputs, at: this.elapsed, text: '', exit: undefined }
        this.commands.push(running)
        return
      }
      terminal.lastExit = mark.exit
      // The mark comes before the prompt itself: the shell reads when that has been drawn.
      const keys = terminal.lines
      this.sim.after(promptDelay, () => {
        if (terminal.lines !== keys) return
        terminal.atPrompt = true
        terminal.prompts++
      }, { background: true })
      terminal.promptInputs = this.inputs.length
      if (running) {
        running.text = mark.history
        running.exit = mark.exit
        running = undefined
      }
    })
    session.onOutput((chunk) => {
      const text = marks.read(chunk)
      if (text === '') return
      terminal.output = (terminal.output + text).slice(-keptOutput)
      this.listeners.onOutput?.(name, text)
    })
  }

  /** Runs a bash command line on a machine, not in a terminal, and waits for its end in virtual time. */
  async run(machine: Machine, user: User, argv: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly limit?: number; readonly program?: Program } = {}): Promise<{ exit: number; stdout: string; stderr: string }> {
    let stdout = ''
    let stderr = ''
    const child = machine.start({
      argv,
      user,
      cwd: options.cwd ?? user.home,
      env: { HOME: user.home, USER: user.name, LOGNAME: user.name, LANG: 'C.UTF-8', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...options.env },
      output: { stdout: (text) => (stdout += text), stderr: (text) => (stderr += text) },
      background: false,
      ...(options.program ? { program: options.program } : {}),
    })
    const ended = await this.runner.runWhile(() => child.status === undefined, options.limit ?? 600_000)
    if (!ended) {
      child.signal('SIGKILL')
      await this.runner.settlePrograms()
      return { exit: 124, stdout, stderr: `${stderr}(did not end within ${Math.round((options.limit ?? 600_000) / 1000)} s)\n` }
    }
    return { exit: child.status!.code, stdout, stderr }
  }

  /** `namespace/name` of the pod whose network namespace this is. */
  podOfNamespace(namespace: string): string | undefined {
    for (const host of this.cluster.hosts.values()) {
      for (const container of host.containers?.containers() ?? []) {
        if (container.state === 'Running' && host.containers?.machine(container.id)?.net.name === namespace && namespace !== host.net.name) return `${container.podNamespace}/${container.podName}`
      }
    }
    return undefined
  }

  /** As the learner would on the workstation: `bash -c`. */
  command(text: string, options: { readonly cwd?: string; readonly limit?: number } = {}): Promise<{ exit: number; stdout: string; stderr: string }> {
    return this.run(this.cluster.workstation, this.user, ['bash', '-c', text], { cwd: options.cwd ?? this.directory, ...(options.limit === undefined ? {} : { limit: options.limit }) })
  }

  async #prepare(): Promise<void> {
    const files = this.options.bundle?.files ?? {}
    const start = Object.keys(files).filter((f) => f.startsWith('start/')).sort()
    const manifests = start.filter((f) => f.endsWith('.yaml'))
    const { workstation } = this.cluster
    const { user } = this
    if (manifests.length > 0) {
      const folder = '/tmp/lab-start'
      workstation.fs.mkdir(folder, { parents: true })
      for (const file of manifests) workstation.fs.writeFile(`${folder}/${file.slice(6)}`, files[file]!)
      await this.#must(`kubectl apply -f ${folder}`)
      await this.runner.settle()
    }
    const script = files['start/setup.sh']
    if (script !== undefined) {
      await this.#must(script)
      await this.runner.settle()
    }
    if (manifests.length > 0) await this.command('rm -rf /tmp/lab-start')
    workstation.fs.chown(user.home, user.uid, user.gid)
    for (const object of this.state.objects()) this.baseline.set(objectKey(object.kind, object.metadata.namespace, object.metadata.name), object)
  }

  async #must(script: string): Promise<void> {
    const done = await this.command(script)
    if (done.exit !== 0) throw new Error(`the start of ${this.options.open.id} failed with ${done.exit}: ${done.stderr || done.stdout}`)
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

export function objectKey(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`
}
