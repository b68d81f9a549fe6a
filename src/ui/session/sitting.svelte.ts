/**
 * One sitting as the interface holds it: the worker with the engine, the terminals, what is selected, and the log that is stored through
 * HostApi as it grows, so that a reload or a crash comes back to the same cluster and the same text.
 */
import type { Remote } from '#contract/channel.ts'
import type { MapSnapshot, ObjectRef, OpenRequest, SessionEvents, SessionInfo, SessionMethods, SittingLog, TraceReport, TraceRequest } from '#contract/session-api.ts'
import { app } from '../app/app.svelte.ts'
import { host } from '../app/host.ts'
import { takeWorker } from './spare-worker.ts'
import { namesOf } from '../terminal/names.ts'
import { TerminalView } from '../terminal/view.ts'

export type Panel = 'map' | 'trace' | 'matrix' | 'objects' | 'timeline'
export type EditorRequest = SessionEvents['editor']
/** What to open, without the stored log; that is fetched here. */
export type Opening = OpenRequest extends infer R ? (R extends OpenRequest ? Omit<R, 'resume'> : never) : never

const saveDelay = 120

export class Sitting {
  readonly key: string
  readonly #opening: Opening
  status = $state<'opening' | 'ready' | 'failed' | 'crashed'>('opening')
  problem = $state('')
  /** Shown while something longer than a blink goes on. */
  busy = $state('')
  info = $state.raw<SessionInfo | undefined>(undefined)
  terminals = $state<string[]>([])
  active = $state('')
  /** Virtual ms since the start. */
  elapsed = $state(0)
  speed = $state(1)
  map = $state.raw<MapSnapshot | undefined>(undefined)
  mapRevision = $state(0)
  editors = $state<EditorRequest[]>([])
  selected = $state.raw<ObjectRef | undefined>(undefined)
  panel = $state<Panel | undefined>(undefined)
  /** Whether `panel` has been set from what is remembered. */
  placed = false
  /** The newest trace, drawn on the map until it is dismissed. */
  lastTrace = $state.raw<TraceReport | undefined>(undefined)
  traceRequest = $state.raw<TraceRequest | undefined>(undefined)
  /** Counts undo and reset, so that pages drop what they know of the old cluster. */
  generation = $state(0)
  /** Whether the learner has done anything. */
  inputs = $state(0)

  api!: Remote<SessionMethods>
  #worker: Worker | undefined
  readonly #views = new Map<string, TerminalView>()
  readonly #open = new Set<string>()
  #stored = 0
  #began: number | undefined
  #storedUntil = -1
  #whole = true
  #timer: ReturnType<typeof setTimeout> | undefined
  #saving: Promise<void> | undefined
  #closed = false

  constructor(key: string, opening: Opening) {
    this.key = key
    this.#opening = opening
    void this.start()
  }

