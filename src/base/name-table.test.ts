import { expect, test } from 'vitest'
import { nameTable } from './name-table.ts'

test('each of the names of a row finds it', () => {
  expect([...nameTable({ 'add -A': 1, list: 2 })]).toEqual([['add', 1], ['-A', 1], ['list', 2]])
})

test('no name is inherited, none stands twice', () => {
  expect(nameTable({ add: 1 }).get('constructor')).toBeUndefined()
  expect(() => nameTable({ 'add -A': 1, 'append -A': 2 })).toThrow('-A stands twice')
})
