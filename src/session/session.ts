/**
 * SessionApi over a sitting: keeps virtual time in step with the wall clock, queues everything that touches the sitting so that
 * nothing interleaves, batches output per frame, and does what could disturb the learner's world (grading, tracing, trials) in a copy.
 */
import type { Implementation } from '#contract/channel.ts'
import type {
  CheckResult, GradeResult, LabBundle, MapSnapshot, ObjectDifference, ObjectRef, OpenRequest, PolicyMatrix, SessionEvents, SessionInfo, SessionMethods, SittingInput, SittingLog,
  TimelineEntry, TraceReport, TraceRequest,
} from '#contract/session-api.ts'
import { gradeLab } from '#course/grade.ts'
import type { Lab } from '#course/schema/lab.ts'
import type { Drain } from '#engine/sim/runner.ts'
import { compareObjects } from './compare.ts'
import { engineBuild } from './engine-build.ts'
import { ClusterInspect } from './inspect.ts'
import { labOf, specOf, trialsOf } from './lab.ts'
import { mapSnapshot } from './map.ts'
import { policyMatrix } from './matrix.ts'
import { objectList, objectView, type ObjectView } from './objects.ts'
import { promptBefore, Standby } from './standby.ts'
import { Sitting, startOfTime, type OpenTerminal, type SittingOptions } from './sitting.ts'
import { traceReport } from './trace.ts'

/** The world outside the pure rooms: wall clock, frames, and the queue of macrotasks. */
export interface SessionWorld {
  readonly drain: Drain
  /** Wall clock in ms; only differences are used. */
  now(): number
  every(ms: number, run: () => void): () => void
  /** A seed for a sitting that has none yet. */
  newSeed(): string
}

type Emit = <K extends keyof SessionEvents>(event: K, value: SessionEvents[K]) => void

/** Frame length: output is batched, time advances, in steps of this many wall ms. */
const frame = 16
/** Wall ms of a frame that the engine may use; a busy cluster then falls behind the wall clock instead of freezing the window. */
const budget = 12
/** Output of one frame beyond this many characters is cut in the middle of the flood, as a terminal that cannot keep up shows it. */
const floodLimit = 100_000

/** Frames without a key or a question after which the standby's copies are brought up, and after which their memory is given back. */
const rest = 6
const absence = 20_000
/** Copies kept at most: each is a whole cluster, some 15 MB. */
const mostCopies = 4

export class Session implements Implementation<SessionMethods> {
  readonly #world: SessionWorld
  readonly #emit: Emit
  #sitting: Sitting | undefined
  #lab: Lab | undefined
  #hintsShown = 0
  #speed = 1
  #lastWall = 0
  #revision = 0
  #stopClock: (() => void) | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #busy = false
  #output = new Map<string, string>()
  #standby: Standby | undefined
  /** Frames since anything was asked of the sitting. */
  #rested = 0
  #booted: Promise<Sitting> | undefined

  constructor(world: SessionWorld, emit: Emit) {
    this.#world = world
    this.#emit = emit
  }

  prepare = (cluster: string): void => {
    this.#booted ??= Sitting.boot(this.#world.newSeed(), specOf(cluster), this.#world.drain)
    // What goes wrong is met again, and told, by who opens it.
    this.#booted.catch(() => undefined)
  }

