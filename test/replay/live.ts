/** Sittings with a learner at random, and what two of them could be told apart by. */
import type { Random } from '#base/random.ts'
import { specOf } from '#session/lab.ts'
import { Sitting, type SittingOptions } from '#session/sitting.ts'
import { drain } from '../world.ts'

export const sandboxOptions = (seed: string): SittingOptions => ({ seed, open: { kind: 'sandbox', id: 'trio', cluster: 'trio' }, spec: specOf('trio'), drain })

/** Everything that a learner could tell two sittings apart by. */
export function fingerprint(sitting: Sitting): unknown {
  return {
    elapsed: sitting.elapsed,
    objects: JSON.stringify(sitting.state.objects()),
    terminals: [...sitting.terminals.values()].map((t) => [t.name, t.output, t.atPrompt]),
    rules: [...sitting.cluster.hosts.values()].map((h) => h.net.netfilter.save(undefined, { counters: true })),
    commands: sitting.commands,
  }
}

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

/** A learner who types `count` commands at random, hurried and slow. */
export async function live(options: SittingOptions, dice: Random, count: number): Promise<Sitting> {
  const sitting = await Sitting.begin(options)
  await sitting.apply({ kind: 'terminal-open', terminal: 'a', columns: 100, rows: 30 })
  await sitting.runner.runFor(500)
  for (let i = 0; i < count; i++) {
    const command = dice.pick(commands)
    const typed = dice.below(command.length)
    await sitting.apply({ kind: 'key', terminal: 'a', data: command.slice(0, typed) })
    await sitting.runner.runFor(dice.below(2000))
    await sitting.apply({ kind: 'key', terminal: 'a', data: `${command.slice(typed)}\r` })
    // Frames of any length: how often the engine is asked to advance must not matter.
    const until = sitting.sim.now + dice.below(15_000)
    while (sitting.sim.now < until) await sitting.runner.runUntil(Math.min(until, sitting.sim.now + 1 + dice.below(3000)))
  }
  return sitting
}
