/**
 * A sitting is a seed and its inputs: replaying them gives the same cluster and the same terminal text to the byte, and a fork does not
 * touch its original.
 */
import { expect, test } from 'vitest'
import { Random } from '#base/random.ts'
import type { SittingInput } from '#contract/session-api.ts'
import { Sitting } from '#session/sitting.ts'
import { fingerprint, live, sandboxOptions } from './live.ts'

test('a hundred random sittings replay to the byte', { timeout: 600_000 }, async () => {
  const seeds = Number(process.env['KUBEDRILL_SITTINGS'] ?? 100)
  for (let n = 0; n < seeds; n++) {
    const dice = new Random(`sitting-${n}`)
    const options = sandboxOptions(`s${n}`)
    const first = await live(options, dice, 2 + dice.below(4))
    const before = fingerprint(first)
    const second = await Sitting.replay(options, JSON.parse(JSON.stringify(first.inputs)) as SittingInput[], first.elapsed)
    expect(fingerprint(second)).toEqual(before)
    expect(fingerprint(first)).toEqual(before)
  }
})

test('a fork goes its own way', { timeout: 60_000 }, async () => {
  const options = sandboxOptions('fork')
  const sitting = await live(options, new Random('fork'), 3)
  const before = fingerprint(sitting)
  const fork = await sitting.fork()
  await fork.command('kubectl create namespace elsewhere && kubectl delete deployment --all')
  await fork.runner.runFor(60_000)
  expect(fingerprint(sitting)).toEqual(before)
  expect(fork.state.get('Namespace', undefined, 'elsewhere')).toBeDefined()
  expect(sitting.state.get('Namespace', undefined, 'elsewhere')).toBeUndefined()
})
