/** Timestamps and durations of CEL: RFC 3339, Go durations, parts of a date in a time zone. */
import { CelError, Duration, Timestamp } from './values.ts'

const SECOND = 1_000_000_000n
const units: Record<string, bigint> = { ns: 1n, us: 1000n, µs: 1000n, μs: 1000n, ms: 1_000_000n, s: SECOND, m: 60n * SECOND, h: 3600n * SECOND }

/** From year 1 to year 9999, nanoseconds. */
const earliest = -62_135_596_800n * SECOND
const latest = 253_402_300_800n * SECOND

/** Throws CelError where the moment is out of range. */
export function timestampOf(ns: bigint): Timestamp {
  if (ns < earliest || ns >= latest) throw new CelError('timestamp overflow')
  return new Timestamp(ns)
}

/** undefined: not a duration. */
export function parseDuration(text: string): Duration | undefined {
  const m = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text)
  if (!m) return undefined
  let total = 0n
  for (const [, whole = '', fraction = '', unit] of m[2]!.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = units[unit!]!
    total += BigInt(whole || '0') * size
    if (fraction !== '') total += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length)
  }
  if (total > 9223372036854775807n) return undefined
  return new Duration(m[1] === '-' ? -total : total)
}

export function parseTimestamp(text: string): Timestamp | undefined {
  const m = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text)
  if (!m) return undefined
  const [, y, mo, d, h, mi, s, fraction = '', sign, zh, zm] = m
  const ms = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
  const date = new Date(ms)
  if (Number(y) >= 100 && (date.getUTCMonth() !== Number(mo) - 1 || date.getUTCDate() !== Number(d) || date.getUTCHours() !== Number(h))) return undefined
  const offset = sign ? (sign === '-' ? -1n : 1n) * (BigInt(zh!) * 60n + BigInt(zm!)) * 60n * SECOND : 0n
  return new Timestamp(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0')) - offset)
}

const trimZeros = (digits: string) => digits.replace(/0+$/, '')

export function formatTimestamp(t: Timestamp): string {
  const ns = ((t.ns % SECOND) + SECOND) % SECOND
  const fraction = trimZeros(String(ns).padStart(9, '0'))
  return new Date(Number((t.ns - ns) / 1_000_000n)).toISOString().slice(0, 19) + (fraction === '' ? '' : '.' + fraction) + 'Z'
}

/** Seconds, as CEL's string() writes them. */
export function formatDuration(d: Duration): string {
  const size = d.ns < 0n ? -d.ns : d.ns
  const fraction = trimZeros(String(size % SECOND).padStart(9, '0'))
  return `${d.ns < 0n ? '-' : ''}${size / SECOND}${fraction === '' ? '' : '.' + fraction}s`
}

/** The moment as if the clock of the zone were UTC. */
function local(t: Timestamp, zone: string | undefined): Date {
  const ms = Number(t.ns / 1_000_000n) - (t.ns < 0n && t.ns % 1_000_000n !== 0n ? 1 : 0)
  if (zone === undefined || zone === '' || zone === 'UTC') return new Date(ms)
  const offset = /^([+-]?)(\d{1,2}):(\d\d)$/.exec(zone)
  if (offset) return new Date(ms + (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000)
  try {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(new Date(ms))
    const part = (type: string) => Number(parts.find((p) => p.type === type)?.value)
    return new Date(Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'), ((ms % 1000) + 1000) % 1000))
  } catch {
    throw new CelError(`unknown time zone ${zone}`)
  }
}

const parts: Record<string, (d: Date) => number> = {
  getFullYear: (d) => d.getUTCFullYear(), getMonth: (d) => d.getUTCMonth(), getDayOfMonth: (d) => d.getUTCDate() - 1, getDate: (d) => d.getUTCDate(), getDayOfWeek: (d) => d.getUTCDay(),
  getDayOfYear: (d) => Math.floor((Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()) - Date.UTC(d.getUTCFullYear(), 0, 1)) / 86_400_000),
  getHours: (d) => d.getUTCHours(), getMinutes: (d) => d.getUTCMinutes(), getSeconds: (d) => d.getUTCSeconds(), getMilliseconds: (d) => d.getUTCMilliseconds(),
}
const divisors: Record<string, bigint> = { getHours: 3600n * SECOND, getMinutes: 60n * SECOND, getSeconds: SECOND, getMilliseconds: 1_000_000n }

export const timeParts: readonly string[] = Object.keys(parts)

export function timePart(name: string, of: Timestamp | Duration, zone?: string): bigint {
  if (of instanceof Timestamp) return BigInt(parts[name]!(local(of, zone)))
  const divisor = divisors[name]
  if (divisor === undefined) throw new CelError('no such overload')
  return of.ns / divisor
}
