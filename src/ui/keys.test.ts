import { expect, test } from 'vitest'
import { keyTable, leaderKey } from '#contract/keys.ts'
import { KeyReader, nameKey, offer } from './keys.ts'

const event = (key: string, more: Partial<KeyboardEvent> = {}) => ({ key, code: '', ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...more }) as KeyboardEvent
const leader = event(' ', { code: 'Space', ctrlKey: true, shiftKey: true })

test('no two entries share a key, and none is one that a browser or bash keeps', () => {
  const direct = keyTable.flatMap((e) => (e.key ? [e.key] : []))
  expect(new Set(direct).size).toBe(direct.length)
  expect(new Set(keyTable.map((e) => e.leader)).size).toBe(keyTable.length)
  expect(keyTable.filter((e) => e.key && !e.outsideTerminal && !/^F\d+$/.test(e.key))).toEqual([])
  expect(direct.filter((k) => ['F3', 'F5', 'F11', 'F12'].includes(k))).toEqual([])
})
test('names of keys', () => {
  expect([nameKey(leader), nameKey(event('F9')), nameKey(event('k', { ctrlKey: true })), nameKey(event('?', { shiftKey: true }))]).toEqual([leaderKey, 'F9', 'Ctrl+K', '?'])
})
test('the leader takes one letter; what nobody offers is left alone', () => {
  const done: string[] = []
  const stop = offer({ undo: () => done.push('undo'), search: () => done.push('search') })
  const waits: boolean[] = []
  const reader = new KeyReader((w) => waits.push(w))
  expect([reader.read(leader, true), reader.read(event('u'), true), reader.read(event('u'), true)]).toEqual([true, true, false])
  expect(waits).toEqual([true, false])
  expect(reader.read(event('F9'), true)).toBe(false)
  expect([reader.read(event('k', { ctrlKey: true }), true), reader.read(event('k', { ctrlKey: true }), false)]).toEqual([false, true])
  expect(done).toEqual(['undo', 'search'])
  stop()
  expect(reader.read(event('k', { ctrlKey: true }), false)).toBe(false)
})
