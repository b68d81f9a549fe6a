import { expect, test } from 'vitest'
import { compareDebian, globPattern, satisfies } from './versions.ts'

test('versions in the order of dpkg', () => {
  const order = ['1.0~rc1', '1.0', '1.0-1', '1.0-1.1', '1.0+b1', '1.34.7-1.1', '1.34.10-1.1', '1.35.0-1.1', '1:0.5']
  expect([...order].reverse().sort(compareDebian)).toEqual(order)
})

test('patterns and relations', () => {
  expect(globPattern('1.35.4-*').test('1.35.4-1.1')).toBe(true)
  expect(globPattern('1.35.4').test('1.35.4-1.1')).toBe(false)
  expect([satisfies('1.35.0-1.1', '>= 1.30.0'), satisfies('1.29.0', '>= 1.30.0'), satisfies('1', undefined)]).toEqual([true, false, true])
})
