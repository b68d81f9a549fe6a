/** Time zones by name: fixed offsets as POSIX spells them, abbreviations that date reads, and places (from the runtime's own zone data). */

/** Minutes east of Greenwich. */
export const zoneNames: Readonly<Record<string, number>> = {
  utc: 0, gmt: 0, z: 0, ut: 0, wet: 0, west: 60, bst: 60, cet: 60, met: 60, cest: 120, mest: 120, eet: 120, eest: 180, msk: 180, msd: 240, ist: 330, sgt: 480, jst: 540, nzst: 720, nzdt: 780,
  ast: -240, adt: -180, est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480, pdt: -420, akst: -540, akdt: -480, hst: -600, brt: -180,
}

const abbreviations: Readonly<Record<string, readonly [standard: string, summer: string]>> = {
  'Europe/London': ['GMT', 'BST'], 'Europe/Dublin': ['GMT', 'IST'], 'Europe/Lisbon': ['WET', 'WEST'], 'Europe/Moscow': ['MSK', 'MSK'], 'Asia/Tokyo': ['JST', 'JST'], 'Asia/Seoul': ['KST', 'KST'], 'Asia/Kolkata': ['IST', 'IST'],
  'Asia/Shanghai': ['CST', 'CST'], 'Asia/Hong_Kong': ['HKT', 'HKT'], 'Australia/Sydney': ['AEST', 'AEDT'], 'Australia/Melbourne': ['AEST', 'AEDT'], 'Pacific/Auckland': ['NZST', 'NZDT'], 'Africa/Johannesburg': ['SAST', 'SAST'],
}
const european: Readonly<Record<number, string>> = { 0: 'WET', 60: 'CET', 120: 'EET' }
const american: Readonly<Record<number, string>> = { [-300]: 'E', [-360]: 'C', [-420]: 'M', [-480]: 'P', [-240]: 'A', [-540]: 'AK' }

export interface Zone {
  readonly minutes: number
  readonly name: string
}

export const utc: Zone = { minutes: 0, name: 'UTC' }

function offsetOf(place: string, ms: number): number | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: place, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(ms)
    const n = (type: string) => Number(parts.find((p) => p.type === type)?.value)
    return Math.round((Date.UTC(n('year'), n('month') - 1, n('day'), n('hour'), n('minute'), n('second')) - ms) / 60000)
  } catch {
    return undefined
  }
}

function placeZone(place: string, ms: number): Zone | undefined {
  const minutes = offsetOf(place, ms)
  if (minutes === undefined) return undefined
  const year = new Date(ms).getUTCFullYear()
  const winter = Math.min(offsetOf(place, Date.UTC(year, 0, 1))!, offsetOf(place, Date.UTC(year, 6, 1))!)
  const summer = minutes > winter
  const own = abbreviations[place]
  if (own) return { minutes, name: own[summer ? 1 : 0] }
  if (place.startsWith('Europe/') && european[winter]) return { minutes, name: summer ? `${european[winter].slice(0, -1)}ST` : european[winter] }
  if (/^(America|US)\//.test(place) && american[winter]) return { minutes, name: `${american[winter]}${summer ? 'D' : 'S'}T` }
  const sign = minutes < 0 ? '-' : '+'
  const size = Math.abs(minutes)
  return { minutes, name: `${sign}${String(Math.floor(size / 60)).padStart(2, '0')}${size % 60 === 0 ? '' : String(size % 60).padStart(2, '0')}` }
}

/** The zone that TZ names at a moment; what nobody knows is UTC with the name's letters, as libc has it. */
export function zoneAt(tz: string | undefined, ms: number): Zone {
  if (tz === undefined || tz === '' || /^:?(UTC|Etc\/UTC|UCT|Zulu)$/i.test(tz)) return utc
  const name = tz.replace(/^:/, '')
  if (name.includes('/')) return placeZone(name, ms) ?? { minutes: 0, name: name.replace(/[^A-Za-z].*$/, '') || 'UTC' }
  const posix = /^(?:<([^>]+)>|([A-Za-z]{3,}))([-+]?\d{1,2})(?::(\d\d))?([A-Za-z]{3,})?$/.exec(name)
  if (posix) {
    const hours = Number(posix[3])
    const minutes = -(hours * 60 + (posix[3]!.startsWith('-') ? -1 : 1) * Number(posix[4] ?? 0))
    return { minutes, name: posix[1] ?? posix[2]! }
  }
  if (/^GMT$/.test(name)) return { minutes: 0, name: 'GMT' }
  return { minutes: zoneNames[name.toLowerCase()] !== undefined && /^(EST|MST|HST|CET|EET|WET|MET)$/.test(name) ? zoneNames[name.toLowerCase()]! : 0, name: /^[A-Za-z]{3,}$/.test(name) ? name : 'UTC' }
}
