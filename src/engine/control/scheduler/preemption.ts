/**
 * Default preemption: on which node could lower-priority pods make room, which of them must go (plugins/defaultpreemption). Where it can be,
 * no disruption budget is violated.
 */
import type { Pod } from '#engine/kinds/pod/types.ts'
import { selectorMatches } from '#engine/kinds/selectors.ts'
import type { DisruptionBudget } from './budget.ts'
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

interface Victims {
  readonly pods: readonly Pod[]
  /** How many of them a disruption budget would have kept. */
  readonly violations: number
}

/** The pods whose going some budget does not allow, the most important first. */
function violating(ordered: readonly Pod[], budgets: readonly DisruptionBudget[]): Set<Pod> {
  const left = new Map(budgets.map((b) => [b, b.status?.disruptionsAllowed ?? 0]))
  const out = new Set<Pod>()
  for (const pod of ordered) {
    for (const budget of budgets) {
      const { selector } = budget.spec
      const all = Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length === 0
      if (budget.metadata.namespace !== pod.metadata.namespace || all || !selectorMatches(selector, pod.metadata.labels) || budget.status?.disruptedPods?.[pod.metadata.name] !== undefined) continue
      left.set(budget, left.get(budget)! - 1)
      if (left.get(budget)! < 0) out.add(pod)
    }
  }
  return out
}

function victimsOn(state: CycleState, info: NodeInfo): Victims | readonly string[] {
  const lower = [...info.pods.values()].filter((p) => priority(p) < priority(state.pod))
  if (lower.length === 0) return ['No preemption victims found for incoming pod']
  const gone = filterNode(state, info.without(lower))
  if (gone) return gone.reasons
  const ordered = [...lower].sort((a, b) => priority(b) - priority(a) || (startOf(a) < startOf(b) ? -1 : 1))
  const guarded = violating(ordered, state.budgets?.() ?? [])
  // Reprieved are first those that a budget guards, and of them the most important; what no longer fits must go.
  const victims: Pod[] = []
  let removed = [...lower]
  let violations = 0
  for (const pod of [...ordered.filter((p) => guarded.has(p)), ...ordered.filter((p) => !guarded.has(p))]) {
    const rest = removed.filter((p) => p !== pod)
    if (!filterNode(state, info.without(rest))) removed = rest
    else {
      victims.push(pod)
      if (guarded.has(pod)) violations++
    }
  }
  return { pods: victims.sort((a, b) => ordered.indexOf(a) - ordered.indexOf(b)), violations }
}

export function preempt(state: CycleState, refusals: ReadonlyMap<string, Refusal>): Preemption {
  if (state.pod.spec.preemptionPolicy === 'Never') return { victims: [], message: 'preemption: not eligible due to preemptionPolicy=Never.' }
  const reasons = new Map<string, number>()
  const note = (reason: string) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const candidates: { info: NodeInfo; victims: readonly Pod[]; violations: number }[] = []
  for (const info of state.nodes) {
    const refusal = refusals.get(info.node.metadata.name)
    if (!refusal || !refusal.resolvable) {
      note('Preemption is not helpful for scheduling')
      continue
    }
    const result = victimsOn(state, info)
    if ('pods' in result) candidates.push({ info, victims: result.pods, violations: result.violations })
    else for (const reason of result) note(reason)
  }
  if (candidates.length === 0) return { victims: [], message: `preemption: ${fitMessage(state.nodes.length, reasons)}` }
  const highest = (c: { victims: readonly Pod[] }) => Math.max(...c.victims.map(priority))
  const sum = (c: { victims: readonly Pod[] }) => c.victims.reduce((s, p) => s + priority(p) + 2 ** 31, 0)
  candidates.sort((a, b) => a.violations - b.violations || highest(a) - highest(b) || sum(a) - sum(b) || a.victims.length - b.victims.length)
  return { node: candidates[0]!.info, victims: candidates[0]!.victims }
}

/** `0/3 nodes are available: 1 …, 2 ….` with the counted reasons sorted as strings. */
export function fitMessage(total: number, reasons: ReadonlyMap<string, number>): string {
  const texts = [...reasons].map(([reason, n]) => `${n} ${reason}`).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return `0/${total} nodes are available: ${texts.join(', ')}.`
}
