/** Default preemption: on which node could lower-priority pods make room, which of them must go (plugins/defaultpreemption). Disruption budgets are left out. */
import type { Pod } from '#engine/kinds/pod/types.ts'
import { filterNode, type CycleState, type Refusal } from './filters.ts'
import type { NodeInfo } from './node-info.ts'

export interface Preemption {
  readonly node?: NodeInfo
  readonly victims: readonly Pod[]
  /** The sentence after the reasons; undefined when preemption works. */
  readonly message?: string
}

const priority = (pod: Pod) => pod.spec.priority ?? 0
const startOf = (pod: Pod) => pod.status?.startTime ?? ''

function victimsOn(state: CycleState, info: NodeInfo): readonly Pod[] | readonly string[] {
  const lower = [...info.pods.values()].filter((p) => priority(p) < priority(state.pod))
  if (lower.length === 0) return ['No preemption victims found for incoming pod']
  const gone = filterNode(state, info.without(lower))
  if (gone) return gone.reasons
  // Reprieve the most important first; what no longer fits must go.
  const victims: Pod[] = []
  const ordered = [...lower].sort((a, b) => priority(b) - priority(a) || (startOf(a) < startOf(b) ? -1 : 1))
  let removed = [...lower]
  for (const pod of ordered) {
    const rest = removed.filter((p) => p !== pod)
    if (filterNode(state, info.without(rest))) victims.push(pod)
    else removed = rest
  }
  return victims
}

export function preempt(state: CycleState, refusals: ReadonlyMap<string, Refusal>): Preemption {
  if (state.pod.spec.preemptionPolicy === 'Never') return { victims: [], message: 'preemption: not eligible due to preemptionPolicy=Never.' }
  const reasons = new Map<string, number>()
  const note = (reason: string) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const candidates: { info: NodeInfo; victims: readonly Pod[] }[] = []
  for (const info of state.nodes) {
    const refusal = refusals.get(info.node.metadata.name)
    if (!refusal || !refusal.resolvable) {
      note('Preemption is not helpful for scheduling')
      continue
    }
    const result = victimsOn(state, info)
    if (typeof result[0] === 'string') for (const reason of result as readonly string[]) note(reason)
    else candidates.push({ info, victims: result as readonly Pod[] })
  }
  if (candidates.length === 0) return { victims: [], message: `preemption: ${fitMessage(state.nodes.length, reasons)}` }
  const highest = (c: { victims: readonly Pod[] }) => Math.max(...c.victims.map(priority))
  const sum = (c: { victims: readonly Pod[] }) => c.victims.reduce((s, p) => s + priority(p) + 2 ** 31, 0)
  candidates.sort((a, b) => highest(a) - highest(b) || sum(a) - sum(b) || a.victims.length - b.victims.length)
  return { node: candidates[0]!.info, victims: candidates[0]!.victims }
}

/** `0/3 nodes are available: 1 …, 2 ….` with the counted reasons sorted as strings. */
export function fitMessage(total: number, reasons: ReadonlyMap<string, number>): string {
  const texts = [...reasons].map(([reason, n]) => `${n} ${reason}`).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return `0/${total} nodes are available: ${texts.join(', ')}.`
}
