import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

test('an element that came twice is added after its twin; one taken from the front leaves its bracket', () => {
  const text = (names: string[]) => JSON.stringify({ a: 1, b: 2, c: 3, d: 4, list: names.map((name) => ({ name })), z: 1 }, null, 1)
  expect(unifiedDiff(text(['x']), text(['x', 'x']))).toBe('@@ -6,6 +6,9 @@\n  "list": [\n   {\n    "name": "x"\n+  },\n+  {\n+   "name": "x"\n   }\n  ],\n  "z": 1\n')
  expect(unifiedDiff(text(['x', 'y']), text(['y']))).toBe('@@ -5,9 +5,6 @@\n  "d": 4,\n  "list": [\n   {\n-   "name": "x"\n-  },\n-  {\n    "name": "y"\n   }\n  ],\n')
})

test('the marked lines give both texts', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 })
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const diff = unifiedDiff(a.join('\n'), b.join('\n')).split('\n').filter((l) => l !== '' && !l.startsWith('@@'))
      const left = diff.filter((l) => !l.startsWith('+')).length - diff.filter((l) => !l.startsWith('-')).length
      expect(left).toBe((a.length || 1) - (b.length || 1))
    }),
  )
})
