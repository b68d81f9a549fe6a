/** time.ParseDuration with its error texts. */
import { parseGoDuration } from '#base/duration.ts'
import { goQuote } from '../print/json.ts'

/** Milliseconds, or Go's words for what is wrong. */
export function parseDuration(text: string): number | string {
  const value = parseGoDuration(text)
  if (value !== undefined) return value
  const m = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]*)/.exec(text)
  if (m && m[1] === '') return `time: missing unit in duration ${goQuote(text)}`
  if (m) return `time: unknown unit ${goQuote(m[1]!)} in duration ${goQuote(text)}`
  return `time: invalid duration ${goQuote(text)}`
}