  async start(fresh = false): Promise<void> {
    this.status = 'opening'
    this.problem = ''
    const began = performance.now()
    this.#connect()
    try {
      if (fresh) {
        this.generation++
        await host.dropSitting(this.key)
      }
      const resume = fresh ? undefined : await host.sitting(this.key)
      // Absent answers come as null over JSON.
      if (resume) {
        this.#stored = resume.inputs.length
        this.#storedUntil = resume.until
        this.#whole = false
        for (const name of openTerminals(resume)) {
          this.#adopt(name)
          this.#open.add(name)
        }
      } else {
        this.#whole = true
        this.#stored = 0
        this.#storedUntil = -1
      }
      this.info = await this.api.open({ ...this.#opening, ...(resume ? { resume } : {}) } as OpenRequest)
      if (this.#closed) return
      if (this.info.otherEngine) {
        this.#whole = true
        app.warn('This cluster was left in another version of Kubedrill. All that you did was done again; names and times may not be the ones you saw.')
      }
      if (this.terminals.length === 0) this.#adopt(this.info.hosts[0] ?? 'workstation')
      this.status = 'ready'
      performance.measure('kubedrill:open', { start: began })
      this.speed = app.settings.speed
      void this.api.setSpeed(this.speed)
      void this.refreshMap()
    } catch (error) {
      this.#fail(error)
    }
  }

  #connect(): void {
    this.#worker?.terminate()
    for (const view of this.#views.values()) view.dispose()
    this.#views.clear()
    this.#open.clear()
    this.terminals = []
    this.active = ''
    this.editors = []
    this.#began = undefined
    const { worker, api, events } = takeWorker()
    this.#worker = worker
    worker.addEventListener('error', (e) => this.#crash(e.message || 'the session worker could not be loaded'))
    this.api = api
    events.on('output', ({ terminal, data }) => this.view(terminal).write(data))
    events.on('editor', (asked) => {
      // kubectl edit opens whichever editor the learner has chosen; vi and nano are themselves.
      const request = asked.path.includes('kubectl-edit') ? { ...asked, keys: app.settings.editor } : asked
      this.editors = [...this.editors.filter((e) => e.terminal !== request.terminal), request]
      this.active = request.terminal
    })
    events.on('mapChanged', ({ revision }) => (this.mapRevision = revision))
    events.on('clock', ({ now }) => this.#tick(now))
    events.on('logged', ({ inputs }) => {
      this.inputs = inputs
      this.#saveSoon()
    })
    events.on('rebuilt', ({ terminals }) => {
      this.editors = []
      for (const name of terminals) {
        this.#adopt(name)
        this.view(name).clear()
        this.#open.add(name)
      }
      for (const name of this.terminals.filter((t) => !terminals.includes(t))) this.#forget(name)
      this.lastTrace = undefined
      if (this.status === 'ready') {
        this.generation++
        this.#whole = true
        this.#saveSoon()
        void this.refreshMap()
      }
    })
    events.on('crashed', ({ message, log }) => {
      void host.saveSitting(`${this.key}:crash`, log).catch(() => undefined)
      this.#crash(message)
    })
  }

  /** The engine's clock began before the sitting did: the first tick says by how much. Whole seconds: a frame that shows nothing new costs nothing. */
  #tick(now: number): void {
    this.#began ??= now - Math.max(0, this.#storedUntil)
    this.elapsed = Math.max(0, Math.floor((now - this.#began) / 1000) * 1000)
  }

  #fail(error: unknown): void {
    this.status = 'failed'
    this.problem = error instanceof Error ? error.message : String(error)
  }

  #crash(message: string): void {
    if (this.#closed) return
    this.status = this.status === 'opening' ? 'failed' : 'crashed'
    this.problem = message
  }

  #adopt(name: string): void {
    if (!this.terminals.includes(name)) this.terminals.push(name)
    if (this.active === '') this.active = name
  }

  #forget(name: string): void {
    this.terminals = this.terminals.filter((t) => t !== name)
    this.#views.get(name)?.dispose()
    this.#views.delete(name)
    this.#open.delete(name)
    this.editors = this.editors.filter((e) => e.terminal !== name)
    if (this.active === name) this.active = this.terminals.at(-1) ?? ''
  }

  view(name: string): TerminalView {
    let view = this.#views.get(name)
    if (!view) {
      view = new TerminalView(name, {
        input: (data) => void this.api.input(name, data),
        resize: (size) => {
          if (this.#open.has(name)) void this.api.resize(name, size)
        },
        names: () => namesOf(this.map),
        open: (ref) => this.show(ref),
      })
      this.#views.set(name, view)
    }
    return view
  }

  /** The terminal has its place and size on the screen: the engine hears of it now, once. */
  async settle(name: string): Promise<void> {
    const view = this.view(name)
    if (this.#open.has(name)) return void this.api.resize(name, view.size)
    this.#open.add(name)
    await this.api.openTerminal(name, view.size)
  }

  /** A further terminal; on another host than the workstation it logs in there. */
  async addTerminal(on?: string): Promise<void> {
    const first = this.info?.hosts[0] ?? 'workstation'
    const base = on ?? first
    let name = base
    for (let n = 2; this.terminals.includes(name); n++) name = `${base}-${n}`
    this.#adopt(name)
    this.active = name
    if (on !== undefined && on !== first) {
      await this.settle(name)
      await this.api.input(name, `ssh ${on}\r`)
    }
  }

  async closeTerminal(name: string): Promise<void> {
    if (this.terminals.length < 2) return
    await this.api.closeTerminal(name)
    this.#forget(name)
    this.focusTerminal()
  }

  focusTerminal(): void {
    const editor = document.querySelector<HTMLElement>('.editor-overlay .cm-content, .editor-overlay textarea')
    if (editor) editor.focus()
    else this.#views.get(this.active)?.focus()
  }

  /** Types a command without running it: the learner presses Enter. */
  async type(command: string): Promise<void> {
    await this.api.input(this.active, command)
    this.focusTerminal()
  }

  show(ref: ObjectRef): void {
    this.selected = ref
    this.panel = 'objects'
  }

  trace(request: TraceRequest): void {
    this.traceRequest = request
    this.panel = 'trace'
  }

  async refreshMap(): Promise<void> {
    if (this.status !== 'ready') return
    try {
      this.map = await this.api.map()
    } catch {
      // The map is asked for again with the next change.
    }
  }

  async during<T>(words: string, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => (this.busy = words), 300)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      this.busy = ''
    }
  }

  async undo(to?: number): Promise<string | undefined> {
    const undone = await this.during('Taking the last command back', () => this.api.undo(to))
    this.#whole = true
    this.#saveSoon()
    return undone?.undone
  }

  async reset(): Promise<void> {
    await this.during('Starting again', () => this.api.reset())
    this.#whole = true
    this.#saveSoon()
  }

  async skip(): Promise<void> {
    await this.api.skip()
  }

  setSpeed(speed: number): void {
    this.speed = speed
    void this.api.setSpeed(speed)
  }

  editorDone(request: EditorRequest, result: { saved: boolean; text: string }): void {
    this.editors = this.editors.filter((e) => e !== request)
    void this.api.editorDone(request.terminal, result)
    queueMicrotask(() => this.focusTerminal())
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.save()
    }, saveDelay)
  }

  /** Stores what is new since the last time. */
  async save(): Promise<void> {
    if (this.status !== 'ready') return
    this.#saving = (this.#saving ?? Promise.resolve()).then(async () => {
      try {
        const log = await this.api.log()
        if (this.#whole || log.inputs.length < this.#stored) await host.saveSitting(this.key, log)
        else if (log.inputs.length > this.#stored || log.until > this.#storedUntil + 1000) await host.appendSitting(this.key, this.#stored, log.inputs.slice(this.#stored), log.until)
        this.#whole = false
        this.#stored = log.inputs.length
        this.#storedUntil = log.until
      } catch (error) {
        this.#whole = true
        app.warn(`This sitting could not be saved: ${error instanceof Error ? error.message : String(error)}`)
      }
    })
    await this.#saving
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await this.save()
    this.#closed = true
    clearTimeout(this.#timer)
    this.#worker?.terminate()
    for (const view of this.#views.values()) view.dispose()
  }
}

/** The terminals that are open at the end of a log. */
function openTerminals(log: SittingLog): string[] {
  const open: string[] = []
  for (const input of log.inputs) {
    if (input.kind === 'terminal-open' && !open.includes(input.terminal)) open.push(input.terminal)
    if (input.kind === 'terminal-close' && open.includes(input.terminal)) open.splice(open.indexOf(input.terminal), 1)
  }
  return open
}
