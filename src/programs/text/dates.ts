/** date: GNU's formats and as much of its date parsing as people type (`@N`, ISO forms, `yesterday`, `+2 days`, `3 hours ago`). UTC only. */
import type { Program } from '#engine/machine/process.ts'
import { strftime } from '#shell/builtins/printf.ts'
import { complain, Fatal, openInput, parseOptions, quote, splitLines, tool } from './common.ts'
import { zoneAt, zoneNames } from './zones.ts'

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Milliseconds, or undefined where it is no date. `tz`: the zone that a time without one is in. */
export function parseDate(given: string, real: number, tz?: string): number | undefined {
  const own = /^\s*TZ="([^"]*)"\s*/.exec(given)
  const text = own ? given.slice(own[0].length) : given
  const zone = own ? own[1] : tz
  // Worked out as if that zone's clock were UTC, then moved.
  const now = real + zoneAt(zone, real).minutes * 60000
  const found = parseLocal(text, now)
  if (found === undefined) return undefined
  if (found.absolute) return found.ms
  const guess = found.ms - zoneAt(zone, found.ms).minutes * 60000
  return found.ms - zoneAt(zone, guess).minutes * 60000
}

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth', 'eleventh', 'twelfth']

/** `absolute`: the text named its zone. */
function parseLocal(text: string, now: number): { readonly ms: number; readonly absolute: boolean } | undefined {
  let rest = ` ${text.trim().toLowerCase()} `
  // `second` is a unit, too, so it is no number.
  rest = rest.replace(/(?<=\s)(first|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)(?=\s)/g, (w) => `${ordinals.indexOf(w) + 1}`)
  const at = /^\s*@(-?\d+)(\.\d+)?\s*$/.exec(text)
  if (at) return { ms: Number(at[1]) * 1000 + (at[2] ? Math.floor(Number(at[2]) * 1000) : 0), absolute: true }
  const d = new Date(now)
  let [y, mo, day] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()]
  let time: number | undefined
  let offset = 0
  let absolute = false
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
  m = take(/(?<=\s)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(am|pm)?\s*(z|[-+]\s*\d{1,2}:?\d\d|[-+]\s*\d{1,2})?(?=\s)/)
  if (!m) {
    // `5pm`
    const short = take(/(?<=\s)(\d{1,2})\s*(am|pm)(?=\s)/)
    if (short) m = Object.assign([short[0], short[1], '00', undefined, undefined, short[2], undefined] as unknown as RegExpExecArray, { index: 0, input: '' })
  }
  if (m) {
    let h = Number(m[1])
    if (m[5] === 'pm' && h < 12) h += 12
    if (m[5] === 'am' && h === 12) h = 0
    if (h > 24 || Number(m[2]) > 59 || Number(m[3] ?? 0) > 60) return undefined
    time = ((h * 60 + Number(m[2])) * 60 + Number(m[3] ?? 0)) * 1000 + (m[4] ? Math.floor(Number(`0.${m[4]}`) * 1000) : 0)
    const zone = /^([-+])\s*(\d\d?):?(\d\d)?$/.exec(m[6] ?? '')
    if (zone && Number(zone[2]) > 24) return undefined
    if (zone) offset = (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) * 60000 * (zone[1] === '+' ? -1 : 1)
    if (m[6] !== undefined) absolute = true
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
  const named = take(new RegExp(`(?<=\\s)(${Object.keys(zoneNames).join('|')})\\s*([-+]\\d{1,2}(?::?\\d\\d)?)?(?=\\s)`))
  if (named) {
    const more = /^([-+])(\d\d?):?(\d\d)?$/.exec(named[2] ?? '')
    offset = -(zoneNames[named[1]!]! + (more ? (more[1] === '-' ? -1 : 1) * (Number(more[2]) * 60 + Number(more[3] ?? 0)) : 0)) * 60000
    absolute = true
  }
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
  const weekday = take(new RegExp(`(?<=\\s)(next|last|this|\\d+)?\\s*(${dayNames.join('|')})[a-z]*(?=[\\s,])`))
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
    else if (/^\d+$/.test(weekday[1] ?? '')) delta += (Number(weekday[1]) - (delta === 0 ? 0 : 1)) * 7
    result = base + delta * 86400000 + (time ?? 0)
  }
  if (months !== 0) {
    const t = new Date(result)
    result = Date.UTC(t.getUTCFullYear(), t.getUTCMonth() + months, t.getUTCDate()) + (result - Date.UTC(t.getUTCFullYear(), t.getUTCMonth(), t.getUTCDate()))
  }
  return { ms: result + shiftMs, absolute }
}

