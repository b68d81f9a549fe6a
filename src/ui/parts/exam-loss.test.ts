import { expect, test } from 'vitest'
import { lossOf } from './exam-loss.ts'

test('an exam ended early says the time, the unopened and the flagged tasks', () => {
  expect(lossOf(6432, [60, 0, 12, 0], [2])).toBe(
    'Every task is judged as its cluster stands now, and you cannot come back to them. You give up the 1:47:12 that are left. 2 tasks were never opened and will get no points: 2 and 4. 1 task is still flagged: 3.',
  )
  expect(lossOf(61, [60, 5], [])).toBe('Every task is judged as its cluster stands now, and you cannot come back to them. You give up the 1:01 that are left.')
})
