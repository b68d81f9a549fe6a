import { expect, test } from 'vitest'
import { parseMarkdown } from './markdown.ts'

test('markdown becomes a tree, HTML stays text', () => {
  expect(parseMarkdown('A `pod` is *not* <b>bold</b>.\n\n- one\n- two')).toEqual([
    { kind: 'element', tag: 'p', inside: [
      { kind: 'text', text: 'A ' }, { kind: 'code', text: 'pod' }, { kind: 'text', text: ' is ' }, { kind: 'element', tag: 'em', inside: [{ kind: 'text', text: 'not' }] }, { kind: 'text', text: ' <b>bold</b>.' },
    ] },
    { kind: 'element', tag: 'ul', inside: [
      { kind: 'element', tag: 'li', inside: [{ kind: 'text', text: 'one' }] },
      { kind: 'element', tag: 'li', inside: [{ kind: 'text', text: 'two' }] },
    ] },
  ])
})
test('a fence keeps its text, a script link is no link', () => {
  expect(parseMarkdown('```yaml\na: 1\n```\n\n[x](javascript:alert(1))')).toEqual([
    { kind: 'block', text: 'a: 1', language: 'yaml' },
    { kind: 'element', tag: 'p', inside: [{ kind: 'text', text: '[x](javascript:alert(1))' }] },
  ])
})
