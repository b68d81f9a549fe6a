/** A standby's copies are what a replay from the start gives, to the byte, however the sitting and its copies take turns. */
import { expect, test } from 'vitest'
import { Random } from '#base/random.ts'
import { Sitting } from '#session/sitting.ts'
import { promptBefore, Standby } from '#session/standby.ts'
import { fingerprint, live, sandboxOptions } from './live.ts'

test('a copy that followed is the sitting, and so is the next one', { timeout: 120_000 }, async () => {
  for (let n = 0; n < 6; n++) {
    const dice = new Random(`standby-${n}`)
    const options = sandboxOptions(`b${n}`)
    const sitting = await live(options, dice, 4)
    const standby = new Standby(options, 2)
    for (const command of [undefined, ...sitting.commands]) standby.follow(...promptBefore(sitting, command))
    const expected = fingerprint(await Sitting.replay(options, sitting.inputs, sitting.elapsed))
    for (let i = 0; i < 3; i++) expect(fingerprint(await standby.take(sitting.inputs, sitting.elapsed))).toEqual(expected)
    expect(fingerprint(sitting)).toEqual(expected)
  }
})

test('a copy stands before the first key of the last command and is taken, whenever that was entered', { timeout: 60_000 }, async () => {
  const options = sandboxOptions('keys')
  const sitting = await Sitting.begin(options)
  await sitting.apply({ kind: 'terminal-open', terminal: 'a', columns: 100, rows: 30 })
  await sitting.runner.runFor(500)
  for (const line of ['kubectl get nodes', 'kubectl get pods -A']) {
    for (const data of `${line}\r`) {
      await sitting.runner.runFor(150)
      await sitting.apply({ kind: 'key', terminal: 'a', data })
    }
    await sitting.runner.runFor(3000)
  }
  const [inputs, until] = promptBefore(sitting, sitting.commands.at(-1))
  expect([inputs.length, until]).toEqual([1 + 'kubectl get nodes\r'.length, sitting.inputs[inputs.length]!.at])
  const standby = new Standby(options, 1)
  standby.follow(inputs, until)
  await standby.ready
  const events = (await Sitting.replay(options, inputs, until)).sim.eventsRun
  const taken = await standby.take(sitting.inputs, sitting.elapsed)
  expect(fingerprint(taken)).toEqual(fingerprint(sitting))
  expect(standby.waiting).toBe(0)
  expect(events).toBeLessThan(taken.sim.eventsRun)
})

test('copies come up while the sitting goes on, and neither disturbs the other', { timeout: 60_000 }, async () => {
  const options = sandboxOptions('turns')
  const alone = await live(options, new Random('turns'), 4)
  const sitting = await Sitting.begin(options)
  const standby = new Standby(options, 1)
  standby.follow([], 0)
  await sitting.catchUp(alone.inputs.slice(0, 3), alone.inputs[3]!.at)
  standby.follow(...promptBefore(sitting, sitting.commands.at(-1)))
  await sitting.catchUp(alone.inputs, alone.elapsed)
  expect(fingerprint(sitting)).toEqual(fingerprint(alone))
  expect(fingerprint(await standby.take(sitting.inputs, sitting.elapsed))).toEqual(fingerprint(alone))
})

test('a point before the copies, another beginning and released copies are replayed', { timeout: 60_000 }, async () => {
  const options = sandboxOptions('back')
  const sitting = await live(options, new Random('back'), 3)
  const standby = new Standby(options, 1)
  const [inputs, until] = promptBefore(sitting, sitting.commands[1])
  const early = fingerprint(await Sitting.replay(options, inputs, until))
  standby.follow(sitting.inputs, sitting.elapsed)
  expect(fingerprint(await standby.take(inputs, until))).toEqual(early)

  const narrow = sitting.inputs.map((input) => (input.kind === 'terminal-open' ? { ...input, columns: 40 } : input))
  expect((await standby.take(narrow, sitting.elapsed)).terminals.get('a')!.session.terminal.columns).toBe(40)

  standby.release()
  expect(fingerprint(await standby.take(sitting.inputs, sitting.elapsed))).toEqual(fingerprint(sitting))
})
