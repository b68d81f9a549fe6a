import { expect, test } from 'vitest'
import { boxTable, humanBytes } from './log.ts'
import { readLine } from './flags.ts'
import { goDuration } from './client.ts'

test('tables: heads in the middle, cells to the right', () => {
  expect(boxTable(['hash', 'total size'], [['fe01', '357 kB'], ['a', '1.2 MB']])).toBe('+------+------------+\n| HASH | TOTAL SIZE |\n+------+------------+\n| fe01 |     357 kB |\n|    a |     1.2 MB |\n+------+------------+\n')
})

test('sizes and durations as Go writes and reads them', () => {
  expect([5, 999, 1000, 20_480, 3_500_000, 2_147_483_648].map(humanBytes)).toEqual(['5 B', '999 B', '1.0 kB', '20 kB', '3.5 MB', '2.1 GB'])
  expect(['5s', '1m30s', '200ms', 'x'].map(goDuration)).toEqual([5000, 90_000, 200, 0])
})

test('flags: values apart or joined, switches, what is not known', () => {
  const table = { endpoints: '127.0.0.1:2379', prefix: false, 'write-out': 'simple' }
  const line = readLine(['etcdctl', '--endpoints', 'a:1,b:2', 'get', '--prefix', '/', '-w=json'], table)
  expect([line.words, line.text('endpoints'), line.on('prefix'), line.text('write-out')]).toEqual([['get', '/'], 'a:1,b:2', true, 'json'])
  expect(() => readLine(['etcdctl', '--nope'], table)).toThrow('unknown flag: --nope')
  expect(() => readLine(['etcdctl', '--endpoints'], table)).toThrow('flag needs an argument: --endpoints')
})
