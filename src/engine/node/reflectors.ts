/**
 * What client-go's reflectors log while the API server is out of reach: every informer of a component lists again and again, with growing pauses.
 * What was open notices by its pings, a new dial by its own timeout. The informers themselves wait for the road to open.
 */
import type { Sim, Timer } from '#engine/sim/sim.ts'

/** Whether a component's client reaches its server. */
export interface Reach {
  /** Go's words for why not, such as `dial tcp 10.96.0.1:443: i/o timeout`. */
  unreachable(): string | undefined
  onReach(listener: (reached: boolean) => void): void
}

export interface Reflector {
  /** Where the informer was made: `k8s.io/client-go/informers/factory.go:160`. */
  readonly from: string
  readonly type: string
  /** Up to `limit=500&resourceVersion=0`. */
  readonly path: string
}

const factory = 'k8s.io/client-go/informers/factory.go:160'
export const fromFactory = (type: string, path: string): Reflector => ({ from: factory, type, path })

/** The request that lists. */
export function listRequest(server: string, r: Reflector, fresh: boolean): string {
  return `Get "${server}${r.path}${fresh ? 'limit=500&resourceVersion=0' : 'resourceVersion=0'}"`
}

/** client-go's line as klog prints it. */
export function failedToWatch(server: string, r: Reflector, why: string, fresh: boolean): string {
  const error = why === 'Unauthorized' || / is forbidden: User /.test(why) ? why : `${listRequest(server, r, fresh)}: ${why}`
  return `"Failed to watch" err=${JSON.stringify(`failed to list ${r.type}: ${error}`)} logger="UnhandledError" reflector=${JSON.stringify(r.from)} type=${JSON.stringify(r.type)}`
}
export const failedToWatchAt = 'reflector.go:205'

const silent = /i\/o timeout/
const longest = 30_000

/** Calls `tell` for every round of lists that fail. `fresh`: nothing has been listed yet. Answers how to stop. */
export function tellOfLostWatches(sim: Sim, reach: Reach, tell: (why: string, fresh: boolean) => void): () => void {
  let stopped = false
  let timer: Timer | undefined
  let telling = false
  const later = (delay: number, run: () => void) => {
    timer = sim.after(delay, () => {
      if (!stopped) run()
    }, { quiet: true })
  }
  const round = (fresh: boolean, wait: number): void => {
    const why = reach.unreachable()
    if (why === undefined) {
      telling = false
      return
    }
    tell(why, fresh)
    later(wait + (silent.test(why) ? longest : 0), () => round(fresh, Math.min(wait * 2, longest)))
  }
  const begin = (fresh: boolean): void => {
    if (telling || stopped) return
    telling = true
    const timesOut = silent.test(reach.unreachable() ?? '')
    later(timesOut ? (fresh ? 30_000 : 45_000) : fresh ? 20 : 800, () => round(fresh, 1600))
  }
  if (reach.unreachable() !== undefined) begin(true)
  reach.onReach((reached) => {
    if (!reached) begin(false)
  })
  return () => {
    stopped = true
    sim.cancel(timer)
  }
}
