/** `"%s of %d".format([…])`: the string extension's format verbs. */
import { encodeBytes } from '#base/bytes.ts'
import { formatDuration, formatTimestamp } from './time.ts'
import { Bytes, CelError, type CelList, CelMap, Duration, isNumber, Opaque, Timestamp, TypeValue, typeNameOf, Uint, utf8Text, type Value } from './values.ts'

function asText(v: Value, quoted = false): string {
  if (typeof v === 'string') return quoted ? JSON.stringify(v) : v
  if (v === null) return 'null'
  if (typeof v === 'boolean' || typeof v === 'bigint') return String(v)
  if (v instanceof Uint) return String(v.value)
  if (typeof v === 'number') return Number.isNaN(v) ? 'NaN' : !Number.isFinite(v) ? (v > 0 ? 'Infinity' : '-Infinity') : Number.isInteger(v) && quoted ? v.toFixed(6) : String(v)
  if (v instanceof Bytes) return utf8Text(v.data) ?? ''
  if (v instanceof Timestamp) return quoted ? `timestamp(${JSON.stringify(formatTimestamp(v))})` : formatTimestamp(v)
  if (v instanceof Duration) return quoted ? `duration(${JSON.stringify(formatDuration(v))})` : formatDuration(v)
  if (v instanceof TypeValue) return v.name
  if (Array.isArray(v)) return `[${(v as CelList).map((x) => asText(x, true)).join(', ')}]`
  if (v instanceof CelMap) return `{${[...v.entries()].map(([k, x]) => `${asText(k, true)}: ${asText(x, true)}`).sort().join(', ')}}`
  if (v instanceof Opaque) return v.text
  throw new CelError(`could not convert argument ${typeNameOf(v)} to string`)
}

const decimal = (v: Value, verb: string): bigint => {
  if (typeof v === 'bigint') return v
  if (v instanceof Uint) return v.value
  throw new CelError(`error during formatting: ${verb} clause can only be used on integers, was given ${typeNameOf(v)}`)
}

const real = (v: Value): number => {
  if (isNumber(v)) return Number(v instanceof Uint ? v.value : v)
  throw new CelError(`error during formatting: fixed-point clause can only be used on doubles, was given ${typeNameOf(v)}`)
}

const hex = (data: Uint8Array) => [...data].map((b) => b.toString(16).padStart(2, '0')).join('')

/** Digits that a number is asked for at once; nothing but zeros comes after them. */
const most = 100

const verbs: Record<string, (v: Value, precision: number | undefined) => string> = {
  s: (v) => asText(v),
  d: (v) => (typeof v === 'number' ? String(v) : String(decimal(v, 'decimal'))),
  f: (v, precision = 6) => real(v).toFixed(Math.min(precision, most)) + '0'.repeat(Math.max(0, precision - most)),
  e: (v, precision = 6) => real(v).toExponential(Math.min(precision, most)).replace(/(?=e)/, '0'.repeat(Math.max(0, precision - most))).replace(/e([+-])(\d)$/, 'e$10$2'),
  b: (v) => (typeof v === 'boolean' ? (v ? '1' : '0') : decimal(v, 'binary').toString(2)),
  o: (v) => decimal(v, 'octal').toString(8),
  x: (v) => (typeof v === 'string' ? hex(encodeBytes(v)) : v instanceof Bytes ? hex(v.data) : decimal(v, 'hex').toString(16)),
  X: (v) => verbs['x']!(v, undefined).toUpperCase(),
}

export function formatText(pattern: string, args: CelList): string {
  let next = 0
  return pattern.replace(/%(?:%|(?:\.(\d+))?([^]?))/g, (all, precision: string | undefined, verb: string | undefined) => {
    if (all === '%%') return '%'
    const write = verbs[verb ?? '']
    if (!write) throw new CelError(verb ? `could not parse formatting clause: unrecognized formatting clause "${verb}"` : 'could not parse formatting clause: unexpected end of string')
    const arg = args[next]
    if (next >= args.length) throw new CelError(`index ${next} out of range`)
    next++
    return write(arg!, precision === undefined ? undefined : Number(precision))
  })
}
