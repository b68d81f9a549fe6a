import { describe, expect, test } from 'vitest'
import { JsonPatchError, jsonPatch, mergePatch } from './merge-patch.ts'
import { Schemas } from './schema.ts'
import { StrategicMergeError, strategicMerge } from './strategic-merge.ts'

const schemas = new Schemas({
  Top: ';items [#Item ~m:name ^name;words [s ^;plain [#Item;map {s;strategy #Item ^retainKeys',
  Item: ';name s;value s;other s',
})
const merge = (target: unknown, patch: unknown) => strategicMerge(schemas, 'Top', target, patch)

describe('strategic merge', () => {
  test('lists with a key merge by it, others are put in place', () => {
    expect(merge({ items: [{ name: 'a', value: '1' }, { name: 'b' }], plain: [{ name: 'x' }] }, { items: [{ name: 'a', other: '2' }, { name: 'c' }], plain: [{ name: 'y' }] })).toEqual({
      items: [{ name: 'a', value: '1', other: '2' }, { name: 'c' }, { name: 'b' }],
      plain: [{ name: 'y' }],
    })
  })

  test('directives', () => {
    expect(merge({ items: [{ name: 'a' }, { name: 'b' }] }, { items: [{ name: 'a', $patch: 'delete' }] })).toEqual({ items: [{ name: 'b' }] })
    expect(merge({ items: [{ name: 'a' }] }, { items: [{ $patch: 'replace' }, { name: 'z' }] })).toEqual({ items: [{ name: 'z' }] })
    expect(merge({ words: ['a', 'b'] }, { '$deleteFromPrimitiveList/words': ['a'], words: ['c'] })).toEqual({ words: ['c', 'b'] })
    expect(merge({ strategy: { name: 'x', value: '1' } }, { strategy: { $retainKeys: ['name'], name: 'y' } })).toEqual({ strategy: { name: 'y' } })
    expect(merge({ items: [{ name: 'a' }, { name: 'b' }] }, { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }] })).toEqual({ items: [{ name: 'b' }, { name: 'a' }] })
    expect(merge({ map: { a: '1', b: '2' } }, { map: { a: null } })).toEqual({ map: { b: '2' } })
  })

  test('elements must have the key', () => {
    expect(() => merge({}, { items: [{ value: 'x' }] })).toThrow(StrategicMergeError)
  })
})

test('merge patch', () => {
  expect(mergePatch({ a: { b: 1, c: 2 }, l: [1] }, { a: { b: null, d: 3 }, l: [2] })).toEqual({ a: { c: 2, d: 3 }, l: [2] })
})

test('JSON patch', () => {
  const target = { a: [1, 2], 'x/y': { z: 1 } }
  expect(jsonPatch(target, [{ op: 'add', path: '/a/-', value: 3 }, { op: 'remove', path: '/x~1y/z' }, { op: 'copy', from: '/a/0', path: '/b' }])).toEqual({ a: [1, 2, 3], 'x/y': {}, b: 1 })
  expect(target.a).toEqual([1, 2])
  expect(() => jsonPatch(target, [{ op: 'test', path: '/a/0', value: 9 }])).toThrow(JsonPatchError)
})
