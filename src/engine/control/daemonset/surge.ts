/** Rolling a DaemonSet with maxSurge: the new pod stands beside the old one until it is available (pkg/controller/daemon/update.go). */
import type { DaemonSet } from '#engine/kinds/daemonset/types.ts'
import { isPodReady, type Pod } from '#engine/kinds/pod/types.ts'
import { scaledValue } from '../deployment/rollout.ts'
import { isPodAvailable } from '../pod-control.ts'

export interface Situation {
  readonly now: number
  readonly minReady: number
  isNew(pod: Pod): boolean
}

/** Running pods first, then the oldest: the one that speaks for its node. */
export function byPhaseAndAge(a: Pod, b: Pod): number {
  const running = Number(b.status?.phase === 'Running') - Number(a.status?.phase === 'Running')
  if (running !== 0) return running
  const [x, y] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '']
  return x < y ? -1 : x > y ? 1 : 0
}

export function surgeOf(ds: DaemonSet, nodes: number): number {
  if ((ds.spec.updateStrategy?.type ?? 'RollingUpdate') !== 'RollingUpdate') return 0
  return scaledValue(ds.spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0, nodes, true)
}

/** Of the living pods on a node: those too many. One of each revision may stand, the old one until the new is available or it is not ready itself. */
export function superfluous(living: readonly Pod[], situation: Situation): Pod[] {
  const sorted = [...living].sort(byPhaseAndAge)
  const fresh = sorted.find((p) => situation.isNew(p))
  const old = sorted.find((p) => !situation.isNew(p))
  const out = sorted.filter((p) => p !== fresh && p !== old)
  if (fresh && old && (!isPodReady(old) || isPodAvailable(fresh, situation.minReady, situation.now))) out.push(old)
  return out
}

/** What to make and what to remove next. `living`: node → pods that are not being deleted. */
export function surgePlan(living: ReadonlyMap<string, readonly Pod[]>, surge: number, situation: Situation): { readonly create: string[]; readonly remove: Pod[] } {
  const { minReady, now } = situation
  const allowed: string[] = []
  const candidates: string[] = []
  const remove: Pod[] = []
  let standing = 0
  for (const [node, here] of living) {
    const fresh = here.filter((p) => situation.isNew(p))
    const old = here.filter((p) => !situation.isNew(p))
    if (fresh.length > 1 || old.length > 1) standing++
    else if (old.length === 0) continue
    else if (fresh.length === 0) (isPodAvailable(old[0]!, minReady, now) ? candidates : allowed).push(node)
    else if (!isPodAvailable(fresh[0]!, minReady, now)) standing++
    else remove.push(old[0]!)
  }
  return { create: [...allowed, ...candidates.slice(0, Math.max(0, surge - standing))], remove }
}
