/** Which cells of a matrix changed, by subjects and not by position: subjects come and go. */
import type { PolicyMatrix } from '#contract/session-api.ts'

export function flipped(before: PolicyMatrix, after: PolicyMatrix): Set<string> {
  const old = new Map<string, boolean>()
  before.subjects.forEach((from, i) => before.subjects.forEach((to, j) => old.set(`${from.id}|${to.id}`, before.cells[i]?.[j]?.allowed ?? false)))
  const out = new Set<string>()
  after.subjects.forEach((from, i) =>
    after.subjects.forEach((to, j) => {
      const key = `${from.id}|${to.id}`
      const was = old.get(key)
      if (was !== undefined && was !== (after.cells[i]?.[j]?.allowed ?? false)) out.add(key)
    }),
  )
  return out
}
