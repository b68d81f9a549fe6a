/**
 * The seeded discrete-event loop that everything in the engine runs on. Time is virtual: milliseconds since the Unix
 * epoch, fractions allowed. Events at the same instant run in the order in which they were scheduled.
 *
 *     after(d, f) ──► heap ordered by (time, sequence) ──► step() runs one event
 *
 * Programs (shell, kubectl, curl …) are async functions that await only calls of their Process. When the engine resolves such
 * a call it says so with `woke()`; the runner then lets all promise reactions finish before the next event (see runner.ts),
 * so the order of things never depends on the machine.
 */
import { Random } from '#base/random.ts'

/**
 * A scheduled event. `background` ones do not keep a cluster from being settled. `quiet` ones are background work that, as long as it goes on as
 * before, changes nothing (leases, resyncs, probes that pass); what they cause is quiet too unless it says otherwise.
 */
export interface Timer {
  readonly at: number
  readonly background: boolean
  readonly quiet: boolean
  cancelled: boolean
}

interface Event extends Timer {
  readonly sequence: number
  readonly run: () => void
}

export interface AfterOptions {
  /** Default: as quiet as what schedules it. */
  readonly background?: boolean
  readonly quiet?: boolean
}

export class Sim {
  readonly seed: string
  readonly random: Random
  /** Events run so far: a measure of work for benchmarks. */
  eventsRun = 0
  /** Events run so far that were not quiet. Where it stands still nothing has changed but by quiet work: an answer got since then still holds. */
  activity = 0
  #now: number
  #sequence = 0
  #heap: Event[] = []
  #foreground = 0
  #woken = false
  /** The present event is quiet, and so are the programs that it woke. */
  #quiet = false
  #parked = new Set<() => void>()

  constructor(options: { seed: string | number; start: number }) {
    this.seed = String(options.seed)
    this.random = new Random(this.seed)
    this.#now = options.start
  }

  /** Virtual milliseconds since the Unix epoch. */
  get now(): number {
    return this.#now
  }

  /** Runs `run` in `delay` ms (0: after the current event and all that were scheduled before). */
  after(delay: number, run: () => void, options: AfterOptions = {}): Timer {
    // Not a number is no time at all: it must never get into the clock.
    const event: Event = { at: this.#now + (delay > 0 ? delay : 0), background: options.background ?? options.quiet ?? this.#quiet, quiet: options.quiet ?? (options.background === false ? false : this.#quiet), cancelled: false, sequence: this.#sequence++, run }
    if (!event.background) this.#foreground++
    this.#push(event)
    return event
  }

  cancel(timer: Timer | undefined): void {
    if (!timer || timer.cancelled) return
    timer.cancelled = true
    if (!timer.background) this.#foreground--
  }

  /** Time of the next event, or undefined when nothing is scheduled. */
  get nextAt(): number | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.at
  }

  /** Time of the next event that is not background, or undefined. Linear in the queue; for settling only. */
  get nextForegroundAt(): number | undefined {
    if (this.#foreground === 0) return undefined
    let best: number | undefined
    for (const e of this.#heap) if (!e.cancelled && !e.background && (best === undefined || e.at < best)) best = e.at
    return best
  }

  /** Runs the next event if it is due at or before `until`; false when there is none. */
  step(until = Infinity): boolean {
    this.#dropCancelled()
    const event = this.#heap[0]
    if (!event || event.at > until) return false
    this.#pop()
    event.cancelled = true
    if (!event.background) this.#foreground--
    this.#now = event.at
    this.eventsRun++
    this.#quiet = event.quiet
    if (!event.quiet) this.activity++
    event.run()
    if (!event.quiet && this.#parked.size > 0) this.#unpark()
    return true
  }

  /** Calls back once after the next event that is not quiet: what quiet work waits for instead of looking again and again. Answers how to give up. */
  park(run: () => void): () => void {
    this.#parked.add(run)
    return () => this.#parked.delete(run)
  }

  #unpark(): void {
    const waiting = this.#parked
    this.#parked = new Set()
    for (const run of waiting) run()
  }

  /** Runs all events up to `until` and moves the clock there. Programs do not advance in here: use the runner where processes may run. */
  runUntil(until: number): void {
    while (this.step(until));
    this.advanceTo(until)
  }

  /** Moves the clock without running anything; the runner calls it when no event is left before `time`. */
  advanceTo(time: number): void {
    this.pause()
    if (time > this.#now) this.#now = time
  }

  /** Quiet work has found something to change after all. */
  stir(): void {
    this.#quiet = false
    this.activity++
    this.#unpark()
  }

  /** The loop stands still: what is done now comes from outside of it and is not quiet. */
  pause(): void {
    this.#quiet = false
  }

  /** Said by whoever resolved a promise that a program awaits. */
  woke(): void {
    this.#woken = true
  }

  /** True once after `woke()`. */
  takeWoken(): boolean {
    const woken = this.#woken
    this.#woken = false
    return woken
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled) this.#pop()
  }

  #before(a: Event, b: Event): boolean {
    return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
  }

  #push(event: Event): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.#before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (!this.#before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}
