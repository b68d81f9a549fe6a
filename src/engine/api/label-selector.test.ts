import { expect, test } from 'vitest'
import { formatSelector, matches, matchesLabelSelector, parseSelector, SelectorError } from './label-selector.ts'

test('the string form', () => {
  const labels = { app: 'web', tier: 'front', n: '5' }
  const cases: [string, boolean][] = [['', true], ['app=web', true], ['app==db', false], ['app!=db', true], ['none!=x', true], ['app in (db, web)', true], ['tier notin (back)', true], ['tier', true], ['!tier', false], ['n>4', true], ['n<5', false], ['app=web,tier=back', false]]
  for (const [text, wanted] of cases) expect([text, matches(parseSelector(text), labels)]).toEqual([text, wanted])
})

test('is printed in order of its keys', () => {
  expect(formatSelector(parseSelector('z, b in (y,x), !c, a=1'))).toBe('a=1,b in (x,y),!c,z')
})

test('nonsense is refused', () => {
  for (const text of ['a=b=c', 'a in b', 'a in (b', ',', 'a>x', 'UPPER_ok=-bad']) expect(() => parseSelector(text), text).toThrow(SelectorError)
})

test('the object form', () => {
  expect(matchesLabelSelector({}, { a: 'b' })).toBe(true)
  expect(matchesLabelSelector(undefined, { a: 'b' })).toBe(false)
  expect(matchesLabelSelector({ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'DoesNotExist' }] }, { a: 'b' })).toBe(true)
})
