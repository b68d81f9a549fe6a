/** Spans of time as systemd prints them. */

/** format_timespan of two units: `3min 20s`, `1h 5min`, `2 days`. */
export function ago(ms: number): string {
  const units: readonly (readonly [number, string])[] = [[86_400_000, ' day'], [3_600_000, 'h'], [60_000, 'min'], [1000, 's']]
  const parts: string[] = []
  let rest = ms
  for (const [size, name] of units) {
    const n = Math.floor(rest / size)
    if (n === 0) continue
    rest -= n * size
    parts.push(name === ' day' ? `${n} day${n === 1 ? '' : 's'}` : `${n}${name}`)
    if (parts.length === 2) break
  }
  return parts.length === 0 ? `${Math.floor(ms)}ms` : parts.join(' ')
}
