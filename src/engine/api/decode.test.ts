import { expect, test } from 'vitest'
import { Decoder, DecodeError } from './decode.ts'
import { Schemas } from './schema.ts'

const decoder = new Decoder(new Schemas({
  'core.v1.Pot': ';apiVersion s;kind s;spec #core.v1.PotSpec ={};when t',
  'core.v1.PotSpec': ';size! i =0;limits {q;parts [#core.v1.Part =null;flag b;maybe b *;secret y;port x',
  'core.v1.Part': ';name s',
}))
const decode = (value: unknown) => decoder.decode('core.v1.Pot', value)

test('unknown fields are found and dropped, always-written ones filled in', () => {
  expect(decode({ kind: 'Pot', spec: { flag: false, maybe: false, nope: 1, parts: [{ name: 'a', x: 1 }] }, bogus: {} })).toEqual({
    object: { kind: 'Pot', spec: { size: 0, maybe: false, parts: [{ name: 'a' }] } },
    unknown: ['spec.nope', 'spec.parts[0].x', 'bogus'],
  })
  expect(decode({}).object).toEqual({ spec: { size: 0, parts: null } })
})

test('quantities become canonical, times whole seconds', () => {
  expect(decode({ spec: { limits: { cpu: 0.5, memory: '1024Mi' } }, when: '2026-01-01T00:00:00.5Z' }).object).toMatchObject({ spec: { limits: { cpu: '500m', memory: '1Gi' } }, when: '2026-01-01T00:00:00Z' })
})

test("type errors have Go's words", () => {
  const fails = (value: unknown, text: string) => {
    expect(() => decode(value)).toThrow(DecodeError)
    expect(() => decode(value)).toThrow(text)
  }
  fails({ spec: { size: 'x' } }, 'json: cannot unmarshal string into Go struct field PotSpec.spec.size of type int32')
  fails({ spec: { size: 1.5 } }, 'json: cannot unmarshal number 1.5 into Go struct field PotSpec.spec.size of type int32')
  fails({ spec: { flag: 'yes' } }, 'of type bool')
  fails({ spec: { secret: 'a$' } }, 'illegal base64 data at input byte 1')
})
