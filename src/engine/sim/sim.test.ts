import { expect, test } from 'vitest'
import fc from 'fast-check'
import { Runner } from './runner.ts'
import { Sim } from './sim.ts'

test('events run in order of time, then of scheduling', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60 }), fc.array(fc.nat(60)), (delays, cancelled) => {
      const sim = new Sim({ seed: 1, start: 1000 })
      const ran: number[] = []
      const timers = delays.map((d, i) => sim.after(d, () => ran.push(i)))
      for (const c of cancelled) sim.cancel(timers[c])
      sim.runUntil(1020)
      const want = delays.map((d, i) => [d, i] as const).filter(([, i]) => !cancelled.includes(i)).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, i]) => i)
      expect(ran).toEqual(want)
      expect(sim.now).toBe(1020)
    }),
  )
})

test('what quiet work causes is quiet, also in the programs that it wakes, until the loop stands still', async () => {
  const sim = new Sim({ seed: 1, start: 0 })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  const seen: string[] = []
  sim.after(10, () => {
    sim.after(1, () => seen.push('caused'))
    sim.woke()
    void Promise.resolve().then(() => sim.after(1, () => seen.push('woken')))
  }, { quiet: true })
  await runner.runUntil(20)
  expect([seen, sim.activity, sim.nextForegroundAt]).toEqual([['caused', 'woken'], 0, undefined])
  sim.after(5, () => seen.push('from outside'))
  expect(sim.nextForegroundAt).toBe(25)
  await runner.runUntil(30)
  expect([seen.at(-1), sim.activity]).toEqual(['from outside', 1])
})

test('quiet work that finds something to change stirs', () => {
  const sim = new Sim({ seed: 1, start: 0 })
  sim.after(1, () => {
    sim.stir()
    sim.after(1, () => undefined)
  }, { quiet: true })
  sim.runUntil(5)
  expect(sim.activity).toBe(2)
})

test('what is parked comes back after the next event that is not quiet', () => {
  const sim = new Sim({ seed: 1, start: 0 })
  const seen: number[] = []
  sim.park(() => seen.push(sim.now))
  const giveUp = sim.park(() => seen.push(-1))
  giveUp()
  sim.after(1, () => undefined, { quiet: true })
  sim.after(2, () => undefined)
  sim.after(3, () => undefined)
  sim.runUntil(5)
  expect(seen).toEqual([2])
})

test('settling waits for what is not background, within the quiet time', async () => {
  const sim = new Sim({ seed: 1, start: 0 })
  const runner = new Runner(sim, () => new Promise((resolve) => setImmediate(resolve)))
  sim.after(2000, () => sim.after(2500, () => undefined))
  sim.after(100, () => undefined, { background: true })
  sim.after(60_000, () => undefined)
  expect(await runner.settle(3000, 100_000)).toBe(true)
  expect(sim.now).toBe(4500)
  expect(await runner.settle(100_000, 10_000)).toBe(false)
})

test('a delay that is no number does not get into the clock', () => {
  const sim = new Sim({ seed: 'nan', start: 1000 })
  const ran: number[] = []
  sim.after(Number.NaN, () => ran.push(sim.now))
  sim.after(5, () => ran.push(sim.now))
  sim.runUntil(2000)
  expect(ran).toEqual([1000, 1005])
})
