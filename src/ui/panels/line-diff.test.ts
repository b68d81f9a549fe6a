import { expect, test } from 'vitest'
import fc from 'fast-check'
import { diffLines, partsOf } from './line-diff.ts'
import { flipped } from './matrix-diff.ts'

test('a changed line is one removed and one added', () => {
  expect(diffLines('a\nb\nc\n', 'a\nx\nc\n')).toEqual([{ mark: 'same', text: 'a' }, { mark: 'removed', text: 'b' }, { mark: 'added', text: 'x' }, { mark: 'same', text: 'c' }])
})
test('lines far from a change are counted', () => {
  const before = 'a\nb\nc\nd\ne\nf'
  expect(partsOf(diffLines(before, before.replace('e', 'x')), 1)).toEqual([
    { kind: 'gap', count: 3 },
    { kind: 'lines', lines: [{ mark: 'same', text: 'd' }, { mark: 'removed', text: 'e' }, { mark: 'added', text: 'x' }, { mark: 'same', text: 'f' }] },
  ])
  expect(partsOf(diffLines('a', 'a'))).toEqual([{ kind: 'gap', count: 1 }])
})
test('both texts can be read out of the difference', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 }).map((l) => l.join('\n'))
  fc.assert(fc.property(text, text, (a, b) => {
    const d = diffLines(a, b)
    expect(d.filter((l) => l.mark !== 'added').map((l) => l.text).join('\n')).toBe(a)
    expect(d.filter((l) => l.mark !== 'removed').map((l) => l.text).join('\n')).toBe(b)
  }))
})
test('flips are found by subject', () => {
  const subject = (id: string) => ({ id, namespace: 'n', title: id, pods: [] })
  const cell = (allowed: boolean) => ({ allowed, why: '' })
  const before = { subjects: [subject('a'), subject('b')], ports: [], cells: [[cell(true), cell(true)], [cell(true), cell(false)]] }
  const after = { subjects: [subject('b'), subject('a')], ports: [], cells: [[cell(true), cell(true)], [cell(false), cell(true)]] }
  expect([...flipped(before, after)]).toEqual(['b|b', 'a|b'])
})
