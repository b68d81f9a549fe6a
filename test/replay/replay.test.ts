/**
 * A sitting is a seed and its inputs: replaying them gives the same cluster and the same terminal text to the byte, and a fork does not
 * touch its original.
 */
import { expect, test } from 'vitest'
import { Random } from '#base/random.ts'
import type { SittingInput } from '#contract/session-api.ts'
import { specOf } from '#session/lab.ts'
import { Sitting, type SittingOptions } from '#session/sitting.ts'
import { drain } from '../world.ts'

const commands = [
  'kubectl get pods -A -o wide',
  'kubectl create deployment web --image=nginx:1.27 --replicas=2',
  'kubectl expose deployment web --port=80',
  'kubectl scale deployment web --replicas=3',
  'kubectl delete pod -l app=web --wait=false',
  'kubectl get endpointslices',
  'kubectl run box --image=busybox:1.36 -- sleep 1000',
  'kubectl exec box -- wget -qO- -T 2 web',
  'for i in 1 2 3; do echo $i $RANDOM; done',
  'kubectl get deployment web -o jsonpath={.status}',
  'ssh node01 ip route',
  'kubectl delete deployment web',
  'sleep 20',
  'kubectl gte pods',
]

/** Everything that a learner could tell two sittings apart by. */
function fingerprint(sitting: Sitting): unknown {
  return {
    elapsed: sitting.elapsed,
    objects: JSON.stringify(sitting.state.objects()),
    terminals: [...sitting.terminals.values()].map((t) => [t.name, t.output, t.atPrompt]),
    rules: [...sitting.cluster.hosts.values()].map((h) => h.net.netfilter.save(undefined, { counters: true })),
    commands: sitting.commands,
  }
}

async function live(options: SittingOptions, dice: Random, count: number): Promise<Sitting> {
  const sitting = await Sitting.begin(options)
  await sitting.apply({ kind: 'terminal-open', terminal: 'a', columns: 100, rows: 30 })
  await sitting.runner.runFor(500)
  for (let i = 0; i < count; i++) {
    await sitting.apply({ kind: 'key', terminal: 'a', data: `${dice.pick(commands)}\r` })
    // Frames of any length: how often the engine is asked to advance must not matter.
    const until = sitting.sim.now + dice.below(15_000)
    while (sitting.sim.now < until) await sitting.runner.runUntil(Math.min(until, sitting.sim.now + 1 + dice.below(3000)))
  }
  return sitting
}

test('a hundred random sittings replay to the byte', { timeout: 600_000 }, async () => {
  const seeds = Number(process.env['KUBEDRILL_SITTINGS'] ?? 100)
  for (let n = 0; n < seeds; n++) {
    const dice = new Random(`sitting-${n}`)
    const options: SittingOptions = { seed: `s${n}`, open: { kind: 'sandbox', id: 'trio', cluster: 'trio' }, spec: specOf('trio'), drain }
    const first = await live(options, dice, 2 + dice.below(4))
    const before = fingerprint(first)
    const second = await Sitting.replay(options, JSON.parse(JSON.stringify(first.inputs)) as SittingInput[], first.elapsed)
    expect(fingerprint(second)).toEqual(before)
    expect(fingerprint(first)).toEqual(before)
  }
})

test('a fork goes its own way', { timeout: 60_000 }, async () => {
  const options: SittingOptions = { seed: 'fork', open: { kind: 'sandbox', id: 'trio', cluster: 'trio' }, spec: specOf('trio'), drain }
  const sitting = await live(options, new Random('fork'), 3)
  const before = fingerprint(sitting)
  const fork = await sitting.fork()
  await fork.command('kubectl create namespace elsewhere && kubectl delete deployment --all')
  await fork.runner.runFor(60_000)
  expect(fingerprint(sitting)).toEqual(before)
  expect(fork.state.get('Namespace', undefined, 'elsewhere')).toBeDefined()
  expect(sitting.state.get('Namespace', undefined, 'elsewhere')).toBeUndefined()
})
