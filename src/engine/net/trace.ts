/**
 * What is written down about a walk while somebody observes. A packet has a record only then; stages test for it first, so an
 * unobserved walk allocates nothing. Copies of a flooded frame share one record: it ends with the best of their ends.
 */
import type { Namespace } from './namespace.ts'
import { headerOf, type Packet } from './packet.ts'
import type { Header, Observation, Verdict, Walk } from './types.ts'

const rank: Readonly<Record<Verdict['kind'], number>> = { delivered: 6, rejected: 5, unreachable: 4, looped: 3, 'timed-out': 3, dropped: 2 }
/** Ends that say nothing about the packet: a copy that reached a host it was not meant for. */
const idleStages = new Set(['device:other-host', 'bridge:flood'])

export class WalkRecord {
  readonly observations: Observation[] = []
  #open = 1
  #verdict: Verdict | undefined
  #best = -1
  readonly #emit: (walk: Walk) => void
  #last: Header | undefined

  constructor(emit: (walk: Walk) => void) {
    this.#emit = emit
  }

  note(ns: Namespace, packet: Packet, stage: string, why: string, options: { readonly rule?: string | undefined; readonly device?: string | undefined; readonly outer?: Header } = {}): void {
    const after = headerOf(packet, options.outer)
    this.observations.push({
      node: ns.node,
      namespace: ns.name,
      stage,
      ...(options.rule === undefined ? {} : { rule: options.rule }),
      ...(options.device === undefined ? {} : { device: options.device }),
      before: this.#last ?? after,
      after,
      why,
    })
    this.#last = after
  }

  /** One more copy under way. */
  fork(): void {
    this.#open++
  }

  end(verdict: Verdict): void {
    const value = verdict.kind === 'dropped' && idleStages.has(verdict.at.stage) ? 1 : rank[verdict.kind]
    if (value > this.#best) {
      this.#best = value
      this.#verdict = verdict
    }
    if (--this.#open === 0) this.#emit({ observations: this.observations, verdict: this.#verdict! })
  }
}

/** Ends a packet's walk; does nothing when nobody observes. */
export function drop(ns: Namespace, p: Packet, stage: string, why: string, rule?: string): void {
  if (p.walk) p.walk.end({ kind: 'dropped', at: { namespace: ns.name, stage, ...(rule === undefined ? {} : { rule }) }, why })
}

export function refuse(ns: Namespace, p: Packet, kind: 'rejected' | 'unreachable', stage: string, why: string, error: string, rule?: string): void {
  if (p.walk) p.walk.end({ kind, at: { namespace: ns.name, stage, ...(rule === undefined ? {} : { rule }) }, why, error })
}

export function expire(ns: Namespace, p: Packet, kind: 'timed-out' | 'looped', stage: string, why: string): void {
  if (p.walk) p.walk.end({ kind, at: { namespace: ns.name, stage }, why })
}
