/** date: GNU's formats and as much of its date parsing as people type (`@N`, ISO forms, `yesterday`, `+2 days`, `3 hours ago`). UTC only. */
import type { Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { Fatal, parseOptions, quote, tool } from './common.ts'

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Milliseconds, or undefined where it is no date. */
export function parseDate(text: string, now: number): number | undefined {
  let rest = ` ${text.trim().toLowerCase()} `
  const at = /^\s*@(-?\d+)(\.\d+)?\s*$/.exec(text)
  if (at) return Number(at[1]) * 1000 + (at[2] ? Math.floor(Number(at[2]) * 1000) : 0)
  const d = new Date(now)
  let [y, mo, day] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()]
  let time: number | undefined
  let offset = 0
  let hasDate = false
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const m = pattern.exec(rest)
    if (!m) return undefined
    rest = rest.slice(0, m.index) + ' ' + rest.slice(m.index + m[0].length)
    return m
  }
  let m = take(/(?<=\s)(\d{4})-(\d{1,2})-(\d{1,2})(?:t(?=\d)|(?=\s))/)
  if (m) [y, mo, day, hasDate] = [Number(m[1]), Number(m[2]) - 1, Number(m[3]), true]
  else if ((m = take(/(?<=\s)(\d{4})(\d\d)(\d\d)(?=\s)/))) [y, mo, day, hasDate] = [Number(m[1]), Number(m[2]) - 1, Number(m[3]), true]
  else if ((m = take(/(?<=\s)(\d{1,2})\/(\d{1,2})(?:\/(\d{2,4}))?(?=\s)/))) [mo, day, y, hasDate] = [Number(m[1]) - 1, Number(m[2]), m[3] ? Number(m[3]) + (m[3].length === 2 ? 2000 : 0) : y, true]
  if (hasDate && (mo < 0 || mo > 11 || day < 1 || day > new Date(Date.UTC(y, mo + 1, 0)).getUTCDate())) return undefined
  m = take(/(?<=\s)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(am|pm)?\s*(z|utc|gmt|[-+]\d\d:?\d\d|[-+]\d\d)?(?=\s)/)
  if (m) {
    let h = Number(m[1])
    if (m[5] === 'pm' && h < 12) h += 12
    if (m[5] === 'am' && h === 12) h = 0
    if (h > 24 || Number(m[2]) > 59 || Number(m[3] ?? 0) > 60) return undefined
    time = ((h * 60 + Number(m[2])) * 60 + Number(m[3] ?? 0)) * 1000 + (m[4] ? Math.floor(Number(`0.${m[4]}`) * 1000) : 0)
    const zone = /^([-+])(\d\d):?(\d\d)?$/.exec(m[6] ?? '')
    if (zone) offset = (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) * 60000 * (zone[1] === '+' ? -1 : 1)
  }
  const month = new RegExp(`(?<=\\s)(?:(\\d{1,2})[\\s-]+)?(${monthNames.join('|')})[a-z]*\\.?(?:[\\s-]+(\\d{1,2})(?=[\\s,]))?(?:[\\s,-]+(\\d{4}))?(?=\\s)`)
  if (!hasDate && (m = take(month))) {
    mo = monthNames.indexOf(m[2]!)
    day = Number(m[1] ?? m[3] ?? 1)
    if (m[4]) y = Number(m[4])
    else {
      const year = take(/(?<=\s)(\d{4})(?=\s)/)
      if (year) y = Number(year[1])
    }
    hasDate = true
  }
  take(/(?<=\s)(z|utc|gmt)(?=\s)/)
  let shiftMs = 0
  let months = 0
  let dayWord = false
  if (take(/(?<=\s)now(?=\s)/)) dayWord = true
  if (take(/(?<=\s)today(?=\s)/)) dayWord = true
  if (take(/(?<=\s)yesterday(?=\s)/)) {
    shiftMs -= 86400000
    dayWord = true
  }
  if (take(/(?<=\s)tomorrow(?=\s)/)) {
    shiftMs += 86400000
    dayWord = true
  }
  if (take(/(?<=\s)midnight(?=\s)/)) time = 0
  if (take(/(?<=\s)noon(?=\s)/)) time = 43200000
  const unit = /(?<=\s)([-+]?\s*\d*|a|an|next|last)\s*(second|sec|minute|min|hour|day|week|fortnight|month|year)s?\b(\s+ago)?(?=\s)/
  let moved = false
  for (let u = take(unit); u; u = take(unit)) {
    moved = true
    const word = u[1]!.replace(/\s/g, '')
    let n = word === '' || word === 'a' || word === 'an' || word === 'next' || word === '+' ? 1 : word === 'last' || word === '-' ? -1 : Number(word)
    if (u[3]) n = -n
    const size = { second: 1e3, sec: 1e3, minute: 6e4, min: 6e4, hour: 36e5, day: 864e5, week: 6048e5, fortnight: 12096e5 }[u[2] as 'day']
    if (size !== undefined) shiftMs += n * size
    else months += n * (u[2] === 'year' ? 12 : 1)
  }
  const weekday = take(new RegExp(`(?<=\\s)(next|last|this)?\\s*(${dayNames.join('|')})[a-z]*(?=[\\s,])`))
  rest = rest.replace(/,/g, ' ')
  if (rest.trim() !== '') return undefined
  const relative = moved || dayWord
  let result: number
  if (!hasDate && time === undefined && (relative || text.trim() === '')) {
    result = text.trim() === '' ? Date.UTC(y, mo, day) : now
  } else result = Date.UTC(y, mo, day) + (time ?? 0) + offset
  if (weekday && !hasDate) {
    const want = dayNames.indexOf(weekday[2]!)
    const base = Date.UTC(y, mo, day)
    let delta = (want - new Date(base).getUTCDay() + 7) % 7
    if (weekday[1] === 'next' && delta === 0) delta = 7
    else if (weekday[1] === 'last') delta = delta === 0 ? -7 : delta - 7
    result = base + delta * 86400000 + (time ?? 0)
  }
  if (months !== 0) {
    const t = new Date(result)
    result = Date.UTC(t.getUTCFullYear(), t.getUTCMonth() + months, t.getUTCDate()) + (result - Date.UTC(t.getUTCFullYear(), t.getUTCMonth(), t.getUTCDate()))
  }
  return result + shiftMs
}

