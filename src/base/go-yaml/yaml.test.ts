import { expect, test } from 'vitest'
import fc from 'fast-check'
import { emitYaml } from '#base/go-yaml/emit.ts'
import { parseYaml, YamlError } from '#base/go-yaml/parse.ts'

const failure = (text: string): string => {
  try {
    return JSON.stringify(parseYaml(text))
  } catch (error) {
    return error instanceof YamlError ? error.message : String(error)
  }
}

test('scalars mean what YAML 1.1 says', () => {
  expect(parseYaml('a: 0644\nb: no\nc: 12:30:45\nd: ~\ne: 1e3\nf: "0644"\ng: 2024-01-01\nh: 0x1f\ni: -3\nj: y\n')).toEqual({ a: 420, b: false, c: '12:30:45', d: null, e: 1000, f: '0644', g: '2024-01-01', h: 31, i: -3, j: 'y' })
})
test('blocks, flow, anchors, merges, folded and literal text', () => {
  expect(parseYaml('a: &x {b: [1, "two", {c: d}]}\ne:\n- f: |\n    one\n     two\n\n  g: >-\n    three\n    four\n\n    five\n- - 1\nh:\n  <<: *x\n  i: 2\n')).toEqual({ a: { b: [1, 'two', { c: 'd' }] }, e: [{ f: 'one\n two\n', g: 'three four\nfive' }, [1]], h: { b: [1, 'two', { c: 'd' }], i: 2 } })
  expect(parseYaml('{"json": ["is", {"yaml": true}],}')).toEqual({ json: ['is', { yaml: true }] })
  expect(parseYaml('# nothing\n')).toBeUndefined()
})
test('mistakes are told in the words of the real parser', () => {
  expect(failure('a:\n  b: c\n   d: e\n')).toBe('yaml: line 3: mapping values are not allowed in this context')
  expect(failure('a:\n\tb: c\n')).toBe('yaml: line 2: found character that cannot start any token')
  expect(failure('a: b\nc d\ne: {f: g}\n')).toBe("yaml: line 3: could not find expected ':'")
  expect(failure('a: "open\n')).toBe('yaml: line 2: found unexpected end of stream')
  expect(failure('a: [1, 2\nb: 3\n')).toMatch(/^yaml: /)
  expect(failure('a: *none\n')).toBe("yaml: unknown anchor 'none' referenced")
})
test('written as kubectl writes it', () => {
  expect(emitYaml({ b: 'yes', a: ['x: y', { d: '', c: null }, [1, 2]], e: {}, f: [], g: 'two\nlines', h: 'a\tb', i: '- dash', j: "it's", k: '12:30:45', l: 'trailing \nblank', n: 1.5 })).toBe(
    'a:\n- \'x: y\'\n- c: null\n  d: ""\n- - 1\n  - 2\nb: "yes"\ne: {}\nf: []\ng: |-\n  two\n  lines\nh: "a\\tb"\ni: \'- dash\'\nj: it\'s\nk: "12:30:45"\nl: "trailing \\nblank"\n"n": 1.5\n',
  )
})
test('long plain text is folded after eighty columns', () => {
  expect(emitYaml({ message: 'word '.repeat(20) + 'end' })).toBe('message: word word word word word word word word word word word word word word word\n  word word word word word end\n')
})
test('what is written is read back', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '/', '.', '1'), minLength: 1, maxLength: 8 })
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string({ unit: fc.constantFrom('a', ' ', ':', '#', '\n', '\t', '"', "'", '-', '0', '{', '*', 'é'), maxLength: 12 }))
  const { value } = fc.letrec((tie) => ({ value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(key, tie('value'), { maxKeys: 3 })) }))
  fc.assert(fc.property(fc.dictionary(key, value, { maxKeys: 4 }), (object) => {
    const plain = JSON.parse(JSON.stringify(object)) as unknown
    expect(parseYaml(emitYaml(plain))).toEqual(plain)
  }), { numRuns: 300 })
})
