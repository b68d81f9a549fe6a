import { expect, test } from 'vitest'
import type { Container, Probe } from '#engine/kinds/pod/types.ts'
import { Sim } from '#engine/sim/sim.ts'
import type { ContainerRecord } from '../runtime/containerd.ts'
import { probeTicks, ProbeWorker, type ProbeHost, type ProbeKind } from './probes.ts'

/** When a TCP probe of a container that starts at `started` asks during the first `until` ms; every one is refused. */
function looks(kind: ProbeKind, probe: Probe, started: number, until: number, origin = 0, steps: readonly { readonly at: number; readonly run: (worker: ProbeWorker) => void }[] = []): number[] {
  const sim = new Sim({ seed: 'probes', start: 0 })
  const times: number[] = []
  const tcpConnect = (_to: unknown, handlers: { onError(errno: string): void }) => {
    times.push(sim.now)
    handlers.onError('ECONNREFUSED')
    return { abort() {} }
  }
  const host = { sim, node: { net: { sockets: { tcpConnect } } }, settled: () => {}, unhealthy: () => {}, podIp: () => '10.0.0.1' } as unknown as ProbeHost
  const container: Container = { name: 'c', image: 'i' }
  sim.after(started, () => {
    const record = { id: 'r', state: 'Running', startedAt: started } as unknown as ContainerRecord
    const worker = new ProbeWorker(host, kind, container, record, { ...probe, failureThreshold: 100, tcpSocket: { port: 80 } }, { origin }, false)
    for (const step of steps) sim.after(step.at - started, () => step.run(worker))
  })
  while (sim.nextAt !== undefined && sim.nextAt <= until) sim.step()
  return times
}

test('a probe comes at the ticks of its worker, not when the container starts', () => {
  expect(looks('liveness', { periodSeconds: 5 }, 1300, 16_000)).toEqual([5000, 10_000, 15_000])
  expect(looks('startup', { periodSeconds: 1 }, 1300, 4500, 400)).toEqual([1400, 2400, 3400, 4400])
})

test('initialDelaySeconds counts from the whole second of the start', () => {
  expect(looks('liveness', { periodSeconds: 5, initialDelaySeconds: 5 }, 1300, 16_000)).toEqual([10_000, 15_000])
  expect(looks('liveness', { periodSeconds: 2, initialDelaySeconds: 3 }, 1300, 7000)).toEqual([4000, 6000])
})

test('a look out of turn begins the period anew', () => {
  expect(looks('readiness', { periodSeconds: 10 }, 1300, 25_000, 0, [{ at: 1500, run: (w) => w.trigger() }])).toEqual([1500, 11_500, 21_500])
  expect(looks('readiness', { periodSeconds: 10, initialDelaySeconds: 5 }, 1300, 25_000, 0, [{ at: 1500, run: (w) => w.trigger() }])).toEqual([11_500, 21_500])
})

test('a kubelet that has just started spreads its probes over the period', () => {
  expect(probeTicks({ periodSeconds: 10 }, 60_000, 0, 'uid readiness/c')).toEqual({ origin: 60_000 })
  const { origin } = probeTicks({ periodSeconds: 10 }, 3000, 0, 'uid readiness/c')
  expect(origin).toBeGreaterThanOrEqual(3000)
  expect(origin).toBeLessThan(13_000)
  expect(probeTicks({ periodSeconds: 10 }, 3000, 0, 'uid readiness/c')).toEqual({ origin })
})
