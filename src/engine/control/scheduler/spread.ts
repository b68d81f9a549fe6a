/** Topology spread constraints: the hard filter and the soft count (plugins/podtopologyspread). */
import type { Pod, TopologySpreadConstraint } from '#engine/kinds/pod/types.ts'
import { selectorMatches, toleratedBy, type LabelSelector } from '#engine/kinds/selectors.ts'
import type { CycleState, Refusal } from './filters.ts'
import { matchesNodeAffinity } from './node-affinity.ts'
import type { NodeInfo } from './node-info.ts'

function selectorOf(c: TopologySpreadConstraint, pod: Pod): LabelSelector | undefined {
  if (!c.matchLabelKeys?.length || !c.labelSelector) return c.labelSelector
  const extra = c.matchLabelKeys.filter((k) => pod.metadata.labels?.[k] !== undefined).map((k) => ({ key: k, operator: 'In', values: [pod.metadata.labels![k]!] }))
  return { ...c.labelSelector, matchExpressions: [...(c.labelSelector.matchExpressions ?? []), ...extra] }
}

/** Does the node take part in the count of this constraint? */
function counts(c: TopologySpreadConstraint, pod: Pod, info: NodeInfo, keys: readonly string[]): boolean {
  const labels = info.node.metadata.labels ?? {}
  if (!keys.every((k) => labels[k] !== undefined)) return false
  if ((c.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesNodeAffinity(pod, info)) return false
  if (c.nodeTaintsPolicy === 'Honor' && (info.node.spec.taints ?? []).some((t) => t.effect !== 'PreferNoSchedule' && !toleratedBy(pod.spec.tolerations, t))) return false
  return true
}

function countMatching(info: NodeInfo, pod: Pod, selector: LabelSelector | undefined): number {
  let n = 0
  for (const other of info.pods.values()) {
    if (other.metadata.namespace === pod.metadata.namespace && other.metadata.deletionTimestamp === undefined && selectorMatches(selector, other.metadata.labels)) n++
  }
  return n
}

function domains(state: CycleState, c: TopologySpreadConstraint, keys: readonly string[], changed?: NodeInfo): Map<string, number> {
  const out = new Map<string, number>()
  const selector = selectorOf(c, state.pod)
  for (const original of state.nodes) {
    const info = changed && changed.node.metadata.name === original.node.metadata.name ? changed : original
    if (!counts(c, state.pod, info, keys)) continue
    const value = info.node.metadata.labels![c.topologyKey]!
    out.set(value, (out.get(value) ?? 0) + countMatching(info, state.pod, selector))
  }
  return out
}

export function spreadFilter(state: CycleState, info: NodeInfo): Refusal | undefined {
  const hard = (state.pod.spec.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === 'DoNotSchedule')
  const keys = hard.map((c) => c.topologyKey)
  for (const c of hard) {
    const value = info.node.metadata.labels?.[c.topologyKey]
    if (value === undefined) return { reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"], resolvable: false }
    const all = domains(state, c, keys, info)
    let min = Math.min(...all.values())
    if (!Number.isFinite(min) || all.size < (c.minDomains ?? 1)) min = 0
    const self = selectorMatches(selectorOf(c, state.pod), state.pod.metadata.labels) ? 1 : 0
    if ((all.get(value) ?? 0) + self - min > c.maxSkew) return { reasons: ["node(s) didn't match pod topology spread constraints"], resolvable: true }
  }
  return undefined
}

/** Raw soft-spread counts (lower is better); undefined when the pod has no soft constraint. */
export function softSpread(state: CycleState, feasible: readonly NodeInfo[]): readonly (number | undefined)[] | undefined {
  const soft = (state.pod.spec.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === 'ScheduleAnyway')
  if (soft.length === 0) return undefined
  const keys = soft.map((c) => c.topologyKey)
  const sums: (number | undefined)[] = feasible.map((info) => (keys.every((k) => info.node.metadata.labels?.[k] !== undefined) ? 0 : undefined))
  for (const c of soft) {
    const all = domains(state, c, keys)
    const weight = Math.log(all.size + 2)
    feasible.forEach((info, i) => {
      if (sums[i] === undefined) return
      const own = all.get(info.node.metadata.labels?.[c.topologyKey] ?? '') ?? 0
      sums[i]! += own * weight + (c.maxSkew - 1)
    })
  }
  return sums.map((s) => (s === undefined ? undefined : Math.round(s)))
}
