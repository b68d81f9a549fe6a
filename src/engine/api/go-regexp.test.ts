/** What Go's regular expressions match, and what Go says of those that it does not take. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { goRegexp } from './go-regexp.ts'

const matches = (source: string, text: string) => {
  const { pattern, failure } = goRegexp(source) as { pattern?: RegExp; failure?: string }
  return pattern ? (pattern.exec(text)?.[0] ?? null) : failure
}

test.each<[source: string, text: string, found: string | null]>([
  ['^[[:alpha:]_][[:alnum:]_-]*$', 'a_1-b', 'a_1-b'],
  ['[[:word:].]+', '-a.b-', 'a.b'],
  ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', 'a-b.c', 'a-b.c'],
  ['^\\d+\\.\\d+\\-rc$', '1.2-rc', '1.2-rc'],
  ['(?i)^AB(?P<n>c)', 'abC', 'abC'],
  ['(?s)a.b', 'a\nb', 'a\nb'],
  ['a.b', 'a\nb', null],
  ['\\Aa\\z', 'a', 'a'],
  ['[\\w-.]+', 'a-b.c', 'a-b.c'],
  ['[]a]+', 'a]', 'a]'],
  ['\\Qa.b\\E+', 'a.bb', 'a.bb'],
  ['x{2,3}|{', 'xxx', 'xxx'],
  ['^\\pL+$', 'é', 'é'],
  ['\\p{Greek}', 'aβ', 'β'],
  ['\\x{1F600}', '😀', '😀'],
  ['^(/|[^\\s,/]+)*?$', '/a', '/a'],
])('%s', (source, text, found) => expect(matches(source, text)).toBe(found))

test.each<[source: string, failure: string]>([
  ['+', 'missing argument to repetition operator: `+`'],
  ['a**', 'invalid nested repetition operator: `**`'],
  ['(a', 'missing closing ): `(a`'],
  ['a)', 'unexpected ): `a)`'],
  ['[a', 'missing closing ]: `[a`'],
  ['[z-a]', 'invalid character class range: `z-a`'],
  ['[[:foo:]]', 'invalid character class range: `[:foo:]`'],
  ['^(?!a)', 'invalid or unsupported Perl syntax: `(?!`'],
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
  ['(?<=a)b', 'invalid named capture: `(?<=a)b`'],
  ['(a)\\1', 'invalid escape sequence: `\\1`'],
  ['a{1001}', 'invalid repeat count: `{1001}`'],
  ['a\\', 'trailing backslash at end of expression: ``'],
])('%s is refused', (source, failure) => expect(goRegexp(source)).toEqual({ failure: `error parsing regexp: ${failure}` }))

test('quoted text matches itself', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }).filter((s) => !s.includes('\\E')), (text) => matches(`^\\Q${text}\\E$`, text) === text))
})
