/** The steps of a trace as the panel lists them: runs of rules that the packet passed without effect become one line that opens. */
import type { TraceStep } from '#contract/session-api.ts'

export type TraceLine = { readonly kind: 'step'; readonly step: TraceStep } | { readonly kind: 'passed'; readonly steps: readonly TraceStep[]; readonly stages: readonly string[] }

/** Fewer than this are shown as they are. */
const leastRun = 3

/** What ends a packet's way through a table or rewrites it; everything else leads to the next rule. */
const effects = new Set(['accept', 'drop', 'reject', 'dnat', 'snat', 'masquerade', 'redirect', 'notrack', 'tproxy', 'netmap', 'queue'])

/** A rule that matched and only led on: to a chain, back from one, or to a mark that was set already. */
export function passedWithoutEffect(step: TraceStep): boolean {
  if (step.decisive || step.changes.length > 0 || step.object !== undefined || step.rule === undefined) return false
  const rule = step.rule.replace(/"[^"]*"/g, '')
  const target = / -[jg] (\S+)/.exec(rule)
  if (target) return !effects.has(target[1]!.toLowerCase())
  // Routes and neighbours are no rules; nftables rules end in a verdict.
  return / (?:jump|goto|return|continue|meta mark set|ct mark set)\b/.test(` ${rule}`) && !rule.split(/\s+/).some((word) => effects.has(word))
}

export function foldSteps(steps: readonly TraceStep[]): readonly TraceLine[] {
  const out: TraceLine[] = []
  for (let i = 0; i < steps.length; ) {
    let end = i
    while (end < steps.length && passedWithoutEffect(steps[end]!)) end++
    if (end - i >= leastRun) {
      const run = steps.slice(i, end)
      out.push({ kind: 'passed', steps: run, stages: [...new Set(run.map((s) => s.stage))] })
      i = end
    } else {
      end = Math.max(end, i + 1)
      for (; i < end; i++) out.push({ kind: 'step', step: steps[i]! })
    }
  }
  return out
}
