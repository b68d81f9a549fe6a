import { expect, test } from 'vitest'
import { SwapAreas, swapHeader, swapSize } from './swap.ts'

test('areas as the kernel lists them', () => {
  const areas = new SwapAreas()
  expect(areas.text).toBe('Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n')
  areas.add('/swap.img', swapSize(swapHeader(2_097_148))!)
  expect(areas.text.split('\n')[1]).toBe('/swap.img                               file\t\t2097148\t\t0\t\t-2')
  areas.remove('/swap.img')
  expect(areas.kilobytes).toBe(0)
  expect(swapSize('hello')).toBeUndefined()
})
