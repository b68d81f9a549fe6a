/**
 * How far a recommendation is followed: stabilisation windows, scaling policies, minimum and maximum (pkg/controller/podautoscaler).
 * Each autoscaler has a history of what was recommended and of what was done.
 */
import type { Autoscaler, ScalingRules } from './types.ts'

interface Dated {
  readonly at: number
  readonly count: number
}

export interface History {
  recommendations: Dated[]
  ups: Dated[]
  downs: Dated[]
}

export interface Limited {
  readonly replicas: number
  readonly able: readonly [reason: string, message: string]
  readonly limited: readonly [status: boolean, reason: string, message: string]
}

export const defaultWindow = 300
const ready = ['ReadyForNewScale', 'recommended size matches current size'] as const
const downStabilized = ['ScaleDownStabilized', 'recent recommendations were higher than current one, applying the highest recent recommendation'] as const
const upStabilized = ['ScaleUpStabilized', 'recent recommendations were lower than current one, applying the lowest recent recommendation'] as const
const withinRange = ['DesiredWithinRange', 'the desired count is within the acceptable range'] as const
const tooMany = ['TooManyReplicas', 'the desired replica count is more than the maximum replica count'] as const
const tooFew = ['TooFewReplicas', 'the desired replica count is less than the minimum replica count'] as const
const upLimit = ['ScaleUpLimit', 'the desired replica count is increasing faster than the maximum scale rate'] as const
const downLimit = ['ScaleDownLimit', 'the desired replica count is decreasing faster than the maximum scale rate'] as const

export function emptyHistory(current: number, now: number): History {
  return { recommendations: [{ at: now, count: current }], ups: [], downs: [] }
}

/** `wanted`: what the metrics ask for. Adds it to the history. */
export function limit(spec: Autoscaler['spec'], history: History, current: number, wanted: number, now: number): Limited {
  const min = spec.minReplicas ?? 1
  return spec.behavior ? byRules(spec, history, current, wanted, min, now) : byDefault(spec.maxReplicas, history, current, wanted, min, now)
}

function byDefault(max: number, history: History, current: number, wanted: number, min: number, now: number): Limited {
  const recent = history.recommendations.filter((r) => r.at > now - defaultWindow * 1000)
  const stable = Math.max(wanted, ...recent.map((r) => r.count))
  history.recommendations = [...recent, { at: now, count: wanted }]
  const fastest = Math.max(2 * current, 4)
  const [most, why] = max > fastest ? [fastest, upLimit] : [max, tooMany]
  const [replicas, reason] = stable < min ? [min, tooFew] : stable > most ? [most, why] : [stable, withinRange]
  return { replicas, able: stable === wanted ? ready : downStabilized, limited: [replicas !== stable, ...reason] }
}

function byRules(spec: Autoscaler['spec'], history: History, current: number, wanted: number, min: number, now: number): Limited {
  const { scaleUp = {}, scaleDown = {} } = spec.behavior!
  const [upSince, downSince] = [now - (scaleUp.stabilizationWindowSeconds ?? 0) * 1000, now - (scaleDown.stabilizationWindowSeconds ?? defaultWindow) * 1000]
  let [lowest, highest] = [wanted, wanted]
  for (const r of history.recommendations) {
    if (r.at > upSince) lowest = Math.min(lowest, r.count)
    if (r.at > downSince) highest = Math.max(highest, r.count)
  }
  history.recommendations = [...history.recommendations.filter((r) => r.at >= Math.min(upSince, downSince)), { at: now, count: wanted }]
  const stable = Math.min(Math.max(current, lowest), highest)
  const able = stable === wanted ? ready : wanted >= current ? upStabilized : downStabilized
  const [replicas, reason] = stable > current ? risen(spec.maxReplicas, history, current, stable, scaleUp, now) : stable < current ? fallen(min, history, current, stable, scaleDown, now) : [stable, withinRange] as const
  return { replicas, able, limited: [replicas !== stable, ...reason] }
}

type Bounded = readonly [number, readonly [string, string]]

function risen(max: number, history: History, current: number, wanted: number, rules: ScalingRules, now: number): Bounded {
  const fastest = Math.max(current, edge(history, current, rules, now, 1))
  const [most, why] = max > fastest ? [fastest, upLimit] : [max, tooMany]
  return wanted > most ? [most, why] : [wanted, withinRange]
}

function fallen(min: number, history: History, current: number, wanted: number, rules: ScalingRules, now: number): Bounded {
  const fastest = Math.min(current, edge(history, current, rules, now, -1))
  const [least, why] = min < fastest ? [fastest, downLimit] : [min, tooFew]
  return wanted < least ? [least, why] : [wanted, withinRange]
}

/** The farthest count that the policies allow now in a direction. */
function edge(history: History, current: number, rules: ScalingRules, now: number, direction: 1 | -1): number {
  if (rules.selectPolicy === 'Disabled') return current
  const counts = (rules.policies ?? []).map((policy) => {
    const since = now - policy.periodSeconds * 1000
    const changed = (events: readonly Dated[]) => events.reduce((n, e) => n + (e.at > since ? e.count : 0), 0)
    const start = current - changed(history.ups) + changed(history.downs)
    if (policy.type === 'Pods') return start + direction * policy.value
    const share = start * (1 + (direction * policy.value) / 100)
    return direction > 0 ? Math.ceil(share) : Math.trunc(share)
  })
  const far = rules.selectPolicy !== 'Min'
  return (direction > 0) === far ? Math.max(...counts) : Math.min(...counts)
}

/** Notes what was done, for the policies' periods. */
export function noteScale(spec: Autoscaler['spec'], history: History, from: number, to: number, now: number): void {
  if (!spec.behavior) return
  const up = to > from
  const rules = up ? spec.behavior.scaleUp : spec.behavior.scaleDown
  const longest = Math.max(0, ...(rules?.policies ?? []).map((p) => p.periodSeconds)) * 1000
  const kept = (up ? history.ups : history.downs).filter((e) => e.at >= now - longest)
  const next = [...kept, { at: now, count: Math.abs(to - from) }]
  if (up) history.ups = next
  else history.downs = next
}
