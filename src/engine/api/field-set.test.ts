import { describe, expect, test } from 'vitest'
import { FieldTyper, jsonOfSet, pathText, setOfJson, TypedError } from './field-set.ts'
import { Schemas } from './schema.ts'

const schemas = new Schemas({
  Top: ';labels {s;parts [#Part ~m:name,port;tags [s ~s;plain [s;picker #Picker',
  Part: ';name s;port i =80;value s',
  Picker: '~a;x s',
})
const typer = new FieldTyper(schemas, 'Top')
const json = (object: unknown) => jsonOfSet(typer.fields(object))

describe('field sets', () => {
  test('the fields of an object', () => {
    expect(json({ labels: { a: '1' }, parts: [{ name: 'p', value: 'v' }], tags: ['t'], plain: ['x'], picker: { x: '1' } })).toEqual({
      'f:labels': { 'f:a': {} }, 'f:parts': { 'k:{"name":"p","port":80}': { '.': {}, 'f:name': {}, 'f:value': {} } }, 'f:tags': { 'v:"t"': {} }, 'f:plain': {}, 'f:picker': {},
    })
  })

  test('there and back', () => {
    const fields = { 'f:a': { '.': {}, 'f:b': {} }, 'f:c': { 'f:d': {} } }
    expect(jsonOfSet(setOfJson(fields))).toEqual(fields)
  })

  test('differences', () => {
    const { added, modified, removed } = typer.compare({ labels: { a: '1', b: '1' }, plain: ['x'] }, { labels: { a: '2' }, plain: ['x'], parts: [{ name: 'p' }] })
    expect([...added].map(pathText).sort()).toEqual(['.parts', '.parts[name="p",port=80]', '.parts[name="p",port=80].name'])
    expect([...modified].map(pathText)).toEqual(['.labels.a'])
    expect([...removed].map(pathText)).toEqual(['.labels.b'])
  })

  test('merging keeps what only the live object has', () => {
    expect(typer.merge({ labels: { a: '1' }, parts: [{ name: 'x', port: 80, value: '1' }, { name: 'y', port: 80 }], plain: ['old'] }, { parts: [{ name: 'y', value: '2' }], plain: ['new'] })).toEqual({
      labels: { a: '1' }, parts: [{ name: 'x', port: 80, value: '1' }, { name: 'y', port: 80, value: '2' }], plain: ['new'],
    })
  })

  test('what the type refuses', () => {
    expect(() => typer.fields({ bogus: 1 })).toThrow(new TypedError('.bogus: field not declared in schema'))
    expect(() => typer.fields({ parts: [{ name: 'a' }, { name: 'a', port: 80 }] })).toThrow(new TypedError('.parts: duplicate entries for key [name="a",port=80]'))
  })
})
