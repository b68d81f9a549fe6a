import { expect, test } from 'vitest'
import { inZone, parseSchedule, zonedTimestamp } from './schedule.ts'

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

test('by the clocks of a zone', () => {
  const at = (text: string, zone: string, after: string) => new Date(inZone(parseSchedule(text)!, zone)!.next(Date.parse(after))!).toISOString()
  expect(at('30 9 * * *', 'Europe/Berlin', '2026-03-02T09:00:00Z')).toBe('2026-03-03T08:30:00.000Z')
  expect(at('30 9 * * *', 'Europe/Berlin', '2026-07-02T06:00:00Z')).toBe('2026-07-02T07:30:00.000Z')
  // 02:30 is not shown on the clocks of 29 March.
  expect(at('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z')).toBe('2026-03-30T00:30:00.000Z')
  expect(at('*/15 * * * *', 'Asia/Kolkata', '2026-03-02T09:01:00Z')).toBe('2026-03-02T09:15:00.000Z')
  expect(inZone(parseSchedule('* * * * *')!, 'Nowhere/City')).toBeUndefined()
  expect([zonedTimestamp(Date.parse('2026-03-02T09:15:00Z'), 'Asia/Kolkata'), zonedTimestamp(0, undefined)]).toEqual(['2026-03-02T14:45:00+05:30', '1970-01-01T00:00:00Z'])
})
