import { describe, expect, test } from 'vitest'
import { formatYaml, parseYaml, parseYamlDocuments, YamlError } from './yaml.ts'

describe('parseYaml', () => {
  test('reads scalars as kubectl does', () => {
    expect(parseYaml('mode: 0644\nflag: no\ntime: 12:30:45\nday: 2024-01-02\nday2: 2024-01-02T03:04:05Z\nhex: 0x1f\nfloat: 1e3\nempty:\ntilde: ~\nquoted: "no"\nversion: 1.10\n')).toEqual({
      mode: 420, flag: false, time: '12:30:45', day: '2024-01-02', day2: '2024-01-02T03:04:05Z', hex: 31, float: 1000, empty: null, tilde: null, quoted: 'no', version: 1.1,
    })
  })

  test('merge keys and anchors', () => {
    expect(parseYaml('base: &b {a: 1, b: 2}\nuse:\n  <<: *b\n  b: 3\n')).toEqual({ base: { a: 1, b: 2 }, use: { a: 1, b: 3 } })
  })

  test('the last of two equal keys wins', () => {
    expect(parseYaml('a: 1\na: 2\n')).toEqual({ a: 2 })
  })

  test('alias bombs and deep nesting are refused', () => {
    let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x]\n'
    for (let i = 1; i < 12; i++) bomb += `a${i}: &a${i} [${Array(9).fill(`*a${i - 1}`).join(',')}]\n`
    expect(() => parseYaml(bomb)).toThrow(YamlError)
    expect(() => parseYaml('['.repeat(5000))).toThrow(YamlError)
  })

  test('streams', () => {
    expect(parseYamlDocuments('a: 1\n---\nb: 2\n')).toEqual([{ a: 1 }, { b: 2 }])
  })
})

test('formatYaml quotes what would read as something else', () => {
  expect(formatYaml({ a: 'no', b: '0644', c: 'plain', d: ['x', { z: 1 }], e: {}, f: [] })).toBe('a: \'no\'\nb: \'0644\'\nc: plain\nd:\n  - x\n  - z: 1\ne: {}\nf: []\n')
})

test('a quote that is never closed is reported where the stream ends', () => {
  expect(() => parseYaml('a: 1\nb: "x\nc: 2\n')).toThrow('yaml: line 4: found unexpected end of stream')
})
