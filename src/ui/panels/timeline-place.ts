/** Where on the timeline somebody points: the command that lies nearest, and on which side of the mark its words have room. */
import type { TimelineEntry } from '#contract/session-api.ts'

/** Index of the command nearest to a time; of two that are as near, the later. Undefined where there are no commands. */
export function nearestCommand(entries: readonly TimelineEntry[], at: number): number | undefined {
  let best: number | undefined
  for (const [i, entry] of entries.entries()) {
    if (entry.kind === 'command' && (best === undefined || Math.abs(entry.at - at) <= Math.abs(entries[best]!.at - at))) best = i
  }
  return best
}

/** The style of a label beside a mark at this share of the width: it grows towards the wider side. */
export function besideMark(share: number): string {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10
  return share <= 0.5 ? `left: ${percent}%; max-width: ${100 - percent}%` : `right: ${Math.round((100 - percent) * 10) / 10}%; max-width: ${percent}%`
}