export const date: Program = tool(async (process) => {
  const o = parseOptions(process, { short: 'd:f:I::Rr:s:u', long: { 'date=': 'd', 'iso-8601=?': 'I', 'rfc-email': 'R', 'rfc-3339=': '3', 'reference=': 'r', 'set=': 's', utc: 'u', universal: 'u' } })
  let time = process.now()
  const tz = o.has('u') ? undefined : process.env.get('TZ')
  if (o.has('d')) {
    const t = parseDate(o.get('d')!, process.now(), tz)
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
  if (o.rest.length > 1) throw new Fatal(`date: extra operand ‘${o.rest[1]}’\nTry 'date --help' for more information.`)
  if (other !== undefined) throw new Fatal(/^\d+$/.test(other) ? 'date: cannot set date: Operation not permitted' : `date: invalid date ‘${other}’`)
  if (formats.length > 1) throw new Fatal(`date: extra operand ${quote(formats[1]!).replace(/^'/, '‘').replace(/'$/, '’')}\nTry 'date --help' for more information.`)
  let format = formats[0]?.slice(1) ?? '%a %b %e %H:%M:%S %Z %Y'
  if (o.has('I')) {
    const how = o.get('I') || 'date'
    const iso: Record<string, string> = { date: '%Y-%m-%d', hours: '%Y-%m-%dT%H+00:00', minutes: '%Y-%m-%dT%H:%M+00:00', seconds: '%Y-%m-%dT%H:%M:%S+00:00', ns: '%Y-%m-%dT%H:%M:%S,%N+00:00' }
    const key = Object.keys(iso).find((k) => k.startsWith(how))
    if (key === undefined) throw new Fatal(`date: invalid argument ‘${how}’ for ‘--iso-8601’\nValid arguments are:\n  - ‘hours’\n  - ‘minutes’\n  - ‘date’\n  - ‘seconds’\n  - ‘ns’\nTry 'date --help' for more information.`)
    format = iso[key]!
  }
  if (o.has('R')) format = '%a, %d %b %Y %H:%M:%S +0000'
  if (o.has('3')) format = o.get('3') === 'date' ? '%Y-%m-%d' : o.get('3') === 'ns' ? '%Y-%m-%d %H:%M:%S.%N+00:00' : '%Y-%m-%d %H:%M:%S+00:00'
  const show = (ms: number): string => {
    const zone = zoneAt(tz, ms)
    if (zone.minutes === 0) return strftime(format.replace(/%Z/g, zone.name), ms)
    const sign = zone.minutes < 0 ? '-' : '+'
    const size = Math.abs(zone.minutes)
    const [hh, mm] = [Math.floor(size / 60), size % 60].map((n) => String(n).padStart(2, '0'))
    const local = format.replace(/%%|%Z|%:z|%z|%s|\+0000|\+00:00/g, (d) => ({ '%Z': zone.name, '%:z': `${sign}${hh}:${mm}`, '+00:00': `${sign}${hh}:${mm}`, '%z': `${sign}${hh}${mm}`, '+0000': `${sign}${hh}${mm}`, '%s': String(Math.floor(ms / 1000)) })[d] ?? d)
    return strftime(local, ms + zone.minutes * 60000)
  }
  if (o.has('f')) {
    const file = await openInput(process, o.get('f')!)
    if (!file) return 1
    let bad = false
    for (const line of splitLines(await file.readAll())) {
      const t = parseDate(line, process.now(), tz)
      if (t === undefined) await complain(process, `invalid date ‘${line}’`)
      else await process.stdout.write(show(t) + '\n')
      bad ||= t === undefined
    }
    return bad ? 1 : 0
  }
  if (o.has('s')) {
    const t = parseDate(o.get('s')!, process.now(), tz)
    if (t === undefined) throw new Fatal(`date: invalid date ‘${o.get('s')}’`)
    await complain(process, 'cannot set date: Operation not permitted')
    await process.stdout.write(show(t) + '\n')
    return 1
  }
  await process.stdout.write(show(time) + '\n')
  return 0
})
