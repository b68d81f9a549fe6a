import { expect, test } from 'vitest'
import type { TimelineEntry } from '#contract/session-api.ts'
import { besideMark, nearestCommand } from './timeline-place.ts'

const entry = (at: number, kind: TimelineEntry['kind'] = 'command'): TimelineEntry => ({ at, kind, text: `${kind} ${at}` })

test('the nearest command is found among events, the later of two that are as near', () => {
  const entries = [entry(1000), entry(1400, 'event'), entry(2000), entry(2000), entry(9000, 'event')]
  expect([0, 1400, 1500, 1501, 8000].map((at) => nearestCommand(entries, at))).toEqual([0, 0, 3, 3, 3])
  expect(nearestCommand([entry(5, 'event')], 5)).toBe(undefined)
})
test('a label stands on the wider side of its mark', () => {
  expect([0, 0.25, 0.5, 0.75, 1.2].map(besideMark)).toEqual(['left: 0%; max-width: 100%', 'left: 25%; max-width: 75%', 'left: 50%; max-width: 50%', 'right: 25%; max-width: 75%', 'right: 0%; max-width: 100%'])
})
