/**
 * Agents look every so often whether somebody has removed their rules. Here they look at those times only after the rules have changed at all,
 * so that a node at rest costs nothing.
 */
import type { Netfilter } from '#engine/net/types.ts'
import type { Sim, Timer } from '#engine/sim/sim.ts'

export interface RuleWatch {
  readonly sim: Sim
  readonly netfilter: Netfilter
  /** ms between two looks, counted from now. */
  readonly period: number
  readonly look: () => void
}

/** Returns a function that ends the watch. */
export function watchRules({ sim, netfilter, period, look }: RuleWatch): () => void {
  const start = sim.now
  let timer: Timer | undefined
  const unwatch = netfilter.onChange(() => {
    if (timer && !timer.cancelled) return
    timer = sim.after(period - ((sim.now - start) % period), () => {
      timer = undefined
      look()
    }, { background: true })
  })
  return () => {
    unwatch()
    sim.cancel(timer)
  }
}
