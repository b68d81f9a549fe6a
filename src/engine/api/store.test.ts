import { describe, expect, test } from 'vitest'
import { Store, type StoreEvent } from './store.ts'
import type { KubeObject } from './types.ts'

const thing = (namespace: string, name: string, extra: object = {}): KubeObject => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name, namespace }, ...extra })

describe('store', () => {
  test('one revision for everything, lists in key order', () => {
    const store = new Store(10)
    store.put('things', thing('b', 'z'))
    store.put('others', thing('a', 'x'))
    store.put('things', thing('a', 'y'))
    store.put('things', thing('b', 'c'))
    expect(store.revision).toBe(14)
    expect(store.list('things').map((o) => `${o.metadata.namespace}/${o.metadata.name}`)).toEqual(['a/y', 'b/c', 'b/z'])
    expect(store.list('things', 'b').map((o) => o.metadata.resourceVersion)).toEqual(['14', '11'])
  })

  test('events carry the object before', () => {
    const store = new Store()
    const events: StoreEvent[] = []
    store.onEvent((e) => events.push(e))
    const first = store.put('things', thing('a', 'x', { n: 1 }))
    const second = store.put('things', thing('a', 'x', { n: 2 }))
    store.remove('things', second)
    expect(events.map((e) => e.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED'])
    expect(events[1]!.old).toBe(first)
    expect(store.get('things', 'a', 'x')).toBeUndefined()
    expect(Number(events[2]!.object.metadata.resourceVersion)).toBe(store.revision)
  })

  test('what happened since a revision, until history is gone', () => {
    const store = new Store()
    store.put('things', thing('a', 'x'))
    const from = store.revision
    store.put('things', thing('a', 'y'))
    expect(store.since('things', from)!.map((e) => e.object.metadata.name)).toEqual(['y'])
    for (let i = 0; i < 4100; i++) store.put('things', thing('a', 'x', { i }))
    expect(store.since('things', from)).toBeUndefined()
  })

  test('a snapshot brings the old state back', () => {
    const store = new Store()
    store.put('things', thing('a', 'x'))
    const snapshot = store.snapshot()
    store.put('things', thing('a', 'y'))
    store.restore(snapshot)
    expect(store.list('things').map((o) => o.metadata.name)).toEqual(['x'])
  })
})
