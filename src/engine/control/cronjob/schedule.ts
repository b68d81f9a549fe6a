/**
 * Cron expressions of five fields with names, steps, ranges and the @-shortcuts (robfig/cron's standard parser), in UTC or
 * the local time of a zone: times that a change to summer time leaves out are passed over.
 */
interface Field {
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const fields: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
]

const shortcuts: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *',
}

export interface Schedule {
  /** The first time after `after` (ms), whole minutes. */
  next(after: number): number | undefined
}

function parseField(text: string, field: Field): { readonly values: ReadonlySet<number>; readonly star: boolean } | undefined {
  const values = new Set<number>()
  const number = (word: string) => {
    const named = field.names?.indexOf(word.toLowerCase()) ?? -1
    if (named >= 0) return field.min === 1 ? named + 1 : named
    return /^\d+$/.test(word) ? Number(word) : NaN
  }
  for (const part of text.split(',')) {
    const [range = '', step] = part.split('/')
    let from: number
    let to: number
    if (range === '*' || range === '?') {
      from = field.min
      to = field.names && field.max === 7 ? 6 : field.max
    } else {
      const [a = '', b] = range.split('-')
      from = number(a)
      to = b === undefined ? (step === undefined ? from : field.max) : number(b)
    }
    const by = step === undefined ? 1 : Number(step)
    if (!(from >= field.min) || !(to <= field.max) || from > to || !Number.isInteger(by) || by < 1) return undefined
    for (let v = from; v <= to; v += by) values.add(field.max === 7 && v === 7 ? 0 : v)
  }
  return { values, star: text.startsWith('*') || text.startsWith('?') }
}

/** What a zone's clocks show, as if it were UTC; undefined for an unknown zone. */
function localClock(zone: string): ((time: number) => number) | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
    return (time) => {
      const part = Object.fromEntries(format.formatToParts(time).map((p) => [p.type, Number(p.value)]))
      return Date.UTC(part['year']!, part['month']! - 1, part['day']!, part['hour']!, part['minute']!, part['second']!)
    }
  } catch {
    return undefined
  }
}

/** The schedule by the clocks of a zone. */
export function inZone(schedule: Schedule, zone: string | undefined): Schedule | undefined {
  if (zone === undefined || zone === 'UTC' || zone === 'Etc/UTC') return schedule
  const local = localClock(zone)
  return local && {
    next: (after) => {
      let shown = local(after)
      for (let i = 0; i < 10; i++) {
        const next = schedule.next(shown)
        if (next === undefined) return undefined
        let time = next - (local(after) - Math.floor(after / 1000) * 1000)
        time += next - local(time)
        if (local(time) === next && time > after) return time
        shown = next
      }
      return undefined
    },
  }
}

/** RFC 3339 with the zone's offset. */
export function zonedTimestamp(time: number, zone: string | undefined): string {
  const local = zone === undefined ? undefined : localClock(zone)
  const offset = local ? Math.round((local(time) - Math.floor(time / 1000) * 1000) / 60_000) : 0
  const text = new Date(time + offset * 60_000).toISOString().slice(0, 19)
  if (offset === 0) return `${text}Z`
  const two = (n: number) => String(n).padStart(2, '0')
  return `${text}${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
}

export function parseSchedule(text: string): Schedule | undefined {
  const every = /^@every\s+(\d+)(s|m|h)$/.exec(text.trim())
  if (every) {
    const period = Number(every[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[every[2] as 's' | 'm' | 'h']
    return { next: (after) => Math.floor(after / 1000) * 1000 + period }
  }
  const words = (shortcuts[text.trim()] ?? text).replace(/^(?:CRON_)?TZ=\S+\s+/, '').trim().split(/\s+/)
  if (words.length !== 5) return undefined
  const parsed = words.map((w, i) => parseField(w, fields[i]!))
  if (parsed.some((p) => p === undefined)) return undefined
  const [minute, hour, day, month, weekday] = parsed as { values: ReadonlySet<number>; star: boolean }[]
  const dayFits = (d: Date) => {
    const byDay = day!.values.has(d.getUTCDate())
    const byWeekday = weekday!.values.has(d.getUTCDay())
    return day!.star || weekday!.star ? byDay && byWeekday : byDay || byWeekday
  }
  return {
    next: (after) => {
      let time = (Math.floor(after / 60_000) + 1) * 60_000
      const end = time + 5 * 366 * 86_400_000
      while (time < end) {
        const d = new Date(time)
        if (!month!.values.has(d.getUTCMonth() + 1) || !dayFits(d)) time = (Math.floor(time / 86_400_000) + 1) * 86_400_000
        else if (!hour!.values.has(d.getUTCHours())) time = (Math.floor(time / 3_600_000) + 1) * 3_600_000
        else if (!minute!.values.has(d.getUTCMinutes())) time += 60_000
        else return time
      }
      return undefined
    },
  }
}
