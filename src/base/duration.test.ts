import { expect, test } from 'vitest'
import { formatGoDuration, humanDuration, parseGoDuration } from './duration.ts'

test("Go's durations there and back", () => {
  for (const text of ['1h2m3s', '1.5s', '300ms', '0s', '-1m0s']) expect(formatGoDuration(parseGoDuration(text)!)).toBe(text)
  expect(parseGoDuration('1h30m')).toBe(5_400_000)
  for (const text of ['', '1', '1x', 'h', '1m 2s']) expect([text, parseGoDuration(text)]).toEqual([text, undefined])
})

test('the AGE column', () => {
  const s = 1000
  const m = 60 * s
  const h = 60 * m
  const d = 24 * h
  const cases: [number, string][] = [[0, '0s'], [119 * s, '119s'], [2 * m, '2m'], [9 * m + 5 * s, '9m5s'], [10 * m + 5 * s, '10m'], [3 * h, '3h'], [7 * h + 59 * m, '7h59m'], [8 * h + 59 * m, '8h'], [47 * h, '47h'], [48 * h, '2d'], [7 * d + 5 * h, '7d5h'], [8 * d, '8d'], [3 * 365 * d, '3y']]
  for (const [ms, text] of cases) expect([ms, humanDuration(ms)]).toEqual([ms, text])
})
