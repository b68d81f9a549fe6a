/** The score plugins of the default profile with their weights; image locality and volume capacity are left out. */
import { toleratedBy, nodeTermMatches } from '#engine/kinds/selectors.ts'
import { controllerOf } from '../ownership.ts'
import { affinityTermMatches, requiredAffinity, type CycleState } from './filters.ts'
import type { NodeInfo } from './node-info.ts'
import { nonZeroRequests } from '#engine/kinds/pod/requests.ts'
import { softSpread } from './spread.ts'

type Scorer = (state: CycleState, feasible: readonly NodeInfo[]) => readonly number[]

/** To 0…100 by the largest value. */
function normalise(raw: readonly number[], reverse: boolean): number[] {
  const max = Math.max(0, ...raw)
  if (max === 0) return raw.map(() => (reverse ? 100 : 0))
  return raw.map((v) => (reverse ? 100 - Math.floor((v * 100) / max) : Math.floor((v * 100) / max)))
}

const taints: Scorer = ({ pod }, feasible) => {
  const tolerations = (pod.spec.tolerations ?? []).filter((t) => !t.effect || t.effect === 'PreferNoSchedule')
  return normalise(feasible.map(({ node }) => (node.spec.taints ?? []).filter((t) => t.effect === 'PreferNoSchedule' && !toleratedBy(tolerations, t)).length), true)
}

const nodeAffinity: Scorer = ({ pod }, feasible) => {
  const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return normalise(feasible.map(({ node }) => preferred.reduce((sum, p) => sum + (nodeTermMatches(p.preference, node) ? p.weight : 0), 0)), false)
}

const leastAllocated: Scorer = ({ pod }, feasible) => {
  const own = nonZeroRequests(pod)
  return feasible.map((info) => {
    const free = (name: string, used: number) => {
      const capacity = info.allocatable.get(name) ?? 0
      return capacity === 0 || used > capacity ? 0 : Math.floor(((capacity - used) * 100) / capacity)
    }
    return Math.floor((free('cpu', info.nonZeroCpu + own.cpu) + free('memory', info.nonZeroMemory + own.memory)) / 2)
  })
}

const balanced: Scorer = ({ pod }, feasible) => {
  const own = nonZeroRequests(pod)
  return feasible.map((info) => {
    const share = (name: string, used: number) => Math.min(1, used / (info.allocatable.get(name) || 1))
    const spread = Math.abs(share('cpu', (info.requested.get('cpu') ?? 0) + own.cpu) - share('memory', (info.requested.get('memory') ?? 0) + own.memory)) / 2
    return Math.floor((1 - spread) * 100)
  })
}

/** Soft constraints of the pod, or the cluster's defaults (host and zone) over pods of the same owner. */
const spread: Scorer = (state, feasible) => {
  const raw = softSpread(state, feasible) ?? ((state.pod.spec.topologySpreadConstraints ?? []).length > 0 ? undefined : defaultSpread(state, feasible))
  if (!raw) return feasible.map(() => 0)
  const known = raw.filter((v): v is number => v !== undefined)
  const max = Math.max(0, ...known)
  const min = Math.min(...known)
  return raw.map((v) => (v === undefined ? 0 : max === 0 ? 100 : Math.floor((100 * (max + min - v)) / max)))
}

function defaultSpread(state: CycleState, feasible: readonly NodeInfo[]): number[] | undefined {
  const owner = controllerOf(state.pod)
  if (!owner) return undefined
  const same = (info: NodeInfo) => [...info.pods.values()].filter((p) => p.metadata.deletionTimestamp === undefined && controllerOf(p)?.uid === owner.uid).length
  const zone = (info: NodeInfo) => info.node.metadata.labels?.['topology.kubernetes.io/zone']
  const zones = new Set(feasible.map(zone).filter((z) => z !== undefined))
  const inZone = (z: string) => state.nodes.filter((n) => zone(n) === z).reduce((sum, n) => sum + same(n), 0)
  return feasible.map((info) => {
    const z = zone(info)
    return Math.round(same(info) * Math.log(feasible.length + 2) + 2 + (z === undefined ? 0 : inZone(z) * Math.log(zones.size + 2) + 4))
  })
}

const interPodAffinity: Scorer = (state, feasible) => {
  const { pod } = state
  const sums = new Map<string, number>()
  const add = (info: NodeInfo, key: string, weight: number) => {
    const value = info.node.metadata.labels?.[key]
    if (value !== undefined) sums.set(`${key}=${value}`, (sums.get(`${key}=${value}`) ?? 0) + weight)
  }
  const wants = pod.spec.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const avoids = pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  for (const info of state.nodes) {
    for (const other of info.pods.values()) {
      for (const t of wants) if (affinityTermMatches(state, t.podAffinityTerm, pod, other)) add(info, t.podAffinityTerm.topologyKey, t.weight)
      for (const t of avoids) if (affinityTermMatches(state, t.podAffinityTerm, pod, other)) add(info, t.podAffinityTerm.topologyKey, -t.weight)
      for (const t of requiredAffinity(other)) if (affinityTermMatches(state, t, other, pod)) add(info, t.topologyKey, 1)
      for (const t of other.spec.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) if (affinityTermMatches(state, t.podAffinityTerm, other, pod)) add(info, t.podAffinityTerm.topologyKey, t.weight)
      for (const t of other.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) if (affinityTermMatches(state, t.podAffinityTerm, other, pod)) add(info, t.podAffinityTerm.topologyKey, -t.weight)
    }
  }
  if (sums.size === 0) return feasible.map(() => 0)
  const raw = feasible.map((info) => [...sums].reduce((sum, [pair, weight]) => {
    const at = pair.indexOf('=')
    return info.node.metadata.labels?.[pair.slice(0, at)] === pair.slice(at + 1) ? sum + weight : sum
  }, 0))
  const max = Math.max(...raw)
  const min = Math.min(...raw)
  return raw.map((v) => (max === min ? 0 : Math.floor((100 * (v - min)) / (max - min))))
}

const scorers: readonly { readonly score: Scorer; readonly weight: number }[] = [
  { score: taints, weight: 3 },
  { score: nodeAffinity, weight: 2 },
  { score: leastAllocated, weight: 1 },
  { score: balanced, weight: 1 },
  { score: spread, weight: 2 },
  { score: interPodAffinity, weight: 2 },
]

/** The best nodes; more than one when they tie. */
export function bestNodes(state: CycleState, feasible: readonly NodeInfo[]): NodeInfo[] {
  if (feasible.length <= 1) return [...feasible]
  const totals = feasible.map(() => 0)
  for (const { score, weight } of scorers) score(state, feasible).forEach((v, i) => (totals[i]! += v * weight))
  const best = Math.max(...totals)
  return feasible.filter((_, i) => totals[i] === best)
}
