import { expect, test } from 'vitest'
import { parseSchedule } from './schedule.ts'

const next = (text: string, after: string) => {
  const at = parseSchedule(text)?.next(Date.parse(after))
  return at === undefined ? undefined : new Date(at).toISOString()
}

test.each([
  ['* * * * *', '2026-03-02T09:00:00Z', '2026-03-02T09:01:00.000Z'],
  ['*/15 * * * *', '2026-03-02T09:07:30Z', '2026-03-02T09:15:00.000Z'],
  ['30 4 * * 1-5', '2026-03-06T05:00:00Z', '2026-03-09T04:30:00.000Z'],
  ['0 0 29 2 *', '2026-03-02T09:00:00Z', '2028-02-29T00:00:00.000Z'],
  ['0 12 1 * mon', '2026-03-02T13:00:00Z', '2026-03-09T12:00:00.000Z'],
  ['@daily', '2026-03-02T09:00:00Z', '2026-03-03T00:00:00.000Z'],
])('%s after %s', (text, after, expected) => {
  expect(next(text, after)).toBe(expected)
})

test('what is no schedule', () => {
  for (const text of ['', '* * * *', '60 * * * *', '* * * * 8', 'a b c d e', '5-1 * * * *']) expect(parseSchedule(text)).toBeUndefined()
})
