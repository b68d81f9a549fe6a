/** Times as systemd prints them; hosts live in UTC. */
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Mon 2026-03-02 09:00:10 UTC` */
export function dateTime(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `${days[new Date(ms).getUTCDay()]} ${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
}

/** `Mar 02 09:00:10` */
export function shortTime(ms: number): string {
  const d = new Date(ms)
  return `${months[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2, '0')} ${d.toISOString().slice(11, 19)}`
}

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
