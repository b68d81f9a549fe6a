import { expect, test } from 'vitest'
import fc from 'fast-check'
import { MarkReader, type Mark } from './marks.ts'

test('marks are taken out of output that is cut anywhere', () => {
  const whole = 'a\x1b]133;D;1;  12  ls; echo x\x07b\x1b[31mred\x1b]133;C\x07c\x1b]0;title\x07'
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
      const marks: Mark[] = []
      const reader = new MarkReader((m) => marks.push(m))
      const points = [0, ...[...cuts].sort((a, b) => a - b), whole.length]
      const out = points.slice(1).map((p, i) => reader.read(whole.slice(points[i], p))).join('')
      expect(out).toBe('ab\x1b[31mredc\x1b]0;title\x07')
      expect(marks).toEqual([{ kind: 'prompt', exit: 1, history: 'ls; echo x' }, { kind: 'begin' }])
    }),
  )
})
