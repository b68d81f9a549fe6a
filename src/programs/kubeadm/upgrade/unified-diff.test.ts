import { expect, test } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

test('hunks with their context', () => {
  const lines = (...list: (string | number)[]) => list.map((l) => `${l}\n`).join('')
  expect(unifiedDiff(lines(1, 2, 3, 4, 5, 6, 7, 8, 9), lines(1, 2, 3, 'four', 5, 6, 7, 8, 9, 10), { from: 'a', to: 'b', context: 1 })).toMatchInlineSnapshot(`
    "--- a
    +++ b
    @@ -3,3 +3,3 @@
     3
    -4
    +four
     5
    @@ -9 +9,2 @@
     9
    +10
    "
  `)
  expect(unifiedDiff('same\n', 'same\n', { from: 'a', to: 'b', context: 3 })).toBe('')
})
