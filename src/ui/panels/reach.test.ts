import { expect, test } from 'vitest'
import { reachOf } from './reach.ts'

test('rows go out, columns come in, oneself is left out', () => {
  const subject = (id: string) => ({ id, namespace: 'n', title: id, pods: [`${id}-1`] })
  const cell = (allowed: boolean, why = '') => ({ allowed, why })
  const matrix = { subjects: [subject('a'), subject('b')], ports: [], cells: [[cell(true), cell(false, 'policy x')], [cell(true), cell(true)]] }
  expect(reachOf(matrix, 'n/a-1')).toEqual({ out: [{ title: 'b', namespace: 'n', allowed: false, why: 'policy x' }], in: [{ title: 'b', namespace: 'n', allowed: true, why: '' }] })
  expect(reachOf(matrix, 'n/c-1')).toBeUndefined()
})