  open = (request: OpenRequest): Promise<SessionInfo> =>
    this.#exclusive(async () => {
      this.#end()
      const bundle: LabBundle | undefined = request.kind === 'lab' ? request.lab : undefined
      this.#lab = bundle ? labOf(bundle) : undefined
      const cluster = request.kind === 'lab' ? this.#lab!.cluster : request.kind === 'lesson' ? request.lesson.cluster : request.cluster
      const id = request.kind === 'lab' ? request.lab.id : request.kind === 'lesson' ? request.lesson.id : request.cluster
      const spec = specOf(cluster, bundle)
      const resume = request.resume
      const ahead = await this.#booted
      this.#booted = undefined
      const booted = resume === undefined && ahead?.options.spec === spec ? ahead : undefined
      const options: SittingOptions = {
        seed: resume?.seed ?? booted?.options.seed ?? this.#world.newSeed(),
        open: { kind: request.kind, id, cluster },
        spec,
        drain: this.#world.drain,
        ...(bundle ? { bundle } : {}),
      }
      const sitting = resume ? await Sitting.replay(options, resume.inputs, resume.until) : await Sitting.begin(options, booted)
      this.#hintsShown = 0
      this.#take(sitting)
      this.#lastWall = this.#world.now()
      this.#stopClock = this.#world.every(frame, () => void this.#tick())
      if (resume) this.#showRebuilt()
      return { ...this.#info(), ...(resume && resume.engine !== engineBuild ? { otherEngine: true as const } : {}) }
    })

  close = (): Promise<void> => this.#exclusive(async () => this.#end())

  openTerminal = (terminal: string, size: { columns: number; rows: number }): Promise<void> =>
    this.#exclusive(async () => {
      const sitting = this.#here()
      const open = sitting.terminals.get(terminal)
      if (open) {
        await this.#apply({ kind: 'resize', terminal, ...size })
        this.#emit('rebuilt', { terminals: [terminal] })
        this.#emit('output', { terminal, data: open.output })
      } else await this.#apply({ kind: 'terminal-open', terminal, ...size })
    })

  closeTerminal = (terminal: string): Promise<void> => this.#exclusive(() => this.#apply({ kind: 'terminal-close', terminal }))

  input = (terminal: string, data: string): Promise<void> => this.#exclusive(() => this.#apply({ kind: 'key', terminal, data }))

  resize = (terminal: string, size: { columns: number; rows: number }): Promise<void> =>
    this.#exclusive(async () => {
      const open = this.#here().terminals.get(terminal)
      if (open && (open.session.terminal.columns !== size.columns || open.session.terminal.rows !== size.rows)) await this.#apply({ kind: 'resize', terminal, ...size })
    })

  editorDone = (terminal: string, result: { saved: boolean; text: string }): Promise<void> => this.#exclusive(() => this.#apply({ kind: 'editor', terminal, ...result }))

  /** Types a command at the prompt and waits until the next prompt, in the learner's own time. */
  run = async (terminal: string, command: string): Promise<{ exit: number }> => {
    await this.#prompt(terminal)
    const open = await this.#exclusive(async () => {
      const sitting = this.#here()
      const found = sitting.terminals.get(terminal)
      if (!found) throw new Error(`no terminal ${terminal}`)
      if (!found.atPrompt) throw new Error('the terminal is busy: wait for its command to end, or stop it with Ctrl+C')
      const lines = command.replace(/\n+$/, '')
      await this.#apply({ kind: 'key', terminal, data: lines.includes('\n') ? `\x1b[200~${lines}\x1b[201~\r` : `${lines}\r` })
      return found
    })
    const prompts = open.prompts
    await new Promise<void>((resolve, reject) => {
      const stop = this.#world.every(frame, () => {
        if (this.#sitting?.terminals.get(terminal) !== open) {
          stop()
          reject(new Error('the terminal was closed'))
        } else if (open.prompts > prompts || (open.prompts === prompts && open.atPrompt)) {
          stop()
          resolve()
        }
      })
    })
    return { exit: open.lastExit }
  }

  grade = async (task?: string): Promise<GradeResult> => {
    const lab = this.#lab
    if (!lab) throw new Error('there is no lab to grade')
    const fork = await this.#copy()
    const tasks = await gradeLab(lab, new ClusterInspect(fork, () => this.#standby?.take(fork.inputs, fork.elapsed) ?? fork.fork()), task)
    return {
      at: this.#here().elapsed,
      points: tasks.reduce((sum, t) => sum + t.points, 0),
      outOf: lab.tasks.filter((t) => task === undefined || t.id === task).reduce((sum, t) => sum + t.points, 0),
      tasks: tasks.map((t) => ({ ...t, checks: t.checks as readonly CheckResult[] })),
    }
  }

  hint = (rung?: number): { text: string; left: number } | undefined => {
    const hints = this.#lab?.hints ?? []
    const number = rung ?? this.#hintsShown + 1
    const text = hints[number - 1]
    if (text === undefined) return undefined
    this.#hintsShown = Math.max(this.#hintsShown, number)
    return { text, left: hints.length - this.#hintsShown }
  }

  solution = (): { script: string; debrief: string } => ({ script: this.#here().options.bundle?.files['solution.sh'] ?? '', debrief: this.#lab?.debrief ?? '' })

  compare = async (): Promise<readonly ObjectDifference[]> => {
    const { options, state } = this.#here()
    const script = options.bundle?.files['solution.sh']
    if (script === undefined) return []
    const learner = state.objects()
    const solved = await Sitting.begin(options)
    const baseline = [...solved.baseline.values()]
    await solved.perform(script)
    await solved.runner.settle()
    return compareObjects(baseline, learner, solved.state.objects())
  }

  trace = async (request: TraceRequest): Promise<TraceReport> => {
    return traceReport(await this.#copy(), request)
  }

  map = (): MapSnapshot => {
    const { cluster, state } = this.#here()
    return mapSnapshot(state, (node) => cluster.hosts.get(node)?.net.links, this.#revision)
  }

  matrix = (port: number, protocol: 'tcp' | 'udp'): PolicyMatrix => policyMatrix(this.#here().state, port, protocol)

  objects = (): readonly ObjectRef[] => objectList(this.#here().state)

  object = (ref: ObjectRef): ObjectView | undefined => objectView(this.#here().state, ref)

  timeline = (): readonly TimelineEntry[] => {
    const sitting = this.#here()
    const commands: TimelineEntry[] = sitting.commands.map((c) => ({ at: c.at, kind: 'command', text: c.text }))
    const events: TimelineEntry[] = sitting.state
      .list('Event')
      .filter((e) => e['type'] === 'Warning')
      .map((e) => ({ at: Date.parse(String(e['lastTimestamp'] ?? e.metadata.creationTimestamp)) - sitting.start, kind: 'event' as const, text: `${String(e['reason'])}: ${String(e['message'])}` }))
      .filter((e) => e.at >= 0)
    return [...commands, ...events].sort((a, b) => a.at - b.at)
  }

  setSpeed = (speed: number): void => {
    this.#speed = Math.max(0, Math.min(60, speed))
  }

  skip = (): Promise<{ now: number }> =>
    this.#exclusive(async () => {
      const sitting = this.#here()
      const next = sitting.sim.nextForegroundAt ?? sitting.sim.nextAt
      if (next !== undefined) await sitting.runner.runUntil(Math.min(next, sitting.sim.now + 600_000))
      await this.#apply({ kind: 'skip', to: sitting.elapsed })
      return { now: sitting.sim.now }
    })

  undo = (to?: number): Promise<{ undone: string } | undefined> =>
    this.#exclusive(async () => {
      const sitting = this.#here()
      const command = to === undefined ? sitting.commands.at(-1) : sitting.commands.find((c) => c.at >= to)
      if (!command) return undefined
      this.#rebuild(await this.#standby!.take(...promptBefore(sitting, command)))
      return { undone: command.text }
    })

  reset = (): Promise<void> =>
    this.#exclusive(async () => {
      const opened = [...this.#here().terminals.values()]
      const inputs: SittingInput[] = opened.map((t) => ({ at: 0, kind: 'terminal-open', terminal: t.name, columns: t.session.terminal.columns, rows: t.session.terminal.rows }))
      this.#rebuild(await this.#standby!.take(inputs, 1000))
    })

  log = (): SittingLog => {
    const log = this.#here().log
    return { ...log, inputs: [...log.inputs] }
  }

  /** Waits a few frames for a prompt that is just being drawn. */
  #prompt(terminal: string): Promise<void> {
    return new Promise((resolve) => {
      let frames = 0
      const look = () => {
        const open = this.#sitting?.terminals.get(terminal)
        if (open && !open.atPrompt && frames++ < 20) return
        stop()
        resolve()
      }
      const stop = this.#world.every(frame, look)
    })
  }

  /** Runs `work` after everything that was asked before; the clock stands still meanwhile. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      this.#busy = true
      this.#rested = 0
      try {
        return await work()
      } catch (error) {
        this.#report(error)
        throw error
      } finally {
        this.#busy = false
      }
    })
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** A bug, or a refusal that the caller hears too: only unexpected errors are kept as a replay. */
  #report(error: unknown): void {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) return
    if (this.#sitting) this.#emit('crashed', { message: error.stack ?? error.message, log: this.log() })
  }

  #here(): Sitting {
    if (!this.#sitting) throw new Error('no lab, lesson or sandbox is open')
    return this.#sitting
  }

  #end(): void {
    this.#stopClock?.()
    this.#stopClock = undefined
    this.#sitting = undefined
    this.#standby = undefined
    this.#output.clear()
  }

  #take(sitting: Sitting): void {
    this.#sitting = sitting
    // A check may want a fork for itself and one for each of its trials; one more is there for what is asked next.
    this.#standby = new Standby(sitting.options, Math.min(2 + trialsOf(this.#lab), mostCopies))
    this.#rested = 0
    this.#output.clear()
    sitting.listeners = {
      onOutput: (terminal, text) => {
        const pending = (this.#output.get(terminal) ?? '') + text
        this.#output.set(terminal, pending.length > floodLimit ? pending.slice(-floodLimit) : pending)
      },
      onEditor: (terminal, request) => this.#emit('editor', { terminal, ...request }),
      onInput: () => this.#emit('logged', { inputs: sitting.inputs.length }),
    }
    sitting.state.onChange(() => this.#revision++)
  }

  async #apply(input: DistributiveOmit<SittingInput, 'at'>): Promise<void> {
    await this.#here().apply(input)
  }

  #rebuild(sitting: Sitting): void {
    this.#take(sitting)
    this.#showRebuilt()
    this.#emit('logged', { inputs: sitting.inputs.length })
  }

  #showRebuilt(): void {
    const terminals = [...this.#here().terminals.values()]
    this.#output.clear()
    this.#emit('rebuilt', { terminals: terminals.map((t) => t.name) })
    for (const t of terminals) if (t.output !== '') this.#emit('output', { terminal: t.name, data: t.output })
    for (const [terminal, pending] of this.#here().editors) this.#emit('editor', { terminal, ...pending.request })
  }

  /** A copy of the learner's world as it is now, to be used once. */
  #copy(): Promise<Sitting> {
    return this.#exclusive(() => {
      const sitting = this.#here()
      return this.#standby!.take(sitting.inputs, sitting.elapsed)
    })
  }

  #info(): SessionInfo {
    const sitting = this.#here()
    const { cluster } = sitting
    const lab = this.#lab
    return {
      cluster: { name: cluster.spec.name, title: cluster.spec.title, version: cluster.spec.version, nodes: cluster.spec.nodes.map((n) => n.name), plugin: cluster.spec.plugin, proxyMode: cluster.spec.proxyMode },
      hosts: [cluster.workstation.hostname, ...[...cluster.hosts.keys()].filter((h) => h !== cluster.workstation.hostname)],
      start: sitting.start,
      ...(lab
        ? { lab: { id: sitting.options.open.id, title: lab.title, domain: lab.domain, competency: lab.competency, difficulty: lab.difficulty, minutes: lab.minutes, tasks: lab.tasks.map(({ id, text, points }) => ({ id, text, points })), hints: lab.hints.length, story: lab.story } }
        : {}),
    }
  }

  /** One frame: time goes on, within the budget; output and changes are told. */
  async #tick(): Promise<void> {
    const sitting = this.#sitting
    if (!sitting || this.#busy) return
    this.#busy = true
    const shown = this.#revision
    try {
      const wall = this.#world.now()
      const passed = Math.min(wall - this.#lastWall, 1000)
      this.#lastWall = wall
      await sitting.runner.runUntil(sitting.sim.now + passed * this.#speed, () => this.#world.now() - wall < budget)
    } catch (error) {
      this.#stopClock?.()
      this.#emit('crashed', { message: error instanceof Error ? (error.stack ?? error.message) : String(error), log: this.log() })
    } finally {
      this.#busy = false
    }
    if (this.#sitting !== sitting) return
    for (const [terminal, data] of this.#output) this.#emit('output', { terminal, data })
    this.#output.clear()
    if (this.#revision !== shown) this.#emit('mapChanged', { revision: this.#revision })
    this.#emit('clock', { now: sitting.sim.now - startOfTime })
    if (++this.#rested === rest) this.#standby?.follow(...promptBefore(sitting, sitting.commands.at(-1)))
    else if (this.#rested === absence) this.#standby?.release()
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
export type { OpenTerminal }
