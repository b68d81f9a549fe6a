/** Durations, dates and numbers as words. */
const percentFormat = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0 })
const dateFormat = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })
const numberFormat = new Intl.NumberFormat('en')

export const formatPercent = (n: number): string => percentFormat.format(n / 100)
export const formatDate = (ms: number): string => dateFormat.format(ms)
export const formatNumber = (n: number): string => numberFormat.format(n)
export const formatBytes = (n: number): string => new Intl.NumberFormat('en', { style: 'unit', unit: n < 1_000_000 ? 'kilobyte' : 'megabyte', maximumFractionDigits: 1 }).format(n < 1_000_000 ? n / 1000 : n / 1_000_000)
export const formatMinutes = (n: number): string => new Intl.NumberFormat('en', { style: 'unit', unit: 'minute', unitDisplay: 'short' }).format(n)

/** `m:ss`, or `h:mm:ss` from an hour on. */
export function formatClock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  return h > 0 ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`
}

const plural = new Intl.PluralRules('en')
/** `count(3, 'lab', 'labs')` → "3 labs". */
export const count = (n: number, one: string, many: string): string => `${formatNumber(n)} ${plural.select(n) === 'one' ? one : many}`

export function formatAgo(ms: number, now: number): string {
  const minutes = Math.round((now - ms) / 60_000)
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  if (minutes < 60) return minutes < 1 ? 'just now' : format.format(-minutes, 'minute')
  if (minutes < 60 * 36) return format.format(-Math.round(minutes / 60), 'hour')
  return format.format(-Math.round(minutes / 1440), 'day')
}
