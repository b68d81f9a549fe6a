import { expect, test } from 'vitest'
import { matchesPattern, patternSource, quotePattern } from '#base/glob.ts'
import { posixRegex, RegexError } from '#base/regex.ts'
import fc from 'fast-check'

test('shell patterns', () => {
  const match = (text: string, ...patterns: string[]) => patterns.map((p) => matchesPattern(text, p))
  expect(match('web.yaml', '*.yaml', 'w?b*', '[a-w]*', '[!w]*', '[[:alpha:]]*', 'web', '@(web|db).yaml', '!(*.txt)', '+([a-z.])')).toEqual([true, true, true, false, true, false, true, true, true])
  expect(match('a*b', 'a\\*b', 'a[*]b')).toEqual([true, true])
  expect(new RegExp(patternSource('a-b'), 'u').source).toBe('a-b')
})
test('quoted text matches itself only', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => matchesPattern(text, quotePattern(text))))
})
test('basic and extended expressions', () => {
  const first = (source: string, text: string, extended = false) => posixRegex(source, { extended }).exec(text, 0)?.groups
  expect(first('a\\{2\\}', 'caab')).toEqual(['aa'])
  expect(first('\\(a\\|b\\)\\1', 'abb')).toEqual(['bb', 'b'])
  expect(first('(a|ab)(c|bcd)', 'abcd', true)).toEqual(['abcd', 'a', 'bcd'])
  expect(first('^[[:digit:]]+\\.', '12.5', true)).toEqual(['12.'])
  expect(first('*a', '*a')).toEqual(['*a'])
  expect(() => posixRegex('(a', { extended: true })).toThrow(RegexError)
})
