import { describe, expect, test } from 'vitest'
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, parseQuantity, quantityMilliValue, quantityValue } from './quantity.ts'

const q = (text: string) => parseQuantity(text)!

describe('quantities', () => {
  test('canonical form', () => {
    const forms = { '1000m': '1', '0.5': '500m', '1024Ki': '1Mi', '1500Mi': '1500Mi', '2048Mi': '2Gi', '1e3': '1e3', '100k': '100k', '1000k': '1M', '0': '0', '-250m': '-250m', '+3': '+3', '.25': '250m' }
    for (const [given, wanted] of Object.entries(forms)) expect([given, canonicalQuantity(given)]).toEqual([given, wanted])
  })

  test('what is none', () => {
    for (const text of ['', 'x', '1.2.3', '1 Gi', '1gi', '1e', '--1', '1GiB']) expect([text, parseQuantity(text)]).toEqual([text, undefined])
  })

  test('exact sums and comparison', () => {
    expect(formatQuantity(addQuantities(q('250m'), q('1750m')))).toBe('2')
    expect(formatQuantity(addQuantities(q('1Gi'), q('512Mi')))).toBe('1536Mi')
    expect(compareQuantities(q('1G'), q('1Gi'))).toBeLessThan(0)
    expect(compareQuantities(q('0.1'), q('100m'))).toBe(0)
  })

  test('values round up', () => {
    expect(quantityValue(q('1500m'))).toBe(2n)
    expect(quantityMilliValue(q('1.0005'))).toBe(1001n)
    expect(quantityValue(q('1Ki'))).toBe(1024n)
  })
})
