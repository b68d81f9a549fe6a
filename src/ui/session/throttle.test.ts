import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { throttle } from './throttle.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('a steady stream runs once per period, and its last one runs', () => {
  const soon = throttle(100)
  const ran: number[] = []
  for (let t = 0; t < 500; t += 10) {
    soon(() => ran.push(t))
    vi.advanceTimersByTime(10)
  }
  vi.advanceTimersByTime(200)
  expect(ran.length).toBeGreaterThanOrEqual(4)
  expect(ran.length).toBeLessThanOrEqual(6)
  expect(ran.at(-1)).toBe(490)
})
