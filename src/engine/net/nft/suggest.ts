/** "did you mean": the name that is nearest to one that is not there (src/misspell.c). */

function distance(a: string, b: string): number {
  let before: number[] = Array.from({ length: b.length + 1 }, (_, j) => j)
  let old: number[] = []
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(before[j]! + 1, row[j - 1]! + 1, before[j - 1]! + (a[i - 1] === b[j - 1] || (i === 1 && j === 1) ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, old[j - 2]! + 1)
    }
    old = before
    before = row
  }
  return before[b.length]!
}

/** Names of one letter are no suggestion for each other; a changed first letter counts for nothing. */
function near(a: string, b: string): number | undefined {
  const [longer, shorter] = [Math.max(a.length, b.length), Math.min(a.length, b.length)]
  if (longer <= 1) return undefined
  if (a.startsWith(b) || b.startsWith(a)) return longer - shorter
  const limit = longer - shorter <= 1 ? Math.max(Math.ceil(longer / 3), 1) : Math.ceil((longer + 2) / 3)
  const d = distance(a, b)
  return d > limit ? undefined : d
}

export function suggestion<T>(name: string, candidates: readonly { readonly name: string; readonly what: T }[]): T | undefined {
  let best: T | undefined
  let least = Infinity
  for (const c of candidates) {
    const d = near(c.name, name)
    if (d === undefined || d >= least) continue
    least = d
    best = c.what
  }
  return best
}