export const date: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'd:f:I::Rr:s:u', long: { 'date=': 'd', 'iso-8601=?': 'I', 'rfc-email': 'R', 'rfc-3339=': '3', 'reference=': 'r', 'set=': 's', utc: 'u', universal: 'u' } })
  let time = process.now()
  if (o.has('d')) {
    const t = parseDate(o.get('d')!, process.now())
    if (t === undefined) throw new Fatal(`date: invalid date ‘${o.get('d')}’`)
    time = t
  } else if (o.has('r')) {
    const path = o.get('r')!
    try {
      time = process.fs.stat(path).mtime
    } catch {
      throw new Fatal(`date: ${path}: No such file or directory`)
    }
  }
  const formats = o.rest.filter((r) => r.startsWith('+'))
  const other = o.rest.find((r) => !r.startsWith('+'))
  if (other !== undefined) throw new Fatal(/^\d+$/.test(other) ? 'date: cannot set date: Operation not permitted' : `date: invalid date ‘${other}’`)
  if (formats.length > 1) throw new Fatal(`date: extra operand ${quote(formats[1]!).replace(/^'/, '‘').replace(/'$/, '’')}\nTry 'date --help' for more information.`)
  let format = formats[0]?.slice(1) ?? '%a %b %e %H:%M:%S UTC %Y'
  if (formats.length === 0) format = '%a %b %e %H:%M:%S UTC %Y'
  if (o.has('I')) {
    const how = o.get('I') || 'date'
    const iso: Record<string, string> = { date: '%Y-%m-%d', hours: '%Y-%m-%dT%H+00:00', minutes: '%Y-%m-%dT%H:%M+00:00', seconds: '%Y-%m-%dT%H:%M:%S+00:00', ns: '%Y-%m-%dT%H:%M:%S,%N+00:00' }
    const key = Object.keys(iso).find((k) => k.startsWith(how))
    if (key === undefined) throw new Fatal(`date: invalid argument ‘${how}’ for ‘--iso-8601’\nValid arguments are:\n  - ‘hours’\n  - ‘minutes’\n  - ‘date’\n  - ‘seconds’\n  - ‘ns’\nTry 'date --help' for more information.`)
    format = iso[key]!
  }
  if (o.has('R')) format = '%a, %d %b %Y %H:%M:%S +0000'
  if (o.has('3')) format = o.get('3') === 'date' ? '%Y-%m-%d' : o.get('3') === 'ns' ? '%Y-%m-%d %H:%M:%S.%N+00:00' : '%Y-%m-%d %H:%M:%S+00:00'
  await process.stdout.write(strftime(format, time) + '\n')
  return 0
})
