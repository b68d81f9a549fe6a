/** Times as kubectl prints them: RFC 3339 in objects, RFC 1123 with zone in describe, ages as human durations. */
import { humanDuration } from '#base/duration.ts'

export const rfc3339 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number): string => String(n).padStart(2, '0')

/** `Sat, 21 Nov 2026 15:12:04 +0000` */
export function rfc1123(time: string | undefined): string {
  if (!time) return 'Mon, 01 Jan 0001 00:00:00 +0000'
  const d = new Date(Date.parse(time))
  return `${days[d.getUTCDay()]!}, ${two(d.getUTCDate())} ${months[d.getUTCMonth()]!} ${d.getUTCFullYear()} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000`
}

/** Time since `time`, or `<unknown>`. */
export function ageOf(now: number, time: string | undefined | null): string {
  return time ? humanDuration(now - Date.parse(time)) : '<unknown>'
}
