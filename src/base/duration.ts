/** Go durations (`1h2m3.5s`) and kubectl's human durations (the AGE column). */
const units: Record<string, number> = { ns: 1, us: 1e3, 'µs': 1e3, 'μs': 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/** time.ParseDuration in milliseconds; undefined when Go would refuse. */
export function parseGoDuration(text: string): number | undefined {
  const m = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text)
  if (!m) return /^[+-]?0$/.test(text) ? 0 : undefined
  let total = 0
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) total += Number(number) * units[unit!]!
  return ((m[1] === '-' ? -1 : 1) * total) / 1e6
}

/** Duration.String of a number of milliseconds. */
export function formatGoDuration(ms: number): string {
  let ns = Math.round(Math.abs(ms) * 1e6)
  const sign = ms < 0 ? '-' : ''
  if (ns === 0) return '0s'
  if (ns < 1e3) return `${sign}${ns}ns`
  if (ns < 1e6) return `${sign}${ns / 1e3}µs`
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`
  const h = Math.floor(ns / 3600e9)
  ns -= h * 3600e9
  const m = Math.floor(ns / 60e9)
  ns -= m * 60e9
  const s = ns / 1e9
  const seconds = Number.isInteger(s) ? String(s) : s.toFixed(9).replace(/0+$/, '')
  return sign + (h > 0 ? `${h}h${m}m${seconds}s` : m > 0 ? `${m}m${seconds}s` : `${seconds}s`)
}

/** apimachinery's HumanDuration: at most two units, coarser as it grows. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 60 * 2) return `${seconds}s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 10) {
    const s = seconds % 60
    return s === 0 ? `${minutes}m` : `${minutes}m${s}s`
  }
  if (minutes < 60 * 3) return `${minutes}m`
  const hours = Math.floor(ms / 3600_000)
  if (hours < 8) {
    const m = minutes % 60
    return m === 0 ? `${hours}h` : `${hours}h${m}m`
  }
  if (hours < 48) return `${hours}h`
  if (hours < 24 * 8) {
    const h = hours % 24
    return h === 0 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24)}d${h}h`
  }
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24)}d`
  if (hours < 24 * 365 * 8) {
    const d = Math.floor(hours / 24) % 365
    return d === 0 ? `${Math.floor(hours / 24 / 365)}y` : `${Math.floor(hours / 24 / 365)}y${d}d`
  }
  return `${Math.floor(hours / 24 / 365)}y`
}

/** HumanDuration of the time since an RFC 3339 time, `<unknown>` when there is none: the AGE column. */
export function age(since: string | undefined | null, now: number): string {
  if (!since) return '<unknown>'
  return humanDuration(now - Date.parse(since))
}
