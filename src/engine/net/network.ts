/**
 * All namespaces of one simulated world and what joins them. Carries IPv4 only: IPv6 addresses are known to nobody here and are not routed.
 * Also the two things that packets share: the observers of walks and the batches of callbacks that are due at the same instant.
 */
import { Random } from '#base/random.ts'
import type { Sim } from '#engine/sim/sim.ts'
import { NetError } from './error.ts'
import type { Look } from './look.ts'
import { Namespace } from './namespace.ts'
import type { Packet } from './packet.ts'
import { WalkRecord } from './trace.ts'
import type { NetNamespace, Network, Walk } from './types.ts'

/** Frames that one send may cause in all; more is a storm between bridges. */
const STEP_LIMIT = 20_000

export class SimNetwork implements Network {
  readonly sim: Sim
  readonly random: Random
  readonly #namespaces = new Map<string, Namespace>()
  readonly #listeners = new Set<(walk: Walk) => void>()
  readonly #batches = new Map<number, (() => void)[]>()
  /** How many frames are being sent within each other. */
  depth = 0
  /** Frames are not shown to captures (see arp.ts). */
  silent = false
  /** A look that is under way: it leaves no traces (see look.ts). */
  looking: Look | undefined = undefined
  /** Told of every change to what a namespace's packets meet: links, addresses, routes, rules, neighbours, sysctls, listeners. */
  onTouched: (() => void) | undefined = undefined
  /** Frames that the outermost send has caused so far. */
  steps = 0
  readonly stepLimit = STEP_LIMIT

  constructor(sim: Sim) {
    this.sim = sim
    this.random = sim.random.fork('net')
  }

  get namespaces(): ReadonlyMap<string, Namespace> {
    return this.#namespaces
  }

  createNamespace(name: string, options: { readonly node?: string } = {}): Namespace {
    if (this.#namespaces.has(name)) throw new NetError('EEXIST')
    const ns = new Namespace(this, name, options.node ?? name)
    this.#namespaces.set(name, ns)
    return ns
  }

  deleteNamespace(name: string): void {
    const ns = this.#namespaces.get(name)
    if (!ns) throw new NetError('ENOENT')
    ns.dispose()
    this.#namespaces.delete(name)
  }

  observe(listener: (walk: Walk) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A packet begins its walk: it gets a record when somebody observes. */
  startWalk(p: Packet): void {
    if (this.#listeners.size > 0) {
      p.walk = new WalkRecord((walk) => {
        for (const listener of this.#listeners) listener(walk)
      })
    }
  }

  /** Runs `run` at a time; what is due at the same instant shares one event, in order. */
  later(at: number, run: () => void): void {
    const due = Math.max(at, this.sim.now)
    const batch = this.#batches.get(due)
    if (batch) {
      batch.push(run)
      return
    }
    const started: (() => void)[] = [run]
    this.#batches.set(due, started)
    this.sim.after(due - this.sim.now, () => {
      this.#batches.delete(due)
      for (const each of started) each()
    })
  }

  /** The namespace behind the interface that other rooms hold. */
  own(ns: NetNamespace): Namespace {
    const found = this.#namespaces.get(ns.name)
    if (!found) throw new NetError('ENOENT')
    return found
  }
}
